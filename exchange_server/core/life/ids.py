"""The ClOrdID table: maps (firm, key) to an open order, or to the archive row of a closed one. Keys and texts are compared in full."""

from protocol import codes as C

from .. import layout as L
from ..kit.bits import mix3, touch
from ..kit.jit import leaf
from ..kit.pools import pool_alloc, pool_base, pool_cap
from ..kit.text_ids import PACKED, unpack_text
from ..layout.packed import firm_of, hash_of, pack_ref, ref_of, status_of

ARCHIVED = 1 << 31  # bit of a ClOrdID reference: archive row, not open order
ALIAS_HI = 1  # no ClOrdID has this key: (1, OrderID) is the key of an order whose ClOrdID was replaced, open or closed


# ---- ClOrdID table: one word per entry, hash << 32 | reference; 0 = empty ---------------------------------------
# reference = order index + 1, or ARCHIVED | archive index + 1. The key is in that row. An order that was replaced has a second entry under
# its OrderID (ALIAS_HI); its older ClOrdIDs find it there in one step.


@leaf
def same_text(m, text, rows, at):
    """Whether the stored text row (pointer, 0: none) equals the 8 words at rows[at]. at < 0: the request has no text."""
    if text == 0 or at < 0:
        return text == 0 and at < 0
    for i in range(8):
        if m[text + i] != rows[at + i]:
            return False
    return True


@leaf
def order_text(m, o, out, at):
    """The text of an open order's (pointer) ClOrdID to the 8 words out[at..], zeros for an integer id. Returns whether it is a text."""
    hi = m[o + L.O_KEY_HI]
    if hi >= PACKED:
        unpack_text(hi, m[o + L.O_KEY_LO], out, at)
        return True
    text = m[o + L.O_TEXT]
    for i in range(L.TEXT_WORDS):
        out[at + i] = m[text + i] if text != 0 else 0
    return text != 0


@leaf
def slot_of(m, firm, hi, lo):
    """Home slot of a ClOrdID: (arena offset, hash)."""
    h = mix3(firm, hi, lo)
    return pool_base(m, L.P_ID_HASH) + (h & (pool_cap(m, L.P_ID_HASH) - 1)), h


@leaf
def touch_slots(m, slot):
    """Prefetch a home slot (arena offset) and those after it, to which its id may have had to go: they may be in the next line."""
    touch(m, slot)
    touch(m, slot + 2)


@leaf
def slot_after(m, slot):
    """The slot (arena offset) that follows one in the ClOrdID table; after the last comes the first."""
    base = pool_base(m, L.P_ID_HASH)
    return base + ((slot - base + 1) & (pool_cap(m, L.P_ID_HASH) - 1))


@leaf
def id_find(m, rows, firm, hi, lo, at):
    """Reference of the row with (firm id, ClOrdID key), 0 if there is none. at: word offset of the id's text in `rows`, -1 for an integer
    id."""
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
                # Rows past the retention are removed later (archive.py: forget_due), but their ids are free already.
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
    """Reference of a replaced order by its OrderID: the open order, or the archive row under its last ClOrdID. 0: there is none."""
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
    """Offset of the first entry equal to `word` on the hash's probe path (word 0: the first empty entry). It must exist."""
    base = pool_base(m, L.P_ID_HASH)
    mask = pool_cap(m, L.P_ID_HASH) - 1
    i = h & mask
    while m[base + i] != word:
        i = (i + 1) & mask
    return base + i


@leaf
def id_insert(m, firm, hi, lo, ref):
    """Add an entry for (firm id, key). There is always room."""
    h = mix3(firm, hi, lo)
    m[_id_place(m, h, 0)] = pack_ref(h, ref)
    m[L.H_POOLS + L.P_ID_HASH * L.POOL_WORDS + L.PL_USED] += 1


@leaf
def id_repoint(m, firm, hi, lo, old, new):
    """Change the key's entry from reference `old` to `new` (the order was archived, or its id replaced)."""
    h = mix3(firm, hi, lo)
    m[_id_place(m, h, pack_ref(h, old))] = pack_ref(h, new)


@leaf
def id_delete(m, firm, hi, lo, ref):
    """Remove the key's entry with reference `ref`, and move later entries up so that no probe path breaks. It must exist."""
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
    """Reference of an order row (pointer)."""
    return (o - pool_base(m, L.P_ORDER)) // L.ORDER_WORDS + 1


@leaf
def archive_ref(m, a):
    """Reference of an archive row (pointer)."""
    return ARCHIVED | ((a - pool_base(m, L.P_ARCHIVE)) // L.ARCHIVE_WORDS + 1)


@leaf
def order_at_ref(m, ref):
    """Pointer of the order row of a reference."""
    return pool_base(m, L.P_ORDER) + (ref - 1) * L.ORDER_WORDS


@leaf
def archive_at_ref(m, ref):
    """Pointer of the archive row of a reference with ARCHIVED."""
    return pool_base(m, L.P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * L.ARCHIVE_WORDS


@leaf
def store_text(m, rows, at):
    """Store the 8 words at rows[at..] in a text row; returns its pointer, 0 for an integer id (at < 0). There is always room."""
    if at < 0:
        return 0
    t = pool_alloc(m, L.P_TEXT)
    for i in range(8):
        m[t + i] = rows[at + i]
    return t
