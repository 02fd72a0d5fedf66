"""Checks of quantity: throttles, size, notional, position, and the collateral reservation.

Each check returns C.OK or the reason code, with limit, used and asked in the header. Pointers: `s` session, `inst` instrument, `co`
collateral row. Quantities are lots, prices ticks, money minor units of the asset.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import refuse
from ..kit.jit import leaf
from ..kit.rows import venue_at
from ..layout.packed import own_side
from ..money.collateral import buying_power, open_of, position_of, reserve

QUANTITY_MAX = 1 << 61


@leaf
def _throttle(m, at, count, code):
    """Count so many messages or bytes against the throttle at pointer `at` (TH_* words; the window is in ns of the steady clock). What is
    refused is not counted."""
    limit = m[at + L.TH_LIMIT]
    if limit == 0:
        return C.OK
    now = m[L.H_TICK]
    if now - m[at + L.TH_START] >= m[at + L.TH_WINDOW]:
        m[at + L.TH_START] = now
        m[at + L.TH_USED] = 0
    if m[at + L.TH_USED] + count > limit:
        return refuse(m, code, limit, m[at + L.TH_USED], count)
    m[at + L.TH_USED] += count
    return C.OK


@leaf
def check_throttle(m, s, venue_id, row_bytes):
    """Count one message against the session's throttle, then the venue's throttle and quotas: R_THROTTLED_SESSION, R_THROTTLED_VENUE,
    R_QUOTA_MESSAGES, R_QUOTA_JOURNAL. row_bytes: what the message takes of the journal."""
    code = _throttle(m, s + L.S_THROTTLE, 1, C.R_THROTTLED_SESSION)
    if code != C.OK:
        return code
    v = venue_at(m, venue_id)
    if v != 0:
        code = _throttle(m, v + L.V_THROTTLE, 1, C.R_THROTTLED_VENUE)
        if code == C.OK and m[v + L.V_BARS] & L.BAR_PACE != 0:
            code = _throttle(m, v + L.V_PACE, 1, C.R_QUOTA_MESSAGES)
            if code == C.OK:
                code = _throttle(m, v + L.V_BYTES, row_bytes, C.R_QUOTA_JOURNAL)
        return code
    return C.OK


@leaf
def check_quantity(m, inst, quantity):
    """Quantity in lots: R_QTY_NOT_POSITIVE, R_QTY_LOT, R_QTY_TOO_SMALL, R_QTY_TOO_LARGE."""
    if quantity <= 0:
        return refuse(m, C.R_QTY_NOT_POSITIVE, 1, 0, quantity)
    if quantity % m[inst + L.I_LOT] != 0:
        return refuse(m, C.R_QTY_LOT, m[inst + L.I_LOT], 0, quantity)
    if quantity < m[inst + L.I_MIN_QTY]:
        return refuse(m, C.R_QTY_TOO_SMALL, m[inst + L.I_MIN_QTY], 0, quantity)
    if quantity > m[inst + L.I_MAX_QTY]:
        return refuse(m, C.R_QTY_TOO_LARGE, m[inst + L.I_MAX_QTY], 0, quantity)
    return C.OK


@leaf
def check_notional(m, inst, price, quantity):
    """price: ticks in the client's terms; quantity: lots. R_NOTIONAL_TOO_LARGE with the limit and the notional in minor units."""
    notional = price * quantity * m[inst + L.I_TICK_VALUE]
    if m[inst + L.I_MAX_NOTIONAL] != 0 and notional > m[inst + L.I_MAX_NOTIONAL]:
        return refuse(m, C.R_NOTIONAL_TOO_LARGE, m[inst + L.I_MAX_NOTIONAL], 0, notional)
    return C.OK


@leaf
def check_position(m, inst, co, book_side, quantity, less):
    """The position (YES contracts, negative: short) if the whole order and all open orders of its side were filled: R_POSITION_LIMIT if it
    exceeds the maximum and is larger than before. less: open quantity of the order that is replaced."""
    most = m[inst + L.I_MAX_POSITION]
    if most == 0:
        return C.OK
    j = m[inst + L.I_INDEX]
    sell = own_side(book_side)
    sign = 1 if book_side == C.BUY else -1
    before = position_of(m, co, j) + sign * (open_of(m, co, j, sell) - less)
    after = before + sign * quantity
    if abs(after) > most and abs(after) > abs(before):
        return refuse(m, C.R_POSITION_LIMIT, most, before, after)
    return C.OK


# ---- collateral -------------------------------------------------------------------------------------------------


@leaf
def take_reservation(m, inst, co, book_side, price, quantity, fee, old_price, old_quantity, old_fee):
    """Reserve collateral for a new order (old_quantity 0), or replace an old reservation. If buying power would be negative and lower than
    before, everything is restored and R_COLLATERAL returned, with the amounts available, locked and needed on top (minor units). Prices are YES
    ticks, quantities lots, fees minor units."""
    cash = m[co + L.CO_CASH]
    base = m[co + L.CO_BASE]
    before = buying_power(m, cash)
    before_base = after_base = buying_power(m, base) if base != 0 else 0
    locked = m[cash + L.B_LOCKED]
    if old_quantity != 0:
        reserve(m, inst, co, book_side, old_price, old_quantity, old_fee, -1)
    reserve(m, inst, co, book_side, price, quantity, fee, 1)
    after = buying_power(m, cash)
    short_cash = after < 0 and after < before
    short_base = False
    if base != 0:
        after_base = buying_power(m, base)
        short_base = after_base < 0 and after_base < before_base
    if not short_cash and not short_base:
        return C.OK
    reserve(m, inst, co, book_side, price, quantity, fee, -1)
    if old_quantity != 0:
        reserve(m, inst, co, book_side, old_price, old_quantity, old_fee, 1)
    if short_base:
        return refuse(m, C.R_COLLATERAL, before_base, m[base + L.B_LOCKED], before_base - after_base)
    return refuse(m, C.R_COLLATERAL, before, locked, before - after)
