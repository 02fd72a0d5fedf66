"""`exos account ...`: trading accounts and the money in them."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from config import admin_records as ar
from protocol import numbers, units

from ..exits import Exit
from . import fields as of
from .acts import check_asset, decimals, dry_run_option, one, rows, send
from .command import Noun
from .common import CommandError, Unreachable
from .connect import Server, names, server_option
from .define import Row, add_create, yes
from .output import Result, pairs, say, table

account = Noun("account", "list, show, define and close accounts; their money and its statement")
if TYPE_CHECKING:
    from .admin_client import AdminClient

key_option = click.option(
    "--key",
    metavar="K",
    default="",
    help="Makes it safe to repeat: with the same key it is carried out once (default: a new one, which is shown).",
)
note_option = click.option("--note", metavar="TEXT", default="", help="Kept in the journal.")
AMOUNT = "AMOUNT is a decimal number in units of ASSET: 1000.00 USD."


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


def _amount(amount: str, asset: str | None, places: dict[str, int]) -> tuple[int, str]:
    """Minor units and asset of "1000.00" "USD", or of "1000.00 USD" in one word. Raises CommandError."""
    if asset is None:
        amount, _, asset = amount.strip().partition(" ")
        if not asset:
            raise CommandError(Exit.USAGE, f"ASSET is missing: {amount} of what? ({', '.join(places) or 'no asset is defined'})")
    check_asset(asset, places)
    try:
        value = numbers.scaled(amount, places[asset], f"amount of {asset}")
    except numbers.NotANumber as error:
        raise CommandError(Exit.USAGE, f"AMOUNT: {error}") from None
    if not value:
        raise CommandError(Exit.USAGE, "AMOUNT: must be above 0")
    return value, asset


def keyed(server: Server, key: str, dry_run: bool, make: "Callable[[AdminClient, str], Any]") -> Result:
    """Carry out a record about money once. make: the record, from the client and the idempotency key (a new one if `key` is empty)."""
    given = key or f"cli-{secrets.token_hex(8)}"
    with server.connect() as admin:
        try:
            result = send(admin, make(admin, given), dry_run)
        except Unreachable as error:
            raise Unreachable(f"{error.sentence}. Repeat it with --key {given}: it is carried out once") from error
    if not dry_run:
        say(f"key {given}" + ("" if key else " (--key with it repeats this safely)"))
    return Result({**result.data, "key": given})


def with_amount(server: Server, kind: Any, amount: str, asset: str | None, key: str, note: str, dry_run: bool, **ends: Any) -> Result:
    """A record about an amount of an asset. ends: its other fields."""

    def make(admin: "AdminClient", given: str) -> Any:
        value, name = _amount(amount, asset, decimals(admin))
        return of.make(kind, {"key": given, "asset": name, "amount": value, "note": note, **ends})

    return keyed(server, key, dry_run, make)


def money_options(command: Any) -> Any:
    """Adds AMOUNT, ASSET and the options of everything that moves money."""
    for decorate in (
        server_option, dry_run_option, note_option, key_option,
        click.argument("asset", required=False, shell_complete=names("asset")), click.argument("amount"),
    ):  # fmt: skip
        command = decorate(command)
    return command


@account.verb(
    "deposit",
    "put money into an account",
    details=AMOUNT,
    examples=("exos account deposit MM1-A 1000.00 USD", "exos account deposit MM1-A 1000.00 USD --key wire-4711"),
)
@click.argument("account", shell_complete=names("account"))
@money_options
def deposit(account: str, **given: Any) -> Result:
    return with_amount(kind=ar.Transfer, **given, target=account)


@account.verb(
    "withdraw",
    "take money out of an account at once; what is locked stays",
    details=f"{AMOUNT} In two steps: withdraw-request, then withdraw-settle or withdraw-cancel.",
    examples=("exos account withdraw MM1-A 250.00 USD --key payout-12", "exos account withdraw MM1-A 250.00 USD --dry-run"),
)
@click.argument("account", shell_complete=names("account"))
@money_options
def withdraw(account: str, **given: Any) -> Result:
    return with_amount(kind=ar.Transfer, **given, source=account)


@account.verb(
    "move",
    "move money between two accounts of one firm",
    details=AMOUNT,
    examples=("exos account move CLIENT9-A CLIENT9-V 50 USD",),
)
@click.argument("source", metavar="FROM", shell_complete=names("account"))
@click.argument("target", metavar="TO", shell_complete=names("account"))
@money_options
def move(source: str, target: str, **given: Any) -> Result:
    return with_amount(kind=ar.Transfer, **given, source=source, target=target)
