"""A trade gets another price or a lower quantity: what moves, what is told, what is refused. Core and naive exchange side by side."""

from __future__ import annotations

import pytest

from protocol import codes as C
from tests.bridge import plain
from tests.core.test_bust import BOND, bust, story, traded
from tests.core_rig import PairStory
from tests.model_world import Row

QUADRATIC = {"model": C.FEE_QUADRATIC}


def correct(s: PairStory, legs: list[Row], price: int, qty: int, **more: int) -> list[Row]:
    return bust(s, legs, price=price, qty=qty, **{**QUADRATIC, **more})


def refused(s: PairStory, code: int, legs: list[Row], price: int, qty: int) -> None:
    before = s.pair.core.engine.digest()
    row = Row(kind=C.C_BUST, event=1, trade=legs[0].trade, legs=legs, owner_account=3, venue_account=2, price=price, qty=qty, **QUADRATIC)
    assert s.apply(row) == [] and s.model.refused == code and s.pair.core.engine.digest() == before


def as_now(legs: list[Row], events: list[Row]) -> list[Row]:
    """The legs as a correction left them."""
    now = {e.bust_of: e for e in events if e.kind == C.E_CORRECTED}
    names = ("number", "last_price", "last_qty", "fee", "cum", "notional")
    return [plain(Row({**leg, **{name: getattr(now[leg.number], name) for name in names}})) for leg in legs]


@pytest.mark.parametrize(("price", "qty"), [(60, 4), (45, 10), (70, 3), (99, 1), (1, 10)])
def test_it_ends_as_if_the_trade_had_been_so(price: int, qty: int) -> None:
    s, right = story(), story()
    events = correct(s, traded(s), price, qty)
    traded(right, qty, price)
    one, other = s.model.state(), right.model.state()
    for part in ("balances", "positions"):
        assert one[part] == other[part], part
    assert [s.cash(f) for f in (1, 2)] == [right.cash(f) for f in (1, 2)] and [s.locked(f) for f in (1, 2)] == [
        right.locked(f) for f in (1, 2)
    ]
    assert {(e.kind, e.session, e.last_price, e.last_qty, e.was_price, e.was_qty, e.cum, e.notional) for e in events} == {
        (C.E_CORRECTED, firm, price, qty, 60, 10, qty, price * qty) for firm in (1, 2)
    }  # fmt: skip
    assert sum(e.due for e in events) == 0


@pytest.mark.parametrize(("maker", "taker"), [(0, 700), (300, 700), (-300, 700), (-700, 700)])
@pytest.mark.parametrize("model", [C.FEE_QUADRATIC, C.FEE_MIN])
def test_fees_rebates_and_shares_are_in_proportion_and_a_bust_takes_the_rest_back(maker: int, taker: int, model: int) -> None:
    s = story(model=model, maker=maker, taker=taker, owner_share=3333, venue_share=2500, tick_value=3, cash=100_000)
    s.new(1, C.SELL, 30, 47)
    before = {a.id: a.cash.get(1, 0) for a in s.model.accounts.values()}
    legs = [plain(e) for e in s.new(2, C.BUY, 12, 47) if e.kind == C.E_FILL]
    events = correct(s, legs, 31, 5, model=model)
    fees = {e.bust_of: e.fee for e in events}
    per_lot = (lambda p: p * (100 - p)) if model == C.FEE_QUADRATIC else (lambda p: min(p, 100 - p))
    for leg in legs:
        exact = leg.fee * per_lot(31) * 5 / (per_lot(47) * 12)
        assert exact <= fees[leg.number] < exact + 1, "up; of a rebate, which is below 0, towards 0"
    again = correct(s, as_now(legs, events), 47, 3, model=model)
    bust(s, as_now(as_now(legs, events), again))
    assert {a.id: a.cash.get(1, 0) for a in s.model.accounts.values()} == before, "nothing is left of it, to the unit"


