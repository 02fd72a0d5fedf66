"""One function per admin record: check it against what exists, give ids, and say which rows it takes.

Each returns an Act and changes nothing; Registry.apply steps the rows and then calls `commit`. The rules of a market by
itself are in listing_rules.py; here are those that need the tables: names known, names free, capacities, what may change.
"""

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from config import admin_records as ar
from protocol import codes

from . import definition_rows as rows_of
from . import listing_rules as rules
from .core import definitions as d
from .core.definitions import FIRST_TRADING_ACCOUNT, PLATFORM_FEE_ACCOUNT
from .core.records import (
    H_POOLS,
    P_BALANCE,
    P_NAME_HASH,
    P_PAIR_HASH,
    PL_CAP,
    PL_USED,
    POOL_WORDS,
    SF_CANCEL_ON_DISCONNECT,
    SF_SETTLEMENT,
)
from .definition_rows import Words
from .listing_rules import Refused, bad
from .registry_tables import Account, Asset, Determination, Done, Event, Firm, Instrument, Secrets, Session, Table, Venue

if TYPE_CHECKING:
    from .registry import EngineLike, Registry

PHASES = {name: phase for phase, name in codes.PHASE_NAMES.items()}
FEE_MODELS = {"notional": codes.FEE_NOTIONAL, "quadratic": codes.FEE_QUADRATIC, "minimum": codes.FEE_MIN}
PRODUCTS = {"spot": codes.SPOT, "exactly": codes.EXACTLY, "at_most": codes.AT_MOST}
WIRES = {"fix": codes.WIRE_FIX, "binary": codes.WIRE_BINARY}
KILLS = {
    "platform": codes.KILL_PLATFORM,
    "venue": codes.KILL_VENUE,
    "firm": codes.KILL_FIRM,
    "account": codes.KILL_ACCOUNT,
    "session": codes.KILL_SESSION,
}
FEE_BALANCES = 3


class Act(NamedTuple):
    """What a record amounts to. `subject` begins the sentence when the core refuses its row."""

    subject: str
    text: str
    rows: list[Words]
    commit: Callable[[], None]
    result: dict[str, Any]


def plan(registry: "Registry", envelope: ar.AdminEnvelope, engine: "EngineLike") -> Act:
    """The act of a record; raises Refused."""
    record = envelope.record
    match record:
        case ar.DefineAsset():
            return _asset(registry, record, engine)
        case ar.DefineVenue():
            return _venue(registry, record, engine)
        case ar.DefineFirm():
            return _firm(registry, record, engine)
        case ar.DefineAccount():
            return _account(registry, record, engine)
        case ar.DefineSession():
            return _session(registry, record, engine)
        case ar.DefineMarket():
            return _market(registry, record, engine)
        case ar.DefineListing():
            return _listing(registry, record, engine)
        case ar.Transfer():
            return _transfer(registry, record)
        case ar.SetPhase():
            return _phase(registry, record)
        case ar.Determine():
            return _determine(registry, record, envelope.who, int(engine.time_ns))
        case ar.Finalise():
            return _finalise(registry, record, int(engine.time_ns))
        case ar.Kill():
            return _kill(registry, record)
        case ar.Restrict():
            return _restrict(registry, record)
        case ar.SetReference():
            return _reference(registry, record)


# ---------------------------------------------------------------------------------------------------------- helpers
_UNKNOWN = {
    "asset": codes.R_UNKNOWN_ASSET,
    "account": codes.R_UNKNOWN_ACCOUNT,
    "event": codes.R_UNKNOWN_EVENT,
    "symbol": codes.R_UNKNOWN_INSTRUMENT,
}


