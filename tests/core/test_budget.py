"""Budgets of accounts: each limit to the unit, what counts and what comes back, days, the one account of a session; and random flows against the model.

P is 100, a tick and a lot are a unit of money, and there are no fees unless a test says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from protocol import codes as C
from tests.core_rig import Core, Pair, PairStory, tiny
from tests.model import Model
from tests.model_budget import FIRST_HELD
from tests.model_world import DAY_NS, Account, Limits, Row
from tests.model_worlds import NOW, SECOND, Story, definitions
from tests.random_world import TRADING, Generator, flow

Make = Callable[..., Story]


@pytest.fixture(params=["model", "core"])
def make(request: pytest.FixtureRequest) -> Make:
    return Story if request.param == "model" else PairStory


def budget(s: Story, account: int = 16, session: int = 1, **limits: int) -> None:
    s.do(C.C_BUDGET, account=account, session=session, **{"asset": 1, **limits})


def refused(s: Story, *args: Any, **fields: Any) -> tuple[int, int, int, int]:
    """(reason, limit, used, asked) of an order that is refused."""
    (event,) = s.new(*args, **fields)
    assert event.kind == C.E_REJECTED, event
    return event.reason, event.limit, event.used, event.asked


def accepted(s: Story, *args: Any, **fields: Any) -> list[Row]:
    events = s.new(*args, **fields)
    assert events[0].kind == C.E_ACCEPTED, events
    return events


def the_limits(make: Make) -> None:
    """Each reason once, with its numbers."""
    s = make(n=2, payout=100, cash=100_000)
    s.do(C.C_DEF_ACCOUNT, id=20, firm=1, account_kind=C.ACCT_TRADING, session=1)
    budget(s, loss=1000, loss_day=700, most_qty=50, cost=600, listed=1)
    assert refused(s, 1, C.BUY, 1, 40, account=20) == (C.R_BUDGET_ACCOUNT, 16, 0, 20)
    assert refused(s, 1, C.BUY, 1, 40) == (C.R_BUDGET_MARKET, 0, 0, 1)
    s.do(C.C_BUDGET, account=16, event=1, on=1)
    assert refused(s, 1, C.BUY, 51, 10) == (C.R_BUDGET_QTY, 50, 0, 51)
    assert refused(s, 1, C.BUY, 50, 13) == (C.R_BUDGET_COST, 600, 0, 650)
    accepted(s, 1, C.BUY, 10, 40, id=70)
    assert refused(s, 1, C.BUY, 10, 31) == (C.R_BUDGET_LOSS_DAY, 700, 400, 310)
    accepted(s, 1, C.BUY, 10, 30, instrument=2)
    s.do(C.C_TIME, turn=9, now=NOW + DAY_NS, tick=NOW + DAY_NS)
    accepted(s, 1, C.BUY, 10, 20, id=80)
    assert refused(s, 1, C.BUY, 5, 40) == (C.R_BUDGET_LOSS, 1000, 900, 200)
    budget(s, approve=100, wait=60 * SECOND)
    for number in range(90, 98):
        assert refused(s, 1, C.BUY, 10, 20, id=number) == (C.R_BUDGET_APPROVAL, 100, 200, FIRST_HELD + number - 90)
    assert refused(s, 1, C.BUY, 10, 20, id=98) == (C.R_BUDGET_WAITING, 8, 8, 1)
    s.do(C.C_BUDGET, account=16, session=1, asset=2, most_qty=50)
    assert refused(s, 1, C.BUY, 1, 40) == (C.R_BUDGET_ASSET, 2, 0, 1)


def test_the_limits(make: Make) -> None:
    the_limits(make)


def test_what_comes_back_can_be_used_again_and_a_gain_raises_nothing(make: Make) -> None:
    s = make(payout=100, cash=100_000)
    budget(s, loss=500)
    accepted(s, 1, C.BUY, 10, 50, id=901)
    assert refused(s, 1, C.BUY, 1, 1) == (C.R_BUDGET_LOSS, 500, 500, 1)
    s.do(C.C_CANCEL, session=1, orig=901, id=950)
    accepted(s, 1, C.BUY, 10, 50, id=902)
    accepted(s, 2, C.SELL, 10, 50)  # it has 10, for which it paid all of its 500
    assert refused(s, 1, C.BUY, 1, 1)[:3] == (C.R_BUDGET_LOSS, 500, 500)
    accepted(s, 1, C.SELL, 10, 90, id=3)  # a position that is closed cannot lose more
    accepted(s, 2, C.BUY, 10, 90)
    assert s.cash(1) == 100_400
    accepted(s, 1, C.BUY, 10, 50, id=904)
    assert refused(s, 1, C.BUY, 1, 1) == (C.R_BUDGET_LOSS, 500, 500, 1), "what was won is not put on top"


def test_a_loss_that_was_paid_stays_and_money_that_moves_is_neither(make: Make) -> None:
    s = make(payout=100, cash=1000)
    budget(s, loss=500)
    accepted(s, 1, C.BUY, 10, 50)
    accepted(s, 2, C.SELL, 10, 50)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[0])
    s.later(10)
    s.do(C.C_FINALISE, event=1, version=1)
    assert s.cash(1) == 500
    s.fund(1, 10_000)
    s.fund(1, -300)
    held = s.model.accounts[16].budget
    assert held is not None and held.high - s.model.power(s.model.accounts[16], 1) == 500


def test_only_what_may_lose_more_is_refused(make: Make) -> None:
    """Below a limit that was lowered, orders that lower buying power are refused, all others are not; a replace to less never is."""
    s = make(payout=100, cash=100_000)
    accepted(s, 1, C.BUY, 10, 50, id=901)
    accepted(s, 1, C.BUY, 10, 40, id=902)
    accepted(s, 2, C.SELL, 10, 50)
    budget(s, loss=400, most_qty=5, cost=100)
    budget(s, loss=1)
    assert refused(s, 1, C.BUY, 2, 10) == (C.R_BUDGET_LOSS, 1, 0, 20)
    assert s.do(C.C_REPLACE, session=1, orig=902, id=950, price=40, qty=6)[0].kind == C.E_REPLACED
    (event,) = s.do(C.C_REPLACE, session=1, orig=950, id=951, price=41, qty=6)
    assert (event.kind, event.reason, event.limit) == (C.E_CANCEL_REJECT, C.R_BUDGET_LOSS, 1)
    accepted(s, 1, C.SELL, 10, 60)
    budget(s, most_qty=5)
    (event,) = s.do(C.C_REPLACE, session=1, orig=950, id=952, price=30, qty=6)
    assert (event.reason, event.limit, event.asked) == (C.R_BUDGET_QTY, 5, 6)


def test_the_cost_of_an_order_is_with_fees_and_of_a_sell_what_it_may_owe(make: Make) -> None:
    s = make(payout=100, cash=100_000, taker=1000, maker=1000)
    budget(s, cost=500)
    assert refused(s, 1, C.BUY, 10, 50) == (C.R_BUDGET_COST, 500, 0, 525)  # 10 * 50 and 10 % of 10 * 50 * 50 / 100
    accepted(s, 1, C.BUY, 9, 50, id=901)
    assert refused(s, 1, C.SELL, 10, 49)[:2] == (C.R_BUDGET_COST, 500)
    accepted(s, 1, C.BUY, 9, 50, contract_side=C.NO, id=902)
    (event,) = s.do(C.C_REPLACE, session=1, orig=901, id=903, price=50, qty=10)
    assert (event.kind, event.reason, event.asked) == (C.E_CANCEL_REJECT, C.R_BUDGET_COST, 525)


def test_a_day_ends_at_midnight_utc(make: Make) -> None:
    s = make(payout=100, cash=100_000)
    budget(s, loss_day=500)
    accepted(s, 1, C.BUY, 10, 50, id=901)
    left = (DAY_NS - NOW % DAY_NS) / SECOND
    s.later(left - 1)
    assert refused(s, 1, C.BUY, 1, 30)[0] == C.R_BUDGET_LOSS_DAY
    s.later(1)
    s.do(C.C_CANCEL, session=1, orig=901, id=950)  # what comes back of yesterday gives nothing on top today
    accepted(s, 1, C.BUY, 10, 50)
    assert refused(s, 1, C.BUY, 1, 30) == (C.R_BUDGET_LOSS_DAY, 500, 500, 30)


def test_a_session_with_a_budget_acts_for_one_account(make: Make) -> None:
    """Neither a replace of another account's order nor sets; a cancel is not stopped. Other sessions in the account are within its budget."""
    s = make(product=C.EXACTLY, n=2, payout=100, cash=100_000)
    s.do(C.C_DEF_ACCOUNT, id=20, firm=1, account_kind=C.ACCT_TRADING, session=1)
    s.do(C.C_TRANSFER, target=20, asset=1, amount=5000)
    s.do(C.C_DEF_SESSION, id=3, firm=1, account=20)
    s.do(C.C_LOGON, session=3, next_in=2)
    accepted(s, 3, C.BUY, 10, 50, id=901)
    budget(s, loss=300)
    (event,) = s.do(C.C_REPLACE, session=1, orig=901, id=902, price=60, qty=20)
    assert (event.reason, event.limit, event.asked) == (C.R_BUDGET_ACCOUNT, 16, 20)
    (event,) = s.do(C.C_SPLIT, session=1, account=20, instrument=1, sets=1)
    assert (event.kind, event.reason) == (C.E_REFUSED, C.R_BUDGET_ACCOUNT)
    assert s.do(C.C_CANCEL, session=1, orig=901, id=903)[0].kind == C.E_CANCELED
    assert refused(s, 3, C.BUY, 10, 50, account=16) == (C.R_BUDGET_LOSS, 300, 0, 500)
    accepted(s, 3, C.BUY, 10, 50)


