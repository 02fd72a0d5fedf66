"""What one session gets of a turn, so that a flood does not make others wait.

A turn is as long as what was read for it, and everybody's answers leave at its end. When all who are there are busy, long turns are right: they carry
most. But when a modest session is among them (one that sends little), each of the greedy ones gets a share only, and its rest comes in the turns
that follow; its peer feels TCP. Costs an addition and a comparison for each link and turn.
"""

from typing import Any

from ..core import layout as L
from .limits import Limits


class Fairness:
    """modest: the session for which turns are kept short; share: messages of a turn for each of the others."""

    __slots__ = ("_fair_ns", "_greedy_share", "_modest_words", "modest", "modest_at", "share")

    def __init__(self, limits: Limits) -> None:
        self._fair_ns = limits.fair_ns
        self._modest_words = limits.modest_rows * L.CMD_WORDS
        self._greedy_share = limits.greedy_share
        self.modest: Any = None
        self.modest_at = 0
        self.share = limits.greedy_share

    def begin(self, ready: list[Any], now: int) -> bool:
        """Must this turn be short? Then `share` is how much each link gets, except the modest one itself."""
        if self.modest is None:
            return False
        if now - self.modest_at > self._fair_ns or self.modest.lost:
            self.modest = None
            return False
        greedy = sum(1 for link in ready if link.greedy_at and now - link.greedy_at <= self._fair_ns) if len(ready) > 1 else 1
        self.share = max(self._greedy_share // max(greedy, 1), self._greedy_share >> 3)
        return True

    def note(self, link: Any, words: int, wants: bool, now: int) -> None:
        """What a link had of this turn; `wants`: it would have taken more."""
        if wants or words > self._modest_words:
            link.greedy_at = now
            if link is self.modest:
                self.modest = None
        elif words and (not link.greedy_at or now - link.greedy_at > self._fair_ns):
            self.modest = link
            self.modest_at = now
