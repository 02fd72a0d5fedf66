"""Answering a Resume: sends a session's numbered reports again, from the event store."""

from collections.abc import Iterator

import numpy as np

from protocol import codes
from protocol import messages as M
from protocol.framing import frame

from ... import state
from ...core import layout as L
from ...core.layout import plain
from ...journal.event_store import EventsMissing, EventStore
from .encoder import BinaryEncoder

RESUME_EVENTS = 512  # per piece


def reports(session: state.Session, store: EventStore, encoder: BinaryEncoder, begin: int, end: int) -> Iterator[bytes]:
    """Reports begin..end (0: up to now) of a session from the event store, unchanged and in pieces; ResumeDone at the end.

    session: its row in the arena. Everything read here was written in earlier turns, so it is sent after their output, through the
    same gate.
    """
    newest = session.next_out - 1
    last = min(end or newest, newest)
    if begin > newest + 1 or (end and end < begin - 1):
        yield frame(M.encode(M.ResumeDone(begin, end, 0, codes.R_RESUME_UNKNOWN)))
        return
    reason = codes.OK
    numbers: list[int] = []
    try:
        if begin <= last:
            numbers = store.chain(session.last_event, begin, last)[::-1].tolist()
    except EventsMissing as missing:
        if not missing.lost:
            yield frame(M.encode(M.ResumeDone(begin, begin - 1, 0, codes.R_REPORTS_REBUILDING)))
            return
        reason, numbers = missing.reason, missing.found[::-1].tolist()
        first = int(store.rows(numbers[0], 1)[L.EVT_SESSION_NUMBER]) if numbers else last + 1
        text = f"reports {begin} to {first - 1} of this session {missing.what}: {missing}"
        yield frame(M.encode(M.RequestRefused(reason, int(M.Resume.__struct_config__.tag), 0, text[:1000])))  # type: ignore[arg-type]
        begin = first
    sent = begin - 1
    for at in range(0, len(numbers), RESUME_EVENTS):
        rows = []
        try:
            for number in numbers[at : at + RESUME_EVENTS]:
                head = store.rows(number, 1)
                extra = plain.extra_of(int(head[L.EVT_HEAD]))
                rows.append(store.rows(number, 1 + extra) if extra else head)
        except EventsMissing as missing:
            reason = missing.reason
        if rows:
            for to, data in encoder.encode(np.concatenate(rows)):
                if to == session.id:
                    yield data
            sent = int(rows[-1][L.EVT_SESSION_NUMBER])
        if reason and len(rows) < len(numbers[at : at + RESUME_EVENTS]):
            yield frame(M.encode(M.ResumeDone(begin, sent, at + len(rows), reason)))
            return
    yield frame(M.encode(M.ResumeDone(begin, max(last, begin - 1), len(numbers), reason)))
