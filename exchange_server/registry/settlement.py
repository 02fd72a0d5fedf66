"""Results: determine, finalise, and settle, which closes, determines and pays in one act. Everything is checked before a row is made."""

from typing import Any, NamedTuple

import msgspec

from config import admin_records as ar
from protocol import codes, freeze, numbers, phases, scalar, units

from .. import state
from . import checks, finals, freezes, timetable
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .listing_rules import scalar_bounds
from .refused import Refused, bad
from .tables import Determination, Disputed, Event, Firm

FINALISE = "finalise"  # kind of the scheduled act by which a result becomes final at the end of its window
WHOLE = "part of the whole result"  # why a contract that was determined ahead of its group is ahead no more


def phase_now(engine: EngineLike, event: Event) -> int:
    return state.Event.of(engine.m, event.id).phase


def event_contract(registry: Definitions, name: str) -> Event:
    event: Event = checks.find(registry.events, "event", name)
    if event.record.product == "spot":
        raise bad("event", f"{name} is a spot pair: it is never settled")
    freezes.check(registry, event, freeze.SETTLE)
    return event


def valued(event: Event, record: ar.Determine) -> ar.Determine:
    """The record with the payout of a scalar, which follows from the observed value. Raises Refused."""
    terms = event.record.scalar
    if terms is None:
        return record
    value = scalar.whole(record.observed_value, terms.decimals)
    if value is None:
        digits = f"at most {terms.decimals} digits after the point" if terms.decimals else "no point"
        text = f'{event.name} is decided by a number with {digits}, asked "{record.observed_value}"'
        raise bad("observed_value", text, terms.decimals)
    low, high = scalar_bounds(terms)
    payout = scalar.payout(value, low, high, event.record.payout)
    if record.payouts not in ((), (payout,)):
        paid, asked = (numbers.unscaled(ticks, event.record.price_decimals) for ticks in (payout, sum(record.payouts)))
        text = f"{record.observed_value} between {terms.low} and {terms.high} pays {paid}, asked {asked}: leave the payouts out"
        raise Refused(codes.R_PAYOUT_SUM, text, "payouts", payout, sum(record.payouts))
    return msgspec.structs.replace(record, payouts=(payout,))


def next_version(event: Event, asked: int) -> int:
    """Number of the next version; raises Refused unless it is the one that was named (0: any)."""
    version = event.version + 1
    if asked not in (0, version):
        raise Refused(codes.R_RESULT_VERSION, f"the next one is {version}, asked {asked}", "version", version, asked)
    return version


def check_version(newest: int, asked: int) -> None:
    """Raise Refused unless the newest version is the one that was named (0: any)."""
    if asked not in (0, newest):
        raise Refused(codes.R_RESULT_VERSION, f"the newest is {newest}, asked {asked}", "version", newest, asked)


def check_source(event: Event, source: str) -> None:
    """Raise Refused unless the source is one of those that the market declares, if it declares any."""
    sources = event.record.sources
    if sources and source not in sources:
        raise Refused(codes.R_UNKNOWN_SOURCE, f'{event.name} is decided by {" and ".join(sources)}, asked "{source}"', "source")


def not_yet(until_ns: int, now_ns: int) -> str:
    """Why a challenge window keeps something from being paid."""
    return f"its challenge window ends at {units.instant(until_ns)}, the time is {units.instant(now_ns)}"


def checked(event: Event, record: ar.Determine) -> int:
    """The version number that this determination will get; raises Refused unless the market can pay it."""
    market, n = event.record, event.n
    version = next_version(event, record.version)
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


def agrees(event: Event, record: ar.Determine) -> None:
    """Raise Refused unless the result pays what was paid ahead of it."""
    for one in event.ahead:
        asked = record.payouts[one.index]
        if one.final_at_ns and asked != one.record.payout:
            paid, other = (numbers.unscaled(ticks, event.record.price_decimals) for ticks in (one.record.payout, asked))
            text = f"{one.record.symbol} was paid {paid} ahead of its group (version {one.version}), asked {other}"
            raise Refused(codes.R_AHEAD_DIFFERS, text, ("payouts", one.index), one.record.payout, asked)


def new_version(event: Event, kept: Determination) -> Event:
    """The event with one more version of its result. Contracts that are determined ahead of it, and not paid, become part of it."""
    ahead = tuple(one if one.final_at_ns or one.ended else msgspec.structs.replace(one, ended=WHOLE) for one in event.ahead)
    return msgspec.structs.replace(event, determinations=(*event.determinations, kept), ahead=ahead)


def newest_changed(event: Event, **fields: Any) -> Event:
    """The event with other fields of its newest version."""
    newest = msgspec.structs.replace(event.determinations[-1], **fields)
    return msgspec.structs.replace(event, determinations=(*event.determinations[:-1], newest))


