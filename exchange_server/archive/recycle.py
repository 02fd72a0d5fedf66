"""Removing from the data folder what the archive holds: segments before the second newest verified snapshot.

A segment goes when an entry of the manifest has it, the packed file gives its bytes again when read back, and two snapshots that were restored for a
check, and verify now, lie after it. Oldest first and one at a time, each made durable before the next: whenever it is interrupted, what is left
is without gaps.
"""

import msgspec

from ..journal import recycled
from ..journal.files import sync_directory
from ..journal.format import BadBytes
from ..journal.snapshots import Snapshot, read_snapshot, verified_snapshots
from .packed import BadPacked, pack, sha256_of, verify
from .segments import Archive, ArchiveProblem, Entry, Head

FALLBACKS = 2  # snapshots that a start can use without the archive


def floor_snapshot(archive: Archive) -> Snapshot | None:
    """The older one of the two snapshots that a start can use without the archive; None: there are not so many. Raises OSError."""
    count = 0
    for snapshot in verified_snapshots(archive.data / "snapshots"):
        if snapshot.logic != archive.logic or snapshot.server_id != archive.server_id or not _sound(archive, snapshot):
            continue
        count += 1
        if count == FALLBACKS:
            return snapshot
    return None


def _sound(archive: Archive, snapshot: Snapshot) -> bool:
    """Whether its body is on the disk as it was written; read once as long as the file stays the same."""
    try:
        found = snapshot.path.stat()
        known = snapshot.path.name, found.st_ino, found.st_mtime_ns, found.st_size
        if known not in archive.sound:
            read_snapshot(snapshot.path)
            archive.sound.add(known)
    except (BadBytes, FileNotFoundError):
        return False
    return True


def removable(archive: Archive) -> list[tuple[Head, Entry]]:
    """The segments of the data folder that may go, oldest first. Raises ArchiveProblem, JournalError, OSError."""
    entries = {entry.segment: entry for entry in archive.entries()}
    archive.check_belongs(list(entries.values()))
    closed = [head for head, _ in archive.closed()]
    if not closed or closed[0].number not in entries:
        return []
    snapshot = floor_snapshot(archive)
    limit = snapshot.position.segment if snapshot is not None else 0
    return [(head, entries[head.number]) for head in closed if head.number < limit and head.number in entries]


def recycle_next(archive: Archive) -> Entry | None:
    """Remove the oldest segment that may go; None: there is none. Raises ArchiveProblem (also: the packed file is damaged), JournalError, OSError."""
    with archive.locked():
        archive.own()
        found = removable(archive)
        if not found:
            return None
        head, entry = found[0]
        _verify(archive, head, entry)
        begin = archive.entries()[0]
        recycled.add(
            archive.journal,
            recycled.Span(
                archive=str(archive.folder),
                first=begin.segment,
                last=entry.segment,
                first_row=begin.first_row,
                rows=entry.first_row + entry.rows,
            ),
        )
        head.path.unlink()
        sync_directory(archive.journal)
        return entry


def _verify(archive: Archive, head: Head, entry: Entry) -> None:
    """Read the packed file back. A damaged or missing one is packed again if the segment here still has the bytes that were archived. Another version
    of the packer may give another file for the same bytes: then the manifest gets a further entry for the segment."""
    packed = archive.folder / entry.name
    try:
        verify(packed, entry.packed)
    except (BadPacked, FileNotFoundError) as error:
        if sha256_of(head.path) != entry.raw_sha256:
            raise ArchiveProblem(
                f"archive {archive.folder}: {error}; and segment {head.path} is not what was archived: restore the packed file"
            ) from error
        again = pack(head.path, packed)
        archive.check_packed(again)
        if again != entry.packed:
            archive.enter(msgspec.structs.replace(entry, bytes=again.bytes, sha256=again.sha256))
