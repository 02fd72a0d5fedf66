"""Prefetching: the following rows of a turn show which cache lines they will need.

A command touches a dozen cache lines that were not touched recently (ClOrdID slot, order, its neighbours in the queue and in the account's
list, level, collateral row). Loaded from memory one after the other they cost 100 ns and more each. Three stages ahead of the current row
prefetch them: 18 rows ahead the slot of the ClOrdID table, 12 rows ahead the row it points to, 6 rows ahead what that row points to. These
are hints only and nothing is written, so events, state and replay are the same without them. Rows ahead may be text rows with any content,
so every word read here is checked to be in its table.
"""

from protocol import codes as C

from . import layout as L
from .kit.bits import mix2, mix3, touch
from .kit.jit import leaf
from .kit.pairs import PAIR_COLLATERAL, PAIR_WORDS
from .kit.pools import pool_base, pool_cap
from .kit.rows import instrument_at, session_at
from .layout.packed import account_of, hash_of, instrument_of, kind_of, ref_of, session_of
from .life.ids import ARCHIVED

FAR = 18 * L.CMD_WORDS  # words ahead, stage 1; then stages 2 and 3
MIDDLE = 12 * L.CMD_WORDS
NEAR = 6 * L.CMD_WORDS


@leaf
def slot_of(m, firm, hi, lo):
    """Home slot of a ClOrdID: (arena offset, hash)."""
    h = mix3(firm, hi, lo)
    return pool_base(m, L.P_ID_HASH) + (h & (pool_cap(m, L.P_ID_HASH) - 1)), h


@leaf
def order_of_slot(m, firm, hi, lo):
    """The open order (pointer) whose id is in its home slot, else 0. Sufficient for a hint."""
    slot, h = slot_of(m, firm, hi, lo)
    word = m[slot]
    ref = ref_of(word)
    if word == 0 or hash_of(word) != h:
        return 0
    if ref & ARCHIVED:
        touch(m, pool_base(m, L.P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * L.ARCHIVE_WORDS)
        return 0
    return pool_base(m, L.P_ORDER) + (ref - 1) * L.ORDER_WORDS


@leaf
def pair_slot(m, rows, c, s):
    """(arena offset of the home slot of (account, event), instrument pointer) of a new order; (0, 0) if the instrument is unknown."""
    inst = instrument_at(m, instrument_of(rows[c + L.CMD_INSTRUMENT]))
    if inst == 0:
        return 0, 0
    account = account_of(rows[c + L.CMD_SESSION_ACCOUNT])
    if account == 0:
        account = m[s + L.S_ACCOUNT]
    key = (PAIR_COLLATERAL << 56) | account
    slot = mix2(key, m[m[inst + L.I_EVENT]]) & (pool_cap(m, L.P_PAIR_HASH) - 1)
    return pool_base(m, L.P_PAIR_HASH) + slot * PAIR_WORDS, inst


@leaf
def touch_collateral(m, co, inst):
    """Prefetch the cache lines of a collateral row (pointer) that an order in this contract changes."""
    touch(m, co)
    touch(m, co + 8)
    n = m[co + L.CO_N]
    if n > 1:
        j = co + L.CO_COLUMNS + m[inst + L.I_INDEX]
        touch(m, j)
        touch(m, j + L.COL_BUY * n)
        touch(m, j + L.COL_SELL * n)
        touch(m, j + L.COL_V * n)
        touch(m, j + L.COL_BQ * n)
        touch(m, j + L.COL_SQ * n)
        if 1 < m[co + L.CO_K] < n:
            chosen = co + L.CO_COLUMNS + L.COL_CHOSEN * n
            for at in range(0, ((n + 63) >> 6) + 2 * ((n + 15) >> 4), 8):
                touch(m, chosen + at)
    else:
        touch(m, co + L.CO_COLUMNS)
    touch(m, m[co + L.CO_CASH])


@leaf
def asker(m, rows, c):
    """(kind, session pointer) of a row ahead; session 0: nothing to prefetch."""
    kind = kind_of(rows[c + L.CMD_HEAD])
    if kind < C.C_NEW or kind > C.C_REPLACE:
        return kind, 0
    return kind, session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))


