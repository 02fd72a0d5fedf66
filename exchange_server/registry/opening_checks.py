"""What must be true of a venue that moves here, beside what every configuration must: nothing of it is in the core yet, so all is computed from its rows.

Each check raises Refused and names the row. Prices YES ticks, quantities lots, money minor units.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from config import admin_records as ar
from protocol import codes, numbers, phases

from .. import state
from ..core import layout as L
from ..core.layout import definitions as d
from ..core.layout import plain
from . import checks, opening_ahead, opening_budgets, opening_ids, requirement
from . import rows as rows_of
from .configuration import MONEY_MAX, Trial
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused
from .tables import Account, Event, Instrument, Session, Venue
from .venue_copy import OWN_FIELDS

NOT_CARRIED = ("auction",)  # phases whose state is not in an archive
WITH_RESULT = (codes.PH_DETERMINED, codes.PH_VOIDED, codes.PH_FINAL)
ByTerms = tuple[tuple[str, str], ar.Fees, list[ar.OpeningOrder]]


class Found(NamedTuple):
    """The names of an archive, looked up among the definitions as they will be. results: fields of the events beside their definition; ahead: contracts that stand
    ahead of their events; held: quantities of (event, account) by index of the contract."""

    after: Definitions
    events: dict[str, Event]
    results: dict[str, dict[str, Any]]
    instruments: dict[str, Instrument]
    accounts: dict[str, Account]
    sessions: dict[str, Session]
    venues: dict[str, Venue]
    prices: dict[str, ar.OpeningPrice]
    held: dict[tuple[str, str], dict[int, int]]
    ahead: dict[str, opening_ahead.Standing]

    def event_of(self) -> dict[str, str]:
        """The names of the events of all contracts, by symbol."""
        return {symbol: self.after.events[one.event_id].name for symbol, one in self.instruments.items()}

    def terms(self, symbol: str, venue: str) -> ar.Fees:
        """The present fees of a venue's listing."""
        return self.after.listings[self.venues[venue].id, self.instruments[symbol].event_id]

    def listing_rows(self, symbol: str, venue: str, terms: ar.Fees) -> list[Words]:
        instrument = self.instruments[symbol]
        owner = self.after.venues.named(instrument.market.owner_venue)
        assert owner is not None
        return rows_of.listings(self.venues[venue].id, instrument.id, 1, terms, owner.fee_account, self.venues[venue].fee_account)

    def by_terms(self, record: ar.Opening) -> Iterator[ByTerms]:
        """The orders of each listing, those of other terms than the present ones together."""
        groups: dict[tuple[str, str], list[tuple[ar.Fees, list[ar.OpeningOrder]]]] = defaultdict(list)
        for order in record.orders:
            group = groups[order.symbol, order.venue]
            found = next((orders for terms, orders in group if terms == order.terms), None)
            if found is None:
                group.append((order.terms, found := []))
            found.append(order)
        for place, group in groups.items():
            yield from ((place, terms, orders) for terms, orders in group)


def check(registry: Definitions, trial: Trial, record: ar.Opening, engine: EngineLike) -> Found:
    """Raises Refused."""
    found = _look_up(trial.after, record)
    for market in record.markets:
        _market(found, record, market)
    opening_ahead.check_rows(found.events, found.ahead, found.event_of(), record)
    _positions(found, record)
    for i, order in enumerate(record.orders):
        _order(found, i, order)
    _entries(record)
    _books(record)
    opening_ids.check(registry, found.accounts, found.after, record, engine)
    _money(registry, found, record, trial, engine)
    _room(found, record, trial, engine)
    return found


def _bad(code: int, key: Any, sentence: str, limit: int = 0, asked: int = 0) -> Refused:
    return Refused(code, sentence, key, limit, asked)


