# tidy: allow test-file because tests/demo/test_tournament.py runs it from end to end, as a process
"""Takers on FIX 4.4: they hit quotes with IOC and market orders, rest some orders, replace and cancel them, and buy NO as well as YES.

`FixLink` is the part that any FIX client needs: one session over asyncio that reconnects by itself. Its numbers continue where they ended;
ResendRequests of both sides fetch missed messages, and for requests that are then still unanswered it requests the state (H) or sends them
again with the same ClOrdID.
Run it as a separate process: `python -m exchange_server.demo.takers PLAN`.
"""

import asyncio
import random
from time import perf_counter, perf_counter_ns, time_ns
from typing import Any

from protocol import codes
from protocol.fix_client import FixClient
from protocol.fix_messages import FixMessage, format_scaled

from .books import Books, OpenOrder
from .client import OFTEN, Party, Plan, main
from .reports import from_fix

PENDING_MAX = 100
DOUBT_S = 1.5  # after a reconnect: the state of requests that are unanswered by then is requested


class FixLink(asyncio.Protocol):
    """One FIX session that reconnects by itself. `on_message` gets the application messages in sequence."""

    def __init__(self, host: str, port: int, fix: FixClient, on_message: Any, on_lost: Any) -> None:
        self.host, self.port, self.fix = host, port, fix
        self.on_message, self.on_lost = on_message, on_lost
        self.transport: asyncio.Transport | None = None
        self.ready_since = 0.0  # 0: not logged on, or a gap is open
        self.closing = False
        self.why = ""
        self._gone = asyncio.Event()
        self._flush_planned = False

    async def keep(self) -> None:
        """Connect, serve the session until it ends, reconnect; until `closing`."""
        loop = asyncio.get_running_loop()
        pause = 0.05
        while not self.closing:
            self._gone.clear()
            try:
                await loop.create_connection(lambda: self, self.host, self.port)
            except OSError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.5)
                continue
            while not self._gone.is_set():
                try:
                    await asyncio.wait_for(self._gone.wait(), 0.5)
                except TimeoutError:
                    self.write(self.fix.on_time(time_ns()))
            if self.fix.closed is not None:
                self.why = self.fix.closed[1]
            await asyncio.sleep(pause)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.write(self.fix.connect(time_ns(), settlement=True))

    def data_received(self, data: bytes) -> None:
        for message in self.fix.receive(data, time_ns()):
            self.on_message(message)
        self.flush()
        whole = self.fix.live and not self.fix.session.gap_open
        self.ready_since = (self.ready_since or perf_counter()) if whole else 0.0
        if self.fix.closed is not None and self.transport is not None:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self.transport = None
        self.ready_since = 0.0
        self._gone.set()
        if not self.closing:
            self.on_lost()

    @property
    def ready(self) -> bool:
        return self.ready_since > 0 and self.transport is not None and self.fix.live

    def plan_flush(self) -> None:
        if not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        self._flush_planned = False
        self.write(self.fix.take())

    def write(self, data: bytes) -> None:
        if data and self.transport is not None:
            self.transport.write(data)


