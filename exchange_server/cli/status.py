"""`exos status|check|stop`: shows the running server's status, runs its proofs, stops it cleanly."""

import argparse
from typing import Any

import msgspec

from protocol import units

from ..exits import Exit
from .admin_client import AdminClient
from .common import CommandError, add_data, say

INSTANTS = ("time_ns", "_end_ns", "_at_ns")  # times of day; other names ending in ns are durations


def add(commands: Any) -> None:
    parser = commands.add_parser("status", help="what the running server says of itself")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    add_data(parser)
    parser.set_defaults(run=run)
    check = commands.add_parser("check", help="make the server prove its ledger, books and collateral; walks the whole state")
    add_data(check)
    check.set_defaults(run=run_check)
    stop = commands.add_parser("stop", help="stop the server cleanly, with a snapshot; a second time: without waiting for the peers")
    add_data(stop)
    stop.set_defaults(run=run_stop)


def run(args: argparse.Namespace) -> int:
    with AdminClient(args.data, timeout_s=5.0) as admin:
        answer = admin.ask("status")
    if not answer.ok:
        raise CommandError(Exit.FAILED, answer.text)
    if args.json:
        say(msgspec.json.encode(answer.result).decode())
    else:
        for line in lines(answer.result):
            say(line)
    return Exit.OK


def run_check(args: argparse.Namespace) -> int:
    with AdminClient(args.data, timeout_s=300.0) as admin:
        answer = admin.ask("check")
    if not answer.ok:
        raise CommandError(Exit.FAILED, answer.text)
    failed = answer.result["failed"]
    if failed:
        raise CommandError(Exit.FAILED, f"{len(failed)} proofs fail: {'; '.join(map(str, failed))}")
    say(f"ledger, books and collateral are correct after row {answer.result['row_seq']}, digest {answer.result['digest']}")
    return Exit.OK


def run_stop(args: argparse.Namespace) -> int:
    with AdminClient(args.data) as admin:
        answer = admin.ask("stop")
    if not answer.ok:
        raise CommandError(Exit.FAILED, answer.text)
    say("stopping")
    return Exit.OK


def lines(value: Any, name: str = "") -> list[str]:
    """`key value` lines of nested dicts and lists, keys joined by points, aligned; times as text."""
    flat: list[tuple[str, str]] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
            for i, inner in enumerate(value):
                walk(f"{name}[{i}]", inner)
        elif isinstance(value, bool):
            flat.append((name, "yes" if value else "no"))
        elif isinstance(value, list):
            flat.append((name, ", ".join(map(str, value)) or "-"))
        elif isinstance(value, int) and "_ns" in name and not name.endswith(".count"):
            flat.append((name.replace("_ns", ""), units.instant(value) if name.endswith(INSTANTS) else units.duration(value)))
        else:
            flat.append((name, "-" if value is None or value == {} else str(value)))

    walk(name, value)
    width = max((len(key) for key, _ in flat), default=0)
    return [f"{key.ljust(width)}  {text}" for key, text in flat]
