"""`exos account deposit|withdraw|move`: money as people write it, and acts that are safe to repeat."""

import secrets
from collections.abc import Callable
from typing import Any

import click

from config import admin_records as ar
from protocol import numbers

from ..exits import Exit
from .acts import check_asset, decimals, dry_run_option, send
from .command import Noun
from .common import CommandError, Unreachable
from .connect import Server, names, server_option
from .fields import make
from .output import Result, say

AMOUNT = "AMOUNT is a decimal number in units of ASSET: 1000.00 USD."


def amount_of(amount: str, asset: str | None, places: dict[str, int]) -> tuple[int, str]:
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


def once_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of an act that is carried out once: key, note, dry_run, server."""
    for decorate in (
        server_option,
        dry_run_option,
        click.option("--note", metavar="TEXT", default="", help="Kept in the journal and shown in statements."),
        click.option(
            "--key", metavar="K", default="",
            help="Makes it safe to repeat: with the same key it is carried out once (default: a new one, which is shown).",
        ),
    ):  # fmt: skip
        command = decorate(command)
    return command


def money_arguments(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds AMOUNT, ASSET and once_options."""
    asset = click.argument("asset", required=False, shell_complete=names("asset"))
    return click.argument("amount")(asset(once_options(command)))


def once(
    server: Server, kind: Any, *, key: str, note: str, dry_run: bool, amount: str = "", asset: str | None = None, **fields: Any
) -> Result:
    """Send a record about money under a key; a new key is made when none is given, and told so that it can be repeated."""
    given = key or f"cli-{secrets.token_hex(8)}"
    with server.connect() as admin:
        if amount:
            fields["amount"], fields["asset"] = amount_of(amount, asset, decimals(admin))
        record = make(kind, {"key": given, "note": note, **fields})
        try:
            result = send(admin, record, dry_run)
        except Unreachable as error:
            raise Unreachable(f"{error.sentence}. Repeat it with --key {given}: it is carried out once") from error
    if not dry_run:
        say(f"key {given}" + ("" if key else " (--key with it repeats this safely)"))
    return Result({**result.data, "key": given})


def add(noun: Noun) -> None:
    @noun.verb(
        "deposit",
        "put money into an account",
        details=AMOUNT,
        examples=("exos account deposit MM1-A 1000.00 USD", "exos account deposit MM1-A 1000.00 USD --key wire-4711"),
    )
    @click.argument("account", shell_complete=names("account"))
    @money_arguments
    def deposit(account: str, server: Server, **given: Any) -> Result:
        return once(server, ar.Transfer, **given, target=account)

    @noun.verb(
        "withdraw",
        "take money out of an account at once; what is locked stays",
        details=f"{AMOUNT} In two steps: withdraw-request, then withdraw-settle or withdraw-cancel.",
        examples=("exos account withdraw MM1-A 250.00 USD --key payout-12", "exos account withdraw MM1-A 250.00 USD --dry-run"),
    )
    @click.argument("account", shell_complete=names("account"))
    @money_arguments
    def withdraw(account: str, server: Server, **given: Any) -> Result:
        return once(server, ar.Transfer, **given, source=account)

    @noun.verb(
        "move",
        "move money between two accounts of one firm",
        details=AMOUNT,
        examples=("exos account move CLIENT9-A CLIENT9-V 50 USD",),
    )
    @click.argument("source", metavar="FROM", shell_complete=names("account"))
    @click.argument("target", metavar="TO", shell_complete=names("account"))
    @money_arguments
    def move(source: str, target: str, server: Server, **given: Any) -> Result:
        return once(server, ar.Transfer, **given, source=source, target=target)
