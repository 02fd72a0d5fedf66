"""The files of the event store: event rows by their number, each with a checksum.

    events/00000000.evt      rows 1 .. rows_per_file: row n at byte (n - 1) * 192; after all rows, 8 bytes of checksum for each
    events/00000001.evt ...  the next rows_per_file rows

A file is allocated whole and filled up to whole pages. Rows are checked by their checksums (disk/event_rows.py), never by a file's length
or age: a flipped bit, a page of zeros, a short or a missing file are all rows that do not match their checksum. One thread may read and
another write at the same time; any other uses its own EventFiles.
"""

import errno
import mmap
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import layout as L
from ..disk.event_rows import ROW_BYTES, bad_rows, first_bad, seal_rows
from .files import open_direct

ROWS_PER_FILE = 1 << 18  # 50 MiB with the checksums
DESCRIPTORS_KEPT = 32
SCAN_ROWS = 1 << 13
SUM_BYTES = 8
NO_TALLY: NDArray[np.int64] = np.zeros(0, np.int64)  # refusals are not counted

Range = tuple[int, int]  # first and last event

_ALLOCATING = threading.Lock()  # a file that a thread could not allocate completely is deleted: no other thread may be using it


class Holes:
    """Ranges of event numbers, in order, not adjacent to each other."""

    def __init__(self, ranges: list[Range] | None = None) -> None:
        self.ranges: list[Range] = []
        for first, last in ranges or []:
            self.add(first, last)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __iter__(self) -> Iterator[Range]:
        return iter(self.ranges)

    def add(self, first: int, last: int) -> None:
        if first > last:
            return
        kept = []
        for a, b in self.ranges:
            if b + 1 < first or last + 1 < a:
                kept.append((a, b))
            else:
                first, last = min(a, first), max(b, last)
        self.ranges = sorted([*kept, (first, last)])

    def remove(self, first: int, last: int) -> None:
        left = []
        for a, b in self.ranges:
            if b < first or last < a:
                left.append((a, b))
                continue
            left += [(x, y) for x, y in ((a, first - 1), (last + 1, b)) if x <= y]
        self.ranges = left

    def hit(self, first: int, last: int) -> Range | None:
        """The first range that overlaps first .. last."""
        return next(((a, b) for a, b in self.ranges if a <= last and first <= b), None)

    def count(self) -> int:
        return sum(b - a + 1 for a, b in self.ranges)


class EventSum:
    """The running value over all events from the first: two runs with the same value wrote the same events."""

    def __init__(self, value: bytes = bytes(16), next_number: int = 1, sums: NDArray[np.int64] | None = None) -> None:
        """sums: where checksums are put, if there is room."""
        self.words = np.frombuffer(bytearray(value), dtype=np.int64)
        self.next_number = next_number
        self._sums = sums if sums is not None else np.zeros(1 << 10, dtype=np.int64)

    def add(self, rows: NDArray[np.int64], tally: NDArray[np.int64] = NO_TALLY) -> NDArray[np.int64]:
        """Advance over whole rows; returns their checksums (a view, valid until the next call). tally: their refusals are counted in it, by reason."""
        count = rows.size // L.EVT_WORDS
        if count > self._sums.size:
            self._sums = np.zeros(2 * count, dtype=np.int64)
        seal_rows(rows.view(np.uint8), rows, count, self.next_number, self._sums, 0, self.words, tally)
        self.next_number += count
        return self._sums[:count]


