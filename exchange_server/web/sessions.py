"""Who is logged on here. A web session is a token; all web sessions of one login share one binary session, which is logged on with the client's own
credentials; each of a principal has a connection of its own. This process has no right to act for anybody: without credentials it cannot log them on.

A second web session of a login that is logged on is checked against what was derived from the credentials that the exchange accepted, or by the exchange:
it says "logged on already" only to who proves to have the key. Tokens are kept as hashes, and only in memory: after a restart of this process clients
log on again.
"""

import asyncio
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from protocol import codes, errors

from .challenges import Challenge, Challenges
from .desk import Desk, Door
from .feed import Feed
from .link import GivenProver, KeptProver, Knock, Link, LinkEnded, logged_on, open_knock, open_link
from .parties import LIFE_S, TOKEN_BYTES, Answers, Login, Operator, Party, WebSession
from .problems import Refusal, refusal, server_down
from .trader import Trader
from .words import hashed

__all__ = ["LIFE_S", "Login", "Operator", "Party", "Sessions", "WebSession"]

ANSWERS_KEPT = 1000  # of a login or principal, by Idempotency-Key
IDLE_S = 3600  # without a request or an open stream
STREAM_TOKEN_S = 30
SESSIONS_MAX = 20_000
OPERATORS_MAX = 500  # each has a connection to the exchange
LEAVING_S = 3.0  # that a logon waits for the end of the same login's session


