"""Markets and listings: rules that depend on the tables, the rows of an event with its instruments, and live changes.

Rules about a single market are in listing_rules.py. Each function returns an Act and changes nothing.
"""

import msgspec

from config import admin_records as ar
from config import lint
from config.fields import ASSET, VENUE
from protocol import codes, freeze, phases

from .. import state
from ..core import layout as L
from . import budgets, checks, freezes, quotas, settlement, timetable
from . import listing_rules as rules
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Event, Venue

FEE_BALANCES = 3


def market(registry: Definitions, record: ar.DefineMarket, engine: EngineLike) -> Act:
    rules.check_market(record)
    timetable.check_order(record)
    owner = checks.find(registry.venues, "owner_venue", record.owner_venue)
    asset = checks.find(registry.assets, "asset", record.asset)
    base = checks.find(registry.assets, "base_asset", record.base_asset).id if record.base_asset else 0
    for i, name in enumerate(record.admits):
        checks.find(registry.venues, ("admits", i), name)
    old = registry.events.named(record.event)
    if old is not None:
        return _market_changed(registry, old, ar.keeping(old.record, record), owner, engine)
    for i, contract in enumerate(record.contracts):
        taken = registry.instruments.named(contract.symbol)
        if taken is not None:
            raise bad(("contracts", i, "symbol"), f"{contract.symbol} exists in event {taken.market.event}")
    timetable.check_new(record, timetable.FIELDS, engine)
    n = len(record.contracts)
    kept = max(n, record.max_contracts)
    for name in ("instruments", "listings"):
        quotas.check(registry, owner.name, name, n)
    id = checks.room(registry.events, engine, "events")
    first = checks.room(registry.instruments, engine, "instruments", kept)
    listing_room(registry, engine, n)
    checks.hash_room(engine, "names", L.P_NAME_HASH, n)
    event = Event(id, first, record)
    ids = {(VENUE, record.owner_venue): owner.id, (ASSET, record.asset): asset.id, (ASSET, record.base_asset): base}
    rows = [rows_of.event(id, record, ids)]
    rows += rows_of.instruments(first, id, msgspec.structs.replace(record, protection=rules.protection(record)))
    rows += _listing_rows(owner, owner, first, n, record.fees)
    lines = budgets.lines_for(registry, event)
    if lines:
        checks.hash_room(engine, "pairs", L.P_PAIR_HASH, n + FEE_BALANCES + len(lines))
        rows += lines

    def commit() -> None:
        registry.put_event(event)
        registry.put_listing(owner.id, id, record.fees)
        timetable.put(registry, record, timetable.FIELDS, int(engine.time_ns))

    return Act(f"market {record.event}", f"market {record.event} {record.phase}, {n} instruments", rows, commit,
               {"id": id, "first_instrument": first, "instruments": n}, warnings=lint.warnings(record))  # fmt: skip


def listing_room(registry: Definitions, engine: EngineLike, count: int) -> None:
    used = registry.listing_rows
    limit = int(engine.capacities.listings)
    if used + count > limit:
        raise Refused(
            codes.R_TABLE_FULL,
            f"the server was sized for {limit} listings, {used} are used, {count} more were requested",
            (),
            limit,
            count,
            used,
        )
    # with the balances of the fee accounts in the market's asset: platform, owner, listing venue
    checks.hash_room(engine, "balances", L.P_BALANCE, FEE_BALANCES)
    checks.hash_room(engine, "pairs", L.P_PAIR_HASH, count + FEE_BALANCES)


def _new_terms_room(engine: EngineLike, count: int) -> None:
    """Changed fees need a new listing row for each contract with open orders: these orders keep the terms under which they were accepted."""
    checks.hash_room(engine, "listings", L.P_LISTING, count)
    checks.hash_room(engine, "pairs", L.P_PAIR_HASH, 1)


