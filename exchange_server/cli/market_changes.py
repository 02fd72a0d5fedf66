"""`exos market bands|add-outcome|split-outcome`: what changes in a market while it trades."""

import click

from config import admin_records as ar
from protocol import numbers

from ..exits import Exit
from . import fields as of
from .acts import dry_run_option, one, send
from .command import Noun
from .common import CommandError
from .connect import Server, names, server_option
from .market_define import band_of, contract_of
from .output import Result


def add(noun: Noun) -> None:
    @noun.verb(
        "bands",
        "give a market another price grid",
        details="All contracts of the market get it. Orders whose price is not on the new grid are cancelled and reported.",
        examples=("exos market bands WC26-FINAL --band 0.01:0.99:0.01", "exos market bands WC26-FINAL --band 0.05:0.95:0.05 --dry-run"),
    )
    @click.argument("event", shell_complete=names("market"))
    @click.option("--band", multiple=True, required=True, metavar="LOW:HIGH:STEP", help="A stretch of the price grid (repeat for several).")
    @dry_run_option
    @server_option
    def bands(event: str, band: tuple[str, ...], dry_run: bool, server: Server) -> Result:
        with server.connect() as admin:
            places = one(admin, "market", event)["record"]["price_decimals"]
            grid = [{key: _ticks(text, amount, places) for key, amount in band_of(text).items()} for text in band]
            return send(admin, of.make(ar.SetBands, {"event": event, "bands": grid}), dry_run)

    @noun.verb(
        "add-outcome",
        "add an outcome to a market in which at most k win",
        details="The market must have been listed with room for it (max_contracts). An outcome is SYMBOL or SYMBOL=OUTCOME.",
        examples=("exos market add-outcome CUP-SCORER CUP-SCORER-NEW='A new name'",),
    )
    @click.argument("event", shell_complete=names("market"))
    @click.argument("outcome", metavar="SYMBOL=OUTCOME")
    @dry_run_option
    @server_option
    def add_outcome(event: str, outcome: str, dry_run: bool, server: Server) -> Result:
        with server.connect() as admin:
            return send(admin, of.make(ar.AddOutcome, {"event": event, "contract": contract_of(outcome)}), dry_run)

    @noun.verb(
        "split-outcome",
        "split a new outcome out of the one that stands for all others",
        details="In a market with one winner. SOURCE is the symbol of its declared `other`. Open orders in it are cancelled and reported; whoever holds it, "
        "long or short, gets as much of the new outcome, at no cash.",
        examples=("exos market split-outcome CUP CUP-OTHER CUP-NEW='A new name'",),
    )
    @click.argument("event", shell_complete=names("market"))
    @click.argument("source")
    @click.argument("outcome", metavar="SYMBOL=OUTCOME")
    @dry_run_option
    @server_option
    def split_outcome(event: str, source: str, outcome: str, dry_run: bool, server: Server) -> Result:
        with server.connect() as admin:
            record = of.make(ar.SplitOutcome, {"event": event, "source": source, "contract": contract_of(outcome)})
            return send(admin, record, dry_run)


def _ticks(band: str, amount: str, decimals: int) -> int:
    try:
        return numbers.scaled(amount, decimals, "price")
    except numbers.NotANumber as error:
        raise CommandError(Exit.USAGE, f"--band {band}: {error}") from None
