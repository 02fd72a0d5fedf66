"""Everything that belongs to one venue, as rows of parts: what `exos venue export` writes.

`take` copies the state between two turns, so all of it is as of one row of the journal; `parts` makes rows of the copy and may do so over many
turns. Rows name things and never number them, because another server gives other ids. Secrets and keys are left out. Amounts are minor
units, prices YES ticks, quantities lots.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.market import FEE_MODELS
from protocol import codes, phases

from .. import state
from ..core import audit, order_terms
from ..core.layout import plain
from . import scopes, timed_acts, timetable
from . import series as series_of
from .access import PREFIX
from .account_view import grown
from .definitions import Definitions
from .engine_like import Words
from .tables import Account, Event

# What must be equal on the server to which a venue moves.
COMPARED = (
    "assets", "venue", "quotas", "freezes", "firms", "accounts", "sessions", "principals", "tags", "markets", "results", "prices", "references", "rules",
    "balances", "holds", "sets", "places", "positions", "settled", "orders", "series", "scheduled", "budgets",
)  # fmt: skip
TOLD = ("guests",)
PARTS = (*COMPARED, *TOLD)
SECRET_FIELDS = ("secret", "verifier")
SIDES = {codes.BUY: "buy", codes.SELL: "sell"}
CONTRACT_SIDES = {codes.YES: "yes", codes.NO: "no"}
MODELS = {code: name for name, code in FEE_MODELS}
OWN_FIELDS = ("id", "first_instrument", "record")  # of an event: what its definition gives
SETTLED_DUMP = 3  # of the columns in a row of the dump: that of L.SETTLED_POSITION
TIFS = {codes.DAY: "day", codes.GTC: "gtc", codes.GTD: "gtd"}

Row = dict[str, Any]
Part = tuple[str, Row]


class Copy(NamedTuple):
    """The state of a venue at one time. dumps: of its events (core/audit.py: dump_event); terms: of its open orders (core/order_terms.py); counts: open orders of each contract; balances: (account, asset, cash, locked)."""

    registry: Definitions
    venue: int
    row_seq: int
    event_seq: int
    time_ns: int
    firms: list[Any]
    accounts: list[Account]
    sessions: list[Any]
    events: list[Event]
    principals: list[Any]
    references: dict[int, tuple[int, int]]
    tags: dict[int, Any]
    rules: list[Any]
    holds: list[Any]
    quota: Any
    freeze: Any
    dumps: list[NDArray[np.int64]]
    terms: list[NDArray[np.int64]]
    counts: list[list[int]]
    balances: NDArray[np.int64]
    series: list[Row]
    scheduled: list[Row]
    budgets: dict[int, Any]


def take(registry: Definitions, m: Words, venue: int, row_seq: int) -> Copy:
    """The copy of a venue (id), between two turns. Rows of the tables never change, so copying the lists is enough."""
    name = registry.venues[venue].name
    events = [event for event in registry.events if event.record.owner_venue == name]
    header = state.Header(m)
    return Copy(
        registry, venue, row_seq, header.next_event, header.time, list(registry.firms), list(registry.accounts), list(registry.sessions), events,
        list(registry.principals), dict(registry.references), dict(registry.tags), list(registry.rules.values()), [hold for hold in registry.holds if not hold.ended],
        registry.quotas.get(venue), registry.freezes.get(venue), [grown(audit.dump_event, m, event.id) for event in events],
        [grown(order_terms.dump_terms, m, event.id) for event in events],
        [[state.Instrument.of(m, event.first_instrument + j).open_orders for j in range(event.n)] for event in events], state.balance_rows(m),
        _series(registry, name), _scheduled(registry, name), dict(registry.budgets),
    )  # fmt: skip


class Dump(NamedTuple):
    """One event's part of the state, taken apart: see core/audit.py and core/order_terms.py."""

    phase: int
    sets: int
    pool: int
    window_end: int
    in_play: bool
    contracts: NDArray[np.int64]
    accounts: NDArray[np.int64]
    required: NDArray[np.int64]
    held_base: NDArray[np.int64]
    positions: NDArray[np.int64]  # (rows, contracts)
    settled: NDArray[np.int64]  # the same, that were paid ahead of the rest
    orders: NDArray[np.int64]
    terms: NDArray[np.int64]
    counts: list[int]  # of them, by contract

    @classmethod
    def of(cls, dump: NDArray[np.int64], terms: NDArray[np.int64], counts: list[int]) -> "Dump":
        n, rows = int(dump[7]), int(dump[8])
        at, width = audit.EVENT_DUMP + n * audit.CONTRACT_DUMP, audit.COLLATERAL_DUMP + 5 * n
        contracts = dump[audit.EVENT_DUMP : at].reshape(n, audit.CONTRACT_DUMP)
        table = dump[at : at + rows * width].reshape(rows, width)
        orders = dump[at + rows * width :].reshape(-1, audit.ORDER_DUMP)
        columns = table[:, audit.COLLATERAL_DUMP :].reshape(rows, 5, n)
        ahead = (contracts[:, 16] == codes.PH_FINAL) & (dump[1] != codes.PH_FINAL)
        return cls(
            int(dump[1]), int(dump[2]), int(dump[3]), int(dump[5]), bool(dump[31]), contracts, table[:, 0], table[:, 1], table[:, 3], columns[:, 0],
            np.where(ahead, columns[:, SETTLED_DUMP], 0), orders, terms.reshape(-1, order_terms.TERMS_WORDS), counts,
        )  # fmt: skip

    def present(self) -> list[int]:
        """Accounts that have a position or an open order, or were paid for one ahead of the rest, by their first touch of the event."""
        ordering = set(self.orders[:, 9].tolist())
        holding = ((self.positions != 0) | (self.settled != 0)).any(axis=1).tolist()
        return [id for id, held in zip(self.accounts.tolist(), holding) if held or id in ordering]


