"""The event store: event rows as the engine wrote them, found by their number. What resend, resume, queries and audit read.

Event n lies at byte (n - 1) * 192 of a file that is cut into pieces of `rows_per_file` rows: `00000000.evt` holds the events 1 ..
rows_per_file, and so on. A piece is allocated whole (no "disk full" can come later, when its memory is touched) and mapped; an append
is a memory copy. Nothing is synced: the journal is the truth, a replay writes the same bytes to the same places again. Only `sync`
(at a clean stop, before a snapshot) puts it on the disk and notes in `synced` how far: below that mark a crash cannot have harmed it.

The rows of a session hang together by EVT_PREVIOUS; `chain` walks them.
"""

import _thread
import errno
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.event_chain import CHAIN_BROKEN, CHAIN_DONE, walk_chain
from ..core.records import EVT_NUMBER, EVT_WORDS

ROW_BYTES = 8 * EVT_WORDS
ROWS_PER_FILE = 1 << 18  # 48 MiB
_MAGIC = b"EXOSEVT1"
MAPS_KEPT = 32  # each mapping holds a descriptor


class EventStoreError(Exception):
    """The store cannot hold or give what was asked; the text says what."""


class EventStore:
    """Append-only rows of EVT_WORDS words, numbered from 1 without holes. One writer thread; readers in the same thread."""

    def __init__(self, directory: str | Path, rows_per_file: int = ROWS_PER_FILE, prepare_ahead: bool = True) -> None:
        """Open or make the folder. After opening `next_number` is 1 + the last event of a clean stop; recovery sets it by truncate().

        prepare_ahead: a helper thread allocates the next file when this one is half full.

        Raises EventStoreError when the folder holds files of another size, OSError.
        """
        if rows_per_file < 1:
            raise ValueError(f"rows_per_file is {rows_per_file}: it must be at least 1")
        self.directory = Path(directory)
        self.rows_per_file = rows_per_file
        self._bytes = rows_per_file * ROW_BYTES
        self._map_bytes = -(-self._bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        self._files: dict[int, NDArray[np.int64]] = {}
        self._maps: dict[int, mmap.mmap] = {}
        self._ahead = prepare_ahead
        self._helping = _thread.allocate_lock()  # held while the helper thread runs
        self.directory.mkdir(parents=True, exist_ok=True)
        self.synced_to = self._read_synced()  # events below this number are on the disk
        for number in self._present():
            size = (self.directory / _name(number)).stat().st_size
            if size not in (self._map_bytes, 0):
                raise EventStoreError(
                    f"event store {self.directory / _name(number)} has {size} bytes; with {rows_per_file} rows a file it must have "
                    f"{self._map_bytes}. Delete the folder: it is rebuilt from the journal"
                )
        have = set(self._present())
        while self.synced_to > 1 and (self.synced_to - 2) // rows_per_file not in have:
            self.synced_to = max(1, (self.synced_to - 2) // rows_per_file * rows_per_file + 1)  # a piece was deleted
        missing = [f for f in range((self.synced_to - 2) // rows_per_file + 1) if f not in have] if self.synced_to > 1 else []
        if missing:
            self.synced_to = missing[0] * rows_per_file + 1
        self.next_number = self.synced_to
        # the piece that is being filled: an append of few rows goes there without asking further
        self._target: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._target_first = 0  # its first event number
        self._target_words = 0  # words up to which that holds: its half (then the next piece is prepared), then its end

    # ---- writing ----------------------------------------------------------------------------------------------------
    def append(self, events: NDArray[np.int64]) -> None:
        """Copy whole event rows (flat int64) to the place that their numbers say; they must begin at next_number.

        Raises EventStoreError (a hole in the numbers, no space on the disk).
        """
        words = events.size
        if words == 0:
            return
        if words % EVT_WORDS:
            raise EventStoreError(f"event store: {words} words are not whole rows of {EVT_WORDS}")
        first = int(events[EVT_NUMBER])
        if first != self.next_number:
            raise EventStoreError(f"event store: rows begin with event {first}, the next one is {self.next_number}")
        at = (first - self._target_first) * EVT_WORDS
        if 0 <= at and at + words <= self._target_words:
            self._target[at : at + words] = events
            self.next_number = first + words // EVT_WORDS
            return
        done = 0
        while done < words:
            file, row = divmod(self.next_number - 1, self.rows_per_file)
            target = self._files.get(file)
            if target is None:
                target = self._open(file)
            take = min(words - done, (self.rows_per_file - row) * EVT_WORDS)
            target[row * EVT_WORDS : row * EVT_WORDS + take] = events[done : done + take]
            done += take
            self.next_number += take // EVT_WORDS
            if self._ahead and row * 2 < self.rows_per_file <= 2 * (row + take // EVT_WORDS):
                self._prepare(file + 1)
        half = self.rows_per_file // 2 * EVT_WORDS
        self._target, self._target_first = self._files[file], file * self.rows_per_file + 1
        self._target_words = half - EVT_WORDS if row * EVT_WORDS + take < half else self._target.size

    def truncate(self, next_number: int) -> None:
        """Forget events from `next_number` on; the next append writes there. Raises EventStoreError when events before it are missing."""
        if next_number < 1 or next_number > self.next_number:
            raise EventStoreError(f"event store: cannot go on at event {next_number}; it holds 1 to {self.next_number - 1}")
        if next_number < self.synced_to:
            self._write_synced(next_number)
        self.next_number = next_number

    def sync(self) -> None:
        """Put everything on the disk and note how far. For a clean stop: takes as long as the disk needs. Raises OSError."""
        for file in range(max(0, self.synced_to - 1) // self.rows_per_file, -(-(self.next_number - 1) // self.rows_per_file)):
            fd = os.open(self.directory / _name(file), os.O_RDWR | os.O_CLOEXEC)
            try:
                os.fsync(fd)  # the pages of every mapping of the file, also of one that was dropped
            finally:
                os.close(fd)
        self._write_synced(self.next_number)

    def close(self) -> None:
        with self._helping:  # the helper has ended
            self._ahead = False
        self._target, self._target_words = np.zeros(0, dtype=np.int64), 0
        self._files.clear()
        for mapped in self._maps.values():
            try:
                mapped.close()
            except BufferError:
                continue  # a reader still holds a view: the mapping goes with it
        self._maps.clear()

    # ---- reading ----------------------------------------------------------------------------------------------------
    def row(self, number: int) -> NDArray[np.int64]:
        """Event `number` as a view of EVT_WORDS words. Raises EventStoreError when there is none."""
        return self.rows(number, 1)

    def rows(self, number: int, count: int) -> NDArray[np.int64]:
        """`count` rows from `number` on, flat; a view where they lie in one file, else a copy. Raises EventStoreError."""
        if number < 1 or count < 0 or number + count > self.next_number:
            raise EventStoreError(f"event store: events {number} to {number + count - 1} asked; it holds 1 to {self.next_number - 1}")
        parts = []
        while count > 0:
            file, row = divmod(number - 1, self.rows_per_file)
            take = min(count, self.rows_per_file - row)
            parts.append(self._file(file)[row * EVT_WORDS : (row + take) * EVT_WORDS])
            number += take
            count -= take
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def chain(self, last_number: int, begin: int, end: int) -> NDArray[np.int64]:
        """Event numbers of one session's messages begin .. end (session numbers, inclusive; end 0: to the newest), newest first.

        last_number: the session's S_LAST_EVENT (0: none). Stops at the border that a reset of the numbers leaves. A number that no event
        carries is simply missing from the answer. Raises EventStoreError when the chain leads to an event that is not here.
        """
        found: list[NDArray[np.int64]] = []
        out = np.zeros(4096, dtype=np.int64)
        res = np.zeros(4, dtype=np.int64)
        res[0] = last_number
        res[1] = np.iinfo(np.int64).max  # numbers must fall: the last one seen
        while res[0] > 0:
            if res[0] >= self.next_number:
                raise EventStoreError(f"event store: event {res[0]} of a session's chain is not here; it holds 1 to {self.next_number - 1}")
            file = int(res[0] - 1) // self.rows_per_file
            status = walk_chain(self._file(file), file * self.rows_per_file, begin, end, out, res)
            found.append(out[: res[2]].copy())
            if status == CHAIN_DONE:
                break
            if status == CHAIN_BROKEN:
                raise EventStoreError(
                    f"event store: event {res[0]} is not in its place: the store is damaged, delete it to have it rebuilt"
                )
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)

    def chain_rows(self, last_number: int, begin: int, end: int) -> Iterator[NDArray[np.int64]]:
        """The rows of chain(), each with its extra rows, oldest first: what a resend goes through."""
        for number in self.chain(last_number, begin, end)[::-1].tolist():
            extra = (int(self.row(number)[0]) >> 8) & 0xFF
            yield self.rows(number, 1 + extra)

    # ---- files ------------------------------------------------------------------------------------------------------
    def _present(self) -> list[int]:
        found = []
        for path in self.directory.glob("*.evt"):
            if len(path.stem) == 8 and path.stem.isascii() and path.stem.isdigit():
                found.append(int(path.stem))
        return sorted(found)

    def _allocate(self, file: int) -> int:
        path = self.directory / _name(file)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, self._map_bytes)
        except OSError as e:
            os.close(fd)
            why = "the disk is full" if e.errno == errno.ENOSPC else e.strerror
            raise EventStoreError(f"event store {path}: {self._map_bytes} bytes cannot be had: {why}") from e
        return fd

    def _open(self, file: int) -> NDArray[np.int64]:
        fd = self._allocate(file)
        try:
            mapped = mmap.mmap(fd, self._map_bytes)
        finally:
            os.close(fd)
        self._maps[file] = mapped
        while len(self._maps) > MAPS_KEPT:
            oldest = next(f for f in self._maps if f not in (file, (self.next_number - 1) // self.rows_per_file))
            del self._maps[oldest], self._files[oldest]  # unmapped once the last view of it is gone
        self._files[file] = view = np.frombuffer(mapped, dtype=np.int64)[: self.rows_per_file * EVT_WORDS]
        return view

    def _file(self, file: int) -> NDArray[np.int64]:
        found = self._files.get(file)
        if found is not None:
            return found
        if not (self.directory / _name(file)).exists():
            raise EventStoreError(f"event store {self.directory / _name(file)} is gone: start again, it is rebuilt from the journal")
        return self._open(file)

    def _prepare(self, file: int) -> None:
        """Have the next file allocated beside the running loop; a failure shows when the file is needed.

        (Populating its memory ahead too makes the median append a plain copy, but the helper then competes for the GIL: p99 was worse.)
        """

        def work() -> None:
            try:
                os.close(self._allocate(file))
            except (EventStoreError, OSError):
                return  # tried again, and then reported, by the append that needs it
            finally:
                self._helping.release()

        if not self._helping.locked():
            self._helping.acquire()
            _thread.start_new_thread(work, ())  # Thread.start() would wait until the thread runs

    def _read_synced(self) -> int:
        try:
            data = (self.directory / "synced").read_bytes()
        except FileNotFoundError:
            return 1
        if len(data) != 24 or data[:8] != _MAGIC or data[8:16] != self.rows_per_file.to_bytes(8, "little"):
            return 1  # not ours or half written: everything comes from the journal again
        return max(1, int.from_bytes(data[16:24], "little"))

    def _write_synced(self, number: int) -> None:
        temporary = self.directory / "synced.tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, _MAGIC + self.rows_per_file.to_bytes(8, "little") + number.to_bytes(8, "little"))
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, self.directory / "synced")
        folder = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self.synced_to = number


def _name(file: int) -> str:
    return f"{file:08d}.evt"
