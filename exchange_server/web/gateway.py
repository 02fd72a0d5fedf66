"""The web process from inside: what all requests share, and how one request is carried out: limits, who asks, checks, handler, headers."""

import asyncio
import contextlib
import hashlib
import ipaddress
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from protocol import codes, errors

from .desk import Door
from .feed import Feed
from .limits import Allowed, Buckets, Rates
from .operation import Call, Made, Operation, json_answer, problem_answer, read, read_body, read_query
from .parties import Login
from .problems import Refusal, refusal, server_down
from .reference import Entry, Reference, Unreadable
from .sessions import ANSWERS_KEPT, Sessions, WebSession
from .trader import answer_unknown

COOKIE = "exos_session"
KEY_MAX = 128
ENTRY_S = 60.0  # how long it is kept through which venue a login trades
SLASH = "\x1f"  # stands for a slash within a name while the address is taken apart (app.py)
NEVER_KEPT = ("log_out", "get_stream_token")  # with an Idempotency-Key: what they answer is good once
PRIVATE = {"Cache-Control": "no-store"}
PUBLIC = {"Cache-Control": "no-cache"}


class Settings(NamedTuple):
    """secure: browsers reach this process by https, by its own TLS or a proxy's. origins: of pages on other sites that may use the API; none: CORS is off.
    public: the origin under which browsers see this process; "": whichever host they name. proxies: addresses whose X-Forwarded-For is believed."""

    secure: bool = False
    origins: tuple[str, ...] = ()
    rates: Rates = Rates()
    public: str = ""
    proxies: frozenset[str] = frozenset()


class Gateway:
    def __init__(self, feed: Feed, reference: Reference, settings: Settings, log: Callable[..., None], door: Door | None = None) -> None:
        """door: where principals log on."""
        self.feed, self.reference, self.settings, self.log = feed, reference, settings, log
        self.sessions = Sessions(feed, door, log)
        self.buckets = {name: Buckets(rate) for name, rate in settings.rates._asdict().items()}
        self.sandbox = False
        self.stopping = asyncio.Event()

    # ------------------------------------------------------------------------------------------------------- requests
    async def carry_out(self, operation: Operation, request: Request) -> Response:
        headers = dict(PRIVATE if operation.private or operation.changes else PUBLIC)
        try:
            session, by_cookie = self._who(request) if operation.private else (None, False)
            allowed = self._allowed(operation, request, session)
            headers |= allowed.headers()
            if allowed.wait_s:
                raise throttled(allowed)
            if operation.changes:
                self.check_origin(request)
            if operation.private and session is None:
                raise no_session(request)
            if session is not None and by_cookie and operation.changes and not self.sessions.csrf_right(session, csrf_of(request)):
                raise refusal(codes.R_CSRF, at="X-CSRF-Token")
            if session is not None and operation.by not in ("any", session.party.kind):
                who = "a client: log on with its login" if operation.by == "client" else "an operator: log on as a principal"
                raise refusal(codes.R_NOT_AUTHORISED, f"this is for {who}")
            query = read_query(operation.query, request)
            if operation.admit is not None:
                await operation.admit(Call(self, request, {}, query, None, session))
            data = await read_body(request, operation.body_max)
            body = read(operation.body, data, request.headers.get("content-type", "")) if operation.body is not None else None
            if operation.server and not self.feed.up:
                raise server_down(self.feed.why)
            path = {name: text.replace(SLASH, "/") for name, text in request.path_params.items()}
            call = Call(self, request, path, query, body, session)
            made = await self._once(operation, call, data)
            return json_answer(made.answer, made.status or operation.status, {**headers, **made.headers})
        except Refusal as error:
            return problem_answer(error, headers)
        except Exception as error:
            self.log("error", "broken_request", operation=operation.name, exc_info=error)
            title = "A fault of this program; the log has it."
            return problem_answer(refusal(codes.R_BAD_COMMAND, title, status=500), headers)

    def _who(self, request: Request) -> tuple[WebSession | None, bool]:
        """(the session that asks, whether by cookie)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.sessions.find(token.strip()), False
        if cookie := request.cookies.get(COOKIE):
            session = self.sessions.find(cookie)
            return (session if session is not None and session.cookie else None), True
        return None, False

    def _allowed(self, operation: Operation, request: Request, session: WebSession | None) -> Allowed:
        if session is not None:
            return self.buckets["session"].take(f"{session.party.kind} {session.party.name}")
        return self.buckets[operation.rate].take(address_of(request, self.settings.proxies))

    def check_origin(self, request: Any) -> None:
        """A page of another origin is refused, unless it is allowed. What no browser sends has no Origin. Raises Refusal."""
        origin = request.headers.get("origin")
        if origin is None or origin in self.settings.origins:
            return
        scheme, _, place = origin.lower().partition("://")
        own = self.settings.public.lower() if self.settings.public else f"{scheme}://{request.headers.get('host', '').lower()}"
        if scheme not in ("http", "https") or not place or origin.lower() != own:
            raise refusal(codes.R_ORIGIN, f"pages of the origin {origin[:100]} may not use the API", at="Origin")

    async def _once(self, operation: Operation, call: Call, data: bytes) -> Made:
        """The handler's answer; with an Idempotency-Key, that of the first request with it."""
        key = call.request.headers.get("idempotency-key", "")
        if not key or call.login is None or not operation.changes or operation.name in NEVER_KEPT or getattr(call.query, "preview", False):
            return made_of(await operation.handler(call))
        if len(key) > KEY_MAX:
            raise refusal(codes.R_WIRE_FIELD, f"Idempotency-Key has {len(key)} characters, the limit is {KEY_MAX}", at="Idempotency-Key")
        answers = call.login.party.answers
        asked = operation.method.encode(), call.request.scope["raw_path"], call.request.scope["query_string"], data
        same = hashlib.sha256(b"\0".join(asked)).digest()
        if key in answers:
            kept, future = answers[key]
            if kept != same:
                raise refusal(codes.R_KEY_REUSED)
            return await asyncio.shield(future)
        if len(answers) >= ANSWERS_KEPT:
            oldest = next((one for one, (_, future) in answers.items() if future.done()), None)
            if oldest is None:  # what is under way must be remembered
                raise refusal(codes.R_OVERLOAD, f"{ANSWERS_KEPT} requests with an Idempotency-Key are under way", limit=ANSWERS_KEPT)
            del answers[oldest]
        future = asyncio.get_running_loop().create_future()
        answers[key] = same, future
        try:
            made = made_of(await operation.handler(call))
        except BaseException as error:
            if not isinstance(error, Refusal) or error.problem.status in (429, 503, 504):
                answers.pop(key, None)  # nothing is known to have been done: it may be tried again
            future.set_exception(error if isinstance(error, Refusal) else answer_unknown())
            future.exception()  # nobody may be waiting
            raise
        future.set_result(made)
        return made

    async def entry_of(self, session: WebSession) -> Entry | None:
        """Through which venue a client trades; asked now and then."""
        login = session.party
        assert isinstance(login, Login)
        asked, found = login.entry
        if not asked or time.monotonic() - asked > ENTRY_S:
            with contextlib.suppress(Unreadable):
                found = await self.reference.entry(login.trader.session_id, login.trader.login)
                login.entry = time.monotonic(), found
        return found

    # ------------------------------------------------------------------------------------------------------ conversions
    def definition(self, symbol: str) -> Any:
        """Of a contract by its name. Raises Refusal."""
        found = self.feed.by_symbol.get(symbol)
        if found is None:
            raise refusal(codes.R_UNKNOWN_INSTRUMENT, f"there is no contract {symbol[:64]}", asked=symbol[:64])
        return found


