"""Groups with several winners and more contracts than sixteen: the k smallest are kept in sixteens, and checked against the formula."""

from __future__ import annotations

import random

import pytest

from protocol import codes as C
from tests.core_rig import PairStory
from tests.model_world import Limits


@pytest.mark.parametrize(("product", "k", "n"), [
    (C.EXACTLY, 2, 3), (C.EXACTLY, 15, 16), (C.EXACTLY, 3, 17), (C.EXACTLY, 32, 48), (C.EXACTLY, 60, 64), (C.AT_MOST, 7, 33), (C.AT_MOST, 2, 64),
])  # fmt: skip
def test_random_orders_and_trades(product: int, k: int, n: int) -> None:
    rng = random.Random(1000 * n + k)
    s = PairStory(firms=3, cash=100_000, product=product, n=n, k=k, payout=100, limits=Limits(60, 400))
    for step in range(90):
        firm, instrument = rng.randint(1, 3), rng.choice((1, n, rng.randint(1, n), rng.randint(1, n)))
        mine = [o for o in s.model.open if o.firm == firm]
        if mine and rng.random() < 0.3:
            s.do(C.C_CANCEL, session=firm, orig=rng.choice(mine).key, id=10_000 + step)
        elif rng.random() < 0.1:
            s.do(C.C_SPLIT if rng.random() < 0.6 else C.C_MERGE, session=firm, instrument=1, sets=rng.randint(1, 5))
        else:
            side, price = rng.choice((C.BUY, C.SELL)), rng.choice((1, 30, 50, 50, 51, 70, 99))
            s.new(firm, side, rng.randint(1, 9), price, instrument=instrument, contract_side=rng.choice((C.YES, C.NO)))
    assert len({o.instrument for o in s.model.open}) > 2 and s.model.trade_seq > 5
