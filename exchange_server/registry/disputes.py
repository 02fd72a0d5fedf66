"""What follows when a result is contested: dispute, uphold, correct. And who may decide: nobody about a market in which the own firm is a party."""

from config import admin_records as ar
from protocol import codes, phases

from .. import state
from . import access, ahead, checks, reversals, settlement
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refused
from .tables import Determination, Disputed, Firm, Upheld

JUDGES = ar.Determine | ar.Settle | ar.Correct | ar.Uphold | ar.Void | ar.DetermineOne | ar.WithdrawOne


def check_judge(registry: Definitions, who: str, record: ar.AnyRecord, engine: EngineLike) -> None:
    """Refuse the decision of a principal whose firm is a party in the event. Raises Refused."""
    principal = registry.principals.named(who.removeprefix(access.PREFIX)) if who.startswith(access.PREFIX) else None
    if principal is None or not principal.record.firm or not isinstance(record, JUDGES):
        return
    firm, event = registry.firms.named(principal.record.firm), registry.events.named(record.event)
    if firm is None or event is None:
        return
    position, order, conflict = state.part_in(engine.m, firm.id, event.id)
    if position or order or conflict:
        has = "a position" if position else "an open order" if order else "a conflict of interest"
        text = f"{principal.name} works for {firm.name}, which has {has} in {event.name}: somebody else must decide"
        raise Refused(codes.R_JUDGE_IS_PARTY, text, "event")


def dispute(registry: Definitions, record: ar.Dispute, who: str, engine: EngineLike) -> Act:
    if record.symbol:
        return ahead.dispute(registry, record, who, engine)
    event = settlement.event_contract(registry, record.event)
    firm: Firm = checks.find(registry.firms, "firm", record.firm)
    phase, now_ns = settlement.phase_now(engine, event), int(engine.time_ns)
    if not event.determinations or not phases.allows(phase, phases.DISPUTE):
        raise settlement.contradicts(event, "is disputed", codes.R_NOT_DISPUTABLE, phase, phases.DISPUTE)
    newest = settlement.newest_of(event, record.version)
    settlement.refuse_twice(newest.disputes, firm, newest.version)

    def explain(code: int) -> str:
        return settlement.why_no_dispute(code, firm, newest.version, newest.until_ns, now_ns)

    disputed = Disputed(firm.id, who, now_ns, record.reason)

    def commit() -> None:
        registry.put_event(settlement.newest_changed(event, disputes=(*newest.disputes, disputed)))
        settlement.window_closes(registry, event, now_ns, f"disputed by {record.firm}")

    text = f"{record.event}: version {newest.version} is disputed by {record.firm}"
    rows = [rows_of.dispute(event.id, newest.version, firm.id)]
    return Act(f"event {record.event}", text, rows, commit, {"event": event.id, "version": newest.version, "firm": firm.id}, explain)


def uphold(registry: Definitions, record: ar.Uphold, who: str, engine: EngineLike) -> Act:
    if record.symbol:
        return ahead.uphold(registry, record, who, engine)
    event = settlement.event_contract(registry, record.event)
    phase, now_ns = settlement.phase_now(engine, event), int(engine.time_ns)
    if not phases.allows(phase, phases.UPHOLD):
        raise settlement.contradicts(event, "is upheld", codes.R_NOT_DISPUTED, phase, phases.UPHOLD)
    if not event.determinations:
        text = f"{record.event} has no result yet, its sources differ: decide it (exos market correct), or void it"
        raise Refused(codes.R_NOTHING_TO_UPHOLD, text, "event")
    newest = settlement.newest_of(event, record.version)
    after = settlement.newest_changed(event, upheld=Upheld(who, now_ns, record.note), until_ns=now_ns)

    def commit() -> None:
        registry.put_event(after)
        settlement.window_opens(registry, after, now_ns)

    text = f"{record.event}: version {newest.version} is upheld, its challenge window is over"
    rows = [rows_of.uphold(event.id, newest.version)]
    return Act(f"event {record.event}", text, rows, commit, {"event": event.id, "version": newest.version})


def correct(registry: Definitions, record: ar.Correct, who: str, engine: EngineLike) -> Act:
    if record.symbol:
        return ahead.correct(registry, record, who, engine)
    event = settlement.event_contract(registry, record.event)
    phase, now_ns = settlement.phase_now(engine, event), int(engine.time_ns)
    if phase == codes.PH_FINAL:
        return reversals.correct(registry, event, record, who, engine)
    if not phases.allows(phase, phases.CORRECT):
        raise settlement.contradicts(event, "is corrected", codes.R_NOT_CORRECTABLE, phase, phases.CORRECT)
    result = settlement.valued(event, record.determine())
    version = settlement.checked(event, result)
    settlement.agrees(event, result)
    until = now_ns + event.record.challenge_window_ns
    after = settlement.new_version(event, Determination(version, who, now_ns, result, kind="corrected", until_ns=until))

    def commit() -> None:
        registry.put_event(after)
        settlement.window_opens(registry, after, now_ns)

    text = f"{record.event} is corrected: version {version}"
    rows = [rows_of.determine(event.id, version, result.payouts)]
    return Act(f"event {record.event}", text, rows, commit, {"event": event.id, "version": version})
