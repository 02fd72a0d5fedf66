"""Operators' records as the API has them, made from the records themselves (config/admin_records.py): one body for each, and the ways there and back.

A record counts in ticks, lots, minor units and nanoseconds. A body has decimal strings, times as RFC 3339, durations as a file has them ("72h"), and numbers
of holds, withdrawals and acts as strings. A contract's market is `market`, its symbol `contract`. What the server fills in itself is left out.
"""

import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from config import admin_records as ar
from config import fields as cf
from config.amounts import ConfigError, duration_ns
from protocol import numbers

from . import words
from .problems import bad_field
from .schemas import Amount, Body, Duration, GivenTime, Id

NUMBER, PAYOUTS, AMOUNTS_OF_ASSETS, RECORD = "number", "payouts", "amounts", "record"  # units beside those of config/fields.py
DURATIONS = {"expires_ns"}  # where the field does not say it; other names that end so are times
UNITS = {  # of fields whose record does not say it
    ("transfer", "amount"): cf.MONEY, ("hold", "amount"): cf.MONEY, ("withdraw_request", "amount"): cf.MONEY, ("approvals", "withdrawals"): AMOUNTS_OF_ASSETS,
    ("release", "hold"): NUMBER, ("withdraw_settle", "withdrawal"): NUMBER, ("withdraw_cancel", "withdrawal"): NUMBER, ("approve", "id"): NUMBER,
    ("refuse", "id"): NUMBER, ("schedule_cancel", "id"): NUMBER, ("bust", "trade"): NUMBER, ("reference", "reference"): cf.PRICE,
    ("reference", "collar"): cf.PRICE, ("determine_one", "payout"): cf.PRICE, ("schedule", "act"): RECORD,
    **{(tag, "payouts"): PAYOUTS for tag in ("determine", "settle", "correct")},
}  # fmt: skip
NAMES = {"event": "market", "symbol": "contract", "owner_venue": "venue", "k": "winners", "qty_decimals": "quantity_decimals", "min_qty": "min_quantity",
         "max_qty": "max_quantity"}  # fmt: skip
NAMES_OF = {("key", "verifier"): "public_key", ("split_outcome", "contract"): "outcome", ("add_outcome", "contract"): "outcome"}
LEFT_OUT = {("bust", "event"), ("bust", "legs"), ("market", "tick_value"), ("market", "lot_base"), ("session", "verifier")}
PublicKey = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$", description="The public half of an Ed25519 key, 64 hexadecimal digits")]


class Places(NamedTuple):
    """Decimals of amounts, by unit; of all assets; and the contracts of the market that a record is about, in their order. unknown: what it is about is not
    there for the asker; amounts are then not read, because the exchange refuses the name."""

    of: Mapping[str, int] = {}
    assets: Mapping[str, int] = {}
    contracts: tuple[str, ...] | None = None
    unknown: bool = False


class Field(NamedTuple):
    """name: in the record; api: in the body."""

    name: str
    api: str
    unit: str
    kind: Any  # of the body
    default: Any
    part: "Form | None" = None  # a struct within
    many: bool = False


class Form(NamedTuple):
    """A record (or a part of one) and its body."""

    record: Any
    tag: str
    fields: tuple[Field, ...]
    body: Any

    def api_key(self, key: tuple[str | int, ...]) -> str:
        """Where a record's field is in the body: ("event",) -> "$.market"."""
        out, form = "$", self
        for step in key:
            if isinstance(step, int):
                out += f"[{step}]"
                continue
            field = next((one for one in form.fields if one.name == step), None)
            out += f".{field.api if field is not None else step}"
            form = field.part if field is not None and field.part is not None else form
        return out

    def unit_of(self, key: tuple[str | int, ...]) -> str:
        return next((one.unit for one in self.fields if key and one.name == key[0]), cf.PLAIN)


def _bare(kind: Any) -> Any:
    """A type without Annotated and None."""
    while typing.get_origin(kind) is Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        some = [one for one in typing.get_args(kind) if one is not type(None)]
        return _bare(some[0]) if len(some) == 1 else kind
    return kind


def _optional(kind: Any) -> bool:
    while typing.get_origin(kind) is Annotated:
        kind = typing.get_args(kind)[0]
    return typing.get_origin(kind) in (typing.Union, types.UnionType) and type(None) in typing.get_args(kind)


def _unit(tag: str, field: cf.Field) -> str:
    if (tag, field.name) in UNITS:
        return UNITS[tag, field.name]
    if field.unit in (cf.DURATION, cf.INSTANT):
        return field.unit
    if field.name.endswith("_ns"):
        return cf.DURATION if field.name in DURATIONS else cf.INSTANT
    return field.unit if field.unit in cf.AMOUNTS else cf.PLAIN


def _api(tag: str, name: str) -> str:
    return NAMES_OF.get((tag, name)) or NAMES.get(name) or name.removesuffix("_ns")


