"""Warnings before a firm has used up its room in a table that all firms share: with the firm's name and numbers, once for each crossing."""

import io
import json
from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.engine import Capacities, Engine
from exchange_server.net.observe import Log
from exchange_server.net.shares import Shares, table_sentences
from protocol import codes as C
from tests.core_rig import PairStory
from tests.model_world import Limits


class Desk:
    """A story of two firms, on tables of 20 ids and 20 orders unless told otherwise, and the log of the watch over them."""

    def __init__(self, cash: int = 100_000, limits: Limits | None = None, **event: int) -> None:
        self.story = PairStory(cash=cash, limits=limits or Limits(orders=20, archive=20, used=10), **event)
        self.stream = io.StringIO()
        self.ids = 0
        self.log = Log(self.stream)
        self.shares = Shares(self.story.pair.core.m, self.log, "FIRM{}".format)

    def close(self, firm: int, ids: int, step: int = 1) -> list[tuple[str, str, int, int]]:
        """So many ids are used up, numbered by `step`; what was logged meanwhile."""
        for _ in range(ids):
            self.ids += 1
            assert len(self.story.new(firm, C.BUY, 1, 5, tif=C.IOC, id=self.ids * step)) == 2
            self.shares.look()
        return [(line["event"], line["firm"], line["used"], line["room"]) for line in self.said() if "room" in line]

    def said(self) -> list[dict[str, Any]]:
        self.log.flush()
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return lines


@pytest.fixture
def desk() -> Desk:
    return Desk()


SCATTERED = 1 << 13


def test_it_warns_once_at_80_per_cent_of_what_the_firm_can_have(desk: Desk) -> None:
    assert desk.close(1, 20 + 7 * 64, SCATTERED) == [], "7 of 10 blocks, while the other firm leaves all the room"
    assert desk.close(1, 64, SCATTERED) == [("firm_share", "FIRM1", 8, 10)]
    assert desk.close(2, 10 + 3 * 64, SCATTERED) == [], "3 of its share of 5"
    assert desk.close(2, 1, SCATTERED) == [("firm_share", "FIRM2", 4, 5)]


def test_the_line_says_what_happens_and_what_to_do(desk: Desk) -> None:
    desk.close(1, 20 + 7 * 64, SCATTERED)
    desk.story.new(1, C.BUY, 1, 5, tif=C.IOC, id=1)
    desk.shares.look()
    (line,) = desk.said()
    assert (line["level"], line["table"], line["share"]) == ("warning", "used_blocks", 5)
    assert "oldest used ids are forgotten" in line["effect"]
    assert all(words in line["what_to_do"] for words in ("count up", "share", "capacities.used_blocks"))


def test_a_full_table_of_closed_ids_is_no_warning(desk: Desk) -> None:
    assert desk.close(1, 60) == []
    desk.story.later(50)
    assert desk.close(1, 1) == []
    line = desk.shares.status()["firms"]["FIRM1"]
    assert (line["closed_ids"], line["used_blocks"]) == ({"used": 20, "share": 10, "room": 20}, {"used": 1, "share": 5, "room": 10})
    assert (line["answers_forgotten_early"], line["answers_window_s"], line["forgotten_early"]) == (41, 50, 0) and "window_s" not in line


def test_early_forgetting_is_told_with_the_age_and_again_when_the_window_has_halved(desk: Desk) -> None:
    told = []
    for seconds in (100, 100, 0, 0):
        for _ in range(6):
            desk.close(1, 64, SCATTERED)
            desk.shares.look()
        desk.story.later(seconds)
        desk.close(1, 64, SCATTERED)
        told.append(desk.shares.status()["firms"]["FIRM1"].get("window_s"))
    assert told == [None, 200, 100, 0]
    desk.shares.window_told.clear()
    desk.shares.look()
    (line,) = desk.said()
    assert (line["event"], line["firm"], line["window_s"]) == ("ids_forgotten_early", "FIRM1", 0) and line["forgotten"] % 64 == 0


def test_open_orders_are_watched_alike(desk: Desk) -> None:
    for _ in range(8):
        assert desk.story.new(1, C.BUY, 1, 5)[0].kind == C.E_ACCEPTED
        desk.shares.look()
    (line,) = desk.said()
    assert (line["table"], line["used"], line["room"], line["share"]) == ("open_orders", 8, 10, 10) and "R_ORDER_SHARE_FULL" in line[
        "effect"
    ]
    for i in range(1, 3):
        desk.story.do(C.C_CANCEL, session=1, orig=i, id=99)
    desk.shares.look()
    assert [line["event"] for line in desk.said()] == ["firm_share_over"]


