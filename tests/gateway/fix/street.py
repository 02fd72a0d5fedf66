"""A whole exchange without sockets with FIX clients at the other end: the sandbox on small tables, FixClient for each connection."""

from pathlib import Path
from typing import Any

import numpy as np

from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from exchange_server.gateway.connection import NullOutlet
from exchange_server.gateway.fix.connection import FixConnection
from exchange_server.gateway.fix.encoder import FixEncoder
from protocol.fix_client import FixClient
from protocol.fix_messages import FixMessage, Framer, build, format_timestamp, parse
from tests.gateway.binary.world import World

OUR = "EXOS-OE"
ESP = "WC26-WIN-ESP"


class LateOutlet(NullOutlet):
    """As the pipeline does it: what the turn still brings goes out in front of the close."""

    def write(self, data: bytes) -> None:
        self.written += data


class Street(World):
    """World with FIX ends."""

    fix: FixEncoder | None = None

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.fix = FixEncoder(self.engine)

    def sink(self, events: np.ndarray) -> None:
        super().sink(events)
        for session, data in self.fix.encode(events) if self.fix else ():
            connection = self.directory.connection_of(session)
            if connection is not None:
                connection.outlet.write(data)
                connection.last_out_ns = self.now

    def fix_end(self, number: int = 1, **options: Any) -> "FixEnd":
        end = FixEnd(self, number, **options)
        self.ends.append(end)
        return end

    def up(self, number: int = 1, **logon: Any) -> "FixEnd":
        """A client that has logged on."""
        end = self.fix_end(number)
        end.raw = end.client.connect(self.now, **logon)
        self.turn(2)
        assert end.client.live, (end.client.closed, end.outlet.closed)
        return end

    def write_as(self, end: "FixEnd", own_fields: bool = False, decimals: int = 3) -> None:
        """How messages to this session are written from now on (a definition says it for the numbers after the next reset)."""
        form = W.pack_form(L.FORM_OWN_FIELDS * own_fields, {3: 0, 0: 1, 6: 2, 9: 3}[decimals])
        row = self.session_row(end)
        self.engine.m[row + L.S_FORM] = self.engine.m[row + L.S_FORM_DEFINED] = form

    def wait(self, ns: int) -> None:
        """Let time pass, then one turn."""
        self.now += ns
        self.turn()


class FixEnd:
    """A FixClient and the server's connection for it. `messages`: everything the server wrote, parsed; `seen`: what the client
    delivered."""

    def __init__(
        self, world: Street, number: int = 1, client: FixClient | None = None, plain: bool = False, piece: int = 0, **options: Any
    ) -> None:
        self.world = world
        self.number = number
        self.outlet = LateOutlet()
        self.connection = FixConnection(
            world.directory, world.now, self.outlet, world.engine, world.store, world.fix, world.market, **options
        )
        name = f"CLIENT{number}"
        self.client = client or FixClient(name, OUR, name.lower(), f"{name.lower()}-secret", heartbeat_s=30)
        self.plain = plain
        self.piece = piece  # bytes a turn, 0: all
        self.raw = b""
        self.received = bytearray()
        self.framer = Framer()
        self.messages: list[FixMessage] = []
        self.seen: list[FixMessage] = []

    def to_server(self) -> None:
        self.raw += self.client.take()
        data = self.raw[: self.piece] if self.piece else self.raw
        if data:
            self.connection.last_in_ns = self.world.now
            taken = self.connection.feed(data)
            self.raw = self.raw[taken:]

    def to_client(self) -> None:
        data, self.outlet.written = bytes(self.outlet.written), bytearray()
        self.received += data
        self.framer.feed(data)
        self.messages += [parse(raw) for raw in self.framer]
        if not self.plain:
            self.seen += self.client.receive(data, self.world.now)

    def send_raw(self, msg_type: str, seq: int, body: str = "", header: str = "", time_ns: int = 0, our: str = "", peer: str = OUR) -> None:
        """A message with any number; body and header with | for SOH."""
        time = format_timestamp(time_ns or self.world.now + 1_000_000, 3)
        parts = [part.replace("|", "\x01").encode() for part in (body, header)]
        self.raw += build("FIX.4.4", msg_type, our or f"CLIENT{self.number}", peer, seq, time, *parts)

    def logon_raw(self, seq: int = 1, body: str = "98=0|108=30|", login: str = "", **options: Any) -> None:
        n = self.number
        self.send_raw("A", seq, body + (login or f"553=client{n}|554=client{n}-secret|"), **options)

    def order_raw(self, seq: int, cl_ord_id: str, price: str = "0.0500", qty: str = "10", **options: Any) -> None:
        """A buy that rests."""
        self.send_raw("D", seq, order_body(cl_ord_id, price, qty), **options)

    def types(self) -> list[str]:
        """MsgTypes the server wrote since the last call."""
        return [m.msg_type for m in self.take()]

    def take(self) -> list[FixMessage]:
        """What the server wrote since the last call."""
        found, self.messages = self.messages, []
        return found

    def close(self) -> None:
        """The client's socket is closed."""
        self.world.drop(self)

    def again(self, **logon: Any) -> "FixEnd":
        """The same client on a new connection."""
        if self in self.world.ends:
            self.close()
        end = FixEnd(self.world, self.number, self.client)
        self.world.ends.append(end)
        end.raw = self.client.connect(self.world.now, **logon)
        self.world.turn(4)
        return end


def order_body(cl_ord_id: str, price: str = "0.0500", qty: str = "10", symbol: str = ESP, side: int = 1, extra: str = "") -> str:
    return f"11={cl_ord_id}|55={symbol}|54={side}|60=20260101-00:00:00|38={qty}|40=2|44={price}|59=1|{extra}"


def show(message: FixMessage) -> str:
    return message.raw.replace(b"\x01", b"|").decode()
