"""Exchange time never falls, advances slowly while it is ahead, and does not follow a jump; the steady clock always advances."""

import pytest

from exchange_server.net.clock import SECOND, Clock, ClockMemory, ClockRules, machine_boot, machine_steady_ns, seconds

DAY = 86_400 * SECOND
NOON = 1_780_000_000 * SECOND


class Machine:
    """A time of day and a monotonic clock that a test moves."""

    def __init__(self, boot: int = 7) -> None:
        self.real, self.steady, self.boot = NOON, 1000 * SECOND, boot
        self.rules = ClockRules()

    def passes(self, ns: int) -> None:
        self.real += ns
        self.steady += ns

    def reboot(self) -> None:
        self.steady, self.boot = SECOND, self.boot + 1

    def clock(self, memory: ClockMemory = ClockMemory()) -> Clock:
        return Clock(memory, self.rules, lambda: self.real, lambda: self.steady, self.boot)


def remembered(clock: Clock) -> ClockMemory:
    """What the journal holds of it: the TIME row of its last reading."""
    return ClockMemory(clock.now, clock.tick, clock.line, clock.boot, clock.held)


def news(clock: Clock) -> list[str]:
    found = [event for _, event, _ in clock.news]
    clock.news.clear()
    return found


def test_time_is_what_the_system_says_as_long_as_it_does_not_step() -> None:
    machine = Machine()
    clock = machine.clock()
    for passed in (0, 1, SECOND, 3600 * SECOND):
        machine.passes(passed)
        assert clock.now_ns() == machine.real and clock.tick - clock.tick_base == machine.steady
    assert news(clock) == [] and clock.status()["offset_s"] == "0.000"


def test_after_a_step_back_it_creeps_at_half_speed_and_is_caught_up_with() -> None:
    machine = Machine()
    clock = machine.clock()
    before, tick = clock.now_ns(), clock.tick
    machine.real -= 3600 * SECOND
    assert clock.now_ns() == before + 1, "at least 1 ns a reading"
    assert clock.now_ns() == before + 2 and clock.tick == tick
    machine.passes(10 * SECOND)
    assert clock.now_ns() == before + 2 + 5 * SECOND and clock.tick == tick + 10 * SECOND
    assert clock.status()["offset_s"] == "3595.000"
    due = clock.now + 100 * SECOND
    assert clock.wait_ns(due) == 200 * SECOND
    machine.passes(200 * SECOND)
    assert clock.now_ns() == due
    far = clock.now + clock.behind_ns + SECOND
    assert clock.wait_ns(far) == 2 * clock.behind_ns + SECOND
    machine.passes(2 * clock.behind_ns + SECOND)
    assert clock.now_ns() == machine.real == far and clock.behind_ns == 0
    assert clock.wait_ns(far - 5) == 0
    assert news(clock) == ["clock_step_back"], "once for the step, however many readings"
    machine.real -= SECOND
    clock.now_ns()
    assert news(clock) == ["clock_step_back"], "a second step is a second line"


def test_a_jump_forward_is_not_taken_and_its_return_ends_it() -> None:
    machine = Machine()
    clock = machine.clock()
    before, tick = clock.now_ns(), clock.tick
    machine.real += DAY
    assert clock.now_ns() == before and clock.held
    machine.passes(7 * SECOND)
    assert clock.now_ns() == before + 7 * SECOND and clock.tick == tick + 7 * SECOND, "exchange time goes on at its own pace"
    status = clock.status()
    assert status["held"] and status["jump_s"] == "86400.000" and status["offset_s"] == "-86400.000"
    machine.real -= DAY
    assert clock.now_ns() == before + 7 * SECOND == machine.real and not clock.held
    assert news(clock) == ["clock_jump", "clock_jump_over"]


def test_a_jump_that_is_accepted() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.accept("uid:0")
    assert news(clock) == [], "nothing to accept"
    machine.real += DAY
    clock.now_ns()
    clock.accept("uid:0")
    assert clock.now_ns() == machine.real and not clock.held and news(clock) == ["clock_jump", "clock_accepted"]


def test_a_jump_within_the_limit_is_taken() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.real += 5 * SECOND
    assert clock.now_ns() == machine.real and not clock.held
    machine.real += 5 * SECOND + 1
    assert clock.now_ns() == machine.real - 5 * SECOND - 1 and clock.held
    machine.rules = ClockRules(jump_ns=DAY)
    clock = machine.clock()
    machine.real += DAY
    assert clock.now_ns() == machine.real and not clock.held, "the limit is a setting"


def test_idle_hours_a_stopped_process_and_a_sleeping_machine_are_no_jumps() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.passes(40 * DAY)
    assert clock.now_ns() == machine.real and news(clock) == []