def test_a_split_is_within_the_budget(make: Make) -> None:
    s = make(product=C.EXACTLY, n=2, payout=100, cash=100_000)
    budget(s, loss=500, most_qty=4, cost=300, approve=200)

    def split(sets: int) -> tuple[int, int, int, int]:
        (event,) = s.do(C.C_SPLIT, session=1, instrument=1, sets=sets)
        return event.reason, event.limit, event.used, event.asked

    assert split(5) == (C.R_BUDGET_QTY, 4, 0, 5)
    assert split(3) == (C.R_BUDGET_COST, 200, 0, 300)
    assert split(2)[0] == split(2)[0] == C.OK
    assert split(2) == (C.R_BUDGET_LOSS, 500, 400, 200)
    assert s.do(C.C_MERGE, session=1, instrument=1, sets=2)[0].kind == C.E_MOVED
    assert split(2)[0] == C.OK
    budget(s, listed=1)
    assert split(1)[0] == C.R_BUDGET_MARKET


def held(s: Story) -> dict[int, tuple[Any, ...]]:
    """number: (ClOrdID, whether it was approved)"""
    return {one.number: (one.key, one.passed) for account in s.model.accounts.values() for one in account.held}


def decide(s: Story, number: int, on: int = 1) -> int:
    s.do(C.C_BUDGET, held=number, on=on)
    return s.model.refused


