"""The WebSocket: books that stay right, own reports, tokens, and readers that are slow or wrong."""

import asyncio
import json
import random
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from config import admin_records as ar
from exchange_server.web import groups, stream
from exchange_server.web.asyncapi import document
from exchange_server.web.outlets import Outlets
from exchange_server.web.stream import QUEUE_BYTES, Reader
from exchange_server.web.wire import Wire, framed

from . import schema
from .rig import CONFIG, FAST, ServerProcess, Web, order

DOCUMENT = document("test")


@contextmanager
def reading(web: Web, *channels: dict[str, Any], **more: Any) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{web.port}/v1/stream", max_size=None) as socket:
        socket.send(json.dumps({"op": "subscribe", "channels": list(channels), **more}))
        yield socket


def frames(socket: ClientConnection, until: Callable[[dict[str, Any]], bool], seconds: float = 10.0) -> list[dict[str, Any]]:
    """Frames up to the first that is wanted; each is one of the document's."""
    found = []
    end = time.monotonic() + seconds
    while True:
        frame = json.loads(socket.recv(timeout=max(0.01, end - time.monotonic())))
        assert any(
            schema.wrong(frame, {"$ref": f"#/components/schemas/{name}"}, DOCUMENT) == "" for name in DOCUMENT["components"]["messages"]
        ), frame
        found.append(frame)
        if until(frame):
            return found


