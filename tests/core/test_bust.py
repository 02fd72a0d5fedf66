"""A trade is taken back: to the unit, with fees, rebates and their shares; what cannot be given back; what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.state import Instrument
from protocol import codes as C
from tests.bridge import plain
from tests.core.test_market_changes import add as add_outcome
from tests.core_rig import PairStory
from tests.model_world import Row

BOND = 4


def story(**event: Any) -> PairStory:
    s = PairStory(firms=3, **{"cash": 1000, **event})
    s.do(C.C_DEF_ACCOUNT, id=BOND, account_kind=C.ACCT_FEES)
    return s


def traded(s: PairStory, qty: int = 10, price: int = 60, seller: int = 1, buyer: int = 2, **fields: Any) -> list[Row]:
    """The fills of one trade, as they were told."""
    s.new(seller, C.SELL, qty, price, **fields)
    return [plain(e) for e in s.new(buyer, C.BUY, qty, price, **fields) if e.kind == C.E_FILL]


def bust(s: PairStory, legs: list[Row], **more: int) -> list[Row]:
    return s.do(
        C.C_BUST, **{"event": 1, "trade": legs[0].trade, "legs": legs, "bond": BOND, "owner_account": 3, "venue_account": 2, **more}
    )


def test_all_that_a_trade_moved_comes_back() -> None:
    s = story()
    before = s.model.state()["balances"]
    legs = traded(s)
    events = bust(s, legs)
    after = s.model.state()
    assert after["balances"] == before and after["positions"] == {} and after["instruments"][1][1] == 0, "open interest too"
    assert [(e.kind, e.account, e.trade, e.due, e.balance, e.bust_of, e.last_price, e.last_qty) for e in events] == [
        (C.E_BUST, 16, legs[0].trade, -600, 1000, legs[0].number, 60, 10), (C.E_BUST, 17, legs[0].trade, 600, 1000, legs[1].number, 60, 10),
    ]  # fmt: skip
    assert all(e.session == e.account - 15 for e in events), "to the sessions that entered the orders"


@pytest.mark.parametrize(("maker", "taker"), [(0, 700), (300, 700), (-300, 700), (-700, 700)])
@pytest.mark.parametrize("model", [C.FEE_QUADRATIC, C.FEE_MIN])
def test_fees_rebates_and_shares_come_back_wherever_the_fill_stood_in_its_order(maker: int, taker: int, model: int) -> None:
    """An order of three fills, one taken back: each account that the trade touched has what it would have without that step."""
    s = story(model=model, maker=maker, taker=taker, owner_share=3333, venue_share=2500, tick_value=3, cash=100_000)
    s.new(1, C.SELL, 30, 47)
    moved: list[tuple[list[Row], dict[int, int]]] = []
    for firm, qty in ((2, 7), (3, 11), (2, 12)):
        before = {a.id: a.cash.get(1, 0) for a in s.model.accounts.values()}
        legs = [plain(e) for e in s.new(firm, C.BUY, qty, 47) if e.kind == C.E_FILL]
        moved.append((legs, {a.id: a.cash.get(1, 0) - before[a.id] for a in s.model.accounts.values()}))
    for legs, change in moved:
        before = {a.id: a.cash.get(1, 0) for a in s.model.accounts.values()}
        bust(s, legs)
        assert {a.id: before[a.id] - a.cash.get(1, 0) for a in s.model.accounts.values()} == change
    assert all(not q for a in s.model.accounts.values() for q in a.position.values())


def test_who_shared_a_fee_gives_back_what_he_got_for_that_fill() -> None:
    """The worked example of docs/corrections.md: the owner keeps the unit that rounding gave him for the order's other fill."""
    s = story(model=C.FEE_QUADRATIC, taker=100, owner_share=3333, cash=100_000)
    for firm in (1, 3):
        s.new(firm, C.SELL, 8, 50)
    fills = [plain(e) for e in s.new(2, C.BUY, 16, 50) if e.kind == C.E_FILL]
    first = [e for e in fills if e.trade == fills[0].trade]
    shared = lambda: [s.model.accounts[account].cash.get(1, 0) for account in (3, 1)]  # noqa: E731
    assert [e.fee for e in fills if e.flags & C.EF_TAKER] == [2, 2] and shared() == [1, 3]
    bust(s, first)
    assert shared() == [1, 1]


