"""Consistency of the state's structures: books, lists, timers, ClOrdIDs and counts, each checked against the others.

`prove_structure` walks all structures, writes a row (PROOF_*, three numbers) for each error while `out` has room, and returns the number of
errors. Nothing is changed. tests/arena.py checks the same independently in plain Python.
"""

from typing import Any

import numpy as np

from protocol import codes as C

from . import layout as L
from .id_lines import count_entries, is_found, went_past
from .kit.bits import lsr
from .kit.jit import kernel, leaf
from .kit.lines import LINE
from .kit.pools import pool_base, pool_cap
from .layout.definitions import MAX_CONTRACTS
from .layout.packed import book_side_of, firm_of, own_side, status_of, was_replaced
from .life.ids import ALIAS_HI, ARCHIVED, PASSED, order_ref
from .money.collateral import keeps_settled
from .money.products import reserve_fee, reserve_part, sells_base
from .used_ids import blocks_of

# scratch: the path through a tree, sums, 4 words for each contract of the largest event, and 2 for each firm
SLOTS = 32
ORDERS = 64
LEVELS = 65
NODES = 66
CONTRACTS = 128
FIRMS = CONTRACTS + 4 * (MAX_CONTRACTS + 1)  # of each firm: nodes, collateral words
PROOF_WORDS = 4
PROOF_TRIE = 1
PROOF_BEST = 2
PROOF_QUEUE = 3
PROOF_LEVEL = 4
PROOF_ORDER = 5
PROOF_CROSSED = 6
PROOF_COUNT = 7
PROOF_ACCOUNT = 8
PROOF_TIMER = 9
PROOF_ARCHIVE = 10
PROOF_ID = 11
PROOF_OPEN_QTY = 12
PROOF_POOL = 13
PROOF_SHARE = 14
PROOF_SPECIAL = 15
PROOF_USED = 16
PROOF_LINE = 17
PROOF_TEXTS = {
    PROOF_TRIE: "instrument {0}, side {1}: the tree of its price levels contradicts itself at price {2}",
    PROOF_BEST: "instrument {0}, side {1}: the best level is another one than the book's ({2} levels counted)",
    PROOF_QUEUE: "instrument {0}: the queue at price {1} is broken at order {2}",
    PROOF_LEVEL: "instrument {0}: the level at price {1} has another quantity or count than its queue, {2} lots",
    PROOF_ORDER: "order {0}: leaves {1} is not total less filled, or its reserved fee {2} is not what it may still be charged",
    PROOF_CROSSED: "instrument {0}: the best bid {1} is not below the best ask {2}",
    PROOF_COUNT: "count {0} of open orders: {1} are found, {2} are noted",
    PROOF_ACCOUNT: "account {0}: its list of orders is broken: {1} are found, {2} are noted",
    PROOF_TIMER: "the timer of {0} ns is out of order, or its list is broken ({1} orders found, {2} noted)",
    PROOF_ARCHIVE: "firm {0}: its list of closed ClOrdIDs is broken: {1} are found, {2} are noted",
    PROOF_ID: "the table of ClOrdIDs: order {0} is not found under its id, or the table has other entries ({1} wanted, {2} there)",
    PROOF_OPEN_QTY: "event {0}, account {1}: open quantity or money of contract {2} is not the sum over its orders",
    PROOF_SHARE: "firm {0}: its {1} of a common table differ from what is found, {2}",
    PROOF_SPECIAL: "order {0}: its side row is another order's",
    PROOF_USED: "firm {0}: its blocks of used ids are broken: {1} are found, {2} are noted",
    PROOF_LINE: "the table of ClOrdIDs: {1} entries went past line {0}, {2} are noted",
    PROOF_POOL: "table {0}: {1} rows are in use, {2} are noted",
}
COUNT_ALL = 0
COUNT_TIMED = 1
COUNT_RESTING = 2
COUNT_VENUES = 3


@leaf
def note(out, found, code, a, b, c):
    """Record one more error; returns the number of errors."""
    at = found * PROOF_WORDS
    if at + PROOF_WORDS <= out.shape[0]:
        out[at] = code
        out[at + 1] = a
        out[at + 2] = b
        out[at + 3] = c
    return found + 1


@leaf
def _used(m, pool):
    return m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_USED]


