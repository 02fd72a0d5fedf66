"""Maps each admin record to its act, and contains the acts that define nothing: phases, results, switches, reference prices.

Each function returns an Act and changes nothing; Registry.apply steps the rows and then calls `commit`.
"""

from typing import Any

import msgspec

from config import admin_records as ar
from protocol import codes, errors, freeze, numbers, phases, units

from .. import state
from . import (
    admission,
    ahead,
    budgets,
    checks,
    closing,
    disputes,
    freezes,
    grants,
    held_orders,
    keys,
    markets,
    members,
    money,
    outcomes,
    pending,
    quotas,
    reversals,
    series,
    settlement,
    timed_acts,
    voids,
)
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refused, bad
from .tables import Instrument, Table

KILLS = {
    "platform": codes.KILL_PLATFORM,
    "venue": codes.KILL_VENUE,
    "firm": codes.KILL_FIRM,
    "account": codes.KILL_ACCOUNT,
    "session": codes.KILL_SESSION,
}


def plan(registry: Definitions, envelope: ar.AdminEnvelope, engine: EngineLike) -> Act:
    """The act of a record, now; raises Refused."""
    checks.refuse_settling(registry, envelope.record, engine)
    return at_any_time(registry, envelope, engine)


def at_any_time(registry: Definitions, envelope: ar.AdminEnvelope, engine: EngineLike) -> Act:
    """The act of a record, as if nothing were being settled; raises Refused."""
    record = envelope.record
    if not isinstance(record, ar.DefineMarket | ar.AccessRule | ar.RemoveAccessRule):
        event = registry.events.named(getattr(record, "event", ""))
        if event is not None:
            checks.refuse_removed(event)
    match record:
        case ar.DefineAsset():
            return members.asset(registry, record, engine)
        case ar.DefineVenue():
            return members.venue(registry, record, engine)
        case ar.DefineFirm():
            return members.firm(registry, record, engine)
        case ar.DefineAccount():
            return members.account(registry, record, engine)
        case ar.DefineSession():
            return members.session(registry, record, engine)
        case ar.DefineKey():
            return keys.key(registry, record, engine)
        case ar.RevokeKey():
            return keys.revoke(registry, record, engine)
        case ar.DefineMarket():
            return markets.market(registry, record, engine)
        case ar.DefineListing():
            return markets.listing(registry, record, engine)
        case ar.SetBands():
            return markets.bands(registry, record, engine)
        case ar.AddOutcome():
            return outcomes.add(registry, record, engine)
        case ar.SplitOutcome():
            return outcomes.split(registry, record, engine)
        case ar.Transfer():
            return money.transfer(registry, record, envelope.who, engine)
        case ar.Hold():
            return money.hold(registry, record, envelope.who, engine)
        case ar.Release():
            return money.release(registry, record, envelope.who, engine)
        case ar.RequestWithdrawal():
            return money.request_withdrawal(registry, record, envelope.who, engine)
        case ar.SettleWithdrawal():
            return money.settle_withdrawal(registry, record, envelope.who, engine)
        case ar.CancelWithdrawal():
            return money.cancel_withdrawal(registry, record, envelope.who, engine)
        case ar.ExpireHold():
            return money.expire(registry, record, envelope.who, engine)
        case ar.Close():
            return closing.close(registry, record, envelope.who, engine)
        case ar.SetPhase():
            return _phase(registry, record, engine)
        case ar.Determine():
            return settlement.determine(registry, record, envelope.who, engine)
        case ar.Finalise():
            return settlement.finalise(registry, record, engine)
        case ar.DetermineOne():
            return ahead.determine(registry, record, envelope.who, engine)
        case ar.FinaliseOne():
            return ahead.finalise(registry, record, engine)
        case ar.WithdrawOne():
            return ahead.withdraw(registry, record, envelope.who, engine)
        case ar.Settle():
            return settlement.settle(registry, record, envelope.who, engine)
        case ar.Dispute():
            return disputes.dispute(registry, record, envelope.who, engine)
        case ar.Bond():
            return reversals.bond(registry, record, engine)
        case ar.Bust():
            return reversals.bust(registry, record, envelope.who, engine)
        case ar.Recover():
            return reversals.recover(registry, record, engine)
        case ar.Uphold():
            return disputes.uphold(registry, record, envelope.who, engine)
        case ar.Correct():
            return disputes.correct(registry, record, envelope.who, engine)
        case ar.Void():
            return voids.void(registry, record, envelope.who, engine)
        case ar.Begin():
            return _begin(registry, record)
        case ar.Kill():
            return _kill(registry, record)
        case ar.Restrict():
            return _restrict(registry, record)
        case ar.FirmTags():
            return admission.firm_tags(registry, record, engine)
        case ar.AccessRule():
            return admission.access_rule(registry, record, engine)
        case ar.RemoveAccessRule():
            return admission.remove_access_rule(registry, record, engine)
        case ar.Quota():
            return quotas.quota(registry, record, engine)
        case ar.Freeze():
            return freezes.freeze_venue(registry, record)
        case ar.Budget():
            return budgets.budget(registry, record, engine)
        case ar.ClearBudget():
            return budgets.clear(registry, record)
        case ar.SetReference():
            return _reference(registry, record)
        case ar.Schedule():
            return timed_acts.schedule(registry, record, envelope.who, engine, at_any_time)
        case ar.DefineSeries():
            return series.define(registry, record, envelope.who, engine)
        case ar.CloseSeries():
            return series.close(registry, record, envelope.who, engine)
        case ar.MarkOverdue():
            return _overdue(registry, record, engine)
        case ar.CancelSchedule():
            return timed_acts.cancel(registry, record, envelope.who, engine)
        case ar.AcceptClock():
            return _accept_clock(engine)
        case ar.DefinePrincipal():
            return grants.principal(registry, record)
        case ar.Grant():
            return grants.grant(registry, record, envelope.who, engine)
        case ar.Revoke():
            return grants.revoke(registry, record)
        case ar.Approvals():
            return grants.approvals(registry, record)
        case ar.Approve() | ar.Refuse() if held_orders.is_one(record.id):
            return held_orders.decide(registry, envelope.who, record, engine)
        case ar.Refuse():
            return pending.refuse(registry, envelope.who, record, int(engine.time_ns))
    raise Refused(
        codes.R_BAD_COMMAND, f"{type(record).__name__} is not an action by itself"
    )  # Registry.apply handles parts and configurations before this


