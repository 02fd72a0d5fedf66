"""The newest event rows, in memory, and the helper that writes them to the event store's files.

The loop copies rows into a ring, past its caches; a helper thread makes their checksums and writes them, one to four chunks at a time, in kernels and
system calls that do not hold the GIL. Whole chunks go to the disk directly, past the page cache: that takes a third of the processor time, and on a fast disk
a fifth of the time. While the disk is behind, or the ring nearly full, chunks go through the page cache, which takes what the disk cannot take at once. Under
load the helper waits until several chunks are full: each write, and each time that it takes the GIL, costs the loop as much as some hundred events.

Event n lies at slot (n - 1) modulo the ring's rows, so a chunk never wraps. Only the loop advances `next_number`; only the helper advances
`written_to`, after a chunk is in its file or noted in `failed`. The loop may therefore read every row from `written_to` on.
"""

import contextlib
import mmap
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from ..core import layout as L
from ..disk.event_rows import count_refusals, keep
from .event_files import EventFiles, EventSum, Range
from .files import disk_words
from .runner import Runner

CHUNK_ROWS = 1 << 12  # rows and checksums of a chunk are whole pages: 768 and 32 KiB
RING_CHUNKS = 16
PIECE_CHUNKS = 4  # chunks of one write at most
LARGE_PAGE = 2 << 20  # bytes
REASONS = 512  # reasons of refusals that are counted apart
PAUSE_S = 0.0002  # after a write, while less than half of the ring waits: where loop and helper share a core, an order that arrives is not kept for a time slice
GATHER_S = 0.01  # the same while less than a quarter waits: the next write has more chunks
SLOW_S = 0.002  # a direct write of a chunk that takes longer: the disk is behind
WAIT_S = 0.1  # between two looks at the helper while the ring is full


class EventStoreError(Exception):
    """An impossible request: a fault of the caller. The text says what was requested."""


