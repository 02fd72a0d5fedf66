"""Snapshots: the engine's state at one row of the journal, in a file that is either complete or absent.

    offset  bytes  field
         0      8  magic "EXOSSNP1"
         8      4  format version (1)
        12      4  header bytes (4096)
        16      8  logic version of the rules
        24      8  server id
        32      8  sequence: rows applied (the journal's count)
        40      8  next event number
        48      8  journal segment
        56      8  journal offset after the last applied frame
        64      8  epoch
        72      8  body bytes
        80     32  chain value of the last applied frame
       112     32  state digest
       144     32  SHA-256 of the body
       176     16  running value over the events before the next one (event_files.EventSum)
       192      8  exchange time, ns UTC (0: not recorded)
       504      8  CRC-32 of bytes 0-503
      4096         body: the chunks of engine.snapshot()

A snapshot is written under a temporary name, synced, renamed to `<sequence, 20 digits>.snap`, and the folder synced. The server writes one at
a clean stop, the follower (exchange_server/follow/) while it runs. The newest are kept, and the last one of each day for some days (`Keep`).

`verified` names those that were restored for a check before they got their name (the follower's), one a line with the SHA-256 of the body. The
newest two of them stay whatever else is made: the journal before the older one may be recycled (exchange_server/archive/).
"""

import contextlib
import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import ahead
from .ahead import HEADER_BYTES
from .fence import replace_file
from .files import Position, disk_words, sync_directory
from .format import BadBytes
from .piecewise import PIECE, Pieces

MAGIC = b"EXOSSNP1"
VERSION = 1
CHUNK = 1 << 20
SMALL_BODY = 64 << 20  # bytes of one that a single thread reads
DAY_NS = 86_400 * 10**9
VERIFIED = "verified"
VERIFIED_KEPT = 2
_HEADER = struct.Struct("<8sII8q32s32s32s16sq")


@dataclass(frozen=True)
class Keep:
    """Which snapshots stay: the `newest`, and the last one of each of the `days` (UTC, of exchange time) before the newest one's and its own."""

    newest: int = 2
    days: int = 0


class NotPruned(Exception):
    """The snapshot `path` was written and counts, but older ones could not be deleted; the text says why."""

    def __init__(self, path: Path, error: OSError) -> None:
        self.path = path
        super().__init__(f"snapshot {path.name} was made, but older ones could not be deleted: {disk_words(error, path.parent)}")


@dataclass(frozen=True)
class Snapshot:
    """A snapshot file, as its header says; `read_snapshot` has verified the body."""

    path: Path
    logic: int
    server_id: int
    event_seq: int
    position: Position
    digest: bytes  # 32
    body_bytes: int
    event_value: bytes  # 16
    time_ns: int
    body_hash: bytes  # 32

    def body(self) -> "Body":
        """The body, as engine.restore takes it. Raises OSError."""
        return Body(self)


class Body:
    """The body of a snapshot file, from its begin on, in pieces or into memory. What goes into memory is not copied on its way; of a large body two
    threads read it, because most of the time goes into giving the memory its pages."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Raises OSError."""
        self._path, self._fd = snapshot.path, -1
        self._fd = os.open(snapshot.path, os.O_RDONLY | os.O_CLOEXEC)
        self._at, self._end = HEADER_BYTES, HEADER_BYTES + snapshot.body_bytes
        self._wanted: list[tuple[memoryview, int]] = []  # (memory, offset in the file)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def __iter__(self) -> Iterator[bytes]:
        while self._at < self._end:
            yield self.take(min(CHUNK, self._end - self._at))

    def take(self, n: int, may_end: bool = False) -> bytes:
        """Exactly n bytes; b"" at a clean end if that is allowed. Raises EOFError, OSError."""
        if may_end and self._at == self._end:
            return b""
        self._refuse_beyond(n)
        out = bytearray(n)
        self._read(memoryview(out), self._at)
        self._at += n
        return bytes(out)

    def into(self, memory: memoryview) -> None:
        """Fill `memory`, bytes, with what comes next, by the time that `finish` returns. Raises EOFError."""
        self._refuse_beyond(len(memory))
        self._wanted.append((memory, self._at))
        self._at += len(memory)

    def finish(self) -> None:
        """Raises OSError."""
        wanted, self._wanted = self._wanted, []
        if sum(len(memory) for memory, _ in wanted) < SMALL_BODY:
            for memory, at in wanted:
                self._read(memory, at)
            return
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(self._read, *zip(*wanted, strict=True)))

    def _refuse_beyond(self, n: int) -> None:
        if self._at + n > self._end:  # a length that was never written must not take memory
            raise EOFError(f"{self._at + n - self._end} bytes are missing")

    def _read(self, memory: memoryview, at: int) -> None:
        while len(memory):
            count = os.preadv(self._fd, [memory], at)
            if not count:
                raise OSError(f"{self._path} was truncated while it was read")
            memory, at = memory[count:], at + count