@leaf
def _queue(m, out, found, inst, ask, level):
    """Check one level's queue and its orders."""
    total = 0
    count = 0
    before = 0
    o = m[level + L.L_HEAD]
    while o != 0 and count <= m[L.H_OPEN_ORDERS]:
        side = own_side(book_side_of(m[o + L.O_ATTR]))
        if (
            m[o + L.O_PREV] != before
            or m[o + L.O_LEVEL] != level
            or m[o + L.O_PRICE] != m[level + L.L_PRICE]
            or m[o + L.O_INSTRUMENT] != inst
            or side != ask
        ):
            found = note(out, found, PROOF_QUEUE, m[inst], m[level + L.L_PRICE], m[o + L.O_ID])
        fee = reserve_fee(
            m,
            inst,
            book_side_of(m[o + L.O_ATTR]),
            m[o + L.O_FEES],
            m[o + L.O_PRICE],
            m[o + L.O_LEAVES],
            m[o + L.O_FEE_NUM],
            m[o + L.O_FEE_PAID],
        )
        if m[o + L.O_LEAVES] <= 0 or m[o + L.O_LEAVES] != m[o + L.O_QTY] - m[o + L.O_CUM] or fee != m[o + L.O_RESERVED_FEE]:
            found = note(out, found, PROOF_ORDER, m[o + L.O_ID], m[o + L.O_LEAVES], m[o + L.O_RESERVED_FEE])
        total += m[o + L.O_LEAVES]
        count += 1
        before = o
        o = m[o + L.O_NEXT]
    if m[level + L.L_TAIL] != before or o != 0:
        found = note(out, found, PROOF_QUEUE, m[inst], m[level + L.L_PRICE], m[before + L.O_ID] if before != 0 else 0)
    if count == 0 or m[level + L.L_QTY] != total or m[level + L.L_COUNT] != count:
        found = note(out, found, PROOF_LEVEL, m[inst], m[level + L.L_PRICE], total)
    return found, count


@leaf
def _count_for(m, scratch, firm, what, rows):
    """Count `rows` rows or words of a shared table for a firm (id); an invalid firm id shows as a missing count elsewhere."""
    if 0 < firm < pool_cap(m, L.P_FIRM):
        scratch[FIRMS + 2 * firm + what] += rows


@leaf
def _side(m, out, found, inst, ask, scratch):
    """Check one side of a book, level by level from the lowest price. `scratch`: nodes and slots on the path, sums so far."""
    root = m[inst + L.I_ROOT + ask]
    depth = m[inst + L.I_DEPTH_SHIFT] // 6
    first = 0
    last = 0
    levels = 0
    at = 0
    if root != 0:
        scratch[0] = root
        scratch[SLOTS] = 0
        scratch[NODES] += 1
        _count_for(m, scratch, m[root + L.N_FIRM], 0, 1)
        if m[root + L.N_PARENT] != 0:
            found = note(out, found, PROOF_TRIE, m[inst], ask, 0)
    while root != 0 and at >= 0:
        node = scratch[at]
        slot = scratch[SLOTS + at]
        if slot == 64:
            at -= 1
            continue
        scratch[SLOTS + at] = slot + 1
        child = m[node + L.N_CHILD + slot]
        if (lsr(m[node + L.N_MASK], slot) & 1 != 0) != (child != 0):
            found = note(out, found, PROOF_TRIE, m[inst], ask, slot)
        if child == 0:
            continue
        if at < depth:
            if m[child + L.N_PARENT] != node or m[child + L.N_SLOT] != slot:
                found = note(out, found, PROOF_TRIE, m[inst], ask, slot)
            at += 1
            scratch[at] = child
            scratch[SLOTS + at] = 0
            scratch[NODES] += 1
            _count_for(m, scratch, m[child + L.N_FIRM], 0, 1)
            continue
        price = 0
        for i in range(depth + 1):
            price = (price << 6) | (scratch[SLOTS + i] - 1)
        if m[child + L.L_PRICE] != price:
            found = note(out, found, PROOF_TRIE, m[inst], ask, price)
        found, count = _queue(m, out, found, inst, ask, child)
        scratch[ORDERS] += count
        levels += 1
        first = child if first == 0 else first
        last = child
    if m[inst + L.I_BEST + ask] != (first if ask != 0 else last):
        found = note(out, found, PROOF_BEST, m[inst], ask, levels)
    scratch[LEVELS] += levels
    return found, levels


