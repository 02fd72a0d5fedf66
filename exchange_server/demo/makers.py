# tidy: allow test-file because tests/demo/test_tournament.py runs it from end to end, as a process
"""Market makers on the binary wire, through the SDK: a quote on both sides of every contract, moved all the time.

A slot is one side of one contract. An empty one gets an order; a quoted one is cancelled, or replaced at a new price. This gives about as
many new orders as cancels and one replace in ten requests, as on a NASDAQ day. Run it as a separate process: `python -m
exchange_server.demo.makers PLAN`.
"""

import asyncio
import random
from time import perf_counter_ns
from typing import Any

from protocol import codes
from protocol import messages as M
from protocol.client import Client, Disconnected, Order, Refused

from .books import Books
from .client import OFTEN, Party, Plan, main
from .reports import from_binary

PENDING_MAX = 300  # of one maker; while there is no connection, DOWN_MAX
DOWN_MAX = 20
AWAY_S = 300.0  # how long a client tries to come back
TRIES = 20  # draws until one of the slots trades now
REPLACE_SHARE = 0.19  # of the changes of a quoted slot: 10 % of all requests
QUOTED, BOUGHT = 100, 10  # contracts of quotes that stand, and of what is bought from them
PERSIST_SHARE = 0.25  # of new orders: they stay when their market goes live


class Slot:
    """One side of one contract."""

    __slots__ = ("busy", "order", "side", "symbol")

    def __init__(self, symbol: str, side: int) -> None:
        self.symbol, self.side = symbol, side
        self.order: Order | None = None
        self.busy = False


class Maker:
    """One session, its quotes and its books."""

    def __init__(self, party: "Makers", name: str) -> None:
        self.party = party
        login = party.world.logins[name]
        self.rng = random.Random(f"{party.plan.seed} {name}")
        self.books = Books(name, login.account, "binary")
        self.symbols: dict[int, str] = {}
        self.client = Client(
            party.plan.host, party.plan.port, key=login.user, secret=login.secret, next_number=1, on_report=self.report,
            on_state=self.state, first_id=party.next_id, timeout_s=120.0, reconnect_s=AWAY_S,
        )  # fmt: skip
        self.slots: list[Slot] = []  # one side each of what it sees
        self.places: dict[str, int] = {}  # where the two of a contract are
        self.tasks: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        await self.client.connect()
        seen = sorted(d.symbol for d in self.client.definitions.values())
        self.books.sees = len(seen)
        self.slots = [Slot(symbol, side) for symbol in seen for side in (codes.BUY, codes.SELL)]
        self.places = {symbol: 2 * i for i, symbol in enumerate(seen)}

    def slot(self) -> Slot | None:
        """Any of those that trade now."""
        if self.party.often and self.rng.random() < OFTEN and (symbol := self.rng.choice(self.party.often)) in self.places:
            return self.slots[self.places[symbol] + self.rng.randrange(2)]
        for _ in range(TRIES):
            if not self.slots:
                return None
            slot = self.rng.choice(self.slots)
            if slot.symbol in self.party.open_now:
                return slot
        return None

    def report(self, report: M.Numbered, _: Order | None) -> None:
        if not self.symbols:
            self.symbols = {d.instrument: d.symbol for d in self.client.definitions.values()}
        self.party.told(self.books, from_binary(report, self.symbols))

    def state(self, text: str) -> None:
        if text.startswith("disconnected"):
            self.books.lost()
        elif text.startswith("logged on") and self.client.connects > 1:
            self.party.reconnects += 1

    def act(self) -> None:
        books = self.books
        if len(books.pending) >= (PENDING_MAX if self.client.connected else DOWN_MAX):
            return
        slot = self.slot()
        if slot is None or slot.busy:
            return
        order = slot.order
        if order is None or not order.open:
            price, qty = self.price(slot), self.rng.randrange(10, 200)
            flags = codes.FLAG_PERSIST if self.rng.random() < PERSIST_SHARE else 0
            slot.order = self.order(slot.symbol, slot.side, qty, price, flags)
        elif order.status != codes.ST_NONE:
            slot.busy = True
            id = self.party.fresh_id()
            books.ask(id, perf_counter_ns() if self.client.connected else 0, False)
            call: Any = self.client.cancel(order, id=id)
            if self.rng.random() < REPLACE_SHARE:
                call.close()
                call = self.client.replace(order, price=self.price(slot), qty=order.cum + self.rng.randrange(10, 200), id=id)
            task = asyncio.get_running_loop().create_task(self._change(slot, call))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def order(self, symbol: str, side: int, qty: int, price: int, flags: int = 0) -> Order:
        """A new order, in the books too."""
        id = self.party.fresh_id()
        self.books.ask(id, perf_counter_ns() if self.client.connected else 0, True)
        return self.client.place(symbol, side, qty, price, flags=flags, id=id)

    async def _change(self, slot: Slot, call: Any) -> None:
        try:
            await call
        except Refused:
            pass  # it was filled meanwhile, or nothing would change: the books have the report
        except Disconnected as error:
            self.books.fault(f"the session ended: {error}")
        finally:
            slot.busy = False

    def price(self, slot: Slot) -> int:
        """A price around the common belief, which wanders; makers differ a little, so that they also trade with each other."""
        fair, high = self.party.fair[slot.symbol], self.party.world.contracts[slot.symbol].high
        spread = max(2, round(fair * 0.01))
        off = spread + self.rng.randrange(0, 4 * spread) - self.rng.randrange(0, spread)
        return min(max(fair - off if slot.side == codes.BUY else fair + off, 1), high)


class Makers(Party):
    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.rng = random.Random(f"{plan.seed} makers")
        self.makers = [Maker(self, name) for name in plan.names]
        self.books = [maker.books for maker in self.makers]

    async def connect(self) -> None:
        await asyncio.gather(*(maker.connect() for maker in self.makers))
        await self.makers[0].client.subscribe_all()

    def act(self) -> None:
        if self.rng.random() < 0.02:
            symbol = self.rng.choice(list(self.fair))
            high = self.world.contracts[symbol].high
            moved = self.fair[symbol] + round(self.rng.gauss(0, 0.02) * self.fair[symbol])
            self.fair[symbol] = min(max(moved, high // 100), high - high // 100)
        self.rng.choice(self.makers).act()

    async def begin(self) -> None:
        """The quotes that stand: the first maker gives both sides of each, the second one buys something, so that somebody has a position."""
        first, second = self.makers[:2]
        quotes = [(symbol, side, price) for symbol, bid, ask in self.plan.quotes for side, price in ((codes.BUY, bid), (codes.SELL, ask))]
        await asyncio.gather(*(first.client.accepted(first.order(symbol, side, QUOTED, price)) for symbol, side, price in quotes))
        for symbol, _, ask in self.plan.quotes:
            second.order(symbol, codes.BUY, BOUGHT, ask)

    def renew(self) -> None:
        for maker in self.makers:
            maker.books.next_number = maker.client.next_number
            maker.books.sent_again = maker.client.resent
            for begin, end in maker.client.missing:
                maker.books.fault(f"the server no longer had the reports {begin} to {end}")

    def best(self) -> dict[str, list[int | None]]:
        client = self.makers[0].client
        found: dict[str, list[int | None]] = {}
        for instrument, book in client.books.items():
            if book.valid:
                bid, ask = book.best_bid, book.best_ask
                found[client.definitions[instrument].symbol] = [bid[0] if bid else None, ask[0] if ask else None]
        return found

    async def leave(self) -> None:
        await asyncio.gather(*(maker.client.close() for maker in self.makers))


if __name__ == "__main__":
    main(Makers)
