"""Turns a followed copy of a data folder, or the folder itself on shared storage, into the server, after the old one was fenced.

The copy is checked frame by frame up to its watermark; its torn end is cut (a copy is kept), its epoch is raised, and it becomes the home of the
identity. All that an old server may still have open (lock, watermark, the newest segment, prepared ones) is replaced by new files, so that
whatever it writes from now on reaches nothing; it notices within a second and stops (exit code 17). A fence (journal/fence.py) keeps its frames
from being taken if they are copied here later. Killed at any moment, it is run again.
"""

import errno
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .. import identity
from ..archive import manifest
from ..exits import Exit
from ..journal import format as fmt
from ..journal.fence import FENCE, newest_mark, replace_file, watermark_file
from ..journal.files import DirectoryLock, JournalError, JournalLocked, Position, sync_directory
from ..journal.recover import FOLLOWER, Report, repair
from ..journal.snapshots import Snapshot, newest_snapshots
from ..journal.walk import Tail, Walk, list_segments
from .proven import proven_end
from .seals import BackupError
from .vault import sentence

WATCH_S = 1.5
COPY_BYTES = 1 << 20
ACTS = "acts.log"


@dataclass(frozen=True)
class Promoted:
    folder_id: str
    rows: int
    epoch: int  # the next start has a later one
    cut_bytes: int
    fenced: str  # the old folder, where it can be seen from here
    notes: list[str]


