"""`exos status|check|stop`: shows the running server's status, runs its proofs, stops it cleanly."""

from typing import Any

from protocol import units

from ..exits import Exit
from .acts import dry_run_option
from .command import verb
from .common import CommandError
from .connect import Server, refused, server_option
from .output import Result, pairs, say, warn
from .progress import progress

INSTANTS = ("time_ns", "_end_ns", "_at_ns")  # times of day; other names ending in ns are durations


@verb("status", "what the running server says of itself", examples=("exos status", "exos status --json"))
@server_option
def status(server: Server) -> Result:
    with server.connect(timeout_s=5.0) as admin:
        answer = admin.ask("status")
    if not answer.ok:
        raise refused(answer)
    pairs(flat_pairs(answer.result))
    tls = answer.result.get("tls") or {}
    if tls.get("ends_soon"):
        warn(f"exos: the server's certificate ends soon ({tls['until']}): replace its files, then exos reload-tls")
    for sentence in answer.result.get("tables_nearly_full", []):
        warn(f"exos: {sentence}")
    return Result(answer.result)


@verb(
    "reload-tls",
    "have the server read its certificate's files again, for new connections",
    details="Connections that are open go on. A file that cannot be used is refused by name, and the certificate in use stays. SIGHUP does the same.",
    examples=("exos reload-tls",),
)
@server_option
def reload_tls(server: Server) -> Result:
    with server.connect() as admin:
        answer = admin.ask("reload_tls")
    if not answer.ok:
        raise refused(answer)
    say(f"the certificate is valid until {answer.result['until']}")
    return Result(answer.result)


@verb(
    "check",
    "make the server prove its ledger, books and collateral; walks the whole state",
    details="Prints the digest of the state, which a replay of the journal gives too.",
    examples=("exos check",),
)
@server_option
def check(server: Server) -> Result:
    with server.connect(timeout_s=300.0) as admin, progress("the server checks its state", "proofs") as at:
        answer = admin.ask_pieces("check", lambda piece: at(piece["done"], piece["of"]))
    if not answer.ok:
        raise refused(answer)
    failed = answer.result["failed"]
    if failed:
        raise CommandError(Exit.FAILED, f"{len(failed)} proofs fail: {'; '.join(map(str, failed))}", result=answer.result)
    say(f"ledger, books and collateral are correct after row {answer.result['row_seq']}, digest {answer.result['digest']}")
    return Result(answer.result)


@verb(
    "stop",
    "stop the server cleanly, with a snapshot; a second time: without waiting for the peers",
    examples=("exos stop", "exos stop --dry-run"),
)
@dry_run_option
@server_option
def stop(dry_run: bool, server: Server) -> Result:
    with server.connect() as admin:
        answer = admin.ask("stop", dry_run=dry_run)
    if not answer.ok:
        raise refused(answer)
    if not dry_run:
        say("stopping")
        return Result()
    sessions, orders = answer.result["logged_on"], answer.result["open_orders"]
    say(
        f"would stop: {len(sessions)} sessions are logged on and would be logged out; {orders} open orders stay, but for those cancelled on disconnect"
    )
    return Result(answer.result)


def flat_pairs(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Keys and values of nested dicts and lists, keys joined by points; times as text."""
    flat: list[tuple[str, str]] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
            for i, inner in enumerate(value):
                walk(f"{name}[{i}]", inner)
        elif isinstance(value, bool):
            flat.append((name, "yes" if value else "no"))
        elif isinstance(value, list):
            flat.append((name, ", ".join(map(str, value)) or "-"))
        elif isinstance(value, int) and "_ns" in name and not name.endswith(".count"):
            flat.append((name.replace("_ns", ""), units.instant(value) if name.endswith(INSTANTS) else units.duration(value)))
        else:
            flat.append((name, "-" if value is None or value == {} else str(value)))

    walk(name, value)
    return flat
