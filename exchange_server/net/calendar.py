"""The calendar: times at which something is due on a link, or in the engine, even if no byte arrives.

Each link has one entry, moved lazily: an entry that is too early is set again when it comes due. Nothing is scanned. The loop gets one timer,
for the earliest entry. All times are ns of the steady clock, except the engine's next expiry, which is exchange time.
"""

import asyncio
from collections.abc import Callable

from sortedcontainers import SortedList

from .clock import Clock, seconds
from .endpoint import Link
from .limits import Limits
from .observe import Counters, Log

STOOD_STILL = "the process or its machine was frozen; peers are checked for silence only after what they sent meanwhile has been read"


class Calendar:
    """first: the earliest entry, 0: none. expiry: when the engine's next order expires, 0: none. timer: the time requested from the loop."""

    __slots__ = (
        "_clock",
        "_counters",
        "_entries",
        "_limits",
        "_log",
        "_loop",
        "_quiet_until",
        "_timer_at",
        "_wake",
        "expiry",
        "first",
        "timer",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Clock, limits: Limits, counters: Counters, log: Log, wake: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._limits = limits
        self._counters = counters
        self._log = log
        self._wake = wake
        self._entries: SortedList = SortedList()  # (ns, link id)
        self._quiet_until = 0  # after the process stood still: timeouts are checked only after the peers' bytes have been read
        self._timer_at = 0
        self.first = 0
        self.expiry = 0
        self.timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def arm(self, link: Link) -> None:
        """Enter the link's next timer if it is earlier than its current entry."""
        due = link.next_timer()
        if due and (not link.timer_at or due < link.timer_at):
            self.disarm(link)
            link.timer_at = due
            self._entries.add((due, link.id))
            if not self.first or due < self.first:
                self.first = due
                self.set_timer()

    def disarm(self, link: Link) -> None:
        """Remove the link's entry."""
        if link.timer_at:
            self._entries.discard((link.timer_at, link.id))
            link.timer_at = 0
            self.first = self._entries[0][0] if self._entries else 0

    def set_timer(self) -> None:
        """Set the loop's timer for the next due time."""
        due, tick = self.first, self._clock.tick_ns()
        if due and due < self._quiet_until:
            due = self._quiet_until
        if self.expiry:  # exchange time may run slower than the steady clock
            expiry = tick + self._clock.wait_ns(self.expiry)
            if not due or expiry < due:
                due = expiry
        if not due or (self.timer is not None and self._timer_at <= due):
            return
        if self.timer is not None:
            self.timer.cancel()
        self._timer_at = due
        self.timer = self._loop.call_later(max(0.0, (due - tick) / 1e9), self._fired)

    def _fired(self) -> None:
        self.timer = None
        self._timer_at = 0
        self._wake()  # the turn sets the timer again

    def take(self, now: int) -> list[int]:
        """Remove the due entries and return their link ids; none directly after a stand-still, because the peers' bytes are read first."""
        entries, limits = self._entries, self._limits
        if now < self._quiet_until:
            return []
        if now - self.first > limits.frozen_ns and not self._quiet_until:
            self._quiet_until = now + limits.thaw_ns
            self._counters.freezes += 1
            self._log("warning", "stood_still", late_s=seconds(now - self.first), effect=STOOD_STILL)
            return []
        self._quiet_until = 0
        due = []
        while entries and entries[0][0] <= now:
            due.append(entries.pop(0)[1])
        self.first = entries[0][0] if entries else 0
        return due
