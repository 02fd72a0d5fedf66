"""`exos pending`, `exos approve ID`, `exos refuse ID`: acts that wait for a second person."""

import json

import click

from config import admin_records as ar
from protocol import units

from .acts import rows, send
from .command import verb
from .common import Number
from .connect import Server, server_option
from .output import Result, table

ID = Number("number of an act", 1)


@verb("pending", "acts that wait for a second person", examples=("exos pending", "exos pending --json"))
@server_option
def pending(server: Server) -> Result:
    with server.connect() as admin:
        found = rows(admin, "pending")
    table(
        (">id", "act", "proposed by", "until", "record"),
        [
            (row["id"], row["title"], row["who"], units.instant(row["expires_ns"]) + (" (over)" if row["expired"] else ""), json.dumps(row["record"]))
            for row in found
        ],
    )  # fmt: skip
    return Result(found)


@verb(
    "approve",
    "carry out an act that waits, as its second person",
    details="Nobody approves an own act. It is checked again: both its proposer and you must hold the right now.",
    examples=("exos approve 7",),
)
@click.argument("id", type=ID)
@server_option
def approve(id: int, server: Server) -> Result:
    with server.connect() as admin:
        return send(admin, ar.Approve(id=id))


@verb("refuse", "end an act that waits; its proposer may do so too", examples=('exos refuse 7 --note "wrong account"',))
@click.argument("id", type=ID)
@click.option("--note", metavar="TEXT", default="", help="Why; it is journaled.")
@server_option
def refuse(id: int, note: str, server: Server) -> Result:
    with server.connect() as admin:
        return send(admin, ar.Refuse(id=id, note=note))