def parts(copy: Copy) -> Iterator[Part]:
    """(part, row) of everything, part by part in the order of PARTS, rows in an order that is the same on every server."""
    registry, name = copy.registry, copy.registry.venues[copy.venue].name
    dumps = [Dump.of(*one) for one in zip(copy.dumps, copy.terms, copy.counts)]
    at_home = {account.id for account in copy.accounts if scopes.of_account(registry, account).venue == name}
    trading = sorted({id for dump in dumps for id in dump.present()})
    guests = [registry.accounts[id] for id in trading if id not in at_home]
    own = [account for account in copy.accounts if account.id in at_home]
    entering = {int(id) for dump in dumps for id in np.unique(dump.orders[:, 8]).tolist()}
    sessions = [s for s in copy.sessions if s.id in entering or scopes.of_session(registry, s).venue == name]
    firms = {row.firm for row in (*own, *guests, *sessions)} | {firm.id for firm in copy.firms if firm.record.venue == name}
    yield from (("assets", _record(registry.assets[id].record)) for id in _assets(copy, own))
    yield "venue", _record(registry.venues[copy.venue].record)
    yield from (("quotas", _record(copy.quota)) for _ in range(copy.quota is not None))
    yield from (("freezes", _record(copy.freeze)) for _ in range(copy.freeze is not None))
    yield from _by_name("firms", [{**_record(firm.record), "closed": _closed(firm)} for firm in copy.firms if firm.id in firms])
    kept = [copy.budgets[s.id] for s in sessions if s.id in copy.budgets and scopes.of_session(registry, s).venue == name]
    here = (
        {account.id for account in (*own, *guests)} | {s.account for s in sessions} | {one.account for one in kept}
    )  # default accounts of sessions
    traders = [account for account in copy.accounts if account.id in here and account.record is not None]
    yield from _by_name("accounts", [{**_record(account.record), "closed": _closed(account)} for account in traders])
    yield from _by_name("sessions", [{**_record(s.record), "closed": _closed(s)} for s in sessions])
    yield from _by_name("principals", [_principal(p, name) for p in copy.principals if p.record.venue == name])
    yield from _by_name("tags", [_record(copy.tags[firm.id]) for firm in copy.firms if firm.id in firms and firm.id in copy.tags], "firm")
    for event, dump in zip(copy.events, dumps):
        yield (
            "markets",
            {
                "record": _record(timetable.to_come(event.record, dump.phase, copy.time_ns)), "phase": phases.name(dump.phase),
                "window_end_ns": dump.window_end, "in_play": dump.in_play,
            },
        )  # fmt: skip
    yield from (("results", row) for event in copy.events if (row := _results(registry, event)))
    for event, dump in zip(copy.events, dumps):
        for contract, row in zip(event.record.contracts, dump.contracts.tolist()):
            if row[1] or row[2]:
                yield "prices", {"symbol": contract.symbol, "last": row[1], "volume": row[2]}
    for event in copy.events:
        for instrument in registry.instruments_of(event):
            if instrument.id in copy.references:
                price, collar = copy.references[instrument.id]
                yield "references", {"symbol": instrument.symbol, "reference": price, "collar": collar}
    events = {event.name for event in copy.events}
    mine = [rule.record for rule in copy.rules if rule.record.venue == name or rule.record.event in events]
    yield from (("rules", _record(rule)) for rule in sorted(mine, key=lambda rule: (rule.event, rule.rule)))
    yield from _money(copy, own)
    yield from _trading(copy, dumps)
    yield from (("series", row) for row in copy.series)
    yield from (("scheduled", row) for row in copy.scheduled)
    for one in sorted(kept, key=lambda one: str(one.record.session)):
        yield "budgets", {"account": registry.accounts[one.account].name, "record": _record(one.record)}
    yield from _guests(copy, guests, dumps)


