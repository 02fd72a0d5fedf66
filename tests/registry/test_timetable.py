"""A market's own times: the scheduled acts that they become, what replaces and what ends them, and the market that has no result in time."""

from typing import Any

import pytest

from config import admin_records as ar
from exchange_server import state
from exchange_server.core import layout as L
from exchange_server.engine import Capacities, Engine
from exchange_server.registry import timetable
from exchange_server.registry.schedule_view import schedule_status
from protocol import codes
from tests.registry.test_registry import BASE, FINAL, RESULT, SPOT, World, change

NOW = 1_000_000_000_000
TIMED = change(FINAL, open_at_ns=NOW + 10, live_at_ns=NOW + 20, close_at_ns=NOW + 30, determine_by_ns=NOW + 40)


class Real(World):
    """A registry on a real engine, whose phases are real."""

    def __init__(self) -> None:
        self.engine: Any = Engine(
            Capacities(assets=8, venues=8, firms=16, accounts=64, sessions=16, events=16, instruments=64, listings=64)
        )
        self.registry, self.events = self.engine.registry, 0
        self.at(0)

    def at(self, ns: int) -> "Real":
        self.engine.m[L.H_TIME] = NOW + ns
        return self

    def do(self, record: Any, who: str = "uid:0", request_id: str = "r1") -> Any:
        return self.registry.apply(ar.pack(who, request_id, record), self.engine, self.sink)

    @property
    def phase(self) -> int:
        return state.Event.of(self.engine.m, 1).phase


@pytest.fixture
def world() -> Real:
    return Real().must(*BASE[:-2])  # type: ignore[return-value]


def waiting(world: World) -> list[tuple[int, str]]:
    return [(row.at_ns - NOW, row.kind) for row in world.registry.schedule.waiting_for("event:FINAL")]


def reasons(world: World) -> list[str]:
    return [row.reason for row in world.registry.schedule if row.ended == "cancelled"]


def refused(world: World, record: Any, code: int) -> str:
    before = world.registry.to_bytes()
    answer = world.do(record)
    assert not answer.ok and answer.code == code, answer
    assert world.registry.to_bytes() == before
    return str(answer.text)


def run_due(world: Real, ns: int) -> list[str]:
    """Carry out everything that is due at a time."""
    world.at(ns)
    return [world.do(ar.RunDue(id=id), "timer:schedule").text for _, id in world.registry.schedule.due(NOW + ns, 100)]


def test_a_market_goes_through_its_phases_at_its_times(world: Real) -> None:
    world.must(TIMED)
    assert waiting(world) == [(10, "open_at"), (20, "live_at"), (30, "close_at"), (40, "determine_by")]
    assert run_due(world, 10) == ["schedule 1: FINAL is open"] and world.phase == codes.PH_OPEN
    assert run_due(world, 20) == ["schedule 2: FINAL is live"] and world.phase == codes.PH_LIVE
    assert run_due(world, 30) == ["schedule 3: FINAL is closed"] and world.phase == codes.PH_CLOSED
    text = "schedule 4: FINAL is overdue: it should have had a result by 1970-01-01 00:16:40.000000040 UTC"
    assert run_due(world, 40) == [text] and world.registry.events.named("FINAL").overdue_ns == NOW + 40  # type: ignore[union-attr]
    assert schedule_status(world.registry) == {"waiting": 0, "next_at_ns": 0, "failed": 0, "overdue": ["FINAL"]}
    world.must(RESULT)
    assert schedule_status(world.registry)["overdue"] == []


def test_a_result_in_time_ends_the_alarm(world: Real) -> None:
    world.must(TIMED)
    run_due(world, 35)
    world.must(RESULT)
    assert waiting(world) == [] and reasons(world) == ["FINAL is determined"]
    assert "it has a result" in refused(world.at(50), ar.MarkOverdue(event="FINAL"), codes.R_BAD_DEFINITION)


def test_a_transition_by_hand_ends_what_it_makes_pointless(world: Real) -> None:
    world.must(TIMED, ar.SetPhase(event="FINAL", phase="open"))
    assert waiting(world) == [(20, "live_at"), (30, "close_at"), (40, "determine_by")] and reasons(world) == ["FINAL is open"]
    world.must(ar.SetPhase(event="FINAL", phase="paused"))
    assert len(waiting(world)) == 3, "a pause ends nothing"
    world.must(ar.SetPhase(event="FINAL", phase="closed"))
    assert waiting(world) == [(40, "determine_by")] and reasons(world) == ["FINAL is open", "FINAL is closed", "FINAL is closed"]