def page_aligned(words: int) -> NDArray[np.int64]:
    """An array that can be written directly to a disk; its pages are there already, large ones where the system has them: a write names each page."""
    room = mmap.mmap(-1, -(-words * 8 // mmap.PAGESIZE) * mmap.PAGESIZE + LARGE_PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if words * 8 >= LARGE_PAGE:
        with contextlib.suppress(OSError):  # a kernel without them
            room.madvise(mmap.MADV_HUGEPAGE)
    array = np.frombuffer(room, np.int64)
    begin = -array.ctypes.data % LARGE_PAGE // 8
    array = array[begin : begin + words]
    array |= 0
    return array


class EventWriter:
    """append, memory, value, restart, flush, close and has_room belong to the loop's thread."""

    def __init__(self, files: EventFiles, runner: Runner) -> None:
        """files: the helper uses its writing half. runner: runs the helper; one without threads writes each chunk as soon as it is full."""
        self._files = files
        self._chunk = min(CHUNK_ROWS, files.rows_per_file)
        self._ring_rows = self._chunk * RING_CHUNKS
        self.ring = page_aligned(self._ring_rows * L.EVT_WORDS)
        self._sums = page_aligned(self._chunk * PIECE_CHUNKS)
        self.next_number = self.written_to = 1
        self.paused = ""  # why nothing is written; set by the helper, ended by the store
        self.failed: deque[Range] = deque()  # events that are in no file, not collected by the store yet
        self._border = self._chunk + 1  # first event of the next chunk
        self._flush_to = 0  # events below this number are written although their chunk is not full
        self._prepared = -1  # newest file that was allocated ahead
        self._sum = EventSum(sums=self._sums)  # over the events before `written_to`
        self._sealed = (1, bytes(16))  # the same for the loop: next event, value
        self._tally = np.zeros(REASONS, np.int64)  # refusals before `written_to`, by reason
        self._counted = (1, self._tally.copy())  # the same for the loop: next event, counts
        self._claim = threading.Lock()  # the numbers change together only in `restart`
        self._disk_slow = False  # the last direct write took long
        self._work = threading.Event()
        self._hurry = threading.Event()  # somebody waits for what the helper writes: no pause
        self._room = threading.Event()
        self._stop = False
        self._when_room: Callable[[], None] | None = None  # called once, by the helper, when three quarters of the ring are free
        self._task = runner.service("exos-event-writer", self._run, self._round)

    # ---- the loop -----------------------------------------------------------------------------------------------------
    def append(self, events: NDArray[np.int64], count: int) -> None:
        """Copy `count` rows, numbered from next_number. Waits only while the ring is full."""
        first = self.next_number
        end = first + count
        while first < end:
            slot = (first - 1) % self._ring_rows
            take = min(end - first, self._ring_rows - slot, self.written_to + self._ring_rows - first)
            if take <= 0:
                self._wait()
                continue
            at = first + count - end
            keep(self.ring, slot, events, at, take)
            first += take
            self.kept(take)

    def place(self) -> tuple[int, int]:
        """For a kernel that copies rows into the ring itself: slot of the next one, and how many fit from there on. Then `kept`."""
        slot = (self.next_number - 1) % self._ring_rows
        return slot, min(self._ring_rows - slot, self.written_to + self._ring_rows - self.next_number)

    def kept(self, count: int) -> None:
        """So many rows were copied to their place in the ring."""
        self.next_number += count
        if self.next_number >= self._border:
            self._border = ((self.next_number - 1) // self._chunk + 1) * self._chunk + 1
            self._wake()

    def has_room(self, when: Callable[[], None]) -> bool:
        """Are three quarters of the ring free? If not, `when` is called as soon as they are, from any thread; a later call replaces it. Who
        waits for it never fills half of the ring, so that all its rows go to the disk directly."""
        if self._at_most_waits(1, 4) or not self._task.alive():  # without the helper there will be no room: `append` says so
            return True
        self._when_room = when
        if not self._at_most_waits(1, 4):
            return False
        self._when_room = None  # written between the two looks
        return True

    def _at_most_waits(self, parts: int, of: int) -> bool:
        """Is at most this share of the ring (3 of 4: three quarters) not written yet?"""
        return of * (self.next_number - self.written_to) <= parts * self._ring_rows

    def memory(self, number: int) -> NDArray[np.int64]:
        """The rows from event `number` on that lie in one piece in the ring; it must not be below `written_to`."""
        slot = (number - 1) % self._ring_rows
        count = min(self.next_number - number, self._ring_rows - slot)
        return self.ring[slot * L.EVT_WORDS : (slot + count) * L.EVT_WORDS]

    def lap(self, number: int, begin: int) -> tuple[int, NDArray[np.int64]]:
        """The piece of the ring that holds event `number`, from event `begin` on at the earliest: its first event, and the rows."""
        first = max(begin, number - (number - 1) % self._ring_rows)
        return first, self.memory(first)

    def value(self) -> bytes:
        """The running value (16 bytes) over all events so far."""
        number, value = self._sealed
        total = EventSum(value, number)
        while total.next_number < self.next_number:
            total.add(self.memory(total.next_number))
        return total.words.tobytes()

    def refusals(self) -> NDArray[np.int64]:
        """Refusals so far, by reason: a new array. Most are counted by the helper; at most a ring of rows is left to be counted here."""
        number, counted = self._counted
        tally = counted.copy()
        while number < self.next_number:
            rows = self.memory(number)
            count = len(rows) // L.EVT_WORDS
            count_refusals(rows, count, number, tally)
            number += count
        return tally

    def restart(self, number: int, value: bytes) -> None:
        """Go on with event `number`. Everything appended must be written (`flush`)."""
        with self._claim:
            self.next_number = self.written_to = number
            self._border = ((number - 1) // self._chunk + 1) * self._chunk + 1
            self._flush_to = 0
            self._sum = EventSum(value, number, self._sums)
            self._sealed = (number, value)
            self._counted = (number, self._tally.copy())

    def write_soon(self) -> None:
        """Have every row written, also those of a chunk that is not full."""
        self._flush_to = self.next_number
        self._hurry.set()
        self._wake()

    def flush(self) -> None:
        """Wait until every row is in its file, or noted in `failed`."""
        self._flush_to = self.next_number
        while self.written_to < self.next_number:
            self._wait()

    def close(self) -> None:
        """End the helper. Rows that were not flushed are not written."""
        self._stop = True
        self._hurry.set()
        self._work.set()
        self._task.join()

    def _wake(self) -> None:
        self._work.set()
        self._task.step()

    def _wait(self) -> None:
        """Until the helper has written something. Raises EventStoreError if it has died."""
        if not self._task.alive():
            raise EventStoreError("event store: the helper that writes it has died")
        before = self.written_to
        self._room.clear()
        self._hurry.set()
        self._wake()
        if self.written_to == before:
            self._room.wait(WAIT_S)

    # ---- the helper ---------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        while not self._stop:
            self._work.wait()
            self._work.clear()
            while self._step():
                if self._at_most_waits(1, 2):
                    self._hurry.wait(GATHER_S if self._at_most_waits(1, 4) else PAUSE_S)
                    self._hurry.clear()

    def _round(self) -> None:
        while self._step():
            continue

    def _step(self) -> bool:
        """Write the chunks that are full, or what is to be flushed. False: there is nothing."""
        with self._claim:
            first, end = self._next_piece()
        if self._stop or end <= first:
            return False
        self._write(first, end)
        return True

    def _next_piece(self) -> tuple[int, int]:
        """(first event, event after the last) of the next write; equal: there is none. It lies in one piece in the ring."""
        first, newest = self.written_to, self.next_number
        chunk, begun = divmod(first - 1, self._chunk)
        most = 1 if begun else PIECE_CHUNKS  # the rest of a chunk goes alone: what follows are whole pages again
        full = min((newest - 1) // self._chunk, chunk + most, (chunk // RING_CHUNKS + 1) * RING_CHUNKS)
        if full > chunk:
            return first, full * self._chunk + 1
        return first, max(first, min(self._flush_to, newest))

    def _write(self, first: int, end: int) -> None:
        slot = (first - 1) % self._ring_rows
        rows = self.ring[slot * L.EVT_WORDS : (slot + end - first) * L.EVT_WORDS]
        sums = self._sum.add(rows, self._tally)
        written = not self.paused  # read once: the loop may end the pause meanwhile
        if written:
            try:
                self._put(first, rows, sums)
            except OSError as error:
                self.paused, written = disk_words(error), False
            except Exception as error:  # the store never ends the exchange: what it lacks is made again from the journal
                self.paused, written = f"{type(error).__name__}: {error}", False
        if not written:
            self.failed.append((first, end - 1))
        self._counted = (end, self._tally.copy())
        self._sealed = (end, self._sum.words.tobytes())
        self.written_to = end
        self._room.set()
        when = self._when_room
        if when is not None and self._at_most_waits(1, 4):
            self._when_room = None
            when()
        self._prepare(end)

    def _put(self, first: int, rows: NDArray[np.int64], sums: NDArray[np.int64]) -> None:
        """Write rows. Past the page cache, except while the helper is behind and the disk is why, or little room is left for a disk that stops for a moment.
        Raises OSError."""
        direct = self._at_most_waits(1, 2) or (self._at_most_waits(3, 4) and not self._disk_slow)
        began = monotonic()
        self._files.write(first, rows, sums, direct=direct)
        if direct:
            self._disk_slow = (monotonic() - began) * self._chunk > SLOW_S * sums.size

    def _prepare(self, number: int) -> None:
        """Allocate the next file when this one is half full."""
        file, row = divmod(number - 1, self._files.rows_per_file)
        if 2 * row <= self._files.rows_per_file or self._prepared > file or self.paused:
            return
        self._prepared = file + 1
        try:
            self._files.ready_to_write(file + 1)
        except OSError:
            return  # the write that needs the file tries again, and pauses the store if that fails
