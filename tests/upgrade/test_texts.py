"""A state whose ids that are texts have rows of their own, as before rules version 10, gets them into their keys, and goes on as one that always had."""

from __future__ import annotations

from typing import Any

import pytest

from exchange_server import state
from exchange_server.core import layout as L
from exchange_server.upgrade.books import books, differences
from exchange_server.upgrade.carry import OWN, pack_texts
from protocol import codes as C
from tests import arena, bridge, text_ids
from tests.arena import held_rows, held_state
from tests.core.test_budget import BudgetGenerator, budget, refused
from tests.core_rig import Core, PairStory, tiny
from tests.model_budget import FIRST_HELD
from tests.model_worlds import SECOND
from tests.random_world import Generator, flow

SAID = ("kind", "status", "reason", "id", "orig", "order", "price", "qty", "cum", "leaves", "account", "session", "limit", "used", "asked")


def texts(core: Core) -> int:
    return int(core.m[L.H_POOLS + L.P_TEXT * L.POOL_WORDS + L.PL_USED])


def story(seed: int) -> tuple[Any, list[Any], list[Any]]:
    """(world, commands, those after these) of a random flow."""
    world, commands = flow(seed, 160, BudgetGenerator if seed % 3 == 2 else Generator)
    half = len(commands) * 2 // 3
    return world, [*world.rows, *commands[:half]], commands[half:]


def grown(world: Any, commands: list[Any]) -> Core:
    core = Core(tiny(world.limits), world.retention_ns)
    for row in commands:
        core.apply(row)
    return core


@pytest.mark.parametrize("seed", range(24))
def test_it_goes_on_as_one_that_always_had_them_there(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world, commands, left = story(seed)
    for row in (*world.rows, *commands, *left):
        row.pop("max_journal", None)  # the quota in which a text row counts
    now = grown(world, commands)
    with monkeypatch.context() as before:
        for module in (bridge, text_ids):
            before.setattr(module, "packed_key", lambda text: None)
        old = grown(world, commands)
    assert texts(old) >= texts(now)
    kept = books(old.m, OWN)
    pack_texts(old.m)
    assert differences(kept, books(old.m, OWN)) == [] and old.engine.check() == [] and texts(old) == texts(now)
    assert [held_state(old.m, at) for at in held_rows(old.m)] == [held_state(now.m, at) for at in held_rows(now.m)]
    assert differences(books(now.m, OWN), books(old.m, OWN)) == []
    for row in left:
        ours, theirs = old.apply(row), now.apply(row)
        assert [[event.get(name) for name in SAID] for event in ours] == [[event.get(name) for name in SAID] for event in theirs], row
    assert differences(books(now.m, OWN), books(old.m, OWN)) == [] and old.engine.check() == []


def test_the_flows_have_such_texts_in_all_places() -> None:
    """Otherwise the test above could not fail."""
    open_, closed = 0, 0
    for seed in range(24):
        core = grown(*story(seed)[:2])
        found = books(core.m, OWN)
        open_ += sum(any(row[-8:]) for row in found["orders"].tolist())
        closed += sum(any(row[-8:]) for row in found["closed ids"].tolist())
    assert open_ > 20 and closed > 50, (open_, closed)


@pytest.mark.parametrize("text", ["desk-0001", "an order/with a long name: 1x"])
def test_an_order_that_waits_for_a_person(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        for module in (arena, bridge, text_ids):
            before.setattr(module, "packed_key", lambda text: None)
        s = PairStory(payout=100, cash=100_000)
        budget(s, approve=100, wait=60 * SECOND)
        waiting = refused(s, 1, C.BUY, 10, 20, id=text)
    m = s.pair.core.m
    assert waiting == (C.R_BUDGET_APPROVAL, 100, 200, FIRST_HELD)
    pack_texts(m)
    (held,) = state.held_orders(m)
    assert held.key == text and s.pair.core.engine.check() == []
    assert refused(s, 1, C.BUY, 10, 20, id=text) == waiting, "sent again it is the same order"
