"""`exos account ...`: trading accounts and the money in them."""

import click

from config import admin_records as ar
from protocol import numbers, units

from . import fields as of
from . import money
from .acts import decimals, one, rows
from .command import Noun
from .connect import Server, names, server_option
from .define import Row, add_create, yes
from .output import Result, pairs, say, table

account = Noun("account", "list, show, define and close accounts; their money and its statement")


def _held(row: Row, places: dict[str, int]) -> list[tuple[str, str, str, str, str]]:
    """(asset, cash, locked, held, free) as people write them."""
    out = []
    for asset, held in row["balances"].items():
        values = (held["cash"], held["locked"], held["held"], held["cash"] - held["locked"] - held["held"])
        out.append((asset, *(numbers.unscaled(value, places[asset]) for value in values)))
    return out  # type: ignore[return-value]


def _told(row: Row, places: dict[str, int]) -> Row:
    """A row with its money as people write it."""
    return row | {"balances": {asset: dict(zip(("cash", "locked", "held", "free"), values)) for asset, *values in _held(row, places)}}


@account.verb(
    "list",
    "all accounts with their money",
    details="One line for each account and asset. With --json amounts are decimal numbers as texts.",
    examples=("exos account list", "exos account list --firm CLIENT1"),
)
@click.option("--firm", metavar="NAME", shell_complete=names("firm"), help="Only those of this firm.")
@server_option
def list_(firm: str | None, server: Server) -> Result:
    with server.connect() as admin:
        if firm:
            one(admin, "firm", firm)  # says the near names
        found = [row for row in rows(admin, "account") if not firm or row["firm"] == firm]
        places = decimals(admin)
    lines: list[tuple[object, ...]] = []
    for row in found:
        own = (row["name"], row["firm"] or "-", row["venue"] or "-", yes(row["killed"]))
        lines += [(*own, *held) for held in _held(row, places)] or [(*own, "-", "", "", "", "")]
    table(("account", "firm", "venue", "killed", "asset", ">cash", ">locked", ">held", ">free"), lines)
    return Result([_told(row, places) for row in found])


@account.verb("show", "everything about one account", examples=("exos account show CLIENT1-A",))
@click.argument("name", shell_complete=names("account"))
@server_option
def show(name: str, server: Server) -> Result:
    with server.connect() as admin:
        row, places = one(admin, "account", name), decimals(admin)
    known = of.rows_of(ar.DefineAccount, row["record"]) if row["record"] else [("name", name), ("kind", "fee account")]
    pairs(
        [
            *known,
            ("session", row["session"] or "-"),
            ("open orders", row["open_orders"]),
            ("killed", yes(row["killed"])),
            ("closed", row["closed"] or "no"),
        ]
    )
    if row["balances"]:
        say()
        table(("asset", ">cash", ">locked", ">held", ">free"), _held(row, places))
    if row["holds"]:
        say()
        table(
            ("hold", "kind", ">amount", "asset", "until", "note"),
            [
                (
                    h["id"],
                    h["kind"],
                    numbers.unscaled(h["amount"], places[h["asset"]]),
                    h["asset"],
                    units.instant(h["until_ns"]) if h["until_ns"] else "-",
                    h["note"],
                )
                for h in row["holds"]
            ],
        )
    return Result(_told(row, places))


add_create(
    account,
    "account",
    ar.DefineAccount,
    examples=("exos account create CLIENT9-A --firm CLIENT9", "exos account create CLIENT9-V --firm CLIENT9 --venue ACME"),
    details="With --venue the account is isolated: it trades at that venue only.",
)

money.add(account)
