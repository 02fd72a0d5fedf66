"""`exos listing ...`: which venue offers which market, at which fees."""

from typing import Any

import click

from config import admin_records as ar

from ..exits import Exit
from . import fields as of
from .acts import at_option, dry_run_option, rows, send
from .close import add_remove
from .command import Noun
from .common import CommandError
from .connect import Server, names, server_option
from .define import merged, yes
from .output import Result, pairs, table

listing = Noun("listing", "list, show, define and change the venues' offers of shared markets")
NAMES = ("venue", "event")
venue_argument = click.argument("venue", shell_complete=names("venue"))
event_argument = click.argument("event", shell_complete=names("market"))


@listing.verb("list", "all venues' offers with their fees", examples=("exos listing list", "exos listing list --venue WC26"))
@click.option("--venue", metavar="NAME", default="", shell_complete=names("venue"), help="Only those of this venue.")
@click.option("--event", metavar="NAME", default="", shell_complete=names("market"), help="Only those of this market.")
@server_option
def list_(venue: str, event: str, server: Server) -> Result:
    with server.connect() as admin:
        found = rows(admin, "listing", venue=venue, event=event)
    fees = [row["record"]["fees"] for row in found]
    table(
        ("venue", "event", "owner", "fees", ">maker bps", ">taker bps"),
        [(r["venue"], r["event"], yes(r["owner"]), f["model"], f["maker_bps"], f["taker_bps"]) for r, f in zip(found, fees)],
    )
    return Result(found)


@listing.verb("show", "everything about one offer", examples=("exos listing show WC26 WC26-FINAL",))
@venue_argument
@event_argument
@server_option
def show(venue: str, event: str, server: Server) -> Result:
    with server.connect() as admin:
        row = _one(admin, venue, event)
    pairs([*of.rows_of(ar.DefineListing, row["record"]), ("owner", yes(row["owner"]))])
    return Result(row)


@listing.verb(
    "create",
    "offer a shared market at another venue",
    examples=("exos listing create ACME WC26-FINAL --fees-model quadratic --fees-taker-bps 80",),
)
@venue_argument
@event_argument
@of.add_options(ar.DefineListing, NAMES)
@dry_run_option
@server_option
def create(venue: str, event: str, dry_run: bool, server: Server, **given: Any) -> Result:
    record = of.make(ar.DefineListing, {"venue": venue, "event": event, **of.content(ar.DefineListing, of.named(given), NAMES)})
    with server.connect() as admin:
        if rows(admin, "listing", venue=venue, event=event):
            raise CommandError(Exit.FAILED, f"{venue} lists {event} already (exos listing change {venue} {event} changes its fees)")
        return send(admin, record, dry_run)


@listing.verb(
    "change",
    "change the fees that are named of an offer; orders keep those they came under",
    examples=("exos listing change ACME WC26-FINAL --fees-taker-bps 60 --dry-run",),
)
@venue_argument
@event_argument
@of.add_options(ar.DefineListing, NAMES, live=True)
@at_option
@dry_run_option
@server_option
def change(venue: str, event: str, at: str | None, dry_run: bool, server: Server, **given: Any) -> Result:
    asked = of.named(given)
    if not asked:
        raise CommandError(Exit.USAGE, "say what to change: --fees-taker-bps and others (exos listing change --help)")
    with server.connect() as admin:
        old = _one(admin, venue, event)["record"]
        record = of.make(ar.DefineListing, merged(old, of.content(ar.DefineListing, asked, NAMES)))
        return send(admin, record, dry_run, at)


def _one(admin: Any, venue: str, event: str) -> dict[str, Any]:
    found = rows(admin, "listing", venue=venue, event=event)
    if not found:
        raise CommandError(Exit.FAILED, f"{venue} does not list {event} (exos listing list --event {event} shows who does)")
    return found[0]


add_remove(listing)
