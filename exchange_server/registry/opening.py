"""A venue that moves here from another server, as one act: everything is checked before the first row.

Its definitions and deposits are tried like a configuration; then its markets, positions and orders are held against them (opening_checks.py), and become the rows of
core/markets/opening.py. Two imports of one archive are one act.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from config import admin_records as ar
from protocol import codes, phases

from .. import state
from ..core.layout import definitions as d
from ..core.layout import plain
from . import configuration, opening_ahead, opening_budgets, opening_checks, opening_schedule, settlement, timetable, venue_copy
from . import rows as rows_of
from .checks import Act
from .configuration import Trial
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .opening_checks import Found
from .opening_ids import client_key
from .refused import Refused
from .tables import Done, Event

SIDES, CONTRACT_SIDES, TIFS = (
    {name: code for code, name in names.items()} for names in (venue_copy.SIDES, venue_copy.CONTRACT_SIDES, venue_copy.TIFS)
)


def key_of(record: ar.Opening) -> str:
    """The idempotency key of an import."""
    return f"{record.venue}.import.{record.digest[:16]}"


def prepare(registry: Definitions, record: ar.Opening, who: str, askers: tuple[str, ...], engine: EngineLike) -> Trial:
    """The acts of an import, tried and checked; carried out by configuration.carry_out. who: the name under which it is kept; askers: all of them must be allowed it. None left to do: it was done before. Raises Refused."""
    key, digest = key_of(record), ar.content_digest(record)
    done = registry.done.get(key)
    if done is not None and done.digest == digest:
        return Trial([], [], registry, [])
    if registry.venues.named(record.venue) is not None:
        text = f"venue {record.venue} exists on this server: an archive opens only where the name is free"
        raise Refused(codes.R_OPENING_VENUE, text, "venue")
    records: Any = (*defined(record, int(engine.time_ns)), *record.rules)
    trial = configuration.try_out(registry, records, engine, askers)
    if trial.refusals:
        raise Refused.of(trial.refusals[0])
    found = opening_checks.check(registry, trial, record, engine)
    opening_schedule.check(trial.after, record)
    opening_budgets.check(trial.after, record)
    rows = list(_rows(found, record))
    after = trial.after

    def commit() -> None:
        for market in record.markets:
            event = found.events[market.event]
            now = msgspec.structs.replace(event, **found.results[market.event])
            after.put_event(now)
            if now.closed is not None:
                after.drop_listing(found.after.venues.named(record.venue).id, event.id)  # type: ignore[union-attr]
            if phases.allows(phases.BY_NAME[market.phase], phases.FINALISE):
                settlement.window_opens(after, now, int(engine.time_ns))
            opening_ahead.windows_open(after, now, found.ahead[market.event], int(engine.time_ns))
        opening_schedule.put(after, record, who, int(engine.time_ns))
        opening_budgets.put(after, record)
        text = f"import of venue {record.venue}"
        after.put_done(key, Done(digest, {}, "import", text, record.note, who, int(engine.time_ns)))

    commit()  # of the trial's tables
    text = (
        f"venue {record.venue} opened: {len(record.markets)} markets, {len(record.positions)} positions, {len(record.orders)} open orders"
    )
    for count, what in ((len(record.series), "series"), (len(record.scheduled), "scheduled acts"), (len(record.budgets), "budgets")):
        text += f", {count} {what}" if count else ""
    trial.acts.append(Act(f"venue {record.venue}", text, rows, lambda: None, {}))
    return trial


def defined(record: ar.Opening, now_ns: int) -> tuple[ar.Configured, ...]:
    """Its definitions: a market without those of its times that have passed, or that its phase makes pointless."""
    phase_of = {market.event: phases.BY_NAME[market.phase] for market in record.markets}
    return tuple(
        timetable.to_come(one, phase_of.get(one.event, 0), now_ns) if isinstance(one, ar.DefineMarket) else one for one in record.records
    )


# ---- rows -----------------------------------------------------------------------------------------------------------------


def _part(part: int, fields: dict[int, int], id: int | str = 0) -> Words:
    words = rows_of.row(codes.C_OPENING, d.DO_EXTRA, {d.DO_PART: part, **fields}.items())
    if id:
        words[d.DO_KEY_HI], words[d.DO_KEY_LO] = client_key(id)
        if isinstance(id, str) and words[d.DO_KEY_HI] < 0:
            rows_of.put_text(words, d.DO_TEXT, id, state.TEXT_WORDS)
    return words


def _rows(found: Found, record: ar.Opening) -> Iterator[Words]:
    for market in record.markets:
        event, ahead = found.events[market.event], found.ahead[market.event]
        newest = found.results[market.event].get("determinations", ())
        for index, one in ahead.items():
            yield _contract(found, event, index, opening_ahead.fields(one))
        fields = {
            d.DO_TARGET: event.id, d.DO_QTY: market.sets, d.DO_PHASE: phases.BY_NAME[market.phase], d.DO_VERSION: opening_checks.newest_version(found.results[market.event]),
            d.DO_UNTIL: market.window_end_ns, d.DO_IN_PLAY: int(market.in_play), d.DO_PAID: opening_checks.result_phase(newest),
        }  # fmt: skip
        yield _part(codes.OPENING_MARKET, fields)
        paid = newest[-1].record.payouts if newest else (0,) * event.n
        for i, contract in enumerate(event.record.contracts):
            price = found.prices.get(contract.symbol)
            if i not in ahead and (paid[i] or price is not None and (price.last or price.volume)):
                yield _contract(found, event, i, {d.DO_PAID: paid[i]})
        if found.results[market.event].get("closed") is not None:
            yield from rows_of.unlist(found.after.venues.named(record.venue).id, event.first_instrument, event.n)  # type: ignore[union-attr]
    settled = opening_ahead.by_place(record, found.event_of())
    for place in record.places:
        event = found.events[place.event]
        account = found.accounts[place.account].id
        held = found.held.get((place.event, place.account), {})
        was_paid = {found.instruments[row.symbol].index: row.quantity for row in settled.get((place.event, place.account), ())}
        held = {**held, **was_paid} or {0: 0}
        for index, quantity in held.items():
            fields = {d.DO_TARGET: event.first_instrument + index, d.DO_ACCOUNT: account, d.DO_QTY: quantity}
            yield _part(codes.OPENING_POSITION, fields)
    yield from _orders(found, record)
    yield from opening_budgets.rows(found.after, record)


def _contract(found: Found, event: Event, index: int, fields: dict[int, int]) -> Words:
    price = found.prices.get(event.record.contracts[index].symbol)
    last, volume = (price.last, price.volume) if price is not None else (0, 0)
    return _part(codes.OPENING_CONTRACT, {d.DO_TARGET: event.first_instrument + index, d.DO_PRICE: last, d.DO_QTY: volume, **fields})


def _orders(found: Found, record: ar.Opening) -> Iterator[Words]:
    """Made under the terms under which they were entered: while the listing has these, orders join it; then it gets its present ones back."""
    for (symbol, venue), terms, orders in found.by_terms(record):
        present = found.terms(symbol, venue)
        if terms != present:
            yield from found.listing_rows(symbol, venue, terms)
        yield from (_order(found, order) for order in orders)
        if terms != present:
            yield from found.listing_rows(symbol, venue, present)
    for order in sorted(record.orders, key=lambda one: one.entered):
        fields = {d.DO_ACCOUNT: found.accounts[order.account].id, d.DO_UNTIL: order.expiry_ns}
        yield _part(codes.OPENING_ENTER, fields, order.client_id)
    for order in record.orders:
        yield _part(codes.OPENING_REST, {d.DO_ACCOUNT: found.accounts[order.account].id}, order.client_id)


def _order(found: Found, order: ar.OpeningOrder) -> Words:
    side, contract_side = SIDES[order.side], CONTRACT_SIDES[order.contract_side]
    terms = plain.pack_terms(side, contract_side, codes.LIMIT, TIFS[order.tif])
    status = codes.ST_PARTIAL if order.filled else codes.ST_NEW
    fees = rows_of.words_of(order.terms, "DL_", {})
    session = found.sessions.get(order.session)
    fields: dict[int, Any] = {
        d.DO_TARGET: found.instruments[order.symbol].id, d.DO_ACCOUNT: found.accounts[order.account].id, d.DO_SESSION: session.id if session else 0,
        d.DO_VENUE: found.venues[order.venue].id, d.DO_PRICE: order.price, d.DO_QTY: order.quantity, d.DO_CUM: order.filled, d.DO_NOTIONAL: order.notional,
        d.DO_ATTR: plain.pack_attr(plain.in_yes_terms(side, contract_side), terms, order.flags, status),
        d.DO_FEES: plain.pack_fees(fees[d.DL_FEE_MODEL], fees[d.DL_MAKER_BPS], fees[d.DL_TAKER_BPS]), d.DO_FEE_NUM: order.fee_numerator,
        d.DO_FEE_PAID: order.fee_paid, d.DO_REBATE_NUM: order.rebate_numerator, d.DO_REBATE_PAID: order.rebate_paid, d.DO_NET_FEE: order.net_fee,
    }  # fmt: skip
    return _part(codes.OPENING_ORDER, fields, order.client_id)
