"""The freeze of a venue: the act, and what it stops of the operators' acts. What it stops of clients' requests is the core's."""

from config import rule_records as rr
from protocol import errors, freeze

from . import checks
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .refused import Refused
from .tables import Event, Venue


def freeze_venue(registry: Definitions, record: rr.Freeze) -> Act:
    venue: Venue = checks.find(registry.venues, "venue", record.venue)
    now = registry.freezes.get(venue.id)
    level = freeze.BY_NAME[record.level]
    if now == record or now is None and level == freeze.NONE:
        return checks.unchanged("freeze of", record.venue, venue.id)

    def commit() -> None:
        if level == freeze.NONE:
            del registry.freezes[venue.id]
        else:
            registry.freezes[venue.id] = record

    text = f"venue {record.venue} is no longer frozen" if level == freeze.NONE else f"venue {record.venue} is frozen: {record.level}"
    return Act(f"freeze of {record.venue}", text, [rows_of.freeze(venue.id, level)], commit, {"id": venue.id, "level": level})


def check(registry: Definitions, event: Event, action: str) -> None:
    """Refuse an operator's act (freeze.PHASE, freeze.SETTLE) in a market whose owner is frozen so far."""
    owner = registry.venues.named(event.record.owner_venue)
    frozen = registry.freezes.get(owner.id) if owner is not None else None
    if frozen is None:
        return
    level = freeze.BY_NAME[frozen.level]
    if freeze.stops(level, action):
        code = freeze.REFUSALS[level]
        raise Refused(code, f"{event.name} belongs to venue {event.record.owner_venue}: {errors.REFUSALS[code].template}", "event")
