"""Corrections of a final result: to the unit, with bond, platform and blocked credits; recovery; every flow against the naive exchange."""

from __future__ import annotations

import os
from typing import Any

import pytest

from exchange_server.core.markets.debts import share_of
from protocol import codes as C
from tests import judge
from tests.core_rig import PairStory
from tests.model_reverse import largest_remainder
from tests.model_world import Row
from tests.settle_flow import late_flow

LONG = os.environ.get("EXOS_LONG", "0") == "1"
BOND = 4


def paid(longs: dict[int, int], price: int = 50, cash: int = 1000, bond: int = 0, **event: Any) -> PairStory:
    """Firm 1 has sold to the firms of `longs` (firm -> lots) at `price`; the market was paid as NO: who is long has lost."""
    s = PairStory(firms=max(longs), cash=cash, **event)
    s.do(C.C_DEF_ACCOUNT, id=BOND, account_kind=C.ACCT_FEES)
    if bond:
        s.do(C.C_TRANSFER, target=BOND, asset=1, amount=bond)
    for firm, lots in longs.items():
        s.new(1, C.SELL, lots, price)
        s.new(firm, C.BUY, lots, price)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[0])
    s.do(C.C_FINALISE, event=1, version=1)
    return s


def correct(s: PairStory, payout: int = 100, bond: int = BOND, **more: int) -> list[Row]:
    return s.do(C.C_REVERSE, event=1, version=s.model.events[1].version + 1, payouts=[payout], bond=bond, **more)


def debts(s: PairStory) -> tuple[dict[int, int], dict[int, int]]:
    event = s.model.events[1]
    return {a: x for a, x in event.owed.items() if x}, {a: x for a, x in event.blocked.items() if x}


def test_everyone_gets_the_difference_and_is_told() -> None:
    s = paid({2: 3, 3: 4}, cash=1000)
    before = {firm: s.cash(firm) for firm in (1, 2, 3)}
    events = correct(s)
    assert {firm: s.cash(firm) - before[firm] for firm in before} == {1: -700, 2: 300, 3: 400}
    assert [(e.kind, e.account, e.last_price, e.cum, e.price, e.qty, e.why) for e in events[:-1]] == [
        (C.E_REVERSED, 16, -700, 0, 100, -7, C.WHY_CORRECTION), (C.E_REVERSED, 17, 300, 0, 100, 3, C.WHY_CORRECTION),
        (C.E_REVERSED, 18, 400, 0, 100, 4, C.WHY_CORRECTION),
    ]  # fmt: skip
    assert (events[-1].kind, events[-1].qty) == (C.E_FINAL, 2) and debts(s) == ({}, {})


def test_what_backs_other_markets_is_not_taken() -> None:
    """The debtor has 150 left of which 90 are locked by an order elsewhere: 60 are taken, 40 are owed."""
    s = paid({2: 1}, cash=1000)
    s.do(C.C_DEF_EVENT, id=2, product=C.AT_MOST, k=1, n=1, asset=1, payout=100, tick_value=1, owner_venue=1, phase=C.PH_LISTED)
    s.do(
        C.C_DEF_INSTRUMENT, id=2, event=2, index=0, min_qty=1, max_qty=100, lot=1, price_min=1, price_max=99, protection=5, bands=[(1, 99, 1)],
        max_position=1000,
    )  # fmt: skip
    s.do(C.C_DEF_LISTING, venue=1, instrument=2, model=C.FEE_QUADRATIC)
    s.do(C.C_PHASE, event=2, phase=C.PH_OPEN)
    s.fund(1, -900)
    s.new(1, C.BUY, 3, 30, instrument=2)
    assert (s.cash(1), s.locked(1)) == (150, 90)
    correct(s, bond=0)
    assert (s.cash(1), s.locked(1)) == (90, 130) and debts(s) == ({16: 40}, {17: 40})
    refused = s.new(1, C.BUY, 1, 1, instrument=2)[0]
    assert (refused.kind, refused.reason) == (C.E_REJECTED, C.R_COLLATERAL), "buying power is negative: nothing that lowers it"
    assert s.do(C.C_CANCEL, session=1, orig=s.next_id - 1, id=500)[0].kind == C.E_CANCELED


def test_bond_then_platform_then_blocked() -> None:
    s = paid({2: 3, 3: 4}, cash=1000, bond=100)
    s.do(C.C_TRANSFER, target=1, asset=1, amount=50)
    s.fund(1, -s.cash(1) + 200)
    events = correct(s)
    told = [(e.account, e.last_price, e.why, e.notional, e.fee) for e in events if e.kind == C.E_REVERSED]
    assert told == [
        (16, 500, C.WHY_OWED, 500, 0), (16, -700, C.WHY_CORRECTION, 500, 0), (BOND, -100, C.WHY_COVER, 0, 0), (1, -50, C.WHY_COVER, 0, 0),
        (17, 0, C.WHY_CORRECTION, 0, 150), (17, 300, C.WHY_CORRECTION, 0, 150), (18, 0, C.WHY_CORRECTION, 0, 200), (18, 400, C.WHY_CORRECTION, 0, 200),
    ]  # fmt: skip
    assert debts(s) == ({16: 500}, {17: 150, 18: 200})
    assert s.fund(2, -(s.cash(2) - 149)) == [] and s.model.refused == C.R_WITHDRAW_TOO_MUCH, "blocked credit does not leave"
    assert s.fund(1, -1) == [] and s.model.refused == C.R_WITHDRAW_TOO_MUCH


