"""Acts of the registry's own accord: when they are due, what row is made, and what a refusal leads to."""

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.gateway.connection import TurnInput
from exchange_server.gateway.timers import AGAIN_NS, HOLDS, PER_TURN, SCHEDULE, Timers
from exchange_server.registry import AdminAnswer
from protocol import codes
from tests.registry.test_registry import BASE, World

NOW = 1_000_000_000_000


def holding(*ends: int) -> World:
    holds = [ar.Hold(key=f"h{i}", account="ACME-A", asset="USD", amount=1, until_ns=end) for i, end in enumerate(ends)]
    return World().must(*BASE, *holds)


def carry_out(world: World, timers: Timers, now_ns: int) -> list[AdminAnswer]:
    turn, expected = TurnInput(rows=256), []
    turn.begin(1, now_ns)
    timers.add(turn, now_ns, lambda at, call: expected.append((at, call)))
    world.engine.time_ns = now_ns
    answers = []
    for at, call in expected:
        body = turn.inbox[at + L.CMD_WORDS :].tobytes()[: int(turn.inbox[at + L.CMD_BODY_BYTES])]
        assert ar.unpack(body).who in (HOLDS, SCHEDULE)
        world.engine.seen.clear()
        answers.append(world.registry.apply(body, world.engine, world.sink))
        call(answers[-1])
    return answers


def test_nothing_is_due_without_holds_that_end() -> None:
    timers = Timers(holding(0).registry, World().engine.m)
    assert timers.next_due == 0 and carry_out(holding(0), timers, NOW + 10**15) == []


def test_holds_end_in_order_and_only_those_whose_time_has_come() -> None:
    world = holding(NOW + 30, NOW + 10, 0, NOW + 20)
    timers = Timers(world.registry, world.engine.m)
    assert timers.next_due == NOW + 10
    assert [answer.result["hold"] for answer in carry_out(world, timers, NOW + 20)] == [2, 4]
    assert timers.next_due == NOW + 30 and [hold.ended for hold in world.registry.holds] == ["", "expired", "", "expired"]


def test_a_turn_takes_only_so_many() -> None:
    world = holding(*[NOW + 1] * (PER_TURN + 3))
    timers = Timers(world.registry, world.engine.m)
    assert [len(carry_out(world, timers, NOW + 1)) for _ in range(3)] == [PER_TURN, 3, 0] and timers.next_due == 0


def test_after_a_refusal_it_waits_before_it_tries_again() -> None:
    world = holding(NOW + 1)
    said = []
    timers = Timers(world.registry, world.engine.m, lambda *args, **fields: said.append((args, fields)))
    world.engine.refuse = {0: 134}
    assert [answer.ok for answer in carry_out(world, timers, NOW + 1)] == [False]
    assert timers.next_due == NOW + 1 + AGAIN_NS and carry_out(world, timers, NOW + 2) == []
    assert [answer.ok for answer in carry_out(world, timers, NOW + 1 + AGAIN_NS)] == [True]
    assert [args for args, _ in said] == [("error", "hold_not_expired"), ("info", "hold_expired")]


def opening(*times: int) -> tuple[ar.Schedule, ...]:
    return tuple(ar.Schedule(at_ns=at, act=ar.SetPhase(event="FINAL", phase="open"), note=f"n{at}") for at in times)


def test_holds_and_scheduled_acts_come_in_one_order_of_time_and_number() -> None:
    world = holding(NOW + 20, NOW + 10, NOW + 40).must(*opening(NOW + 10, NOW + 15, NOW + 20, NOW + 50))
    timers = Timers(world.registry, world.engine.m)
    assert timers.next_due == NOW + 10
    done = [answer.result for answer in carry_out(world, timers, NOW + 40)]
    assert [result.get("schedule", -result.get("hold", 0)) for result in done] == [1, -2, 2, -1, 3, -3]
    assert timers.next_due == NOW + 50 and [row.ended for row in world.registry.schedule] == ["done"] * 3 + [""]


