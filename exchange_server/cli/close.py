"""`close` of an account, a firm or a session: one factory for the three nouns; `remove` of a market or a listing."""

from typing import Any

import click

from config import admin_records as ar

from . import fields as of
from .acts import dry_run_option, send
from .command import Noun
from .connect import Server, names, server_option
from .define import article
from .output import Result


def add_close(noun: Noun, kind: Any, example: str, details: str) -> None:
    """`close NAME --reason TEXT`. details: what must be true first."""

    @noun.verb(
        "close",
        f"end {article(kind)} for good",
        details=f"{details} What is closed stays in the history; it is never opened again, and its name is not used again.",
        examples=(example,),
    )
    @click.argument("name", shell_complete=names(kind))
    @click.option("--reason", metavar="TEXT", required=True, help="Why; kept with it, and told to whoever is cut off.")
    @dry_run_option
    @server_option
    def close(name: str, reason: str, dry_run: bool, server: Server) -> Result:
        with server.connect() as admin:
            return send(admin, of.make(ar.Close, {"kind": kind, "name": name, "reason": reason}), dry_run)


def add_remove(noun: Noun) -> None:
    """`remove EVENT` of a market; `remove VENUE EVENT` of a listing."""
    kind: Any = noun.name
    of_listing = kind == "listing"
    first = (
        "No open order may have come through it."
        if of_listing
        else "It has no open orders, no positions, no sets and no listing at another venue."
    )
    after = (
        "The market can be listed again."
        if of_listing
        else "It stays in the history; nobody sees it any more, and its name and symbols are not used again."
    )
    names_of = "W CUP" if of_listing else "WC26-DRAFT"

    @dry_run_option
    @server_option
    def remove(event: str, reason: str, dry_run: bool, server: Server, venue: str = "") -> Result:
        with server.connect() as admin:
            return send(admin, of.make(ar.Close, {"kind": kind, "name": event, "venue": venue, "reason": reason}), dry_run)

    remove = click.option("--reason", metavar="TEXT", required=True, help="Why; kept with it.")(remove)
    remove = click.argument("event", shell_complete=names("market"))(remove)
    if of_listing:
        remove = click.argument("venue", shell_complete=names("venue"))(remove)
    noun.verb(
        "remove", f"end {article(kind)} for good" if not of_listing else "end a listing", details=f"{first} {after}",
        examples=(f'exos {kind} remove {names_of} --reason "a mistake"',),
    )(remove)  # fmt: skip
