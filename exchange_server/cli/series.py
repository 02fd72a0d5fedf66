"""`exos series list|show|create|close`: series of events, and those that list their market again and again."""

from typing import Any

import click

from config import admin_records as ar
from config import template_uses
from config.amounts import ConfigError
from config.series import DATE, DAY
from protocol import units

from ..exits import Exit
from . import fields as of
from . import market_define
from .acts import decimals, dry_run_option, one, rows, send
from .command import Noun
from .common import CommandError
from .connect import Server, names, server_option
from .output import Result, pairs, table
from .template import from_template

series = Noun("series", "list, show, define and close series of markets; a recurring one lists its market by itself")
LEAVE = ("name", "market")


def _when(ns: int) -> str:
    return units.instant(ns) if ns else "-"


@series.verb("list", "all series with their next listing", examples=("exos series list",))
@server_option
def list_(server: Server) -> Result:
    with server.connect() as admin:
        found = rows(admin, "series")
    table(
        ("series", "venue", "every", "next listing", ">markets", "state", "title"),
        [
            (row["name"], row["record"]["owner_venue"], units.duration(row["record"]["every_ns"]) if row["record"]["every_ns"] else "-",
             _when(row["next_at_ns"]), len(row["markets"]), "closed" if row["closed"] else "open", row["record"]["title"])
            for row in found
        ],
    )  # fmt: skip
    return Result(found)


@series.verb("show", "everything about one series", examples=("exos series show WC26.DAILY",))
@click.argument("name", shell_complete=names("series"))
@server_option
def show(name: str, server: Server) -> Result:
    with server.connect() as admin:
        row = one(admin, "series", name)
    closed = row["closed"]
    pairs(
        [
            *of.rows_of(ar.DefineSeries, {key: value for key, value in row["record"].items() if key != "market"}),
            ("market", row["record"]["market"]["event"].replace(DATE, "{date}").replace(DAY, "{day}") if row["record"]["market"] else "-"),
            ("next listing", _when(row["next_at_ns"])),
            ("markets", ", ".join(row["markets"]) or "-"),
            ("closed", f"{units.instant(closed['at_ns'])} by {closed['who']}: {closed['reason']}" if closed else "-"),
        ]
    )
    return Result(row)


@series.verb(
    "create",
    "define a series; with --every its market is listed again and again",
    details="The market of a recurring series comes from a template. In its fields {date} is the day of the listing as 20260719, {day} as 2026-07-19, and a time "
    "is counted from the listing, like +6h. The event's name and all symbols must have {date} or {day} in them. A listing that is refused (a quota, a "
    "name that is taken) is shown as failed by exos schedule list --ended, and the next one comes in its turn. Listings that were missed are not made up for.",
    examples=(
        "exos series create WC26.GROUPS --owner-venue WC26 --title 'Group winners'",
        "exos series create WC26.BTC --owner-venue WC26 --every 1d --first-at 2030-01-01T08:00:00Z --template price_above 'event=WC26.BTC-{date}' "
        "what=bitcoin level=100000 at=+16h 'source=the index' asset=USD",
    ),
)
@click.argument("name")
@click.argument("field", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--template", metavar="NAME", help="What its market is made from: fields as FIELD=VALUE (exos template show NAME).")
@click.option("--templates", metavar="FILE", help="A configuration file with templates of one's own.")
@of.add_options(ar.DefineSeries, LEAVE)
@dry_run_option
@server_option
def create(
    name: str, field: tuple[str, ...], template: str | None, templates: str | None, dry_run: bool, server: Server, **given: Any
) -> Result:
    if template is None and field:
        raise CommandError(Exit.USAGE, "FIELD=VALUE goes with --template NAME (exos template list shows them)")
    content = of.content(ar.DefineSeries, of.named(given), LEAVE)
    with server.connect() as admin:
        market = None
        if template is not None:
            own = {"series": name, "owner_venue": content.get("owner_venue", "")}
            made = from_template(template, templates, tuple(map(_counted, field)), own)
            market = of_market(made, decimals(admin))
        return send(admin, of.make(ar.DefineSeries, {"name": name, **content, "market": market}), dry_run)


def _counted(text: str) -> str:
    """FIELD=VALUE with what stands for the day of the listing, and times counted from it."""
    key, equals, value = text.partition("=")
    try:
        return f"{key}{equals}{template_uses.counted(value)}"
    except ConfigError as error:
        raise CommandError(Exit.USAGE, f"{text}: {error.sentence}") from None


def of_market(made: dict[str, Any], places: dict[str, int]) -> Any:
    """The fields of a market's record from its [[market]] table."""
    import msgspec

    return msgspec.to_builtins(market_define.read(made, places))


@series.verb(
    "close", "end a series: nothing of it is listed any more, its markets stay", examples=('exos series close WC26.BTC --reason "over"',)
)
@click.argument("name", shell_complete=names("series"))
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is kept with the series.")
@dry_run_option
@server_option
def close(name: str, reason: str, dry_run: bool, server: Server) -> Result:
    with server.connect() as admin:
        return send(admin, of.make(ar.CloseSeries, {"name": name, "reason": reason}), dry_run)
