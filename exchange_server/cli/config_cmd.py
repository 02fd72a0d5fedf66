"""`exos config check|apply FILE`: check a configuration, show what it would change on a running server, apply it."""

import argparse
from pathlib import Path
from typing import Any

from config import admin_records as ar
from config import load
from config.load import Config, ConfigError
from config.places import shown
from config.plan import line, place

from ..exits import Exit
from . import dry_run
from .admin_client import AdminClient, Answer
from .common import CommandError, add_data, say

APPLY_S = 120.0  # a large configuration is one turn of the server


def add(commands: Any) -> None:
    parser = commands.add_parser("config", help="check a configuration file, or apply it to a running server")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="check|apply")
    check = verbs.add_parser("check", help="read the file and all files it includes, and apply it to an empty registry")
    check.set_defaults(run=run_check)
    apply = verbs.add_parser(
        "apply", help="apply the file to the running server, completely or not at all; what it does not name stays as it is"
    )
    apply.add_argument("--dry-run", action="store_true", help="only show what would be done")
    add_data(apply)
    apply.set_defaults(run=run_apply)
    for verb in (check, apply):
        verb.add_argument("file", help="a TOML file, or the name of a shipped one (sandbox, worldcup)")


def read(file: str) -> Config:
    """A configuration that is valid by itself; otherwise CommandError with Exit.CONFIG."""
    try:
        config = load.load(file)
        dry_run.check(config)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    return config


def run_check(args: argparse.Namespace) -> int:
    try:
        config = load.load(args.file, leave_out=True)
        found = dry_run.check(config)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    say(f"{config.files[-1]}: valid: {dry_run.summary(found)}")
    for asset in dict.fromkeys(left.asset for left in config.left_out):
        paths = ", ".join(left.path for left in config.left_out if left.asset == asset)
        say(f"not checked: {paths}: asset {asset} is not in the file, and no server was asked (exos config apply --dry-run asks one)")
    return Exit.OK


def run_apply(args: argparse.Namespace) -> int:
    try:
        load.load(args.file, items=False)  # errors in the file itself are reported without a server
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    with AdminClient(args.data, timeout_s=APPLY_S) as admin:
        answer = admin.ask("assets")
        if not answer.ok:
            raise CommandError(Exit.FAILED, answer.text)
        try:
            config = load.load(args.file, answer.result["assets"])  # assets that the file only refers to are the server's
        except ConfigError as error:
            raise CommandError(Exit.CONFIG, str(error)) from error
        return _plan(config, admin, answer.result["assets"] | config.decimals) if args.dry_run else _apply(config, admin)


def _name(config: Config) -> str:
    return Path(config.files[-1]).name


def _record(config: Config) -> ar.Configuration:
    records: Any = tuple(item.record for item in config.items)
    return ar.Configuration(name=_name(config), sandbox=config.sandbox, records=records)


def _refused(config: Config, refusal: dict[str, Any]) -> str:
    """A refusal with its place in the file."""
    key, sentence, record = tuple(refusal.get("key", ())), refusal["sentence"], refusal.get("record")
    return (
        f"{shown(key)}: {sentence}"
        if record is None and key
        else sentence
        if record is None
        else str(place(config.items[record], key, sentence))
    )


def _plan(config: Config, admin: AdminClient, decimals: dict[str, int]) -> int:
    """Show what would be done, and what would be refused."""
    answer = admin.ask("plan", _record(config))
    if not answer.ok:
        raise CommandError(Exit.FAILED, answer.text)
    changes, refusals = answer.result["changes"], answer.result["refusals"]
    for change in changes:
        if change["kind"] in ("new", "changed"):
            say(line(config.items[change["record"]], change["fields"], decimals))
    *others, last = refusals or [None]
    for refusal in others:
        say(f"! {_refused(config, refusal)}")
    if last is not None:
        raise CommandError(Exit.FAILED, f"{_refused(config, last)} (nothing would be changed)")
    say(f"{sum(change['kind'] == 'same' for change in changes)} unchanged")
    return Exit.OK


def _apply(config: Config, admin: AdminClient) -> int:
    """Apply everything in the file, or nothing. Definitions that are already the same are unchanged."""
    answer: Answer = admin.ask("admin", _record(config))
    if not answer.ok:
        if answer.refusal is None or answer.refusal.get("record") is None:
            raise CommandError(Exit.FAILED, answer.text)
        raise CommandError(Exit.FAILED, f"{_refused(config, answer.refusal)} (nothing was changed)")
    for text in answer.result["lines"]:
        say(text)
    say(answer.text)
    return Exit.OK
