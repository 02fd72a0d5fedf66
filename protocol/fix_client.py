"""A FIX 4.4 initiator, sans-IO: bytes and times in, bytes and messages out. For tests, load generators and the main job.

    client = FixClient("CLIENT1", "EXOS-OE", "client1", "client1-secret")
    socket.send(client.connect(now_ns))
    for message in client.receive(data, now_ns): ...     # application messages, Rejects and session events, in sequence
    socket.send(client.take())                           # bytes to send; call it after receive, on_time and the order calls
It keeps its sequence numbers and the messages it sent, so that a new connection of the same object continues where the last one ended. A
program that must continue after its own restart stores `next_out`, `next_in` and `sent` itself. Orders can be sent only while `live`;
otherwise NotLoggedOn is raised.
"""

import base64
from typing import Any

from . import codes, credentials, fix_session
from .fix_messages import FixMessage, Framer, build, encode_fields, format_timestamp, parse
from .fix_tables import ADMIN_TYPES, FIX44

Value = bytes | str | int


class NotLoggedOn(RuntimeError):
    """The connection is not logged on: nothing was sent, and no number was used."""


class FixClient:
    """One FIX session as its initiator. next_out: next number to send; next_in: next number expected."""

    def __init__(
        self,
        our: str,
        peer: str,
        username: str,
        password: str = "",
        heartbeat_s: int = 30,
        next_out: int = 1,
        next_in: int = 1,
        private_key: Any = None,
    ) -> None:
        """username: 553; with a private key the id of the key, "": that which the key file's text names. private_key: see
        credentials.private_key. Raises ValueError for one that cannot be read."""
        self.our = our
        self.peer = peer
        self.username = username
        self.password = password
        self._private: Any = None
        if private_key is not None:
            self._private, named = credentials.private_key(private_key)
            self.username = username or named
        self.heartbeat_s = heartbeat_s
        self.next_out = next_out
        self.sent: dict[int, tuple[str, bytes, bytes]] = {}  # number -> (type, body, SendingTime) of application messages
        self.closed: tuple[int, str] | None = None  # why the connection must be closed, once it must
        self.rejects: list[FixMessage] = []  # Rejects and BusinessMessageRejects received
        self._next_in = next_in
        self._out = bytearray()
        self._fresh()

    def _fresh(self) -> None:
        self.framer = Framer()
        self.session = fix_session.FixSession(lambda: self.next_out - 1, initiator=True)
        self.session.next_in = self._next_in
        self.closed = None
        self._out.clear()

    @property
    def live(self) -> bool:
        return self.session.state == fix_session.ACTIVE

    @property
    def next_in(self) -> int:
        return self.session.next_in

    # ------------------------------------------------------------------------------------------------ connection
    def connect(
        self, now_ns: int, reset: bool = False, settlement: bool = False, cancel_on_disconnect: bool = False, skip_pending: bool = False
    ) -> bytes:
        """A new connection: the Logon. reset: 141=Y, both numbers begin at 1; skip_pending: without what was missed before (5003)."""
        self._next_in = self.session.next_in
        self._fresh()
        if reset:
            self.next_out = 1
            self.sent.clear()
        fields: list[tuple[int, Value]] = [(553, self.username)] if self.username else []
        fields += [(554, self.password)] if self.password else []
        fields += [(tag, "Y") for tag, wanted in ((5001, settlement), (5002, cancel_on_disconnect), (5003, skip_pending)) if wanted]
        self._do(self.session.start(now_ns, self.our, self.peer, self.heartbeat_s, fields, reset), now_ns, [])
        return self.take()

    def receive(self, data: bytes | bytearray | memoryview, now_ns: int) -> list[FixMessage]:
        """Bytes from the server. Returns the application messages and rejects that are in sequence now."""
        self.framer.feed(data)
        delivered: list[FixMessage] = []
        for raw in self.framer:
            self._do(self.session.receive(parse(raw), now_ns), now_ns, delivered)
        self.rejects += [message for message in delivered if message.msg_type in ("3", "j")]
        return delivered

    def on_time(self, now_ns: int) -> bytes:
        """Heartbeats and test requests that are due."""
        self._do(self.session.on_time(now_ns), now_ns, [])
        return self.take()

    def logout(self, now_ns: int, text: str = "") -> bytes:
        self._do(self.session.logout(now_ns, text), now_ns, [])
        return self.take()

    def take(self) -> bytes:
        """Bytes to send, in order; empties the buffer."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def _do(self, actions: list[fix_session.Action], now_ns: int, delivered: list[FixMessage]) -> None:
        for action in actions:
            if isinstance(action, fix_session.Send):
                self._send(action.msg_type, action.body, now_ns)
            elif isinstance(action, fix_session.Deliver):
                delivered.append(action.message)
            elif isinstance(action, fix_session.Resend):
                self._resend(action.begin, action.end or self.next_out - 1, now_ns)
            elif isinstance(action, fix_session.Close):
                self.closed = action.reason, action.text

    def _send(self, msg_type: str, body: bytes, now_ns: int) -> None:
        time = format_timestamp(now_ns, 9)
        if msg_type == "A" and self._private is not None:
            number = str(self.next_out).encode()
            signed = credentials.fix_message(time, b"A", number, self.our.encode(), self.peer.encode())
            signature = base64.b64encode(self._private.sign(signed))
            body += encode_fields([(95, len(signature)), (96, signature)])
        if msg_type not in ADMIN_TYPES:
            self.sent[self.next_out] = msg_type, body, time
        self._out += build(FIX44, msg_type, self.our, self.peer, self.next_out, time, body)
        self.next_out += 1
        self.session.last_out_ns = now_ns

    def _resend(self, begin: int, end: int, now_ns: int) -> None:
        time = format_timestamp(now_ns, 9)
        gap = 0
        for number in range(begin, end + 2):
            kept = self.sent.get(number) if number <= end else None
            if kept is None and number <= end:
                gap = gap or number
                continue
            if gap:
                header = b"43=Y\x01122=%s\x01" % time
                self._out += build(FIX44, "4", self.our, self.peer, gap, time, b"123=Y\x0136=%d\x01" % number, header)
                gap = 0
            if kept is not None:
                self._out += build(FIX44, kept[0], self.our, self.peer, number, time, kept[1], b"43=Y\x01122=%s\x01" % kept[2])

    # ------------------------------------------------------------------------------------------------ orders
    def send(self, msg_type: str, fields: list[tuple[int, Value]], now_ns: int) -> int:
        """Any application message; returns its MsgSeqNum. The bytes come with `take`."""
        if not self.live:
            raise NotLoggedOn(f"{self.our} is not logged on")
        self._send(msg_type, encode_fields(fields), now_ns)
        return self.next_out - 1

    def new_order(
        self,
        now_ns: int,
        cl_ord_id: Value,
        symbol: str,
        side: int,
        qty: Value,
        price: Value | None = None,
        tif: int = codes.GTC,
        account: str = "",
        no: bool = False,
        extra: tuple[tuple[int, Value], ...] = (),
    ) -> int:
        """NewOrderSingle: limit with a price (decimal text), market without. `no`: NO contracts, price in NO terms."""
        return self.send("D", new_order_fields(now_ns, cl_ord_id, symbol, side, qty, price, tif, account, no, extra), now_ns)

    def cancel(self, now_ns: int, cl_ord_id: Value, orig: Value, symbol: str, side: int, account: str = "") -> int:
        """OrderCancelRequest."""
        fields: list[tuple[int, Value]] = [(41, orig), (11, cl_ord_id)]
        fields += [(1, account)] if account else []
        return self.send("F", [*fields, (55, symbol), (54, side), (60, format_timestamp(now_ns, 3))], now_ns)

    def replace(
        self,
        now_ns: int,
        cl_ord_id: Value,
        orig: Value,
        symbol: str,
        side: int,
        qty: Value,
        price: Value,
        tif: int | None = None,
        no: bool = False,
    ) -> int:
        """OrderCancelReplaceRequest of a limit order; qty: the new total. tif: the order's own, or left out."""
        fields = new_order_fields(now_ns, cl_ord_id, symbol, side, qty, price, tif, "", no, ())
        return self.send("G", [(41, orig), *fields], now_ns)

    def mass_cancel(self, now_ns: int, cl_ord_id: Value, symbol: str = "", scope: str = "") -> int:
        """OrderMassCancelRequest: of the symbol, or of all of this session's orders; scope: 5011 (S, A, F, I, E)."""
        fields: list[tuple[int, Value]] = [(11, cl_ord_id), (530, 1 if symbol and not scope else 7)]
        fields += [(55, symbol)] if symbol else []
        fields.append((60, format_timestamp(now_ns, 3)))
        return self.send("q", fields + ([(5011, scope)] if scope else []), now_ns)

    def status(self, now_ns: int, cl_ord_id: Value, symbol: str, side: int) -> int:
        """OrderStatusRequest for the order with this ClOrdID."""
        return self.send("H", [(11, cl_ord_id), (55, symbol), (54, side)], now_ns)


def new_order_fields(
    now_ns: int,
    cl_ord_id: Value,
    symbol: str,
    side: int,
    qty: Value,
    price: Value | None,
    tif: int | None,
    account: str,
    no: bool,
    extra: tuple[tuple[int, Value], ...],
) -> list[tuple[int, Value]]:
    """Body of a NewOrderSingle, for `FixClient` and for load generators that build ahead of time."""
    fields: list[tuple[int, Value]] = [(11, cl_ord_id)]
    if account:
        fields.append((1, account))
    fields += [(55, symbol), (54, side), (60, format_timestamp(now_ns, 3)), (38, qty), (40, codes.MARKET if price is None else codes.LIMIT)]
    if price is not None:
        fields.append((44, price))
    if tif is not None:
        fields.append((59, tif))
    if no:
        fields.append((5010, "N"))
    return [*fields, *extra]
