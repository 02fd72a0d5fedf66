"""The markets of a recurring series: its market with the day and the times of one listing filled in."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from .fields import instant_text
from .market import DefineMarket

DATE, DAY = "19700101", "1970-01-01"  # what stands for the day of the listing: {date} and {day} of a file
TIMES = ("open_at_ns", "live_at_ns", "close_at_ns", "determine_by_ns")
_STAMP = re.compile(r"1970-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXTS = ("event", "title", "rules", "cut_off", "exhaustive", "source")


def occurrence(market: DefineMarket, at_ns: int) -> DefineMarket:
    """The market that is listed at a time, ns since the epoch."""
    day = _EPOCH + timedelta(seconds=at_ns // 10**9)
    fields: dict[str, Any] = {name: _filled(getattr(market, name), at_ns, day) for name in TEXTS}
    fields["contracts"] = tuple(
        msgspec.structs.replace(one, symbol=_filled(one.symbol, at_ns, day), outcome=_filled(one.outcome, at_ns, day))
        for one in market.contracts
    )
    if market.void is not None:
        fields["void"] = msgspec.structs.replace(market.void, trigger=_filled(market.void.trigger, at_ns, day))
    fields |= {name: at_ns + getattr(market, name) for name in TIMES if getattr(market, name)}
    return msgspec.structs.replace(market, **fields)


def _filled(text: str, at_ns: int, day: datetime) -> str:
    def stamp(match: re.Match[str]) -> str:
        month, date, hour, minute, second = map(int, match.groups())
        try:
            after = datetime(1970, month, date, hour, minute, second, tzinfo=UTC) - _EPOCH
        except ValueError:
            return match[0]
        return instant_text(at_ns // 10**9 * 10**9 + (after.days * 86_400 + after.seconds) * 10**9)

    return _STAMP.sub(stamp, text).replace(DAY, f"{day:%Y-%m-%d}").replace(DATE, f"{day:%Y%m%d}")


def next_after(first_at_ns: int, every_ns: int, until_ns: int, now_ns: int) -> int:
    """When a recurring series lists next, after `now_ns`; 0: never. Listings that were missed are left out."""
    at = first_at_ns
    if at <= now_ns:
        at += ((now_ns - at) // every_ns + 1) * every_ns
    return 0 if until_ns and at > until_ns else at
