"""Options out of the field tables of the records (config/fields.py), and records out of options: a new field is an option by itself.

A field is called as in a configuration file, with dashes: `trading_day_ends` is --trading-day-ends. Durations are written "5s", amounts in the units of
their asset, a part of a record field by field (--fees-model).
"""

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import click
import msgspec

from config import wording
from config.amounts import ConfigError, duration_ns
from config.fields import AMOUNTS, DURATION, INSTANT, Field, fields_of
from config.places import Key, shown
from protocol import numbers, units

from ..exits import Exit
from . import times
from .common import CommandError, OneOf


class Option(NamedTuple):
    """One field as an option. `path`: the names that lead to it in the record; `part`: the struct within the record that has it."""

    path: tuple[str, ...]
    name: str  # of the option, without dashes in front
    field: Field
    part: Any = None

    @property
    def argument(self) -> str:
        return self.name.replace("-", "_")


def _bare(kind: Any) -> Any:
    """A type without its Annotated and None."""
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        (kind,) = [_bare(one) for one in typing.get_args(kind) if one is not type(None)]
    return kind


def is_number(kind: Any) -> bool:
    return _bare(kind) is int


def options_of(record: Any, leave: tuple[str, ...] = (), live: bool = False) -> Iterator[Option]:
    """The fields of a record that are options. leave: fields that are arguments or not for people; live: only what may change."""
    for field in fields_of(record):
        if field.name in leave or (live and not field.live):
            continue
        kind, key = _bare(field.type), (field.key or field.name).replace("_", "-")
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            for inner in fields_of(kind):
                yield Option((field.name, inner.name), f"{key}-{(inner.key or inner.name).replace('_', '-')}", inner, kind)
        else:
            yield Option((field.name,), key, field)


def add_options(record: Any, leave: tuple[str, ...] = (), live: bool = False) -> Callable[[Any], Any]:
    """Decorator: the options of a record. live: only of what may change; the others are there to be refused with the reason."""

    def decorate(command: Any) -> Any:
        may = [*options_of(record, leave, live)]
        for option in reversed([*options_of(record, leave)]):
            command = (_click(option, live) if option in may else _fixed(option, may))(command)
        return command

    return decorate


