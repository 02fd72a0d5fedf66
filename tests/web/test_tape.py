"""Trades, candles and the last day of one contract."""

from hypothesis import given
from hypothesis import strategies as st

from exchange_server.web.tape import CANDLES_KEPT, DAY_NS, INTERVALS, MINUTE_NS, TRADES_KEPT, Tape, Trade
from protocol import codes

T0 = 1_800_000_000 * 10**9


def made(trades: list[tuple[int, int, int]]) -> Tape:
    """(seconds after the last one, price, quantity)."""
    tape, at = Tape(), T0
    for id, (seconds, price, qty) in enumerate(trades, 1):
        at += seconds * 10**9
        tape.add(Trade(id, at, price, qty, codes.BUY))
    return tape


@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 9999), st.integers(1, 100)), min_size=1, max_size=60),
    st.sampled_from(sorted(INTERVALS)),
)
def test_candles_are_those_of_the_trades(trades: list[tuple[int, int, int]], interval: str) -> None:
    tape, length = made(trades), INTERVALS[interval]
    expected: dict[int, list[Trade]] = {}
    for trade in tape.trades:
        expected.setdefault(trade.time // length, []).append(trade)
    found = tape.candles(interval, 0, 0, 10**6)
    assert [one.start // length for one in found] == list(expected)
    for one, many in zip(found, expected.values()):
        prices = [trade.price for trade in many]
        assert (one.open, one.high, one.low, one.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert (one.volume, one.trades) == (sum(trade.qty for trade in many), len(many))


def test_bounds_of_a_question_and_what_is_kept() -> None:
    tape = made([(60, n + 1, 1) for n in range(CANDLES_KEPT + 10)])
    assert len(tape.trades) == TRADES_KEPT and len(tape.candles("1m", 0, 0, 10**6)) == CANDLES_KEPT
    last = tape.candles("1m", 0, 0, 3)
    assert len(last) == 3 and last[0].start < last[2].start
    assert [one.start for one in tape.candles("1m", last[0].start, last[2].start, 10)] == [last[0].start, last[1].start]
    assert [one.id for one in tape.before(0, 2)] == [CANDLES_KEPT + 10, CANDLES_KEPT + 9]
    assert [one.id for one in tape.before(CANDLES_KEPT + 9, 1)] == [CANDLES_KEPT + 8]


def test_a_trade_that_is_taken_back_leaves_the_volume() -> None:
    tape = made([(1, 10, 5), (1, 20, 7)])
    assert tape.take_back(2) and not tape.take_back(2) and not tape.take_back(99)
    (candle,) = tape.candles("1d", 0, 0, 10)
    assert (candle.volume, candle.trades) == (5, 1) and tape.taken_back == {2}


def test_a_corrected_trade_keeps_its_place_and_has_its_new_terms() -> None:
    tape = made([(1, 10, 5), (1, 20, 7), (1, 30, 2)])
    for price, qty in ((15, 4), (16, 3)):
        assert tape.take_back(2)
        tape.add(Trade(2, T0 + 9 * 10**9, price, qty, codes.BUY))
        assert [(one.id, one.price, one.qty) for one in tape.trades] == [(1, 10, 5), (2, price, qty), (3, 30, 2)] and not tape.taken_back
        assert tape.trades[1].time == T0 + 2 * 10**9, "when it was made"
        (candle,) = tape.candles("1d", 0, 0, 10)
        assert (candle.volume, candle.trades) == (7 + qty, 3)
    assert tape.take_back(2) and tape.taken_back == {2}


def test_the_last_day() -> None:
    tape = made([(0, 10, 5), (3600, 30, 1), (3600, 20, 2)])
    now = T0 + 7200 * 10**9
    assert tape.day(now) == (10, 30, 10, 8, 3)
    assert tape.day(T0 + DAY_NS + MINUTE_NS) == (30, 30, 20, 3, 2)
    assert tape.day(now + 2 * DAY_NS) == (0, 0, 0, 0, 0)
