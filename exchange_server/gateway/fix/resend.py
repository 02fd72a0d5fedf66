"""Answering ResendRequests from the event store, in pieces.

Application messages and Rejects go out again with 43=Y, 122 and a byte-identical body; everything else is gap-filled. Nothing outside the
requested ranges is sent, and the last gap fill of a range points at end + 1 at most. Only old numbers are sent: nothing here uses a new number.
Overlapping requests are merged: a number that is still to be sent for one request is not sent again for the other.

If the event store is rebuilding reports, the resend waits for them (`waiting`). Reports that are lost are gap-filled like administrative
messages; `notice` names them, and the connection sends it as News.
"""

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from protocol import codes
from protocol.fix_messages import build, format_timestamp
from protocol.fix_tables import ADMIN_TYPES, FIX44

from ...core import layout as L
from ...core.layout import plain
from ...journal.event_store import EventsMissing
from .encoder import FixEncoder
from .own_state import is_state

PIECE = 256  # events in one piece
RANGES_MAX = 16  # waiting ranges at which the connection stops reading until some are done
RANGES_KEPT = 4096  # the same while waiting for the event store
NEWEST = 1 << 62  # as the end of a range: the newest number at the time the range is started
REPORTS = frozenset(
    (
        codes.E_ACCEPTED,
        codes.E_REJECTED,
        codes.E_FILL,
        codes.E_CANCELED,
        codes.E_REPLACED,
        codes.E_CANCEL_REJECT,
        codes.E_EXPIRED,
        codes.E_STATUS,
        codes.E_MASS_DONE,
        codes.E_SETTLED,
        codes.E_REVERSED,
        codes.E_BUST,
        codes.E_CORRECTED,
        codes.E_CONTRACT,
    )
)
_ADMIN_SENT = frozenset(int.from_bytes(t.encode(), "little") for t in ADMIN_TYPES if t != "3")


def of_state(rows: NDArray[np.int64]) -> bool:
    """Is this E_SENT row (with its extra rows) an answer about own state? It was of its moment, and is not sent again."""
    return is_state(int(rows[L.EVT_MSG_TYPE]), rows[L.EVT_WORDS : L.EVT_WORDS + 1].tobytes())


class ResendStore(Protocol):
    """What a resend needs from the event store. All methods raise EventsMissing for events that cannot be read."""

    version: int  # changes when missing events may have become readable

    def chain(self, last_number: int, begin: int, end: int) -> NDArray[np.int64]:
        """Event numbers of one session for the session numbers begin..end, newest first."""

    def row(self, number: int) -> NDArray[np.int64]:
        """One event: EVT_WORDS words."""

    def rows(self, number: int, count: int) -> NDArray[np.int64]:
        """`count` events from `number` on, flat."""


