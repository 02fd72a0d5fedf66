"""The follower as a process: what `exos follow` runs. Started by the server (child.py) or as a service of its own; stopped by SIGTERM.

It may be killed at any moment: it changes its own folder (`follower/`), snapshots, which are complete or absent, the archive, and, in an order
that leaves no gaps, what the archive makes dispensable (keeper.py).
"""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from config import settings as server_settings
from config.settings import Settings

from .. import start
from ..data_folder import SERVER_ID
from ..engine import Capacities, Engine, SnapshotRefused
from ..exits import Exit
from ..journal.event_files import ROW_BYTES, SUM_BYTES
from ..journal.files import DirectoryLock, JournalError, JournalLocked
from ..journal.format import BadBytes, Watermark, segment_name
from ..journal.recover import FOLLOWER
from ..journal.runner import Threads
from ..net.observe import Log
from .cores import keep_to
from .disk_hours import DiskHours
from .follower import Differs, Follower, Rules, rules_of
from .keeper import Keeper, Wanted
from .source import LocalJournal
from .status import DIFFERS, FOLLOWING, REFUSED, SNAPSHOT, STOPPED, Status, write_status

BUSY_S, IDLE_S = 0.05, 0.2  # between two looks at the journal
REPORT_NS = 1_000_000_000
LOCK_AGAIN_S = 0.05
KEEP_FREE = 2 << 30  # twice the server's reserve for its journal
PR_SET_PDEATHSIG = 1
EVENT_BYTES = ROW_BYTES + SUM_BYTES


def run(data: Path, parent: int = 0, keep_free: int = KEEP_FREE, log_level: str = "info", core: int | None = None) -> Exit:
    """Follow until told to stop. parent: the server that started it; then it gives way to everything else and ends with the server. core: runs
    there. Raises nothing that an operator can cause."""
    log = Log(level=log_level)
    if core is not None and not keep_to({core}):
        log("warning", "follower_core", core=core, text="the system does not allow this core: it runs where the system puts it")
    process = Process(data, keep_free, log)
    try:
        if parent and not _tie_to(parent):
            return Exit.OK
        if not data.is_dir():
            return process.end(Exit.CONFIG, f"{data} is not a data folder: there is no such folder")
        return process.run()
    finally:
        log.flush()


def _tie_to(parent: int) -> bool:
    """Lowest priority, also for memory: where there is too little, the follower goes and not the exchange. Killed when the parent ends, however it
    ends. False: it has ended already."""
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C on a terminal reaches the server too, which ends us
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


