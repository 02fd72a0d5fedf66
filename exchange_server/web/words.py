"""How the API writes values: times as RFC 3339 with nanoseconds, prices and money as decimal strings, codes as words."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from protocol import codes, errors, numbers, phases
from protocol import messages as M

SIDES = {codes.BUY: "buy", codes.SELL: "sell"}
CONTRACT_SIDES = {codes.YES: "yes", codes.NO: "no"}
TYPES = {codes.MARKET: "market", codes.LIMIT: "limit", codes.STOP: "stop", codes.STOP_LIMIT: "stop_limit"}
TIFS = {codes.DAY: "day", codes.GTC: "gtc", codes.AT_OPEN: "at_open", codes.IOC: "ioc", codes.FOK: "fok", codes.GTD: "gtd"}
STATUSES = {
    codes.ST_NONE: "unknown", codes.ST_NEW: "new", codes.ST_PARTIAL: "partially_filled", codes.ST_FILLED: "filled", codes.ST_CANCELED: "canceled",
    codes.ST_EXPIRED: "expired", codes.ST_REJECTED: "rejected", codes.ST_REPLACED: "replaced", codes.ST_PENDING: "pending",
}  # fmt: skip
PRODUCTS = {codes.SPOT: "spot", codes.EXACTLY: "exactly", codes.AT_MOST: "at_most", codes.SCALAR: "scalar"}
SCOPES = {
    "session": codes.SCOPE_SESSION, "account": codes.SCOPE_ACCOUNT, "firm": codes.SCOPE_FIRM, "contract": codes.SCOPE_INSTRUMENT,
    "market": codes.SCOPE_EVENT,
}  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NS = 10**9
LATEST_NS = 253_402_300_799 * NS  # the end of the year 9999


def hashed(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def code_of(table: dict[int, str], word: str) -> int:
    """The inverse of one of the tables above."""
    return next(code for code, name in table.items() if name == word)


def time_text(ns: int) -> str:
    """1_785_000_000_000_000_001 -> "2026-07-25T17:20:00.000000001Z"."""
    seconds, rest = divmod(min(max(ns, 0), LATEST_NS), NS)
    return f"{_second_text(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=256)
def _second_text(seconds: int) -> str:
    return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"


def maybe_time(ns: int) -> str | None:
    """0 is no time."""
    return time_text(ns) if ns else None


def time_ns(text: str) -> int:
    """The inverse of `time_text`; fewer decimals are allowed. Raises ValueError for what is no time in UTC."""
    head, dot, rest = text.removesuffix("Z").partition(".")
    if not text.endswith("Z") or (dot and not (rest.isascii() and rest.isdigit() and len(rest) <= 9)):
        raise ValueError(f'"{text[:40]}" is no time: write it in UTC like "2026-07-19T21:40:00Z", with up to nine decimals')
    try:
        at = datetime.strptime(head, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f'"{text[:40]}" is no time: write it in UTC like "2026-07-19T21:40:00Z"') from None
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * NS + (numbers.whole(rest.ljust(9, "0"), "time") if rest else 0)


def price(definition: M.Definition, ticks: int) -> str:
    return numbers.unscaled(ticks, definition.price_decimals)


def maybe_price(definition: M.Definition, ticks: int | None) -> str | None:
    """0 and None are no price."""
    return price(definition, ticks) if ticks else None


def quantity(definition: M.Definition, lots: int) -> str:
    return numbers.unscaled(lots, definition.qty_decimals)


def money(definition: M.Definition, minor: int) -> str:
    return numbers.unscaled(minor, definition.asset_decimals)


def average(definition: M.Definition, notional: int, filled: int) -> str | None:
    """The average price of the fills, with two decimals more than prices have, rounded half up."""
    if not filled:
        return None
    hundredths = (2 * notional * 100 + filled) // (2 * filled)
    return numbers.unscaled(hundredths, definition.price_decimals + 2)


def phase(code: int) -> str:
    return phases.name(code)


def reason(code: int) -> str | None:
    """The name of a reason of docs/errors.md; None: there is none."""
    return errors.short_name(code) if code else None
