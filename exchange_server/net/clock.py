"""The only place that reads clocks. The times of a turn are read here once; everything below gets them as arguments.

There are three times:
  * `tick`, the steady clock: ns that pass independently of changes to the time of day. Liveness, throttles and ages use it. It continues
    across restarts (the journal keeps it) and while the machine sleeps.
  * `now`, exchange time, used by TIME rows, expiry and timestamps. It follows the time of day and never goes back. While it is ahead (the time
    of day was set back) it runs slowly: at least 1 ns per reading, at most half speed. A forward jump of the time of day is not followed
    until an operator accepts it or it is undone; until then exchange time runs at the speed of the steady clock.
  * `real`, the machine's time of day, compared with the peers' times (SendingTime).

Detecting a jump: the difference between time of day and monotonic clock must stay the same, so idle hours, a stopped process and a sleeping
machine are not jumps. At a start the difference is compared with the journal's, unless the machine was restarted in the meantime. After a
restart of the machine, downtime and a wrong clock look the same, and only an absence longer than `absence_ns` counts as a jump.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

MILLION = 1_000_000
SECOND = 1_000_000_000
STEP_NS = MILLION  # a difference below this is a normal adjustment of the clock
READ_AGAIN = 10  # tries to read both clocks without being interrupted in between

machine_steady_ns = partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)  # ns since the machine was started, sleep included


class ClockRules(msgspec.Struct, frozen=True, kw_only=True):
    """How far the time of day may jump ahead without an operator: between two readings, while the server was down, while the machine was down."""

    jump_ns: int = 5 * SECOND
    start_ns: int = 60 * SECOND
    absence_ns: int = 30 * 86_400 * SECOND


class ClockMemory(NamedTuple):
    """The clocks as last journaled: the newest TIME row."""

    time_ns: int = 0
    tick_ns: int = 0
    offset_ns: int = 0  # `line`
    boot: int = 0
    held: bool = False  # a jump was not yet accepted


class Clock:
    """Exchange time, the steady clock and the time of day. `real` and `steady` return ns (tests pass their own); boot: number of
    this start of the machine."""

    __slots__ = ("back_steps", "behind_ns", "boot", "jump_ns", "jumps", "line", "news", "now", "offset", "read_real", "read_steady", "real", "rules", "seen", "steady", "tick_base")  # fmt: skip

    def __init__(
        self,
        memory: ClockMemory = ClockMemory(),
        rules: ClockRules = ClockRules(),
        real: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] | None = None,
        boot: int | None = None,
    ) -> None:
        self.read_real = real
        self.read_steady = steady if steady is not None else machine_steady_ns
        self.rules = rules
        self.boot = machine_boot() if boot is None else boot
        self.news: list[tuple[str, str, dict[str, Any]]] = []  # (level, event, fields) not yet logged
        self.back_steps = 0
        self.jumps = 0
        self.jump_ns = 0  # how far the time of day is ahead of the accepted time; 0: it is accepted
        self.real, self.steady = self._read()
        self.seen = self.real - self.steady
        self.line = 0  # the offset before a step back: while exchange time is ahead, a step forward to this offset is not a jump
        self.offset = self._begin(memory)
        believed = self.offset + self.steady
        self.now = memory.time_ns or believed
        self.behind_ns = max(0, self.now - believed)  # how far the accepted time of day is behind exchange time
        away = max(0, believed - memory.time_ns) if memory.time_ns else 0
        self.tick_base = (memory.tick_ns + away if memory.tick_ns else max(self.now, believed)) - self.steady

    def _begin(self, memory: ClockMemory) -> int:
        """The offset to use at a start."""
        if not memory.time_ns:
            self.line = self.seen
            return self.seen
        rules = self.rules
        if memory.boot and memory.boot == self.boot:
            offset, limit = memory.offset_ns, rules.start_ns
        else:
            offset, limit = memory.time_ns - self.steady, rules.start_ns if memory.held else rules.absence_ns
        self.line = offset
        ahead = self.real - max(memory.time_ns, offset + self.steady)
        if ahead > limit:
            self._jumped(ahead, limit)
            return offset
        if self.seen - offset < -STEP_NS:
            self._stepped_back(offset - self.seen)
        return self.seen

    def _read(self) -> tuple[int, int]:
        """Time of day and steady clock of one moment; both are read again if the process was interrupted in between."""
        for _ in range(READ_AGAIN):
            before = self.read_steady()
            real = self.read_real()
            steady = self.read_steady()
            if steady - before < STEP_NS:
                break
        return real, steady

    def now_ns(self) -> int:
        """Read the clocks; returns exchange time."""
        steady = self.read_steady()
        real = self.read_real()
        seen = real - steady
        if -STEP_NS < seen - self.seen < STEP_NS and real >= self.now and self.offset == self.seen and not self.jump_ns:
            # Fast path for nearly every turn: the clock was not set, and exchange time is the time of day.
            self.real = self.now = real
            self.steady = steady
            self.seen = self.offset = self.line = seen
            self.behind_ns = 0
            return real
        real, steady = self._read()
        passed = steady - self.steady
        self.real, self.steady, self.seen = real, steady, real - steady
        step = self.seen - self.offset
        ahead = real - max(self.line + steady, self.now + (passed >> 1))
        if ahead > self.rules.jump_ns:
            if not self.jump_ns:
                self._jumped(ahead, self.rules.jump_ns)
            self.jump_ns = step
        elif step:
            if step < -STEP_NS and not self.jump_ns:
                self._stepped_back(-step)
            self.offset = self.seen
        if self.jump_ns and ahead <= self.rules.jump_ns:
            self.jump_ns = 0
            self.news.append(("warning", "clock_jump_over", {"effect": "the clock is right again: new orders are accepted"}))
        believed = self.offset + steady
        if believed >= self.now:
            self.now = believed
            self.behind_ns = 0
            self.line = self.offset
        else:
            self.now += max(1, passed >> 1)
            self.behind_ns = max(0, self.now - believed)
        return self.now

    def _jumped(self, ahead: int, limit: int) -> None:
        self.jumps += 1
        self.jump_ns = ahead
        effect = "new orders and replaces are refused, cancels are still accepted; it ends when the clock is right again or with `exos clock accept`"
        self.news.append(("error", "clock_jump", {"ahead_s": seconds(ahead), "limit_s": seconds(limit), "effect": effect}))

    def _stepped_back(self, back: int) -> None:
        self.back_steps += 1
        self.news.append(("warning", "clock_step_back", {"back_s": seconds(back)}))

    def tell(self, log: Callable[..., None], **more: Any) -> None:
        """Log the news, one line for each step of the time of day. more: fields added to every line."""
        news, self.news = self.news, []
        for level, event, fields in news:
            log(level, event, **more, **fields)

    @property
    def held(self) -> bool:
        """True: the time of day has jumped forward and is not accepted."""
        return self.jump_ns != 0

    @property
    def tick(self) -> int:
        """The steady clock at the last reading."""
        return self.tick_base + self.steady

    def tick_ns(self) -> int:
        """The steady clock now; the other times stay those of the last reading."""
        return self.tick_base + self.read_steady()

    def accept(self, who: str) -> None:
        """An operator confirms the time of day: exchange time moves to it with the next reading."""
        if self.jump_ns:
            self.line = self.offset = self.seen
            self.news.append(("warning", "clock_accepted", {"who": who, "ahead_s": seconds(self.jump_ns)}))
            self.jump_ns = 0

    def wait_ns(self, due_ns: int) -> int:
        """ns from the last reading until exchange time reaches `due_ns`; while it is ahead it runs at half speed."""
        left = due_ns - self.now
        return left + min(left, self.behind_ns) if left > 0 else 0

    def status(self) -> dict[str, Any]:
        """What `exos status` and `exos doctor` show."""
        return {
            "exchange_time": utc(self.now),
            "system_time": utc(self.real),
            "offset_s": seconds(self.now - self.real),
            "held": self.held,
            "jump_s": seconds(self.jump_ns),
            "jumps": self.jumps,
            "steps_back": self.back_steps,
        }


def seconds(ns: int) -> str:
    """ns as seconds with three decimals, rounded towards zero."""
    return f"{'-' if ns < 0 else ''}{abs(ns) // SECOND}.{abs(ns) // MILLION % 1000:03d}"


def utc(ns: int) -> str:
    """A time in UTC to the millisecond."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // SECOND)) + f".{ns // MILLION % 1000:03d}Z"


def machine_boot() -> int:
    """A number that identifies this start of the machine, 1 to 2^62; 0 if it is not known."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        return (int(text.strip().replace("-", ""), 16) >> 66) + 1
    except (OSError, ValueError):
        return 0
