"""`close` of an account, a firm or a session: one factory for the three nouns."""

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
