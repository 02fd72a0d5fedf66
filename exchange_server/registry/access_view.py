"""Principals, their roles, and what waits for a second person, as an asker may see them; and other views cut down to that. Read only."""

from typing import Any

import msgspec

from . import pending, scopes
from .access import PREFIX, Sight
from .definitions import Definitions
from .tables import Event, Principal, Table


def whoami(sight: Sight) -> dict[str, Any]:
    """Who asks, and what it may do. Keys: who, every_right, roles: list of role, scope, until_ns."""
    roles = [{"role": held.role, "scope": held.scope, "until_ns": held.until_ns} for held, _ in sight.held]
    return {"who": sight.who, "every_right": sight.every_right, "roles": roles}


def principals_view(registry: Definitions, sight: Sight, name: str = "") -> list[dict[str, Any]]:
    """One entry for each principal that the asker sees (or the one named). Keys: name, record, roles: list of role, scope, until_ns, live, who
    (granted it), at_ns. Of somebody who holds roles elsewhere too, only those within the asker's venues are shown. Raises Refused."""
    if name:
        return [_principal(sight, sight.find("principal", (), name))]
    return [_principal(sight, row) for row in registry.principals if sight.sees("principal", row)]


def _principal(sight: Sight, row: Principal) -> dict[str, Any]:
    own = sight.who == PREFIX + row.name
    roles = [
        {**msgspec.structs.asdict(held), "live": held.holds(sight.now_ns) and not row.record.closed}
        for held in row.grants
        if sight.whole or own or scopes.parse(held.scope).venue in sight.venues
    ]
    record = msgspec.structs.asdict(row.record)
    return {"name": row.name, "record": record, "roles": roles}


def pending_view(registry: Definitions, sight: Sight) -> list[dict[str, Any]]:
    """One entry for each act that waits and that the asker may see, the oldest first. Keys: id, act (its name on the list), title, who
    proposed it, at_ns, expires_ns, expired, record (without verifiers and the legs of a bust)."""
    shown = []
    for row in registry.pending.values():
        if not pending.may_see(sight, row):
            continue
        record = msgspec.to_builtins(row.record)
        for one in (record, *record.get("records", ())):
            one.pop("verifier", None)
            one.pop("legs", None)  # accounts and orders of both sides
        shown.append(
            {
                "id": row.id, "act": row.entry, "title": pending.BY_NAME[row.entry].title, "who": row.who, "at_ns": row.at_ns,
                "expires_ns": row.expires_ns, "expired": sight.now_ns >= row.expires_ns, "record": record,
            }
        )  # fmt: skip
    return shown


# ---------------------------------------------------------------------------------------- views cut down to what is seen
def markets_seen(registry: Definitions, sight: Sight, markets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of a market view: the events that the asker sees. Whom another venue's market admits besides is not told."""
    if sight.whole:
        return markets
    shown = []
    for market in markets:
        event = registry.events.named(market["event"])
        if event is None or not sight.sees("event", event):
            continue
        shown.append({**market, "terms": {**market["terms"], "admits": _admits(sight, event)}})
    return shown


def _admits(sight: Sight, event: Event) -> list[str]:
    own = event.record.owner_venue in sight.named_venues
    return [name for name in event.record.admits if own or name in sight.named_venues]


def members_seen(registry: Definitions, sight: Sight, kind: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of rows of one kind (member_view.py), which are the asker's already: without what tells of others."""
    if sight.whole:
        return rows
    if kind == "asset":
        return [{"name": row["name"], "record": row["record"]} for row in rows]
    if kind == "market":
        events = registry.events
        return [{**row, "record": {**row["record"], "admits": _admits(sight, _event(events, row["name"]))}} for row in rows]
    return rows


def _event(events: Table[Event], name: str) -> Event:
    event = events.named(name)
    assert event is not None
    return event


def listings_seen(registry: Definitions, sight: Sight, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of listings of markets that the asker sees: its venues' own, and all of its own markets."""
    if sight.whole:
        return rows
    own = sight.named_venues
    return [row for row in rows if row["venue"] in own or _event(registry.events, row["event"]).record.owner_venue in own]


def accounts_seen(registry: Definitions, sight: Sight, view: dict[str, Any]) -> dict[str, Any]:
    """Of an account view: accounts and sessions that the asker sees, and their open orders' count. Totals of the whole exchange are not told."""
    if sight.whole:
        return view
    own = [row for row in view["accounts"] if _sees(registry.accounts, sight, row["name"])]
    logins = [row for row in view["sessions"] if _sees(registry.sessions, sight, row["name"])]
    return {"accounts": own, "sessions": logins, "open_orders": sum(len(row["orders"]) for row in own)}


def _sees(table: Table[Any], sight: Sight, name: str) -> bool:
    row = table.named(name)
    return row is not None and sight.sees(table.kind, row)


def keys_seen(registry: Definitions, sight: Sight, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in keys if sight.sees("key", registry.keys[row["id"]])]


def status_seen(registry: Definitions, sight: Sight, status: dict[str, Any]) -> dict[str, Any]:
    """Of the server's status: exchange time, the asker's venues, and which of their sessions are logged on."""
    if sight.whole:
        return status
    own = [name for name in status.get("logged_on", []) if _sees(registry.sessions, sight, name)]
    return {"time_ns": sight.now_ns, "venues": sorted(sight.named_venues), "logged_on": own}
