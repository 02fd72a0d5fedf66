"""Writing a large file beside a journal that is synced all the time: past the page cache, in small pieces, into space that is allocated ahead.

A sync of a large file through the page cache keeps the disk busy for as long as all of it takes, and where the file grows it is a commit of the file system as well: the journal's own
sync waits for both. A piece that is written directly is on its way by itself; nothing has to be synced before the end, and a sync of the journal finds at most one
piece on its way. Where the file system has no such writes, they go through the page cache, in small syncs. `Pace` spreads the pieces evenly.
"""

import mmap
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from .files import SYNC_EVERY_BYTES, open_direct

PIECE = 64 << 10  # the largest that left the journal's syncs alone: at 256 KiB one in a hundred took 5 ms instead of 0.5
AHEAD = 64 << 20
ALIGNED = 4096


class Pace:
    """`wait` before each piece: no more than so many bytes a second, without bursts after a delay."""

    def __init__(self, bytes_per_s: int, clock: Callable[[], float] = monotonic, pause: Callable[[float], None] = sleep) -> None:
        self._rate, self._clock, self._pause = bytes_per_s, clock, pause
        self._done, self._due = 0, 0.0

    def wait(self, done: int) -> None:
        """done: bytes so far; fewer than before: it begins anew."""
        now = self._clock()
        self._due = max(self._due + max(done - self._done, 0) / self._rate, now) if done else now
        self._done = done
        if self._due > now:
            self._pause(self._due - now)


class Pieces:
    """Bytes appended to an open file from `at` on, a multiple of ALIGNED. before: called before each piece with the bytes written so far; it may wait, or raise. `end` writes what is
    left, `close` gives everything back."""

    def __init__(self, fd: int, path: Path, at: int, before: Callable[[int], None]) -> None:
        assert at % ALIGNED == 0
        self._fd, self._at, self._begin, self._before = fd, at, at, before
        self._buffer = mmap.mmap(-1, PIECE)  # page aligned
        self._used = self._synced = 0
        self._allocated = at
        self._direct = open_direct(path)

    def add(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while len(view):
            take = min(PIECE - self._used, len(view))
            self._buffer[self._used : self._used + take] = view[:take]
            self._used += take
            view = view[take:]
            if self._used == PIECE:
                self._write(PIECE)

    def _write(self, count: int) -> None:
        self._before(self._at - self._begin)
        if self._at + count > self._allocated:
            os.posix_fallocate(self._fd, self._allocated, AHEAD)
            self._allocated += AHEAD
        direct = self._direct >= 0 and count % ALIGNED == 0
        with memoryview(self._buffer)[:count] as piece:
            done = 0
            while done < count:  # a write that was cut short goes on through the page cache: its place is not aligned any more
                with piece[done:] as left:
                    done += os.pwrite(self._direct if direct and done == 0 else self._fd, left, self._at + done)
        self._at, self._used = self._at + count, 0
        if not direct and self._at - self._synced >= SYNC_EVERY_BYTES:
            self._synced = self._at
            os.fdatasync(self._fd)

    def end(self) -> int:
        """Write what is left; the bytes in all. Nothing is synced."""
        if self._used:
            self._write(self._used)
        os.ftruncate(self._fd, self._at)
        return self._at - self._begin

    def close(self) -> None:
        if self._direct >= 0:
            os.close(self._direct)
            self._direct = -1
        self._buffer.close()
