"""Follows one journal with an engine of its own: apply, compare at every mark, make a snapshot when one is due.

A mark (journal/marks.py) is a digest that the live server wrote into its journal. Snapshots are made only at a mark that agrees, so a snapshot never
holds a state that the live server was not seen to have. The first mark that differs ends the following: `Differs` names the rows.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.settings import Settings

from ..core import layout as L
from ..journal import format as fmt
from ..journal.event_files import EventSum
from ..journal.files import SYNC_EVERY_BYTES, JournalError, Position, disk_words
from ..journal.marks import differs
from ..journal.piecewise import Pace
from ..journal.recover import EngineLike, Report, restore
from ..journal.snapshots import HEADER_BYTES, Keep, NotPruned, Snapshot, write_snapshot
from ..journal.walk import Batch
from .apart import Apart
from .source import Source

TEMPORARY = "follower.tmp"
AGAIN_S = 60.0  # a snapshot that failed is tried again after this time
DISK_BYTES_PER_S = 384 << 20  # of a snapshot, written or read back
REST = 10  # after a snapshot it rests for this many times as long as that one took


class Differs(JournalError):
    """This engine and the live one made different things of the same rows. The text names the rows."""


class SnapshotUnlike(Exception):
    """A snapshot read back from the disk does not give the state that was written."""


@dataclass(frozen=True)
class Rules:
    """When a snapshot is made: after this many rows, or bytes of the journal, or seconds with new rows; and which stay. keep_free: bytes of
    the disk that a snapshot leaves free."""

    rows: int
    bytes: int
    age_s: float
    keep: Keep
    keep_free: int


@dataclass
class Made:
    """The newest snapshot of this follower, and what was wrong with the last try."""

    name: str = ""
    seq: int = 0
    bytes: int = 0
    seconds: float = 0.0
    count: int = 0
    problem: str = ""


class _Written(msgspec.Struct, frozen=True):
    """What became of a snapshot. name: empty: there is none; then `problem` says why."""

    name: str = ""
    bytes: int = 0
    problem: str = ""


@dataclass(frozen=True)
class _Making:
    """A snapshot that is being made apart. since: the rows from which on its successor would count if it fails."""

    at: Position
    began: float
    since: int
    apart: Apart


class Follower:
    """One engine on one source. `catch_up` is called again and again; only a frame that is being written is waited for (source.py)."""

    def __init__(
        self,
        data: Path,
        source: Source,
        server_id: int,
        make_engine: Callable[[Iterable[bytes] | None], EngineLike],
        rules: Callable[[EngineLike], Rules],
        *,
        logic: int = L.LOGIC_VERSION,
        clock: Callable[[], float] = monotonic,
        before_snapshot: Callable[[], None] = lambda: None,
        apart: bool = False,
    ) -> None:
        """Restores the newest good snapshot of the folder, else begins at the first row. rules: from the state at a mark. before_snapshot: called
        before one is made. apart: a copy of this process makes them, and following goes on meanwhile. Raises JournalRefused, JournalError, OSError."""
        self.data = data
        self.source = source
        self.server_id = server_id
        self.logic = logic
        self._make = make_engine
        self._clock = clock
        self._before_snapshot = before_snapshot
        self._apart = apart
        self._making: _Making | None = None
        self.report = Report(data / "journal")
        snapshot, engine = restore(data, make_engine, self.report, logic, server_id)
        self.engine: EngineLike = engine if engine is not None else make_engine(None)
        self.position: Position | None = None
        self.events = EventSum()
        self.made = Made()
        self.proven = 0
        if snapshot is not None:
            self.position = snapshot.position
            self.events = EventSum(snapshot.event_value, snapshot.event_seq)
            self.proven = snapshot.position.seq
            self.made = Made(snapshot.path.name, snapshot.position.seq, HEADER_BYTES + snapshot.body_bytes)
        self.marks = 0
        self._at_mark = False  # the newest thing applied was a mark that agreed
        self._rules_now = rules
        self._begin_rest(self.seq, 0.0)

    @property
    def seq(self) -> int:
        """Rows applied."""
        return self.position.seq if self.position is not None else 0

    def catch_up(self) -> Iterator[Batch]:
        """Apply what is durable now, batch by batch: yields each after it was applied. Raises Differs, JournalRefused, JournalError, OSError of
        the source."""
        self.look()
        if self._at_mark and self.position is not None and self._due(self.position):  # it rested when the mark came, or the age came later
            self._snapshot(self.position)
        for batch in self.source.batches(self.position):
            self._apply(batch)
            yield batch

    def _add(self, events: NDArray[np.int64]) -> None:
        self.events.add(events)

    def _apply(self, batch: Batch) -> None:
        if batch.rows.size:
            self._at_mark = False
            try:
                self.engine.apply(batch.rows, batch.rows.size, self._add)
            except MemoryError:
                raise  # says nothing about the rows
            except Exception as error:  # whatever it is: the live engine applied these rows
                last = batch.end.seq - 1
                raise Differs(f"rows {batch.first_seq} to {last} cannot be applied here: {type(error).__name__}: {error}") from error
        before, self.position = self.position, batch.end
        moved = before is not None and before.segment == batch.end.segment
        self._bytes += batch.end.offset - (before.offset if before is not None and moved else fmt.SEGMENT_HEADER_BYTES)
        if batch.mark is None:
            return
        self.marks += 1
        wrong = differs(batch.mark, self.engine, self.events.words.tobytes())
        if wrong:
            raise Differs(f"rows {self.proven} to {batch.mark.seq - 1} give something else here than on the server: {wrong}")
        self.proven = batch.mark.seq
        self._at_mark = True
        if self._due(batch.end):
            self._snapshot(batch.end)

    # ---- snapshots ----------------------------------------------------------------------------------------------------
    def _begin_rest(self, seq: int, seconds: float) -> None:
        """Nothing is due for a while: counting begins here."""
        self._since, self._bytes, self._since_s = seq, 0, self._clock()
        self._not_before_s = self._since_s + seconds

    def _due(self, at: Position) -> bool:
        rows, now = at.seq - self._since, self._clock()
        if rows <= 0 or now < self._not_before_s or self.making:
            return False
        rules = self._rules_now(self.engine)
        return rows >= rules.rows or self._bytes >= rules.bytes or now - self._since_s >= rules.age_s

    def _snapshot(self, at: Position) -> None:
        """Begin one, or make it at once."""
        self._before_snapshot()
        rules, began = self._rules_now(self.engine), self._clock()
        if not self._apart:
            self._made_one(at, self._write(at, rules), self._clock() - began)
            return
        try:
            self._making = _Making(at, began, self._since, Apart(lambda: msgspec.json.encode(self._write(at, rules))))
            self._begin_rest(at.seq, 0.0)
        except OSError as error:
            self._made_one(at, _Written(problem=_sentence(error, self.data / "snapshots", at.seq)), 0.0)

    def look(self) -> None:
        """Whether the snapshot that is made apart is there."""
        making = self._making
        if making is None or (told := making.apart.result()) is None:
            return
        self._making = None
        try:
            written = msgspec.json.decode(told, type=_Written)
        except msgspec.MsgspecError:
            written = _Written(
                problem=f"no snapshot at row {making.at.seq}: the process that made it was ended, by the system if there was not enough memory"
            )
        since, count = self._since, self._bytes
        self._made_one(making.at, written, self._clock() - making.began)
        self._since, self._bytes = (since, count) if written.name else (making.since, count)

    def close(self) -> None:
        """A snapshot that is made apart is given up."""
        if self._making is not None:
            self._making.apart.end()
            self._making = None

    @property
    def making(self) -> bool:
        """Whether a snapshot is being made apart."""
        return self._making is not None

    def _made_one(self, at: Position, written: "_Written", took: float) -> None:
        """A failure is noted and tried again; following goes on."""
        if not written.name:
            self.made.problem = written.problem
            self._not_before_s = self._clock() + AGAIN_S
            return
        self.made = Made(written.name, at.seq, written.bytes, took, self.made.count + 1, written.problem)
        self._begin_rest(at.seq, REST * took)

    def _write(self, at: Position, rules: Rules) -> "_Written":
        """Write one, restore it, and let it count if it gives the same digest."""
        folder = self.data / "snapshots"
        try:
            digest = self.engine.digest()
            path = write_snapshot(
                folder, self.engine.snapshot(), position=at, event_seq=self.engine.event_seq, digest=digest, server_id=self.server_id,
                logic=self.logic, event_value=self.events.words.tobytes(), time_ns=self.engine.time_ns, keep=rules.keep,
                temporary_name=TEMPORARY, writing=_writing(rules.keep_free), check=lambda made: self._check(made, digest),
            )  # fmt: skip
            return _Written(path.name, path.stat().st_size)
        except NotPruned as error:
            return _Written(error.path.name, error.path.stat().st_size, str(error))
        except (OSError, fmt.BadBytes, SnapshotUnlike, MemoryError) as error:
            return _Written(problem=_sentence(error, folder, at.seq))

    def _check(self, made: Snapshot, digest: bytes) -> None:
        restored = self._make(made.body())
        if restored.digest() != digest or restored.event_seq != made.event_seq:
            raise SnapshotUnlike


def _writing(keep_free: int) -> Callable[[int, int], None]:
    """Before each piece of a snapshot that is written or read back: room for the journal, and a pace at which its syncs find the disk free."""
    pace = Pace(DISK_BYTES_PER_S)

    def before(fd: int, done: int) -> None:
        pace.wait(done)
        if done % SYNC_EVERY_BYTES == 0:
            disk = os.fstatvfs(fd)
            if disk.f_bavail * disk.f_frsize < keep_free:
                raise OSError(errno.ENOSPC, f"less than {keep_free >> 20} MiB would be left for the journal")

    return before


def _sentence(error: BaseException, folder: Path, seq: int) -> str:
    what = f"no snapshot at row {seq}"
    if isinstance(error, MemoryError):
        return f"{what}: not enough memory to restore it for the check"
    if isinstance(error, SnapshotUnlike):
        return f"{what}: restored from the disk it gave another state than was written; check memory and disk of this machine"
    if isinstance(error, OSError):
        return f"{what}: {disk_words(error, folder)}"
    return f"{what}: read back from the disk: {error}"


def rules_of(values: Settings, keep_free: int) -> Rules:
    """The rules that a folder's settings give."""
    return Rules(
        values.snapshot_rows,
        values.snapshot_bytes,
        values.snapshot_age_ns / 1e9,
        Keep(values.snapshots_kept, values.snapshot_days),
        keep_free,
    )
