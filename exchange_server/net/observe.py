"""Counters, latencies and log lines for the operator. Nothing here costs more than an addition on the hot path.

Counters are plain integers of one object. Latencies go into log-linear buckets (8 per octave, so a percentile is at most 12.5 % too high).
Log lines are queued as (level, event, fields) and written as JSON by structlog, a few at a time while the loop is idle; in a flood, excess lines
are counted but not written. Secrets never get here; text from clients is escaped by the JSON writer.
"""

import sys
import time
from collections import deque
from typing import Any, TextIO

import structlog

SUB = 3  # 2^SUB buckets per octave
BUCKETS = 64 << SUB
BATCHES = 32  # bit lengths of the number of rows in a turn


def edge(bucket: int, sub: int = SUB) -> int:
    """The highest value that belongs to a log-linear bucket, with 2^sub buckets per octave."""
    if bucket < 2 << sub:
        return bucket
    shift = (bucket >> sub) - 1
    return (((bucket & (1 << sub) - 1) + (1 << sub) + 1) << shift) - 1


class Latency:
    """Histogram of ns values."""

    __slots__ = ("buckets", "count", "highest", "total")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.buckets = [0] * BUCKETS
        self.count = 0
        self.total = 0
        self.highest = 0

    def record(self, ns: int) -> None:
        if ns < 0:
            ns = 0
        shift = ns.bit_length() - 1 - SUB
        self.buckets[((shift + 1) << SUB) + (ns >> shift) - (1 << SUB) if shift > 0 else ns] += 1
        self.count += 1
        self.total += ns
        if ns > self.highest:
            self.highest = ns

    def percentile(self, per_cent: float) -> int:
        """Upper edge (ns) of the bucket that contains this percentile; 0 without values."""
        wanted = self.count * per_cent / 100
        seen = 0
        for i, n in enumerate(self.buckets):
            seen += n
            if n and seen >= wanted:
                return min(self.highest, edge(i))
        return 0

    def summary(self) -> dict[str, int]:
        """count, mean, p50, p99, max; times in ns."""
        mean = self.total // self.count if self.count else 0
        return {"count": self.count, "mean": mean, "p50": self.percentile(50), "p99": self.percentile(99), "max": self.highest}


class Counters:
    """Counts since the start. Each name is a key of `exos status`, but for `batches`: turns by the bit length of their number of rows."""

    def __init__(self) -> None:
        self.batches = [0] * BATCHES
        self.turns_inline = 0
        self.rows = 0
        self.bytes_out = 0
        self.connections = 0
        self.refused_connections = 0
        self.logon_timeouts = 0
        self.cut = 0
        self.slow_readers = 0
        self.gateway_faults = 0
        self.choked_turns = 0
        self.shed_turns = 0
        self.disk_reserve_turns = 0
        self.held_bytes_max = 0
        self.freezes = 0

    @property
    def turns(self) -> int:
        return sum(self.batches)

    def summary(self) -> dict[str, int]:
        told = dict(vars(self))
        del told["batches"]
        return {"turns": self.turns, **told}


class Log:
    """Queue of log lines. `drain` writes a few; `flush` writes all."""

    LIMIT = 10_000

    def __init__(self, stream: TextIO | None = None, level: str = "info") -> None:
        self.queue: deque[tuple[int, str, str, dict[str, Any]]] = deque()
        self.dropped = self.dropped_in_all = 0
        self.levels = ("debug", "info", "warning", "error")
        self.lowest = self.levels.index(level)
        self.writer = structlog.wrap_logger(
            structlog.WriteLogger(stream if stream is not None else sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.BoundLogger,
        )

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        if self.levels.index(level) < self.lowest:
            return
        if len(self.queue) >= self.LIMIT:
            self.dropped += 1
            self.dropped_in_all += 1
            return
        self.queue.append((time.time_ns(), level, event, fields))

    def drain(self, most: int = 8) -> bool:
        """Write up to `most` lines; True when some are left."""
        for _ in range(min(most, len(self.queue))):
            at, level, event, fields = self.queue.popleft()
            getattr(self.writer, level)(event, timestamp=stamp(at), **fields)
        if self.dropped and not self.queue:
            dropped, self.dropped = self.dropped, 0
            self.writer.warning("log_lines_dropped", timestamp=stamp(time.time_ns()), count=dropped)
        return bool(self.queue)

    def flush(self) -> None:
        while self.drain(1000):
            pass


def stamp(ns: int) -> str:
    """UTC in the form of ISO 8601, to the microsecond."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + f".{ns // 1000 % 10**6:06d}Z"
