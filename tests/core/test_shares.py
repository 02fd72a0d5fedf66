"""What all firms share, one cannot take from the others: what became of closed ClOrdIDs is forgotten firm by firm (test_used_ids.py: their use), open orders, book nodes and positions are refused to the firm
that has too many, and price levels and timers cannot run out before the orders do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.engine import Capacities, Engine
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
    """Whether it is remembered what became of the order."""
    return s.do(C.C_STATUS, session=firm, orig=name)[0].reason not in (C.R_UNKNOWN_ORDER, C.R_ORDER_FORGOTTEN)


def test_a_flood_makes_only_its_own_firm_forget(make: Make) -> None:
    s = make(firms=2, limits=Limits(orders=20, archive=10))
    for i in range(1, 6):
        close(s, 2, i if i % 2 else f"text {i}")
    for i in range(1, 200):
        close(s, 1, i if i % 2 else f"text {i}")
    assert all(known(s, 2, i if i % 2 else f"text {i}") for i in range(1, 6)), "its share is 5 of 10"
    assert [known(s, 1, i if i % 2 else f"text {i}") for i in range(193, 200)] == [False] * 2 + [True] * 5, "texts and numbers alike"
    assert s.model.firms[1].moved == 194 and s.model.firms[2].moved == 0
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


def test_what_is_due_is_not_counted_as_forgotten_early(make: Make) -> None:
    s = make(firms=1, limits=Limits(orders=20, archive=2), retention_ns=SECOND)
    close(s, 1, 1)
    close(s, 1, 2)
    s.later(1)
    close(s, 1, 3)
    assert s.model.firms[1].moved == 0 and not known(s, 1, 2) and known(s, 1, 3)


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
        close(s, 1, f"a closed order: {i}x")
    for i in range(1, 4):
        assert s.new(1, C.BUY, 1, 5, id=f"an open order: {i}xxx")[0].kind == C.E_ACCEPTED
    m = s.pair.core.m
    d = L.H_POOLS + L.P_TEXT * L.POOL_WORDS
    assert m[d + L.PL_USED] == m[d + L.PL_CAP] == 7
    assert s.do(C.C_REPLACE, session=1, orig="an open order: 1xxx", id="an order: renamed x", price=6, qty=1)[0].kind == C.E_REPLACED
    assert np.count_nonzero(m[L.H_ERROR]) == 0


# ------------------------------------------------------------------------------------------------ book nodes
def wide(make: Make, nodes: int, firms: int = 2) -> Story:
    """Prices of three digits: an order alone at the end of a book side makes three nodes, and one for each further stretch of 64 prices."""
    return make(firms=firms, cash=10**9, payout=10_000, limits=Limits(orders=60, archive=50, nodes=nodes))


def test_one_firm_cannot_take_all_nodes_with_scattered_prices(make: Make) -> None:
    s = wide(make, nodes=12)
    for i in range(4):
        assert s.new(1, C.BUY, 1, 1 + 64 * i)[0].kind == C.E_ACCEPTED
    refused = s.new(1, C.BUY, 1, 257, id="again")[0]
    assert (refused.kind, refused.reason, refused.limit, refused.used, refused.asked) == (C.E_REJECTED, C.R_NODE_SHARE_FULL, 6, 6, 1)
    assert s.new(1, C.BUY, 1, 7)[0].kind == C.E_ACCEPTED, "where others rest it needs no node"
    assert s.new(1, C.BUY, 1, 257, tif=C.IOC)[0].kind == C.E_ACCEPTED, "what never rests needs none"
    assert s.new(2, C.SELL, 1, 9000)[0].kind == C.E_ACCEPTED, "others are not refused"
    assert s.new(2, C.BUY, 1, 257)[0].kind == C.E_ACCEPTED
    s.do(C.C_CANCEL, session=1, orig=2, id=999)
    assert s.new(1, C.BUY, 1, 321, id="again")[0].kind == C.E_ACCEPTED, "safe to resend: the id was not used up"


def test_a_replace_is_refused_alike_and_the_order_stays(make: Make) -> None:
    s = wide(make, nodes=8)
    for price in (1, 2, 65):
        s.new(1, C.BUY, 1, price, id=price)
    answer = s.do(C.C_REPLACE, session=1, orig=1, id=50, price=129, qty=1)[0]
    assert (answer.kind, answer.reason, answer.limit, answer.used, answer.asked) == (C.E_CANCEL_REJECT, C.R_NODE_SHARE_FULL, 4, 4, 1)
    assert s.do(C.C_REPLACE, session=1, orig=1, id=50, price=66, qty=1)[0].kind == C.E_REPLACED


def test_a_node_stays_its_makers_as_long_as_it_exists(make: Make) -> None:
    s = wide(make, nodes=100)
    s.new(1, C.BUY, 1, 500, id=1)
    s.new(2, C.BUY, 1, 501, id=1)
    assert (s.model.nodes_of(1), s.model.nodes_of(2)) == (3, 0)
    s.do(C.C_CANCEL, session=1, orig=1, id=9)
    assert (s.model.nodes_of(1), s.model.nodes_of(2)) == (3, 0)
    s.do(C.C_CANCEL, session=2, orig=1, id=9)
    assert s.model.nodes == {}
    s.new(1, C.BUY, 1, 500, id=2)
    s.new(2, C.SELL, 1, 500, id=2)
    assert s.model.nodes == {}, "a fill ends them too"


def test_no_node_left_at_all_is_another_refusal(make: Make) -> None:
    s = wide(make, nodes=6)
    s.new(1, C.BUY, 1, 1)
    s.new(2, C.SELL, 1, 9000)
    refused = s.new(1, C.BUY, 1, 65)[0]
    assert (refused.reason, refused.limit, refused.used, refused.asked) == (C.R_TABLE_FULL, 6, 6, 1)
    s = wide(make, nodes=12, firms=4)
    s.do(C.C_DEF_FIRM, id=1, weight=9)
    for i in range(7):
        assert s.new(1, C.BUY, 1, 1 + 64 * i)[0].kind == C.E_ACCEPTED, "its share is 9 of 12"
    assert s.new(1, C.BUY, 1, 1 + 64 * 7)[0].reason == C.R_NODE_SHARE_FULL


# ------------------------------------------------------------------------------------------------ positions
def accounts(s: Story, firm: int, numbers: range) -> None:
    for number in numbers:
        s.do(C.C_DEF_ACCOUNT, id=number, firm=firm, account_kind=C.ACCT_TRADING, session=firm)
        s.do(C.C_TRANSFER, target=number, asset=1, amount=1000)


def test_one_firm_cannot_take_all_positions_with_many_accounts(make: Make) -> None:
    s = make(firms=2, limits=Limits(orders=60, archive=50, words=8 * 23))
    accounts(s, 1, range(30, 34))
    for number in (16, 30, 31, 32):
        assert s.new(1, C.BUY, 1, 5, account=number)[0].kind == C.E_ACCEPTED
    refused = s.new(1, C.BUY, 1, 5, account=33, id="again")[0]
    assert (refused.kind, refused.reason, refused.limit, refused.used, refused.asked) == (C.E_REJECTED, C.R_POSITION_SHARE_FULL, 92, 92, 23)
    assert s.new(1, C.BUY, 1, 5, account=30)[0].kind == C.E_ACCEPTED, "it has traded here"
    assert s.new(2, C.BUY, 1, 5)[0].kind == C.E_ACCEPTED, "others are not refused"
    s.do(C.C_DEF_FIRM, id=1, weight=3)
    assert s.new(1, C.BUY, 1, 5, account=33, id="again")[0].kind == C.E_ACCEPTED, "safe to resend: the id was not used up"


def test_a_split_counts_for_the_share_of_positions(make: Make) -> None:
    s = make(firms=2, product=C.EXACTLY, k=1, n=2, limits=Limits(orders=60, archive=50, words=4 * 30))
    accounts(s, 1, range(30, 32))
    for number in (16, 30):
        assert s.do(C.C_SPLIT, session=1, account=number, instrument=1, sets=1)[0].kind == C.E_MOVED
    refused = s.do(C.C_SPLIT, session=1, account=31, instrument=1, sets=1)[0]
    assert (refused.kind, refused.reason, refused.limit, refused.used, refused.asked) == (C.E_REFUSED, C.R_POSITION_SHARE_FULL, 60, 60, 30)
    assert s.do(C.C_SPLIT, session=2, account=17, instrument=1, sets=1)[0].kind == C.E_MOVED


def test_the_counts_outlive_a_restart_and_decide_alike_after_it() -> None:
    s = PairStory(firms=2, cash=10**9, payout=10_000, limits=Limits(orders=60, archive=50, nodes=12, words=4 * 23))
    accounts(s, 1, range(30, 32))
    for i in range(4):
        s.new(1, C.BUY, 1, 1 + 64 * i, account=16 if i % 2 else 30)
    engine = s.pair.core.engine
    snapshot = list(engine.snapshot())
    order = Row(kind=C.C_NEW, session=1, instrument=1, side=C.BUY, contract_side=C.YES, type=C.LIMIT, tif=C.GTC, price=257, qty=1, id=90)
    rows = [
        Row(kind=C.C_TIME, turn=s.model.turn + 1, now=s.model.now + SECOND),
        order,
        Row(order, account=31, price=2, id=91),
        Row(order, session=2, id=1),
        Row(kind=C.C_CANCEL, session=1, orig=1, id=92),
        Row(order, id=93),
    ]
    live = [event for row in rows for event in s.apply(row)]
    again, digest = replay(snapshot, rows)
    assert [e.reason for e in live if e.kind == C.E_REJECTED] == [C.R_NODE_SHARE_FULL, C.R_POSITION_SHARE_FULL]
    assert again == live and digest == engine.digest()


# ------------------------------------------------------------------------------------------------ what cannot run out
def test_levels_timers_and_side_rows_have_a_row_for_every_open_order() -> None:
    s = PairStory(firms=2, limits=Limits(orders=20, archive=50))
    now = s.model.now
    for i in range(1, 11):
        for firm, side, price in ((1, C.BUY, i), (2, C.SELL, 50 + i)):
            events = s.new(firm, side, 1, price, tif=C.GTD, expiry=now + (2 * i + firm) * SECOND)
            assert [e.kind for e in events] == [C.E_ACCEPTED]
    m = s.pair.core.m
    for pool in (L.P_ORDER, L.P_LEVEL, L.P_TIMER, L.P_SPECIAL):
        d = L.H_POOLS + pool * L.POOL_WORDS
        assert m[d + L.PL_USED] == m[d + L.PL_CAP] == 20, L.POOL_NAMES[pool]
    assert s.new(1, C.BUY, 1, 20)[0].reason == C.R_ORDER_TABLE_FULL, "the orders are what runs out"
    s.later(60)
    assert s.model.open == []


@pytest.mark.parametrize("capacities", [Capacities(), Capacities(accounts=1, balances=5, collateral_words=23, orders=7, listings=3)])
def test_the_table_that_finds_rows_has_a_place_for_each_of_them(capacities: Capacities) -> None:
    pools = {pool: rows for pool, _, rows in capacities.pools()}
    found = capacities.balances + capacities.collateral_words // 23 + capacities.listings + capacities.orders
    assert pools[L.P_PAIR_HASH] - pools[L.P_PAIR_HASH] // 8 >= found


def test_a_folder_that_was_begun_with_a_size_for_levels_and_timers_still_has_its_other_sizes() -> None:
    assert Capacities.begun_as({"orders": 7, "levels": 3, "timer_buckets": 2, "texts": 9}) == Capacities(orders=7)
    with pytest.raises(TypeError):
        Capacities.begun_as({"no_such_table": 1})