def _look_up(after: Definitions, record: ar.Opening) -> Found:
    """All names that the rows use. Raises Refused for one that is not there."""
    own = [event for event in after.events if event.record.owner_venue == record.venue]
    events = {event.name: event for event in own}
    said = {market.event for market in record.markets}
    for name in sorted(said ^ events.keys()):
        why = "is not defined in the archive" if name in said else "is defined, and the archive does not say how it stands"
        raise _bad(codes.R_OPENING_MARKET, "markets", f"{name} {why}")
    instruments = {one.symbol: one for event in own for one in after.instruments_of(event)}
    results = {market.event: _results(after, events[market.event], market, i) for i, market in enumerate(record.markets)}
    accounts: dict[str, Account] = {}
    holders: tuple[tuple[str, Sequence[Any]], ...] = (
        ("places", record.places), ("positions", record.positions), ("settled", record.settled or ()), ("orders", record.orders),
    )  # fmt: skip
    for part, rows in holders:
        for i, row in enumerate(rows):
            account = checks.find(after.accounts, (part, i, "account"), row.account)
            if not account.firm:
                raise _bad(codes.R_OPENING_MARKET, (part, i, "account"), f"{row.account} is no account of a firm")
            accounts[row.account] = account
    sessions: dict[str, Session] = {}
    venues: dict[str, Venue] = {}
    for i, order in enumerate(record.orders):
        venues[order.venue] = checks.find(after.venues, ("orders", i, "venue"), order.venue)
        if order.session:
            sessions[order.session] = checks.find(after.sessions, ("orders", i, "session"), order.session)
    traded: tuple[tuple[str, Sequence[Any]], ...] = (
        ("positions", record.positions), ("settled", record.settled or ()), ("orders", record.orders), ("prices", record.prices),
    )  # fmt: skip
    for part, rows in traded:
        for i, row in enumerate(rows):
            if row.symbol not in instruments:
                raise _bad(codes.R_OPENING_MARKET, (part, i, "symbol"), f"{row.symbol} is no contract of venue {record.venue}")
    held: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for position in record.positions:
        instrument = instruments[position.symbol]
        held[after.events[instrument.event_id].name, position.account][instrument.index] = position.quantity
    prices = {price.symbol: price for price in record.prices}
    ahead = {market.event: opening_ahead.standing(results[market.event], phases.BY_NAME[market.phase]) for market in record.markets}
    return Found(after, events, results, instruments, accounts, sessions, venues, prices, dict(held), ahead)


def _results(after: Definitions, event: Event, market: ar.OpeningMarket, i: int) -> dict[str, Any]:
    """The fields of a registry's event beside its definition. Firms that disputed are named in an archive."""
    said = {key: value for key, value in market.results.items() if key not in OWN_FIELDS}
    try:
        for version in (*said.get("determinations", ()), *said.get("ahead", ())):
            for dispute in version.get("disputes", ()):
                dispute["firm"] = checks.find(after.firms, ("markets", i, "results"), dispute["firm"]).id if dispute["firm"] else 0
        full = msgspec.convert({**msgspec.to_builtins(event), **said}, Event)
    except (msgspec.ValidationError, AttributeError, KeyError, TypeError) as error:
        raise _bad(codes.R_OPENING_MARKET, ("markets", i, "results"), f"{market.event}: {error}") from None
    return {name: getattr(full, name) for name in Event.__struct_fields__ if name not in OWN_FIELDS}


def newest_version(results: dict[str, Any]) -> int:
    """Number of the newest version in the fields of an event; 0: there is none."""
    return max([one.version for one in (*results.get("determinations", ()), *results.get("ahead", ()))], default=0)


def result_phase(versions: Sequence[Any]) -> int:
    """What the newest version of a result makes of its market; 0: there is none."""
    if not versions:
        return 0
    return codes.PH_VOIDED if versions[-1].kind == "voided" else codes.PH_DETERMINED


# ---- markets and positions ---------------------------------------------------------------------------------------------------


