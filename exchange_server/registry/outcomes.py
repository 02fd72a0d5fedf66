"""One more outcome of a market: added to an at-most group, or split out of the outcome that stands for all others. Everything is checked first."""

import msgspec

from config import admin_records as ar
from config import lint
from protocol import codes, freeze

from ..core import layout as L
from . import checks, freezes, markets, quotas
from . import listing_rules as rules
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refused, bad
from .tables import Event


def add(registry: Definitions, record: ar.AddOutcome, engine: EngineLike) -> Act:
    event = _event(registry, record.event, engine)
    if event.record.product != "at_most":
        raise _fixed(event, 'an outcome is added only to a market of product "at_most"')
    return _join(registry, event, record.contract, 0, engine)


def split(registry: Definitions, record: ar.SplitOutcome, engine: EngineLike) -> Act:
    event = _event(registry, record.event, engine)
    if event.record.product != "exactly" or not event.record.other:
        raise _fixed(event, 'an outcome is split only out of the declared `other` of a market of product "exactly"')
    source = checks.find(registry.instruments, "source", record.source)
    if source.event_id != event.id or ar.outcome_code(event.record.contracts[source.index]) != event.record.other:
        text = f"{event.name} declares {event.record.other} as the outcome that stands for all others, asked {record.source}"
        raise Refused(codes.R_OUTCOME_UNKNOWN, text, "source", asked=source.id)
    return _join(registry, event, record.contract, source.id, engine)


def _event(registry: Definitions, name: str, engine: EngineLike) -> Event:
    event: Event = checks.find(registry.events, "event", name)
    freezes.check(registry, event, freeze.PHASE)
    markets.check_change(engine, event)
    return event


def _fixed(event: Event, rule: str) -> Refused:
    return Refused(codes.R_OUTCOME_FIXED, f"{event.name} is {event.record.product} {event.record.k}: {rule}", "event")


def _join(registry: Definitions, event: Event, contract: ar.Contract, source: int, engine: EngineLike) -> Act:
    if event.n >= event.room:
        text = (
            f"{event.name} has room for {event.room} contracts, all are used: more must be declared when a market is listed (max_contracts)"
        )
        raise Refused(codes.R_NO_SPARE_CONTRACT, text, "event", event.room, event.n + 1, event.n)
    taken = registry.instruments.named(contract.symbol)
    if taken is not None:
        raise bad(("contract", "symbol"), f"{contract.symbol} exists in event {taken.market.event}")
    market = msgspec.structs.replace(event.record, contracts=(*event.record.contracts, contract))
    rules.check_market(market)
    owner = registry.venues.named(market.owner_venue)
    assert owner is not None
    listed = [
        (registry.venues[venue], fees)
        for (venue, about), fees in sorted(registry.listings.items(), key=lambda item: item[0])
        if about == event.id
    ]
    quotas.check(registry, owner.name, "instruments", 1)
    for venue, _ in listed:
        quotas.check(registry, venue.name, "listings", 1)
    markets.listing_room(registry, engine, len(listed))
    checks.hash_room(engine, "names", L.P_NAME_HASH, 1)
    id, index = event.first_instrument + event.n, event.n
    now = msgspec.structs.replace(market, protection=rules.protection(market))
    rows = [rows_of.add_contract(event.id, source, False), rows_of.instrument(id, event.id, index, now, 0)]
    for venue, fees in listed:
        rows += rows_of.listings(venue.id, id, 1, fees, owner.fee_account, venue.fee_account)
    rows.append(rows_of.add_contract(event.id, source, True))

    def commit() -> None:
        registry.put_event(msgspec.structs.replace(event, record=market))
        registry.listing_rows += len(listed)

    whole = f" out of {registry.instruments[source].symbol}" if source else ""
    text = f"{event.name} has the new outcome {contract.symbol}{whole}, {event.n + 1} of at most {event.room}"
    return Act(f"market {event.name}", text, rows, commit, {"event": event.id, "instrument": id}, warnings=lint.warnings(market))
