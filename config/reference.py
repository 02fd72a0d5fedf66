"""Every key of a configuration file as data, from the schema and the tables of fields: for docs/configuration.md and the JSON Schema."""

import types
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Meta

from . import about, schema
from . import admin_records as ar
from .fields import DURATION, LIVE, MONEY, NEVER, PRICE, QUANTITY, RESTART, Field, duration_text, fields_of
from .settings import Settings

UNITS = {
    PRICE: "price, in units of the asset",
    QUANTITY: "quantity, in contracts or units of the base asset",
    MONEY: "money, in units of the asset",
    DURATION: "duration: a number with ns, us, ms, s, m, h or d",
}
RECORDS: dict[str, Any] = {
    "server": Settings, "asset": ar.DefineAsset, "venue": ar.DefineVenue, "member": ar.DefineFirm, "member.account": ar.DefineAccount,
    "member.session": ar.DefineSession, "key": ar.DefineKey, "market": ar.DefineMarket, "market.contract": ar.Contract, "market.band": ar.Band,
    "listing": ar.DefineListing, "series": ar.DefineSeries, "market.fees": ar.Fees, "listing.fees": ar.Fees, "market.void": ar.VoidRule,
    "tags": ar.FirmTags, "quota": ar.Quota, "rule": ar.AccessRule, "market.scalar": ar.Scalar, "market.resting": ar.Resting,
}  # fmt: skip
WHOLE = {"market.fees": "fees", "listing.fees": "fees", "market.band": "bands"}  # a table that is one field of the record around it
OWN_CHANGE = {  # keys that are no field of a record
    "": NEVER, "capacities": RESTART, "member.deposit": NEVER, "key.public": NEVER, "key.session": NEVER, "key.until": LIVE,
}  # fmt: skip
DURATION_FORM = r"^[0-9]{1,19}(ns|us|ms|s|m|h|d)$"
AMOUNT_FORM = r"^[0-9]+(\.[0-9]+)?$"


class Row(NamedTuple):
    """One key. `type`: in words; `default`: None: the key is required; `bounds`: in words; `change`: LIVE, LOGON, RESTART or NEVER."""

    table: str
    key: str
    type: str
    unit: str
    default: Any
    required: bool
    bounds: str
    change: str
    about: str


def tables() -> Iterator[tuple[str, Any]]:
    """The path of each table ("market.fees") and its struct, in the order of the file."""
    yield from _tables("", schema.File)


def _tables(path: str, kind: Any) -> Iterator[tuple[str, Any]]:
    yield path, kind
    for field in msgspec.structs.fields(kind):
        inner = _struct(field.type)
        if inner is not None:
            yield from _tables(f"{path}.{field.encode_name}".lstrip("."), inner)


def rows(path: str, kind: Any) -> list[Row]:
    """The keys of one table, without the tables in it."""
    record = RECORDS.get(path)
    known = {field.key: field for field in fields_of(record)} if record is not None else {}
    out = []
    for info in msgspec.structs.fields(kind):
        if _struct(info.type) is not None:
            continue
        field = known.get(info.encode_name)
        out.append(_row(path, info, field))
    return out


def _row(path: str, info: Any, field: Field | None) -> Row:
    key, unit = info.encode_name, field.unit if field is not None else ""
    kind = field.type if field is not None and field.name != "verifier" and unit not in (PRICE, QUANTITY, MONEY, DURATION) else info.type
    default = info.default if info.default is not msgspec.NODEFAULT else None
    if path == "server" and field is not None:  # in the file None: as the data folder has it
        default = duration_text(field.default) if unit == DURATION else field.default
    text = about.KEYS.get(path, {}).get(key, "")
    return Row(
        path,
        key,
        _words(info.type, unit),
        UNITS.get(unit, ""),
        default,
        bool(info.required),
        _bounds(kind, field),
        _change(path, key, field),
        text,
    )


def _change(path: str, key: str, field: Field | None) -> str:
    if path in WHOLE:
        parent = RECORDS[path.rpartition(".")[0]]
        return next(one.change for one in fields_of(parent) if one.name == WHOLE[path])
    if field is not None:
        return field.change
    return OWN_CHANGE.get(f"{path}.{key}".lstrip("."), OWN_CHANGE.get(path, NEVER))