@leaf
def _books(m, out, found, scratch):
    for i in range(ORDERS, NODES + 1):
        scratch[i] = 0
    for i in range(1, pool_cap(m, L.P_INSTRUMENT)):
        inst = pool_base(m, L.P_INSTRUMENT) + i * L.INSTRUMENT_WORDS
        if m[inst] != i:
            continue
        before = scratch[ORDERS]
        found, bids = _side(m, out, found, inst, 0, scratch)
        found, asks = _side(m, out, found, inst, 1, scratch)
        if m[inst + L.I_LEVEL_COUNT] != bids + asks:
            found = note(out, found, PROOF_BEST, i, -1, bids + asks)
        if m[inst + L.I_ORDERS_OPEN] != scratch[ORDERS] - before:
            found = note(out, found, PROOF_COUNT, COUNT_RESTING, scratch[ORDERS] - before, m[inst + L.I_ORDERS_OPEN])
        bid = m[inst + L.I_BEST + L.BID]
        ask = m[inst + L.I_BEST + L.ASK]
        if bid != 0 and ask != 0 and m[bid + L.L_PRICE] >= m[ask + L.L_PRICE]:
            found = note(out, found, PROOF_CROSSED, i, m[bid + L.L_PRICE], m[ask + L.L_PRICE])
    if scratch[ORDERS] != m[L.H_OPEN_ORDERS]:
        found = note(out, found, PROOF_COUNT, COUNT_RESTING, scratch[ORDERS], m[L.H_OPEN_ORDERS])
    if scratch[LEVELS] != _used(m, L.P_LEVEL):
        found = note(out, found, PROOF_POOL, L.P_LEVEL, scratch[LEVELS], _used(m, L.P_LEVEL))
    if scratch[NODES] != _used(m, L.P_NODE):
        found = note(out, found, PROOF_POOL, L.P_NODE, scratch[NODES], _used(m, L.P_NODE))
    return found


@leaf
def _accounts(m, out, found):
    """Check every account's list of orders, that each order is in the ClOrdID table, and each firm's count of open orders."""
    total = 0
    texts = 0
    expiring = 0
    special = 0
    for i in range(1, pool_cap(m, L.P_ACCOUNT)):
        account = pool_base(m, L.P_ACCOUNT) + i * L.ACCOUNT_WORDS
        if m[account] != i:
            continue
        count = 0
        before = 0
        o = m[account + L.AC_ORDERS]
        while o != 0 and count <= m[L.H_OPEN_ORDERS]:
            if m[o + L.O_ACCT_PREV] != before or m[m[o + L.O_COLL] + L.CO_ACCOUNT] != account:
                found = note(out, found, PROOF_ACCOUNT, m[account + L.AC_ID], count, m[account + L.AC_ORDER_COUNT])
            if not is_found(m, m[o + L.O_FIRM], m[o + L.O_KEY_HI], m[o + L.O_KEY_LO], order_ref(m, o)):
                found = note(out, found, PROOF_ID, m[o + L.O_ID], 0, 0)
            if was_replaced(m[o + L.O_ATTR]) and not is_found(m, m[o + L.O_FIRM], ALIAS_HI, m[o + L.O_ID], order_ref(m, o)):
                found = note(out, found, PROOF_ID, m[o + L.O_ID], 1, 0)
            texts += 1 if m[o + L.O_TEXT] != 0 else 0
            sp = m[o + L.O_SPECIAL]
            if sp != 0:
                special += 1
                expiring += 1 if m[sp + L.SP_EXPIRY] != 0 else 0
                if m[sp + L.SP_ORDER] != o:
                    found = note(out, found, PROOF_SPECIAL, m[o + L.O_ID], 0, 0)
            count += 1
            before = o
            o = m[o + L.O_ACCT_NEXT]
        if count != m[account + L.AC_ORDER_COUNT]:
            found = note(out, found, PROOF_ACCOUNT, i, count, m[account + L.AC_ORDER_COUNT])
        total += count
    if total != m[L.H_OPEN_ORDERS] or total != _used(m, L.P_ORDER):
        found = note(out, found, PROOF_COUNT, COUNT_ALL, total, m[L.H_OPEN_ORDERS])
    if special != _used(m, L.P_SPECIAL):
        found = note(out, found, PROOF_POOL, L.P_SPECIAL, special, _used(m, L.P_SPECIAL))
    return found, texts, expiring


