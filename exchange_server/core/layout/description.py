"""The arena described: every table with its fields by name, which of them point to rows of which tables, and what is made anew from the rest.

A field points only if it is in POINTERS; all others are numbers. From this follow the carrying of a state into an arena with other capacities or
another layout (exchange_server/upgrade/), and what a snapshot says of itself, so that a later program can read it. tests/upgrade/ holds the description
against the layout and against random worlds.
"""

from typing import Any

from . import orders, shape, tables

Described = dict[str, Any]

# How the rows of a table are found. BY_ID: row i has id i. LIST: rows from a free list, in any order. END: as LIST, and none is ever freed. COLUMNS:
# rows of different lengths, linked per event. HEAP: one pointer for each timer. HEADS: first freed row for each number of columns. PAIRS, NAMES: hash
# tables whose entries are carried. AGAIN: made anew from other tables.
BY_ID, LIST, END, COLUMNS, HEAP, HEADS, PAIRS, NAMES, AGAIN = "by id", "list", "end", "columns", "heap", "heads", "pairs", "names", "again"

PAIR_WORDS = 4  # kit/pairs.py
# (pool, words per row, prefix of the names of its words, how); rows of P_COLLATERAL have CO_COLUMNS words and columns after them
TABLES = (
    (tables.P_ASSET, tables.ASSET_WORDS, "A_", BY_ID),
    (tables.P_VENUE, tables.VENUE_WORDS, "V_", BY_ID),
    (tables.P_FIRM, tables.FIRM_WORDS, "F_", BY_ID),
    (tables.P_ACCOUNT, tables.ACCOUNT_WORDS, "AC_", BY_ID),
    (tables.P_SESSION, tables.SESSION_WORDS, "S_", BY_ID),
    (tables.P_EVENT, tables.EVENT_WORDS, "E_", BY_ID),
    (tables.P_INSTRUMENT, tables.INSTRUMENT_WORDS, "I_", BY_ID),
    (tables.P_LISTING, tables.LISTING_WORDS, "LI_", LIST),
    (tables.P_BALANCE, tables.BALANCE_WORDS, "B_", END),
    (tables.P_COLLATERAL, 1, "CO_", COLUMNS),
    (tables.P_ORDER, orders.ORDER_WORDS, "O_", LIST),
    (tables.P_LEVEL, orders.LEVEL_WORDS, "L_", LIST),
    (tables.P_NODE, orders.NODE_WORDS, "N_", LIST),
    (tables.P_TEXT, orders.TEXT_WORDS, "", LIST),
    (tables.P_ARCHIVE, orders.ARCHIVE_WORDS, "AR_", LIST),
    (tables.P_TIMER, orders.TIMER_WORDS, "TM_", LIST),
    (tables.P_HEAP, 1, "", HEAP),
    (tables.P_ID_HASH, 1, "", AGAIN),
    (tables.P_PAIR_HASH, PAIR_WORDS, "", PAIRS),
    (tables.P_NAME_HASH, tables.NAME_WORDS, "", NAMES),
    (tables.P_DIRTY, tables.DIRTY_WORDS, "", AGAIN),
    (tables.P_SPECIAL, orders.SPECIAL_WORDS, "SP_", LIST),
    (tables.P_MIDS, tables.MIDS_WORDS, "MI_", END),
    (tables.P_USED, orders.USED_WORDS, "U_", LIST),
    (tables.P_USED_HASH, 1, "", AGAIN),
    (tables.P_SPARE, 1, "", HEADS),
    (tables.P_HELD, orders.HELD_WORDS, "HE_", LIST),
)
UNNAMED = {  # words that the layout has no name for: table: {name: (first word, words)}
    tables.P_TEXT: {"TEXT": (0, orders.TEXT_WORDS)},
    tables.P_MIDS: {"MI_INSTRUMENT": (0, 1)},
    tables.P_PAIR_HASH: {"KEY": (0, 2), "VALUE": (2, 1)},
    tables.P_NAME_HASH: {"KIND": (0, 1), "ID": (1, 1), "NAME": (4, 8)},
}

_ACCOUNT, _EVENT, _INSTRUMENT = (tables.P_ACCOUNT,), (tables.P_EVENT,), (tables.P_INSTRUMENT,)
_LISTING, _BALANCE, _COLLATERAL, _ORDER = (tables.P_LISTING,), (tables.P_BALANCE,), (tables.P_COLLATERAL,), (tables.P_ORDER,)
_LEVEL, _NODE, _TEXT, _ARCHIVE = (tables.P_LEVEL,), (tables.P_NODE,), (tables.P_TEXT,), (tables.P_ARCHIVE,)
_TIMER, _SPECIAL, _MIDS, _USED, _HELD = (tables.P_TIMER,), (tables.P_SPECIAL,), (tables.P_MIDS,), (tables.P_USED,), (tables.P_HELD,)

