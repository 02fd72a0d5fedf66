"""Putting right what happened: correction of a final result, bust and correction of a trade, recovery of the debts they left, and the bond that stands for them."""

import msgspec
import numpy as np

from config import admin_records as ar
from config import market
from protocol import codes, freeze, numbers, units

from .. import state
from ..core import layout as L
from ..core.layout import definitions as d
from ..core.layout import plain
from . import checks, finals, freezes, settlement
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Account, Busted, Determination, Event, Venue

FEE_MODELS = dict(market.FEE_MODELS)
BOND = ".BOND"  # ending of the name of a venue's bond account


def bond_of(registry: Definitions, venue: str) -> int:
    """Id of the venue's bond account, 0: it has none."""
    account = registry.accounts.named(venue + BOND)
    return account.id if account is not None and not account.firm else 0


def bond(registry: Definitions, record: ar.Bond, engine: EngineLike) -> Act:
    """Open the bond account of a venue: money on it stands for the debts that a correction or bust leaves."""
    venue = checks.find(registry.venues, "venue", record.venue)
    name = venue.name + BOND
    old = registry.accounts.named(name)
    if old is not None and old.firm:
        raise Refused(codes.R_BAD_DEFINITION, f"{name} is an account of a firm already", "venue")
    if old is not None:
        return checks.unchanged("account", name, old.id)
    id = checks.room(registry.accounts, engine, "accounts")
    checks.hash_room(engine, "names", L.P_NAME_HASH, 1)
    account = Account(id, name, 0, codes.ACCT_FEES, venue.id)
    row = rows_of.account(id, 0, codes.ACCT_FEES, 0, venue.id, name)
    text = f"{name} is open: deposits to it are the bond of {venue.name}"
    return Act(f"venue {venue.name}", text, [row], lambda: registry.put_account(account), {"id": id, "account": name})


def correct(registry: Definitions, event: Event, record: ar.Correct, who: str, engine: EngineLike) -> Act:
    """Reversing entries: each account gets or pays the difference of the payouts on its position at settlement. Called by disputes.py."""
    result = settlement.valued(event, record.determine())
    if result.payouts == event.determinations[-1].record.payouts:
        raise Refused(codes.R_SAME_RESULT, f"{event.name} has been paid by these payouts", "payouts")
    version = settlement.checked(event, result)
    kept = Determination(version, who, int(engine.time_ns), result, kind="corrected", until_ns=int(engine.time_ns))
    text = f"{event.name} is corrected: version {version} is final, every account has the difference"

    def commit() -> None:
        registry.put_event(settlement.new_version(event, kept))

    rows = [rows_of.reverse(event.id, version, result.payouts, bond_of(registry, event.record.owner_venue))]
    said = {
        codes.R_PAID_ELSEWHERE: "it came here final, and the positions that it was paid for are on the server that paid it",
        codes.R_AHEAD_DIFFERS: "a contract that was paid ahead of its group was paid for other sets than the rest: what it paid stays",
    }
    return Act(
        f"event {event.name}", text, rows, commit, {}, lambda code: said.get(code, ""),
        told=lambda: finals.paid(engine, event, version, text, {"event": event.id, "version": version}),
    )  # fmt: skip


def recover(registry: Definitions, record: ar.Recover, engine: EngineLike) -> Act:
    """What the debtors of an event, its venue's bond and the platform can pay now of what a correction or bust left."""
    event = settlement.event_contract(registry, record.event)
    version = event.version
    text = f"{event.name}: what can be paid of its debts has been paid"
    rows = [rows_of.reverse(event.id, 0, (), bond_of(registry, event.record.owner_venue))]
    said = {codes.R_NOT_FINAL: "it is not final", codes.R_NOTHING_OWED: "no account owes anything from it"}
    return Act(
        f"event {event.name}", text, rows, checks.nothing, {}, lambda code: said.get(code, ""),
        told=lambda: finals.paid(engine, event, version, text, {"event": event.id, "version": version}),
    )  # fmt: skip


