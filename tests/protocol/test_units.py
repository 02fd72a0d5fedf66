"""Times as people read them."""

import pytest

from protocol import units


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"), (1, "1 ns"), (1_500_000_000, "1.5 s"), (60 * 10**9, "1 min"), (72 * 3600 * 10**9, "3 d"), (10**6, "1 ms"), (2_500, "2.5 us"),
        (90 * 10**9, "1.5 min"), (86_400 * 10**9 + 1, "86400000000.001 us"), (-(10**9), "-1 s"),
    ],
)  # fmt: skip
def test_durations(ns: int, text: str) -> None:
    assert units.duration(ns) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (1784497200 * 10**9, "2026-07-19 21:40:00 UTC"),
        (1784497200 * 10**9 + 5 * 10**6, "2026-07-19 21:40:00.005 UTC"),
        (1, "1970-01-01 00:00:00.000000001 UTC"),
        (1 << 62, "2116-02-20 23:53:38.427387904 UTC"),
        (-1, "-1 ns after 1970"),
    ],
)
def test_instants(ns: int, text: str) -> None:
    assert units.instant(ns) == text
