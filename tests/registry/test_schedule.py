"""Acts in time: what may be scheduled, whose it is, what is done when it is due, and the table that keeps the rows."""

import random
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server.registry import Registry, schedule
from exchange_server.registry.access import Sight
from exchange_server.registry.schedule import ENDED_KEPT, Schedule
from exchange_server.registry.schedule_view import schedule_view
from protocol import codes
from tests.registry.access_world import Venues
from tests.registry.test_registry import BASE, FEES, FINAL, World, change

NOW = 1_000_000_000_000
OPEN = ar.SetPhase(event="FINAL", phase="open")
DEARER = change(FINAL, fees=change(FEES, taker_bps=50))


@pytest.fixture
def world() -> World:
    return World().must(*BASE)


def at(ns: int, act: Any = OPEN, note: str = "") -> ar.Schedule:
    return ar.Schedule(at_ns=NOW + ns, act=act, note=note)


def refused(world: World, record: Any, code: int, who: str = "uid:0") -> str:
    before = world.registry.to_bytes()
    answer = world.do(record, who)
    assert not answer.ok and answer.code == code, answer
    assert world.registry.to_bytes() == before and world.engine.seen == []
    return str(answer.text)


def due(world: World, id: int, ns: int) -> Any:
    world.engine.time_ns = NOW + ns
    return world.do(ar.RunDue(id=id), "timer:schedule")


def test_an_act_is_kept_until_its_time_and_then_done_as_if_it_were_sent(world: World) -> None:
    answer = world.do(at(5, note="kick-off"))
    assert answer.text == "phase of FINAL: open at 1970-01-01 00:16:40.000000005 UTC: scheduled as 1"
    assert answer.result == {"schedule": 1, "at_ns": NOW + 5} and world.engine.seen == []
    assert refused(world, ar.RunDue(id=1), codes.R_SCHEDULE_EARLY).startswith("id: 1 is due at 1970-01-01 00:16:40.000000005 UTC")
    answer = due(world, 1, 5)
    assert answer.ok and answer.text == "schedule 1: FINAL is open" and world.engine.kinds() == [codes.C_PHASE]
    assert "is done since" in refused(world, ar.RunDue(id=1), codes.R_SCHEDULE_ENDED)
    assert "is done since" in refused(world, ar.CancelSchedule(id=1), codes.R_SCHEDULE_ENDED)


def test_a_time_that_has_passed_is_refused_by_name(world: World) -> None:
    for ns in (0, -1):
        text = refused(world, at(ns), codes.R_SCHEDULE_PAST)
        assert text.startswith("at_ns: must be later than now, 1970-01-01 00:16:40 UTC, asked 1970-01-01 00:16:")


@pytest.mark.parametrize(
    ("act", "code", "text"),
    [
        (ar.SetPhase(event="NONE", phase="open"), codes.R_UNKNOWN_EVENT, 'act.event: there is no event "NONE"'),
        (change(FINAL, lot=7), codes.R_BAD_DEFINITION, "act.min_qty: not a multiple of the lot 7, asked 1"),
        (change(FINAL, payout=200, bands=(ar.Band(low=1, high=199, step=1),)), codes.R_BAD_DEFINITION, "act.payout: cannot be changed"),
        (FINAL, codes.R_BAD_DEFINITION, "act: it would change nothing: market FINAL is unchanged"),
        (ar.SetReference(symbol="F-ESP", reference=100), codes.R_PRICE_OUT_OF_RANGE, "act.reference: F-ESP trades at 0.0001 to 0.0099"),
    ],
)
def test_an_act_is_checked_when_it_is_scheduled(world: World, act: Any, code: int, text: str) -> None:
    assert refused(world, at(5, act), code).startswith(text)


def test_a_scheduled_change_changes_only_what_it_was_about(world: World) -> None:
    """The fees change at their time; what somebody has changed meanwhile stays."""
    world.must(at(5, DEARER), change(FINAL, collar=7))
    assert due(world, 1, 5).text == "schedule 1: market FINAL changed: fees"
    record = world.registry.events.named("FINAL").record  # type: ignore[union-attr]
    assert record.fees.taker_bps == 50 and record.collar == 7


