"""What the registry has to do at a time of its own accord: the rows for it, made by the turn in which the time comes.

The act is a journaled input like any other, so a replay does it at the same place, whatever its clock says.
"""

from collections.abc import Callable

from config import admin_records as ar
from protocol import codes

from ..registry import AdminAnswer, Registry
from .connection import TurnInput

WHO = "timer:holds"
PER_TURN = 64  # acts added to one turn; the next turn takes the others
AGAIN_NS = 60 * 10**9  # after the core refused one

Expect = Callable[[int, Callable[[AdminAnswer], None]], None]
Log = Callable[..., None]


class Timers:
    """Holds that end by themselves. One per server."""

    def __init__(self, registry: Registry, log: Log | None = None) -> None:
        self.registry = registry
        self.log = log
        self.not_before = 0  # exchange time of the next try, after a refusal

    @property
    def next_due(self) -> int:
        """Exchange time at which `add` has something to do, ns; 0: never."""
        due = self.registry.holds.next_due
        return max(due, self.not_before) if due else 0

    def add(self, turn: TurnInput, now_ns: int, expect: Expect) -> None:
        """Add the acts that are due to the turn."""
        if not 0 < self.next_due <= now_ns:
            return
        self.not_before = 0
        for id in self.registry.holds.due(now_ns, PER_TURN):
            if turn.full:
                return
            at = turn.add(codes.C_ADMIN, body=ar.pack(WHO, "", ar.ExpireHold(hold=id)))
            expect(at, lambda answer: self._done(answer, now_ns))

    def _done(self, answer: AdminAnswer, now_ns: int) -> None:
        if not answer.ok:
            self.not_before = now_ns + AGAIN_NS
        if self.log is not None:
            self.log("info" if answer.ok else "error", "hold_expired" if answer.ok else "hold_not_expired", text=answer.text)
