"""What one record would do if it were sent now, for --dry-run. Changes nothing."""

from typing import NamedTuple

from config import admin_records as ar
from protocol import codes, phases

from .. import state
from . import access, acts, configuration, disputes, opening, pending, settlement
from .checks import Act, explained
from .configuration import CHANGED, NEW, SAME, Change
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refusal, Refused


class Tried(NamedTuple):
    """`change` or `refusal`; `text`: what would be answered; `waits`: a second person would be needed; `cancels`: how many open orders a phase would
    cancel, None: it is no phase."""

    change: Change | None
    refusal: Refusal | None
    text: str
    waits: bool = False
    cancels: int | None = None


def try_act(registry: Definitions, record: ar.AnyRecord, engine: EngineLike, who: str = access.CHECK) -> Tried:
    """What one record would do, or why it would be refused."""
    envelope = ar.AdminEnvelope(who, "", record)
    try:
        access.authorise(registry, who, record, int(engine.time_ns))
        disputes.check_judge(registry, who, record, engine)
        if isinstance(record, ar.Opening):
            made = opening.prepare(registry, record, who, (who,), engine).acts
            text = made[-1].text if made else f"venue {record.venue} was opened from this archive before: nothing would be done again"
            return Tried(Change(0, NEW if made else SAME), None, text)
        act = acts.plan(registry, envelope, engine)
        code = _core_would_say(registry, record, act, engine)
        if code:
            raise Refused(code, f"{act.subject}: {explained(act, code)}")
    except Refused as refused:
        return Tried(None, refused.refusal, refused.refusal.text)
    if isinstance(record, ar.Configured) and not isinstance(record, ar.Transfer | ar.SetPhase):
        for refusal in configuration.try_out(registry, (record,), engine).refusals:  # the room in the core's tables
            return Tried(None, refusal, refusal.text)
    _, waits = pending.waits(registry, envelope, int(engine.time_ns))
    text = f"{act.text} (after a second person has approved it)" if waits and act.changed != () else act.text
    return Tried(
        Change(0, NEW if act.changed is None else CHANGED if act.changed else SAME, act.changed or ()),
        None,
        text,
        waits and act.changed != (),
        _cancelled(act, engine) if isinstance(record, ar.SetPhase) else None,
    )


def _cancelled(act: Act, engine: EngineLike) -> int:
    """How many orders the core would cancel at this change of a phase (core/markets/phases.py: do_phase)."""
    event = state.Event.of(engine.m, act.result["event"])
    old, new = event.phase, act.result["phase"]
    rests = phases.mask(phases.REST)
    if not rests >> old & 1:
        return 0
    if not rests >> new & 1 or new == codes.PH_PAUSED and event.resting & codes.RESTING_PAUSE_CANCEL:
        return event.open_orders
    if new == codes.PH_LIVE and not event.in_play:
        if event.resting & codes.RESTING_LIVE_CANCEL:
            return event.open_orders
        if event.resting & codes.RESTING_LIVE_LAPSE:
            return state.lapsing_orders(engine.m, event)
    return 0


def _core_would_say(registry: Definitions, record: ar.AnyRecord, act: Act, engine: EngineLike) -> int:
    """The refusal that the core would give to an act that depends on its state; 0: none."""
    if isinstance(record, ar.SetPhase):
        event = registry.events[act.result["event"]]
        return 0 if phases.may_set(settlement.phase_now(engine, event), act.result["phase"]) else codes.R_BAD_TRANSITION
    takes = isinstance(record, ar.Hold | ar.RequestWithdrawal) or (isinstance(record, ar.Transfer) and bool(record.source))
    if takes and act.changed is None:
        cash, locked = state.balance(engine.m, act.result["source"], act.result["asset"]) or (0, 0)
        return codes.R_WITHDRAW_TOO_MUCH if act.result["amount"] > cash - locked else 0
    return 0