def newest_of(event: Event, version: int) -> Determination:
    """The newest version; raises Refused unless it is the one that was named (0: any)."""
    newest = event.determinations[-1]
    check_version(newest.version, version)
    return newest


def refuse_twice(disputes: tuple[Disputed, ...], firm: Firm, version: int) -> None:
    """Raise Refused if the firm disputed the version before."""
    earlier = next((one for one in disputes if one.firm == firm.id), None)
    if earlier is not None:
        text = f"{firm.name} disputed version {version} at {units.instant(earlier.at_ns)}: once is enough"
        raise Refused(codes.R_DISPUTED_BEFORE, text, "firm", version)


def why_no_dispute(code: int, firm: Firm, version: int, until_ns: int, now_ns: int) -> str:
    """Why the core refused a dispute."""
    if code == codes.R_DISPUTE_LATE:
        return f"the window of version {version} ended at {units.instant(until_ns)}, the time is {units.instant(now_ns)}"
    return f"{firm.name} has no position in it" if code == codes.R_NO_PARTY else ""


def window_opens(registry: Definitions, event: Event, now_ns: int) -> None:
    """In the commit of an act that gave the newest version its window: it is paid by itself at the end, unless the market says otherwise."""
    window_closes(registry, event, now_ns, "replaced")
    newest = event.determinations[-1]
    pays_itself(registry, event, newest.until_ns, ar.Finalise(event=event.name, version=newest.version), FINALISE, now_ns)


def pays_itself(registry: Definitions, event: Event, until_ns: int, record: ar.AnyRecord, kind: str, now_ns: int) -> None:
    """Schedule the payment at the end of a window, unless there is none or the market says otherwise."""
    if event.record.auto_finalise and event.record.challenge_window_ns:
        registry.schedule.put(until_ns, record, timetable.WHO, timetable.about(event.name), kind, "end of the challenge window", now_ns)


def awaits_its_end(event: Event, engine: EngineLike) -> bool:
    """Whether the newest version has a window that nobody disputes, or that is over, and is not paid yet."""
    return bool(event.determinations) and phases.allows(phase_now(engine, event), phases.FINALISE)


def kind_of(symbol: str) -> str:
    """Kind of the scheduled act by which a contract ahead of its group becomes final."""
    return f"{FINALISE} {symbol}"


def window_closes(registry: Definitions, event: Event, now_ns: int, why: str) -> None:
    """In the commit of an act after which the newest version is not paid by itself, nor any contract that became part of it."""
    for one in event.ahead:
        if one.ended == WHOLE:
            registry.schedule.cancel_for(timetable.about(event.name), kind_of(one.record.symbol), now_ns, WHOLE)
    registry.schedule.cancel_for(timetable.about(event.name), FINALISE, now_ns, why)


def contradicts(event: Event, asked: str, code: int, phase: int, action: str) -> Refused:
    """The refusal of an act that the market's phase does not allow."""
    text = f"{event.name} is {phases.name(phase)}; only a market that is {phases.in_which(action)} {asked}"
    return Refused(code, text, "event", asked=phase)


class Recorded(NamedTuple):
    """What a resolver's record does: rows, the event afterwards, whether it made a version, and words for it."""

    rows: list[Words]
    event: Event
    made: bool
    words: str


def recorded(event: Event, record: ar.Determine, who: str, now_ns: int) -> Recorded:
    """A result by a resolver: of a market that needs two sources, both are heard before there is a version. Raises Refused."""
    record = valued(event, record)
    version = checked(event, record)
    agrees(event, record)
    sources = event.record.sources
    check_source(event, record.source)
    kept = Determination(version, who, now_ns, record, until_ns=now_ns + event.record.challenge_window_ns)
    rows = [rows_of.determine(event.id, version, record.payouts)]
    if len(sources) < 2:
        return Recorded(rows, new_version(event, kept), True, f"determined, version {version}")
    others = [one for one in event.heard if one.record.source != record.source]
    event = msgspec.structs.replace(event, heard=(*others, kept))
    if not others:
        (missing,) = (name for name in sources if name != record.source)
        return Recorded([], event, False, f"not determined yet: {record.source} is recorded, {missing} is still to come")
    other = others[0].record
    if other.payouts != record.payouts:
        words = f"disputed: {other.source} and {record.source} differ"
        return Recorded([rows_of.dispute(event.id, event.version, 0)], event, False, words)
    kept = msgspec.structs.replace(kept, other=other)
    return Recorded(rows, new_version(event, kept), True, f"determined, version {version}: {other.source} and {record.source} agree")