def test_later_money_of_the_debtor_frees_credits_then_repays_platform_then_bond() -> None:
    s = paid({2: 3, 3: 4}, cash=1000, bond=100)
    s.do(C.C_TRANSFER, target=1, asset=1, amount=50)
    s.fund(1, -s.cash(1) + 200)
    correct(s)
    s.fund(1, 175)
    assert s.fund(1, -1) == [] and s.model.refused == C.R_WITHDRAW_TOO_MUCH, "it is for the debt"
    s.do(C.C_REVERSE, event=1, bond=BOND)
    assert debts(s) == ({16: 325}, {17: 75, 18: 100}) and s.cash(1) == 0
    s.fund(1, 325)
    s.do(C.C_REVERSE, event=1, bond=BOND)
    assert debts(s) == ({}, {}) and (s.model.accounts[BOND].cash[1], s.model.accounts[1].cash[1]) == (100, 50)
    assert s.do(C.C_REVERSE, event=1) == [] and s.model.refused == C.R_NOTHING_OWED


def test_a_deposit_to_the_bond_is_used_by_a_recovery() -> None:
    s = paid({2: 3}, cash=1000)
    s.fund(1, -s.cash(1))
    correct(s)
    assert debts(s) == ({16: 300}, {17: 300})
    s.do(C.C_TRANSFER, target=BOND, asset=1, amount=120)
    s.do(C.C_REVERSE, event=1, bond=BOND)
    assert debts(s) == ({16: 300}, {17: 180}) and s.model.events[1].from_bond == 120


def test_a_correction_back_undoes_the_first() -> None:
    s = paid({2: 3, 3: 4}, cash=1000, bond=100)
    before = s.model.state()["balances"]
    s.fund(1, -s.cash(1) + 200)
    correct(s)
    correct(s, payout=0)
    assert debts(s) == ({}, {}) and s.model.accounts[BOND].cash[1] == 100
    assert {17: s.cash(2), 18: s.cash(3)} == {17: before[17, 1][0], 18: before[18, 1][0]} and s.cash(1) == 200


def test_the_units_go_to_the_largest_remainders() -> None:
    longs = {2: 1, 3: 2, 4: 3, 5: 1}
    s = paid(longs, cash=1000)
    s.fund(1, -s.cash(1) + 600)
    correct(s, bond=0)
    weights = {15 + firm: 100 * lots for firm, lots in longs.items()}
    assert debts(s) == ({16: 100}, largest_remainder(100, weights)) and sum(debts(s)[1].values()) == 100


@pytest.mark.parametrize(
    ("amount", "weight", "whole"),
    [(0, 3, 7), (10, 3, 7), ((1 << 61) - 1, (1 << 60) + 7, (1 << 61) - 3), ((1 << 61) + 5, 1 << 59, (1 << 60) + 1), ((1 << 62) - 1, 5, 5)],
)
def test_a_share_of_large_amounts_is_exact(amount: int, weight: int, whole: int) -> None:
    assert share_of(amount, weight, whole) == (amount * weight // whole, amount * weight % whole)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"event": 9}, C.R_UNKNOWN_EVENT),
        ({"event": 1, "version": 2, "payouts": [0]}, C.R_SAME_RESULT),
        ({"event": 1, "version": 3, "payouts": [50]}, C.R_RESULT_VERSION),
        ({"event": 1, "version": 2, "payouts": [101]}, C.R_PAYOUT_RANGE),
        ({"event": 1, "version": 2, "payouts": [-1]}, C.R_PAYOUT_RANGE),
        ({"event": 1, "version": 2, "payouts": [1, 1]}, C.R_PAYOUT_COUNT),
        ({"event": 1}, C.R_NOTHING_OWED),
    ],
)
def test_what_cannot_be_corrected_changes_nothing(row: dict[str, Any], code: int) -> None:
    s = paid({2: 3})
    before = s.pair.core.engine.digest()
    s.do(C.C_REVERSE, **row)
    assert s.model.refused == code
    assert before == s.pair.core.engine.digest()


def test_only_a_final_result_is_corrected() -> None:
    s = PairStory(cash=1000)
    s.do(C.C_REVERSE, event=1, version=1, payouts=[100])
    assert s.model.refused == C.R_NOT_FINAL


@pytest.mark.parametrize("seed", range(4000 if LONG else 30))
def test_flows_that_end_agree_with_the_naive_exchange(seed: int) -> None:
    world, commands = late_flow(seed, 160)
    failure = judge.first_failure(world, commands)
    assert failure is None, failure


def test_the_flows_reach_debts_blocked_credits_and_every_reason() -> None:
    whys: set[tuple[int, bool]] = set()
    busts = 0
    from tests.model import Model

    for seed in range(40):
        world, commands = late_flow(seed, 160)
        model = Model(world.limits, world.retention_ns)
        for row in [*world.rows, *commands]:
            events = model.apply(row)
            whys |= {(e.why, e.fee > 0) for e in events if e.kind == C.E_REVERSED}
            busts += sum(e.kind == C.E_BUST for e in events)
    assert {(C.WHY_CORRECTION, True), (C.WHY_CORRECTION, False), (C.WHY_OWED, False), (C.WHY_RECOVERY, True), (C.WHY_COVER, False)} <= whys
    assert busts > 20