@leaf
def _held(m, out, found):
    """The orders that wait for a person are those in the lists of their accounts."""
    rows = 0
    for i in range(1, pool_cap(m, L.P_ACCOUNT)):
        account = pool_base(m, L.P_ACCOUNT) + i * L.ACCOUNT_WORDS
        at = m[account + L.AC_HELD] if m[account] == i else 0
        while at != 0 and m[at + L.HE_ACCOUNT] == i and rows <= pool_cap(m, L.P_HELD):
            rows += 1
            at = m[at + L.HE_NEXT]
    if rows != _used(m, L.P_HELD):
        found = note(out, found, PROOF_POOL, L.P_HELD, rows, _used(m, L.P_HELD))
    return found


@leaf
def _archive(m, out, found, texts):
    """Check every firm's closed ids, and that the table of ids has no other entries than these and the open orders'."""
    closed = 0
    entries = 0
    open_orders = 0
    for i in range(1, pool_cap(m, L.P_FIRM)):
        f = pool_base(m, L.P_FIRM) + i * L.FIRM_WORDS
        if m[f] != i:
            continue
        open_orders += m[f + L.F_OPEN]
        count = 0
        before = 0
        a = m[f + L.F_OLDEST]
        while a != 0 and count <= _used(m, L.P_ARCHIVE):
            ref = ARCHIVED | ((a - pool_base(m, L.P_ARCHIVE)) // L.ARCHIVE_WORDS + 1)
            late = before != 0 and m[before + L.AR_CLOSED_AT] > m[a + L.AR_CLOSED_AT]
            if firm_of(m[a + L.AR_FIRM_ACCOUNT]) != i or late:
                found = note(out, found, PROOF_ARCHIVE, i, count, m[f + L.F_CLOSED])
            if not is_found(m, i, m[a + L.AR_KEY_HI], m[a + L.AR_KEY_LO], ref):
                found = note(out, found, PROOF_ID, m[a + L.AR_ORDER], 2, 0)
            attr = m[a + L.AR_ATTR]
            if was_replaced(attr) and status_of(attr) != C.ST_REPLACED:
                entries += 1
                if not is_found(m, i, ALIAS_HI, m[a + L.AR_ORDER], ref):
                    found = note(out, found, PROOF_ID, m[a + L.AR_ORDER], 3, 0)
            texts += 1 if m[a + L.AR_TEXT] != 0 else 0
            count += 1
            before = a
            a = m[a + L.AR_NEXT]
        if count != m[f + L.F_CLOSED] or before != m[f + L.F_NEWEST]:
            found = note(out, found, PROOF_ARCHIVE, i, count, m[f + L.F_CLOSED])
        closed += count
    if open_orders != m[L.H_OPEN_ORDERS]:
        found = note(out, found, PROOF_COUNT, COUNT_ALL, open_orders, m[L.H_OPEN_ORDERS])
    through_venues = 0
    for i in range(1, pool_cap(m, L.P_VENUE)):
        through_venues += m[pool_base(m, L.P_VENUE) + i * L.VENUE_WORDS + L.V_OPEN]
    if through_venues != m[L.H_OPEN_ORDERS]:
        found = note(out, found, PROOF_COUNT, COUNT_VENUES, through_venues, m[L.H_OPEN_ORDERS])
    if closed != _used(m, L.P_ARCHIVE):
        found = note(out, found, PROOF_POOL, L.P_ARCHIVE, closed, _used(m, L.P_ARCHIVE))
    if texts != _used(m, L.P_TEXT):
        found = note(out, found, PROOF_POOL, L.P_TEXT, texts, _used(m, L.P_TEXT))
    return found, closed + entries


@leaf
def _ids(m, out, found, wanted):
    """Check that the ClOrdID table has no other entries than those of the orders and closed ids, so many in all, and what its lines count."""
    entries, aliases = count_entries(m)
    if entries != wanted + aliases or entries != _used(m, L.P_ID_HASH):
        found = note(out, found, PROOF_ID, 0, wanted + aliases, entries)
    base = pool_base(m, L.P_ID_HASH)
    for line in range(base, base + pool_cap(m, L.P_ID_HASH), LINE):
        passed = m[line + PASSED]
        if passed != 0 and went_past(m, line) != passed:
            found = note(out, found, PROOF_LINE, (line - base) // LINE, went_past(m, line), passed)
    return found


@leaf
def _used_ids(m, out, found):
    """Check every firm's blocks of used ids, and that their table has no other entries."""
    total = 0
    wanted = 0
    for i in range(1, pool_cap(m, L.P_FIRM)):
        f = pool_base(m, L.P_FIRM) + i * L.FIRM_WORDS
        if m[f] == i:
            right, blocks, entries = blocks_of(m, i, _used(m, L.P_USED))
            total += blocks
            wanted += entries
            if not right:
                found = note(out, found, PROOF_USED, i, blocks, m[f + L.F_BLOCKS])
    if total != _used(m, L.P_USED):
        found = note(out, found, PROOF_POOL, L.P_USED, total, _used(m, L.P_USED))
    entries = 0
    base = pool_base(m, L.P_USED_HASH)
    for i in range(pool_cap(m, L.P_USED_HASH) if _used(m, L.P_USED_HASH) > 0 else 0):
        entries += 1 if m[base + i] != 0 else 0
    if entries != wanted or entries != _used(m, L.P_USED_HASH):
        found = note(out, found, PROOF_POOL, L.P_USED_HASH, wanted, _used(m, L.P_USED_HASH))
    return found


@leaf
def _timers(m, out, found):
    """Check the heap of timers and the orders of each expiry."""
    base = pool_base(m, L.P_HEAP)
    size = m[L.H_TIMERS]
    timed = 0
    for i in range(size):
        t = m[base + i]
        up = m[base + ((i - 1) >> 1)] if i > 0 else 0
        count = 0
        before = 0
        right = m[t + L.TM_PLACE] == i and (up == 0 or m[up + L.TM_TIME] <= m[t + L.TM_TIME])
        if m[t + L.TM_KIND] == L.TIMER_EXPIRY:
            right = right and (up == 0 or m[up + L.TM_TIME] < m[t + L.TM_TIME]) and m[t + L.TM_HEAD] != 0
        sp = m[t + L.TM_HEAD]
        while sp != 0 and count <= m[L.H_OPEN_ORDERS]:
            right = right and m[sp + L.SP_TIMER_PREV] == before and m[sp + L.SP_TIMER] == t and m[sp + L.SP_EXPIRY] == m[t + L.TM_TIME]
            count += 1
            before = sp
            sp = m[sp + L.SP_TIMER_NEXT]
        if not right or count != m[t + L.TM_COUNT] or before != m[t + L.TM_TAIL]:
            found = note(out, found, PROOF_TIMER, m[t + L.TM_TIME], count, m[t + L.TM_COUNT])
        timed += count
    if size != _used(m, L.P_TIMER):
        found = note(out, found, PROOF_POOL, L.P_TIMER, size, _used(m, L.P_TIMER))
    return found, timed


@leaf
def _sums(m, out, found, event, scratch):
    """Check open quantity (lots) and money (minor units) of every collateral row of an event against the orders of its account."""
    co = m[event + L.E_COLL_HEAD]
    in_base = sells_base(m, event)  # the money of a spot pair is in the account's holds, not in columns
    counted = 0
    while co != 0:
        n = m[co + L.CO_N]
        _count_for(m, scratch, m[m[co + L.CO_ACCOUNT] + L.AC_FIRM], 1, L.CO_COLUMNS + L.CO_COLUMN_COUNT * n)
        for j in range(4 * n):
            scratch[CONTRACTS + j] = 0
        o = m[m[co + L.CO_ACCOUNT] + L.AC_ORDERS]
        while o != 0:
            if m[o + L.O_COLL] == co:
                inst = m[o + L.O_INSTRUMENT]
                side = book_side_of(m[o + L.O_ATTR])
                j = CONTRACTS + m[inst + L.I_INDEX] + (0 if side == C.BUY else n)
                counted += 1 if m[inst + L.I_EVENT] == event else 0
                scratch[j] += m[o + L.O_LEAVES]
                scratch[2 * n + j] += reserve_part(m, inst, side, m[o + L.O_PRICE], m[o + L.O_LEAVES]) + m[o + L.O_RESERVED_FEE]
            o = m[o + L.O_ACCT_NEXT]
        for j in range(n):
            columns = co + L.CO_COLUMNS + j
            at = CONTRACTS + j
            buys = 0 if j < m[event + L.E_N] and keeps_settled(m, event, j) else m[columns + L.COL_BQ * n]
            wrong = buys != scratch[at] or m[columns + L.COL_SQ * n] != scratch[n + at]
            money = m[columns + L.COL_BUY * n] != scratch[2 * n + at] or m[columns + L.COL_SELL * n] != scratch[3 * n + at]
            if wrong or not in_base and money:
                found = note(out, found, PROOF_OPEN_QTY, m[event], m[m[co + L.CO_ACCOUNT] + L.AC_ID], j)
        co = m[co + L.CO_NEXT_IN_EVENT]
    if counted != m[event + L.E_OPEN_ORDERS]:
        found = note(out, found, PROOF_COUNT, COUNT_ALL, counted, m[event + L.E_OPEN_ORDERS])
    return found


@leaf
def _shares(m, out, found, scratch):
    """Check each firm's use of the shared tables against its counts."""
    for i in range(1, pool_cap(m, L.P_FIRM)):
        f = pool_base(m, L.P_FIRM) + i * L.FIRM_WORDS
        if m[f] != i:
            continue
        if m[f + L.F_NODES] != scratch[FIRMS + 2 * i]:
            found = note(out, found, PROOF_SHARE, i, m[f + L.F_NODES], scratch[FIRMS + 2 * i])
        if m[f + L.F_POSITIONS] != scratch[FIRMS + 2 * i + 1]:
            found = note(out, found, PROOF_SHARE, i, m[f + L.F_POSITIONS], scratch[FIRMS + 2 * i + 1])
    return found


@leaf
def _spare(m, out, found):
    """Check that collateral rows in use and freed ones together are all words that were ever used."""
    d = L.H_POOLS + L.P_COLLATERAL * L.POOL_WORDS
    free = 0
    for n in range(pool_cap(m, L.P_SPARE)):
        co = m[pool_base(m, L.P_SPARE) + n]
        while co != 0 and free <= m[d + L.PL_NEXT]:
            words = L.CO_COLUMNS + L.CO_COLUMN_COUNT * n
            for i in range(1, words):
                if m[co + i] != 0:
                    found = note(out, found, PROOF_POOL, L.P_SPARE, i, m[co + i])
            free += words
            co = m[co]
    if free + m[d + L.PL_USED] != m[d + L.PL_NEXT]:
        found = note(out, found, PROOF_POOL, L.P_COLLATERAL, m[d + L.PL_NEXT] - free, m[d + L.PL_USED])
    return found


@leaf
def _free(m, out, found, pool):
    """Check that rows in use and free rows together are all rows that were ever used."""
    d = L.H_POOLS + pool * L.POOL_WORDS
    free = 0
    p = m[d + L.PL_FREE]
    while p != 0 and free <= m[d + L.PL_NEXT]:
        free += 1
        p = m[p]
    if free + m[d + L.PL_USED] != m[d + L.PL_NEXT]:
        found = note(out, found, PROOF_POOL, pool, m[d + L.PL_NEXT] - free, m[d + L.PL_USED])
    return found


@kernel("i8(i8[::1], i8[::1], i8[::1])")
def prove_structure(m, out, scratch):
    """Number of errors; `scratch`: see above."""
    found = _books(m, out, 0, scratch)
    found, texts, expiring = _accounts(m, out, found)
    found, wanted = _archive(m, out, found, texts)
    found = _used_ids(m, out, found)
    found, timed = _timers(m, out, found)
    found = _ids(m, out, found, wanted + m[L.H_OPEN_ORDERS])
    if timed != expiring:
        found = note(out, found, PROOF_COUNT, COUNT_TIMED, timed, expiring)
    for i in range(1, pool_cap(m, L.P_EVENT)):
        event = pool_base(m, L.P_EVENT) + i * L.EVENT_WORDS
        if m[event] == i:
            found = _sums(m, out, found, event, scratch)
    found = _shares(m, out, found, scratch)
    found = _spare(m, out, found)
    found = _held(m, out, found)
    for pool in (L.P_ORDER, L.P_LEVEL, L.P_NODE, L.P_TEXT, L.P_ARCHIVE, L.P_TIMER, L.P_SPECIAL, L.P_USED, L.P_HELD):
        found = _free(m, out, found, pool)
    return found


def structure(m: Any, most: int = 100) -> list[str]:
    """Sentences about errors in the structure: the first `most`, and how many more there are."""
    out = np.zeros(most * PROOF_WORDS, np.int64)
    found = int(prove_structure(m, out, np.zeros(FIRMS + 2 * int(m[L.H_POOLS + L.P_FIRM * L.POOL_WORDS + L.PL_CAP]), np.int64)))
    return sentences(out, found, PROOF_TEXTS)


def sentences(out: Any, found: int, texts: dict[int, str]) -> list[str]:
    """The rows of `out` as sentences."""
    rows = out.reshape(-1, PROOF_WORDS)[:found].tolist()
    lines = [texts[code].format(*numbers) for code, *numbers in rows]
    return lines + [f"and {found - len(rows)} more"] if found > len(rows) else lines
