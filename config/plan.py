"""The difference between a configuration and what a server already has: what would be added, changed, or cannot be.

A configuration only adds and changes; what it does not name stays as it is. Pure: the server's side comes in as
records (Registry.current), so the command line can show a plan without touching anything.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from protocol import numbers

from . import admin_records as ar
from .fields import live_fields
from .load import Item


class Change(NamedTuple):
    item: Item
    fields: list[str]


class Plan(NamedTuple):
    """`add` and `change` are what `records` would apply, in that order; `refused` names what differs and cannot change on a live server."""

    add: list[Item]
    change: list[Change]
    refused: list[Change]
    same: int
    order: list[Item]

    def records(self) -> list[ar.AnyRecord]:
        """What to apply, in the order of the configuration."""
        return [item.record for item in self.order]

    def lines(self, decimals: Mapping[str, int] | None = None) -> list[str]:
        """The plan as an operator reads it, one line per thing that is not the same. `decimals`: of the assets, by name."""
        out = [f"+ {describe(item.record, decimals)}" for item in self.add]
        out += [f"~ {describe(change.item.record)}: {', '.join(change.fields)}" for change in self.change]
        out += [
            f"! {describe(change.item.record)}: {', '.join(change.fields)} cannot change on a live server ({change.item.file}: {change.item.path})"
            for change in self.refused
        ]
        return out


def describe(record: ar.AnyRecord, decimals: Mapping[str, int] | None = None) -> str:
    """A record in a few words, without secrets."""
    match record:
        case ar.Transfer():
            places = (decimals or {}).get(record.asset)
            amount = f"{record.amount} minor units of" if places is None else numbers.unscaled(record.amount, places)
            return f"deposit {amount} {record.asset} to {record.target} (once)"
        case ar.SetPhase():
            return f"phase of {record.event}: {record.phase}"
    named = ar.identity(record)
    return " ".join(named) if named else type(record).__name__


def items_from_builtins(items: list[dict[str, Any]]) -> list[Item]:
    """Items as the admin socket brings them: record, file, path, only_with; raises ValueError naming what is wrong."""
    out = []
    for i, item in enumerate(items):
        try:
            record = ar.from_builtins(item["record"])
            out.append(Item(record, str(item.get("file", "")), str(item.get("path", f"items[{i}]")), str(item.get("only_with", ""))))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"items[{i}]: needs a record") from error
        except ValueError as error:
            raise ValueError(f"items[{i}]: {error}") from error
    return out


def diff(
    items: list[Item],
    current: Mapping[tuple[str, str], ar.AnyRecord],
    transfers: Mapping[str, bytes],
    same_secrets: Callable[[ar.DefineSession], bool],
) -> Plan:
    """Compare. `current`: what the server has, by ar.identity, sessions without secrets; `transfers`: key to ar.content_digest of those
    done; `same_secrets`: does the server hold these secrets for the session of that name?"""
    add: list[Item] = []
    change: list[Change] = []
    refused: list[Change] = []
    order: list[Item] = []
    same = 0
    for item in items:
        record = item.record
        if item.only_with:
            if ("market", item.only_with) not in current:
                add.append(item)
                order.append(item)
            continue
        key = ar.identity(record)
        if key is None:
            raise ValueError(f"{item.path}: a configuration holds definitions and first deposits only")
        if isinstance(record, ar.Transfer):
            if record.key not in transfers:
                add.append(item)
                order.append(item)
            elif transfers[record.key] != ar.content_digest(record):
                refused.append(Change(item, ["deposit"]))
            else:
                same += 1
            continue
        old = current.get(key)
        if old is None:
            add.append(item)
            order.append(item)
            continue
        if (kept := ar.keeping(old, record)) is not record:
            record, item = kept, item._replace(record=kept)
        if isinstance(record, ar.DefineSession):
            fields = ar.changed_fields(old, record.without_secrets()) + ([] if same_secrets(record) else ["secret"])
        else:
            fields = ar.changed_fields(old, record)
        fixed = [field for field in fields if field not in (*live_fields(type(record)), "secret")]
        if fixed:
            refused.append(Change(item, fixed))
        elif fields:
            change.append(Change(item, fields))
            order.append(item)
        else:
            same += 1
    return Plan(add, change, refused, same, order)
