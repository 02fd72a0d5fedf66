"""Closed ClOrdIDs: a row for each, kept so that a repeat can be answered, and forgotten firm by firm.

Each firm's rows form a list, oldest first. An id is kept for the retention, unless the table is full: then the oldest id of a firm goes that
has its share already, the firm that closes the order or else the next one that keeps more than its share. So a flood shortens
the memory of the firm that sends it, closing never fails, and nobody is refused for want of a row.
"""

from protocol.codes import ST_REPLACED

from .emit import client_price
from .jit import leaf
from .pools import (
    ALIAS_HI,
    ARCHIVED,
    STATUS_SHIFT,
    id_delete,
    pool_alloc,
    pool_base,
    pool_cap,
    pool_release,
    status_of,
)
from .records import (
    AC_ID,
    AR_ATTR,
    AR_CLOSED_AT,
    AR_CUM,
    AR_FIRM_ACCOUNT,
    AR_INSTRUMENT,
    AR_KEY_HI,
    AR_KEY_LO,
    AR_NEXT,
    AR_NOTIONAL,
    AR_ORDER,
    AR_PRICE,
    AR_QTY,
    AR_TEXT,
    ARCHIVE_WORDS,
    CO_ACCOUNT,
    F_CLOSED,
    F_FORGOTTEN,
    F_NEWEST,
    F_OLDEST,
    F_WEIGHT,
    F_WINDOW,
    FIRM_WORDS,
    H_ERROR,
    H_FORGETTING,
    H_RETENTION_NS,
    H_TIME,
    H_WEIGHTS,
    I_ID,
    INV_TABLE,
    O_ATTR,
    O_COLL,
    O_CUM,
    O_ENTRY,
    O_FIRM,
    O_ID,
    O_INSTRUMENT,
    O_KEY_HI,
    O_KEY_LO,
    O_NOTIONAL,
    O_PRICE,
    O_QTY,
    O_TEXT,
    P_ARCHIVE,
    P_FIRM,
    P_TEXT,
)

STATUS_MASK = 255 << STATUS_SHIFT
REASON_SHIFT = 36
WAS_REPLACED = 1 << 27  # in O_ATTR and AR_ATTR


@leaf
def archive_ref(m, a):
    return ARCHIVED | ((a - pool_base(m, P_ARCHIVE)) // ARCHIVE_WORDS + 1)


@leaf
def pack_attr(book_side, side, contract_side, order_type, tif, flags, status):
    return book_side | (side << 4) | (contract_side << 8) | (order_type << 12) | (tif << 16) | (flags << 20) | (status << STATUS_SHIFT)


@leaf
def set_status(m, o, status):
    m[o + O_ATTR] = (m[o + O_ATTR] & ~STATUS_MASK) | (status << STATUS_SHIFT)


@leaf
def firm_row(m, firm):
    """Row of a firm that is known to be defined."""
    return pool_base(m, P_FIRM) + firm * FIRM_WORDS


@leaf
def share_of(m, f, pool):
    """Rows of a common table that a firm is sure of: its part by weight."""
    return pool_cap(m, pool) * m[f + F_WEIGHT] // max(m[H_WEIGHTS], 1)


@leaf
def forget_oldest(m, f):
    """Take the firm's oldest closed id back."""
    a = m[f + F_OLDEST]
    younger = m[a + AR_NEXT]
    m[f + F_OLDEST] = younger
    if younger == 0:
        m[f + F_NEWEST] = 0
    m[f + F_CLOSED] -= 1
    ref = archive_ref(m, a)
    id_delete(m, m[f], m[a + AR_KEY_HI], m[a + AR_KEY_LO], ref)
    attr = m[a + AR_ATTR]
    if attr & WAS_REPLACED != 0 and status_of(attr) != ST_REPLACED:
        id_delete(m, m[f], ALIAS_HI, m[a + AR_ORDER], ref)
    if m[a + AR_TEXT] != 0:
        pool_release(m, P_TEXT, m[a + AR_TEXT])
    pool_release(m, P_ARCHIVE, a)


@leaf
def forget_due(m, f, most):
    """Take up to `most` of the firm's closed ids back whose retention is over."""
    limit = m[H_TIME] - m[H_RETENTION_NS]
    while most > 0 and m[f + F_OLDEST] != 0 and m[m[f + F_OLDEST] + AR_CLOSED_AT] <= limit:
        forget_oldest(m, f)
        most -= 1


@leaf
def _who_forgets(m, f):
    """The table is full: the firm whose oldest closed id goes. Shares sum to no more than the table, so there is one."""
    if m[f + F_CLOSED] > 0 and m[f + F_CLOSED] >= share_of(m, f, P_ARCHIVE):
        return f
    firms = pool_cap(m, P_FIRM)
    firm = m[H_FORGETTING]
    for _ in range(firms):
        other = firm_row(m, firm)
        if m[other + F_CLOSED] > share_of(m, other, P_ARCHIVE):
            m[H_FORGETTING] = firm
            return other
        firm = firm + 1 if firm + 1 < firms else 1
    return 0


@leaf
def _make_room(m, f):
    loser = _who_forgets(m, f)
    if loser == 0:
        m[H_ERROR] = INV_TABLE
        return
    age = m[H_TIME] - m[m[loser + F_OLDEST] + AR_CLOSED_AT]
    if age < m[H_RETENTION_NS]:
        m[loser + F_FORGOTTEN] += 1
        m[loser + F_WINDOW] = age
    forget_oldest(m, loser)


@leaf
def archive_next(m, firm):
    """A row for one more closed id of the firm, the newest in its list."""
    f = firm_row(m, firm)
    a = pool_alloc(m, P_ARCHIVE)
    if a == 0:
        _make_room(m, f)
        a = pool_alloc(m, P_ARCHIVE)
    newest = m[f + F_NEWEST]
    if newest == 0:
        m[f + F_OLDEST] = a
    else:
        m[newest + AR_NEXT] = a
    m[f + F_NEWEST] = a
    m[f + F_CLOSED] += 1
    m[a + AR_NEXT] = 0
    return a


@leaf
def archive_order(m, o, status, reason):
    """Write an archive row of the order under its present ClOrdID; returns the row."""
    a = archive_next(m, m[o + O_FIRM])
    inst = m[o + O_INSTRUMENT]
    attr = m[o + O_ATTR]
    m[a + AR_KEY_HI] = m[o + O_KEY_HI]
    m[a + AR_KEY_LO] = m[o + O_KEY_LO]
    m[a + AR_FIRM_ACCOUNT] = (m[o + O_FIRM] << 32) | m[m[m[o + O_COLL] + CO_ACCOUNT] + AC_ID]
    m[a + AR_INSTRUMENT] = (m[inst + I_ID] << 32) | m[o + O_ENTRY]
    m[a + AR_PRICE] = client_price(m, inst, (attr >> 8) & 15, m[o + O_PRICE])
    m[a + AR_QTY] = m[o + O_QTY]
    m[a + AR_CUM] = m[o + O_CUM]
    m[a + AR_ATTR] = (attr & ~STATUS_MASK) | (status << STATUS_SHIFT) | (reason << REASON_SHIFT)
    m[a + AR_ORDER] = m[o + O_ID]
    m[a + AR_CLOSED_AT] = m[H_TIME]
    m[a + AR_NOTIONAL] = m[o + O_NOTIONAL]
    m[a + AR_TEXT] = m[o + O_TEXT]
    return a
