"""How values are written, and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_server.web import words
from exchange_server.web.limits import Buckets, Rate
from exchange_server.web.operation import place_of


@given(st.integers(0, words.LATEST_NS))
def test_times_are_read_back(ns: int) -> None:
    assert words.time_ns(words.time_text(ns)) == ns


def test_times_in_short_and_what_is_none() -> None:
    assert words.time_ns("2026-07-19T21:40:00Z") == words.time_ns("2026-07-19T21:40:00.000Z")
    for text in (
        "",
        "Z",
        "2026-07-19",
        "2026-07-19T21:40:00",
        "2026-07-19T21:40:00+02:00",
        "2026-13-01T00:00:00Z",
        "2026-07-19T21:40:00.1234567890Z",
        "2026-07-19T21:40:00.-1Z",
    ):
        with pytest.raises(ValueError):
            words.time_ns(text)


def test_places_of_messages() -> None:
    assert place_of("Expected `str`, got `int` - at `$.price`") == ("Expected `str`, got `int`", "$.price")
    assert place_of("Object contains unknown field `foo`") == ("Object contains unknown field `foo`", "$.foo")
    assert place_of("Object missing required field `x` - at `$.a[0]`") == ("Object missing required field `x`", "$.a[0].x")


def test_buckets_fill_at_their_rate() -> None:
    now = [0.0]
    buckets = Buckets(Rate(2, 3), lambda: now[0])
    assert [buckets.take("a").wait_s for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("b").left == 2
    now[0] = 0.25
    refused = buckets.take("a")
    assert refused.wait_s == 0.25 and refused.headers()["RateLimit-Remaining"] == "0"
    now[0] = 0.5
    assert buckets.take("a").wait_s == 0
    now[0] = 100
    assert buckets.take("a").left == 2