def test_an_order_above_the_approval_limit_waits_and_passes_once(make: Make) -> None:
    s = make(payout=100, cash=100_000)
    budget(s, approve=100, wait=3600 * SECOND)
    accepted(s, 1, C.BUY, 2, 50)
    wanted: dict[str, Any] = {"id": "BIG/1", "tif": C.GTC}
    first = refused(s, 1, C.BUY, 3, 50, **wanted)
    assert first == (C.R_BUDGET_APPROVAL, 100, 150, FIRST_HELD) == refused(s, 1, C.BUY, 3, 50, **wanted), "sent again it waits as before"
    assert s.locked(1) == 100 and held(s) == {FIRST_HELD: ("BIG/1", False)}
    assert decide(s, FIRST_HELD) == decide(s, FIRST_HELD) == C.OK
    for other in (
        {"qty": 4},
        {"price": 51},
        {"id": "BIG/2"},
        {"tif": C.DAY},
        {"side": C.SELL},
        {"contract_side": C.NO},
        {"flags": C.FLAG_PERSIST},
    ):
        asked = {"side": C.BUY, "qty": 3, "price": 50, **wanted, **other}
        assert refused(s, 1, **asked)[0] == C.R_BUDGET_APPROVAL, f"it is not exactly that order: {other}"
    accepted(s, 1, C.BUY, 3, 50, **wanted)
    assert FIRST_HELD not in held(s)
    (again,) = s.new(1, C.BUY, 3, 50, **wanted)
    assert again.kind == C.E_STATUS, "the ClOrdID is used up now"
    assert len(held(s)) == 7


