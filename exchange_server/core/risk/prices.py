"""The price half of the ladder: grid, collar, protection price, post-only."""

from protocol import codes as C

from .. import layout as L
from ..emit import client_price, refuse
from ..kit.jit import leaf
from ..layout.packed import other_side

# ---- price and size -------------------------------------------------------------------------------------------


@leaf
def on_grid(m, inst, price):
    for i in range(m[inst + L.I_BAND_COUNT]):
        b = inst + L.I_BANDS + 3 * i
        if m[b] <= price <= m[b + 1]:
            return (price - m[b]) % m[b + 2] == 0
    return False


@leaf
def increment_at(m, inst, price):
    """Increment of the band that a price lies in, or else of the next one above."""
    for i in range(m[inst + L.I_BAND_COUNT]):
        b = inst + L.I_BANDS + 3 * i
        if price <= m[b + 1]:
            return m[b + 2]
    return 0


@leaf
def grid_floor(m, inst, price):
    """The highest grid price <= price, else the lowest of all."""
    best = m[inst + L.I_PRICE_MIN]
    for i in range(m[inst + L.I_BAND_COUNT]):
        b = inst + L.I_BANDS + 3 * i
        if m[b] <= price:
            top = min(price, m[b + 1])
            best = max(best, top - (top - m[b]) % m[b + 2])
    return best


@leaf
def grid_ceil(m, inst, price):
    """The lowest grid price >= price, else the highest of all."""
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
    """Operator's price, else last trade, else 0: none."""
    return m[inst + L.I_REFERENCE] if m[inst + L.I_REFERENCE] != 0 else m[inst + L.I_LAST]


@leaf
def protection_price(m, inst, book_side):
    """Best opposite price ± protection, clamped to collar and grid (YES ticks). The caller has seen that there is an opposite order."""
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
    """A limit price in the client's terms: range, then grid."""
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
    """Judged in YES ticks, said in the client's: where the collar ends, the reference, the price."""
    reference = reference_price(m, inst)
    collar = m[inst + L.I_COLLAR]
    if collar != 0 and reference != 0 and abs(book - reference) > collar:
        end = client_price(m, inst, contract_side, reference + collar if book > reference else reference - collar)
        return refuse(m, C.R_COLLAR, end, client_price(m, inst, contract_side, reference), client_price(m, inst, contract_side, book))
    return C.OK


@leaf
def check_post_only(m, inst, contract_side, book_side, price):
    """A post-only order may not cross the opposite best; the refusal names both in the client's terms."""
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
    """A market order needs an opposite order."""
    if m[inst + L.I_BEST + other_side(book_side)] == 0:
        return refuse(m, C.R_NO_LIQUIDITY, 0, 0, 0)
    return C.OK
