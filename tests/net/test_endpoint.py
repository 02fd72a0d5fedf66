"""Ports and sockets: what cannot be opened is said in one sentence; a link's output is bounded and in order."""

import asyncio
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exchange_server.net.clock import Clock
from exchange_server.net.endpoint import (
    NOT_SENT,
    SEND_BUFFER,
    TCP_NOTSENT_LOWAT,
    Link,
    PortError,
    listen_tcp,
    listen_unix,
    peer_uid,
    unix_socket,
)
from exchange_server.net.limits import Limits
from protocol import codes

from .fakes import Directory, LineConnection


class Transport:
    """Takes what is written until told that the peer has stopped reading."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.sent: list[bytes] = []
        self.full = False
        self.closed = self.aborted = self.ended = False
        self.reading = True

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        if self.full and not self.link.paused_at:
            self.link.pause_writing()

    def drain(self) -> None:
        self.full = False
        self.link.resume_writing()

    def get_write_buffer_size(self) -> int:
        return 1 if self.full else 0

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


class Pipes:
    """The pipeline as far as a link sees it."""

    def __init__(self, **limits: Any) -> None:
        self.limits = Limits(**limits)
        self.clock = Clock()
        self.marked = 0
        self.gone = 0
        self.slowed = 0
        self.out: list[Any] = []
        self.later: list[Any] = []
        self.waits: list[float] = []
        self.loop = SimpleNamespace(call_later=self.call_later)

    def call_later(self, seconds: float, call: Any) -> None:
        self.waits.append(seconds)
        self.later.append(call)

    def mark(self, link: Link) -> None:
        self.marked += 1

    def arm(self, link: Link) -> None: ...

    def hold(self, link: Link, data: bytes) -> None:
        self.out.append(data)

    def close_after_turn(self, link: Link) -> None:
        self.out.append(None)

    def detach(self, link: Link) -> None:
        self.gone += 1

    def slow(self, link: Link) -> None:
        self.slowed += 1


def make(**limits: Any) -> tuple[Link, Transport, Pipes]:
    pipes = Pipes(**limits)
    link = Link(pipes, "test", lambda now, link: None)  # type: ignore[arg-type, return-value]
    link.transport = transport = Transport(link)
    link.connection = LineConnection(1, link, Directory())
    return link, transport, pipes


def test_output_waits_while_the_peer_does_not_read_and_keeps_its_order() -> None:
    link, transport, _ = make()
    link.write(b"1")
    link.send(b"1")
    transport.full = True
    for data in (b"2", b"3", b"4"):
        link.write(data)
        link.send(data)
    assert transport.sent == [b"1", b"2"] and link.backlog == 2
    transport.drain()
    assert transport.sent == [b"1", b"2", b"3", b"4"] and link.backlog == 0


def test_too_much_that_is_not_taken_is_reported_as_slow() -> None:
    link, transport, pipes = make(slow_bytes=10)
    transport.full = True
    link.send(b"x")
    link.send(b"x" * 10)
    assert pipes.slowed == 0
    link.send(b"x")
    assert pipes.slowed == 1


def test_a_stalled_link_is_read_again_when_half_of_it_is_taken() -> None:
    link, transport, pipes = make(read_stop_bytes=100)
    transport.full = True
    for _ in range(4):
        link.write(b"x" * 40)
        link.send(b"x" * 40)
    link.stalled = True
    transport.drain()
    assert not link.stalled and pipes.marked == 1


def test_nothing_is_written_behind_close_or_after_the_socket_is_gone() -> None:
    link, transport, pipes = make()
    link.write(b"bye")
    link.close(codes.R_SHUTDOWN, "stop")
    link.close(codes.OK)
    link.write(b"more")
    assert pipes.out == [b"bye", None] and link.closing == (codes.R_SHUTDOWN, "stop")
    link.send(b"bye")
    link.send(None)
    assert transport.sent == [b"bye"] and transport.ended and not transport.closed, "its own end is awaited"
    assert link.eof_received() is False, "both have said all: asyncio closes"
    link.connection_lost(None)
    link.connection_lost(None)
    link.send(b"late")
    assert pipes.gone == 1 and transport.sent == [b"bye"]


def test_a_close_that_the_peer_does_not_take_is_ended_after_a_while() -> None:
    link, transport, pipes = make()
    transport.full = True
    link.send(b"a")
    link.send(b"b")
    link.send(None)
    assert transport.ended and transport.sent == [b"a", b"b"] and link.queued == 0
    assert pipes.waits == [pipes.limits.slow_linger_s], "it may read again"
    pipes.later[0]()
    assert transport.aborted


def test_what_comes_behind_our_goodbye_is_taken_and_dropped() -> None:
    """Unread bytes at a close make the system answer with a reset, which throws the goodbye away."""
    link, transport, pipes = make()
    link.reading = transport.reading = False  # it sent more than we took
    link.send(None)
    assert transport.reading and transport.ended and pipes.waits == [pipes.limits.linger_s]
    for _ in range(3):
        space = link.get_buffer(-1)
        link.buffer_updated(len(space))
    assert pipes.marked == 0 and link.connection.pending == 0 and transport.reading
    link.send(None)
    assert len(pipes.waits) == 1
    pipes.later[0]()
    assert transport.aborted


def test_a_peer_that_has_ended_already_is_closed_at_once() -> None:
    link, transport, pipes = make()
    link.eof = True
    link.send(None)
    assert transport.closed and not pipes.later


async def test_the_kernels_send_buffer_is_bounded() -> None:
    sizes: list[tuple[int, int]] = []

    class Looks(Link):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            sock = transport.get_extra_info("socket")
            sizes.append((sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF), sock.getsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT)))
            transport.abort()

    loop = asyncio.get_running_loop()
    pipes: Any = SimpleNamespace(attach=lambda link: None, detach=lambda link: None)
    server = await loop.create_server(lambda: Looks(pipes, "test", lambda now, link: None), "127.0.0.1", 0)  # type: ignore[arg-type, return-value]
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    with suppress(ConnectionError):
        await reader.read()
    writer.close()
    server.close()
    assert sizes == [(2 * SEND_BUFFER, NOT_SENT)], "Linux doubles what is asked"


def test_a_full_buffer_stops_reading_until_it_is_consumed() -> None:
    link, transport, pipes = make()
    while transport.reading:
        space = link.get_buffer(-1)
        assert len(space) > 0, "a loop must never be handed an empty buffer"
        space[: min(1000, len(space))] = bytes(min(1000, len(space)))
        link.buffer_updated(min(1000, len(space)))
    assert link.connection.pending == link.connection.capacity and not link.reading
    link.connection.start = link.connection.end
    link.resume()
    assert transport.reading and len(link.get_buffer(-1)) == link.connection.capacity


def test_timers_of_a_link() -> None:
    link, _, pipes = make(slow_ns=1000)
    assert link.next_timer() == 0
    link.connection.next_due = 500
    assert link.next_timer() == 500
    link.deadline = 400
    assert link.next_timer() == 400
    link.paused_at, link.deadline, link.connection.next_due = 50, 5000, 0
    assert link.next_timer() == 1050
    link.expelled = True
    assert link.next_timer() == 5000
    link.lost = True
    assert link.next_timer() == 0


async def test_a_port_in_use_is_one_sentence_with_its_number() -> None:
    with socket.socket() as blocker:
        blocker.bind(("127.0.0.1", 0))
        blocker.listen()
        port = blocker.getsockname()[1]
        pipeline: Any = SimpleNamespace(loop=asyncio.get_running_loop())
        with pytest.raises(
            PortError, match=rf"^port {port} on 127\.0\.0\.1 \(fix\) is in use by another process: stop it or choose another"
        ):
            await listen_tcp(pipeline, "fix", "127.0.0.1", port, lambda now, link: None)  # type: ignore[arg-type, return-value]


async def test_an_address_that_is_not_ours_is_named() -> None:
    pipeline: Any = SimpleNamespace(loop=asyncio.get_running_loop())
    with pytest.raises(PortError, match=r"^port 9 on 192\.0\.2\.1 \(binary\) (cannot be opened|may not be opened)"):
        await listen_tcp(pipeline, "binary", "192.0.2.1", 9, lambda now, link: None)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("deep", [0, 12])
def test_the_admin_socket_is_its_owners_also_at_the_end_of_a_long_path(tmp_path: Path, deep: int) -> None:
    folder = tmp_path.joinpath(*["a-long-name"] * deep)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "admin.sock"
    path.write_text("left over")
    mask = os.umask(0o022)
    os.umask(mask)
    with unix_socket(path):
        assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o600
    again = os.umask(mask)
    assert again == mask, "the process's umask is as it was"


async def test_an_admin_socket_without_a_folder_is_named(tmp_path: Path) -> None:
    pipeline: Any = SimpleNamespace(loop=asyncio.get_running_loop())
    with pytest.raises(PortError, match="the admin socket .*admin.sock cannot be opened: No such file"):
        await listen_unix(pipeline, "admin", tmp_path / "gone" / "admin.sock", lambda now, link: None)  # type: ignore[arg-type, return-value]


def test_the_peers_uid_is_the_kernels_word() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_uid(ours) == f"uid:{os.getuid()}"
    assert peer_uid(None) == "uid:?"
