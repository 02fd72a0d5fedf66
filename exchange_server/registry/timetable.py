"""A market's own times: rules about them, the scheduled acts that they become, and which of these a transition makes pointless."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from config import admin_records as ar
from protocol import codes, phases, units

from .. import state
from ..core import layout as L
from ..core.layout import definitions as d
from ..core.layout import plain
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Event

WHO = "timer:market"
DETERMINE_BY = "determine_by"


class Time(NamedTuple):
    """`kind`: of its row in the schedule, and the key in a file; `to`: the phase that it brings, 0: an alarm; `over`: phases in which it is pointless."""

    kind: str
    to: int
    over: frozenset[int]

    @property
    def field(self) -> str:
        return f"{self.kind}_ns"


ENDED = frozenset((codes.PH_DETERMINED, codes.PH_DISPUTED, codes.PH_VOIDED, codes.PH_FINAL))
CLOSED = ENDED | {codes.PH_CLOSED}
TIMES = (
    Time("open_at", codes.PH_OPEN, CLOSED | {codes.PH_OPEN, codes.PH_LIVE, codes.PH_PAUSED, codes.PH_CANCEL_ONLY}),
    Time("live_at", codes.PH_LIVE, CLOSED | {codes.PH_LIVE}),
    Time("close_at", codes.PH_CLOSED, CLOSED),
    Time(DETERMINE_BY, 0, ENDED),
)
FIELDS = tuple(time.field for time in TIMES)
_RESULTS = {
    codes.C_DETERMINE: codes.PH_DETERMINED,
    codes.C_DISPUTE: codes.PH_DISPUTED,
    codes.C_VOID: codes.PH_VOIDED,
    codes.C_FINALISE: codes.PH_FINAL,
}


def about(event: str) -> str:
    return f"event:{event}"


# ---- rules ---------------------------------------------------------------------------------------------------------------
def check_order(record: ar.DefineMarket) -> None:
    """Each of a market's times is after those before it. Raises Refused."""
    before: tuple[str, int] | None = None
    for time in TIMES:
        at = getattr(record, time.field)
        if not at:
            continue
        if record.product == "spot" and time.kind in ("live_at", DETERMINE_BY):
            raise bad(time.field, "a spot pair has none")
        if before is not None and at <= before[1]:
            text = f"must be after {before[0]}, {units.instant(before[1])}, asked {units.instant(at)}"
            raise Refused(codes.R_TIMES_ORDER, text, time.field, before[1], at)
        before = time.kind, at


def check_new(record: ar.DefineMarket, fields: Iterable[str], engine: EngineLike, event: Event | None = None) -> None:
    """The times among `fields` are still to come, and the market (None: it is new) can still do what they bring. Raises Refused."""
    now_ns = int(engine.time_ns)
    for time in TIMES:
        at = getattr(record, time.field)
        if time.field not in fields or not at:
            continue
        if at <= now_ns:
            raise Refused(
                codes.R_SCHEDULE_PAST, f"must be later than now, {units.instant(now_ns)}, asked {units.instant(at)}", time.field, now_ns, at
            )
        phase = state.Event.of(getattr(engine, "real", engine.m), event.id).phase if event is not None else codes.PH_LISTED
        if phase in time.over:
            text = f"{record.event} is {phases.name(phase)} already"
            raise Refused(codes.R_BAD_TRANSITION, text, time.field, asked=phase)


def to_come(record: ar.DefineMarket, phase: int, now_ns: int) -> ar.DefineMarket:
    """A market without those of its times that have passed, or that its phase makes pointless."""
    gone = [time.field for time in TIMES if getattr(record, time.field) and (phase in time.over or getattr(record, time.field) <= now_ns)]
    return msgspec.structs.replace(record, **dict.fromkeys(gone, 0)) if gone else record


# ---- in the commit of an act -----------------------------------------------------------------------------------------------
def put(registry: Definitions, record: ar.DefineMarket, fields: Iterable[str], now_ns: int) -> None:
    """Schedule the times among `fields`, in the place of those that were scheduled."""
    for time in TIMES:
        if time.field not in fields:
            continue
        registry.schedule.cancel_for(about(record.event), time.kind, now_ns, f"{time.kind} was changed")
        at = getattr(record, time.field)
        if at:
            act: ar.AnyRecord = (
                ar.SetPhase(event=record.event, phase=phases.name(time.to)) if time.to else ar.MarkOverdue(event=record.event)
            )
            registry.schedule.put(at, act, WHO, about(record.event), time.kind, made_ns=now_ns)


def after(registry: Definitions, rows: Iterable[Words], now_ns: int) -> None:
    """Cancel what is pointless after these definition rows, whoever sent them; a market with a result is not overdue."""
    for flat in rows:
        at = 0
        while at < len(flat):
            head = int(flat[at])
            kind = plain.kind_of(head)
            if kind == codes.C_PHASE:
                moved(registry, int(flat[at + d.DP_EVENT]), int(flat[at + d.DP_PHASE]), now_ns)
            elif kind in _RESULTS:
                moved(registry, int(flat[at + d.DD_EVENT]), _RESULTS[kind], now_ns)
            at += (1 + plain.extra_of(head)) * L.CMD_WORDS


def moved(registry: Definitions, event_id: int, phase: int, now_ns: int) -> None:
    """Cancel what is pointless in a phase that an event has come to."""
    event = registry.events[event_id]
    for time in TIMES:
        if phase in time.over:
            registry.schedule.cancel_for(about(event.name), time.kind, now_ns, f"{event.name} is {phases.name(phase)}")
    if event.overdue_ns and phase in ENDED:
        registry.put_event(msgspec.structs.replace(event, overdue_ns=0))