def _market(found: Found, record: ar.Opening, market: ar.OpeningMarket) -> None:
    """A market's phase, result and sets fit together."""
    event, name = found.events[market.event], market.event
    phase = phases.BY_NAME[market.phase]
    if market.phase in NOT_CARRIED:
        raise _bad(codes.R_OPENING_MARKET, "markets", f"{name} is {market.phase}: such a market cannot move")
    versions = found.results[name].get("determinations", ())
    if phase in WITH_RESULT and not versions or versions and phase not in (*WITH_RESULT, codes.PH_DISPUTED):
        raise _bad(codes.R_OPENING_MARKET, "markets", f"{name} is {market.phase} and has {len(versions)} results")
    if versions and bool(versions[-1].final_at_ns) != (phase == codes.PH_FINAL):
        raise _bad(
            codes.R_OPENING_MARKET, "markets", f"{name} is {market.phase}, its result is {'' if versions[-1].final_at_ns else 'not '}final"
        )
    if versions and len(versions[-1].record.payouts) != event.n:
        raise _bad(
            codes.R_OPENING_MARKET, "markets", f"{name} has {event.n} contracts, its result {len(versions[-1].record.payouts)} payouts"
        )
    product = event.record.product
    if market.sets and (product != "exactly" or phase == codes.PH_FINAL):
        raise _bad(codes.R_OPENING_MARKET, "markets", f"{name} is {product} and {market.phase}: it has no sets, asked {market.sets}")
    opening_ahead.check(event, market, found.results[name], record)
    mine = {contract.symbol for contract in event.record.contracts}
    if phase == codes.PH_FINAL or product == "spot":
        if any(row.symbol in mine for row in record.positions):
            raise _bad(codes.R_OPENING_MARKET, "markets", f"{name} is {product} and {market.phase}: it has no positions")
    if not phases.allows(phase, phases.REST) and any(row.symbol in mine for row in record.orders):
        raise _bad(codes.R_OPENING_MARKET, "markets", f"{name} is {market.phase}: no orders rest in it")


def _positions(found: Found, record: ar.Opening) -> None:
    """Each position is one of an account with a place, and they sum to the sets of their market."""
    places = {(place.event, place.account) for place in record.places}
    if len(places) != len(record.places):
        raise _bad(codes.R_OPENING_MARKET, "places", "an account is named twice for one market")
    for place in record.places:
        if place.event not in found.events:
            raise _bad(codes.R_OPENING_MARKET, "places", f"{place.event} is no market of venue {record.venue}")
    lacking = next((pair for pair in found.held if pair not in places), None)
    lacking = lacking or next((pair for pair in ((_event(found, o.symbol), o.account) for o in record.orders) if pair not in places), None)
    if lacking is not None:
        raise _bad(codes.R_OPENING_MARKET, "places", f"{lacking[1]} has a position or order in {lacking[0]} and no place there")
    if sum(map(len, found.held.values())) != len(record.positions):
        raise _bad(codes.R_OPENING_SUM, "positions", "an account has two positions in one contract")
    sets = {market.event: market.sets for market in record.markets}
    sums = dict.fromkeys(found.instruments, 0)
    for i, row in enumerate(record.positions):
        sums[row.symbol] += row.quantity
        market = found.instruments[row.symbol].market
        if abs(row.quantity) * market.payout * market.tick_value * len(market.contracts) >= MONEY_MAX:
            raise _bad(codes.R_OPENING_SUM, ("positions", i, "quantity"), f"{row.quantity} contracts are worth more than can be held")
    for symbol, total in sums.items():
        name = _event(found, symbol)
        wanted = sets[name] if found.instruments[symbol].index not in opening_ahead.paid(found.ahead[name]) else 0
        if total != wanted:
            text = f"{symbol}: long less short is {total}, its market has {wanted} sets"
            raise _bad(codes.R_OPENING_SUM, "positions", text, wanted, total)


def _event(found: Found, symbol: str) -> str:
    return found.after.events[found.instruments[symbol].event_id].name


# ---- orders ------------------------------------------------------------------------------------------------------------------