def test_being_held_up_between_the_two_readings_is_no_step() -> None:
    steady = iter([0, 0, 0, *[90 * SECOND] * 2])
    clock = Clock(ClockMemory(), ClockRules(), lambda: NOON, lambda: next(steady), 1)
    real = iter([NOON + 90 * SECOND] * 2)
    clock.read_real = lambda: next(real)
    # first try: the process is frozen for 90 s between the two readings, so they are read again
    assert clock.now_ns() == NOON + 90 * SECOND and news(clock) == []


def test_a_restart_on_the_same_machine_measures_the_downtime() -> None:
    machine = Machine()
    first = machine.clock()
    first.now_ns()
    memory = remembered(first)
    machine.passes(3 * DAY)
    clock = machine.clock(memory)
    assert clock.now_ns() == machine.real and not clock.held and news(clock) == []
    assert clock.tick == first.tick + 3 * DAY, "downtime counts for a throttle's window"
    machine.real += 61 * SECOND
    clock = machine.clock(memory)
    assert clock.held and news(clock) == ["clock_jump"], "the time of day was set while the server was down"
    assert clock.now_ns() == machine.real - 61 * SECOND and clock.tick == first.tick + 3 * DAY
    machine.real -= 2 * SECOND
    assert not machine.clock(memory).held, "59 s are within the limit of a start"


def test_a_restart_in_the_middle_of_a_jump() -> None:
    machine = Machine()
    first = machine.clock()
    machine.real += DAY
    first.now_ns()
    clock = machine.clock(remembered(first))
    assert clock.held and clock.now_ns() == machine.real - DAY
    machine.reboot()
    machine.real += 30 * SECOND
    again = machine.clock(remembered(clock))
    assert again.held and again.now_ns() == clock.now, "also after the machine was started anew"
    machine.real -= DAY
    assert not machine.clock(remembered(again)).held, "the clock is right again, after 30 s of downtime"
    again.accept("uid:0")
    again.now_ns()
    assert not machine.clock(remembered(again)).held


def test_a_step_back_that_is_undone_is_no_jump() -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock.now_ns()
    machine.real -= 3600 * SECOND
    clock.now_ns()
    machine.passes(60 * SECOND)
    clock.now_ns()
    again = machine.clock(remembered(clock))
    machine.real += 3600 * SECOND
    for one in (clock, again):
        assert one.now_ns() == machine.real == before + 60 * SECOND and not one.held
    machine.real -= 3600 * SECOND
    clock.now_ns()
    machine.real += 3600 * SECOND + 6 * SECOND
    clock.now_ns()
    assert clock.held, "what lies beyond is one"


def test_a_restart_in_the_middle_of_a_step_back_creeps_on() -> None:
    machine = Machine()
    first = machine.clock()
    before = first.now_ns()
    machine.real -= 3600 * SECOND
    first.now_ns()
    clock = machine.clock(remembered(first))
    assert news(clock) == ["clock_step_back"], "each start says how it found the clock"
    machine.passes(10 * SECOND)
    assert clock.now_ns() == before + 1 + 5 * SECOND and clock.behind_ns > 3500 * SECOND
    assert clock.tick == first.tick + 10 * SECOND


@pytest.mark.parametrize(("away", "held"), [(0, False), (3 * DAY, False), (30 * DAY, False), (31 * DAY, True)])
def test_after_a_start_of_the_machine_only_a_long_absence_is_doubted(away: int, held: bool) -> None:
    machine = Machine()
    first = machine.clock()
    first.now_ns()
    machine.reboot()
    machine.real += away
    clock = machine.clock(remembered(first))
    assert clock.held is held
    assert clock.now_ns() == (first.now if held else machine.real)


def test_a_machine_that_starts_with_a_clock_of_the_past() -> None:
    machine = Machine()
    first = machine.clock()
    first.now_ns()
    machine.reboot()
    machine.real = 5 * SECOND  # 1970
    clock = machine.clock(remembered(first))
    assert news(clock) == ["clock_step_back"]
    machine.passes(2 * SECOND)
    assert clock.now_ns() == first.now + SECOND, "orders and expiry go on from the journal's time"
    machine.real = first.now + 20 * SECOND  # NTP has set it
    clock.now_ns()
    assert clock.held, "which is a jump forward: an operator or a restart confirms it"


def test_the_machines_own_clocks() -> None:
    first = machine_steady_ns()
    assert 0 < first <= machine_steady_ns() and 0 <= machine_boot() < 1 << 63 and machine_boot() == machine_boot()
    clock = Clock()
    assert abs(clock.now_ns() - clock.real) < SECOND and not clock.held


def test_seconds_for_people() -> None:
    assert [seconds(ns) for ns in (0, -1, 1_500_000, -61 * SECOND)] == ["0.000", "-0.000", "0.001", "-61.000"]
