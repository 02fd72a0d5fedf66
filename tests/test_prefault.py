"""The busiest tables have their memory after a start, and growing ones before they need it, whether the system fills pages on request or not, and no word changes by it."""

import ctypes
import mmap
from collections.abc import Callable

import numpy as np
import pytest

from exchange_server import prefault
from exchange_server.core import layout as L
from exchange_server.engine import BUSY_WHOLE, Capacities, Engine
from exchange_server.journal.runner import Inline, Task, Threads

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


def grow(engine: Engine, pool: int, rows: int) -> None:
    engine.m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_NEXT] += rows


def test_a_table_gets_its_memory_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange_server.engine.AHEAD_ROWS", 20_000)
    monkeypatch.setattr(prefault, "PIECE_BYTES", 1 << 16)
    engine = untouched()
    if not prefault.fill(engine.m[:1]):
        pytest.skip("this kernel does not fill pages on request (Linux 5.14)")
    prefault.beside(engine.busiest(), Inline(), cores=2)
    ahead = prefault.Ahead(engine.growing, Inline(), cores=2)
    texts = engine.growing()[-1]
    assert len(texts) == 0, "no text was used"
    grow(engine, L.P_TEXT, 1)
    after = engine.growing()[-1]
    assert len(after) == 20_001 * L.TEXT_WORDS and absent(after) > 200
    ahead.look()
    assert absent(after) <= 1, "the one page is shared with what follows"
    grow(engine, L.P_TEXT, 100)
    ahead.look()
    assert ahead.filled[-1] == len(after), "less than a piece more: not yet"
    grow(engine, L.P_TEXT, 15_000)
    ahead.look()
    assert len(engine.growing()[-1]) == 35_101 * L.TEXT_WORDS and absent(engine.growing()[-1]) <= 1
    grow(engine, L.P_TEXT, 4_000)
    assert len(engine.growing()[-1]) == 39_101 * L.TEXT_WORDS
    grow(engine, L.P_TEXT, 899)
    assert len(engine.growing()[-1]) == 40_000 * L.TEXT_WORDS, "the whole table and no more"
    assert not engine.m[L.HEADER_WORDS :].any()


@pytest.mark.parametrize("why", ["one core", "no memory", "still at it"])
def test_a_thread_that_would_disturb_is_not_started(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    started: list[str] = []
    monkeypatch.setattr(prefault, "PIECE_BYTES", 1 << 16)

    class Counted(Inline):
        def once(self, name: str, work: Callable[[], None], idle: bool = False) -> Task:
            started.append(name)
            return super().once(name, work, idle)

    monkeypatch.setattr(prefault, "fill", lambda words: why != "no memory")
    engine = untouched()
    ahead = prefault.Ahead(engine.growing, Counted(), 1 if why == "one core" else 2)
    for _ in range(2):
        grow(engine, L.P_TEXT, 20_000)
        grow(engine, L.P_ARCHIVE, 1)
        if started and why == "still at it":
            monkeypatch.setattr(ahead.task, "alive", lambda: True)
        ahead.look()
    assert len(started) == (0 if why == "one core" else 1)


def test_pages_that_are_given_back_are_those_of_these_words_alone() -> None:
    words = np.frombuffer(mmap.mmap(-1, 16 * PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.int64)
    words[:] = 7
    prefault.give_back(words[512 + 1 : 4 * 512])  # the first of these pages begins before it
    assert not words[2 * 512 : 4 * 512].any() and (words[: 2 * 512] == 7).all() and (words[4 * 512 :] == 7).all()
    prefault.give_back(words[10 * 512 + 1 : 11 * 512 - 1])
    prefault.give_back(words[:0])
    assert (words[4 * 512 :] == 7).all(), "no whole page"
