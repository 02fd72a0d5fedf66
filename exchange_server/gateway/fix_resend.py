"""Answering one ResendRequest from the event store, in pieces.

Application messages and Rejects go out again with 43=Y, 122 and a byte-identical body; everything else is gap-filled. Nothing outside the range
begin..end is sent, no number twice, and the last gap fill points at end + 1 at most. Old numbers only: nothing here takes a number.

Reports that the event store is rebuilding are waited for (`waiting`); those that are lost for good are filled like administrative ones, but never in
silence: `notice` names them, and the connection sends it as News.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol import codes
from protocol.fix_messages import build, format_timestamp
from protocol.fix_tables import ADMIN_TYPES, FIX44

from ..core.records import EVT_HEAD, EVT_MSG_TYPE, EVT_SESSION_NUMBER
from ..journal.event_store import EventsMissing
from .fix_encoder import FixEncoder

PIECE = 256  # events in one piece
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
    )
)
_ADMIN_SENT = frozenset(int.from_bytes(t.encode(), "little") for t in ADMIN_TYPES if t != "3")


class ResendJob:
    """store: `chain` and `rows` of the event store; last_event: the session's newest event when the request was handled."""

    def __init__(self, store: Any, encoder: FixEncoder, last_event: int, begin: int, end: int, our: str, peer: str) -> None:
        self._store = store
        self._encoder = encoder
        self._numbers: NDArray[np.int64] | None = None
        self._last_event = last_event
        self._at = 0
        self._next = begin
        self._end = end
        self._names = our, peer
        self._seen = -1  # version of the store when it did not have what is needed
        self._told = False
        self.done = False
        self.notice = ""  # to be told to the peer, once
        self._find()

    @property
    def waiting(self) -> bool:
        """Nothing to do before the store has changed."""
        return self._seen == self._store.version

    def _find(self) -> None:
        try:
            self._numbers = np.asarray(self._store.chain(self._last_event, self._next, self._end))[::-1]
        except EventsMissing as missing:
            if not missing.lost:
                self._wait(missing)
                return
            self._numbers = missing.found[::-1]
            self._lose(missing, int(self._store.rows(int(self._numbers[0]), 1)[EVT_SESSION_NUMBER]) if len(self._numbers) else self._end + 1)

    def _wait(self, missing: EventsMissing) -> None:
        self._seen = self._store.version
        if not self._told:
            self._told = True
            self.notice = f"the answer to your ResendRequest from {self._next} to {self._end} waits: {missing}"

    def _lose(self, missing: EventsMissing, first_kept: int) -> None:
        self.notice = f"messages {self._next} to {first_kept - 1} cannot be sent again: {missing}. Ask for the state of your orders"

    def piece(self, now_ns: int) -> bytes:
        """The next messages, as bytes; sets `done` behind the last ones."""
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
                head = int(row[EVT_HEAD])
                whole = self._store.rows(number, 1 + (head >> 8 & 255)) if head >> 8 & 255 else row
            except EventsMissing as missing:
                if missing.lost:
                    self.notice = f"a message after {self._next - 1} cannot be sent again: {missing}. Ask for the state of your orders"
                    continue
                self._wait(missing)
                stop = place
                break
            seq = int(row[EVT_SESSION_NUMBER])
            kind = head & 255
            if kind not in REPORTS and (kind != codes.E_SENT or int(row[EVT_MSG_TYPE]) in _ADMIN_SENT):
                continue  # administrative: the next application message, or the end, fills its number
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
        time = format_timestamp(now_ns)
        return build(FIX44, "4", *self._names, seq, time, b"123=Y\x0136=%d\x01" % new, b"43=Y\x01122=%s\x01" % time)
