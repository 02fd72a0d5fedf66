"""The HTTP port of `exos metrics`: three pages, one thread for each of a few connections, a time limit for each.

A peer that sends rubbish, sends or reads slowly, or comes in numbers takes nothing but its own place: at most MOST connections are open, each is
cut after LONGEST_S, and one more than that is closed at once.
"""

import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from .metrics import text_of
from .page import NoPage
from .view import look

MOST = 32
LONGEST_S = 10.0
IDLE_S = 5.0  # nothing came or went for so long
PLAIN = "text/plain; charset=utf-8"
METRICS = "text/plain; version=1.0.0; charset=utf-8"


class PortTaken(Exception):
    """The port cannot be opened; the text is one sentence."""


Answer = tuple[HTTPStatus, str, bytes]


def metrics(data: Path) -> Answer:
    return HTTPStatus.OK, METRICS, text_of(data)


def health(data: Path) -> Answer:
    """Whether the process runs and its loop turns."""
    try:
        view = look(data)
    except NoPage as error:
        return _no(str(error))
    return _yes(f"the server is {view.state}") if view.up else _no(f"the server is not up: {view.state}")


def readiness(data: Path) -> Answer:
    """Whether new orders are accepted."""
    try:
        why = look(data).not_ready
    except NoPage as error:
        return _no(str(error))
    return _no(why) if why else _yes("new orders are accepted")


def _yes(text: str) -> Answer:
    return HTTPStatus.OK, PLAIN, text.encode() + b"\n"


def _no(text: str) -> Answer:
    return HTTPStatus.SERVICE_UNAVAILABLE, PLAIN, text.encode() + b"\n"


PAGES: dict[str, Callable[[Path], Answer]] = {"/metrics": metrics, "/healthz": health, "/readyz": readiness}


class Handler(BaseHTTPRequestHandler):
    """One request; the connection ends with its answer."""

    server: "_Server"
    timeout = IDLE_S
    server_version = "exos"
    sys_version = ""

    def do_GET(self) -> None:
        page = PAGES.get(self.path.partition("?")[0])
        if page is None:
            self._answer(HTTPStatus.NOT_FOUND, PLAIN, f"pages: {', '.join(PAGES)}\n".encode())
            return
        self._answer(*page(self.server.data))

    do_HEAD = do_GET

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):  # the peer is gone, too slow, or was cut
            return

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not logged."""


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, data: Path, family: int, address: Any) -> None:
        self.data = data
        self.address_family = family
        self.began: dict[socket.socket, float] = {}
        self.lock = threading.Lock()
        super().__init__(address, Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 (socketserver)
        with self.lock:
            if len(self.began) >= MOST:
                return False
            self.began[request] = time.monotonic()
            return True

    def shutdown_request(self, request: Any) -> None:
        with self.lock:
            self.began.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Twice a second: cut connections that take too long, however busy they seem."""
        late = time.monotonic() - LONGEST_S
        with self.lock:
            for request in [one for one, began in self.began.items() if began < late]:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


class Listener:
    """`serve` answers until `stop`. address: host and port as a URL has them."""

    def __init__(self, data: Path, host: str, port: int) -> None:
        """Raises PortTaken."""
        try:
            family, _, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            self._server = _Server(data, family, address)
        except (OSError, UnicodeError) as error:
            raise PortTaken(
                f"port {port} on {host or 'every address'} cannot be opened: {getattr(error, 'strerror', None) or error}"
            ) from None
        found, self.port = self._server.server_address[:2]
        self.address = f"[{found!s}]:{self.port}" if family == socket.AF_INET6 else f"{found!s}:{self.port}"

    def serve(self) -> None:
        try:
            self._server.serve_forever(poll_interval=0.5)
        finally:
            self._server.server_close()

    def stop(self) -> None:
        """From another thread, or from a signal through one."""
        threading.Thread(target=self._server.shutdown, daemon=True).start()