def _series(registry: Definitions, venue: str) -> list[Row]:
    """Series by name, with the principal in whose name the next market is listed."""
    rows = []
    for one in sorted((row for row in registry.series if row.record.owner_venue == venue), key=lambda row: str(row.name)):
        listing = registry.schedule.waiting_for(series_of.about(one.name))
        who = _own_principal(registry, listing[0].who, venue) if listing else ""
        rows.append({"record": _record(one.record), "who": who, "closed": _closed(one)})
    return rows


def _scheduled(registry: Definitions, venue: str) -> list[Row]:
    return [
        {
            "at_ns": one.at_ns, "act": _record(one.record), "who": _own_principal(registry, one.who, venue), "note": one.note, "fields": list(one.fields),
        }
        for one in timed_acts.of_venue(registry, venue)
    ]  # fmt: skip


def _own_principal(registry: Definitions, who: str, venue: str) -> str:
    """The name of a principal of the venue, "" of somebody else."""
    name = who.removeprefix(PREFIX)
    found = registry.principals.named(name) if name != who else None
    return name if found is not None and found.record.venue == venue else ""


def _record(record: Any) -> Row:
    fields: Row = msgspec.to_builtins(record)
    return {key: value for key, value in fields.items() if key not in SECRET_FIELDS}


def _results(registry: Definitions, event: Event) -> Row:
    """What is known of an event beside its definition: its results, who disputed them. Empty: nothing."""
    fields = {key: value for key, value in msgspec.to_builtins(event).items() if key not in OWN_FIELDS and value}
    for version in (*fields.get("determinations", ()), *fields.get("ahead", ())):
        for dispute in version["disputes"]:
            dispute["firm"] = registry.firms[dispute["firm"]].name if dispute["firm"] else ""
    return {"event": event.name, **fields} if fields else {}


def _closed(row: Any) -> str:
    return row.closed.reason if row.closed is not None else ""


def _by_name(part: str, rows: list[Row], key: str = "name") -> Iterator[Part]:
    yield from ((part, row) for row in sorted(rows, key=lambda row: str(row[key])))


def _principal(row: Any, venue: str) -> Row:
    """With the grants that it has at this venue."""
    grants = [
        {"role": held.role, "scope": held.scope, "until_ns": held.until_ns}
        for held in row.grants
        if scopes.parse(held.scope).venue == venue
    ]
    return {**_record(row.record), "grants": sorted(grants, key=lambda grant: (grant["role"], grant["scope"]))}


def _assets(copy: Copy, own: list[Account]) -> list[int]:
    """Ids of the assets that the venue's markets and accounts use, by name."""
    registry = copy.registry
    used = {event.record.asset for event in copy.events} | {event.record.base_asset for event in copy.events} - {""}
    ids = {registry.assets.named(name).id for name in used}  # type: ignore[union-attr]
    mine = np.isin(copy.balances[:, 0], [account.id for account in own])
    ids |= {int(id) for id in np.unique(copy.balances[mine, 1]).tolist()} | {
        hold.asset for hold in copy.holds if hold.account in {a.id for a in own}
    }
    return sorted(ids, key=lambda id: registry.assets[id].name)


def _money(copy: Copy, own: list[Account]) -> Iterator[Part]:
    """Balances (with what is on hold) and open holds of the venue's own accounts."""
    registry = copy.registry
    ids = {account.id: account.name for account in own}
    held: dict[tuple[int, int], int] = {}
    for hold in copy.holds:
        held[hold.account, hold.asset] = held.get((hold.account, hold.asset), 0) + hold.amount
    rows = copy.balances[np.isin(copy.balances[:, 0], list(ids))].tolist()
    found = [(ids[account], registry.assets[asset].name, cash + held.get((account, asset), 0)) for account, asset, cash, _ in rows]
    yield from (("balances", {"account": account, "asset": asset, "balance": amount}) for account, asset, amount in sorted(found) if amount)
    for hold in copy.holds:
        if hold.account in ids:
            fields = {"kind": hold.kind, "amount": hold.amount, "until_ns": hold.until_ns, "key": hold.key, "note": hold.note}
            yield "holds", {"account": ids[hold.account], "asset": registry.assets[hold.asset].name, **fields}