def made_of(answer: Any) -> Made:
    return answer if isinstance(answer, Made) else Made(answer)


def throttled(allowed: Allowed) -> Refusal:
    text = errors.text(codes.R_HTTP_THROTTLED, limit=allowed.rate.per_s)
    wait = str(max(1, -int(-allowed.wait_s // 1)))
    return refusal(codes.R_HTTP_THROTTLED, text, limit=allowed.rate.per_s, headers={"Retry-After": wait})


def no_session(request: Request) -> Refusal:
    """Nobody is logged on: none was said, it was not said as a bearer, or the token is good no more."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme and scheme.lower() != "bearer":
        return refusal(codes.R_NOT_LOGGED_ON, f"Authorization: Bearer TOKEN is needed, asked {scheme[:16]}", at="Authorization")
    if token.strip() or request.cookies.get(COOKIE):
        return refusal(codes.R_NOT_LOGGED_ON, "this token was never given out, or its session is over: log on again: POST /v1/sessions")
    return refusal(codes.R_NOT_LOGGED_ON, "log on first: POST /v1/sessions, then send Authorization: Bearer TOKEN")


def csrf_of(request: Request) -> str:
    return str(request.headers.get("x-csrf-token", ""))


def client_of(request: Any, proxies: frozenset[str]) -> str:
    """The address of who asks: the peer, or the last one of X-Forwarded-For that is no trusted proxy, where the peer is one."""
    host = request.client.host if request.client is not None else "-"
    if host not in proxies:
        return str(host)
    named = [one.strip() for line in request.headers.getlist("x-forwarded-for") for one in line.split(",")]
    for one in reversed(named):
        try:
            host = str(ipaddress.ip_address(one.removeprefix("[").removesuffix("]")))
        except ValueError:
            break  # a proxy that we trust wrote none of this
        if host not in proxies:
            break
    return str(host)


def address_of(request: Any, proxies: frozenset[str] = frozenset()) -> str:
    """The address that a limit counts; of IPv6 the first half, which is one customer's."""
    host = client_of(request, proxies)
    return ":".join(host.split(":")[:4]) if host.count(":") > 1 and not host.startswith("::") else str(host)