def test_a_scheduled_act_that_is_refused_has_failed_and_is_not_tried_again() -> None:
    world = World().must(*BASE, *opening(NOW + 1, NOW + 2))
    said = []
    timers = Timers(world.registry, world.engine.m, lambda *args, **fields: said.append((args, fields)))
    world.engine.refuse = {0: codes.R_BAD_TRANSITION}
    (answer,) = carry_out(world, timers, NOW + 1)
    assert (
        answer.ok
        and answer.result == {"schedule": 1, "kind": "phase", "failed": codes.R_BAD_TRANSITION, "waits": 0}
        and "schedule 1 failed: " in answer.text
    )
    row = world.registry.schedule.get(1)
    assert row is not None and row.ended == "failed" and row.ended_ns == NOW + 1 and "cannot become open" in row.reason
    assert timers.next_due == NOW + 2, "the next one is as it was"
    assert [answer.result["failed"] for answer in carry_out(world, timers, NOW + 10**15)] == [0]
    assert [args for args, _ in said] == [("error", "scheduled_act_failed"), ("info", "scheduled_act_done")]


def test_an_act_waits_while_its_event_is_being_settled_and_is_first_when_that_is_over() -> None:
    world = World().must(
        *BASE, *opening(NOW + 1, NOW + 3, NOW + 4), ar.Schedule(at_ns=NOW + 2, act=ar.SetPhase(event="BTC-USD", phase="paused"))
    )
    said = []
    timers = Timers(world.registry, world.engine.m, lambda *args, **fields: said.append((args, fields["text"])))
    event = int(world.engine.m[L.H_POOLS + L.P_EVENT * L.POOL_WORDS + L.PL_BASE]) + L.EVENT_WORDS
    world.engine.m[event + L.E_SETTLING] = L.SETTLE_PAY
    assert [(a.result["schedule"], a.result["waits"]) for a in carry_out(world, timers, NOW + 3)] == [(1, 1), (4, 0), (2, 1)]
    assert said[0] == (("info", "scheduled_act_waits"), "schedule 1 waits until FINAL is settled")
    assert timers.next_due == NOW + 4 and carry_out(world, timers, NOW + 3) == [], "it is not asked again and again"
    again = type(world.registry).from_bytes(world.registry.to_bytes())
    assert again.to_bytes() == world.registry.to_bytes() and [row.waits_for for row in again.schedule] == [1, 1, 0, 0]
    world.engine.m[event + L.E_SETTLING] = 0
    assert timers.next_due == NOW + 1
    assert [(a.result["schedule"], a.result["waits"]) for a in carry_out(world, timers, NOW + 9)] == [(1, 0), (2, 0), (3, 0)]
    assert [row.waits_for for row in world.registry.schedule] == [0] * 4 and timers.next_due == 0


def test_an_act_that_waits_can_be_cancelled() -> None:
    world = World().must(*BASE, *opening(NOW + 1))
    timers = Timers(world.registry, world.engine.m)
    event = int(world.engine.m[L.H_POOLS + L.P_EVENT * L.POOL_WORDS + L.PL_BASE]) + L.EVENT_WORDS
    world.engine.m[event + L.E_SETTLING] = L.SETTLE_PAY
    carry_out(world, timers, NOW + 1)
    world.must(ar.CancelSchedule(id=1))
    world.engine.m[event + L.E_SETTLING] = 0
    assert timers.next_due == 0 and not world.registry.schedule.held


def test_a_hold_that_cannot_end_does_not_delay_what_is_scheduled() -> None:
    world = holding(NOW + 1).must(*opening(NOW + 2))
    timers = Timers(world.registry, world.engine.m)
    world.engine.refuse = {0: 134}
    carry_out(world, timers, NOW + 1)
    assert timers.next_due == NOW + 2 and [answer.result["schedule"] for answer in carry_out(world, timers, NOW + 2)] == [1]
    assert timers.next_due == NOW + 1 + AGAIN_NS


def test_a_turn_that_is_full_takes_the_rest_later() -> None:
    world = World().must(*BASE, *opening(*[NOW + 1] * (PER_TURN + 3)))
    timers = Timers(world.registry, world.engine.m)
    assert [len(carry_out(world, timers, NOW + 1)) for _ in range(3)] == [PER_TURN, 3, 0] and timers.next_due == 0
