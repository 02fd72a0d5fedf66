"""`exos admin RECORD`: any operator's record as JSON: transfers, kill switches, restrictions, reference prices. For machines."""

import sys
from typing import TYPE_CHECKING

import click

from ..exits import Exit
from .acts import dry_run_option, send
from .command import verb
from .common import CommandError
from .connect import Server, server_option
from .output import Result

if TYPE_CHECKING:
    from config import admin_records as ar


@verb(
    "admin",
    "send one operator's record as JSON; for machines",
    details="RECORD is a JSON object with its type; config/admin_records.py lists the types and their fields. Amounts are in smallest units, "
    'prices in ticks, durations in nanoseconds. "-" reads it from standard input.',
    examples=(
        """exos admin '{"type": "transfer", "key": "wire-4711", "asset": "USD", "amount": 10000000, "target": "CLIENT1-A"}'""",
        """exos admin '{"type": "kill", "level": "firm", "target": "CLIENT1"}'""",
        """exos admin '{"type": "kill", "level": "venue", "target": "WC26", "cancel": false}'""",
        """exos admin '{"type": "kill", "level": "platform", "on": false}'""",
    ),
)
@click.argument("record")
@dry_run_option
@server_option
def admin(record: str, dry_run: bool, server: Server) -> Result:
    decoded = read_record(record)
    with server.connect() as client:
        return send(client, decoded, dry_run)


def read_record(record: str) -> "ar.AnyRecord":
    """The record of a JSON text; "-": of standard input. Raises CommandError (USAGE)."""
    import msgspec

    from config import admin_records as ar

    text = sys.stdin.read() if record == "-" else record
    try:
        return ar.from_builtins(msgspec.json.decode(text))
    except (ValueError, msgspec.MsgspecError) as error:
        raise CommandError(Exit.USAGE, f"not a record: {error}") from error
