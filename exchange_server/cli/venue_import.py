"""`exos venue import`: a venue from its archive (venue_archive.py), on a server that lacks its names.

Definitions, money, rules, results, positions and open orders are one act: all of it takes effect, or nothing. Holds and closings follow act by act; each can be
repeated, so an import that was interrupted is run again.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from config import admin_records as ar

from .. import venue_archive as va
from ..exits import Exit
from .acts import dry_run_option, send
from .common import FILE, CommandError
from .connect import Server, refused, server_option
from .output import Result, say
from .progress import progress
from .venue import venue
from .venue_archive import copy_of

if TYPE_CHECKING:
    from .admin_client import AdminClient, Answer

NOT_RECORD = ("closed", "grants")  # of a row: what is told beside its record
WHOLE_BYTES = 1 << 20  # longer records are sent in parts


def record(row: dict[str, Any]) -> Any:
    """The record of a row. Raises CommandError."""
    try:
        return ar.from_builtins({key: value for key, value in row.items() if key not in NOT_RECORD})
    except ValueError as error:
        raise CommandError(Exit.FAILED, f"the archive has a record that this version does not take: {error}") from error


def _parts(kind: Any, rows: list[dict[str, Any]], part: str) -> tuple[Any, ...]:
    try:
        return tuple(msgspec.convert(row, kind) for row in rows)
    except msgspec.ValidationError as error:
        raise CommandError(Exit.FAILED, f"the archive has a row of {part} that this version does not take: {error}") from error


def opening(archive: va.Archive, deposit_guests: bool) -> ar.Opening:
    """All of the archive that is one act."""
    manifest, parts = archive
    name = manifest.venue
    records: list[Any] = [record(row) for part in ("assets", "venue", "firms", "accounts", "sessions") for row in parts[part]]
    records += [record(row["record"]) for row in parts["markets"]]
    note = f"import of venue {name} from an archive as of row {manifest.row_seq}"
    money = [(row["account"], row["asset"], row["balance"], "import") for row in parts["balances"]]
    if deposit_guests:
        money += [(row["account"], row["asset"], row["required"], "guest") for row in parts["guests"]]
    for i, (account, asset, amount, why) in enumerate(money, 1):
        key = f"{name}.{why}.{manifest.digest[:16]}.{i}"
        records.append(ar.Transfer(key=key, asset=asset, amount=amount, target=account, note=note))
    rules: list[Any] = []
    for row in parts["principals"]:
        rules.append(record(row))
        rules += [
            ar.Grant(principal=row["name"], role=grant["role"], scope=grant["scope"], until_ns=grant["until_ns"]) for grant in row["grants"]
        ]
    records += [record(row) for part in ("tags", "rules", "quotas") for row in parts[part]]
    for row in parts["references"]:
        rules.append(ar.SetReference(symbol=row["symbol"], reference=row["reference"], collar=row["collar"]))
    rules += [record(row) for row in parts["freezes"]]
    sets = {row["event"]: row["sets"] for row in parts["sets"]}
    results = {row["event"]: {key: value for key, value in row.items() if key != "event"} for row in parts["results"]}
    markets = [
        {
            "event": row["record"]["event"], "phase": row["phase"], "sets": sets.get(row["record"]["event"], 0),
            "window_end_ns": row["window_end_ns"], "in_play": row["in_play"], "results": results.get(row["record"]["event"], {}),
        }
        for row in parts["markets"]
    ]  # fmt: skip
    return ar.Opening(
        venue=name,
        digest=manifest.digest,
        records=tuple(records),
        rules=tuple(rules),
        markets=_parts(ar.OpeningMarket, markets, "markets"),
        prices=_parts(ar.OpeningPrice, parts["prices"], "prices"),
        places=_parts(ar.OpeningPlace, parts["places"], "places"),
        positions=_parts(ar.OpeningPosition, parts["positions"], "positions"),
        orders=_parts(ar.OpeningOrder, parts["orders"], "orders"),
        series=_parts(ar.OpeningSeries, parts["series"], "series"),
        scheduled=_parts(ar.OpeningScheduled, parts["scheduled"], "scheduled"),
        settled=_parts(ar.OpeningPosition, parts["settled"], "settled"),
        budgets=_parts(ar.OpeningBudget, parts["budgets"], "budgets"),
        note=note,
    )


def afterwards(archive: va.Archive) -> Iterator[Any]:
    """The acts that follow, in order."""
    parts = archive.parts
    for row in parts["holds"]:
        fields = {key: row[key] for key in ("key", "account", "asset", "amount", "note")}
        yield ar.Hold(until_ns=row["until_ns"], **fields) if row["kind"] == "hold" else ar.RequestWithdrawal(**fields)
    for kind, part in (("account", "accounts"), ("firm", "firms"), ("session", "sessions")):
        for row in parts[part]:
            if row["closed"]:
                yield ar.Close(kind=kind, name=row["name"], reason=row["closed"])  # type: ignore[arg-type]


def ask_whole(admin: "AdminClient", act: ar.AnyRecord) -> "Answer":
    """Send a record of any length: a long one in parts, of which the last is answered."""
    whole = msgspec.msgpack.encode(act)
    if len(whole) <= WHOLE_BYTES:
        return admin.ask("admin", act)
    digest = hashlib.sha256(whole).hexdigest()
    pieces = [whole[at : at + ar.PART_BYTES] for at in range(0, len(whole), ar.PART_BYTES)]
    with progress("sending the venue", "parts", len(pieces)) as at:
        for i, data in enumerate(pieces):
            answer = admin.ask("admin", ar.PartOf(digest=digest, index=i, count=len(pieces), data=data))
            if not answer.ok:
                break
            at(i + 1)
    return answer


def _send(admin: "AdminClient", act: Any) -> None:
    answer = admin.ask("admin", act)
    if not answer.ok:
        raise refused(answer, f"{answer.text} (what came before is done; correct it and import again)")


@venue.verb(
    "import",
    "open a venue from its archive",
    details="On a server that lacks its names: markets as they stand, positions, open orders, money, rules, results, all of it or nothing. Sessions need new "
    "keys (exos key create). Accounts from elsewhere that have positions or orders need their money here first, or --deposit-guests. --dry-run "
    "sends all of it in one request of at most 4 MiB (as JSON); the import sends it in parts, up to 124 MiB.",
    examples=("exos venue import acme.tar", "exos venue import acme.tar --deposit-guests", "exos venue import acme.tar --dry-run"),
    slow=True,
)
@click.argument("file", type=FILE)
@click.option("--deposit-guests", is_flag=True, help="Also deposit what the positions and orders of accounts from elsewhere require.")
@dry_run_option
@server_option
def import_(file: Path, deposit_guests: bool, dry_run: bool, server: Server) -> Result:
    try:
        archive = va.read(file)
    except va.ArchiveError as error:
        raise CommandError(Exit.FAILED, str(error)) from error
    name = archive.manifest.venue
    act = opening(archive, deposit_guests)
    with server.connect() as admin:
        if dry_run:
            return send(admin, act, dry_run)
        answer = ask_whole(admin, act)
        if not answer.ok:
            raise refused(answer, f"{answer.text} (nothing was done)")
        say(answer.text)
        if act.budgets:
            say(f"{len(act.budgets)} budgets keep their limits; what was used of them counts anew from here (docs/leaving.md)")
        acts = list(afterwards(archive))
        with progress("importing", "acts", len(acts)) as at:
            for done, one in enumerate(acts, 1):
                _send(admin, one)
                at(done)
    here, _ = copy_of(server, name)
    different = va.differences(archive.manifest, here)
    result = {"venue": name, "digest": here.digest, "archive_digest": archive.manifest.digest, "differences": different}
    if different:
        raise CommandError(
            Exit.FAILED,
            f"venue {name} is imported, and differs from the archive: {', '.join(different)} (digest {here.digest})",
            result=result,
        )
    say(f"venue {name} is the same here as in the archive: digest {here.digest}")
    return Result(result)
