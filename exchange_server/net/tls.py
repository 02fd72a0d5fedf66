"""TLS on listening ports: the server's certificate, its reload without a restart, and handshakes that are bounded.

A socket is accepted only when it may begin a handshake: at most HANDSHAKES at a time, of all ports together, at most FROM_ONE of one address;
the others wait in the system's queue without a descriptor of ours, and what is above FROM_ONE is closed. A handshake that takes too long is
dropped. After it, the connection is a Link like any other: endpoint.py says what differs.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from protocol import units

from ..certificates import DAY_NS, Certificate, server_context
from ..gateway.logon_guard import MS, Lines, address_of
from .endpoint import Hub, Link, Maker, PortError, cannot_open
from .observe import Log

HANDSHAKES = 192  # below limits.OWN_FILES
FROM_ONE = 128
BACKLOG = 1024
AT_ONCE = 64  # sockets accepted in one call


class Tls:
    """The certificate in use. New connections get the newest that was read without a fault."""

    def __init__(self, cert: Path, key: Path, now_ns: Callable[[], int], log: Log | None = None) -> None:
        """now_ns: time of day. Raises CertificateError."""
        self.cert, self.key, self.now_ns, self.log = cert, key, now_ns, log
        self._newest, self.certificate = server_context(cert, key, now_ns())
        self.context = self._newest  # what the ports hold: it gives each handshake the newest one
        self.context.sni_callback = self._choose
        self.reloads = 0
        self.handshakes = 0  # going on
        self.failed = 0
        self.turned_away = 0
        self.by_address: dict[str, int] = {}
        self.lines = Lines(50, 100 * MS)
        self._warned_ns = 0

    def _choose(self, link: Any, name: str | None, context: ssl.SSLContext) -> None:  # noqa: ARG002 (ssl)
        link.context = self._newest

    def reload(self) -> Certificate:
        """Read the files again. Raises CertificateError; the certificate in use stays then."""
        self._newest, self.certificate = server_context(self.cert, self.key, self.now_ns())
        self.reloads += 1
        if self.log is not None:
            self.log("info", "tls_reloaded", file=str(self.cert), until=units.instant(self.certificate.until_ns))
        return self.certificate

    def warn(self) -> None:
        """Log, once a day at most, that the certificate ends soon."""
        found, now = self.certificate, self.now_ns()
        if self.log is not None and found.ends_soon(now) and now >= self._warned_ns + DAY_NS:
            self._warned_ns = now
            self.log("warning", "tls_certificate_ends", file=str(found.file), until=units.instant(found.until_ns))

    def status(self) -> dict[str, Any]:
        """For `exos status`: also how long the certificate is valid."""
        found, now = self.certificate, self.now_ns()
        return {
            "certificate": str(found.file), "names": list(found.names), "until": units.instant(found.until_ns), "until_ns": found.until_ns,
            "ends_soon": found.ends_soon(now), "reloads": self.reloads, "handshakes": self.handshakes, "handshakes_failed": self.failed,
            "turned_away": self.turned_away,
        }  # fmt: skip

    # ---- handshakes
    def may_begin(self, peer: str) -> bool:
        return self.by_address.get(address_of(peer), 0) < FROM_ONE

    def begun(self, peer: str) -> None:
        name = address_of(peer)
        self.handshakes += 1
        self.by_address[name] = self.by_address.get(name, 0) + 1

    def ended(self, peer: str) -> None:
        name = address_of(peer)
        self.handshakes -= 1
        self.by_address[name] -= 1
        if not self.by_address[name]:
            del self.by_address[name]

    def not_done(self, kind: str, peer: str, error: Exception, now_ns: int) -> None:
        self.failed += 1
        if self.log is not None and self.lines.take(now_ns):
            why = getattr(error, "reason", "") or getattr(error, "strerror", "") or type(error).__name__
            self.log("info", "tls_handshake_failed", port=kind, peer=peer, why=str(why))


class TlsServer:
    """Listening sockets of one port. Accepts while handshakes are free."""

    def __init__(self, hub: Hub, kind: str, make: Maker, tls: Tls, sockets: list[socket.socket]) -> None:
        self.hub, self.kind, self.make, self.tls, self.sockets = hub, kind, make, tls, sockets
        self.tasks: set[asyncio.Task[None]] = set()
        self.paused: Any = None  # the timer that goes on accepting
        self.closed = False
        for sock in sockets:
            hub.loop.add_reader(sock.fileno(), self._accept, sock)

    def close(self) -> None:
        """No more connections are accepted; handshakes that go on are dropped."""
        if self.closed:
            return
        self.closed = True
        if self.paused is not None:
            self.paused.cancel()
        for sock in self.sockets:
            self.hub.loop.remove_reader(sock.fileno())
            sock.close()
        for task in self.tasks:
            task.cancel()

    def _accept(self, sock: socket.socket) -> None:
        for _ in range(AT_ONCE):
            if self.tls.handshakes >= HANDSHAKES:
                self._pause(0.01)
                return
            try:
                link, address = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                self._pause(0.1)
                return
            peer = f"{address[0]}:{address[1]}"
            if not self.tls.may_begin(peer):
                self.tls.turned_away += 1
                link.close()
                continue
            link.setblocking(False)
            self.tls.begun(peer)
            task = self.hub.loop.create_task(self._shake(link, peer))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def _pause(self, seconds: float) -> None:
        """Leave the sockets in the system's queue for a moment."""
        if self.paused is None:
            for sock in self.sockets:
                self.hub.loop.remove_reader(sock.fileno())
            self.paused = self.hub.loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self.paused = None
        for sock in self.sockets:
            self.hub.loop.add_reader(sock.fileno(), self._accept, sock)

    async def _shake(self, sock: socket.socket, peer: str) -> None:
        limits = self.hub.limits
        try:
            await self.hub.loop.connect_accepted_socket(
                lambda: Link(self.hub, self.kind, self.make), sock, ssl=self.tls.context, ssl_handshake_timeout=limits.logon_ns / 1e9,
                ssl_shutdown_timeout=max(limits.linger_s, limits.slow_linger_s),
            )  # fmt: skip
        except asyncio.CancelledError:
            with suppress(OSError):
                sock.close()
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            self.tls.not_done(self.kind, peer, error, self.hub.clock.tick_ns())
        finally:
            self.tls.ended(peer)


async def listen_tls(hub: Hub, kind: str, host: str, port: int, make: Maker, tls: Tls) -> tuple[TlsServer, int]:
    """Open a listening port with TLS (0: any free one); returns the server and the port. Raises PortError naming port and cause."""
    sockets: list[socket.socket] = []
    try:
        found = await hub.loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind_of, protocol, _, address in dict.fromkeys(found):
            sock = socket.socket(family, kind_of, protocol)
            sockets.append(sock)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address[0], port, *address[2:]))
            port = sock.getsockname()[1]
        for sock in sockets:
            sock.listen(BACKLOG)
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise cannot_open(kind, host, port, error) from error
    return TlsServer(hub, kind, make, tls, sockets), port


__all__ = ["PortError", "Tls", "TlsServer", "listen_tls"]
