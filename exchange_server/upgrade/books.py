"""The books of a state as plain arrays, read by the names of its description: money, positions, orders, closed and used ids. Two programs with other
layouts have equal books exactly if their arrays are equal. An id that is a text is that text here, whether it is in its key or in a row of its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import relocate
from ..core.layout.description import Described
from .carry import Columns, Table, collateral_rows, table_of

Words = NDArray[np.int64]
BALANCE = ("B_ACCOUNT", "B_ASSET", "B_CASH", "B_LOCKED", "B_OWED")
EVENT = ("E_ID", "E_POOL", "E_SETS", "E_PHASE_NOW", "E_VERSION", "E_OPEN_ORDERS", "E_OWED", "E_BLOCKED")
ORDER = (
    "O_ID",
    "O_KEY_HI",
    "O_KEY_LO",
    "O_PRICE",
    "O_QTY",
    "O_CUM",
    "O_LEAVES",
    "O_ATTR",
    "O_SESSION",
    "O_FIRM",
    "O_NOTIONAL",
    "O_FEE_PAID",
)
CLOSED = (
    "AR_KEY_HI",
    "AR_KEY_LO",
    "AR_FIRM_ACCOUNT",
    "AR_INSTRUMENT",
    "AR_PRICE",
    "AR_QTY",
    "AR_CUM",
    "AR_ATTR",
    "AR_ORDER",
    "AR_CLOSED_AT",
)
POSITION = ("COL_Q", "COL_BQ", "COL_SQ")


def books(m: Words, d: Described) -> dict[str, Words]:
    """Sorted rows of numbers: `assets` (id, withdrawals less deposits), `money`, `events`, `positions` (account, event, contract, position, open
    quantities), `orders` and `closed ids` (with the ids' texts), `used ids`."""
    tables = {name: table_of(m, d, name) for name in d["tables"]}
    return {
        "assets": _sorted(_defined(m, tables["assets"], ("A_ID", "A_EXTERNAL"))),
        "money": _sorted(_held(m, tables["balances"], BALANCE)),
        "events": _sorted(_defined(m, tables["events"], EVENT)),
        "positions": _positions(m, d, tables),
        "orders": _orders(m, tables),
        "closed ids": _sorted(
            _with_texts(_held(m, tables["archive"], CLOSED), CLOSED.index("AR_KEY_HI"), _texts(m, tables, "archive", "AR_TEXT"))
        ),
        "used ids": _sorted(_held(m, tables["used_blocks"], ("U_FIRM", "U_AT", "U_RANGE", "U_IDS"))),
    }


def differences(before: dict[str, Words], after: dict[str, Words]) -> list[str]:
    """A sentence for each part that differs; none: the books are equal."""
    told = []
    for part, rows in before.items():
        other = after[part]
        if rows.shape == other.shape and np.array_equal(rows, other):
            continue
        if rows.shape != other.shape:
            told.append(f"{part}: {len(rows)} rows before, {len(other)} after")
            continue
        i = int(np.flatnonzero((rows != other).any(axis=1))[0])
        told.append(f"{part}: row {i + 1} of {len(rows)} is {rows[i].tolist()} before and {other[i].tolist()} after")
    return told


def _sorted(rows: Words) -> Words:
    return rows[np.lexsort(rows.T[::-1])] if len(rows) else rows


def _columns(rows: Words, table: Table, names: tuple[str, ...]) -> Words:
    return np.hstack([rows[:, at : at + words] for at, words, _ in (table.fields[name] for name in names)])


def _in_use(m: Words, table: Table) -> Words:
    held = np.ones(table.next, bool)
    held[table.freed] = False
    return table.block(m, table.next)[held]


def _held(m: Words, table: Table, names: tuple[str, ...]) -> Words:
    return _columns(_in_use(m, table), table, names)


def _defined(m: Words, table: Table, names: tuple[str, ...]) -> Words:
    """Rows by id that are defined: they have their own id in the first word."""
    rows = table.block(m, table.next)
    return _columns(rows[(rows[:, 0] == np.arange(len(rows))) & (rows[:, 0] != 0)], table, names)


def _texts(m: Words, tables: dict[str, Table], of: str, field: str) -> Words:
    """The text of each row in use, 0 where it has none."""
    pointers = _held(m, tables[of], (field,))[:, 0]
    at, words, _ = tables["texts"].fields["TEXT"]
    return np.where((pointers != 0)[:, None], m[pointers[:, None] + at + np.arange(words)], 0)


def _with_texts(rows: Words, key: int, texts: Words) -> Words:
    """The rows, followed by the text of their ids; an id that is a text has no key then. key: its first column."""
    keys = np.ascontiguousarray(rows[:, key : key + 2])
    texts = np.ascontiguousarray(texts)
    relocate.texts_of_keys(keys.reshape(-1), texts.reshape(-1))
    rows[:, key : key + 2] = np.where(keys[:, :1] != 0, 0, keys)
    return np.hstack((rows, texts))


def _positions(m: Words, d: Described, tables: dict[str, Table]) -> Words:
    table = tables["collateral_words"]
    assert isinstance(table, Columns)
    field: Any = {name: at for name, (at, _, _) in table.fields.items()}
    rows = collateral_rows(m, tables["events"], table, d["row"])
    accounts, events = m[m[rows + field["CO_ACCOUNT"]]], m[m[rows + field["CO_EVENT"]]]
    out = []
    for n in np.unique(m[rows + field["CO_N"]]).tolist():
        chosen = rows[m[rows + field["CO_N"]] == n]
        of = accounts[m[rows + field["CO_N"]] == n], events[m[rows + field["CO_N"]] == n]
        for j in range(n):
            values = [m[chosen + d["row"] + d["columns"].index(name) * n + j] for name in POSITION]
            out.append(np.stack([*of, np.full(len(chosen), j), m[chosen + field["CO_REQUIRED"]], *values], axis=1))
    return _sorted(np.concatenate(out)) if out else np.zeros((0, 4 + len(POSITION)), np.int64)


def _orders(m: Words, tables: dict[str, Table]) -> Words:
    rows = _held(m, tables["orders"], ORDER)
    inst = m[_held(m, tables["orders"], ("O_INSTRUMENT",))[:, 0]]  # the id is the first word of a row
    return _sorted(_with_texts(np.hstack((rows, inst[:, None])), ORDER.index("O_KEY_HI"), _texts(m, tables, "orders", "O_TEXT")))
