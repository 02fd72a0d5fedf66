"""The end of accounts, firms, sessions, markets and listings: what must be true first, and the rows that tell the core.

An account must be empty: no open orders, no positions, no money, no holds. A firm: all its accounts closed and no session logged on. A session can
be closed at any time; the gateway ends its connection. A market: no open orders, no positions and sets, and no other venue that lists it; then nobody sees it
any more. A listing: no open orders that came through it. What has ended stays in the history under its name.
"""

from typing import Any

import msgspec

from config import admin_records as ar
from protocol import codes, numbers

from .. import state
from ..core import audit
from ..core.layout import plain
from . import checks, members, timetable
from . import rows as rows_of
from .account_view import grown
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Account, Closed, Event, Firm, Session

NAMED = 3  # things of a kind that a refusal names; of the others it tells how many


def close(registry: Definitions, record: ar.Close, who: str, engine: EngineLike) -> Act:
    """The act of a Close record. Raises Refused."""
    if bool(record.venue) != (record.kind == "listing"):
        raise bad("venue", "only a listing is named with its venue" if record.venue else "a listing is named with its venue")
    if record.kind == "market":
        return _market(registry, record, who, engine)
    if record.kind == "listing":
        return _listing(registry, record, engine)
    tables: Any = {"account": registry.accounts, "firm": registry.firms, "session": registry.sessions}
    old = checks.find(tables[record.kind], "name", record.name)
    if old.closed is not None and old.closed.reason == record.reason:
        return Act(
            record.name, f"{record.kind} {record.name} is closed already", [], checks.nothing, {"id": old.id, "unchanged": 1}, changed=()
        )
    checks.refuse_closed(record.kind, old, "name")
    closed = msgspec.structs.replace(old, closed=Closed(who, int(engine.time_ns), record.reason))
    if isinstance(old, Account):
        row, commit = _account(registry, old, engine), lambda: registry.put_account(closed)
    elif isinstance(old, Firm):
        row, commit = _firm(registry, old, engine), lambda: registry.firms.put(closed)
    else:
        row, commit = members.session_row(old, closed=True), lambda: registry.close_session(closed)
    text = f"{record.kind} {record.name} is closed"
    return Act(f"{record.kind} {record.name}", text, [row], commit, {"id": old.id})


def _market(registry: Definitions, record: ar.Close, who: str, engine: EngineLike) -> Act:
    event: Event = checks.find(registry.events, "name", record.name)
    name = f"market {event.name}"
    if event.closed is not None and event.closed.reason == record.reason:
        return Act(name, f"{name} is removed already", [], checks.nothing, {"id": event.id, "unchanged": 1}, changed=())
    checks.refuse_removed(event, "name")
    owner = checks.find(registry.venues, "name", event.record.owner_venue)
    others = [registry.venues[venue].name for venue, other in registry.listings if other == event.id and venue != owner.id]
    dump = grown(audit.dump_event, engine.m, event.id)
    parts = _in_event(registry, dump)
    if others:
        parts.append(_some("the listing at", others))
    if parts:
        raise Refused(codes.R_NOT_EMPTY, f"{name} is in use: it has {', '.join(parts)}", "name", asked=len(parts))
    now_ns = int(engine.time_ns)
    removed = msgspec.structs.replace(event, closed=Closed(who, now_ns, record.reason))

    def commit() -> None:
        registry.drop_listing(owner.id, event.id)
        registry.put_event(removed)
        registry.schedule.cancel_for(timetable.about(event.name), "", now_ns, f"{name} was removed by {who}")

    rows = rows_of.unlist(owner.id, event.first_instrument, event.n) + ([rows_of.remove(event.id)] if len(dump) else [])
    return Act(name, f"{name} is removed", rows, commit, {"id": event.id})


