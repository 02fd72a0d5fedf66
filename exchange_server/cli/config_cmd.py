"""`exos config check|plan|apply FILE`: is it sound, what would it change on a running server, and do it."""

import argparse
from typing import Any

from config import admin_records as ar
from config import load
from config.load import Config, ConfigError

from ..exits import Exit
from . import dry_run
from .admin_client import AdminClient, Answer
from .common import CommandError, add_data, say


def add(commands: Any) -> None:
    parser = commands.add_parser("config", help="check a configuration file, or bring it to a running server")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="check|apply")
    check = verbs.add_parser("check", help="read the file and all it includes, and apply it to an empty registry")
    check.set_defaults(run=run_check)
    apply = verbs.add_parser("apply", help="add and change what the file says on the running server; what it does not name stays")
    apply.add_argument("--dry-run", action="store_true", help="only say what would be done")
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
    say(f"{config.files[-1]}: sound: {dry_run.summary(registry, config)}")
    return Exit.OK


def run_apply(args: argparse.Namespace) -> int:
    config = read(args.file)
    with AdminClient(args.data) as admin:
        if args.dry_run:
            items = [{"record": item.record, "file": item.file, "path": item.path, "only_with": item.only_with} for item in config.items]
            answer = admin.ask("plan", items=items)
            if not answer.ok:
                raise CommandError(Exit.FAILED, answer.text)
            for line in answer.result["lines"]:
                say(line)
            say(f"{answer.result['same']} unchanged")
            return Exit.OK
        return _apply(config, admin)


def _apply(config: Config, admin: AdminClient) -> int:
    """Send every record; those that are so already are answered "unchanged". Stops at the first refusal."""
    done, same = 0, 0
    fresh: set[str] = set()  # markets that this run made: only these get their first phase
    for item in config.items:
        if item.only_with and item.only_with not in fresh:
            continue
        answer: Answer = admin.ask("admin", item.record)
        if not answer.ok:
            raise CommandError(Exit.FAILED, f"{item.file}: {item.path}: {answer.text} ({done} records before it were applied and stay)")
        if (answer.result or {}).get("unchanged"):
            same += 1
            continue
        done += 1
        if isinstance(item.record, ar.DefineMarket) and "first_instrument" in (answer.result or {}):
            fresh.add(item.record.event)
        if answer.text != "done before":
            say(answer.text)
        else:
            done, same = done - 1, same + 1
    say(f"{done} applied, {same} unchanged")
    return Exit.OK
