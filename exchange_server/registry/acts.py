"""Which act each admin record is; and the acts that define nothing: transfers, phases, results, switches, reference prices.

Each function returns an Act and changes nothing; Registry.apply steps the rows and then calls `commit`.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from config import admin_records as ar
from protocol import codes, errors

from ..core.records import E_PHASE_NOW, E_WINDOW_END, H_REFUSE
from . import checks, markets, members
from . import rows as rows_of
from .checks import Act
from .listing_rules import Refused, bad
from .markets import PHASES
from .tables import Determination, Done, Event, Instrument, Table

if TYPE_CHECKING:
    from .registry import EngineLike, Registry

KILLS = {
    "platform": codes.KILL_PLATFORM,
    "venue": codes.KILL_VENUE,
    "firm": codes.KILL_FIRM,
    "account": codes.KILL_ACCOUNT,
    "session": codes.KILL_SESSION,
}


def plan(registry: "Registry", envelope: ar.AdminEnvelope, engine: "EngineLike") -> Act:
    """The act of a record; raises Refused."""
    record = envelope.record
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
        case ar.DefineMarket():
            return markets.market(registry, record, engine)
        case ar.DefineListing():
            return markets.listing(registry, record, engine)
        case ar.Transfer():
            return _transfer(registry, record, engine)
        case ar.SetPhase():
            return _phase(registry, record, engine)
        case ar.Determine():
            return _determine(registry, record, envelope.who, engine)
        case ar.Finalise():
            return _finalise(registry, record, engine)
        case ar.Kill():
            return _kill(registry, record)
        case ar.Restrict():
            return _restrict(registry, record)
        case ar.SetReference():
            return _reference(registry, record)
        case ar.AcceptClock():
            return _accept_clock(engine)


def _transfer(registry: "Registry", record: ar.Transfer, engine: "EngineLike") -> Act:
    digest = ar.content_digest(record)
    done = registry.keys.get(record.key)
    if done is not None:
        if done.digest != digest:
            raise Refused(codes.R_IDEMPOTENCY, f'key: "{record.key}" was used for another transfer')
        return Act(record.key, "done before", [], checks.nothing, done.result)
    asset = checks.find(registry.assets, "asset", record.asset)
    source = checks.find(registry.accounts, "source", record.source) if record.source else None
    target = checks.find(registry.accounts, "target", record.target) if record.target else None
    if source is None and target is None:
        raise bad("source", "a transfer names a source, a target, or both")
    if source is not None and target is not None:
        if source.id == target.id:
            raise bad("target", f"{record.target} is the source too")
        if source.firm != target.firm or not source.firm:  # fee accounts have no firm: theirs is withdrawn, not moved
            raise Refused(codes.R_ACCOUNT_NOT_ALLOWED, f"target: {record.target} and {record.source} are not accounts of one firm")
    result = {"source": source.id if source else 0, "target": target.id if target else 0, "asset": asset.id, "amount": record.amount}
    row = rows_of.transfer(result["source"], result["target"], asset.id, record.amount)

    def commit() -> None:
        registry.keys[record.key] = Done(digest, result)

    def explain(code: int) -> str:
        if code != codes.R_WITHDRAW_TOO_MUCH:
            return ""
        cash, locked = checks.balance(engine, result["source"], asset.id)
        return errors.text(code, limit=cash - locked, used=locked, asked=record.amount)

    what = "move" if source and target else "deposit" if target else "withdrawal"
    return Act(f"{what} of {record.asset}", f"{what} of {record.amount} minor units of {record.asset} done", [row], commit, result, explain)


def _phase(registry: "Registry", record: ar.SetPhase, engine: "EngineLike") -> Act:
    event = checks.find(registry.events, "event", record.event)

    def explain(code: int) -> str:
        if code != codes.R_BAD_TRANSITION:
            return ""
        return f"it is {_phase_now(engine, event)} and cannot become {record.phase} ({errors.REFUSALS[code].what_to_do.rstrip('.')})"

    to = PHASES[record.phase]
    rows = [rows_of.phase(event.id, to)]
    return Act(
        f"event {record.event}", f"{record.event} is {record.phase}", rows, checks.nothing, {"event": event.id, "phase": to}, explain
    )


def _phase_now(engine: "EngineLike", event: Event) -> str:
    return codes.PHASE_NAMES.get(checks.event_word(engine, event.id, E_PHASE_NOW), "in no known phase")


def _event_contract(registry: "Registry", name: str) -> Event:
    event: Event = checks.find(registry.events, "event", name)
    if event.record.product == "spot":
        raise bad("event", f"{name} is a spot pair: it is never settled")
    return event


def _determine(registry: "Registry", record: ar.Determine, who: str, engine: "EngineLike") -> Act:
    event = _event_contract(registry, record.event)
    market, n = event.record, event.n
    version = len(event.determinations) + 1
    if record.version not in (0, version):
        raise Refused(codes.R_BAD_TRANSITION, f"version: the next one is {version}, asked {record.version}", version, record.version)
    if len(record.payouts) != n:
        raise Refused(
            codes.R_PAYOUT_COUNT, f"payouts: {record.event} has {n} contracts, asked {len(record.payouts)}", n, len(record.payouts)
        )
    for i, payout in enumerate(record.payouts):
        if payout > market.payout:
            raise Refused(codes.R_PAYOUT_RANGE, f"payouts[{i}]: at most {market.payout} ticks, asked {payout}", market.payout, payout)
    total, wanted = sum(record.payouts), market.k * market.payout
    if total > wanted or (market.product == "exactly" and total != wanted):
        demand = "exactly" if market.product == "exactly" else "at most"
        raise Refused(
            codes.R_PAYOUT_SUM,
            f"payouts: they must sum to {demand} {market.k} x {market.payout} = {wanted} ticks, asked {total}",
            wanted,
            total,
        )
    determination = Determination(version, who, int(engine.time_ns), record)

    def explain(code: int) -> str:
        return f"it is {_phase_now(engine, event)}; only a closed event is determined" if code == codes.R_NOT_CLOSED else ""

    def commit() -> None:
        registry.put_event(msgspec.structs.replace(event, determinations=(*event.determinations, determination)))

    text = f"{record.event} determined, version {version}"
    return Act(
        f"event {record.event}",
        text,
        [rows_of.determine(event.id, version, record.payouts)],
        commit,
        {"event": event.id, "version": version},
        explain,
    )


def _finalise(registry: "Registry", record: ar.Finalise, engine: "EngineLike") -> Act:
    event = _event_contract(registry, record.event)
    if not event.determinations:
        raise Refused(codes.R_NOT_DETERMINED, f"event: {record.event} has no determination")
    newest = event.determinations[-1]
    if newest.final_at_ns:
        raise Refused(codes.R_ALREADY_FINAL, f"event: {record.event} is final since {newest.final_at_ns}: it has been paid")
    if record.version not in (0, newest.version):
        raise Refused(
            codes.R_BAD_TRANSITION, f"version: the newest is {newest.version}, asked {record.version}", newest.version, record.version
        )

    now_ns = int(engine.time_ns)

    def explain(code: int) -> str:
        if code != codes.R_CHALLENGE_WINDOW:
            return ""
        return errors.text(code, limit=checks.event_word(engine, event.id, E_WINDOW_END), asked=now_ns)

    def commit() -> None:
        final = msgspec.structs.replace(newest, final_at_ns=now_ns)
        registry.put_event(msgspec.structs.replace(event, determinations=(*event.determinations[:-1], final)))

    text = f"{record.event} is final, version {newest.version}"
    rows = [rows_of.finalise(event.id, newest.version)]
    return Act(f"event {record.event}", text, rows, commit, {"event": event.id, "version": newest.version}, explain)


def _kill(registry: "Registry", record: ar.Kill) -> Act:
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
        raise Refused(codes.R_FIELD_UNSUPPORTED, "cancel: only a switch going on cancels what is open")
    cancel = record.on if record.cancel is None else record.cancel  # as exchanges do it: a kill blocks and cancels unless told otherwise
    row = rows_of.kill(KILLS[record.level], target, record.on, cancel)
    name = " ".join((record.level, record.target)).strip()
    return Act(
        f"kill switch of {name}",
        f"kill switch of {name} is {('on, open orders are cancelled' if cancel else 'on, open orders stay') if record.on else 'off'}",
        [row],
        checks.nothing,
        {"id": target, "on": int(record.on)},
    )


def _restrict(registry: "Registry", record: ar.Restrict) -> Act:
    event = checks.find(registry.events, "event", record.event)
    firm = checks.find(registry.firms, "firm", record.firm)
    word = "restricted" if record.on else "no longer restricted"
    return Act(f"firm {record.firm}", f"{record.firm} is {word} in {record.event}", [rows_of.restrict(event.id, firm.id, record.on)], checks.nothing,
               {"event": event.id, "firm": firm.id})  # fmt: skip


def _reference(registry: "Registry", record: ar.SetReference) -> Act:
    instrument: Instrument = checks.find(registry.instruments, "symbol", record.symbol)
    low, high = instrument.market.bands[0].low, instrument.market.bands[-1].high
    if record.reference and not low <= record.reference <= high:
        raise Refused(
            codes.R_PRICE_OUT_OF_RANGE,
            f"reference: {record.symbol} trades at {low} to {high} ticks, asked {record.reference}",
            high,
            record.reference,
        )
    price, collar = registry.references.get(instrument.id, (0, instrument.market.collar))
    if record.collar is not None:
        collar = record.collar
    row = rows_of.reference(instrument.id, record.reference, collar)

    def commit() -> None:
        registry.references[instrument.id] = (record.reference, collar)

    return Act(f"symbol {record.symbol}", f"reference of {record.symbol} is {record.reference or 'the last trade'}", [row], commit,
               {"id": instrument.id, "reference": record.reference, "collar": collar})  # fmt: skip


def _accept_clock(engine: "EngineLike") -> Act:
    """Changes nothing here: the TIME rows of the turns behind it carry the new time. The record says who took it upon himself."""
    if int(engine.m[H_REFUSE]) != codes.R_CLOCK_JUMP:
        raise Refused(codes.R_CLOCK_NOT_HELD, errors.text(codes.R_CLOCK_NOT_HELD))
    return Act("the clock", "the machine's time of day is accepted: new orders are taken again", [], checks.nothing, {"time_ns": engine.time_ns})
