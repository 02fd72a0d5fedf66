"""One socket: bytes go directly into the connection's buffer, output leaves in order, and all memory that a peer can use is bounded.

Guarantees
  * A peer before logon gets 8 kB of buffer, `logon_ns` and `logon_bytes`; then it is disconnected.
  * If a peer does not read, its input is no longer read once `read_stop_bytes` wait for it, and it is disconnected with
    R_SLOW_READER at `slow_bytes` or `slow_ns`. Other peers are not affected.
  * The kernel's buffers for a peer are bounded too, so `slow_bytes` and `slow_ns` take effect as configured.
  * What is written after `close` is dropped; what was written before is flushed, for at most `linger_s` (`slow_linger_s` for a slow reader): a
    peer that reads again within that time gets the reason as its last message.
  * One peer's bytes never go to another: queues belong to the link and are discarded with it.
"""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..gateway.connection import Connection
from . import sockets
from .clock import Clock
from .limits import Limits

Maker = Callable[[int, "Link"], Connection]  # (ns now, the way out) -> a new connection

SEND_BUFFER = 256 * 1024  # of the kernel (it uses twice as much): without a limit it buffers megabytes for a peer that never reads
NOT_SENT = 128 * 1024  # part of it that may be unsent
TCP_NOTSENT_LOWAT = 25  # Linux; the socket module has no name for it before Python 3.12
WRITE_HIGH = 256 * 1024  # bytes in the transport's own buffer at which it pauses writing
UNIX_PATH_MAX = 100  # bytes; the system's limit is 107
NEARLY_FULL = 1024  # free bytes of a receive buffer below which the connection is asked for more space


class PortError(Exception):
    """A port could not be opened; the text is one sentence for the operator."""


class Listening(Protocol):
    """A port that takes connections."""

    def close(self) -> None:
        """Take no more connections."""


class Hub(Protocol):
    """What a link needs from its server (provided by net/turn.py)."""

    loop: asyncio.AbstractEventLoop
    clock: Clock
    limits: Limits

    # These attributes hold functions, so a link calls them without an extra call in between.
    attach: Callable[["Link"], None]  # the peer has connected
    detach: Callable[["Link"], None]  # the socket has closed
    arm: Callable[["Link"], None]  # its next timer may have become earlier
    hold: Callable[["Link | Fan", bytes], None]  # output that leaves with the turn
    slow: Callable[["Link"], None]  # the peer has too much unread output
    close_after_turn: Callable[["Link"], None]

    def mark(self, link: "Link") -> None:
        """Put the link on the list of the next turn."""


