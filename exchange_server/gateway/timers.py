"""What the registry has to do at a time of its own accord: the rows for it, made by the turn in which the time comes.

Holds that end and scheduled acts that are due come in one order of (time, number). An act about an event that is being settled waits until that is over;
it is among the first of the turn after it. Each act is a journaled input like any other, so a replay does it at
the same place, whatever its clock says.
"""

from collections.abc import Callable

from config import admin_records as ar
from protocol import codes

from .. import state
from ..registry import AdminAnswer, Registry
from ..registry.engine_like import Words
from ..registry.timetable import DETERMINE_BY
from .connection import TurnInput

HOLDS, SCHEDULE = "timer:holds", "timer:schedule"
PER_TURN = 64  # acts added to one turn; the next turn takes the others
AGAIN_NS = 60 * 10**9  # after the core refused the end of a hold

Expect = Callable[[int, Callable[[AdminAnswer], None]], None]
Log = Callable[..., None]


class Timers:
    """Holds that end by themselves, and scheduled acts. One per server."""

    def __init__(self, registry: Registry, m: Words, log: Log | None = None) -> None:
        """m: the arena of the core."""
        self.registry = registry
        self.m = m
        self.log = log
        self.holds_not_before = 0  # exchange time of the next try with a hold, after a refusal

    @property
    def next_due(self) -> int:
        """Exchange time at which `add` has something to do, ns; 0: never."""
        holds, acts = self._holds_due, self.registry.schedule.next_due
        if free := self._free():  # due before all that wait for their time
            acts = free[0][0]
        return min(holds, acts) if holds and acts else holds or acts

    @property
    def _holds_due(self) -> int:
        due = self.registry.holds.next_due
        return max(due, self.holds_not_before) if due else 0

    def _free(self) -> list[tuple[int, int]]:
        """(time, number) of acts that waited for a settlement that is over."""
        schedule = self.registry.schedule
        return schedule.free(lambda event: bool(state.Event.of(self.m, event).settling)) if schedule.held else []

    def add(self, turn: TurnInput, now_ns: int, expect: Expect) -> None:
        """Add the acts that are due to the turn."""
        if not 0 < self.next_due <= now_ns:
            return
        due = [(at, id, SCHEDULE) for at, id in self._free() + self.registry.schedule.due(now_ns, PER_TURN)]
        if 0 < self._holds_due <= now_ns:
            self.holds_not_before = 0
            due += [(self.registry.holds.ends(id), id, HOLDS) for id in self.registry.holds.due(now_ns, PER_TURN)]
        for _, id, what in sorted(due)[:PER_TURN]:
            if turn.full:
                return
            record: ar.AnyRecord = ar.ExpireHold(hold=id) if what == HOLDS else ar.RunDue(id=id)
            at = turn.add(codes.C_ADMIN, body=ar.pack(what, "", record))
            expect(at, (lambda answer: self._hold_done(answer, now_ns)) if what == HOLDS else self._act_done)

    def _hold_done(self, answer: AdminAnswer, now_ns: int) -> None:
        if not answer.ok:
            self.holds_not_before = now_ns + AGAIN_NS
        if self.log is not None:
            self.log("info" if answer.ok else "error", "hold_expired" if answer.ok else "hold_not_expired", text=answer.text)

    def _act_done(self, answer: AdminAnswer) -> None:
        """An act that was refused has been marked as failed; `answer` is a refusal only if an act just before it cancelled it."""
        if self.log is not None and answer.ok:
            if answer.result["waits"]:
                self.log("info", "scheduled_act_waits", text=answer.text)
                return
            failed = bool(answer.result["failed"])
            if answer.result["kind"] == DETERMINE_BY and not failed:
                self.log("warning", "market_overdue", text=answer.text)
                return
            self.log("error" if failed else "info", "scheduled_act_failed" if failed else "scheduled_act_done", text=answer.text)