class ResendJob:
    """The resend of one range. store: `chain` and `rows` of the event store; last_event: the session's newest event; decimals: of the session's
    timestamps."""

    def __init__(
        self, store: ResendStore, encoder: FixEncoder, last_event: int, begin: int, end: int, our: str, peer: str, decimals: int = 3
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._numbers: NDArray[np.int64] | None = None
        self._last_event = last_event
        self._at = 0
        self._next = begin
        self._end = end
        self._names = our, peer
        self._decimals = decimals
        self._seen = -1  # version of the store when it last lacked what is needed
        self._told = False
        self.done = False
        self.notice = ""  # text to be sent to the peer, once
        self._find()

    @property
    def waiting(self) -> bool:
        """True: nothing can be done until the store changes."""
        return self._seen == self._store.version

    def _find(self) -> None:
        try:
            self._numbers = np.asarray(self._store.chain(self._last_event, self._next, self._end))[::-1]
        except EventsMissing as missing:
            if not missing.lost:
                self._wait(missing)
                return
            self._numbers = missing.found[::-1]
            self._lose(
                missing, int(self._store.rows(int(self._numbers[0]), 1)[L.EVT_SESSION_NUMBER]) if len(self._numbers) else self._end + 1
            )

    def _wait(self, missing: EventsMissing) -> None:
        self._seen = self._store.version
        if not self._told:
            self._told = True
            self.notice = f"the answer to your ResendRequest from {self._next} to {self._end} is delayed: {missing}"

    def _lose(self, missing: EventsMissing, first_kept: int) -> None:
        self.notice = f"messages {self._next} to {first_kept - 1} cannot be resent: {missing}. Ask for the state of your orders"

    @property
    def rest(self) -> tuple[int, int]:
        """(first, last) of the numbers still to be sent; none if first is above last."""
        return (self._end + 1 if self.done else self._next), self._end

    def piece(self, now_ns: int) -> bytes:
        """The next messages, as bytes; sets `done` after the last ones."""
        if self._numbers is None and not self.waiting:
            self._find()
        if self._numbers is None or self.waiting:
            return b""
        out: list[bytes] = []
        run: list[NDArray[np.int64]] = []
        stop = min(self._at + PIECE, len(self._numbers))
        for place, number in enumerate(self._numbers[self._at : stop].tolist(), self._at):
            try:
                row = self._store.rows(number, 1)
                head = int(row[L.EVT_HEAD])
                whole = self._store.rows(number, 1 + plain.extra_of(head)) if plain.extra_of(head) else row
            except EventsMissing as missing:
                if missing.lost:
                    self.notice = f"a message after {self._next - 1} cannot be resent: {missing}. Ask for the state of your orders"
                    continue
                self._wait(missing)
                stop = place
                break
            seq = int(row[L.EVT_SESSION_NUMBER])
            kind = plain.kind_of(head)
            if kind not in REPORTS and (kind != codes.E_SENT or int(row[L.EVT_MSG_TYPE]) in _ADMIN_SENT or of_state(whole)):
                continue  # administrative: its number is gap-filled before the next application message or at the end
            if seq > self._next:
                self._flush(run, out, now_ns)
                out.append(self._gap(self._next, seq, now_ns))
            run.append(whole)
            self._next = seq + 1
        self._at = stop
        self._flush(run, out, now_ns)
        if stop == len(self._numbers):
            self.done = True
            if self._next <= self._end:
                out.append(self._gap(self._next, self._end + 1, now_ns))
        return b"".join(out)

    def _flush(self, run: list[NDArray[np.int64]], out: list[bytes], now_ns: int) -> None:
        if run:
            out.append(self._encoder.resend(np.ascontiguousarray(np.concatenate(run)), now_ns))
            run.clear()

    def _gap(self, seq: int, new: int, now_ns: int) -> bytes:
        time = format_timestamp(now_ns, self._decimals)
        return build(FIX44, "4", *self._names, seq, time, b"123=Y\x0136=%d\x01" % new, b"43=Y\x01122=%s\x01" % time)


class Resends:
    """The resends that one connection still owes: the range being sent and the waiting ranges, none of which overlap.

    told: (first, last) of the numbers that the peer got by a resend or, judging by its requests, had before; read and reset by the connection.
    """

    def __init__(self, store: ResendStore, encoder: FixEncoder) -> None:
        self._store = store
        self._encoder = encoder
        self._job: ResendJob | None = None
        self._begun = 0  # first number of the range being sent
        self._waiting: deque[tuple[int, int]] = deque()
        self.told: tuple[int, int] | None = None
        self.notice = ""  # text to be sent to the peer as News; read and reset by the connection

    def __bool__(self) -> bool:
        return self._job is not None or bool(self._waiting)

    @property
    def waiting(self) -> bool:
        """True: nothing can be done until the event store changes."""
        return self._job is not None and self._job.waiting

    @property
    def many(self) -> bool:
        """True: too many ranges wait to read on. The limit is higher while the event store is rebuilt, so the session's orders continue."""
        return len(self._waiting) >= (RANGES_KEPT if self.waiting else RANGES_MAX)

    def clear(self) -> None:
        """The numbers were restarted."""
        self._job = None
        self._waiting.clear()
        self.told = None
        self.notice = ""

    def ask(self, begin: int, end: int) -> None:
        """The peer requests begin..end (0: up to the newest): add the numbers that are not already waiting."""
        parts = [(begin, end or NEWEST)]
        waiting = list(self._waiting) + ([self._job.rest] if self._job is not None else [])
        for first, last in waiting:
            left = []
            for low, high in parts:
                if last < low or high < first:
                    left.append((low, high))
                    continue
                left += [(low, first - 1)] if low < first else []
                left += [(last + 1, high)] if last < high else []
            parts = left
        self._waiting.extend(parts)

    def piece(self, now_ns: int, last_event: int, last_sent: int, our: str, peer: str, decimals: int) -> bytes:
        """The next messages of the oldest range."""
        if self._job is None:
            begin, end = self._waiting.popleft()
            self._begun = begin
            self._job = ResendJob(self._store, self._encoder, last_event, begin, min(end, last_sent), our, peer, decimals)
        data = self._job.piece(now_ns)
        self.notice, self._job.notice = self._job.notice or self.notice, ""
        upto = self._job.rest[0] - 1
        if upto >= self._begun:
            # A peer that requests from a number on has the numbers before it, unless these were requested too and still wait.
            self.told = self._begun if any(first < self._begun for first, _ in self._waiting) else 1, upto
        if self._job.done:
            self._job = None
        return data
