"""Converts texts of configuration files to exact whole numbers; defines the error that names file and key."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from protocol import numbers

from .kinds import MAX_AMOUNT
from .schema_types import Amount
from .toml_lines import line_in

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_DURATION = re.compile(r"([0-9]{1,19})(ns|us|ms|s|m|h|d)\Z")


class ConfigError(Exception):
    """An invalid configuration: `file`, `path` (the key, "" for the whole file), `line` of the key (0: not known) and one sentence."""

    def __init__(self, file: str, path: str, sentence: str) -> None:
        self.file, self.path, self.sentence, self.line = file, path, sentence, line_in(file, path)
        place = f"{file}:{self.line}" if self.line else file
        super().__init__(f"{place}: {path}: {sentence}" if path else f"{place}: {sentence}")


class UnknownAsset(ConfigError):
    """The file uses an asset that it does not define; only the server knows whether it has it. `asset`: its name."""

    def __init__(self, file: str, path: str, name: str, known: Iterable[str]) -> None:
        self.asset = name
        here = ", ".join(known) or "none"
        super().__init__(
            file, path, f"there is no asset {name} in the file (it has: {here}); exos config apply also knows the server's assets"
        )


def duration_ns(file: str, path: str, text: str) -> int:
    """ns of "72h"; refuses anything that is not digits and a unit."""
    match = _DURATION.match(text)
    if match is None:
        raise ConfigError(file, path, f'not a duration: "{text}" (a whole number with {", ".join(_UNITS)}, like "72h")')
    ns = numbers.whole(match[1]) * _UNITS[match[2]]
    if ns > MAX_AMOUNT:
        raise ConfigError(file, path, f"is longer than the server can represent:  {text}")
    return ns


def instant_ns(file: str, path: str, value: datetime | str) -> int:
    """ns since the epoch of a time with an offset from UTC, 0 for ""; refuses anything else."""
    if value == "":
        return 0
    text, at = str(value), value
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            raise ConfigError(file, path, f'not a time: "{text}" (like 2026-07-19T19:00:00Z)') from None
    if at.tzinfo is None:
        raise ConfigError(file, path, f"needs an offset from UTC, like 2026-07-19T19:00:00Z, asked {text}")
    if at < EPOCH:
        raise ConfigError(file, path, f"is before 1970, asked {text}")
    return (at - EPOCH) // MICROSECOND * 1000


def scaled(file: str, path: str, amount: Amount, decimals: int, what: str) -> int:
    """An amount as a whole number of its smallest unit: ("0.62", 4) -> 6200. Refuses amounts that are finer, negative or out of range."""
    try:
        return numbers.scaled(str(amount), decimals)
    except numbers.NotANumber as error:
        raise ConfigError(file, path, f"{error} ({what})") from error