def _field(tag: str, field: cf.Field) -> Field:
    unit, kind, default = _unit(tag, field), field.type, field.default
    bare, part, many = _bare(kind), None, False
    if unit in cf.AMOUNTS:
        kind = Amount | None if _optional(field.type) else Amount
        default = default if field.required or default is None else "0"
    elif unit == cf.DURATION:
        kind = Duration | None if _optional(field.type) else Duration
        default = default if field.required or default is None else cf.duration_text(default)
    elif unit == cf.INSTANT:
        kind, default = GivenTime, default if field.required else ""
    elif unit == NUMBER:
        kind = Id
    elif unit == PAYOUTS:
        kind = Annotated[
            dict[str, Amount], Meta(description="What each contract pays; what is not named pays nothing. Empty: a scalar market's follow")
        ]
    elif unit == AMOUNTS_OF_ASSETS:
        kind = dict[str, Amount]
        default = {}
    elif unit == RECORD:
        part = _scheduled()
        kind = part.body
    elif (tag, field.name) == ("key", "verifier"):
        kind = PublicKey
    elif isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        part = form_of(bare, f"{bare.__name__.removeprefix('Define')}Given")
        kind = part.body | None if _optional(field.type) else part.body
        default = default if field.required or default is None else _given_default(part, default)
    elif typing.get_origin(bare) is tuple and isinstance(inner := typing.get_args(bare)[0], type) and issubclass(inner, msgspec.Struct):
        part, many = form_of(inner, f"{inner.__name__}Given"), True
        kind = Annotated[tuple[part.body, ...], Meta(max_length=5000)]  # type: ignore[name-defined]
    return Field(field.name, _api(tag, field.name), unit, kind, default, part, many)


def _given_default(form: Form, value: Any) -> Any:
    return form.body(**{field.api: getattr(value, field.name) for field in form.fields})


_FORMS: dict[Any, Form] = {}


def form_of(record: Any, name: str = "") -> Form:
    """The form of a record's type, or of a part of one."""
    if record in _FORMS:
        return _FORMS[record]
    tag = str(record.__struct_config__.tag or "")
    fields = tuple(_field(tag, one) for one in cf.fields_of(record) if (tag, one.name) not in LEFT_OUT)
    return _made(record, tag, name or f"{record.__name__.removeprefix('Define')}Act", fields)


def _made(record: Any, tag: str, name: str, fields: tuple[Field, ...]) -> Form:
    specs = [(one.api, one.kind) if one.default is msgspec.NODEFAULT else (one.api, one.kind, one.default) for one in fields]
    about = " ".join((record.__doc__ or "").split()) if record is not None else None
    body = msgspec.defstruct(
        name, specs, bases=(Body,), frozen=True, forbid_unknown_fields=True, kw_only=True, namespace={"__doc__": about}
    )
    _FORMS[record if record is not None else name] = form = Form(record, tag, fields, body)
    return form


def _scheduled() -> Form:
    """The act of a schedule: one of those that can be scheduled, under its tag."""
    if "ScheduledAct" in _FORMS:
        return _FORMS["ScheduledAct"]
    parts = [form_of(kind) for kind in typing.get_args(ar.Schedulable)]
    return _made(None, "", "ScheduledAct", tuple(Field(one.tag, one.tag, RECORD, one.body | None, None, one) for one in parts))


# ------------------------------------------------------------------------------------------------------- body to record
def content(form: Form, body: Any, places: Places, at: str = "$") -> dict[str, Any]:
    """A body as the fields of its record. Raises Refusal, naming the field."""
    if form.tag == "market":
        places = _own_places(body, places, at)
    out: dict[str, Any] = {}
    for field in form.fields:
        value, here = getattr(body, field.api), f"{at}.{field.api}"
        if value is None:
            continue
        out[field.name] = _to_record(field, value, places, here)
    if form.tag == "market":
        _complete_market(out, body, places, at)
    return out


def record_of(form: Form, body: Any, places: Places) -> ar.AnyRecord:
    """The record of a body. Raises Refusal."""
    fields = {"type": form.tag, **content(form, body, places)}
    try:
        made: ar.AnyRecord = msgspec.convert(fields, form.record)
    except msgspec.ValidationError as error:
        from config import wording

        key, sentence, _ = wording.fault(form.record, fields)
        raise bad_field(sentence or str(error), form.api_key(key)) from None
    return made


def _to_record(field: Field, value: Any, places: Places, at: str) -> Any:
    try:
        match field.unit:
            case cf.PRICE | cf.QUANTITY | cf.MONEY:
                return numbers.scaled(value, places.of.get(field.unit, 0), field.api) if not places.unknown else 1
            case cf.DURATION:
                return duration_ns("", "", value) if value != "0" else 0
            case cf.INSTANT:
                return words.time_ns(value) if value else 0
            case cf.PLAIN if field.many:
                return [content(field.part, one, places, f"{at}[{n}]") for n, one in enumerate(value)]  # type: ignore[arg-type]
            case cf.PLAIN if field.part is not None:
                return content(field.part, value, places, at)
            case "number":
                return numbers.whole(value, field.api, 1)
            case "payouts":
                return _payouts(value, places, at)
            case "amounts":
                return {name: numbers.scaled(amount, _asset(name, places, at), name) for name, amount in value.items()}
            case "record":
                return _one_of(field, value, places, at)
    except (numbers.NotANumber, ValueError) as error:
        raise bad_field(str(error), at) from None
    except ConfigError as error:
        raise bad_field(error.sentence, at) from None
    return list(value) if isinstance(value, tuple) else value


