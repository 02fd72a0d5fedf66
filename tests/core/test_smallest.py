"""The sum of the k smallest of a collateral row against sorting, after each of many changes: by sign, by marks, and from one to the other."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from exchange_server.core.money import smallest
from protocol import codes as C
from tests.arena import check_chosen

EVENT = 8  # where the two rows of these tests lie
ROW = EVENT + L.EVENT_WORDS


def called(leaf: Any) -> Any:
    return leaf._compile_for_args()


def row_of(k: int, n: int, product: int = C.EXACTLY) -> NDArray[np.int64]:
    """An arena with one event and one account's row in it."""
    m = np.zeros(ROW + L.CO_COLUMNS + L.CO_COLUMN_COUNT * n, np.int64)
    m[EVENT + L.E_N], m[EVENT + L.E_PRODUCT] = n, product
    m[ROW + L.CO_EVENT], m[ROW + L.CO_N] = EVENT, n
    called(smallest.begin_smallest)(m, ROW, k)
    return m


def values(m: NDArray[np.int64], n: int) -> list[int]:
    at = int(called(smallest.v_column)(m, ROW))
    return [int(v) for v in m[at : at + n]]


def held(m: NDArray[np.int64], k: int, n: int) -> None:
    """The sum is right, and so is what it is kept with."""
    counted = [v for v in values(m, n) if v != smallest.LEFT_OUT]
    assert m[ROW + L.CO_WORST] == sum(sorted(counted)[:k])
    assert W.winners_of(int(m[ROW + L.CO_K])) == k
    check_chosen(m, ROW)


SHAPES = [(1, 5), (5, 5), (2, 3), (15, 16), (3, 17), (32, 48), (60, 64), (63, 65), (133, 200), (2, 130)]


@pytest.mark.parametrize(("k", "n"), SHAPES)
def test_the_sum_after_each_change(k: int, n: int) -> None:
    """Positions drift from a few to all contracts and back to none, so that the border lies among the zeros, below and above them."""
    rng = random.Random(1000 * n + k)
    m, set_v = row_of(k, n), called(smallest.set_v)
    ways = []
    for step in range(1500):
        phase = step // 250
        some = [j for j, v in enumerate(values(m, n)) if v != 0]
        if phase % 2 and some and rng.random() < 0.9:
            set_v(m, ROW, rng.choice(some), 0)
        else:
            sign = (1, -1, rng.choice((1, -1)))[phase // 2]
            set_v(m, ROW, rng.randrange(n), sign * rng.choice((0, 1, 1, 2, rng.randrange(1, 1000), 1 << 40)))
        held(m, k, n)
        ways.append(W.by_sign(int(m[ROW + L.CO_K])))
    if 1 < k < n:
        turns = [(a, b) for a, b in zip(ways, ways[1:]) if a != b]
        assert (True, False) in turns and (False, True) in turns


@pytest.mark.parametrize(("k", "n"), [(2, 3), (32, 48), (133, 200)])
def test_a_row_from_before_there_were_counts(k: int, n: int) -> None:
    """It has marks alone; its first change counts."""
    m, set_v = row_of(k, n), called(smallest.set_v)
    for j in range(0, n, 2):
        set_v(m, ROW, j, 5 - j)
    called(smallest.largest_with)(m, ROW, 0)  # marks a row that has none
    assert not W.by_sign(int(m[ROW + L.CO_K]))
    m[ROW + L.CO_K] = k
    held(m, k, n)
    set_v(m, ROW, 1, -7)
    assert W.is_counted(int(m[ROW + L.CO_K]))
    held(m, k, n)


@pytest.mark.parametrize("product", [C.EXACTLY, C.AT_MOST])
@pytest.mark.parametrize(("k", "n"), [(2, 4), (5, 40), (30, 40)])
def test_contracts_that_are_left_out(product: int, k: int, n: int) -> None:
    """One after the other, k with it, until one of the rest is left; in between the others change."""
    rng = random.Random(n + k)
    m, set_v, choose = row_of(k, n, product), called(smallest.set_v), called(smallest.choose)
    at = int(called(smallest.v_column)(m, ROW))
    left = list(range(n))
    while len(left) > 1:
        for _ in range(6):
            v = rng.randrange(-50, 51)
            set_v(m, ROW, rng.choice(left), v if product == C.EXACTLY else min(v, 0))
            held(m, k, n)
        out = left.pop(rng.randrange(len(left)))
        k -= 1 if k > 1 and (rng.random() < 0.5 or k > len(left)) else 0
        m[at + out] = smallest.LEFT_OUT
        choose(m, ROW, k)
        held(m, k, n)


@pytest.mark.parametrize(("k", "n"), [(2, 3), (7, 33), (32, 48)])
def test_the_largest_of_the_smallest(k: int, n: int) -> None:
    rng = random.Random(k)
    set_v, largest_with = called(smallest.set_v), called(smallest.largest_with)
    for _ in range(40):
        m = row_of(k, n)
        for _ in range(rng.randrange(2 * n)):
            set_v(m, ROW, rng.randrange(n), rng.randrange(-3, 4))
        found = values(m, n)
        border = sorted(found)[k - 1]
        for j in range(n):
            assert largest_with(m.copy(), ROW, j) == min(found[j], border)
        held(m, k, n)