@pytest.mark.parametrize(
    ("qty", "price", "charged", "to", "fee"), [(100, 47, 25, 31, 22), (1, 1, 1, 50, 26), (1, 50, 1, 1, 1), (400, 50, 100, 50, 50)]
)
def test_the_fee_that_was_charged_is_carried_over_in_proportion(qty: int, price: int, charged: int, to: int, fee: int) -> None:
    """The worked examples of docs/corrections.md, to the unit."""
    s = story(model=C.FEE_QUADRATIC, taker=100, cash=100_000)
    legs = traded(s, qty, price)
    assert legs[1].fee == charged
    events = correct(s, legs, to, qty if to != price else qty // 2)
    assert next(e.fee for e in events if e.bust_of == legs[1].number) == fee


def test_a_trade_in_no_contracts() -> None:
    s = story()
    s.new(1, C.BUY, 5, 40)
    legs = [plain(e) for e in s.new(2, C.BUY, 5, 60, contract_side=C.NO) if e.kind == C.E_FILL]
    events = correct(s, legs, 30, 2)
    assert sorted((e.account, e.last_price, e.was_price, e.notional) for e in events) == [(16, 30, 40, 60), (17, 70, 60, 140)]
    assert s.position(1) == 2 and s.cash(1) == 940 and s.cash(2) == 1060


def test_who_has_spent_it_owes_it() -> None:
    s = story()
    legs = traded(s, 10, 60)
    traded(s, 10, 1, seller=3, buyer=1)
    s.fund(1, -s.cash(1))
    s.do(C.C_TRANSFER, target=BOND, asset=1, amount=100)
    events = correct(s, legs, 30, 10)
    assert [(e.kind, e.account) for e in events] == [
        (C.E_REVERSED, 16), (C.E_CORRECTED, 16), (C.E_REVERSED, BOND), (C.E_REVERSED, 17), (C.E_CORRECTED, 17),
    ]  # fmt: skip
    assert s.locked(1) == 300 and s.locked(2) == 200 and s.pair.core.engine.check() == []


def test_what_is_no_correction_is_refused_by_name() -> None:
    s = story(bands=[(2, 98, 2)], lot=2, min_qty=2, price_min=2, price_max=98)
    legs = traded(s)
    for price, qty, code in (
        (60, 10, C.R_TRADE_SAME), (60, 12, C.R_QTY_TOO_LARGE), (60, 5, C.R_QTY_LOT), (61, 4, C.R_PRICE_OFF_GRID), (100, 4, C.R_PRICE_OFF_GRID),
        (0, 4, C.R_PRICE_OFF_GRID),
    ):  # fmt: skip
        refused(s, code, legs, price, qty)
    refused(s, C.R_UNKNOWN_TRADE, legs[:1], 60, 4)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[0])
    correct(s, legs, 58, 4)
    s.do(C.C_FINALISE, event=1, version=1)
    refused(s, C.R_BUST_FINAL, legs, 60, 4)


def test_of_a_spot_pair_both_must_have_free_what_they_give() -> None:
    s = story(cash=1000, product=C.SPOT)
    s.fund(1, 100, asset=2)
    legs = traded(s, 10, 60)
    events = correct(s, legs, 50, 7, model=C.FEE_NOTIONAL)
    assert [(e.account, e.due) for e in events] == [(16, -250), (17, 250)] and s.cash(1, 2) == 93 and s.cash(2, 2) == 7
    legs = as_now(legs, events)
    s.fund(1, -s.cash(1))
    refused(s, C.R_BUST_SPENT, legs, 40, 7)
    refused(s, C.R_BUST_SPENT, legs, 50, 6)
    correct(s, legs, 55, 7, model=C.FEE_NOTIONAL)
    s.new(2, C.SELL, 7, 900)
    assert s.cash(2) == 1000 - 385, "now its base is offered"
    refused(s, C.R_BUST_SPENT, legs, 50, 6)
