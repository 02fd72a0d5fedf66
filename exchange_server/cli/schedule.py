"""`exos schedule list|show|add|cancel`: acts that the server carries out at their time."""

import json
from typing import Any

import click

from config import admin_records as ar
from protocol import units

from .acts import dry_run_option, send, timed
from .admin_client import AdminClient
from .admin_cmd import read_record
from .command import Noun
from .common import Number
from .connect import Server, names, refused, server_option
from .output import Result, pairs, table

schedule = Noun("schedule", "acts at a time to come: list, show, add and cancel them")
ID = Number("number of a scheduled act", 1)


def scheduled(admin: AdminClient, **asked: Any) -> list[dict[str, Any]]:
    """Rows of the server's schedule; `act`: the number of one, `event`: those about it, `ended`: also those that have ended."""
    answer = admin.ask("schedule", **asked)
    if not answer.ok:
        raise refused(answer)
    found: list[dict[str, Any]] = answer.result["rows"]
    return found


def show_table(found: list[dict[str, Any]]) -> None:
    """One line for each act."""
    lines = [
        (row["id"], units.instant(row["at_ns"]), row["act"], row["kind"], row["who"], _state(row), row["note"] or row["reason"])
        for row in found
    ]
    table((">id", "at", "act", "kind", "who", "state", "note"), lines)


def _state(row: dict[str, Any]) -> str:
    waits = f"waits until {row['waits_for']} is settled" if row["waits_for"] else "waits"
    return f"{row['ended']} {units.instant(row['ended_ns'])}" if row["ended"] else waits


@schedule.verb(
    "list",
    "acts that wait for their time, the next one first",
    details="Times of markets (open_at and so on) are among them. An act that was refused when it was due has failed: --ended shows it with the reason.",
    examples=("exos schedule list", "exos schedule list --event WC26-FINAL --ended"),
)
@click.option("--event", metavar="NAME", default="", shell_complete=names("market"), help="Only those about this market.")
@click.option("--ended", is_flag=True, help="Also those that are done, have failed or were cancelled.")
@server_option
def list_(event: str, ended: bool, server: Server) -> Result:
    with server.connect() as admin:
        found = scheduled(admin, ended=ended, **({"event": event} if event else {}))
    show_table(found)
    return Result(found)


@schedule.verb("show", "everything about one scheduled act", examples=("exos schedule show 7",))
@click.argument("id", type=ID)
@server_option
def show(id: int, server: Server) -> Result:
    with server.connect() as admin:
        row = scheduled(admin, act=id)[0]
    made = units.instant(row["made_ns"]) if row["made_ns"] else "-"
    pairs(
        [
            ("act", row["act"]), ("at", units.instant(row["at_ns"])), ("kind", row["kind"]), ("about", row["about"] or "-"), ("who", row["who"]),
            ("scheduled", made), ("note", row["note"] or "-"), ("state", _state(row)), ("reason", row["reason"] or "-"),
            ("record", json.dumps(row["record"])),
        ]
    )  # fmt: skip
    return Result(row)


@schedule.verb(
    "add",
    "have a record carried out at a time",
    details="RECORD is JSON as for exos admin, of the type phase, market, listing, reference or restrict. It is checked now and again when it is due, with your "
    "rights then. Of a market or listing that exists, only what RECORD changes now is changed then. --at of exos market phase, exos market change and "
    "exos listing change makes such a record of options.",
    examples=(
        """exos schedule add 2030-07-19T19:00:00Z '{"type": "phase", "event": "WC26-FINAL", "phase": "paused"}' --note "kick-off\"""",
        """exos schedule add 2h '{"type": "reference", "symbol": "WC26-FINAL-ESP", "reference": 5000}'""",
    ),
)
@click.argument("at", metavar="TIME")
@click.argument("record")
@click.option("--note", metavar="TEXT", default="", help="What for; it is shown with the act.")
@dry_run_option
@server_option
def add(at: str, record: str, note: str, dry_run: bool, server: Server) -> Result:
    made = timed(read_record(record), at, note, "TIME")
    with server.connect() as admin:
        return send(admin, made, dry_run)


@schedule.verb("cancel", "take a scheduled act back before its time", examples=('exos schedule cancel 7 --note "postponed"',))
@click.argument("id", type=ID)
@click.option("--note", metavar="TEXT", default="", help="Why; it is journaled.")
@dry_run_option
@server_option
def cancel(id: int, note: str, dry_run: bool, server: Server) -> Result:
    with server.connect() as admin:
        return send(admin, ar.CancelSchedule(id=id, note=note), dry_run)