def _begin(registry: Definitions, record: ar.Begin) -> Act:
    if registry.begun is not None:
        raise Refused(codes.R_SANDBOX, f"the data folder was already created, with {registry.begun.name}")

    def commit() -> None:
        registry.begun = record

    return Act("data folder", f"data folder created with {record.name}", [], commit, {})


def _phase(registry: Definitions, record: ar.SetPhase, engine: EngineLike) -> Act:
    event = checks.find(registry.events, "event", record.event)

    def explain(code: int) -> str:
        if code != codes.R_BAD_TRANSITION:
            return ""
        now = settlement.phase_now(engine, event)
        return f"it is {phases.name(now)} and cannot become {record.phase} (what may follow: {phases.names(phases.NEXT[now])})"

    to = phases.BY_NAME[record.phase]
    freezes.check(registry, event, freeze.SETTLE if to == codes.PH_CLOSED else freeze.PHASE)
    rows = [rows_of.phase(event.id, to)]
    return Act(
        f"event {record.event}", f"{record.event} is {record.phase}", rows, checks.nothing, {"event": event.id, "phase": to}, explain
    )


def _overdue(registry: Definitions, record: ar.MarkOverdue, engine: EngineLike) -> Act:
    event = checks.find(registry.events, "event", record.event)
    by, now_ns = event.record.determine_by_ns, int(engine.time_ns)
    if event.determinations or not 0 < by <= now_ns:
        why = "it has a result" if event.determinations else f"it has until {units.instant(by)}" if by else "it has no determine_by"
        raise bad("event", f"{record.event} is not overdue: {why}", by, now_ns)

    def commit() -> None:
        registry.put_event(msgspec.structs.replace(event, overdue_ns=now_ns))

    text = f"{record.event} is overdue: it should have had a result by {units.instant(by)}"
    return Act(f"event {record.event}", text, [], commit, {"event": event.id})


