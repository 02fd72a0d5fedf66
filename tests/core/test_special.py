"""Side rows: plain orders have none, special ones have one, and it goes with its order however that ends."""

from __future__ import annotations

import pytest

from exchange_server.core import layout as L
from protocol import codes as C
from tests import arena
from tests.core_rig import PairStory

LATER = 5_000_000_000


def used(s: PairStory, pool: int) -> int:
    return int(arena.pool(s.pair.core.m, pool)["used"])


def gtd(s: PairStory, number: int, price: int = 40, after: int = LATER, side: int = C.BUY, firm: int = 1) -> None:
    s.new(firm, side, 10, price, id=number, tif=C.GTD, expiry=s.pair.core.engine.time_ns + after)


def test_a_plain_order_has_none() -> None:
    s = PairStory()
    s.new(1, C.BUY, 10, 40, id=1)
    (o,) = arena.open_orders(s.pair.core.m)
    assert s.pair.core.m[o + L.O_SPECIAL] == 0 and used(s, L.P_SPECIAL) == used(s, L.P_TIMER) == 0


def test_orders_of_one_expiry_share_a_timer_and_have_a_row_each() -> None:
    s = PairStory()
    for number in (1, 2, 3):
        gtd(s, number)
    gtd(s, 4, after=LATER + 1)
    assert (used(s, L.P_SPECIAL), used(s, L.P_TIMER)) == (4, 2)


@pytest.mark.parametrize("end", ["cancel", "fill", "expire", "mass", "replace to filled"])
def test_the_row_goes_with_its_order(end: str) -> None:
    s = PairStory()
    gtd(s, 1)
    if end == "cancel":
        s.do(C.C_CANCEL, session=1, id=2, orig=1)
    elif end == "fill":
        s.new(2, C.SELL, 10, 40, id=9)
    elif end == "expire":
        s.later(LATER / 1e9)
    elif end == "mass":
        s.do(C.C_MASS_CANCEL, session=1, id=2, scope=C.SCOPE_FIRM)
    else:
        s.new(2, C.SELL, 5, 40, id=9)
        s.do(C.C_REPLACE, session=1, id=3, orig=1, qty=5, price=40)
    assert arena.open_orders(s.pair.core.m) == [] and used(s, L.P_SPECIAL) == used(s, L.P_TIMER) == 0
    assert int(s.pair.core.m[L.H_TIMERS]) == 0 and s.pair.core.engine.check() == []


def test_a_replaced_order_keeps_its_row() -> None:
    s = PairStory()
    gtd(s, 1)
    s.do(C.C_REPLACE, session=1, id=2, orig=1, qty=20, price=41)
    (o,) = arena.open_orders(s.pair.core.m)
    m = s.pair.core.m
    assert m[m[o + L.O_SPECIAL] + L.SP_ORDER] == o and used(s, L.P_SPECIAL) == 1


def test_the_digest_sees_an_expiry() -> None:
    s = PairStory()
    gtd(s, 1)
    m = s.pair.core.m
    before = s.pair.core.engine.digest()
    m[m[arena.open_orders(m)[0] + L.O_SPECIAL] + L.SP_EXPIRY] += 1
    assert s.pair.core.engine.digest() != before
