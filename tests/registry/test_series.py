"""Series: what may be one, and the listings of a recurring one in their turn, whatever becomes of each."""

from typing import Any

import pytest

from config import admin_records as ar
from config import series as texts
from exchange_server.registry import Registry
from exchange_server.registry.access import Sight
from exchange_server.registry.schedule_view import series_view
from protocol import codes
from tests.registry.access_world import Venues
from tests.registry.test_registry import BASE, FINAL, World, change

DAY = 86_400 * 10**9
START = 20_000 * DAY  # 2024-10-04
HOUR = 3600 * 10**9
MARKET = change(
    FINAL, event="BTC-19700101", title="Above on 1970-01-01?", rules="At 1970-01-01T06:00:00Z.", series="BTC", open_at_ns=HOUR, close_at_ns=6 * HOUR,
    contracts=(ar.Contract(symbol="BTC-19700101-A", outcome="on 1970-01-01"), ar.Contract(symbol="BTC-19700101-B")),
)  # fmt: skip
DAILY = ar.DefineSeries(name="BTC", owner_venue="V1", every_ns=DAY, first_at_ns=START + 8 * HOUR, market=MARKET)


@pytest.fixture
def world() -> World:
    world = World().must(*BASE[:-2])
    world.engine.time_ns = START
    return world


def run_due(world: World, at_ns: int) -> list[str]:
    world.engine.time_ns = at_ns
    return [world.do(ar.RunDue(id=id), "timer:schedule").text for _, id in world.registry.schedule.due(at_ns, 100)]


def nexts(world: World) -> list[int]:
    return [row.at_ns for row in world.registry.schedule.waiting_for("series:BTC")]


def refused(world: World, record: Any, code: int) -> str:
    before = world.registry.to_bytes()
    answer = world.do(record)
    assert not answer.ok and answer.code == code, answer
    assert world.registry.to_bytes() == before
    return str(answer.text)


def test_the_market_of_a_day() -> None:
    made = texts.occurrence(MARKET, START + 8 * HOUR)
    assert made.event == "BTC-20241004" and [one.symbol for one in made.contracts] == ["BTC-20241004-A", "BTC-20241004-B"]
    assert (made.title, made.rules, made.contracts[0].outcome) == ("Above on 2024-10-04?", "At 2024-10-04T14:00:00Z.", "on 2024-10-04")
    assert (made.open_at_ns, made.close_at_ns, made.live_at_ns) == (START + 9 * HOUR, START + 14 * HOUR, 0)


@pytest.mark.parametrize(
    ("now", "until", "found"),
    [(0, 0, 100), (99, 0, 100), (100, 0, 110), (101, 0, 110), (135, 0, 140), (135, 140, 140), (135, 139, 0), (0, 99, 0)],
)
def test_when_it_lists_next(now: int, until: int, found: int) -> None:
    assert texts.next_after(100, 10, until, now) == found


def test_a_recurring_series_lists_its_market_again_and_again(world: World) -> None:
    assert world.do(DAILY).text == "series BTC defined, first listing at 2024-10-04 08:00:00 UTC"
    assert run_due(world, START + 8 * HOUR) == ["schedule 1: market BTC-20241004 listed, 2 instruments"]
    assert nexts(world) == [START + DAY + 8 * HOUR]
    event = world.registry.events.named("BTC-20241004")
    assert event is not None and event.record.series == "BTC"
    assert [row.kind for row in world.registry.schedule.waiting_for("event:BTC-20241004")] == ["open_at", "close_at"]
    late = START + 3 * DAY + 9 * HOUR  # a server that was down for days makes up for nothing
    assert [text for text in run_due(world, late) if "listed" in text] == []
    failed = [row for row in world.registry.schedule if row.ended == "failed"]
    assert [row.kind for row in failed] == ["list"] and "must be later than now" in failed[0].reason, "its times have passed"
    assert nexts(world) == [START + 4 * DAY + 8 * HOUR]
    again = Registry.from_bytes(world.registry.to_bytes())
    assert list(again.series) == list(world.registry.series) and again.to_bytes() == world.registry.to_bytes()


