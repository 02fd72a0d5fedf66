"""Checks of prices: grid, collar, protection price, post-only.

Each check returns C.OK or the reason code, with limit, used and asked in the header in ticks of the client's side. `inst` is an instrument
pointer, `contract_side` C.YES or C.NO, `book_side` C.BUY or C.SELL in YES terms.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import client_price, refuse
from ..kit.jit import leaf
from ..layout.packed import other_side

# ---- price and size -------------------------------------------------------------------------------------------


@leaf
def on_grid(m, inst, price):
    """Whether a price (YES ticks) is in a band and on its increment."""
    for i in range(m[inst + L.I_BAND_COUNT]):
        b = inst + L.I_BANDS + 3 * i
        if m[b] <= price <= m[b + 1]:
            return (price - m[b]) % m[b + 2] == 0
    return False


@leaf
def increment_at(m, inst, price):
    """Increment (ticks) of the band that contains a price (YES ticks), or else of the next band above; 0 if there is none."""
    for i in range(m[inst + L.I_BAND_COUNT]):
        b = inst + L.I_BANDS + 3 * i
        if price <= m[b + 1]:
            return m[b + 2]
    return 0


@leaf
def grid_floor(m, inst, price):
    """The highest grid price <= price (YES ticks), else the lowest grid price."""
    best = m[inst + L.I_PRICE_MIN]
    for i in range(m[inst + L.I_BAND_COUNT]):
        b = inst + L.I_BANDS + 3 * i
        if m[b] <= price:
            top = min(price, m[b + 1])
            best = max(best, top - (top - m[b]) % m[b + 2])
    return best


@leaf
def grid_ceil(m, inst, price):
    """The lowest grid price >= price (YES ticks), else the highest grid price."""
    best = m[inst + L.I_PRICE_MAX]
    for i in range(m[inst + L.I_BAND_COUNT]):
        b = inst + L.I_BANDS + 3 * i
        if m[b + 1] >= price:
            low = max(price, m[b])
            up = low + (m[b + 2] - (low - m[b]) % m[b + 2]) % m[b + 2]
            if up <= m[b + 1]:
                best = min(best, up)
    return best


@leaf
def reference_price(m, inst):
    """The reference price in YES ticks: the operator's, else the last trade's, else 0 (none)."""
    return m[inst + L.I_REFERENCE] if m[inst + L.I_REFERENCE] != 0 else m[inst + L.I_LAST]


@leaf
def protection_price(m, inst, book_side):
    """The limit of a market order in YES ticks: best opposite price ± protection, within collar and grid. There must be an opposite order
    (check_market_price)."""
    reference = reference_price(m, inst)
    collar = m[inst + L.I_COLLAR]
    if book_side == C.BUY:
        price = m[m[inst + L.I_BEST + L.ASK] + L.L_PRICE] + m[inst + L.I_PROTECTION]
        if collar != 0 and reference != 0:
            price = min(price, reference + collar)
        return grid_floor(m, inst, price)
    price = m[m[inst + L.I_BEST + L.BID] + L.L_PRICE] - m[inst + L.I_PROTECTION]
    if collar != 0 and reference != 0:
        price = max(price, reference - collar)
    return grid_ceil(m, inst, price)


@leaf
def check_price(m, inst, contract_side, price):
    """price: ticks in the client's terms. R_PRICE_OUT_OF_RANGE, R_PRICE_OFF_GRID."""
    low = m[inst + L.I_PRICE_MIN]
    high = m[inst + L.I_PRICE_MAX]
    if contract_side == C.NO:
        low, high = m[inst + L.I_PAYOUT] - high, m[inst + L.I_PAYOUT] - low
    if price < low:
        return refuse(m, C.R_PRICE_OUT_OF_RANGE, low, 0, price)
    if price > high:
        return refuse(m, C.R_PRICE_OUT_OF_RANGE, high, 0, price)
    book = client_price(m, inst, contract_side, price)
    if not on_grid(m, inst, book):
        return refuse(m, C.R_PRICE_OFF_GRID, increment_at(m, inst, book), 0, price)
    return C.OK


@leaf
def check_collar(m, inst, contract_side, book):
    """book: price in YES ticks. R_COLLAR with the end of the collar, the reference and the price in the client's terms."""
    reference = reference_price(m, inst)
    collar = m[inst + L.I_COLLAR]
    if collar != 0 and reference != 0 and abs(book - reference) > collar:
        end = client_price(m, inst, contract_side, reference + collar if book > reference else reference - collar)
        return refuse(m, C.R_COLLAR, end, client_price(m, inst, contract_side, reference), client_price(m, inst, contract_side, book))
    return C.OK


@leaf
def check_post_only(m, inst, contract_side, book_side, price):
    """price: YES ticks. R_POST_ONLY_WOULD_TRADE if it reaches the best opposite price; the refusal has both in the client's terms."""
    best = m[inst + L.I_BEST + other_side(book_side)]
    if best == 0:
        return C.OK
    other = m[best + L.L_PRICE]
    if price >= other if book_side == C.BUY else price <= other:
        shown = client_price(m, inst, contract_side, other)
        return refuse(m, C.R_POST_ONLY_WOULD_TRADE, shown, 0, client_price(m, inst, contract_side, price))
    return C.OK


@leaf
def check_market_price(m, inst, book_side):
    """A market order needs an opposite order: R_NO_LIQUIDITY."""
    if m[inst + L.I_BEST + other_side(book_side)] == 0:
        return refuse(m, C.R_NO_LIQUIDITY, 0, 0, 0)
    return C.OK