def _trading(copy: Copy, dumps: list[Dump]) -> Iterator[Part]:
    """Sets, places, positions and open orders, the orders in the order in which they stand in the books."""
    accounts = copy.registry.accounts
    for event, dump in zip(copy.events, dumps):
        if dump.sets:
            yield "sets", {"event": event.name, "sets": dump.sets, "pool": dump.pool}
    for event, dump in zip(copy.events, dumps):
        yield from (("places", {"event": event.name, "account": accounts[id].name}) for id in dump.present())
    for event, dump in zip(copy.events, dumps):
        yield from (("positions", row) for row in _held(copy, event, dump, dump.positions))
    for event, dump in zip(copy.events, dumps):
        yield from (("settled", row) for row in _held(copy, event, dump, dump.settled))
    by_entry = sorted(int(id) for dump in dumps for id in dump.orders[:, 0].tolist())
    entered = {id: place for place, id in enumerate(by_entry, 1)}
    for event, dump in zip(copy.events, dumps):
        at = 0
        for contract, count in zip(event.record.contracts, dump.counts):  # the dump has them contract by contract, as many as each has
            for row, terms in zip(dump.orders[at : at + count].tolist(), dump.terms[at : at + count]):
                yield "orders", {**_order(copy, contract.symbol, row, terms), "entered": entered[row[0]]}
            at += count


def _held(copy: Copy, event: Event, dump: Dump, quantities: NDArray[np.int64]) -> Iterator[Row]:
    """What is not 0 of a table of (row, contract)."""
    symbols = [contract.symbol for contract in event.record.contracts]
    for i, j in np.argwhere(quantities).tolist():
        yield {"symbol": symbols[j], "account": copy.registry.accounts[int(dump.accounts[i])].name, "quantity": int(quantities[i, j])}


def _order(copy: Copy, symbol: str, row: list[int], terms: NDArray[np.int64]) -> Row:
    """A row of the dump (core/audit.py: dump_order) with its terms, as the fields of config/opening_records.py."""
    registry, attr, fees = copy.registry, row[7], row[11]
    session, tif = registry.sessions.get(row[8]), plain.tif_of(attr)
    shares = {"owner_share_bps": int(terms[0]), "venue_share_bps": int(terms[1])}
    return {
        "symbol": symbol, "account": registry.accounts[row[9]].name, "session": session.name if session is not None else "",
        "venue": registry.venues[plain.venue_of(row[18])].name, "side": SIDES[plain.side_of(attr)], "contract_side": CONTRACT_SIDES[plain.contract_side_of(attr)],
        "price": row[3], "quantity": row[4], "filled": row[5], "notional": row[10], "tif": TIFS.get(tif, str(tif)), "expiry_ns": row[17],
        "flags": plain.flags_of(attr), "client_id": row[2] if row[1] == 0 else terms[2:].tobytes().rstrip(b"\0").decode(),
        "terms": {"model": MODELS[plain.fee_model(fees)], "maker_bps": plain.maker_bps(fees), "taker_bps": plain.taker_bps(fees), **shares},
        "fee_numerator": row[12], "fee_paid": row[13], "rebate_numerator": row[19], "rebate_paid": row[14], "net_fee": row[15],
    }  # fmt: skip


def _guests(copy: Copy, guests: list[Account], dumps: list[Dump]) -> Iterator[Part]:
    """Of traders from elsewhere, what their positions and orders here require: the least that they need on another server."""
    registry = copy.registry
    needs: dict[tuple[int, str], int] = {}
    for event, dump in zip(copy.events, dumps):
        for amounts, asset in ((dump.required, event.record.asset), (dump.held_base, event.record.base_asset)):
            for account, amount in zip(dump.accounts.tolist(), amounts.tolist()):
                if amount:
                    needs[account, asset] = needs.get((account, asset), 0) + amount
    for account in guests:
        for name in registry.assets.names():
            if amount := needs.get((account.id, name), 0):
                yield "guests", {"account": account.name, "asset": name, "required": amount}
