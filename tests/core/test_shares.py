"""What all firms share, one cannot take from the others: closed ClOrdIDs are forgotten firm by firm, open orders are refused to the firm that has too many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.engine import Engine
from protocol import codes as C
from tests import arena
from tests.bridge import command_words, event_rows
from tests.core_rig import PairStory
from tests.model_world import Limits, Row
from tests.model_worlds import SECOND, Story

Make = Callable[..., Story]


@pytest.fixture(params=["model", "core"])
def make(request: pytest.FixtureRequest) -> Make:
    return Story if request.param == "model" else PairStory


def close(s: Story, firm: int, name: Any) -> None:
    """One id is used up: an IOC order that finds nothing."""
    events = s.new(firm, C.BUY, 1, 5, tif=C.IOC, id=name)
    assert [e.kind for e in events] == [C.E_ACCEPTED, C.E_CANCELED]


def known(s: Story, firm: int, name: Any) -> bool:
    return s.do(C.C_STATUS, session=firm, orig=name)[0].reason != C.R_UNKNOWN_ORDER


def test_a_flood_makes_only_its_own_firm_forget(make: Make) -> None:
    s = make(firms=2, limits=Limits(orders=20, archive=10))
    for i in range(1, 6):
        close(s, 2, i if i % 2 else f"text {i}")
    for i in range(1, 200):
        close(s, 1, i if i % 2 else f"text {i}")
    assert all(known(s, 2, i if i % 2 else f"text {i}") for i in range(1, 6)), "its share is 5 of 10"
    assert [known(s, 1, i if i % 2 else f"text {i}") for i in range(193, 200)] == [False] * 2 + [True] * 5, "texts and numbers alike"
    assert s.model.firms[1].forgotten == 194 and s.model.firms[2].forgotten == 0
    close(s, 2, 6)
    assert not known(s, 2, 1) and known(s, 2, "text 2"), "its own oldest goes for a sixth one"


def test_what_nobody_needs_is_used_beyond_the_share_and_given_back(make: Make) -> None:
    s = make(firms=3, limits=Limits(orders=20, archive=9))
    for i in range(1, 10):
        close(s, 1, i)
    assert all(known(s, 1, i) for i in range(1, 10)), "three times its share, while there is room"
    for i in range(1, 4):
        close(s, 2, i)
        assert not known(s, 1, i), "the firm above its share gives its oldest"
    close(s, 3, 1)
    assert [known(s, 1, i) for i in range(4, 10)] == [False] + [True] * 5
    assert all(known(s, 2, i) for i in range(1, 4)) and known(s, 3, 1)


def test_a_weight_is_a_larger_share_and_can_change_live(make: Make) -> None:
    s = make(firms=2, limits=Limits(orders=20, archive=8))
    s.do(C.C_DEF_FIRM, id=1, weight=3)
    for firm in (1, 2):
        for i in range(1, 20):
            close(s, firm, i)
    assert (sum(known(s, 1, i) for i in range(1, 20)), sum(known(s, 2, i) for i in range(1, 20))) == (6, 2)
    s.do(C.C_DEF_FIRM, id=1)
    for i in range(20, 23):
        close(s, 2, i)
    assert (sum(known(s, 1, i) for i in range(1, 23)), sum(known(s, 2, i) for i in range(1, 23))) == (4, 4)


def test_an_id_that_was_forgotten_is_free_and_the_age_is_told(make: Make) -> None:
    s = make(firms=1, limits=Limits(orders=20, archive=2))
    close(s, 1, 1)
    s.later(3)
    close(s, 1, 2)
    close(s, 1, 3)
    assert (s.model.firms[1].forgotten, s.model.firms[1].window) == (1, 3 * SECOND)
    assert [e.kind for e in s.new(1, C.BUY, 9, 7, id=1)] == [C.E_ACCEPTED], "a new order under an id that is forgotten"


def test_what_is_due_is_not_counted_as_forgotten_early(make: Make) -> None:
    s = make(firms=1, limits=Limits(orders=20, archive=2), retention_ns=SECOND)
    close(s, 1, 1)
    close(s, 1, 2)
    s.later(1)
    close(s, 1, 3)
    assert s.model.firms[1].forgotten == 0 and not known(s, 1, 2) and known(s, 1, 3)


def test_open_orders_beyond_the_share_end_where_as_many_are_left_for_the_others(make: Make) -> None:
    s = make(firms=4, limits=Limits(orders=12, archive=50))
    for i in range(1, 7):
        assert s.new(1, C.BUY, 1, 5, id=i)[0].kind == C.E_ACCEPTED, "its share is 3, and 6 are still free"
    refused = s.new(1, C.BUY, 1, 5, id=7)[0]
    assert (refused.kind, refused.reason, refused.limit, refused.used) == (C.E_REJECTED, C.R_ORDER_SHARE_FULL, 6, 6)
    for i in range(1, 4):
        assert s.new(2, C.BUY, 1, 5, id=i)[0].kind == C.E_ACCEPTED
    assert s.new(2, C.BUY, 1, 5, id=4)[0].reason == C.R_ORDER_SHARE_FULL, "3 open, 3 free, a share of 3"
    assert s.new(3, C.BUY, 1, 5, id=1)[0].kind == C.E_ACCEPTED, "others are not refused"
    s.do(C.C_CANCEL, session=2, orig=1, id=9)
    assert s.new(2, C.BUY, 1, 5, id=4)[0].kind == C.E_ACCEPTED, "safe to resend: the id was not used up"


def replay(snapshot: list[bytes], rows: list[Row]) -> tuple[list[Row], bytes]:
    engine = Engine.restore(snapshot)
    out: list[Row] = []
    for row in rows:
        words = command_words(row)
        engine.apply(words, len(words), lambda ev: out.extend(event_rows(ev.copy())))
    arena.walk(engine.m)
    return out, engine.digest()


def test_a_repeat_is_answered_from_the_archive_after_a_restart_and_a_flood_has_left_nothing_that_refuses() -> None:
    s = PairStory(firms=2, limits=Limits(orders=20, archive=10))
    s.new(2, C.BUY, 3, 6, id="kept")
    s.do(C.C_REPLACE, session=2, orig="kept", id="newer", price=7, qty=3)
    s.do(C.C_CANCEL, session=2, orig="newer", id=9)
    for i in range(1, 300):
        close(s, 1, i)
    engine = s.pair.core.engine
    snapshot = list(engine.snapshot())
    rows = [
        Row(kind=C.C_TIME, turn=s.model.turn + 1, now=s.model.now + SECOND),
        Row(kind=C.C_NEW, session=2, instrument=1, side=C.BUY, contract_side=C.YES, type=C.LIMIT, tif=C.GTC, price=6, qty=3, id="kept"),
        Row(kind=C.C_NEW, session=2, instrument=1, side=C.BUY, contract_side=C.YES, type=C.LIMIT, tif=C.GTC, price=6, qty=3, id=1),
    ]
    live = [event for row in rows for event in s.apply(row)]
    again, digest = replay(snapshot, rows)
    assert (live[0].kind, live[0].id, live[0].orig, live[0].status) == (C.E_STATUS, "newer", "kept", C.ST_CANCELED)
    assert live[1].kind == C.E_ACCEPTED, "the other firm is not refused"
    assert again == live and digest == engine.digest()


def test_the_text_table_has_a_row_for_every_order_and_every_closed_id() -> None:
    s = PairStory(firms=1, limits=Limits(orders=3, archive=4))
    for i in range(1, 9):
        close(s, 1, f"closed {i}")
    for i in range(1, 4):
        assert s.new(1, C.BUY, 1, 5, id=f"open {i}")[0].kind == C.E_ACCEPTED
    m = s.pair.core.m
    d = L.H_POOLS + L.P_TEXT * L.POOL_WORDS
    assert m[d + L.PL_USED] == m[d + L.PL_CAP] == 7
    assert s.do(C.C_REPLACE, session=1, orig="open 1", id="renamed", price=6, qty=1)[0].kind == C.E_REPLACED
    assert np.count_nonzero(m[L.H_ERROR]) == 0