class Link(asyncio.BufferedProtocol):
    """The server's side of one socket; a connection's Outlet."""

    __slots__ = (
        "closed", "closing", "connection", "deadline", "due_more", "eof", "expelled", "fd", "finishing", "greedy_at", "held", "hub", "id", "kind", "logged_off", "lost", "make", "over_look", "over_until", "paused_at", "peer", "queue",
        "queued", "reading", "ready", "received", "stalled", "taken", "taken_age", "timer_at", "tls", "transport", "uses", "wants",
    )  # fmt: skip

    def __init__(self, hub: Hub, kind: str, make: Maker) -> None:
        self.hub = hub
        self.kind = kind
        self.make = make
        self.id = 0
        self.connection: Any = None
        self.transport: Any = None
        self.peer = ""
        self.tls = False
        self.fd = -1  # of the socket, if bytes may be written to it directly
        self.received = 0
        self.ready = False  # it is on the list of the next turn
        self.reading = True
        self.stalled = False  # its output is not read fast enough: its input waits
        self.wants = False  # the last gather stopped early
        self.closing: tuple[int, str] | None = None  # set by close(): from then on nothing is read and the connection writes nothing more
        self.closed = False  # set at the end of that turn: from then on no output is held for it
        self.lost = False
        self.logged_off = False  # its session was logged off
        self.expelled = False  # the server is ending the session: a Logout is being sent
        self.eof = False
        self.finishing = False  # the last byte for the peer has been written
        self.taken = self.taken_age = 0  # words of its input that turns took lately, and when that was last halved (fairness.py)
        self.uses: tuple[Any, Any] | None = None  # the same of its venue and firm, once that is asked for
        self.greedy_at = 0  # when it last used more than a modest part of a turn
        self.over_look = self.over_until = 0  # the look at its session's throttle, and until when it counts as over it (floods.py)
        self.due_more = False  # and whether its throttle allows more than it has had
        self.queue: deque[bytes] = deque()  # released, but the transport has paused writing
        self.queued = 0
        self.held = 0  # made, not yet released
        self.paused_at = 0  # ns; 0: the peer reads its output
        self.deadline = 0  # ns by which a logon must have arrived
        self.timer_at = 0  # ns of its entry in the calendar

    # ------------------------------------------------------------------------------------------------- asyncio
    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.tls = transport.get_extra_info("ssl_object") is not None
        sock = transport.get_extra_info("socket")
        self.fd = sock.fileno() if sock is not None and not self.tls else -1
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            sock.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT)
        transport.set_write_buffer_limits(high=WRITE_HIGH)
        address = transport.get_extra_info("peername")
        self.peer = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else peer_uid(sock)
        self.hub.attach(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio)
        return self.connection.get_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        connection = self.connection
        if self.finishing:  # input after the Logout is discarded, but must be read: otherwise the system would drop the Logout
            connection.start = connection.end = 0
            return
        connection.end += nbytes
        self.received += nbytes
        if not self.ready:
            self.hub.mark(self)
        if connection.end >= connection.capacity - NEARLY_FULL and not connection.get_buffer():
            self.reading = False
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The peer will send no more; messages already received are still carried out and answered. Under TLS the end of input is the end of the
        connection: they are carried out, and not answered."""
        self.eof = True
        if self.finishing:
            return False  # both sides are done: close
        self.hub.mark(self)
        return not self.tls

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio)
        if not self.lost:
            self.lost = True
            self.hub.detach(self)
            self.queue.clear()
            self.queued = 0

    def pause_writing(self) -> None:
        self.paused_at = self.hub.clock.tick_ns()
        self.hub.arm(self)

    def resume_writing(self) -> None:
        self.paused_at = 0
        while self.queue and not self.paused_at:
            data = self.queue.popleft()
            self.queued -= len(data)
            self.transport.write(data)
        if self.stalled and self.backlog < self.hub.limits.read_stop_bytes >> 1:
            self.stalled = False
            self.hub.mark(self)

    # -------------------------------------------------------------------------------------------------- Outlet
    def write(self, data: bytes) -> None:
        if self.closing is None and not self.lost and data:
            self.held += len(data)
            self.hub.hold(self, data)

    def write_all(self, outlets: Sequence[Any], data: bytes) -> None:
        links: list[Link] = [link for link in outlets if link.closing is None and not link.lost]
        for link in links:
            link.held += len(data)
        if links and data:
            self.hub.hold(Fan(links), data)

    def ask_turn(self) -> None:
        if not self.lost:
            self.hub.mark(self)

    def close(self, reason: int, text: str = "") -> None:
        if self.closing is None:
            self.closing = (reason, text)
            self.hub.close_after_turn(self)

    def resume(self) -> None:
        if not self.reading and not self.lost:
            self.reading = True
            self.transport.resume_reading()

    @property
    def backlog(self) -> int:
        return self.held + self.queued

    # ------------------------------------------------------------------------------------------------- pipeline
    def send(self, data: bytes | None) -> None:
        """The turn that made `data` is durable. None: close."""
        if data is None:
            self.finish()
            return
        self.held -= len(data)
        if self.lost:
            return
        if not self.paused_at:
            self.transport.write(data)
            if self.stalled and self.held < self.hub.limits.read_stop_bytes >> 1:
                self.stalled = False
                self.hub.mark(self)
            return
        self.queue.append(data)
        self.queued += len(data)
        if self.queued > self.hub.limits.slow_bytes:
            self.hub.slow(self)

    def free(self) -> bool:
        """May bytes be written to the socket directly: is nothing of this peer's output waiting before them?"""
        return self.fd >= 0 and not (self.lost or self.paused_at or self.finishing) and not self.transport.get_write_buffer_size()

    def wrote(self, data: bytes, count: int) -> None:
        """`count` bytes of `data` were written to the socket directly; the transport gets the others (and finds out about a broken socket)."""
        self.held -= len(data)
        if count < len(data):
            self.transport.write(data[count:] if count > 0 else data)
        if self.stalled and self.held < self.hub.limits.read_stop_bytes >> 1:
            self.stalled = False
            self.hub.mark(self)

    def finish(self) -> None:
        """Flush, send EOF, and close when the peer has sent EOF too; a peer that does not do so in time is dropped.

        Closing at once could lose the Logout: if bytes of the peer are unread, the system sends a reset and discards its unsent data."""
        if self.lost or self.finishing:
            return
        self.finishing = True
        while self.queue:  # a slow peer's backlog is discarded before its Logout (see Links.slow), so this is short
            self.transport.write(self.queue.popleft())
        self.queued = 0
        if (
            self.tls
        ):  # close() writes what is left, takes and drops what the peer still sends, and waits for its end of TLS (net/tls.py: how long)
            self.resume()
            self.transport.close()
        elif self.eof or not self.transport.can_write_eof():
            self.transport.close()
            if not self.transport.get_write_buffer_size():
                return
        else:
            self.connection.start = self.connection.end = 0
            self.resume()
            self.transport.write_eof()
        linger_s = self.hub.limits.slow_linger_s if self.paused_at else self.hub.limits.linger_s
        self.hub.loop.call_later(linger_s, self.transport.abort)

    def next_timer(self) -> int:
        """ns at which something is next due on this link; 0: nothing."""
        if self.lost or self.connection is None:
            return 0
        due = self.connection.next_due
        if self.deadline and (not due or self.deadline < due):
            due = self.deadline
        if self.paused_at and not self.expelled:
            slow = self.paused_at + self.hub.limits.slow_ns
            if not due or slow < due:
                due = slow
        return due


