"""The web process from inside: what all requests share, and how one request is carried out: limits, who asks, checks, handler, headers."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from protocol import codes, errors

from .feed import Feed
from .limits import Allowed, Buckets, Rates
from .operation import Call, Made, Operation, json_answer, problem_answer, read, read_body, read_query
from .problems import Refusal, refusal, server_down
from .reference import Reference
from .sessions import ANSWERS_KEPT, Sessions, WebSession
from .trader import answer_unknown

COOKIE = "exos_session"
KEY_MAX = 128
PRIVATE = {"Cache-Control": "no-store"}
PUBLIC = {"Cache-Control": "no-cache"}


class Settings(NamedTuple):
    """secure: the listener is under TLS. origins: of pages on other sites that may use the API; none: CORS is off."""

    secure: bool = False
    origins: tuple[str, ...] = ()
    rates: Rates = Rates()


class Gateway:
    def __init__(self, feed: Feed, reference: Reference, settings: Settings, log: Callable[..., None]) -> None:
        self.feed, self.reference, self.settings, self.log = feed, reference, settings, log
        self.sessions = Sessions(feed, log)
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
            if operation.private and session is None:
                raise refusal(codes.R_NOT_LOGGED_ON, "log on first: POST /v1/sessions")
            if session is not None and by_cookie and operation.changes:
                self._check_csrf(session, request)
            query = read_query(operation.query, request)
            data = await read_body(request)
            body = read(operation.body, data, request.headers.get("content-type", "")) if operation.body is not None else None
            if operation.server and not self.feed.up:
                raise server_down(self.feed.why)
            call = Call(self, request, dict(request.path_params), query, body, session)
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
            return self.buckets["session"].take(session.trader.login)
        return self.buckets[operation.rate].take(address_of(request))

    def _check_csrf(self, session: WebSession, request: Request) -> None:
        if not self.sessions.csrf_right(session, request.headers.get("x-csrf-token", "")):
            raise refusal(
                codes.R_NOT_AUTHORISED, "a request with the cookie needs the header X-CSRF-Token, as the logon gave it", at="X-CSRF-Token"
            )

    async def _once(self, operation: Operation, call: Call, data: bytes) -> Made:
        """The handler's answer; with an Idempotency-Key, that of the first request with it."""
        key = call.request.headers.get("idempotency-key", "")
        if not key or call.login is None or not operation.changes:
            return made_of(await operation.handler(call))
        if len(key) > KEY_MAX:
            raise refusal(codes.R_WIRE_FIELD, f"Idempotency-Key has {len(key)} characters, the limit is {KEY_MAX}", at="Idempotency-Key")
        answers = call.login.login.answers
        same = hashlib.sha256(b"\0".join((operation.method.encode(), str(call.request.url.path).encode(), data))).digest()
        if key in answers:
            kept, future = answers[key]
            if kept != same:
                raise refusal(codes.R_KEY_REUSED)
            return await asyncio.shield(future)
        future = asyncio.get_running_loop().create_future()
        answers[key] = same, future
        if len(answers) > ANSWERS_KEPT:
            answers.popitem(last=False)
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


def address_of(request: Any) -> str:
    """The address of the peer; of IPv6 the first half, which is one customer's."""
    host = request.client.host if request.client is not None else "-"
    return ":".join(host.split(":")[:4]) if host.count(":") > 1 and not host.startswith("::") else str(host)
