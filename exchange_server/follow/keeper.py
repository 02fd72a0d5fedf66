"""Looks after the disk of a running server: archives closed segments, removes what the archive and two verified snapshots make dispensable, and
events older than their retention.

The work is done in a thread of the follower's process, one piece after the other; the follower goes on meanwhile, and the server never waits for it.
Whatever fails is said in the status and tried again; nothing is removed then. Of a copy of a server's folder (a standby) nothing is archived or
removed: the archive is the server's.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import identity
from ..archive.recycle import floor_snapshot, recycle_next
from ..archive.segments import Archive, ArchiveProblem
from ..journal.event_files import ROWS_PER_FILE
from ..journal.files import JournalError, disk_words
from ..journal.retention import retire
from ..journal.runner import Runner, Task

LOOK_S = 1.0
AGAIN_S = 10.0  # after a problem


@dataclass(frozen=True)
class Wanted:
    """What the settings say. archive: empty: nothing is archived or removed. retention_ns: of events; 0: they stay. now_ns: exchange time."""

    archive: str
    retention_ns: int
    now_ns: int


@dataclass
class Kept:
    """What was done, for the status."""

    archive: str = ""
    segment: int = 0  # newest in the archive
    archived: int = 0  # segments, by this process
    recycled: int = 0
    recycled_bytes: int = 0
    retired: int = 0  # events
    retired_bytes: int = 0
    problem: str = ""


class Keeper:
    """`look` is called often by the follower's loop and never waits."""

    def __init__(
        self,
        data: Path,
        server_id: int,
        runner: Runner,
        *,
        keep_free: int = 0,
        rows_per_event_file: int = ROWS_PER_FILE,
        log: Callable[..., None] = lambda *_, **__: None,
    ) -> None:
        """keep_free: bytes that the archive leaves free where it is on the data folder's disk."""
        self.data = data
        self.server_id = server_id
        self.kept = Kept()
        self._runner = runner
        self._keep_free = keep_free
        self._rows_per_event_file = rows_per_event_file
        self._log = log
        self._stop = False
        self._archived_in: Archive | None = None  # knows which snapshots were read
        self._task: Task | None = None
        self._due_s = 0.0
        self._away = ""  # why nothing is archived from here, as it was logged last

    def look(self, now_s: float, wanted: Wanted) -> None:
        if self._task is not None:
            if self._task.alive():
                return
            self._task = None
            self._due_s = now_s + (AGAIN_S if self.kept.problem else LOOK_S)
        if wanted.archive and now_s >= self._due_s and not self._stop:
            self._task = self._runner.once("exos-archive", lambda: self.work(wanted))

    def close(self) -> None:
        """End it at its next step, and wait for that."""
        self._stop = True
        if self._task is not None:
            self._task.join()

    def work(self, wanted: Wanted) -> None:
        """All that is due now. Raises nothing that an operator can cause."""
        kept = self.kept
        if self._elsewhere():
            kept.archive = kept.problem = ""
            return
        kept.archive = wanted.archive
        try:
            archive = self._in(archive_folder(self.data, wanted.archive))
            self._archive(archive)
            self._recycle(archive)
            self._retire(archive, wanted)
            kept.problem = ""
        except _Stopped:
            return
        except (ArchiveProblem, JournalError) as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(f"archive {wanted.archive}: {disk_words(error)}")

    def _elsewhere(self) -> bool:
        """Whether this is not the server's own folder: a standby is followed, and its archive is the server's."""
        why = ""
        try:
            identity.home(self.data)
        except identity.IdentityRefused as error:
            why = str(error)
        except OSError as error:
            why = disk_words(error, self.data)
        if why and why != self._away:
            self._log("info", "archive_left_alone", text=why, effect="snapshots are made; nothing is archived or removed from here")
        self._away = why
        return bool(why)

    def _in(self, folder: Path) -> Archive:
        """The same for as long as the setting is the same."""
        if self._archived_in is None or self._archived_in.folder != folder:
            self._archived_in = Archive(folder, self.data, self.server_id)
        return self._archived_in

    def _fail(self, text: str) -> None:
        if text != self.kept.problem:
            self._log("error", "archive_failed", text=text, effect="trading goes on, nothing is removed; it is tried again")
        self.kept.problem = text

    def _step(self, archive: Archive) -> None:
        if self._stop:
            raise _Stopped
        there = os.statvfs(archive.folder)
        if os.stat(archive.folder).st_dev == os.stat(self.data).st_dev and there.f_bavail * there.f_frsize < self._keep_free:
            raise ArchiveProblem(
                f"archive {archive.folder} is on the disk of the data folder, and less than {self._keep_free >> 20} MiB would be left for the journal"
            )

    def _archive(self, archive: Archive) -> None:
        entries = archive.entries()
        self.kept.segment = entries[-1].segment if entries else 0
        while (entry := archive.archive_next(lambda _: self._step(archive))) is not None:
            self.kept.segment = entry.segment
            self.kept.archived += 1
            self._log("info", "segment_archived", segment=entry.segment, rows=entry.rows, bytes=entry.raw_bytes, packed=entry.bytes)
            self._step(archive)

    def _recycle(self, archive: Archive) -> None:
        while not self._stop and (entry := recycle_next(archive)) is not None:
            self.kept.recycled += 1
            self.kept.recycled_bytes += entry.raw_bytes
            self._log("info", "segment_recycled", segment=entry.segment, rows=entry.rows)

    def _retire(self, archive: Archive, wanted: Wanted) -> None:
        if not wanted.retention_ns or self._stop or (snapshot := floor_snapshot(archive)) is None:
            return
        before = wanted.now_ns - wanted.retention_ns
        first, last, size = retire(self.data / "events", before, snapshot.event_seq, self._rows_per_event_file)
        if last >= first:
            self.kept.retired += last + 1 - first
            self.kept.retired_bytes += size
            self._log("info", "events_retired", first=first, last=last)


class _Stopped(Exception):
    pass


def archive_folder(data: Path, setting: str) -> Path:
    """The folder that the setting names; a relative one begins at the data folder."""
    return data / setting
