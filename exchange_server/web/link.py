"""One binary connection to the exchange: opens it, logs on, passes on what comes, and tells its end. Both the market data that all share and each
logged-on client's session use it."""

import asyncio
import hmac
import ssl
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from protocol import codes
from protocol import messages as M
from protocol.binary_session import ON, CaughtUp, ClientSession, Ended, LoggedOn, Prover
from protocol.framing import MAX_SERVER_PAYLOAD, FrameReader

CONNECT_S = 10.0

Recipe = tuple[bytes, int]  # Hello.salt and Hello.work


class Target(NamedTuple):
    """The binary port of an exchange. tls: the client's side of TLS; None: plain."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class LinkEnded(Exception):
    """The connection could not be made, or is over. reason: codes.R_*, R_SERVER_DOWN when nothing answered."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


class KeptProver(Prover):
    """Proves logons by a secret that is not kept: only what was derived from it for the exchange's salt is. That takes about a tenth of a second,
    in a thread (`derive`)."""

    recipe: Recipe | None = None

    def prove(self, hello: M.Hello) -> bytes:
        self.recipe = hello.salt, hello.work
        return super().prove(hello)

    def derive(self, recipe: Recipe) -> None:
        self.prove(M.Hello(M.PROTOCOL_VERSION, bytes(M.CHALLENGE_BYTES), "", *recipe))
        self._secret = ""

    def same_as(self, other: "KeptProver") -> bool:
        """Whether both were derived from the same secret of the same key."""
        if self._made is None or other._made is None or self._made[0] != other._made[0] or self.key_id != other.key_id:
            return False
        return hmac.compare_digest(self._made[1], other._made[1])


class GivenProver(Prover):
    """The proof that a client made of one Hello's challenge: good for that logon, and for no other."""

    def __init__(self, login: str, key_id: str, proof: bytes) -> None:
        self.login, self.key_id, self._proof = login, key_id, proof

    def prove(self, hello: M.Hello) -> bytes:  # noqa: ARG002 (Prover)
        return self._proof


