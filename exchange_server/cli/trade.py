"""`exos trade buy|sell|cancel|watch`: send an order, cancel, or watch the market through a binary session.

A thin layer on protocol.client. Credentials: --key and --secret, else EXOS_KEY and EXOS_SECRET, else the sandbox's MM1. For a key without a
secret, the sandbox's is used: `<key in lower case>-secret`.
"""

import argparse
import asyncio
import os
from datetime import UTC, datetime
from typing import Any

from protocol import codes, errors, numbers
from protocol.client import Client, ClientError, Disconnected, Order, Refused

from ..exits import Exit
from .common import CommandError, decimal, port, say, seconds

TIFS = {"DAY": codes.DAY, "GTC": codes.GTC, "IOC": codes.IOC, "FOK": codes.FOK}
MAX_ID = (1 << 63) - 1
SCOPES = {"session": codes.SCOPE_SESSION, "account": codes.SCOPE_ACCOUNT, "firm": codes.SCOPE_FIRM}


def add(commands: Any) -> None:
    parser = commands.add_parser("trade", help="trade through a binary session: send an order, cancel, or watch the market")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="buy|sell|cancel|watch")
    for name in ("buy", "sell"):
        order = verbs.add_parser(name, help=f"{name} at a price or better; without a price: a market order")
        order.add_argument("symbol")
        order.add_argument("qty", help="a decimal number in the instrument's units: 10, or 0.05 for BTC-USD")
        order.add_argument("price", nargs="?", help="a decimal number in the instrument's units: 0.42")
        order.add_argument("--no", action="store_true", help="trade the NO side; the price is that of NO")
        order.add_argument("--tif", choices=sorted(TIFS), help="time in force (default: GTC, a market order IOC)")
        order.add_argument("--post-only", action="store_true", help="refuse rather than take")
        order.add_argument("--account", default="", help="an account of the firm by name (default: the session's)")
        order.set_defaults(run=run, act=_order)
    cancel = verbs.add_parser("cancel", help="cancel one order by its id, or all")
    cancel.add_argument("id", help='the id that buy or sell printed, or "all"')
    cancel.add_argument("--scope", choices=sorted(SCOPES), default="session", help='which orders "all" means (default: session)')
    cancel.set_defaults(run=run, act=_cancel)
    watch = verbs.add_parser("watch", help="show best prices and trades as they arrive, until Ctrl-C")
    watch.add_argument("symbol", nargs="+")
    watch.add_argument("--seconds", type=seconds, default=0.0, help="stop after this many seconds (0: never)")
    watch.set_defaults(run=run, act=_watch)
    for verb in verbs.choices.values():
        verb.add_argument("--host", default="127.0.0.1")
        verb.add_argument("--port", type=port, default=9890, help="of the binary sessions (default: 9890)")
        verb.add_argument("--key", default=os.environ.get("EXOS_KEY", "MM1"))
        verb.add_argument(
            "--secret", default=os.environ.get("EXOS_SECRET", ""), help="better set in EXOS_SECRET: other users can see a command line"
        )


def run(args: argparse.Namespace) -> int:
    try:
        return asyncio.run(_session(args))
    except Refused as error:
        raise CommandError(Exit.FAILED, str(error)) from error
    except Disconnected as error:
        wrong = error.reason in (codes.R_BAD_CREDENTIALS, codes.R_ALREADY_LOGGED_ON)
        raise CommandError(Exit.FAILED if wrong else Exit.UNREACHABLE, str(error)) from error
    except ClientError as error:
        raise CommandError(Exit.USAGE, str(error)) from error


async def _session(args: argparse.Namespace) -> int:
    secret = args.secret or f"{args.key.lower()}-secret"
    client = Client(args.host, args.port, key=args.key, secret=secret, reconnect_s=0)
    await client.connect()
    try:
        return await args.act(client, args)
    finally:
        await client.close()


async def _order(client: Client, args: argparse.Namespace) -> int:
    """Send the order, wait for its immediate effects, print its state."""
    market = args.price is None
    qty = client.lots(args.symbol, args.qty)
    price = 0 if market else client.ticks(args.symbol, args.price)
    tif = TIFS[args.tif] if args.tif else codes.IOC if market else codes.GTC
    order = client.place(
        args.symbol,
        codes.BUY if args.verb == "buy" else codes.SELL,
        qty,
        price,
        contract_side=codes.NO if args.no else codes.YES,
        type=codes.MARKET if market else codes.LIMIT,
        tif=tif,
        flags=codes.FLAG_POST_ONLY if args.post_only else 0,
        account=args.account or 0,
    )
    await client.accepted(order)
    if order.open:
        await client.status(order)  # its answer comes after all immediate effects of the order
    say(_line(client, args.symbol, order))
    return Exit.OK


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


async def _cancel(client: Client, args: argparse.Namespace) -> int:
    if args.id == "all":
        count = await client.mass_cancel(SCOPES[args.scope])
        say(f"{count} orders cancelled")
        return Exit.OK
    try:
        id = numbers.whole(args.id, "order id", 1, MAX_ID)
    except numbers.NotANumber as error:
        raise CommandError(Exit.USAGE, f'{error}; or "all"') from None
    report = await client.cancel(id)
    if not hasattr(report, "cum"):
        say(f"order {id} was already cancelled")
        return Exit.OK
    definition = client.definitions.get(report.instrument)
    say(f"order {id} cancelled, {decimal(report.cum, definition.qty_decimals if definition else 0)} filled")
    return Exit.OK


async def _watch(client: Client, args: argparse.Namespace) -> int:
    """Print one line per change of a best price and one per trade."""
    books = await client.subscribe_many(list(args.symbol))
    names = {book.instrument: symbol for book, symbol in zip(books, args.symbol)}
    width = max(map(len, args.symbol))
    shown: dict[int, Any] = {}

    def side(instrument: int, best: tuple[int, int] | None) -> str:
        if best is None:
            return "-".rjust(22)
        places = client.definitions[instrument].qty_decimals
        return f"{decimal(best[1], places)} @ {client.price_text(instrument, best[0])}".rjust(22)

    def show(book: Any) -> None:
        top = (book.best_bid, book.best_ask)
        if shown.get(book.instrument) != top:
            shown[book.instrument] = top
            say(f"{_clock(book.time)}  {names[book.instrument]:{width}}  {side(book.instrument, top[0])} |{side(book.instrument, top[1])}")

    for book in books:
        show(book)

    async def follow() -> None:
        async for message in client.market_data():
            instrument = getattr(message, "instrument", 0)
            if instrument not in names:
                continue
            for trade, price, lots, taker in getattr(message, "trades", ()):
                places = client.definitions[instrument].qty_decimals
                what = "bought" if taker == codes.BUY else "sold"
                say(
                    f"{_clock(message.time)}  {names[instrument]:{width}}  {what} {decimal(lots, places)} @ "
                    f"{client.price_text(instrument, price)} (trade {trade})"
                )
            if client.books[instrument].valid:
                show(client.books[instrument])

    try:
        await asyncio.wait_for(follow(), args.seconds or None)
    except TimeoutError:
        return Exit.OK
    raise CommandError(Exit.UNREACHABLE, "the server ended the session")


def _clock(ns: int) -> str:
    at = datetime.fromtimestamp(ns // 10**9, UTC)
    return f"{at:%H:%M:%S}.{ns // 10**6 % 1000:03}"