def test_another_session_does_not_use_an_approval(make: Make) -> None:
    s = make(payout=100, cash=100_000)
    s.do(C.C_DEF_SESSION, id=3, firm=1, account=16)
    s.do(C.C_LOGON, session=3, next_in=2)
    budget(s, approve=100, wait=3600 * SECOND)
    assert refused(s, 1, C.BUY, 3, 50, id=70)[3] == FIRST_HELD
    assert decide(s, FIRST_HELD) == C.OK
    assert refused(s, 3, C.BUY, 3, 50, id=70) == (C.R_BUDGET_APPROVAL, 100, 150, FIRST_HELD + 1)
    accepted(s, 1, C.BUY, 3, 50, id=70)


def test_an_order_that_waits_is_refused_or_too_old(make: Make) -> None:
    s = make(payout=100, cash=100_000)
    budget(s, approve=100, wait=60 * SECOND)
    assert refused(s, 1, C.BUY, 3, 50, id=70)[3] == FIRST_HELD
    assert decide(s, FIRST_HELD, 0) == C.OK and decide(s, FIRST_HELD) == C.R_UNKNOWN_PENDING
    assert refused(s, 1, C.BUY, 3, 50, id=70)[3] == FIRST_HELD + 1, "it may be sent again, and waits again"
    s.later(59)
    assert decide(s, FIRST_HELD + 1) == C.OK
    s.later(59)
    accepted(s, 1, C.BUY, 3, 50, id=70)
    assert refused(s, 1, C.BUY, 3, 50, id=71)[3] == FIRST_HELD + 2
    s.later(60)
    assert decide(s, FIRST_HELD + 2) == C.R_PENDING_EXPIRED
    assert refused(s, 1, C.BUY, 3, 50, id=71)[3] == FIRST_HELD + 3
    assert decide(s, FIRST_HELD + 3) == C.OK
    s.later(60)
    assert refused(s, 1, C.BUY, 3, 50, id=71)[3] == FIRST_HELD + 4, "an approval that is too old is none"
    s.do(C.C_BUDGET, account=16, session=1)
    assert held(s) == {}
    accepted(s, 1, C.BUY, 3, 50, id=71)


def test_what_would_be_refused_anyway_does_not_wait(make: Make) -> None:
    """And an amend above the limit is refused: a person approves new orders only."""
    s = make(payout=100, cash=1000)
    budget(s, approve=100, loss=900, wait=60 * SECOND)
    assert refused(s, 1, C.BUY, 30, 50)[0] == C.R_BUDGET_LOSS
    accepted(s, 2, C.SELL, 1, 50)
    assert refused(s, 1, C.BUY, 3, 50, flags=C.FLAG_POST_ONLY)[0] == C.R_POST_ONLY_WOULD_TRADE
    assert held(s) == {} and s.locked(1) == 0
    accepted(s, 1, C.BUY, 2, 40, id=70)
    (event,) = s.do(C.C_REPLACE, session=1, orig=70, id=71, price=40, qty=3)
    assert (event.kind, event.reason, event.limit, event.asked) == (C.E_CANCEL_REJECT, C.R_BUDGET_COST, 100, 120)