POINTERS: dict[str, tuple[int, ...]] = {
    "H_SETTLING": _EVENT, "H_SETTLING_LAST": _EVENT, "H_FINALS": _EVENT, "H_REMOVED": _EVENT, "H_REMOVED_LAST": _EVENT,
    "F_USED_FIRST": _USED, "F_USED_LAST": _USED, "F_FILLING": _USED, "F_OLDEST": _ARCHIVE, "F_NEWEST": _ARCHIVE, "F_ACCOUNTS": _ACCOUNT,
    "F_ACCOUNTS_LAST": _ACCOUNT,
    "AC_ORDERS": _ORDER, "AC_NEXT_IN_FIRM": _ACCOUNT, "AC_HELD": _HELD,
    "E_FIRST": _INSTRUMENT, "E_COLL_HEAD": _COLLATERAL, "E_COLL_TAIL": _COLLATERAL, "E_SETTLE_ROW": _COLLATERAL, "E_SETTLE_NEXT": _EVENT,
    "E_FINALS_NEXT": _EVENT, "E_PAYING": _INSTRUMENT, "E_REMOVED_NEXT": _EVENT,
    "I_EVENT": _EVENT, "I_BEST": _LEVEL, "I_ROOT": _NODE, "I_LISTING": _LISTING, "I_MIDS": _MIDS,
    "LI_OWNER_BALANCE": _BALANCE, "LI_VENUE_BALANCE": _BALANCE, "LI_PLATFORM_BALANCE": _BALANCE,
    "CO_ACCOUNT": _ACCOUNT, "CO_EVENT": _EVENT, "CO_CASH": _BALANCE, "CO_BASE": _BALANCE, "CO_NEXT_IN_EVENT": _COLLATERAL,
    "O_NEXT": _ORDER, "O_PREV": _ORDER, "O_LEVEL": _LEVEL, "O_COLL": _COLLATERAL, "O_INSTRUMENT": _INSTRUMENT, "O_TEXT": _TEXT,
    "O_ACCT_NEXT": _ORDER, "O_ACCT_PREV": _ORDER, "O_SPECIAL": _SPECIAL, "O_LISTING": _LISTING,
    "HE_NEXT": _HELD,
    "SP_ORDER": _ORDER, "SP_TIMER": _TIMER, "SP_TIMER_NEXT": _SPECIAL, "SP_TIMER_PREV": _SPECIAL,
    "L_HEAD": _ORDER, "L_TAIL": _ORDER, "L_NODE": _NODE,
    "N_PARENT": _NODE, "N_CHILD": (tables.P_NODE, tables.P_LEVEL),
    "AR_TEXT": _TEXT, "AR_NEXT": _ARCHIVE,
    "U_NEXT": _USED, "U_PREV": _USED,
    "TM_HEAD": _SPECIAL, "TM_TAIL": _SPECIAL,
}  # fmt: skip

# Kinds of pairs (kit/pairs.py) whose value is a pointer; the others are numbers
PAIR_POINTERS = {1: tables.P_BALANCE, 2: tables.P_COLLATERAL, 3: tables.P_LISTING, 4: tables.P_TIMER}

# Words of the header that belong to the arena or to one call, not to the state: the engine makes them, a call sets them first, or they are hints
NOT_CARRIED = frozenset(
    (
        "H_LOGIC", "H_ARENA_WORDS", "H_CURSOR", "H_EVENT_USED", "H_EVENT_ROOM", "H_DIRTY_COUNT", "H_DIRTY_LOST", "H_WORK_COUNT", "H_WORK_FIRST", "H_WORK",
        "H_POOLS", "H_FORGET_LINE",
    )
)  # fmt: skip


def _fields(prefix: str) -> Described:
    """name: [first word, words, pools to which it points], of the rows whose words have this prefix."""
    names: dict[str, int] = {**vars(tables), **vars(orders)}
    same = {alias for group in shape.SAME for alias in group[1:] if not alias.startswith(prefix)}
    found: dict[str, list[Any]] = {
        name: [offset, shape.WIDE.get(name, 1), list(POINTERS.get(name, ()))]
        for name, offset in names.items()
        if prefix and name.startswith(prefix) and name.isupper() and name not in shape.NO_WORDS and name not in same
    }
    return dict(sorted(found.items(), key=lambda item: item[1][0]))


def describe() -> Described:
    """The description of this program's arena, of plain values: `tables` (name: pool, words per row, how, fields), `row` and `columns` of collateral
    (words before the columns; their names in order), `header`, `descriptor` of a pool, `pairs`, `rules`."""
    return {
        "rules": tables.LOGIC_VERSION,
        "header_words": tables.HEADER_WORDS,
        "pool_words": tables.POOL_WORDS,
        "header": _fields("H_"),
        "descriptor": {name: offset for name, (offset, _, _) in _fields("PL_").items()},
        "row": tables.CO_COLUMNS,
        "columns": list(_fields("COL_")),
        "pairs": {str(kind): pool for kind, pool in PAIR_POINTERS.items()},
        "tables": {
            tables.POOL_NAMES[pool]: {
                "pool": pool,
                "how": how,
                "words": words,
                "fields": {**{name: [first, count, []] for name, (first, count) in UNNAMED.get(pool, {}).items()}, **_fields(prefix)},
            }
            for pool, words, prefix, how in TABLES
        },
    }
