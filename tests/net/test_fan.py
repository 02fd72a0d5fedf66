"""The same bytes for several links: directly to the sockets that take them, through the transport where something waits before them."""

import socket
from typing import Any

import pytest

from exchange_server.net import sockets
from exchange_server.net.endpoint import Fan, Link

from .test_endpoint import Transport, make


class Pair:
    """A link on a real socket, and its peer."""

    def __init__(self, send_buffer: int = 0) -> None:
        self.link, self.transport, self.pipes = make()
        self.own, self.peer = socket.socketpair()
        if send_buffer:
            self.own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.own.setblocking(False)
        self.peer.settimeout(5)
        self.link.fd = self.own.fileno()

    def close(self) -> None:
        self.own.close()
        self.peer.close()


@pytest.fixture
def pairs() -> Any:
    made = [Pair() for _ in range(3)]
    yield made
    for pair in made:
        pair.close()


def fan_of(pairs: list[Pair], data: bytes) -> Fan:
    """What write_all gives to the gate."""
    links = [pair.link for pair in pairs]
    held: list[Any] = []
    links[0].hub.hold = lambda to, data: held.append((to, data))  # type: ignore[assignment]
    links[0].write_all(links, data)
    ((fan, given),) = held
    assert isinstance(fan, Fan) and given is data
    return fan


def test_every_peer_gets_the_bytes_directly(pairs: list[Pair]) -> None:
    fan = fan_of(pairs, b"update")
    assert [pair.link.held for pair in pairs] == [6, 6, 6]
    fan.send(b"update")
    for pair in pairs:
        assert pair.peer.recv(100) == b"update"
        assert pair.link.held == 0 and not pair.transport.sent


def test_output_that_waits_goes_first(pairs: list[Pair]) -> None:
    waiting, paused, tls = pairs
    waiting.transport.full = True  # the transport has bytes of its own to write
    paused.link.paused_at = 1
    tls.link.fd = -1
    fan_of(pairs, b"update").send(b"update")
    assert waiting.transport.sent == [b"update"] and tls.transport.sent == [b"update"]
    assert list(paused.link.queue) == [b"update"]
    for pair in pairs:
        pair.peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            pair.peer.recv(100)
        assert pair.link.held == 0


def test_what_a_full_socket_does_not_take_goes_to_its_transport(pairs: list[Pair]) -> None:
    small = Pair(send_buffer=4096)
    data = bytes(range(256)) * 4096
    try:
        fan_of([small, pairs[0]], data).send(data)
        rest = b"".join(small.transport.sent)
        taken = b""
        small.peer.setblocking(False)
        while True:
            try:
                taken += small.peer.recv(1 << 20)
            except BlockingIOError:
                break
        assert taken and rest and taken + rest == data
        assert small.link.held == 0
    finally:
        small.close()


def test_a_closed_socket_is_left_to_its_transport(pairs: list[Pair]) -> None:
    pairs[0].peer.close()
    fan_of(pairs, b"update").send(b"update")
    assert pairs[0].transport.sent == [b"update"]
    assert pairs[1].peer.recv(100) == pairs[2].peer.recv(100) == b"update"


def test_closing_and_lost_links_get_nothing(pairs: list[Pair]) -> None:
    pairs[0].link.closing = (0, "")
    pairs[1].link.lost = True
    fan = fan_of(pairs, b"update")
    assert fan.links == [pairs[2].link]
    assert pairs[0].link.held == pairs[1].link.held == 0


def test_a_link_that_is_lost_before_the_release_gets_nothing(pairs: list[Pair]) -> None:
    fan = fan_of(pairs, b"update")
    pairs[1].link.lost = True
    fan.send(b"update")
    assert not pairs[1].transport.sent and pairs[1].link.held == 0
    assert pairs[2].peer.recv(100) == b"update"


def test_more_sockets_and_bytes_than_there_was_room_for() -> None:
    made = [Pair() for _ in range(300)]
    data = b"x" * 70_000
    try:
        assert sockets.write_all([pair.own.fileno() for pair in made], data) == [70_000] * 300
        assert made[299].peer.recv(70_000, socket.MSG_WAITALL) == data
    finally:
        for pair in made:
            pair.close()


def test_the_transport_of_the_fake_is_the_links() -> None:
    link, transport, _ = make()
    assert isinstance(link, Link) and isinstance(transport, Transport) and link.fd == -1