def write_snapshot(
    directory: Path,
    chunks: Iterable[bytes],
    *,
    position: Position,
    event_seq: int,
    digest: bytes,
    server_id: int,
    logic: int,
    event_value: bytes = bytes(16),
    time_ns: int = 0,
    keep: Keep = Keep(),
    temporary_name: str = "snapshot.tmp",
    writing: Callable[[int, int], None] | None = None,
    check: Callable[[Snapshot], None] | None = None,
) -> Path:
    """Write one snapshot, atomically, and delete those that `keep` does not keep.

    temporary_name: each writer of a folder has its own. writing: the body is written piece by piece beside a journal in use (piecewise.py), and this called before each
    with the descriptor and the bytes written so far; then the same while it is read back.
    check: called with the snapshot, read back from its file, before it gets its name: one that passes counts as verified. Both may raise. Raises
    OSError, BadBytes (it was not read back as it was written), and what these two raise, leaving the folder as it was; NotPruned when the
    snapshot is there.
    """
    directory.mkdir(parents=True, exist_ok=True)
    final = directory / f"{position.seq:020d}.snap"
    temporary = directory / temporary_name
    try:
        with open(temporary, "wb", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            _write_all(file.fileno(), bytes(HEADER_BYTES))
            body, size = _write_body(file.fileno(), temporary, chunks, writing)
            fields = (logic, server_id, position.seq, event_seq, position.segment, position.offset, position.epoch, size)
            head = _HEADER.pack(MAGIC, VERSION, HEADER_BYTES, *fields, position.chain, digest, body, event_value, time_ns)
            head = head.ljust(504, b"\0")
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            _write_all(file.fileno(), head + zlib.crc32(head).to_bytes(8, "little"))
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # what is read back comes from the disk
        if check is not None:
            check(read_snapshot(temporary, writing))
        os.rename(temporary, final)
        sync_directory(directory)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    try:
        if check is not None:
            _note_verified(directory, final.name, body.hex())
        prune(directory, keep)
    except OSError as error:
        raise NotPruned(final, error) from error
    return final


def _write_body(fd: int, path: Path, chunks: Iterable[bytes], writing: Callable[[int, int], None] | None) -> tuple[bytes, int]:
    """(SHA-256, bytes) of what was written after the header."""
    h, size = hashlib.sha256(), 0
    if writing is None:
        for chunk in chunks:
            h.update(chunk)
            size += len(chunk)
            _write_all(fd, chunk)
        return h.digest(), size
    with contextlib.closing(Pieces(fd, path, HEADER_BYTES, lambda done: writing(fd, done))) as pieces:
        for chunk in chunks:
            h.update(chunk)
            pieces.add(chunk)
        return h.digest(), pieces.end()


def _verified(directory: Path) -> dict[str, str]:
    """Names of verified snapshots and the SHA-256 of their bodies. Raises OSError."""
    try:
        lines = (directory / VERIFIED).read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return {}
    return {name: body for name, _, body in (line.partition(" ") for line in lines)}


def _note_verified(directory: Path, name: str, body: str) -> None:
    noted = {**_verified(directory), name: body}
    lines = [f"{name} {body}\n" for name, body in noted.items() if (directory / name).exists()]
    replace_file(directory / VERIFIED, "".join(lines).encode("ascii"))


def was_verified(snapshot: Snapshot) -> bool:
    """Whether it was restored for a check when it was made. Raises OSError."""
    return _verified(snapshot.path.parent).get(snapshot.path.name) == snapshot.body_hash.hex()


def verified_snapshots(directory: Path) -> Iterator[Snapshot]:
    """The headers of the snapshots that were verified when they were made, newest first; whether the bodies still are as they were, `read_snapshot`
    says. Raises OSError."""
    noted = _verified(directory)
    for path in sorted(directory.glob("*.snap"), reverse=True):
        try:
            snapshot = read_header(path) if path.name in noted else None
        except (BadBytes, FileNotFoundError):
            continue
        if snapshot is not None and snapshot.body_hash.hex() == noted[path.name]:
            yield snapshot


def prune(directory: Path, keep: Keep) -> None:
    """Delete the snapshots that `keep` does not keep, but for the newest two verified ones. One without a valid header is not counted and
    deleted; one that cannot be read now stays. Raises OSError."""
    newest, days, left = 0, set[int](), keep.newest
    fallbacks = {snapshot.path for snapshot, _ in zip(verified_snapshots(directory), range(VERIFIED_KEPT))}
    for path in sorted(directory.glob("*.snap"), reverse=True):
        try:
            day = read_header(path).time_ns // DAY_NS
        except BadBytes:
            path.unlink(missing_ok=True)
            continue
        except OSError:
            continue
        newest = newest or day
        last_of_its_day = day not in days and newest - day < keep.days
        days.add(day)
        if left <= 0 and not last_of_its_day and path not in fallbacks:
            path.unlink(missing_ok=True)
        left -= 1


def read_header(path: Path) -> Snapshot:
    """What the header says, with its own checks; the body is not read. Raises BadBytes naming the failed check, OSError."""
    with open(path, "rb") as file:
        head = file.read(HEADER_BYTES)
    if len(head) < HEADER_BYTES or head[:8] != MAGIC:
        raise BadBytes("no snapshot header")
    if zlib.crc32(head[:504]) != int.from_bytes(head[504:512], "little"):
        raise BadBytes("wrong CRC of the header")
    _, version, _, logic, server, seq, event_seq, segment, offset, epoch, size, chain, digest, body, value, time_ns = _HEADER.unpack_from(
        head
    )
    if version != VERSION:
        raise BadBytes(f"format version {version}; this program reads {VERSION}")
    return Snapshot(path, logic, server, event_seq, Position(segment, offset, seq, chain, epoch), digest, size, value, time_ns, body)


def read_snapshot(path: Path, reading: Callable[[int, int], None] | None = None, *, at_start: bool = False) -> Snapshot:
    """Check a whole snapshot: header, length, SHA-256 of the body. reading: called before each piece with the descriptor and the bytes read so far. at_start:
    what was read ahead counts (ahead.py); else it is read from the disk. Raises BadBytes naming the failed check, OSError."""
    snapshot = read_header(path)
    if at_start and ahead.body_hash(path) == snapshot.body_hash:
        return snapshot
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if reading is not None:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # nothing is read ahead: no more than a piece at a time
        file.seek(HEADER_BYTES)
        h = hashlib.sha256()
        left = snapshot.body_bytes
        while left > 0:
            if reading is not None:
                reading(file.fileno(), snapshot.body_bytes - left)
            chunk = file.read(min(CHUNK if reading is None else PIECE, left))
            if not chunk:
                break
            h.update(chunk)
            left -= len(chunk)
    if left or h.digest() != snapshot.body_hash:
        raise BadBytes("the body does not match its SHA-256" if not left else f"{left} bytes of the body are missing")
    return snapshot


def newest_snapshots(directory: Path, bad: list[str], *, at_start: bool = False) -> Iterator[Snapshot]:
    """Snapshots that verify, newest first, each read when it is asked for; `bad` gets a line for each that does not. at_start: see `read_snapshot`."""
    for path in sorted(directory.glob("*.snap"), reverse=True):
        try:
            snapshot = read_snapshot(path, at_start=at_start)
        except (BadBytes, OSError) as e:
            bad.append(f"{path.name}: {e}")
        else:
            yield snapshot


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while len(view):
        view = view[os.write(fd, view) :]
