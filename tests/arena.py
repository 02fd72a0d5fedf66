"""The core's arena read in plain Python: the same state as Model.state(), and a walk that proves its structure.

Nothing here calls a kernel. `state(m)` follows only what a reader needs (rows by id, queues, account lists); `walk(m)` then checks
every link, list, mask, count, hash entry and sum against each other, and every pool's count of used rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from exchange_server.state import Instrument
from protocol import codes as C
from tests.bridge import packed_key, packed_text, text_key
from tests.model_world import Key

Arena = NDArray[np.int64]
ARCHIVED = 1 << 31


def pool(m: Arena, p: int) -> dict[str, int]:
    d = L.H_POOLS + p * L.POOL_WORDS
    names = ("base", "width", "cap", "free", "next", "used")
    return {name: int(m[d + i]) for i, name in enumerate(names)}


def rows_by_id(m: Arena, p: int) -> Iterator[int]:
    """Pointers of the defined rows of a pool addressed by id."""
    q = pool(m, p)
    for i in range(1, q["cap"]):
        at = q["base"] + i * q["width"]
        if m[at] == i:
            yield at


def text_at(m: Arena, pointer: int, words: int = 8) -> str:
    return m[pointer : pointer + words].tobytes().rstrip(b"\0").decode() if pointer else ""


def key_of(m: Arena, hi: int, lo: int, text: int) -> Key:
    if text:
        name = text_at(m, text)
        assert text_key(name.encode()) == (hi, lo) and packed_key(name) is None, "a stored text does not have its order's key"
        return name
    if hi == 0:
        return lo
    name = packed_text(hi, lo)
    assert packed_key(name) == (hi, lo), "a key without its text that is none itself"
    return name


def levels(m: Arena, inst: int, ask: int) -> list[int]:
    """Levels of a book side, best first, found by walking the whole trie in order of price."""
    out: list[int] = []

    def visit(node: int, shift: int) -> None:
        mask = int(m[node + L.N_MASK]) & ((1 << 64) - 1)
        for slot in range(64):
            child = int(m[node + L.N_CHILD + slot])
            assert bool(mask >> slot & 1) == (child != 0), "mask and children of a node differ"
            if child and shift == 0:
                out.append(child)
            elif child:
                assert m[child + L.N_PARENT] == node and m[child + L.N_SLOT] == slot, "a node does not know its parent"
                visit(child, shift - 6)

    root = int(m[inst + L.I_ROOT + ask])
    if root:
        assert m[root + L.N_PARENT] == 0
        visit(root, int(m[inst + L.I_DEPTH_SHIFT]))
    return out if ask else out[::-1]


def queue(m: Arena, level: int) -> list[int]:
    out = []
    o, before = int(m[level + L.L_HEAD]), 0
    while o:
        assert m[o + L.O_PREV] == before, "a queue's back link is wrong"
        assert m[o + L.O_LEVEL] == level, "an order does not know its level"
        assert m[o + L.O_PRICE] == m[level + L.L_PRICE], "an order rests at another price's level"
        out.append(o)
        before, o = o, int(m[o + L.O_NEXT])
    assert m[level + L.L_TAIL] == before, "a queue's tail is wrong"
    return out


def account_orders(m: Arena, account: int) -> list[int]:
    out = []
    o, before = int(m[account + L.AC_ORDERS]), 0
    while o:
        assert m[o + L.O_ACCT_PREV] == before, "an account list's back link is wrong"
        out.append(o)
        before, o = o, int(m[o + L.O_ACCT_NEXT])
    assert len(out) == m[account + L.AC_ORDER_COUNT], "an account's count of orders is wrong"
    return out


def open_orders(m: Arena) -> list[int]:
    return [o for a in rows_by_id(m, L.P_ACCOUNT) for o in account_orders(m, a)]


def archive_rows(m: Arena) -> list[int]:
    """Archived ids, firm by firm, oldest first (also those whose time is over, until something forgets them)."""
    out = []
    for f in rows_by_id(m, L.P_FIRM):
        a, before, count = int(m[f + L.F_OLDEST]), 0, 0
        while a:
            assert m[a + L.AR_FIRM_ACCOUNT] >> 32 == m[f], "a closed id is in another firm's list"
            assert not before or m[before + L.AR_CLOSED_AT] <= m[a + L.AR_CLOSED_AT], "a firm's closed ids are out of order"
            out.append(a)
            before, a, count = a, int(m[a + L.AR_NEXT]), count + 1
        assert m[f + L.F_NEWEST] == before and m[f + L.F_CLOSED] == count, "the end or the count of a firm's closed ids is wrong"
    return out


def used_blocks(m: Arena) -> list[int]:
    """Blocks of used ids, firm by firm, oldest first."""
    out = []
    for f in rows_by_id(m, L.P_FIRM):
        b, before, count, filling = int(m[f + L.F_USED_FIRST]), 0, 0, int(m[f + L.F_FILLING])
        while b:
            assert m[b + L.U_FIRM] == m[f] and m[b + L.U_PREV] == before, "a block is in another firm's list, or its back link is wrong"
            assert not before or m[before + L.U_AT] <= m[b + L.U_AT], "a firm's blocks are out of order"
            filling = 0 if b == filling else filling
            out.append(b)
            before, b, count = b, int(m[b + L.U_NEXT]), count + 1
        assert m[f + L.F_USED_LAST] == before and m[f + L.F_BLOCKS] == count, "the end or the count of a firm's blocks is wrong"
        assert filling == 0, "the block that is being filled is not in the firm's list"
    return out


def used_ids(m: Arena, b: int) -> list[int]:
    """The words of a block's ids; 0: one that was taken out of a list."""
    filled, words = int(m[b + L.U_FILLED]), [int(w) for w in m[b + L.U_IDS : b + L.U_IDS + 64]]
    if filled != L.USED_RANGE:
        assert not any(words[filled:]), "a list has ids behind its end"
        return words[:filled]
    first = int(m[b + L.U_RANGE]) << 12
    return [first + 64 * i + bit for i, word in enumerate(words) for bit in range(64) if word >> bit & 1]


