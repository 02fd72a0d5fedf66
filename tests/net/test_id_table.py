"""The warning before the table of ClOrdIDs is full: at its numbers, once for each crossing, and not when old ids are about to go."""

import io
import json
from typing import Any

import pytest

from exchange_server.core import records as r
from exchange_server.net.id_table import IdTable
from exchange_server.net.observe import Log
from protocol import codes as C
from tests.core_rig import PairStory
from tests.model_world import Limits

CAPACITY = 20
RETENTION_S = 100


class Desk:
    """A story on tables of 20 ids, and the log of the watch over them."""

    def __init__(self) -> None:
        limits = Limits(orders=CAPACITY, archive=CAPACITY, texts=4)
        self.story = PairStory(cash=100_000, limits=limits, retention_ns=RETENTION_S * 10**9)
        self.stream = io.StringIO()
        self.log = Log(self.stream)
        self.table = IdTable(self.story.pair.core.m, self.log)

    def use(self, ids: int) -> list[tuple[str, Any, Any]]:
        """So many new orders, half of them closed again at once; what was logged meanwhile."""
        for _ in range(ids):
            accepted = self.story.new(1, C.BUY, 1, 5)
            assert accepted[0].kind == C.E_ACCEPTED
            if self.story.next_id % 2:
                self.story.do(C.C_CANCEL, session=1, orig=self.story.next_id, id=10_000)
            self.table.look()
        return self.said()

    def said(self) -> list[tuple[str, Any, Any]]:
        self.log.flush()
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return [(line["event"], line["used"], line["capacity"]) for line in lines]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_it_warns_once_at_nine_tenths_with_its_numbers(desk: Desk) -> None:
    assert desk.use(17) == [] and desk.table.status() == {"used": 17, "capacity": 20, "per_cent": 85, "warned": False}
    desk.story.new(1, C.BUY, 1, 5)
    desk.table.look()
    desk.log.flush()
    (line,) = [json.loads(text) for text in desk.stream.getvalue().splitlines()]
    assert (line["level"], line["event"], line["used"], line["capacity"]) == ("warning", "id_table", 18, 20)
    assert "R_ID_TABLE_FULL" in line["effect"] and "capacities.archive" in line["what_to_do"]
    assert line["oldest_forgotten_at"] == "2023-11-14T22:15:00.000000Z", "the first cancel's time and the retention"
    desk.said()
    assert desk.use(2) == [], "said once"
    assert desk.story.new(1, C.BUY, 1, 5)[0].reason == C.R_ID_TABLE_FULL, "the numbers are those of the refusal"
    assert desk.table.status() == {"used": 20, "capacity": 20, "per_cent": 100, "warned": True}


def test_the_next_crossing_is_told_again_but_not_a_swing_about_the_border(desk: Desk) -> None:
    assert desk.use(18) == [("id_table", 18, 20)]
    desk.story.later(RETENTION_S)  # the closed half may go: two for each new id
    desk.story.new(1, C.BUY, 1, 5)
    desk.table.look()
    assert desk.table.used == 17 and desk.said() == [], "still above 80 %"
    assert desk.use(2) == [("id_table_over", 15, 20)]
    fresh = desk.use(5)
    assert [name for name, _, _ in fresh] in ([], ["id_table"])
    while desk.table.used < 18:
        fresh += desk.use(1)
    assert fresh == [("id_table", 18, 20)]


def test_ids_that_are_due_are_nothing_to_warn_of(desk: Desk) -> None:
    desk.use(17)
    desk.story.later(RETENTION_S)
    desk.story.new(1, C.BUY, 1, 5)  # two old ids went for it
    assert desk.table.used == 16
    m = desk.table.m
    m[r.H_ARCHIVE_USED] += 3  # as if nobody had taken the old rows back yet
    desk.table.look()
    assert desk.table.used == 19 and desk.said() == []
    m[r.H_ARCHIVE_USED] -= 3
