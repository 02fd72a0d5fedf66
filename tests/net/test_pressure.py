"""Overload: first nothing is read, then orders are refused. Little disk space: orders are refused until there is enough again."""

from types import SimpleNamespace
from typing import Any

from exchange_server.net.limits import Limits
from exchange_server.net.observe import Counters
from exchange_server.net.pressure import DO_NOT_READ, Pressure
from protocol import codes

MS = 1_000_000


class Rig:
    def __init__(self, space: int = 1000) -> None:
        self.gate: Any = SimpleNamespace(held=[], held_bytes=0)
        self.journal: Any = SimpleNamespace(backlog_bytes=0, ring_bytes=1000)
        self.counters = Counters()
        self.lines: list[str] = []
        self.asked: list[float] = []
        self.space = space
        limits = Limits(held_bytes=100, held_ns=20 * MS, shed_after_ns=50 * MS, disk_reserve_bytes=100)
        log: Any = lambda level, event, **fields: self.lines.append(event)  # noqa: E731
        self.pressure = Pressure(self.gate, self.journal, limits, self.counters, log, self.asked.append, lambda: self.space)

    def hold(self, size: int, at: int = 0) -> None:
        self.gate.held, self.gate.held_bytes = [SimpleNamespace(at=at)], size


def test_nothing_held_is_no_pressure() -> None:
    rig = Rig()
    rig.journal.backlog_bytes = 900
    assert rig.pressure.look(10**12) == 0, "what is written but not held by anyone makes nobody wait"


def test_overload_stops_reading_then_sheds_then_ends() -> None:
    rig = Rig()
    rig.hold(101, at=1 * MS)
    assert rig.pressure.look(1 * MS) == DO_NOT_READ and rig.lines == ["overload"] and rig.asked == [0.0125]
    assert rig.pressure.look(50 * MS) == DO_NOT_READ and rig.pressure.choked_since == 1 * MS
    assert rig.pressure.look(51 * MS) == codes.R_OVERLOAD and rig.lines == ["overload"]
    assert (rig.counters.choked_turns, rig.counters.shed_turns) == (2, 1)
    rig.hold(201)
    assert rig.pressure.look(52 * MS) == DO_NOT_READ, "twice the bound: not even read to be refused"
    rig.gate.held, rig.gate.held_bytes = [], 0
    assert rig.pressure.look(53 * MS) == 0 and rig.pressure.choked_since == 0


def test_age_and_a_half_full_ring_are_overload_too() -> None:
    for size, now, backlog, overloaded in ((1, 20, 0, False), (1, 21, 0, True), (1, 1, 500, False), (1, 1, 501, True), (100, 1, 0, False)):
        rig = Rig()
        rig.hold(size)
        rig.journal.backlog_bytes = backlog
        assert (rig.pressure.look(now * MS) == DO_NOT_READ) is overloaded, (size, now, backlog)


def test_the_disk_reserve_has_a_quarter_of_slack() -> None:
    rig = Rig(space=99)
    rig.pressure.look_at_the_disk()
    assert rig.pressure.look(1) == codes.R_DISK_RESERVE and rig.counters.disk_reserve_turns == 1
    for rig.space in (100, 125):
        rig.pressure.look_at_the_disk()
        assert rig.pressure.refuse == codes.R_DISK_RESERVE
    rig.space = 126
    rig.pressure.look_at_the_disk()
    assert rig.pressure.look(1) == 0 and rig.lines == ["disk_reserve", "disk_reserve_over"]
