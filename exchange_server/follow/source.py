"""Where a follower gets its rows from. Today: the journal's files on the same machine."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ..core import layout as L
from ..journal import format as fmt
from ..journal import recycled
from ..journal.fence import newest_mark
from ..journal.files import JournalError, Position
from ..journal.walk import Batch, JournalRefused, Walk, list_segments

BATCH_WORDS = 1 << 15  # 256 KiB of rows at a time: a follower that is told to stop does so after one of them
READS = 5  # of the watermark, before it is believed to have gone back
READ_AGAIN_S = 0.02


class Source(Protocol):
    """Durable rows, in order. The follower asks for nothing else."""

    def durable(self) -> fmt.Watermark | None:
        """How far rows may be followed now; None: nothing was ever written."""

    def batches(self, after: Position | None) -> Iterator[Batch]:
        """The rows after this position (None: all) that are durable at the time of the call, checked. Raises JournalError, JournalRefused, OSError."""


class LocalJournal:
    """The journal of a data folder on this machine, in which a server may be writing.

    Durable is what the watermark says: in mode sync it is advanced after each sync of a frame, in mode async after the sync that follows every
    10 ms. Frames after it are not looked at.
    """

    def __init__(self, folder: Path, server_id: int, logic: int = L.LOGIC_VERSION) -> None:
        self.folder = folder
        self.server_id = server_id
        self.logic = logic

    def refuse_other_versions(self) -> None:
        """Raises JournalError if there is no journal, or if its newest segment was written in a format or for rules of another version."""
        if not self.folder.is_dir():
            raise JournalError(f"journal folder {self.folder} does not exist: name the data folder of a server")
        for _, path in reversed(list_segments(self.folder)):
            with open(path, "rb") as file:
                head = file.read(fmt.SEGMENT_USED_BYTES)
            if not head.strip(b"\0"):
                continue  # prepared, not started
            try:
                header = fmt.parse_segment_header(head)
            except fmt.BadBytes as error:
                raise JournalError(f"journal segment {path} cannot be followed: {error}") from error
            if header.logic != self.logic:
                raise JournalError(
                    f"journal segment {path} is written for rules version {header.logic}, this follower has {self.logic}: start the follower of the "
                    f"version that the server has"
                )
            if header.server_id != self.server_id:
                raise JournalError(f"journal segment {path} is from server {header.server_id}, not {self.server_id}")
            return

    def durable(self) -> fmt.Watermark | None:
        try:
            return newest_mark(self.folder)
        except FileNotFoundError:
            return None

    def batches(self, after: Position | None) -> Iterator[Batch]:
        mark = self._ahead_of(after)
        if mark is None or (after is not None and (mark.segment, mark.offset) == (after.segment, after.offset)):
            return iter(())
        if after is None:
            if mark.seq == 0:
                return iter(())  # the very first start: nothing to read yet
            self._refuse_recycled()
        walk = Walk(
            self.folder, start=after, server_id=self.server_id, logic=self.logic, live=True, watermark=mark, batch_words=BATCH_WORDS
        )
        return iter(walk)

    def _refuse_recycled(self) -> None:
        first, path = list_segments(self.folder)[0]
        if first != 1:
            raise JournalRefused(
                path, 0, "those before this segment", f"the journal begins with segment {first}, and no snapshot that verifies covers what was before it",
                recycled.where(self.folder, 1, first - 1) or "restore the segments or a snapshot from a copy",
            )  # fmt: skip

    def _ahead_of(self, after: Position | None) -> fmt.Watermark | None:
        """The watermark. It never goes back, but it is read while it is written, so an older slot may be seen for a moment. Raises
        JournalRefused if it stays behind `after`."""
        mark = self.durable()
        for _ in range(READS):
            if mark is None or after is None or (mark.segment, mark.offset) >= (after.segment, after.offset):
                return mark
            time.sleep(READ_AGAIN_S)
            mark = self.durable()
        assert mark is not None and after is not None
        raise JournalRefused(
            self.folder / "watermark", 0, f"{mark.seq} to {after.seq - 1}", f"the journal now ends at row {mark.seq}, and rows up to {after.seq - 1} "
            "were followed already: the folder was replaced or its journal was cut", "start the follower again",
        )  # fmt: skip
