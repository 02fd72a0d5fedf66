"""Rows and tables of the arena: allocation, rows by id, the pair table and the ClOrdID table.

Nothing here fails by itself: a full pool or table answers 0 and the caller refuses with a code.
"""

from protocol.codes import ST_REPLACED

from .bits import lsr, mix2, mix3
from .jit import leaf
from .records import (
    ACCOUNT_WORDS,
    AR_ATTR,
    AR_CLOSED_AT,
    AR_FIRM_ACCOUNT,
    AR_KEY_HI,
    AR_KEY_LO,
    AR_ORDER,
    AR_TEXT,
    ARCHIVE_WORDS,
    ASSET_WORDS,
    EVENT_WORDS,
    FIRM_WORDS,
    H_POOLS,
    H_RETENTION_NS,
    H_TIME,
    INSTRUMENT_WORDS,
    O_FIRM,
    O_ID,
    O_KEY_HI,
    O_KEY_LO,
    O_TEXT,
    ORDER_WORDS,
    P_ACCOUNT,
    P_ARCHIVE,
    P_ASSET,
    P_EVENT,
    P_FIRM,
    P_ID_HASH,
    P_INSTRUMENT,
    P_ORDER,
    P_PAIR_HASH,
    P_SESSION,
    P_VENUE,
    PL_BASE,
    PL_CAP,
    PL_FREE,
    PL_NEXT,
    PL_USED,
    PL_WIDTH,
    POOL_WORDS,
    SESSION_WORDS,
    VENUE_WORDS,
)

STATUS_SHIFT = 28  # of O_ATTR and AR_ATTR
PAIR_WORDS = 4
PAIR_BALANCE = 1  # (account id, asset id) -> balance row
PAIR_COLLATERAL = 2  # (account id, event id) -> collateral row
PAIR_LISTING = 3  # (venue id, instrument id) -> listing row
PAIR_BUCKET = 4  # (expiry) -> timer bucket
PAIR_RESTRICT = 5  # (firm id, event id) -> 1

ARCHIVED = 1 << 31  # bit of a ClOrdID reference: archive row, not open order
ALIAS_HI = 1  # no ClOrdID has this key: (1, OrderID) stands for an order whose ClOrdID was replaced, open or closed


@leaf
def pool_alloc(m, pool):
    """A row of the pool, 0 when it is full. Word 0 is whatever the free list left there; the caller sets all it needs."""
    d = H_POOLS + pool * POOL_WORDS
    p = m[d + PL_FREE]
    if p != 0:
        m[d + PL_FREE] = m[p]
    else:
        i = m[d + PL_NEXT]
        if i >= m[d + PL_CAP]:
            return 0
        m[d + PL_NEXT] = i + 1
        p = m[d + PL_BASE] + i * m[d + PL_WIDTH]
    m[d + PL_USED] += 1
    return p


@leaf
def pool_release(m, pool, p):
    d = H_POOLS + pool * POOL_WORDS
    m[p] = m[d + PL_FREE]
    m[d + PL_FREE] = p
    m[d + PL_USED] -= 1


@leaf
def pool_left(m, pool):
    d = H_POOLS + pool * POOL_WORDS
    return m[d + PL_CAP] - m[d + PL_USED]


@leaf
def pool_base(m, pool):
    return m[H_POOLS + pool * POOL_WORDS + PL_BASE]


@leaf
def pool_cap(m, pool):
    return m[H_POOLS + pool * POOL_WORDS + PL_CAP]


@leaf
def row_by_id(m, pool, width, i):
    """Row of a defined id, else 0. Every row by id holds its own id in word 0."""
    d = H_POOLS + pool * POOL_WORDS
    if i <= 0 or i >= m[d + PL_CAP]:
        return 0
    p = m[d + PL_BASE] + i * width
    if m[p] != i:
        return 0
    return p


@leaf
def asset_at(m, i):
    return row_by_id(m, P_ASSET, ASSET_WORDS, i)


