"""What a contract on a number pays."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import scalar


def test_the_goals_of_the_world_cup() -> None:
    """200 goals or fewer pay nothing, 400 or more pay in full: 308 pay 0.54."""
    assert scalar.payout(308, 200, 400, 10_000) == 5400
    assert [scalar.payout(goals, 200, 400, 10_000) for goals in (0, 200, 201, 399, 400, 900)] == [0, 0, 50, 9950, 10_000, 10_000]


@given(st.integers(-(10**27), 10**27), st.integers(-(10**18), 10**18), st.integers(1, 10**18), st.integers(2, 10**9))
def test_it_is_the_formula(value: int, low: int, width: int, most: int) -> None:
    share = min(max(Fraction(value - low, width), Fraction(0)), Fraction(1))
    assert scalar.payout(value, low, low + width, most) == floor(most * share)


@pytest.mark.parametrize(
    ("text", "decimals", "number"),
    [("308", 0, 308), ("-1.5", 2, -150), ("0.05", 2, 5), ("3", 2, 300), ("-0", 0, 0), ("007", 0, 7)],
)
def test_numbers(text: str, decimals: int, number: int) -> None:
    assert scalar.whole(text, decimals) == number


@pytest.mark.parametrize("text", ["", "-", ".5", "5.", "1e3", "+1", " 1", "1\n", "0.125", "1,5", "--1", "9" * 19, "\u0663"])
def test_what_is_no_number_here(text: str) -> None:
    assert scalar.whole(text, 2) is None