def test_settling_in_one_act_ends_all(world: Real) -> None:
    settle = ar.Settle(**{field: getattr(RESULT, field) for field in RESULT.__struct_fields__}, finalise=True)
    world.must(TIMED, ar.SetPhase(event="FINAL", phase="open"), settle)
    assert waiting(world) == []


def test_changed_times_replace_those_that_were_scheduled(world: Real) -> None:
    world.must(TIMED)
    answer = world.do(change(TIMED, close_at_ns=NOW + 35, open_at_ns=0))
    assert answer.text == "market FINAL changed: open_at_ns, close_at_ns"
    assert waiting(world) == [(20, "live_at"), (35, "close_at"), (40, "determine_by")]
    assert reasons(world) == ["open_at was changed", "close_at was changed"]
    world.must(change(TIMED, close_at_ns=NOW + 35, open_at_ns=0, title="T"))
    assert len(world.registry.schedule) == 5, "what has not changed stays as it is"


def test_a_change_of_times_makes_no_row_of_the_core(world: Real) -> None:
    fake = World().must(*BASE[:-2], FINAL)
    assert fake.do(TIMED).ok and fake.engine.seen == []


@pytest.mark.parametrize(
    ("times", "code", "text"),
    [
        (
            {"open_at_ns": NOW},
            codes.R_SCHEDULE_PAST,
            "open_at_ns: must be later than now, 1970-01-01 00:16:40 UTC, asked 1970-01-01 00:16:40 UTC",
        ),
        ({"close_at_ns": 5}, codes.R_SCHEDULE_PAST, "close_at_ns: must be later than now"),
        (
            {"open_at_ns": NOW + 5, "live_at_ns": NOW + 5},
            codes.R_TIMES_ORDER,
            "live_at_ns: must be after open_at, 1970-01-01 00:16:40.000000005 UTC, asked ",
        ),
        ({"open_at_ns": NOW + 9, "determine_by_ns": NOW + 5}, codes.R_TIMES_ORDER, "determine_by_ns: must be after open_at"),
    ],
)
def test_times_that_have_passed_or_do_not_follow_are_refused(world: Real, times: dict[str, int], code: int, text: str) -> None:
    assert refused(world, change(FINAL, **times), code).startswith(text)
    world.must(FINAL)
    assert refused(world, change(FINAL, **times), code).startswith(text), "the same for a change"


def test_a_time_for_what_is_done_already_is_refused(world: Real) -> None:
    world.must(FINAL, ar.SetPhase(event="FINAL", phase="open"), ar.SetPhase(event="FINAL", phase="live"))
    assert refused(world, change(FINAL, live_at_ns=NOW + 5), codes.R_BAD_TRANSITION) == "live_at_ns: FINAL is live already"
    world.must(change(FINAL, close_at_ns=NOW + 5), ar.SetPhase(event="FINAL", phase="closed"))
    assert refused(world, change(FINAL, close_at_ns=NOW + 9), codes.R_BAD_TRANSITION) == "close_at_ns: FINAL is closed already"


def test_a_spot_pair_opens_and_closes_and_no_more(world: Real) -> None:
    assert refused(world, change(SPOT, live_at_ns=NOW + 5), codes.R_BAD_DEFINITION) == "live_at_ns: a spot pair has none"
    world.must(change(SPOT, open_at_ns=NOW + 5))
    assert run_due(world, 5) == ["schedule 1: BTC-USD is open"]


def test_a_configuration_puts_the_times_and_a_trial_does_not(world: Real) -> None:
    file = ar.Configuration(name="c.toml", records=(TIMED, ar.SetPhase(event="FINAL", phase="open")))
    assert world.registry.try_out(file, world.engine).refusals == [] and len(world.registry.schedule) == 0
    world.must(file)
    assert waiting(world) == [(20, "live_at"), (30, "close_at"), (40, "determine_by")], "it opens with the configuration"
    assert world.do(change(file, name="d.toml")).result["unchanged"] == 1 and len(world.registry.schedule) == 4
    late = ar.Configuration(name="e.toml", records=(change(TIMED, close_at_ns=NOW + 25),))
    assert refused(world.at(28), late, codes.R_SCHEDULE_PAST).startswith("close_at_ns: must be later than now")


def test_a_market_that_moves_here_has_only_times_to_come(world: Real) -> None:
    assert (
        timetable.to_come(TIMED, codes.PH_LISTED, NOW + 20) == change(TIMED, open_at_ns=0, live_at_ns=0)
        and timetable.to_come(FINAL, codes.PH_LISTED, NOW) == FINAL
    )
    world.must(TIMED)
    timetable.moved(world.registry, 1, codes.PH_LIVE, NOW)
    assert waiting(world) == [(30, "close_at"), (40, "determine_by")]
