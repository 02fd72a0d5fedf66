"""A venue's own users: the venue's backend, a principal of it, opens a firm with its account and key in one call, and closes it. Money moves by the acts
`transfer` and `withdraw_request`."""

import asyncio
from typing import Any

import msgspec

from config import admin_records as ar
from config import fields as cf
from protocol import codes

from .. import acts
from .. import operator_schemas as O
from ..acts import Places
from ..desk import Said
from ..operation import Call, Made, Operation
from ..parties import Operator
from ..problems import bad_field
from .acts import FORMS, ask, assets, refused

SCOPES: Any = ("trade", "read", "market_data")
GONE_S, TRIES = 0.1, 30  # until a login that was closed is logged off


def account_of(user: str) -> str:
    return f"{user}-A"


def key_of(user: str) -> str:
    return f"{user}-K"


def records_of(body: Any, deposit: Any) -> list[Any]:
    """What a new user is made of. deposit: the record of the first one, or None."""
    user, venue = body.user, body.venue
    firm = ar.DefineFirm(name=user, title=body.title, venue=venue)
    account = ar.DefineAccount(name=account_of(user), firm=user, venue=venue if body.isolated else "")
    out: list[Any] = [firm, account]
    if body.login:
        kind: Any = "ed25519" if body.public_key else "scram"
        out.append(
            ar.DefineSession(name=user, wire="binary", firm=user, venue=venue, account=account.name, key=user, settlement_reports=True)
        )
        out.append(ar.DefineKey(id=key_of(user), holder="session", name=user, kind=kind, verifier=body.public_key, scopes=SCOPES))
    return [*out, *([deposit] if deposit is not None else [])]


async def sign_up(call: Call) -> Made:
    """All of it or nothing; the same again is unchanged. Raises Refusal."""
    body, operator = call.body, call.session.operator
    if body.public_key and not body.login:
        raise bad_field("a public key belongs to a login", "$.public_key")
    deposit = None
    if body.deposit is not None:
        known = await assets(operator, body.deposit.asset)
        if body.deposit.asset not in known:
            raise bad_field(f"there is no asset {body.deposit.asset[:32]}", "$.deposit.asset")
        given = {"key": body.deposit.key, "asset": body.deposit.asset, "amount": body.deposit.amount, "target": account_of(body.user)}
        form = FORMS["transfer"]
        deposit = ar.Transfer(**acts.content(form, form.body(**given), Places({cf.MONEY: known[body.deposit.asset]}), "$.deposit"))
    try:
        records = records_of(body, deposit)
        whole = ar.Configuration(name=f"user {body.user}", additions=True, records=tuple(records))
        record = ar.from_builtins(msgspec.to_builtins(whole))
    except ValueError as error:
        raise bad_field(str(error), "$") from None
    said = await operator.desk.ask("admin", record)
    if not said.ok:
        raise _refused(said, records)
    same = bool(said.result.get("unchanged"))
    answer = O.User(
        user=body.user, account=account_of(body.user), login=body.user if body.login else None, key_id=key_of(body.user) if body.login else None,
        secret=said.result.get("secret"), outcome="unchanged" if same else "done",
    )  # fmt: skip
    return Made(answer, status=200 if same else 201)


def _refused(said: Said, records: list[Any]) -> Any:
    """A refusal of one of the records: its place is said in words, because the body has no such field."""
    found = said.refusal
    if found is None or found.get("record") is None:
        return refused(said)
    one = records[found["record"]]
    form = FORMS[one.__struct_config__.tag]
    error = refused(said, form)
    at = {"name": "$.user", "id": "$.user", "venue": "$.venue", "firm": "$.user", "verifier": "$.public_key", "key": "$.deposit.key"}
    key = found["key"]
    place = at.get(str(key[0])) if key else None
    error.problem = msgspec.structs.replace(error.problem, at=place)
    return error


async def close(call: Call) -> O.UserClosed:
    """The account first, which must be empty; then the login, and the firm when the login is gone. Asked again it goes on where it stopped."""
    operator, user, reason = call.session.operator, call.path["user"], call.body.reason
    (row,) = (await ask(operator, "firm", name=user))["rows"]
    closed: list[str] = []
    account = await operator.desk.ask("account", name=account_of(user))
    login = await operator.desk.ask("session", name=user)
    if account.ok and not account.result["rows"][0]["closed"]:
        await _close(operator, "account", account_of(user), reason)
        closed.append(f"account {account_of(user)}")
    if login.ok and not login.result["rows"][0]["closed"]:
        await _close(operator, "session", user, reason)
        closed.append(f"session {user}")
    if not row["closed"]:
        await _close(operator, "firm", user, reason, tries=TRIES)
        closed.append(f"firm {user}")
    return O.UserClosed(user=user, closed=closed)


async def _close(operator: Operator, kind: Any, name: str, reason: str, tries: int = 1) -> None:
    """Raises Refusal."""
    form = FORMS["close"]
    for left in range(tries - 1, -1, -1):
        said = await operator.desk.ask("admin", ar.Close(kind=kind, name=name, reason=reason))
        if said.ok:
            return
        if not left or said.code != codes.R_NOT_EMPTY or "logged-on" not in said.text:
            raise refused(said, form)
        await asyncio.sleep(GONE_S)


OPERATIONS = (
    Operation(
        "sign_up", "POST", "/v1/operator/users", "Open firm, account and key of a venue's user, all or nothing; the same again is unchanged (200)", O.User,
        sign_up, body=O.NewUser, status=201, also=(200,), private=True, by="operator", problems=(403, 404, 409, 422, 429, 503, 504), server=False,
    ),
    Operation(
        "close_user", "POST", "/v1/operator/users/{user}/close", "Close account, login and firm of a user", O.UserClosed, close, body=O.CloseUser,
        private=True, by="operator", problems=(403, 404, 409, 422, 429, 503, 504), server=False,
    ),
)  # fmt: skip