def collateral_rows(m: Arena, event: int) -> list[int]:
    out = []
    co = int(m[event + L.E_COLL_HEAD])
    while co:
        out.append(co)
        co = int(m[co + L.CO_NEXT_IN_EVENT])
    return out


def spare_rows(m: Arena) -> dict[int, list[int]]:
    """Freed collateral rows by their number of columns."""
    q = pool(m, L.P_SPARE)
    out: dict[int, list[int]] = {}
    for n in np.flatnonzero(m[q["base"] : q["base"] + q["cap"]]).tolist():
        co = int(m[q["base"] + n])
        while co:
            assert not m[co + 1 : co + L.CO_COLUMNS + L.CO_COLUMN_COUNT * n].any(), "a freed collateral row is not empty"
            out.setdefault(n, []).append(co)
            co = int(m[co])
    return out


def balances(m: Arena) -> list[int]:
    q = pool(m, L.P_BALANCE)
    return [q["base"] + i * q["width"] for i in range(q["next"])]


def order_state(m: Arena, o: int) -> tuple[Any, ...]:
    attr = int(m[o + L.O_ATTR])
    inst = int(m[o + L.O_INSTRUMENT])
    words = m[o : o + L.ORDER_WORDS].tolist()
    return (
        words[L.O_FIRM], key_of(m, words[L.O_KEY_HI], words[L.O_KEY_LO], words[L.O_TEXT]), int(m[m[words[L.O_COLL] + L.CO_ACCOUNT] + L.AC_ID]),
        words[L.O_SESSION], words[L.O_ENTRY] >> 16, int(m[inst + L.I_ID]), W.book_side_of(attr), W.side_of(attr), W.contract_side_of(attr), W.type_of(attr),
        W.tif_of(attr), words[L.O_PRICE], words[L.O_QTY], words[L.O_CUM], words[L.O_LEAVES], W.status_of(attr), words[L.O_NOTIONAL],
        int(m[words[L.O_SPECIAL] + L.SP_EXPIRY]) if words[L.O_SPECIAL] else 0, words[L.O_RESERVED_FEE], words[L.O_FEE_PAID], words[L.O_REBATE_PAID], words[L.O_NET_FEE],
    )  # fmt: skip


def archive_state(m: Arena, a: int) -> tuple[Any, ...]:
    w = m[a : a + L.ARCHIVE_WORDS].tolist()
    attr = w[L.AR_ATTR]
    return (
        w[L.AR_FIRM_ACCOUNT] >> 32, key_of(m, w[L.AR_KEY_HI], w[L.AR_KEY_LO], w[L.AR_TEXT]), W.status_of(attr),
        W.reason_of(attr), w[L.AR_ORDER], w[L.AR_FIRM_ACCOUNT] & 0xFFFFFFFF, w[L.AR_INSTRUMENT] >> 32, w[L.AR_PRICE], w[L.AR_QTY],
        w[L.AR_CUM],
        (w[L.AR_LIMIT], w[L.AR_USED], w[L.AR_ASKED]) if W.status_of(attr) == C.ST_REJECTED else (0, 0, 0),
    )  # fmt: skip


