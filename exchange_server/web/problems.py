"""Refusals as RFC 9457 problems, with the numbers of docs/errors.md. One place decides which HTTP status a reason has."""

from collections.abc import Callable
from typing import Any

import msgspec

from protocol import codes, errors

from .schemas import Problem

MEDIA_TYPE = "application/problem+json"
RETRY_S = 2  # what Retry-After says while the exchange cannot be reached

_STATUS: dict[int, tuple[int, ...]] = {
    400: (codes.R_WIRE_MALFORMED, codes.R_WIRE_FIELD),
    401: (codes.R_NOT_LOGGED_ON, codes.R_BAD_CREDENTIALS, codes.R_KEY_REVOKED, codes.R_KEY_EXPIRED, codes.R_KEY_ADDRESS, codes.R_KEY_SCOPE,
          codes.R_CHALLENGE_OVER),
    403: (
        codes.R_NOT_AUTHORISED, codes.R_ACCOUNT_NOT_ALLOWED, codes.R_VENUE_NOT_ALLOWED, codes.R_KILLED_PLATFORM, codes.R_KILLED_VENUE,
        codes.R_KILLED_FIRM, codes.R_KILLED_ACCOUNT, codes.R_KILLED_SESSION, codes.R_CSRF, codes.R_ORIGIN, codes.R_OWN_ACT, codes.R_GRANT_BEYOND,
    ),
    404: (
        codes.R_UNKNOWN_ACCOUNT, codes.R_UNKNOWN_INSTRUMENT, codes.R_UNKNOWN_EVENT, codes.R_UNKNOWN_ORDER, codes.R_ORDER_FORGOTTEN,
        codes.R_NO_RESOURCE, codes.R_UNKNOWN_ASSET, codes.R_UNKNOWN_PENDING,
    ),
    408: (codes.R_REQUEST_LATE,),
    409: (codes.R_ID_USED, codes.R_ID_USED_BEFORE, codes.R_ORDER_CLOSED, codes.R_ALREADY_LOGGED_ON, codes.R_KEY_REUSED, codes.R_IDEMPOTENCY, codes.R_NOT_EMPTY,
          codes.R_REVISION_MOVED, codes.R_PLAN_DIFFERS),
    413: (codes.R_WIRE_TOO_LONG,),
    429: (
        codes.R_HTTP_THROTTLED, codes.R_THROTTLED_SESSION, codes.R_THROTTLED_VENUE, codes.R_QUOTA_MESSAGES, codes.R_QUOTA_JOURNAL,
        codes.R_QUOTA_ORDERS, codes.R_LOGON_DELAYED,
    ),
    503: (codes.R_SERVER_DOWN, codes.R_SHUTDOWN, codes.R_OVERLOAD, codes.R_DISK_RESERVE, codes.R_CLOCK_JUMP, codes.R_LOGON_TIMEOUT,
          codes.R_REPORTS_REBUILDING),
    501: (codes.R_WEB_RIGHT, codes.R_NOT_OVER_HTTP),
    504: (codes.R_ANSWER_UNKNOWN,),
}  # fmt: skip
STATUS = {code: status for status, found in _STATUS.items() for code in found}
REFUSED = 422  # everything else: the exchange understood the request and says no
RETRIED = (429, 503)


class Refusal(Exception):
    """Ends a request with a problem. retry_s: of Retry-After; None: the status decides."""

    def __init__(self, problem: Problem, headers: dict[str, str] | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.headers = headers or {}
        if problem.status in RETRIED:
            self.headers.setdefault("Retry-After", str(RETRY_S))
        if problem.status == 401:
            self.headers.setdefault("WWW-Authenticate", "Bearer")


def refusal(
    code: int,
    detail: str = "",
    *,
    limit: Any = None,
    used: Any = None,
    asked: Any = None,
    at: str | None = None,
    status: int = 0,
    headers: dict[str, str] | None = None,
) -> Refusal:
    """A refusal for one reason. detail: in the place of the reason's own text; limit, used, asked: as they are shown."""
    row = errors.REFUSALS.get(code)
    status = status or STATUS.get(code, REFUSED)
    title = row.cause if row is not None else "Refused"
    told = detail or errors.text(code)
    shown = [None if value is None else str(value) for value in (limit, used, asked)]
    kind = f"urn:exos:problem:{errors.short_name(code)}"
    return Refusal(
        Problem(
            type=kind, title=title, status=status, detail=told, code=code, name=errors.short_name(code), limit=shown[0], used=shown[1],
            asked=shown[2], at=at,
        ),
        headers,
    )  # fmt: skip


def of_report(code: int, limit: int, used: int, asked: int, show: Callable[[int], str]) -> Refusal:
    """A refusal by the exchange, with the numbers that its text uses, as decimals."""
    named = errors.numbers_used(code)
    values = {
        name: errors.shown(code, value, show) for name, value in (("limit", limit), ("used", used), ("asked", asked)) if name in named
    }
    numbers = {name: values.get(name) for name in ("limit", "used", "asked")}
    return refusal(code, errors.text(code, limit, used, asked, show), limit=numbers["limit"], used=numbers["used"], asked=numbers["asked"])


def unknown(what: str, name: str) -> Refusal:
    """Something that is not there, or that the asker may not see: one answer for both. what: instrument, event ..."""
    code = {"contract": codes.R_UNKNOWN_INSTRUMENT, "market": codes.R_UNKNOWN_EVENT, "account": codes.R_UNKNOWN_ACCOUNT}.get(
        what, codes.R_NO_RESOURCE
    )
    return refusal(code, f"there is no {what} {name[:64]}", asked=name[:64])


def bad_field(text: str, at: str) -> Refusal:
    return refusal(codes.R_WIRE_FIELD, text, at=at)


def server_down(why: str) -> Refusal:
    return refusal(codes.R_SERVER_DOWN, f"the exchange cannot be reached at the moment: {why}")


def right_missing(question: str) -> Refusal:
    """The principal of this process may not ask what the answer needs."""
    from ..registry.roles import holders  # it loads much that is not needed otherwise

    able = " or ".join(holders(lambda role: role.may_ask(question)))
    return refusal(
        codes.R_WEB_RIGHT, f"the web process may not ask the exchange `{question}`: its own principal needs the role {able}", asked=question
    )


def body_of(problem: Problem) -> bytes:
    return msgspec.json.encode(problem)
