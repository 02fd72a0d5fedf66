"""Prices over time, as a void reads them: exact, at whole minutes, whatever changes in between. The naive exchange keeps every stretch of time."""

import random

import pytest

from exchange_server.core import layout as L
from exchange_server.state import Instrument
from protocol import codes as C
from tests import arena
from tests.core_rig import PairStory

MINUTE = 60


def story(**event: int) -> PairStory:
    """A market at a whole minute."""
    s = PairStory(cash=100_000_000, mids=1, **event)
    s.later(MINUTE - s.model.now // 10**9 % MINUTE)
    return s


def mid(s: PairStory, minutes_ago: int = 0) -> tuple[int, int]:
    """The window that ends at a whole minute; core and naive exchange agree."""
    end = s.model.now // 1_000 // L.MINUTE_US * L.MINUTE_US - minutes_ago * L.MINUTE_US
    kept = Instrument.of(s.pair.core.m, 1).prices
    assert kept is not None
    sums = kept.window(end, 10 * L.MINUTE_US)
    assert sums == s.model.price_sums(1, end)
    return sums


def test_half_the_time_at_each_price() -> None:
    s = story()
    s.new(1, C.BUY, 1, 40)
    s.new(2, C.SELL, 1, 50)
    s.later(5 * MINUTE)
    s.new(1, C.BUY, 1, 45)
    s.later(5 * MINUTE)
    total, weight = mid(s)
    assert (total, weight) == ((90 + 95) * 5 * L.MINUTE_US, 10 * L.MINUTE_US)


def test_a_book_with_one_side_counts_its_last_trade_and_none_before_the_first() -> None:
    s = story()
    s.new(1, C.BUY, 2, 40)
    s.later(2 * MINUTE)
    assert mid(s) == (0, 0), "no trade, no asks: no price"
    s.new(2, C.SELL, 1, 40)
    s.later(3 * MINUTE)
    assert mid(s) == (80 * 3 * L.MINUTE_US, 3 * L.MINUTE_US)
    s.do(C.C_MASS_CANCEL, session=1, scope=C.SCOPE_SESSION, id=99)
    s.later(1 * MINUTE)
    assert mid(s) == (80 * 4 * L.MINUTE_US, 4 * L.MINUTE_US), "an empty book too"


def test_a_part_of_a_minute_counts_by_the_microsecond() -> None:
    s = story()
    s.new(1, C.BUY, 1, 40)
    s.new(2, C.SELL, 1, 50)
    s.later(0.000_001)
    s.new(1, C.BUY, 1, 49)
    s.later(MINUTE - 0.000_001)
    assert mid(s) == (90 + 99 * (L.MINUTE_US - 1), L.MINUTE_US)


def test_the_past_stays_while_the_book_stands_still() -> None:
    """A market paused at noon and voided the next day."""
    s = story()
    s.new(1, C.BUY, 1, 40)
    s.new(2, C.SELL, 1, 50)
    s.later(7 * MINUTE)
    s.do(C.C_PHASE, event=1, phase=C.PH_PAUSED)
    s.later(24 * 60 * MINUTE)
    assert mid(s, 24 * 60) == (90 * 7 * L.MINUTE_US, 7 * L.MINUTE_US)


@pytest.mark.parametrize("seed", range(6))
def test_any_changes_at_any_time(seed: int) -> None:
    rng = random.Random(seed)
    s = story()
    for i in range(150):
        s.later(rng.choice((0, 0.25, 1, 17, 59.999999, 60, 61, 150, 600)))
        if rng.random() < 0.3:
            s.do(C.C_MASS_CANCEL, session=rng.choice((1, 2)), scope=C.SCOPE_SESSION, id=10_000 + i)
        else:
            s.new(rng.choice((1, 2)), rng.choice((C.BUY, C.SELL)), rng.randint(1, 3), rng.randint(30, 70))
        for minutes_ago in (0, 1, 5, 12, 40):
            mid(s, minutes_ago)


def test_what_is_forgotten_is_known_to_be() -> None:
    s = story()
    s.new(2, C.SELL, 1, 50)
    begin = s.model.now // 1_000
    kept = Instrument.of(s.pair.core.m, 1).prices
    assert kept is not None and kept.earliest(10 * L.MINUTE_US) == 0
    for _ in range(260):
        s.later(30)
        s.later(30)
        s.new(1, C.BUY, 1, 40)
        s.later(1)
        s.do(C.C_MASS_CANCEL, session=1, scope=C.SCOPE_SESSION, id=s.next_id + 10_000)
        s.later(59)
    kept = Instrument.of(s.pair.core.m, 1).prices
    assert kept is not None
    earliest = kept.earliest(10 * L.MINUTE_US)
    now = s.model.now // 1_000
    assert begin < earliest <= now - 110 * L.MINUTE_US, "at least 110 minutes of changes are kept"
    assert kept.window(earliest, 10 * L.MINUTE_US) == s.model.price_sums(1, earliest)


def test_a_market_that_does_not_want_them_keeps_none() -> None:
    s = PairStory()
    s.new(1, C.BUY, 1, 40)
    assert Instrument.of(s.pair.core.m, 1).prices is None and s.pair.core.m[L.H_POOLS + L.P_MIDS * L.POOL_WORDS + L.PL_USED] == 0


def test_sums_that_wrap_are_still_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    s = story()
    s.new(1, C.BUY, 1, 40)
    s.new(2, C.SELL, 1, 50)
    m = s.pair.core.m
    row = int(m[L.H_POOLS + L.P_MIDS * L.POOL_WORDS + L.PL_BASE])
    m[row + L.MI_SUM] = (1 << 63) - 5
    monkeypatch.setattr(s.model, "price_state", lambda: arena.prices(m))  # the model's sums begin at 0; here the window below is compared
    s.later(3 * MINUTE)
    s.new(1, C.BUY, 1, 42)
    s.later(MINUTE)
    kept = Instrument.of(m, 1).prices
    assert kept is not None
    end = s.model.now // 1_000
    assert kept.window(end, 2 * L.MINUTE_US) == ((90 + 92) * L.MINUTE_US, 2 * L.MINUTE_US)