def test_a_market_can_be_listed_at_a_time(world: World) -> None:
    world.must(at(5, change(FINAL, event="LATER", contracts=(ar.Contract(symbol="L-A"), ar.Contract(symbol="L-B")))))
    assert world.registry.events.named("LATER") is None
    assert due(world, 1, 5).text == "schedule 1: market LATER listed, 2 instruments"


def test_cancelling(world: World) -> None:
    world.must(at(5), at(6))
    answer = world.do(ar.CancelSchedule(id=1, note="rain"), "uid:7")
    assert answer.text.startswith("1 (phase of FINAL: open at 1970-") and answer.text.endswith("is cancelled: rain")
    row = world.registry.schedule.get(1)
    assert row is not None and (row.ended, row.reason) == ("cancelled", "by uid:7: rain")
    assert "(by uid:7: rain)" in refused(world, ar.RunDue(id=1), codes.R_SCHEDULE_ENDED)
    assert refused(world, ar.CancelSchedule(id=3), codes.R_UNKNOWN_SCHEDULE) == "id: no act is scheduled as 3"
    assert world.registry.schedule.next_due == NOW + 6


def test_too_many_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange_server.registry.timed_acts.MOST", 3)
    monkeypatch.setattr("exchange_server.registry.timed_acts.MOST_OF_ONE", 2)
    world.must(at(5), at(6))
    assert refused(world, at(7), codes.R_TABLE_FULL) == "2 acts of uid:0 wait for their time already, the limit is 2"
    assert world.do(at(7), "uid:1").ok
    assert refused(world, at(8), codes.R_TABLE_FULL, "uid:2") == "3 acts wait for their time already, the limit is 3"
    due(world, 1, 5)
    assert world.do(at(8), "uid:2").ok


# ---- whose it is
def test_the_rights_are_judged_again_when_the_act_is_due() -> None:
    world = Venues("V1")
    act = at(5, ar.SetPhase(event="V1.CUP", phase="open"))
    world.good("V1.op", act, act)
    assert due(world, 1, 5).text == "schedule 1: V1.CUP is open"
    world.must(ar.DefinePrincipal(name="V1.op", venue="V1", closed=True))
    answer = due(world, 2, 6)
    assert answer.ok and answer.result["failed"] == codes.R_NOT_AUTHORISED and world.engine.seen == []
    row = world.registry.schedule.get(2)
    assert row is not None and row.ended == "failed" and "principal:V1.op" in row.reason


def test_what_another_venue_has_scheduled_is_not_there() -> None:
    world = Venues("V1", "V2")
    world.good("V1.op", at(5, ar.SetPhase(event="V1.CUP", phase="open")))
    assert world.refused("V2.op", ar.CancelSchedule(id=1), codes.R_UNKNOWN_SCHEDULE) == "id: no act is scheduled as 1"
    assert "V1.CUP" in world.refused("V2.op", at(5, ar.SetPhase(event="V1.CUP", phase="open")), codes.R_UNKNOWN_EVENT)
    world.holder("creator", ("market_creator", "series:V1/V1.C"))
    assert [row["id"] for row in schedule_view(world.registry, Sight(world.registry, "principal:creator", NOW))] == [1]
    assert schedule_view(world.registry, Sight(world.registry, "principal:V2.op", NOW)) == []
    world.good("creator", ar.CancelSchedule(id=1))


def test_who_could_not_do_it_cannot_cancel_it() -> None:
    world = Venues("V1")
    world.good("V1.op", at(5, change(world.registry.events.named("V1.CUP").record, collar=3)))  # type: ignore[union-attr]
    world.holder("risk", ("risk_officer", "venue:V1"))
    assert "needs the role" in world.refused("risk", ar.CancelSchedule(id=1), codes.R_NOT_AUTHORISED)