def bars(m: Arena, at: int) -> tuple[int, int]:
    """(killed, closed)"""
    return int(m[at] & L.BAR_KILLED != 0), int(m[at] & L.BAR_CLOSED != 0)


def venue_state(m: Arena, v: int) -> tuple[Any, ...]:
    own = int(m[v + L.V_BARS])
    frozen, limits = int(m[v + L.V_FREEZE]), [int(m[v + w]) for w in (L.V_MAX_OPEN, L.V_PACE + L.TH_LIMIT, L.V_BYTES + L.TH_LIMIT)]
    assert bool(own & L.BAR_FROZEN) == bool(frozen) and (not frozen or m[L.H_BARS] & L.BAR_FROZEN), (
        "the bars do not say that a venue is frozen"
    )
    assert (bool(own & L.BAR_ORDERS), bool(own & L.BAR_PACE)) == (bool(limits[0]), bool(limits[1] or limits[2])), (
        "the bars do not say its quotas"
    )
    assert bool(own & L.BAR_ACCESS) == bool(m[v + L.V_ACCESS]), "the bars do not say that it has access rules"
    return (int(own & L.BAR_KILLED != 0), frozen, int(own & L.BAR_ISOLATED != 0), int(m[v + L.V_OPEN]), *limits)


def budget_state(m: Arena, a: int, pairs: dict[tuple[int, int], int]) -> tuple[Any, ...]:
    markets = [event for ka, event in pairs if ka == 8 << 56 | int(m[a])]
    assert len(markets) == m[a + L.AC_BUDGET_MARKETS], "an account's list of markets has another length than is noted"
    return (
        *(int(x) for x in m[a + L.AC_BUDGET_ASSET : a + L.AC_BUDGET_LISTED + 1]),
        sorted(markets),
        *(int(x) for x in m[a + L.AC_BUDGET_HIGH : a + L.AC_BUDGET_DAY + 1]),
    )


def held_rows(m: Arena) -> list[int]:
    """Orders that wait for a person, account by account, the newest first."""
    out = []
    for a in rows_by_id(m, L.P_ACCOUNT):
        at = int(m[a + L.AC_HELD])
        while at:
            assert m[at + L.HE_ACCOUNT] == m[a], "an order waits for another account"
            out.append(at)
            at = int(m[at + L.HE_NEXT])
    return out


def held_state(m: Arena, at: int) -> tuple[Any, ...]:
    w = m[at : at + L.HELD_WORDS].tolist()
    attr, name = w[L.HE_ATTR], text_at(m, at + L.HE_TEXT)
    assert not name or text_key(name.encode()) == (w[L.HE_KEY_HI], w[L.HE_KEY_LO])
    key = name or (packed_text(w[L.HE_KEY_HI], w[L.HE_KEY_LO]) if w[L.HE_KEY_HI] else w[L.HE_KEY_LO])
    return (
        w[L.HE_ACCOUNT], w[L.HE_SESSION], key, w[L.HE_INSTRUMENT], W.side_of(attr), W.contract_side_of(attr), W.type_of(attr), W.tif_of(attr),
        W.flags_of(attr), w[L.HE_PRICE], w[L.HE_QTY], w[L.HE_EXPIRY], w[L.HE_COST], w[L.HE_AT], w[L.HE_UNTIL], bool(w[L.HE_PASSED]),
    )  # fmt: skip


def paid(m: Arena, event: int) -> bool:
    """Whether some accounts of the event have been paid, so that its rows have settled positions in place of open buys."""
    return bool(m[event + L.E_SETTLING] not in (0, L.SETTLE_AHEAD) or m[event + L.E_SETTLE_ID])


def is_ahead(m: Arena, event: int, j: int) -> bool:
    """Whether contract j was paid ahead of the rest."""
    return bool(m[int(m[event + L.E_FIRST]) + j * L.INSTRUMENT_WORDS + L.I_AHEAD] == C.PH_FINAL)


def prices(m: Arena) -> dict[int, list[tuple[int, int]]]:
    """The sums before each of the last three whole minutes, of contracts that keep their prices, as a void reads them."""
    last = int(m[L.H_TIME]) // 1_000 // L.MINUTE_US * L.MINUTE_US
    out = {}
    for at in rows_by_id(m, L.P_INSTRUMENT):
        kept = Instrument.of(m, int(m[at])).prices
        if kept is None:
            continue
        assert kept.earliest(0) <= last - 13 * L.MINUTE_US
        out[int(m[at])] = [kept.window(last - i * L.MINUTE_US, 10 * L.MINUTE_US) for i in range(3)]
    return out


