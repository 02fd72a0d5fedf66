"""What the operator of the tournament does, in the order of time: open, go live, close, determine, void the one that is abandoned, take back a
trade, and correct a result after it is final. Pure: a list made of the timetable."""

from collections.abc import Mapping
from typing import NamedTuple

from .outcomes import CORRECTED, VOIDED
from .timetable import Times

PHASES = {"open": "open", "live": "live", "close": "closed"}
_ORDER = ("open", "live", "void", "close", "determine", "bust", "correct")  # of acts at the same moment


FINAL_NS = 1_500_000_000  # after a result: its challenge window is over, and it has been paid


class Act(NamedTuple):
    at_ns: int
    kind: str
    event: str


def acts(times: Mapping[str, Times]) -> list[Act]:
    """All acts that the clock brings, the earliest first; events that are closed by hand have only those before."""
    found = []
    for event, row in times.items():
        found.append(Act(row.opens, "open", event))
        if row.live:
            found.append(Act(row.live, "live", event))
        if event == VOIDED:
            found.append(Act((row.live + row.closes) // 2, "void", event))
        elif row.closes:
            found.append(Act(row.closes, "close", event))
            found.append(Act(max(row.closes, row.known), "determine", event))
        if event == CORRECTED:
            found.append(Act(row.live, "bust", ""))
            found.append(Act(max(row.closes, row.known) + FINAL_NS, "correct", event))
    return sorted(found, key=lambda act: (act.at_ns, _ORDER.index(act.kind), act.event))
