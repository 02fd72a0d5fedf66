"""The judge compares the clients' own books with the server's. Each check returns sentences; none means no error.

Pure functions over books (books.py) and the server's `accounts` answer (exchange_server/registry/account_view.py), so that tests can give
each of them a lost report, a duplicated fill or a wrong sum (tests/demo/test_judge.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from protocol import codes, numbers

from .books import Books, Fill
from .reports import Contract

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


def client(
    book: Books,
    server: Mapping[str, Any],
    asset: str,
    deposits: Mapping[str, int],
    decimals: Mapping[str, int],
    contracts: Mapping[str, Contract],
) -> list[str]:
    """One client's books against the server's: cash, positions, open orders, numbers, and no request unanswered.
    deposits: of its account, minor units by asset; decimals: by asset."""
    name = book.session
    wrong = list(book.faults)
    if book.fault_count > len(book.faults):
        wrong.append(f"{name}: and {book.fault_count - len(book.faults)} more")
    if book.pending:
        wrong.append(f"{name}: {len(book.pending)} requests have no answer: {_some(book.pending)}")
    account = next((a for a in server["accounts"] if a["name"] == book.account), None)
    if account is None:
        return [*wrong, f"{name}: the server has no account {book.account}"]
    owned = dict(deposits)
    owned[asset] = owned.get(asset, 0) + book.cash
    held = {}
    for symbol, q in book.positions.items():
        base = contracts[symbol].base if symbol in contracts else ""
        if base:
            owned[base] = owned.get(base, 0) + q * contracts[symbol].lot_base
        elif q:
            held[symbol] = q
    for name_of, here_cash in owned.items():
        there_cash = account["cash"].get(name_of, 0)
        if here_cash != there_cash:
            shown = (_money(value, name_of, decimals[name_of]) for value in (here_cash, there_cash))
            wrong.append("{}: cash is {} here and {} at the server".format(name, *shown))
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
        wrong.append(f"{name}: {_money(account['locked'][asset], asset, decimals[asset])} are locked without orders and positions")
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


def settlements(books: list[Books], paid: Mapping[str, int], contracts: Mapping[str, Contract]) -> list[str]:
    """Every position was paid by the result, and none is left. `paid`: ticks per contract by symbol, of events that are final. That what was
    settled is what was held is checked by the books themselves."""
    wrong = []
    for book in books:
        for symbol, (q, amount) in book.settled.items():
            wanted = q * paid[symbol] * contracts[symbol].tick_value if symbol in paid else None
            if amount != wanted:
                told, due = (numbers.unscaled(value or 0, contracts[symbol].asset_decimals) for value in (amount, wanted))
                wrong.append(f"{book.session}: {q} of {symbol} pay {due}, the report says {told}")
        if left := {symbol: q for symbol, q in book.positions.items() if q and symbol in paid}:
            wrong.append(f"{book.session}: still holds {left} after the settlement")
        if opened := sum(order.symbol in paid for order in book.open.values()):
            wrong.append(f"{book.session}: {opened} orders are open after the close")
    return wrong


def evidence(books: list[Books], told: Mapping[str, tuple[str, str, str]]) -> list[str]:
    """What reached the clients with each settlement against the facts: rule, source and SHA-256 by symbol."""
    wrong = []
    for book in books:
        for symbol, found in book.evidence.items():
            if found != told.get(symbol):
                wrong.append(f"{book.session}: {symbol} was settled by {found}, by the facts it is {told.get(symbol)}")
    if not any(book.evidence for book in books):
        wrong.append("no settlement reached a client")
    return wrong[:20]


def corrected(books: list[Books], symbols: Iterable[str]) -> list[str]:
    """Every account that had a position in these contracts, whose payout was changed, got the difference once; nobody else did."""
    wanted = set(symbols)
    wrong = []
    for book in books:
        due = sorted(symbol for symbol, (position, _) in book.settled.items() if symbol in wanted and position)
        if sorted(book.corrected) != due:
            wrong.append(f"{book.session}: was told corrections of {sorted(book.corrected)}, it was paid for {due}")
    if not any(book.corrected for book in books):
        wrong.append("a result was corrected after it was final, and no client was told")
    return wrong


def busts(books: list[Books], trades: list[int]) -> list[str]:
    """Both sides of each of these trades were taken back, and of no other."""
    wanted = Counter({trade: 2 for trade in trades})
    found = Counter(trade for book in books for trade in book.busts)
    wrong = [
        f"trade {trade}: {found[trade]} sides were taken back, expected {wanted[trade]}"
        for trade in sorted(wanted | found)
        if found[trade] != wanted[trade]
    ]
    return wrong if trades else [*wrong, "no trade was taken back"]


def persisted(books: list[Books]) -> list[str]:
    """When markets went live orders lapsed, and those marked persist stayed; that none of these lapsed is checked by the books themselves."""
    wrong = []
    if not sum(book.lapsed for book in books):
        wrong.append("no order lapsed when a market went live")
    if not any(book.stayed for book in books):
        wrong.append("no order marked persist rested beside one that lapsed")
    return wrong


def results(paid: Mapping[str, int], known: Mapping[str, int]) -> list[str]:
    """What the server paid against what was worked out from the facts: ticks by symbol."""
    wrong = [
        f"{symbol} paid {ticks} ticks, by the facts it pays {known[symbol]}" for symbol, ticks in paid.items() if ticks != known[symbol]
    ]
    missing = sorted(known.keys() - paid.keys())
    return wrong + ([f"{len(missing)} contracts were not paid: {', '.join(missing[:SHOWN])}"] if missing else [])


def money(server: Mapping[str, Any], books: list[Books], asset: str, decimals: int) -> list[str]:
    """After the settlement no event holds money: the accounts' cash equals everything that was paid in, of every asset, and fee accounts hold
    the clients' fees. asset: what fees are paid in, with its decimals."""
    wrong = []
    for name, external in server["external"].items():
        cash = sum(account["cash"].get(name, 0) for account in server["accounts"])
        if cash != external:
            shown = (_money(value, name, decimals) if name == asset else str(value) for value in (cash, external))
            wrong.append("the accounts hold {}, {} were paid in".format(*shown))
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
