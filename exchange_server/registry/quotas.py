"""Quotas of venues: what the platform grants, how much is used. What the core counts (open orders, messages, journal bytes) it also refuses;
sessions, instruments and listings are refused here, when they are defined.
"""

from typing import Any, NamedTuple

from config import rule_records as rr
from protocol import codes

from .. import state
from . import checks, scopes
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Venue

NAMES = tuple(field for field in rr.Quota.__struct_fields__ if field != "venue")
WORDS = {name: name.replace("_per_second", " a second").replace("_", " ") for name in NAMES}


class Use(NamedTuple):
    """limit 0: none."""

    limit: int
    used: int


def granted(registry: Definitions, venue: int) -> rr.Quota:
    return registry.quotas.get(venue, rr.Quota(venue=registry.venues[venue].name, **dict.fromkeys(NAMES, 0)))


def defined(registry: Definitions, venue: int) -> dict[str, int]:
    """How many sessions, instruments and listings a venue has."""
    name = registry.venues[venue].name
    own = [event for event in registry.events if event.record.owner_venue == name]
    return {
        "sessions": sum(scopes.of_session(registry, session).venue == name for session in registry.sessions),
        "instruments": sum(event.n for event in own),
        "listings": sum(registry.events[event].n for at, event in registry.listings if at == venue),
    }


def used(registry: Definitions, m: Words, venue: int) -> dict[str, Use]:
    """Of each quota: what is granted and what is used, of those a second in the second that runs."""
    row = state.Venue.of(m, venue)
    counts = {
        **defined(registry, venue),
        "open_orders": row.open_orders,
        "messages_per_second": row.messages,
        "journal_bytes_per_second": row.journal_bytes,
    }
    quota = granted(registry, venue)
    return {name: Use(getattr(quota, name), counts[name]) for name in NAMES}


def check(registry: Definitions, venue_name: str, name: str, more: int) -> None:
    """Refuse when so many more would go beyond the venue's quota. "": the platform, which has none."""
    row = registry.venues.named(venue_name)
    venue = row.id if row is not None else 0
    quota = registry.quotas.get(venue)
    limit = getattr(quota, name) if quota is not None else 0
    if not limit:
        return
    used = defined(registry, venue)[name]
    if used + more > limit:
        text = f"venue {venue_name} uses {used} of its quota of {limit} {WORDS[name]}, {more} more were requested"
        raise Refused(codes.R_QUOTA, text, (), limit, more, used)


def quota(registry: Definitions, record: rr.Quota, engine: EngineLike) -> Act:
    venue: Venue = checks.find(registry.venues, "venue", record.venue)
    old = granted(registry, venue.id)
    new = rr.Quota(venue=venue.name, **{name: _value(record, old, name) for name in NAMES})
    if new.journal_bytes_per_second and new.journal_bytes_per_second < rr.JOURNAL_BYTES_MIN:
        least = rr.JOURNAL_BYTES_MIN
        asked = new.journal_bytes_per_second
        raise bad("journal_bytes_per_second", f"must be 0 (no limit) or at least {least}, asked {asked}", least, asked)
    changed = tuple(name for name in NAMES if getattr(new, name) != getattr(old, name))
    if not changed:
        return checks.unchanged("quota of", record.venue, venue.id)
    rows = [rows_of.venue(venue.id, venue.fee_account, venue.record, new)]

    def commit() -> None:
        registry.quotas[venue.id] = new

    text = f"quota of {record.venue} changed: " + ", ".join(f"{WORDS[name]} {getattr(new, name) or 'without limit'}" for name in changed)
    over = [
        f"{count} {WORDS[name]} are in use" for name, count in _now(registry, engine, venue.id).items() if 0 < getattr(new, name) < count
    ]
    if over:
        text += f" ({', '.join(over)}: nothing is taken away, no more are accepted)"
    return Act(f"quota of {record.venue}", text, rows, commit, {"id": venue.id}, changed=changed)


def _value(record: rr.Quota, old: rr.Quota, name: str) -> Any:
    value = getattr(record, name)
    return getattr(old, name) if value is None else value


def _now(registry: Definitions, engine: EngineLike, venue: int) -> dict[str, int]:
    """What is used of the quotas that are not of a second."""
    m: Words = getattr(engine, "real", engine.m)  # a trial has a header of its own
    row = state.Venue.find(m, venue)
    return {**defined(registry, venue), "open_orders": row.open_orders if row is not None else 0}
