"""Times as people write them on the command line: a duration from now, a date, or a moment in UTC."""

import time
from datetime import UTC, datetime, timedelta

from config.amounts import ConfigError, duration_ns

from ..exits import Exit
from .common import CommandError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ahead(text: str, option: str) -> int:
    """ns since the epoch of "90d" (from now on), "2027-01-31" or "2027-01-31T12:00:00Z". Raises CommandError naming the option."""
    return _at(text, option, 1)


def ago(text: str, option: str) -> int:
    """The same, but "7d" is seven days before now."""
    return _at(text, option, -1)


def moment(text: str, option: str) -> int:
    """ns since the epoch of "2026-07-19T21:40:00Z", after 1970 began: neither a duration nor a date. Raises CommandError naming the option."""
    at = _parsed(text)
    if at is None or at.tzinfo is None:
        raise CommandError(Exit.USAGE, f"{option} {text}: not a UTC time like 2026-07-19T21:40:00Z")
    if at <= EPOCH:
        raise CommandError(Exit.USAGE, f"{option} {text}: before 1970")
    return _ns(at)


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _ns(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1) * 1000


def _at(text: str, option: str, sign: int) -> int:
    try:
        return time.time_ns() + sign * duration_ns("", option, text)
    except ConfigError:
        pass
    at = _parsed(text)
    if at is not None and at.tzinfo is None and len(text) == len("2027-01-31"):
        at = at.replace(tzinfo=UTC)  # a date is its first moment in UTC
    if at is None or at.tzinfo is None or at < EPOCH:
        raise CommandError(
            Exit.USAGE, f'{option}: "{text}" is neither a duration (7d), a date (2027-01-31) nor a time (2027-01-31T12:00:00Z)'
        )
    return _ns(at)


def utc(time_ns: int) -> str:
    """A moment as people read it, to the second: 2026-07-19T21:40:00Z."""
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
