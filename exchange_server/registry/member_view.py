"""What an operator is shown of assets, venues, firms, accounts, sessions, markets and listings: their records and how they are now. Read only.

Each row has `name`, `record` (the fields of its admin record in the record's units, without secrets; null for a fee account, which has none) and
what the core knows of it. Amounts in minor units.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from config.fields import fields_of

from .. import state
from .access import Sight
from .definitions import Definitions
from .engine_like import Words
from .holds import HOLDS_ACCOUNT, Hold
from .tables import Account, Asset, Event, Firm, Session, Venue

Row = dict[str, Any]


def view(registry: Definitions, m: Words, kind: str, name: str, sight: Sight) -> list[Row]:
    """The rows of a kind (a key of VIEWS) that the asker sees, or the one of that name; raises Refused, naming the nearest, when there is none."""
    table, row_of = VIEWS[kind]
    found = [sight.find(table, (), name)] if name else [row for row in sight.table(table) if sight.sees(table, row)]
    if kind == "account":
        found = [row for row in found if row.id != HOLDS_ACCOUNT]  # its money is shown with its owners
        held = _balances(registry, m, {row.id for row in found} if name else None)
        return [row_of(registry, m, row, sight) | {"balances": held.get(row.id, {})} for row in found]
    return [row_of(registry, m, row, sight) for row in found]


def after(sight: Sight, kind: str, id: int) -> Iterator[int | None]:
    """The ids of a kind above this one, in order: None for a row that is not shown to the asker."""
    table: Any = sight.table(VIEWS[kind][0])
    for number in range(id + 1, table.next_id):
        one = table.get(number)
        hidden = one is None or (kind == "account" and number == HOLDS_ACCOUNT) or not sight.sees(table.kind, one)
        yield None if hidden else number


def row(registry: Definitions, m: Words, kind: str, id: int, sight: Sight) -> Row:
    """The row of one id, which is there; a firm's without the counts of its accounts and sessions (`members_of`)."""
    table, row_of = VIEWS[kind]
    one: Any = sight.table(table).get(id)
    if kind == "firm":
        return _firm_now(registry, m, one)
    made = row_of(registry, m, one, sight)
    return made | {"balances": _balances_of(registry, m, id)} if kind == "account" else made


def members_of(sight: Sight, kind: str) -> Iterator[int]:
    """The firm of each account or session that the asker sees, in the order of their ids; 0 for one that it does not."""
    table: Any = sight.table(kind)
    for id in range(1, table.next_id):
        one = table.get(id)
        yield one.firm if one is not None and sight.sees(kind, one) else 0


def _balances_of(registry: Definitions, m: Words, account: int) -> dict[str, dict[str, int]]:
    """Of one account, as `_balances` has them."""
    out: dict[str, dict[str, int]] = {}
    for asset in registry.assets:
        if (held := state.balance(m, account, asset.id)) is not None:
            out[asset.name] = {"cash": held[0], "locked": held[1], "held": 0}
    for hold in registry.holds.of(account):
        own = out.setdefault(registry.assets[hold.asset].name, {"cash": 0, "locked": 0, "held": 0})
        own["cash"] += hold.amount
        own["held"] += hold.amount
    return out


def shown(record: Any) -> Row | None:
    """The fields of a record, without its type and secrets."""
    if record is None:
        return None
    content: Row = msgspec.to_builtins(record)
    kind: Any = type(record)
    return {field.name: content[field.name] for field in fields_of(kind) if "secret" not in (field.name, field.key)}


def _asset(registry: Definitions, m: Words, row: Asset, sight: Sight) -> Row:  # noqa: ARG001 (VIEWS)
    return {"name": row.name, "record": shown(row.record), "external": state.Asset.of(m, row.id).external}


def _venue(registry: Definitions, m: Words, row: Venue, sight: Sight) -> Row:
    now = state.Venue.of(m, row.id)
    events = sum(event.record.owner_venue == row.name and sight.sees("event", event) for event in registry.events)
    frozen = registry.freezes.get(row.id)
    return {
        "name": row.name, "record": shown(row.record), "fee_account": registry.accounts[row.fee_account].name, "markets": events,
        "killed": now.killed, "freeze": frozen.level if frozen else "none",
    }  # fmt: skip


