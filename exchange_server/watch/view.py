"""What a reader makes of pages: is the server alive, is it ready, rates and percentiles between two pages, what somebody should look at."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..follow.status import DIFFERS, Status, alive, read_status
from ..net.clock import machine_boot
from . import fields as f
from .page import Page, process_started, read_page

FOLLOWER = "follower"  # its folder in the data folder
FRESH_NS = 5_000_000_000  # the loop writes its page twice a second
ROW_FULL = 80  # per cent of a table
SLOW_FOLLOWER_NS = 10_000_000_000
SHORT_DISK_NS = 24 * 3_600_000_000_000


@dataclass(frozen=True)
class View:
    """One moment of a server and its follower. age_ns: since the loop wrote the page; -1: the machine was started again since. running: the
    process that wrote it exists."""

    page: Page
    age_ns: int
    running: bool
    follower: Status | None
    follower_up: bool
    resident: int

    @property
    def state(self) -> str:
        """One of f.STATES, `gone` (the process ended without a word) or `hangs`."""
        state = f.STATES.get(self.page.get("state"), "starting")
        if state in ("stopped", "failed"):
            return state
        if not self.running:
            return "gone"
        if (
            state == "trading" and not 0 <= self.age_ns < FRESH_NS
        ):  # a start loads large files, a stop writes a snapshot: then the loop does not turn
            return "hangs"
        return state

    @property
    def up(self) -> bool:
        return self.state in ("starting", "trading", "stopping")

    @property
    def not_ready(self) -> str:
        """Why new orders are not accepted; empty: they are."""
        if self.state != "trading":
            return f"the server is not trading: {self.state}"
        if self.page.get("journal_failed"):
            return "the journal has failed"
        if reason := self.page.get("refusing"):
            return f"new orders are refused: {self.reason_name(reason)}"
        return ""

    def reason_name(self, code: int) -> str:
        column = self.page.columns.get("refused")
        known = column.values[code] if column is not None and 0 <= code < len(column.values) else ""
        return known or f"reason {code}"

    def reader_values(self) -> dict[str, int]:
        """Values of f.READER_FIELDS."""
        follower = self.follower or Status()
        return {
            "up": int(self.up), "ready": int(not self.not_ready), "page_age": self.age_ns, "resident": self.resident, "follower_up": int(self.follower_up),
            "follower_differs": int(follower.state == DIFFERS), "follower_lag_rows": self.follower_lag_rows, "follower_lag": follower.lag_ms * 10**6,
            "follower_snapshots": follower.snapshots, "follower_snapshot_rows": follower.snapshot_seq,
            "follower_snapshot_failed": int(bool(follower.snapshot_problem)), "archive_on": int(bool(follower.archive)),
            "archive_segment": follower.archive_segment, "archive_failed": int(bool(follower.archive_problem)),
            "segments_recycled": follower.segments_recycled,
        }  # fmt: skip

    @property
    def disk_left(self) -> int:
        """ns; below 0: the disk does not fill, or is not known yet. The follower knows best: it also counts what it removes."""
        follower = self.follower
        if follower is None or not self.follower_up or not follower.disk_measured_s:
            return self.page.get("disk_left")
        return -1 if follower.disk_levels_off or follower.disk_hours < 0 else follower.disk_hours * 3600 * 10**9

    @property
    def follower_lag_rows(self) -> int:
        """Durable rows that it has not applied, at its last report; of one that has ended, by the server's count."""
        if self.follower is None:
            return 0
        if self.follower_up:
            return self.follower.lag_rows
        return max(self.page.get("journal_durable_rows") - self.follower.row_seq, 0)


def look(data: Path) -> View:
    """The server of a data folder as it is now. Raises NoPage."""
    page = read_page(data)
    started = process_started(page.pid)
    age = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - page.steady_ns
    if page.boot != machine_boot():
        age = -1
    running = bool(started) and started == page.pid_started and age >= 0
    follower = read_status(data / FOLLOWER)
    up = follower is not None and alive(follower, data / FOLLOWER)
    return View(page, age if age >= 0 else -1, running, follower, up, _resident(page.pid) if running else 0)


