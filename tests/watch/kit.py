"""Pages as a server would have written them, without a server."""

import time
from pathlib import Path
from typing import Any

from exchange_server.net.clock import machine_boot
from exchange_server.watch import fields as f
from exchange_server.watch.page import PageWriter

EDGES = {
    "order_to_report": [1000 * (i + 1) for i in range(f.LATENCY_BUCKETS - 1)],
    "turn_rows": [(1 << i) - 1 for i in range(f.BATCH_BUCKETS - 1)],
    "journal_sync": [1000 * (i + 1) for i in range(f.SYNC_BUCKETS - 1)],
}
LABELS = {
    "refused": ["", *(f"R_{i}" for i in range(1, 300))], "messages_out": list(f.SESSION_KINDS), "sessions": list(f.SESSION_KINDS),
    "table_rows": ["orders", "archive", "levels"], "table_capacity_rows": ["orders", "archive", "levels"],
    "venue_open_orders": ["V", "W"], "venue_frozen": ["V", "W"],
}  # fmt: skip


class Wrote:
    """A page in `folder`. put: words by name of the field; a list fills a field with a label or a histogram."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.writer = PageWriter(folder, machine_boot(), EDGES)
        self.writer.describe(LABELS, {"data": str(folder), "config": "test.toml", "mode": "sync"})
        self.real = time.time_ns()
        self.put(state=f.TRADING, start_time=self.real - 10 * 10**9, disk_left=-1)

    def put(self, **values: Any) -> "Wrote":
        for name, value in values.items():
            at = self.writer.at[name]
            for i, one in enumerate(value if isinstance(value, list) else [value]):
                self.writer.words[at + i] = one
        return self

    def write(self, old_s: float = 0.0, later_s: float = 0.0) -> "Wrote":
        """old_s: how long ago the loop wrote it. later_s: how long after the first page."""
        self.writer.write(self.real + round(later_s * 1e9), time.clock_gettime_ns(time.CLOCK_BOOTTIME) - round(old_s * 1e9))
        assert not self.writer.problem
        return self
