"""The webhooks process: one reader of the event store, a sender for each endpoint. Stops cleanly on SIGTERM and SIGINT; may be killed at any moment."""

import asyncio
import fcntl
import os
import signal
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvloop

from ..exits import Exit
from ..net.observe import Log
from . import endpoints as E
from .bodies import SETTLEMENT, TRANSITIONS
from .facts import Wanted
from .feed import Feed
from .names import Names
from .post import Outcome, Post, send
from .progress import Book
from .sender import Rules, Sender
from .source import Rows

LOOK_S = 0.5  # between two looks at the file of endpoints
CONNECTIONS = 512  # at once, of all endpoints
ID_CHARS = 12  # of the folder's identity, in ids of messages
LOCK = "lock"


class HookOptions(NamedTuple):
    """connect: opens a connection for questions (blocks). exchange: identity of the data folder. trust: for TLS to endpoints, None: what the system trusts."""

    data: Path
    connect: Callable[[], Any]
    exchange: str
    trust: ssl.SSLContext | None = None
    rules: Rules = Rules()
    ready_file: Path | None = None
    log_level: str = "info"


class NotStarted(Exception):
    """The text is one sentence."""


def run(options: HookOptions) -> int:
    """Serve until told to stop; an exits.Exit."""
    log = Log(level=options.log_level)
    try:
        held = _lock(options.data)
    except (NotStarted, OSError) as error:
        log("error", "not_started", exit_code=int(Exit.BESIDE), text=str(error))
        log.flush()
        return Exit.BESIDE
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return int(runner.run(_main(options, log)))
    finally:
        os.close(held)
        log.flush()


def _lock(data: Path) -> int:
    """Only one process serves a folder. Raises NotStarted, OSError."""
    folder = E.folder_of(data)
    folder.mkdir(mode=0o700, exist_ok=True)
    held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise NotStarted(f"another exos webhooks serve runs for {data}") from None
    return held


async def _main(options: HookOptions, log: Log) -> Exit:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        service = Service(options, log)
        service.look()
    except (E.EndpointError, OSError) as error:
        log("error", "not_started", exit_code=int(Exit.BESIDE), text=str(error))
        return Exit.BESIDE
    _announce(options, log)
    log.flush()
    return await service.run(stop)


class Service:
    """All of it. Raises EndpointError, OSError for files that cannot be used."""

    def __init__(self, options: HookOptions, log: Log) -> None:
        self.options, self.log = options, log
        self.book = Book(options.data, options.exchange)
        self.feed = Feed(Rows(options.data), Names(options.connect), log)
        self.feed.news = self._news
        self.trust = options.trust or ssl.create_default_context()
        self.senders: dict[str, Sender] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._seen: tuple[int, int, int] | None = None  # of the file of endpoints

    def _news(self) -> None:
        for sender in self.senders.values():
            sender.wake.set()

    def _changed(self) -> None:
        self.book.dirty = True

    async def deliver(self, endpoint: E.Endpoint, id: str, body: bytes) -> Outcome:
        async with self._slots:
            post = Post(E.url_parts(endpoint.url, endpoint.allow_plain), endpoint.secret, endpoint.allow_private, self.trust)
            return await send(post, id, body, time.time_ns() // 10**9)

    # ---- the file of endpoints ------------------------------------------------------------------------------------
    def look(self) -> None:
        """Take over what has changed in the file of endpoints. Raises EndpointError, OSError."""
        path = E.folder_of(self.options.data) / E.FILE
        try:
            status = path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            seen = (0, 0, 0)
        if seen == self._seen:
            return
        content = E.read(self.options.data)
        self._seen = seen
        self._take(content.endpoints)

    def _take(self, found: list[E.Endpoint]) -> None:
        wanted = {endpoint.name: endpoint for endpoint in found}
        public = {TRANSITIONS, SETTLEMENT}
        firms = sorted({one.of for one in found if one.owner == "firm" and public & set(one.groups)})
        self.feed.tell(Wanted(frozenset((one.owner, one.of) for one in found), tuple(firms)))
        for name in list(self.senders):
            new, old = wanted.get(name), self.senders[name].endpoint
            if new is None or new.added_ns != old.added_ns:
                self.tasks.pop(name).cancel()
                del self.senders[name]
                self.log("info", "endpoint_removed", endpoint=name)
            elif new != old:
                self.senders[name].endpoint = new
                self.senders[name].wake.set()
        self.book.keep(set(wanted))
        for name, endpoint in wanted.items():
            if name in self.senders:
                continue
            sender = Sender(
                endpoint, self.book.of(endpoint), self.feed, self.deliver, self.options.exchange[:ID_CHARS], self.log, changed=self._changed,
                rules=self.options.rules,
            )  # fmt: skip
            self.senders[name] = sender
            self.tasks[name] = asyncio.create_task(sender.run())
            self.log("info", "endpoint_served", endpoint=name, owner=f"{endpoint.owner} {endpoint.of}", position=sender.progress.position)

    # ---- running --------------------------------------------------------------------------------------------------
    async def run(self, stop: asyncio.Event) -> Exit:
        """Until told to stop, or until its files cannot be written."""
        saved = asyncio.Event()
        saving = asyncio.create_task(self.book.run(saved))
        feeding = asyncio.create_task(self.feed.run())
        code = Exit.OK
        while not stop.is_set():
            try:
                async with asyncio.timeout(LOOK_S):
                    await stop.wait()
            except TimeoutError:
                pass
            try:
                self.look()
            except (E.EndpointError, OSError) as error:
                self._complain(str(error))
            ended = next((task for task in (saving, feeding, *self.tasks.values()) if task.done()), None)
            if ended is not None:
                fault = ended.exception()
                code = Exit.SPACE if isinstance(fault, OSError) and ended is saving else Exit.BROKEN
                self.log("error", "broken", exit_code=int(code), text=f"{type(fault).__name__}: {fault}", exc_info=fault)
                stop.set()
            self.log.flush()
        self.log("info", "stopping")
        for task in self.tasks.values():
            task.cancel()
        feeding.cancel()
        await asyncio.gather(feeding, *self.tasks.values(), return_exceptions=True)
        saved.set()
        await asyncio.gather(saving, return_exceptions=True)
        self.log("info", "stopped")
        return code

    _complained = ""

    def _complain(self, text: str) -> None:
        """The endpoints before the change go on."""
        if text != self._complained:
            self.log("error", "endpoints_unreadable", text=text, effect="the endpoints are served as before")
        self._complained = text


def _announce(options: HookOptions, log: Log) -> None:
    """One JSON line on stdout: it serves."""
    line = msgspec.json.encode({"ready": True, "pid": os.getpid(), "data": str(options.data)})
    try:
        sys.stdout.write(line.decode() + "\n")
        sys.stdout.flush()
        if options.ready_file is not None:
            options.ready_file.write_bytes(line + b"\n")
    except OSError as error:
        log("error", "ready_not_told", why=error.strerror or str(error))
