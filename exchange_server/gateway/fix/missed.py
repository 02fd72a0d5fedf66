"""Sends the reports that a session missed before it reset its numbers (141=Y), with new numbers and PossResend (97=Y).

Missed reports are those numbered while the session was logged off, and those made for its last connection but never written to it. They are
in the event store before the border that the reset left. An E_LOGON row leads to the reports of one reset, and to the previous reset whose
reports are still due (a connection can break before all are sent). Each report is sent as a C_SEND row with its body, so the new number is
assigned in the turn, a replay makes the same message, and a later ResendRequest finds the same bytes. The row also records the progress
(S_MISSED_DONE).
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from protocol import codes
from protocol.fix_messages import Framer

from ... import state
from ...core import layout as L
from ...core.layout import plain
from ...journal.event_store import EventsMissing
from ..connection import TurnInput
from .encoder import FixEncoder
from .resend import REPORTS, ResendStore, of_state

PIECE = 64  # reports per turn
SCAN = 1024  # events read per turn
POSS_RESEND = b"97=Y\x01"
_SENT_REPORTS = frozenset(int.from_bytes(t, "little") for t in (b"8", b"9", b"r", b"j", b"UMS", b"UPS"))


class MissedReports:
    """store: `chain`, `row` and `rows` of the event store; head: S_MISSED, done: S_MISSED_DONE of the session. Raises EventsMissing while
    the store is rebuilding what leads to them."""

    def __init__(self, store: ResendStore, encoder: FixEncoder, head: int, done: int) -> None:
        self._store = store
        self._encoder = encoder
        self.head = head
        self.done = False
        self._seen = -1  # version of the store when it last lacked the next report
        self.lost = ""  # which reports can no longer be sent, and why
        self.unmarked = True  # the last report has not been sent with `head` as its mark
        parts: list[NDArray[np.int64]] = []
        reset = head
        while reset:
            try:
                row = store.row(reset)
                for first, last in _ranges(row):
                    parts.append(np.asarray(store.chain(int(row[L.EVT_PREVIOUS]), first, last)))
            except EventsMissing as missing:
                if not missing.lost:
                    raise
                self.lost = f"reports that you missed {missing.what}: {missing}. Ask for the state of your orders"
                parts.append(missing.found)
                break
            reset = int(row[L.EVT_LOGON_MISSED])
        numbers = np.concatenate(parts)[::-1] if parts else np.zeros(0, np.int64)  # oldest first
        self._numbers: NDArray[np.int64] = numbers[numbers > done]
        self._at = 0

    @property
    def waiting(self) -> bool:
        """True: nothing can be done until the store changes."""
        return bool(self._seen == self._store.version)

    def piece(self, now_ns: int, full: Callable[[], bool]) -> Iterator[tuple[int, bytes, int]]:
        """(MsgType word, body, mark) of the next reports, until `full()` or a turn's share is reached; sets `done` after the last one."""
        found: list[tuple[int, NDArray[np.int64]]] = []
        if self.waiting:
            return
        stop = min(self._at + SCAN, len(self._numbers))
        at = self._at
        while at < stop and len(found) < PIECE:
            number = int(self._numbers[at])
            try:
                row = self._store.row(number)
                head = int(row[L.EVT_HEAD])
                kind = plain.kind_of(head)
                if kind in REPORTS or kind == codes.E_SENT and int(row[L.EVT_MSG_TYPE]) in _SENT_REPORTS:
                    rows = self._store.rows(number, 1 + plain.extra_of(head))
                    if kind in REPORTS or not of_state(rows):
                        found.append((at, rows))
            except EventsMissing as missing:
                if not missing.lost:
                    self._seen = self._store.version  # it is being rebuilt: this piece ends here
                    break
                self.lost = f"reports that you missed {missing.what}: {missing}. Ask for the state of your orders"
            at += 1
        framer = Framer()
        if found:
            framer.feed(self._encoder.resend(np.ascontiguousarray(np.concatenate([rows for _, rows in found])), now_ns))
        for (place, _), raw in zip(found, framer, strict=True):
            if full():
                self._at = place
                return
            last = place + 1 == len(self._numbers)
            self.unmarked = not last
            yield _msg_type(raw), _body(raw), self.head if last else int(self._numbers[place])
        self._at = at
        self.done = at == len(self._numbers)


