"""From a data folder to a running engine: the newest good snapshot, then every row of the journal after it.

    data/journal/     segments, watermark, lock, cut/      (format.py, store.py)
    data/snapshots/   *.snap                               (snapshots.py)
    data/events/      *.evt                                (event_store.py)

`recover` locks the folder, loads the newest snapshot that verifies (else the one before, else none), walks the frames (walk.py checks
them), replays them through engine.apply, refills the event store, compares every state digest in the journal, cuts a torn tail
(keeping a copy), opens a new epoch and returns everything ready to run, with a report of one line. It refuses, naming the place, whatever
it cannot prove.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter  # only for the report's "seconds"; the engine never sees it
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core import layout as L
from ..disk import journal_walk as jw
from . import format as fmt
from . import recycled
from .event_store import ROWS_PER_FILE, EventStore
from .fence import FENCE
from .files import disk_words
from .marks import differs, event_digest
from .runner import Runner
from .snapshots import Keep, NotPruned, Snapshot, newest_snapshots, was_verified, write_snapshot
from .store import MARK_WAIT_MS, SEGMENT_BYTES, DirectoryLock, Journal, JournalError, JournalLocked, Position, sync_directory
from .walk import Batch, JournalRefused, Progress, Tail, Walk, list_segments

__all__ = [
    "FOLLOWER",
    "JournalRefused",
    "Recovered",
    "ReplayBroken",
    "Report",
    "SnapshotFailed",
    "cut",
    "iterate",
    "oldest_start",
    "recover",
    "repair",
    "restore",
    "seal",
    "verify",
]

FOLLOWER = "follower"  # folder in a data folder: lock and status of the follower (exchange_server/follow/)


class ReplayBroken(JournalError):
    """The program could not replay rows of its own journal: a fault of the program. The text names the rows."""


class SnapshotFailed(Exception):
    """A clean stop could not write its snapshot. Everything is in the journal: the next start replays it. The text gives the reason."""


class EngineLike(Protocol):
    """The part of exchange_server.engine.Engine that recovery uses."""

    def apply(self, rows: NDArray[np.int64], words: int, sink: Callable[[NDArray[np.int64]], None]) -> Any: ...
    def digest(self) -> bytes: ...
    def counters(self) -> bytes: ...
    @property
    def as_written(self) -> bool: ...
    def snapshot(self) -> Iterator[bytes]: ...
    @property
    def event_seq(self) -> int: ...
    @property
    def time_ns(self) -> int: ...


E = TypeVar("E", bound=EngineLike)


@dataclass
class Report:
    """The result of a recovery. `line()` is shown to the operator."""

    directory: Path
    created: bool = False
    snapshot: str = ""
    snapshot_seq: int = 0
    snapshot_digest: bytes = b""  # of the state at that row
    frames: int = 0
    rows: int = 0
    marks: int = 0
    cut_bytes: int = 0
    cut_file: str = ""
    cut_why: str = ""
    lost_async: int = 0
    seq: int = 0
    epoch: int = 0
    event_seq: int = 0
    replay_seconds: float = 0.0  # reading, checking, applying, filling the event store
    seconds: float = 0.0  # all of the recovery
    digest: str = ""  # of the events and the counters (marks.event_digest): that of the whole state takes seconds if it is large
    notes: list[str] = field(default_factory=list)

    def line(self) -> str:
        if self.created:
            return f"recovery: new journal in {self.directory}, epoch {self.epoch}, digest {self.digest[:16]}"
        snapshot = f"snapshot {self.snapshot} (row {self.snapshot_seq})" if self.snapshot else "no snapshot"
        cut = f"{self.cut_bytes} bytes cut"
        if self.cut_bytes:
            cut += f" (torn tail: {self.cut_why}; copy in {self.cut_file})"
        if self.lost_async:
            cut += f", {self.lost_async} later frames of async mode never synced"
        return (
            f"recovery: {snapshot}, {self.rows} rows in {self.frames} frames replayed, {cut}, {self.seconds:.2f} s, next row {self.seq}, "
            f"next event {self.event_seq}, epoch {self.epoch}, digest {self.digest[:16]}"
        )


@dataclass
class Recovered(Generic[E]):
    engine: E
    journal: Journal
    store: EventStore
    report: Report


def recover(
    data: str | Path,
    server_id: int,
    make_engine: Callable[[Iterable[bytes] | None], E],
    runner: Runner,
    *,
    accept: tuple[int, int] | None = None,
    rows_per_event_file: int = 0,
    logic: int = L.LOGIC_VERSION,
    batch_words: int = 1 << 16,
    settle_mode: Callable[[E], str] | None = None,
    progress: Progress | None = None,
    **journal: Any,
) -> Recovered[E]:
    """Restore the engine of a data folder, or create a new one in an empty folder.

    runner: runs the background work of journal, event store and reader. make_engine(None) gives a new engine, make_engine(chunks) one
    restored from a snapshot's body. accept: (segment, offset) at which an operator agreed to cut. settle_mode: gives the journal's mode, from
    the recovered state. progress: called during the replay with (rows done, rows in all). **journal: settings of Journal.open. Raises
    JournalLocked, JournalRefused, JournalError, OSError; in that case nothing has been changed on the disk.
    """
    began = perf_counter()
    data = Path(data)
    folder = data / "journal"
    lock = DirectoryLock(folder)
    store: EventStore | None = None
    try:
        report = Report(folder)
        _begin_anew_if_nothing_ever_was(data, folder, report)
        keep_free = int(journal.get("segment_bytes", 0)) or SEGMENT_BYTES
        store = EventStore(data / "events", rows_per_event_file or ROWS_PER_FILE, runner, keep_free)
        if not _anything_begun(folder):
            _refuse_orphans(data, folder)
            store.go_to(1)
            engine = make_engine(None)
            if settle_mode is not None:
                journal["mode"] = settle_mode(engine)
            opened = Journal.open(folder, server_id, runner, lock=lock, logic=logic, **journal)
            report.created = True
        else:
            engine, walk = _replay(data, server_id, make_engine, store, report, accept, logic, batch_words, runner, progress)
            tail = walk.tail
            assert tail is not None
            if settle_mode is not None:
                journal["mode"] = settle_mode(engine)
            repair(folder, tail, report, int(journal.get("segment_bytes", 0)))
            opened = Journal.open(folder, server_id, runner, lock=lock, position=tail.position, logic=logic, **journal)
        store.flush()  # the notes below say whether it can be written
        report.seq = opened.next_seq
        report.epoch = opened.epoch
        report.event_seq = engine.event_seq
        report.digest = event_digest(engine, store.value()).hex()
        if store.paused:
            report.notes.append(
                f"event store paused: {store.paused}; trading continues, and reports are rebuilt from the journal when there is space"
            )
        if store.holes:
            report.notes.append(
                f"event store: {store.holes.count()} events are missing and are rebuilt from the journal while the server runs"
            )
        report.seconds = perf_counter() - began
        return Recovered(engine, opened, store, report)
    except BaseException:
        if store is not None:
            store.abandon()
        lock.release()
        raise


def seal(recovered: Recovered[Any], data: str | Path, *, logic: int = L.LOGIC_VERSION, keep: Keep = Keep()) -> Path:
    """A clean stop: mark the state digest in the journal, sync the event store, write a snapshot, close everything. Returns its path.

    Raises JournalFailed, JournalError; SnapshotFailed if only the snapshot could not be written. Everything acknowledged is safe in the
    journal in any case. If the event store cannot be synced, its missing rows are rebuilt later.
    """
    journal, engine, store = recovered.journal, recovered.engine, recovered.store
    try:
        journal.settle()
        digest, value = engine.digest(), store.value()
        journal.commit_mark(digest, engine.event_seq, MARK_WAIT_MS, event_digest(engine, value))
        position = journal.settle()
        try:
            store.sync()
        except OSError as error:
            recovered.report.notes.append(f"event store not synced: {disk_words(error, store.directory)}")
        try:
            return write_snapshot(
                Path(data) / "snapshots", engine.snapshot(), position=position, event_seq=engine.event_seq, digest=digest,
                server_id=journal.server_id, logic=logic, event_value=value, time_ns=engine.time_ns, keep=keep,
            )  # fmt: skip
        except NotPruned as error:
            recovered.report.notes.append(str(error))
            return error.path
        except OSError as error:
            raise SnapshotFailed(
                f"stopped cleanly, but the snapshot could not be written: {disk_words(error, Path(data) / 'snapshots')}. "
                f"Everything is safe in the journal; the next start replays it"
            ) from error
    finally:
        store.close()
        journal.close()


def iterate(directory: str | Path, **options: Any) -> Iterator[NDArray[np.int64]]:
    """The rows of a journal folder as flat int64 arrays of whole turns, in order. Each array is reused two steps later.

    Read only. Raises JournalError, or JournalRefused at the first error; a torn tail ends the iteration.
    """
    for batch in Walk(Path(directory), **options):
        if batch.rows.size:
            yield batch.rows


@dataclass(frozen=True)
class Verified:
    """The result of `verify`."""

    frames: int
    rows: int
    marks: int
    segments: int
    end: Position
    torn_bytes: int
    why: str
    live: bool
    first_row: int = 0
    before: str = ""  # where the rows before the first are

    def line(self) -> str:
        end = f"segment {self.end.segment} offset {self.end.offset}"
        tail = (
            f"torn tail of {self.torn_bytes} bytes ({self.why}): never acknowledged, recovery will cut it"
            if self.torn_bytes
            else "clean end"
        )
        if self.live:
            tail = "a server is writing: checked up to its watermark"
        first = f" from row {self.first_row} on" if self.first_row else ""
        before = f". Rows 0 to {self.first_row - 1}: {self.before}" if self.first_row else ""
        return (
            f"journal verified: {self.rows} rows{first} in {self.frames} frames, {self.segments} segments, {self.marks} state digests, "
            f"end at {end}, {tail}, chain {self.end.chain.hex()}{before}"
        )


def verify(
    directory: str | Path,
    logic: int | None = L.LOGIC_VERSION,
    accept: tuple[int, int] | None = None,
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Check every frame of a journal folder from its first segment on; changes nothing. While a server writes there, up to its watermark.

    Raises JournalRefused naming what is wrong, JournalError when there is no journal.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise JournalError(f"journal folder {folder} does not exist")
    try:
        lock = DirectoryLock(folder)
    except JournalLocked:
        lock = None
    try:
        walk = Walk(folder, live=lock is None, logic=logic, accept=accept, runner=runner, progress=progress)
        marks = sum(batch.mark is not None for batch in walk)
    finally:
        if lock is not None:
            lock.release()
    tail = walk.tail
    assert tail is not None
    first = tail.position.seq - walk.rows
    before = (recycled.where(folder) or "they are not in this folder") if first else ""
    return Verified(walk.frames, walk.rows, marks, len(tail.segments), tail.position, tail.cut_bytes, tail.why, lock is None, first, before)


def cut(data: str | Path, segment: int, offset: int, server_id: int | None = None, logic: int = L.LOGIC_VERSION) -> Report:
    """Cut a refused journal at (segment, offset), which must be where verify stops: only on an operator's decision.

    Keeps a copy of what is cut. Snapshots from after the cut are renamed to *.cut. Raises JournalError when the journal is not damaged
    there.
    """
    data = Path(data)
    folder = data / "journal"
    locks = [DirectoryLock(folder)]
    try:
        if (data / FOLLOWER).is_dir():  # a follower may make a snapshot of rows that are cut
            locks.append(DirectoryLock(data / FOLLOWER, "follower's folder"))
        report = Report(folder)
        walk = Walk(folder, accept=(segment, offset), server_id=server_id, logic=logic)
        for _ in walk:
            pass
        tail = walk.tail
        assert tail is not None
        at = (tail.torn[0][1], fmt.segment_number(tail.torn[0][0].name)) if tail.torn else (tail.position.offset, tail.position.segment)
        if at != (offset, segment):
            raise JournalError(
                f"journal {folder} is not damaged at segment {segment} offset {offset}: it ends at segment {at[1]} offset {at[0]}"
            )
        repair(folder, tail, report, 0)
        p = tail.position
        (folder / FENCE).unlink(missing_ok=True)  # it may lie after the cut; the watermark keeps its epoch
        epoch = max(p.epoch, walk.watermark.epoch if walk.watermark is not None else 0)
        slot = fmt.pack_watermark(fmt.Watermark(walk.server_id or 0, epoch, p.seq, p.segment, p.offset, p.chain))
        fd = os.open(folder / "watermark", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, fmt.WATERMARK_FILE_BYTES)
            for place in fmt.SLOT_OFFSETS:
                os.pwrite(fd, slot, place)
            os.fsync(fd)
        finally:
            os.close(fd)
        for path in (data / "snapshots").glob("*.snap"):
            if not path.stem.isdigit() or int(path.stem) > p.seq:
                path.rename(path.with_suffix(".cut"))
        (data / "events" / "synced").unlink(missing_ok=True)
        report.seq, report.epoch, report.rows, report.frames = p.seq, epoch, walk.rows, walk.frames
        return report
    finally:
        for lock in locks:
            lock.release()


# ---- inside -----------------------------------------------------------------------------------------------------------
def _anything_begun(folder: Path) -> bool:
    for _, path in list_segments(folder):
        with open(path, "rb") as file:
            if file.read(fmt.SEGMENT_USED_BYTES).strip(b"\0"):
                return True
    return False


def _begin_anew_if_nothing_ever_was(data: Path, folder: Path, report: Report) -> None:
    """Remove the files of a server that was killed during its very first start: a started first segment and a watermark that was never
    written.

    No frame can have been written then, because the watermark is written first. If anything contradicts this (a byte after the header, a
    slot that is not all zero, another started segment, a snapshot, an event), nothing is removed, and the walk refuses the journal.
    """
    try:
        mark = (folder / "watermark").read_bytes()
    except FileNotFoundError:
        return
    if mark.strip(b"\0"):
        return
    segments = list_segments(folder)
    begun = [path for number, path in segments if not _all_zero(path, path.stat().st_size) and path.stat().st_size]
    if [fmt.segment_number(path.name) for path in begun] != [1]:
        return
    with open(begun[0], "rb") as file:
        file.seek(fmt.SEGMENT_USED_BYTES)
        while piece := file.read(1 << 20):
            if piece.strip(b"\0"):
                return
    if any((data / "snapshots").glob("*")) or any((folder / "cut").glob("*")):
        return
    for path in (data / "events").glob("*"):
        if path.suffix != ".evt" or (path.stat().st_size and not _all_zero(path, path.stat().st_size)):
            return
    for _, path in segments:
        path.unlink()
    sync_directory(folder)
    report.notes.append("the very first start was killed before anything was written: the journal is initialised again")


def _refuse_orphans(data: Path, folder: Path) -> None:
    """No segment was started: then nothing else may show that rows were written."""
    try:
        mark = fmt.newest_watermark((folder / "watermark").read_bytes())
    except FileNotFoundError:
        mark = None
    snapshots = sorted((data / "snapshots").glob("*.snap")) if (data / "snapshots").is_dir() else []
    if mark is not None or snapshots:
        what = (
            f"the watermark shows that row {mark.seq} was on the disk"
            if mark is not None
            else f"there is a snapshot ({snapshots[-1].name})"
        )
        raise JournalRefused(
            folder, 0, f"0 to {mark.seq - 1}" if mark is not None else "all", f"no segment is here, but {what}",
            "restore the segments from a copy; or, to start afresh, move the whole data folder away",
        )  # fmt: skip


def _replay(
    data: Path,
    server_id: int,
    make_engine: Callable[[Iterable[bytes] | None], E],
    store: EventStore,
    report: Report,
    accept: tuple[int, int] | None,
    logic: int,
    batch_words: int,
    runner: Runner,
    progress: Progress | None,
) -> tuple[E, Walk]:
    folder = data / "journal"
    first_segment = list_segments(folder)[0][0]
    snapshot, engine = restore(data, make_engine, report, logic, server_id)
    if engine is None:
        if first_segment != 1:
            raise JournalRefused(
                folder / fmt.segment_name(1), 0, "unknown", "the first segments are missing and no snapshot that verifies covers them",
                recycled.where(folder, 1, first_segment - 1) or "restore the segments or a snapshot from a copy",
            )  # fmt: skip
        engine = make_engine(None)
    if snapshot is None:
        store.go_to(1)
    else:
        store.go_to(snapshot.event_seq, snapshot.event_value)
        report.snapshot, report.snapshot_seq, report.snapshot_digest = snapshot.path.name, snapshot.position.seq, snapshot.digest
    walk = Walk(
        folder,
        start=snapshot.position if snapshot else None,
        server_id=server_id,
        logic=logic,
        accept=accept,
        batch_words=batch_words,
        runner=runner,
        progress=progress,
    )
    began = perf_counter()
    proven = snapshot.position.seq if snapshot is not None else 0  # rows up to here gave the digest in the journal
    for batch in walk:
        if batch.rows.size:
            _apply(engine, batch, store)
        if batch.mark is not None:
            report.marks += 1
            wrong = differs(batch.mark, engine, store.value())
            if wrong:
                raise JournalRefused(
                    folder / fmt.segment_name(batch.end.segment), batch.end.offset, f"{proven} to {batch.mark.seq - 1}", f"replay differs: {wrong}",
                    "run the version of the program that wrote this journal; keep the folder and report it",
                )  # fmt: skip
            proven = batch.mark.seq
    report.replay_seconds = perf_counter() - began
    report.frames, report.rows = walk.frames, walk.rows
    return engine, walk


def _apply(engine: EngineLike, batch: Batch, store: EventStore) -> None:
    """Apply one batch to the engine. Raises ReplayBroken for any fault of the program."""
    try:
        engine.apply(batch.rows, batch.rows.size, store.append)
    except Exception as error:
        last = batch.first_seq + batch.rows.size * 8 // fmt.ROW_BYTES - 1
        raise ReplayBroken(
            f"rows {batch.first_seq} to {last} of the journal cannot be replayed: {error}. Nothing was changed; start the version of the "
            f"program that wrote them, keep the folder and report it"
        ) from error


def restore(
    data: Path, make_engine: Callable[[Iterable[bytes] | None], E], report: Report, logic: int, server_id: int
) -> tuple[Snapshot | None, E | None]:
    """The newest usable snapshot and its engine; the report names those that are newer."""
    bad: list[str] = []
    for snapshot in newest_snapshots(data / "snapshots", bad, at_start=True):
        report.notes += [f"snapshot not used: {line}" for line in bad]
        bad.clear()
        if snapshot.logic != logic or snapshot.server_id != server_id:
            report.notes.append(f"snapshot not used: {snapshot.path.name}: rules version {snapshot.logic}, server {snapshot.server_id}")
            continue
        try:
            engine = make_engine(snapshot.body())
            # Whoever made a verified one has restored it and compared the digest, and these are the same words.
            proven = engine.as_written and was_verified(snapshot)
        except (fmt.BadBytes, OSError) as error:
            report.notes.append(f"snapshot not used: {snapshot.path.name}: {error}")
            continue
        if (not proven and engine.digest() != snapshot.digest) or engine.event_seq != snapshot.event_seq:
            raise JournalRefused(
                snapshot.path, 0, f"0 to {snapshot.position.seq - 1}", "the restored state does not have the snapshot's digest",
                "move this snapshot away and start again: the journal is then replayed from an earlier point",
            )  # fmt: skip
        return snapshot, engine
    report.notes += [f"snapshot not used: {line}" for line in bad]
    return None, None


def oldest_start(data: Path, folder: Path, logic: int = L.LOGIC_VERSION) -> Snapshot | None:
    """Where a replay of all that is left of these rules begins: None: with the first row (or there is nothing of these rules: who walks says so); else the oldest good
    snapshot from which the journal in `folder` goes on. Raises JournalRefused if there is none, OSError."""
    segments = list_segments(folder)
    number, before = _first_of(segments, logic)
    if number <= 1:
        return None
    for snapshot in reversed(list(newest_snapshots(data / "snapshots", []))):
        if snapshot.logic == logic and snapshot.position.segment >= number:
            return snapshot
    why = f"the journal begins with segment {number}, and there is no good snapshot from which it goes on"
    way = recycled.where(folder, 1, number - 1)
    if before:
        why = f"the segments before it are of rules version {before}, and there is no good snapshot of version {logic} from which the journal goes on"
        way = "restore the snapshot that exos upgrade apply made, or a later one, from a copy"
    elif not way and folder == data:
        way = f"bring the segments before it too: exos journal fetch 1..{number - 1} --data DIR --into {folder} --archive FOLDER"
    raise JournalRefused(
        folder / fmt.segment_name(number), 0, "those before this segment", why, way or "restore the segments or a snapshot from a copy"
    )


def _first_of(segments: list[tuple[int, Path]], logic: int) -> tuple[int, int]:
    """Number of the first segment of these rules (0: none), and the rules version of the one before it in the folder (0: there is none)."""
    before = 0
    for number, path in segments:
        with open(path, "rb") as file:
            head = file.read(fmt.SEGMENT_USED_BYTES)
        if not head.strip(b"\0"):
            break  # prepared
        try:
            found = fmt.parse_segment_header(head).logic
        except fmt.BadBytes:
            return number, before  # who walks says what is wrong with it
        if found == logic:
            return number, before
        before = found
    return 0, before


def repair(folder: Path, tail: Tail, report: Report, segment_bytes: int) -> None:
    """Cut the torn tail that the walk found: copy, zero, sync. Then delete prepared segments that are not intact."""
    for path, begin, end in tail.torn:
        if end <= begin:
            continue
        copies = folder / "cut"
        copies.mkdir(exist_ok=True)
        copy = copies / f"{path.stem}-{begin}-{end}.bin"
        count = 1
        while copy.exists():
            count += 1
            copy = copies / f"{path.stem}-{begin}-{end}-{count}.bin"
        with open(path, "r+b") as file:
            file.seek(begin)
            piece = file.read(end - begin)
            with open(copy, "xb") as out:
                out.write(piece)
                out.flush()
                os.fsync(out.fileno())
            sync_directory(copies)
            file.seek(begin)
            file.write(bytes(len(piece)))
            file.flush()
            os.fsync(file.fileno())
        report.cut_file = str(copy.relative_to(folder.parent))
    for path, size in tail.short:
        with open(path, "r+b") as file:
            have = file.seek(0, os.SEEK_END)
            file.write(bytes(size - have))
            file.flush()
            os.fsync(file.fileno())
    (folder / "spare.tmp").unlink(missing_ok=True)
    for number, path in list_segments(folder):
        if number <= tail.position.segment:
            continue
        size = path.stat().st_size
        if (segment_bytes and size != segment_bytes) or size % 4096 or not _all_zero(path, size):
            path.unlink()
    sync_directory(folder)
    report.cut_bytes, report.cut_why, report.lost_async = tail.cut_bytes, tail.why, tail.lost_async


def _all_zero(path: Path, size: int) -> bool:
    if size == 0:
        return False
    data = np.memmap(path, dtype=np.uint8, mode="c", shape=(size,)).view(np.ndarray)
    words = data[: size & -8]  # a file that was cut may have any length
    return bool(jw.last_nonzero(words, words.view(np.int64), 0) == 0) and not data[size & -8 :].any()
