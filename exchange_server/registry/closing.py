"""The end of accounts, firms and sessions: what must be true first, and the row that tells the core.

An account must be empty: no open orders, no positions, no money, no holds. A firm: all its accounts closed and no session logged on. A session can
be closed at any time; the gateway ends its connection. Nothing is removed: what is closed stays in the history under its name.
"""

from typing import Any

import msgspec

from config import admin_records as ar
from protocol import codes, numbers

from .. import state
from . import checks, members
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Account, Closed, Firm, Session

NAMED = 3  # things of a kind that a refusal names; of the others it tells how many


def close(registry: Definitions, record: ar.Close, who: str, engine: EngineLike) -> Act:
    """The act of a Close record. Raises Refused."""
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