def test_nodes_and_positions_are_watched_alike() -> None:
    desk = Desk(cash=10**9, payout=10_000, limits=Limits(orders=60, archive=60, nodes=20, words=20 * 23))
    for i in range(6):  # 3 nodes, then one each
        desk.story.new(1, C.BUY, 1, 1 + 64 * i)
        desk.shares.look()
    (line,) = desk.said()
    assert (line["firm"], line["table"], line["used"], line["room"], line["share"]) == ("FIRM1", "book_nodes", 8, 10, 10)
    assert "R_NODE_SHARE_FULL" in line["effect"] and "capacities.nodes" in line["what_to_do"]
    for number in range(30, 37):
        desk.story.do(C.C_DEF_ACCOUNT, id=number, firm=1, account_kind=C.ACCT_TRADING, session=1)
        desk.story.do(C.C_TRANSFER, target=number, asset=1, amount=1000)
        desk.story.new(1, C.BUY, 1, 1, account=number)
        desk.shares.look()
    (line,) = desk.said()
    assert (line["table"], line["used"], line["room"], line["share"]) == ("positions", 8 * 23, 230, 230)
    assert "R_POSITION_SHARE_FULL" in line["effect"] and "capacities.collateral_words" in line["what_to_do"]
    status = desk.shares.status()
    assert status["book_nodes"] == {"used": 8, "capacity": 20} and status["positions"] == {"used": 184, "capacity": 460}
    assert status["firms"]["FIRM1"]["book_nodes"] == {"used": 8, "share": 10, "room": 10} and status["warned"] == 2


def test_the_status_shows_each_busy_firm_with_its_share(desk: Desk) -> None:
    desk.close(2, 12)
    desk.story.new(1, C.BUY, 1, 5)
    status = desk.shares.status()
    assert status["closed_ids"] == {"used": 12, "capacity": 20} and status["open_orders"] == {"used": 1, "capacity": 20}
    assert list(status["firms"]) == ["FIRM2", "FIRM1"], "the fullest first"
    assert status["firms"]["FIRM2"]["closed_ids"] == {"used": 12, "share": 10, "room": 20}
    assert status["firms"]["FIRM1"]["open_orders"] == {"used": 1, "share": 10, "room": 10}
    assert status["duplicate_window"] == (
        "72 h. What became of the order is known of the firm's newest 10 closed ids at least (up to 20 while other firms leave room); "
        "of older ones it is known that they were used, of at least 20480 that count up or 320 others"
    )


def test_the_numbers_are_those_of_the_refusal(desk: Desk) -> None:
    answers = [desk.story.new(1, C.BUY, 1, 5)[0] for _ in range(11)]
    assert [a.kind for a in answers[:10]] == [C.E_ACCEPTED] * 10
    assert (answers[10].reason, answers[10].limit, answers[10].used) == (C.R_ORDER_SHARE_FULL, 10, 10)
    assert desk.shares.status()["firms"]["FIRM1"]["open_orders"]["room"] == 10


def test_the_start_says_how_long_the_default_lasts() -> None:
    engine = Engine(Capacities(accounts=1, collateral_words=100, nodes=8))
    line = Shares(engine.m, Log(io.StringIO()), str).start_line()
    assert line["at_10000_orders_per_s"] == (
        "what became of an order is known for 400 s; that its id was used for 72 h if ids count up, else for 8720 s"
    )
    assert engine.m[L.H_WEIGHTS] == 0 and line["firms"] == 0


def test_a_table_that_is_nearly_full_is_named_once_with_the_setting(desk: Desk) -> None:
    assert table_sentences(desk.story.pair.core.m) == []
    desk.shares.look()
    assert not [line for line in desk.said() if line["event"] == "table_nearly_full"]
    for n in range(1, 17):
        desk.story.new(1 + n % 2, C.BUY, 1, 5, id=500 + n)
        desk.shares.look()
    warned = [line for line in desk.said() if line["event"] == "table_nearly_full"]
    assert [(line["table"], line["used"], line["capacity"]) for line in warned] == [("orders", 16, 20)]
    assert "set orders = 40 under [capacities]" in warned[0]["what_to_do"]
    said = "table orders: 16 of 20 rows are used (80 %): set orders = 40 under [capacities] in the configuration, stop, and start with it: "
    assert table_sentences(desk.story.pair.core.m) == [said + "exos serve --config FILE"]
