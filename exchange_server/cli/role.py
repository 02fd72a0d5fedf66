"""`exos role list|grant|revoke`: who may do what, where, and until when."""

from typing import Any

import click

from config import admin_records as ar
from protocol import units

from ..exits import Exit
from .acts import dry_run_option, rows, send
from .command import Noun
from .common import CommandError, OneOf
from .connect import Server, names, server_option
from .output import Result, table
from .times import ahead

role = Noun("role", "list, grant and revoke roles")
SCOPE_HELP = "platform (default), venue:NAME, or series:NAME/PREFIX (the events of a venue whose names begin so)."


def scopes_of(row: dict[str, Any]) -> str:
    """The roles of a principal's row, for people."""
    live = (f"{held['role']} for {held['scope']}" for held in row["roles"] if held["live"])
    return ", ".join(live) or "none"


@role.verb("list", "who holds which role, or the roles of one principal", examples=("exos role list", "exos role list anna"))
@click.argument("principal", required=False, shell_complete=names("principal"))
@server_option
def list_(principal: str | None, server: Server) -> Result:
    with server.connect() as admin:
        found = rows(admin, "principal", name=principal or "")
    held = [{"principal": row["name"], **held} for row in found for held in row["roles"]]
    table(
        ("principal", "role", "scope", "until", "holds", "granted by"),
        [
            (row["principal"], row["role"], row["scope"], units.instant(row["until_ns"]) if row["until_ns"] else "for good",
             "yes" if row["live"] else "no", row["who"])
            for row in held
        ],
    )  # fmt: skip
    return Result(held)


@role.verb(
    "grant",
    "give a principal a role",
    details="A role is given on only within one's own: a role that it may give, the same or a narrower scope, no later end (docs/access.md). A role for the "
    "whole platform waits for a second person.",
    examples=("exos role grant anna venue_operator --scope venue:WC26 --until 365d", "exos role grant bert auditor"),
)
@click.argument("principal", shell_complete=names("principal"))
@click.argument("name", metavar="ROLE", type=OneOf(ar.ROLE_NAMES))
@click.option("--scope", metavar="SCOPE", default="platform", show_default=True, help=SCOPE_HELP)
@click.option("--until", "end", metavar="T", help="When it ends: 90d from now, or 2027-01-31T00:00:00Z (default: when it is revoked).")
@dry_run_option
@server_option
def grant(principal: str, name: str, scope: str, end: str | None, dry_run: bool, server: Server) -> Result:
    record = _record(
        {"type": "grant", "principal": principal, "role": name, "scope": scope, "until_ns": ahead(end, "--until") if end else 0}
    )
    with server.connect() as admin:
        return send(admin, record, dry_run)


@role.verb("revoke", "take a role back", examples=("exos role revoke anna venue_operator --scope venue:WC26",))
@click.argument("principal", shell_complete=names("principal"))
@click.argument("name", metavar="ROLE", type=OneOf(ar.ROLE_NAMES))
@click.option("--scope", metavar="SCOPE", default="platform", show_default=True, help=SCOPE_HELP)
@dry_run_option
@server_option
def revoke(principal: str, name: str, scope: str, dry_run: bool, server: Server) -> Result:
    record = _record({"type": "revoke", "principal": principal, "role": name, "scope": scope})
    with server.connect() as admin:
        return send(admin, record, dry_run)


def _record(fields: dict[str, Any]) -> ar.AnyRecord:
    try:
        return ar.from_builtins(fields)
    except ValueError as error:
        raise CommandError(Exit.USAGE, str(error)) from error
