"""The event store: event rows as the engine wrote them, found by their number. What resend, resume, queries and audit read.

Event n lies at byte (n - 1) * 192 of a file that is cut into pieces of `rows_per_file` rows: `00000000.evt` holds the events 1 ..
rows_per_file, and so on. A piece is allocated whole, so that no "disk full" can come later. The newest rows wait in memory (the tail)
until some hundred kilobytes can be written at once: a write of whole pages costs a sixth of what touching mapped ones does, because the
operating system need not clear them first. Readers see tail and files as one. Nothing is synced: the journal is the truth, a replay
writes the same bytes to the same places again. Only `sync` (at a clean stop, before a snapshot) puts it on the disk and notes in
`synced` how far: below that mark a crash cannot have harmed it.

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

from ..core.records import EVT_NUMBER, EVT_WORDS
from ..disk.event_chain import CHAIN_BROKEN, CHAIN_DONE, walk_chain

ROW_BYTES = 8 * EVT_WORDS
ROWS_PER_FILE = 1 << 18  # 48 MiB
_MAGIC = b"EXOSEVT1"
MAPS_KEPT = 32  # each mapping holds a descriptor
TAIL_BYTES = 1 << 18  # more in one write is hardly cheaper a row, and holds up the turn that has to make it


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
        self._tail = np.zeros(min(TAIL_BYTES // 8, rows_per_file * EVT_WORDS), dtype=np.int64)  # rows that are in no file yet
        self._tail_first = self.next_number  # event number of its first row
        self._tail_words = 0
        self._descriptors: dict[int, int] = {}  # pieces that are being filled
        self._limit = 0  # an append up to here (exclusive) needs no new piece and has none prepared

    # ---- writing ----------------------------------------------------------------------------------------------------
    def append(self, events: NDArray[np.int64]) -> None:
        """Copy whole event rows (flat int64) to the place that their numbers say; they must begin at next_number.

        Raises EventStoreError (a hole in the numbers, no space on the disk, a write that failed).
        """
        words = events.size
        if words == 0:
            return
        if words % EVT_WORDS:
            raise EventStoreError(f"event store: {words} words are not whole rows of {EVT_WORDS}")
        first = int(events[EVT_NUMBER])
        if first != self.next_number:
            raise EventStoreError(f"event store: rows begin with event {first}, the next one is {self.next_number}")
        end = first + words // EVT_WORDS
        if end > self._limit:
            self._make_room(end)
        used = self._tail_words
        if used + words <= self._tail.size:
            self._tail[used : used + words] = events
            self._tail_words = used + words
        else:
            self._write([self._tail[:used], events])
            self._tail_words, self._tail_first = 0, end
        self.next_number = end

    def truncate(self, next_number: int) -> None:
        """Forget events from `next_number` on; the next append writes there. Raises EventStoreError when events before it are missing."""
        if next_number < 1 or next_number > self.next_number:
            raise EventStoreError(f"event store: cannot go on at event {next_number}; it holds 1 to {self.next_number - 1}")
        if next_number < self.synced_to:
            self._write_synced(next_number)
        self._tail_first = min(self._tail_first, next_number)
        self._tail_words = (next_number - self._tail_first) * EVT_WORDS
        self._limit = 0
        self.next_number = next_number

    def flush(self) -> None:
        """Write the tail to its files. Raises EventStoreError."""
        if self._tail_words:
            self._write([self._tail[: self._tail_words]])
            self._tail_words, self._tail_first = 0, self.next_number

    def _make_room(self, end: int) -> None:
        """Have the pieces up to event `end` (exclusive) allocated, and the one behind them soon."""
        per_file = self.rows_per_file
        last = (end - 2) // per_file
        for file in range((self.next_number - 1) // per_file, last + 1):
            if file not in self._descriptors:
                self._descriptors[file] = self._allocate(file)
        if 2 * (end - 1 - last * per_file) < per_file and self._ahead:
            self._limit = last * per_file + (per_file - 1) // 2 + 1  # its half
            return
        if self._ahead:
            self._prepare(last + 1)
        self._limit = (last + 1) * per_file + 1

    def _write(self, parts: list[NDArray[np.int64]]) -> None:
        """Rows from the tail's first on into the files that they belong to."""
        number = self._tail_first
        data = [part.data.cast("B") for part in parts if part.size]
        while data:
            file, row = divmod(number - 1, self.rows_per_file)
            room = (self.rows_per_file - row) * ROW_BYTES
            piece = []
            while data and room:
                piece.append(data[0][:room])
                room -= len(piece[-1])
                data[0] = data[0][len(piece[-1]) :]
                if not len(data[0]):
                    del data[0]
            number += sum(map(len, piece)) // ROW_BYTES
            self._put(file, piece, row * ROW_BYTES)
        for file in [f for f in self._descriptors if f < (number - 1) // self.rows_per_file]:
            os.close(self._descriptors.pop(file))

    def _put(self, file: int, piece: list[memoryview], at: int) -> None:
        if file not in self._descriptors:
            self._descriptors[file] = self._allocate(file)
        try:
            while piece:
                done = os.pwritev(self._descriptors[file], piece, at)
                at += done
                while piece and done >= len(piece[0]):
                    done -= len(piece.pop(0))
                if done:
                    piece[0] = piece[0][done:]
        except OSError as e:
            raise EventStoreError(f"event store {self.directory / _name(file)}: a write at byte {at} failed: {e.strerror}") from e

    def sync(self) -> None:
        """Put everything on the disk and note how far. For a clean stop: takes as long as the disk needs. Raises OSError, EventStoreError."""
        self.flush()
        for file in range(max(0, self.synced_to - 1) // self.rows_per_file, -(-(self.next_number - 1) // self.rows_per_file)):
            fd = os.open(self.directory / _name(file), os.O_RDWR | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        self._write_synced(self.next_number)

    def close(self) -> None:
        with self._helping:  # the helper has ended
            self._ahead = False
        self.flush()
        for fd in self._descriptors.values():
            os.close(fd)
        self._descriptors.clear()
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
        tail = np.zeros(0, dtype=np.int64)
        if number + count > self._tail_first:  # a copy: the tail is written over later
            at = max(number, self._tail_first) - self._tail_first
            tail = self._tail[at * EVT_WORDS : (number + count - self._tail_first) * EVT_WORDS].copy()
            count -= tail.size // EVT_WORDS
        while count > 0:
            file, row = divmod(number - 1, self.rows_per_file)
            take = min(count, self.rows_per_file - row)
            parts.append(self._file(file)[row * EVT_WORDS : (row + take) * EVT_WORDS])
            number += take
            count -= take
        if tail.size or not parts:
            parts.append(tail)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

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
            if res[0] >= self._tail_first:
                status = walk_chain(self._tail[: self._tail_words], self._tail_first - 1, begin, end, out, res)
            else:
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
        """Map a piece for readers."""
        fd = self._allocate(file)
        try:
            mapped = mmap.mmap(fd, self._map_bytes)
        finally:
            os.close(fd)
        self._maps[file] = mapped
        while len(self._maps) > MAPS_KEPT:
            oldest = next(f for f in self._maps if f != file)
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
        """Have the next file allocated beside the running loop; a failure shows when the file is needed."""

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
