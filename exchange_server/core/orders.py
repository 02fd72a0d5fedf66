"""The life of an order row: opened, reserved, timed, closed into the archive; and the archive's own ageing.

Invariants (core/audit.py walks them): an open order is in its account's list, in the ClOrdID table, in a timer bucket when
it expires, and in a level queue when it rests; every open order has one archive row in reserve, so that closing never fails.
"""

from protocol.codes import BUY, SPOT

from .book import queue_remove
from .collateral import collateral_shift, open_quantity
from .emit import client_price, order_report
from .jit import leaf
from .ledger import fee_reserve
from .pools import (
    ARCHIVED,
    PAIR_BUCKET,
    id_delete,
    id_repoint,
    pair_delete,
    pair_find,
    pair_put,
    pair_room,
    pool_alloc,
    pool_base,
    pool_cap,
    pool_left,
    pool_release,
)
from .records import (
    AC_ID,
    AC_ORDER_COUNT,
    AC_ORDERS,
    AR_ATTR,
    AR_CLOSED_AT,
    AR_CUM,
    AR_FIRM_ACCOUNT,
    AR_INSTRUMENT,
    AR_KEY_HI,
    AR_KEY_LO,
    AR_NOTIONAL,
    AR_ORDER,
    AR_ORIG_HI,
    AR_ORIG_LO,
    AR_PRICE,
    AR_QTY,
    AR_SESSION,
    AR_TEXT,
    ARCHIVE_WORDS,
    BK_COUNT,
    BK_HEAD,
    BK_POS,
    BK_TAIL,
    BK_TIME,
    CO_ACCOUNT,
    E_LOT_BASE,
    E_OPEN_ORDERS,
    E_PRODUCT,
    EVT_LEAVES,
    H_ARCHIVE_HEAD,
    H_ARCHIVE_TAIL,
    H_ARCHIVE_USED,
    H_HEAP_SIZE,
    H_OPEN_ORDERS,
    H_RETENTION_NS,
    H_TIME,
    I_EVENT,
    I_ID,
    I_INDEX,
    I_ORDERS_OPEN,
    I_PAYOUT,
    I_TICK_VALUE,
    LI_CURRENT,
    LI_ORDERS,
    O_ACCT_NEXT,
    O_ACCT_PREV,
    O_ATTR,
    O_BUCKET,
    O_COLL,
    O_CUM,
    O_ENTRY,
    O_FIRM,
    O_ID,
    O_INSTRUMENT,
    O_KEY_HI,
    O_KEY_LO,
    O_LEAVES,
    O_LEVEL,
    O_LISTING,
    O_NOTIONAL,
    O_PRICE,
    O_QTY,
    O_RESERVED_FEE,
    O_SESSION,
    O_TEXT,
    O_TIMER_NEXT,
    O_TIMER_PREV,
    ORDER_WORDS,
    P_ARCHIVE,
    P_BUCKET,
    P_HEAP,
    P_LISTING,
    P_ORDER,
    P_TEXT,
)

STATUS_SHIFT = 28
STATUS_MASK = 255 << 28
REASON_SHIFT = 36


@leaf
def order_ref(m, o):
    return (o - pool_base(m, P_ORDER)) // ORDER_WORDS + 1


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
def status_of(attr):
    return (attr >> STATUS_SHIFT) & 255


# ---- reservation: what the unfilled rest takes from the collateral row ------------------------------------------


@leaf
def reserve_part(m, inst, book_side, price, quantity):
    """Price part of the reservation of a quantity: minor units (spot sells: base minor units)."""
    event = m[inst + I_EVENT]
    if book_side == BUY:
        return price * quantity * m[inst + I_TICK_VALUE]
    if m[event + E_PRODUCT] == SPOT:
        return quantity * m[event + E_LOT_BASE]
    return (m[inst + I_PAYOUT] - price) * quantity * m[inst + I_TICK_VALUE]


@leaf
def reserve_fee(m, inst, book_side, fees, price, quantity):
    """Fee part; a spot sell's fee comes out of its proceeds."""
    if book_side != BUY and m[m[inst + I_EVENT] + E_PRODUCT] == SPOT:
        return 0
    return fee_reserve(m, inst, fees, price, quantity)