def _kill(registry: Definitions, record: ar.Kill) -> Act:
    tables: dict[str, Table[Any]] = {
        "venue": registry.venues,
        "firm": registry.firms,
        "account": registry.accounts,
        "session": registry.sessions,
    }
    if record.level == "platform":
        if record.target:
            raise bad("target", f"the platform has no name, asked {record.target}")
        target = 0
    else:
        target = checks.find(tables[record.level], "target", record.target).id
    if record.cancel and not record.on:
        raise Refused(codes.R_FIELD_UNSUPPORTED, "only switching on cancels open orders", "cancel")
    cancel = record.on if record.cancel is None else record.cancel  # as is usual: a kill blocks and cancels by default
    row = rows_of.kill(KILLS[record.level], target, record.on, cancel)
    name = " ".join((record.level, record.target)).strip()
    return Act(
        f"kill switch of {name}",
        f"kill switch of {name} is {('on, open orders are cancelled' if cancel else 'on, open orders stay') if record.on else 'off'}",
        [row],
        checks.nothing,
        {"id": target, "on": int(record.on)},
    )


def _restrict(registry: Definitions, record: ar.Restrict) -> Act:
    event = checks.find(registry.events, "event", record.event)
    firm = checks.find(registry.firms, "firm", record.firm)
    word = "restricted" if record.on else "no longer restricted"
    return Act(f"firm {record.firm}", f"{record.firm} is {word} in {record.event}", [rows_of.restrict(event.id, firm.id, record.on)], checks.nothing,
               {"event": event.id, "firm": firm.id})  # fmt: skip


def _reference(registry: Definitions, record: ar.SetReference) -> Act:
    instrument: Instrument = checks.find(registry.instruments, "symbol", record.symbol)
    low, high = instrument.market.bands[0].low, instrument.market.bands[-1].high

    def price_text(ticks: int) -> str:
        return numbers.unscaled(ticks, instrument.market.price_decimals)

    if record.reference and not low <= record.reference <= high:
        raise Refused(
            codes.R_PRICE_OUT_OF_RANGE,
            f"{record.symbol} trades at {price_text(low)} to {price_text(high)}, asked {price_text(record.reference)}",
            "reference",
            high,
            record.reference,
        )
    price, collar = registry.references.get(instrument.id, (0, instrument.market.collar))
    if record.collar is not None:
        collar = record.collar
    row = rows_of.reference(instrument.id, record.reference, collar)

    def commit() -> None:
        registry.references[instrument.id] = (record.reference, collar)

    return Act(f"symbol {record.symbol}", f"reference of {record.symbol} is {price_text(record.reference) if record.reference else 'the last trade'}", [row], commit,
               {"id": instrument.id, "reference": record.reference, "collar": collar})  # fmt: skip


def _accept_clock(engine: EngineLike) -> Act:
    """Changes nothing here: the TIME rows of the following turns carry the new time. The record shows who accepted it."""
    if state.Header(engine.m).refusing != codes.R_CLOCK_JUMP:
        raise Refused(codes.R_CLOCK_NOT_HELD, errors.text(codes.R_CLOCK_NOT_HELD))
    return Act(
        "the clock", "the machine's time of day is accepted: new orders are accepted again", [], checks.nothing, {"time_ns": engine.time_ns}
    )
