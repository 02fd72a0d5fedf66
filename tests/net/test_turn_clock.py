"""Durability 11: the time of day is set back, forward and right again, and the process is frozen, while peers are connected."""

import asyncio
import time
from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.net.clock import Clock, ClockMemory, ClockRules, machine_steady_ns
from protocol import codes

from .test_turn import MS, Street, lines, nothing, until

HOUR = 3600 * 1000 * MS


class Machine:
    """The real clocks, with what a test has added to them."""

    def __init__(self) -> None:
        self.step = 0  # of the time of day
        self.frozen = 0  # of both: the process was frozen

    def clock(self) -> Clock:
        real = lambda: time.time_ns() + self.step + self.frozen  # noqa: E731
        return Clock(ClockMemory(), ClockRules(), real, lambda: machine_steady_ns() + self.frozen, 1)


class Lines:
    """A log that keeps (event, fields)."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        self.seen.append((event, fields))

    def drain(self, most: int = 8) -> bool:
        return False

    def events(self, *names: str) -> list[str]:
        return [event for event, _ in self.seen if event in names]


class ClockStreet(Street):
    def __init__(self, machine: Machine, **options: Any) -> None:
        super().__init__(clock=machine.clock(), **options)
        self.log: Any = Lines()

    def times(self, word: int) -> list[int]:
        return [int(row[word]) for row in self.engine.rows if int(row[0]) & 255 == codes.C_TIME]


STEPS = ("clock_step_back", "clock_jump", "clock_jump_over", "clock_accepted")


@pytest.mark.parametrize("step", [-HOUR, 24 * HOUR])
async def test_heartbeats_and_logon_limits_do_not_care_about_the_time_of_day(step: int) -> None:
    machine = Machine()
    async with ClockStreet(machine, every=10 * MS, logon_ns=60 * MS) as street:
        reader, _ = await street.client(1)
        assert await lines(reader, 2) == [b"beat"] * 2
        machine.step = step
        assert await lines(reader, 5) == [b"beat"] * 5
        assert 1 in street.directory.bound, "nobody is cut for what the clock did"
        idle, _ = await street.client()
        assert (await lines(idle, 1))[0].startswith(b"BYE"), "and who does not log on is"
        await until(lambda: street.log.events(*STEPS))
        assert len(street.log.events(*STEPS)) == 1, "one line for the step"


async def test_exchange_time_creeps_on_and_orders_with_it() -> None:
    machine = Machine()
    async with ClockStreet(machine) as street:
        reader, writer = await street.client(1)
        writer.write(b"1\n")
        assert await lines(reader, 1) == [b"OK 1"]
        machine.step = -HOUR
        for i in range(20):
            writer.write(b"%d\n" % i)
            assert await lines(reader, 1) == [b"OK %d" % i]
        times, ticks = street.times(L.CMD_TIME_NS), street.times(L.CMD_TIME_TICK)
        passed, crept = ticks[-1] - ticks[2], times[-1] - times[2]
        assert all(b > a for a, b in zip(times[2:], times[3:])) and crept <= passed // 2 + 20 * 10
        assert all(b > a for a, b in zip(ticks, ticks[1:]))


async def test_an_expiry_comes_while_exchange_time_creeps() -> None:
    machine = Machine()
    async with ClockStreet(machine) as street:
        machine.step = -HOUR
        now = street.clock.now_ns()
        began = street.clock.tick_ns()
        street.engine.next_due = street.pipeline.calendar.expiry = now + 20 * MS
        street.pipeline.calendar.set_timer()
        await until(lambda: street.engine.next_due == 0)
        assert street.clock.tick_ns() - began >= 40 * MS and street.engine.kinds() == [codes.C_TIME]


async def test_after_a_jump_new_orders_are_refused_until_the_clock_returns_or_is_accepted() -> None:
    machine = Machine()
    async with ClockStreet(machine) as street:
        reader, writer = await street.client(1)
        expiry = street.clock.now_ns() + HOUR
        street.engine.next_due = street.pipeline.calendar.expiry = expiry
        for machine.step, answer in ((0, b"OK 1"), (24 * HOUR, b"NO 1"), (0, b"OK 1"), (24 * HOUR, b"NO 1")):
            writer.write(b"1\n")
            assert await lines(reader, 1) == [answer]
            held = answer == b"NO 1"
            assert street.pipeline.status()["refusing_new_orders"] == (codes.R_CLOCK_JUMP if held else 0)
        assert street.engine.next_due == expiry, "nothing has expired by a step that was undone"
        street.clock.accept("uid:0")
        writer.write(b"2\n")
        assert await lines(reader, 1) == [b"OK 2"]
        assert street.engine.next_due == 0, "an accepted time is the time"
        assert street.log.events(*STEPS) == ["clock_jump", "clock_jump_over", "clock_jump", "clock_accepted"]
        refused = [int(row[L.CMD_TIME_REFUSE]) for row in street.engine.rows if int(row[0]) & 255 == codes.C_TIME]
        assert set(refused) == {0, codes.R_CLOCK_JUMP}


async def test_a_process_that_stood_still_reads_before_it_judges() -> None:
    machine = Machine()
    async with ClockStreet(machine, logon_ns=300 * MS, thaw_ns=100 * MS) as street:
        reader, writer = await street.client()
        await until(lambda: street.pipeline.links.by_id)
        machine.frozen = HOUR  # the logon's time is over, by an hour
        street.pipeline.turn()
        assert street.log.events("stood_still") == ["stood_still"]
        writer.write(b"logon 1\n5\n")
        assert await lines(reader, 1) == [b"OK 5"]
        late, _ = await street.client()
        assert (await lines(late, 1))[0].startswith(b"BYE"), "the limit itself still holds"
        assert street.pipeline.counters.freezes == 1 and street.log.events(*STEPS) == []


async def test_a_peer_that_is_still_silent_after_the_stand_still_is_cut() -> None:
    machine = Machine()
    async with ClockStreet(machine, logon_ns=300 * MS, thaw_ns=20 * MS) as street:
        reader, _ = await street.client()
        await until(lambda: street.pipeline.links.by_id)
        machine.frozen = HOUR
        street.pipeline.turn()
        assert (await lines(reader, 1))[0].startswith(b"BYE")


async def test_an_idle_server_sees_a_step_and_says_so_once() -> None:
    machine = Machine()
    async with ClockStreet(machine, disk_check_ns=5 * MS) as street:
        machine.step = 24 * HOUR
        await until(lambda: street.log.events("clock_jump"))
        await asyncio.sleep(0.03)
        assert street.log.events(*STEPS) == ["clock_jump"]
        reader, writer = await street.client(1)
        await nothing(reader, 0.01)