def _order(found: Found, i: int, order: ar.OpeningOrder) -> None:
    """An order by itself fits its market, its account and its listing."""
    market = found.instruments[order.symbol].market
    key: Any = ("orders", i)
    session = found.sessions.get(order.session)
    if session is not None and session.firm != found.accounts[order.account].firm:
        raise _bad(codes.R_OPENING_ORDER, (*key, "session"), f"{order.session} is of another firm than {order.account}")
    if (found.venues[order.venue].id, found.instruments[order.symbol].event_id) not in found.after.listings:
        raise _bad(codes.R_OPENING_ORDER, (*key, "venue"), f"venue {order.venue} does not list {order.symbol}")
    price = numbers.unscaled(order.price, market.price_decimals)
    if not any(band.low <= order.price <= band.high and (order.price - band.low) % band.step == 0 for band in market.bands):
        raise _bad(codes.R_OPENING_ORDER, (*key, "price"), f"{price} is not on the price grid of {order.symbol}", 0, order.price)
    if order.filled >= order.quantity:
        raise _bad(
            codes.R_OPENING_ORDER,
            (*key, "quantity"),
            f"{order.filled} of {order.quantity} are filled: nothing is left of it",
            0,
            order.quantity,
        )
    top = market.bands[-1].high if market.product == "spot" else market.payout
    most = order.quantity * market.tick_value * requirement.BPS * top * (1 if market.product == "spot" else top)
    if most >= 1 << 62:
        raise _bad(
            codes.R_OPENING_ORDER, (*key, "quantity"), f"{order.quantity} lots are more than the server can count with", 0, order.quantity
        )
    if order.contract_side == "no" and market.product == "spot":
        raise _bad(codes.R_OPENING_ORDER, (*key, "contract_side"), f"{order.symbol} is a spot pair: it has no NO side")
    if (order.tif == "gtc") != (order.expiry_ns == 0):
        raise _bad(codes.R_OPENING_ORDER, (*key, "expiry_ns"), f"an order that is {order.tif} and expires at {order.expiry_ns}")
    if order.notional > order.filled * top or bool(order.filled) != bool(order.notional):
        raise _bad(codes.R_OPENING_ORDER, (*key, "notional"), f"{order.filled} lots were not filled for {order.notional}")
    if order.terms.model == "notional" and market.product != "spot" or order.terms.model != "notional" and market.product == "spot":
        raise _bad(codes.R_OPENING_ORDER, (*key, "terms"), f"{order.symbol} has no {order.terms.model} fees")
    _, part = requirement.fee_numerator(market, order.terms, 1, order.price, 1)
    exact = -(-order.fee_numerator // part), order.rebate_numerator // part
    if (order.fee_paid, order.rebate_paid) != exact:
        text = f"it was charged {order.fee_paid} and granted {order.rebate_paid}, its numerators say {exact[0]} and {exact[1]}"
        raise _bad(codes.R_OPENING_ORDER, (*key, "fee_paid"), text)


def _entries(record: ar.Opening) -> None:
    """Every order has a place of its own by time of entry."""
    places = sorted(order.entered for order in record.orders)
    if places != list(range(1, len(places) + 1)):
        raise _bad(codes.R_OPENING_ORDER, "orders", f"their entries are not numbered from 1 to {len(places)}")


def _books(record: ar.Opening) -> None:
    """Of each contract the bids come first, from the highest on, then the asks, from the lowest on, and they do not cross."""
    last: dict[str, tuple[bool, int]] = {}
    bids: dict[str, int] = {}
    for i, order in enumerate(record.orders):
        bid = requirement.buys(order)
        was = last.get(order.symbol)
        if was is not None and (bid and not was[0] or bid == was[0] and (order.price > was[1] if bid else order.price < was[1])):
            raise _bad(codes.R_OPENING_ORDER, ("orders", i), f"the book of {order.symbol} is out of order")
        if bid:
            bids.setdefault(order.symbol, order.price)
        elif order.symbol in bids and bids[order.symbol] >= order.price:
            raise _bad(
                codes.R_OPENING_ORDER, ("orders", i), f"the book of {order.symbol} crosses: {bids[order.symbol]} bid, {order.price} asked"
            )
        last[order.symbol] = bid, order.price


# ---- money and room ------------------------------------------------------------------------------------------------------------


def _money(registry: Definitions, found: Found, record: ar.Opening, trial: Trial, engine: EngineLike) -> None:
    """Every account has what its positions and orders require, and no asset overflows."""
    after = found.after
    deposits: dict[tuple[int, int], int] = defaultdict(int)
    total: dict[int, int] = defaultdict(int)
    for act in trial.acts:
        for flat in act.rows:
            if plain.kind_of(int(flat[0])) == codes.C_TRANSFER:
                deposits[int(flat[d.DT_TO]), int(flat[d.DT_ASSET])] += int(flat[d.DT_AMOUNT])
                total[int(flat[d.DT_ASSET])] += int(flat[d.DT_AMOUNT])
    needs: dict[tuple[str, str], int] = defaultdict(int)
    orders: dict[tuple[str, str], list[tuple[int, ar.OpeningOrder]]] = defaultdict(list)
    for order in record.orders:
        orders[_event(found, order.symbol), order.account].append((found.instruments[order.symbol].index, order))
    for place in record.places:
        event = found.events[place.event]
        held = [0] * event.n
        for index, quantity in found.held.get((place.event, place.account), {}).items():
            held[index] = quantity
        for asset, amount in requirement.required(
            event.record, held, orders.get((place.event, place.account), ()), opening_ahead.paid(found.ahead[place.event])
        ).items():
            needs[place.account, asset] += amount
    short = []
    for (account, name), amount in needs.items():
        row = after.assets.named(name)
        assert row is not None
        at = found.accounts[account].id, row.id
        known = registry.accounts.get(at[0]) is not None and registry.assets.get(at[1]) is not None
        cash, locked = (state.balance(engine.m, *at) if known else None) or (0, 0)
        there = cash - locked + deposits[at]
        if there < amount:
            unit = row.record.decimals
            short.append(
                (
                    account,
                    name,
                    f"{account} needs {numbers.unscaled(amount, unit)} {name} and has {numbers.unscaled(max(there, 0), unit)}",
                    there,
                    amount,
                )
            )
    if short:
        more = f", and {len(short) - 8} more" if len(short) > 8 else ""
        text = f"money is missing: {'; '.join(one[2] for one in short[:8])}{more}"
        raise Refused(codes.R_OPENING_MONEY, text, "positions", short[0][3], short[0][4])
    for market in record.markets:
        terms = found.events[market.event].record
        paid_in = after.assets.named(terms.asset)
        assert paid_in is not None
        total[paid_in.id] += market.sets * terms.k * terms.payout * terms.tick_value
    for id, amount in total.items():
        there = state.Asset.of(engine.m, id).external if registry.assets.get(id) is not None else 0
        if there + amount >= MONEY_MAX:
            raise Refused(codes.R_OVERFLOW, "more than can be held of one asset", "markets", MONEY_MAX - 1, there + amount)


def _room(found: Found, record: ar.Opening, trial: Trial, engine: EngineLike) -> None:
    """The core's tables have room for all of it, beside what the definitions take."""
    words = sum(state.collateral_words(found.events[place.event].n) for place in record.places)
    expiries = len({order.expiry_ns for order in record.orders} - {0})
    nodes: set[tuple[str, bool, int, int]] = set()
    for order in record.orders:
        height, top = 1, found.instruments[order.symbol].market.bands[-1].high
        while True:
            nodes.add((order.symbol, requirement.buys(order), height, order.price >> 6 * height))
            if not top >> 6 * height:
                break
            height += 1
    terms = sum(terms != found.terms(*place) for place, terms, _ in found.by_terms(record))
    core: Any = trial.core
    for what, pool, count in (
        ("open orders", L.P_ORDER, len(record.orders)),
        ("position words", L.P_COLLATERAL, words),
        ("balances", L.P_BALANCE, 2 * len(record.places)),
        ("pairs", L.P_PAIR_HASH, 3 * len(record.places) + expiries + terms + opening_budgets.lines(found.after, record)),
        ("book nodes", L.P_NODE, len(nodes)),
        ("listings", L.P_LISTING, 2 * terms),
    ):
        checks.hash_room(core if core is not None else engine, what, pool, count)
