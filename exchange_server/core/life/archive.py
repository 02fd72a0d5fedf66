"""Closed ClOrdIDs: one row for each, kept so that a repeat can be answered, and removed per firm.

Each firm's rows form a list, oldest first. An id is kept for the retention (ns), unless the table is full. Then the oldest id of the firm
that closes the order is removed if that firm has its share, or else the oldest of the next firm above its share; that it was used stays
known (used.py). So a flood shortens only what is remembered of the firm that sends it, closing never fails, and no order is refused for lack
of a row.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import client_price
from ..kit.bits import touch, touch_row
from ..kit.jit import leaf
from ..kit.pools import pool_alloc, pool_release
from ..kit.rows import firm_row
from ..layout.packed import contract_side_of, pack_firm_account, pack_instrument, status_of, was_replaced, with_status
from .ids import ALIAS_HI, archive_ref, id_delete, line_of
from .shares import who_gives
from .used import drop_due, keep_used, quick_word, touch_used_range, touch_used_slot, used_word


@leaf
def _look_at_next(m, f, a):
    """Prefetch what it will take to forget a firm's next closed id (pointers), and begin with the one after it, whose row the time before has fetched.
    These rows were last used when they were written, and lie in memory."""
    line, _ = line_of(m, m[f], m[a + L.AR_KEY_HI], m[a + L.AR_KEY_LO])
    m[L.H_FORGET_LINE] = line  # core/prefetch.py fetches it, together with others
    if was_replaced(m[a + L.AR_ATTR]):
        line, _ = line_of(m, m[f], ALIAS_HI, m[a + L.AR_ORDER])
        touch(m, line)
    touch(m, m[a + L.AR_TEXT])
    word = quick_word(m[a + L.AR_KEY_HI], m[a + L.AR_KEY_LO])
    if word != 0:
        touch_used_range(m, m[f], word)
    later = m[a + L.AR_NEXT]
    if later != 0:
        touch_used_slot(m, m[f], quick_word(m[later + L.AR_KEY_HI], m[later + L.AR_KEY_LO]))
        touch_row(m, m[later + L.AR_NEXT], 2)


@leaf
def forget_oldest(m, f):
    """Remove the oldest closed id of a firm (pointer) that has one."""
    a = m[f + L.F_OLDEST]
    younger = m[a + L.AR_NEXT]
    m[f + L.F_OLDEST] = younger
    if younger == 0:
        m[f + L.F_NEWEST] = 0
    m[f + L.F_CLOSED] -= 1
    ref = archive_ref(m, a)
    id_delete(m, m[f], m[a + L.AR_KEY_HI], m[a + L.AR_KEY_LO], ref)
    attr = m[a + L.AR_ATTR]
    if was_replaced(attr) and status_of(attr) != C.ST_REPLACED:
        id_delete(m, m[f], ALIAS_HI, m[a + L.AR_ORDER], ref)
    if m[a + L.AR_TEXT] != 0:
        pool_release(m, L.P_TEXT, m[a + L.AR_TEXT])
    pool_release(m, L.P_ARCHIVE, a)
    if younger != 0:
        _look_at_next(m, f, younger)


@leaf
def forget_due(m, f, most):
    """Remove up to `most` closed ids of the firm (pointer) whose retention is over, and one block of ids of which only the use is known."""
    limit = m[L.H_TIME] - m[L.H_RETENTION_NS]
    while most > 0 and m[f + L.F_OLDEST] != 0 and m[m[f + L.F_OLDEST] + L.AR_CLOSED_AT] <= limit:
        forget_oldest(m, f)
        most -= 1
    if m[f + L.F_USED_FIRST] != 0:
        drop_due(m, f)


@leaf
def _make_room(m, f):
    """Remove a closed id for one of a firm (pointer). Before its retention is over, its use stays known."""
    loser = who_gives(m, f, L.P_ARCHIVE, L.F_CLOSED, L.H_FORGETTING)
    if loser == 0:
        m[L.H_ERROR] = L.INV_TABLE
        return
    a = m[loser + L.F_OLDEST]
    at = m[a + L.AR_CLOSED_AT]
    word = used_word(m[a + L.AR_KEY_HI], m[a + L.AR_KEY_LO], m, m[a + L.AR_TEXT])
    forget_oldest(m, loser)
    if m[L.H_TIME] - at < m[L.H_RETENTION_NS]:
        keep_used(m, loser, word, at)


@leaf
def archive_next(m, firm):
    """Pointer of an archive row for one more closed id of the firm (id), added as the newest of its list. Never fails."""
    f = firm_row(m, firm)
    a = pool_alloc(m, L.P_ARCHIVE)
    if a == 0:
        _make_room(m, f)
        a = pool_alloc(m, L.P_ARCHIVE)
    newest = m[f + L.F_NEWEST]
    if newest == 0:
        m[f + L.F_OLDEST] = a
    else:
        m[newest + L.AR_NEXT] = a
    m[f + L.F_NEWEST] = a
    m[f + L.F_CLOSED] += 1
    m[a + L.AR_NEXT] = 0
    return a


@leaf
def archive_order(m, o, status, reason):
    """Write an archive row of the order (pointer) under its current ClOrdID; returns the row's pointer."""
    a = archive_next(m, m[o + L.O_FIRM])
    inst = m[o + L.O_INSTRUMENT]
    attr = m[o + L.O_ATTR]
    m[a + L.AR_KEY_HI] = m[o + L.O_KEY_HI]
    m[a + L.AR_KEY_LO] = m[o + L.O_KEY_LO]
    m[a + L.AR_FIRM_ACCOUNT] = pack_firm_account(m[o + L.O_FIRM], m[m[m[o + L.O_COLL] + L.CO_ACCOUNT] + L.AC_ID])
    m[a + L.AR_INSTRUMENT] = pack_instrument(m[inst + L.I_ID], m[o + L.O_ENTRY])
    m[a + L.AR_PRICE] = client_price(m, inst, contract_side_of(attr), m[o + L.O_PRICE])
    m[a + L.AR_QTY] = m[o + L.O_QTY]
    m[a + L.AR_CUM] = m[o + L.O_CUM]
    m[a + L.AR_ATTR] = with_status(attr, status, reason)
    m[a + L.AR_ORDER] = m[o + L.O_ID]
    m[a + L.AR_CLOSED_AT] = m[L.H_TIME]
    m[a + L.AR_NOTIONAL] = m[o + L.O_NOTIONAL]
    m[a + L.AR_TEXT] = m[o + L.O_TEXT]
    return a