class EventFiles:
    """Reading, checking and writing rows by number. Raises OSError where the operating system does; damaged rows are reported in the
    result, not raised."""

    def __init__(self, directory: Path, rows_per_file: int = ROWS_PER_FILE, keep_free: int = 0) -> None:
        """keep_free: bytes of the disk that a new file must leave free."""
        self.directory = directory
        self.rows_per_file = rows_per_file
        self.keep_free = keep_free
        self.file_bytes = -(-rows_per_file * (ROW_BYTES + SUM_BYTES) // mmap.PAGESIZE) * mmap.PAGESIZE
        self._reading: dict[int, int] = {}
        self._writing: dict[int, int] = {}
        self._direct: dict[int, int] = {}  # the same files, opened past the page cache; -1: this file system cannot do that

    def path(self, file: int) -> Path:
        return self.directory / f"{file:08d}.evt"

    def file_of(self, number: int) -> int:
        return (number - 1) // self.rows_per_file

    def present(self) -> list[int]:
        """Numbers of the existing files. Raises OSError."""
        return sorted(int(p.stem) for p in self.directory.glob("*.evt") if len(p.stem) == 8 and p.stem.isascii() and p.stem.isdigit())

    def missing(self, last: int) -> list[Range]:
        """The events of 1 .. last that cannot be here, because their file is missing or has a different length."""
        found = Holes()
        for file in range(-(-last // self.rows_per_file)):
            try:
                whole = self.path(file).stat().st_size == self.file_bytes
            except OSError:
                whole = False
            if not whole:
                found.add(file * self.rows_per_file + 1, min(last, (file + 1) * self.rows_per_file))
        return found.ranges

    # ---- reading ----------------------------------------------------------------------------------------------------
    def descriptor(self, file: int) -> int:
        """A descriptor for reading. Raises OSError."""
        fd = self._reading.get(file)
        if fd is None:
            fd = self._reading[file] = os.open(self.path(file), os.O_RDONLY | os.O_CLOEXEC)
            if len(self._reading) > DESCRIPTORS_KEPT:
                os.close(self._reading.pop(next(iter(self._reading))))
        return fd

    def forget(self, file: int) -> None:
        """Reopen this file for the next reader: it may have been replaced."""
        if file in self._reading:
            os.close(self._reading.pop(file))

    def read(self, number: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """`count` rows of one file from `number` on, and their checksums; None if they cannot be read."""
        file, row = divmod(number - 1, self.rows_per_file)
        rows = np.empty(count * L.EVT_WORDS, dtype=np.int64)
        sums = np.empty(count, dtype=np.int64)
        try:
            fd = self.descriptor(file)
            whole = _read_into(fd, rows, row * ROW_BYTES) and _read_into(fd, sums, self.rows_per_file * ROW_BYTES + row * SUM_BYTES)
        except OSError:
            whole = False
        return (rows, sums) if whole else None

    def scan(self, first: int, last: int) -> list[Range]:
        """The ranges of events first .. last that do not match their checksums, read in pieces."""
        bad = Holes()
        out = np.zeros(2 * SCAN_ROWS, dtype=np.int64)
        while first <= last:
            count = min(SCAN_ROWS, last - first + 1, self.rows_per_file - (first - 1) % self.rows_per_file)
            got = self.read(first, count)
            if got is None:
                self.forget(self.file_of(first))
                got = self.read(first, count)
            if got is None:
                bad.add(first, first + count - 1)
            else:
                found = bad_rows(got[0].view(np.uint8), count, first, got[1], out)
                for i in range(found):
                    bad.add(int(out[2 * i]), int(out[2 * i + 1]))
            first += count
        return bad.ranges

    def differ(self, first: int, rows: NDArray[np.int64]) -> list[Range]:
        """The ranges of these events that are here with valid checksums but differ from `rows`."""
        found = Holes()
        at = 0
        total = rows.size // L.EVT_WORDS
        while at < total:
            number = first + at
            count = min(total - at, self.rows_per_file - (number - 1) % self.rows_per_file)
            got = self.read(number, count)
            if got is not None:
                unlike = (got[0] != rows[at * L.EVT_WORDS : (at + count) * L.EVT_WORDS]).reshape(count, L.EVT_WORDS).any(axis=1)
                for i in np.flatnonzero(unlike).tolist():
                    if first_bad(got[0][i * L.EVT_WORDS : (i + 1) * L.EVT_WORDS].view(np.uint8), 1, number + i, got[1][i : i + 1]) == 1:
                        found.add(number + i, number + i)
            at += count
        return found.ranges

    # ---- writing ----------------------------------------------------------------------------------------------------
    def allocate(self, file: int) -> int:
        """A descriptor for writing; the file is allocated whole. Raises OSError, and then deletes a new file."""
        with _ALLOCATING:
            return self._allocate(self.path(file))

    def _allocate(self, path: Path) -> int:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        have = -1
        try:
            have = os.fstat(fd).st_size
            if have != self.file_bytes:
                disk = os.fstatvfs(fd)
                if disk.f_bavail * disk.f_frsize - max(0, self.file_bytes - have) < self.keep_free:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
                os.posix_fallocate(fd, 0, self.file_bytes)
                os.ftruncate(fd, self.file_bytes)
        except OSError as error:
            if have == 0:
                path.unlink(missing_ok=True)
            elif have > 0:
                os.ftruncate(fd, have)
            os.close(fd)
            raise OSError(error.errno, error.strerror, str(path)) from error
        return fd

    def write(self, number: int, rows: NDArray[np.int64], sums: NDArray[np.int64], direct: bool = False) -> None:
        """Write rows from `number` on, across files, then their checksums. direct: past the page cache, where both are whole pages. Raises
        OSError."""
        at, total = 0, sums.size
        while at < total:
            file, row = divmod(number + at - 1, self.rows_per_file)
            count = min(total - at, self.rows_per_file - row)
            self.ready_to_write(file)
            for data, place in (
                (rows[at * L.EVT_WORDS : (at + count) * L.EVT_WORDS], row * ROW_BYTES),
                (sums[at : at + count], self.rows_per_file * ROW_BYTES + row * SUM_BYTES),
            ):
                self._put(file, data, place, direct)
            at += count
        for old in [f for f in self._writing if f < self.file_of(number + total)]:
            os.close(self._writing.pop(old))
            if (fd := self._direct.pop(old, -1)) >= 0:
                os.close(fd)

    def _put(self, file: int, data: NDArray[np.int64], at: int, direct: bool) -> None:
        left = data.data.cast("B")
        if direct and not (at | data.nbytes | data.ctypes.data) % mmap.PAGESIZE:
            fd = self._direct.get(file)
            if fd is None:
                fd = self._direct[file] = open_direct(self.path(file))
            if fd >= 0:
                done = _write_once(fd, left, at, self.path(file))
                left, at = left[done:], at + done
        _write_all(self._writing[file], left, at, self.path(file))

    def ready_to_write(self, file: int) -> None:
        """Allocate the file. Raises OSError."""
        if file not in self._writing:
            self._writing[file] = self.allocate(file)

    def sync(self, first: int, last: int) -> None:
        """Sync the files of these events. Raises OSError."""
        for file in range(self.file_of(first), self.file_of(last) + 1):
            fd = os.open(self.path(file), os.O_RDWR | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def close(self) -> None:
        for kept in (self._reading, self._writing, self._direct):
            for fd in kept.values():
                if fd >= 0:
                    os.close(fd)
            kept.clear()


def _read_into(fd: int, out: NDArray[np.int64], at: int) -> bool:
    """Fill `out` from byte `at`; False at the file's end. Raises OSError."""
    view = out.data.cast("B")
    while len(view):
        got = os.preadv(fd, [view], at)
        if got == 0:
            return False
        view, at = view[got:], at + got
    return True


def _write_once(fd: int, piece: memoryview, at: int, path: Path) -> int:
    try:
        return os.pwritev(fd, [piece], at)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} (a write at byte {at})", str(path)) from error


def _write_all(fd: int, piece: memoryview, at: int, path: Path) -> None:
    while len(piece):
        done = _write_once(fd, piece, at, path)
        if done == 0:
            raise OSError(errno.EIO, f"a write wrote nothing (a write at byte {at})", str(path))
        piece, at = piece[done:], at + done
