"""The input of a turn: what the links have received, as rows of the turn's inbox, each within its share.

Guarantees
  * An error in one connection's Python code ends only that connection: its rows of this turn are removed.
  * What does not fit, or is above a link's share, waits for the next turn; a peer that does not read its output is not read either.
"""

from collections.abc import Callable
from typing import Any

from protocol import codes

from ..gateway.connection import WHOLE_TURN, TurnInput
from .endpoint import Link
from .fairness import Fairness
from .limits import Limits
from .links import Links
from .observe import Counters, Log


class Intake:
    """asked: (word offset of an ADMIN row in this turn's inbox, who gets its answer). alone: at most one link had input in the last turn."""

    __slots__ = ("_arm", "_counters", "_fairness", "_limits", "_links", "_log", "alone", "asked")

    def __init__(self, links: Links, fairness: Fairness, limits: Limits, counters: Counters, log: Log, arm: Callable[[Link], None]) -> None:
        """arm(link): its next timer may have become earlier."""
        self._links, self._fairness, self._limits, self._counters, self._log, self._arm = links, fairness, limits, counters, log, arm
        self.asked: list[tuple[int, Callable[[Any], None]]] = []
        self.alone = True

    def gather(self, inp: TurnInput, ready: list[Link], again: list[Link], now: int) -> None:
        """Add the input of every ready link; those that are ready again are added to `again`. now: ns, steady clock."""
        self.alone = len(ready) == 1
        fairness = self._fairness
        short = fairness.begin(ready, now)
        if short and len(ready) > fairness.crowd:
            ready, others = fairness.choose(ready, now)
            again.extend(others)
        read_stop_bytes = self._limits.read_stop_bytes
        for i, link in enumerate(ready):
            if inp.words >= inp.limit:  # `full`, without a call
                again.extend(ready[i:])
                break
            link.ready = False
            connection = link.connection
            if connection is None or (link.closing is not None and not link.lost):
                if connection is not None:
                    connection.start = connection.end = 0  # input of a closing peer is discarded
                continue
            if link.held + link.queued > read_stop_bytes and not link.lost:
                link.stalled = True
                continue
            words, due = inp.words, connection.next_due
            if connection.end != connection.start:
                connection.last_in_ns = now
            inp.share = fairness.share if short and link is not fairness.modest else WHOLE_TURN
            if not self._take(link, inp):
                continue
            fairness.note(link, inp.words - words, link.wants, now)
            if link.wants:
                link.ready = True
                again.append(link)
            self._look_after(link, due)

    def _take(self, link: Link, inp: TurnInput) -> bool:
        """Have the link's connection add its rows; False: it failed, and is ended."""
        words, asked = inp.words, len(self.asked)
        try:
            link.wants = link.connection.gather(inp)
        except Exception as error:
            inp.words = words
            del self.asked[asked:]
            link.wants = False
            self._counters.gateway_faults += 1
            self._log("error", "gateway_fault", peer=link.peer, session=link.connection.session, exc_info=error)
            link.transport.abort()
            return False
        return True

    def _look_after(self, link: Link, due: int) -> None:
        """What the connection's state asks of its link after that. due: when it was next due before."""
        connection = link.connection
        if link.eof and not link.wants and link.closing is None and not link.lost:
            connection.dropped(self._links.unsent(link))  # closed without a logout: it may not read the remaining output
            connection.close(codes.OK, "end of input")
        if not link.reading and not link.lost and connection.end - connection.start < connection.capacity >> 1:
            link.resume()
        if not connection.session and not connection.held_until and link.received > self._limits.logon_bytes and link.deadline:
            self._links.no_logon(link, f"{self._limits.logon_bytes} bytes")
        if connection.next_due != due or not link.timer_at:
            self._arm(link)
