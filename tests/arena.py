"""The core's arena read in plain Python: the same state as Model.state(), and a walk that proves its structure.

Nothing here calls a kernel. `state(m)` follows only what a reader needs (rows by id, queues, account lists); `walk(m)` then checks
every link, list, mask, count, hash entry and sum against each other, and every pool's count of used rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_server.core import records as r
from protocol import codes as C
from tests.bridge import text_key
from tests.model_world import Key

Arena = NDArray[np.int64]
STATUS_SHIFT, REASON_SHIFT = 28, 36
ARCHIVED = 1 << 31


def pool(m: Arena, p: int) -> dict[str, int]:
    d = r.H_POOLS + p * r.POOL_WORDS
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
        assert text_key(name.encode()) == (hi, lo), "a stored text does not have its order's key"
        return name
    assert hi == 0, "a hashed key without its text"
    return lo


def price_of(m: Arena, inst: int, contract_side: int, price: int) -> int:
    return int(m[inst + r.I_PAYOUT]) - price if contract_side == C.NO else price


def levels(m: Arena, inst: int, ask: int) -> list[int]:
    """Levels of a book side, best first, found by walking the whole trie in order of price."""
    out: list[int] = []

    def visit(node: int, shift: int) -> None:
        mask = int(m[node + r.N_MASK]) & ((1 << 64) - 1)
        for slot in range(64):
            child = int(m[node + r.N_CHILD + slot])
            assert bool(mask >> slot & 1) == (child != 0), "mask and children of a node differ"
            if child and shift == 0:
                out.append(child)
            elif child:
                assert m[child + r.N_PARENT] == node and m[child + r.N_SLOT] == slot, "a node does not know its parent"
                visit(child, shift - 6)

    root = int(m[inst + r.I_BID_ROOT + ask])
    if root:
        assert m[root + r.N_PARENT] == 0
        visit(root, int(m[inst + r.I_DEPTH_SHIFT]))
    return out if ask else out[::-1]


def queue(m: Arena, level: int) -> list[int]:
    out = []
    o, before = int(m[level + r.L_HEAD]), 0
    while o:
        assert m[o + r.O_PREV] == before, "a queue's back link is wrong"
        assert m[o + r.O_LEVEL] == level, "an order does not know its level"
        assert m[o + r.O_PRICE] == m[level + r.L_PRICE], "an order rests at another price's level"
        out.append(o)
        before, o = o, int(m[o + r.O_NEXT])
    assert m[level + r.L_TAIL] == before, "a queue's tail is wrong"
    return out


def account_orders(m: Arena, account: int) -> list[int]:
    out = []
    o, before = int(m[account + r.AC_ORDERS]), 0
    while o:
        assert m[o + r.O_ACCT_PREV] == before, "an account list's back link is wrong"
        out.append(o)
        before, o = o, int(m[o + r.O_ACCT_NEXT])
    assert len(out) == m[account + r.AC_ORDER_COUNT], "an account's count of orders is wrong"
    return out


def open_orders(m: Arena) -> list[int]:
    return [o for a in rows_by_id(m, r.P_ACCOUNT) for o in account_orders(m, a)]


def archive_rows(m: Arena) -> list[int]:
    """Archived ids that still count, oldest first (older ones wait to be forgotten and are not shown)."""
    q = pool(m, r.P_ARCHIVE)
    at, used = int(m[r.H_ARCHIVE_TAIL]), int(m[r.H_ARCHIVE_USED])
    rows = [q["base"] + (at + i) % q["cap"] * q["width"] for i in range(used)]
    limit = int(m[r.H_TIME]) - int(m[r.H_RETENTION_NS])
    return [a for a in rows if m[a + r.AR_CLOSED_AT] > limit]


def collateral_rows(m: Arena, event: int) -> list[int]:
    out = []
    co = int(m[event + r.E_COLL_HEAD])
    while co:
        out.append(co)
        co = int(m[co + r.CO_NEXT_IN_EVENT])
    return out


def balances(m: Arena) -> list[int]:
    q = pool(m, r.P_BALANCE)
    return [q["base"] + i * q["width"] for i in range(q["next"])]


def order_state(m: Arena, o: int) -> tuple[Any, ...]:
    attr = int(m[o + r.O_ATTR])
    inst = int(m[o + r.O_INSTRUMENT])
    words = m[o : o + r.ORDER_WORDS].tolist()
    return (
        words[r.O_FIRM], key_of(m, words[r.O_KEY_HI], words[r.O_KEY_LO], words[r.O_TEXT]), int(m[m[words[r.O_COLL] + r.CO_ACCOUNT] + r.AC_ID]),
        words[r.O_SESSION], words[r.O_ENTRY] >> 16, int(m[inst + r.I_ID]), attr & 15, attr >> 4 & 15, attr >> 8 & 15, attr >> 12 & 15,
        attr >> 16 & 15, words[r.O_PRICE], words[r.O_QTY], words[r.O_CUM], words[r.O_LEAVES], attr >> STATUS_SHIFT & 255, words[r.O_NOTIONAL],
        words[r.O_EXPIRY], words[r.O_RESERVED_FEE], words[r.O_FEE_PAID], words[r.O_REBATE_PAID], words[r.O_NET_FEE],
    )  # fmt: skip


def archive_state(m: Arena, a: int) -> tuple[Any, ...]:
    w = m[a : a + r.ARCHIVE_WORDS].tolist()
    attr = w[r.AR_ATTR]
    return (
        w[r.AR_FIRM_ACCOUNT] >> 32, key_of(m, w[r.AR_KEY_HI], w[r.AR_KEY_LO], w[r.AR_TEXT]), attr >> STATUS_SHIFT & 255,
        attr >> REASON_SHIFT & 0xFFFF, w[r.AR_ORDER], w[r.AR_FIRM_ACCOUNT] & 0xFFFFFFFF, w[r.AR_INSTRUMENT] >> 32, w[r.AR_PRICE], w[r.AR_QTY],
        w[r.AR_CUM],
    )  # fmt: skip


def state(m: Arena) -> dict[str, Any]:
    """The same shape as Model.state()."""
    cash = {
        (int(m[b + r.B_ACCOUNT]), int(m[b + r.B_ASSET])): (int(m[b + r.B_CASH]), int(m[b + r.B_LOCKED]))
        for b in balances(m)
        if m[b + r.B_CASH] or m[b + r.B_LOCKED]
    }
    positions: dict[tuple[int, int], int] = {}
    events = {}
    for event in rows_by_id(m, r.P_EVENT):
        first, n = int(m[event + r.E_FIRST]), int(m[event + r.E_N])
        events[int(m[event])] = tuple(int(m[event + w]) for w in (r.E_PHASE_NOW, r.E_SETS, r.E_POOL, r.E_VERSION))
        for co in collateral_rows(m, event):
            for j in range(n):
                if q := int(m[co + r.CO_COLUMNS + j]):
                    positions[int(m[m[co + r.CO_ACCOUNT] + r.AC_ID]), int(m[first + j * r.INSTRUMENT_WORDS + r.I_ID])] = q
    queues = {}
    for inst in rows_by_id(m, r.P_INSTRUMENT):
        for ask, side in ((0, C.BUY), (1, C.SELL)):
            ids = [int(m[o + r.O_ID]) for level in levels(m, inst, ask) for o in queue(m, level)]
            if ids:
                queues[int(m[inst + r.I_ID]), side] = ids
    sessions = {}
    for s in rows_by_id(m, r.P_SESSION):
        w = m[s : s + r.SESSION_WORDS].tolist()
        on = bool(w[r.S_FLAGS] & r.SF_LOGGED_ON)
        options = bool(w[r.S_FLAGS] & r.SF_CANCEL_ON_DISCONNECT), bool(w[r.S_FLAGS] & r.SF_SETTLEMENT)
        sessions[w[0]] = (
            w[r.S_NEXT_OUT], w[r.S_NEXT_IN], w[r.S_LAST_EVENT], w[r.S_GENERATION], on, w[r.S_ABSENT_FROM], w[r.S_KILLED],
            w[r.S_MISSED], w[r.S_MISSED_DONE], *options, w[r.S_HEARTBEAT], (w[r.S_UNTOLD], w[r.S_UNTOLD_TO]) if w[r.S_UNTOLD] else None,
        )  # fmt: skip
    instruments = {
        int(m[i]): tuple(int(m[i + w]) for w in (r.I_LAST, r.I_OPEN_INTEREST, r.I_REFERENCE, r.I_COLLAR))
        for i in rows_by_id(m, r.P_INSTRUMENT)
    }
    header = [int(m[w]) for w in (r.H_TIME, r.H_TURN, r.H_EVENT_SEQ, r.H_ORDER_SEQ, r.H_TRADE_SEQ)]
    return {
        "seq": (header[0], header[1], header[2], header[3] + 1, header[4] + 1),
        "balances": cash,
        "external": {int(m[a]): int(m[a + r.A_EXTERNAL]) for a in rows_by_id(m, r.P_ASSET)},
        "positions": positions,
        "open": {int(m[o + r.O_ID]): order_state(m, o) for o in open_orders(m)},
        "queues": queues,
        "closed": [archive_state(m, a) for a in archive_rows(m)],
        "events": events,
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
    name = r.POOL_NAMES[p]
    assert len(live) == len(set(live)), f"{name}: a row is in use twice"
    assert q["used"] == len(live), f"{name}: used {q['used']}, found {len(live)}"
    assert sorted(live + free) == [q["base"] + i * q["width"] for i in range(q["next"])], f"{name}: rows are lost or both free and used"


def walk(m: Arena) -> None:
    """AssertionError when any structure of the arena contradicts another."""
    orders = open_orders(m)
    assert len(orders) == m[r.H_OPEN_ORDERS], "the count of open orders is wrong"
    check_pool(m, r.P_ORDER, orders)
    check_books(m, set(orders))
    check_texts(m, orders)
    check_ids(m, orders)
    check_timers(m, orders)
    for event in rows_by_id(m, r.P_EVENT):
        check_event(m, event, orders)


def check_books(m: Arena, orders: set[int]) -> None:
    found, all_levels, all_nodes = set(), [], []
    for inst in rows_by_id(m, r.P_INSTRUMENT):
        count = 0
        for ask in (0, 1):
            side = levels(m, inst, ask)
            all_levels += side
            all_nodes += nodes(m, inst, ask)
            count += len(side)
            assert m[inst + r.I_BEST_BID + ask] == (side[0] if side else 0), "the best level is another one"
            prices = [int(m[x + r.L_PRICE]) for x in side]
            assert prices == sorted(set(prices), reverse=not ask), "levels are out of order"
            for level in side:
                rows = queue(m, level)
                assert rows, "an empty level"
                assert m[level + r.L_QTY] == sum(int(m[o + r.O_LEAVES]) for o in rows), "a level's quantity is wrong"
                assert m[level + r.L_COUNT] == len(rows), "a level's count is wrong"
                for o in rows:
                    assert m[o + r.O_INSTRUMENT] == inst and (int(m[o + r.O_ATTR]) & 15 == C.SELL) == bool(ask), "an order rests elsewhere"
                    assert m[o + r.O_LEAVES] > 0 and m[o + r.O_LEAVES] == m[o + r.O_QTY] - m[o + r.O_CUM], "leaves is not total - filled"
                found |= set(rows)
        assert m[inst + r.I_LEVEL_COUNT] == count, "an instrument's count of levels is wrong"
        mine = [o for o in orders if m[o + r.O_INSTRUMENT] == inst]
        assert m[inst + r.I_ORDERS_OPEN] == len(mine), "an instrument's count of open orders is wrong"
    assert found == orders, "open orders that do not rest, or resting ones that are not open"
    check_pool(m, r.P_LEVEL, all_levels)
    check_pool(m, r.P_NODE, all_nodes)


def nodes(m: Arena, inst: int, ask: int) -> list[int]:
    root = int(m[inst + r.I_BID_ROOT + ask])
    out = [root] if root else []
    layer = list(out)
    for _ in range(int(m[inst + r.I_DEPTH_SHIFT]) // 6):
        layer = [int(x) for node in layer for x in m[node + r.N_CHILD : node + r.N_CHILD + 64] if x]
        out += layer
    return out


def check_texts(m: Arena, orders: list[int]) -> None:
    q = pool(m, r.P_ARCHIVE)
    ring = [q["base"] + (int(m[r.H_ARCHIVE_TAIL]) + i) % q["cap"] * q["width"] for i in range(int(m[r.H_ARCHIVE_USED]))]
    texts = [int(m[o + r.O_TEXT]) for o in orders] + [int(m[a + r.AR_TEXT]) for a in ring]
    check_pool(m, r.P_TEXT, [t for t in texts if t])
    assert (int(m[r.H_ARCHIVE_TAIL]) + int(m[r.H_ARCHIVE_USED])) % q["cap"] == m[r.H_ARCHIVE_HEAD] % q["cap"], "the archive ring is broken"
    assert m[r.H_ARCHIVE_USED] + m[r.H_OPEN_ORDERS] <= q["cap"], "an open order without an archive row in reserve"


def check_ids(m: Arena, orders: list[int]) -> None:
    """The hash table refers to every open order and every archived id exactly once."""
    q = pool(m, r.P_ID_HASH)
    entries = [int(x) & 0xFFFFFFFF for x in m[q["base"] : q["base"] + q["cap"]] if x]
    archive = pool(m, r.P_ARCHIVE)
    ring = [(int(m[r.H_ARCHIVE_TAIL]) + i) % archive["cap"] for i in range(int(m[r.H_ARCHIVE_USED]))]
    base = pool(m, r.P_ORDER)["base"]
    expected = [(o - base) // r.ORDER_WORDS + 1 for o in orders] + [ARCHIVED | (i + 1) for i in ring]
    assert sorted(entries) == sorted(expected), "the ClOrdID table refers to rows that are gone, or misses some"
    assert q["used"] == len(entries), "the ClOrdID table's count is wrong"


def check_timers(m: Arena, orders: list[int]) -> None:
    base = pool(m, r.P_HEAP)["base"]
    size = int(m[r.H_HEAP_SIZE])
    buckets = [int(b) for b in m[base : base + size]]
    timed = []
    for i, b in enumerate(buckets):
        assert i == 0 or m[buckets[(i - 1) // 2] + r.BK_TIME] < m[b + r.BK_TIME], "the timer heap is out of order"
        assert m[b + r.BK_POS] == i, "a bucket does not know its place in the heap"
        rows, o, before = [], int(m[b + r.BK_HEAD]), 0
        while o:
            assert m[o + r.O_TIMER_PREV] == before and m[o + r.O_BUCKET] == b and m[o + r.O_EXPIRY] == m[b + r.BK_TIME], (
                "a timer list is wrong"
            )
            rows.append(o)
            before, o = o, int(m[o + r.O_TIMER_NEXT])
        assert rows and m[b + r.BK_TAIL] == before and m[b + r.BK_COUNT] == len(rows), "a bucket's tail or count is wrong"
        timed += rows
    check_pool(m, r.P_BUCKET, buckets)
    assert sorted(timed) == sorted(o for o in orders if m[o + r.O_EXPIRY]), "an order with an expiry is in no bucket"


def check_event(m: Arena, event: int, orders: list[int]) -> None:
    first, n = int(m[event + r.E_FIRST]), int(m[event + r.E_N])
    mine = [o for o in orders if m[m[o + r.O_INSTRUMENT] + r.I_EVENT] == event]
    assert m[event + r.E_OPEN_ORDERS] == len(mine), "an event's count of open orders is wrong"
    rows = collateral_rows(m, event)
    for j in range(n):
        inst = first + j * r.INSTRUMENT_WORDS
        if first == 0 or m[inst] == 0:
            continue  # its definition row is still to come
        assert m[inst + r.I_PHASE] == m[event + r.E_PHASE_NOW], "a contract's phase is not its event's"
        held = [int(m[co + r.CO_COLUMNS + j]) for co in rows]
        assert m[inst + r.I_OPEN_INTEREST] == sum(q for q in held if q > 0), "open interest is not the sum of long positions"
        for co in rows:
            own = [o for o in mine if m[o + r.O_COLL] == co and m[o + r.O_INSTRUMENT] == inst]
            for column, side in ((r.COL_BQ, C.BUY), (r.COL_SQ, C.SELL)):
                lots = sum(int(m[o + r.O_LEAVES]) for o in own if int(m[o + r.O_ATTR]) & 15 == side)
                assert m[co + r.CO_COLUMNS + column * n + j] == lots, "the open quantity of a collateral row is wrong"
