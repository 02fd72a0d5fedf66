"""The judge compares the clients' own books with the server's. Each check returns sentences; none means no error.

Pure functions over books (books.py) and the server's `accounts` answer (exchange_server/registry/account_view.py), so that tests can give
each of them a lost report, a duplicated fill or a wrong sum (tests/scripts/test_main_job.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from protocol import codes, numbers

from .books import Books, Contract, Fill

SHOWN = 5  # most numbers listed in one sentence


def _some(values: Iterable[int]) -> str:
    found = sorted(values)
    return ", ".join(map(str, found[:SHOWN])) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def whole(name: str, found: Iterable[int], upto: int) -> list[str]:
    """Ids 1..upto, each exactly once."""
    counts = Counter(iter(found))
    wrong = []
    if missing := [n for n in range(1, upto + 1) if n not in counts]:
        wrong.append(f"{len(missing)} {name} of 1..{upto} were lost: {_some(missing)}")
    if doubled := [n for n, count in counts.items() if count > 1]:
        wrong.append(f"{len(doubled)} {name} came more than once: {_some(doubled)}")
    if beyond := [n for n in counts if not 1 <= n <= upto]:
        wrong.append(f"{len(beyond)} {name} are not the server's: {_some(beyond)}")
    return wrong


def trades(books: list[Books], count: int) -> list[str]:
    """Every trade 1..count has exactly two sides in the clients' books, one taker and one maker, and they are mirror images."""
    sides: dict[int, list[Fill]] = {}
    for book in books:
        for fill in book.fills:
            sides.setdefault(fill.trade, []).append(fill)
    wrong = whole("trades", sides, count)
    for trade, fills in sides.items():
        if len(fills) != 2:
            wrong.append(f"trade {trade} has {len(fills)} sides in the clients' books, expected 2")
            continue
        a, b = fills
        if (a.symbol, a.price, a.qty) != (b.symbol, b.price, b.qty) or a.side == b.side or a.taker == b.taker:
            wrong.append(f"trade {trade}: its two sides do not fit each other: {a} and {b}")
    return wrong[:20]


def executions(books: list[Books]) -> list[str]:
    """No execution id appears in two reports."""
    counts = Counter(number for book in books for number in book.execs)
    doubled = [number for number, times in counts.items() if times > 1]
    return [f"{len(doubled)} execution ids came more than once: {_some(doubled)}"] if doubled else []


def orders(books: list[Books], count: int) -> list[str]:
    """Every order id that the server gave is in exactly one client's books, and every ClOrdID has one order."""
    wrong = whole("order ids", (order for book in books for order in book.orders), count)
    for book in books:
        ids = Counter(order.id for order in book.open.values())
        if doubled := [id for id, times in ids.items() if times > 1]:
            wrong.append(f"{book.session}: ClOrdIDs with two open orders: {_some(doubled)}")
    return wrong


def client(book: Books, server: Mapping[str, Any], asset: str, deposit: int, decimals: int) -> list[str]:
    """One client's books against the server's: cash, positions, open orders, numbers, and no request unanswered.
    decimals: the asset's."""
    name = book.session
    wrong = list(book.faults)
    if book.fault_count > len(book.faults):
        wrong.append(f"{name}: and {book.fault_count - len(book.faults)} more")
    if book.pending:
        wrong.append(f"{name}: {len(book.pending)} requests have no answer: {_some(book.pending)}")
    account = next((a for a in server["accounts"] if a["name"] == book.account), None)
    if account is None:
        return [*wrong, f"{name}: the server has no account {book.account}"]
    if account["cash"].get(asset, 0) != deposit + book.cash:
        here_cash, there_cash = (_money(value, asset, decimals) for value in (deposit + book.cash, account["cash"].get(asset, 0)))
        wrong.append(f"{name}: cash is {here_cash} here and {there_cash} at the server")
    held = {symbol: q for symbol, q in book.positions.items() if q}
    for symbol in sorted(held.keys() | account["positions"].keys()):
        here, there = held.get(symbol, 0), account["positions"].get(symbol, 0)
        if here != there:
            wrong.append(f"{name}: {here} contracts of {symbol} here, {there} at the server")
    there_open = {order["order"]: (order["id"], order["leaves"], order["cum"]) for order in account["orders"]}
    here_open = {order.order: (order.id, order.leaves, order.cum) for order in book.open.values()}
    for order in sorted(there_open.keys() | here_open.keys()):
        if there_open.get(order) != here_open.get(order):
            wrong.append(f"{name}: order {order} is {_open(here_open.get(order))} here and {_open(there_open.get(order))} at the server")
    if not there_open and account["locked"].get(asset, 0) and not held:
        wrong.append(f"{name}: {_money(account['locked'][asset], asset, decimals)} are locked without orders and positions")
    session = next((s for s in server["sessions"] if s["name"] == book.session), None)
    if session is None:
        wrong.append(f"{name}: the server does not know the session")
    elif book.next_number < session["next_out"]:
        wrong.append(f"{name}: number {book.next_number} is expected next here, the server has sent up to {session['next_out'] - 1}")
    return wrong


