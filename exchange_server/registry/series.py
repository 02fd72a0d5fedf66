"""Series of a venue: definition, end, and the next listing of a recurring one, which is a scheduled act."""

from typing import Any

import msgspec

from config import admin_records as ar
from config import series as texts
from config.series_records import HOUR_NS
from protocol import codes, units

from . import checks, markets
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refused, bad
from .tables import Closed, Series

MOST = 1_000
ONLY_RECURRING = "only a recurring series has one: set every"
LIST = "list"


def about(name: str) -> str:
    return f"series:{name}"


def define(registry: Definitions, record: ar.DefineSeries, who: str, engine: EngineLike) -> Act:
    checks.find(registry.venues, "owner_venue", record.owner_venue)
    old, now_ns = registry.series.named(record.name), int(engine.time_ns)
    if old is not None:
        return _changed(registry, old, ar.keeping(old.record, record), who, now_ns)
    if len(registry.series) >= MOST:
        raise Refused(codes.R_TABLE_FULL, f"there are {MOST} series already", (), MOST, MOST + 1, MOST)
    _check(registry, record, engine)
    row = Series(registry.series.next_id, record)
    next_ns = _next(record, now_ns)

    def commit() -> None:
        registry.series.put(row)
        put_next(registry, record, who, now_ns)

    when = f", first listing at {units.instant(next_ns)}" if next_ns else ""
    return Act(f"series {record.name}", f"series {record.name} defined{when}", [], commit, {"id": row.id, "next_at_ns": next_ns})


def _check(registry: Definitions, record: ar.DefineSeries, engine: EngineLike) -> None:
    """Raises Refused unless the next listing could be made now."""
    check_itself(record)
    if record.market is None:
        return
    next_ns = _next(record, int(engine.time_ns))
    if not next_ns:
        text = f"no listing is left before {units.instant(record.until_ns)}"
        raise Refused(codes.R_SCHEDULE_PAST, text, "until_ns", int(engine.time_ns), record.until_ns)
    try:
        markets.market(registry, texts.occurrence(record.market, next_ns), engine)
    except Refused as refused:
        raise Refused.of(msgspec.structs.replace(refused.refusal, key=("market", *refused.refusal.key))) from None


def check_itself(record: ar.DefineSeries) -> None:
    """What needs no table: raises Refused."""
    market = record.market
    if not record.every_ns:
        for key, value in (("first_at_ns", record.first_at_ns), ("until_ns", record.until_ns), ("market", market)):
            if value:
                raise bad(key, ONLY_RECURRING)
        return
    if record.every_ns < HOUR_NS:
        raise bad("every_ns", f"at least {units.duration(HOUR_NS)}, asked {units.duration(record.every_ns)}", HOUR_NS, record.every_ns)
    if market is None or not record.first_at_ns:
        raise bad("market" if market is None else "first_at_ns", "a recurring series has a market and the time of its first listing")
    if record.until_ns and record.until_ns < record.first_at_ns:
        text = f"must not be before first_at, {units.instant(record.first_at_ns)}, asked {units.instant(record.until_ns)}"
        raise Refused(codes.R_TIMES_ORDER, text, "until_ns", record.first_at_ns, record.until_ns)
    if market.owner_venue != record.owner_venue or market.series != record.name:
        raise bad(("market", "series"), f"its market is of series {record.name} and of venue {record.owner_venue}")
    for key, name in (("event", market.event), *((f"contracts[{i}].symbol", one.symbol) for i, one in enumerate(market.contracts))):
        if texts.DATE not in name and texts.DAY not in name:
            raise bad(("market", key), f'"{name}" would be listed again and again under one name: put {{date}} in it')


def _changed(registry: Definitions, old: Series, record: ar.DefineSeries, who: str, now_ns: int) -> Act:
    _refuse_closed(old)
    changed = checks.changes(old.record, record, f"series {record.name}")
    if not changed:
        return checks.unchanged("series", record.name, old.id)
    if record.until_ns and not record.every_ns:
        raise bad("until_ns", ONLY_RECURRING)

    def commit() -> None:
        registry.series.put(msgspec.structs.replace(old, record=record))
        if "until_ns" in changed:
            registry.schedule.cancel_for(about(record.name), LIST, now_ns, "until was changed")
            put_next(registry, record, who, now_ns)

    return Act(f"series {record.name}", f"series {record.name} changed: {', '.join(changed)}", [], commit, {"id": old.id}, changed=changed)


def _next(record: ar.DefineSeries, now_ns: int) -> int:
    return texts.next_after(record.first_at_ns, record.every_ns, record.until_ns, now_ns) if record.every_ns else 0


def put_next(registry: Definitions, record: ar.DefineSeries, who: str, now_ns: int) -> None:
    """Schedule the next listing, in the name of who defined the series, or changed its end; in the commit of an act."""
    at = _next(record, now_ns)
    if at and record.market is not None:
        registry.schedule.put(at, texts.occurrence(record.market, at), who, about(record.name), LIST, made_ns=now_ns)


def go_on(registry: Definitions, name: str, who: str, now_ns: int) -> None:
    """After a listing that was due, whether it was refused or not: schedule the next one."""
    row = registry.series.named(name)
    if row is not None and row.closed is None:
        put_next(registry, row.record, who, now_ns)


def _refuse_closed(row: Series) -> None:
    if row.closed is not None:
        text = f"series {row.name} was closed at {units.instant(row.closed.at_ns)} ({row.closed.reason})"
        raise Refused(codes.R_SERIES_CLOSED, text, "name", asked=row.id)


def close(registry: Definitions, record: ar.CloseSeries, who: str, engine: EngineLike) -> Act:
    row: Series = checks.find(registry.series, "name", record.name)
    if row.closed is not None and row.closed.reason == record.reason:
        return checks.unchanged("series", record.name, row.id)
    _refuse_closed(row)
    now_ns = int(engine.time_ns)

    def commit() -> None:
        registry.series.put(msgspec.structs.replace(row, closed=Closed(who, now_ns, record.reason)))
        registry.schedule.cancel_for(about(record.name), LIST, now_ns, f"the series is closed: {record.reason}")

    result: dict[str, Any] = {"id": row.id}
    return Act(f"series {record.name}", f"series {record.name} is closed: {record.reason}", [], commit, result)