def _in_event(registry: Definitions, dump: Words) -> list[str]:
    """What keeps a market from being removed, in words. dump: of core/audit.py; empty: the core does not have the event."""
    if not len(dump):
        return []
    n, rows, orders, sets = int(dump[7]), int(dump[8]), int(dump[6]), int(dump[2])
    at, width = audit.EVENT_DUMP + n * audit.CONTRACT_DUMP, audit.COLLATERAL_DUMP + 5 * n
    table = dump[at : at + rows * width].reshape(rows, width)
    held = table[:, audit.COLLATERAL_DUMP : audit.COLLATERAL_DUMP + n].any(axis=1)
    holders = [registry.accounts[int(id)].name for id in table[held, 0].tolist()]
    parts = [f"{orders} open order{'s' if orders > 1 else ''}"] if orders else []
    parts += [_some("a position of", holders)] if holders else []
    parts += [f"{sets} sets"] if sets else []
    parts += ["payments that are still going on"] if dump[9] else []
    owed, blocked, from_bond, from_platform = dump[14:18].tolist()
    parts += ["debts or blocked credits of a correction"] if owed or blocked else []
    return parts + (["what the bond or the platform paid for debts"] if from_bond or from_platform else [])


def _listing(registry: Definitions, record: ar.Close, engine: EngineLike) -> Act:
    event: Event = checks.find(registry.events, "name", record.name)
    venue = checks.find(registry.venues, "venue", record.venue)
    name = f"listing {event.name} at {venue.name}"
    if (venue.id, event.id) not in registry.listings:
        return Act(name, f"{name} is removed already", [], checks.nothing, {"event": event.id, "unchanged": 1}, changed=())
    if event.record.owner_venue == venue.name:
        raise bad("venue", f"{venue.name} owns {event.name}: its listing ends with the market")
    dump = grown(audit.dump_event, engine.m, event.id)
    count = 0
    if len(dump):
        orders = dump[len(dump) - int(dump[6]) * audit.ORDER_DUMP :].reshape(-1, audit.ORDER_DUMP)
        count = int((plain.venue_of(orders[:, 18]) == venue.id).sum())
    if count:
        text = f"{name} is in use: {count} open order{'s' if count > 1 else ''} came through it"
        raise Refused(codes.R_NOT_EMPTY, text, "name", asked=count)

    def commit() -> None:
        registry.drop_listing(venue.id, event.id)

    return Act(name, f"{name} is removed", rows_of.unlist(venue.id, event.first_instrument, event.n), commit, {"event": event.id})


def _account(registry: Definitions, account: Account, engine: EngineLike) -> Words:
    if account.record is None:
        raise bad("name", f"{account.name} is an account of the platform or a venue: it is not closed")
    orders = state.Account.of(engine.m, account.id).open_orders
    positions = [
        f"{quantity} of {registry.instruments[registry.events[event].first_instrument + index].symbol}"
        for event, index, quantity in state.positions(engine.m, account.id, [event.id for event in registry.events])
    ]
    money = []
    for asset in registry.assets:
        cash = state.balance(engine.m, account.id, asset.id)
        if cash is not None and cash[0]:
            money.append(f"{numbers.unscaled(cash[0], asset.record.decimals)} {asset.name}")
    holds = [f"{hold.kind} {hold.id}" for hold in registry.holds.of(account.id)]
    parts = [f"{orders} open order{'s' if orders > 1 else ''}"] if orders else []
    parts += [_some(what, found) for what, found in (("a position of", positions), ("", money), ("", holds)) if found]
    if parts:
        text = f"account {account.name} is not empty: it has {', '.join(parts)}"
        raise Refused(codes.R_NOT_EMPTY, text, "name", asked=orders + len(positions) + len(money) + len(holds))
    return rows_of.account(account.id, account.firm, account.kind, account.session, account.venue, account.name, closed=True)


def _firm(registry: Definitions, firm: Firm, engine: EngineLike) -> Words:
    accounts = [account.name for account in registry.accounts if account.firm == firm.id and account.closed is None]
    sessions = [s.name for s in registry.sessions if s.firm == firm.id and state.Session.of(engine.m, s.id).logged_on]
    parts = [_some(what, found) for what, found in (("the open account", accounts), ("the logged-on session", sessions)) if found]
    if parts:
        text = f"firm {firm.name} is in use: it has {', '.join(parts)}"
        raise Refused(codes.R_NOT_EMPTY, text, "name", asked=len(accounts) + len(sessions))
    return rows_of.firm(firm.id, firm.record, closed=True)


def _some(what: str, found: list[str]) -> str:
    """ "a position of 5 of X, -3 of Y and 2 more" """
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"{what} {', '.join(found[:NAMED])}{more}".strip()


def is_closed(registry: Definitions, session: Session) -> Closed | None:
    """Why a session may not log on: it or its firm is closed; None: neither is."""
    firm = registry.firms.get(session.firm)
    return session.closed or (firm.closed if firm is not None else None)
