"""The freeze of a venue as an act, and each operator's act against each level (protocol/freeze.py)."""

from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.core.layout import definitions as d
from exchange_server.registry import rule_view
from protocol import codes as C
from protocol import freeze
from tests.registry.test_registry import BASE, RESULT, SPOT, World

ACTS: list[tuple[Any, str]] = [
    (ar.SetPhase(event="FINAL", phase="open"), freeze.PHASE),
    (ar.SetPhase(event="FINAL", phase="paused"), freeze.PHASE),
    (ar.SetPhase(event="FINAL", phase="closed"), freeze.SETTLE),
    (RESULT, freeze.SETTLE),
]


@pytest.mark.parametrize("level", freeze.BY_NAME)
@pytest.mark.parametrize(("record", "action"), ACTS)
def test_what_each_level_stops(level: str, record: Any, action: str) -> None:
    world = World().must(*BASE, ar.Freeze(venue="V1", level=level))
    answer = world.do(record)
    stopped = freeze.stops(freeze.BY_NAME[level], action)
    assert answer.code == (freeze.REFUSALS[freeze.BY_NAME[level]] if stopped else C.OK)
    if stopped:
        assert answer.text.startswith("event: FINAL belongs to venue V1: the venue is frozen") and world.engine.seen == []


@pytest.mark.parametrize("finish", [ar.Finalise(event="FINAL"), ar.Settle(**{f: getattr(RESULT, f) for f in RESULT.__struct_fields__})])
def test_settlement_stops_at_the_last_level_only(finish: Any) -> None:
    world = World().must(*BASE, RESULT, ar.Freeze(venue="V1", level="nothing"))
    assert world.do(finish).code == C.R_VENUE_FROZEN
    world.must(ar.Freeze(venue="V1", level="settle_only"))
    assert world.do(finish).code != C.R_VENUE_FROZEN


def test_the_act() -> None:
    world = World().must(*BASE)
    assert world.do(ar.Freeze(venue="V1", level="none")).result["unchanged"] == 1 and world.engine.seen == []
    answer = world.do(ar.Freeze(venue="V1", level="cancel_only", reason="inspection"))
    assert answer.text == "venue V1 is frozen: cancel_only" and world.engine.kinds() == [C.C_FREEZE]
    assert [int(world.engine.seen[0][word]) for word in (d.DZ_VENUE, d.DZ_LEVEL)] == [1, freeze.CANCEL_ONLY]
    view = rule_view.venues(world.registry, world.engine.m)
    assert [(row["venue"], row["freeze"], row["freeze_reason"]) for row in view] == [
        ("V1", "cancel_only", "inspection"),
        ("V2", "none", ""),
    ]
    assert world.do(ar.Freeze(venue="V1", level="cancel_only", reason="inspection")).result["unchanged"] == 1
    assert world.do(ar.Freeze(venue="V1", level="none")).text == "venue V1 is no longer frozen" and not world.registry.freezes
    assert 'there is no venue "VX"' in world.do(ar.Freeze(venue="VX", level="none")).text


def test_only_the_owners_freeze_stops_acts() -> None:
    world = World().must(*BASE, ar.Freeze(venue="V2", level="nothing"))
    world.must(ar.SetPhase(event=SPOT.event, phase="open"))
