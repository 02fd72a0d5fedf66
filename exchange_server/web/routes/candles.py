"""Statistics of the last day, and candles. This process makes both from the trades that it sees, and says since when it sees them."""

import time

from .. import schemas as S
from .. import words
from ..operation import Call, Operation
from ..problems import bad_field


def _given(text: str, name: str) -> int:
    """A time of the query in ns; "": 0. Raises Refusal."""
    try:
        return words.time_ns(text) if text else 0
    except ValueError as error:
        raise bad_field(str(error), f"?{name}") from None


async def candles(call: Call) -> S.Candles:
    feed, query = call.gateway.feed, call.query
    definition = call.gateway.definition(call.path["contract"])
    start, end = _given(query.start, "start"), _given(query.end, "end")
    if end and end <= start:
        raise bad_field("end must be after start", "?end")
    found = feed.tape(definition.instrument).candles(query.interval, start, end, query.limit)
    return S.Candles(
        contract=definition.symbol, interval=query.interval, known_from=words.time_text(feed.known_from),
        gaps=[S.Gap(start=words.time_text(a), end=words.time_text(b)) for a, b in feed.gaps if b >= start and (not end or a < end)],
        candles=[
            S.Candle(
                time=words.time_text(one.start), open=words.price(definition, one.open), high=words.price(definition, one.high),
                low=words.price(definition, one.low), close=words.price(definition, one.close), volume=words.quantity(definition, one.volume),
                trades=one.trades,
            )
            for one in found
        ],
    )  # fmt: skip


async def statistics(call: Call) -> S.Statistics:
    feed = call.gateway.feed
    definition = call.gateway.definition(call.path["contract"])
    book, day = feed.books.get(definition.instrument), feed.tape(definition.instrument).day(time.time_ns())
    bid, ask = (book.best_bid, book.best_ask) if book is not None else (None, None)
    last = book.last if book is not None else 0
    return S.Statistics(
        contract=definition.symbol, known_from=words.time_text(feed.known_from), last=words.maybe_price(definition, last),
        change=words.price(definition, last - day.first) if day.trades and last else None, high=words.maybe_price(definition, day.high),
        low=words.maybe_price(definition, day.low), volume=words.quantity(definition, day.volume), trades=day.trades,
        bid=words.price(definition, bid[0]) if bid else None, ask=words.price(definition, ask[0]) if ask else None,
    )  # fmt: skip


OPERATIONS = (
    Operation("get_statistics", "GET", "/v1/contracts/{contract}/statistics", "Its last 24 hours", S.Statistics, statistics),
    Operation(
        "list_candles", "GET", "/v1/contracts/{contract}/candles", "Its candles, the oldest first", S.Candles, candles, query=S.CandlesQuery
    ),
)
