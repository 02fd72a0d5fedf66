"""Frames that go to sockets past the event loop's transports, on socket pairs with tiny buffers: every reader gets whole frames in their order, or is told of a gap."""

import asyncio
import random
import socket
from array import array
from typing import Any

import pytest

from exchange_server.web import groups, native, stream
from exchange_server.web import outlets as outlets_module
from exchange_server.web.outlets import ROWS, Outlets
from exchange_server.web.stream import QUEUE_BYTES, Reader
from exchange_server.web.wire import Wire, framed

from .test_stream import Member

SMALL = 4608  # bytes of a socket's buffer, the least that Linux gives


class Peer:
    """The client's end: `data` is all that it has read."""

    def __init__(self, end: socket.socket) -> None:
        self.end, self.data = end, b""

    def read(self, most: int = 1 << 20) -> int:
        try:
            part = self.end.recv(most)
        except (BlockingIOError, ConnectionResetError):
            return 0
        self.data += part
        return len(part)

    @property
    def frames(self) -> list[bytes]:
        """Whole ones; what follows must be the beginning of one."""
        found, at = [], 0
        while at + 2 <= len(self.data):
            assert self.data[at] == 0x81, f"byte {at} begins no frame: {self.data[at : at + 20]!r}"
            size, start = self.data[at + 1], at + 2
            if size == 126:
                if at + 4 > len(self.data):
                    break
                size, start = int.from_bytes(self.data[at + 2 : at + 4], "big"), at + 4
            if start + size > len(self.data):
                break
            found.append(self.data[start : start + size])
            at = start + size
        return found


class Line(Wire):
    """A wire without uvicorn's handshake, on a transport of this loop."""

    def __init__(self) -> None:  # the parts of uvicorn's that the lower half uses
        self.writable = asyncio.Event()
        self.writable.set()
        self.close_sent = self.disconnected = False
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        self._take_transport(transport)

    def data_received(self, data: bytes) -> None:
        return

    def eof_received(self) -> None:
        return

    def connection_lost(self, exc: Exception | None) -> None:
        self._give_up()
        self.lost = True

    def pause_writing(self) -> None:
        self.writable.clear()
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self.writable.set()


class Room:
    """A group with readers on socket pairs."""

    def __init__(self, large: int = 1) -> None:
        self.outlets = Outlets(large=large, few=1)
        self.sending = groups.Sending(self.outlets)
        self.groups: Any = self  # as Streams has it
        self.gateway: Any = None
        self.group = groups.Group(None, "book", 1, 0, self.sending)  # type: ignore[arg-type]
        self.made: list[tuple[Any, Line]] = []

    async def reader(self) -> tuple[Reader, Line, Peer]:
        ours, theirs = socket.socketpair()
        for one in (ours, theirs):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
            one.setblocking(False)
        transport, line = await asyncio.get_running_loop().create_connection(Line, sock=ours)
        reader = Reader(self, None, line)  # type: ignore[arg-type]
        reader._groups["book", 1] = self.group
        self.group.add(reader)
        self.made.append((transport, line))
        return reader, line, Peer(theirs)

    def straight(self, reader: Reader) -> bool:
        return bool(self.outlets.fds[self.outlets.row_of(reader)] >= 0)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(groups.Group, "first", lambda self, member: member.put(framed(b"whole")))
    return Room()