@leaf
def reserve(m, inst, co, book_side, price, quantity, fee, sign):
    """Add (sign 1) or release (sign -1) the reservation of a quantity at a price together with its fee part."""
    amount = sign * (reserve_part(m, inst, book_side, price, quantity) + fee)
    j = m[inst + I_INDEX]
    if book_side == BUY:
        collateral_shift(m, co, j, 0, amount, 0)
        open_quantity(m, co, j, 0, sign * quantity)
    else:
        collateral_shift(m, co, j, 0, 0, amount)
        open_quantity(m, co, j, 1, sign * quantity)


# ---- timers: buckets of equal expiry in a binary heap ------------------------------------------------------------


@leaf
def _heap_swap_up(m, base, i):
    b = m[base + i]
    t = m[b + BK_TIME]
    while i > 0:
        up = (i - 1) >> 1
        p = m[base + up]
        if m[p + BK_TIME] <= t:
            break
        m[base + i] = p
        m[p + BK_POS] = i
        i = up
    m[base + i] = b
    m[b + BK_POS] = i


@leaf
def _heap_swap_down(m, base, i, size):
    b = m[base + i]
    t = m[b + BK_TIME]
    while True:
        c = 2 * i + 1
        if c >= size:
            break
        if c + 1 < size and m[m[base + c + 1] + BK_TIME] < m[m[base + c] + BK_TIME]:
            c += 1
        p = m[base + c]
        if m[p + BK_TIME] >= t:
            break
        m[base + i] = p
        m[p + BK_POS] = i
        i = c
    m[base + i] = b
    m[b + BK_POS] = i


@leaf
def timer_room(m):
    return pool_left(m, P_BUCKET) >= 1 and pair_room(m) >= 3 and m[H_HEAP_SIZE] < pool_cap(m, P_HEAP)


@leaf
def timer_add(m, o, when):
    """Put the order into the bucket of its expiry. The caller has asked timer_room."""
    b = pair_find(m, PAIR_BUCKET, 0, when)
    if b == 0:
        b = pool_alloc(m, P_BUCKET)
        m[b + BK_TIME] = when
        m[b + BK_HEAD] = 0
        m[b + BK_TAIL] = 0
        m[b + BK_COUNT] = 0
        pair_put(m, PAIR_BUCKET, 0, when, b)
        base = pool_base(m, P_HEAP)
        i = m[H_HEAP_SIZE]
        m[H_HEAP_SIZE] = i + 1
        m[base + i] = b
        _heap_swap_up(m, base, i)
    tail = m[b + BK_TAIL]
    m[o + O_BUCKET] = b
    m[o + O_TIMER_PREV] = tail
    m[o + O_TIMER_NEXT] = 0
    if tail == 0:
        m[b + BK_HEAD] = o
    else:
        m[tail + O_TIMER_NEXT] = o
    m[b + BK_TAIL] = o
    m[b + BK_COUNT] += 1


@leaf
def timer_remove(m, o):
    b = m[o + O_BUCKET]
    if b == 0:
        return
    nxt = m[o + O_TIMER_NEXT]
    prv = m[o + O_TIMER_PREV]
    if prv == 0:
        m[b + BK_HEAD] = nxt
    else:
        m[prv + O_TIMER_NEXT] = nxt
    if nxt == 0:
        m[b + BK_TAIL] = prv
    else:
        m[nxt + O_TIMER_PREV] = prv
    m[o + O_BUCKET] = 0
    m[b + BK_COUNT] -= 1
    if m[b + BK_COUNT] > 0:
        return
    pair_delete(m, PAIR_BUCKET, 0, m[b + BK_TIME])
    base = pool_base(m, P_HEAP)
    size = m[H_HEAP_SIZE] - 1
    m[H_HEAP_SIZE] = size
    i = m[b + BK_POS]
    last = m[base + size]
    m[base + size] = 0
    pool_release(m, P_BUCKET, b)
    if i < size:
        m[base + i] = last
        m[last + BK_POS] = i
        _heap_swap_up(m, base, i)
        _heap_swap_down(m, base, m[last + BK_POS], size)


# ---- account list -----------------------------------------------------------------------------------------------


@leaf
def account_link(m, account, o):
    head = m[account + AC_ORDERS]
    m[o + O_ACCT_NEXT] = head
    m[o + O_ACCT_PREV] = 0
    if head != 0:
        m[head + O_ACCT_PREV] = o
    m[account + AC_ORDERS] = o
    m[account + AC_ORDER_COUNT] += 1


