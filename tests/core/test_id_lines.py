"""The table of ClOrdIDs: lines of seven entries and a count of those that went past, in tables so small that lines are full all the time."""

from __future__ import annotations

import random
import threading
from collections import Counter

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.core.id_lines import went_past
from exchange_server.core.kit.bits import mix3
from exchange_server.core.kit.eights import equal8
from exchange_server.core.kit.jit import kernel
from exchange_server.core.kit.lines import LINE
from exchange_server.core.layout.packed import pack_ref
from exchange_server.core.life.ids import PASSED, entry_at, id_delete, id_find, id_insert, id_repoint
from tests import arena

AT = L.HEADER_WORDS
FIRM, HI = 3, 0


@kernel("i8(i8[::1], i8, i8, i8)")
def equal(m, at, value, mask):
    return equal8(m, at, value, mask)


@kernel("i8(i8[::1], i8, i8)")
def insert(m, lo, ref):
    id_insert(m, FIRM, HI, lo, ref)
    return 0


@kernel("i8(i8[::1], i8, i8, i8)")
def repoint(m, lo, old, new):
    id_repoint(m, FIRM, HI, lo, old, new)
    return m[L.H_ERROR]


@kernel("i8(i8[::1], i8, i8)")
def delete(m, lo, ref):
    id_delete(m, FIRM, HI, lo, ref)
    return m[L.H_ERROR]


@kernel("i8(i8[::1], i8, i8)")
def place(m, lo, ref):
    h = mix3(FIRM, HI, lo)
    return entry_at(m, h, pack_ref(h, ref))


@kernel("i8(i8[::1], i8)")
def find(m, lo):
    return id_find(m, m, FIRM, HI, lo, -1)


@kernel("i8(i8[::1], i8)")
def passed_by(m, line):
    return went_past(m, line)


@kernel("i8(i8)")
def hashed(lo):
    return mix3(FIRM, HI, lo)


def table(lines: int) -> np.ndarray:
    """An arena of nothing but a header and a table of so many lines."""
    m = np.zeros(AT + LINE * lines, np.int64)
    d = L.H_POOLS + L.P_ID_HASH * L.POOL_WORDS
    m[d + L.PL_BASE], m[d + L.PL_CAP] = AT, LINE * lines
    return m


def used(m: np.ndarray) -> int:
    return int(m[L.H_POOLS + L.P_ID_HASH * L.POOL_WORDS + L.PL_USED])


def at_home(lines: int, home: int, count: int, begin: int = 1) -> list[int]:
    """Ids whose home is this line."""
    found: list[int] = []
    lo = begin
    while len(found) < count:
        if hashed(lo) % lines == home:
            found.append(lo)
        lo += 1
    return found


def agrees(m: np.ndarray, wanted: dict[tuple[int, int], int]) -> None:
    """The table has these entries ((id, reference): how often), each in its home line or after full ones, and counts right."""
    rows = m[AT:].reshape(-1, LINE)
    passed = arena.went_past(rows)
    there = Counter(int(word) % (1 << 64) for word in rows[:, :PASSED].flat if word)
    assert there == Counter({hashed(lo) << 32 | ref: n for (lo, ref), n in wanted.items() if n})
    assert rows[:, PASSED].tolist() == passed
    assert [passed_by(m, AT + LINE * line) for line in range(len(rows))] == passed
    assert used(m) == sum(wanted.values())


@pytest.mark.parametrize("lines", [1, 2, 4, 8])
@pytest.mark.parametrize("seed", range(6))
def test_a_table_that_is_full_most_of_the_time_against_a_dict(lines: int, seed: int) -> None:
    """At most two entries of three places: what the engine's capacities leave (engine.Capacities.pools)."""
    rng = random.Random(seed)
    m = table(lines)
    wanted: dict[tuple[int, int], int] = {}
    most = 2 * LINE * lines // 3 if seed % 2 else PASSED * lines
    few = [lo for home in (0, lines - 1) for lo in at_home(lines, home, 20)] if seed % 3 else list(range(1, 60))
    for _ in range(600):
        there = [key for key, n in wanted.items() if n]
        turn = rng.random()
        if turn < 0.5 and used(m) < most:
            key = rng.choice(few), rng.randint(1, 4)
            insert(m, *key)
            wanted[key] = wanted.get(key, 0) + 1
        elif there and turn < 0.85:
            key = rng.choice(there)
            assert delete(m, *key) == 0
            wanted[key] -= 1
        elif there:
            key, new = rng.choice(there), rng.randint(1, 4)
            assert repoint(m, *key, new) == 0
            wanted[key] -= 1
            wanted[key[0], new] = wanted.get((key[0], new), 0) + 1
        agrees(m, wanted)
        for lo in few[:8]:
            for ref in range(1, 5):
                assert (place(m, lo, ref) != 0) == (wanted.get((lo, ref), 0) > 0)


def test_nothing_moves_when_another_entry_goes() -> None:
    m = table(4)
    ids = at_home(4, 3, 12)
    for lo in ids:
        insert(m, lo, 1)
    places = [place(m, lo, 1) for lo in ids]
    assert [(at - AT) // LINE for at in places] == [3] * 7 + [0] * 5, "after the last line comes the first"
    assert delete(m, ids[2], 1) == 0 and delete(m, ids[8], 1) == 0
    left = [lo for lo in ids if lo not in (ids[2], ids[8])]
    assert [place(m, lo, 1) for lo in left] == [at for lo, at in zip(ids, places, strict=True) if lo in left]
    insert(m, 5000, 2)
    assert m[AT + 3 * LINE + PASSED] == 4


def test_a_search_ends_where_every_line_had_to_send_one_on() -> None:
    """Both lines of a table are full once, and each has an entry of the other: neither count is 0, nor becomes it."""
    m = table(2)
    first, second = at_home(2, 0, 9), at_home(2, 1, 8)
    for lo in (*first[:8], *second[:6]):
        insert(m, lo, 1)
    assert delete(m, first[0], 1) == 0
    insert(m, second[6], 1)
    assert m[AT + PASSED] == 1 and m[AT + LINE + PASSED] == 1
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda lo=lo: found.append(place(m, lo, 1) + find(m, lo)), daemon=True) for lo in (first[8], second[7])
    ]
    for thread in threads:
        thread.start()
        thread.join(30)  # kernels do not hold the GIL
    assert found == [0, 0]


def test_an_entry_that_is_not_there_is_a_broken_table_and_nothing_changes() -> None:
    m = table(2)
    insert(m, 7, 1)
    before = m.copy()
    assert delete(m, 7, 2) == L.INV_TABLE
    m[L.H_ERROR] = 0
    assert repoint(m, 8, 1, 2) == L.INV_TABLE
    m[L.H_ERROR] = 0
    assert np.array_equal(m, before)


def test_which_of_eight_words_are_equal() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        m = rng.integers(-2, 2, 40)
        m[rng.integers(0, 40, 10)] = rng.integers(-(1 << 63), (1 << 63) - 1, 10)
        for at in (0, 1, 5, 8, 31, 32):
            value = int(m[rng.integers(at, at + 8)])
            for mask in (-1, -1 << 32, 0xFFFFFFFF, 0):
                bits = sum(1 << i for i in range(8) if (int(m[at + i]) ^ value) & mask == 0)
                assert equal(m, at, value, mask) == bits
