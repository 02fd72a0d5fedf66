"""Fees: what a fill is charged, what an order holds for them, and their division among the recipients. All amounts are minor units.

A fee is cumulated per order: the charge after any number of fills is ceil(sum of exact numerators / denominator), so many
small fills cost what one large fill costs; rebates likewise with floor. Overflow cannot happen: a listing whose largest numerator
reaches 2^62 is refused (domain.md).
"""

from protocol import codes as C

from .. import layout as L
from ..kit.expect import expect
from ..kit.jit import leaf
from ..layout.packed import fee_model, maker_bps, taker_bps
from .ledger import post

BPS = 10_000


@leaf
def fee_numerator(inst, m, model, bps, price, quantity):
    """Exact fee times fee_denominator; price in YES ticks."""
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
    return BPS * m[inst + L.I_PAYOUT] if model == C.FEE_QUADRATIC else BPS


@leaf
def fee_reserve(m, inst, fees, price, quantity, charged, paid):
    """What an order may still be charged when its rest, a quantity at a price, is charged by the dearer of maker and taker: its whole fee is
    rounded up as one amount, so that is ceil(charged so far + rest) - paid so far. `charged`: exact numerator in the model of `fees`."""
    bps = max(maker_bps(fees), taker_bps(fees))
    if bps <= 0 or quantity <= 0:
        return 0
    model = fee_model(fees)
    den = fee_denominator(inst, m, model)
    expect(m, paid >= 0 and paid * den >= charged, L.INV_FEE)
    return (charged + fee_numerator(inst, m, model, bps, price, quantity) + den - 1) // den - paid


@leaf
def charge_fee(m, inst, o, bps, price, quantity):
    """Fee of one fill at a rate >= 0, by the order's cumulated numerator."""
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
    """Rebate of one fill at a rate > 0, rounded down over the order."""
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
    """The order's account pays a change of the order's net fee to those who share it: owner and listing venue hold floor(net * share) of it, the
    platform the rest. Their balances are in the listing."""
    if change == 0:
        return
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
