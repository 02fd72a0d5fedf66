"""What a configuration would change, as lines for an operator, and the place of a refused record in its files."""

from collections.abc import Mapping, Sequence

from protocol import numbers

from . import admin_records as ar
from .amounts import ConfigError
from .fields import key_in_file
from .places import Key, in_file
from .reader import Item


def describe(record: ar.AnyRecord, decimals: Mapping[str, int] | None = None) -> str:
    """A record in a few words, without secrets. `decimals`: of the assets, by name."""
    match record:
        case ar.Transfer():
            places = (decimals or {}).get(record.asset)
            amount = f"{record.amount} minor units of" if places is None else numbers.unscaled(record.amount, places)
            return f"deposit {amount} {record.asset} to {record.target} (once)"
        case ar.SetPhase():
            return f"phase of {record.event}: {record.phase}"
    named = ar.identity(record)
    return " ".join(named) if named else type(record).__name__


def line(item: Item, fields: Sequence[str], decimals: Mapping[str, int] | None = None) -> str:
    """One thing that is new (no `fields`) or changed: the fields that differ, under their names in the file."""
    if not fields:
        return f"+ {describe(item.record, decimals)}"
    return f"~ {describe(item.record)}: {', '.join(key_in_file(type(item.record), field) for field in fields)}"


def place(item: Item, key: Key, sentence: str) -> ConfigError:
    """A record's refusal as an error at its place in the file: k of the record at market[0] is market[0].winners."""
    if not key:
        return ConfigError(item.file, item.path, sentence)
    path = in_file(type(item.record), key)
    return ConfigError(item.file, item.path if item.path.endswith(f".{path}") else f"{item.path}.{path}", sentence)