def _find(table: Table[Any], key: str, name: str) -> Any:
    """The row of that name, or a refusal that offers the nearest one."""
    row = table.named(name)
    if row is None:
        near = difflib.get_close_matches(name, table.names(), 1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise Refused(_UNKNOWN.get(table.kind, codes.R_BAD_DEFINITION), f'{key}: there is no {table.kind} "{name}"{hint}')
    return row


def _room(table: Table[Any], engine: "EngineLike", capacity: str, count: int = 1) -> int:
    """The first of `count` free ids. Row 0 of each table of the core is never used."""
    limit = int(getattr(engine.capacities, capacity)) - 1
    first = table.next_id
    if table.kind == "account":
        first = max(first, FIRST_TRADING_ACCOUNT)
    if first + count - 1 > limit:
        raise Refused(
            codes.R_TABLE_FULL,
            f"the server was sized for {limit} rows of {capacity}, {first - 1} are used, {count} more were asked: raise the capacity `{capacity}`",
            limit,
            first - 1 + count,
        )
    return first


def _hash_room(engine: "EngineLike", what: str, pool: int, count: int) -> None:
    """Room in a pool or hash table of the core that fills by trading too: without it a record would fail half way."""
    at = H_POOLS + pool * POOL_WORDS
    cap, used = int(engine.m[at + PL_CAP]), int(engine.m[at + PL_USED])
    limit = cap - (cap >> 3) if pool in (P_NAME_HASH, P_PAIR_HASH) else cap
    if used + count > limit:
        raise Refused(
            codes.R_TABLE_FULL,
            f"the server's table of {what} holds {limit} rows, {used} are used, {count} more were asked",
            limit,
            used + count,
        )


def _nothing() -> None:
    pass


def _unchanged(kind: str, name: str, id: int) -> Act:
    return Act(name, f"{kind} {name} is unchanged", [], _nothing, {"id": id, "unchanged": 1})


def _changes(old: Any, new: Any, what: str) -> list[str]:
    """The fields that differ; refuses when one of them may not change once the definition exists."""
    live = ar.LIVE_FIELDS[type(new)]
    changed = ar.changed_fields(old, new)
    for field in changed:
        if field not in live:
            raise bad(field, f"cannot be changed: {what} exists with another value (changeable: {', '.join(live) or 'nothing'})")
    return changed


# ------------------------------------------------------------------------------------------------------ definitions
def _asset(registry: "Registry", record: ar.DefineAsset, engine: "EngineLike") -> Act:
    old = registry.assets.named(record.name)
    if old is not None:
        if not _changes(old.record, record, f"asset {record.name}"):
            return _unchanged("asset", record.name, old.id)
        return Act(record.name, f"asset {record.name} changed", [], lambda: registry.assets.put(Asset(old.id, record)), {"id": old.id})
    id = _room(registry.assets, engine, "assets")
    row = rows_of.asset(id, record.decimals, record.name)
    return Act(f"asset {record.name}", f"asset {record.name} defined", [row], lambda: registry.assets.put(Asset(id, record)), {"id": id})


def _venue(registry: "Registry", record: ar.DefineVenue, engine: "EngineLike") -> Act:
    _throttle(record)
    if record.cutoff_offset_ns >= record.cutoff_period_ns:
        raise bad("cutoff_offset_ns", f"must be below the period {record.cutoff_period_ns}, asked {record.cutoff_offset_ns}",
                  record.cutoff_period_ns, record.cutoff_offset_ns)  # fmt: skip
    name = f"venue {record.name}"
    old = registry.venues.named(record.name)
    if old is not None:
        if not _changes(old.record, record, name):
            return _unchanged("venue", record.name, old.id)
        row = _venue_row(old.id, old.fee_account, record)
        return Act(name, f"{name} changed", [row], lambda: registry.venues.put(Venue(old.id, old.fee_account, record)), {"id": old.id})
    fees_name = f"{record.name}.FEES"
    if registry.accounts.named(fees_name) is not None:
        raise bad("name", f"the venue's fee account would be {fees_name}, which exists already")
    id = _room(registry.venues, engine, "venues")
    account_id = _room(registry.accounts, engine, "accounts")
    _hash_room(engine, "names", P_NAME_HASH, 1)
    account = Account(account_id, fees_name, 0, codes.ACCT_FEES, id)

    def commit() -> None:
        registry.put_account(account)
        registry.venues.put(Venue(id, account_id, record))

    rows = [_venue_row(id, account_id, record), rows_of.account(account_id, 0, codes.ACCT_FEES, 0, id, fees_name)]
    return Act(name, f"{name} defined", rows, commit, {"id": id, "fee_account": account_id})


def _venue_row(id: int, fee_account: int, record: ar.DefineVenue) -> Words:
    return rows_of.venue(
        id, fee_account, record.cutoff_offset_ns, record.cutoff_period_ns, record.throttle_limit, record.throttle_window_ns
    )


def _throttle(record: ar.DefineVenue | ar.DefineSession) -> None:
    if bool(record.throttle_limit) != bool(record.throttle_window_ns):
        raise bad("throttle_limit", f"limit and window go together, asked {record.throttle_limit} in {record.throttle_window_ns} ns")


def _firm(registry: "Registry", record: ar.DefineFirm, engine: "EngineLike") -> Act:
    old = registry.firms.named(record.name)
    if old is not None:
        if not _changes(old.record, record, f"firm {record.name}"):
            return _unchanged("firm", record.name, old.id)
        return Act(record.name, f"firm {record.name} changed", [], lambda: registry.firms.put(Firm(old.id, record)), {"id": old.id})
    id = _room(registry.firms, engine, "firms")
    return Act(f"firm {record.name}", f"firm {record.name} defined", [rows_of.firm(id)],
               lambda: registry.firms.put(Firm(id, record)), {"id": id})  # fmt: skip


def _account(registry: "Registry", record: ar.DefineAccount, engine: "EngineLike") -> Act:
    firm = _find(registry.firms, "firm", record.firm)
    venue = _find(registry.venues, "venue", record.venue).id if record.venue else 0
    old = registry.accounts.named(record.name)
    if old is not None:
        if old.record is None:
            raise bad("name", f"{record.name} is a fee account")
        _changes(old.record, record, f"account {record.name}")
        return _unchanged("account", record.name, old.id)
    id = _room(registry.accounts, engine, "accounts")
    account = Account(id, record.name, firm.id, codes.ACCT_TRADING, venue, 0, record)
    row = rows_of.account(id, firm.id, codes.ACCT_TRADING, 0, venue, record.name)
    return Act(f"account {record.name}", f"account {record.name} defined", [row], lambda: registry.put_account(account), {"id": id})


def _session(registry: "Registry", record: ar.DefineSession, engine: "EngineLike") -> Act:
    firm = _find(registry.firms, "firm", record.firm)
    venue = _find(registry.venues, "venue", record.venue).id if record.venue else 0
    account = _find(registry.accounts, "account", record.account) if record.account else None
    if account is not None and account.firm != firm.id:
        raise Refused(codes.R_ACCOUNT_NOT_ALLOWED, f"account: {record.account} does not belong to firm {record.firm}")
    _throttle(record)
    _check_login(registry, record)
    secrets = Secrets(record.password_sha256, record.hmac_secret)
    shown = record.without_secrets()
    old = registry.sessions.named(record.name)
    if old is not None:
        changed = _changes(old.record, shown, f"session {record.name}")
        if not changed and registry.same_secrets(old.id, secrets):
            return _unchanged("session", record.name, old.id)
    id = old.id if old is not None else _room(registry.sessions, engine, "sessions")
    session = Session(id, firm.id, venue, account.id if account else 0, WIRES[record.wire], shown)
    flags = SF_CANCEL_ON_DISCONNECT * record.cancel_on_disconnect | SF_SETTLEMENT * record.settlement_reports
    fix = record.wire == "fix"
    our, peer = (record.our_comp_id, record.peer_comp_id) if fix else ("", record.key)
    rows = [
        rows_of.session(
            id, firm.id, venue, session.account, session.wire, flags, record.throttle_limit, record.throttle_window_ns, our, peer
        )
    ]
    # the account's own events (transfers, settlement) go to the first session that has it as its default
    bound = account if account is not None and account.session == 0 else None
    if bound is not None:
        rows.append(rows_of.account(bound.id, bound.firm, bound.kind, id, bound.venue, bound.name))

    def commit() -> None:
        registry.put_session(session, secrets)
        if bound is not None:
            registry.put_account(msgspec.structs.replace(bound, session=id))

    done = "changed" if old is not None else "defined"
    return Act(f"session {record.name}", f"session {record.name} {done}", rows, commit, {"id": id})


def _check_login(registry: "Registry", record: ar.DefineSession) -> None:
    """A FIX session has CompIDs, name and password; a binary one key and secret; none has the other's; no two share a login."""
    fix = {
        "our_comp_id": record.our_comp_id,
        "peer_comp_id": record.peer_comp_id,
        "username": record.username,
        "password_sha256": record.password_sha256,
    }
    binary = {"key": record.key, "hmac_secret": record.hmac_secret}
    wanted, foreign = (fix, binary) if record.wire == "fix" else (binary, fix)
    for key, value in wanted.items():
        if not value:
            raise bad(key, f"a {record.wire} session needs one")
    for key, value in foreign.items():
        if value:
            raise bad(key, f"a {record.wire} session has none")
    if record.wire == "fix":
        other = registry.fix_session(record.our_comp_id, record.peer_comp_id)
    else:
        other = registry.binary_session(record.key)
    if other is not None and other.name != record.name:
        raise bad("peer_comp_id" if record.wire == "fix" else "key", f"session {other.name} has the same login")


def _market(registry: "Registry", record: ar.DefineMarket, engine: "EngineLike") -> Act:
    rules.check_market(record)
    owner = _find(registry.venues, "owner_venue", record.owner_venue)
    asset = _find(registry.assets, "asset", record.asset)
    base = _find(registry.assets, "base_asset", record.base_asset).id if record.base_asset else 0
    for i, name in enumerate(record.admits):
        _find(registry.venues, f"admits[{i}]", name)
    old = registry.events.named(record.event)
    if old is not None:
        return _market_changed(registry, old, record, owner)
    for i, contract in enumerate(record.contracts):
        taken = registry.instruments.named(contract.symbol)
        if taken is not None:
            raise bad(f"contracts[{i}].symbol", f"{contract.symbol} exists in event {taken.market.event}")
    n = len(record.contracts)
    id = _room(registry.events, engine, "events")
    first = _room(registry.instruments, engine, "instruments", n)
    _listing_room(registry, engine, n)
    _hash_room(engine, "names", P_NAME_HASH, n)
    event = Event(id, first, record)
    rows = [
        rows_of.event(
            {
                d.DE_ID: id,
                d.DE_PRODUCT: PRODUCTS[record.product],
                d.DE_K: record.k,
                d.DE_N: n,
                d.DE_ASSET: asset.id,
                d.DE_BASE_ASSET: base,
                d.DE_PAYOUT: record.payout,
                d.DE_TICK_VALUE: record.tick_value,
                d.DE_OWNER_VENUE: owner.id,
                d.DE_WINDOW_NS: record.challenge_window_ns,
                d.DE_LOT_BASE: record.lot_base,
                d.DE_PHASE: PHASES[record.phase],
            }
        )
    ]
    rows += [_instrument_row(record, id, first + i, i, 0, record.collar) for i in range(n)]
    rows += [_listing_row(owner, owner, first + i, record.fees) for i in range(n)]

    def commit() -> None:
        registry.put_event(event)
        registry.put_listing(owner.id, id, record.fees)

    return Act(f"market {record.event}", f"market {record.event} {record.phase}, {n} instruments", rows, commit,
               {"id": id, "first_instrument": first, "instruments": n})  # fmt: skip


def _listing_room(registry: "Registry", engine: "EngineLike", count: int) -> None:
    used = registry.listing_rows
    limit = int(engine.capacities.listings)
    if used + count > limit:
        raise Refused(
            codes.R_TABLE_FULL, f"the server was sized for {limit} listings, {used} are used, {count} more were asked", limit, used + count
        )
    # with the balances of the fee accounts in the market's asset: platform, owner, listing venue
    _hash_room(engine, "balances", P_BALANCE, FEE_BALANCES)
    _hash_room(engine, "pairs", P_PAIR_HASH, count + FEE_BALANCES)


def _market_changed(registry: "Registry", old: Event, record: ar.DefineMarket, owner: Venue) -> Act:
    name = f"market {record.event}"
    changed = _changes(old.record, record, name)
    if not changed:
        return _unchanged("market", record.event, old.id)
    rows: list[Words] = []
    if set(changed) - {"title", "fees"}:
        for i in range(old.n):
            price, collar = registry.references.get(old.first_instrument + i, (0, record.collar))
            if "collar" in changed:
                collar = record.collar
            rows.append(_instrument_row(record, old.id, old.first_instrument + i, i, price, collar))
    if "fees" in changed:
        rows += [_listing_row(owner, owner, old.first_instrument + i, record.fees) for i in range(old.n)]

    def commit() -> None:
        registry.put_event(msgspec.structs.replace(old, record=record))
        registry.put_listing(owner.id, old.id, record.fees)
        if "collar" in changed:
            for i in range(old.n):
                if old.first_instrument + i in registry.references:
                    registry.references[old.first_instrument + i] = (registry.references[old.first_instrument + i][0], record.collar)

    return Act(name, f"{name} changed: {', '.join(changed)}", rows, commit, {"id": old.id})


def _instrument_row(record: ar.DefineMarket, event_id: int, id: int, index: int, reference: int, collar: int) -> Words:
    fields = {
        d.DI_ID: id,
        d.DI_EVENT: event_id,
        d.DI_INDEX: index,
        d.DI_MIN_QTY: record.min_qty,
        d.DI_MAX_QTY: record.max_qty,
        d.DI_LOT: record.lot,
        d.DI_MAX_NOTIONAL: record.max_notional,
        d.DI_PRICE_MIN: record.bands[0].low,
        d.DI_PRICE_MAX: record.bands[-1].high,
        d.DI_COLLAR: collar,
        d.DI_REFERENCE: reference,
        d.DI_PROTECTION: rules.protection(record),
        d.DI_MAX_POSITION: record.max_position,
        d.DI_PRICE_DECIMALS: record.price_decimals,
        d.DI_QTY_DECIMALS: record.qty_decimals,
    }
    return rows_of.instrument(fields, record.contracts[index].symbol, [(b.low, b.high, b.step) for b in record.bands])


def _listing_row(owner: Venue, venue: Venue, instrument: int, fees: ar.Fees) -> Words:
    return rows_of.listing(
        venue.id,
        instrument,
        FEE_MODELS[fees.model],
        fees.maker_bps,
        fees.taker_bps,
        fees.owner_share_bps,
        fees.venue_share_bps,
        owner.fee_account,
        venue.fee_account,
    )


def _listing(registry: "Registry", record: ar.DefineListing, engine: "EngineLike") -> Act:
    venue = _find(registry.venues, "venue", record.venue)
    event = _find(registry.events, "event", record.event)
    owner = _find(registry.venues, "event", event.record.owner_venue)
    if venue.id == owner.id:
        raise bad("venue", f"{record.venue} owns {record.event}: its fees are those of the market")
    if event.record.sharing != "shared" or record.venue not in event.record.admits:
        raise Refused(codes.R_VENUE_NOT_ALLOWED, f"venue: {record.event} is {event.record.sharing} and does not admit {record.venue}")
    rules.check_fees(record.fees, event.record.product == "spot")
    old = registry.listings.get((venue.id, event.id))
    if old == record.fees:
        return _unchanged("listing", f"{record.event} at {record.venue}", event.id)
    if old is None:
        _listing_room(registry, engine, event.n)
    rows = [_listing_row(owner, venue, event.first_instrument + i, record.fees) for i in range(event.n)]

    def commit() -> None:
        registry.put_listing(venue.id, event.id, record.fees)

    return Act(f"listing {record.event} at {record.venue}", f"{record.event} listed at {record.venue}", rows, commit, {"event": event.id})


# --------------------------------------------------------------------------------------------------- operators' acts
def _transfer(registry: "Registry", record: ar.Transfer) -> Act:
    digest = ar.content_digest(record)
    done = registry.keys.get(record.key)
    if done is not None:
        if done.digest != digest:
            raise Refused(codes.R_IDEMPOTENCY, f'key: "{record.key}" was used for another transfer')
        return Act(record.key, "done before", [], _nothing, done.result)
    asset = _find(registry.assets, "asset", record.asset)
    source = _find(registry.accounts, "source", record.source) if record.source else None
    target = _find(registry.accounts, "target", record.target) if record.target else None
    if source is None and target is None:
        raise bad("source", "a transfer names a source, a target, or both")
    if source is not None and target is not None:
        if source.id == target.id:
            raise bad("target", f"{record.target} is the source too")
        if source.firm != target.firm:
            raise Refused(codes.R_ACCOUNT_NOT_ALLOWED, f"target: {record.target} and {record.source} belong to different firms")
    result = {"source": source.id if source else 0, "target": target.id if target else 0, "asset": asset.id, "amount": record.amount}
    row = rows_of.transfer(result["source"], result["target"], asset.id, record.amount)

    def commit() -> None:
        registry.keys[record.key] = Done(digest, result)

    what = "move" if source and target else "deposit" if target else "withdrawal"
    return Act(f"{what} of {record.asset}", f"{what} of {record.amount} minor units of {record.asset} done", [row], commit, result)


def _phase(registry: "Registry", record: ar.SetPhase) -> Act:
    event = _find(registry.events, "event", record.event)
    return Act(f"event {record.event}", f"{record.event} is {record.phase}", [rows_of.phase(event.id, PHASES[record.phase])], _nothing,
               {"event": event.id, "phase": PHASES[record.phase]})  # fmt: skip


def _event_contract(registry: "Registry", name: str) -> Event:
    event: Event = _find(registry.events, "event", name)
    if event.record.product == "spot":
        raise bad("event", f"{name} is a spot pair: it is never settled")
    return event


def _determine(registry: "Registry", record: ar.Determine, who: str, now_ns: int) -> Act:
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
    determination = Determination(version, who, now_ns, record)

    def commit() -> None:
        registry.put_event(msgspec.structs.replace(event, determinations=(*event.determinations, determination)))

    text = f"{record.event} determined, version {version}"
    return Act(
        f"event {record.event}",
        text,
        [rows_of.determine(event.id, version, record.payouts)],
        commit,
        {"event": event.id, "version": version},
    )


def _finalise(registry: "Registry", record: ar.Finalise, now_ns: int) -> Act:
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

    def commit() -> None:
        final = msgspec.structs.replace(newest, final_at_ns=now_ns)
        registry.put_event(msgspec.structs.replace(event, determinations=(*event.determinations[:-1], final)))

    text = f"{record.event} is final, version {newest.version}"
    return Act(
        f"event {record.event}", text, [rows_of.finalise(event.id, newest.version)], commit, {"event": event.id, "version": newest.version}
    )


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
        target = _find(tables[record.level], "target", record.target).id
    can_cancel = record.on and record.level in ("firm", "account", "session")
    if record.cancel and not can_cancel:
        raise Refused(
            codes.R_FIELD_UNSUPPORTED, "cancel: only the switch of a firm, account or session cancels what is open, and only going on"
        )
    cancel = can_cancel if record.cancel is None else record.cancel
    row = rows_of.kill(KILLS[record.level], target, record.on, cancel)
    name = " ".join((record.level, record.target)).strip()
    return Act(
        f"kill switch of {name}",
        f"kill switch of {name} is {'on' if record.on else 'off'}",
        [row],
        _nothing,
        {"id": target, "on": int(record.on)},
    )


def _restrict(registry: "Registry", record: ar.Restrict) -> Act:
    event = _find(registry.events, "event", record.event)
    firm = _find(registry.firms, "firm", record.firm)
    word = "restricted" if record.on else "no longer restricted"
    return Act(f"firm {record.firm}", f"{record.firm} is {word} in {record.event}", [rows_of.restrict(event.id, firm.id, record.on)], _nothing,
               {"event": event.id, "firm": firm.id})  # fmt: skip


def _reference(registry: "Registry", record: ar.SetReference) -> Act:
    instrument: Instrument = _find(registry.instruments, "symbol", record.symbol)
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


assert FIRST_TRADING_ACCOUNT > PLATFORM_FEE_ACCOUNT
