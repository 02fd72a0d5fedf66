"""`exos key create|list|show|revoke|rotate`: what sessions and principals log on with."""

import os
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from config import amounts
from config import key_records as kr
from config.load import ConfigError
from protocol import credentials, units

from ..exits import Exit
from .acts import dry_run_option, send
from .admin_client import AdminClient
from .command import Noun
from .common import FILE, CommandError, OneOf
from .connect import Server, refused, server_option
from .output import Result, pairs, say, table
from .times import ahead

key = Noun("key", "keys of sessions and principals: create, list, rotate, revoke")
KINDS = ("ed25519", "token", "password", "scram")
ONCE = "it is shown this once and stored nowhere: keep it now"


def _now() -> int:
    return time.time_ns()


def _until(text: str | None) -> int:
    """ "90d" from now, or a time like 2027-01-31T00:00:00Z, in ns since the epoch; 0: for good."""
    return ahead(text, "--until") if text else 0


def _act(admin: AdminClient, record: kr.DefineKey | kr.RevokeKey) -> Any:
    answer = admin.ask("admin", record)
    if not answer.ok:
        raise refused(answer)
    return answer


def _keys(admin: AdminClient, **wanted: Any) -> list[dict[str, Any]]:
    answer = admin.ask("keys", **wanted)
    if not answer.ok:
        raise refused(answer)
    found: list[dict[str, Any]] = answer.result["keys"]
    return found


def _one(admin: AdminClient, id: str) -> dict[str, Any]:
    found = _keys(admin, key=id)
    if not found:
        raise CommandError(Exit.FAILED, f'there is no key "{id}" (exos key list shows them)')
    return found[0]


def _state(row: dict[str, Any]) -> str:
    if row["revoked"]:
        return "revoked"
    return "expired" if 0 < row["until_ns"] <= _now() else "good"


def _times(ns: int) -> str:
    return units.instant(ns) if ns else "for good"