def test_a_full_table_of_orders_that_wait_takes_the_place_of_those_that_are_too_old() -> None:
    """It has 1,024 rows, more than the model's small worlds reach: the core alone."""
    core = Core(replace(tiny(Limits(256, 2048)), accounts=200, balances=600))
    for row in definitions(1, 1_000_000):
        core.apply(row)
    number = 0

    def ask(account: int) -> tuple[int, int]:
        nonlocal number
        number += 1
        core.apply(Row(kind=C.C_BUDGET, account=account, session=1, asset=1, approve=100, wait=60 * SECOND))  # binds the session to it
        order = {"instrument": 1, "side": C.BUY, "contract_side": C.YES, "type": C.LIMIT, "tif": C.GTC, "price": 50, "qty": 10}
        (event,) = core.apply(Row(order, kind=C.C_NEW, session=1, account=account, id=number))
        return event.reason, event.asked

    for account in range(40, 169):
        core.apply(Row(kind=C.C_DEF_ACCOUNT, id=account, firm=1, account_kind=C.ACCT_TRADING, session=1))
        core.apply(Row(kind=C.C_TRANSFER, target=account, asset=1, amount=1000))
    for account in range(40, 168):
        for _ in range(8):
            assert ask(account) == (C.R_BUDGET_APPROVAL, FIRST_HELD - 1 + number)
    assert ask(168) == (C.R_TABLE_FULL, 1) and core.engine.check() == []
    core.apply(Row(kind=C.C_TIME, turn=9, now=NOW + 60 * SECOND, tick=NOW + 60 * SECOND))
    assert ask(168) == (C.R_BUDGET_APPROVAL, FIRST_HELD + 1024) and core.engine.check() == []


def test_rows_that_are_wrong_and_the_end(make: Make) -> None:
    s = make(payout=100, cash=1000)

    def row(**fields: int) -> int:
        s.do(C.C_BUDGET, **{"account": 16, "session": 1, "asset": 1, **fields})
        return s.model.refused

    assert row(account=90) == C.R_UNKNOWN_ACCOUNT
    assert row(session=90) == row(loss=-1) == row(approve=-1) == C.R_BAD_COMMAND
    assert row(session=2) == C.R_ACCOUNT_NOT_ALLOWED
    assert row(asset=9) == C.R_UNKNOWN_ASSET
    assert row(event=9) == C.R_UNKNOWN_EVENT
    assert row(event=1, on=1) == C.R_BAD_COMMAND, "a line without a budget"
    assert row(loss=100, listed=1) == row(event=1, on=1) == row(event=1, on=1) == C.OK
    accepted(s, 1, C.BUY, 1, 60)
    assert row(asset=0) == C.R_NOT_EMPTY
    assert row(event=1) == row(event=1) == C.OK
    assert row(loss=100, anew=1) == C.OK
    accepted(s, 1, C.BUY, 1, 99)
    assert row(asset=0) == row(asset=0) == C.OK
    assert s.model.accounts[16].budget is None
    accepted(s, 1, C.BUY, 1, 99)


# ---- random flows --------------------------------------------------------------------------------------------------------


FLOWS = (700, 704, 706, 711, 720, 722)


class BudgetGenerator(Generator):
    """Gives budgets, changes and ends them, so that many orders meet them. No corrections: those may take what no order could lose."""

    def command(self) -> Row:
        if self.rng.random() < (0.9 if not any(a.budget for a in self.model.accounts.values()) else 0.04):
            return self.budget()
        waiting = [one.number for a in self.model.accounts.values() for one in a.held]
        if waiting and self.rng.random() < 0.25:
            return Row(kind=C.C_BUDGET, held=self.rng.choice((*waiting, 7)), on=int(self.rng.random() < 0.8))
        while (row := super().command()).kind in (C.C_REVERSE, C.C_BUST):
            pass
        if row.kind == C.C_TIME and self.rng.random() < 0.2:
            row["now"] += DAY_NS
            row["tick"] += DAY_NS
        return row

    def session(self) -> int:
        bound = [s.id for s in self.model.sessions.values() if s.budget and s.logged_on]
        return self.rng.choice(bound) if bound and self.rng.random() < 0.75 else super().session()

    def account(self, session: int) -> int:
        bound = self.model.sessions[session].budget
        return bound if bound and self.rng.random() < 0.85 else super().account(session)

    def new(self) -> Row:
        """Also an order that waits, again, mostly as it was."""
        waiting = [(account, one) for account in self.model.accounts.values() for one in account.held]
        passed = [(account, one) for account, one in waiting if one.passed]
        if not waiting or self.rng.random() < (0.3 if passed else 0.9):
            return super().new()
        account, one = self.rng.choice(passed or waiting)
        names = ("instrument", "side", "contract_side", "type", "tif", "flags", "price", "qty", "expiry")
        row = Row(zip(names, one.terms), kind=C.C_NEW, session=one.session, account=account.id, id=one.key)
        return row if self.rng.random() < 0.8 else Row(row, qty=row.qty + 1)

    def budget(self) -> Row:
        rng, m = self.rng, self.model
        held = [a for a in m.accounts.values() if a.budget is not None]
        account = rng.choice(held if held and rng.random() < 0.6 else [a for a in m.accounts.values() if a.id >= TRADING])
        own = [s.id for s in m.sessions.values() if s.firm == account.firm]
        if account.budget is not None and rng.random() < 0.5:
            return Row(kind=C.C_BUDGET, account=account.id, event=rng.choice((*m.events, 99)), on=int(rng.random() < 0.7))
        return Row(
            kind=C.C_BUDGET, account=account.id, session=rng.choice(own), asset=rng.choice((1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 0)), loss=rng.choice((0, 200, 600, 1500)),
            loss_day=rng.choice((0, 150, 900)), most_qty=rng.choice((0, 0, 8)), cost=rng.choice((0, 0, 400)), approve=rng.choice((0, 60, 150, 300)), wait=rng.choice((60, 600)) * SECOND,
            listed=int(rng.random() < 0.15), anew=int(rng.random() < 0.1),
        )  # fmt: skip


