"""Operators' acts: one operation for each record of config/admin_records.py that people send. The exchange judges each by the principal's roles
(exchange_server/registry/roles.py), as those of the command line."""

from collections.abc import Awaitable, Callable
from typing import Any, get_args

from config import admin_records as ar
from config import fields as cf
from protocol import codes, errors, numbers

from .. import acts, words
from .. import operator_schemas as O
from ..acts import Form, Places
from ..desk import Said
from ..operation import Call, Made, Operation
from ..parties import Operator
from ..problems import Refusal, refusal

NOT_HERE = {  # the records without an operation made from their fields
    "begin": "the server's own", "part": "the server's own", "hold_expire": "the server's own", "run_due": "the server's own", "overdue": "the server's own",
    "configuration": "a file: configuration.py", "opening": "an archive: configuration.py says why it is not offered",
}  # fmt: skip
SUMMARIES = {  # of records without words of their own
    "asset": "Define an asset", "firm": "Define a firm", "phase": "Another phase of a market", "finalise": "Each account is paid",
    "access_rule_remove": "Take an access rule away",
}  # fmt: skip
LONG = 1024 * 1024  # bytes of a body with many contracts
LONG_ACTS = ("market", "series", "schedule")
PRICED = ("bands", "reference", "determine", "settle", "correct", "determine_one")
WITH_ASSETS = ("transfer", "hold", "withdraw_request", "approvals", "market", "series", "budget")


