"""Gives tables their memory before an order needs it: a page fault during an order costs it microseconds.

`beside`: for a start, in a thread while the server already trades. Linux fills pages on request without changing a word (MADV_POPULATE_WRITE, from
5.14 on), so the thread cannot disturb the loop's writes. Where that is missing, and where there is no second core for the thread (the loop would wait
for it for up to 20 ms), the tables are touched before the start goes on, as `Engine.warm` does it.

`Ahead`: from then on, the same for what tables that grow take next.

`give_back`: the opposite, for an arena whose state has moved into another: what comes next takes the pages at once, and no second set of them is needed.
"""

import ctypes
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .journal.runner import CORES, Runner, Task

Words = NDArray[np.int64]
PAGE_WORDS = 512
PIECE_BYTES = 2 << 20  # filled in one call, during which no other thread can map memory
MADV_DONTNEED, MADV_POPULATE_WRITE = 4, 23  # of <linux/mman.h>; Python's mmap has no name for the second


def touch(parts: list[Words]) -> None:
    """Write one word of each page without changing it. Only where nothing else writes."""
    for words in parts:
        words[::PAGE_WORDS] |= 0
        words[-1:] |= 0


def _madvise() -> Callable[[int, int, int], int]:
    call = ctypes.CDLL(None).madvise
    call.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return call


def give_back(words: Words) -> None:
    """Give the system the pages back that hold only words of these; they may read as 0 from then on."""
    page = PAGE_WORDS * 8
    begin = -(-words.ctypes.data // page) * page
    end = (words.ctypes.data + words.nbytes) // page * page
    if begin < end:
        _madvise()(begin, end - begin, MADV_DONTNEED)  # a failure leaves them where they are


def fill(words: Words) -> bool:
    """Have the system fill the pages of `words`. False: it cannot."""
    call = _madvise()
    page = PAGE_WORDS * 8
    begin = words.ctypes.data // page * page
    end = words.ctypes.data + words.nbytes
    return all(call(at, min(PIECE_BYTES, end - at), MADV_POPULATE_WRITE) == 0 for at in range(begin, end, PIECE_BYTES))


def beside(parts: list[Words], runner: Runner, filled: Callable[[Words], bool] = fill, cores: int = len(CORES)) -> Task | None:
    """Fill these tables in a thread of `runner`; None: it is done already. cores: that the process may use."""
    if cores < 2 or not all(filled(words[:1]) for words in parts):
        touch(parts)
        return None

    def work() -> None:
        for words in parts:
            filled(words)

    return runner.once("prefault", work, idle=True)


class Ahead:
    """Fills what growing tables take next, in a thread, beside trading. `growing` gives the part of each that should have its memory; it only gets longer.
    A table that nevertheless grows faster gets its memory as it is used."""

    def __init__(self, growing: Callable[[], list[Words]], runner: Runner, cores: int = len(CORES)) -> None:
        """What `growing` gives now gets its memory at the start (`beside`). cores: as of `beside`; with one this does nothing."""
        self.growing = growing
        self.runner = runner
        self.filled = [len(words) for words in growing()]
        self.task: Task | None = None
        self.able = cores > 1

    def look(self) -> None:
        """Called twice a second: start to fill what has been added, unless the thread is still at it."""
        if not self.able or (self.task is not None and self.task.alive()):
            return
        parts = []
        for i, words in enumerate(self.growing()):
            if len(words) - self.filled[i] >= PIECE_BYTES // 8:
                parts.append(words[self.filled[i] :])
                self.filled[i] = len(words)
        if not parts:
            return

        def work() -> None:
            self.able = all(fill(words) for words in parts)

        self.task = self.runner.once("prefault", work, idle=True)
