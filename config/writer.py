"""Writes definitions as a configuration file that reads back to the same: the inverse of reader.py.

Assets and other venues are used and not defined; secrets are not there to be written, and a session without one keeps the one that it has.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from protocol import numbers

from . import admin_records as ar
from .fields import AMOUNTS, DURATION, INSTANT, MONEY, PRICE, QUANTITY, Field, duration_text, fields_of, instant_text
from .series import DATE, DAY

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_PLACE = re.compile(r"\{[a-z_0-9]*\}")


class How(NamedTuple):
    """`places`: decimals of amounts, by unit. `counted`: in the market of a series: the day of the listing is a placeholder, times are counted from it."""

    places: Mapping[str, int]
    counted: bool = False


PLAIN_TEXT = How({})


class Unwritable(Exception):
    """A definition that no file can say; the text is one sentence."""


def file_of(records: Iterable[Any], decimals: Mapping[str, int], comment: Iterable[str] = ()) -> str:
    """The text of a file with these definitions. `decimals`: of the assets, by name. Raises Unwritable."""
    everything = list(records)
    out = [f"# {text}".rstrip() for text in comment]
    for record in everything:
        if isinstance(record, ar.DefineVenue):
            out += ["", "[[venue]]", *_keys(record, PLAIN_TEXT)]
    firms = {record.name: record for record in everything if isinstance(record, ar.DefineFirm)}
    for firm in firms.values():
        out += ["", "[[member]]", *_keys(firm, PLAIN_TEXT)]
        for record in everything:
            if isinstance(record, ar.DefineAccount) and record.firm == firm.name:
                out += ["", "[[member.account]]", *_keys(record, PLAIN_TEXT)]
        for record in everything:
            if isinstance(record, ar.DefineSession) and record.firm == firm.name:
                out += ["", "[[member.session]]", *_keys(record, PLAIN_TEXT, always=("throttle_limit", "throttle_window_ns"))]
    for record in everything:
        if isinstance(record, ar.DefineMarket):
            out += ["", "[[market]]", *_market(record, decimals, "market")]
    for record in everything:
        if isinstance(record, ar.DefineSeries):
            out += ["", "[[series]]", *_keys(record, PLAIN_TEXT)]
            if record.market is not None:
                out += ["", "[series.market]", *_market(record.market, decimals, "series.market", counted=True)]
    for record in everything:
        if isinstance(record, ar.DefineListing):
            out += ["", "[[listing]]", *_keys(record, PLAIN_TEXT)]
    for kind, name in ((ar.FirmTags, "tags"), (ar.Quota, "quota"), (ar.AccessRule, "rule")):
        for record in everything:
            if isinstance(record, kind):
                out += ["", f"[[{name}]]", *_keys(record, PLAIN_TEXT)]
    return "\n".join(out).lstrip("\n") + "\n"


def _market(record: ar.DefineMarket, decimals: Mapping[str, int], table: str, counted: bool = False) -> list[str]:
    if record.asset not in decimals:
        raise Unwritable(f"market {record.event}: the decimals of asset {record.asset} are not known")
    how = How({PRICE: record.price_decimals, QUANTITY: record.qty_decimals, MONEY: decimals[record.asset]}, counted)
    whole_grid = record.payout and record.bands == (ar.Band(low=1, high=record.payout - 1, step=1),)
    skip = ("contracts", *(("bands",) if whole_grid else ()), *(("series", "owner_venue") if counted else ()))
    out = _keys(record, how, always=("price_decimals", "qty_decimals", "phase", "lot", "min_qty"), skip=skip)
    for contract in record.contracts:
        out += ["", f"[[{table}.contract]]", *_keys(contract, how)]
    return out


def _keys(record: Any, how: How, always: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> list[str]:
    """`key = value` of each field that is not as it would be without the key."""
    return [f"{key} = {value}" for key, value in _written(record, how, always, skip)]


def _written(record: Any, how: How, always: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> Iterable[tuple[str, str]]:
    kind: Any = type(record)
    for field in fields_of(kind):
        value = getattr(record, field.name)
        if field.key is None or field.name in ("verifier", "secret", *skip) or (value == field.default and field.name not in always):
            continue
        yield field.key, _value(record, field, value, how)


def _value(record: Any, field: Field, value: Any, how: How) -> str:
    if field.unit in AMOUNTS:
        return json.dumps(numbers.unscaled(value, how.places[field.unit]))
    if field.unit == DURATION:
        return json.dumps(duration_text(value))
    if field.unit == INSTANT:
        return json.dumps(f"+{duration_text(value)}") if how.counted else instant_text(value)
    return _plain(record, value, how)


def _plain(record: Any, value: Any, how: How) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        if found := _PLACE.search(value):
            raise Unwritable(f"{' '.join(ar.identity(record) or ('a text',))}: a file would take {found[0]} for a placeholder")
        return _text(value.replace(DATE, "{date}").replace(DAY, "{day}") if how.counted else value)
    if isinstance(value, tuple):
        return f"[{', '.join(_plain(record, one, how) for one in value)}]"
    return f"{{ {', '.join(f'{key} = {text}' for key, text in _written(value, how))} }}"


def _text(value: str) -> str:
    """A basic string of TOML: what JSON escapes, TOML reads; DEL is escaped besides."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