def state(m: Arena) -> dict[str, Any]:
    """The same shape as Model.state()."""
    cash = {
        (int(m[b + L.B_ACCOUNT]), int(m[b + L.B_ASSET])): (int(m[b + L.B_CASH]), int(m[b + L.B_LOCKED]))
        for b in balances(m)
        if m[b + L.B_CASH] or m[b + L.B_LOCKED]
    }
    positions: dict[tuple[int, int], int] = {}
    settled: dict[tuple[int, int], int] = {}
    debts: dict[tuple[int, int], tuple[int, int]] = {}
    events = {}
    for event in rows_by_id(m, L.P_EVENT):
        first, n = int(m[event + L.E_FIRST]), int(m[event + L.E_N])
        words = L.E_PHASE_NOW, L.E_SETS, L.E_POOL, L.E_VERSION, L.E_WINDOW_END, L.E_RESULT, L.E_IN_PLAY, L.E_REMOVED
        events[int(m[event])] = tuple(int(m[event + w]) for w in words)
        for co in collateral_rows(m, event):
            if (row := (int(m[co + L.CO_OWED]), int(m[co + L.CO_BLOCKED]))) != (0, 0):
                debts[int(m[event]), int(m[m[co + L.CO_ACCOUNT] + L.AC_ID])] = row
            for j in range(n):
                key = int(m[m[co + L.CO_ACCOUNT] + L.AC_ID]), int(m[first + j * L.INSTRUMENT_WORDS + L.I_ID])
                if q := int(m[co + L.CO_COLUMNS + j]):
                    positions[key] = q
                if (paid(m, event) or is_ahead(m, event, j)) and (
                    q := int(m[co + L.CO_COLUMNS + L.SETTLED_POSITION * int(m[co + L.CO_N]) + j])
                ):
                    settled[key] = q
    settling, at = [], int(m[L.H_SETTLING])
    while at:
        settling.append(int(m[at]))
        before, at = at, int(m[at + L.E_SETTLE_NEXT])
        assert at or m[L.H_SETTLING_LAST] == before, "the end of the list of events that are settled is wrong"
    queues = {}
    for inst in rows_by_id(m, L.P_INSTRUMENT):
        for ask, side in ((0, C.BUY), (1, C.SELL)):
            ids = [int(m[o + L.O_ID]) for level in levels(m, inst, ask) for o in queue(m, level)]
            if ids:
                queues[int(m[inst + L.I_ID]), side] = ids
    sessions = {}
    for s in rows_by_id(m, L.P_SESSION):
        w = m[s : s + L.SESSION_WORDS].tolist()
        on = bool(w[L.S_FLAGS] & L.SF_LOGGED_ON)
        options = bool(w[L.S_FLAGS] & L.SF_CANCEL_ON_DISCONNECT), bool(w[L.S_FLAGS] & L.SF_SETTLEMENT)
        sessions[w[0]] = (
            w[L.S_NEXT_OUT], w[L.S_NEXT_IN], w[L.S_LAST_EVENT], w[L.S_GENERATION], on, w[L.S_ABSENT_FROM], *bars(m, s + L.S_BARS),
            w[L.S_MISSED], w[L.S_MISSED_DONE], *options, w[L.S_HEARTBEAT], (w[L.S_UNTOLD], w[L.S_UNTOLD_TO]) if w[L.S_UNTOLD] else None,
        )  # fmt: skip
    instruments = {
        int(m[i]): (
            *(int(m[i + w]) for w in (L.I_LAST, L.I_OPEN_INTEREST, L.I_REFERENCE, L.I_COLLAR)),
            tuple(tuple(int(x) for x in m[b : b + 3]) for b in range(i + L.I_BANDS, i + L.I_BANDS + 3 * int(m[i + L.I_BAND_COUNT]), 3)),
        )
        for i in rows_by_id(m, L.P_INSTRUMENT)
    }
    q = pool(m, L.P_PAIR_HASH)
    pairs = {(int(a), int(b)): int(value) for a, b, value in m[q["base"] : q["base"] + 4 * q["cap"]].reshape(-1, 4)[:, :3] if a}
    header = [int(m[w]) for w in (L.H_TIME, L.H_TURN, L.H_EVENT_SEQ, L.H_ORDER_SEQ, L.H_TRADE_SEQ)]
    return {
        "seq": (header[0], header[1], header[2], header[3] + 1, header[4] + 1),
        "balances": cash,
        "external": {int(m[a]): -int(m[a + L.A_EXTERNAL]) for a in rows_by_id(m, L.P_ASSET)},
        "short": {(int(m[b + L.B_ACCOUNT]), int(m[b + L.B_ASSET])) for b in balances(m) if m[b + L.B_BUST]},
        "positions": positions,
        "open": {int(m[o + L.O_ID]): order_state(m, o) for o in open_orders(m)},
        "queues": queues,
        "settled": settled,
        "settling": settling,
        "debts": debts,
        "stood in": {int(m[e]): (int(m[e + L.E_FROM_BOND]), int(m[e + L.E_FROM_PLATFORM])) for e in rows_by_id(m, L.P_EVENT)},
        "closed": [archive_state(m, a) for a in archive_rows(m)],
        "used": [
            (int(m[b + L.U_FIRM]), int(m[b + L.U_AT]), bool(m[b + L.U_FILLED] == L.USED_RANGE), used_ids(m, b)) for b in used_blocks(m)
        ],
        "firms": {
            int(m[f]): (
                *bars(m, f + L.F_BARS),
                *(int(m[f + w]) for w in (L.F_WEIGHT, L.F_MOVED, L.F_ANSWERED, L.F_FORGOTTEN, L.F_WINDOW, L.F_NODES, L.F_POSITIONS)),
            )
            for f in rows_by_id(m, L.P_FIRM)
        },
        "venues": {int(m[v]): venue_state(m, v) for v in rows_by_id(m, L.P_VENUE)},
        "admits": {
            (about, int(m[at]), int(m[f])): value
            for about, kind, p, mode in ((C.ACCESS_VENUE, 6, L.P_VENUE, L.V_ACCESS), (C.ACCESS_EVENT, 7, L.P_EVENT, L.E_ACCESS))
            for at in rows_by_id(m, p)
            for f in (0, *rows_by_id(m, L.P_FIRM))
            if (value := int(m[at + mode]) if f == 0 else pairs.get((kind << 56 | int(m[f]), int(m[at])), 0))
        },
        "accounts": {int(m[a]): bars(m, a + L.AC_BARS) for a in rows_by_id(m, L.P_ACCOUNT)},
        "budgets": {int(m[a]): budget_state(m, a, pairs) for a in rows_by_id(m, L.P_ACCOUNT) if m[a + L.AC_BARS] & L.BAR_BUDGET},
        "held": {int(m[at + L.HE_NUMBER]): held_state(m, at) for at in held_rows(m)},
        "held seq": L.HELD_IDS + 1 + int(m[L.H_HELD]),
        "bound": {int(m[s]): int(m[s + L.S_BUDGET]) for s in rows_by_id(m, L.P_SESSION) if m[s + L.S_BARS] & L.BAR_BUDGET},
        "nodes": node_makers(m),
        "spare": {L.CO_COLUMNS + L.CO_COLUMN_COUNT * n: len(rows) for n, rows in spare_rows(m).items()},
        "events": events,
        "ahead": {
            int(m[i]): (
                *(int(m[i + w]) for w in (L.I_AHEAD, L.I_AHEAD_VERSION, L.I_AHEAD_UNTIL)),
                int(m[i + L.I_PAID_NEXT]) if m[i + L.I_AHEAD] != C.PH_FINAL else 0,
            )
            for i in rows_by_id(m, L.P_INSTRUMENT)
            if m[i + L.I_AHEAD]
        },
        "prices": prices(m),
        "instruments": instruments,
        "sessions": sessions,
    }


