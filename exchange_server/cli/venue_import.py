"""`exos venue import`: a venue from its archive (venue_archive.py), on a server that lacks its names.

What defines the venue and the money of its accounts is one configuration: all of it takes effect, or nothing. What a configuration cannot hold (principals,
references, holds, results, closings) follows act by act; each can be repeated, so an import that was interrupted is run again. Positions, sets and open orders
cannot be imported: an archive that has any is refused before anything is done.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config import admin_records as ar
from protocol import phases

from .. import venue_archive as va
from ..exits import Exit
from .common import FILE, CommandError
from .connect import Server, refused, server_option
from .output import Result, say
from .progress import progress
from .venue import venue
from .venue_archive import copy_of

if TYPE_CHECKING:
    from .admin_client import AdminClient

NOT_RECORD = ("closed", "grants")  # of a row: what is told beside its record
REFUSED = {"positions": "positions", "sets": "events with sets", "orders": "open orders"}


def record(row: dict[str, Any]) -> Any:
    """The record of a row. Raises CommandError."""
    try:
        return ar.from_builtins({key: value for key, value in row.items() if key not in NOT_RECORD})
    except ValueError as error:
        raise CommandError(Exit.FAILED, f"the archive has a record that this version does not take: {error}") from error


def path_to(first: str, last: str) -> list[str]:
    """The phases to set, one after the other, until a market that begins in one phase is in another."""
    begin, end = phases.BY_NAME[first], phases.BY_NAME[last]
    before: dict[int, int] = {begin: begin}
    waiting = deque([begin])
    while waiting:
        now = waiting.popleft()
        for then in phases.NEXT[now]:
            if then not in before and phases.may_set(now, then):
                before[then] = now
                waiting.append(then)
    steps, at = [], end
    while at != begin:
        if at not in before:
            raise CommandError(Exit.FAILED, f"no market comes from {first} to {last}")
        steps.append(phases.name(at))
        at = before[at]
    return steps[::-1]


def configuration(archive: va.Archive) -> ar.Configuration:
    """Definitions, first phases and balances as one act."""
    manifest, parts = archive
    name = manifest.venue
    records: list[Any] = [record(row) for part in ("assets", "venue", "firms", "accounts", "sessions") for row in parts[part]]
    for row in parts["markets"]:
        market = record(row["record"])
        records.append(market)
        target = "closed" if row["versions"] else row["phase"]
        records += [ar.SetPhase(event=market.event, phase=step) for step in path_to(market.phase, target)]
    note = f"import of venue {name} from an archive as of row {manifest.row_seq}"
    for i, row in enumerate(parts["balances"], 1):
        key = f"{name}.import.{manifest.digest[:16]}.{i}"
        records.append(ar.Transfer(key=key, asset=row["asset"], amount=row["balance"], target=row["account"], note=note))
    return ar.Configuration(name=f"venue import {name}", records=tuple(records), why=note)


def afterwards(archive: va.Archive) -> Iterator[Any]:
    """The acts that follow, in order."""
    parts = archive.parts
    for row in parts["principals"]:
        yield record(row)
        for grant in row["grants"]:
            yield ar.Grant(principal=row["name"], role=grant["role"], scope=grant["scope"], until_ns=grant["until_ns"])
    yield from (record(row) for part in ("tags", "rules") for row in parts[part])
    for row in parts["references"]:
        yield ar.SetReference(symbol=row["symbol"], reference=row["reference"], collar=row["collar"])
    for row in parts["holds"]:
        fields = {key: row[key] for key in ("key", "account", "asset", "amount", "note")}
        yield ar.Hold(until_ns=row["until_ns"], **fields) if row["kind"] == "hold" else ar.RequestWithdrawal(**fields)
    for row in parts["determinations"]:
        if row["other"] is not None:
            yield record({"type": "determine", **row["other"], "version": row["version"]})
        yield record({"type": "determine", **row["record"], "version": row["version"]})
        if row["final_at_ns"]:
            yield ar.Finalise(event=row["event"], version=row["version"])
    for kind, part in (("account", "accounts"), ("firm", "firms"), ("session", "sessions")):
        for row in parts[part]:
            if row["closed"]:
                yield ar.Close(kind=kind, name=row["name"], reason=row["closed"])  # type: ignore[arg-type]


def _refuse_trading(archive: va.Archive) -> None:
    there = [f"{len(archive.parts[part])} {what}" for part, what in REFUSED.items() if archive.parts[part]]
    if there:
        text = f"the archive has {', '.join(there)}, which cannot be imported: settle the markets or close the positions, export again; nothing was done"
        raise CommandError(Exit.FAILED, text)


def _send(admin: "AdminClient", act: Any) -> None:
    answer = admin.ask("admin", act)
    if not answer.ok:
        raise refused(answer, f"{answer.text} (what came before is done; correct it and import again)")


@venue.verb(
    "import",
    "open a venue from its archive",
    details="On a server that lacks its names. Definitions and balances take effect as one act, the rest follows; an import that was interrupted is run "
    "again. An archive with positions or open orders is refused. Sessions need new keys (exos key create).",
    examples=("exos venue import acme.tar",),
    slow=True,
)
@click.argument("file", type=FILE)
@server_option
def import_(file: Path, server: Server) -> Result:
    try:
        archive = va.read(file)
    except va.ArchiveError as error:
        raise CommandError(Exit.FAILED, str(error)) from error
    _refuse_trading(archive)
    name = archive.manifest.venue
    with server.connect() as admin:
        answer = admin.ask("admin", configuration(archive))
        if not answer.ok:
            raise refused(answer, f"{answer.text} (nothing was done)")
        say(f"definitions and balances of {name}: {answer.text}")
        acts = list(afterwards(archive))
        with progress("importing", "acts", len(acts)) as at:
            for done, act in enumerate(acts, 1):
                _send(admin, act)
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
