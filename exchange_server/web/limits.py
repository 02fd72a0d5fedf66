"""How many requests an address or a logged-on client may make: a bucket each, which fills at a steady rate."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

BUCKETS_MAX = 50_000  # of a kind; the one that was used longest ago goes first


class Rate(NamedTuple):
    """`per_s` requests a second, and `burst` at once."""

    per_s: int
    burst: int


class Rates(NamedTuple):
    public: Rate = Rate(50, 100)  # of an address
    session: Rate = Rate(200, 400)  # of a login
    logon: Rate = Rate(1, 10)  # of an address
    stream: Rate = Rate(2, 40)  # sockets that an address opens


class Allowed(NamedTuple):
    """left: requests that may come at once; wait_s: until the next one may (0: now)."""

    rate: Rate
    left: int
    wait_s: float

    def headers(self) -> dict[str, str]:
        refill = (self.rate.burst - self.left) / self.rate.per_s
        return {
            "RateLimit-Limit": str(self.rate.burst), "RateLimit-Remaining": str(self.left), "RateLimit-Reset": str(-int(-refill // 1)),
        }  # fmt: skip


class Buckets:
    """The buckets of one kind, by who asks."""

    def __init__(self, rate: Rate, now: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.now = rate, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # left, at

    def take(self, who: str) -> Allowed:
        """One request; refused when wait_s is above 0, and then it costs nothing."""
        rate, now = self.rate, self.now()
        left, at = self._left.pop(who, (float(rate.burst), now))
        left = min(float(rate.burst), left + (now - at) * rate.per_s)
        wait = 0.0 if left >= 1 else (1 - left) / rate.per_s
        left -= 0 if wait else 1
        self._left[who] = left, now
        if len(self._left) > BUCKETS_MAX:
            self._left.popitem(last=False)
        return Allowed(rate, max(0, int(left // 1)), wait)
