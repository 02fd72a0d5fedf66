"""The only reader of numbers given by people: on the command line, in configuration files, in the SDK.

A number is ASCII digits, with one decimal point where decimals are allowed: no sign, exponent, `_`, space, or digits of other scripts. It
is read exactly or refused, never rounded. scripts/tidy.py (rule `number`) forbids int(), float() and Decimal() on such texts.
"""

import re

MAX_DIGITS = 40  # longest text accepted; no amount needs more
MAX_AMOUNT = (1 << 62) - 1

_WHOLE = re.compile(r"[0-9]+")
_DECIMAL = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


class NotANumber(ValueError):
    """The text is not a number, or not one that is allowed here; the message is one sentence."""


def _shown(text: str) -> str:
    return f'"{text}"' if len(text) <= MAX_DIGITS else f'"{text[:MAX_DIGITS]}..."'


def whole(text: str, what: str = "number", low: int = 0, high: int = MAX_AMOUNT) -> int:
    """ "120" -> 120. Raises NotANumber when it is anything but digits, or outside low..high."""
    if not _WHOLE.fullmatch(text) or len(text) > MAX_DIGITS:
        raise NotANumber(f"{_shown(text)} is no {what}: write a whole number in digits, {low} to {high}")
    value = int(text)  # tidy: allow number because the pattern above has read it
    if not low <= value <= high:
        raise NotANumber(f"{what} must be {low} to {high}, asked {text}")
    return value


def scaled(text: str, decimals: int, what: str = "amount", high: int = MAX_AMOUNT) -> int:
    """("0.62", 4) -> 6200: an amount as a whole number of its smallest unit. Raises NotANumber if it is not plain digits with at most one
    point, has more than `decimals` digits after the point, or is above `high` smallest units."""
    match = _DECIMAL.fullmatch(text) if len(text) <= 2 * MAX_DIGITS else None
    if match is None:
        raise NotANumber(f'{_shown(text)} is no {what}: write digits and at most one point, like "{example(decimals)}"')
    units, part = match[1], match[2] or ""
    if len(part) > decimals:
        allowed = f"at most {decimals} decimals" if decimals else "no decimals"
        raise NotANumber(f"{_shown(text)} has {len(part)} decimal{'' if len(part) == 1 else 's'}, the {what} takes {allowed}")
    value = int(units + part.ljust(decimals, "0"))  # tidy: allow number because the pattern above has read it
    if value > high:
        raise NotANumber(f"{_shown(text)} is above the limit of the {what}, {unscaled(high, decimals)}")
    return value


def unscaled(value: int, decimals: int) -> str:
    """The inverse of `scaled`: (6200, 4) -> "0.6200"."""
    sign, digits = ("-" if value < 0 else ""), str(abs(value)).rjust(decimals + 1, "0")
    return sign + (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits)


def example(decimals: int) -> str:
    return f"1.{'0' * decimals}" if decimals else "1"