def _write(out: Path, text: str) -> None:
    """A file of the user's own that is not there yet, mode 0600. Raises CommandError."""
    try:
        with open(out, "x", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as file:
            file.write(text)
    except OSError as error:
        raise CommandError(Exit.FAILED, f"{out}: {error.strerror}: no key was created") from error


def _create(admin: AdminClient, record: kr.DefineKey, out: Path | None, dry_run: bool) -> dict[str, Any]:
    """Make a key and say its private half, once. The result for --json. With dry_run only try it: nothing is made that could log on."""
    secret = ""
    if record.kind == "ed25519":
        private, _ = credentials.private_key(os.urandom(32))
        secret = credentials.key_file(private, record.id, f"{record.holder} {record.name}")
        record = msgspec.structs.replace(record, verifier=credentials.public_hex(private))
    if dry_run:
        if out is not None and out.exists():
            raise CommandError(Exit.FAILED, f"{out}: File exists: no key would be created")
        tried: dict[str, Any] = send(admin, record, dry_run).data
        return tried
    if out is not None and secret:
        _write(out, secret)  # before the key is good for anything
    try:
        answer = _act(admin, record)
    except CommandError:
        if out is not None and secret:
            out.unlink()
        raise
    say(answer.text)
    secret = secret or answer.result.get("secret", "")
    if out is not None and record.kind != "ed25519":
        _write(out, secret + "\n")
    if out is not None:
        say(f"the private half is in {out}, mode 0600; the server does not have it")
    else:
        say(f"{'the private half' if record.kind == 'ed25519' else 'the secret'}; {ONCE}")
        say(secret.rstrip("\n"))
    if record.kind == "ed25519":
        say(f"public half: {record.verifier}")
    public = {"public": record.verifier} if record.kind == "ed25519" else {}
    return {"key": record.id, "kind": record.kind, **public, **({"out": str(out)} if out is not None else {"secret": secret})}


@key.verb(
    "create",
    "make a key and show its private half once",
    details="The pair is made on this machine and the server gets the public half only. A shared secret (token, password, scram) is made by the "
    "server, with 256 bits, and not stored: token and password are for FIX (554), scram is for the binary wire.",
    examples=(
        "exos key create MM1-2026 --session MM1 --out mm1.key",
        "exos key create CLIENT1-RO --session CLIENT1 --scope read --until 90d --address 192.0.2.0/24",
        "exos key create CLIENT1-TOKEN --session CLIENT1 --kind token",
    ),
)
@click.argument("id")
@click.option("--session", metavar="NAME", help="The session that it logs on.")
@click.option("--principal", metavar="NAME", help="The principal that it logs on.")
@click.option("--kind", type=OneOf(KINDS), default="ed25519", show_default=True, help="What kind of key.")
@click.option("--scope", type=OneOf(kr.SCOPES), multiple=True, help="What it may do (repeat it; default for a session: all).")
@click.option("--until", metavar="T", help="When it expires: 90d from now, or 2027-01-31T00:00:00Z (default: never).")
@click.option("--address", metavar="NETWORK", multiple=True, help="A network from which it may be used (repeat it; default: everywhere).")
@click.option("--title", metavar="TEXT", default="", help="What it is for.")
@click.option("--out", type=FILE, metavar="FILE", help="Write the private half into a new file, mode 0600, instead of showing it.")
@dry_run_option
@server_option
def create(
    id: str, session: str | None, principal: str | None, kind: str, scope: tuple[str, ...], until: str | None, address: tuple[str, ...],
    title: str, out: Path | None, dry_run: bool, server: Server,
) -> Result:  # fmt: skip
    if bool(session) == bool(principal):
        raise CommandError(Exit.USAGE, "name the holder: --session NAME or --principal NAME")
    fields = {
        "type": "key", "id": id, "holder": "session" if session else "principal", "name": session or principal, "kind": kind,
        "scopes": scope or (kr.SCOPES if session else ()), "until_ns": _until(until), "addresses": address, "title": title,
    }  # fmt: skip
    record = _record(fields)
    with server.connect() as admin:
        return Result(_create(admin, record, out, dry_run))


def _record(fields: dict[str, Any]) -> kr.DefineKey:
    from config import admin_records as ar

    try:
        record = ar.from_builtins(fields)
    except ValueError as error:
        raise CommandError(Exit.USAGE, str(error)) from error
    assert isinstance(record, kr.DefineKey)
    return record


@key.verb("list", "all keys, or those of one session or principal", examples=("exos key list", "exos key list MM1"))
@click.argument("name", required=False)
@server_option
def list_(name: str | None, server: Server) -> Result:
    with server.connect() as admin:
        found = _keys(admin, name=name or "")
    table(
        ("key", "holder", "kind", "state", "scopes", "until", "addresses", "title"),
        [
            (row["id"], f"{row['holder']} {row['name']}", row["kind"], _state(row), " ".join(row["scopes"]), _times(row["until_ns"]),
             " ".join(row["addresses"]) or "everywhere", row["title"])
            for row in found
        ],
    )  # fmt: skip
    return Result(found)


@key.verb("show", "one key and its terms", examples=("exos key show MM1-2026",))
@click.argument("id")
@server_option
def show(id: str, server: Server) -> Result:
    with server.connect() as admin:
        row = _one(admin, id)
    pairs(
        [
            ("key", row["id"]), ("holder", f"{row['holder']} {row['name']}"), ("kind", row["kind"]), ("state", _state(row)),
            ("scopes", " ".join(row["scopes"]) or "by its grants" if row["holder"] == "principal" else " ".join(row["scopes"])),
            ("until", _times(row["until_ns"])), ("addresses", " ".join(row["addresses"]) or "everywhere"), ("created", units.instant(row["made_ns"])),
            ("title", row["title"]), *([("public half", row["public"])] if row["public"] else []),
            *([("revoked", units.instant(row["revoked_ns"])), ("reason", row["reason"])] if row["revoked"] else []),
        ]
    )  # fmt: skip
    return Result(row)


@key.verb(
    "revoke",
    "end a key for good, and the session that is logged on with it",
    examples=('exos key revoke MM1-2025 --reason "laptop lost"', "exos key revoke CLIENT1:secret"),
)
@click.argument("id")
@click.option("--reason", metavar="TEXT", default="", help="Why; the session that it ends is told.")
@dry_run_option
@server_option
def revoke(id: str, reason: str, dry_run: bool, server: Server) -> Result:
    with server.connect() as admin:
        return send(admin, kr.RevokeKey(id=id, reason=reason), dry_run)


@key.verb(
    "rotate",
    "make the key that follows this one, on the same terms; the old one stays good for a while",
    details="For the time of the overlap both keys log on. Then the old one expires, and a session that is still logged on with it ends.",
    examples=("exos key rotate MM1-2026 MM1-2027 --out mm1-2027.key", "exos key rotate MM1-2026 MM1-2027 --overlap 7d --until 365d"),
)
@click.argument("id")
@click.argument("new")
@click.option("--overlap", metavar="D", default="24h", show_default=True, help="How long the old key stays good.")
@click.option("--until", metavar="T", help="When the new key expires (default: never).")
@click.option("--out", type=FILE, metavar="FILE", help="Write the private half into a new file, mode 0600, instead of showing it.")
@dry_run_option
@server_option
def rotate(id: str, new: str, overlap: str, until: str | None, out: Path | None, dry_run: bool, server: Server) -> Result:
    try:
        end = _now() + amounts.duration_ns("", "--overlap", overlap)
    except ConfigError as error:
        raise CommandError(Exit.USAGE, str(error).removeprefix(": ")) from error
    with server.connect() as admin:
        row = _one(admin, id)
        if _state(row) != "good":
            raise CommandError(Exit.FAILED, f"key {id} is {_state(row)}: create another one (exos key create)")
        if id.endswith(kr.OWN_SUFFIX):
            raise CommandError(Exit.FAILED, f"{id} is the secret of the session's definition: create a key, then revoke it")
        terms = {name: row[name] for name in ("holder", "name", "kind", "scopes", "addresses", "title")}
        result = _create(admin, _record({"type": "key", "id": new, "until_ns": _until(until), **terms}), out, dry_run)
        if dry_run:
            say(f"key {id} would stay good until {units.instant(min(end, row['until_ns'] or end))}")
            return Result(result)
        if not row["until_ns"] or row["until_ns"] > end:
            _act(admin, _record({"type": "key", "id": id, "verifier": row["public"], "until_ns": end, **terms}))
        say(f"key {id} stays good until {units.instant(min(end, row['until_ns'] or end))}")
    return Result(result)