def promote(
    data: Path,
    *,
    old: Path | None = None,
    accept_loss: bool = False,
    watch_s: float = WATCH_S,
    now_ns: int = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> Promoted:
    """Make `data` the server. old: where the old server's folder can be seen, if that is not the place that the identity names. accept_loss: also when
    the old folder can be seen and holds more rows. Raises BackupError."""
    try:
        with ExitStack() as held:
            return _promote(data, old, accept_loss, watch_s, now_ns or time.time_ns(), sleep, held)
    except identity.IdentityRefused as error:
        raise BackupError(error.code, str(error)) from error
    except JournalError as error:
        raise BackupError(Exit.RECOVERY, f"{data} was not promoted: {error}") from error
    except OSError as error:
        raise sentence(error, data) from error


def _promote(
    data: Path, old: Path | None, accept_loss: bool, watch_s: float, now_ns: int, sleep: Callable[[float], None], held: ExitStack
) -> Promoted:
    journal = data / "journal"
    if not journal.is_dir():
        raise BackupError(Exit.FAILED, f"{data} is no data folder: it has no journal")
    identity.refuse_half_restored(data)
    who = identity.read(data)
    if who is None:
        raise BackupError(Exit.FAILED, f"{data} has no identity: copy {identity.FILE} of the old server's folder as well")
    _refuse_taken_over(who, data)
    _refuse_answering(data)
    lock = _locks(data, held)
    _refuse_growing(data, watch_s, sleep)
    elsewhere = _old_folder(who, data, old)
    if elsewhere is not None and (process := identity.holder(elsewhere / "journal")):
        raise BackupError(
            Exit.FENCED, f"the old server lives: process {process} has {elsewhere} open. Stop it first (exos stop --data {elsewhere})"
        )
    theirs = identity.read(elsewhere) if elsewhere is not None else None
    if theirs is not None and theirs.taken_over not in ("", str(data.resolve())):
        raise BackupError(Exit.FENCED, f"{elsewhere} was taken over by {theirs.taken_over} already: use that one")
    tail, server_id, notes = _read(data)
    if elsewhere is not None:
        _refuse_behind(elsewhere, data, tail.position, server_id, accept_loss)
    report = Report(journal)
    repair(journal, tail, report, 0)
    epoch = _take(journal, tail.position, server_id, lock)
    now = identity.at(identity.replacing(who), identity.place_of(data))
    if elsewhere is not None:
        identity.mark_taken(elsewhere, data)
    identity.write(data, now)
    act = {
        "act": "promote",
        "time_ns": now_ns,
        "folder_id": now.folder_id,
        "from": who.path,
        "to": now.path,
        "rows": tail.position.seq,
        "epoch": epoch,
    }
    manifest.append(data / ACTS, act)
    return Promoted(now.folder_id, tail.position.seq, epoch, report.cut_bytes, str(elsewhere or ""), notes)


# ---- refusals ----------------------------------------------------------------------------------------------------------
def _refuse_taken_over(who: identity.Identity, data: Path) -> None:
    if who.taken_over:
        raise BackupError(Exit.FENCED, f"{data} was fenced itself: its identity was taken over by {who.taken_over}")


def _refuse_answering(data: Path) -> None:
    path = data / "admin.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise BackupError(Exit.FENCED, f"the old server lives: it answers on {path}. Stop it first (exos stop --data {data})")


def _locks(data: Path, held: ExitStack) -> DirectoryLock:
    try:
        lock = DirectoryLock(data / "journal")
    except JournalLocked as error:
        raise BackupError(Exit.FENCED, f"the old server lives: {error}") from error
    held.callback(lock.release)
    if (data / FOLLOWER).is_dir():
        try:
            held.callback(DirectoryLock(data / FOLLOWER, "follower's folder").release)
        except JournalLocked as error:
            raise BackupError(Exit.LOCKED, f"a follower still runs on this folder: {error}") from error
    return lock


def _refuse_growing(data: Path, watch_s: float, sleep: Callable[[float], None]) -> None:
    """A lock need not reach across machines: look whether anybody writes."""
    before = _seen(data)
    sleep(watch_s)
    if _seen(data) != before:
        raise BackupError(
            Exit.FENCED,
            f"the journal in {data} changed while it was looked at: the old server still writes, or the copy from it still runs. Stop both first",
        )


def _seen(data: Path) -> object:
    journal = data / "journal"
    names = sorted(path.name for path in journal.iterdir() if path.suffix == ".seg" or path.name == "watermark")
    stats = [(journal / name).stat() for name in names]
    mark = (journal / "watermark").read_bytes() if "watermark" in names else b""
    return names, [(s.st_ino, s.st_size, s.st_mtime_ns) for s in stats], mark


def _old_folder(who: identity.Identity, data: Path, old: Path | None) -> Path | None:
    if old is None:
        return identity.other(who, data)
    theirs = identity.read(old) if old.is_dir() else None
    if theirs is None or theirs.folder_id != who.folder_id:
        raise BackupError(Exit.USAGE, f"--old {old}: is not the data folder of the server that {data} was copied from")
    return None if old.samefile(data) else old


def _refuse_behind(old: Path, data: Path, end: Position, server_id: int, accept_loss: bool) -> None:
    """Raises BackupError if the old folder has a later epoch, or rows that are not here. After a power cut its watermark may be older than its last
    acknowledged rows: frames that go on from our end count as well."""
    try:
        mark = newest_mark(old / "journal")
    except OSError:
        return
    if mark is None:
        return
    if mark.epoch > end.epoch + identity.EPOCHS // 2:
        raise BackupError(
            Exit.FENCED,
            f"{old} has the epoch {mark.epoch}, {data} only {end.epoch}: that one was promoted after this copy was made. Use that one",
        )
    rows = max(mark.seq, _rows_after(old / "journal", end, server_id))
    if rows > end.seq and not accept_loss:
        raise BackupError(
            Exit.FAILED,
            f"{old} holds rows up to {rows}, {data} only up to {end.seq}: copy the rest first (docs/backup.md), or give --accept-loss to go on "
            f"without {rows - end.seq} acknowledged rows",
        )


def _rows_after(journal: Path, end: Position, server_id: int) -> int:
    """Rows up to the last frame that goes on from `end`; 0: it does not go on from there, or cannot be read."""
    try:
        return proven_end(journal, end, server_id).seq
    except (JournalError, OSError):
        return 0


# ---- the journal -------------------------------------------------------------------------------------------------------
def _read(data: Path) -> tuple[Tail, int, list[str]]:
    """Check the journal to its end: (where and how it ends, server id, notes). Snapshots of rows that were not copied are put aside."""
    journal = data / "journal"
    logic = _logic(journal)
    mark = newest_mark(journal)
    bad: list[str] = []
    start: Snapshot | None = None
    if (data / "snapshots").is_dir() and mark is not None:
        start = next((found for found in newest_snapshots(data / "snapshots", bad) if found.position.seq <= mark.seq), None)
    walk = Walk(journal, start=start.position if start is not None else None, logic=logic)
    for _ in walk:
        continue
    tail = walk.tail
    assert tail is not None and walk.server_id is not None
    notes = []
    for path in sorted((data / "snapshots").glob("*.snap")):
        if not path.stem.isdigit() or int(path.stem) > tail.position.seq:
            path.rename(path.with_suffix(".cut"))
            notes.append(f"snapshot {path.name} put aside: the rows up to it were not copied")
    return tail, walk.server_id, notes


def _logic(journal: Path) -> int:
    for _, path in reversed(list_segments(journal)):
        with open(path, "rb") as file:
            head = file.read(fmt.SEGMENT_USED_BYTES)
        if head.strip(b"\0"):
            try:
                return fmt.parse_segment_header(head).logic
            except fmt.BadBytes:
                continue  # torn, or refused by the walk
    raise JournalError(f"journal folder {journal} holds no segment that was ever written to")


def _take(journal: Path, end: Position, server_id: int, lock: DirectoryLock) -> int:
    """Replace what an old server may have open, and raise the epoch; returns it."""
    for number, path in list_segments(journal):
        if number > end.segment:
            path.unlink()
    _copy_over(journal / fmt.segment_name(end.segment))
    mark = newest_mark(journal)
    epoch = max(end.epoch, mark.epoch if mark is not None else 0) + identity.EPOCHS
    raised = fmt.Watermark(server_id, epoch, end.seq, end.segment, end.offset, end.chain)
    replace_file(journal / "watermark", watermark_file(raised))
    replace_file(journal / FENCE, fmt.pack_watermark(raised))
    lock.renew()
    sync_directory(journal)
    return epoch


def _copy_over(path: Path) -> None:
    """The same content in a new file under the same name."""
    temporary = path.with_name("promote.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(path, "rb") as file:
            while piece := file.read(COPY_BYTES):
                if os.write(fd, piece) != len(piece):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, path)
    sync_directory(path.parent)
