"""Times and durations as text for people: "2026-07-19 21:40:00 UTC", "1.5 s". Arguments are in nanoseconds."""

from datetime import UTC, datetime

from . import numbers

_UNITS = ((86_400 * 10**9, "d"), (3600 * 10**9, "h"), (60 * 10**9, "min"), (10**9, "s"), (10**6, "ms"), (10**3, "us"))
_YEAR_MAX_NS = 253_402_300_799 * 10**9


def instant(ns: int) -> str:
    """A time in UTC, with as many decimals of a second as it needs (none, 3, 6 or 9)."""
    if not 0 <= ns <= _YEAR_MAX_NS:
        return f"{ns} ns after 1970"
    seconds, rest = divmod(ns, 10**9)
    digits = "" if not rest else f".{rest:09}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}{digits} UTC"


def duration(ns: int) -> str:
    """A duration in the largest unit in which it has at most three decimals: 1_500_000_000 -> "1.5 s"."""
    for size, name in _UNITS:
        if abs(ns) >= size and ns * 1000 % size == 0:
            text = numbers.unscaled(ns * 1000 // size, 3).rstrip("0").rstrip(".")
            return f"{text} {name}"
    return f"{ns} ns" if ns else "0 s"