def test_a_listing_that_a_quota_refuses_does_not_end_the_series(world: World) -> None:
    world.must(DAILY, ar.Quota(venue="V1", instruments=1))
    (text,) = run_due(world, START + 8 * HOUR)
    assert text.startswith("schedule 1 failed: ") and nexts(world) == [START + DAY + 8 * HOUR]


def test_its_end(world: World) -> None:
    world.must(change(DAILY, until_ns=START + DAY))
    run_due(world, START + 8 * HOUR)
    assert nexts(world) == []
    world.must(change(DAILY, until_ns=START + 3 * DAY))
    assert nexts(world) == [START + DAY + 8 * HOUR], "a later end: it goes on"
    assert world.do(ar.CloseSeries(name="BTC", reason="over")).text == "series BTC is closed: over"
    assert nexts(world) == [] and world.registry.events.named("BTC-20241004") is not None
    assert "was closed at" in refused(world, DAILY, codes.R_SERIES_CLOSED)
    assert world.do(ar.CloseSeries(name="BTC", reason="over")).result["unchanged"] == 1
    assert "was closed at" in refused(world, ar.CloseSeries(name="BTC", reason="x"), codes.R_SERIES_CLOSED)


def test_a_principal_that_may_no_longer_list_lists_no_longer() -> None:
    world = Venues("V1")
    market = change(MARKET, event="V1.B-19700101", owner_venue="V1", series="V1.B",
                    contracts=(ar.Contract(symbol="V1.B-19700101-A"), ar.Contract(symbol="V1.B-19700101-B")))  # fmt: skip
    world.engine.time_ns = START
    world.good("V1.op", change(DAILY, name="V1.B", market=market))
    world.must(ar.DefinePrincipal(name="V1.op", venue="V1", closed=True))
    (text,) = run_due(world, START + 8 * HOUR)
    assert text.startswith("schedule 1 failed: ") and "principal:V1.op" in text


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"owner_venue": "V9"}, codes.R_BAD_DEFINITION, 'owner_venue: there is no venue "V9"'),
        ({"every_ns": 5}, codes.R_BAD_DEFINITION, "every_ns: at least 1 h, asked 5 ns"),
        ({"every_ns": 0}, codes.R_BAD_DEFINITION, "first_at_ns: only a recurring series has one: set every"),
        ({"market": None}, codes.R_BAD_DEFINITION, "market: a recurring series has a market and the time of its first listing"),
        ({"until_ns": START}, codes.R_TIMES_ORDER, "until_ns: must not be before first_at, 2024-10-04 08:00:00 UTC, asked 2024-10-04"),
        (
            {"first_at_ns": 8 * HOUR, "until_ns": 9 * HOUR},
            codes.R_SCHEDULE_PAST,
            "until_ns: no listing is left before 1970-01-01 09:00:00 UTC",
        ),
        ({"market": change(MARKET, series="X")}, codes.R_BAD_DEFINITION, "market.series: its market is of series BTC and of venue V1"),
        (
            {"market": change(MARKET, event="B")},
            codes.R_BAD_DEFINITION,
            'market.event: "B" would be listed again and again under one name: put {date} in it',
        ),
        ({"market": change(MARKET, close_at_ns=5)}, codes.R_TIMES_ORDER, "market.close_at_ns: must be after open_at"),
        ({"market": change(MARKET, rules="")}, codes.R_BAD_DEFINITION, "market.rules: the rules of settlement must be written"),
    ],
)
def test_what_is_refused(world: World, fields: dict[str, Any], code: int, text: str) -> None:
    assert refused(world, change(DAILY, **fields), code).startswith(text)


def test_the_view(world: World) -> None:
    world.must(DAILY, ar.DefineSeries(name="CUPS", owner_venue="V1", title="Cups"), change(FINAL, series="CUPS"))
    daily, cups = series_view(world.registry, Sight(world.registry, "uid:0", START))
    assert (daily["name"], daily["next_at_ns"], daily["markets"]) == ("BTC", START + 8 * HOUR, [])
    assert (cups["record"]["title"], cups["next_at_ns"], cups["markets"], cups["closed"]) == ("Cups", 0, ["FINAL"], None)
