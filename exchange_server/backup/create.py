"""Makes a backup of a data folder, whether a server is running on it or not: this process only reads.

What is kept: the newest snapshot that verifies, the journal from there to the row that is durable now, the events before the snapshot (replies to
resend requests; later ones are made again by the replay), and all other files of the folder, such as certificates. The journal is checked frame by
frame before it is copied. Of a folder that no server uses, durable is what a start would find there (proven.py). Sealed pieces never change, so a backup
adds to a vault what is new since the last one.
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import identity
from ..archive.segments import MANIFEST, STATE
from ..exits import Exit
from ..journal import format as fmt
from ..journal import recycled, retention
from ..journal.event_files import ROW_BYTES, ROWS_PER_FILE, SUM_BYTES, EventFiles
from ..journal.fence import newest_mark
from ..journal.files import JournalError
from ..journal.snapshots import Snapshot, newest_snapshots
from ..journal.walk import Walk, list_segments
from .proven import durable_end
from .seals import BackupError, Key
from .vault import CHUNK, Backup, File, Progress, Vault, sentence

TRIES = 3  # the follower and the archive may delete what was chosen
EVENTS_WAIT_S = 5.0  # for the server's helper to write the events before the snapshot
NOT_KEPT = {
    "journal",
    "snapshots",
    "events",
    "follower",
    "archive",
    "admin.sock",
    "principal.sock",
    "lock",
    identity.FILE,
    identity.RESTORING,
}


class Moved(Exception):
    """What was chosen is not there any more: choose again."""


@dataclass(frozen=True)
class Part:
    """A file to be kept: its first `limit` bytes, zeros up to `size`. blank: (from byte, to byte) that are read as zeros."""

    path: str
    fd: int
    limit: int
    size: int
    blank: tuple[tuple[int, int], ...] = ()


@dataclass
class Chosen:
    snapshot: Snapshot | None
    mark: fmt.Watermark
    head: fmt.SegmentHeader
    parts: list[Part]
    segments: list[tuple[Path, int, bytes]]  # with the descriptor and the header as they were
    notes: list[str]


def create(
    data: Path,
    folder: Path,
    key: Key | None = None,
    *,
    rows_per_event_file: int = ROWS_PER_FILE,
    progress: Progress | None = None,
    now_ns: int = 0,
    events_wait_s: float = EVENTS_WAIT_S,
) -> Backup:
    """Make a backup of `data` in the vault `folder`. now_ns: time of day (0: of this machine). Raises BackupError."""
    if not (data / "journal").is_dir():
        raise BackupError(Exit.FAILED, f"{data} is no data folder: it has no journal")
    if folder.resolve().is_relative_to(data.resolve()):
        raise BackupError(Exit.USAGE, f"{folder} lies in the data folder {data}: a backup belongs on another disk")
    try:
        identity.refuse_half_restored(data)
        who = identity.read(data)
    except identity.IdentityRefused as error:
        raise BackupError(error.code, str(error)) from error
    if who is None:
        raise BackupError(Exit.FAILED, f"{data} has no identity yet: start its server once with this version of the program")
    try:
        with Vault(folder, key, "create") as vault:
            older = vault.backups()
            for left in reversed(range(TRIES)):
                try:
                    return _try(data, vault, older, who, rows_per_event_file, progress, now_ns or time.time_ns(), events_wait_s)
                except Moved as moved:
                    if not left:
                        raise BackupError(Exit.FAILED, f"{data} changed under the backup {TRIES} times: {moved}; try again") from moved
    except OSError as error:
        raise sentence(error, folder) from error
    except JournalError as error:
        raise BackupError(Exit.RECOVERY, f"no backup was made: {error}") from error
    raise AssertionError("not reached")


def _try(
    data: Path,
    vault: Vault,
    older: list[Backup],
    who: identity.Identity,
    rows_per_event_file: int,
    progress: Progress | None,
    now_ns: int,
    events_wait_s: float,
) -> Backup:
    with ExitStack() as opened:
        chosen = _choose(data, opened)
        _check_frames(data, chosen)
        snapshot, mark = chosen.snapshot, chosen.mark
        event_seq = snapshot.event_seq if snapshot is not None else 1
        notes = _events(data, chosen, event_seq, rows_per_event_file, opened, events_wait_s)
        for name in (recycled.NAME, STATE):
            _also(data, f"journal/{name}", chosen, opened)
        _others(data, data, chosen, opened)
        files, added = _keep(vault, older, chosen, progress)
        _still_there(chosen)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ns // 10**9))
    backup = Backup(
        name=_free_name(f"{stamp}Z-{mark.seq}", vault.names()), made_ns=now_ns, folder_id=who.folder_id, path=str(data.resolve()),
        server_id=chosen.head.server_id, logic=chosen.head.logic, snapshot=snapshot.path.name if snapshot is not None else "",
        first_row=snapshot.position.seq if snapshot is not None else 0, first_ns=snapshot.time_ns if snapshot is not None else 0,
        rows=mark.seq, event_seq=event_seq, segment=mark.segment, offset=mark.offset, chain=mark.chain, epoch=mark.epoch,
        files=files, notes=[*chosen.notes, *notes], new_bytes=added,
    )  # fmt: skip
    vault.commit(backup)
    vault.sweep({name for one in (*older, backup) for file in one.files for name, _, _ in file.pieces})
    return backup


def _free_name(wanted: str, taken: list[str]) -> str:
    name, n = wanted, 1
    while name in taken:
        n += 1
        name = f"{wanted}-{n}"
    return name


# ---- choosing ----------------------------------------------------------------------------------------------------------
def _choose(data: Path, opened: ExitStack) -> Chosen:
    """Snapshot and segments, opened: what is deleted from now on can still be read. Raises Moved, BackupError, OSError."""
    journal = data / "journal"
    try:
        mark = newest_mark(journal)
    except FileNotFoundError:
        mark = None
    mark, note = durable_end(journal, mark) if mark is not None else (None, "")
    if mark is None or mark.seq == 0:
        raise BackupError(
            Exit.FAILED, f"{data}: nothing was ever written to its journal, or its watermark is damaged (exos journal verify {data})"
        )
    bad: list[str] = []
    snapshot = None
    if (data / "snapshots").is_dir():
        snapshot = next((found for found in newest_snapshots(data / "snapshots", bad) if found.position.seq <= mark.seq), None)
    parts: list[Part] = []
    if snapshot is not None:
        fd = _open(snapshot.path, opened)
        size = os.fstat(fd).st_size
        parts.append(Part(f"snapshots/{snapshot.path.name}", fd, size, size))
    present = dict(list_segments(journal))
    first = snapshot.position.segment if snapshot is not None else 1
    segments: list[tuple[Path, int, bytes]] = []
    head: fmt.SegmentHeader | None = None
    for number in range(first, mark.segment + 1):
        if number not in present:
            raise Moved(f"segment {number} is missing" + (f" and snapshots do not verify ({'; '.join(bad)})" if bad else ""))
        fd = _open(present[number], opened)
        used = os.pread(fd, fmt.SEGMENT_USED_BYTES, 0)
        try:
            head = fmt.parse_segment_header(used)
        except fmt.BadBytes as error:
            raise BackupError(Exit.RECOVERY, f"no backup was made: {present[number]}: {error} (exos journal verify {data})") from error
        if head.segment != number:
            raise Moved(f"segment {number} was recycled")
        limit = mark.offset if number == mark.segment else os.fstat(fd).st_size
        parts.append(Part(f"journal/{fmt.segment_name(number)}", fd, limit, head.segment_bytes))
        segments.append((present[number], fd, used))
    assert head is not None
    return Chosen(snapshot, mark, head, parts, segments, [note] if note else [])


def _open(path: Path, opened: ExitStack) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise Moved(f"{path.name} was deleted") from None
    opened.callback(os.close, fd)
    return fd


def _check_frames(data: Path, chosen: Chosen) -> None:
    """Every frame from the snapshot to the durable end. Raises JournalRefused, Moved."""
    start = chosen.snapshot.position if chosen.snapshot is not None else None
    try:
        for _ in Walk(
            data / "journal", start=start, server_id=chosen.head.server_id, logic=chosen.head.logic, live=True, watermark=chosen.mark
        ):
            continue
    except JournalError:
        _still_there(chosen)  # then the journal is damaged; else it was recycled meanwhile
        raise


def _still_there(chosen: Chosen) -> None:
    """Raises Moved if a segment was recycled while it was read."""
    for path, fd, head in chosen.segments:
        try:
            same = os.path.samestat(os.stat(path), os.fstat(fd)) and os.pread(fd, len(head), 0) == head
        except FileNotFoundError:
            same = False
        if not same:
            raise Moved(f"{path.name} was recycled")


def _events(data: Path, chosen: Chosen, event_seq: int, rows_per_file: int, opened: ExitStack, wait_s: float) -> list[str]:
    """The files of the events before the snapshot; notes about what they lack."""
    files = EventFiles(data / "events", rows_per_file)
    opened.callback(files.close)
    present = files.present() if files.directory.is_dir() else []
    last = event_seq - 1
    wanted = [file for file in present if file <= files.file_of(last)] if last > 0 else []
    for file in wanted:
        fd = _open(files.path(file), opened)
        size = os.fstat(fd).st_size
        if size != files.file_bytes:
            continue
        inside = min(rows_per_file, last - file * rows_per_file)
        blank = (
            (inside * ROW_BYTES, rows_per_file * ROW_BYTES),
            (rows_per_file * ROW_BYTES + inside * SUM_BYTES, size),
        )
        chosen.parts.append(Part(f"events/{files.path(file).name}", fd, size, size, blank))
    missing = _settled(files, retention.read(files.directory), last, wait_s) if last > 0 else []
    _also(data, f"events/{retention.NAME}", chosen, opened)
    kept_from = retention.read(files.directory)  # after the files were opened: what was removed meanwhile is removed on purpose
    missing = [(max(a, kept_from), b) for a, b in missing if b >= kept_from]
    return [f"events {a} to {b} are not in the event store's files: after a restore they cannot be sent again" for a, b in missing]


def _settled(files: EventFiles, first: int, last: int, wait_s: float) -> list[tuple[int, int]]:
    """Which of these events are not in the files, after the server's helper had time to write the newest."""
    end = time.monotonic() + wait_s
    bad = files.scan(first, last)
    while bad and bad[-1][1] == last and time.monotonic() < end:
        time.sleep(0.1)
        bad = files.scan(first, last)
    return bad


