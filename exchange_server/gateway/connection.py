"""The interface between the pipeline and the two wires: the turn's input, a connection, and its outlet.

One turn, as a connection sees it:
    feed / get_buffer + received   bytes arrive (between turns)
    gather(turn)                   decode what has arrived, within the budget, and add rows to the turn; also called when `next_due` is reached
    (journal, engine, encode)      the pipeline holds the session's encoded events and sends them through the same outlet
What a connection writes itself (a refusal before logon, a resend from the event store) goes through `outlet.write` and is held
with the turn in which it was written. So the order on the wire is: what was written while gathering, then the turn's encoded events.

Guarantees: nothing here uses a socket or a clock; time comes with the turn. A closed connection writes nothing more.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocol import codes

from ..core import layout as L
from ..core.kit.lines import zeros_on_lines
from ..core.kit.loads import SLACK
from ..core.layout import plain

ROW_BYTES = L.CMD_WORDS * 8
MAX_BODY_BYTES = L.MAX_EXTRA_ROWS * ROW_BYTES
TEXT_BYTES = 64
ORDER_ENTRY = "order_entry"  # a kind of session, on either wire
READ = "read"  # its key may not trade
MARKET_DATA = "market_data"  # nor have reports: it does not take the session's place
WHOLE_TURN = 1 << 30  # a share without a limit
MARGIN_WORDS = (1 + L.MAX_EXTRA_ROWS) * L.CMD_WORDS  # room kept free so that one row with the longest body always fits


class TurnInput:
    """The inbox of one turn: whole command rows in `inbox[:words]`, the TIME row first.

    Kernels write at `inbox[words:limit]` and move `words`; Python adds single rows with `add`. `limit` stops decoding; the words above it
    (MARGIN_WORDS) are for `add`, which may be called once per message if `full` was False before that message.
    """

    __slots__ = ("_first", "inbox", "limit", "now_ns", "real_ns", "share", "tick_ns", "turn", "words")

    def __init__(self, rows: int = 16384) -> None:
        self.inbox: NDArray[np.int64] = zeros_on_lines(rows * L.CMD_WORDS + 2 * MARGIN_WORDS)
        self._first = self.inbox.data
        self.limit = rows * L.CMD_WORDS
        self.words = 0
        self.now_ns = 0  # exchange time
        self.tick_ns = 0  # the steady clock, used for all intervals (heartbeats, waiting)
        self.real_ns = 0  # the machine's time of day, compared with a peer's clock
        self.share = WHOLE_TURN  # messages that one connection may add to this turn
        self.turn = 0

    def begin(
        self,
        turn: int,
        now_ns: int,
        tick_ns: int | None = None,
        real_ns: int | None = None,
        offset_ns: int = 0,
        boot: int = 0,
        refuse: int = 0,
    ) -> None:
        """Start a turn: clear, then write the TIME row. now_ns: ns UTC, never lower than in the turn before. The steady clock and the time of
        day default to now_ns. offset_ns, boot, refuse: see core/layout/commands.py (CMD_TIME_*)."""
        self.turn = turn
        self.now_ns = now_ns
        self.tick_ns = now_ns if tick_ns is None else tick_ns
        self.real_ns = now_ns if real_ns is None else real_ns
        row = self._first  # the row's other words are never written; a memoryview access costs a third of a numpy access
        row[0] = codes.C_TIME
        row[L.CMD_TIME_TURN] = turn
        row[L.CMD_TIME_NS] = now_ns
        row[L.CMD_TIME_REFUSE] = refuse
        row[L.CMD_TIME_TICK] = self.tick_ns
        row[L.CMD_TIME_OFFSET] = offset_ns
        row[L.CMD_TIME_BOOT] = boot
        self.words = L.CMD_WORDS

    @property
    def full(self) -> bool:
        """True when no further message may be decoded in this turn."""
        return self.words >= self.limit

    @property
    def rows(self) -> int:
        """Rows in the turn, including extra rows and the TIME row."""
        return self.words // L.CMD_WORDS

    def add(
        self,
        kind: int,
        session: int = 0,
        account: int = 0,
        values: dict[int, int] | None = None,
        body: bytes = b"",
        texts: tuple[bytes, bytes] | None = None,
        instrument: int = 0,
        venue: int = 0,
        front_end: int = 0,
        side: int = 0,
        contract_side: int = 0,
        type_: int = 0,
        tif: int = 0,
        stp: int = 0,
        flags: int = 0,
        row_flags: int = 0,
    ) -> int:
        """Add one command. `values`: word index (CMD_*) -> int64. `texts`: (ClOrdID, OrigClOrdID), at most 64 bytes each, go into the text
        row; `body`: at most MAX_BODY_BYTES raw bytes, its length is written to CMD_BODY_BYTES. Not both. Returns the word offset of the
        row.

        Raises ValueError for a body or text that is too long and MemoryError when the margin is used up: both are errors of the caller.
        """
        extra = -(-len(body) // ROW_BYTES) if body else int(texts is not None)
        if extra > L.MAX_EXTRA_ROWS:
            raise ValueError(f"a body of {len(body)} bytes does not fit into one command (limit {MAX_BODY_BYTES})")
        at = self.words
        end = at + (1 + extra) * L.CMD_WORDS
        inbox = self.inbox
        if end > inbox.size:
            raise MemoryError("the turn's inbox is full: ask `full` before each message")
        inbox[at:end] = 0
        row_flags |= L.ROWFLAG_TEXT if texts is not None and not body else 0
        terms = plain.pack_terms(side, contract_side, type_, tif)
        inbox[at] = plain.pack_command(kind, extra, terms, stp, row_flags, flags)
        inbox[at + L.CMD_SESSION_ACCOUNT] = plain.pack_session_account(session, account)
        inbox[at + L.CMD_INSTRUMENT] = plain.pack_instrument(instrument, plain.pack_entry(venue, front_end))
        if values:
            for word, value in values.items():
                inbox[at + word] = value
        if body:
            inbox[at + L.CMD_BODY_BYTES] = len(body)
            inbox[at + L.CMD_WORDS : end].view(np.uint8)[: len(body)] = np.frombuffer(body, dtype=np.uint8)
        elif texts is not None:
            for slot, text in enumerate(texts):
                if len(text) > TEXT_BYTES:
                    raise ValueError(f"a ClOrdID of {len(text)} bytes does not fit (limit {TEXT_BYTES})")
                if text:
                    begin = slot * TEXT_BYTES
                    inbox[at + L.CMD_WORDS : end].view(np.uint8)[begin : begin + len(text)] = np.frombuffer(text, dtype=np.uint8)
        self.words = end
        return at


class Outlet(Protocol):
    """The output side of one connection, provided by the transport. All output is held until the turn in which it was written is durable."""

    def write(self, data: bytes) -> None:
        """Send bytes after everything written before. Ignored after `close`."""

    def write_all(self, outlets: Sequence["Outlet"], data: bytes) -> None:
        """The same as `write(data)` on each of these outlets, which belong to one server."""

    def close(self, reason: int, text: str = "") -> None:
        """Flush what was written, then close; `reason` (codes.R_*, OK for a normal end) and `text` go to the log and the counters."""

    def ask_turn(self) -> None:
        """Have the connection's `gather` called in the next turn."""

    @property
    def peer(self) -> str:
        """Address of the peer: `host:port`, or `uid:N` for a Unix socket."""

    @property
    def backlog(self) -> int:
        """Bytes written but not yet read by the peer. Long answers (resend, snapshot) are written in pieces, and only while this is small."""