@leaf
def venue_at(m, i):
    return row_by_id(m, P_VENUE, VENUE_WORDS, i)


@leaf
def firm_at(m, i):
    return row_by_id(m, P_FIRM, FIRM_WORDS, i)


@leaf
def account_at(m, i):
    return row_by_id(m, P_ACCOUNT, ACCOUNT_WORDS, i)


@leaf
def session_at(m, i):
    return row_by_id(m, P_SESSION, SESSION_WORDS, i)


@leaf
def event_at(m, i):
    return row_by_id(m, P_EVENT, EVENT_WORDS, i)


@leaf
def instrument_at(m, i):
    return row_by_id(m, P_INSTRUMENT, INSTRUMENT_WORDS, i)


# ---- pair table: (kind, a, b) -> word. Linear probing, deletion by shifting back -------------------------------


@leaf
def _pair_place(m, ka, b):
    """Offset of the entry that holds the pair, or of the empty one where it belongs. The table is never full."""
    base = pool_base(m, P_PAIR_HASH)
    mask = pool_cap(m, P_PAIR_HASH) - 1
    i = mix2(ka, b) & mask
    while True:
        e = base + i * PAIR_WORDS
        if m[e] == 0 or m[e] == ka and m[e + 1] == b:
            return e
        i = (i + 1) & mask


@leaf
def pair_find(m, kind, a, b):
    """Value of the pair, 0 when it is not there (an empty entry is all 0)."""
    return m[_pair_place(m, (kind << 56) | a, b) + 2]


@leaf
def pair_room(m):
    """Pairs that may still be put in: up to 7/8 of the table."""
    d = H_POOLS + P_PAIR_HASH * POOL_WORDS
    cap = m[d + PL_CAP]
    return cap - (cap >> 3) - m[d + PL_USED]


@leaf
def pair_put(m, kind, a, b, value):
    """Insert a pair that is not there. 0, or -1 when there is no room."""
    if pair_room(m) < 1:
        return -1
    ka = (kind << 56) | a
    e = _pair_place(m, ka, b)
    m[e] = ka
    m[e + 1] = b
    m[e + 2] = value
    m[H_POOLS + P_PAIR_HASH * POOL_WORDS + PL_USED] += 1
    return 0


@leaf
def pair_delete(m, kind, a, b):
    hole = _pair_place(m, (kind << 56) | a, b)
    if m[hole] == 0:
        return
    base = pool_base(m, P_PAIR_HASH)
    mask = pool_cap(m, P_PAIR_HASH) - 1
    m[H_POOLS + P_PAIR_HASH * POOL_WORDS + PL_USED] -= 1
    at = (hole - base) // PAIR_WORDS
    j = at
    while True:
        j = (j + 1) & mask
        e = base + j * PAIR_WORDS
        if m[e] == 0:
            break
        home = mix2(m[e], m[e + 1]) & mask
        if ((j - home) & mask) >= ((j - at) & mask):
            m[hole] = m[e]
            m[hole + 1] = m[e + 1]
            m[hole + 2] = m[e + 2]
            hole = e
            at = j
    m[hole] = 0
    m[hole + 1] = 0
    m[hole + 2] = 0


# ---- ClOrdID table: one word per entry, hash << 32 | reference; 0 = empty ---------------------------------------
# reference = order index + 1, or ARCHIVED | archive index + 1. The row says what the key is. An order that was replaced has a second
# entry, by its OrderID (ALIAS_HI), through which its older ClOrdIDs find it in one step.


@leaf
def status_of(attr):
    return (attr >> STATUS_SHIFT) & 255


@leaf
def same_text(m, text, rows, at):
    """Is the stored text row equal to the 8 words at rows[at]? at < 0: the request carries no text."""
    if text == 0 or at < 0:
        return text == 0 and at < 0
    for i in range(8):
        if m[text + i] != rows[at + i]:
            return False
    return True


