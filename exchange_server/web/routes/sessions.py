"""Logging on and off, and tokens for sockets."""

from typing import Any

from .. import schemas as S
from .. import words
from ..gateway import COOKIE, Gateway
from ..operation import Call, Made, Operation
from ..sessions import LIFE_S, WebSession

NS = 10**9


def _shown(session: WebSession, token: str | None, csrf: str | None) -> S.Session:
    trader = session.trader
    return S.Session(
        login=trader.login, session=str(trader.session_id), default_account=trader.account_names.get(trader.default_account),
        accounts=sorted(trader.accounts), expires_at=_time(session.ends), token=token, csrf_token=csrf,
    )  # fmt: skip


def _time(seconds: float) -> str:
    return words.time_text(round(seconds) * NS)


def _cookie(gateway: Gateway, value: str, life: int) -> str:
    secure = "; Secure" if gateway.settings.secure else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict{secure}"


async def log_on(call: Call) -> Made:
    body = call.body
    session = await call.gateway.sessions.log_on(body.login, body.secret, body.key_id, body.cookie)
    token, session.token = session.token, ""
    if not body.cookie:
        return Made(_shown(session, token, None))
    return Made(_shown(session, None, session.csrf), headers={"Set-Cookie": _cookie(call.gateway, token, LIFE_S)})


async def current(call: Call) -> S.Session:
    """The page that is loaded again gets its CSRF token here: other sites cannot read it."""
    return _shown(call.session, None, call.session.csrf if call.session.cookie else None)


async def log_out(call: Call) -> Made:
    call.gateway.sessions.log_out(call.session)
    headers: dict[str, Any] = {"Set-Cookie": _cookie(call.gateway, "", 0)} if call.session.cookie else {}
    return Made(S.Done(done=True), headers=headers)


async def stream_token(call: Call) -> S.StreamToken:
    token, ends = call.gateway.sessions.stream_token(call.session)
    return S.StreamToken(stream_token=token, expires_at=_time(ends))


OPERATIONS = (
    Operation(
        "log_on", "POST", "/v1/sessions", "Log on with the client's own credentials", S.Session, log_on, body=S.NewSession, status=201, rate="logon",
        problems=(401, 403, 409, 422),
    ),
    Operation("get_session", "GET", "/v1/sessions/current", "Who is logged on", S.Session, current, private=True, server=False),
    Operation("log_out", "DELETE", "/v1/sessions/current", "End this session; orders stay unless the login cancels on disconnect", S.Done, log_out, private=True, server=False),
    Operation(
        "get_stream_token", "POST", "/v1/sessions/current/stream-token", "A token that opens one WebSocket, once, within 30 s", S.StreamToken, stream_token,
        status=201, private=True,
    ),
)  # fmt: skip
