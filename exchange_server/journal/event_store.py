"""The event store: event rows as the engine wrote them, found by number. Resend, resume, queries and audit read it.

The newest rows are in memory until a helper has written them (event_writer.py); readers see memory and files (event_files.py) as one. Everything here can be derived from the journal, so a fault here must not stop the exchange, and every row is checked before it is
used:

* Each row that is read from a file is checked. Damaged rows are a *hole*: readers get EventsMissing naming the events, and
  rebuild.py fills the hole from the journal.
* If the disk is full or a write fails, the store *pauses*: rows become holes and trading continues. `try_room` ends the pause.
* Rows that cannot be rebuilt from the journal are *lost*: EventsMissing then has `lost` set.
* Rows older than their retention are removed by the follower (retention.py): EventsMissing then has `retired` set too.

Nothing is synced while running: a replay writes the same bytes to the same places again. `sync` (at a clean stop) records in `synced` how
far. The rows of a session are linked by EVT_PREVIOUS; `chain` follows the links.
"""

import errno
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocol import codes

from ..core import layout as L
from ..core.layout import plain
from ..disk.event_rows import CHAIN_BAD, CHAIN_DONE, CR_BELOW, CR_COUNT, CR_FIRST, CR_NEXT, CR_SIZE, ROW_BYTES, first_bad, walk_chain
from . import retention
from .event_files import ROWS_PER_FILE, EventFiles, Holes, Range
from .event_writer import EventStoreError, EventWriter
from .files import disk_words
from .runner import Inline, Runner
from .system import FUNCTIONS

__all__ = ["ROWS_PER_FILE", "ROW_BYTES", "EventStore", "EventStoreError", "EventsMissing"]

_MAGIC = b"EXOSEVT2"
WINDOW_ROWS = 340  # read at once: 64 KiB
HOLES_NOTED = 1000  # holes listed in the mark of a clean stop; others are found again by reading


class EventsMissing(EventStoreError):
    """Events first .. last cannot be read until they are rebuilt from the journal, or (`lost`) not at all."""

    def __init__(self, first: int, last: int, lost: bool, retired: bool = False) -> None:
        """retired: they were removed on purpose (retention.py), which implies lost."""
        self.first = first
        self.last = last
        self.lost = lost
        self.retired = retired
        self.found: NDArray[np.int64] = np.zeros(0, dtype=np.int64)  # events of the chain found before this one, newest first
        what = "are lost: the event store is damaged there, and the journal no longer reaches back far enough"
        if not lost:
            what = "cannot be read just now: they are rebuilt from the journal"
        if retired:
            what = "are older than the exchange keeps them (setting event_retention)"
        super().__init__(f"event store: events {first} to {last} {what}")

    @property
    def what(self) -> str:
        """What is so of the reports, in a word for the peer."""
        return "are not kept any more" if self.retired else "are lost"

    @property
    def reason(self) -> int:
        """For the peer."""
        if self.retired:
            return codes.R_REPORTS_EXPIRED
        return codes.R_REPORTS_LOST if self.lost else codes.R_REPORTS_REBUILDING


