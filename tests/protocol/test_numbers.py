"""Every number from people is read exactly or refused."""

import pytest

from protocol import numbers
from protocol.numbers import NotANumber

STRANGE = (
    "",
    " ",
    "1e1",
    "1E1",
    "1_0",
    " 10",
    "10 ",
    "10\n",
    "+1",
    "-1",
    "٣",
    "１",
    "0x10",
    "1,0",
    "1.",
    ".5",
    "1.2.3",
    "nan",
    "inf",
    "NaN",
    "Infinity",
    "1" * 200,
)


@pytest.mark.parametrize("text", STRANGE)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(NotANumber):
        numbers.scaled(text, 4)
    with pytest.raises(NotANumber):
        numbers.whole(text)


@pytest.mark.parametrize(
    ("text", "decimals", "value"),
    [
        ("0.62", 4, 6200),
        ("1", 0, 1),
        ("007", 0, 7),
        ("0.0001", 4, 1),
        ("4611686018427387903", 0, (1 << 62) - 1),
        ("4.611686018427387903", 18, (1 << 62) - 1),
    ],
)
def test_amounts_are_exact(text: str, decimals: int, value: int) -> None:
    assert numbers.scaled(text, decimals) == value
    assert numbers.scaled(numbers.unscaled(value, decimals), decimals) == value


@pytest.mark.parametrize(
    ("text", "decimals"),
    [
        ("0.99999999999999999999999999999", 4),  # Decimal.scaleb made 1.0000 of it
        ("1000000000.0000000000000000001", 4),  # 29 digits: the last one was rounded away
        ("0.00001", 4),
        ("1.0", 0),
        ("4611686018427387904", 0),
        ("4611686018427387903.9", 1),
    ],
)
def test_nothing_is_rounded(text: str, decimals: int) -> None:
    with pytest.raises(NotANumber):
        numbers.scaled(text, decimals)


def test_whole_numbers_have_bounds_and_the_sentence_names_them() -> None:
    assert numbers.whole("65535", "port", 0, 65535) == 65535
    with pytest.raises(NotANumber, match="port must be 0 to 65535, asked 70000"):
        numbers.whole("70000", "port", 0, 65535)
    with pytest.raises(NotANumber, match='"1.5" is no port: write a whole number in digits, 0 to 65535'):
        numbers.whole("1.5", "port", 0, 65535)
    with pytest.raises(NotANumber, match='"0.00001" has 5 decimals, the price takes at most 4 decimals'):
        numbers.scaled("0.00001", 4, "price")