def _ranges(row: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The numbers missed before this reset, newest first: those of the last absence, and those of an earlier absence that were never sent
    although the session was logged on in between."""
    ranges = [(max(1, int(row[L.EVT_LOGON_ABSENT_FROM])), int(row[L.EVT_LOGON_NEXT_OUT]) - 1)]
    if row[L.EVT_LOGON_UNTOLD]:
        ranges.append((int(row[L.EVT_LOGON_UNTOLD]), int(row[L.EVT_LOGON_UNTOLD_TO])))
        if ranges[1][1] >= ranges[0][0]:
            ranges = [(min(r[0] for r in ranges), max(r[1] for r in ranges))]
    return ranges


def unsure_from(store: ResendStore, last_event: int, since_ns: int) -> int:
    """After a crash: the first number of a session assigned at or after this time (it may not have been written to the connection);
    0 if there is none."""
    first = 0
    number = last_event
    while number:
        try:
            row = store.row(number)
        except EventsMissing:  # damaged at this point: report what is known
            break
        if row[L.EVT_TIME] < since_ns or plain.kind_of(row[L.EVT_HEAD]) == codes.E_LOGON:
            break
        first = int(row[L.EVT_SESSION_NUMBER]) or first
        number = int(row[L.EVT_PREVIOUS])
    return first


def _msg_type(raw: bytes) -> int:
    begin = raw.index(b"\x0135=") + 4
    return int.from_bytes(raw[begin : raw.index(b"\x01", begin)], "little")


def _body(raw: bytes) -> bytes:
    """The fields after the header (122 is its last field in a resend) and before the trailer."""
    body = raw[raw.index(b"\x01", raw.index(b"\x01122=") + 1) + 1 : -len(b"10=000\x01")]
    return body if body.startswith(POSS_RESEND) else POSS_RESEND + body


class Missed:
    """What one connection still has to send of it. after: turn of the logon, whose E_LOGON can be read in a later turn."""

    def __init__(self, store: ResendStore, encoder: FixEncoder) -> None:
        self._store, self._encoder = store, encoder
        self.reports: MissedReports | None = None
        self.after = 0
        self._seen = -1  # version of the event store when it last lacked them

    @property
    def due(self) -> bool:
        return self.reports is not None or self.after != 0

    def go_on(self, row: state.Session, next_in: int, turn: TurnInput, ready: bool, tell: Callable[[str], None]) -> bool:
        """Add the rows of a piece; True while there is more. row: of the session; next_in: its next expected incoming number; ready: the peer reads;
        tell: sends it a sentence."""
        if self.reports is None:
            if turn.turn == self.after:
                return True
            self.after = 0
            if not row.missed:
                return False
            if self._seen == self._store.version:
                self.after = -1
                return False  # a turn is requested when the event store has changed
            try:
                self.reports = MissedReports(self._store, self._encoder, row.missed, row.missed_done)
            except EventsMissing as missing:
                self._seen, self.after = self._store.version, -1
                tell(f"the reports that you missed are delayed: {missing}")
                return False
        if turn.full or not ready:
            return True
        for msg_type, body, number in self.reports.piece(turn.now_ns, lambda: turn.full):
            turn.add(codes.C_SEND, row.id, values={L.CMD_MSG_TYPE: msg_type, L.CMD_MISSED: number}, body=body)
        if not self.reports.done:
            return not self.reports.waiting
        if self.reports.lost:
            tell(self.reports.lost)
        if self.reports.unmarked:  # the remaining messages were administrative
            turn.add(codes.C_SET_IN, row.id, values={L.CMD_NEXT_IN: next_in, L.CMD_MISSED: self.reports.head})
        self.reports = None
        return False
