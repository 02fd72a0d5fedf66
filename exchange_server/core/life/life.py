"""An open order's membership in the list of its account, and the end of an order."""

from .. import layout as L
from ..book.levels import queue_remove
from ..emit import order_report
from ..kit.jit import leaf
from ..kit.pools import pool_release
from ..kit.rows import firm_row, venue_row
from ..layout.packed import book_side_of, own_side, venue_of, was_replaced
from ..money.collateral import reserve
from .archive import archive_order
from .ids import ALIAS_HI, archive_ref, id_repoint, order_ref
from .special import drop_special

# ---- account list -----------------------------------------------------------------------------------------------


@leaf
def account_link(m, account, o):
    """Add an order (pointer) at the head of the account's list (pointer): newest first."""
    head = m[account + L.AC_ORDERS]
    m[o + L.O_ACCT_NEXT] = head
    m[o + L.O_ACCT_PREV] = 0
    if head != 0:
        m[head + L.O_ACCT_PREV] = o
    m[account + L.AC_ORDERS] = o
    m[account + L.AC_ORDER_COUNT] += 1


@leaf
def account_unlink(m, account, o):
    """Remove an order (pointer) from the account's list (pointer)."""
    nxt = m[o + L.O_ACCT_NEXT]
    prv = m[o + L.O_ACCT_PREV]
    if prv == 0:
        m[account + L.AC_ORDERS] = nxt
    else:
        m[prv + L.O_ACCT_NEXT] = nxt
    if nxt != 0:
        m[nxt + L.O_ACCT_PREV] = prv
    m[account + L.AC_ORDER_COUNT] -= 1


# ---- the end ------------------------------------------------------------------------------------------------------


@leaf
def hold_listing(m, o, listing):
    """Attach the order to the terms of a listing (pointer)."""
    m[o + L.O_LISTING] = listing
    m[listing + L.LI_ORDERS] += 1


@leaf
def leave_listing(m, o):
    """Detach the order from its terms. Superseded terms are released with their last order."""
    listing = m[o + L.O_LISTING]
    m[listing + L.LI_ORDERS] -= 1
    if m[listing + L.LI_ORDERS] == 0 and m[listing + L.LI_CURRENT] == 0:
        pool_release(m, L.P_LISTING, listing)


@leaf
def close_order(m, o, status, reason):
    """Remove an order from book, reservation, timers and lists, and leave its archive row. The caller has written its event. The order's
    row is released."""
    inst = m[o + L.O_INSTRUMENT]
    event = m[inst + L.I_EVENT]
    co = m[o + L.O_COLL]
    book_side = book_side_of(m[o + L.O_ATTR])
    if m[o + L.O_LEVEL] != 0:
        queue_remove(m, inst, own_side(book_side), o)
    if m[o + L.O_LEAVES] > 0:
        reserve(m, inst, co, book_side, m[o + L.O_PRICE], m[o + L.O_LEAVES], m[o + L.O_RESERVED_FEE], -1)
    drop_special(m, o)
    leave_listing(m, o)
    account_unlink(m, m[co + L.CO_ACCOUNT], o)
    m[event + L.E_OPEN_ORDERS] -= 1
    m[inst + L.I_ORDERS_OPEN] -= 1
    firm = m[o + L.O_FIRM]
    m[firm_row(m, firm) + L.F_OPEN] -= 1
    m[venue_row(m, venue_of(m[o + L.O_ENTRY])) + L.V_OPEN] -= 1
    m[L.H_OPEN_ORDERS] -= 1
    a = archive_order(m, o, status, reason)
    id_repoint(m, firm, m[o + L.O_KEY_HI], m[o + L.O_KEY_LO], order_ref(m, o), archive_ref(m, a))
    if was_replaced(m[o + L.O_ATTR]):
        id_repoint(m, firm, ALIAS_HI, m[o + L.O_ID], order_ref(m, o), archive_ref(m, a))
    pool_release(m, L.P_ORDER, o)


@leaf
def take_out(m, ev, o, kind, status, reason, flags):
    """End an open order for a reason other than its client's cancel: report to its own session with leaves 0, then close it. Up to 2 event
    rows."""
    e = order_report(m, ev, o, kind, status, reason, flags)
    ev[e + L.EVT_LEAVES] = 0
    close_order(m, o, status, reason)