@leaf
def account_unlink(m, account, o):
    nxt = m[o + O_ACCT_NEXT]
    prv = m[o + O_ACCT_PREV]
    if prv == 0:
        m[account + AC_ORDERS] = nxt
    else:
        m[prv + O_ACCT_NEXT] = nxt
    if nxt != 0:
        m[nxt + O_ACCT_PREV] = prv
    m[account + AC_ORDER_COUNT] -= 1


# ---- archive ----------------------------------------------------------------------------------------------------


@leaf
def archive_left(m):
    """Archive rows that are neither used nor in reserve for an open order."""
    return pool_cap(m, P_ARCHIVE) - m[H_ARCHIVE_USED] - m[H_OPEN_ORDERS]


@leaf
def archive_age(m, most):
    """Forget up to `most` ClOrdIDs that closed longer ago than the retention."""
    limit = m[H_TIME] - m[H_RETENTION_NS]
    while most > 0 and m[H_ARCHIVE_USED] > 0:
        i = m[H_ARCHIVE_TAIL]
        a = pool_base(m, P_ARCHIVE) + i * ARCHIVE_WORDS
        if m[a + AR_CLOSED_AT] > limit:
            return
        firm = m[a + AR_FIRM_ACCOUNT] >> 32
        id_delete(m, firm, m[a + AR_KEY_HI], m[a + AR_KEY_LO], ARCHIVED | (i + 1))
        if m[a + AR_TEXT] != 0:
            pool_release(m, P_TEXT, m[a + AR_TEXT])
            m[a + AR_TEXT] = 0
        m[H_ARCHIVE_TAIL] = i + 1 if i + 1 < pool_cap(m, P_ARCHIVE) else 0
        m[H_ARCHIVE_USED] -= 1
        most -= 1


@leaf
def archive_next(m):
    """The next archive row of the ring; the caller holds a reserve, so there is one."""
    i = m[H_ARCHIVE_HEAD]
    m[H_ARCHIVE_HEAD] = i + 1 if i + 1 < pool_cap(m, P_ARCHIVE) else 0
    m[H_ARCHIVE_USED] += 1
    return pool_base(m, P_ARCHIVE) + i * ARCHIVE_WORDS


@leaf
def hold_listing(m, o, listing):
    """The order stands under these terms from now on."""
    m[o + O_LISTING] = listing
    m[listing + LI_ORDERS] += 1


@leaf
def leave_listing(m, o):
    """The order no longer needs its terms; superseded ones go with their last order."""
    listing = m[o + O_LISTING]
    m[listing + LI_ORDERS] -= 1
    if m[listing + LI_ORDERS] == 0 and m[listing + LI_CURRENT] == 0:
        pool_release(m, P_LISTING, listing)


@leaf
def archive_order(m, o, status, reason):
    """Write an archive row of the order under its present ClOrdID; returns the row."""
    a = archive_next(m)
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
    m[a + AR_SESSION] = m[o + O_SESSION]
    m[a + AR_ORIG_HI] = 0
    m[a + AR_ORIG_LO] = 0
    return a


@leaf
def close_order(m, o, status, reason):
    """Take an order out of everything and leave its archive row. Its event has been written before."""
    inst = m[o + O_INSTRUMENT]
    event = m[inst + I_EVENT]
    co = m[o + O_COLL]
    book_side = m[o + O_ATTR] & 15
    if m[o + O_LEVEL] != 0:
        queue_remove(m, inst, 0 if book_side == BUY else 1, o)
    if m[o + O_LEAVES] > 0:
        reserve(m, inst, co, book_side, m[o + O_PRICE], m[o + O_LEAVES], m[o + O_RESERVED_FEE], -1)
    timer_remove(m, o)
    leave_listing(m, o)
    account_unlink(m, m[co + CO_ACCOUNT], o)
    m[event + E_OPEN_ORDERS] -= 1
    m[inst + I_ORDERS_OPEN] -= 1
    a = archive_order(m, o, status, reason)
    m[H_OPEN_ORDERS] -= 1
    id_repoint(m, m[o + O_FIRM], m[o + O_KEY_HI], m[o + O_KEY_LO], order_ref(m, o), archive_ref(m, a))
    pool_release(m, P_ORDER, o)


@leaf
def take_out(m, ev, o, kind, status, reason, flags):
    """End an open order for a reason that is not its client's cancel: the report to its own session, nothing left open, then closed."""
    e = order_report(m, ev, o, kind, status, reason, flags)
    ev[e + EVT_LEAVES] = 0
    close_order(m, o, status, reason)