def determine(registry: Definitions, record: ar.Determine, who: str, engine: EngineLike) -> Act:
    event = event_contract(registry, record.event)
    phase = phase_now(engine, event)
    if phase in (codes.PH_DISPUTED, codes.PH_VOIDED):
        text = f"{record.event} is {phases.name(phase)}: only the arbiter replaces what is recorded (exos market correct)"
        raise Refused(codes.R_ARBITER_DECIDES, text, "event", asked=phase)
    now_ns = int(engine.time_ns)
    done = recorded(event, record, who, now_ns)
    if not done.rows and not phases.allows(phase, phases.DETERMINE):  # no row comes to the core
        code = phases.DETERMINE_REFUSALS[phase]
        raise contradicts(event, "is determined", code, phase, phases.DETERMINE)

    def explain(code: int) -> str:
        now = phases.name(phase_now(engine, event))
        return f"it is {now}; only a market that is {phases.in_which(phases.DETERMINE)} is determined" if code == codes.R_NOT_CLOSED else ""

    def commit() -> None:
        registry.put_event(done.event)
        if done.made:
            window_opens(registry, done.event, now_ns)
        elif done.rows:
            window_closes(registry, done.event, now_ns, "its sources differ")

    version = done.event.version
    result = {"event": event.id, "version": version if done.made else 0}
    return Act(f"event {record.event}", f"{record.event} {done.words}", done.rows, commit, result, explain)


def finalise(registry: Definitions, record: ar.Finalise, engine: EngineLike) -> Act:
    event = event_contract(registry, record.event)
    if not event.determinations:
        raise Refused(codes.R_NOT_DETERMINED, f"{record.event} has no determination", "event")
    if event.determinations[-1].final_at_ns:
        since = units.instant(event.determinations[-1].final_at_ns)
        raise Refused(codes.R_ALREADY_FINAL, f"{record.event} is final since {since}: it has been paid", "event")
    newest = newest_of(event, record.version)
    now_ns = int(engine.time_ns)

    def explain(code: int) -> str:
        if code != codes.R_CHALLENGE_WINDOW:
            return ""
        return not_yet(state.Event.of(engine.m, event.id).window_end, now_ns)

    def commit() -> None:
        window_closes(registry, event, now_ns, "paid by hand")

    text = f"{record.event} is final, version {newest.version}"
    rows = [rows_of.finalise(event.id, newest.version)]
    result = {"event": event.id, "version": newest.version}
    return Act(
        f"event {record.event}",
        text,
        rows,
        commit,
        result,
        explain,
        told=lambda: finals.paid(engine, event, newest.version, text, result),
    )


def settle(registry: Definitions, record: ar.Settle, who: str, engine: EngineLike) -> Act:
    """Nothing is closed and no order is cancelled if the result cannot be recorded or, where payment is requested, cannot be paid."""
    event = event_contract(registry, record.event)
    determination = record.determine()
    phase = phase_now(engine, event)
    closes = phases.may_set(phase, codes.PH_CLOSED)
    if event.determinations and event.determinations[-1].final_at_ns:
        since = units.instant(event.determinations[-1].final_at_ns)
        raise Refused(codes.R_ALREADY_FINAL, f"{record.event} is final since {since}: it has been paid", "event")
    if not phases.allows(phase, phases.SETTLE):
        text = f"{record.event} is {phases.name(phase)}; only a market that is {phases.in_which(phases.SETTLE)} is settled"
        raise Refused(codes.R_NOT_CLOSED, text, "event", asked=phase)
    window = event.record.challenge_window_ns
    now_ns = int(engine.time_ns)
    done = recorded(event, determination, who, now_ns)
    if record.finalise and window:
        text = (
            f"{record.event} has a challenge window of {units.duration(window)}: record the result first and pay it afterwards "
            "(exos market settle --determine-only, then --finalise-only)"
        )
        raise Refused(codes.R_CHALLENGE_WINDOW, text, "event", now_ns + window, now_ns)
    if record.finalise and len(event.record.sources) > 1:
        text = f"{record.event} is decided by {' and '.join(event.record.sources)}: record each, and pay when both agree"
        raise Refused(codes.R_TWO_SOURCES, f"{text} (exos market settle --determine-only, then --finalise-only)", "event")
    version = event.version + 1
    rows: list[Words] = [rows_of.phase(event.id, codes.PH_CLOSED)] if closes else []
    rows += done.rows
    after = done.event
    if record.finalise:
        rows.append(rows_of.finalise(event.id, version))

    def commit() -> None:
        registry.put_event(after)
        if done.made and not record.finalise:
            window_opens(registry, after, now_ns)
        elif done.made:
            window_closes(registry, after, now_ns, "paid by hand")

    words = ["closed"] if closes else []
    words += [
        f"determined (version {version})" if done.made and not done.event.heard else done.words,
        *(["paid"] if record.finalise else []),
    ]
    text = f"{record.event} is {', '.join(words)}"
    result = {"event": event.id, "version": version if done.made else 0, "final": 0}
    told = (lambda: finals.paid(engine, event, version, text, {"event": event.id, "version": version})) if record.finalise else None
    return Act(f"event {record.event}", text, rows, commit, result, told=told, after=after)
