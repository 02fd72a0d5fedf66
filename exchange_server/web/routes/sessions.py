"""Logging on and off, and tokens for sockets."""

from typing import Any

from .. import operator_schemas as O
from .. import schemas as S
from .. import words
from ..challenges import Challenge
from ..gateway import COOKIE, Gateway, client_of
from ..link import Knock
from ..operation import Call, Made, Operation
from ..parties import Login, Operator
from ..problems import bad_field
from ..sessions import LIFE_S, WebSession

NS = 10**9


def roles(known: dict[str, Any]) -> list[S.Role]:
    return [S.Role(role=one["role"], scope=one["scope"], until=words.maybe_time(one["until_ns"])) for one in known["roles"]]


def _shown(session: WebSession, token: str | None, csrf: str | None) -> S.Session:
    common: dict[str, Any] = {"expires_at": _time(session.ends), "token": token, "csrf_token": csrf}
    party = session.party
    if isinstance(party, Operator):
        return S.Session(
            kind="operator", login=party.name, session=None, default_account=None, accounts=[], roles=roles(party.known), **common
        )
    assert isinstance(party, Login)
    trader = party.trader
    return S.Session(
        kind="client", login=trader.login, session=str(trader.session_id), default_account=trader.account_names.get(trader.default_account),
        accounts=sorted(trader.accounts), roles=[], **common,
    )  # fmt: skip


def _time(seconds: float) -> str:
    return words.time_text(round(seconds) * NS)


def _cookie(gateway: Gateway, value: str, life: int) -> str:
    secure = "; Secure" if gateway.settings.secure else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict{secure}"


def _one_name(body: Any) -> None:
    """Raises Refusal unless one of login and principal is named."""
    if bool(body.login) == bool(body.principal):
        raise bad_field("name one of login and principal", "$.login")
    if body.principal and not body.key_id:
        raise bad_field("a principal names its key", "$.key_id")


async def log_on(call: Call) -> Made:
    body, sessions = call.body, call.gateway.sessions
    _one_name(body)
    usual = "secret" if body.login else "token"
    for name in ("secret", "token", "challenge_id", "proof"):
        given, wanted = bool(getattr(body, name)), name == usual if not body.challenge_id else name in ("challenge_id", "proof")
        if given != wanted:
            raise bad_field(
                f"{'a login' if body.login else 'a principal'} logs on with {usual}, or with challenge_id and proof", f"$.{name}"
            )
    address = client_of(call.request, call.gateway.settings.proxies)
    if body.challenge_id:
        proof = bytes.fromhex(body.proof)
        if body.login:
            session = await sessions.prove(body.challenge_id, body.login, body.key_id, proof, body.cookie)
        else:
            session = await sessions.prove_operator(body.challenge_id, body.principal, body.key_id, proof, address, body.cookie)
    elif body.login:
        session = await sessions.log_on(body.login, body.secret, body.key_id, body.cookie)
    else:
        session = await sessions.log_on_operator(body.principal, body.token, body.key_id, address, body.cookie)
    token, session.token = session.token, ""
    if not body.cookie:
        return Made(_shown(session, token, None))
    return Made(_shown(session, None, session.csrf), headers={"Set-Cookie": _cookie(call.gateway, token, LIFE_S)})


async def challenge(call: Call) -> O.ChallengeGiven:
    body, sessions = call.body, call.gateway.sessions
    _one_name(body)
    asked = sessions.challenge if body.login else sessions.operator_challenge
    token, made = await asked(body.login or body.principal, body.key_id)
    return _challenge(token, made)


def _challenge(token: str, made: Challenge) -> O.ChallengeGiven:
    salt, work = None, None
    if isinstance(made.connection, Knock):
        hello = made.connection.hello.result()
        text, salt, work = hello.challenge, hello.salt.hex(), hello.work
    else:
        text = made.connection.challenge
    return O.ChallengeGiven(challenge_id=token, challenge=text.hex(), salt=salt, work=work, expires_at=words.time_text(int(made.ends * NS)))


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
        "log_on", "POST", "/v1/sessions", "Log on with own credentials: a client or an operator", S.Session, log_on, body=S.NewSession, status=201,
        rate="logon", problems=(401, 403, 409, 422, 504),
    ),
    Operation(
        "new_challenge", "POST", "/v1/sessions/challenges", "A challenge to be signed: a logon that sends nothing secret", O.ChallengeGiven, challenge,
        body=O.NewChallenge, status=201, rate="logon", problems=(403, 422),
    ),
    Operation("get_session", "GET", "/v1/sessions/current", "Who is logged on", S.Session, current, private=True, by="any", server=False),
    Operation(
        "log_out", "DELETE", "/v1/sessions/current", "End this session; orders stay unless the login cancels on disconnect", S.Done, log_out, private=True,
        by="any", server=False,
    ),
    Operation(
        "get_stream_token", "POST", "/v1/sessions/current/stream-token", "A token that opens one WebSocket, once, within 30 s", S.StreamToken, stream_token,
        status=201, private=True,
    ),
)  # fmt: skip
