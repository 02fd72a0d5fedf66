"""An order book built from market data: a snapshot, then updates with sequence checks. Prices in YES ticks, as in the market data."""

from collections.abc import Callable

from sortedcontainers import SortedDict

from . import codes
from . import messages as M


class BookBuilder:
    """One instrument's L2 book.

    `valid` is False until the first snapshot and after a gap or a reset. The book is then empty, updates are ignored, and a new
    snapshot is needed (`wants_snapshot` is called once; after a BookReset the server sends one without a request).
    """

    __slots__ = ("asks", "bids", "gaps", "instrument", "last", "last_qty", "phase", "seq", "taken_back", "time", "valid", "wants_snapshot")

    def __init__(self, instrument: int, wants_snapshot: Callable[[int], None] | None = None) -> None:
        self.instrument = instrument
        self.wants_snapshot = wants_snapshot
        self.bids: SortedDict[int, int] = SortedDict()  # price -> quantity
        self.asks: SortedDict[int, int] = SortedDict()
        self.valid = False
        self.seq = 0
        self.time = 0  # ns of the newest message
        self.phase = codes.PH_DRAFT
        self.last = 0  # last trade price, 0: none
        self.last_qty = 0
        self.taken_back: dict[int, int] = {}  # trades that were taken back since the first snapshot: quantity by trade id
        self.gaps = 0  # how often an update was missed

    def snapshot(self, message: M.BookSnapshot) -> None:
        """Start again from a whole book."""
        self.bids.clear()
        self.asks.clear()
        self.bids.update(message.bids)
        self.asks.update(message.asks)
        self.seq, self.time, self.phase = message.seq, message.time, message.phase
        self.last = message.last
        self.valid = True

    def update(self, message: M.BookUpdate) -> bool:
        """Apply the changes of one turn. Returns False if the update was ignored: the book is not valid, the update is older than the
        snapshot, or an update was missed (the book then becomes invalid and a snapshot is requested)."""
        if not self.valid or message.seq <= self.seq:
            return False
        if message.seq != self.seq + 1:
            self.gaps += 1
            self.reset()
            if self.wants_snapshot is not None:
                self.wants_snapshot(self.instrument)
            return False
        self.seq, self.time = message.seq, message.time
        for side, price, qty in message.changes:
            levels = self.bids if side == codes.BUY else self.asks
            if qty:
                levels[price] = qty
            else:
                levels.pop(price, None)
        for trade, price, qty, _ in message.trades:
            if qty < 0:
                self.taken_back[trade] = -qty
            else:
                self.last, self.last_qty = price, qty
        return True

    def reset(self) -> None:
        """Make the book invalid until the next snapshot."""
        self.bids.clear()
        self.asks.clear()
        self.valid = False

    @property
    def best_bid(self) -> tuple[int, int] | None:
        """(price, quantity) of the best bid, None if there is no bid."""
        return self.bids.peekitem(-1) if self.bids else None

    @property
    def best_ask(self) -> tuple[int, int] | None:
        """(price, quantity) of the best ask, None if there is no ask."""
        return self.asks.peekitem(0) if self.asks else None

    def depth(self, levels: int = 10) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(bids, asks), best first, at most `levels` each."""
        bids = [self.bids.peekitem(-1 - i) for i in range(min(levels, len(self.bids)))]
        return bids, [self.asks.peekitem(i) for i in range(min(levels, len(self.asks)))]
