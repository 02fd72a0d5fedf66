"""`exos config check|apply FILE`: check a configuration, show what it would change on a running server, apply it."""

from pathlib import Path
from typing import Any

import click

from config import admin_records as ar
from config import load
from config.load import Config, ConfigError
from config.places import shown
from config.plan import line, place

from ..exits import Exit
from . import dry_run
from .admin_client import AdminClient
from .command import Noun
from .common import CommandError
from .connect import Server, refused, server_option
from .output import Result, say
from .progress import progress

APPLY_S = 120.0  # a large configuration is one turn of the server
FILE_HELP = "FILE is a TOML file, or the name of a shipped one (sandbox, worldcup)."

config = Noun("config", "check a configuration file, or apply it to a running server")


def read(file: str) -> Config:
    """A configuration that is valid by itself; otherwise CommandError with Exit.CONFIG."""
    try:
        content = load.load(file)
        dry_run.check(content)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    return content


@config.verb(
    "check",
    "read the file and all files it includes, and apply it to an empty registry",
    details=f"{FILE_HELP} Assets that only a server knows are named as not checked.",
    examples=("exos config check venue.toml", "exos config check worldcup"),
)
@click.argument("file")
def check(file: str) -> Result:
    try:
        content = load.load(file, leave_out=True)
        found = dry_run.check(content)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    say(f"{content.files[-1]}: valid: {dry_run.summary(found)}")
    unchecked = {asset: [left.path for left in content.left_out if left.asset == asset] for asset in {o.asset: 0 for o in content.left_out}}
    for asset, paths in unchecked.items():
        say(
            f"not checked: {', '.join(paths)}: asset {asset} is not in the file, and no server was asked "
            "(exos config apply --dry-run asks one)"
        )
    return Result({"files": [str(name) for name in content.files], "counts": dry_run.counts(found), "not_checked": unchecked})


@config.verb(
    "apply",
    "apply the file to the running server, completely or not at all; what it does not name stays as it is",
    details=f"{FILE_HELP} It adds and changes, and never removes. Assets, venues and firms that the server already has need not be in the file; a "
    "title that the file does not give stays as it is.",
    examples=("exos config apply venue.toml --dry-run", "exos config apply venue.toml --data /srv/exos"),
)
@click.argument("file")
@click.option("--dry-run", is_flag=True, help="Only show what would be done, and what would be refused.")
@server_option
def apply(file: str, dry_run: bool, server: Server) -> Result:
    try:
        load.load(file, items=False)  # errors in the file itself are reported without a server
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    with server.connect(timeout_s=APPLY_S) as admin:
        answer = admin.ask("assets")
        if not answer.ok:
            raise refused(answer)
        try:
            content = load.load(file, answer.result["assets"])  # assets that the file only refers to are the server's
        except ConfigError as error:
            raise CommandError(Exit.CONFIG, str(error)) from error
        return _plan(content, admin, answer.result["assets"] | content.decimals) if dry_run else _apply(content, admin)


def _name(content: Config) -> str:
    return Path(content.files[-1]).name


def _record(content: Config) -> ar.Configuration:
    records: Any = tuple(item.record for item in content.items)
    return ar.Configuration(name=_name(content), sandbox=content.sandbox, records=records)


def _refused(content: Config, refusal: dict[str, Any]) -> str:
    """A refusal with its place in the file."""
    key, sentence, record = tuple(refusal.get("key", ())), refusal["sentence"], refusal.get("record")
    return (
        f"{shown(key)}: {sentence}"
        if record is None and key
        else sentence
        if record is None
        else str(place(content.items[record], key, sentence))
    )


def _plan(content: Config, admin: AdminClient, decimals: dict[str, int]) -> Result:
    """Show what would be done, and what would be refused."""
    with progress(f"trying {len(content.items)} definitions"):
        answer = admin.ask("plan", _record(content))
    if not answer.ok:
        raise refused(answer)
    changes, refusals = answer.result["changes"], answer.result["refusals"]
    for change in changes:
        if change["kind"] in ("new", "changed"):
            say(line(content.items[change["record"]], change["fields"], decimals))
    *others, last = refusals or [None]
    for refusal in others:
        say(f"! {_refused(content, refusal)}")
    if last is not None:
        raise CommandError(Exit.FAILED, f"{_refused(content, last)} (nothing would be changed)", refusal=last, result=answer.result)
    say(f"{sum(change['kind'] == 'same' for change in changes)} unchanged")
    return Result(answer.result)


def _apply(content: Config, admin: AdminClient) -> Result:
    """Apply everything in the file, or nothing. Definitions that are already the same are unchanged."""
    with progress(f"applying {len(content.items)} definitions"):
        answer = admin.ask("admin", _record(content))
    if not answer.ok:
        if answer.refusal is None or answer.refusal.get("record") is None:
            raise refused(answer)
        raise refused(answer, f"{_refused(content, answer.refusal)} (nothing was changed)")
    for text in answer.result["lines"]:
        say(text)
    say(answer.text)
    return Result(answer.result)