class Process:
    """One run of the follower."""

    def __init__(self, data: Path, keep_free: int, log: Log) -> None:
        self.data = data
        self.folder = data / FOLLOWER
        self.keep_free = keep_free
        self.log = log
        self.stopping = False
        self.follower: Follower | None = None
        self.status = Status(pid=os.getpid())
        self._next_report = 0
        self.keeper = Keeper(data, SERVER_ID, Threads(), keep_free=keep_free, log=log)
        self.disk = DiskHours()
        self._problem = ""  # of a snapshot, as it was logged last
        self._made = 0

    def run(self) -> Exit:
        signal.signal(signal.SIGTERM, self._stop)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._stop)
        try:
            lock = self._lock()
        except JournalLocked as error:
            self.log("error", "follower_ended", exit_code=int(Exit.LOCKED), text=str(error))
            return Exit.LOCKED
        except JournalError as error:
            return self.end(Exit.RECOVERY, str(error))
        try:
            return self._follow()
        except Differs as error:
            self.status.state = DIFFERS
            return self.end(
                Exit.DIFFERS, f"{error}. Snapshots are not made any more; trading is not affected. Keep the folder and report it"
            )
        except JournalError as error:
            self.status.state = REFUSED
            return self.end(Exit.RECOVERY, str(error))
        except MemoryError:
            self.status.state = REFUSED
            return self.end(
                Exit.SETUP, 'not enough memory for a second copy of the exchange\'s tables: set follower = "off", or use a larger machine'
            )
        except OSError as error:
            self.status.state = REFUSED
            return self.end(Exit.RECOVERY, f"{error.filename or self.data}: {error.strerror or error}")
        finally:
            self.keeper.close()
            if self.follower is not None:
                self.follower.close()
            lock.release()

    def _lock(self) -> DirectoryLock:
        """Raises JournalLocked, JournalError."""
        try:
            return DirectoryLock(self.folder, "follower's folder")
        except JournalLocked:
            time.sleep(LOCK_AGAIN_S)  # it may have been a look at whether one runs (status.locked)
            return DirectoryLock(self.folder, "follower's folder")

    def _stop(self, *_: Any) -> None:
        self.stopping = True

    def end(self, code: Exit, text: str) -> Exit:
        self.status.text = text
        self.log("error", "follower_ended", exit_code=int(code), text=text)
        if self.folder.is_dir():
            self._report(force=True)
        return code

    # ---- following ----------------------------------------------------------------------------------------------------
    def _follow(self) -> Exit:
        source = LocalJournal(self.data / "journal", SERVER_ID)
        self._report(force=True)
        source.refuse_other_versions()
        while (mark := source.durable()) is None or mark.seq == 0:  # the server's very first start
            if self.stopping:
                return self._stopped()
            self._report()
            time.sleep(IDLE_S)
        self.follower = follower = Follower(self.data, source, SERVER_ID, self._engine, self._rules, apart=True)
        self.log("info", "following", row=follower.seq, snapshot=follower.made.name, notes=follower.report.notes)
        self.status.state = FOLLOWING
        pause = BUSY_S
        while not self.stopping:
            applied = False
            for _ in follower.catch_up():
                applied = True
                behind = max(0, time.time_ns() - follower.engine.time_ns)
                self.status.lag_ms = max(self.status.lag_ms, behind // 10**6)
                self._keep()
                self._report()
                if self.stopping:
                    break
            self._keep()
            self._report()
            pause = BUSY_S if applied else min(IDLE_S, 2 * pause)
            time.sleep(pause)
        return self._stopped()

    def _stopped(self) -> Exit:
        self.status.state = STOPPED
        self._report(force=True)
        return Exit.OK

    def _engine(self, chunks: Iterable[bytes] | None) -> Engine:
        if chunks is not None:
            try:
                return Engine.restore(chunks)
            except SnapshotRefused as error:
                raise BadBytes(str(error)) from error
        begun = start.begun_as(self.data / "journal")
        if begun is None:
            raise JournalError(
                f"journal folder {self.data / 'journal'}: its first record cannot be read, which says how large the tables are"
            )
        return Engine(Capacities.begun_as(begun.capacities), retention_ns=begun.retention_ns)

    def _rules(self, engine: Any) -> Rules:
        return rules_of(server_settings.over(Settings(), engine.registry.settings), self.keep_free)

    def _keep(self) -> None:
        """Archive and recycle beside the following."""
        engine: Any = self.follower.engine if self.follower is not None else None
        if engine is None or not engine.registry.settings.get("archive"):
            return
        values = server_settings.over(Settings(), engine.registry.settings)
        self.keeper.look(time.monotonic(), Wanted(values.archive, values.event_retention_ns, engine.time_ns))

    # ---- reporting ----------------------------------------------------------------------------------------------------
    def _report(self, force: bool = False) -> None:
        """Write the status file, once a second. What cannot be written is not worth ending for."""
        now = time.time_ns()
        if not force and now < self._next_report:
            return
        self._next_report = now + REPORT_NS
        status, follower = self.status, self.follower
        status.at_ns = now
        if follower is not None:
            made = follower.made
            if status.state in (FOLLOWING, SNAPSHOT):
                status.state = SNAPSHOT if follower.making else FOLLOWING
            durable = follower.source.durable()
            status.row_seq, status.event_seq, status.marks, status.proven_seq = (
                follower.seq,
                follower.engine.event_seq,
                follower.marks,
                follower.proven,
            )
            status.durable_seq = max(follower.seq, durable.seq if durable is not None else 0)
            status.lag_rows = status.durable_seq - status.row_seq
            status.snapshot, status.snapshot_seq, status.snapshot_bytes = made.name, made.seq, made.bytes
            status.snapshot_ms, status.snapshots, status.snapshot_problem = round(made.seconds * 1000), made.count, made.problem
            self._tell(follower)
            self._disk(durable, follower.engine.event_seq)
        try:
            write_status(self.folder, status)
        except OSError as error:
            self.log("warning", "follower_status_not_written", file=str(error.filename), why=error.strerror or str(error))
        if not status.lag_rows:
            status.lag_ms = 0
        self.log.flush()

    def _disk(self, durable: Watermark | None, event_seq: int) -> None:
        """What the keeper did, and how long the disk lasts."""
        status, kept = self.status, self.keeper.kept
        status.archive, status.archive_segment, status.archive_problem = kept.archive, kept.segment, kept.problem
        status.segments_archived, status.segments_recycled, status.events_retired = kept.archived, kept.recycled, kept.retired
        if durable is None:
            return
        try:
            segment_bytes = (self.data / "journal" / segment_name(durable.segment)).stat().st_size
            disk = os.statvfs(self.data)
        except OSError:
            return
        status.disk_free_bytes = disk.f_bavail * disk.f_frsize
        written = (durable.segment - 1) * segment_bytes + durable.offset + event_seq * EVENT_BYTES
        lasts = self.disk.look(time.monotonic(), written, kept.recycled_bytes + kept.retired_bytes, status.disk_free_bytes)
        status.disk_written_hour, status.disk_removed_hour, status.disk_measured_s = (
            lasts.written_hour,
            lasts.removed_hour,
            lasts.measured_s,
        )
        status.disk_hours, status.disk_levels_off = lasts.hours, lasts.levels_off

    def _tell(self, follower: Follower) -> None:
        """Log lines about snapshots."""
        made = follower.made
        if made.count > self._made:
            self._made = made.count
            self.log("info", "snapshot", file=made.name, row=made.seq, bytes=made.bytes, seconds=round(made.seconds, 2))
        if made.problem and made.problem != self._problem:
            self.log("error", "snapshot_failed", text=made.problem, effect="following and trading go on; it is tried again")
        self._problem = made.problem
