"""Sending a record, or trying it (--dry-run); looking at one row of a kind. What the commands of all nouns share."""

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..exits import Exit
from .common import CommandError
from .connect import refused
from .output import Result, say, warn

if TYPE_CHECKING:
    from config import admin_records as ar

    from .admin_client import AdminClient

dry_run_option: Callable[[Any], Any] = click.option("--dry-run", is_flag=True, help="Only say what would be done, or refused.")


at_option: Callable[[Any], Any] = click.option(
    "--at", metavar="TIME", help="Do it then (2h, or 2030-01-31T12:00:00Z), not now; exos schedule list shows it."
)


def send(admin: "AdminClient", record: "ar.AnyRecord", dry_run: bool = False, at: str | None = None) -> Result:
    """Carry out a record and say what was done; with dry_run only try it. `at`: schedule it for that time. Raises CommandError for a refusal."""
    if at is not None:
        record = timed(record, at)
    if dry_run:
        return _try(admin, record)
    answer = admin.ask("admin", record)
    if not answer.ok:
        raise refused(answer, _told(record, answer.text, answer.refusal))
    say(answer.text)
    for warning in answer.warnings:
        warn(f"exos: warning: {warning}")
    return Result(answer.result)


def timed(record: Any, at: str, note: str = "", option: str = "--at") -> "ar.Schedule":
    """The record that has `record` carried out at a time. Raises CommandError (USAGE)."""
    from config import admin_records as ar

    from . import times

    if not isinstance(record, ar.Schedulable):
        known = ", ".join(str(kind.__struct_config__.tag) for kind in ar.Schedulable.__args__)  # type: ignore[attr-defined]
        raise CommandError(Exit.USAGE, f"a record {record.__struct_config__.tag} cannot be scheduled; those that can: {known}")
    if len(note) > 256:
        raise CommandError(Exit.USAGE, f"--note: may have at most 256 characters, asked {len(note)}")
    return ar.Schedule(at_ns=times.ahead(at, option), act=record, note=note)


def _told(record: "ar.AnyRecord", text: str, refusal: dict[str, Any] | None) -> str:
    """A refusal with the option that it is about, when it is about one."""
    if refusal is None or not refusal["key"]:
        return text
    from .fields import told

    return told(type(record), tuple(refusal["key"]), refusal["sentence"])


def _try(admin: "AdminClient", record: "ar.AnyRecord") -> Result:
    answer = admin.ask("plan", record)
    if not answer.ok:
        raise refused(answer)
    result = answer.result
    if "text" not in result:  # a configuration
        if result["refusals"]:
            raise refused(answer, f"{result['refusals'][0]['sentence']} (nothing would be done)")
        say(f"{sum(change['kind'] in ('new', 'changed') for change in result['changes'])} records would change something")
        return Result(result)
    if result["refusals"]:
        first = result["refusals"][0]
        text = _told(record, result["text"], first)
        raise refused(answer._replace(code=first["code"], refusal=first), f"{text} (nothing would be done)")
    (change,) = result["changes"]
    fields = f" ({', '.join(change['fields'])})" if change["fields"] and ":" not in result["text"] else ""
    cancels = result.get("cancels")
    say(f"would be answered: {result['text']}{fields}{f'; open orders that it would cancel: {cancels}' if cancels else ''}")
    return Result({"change": change["kind"], "fields": change["fields"], **({"cancels": cancels} if cancels is not None else {})})


def rows(admin: "AdminClient", verb: str, **fields: str) -> list[dict[str, Any]]:
    """The rows that a verb of the server shows; CommandError, with near names, when the one named does not exist."""
    answer = admin.ask(verb, None, **{key: value for key, value in fields.items() if value})
    if not answer.ok:
        raise refused(answer)
    found: list[dict[str, Any]] = answer.result["rows"]
    return found


def one(admin: "AdminClient", verb: str, name: str) -> dict[str, Any]:
    return rows(admin, verb, name=name)[0]


def exists(admin: "AdminClient", verb: str, name: str) -> dict[str, Any] | None:
    """The row of that name, None when there is none."""
    answer = admin.ask(verb, name=name)
    return answer.result["rows"][0] if answer.ok else None


def markets(admin: "AdminClient", event: str = "") -> list[dict[str, Any]]:
    """All markets as the server shows them, or those of that name."""
    answer = admin.ask("markets", None, **({"event": event} if event else {}))
    if not answer.ok:
        raise refused(answer)
    found = answer.result["markets"] if isinstance(answer.result, dict) else answer.result
    return [market for market in found if not event or market["event"] == event]


def market(admin: "AdminClient", event: str) -> dict[str, Any]:
    """One market. Raises CommandError when there is none of that name."""
    found = markets(admin, event)
    if not found:
        raise CommandError(Exit.FAILED, f'there is no event "{event}" (exos market list shows them)')
    return found[0]


def decimals(admin: "AdminClient") -> dict[str, int]:
    """Of every asset, by name."""
    answer = admin.ask("assets")
    if not answer.ok:
        raise refused(answer)
    found: dict[str, int] = answer.result["assets"]
    return found


def check_asset(name: str, places: dict[str, int], option: str = "") -> None:
    """Raises CommandError, with the near names, for an asset that the server does not have. places: decimals of those it has."""
    if name not in places:
        near = difflib.get_close_matches(name, places, 1) or [known for known in places if known.lower() == name.lower()]
        advice = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(places) or 'none'}"
        raise CommandError(Exit.FAILED, f'{option}there is no asset "{name}"; {advice}')
