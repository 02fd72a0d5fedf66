"""What a record's field has in addition to its type. A `Field` in its annotation makes the struct the one table of its fields:

    lot: Annotated[Positive, Field(QUANTITY, "DI_LOT")] = 1

gives name, type, bounds, default, unit, and its word in the core's definition row. The file's schema (schema.py), the reader (reader.py), the
definition rows (exchange_server/registry/rows.py) and the views for operators are derived from it.
"""

import functools
import typing
from collections.abc import Mapping
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
AMOUNTS = (PRICE, QUANTITY, MONEY)


class Field(NamedTuple):
    unit: str = PLAIN
    word: str = ""  # of the definition row (core/layout/definitions.py); "": not sent to the core
    live: bool = False  # may change after the thing has been created
    key: str | None = ""  # in a configuration file; "": its own name; None: not written there
    codes: tuple[tuple[str, int], ...] = ()  # CODE: the number of each word
    follows: str = ""  # not written in a file: the key from which it is derived
    # these are filled in by fields_of, from the struct
    name: str = ""
    type: Any = None
    default: Any = msgspec.NODEFAULT

    @property
    def required(self) -> bool:
        return self.default is msgspec.NODEFAULT

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
        return f"{value}ns" if self.unit == DURATION else str(value)


@functools.cache
def fields_of(record: Any) -> tuple[Field, ...]:
    """The fields of a record's struct in its order, each with its name in the file as `key`."""
    out = []
    for info in msgspec.structs.fields(record):
        notes = typing.get_args(info.type)[1:] if typing.get_origin(info.type) is typing.Annotated else ()
        field = next((note for note in notes if isinstance(note, Field)), Field())
        key = info.name if field.key == "" else field.key
        out.append(field._replace(key=key, name=info.name, type=info.type, default=info.default))
    return tuple(out)


def live_fields(record: type) -> tuple[str, ...]:
    """The fields that may change after a definition has been created; all others are fixed."""
    return tuple(field.name for field in fields_of(record) if field.live)


def key_in_file(record: type, name: str) -> str:
    """What a field of a record is called in a configuration file."""
    return next((field.key or field.follows or name for field in fields_of(record) if field.name == name), name)
