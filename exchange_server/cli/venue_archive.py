"""`exos venue export|verify`: the file in which a venue leaves (exchange_server/venue_archive.py)."""

from pathlib import Path
from typing import Any

import click

from protocol import units

from .. import venue_archive as va
from ..exits import Exit
from .common import FILE, CommandError
from .connect import Server, names, refused, server_option
from .output import Result, pairs, say, table
from .progress import progress
from .venue import venue

TIMEOUT_S = 600.0


def copy_of(server: Server, name: str) -> tuple[va.Manifest, dict[str, bytes]]:
    """Manifest and parts of a venue as the server has it now. Raises CommandError."""
    rows: dict[str, list[dict[str, Any]]] = {}
    count = 0
    with server.connect(TIMEOUT_S) as admin, progress(f"copying venue {name}", "rows") as at:

        def take(piece: Any) -> None:
            nonlocal count
            rows.setdefault(piece["part"], []).extend(piece["rows"])
            count += len(piece["rows"])
            at(count)

        answer = admin.ask_pieces("venue_export", take, venue=name)
    if not answer.ok:
        raise refused(answer)
    about = dict(answer.result)
    parts = {part: va.encode(rows.get(part, [])) for part in about.pop("parts")}
    return va.manifest_of(about, parts), parts


def _shown(manifest: va.Manifest) -> None:
    table(("part", ">rows", ">bytes", "compared", "sha256"),
          [(name, part.rows, part.bytes, "yes" if name in manifest.compared else "no", part.sha256) for name, part in manifest.parts.items()])  # fmt: skip
    pairs(
        [
            ("venue", manifest.venue),
            ("as of", f"row {manifest.row_seq} of the journal, {units.instant(manifest.time_ns)}"),
            ("digest", manifest.digest),
        ]
    )


def _data(manifest: va.Manifest) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(manifest)
    return found


@venue.verb(
    "export",
    "write everything of a venue to one archive",
    details="As of one row of the journal, while trading goes on. Secrets and keys stay behind: on another server new keys are made. docs/leaving.md lists the parts.",
    examples=("exos venue export ACME acme.tar",),
    slow=True,
)
@click.argument("name", shell_complete=names("venue"))
@click.argument("file", type=FILE)
@server_option
def export(name: str, file: Path, server: Server) -> Result:
    manifest, parts = copy_of(server, name)
    try:
        va.write(file, manifest, parts)
    except OSError as error:
        raise CommandError(Exit.FAILED, f"{file}: {error.strerror or error}") from error
    _shown(manifest)
    say(f"venue {name} is in {file}: exos venue verify {file}")
    return Result({"file": str(file), **_data(manifest)})


@venue.verb(
    "verify",
    "check an archive of a venue: every part against its hash value",
    details="With --against, also whether the server has the same venue: which parts differ. Needs no server otherwise.",
    examples=("exos venue verify acme.tar", "exos venue verify acme.tar --against"),
    slow=True,
)
@click.argument("file", type=FILE)
@click.option("--against", is_flag=True, help="Compare it with the venue of the running server.")
@server_option
def verify(file: Path, against: bool, server: Server) -> Result:
    try:
        archive = va.read(file)
    except va.ArchiveError as error:
        raise CommandError(Exit.FAILED, str(error)) from error
    _shown(archive.manifest)
    result = _data(archive.manifest)
    if not against:
        say(f"{file} is whole")
        return Result(result)
    here, _ = copy_of(server, archive.manifest.venue)
    different = va.differences(archive.manifest, here)
    result["differences"] = different
    if different:
        text = f"venue {here.venue} is not the same here: {', '.join(different)} differ (digest {here.digest})"
        raise CommandError(Exit.FAILED, text, result=result)
    say(f"venue {here.venue} is the same here: digest {here.digest}")
    return Result(result)