def _also(data: Path, name: str, chosen: Chosen, opened: ExitStack) -> None:
    """A small file, if it is there."""
    if (data / name).is_file():
        fd = _open(data / name, opened)
        size = os.fstat(fd).st_size
        chosen.parts.append(Part(name, fd, size, size))


def _others(folder: Path, data: Path, chosen: Chosen, opened: ExitStack) -> None:
    """All other regular files of the folder. Raises OSError."""
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        path = Path(entry.path)
        if entry.is_symlink() or (folder == data and entry.name in NOT_KEPT) or entry.name.endswith(".tmp"):
            continue
        if entry.is_dir():
            if not (path / MANIFEST).exists():  # an archive of the journal: it is its own backup
                _others(path, data, chosen, opened)
        elif stat.S_ISREG(entry.stat().st_mode):
            _also(data, str(path.relative_to(data)), chosen, opened)


# ---- copying ------------------------------------------------------------------------------------------------------------
def _keep(vault: Vault, older: list[Backup], chosen: Chosen, progress: Progress | None) -> tuple[list[File], int]:
    """Put every part into the vault: the manifest's files, and how many bytes were added. Raises OSError, Moved."""
    kept = {name: size for backup in older for file in backup.files for name, _, size in file.pieces if name}
    total, done, added = sum(part.limit for part in chosen.parts), 0, 0
    files = []
    for part in chosen.parts:
        pieces = []
        for raw in _pieces(part):
            if raw.count(0) == len(raw):
                pieces.append(("", len(raw), 0))
            else:
                name, size, stored, new = vault.put(raw, kept)
                pieces.append((name, size, stored))
                added += new
            done += len(raw)
            if progress is not None:
                progress(done, total)
        files.append(File(part.path, part.size, pieces))
    return files, added


def _pieces(part: Part) -> Iterator[bytes]:
    at = 0
    while at < part.limit:
        raw = _read(part, at, min(CHUNK, part.limit - at))
        if any(begin < at + len(raw) and at < end for begin, end in part.blank):
            words = np.frombuffer(bytearray(raw), dtype=np.uint8)
            for begin, end in part.blank:
                words[max(0, begin - at) : max(0, end - at)] = 0
            raw = words.tobytes()
        yield raw
        at += len(raw)


def _read(part: Part, at: int, want: int) -> bytes:
    out = b""
    while len(out) < want:
        piece = os.pread(part.fd, want - len(out), at + len(out))
        if not piece:
            raise Moved(f"{part.path} was shortened")
        out += piece
    return out