# ---------------------------------------------------------------------------------------------------- the structure walk
def free_rows(m: Arena, p: int) -> list[int]:
    q = pool(m, p)
    out = []
    at = q["free"]
    while at:
        assert (at - q["base"]) % q["width"] == 0 and 0 <= (at - q["base"]) // q["width"] < q["next"], "a free list leads out of its pool"
        out.append(at)
        assert len(out) <= q["next"], "a free list is a ring"
        at = int(m[at])
    return out


def check_pool(m: Arena, p: int, live: list[int]) -> None:
    """Rows in use and free rows are all rows that were ever used, each once."""
    q = pool(m, p)
    free = free_rows(m, p)
    name = L.POOL_NAMES[p]
    assert len(live) == len(set(live)), f"{name}: a row is in use twice"
    assert q["used"] == len(live), f"{name}: used {q['used']}, found {len(live)}"
    assert sorted(live + free) == [q["base"] + i * q["width"] for i in range(q["next"])], f"{name}: rows are lost or both free and used"


def walk(m: Arena) -> None:
    """AssertionError when any structure of the arena contradicts another."""
    orders = open_orders(m)
    assert len(orders) == m[L.H_OPEN_ORDERS], "the count of open orders is wrong"
    check_pool(m, L.P_ORDER, orders)
    check_books(m, set(orders))
    check_texts(m, orders)
    check_ids(m, orders)
    check_used(m)
    check_timers(m, orders)
    for event in rows_by_id(m, L.P_EVENT):
        check_event(m, event, orders)


