"""The journal's folder: its lock, creation of segments, and creation of a journal."""

import errno
import fcntl
import mmap
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ..core import layout as L
from . import format as fmt

SMALLEST_SEGMENT = 32 << 10
ZERO_CHUNK = 1 << 20
SYNC_EVERY_BYTES = 4 << 20  # of zeros or of a snapshot in the page cache: small syncs, so that a commit never waits for a large one


class JournalError(Exception):
    """The journal cannot do what was requested; the text gives the reason and what to do."""


class JournalLocked(JournalError):
    """Another server holds the folder."""


class JournalNoSpace(JournalError):
    """There is not enough disk space to start. Nothing was changed; try again with more space."""


class JournalFailed(JournalError):
    """A write or sync failed. The process must stop: nothing after the last durable row is safe."""


@dataclass(frozen=True)
class Position:
    """Where the next frame goes."""

    segment: int
    offset: int
    seq: int
    chain: bytes
    epoch: int  # of the last writer


class DirectoryLock:
    """The right to write a data folder: held until release() or the end of the process, however it ends."""

    def __init__(self, directory: Path, what: str = "journal folder") -> None:
        """what: the folder's name in errors. Raises JournalLocked naming the holder's pid, JournalNoSpace, JournalError when the folder cannot
        be used."""
        self.directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            kind = JournalNoSpace if e.errno in (errno.ENOSPC, errno.EDQUOT) else JournalError
            raise kind(f"{what} {directory}: {e.strerror}") from e
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise JournalLocked(f"{what} {directory} is in use by process {holder}; stop it first or use another folder") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def lost(self) -> bool:
        """Whether the folder has another lock file now than the one that is held: somebody took the folder."""
        return self._fd >= 0 and replaced(self._fd, self.directory / "lock")

    def renew(self) -> None:
        """Hold a lock file that nobody else has ever opened. Raises OSError."""
        fresh = self.directory / "lock.tmp"
        fresh.unlink(missing_ok=True)
        fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with ExitStack() as undo:
            undo.callback(os.close, fd)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
            os.rename(fresh, self.directory / "lock")
            undo.pop_all()
        os.close(self._fd)
        self._fd = fd

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def disk_words(error: OSError, place: Path | str = "") -> str:
    """What the operating system says, in one phrase: the file (or `place`), and that the disk is full where it is."""
    what = error.strerror or str(error) or "an input or output error"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = "the disk is full" if what == os.strerror(error.errno) else f"the disk is full: {what}"
    where = error.filename or place
    return f"{where}: {what}" if where else what


def replaced(fd: int, path: Path) -> bool:
    """Whether `path` is another file now than the open one, or gone. What cannot be looked at is taken as unchanged."""
    try:
        return not os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return True
    except OSError:
        return False


def sync_directory(directory: Path) -> None:
    """Make the names in this folder durable. Raises OSError with the folder's name."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(directory)) from error
    finally:
        os.close(fd)


def prepare_segment(directory: Path, segment: int, segment_bytes: int, wait: Callable[[int], bool] | None = None) -> int:
    """A zero-filled segment file under its name, synced with its directory; returns its descriptor, open for writing.

    wait: called after each step with the bytes done so far, to make room for others on the disk; True: stop. Raises OSError, leaving nothing
    behind.
    """
    path = directory / fmt.segment_name(segment)
    if path.exists():
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        if os.fstat(fd).st_size >= SMALLEST_SEGMENT:
            return fd  # prepared by an earlier run; recovery has checked it
        os.close(fd)
    spare = directory / "spare.tmp"
    fd = os.open(spare, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, segment_bytes)
        _write_zeros(fd, spare, segment_bytes, wait)
        os.fsync(fd)
        os.rename(spare, path)
        sync_directory(directory)
    except OSError:
        os.close(fd)
        spare.unlink(missing_ok=True)
        raise
    return fd


def _write_zeros(fd: int, path: Path, size: int, wait: Callable[[int], bool] | None) -> None:
    """Zeros are really written, because a sync of a write into space that was only reserved takes longer. They go past the page cache, which
    costs a tenth of the processor time; where the file system cannot do that, through it and in small syncs.
    """
    try:
        direct = os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        direct = -1
    step = min(ZERO_CHUNK, size)
    with mmap.mmap(-1, step) as zeros:  # page aligned
        try:
            for at in range(0, size, step):
                want = min(step, size - at)
                with memoryview(zeros)[:want] as piece:
                    if os.pwrite(direct if direct >= 0 else fd, piece, at) != want:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if direct < 0 and (at + want) % SYNC_EVERY_BYTES == 0:
                    os.fdatasync(fd)
                if wait is not None and wait(at + want):
                    raise OSError(errno.EINTR, "closing")
        finally:
            if direct >= 0:
                os.close(direct)


def create(directory: Path, server_id: int, segment_bytes: int, logic: int = L.LOGIC_VERSION) -> Position:
    """A new journal in a locked folder without one: watermark file, first segment with its header, all synced.

    Raises JournalError when there is a journal already, OSError.
    """
    present = sorted(p.name for p in directory.iterdir() if fmt.segment_number(p.name))
    begun = []
    for name in present:
        with open(directory / name, "rb") as file:
            if file.read(fmt.SEGMENT_USED_BYTES).strip(b"\0"):
                begun.append(name)
    if begun:
        raise JournalError(f"journal folder {directory} holds a journal ({begun[0]} .. {begun[-1]}): recover it, do not create one over it")
    for name in present:
        (directory / name).unlink()
    fd = os.open(directory / "watermark", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(fd, bytes(fmt.WATERMARK_FILE_BYTES), 0)
        os.fsync(fd)
    finally:
        os.close(fd)
    chain = fmt.first_chain(server_id)
    header = fmt.SegmentHeader(server_id, 1, 0, 1, segment_bytes, logic, chain)
    fd = prepare_segment(directory, 1, segment_bytes)
    try:
        if os.pwrite(fd, fmt.pack_segment_header(header), 0) != fmt.SEGMENT_USED_BYTES:
            raise OSError(errno.EIO, "short write of the first segment's header")
        os.fsync(fd)
    finally:
        os.close(fd)
    return Position(1, fmt.SEGMENT_HEADER_BYTES, 0, chain, 0)


def open_direct(path: Path) -> int:
    """A descriptor that writes past the page cache; -1 if the file system has no such access. Raises OSError."""
    try:
        return os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return -1
        raise
