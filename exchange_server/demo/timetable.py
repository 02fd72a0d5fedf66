"""When each market of the tournament opens, goes live, closes and is determined, in compressed time. Pure functions."""

from collections.abc import Mapping
from typing import NamedTuple

from . import outcomes as o
from .facts import MINUTE, STAGES, Facts

REGULAR = 115 * MINUTE  # from the kick-off to the end of the 90 minutes, with the break
BEFORE_NS = 2 * 10**9  # between the opening and the first kick-off
BY_HAND = frozenset((o.WIN, o.SCORER, o.GOALS, f"{o.PREFIX}-FINAL", f"{o.PREFIX}-FINAL-TIE"))  # closed when the bots have stopped


class Times(NamedTuple):
    """Exchange time, ns. live: 0 where a market is not played in play; closes: 0 where it is closed by hand; known: when the result is in."""

    opens: int
    live: int
    closes: int
    known: int


class Clock(NamedTuple):
    """Maps the tournament's time to the time of the play: `speed` times as fast, the first kick-off at `first_ns`."""

    first_ns: int
    begins_ns: int  # the first kick-off in the play
    speed: int

    def at(self, real_ns: int) -> int:
        return self.begins_ns + (real_ns - self.first_ns) // self.speed

    def real(self, at_ns: int) -> int:
        """What time it is in the tournament."""
        return self.first_ns + (at_ns - self.begins_ns) * self.speed


def span(facts: Facts) -> tuple[int, int]:
    """From the first kick-off to the end of the last match, ns since the epoch."""
    return min(match.kickoff_ns for match in facts.matches), max(match.over_ns for match in facts.matches)


def clock(facts: Facts, starts_ns: int, speed: int) -> Clock:
    """The clock of a play whose markets open at `starts_ns`."""
    return Clock(span(facts)[0], starts_ns + BEFORE_NS, speed)


def speed_for(facts: Facts, seconds: float) -> int:
    """At what speed the matches take so long."""
    first, last = span(facts)
    return max(1, round((last - first) / (seconds * 1e9)))


def timetable(facts: Facts, clock: Clock) -> dict[str, Times]:
    """The times of every event. A match of the knock-out stage opens when the round before it is over and its teams are known; everything else
    when the play starts."""
    starts = clock.begins_ns - BEFORE_NS
    ends = {stage: max(match.over_ns for match in facts.matches if match.stage == stage) for stage in STAGES}
    before = {stage: earlier for earlier, stage in zip(STAGES, STAGES[1:])} | {"FINAL": "SF"}
    out: dict[str, Times] = {}
    for outcome in o.outcomes(facts).values():
        known = clock.at(outcome.at_ns)
        out[outcome.event] = Times(starts, 0, known, known)
    for match in facts.matches:
        opens = clock.at(ends[before[match.stage]]) if match.stage in before else starts
        live, regular, over = clock.at(match.kickoff_ns), clock.at(match.kickoff_ns + REGULAR), clock.at(match.over_ns)
        out[o.match_event(match)] = Times(opens, live, regular, over)
        if match.stage != "GROUP":
            out[o.tie_event(match)] = Times(opens, live, over, over)
    return {event: times._replace(closes=0) if event in BY_HAND else times for event, times in out.items()}


def traded(times: Mapping[str, Times]) -> dict[str, tuple[int, int]]:
    """From when to when the bots trade each event."""
    return {event: (row.opens, row.closes) for event, row in times.items()}