def test_a_trade_in_no_contracts_comes_back() -> None:
    s = story()
    before = s.model.state()["balances"]
    s.new(1, C.BUY, 5, 40)
    legs = [plain(e) for e in s.new(2, C.BUY, 5, 60, contract_side=C.NO) if e.kind == C.E_FILL]
    assert [leg.last_price for leg in legs] == [40, 60]
    bust(s, legs)
    assert s.model.state()["balances"] == before


def test_what_has_left_is_owed_and_covered_by_the_bond_then_the_platform_then_blocked() -> None:
    s = story()
    legs = traded(s, 10, 60)
    traded(s, 10, 1, seller=3, buyer=1)  # the seller is flat again, and takes what it made
    s.fund(1, -s.cash(1))
    s.do(C.C_TRANSFER, target=BOND, asset=1, amount=100)
    s.do(C.C_TRANSFER, target=1, asset=1, amount=50)
    events = bust(s, legs)
    assert [(e.kind, e.account, e.why or e.due, e.last_price if e.kind == C.E_REVERSED else 0, e.fee) for e in events] == [
        (C.E_REVERSED, 16, C.WHY_OWED, 600, 0), (C.E_BUST, 16, -600, 0, 0), (C.E_REVERSED, BOND, C.WHY_COVER, -100, 0), (C.E_REVERSED, 1, C.WHY_COVER, -50, 0),
        (C.E_REVERSED, 17, C.WHY_CORRECTION, 0, 450), (C.E_BUST, 17, 600, 0, 0),
    ]  # fmt: skip
    assert s.cash(1) == 0 and s.locked(1) == 600 and s.locked(2) == 450
    s.fund(1, 600)
    assert s.fund(1, -1) == [] and s.model.refused == C.R_WITHDRAW_TOO_MUCH
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[0])
    s.do(C.C_FINALISE, event=1, version=1)
    s.do(C.C_REVERSE, event=1, bond=BOND)
    event = s.model.events[1]
    assert (sum(event.owed.values()), sum(event.blocked.values()), event.from_bond, event.from_platform) == (0, 0, 0, 0)
    assert s.model.accounts[BOND].cash[1] == 100 and s.model.accounts[1].cash[1] == 50 and s.locked(2) == 0


def test_buying_power_may_be_negative_and_then_only_what_does_not_lower_it_is_accepted() -> None:
    """The buyer has sold on; without its purchase it is short, and has not the collateral of a short."""
    s = story(cash=700)
    legs = traded(s, 10, 60)
    traded(s, 10, 10, seller=2, buyer=3)
    s.fund(2, -s.cash(2))
    bust(s, legs)
    assert s.position(2) == -10 and s.cash(2) == 600 and s.locked(2) == 1000
    refused = s.new(2, C.SELL, 1, 90)[0]
    assert (refused.kind, refused.reason) == (C.E_REJECTED, C.R_COLLATERAL)
    s.new(1, C.SELL, 2, 5)
    assert [e.kind for e in s.new(2, C.BUY, 2, 5)] == [C.E_ACCEPTED, C.E_FILL, C.E_FILL], "what brings it nearer to flat"


def test_what_is_locked_may_be_spent_so_cash_may_go_below_zero_until_a_deposit_makes_it_good() -> None:
    s = story(cash=700)
    legs = traded(s, 10, 60)
    traded(s, 10, 10, seller=2, buyer=3)
    s.fund(2, -s.cash(2))
    bust(s, legs)
    s.new(1, C.SELL, 10, 90)
    assert [e.kind for e in s.new(2, C.BUY, 10, 90)] == [C.E_ACCEPTED, C.E_FILL, C.E_FILL], "it lowers the requirement as much"
    assert (s.position(2), s.cash(2), s.locked(2)) == (0, -300, 0) and s.pair.core.engine.check() == []
    s.fund(2, 299)
    assert s.model.accounts[17].short == {1}
    s.fund(2, 1)
    assert s.model.accounts[17].short == set(), "the audit goes by its bound again"
    assert s.new(2, C.BUY, 1, 40)[0].reason == C.R_COLLATERAL


