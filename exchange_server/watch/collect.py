"""Collects the server's counters into its page, in the housekeeping: nothing here is called for an order or a turn."""

import os
import time
from pathlib import Path
from typing import Any

from protocol import codes, errors

from .. import state
from ..core import layout as L
from ..disk import disk_writer as dw
from ..follow.disk_hours import DiskHours
from ..journal.event_files import ROW_BYTES, SUM_BYTES
from ..net.clock import machine_boot
from ..net.observe import BATCHES, edge
from . import fields as f
from .notify import Notify
from .page import PageWriter

AGAIN_S = 60.0  # a page that could not be written
EVERY_S = 0.4  # the housekeeping comes every half second, and more often while log lines are left
EDGES = {
    "order_to_report": [edge(i) for i in range(f.LATENCY_BUCKETS - 1)],
    "turn_rows": [(1 << i) - 1 for i in range(f.BATCH_BUCKETS - 1)],
    "journal_sync": [edge(i, dw.SYNC_SUB) for i in range(f.SYNC_BUCKETS - 1)],
}
assert f.BATCH_BUCKETS == BATCHES and f.SYNC_BUCKETS == dw.SYNC_BUCKETS and L.POOL_COUNT <= f.TABLES_MOST


def reason_names() -> list[str]:
    """The values of `refused`, by number: names of docs/errors.md, empty for numbers that are none. The last word is for all above."""
    names = [errors.REFUSALS[code].name if code in errors.REFUSALS else "" for code in range(f.REASONS_MOST - 1)]
    return [*names, "other"]


