"""The records about acts in time: `schedule`, `schedule_cancel`, and `run_due`, which the server journals when a row is due."""

from typing import Any

import msgspec

from config import admin_records as ar
from config import plan as words
from protocol import codes, units

from . import checks, scopes, series, timetable
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refused
from .roles import tag_of
from .schedule import MOST, MOST_OF_ONE, Scheduled
from .tables import Event

Planned = Any  # (registry, envelope, engine) -> Act


def about(registry: Definitions, record: ar.AnyRecord) -> str:
    """What a scheduled act belongs to: "event:NAME", else ""."""
    place = scopes.scope_of(registry, record)
    return timetable.about(place.event) if place.event else ""


def of_venue(registry: Definitions, venue: str) -> list[Scheduled]:
    """What waits for a venue and its markets, by (time, number). The times of markets and the listings of series are left out: they follow from these."""
    found = []
    for row in registry.schedule.all_waiting():
        if row.who == timetable.WHO or row.about.startswith(series.about("")):
            continue
        place = scopes.scope_of(registry, row.record)
        event = registry.events.named(place.event) if place.event else None
        if place.venue == venue and (event is None or event.record.owner_venue == venue):
            found.append(row)
    return found


def schedule(registry: Definitions, record: ar.Schedule, who: str, engine: EngineLike, plan: Planned) -> Act:
    """Keep an act for its time. It is checked now as if it were done now, apart from what the core would say of the phase."""
    now_ns = int(engine.time_ns)
    if record.at_ns <= now_ns:
        text = f"must be later than now, {units.instant(now_ns)}, asked {units.instant(record.at_ns)}"
        raise Refused(codes.R_SCHEDULE_PAST, text, "at_ns", now_ns, record.at_ns)
    for used, limit, whose in ((registry.schedule.waiting(), MOST, ""), (registry.schedule.of(who), MOST_OF_ONE, f" of {who}")):
        if used >= limit:
            raise Refused(
                codes.R_TABLE_FULL, f"{used} acts{whose} wait for their time already, the limit is {limit}", (), limit, used + 1, used
            )
    try:
        tried = plan(registry, ar.AdminEnvelope(who, "", record.act), engine)
    except Refused as refused:
        raise Refused.of(msgspec.structs.replace(refused.refusal, key=("act", *refused.refusal.key))) from None
    if tried.changed == ():
        raise Refused(codes.R_BAD_DEFINITION, f"it would change nothing: {tried.text}", "act")
    id = registry.schedule.next_id
    fields = (tried.changed or ()) if isinstance(record.act, ar.DefineMarket | ar.DefineListing) else ()

    def commit() -> None:
        registry.schedule.put(record.at_ns, record.act, who, about(registry, record.act), tag_of(record.act), record.note, now_ns, fields)

    text = f"{described(record.act, fields)} at {units.instant(record.at_ns)}: scheduled as {id}"
    return Act(f"schedule of {tag_of(record.act)}", text, [], commit, {"schedule": id, "at_ns": record.at_ns})


def described(record: ar.AnyRecord, fields: tuple[str, ...] = ()) -> str:
    """A scheduled act in a few words."""
    return words.describe(record) + (f", change of {', '.join(fields)}" if fields else "")


def _waiting(registry: Definitions, id: int) -> Scheduled:
    row = registry.schedule.get(id)
    if row is None:
        raise checks.no_schedule(id)
    if row.ended:
        why = f" ({row.reason})" if row.reason else ""
        raise Refused(codes.R_SCHEDULE_ENDED, f"{id} is {row.ended} since {units.instant(row.ended_ns)}{why}", "id", asked=id)
    return row


def cancel(registry: Definitions, record: ar.CancelSchedule, who: str, engine: EngineLike) -> Act:
    row = _waiting(registry, record.id)
    now_ns, note = int(engine.time_ns), f": {record.note}" if record.note else ""

    def commit() -> None:
        registry.schedule.end(row.id, "cancelled", now_ns, f"by {who}{note}")

    text = f"{row.id} ({described(row.record, row.fields)} at {units.instant(row.at_ns)}) is cancelled{note}"
    return Act(f"schedule {row.id}", text, [], commit, {"schedule": row.id})


def due(registry: Definitions, record: ar.RunDue, now_ns: int) -> Scheduled:
    """The row that is to be carried out. Raises Refused."""
    row = _waiting(registry, record.id)
    if row.at_ns > now_ns:
        text = f"{row.id} is due at {units.instant(row.at_ns)}, the time is {units.instant(now_ns)}"
        raise Refused(codes.R_SCHEDULE_EARLY, text, "id", row.at_ns, now_ns)
    return row


def waits_for(registry: Definitions, row: Scheduled, engine: EngineLike) -> Event | None:
    """The event that is being settled, so that a due row waits; None: there is none."""
    if isinstance(row.record, ar.DefineMarket) and row.fields and "bands" not in row.fields:
        return None
    return checks.settling(registry, row.record, engine)


def record_now(registry: Definitions, row: Scheduled) -> ar.AnyRecord:
    """What a due row does: of a definition that has changed since, only the fields of the row change."""
    record = row.record
    if not row.fields:
        return record
    now: Any = None
    if isinstance(record, ar.DefineMarket):
        event = checks.find(registry.events, "event", record.event)
        now = event.record
    elif isinstance(record, ar.DefineListing):
        venue = checks.find(registry.venues, "venue", record.venue)
        event = checks.find(registry.events, "event", record.event)
        now = msgspec.structs.replace(record, fees=registry.listings.get((venue.id, event.id), record.fees))
    return msgspec.structs.replace(now, **{field: getattr(record, field) for field in row.fields}) if now is not None else record
