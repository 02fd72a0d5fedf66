"""`exos market bust|correct-trade|recover` and `exos venue bond`: what is put right after trades and payments."""

import time
from typing import Any

import click

from config import admin_records as ar

from ..exits import Exit
from .acts import dry_run_option, market, send
from .admin_client import AdminClient
from .command import Noun
from .common import CommandError, Number
from .connect import Server, names, server_option
from .fields import make
from .output import Result
from .progress import progress

LOOK_EVERY_S = 0.1


def wait_until_paid(admin: AdminClient, before: dict[str, Any]) -> bool:
    """Wait until all accounts of a market have been paid, with a bar: the open interest falls as they are. before: the market as it was.
    True: it is final."""
    total = _open_interest(before)
    with progress(f"paying {before['event']}", "lots") as at:
        while (now := market(admin, before["event"]))["settling"]:
            at(total - _open_interest(now), total)
            time.sleep(LOOK_EVERY_S)
    return bool(now["final_at_ns"])


def _open_interest(market: dict[str, Any]) -> int:
    return sum(contract["open_interest"] for contract in market["contracts"])


def add(noun: Noun) -> None:
    @noun.verb(
        "bust",
        "take a trade back before its market is final",
        details="All sides of the trade at once: positions, money, fees, rebates and the shares of fees. Orders are not restored. A second person approves it, "
        "where the list of approvals has it. What an account cannot give back it owes: see docs/corrections.md. There is no --dry-run: the server finds the fills "
        "of the trade only when it carries the act out.",
        examples=("exos market bust 4711 --reason 'a price of another market'",),
    )
    @click.argument("trade", type=Number("id of a trade", 1))
    @click.option("--reason", required=True, metavar="TEXT", help="Why: it is kept with the act.")
    @server_option
    def bust(trade: int, reason: str, server: Server) -> Result:
        with server.connect() as admin:
            return send(admin, ar.Bust(trade=trade, reason=reason))

    @noun.verb(
        "correct-trade",
        "give a trade another price or a lower quantity before its market is final",
        details="The trade is booked again between the same two orders, in one act: what changes of positions, money, fees, rebates and the shares of fees moves, and "
        "both are told. The price is that of YES contracts. A second person approves it where the list of approvals has the bust of a trade. What an account cannot "
        "give back it owes, as after a bust.",
        examples=(
            "exos market correct-trade 4711 --price 0.55 --reason 'a digit too many'",
            "exos market correct-trade 4711 --quantity 10 --reason 'lots for contracts'",
        ),
    )
    @click.argument("trade", type=Number("id of a trade", 1))
    @click.option("--price", default="", metavar="PRICE", help="The right price (default: as it was).")
    @click.option("--quantity", default="", metavar="NUMBER", help="The right quantity, at most that of the trade (default: as it was).")
    @click.option("--reason", required=True, metavar="TEXT", help="Why: it is kept with the act.")
    @server_option
    def correct_trade(trade: int, price: str, quantity: str, reason: str, server: Server) -> Result:
        if not price and not quantity:
            raise CommandError(Exit.USAGE, "give the right --price, the right --quantity, or both")
        with server.connect() as admin:
            return send(admin, make(ar.Bust, {"trade": trade, "reason": reason, "price": price, "quantity": quantity}))

    @noun.verb(
        "recover",
        "collect what accounts owe from a correction or a bust",
        details="Free money of the debtors, then of the venue's bond and the platform, pays for blocked credits; what is left goes back to platform and bond.",
        examples=("exos market recover WC26-FINAL",),
    )
    @click.argument("event", shell_complete=names("market"))
    @dry_run_option
    @server_option
    def recover(event: str, dry_run: bool, server: Server) -> Result:
        with server.connect() as admin:
            done = send(admin, ar.Recover(event=event), dry_run)
            if not dry_run:
                wait_until_paid(admin, market(admin, event))
            return done


def add_bond(noun: Noun) -> None:
    @noun.verb(
        "bond",
        "open the bond account of a venue",
        details="The account is NAME.BOND. Money deposited to it (exos account deposit) stands for the debts that a correction or bust leaves.",
        examples=("exos venue bond WC26", "exos venue bond WC26 --dry-run"),
    )
    @click.argument("venue", shell_complete=names("venue"))
    @dry_run_option
    @server_option
    def bond(venue: str, dry_run: bool, server: Server) -> Result:
        with server.connect() as admin:
            return send(admin, ar.Bond(venue=venue), dry_run)
