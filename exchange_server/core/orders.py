"""The life of an order row: opened, reserved, timed, closed into the archive (archive.py).

Invariants (core/audit.py walks them): an open order is in its account's list, in the ClOrdID table, in a timer bucket when
it expires, and in a level queue when it rests.
"""

from protocol.codes import BUY, SPOT

from .archive import WAS_REPLACED, archive_order, archive_ref, firm_row
from .book import queue_remove
from .collateral import collateral_shift, open_quantity
from .emit import order_report
from .jit import leaf
from .ledger import fee_reserve
from .pools import (
    ALIAS_HI,
    PAIR_BUCKET,
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
    AC_ORDER_COUNT,
    AC_ORDERS,
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
    F_OPEN,
    H_HEAP_SIZE,
    H_OPEN_ORDERS,
    I_EVENT,
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
    O_FIRM,
    O_ID,
    O_INSTRUMENT,
    O_KEY_HI,
    O_KEY_LO,
    O_LEAVES,
    O_LEVEL,
    O_LISTING,
    O_PRICE,
    O_RESERVED_FEE,
    O_TIMER_NEXT,
    O_TIMER_PREV,
    ORDER_WORDS,
    P_BUCKET,
    P_HEAP,
    P_LISTING,
    P_ORDER,
)


@leaf
def order_ref(m, o):
    return (o - pool_base(m, P_ORDER)) // ORDER_WORDS + 1


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
def reserve_fee(m, inst, book_side, fees, price, quantity, charged, paid):
    """Fee part of an order that was charged so much already (exact numerator, and rounded up); a spot sell's fee comes out of its proceeds."""
    if book_side != BUY and m[m[inst + I_EVENT] + E_PRODUCT] == SPOT:
        return 0
    return fee_reserve(m, inst, fees, price, quantity, charged, paid)


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


# ---- the end ------------------------------------------------------------------------------------------------------


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
    firm = m[o + O_FIRM]
    m[firm_row(m, firm) + F_OPEN] -= 1
    m[H_OPEN_ORDERS] -= 1
    a = archive_order(m, o, status, reason)
    id_repoint(m, firm, m[o + O_KEY_HI], m[o + O_KEY_LO], order_ref(m, o), archive_ref(m, a))
    if m[o + O_ATTR] & WAS_REPLACED != 0:
        id_repoint(m, firm, ALIAS_HI, m[o + O_ID], order_ref(m, o), archive_ref(m, a))
    pool_release(m, P_ORDER, o)


@leaf
def take_out(m, ev, o, kind, status, reason, flags):
    """End an open order for a reason that is not its client's cancel: the report to its own session, nothing left open, then closed."""
    e = order_report(m, ev, o, kind, status, reason, flags)
    ev[e + EVT_LEAVES] = 0
    close_order(m, o, status, reason)