class Watched:
    """The most buying power that an account with a budget ever had, looked at after every command: what the budget may look at before orders only."""

    def __init__(self, model: Model, account: Account) -> None:
        b = account.budget
        assert b is not None
        self.asset, self.day, self.power = b.asset, b.day, model.power(account, b.asset)
        self.high, self.high_day = max(b.high, self.power), max(b.high_day, self.power)

    def look(self, model: Model, account: Account, row: Row) -> None:
        b = account.budget
        assert b is not None
        power, moved = model.power(account, self.asset), 0
        if row.kind == C.C_TRANSFER and row.asset == self.asset and not model.refused:
            moved = row.amount * ((row.target == account.id) - (row.source == account.id))
        self.high, self.high_day = max(self.high + moved, power), max(self.high_day + moved, power)
        if self.day != model.now // DAY_NS:
            self.day, self.high_day = model.now // DAY_NS, power if row.kind == C.C_TIME else max(self.power + moved, power)
        fell = power - moved < self.power
        assert not fell or row.kind in (C.C_NEW, C.C_REPLACE, C.C_SPLIT), f"buying power falls by a command of kind {row.kind}"
        assert max(b.high, power) == self.high, "the highest that orders saw is not the highest"
        if b.day == self.day:
            assert max(b.high_day, power) == self.high_day
        if fell:
            assert not b.loss or self.high - power <= b.loss
            assert not b.loss_day or self.high_day - power <= b.loss_day
        self.power = power


@pytest.mark.parametrize("seed", FLOWS)
def test_random_flows_with_budgets(seed: int) -> None:
    world, commands = flow(seed, 220, BudgetGenerator)
    pair, watched, reasons = Pair(world.limits, world.retention_ns), dict[int, Watched](), set[int]()
    for row in world.rows:
        pair.apply(row)
    for row in commands:
        reasons |= {event.reason for event in pair.apply(row)}
        for account in pair.model.accounts.values():
            if account.budget is None or row.kind == C.C_BUDGET:
                watched.pop(account.id, None)
            if account.budget is None:
                continue
            if account.id in watched:
                watched[account.id].look(pair.model, account, row)
            else:
                watched[account.id] = Watched(pair.model, account)
    assert reasons & set(range(C.R_BUDGET_ACCOUNT, C.R_BUDGET_APPROVAL + 1)), "no budget was met"


def test_the_flows_meet_every_limit() -> None:
    met: set[int] = set()
    for seed in FLOWS:
        world, commands = flow(seed, 220, BudgetGenerator)
        model = Model(world.limits, world.retention_ns)
        for row in [*world.rows, *commands]:
            met |= {event.reason for event in model.apply(row)}
    assert set(range(C.R_BUDGET_ACCOUNT, C.R_BUDGET_APPROVAL + 1)) <= met
