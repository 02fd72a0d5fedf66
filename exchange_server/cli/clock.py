"""`exos clock [accept]`: shows the running server's clock; `accept` confirms a jump of the machine's clock."""

import argparse
from typing import Any

from config import admin_records as ar

from ..exits import Exit
from .admin_client import AdminClient
from .common import CommandError, add_data, say


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "clock", help="show the server's clock; `accept`: confirm that the machine's time of day is right although it jumped"
    )
    parser.add_argument("act", nargs="?", choices=["accept"], help="follow the machine's time of day; journaled with the caller's uid")
    add_data(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    with AdminClient(args.data) as admin:
        answer = admin.ask("admin", ar.AcceptClock()) if args.act else admin.ask("status")
    if not answer.ok:
        raise CommandError(Exit.FAILED, answer.text)
    say(answer.text if args.act else sentence(answer.result["clock"]))
    return Exit.OK


def sentence(clock: dict[str, Any]) -> str:
    """The clock's status in one sentence, for this command and `exos doctor`."""
    text = f"exchange time is {clock['exchange_time']}, {offset(clock['offset_s'])} the machine's time of day"
    if clock["held"]:
        text += f"; the time of day jumped forward by {clock['jump_s']} s and is not followed: new orders are refused until it is right again or `exos clock accept`"
    return text


def offset(offset_s: str) -> str:
    """ "-3.000" as "3.000 s behind"."""
    return f"{offset_s.removeprefix('-')} s {'behind' if offset_s.startswith('-') else 'ahead of'}"
