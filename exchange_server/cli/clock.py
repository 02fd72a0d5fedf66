"""`exos clock [accept]`: shows the running server's clock; `accept` confirms a jump of the machine's clock."""

from typing import Any

import click

from .command import verb
from .common import OneOf
from .connect import Server, refused, server_option
from .output import Result, say


@verb(
    "clock",
    "show the server's clock, or confirm that the machine's time of day is right although it jumped",
    details="Shows exchange time and its offset from the machine's clock. `accept` follows the machine's time of day; it is journaled with the "
    "caller's uid (docs/operations.md).",
    examples=("exos clock", "exos clock accept"),
)
@click.argument("act", required=False, type=OneOf(["accept"]))
@server_option
def clock(act: str | None, server: Server) -> Result:
    from config import admin_records as ar

    with server.connect() as admin:
        answer = admin.ask("admin", ar.AcceptClock()) if act else admin.ask("status")
    if not answer.ok:
        raise refused(answer)
    say(answer.text if act else sentence(answer.result["clock"]))
    return Result(answer.result if act else answer.result["clock"])


def sentence(clock: dict[str, Any]) -> str:
    """The clock's status in one sentence, for this command and `exos doctor`."""
    text = f"exchange time is {clock['exchange_time']}, {offset(clock['offset_s'])} the machine's time of day"
    if clock["held"]:
        text += f"; the time of day jumped forward by {clock['jump_s']} s and is not followed: new orders are refused until it is right again or `exos clock accept`"
    return text


def offset(offset_s: str) -> str:
    """ "-3.000" as "3.000 s behind"."""
    return f"{offset_s.removeprefix('-')} s {'behind' if offset_s.startswith('-') else 'ahead of'}"
