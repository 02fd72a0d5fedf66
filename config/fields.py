"""What a record's field has in addition to its type. A `Field` in its annotation makes the struct the one table of its fields:

    lot: Annotated[Positive, Field(QUANTITY, "DI_LOT")] = 1

gives name, type, bounds, default, unit, and its word in the core's definition row. The file's schema (schema.py), the reader (reader.py), the
definition rows (exchange_server/registry/rows.py) and the views for operators are derived from it.
"""

import functools
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from protocol import numbers

# Units: how the value is written in a file, and what it is in the record.
PLAIN = ""  # the same in both
TEXT = "text"  # the same, with {placeholders} filled in
CODE = "code"  # one of a few words; a number in the core
VENUE = "venue"  # a name; an id in the core
ASSET = "asset"
PRICE = "price"  # written in units of the asset, ticks in the record
QUANTITY = "quantity"  # written in contracts or units of the base asset, lots in the record
MONEY = "money"  # written in units of the market's asset, minor units in the record
DURATION = "duration"  # written "72h", ns in the record
INSTANT = "instant"  # written 2026-07-19T19:00:00Z, ns since the epoch in the record; 0: none
AMOUNTS = (PRICE, QUANTITY, MONEY)

# When a changed value takes effect.
LIVE = "live"  # at once
LOGON = "next logon"  # of the session
RESTART = "restart"  # at the next start of the server
NEVER = "never"  # it is fixed once the thing exists

_DURATIONS = (("d", 86_400 * 10**9), ("h", 3600 * 10**9), ("m", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))


def duration_text(ns: int) -> str:
    """A duration as a file has it, in the largest unit that gives a whole number: 7_200_000_000_000 -> "2h"."""
    return next(f"{ns // size}{unit}" for unit, size in _DURATIONS if ns % size == 0) if ns else "0s"


def instant_text(ns: int) -> str:
    """A time as a file has it, 2026-07-19T19:00:00Z; "" for 0."""
    if not ns:
        return ""
    seconds, rest = divmod(ns, 10**9)
    digits = f".{rest:09}".rstrip("0") if rest else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{digits}Z"


class Field(NamedTuple):
    unit: str = PLAIN
    word: str = ""  # of the definition row (core/layout/definitions.py); "": not sent to the core
    live: bool = False  # may change after the thing has been created
    key: str | None = ""  # in a configuration file; "": its own name; None: not written there
    codes: tuple[tuple[str, int], ...] = ()  # CODE: the number of each word
    follows: str = ""  # not written in a file: the key from which it is derived
    takes: str = ""  # when a change takes effect; "": LIVE if `live`, else NEVER
    about: str = ""  # for people, in a few words: the command line's help
    # these are filled in by fields_of, from the struct
    name: str = ""
    type: Any = None
    default: Any = msgspec.NODEFAULT

    @property
    def required(self) -> bool:
        return self.default is msgspec.NODEFAULT

    @property
    def change(self) -> str:
        """When a change takes effect: LIVE, LOGON, RESTART or NEVER."""
        return self.takes or (LIVE if self.live else NEVER)

    def number(self, value: Any, ids: Mapping[tuple[str, str], int]) -> int:
        """The value as the core has it; `ids`: of the venues and assets that the record names, by unit and name."""
        if self.unit == CODE:
            return dict(self.codes)[value]
        if self.unit in (VENUE, ASSET):
            return ids[self.unit, value] if value else 0
        number: int = value
        return number

    def value(self, number: int, venues: Mapping[int, str], assets: Mapping[int, str]) -> Any:
        """The value for the core's number; the inverse of `number`."""
        if self.unit == CODE:
            return {number: word for word, number in self.codes}[number]
        if self.unit in (VENUE, ASSET):
            return (venues if self.unit == VENUE else assets).get(number, "")
        return number

    def written(self, value: Any, price_decimals: int, qty_decimals: int, money_decimals: int) -> str:
        """The value as a configuration file has it."""
        places = {PRICE: price_decimals, QUANTITY: qty_decimals, MONEY: money_decimals}
        if self.unit in places:
            return numbers.unscaled(value, places[self.unit])
        if self.unit == INSTANT:
            return instant_text(value)
        return duration_text(value) if self.unit == DURATION else str(value)


@functools.cache
def fields_of(record: Any) -> tuple[Field, ...]:
    """The fields of a record's struct (or named tuple) in its order, each with its name in the file as `key`."""
    out = []
    for name, kind, default in _described(record):
        notes = typing.get_args(kind)[1:] if typing.get_origin(kind) is typing.Annotated else ()
        field = next((note for note in notes if isinstance(note, Field)), Field())
        out.append(field._replace(key=name if field.key == "" else field.key, name=name, type=kind, default=default))
    return tuple(out)


def _described(record: Any) -> list[tuple[str, Any, Any]]:
    """(name, type, default) of each field."""
    if issubclass(record, msgspec.Struct):
        return [(info.name, info.type, info.default) for info in msgspec.structs.fields(record)]
    kinds = typing.get_type_hints(record, include_extras=True)
    return [(name, kinds[name], record._field_defaults.get(name, msgspec.NODEFAULT)) for name in record._fields]


def live_fields(record: type) -> tuple[str, ...]:
    """The fields that may change after a definition has been created; all others are fixed."""
    return tuple(field.name for field in fields_of(record) if field.live)


def key_in_file(record: type, name: str) -> str:
    """What a field of a record is called in a configuration file."""
    return next((field.key or field.follows or name for field in fields_of(record) if field.name == name), name)
