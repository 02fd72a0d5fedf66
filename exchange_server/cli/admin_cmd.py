"""`exos admin RECORD`: any operator's record as JSON: transfers, kill switches, restrictions, reference prices."""

import argparse
import sys
from typing import Any

import msgspec

from config import admin_records as ar

from ..exits import Exit
from .admin_client import AdminClient
from .common import CommandError, add_data, say


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "admin",
        help='send one operator\'s record, \'{"type": "kill", "level": "firm", "target": "CLIENT1"}\'; "-" reads it from standard input',
    )
    parser.add_argument("record", help="a JSON object with its type; config/admin_records.py lists the types and their fields")
    add_data(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    text = sys.stdin.read() if args.record == "-" else args.record
    try:
        record = ar.from_builtins(msgspec.json.decode(text))
    except (ValueError, msgspec.MsgspecError) as error:
        raise CommandError(Exit.USAGE, f"not a record: {error}") from error
    with AdminClient(args.data) as admin:
        answer = admin.ask("admin", record)
    if not answer.ok:
        raise CommandError(Exit.FAILED, answer.text)
    say(answer.text)
    return Exit.OK