def check_books(m: Arena, orders: set[int]) -> None:
    found, all_levels, all_nodes = set(), [], []
    for inst in rows_by_id(m, L.P_INSTRUMENT):
        count = 0
        for ask in (0, 1):
            side = levels(m, inst, ask)
            all_levels += side
            all_nodes += nodes(m, inst, ask)
            count += len(side)
            assert m[inst + L.I_BEST + ask] == (side[0] if side else 0), "the best level is another one"
            prices = [int(m[x + L.L_PRICE]) for x in side]
            assert prices == sorted(set(prices), reverse=not ask), "levels are out of order"
            for level in side:
                rows = queue(m, level)
                assert rows, "an empty level"
                assert m[level + L.L_QTY] == sum(int(m[o + L.O_LEAVES]) for o in rows), "a level's quantity is wrong"
                assert m[level + L.L_COUNT] == len(rows), "a level's count is wrong"
                for o in rows:
                    assert m[o + L.O_INSTRUMENT] == inst and (W.book_side_of(int(m[o + L.O_ATTR])) == C.SELL) == bool(ask), (
                        "an order rests elsewhere"
                    )
                    assert m[o + L.O_LEAVES] > 0 and m[o + L.O_LEAVES] == m[o + L.O_QTY] - m[o + L.O_CUM], "leaves is not total - filled"
                found |= set(rows)
        assert m[inst + L.I_LEVEL_COUNT] == count, "an instrument's count of levels is wrong"
        mine = [o for o in orders if m[o + L.O_INSTRUMENT] == inst]
        assert m[inst + L.I_ORDERS_OPEN] == len(mine), "an instrument's count of open orders is wrong"
    assert found == orders, "open orders that do not rest, or resting ones that are not open"
    check_pool(m, L.P_LEVEL, all_levels)
    check_pool(m, L.P_NODE, all_nodes)


