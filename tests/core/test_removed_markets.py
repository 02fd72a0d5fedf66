"""Markets that are over for good: they take no command, and their collateral rows serve the markets after them."""

from __future__ import annotations

import pytest

from exchange_server.core import layout as L
from exchange_server.engine import Engine
from protocol import codes as C
from tests import arena
from tests.bridge import command_words
from tests.core_rig import Core, PairStory, tiny
from tests.model_world import Limits, Row
from tests.model_worlds import SECOND, Story


@pytest.fixture(params=["model", "core"])
def make(request: pytest.FixtureRequest) -> type[Story]:
    return Story if request.param == "model" else PairStory  # type: ignore[no-any-return]


def pay(s: Story, event: int = 1) -> None:
    n = len(s.model.events[event].contracts)
    s.do(C.C_PHASE, event=event, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=event, version=1, payouts=[100, *[0] * (n - 1)])
    s.later(100)
    s.do(C.C_FINALISE, event=event, version=1)


def refused(s: Story, kind: int, **words: object) -> int:
    s.do(kind, **words)
    return s.model.refused


def test_what_is_in_use_is_not_removed(make: type[Story]) -> None:
    s = make(firms=2, product=C.EXACTLY, n=2, k=1)
    s.new(1, C.BUY, 5, 40, id=1)
    assert refused(s, C.C_REMOVE, event=1) == C.R_NOT_EMPTY
    s.do(C.C_CANCEL, session=1, orig=1, id=2)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=3)
    assert refused(s, C.C_REMOVE, event=1) == C.R_NOT_EMPTY
    assert refused(s, C.C_REMOVE, event=9) == C.R_UNKNOWN_EVENT
    pay(s)
    assert refused(s, C.C_REMOVE, event=1) == C.OK
    assert refused(s, C.C_REMOVE, event=1) == C.R_MARKET_REMOVED
    assert refused(s, C.C_REVERSE, event=1, version=2, payouts=[0, 100]) == C.R_MARKET_REMOVED


def test_the_rows_are_freed_with_the_next_turn_and_used_again(make: type[Story]) -> None:
    s = make(firms=2, limits=Limits(20, 50, words=2 * 23))
    s.new(1, C.BUY, 5, 40, id=1)
    s.new(2, C.SELL, 5, 40, id=1)
    assert s.model.words_of() == 46
    pay(s)
    s.do(C.C_REMOVE, event=1)
    assert s.model.words_of() == 46
    s.later(1)
    assert s.model.words_of() == 0 == s.model.words_of(1) and s.model.spare == {23: 2} and s.model.high == 46
    assert s.cash(1) + s.cash(2) == 2_000_000, "the money is where it was paid to"


def test_a_market_that_may_still_trade_keeps_its_rows(make: type[Story]) -> None:
    s = make(firms=2)
    s.new(1, C.BUY, 5, 40, id=1)
    s.do(C.C_CANCEL, session=1, orig=1, id=2)
    s.do(C.C_REMOVE, event=1)
    s.later(1)
    assert s.model.words_of() == 23 and s.new(1, C.BUY, 5, 40, id=3)[0].kind == C.E_ACCEPTED


def test_freed_rows_of_another_size_do_not_fit(make: type[Story]) -> None:
    s = make(firms=2, limits=Limits(20, 50, words=2 * 23 + 20))
    s.new(1, C.BUY, 5, 40, id=1)
    s.new(2, C.SELL, 5, 40, id=1)
    pay(s)
    s.do(C.C_REMOVE, event=1)
    s.later(1)
    market(s, 2, 2)
    s.do(C.C_DEF_FIRM, id=1, weight=9)
    answer = s.new(1, C.BUY, 5, 40, instrument=2, id=5)[0]
    assert (answer.reason, answer.limit, answer.used, answer.asked) == (C.R_TABLE_FULL, 66, 0, 30)
    market(s, 3, 1)
    assert s.new(1, C.BUY, 5, 40, instrument=4, id=6)[0].kind == C.E_ACCEPTED