class NullOutlet:
    """Collects output in memory: used before a connection has a transport, and by tests."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.asked = False
        self.closed: tuple[int, str] | None = None
        self.backlog = 0
        self.peer = "memory"

    def write(self, data: bytes) -> None:
        if self.closed is None:
            self.written += data

    def write_all(self, outlets: Sequence[Outlet], data: bytes) -> None:
        for outlet in outlets:
            outlet.write(data)

    def ask_turn(self) -> None:
        self.asked = True

    def close(self, reason: int, text: str = "") -> None:
        if self.closed is None:
            self.closed = (reason, text)


class SessionTable(Protocol):
    """What a session's connection needs from the directory (gateway/sessions.py), on either wire."""

    def bind(self, session: int, connection: "Connection") -> bool:
        """Bind the session to this connection. False: another one has it."""

    def unbind(self, session: int, connection: "Connection") -> None:
        """Release the session from this connection."""

    def kind_of(self, session: int, connection: "Connection") -> str:
        """The purpose of the session, limited by the key of this connection: a key of its wire's table of kinds."""

    def admit(self, connection: "Connection", who: str, now_ns: int) -> int:
        """May a logon in the name of `who` be processed? OK; R_LOGON_DELAYED: refuse it; -1: ask again at `connection.held_until`."""

    def leave(self, connection: "Connection") -> None:
        """The connection has closed, perhaps while its logon waited."""

    def logged_on(self, connection: "Connection", who: str, now_ns: int) -> None:
        """A logon succeeded."""

    def logon_refused(self, connection: "Connection", who: str, reason: int, text: str, now_ns: int) -> None:
        """A connection is closed before its logon succeeded."""