class Sessions:
    def __init__(self, feed: Feed, door: Door | None, log: Callable[..., None], now: Callable[[], float] = time.time) -> None:
        """door: where principals log on; None: nowhere."""
        self._feed, self._door, self._log, self.now = feed, door, log, now
        self._by_key: dict[bytes, WebSession] = {}
        self._logins: dict[tuple[str, str], Login] = {}  # by login and key id
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._stream_tokens: dict[bytes, tuple[WebSession, float]] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}  # by login: it is being logged out
        self._answers: dict[str, Answers] = {}  # by principal
        self.challenges = Challenges(now)

    def __len__(self) -> int:
        return len(self._by_key)

    # --------------------------------------------------------------------------------------------------------- clients
    async def log_on(self, name: str, secret: str, key_id: str, cookie: bool) -> WebSession:
        """By a shared secret. Raises Refusal with the exchange's reason."""
        self._admit()
        recipe = self._feed.prover.recipe
        if not self._feed.up or recipe is None:
            raise server_down(self._feed.why)
        prover = KeptProver(name, secret, None, key_id)
        await asyncio.to_thread(prover.derive, recipe)
        return await self._as_client(prover, cookie, None)

    async def challenge(self, name: str, key_id: str) -> tuple[str, Challenge]:
        """The exchange's challenge for a client: (its id, the challenge). Raises Refusal."""
        self._admit()
        self.challenges.admit()
        if not self._feed.up or self._feed.target is None:
            raise server_down(self._feed.why)
        try:
            knock = await open_knock(self._feed.target)
        except LinkEnded as error:
            raise server_down(error.text) from None
        return self.challenges.put("client", name, key_id, knock)

    async def prove(self, token: str, name: str, key_id: str, proof: bytes, cookie: bool) -> WebSession:
        """By the proof of a challenge. Raises Refusal."""
        self._admit()
        knock = self.challenges.take(token, "client", name, key_id).connection
        assert isinstance(knock, Knock)
        return await self._as_client(GivenProver(name, key_id, proof), cookie, knock)

    async def _as_client(self, prover: KeptProver | GivenProver, cookie: bool, knock: Knock | None) -> WebSession:
        key = prover.login, prover.key_id
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                if (leaving := self._leaving.get(prover.login)) is not None:
                    await asyncio.wait([leaving], timeout=LEAVING_S)
                login = self._logins.get(key)
                if login is None:
                    login = await self._first(key, prover, knock)
                else:
                    await self._judge(login, prover, knock)
                if self._logins.get(key) is not login:  # it ended while it was asked
                    raise server_down("the session ended at this moment: log on again")
                return self._session(login, cookie)
        finally:
            if knock is not None and not knock.taken:
                knock.close()
            if key not in self._logins and not lock.locked():
                self._locks.pop(key, None)

    async def _first(self, key: tuple[str, str], prover: KeptProver | GivenProver, knock: Knock | None) -> Login:
        trader = Trader(key[0], prover, self._feed.definitions, self._log)
        assert self._feed.target is not None
        try:
            if knock is None:
                await trader.connect(self._feed.target)
            else:
                trader.adopt(self._feed.target, await self._proven(prover, knock, trader.take))
        except LinkEnded as error:
            raise refused(error) from None
        login = Login(trader)
        trader.on_end = lambda reason, text: self._ended(key, login, reason, text)
        self._logins[key] = login
        return login

    async def _proven(self, prover: Any, knock: Knock, on_message: Callable[[Any], None]) -> Link:
        assert self._feed.target is not None
        if knock.lost:
            raise refusal(codes.R_CHALLENGE_OVER)
        link = knock.link(prover, on_message)
        await logged_on(link, self._feed.target)
        return link

    async def _judge(self, login: Login, prover: KeptProver | GivenProver, knock: Knock | None) -> None:
        """Whether these credentials are those of a login that is logged on. Raises Refusal."""
        kept = login.trader.prover
        if isinstance(prover, KeptProver) and isinstance(kept, KeptProver):
            if not prover.same_as(kept):
                raise refusal(codes.R_BAD_CREDENTIALS)
            return
        assert self._feed.target is not None
        try:
            if knock is None:
                link = await open_link(self._feed.target, prover.login, prover, 0, lambda message: None)
            else:
                link = await self._proven(prover, knock, lambda message: None)
        except LinkEnded as error:
            if error.reason != codes.R_ALREADY_LOGGED_ON:
                raise refused(error) from None
        else:  # its connection was lost at this moment, and is made again
            await link.close()
        if isinstance(prover, KeptProver):
            login.trader.prover = prover  # can be used again after a lost connection

    def relocated(self) -> None:
        """The exchange may listen elsewhere after a restart."""
        if self._feed.target is not None:
            for login in self._logins.values():
                login.trader.relocate(self._feed.target)

    def _ended(self, key: tuple[str, str], login: Login, reason: int, text: str) -> None:
        """Its credentials are not good any more, or cannot be used again: everybody who uses it is logged out."""
        self._log("info", "login_ended", login=key[0], code=reason, text=text)
        for session in list(login.users):
            self._drop(session)

    # ------------------------------------------------------------------------------------------------------- operators
    async def operator_challenge(self, name: str, key_id: str) -> tuple[str, Challenge]:
        self._admit()
        self.challenges.admit()
        return self.challenges.put("operator", name, key_id, await self._desk())

    async def prove_operator(self, token: str, name: str, key_id: str, proof: bytes, address: str, cookie: bool) -> WebSession:
        self._admit()
        desk = self.challenges.take(token, "operator", name, key_id).connection
        assert isinstance(desk, Desk)
        return self._operator(name, desk, await desk.log_on(name, key_id, address, signature=proof.hex()), cookie)

    async def log_on_operator(self, name: str, token: str, key_id: str, address: str, cookie: bool) -> WebSession:
        """By a token. address: from where the principal comes. Raises Refusal with the exchange's reason."""
        self._admit()
        desk = await self._desk()
        return self._operator(name, desk, await desk.log_on(name, key_id, address, token=token), cookie)

    async def _desk(self) -> Desk:
        if self._door is None:
            raise server_down("this process was not told where principals log on")
        if sum(session.party.kind == "operator" for session in self._by_key.values()) >= OPERATORS_MAX:
            raise refusal(codes.R_OVERLOAD, f"{OPERATORS_MAX} operators are logged on here already", limit=OPERATORS_MAX)
        desk = Desk(local=self._door.tls is None)
        await desk.open(self._door)
        return desk

    def _operator(self, name: str, desk: Desk, known: Any, cookie: bool) -> WebSession:
        if desk.ended:
            raise server_down(desk.ended)
        session = self._session(Operator(name, desk, known, self._answers.setdefault(name, OrderedDict())), cookie)

        def over(why: str) -> None:
            self._log("info", "operator_ended", principal=name, text=why)
            self._drop(session)

        desk.on_end = over
        return session

    # ---------------------------------------------------------------------------------------------------------- tokens
    def _admit(self) -> None:
        """Raises Refusal when too many are logged on."""
        if len(self._by_key) >= SESSIONS_MAX:
            raise refusal(codes.R_OVERLOAD, f"{SESSIONS_MAX} clients are logged on here already", limit=SESSIONS_MAX)

    def _session(self, party: Party, cookie: bool) -> WebSession:
        session = WebSession(party, cookie, self.now())
        party.users.add(session)
        self._by_key[session.key] = session
        return session

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
        if self._by_key.pop(session.key, None) is None:
            return
        party = session.party
        party.users.discard(session)
        if party.users:
            return
        for key in [key for key, one in self._logins.items() if one is party]:
            del self._logins[key]
        party.report(None)
        task = asyncio.get_running_loop().create_task(party.close())
        name = f"{party.kind} {party.name}" if party.kind != "client" else party.name
        self._leaving[name] = task
        task.add_done_callback(lambda done: self._leaving.pop(name) if self._leaving.get(name) is done else None)

    def alive(self, session: WebSession) -> bool:
        return session.key in self._by_key

    async def close(self) -> None:
        """Log everybody out of the exchange."""
        for session in list(self._by_key.values()):
            self._drop(session)
        if self._leaving:
            await asyncio.wait(list(self._leaving.values()), timeout=5)


def refused(error: LinkEnded) -> Refusal:
    """A logon that the exchange refused, or did not answer."""
    if error.reason == codes.R_SERVER_DOWN:
        return server_down(error.text)
    return refusal(error.reason, error.text or errors.text(error.reason))
