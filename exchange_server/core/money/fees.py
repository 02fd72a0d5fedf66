"""Fees: the charge of a fill, the reserve of an order, and the shares of the recipients. All amounts are minor units, rates basis points.

Fees are cumulated per order: the total charge after any number of fills is ceil(sum of exact numerators / denominator), so many small
fills cost the same as one large fill. Rebates are cumulated the same way with floor. Overflow cannot happen: a listing whose largest
numerator reaches 2^62 is refused (domain.md).
"""

from protocol import codes as C

from .. import layout as L
from ..kit.expect import expect
from ..kit.jit import leaf
from ..layout.packed import fee_model, maker_bps, pack_shares, taker_bps
from .ledger import post

BPS = 10_000


@leaf
def fee_numerator(inst, m, model, bps, price, quantity):
    """Exact fee of a fill times fee_denominator. price: YES ticks; quantity: lots."""
    expect(m, bps >= 0 and quantity >= 0 and price >= 0, L.INV_FEE)
    scale = bps * quantity * m[inst + L.I_TICK_VALUE]
    if model == C.FEE_NOTIONAL:
        return scale * price
    payout = m[inst + L.I_PAYOUT]
    expect(m, 0 < price < payout, L.INV_FEE)
    if model == C.FEE_QUADRATIC:
        return scale * price * (payout - price)
    return scale * min(price, payout - price)


@leaf
def fee_denominator(inst, m, model):
    """Denominator of exact fees under a fee model (FEE_*)."""
    return BPS * m[inst + L.I_PAYOUT] if model == C.FEE_QUADRATIC else BPS


@leaf
def fee_reserve(m, inst, fees, price, quantity, charged, paid):
    """Most that an order may still be charged: `quantity` lots at `price` (YES ticks) at the higher of maker and taker rate. Its whole fee
    is rounded up once, so this is ceil(charged + rest) - paid. charged: exact numerator so far, in the model of `fees`; paid: minor units
    so far."""
    bps = max(maker_bps(fees), taker_bps(fees))
    if bps <= 0 or quantity <= 0:
        return 0
    model = fee_model(fees)
    den = fee_denominator(inst, m, model)
    expect(m, paid >= 0 and paid * den >= charged, L.INV_FEE)
    return (charged + fee_numerator(inst, m, model, bps, price, quantity) + den - 1) // den - paid


@leaf
def charge_fee(m, inst, o, bps, price, quantity):
    """Charge the order (pointer) for one fill at a rate >= 0; returns the fee in minor units."""
    if bps == 0:
        return 0
    model = fee_model(m[o + L.O_FEES])
    den = fee_denominator(inst, m, model)
    m[o + L.O_FEE_NUM] += fee_numerator(inst, m, model, bps, price, quantity)
    paid = (m[o + L.O_FEE_NUM] + den - 1) // den
    fee = paid - m[o + L.O_FEE_PAID]
    expect(m, fee >= 0, L.INV_FEE)
    m[o + L.O_FEE_PAID] = paid
    return fee


@leaf
def grant_rebate(m, inst, o, bps, price, quantity):
    """Grant the order (pointer) a rebate for one fill at a rate >= 0; returns it in minor units. Rounded down over the whole order."""
    if bps == 0:
        return 0
    model = fee_model(m[o + L.O_FEES])
    den = fee_denominator(inst, m, model)
    m[o + L.O_REBATE_NUM] += fee_numerator(inst, m, model, bps, price, quantity)
    paid = m[o + L.O_REBATE_NUM] // den
    rebate = paid - m[o + L.O_REBATE_PAID]
    expect(m, rebate >= 0, L.INV_FEE)
    m[o + L.O_REBATE_PAID] = paid
    return rebate


@leaf
def share_fee(m, o, change):
    """Pay a change of the order's net fee (minor units) from its account to those who share it: owner and listing venue hold floor(net *
    share), the platform the rest. The listing has pointers to their balances. Returns EVT_FILL_TERMS."""
    if change == 0:
        return 0
    listing = m[o + L.O_LISTING]
    payer = m[m[o + L.O_COLL] + L.CO_CASH]
    before = m[o + L.O_NET_FEE]
    after = before + change
    m[o + L.O_NET_FEE] = after
    owner = m[listing + L.LI_OWNER_SHARE]
    venue = m[listing + L.LI_VENUE_SHARE]
    expect(m, owner >= 0 and venue >= 0 and owner + venue <= BPS, L.INV_FEE)
    rest = change
    if owner != 0:
        part = (after * owner) // BPS - (before * owner) // BPS
        post(m, payer, m[listing + L.LI_OWNER_BALANCE], part, C.WHY_FEE)
        rest -= part
    if venue != 0:
        part = (after * venue) // BPS - (before * venue) // BPS
        post(m, payer, m[listing + L.LI_VENUE_BALANCE], part, C.WHY_FEE)
        rest -= part
    post(m, payer, m[listing + L.LI_PLATFORM_BALANCE], rest, C.WHY_FEE)
    return pack_shares(owner, venue, before)
