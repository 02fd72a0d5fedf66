"""A configuration file over HTTP: what `exos config plan` and `apply` send, with the same checks, rights and answers."""

from typing import Any

import msgspec

from config import asked as _asked
from protocol import codes, errors

from .. import operator_schemas as O
from ..apart import Apart
from ..desk import Said
from ..operation import Call, Made, Operation
from ..parties import Operator
from ..problems import Refusal, bad_field, refusal
from ..reading import RECORD_BYTES, Given, Told
from ..schemas import FileRefusal
from .acts import ask, refused

BODY = 1024 * 1024
APPLY_S = 120.0  # a large configuration is one turn of the server
KIND = "configuration"


async def admit(call: Call) -> None:
    """Before the body is read: may this principal do it at all? The exchange judges it again, record by record. Raises Refusal."""
    from ...registry.roles import ROLES, holders  # it loads much that is not needed otherwise

    operator, preview = call.session.operator, call.query.preview
    found = await ask(operator, "whoami")
    held = [ROLES[row["role"]] for row in found["roles"]]
    if preview and not any(role.may_ask("plan") for role in held):
        raise _not_allowed(operator, found, "verb plan", holders(lambda role: role.may_ask("plan")))
    if not preview and not any(role.may_send(KIND) for role in held):
        raise _not_allowed(operator, found, f"record {KIND}", holders(lambda role: role.may_send(KIND)))


def _not_allowed(operator: Operator, found: dict[str, Any], what: str, able: list[str]) -> Refusal:
    has = (
        ", ".join(f"{row['role']} for {'the platform' if row['scope'] == 'platform' else row['scope']}" for row in found["roles"])
        or "no role"
    )
    text = f"the {what} needs the role {' or '.join(able)}; principal:{operator.name} has {has}"
    return refusal(codes.R_NOT_AUTHORISED, text, headers={"Connection": "close"})  # its body is not read


async def configure(call: Call) -> Made:
    """Apply it, all or nothing, or with `preview` say what it would change. Raises Refusal."""
    body, desk = call.body, call.session.operator.desk
    if body.name in body.files:
        raise bad_field(f"{body.name} is the file itself, and among the files that it includes", "$.files")
    running = await ask(call.session.operator, "running", file=body.name)
    base = int(body.base) if body.base is not None else None
    given = Given(
        name=body.name,
        texts={**body.files, body.name: body.toml},
        running=running,
        why=body.why,
        prune=body.prune,
        base=base,
        plan=body.plan,
    )
    async with Apart() as apart:
        read = await apart.ask(given)
        if "bytes" in read:
            size = msgspec.json.decode(read["bytes"], type=int)
            text = f"its definitions are {size} bytes as the exchange takes them, the limit is {RECORD_BYTES}: split it, or use exos config apply"
            raise refusal(codes.R_WIRE_TOO_LONG, text, at="$.toml", limit=RECORD_BYTES, asked=size)
        if "refusals" in read:
            raise _refused(_refusals(read), call.query.preview)
        said = await desk.ask("plan" if call.query.preview else "admin", read["record"], seconds=APPLY_S)
        if not said.ok:
            raise await _said_no(apart, said)
        if call.query.preview:
            shown = await apart.ask(Told(plan=said.result))
            if found := _refusals(shown):
                raise _refused(found, True)
            return Made(_preview(said.result, {name: msgspec.json.decode(value) for name, value in shown.items()}))
        shown = await apart.ask(Told())
        return _done(said, msgspec.json.decode(shown["notes"]))


async def _said_no(apart: Apart, said: Said) -> Refusal:
    if said.refusal is None or (said.refusal.get("record") is None and not said.refusal["key"]):
        return refused(said)
    if said.refusal.get("record") is None:  # of the request itself: base, plan
        error = refused(said)
        error.problem = msgspec.structs.replace(error.problem, at=f"$.{said.refusal['key'][0]}")
        return error
    return _refused(_refusals(await apart.ask(Told(refusal=said.refusal))), False)


def _refusals(answer: dict[str, msgspec.Raw]) -> list[FileRefusal]:
    rows = msgspec.json.decode(answer["refusals"]) if "refusals" in answer else []
    return [FileRefusal(name=errors.short_name(row["code"]), **row) for row in rows]


def _refused(found: list[FileRefusal], preview: bool) -> Refusal:
    """The first of them, with all in `refusals`."""
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    error = refusal(first.code, f"{first.detail}{more} (nothing {'would be' if preview else 'was'} changed)", at="$.toml")
    error.problem = msgspec.structs.replace(error.problem, refusals=found)
    return error


def _preview(plan: dict[str, Any], shown: dict[str, Any]) -> O.Configured:
    return O.Configured(
        outcome="preview", text=f"{len(shown['lines'])} to do, {shown['unchanged']} unchanged; revision {plan['revision']} runs", base=str(plan["revision"]),
        plan=plan["digest"], lines=shown["lines"], notes=shown["notes"], warnings=shown["warnings"], unchanged=shown["unchanged"],
    )  # fmt: skip


def _done(said: Said, notes: list[str]) -> Made:
    result = said.result or {}
    settings = result.get("settings") or {}
    lines = [*result.get("lines", ()), *_asked.setting_lines({name: [None, value] for name, value in settings.items()})]
    changed = bool(result.get("applied") or settings)
    return Made(
        O.Configured(
            outcome="done" if changed else "unchanged", text=said.text, revision=str(result["revision"]) if "revision" in result else None, lines=lines,
            notes=notes, warnings=list(said.warnings), unchanged=result.get("unchanged", 0),
        )
    )  # fmt: skip


async def no_opening(call: Call) -> Made:  # noqa: ARG001 (Handler)
    """Raises Refusal: it is not offered, and why."""
    raise refusal(
        codes.R_NOT_OVER_HTTP,
        "an archive is not imported over HTTP: it is many acts (up to 124 MiB in parts, then holds and closings one by one, then the comparison with the archive), "
        "and whoever does it must see where it stands and go on there: exos venue import, as a principal with --server",
        headers={"Connection": "close"},
    )


OPERATIONS = (
    Operation(
        "act_configuration", "POST", "/v1/operator/acts/configuration", "A configuration file as one action: all of it takes effect, or nothing", O.Configured,
        configure, body=O.ConfigurationGiven, query=O.ActQuery, private=True, by="operator", problems=(403, 409, 413, 422, 429, 503, 504), server=False, body_max=BODY,
        admit=admit,
    ),
    Operation(
        "act_opening", "POST", "/v1/operator/acts/opening", "Not offered over HTTP: the answer says why, and what to use", O.Act, no_opening, query=O.ActQuery,
        private=True, by="operator", problems=(501,), server=False, admit=no_opening,
    ),
)  # fmt: skip
