"""Answering a FillsRequest: the fills among a session's numbered reports again, from the event store."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from protocol import codes
from protocol import messages as M
from protocol.framing import frame

from ... import state
from ...core import layout as L
from ...core.layout import plain
from ...journal.event_store import EventsMissing, EventStore
from ..own_state import NOT_YET
from .encoder import BinaryEncoder

LOOKED_AT = 1024  # reports in one step
SENT = 256  # fills in one piece


def fills(session: state.Session, store: EventStore, encoder: BinaryEncoder, message: M.FillsRequest) -> Iterator[bytes]:
    """The pieces: fills begin..end with a trade id above `after_trade`, oldest first, as they were; FillsDone at the end.

    The reports are linked from the newest to the oldest, so the fills are found in that order, some in each turn, and then sent."""
    newest = session.next_out - 1
    begin, last = message.begin, min(message.end or newest, newest)
    if begin > newest + 1 or (message.end and message.end < begin - 1):
        yield frame(M.encode(M.FillsDone(message.request, begin, message.end, 0, codes.R_RESUME_UNKNOWN)))
        return
    found: list[int] = []
    reason = codes.OK
    at, upto = session.last_event, last
    while at and upto >= begin:
        first = max(begin, upto - LOOKED_AT + 1)
        try:
            numbers = store.chain(at, first, upto).tolist()
            if not numbers:
                break
            rows = [store.rows(number, 1) for number in numbers]
        except EventsMissing as missing:
            reason = missing.reason
            begin = upto + 1
            break
        fresh = [n for n, row in zip(numbers, rows, strict=True) if _wanted(row, message.after_trade)]
        found += fresh
        if message.after_trade and any(_is_fill(row) and row[L.EVT_TRADE] <= message.after_trade for row in rows):
            break  # trade ids grow: all older fills are at or below it
        at, upto = int(rows[-1][L.EVT_PREVIOUS]), first - 1
        if upto >= begin:
            yield NOT_YET  # so long a history is looked through step by step
    found.reverse()
    sent = last_sent = 0
    try:
        for begun in range(0, len(found), SENT):
            data = [_whole(store, number) for number in found[begun : begun + SENT]]
            yield b"".join(out for to, out in encoder.encode(np.concatenate(data)) if to == session.id)
            sent += len(data)
            last_sent = int(data[-1][L.EVT_SESSION_NUMBER])
    except EventsMissing as missing:
        reason = missing.reason
        last = last_sent or begin - 1
    yield frame(M.encode(M.FillsDone(message.request, begin, max(last, begin - 1), sent, reason)))


def _is_fill(row: NDArray[np.int64]) -> bool:
    return bool(plain.kind_of(int(row[L.EVT_HEAD])) == codes.E_FILL)


def _wanted(row: NDArray[np.int64], after_trade: int) -> bool:
    return _is_fill(row) and int(row[L.EVT_TRADE]) > after_trade


def _whole(store: EventStore, number: int) -> NDArray[np.int64]:
    """An event with its extra rows."""
    row = store.rows(number, 1)
    extra = plain.extra_of(int(row[L.EVT_HEAD]))
    return store.rows(number, 1 + extra) if extra else row