def nodes(m: Arena, inst: int, ask: int) -> list[int]:
    root = int(m[inst + L.I_ROOT + ask])
    out = [root] if root else []
    layer = list(out)
    for _ in range(int(m[inst + L.I_DEPTH_SHIFT]) // 6):
        layer = [int(x) for node in layer for x in m[node + L.N_CHILD : node + L.N_CHILD + 64] if x]
        out += layer
    return out


def node_makers(m: Arena) -> dict[tuple[int, int, int, int], int]:
    """(contract, side, height, price without its last digits) of each node -> the firm that made it."""
    out = {}
    for inst in rows_by_id(m, L.P_INSTRUMENT):
        for ask, side in ((0, C.BUY), (1, C.SELL)):
            for level in levels(m, inst, ask):
                node, height = int(m[level + L.L_NODE]), 1
                while node:
                    out[int(m[inst]), side, height, int(m[level + L.L_PRICE]) // 64**height] = int(m[node + L.N_FIRM])
                    node, height = int(m[node + L.N_PARENT]), height + 1
    return out


def check_texts(m: Arena, orders: list[int]) -> None:
    closed = archive_rows(m)
    texts = [int(m[o + L.O_TEXT]) for o in orders] + [int(m[a + L.AR_TEXT]) for a in closed]
    check_pool(m, L.P_TEXT, [t for t in texts if t])
    check_pool(m, L.P_ARCHIVE, closed)
    firms = list(rows_by_id(m, L.P_FIRM))
    assert m[L.H_WEIGHTS] == sum(int(m[f + L.F_WEIGHT]) for f in firms), "the firms' weights do not sum"
    for f in firms:
        own, at = [], int(m[f + L.F_ACCOUNTS])
        while at:
            own.append(at)
            at = int(m[at + L.AC_NEXT_IN_FIRM])
        assert own == [a for a in rows_by_id(m, L.P_ACCOUNT) if m[a + L.AC_FIRM] == m[f]], "a firm's list of accounts is wrong"
        assert m[f + L.F_ACCOUNTS_LAST] == (own[-1] if own else 0), "the end of a firm's list of accounts is wrong"
        assert m[f + L.F_OPEN] == sum(1 for o in orders if m[o + L.O_FIRM] == m[f]), "a firm's count of open orders is wrong"
    for v in rows_by_id(m, L.P_VENUE):
        assert m[v + L.V_OPEN] == sum(1 for o in orders if m[o + L.O_ENTRY] >> 16 == m[v]), "a venue's count of open orders is wrong"
    made = list(node_makers(m).values())
    spare = [L.CO_COLUMNS + L.CO_COLUMN_COUNT * n for n, found in spare_rows(m).items() for _ in found]
    q = pool(m, L.P_COLLATERAL)
    assert q["used"] + sum(spare) == q["next"], "collateral words are lost"
    rows = [co for event in rows_by_id(m, L.P_EVENT) for co in collateral_rows(m, event)]
    for f in firms:
        words = sum(L.CO_COLUMNS + L.CO_COLUMN_COUNT * int(m[co + L.CO_N]) for co in rows if m[m[co + L.CO_ACCOUNT] + L.AC_FIRM] == m[f])
        assert m[f + L.F_NODES] == made.count(m[f]) and m[f + L.F_POSITIONS] == words, (
            "a firm's count of nodes or collateral words is wrong"
        )


def went_past(lines: Arena) -> list[int]:
    """How many entries of the ClOrdID table, in rows of eight words, had to go past each line from their own on."""
    passed = [0] * len(lines)
    for line, words in enumerate(lines[:, :7].tolist()):
        for word in filter(None, words):
            home = (word >> 32) % len(lines)
            for at in range(home, home + (line - home) % len(lines)):
                passed[at % len(lines)] += 1
    return passed


def check_ids(m: Arena, orders: list[int]) -> None:
    """The hash table refers to every open order and every archived id exactly once, and once more to what its older ids must find. Its lines are seven
    places and the number of entries that are in a later line than their own because it was full."""
    q = pool(m, L.P_ID_HASH)
    lines = m[q["base"] : q["base"] + q["cap"]].reshape(-1, 8)
    assert lines[:, 7].tolist() == went_past(lines), "a line of the ClOrdID table has another count of entries that went past it"
    entries = [int(x) & 0xFFFFFFFF for x in lines[:, :7].flat if x]
    archive, base = pool(m, L.P_ARCHIVE)["base"], pool(m, L.P_ORDER)["base"]
    expected = []
    for rows, first, width, attr, mark in (
        (orders, base, L.ORDER_WORDS, L.O_ATTR, 0),
        (archive_rows(m), archive, L.ARCHIVE_WORDS, L.AR_ATTR, ARCHIVED),
    ):
        for row in rows:
            ref = mark | ((row - first) // width + 1)
            status, replaced = W.status_of(int(m[row + attr])), W.was_replaced(int(m[row + attr]))
            expected += [ref, ref] if replaced and status != C.ST_REPLACED else [ref]
    assert sorted(entries) == sorted(expected), "the ClOrdID table refers to rows that are gone, or misses some"
    assert q["used"] == len(entries), "the ClOrdID table's count is wrong"


def check_used(m: Arena) -> None:
    """The table of used ids refers to every range and every single id exactly once."""
    blocks = used_blocks(m)
    check_pool(m, L.P_USED, blocks)
    q, base = pool(m, L.P_USED_HASH), pool(m, L.P_USED)["base"]
    entries = [int(x) & 0xFFFFFFFF for x in m[q["base"] : q["base"] + q["cap"]] if x]
    expected = []
    for b in blocks:
        ids, index = used_ids(m, b), (b - base) // L.USED_WORDS
        count = sum(word != 0 for word in ids)
        assert count and m[b + L.U_COUNT] == count, "a block's count is wrong, or it is empty"
        ranged = m[b + L.U_FILLED] == L.USED_RANGE
        expected += [1 << 31 | index] if ranged else [index << 6 | place for place, word in enumerate(ids) if word]
    assert sorted(entries) == sorted(expected), "the table of used ids refers to what is gone, or misses some"
    assert q["used"] == len(entries), "the count of the table of used ids is wrong"


def check_timers(m: Arena, orders: list[int]) -> None:
    base = pool(m, L.P_HEAP)["base"]
    size = int(m[L.H_TIMERS])
    timers = [int(t) for t in m[base : base + size]]
    timed = []
    for i, t in enumerate(timers):
        assert i == 0 or m[timers[(i - 1) // 2] + L.TM_TIME] < m[t + L.TM_TIME], "the heap of timers is out of order"
        assert m[t + L.TM_PLACE] == i, "a timer does not know its place in the heap"
        assert (m[t + L.TM_KIND], m[t + L.TM_TARGET]) == (L.TIMER_EXPIRY, 0), "a timer of a kind that nobody starts"
        rows, sp, before = [], int(m[t + L.TM_HEAD]), 0
        while sp:
            assert m[sp + L.SP_TIMER_PREV] == before and m[sp + L.SP_TIMER] == t and m[sp + L.SP_EXPIRY] == m[t + L.TM_TIME], (
                "a timer's list is wrong"
            )
            rows.append(sp)
            before, sp = sp, int(m[sp + L.SP_TIMER_NEXT])
        assert rows and m[t + L.TM_TAIL] == before and m[t + L.TM_COUNT] == len(rows), "a timer's tail or count is wrong"
        timed += rows
    check_pool(m, L.P_TIMER, timers)
    special = [int(m[o + L.O_SPECIAL]) for o in orders if m[o + L.O_SPECIAL]]
    assert [int(m[sp + L.SP_ORDER]) for sp in special] == [o for o in orders if m[o + L.O_SPECIAL]], "a side row is another order's"
    assert sorted(timed) == sorted(sp for sp in special if m[sp + L.SP_EXPIRY]), "an order with an expiry hangs on no timer"
    assert all(m[sp + L.SP_EXPIRY] for sp in special), "a plain order has a side row"
    check_pool(m, L.P_SPECIAL, special)
    check_pool(m, L.P_HELD, held_rows(m))


def check_event(m: Arena, event: int, orders: list[int]) -> None:
    first, n = int(m[event + L.E_FIRST]), int(m[event + L.E_N])
    mine = [o for o in orders if m[m[o + L.O_INSTRUMENT] + L.I_EVENT] == event]
    assert m[event + L.E_OPEN_ORDERS] == len(mine), "an event's count of open orders is wrong"
    rows = collateral_rows(m, event)
    for co in rows:
        check_chosen(m, co)
    for j in range(n):
        inst = first + j * L.INSTRUMENT_WORDS
        if first == 0 or m[inst] == 0:
            continue  # its definition row is still to come
        now = C.PH_PAUSED if m[event + L.E_SETTLING] == L.SETTLE_AHEAD else m[event + L.E_PHASE_NOW]
        assert m[inst + L.I_PHASE] == (m[inst + L.I_AHEAD] or now), "a contract's phase is not its event's"
        held = [int(m[co + L.CO_COLUMNS + j]) for co in rows]
        assert m[inst + L.I_OPEN_INTEREST] == sum(q for q in held if q > 0), "open interest is not the sum of long positions"
        for co in rows:
            own = [o for o in mine if m[o + L.O_COLL] == co and m[o + L.O_INSTRUMENT] == inst]
            for column, side in ((L.COL_BQ, C.BUY), (L.COL_SQ, C.SELL)):
                if side == C.BUY and (paid(m, event) or is_ahead(m, event, j)):
                    continue
                lots = sum(int(m[o + L.O_LEAVES]) for o in own if W.book_side_of(int(m[o + L.O_ATTR])) == side)
                assert m[co + L.CO_COLUMNS + column * int(m[co + L.CO_N]) + j] == lots, "the open quantity of a collateral row is wrong"


def check_chosen(m: Arena, co: int) -> None:
    """The counts of a collateral row are right, and either the k smallest are those below 0 and some zeros, or of each sixteen contracts the largest
    chosen v and the smallest other one are kept."""
    n, counts = int(m[co + L.CO_N]), int(m[co + L.CO_K])
    k = W.winners_of(counts)
    if not 1 < k < n:
        return
    at = co + L.CO_COLUMNS + L.COL_CHOSEN * n
    worth = [int(m[co + L.CO_COLUMNS + L.COL_V * n + j]) for j in range(n)]
    if W.is_counted(counts):
        below, above = sum(v < 0 for v in worth), sum(v > 0 for v in worth)
        assert (W.below_of(counts), W.above_of(counts)) == (below, above), "the counts of a collateral row are wrong"
        if W.by_sign(counts):
            assert below <= k <= n - above, "the k smallest are not those below 0 and some zeros"
            assert m[co + L.CO_WORST] == sum(v for v in worth if v < 0), "the sum of what is below 0 is wrong"
            return
    chosen = [bool(m[at + (j >> 6)] >> (j & 63) & 1) for j in range(n)]
    for block in range((n + 15) >> 4):
        of = range(16 * block, min(16 * block + 16, n))
        most = max([worth[j] for j in of if chosen[j]], default=-(1 << 62))
        least = min([worth[j] for j in of if not chosen[j]], default=1 << 62)
        kept = at + ((n + 63) >> 6) + 2 * block
        assert [int(m[kept]), int(m[kept + 1])] == [most, least], "the extremes of sixteen contracts are wrong"
