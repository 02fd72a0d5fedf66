"""Warnings before a venue has used up a quota, by name and with numbers, once for each crossing; what the status says."""

import io
import json
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.net.observe import Log
from exchange_server.net.quotas import EFFECTS, Quotas
from exchange_server.registry.quotas import NAMES
from protocol import codes as C
from tests.bridge import command_words
from tests.model_world import Row
from tests.registry.test_real_engine import Turns
from tests.registry.test_registry import BASE, MAKER, change


class Desk(Turns):
    """An engine with the registry's base records (V1, V2), money, and a session 3 of venue V1 that is logged on."""

    def __init__(self) -> None:
        super().__init__()
        self.must([*BASE, ar.SetPhase(event="FINAL", phase="open"), ar.Transfer(key="k", asset="USD", amount=10**9, target="ACME-A")])
        self.must([change(MAKER, name="MM2", key="MM2", account="ACME-A")])
        self.step(Row(kind=C.C_LOGON, session=3, next_in=2))
        self.stream = io.StringIO()
        self.log = Log(self.stream)
        self.quotas = Quotas(self.engine.registry, self.engine.m, self.log)
        self.ids = 0

    def step(self, row: Row) -> None:
        words = command_words(row)
        self.engine.apply(words, len(words), lambda events: None)

    def order(self, count: int = 1) -> None:
        for _ in range(count):
            self.ids += 1
            self.step(
                Row(
                    kind=C.C_NEW,
                    session=3,
                    instrument=1,
                    side=C.BUY,
                    contract_side=C.YES,
                    type=C.LIMIT,
                    tif=C.GTC,
                    price=5,
                    qty=1,
                    id=self.ids,
                )
            )

    def cancel(self, id: int) -> None:
        self.ids += 1
        self.step(Row(kind=C.C_CANCEL, session=3, id=1000 + self.ids, orig=id))

    def said(self) -> list[dict[str, Any]]:
        self.quotas.look()
        self.log.flush()
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return lines

    def told(self) -> list[tuple[str, str, str, int, int]]:
        return [(line["event"], line["venue"], line["quota"], line["used"], line["limit"]) for line in self.said()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_open_orders_warn_at_80_per_cent_once_and_say_when_it_is_over(desk: Desk) -> None:
    desk.order(3)
    assert desk.told() == [], "without a quota nothing is said"
    desk.must([ar.Quota(venue="V1", open_orders=5)])
    assert desk.told() == []
    desk.order()
    (line,) = desk.said()
    assert (line["level"], line["event"], line["venue"], line["quota"], line["used"], line["limit"]) == (
        "warning", "venue_quota", "V1", "open_orders", 4, 5,
    ) and "R_QUOTA_ORDERS" in line["effect"] and "exos venue quota" in line["what_to_do"]  # fmt: skip
    desk.order(4)
    assert desk.told() == [] and desk.quotas.status()["quotas"] == {"V1": {"open_orders": {"used": 5, "limit": 5}}}
    desk.cancel(1)
    desk.cancel(2)
    assert desk.told() == [("venue_quota_over", "V1", "open_orders", 3, 5)]
    desk.order()
    assert desk.told() == [("venue_quota", "V1", "open_orders", 4, 5)]


def test_what_is_counted_in_a_second(desk: Desk) -> None:
    desk.must([ar.Quota(venue="V1", messages_per_second=4, journal_bytes_per_second=1000)])
    desk.order(4)
    assert desk.told() == [("venue_quota", "V1", "messages_per_second", 4, 4)]
    desk.engine.m[L.H_TICK] += 10**9
    assert desk.told() == [("venue_quota_over", "V1", "messages_per_second", 0, 4)]
    desk.must([ar.Quota(venue="V1", messages_per_second=0)])
    desk.order(7)
    assert desk.told() == [("venue_quota", "V1", "journal_bytes_per_second", 896, 1000)]
    desk.must([ar.Quota(venue="V1", journal_bytes_per_second=0)])
    assert desk.told() == [("venue_quota_over", "V1", "journal_bytes_per_second", 896, 0)]


def test_definitions_are_watched_too(desk: Desk) -> None:
    desk.must([ar.Quota(venue="V1", sessions=2, instruments=10, listings=5)])
    assert desk.told() == [("venue_quota", "V1", "sessions", 2, 2), ("venue_quota", "V1", "listings", 4, 5)]


def test_the_status_names_frozen_venues(desk: Desk) -> None:
    assert desk.quotas.status() == {"quotas": {}, "frozen": {}, "warned": 0}
    desk.must([ar.Freeze(venue="V2", level="settle_only")])
    assert desk.quotas.status()["frozen"] == {"V2": "settle_only"}


def test_every_quota_has_its_effect() -> None:
    assert set(EFFECTS) == set(NAMES)