@leaf
def look_far(m, rows, c):
    """Stage 1: prefetch the home slots of the row's ClOrdIDs, or of (account, event) for a new order."""
    kind, s = asker(m, rows, c)
    if s == 0:
        return
    firm = m[s + L.S_FIRM]
    slot, _ = slot_of(m, firm, rows[c + L.CMD_ID_HI], rows[c + L.CMD_ID_LO])
    if kind != C.C_CANCEL:
        touch(m, slot)
    if kind != C.C_NEW:
        slot, _ = slot_of(m, firm, rows[c + L.CMD_ORIG_HI], rows[c + L.CMD_ORIG_LO])
        touch(m, slot)
    else:
        slot, _ = pair_slot(m, rows, c, s)
        if slot != 0:
            touch(m, slot)


@leaf
def look_middle(m, rows, c):
    """Stage 2: prefetch the order that a cancel or replace names; for a new order the collateral row and the book's root nodes."""
    kind, s = asker(m, rows, c)
    if s == 0:
        return
    if kind != C.C_NEW:
        o = order_of_slot(m, m[s + L.S_FIRM], rows[c + L.CMD_ORIG_HI], rows[c + L.CMD_ORIG_LO])
        if o != 0:
            touch(m, o)
            touch(m, o + 8)
            touch(m, o + 16)
            touch(m, o + 24)
        return
    slot, inst = pair_slot(m, rows, c, s)
    if slot == 0:
        return
    co = m[slot + 2]
    if co != 0:
        touch(m, co)
        touch(m, co + 8)
        touch(m, co + L.CO_COLUMNS)
    # The root node of each side, and its child slot for this price.
    shift = m[inst + L.I_DEPTH_SHIFT]
    price = rows[c + L.CMD_PRICE]
    for ask in range(2):
        node = m[inst + L.I_ROOT + ask]
        if node != 0:
            touch(m, node)
            touch(m, node + L.N_CHILD + ((price >> shift) & 63))


@leaf
def look_near(m, rows, c):
    """Stage 3: prefetch the neighbours, level and collateral columns of that order; for a new order the collateral columns and the
    account."""
    kind, s = asker(m, rows, c)
    if s == 0:
        return
    if kind == C.C_NEW:
        slot, inst = pair_slot(m, rows, c, s)
        if slot != 0 and m[slot + 2] != 0 and m[slot + 1] == m[m[inst + L.I_EVENT]]:
            co = m[slot + 2]
            touch_collateral(m, co, inst)
            touch(m, m[co + L.CO_ACCOUNT])
        return
    firm = m[s + L.S_FIRM]
    o = order_of_slot(m, firm, rows[c + L.CMD_ORIG_HI], rows[c + L.CMD_ORIG_LO])
    if o == 0 or m[o + L.O_FIRM] != firm:
        return
    touch(m, m[o + L.O_LEVEL])
    touch(m, m[o + L.O_NEXT])
    touch(m, m[o + L.O_PREV])
    touch(m, m[o + L.O_ACCT_NEXT] + L.O_ACCT_NEXT)
    touch(m, m[o + L.O_ACCT_PREV] + L.O_ACCT_NEXT)
    touch_collateral(m, m[o + L.O_COLL], m[o + L.O_INSTRUMENT])


@leaf
def look_ahead(m, rows, c, words):
    """Prefetch for the rows ahead of the one at c; `words` is the end of the rows."""
    if c + FAR < words:
        look_far(m, rows, c + FAR)
    if c + MIDDLE < words:
        look_middle(m, rows, c + MIDDLE)
    if c + NEAR < words:
        look_near(m, rows, c + NEAR)
