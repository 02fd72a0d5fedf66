"""The heap of timers against a sorted list: earliest first, of equal times by kind, then by target; any row may be stopped."""

from __future__ import annotations

import random

import pytest

from exchange_server.core import layout as L
from exchange_server.core.kit.timers import timer_due, timer_start, timer_stop
from exchange_server.engine import Capacities, Engine
from tests import arena

FEW = 12


def tiny() -> Engine:
    return Engine(Capacities(4, 4, 4, 32, 8, 4, 8, 8, 16, 200, FEW, 16, 16, 16), 8)


def key(engine: Engine, t: int) -> tuple[int, int, int]:
    m = engine.m
    return int(m[t + L.TM_TIME]), int(m[t + L.TM_KIND]), int(m[t + L.TM_TARGET])


@pytest.mark.parametrize("seed", range(5))
def test_against_a_sorted_list(seed: int) -> None:
    rng = random.Random(seed)
    engine = tiny()
    m = engine.m
    rows: dict[tuple[int, int, int], int] = {}
    for _ in range(400):
        if rows and rng.random() < 0.45:
            gone = rng.choice([*rows]) if rng.random() < 0.5 else min(rows)
            timer_stop(m, rows.pop(gone))
        else:
            new = rng.randrange(1, 9), rng.randrange(1, 4), rng.randrange(3)
            if new in rows:
                continue
            t = timer_start(m, *new)
            assert (t == 0) == (len(rows) == FEW), "refused when the table is full, and only then"
            if t:
                rows[new] = t
        assert m[L.H_TIMERS] == len(rows) and engine.next_due == (min(rows)[0] if rows else 0)
        m[L.H_TIME] = rng.randrange(10)
        due = timer_due(m)
        assert (key(engine, due) if due else None) == (min(rows) if rows and min(rows)[0] <= m[L.H_TIME] else None)
        arena.check_pool(m, L.P_TIMER, [*rows.values()])


def test_due_rows_come_in_the_same_order_whatever_came_before() -> None:
    keys = [(time, kind, target) for time in (5, 6) for kind in (1, 2, 3) for target in (0, 7)]
    for seed in range(20):
        engine = tiny()
        m = engine.m
        shuffled = random.Random(seed).sample(keys, len(keys))
        for one in shuffled:
            assert timer_start(m, *one) != 0
        m[L.H_TIME] = 6
        found = []
        while t := timer_due(m):
            found.append(key(engine, t))
            timer_stop(m, t)
        assert found == keys and m[L.H_TIMERS] == 0
