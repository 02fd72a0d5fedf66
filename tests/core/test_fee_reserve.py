"""What an order holds for its fee is what it may still be charged: no fill lowers buying power below zero."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol import codes as C
from tests.core.test_against_model import LONG, OPERATIONS, carry_out
from tests.core_rig import PairStory


def test_a_fee_rounded_up_twice_is_held_from_the_start() -> None:
    """The issue's case: 100 bps quadratic, balance 3, buy 2 at the lowest tick, one lot trades."""
    s = PairStory(cash=0, payout=10_000, model=C.FEE_QUADRATIC, maker=100, taker=100)
    s.fund(1, 3)
    s.fund(2, 1_000_000)
    s.new(1, C.BUY, 2, 1)
    assert (s.cash(1), s.locked(1)) == (3, 3)
    s.new(2, C.SELL, 1, 1)
    assert (s.cash(1), s.locked(1)) == (1, 1), "paid 1 and a fee of 1; the rest costs 1 and no further fee"
    s.new(2, C.SELL, 1, 1)
    assert (s.cash(1), s.locked(1)) == (0, 0)


@pytest.mark.parametrize("other", [C.FEE_MIN, C.FEE_NOTIONAL])
def test_an_order_that_goes_on_under_another_fee_model_keeps_what_it_paid(other: int) -> None:
    s = PairStory(cash=10_000, model=C.FEE_QUADRATIC, maker=333, taker=333)
    s.new(1, C.BUY, 10, 37, id=1)
    s.new(2, C.SELL, 3, 37)
    s.do(C.C_DEF_LISTING, venue=1, instrument=1, model=other, maker=271, taker=271, owner_account=3, venue_account=2)
    assert [e.kind for e in s.do(C.C_REPLACE, session=1, orig=1, id=2, price=38, qty=10)] == [C.E_REPLACED]
    for _ in range(7):
        s.new(2, C.SELL, 1, 38)
    assert s.locked(1) == 0


@settings(max_examples=300 if LONG else 25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    operations=st.lists(OPERATIONS, max_size=30), fees=st.sampled_from([(100, 100), (9_999, 9_999), (37, 4_321), (-50, 10_000)]), cash=st.integers(3, 40),
    model=st.sampled_from([C.FEE_QUADRATIC, C.FEE_MIN]),
)  # fmt: skip
def test_buying_power_stays_above_zero_with_small_balances_and_high_fees(
    operations: list[tuple[Any, ...]], fees: tuple[int, int], cash: int, model: int
) -> None:
    """The model's invariant (buying power >= 0) and the core's audit are checked after every command."""
    s = PairStory(firms=3, cash=cash, product=C.AT_MOST, n=3, k=2, payout=10, protection=3, maker=fees[0], taker=fees[1], model=model)
    used: dict[int, int] = {}
    for operation in operations:
        carry_out(s, operation, used)