async def turns(n: int = 5) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def test_from_its_second_frame_on_a_reader_is_reached_without_its_objects(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _, peer = await room.reader()
    room.group.send(framed(b"1"))
    assert room.straight(one)
    monkeypatch.setattr(Reader, "put", lambda *a: pytest.fail("it was asked"))
    room.group.send(framed(b"2"))
    peer.read()
    assert peer.frames == [b"1", b"2"]


async def test_a_frame_of_which_a_part_was_taken_is_ended_before_the_next_one(room: Room) -> None:
    one, _, slow = await room.reader()
    _, _, quick = await room.reader()
    sent = [framed(bytes([65 + n]) * 3000) for n in range(12)]
    for frame in sent:
        room.group.send(frame)
        quick.read()
        await turns(1)
    assert not room.straight(one), "something waits for it"
    for _ in range(100):
        slow.read()
        quick.read()
        await turns(2)
    assert slow.frames == quick.frames == [frame[4:] for frame in sent]
    room.group.send(framed(b"z"))
    assert room.straight(one), "nothing waits any more"
    slow.read()
    assert slow.frames[-1] == b"z"


async def test_what_the_protocol_itself_writes_is_not_passed_by_frames(room: Room) -> None:
    one, line, peer = await room.reader()
    room.group.send(framed(b"1"))
    line.transport.write(framed(b"ping"))  # as uvicorn does: it waits until the end of the turn
    assert not room.straight(one)
    room.group.send(framed(b"2"))
    await turns()
    peer.read()
    assert peer.frames == [b"1", b"ping", b"2"]


async def test_a_socket_that_is_closed_gets_nothing_more_and_its_descriptor_may_be_anothers(room: Room) -> None:
    one, line, _ = await room.reader()
    gone, _, left = await room.reader()
    room.group.send(framed(b"1"))
    line.transport.close()
    assert not room.straight(one)
    left.end.close()  # the other end has gone: the next frame finds out
    room.group.send(framed(b"2"))
    assert not room.straight(gone)
    await turns(10)
    room.group.send(framed(b"3"))
    assert not room.straight(one) and not room.straight(gone)
    fresh = [socket.socketpair() for _ in range(4)]  # these have the descriptors now
    room.group.send(framed(b"4"))
    ends = [end for pair in fresh for end in pair]
    for end in ends:
        end.setblocking(False)
        with pytest.raises(BlockingIOError):
            end.recv(10)
    for end in ends:
        end.close()


async def test_a_slow_reader_loses_what_waits_is_told_and_starts_anew_while_others_get_all(room: Room) -> None:
    _, _, slow = await room.reader()
    _, _, quick = await room.reader()
    count = 3 * QUEUE_BYTES // 4000
    for n in range(count):
        room.group.send(framed(b"%04d" % n + b"x" * 4000))
        while quick.read():
            pass
        await turns(2)
    for _ in range(2000):
        if not slow.read():
            await asyncio.sleep(0.001)
        quick.read()
        await turns(2)
        if slow.frames and slow.frames[-1] == b"whole":
            break
    assert [int(frame[:4]) for frame in quick.frames] == list(range(count))
    kinds = [frame[:4] for frame in slow.frames]
    at = next(i for i, frame in enumerate(slow.frames) if b'"gap"' in frame)
    assert [int(kind) for kind in kinds[:at]] == list(range(at)) and slow.frames[at + 1 :] == [b"whole"]


async def test_a_reader_that_takes_nothing_is_closed_and_holds_up_nobody(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SEND_S", 0.05)
    slow, _, unread = await room.reader()
    _, _, quick = await room.reader()
    for n in range(60):
        room.group.send(framed(b"%04d" % n + b"x" * 4000))
        while quick.read():
            pass
        await turns(2)
    await asyncio.sleep(0.2)
    assert slow._ending == (stream.CLOSE_SLOW, "too slow") and len(quick.frames) == 60
    assert unread.read()


@pytest.mark.parametrize("large", [1, 10**9], ids=["native", "asked"])
@pytest.mark.parametrize("seed", range(5))
async def test_readers_that_come_go_and_stall_at_random_get_whole_frames_in_order(
    seed: int, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a run of numbers without a hole from when it joined until it left or was told of a gap."""
    monkeypatch.setattr(groups, "SLICE", 7)
    monkeypatch.setattr(groups, "WAITING_MOST", 10_000)
    monkeypatch.setattr(groups.Group, "first", lambda self, member: member.put(framed(b"whole")))
    room = Room(large)
    dice = random.Random(seed)
    there: list[tuple[Reader, Line, Peer]] = []
    past: list[Peer] = []
    for n in range(300):
        if len(there) < 40 and dice.random() < 0.3:
            there.append(await room.reader())
        if there and dice.random() < 0.1:
            reader, line, peer = there.pop(dice.randrange(len(there)))
            room.group.remove(reader)
            if dice.random() < 0.5:
                line.transport.close()
            past.append(peer)
        if there and dice.random() < 0.2:
            dice.choice(there)[1].transport.write(framed(b"ping"))
        room.group.send(framed(b"%05d" % n + b"y" * dice.choice((1, 200, 3000))))
        for _, _, peer in there:
            if dice.random() < 0.5:
                peer.read(dice.choice((100, 5000, 1 << 20)))
        await turns(dice.randrange(8))
    for _ in range(400):
        await turns(1)
        for _, _, peer in there:
            peer.read()
    for peer in (*past, *(peer for _, _, peer in there)):
        while peer.read():
            pass
        told = [frame for frame in peer.frames if frame != b"ping"]
        until = next((i for i, frame in enumerate(told) if b'"gap"' in frame), len(told))
        numbers = [int(frame[:5]) for frame in told[:until]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
    assert any(len(peer.frames) > 100 for _, _, peer in there)
    rows = {row for row, one in enumerate(room.outlets.members) if one is not None}
    assert {room.outlets.row_of(reader) for reader, _, _ in there} == rows


def test_rows_are_used_again_and_grow() -> None:
    outlets = Outlets()
    many = [Member() for _ in range(3 * ROWS)]
    rows = [outlets.join(one) for one in many]
    assert len(set(rows)) == 3 * ROWS and outlets.join(many[0]) == rows[0]
    for one in many:
        outlets.leave(one)
    assert outlets.row_of(many[0]) == rows[0] and outlets.row_of(many[1]) == -1, "it is in another group"
    outlets.give(array("q", rows), 0, len(rows), b"f", ("book", 1))
    assert many[0].got == [b"f"] and not any(one.got for one in many[1:])


def test_places_of_a_group_are_filled_up_when_nothing_is_on_its_way() -> None:
    sending = groups.Sending(Outlets())
    group = groups.Group(None, "book", 1, 0, sending)  # type: ignore[arg-type]
    kept = [Member() for _ in range(3)]
    for n in range(1000):
        group.add(one := Member())
        if n % 400 == 0:
            group.add(kept[n // 400])
        group.remove(one)
    assert group.places < 100 and len(group.rows) < 200
    group.send(b"f")
    assert all(one.got == [b"f"] for one in kept)


def test_where_the_native_call_cannot_be_made_every_reader_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("no")

    monkeypatch.setattr(outlets_module, "write_listed", fail)
    outlets, one = Outlets(large=1, few=1), Member()
    group = groups.Group(None, "book", 1, 0, groups.Sending(outlets))  # type: ignore[arg-type]
    group.add(one)
    group.add(Member())
    group.send(b"f")
    assert one.got == [b"f"]


def test_the_native_call_writes_to_each_what_it_takes_and_counts_the_others() -> None:
    write = native.write_listed()
    pairs = [socket.socketpair() for _ in range(4)]
    pairs[3][1].close()
    pairs[2][0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
    fds, rows, counts = array("q", [pair[0].fileno() for pair in pairs] + [-1]), array("q", [0, -1, 2, 4, 3, 1]), array("q", [7] * 6)
    frame = b"z" * 100_000
    addresses = [one.buffer_info()[0] for one in (fds, rows, counts)]
    assert write(addresses[0], addresses[1], 0, 6, frame, 10, addresses[2]) == 3
    assert counts.tolist() == [10, -1, 10, -1, -1, 10] and pairs[0][1].recv(100) == b"z" * 10
    assert write(addresses[0], addresses[1], 2, 3, frame, len(frame), addresses[2]) == 1
    assert -1 <= counts[0] < len(frame) and counts.tolist()[1:] == [-1, 10, -1, -1, 10], "only its own place"
    assert write(addresses[0], addresses[1], 3, 3, frame, 10, addresses[2]) == 0
    for pair in pairs:
        for end in pair:
            end.close()