class Watch:
    """The page of one server, and what systemd is told. `starting`, `replaying` and `begin` open the page: only with the journal's lock held, so that no
    second server of a folder takes the first one's page. A page that cannot be written is tried again after AGAIN_S. server: app.Server."""

    def __init__(self, server: Any, folder: Path, notify: Notify) -> None:
        self.server, self.folder, self.notify = server, folder, notify
        self.page: PageWriter | None = None
        self.disk = DiskHours()
        self._life: dict[str, int] = {"state": f.STARTING, "start_time": time.time_ns()}  # what stays when the page is made again
        self._labels: dict[str, list[str]] = {}
        self._again_s = float("-inf")  # of the monotonic clock: not before this is the page opened again
        self._problem = ""  # as it was logged last
        self._wrote = float("-inf")
        self._refused_before: Any = 0  # refusals that a replay repeated

    # ---- the server's life --------------------------------------------------------------------------------------------
    def starting(self) -> None:
        """The folder is ours; a snapshot is loaded next, which may take a while."""
        self._open()
        self._publish()
        self.notify.starting("loading the newest snapshot")

    def replaying(self, done: int, expected: int = 0) -> None:
        """The journal is being replayed: rows done, rows in all as far as that is known."""
        now_s = time.monotonic()
        if now_s - self._wrote < EVERY_S:
            return
        self._wrote = now_s
        self._open()
        self._keep(recovery_rows=done, recovery_rows_expected=expected)
        self._publish()
        self.notify.starting(f"replaying the journal: {done} of {expected} rows")

    def begin(self) -> None:
        """The server begins to trade."""
        self._open()
        self._refused_before = self.server.store.refusals()
        self._keep(state=f.TRADING)
        self._wrote = float("-inf")
        self.look(self.server.loop.time())
        self.notify.ready(f"trading, FIX on port {self.server.ports.get('fix', 0)}, binary on port {self.server.ports.get('binary', 0)}")

    def stopping(self) -> None:
        self._keep(state=f.STOPPING)
        self._publish()
        self.notify.stopping("stopping")

    def end(self, code: int, failed: bool) -> None:
        """The process ends with this exit code; the page stays. The folder may be another server's by now: a page that is not ours any more is left alone."""
        self._keep(state=f.FAILED if failed else f.STOPPED, exit_code=code)
        if self.page is not None and not self.page.lost():
            self._publish()
        if self.page is not None:
            self.page.close()
        self.notify.status(f"ended with exit code {code}")
        self.notify.close()

    def look(self, now_s: float) -> None:
        """For the housekeeping. now_s: the loop's time."""
        self.notify.alive(now_s)
        since = now_s - self._wrote
        if since < EVERY_S:
            return
        self._wrote = now_s
        self._open()
        if self.page is None:
            return
        server = self.server
        usual_s = server.pipeline.limits.disk_check_ns / 1e9
        self._put("loop_late", round(max(since - usual_s, 0) * 1e9) if since < float("inf") else 0)
        self._put("loop_cpu", time.thread_time_ns())
        self._put("process_cpu", time.process_time_ns())
        self._orders()
        self._turns()
        self._journal()
        self._sessions()
        self._tables()
        self._surroundings()
        self._publish()

    # ---- the page -----------------------------------------------------------------------------------------------------
    def _open(self) -> None:
        if self.page is not None or time.monotonic() < self._again_s:
            return
        self.page = page = PageWriter(self.folder, machine_boot(), EDGES)
        page.describe({}, self._texts())
        self._labels = {}
        self._keep()

    def _keep(self, **values: int) -> None:
        """Words of the server's life: they are there also in a page that is made anew."""
        self._life |= values
        for name, value in self._life.items():
            self._put(name, value)

    def _put(self, name: str, value: int) -> None:
        if self.page is not None:
            self.page.words[self.page.at[name]] = value

    def _put_all(self, name: str, values: list[int]) -> None:
        if self.page is not None:
            words, at = self.page.words, self.page.at[name]
            for i, value in enumerate(values):
                words[at + i] = value

    def _publish(self) -> None:
        page = self.page
        if page is None:
            return
        if page.lost():
            page.make()
        page.write(time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        if page.problem:
            page.close()
            self.page = None
            self._again_s = time.monotonic() + AGAIN_S
        if page.problem != self._problem:
            self._problem = page.problem
            self._tell(page.problem)

    def _tell(self, problem: str) -> None:
        if problem:
            effect = f"exos top and exos metrics see nothing; trading goes on, and it is tried again every {AGAIN_S:.0f} s"
            self.server.log("warning", "counters_not_written", why=problem, effect=effect)
        else:
            self.server.log("info", "counters_written_again")

    def _texts(self) -> dict[str, str]:
        server = self.server
        texts = {"data": str(self.folder), "config": server.options.config_name, "pid": str(os.getpid())}
        journal = getattr(server, "journal", None)
        return texts if journal is None else {**texts, "mode": journal.mode}

    # ---- the parts ----------------------------------------------------------------------------------------------------
    def _orders(self) -> None:
        server, header = self.server, state.Header(self.server.engine.m)
        self._put("commands", header.commands)
        self._put("orders", header.orders)
        self._put("trades", header.trades)
        self._put("events", header.next_event - 1)
        self._put("refusals", header.refusals)
        self._put("open_orders", header.open_orders)
        self._put_all("refused", (server.store.refusals() - self._refused_before).tolist())

    def _turns(self) -> None:
        pipeline = self.server.pipeline
        counters, gate = pipeline.counters, pipeline.gate
        latency = gate.latency
        self._put("turns", counters.turns)
        self._put("turns_inline", counters.turns_inline)
        self._put_all("turn_rows", [*counters.batches, counters.rows])
        most = f.LATENCY_BUCKETS - 1
        self._put_all("order_to_report", [*latency.buckets[:most], sum(latency.buckets[most:]), latency.total])
        self._put("output", counters.bytes_out)
        self._put_all("messages_out", [self.server.fix.messages, self.server.binary.messages])
        self._put("held", gate.held_bytes)
        self._put("held_turns", len(gate.held))
        self._put("held_age", max(pipeline.clock.tick_ns() - gate.held[0].at, 0) if gate.held else 0)
        self._put("held_most", counters.held_bytes_max)
        self._put("choked_turns", counters.choked_turns)
        self._put("shed_turns", counters.shed_turns)
        self._put("disk_reserve_turns", counters.disk_reserve_turns)
        self._put("gateway_faults", counters.gateway_faults)
        self._put("freezes", counters.freezes)
        overloaded = codes.R_OVERLOAD if pipeline.pressure.choked_since and gate.held else 0
        self._put("refusing", codes.R_CLOCK_JUMP if pipeline.clock.jump_ns else pipeline.pressure.refuse or overloaded)

    def _journal(self) -> None:
        server, journal = self.server, self.server.journal
        words = journal.words
        self._put("epoch", journal.epoch)
        self._put("journal_rows", journal.next_seq)
        self._put("journal_durable_rows", journal.durable)
        self._put("journal", int(words[dw.ST_BYTES]))
        self._put("journal_frames", int(words[dw.ST_COMMITS]))
        self._put("journal_segment", int(words[dw.ST_SEGMENT]))
        self._put("journal_backlog", journal.backlog_bytes)
        self._put("journal_ring", journal.ring_bytes)
        self._put("journal_failed", int(not journal.usable))
        self._put_all(
            "journal_sync", [*words[dw.ST_SYNC_TIMES : dw.ST_SYNC_TIMES + dw.SYNC_BUCKETS].tolist(), int(words[dw.ST_SYNC_TOTAL])]
        )
        store = server.store
        self._put("event_store_lag_rows", store.next_number - store.written_to)
        self._put("event_store_paused", int(bool(store.paused)))
        self._put("event_store_missing_rows", store.holes.count())
        self._put("event_store_lost_rows", store.lost.count())
        self._put("marks", server.marks.written)
        self._put("follower_on", int(server.follower.on))
        self._put("follower_starts", server.follower.starts)

    def _sessions(self) -> None:
        server, pipeline = self.server, self.server.pipeline
        counters, directory, guard = pipeline.counters, server.directory, server.directory.guard
        self._put("connections", len(pipeline.links.by_id))
        self._put_all("sessions", [directory.wires[codes.WIRE_FIX], directory.wires[codes.WIRE_BINARY]])
        self._put("market_data_subscribers", len(server.market.books))
        self._put("market_data_updates", server.market.updates)
        self._put("connections_made", counters.connections)
        self._put("connections_refused", counters.refused_connections)
        self._put("logon_timeouts", counters.logon_timeouts)
        self._put("logons_refused", guard.refused)
        self._put("credentials_refused", directory.refused)
        self._put("logons_delayed", guard.delayed)
        self._put("cut", counters.cut)
        self._put("slow_readers", counters.slow_readers)
        self._put("log_lines_dropped", server.log.dropped_in_all)
        self._put("tls_certificate_until", server.tls.certificate.until_ns if server.tls is not None else 0)

    def _tables(self) -> None:
        m = self.server.engine.m
        used, capacity = state.tables_as_one(m)
        self._put_all("table_rows", used)
        self._put_all("table_capacity_rows", capacity)
        registry = self.server.engine.registry
        venues = [venue for venue, _ in zip(registry.venues, range(f.VENUES_MOST))]
        rows = [state.Venue.of(m, venue.id) for venue in venues]
        self._put_all("venue_open_orders", [row.open_orders for row in rows])
        self._put_all("venue_frozen", [row.freeze for row in rows])
        self._describe([venue.name for venue in venues])

    def _describe(self, venues: list[str]) -> None:
        if self.page is None or self._labels.get("venue_open_orders") == venues:
            return
        tables, kinds = list(L.POOL_NAMES), list(f.SESSION_KINDS)
        self._labels = {
            "refused": reason_names(), "messages_out": kinds, "sessions": kinds, "table_rows": tables, "table_capacity_rows": tables,
            "venue_open_orders": venues, "venue_frozen": venues,
        }  # fmt: skip
        self.page.describe(self._labels, self._texts())

    def _surroundings(self) -> None:
        pipeline, clock = self.server.pipeline, self.server.clock
        free = pipeline.pressure.free
        self._put("disk_free", free)
        reserve = pipeline.limits.disk_reserve_bytes
        self._put("disk_reserve", reserve)
        written = int(self.server.journal.words[dw.ST_BYTES]) + self.server.store.next_number * (ROW_BYTES + SUM_BYTES)
        hours = self.disk.look(clock.steady / 1e9, written, 0, max(free - reserve, 0)).hours
        self._put("disk_left", hours * 3600 * 10**9 if hours >= 0 else -1)
        self._put("clock_jump", clock.jump_ns)
        self._put("clock_offset", clock.now - clock.real)
        self._put("clock_jumps", clock.jumps)
        self._put("clock_steps_back", clock.back_steps)
