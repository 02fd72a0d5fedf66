"""What one contract traded, as this process saw it: the last trades, candles, and the last 24 hours. Prices in ticks, quantities in lots, no clock:
times are those of the trades."""

from collections import deque
from typing import NamedTuple

MINUTE_NS = 60 * 10**9
INTERVALS = {
    "1m": MINUTE_NS, "5m": 5 * MINUTE_NS, "15m": 15 * MINUTE_NS, "1h": 60 * MINUTE_NS, "4h": 240 * MINUTE_NS, "1d": 1440 * MINUTE_NS,
}  # fmt: skip
TRADES_KEPT = 1000
CANDLES_KEPT = 1500  # of each interval: more than a day of minutes
DAY_NS = 1440 * MINUTE_NS


class Trade(NamedTuple):
    id: int
    time: int
    price: int
    qty: int
    taker: int  # codes.BUY or SELL, in YES terms


class Candle:
    """From `start` on, for one interval. A trade that is taken back leaves the volume and the count; the prices stay."""

    __slots__ = ("close", "high", "low", "open", "start", "trades", "volume")

    def __init__(self, start: int, price: int) -> None:
        self.start = start
        self.open = self.high = self.low = self.close = price
        self.volume = self.trades = 0

    def add(self, price: int, qty: int) -> None:
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume += qty
        self.trades += 1


class Day(NamedTuple):
    """The last 24 hours; 0 trades: no prices."""

    first: int
    high: int
    low: int
    volume: int
    trades: int


class Tape:
    """Of one contract."""

    def __init__(self) -> None:
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.taken_back: set[int] = set()
        self._candles: dict[str, deque[Candle]] = {name: deque(maxlen=CANDLES_KEPT) for name in INTERVALS}

    def add(self, trade: Trade) -> None:
        """A trade; ids rise. One that was taken back and comes again was corrected: it has its new terms, at its own place and time."""
        if trade.id in self.taken_back:
            self._corrected(trade)
            return
        self.trades.append(trade)
        for name, length in INTERVALS.items():
            start = trade.time - trade.time % length
            candles = self._candles[name]
            if not candles or candles[-1].start < start:
                candles.append(Candle(start, trade.price))
            candles[-1].add(trade.price, trade.qty)

    def _corrected(self, trade: Trade) -> None:
        self.taken_back.discard(trade.id)
        at = next((i for i, one in enumerate(self.trades) if one.id == trade.id), -1)
        if at < 0:
            return
        trade = self.trades[at] = trade._replace(time=self.trades[at].time)
        for candle in self._candles_of(trade.time):
            candle.volume += trade.qty
            candle.trades += 1

    def _candles_of(self, time: int) -> list[Candle]:
        """Those, one of each interval, that a trade of that time went into, as far as they are kept."""
        found = []
        for name, length in INTERVALS.items():
            start = time - time % length
            found += [next((one for one in reversed(self._candles[name]) if one.start == start), None)]
        return [one for one in found if one is not None]

    def take_back(self, id: int) -> bool:
        """A trade was busted. Returns whether it is known here."""
        found = next((trade for trade in reversed(self.trades) if trade.id == id), None)
        if found is None or id in self.taken_back:
            return False
        self.taken_back.add(id)
        oldest = self.trades[0].id
        self.taken_back = {one for one in self.taken_back if one >= oldest}
        for candle in self._candles_of(found.time):
            candle.volume -= found.qty
            candle.trades -= 1
        return True

    def before(self, id: int, most: int) -> list[Trade]:
        """The newest trades with an id below `id` (0: of all), the newest first."""
        found: list[Trade] = []
        for trade in reversed(self.trades):
            if id and trade.id >= id:
                continue
            if len(found) == most:
                break
            found.append(trade)
        return found

    def candles(self, interval: str, start: int, end: int, most: int) -> list[Candle]:
        """The newest `most` of those that begin in start <= time < end (0: no end), the oldest first; those without trades left are passed over."""
        found = [one for one in self._candles[interval] if one.start >= start and (not end or one.start < end) and one.trades]
        return found[-most:]

    def day(self, now: int) -> Day:
        """The 24 hours before `now`, in whole minutes."""
        found = [one for one in self._candles["1m"] if one.start > now - DAY_NS and one.trades]
        if not found:
            return Day(0, 0, 0, 0, 0)
        volume, trades = sum(one.volume for one in found), sum(one.trades for one in found)
        return Day(found[0].open, max(one.high for one in found), min(one.low for one in found), volume, trades)