def of_type(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda frame: frame["type"] == name


class Built:
    """A book made from frames, as docs/http-api.md says."""

    def __init__(self) -> None:
        self.sequence = -1
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
        self.gaps = 0

    def take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "book_snapshot":
            self.sides = {side: dict(frame[side]) for side in self.sides}
        elif frame["type"] != "book_update" or frame["sequence"] <= self.sequence:
            return
        else:
            assert frame["previous"] <= self.sequence, "frames are missing"
            for side, levels in self.sides.items():
                for price, quantity in frame[side]:
                    if float(quantity):
                        levels[price] = quantity
                    else:
                        levels.pop(price, None)
        self.sequence = frame["sequence"]
        assert zlib.crc32("|".join(self.top()).encode()) == frame["checksum"], frame

    def top(self) -> list[str]:
        bids = sorted(self.sides["bids"].items(), key=lambda one: -float(one[0]))[:10]
        asks = sorted(self.sides["asks"].items(), key=lambda one: float(one[0]))[:10]
        return [f"{price}:{quantity}" for price, quantity in (*bids, *asks)]


@pytest.mark.parametrize("conflate_ms", [0, 100])
def test_a_book_of_the_stream_is_that_of_the_exchange(web: Web, mm1: httpx.Client, conflate_ms: int) -> None:
    chance = random.Random(conflate_ms)
    with reading(web, {"channel": "book", "contracts": ["CUP-B"], "conflate_ms": conflate_ms}) as socket, web.api() as api:
        built, began = Built(), time.monotonic()
        for frame in frames(socket, of_type("book_snapshot")):
            built.take(frame)
        for _ in range(60):
            price = chance.choice(["0.10", "0.11", "0.12", "0.13", "0.30", "0.31"])
            mm1.post("/v1/orders", json=order(chance.choice(["buy", "sell"]), price, str(chance.randint(1, 9)), contract="CUP-B"))
            if chance.random() < 0.2:
                mm1.post("/v1/orders/mass-cancel", json={"scope": "contract", "contract": "CUP-B", "side": "sell"})
        mm1.post("/v1/orders", json=order("buy", "0.01", "3", contract="CUP-B"))
        time.sleep(0.3)
        now = api.get("/v1/contracts/CUP-B/book", params={"depth": 1000}).json()
        got = 0
        while built.sequence < now["sequence"]:
            for frame in frames(socket, lambda frame: frame["type"] == "book_update"):
                got += frame["type"] == "book_update"
                built.take(frame)
        assert {tuple(one) for one in now["bids"]} == set(built.sides["bids"].items())
        assert {tuple(one) for one in now["asks"]} == set(built.sides["asks"].items())
        assert now["checksum"] == zlib.crc32("|".join(built.top()).encode())
        if conflate_ms:
            assert got <= (time.monotonic() - began) * 1000 / conflate_ms + 2
        else:
            assert got > 25
    mm1.post("/v1/orders/mass-cancel", json={})


def test_trades_ticker_and_phases(exchange: ServerProcess, web: Web, mm1: httpx.Client, mm2: httpx.Client) -> None:
    about = ({"channel": "trades", "contracts": ["CUP-C"]}, {"channel": "ticker", "contracts": ["CUP-C"]}, {"channel": "phase"})
    with reading(web, *about) as socket:
        frames(socket, of_type("ticker"))
        mm1.post("/v1/orders", json=order("buy", "0.33", "4", contract="CUP-C"))
        ticker = frames(socket, lambda frame: frame["type"] == "ticker" and frame["bid"] is not None)[-1]
        assert ticker["bid"] == ["0.3300", "4"]
        mm2.post("/v1/orders", json=order("sell", "0.33", "4", contract="CUP-C"))
        got = frames(socket, lambda frame: frame["type"] == "ticker" and frame["last"] == "0.3300")
        trade = next(frame for frame in got if frame["type"] == "trade")["trade"]
        assert (trade["price"], trade["quantity"], trade["taker_side"]) == ("0.3300", "4", "sell")
        for phase in ("paused", "open"):
            assert exchange.ask("admin", ar.SetPhase(event="CUP", phase=phase)).ok
            assert frames(socket, of_type("phase"))[-1]["phase"] == phase
            with web.api() as api:
                assert api.get("/v1/markets/CUP").json()["phase"] == phase
        socket.send(json.dumps({"op": "ping", "id": "7"}))
        assert frames(socket, of_type("pong"))[-1]["id"] == "7"
        assert frames(socket, of_type("heartbeat"))[-1]["server"] == "up"


def test_own_orders_fills_and_balances(web: Web, mm1: httpx.Client, mm2: httpx.Client) -> None:
    token = mm1.post("/v1/sessions/current/stream-token").json()["stream_token"]
    own = ({"channel": "orders"}, {"channel": "balances"})
    with reading(web, *own, stream_token=token) as socket:
        first = frames(socket, of_type("balances"))[-1]["balances"][0]
        mine = mm1.post("/v1/orders", json=order("buy", "0.44", "3", contract="CUP-C")).json()
        accepted = frames(socket, of_type("order"))[-1]
        assert (accepted["event"], accepted["order"]["order_id"], accepted["order"]["open"]) == ("accepted", mine["order_id"], "3")
        theirs = mm2.post("/v1/orders", json=order("sell", "0.44", "3", contract="CUP-C")).json()
        got = frames(socket, of_type("balances"))
        assert [(frame["event"], frame["order"]["status"]) for frame in got if frame["type"] == "order"] == [("filled", "filled")]
        orders = [frame["order"] for frame in got if frame["type"] == "order"] + [frame["fill"] for frame in got if frame["type"] == "fill"]
        assert {shown["order_id"] for shown in orders} == {mine["order_id"]} != {theirs["order_id"]}
        fill = next(frame for frame in got if frame["type"] == "fill")
        assert (fill["fill"]["price"], fill["fill"]["liquidity"]) == ("0.4400", "maker")
        assert float(got[-1]["balances"][0]["cash"]) == pytest.approx(float(first["cash"]) - 1.32)
    for how in ({"stream_token": token}, {"token": "x"}, {}):  # a stream token is used once
        with reading(web, *own, **how) as socket:
            refused = frames(socket, of_type("problem"))[-1]["problem"]
            assert refused["name"] == "not_logged_on"
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=5)
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 4400


