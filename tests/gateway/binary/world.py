"""A whole exchange without sockets: the sandbox on small tables, binary connections, and the SDK's own session at the other end of each."""

from pathlib import Path
from typing import Any

import numpy as np

from config import admin_records as ar
from config import load
from exchange_server.core import layout as L
from exchange_server.engine import Capacities, Engine
from exchange_server.gateway import verifiers
from exchange_server.gateway.binary.connection import BinaryConnection
from exchange_server.gateway.binary.encoder import BinaryEncoder
from exchange_server.gateway.connection import NullOutlet, TurnInput
from exchange_server.gateway.feeds.market_data import MarketData
from exchange_server.gateway.sessions import Directory, before_logon
from exchange_server.journal.event_store import EventStore
from protocol import codes
from protocol import messages as M
from protocol.binary_session import ClientSession, Happening
from protocol.framing import FrameReader, frame

SMALL = Capacities(
    assets=8, venues=4, firms=200, accounts=300, sessions=200, events=20, instruments=150, listings=150, balances=600,
    collateral_words=60_000, orders=512, nodes=512, archive=2048, dirty=64,
)  # fmt: skip
SECOND = 10**9


class World:
    """Time is `now`; `turn()` does what net/turn.py does, and everything is durable at once."""

    def __init__(self, folder: Path, event_rows: int = 64, rows: int = 256, rows_per_file: int = 1 << 14) -> None:
        self.engine = Engine(SMALL, event_rows=event_rows)
        self.store = EventStore(folder, rows_per_file=rows_per_file)
        self.input = TurnInput(rows)
        self.now = 1_800_000_000 * SECOND  # of the steady clock: what heartbeats go by
        self.step_ns = 0  # how far the time of day has been set away from it
        self.ahead_ns = 0  # how far exchange time is ahead of the time of day
        self.exchange = 0
        self.ends: list[End] = []
        self.directory = Directory(self.engine.registry)
        self.encoder = BinaryEncoder(self.engine)
        self.market = MarketData(self.engine)
        self.admin(ar.Begin(name="sandbox", sandbox=True), *(item.record for item in load.load("sandbox").items))

    def admin(self, *records: Any) -> None:
        """Operator's acts. They must succeed."""
        for at in range(0, len(records), 20):
            self.begin()
            for record in records[at : at + 20]:
                recipe = verifiers.recipe_of(self.engine.registry.begun)
                safe = verifiers.secured(record, recipe, self.engine.registry).record
                self.input.add(codes.C_ADMIN, body=ar.pack("uid:0", "r", safe))
            for answer in self.apply():
                assert answer.ok, answer.text

    def begin(self) -> None:
        self.now += 1_000_000
        real = self.now + self.step_ns
        self.exchange = max(self.exchange, real + self.ahead_ns)
        self.input.begin(self.engine.turn + 1, self.exchange, self.now, real)

    def apply(self) -> list[Any]:
        answers = self.engine.apply(self.input.inbox, self.input.words, self.sink)
        self.market.turn(self.input)
        self.directory.fresh.clear()
        return answers

    def sink(self, events: np.ndarray) -> None:
        self.store.append(events)
        self.market.encode(events)
        if self.directory.fresh:
            events = before_logon(events, self.directory.fresh)
        for session, data in self.encoder.encode(events):
            connection = self.directory.connection_of(session)
            if connection is not None:
                connection.outlet.write(data)
                connection.last_out_ns = self.now

    def turn(self, times: int = 1) -> None:
        """Bytes of all ends, gather, apply; what the server wrote reaches the ends."""
        for _ in range(times):
            self.begin()
            for end in list(self.ends):
                end.to_server()
                end.connection.gather(self.input)
            self.apply()
            for end in self.ends:
                end.to_client()

    def end(self, key: str = "MM1", **options: Any) -> "End":
        end = End(self, key, **options)
        self.ends.append(end)
        return end

    def logged_on(self, key: str = "MM1", **options: Any) -> "End":
        """A client that has logged on; what the logon brought is not kept."""
        end = self.end(key, **options)
        self.turn(4)
        end.seen.clear()
        return end

    def drop(self, end: "End") -> None:
        """The socket is closed."""
        self.ends.remove(end)
        self.begin()
        end.connection.lost(self.input)
        self.apply()

    def instruments(self) -> list[int]:
        """Ids of all instruments that there are."""
        return [row.id for row in self.engine.registry.instruments]

    def instrument(self, symbol: str) -> int:
        return next(i for i in self.instruments() if self.market.definition(i).symbol == symbol)

    def session_row(self, end: "End") -> int:
        d = L.H_POOLS + L.P_SESSION * L.POOL_WORDS
        return int(self.engine.m[d + L.PL_BASE]) + end.connection.session * L.SESSION_WORDS


class End:
    """A client session and the server's connection for it, joined by bytes that are cut anywhere."""

    def __init__(self, world: World, key: str, secret: str = "", plain: bool = False, **options: Any) -> None:
        self.world = world
        self.outlet = NullOutlet()
        self.connection = BinaryConnection(
            world.directory, world.now, self.outlet, world.engine, world.store, world.encoder, world.market, challenge=lambda: b"c" * 32
        )
        self.session = ClientSession(key, secret or f"{key.lower()}-secret", now_ns=world.now, **options)
        self.plain = plain  # no client session: `raw` bytes in, all messages out
        self.raw = b""
        self.seen: list[Happening] = []
        self.reader = FrameReader()
        self.messages: list[M.ServerMessage] = []

    def send(self, *messages: M.ClientMessage) -> None:
        for message in messages:
            self.raw += frame(M.encode(message))

    def to_server(self) -> None:
        if not self.plain:
            self.raw += self.session.take(self.world.now)
        if self.raw:
            self.connection.last_in_ns = self.world.now
            taken = self.connection.feed(self.raw)
            self.raw = self.raw[taken:]

    def to_client(self) -> None:
        data, self.outlet.written = bytes(self.outlet.written), bytearray()
        self.messages += [M.decode_server(p) for p in self.reader.feed(data)]
        if not self.plain:
            self.seen += self.session.receive(data, self.world.now)

    def take(self, kind: type | None = None) -> list[Any]:
        """What has been seen since the last time (of one kind: only that is taken out)."""
        found = [h for h in self.seen if kind is None or isinstance(h, kind)]
        self.seen = [h for h in self.seen if h not in found] if kind else []
        return found


def limit(id: int, instrument: int, side: int, price: int, qty: int, **more: int) -> M.NewOrder:
    return M.NewOrder(id, 0, instrument, side, codes.YES, codes.LIMIT, codes.GTC, 0, price, qty, **more)
