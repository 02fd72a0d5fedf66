"""Keeps those who are over their throttle from taking the time of others.

Most of what a session sends beyond its throttle, its venue's throttle or its venue's quota is refused. Refusing costs the loop and the disk as much as
accepting does, so a flood of refusals would delay everybody. While another session is active, such sessions are therefore served in turns of their own,
two of them in each, and only so often that these turns, with the syncs that they need, take about a twentieth of the time; or up to a quarter while their
throttle has not been used up, so that what it allows is still theirs. In between their input waits, and TCP slows their peers down. Nothing is lost, and
nothing is refused that would not be refused otherwise.

Who uses up a throttle much faster than it lasts counts as over it already (core/risk/pacing.py): otherwise each flood would begin with a window's worth of
accepted orders at full speed. It counts so until a second after it was last over it or sent more than it got. Who is alone is served as everybody is.
"""

from collections.abc import Callable
from typing import Any

from ..core.risk.pacing import OVER
from .gate import Gate
from .limits import MILLION, Limits

LOOK_NS = 5 * MILLION  # between two looks at the throttles
LOOK_PART = 256  # a look takes at most one part in so many of the time
ROWS = 16  # since the last look: fewer disturb nobody
LATELY_NS = 1_000 * MILLION  # so long after it was over its throttle, or sent more than it got, a session counts as over it
PART = 20  # one part in so many of the time is theirs,
DUE_PART = 4  # or one in so few while the throttle of one who is next is not used up
LINKS = 2  # of them in one turn
LEAST_NS, MOST_NS = MILLION // 2, 50 * MILLION  # from one of their turns to the next


class Floods:
    """next_at: from when on a turn has to ask `choose` for its links; that is all that a turn looks at while nobody floods. aside: links that are over their
    throttle and wait for a turn of theirs; they are marked as ready. Times are ns of the steady clock."""

    __slots__ = (
        "_began", "_ended", "_fair_ns", "_gate", "_later", "_look_at", "_looks", "_marks", "_other_at", "_paces", "_rows", "_seen", "_tick", "_timer",
        "_took", "_until", "_wake", "aside", "next_at", "theirs",
    )  # fmt: skip

    def __init__(
        self,
        limits: Limits,
        gate: Gate,
        tick: Callable[[], int],
        paces: Callable[[], tuple[bytes, bool]],
        rows: Callable[[], int],
        later: Callable[[float, Callable[[], None]], object],
        wake: Callable[[], None],
    ) -> None:
        """tick(): the steady clock. paces(): see Engine.paces. rows(): how many there ever were. later(seconds, function): calls it then. wake: requests a turn."""
        self._fair_ns = limits.fair_ns
        self._gate, self._tick = gate, tick
        self._paces, self._rows = paces, rows
        self._later, self._wake = later, wake
        self._seen = 0  # rows at the last look
        self._looks = 0
        self._marks = b""
        self._until = 0  # when the last of them is no longer over its throttle
        self._other_at = 0  # when a session that is not over its throttle last had input
        self._began = self._ended = 0  # of the newest turn that was theirs
        self._took = 0  # until what it made was sent; -1: not known yet
        self._timer = False
        self._look_at = 0
        self.next_at = 0
        self.theirs = False  # this turn takes some of those that wait
        self.aside: list[Any] = []

    def choose(self, ready: list[Any], now: int) -> list[Any]:
        """The links that this turn is for."""
        self.theirs = False
        if now >= self._look_at:
            self.look(now)
        if now < self._until:
            self.next_at = 0
            return self.pace(ready, now)
        self.next_at = self._look_at
        if self.aside:
            ready, self.aside = [*self.aside, *ready], []
        return ready

    def look(self, now: int) -> None:
        """See who is over a throttle."""
        rows = self._rows()
        self._look_at = now + LOOK_NS
        if rows - self._seen >= ROWS:
            self._marks, found = self._paces()
            self._looks += 1
            if found:
                self._until = now + LATELY_NS
            self._look_at = max(self._look_at, now + LOOK_PART * (self._tick() - now))
        self._seen = rows

    def pace(self, ready: list[Any], now: int) -> list[Any]:
        """The same while somebody is over a throttle, or was a moment ago."""
        others: list[Any] = []
        aside = self.aside
        for link in ready:
            if self._is_over(link, now):
                aside.append(link)
            else:
                others.append(link)
                if link.connection is not None and link.connection.session:
                    self._other_at = now
        if not aside:
            return others
        if not self._other_at or now - self._other_at > self._fair_ns:
            self.aside = []
            return others + aside  # they delay only each other
        due = self._due()
        if now < due:
            self._ask_turn_at(due, now)
            return others
        self._began, self._took = now, -1
        self.theirs = True
        self._later(0, self._turned)
        if len(aside) > LINKS:
            self._ask_turn_at(now + LEAST_NS, now)
        self.aside = aside[LINKS:]
        return others + aside[:LINKS]

    def _ask_turn_at(self, due: int, now: int) -> None:
        if not self._timer:
            self._timer = True
            self._later(max(due - now, LEAST_NS) / 1e9, self._time)

    def _turned(self) -> None:
        """What the loop does after a turn that was theirs."""
        self._ended = self._tick()

    def _is_over(self, link: Any, now: int) -> bool:
        """Whether it is, or was a moment ago: a flood goes on in the next window of its throttle."""
        connection = link.connection
        if connection is None or link.lost or link.eof or link.closing is not None:
            return False
        if link.over_look != self._looks:
            link.over_look = self._looks
            mark = self._marks[connection.session] if connection.session < len(self._marks) else 0
            if mark or (now < link.over_until and link.wants):  # it goes on if it sends more than it gets
                link.over_until = self._until = now + LATELY_NS
            link.due_more = mark != OVER
        return bool(now < link.over_until)

    def _due(self) -> int:
        """When they may have their next turn: at the latest then while what their last one took is not known, because it waits for the disk."""
        latest = self._began + MOST_NS
        if self._took < 0:
            held = self._gate.held
            if held and held[0].at <= self._began:
                return latest
            self._took = max(self._ended, self._gate.released_at) - self._began
        part = DUE_PART if any(link.due_more for link in self.aside[:LINKS]) else PART
        return min(self._began + max(part * self._took, LEAST_NS), latest)

    def _time(self) -> None:
        self._timer = False
        if self.aside:
            self._wake()