@leaf
def id_find(m, rows, firm, hi, lo, at):
    """Reference of (firm, ClOrdID), else 0. `at`: word offset of the id's text in `rows`, -1 for an integer id."""
    base = pool_base(m, P_ID_HASH)
    mask = pool_cap(m, P_ID_HASH) - 1
    h = mix3(firm, hi, lo)
    i = h & mask
    while True:
        w = m[base + i]
        if w == 0:
            return 0
        if lsr(w, 32) == h:
            ref = w & 0xFFFFFFFF
            if ref & ARCHIVED:
                a = pool_base(m, P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * ARCHIVE_WORDS
                same = m[a + AR_KEY_LO] == lo and m[a + AR_KEY_HI] == hi and (m[a + AR_FIRM_ACCOUNT] >> 32) == firm
                # Rows beyond the retention wait to be taken back (archive.py: forget_due): their ids are free already.
                if same and m[a + AR_CLOSED_AT] > m[H_TIME] - m[H_RETENTION_NS]:
                    if same_text(m, m[a + AR_TEXT], rows, at):
                        return ref
            else:
                o = pool_base(m, P_ORDER) + (ref - 1) * ORDER_WORDS
                if m[o + O_KEY_LO] == lo and m[o + O_KEY_HI] == hi and m[o + O_FIRM] == firm:
                    if same_text(m, m[o + O_TEXT], rows, at):
                        return ref
        i = (i + 1) & mask


@leaf
def alias_find(m, firm, order_id):
    """Reference of an order that was replaced at least once, under its last ClOrdID: open, or in the archive. 0: not there."""
    base = pool_base(m, P_ID_HASH)
    mask = pool_cap(m, P_ID_HASH) - 1
    h = mix3(firm, ALIAS_HI, order_id)
    i = h & mask
    while True:
        w = m[base + i]
        if w == 0:
            return 0
        if lsr(w, 32) == h:
            ref = w & 0xFFFFFFFF
            if ref & ARCHIVED:
                a = pool_base(m, P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * ARCHIVE_WORDS
                if m[a + AR_ORDER] == order_id and status_of(m[a + AR_ATTR]) != ST_REPLACED:
                    return ref
            elif m[pool_base(m, P_ORDER) + (ref - 1) * ORDER_WORDS + O_ID] == order_id:
                return ref
        i = (i + 1) & mask


@leaf
def _id_place(m, h, word):
    """Offset of the first entry on the hash's way that is `word`; 0: the first empty one. The caller knows that there is one."""
    base = pool_base(m, P_ID_HASH)
    mask = pool_cap(m, P_ID_HASH) - 1
    i = h & mask
    while m[base + i] != word:
        i = (i + 1) & mask
    return base + i


@leaf
def id_insert(m, firm, hi, lo, ref):
    h = mix3(firm, hi, lo)
    m[_id_place(m, h, 0)] = (h << 32) | ref
    m[H_POOLS + P_ID_HASH * POOL_WORDS + PL_USED] += 1


@leaf
def id_repoint(m, firm, hi, lo, old, new):
    """The key's entry now refers to `new` (an order closed into the archive, or an id replaced)."""
    h = mix3(firm, hi, lo)
    m[_id_place(m, h, (h << 32) | old)] = (h << 32) | new


@leaf
def id_delete(m, firm, hi, lo, ref):
    base = pool_base(m, P_ID_HASH)
    mask = pool_cap(m, P_ID_HASH) - 1
    h = mix3(firm, hi, lo)
    hole = _id_place(m, h, (h << 32) | ref) - base
    m[H_POOLS + P_ID_HASH * POOL_WORDS + PL_USED] -= 1
    j = hole
    while True:
        j = (j + 1) & mask
        w = m[base + j]
        if w == 0:
            break
        home = lsr(w, 32) & mask
        if ((j - home) & mask) >= ((j - hole) & mask):
            m[base + hole] = w
            hole = j
    m[base + hole] = 0
