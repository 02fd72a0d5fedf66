"""Quotas of venues: what is granted and used, what is refused at its definition, what the core is told."""

from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.core.layout import definitions as d
from exchange_server.registry import quotas, rule_view
from exchange_server.registry.quotas import Use
from protocol import codes as C
from tests.registry.test_registry import BASE, FEES, FINAL, MAKER, World, change

SHARED = change(FINAL, event="SHARED", sharing="shared", admits=("V2",), contracts=tuple(ar.Contract(symbol=f"S{i}") for i in range(3)))


def words(world: World) -> tuple[int, ...]:
    (row,) = world.engine.seen
    return tuple(int(row[word]) for word in (d.DV_ID, d.DV_MAX_ORDERS, d.DV_MAX_MESSAGES, d.DV_MAX_JOURNAL))


def test_the_core_gets_its_part_and_keeps_it_when_the_venue_changes() -> None:
    world = World().must(*BASE)
    answer = world.do(ar.Quota(venue="V1", open_orders=10, messages_per_second=20, journal_bytes_per_second=3000, sessions=4))
    assert answer.text == ("quota of V1 changed: sessions 4, open orders 10, messages a second 20, journal bytes a second 3000") and words(
        world
    ) == (1, 10, 20, 3000)
    world.must(ar.DefineVenue(name="V1", title="New"))
    assert words(world) == (1, 10, 20, 3000)
    assert world.do(ar.Quota(venue="V1", messages_per_second=0)).text == "quota of V1 changed: messages a second without limit"
    assert words(world) == (1, 10, 0, 3000), "what is not named stays"
    assert world.do(ar.Quota(venue="V1")).result["unchanged"] == 1 and world.engine.seen == []


FULL: list[tuple[dict[str, int], Any, str, tuple[int, int, int]]] = [
    ({"sessions": 1}, change(MAKER, name="MM2", key="MM2"), "uses 1 of its quota of 1 sessions, 1 more were requested", (1, 1, 1)),
    ({"instruments": 6}, SHARED, "uses 4 of its quota of 6 instruments, 3 more were requested", (6, 4, 3)),
    ({"listings": 6}, SHARED, "uses 4 of its quota of 6 listings, 3 more were requested", (6, 4, 3)),
]


@pytest.mark.parametrize(("limits", "record", "sentence", "numbers"), FULL)
def test_what_is_defined_beyond_a_quota_is_refused(limits: dict[str, int], record: Any, sentence: str, numbers: tuple[int, ...]) -> None:
    world = World().must(*BASE, ar.Quota(venue="V1", **limits))
    answer = world.do(record)
    assert answer.code == C.R_QUOTA and sentence in answer.text and world.engine.seen == []
    assert (answer.refusal.limit, answer.refusal.used, answer.refusal.asked) == numbers
    (name,) = limits
    world.must(ar.Quota(venue="V1", **{name: 0}), record)


def test_listings_of_shared_markets_count_where_they_are_listed() -> None:
    world = World().must(*BASE, SHARED, ar.Quota(venue="V2", listings=2))
    listing = ar.DefineListing(venue="V2", event="SHARED", fees=FEES)
    assert "venue V2 uses 0 of its quota of 2 listings, 3 more" in world.do(listing).text
    world.must(ar.Quota(venue="V2", listings=3), listing)
    assert quotas.defined(world.registry, 2) == {"sessions": 0, "instruments": 0, "listings": 3}
    world.must(change(listing, fees=change(FEES, taker_bps=50)))


def test_a_quota_below_what_is_used_takes_nothing_away_and_says_so() -> None:
    world = World().must(*BASE)
    answer = world.do(ar.Quota(venue="V1", instruments=2, sessions=1))
    assert answer.ok and "(4 instruments are in use: nothing is taken away, no more are accepted)" in answer.text
    world.must(change(FINAL, title="still changeable"))
    assert world.do(SHARED).code == C.R_QUOTA
    view = rule_view.venues(world.registry, world.engine.m, "V1")[0]
    assert view["quotas"]["instruments"] == {"limit": 2, "used": 4} and view["quotas"]["open_orders"] == {"limit": 0, "used": 0}
    assert quotas.used(world.registry, world.engine.m, 1)["sessions"] == Use(1, 1)


def test_refusals() -> None:
    world = World().must(*BASE)
    answer = world.do(ar.Quota(venue="V1", journal_bytes_per_second=999))
    assert answer.code == C.R_BAD_DEFINITION and "journal_bytes_per_second: must be 0 (no limit) or at least 1000, asked 999" in answer.text
    assert 'there is no venue "VX"' in world.do(ar.Quota(venue="VX")).text


def test_a_session_of_a_venue_that_demands_isolated_accounts() -> None:
    world = World().must(*BASE, ar.DefineVenue(name="V2", throttle_limit=10, throttle_window_ns=1000, isolated_accounts=True))
    answer = world.do(change(MAKER, name="MM2", key="MM2", venue="V2", account="ACME-A"))
    assert answer.code == C.R_ACCOUNT_NOT_ISOLATED and "venue V2 takes only accounts that are bound to it, and ACME-A is not" in answer.text
    world.must(change(MAKER, name="MM2", key="MM2", venue="V2", firm="OTHER", account="OTHER-A"))
