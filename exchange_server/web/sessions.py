"""Who is logged on here. A web session is a token; all web sessions of one login share one binary session, which is logged on with the client's own
credentials. This process has no right to act for anybody: without a client's credentials it cannot log its session on.

A second web session of a login that is logged on is checked against what was derived from the credentials that the exchange accepted.
Tokens are kept as hashes, and only in memory: after a restart of this process clients log on again.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from protocol import codes, errors

from .feed import Feed
from .link import KeptProver, LinkEnded
from .problems import refusal, server_down
from .trader import FINAL, Trader

LIFE_S = 12 * 3600
IDLE_S = 3600  # without a request or an open stream
STREAM_TOKEN_S = 30
SESSIONS_MAX = 20_000
ANSWERS_KEPT = 1000  # of a login, by Idempotency-Key
TOKEN_BYTES = 32


def hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class Login:
    """One binary session and those who use it here."""

    def __init__(self, trader: Trader) -> None:
        self.trader = trader
        self.users: set[WebSession] = set()
        self.listeners: list[Callable[[Any], None]] = []  # streams: get each report; None: the connection was lost or made
        self.answers: OrderedDict[str, tuple[bytes, asyncio.Future[Any]]] = OrderedDict()  # by Idempotency-Key: hash of the request, answer
        trader.on_report = self._report
        trader.on_state = lambda up: self._report(None)

    def _report(self, report: Any) -> None:
        for listener in list(self.listeners):
            listener(report)


class WebSession:
    def __init__(self, login: Login, cookie: bool, now: float) -> None:
        self.login, self.cookie = login, cookie
        self.token = secrets.token_urlsafe(TOKEN_BYTES)  # given out once, then only its hash is kept
        self.csrf = secrets.token_urlsafe(TOKEN_BYTES)
        self.ends = now + LIFE_S
        self.used = now
        self.streams = 0
        self.key = hashed(self.token)

    @property
    def trader(self) -> Trader:
        return self.login.trader


class Sessions:
    def __init__(self, feed: Feed, log: Callable[..., None], now: Callable[[], float] = time.time) -> None:
        self._feed, self._log, self.now = feed, log, now
        self._by_key: dict[bytes, WebSession] = {}
        self._logins: dict[tuple[str, str], Login] = {}  # by login and key id
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._stream_tokens: dict[bytes, tuple[WebSession, float]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._by_key)

    async def log_on(self, name: str, secret: str, key_id: str, cookie: bool) -> WebSession:
        """Raises Refusal with the exchange's reason."""
        if len(self._by_key) >= SESSIONS_MAX:
            raise refusal(codes.R_OVERLOAD, f"{SESSIONS_MAX} clients are logged on here already", limit=SESSIONS_MAX)
        recipe = self._feed.prover.recipe
        if not self._feed.up or recipe is None:
            raise server_down(self._feed.why)
        prover = KeptProver(name, secret, None, key_id)
        await asyncio.to_thread(prover.derive, recipe)
        key = name, key_id
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                login = self._logins.get(key)
                if login is None:
                    login = await self._first(key, prover)
                elif not prover.same_as(login.trader.prover):
                    raise refusal(codes.R_BAD_CREDENTIALS)
                session = WebSession(login, cookie, self.now())
                login.users.add(session)
                self._by_key[session.key] = session
                return session
        finally:
            if key not in self._logins and not lock.locked():
                self._locks.pop(key, None)

    async def _first(self, key: tuple[str, str], prover: KeptProver) -> Login:
        trader = Trader(key[0], prover, self._feed.definitions, self._log)
        assert self._feed.target is not None
        try:
            await trader.connect(self._feed.target)
        except LinkEnded as error:
            if error.reason == codes.R_SERVER_DOWN:
                raise server_down(error.text) from None
            raise refusal(error.reason, error.text or errors.text(error.reason)) from None
        login = Login(trader)
        trader.on_end = lambda reason, text: self._ended(key, login, reason, text)
        self._logins[key] = login
        return login

    def relocated(self) -> None:
        """The exchange may listen elsewhere after a restart."""
        if self._feed.target is not None:
            for login in self._logins.values():
                login.trader.relocate(self._feed.target)

    def _ended(self, key: tuple[str, str], login: Login, reason: int, text: str) -> None:
        """Its credentials are not good any more: everybody who uses it is logged out."""
        assert reason in FINAL
        self._log("info", "login_ended", login=key[0], code=reason, text=text)
        for session in list(login.users):
            self._drop(session)

    # ---------------------------------------------------------------------------------------------------------- tokens
    def find(self, token: str) -> WebSession | None:
        """The session of a token; None: there is none, or it has ended."""
        session = self._by_key.get(hashed(token))
        if session is None:
            return None
        now = self.now()
        if self._over(session, now):
            self._drop(session)
            return None
        session.used = now
        return session

    @staticmethod
    def csrf_right(session: WebSession, given: str) -> bool:
        return hmac.compare_digest(session.csrf.encode(), given.encode("utf-8", "surrogateescape"))

    def stream_token(self, session: WebSession) -> tuple[str, float]:
        """(a token for one socket, when it ends)."""
        token, ends = secrets.token_urlsafe(TOKEN_BYTES), self.now() + STREAM_TOKEN_S
        self._stream_tokens[hashed(token)] = session, ends
        return token, ends

    def take_stream_token(self, token: str) -> WebSession | None:
        """The session of such a token, which is used up."""
        found = self._stream_tokens.pop(hashed(token), None)
        if found is None or found[1] < self.now() or found[0].key not in self._by_key:
            return None
        return found[0]

    def _over(self, session: WebSession, now: float) -> bool:
        return now >= session.ends or (now - session.used >= IDLE_S and not session.streams)

    def log_out(self, session: WebSession) -> None:
        self._drop(session)

    def sweep(self) -> None:
        """Drop what has ended; called now and then."""
        now = self.now()
        for session in [one for one in self._by_key.values() if self._over(one, now)]:
            self._drop(session)
        for key in [key for key, (_, ends) in self._stream_tokens.items() if ends < now]:
            del self._stream_tokens[key]

    def _drop(self, session: WebSession) -> None:
        self._by_key.pop(session.key, None)
        login = session.login
        login.users.discard(session)
        if login.users:
            return
        for key in [key for key, one in self._logins.items() if one is login]:
            del self._logins[key]
        login._report(None)
        task = asyncio.get_running_loop().create_task(login.trader.close())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def alive(self, session: WebSession) -> bool:
        return session.key in self._by_key

    async def close(self) -> None:
        """Log everybody out of the exchange."""
        for session in list(self._by_key.values()):
            self._drop(session)
        if self._leaving:
            await asyncio.wait(list(self._leaving), timeout=5)
