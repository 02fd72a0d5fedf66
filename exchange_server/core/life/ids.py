"""The ClOrdID table: (firm, key) to an open order or a closed one's archive row, compared in full."""

from protocol import codes as C

from .. import layout as L
from ..kit.bits import mix3
from ..kit.jit import leaf
from ..kit.pools import pool_alloc, pool_base, pool_cap
from ..layout.packed import firm_of, hash_of, pack_ref, ref_of, status_of

ARCHIVED = 1 << 31  # bit of a ClOrdID reference: archive row, not open order
ALIAS_HI = 1  # no ClOrdID has this key: (1, OrderID) is the key of an order whose ClOrdID was replaced, open or closed


# ---- ClOrdID table: one word per entry, hash << 32 | reference; 0 = empty ---------------------------------------
# reference = order index + 1, or ARCHIVED | archive index + 1. The row says what the key is. An order that was replaced has a second
# entry, by its OrderID (ALIAS_HI), through which its older ClOrdIDs find it in one step.


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
    base = pool_base(m, L.P_ID_HASH)
    mask = pool_cap(m, L.P_ID_HASH) - 1
    h = mix3(firm, hi, lo)
    i = h & mask
    while True:
        w = m[base + i]
        if w == 0:
            return 0
        if hash_of(w) == h:
            ref = ref_of(w)
            if ref & ARCHIVED:
                a = pool_base(m, L.P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * L.ARCHIVE_WORDS
                same = m[a + L.AR_KEY_LO] == lo and m[a + L.AR_KEY_HI] == hi and firm_of(m[a + L.AR_FIRM_ACCOUNT]) == firm
                # Rows beyond the retention wait to be taken back (archive.py: forget_due): their ids are free already.
                if same and m[a + L.AR_CLOSED_AT] > m[L.H_TIME] - m[L.H_RETENTION_NS]:
                    if same_text(m, m[a + L.AR_TEXT], rows, at):
                        return ref
            else:
                o = pool_base(m, L.P_ORDER) + (ref - 1) * L.ORDER_WORDS
                if m[o + L.O_KEY_LO] == lo and m[o + L.O_KEY_HI] == hi and m[o + L.O_FIRM] == firm:
                    if same_text(m, m[o + L.O_TEXT], rows, at):
                        return ref
        i = (i + 1) & mask


@leaf
def alias_find(m, firm, order_id):
    """Reference of an order that was replaced at least once, under its last ClOrdID: open, or in the archive. 0: not there."""
    base = pool_base(m, L.P_ID_HASH)
    mask = pool_cap(m, L.P_ID_HASH) - 1
    h = mix3(firm, ALIAS_HI, order_id)
    i = h & mask
    while True:
        w = m[base + i]
        if w == 0:
            return 0
        if hash_of(w) == h:
            ref = ref_of(w)
            if ref & ARCHIVED:
                a = pool_base(m, L.P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * L.ARCHIVE_WORDS
                if m[a + L.AR_ORDER] == order_id and status_of(m[a + L.AR_ATTR]) != C.ST_REPLACED:
                    return ref
            elif m[pool_base(m, L.P_ORDER) + (ref - 1) * L.ORDER_WORDS + L.O_ID] == order_id:
                return ref
        i = (i + 1) & mask


@leaf
def _id_place(m, h, word):
    """Offset of the first entry on the hash's way that is `word`; 0: the first empty one. The caller knows that there is one."""
    base = pool_base(m, L.P_ID_HASH)
    mask = pool_cap(m, L.P_ID_HASH) - 1
    i = h & mask
    while m[base + i] != word:
        i = (i + 1) & mask
    return base + i


@leaf
def id_insert(m, firm, hi, lo, ref):
    h = mix3(firm, hi, lo)
    m[_id_place(m, h, 0)] = pack_ref(h, ref)
    m[L.H_POOLS + L.P_ID_HASH * L.POOL_WORDS + L.PL_USED] += 1


@leaf
def id_repoint(m, firm, hi, lo, old, new):
    """The key's entry now refers to `new` (an order closed into the archive, or an id replaced)."""
    h = mix3(firm, hi, lo)
    m[_id_place(m, h, pack_ref(h, old))] = pack_ref(h, new)


@leaf
def id_delete(m, firm, hi, lo, ref):
    base = pool_base(m, L.P_ID_HASH)
    mask = pool_cap(m, L.P_ID_HASH) - 1
    h = mix3(firm, hi, lo)
    hole = _id_place(m, h, pack_ref(h, ref)) - base
    m[L.H_POOLS + L.P_ID_HASH * L.POOL_WORDS + L.PL_USED] -= 1
    j = hole
    while True:
        j = (j + 1) & mask
        w = m[base + j]
        if w == 0:
            break
        home = hash_of(w) & mask
        if ((j - home) & mask) >= ((j - hole) & mask):
            m[base + hole] = w
            hole = j
    m[base + hole] = 0


@leaf
def order_ref(m, o):
    return (o - pool_base(m, L.P_ORDER)) // L.ORDER_WORDS + 1


@leaf
def archive_ref(m, a):
    return ARCHIVED | ((a - pool_base(m, L.P_ARCHIVE)) // L.ARCHIVE_WORDS + 1)


@leaf
def order_at_ref(m, ref):
    return pool_base(m, L.P_ORDER) + (ref - 1) * L.ORDER_WORDS


@leaf
def archive_at_ref(m, ref):
    return pool_base(m, L.P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * L.ARCHIVE_WORDS


@leaf
def store_text(m, rows, at):
    """A text row with the 8 words at rows[at..]; 0 for an integer id."""
    if at < 0:
        return 0
    t = pool_alloc(m, L.P_TEXT)
    for i in range(8):
        m[t + i] = rows[at + i]
    return t
