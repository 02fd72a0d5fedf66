"""What is done off the hot path, some times a second: the disk's space, the clock, log lines, the garbage."""

import gc
from typing import TYPE_CHECKING

from protocol import codes

if TYPE_CHECKING:
    from .pipeline import Pipeline

GC_IDLE_S = 5.0
GC_BUSY_S = 60.0


class Housekeeping:
    """Of one pipeline; `round` puts itself back until the pipeline stops."""

    def __init__(self, pipeline: "Pipeline") -> None:
        self.pipeline = pipeline
        self.quiet_turns = pipeline.counters.turns
        self.collected = pipeline.loop.time()

    def round(self) -> None:
        pipeline = self.pipeline
        if pipeline.stopped:
            return
        self.look_at_the_disk()
        pipeline.clock.now_ns()  # a step is seen though nobody trades
        if pipeline.clock.news:
            pipeline.log_clock()
        for watch in pipeline.watches:
            watch()
        self.collect_garbage()
        more = pipeline.log.drain()
        pipeline.loop.call_later(0.02 if more else pipeline.limits.disk_check_ns / 1e9, self.round)

    def look_at_the_disk(self) -> None:
        pipeline = self.pipeline
        if pipeline.free_bytes is None:
            return
        free = pipeline.free_bytes()
        reserve = pipeline.limits.disk_reserve_bytes
        if not pipeline.refuse and free < reserve:
            pipeline.refuse = codes.R_DISK_RESERVE
            effect = "new orders are refused, cancels are still accepted"
            pipeline.log("error", "disk_reserve", free_bytes=free, reserve_bytes=reserve, effect=effect)
        elif pipeline.refuse and free > reserve + (reserve >> 2):
            pipeline.refuse = 0
            pipeline.log("warning", "disk_reserve_over", free_bytes=free)

    def collect_garbage(self) -> None:
        """The collector is off (app.py): the hot path makes no cycles. What the rest leaves is taken when no turn was made since the last
        look, or at the latest after a minute; what has been there since the start is frozen and not walked."""
        pipeline = self.pipeline
        now = pipeline.loop.time()
        idle = pipeline.counters.turns == self.quiet_turns
        self.quiet_turns = pipeline.counters.turns
        if now - self.collected > (GC_IDLE_S if idle else GC_BUSY_S):
            gc.collect()
            self.collected = pipeline.loop.time()
