"""Times as people write them."""

import pytest

from exchange_server.cli import times
from exchange_server.cli.common import CommandError
from exchange_server.exits import Exit

NOW = 1_800_000_000 * 10**9


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times.time, "time_ns", lambda: NOW)


def test_durations_dates_and_times() -> None:
    day = 86_400 * 10**9
    assert times.ahead("2d", "--until") == NOW + 2 * day and times.ago("2d", "--from") == NOW - 2 * day
    assert times.ahead("1970-01-03", "--until") == times.ago("1970-01-03T00:00:00Z", "--from") == 2 * day
    assert times.ago("1970-01-03T02:00:00.000001+02:00", "--from") == 2 * day + 1000


@pytest.mark.parametrize("text", ["", "x", "5", "-5d", "1969-12-31", "2027-01-31T12:00:00", "2027-13-01", "٣d", "20270131"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(CommandError) as error:
        times.ahead(text, "--until")
    assert error.value.exit_code == Exit.USAGE and f'--until: "{text}" is neither a duration (7d), a date' in error.value.sentence


def test_a_moment_is_neither_duration_nor_date() -> None:
    assert times.moment("1970-01-03T02:00:00.000001+02:00", "--trigger-at") == 2 * 86_400 * 10**9 + 1000


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2d", "not a UTC time"),
        ("2026-07-19", "not a UTC time"),
        ("2026-07-19T21:40:00", "not a UTC time"),
        ("1970-01-01T00:00:00Z", "before 1970"),
    ],
)
def test_what_is_no_moment(text: str, sentence: str) -> None:
    with pytest.raises(CommandError) as error:
        times.moment(text, "--trigger-at")
    assert error.value.exit_code == Exit.USAGE and f"--trigger-at {text}: {sentence}" in error.value.sentence
