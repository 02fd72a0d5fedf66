"""A contract of a group ahead of the rest: determined with its evidence, withdrawn, or paid, while the others go on (core/markets/ahead.py).

Its versions are counted together with those of the whole result, so that a version of a market names one piece of evidence.
"""

from typing import Any

import msgspec

from config import admin_records as ar
from config import market as market_record
from protocol import codes, numbers, phases, units

from . import checks, finals, scopes, settlement, timetable
from . import rows as rows_of
from .access import Sight
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refused
from .tables import Ahead, Disputed, Event, Firm, Instrument, Upheld

PRODUCTS = dict(market_record.PRODUCTS)
WITHDRAWN, REPLACED = "withdrawn", "replaced"


def _find(registry: Definitions, name: str, symbol: str, engine: EngineLike) -> tuple[Event, Instrument, Ahead | None]:
    """The event, the contract, and how it stands ahead of its group. Raises Refused where nothing can be ahead any more."""
    event = settlement.event_contract(registry, name)
    instrument: Instrument = checks.find(registry.instruments, "symbol", symbol)
    if instrument.event_id != event.id:
        raise Refused(codes.R_OUTCOME_UNKNOWN, f"{event.name} has no contract {symbol}", "symbol", asked=instrument.id)
    phase = settlement.phase_now(engine, event)
    if not phases.allows(phase, phases.AHEAD):
        text = f"{event.name} is {phases.name(phase)}; a contract is ahead only of a market that is {phases.in_which(phases.AHEAD)}"
        raise Refused(codes.R_NOT_AHEAD, text, "event", asked=phase)
    known = event.ahead_of(instrument.index)
    if known is not None and known.final_at_ns:
        text = f"{symbol} is final since {units.instant(known.final_at_ns)}: it has been paid"
        raise Refused(codes.R_ALREADY_FINAL, text, "symbol")
    return event, instrument, known


def _waiting(known: Ahead | None, symbol: str, version: int) -> Ahead:
    if known is None:
        raise Refused(codes.R_NOT_DETERMINED, f"{symbol} is not determined ahead of its group", "symbol")
    settlement.check_version(known.version, version)
    return known


def _check(event: Event, instrument: Instrument, record: ar.DetermineOne) -> int:
    """The number of the version; raises Refused."""
    market = event.record
    if len(market.sources) > 1:
        text = f"{event.name} is decided by {' and '.join(market.sources)}: its contracts are determined together"
        raise Refused(codes.R_TWO_SOURCES, text, "event")
    settlement.check_source(event, record.source)
    version = settlement.next_version(event, record.version)
    if record.payout not in (0, market.payout):
        full, asked = (numbers.unscaled(ticks, market.price_decimals) for ticks in (market.payout, record.payout))
        text = f"ahead of its group a contract pays 0 or {full}, asked {asked}"
        raise Refused(codes.R_PAYOUT_RANGE, text, "payout", market.payout, record.payout)
    paid = {one.index: one.record.payout for one in event.ahead if not one.ended} | {instrument.index: record.payout}
    winners, left = market.k - sum(ticks > 0 for ticks in paid.values()), event.n - len(paid)
    if not phases.leaves_open(PRODUCTS[market.product], winners, left):
        text = (
            f"with {record.symbol} nothing is left open in {event.name} ({winners} winners among {left} contracts): record the whole result"
        )
        raise Refused(codes.R_AHEAD_DECIDES, text, "symbol", winners, instrument.id, left)
    return version


def determine(registry: Definitions, record: ar.DetermineOne, who: str, engine: EngineLike) -> Act:
    event, instrument, known = _find(registry, record.event, record.symbol, engine)
    if known is not None and known.disputed:
        text = f"{record.symbol} is disputed: only the arbiter replaces what is recorded (exos market correct --contract)"
        raise Refused(codes.R_ARBITER_DECIDES, text, "symbol")
    return _determined(registry, event, instrument, known, record, who, engine, "determined")


def correct(registry: Definitions, record: ar.Correct, who: str, engine: EngineLike) -> Act:
    """The arbiter's version in place of one that is there."""
    event, instrument, known = _find(registry, record.event, record.symbol, engine)
    _waiting(known, record.symbol, 0)
    if len(record.payouts) != 1:
        text = f"of {record.symbol} alone there is one payout, asked {len(record.payouts)}"
        raise Refused(codes.R_PAYOUT_COUNT, text, "payouts", 1, len(record.payouts))
    fields = {field: getattr(record, field) for field in ar.DetermineOne.__struct_fields__ if field != "payout"}
    said = ar.DetermineOne(**fields, payout=record.payouts[0])
    return _determined(registry, event, instrument, known, said, who, engine, "corrected")


def _determined(
    registry: Definitions, event: Event, instrument: Instrument, known: Ahead | None, record: ar.DetermineOne, who: str, engine: EngineLike, kind: Any
) -> Act:  # fmt: skip
    version, now_ns = _check(event, instrument, record), int(engine.time_ns)
    kept = Ahead(version, who, now_ns, instrument.index, record, now_ns + event.record.challenge_window_ns, kind=kind)
    before = event if known is None else event.with_ahead(known, ended=REPLACED)
    after = msgspec.structs.replace(before, ahead=(*before.ahead, kept))

    def commit() -> None:
        registry.put_event(after)
        _window_closes(registry, event, record.symbol, now_ns, REPLACED)
        act = ar.FinaliseOne(event=event.name, symbol=record.symbol, version=version)
        settlement.pays_itself(registry, event, kept.until_ns, act, settlement.kind_of(record.symbol), now_ns)

    text = f"{record.symbol} is {kind} ahead of {event.name}, version {version}: it pays {_amount(event, record.payout)} and trades no more"
    rows = [rows_of.ahead(event.id, instrument.id, codes.AHEAD_DETERMINE, version, record.payout)]
    return Act(f"contract {record.symbol}", text, rows, commit, {"event": event.id, "instrument": instrument.id, "version": version})


