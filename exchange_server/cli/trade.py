"""`exos trade`: send an order, cancel, watch the market, or look at one's own state (trade_state.py) through a binary session.

A thin layer on protocol.client. Credentials: --key and --secret, else EXOS_KEY and EXOS_SECRET, else the sandbox's MM1. For a key without a
secret, the sandbox's is used: `<key in lower case>-secret`.
"""

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from protocol import codes, errors, numbers
from protocol.client import Client, ClientError, Disconnected, Order, Refused

from ..exits import Exit
from . import trade_state
from .command import Noun
from .common import FILE, PORT, CommandError, OneOf, Seconds, decimal
from .output import Result, say
from .remote import trusting

TIFS = {"DAY": codes.DAY, "FOK": codes.FOK, "GTC": codes.GTC, "IOC": codes.IOC}
MAX_ID = (1 << 63) - 1
SCOPES = {"account": codes.SCOPE_ACCOUNT, "firm": codes.SCOPE_FIRM, "session": codes.SCOPE_SESSION}
PRICES = "QTY and PRICE are decimal numbers in the instrument's units: 10, 0.05, 0.42."

trade = Noun("trade", "trade through a binary session: send an order, cancel, watch the market, see one's own state")


def session_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say whose session it is; the command gets them as `session`, a function that runs its work in it."""
    given = (
        click.option("--host", metavar="H", default="127.0.0.1", show_default=True, help="Address of the server."),
        click.option("--port", type=PORT, metavar="N", default=9890, show_default=True, help="Port of the binary sessions."),
        click.option(
            "--key", metavar="KEY", envvar="EXOS_KEY", default="MM1", help="Key of the session (EXOS_KEY, else the sandbox's MM1)."
        ),
        click.option(
            "--secret", metavar="S", envvar="EXOS_SECRET", default="", help="Better set in EXOS_SECRET: other users can see a command line."
        ),
        click.option(
            "--key-file",
            metavar="FILE",
            envvar="EXOS_KEY_FILE",
            type=FILE,
            help="A private key, written by exos key create --out (EXOS_KEY_FILE).",
        ),
        click.option(
            "--key-id",
            metavar="ID",
            envvar="EXOS_KEY_ID",
            default="",
            help="Which of the session's keys, if not its own secret (EXOS_KEY_ID).",
        ),
        click.option("--tls", is_flag=True, help="The port is under TLS, with a certificate that this system trusts."),
        click.option(
            "--ca", metavar="FILE", envvar="EXOS_CA", type=FILE, help="The port is under TLS; trust these certificates (EXOS_CA)."
        ),
    )

    @functools.wraps(command)
    def with_session(
        *args: Any, host: str, port: int, key: str, secret: str, key_file: Path | None, key_id: str, tls: bool, ca: Path | None, **rest: Any
    ) -> Any:
        def session(work: Callable[[Client], Awaitable[Result]]) -> Result:
            shared = "" if key_file is not None else secret or f"{key.lower()}-secret"
            trust = trusting(ca) if tls or ca is not None else None
            try:
                client = Client(host, port, key=key, secret=shared, private_key=key_file, key_id=key_id, reconnect_s=0, tls=trust)
            except ClientError as error:
                raise CommandError(Exit.USAGE, str(error)) from error
            return _run(client, work)

        return command(*args, session=session, **rest)

    for option in reversed(given):
        with_session = option(with_session)
    return with_session


REFUSED = (
    codes.R_BAD_CREDENTIALS, codes.R_ALREADY_LOGGED_ON, codes.R_KEY_REVOKED, codes.R_KEY_EXPIRED, codes.R_KEY_ADDRESS, codes.R_KEY_SCOPE,
)  # fmt: skip
Session = Callable[[Callable[[Client], Awaitable[Result]]], Result]


def _run(client: Client, work: Callable[[Client], Awaitable[Result]]) -> Result:
    async def logged_on() -> Result:
        await client.connect()
        try:
            return await work(client)
        finally:
            await client.close()

    try:
        return asyncio.run(logged_on())
    except Refused as error:
        raise CommandError(Exit.FAILED, str(error)) from error
    except Disconnected as error:
        wrong = error.reason in REFUSED
        raise CommandError(Exit.FAILED if wrong else Exit.UNREACHABLE, str(error)) from error
    except ClientError as error:
        raise CommandError(Exit.USAGE, str(error)) from error


def order_arguments(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--account", metavar="NAME", default="", help="An account of the firm by name (default: the session's)."),
        click.option("--persist", is_flag=True, help="Stay in the book when the market goes live, where others lapse."),
        click.option("--post-only", is_flag=True, help="Refuse rather than take."),
        click.option("--tif", type=OneOf(sorted(TIFS)), help="Time in force (default: GTC, a market order IOC)."),
        click.option("--no", is_flag=True, help="Trade the NO side; the price is that of NO."),
        click.argument("price", required=False),
        click.argument("qty"),
        click.argument("symbol"),
        session_options,
    ):
        command = option(command)
    return command


@trade.verb(
    "buy",
    "buy at a price or better; without a price: a market order",
    details=PRICES,
    examples=(
        "exos trade buy WC26-WIN-ESP 10 0.42",
        "exos trade buy BTC-USD 0.05 --key MM2",
        "exos trade buy WC26-WIN-ESP 10 0.42 --persist",
    ),
)
@order_arguments
def buy(session: Session, **order: Any) -> Result:
    return session(lambda client: _order(client, codes.BUY, **order))


@trade.verb(
    "sell",
    "sell at a price or better; without a price: a market order",
    details=PRICES,
    examples=("exos trade sell WC26-WIN-ESP 10 0.43 --key MM2", "exos trade sell WC26-WIN-ESP 10 0.58 --no --post-only"),
)
@order_arguments
def sell(session: Session, **order: Any) -> Result:
    return session(lambda client: _order(client, codes.SELL, **order))


@trade.verb(
    "cancel",
    "cancel one order by its id, or all",
    details='ID is the id that buy or sell printed, or "all".',
    examples=("exos trade cancel 17", "exos trade cancel all --scope firm"),
)
@click.argument("id")
@click.option("--scope", type=OneOf(sorted(SCOPES)), default="session", help='Which orders "all" means (default: session).')
@session_options
def cancel(session: Session, id: str, scope: str) -> Result:
    return session(lambda client: _cancel(client, id, scope))


@trade.verb(
    "watch",
    "show best prices and trades as they arrive, until Ctrl-C",
    details="With --json each line is an object: type prices (bid and ask, each with price and qty, or null) or trade (trade, side of the taker, price, qty), "
    "with time_ns and symbol.",
    examples=(
        "exos trade watch WC26-WIN-ESP BTC-USD --key MM3",
        "exos trade watch BTC-USD --seconds 10",
        "exos trade watch BTC-USD --json",
    ),
    as_json=False,
)
@click.argument("symbol", nargs=-1, required=True)
@click.option("--seconds", type=Seconds(), metavar="S", default=0.0, help="Stop after this many seconds (0: never).")
@click.option("--json", "as_json", is_flag=True, help="Write JSON objects, one per line.")
@session_options
def watch(session: Session, symbol: tuple[str, ...], seconds: float, as_json: bool) -> Result:
    return session(lambda client: _watch(client, list(symbol), seconds, as_json))


async def _order(
    client: Client,
    side: int,
    symbol: str,
    qty: str,
    price: str | None,
    no: bool,
    tif: str | None,
    post_only: bool,
    persist: bool,
    account: str,
) -> Result:
    """Send the order, wait for its immediate effects, print its state."""
    market = price is None
    order = client.place(
        symbol,
        side,
        client.lots(symbol, qty),
        0 if price is None else client.ticks(symbol, price),
        contract_side=codes.NO if no else codes.YES,
        type=codes.MARKET if market else codes.LIMIT,
        tif=TIFS[tif] if tif else codes.IOC if market else codes.GTC,
        flags=(codes.FLAG_POST_ONLY if post_only else 0) | (codes.FLAG_PERSIST if persist else 0),
        account=account or 0,
    )
    await client.accepted(order)
    if order.open:
        await client.status(order)  # its answer comes after all immediate effects of the order
    say(_line(client, symbol, order))
    return Result(_data(client, symbol, order))


def _data(client: Client, symbol: str, order: Order) -> dict[str, Any]:
    """An order for --json, in the instrument's units."""
    definition = client.definitions[order.instrument]

    def qty(lots: int) -> str:
        return decimal(lots, definition.qty_decimals)

    return {
        "id": order.id,
        "symbol": symbol,
        "side": "buy" if order.side == codes.BUY else "sell",
        "contract_side": "no" if order.contract_side == codes.NO else "yes",
        "price": client.price_text(order.instrument, order.price) if order.price else None,
        "qty": qty(order.qty),
        "filled": qty(order.cum),
        "open": qty(order.leaves) if order.open else qty(0),
        "fee": decimal(order.fee, definition.asset_decimals),
        "fee_asset": definition.asset,
        "reason": order.reason,
    }


