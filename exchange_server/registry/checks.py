"""Shared by all acts: the Act itself, look-up of names, room in the tables of the core, which fields may change."""

import difflib
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from config import admin_records as ar
from config.fields import live_fields
from config.places import Key
from protocol import codes, errors, units

from .. import state
from ..core.layout.definitions import FIRST_TRADING_ACCOUNT
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused
from .tables import Event, Table


class Act(NamedTuple):
    """What a record does. When the core refuses one of its rows, `subject` is the start of the sentence and `explain` gives the end ("": use
    the text of the refusal table). `explain` is called at once, before anything else changes the engine. `told`, if there is one, gives text and
    result when all is done. `after`: the market as it is when the act is done, if the reports of the act itself name its result."""

    subject: str
    text: str
    rows: list[Words]
    commit: Callable[[], None]
    result: dict[str, Any]
    explain: Callable[[int], str] | None = None
    changed: tuple[str, ...] | None = None  # fields that differ from the old definition, () for none; None: there was no old one
    warnings: tuple[str, ...] = ()  # what is doubtful about it, a sentence each
    told: Callable[[], tuple[str, dict[str, Any]]] | None = None
    after: Event | None = None


def explained(act: Act, code: int) -> str:
    """Why the core refused: the act's own text, else the text of the refusal table (without unknown numbers)."""
    own = act.explain(code) if act.explain is not None else ""
    if own or code not in errors.REFUSALS:
        return own or errors.text(code)
    return errors.REFUSALS[code].cause if errors.numbers_used(code) else errors.text(code)


_UNKNOWN = {
    "asset": codes.R_UNKNOWN_ASSET,
    "account": codes.R_UNKNOWN_ACCOUNT,
    "event": codes.R_UNKNOWN_EVENT,
    "symbol": codes.R_UNKNOWN_INSTRUMENT,
}


def find(table: Table[Any], key: Key | str, name: str) -> Any:
    """The row with that name; raises Refused, naming the nearest existing name."""
    row = table.named(name)
    if row is None:
        raise absent(table.kind, key, name, table.names())
    return row


def absent(kind: str, key: Key | str, name: str, names: Collection[str], seen: Callable[[str], bool] = lambda name: True) -> Refused:
    """The refusal of a name that does not exist, or not for the asker; it offers the nearest of those that the asker may know. `names`: of what there
    is, in which looking one up is quick; `seen`: whether the asker may know one of them."""
    found = nearest(name, names, seen)
    hint = f'; did you mean "{found}"?' if found else ""
    return Refused(_UNKNOWN.get(kind, codes.R_BAD_DEFINITION), f'there is no {kind} "{name}"{hint}', key)


FEW = 300  # names that are compared one by one; among more of them only those are found that are one edit away
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:/"


def nearest(name: str, names: Collection[str], seen: Callable[[str], bool]) -> str:
    """The name that was probably meant, "": none. A mistyped name among 100,000 must not stop the exchange for the comparison with each."""
    if len(names) <= FEW:
        return next(iter(difflib.get_close_matches(name, [one for one in names if seen(one)], 1)), "")
    for i in range(len(name) + 1):
        head, tail = name[:i], name[i:]
        edits = [head + tail[1:], head + tail[1:2] + tail[:1] + tail[2:]]
        edits += [head + letter + rest for letter in _LETTERS for rest in (tail, tail[1:])]
        for edit in edits:
            if edit in names and seen(edit):
                return edit
    return ""


_CLOSED = {"firm": codes.R_FIRM_CLOSED, "account": codes.R_ACCOUNT_CLOSED, "session": codes.R_SESSION_CLOSED}


def refuse_closed(kind: str, row: Any, key: Key | str = ()) -> None:
    """Raises Refused if the row of a firm, account or session (None: there is none) is closed."""
    if row is not None and row.closed is not None:
        text = f"{kind} {row.name} was closed at {units.instant(row.closed.at_ns)} ({row.closed.reason}): it stays closed, and its name is not used again"
        raise Refused(_CLOSED[kind], text, key, asked=row.id)