def finalise(registry: Definitions, record: ar.FinaliseOne, engine: EngineLike) -> Act:
    event, instrument, known = _find(registry, record.event, record.symbol, engine)
    one, now_ns = _waiting(known, record.symbol, record.version), int(engine.time_ns)

    if one.disputed:
        raise Refused(
            codes.R_AHEAD_DISPUTED,
            f"{record.symbol} is disputed: the arbiter upholds, corrects or withdraws it",
            "symbol",
            asked=instrument.id,
        )

    def explain(code: int) -> str:
        if code == codes.R_AHEAD_UNCOVERED:
            return f"{record.symbol} cannot be paid ahead of {event.name}: an account that is short in it counts on what the rest is worth to it; it is paid with the whole result"
        return settlement.not_yet(one.until_ns, now_ns) if code == codes.R_CHALLENGE_WINDOW else ""

    def commit() -> None:
        _window_closes(registry, event, record.symbol, now_ns, "paid by hand")

    text = f"{record.symbol} is final, version {one.version}: it paid {_amount(event, one.record.payout)}, {event.name} goes on without it"
    rows = [rows_of.ahead(event.id, instrument.id, codes.AHEAD_FINALISE, one.version)]
    result = {"event": event.id, "instrument": instrument.id, "version": one.version}
    return Act(
        f"contract {record.symbol}", text, rows, commit, result, explain,
        told=lambda: finals.paid(engine, event, one.version, text, result, record.symbol),
    )  # fmt: skip


def dispute(registry: Definitions, record: ar.Dispute, who: str, engine: EngineLike) -> Act:
    """A party contests what a contract is to pay: it waits for the arbiter."""
    event, instrument, known = _find(registry, record.event, record.symbol, engine)
    one, now_ns = _waiting(known, record.symbol, record.version), int(engine.time_ns)
    firm: Firm = checks.find(registry.firms, "firm", record.firm)
    settlement.refuse_twice(one.disputes, firm, one.version)
    disputed = Disputed(firm.id, who, now_ns, record.reason)

    def explain(code: int) -> str:
        return settlement.why_no_dispute(code, firm, one.version, one.until_ns, now_ns)

    def commit() -> None:
        registry.put_event(event.with_ahead(one, disputes=(*one.disputes, disputed), upheld=None))
        _window_closes(registry, event, record.symbol, now_ns, f"disputed by {record.firm}")

    text = f"{record.symbol}: version {one.version} is disputed by {record.firm}"
    rows = [rows_of.ahead(event.id, instrument.id, codes.AHEAD_DISPUTE, one.version, firm_id=firm.id)]
    result = {"event": event.id, "instrument": instrument.id, "version": one.version, "firm": firm.id}
    return Act(f"contract {record.symbol}", text, rows, commit, result, explain)


def uphold(registry: Definitions, record: ar.Uphold, who: str, engine: EngineLike) -> Act:
    event, instrument, known = _find(registry, record.event, record.symbol, engine)
    one, now_ns = _waiting(known, record.symbol, record.version), int(engine.time_ns)
    if not one.disputed:
        raise Refused(codes.R_NOT_DISPUTED, f"{record.symbol} is not disputed", "symbol")
    after = event.with_ahead(one, upheld=Upheld(who, now_ns, record.note), until_ns=now_ns)

    def commit() -> None:
        registry.put_event(after)
        act = ar.FinaliseOne(event=event.name, symbol=record.symbol, version=one.version)
        settlement.pays_itself(registry, event, now_ns, act, settlement.kind_of(record.symbol), now_ns)

    text = f"{record.symbol}: version {one.version} is upheld, its challenge window is over"
    rows = [rows_of.ahead(event.id, instrument.id, codes.AHEAD_UPHOLD, one.version)]
    return Act(f"contract {record.symbol}", text, rows, commit, {"event": event.id, "instrument": instrument.id, "version": one.version})


def withdraw(registry: Definitions, record: ar.WithdrawOne, who: str, engine: EngineLike) -> Act:
    """Of what is disputed only the arbiter takes anything back: a resolver could go round him, and determine it anew. Raises Refused."""
    event, instrument, known = _find(registry, record.event, record.symbol, engine)
    one, now_ns = _waiting(known, record.symbol, record.version), int(engine.time_ns)
    if one.disputed and not Sight(registry, who, now_ns).may(lambda role: role.may_send("uphold"), scopes.of_event(event)):
        text = f"{record.symbol} is disputed: only the arbiter withdraws what is recorded"
        raise Refused(codes.R_ARBITER_DECIDES, text, "symbol")

    def commit() -> None:
        registry.put_event(event.with_ahead(one, ended=WITHDRAWN, note=record.note))
        _window_closes(registry, event, record.symbol, now_ns, WITHDRAWN)

    phase = phases.name(settlement.phase_now(engine, event))
    text = f"version {one.version} of {record.symbol} is withdrawn: the contract is {phase} again, as {event.name}"
    rows = [rows_of.ahead(event.id, instrument.id, codes.AHEAD_WITHDRAW, one.version)]
    return Act(f"contract {record.symbol}", text, rows, commit, {"event": event.id, "instrument": instrument.id, "version": one.version})


def _amount(event: Event, ticks: int) -> str:
    return numbers.unscaled(ticks, event.record.price_decimals)


def _window_closes(registry: Definitions, event: Event, symbol: str, now_ns: int, why: str) -> None:
    registry.schedule.cancel_for(timetable.about(event.name), settlement.kind_of(symbol), now_ns, why)