def bust(registry: Definitions, record: ar.Bust, who: str, engine: EngineLike) -> Act:
    """Take a trade back, or correct it: its legs are those of the event store, which the gateway put into the record."""
    legs = record.legs
    if not record.event or not 2 <= len(legs) <= d.MOST_LEGS or any(len(leg) != rows_of.LEG_BYTES for leg in legs):
        raise checks.no_trade(record.trade)
    event: Event = checks.find(registry.events, "event", record.event)
    freezes.check(registry, event, freeze.SETTLE)
    old = next((one for one in event.busts if one.trade == record.trade and not one.quantity), None)
    if old is not None:
        text = f"trade {record.trade} was taken back at {units.instant(old.at_ns)} by {old.who}"
        raise Refused(codes.R_ALREADY_BUST, text, "trade", asked=record.trade)
    fills = [np.frombuffer(leg, "<i8") for leg in legs]
    changed = max((one.told_from for one in event.busts if one.trade == record.trade), default=0)
    if any(fill[L.EVT_NUMBER] < changed for fill in fills):
        raise Refused(
            codes.R_TRADE_CHANGED,
            f"trade {record.trade} was corrected after this was proposed: propose it again",
            "trade",
            asked=record.trade,
        )
    price, quantity = _new_terms(event, record, fills[0])
    owner = checks.find(registry.venues, "venue", event.record.owner_venue)
    venues = [_through(registry, event, owner, plain.venue_of(int(fill[L.EVT_INSTRUMENT]))) for fill in fills]
    bond = bond_of(registry, owner.name)
    rows = [rows_of.bust(event.id, record.trade, legs, venues, owner.fee_account, bond, price, quantity)]
    told_from = state.Header(engine.m).event_seq if quantity else 0
    kept = Busted(record.trade, who, int(engine.time_ns), record.reason, price, quantity, told_from)
    done = f"corrected: {_amount(event, quantity, price)}" if quantity else "taken back"
    text = f"trade {record.trade} of {event.name} is {done}: {record.reason}"

    def commit() -> None:
        registry.put_event(msgspec.structs.replace(event, busts=(*event.busts, kept)))

    def explain(code: int) -> str:
        before = _amount(event, int(fills[0][L.EVT_LAST_QTY]), _yes_price(event, fills[0]))
        return {
            codes.R_BUST_FINAL: "its market is final: correct the result instead",
            codes.R_BUST_SPLIT: "an outcome was split out of its contract after the trade, and who held it got as much of the new one",
            codes.R_TRADE_CROSS: "it has several contracts or more than two sides: it is only taken back, whole",
            codes.R_TRADE_SAME: f"it is {before} already",
            codes.R_QTY_TOO_LARGE: f"it is {before}; a correction only lowers the quantity",
        }.get(code, "")

    result = {"event": event.id, "trade": record.trade, "legs": len(legs), "price": price, "quantity": quantity}
    return Act(f"trade {record.trade}", text, rows, commit, result, explain)


def _yes_price(event: Event, fill: Words) -> int:
    """Price of a fill in ticks of YES contracts."""
    price = int(fill[L.EVT_LAST_PRICE])
    return event.record.payout - price if plain.contract_side_of(int(fill[L.EVT_HEAD])) == codes.NO else price


def _amount(event: Event, lots: int, ticks: int) -> str:
    return f"{numbers.unscaled(lots, event.record.qty_decimals)} at {numbers.unscaled(ticks, event.record.price_decimals)}"


def _new_terms(event: Event, record: ar.Bust, fill: Words) -> tuple[int, int]:
    """Price (YES ticks) and quantity (lots) of a correction, (0, 0): the trade is taken back. Raises Refused."""
    if not record.price and not record.quantity:
        return 0, 0
    out = []
    for key, text, decimals, before in (
        ("price", record.price, event.record.price_decimals, _yes_price(event, fill)),
        ("quantity", record.quantity, event.record.qty_decimals, int(fill[L.EVT_LAST_QTY])),
    ):
        try:
            value = numbers.scaled(text, decimals, key) if text else before
        except numbers.NotANumber as error:
            raise bad(key, str(error)) from error
        if value <= 0:
            raise bad(key, f'must be above 0, asked "{text}"', 0, value)
        out.append(value)
    return out[0], out[1]


def _through(registry: Definitions, event: Event, owner: Venue, venue_id: int) -> rows_of.LegVenue:
    """Of the venue (id, 0: the owner) through which an order came; of one that lists the market no more, the fee model is the owner's."""
    venue = registry.venues.get(venue_id) or owner
    fees = registry.listings.get((venue.id, event.id), event.record.fees)
    return rows_of.LegVenue(venue.fee_account, FEE_MODELS[fees.model])
