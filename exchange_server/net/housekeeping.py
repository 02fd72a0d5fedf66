"""Work off the hot path, several times a second: disk space, clock, watches, log lines, garbage collection."""

import asyncio
import gc
from collections.abc import Callable

from .clock import Clock
from .limits import Limits
from .observe import Counters, Log
from .pressure import Pressure

GC_IDLE_S = 5.0
GC_BUSY_S = 60.0
MORE_LINES_S = 0.02  # until the next round, if log lines are left


class Housekeeping:
    """One per server. `round` schedules itself again until `stopped`. watches: further functions, called in each round."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        pressure: Pressure,
        counters: Counters,
        limits: Limits,
        log: Log,
        watches: list[Callable[[], None]],
        stopped: Callable[[], bool],
    ) -> None:
        self.loop = loop
        self.clock = clock
        self.pressure = pressure
        self.counters = counters
        self.limits = limits
        self.log = log
        self.watches = watches
        self.stopped = stopped
        self.quiet_turns = counters.turns
        self.collected = loop.time()

    def round(self) -> None:
        """Do one round of all checks."""
        if self.stopped():
            return
        self.pressure.look_at_the_disk()
        self.clock.now_ns()  # detects a step of the clock even without trading
        if self.clock.news:
            self.clock.tell(self.log)
        for watch in self.watches:
            watch()
        self.collect_garbage()
        more = self.log.drain()
        self.loop.call_later(MORE_LINES_S if more else self.limits.disk_check_ns / 1e9, self.round)

    def collect_garbage(self) -> None:
        """The automatic collector is off (app.py): the hot path makes no cycles. Other garbage is collected if no turn was made since the last
        round, or after a minute at the latest. Objects from the start are frozen and not walked."""
        now = self.loop.time()
        idle = self.counters.turns == self.quiet_turns
        self.quiet_turns = self.counters.turns
        if now - self.collected > (GC_IDLE_S if idle else GC_BUSY_S):
            gc.collect()
            self.collected = self.loop.time()
