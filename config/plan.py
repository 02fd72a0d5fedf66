"""What a configuration would change, in lines for an operator; and where in its files a refused record stands."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from protocol import numbers

from . import admin_records as ar
from .amounts import ConfigError
from .fields import DURATION, LIVE, Field, duration_text, fields_of, key_in_file
from .places import Key, in_file
from .reader import Item

HIDDEN = ("verifier", "secret")
RESTING = {  # what becomes of the resting orders of a market whose field changes; the others concern no order
    "bands": "resting orders at prices that are not on the new grid are cancelled",
    "fees": "resting orders keep the fees under which they came",
    **dict.fromkeys(("min_qty", "max_qty", "max_notional", "max_position"), "resting orders stay as they are"),
    **dict.fromkeys(("collar", "protection"), "resting orders stay; orders that come from now on are held to it"),
}


class Difference(NamedTuple):
    """A key of the file, the value as it is and as it becomes, and when: live, next logon, restart."""

    key: str
    old: str
    new: str
    when: str

    def __str__(self) -> str:
        return f"{self.key} {self.old} -> {self.new}" if self.old or self.new else self.key


def describe(record: ar.AnyRecord, decimals: Mapping[str, int] | None = None) -> str:
    """A record in a few words, without secrets. `decimals`: of the assets, by name."""
    match record:
        case ar.Transfer():
            places = (decimals or {}).get(record.asset)
            amount = f"{record.amount} minor units of" if places is None else numbers.unscaled(record.amount, places)
            return f"deposit {amount} {record.asset} to {record.target} (once)"
        case ar.Close():
            ends = "is removed" if record.kind in ("market", "listing") else "is closed"
            return f"{' '.join(record.identity)} {ends} for good: {record.reason}"
        case ar.RemoveAccessRule():
            return f"{' '.join(ar.identity(record) or ())} is removed"
        case ar.SetPhase():
            return f"phase of {record.event}: {record.phase}"
        case ar.FinaliseOne():
            return f"{record.symbol} is paid ahead of {record.event}"
        case ar.MarkOverdue():
            return f"{record.event} is overdue"
        case ar.SetBands():
            return f"price grid of {record.event}"
        case ar.SetReference():
            return f"reference price of {record.symbol}"
        case ar.Restrict():
            return f"{record.firm} {'is' if record.on else 'is no longer'} restricted in {record.event}"
    named = ar.identity(record)
    return " ".join(named) if named else type(record).__name__


def differences(before: Any, after: Any, fields: Sequence[str], decimals: Mapping[str, int]) -> Iterator[Difference]:
    """The fields that differ, with their values as a file has them. A group of fields (fees) is taken apart."""
    kind: Any = type(after)
    for field in fields_of(kind):
        if field.name not in fields:
            continue
        key = field.key or field.follows or field.name
        old, new = getattr(before, field.name), getattr(after, field.name)
        if field.name in HIDDEN:
            yield Difference(key, "", "", field.change)
        elif hasattr(new, "__struct_fields__") and type(old) is type(new):
            group: Any = type(new)
            for inner in fields_of(group):
                one, other = getattr(old, inner.name), getattr(new, inner.name)
                if one != other:
                    yield Difference(f"{key}.{inner.key}", str(one), str(other), field.change)
        else:
            yield Difference(key, _written(field, before, old, decimals), _written(field, after, new, decimals), field.change)


def _written(field: Field, record: Any, value: Any, decimals: Mapping[str, int]) -> str:
    if isinstance(record, ar.DefineMarket) and field.name == "bands":
        return ", ".join(":".join(numbers.unscaled(part, record.price_decimals) for part in (b.low, b.high, b.step)) for b in value)
    if isinstance(record, ar.DefineMarket):
        return field.written(value, record.price_decimals, record.qty_decimals, decimals.get(record.asset, 0)) or '""'
    if field.unit == DURATION:
        return duration_text(value)
    if isinstance(value, bool):
        return str(value).lower()
    return (", ".join(map(str, value)) if isinstance(value, tuple) else str(value)) or '""'


def line(item: Item, fields: Sequence[str], decimals: Mapping[str, int] | None = None, before: Any = None) -> str:
    """One thing that is new (no `fields`) or changed: the fields that differ, under their names in the file; with `before`, the definition as it
    is, their values and when they take effect."""
    if not fields:
        return f"{'-' if isinstance(item.record, ar.Close | ar.RemoveAccessRule) else '+'} {describe(item.record, decimals)}"
    if before is None:
        return f"~ {describe(item.record)}: {', '.join(key_in_file(type(item.record), field) for field in fields)}"
    found = list(differences(before, ar.keeping(before, item.record), fields, decimals or {}))
    when = ", ".join(dict.fromkeys(one.when for one in found)) or LIVE
    orders = "; ".join(
        dict.fromkeys(RESTING[field] for field in fields if field in RESTING and isinstance(before, ar.DefineMarket | ar.DefineListing))
    )
    return f"~ {describe(item.record)}: {', '.join(map(str, found))} ({when}{'; ' + orders if orders else ''})"


def place(item: Item, key: Key, sentence: str) -> ConfigError:
    """A record's refusal at its place in the file: k of the record at market[0] becomes market[0].winners."""
    if not key:
        return ConfigError(item.file, item.path, sentence)
    path = in_file(type(item.record), key)
    return ConfigError(item.file, item.path if item.path.endswith(f".{path}") else f"{item.path}.{path}", sentence)