def _options(kind: Any) -> list[Any]:
    """The types of an annotation, without None; Annotated stays."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [option for one in typing.get_args(kind) if one is not type(None) for option in _options(one)]
    return [kind]


def _bare(kind: Any) -> Any:
    return _bare(typing.get_args(kind)[0]) if typing.get_origin(kind) is typing.Annotated else kind


def _struct(kind: Any) -> Any:
    """The table that a key is, or of which it is a list."""
    for option in _options(_bare(kind)):
        bare = _bare(option)
        if typing.get_origin(bare) is tuple:
            bare = _bare(typing.get_args(bare)[0])
        if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
            return bare
    return None


def is_list(path: str) -> bool:
    """Whether a table is written [[so]]."""
    *above, name = path.split(".")
    kind: Any = schema.File
    for step in (*above, name):
        info = next(field for field in msgspec.structs.fields(kind) if field.encode_name == step)
        kind = _struct(info.type)
    return any(typing.get_origin(_bare(option)) is tuple for option in _options(_bare(info.type)))


def _words(kind: Any, unit: str) -> str:
    names = {str: "text", int: "whole number", bool: "true or false"}
    if unit in (PRICE, QUANTITY, MONEY):
        return "amount"
    if unit == DURATION:
        return "duration"
    out = []
    for option in _options(_bare(kind)):
        bare = _bare(option)
        if typing.get_origin(bare) is typing.Literal:
            out.append(" or ".join(f"`{word}`" for word in typing.get_args(bare)))
        elif typing.get_origin(bare) is tuple:
            out.append(f"list of {_words(typing.get_args(bare)[0], '')}")
        elif typing.get_origin(bare) is dict:
            out.append(
                "table of amounts"
                if str in [_bare(one) for one in _options(typing.get_args(bare)[1])] and len(_options(typing.get_args(bare)[1])) > 1
                else "table of texts"
            )
        else:
            out.append(names.get(bare, "date and time"))
    return " or ".join(dict.fromkeys(out))


def _bounds(kind: Any, field: Field | None) -> str:
    """From the annotations of a type, in words."""
    said = []
    for option in _options(kind):
        for note in typing.get_args(option)[1:] if typing.get_origin(option) is typing.Annotated else ():
            if isinstance(note, Meta):
                said += _meta(note, "entries" if typing.get_origin(_bare(option)) is tuple else "characters")
        inner = typing.get_args(option)[0] if typing.get_origin(option) is typing.Annotated else None
        if inner is not None and typing.get_origin(inner) is typing.Annotated:
            said.append(_bounds(inner, None))
    if not said and field is not None and field.unit in (PRICE, QUANTITY, MONEY, DURATION):
        low = next((note.ge for note in typing.get_args(field.type)[1:] if isinstance(note, Meta) and note.ge is not None), None)
        said = ["above 0"] if low == 1 and field.required else ["not negative"]
    return ", ".join(text for text in said if text)


def _meta(note: Meta, things: str) -> list[str]:
    out = []
    low, high = note.ge, note.le if note.le is not None else note.lt - 1 if note.lt is not None else None
    if low is not None and high is not None:
        out.append(f"{low} to {'2^62 - 1' if high == ar.MAX_AMOUNT else f'{high:,}'}")
    elif low is not None:
        out.append(f"at least {low}")
    if note.min_length is not None and note.max_length is not None:
        out.append(f"{note.min_length} to {note.max_length} {things}")
    elif note.max_length is not None:
        out.append(f"at most {note.max_length:,} {things}")
    return out


# ------------------------------------------------------------------------------------------------- JSON Schema
def json_schema() -> dict[str, Any]:
    """The JSON Schema of a configuration file, with descriptions, and the forms of amounts and durations."""
    made = msgspec.json.schema(schema.File)
    names = {kind.__name__: path for path, kind in reversed(list(tables()))}
    for name, definition in made["$defs"].items():
        path = names.get(name, "")
        if name in names:
            definition["description"] = about.TABLES[path]
            definition["title"] = f"[{path}]" if path else "exos configuration"
            for row in rows(path, dict(tables())[path]):
                _describe(definition["properties"][row.key], row)
    made["$defs"]["TemplateUse"] = {
        "title": "[market]",
        "description": "A market that is made from a template: the template's fields, and keys of a market, which win over it (docs/templates.md).",
        "type": "object",
        "required": ["template"],
        "properties": {"template": {"type": "string", "description": "Name of the template: exos template list."}},
    }
    markets = made["$defs"]["File"]["properties"]["market"]
    markets["items"] = {"anyOf": [markets["items"], {"$ref": "#/$defs/TemplateUse"}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "exos configuration", **made}


def _describe(definition: dict[str, Any], row: Row) -> None:
    definition["description"] = f"{row.about}{f' ({row.unit})' if row.unit else ''} Change: {row.change}."
    if row.type in ("amount", "duration"):
        for one in (definition, *definition.get("anyOf", ())):
            if one.get("type") == "string":
                one["pattern"] = AMOUNT_FORM if row.type == "amount" else DURATION_FORM
            elif one.get("type") == "integer":
                one["minimum"] = 0
    if row.default is not None and not row.required:
        definition["default"] = list(row.default) if isinstance(row.default, tuple) else row.default
