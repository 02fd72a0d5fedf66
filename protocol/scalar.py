"""What a contract on a number pays: P * clip((value - low) / (high - low), 0, 1), rounded down to a tick. Exact, in whole numbers only."""

import re

_NUMBER = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,9}))?\Z")
DECIMALS_MOST = 9


def whole(text: str, decimals: int) -> int | None:
    """A decimal number in units of its last allowed digit: ("-1.5", 2) -> -150. None: it is no such number, or has more digits after the point."""
    match = _NUMBER.match(text)
    if match is None or len(match[3] or "") > decimals:
        return None
    number = int(match[2] + (match[3] or "").ljust(decimals, "0"))
    return -number if match[1] else number


def payout(value: int, low: int, high: int, most: int) -> int:
    """Ticks. value, low < high: in the same unit; most: P in ticks."""
    return most * (min(max(value, low), high) - low) // (high - low)