def _firm(registry: Definitions, m: Words, row: Firm, sight: Sight) -> Row:
    accounts = sum(account.firm == row.id and sight.sees("account", account) for account in registry.accounts)
    sessions = sum(session.firm == row.id and sight.sees("session", session) for session in registry.sessions)
    return _firm_now(registry, m, row) | {"accounts": accounts, "sessions": sessions}


def _firm_now(registry: Definitions, m: Words, row: Firm) -> Row:  # noqa: ARG001 (VIEWS)
    now = state.Firm.of(m, row.id)
    return {"name": row.name, "record": shown(row.record), "open_orders": now.open_orders, "killed": now.killed, "closed": _closed(row)}


def _account(registry: Definitions, m: Words, row: Account, sight: Sight) -> Row:  # noqa: ARG001 (VIEWS)
    now = state.Account.of(m, row.id)
    firm, venue, session = registry.firms.get(row.firm), registry.venues.get(row.venue), registry.sessions.get(row.session)
    return {
        "name": row.name, "record": shown(row.record), "firm": firm.name if firm else "", "venue": venue.name if venue else "",
        "session": session.name if session else "", "open_orders": now.open_orders, "killed": now.killed, "closed": _closed(row),
        "holds": [_hold(registry, hold) for hold in registry.holds.of(row.id)],
    }  # fmt: skip


def _hold(registry: Definitions, hold: Hold) -> Row:
    asset = registry.assets[hold.asset].name
    return {
        "id": hold.id, "kind": hold.kind, "asset": asset, "amount": hold.amount, "until_ns": hold.until_ns, "at_ns": hold.at_ns,
        "note": hold.note, "who": hold.who,
    }  # fmt: skip


def _closed(row: Firm | Account | Session) -> str:
    """Why it was closed; "": it is not."""
    return row.closed.reason if row.closed is not None else ""


def _market(registry: Definitions, m: Words, row: Event, sight: Sight) -> Row:  # noqa: ARG001 (VIEWS)
    return {"name": row.name, "record": shown(row.record)}


def _balances(registry: Definitions, m: Words, wanted: set[int] | None) -> dict[int, dict[str, dict[str, int]]]:
    """By account id and asset: cash (with what is on hold), locked and held, minor units."""
    out: dict[int, dict[str, dict[str, int]]] = {}
    for account, asset, cash, locked in state.balances(m):
        if wanted is None or account in wanted:
            out.setdefault(account, {})[registry.assets[asset].name] = {"cash": cash, "locked": locked, "held": 0}
    for hold in registry.holds:
        if not hold.ended and (wanted is None or hold.account in wanted):
            own = out.setdefault(hold.account, {}).setdefault(registry.assets[hold.asset].name, {"cash": 0, "locked": 0, "held": 0})
            own["cash"] += hold.amount
            own["held"] += hold.amount
    return out


def _session(registry: Definitions, m: Words, row: Session, sight: Sight) -> Row:  # noqa: ARG001 (VIEWS)
    now = state.Session.of(m, row.id)
    return {
        "name": row.name, "record": shown(row.record), "firm": registry.firms[row.firm].name, "logged_on": now.logged_on,
        "next_out": now.next_out, "next_in": now.next_in, "killed": now.killed, "closed": _closed(row),
    }  # fmt: skip


def listing_view(registry: Definitions, venue: str, event: str, sight: Sight) -> list[Row]:
    """Every venue's offer of every market that the asker sees, or those of one venue or one market. Raises Refused for an unknown name."""
    venue_id = sight.find("venue", (), venue).id if venue else 0
    event_id = sight.find("event", (), event).id if event else 0
    rows = []
    for (at, of), fees in sorted(registry.listings.items(), key=lambda item: item[0]):
        if venue_id in (0, at) and event_id in (0, of) and sight.sees("event", registry.events[of]):
            market = registry.events[of]
            names = {"venue": registry.venues[at].name, "event": market.name}
            owner = market.record.owner_venue == names["venue"]
            rows.append({**names, "owner": owner, "record": {**names, "fees": msgspec.to_builtins(fees)}})
    return rows


VIEWS: dict[str, tuple[str, Callable[[Definitions, Words, Any, Sight], Row]]] = {
    "asset": ("asset", _asset),
    "venue": ("venue", _venue),
    "firm": ("firm", _firm),
    "account": ("account", _account),
    "session": ("session", _session),
    "market": ("event", _market),
}