def test_logging_out_ends_the_stream(web: Web) -> None:
    with web.logged_on(3) as api:
        token = api.post("/v1/sessions/current/stream-token").json()["stream_token"]
        with reading(web, {"channel": "orders"}, stream_token=token) as socket:
            frames(socket, of_type("subscribed"))
            api.delete("/v1/sessions/current")
            assert frames(socket, of_type("session"))[-1]["state"] == "ended"
            with pytest.raises(ConnectionClosed):
                while True:
                    socket.recv(timeout=5)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("{", None), ("[]", "$"), ('{"op": "ping"}', "$.op"), ('{"op": "subscribe", "channels": [{"channel": "gossip"}]}', "$.channels[0].channel"),
        ('{"op": "subscribe", "channels": [{"channel": "book"}]}', "$.channels[0].contracts"), ('{"op": "subscribe", "channels": []}', "$.channels"),
        ('{"op": "subscribe", "channels": [{"channel": "book", "contracts": ["NO-SUCH"]}]}', None), ('{"op": "fly"}', "$.op"),
        ('{"op": "subscribe", "colour": 1, "channels": [{"channel": "phase"}]}', "$.colour"),
    ],
)  # fmt: skip
def test_a_wrong_frame_ends_the_socket_with_its_place(web: Web, text: str, at: str | None) -> None:
    with connect(f"ws://127.0.0.1:{web.port}/v1/stream") as socket:
        socket.send(text)
        assert frames(socket, of_type("problem"))[-1]["problem"]["at"] == at
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)


def test_a_huge_frame_and_a_binary_one_end_the_socket(web: Web) -> None:
    for content in ("x" * 100_000, b"\x81\x01"):
        with connect(f"ws://127.0.0.1:{web.port}/v1/stream") as socket:
            socket.send(content)
            with pytest.raises(ConnectionClosed):
                while True:
                    socket.recv(timeout=5)


def test_the_stream_tells_that_the_server_is_down_and_goes_on(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, CONFIG) as server, Web(tmp_path, server.data, *FAST) as web, web.up().logged_on(1) as api:
        kept = api.post("/v1/orders", json=order(price="0.11")).json()
        token = api.post("/v1/sessions/current/stream-token").json()["stream_token"]
        with reading(web, {"channel": "book", "contracts": ["CUP-A"]}, {"channel": "orders"}, stream_token=token) as socket:
            assert frames(socket, of_type("book_snapshot"))[-1]["bids"] == [["0.1100", "10"]]
            server.kill()
            got = frames(socket, lambda frame: frame["type"] == "heartbeat" and frame["server"] == "down")
            assert {"type": "gap", "reason": "server_down", "channels": ["book"], "contract": "CUP-A"} in got
            server.start()
            got, states = [], {"book_snapshot", "session up"}
            while states:
                got += frames(socket, lambda frame: frame["type"] in ("session", "book_snapshot"), 30)
                states.discard(got[-1]["type"] + (f" {got[-1]['state']}" if got[-1]["type"] == "session" else ""))
            assert [frame["bids"] for frame in got if frame["type"] == "book_snapshot"][-1] == [["0.1100", "10"]]
            api.delete(f"/v1/orders/by-client-id/{kept['client_order_id']}")
            assert frames(socket, of_type("order"))[-1]["event"] == "canceled"
            assert web.stop() == 0  # the socket is open
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    socket.recv(timeout=5)
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012


def test_a_socket_that_is_not_read_is_told_of_the_gap_and_ends_with_the_right_book(web: Web, mm1: httpx.Client) -> None:
    many = [{"channel": "book", "contracts": ["CUP-A"] * 200} for _ in range(5)]
    with connect(f"ws://127.0.0.1:{web.port}/v1/stream", max_size=None, max_queue=2) as socket:
        for _ in range(40):  # each is answered by a thousand snapshots: megabytes that nobody takes
            socket.send(json.dumps({"op": "subscribe", "channels": many}))
        assert mm1.post("/v1/orders", json=order("buy", "0.21", "6")).status_code == 201
        got = frames(socket, lambda frame: frame["type"] == "gap", 60)
        assert got[-1]["reason"] == "slow"
        book = next(frame for frame in frames(socket, of_type("book_snapshot")) if frame["type"] == "book_snapshot")
        with web.api() as api:
            now = api.get("/v1/contracts/CUP-A/book").json()
        assert (book["sequence"], book["checksum"]) == (now["sequence"], now["checksum"])
    mm1.post("/v1/orders/mass-cancel", json={})


