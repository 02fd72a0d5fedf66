"""The ClOrdID table: maps (firm, key) to an open order, or to the archive row of a closed one. Keys and texts are compared in full."""

from protocol import codes as C

from .. import layout as L
from ..kit.bits import ctz, mix3
from ..kit.eights import equal8
from ..kit.jit import leaf
from ..kit.lines import LINE
from ..kit.pools import pool_alloc, pool_base, pool_cap
from ..kit.text_ids import PACKED, unpack_text
from ..layout.packed import HALF, firm_of, hash_of, pack_ref, ref_of, status_of

ARCHIVED = 1 << 31  # bit of a ClOrdID reference: archive row, not open order
ALIAS_HI = 1  # no ClOrdID has this key: (1, OrderID) is the key of an order whose ClOrdID was replaced, open or closed


# ---- ClOrdID table: lines of eight words ------------------------------------------------------------------------
# Seven words of a line are places for entries, hash << 32 | reference, 0 = empty; the eighth counts the entries that went past the line to a later
# one because it was full. So one line, looked through at once, tells nearly always whether an id is there, and a removal moves nothing.
# reference = order index + 1, or ARCHIVED | archive index + 1. The key is in that row. An order that was replaced has a second entry under
# its OrderID (ALIAS_HI); its older ClOrdIDs find it there in one step.
PASSED = LINE - 1
PLACES = (1 << PASSED) - 1  # as bits


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
def line_of(m, firm, hi, lo):
    """(home line (arena offset), hash) of a ClOrdID."""
    h = mix3(firm, hi, lo)
    return home_of(m, h), h


@leaf
def home_of(m, h):
    """The line (arena offset) in which the entry of a hash is, unless it was full."""
    return pool_base(m, L.P_ID_HASH) + ((h * LINE) & (pool_cap(m, L.P_ID_HASH) - 1))


@leaf
def line_after(m, line):
    """The line (arena offset) that follows one; after the last comes the first."""
    base = pool_base(m, L.P_ID_HASH)
    return base + ((line + LINE - base) & (pool_cap(m, L.P_ID_HASH) - 1))


@leaf
def next_line(m, line, h):
    """Where an entry of this hash may be that is not in `line`: the next line (arena offset), 0: nowhere."""
    if m[line + PASSED] == 0:
        return 0
    line = line_after(m, line)
    return 0 if line == home_of(m, h) else line  # all lines have been seen


@leaf
def tagged(m, line, h):
    """Which places of a line have an entry of this hash, as bits. If the hash is 0, empty places are among them."""
    return equal8(m, line, pack_ref(h, 0), pack_ref(HALF, 0)) & PLACES


@leaf
def id_find(m, rows, firm, hi, lo, at):
    """Reference of the row with (firm id, ClOrdID key), 0 if there is none. at: word offset of the id's text in `rows`, -1 for an integer
    id."""
    line, h = line_of(m, firm, hi, lo)
    while line != 0:
        found = tagged(m, line, h)
        while found != 0:
            ref = ref_of(m[line + ctz(found)])
            found &= found - 1
            if ref & ARCHIVED:
                a = pool_base(m, L.P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * L.ARCHIVE_WORDS
                same = m[a + L.AR_KEY_LO] == lo and m[a + L.AR_KEY_HI] == hi and firm_of(m[a + L.AR_FIRM_ACCOUNT]) == firm
                # Rows past the retention are removed later (archive.py: forget_due), but their ids are free already.
                if same and m[a + L.AR_CLOSED_AT] > m[L.H_TIME] - m[L.H_RETENTION_NS]:
                    if same_text(m, m[a + L.AR_TEXT], rows, at):
                        return ref
            elif ref != 0:
                o = pool_base(m, L.P_ORDER) + (ref - 1) * L.ORDER_WORDS
                if m[o + L.O_KEY_LO] == lo and m[o + L.O_KEY_HI] == hi and m[o + L.O_FIRM] == firm:
                    if same_text(m, m[o + L.O_TEXT], rows, at):
                        return ref
        line = next_line(m, line, h)
    return 0


@leaf
def alias_find(m, firm, order_id):
    """Reference of a replaced order by its OrderID: the open order, or the archive row under its last ClOrdID. 0: there is none."""
    line, h = line_of(m, firm, ALIAS_HI, order_id)
    while line != 0:
        found = tagged(m, line, h)
        while found != 0:
            ref = ref_of(m[line + ctz(found)])
            found &= found - 1
            if ref & ARCHIVED:
                a = pool_base(m, L.P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * L.ARCHIVE_WORDS
                if m[a + L.AR_ORDER] == order_id and status_of(m[a + L.AR_ATTR]) != C.ST_REPLACED:
                    return ref
            elif ref != 0 and m[pool_base(m, L.P_ORDER) + (ref - 1) * L.ORDER_WORDS + L.O_ID] == order_id:
                return ref
        line = next_line(m, line, h)
    return 0


@leaf
def entry_at(m, h, word):
    """Offset of the entry `word`, which is not empty, of a hash; 0: it is not in the table."""
    line = home_of(m, h)
    while line != 0:
        found = equal8(m, line, word, -1) & PLACES
        if found != 0:
            return line + ctz(found)
        line = next_line(m, line, h)
    return 0


@leaf
def put_entry(m, word):
    """Put an entry into the first place that is free in its home line or in one after it. There is always room."""
    line = home_of(m, hash_of(word))
    free = equal8(m, line, 0, -1) & PLACES
    while free == 0:
        m[line + PASSED] += 1
        line = line_after(m, line)
        free = equal8(m, line, 0, -1) & PLACES
    m[line + ctz(free)] = word


@leaf
def id_insert(m, firm, hi, lo, ref):
    """Add an entry for (firm id, key)."""
    put_entry(m, pack_ref(mix3(firm, hi, lo), ref))
    m[L.H_POOLS + L.P_ID_HASH * L.POOL_WORDS + L.PL_USED] += 1


@leaf
def id_repoint(m, firm, hi, lo, old, new):
    """Change the key's entry from reference `old` to `new` (the order was archived, or its id replaced)."""
    h = mix3(firm, hi, lo)
    place = entry_at(m, h, pack_ref(h, old))
    if place == 0:
        m[L.H_ERROR] = L.INV_TABLE
        return
    m[place] = pack_ref(h, new)


@leaf
def id_delete(m, firm, hi, lo, ref):
    """Remove the key's entry with reference `ref`. Those that went past full lines stay where they are."""
    line, h = line_of(m, firm, hi, lo)
    place = entry_at(m, h, pack_ref(h, ref))
    if place == 0:
        m[L.H_ERROR] = L.INV_TABLE
        return
    m[place] = 0
    m[L.H_POOLS + L.P_ID_HASH * L.POOL_WORDS + L.PL_USED] -= 1
    while not line <= place < line + LINE:
        m[line + PASSED] -= 1
        line = line_after(m, line)


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