class Fan:
    """The same bytes for several links, in the place of a link in the gate."""

    __slots__ = ("links",)

    def __init__(self, links: list[Link]) -> None:
        self.links = links

    def send(self, data: bytes) -> None:
        """The turn that made `data` is durable: one crossing writes it to all sockets that take it directly."""
        free = []
        for link in self.links:
            if link.free():
                free.append(link)
            else:
                link.send(data)
        if free:
            for link, count in zip(free, sockets.write_all([link.fd for link in free], data)):
                link.wrote(data, count)


def peer_uid(sock: Any) -> str:
    """`uid:N` of the process at the other end of a Unix socket."""
    if sock is None:
        return "uid:?"
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return f"uid:{int.from_bytes(raw[4:8], 'little')}"


async def listen_tcp(hub: Hub, kind: str, host: str, port: int, make: Maker) -> tuple[Listening, int]:
    """Open a listening port (0: any free one); returns the server and the port. Raises PortError naming port and cause."""
    try:
        server = await hub.loop.create_server(lambda: Link(hub, kind, make), host, port, backlog=1024)
    except OSError as error:
        raise cannot_open(kind, host, port, error) from error
    return server, server.sockets[0].getsockname()[1]


def cannot_open(kind: str, host: str, port: int, error: OSError) -> PortError:
    """Why a port could not be opened, for the operator."""
    if error.errno == errno.EADDRINUSE:
        return PortError(f"port {port} on {host} ({kind}) is in use by another process: stop it or choose another port")
    if error.errno in (errno.EACCES, errno.EPERM):
        return PortError(f"port {port} on {host} ({kind}) may not be opened by this user: ports below 1024 need a privilege")
    return PortError(f"port {port} on {host} ({kind}) cannot be opened: {error.strerror or error}")


async def listen_unix(hub: Hub, kind: str, path: Path, make: Maker) -> Listening:
    """Open a socket in the data folder, readable by its owner only. The data folder's lock is held, so an existing file is a leftover."""
    try:
        sock = unix_socket(path)
        return await hub.loop.create_unix_server(lambda: Link(hub, kind, make), sock=sock)
    except OSError as error:
        raise PortError(f"the {kind} socket {path} cannot be opened: {error.strerror or error}") from error


def unix_socket(path: Path) -> socket.socket:
    """A bound socket with mode 0600. A path longer than the system allows is opened through its folder's descriptor. Raises OSError."""
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    mask = os.umask(0o177)
    try:
        sock.bind(str(path) if len(os.fsencode(path)) <= UNIX_PATH_MAX else f"/proc/self/fd/{folder}/{path.name}")
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(mask)
        os.close(folder)
    return sock
