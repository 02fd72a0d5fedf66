"""What operators are shown of revisions, plans and whole venues: nothing of what checks a logon."""

from typing import Any

import msgspec

from config import admin_records as ar

from . import checks, revisions, scopes
from .configuration import CHANGED, Trial
from .definitions import Definitions


def plan_view(registry: Definitions, record: ar.Configuration, trial: Trial) -> dict[str, Any]:
    """What a configuration would change, and what it would be refused for. Of what changes: the definition as it is."""
    content = revisions.content_of(registry, trial.ask(record))
    changes = []
    for change in trial.changes:
        shown = msgspec.to_builtins(change)
        if change.kind == CHANGED:
            shown["before"] = revisions.stored(registry, record.records[change.record])
        changes.append(shown)
    return {
        "revision": revisions.newest(registry),
        "digest": revisions.digest_of(content),
        "changes": changes,
        "settings": {key: [content.former.get(key), value] for key, value in content.settings.items()},
        "refusals": trial.refusals,
    }


def rollback_view(registry: Definitions, record: ar.Rollback) -> tuple[ar.Configuration, list[str]]:
    """The configuration of a rollback, and what it cannot undo. Raises Refused."""
    found = revisions.undo(registry, record)
    return found.configuration, found.cannot


def revisions_view(registry: Definitions, most: int) -> dict[str, Any]:
    """The newest revisions, the newest first."""
    now = revisions.newest(registry)
    return {
        "revision": now,
        "kept_from": min(registry.contents, default=0),
        "revisions": [registry.revisions[number] for number in range(now, max(0, now - most), -1)],
    }


def revision_view(registry: Definitions, number: int) -> dict[str, Any]:
    """One revision with what it changed. Raises Refused."""
    found = revisions.content(registry, number)
    return {
        "head": registry.revisions[number],
        "changes": found.changes,
        "settings": {key: [found.former.get(key), value] for key, value in found.settings.items()},
        "assets": registry.decimals(),
    }


def export_view(registry: Definitions, venue: str) -> dict[str, Any]:
    """The definitions of a venue as they run: itself, its firms with their accounts and sessions, its markets and listings. Raises Refused."""
    row = checks.find(registry.venues, "venue", venue)
    records: list[Any] = [row.record]
    firms = [firm for firm in registry.firms if firm.record.venue == venue]
    own = {firm.id for firm in firms}
    records += [firm.record for firm in firms]
    records += [one.record for one in registry.accounts if one.record is not None and one.firm in own]
    records += [one.record for one in registry.sessions if one.firm in own]
    records += [event.record for event in registry.events if event.record.owner_venue == venue]
    for (venue_id, event_id), fees in registry.listings.items():
        event = registry.events[event_id]
        if venue_id == row.id and event.record.owner_venue != venue:
            records.append(ar.DefineListing(venue=venue, event=event.name, fees=fees))
    elsewhere = [
        one.name
        for one in registry.accounts
        if one.record is not None and one.firm not in own and scopes.of_account(registry, one).venue == venue
    ]
    return {"revision": revisions.newest(registry), "assets": registry.decimals(), "records": records, "elsewhere": elsewhere}
