"""Stand-ins for what the pipeline joins: an engine that answers each NEW, a journal whose durability a test decides, a wire of text lines."""

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from exchange_server.core.risk.pacing import OVER
from exchange_server.gateway.connection import Connection, TurnInput
from exchange_server.journal.store import JournalFailed
from exchange_server.net.observe import Log
from protocol import codes


class Answer:
    def __init__(self, row_seq: int) -> None:
        self.row_seq = row_seq
        self.ok = True


class Engine:
    """NEW → E_ACCEPTED (E_REJECTED in a turn that refuses), LOGON → E_LOGON, to the session. Rows are kept."""

    def __init__(self, chunk: int = 1000) -> None:
        self.row_seq = 1
        self.event_seq = 1
        self.turn = 0
        self.next_due = 0
        self.settling = 0  # slices that are left
        self.rows: list[np.ndarray] = []
        self.chunk = chunk
        self.last_chunk = True
        self.broken: Exception | None = None
        self.over: set[int] = set()  # sessions that are over their throttle

    def apply(self, inbox: np.ndarray, words: int, sink: Callable[[np.ndarray], None]) -> list[Answer]:
        if self.broken:
            raise self.broken
        answers = []
        events: list[np.ndarray] = []
        rows = inbox[:words].copy().reshape(-1, L.CMD_WORDS)
        refuse = int(rows[0, L.CMD_TIME_REFUSE])
        self.turn = int(rows[0, 1])
        if self.next_due and int(rows[0, 2]) >= self.next_due:
            self.next_due = 0
        at = 0
        while at < len(rows):
            row = rows[at]
            kind = int(row[0]) & 255
            session = int(row[1]) >> 32
            self.rows.append(row)
            out = {codes.C_NEW: codes.E_REJECTED if refuse else codes.E_ACCEPTED, codes.C_LOGON: codes.E_LOGON, codes.C_SEND: codes.E_SENT}
            if kind == codes.C_CONTINUE:
                self.settling -= 1
            if kind == codes.C_ADMIN:
                answers.append(Answer(self.row_seq + at + 1 + (int(row[0]) >> 8 & 255)))
            if kind in out:
                event = np.zeros(L.EVT_WORDS, dtype=np.int64)
                event[0] = W.pack_event(out[kind], 0, 0, 0, refuse or 0, 0)
                event[L.EVT_NUMBER] = self.event_seq
                event[L.EVT_SESSION_ACCOUNT] = session << 32
                event[L.EVT_PRICE] = row[L.CMD_PRICE]
                event[L.EVT_LIMIT] = 0
                self.event_seq += 1
                events.append(event)
            at += 1 + (int(row[0]) >> 8 & 255)
        self.row_seq += len(rows)
        for i in range(0, len(events), self.chunk):
            self.last_chunk = i + self.chunk >= len(events)
            sink(np.concatenate(events[i : i + self.chunk]))
        return answers

    def paces(self) -> tuple[bytes, bool]:
        return bytes(OVER if session in self.over else 0 for session in range(1 + max(self.over, default=0))), bool(self.over)

    def kinds(self) -> list[int]:
        return [int(r[0]) & 255 for r in self.rows]


