"""Results: determine, finalise, and settle, which closes, determines and pays in one act. Everything is checked before a row is made."""

import msgspec

from config import admin_records as ar
from protocol import codes, freeze, numbers, phases, units

from .. import state
from . import checks, freezes, reversals
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Determination, Event


def phase_now(engine: EngineLike, event: Event) -> int:
    return state.Event.of(engine.m, event.id).phase


def _event_contract(registry: Definitions, name: str) -> Event:
    event: Event = checks.find(registry.events, "event", name)
    if event.record.product == "spot":
        raise bad("event", f"{name} is a spot pair: it is never settled")
    freezes.check(registry, event, freeze.SETTLE)
    return event


def _checked(event: Event, record: ar.Determine) -> int:
    """The version number that this determination will get; raises Refused unless the market can pay it."""
    market, n = event.record, event.n
    version = len(event.determinations) + 1
    if record.version not in (0, version):
        raise Refused(codes.R_BAD_TRANSITION, f"the next one is {version}, asked {record.version}", "version", version, record.version)
    if len(record.payouts) != n:
        raise Refused(
            codes.R_PAYOUT_COUNT, f"{record.event} has {n} contracts, asked {len(record.payouts)}", "payouts", n, len(record.payouts)
        )

    def amount(ticks: int) -> str:
        return numbers.unscaled(ticks, market.price_decimals)

    for i, payout in enumerate(record.payouts):
        if payout > market.payout:
            text = f"{market.contracts[i].symbol} pays at most {amount(market.payout)}, asked {amount(payout)}"
            raise Refused(codes.R_PAYOUT_RANGE, text, ("payouts", i), market.payout, payout)
    total, wanted = sum(record.payouts), market.k * market.payout
    if total > wanted or (market.product == "exactly" and total != wanted):
        demand = "exactly" if market.product == "exactly" else "at most"
        text = f"they must sum to {demand} {market.k} x {amount(market.payout)} = {amount(wanted)}, asked {amount(total)}"
        raise Refused(codes.R_PAYOUT_SUM, text, "payouts", wanted, total)
    return version


def determine(registry: Definitions, record: ar.Determine, who: str, engine: EngineLike) -> Act:
    event = _event_contract(registry, record.event)
    version = _checked(event, record)
    determination = Determination(version, who, int(engine.time_ns), record)

    def explain(code: int) -> str:
        now = phases.name(phase_now(engine, event))
        return f"it is {now}; only a market that is {phases.in_which(phases.DETERMINE)} is determined" if code == codes.R_NOT_CLOSED else ""

    def commit() -> None:
        registry.put_event(msgspec.structs.replace(event, determinations=(*event.determinations, determination)))

    rows = [rows_of.determine(event.id, version, record.payouts)]
    result = {"event": event.id, "version": version}
    return Act(f"event {record.event}", f"{record.event} determined, version {version}", rows, commit, result, explain)


def finalise(registry: Definitions, record: ar.Finalise, engine: EngineLike) -> Act:
    event = _event_contract(registry, record.event)
    if not event.determinations:
        raise Refused(codes.R_NOT_DETERMINED, f"{record.event} has no determination", "event")
    newest = event.determinations[-1]
    if newest.final_at_ns:
        since = units.instant(newest.final_at_ns)
        raise Refused(codes.R_ALREADY_FINAL, f"{record.event} is final since {since}: it has been paid", "event")
    if record.version not in (0, newest.version):
        raise Refused(
            codes.R_BAD_TRANSITION, f"the newest is {newest.version}, asked {record.version}", "version", newest.version, record.version
        )
    now_ns = int(engine.time_ns)

    def explain(code: int) -> str:
        if code != codes.R_CHALLENGE_WINDOW:
            return ""
        ends = state.Event.of(engine.m, event.id).window_end
        return f"its challenge window ends at {units.instant(ends)}, the time is {units.instant(now_ns)}"

    text = f"{record.event} is final, version {newest.version}"
    rows = [rows_of.finalise(event.id, newest.version)]
    result = {"event": event.id, "version": newest.version}
    return Act(
        f"event {record.event}",
        text,
        rows,
        checks.nothing,
        result,
        explain,
        told=lambda: reversals.paid(engine, event, newest.version, text),
    )


def settle(registry: Definitions, record: ar.Settle, who: str, engine: EngineLike) -> Act:
    """Nothing is closed and no order is cancelled if the result cannot be recorded or, where payment is requested, cannot be paid."""
    event = _event_contract(registry, record.event)
    determination = record.determine()
    phase = phase_now(engine, event)
    closes = phases.may_set(phase, codes.PH_CLOSED)
    if event.determinations and event.determinations[-1].final_at_ns:
        since = units.instant(event.determinations[-1].final_at_ns)
        raise Refused(codes.R_ALREADY_FINAL, f"{record.event} is final since {since}: it has been paid", "event")
    if not phases.allows(phase, phases.SETTLE):
        text = f"{record.event} is {phases.name(phase)}; only a market that is {phases.in_which(phases.SETTLE)} is settled"
        raise Refused(codes.R_NOT_CLOSED, text, "event", asked=phase)
    version = _checked(event, determination)
    window = event.record.challenge_window_ns
    now_ns = int(engine.time_ns)
    if record.finalise and window:
        text = (
            f"{record.event} has a challenge window of {units.duration(window)}: record the result first and pay it afterwards "
            "(exos market settle --determine-only, then --finalise-only)"
        )
        raise Refused(codes.R_CHALLENGE_WINDOW, text, "event", now_ns + window, now_ns)
    rows: list[Words] = [rows_of.phase(event.id, codes.PH_CLOSED)] if closes else []
    rows.append(rows_of.determine(event.id, version, record.payouts))
    if record.finalise:
        rows.append(rows_of.finalise(event.id, version))
    kept = Determination(version, who, now_ns, determination)

    def commit() -> None:
        registry.put_event(msgspec.structs.replace(event, determinations=(*event.determinations, kept)))

    done = ["closed"] if closes else []
    done += [f"determined (version {version})", *(["paid"] if record.finalise else [])]
    text = f"{record.event} is {', '.join(done)}"
    result = {"event": event.id, "version": version, "final": 0}
    told = (lambda: reversals.paid(engine, event, version, text)) if record.finalise else None
    return Act(f"event {record.event}", text, rows, commit, result, told=told)