def _fixed(option: Option, may: list[Option]) -> Callable[[Any], Any]:
    """An option that only says that its field cannot change."""

    def refuse(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value is not None:
            names = ", ".join(f"--{other.name}" for other in may) or "nothing"
            raise click.BadParameter(f"is fixed once it exists; what may change: {names}", ctx, param)

    return click.option(f"--{option.name}", option.argument, hidden=True, expose_value=False, callback=refuse)


def _click(option: Option, live: bool) -> Callable[[Any], Any]:
    field, kind = option.field, _bare(option.field.type)
    name, text = f"--{option.name}", _help(option, live)
    if kind is bool:
        return click.option(f"{name}/--no-{option.name}", option.argument, default=None, help=text)
    if typing.get_origin(kind) is typing.Literal:
        return click.option(name, option.argument, type=OneOf([str(word) for word in typing.get_args(kind)]), help=text)
    if typing.get_origin(kind) is tuple:
        return click.option(name, option.argument, multiple=True, metavar="NAME", help=f"{text.rstrip('.')}; repeat for several.")
    metavar = (
        "5s"
        if field.unit == DURATION
        else "TIME"
        if field.unit == INSTANT
        else "AMOUNT"
        if field.unit in AMOUNTS
        else "N"
        if kind is int
        else "TEXT"
    )
    return click.option(name, option.argument, metavar=metavar, help=text)


def _help(option: Option, live: bool) -> str:
    field = option.field
    text = field.about or " ".join(option.path).replace("_ns", "").replace("_", " ").capitalize()
    if live:
        return f"{text}."
    notes = []
    if field.required and option.part is None:
        notes.append("required")
    elif not field.required and field.default not in ("", (), None, False, 0):
        default = units.duration(field.default) if field.unit == DURATION else "yes" if field.default is True else field.default
        notes.append(f"default: {default}")
    if not field.live and option.part is None:
        notes.append("fixed once it exists")
    return f"{text} ({'; '.join(notes)})." if notes else f"{text}."


def named(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of the options of a command those that were named."""
    return {name: value for name, value in given.items() if value not in (None, ())}


def content(
    record: Any, given: Mapping[str, Any], leave: tuple[str, ...] = (), decimals: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """What was named as fields of the record, in its units: nested where the record is. decimals: of amounts, by unit."""
    out: dict[str, Any] = {}
    for option in options_of(record, leave):
        if option.argument in given:
            value = _value(option, given[option.argument], decimals or {})
            at = out
            for name in option.path[:-1]:
                at = at.setdefault(name, {})
            at[option.path[-1]] = value
    return out


def _value(option: Option, text: Any, decimals: Mapping[str, int]) -> Any:
    """The value of a field from what was typed. Raises CommandError (USAGE), naming the option."""
    kind = _bare(option.field.type)
    try:
        if option.field.unit == DURATION:
            return 0 if text == "0" else duration_ns("", "", text)
        if option.field.unit == INSTANT:
            return 0 if text == "none" else times.ahead(text, f"--{option.name}")
        if option.field.unit in AMOUNTS:
            return numbers.scaled(text, decimals[option.field.unit], option.name)
        if kind is int and isinstance(text, str):
            negative = text.startswith("-")
            value = numbers.whole(text.removeprefix("-"), option.name)
            return -value if negative else value
        if typing.get_origin(kind) is typing.Literal:
            return next(word for word in typing.get_args(kind) if str(word) == text)
    except ConfigError as error:
        raise CommandError(Exit.USAGE, f"--{option.name}: {error.sentence}") from None
    except numbers.NotANumber as error:
        raise CommandError(Exit.USAGE, f"--{option.name}: {error}") from None
    return list(text) if isinstance(text, tuple) else text


def make(record: Any, fields: dict[str, Any]) -> Any:
    """The record; CommandError (USAGE) naming the option for what is missing or out of bounds."""
    try:
        return msgspec.convert({"type": record.__struct_config__.tag, **fields}, record)
    except msgspec.ValidationError as error:
        key, sentence, value = wording.fault(record, fields)
        raise CommandError(Exit.USAGE, told(record, key, _plain(sentence, value))) from error


BY_ARGUMENT = (  # records whose fields are arguments, not options
    "transfer", "hold", "release", "withdraw_request", "withdraw_settle", "withdraw_cancel", "close", "kill", "restrict", "phase", "settle",
    "determine", "finalise", "determine_one", "finalise_one", "withdraw_one", "reference", "configuration", "bands", "add_outcome", "split_outcome", "schedule", "schedule_cancel", "series_close",
)  # fmt: skip
_BOUNDS = ((r"expected (?:int|str) <= (-?\d+)", "must be at most {}"), (r"expected (?:int|str) >= (-?\d+)", "must be at least {}"),
           (r"expected str of length <= (\d+)", "may have at most {} characters"), (r"expected str of length >= (\d+)", "must not be empty"))  # fmt: skip


def _plain(sentence: str, value: Any) -> str:
    """The library's words for a bound, in ours."""
    for pattern, text in _BOUNDS:
        if match := re.fullmatch(pattern, sentence):
            return text.format(match[1]) + (f", asked {value}" if isinstance(value, int) else "")
    if sentence.startswith("expected str matching regex"):
        return f'"{str(value)[:64]}" is no name: letters, digits and . _ - (some also : and /), and the first a letter or digit'
    return sentence


def told(record: Any, key: Key, sentence: str) -> str:
    """What is wrong with a field of a record, under the name of its option."""
    missing = "is missing the key "
    if sentence.startswith(missing):
        key, sentence = (*key, sentence.removeprefix(missing)), "is missing"
    if record.__struct_config__.tag in BY_ARGUMENT:
        return f"{shown(key)}: {sentence}" if key and key != ("name",) else sentence
    names = tuple(part for part in key if isinstance(part, str))
    option = next((option for option in options_of(record) if option.path == names), None)
    if option is None and sentence == "is missing":  # a part of which nothing was named
        option = next((option for option in options_of(record) if option.path[:-1] == names and option.field.required), None)
    if option is None or option.name == "name":
        return f"{shown(key)}: {sentence}" if key and key != ("name",) else sentence
    return f"--{option.name} is missing" if sentence == "is missing" else f"--{option.name}: {sentence}"


def written(field: Field, value: Any, decimals: Mapping[str, int] | None = None) -> str:
    """A field for people: durations as text, amounts in their unit, yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field.unit == DURATION:
        return units.duration(value)
    if field.unit == INSTANT:
        return units.instant(value) if value else "-"
    if field.unit in AMOUNTS and decimals is not None:
        return numbers.unscaled(value, decimals[field.unit])
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in ("", None) else str(value)


def rows_of(record: Any, values: Mapping[str, Any], decimals: Mapping[str, int] | None = None) -> list[tuple[str, str]]:
    """A record's fields as (option name, value) for people. What the values lack is left out."""
    out = []
    for option in options_of(record):
        value: Any = values
        for name in option.path:
            value = value.get(name, None) if isinstance(value, Mapping) else None
        if option.path[0] in values:
            out.append((option.name, written(option.field, value, decimals)))
    return out
