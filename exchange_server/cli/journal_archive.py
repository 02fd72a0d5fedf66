"""`exos journal list|archive|fetch`: which segments there are and where, archive the closed ones now, get archived ones back into a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from protocol import units

from ..exits import Exit
from .command import Noun, verb
from .common import FILE, CommandError
from .connect import data_option
from .journal_folder import folder_of
from .output import Result, say, table
from .progress import progress

if TYPE_CHECKING:
    from ..archive.segments import Archive, Entry

archive_option = click.option(
    "--archive",
    "folder",
    type=FILE,
    metavar="FOLDER",
    default=None,
    help="The archive (default: the one that the follower used last, or that segments were recycled to).",
)


def _archive(data: Path, folder: Path | None) -> "Archive | None":
    """The archive that is named or known; None: there is none."""
    from ..archive.segments import Archive
    from ..data_folder import SERVER_ID
    from ..follow.status import read_status
    from ..journal import recycled

    folder_of(data)
    if folder is None:
        status = read_status(data / "follower")
        spans = recycled.read(data / "journal")
        named = (status.archive if status is not None else "") or (spans[-1].archive if spans else "")
        if not named:
            return None
        folder = data / named
    return Archive(folder.absolute(), data, SERVER_ID)


def _needed(data: Path, folder: Path | None) -> "Archive":
    found = _archive(data, folder)
    if found is None:
        raise CommandError(
            Exit.USAGE, f"{data} has no archive so far: name one with --archive, or set archive in [server] (docs/journal.md)"
        )
    return found


def _said(error: Exception) -> CommandError:
    from ..archive.segments import ArchiveProblem
    from ..journal.files import disk_words

    if isinstance(error, ArchiveProblem):
        return CommandError(Exit.ARCHIVE, str(error))
    if isinstance(error, OSError):
        return CommandError(Exit.ARCHIVE, disk_words(error))
    return CommandError(Exit.RECOVERY, str(error))


@verb(
    "list",
    "the segments of the journal: rows, times, bytes, and whether they are in the folder, the archive, or both",
    details="Changes nothing, and a server may be running. `covered`: the newest snapshot after the segment, from which a start does not need it.",
    examples=("exos journal list --data /srv/exos",),
    slow=True,
)
@data_option
@archive_option
def list_segments(data: Path, folder: Path | None) -> Result:
    from ..archive.segments import ArchiveProblem
    from ..journal.store import JournalError

    try:
        rows = _rows(data, _archive(data, folder))
    except (ArchiveProblem, JournalError, OSError) as error:
        raise _said(error) from error
    shown = [
        [str(r["segment"]), str(r["first_row"]), str(r["rows"] if r["rows"] is not None else "open"), _time(r["first_ns"]), _time(r["last_ns"]),
         str(r["bytes"]), str(r["packed_bytes"] or "-"), r["where"], r["covered"] or "-"]
        for r in rows
    ]  # fmt: skip
    table(["segment", "first row", "rows", "from", "to", "bytes", "packed", "where", "covered"], shown)
    return Result({"segments": rows})


def _time(ns: int) -> str:
    return units.instant(ns) if ns else "-"


def _rows(data: Path, archive: "Archive | None") -> list[dict[str, Any]]:
    from ..archive.segments import Archive
    from ..data_folder import SERVER_ID
    from ..journal.format import BadBytes
    from ..journal.snapshots import read_header

    entries = {entry.segment: entry for entry in archive.entries()} if archive is not None else {}
    heads = (archive or Archive(data, data, SERVER_ID)).heads()
    after = {head.number: following.header.first_seq for head, following in zip(heads, heads[1:])}
    snapshots: list[tuple[int, str]] = []
    for path in sorted((data / "snapshots").glob("*.snap")):
        try:
            snapshots.append((read_header(path).position.segment, path.name))
        except (BadBytes, FileNotFoundError):
            continue
    here = {head.number: head for head in heads}
    rows = []
    for number in sorted({*entries, *here}):
        entry, head = entries.get(number), here.get(number)
        first = entry.first_row if entry is not None else head.header.first_seq if head is not None else 0
        end = entry.first_row + entry.rows if entry is not None else after.get(number)
        rows.append({
            "segment": number, "first_row": first, "rows": end - first if end is not None else None,
            "first_ns": entry.first_ns if entry is not None else 0, "last_ns": entry.last_ns if entry is not None else 0,
            "bytes": entry.raw_bytes if entry is not None else head.header.segment_bytes if head is not None else 0,
            "packed_bytes": entry.bytes if entry is not None else 0,
            "where": "both" if entry is not None and head is not None else "archive" if entry is not None else "folder",
            "covered": next((name for segment, name in reversed(snapshots) if segment > number), ""),
        })  # fmt: skip
    return rows


@verb(
    "archive",
    "archive the closed segments now; removes nothing, and a server may be running",
    details="Each segment is checked, packed, read back, and entered in the archive's manifest. The follower does the same by itself where archive is set "
    "in [server]; it also removes what the archive and two verified snapshots make dispensable.",
    examples=("exos journal archive --data /srv/exos", "exos journal archive --data /srv/exos --archive /mnt/bucket/exos"),
    slow=True,
)
@data_option
@archive_option
def archive_now(data: Path, folder: Path | None) -> Result:
    from ..archive.segments import ArchiveProblem
    from ..journal.store import JournalError

    archive = _needed(data, folder)
    done: list[Entry] = []
    try:
        left = len(archive.waiting())
        with progress("archiving", "segments") as at:
            while (entry := archive.archive_next()) is not None:
                done.append(entry)
                at(len(done), left)
    except (ArchiveProblem, JournalError, OSError) as error:
        raise _said(error) from error
    raw, packed = sum(e.raw_bytes for e in done), sum(e.bytes for e in done)
    what = f"segments {done[0].segment} to {done[-1].segment}: {raw} bytes packed into {packed}" if done else "no closed segment waits"
    say(f"archived to {archive.folder}: {what}")
    return Result({"archive": str(archive.folder), "segments": [e.segment for e in done], "bytes": raw, "packed_bytes": packed})


@verb(
    "fetch",
    "get archived segments back into a folder, checked against the manifest; a server may be running",
    details="SEGMENTS is FIRST..LAST or one number; or name a time with --from and --to (exchange time: 7d ago, a date, or a moment). The folder then reads as a "
    "journal: exos journal verify FOLDER. Segments that it has already are compared.",
    examples=(
        "exos journal fetch 1..3 --data /srv/exos --into /tmp/audit",
        "exos journal fetch --from 2027-01-31T12:00:00Z --to 2027-01-31T13:00:00Z --data /srv/exos --into /tmp/audit",
    ),
    slow=True,
)
@click.argument("segments", metavar="[SEGMENTS]", default="")
@click.option("--from", "begin", metavar="TIME", default="", help="Segments with rows from this time on.")
@click.option("--to", "end", metavar="TIME", default="", help="Segments with rows up to this time.")
@click.option("--into", type=FILE, metavar="FOLDER", required=True, help="Where they go; it is made if it is missing.")
@data_option
@archive_option
def fetch(segments: str, begin: str, end: str, into: Path, data: Path, folder: Path | None) -> Result:
    from ..archive import fetch as fetching
    from ..archive.segments import ArchiveProblem
    from ..journal.store import JournalError
    from .times import ago

    if bool(segments) == bool(begin or end):
        raise CommandError(Exit.USAGE, "name the segments (FIRST..LAST), or a time (--from, --to)")
    first, last = _range(segments) if segments else (0, 0)
    begin_ns, end_ns = ago(begin, "--from") if begin else 0, ago(end, "--to") if end else (1 << 63) - 1
    archive = _needed(data, folder)
    try:
        entries = archive.entries()
        asked = fetching.wanted(entries, first, last) if segments else fetching.wanted_by_time(entries, begin_ns, end_ns)
        got = fetching.fetch(archive, asked, into)
    except (ArchiveProblem, JournalError, OSError) as error:
        raise _said(error) from error
    rows = f"rows {asked[0].first_row} to {asked[-1].first_row + asked[-1].rows - 1}"
    there = f" ({len(got.there)} were there already)" if got.there else ""
    say(f"segments {asked[0].segment} to {asked[-1].segment} ({rows}) are in {into}{there}, as they were archived")
    return Result(
        {"into": str(into), "fetched": got.fetched, "there": got.there, "first_row": asked[0].first_row, "rows": sum(e.rows for e in asked)}
    )


def _range(text: str) -> tuple[int, int]:
    from protocol import numbers

    first, dots, last = text.partition("..")
    try:
        low = numbers.whole(first, "segment", 1, 10**8)
        return low, numbers.whole(last, "segment", low, 10**8) if dots else low
    except numbers.NotANumber as error:
        raise CommandError(Exit.USAGE, f"SEGMENTS {text}: {error}; write FIRST..LAST, as exos journal list shows them") from error


def add(noun: Noun) -> None:
    for command in (list_segments, archive_now, fetch):
        noun.add_command(command)
