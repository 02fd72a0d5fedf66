"""Limits the share of one session in a turn, and the sessions in it, so that a flood does not delay other sessions.

A turn takes as long as its input needs, and all answers leave at its end. If all active sessions are busy, long turns are best: they have the highest
throughput. If one of them is modest (it sends little), each greedy session gets only a share of the turn; the rest of its input comes in later turns,
and TCP slows its peer down. The cost is an addition and a comparison per link and turn.

A flood can also come from many sessions that send a little each. So a short turn takes only some of the sessions that have input: those whose venue
used least in the last tenths of a second, of one venue those whose firm did, of one firm the session that did. Fifty sessions of one venue therefore
do not come before the only one of another, which may well send more than each of them. The others come first soon after, because what they have
not used does not count.
"""

from collections.abc import Callable
from typing import Any

from ..core import layout as L
from .limits import Limits

AGE_SHIFT = 27  # what was taken of a link counts half after 2^27 ns, a quarter after twice that


class Use:
    """What turns took lately of the sessions of one venue or firm: words, and when that was last halved."""

    __slots__ = ("taken", "taken_age")

    def __init__(self) -> None:
        self.taken = self.taken_age = 0


class Fairness:
    """modest: the session for which turns are kept short; share: messages per turn for each of the others; crowd: links with input above which
    a short turn takes only some."""

    __slots__ = ("_fair_ns", "_greedy_share", "_modest_words", "_others", "_owners", "_uses", "crowd", "modest", "modest_at", "share")

    def __init__(self, limits: Limits, owners: Callable[[int], tuple[str, int]] = lambda session: ("", session)) -> None:
        """owners: (venue, firm) of a session; venue "": the firm is the platform's."""
        self._owners = owners
        self._uses: dict[tuple[str, int], Use] = {}  # (venue, 0) and (venue, firm)
        self._fair_ns = limits.fair_ns
        self._modest_words = limits.modest_rows * L.CMD_WORDS
        self._greedy_share = limits.greedy_share
        self.modest: Any = None
        self.modest_at = 0
        self._others: dict[Any, int] = {}  # the links that were `modest` before it and have not been greedy since: when; the newest last
        self.share = limits.greedy_share
        self.crowd = limits.short_links

    def begin(self, ready: list[Any], now: int) -> bool:
        """True: this turn must be short, and each link except the modest one gets at most `share` messages."""
        if self.modest is not None and (now - self.modest_at > self._fair_ns or self.modest.lost):
            self.modest = None
        if self.modest is None and not (self._others and self._other_was_here(now)):
            return False
        greedy = sum(1 for link in ready if self.is_greedy(link, now)) if len(ready) > 1 else 1
        self.share = max(self._greedy_share // max(greedy, 1), self._greedy_share >> 3)
        return True

    def _other_was_here(self, now: int) -> bool:
        """Whether another link was modest a moment ago. Where all of them are greedy by now, a short turn would help nobody."""
        others = self._others
        while others:
            link = next(reversed(others))
            if now - others[link] > self._fair_ns:
                others.clear()  # the older ones too
            elif not link.lost:
                return True
            else:
                del others[link]
        return False

    def _remember(self, link: Any, at: int, now: int) -> None:
        """`link`, modest at `at`, is not the newest of them any more. Those of long ago are dropped, so that there are never more than lately."""
        if now - at > self._fair_ns:
            return
        others = self._others
        others.pop(link, None)
        others[link] = at
        while now - others[oldest := next(iter(others))] > self._fair_ns:  # the one just added ends it
            del others[oldest]

    def is_greedy(self, link: Any, now: int) -> bool:
        """Whether a link has used more than a modest part of a turn lately."""
        return bool(link.greedy_at) and now - link.greedy_at <= self._fair_ns

    def choose(self, ready: list[Any], now: int) -> tuple[list[Any], list[Any]]:
        """(links of this short turn, links that wait for the next). Equals stay in their order."""
        age = now >> AGE_SHIFT
        for link in ready:
            if link.uses is None and link.connection.session:
                link.uses = self._uses_of(link.connection.session)
            for use in (link, *(link.uses or ())):
                if use.taken_age != age:
                    use.taken >>= min(age - use.taken_age, 62)
                    use.taken_age = age
        ready.sort(key=_least_first)
        crowd = max(self.crowd, len(ready) >> 4)  # of a very large crowd more, so that it waits for few turns
        for link in ready[:crowd]:
            link.taken += 1  # also of one that only had something due
            if link.uses is not None:
                self._share_use(link, 1)
        return ready[:crowd], ready[crowd:]

    def _uses_of(self, session: int) -> tuple[Use, Use]:
        venue, firm = self._owners(session)
        if not venue:  # the platform's firms are each other's neighbours, as venues are
            one = self._uses.setdefault(("", firm), Use())
            return one, one
        return self._uses.setdefault((venue, 0), Use()), self._uses.setdefault((venue, firm), Use())

    def _share_use(self, link: Any, words: int) -> None:
        """Note it for the link's venue and firm."""
        venue, firm = link.uses
        venue.taken += words
        if firm is not venue:
            firm.taken += words

    def note(self, link: Any, words: int, wants: bool, now: int) -> None:
        """Record how many words a link used in this turn; `wants`: it had more."""
        link.taken += words
        if link.uses is not None:  # known only where there ever was a crowd
            self._share_use(link, words)
        if wants or words > self._modest_words:
            link.greedy_at = now
            if link is self.modest:
                self.modest = None
            if self._others:
                self._others.pop(link, None)
        elif words and not self.is_greedy(link, now):
            if self.modest is not None and self.modest is not link:
                self._remember(self.modest, self.modest_at, now)  # if this one turns out to be greedy, turns stay short for the other
            self.modest = link
            self.modest_at = now


def _least_first(link: Any) -> tuple[int, int, int]:
    if link.uses is None:
        return link.taken, link.taken, link.taken  # not logged on: it stands for itself
    venue, firm = link.uses
    return venue.taken, firm.taken, link.taken
