"""Getting segments back from the archive into a folder, where `exos journal verify` and every other reader takes them for a journal."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..journal import format as fmt
from ..journal.fence import replace_file, watermark_file
from ..journal.files import JournalError
from .packed import PIECE, BadPacked, unpack
from .segments import Archive, ArchiveProblem, Entry


@dataclass(frozen=True)
class Fetched:
    fetched: list[int]
    there: list[int]  # segments that the folder had already, byte for byte


def wanted(entries: list[Entry], first: int, last: int) -> list[Entry]:
    """The entries of segments first .. last. Raises ArchiveProblem naming those that the archive does not have."""
    found = [entry for entry in entries if first <= entry.segment <= last]
    if not entries:
        raise ArchiveProblem("the archive is empty: no segment was archived yet")
    if first > last or len(found) != last + 1 - first:
        raise ArchiveProblem(f"the archive has segments {entries[0].segment} to {entries[-1].segment}; asked for {first} to {last}")
    return found


def wanted_by_time(entries: list[Entry], begin_ns: int, end_ns: int) -> list[Entry]:
    """The entries of the segments with turns in begin .. end (exchange time). Raises ArchiveProblem if there is none."""
    found = [entry for entry in entries if entry.first_ns <= end_ns and begin_ns <= entry.last_ns]
    if not found:
        raise ArchiveProblem("the archive has no rows of that time" if entries else "the archive is empty: no segment was archived yet")
    return found


def fetch(archive: Archive, entries: list[Entry], into: Path) -> Fetched:
    """Unpack these segments, which follow each other, into `into` (made if it is missing), each checked by its hashes before it gets its name.

    A segment that is there already must be the same. A folder without a watermark gets one at the end of the last segment, so that it reads as a
    journal. Nothing of the data folder or the archive is changed. Raises ArchiveProblem, JournalError (the folder holds something else), OSError.
    """
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    fetched, there = [], []
    for entry in entries:
        target = into / fmt.segment_name(entry.segment)
        if target.exists():
            if not _same(target, entry):
                raise JournalError(f"{target} is another segment than the archive's: name an empty folder")
            there.append(entry.segment)
            continue
        try:
            unpack(archive.folder / entry.name, target, entry.packed)
        except BadPacked as error:
            raise ArchiveProblem(str(error)) from error
        except FileNotFoundError as error:
            raise ArchiveProblem(f"archive {archive.folder} lacks {entry.name}, which its manifest has") from error
        fetched.append(entry.segment)
    if not (into / "watermark").exists():
        _write_watermark(into, entries[-1])
    return Fetched(fetched, there)


def _same(path: Path, entry: Entry) -> bool:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest() == entry.raw_sha256


def _write_watermark(into: Path, last: Entry) -> None:
    mark = fmt.Watermark(last.server_id, last.last_epoch, last.first_row + last.rows, last.segment, last.end, bytes.fromhex(last.chain_end))
    replace_file(into / "watermark", watermark_file(mark))
