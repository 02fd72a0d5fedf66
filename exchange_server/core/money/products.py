"""What an order reserves, by product."""

from protocol import codes as C

from .. import layout as L
from ..kit.jit import leaf
from .collateral import collateral_shift, open_quantity
from .fees import fee_reserve

# ---- reservation: what the unfilled rest takes from the collateral row ------------------------------------------


@leaf
def reserve_part(m, inst, book_side, price, quantity):
    """Price part of the reservation of a quantity: minor units (spot sells: base minor units)."""
    event = m[inst + L.I_EVENT]
    if book_side == C.BUY:
        return price * quantity * m[inst + L.I_TICK_VALUE]
    if m[event + L.E_PRODUCT] == C.SPOT:
        return quantity * m[event + L.E_LOT_BASE]
    return (m[inst + L.I_PAYOUT] - price) * quantity * m[inst + L.I_TICK_VALUE]


@leaf
def reserve_fee(m, inst, book_side, fees, price, quantity, charged, paid):
    """Fee part of an order that was charged so much already (exact numerator, and rounded up); a spot sell's fee comes out of its proceeds."""
    if book_side != C.BUY and m[m[inst + L.I_EVENT] + L.E_PRODUCT] == C.SPOT:
        return 0
    return fee_reserve(m, inst, fees, price, quantity, charged, paid)


@leaf
def reserve(m, inst, co, book_side, price, quantity, fee, sign):
    """Add (sign 1) or release (sign -1) the reservation of a quantity at a price together with its fee part."""
    amount = sign * (reserve_part(m, inst, book_side, price, quantity) + fee)
    j = m[inst + L.I_INDEX]
    if book_side == C.BUY:
        collateral_shift(m, co, j, 0, amount, 0)
        open_quantity(m, co, j, 0, sign * quantity)
    else:
        collateral_shift(m, co, j, 0, 0, amount)
        open_quantity(m, co, j, 1, sign * quantity)