class Knock(asyncio.Protocol):
    """A connection that has the exchange's Hello and waits for the client's proof. `link` goes on with it."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.hello: asyncio.Future[M.Hello] = loop.create_future()
        self.lost = False
        self.taken = False  # `link` has gone on with it
        self._reader = FrameReader(MAX_SERVER_PAYLOAD)
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._data += data
        try:
            for payload in self._reader.feed(data):
                message = M.decode_server(payload)
                if isinstance(message, M.Hello) and not self.hello.done():
                    self.hello.set_result(message)
                elif isinstance(message, M.Logout):
                    self._lose()
        except M.WireError:
            self._lose()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio)
        self._lose()

    def _lose(self) -> None:
        self.lost = True
        if not self.hello.done():
            self.hello.set_exception(LinkEnded(codes.R_SERVER_DOWN, "the connection was lost"))
            self.hello.exception()

    def close(self) -> None:
        self._lose()
        if self._transport is not None:
            self._transport.abort()

    def link(self, prover: GivenProver, on_message: Callable[[Any], None]) -> "Link":
        """The logon with this proof, on its way."""
        assert self._transport is not None and not self.lost
        self.taken = True
        session = ClientSession(prover.login, prover, 0, 0, M.LOGON_SETTLEMENT, time.monotonic_ns())
        link = Link(session, on_message)
        self._transport.set_protocol(link)
        link.connection_made(self._transport)
        link.data_received(self._data)
        return link


class Link(asyncio.Protocol):
    """on_message gets everything that the session says after the logon, in order; on_batch is called after what came at once was passed on."""

    def __init__(self, session: ClientSession, on_message: Callable[[Any], None], on_batch: Callable[[], None] = lambda: None) -> None:
        self.session, self.on_message, self.on_batch = session, on_message, on_batch
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[LoggedOn] = loop.create_future()  # logged on, and all missed reports are in
        self.ended: asyncio.Future[Ended] = loop.create_future()
        self.logged_on: LoggedOn | None = None
        self.last_ns = 0  # when something came, time of day
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._planned = False

    @property
    def up(self) -> bool:
        return self.ready.done() and not self.ended.done() and self.session.state == ON

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._tick()

    def data_received(self, data: bytes) -> None:
        self.last_ns = time.time_ns()
        self._handle(self.session.receive(data, time.monotonic_ns()))
        self.on_batch()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio)
        self._handle(self.session.lost())
        self._end(Ended(codes.R_SERVER_DOWN, "the connection was lost"))

    def send(self, message: M.ClientMessage) -> None:
        """Queue a message; what is queued in one turn of the loop goes out in one write. Raises LinkEnded."""
        if not self.up:
            raise LinkEnded(codes.R_SERVER_DOWN, "the connection was lost")
        self.session.send(message)
        if not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._flush)

    async def close(self, seconds: float = 2.0) -> None:
        """Log out, wait for the answer, close."""
        if self.session.state == ON and self._transport is not None:
            self.session.logout()
            self._flush()
            await asyncio.wait([self.ended], timeout=seconds)
        self._end(Ended(codes.OK, "closed"))

    def abort(self) -> None:
        self._end(Ended(codes.R_SERVER_DOWN, "the connection was given up"))

    def _handle(self, happenings: list[Any]) -> None:
        for happening in happenings:
            if isinstance(happening, LoggedOn):
                self.logged_on = happening
            elif isinstance(happening, CaughtUp):
                if not self.ready.done() and self.logged_on is not None:
                    self.ready.set_result(self.logged_on)
            elif isinstance(happening, Ended):
                self._end(happening)
            else:
                self.on_message(happening)

    def _end(self, ended: Ended) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.ended.done():
            self.ended.set_result(ended)
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        self._planned = False
        data = self.session.take(time.monotonic_ns())
        if data and self._transport is not None:
            self._transport.write(data)

    def _tick(self) -> None:
        now = time.monotonic_ns()
        self._handle(self.session.tick(now))
        self._flush()
        if not self.ended.done():
            wait = max(0.001, (self.session.due() - now) / 1e9)
            self._timer = asyncio.get_running_loop().call_later(wait, self._tick)


async def open_link(
    target: Target,
    login: str,
    prover: Prover,
    next_number: int,
    on_message: Callable[[Any], None],
    on_batch: Callable[[], None] = lambda: None,
) -> Link:
    """Connect and log on; returns when all missed reports are in. Raises LinkEnded with the exchange's reason."""
    session = ClientSession(login, prover, next_number, 0, M.LOGON_SETTLEMENT, time.monotonic_ns())
    link = Link(session, on_message, on_batch)
    try:
        await _connect(target, lambda: link)
    except LinkEnded:
        link.abort()
        raise
    await logged_on(link, target)
    return link


async def open_knock(target: Target) -> Knock:
    """Connect and wait for the Hello. Raises LinkEnded."""
    knock = Knock()
    await _connect(target, lambda: knock)
    try:
        await asyncio.wait_for(knock.hello, CONNECT_S)
    except TimeoutError:
        knock.close()
        raise LinkEnded(codes.R_SERVER_DOWN, f"{target.host}:{target.port} does not say hello") from None
    return knock


async def _connect(target: Target, make: Callable[[], asyncio.Protocol]) -> None:
    more: dict[str, Any] = {} if target.tls is None else {"ssl": target.tls, "server_hostname": target.host}
    try:
        await asyncio.wait_for(asyncio.get_running_loop().create_connection(make, target.host, target.port, **more), CONNECT_S)
    except (OSError, TimeoutError) as error:
        raise LinkEnded(codes.R_SERVER_DOWN, f"{target.host}:{target.port} does not answer ({error or 'no answer in time'})") from None


async def logged_on(link: Link, target: Target) -> None:
    """Wait until the logon is accepted and all missed reports are in. Raises LinkEnded with the exchange's reason."""
    try:
        waits: list[asyncio.Future[Any]] = [link.ready, link.ended]
        await asyncio.wait(waits, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        link.abort()
        raise
    if link.ended.done():
        ended = link.ended.result()
        raise LinkEnded(ended.reason or codes.R_SERVER_DOWN, ended.text)
    if not link.ready.done():
        link.abort()
        raise LinkEnded(codes.R_LOGON_TIMEOUT, f"{target.host}:{target.port} did not answer the logon within {CONNECT_S:g} s")