def test_the_settlement_of_another_market_makes_a_shortage_good() -> None:
    s = story(cash=700)
    legs = traded(s, 10, 60)
    traded(s, 10, 10, seller=2, buyer=3)
    second_market(s)
    s.new(2, C.BUY, 4, 50, instrument=2)
    s.new(1, C.SELL, 4, 50, instrument=2)
    s.fund(2, -(s.cash(2) - s.locked(2)))
    bust(s, legs)
    assert s.model.accounts[17].short == {1} and s.cash(2) - s.locked(2) == -400
    s.do(C.C_PHASE, event=2, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=2, version=1, payouts=[100])
    s.do(C.C_FINALISE, event=2, version=1)
    assert s.model.accounts[17].short == set() and s.cash(2) == s.locked(2)


def test_a_settlement_takes_what_is_there_and_the_rest_is_owed() -> None:
    s = story(cash=700)
    legs = traded(s, 10, 60)
    traded(s, 10, 10, seller=2, buyer=3)
    s.fund(2, -s.cash(2))
    bust(s, legs)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[100])
    for row in (Row(kind=C.C_FINALISE, event=1, version=1, slice=1), *[Row(kind=C.C_CONTINUE, slice=1)] * 20):
        s.apply(row)
    event = s.model.events[1]
    assert event.phase == C.PH_FINAL and s.cash(2) == 0 and event.owed[17] == sum(event.owed.values()) == 400
    assert sum(event.blocked.values()) == 400 and event.blocked[18] == 400


def second_market(s: PairStory) -> None:
    """Event 2 with contract 2, open."""
    s.do(C.C_DEF_EVENT, id=2, product=C.AT_MOST, k=1, n=1, asset=1, payout=100, tick_value=1, owner_venue=1, phase=C.PH_LISTED)
    s.do(
        C.C_DEF_INSTRUMENT, id=2, event=2, index=0, min_qty=1, max_qty=100, lot=1, price_min=1, price_max=99, protection=5, bands=[(1, 99, 1)],
        max_position=1000,
    )  # fmt: skip
    s.do(C.C_DEF_LISTING, venue=1, instrument=2, model=C.FEE_QUADRATIC)
    s.do(C.C_PHASE, event=2, phase=C.PH_OPEN)


def finalise(s: PairStory, event: int, payouts: list[int]) -> None:
    s.do(C.C_PHASE, event=event, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=event, version=1, payouts=payouts)
    s.do(C.C_FINALISE, event=event, version=1)


def test_what_a_bust_left_short_in_one_market_is_owed_to_the_next_one_too() -> None:
    """The bust is of event 1, which is paid in full; the money that backed event 2 is gone, and no trade of event 2 was ever taken back."""
    s = story(cash=1000)
    second_market(s)
    legs = traded(s, 10, 60)
    traded(s, 10, 10, seller=2, buyer=3)
    traded(s, 5, 40, seller=2, buyer=3, instrument=2)
    s.fund(2, -200)
    bust(s, legs, bond=0)
    assert (s.cash(2), s.locked(2)) == (1100, 1500)
    finalise(s, 1, [100])
    assert s.cash(2) == 100 and not any(s.model.events[1].owed.values())
    finalise(s, 2, [100])
    event = s.model.events[2]
    assert s.cash(2) == 0 and event.owed[17] == 400 == event.blocked[18]
    s.fund(2, 400)
    s.do(C.C_REVERSE, event=2)
    assert (sum(event.owed.values()), sum(event.blocked.values()), s.locked(3)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"event": 9}, C.R_UNKNOWN_EVENT),
        ({"trade": 99}, C.R_UNKNOWN_TRADE),
        ({"legs": []}, C.R_UNKNOWN_TRADE),
    ],
)
def test_what_is_no_trade_is_refused(change: dict[str, Any], code: int) -> None:
    s = story()
    legs = traded(s)
    before = s.pair.core.engine.digest()
    s.do(C.C_BUST, **{"event": 1, "trade": legs[0].trade, "legs": legs, "owner_account": 3, "venue_account": 2, **change})
    assert s.model.refused == code and s.pair.core.engine.digest() == before


def test_one_leg_alone_is_no_trade() -> None:
    s = story()
    legs = traded(s)
    core = s.pair.core
    core.apply(Row(kind=C.C_BUST, event=1, trade=legs[0].trade, legs=legs[:1]))
    assert core.refused == C.R_UNKNOWN_TRADE
    core.apply(Row(kind=C.C_BUST, event=1, trade=legs[0].trade, legs=[legs[0], legs[0]]))
    assert core.refused == C.R_UNKNOWN_TRADE, "two sides that buy would leave more sold than bought"


