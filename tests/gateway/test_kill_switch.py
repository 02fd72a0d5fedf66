"""A kill switch from the operator's record to the members' reports: by default it blocks and cancels, on every level."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from protocol import codes
from protocol import messages as M
from tests.gateway.binary.world import World, limit

SPAIN = "WC26-WIN-ESP"
LEVELS: list[tuple[Any, str, int]] = [
    ("platform", "", codes.R_KILLED_PLATFORM), ("venue", "WC26", codes.R_KILLED_VENUE), ("firm", "MM1", codes.R_KILLED_FIRM),
    ("account", "MM1-A", codes.R_KILLED_ACCOUNT), ("session", "MM1", codes.R_KILLED_SESSION),
]  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    assert made.engine.check() == []
    made.store.close()


@pytest.mark.parametrize(("level", "target", "reason"), LEVELS, ids=lambda v: str(v))
@pytest.mark.parametrize("cancel", [None, False])
def test_it_blocks_and_cancels_unless_told_not_to(world: World, level: Any, target: str, reason: int, cancel: bool | None) -> None:
    end, other = world.logged_on("MM1"), world.logged_on("MM2")
    spain = world.instrument(SPAIN)
    end.session.send(limit(1, spain, codes.BUY, 4000, 10))
    other.session.send(limit(1, spain, codes.BUY, 3900, 10))
    world.turn()
    end.take(), other.take()
    world.admin(ar.Kill(level=level, target=target, cancel=cancel))
    world.turn()
    told = [(m.id, m.reason, m.flags) for m in end.take(M.Canceled)]
    assert told == ([] if cancel is False else [(1, codes.R_KILL_SWITCH, codes.EF_UNSOLICITED)])
    everybody = level in ("platform", "venue")
    assert len(other.take(M.Canceled)) == (1 if everybody and cancel is None else 0)
    end.session.send(limit(2, spain, codes.BUY, 4000, 10))
    end.session.send(M.CancelOrder(3, 1))
    world.turn()
    refused, answer = end.take()
    assert (type(refused), refused.reason) == (M.Rejected, reason)
    assert isinstance(answer, M.CancelRejected if cancel is None else M.Canceled), "cancels are taken"
    world.admin(ar.Kill(level=level, target=target, on=False))
    end.session.send(limit(2, spain, codes.BUY, 4000, 10))
    world.turn()
    assert [type(m) for m in end.take()] == [M.Accepted], "the refusal did not use up the id"