class Journal:
    """`hold=False`: everything is durable at once (inline). `hold=True`: only when the test calls `settle`."""

    def __init__(self, hold: bool = False) -> None:
        self.holding = hold
        self.durable = 1
        self.last = 1
        self.failed: Any = None
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.appended: list[tuple[int, int]] = []

    mode = "sync"
    backlog_bytes = 0
    ring_bytes = 1 << 24

    def append_turn(self, inbox: np.ndarray, words: int) -> int:
        first = self.last
        self.last = first + words // L.CMD_WORDS
        self.appended.append((first, words // L.CMD_WORDS))
        if not self.holding:
            os.eventfd_write(self.fd, 1)
            self.durable = self.last
        return self.last

    def released(self) -> int:
        if self.failed is not None:
            raise JournalFailed(self.failed.text)
        return self.durable

    @property
    def written(self) -> int:
        return self.durable

    def kick(self) -> None:
        pass

    def commit_inline(self) -> bool:
        if self.holding:
            return False
        self.durable = self.last
        return True

    def settle(self) -> None:
        self.durable = self.last
        os.eventfd_write(self.fd, 1)

    def fail(self, text: str) -> None:
        self.failed = SimpleNamespace(text=text)
        os.eventfd_write(self.fd, 1)

    def fileno(self) -> int:
        return self.fd

    def acknowledge(self) -> int:
        os.eventfd_read(self.fd)
        return self.durable


class Store:
    def __init__(self) -> None:
        self.rows = 0
        self.behind = False
        self.when_room: Callable[[], None] | None = None

    def has_room(self, when: Callable[[], None]) -> bool:
        if self.behind:
            self.when_room = when
        return not self.behind

    def append(self, events: np.ndarray) -> None:
        self.rows += events.size // L.EVT_WORDS


class Directory:
    def __init__(self) -> None:
        self.bound: dict[int, Connection] = {}
        self.fresh: set[int] = set()
        self.wires = [0, 0, 1]

    def owners(self, session: int) -> tuple[str, int]:
        return "", session

    def ended(self, now_ns: int, acted: bool = False) -> list[tuple[Connection, int, str]]:
        return []

    def bind(self, session: int, connection: Connection) -> bool:
        if session in self.bound:
            return False
        self.bound[session] = connection
        self.fresh.add(session)
        return True

    def unbind(self, session: int, connection: Connection) -> None:
        if self.bound.get(session) is connection:
            del self.bound[session]


NAMES = {codes.E_ACCEPTED: b"OK", codes.E_REJECTED: b"NO", codes.E_SENT: b"BYE"}


class Encoders:
    def encode(self, events: np.ndarray, wires: list[int]) -> list[tuple[int, bytes]]:
        out: dict[int, bytes] = {}
        if not wires[codes.WIRE_BINARY]:
            return []
        for event in events.reshape(-1, L.EVT_WORDS):
            session = int(event[L.EVT_SESSION_ACCOUNT]) >> 32
            kind = int(event[0]) & 255
            if session and kind in NAMES:
                out[session] = out.get(session, b"") + b"%s %d\n" % (NAMES[kind], event[L.EVT_PRICE])
        return list(out.items())


class LineConnection(Connection):
    """`logon N`, then numbers (orders), `admin`, `crash`, `echo TEXT` (written by the connection itself), `quit`."""

    __slots__ = ("beats", "every", "expelled", "pipeline", "unsent")

    def __init__(self, now_ns: int, outlet: Any, directory: Directory, pipeline: Any = None, every: int = 0) -> None:
        super().__init__(codes.WIRE_BINARY, directory, now_ns, outlet)
        self.expelled: tuple[int, str] | None = None
        self.pipeline = pipeline
        self.every = every
        self.beats = 0
        self.unsent: list[bytes] = []

    def dropped(self, data: bytes) -> None:
        self.unsent.append(data)

    def gather(self, turn: TurnInput) -> bool:
        if self.next_due and self.next_due <= turn.tick_ns:
            self.beats += 1
            self.outlet.write(b"beat\n")
            self.next_due = turn.tick_ns + self.every
        while self.end > self.start:
            if turn.full:
                return True
            data = self.buf[self.start : self.end].tobytes()
            line, newline, _ = data.partition(b"\n")
            if not newline:
                break
            self.start += len(line) + 1
            word, _, rest = line.partition(b" ")
            if word == b"logon":
                if self.directory.bind(int(rest), self):
                    self.session = int(rest)
                    turn.add(codes.C_LOGON, self.session)
                    self.grow()
                    if self.every:
                        self.next_due = turn.tick_ns + self.every
                else:
                    self.outlet.write(b"refused\n")
                    self.close(codes.R_ALREADY_LOGGED_ON)
            elif word == b"crash":
                turn.add(codes.C_NEW, self.session, values={L.CMD_PRICE: 666})
                raise RuntimeError("a fault of the gateway")
            elif word == b"echo":
                self.outlet.write(rest + b"\n")
            elif word == b"quit":
                self.close(codes.OK)
            elif word == b"admin":
                at = turn.add(codes.C_ADMIN, body=b"x")
                self.pipeline[0].expect(at, lambda answer: self.outlet.write(b"admin %d\n" % answer.row_seq))
            else:
                turn.add(codes.C_NEW, self.session, values={L.CMD_PRICE: int(line)})
        return False

    def expel(self, turn: TurnInput, reason: int, text: str) -> None:
        self.expelled = (reason, text)
        if self.session:
            turn.add(codes.C_SEND, self.session, values={L.CMD_PRICE: reason})
        else:
            self.outlet.write(b"BYE %d\n" % reason)
        self.close(reason, text)


QUIET = Log(stream=open(os.devnull, "w"))