class SlowWire:
    """Takes frames while it is let."""

    gone = False
    straight = -1
    on_busy: Any = None

    def __init__(self, open_: bool = False) -> None:
        self.taken: list[bytes] = []
        self.may = asyncio.Event()
        if open_:
            self.may.set()

    @property
    def full(self) -> bool:
        return not self.may.is_set()

    def write(self, frame: bytes) -> None:
        self.taken.append(frame)

    async def room(self, seconds: float) -> bool:
        return await Wire.room(self, seconds)  # type: ignore[arg-type]

    @property
    def writable(self) -> asyncio.Event:
        return self.may

    @property
    def texts(self) -> list[str]:
        """What was taken, without the heads of frames that were encoded."""
        return [(frame[frame.index(b"{") :] if b"{" in frame else frame).decode() for frame in self.taken]


class Socket:
    """What a reader closes."""

    client_state = application_state = stream.WebSocketState.CONNECTED
    closed: tuple[int, str] | None = None

    async def receive(self) -> None:
        await asyncio.Event().wait()

    async def close(self, code: int, text: str) -> None:
        self.closed = code, text


def reader_of(wire: SlowWire, socket: Any = None) -> Reader:
    return Reader(Streams(), socket, wire)  # type: ignore[arg-type]


class Member:
    """A reader without a socket."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def put(self, frame: bytes, of: Any = None) -> None:
        self.got.append(frame)

    def rest(self, data: bytes) -> None:
        raise AssertionError("it has no socket")

    def straight(self, row: int) -> int:
        return -1


def add_all(group: groups.Group, *members: Member) -> None:
    for member in members:
        group.add(member)


async def test_a_frame_to_many_goes_out_in_slices_in_order_and_lets_others_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "SLICE", 10)
    sending = groups.Sending(Outlets())
    group, other = (groups.Group(None, "book", n, 100, sending) for n in (1, 2))  # type: ignore[arg-type]
    members, last, leaves = [Member() for _ in range(35)], Member(), Member()
    add_all(group, *members)
    other.add(last)
    group.send(b"one")
    group.send(b"two")
    other.send(b"small")
    assert last.got == [b"small"] and not any(one.got for one in members), "a small group does not wait for a large one"
    group.add(leaves)
    group.send(b"three")
    await asyncio.sleep(0)
    assert 0 < sum(len(one.got) for one in members) <= 10
    group.remove(leaves)
    group.remove(gone := members.pop())
    had = len(gone.got)
    due = group.sending
    group._due()
    assert due == group.sending == 3 and group._late, "no new frame while the one before is on its way"
    group.close()
    for _ in range(20):
        await asyncio.sleep(0)
    assert (
        all(one.got == [b"one", b"two", b"three"] for one in members) and leaves.got == [] and len(gone.got) == had and group.sending == 0
    )


async def test_a_group_that_falls_behind_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "SLICE", 10)
    monkeypatch.setattr(groups.Group, "_book", lambda self: (None, SimpleNamespace(seq=7)))
    monkeypatch.setattr(groups.Group, "_whole", lambda self, *book: b"whole")
    gateway: Any = SimpleNamespace(feed=SimpleNamespace(definitions={}))
    group = groups.Group(gateway, "book", 1, 0, groups.Sending(Outlets()))
    members = [Member() for _ in range(25)]
    add_all(group, *members)
    for n in range(groups.WAITING_MOST + 1):
        group.send(b"%d" % n)
    assert group.sending == 3
    group.send(b"after")
    for _ in range(20):
        await asyncio.sleep(0)
    assert group.sending == 0
    for one in members:
        assert one.got[0] == b"0" and b'"reason":"slow"' in one.got[1] and one.got[2:] == [b"whole", b"after"]


def test_a_whole_book_is_encoded_once_for_all_its_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    monkeypatch.setattr(groups.Group, "_book", lambda self: (None, SimpleNamespace(seq=7)))
    monkeypatch.setattr(groups.Group, "_whole", lambda self, *book: made.append(b"whole") or made[-1])
    group = groups.Group(None, "book", 1, 0, groups.Sending(Outlets()))  # type: ignore[arg-type]
    members = [Member() for _ in range(3)]
    add_all(group, *members)
    group.anew()
    assert len(made) == 1 and group.sent_seq == 7
    assert all(one.got == [b"whole"] and one.got[0] is made[0] for one in members)


class OneGroup:
    def __init__(self, frame: bytes = b"snapshot") -> None:
        self.frame = frame

    def first(self, member: Any) -> None:
        member.put(self.frame)


class Streams:
    gateway: Any = None


async def test_a_reader_that_keeps_up_has_no_task() -> None:
    wire = SlowWire(open_=True)
    reader = reader_of(wire)
    for n in range(3):
        reader.put(b"%d" % n)
    assert wire.taken == [b"0", b"1", b"2"] and reader._sending is None


async def test_a_slow_reader_loses_frames_is_told_and_starts_anew() -> None:
    wire = SlowWire()
    reader = reader_of(wire)
    reader._groups["book", 1] = OneGroup()  # type: ignore[assignment]
    for _ in range(QUEUE_BYTES // 1000 + 10):
        reader.put(b"x" * 1000)
    assert reader._bytes <= QUEUE_BYTES and len(reader._queue) == 0
    wire.may.set()
    await asyncio.sleep(0.01)
    reader.put(b"after")
    await asyncio.sleep(0.01)
    assert [text for text in wire.texts if not text.startswith("{")] == ["snapshot", "after"]
    assert json.loads(wire.texts[0]) == {"type": "gap", "reason": "slow", "channels": ["book"], "contract": None}
    assert reader._sending is None


async def test_a_gap_is_made_good_also_when_all_snapshots_together_are_too_large() -> None:
    large = b"s" * (QUEUE_BYTES + 1)
    wire = SlowWire()
    reader = reader_of(wire)
    for instrument in (1, 2, 3):
        reader._groups["book", instrument] = OneGroup(large)  # type: ignore[assignment]
    reader.put(b"x" * QUEUE_BYTES)
    reader.put(b"y")
    sending, write = reader._sending, wire.write

    def write_once(frame: bytes) -> None:
        write(frame)
        wire.may.clear()  # full after each

    wire.write = write_once  # type: ignore[method-assign]
    for n in range(4):
        wire.may.set()
        await asyncio.sleep(0.01)
        if n < 2:
            assert reader._owed
            reader.put(b"change", ("book", 3))  # its snapshot has it
    reader.put(b"later", ("book", 3))
    wire.may.set()
    assert sending is not None
    await asyncio.wait_for(sending, 2)
    assert wire.texts[1:] == [large.decode()] * 3 + ["later"] and json.loads(wire.texts[0])["type"] == "gap"


async def test_a_reader_that_takes_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SEND_S", 0.05)
    socket = Socket()
    reader = reader_of(SlowWire(), socket)
    reader.put(b"one")
    await asyncio.wait_for(reader.run(), 2)
    assert socket.closed == (stream.CLOSE_SLOW, "too slow")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_is_read_back_by_another_implementation(size: int) -> None:
    client = ClientProtocol(parse_uri("ws://exchange.example/"), state=OPEN, max_size=None)
    text = b"e" * size
    client.receive_data(framed(text))
    (frame,) = client.events_received()
    assert isinstance(frame, Frame) and (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, text)
