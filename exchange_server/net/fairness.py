"""Limits the share of one session in a turn, so that a flood does not delay other sessions.

A turn takes as long as its input needs, and all answers leave at its end. If all active sessions are busy, long turns are best: they have the highest
throughput. If one of them is modest (it sends little), each greedy session gets only a share of the turn; the rest of its input comes in later turns,
and TCP slows its peer down. The cost is an addition and a comparison per link and turn.
"""

from typing import Any

from ..core import layout as L
from .limits import Limits


class Fairness:
    """modest: the session for which turns are kept short; share: messages per turn for each of the others."""

    __slots__ = ("_fair_ns", "_greedy_share", "_modest_words", "modest", "modest_at", "share")

    def __init__(self, limits: Limits) -> None:
        self._fair_ns = limits.fair_ns
        self._modest_words = limits.modest_rows * L.CMD_WORDS
        self._greedy_share = limits.greedy_share
        self.modest: Any = None
        self.modest_at = 0
        self.share = limits.greedy_share

    def begin(self, ready: list[Any], now: int) -> bool:
        """True: this turn must be short, and each link except the modest one gets at most `share` messages."""
        if self.modest is None:
            return False
        if now - self.modest_at > self._fair_ns or self.modest.lost:
            self.modest = None
            return False
        greedy = sum(1 for link in ready if link.greedy_at and now - link.greedy_at <= self._fair_ns) if len(ready) > 1 else 1
        self.share = max(self._greedy_share // max(greedy, 1), self._greedy_share >> 3)
        return True

    def note(self, link: Any, words: int, wants: bool, now: int) -> None:
        """Record how many words a link used in this turn; `wants`: it had more."""
        if wants or words > self._modest_words:
            link.greedy_at = now
            if link is self.modest:
                self.modest = None
        elif words and (not link.greedy_at or now - link.greedy_at > self._fair_ns):
            self.modest = link
            self.modest_at = now
