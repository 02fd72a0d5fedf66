"""Keeps those who are over their throttle from taking the time of others.

Most of what a session sends beyond its throttle, its venue's throttle or its venue's quota is refused. Refusing costs the loop and the disk as much as
accepting does, so a flood of refusals would delay everybody. While another session is active, such sessions are therefore served in turns of their own,
and only so often that these turns, with the syncs that they need, take about a tenth of the time. In between their input waits, and TCP slows their
peers down. Nothing is lost, and nothing is refused that would not be refused otherwise. Once they have been within their throttles for a second, or are alone, they are
served as everybody is.
"""

from collections.abc import Callable
from typing import Any

from .gate import Gate
from .limits import MILLION, Limits

LOOK_NS = 20 * MILLION  # between two looks at the count of refusals
REFUSALS = 10  # in that time: there may be a flood
ACTIVE_NS = 1_000 * MILLION  # how long after that
LATELY_NS = 1_000 * MILLION  # so long after it was over its throttle a session counts as over it
PART = 10  # one part in so many of the time is theirs
LEAST_NS, MOST_NS = 1 * MILLION, 50 * MILLION  # from one of their turns to the next


class Floods:
    """next_at: from when on a turn has to ask `choose` for its links; that is all that a turn looks at while nobody floods. active: somebody may be over a throttle.
    aside: links that are over it and wait for their turn; they are marked as ready. Times are ns of the steady clock."""

    __slots__ = (
        "_active_until", "_began", "_ended", "_fair_ns", "_gate", "_later", "_look_at", "_looks", "_other_at", "_over", "_refusals", "_seen", "_tick", "_timer",
        "_wake", "active", "aside", "next_at",
    )  # fmt: skip

    def __init__(
        self,
        limits: Limits,
        gate: Gate,
        tick: Callable[[], int],
        over: Callable[[int], bool],
        refusals: Callable[[], int],
        later: Callable[[float, Callable[[], None]], object],
        wake: Callable[[], None],
    ) -> None:
        """tick(): the steady clock. over(session): whether all its new orders are refused at present, because of a throttle or quota. refusals(): how many there ever were. later(seconds,
        function): calls it then. wake: requests a turn."""
        self._fair_ns = limits.fair_ns
        self._gate, self._tick = gate, tick
        self._over, self._refusals = over, refusals
        self._later, self._wake = later, wake
        self._seen = 0  # refusals at the last look
        self._looks = 0
        self._active_until = 0
        self._other_at = 0  # when a session that is not over its throttle last had input
        self._began = self._ended = 0  # of the newest turn that was theirs
        self._timer = False
        self._look_at = 0
        self.next_at = 0
        self.active = False
        self.aside: list[Any] = []

    def choose(self, ready: list[Any], now: int) -> list[Any]:
        """The links that this turn is for."""
        if now >= self._look_at:
            self.look(now)
        if self.active or self.aside:
            ready = self.pace(ready, now)
        self.next_at = 0 if self.active or self.aside else self._look_at
        return ready

    def look(self, now: int) -> None:
        """See whether many requests are being refused."""
        refusals = self._refusals()
        if refusals - self._seen >= REFUSALS and self._look_at:
            self._active_until = now + ACTIVE_NS
        self._seen = refusals
        self._looks += 1
        self.active = now < self._active_until
        self._look_at = now + LOOK_NS

    def pace(self, ready: list[Any], now: int) -> list[Any]:
        """The same while somebody may be over a throttle, or waits: of `ready` and of those that wait."""
        over: list[Any] = []
        others: list[Any] = []
        for link in (*self.aside, *ready):
            (over if self.active and self._is_over(link, now) else others).append(link)
        self.aside = []
        if any(link.connection is not None and link.connection.session for link in others):
            self._other_at = now
        if not over:
            return others
        if not self._other_at or now - self._other_at > self._fair_ns:
            return others + over  # they delay only each other
        due = self._due()
        if now < due or (others and now < self._began + MOST_NS):
            self.aside = over
            if not self._timer:
                self._timer = True
                self._later(max(due - now, LEAST_NS) / 1e9, self._time)
            return others
        self._began = now
        self._later(0, self._turned)
        return others + over

    def _turned(self) -> None:
        """What the loop does after a turn that was theirs."""
        self._ended = self._tick()

    def _is_over(self, link: Any, now: int) -> bool:
        """Whether it is, or was a moment ago: a flood goes on in the next window of its throttle."""
        connection = link.connection
        if connection is None or link.lost or link.eof or link.closing is not None or not connection.session:
            return False
        if link.over_look != self._looks:
            link.over_look = self._looks
            if self._over(connection.session):
                link.over_until = now + LATELY_NS
        return bool(now < link.over_until)

    def _due(self) -> int:
        """When they may have their next turn: at the latest then while output waits for the disk."""
        latest = self._began + MOST_NS
        if self._gate.held:
            return latest
        took = max(self._ended, self._gate.released_at) - self._began
        return min(self._began + max(PART * took, LEAST_NS), latest)

    def _time(self) -> None:
        self._timer = False
        if self.aside:
            self._wake()