def test_the_view(world: World) -> None:
    world.must(at(9, note="late"), at(5, DEARER), at(7, ar.SetReference(symbol="BTC-USD", reference=5)))
    due(world, 2, 5)
    world.must(ar.CancelSchedule(id=1))

    def ids(**asked: Any) -> list[int]:
        return [row["id"] for row in schedule_view(world.registry, Sight(world.registry, "uid:0", NOW), **asked)]

    assert ids() == [3] and ids(ended=True) == [3, 1, 2] and ids(id=2) == [2]
    assert ids(about="event:FINAL") == [] and ids(about="event:FINAL", ended=True) == [1, 2] and ids(about="event:BTC-USD") == [3]
    shown = schedule_view(world.registry, Sight(world.registry, "uid:0", NOW), id=2)[0]
    assert shown["act"] == "market FINAL, change of fees" and shown["kind"] == "market" and shown["record"]["type"] == "market"


# ---- the table
def test_the_table_against_a_plain_list() -> None:
    """Random puts, ends and cancellations, in trials that are folded or dropped, against a list of what waits; snapshots in between."""
    for seed in range(60):
        r, table, waits, ended = random.Random(seed), Schedule(), {}, {}
        for _ in range(80):
            use, fold = table, r.random() < 0.3
            if fold:
                use = table.over()
            was = dict(waits), dict(ended)
            for _ in range(r.randrange(1, 4) if fold else 1):
                step(r, use, waits, ended)
            if fold and r.random() < 0.5:
                table.fold(use)
            elif fold:
                waits, ended = was
            elif r.random() < 0.1:
                table = Schedule.from_list(
                    msgspec.json.decode(msgspec.json.encode(table.to_list()), type=list[schedule.Scheduled]), table.next_id
                )
            order = sorted((row[0], id) for id, row in waits.items())
            assert table.due(30, 5) == [one for one in order if one[0] <= 30][:5] and table.next_due == (order[0][0] if order else 0)
            assert [row.id for row in table] == sorted([*waits, *ended]) and {row.id: row.ended for row in table if row.ended} == ended
            for about in ("a", "b"):
                assert [row.id for row in table.waiting_for(about)] == [id for _, id in order if waits[id][1] == about]
            assert [table.of(who) for who in "xy"] == [sum(row[2] == who for row in waits.values()) for who in "xy"]
            assert table.waiting() == len(waits)


def step(r: random.Random, table: Schedule, waits: dict[int, Any], ended: dict[int, str]) -> None:
    about = r.choice("ab")
    if waits and r.random() < 0.3:
        id = r.choice(list(waits))
        how: Any = r.choice(("done", "failed", "cancelled"))
        table.end(id, how, 5)
        del waits[id]
        ended[id] = how
    elif r.random() < 0.15:
        kind = r.choice(("", "k", "l"))
        for id in table.cancel_for(about, kind):
            row = waits.pop(id)
            assert row[1] == about and kind in ("", row[3])
            ended[id] = "cancelled"
        assert not any(row[1] == about and kind in ("", row[3]) for row in waits.values())
    else:
        one = (r.randrange(60), about, r.choice("xy"), r.choice("kl"))
        id = table.put(one[0], OPEN, one[2], about, one[3])
        assert id not in waits and id not in ended
        waits[id] = one


def test_only_so_many_that_have_ended_are_kept() -> None:
    table = Schedule()
    for id in range(1, ENDED_KEPT + 4):
        table.put(id, OPEN, "x")
    for id in range(ENDED_KEPT + 3, 0, -1):
        table.end(id, "done", 0)
    assert len(table) == ENDED_KEPT and table.get(ENDED_KEPT + 1) is None and table.get(1) is not None
    again = Schedule.from_list(table.to_list(), table.next_id)
    assert again.to_list() == table.to_list() and again.put(1, OPEN, "x") == ENDED_KEPT + 4


def test_a_snapshot_has_the_schedule(world: World) -> None:
    world.must(at(9), at(5), at(7, DEARER))
    due(world, 2, 5)
    again = Registry.from_bytes(world.registry.to_bytes())
    assert list(again.schedule) == list(world.registry.schedule) and again.to_bytes() == world.registry.to_bytes()
    assert again.schedule.next_id == 4 and again.schedule.next_due == NOW + 7
