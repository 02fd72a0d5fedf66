"""`list`, `show`, `create` and `change` of a kind of thing: one factory for all nouns whose record says everything."""

from collections.abc import Callable, Sequence
from typing import Any

import click
import msgspec

from ..exits import Exit
from . import fields as of
from .acts import dry_run_option, exists, one, rows, send
from .command import Noun
from .common import CommandError
from .connect import Server, names, server_option
from .output import Result, pairs, table

Row = dict[str, Any]
Columns = dict[str, Callable[[Row], object]]


def yes(value: object) -> str:
    return "yes" if value else "no"


def article(name: str) -> str:
    """ "an asset", "a venue" """
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def add_list(noun: Noun, verb: str, columns: Columns, examples: Sequence[str], summary: str = "") -> None:
    """`list`. columns: title (">" in front: a number) and what a row has there."""

    @noun.verb("list", summary or f"all {noun.name}s", examples=examples)
    @server_option
    def list_(server: Server) -> Result:
        with server.connect() as admin:
            found = rows(admin, verb)
        table(list(columns), [[cell(row) for cell in columns.values()] for row in found])
        return Result(found)


def add_show(noun: Noun, verb: str, record: Any, more: Columns, examples: Sequence[str]) -> None:
    """`show NAME`: every field of the record, then `more`."""

    @noun.verb("show", f"everything about one {noun.name}", examples=examples)
    @click.argument("name", shell_complete=names(verb))
    @server_option
    def show(name: str, server: Server) -> Result:
        with server.connect() as admin:
            row = one(admin, verb, name)
        known = of.rows_of(record, row["record"] or {"name": name})
        pairs([*known, *((title, cell(row)) for title, cell in more.items())])
        return Result(row)


def add_create(noun: Noun, verb: str, record: Any, examples: Sequence[str], leave: tuple[str, ...] = (), details: str = "") -> None:
    """`create NAME`: a record out of what is named. What exists already is left as it is."""

    @noun.verb("create", f"define a new {noun.name}", examples=examples, details=details)
    @click.argument("name")
    @of.add_options(record, ("name", *leave))
    @dry_run_option
    @server_option
    def create(name: str, dry_run: bool, server: Server, **given: Any) -> Result:
        made = of.make(record, {"name": name, **of.content(record, of.named(given), leave)})
        with server.connect() as admin:
            old = exists(admin, verb, name)
            if old is not None and (fields := differs(old["record"], made)):
                raise already(noun, record, name, fields)
            return send(admin, made, dry_run)


def differs(old: dict[str, Any] | None, made: Any) -> list[str]:
    """The fields in which a record differs from an existing one's fields."""
    new = msgspec.json.decode(msgspec.json.encode(made))  # as the server's answer came: lists, no tuples
    return ["name"] if old is None else [key for key, value in old.items() if new.get(key) != value]


def already(noun: Noun, record: Any, name: str, fields: list[str]) -> CommandError:
    other = ", ".join(f"--{option.name}" for option in of.options_of(record) if option.path[0] in fields) or "other terms"
    change = f"; exos {noun.name} change {name} changes what may change" if "change" in noun.commands else ""
    return CommandError(Exit.FAILED, f"{noun.name} {name} exists already with another {other} (exos {noun.name} show {name}{change})")


def add_change(noun: Noun, verb: str, record: Any, examples: Sequence[str], leave: tuple[str, ...] = ()) -> None:
    """`change NAME`: only what is named changes; only the fields that may."""
    leave = ("name", *leave)

    @noun.verb("change", f"change what is named of {article(str(noun.name))}; the rest stays", examples=examples)
    @click.argument("name", shell_complete=names(verb))
    @of.add_options(record, leave, live=True)
    @dry_run_option
    @server_option
    def change(name: str, dry_run: bool, server: Server, **given: Any) -> Result:
        asked = of.named(given)
        if not asked:
            names = ", ".join(f"--{option.name}" for option in of.options_of(record, leave, live=True))
            raise CommandError(Exit.USAGE, f"say what to change: {names}")
        with server.connect() as admin:
            old = one(admin, verb, name)["record"]
            if old is None:
                raise CommandError(Exit.FAILED, f"{name} is a fee account: it has nothing that can be changed")
            return send(admin, of.make(record, merged(old, of.content(record, asked, leave))), dry_run)


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The old fields with the new ones in their place, part by part."""
    return {
        **old,
        **{
            key: merged(old[key], value) if isinstance(value, dict) and isinstance(old.get(key), dict) else value
            for key, value in new.items()
        },
    }
