"""Limits the share of one session in a turn, and the sessions in it, so that a flood does not delay other sessions.

A turn takes as long as its input needs, and all answers leave at its end. If all active sessions are busy, long turns are best: they have the highest
throughput. If one of them is modest (it sends little), each greedy session gets only a share of the turn; the rest of its input comes in later turns,
and TCP slows its peer down. The cost is an addition and a comparison per link and turn.

A flood can also come from many sessions that send a little each. So a short turn takes only some of the sessions that have input: those whose
messages were taken least in the last tenths of a second. The others come first soon after, because what they have not used does not count.
"""

from operator import attrgetter
from typing import Any

from ..core import layout as L
from .limits import Limits

AGE_SHIFT = 27  # what was taken of a link counts half after 2^27 ns, a quarter after twice that
_taken = attrgetter("taken")


class Fairness:
    """modest: the session for which turns are kept short; share: messages per turn for each of the others; crowd: links with input above which
    a short turn takes only some."""

    __slots__ = ("_fair_ns", "_greedy_share", "_modest_words", "crowd", "modest", "modest_at", "share")

    def __init__(self, limits: Limits) -> None:
        self._fair_ns = limits.fair_ns
        self._modest_words = limits.modest_rows * L.CMD_WORDS
        self._greedy_share = limits.greedy_share
        self.modest: Any = None
        self.modest_at = 0
        self.share = limits.greedy_share
        self.crowd = limits.short_links

    def begin(self, ready: list[Any], now: int) -> bool:
        """True: this turn must be short, and each link except the modest one gets at most `share` messages."""
        if self.modest is None:
            return False
        if now - self.modest_at > self._fair_ns or self.modest.lost:
            self.modest = None
            return False
        greedy = sum(1 for link in ready if self.is_greedy(link, now)) if len(ready) > 1 else 1
        self.share = max(self._greedy_share // max(greedy, 1), self._greedy_share >> 3)
        return True

    def is_greedy(self, link: Any, now: int) -> bool:
        """Whether a link has used more than a modest part of a turn lately."""
        return bool(link.greedy_at) and now - link.greedy_at <= self._fair_ns

    def choose(self, ready: list[Any], now: int) -> tuple[list[Any], list[Any]]:
        """(links of this short turn, links that wait for the next). Those of which least was taken lately are first, equals in their order."""
        age = now >> AGE_SHIFT
        for link in ready:
            if link.taken_age != age:
                link.taken >>= min(age - link.taken_age, 62)
                link.taken_age = age
        ready.sort(key=_taken)
        crowd = max(self.crowd, len(ready) >> 4)  # of a very large crowd more, so that it waits for few turns
        for link in ready[:crowd]:
            link.taken += 1  # also of one that only had something due
        return ready[:crowd], ready[crowd:]

    def note(self, link: Any, words: int, wants: bool, now: int) -> None:
        """Record how many words a link used in this turn; `wants`: it had more."""
        link.taken += words
        if wants or words > self._modest_words:
            link.greedy_at = now
            if link is self.modest:
                self.modest = None
        elif words and not self.is_greedy(link, now):
            self.modest = link
            self.modest_at = now