def test_after_the_market_is_paid_it_is_too_late() -> None:
    s = story()
    legs = traded(s)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[0])
    assert [e.kind for e in bust(s, legs)] == [C.E_BUST, C.E_BUST], "determined is not final"
    legs = legs.copy()
    s.do(C.C_FINALISE, event=1, version=1)
    assert bust(s, legs) == [] and s.model.refused == C.R_BUST_FINAL


def test_a_trade_made_before_an_outcome_was_split_out_of_its_contract_is_not_taken_back() -> None:
    """Its buyer got 10 of the new outcome, which would stay where they are. Later trades, and those in other contracts, are taken back."""
    s = story(product=C.EXACTLY, n=3, k=1, spare=2)
    legs, other = traded(s, 10, 60, instrument=3), traded(s, 4, 20)
    add_outcome(s, source=3)
    before = s.pair.core.engine.digest()
    assert bust(s, legs) == [] and s.model.refused == C.R_BUST_SPLIT and s.pair.core.engine.digest() == before
    assert [e.kind for e in bust(s, other)] == [C.E_BUST, C.E_BUST], "of another contract"
    later, newer = traded(s, 5, 50, instrument=3), traded(s, 5, 30, instrument=4)
    assert [e.kind for e in bust(s, later)] == [C.E_BUST, C.E_BUST], "made after the split"
    add_outcome(s, source=3)
    assert [e.kind for e in bust(s, newer)] == [C.E_BUST, C.E_BUST], "nothing was split out of the new one"


@pytest.mark.parametrize("word", [L.I_SPLIT_FROM, L.I_SPLIT_AT])
def test_the_digest_covers_what_was_split(word: int) -> None:
    s = story(product=C.EXACTLY, n=3, k=1, spare=1)
    add_outcome(s, source=3)
    m, before = s.pair.core.m, s.pair.core.engine.digest()
    m[Instrument.of(m, 4).at + word] += 1
    assert s.pair.core.engine.digest() != before


@pytest.mark.parametrize(("maker", "taker"), [(0, 0), (30, 70), (-30, 70)])
@pytest.mark.parametrize("seller_rests", [True, False])
def test_a_trade_of_a_spot_pair_comes_back_on_both_sides(maker: int, taker: int, seller_rests: bool) -> None:
    s = story(cash=100_000, product=C.SPOT, lot_base=7, maker=maker, taker=taker, owner_share=3333, venue_share=2500)
    s.fund(1, 700, asset=2)
    before = s.model.state()["balances"]
    first, second = ((1, C.SELL), (2, C.BUY)) if seller_rests else ((2, C.BUY), (1, C.SELL))
    s.new(first[0], first[1], 50, 211)
    legs = [plain(e) for e in s.new(second[0], second[1], 50, 211) if e.kind == C.E_FILL]
    assert s.cash(2, 2) == 350 and s.cash(1, 2) == 350
    events = bust(s, legs, event=1)
    assert s.model.state()["balances"] == before and [e.kind for e in events] == [C.E_BUST, C.E_BUST]
    assert s.model.events[1].pool == 0


def test_a_spot_trade_comes_back_only_if_what_was_got_is_still_free() -> None:
    s = story(cash=1000, product=C.SPOT)
    s.fund(1, 100, asset=2)
    legs = traded(s, 5, 10)
    s.new(2, C.SELL, 1, 900)
    before = s.pair.core.engine.digest()
    assert bust(s, legs) == [] and s.model.refused == C.R_BUST_SPENT, "a part of the base is offered"
    assert s.pair.core.engine.digest() == before
    s.do(C.C_MASS_CANCEL, session=2, scope=C.SCOPE_SESSION, id=900)
    s.fund(1, -1050)
    assert bust(s, legs) == [] and s.model.refused == C.R_BUST_SPENT, "the money has left"
    s.fund(1, 50)
    assert [e.kind for e in bust(s, legs)] == [C.E_BUST, C.E_BUST]
    assert (s.cash(1), s.cash(2), s.cash(1, 2), s.cash(2, 2)) == (0, 1000, 100, 0)