class Connection(ABC):
    """One socket's end of a session. Received bytes are in `buf[start:end]` (uint8, writable, contiguous) and are decoded in place.

    Attributes the pipeline reads: `session` (bound session id, 0 before logon), `next_due` (ns at which `gather` must be called even
    if no byte arrived; 0: never), `wire` (codes.WIRE_*), `held_until`. Attributes it writes: `last_in_ns` (time of the turn in which bytes
    last arrived), `last_out_ns` (time of the turn in which output of this session was last made); heartbeats are counted from these. All
    these times are of the steady clock (`turn.tick_ns`), not the time of day.
    """

    __slots__ = (
        "buf", "closing", "directory", "end", "held_until", "last_in_ns", "last_out_ns", "next_due", "outlet", "pipe", "session", "start", "view", "wire",
    )  # fmt: skip

    FIRST_BUFFER = 8 * 1024  # before logon; an unknown peer gets no more than this
    BUFFER = 256 * 1024  # after logon (`grow`)
    LOGS_ON = True  # it is cut if it does not in time

    def __init__(self, wire: int, directory: SessionTable, now_ns: int, outlet: Outlet | None = None) -> None:
        self.wire = wire
        self.directory = directory
        self.outlet: Any = outlet if outlet is not None else NullOutlet()
        self.session = 0
        self.buf: NDArray[np.uint8] = np.empty(self.FIRST_BUFFER + SLACK, dtype=np.uint8)
        self.view = self.buf.data
        self.start = 0
        self.end = 0
        self.last_in_ns = now_ns
        self.last_out_ns = now_ns
        self.next_due = 0
        self.held_until = 0  # ns until which its logon waits (gateway/logon_guard.py); 0: no logon waits
        self.closing = False
        self.pipe: Any = None  # the pipeline's own record of this connection

    # ---------------------------------------------------------------------------------------------- bytes in
    def get_buffer(self, _hint: int = -1) -> memoryview:
        """Free space at the end of the buffer; moves the unread bytes to the front when space is short. Empty: the buffer is full, do not
        read."""
        start, end, size = self.start, self.end, self.buf.size - SLACK
        if start == end:
            self.start = self.end = end = 0
        elif start and size - end < size >> 2:
            n = end - start
            self.buf[:n] = self.buf[start:end].copy()
            self.start, self.end = 0, n
            end = n
        return self.view[end:size]  # the decoders read eight bytes at a time

    @property
    def capacity(self) -> int:
        """Bytes that the buffer can hold."""
        return self.buf.size - SLACK

    def received(self, count: int) -> None:
        """`count` bytes were written into the last `get_buffer()`."""
        self.end += count

    def feed(self, data: bytes) -> int:
        """Copy `data` in; returns how many bytes fitted (the rest must be fed again after `gather`)."""
        space = self.get_buffer()
        n = min(len(data), len(space))
        space[:n] = data[:n]
        self.received(n)
        return n

    @property
    def pending(self) -> int:
        """Bytes received but not yet consumed."""
        return self.end - self.start

    def grow(self) -> None:
        """Give a logged-on session its full buffer. Views of `buf` that were taken before are stale."""
        if self.capacity < self.BUFFER:
            n = self.end - self.start
            buf = np.empty(self.BUFFER + SLACK, dtype=np.uint8)
            buf[:n] = self.buf[self.start : self.end]
            self.buf, self.view = buf, buf.data
            self.start, self.end = 0, n

    # ---------------------------------------------------------------------------------------------- the turn
    @abstractmethod
    def gather(self, turn: TurnInput) -> bool:
        """Decode from `buf[start:end]`, add rows, move `start`; also do what is due now and update `next_due`.

        Stops when `turn.full`, at the budget, or when no complete message is left. Returns True if it stopped early and needs another
        turn at once (more complete messages, or pieces of a resend while `outlet.backlog` is small).
        """

    @abstractmethod
    def expel(self, turn: TurnInput, reason: int, text: str) -> None:
        """The server ends the session (shutdown, slow reader, operator): send the reason as a message of the wire (a Logout: C_SEND if
        logged on, else bytes through the outlet), then `self.close(reason, text)`."""

    def close(self, reason: int, text: str = "") -> None:
        """Take no more input; the outlet flushes and closes. The session stays bound until `lost` has written its C_LOGOFF."""
        if not self.closing:
            self.closing = True
            self.next_due = 0
            self.outlet.close(reason, text)

    def lost(self, turn: TurnInput) -> None:
        """The socket has closed: log the session off. Called once, in a turn after the last `gather`."""
        self.closing = True
        self.next_due = 0
        if self.session:
            values = {L.CMD_LOGOFF_FLAGS: self.logoff_flags(), L.CMD_LOGOFF_FROM: self.unsent_from()}
            turn.add(codes.C_LOGOFF, self.session, values=values)
            self.directory.unbind(self.session, self)
            self.session = 0

    def logoff_flags(self) -> int:
        """1 if the peer logged out, 0 if the connection was lost."""
        return 0

    def dropped(self, data: bytes) -> None:  # noqa: B027  (needed only by a wire whose numbers can be reset)
        """The socket has closed, or the peer does not read: output from `data` on (b"": from now on) will not be written.
        Called before `lost`, perhaps more than once; the first call counts."""

    def unsent_from(self) -> int:
        """First outgoing number that was not written to the socket; 0: as far as known, all were written."""
        return 0
