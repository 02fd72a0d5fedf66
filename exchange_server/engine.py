"""The engine owns the arena and runs the core over rows: apply(rows) -> events. No clock, no I/O, no asyncio.

The same rows give the same events and the same digest on every machine, whatever the capacities and however the rows are split into calls:
the live server, recovery and replay all use this function. An exception from `apply` (InvariantBroken, RegistryBroken) means that state and
rules no longer agree: the process must stop and acknowledge nothing more.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from protocol import codes

from . import prefault
from .core import audit, used_ids
from .core import layout as L
from .core.kit.lines import LINE, zeros_on_lines
from .core.kit.pairs import PAIR_WORDS
from .core.layout import plain
from .core.layout.definitions import MAX_CONTRACTS
from .core.operate import operate
from .core.risk.pacing import over_pace
from .core.step import step
from .registry import AdminAnswer, Registry
from .registry.admission import EXCEPTIONS_PER_FIRM
from .state import table
from .upgrade.carry import OWN, carry

Words = NDArray[np.int64]
Sink = Callable[[Words], None]

HOUR_NS = 3_600_000_000_000
RETENTION_NS = 72 * HOUR_NS
EVENT_ROWS = 65_536
RETIRED_CAPACITIES = frozenset(("texts", "levels", "timer_buckets"))  # data folders of earlier versions may have them
SYSTEM = b"exos:"  # an ADMIN body of the server itself, which no connection can send: msgpack of a SystemAct follows
SNAPSHOT_WORDS = 1 << 16  # words in one chunk; a chunk of zeros is left out

BUSY_WHOLE = (L.P_ID_HASH, L.P_PAIR_HASH)  # a key may be anywhere in them
GROWING = (L.P_ORDER, L.P_ARCHIVE, L.P_COLLATERAL, L.P_LEVEL, L.P_NODE)  # from their begin
GROWING_IF_USED = (L.P_TEXT,)  # many exchanges never need it
AHEAD_ROWS = 1 << 20  # of a growing table have their memory before they are needed: what a million orders a second use up in a second
AHEAD_BYTES = 256 << 20  # at most


class InvariantBroken(RuntimeError):
    """The core found an inconsistency in its own state. Never caught: the process stops, and recovery starts from the journal."""


class SnapshotRefused(ValueError):
    """Not a snapshot of an engine, or one of another logic version."""


class SystemAct(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the server does with itself, as a row of the journal, so that every replay does it at the same row. `capacities`: its tables have these
    from here on. `upgraded`: the rules versions before and after; the rows before this one are of the earlier."""

    capacities: dict[str, int] = {}
    upgraded: tuple[int, int] | None = None

    def body(self) -> bytes:
        """The body of its ADMIN row."""
        return SYSTEM + msgspec.msgpack.encode(self)