class Taker:
    """One session and its books."""

    def __init__(self, party: "Takers", name: str) -> None:
        self.party, self.name = party, name
        login = party.world.logins[name]
        self.rng = random.Random(f"{party.plan.seed} {name}")
        self.books = Books(name, login.account, "fix")
        fix = FixClient(name, login.peer, login.user, login.secret, heartbeat_s=30)
        self.link = FixLink(party.plan.host, party.plan.port, fix, self.message, self.lost)
        self.requests: dict[int, tuple[str, list[Any]]] = {}  # without an answer
        self.no: set[int] = set()  # ClOrdIDs of orders for NO contracts
        self.doubtful: set[int] = set()
        self.task: asyncio.Task[None] | None = None

    def message(self, message: FixMessage) -> None:
        if message.msg_type in ("3", "j"):
            self.books.fault(f"the server rejected a message: {message.text(58)}")
            self.books.pending.pop(int(message.get(379) or 0), None)
            return
        report = from_fix(message, self.party.world.contracts, self.no)
        self.party.told(self.books, report)
        if report.id not in self.books.pending:
            self.requests.pop(report.id, None)
            self.doubtful.discard(report.id)
        elif report.kind == codes.E_STATUS and report.order == 0:  # the server never received it: send it again with the same ClOrdID
            self.send(report.id)

    def lost(self) -> None:
        self.books.lost()
        self.party.reconnects += 1
        self.doubtful |= self.books.pending.keys()

    def send(self, id: int) -> None:
        kind, fields = self.requests[id]
        self.link.fix.send(kind, fields, time_ns())
        self.books.sent_again += 1
        self.link.plan_flush()

    def settle_doubts(self) -> None:
        """Some time after the gap is closed: request the state of the remaining orders."""
        if not self.doubtful or not self.link.ready or perf_counter() - self.link.ready_since < DOUBT_S:
            return
        for id in sorted(self.doubtful):
            kind, fields = self.requests.get(id, ("", []))
            if kind == "D":
                found = dict(fields)
                self.link.fix.status(time_ns(), id, found[55], found[54])
            elif kind:
                self.send(id)
        self.doubtful.clear()
        self.link.plan_flush()

    def act(self) -> None:
        self.settle_doubts()
        books, rng, fix = self.books, self.rng, self.link.fix
        if not self.link.ready or len(books.pending) >= PENDING_MAX or not self.party.choice:
            return
        now, id, dice = time_ns(), self.party.fresh_id(), rng.random()
        own = next(iter(books.open.values()), None)
        if own is not None and own.id in books.pending:
            own = None
        books.ask(id, perf_counter_ns(), dice >= 0.12 or own is None)
        if own is not None and dice < 0.12:
            self._change(fix, now, id, own, replace=dice < 0.05)
        else:
            self._new(fix, now, id)
        number = fix.next_out - 1
        kind, body, _ = fix.sent[number]
        self.requests[id] = kind, [(int(t), v) for t, _, v in (part.partition(b"=") for part in body.split(b"\x01")[:-1])]
        if (5010, b"N") in self.requests[id][1]:
            self.no.add(id)
        self.link.plan_flush()

    def _new(self, fix: FixClient, now: int, id: int) -> None:
        rng = self.rng
        often = self.party.often if rng.random() < OFTEN else []
        contract = self.party.world.contracts[rng.choice(often or self.party.choice)]
        fair, payout = self.party.fair[contract.symbol], contract.payout
        side, qty, dice = rng.choice((codes.BUY, codes.SELL)), rng.randrange(1, 120), rng.random()
        no = dice < 0.2  # NO contracts: prices in NO terms
        value = payout - fair if no else fair
        reach = max(3, round(fair * 0.06))
        if dice > 0.92:  # at the market, protected by the exchange
            fix.new_order(now, id, contract.symbol, side, qty, None, codes.IOC, no=no)
            return
        rests = dice > 0.75
        off = -reach if rests else reach
        price = min(max(value + (off if side == codes.BUY else -off), 1), payout - 1)
        fix.new_order(
            now, id, contract.symbol, side, qty, format_scaled(price, contract.price_decimals), codes.GTC if rests else codes.IOC, no=no
        )

    def _change(self, fix: FixClient, now: int, id: int, order: OpenOrder, replace: bool) -> None:
        contract = self.party.world.contracts[order.symbol]
        no = order.contract_side == codes.NO
        if replace:
            price = format_scaled(min(max(order.price + self.rng.choice((-2, -1, 1, 2)), 1), contract.payout - 1), contract.price_decimals)
            fix.replace(now, id, order.id, order.symbol, order.side, order.qty + self.rng.randrange(0, 5), price, no=no)
        else:
            fix.cancel(now, id, order.id, order.symbol, order.side)


class Takers(Party):
    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.rng = random.Random(f"{plan.seed} takers")
        self.takers = [Taker(self, name) for name in plan.names]
        self.books = [taker.books for taker in self.takers]
        self.choice: list[str] = []  # contracts of events that trade now

    def look(self, now_ns: int) -> None:
        super().look(now_ns)
        self.choice = [symbol for symbols in self.world.events.values() for symbol in symbols if symbol in self.open_now]

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        for taker in self.takers:
            taker.task = loop.create_task(taker.link.keep())
        await self._until(lambda: all(taker.link.ready for taker in self.takers))
        for taker in self.takers:
            if not taker.link.ready:
                raise SystemExit(f"{taker.name} could not log on: {taker.link.why or 'no answer'}")

    def act(self) -> None:
        self.rng.choice(self.takers).act()

    def renew(self) -> None:
        for taker in self.takers:
            taker.settle_doubts()
            taker.books.next_number = taker.link.fix.next_in

    async def leave(self) -> None:
        for taker in self.takers:
            taker.link.closing = True
            taker.link.write(taker.link.fix.logout(time_ns()))
        await self._until(lambda: all(taker.link.transport is None for taker in self.takers))
        for taker in self.takers:
            if taker.task is not None:
                taker.task.cancel()


if __name__ == "__main__":
    main(Takers)