def tag_of(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


FORMS: dict[str, Form] = {tag_of(kind): acts.form_of(kind) for kind in get_args(ar.AnyRecord) if tag_of(kind) not in NOT_HERE}


async def ask(operator: Operator, verb: str, **fields: Any) -> Any:
    """The answer to a question of this principal. Raises Refusal with the exchange's reason."""
    said = await operator.desk.ask(verb, **fields)
    if not said.ok:
        raise refused(said)
    return said.result


def refused(said: Said, form: Form | None = None, places: Places = Places()) -> Refusal:
    """What the exchange refused, with the place in the body."""
    found = said.refusal
    if found is None:
        return refusal(said.code, said.text)
    key = tuple(found["key"])
    unit = form.unit_of(key) if form is not None else cf.PLAIN
    at = (form.api_key(key) if form is not None else None) if key else None
    told: dict[str, Any] = {name: _number(said.code, unit, found[name], places) for name in ("limit", "used", "asked") if found[name]}
    return refusal(said.code, found["sentence"], at=at, **told)


def _number(code: int, unit: str, value: int, places: Places) -> str:
    """A number of a refusal, as people write it: by the unit of the field that it is about."""
    if unit in cf.AMOUNTS:
        return numbers.unscaled(value, places.of.get(unit, 0))
    if unit == cf.INSTANT:
        return words.time_text(value)
    return errors.shown(code, value, str)


async def assets(operator: Operator, *wanted: str) -> dict[str, int]:
    """Decimals of all assets; asked anew when one of these is not among those that are known."""
    if not operator.decimals or any(name not in operator.decimals for name in wanted):
        operator.decimals = (await ask(operator, "assets"))["assets"]
    return operator.decimals


async def market_of(operator: Operator, event: str, symbol: str, market_by_symbol: dict[str, str]) -> dict[str, Any] | None:
    """A market as the principal sees it, by its name or one of its contracts; None: there is none for it."""
    event = event or market_by_symbol.get(symbol, "")
    asked = {"event": event} if event else {}
    for one in (await ask(operator, "markets", **asked))["markets"]:
        if one["event"] == event or symbol in [row["symbol"] for row in one["contracts"]]:
            return one  # type: ignore[no-any-return]
    return None


async def places_for(call: Call, form: Form, body: Any) -> tuple[Places, bool]:
    """(the decimals of a body's amounts, whether all that it names is there for this principal)."""
    operator = call.session.operator
    if form.tag == "schedule":
        inner = next((one for one in acts.form_of(ar.Schedule).fields if one.name == "act"), None)
        assert inner is not None and inner.part is not None
        named = [one for one in inner.part.fields if getattr(body.act, one.api) is not None]
        if len(named) != 1 or named[0].part is None:
            return Places(), True  # refused where it is read
        return await places_for(call, named[0].part, getattr(body.act, named[0].api))
    if form.tag in WITH_ASSETS:
        asset = getattr(body, "asset", "") or getattr(getattr(body, "market", None), "asset", "")
        if form.tag == "budget" and not asset:  # it keeps the one that it has
            said = await operator.desk.ask("budget", name=body.session)
            asset = said.result["rows"][0]["asset"] if said.ok and said.result["rows"] else ""
        known = await assets(operator, *([asset] if asset else []))
        there = not asset or asset in known
        return Places({cf.MONEY: known.get(asset, 0)}, known, unknown=not there), there
    if form.tag in PRICED:
        symbol = getattr(body, "contract", "") if form.tag == "reference" else ""
        found = await market_of(operator, getattr(body, "market", ""), symbol, call.gateway.reference.market_of)
        if found is None:
            return Places(unknown=True), False
        names = [row["symbol"] for row in found["contracts"]]
        if form.tag == "correct" and body.contract:
            names = [body.contract]
        return Places({cf.PRICE: found["price_decimals"]}, {}, tuple(names)), True
    return Places(), True


async def carry_out(call: Call, form: Form) -> Made:
    """Send the record, or with `preview` ask what it would do."""
    places, there = await places_for(call, form, call.body)
    record = acts.record_of(form, call.body, places)
    if call.query.preview or not there:
        made = await _preview(call, form, record, places)
        if there:
            return made
        raise refusal(codes.R_ANSWER_UNKNOWN, "what it names came into being at this moment: send it again", status=503)
    said = await call.session.operator.desk.ask("admin", record)
    if not said.ok:
        raise refused(said, form, places)
    return _answer(form, said)


async def _preview(call: Call, form: Form, record: Any, places: Places) -> Made:
    said = await call.session.operator.desk.ask("plan", record)
    if not said.ok:
        raise refused(said, form, places)
    told = said.result
    if told["refusals"]:
        first = told["refusals"][0]
        raise refused(said._replace(code=first["code"], refusal=first), form, places)
    if "text" not in told:  # a rollback
        count = sum(one["kind"] in ("new", "changed") for one in told["changes"])
        return Made(O.Act(act=form.tag, outcome="preview", text=f"{count} definitions would change", warnings=told.get("cannot", [])))
    names = {one.name: one.api for one in form.fields}
    fields = [names.get(name, name) for change in told["changes"] for name in change["fields"]]
    return Made(O.Act(act=form.tag, outcome="preview", text=told["text"], fields=fields, waits=told["waits"], cancels=told.get("cancels")))


def _answer(form: Form, said: Said) -> Made:
    result = dict(said.result or {})
    secret, pending, until = result.pop("secret", None), result.pop("pending", 0), result.pop("expires_ns", 0)
    outcome: Any = "done"
    if pending and form.tag not in ("approve", "refuse"):
        outcome = "pending"
    elif result.pop("done_before", 0):
        outcome = "done_before"
    elif result.pop("unchanged", 0):
        outcome = "unchanged"
    shown: dict[str, str] = {
        str(acts.NAMES.get(name, name)): words.phase(value) if name == "phase" and isinstance(value, int) else str(value)
        for name, value in result.items()
        if isinstance(value, int | str)
    }
    answer = O.Act(
        act=form.tag, outcome=outcome, text=said.text, pending_id=str(pending) if pending else None, expires_at=words.maybe_time(until), result=shown,
        warnings=list(said.warnings), secret=secret,
    )  # fmt: skip
    return Made(answer, status=202 if outcome == "pending" else 200)


def _handler(form: Form) -> Callable[[Call], Awaitable[Made]]:
    async def handler(call: Call) -> Made:
        return await carry_out(call, form)

    return handler


def _summary(form: Form) -> str:
    """The first sentence of the record's own words."""
    about = " ".join((form.record.__doc__ or SUMMARIES[form.tag]).split())
    return about.partition(". ")[0].removesuffix(".")


OPERATIONS = tuple(
    Operation(
        f"act_{tag}", "POST", f"/v1/operator/acts/{tag}", _summary(form), O.Act, _handler(form), body=form.body, query=O.ActQuery, private=True, by="operator",
        problems=(403, 404, 409, 422, 429, 503, 504), also=(202,), server=False, body_max=LONG if tag in LONG_ACTS else 64 * 1024,
    )
    for tag, form in FORMS.items()
)  # fmt: skip
