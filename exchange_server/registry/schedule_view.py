"""Scheduled acts, as an asker may see them. Read only."""

from typing import Any

import msgspec

from . import timed_acts
from .access import Sight, sees_scheduled
from .definitions import Definitions


def schedule_view(registry: Definitions, sight: Sight, id: int = 0, about: str = "", ended: bool = False) -> list[dict[str, Any]]:
    """One entry for each scheduled act that the asker sees: those that wait by (time, number), then, with `ended`, those that have ended, by number. `id`:
    only this one, ended or not; `about`: only what belongs to it ("event:NAME").

    Keys: id, at_ns, act (in words), kind, about, who, note, made_ns, fields, record, ended ("", done, failed, cancelled), ended_ns, reason, waits_for (the name of the event that is being settled, "": none)."""
    rows = [
        row for row in registry.schedule if (not id or row.id == id) and (not about or row.about == about) and sees_scheduled(sight, row)
    ]
    waiting = sorted((row for row in rows if not row.ended), key=lambda row: (row.at_ns, row.id))
    shown = [*waiting, *(row for row in rows if row.ended and (ended or id))]
    return [
        {
            **msgspec.structs.asdict(row),
            "record": msgspec.to_builtins(row.record),
            "act": timed_acts.described(row.record, row.fields),
            "waits_for": registry.events[row.waits_for].name if row.waits_for else "",
        }  # fmt: skip
        for row in shown
    ]


def schedule_status(registry: Definitions) -> dict[str, Any]:
    """For the server's status. Keys: waiting, next_at_ns (0: nothing waits for its time), failed (of those that are kept), overdue: names of markets."""
    schedule = registry.schedule
    return {
        "waiting": schedule.waiting(),
        "next_at_ns": schedule.next_due,
        "failed": sum(row.ended == "failed" for row in schedule),
        "overdue": [event.name for event in registry.events if event.overdue_ns],
    }


def series_view(registry: Definitions, sight: Sight, name: str = "") -> list[dict[str, Any]]:
    """One entry for each series that the asker sees, or the one named. Keys: name, record, closed (None: it is not), next_at_ns (of the next listing, 0:
    none), markets: names of its events. Raises Refused."""
    rows = [sight.find("series", "name", name)] if name else [row for row in registry.series if sight.sees("series", row)]
    return [
        {
            "name": row.name,
            "record": msgspec.to_builtins(row.record),
            "closed": row.closed,
            "next_at_ns": min((one.at_ns for one in registry.schedule.waiting_for(f"series:{row.name}")), default=0),
            "markets": [event.name for event in registry.events if event.record.series == row.name and sight.sees("event", event)],
        }
        for row in rows
    ]
