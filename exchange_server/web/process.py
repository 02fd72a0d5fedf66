"""The web process: one listener, one connection for market data, one for each client that is logged on. Stops cleanly on SIGTERM and SIGINT."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvicorn
import uvloop

from ..exits import Exit
from ..net.observe import Log
from .app import make_app
from .desk import Door
from .feed import Feed, Unlocated
from .gateway import Gateway, Settings
from .idle import Idle
from .link import KeptProver, Target
from .pages.routes import Pages
from .reference import Reference, Unreadable
from .wire import Wire

BACKLOG = 2048
IDLE_S = 30  # between two requests of a connection
STOP_S = 5
SWEEP_S = 5.0
PING_S = 60.0  # to a WebSocket that is there no longer; one that is too slow is found sooner
FILES_WANTED = 65_536


class WebOptions(NamedTuple):
    """connect: opens a connection for questions (blocks). door: where principals log on. target: the binary port; None: the server's status tells it, on `upstream_host`. tls: of the binary
    port. certificate: of the listener. exposed: the listener can be reached from other machines; sandbox_too: also with a sandbox behind it."""

    host: str
    port: int
    connect: Callable[[], Any]
    door: Door
    login: str
    secret: str
    key_file: Path | None
    key_id: str
    target: tuple[str, int] | None
    upstream_host: str
    tls: ssl.SSLContext | None
    certificate: ssl.SSLContext | None
    exposed: bool
    sandbox_too: bool
    settings: Settings
    pages: Pages
    ready_file: Path | None = None
    log_level: str = "info"


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own. `opened`: it listens, or has failed to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.opened = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.opened.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Exposed(Exception):
    """A sandbox would be reachable from other machines; the text is a sentence."""


def run(options: WebOptions) -> int:
    """Serve until told to stop; an exits.Exit."""
    log = Log(level=options.log_level)
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        log(
            "error",
            "not_started",
            exit_code=int(Exit.PORT),
            text=f"{options.host}:{options.port} cannot be opened: {error.strerror or error}",
        )
        log.flush()
        return Exit.PORT
    raise_files()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return int(runner.run(_main(options, listener, log)))
    finally:
        listener.close()
        log.flush()


def listen(host: str, port: int) -> socket.socket:
    """The listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
    except OSError:
        found.close()
        raise
    return found


def raise_files() -> None:
    """As many descriptors as the system lets us have: each socket of a reader is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def gateway_of(options: WebOptions, log: Callable[..., None]) -> Gateway:
    """Raises ValueError, OSError for credentials that cannot be used."""
    reference = Reference(options.connect, log)
    private = options.key_file.read_text() if options.key_file is not None else None
    prover = KeptProver(options.login, options.secret if private is None else "", private, options.key_id)

    async def locate() -> Target:
        try:
            status = await reference.ask("status")
        except Unreadable as error:
            raise Unlocated(str(error)) from None
        about = status.get("server", {})
        gateway.sandbox = bool(about.get("sandbox"))
        if gateway.sandbox and options.exposed and not options.sandbox_too:
            raise Exposed(
                f"a sandbox, whose passwords are published, would be reachable on {options.host}: give --expose-sandbox if that is meant"
            )
        if options.target is not None:
            return Target(*options.target, options.tls)
        if not about.get("binary_port"):
            raise Unlocated("the server's status does not tell its binary port: give --connect HOST:PORT")
        return Target(options.upstream_host, about["binary_port"], options.tls)

    async def connected() -> None:
        try:
            await reference.load(feed)
        except Unreadable as error:
            raise Unlocated(str(error)) from None
        gateway.sessions.relocated()

    feed = Feed(locate, options.login, prover, log, connected)
    gateway = Gateway(feed, reference, options.settings, log, options.door)
    feed.listeners.append(lambda message, book: reference.heard(message) if message is not None else None)
    return gateway


async def _main(options: WebOptions, listener: socket.socket, log: Log) -> int:
    loop = asyncio.get_running_loop()
    try:
        gateway = gateway_of(options, log)
    except (OSError, ValueError) as error:
        log("error", "not_started", exit_code=int(Exit.USAGE), text=f"the credentials of the market data cannot be used: {error}")
        return Exit.USAGE
    config = uvicorn.Config(
        make_app(gateway, options.pages), http=Idle, ws=Wire, loop="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        timeout_keep_alive=IDLE_S, timeout_graceful_shutdown=STOP_S, ws_max_size=16 * 1024, ws_per_message_deflate=False, ws_ping_interval=PING_S, ws_ping_timeout=20.0, proxy_headers=False,
    )  # fmt: skip
    config.load()
    config.ssl = options.certificate
    server = _Server(config)

    def stop() -> None:
        if server.should_exit:
            server.force_exit = True
            return
        log("info", "stopping")
        server.should_exit = True
        gateway.stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    ended: list[Exit] = []
    feeding = asyncio.create_task(gateway.feed.run())

    def fed(task: "asyncio.Task[None]") -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        code = Exit.CONFIG if isinstance(error, Exposed) else Exit.BROKEN
        log(
            "error",
            "not_started" if code == Exit.CONFIG else "broken",
            exit_code=int(code),
            text=str(error),
            exc_info=None if code == Exit.CONFIG else error,
        )
        ended.append(code)
        stop()

    tasks = [feeding, asyncio.create_task(gateway.reference.run(gateway.feed)), asyncio.create_task(_housekeeping(gateway, log))]
    for task in tasks:
        task.add_done_callback(fed)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.opened.wait()
    _announce(options, listener, log)
    await serving
    await gateway.sessions.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    log("info", "stopped")
    return ended[0] if ended else Exit.OK


async def _housekeeping(gateway: Gateway, log: Log) -> None:
    while True:
        await asyncio.sleep(SWEEP_S / 10)
        gateway.sessions.sweep()
        log.flush()


def _announce(options: WebOptions, listener: socket.socket, log: Log) -> None:
    """One JSON line on stdout: where the API is."""
    port = listener.getsockname()[1]
    host = f"[{options.host}]" if ":" in options.host else options.host
    scheme = "https" if options.certificate is not None else "http"
    line = msgspec.json.encode({"ready": True, "pid": os.getpid(), "address": f"{scheme}://{host}:{port}", "port": port})
    try:
        sys.stdout.write(line.decode() + "\n")
        sys.stdout.flush()
        if options.ready_file is not None:
            options.ready_file.write_bytes(line + b"\n")
    except OSError as error:
        log("error", "ready_not_told", why=error.strerror or str(error))
    log.flush()