def _asset(name: str, places: Places, at: str) -> int:
    if places.unknown:
        return 18
    if name not in places.assets:
        raise bad_field(f"there is no asset {name[:64]}", at)
    return places.assets[name]


def _payouts(value: dict[str, str], places: Places, at: str) -> list[int]:
    """In the order of the contracts; the exchange checks the sum."""
    if places.unknown or places.contracts is None:
        return []
    for name in value:
        if name not in places.contracts:
            raise bad_field(f'"{name[:64]}" is no contract of this market: {", ".join(places.contracts[:8])}', f"{at}.{name[:64]}")
    if not value:
        return []
    decimals = places.of[cf.PRICE]
    return [numbers.scaled(value[name], decimals, "payout") if name in value else 0 for name in places.contracts]


def _one_of(field: Field, value: Any, places: Places, at: str) -> dict[str, Any]:
    """The record of a scheduled act."""
    assert field.part is not None
    named = [one for one in field.part.fields if getattr(value, one.api) is not None]
    if len(named) != 1:
        raise bad_field(f"one act is needed, of {', '.join(one.api for one in field.part.fields)}; asked {len(named)}", at)
    part = named[0].part
    assert part is not None
    return {"type": part.tag, **content(part, getattr(value, named[0].api), places, f"{at}.{named[0].api}")}


def _own_places(body: Any, places: Places, at: str) -> Places:
    """A market's definition says its own decimals."""
    money = _asset(body.asset, places, f"{at}.asset")
    left = money - body.price_decimals - body.quantity_decimals
    if left < 0:
        taken = body.price_decimals + body.quantity_decimals
        raise bad_field(f"{body.asset} has {money} decimals, and price_decimals and quantity_decimals need {taken}", f"{at}.price_decimals")
    return places._replace(of={cf.PRICE: body.price_decimals, cf.QUANTITY: body.quantity_decimals, cf.MONEY: money})


def _complete_market(out: dict[str, Any], body: Any, places: Places, at: str) -> None:
    """What follows from the decimals, and what 0 stands for (as in a configuration file)."""
    out["tick_value"] = 10 ** (places.of[cf.MONEY] - body.price_decimals - body.quantity_decimals)
    if body.base_asset:
        left = _asset(body.base_asset, places, f"{at}.base_asset") - body.quantity_decimals
        if left < 0:
            raise bad_field(f"{body.base_asset} has fewer decimals than quantities", f"{at}.quantity_decimals")
        out["lot_base"] = 10**left
    out["lot"] = out["lot"] or 1
    out["min_qty"] = out["min_qty"] or out["lot"]
    if body.product == "scalar":
        out["k"] = out["k"] or 1


# ------------------------------------------------------------------------------------------------------- record to body
def shown(form: Form, record: Mapping[str, Any], places: Places) -> dict[str, Any]:
    """A record (as builtins) as its body; what the view leaves out is left out."""
    if form.tag == "market":
        decimals = {
            cf.PRICE: record["price_decimals"],
            cf.QUANTITY: record["qty_decimals"],
            cf.MONEY: places.assets.get(record["asset"], 0),
        }
        places = places._replace(of=decimals)
    out: dict[str, Any] = {}
    for field in form.fields:
        if field.name in record and field.name not in ("secret", "verifier"):
            out[field.api] = _to_body(field, record[field.name], places)
    return out


def _to_body(field: Field, value: Any, places: Places) -> Any:
    if value is None:
        return None
    match field.unit:
        case cf.PRICE | cf.QUANTITY | cf.MONEY:
            return numbers.unscaled(value, places.of.get(field.unit, 0))
        case cf.DURATION:
            return cf.duration_text(value)
        case cf.INSTANT:
            return words.time_text(value) if value else ""
        case cf.PLAIN if field.many:
            return [shown(field.part, one, places) for one in value]  # type: ignore[arg-type]
        case cf.PLAIN if field.part is not None:
            return shown(field.part, value, places)
        case "number":
            return str(value)
        case "payouts":
            names = places.contracts or tuple(f"#{n}" for n in range(len(value)))
            return {name: numbers.unscaled(ticks, places.of.get(cf.PRICE, 0)) for name, ticks in zip(names, value) if ticks}
        case "amounts":
            return {name: numbers.unscaled(amount, places.assets.get(name, 0)) for name, amount in value.items()}
        case "record":
            assert field.part is not None
            tag = value["type"]
            part = next(one.part for one in field.part.fields if one.name == tag)
            return {tag: shown(part, value, places)} if part is not None else {}
    return value