def market(s: Story, event: int, n: int) -> None:
    """One more at-most-1 market; its instruments follow those that there are."""
    first = max(s.model.instruments) + 1
    s.do(
        C.C_DEF_EVENT, id=event, product=C.AT_MOST, k=1, n=n, asset=1, payout=100, tick_value=1, owner_venue=1, phase=C.PH_LISTED, window=0
    )
    for index in range(n):
        s.do(
            C.C_DEF_INSTRUMENT, id=first + index, event=event, index=index, min_qty=1, max_qty=100, lot=1, price_min=1, price_max=99,
            protection=5, max_position=0, bands=[(1, 99, 1)],
        )  # fmt: skip
        s.do(C.C_DEF_LISTING, venue=1, instrument=first + index, model=C.FEE_QUADRATIC, owner_account=3, venue_account=2)
    s.do(C.C_PHASE, event=event, phase=C.PH_OPEN)


EVENTS = 10_000


def test_ten_thousand_markets_one_after_the_other_with_room_for_two() -> None:
    """The core alone, from definition to removal; tables for two accounts in two markets."""
    s = PairStory(firms=2, limits=Limits(20, 50))
    setup = list(s.commands)
    limits = Limits(20, 50, nodes=64, words=4 * 23)
    capacities = tiny(limits)
    wide = {"events": EVENTS + 1, "instruments": EVENTS + 1, "listings": EVENTS + 1}
    core = Core(type(capacities)(**{**vars(capacities), **wide}))
    for row in setup:
        core.apply(row)
    like = {row.kind: row for row in setup if row.kind in (C.C_DEF_EVENT, C.C_DEF_INSTRUMENT, C.C_DEF_LISTING)}
    now, turn = s.model.now, s.model.turn

    def do(*rows: Row) -> None:
        for row in rows:
            events = core.apply(row)
            assert not core.refused and all(e.kind != C.E_REJECTED for e in events), (row, core.refused, core.engine.refusal)

    for event in range(2, EVENTS + 1):
        turn += 1
        now += 100 * SECOND
        order = Row(kind=C.C_NEW, instrument=event, contract_side=C.YES, type=C.LIMIT, tif=C.GTC, price=40, qty=1, id=event)
        do(
            Row(kind=C.C_TIME, turn=turn, now=now, tick=now),
            Row(like[C.C_DEF_EVENT], id=event, phase=C.PH_LISTED, window=0), Row(like[C.C_DEF_INSTRUMENT], id=event, event=event),
            Row(like[C.C_DEF_LISTING], instrument=event), Row(kind=C.C_PHASE, event=event, phase=C.PH_OPEN),
            Row(order, session=1, side=C.BUY), Row(order, session=2, side=C.SELL),
            Row(kind=C.C_PHASE, event=event, phase=C.PH_CLOSED), Row(kind=C.C_DETERMINE, event=event, version=1, payouts=[40]),
            Row(kind=C.C_FINALISE, event=event, version=1),
            Row(kind=C.C_UNLIST, venue=1, instrument=event), Row(kind=C.C_REMOVE, event=event),
        )  # fmt: skip
    m = core.m
    d = L.H_POOLS + L.P_COLLATERAL * L.POOL_WORDS
    assert m[d + L.PL_NEXT] <= 4 * 23
    assert core.engine.check() == []
    again = Engine.restore(list(core.engine.snapshot()))
    assert again.digest() == core.engine.digest() and arena.spare_rows(again.m) == arena.spare_rows(m)
    words = command_words(Row(kind=C.C_TIME, turn=turn + 1, now=now + SECOND, tick=now + SECOND))
    again.apply(words, len(words), lambda ev: None)
    assert sum(map(len, arena.spare_rows(again.m).values())) * 23 == int(again.m[d + L.PL_NEXT])
