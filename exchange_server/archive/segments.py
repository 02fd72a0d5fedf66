"""The archive of one server's journal: each closed segment packed into a file of its own, with an entry in the manifest.

    ARCHIVE/manifest.jsonl          one entry a segment, in order, without gaps (manifest.py); a later entry of the same segment counts: it was packed again
    ARCHIVE/00000001.seg.zst ...    the whole segment file, packed (packed.py)
    ARCHIVE/owner.json              the id of the data folder that writes there
    DATA/journal/archived.json      of each archive, the newest entry that this data folder wrote there: shows one that lost some, or is not mounted

The folder of the archive must exist: one that was mounted and is not any more would otherwise be made anew on the wrong disk. It belongs to one
journal: entries and segments must continue each other's chain values. Only the server's own folder writes there (identity.py): a copy of it, such as
a standby, has the same journal and would mix its segments with the server's.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from protocol import codes

from .. import identity
from ..core import layout as L
from ..core.layout import plain
from ..journal import format as fmt
from ..journal.fence import newest_mark, replace_file
from ..journal.files import JournalError, Position
from ..journal.walk import Walk, list_segments
from . import manifest
from .packed import BadPacked, Packed, pack, verify

MANIFEST = "manifest.jsonl"
OWNER = "owner.json"
STATE = "archived.json"
LOCK = "archive.lock"
BATCH_WORDS = 1 << 15


class ArchiveProblem(Exception):
    """The archive cannot be used as it is; the text is one sentence for the operator. Nothing was removed."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One segment. Rows and times (ns, exchange time) of its first and last turn; chain values as in its header and in the next one's; `end`:
    the byte after its last frame. The last five are those of `Packed`."""

    segment: int
    server_id: int
    first_row: int
    rows: int
    first_ns: int
    last_ns: int
    first_epoch: int
    last_epoch: int
    chain_begin: str
    chain_end: str
    end: int
    format: int
    logic: int
    name: str
    raw_bytes: int
    raw_sha256: str
    bytes: int
    sha256: str

    @property
    def packed(self) -> Packed:
        return Packed(self.name, self.raw_bytes, self.raw_sha256, self.bytes, self.sha256)


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entry that was written to an archive."""

    link: str
    segment: int


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose archive it is: the id of the data folder, and where that was."""

    folder_id: str
    path: str


@dataclass(frozen=True)
class Head:
    """The header of a segment of the data folder."""

    path: Path
    number: int
    header: fmt.SegmentHeader
    version: int


class Archive:
    """One archive folder and the data folder that it is for. Methods raise ArchiveProblem, JournalError and OSError."""

    def __init__(self, folder: Path, data: Path, server_id: int, *, logic: int = L.LOGIC_VERSION) -> None:
        self.folder = folder
        self.data = data
        self.journal = data / "journal"
        self.server_id = server_id
        self.logic = logic
        self.sound: set[tuple[str, int, int, int]] = set()  # snapshots that were read (recycle.py)
        self._seen = (0, 0, 0)  # the manifest file that was read last: inode, time of change, size
        self._entries: list[Entry] = []
        self._links: frozenset[str] = frozenset()

    # ---- what is there --------------------------------------------------------------------------------------------------
    def entries(self) -> list[Entry]:
        """The manifest's entries, checked: chained, without gaps, of this server, and with what this data folder wrote there last."""
        if not self.folder.is_dir():
            what = "is not a folder" if self.folder.exists() else "does not exist"
            raise ArchiveProblem(f"archive {self.folder} {what}: create or mount it, or name another one (setting archive)")
        path = self.folder / MANIFEST
        try:
            found = path.stat()
            seen = found.st_ino, found.st_mtime_ns, found.st_size
        except FileNotFoundError:
            seen = 0, 0, 0
        if seen != self._seen:
            self._entries, self._links = self._read(path)
            self._seen = seen
        self._refuse_lost()
        return list(self._entries)

    def _read(self, path: Path) -> tuple[list[Entry], frozenset[str]]:
        """The entries in order, one for each segment, and the links of all lines."""
        try:
            raw = manifest.read_whole(path)
            lines = [msgspec.convert({k: v for k, v in entry.items() if k != "link"}, Entry) for entry in raw]
        except (manifest.BadManifest, msgspec.ValidationError) as error:
            raise ArchiveProblem(f"archive {self.folder}: its manifest is not as it was written: {error}") from error
        entries: list[Entry] = []
        for line in lines:
            at = line.segment - entries[0].segment if entries else 0
            if 0 <= at < len(entries):
                if msgspec.structs.replace(line, bytes=entries[at].bytes, sha256=entries[at].sha256) != entries[at]:
                    raise ArchiveProblem(f"archive {self.folder}: its manifest has two different entries of segment {line.segment}")
                entries[at] = line
            else:
                entries.append(line)
        self._check_order(entries)
        return entries, frozenset(entry["link"] for entry in raw)

    def _check_order(self, entries: list[Entry]) -> None:
        for before, after in zip(entries, entries[1:]):
            if (
                after.segment != before.segment + 1
                or after.first_row != before.first_row + before.rows
                or after.chain_begin != before.chain_end
            ):
                raise ArchiveProblem(
                    f"archive {self.folder}: the entry of segment {after.segment} does not continue that of segment {before.segment}"
                )
        for entry in entries:
            if entry.server_id != self.server_id:
                raise ArchiveProblem(
                    f"archive {self.folder} belongs to server {entry.server_id}, this is server {self.server_id}: name another folder"
                )

    def _refuse_lost(self) -> None:
        """What this data folder has written there must still be there."""
        last = self._written().get(os.path.realpath(self.folder))
        if last is not None and last.link not in self._links:
            raise ArchiveProblem(
                f"archive {self.folder} lacks segment {last.segment}, which was archived there before: mount the right folder or restore it"
            )

    def _written(self) -> dict[str, Last]:
        """By the archive's real path: settings may spell it in several ways."""
        try:
            return msgspec.json.decode((self.journal / STATE).read_bytes(), type=dict[str, Last])
        except (FileNotFoundError, msgspec.MsgspecError):  # written in one piece: another version's
            return {}

    def own(self) -> None:
        """Only the server's own folder writes to an archive, and only one server's does. The first one that comes leaves its id there. Raises
        ArchiveProblem, OSError."""
        try:
            who = identity.home(self.data)
        except identity.IdentityRefused as error:
            raise ArchiveProblem(f"archive {self.folder} is not written from here: {error}") from error
        path = self.folder / OWNER
        try:
            owner = msgspec.json.decode(path.read_bytes(), type=Owner)
        except FileNotFoundError:
            replace_file(path, msgspec.json.encode(Owner(folder_id=who.folder_id, path=who.path)))
            return
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ArchiveProblem(f"archive {self.folder}: its file {OWNER} is damaged: restore it from a copy of the archive") from error
        if owner.folder_id != who.folder_id:
            raise ArchiveProblem(
                f"archive {self.folder} belongs to the server with the folder id {owner.folder_id} ({owner.path}), and {self.data} is "
                f"{who.folder_id}: name another folder (setting archive)"
            )

    def heads(self) -> list[Head]:
        """The segments of the data folder that were begun, oldest first."""
        found = []
        for number, path in list_segments(self.journal) if self.journal.is_dir() else []:
            try:
                with open(path, "rb") as file:
                    data = file.read(fmt.SEGMENT_USED_BYTES)
            except FileNotFoundError:
                continue  # recycled since the folder was listed
            if not data.strip(b"\0"):
                break  # prepared
            try:
                header = fmt.parse_segment_header(data)
            except fmt.BadBytes as error:
                raise JournalError(f"journal segment {path} cannot be archived: {error}") from error
            found.append(Head(path, number, header, int.from_bytes(data[8:12], "little")))
        return found

    def closed(self) -> list[tuple[Head, fmt.SegmentHeader]]:
        """The segments that the server has left for good, each with the header of the next one: all their frames are durable."""
        try:
            mark = newest_mark(self.journal)
        except FileNotFoundError:
            mark = None
        heads = self.heads()
        last = mark.segment if mark is not None else 0
        return [(head, after.header) for head, after in zip(heads, heads[1:]) if head.number < last]

    def check_belongs(self, entries: list[Entry]) -> None:
        """Entries and segments must be of one journal."""
        if not entries:
            return
        heads = {head.number: head.header for head in self.heads()}
        for entry in entries:
            for number, chain in ((entry.segment, entry.chain_begin), (entry.segment + 1, entry.chain_end)):
                header = heads.get(number)
                if header is not None and header.chain.hex() != chain:
                    raise ArchiveProblem(
                        f"archive {self.folder} belongs to another journal: its segment {entry.segment} is not the one of {self.journal}"
                    )
        if heads and entries[-1].segment >= max(heads):
            raise ArchiveProblem(
                f"archive {self.folder} belongs to another journal: it has segment {entries[-1].segment}, and {self.journal} has not come so far"
            )

    # ---- archiving ------------------------------------------------------------------------------------------------------
    def waiting(self) -> list[tuple[Head, fmt.SegmentHeader]]:
        """The closed segments that are not in the archive, oldest first."""
        entries = self.entries()
        self.check_belongs(entries)
        closed = self.closed()
        upto = entries[-1].segment if entries else 0
        left = [(head, after) for head, after in closed if head.number > upto]
        if left and entries and left[0][0].number != upto + 1:
            raise ArchiveProblem(
                f"archive {self.folder} ends with segment {upto}, and {self.journal} begins with segment {left[0][0].number}: those between are in neither"
            )
        return left

    def archive_next(self, step: Callable[[int], None] = lambda done: None) -> Entry | None:
        """Pack the oldest segment that waits, read it back, and enter it; None: none waits. step: as in `pack`; it may raise to end early."""
        with self.locked():
            left = self.waiting()
            self.own()
            if not left:
                return None
            head, after = left[0]
            times = self._walk(head, after)
            target = self.folder / f"{head.path.name}.zst"
            packed = pack(head.path, target, step=step)
            self.check_packed(packed)
            header = head.header
            entry = Entry(
                segment=head.number, server_id=header.server_id, first_row=header.first_seq, rows=after.first_seq - header.first_seq,
                first_ns=times.first_ns, last_ns=times.last_ns, first_epoch=header.epoch, last_epoch=times.epoch, chain_begin=header.chain.hex(),
                chain_end=after.chain.hex(), end=times.end, format=head.version, logic=header.logic, name=packed.name,
                raw_bytes=packed.raw_bytes, raw_sha256=packed.raw_sha256, bytes=packed.bytes, sha256=packed.sha256,
            )  # fmt: skip
            self.own()  # packing takes a while
            self.enter(entry)
            return entry

    def enter(self, entry: Entry) -> None:
        """Append an entry to the manifest, and remember that it was written there."""
        try:
            written = manifest.append(self.folder / MANIFEST, msgspec.to_builtins(entry))
        except manifest.BadManifest as error:
            raise ArchiveProblem(f"archive {self.folder}: its manifest is not as it was written: {error}") from error
        known = self._written()
        known[os.path.realpath(self.folder)] = Last(link=written["link"], segment=entry.segment)
        replace_file(self.journal / STATE, msgspec.json.encode(known))

    def check_packed(self, packed: Packed) -> None:
        """Read a packed file back. Raises ArchiveProblem, OSError."""
        try:
            verify(self.folder / packed.name, packed)
        except BadPacked as error:
            raise ArchiveProblem(
                f"archive {self.folder} does not give back what was just written there: {error}; check its disk"
            ) from error

    def _walk(self, head: Head, after: fmt.SegmentHeader) -> "_Times":
        """Check every frame of a closed segment: it must lead to the chain value that the next one begins with."""
        header = head.header
        start = Position(head.number, fmt.SEGMENT_HEADER_BYTES, header.first_seq, header.chain, header.epoch)
        at, first_ns, newest = start, 0, np.zeros(0, dtype=np.int64)
        walk = Walk(self.journal, start=start, server_id=self.server_id, logic=header.logic, live=True, batch_words=BATCH_WORDS)
        for batch in walk:
            if batch.end.segment != head.number:
                break
            at = batch.end
            if batch.rows.size:
                first_ns = first_ns or int(batch.rows[L.CMD_TIME_NS])
                newest = batch.rows.copy()
            if (at.seq, at.chain) == (after.first_seq, after.chain):
                break  # the next segment may be of other rules
        if at.seq != after.first_seq or at.chain != after.chain:
            raise JournalError(
                f"journal segment {head.path} does not lead to segment {head.number + 1}: it is not archived. Run exos journal verify"
            )
        return _Times(first_ns, last_turn_ns(newest), at.epoch, at.offset)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process archives at a time: the follower, or a command."""
        folder = self.data / "follower"
        folder.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


@dataclass(frozen=True)
class _Times:
    first_ns: int
    last_ns: int
    epoch: int
    end: int


def last_turn_ns(rows: NDArray[np.int64]) -> int:
    """Exchange time of the last turn among whole turns (flat); 0: there is none."""
    found = at = 0
    while at < rows.size:
        head = int(rows[at])
        if plain.kind_of(head) == codes.C_TIME:
            found = int(rows[at + L.CMD_TIME_NS])
        at += (1 + plain.extra_of(head)) * L.CMD_WORDS
    return found