def _line(client: Client, symbol: str, order: Order) -> str:
    """An order in one line: id, terms, state."""
    definition = client.definitions[order.instrument]

    def qty(lots: int) -> str:
        return decimal(lots, definition.qty_decimals)

    side = ("buy" if order.side == codes.BUY else "sell") + (" NO" if order.contract_side == codes.NO else "")
    at = f" at {client.price_text(order.instrument, order.price)}" if order.price else ""
    parts = [f"order {order.id}: {side} {qty(order.qty)} {symbol}{at}", f"{qty(order.cum)} filled"]
    if order.cum:
        average = decimal(order.notional * 10**4 // order.cum, definition.price_decimals + 4)  # four more digits than a price
        parts[-1] += f" at {average} on average, fee {decimal(order.fee, definition.asset_decimals)} {definition.asset}"
    if order.open:
        parts.append(f"{qty(order.leaves)} open")
    elif order.reason:
        parts.append(errors.text(order.reason))
    return ", ".join(parts)


async def _cancel(client: Client, given: str, scope: str) -> Result:
    if given == "all":
        count = await client.mass_cancel(SCOPES[scope])
        say(f"{count} orders cancelled")
        return Result({"cancelled": count})
    try:
        id = numbers.whole(given, "order id", 1, MAX_ID)
    except numbers.NotANumber as error:
        raise CommandError(Exit.USAGE, f'{error}; or "all"') from None
    report = await client.cancel(id)
    if not hasattr(report, "cum"):
        say(f"order {id} was already cancelled")
        return Result({"id": id, "cancelled": 0})
    definition = client.definitions.get(report.instrument)
    filled = decimal(report.cum, definition.qty_decimals if definition else 0)
    say(f"order {id} cancelled, {filled} filled")
    return Result({"id": id, "cancelled": 1, "filled": filled})


Tell = Callable[..., str]  # tell(time in ns, instrument, (best bid, best ask) or None, (trade, price, lots, side of the taker))


def _as_lines(client: Client, names: dict[int, str]) -> Tell:
    """What is told of an instrument, for people."""
    width = max(map(len, names.values()))

    def side(instrument: int, best: tuple[int, int] | None) -> str:
        if best is None:
            return "-".rjust(22)
        places = client.definitions[instrument].qty_decimals
        return f"{decimal(best[1], places)} @ {client.price_text(instrument, best[0])}".rjust(22)

    def tell(time: int, instrument: int, top: Any, trade: Any = None) -> str:
        begin = f"{_clock(time)}  {names[instrument]:{width}}  "
        if trade is None:
            return f"{begin}{side(instrument, top[0])} |{side(instrument, top[1])}"
        number, price, lots, taker = trade
        what = "bought" if taker == codes.BUY else "sold"
        places = client.definitions[instrument].qty_decimals
        return f"{begin}{what} {decimal(lots, places)} @ {client.price_text(instrument, price)} (trade {number})"

    return tell


def _as_objects(client: Client, names: dict[int, str]) -> Tell:
    """The same as JSON objects: {"type": "prices", "time_ns", "symbol", "bid": {"price", "qty"} or null, "ask"}, and {"type": "trade", "time_ns",
    "symbol", "trade", "side", "price", "qty"}, `side` of the taker. Prices and quantities are texts in the instrument's units."""

    def level(instrument: int, best: tuple[int, int] | None) -> Any:
        if best is None:
            return None
        return {"price": client.price_text(instrument, best[0]), "qty": decimal(best[1], client.definitions[instrument].qty_decimals)}

    def tell(time: int, instrument: int, top: Any, trade: Any = None) -> str:
        about = {"time_ns": time, "symbol": names[instrument]}
        if trade is None:
            return json.dumps({"type": "prices", **about, "bid": level(instrument, top[0]), "ask": level(instrument, top[1])})
        number, price, lots, taker = trade
        side = "buy" if taker == codes.BUY else "sell"
        return json.dumps({"type": "trade", **about, "trade": number, "side": side, **level(instrument, (price, lots))})

    return tell


async def _watch(client: Client, symbols: list[str], seconds: float, as_json: bool) -> Result:
    """Write one line per change of a best price and one per trade; as_json: each a JSON object."""
    books = await client.subscribe_many([*symbols])
    names = {book.instrument: symbol for book, symbol in zip(books, symbols)}
    tell = _as_objects(client, names) if as_json else _as_lines(client, names)
    shown: dict[int, Any] = {}

    def show(book: Any) -> None:
        top = (book.best_bid, book.best_ask)
        if shown.get(book.instrument) != top:
            shown[book.instrument] = top
            say(tell(book.time, book.instrument, top))

    for book in books:
        show(book)

    async def follow() -> None:
        async for message in client.market_data():
            instrument = getattr(message, "instrument", 0)
            if instrument not in names:
                continue
            for trade in getattr(message, "trades", ()):
                say(tell(message.time, instrument, None, trade))
            if client.books[instrument].valid:
                show(client.books[instrument])

    try:
        await asyncio.wait_for(follow(), seconds or None)
    except TimeoutError:
        return Result()
    raise CommandError(Exit.UNREACHABLE, "the server ended the session")


def _clock(ns: int) -> str:
    at = datetime.fromtimestamp(ns // 10**9, UTC)
    return f"{at:%H:%M:%S}.{ns // 10**6 % 1000:03}"


trade_state.add(trade, session_options)
