# tidy: allow test-file because tests/cli/test_venue_import.py moves venues with series and scheduled acts
"""Series and scheduled acts of a venue that moves here: what must be true of them, and how they go on."""

from typing import Any

import msgspec

from config import admin_records as ar
from protocol import codes, units

from . import scopes, timed_acts
from . import series as series_of
from .access import PREFIX
from .definitions import Definitions
from .refused import Refused, bad
from .roles import tag_of
from .schedule import MOST
from .tables import Closed, Series


def check(after: Definitions, record: ar.Opening) -> None:
    """`after`: the tables with the definitions of the archive. Raises Refused."""
    principals = {one.name for one in record.rules if isinstance(one, ar.DefinePrincipal)}
    askers: tuple[tuple[str, tuple[Any, ...]], ...] = (("series", record.series), ("scheduled", record.scheduled))
    for part, rows in askers:
        for i, row in enumerate(rows):
            if row.who and row.who not in principals:
                raise bad((part, i, "who"), f"{row.who} is no principal of the archive")
    names: set[str] = set()
    for i, one in enumerate(record.series):
        _series(after, record.venue, i, one, names)
    for used, limit, more, what in (
        (len(after.series), series_of.MOST, len(record.series), "series"),
        (after.schedule.waiting(), MOST, len(record.scheduled), "acts that wait for their time"),
    ):
        if used + more > limit:
            text = f"this server has room for {limit} {what}, {used} are used, {more} more were requested"
            raise Refused(codes.R_TABLE_FULL, text, (), limit, more, used)
    for i, act in enumerate(record.scheduled):
        _scheduled(after, record.venue, i, act)


def _series(after: Definitions, venue: str, i: int, one: ar.OpeningSeries, names: set[str]) -> None:
    name = one.record.name
    if after.series.named(name) is not None or name in names:
        raise bad(("series", i, "record", "name"), f"there is a series {name} already")
    names.add(name)
    if one.record.owner_venue != venue:
        raise bad(("series", i, "record", "owner_venue"), f"{name} is of venue {one.record.owner_venue}, not of {venue}")
    try:
        series_of.check_itself(one.record)
    except Refused as refused:
        raise Refused.of(msgspec.structs.replace(refused.refusal, key=("series", i, "record", *refused.refusal.key))) from None


def _scheduled(after: Definitions, venue: str, i: int, one: ar.OpeningScheduled) -> None:
    place = scopes.scope_of(after, one.act)
    event = after.events.named(place.event) if place.event else None
    if place.venue != venue or (event is not None and event.record.owner_venue != venue):
        raise bad(("scheduled", i, "act"), f"{timed_acts.described(one.act, one.fields)} is no act of venue {venue}")
    fields = one.act.__struct_fields__ if isinstance(one.act, ar.DefineMarket | ar.DefineListing) else ()
    for field in one.fields:
        if field not in fields:
            raise bad(("scheduled", i, "fields"), f"a record {tag_of(one.act)} has no field {field} that may change by itself")


def put(after: Definitions, record: ar.Opening, who: str, now_ns: int) -> None:
    """In the commit of an import; who: in whose name what has no principal of the archive is done. An act whose time has passed has failed."""
    for one in record.series:
        closed = Closed(who, now_ns, one.closed) if one.closed else None
        after.series.put(Series(after.series.next_id, one.record, closed))
        if closed is None:
            series_of.put_next(after, one.record, _asker(one.who, who), now_ns)
    for act in record.scheduled:
        id = after.schedule.put(
            act.at_ns, act.act, _asker(act.who, who), timed_acts.about(after, act.act), tag_of(act.act), act.note, now_ns, act.fields
        )
        if act.at_ns <= now_ns:
            after.schedule.end(
                id, "failed", now_ns, f"its time, {units.instant(act.at_ns)}, had passed when venue {record.venue} was imported"
            )


def _asker(principal: str, who: str) -> str:
    return PREFIX + principal if principal else who