def _market_changed(registry: Definitions, old: Event, record: ar.DefineMarket, owner: Venue, engine: EngineLike) -> Act:
    name = f"market {record.event}"
    changed = checks.changes(old.record, record, name)
    if not changed:
        return checks.unchanged("market", record.event, old.id)
    timetable.check_new(record, changed, engine, old)
    checks.refuse_removed(old)
    rows: list[Words] = []
    if "bands" in changed:
        check_change(engine, old)
        _check_depth(engine, old, record)
        rows.append(rows_of.bands(old.id, record.bands))
    if set(changed) - {"title", "fees", "auto_finalise", "bands", *timetable.FIELDS}:
        for i in range(old.n):
            price, collar = registry.references.get(old.first_instrument + i, (0, record.collar))
            if "collar" in changed:
                collar = record.collar
            rows.append(_instrument_row(record, old.id, old.first_instrument + i, i, price, collar))
    if "fees" in changed:
        _new_terms_room(engine, old.n)
        rows += _listing_rows(owner, owner, old.first_instrument, old.n, record.fees)

    pays_itself = settlement.awaits_its_end(old, engine)

    def commit() -> None:
        event = msgspec.structs.replace(old, record=record)
        registry.put_event(event)
        registry.put_listing(owner.id, old.id, record.fees)
        timetable.put(registry, record, changed, int(engine.time_ns))
        if "auto_finalise" in changed and pays_itself:
            settlement.window_opens(registry, event, int(engine.time_ns))
        if "collar" in changed:
            for i in range(old.n):
                if old.first_instrument + i in registry.references:
                    registry.references[old.first_instrument + i] = (registry.references[old.first_instrument + i][0], record.collar)

    return Act(name, f"{name} changed: {', '.join(changed)}", rows, commit, {"id": old.id}, changed=changed, warnings=lint.warnings(record))


def check_change(engine: EngineLike, event: Event) -> None:
    """Refuse a change of grid or outcomes in a phase that does not allow it."""
    m = getattr(engine, "real", engine.m)  # of a trial `m` has only counts
    phase = state.Event.of(m, event.id).phase
    if not phases.allows(phase, phases.CHANGE):
        text = f"{event.name} is {phases.name(phase)}; price grid and outcomes change only in a market that is {phases.in_which(phases.CHANGE)}"
        raise Refused(codes.R_MARKET_CLOSED, text, "event", asked=phase)


def _check_depth(engine: EngineLike, event: Event, record: ar.DefineMarket) -> None:
    """Refuse prices for which the books would need more nodes than are free. The core counts those that it takes; this is the most."""

    def depth(price: int) -> int:
        return -(-max(price.bit_length(), 1) // 6)

    more = depth(record.bands[-1].high) - depth(event.record.bands[-1].high)
    if more > 0:
        checks.hash_room(engine, "book nodes", L.P_NODE, 2 * event.n * more)


def bands(registry: Definitions, record: ar.SetBands, engine: EngineLike) -> Act:
    event = checks.find(registry.events, "event", record.event)
    freezes.check(registry, event, freeze.PHASE)
    return market(registry, msgspec.structs.replace(event.record, bands=record.bands), engine)


def _instrument_row(record: ar.DefineMarket, event_id: int, id: int, index: int, reference: int, collar: int) -> Words:
    now = msgspec.structs.replace(record, collar=collar, protection=rules.protection(record))
    return rows_of.instrument(id, event_id, index, now, reference)


def _listing_rows(owner: Venue, venue: Venue, first: int, count: int, fees: ar.Fees) -> list[Words]:
    return rows_of.listings(venue.id, first, count, fees, owner.fee_account, venue.fee_account)


def listing(registry: Definitions, record: ar.DefineListing, engine: EngineLike) -> Act:
    venue = checks.find(registry.venues, "venue", record.venue)
    event = checks.find(registry.events, "event", record.event)
    owner = checks.find(registry.venues, "event", event.record.owner_venue)
    if venue.id == owner.id:
        raise bad("venue", f"{record.venue} owns {record.event}: its fees are those of the market")
    if event.record.sharing != "shared" or record.venue not in event.record.admits:
        raise Refused(codes.R_VENUE_NOT_ALLOWED, f"{record.event} is {event.record.sharing} and does not admit {record.venue}", "venue")
    rules.check_fees(record.fees, event.record.product == "spot")
    old = registry.listings.get((venue.id, event.id))
    if old == record.fees:
        return checks.unchanged("listing", f"{record.event} at {record.venue}", event.id)
    if old is None:
        quotas.check(registry, venue.name, "listings", event.n)
        listing_room(registry, engine, event.n)
    else:
        _new_terms_room(engine, event.n)
    rows = _listing_rows(owner, venue, event.first_instrument, event.n, record.fees)

    def commit() -> None:
        registry.put_listing(venue.id, event.id, record.fees)

    changed = None if old is None else ("fees",)
    text = f"{record.event} listed at {record.venue}"
    return Act(f"listing {record.event} at {record.venue}", text, rows, commit, {"event": event.id}, changed=changed)
