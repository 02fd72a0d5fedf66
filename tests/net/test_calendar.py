"""Timers of links: one entry each, the earliest given to the loop, and a frozen process handled separately."""

from collections.abc import Callable
from typing import Any

from exchange_server.net.calendar import Calendar
from exchange_server.net.limits import Limits
from exchange_server.net.observe import Counters

MS = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 1_000 * MS
        self.half = False  # exchange time runs at half speed

    def tick_ns(self) -> int:
        return self.now

    def wait_ns(self, due: int) -> int:
        return (due - self.now) * (2 if self.half else 1)


class Timer:
    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(delay, call))
        return self.timers[-1]

    def live(self) -> list[float]:
        return [round(timer.at, 6) for timer in self.timers if not timer.cancelled]


class Link:
    def __init__(self, number: int, due: int) -> None:
        self.id, self.due, self.timer_at = number, due, 0

    def next_timer(self) -> int:
        return self.due


class Rig:
    def __init__(self) -> None:
        self.clock, self.loop, self.counters, self.lines = Clock(), Loop(), Counters(), []  # type: ignore[var-annotated]
        self.wakes = 0
        limits = Limits(frozen_ns=50 * MS, thaw_ns=10 * MS)
        loop: Any = self.loop
        clock: Any = self.clock
        log: Any = lambda level, event, **fields: self.lines.append(event)  # noqa: E731
        self.calendar = Calendar(loop, clock, limits, self.counters, log, self.wake)

    def wake(self) -> None:
        self.wakes += 1

    def link(self, number: int, after_ms: int) -> Any:
        link = Link(number, self.clock.now + after_ms * MS if after_ms else 0)
        self.calendar.arm(link)  # type: ignore[arg-type]
        return link


def test_the_loop_has_one_timer_for_the_earliest() -> None:
    rig = Rig()
    rig.link(1, 20)
    rig.link(2, 30)
    assert rig.loop.live() == [0.02]
    rig.link(3, 5)
    assert rig.loop.live() == [0.005] and len(rig.calendar) == 3
    rig.link(4, 0)
    assert len(rig.calendar) == 3, "nothing is due on it"


def test_what_is_due_is_taken_out_in_order_of_time() -> None:
    rig = Rig()
    for number, after in ((1, 20), (2, 10), (3, 40)):
        rig.link(number, after)
    assert rig.calendar.take(rig.clock.now + 25 * MS) == [2, 1]
    assert rig.calendar.first == rig.clock.now + 40 * MS and len(rig.calendar) == 1
    assert rig.calendar.take(rig.clock.now + 40 * MS) == [3] and rig.calendar.first == 0


def test_an_entry_moves_forward_only_and_can_be_taken_back() -> None:
    rig = Rig()
    link = rig.link(1, 20)
    link.due = rig.clock.now + 90 * MS
    rig.calendar.arm(link)
    assert link.timer_at == rig.clock.now + 20 * MS, "later: it is found early and set again"
    link.due = rig.clock.now + 10 * MS
    rig.calendar.arm(link)
    assert rig.calendar.first == link.due and len(rig.calendar) == 1
    rig.calendar.disarm(link)
    assert rig.calendar.first == 0 == len(rig.calendar) == link.timer_at
    rig.calendar.disarm(link)


def test_the_engines_expiry_is_exchange_time() -> None:
    rig = Rig()
    rig.clock.half = True
    rig.calendar.expiry = rig.clock.now + 20 * MS
    rig.calendar.set_timer()
    assert rig.loop.live() == [0.04]
    rig.link(1, 30)
    assert rig.loop.live() == [0.03]


def test_a_timer_that_fires_asks_for_a_turn_and_can_be_set_anew() -> None:
    rig = Rig()
    rig.link(1, 20)
    rig.loop.timers[0].call()
    assert rig.wakes == 1 and rig.calendar.timer is None
    rig.calendar.set_timer()
    assert len(rig.loop.timers) == 2


def test_after_a_stand_still_nobody_is_due_until_the_bytes_were_read() -> None:
    rig = Rig()
    rig.link(1, 20)
    late = rig.clock.now + 200 * MS
    assert rig.calendar.take(late) == [] and rig.lines == ["stood_still"] and rig.counters.freezes == 1
    assert rig.calendar.take(late + 9 * MS) == [], "the peers' bytes are read first"
    assert rig.calendar.take(late + 10 * MS) == [1] and rig.counters.freezes == 1
