"""Every worked number of domain.md sections 3, 4 (without cross-outcome matching) and 5, told as a story.

Each story runs twice: against the naive model alone, and against model and jitted core side by side.
Prices are ticks with P = 100 (one tick = 0.01 of the asset) and a tick value of 1: money is in hundredths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protocol import codes as C
from tests.model_world import Row
from tests.model_worlds import Story

BUY, SELL = C.BUY, C.SELL


@pytest.fixture(params=["model", "core"])
def story(request: pytest.FixtureRequest) -> Callable[..., Story]:
    if request.param == "model":
        return Story
    from tests.core_rig import PairStory

    return PairStory


def one(events: list[Row], kind: int) -> Row:
    found = [e for e in events if e.kind == kind]
    assert len(found) == 1, events
    return found[0]


# ------------------------------------------------------------------------------------------------ section 3: the merged book
def test_buying_no_is_selling_yes_and_the_resting_price_rules(story: Callable[..., Story]) -> None:
    s = story(cash=10_000)
    s.new(1, BUY, 100, 62)
    events = s.new(2, BUY, 80, 40, contract_side=C.NO)
    maker, taker = [e for e in events if e.kind == C.E_FILL]
    assert (maker.account, maker.price, maker.last_price, maker.last_qty, maker.leaves) == (16, 62, 62, 80, 20)
    assert (taker.account, taker.side, taker.price, taker.last_price, taker.last_qty) == (17, BUY, 40, 38, 80), "NO terms throughout"
    assert taker.notional == 38 * 80
    assert (s.position(1), s.position(2)) == (80, -80)
    assert s.cash(1) == 10_000 - 4960, "A pays 49.60"
    assert s.cash(2) == 10_000 + 4960 and s.locked(2) == 8000, "B receives 49.60 and 80.00 of its balance is locked"
    assert 10_000 - (s.cash(2) - s.locked(2)) == 3040, "B's cost is 30.40, not 32.00"


def test_selling_no_is_buying_yes(story: Callable[..., Story]) -> None:
    s = story(cash=10_000)
    s.new(1, SELL, 10, 55)
    taker = s.new(2, SELL, 10, 44, contract_side=C.NO)[-1]  # = buy YES at 56
    assert (taker.side, taker.last_price) == (SELL, 45)
    assert (s.position(1), s.position(2)) == (-10, 10)


def test_trades_mint_transfer_and_burn_pairs(story: Callable[..., Story]) -> None:
    s = story(firms=3, cash=10_000)
    interest = lambda: s.model.open_interest(1)  # noqa: E731
    s.new(1, BUY, 10, 50)
    s.new(2, SELL, 10, 50)
    assert interest() == 10, "both open: pairs are minted"
    s.new(3, BUY, 4, 50)
    s.new(1, SELL, 4, 50)
    assert interest() == 10, "one closes, one opens: pairs change hands"
    s.new(2, BUY, 4, 50)
    s.new(3, SELL, 4, 50)
    assert interest() == 6, "both close: pairs are burned"


def test_split_pays_into_the_pool_and_merge_pays_out(story: Callable[..., Story]) -> None:
    s = story(cash=5000, product=C.EXACTLY, n=3, k=2)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=7)
    assert (s.cash(1), s.locked(1)) == (5000 - 2 * 100 * 7, 0)
    assert [s.position(1, i) for i in (1, 2, 3)] == [7, 7, 7]
    assert (s.model.events[1].pool, s.model.events[1].sets) == (1400, 7)
    refused = one(s.do(C.C_MERGE, session=1, instrument=1, sets=8), C.E_REFUSED)
    assert (refused.reason, refused.limit, refused.asked) == (C.R_MERGE_TOO_MANY, 7, 8)
    s.do(C.C_MERGE, session=1, instrument=1, sets=7)
    assert (s.cash(1), s.model.events[1].pool, s.model.events[1].sets) == (5000, 0, 0)


def test_a_split_turns_a_short_flat(story: Callable[..., Story]) -> None:
    s = story(cash=1000, product=C.EXACTLY, n=3, k=1)
    s.new(1, SELL, 1, 40)
    s.new(2, BUY, 1, 40)
    assert s.locked(1) == 100
    s.do(C.C_SPLIT, session=1, instrument=1, sets=1)
    assert [s.position(1, i) for i in (1, 2, 3)] == [0, 1, 1], "the conversion of a NO into the other YES"
    assert (s.cash(1), s.locked(1)) == (1000 + 40 - 100, 0)


def test_split_only_in_exactly_k(story: Callable[..., Story]) -> None:
    s = story(cash=1000, product=C.AT_MOST, n=3, k=1)
    assert one(s.do(C.C_SPLIT, session=1, instrument=1, sets=1), C.E_REFUSED).reason == C.R_NOT_SPLITTABLE


def test_lowering_the_quantity_keeps_the_place_anything_else_loses_it(story: Callable[..., Story]) -> None:
    s = story(firms=3, cash=10_000)
    s.new(1, BUY, 10, 50, id=1)
    s.new(2, BUY, 10, 50, id=1)
    s.do(C.C_REPLACE, session=1, orig=1, id=2, price=50, qty=4)
    assert s.model.state()["queues"][1, BUY] == [1, 2]
    s.do(C.C_REPLACE, session=1, orig=2, id=3, price=50, qty=5)
    assert s.model.state()["queues"][1, BUY] == [2, 1]


def test_the_quantity_of_an_amend_is_the_new_total(story: Callable[..., Story]) -> None:
    s = story(cash=10_000)
    s.new(1, BUY, 10, 50, id=1)
    s.new(2, SELL, 4, 50)
    replaced = one(s.do(C.C_REPLACE, session=1, orig=1, id=2, price=50, qty=7), C.E_REPLACED)
    assert (replaced.qty, replaced.cum, replaced.leaves, replaced.status) == (7, 4, 3, C.ST_PARTIAL)
    below = one(s.do(C.C_REPLACE, session=1, orig=2, id=3, price=50, qty=3), C.E_CANCEL_REJECT)
    assert (below.reason, below.limit, below.asked) == (C.R_QTY_BELOW_FILLED, 4, 3)
    filled = one(s.do(C.C_REPLACE, session=1, orig=2, id=3, price=50, qty=4), C.E_CANCELED)
    assert (filled.reason, filled.status, filled.cum, filled.leaves) == (C.R_REPLACED_TO_FILLED, C.ST_CANCELED, 4, 0)


# ------------------------------------------------------------------------------------------------ section 4: collateral
def test_1_flat_sell_10_at_40_needs_6(story: Callable[..., Story]) -> None:
    s = story(cash=1000)
    s.new(1, SELL, 10, 40)
    assert s.locked(1) == 600


def test_2_both_sides_of_one_binary_need_4_not_8(story: Callable[..., Story]) -> None:
    s = story(cash=1000)
    s.new(1, BUY, 10, 40)
    s.new(1, SELL, 10, 60)
    assert s.locked(1) == 400


def test_3_short_on_two_of_three(story: Callable[..., Story]) -> None:
    s = story(cash=1000, product=C.EXACTLY, n=3, k=1)
    for instrument, price in ((1, 40), (2, 30)):
        s.new(2, BUY, 1, price, instrument=instrument)
        s.new(1, SELL, 1, price, instrument=instrument)
    assert s.cash(1) == 1000 + 70, "received 0.70"
    assert s.locked(1) == 100, "requirement 1.00"
    assert 1000 - (s.cash(1) - s.locked(1)) == 30, "own money tied up 0.30"


def test_4_bids_on_all_three_of_exactly_1_need_9(story: Callable[..., Story]) -> None:
    s = story(cash=1000, product=C.EXACTLY, n=3, k=1)
    for instrument in (1, 2, 3):
        s.new(1, BUY, 10, 30, instrument=instrument)
    assert s.locked(1) == 900


def test_5_short_on_40_of_32_of_48_needs_32(story: Callable[..., Story]) -> None:
    s = story(cash=100_000, product=C.EXACTLY, n=48, k=32)
    for instrument in range(1, 41):
        s.new(2, BUY, 1, 60, instrument=instrument)
        s.new(1, SELL, 1, 60, instrument=instrument)
    assert s.locked(1) == 3200


def test_6_a_long_sells_with_nothing_and_a_fee(story: Callable[..., Story]) -> None:
    s = story(cash=0, taker=200, maker=200)
    s.fund(1, 10_000)
    s.fund(2, 10_000)
    s.new(2, SELL, 10, 50)
    s.new(1, BUY, 10, 50)
    s.fund(1, -s.cash(1))
    assert (s.cash(1), s.position(1)) == (0, 10)
    accepted = s.new(1, SELL, 10, 62)
    assert accepted[0].kind == C.E_ACCEPTED and s.locked(1) == 0


def test_refused_exactly_when_negative_and_lower_than_before(story: Callable[..., Story]) -> None:
    s = story(cash=0)
    s.fund(1, 600)
    assert s.new(1, SELL, 10, 40)[0].kind == C.E_ACCEPTED, "6.00 suffice"
    refused = one(s.new(1, SELL, 1, 40), C.E_REJECTED)
    assert (refused.reason, refused.limit, refused.used, refused.asked) == (C.R_COLLATERAL, 0, 600, 60)
    assert s.new(1, BUY, 10, 39)[0].kind == C.E_ACCEPTED, "a bid against the own offer costs nothing more"


def test_a_withdrawal_above_buying_power_is_refused(story: Callable[..., Story]) -> None:
    s = story(cash=0)
    s.fund(1, 1000)
    s.new(1, BUY, 10, 40)
    s.fund(1, -601)
    assert s.model.refused == C.R_WITHDRAW_TOO_MUCH and s.cash(1) == 1000
    s.fund(1, -600)
    assert s.model.refused == 0 and s.cash(1) == 400


@pytest.mark.parametrize(("product", "needed"), [(C.EXACTLY, 0), (C.AT_MOST, 100)])
def test_at_most_k_never_counts_a_winner_as_certain(story: Callable[..., Story], product: int, needed: int) -> None:
    """Short one A, long one B and one C, 2 of 3 win: if A wins, so does B or C, in exactly 2; in at most 2 A may win alone."""
    s = story(cash=10_000, product=product, n=3, k=2)
    s.new(2, BUY, 1, 50, instrument=1)
    s.new(1, SELL, 1, 50, instrument=1)
    for instrument in (2, 3):
        s.new(2, SELL, 1, 50, instrument=instrument)
        s.new(1, BUY, 1, 50, instrument=instrument)
    assert s.locked(1) == needed


def test_spot_buys_hold_quote_and_fee_and_sells_hold_base(story: Callable[..., Story]) -> None:
    s = story(cash=10_000, product=C.SPOT, lot_base=5, tick_value=2, taker=100, maker=0)
    s.fund(2, 50, asset=2)
    s.new(2, SELL, 10, 30)
    assert (s.locked(2, 2), s.locked(2, 1)) == (50, 0)
    refused = one(s.new(2, SELL, 1, 30), C.E_REJECTED)
    assert (refused.reason, refused.limit, refused.used, refused.asked) == (C.R_COLLATERAL, 0, 50, 5)
    s.new(1, BUY, 4, 29)
    assert s.locked(1) == 29 * 4 * 2 + 3, "232 and 1 % of it rounded up"
    fills = [e for e in s.new(1, BUY, 3, 30) if e.kind == C.E_FILL]
    assert [f.fee for f in fills] == [0, 2], "1.8 rounded up, for the taker"
    assert (s.cash(1, 2), s.cash(2, 2), s.locked(2, 2)) == (15, 35, 35)
    assert (s.cash(1), s.cash(2)) == (10_000 - 180 - 2, 10_000 + 180)


def test_a_replace_that_lacks_base_says_what_is_needed_on_top(story: Callable[..., Story]) -> None:
    s = story(cash=10_000, product=C.SPOT, lot_base=5, tick_value=2, taker=100, maker=0)
    s.fund(2, 60, asset=2)
    s.new(2, SELL, 10, 30)
    (refused,) = s.do(C.C_REPLACE, session=2, orig=1, id=9, price=30, qty=14)
    assert (refused.reason, refused.limit, refused.used, refused.asked) == (C.R_COLLATERAL, 10, 50, 20)
    (replaced,) = s.do(C.C_REPLACE, session=2, orig=1, id=10, price=30, qty=12)
    assert replaced.kind == C.E_REPLACED and s.locked(2, 2) == 60


# ------------------------------------------------------------------------------------------------ section 5: fees
def fills_of(events: list[Row], taker: bool) -> list[Row]:
    return [e for e in events if e.kind == C.E_FILL and bool(e.flags & C.EF_TAKER) == taker]


def test_many_small_fills_cost_what_one_large_fill_costs(story: Callable[..., Story]) -> None:
    paid = []
    for pieces in ((10,), (1,) * 10, (3, 7)):
        s = story(cash=100_000, taker=100, model=C.FEE_QUADRATIC)
        for piece in pieces:
            s.new(2, SELL, piece, 50)
        events = s.new(1, BUY, 10, 50)
        paid.append(sum(e.fee for e in fills_of(events, True)))
    assert paid == [3, 3, 3], "1 % of 50*50/100*10 = 2.5, rounded up once"


def test_quadratic_and_min_are_the_same_for_yes_and_no(story: Callable[..., Story]) -> None:
    for model, expected in ((C.FEE_QUADRATIC, 16), (C.FEE_MIN, 20)):
        fees = []
        for no in (False, True):
            s = story(cash=100_000, taker=1000, model=model)
            s.new(2, SELL, 10, 80)
            order: dict[str, Any] = {"contract_side": C.NO} if no else {}
            events = s.new(1, SELL, 10, 20, **order) if no else s.new(1, BUY, 10, 80)
            fees.append(fills_of(events, True)[0].fee)
        assert fees == [expected, expected], "10 % of 80*20/100*10, and of min(80, 20)*10"


def test_a_rebate_is_rounded_down_and_at_most_the_takers_rate(story: Callable[..., Story]) -> None:
    s = story(cash=100_000, taker=150, maker=-100, model=C.FEE_MIN)
    s.new(2, SELL, 7, 50)
    events = s.new(1, BUY, 7, 50)
    assert fills_of(events, False)[0].fee == -3, "1 % of 350 = 3.5, down"
    assert fills_of(events, True)[0].fee == 6, "1.5 % of 350 = 5.25, up"
    s.do(C.C_DEF_LISTING, venue=1, instrument=1, model=C.FEE_MIN, taker=40, maker=-40, owner_account=3, venue_account=2)
    s.new(2, SELL, 100, 50)
    s.do(C.C_DEF_LISTING, venue=1, instrument=1, model=C.FEE_MIN, taker=10, maker=-10, owner_account=3, venue_account=2)
    events = s.new(1, BUY, 100, 50)
    assert fills_of(events, False)[0].fee == -5, "the maker's 40 bps are cut to the taker's 10 on this fill"


def test_the_recipients_share_the_net_fee_and_the_platform_keeps_the_rest(story: Callable[..., Story]) -> None:
    s = story(cash=100_000, taker=1000, maker=-300, model=C.FEE_MIN, owner_share=3333, venue_share=2500)
    s.new(2, SELL, 10, 50)
    s.new(1, BUY, 10, 50)
    net = 50 - 15
    accounts = s.model.accounts
    assert accounts[3].cash[1] == net * 3333 // 10_000 == 11
    assert accounts[2].cash[1] == net * 2500 // 10_000 == 8
    assert accounts[1].cash[1] == net - 11 - 8


def test_a_changed_share_applies_to_orders_entered_or_amended_afterwards(story: Callable[..., Story]) -> None:
    s = story(firms=3, cash=100_000, maker=1000, taker=1000, model=C.FEE_MIN, owner_share=10_000)
    owner = lambda: s.model.accounts[3].cash.get(1, 0)  # noqa: E731
    s.new(1, BUY, 10, 50, id=1)
    s.new(2, BUY, 10, 50, id=1)
    s.do(C.C_DEF_LISTING, venue=1, instrument=1, model=C.FEE_MIN, maker=1000, taker=1000, owner_account=3, venue_account=2)
    s.new(3, SELL, 10, 50)
    assert owner() == 50, "the resting order pays by the shares of its entry, the new one by the new shares"
    s.do(C.C_REPLACE, session=2, orig=1, id=2, price=50, qty=9)
    s.new(3, SELL, 4, 50)
    assert owner() == 50, "amended: the new shares"


def test_orders_keep_the_fees_of_their_entry(story: Callable[..., Story]) -> None:
    s = story(cash=100_000, taker=100, maker=100, model=C.FEE_MIN)
    s.new(2, SELL, 10, 50)
    s.do(C.C_DEF_LISTING, venue=1, instrument=1, model=C.FEE_MIN, taker=1000, maker=1000, owner_account=3, venue_account=2)
    events = s.new(1, BUY, 10, 50)
    assert (fills_of(events, False)[0].fee, fills_of(events, True)[0].fee) == (5, 50)
