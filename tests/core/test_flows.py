"""The named flow is what its name promises, and core and model agree on a small one."""

from __future__ import annotations

import numpy as np

from exchange_server.core import layout as L
from exchange_server.engine import Capacities, Engine
from protocol import codes as C
from tests.bridge import command_row, event_rows
from tests.core_rig import Pair
from tests.flows import NamedFlow, named_flow, turns, world
from tests.model_world import Limits


def kinds(rows: np.ndarray) -> dict[int, float]:
    found, counts = np.unique(rows[:, L.CMD_HEAD] & 255, return_counts=True)
    return {int(k): int(n) / len(rows) for k, n in zip(found, counts)}


def test_shares() -> None:
    f = named_flow(1, 20_000, resting=5_000)
    shares = kinds(f.flow)
    assert abs(shares[C.C_NEW] - 0.46) < 0.02 and abs(shares[C.C_CANCEL] - 0.44) < 0.02 and abs(shares[C.C_REPLACE] - 0.10) < 0.02
    new = f.flow[f.flow[:, L.CMD_HEAD] & 255 == C.C_NEW]
    assert 0.01 < np.mean(new[:, L.CMD_HEAD] >> 28 & 15 == C.IOC) < 0.03, "2 % of the new orders are aggressive"
    assert kinds(f.preload) == {C.C_NEW: 1.0}
    assert len(np.unique(new[:, L.CMD_INSTRUMENT] >> 32)) == 100
    assert len(np.unique(f.preload[:, L.CMD_SESSION_ACCOUNT] & 0xFFFFFFFF)) > 950


def test_the_same_seed_gives_the_same_flow() -> None:
    a, b, c = named_flow(7, 500, resting=300), named_flow(7, 500, resting=300), named_flow(8, 500, resting=300)
    assert np.array_equal(a.flow, b.flow) and np.array_equal(a.preload, b.preload)
    assert not np.array_equal(a.flow, c.flow)


def run(f: NamedFlow, rows: np.ndarray, engine: Engine) -> dict[int, int]:
    """Count of events by kind."""
    counts: dict[int, int] = {}

    def sink(words: np.ndarray) -> None:
        for event in event_rows(words.copy()):
            counts[event.kind] = counts.get(event.kind, 0) + 1

    words = turns(rows, 500)
    engine.apply(words, len(words), sink)
    return counts


def test_the_core_refuses_at_most_a_tenth_and_keeps_the_books_full() -> None:
    f = named_flow(3, 4_000, resting=6_000)
    engine = Engine(Capacities(accounts=1100, orders=20_000, nodes=20_000, archive=40_000, balances=4_000, collateral_words=1_000_000))
    assert engine.step_rows(f.definitions, len(f.definitions), lambda _: None) == 0
    assert run(f, f.preload, engine) == {C.E_ACCEPTED: 6_000}
    counts = run(f, f.flow, engine)
    refused = counts.get(C.E_REJECTED, 0) + counts.get(C.E_CANCEL_REJECT, 0)
    assert refused <= 0.1 * len(f.flow)
    assert counts[C.E_FILL] > 20 and counts[C.E_CANCELED] > 1500 and counts[C.E_REPLACED] > 300
    assert engine.m[L.H_OPEN_ORDERS] >= 5_900
    assert engine.check() == []


def test_core_and_model_agree_on_a_small_named_flow() -> None:
    shape = {"books": 8, "group": (2, 6), "accounts": 12, "sessions": 4}
    f = named_flow(5, 120, resting=60, fees=(-50, 100), **shape)
    pair = Pair(Limits(400, 2000, nodes=800))
    for row in world(shape["books"], shape["group"], shape["accounts"], shape["sessions"], (-50, 100)):
        pair.apply(row)
    for words in turns(np.concatenate([f.preload, f.flow]), 50).reshape(-1, L.CMD_WORDS):
        pair.apply(command_row(words))
