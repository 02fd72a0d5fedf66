"""What every act shares: the Act itself, names found or refused, room in the tables of the core, what may change."""

import difflib
from collections.abc import Callable
from typing import Any, NamedTuple

from config import admin_records as ar
from config.fields import live_fields
from protocol import codes, errors

from ..core import layout as L  # fmt: skip
from ..core.layout.definitions import FIRST_TRADING_ACCOUNT
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Table


class Act(NamedTuple):
    """What a record amounts to. `subject` begins the sentence when the core refuses its row, `explain` ends it ("": nothing better
    than the table's words); it is called at once, before anything else changes the engine."""

    subject: str
    text: str
    rows: list[Words]
    commit: Callable[[], None]
    result: dict[str, Any]
    explain: Callable[[int], str] | None = None


def explained(act: Act, code: int) -> str:
    """Why the core refused: the act's own words, else those of the refusal table (without numbers that nobody knows)."""
    own = act.explain(code) if act.explain is not None else ""
    if own or code not in errors.REFUSALS:
        return own or errors.text(code)
    return errors.REFUSALS[code].cause if errors.numbers_used(code) else errors.text(code)


def event_word(engine: EngineLike, event_id: int, word: int) -> int:
    """A word of an event's row in the core."""
    return int(engine.m[int(engine.m[L.H_POOLS + L.P_EVENT * L.POOL_WORDS + L.PL_BASE]) + event_id * L.EVENT_WORDS + word])


def balance(engine: EngineLike, account: int, asset: int) -> tuple[int, int]:
    """(cash, locked) of an account, by looking through all balance rows: for the sentence of a refusal only."""
    at = L.H_POOLS + L.P_BALANCE * L.POOL_WORDS
    base, count = int(engine.m[at + L.PL_BASE]), int(engine.m[at + L.PL_NEXT])
    rows = engine.m[base : base + count * L.BALANCE_WORDS].reshape(count, L.BALANCE_WORDS)
    found = rows[(rows[:, L.B_ACCOUNT] == account) & (rows[:, L.B_ASSET] == asset)]
    return (int(found[0, L.B_CASH]), int(found[0, L.B_LOCKED])) if len(found) else (0, 0)


def cash_or_none(m: Words, account: int, asset: int) -> int:
    """Cash of an account, -1 when it has no balance row. Looks through all of them: for a configuration's deposits only."""
    at = L.H_POOLS + L.P_BALANCE * L.POOL_WORDS
    base, count = int(m[at + L.PL_BASE]), int(m[at + L.PL_NEXT])
    rows = m[base : base + count * L.BALANCE_WORDS].reshape(count, L.BALANCE_WORDS)
    found = rows[(rows[:, L.B_ACCOUNT] == account) & (rows[:, L.B_ASSET] == asset)]
    return int(found[0, L.B_CASH]) if len(found) else -1


_UNKNOWN = {
    "asset": codes.R_UNKNOWN_ASSET,
    "account": codes.R_UNKNOWN_ACCOUNT,
    "event": codes.R_UNKNOWN_EVENT,
    "symbol": codes.R_UNKNOWN_INSTRUMENT,
}


def find(table: Table[Any], key: str, name: str) -> Any:
    """The row of that name, or a refusal that offers the nearest one."""
    row = table.named(name)
    if row is None:
        near = difflib.get_close_matches(name, table.names(), 1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise Refused(_UNKNOWN.get(table.kind, codes.R_BAD_DEFINITION), f'{key}: there is no {table.kind} "{name}"{hint}')
    return row


def room(table: Table[Any], engine: EngineLike, capacity: str, count: int = 1) -> int:
    """The first of `count` free ids; ids run from 1 to the capacity."""
    limit = int(getattr(engine.capacities, capacity))
    first = table.next_id
    if table.kind == "account":
        first = max(first, FIRST_TRADING_ACCOUNT)
    if first + count - 1 > limit:
        raise Refused(
            codes.R_TABLE_FULL,
            f"the server was sized for {limit} rows of {capacity}, {first - 1} are used, {count} more were asked: raise the capacity `{capacity}`",
            limit,
            first - 1 + count,
        )
    return first


def hash_room(engine: EngineLike, what: str, pool: int, count: int) -> None:
    """Room in a pool or hash table of the core that fills by trading too: without it a record would fail half way."""
    at = L.H_POOLS + pool * L.POOL_WORDS
    cap, used = int(engine.m[at + L.PL_CAP]), int(engine.m[at + L.PL_USED])
    limit = cap - (cap >> 3) if pool in (L.P_NAME_HASH, L.P_PAIR_HASH) else cap
    if used + count > limit:
        raise Refused(
            codes.R_TABLE_FULL,
            f"the server's table of {what} holds {limit} rows, {used} are used, {count} more were asked",
            limit,
            used + count,
        )


def nothing() -> None:
    pass


def unchanged(kind: str, name: str, id: int) -> Act:
    return Act(name, f"{kind} {name} is unchanged", [], nothing, {"id": id, "unchanged": 1})


def changes(old: Any, new: Any, what: str) -> list[str]:
    """The fields that differ; refuses when one of them may not change once the definition exists."""
    live = live_fields(type(new))
    changed = ar.changed_fields(old, new)
    for field in changed:
        if field not in live:
            raise bad(field, f"cannot be changed: {what} exists with another value (changeable: {', '.join(live) or 'nothing'})")
    return changed
