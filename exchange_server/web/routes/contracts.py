"""Contracts, their books and trades."""

import zlib

from protocol import codes
from protocol import messages as M
from protocol.book_builder import BookBuilder

from .. import schemas as S
from .. import words
from ..gateway import Gateway
from ..operation import Call, Operation
from ..problems import server_down
from . import paging, shown

CHECKED_LEVELS = 10  # of each side


def checksum(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> int:
    """CRC-32 of the ten best levels of each side as they are written: `price:quantity`, joined by `|`, bids first, the best first."""
    return zlib.crc32("|".join(f"{price}:{qty}" for price, qty in (*bids[:CHECKED_LEVELS], *asks[:CHECKED_LEVELS])).encode())


def levels(definition: M.Definition, found: list[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(words.price(definition, price), words.quantity(definition, qty)) for price, qty in found]


def book_of(gateway: Gateway, definition: M.Definition) -> BookBuilder:
    """A book that is right at this moment. Raises Refusal while there is none."""
    book = gateway.feed.books.get(definition.instrument)
    if book is None or not book.valid:
        raise server_down("the book is being fetched")
    return book


async def contract_list(call: Call) -> S.Contracts:
    gateway, query = call.gateway, call.query
    found = [symbol for symbol in gateway.feed.by_symbol if not query.market or gateway.reference.market_of.get(symbol) == query.market]
    page, cursor = paging.after(sorted(found), query.cursor, query.limit)
    return S.Contracts(contracts=[shown.contract(gateway, gateway.feed.by_symbol[symbol]) for symbol in page], next_cursor=cursor)


async def contract(call: Call) -> S.Contract:
    return shown.contract(call.gateway, call.gateway.definition(call.path["contract"]))


async def book(call: Call) -> S.Book:
    definition = call.gateway.definition(call.path["contract"])
    found = book_of(call.gateway, definition)
    bids, asks = (levels(definition, side) for side in found.depth(max(call.query.depth, CHECKED_LEVELS)))
    depth = call.query.depth
    return S.Book(
        contract=definition.symbol, sequence=found.seq, time=words.time_text(found.time), phase=words.phase(call.gateway.feed.phase_of(definition)),
        bids=bids[:depth], asks=asks[:depth], checksum=checksum(bids, asks),
    )  # fmt: skip


async def trades(call: Call) -> S.Trades:
    feed = call.gateway.feed
    definition = call.gateway.definition(call.path["contract"])
    tape, before = feed.tape(definition.instrument), paging.read_number(call.query.cursor)
    found = tape.before(before, call.query.limit + 1)
    page = found[: call.query.limit]
    shown_trades = [
        S.Trade(
            trade_id=str(one.id), time=words.time_text(one.time), price=words.price(definition, one.price),
            quantity=words.quantity(definition, one.qty), taker_side="buy" if one.taker == codes.BUY else "sell", taken_back=one.id in tape.taken_back,
        )
        for one in page
    ]  # fmt: skip
    cursor = str(page[-1].id) if len(found) > len(page) else None
    return S.Trades(contract=definition.symbol, known_from=words.time_text(feed.known_from), trades=shown_trades, next_cursor=cursor)


OPERATIONS = (
    Operation(
        "list_contracts", "GET", "/v1/contracts", "Contracts, of all markets or of one", S.Contracts, contract_list, query=S.ContractsQuery
    ),
    Operation("get_contract", "GET", "/v1/contracts/{contract}", "One contract", S.Contract, contract),
    Operation("get_book", "GET", "/v1/contracts/{contract}/book", "Its order book (L2)", S.Book, book, query=S.BookQuery),
    Operation("list_trades", "GET", "/v1/contracts/{contract}/trades", "Its last trades, the newest first", S.Trades, trades, query=S.Page),
)