def refuse_removed(event: Any, key: Key | str = "event") -> None:
    """Raises Refused if a market was removed."""
    if event.closed is not None:
        text = f"market {event.name} was removed at {units.instant(event.closed.at_ns)} ({event.closed.reason})"
        raise Refused(codes.R_MARKET_REMOVED, text, key, asked=event.id)


CLOSED_TO = (
    ar.SetPhase | ar.SetBands | ar.AddOutcome | ar.SplitOutcome | ar.Determine | ar.DetermineOne | ar.Finalise | ar.FinaliseOne | ar.WithdrawOne
    | ar.Settle | ar.Dispute | ar.Uphold | ar.Correct | ar.Void | ar.Bust | ar.Recover
)  # fmt: skip


def settling(registry: Definitions, record: ar.AnyRecord, engine: EngineLike) -> Event | None:
    """The event that is being settled and takes no such record meanwhile; None: there is none."""
    event = registry.events.named(getattr(record, "event", ""))
    if event is None or not (isinstance(record, CLOSED_TO) or isinstance(record, ar.DefineMarket) and record.bands != event.record.bands):
        return None
    m = getattr(engine, "real", engine.m)  # of a trial `m` has only counts
    return event if state.has_rows(m) and state.Event.of(m, event.id).settling else None


def refuse_settling(registry: Definitions, record: ar.AnyRecord, engine: EngineLike) -> None:
    """Raises Refused if the record's event is being settled. Only the first row of an act may be refused by the core, and this is true of any row."""
    event = settling(registry, record, engine)
    if event is not None:
        text = f"{event.name} is being settled: its accounts are being paid, and until the last one it takes no such command"
        raise Refused(codes.R_SETTLING, text, "event", asked=event.id)


def no_hold(id: int, kind: str) -> Refused:
    """The refusal of a number that no hold (or withdrawal: `kind`) has, or none that the asker may know of."""
    return Refused(codes.R_UNKNOWN_HOLD, f"there is no {kind} {id}", kind, asked=id)


def no_trade(trade: int) -> Refused:
    """The refusal of a trade that is not there, or of a market that the asker may not know of."""
    return Refused(codes.R_UNKNOWN_TRADE, f"trade {trade} is not known", "trade", asked=trade)


def no_schedule(id: int) -> Refused:
    """The refusal of a number that no scheduled act has, or none that the asker may know of."""
    return Refused(codes.R_UNKNOWN_SCHEDULE, f"no act is scheduled as {id}", "id", asked=id)


def room(table: Table[Any], engine: EngineLike, capacity: str, count: int = 1) -> int:
    """The first of `count` free ids; ids run from 1 to the capacity."""
    limit = int(getattr(engine.capacities, capacity))
    first = table.next_id
    if table.kind == "account":
        first = max(first, FIRST_TRADING_ACCOUNT)
    if first + count - 1 > limit:
        raise Refused(
            codes.R_TABLE_FULL,
            f"the server was sized for {limit} rows of {capacity}, {first - 1} are used, {count} more were requested: raise the capacity `{capacity}`",
            limit=limit,
            used=first - 1,
            asked=count,
        )
    return first


def hash_room(engine: EngineLike, what: str, pool: int, count: int) -> None:
    """Refuse if a pool or hash table of the core lacks room. Trading fills it too, and without the check a record could fail half way."""
    left, limit = state.rows_left(engine.m, pool)
    used = limit - left
    if count > left:
        raise Refused(
            codes.R_TABLE_FULL,
            f"the server's table of {what} holds {limit} rows, {used} are used, {count} more were requested",
            limit=limit,
            used=used,
            asked=count,
        )


def nothing() -> None:
    pass


def unchanged(kind: str, name: str, id: int) -> Act:
    return Act(name, f"{kind} {name} is unchanged", [], nothing, {"id": id, "unchanged": 1}, changed=())


def changes(old: Any, new: Any, what: str) -> tuple[str, ...]:
    """The fields that differ; refuses when one of them may not change once the definition exists."""
    live = live_fields(type(new))
    changed = ar.changed_fields(old, new)
    for field in changed:
        if field not in live:
            text = f"cannot be changed: {what} exists with another value (changeable: {', '.join(live) or 'nothing'})"
            raise Refused(codes.R_BAD_DEFINITION, text, field, fixed=True)
    return tuple(changed)
