"""`exos market validate FILE`: what is wrong with the markets of a file, before anything is listed; no server is asked."""

from typing import Any

import click

from config import admin_records as ar
from config import lint, load
from config.amounts import ConfigError
from config.places import Key, in_file
from config.reader import Item

from ..exits import Exit
from .command import Noun
from .common import CommandError
from .output import Result, say


class Finding(dict[str, Any]):
    """Keys: file, line (0: not known), path (the key), event, code, level, what, hurts, write."""


def add(noun: Noun) -> None:
    @noun.verb(
        "validate",
        "what is wrong with the markets of a file, before they are listed",
        details="Asks no server. Each finding says what is wrong, why it hurts and how to write it (docs/market-rules.md). Errors are refused by a server too and end "
        "with exit code 1; warnings refuse nothing, and end so only with --strict. A file that cannot be read ends with exit code 3.",
        examples=(
            "exos market validate worldcup",
            "exos market validate venue.toml --event CUP --strict --json",
        ),
    )
    @click.argument("file")
    @click.option("--event", metavar="NAME", help="Only this market.")
    @click.option("--strict", is_flag=True, help="Warnings count as errors.")
    def validate(file: str, event: str | None, strict: bool) -> Result:
        try:
            items = [item for item in load.load(file, leave_out=True).items if isinstance(item.record, ar.DefineMarket)]
        except ConfigError as error:
            raise CommandError(Exit.CONFIG, str(error)) from error
        if event is not None:
            known = [item.record.event for item in items]  # type: ignore[union-attr]
            items = [item for item in items if item.record.event == event]  # type: ignore[union-attr]
            if not items:
                raise CommandError(Exit.FAILED, f'{file} has no market "{event}"; it has {", ".join(known[:20]) or "none"}')
        found = [finding for item in items for finding in findings(item)]
        for one in found:
            say(f"{one['level']}: {_place(one)}: {one['event']}: {one['what']} {one['hurts']} {one['write']} ({one['code']})")
        errors = sum(one["level"] == lint.ERROR for one in found)
        counted = f"{len(items)} markets, {errors} errors, {len(found) - errors} warnings"
        if errors or (strict and found):
            raise CommandError(Exit.FAILED, f"{file}: {counted}", result=found)
        say(f"{file}: {counted}")
        return Result(found)


def _place(finding: Finding) -> str:
    line = f":{finding['line']}" if finding["line"] else ""
    return f"{finding['file']}{line}: {finding['path']}"


def findings(item: Item) -> list[Finding]:
    """What is wrong with one market of a file; if the table of findings has no error, the first rule of a listing that refuses it."""
    record: Any = item.record
    found = [_made(item, one.rule.code, one.rule.level, one.key, one.what, one.rule.hurts, one.rule.write) for one in lint.lint(record)]
    if not any(one["level"] == lint.ERROR for one in found):
        refusal = _refused(record)
        if refusal is not None:
            found.insert(0, _made(item, "refused", lint.ERROR, refusal.key, f"{refusal.sentence}.", "A server refuses to list it.", ""))
    return found


def _refused(record: ar.DefineMarket) -> Any:
    from ..registry import Refused, listing_rules

    try:
        listing_rules.check_market(record)
    except Refused as refused:
        return refused.refusal
    return None


def _made(item: Item, code: str, level: str, key: Key, what: str, hurts: str, write: str) -> Finding:
    at = ConfigError(item.file, f"{item.path}.{in_file(ar.DefineMarket, key)}" if key else item.path, "")
    event = item.record.event  # type: ignore[union-attr]
    return Finding(file=item.file, line=at.line, path=at.path, event=event, code=code, level=level, what=what, hurts=hurts, write=write)
