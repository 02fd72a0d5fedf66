"""`exos principal ...`: people and programs that administer; what each may do, its roles say (`exos role`), how it logs on, its keys (`exos key`)."""

import click

from config import admin_records as ar

from .acts import dry_run_option, one, send
from .command import Noun
from .connect import Server, names, server_option
from .define import add_change, add_create, add_list, add_show, merged, yes
from .fields import make
from .output import Result
from .role import scopes_of

principal = Noun("principal", "list, show, define, change and close principals, who administer with roles and keys")


add_list(
    principal,
    "principal",
    {
        "principal": lambda row: row["name"], "venue": lambda row: row["record"]["venue"] or "the platform", "roles": scopes_of,
        "closed": lambda row: yes(row["record"]["closed"]), "title": lambda row: row["record"]["title"],
    },
    examples=("exos principal list",),
)  # fmt: skip
add_show(principal, "principal", ar.DefinePrincipal, {"roles": scopes_of}, examples=("exos principal show anna",))
add_create(
    principal,
    "principal",
    ar.DefinePrincipal,
    examples=('exos principal create anna --title "Anna, operations"', "exos principal create WC26.desk --venue WC26"),
    leave=("closed",),
    details="A principal with a venue is administered by that venue's operators and holds roles only there. Then give it a role (exos role grant) and a key "
    "(exos key create ID --principal NAME).",
)
add_change(principal, "principal", ar.DefinePrincipal, examples=('exos principal change anna --title "Anna B."',), leave=("closed",))


@principal.verb(
    "close", "take away all rights of a principal, and its logon; --reopen gives them back", examples=("exos principal close anna",)
)
@click.argument("name", shell_complete=names("principal"))
@click.option("--reopen", is_flag=True, help="Undo it.")
@dry_run_option
@server_option
def close(name: str, reopen: bool, dry_run: bool, server: Server) -> Result:
    with server.connect() as admin:
        old = one(admin, "principal", name)["record"]
        return send(admin, make(ar.DefinePrincipal, merged(old, {"closed": not reopen})), dry_run)