@dataclass(frozen=True)
class Capacities:
    """Number of rows of each table. Only memory in use is touched; `bytes()` is the upper bound.

    `archive` is the number of closed ClOrdIDs of which it is known what became of their orders; there is always room for their texts. Of older
    ones only the use is known, in `used_blocks` blocks of 576 bytes: each holds up to 4,096 ids that follow each other, or 64 others.
    Price levels, timers and the side rows of special orders have a row for each of `orders`: each exists only as long as an open order does,
    so they cannot run out before the orders do.
    `collateral_words` is 16 + 7 n words for each account in each event of n contracts.
    """

    assets: int = 64
    venues: int = 256
    firms: int = 20_000
    accounts: int = 100_064
    sessions: int = 4_096
    events: int = 4_096
    instruments: int = 10_240
    listings: int = 20_480
    balances: int = 400_000
    collateral_words: int = 32_000_000
    orders: int = 1_050_000
    nodes: int = 300_000
    archive: int = 4_000_000
    used_blocks: int = 1_300_000
    dirty: int = 16_384

    @classmethod
    def begun_as(cls, named: dict[str, int]) -> "Capacities":
        """The capacities with which a data folder was created. A capacity that no longer exists is ignored."""
        return cls(**{name: rows for name, rows in named.items() if name not in RETIRED_CAPACITIES})

    def pools(self) -> list[tuple[int, int, int]]:
        """(pool, row width in words, rows), in order of the arena. Tables by id have one row more, because id 0 is never used."""
        return [
            (L.P_ASSET, L.ASSET_WORDS, self.assets + 1),
            (L.P_VENUE, L.VENUE_WORDS, self.venues + 1),
            (L.P_FIRM, L.FIRM_WORDS, self.firms + 1),
            (L.P_ACCOUNT, L.ACCOUNT_WORDS, self.accounts + 1),
            (L.P_SESSION, L.SESSION_WORDS, self.sessions + 1),
            (L.P_EVENT, L.EVENT_WORDS, self.events + 1),
            (L.P_INSTRUMENT, L.INSTRUMENT_WORDS, self.instruments + 1),
            (L.P_LISTING, L.LISTING_WORDS, self.listings),
            (L.P_BALANCE, L.BALANCE_WORDS, self.balances),
            (L.P_COLLATERAL, 1, self.collateral_words),
            (L.P_ORDER, L.ORDER_WORDS, self.orders),
            (L.P_LEVEL, L.LEVEL_WORDS, self.orders),
            (L.P_NODE, L.NODE_WORDS, self.nodes),
            (L.P_TEXT, L.TEXT_WORDS, self.orders + self.archive),
            (L.P_ARCHIVE, L.ARCHIVE_WORDS, self.archive),
            (L.P_SPECIAL, L.SPECIAL_WORDS, self.orders),
            (L.P_TIMER, L.TIMER_WORDS, self.orders),
            (L.P_HEAP, 1, self.orders),
            (L.P_ID_HASH, 1, _power_of_two(max(LINE, 3 * (self.orders + self.archive)))),  # at most two entries each
            (L.P_PAIR_HASH, PAIR_WORDS, _power_of_two(self.pair_rows() * 8 // 7 + 8)),
            (L.P_NAME_HASH, L.NAME_WORDS, _power_of_two(2 * (self.instruments + self.accounts))),
            (L.P_DIRTY, L.DIRTY_WORDS, self.dirty),
            (L.P_MIDS, L.MIDS_WORDS, self.instruments),
            (L.P_SPARE, 1, MAX_CONTRACTS + 1),
            (L.P_HELD, L.HELD_WORDS, L.HELD_ROWS),
            (L.P_USED, L.USED_WORDS, self.used_blocks),
            (L.P_USED_HASH, 1, _power_of_two(64 * self.used_blocks * 5 // 4)),  # a single id has an entry, and a range has one
        ]

    def pair_rows(self) -> int:
        """Most entries of the pair table, which is filled up to 7/8: balances, collateral rows, listings, expiries, and 1,024
        restrictions."""
        least_row = L.CO_COLUMNS + L.CO_COLUMN_COUNT
        return self.balances + self.collateral_words // least_row + self.listings + self.orders + EXCEPTIONS_PER_FIRM * self.firms + 1024

    def bytes(self) -> int:
        """Size of the arena in bytes."""
        return 8 * (L.HEADER_WORDS + sum(width * rows + 8 for _, width, rows in self.pools()))


def _power_of_two(n: int) -> int:
    return 1 << max(n - 1, 1).bit_length()


class SnapshotHead(msgspec.Struct, frozen=True):
    """First chunk of a snapshot: msgpack preceded by its length in 8 bytes."""

    logic: int
    capacities: dict[str, int]
    event_rows: int
    registry: bytes
    description: dict[str, Any] = {}  # core/layout/description.py; none: the arena of this program, from before snapshots had it


class Engine:
    """The exchange as a function of its inputs.

    capacities: rows of each table. event_rows: rows of the event buffer (at least 8). retention_ns: how long a ClOrdID stays used up.
    """

    def __init__(self, capacities: Capacities | None = None, event_rows: int = EVENT_ROWS, retention_ns: int = RETENTION_NS) -> None:
        self.capacities = capacities or Capacities()
        self.event_rows = event_rows
        at = L.HEADER_WORDS
        layout = []
        for pool, width, rows in self.capacities.pools():
            at = (at + 7) & ~7  # rows begin on a cache line
            layout.append((pool, width, rows, at))
            at += width * rows
        self.m: Words = zeros_on_lines(at)
        self.events: Words = zeros_on_lines(event_rows * L.EVT_WORDS)
        m = self.m
        for pool, width, rows, base in layout:
            d = L.H_POOLS + pool * L.POOL_WORDS
            m[d + L.PL_BASE], m[d + L.PL_WIDTH], m[d + L.PL_CAP] = base, width, rows
        m[L.H_LOGIC], m[L.H_EVENT_SEQ], m[L.H_ARENA_WORDS], m[L.H_RETENTION_NS] = L.LOGIC_VERSION, 1, at, retention_ns
        self.registry = Registry()
        self._header = m.data  # a read through it takes a third of the time of a numpy read, and there are several per turn
        self.last_chunk = True
        self.as_written = False  # restored from a snapshot word for word
        self._rows: Words = np.zeros(0, np.int64)  # the inbox of the previous turn, and its bytes
        self._row_bytes: NDArray[np.uint8] = self._rows.view(np.uint8)

    # ---------------------------------------------------------------------------------------------------- running
    def apply(self, rows: Words, words: int, sink: Sink) -> list[AdminAnswer]:
        """Run whole command rows and return the answers of ADMIN records in order. `sink` gets each chunk of event rows as a view, valid
        during the call; the last chunk (`last_chunk` is True) is valid until the next apply.

        rows: int64, C-contiguous, writable; the first `words` words are used and begin with a TIME row. Raises InvariantBroken,
        RegistryBroken.
        """
        self._header[L.H_CURSOR] = 0
        return self.go_on(rows, words, sink, step(self.m, rows, words, self.events))

    def go_on(self, rows: Words, words: int, sink: Sink, status: int) -> list[AdminAnswer]:
        """The same after step() has been called for these rows from the first on (disk/small_turn.py) and has answered `status`."""
        m, ev = self.m, self.events
        answers: list[AdminAnswer] = []
        if rows is not self._rows:
            self._rows, self._row_bytes = rows, rows.view(np.uint8)
        row_bytes, header = self._row_bytes, self._header
        operating = False
        while True:
            used = header[L.H_EVENT_USED]
            self.last_chunk = status == L.STEP_DONE
            if used:
                sink(ev[:used])
            if operating and header[L.H_FINALS]:
                self.registry.note_finals(m)
            if status == L.STEP_DONE:
                return answers
            if status == L.STEP_OPERATE:
                operating = not operating
            elif status == L.STEP_PYTHON:
                answers.append(self._admin(rows, sink))
                m, header = self.m, self._header  # other ones when the tables have other sizes now
            elif status == L.STEP_BROKEN:
                raise InvariantBroken(f"the core stopped with invariant {int(m[L.H_ERROR])} at row {self.row_seq}")
            status = operate(m, rows, row_bytes, words, ev) if operating else step(m, rows, words, ev)

    def _admin(self, rows: Words, sink: Sink) -> AdminAnswer:
        """Apply the ADMIN record at the cursor and move the cursor past it."""
        m = self.m
        c = int(m[L.H_CURSOR])
        extra = plain.extra_of(int(rows[c + L.CMD_HEAD]))
        first = c + L.CMD_WORDS
        body = rows[first : first + extra * L.CMD_WORDS].tobytes()[: int(rows[c + L.CMD_BODY_BYTES])]
        m[L.H_ROW_SEQ] += 1 + extra
        if body.startswith(SYSTEM):
            answer = self._system(body)
            m = self.m
        else:
            answer = self.registry.apply(body, self, sink)
        m[L.H_CURSOR] = c + (1 + extra) * L.CMD_WORDS
        return answer

    def _system(self, body: bytes) -> AdminAnswer:
        """Carry out an act of the server itself. Whoever journals one has tried it before: it cannot be refused here. Tables that had these sizes before
        the act was journaled stay (resize.py)."""
        act = msgspec.msgpack.decode(body[len(SYSTEM) :], type=SystemAct)
        if act.capacities and (wanted := Capacities.begun_as(act.capacities)) != self.capacities:
            self.resize(wanted)
        return AdminAnswer(self.row_seq, True, 0, "")

    def turn_of(self, act: SystemAct | None) -> Words:
        """The rows of a turn with nothing but an act of the server itself, or with none, at the time of the turn before."""
        m, body = self.m, act.body() if act is not None else b""
        extra = -(-len(body) // (8 * L.CMD_WORDS))
        rows = np.zeros((2 + extra) * L.CMD_WORDS if body else L.CMD_WORDS, np.int64)
        time = {
            L.CMD_HEAD: codes.C_TIME, L.CMD_TIME_TURN: self.turn + 1, L.CMD_TIME_NS: self.time_ns, L.CMD_TIME_TICK: m[L.H_TICK],
            L.CMD_TIME_OFFSET: m[L.H_CLOCK_OFFSET], L.CMD_TIME_BOOT: m[L.H_CLOCK_BOOT], L.CMD_TIME_REFUSE: m[L.H_REFUSE],
        }  # fmt: skip
        rows[list(time)] = list(time.values())
        if body:
            rows[L.CMD_WORDS + L.CMD_HEAD] = plain.pack_command(codes.C_ADMIN, extra, 0, 0, 0, 0)
            rows[L.CMD_WORDS + L.CMD_BODY_BYTES] = len(body)
            rows[2 * L.CMD_WORDS :] = np.frombuffer(body.ljust(8 * L.CMD_WORDS * extra, b"\0"), np.int64)
        return rows

    @property
    def rules(self) -> int:
        """The rules version of its state."""
        return int(self.m[L.H_LOGIC])

    @property
    def at_rest(self) -> bool:
        """Whether a turn at the time of the newest one, without another row, changes nothing but the counts of turns and rows."""
        return self._header[L.H_REMOVED] == 0 and not 0 < self.next_due <= self.time_ns

    def resize(self, capacities: Capacities) -> None:
        """Go on with the same state in tables of these capacities. Raises CarryRefused (a table is smaller than what it holds) and MemoryError, and then has
        the tables it had."""
        other = Engine(capacities, self.event_rows)
        carry(self.m, OWN, other.m, spend=True)
        other.m[L.H_EVENT_ROOM], other.m[L.H_EVENT_USED] = self.m[L.H_EVENT_ROOM], self.m[L.H_EVENT_USED]
        self.capacities, self.m, self._header = other.capacities, other.m, other._header

    def step_rows(self, rows: Words, words: int, sink: Sink) -> int:
        """Run definition rows inside an ADMIN record. Returns 0, or the R_* code of the first refused row (its numbers: `refusal`). Raises
        InvariantBroken. Tests and benchmarks may include a TIME row."""
        m, ev = self.m, self.events
        self.last_chunk = False
        row_seq = int(m[L.H_ROW_SEQ])
        row_bytes = rows.view(np.uint8)
        m[L.H_CURSOR] = 0
        m[L.H_REFUSED] = 0
        m[L.H_LIMIT] = m[L.H_USED] = m[L.H_ASKED] = 0
        operating = True
        while True:
            status = operate(m, rows, row_bytes, words, ev) if operating else step(m, rows, words, ev)
            used = int(m[L.H_EVENT_USED])
            if used:
                sink(ev[:used])
            if status == L.STEP_DONE:
                break
            if status == L.STEP_OPERATE:
                operating = not operating
            elif status != L.STEP_MORE:
                raise InvariantBroken(f"a definition row stopped the core with {status}, invariant {int(m[L.H_ERROR])}")
        m[L.H_ROW_SEQ] = row_seq  # rows of the registry are not input; the ADMIN record is
        return int(m[L.H_REFUSED])

    @property
    def refusal(self) -> tuple[int, int, int]:
        """Limit, used and asked of the latest refusal."""
        return int(self.m[L.H_LIMIT]), int(self.m[L.H_USED]), int(self.m[L.H_ASKED])

    def growing(self, ahead_bytes: int = AHEAD_BYTES) -> list[Words]:
        """What has been used of each growing table and AHEAD_ROWS after it, at most `ahead_bytes`: the part that should have its memory."""
        out = []
        for pool in (*GROWING, *GROWING_IF_USED):
            found = table(self.m, pool)
            words = 0
            if found.ever or pool in GROWING:
                ahead = (
                    min(found.width * AHEAD_ROWS, ahead_bytes // 8) if found.width > 1 else ahead_bytes // 8
                )  # rows of collateral differ in width
                words = min(found.width * found.capacity, found.width * found.ever + ahead)
            out.append(self.m[found.base : found.base + words])
        return out

    def busiest(self, ahead_bytes: int = AHEAD_BYTES) -> list[Words]:
        """What trading touches first: whole hash tables, what the growing tables take next, and the event buffer."""
        tables = [table(self.m, pool) for pool in BUSY_WHOLE]
        whole = [self.m[each.base : each.base + each.width * each.capacity] for each in tables]
        return [*whole, *self.growing(ahead_bytes), self.events]

    def warm(self, ahead_bytes: int = AHEAD_BYTES) -> None:
        """Give the busiest tables their memory now. Changes no word."""
        prefault.touch(self.busiest(ahead_bytes))

    # ---------------------------------------------------------------------------------------------------- looking
    @property
    def row_seq(self) -> int:
        """Command rows consumed since the beginning, extra rows included."""
        return int(self._header[L.H_ROW_SEQ])

    @property
    def event_seq(self) -> int:
        """Number of the next event row."""
        return int(self.m[L.H_EVENT_SEQ])

    @property
    def turn(self) -> int:
        """Number of the newest turn."""
        return int(self.m[L.H_TURN])

    @property
    def time_ns(self) -> int:
        """Exchange time of the newest turn, ns."""
        return int(self.m[L.H_TIME])

    @property
    def made(self) -> Words:
        """The event rows of the last call of step(), valid until the next."""
        return self.events[: self._header[L.H_EVENT_USED]]

    @property
    def settling(self) -> bool:
        """Whether an event is being settled, so that the next turn needs a C_CONTINUE row."""
        return self._header[L.H_SETTLING] != 0

    def paces(self) -> tuple[bytes, bool]:
        """By session id: is it over a throttle or quota, or soon will be (pacing.OVER, SOON or 0)? And is there any?"""
        marks = np.zeros(table(self.m, L.P_SESSION).capacity, np.uint8)
        found = over_pace(self.m, marks)
        return marks.tobytes(), found > 0

    @property
    def next_due(self) -> int:
        """Time of the earliest timer, ns; 0: none."""
        if self._header[L.H_TIMERS] == 0:
            return 0
        m = self.m
        heap = int(m[L.H_POOLS + L.P_HEAP * L.POOL_WORDS + L.PL_BASE])
        return int(m[int(m[heap]) + L.TM_TIME])

    def counters(self) -> bytes:
        """Counters as bytes, the same on every machine. A running mark of the journal compares them in addition to the events."""
        m = self.m
        words = (L.H_ROW_SEQ, L.H_TURN, L.H_TIME, L.H_EVENT_SEQ, L.H_ORDER_SEQ, L.H_TRADE_SEQ, L.H_OPEN_ORDERS)
        used = (
            L.P_ASSET, L.P_VENUE, L.P_FIRM, L.P_ACCOUNT, L.P_SESSION, L.P_EVENT, L.P_INSTRUMENT, L.P_LISTING, L.P_BALANCE, L.P_ORDER, L.P_LEVEL, L.P_ARCHIVE,
            L.P_USED,
        )  # fmt: skip
        places = [*words, *(L.H_POOLS + pool * L.POOL_WORDS + L.PL_USED for pool in used)]
        return b"".join(int(m[place]).to_bytes(8, "little", signed=True) for place in places)

    def digest(self) -> bytes:
        """SHA-256 over the logical state in canonical order (defined in core/audit.py) and over the registry."""
        h = hashlib.sha256()
        for rows in audit.dump(self.m):
            h.update(memoryview(rows).cast("B"))
        h.update(self.registry.to_bytes())
        return h.digest()

    def check(self) -> list[str]:
        """Check all invariants of ledger, sets, collateral and books on the state. Returns a sentence for each violation."""
        return audit.check(self.m)

    def proofs(self) -> list[tuple[str, Callable[[], list[str]]]]:
        """The same in parts that take about as long each, by name."""
        return [("ledger, sets and collateral", lambda: audit.ledger(self.m)), ("books and lists", lambda: audit.structure(self.m))]

    # ---------------------------------------------------------------------------------------------------- snapshot
    def _used_extents(self) -> Iterator[tuple[int, int]]:
        """(first word, end word) of every range that can differ from 0."""
        yield 0, L.HEADER_WORDS
        made_again = (L.P_DIRTY, L.P_USED_HASH)
        whole = (L.P_SPARE, L.P_HEAP, L.P_ID_HASH, L.P_PAIR_HASH, L.P_NAME_HASH)
        for pool, width, rows in self.capacities.pools():
            d = L.H_POOLS + pool * L.POOL_WORDS
            base = int(self.m[d + L.PL_BASE])
            if pool in made_again:
                continue
            if pool in whole:
                used = rows
            else:
                used = min(int(self.m[d + L.PL_NEXT]), rows)
            yield base, base + used * width

    def snapshot(self) -> Iterator[bytes]:
        """The state between two turns, as chunks: a head, then (8 bytes first word, 8 bytes count, words) of each range that is not all
        0."""
        head = msgspec.msgpack.encode(
            SnapshotHead(L.LOGIC_VERSION, asdict(self.capacities), self.event_rows, self.registry.to_bytes(), self._described())
        )
        yield len(head).to_bytes(8, "little") + head
        for begin, end in self._used_extents():
            for at in range(begin, end, SNAPSHOT_WORDS):
                piece = self.m[at : min(at + SNAPSHOT_WORDS, end)]
                if piece.any():
                    yield at.to_bytes(8, "little") + len(piece).to_bytes(8, "little") + piece.tobytes()

    def _described(self) -> dict[str, Any]:
        """What a snapshot says of the arena: the description, and the places of the tables in it."""
        return {**OWN, "places": [list(place) for place in self.capacities.pools()]}

    @classmethod
    def restore(cls, body: "Iterable[bytes] | Takes") -> "Engine":
        """The engine of a snapshot, from its body in pieces or from a file. Raises SnapshotRefused: not a snapshot, or another logic version."""
        reader = body if isinstance(body, Takes) else Reader(iter(body))
        head = read_head(reader)
        if head.logic != L.LOGIC_VERSION:
            raise SnapshotRefused(f"a snapshot of logic version {head.logic}, this server runs {L.LOGIC_VERSION}")
        try:
            engine = cls(Capacities.begun_as(head.capacities), head.event_rows)
            engine.registry = Registry.from_bytes(head.registry)
            if not head.description or head.description == engine._described():
                read_words(reader, lambda _: engine.m)
                used_ids.find_again(engine.m)
                engine.as_written = True
            else:  # the same rules in other places
                carry(read_words(reader, arena_like(head.description)), head.description, engine.m)
        except (msgspec.MsgspecError, TypeError, EOFError, ValueError) as error:
            raise SnapshotRefused(f"not a snapshot: {error}") from error
        return engine


def read_head(reader: "Takes") -> SnapshotHead:
    """The first chunk of a snapshot. Raises SnapshotRefused."""
    try:
        return msgspec.msgpack.decode(reader.take(int.from_bytes(reader.take(8), "little")), type=SnapshotHead)
    except (msgspec.MsgspecError, EOFError) as error:
        raise SnapshotRefused(f"not a snapshot: {error}") from error


def arena_like(described: dict[str, Any]) -> Callable[[Words], Words]:
    """Makes the arena of a snapshot that describes itself so, from its first words."""

    def make(first: Words) -> Words:
        return np.zeros(int(first[described["header"]["H_ARENA_WORDS"][0]]), np.int64)

    return make


def read_words(reader: "Takes", make: Callable[[Words], Words]) -> Words:
    """The words of a snapshot's arena. make: gives the arena, all 0, when it gets the first words. Raises SnapshotRefused, EOFError."""
    m: Words | None = None
    while (first := reader.take(8, may_end=True)) != b"":
        at, count = int.from_bytes(first, "little"), int.from_bytes(reader.take(8), "little")
        if m is None:
            words = np.frombuffer(reader.take(8 * count), np.int64)
            m = make(words)
            m[at : at + count] = words
            continue
        if at + count > len(m):
            raise SnapshotRefused(f"words {at} to {at + count} lie outside the arena of {len(m)}")
        reader.into(memoryview(m[at : at + count].view(np.uint8).data))
    if m is None:
        raise SnapshotRefused("not a snapshot: it has no words")
    reader.finish()
    return m


@runtime_checkable
class Takes(Protocol):
    """The body of a snapshot, from its begin on: Reader, or journal.snapshots.Body."""

    def take(self, n: int, may_end: bool = False) -> bytes:
        """Exactly n bytes; b"" at a clean end if that is allowed. Raises EOFError."""

    def into(self, memory: memoryview) -> None:
        """Fill `memory`, bytes, with what comes next, by the time that `finish` returns. Raises EOFError."""

    def finish(self) -> None:
        """What was asked for is there."""


class Reader:
    """Reads bytes from chunks of any size."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks: Any = chunks
        self._left = memoryview(b"")

    def take(self, n: int, may_end: bool = False) -> bytes:
        """Exactly n bytes; b"" at a clean end if that is allowed. Raises EOFError."""
        parts = []
        want = n
        while want:
            if not self._left:
                chunk = next(self._chunks, None)
                if chunk is None:
                    if may_end and want == n:
                        return b""
                    raise EOFError(f"{want} bytes are missing")
                self._left = memoryview(chunk)
                continue
            parts.append(bytes(self._left[:want]))
            self._left = self._left[want:]
            want -= len(parts[-1])
        return b"".join(parts)

    def into(self, memory: memoryview) -> None:
        """Fill `memory`, bytes, with what comes next. Raises EOFError."""
        memory[:] = self.take(len(memory))

    def finish(self) -> None:
        """It is there."""
