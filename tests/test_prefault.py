"""The busiest tables have their memory after a start, whether the system fills pages on request or not, and no word changes by it."""

import ctypes
import mmap

import numpy as np
import pytest

from exchange_server import prefault
from exchange_server.core import layout as L
from exchange_server.engine import BUSY_WHOLE, Capacities, Engine
from exchange_server.journal.runner import Inline, Threads

PAGE = 4096
SMALL = Capacities(
    accounts=64, balances=64, events=16, instruments=64, orders=20_000, archive=20_000, used_blocks=100, collateral_words=500_000
)


def absent(words: prefault.Words) -> int:
    """How many pages of these words have no memory yet."""
    begin = words.ctypes.data // PAGE * PAGE
    count = -(-(words.ctypes.data + words.nbytes - begin) // PAGE)
    there = np.zeros(count, np.uint8)
    call = ctypes.CDLL(None).mincore
    call.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    assert call(begin, count * PAGE, there.ctypes.data) == 0
    return int(count - (there & 1).sum())


def untouched() -> Engine:
    """An engine whose tables and event buffer lie on memory that nothing has used."""
    engine = Engine(SMALL)
    fresh = [np.frombuffer(mmap.mmap(-1, words.nbytes), np.int64) for words in (engine.m, engine.events)]
    fresh[0][: L.HEADER_WORDS] = engine.m[: L.HEADER_WORDS]
    engine.m, engine.events = fresh
    return engine


def missing(engine: Engine) -> int:
    return sum(absent(words) for words in engine.busiest())


@pytest.mark.parametrize("runner", [Threads(), Inline()], ids=["thread", "inline"])
@pytest.mark.parametrize("asked", [True, False], ids=["on request", "by touching"])
@pytest.mark.parametrize("cores", [1, 2])
def test_every_busy_page_has_memory(runner: Threads | Inline, asked: bool, cores: int) -> None:
    engine = untouched()
    assert missing(engine) > 100
    task = prefault.beside(engine.busiest(), runner, prefault.fill if asked else lambda words: False, cores)
    assert (asked and cores > 1) or task is None
    if task is not None:
        task.join()
    assert missing(engine) == 0
    assert not engine.m[L.HEADER_WORDS :].any()


def test_words_that_the_loop_writes_meanwhile_stay() -> None:
    words = np.zeros(4 << 20, np.int64)
    words[:: prefault.PAGE_WORDS] = 7
    if not prefault.fill(words):
        pytest.skip("this kernel does not fill pages on request (Linux 5.14)")
    assert (words[:: prefault.PAGE_WORDS] == 7).all() and absent(words) == 0


def test_a_table_is_filled_up_to_the_limit_and_a_hash_table_whole() -> None:
    engine = untouched()
    engine.warm(0)
    whole = engine.busiest(0)
    assert sum(len(words) for words in whole[:-1]) == sum(w * n for pool, w, n in SMALL.pools() if pool in BUSY_WHOLE)
    assert all(absent(words) == 0 for words in whole if len(words))
    assert missing(engine) > 100


def test_pages_that_are_given_back_are_those_of_these_words_alone() -> None:
    words = np.frombuffer(mmap.mmap(-1, 16 * PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.int64)
    words[:] = 7
    prefault.give_back(words[512 + 1 : 4 * 512])  # the first of these pages begins before it
    assert not words[2 * 512 : 4 * 512].any() and (words[: 2 * 512] == 7).all() and (words[4 * 512 :] == 7).all()
    prefault.give_back(words[10 * 512 + 1 : 11 * 512 - 1])
    prefault.give_back(words[:0])
    assert (words[4 * 512 :] == 7).all(), "no whole page"
