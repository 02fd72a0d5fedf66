"""How long the disk lasts: free space now and over the last hour, as a straight line."""

from collections import deque

EVERY_NS = 30_000_000_000
WINDOW = 120  # samples: an hour
SOONEST_NS = 60_000_000_000  # less than this is too short to judge
DOES_NOT_FILL = -1


class Outlook:
    """`left` is what was found last, ns; DOES_NOT_FILL: free space did not shrink, or it is too early to say."""

    def __init__(self, reserve: int) -> None:
        """reserve: bytes below which new orders are refused."""
        self.left = DOES_NOT_FILL
        self._reserve = reserve
        self._samples: deque[tuple[int, int]] = deque(maxlen=WINDOW)

    def note(self, now_ns: int, free: int) -> None:
        """Free bytes at a time of the steady clock."""
        samples = self._samples
        if samples and now_ns - samples[-1][0] < EVERY_NS:
            return
        samples.append((now_ns, free))
        began, then = samples[0]
        shrunk, took = then - free, now_ns - began
        if took < SOONEST_NS or shrunk <= 0:
            self.left = DOES_NOT_FILL
        else:
            self.left = max(free - self._reserve, 0) * took // shrunk
