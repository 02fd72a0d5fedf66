"""`exos config check|plan|apply FILE`: is it sound, what would it change on a running server, and do it."""

import argparse
from pathlib import Path
from typing import Any

from config import admin_records as ar
from config import load
from config.load import Config, ConfigError

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
    """A configuration that is sound by itself; CommandError with Exit.CONFIG else."""
    try:
        config = load.load(file)
        dry_run.check(config)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    return config


def run_check(args: argparse.Namespace) -> int:
    try:
        config = load.load(args.file)
        registry = dry_run.check(config)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    say(f"{config.files[-1]}: valid: {dry_run.summary(registry)}")
    return Exit.OK


def run_apply(args: argparse.Namespace) -> int:
    try:
        load.load(args.file, items=False)  # what is wrong with the file itself is told without a server
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    with AdminClient(args.data, timeout_s=APPLY_S) as admin:
        answer = admin.ask("assets")
        if not answer.ok:
            raise CommandError(Exit.FAILED, answer.text)
        try:
            config = load.load(args.file, answer.result["assets"])  # what the file only refers to is the server's
        except ConfigError as error:
            raise CommandError(Exit.CONFIG, str(error)) from error
        return _plan(config, admin) if args.dry_run else _apply(config, admin)


def _name(config: Config) -> str:
    return Path(config.files[-1]).name


def _plan(config: Config, admin: AdminClient) -> int:
    """Say what would be done, and what would be refused."""
    items = [{"record": item.record, "file": item.file, "path": item.path, "only_with": item.only_with} for item in config.items]
    answer = admin.ask("plan", items=items, name=_name(config), sandbox=config.sandbox)
    if not answer.ok:
        raise CommandError(Exit.FAILED, answer.text)
    lines = answer.result["lines"]
    for line in lines:
        say(line)
    say(f"{answer.result['same']} unchanged")
    refused = answer.result.get("refused")
    if refused:
        raise CommandError(Exit.FAILED, f"{dry_run.place(refused['file'], refused['path'], refused['text'])} (nothing would be changed)")
    if any(line.startswith("! ") for line in lines):
        raise CommandError(Exit.FAILED, "items marked ! cannot change on a live server: nothing would be changed")
    return Exit.OK


def _apply(config: Config, admin: AdminClient) -> int:
    """One act: everything in the file takes effect, or nothing does. What is so already is unchanged."""
    records: Any = tuple(item.record for item in config.items)
    answer: Answer = admin.ask("admin", ar.Configuration(name=_name(config), sandbox=config.sandbox, records=records))
    if not answer.ok:
        at = answer.result.get("record") if isinstance(answer.result, dict) else None
        if at is None:
            raise CommandError(Exit.FAILED, answer.text)
        item = config.items[at]
        raise CommandError(Exit.FAILED, f"{dry_run.place(item.file, item.path, answer.text)} (nothing was changed)")
    for line in answer.result["lines"]:
        say(line)
    say(answer.text)
    return Exit.OK