def _money(value: int, asset: str, decimals: int) -> str:
    return f"{numbers.unscaled(value, decimals)} {asset}"


def _open(order: tuple[int, int, int] | None) -> str:
    return "not open" if order is None else f"open as {order[0]} with {order[1]} left and {order[2]} filled"


def settlements(before: list[Books], after: list[Books], paid: Mapping[str, int], contracts: Mapping[str, Contract]) -> list[str]:
    """Every position held at the close was paid once, by the real result, and no position remains. `paid`: ticks per contract by symbol."""
    wrong = []
    for old, new in zip(before, after):
        for symbol, q in old.positions.items():
            if not q or symbol not in paid:
                continue
            wanted = q * paid[symbol] * contracts[symbol].tick_value
            got = new.settled.get(symbol)
            if got != (q, wanted):
                due, told = (numbers.unscaled(value, contracts[symbol].asset_decimals) for value in (wanted, got[1] if got else 0))
                wrong.append(f"{new.session}: {q} of {symbol} pay {due}, the report says {told if got else 'nothing'}")
        for symbol in new.settled.keys() - old.positions.keys():
            wrong.append(f"{new.session}: {symbol} was settled, but none was held")
        if left := {symbol: q for symbol, q in new.positions.items() if q and symbol in paid}:
            wrong.append(f"{new.session}: still holds {left} after the settlement")
        if new.open:
            wrong.append(f"{new.session}: {len(new.open)} orders are open after the close")
    return wrong


def money(server: Mapping[str, Any], books: list[Books], asset: str, decimals: int) -> list[str]:
    """After the settlement no event holds money: the accounts' cash equals everything that was paid in, and fee accounts hold the clients'
    fees."""
    cash = sum(account["cash"].get(asset, 0) for account in server["accounts"])
    wrong = []
    if cash != server["external"][asset]:
        paid_in = _money(server["external"][asset], asset, decimals)
        wrong.append(f"the accounts hold {_money(cash, asset, decimals)}, {paid_in} were paid in")
    clients = {book.account for book in books}
    kept = sum(a["cash"].get(asset, 0) for a in server["accounts"] if a["name"].endswith(FEE_NAMES))
    fees = sum(book.fees for book in books)
    if kept != fees:
        wrong.append(
            f"the fee accounts hold {_money(kept, asset, decimals)}, the {len(clients)} clients paid {_money(fees, asset, decimals)}"
        )
    return wrong


FEE_NAMES = ("FEES",)


def fills(books: list[Books], server: Mapping[str, Any]) -> list[str]:
    """As many fills as the server counted, and as many bought as sold."""
    count = sum(len(book.fills) for book in books)
    wrong = [] if count == server["fills"] else [f"the clients have {count} fills, the server made {server['fills']}"]
    net = sum(f.qty if f.side == codes.BUY else -f.qty for book in books for f in book.fills)
    return wrong + ([f"{net} more contracts were bought than sold"] if net else [])


def best_prices(seen: Mapping[str, list[Any]], markets: list[dict[str, Any]]) -> list[str]:
    """The book built from market data against the server's best prices: {symbol: [bid, ask]}, None if there is none."""
    wrong = []
    for market in markets:
        for contract in market["contracts"]:
            if (here := seen.get(contract["symbol"])) is not None and list(here) != [contract["bid"], contract["ask"]]:
                made, has = (_prices(pair, market["price_decimals"]) for pair in (here, (contract["bid"], contract["ask"])))
                wrong.append(f"{contract['symbol']}: market data made {made}, the server has {has}")
    return wrong


def _prices(pair: Iterable[int | None], decimals: int) -> str:
    bid, ask = ("none" if price is None else numbers.unscaled(price, decimals) for price in pair)
    return f"bid {bid}, ask {ask}"