class EventStore:
    """Append-only rows of EVT_WORDS words, numbered from 1 without gaps. One thread writes and reads; rebuild.py fills holes in
    parallel."""

    def __init__(self, directory: str | Path, rows_per_file: int = ROWS_PER_FILE, runner: Runner | None = None, keep_free: int = 0) -> None:
        """Open or make the folder. `next_number` is 1 + the last event of a clean stop; recovery sets it by go_to().

        runner: runs the helper that writes; None: rows are written in the caller's thread, a chunk at a time. keep_free: bytes of the disk that new files leave to the journal. Never fails because of the disk's content: if the folder cannot be
        used, the store is paused.
        """
        if rows_per_file < 1:
            raise ValueError(f"rows_per_file is {rows_per_file}: it must be at least 1")
        self.directory = Path(directory)
        self.files = EventFiles(self.directory, rows_per_file, keep_free)
        self._writer = EventWriter(self.files, runner if runner is not None else Inline())
        self._holes = Holes()
        self.lost = Holes()
        self.version = 0  # raised by rebuild.py when holes were filled or given up: readers that wait may try again
        self.suspects = Holes()  # not checked since the last unclean stop
        self._window: tuple[int, NDArray[np.int64], NDArray[np.int64]] = (0, np.zeros(0, np.int64), np.zeros(0, np.int64))
        self.synced_to = 1  # events below this number are synced
        self.kept_from = 1  # events below this number were removed on purpose
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._read_synced()
            self.kept_from = retention.read(self.directory)
        except OSError as error:
            self._writer.paused = disk_words(error)
        self._writer.restart(self.synced_to, bytes(16))

    @property
    def rows_per_file(self) -> int:
        return self.files.rows_per_file

    @property
    def next_number(self) -> int:
        return self._writer.next_number

    @property
    def written_to(self) -> int:
        """Events below this number are in files (or holes), the others in memory."""
        return self._writer.written_to

    @property
    def paused(self) -> str:
        """Why nothing is written at present; empty: it is."""
        return self._writer.paused

    @property
    def holes(self) -> Holes:
        """Events to be rebuilt."""
        failed = self._writer.failed
        while failed:
            self._holes.add(*failed.popleft())
        return self._holes

    # ---- writing ----------------------------------------------------------------------------------------------------
    def append(self, events: NDArray[np.int64]) -> None:
        """Append whole event rows (flat int64), which must begin at next_number. Raises EventStoreError (a hole in the numbers)."""
        words = events.size
        if words == 0:
            return
        if words % L.EVT_WORDS:
            raise EventStoreError(f"event store: {words} words are not whole rows of {L.EVT_WORDS}")
        first = int(events[L.EVT_NUMBER])
        if first != self._writer.next_number:
            raise EventStoreError(f"event store: rows begin with event {first}, the next one is {self.next_number}")
        self._writer.append(events, words // L.EVT_WORDS)

    @property
    def ring(self) -> NDArray[np.int64]:
        """The newest rows, for a kernel that copies the next ones there (`place`, then `kept`) and has checked their number."""
        return self._writer.ring

    def place(self) -> tuple[int, int]:
        """Slot of the next row in `ring`, and how many rows fit from there on."""
        return self._writer.place()

    def kept(self, count: int) -> None:
        """So many rows were copied there."""
        self._writer.kept(count)

    def has_room(self, when: Callable[[], None]) -> bool:
        """Does the store keep up? False: a quarter of what memory can hold waits to be written, and `when` is called once that is better, in any thread."""
        return self._writer.has_room(when)

    def go_to(self, number: int, value: bytes = bytes(16)) -> None:
        """Set the next event number, whatever is stored; `value`: the running value over the events before it (0 before event 1).

        Earlier events that cannot be intact become holes; those not synced by a clean stop become suspect.
        """
        if number < 1:
            raise ValueError(f"event store: cannot go on at event {number}")
        self.flush()
        if number < self.synced_to:
            self.synced_to = number
        for what in (self.holes, self.lost, self.suspects):
            what.remove(number, 1 << 62)
        if number < self.kept_from:  # an older snapshot: these events are made again
            self.kept_from = number
            try:
                retention.write(self.directory, number)
            except OSError as error:
                self._writer.paused = disk_words(error)
        for first, last in self.files.missing(number - 1):
            self.holes.add(first, last)
        self.suspects.add(self.synced_to, number - 1)
        self._forget_retired()
        self._window = (0, self._window[1][:0], self._window[2][:0])
        self._writer.restart(number, value if number > 1 else bytes(16))

    def look_retired(self) -> bool:
        """See whether the follower has removed old events. True: it has, since the last call."""
        try:
            kept_from = min(retention.read(self.directory), self.next_number)
        except OSError:
            return False
        if kept_from <= self.kept_from:
            return False
        self.kept_from = kept_from
        self._forget_retired()
        self.version += 1  # who waits for one of them gets its answer
        return True

    def _forget_retired(self) -> None:
        for what in (self._holes, self.lost, self.suspects):
            what.remove(1, self.kept_from - 1)

    def flush(self) -> None:
        """Wait until all rows are in their files (or holes)."""
        self._writer.flush()

    def write_soon(self) -> None:
        """Have all rows written to their files, without waiting for it."""
        self._writer.write_soon()

    def try_room(self) -> bool:
        """End a pause if there is space for the next file. True: writing continues."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(self.files.allocate(self.files.file_of(self.next_number)))
        except OSError as error:
            self._writer.paused = disk_words(error)
            return False
        self._writer.paused = ""
        return True

    def value(self) -> bytes:
        """The running value (16 bytes) over all events so far."""
        return self._writer.value()

    def sync(self) -> None:
        """Sync everything and record how far. For a clean stop: takes as long as the disk needs. Raises OSError."""
        self.flush()
        self.look_retired()
        last = self.next_number - 1
        first = max(self.synced_to, self.kept_from)
        while first <= last:  # files that contain only holes may be missing
            file = self.files.file_of(first)
            end = min(last, (file + 1) * self.rows_per_file)
            hole = self.holes.hit(first, end)
            if hole is None or not hole[0] <= first <= end <= hole[1]:
                self.files.sync(first, end)
            first = end + 1
        self._write_synced(self.next_number)

    def close(self) -> None:
        self.flush()
        self.abandon()

    def abandon(self) -> None:
        """Close it without writing what is in memory."""
        self._writer.close()
        self.files.close()

    # ---- reading ----------------------------------------------------------------------------------------------------
    def row(self, number: int) -> NDArray[np.int64]:
        """Event `number`: EVT_WORDS words. Raises EventsMissing, or EventStoreError if it does not exist."""
        return self.rows(number, 1)

    def rows(self, number: int, count: int) -> NDArray[np.int64]:
        """`count` rows from `number` on, flat, checked. Raises EventsMissing, EventStoreError."""
        if number < 1 or count < 0 or number + count > self.next_number:
            raise EventStoreError(f"event store: events {number} to {number + count - 1} asked; it holds 1 to {self.next_number - 1}")
        parts = []
        newest = []
        end = number + count
        if count and number < self.kept_from:
            raise EventsMissing(1, self.kept_from - 1, True, True)
        count = max(0, min(end, self.written_to) - number)
        at = number + count
        while at < end:  # copies: the ring is overwritten later
            newest.append(self._writer.memory(at)[: (end - at) * L.EVT_WORDS].copy())
            at += newest[-1].size // L.EVT_WORDS
        if count > 0 and (self.holes or self.lost):
            self._refuse_holes(number, number + count - 1)
        while count > 0:
            take = min(count, self.rows_per_file - (number - 1) % self.rows_per_file)
            parts.append(self._checked(number, take))
            number += take
            count -= take
        parts += newest
        if not parts:
            return np.zeros(0, dtype=np.int64)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _refuse_holes(self, first: int, last: int) -> None:
        for lost, holes in ((True, self.lost), (False, self.holes)):
            hole = holes.hit(first, last)
            if hole is not None:
                raise EventsMissing(*hole, lost)

    def _checked(self, number: int, count: int) -> NDArray[np.int64]:
        """Rows of one file, through the window that was read last."""
        for fresh in (False, True):
            first, rows, sums = self._window
            at = number - first
            if not 0 <= at <= sums.size - count:
                begin = number
                most = min(self.written_to - begin, self.rows_per_file - (begin - 1) % self.rows_per_file)
                got = self.files.read(begin, min(max(count, WINDOW_ROWS), most))
                if got is None:
                    self.files.forget(self.files.file_of(number))
                    continue
                self._window = (begin, *got)
                (rows, sums), at = got, 0
            found = rows[at * L.EVT_WORDS : (at + count) * L.EVT_WORDS]
            bad = first_bad(found.view(np.uint8), count, number, sums[at : at + count])
            if bad == count:
                return found
            self._window = (0, rows[:0], sums[:0])  # read again from the disk: it may have been rebuilt since
            if fresh:
                number += int(bad)
        raise self._unreadable(number)

    def _unreadable(self, number: int) -> EventsMissing:
        """This event cannot be read from its file: it was removed on purpose, or it is a hole from now on."""
        if number < self.kept_from or (self.look_retired() and number < self.kept_from):
            return EventsMissing(1, self.kept_from - 1, True, True)
        self.holes.add(number, number)
        return EventsMissing(number, number, False)

    def chain(self, last_number: int, begin: int, end: int) -> NDArray[np.int64]:
        """Event numbers of one session's messages begin .. end (session numbers, inclusive; end 0: to the newest), newest first.

        last_number: the session's S_LAST_EVENT (0: none). Stops at the border that a reset of the numbers leaves. A number that no event
        carries is missing from the answer. Raises EventsMissing if the chain contains an event that cannot be read.
        """
        found: list[NDArray[np.int64]] = []
        try:
            self._walk(last_number, begin, end, found)
        except EventsMissing as missing:
            missing.found = np.concatenate(found) if found else missing.found
            raise
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)

    def _walk(self, last_number: int, begin: int, end: int, found: list[NDArray[np.int64]]) -> None:
        out = np.zeros(4096, dtype=np.int64)
        res = np.zeros(CR_SIZE, dtype=np.int64)
        window = np.empty(WINDOW_ROWS * L.EVT_WORDS, dtype=np.int64)
        sums = np.empty(WINDOW_ROWS, dtype=np.int64)
        in_memory = self.written_to  # it may rise meanwhile: the rows stay where they are until the loop appends
        res[CR_NEXT] = last_number
        res[CR_BELOW] = np.iinfo(np.int64).max  # numbers must fall: the last one seen
        doubted = 0
        while res[CR_NEXT] > 0:
            number = int(res[CR_NEXT])
            if number >= self.next_number:
                raise EventStoreError(f"event store: event {number} of a session's chain is not here; it holds 1 to {self.next_number - 1}")
            if number >= in_memory:
                first, rows = self._writer.lap(number, in_memory)
                status = walk_chain(FUNCTIONS, -1, first - 1, 0, rows.view(np.uint8), rows, sums, begin, end, out, res)
            else:
                if number < self.kept_from:
                    raise EventsMissing(1, self.kept_from - 1, True, True)
                if self.holes or self.lost:
                    self._refuse_holes(number, number)
                file = self.files.file_of(number)
                try:
                    fd = self.files.descriptor(file)
                except OSError:
                    raise self._unreadable(number) from None
                before = file * self.rows_per_file
                status = walk_chain(FUNCTIONS, fd, before, self.rows_per_file, window.view(np.uint8), window, sums, begin, end, out, res)
            found.append(out[: res[CR_COUNT]].copy())
            if status == CHAIN_DONE:
                break
            if status == CHAIN_BAD:
                number = int(res[CR_NEXT])
                if number < in_memory:
                    res[CR_FIRST] = 0
                    self.files.forget(self.files.file_of(number))
                    self.rows(number, 1)  # raises, unless it has been rebuilt since it was read
                if number >= in_memory or number == doubted:
                    raise EventStoreError(f"event store: event {number} is as it was written, but does not belong into a chain")
                doubted = number

    def chain_rows(self, last_number: int, begin: int, end: int) -> Iterator[NDArray[np.int64]]:
        """The rows of chain(), each with its extra rows, oldest first, for a resend."""
        for number in self.chain(last_number, begin, end)[::-1].tolist():
            extra = plain.extra_of(int(self.row(number)[L.EVT_HEAD]))
            yield self.rows(number, 1 + extra)

    def refusals(self) -> NDArray[np.int64]:
        """Refusals among all events since the process began, by reason."""
        return self._writer.refusals()

    def status(self) -> dict[str, int | str]:
        """For the status page."""
        holes, lost = self.holes.count(), self.lost.count()
        return {
            "events": self.next_number - 1,
            "kept_from": self.kept_from,
            "to_rebuild": holes,
            "lost": lost,
            "paused": self.paused or "no",
        }

    # ---- the mark of a clean stop -------------------------------------------------------------------------------------
    def _read_synced(self) -> None:
        """How far the last clean stop synced everything; 0 unless the mark is complete and matches the format and file size of this store."""
        try:
            data = (self.directory / "synced").read_bytes()
        except FileNotFoundError:
            return
        sealed = len(data) >= 40 and len(data) % 8 == 0 and int.from_bytes(data[-8:], "little") == zlib.crc32(data[:-8])
        if not sealed or data[:8] != _MAGIC or int.from_bytes(data[8:16], "little") != self.rows_per_file:
            return
        self.synced_to = max(1, int.from_bytes(data[16:24], "little"))
        count = int.from_bytes(data[24:32], "little")
        noted = np.frombuffer(data[32:-8], dtype=np.int64).tolist()
        self._holes = Holes([(noted[2 * i], noted[2 * i + 1]) for i in range(min(count, len(noted) // 2))])

    def _write_synced(self, number: int) -> None:
        holes: list[Range] = [*self.holes, *self.lost][:HOLES_NOTED]
        body = _MAGIC + b"".join(n.to_bytes(8, "little") for n in (self.rows_per_file, number, len(holes)))
        body += b"".join(n.to_bytes(8, "little") for hole in holes for n in hole)
        temporary = self.directory / "synced.tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            sealed = body + zlib.crc32(body).to_bytes(8, "little")
            if os.write(fd, sealed) != len(sealed):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))
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
