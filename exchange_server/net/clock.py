"""The one place that reads the time of day. A turn's time is taken here once; everything below gets it as an argument.

Guarantee: `now_ns` never falls, also across a restart when it is begun with the journal's last time. A step back of the system clock is
clamped and counted; the caller logs it.
"""

import time
from collections.abc import Callable


class Clock:
    """ns UTC, never falling. `floor_ns`: the highest time the journal knows. `read`: ns since the epoch (tests give their own)."""

    __slots__ = ("behind_ns", "clamped", "last", "read")

    def __init__(self, floor_ns: int = 0, read: Callable[[], int] = time.time_ns) -> None:
        self.last = floor_ns
        self.read = read
        self.clamped = 0  # readings that lay before an earlier one
        self.behind_ns = 0  # how far the last reading lay behind; 0: not at all

    def now_ns(self) -> int:
        now = self.read()
        if now >= self.last:
            self.last = now
            self.behind_ns = 0
            return now
        self.clamped += 1
        self.behind_ns = self.last - now
        return self.last
