"""What operators are shown of revisions, plans and whole venues: nothing of what checks a logon."""

from typing import Any

import msgspec

from config import admin_records as ar
from protocol import codes, units

from . import access, checks, revisions, scopes, timed_acts
from .access import Sight
from .configuration import CHANGED, Trial
from .definitions import Definitions
from .refused import Refused
from .tables import Revision


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


def _seen(registry: Definitions, head: Revision, sight: Sight) -> Revision | None:
    """A revision as the asker may see it: what it changed of places within its sight; None: nothing. Its file and reason may be about others, and whether
    they are is not told: they are shown of what the asker or a principal of these places did there only."""
    if sight.whole:
        return head
    own = {venue: counts for venue, counts in head.places.items() if venue in sight.venues}
    if not own:
        return None
    new, changed = (sum(column) for column in zip(*own.values()))
    maker = registry.principals.named(head.who.removeprefix(access.PREFIX))
    theirs = head.who == sight.who or (maker is not None and maker.record.venue in sight.venues)
    text = {} if theirs and len(own) == len(head.places) else {"name": "", "why": "", "digest": ""}
    return msgspec.structs.replace(head, new=new, changed=changed, settings=0, places=own, **text)


def revisions_view(registry: Definitions, most: int, sight: Sight) -> dict[str, Any]:
    """The newest revisions that the asker sees, the newest first."""
    found = []
    for number in range(revisions.newest(registry), 0, -1):
        head = _seen(registry, registry.revisions[number], sight)
        if head is not None:
            found.append(head)
        if len(found) == most:
            break
    return {"revision": revisions.newest(registry), "kept_from": min(registry.contents, default=0), "revisions": found}


def revision_view(registry: Definitions, number: int, sight: Sight) -> dict[str, Any]:
    """One revision with what it changed. Raises Refused, in the same words for one that is not the asker's and for one that is not there."""
    there = registry.revisions.get(number)
    head = _seen(registry, there, sight) if there is not None else None
    if head is None:
        newest = next((n for n in range(revisions.newest(registry), 0, -1) if _seen(registry, registry.revisions[n], sight)), 0)
        raise Refused(codes.R_UNKNOWN_REVISION, f"there is no revision {number}: the newest is {newest}", "revision", newest, number)
    found = revisions.content(registry, number)
    own = [one for one in found.changes if sight.whole or scopes.scope_of(registry, one.after).venue in sight.venues]
    settings = found.settings if sight.whole else {}
    return {
        "head": head,
        "changes": own,
        "settings": {key: [found.former.get(key), value] for key, value in settings.items()},
        "assets": registry.decimals(),
    }


def export_view(registry: Definitions, venue: str) -> dict[str, Any]:
    """The definitions of a venue as they run: itself, its firms with their accounts and sessions, its markets, series
    and listings, tags, quotas and rules. `scheduled`: what waits for its time, in words; no file has it. Raises Refused."""
    row = checks.find(registry.venues, "venue", venue)
    records: list[Any] = [row.record]
    firms = [firm for firm in registry.firms if firm.record.venue == venue]
    own = {firm.id for firm in firms}
    records += [firm.record for firm in firms]
    records += [one.record for one in registry.accounts if one.record is not None and one.firm in own]
    records += [one.record for one in registry.sessions if one.firm in own]
    records += [event.record for event in registry.events if event.record.owner_venue == venue and event.closed is None]
    records += [one.record for one in registry.series if one.record.owner_venue == venue and one.closed is None]
    for (venue_id, event_id), fees in registry.listings.items():
        event = registry.events[event_id]
        if venue_id == row.id and event.record.owner_venue != venue:
            records.append(ar.DefineListing(venue=venue, event=event.name, fees=fees))
    records += [registry.tags[firm.id] for firm in firms if firm.id in registry.tags]
    records += [registry.quotas[row.id]] if row.id in registry.quotas else []
    events = {event.name for event in registry.events if event.record.owner_venue == venue}
    records += [
        rule.record
        for rule in sorted(registry.rules.values(), key=lambda rule: rule.number)
        if rule.record.venue == venue or rule.record.event in events
    ]
    scheduled = [
        f"{timed_acts.described(one.record, one.fields)} at {units.instant(one.at_ns)}" for one in timed_acts.of_venue(registry, venue)
    ]
    elsewhere = [
        one.name
        for one in registry.accounts
        if one.record is not None and one.firm not in own and scopes.of_account(registry, one).venue == venue
    ]
    return {
        "revision": revisions.newest(registry),
        "assets": registry.decimals(),
        "records": records,
        "elsewhere": elsewhere,
        "scheduled": scheduled,
    }