def _resident(pid: int) -> int:
    """Bytes of memory of a process; 0: not known."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


class Interval:
    """What happened between two views of the same server; before=None, or another process: since it started."""

    def __init__(self, before: View | None, now: View) -> None:
        page = now.page
        same = before is not None and (before.page.pid, before.page.pid_started) == (page.pid, page.pid_started)
        if before is not None and same and before.page.sequence == page.sequence:
            same = False  # nothing new was written: the whole life is better than nothing
        self._page = page
        self._before = before.page if same and before is not None else None
        began = self._before.real_ns if self._before is not None else page.get("start_time")
        self.ns = max(page.real_ns - began, 1)

    def count(self, name: str) -> int:
        """How much a counter has grown."""
        return self._page.get(name) - (self._before.get(name) if self._before is not None else 0)

    def rate(self, name: str) -> float:
        """By how much a counter grows in a second. A counter of all time has no rate before there are two views: 0."""
        column = self._page.columns.get(name)
        if column is None or (column.ever and self._before is None):
            return 0.0
        return self.count(name) * 1e9 / self.ns

    def labelled(self, name: str) -> dict[str, int]:
        """How much each word of a field with a label has grown."""
        old = self._before.labelled(name) if self._before is not None else {}
        return {value: count - old.get(value, 0) for value, count in self._page.labelled(name).items() if value}

    def buckets(self, name: str) -> list[int]:
        old = self._before.buckets(name) if self._before is not None else []
        return [now - then for now, then in zip(self._page.buckets(name), old or [0] * 10_000)]

    def percentile(self, name: str, per_cent: float) -> int:
        """Upper bound of the bucket that has this percentile, in the field's unit; 0: no values; of what is above the last bound, that bound."""
        edges, buckets = self._page.columns[name].edges, self.buckets(name)
        wanted, seen = sum(buckets) * per_cent / 100, 0
        for edge, count in zip((*edges, edges[-1]), buckets):
            seen += count
            if count and seen >= wanted:
                return edge
        return 0

    def mean(self, name: str) -> float:
        """Of a histogram's values."""
        count = sum(self.buckets(name))
        total = self._page.total(name) - (self._before.total(name) if self._before is not None else 0)
        return total / count if count else 0.0


def worries(view: View) -> Sequence[str]:
    """What an operator should look at now, worst first; docs/runbook.md says more about each."""
    page, found = view.page, []
    if why := view.not_ready:
        found.append(why)
    follower = view.follower
    if follower is not None and follower.state == DIFFERS:
        found.append("the follower differs from the server: no snapshots are made")
    elif page.get("follower_on") and not view.follower_up and view.state == "trading":
        found.append("the follower does not run")
    elif view.follower_up and follower is not None and follower.lag_ms * 10**6 > SLOW_FOLLOWER_NS:
        found.append(f"the follower is {follower.lag_ms // 1000} s behind")
    if follower is not None and follower.snapshot_problem:
        found.append(f"no snapshot: {follower.snapshot_problem}")
    if follower is not None and follower.archive_problem:
        found.append(f"no archive: {follower.archive_problem}")
    if 0 <= view.disk_left < SHORT_DISK_NS and view.state == "trading":
        found.append(f"the disk lasts {view.disk_left // (3600 * 10**9)} h")
    if page.get("event_store_paused"):
        found.append("past reports are not being kept")
    if lost := page.get("event_store_lost_rows"):
        found.append(f"{lost} past reports are lost")
    for name, used, capacity in tables(page):
        if capacity and used * 100 >= capacity * ROW_FULL and name not in FILLS_AS_USUAL:
            found.append(f"table {name} is {100 * used // capacity} % full")
    return found


# Tables that are full in normal operation: the core makes room in them by itself (docs/operations.md).
FILLS_AS_USUAL = ("archive", "used_blocks", "used_hash", "id_hash", "texts")


def tables(page: Page) -> list[tuple[str, int, int]]:
    """(name, rows in use, capacity), fullest first."""
    used, capacity = page.labelled("table_rows"), page.labelled("table_capacity_rows")
    rows = [(name, used[name], capacity.get(name, 0)) for name in used]
    return sorted(rows, key=lambda row: -(row[1] / row[2] if row[2] else 0))
