"""Fees: what a fill is charged, what an order holds for them, and their division among the recipients. All amounts are minor units.

A fee is cumulated per order: the charge after any number of fills is ceil(sum of exact numerators / denominator), so many
small fills cost what one large fill costs; rebates likewise with floor. Overflow cannot happen: a listing whose largest numerator
reaches 2^62 is refused (domain.md).
"""

from protocol.codes import FEE_NOTIONAL, FEE_QUADRATIC

from .collateral import balance_get
from .jit import leaf
from .records import (
    B_CASH,
    E_ASSET,
    I_EVENT,
    I_PAYOUT,
    I_TICK_VALUE,
    LI_OWNER_ACCOUNT,
    LI_OWNER_SHARE,
    LI_VENUE_ACCOUNT,
    LI_VENUE_SHARE,
    O_FEE_NUM,
    O_FEE_PAID,
    O_FEES,
    O_INSTRUMENT,
    O_LISTING,
    O_NET_FEE,
    O_REBATE_NUM,
    O_REBATE_PAID,
)

PLATFORM_ACCOUNT = 1
BPS = 10_000


@leaf
def pack_fees(model, maker, taker):
    return (model << 40) | ((maker + 32768) << 20) | (taker + 32768)


@leaf
def fee_model(fees):
    return fees >> 40


@leaf
def maker_bps(fees):
    return ((fees >> 20) & 0xFFFFF) - 32768


@leaf
def taker_bps(fees):
    return (fees & 0xFFFFF) - 32768


@leaf
def fee_numerator(inst, m, model, bps, price, quantity):
    """Exact fee times fee_denominator; price in YES ticks."""
    scale = bps * quantity * m[inst + I_TICK_VALUE]
    if model == FEE_NOTIONAL:
        return scale * price
    payout = m[inst + I_PAYOUT]
    if model == FEE_QUADRATIC:
        return scale * price * (payout - price)
    return scale * min(price, payout - price)


@leaf
def fee_denominator(inst, m, model):
    return BPS * m[inst + I_PAYOUT] if model == FEE_QUADRATIC else BPS


@leaf
def fee_reserve(m, inst, fees, price, quantity, charged, paid):
    """What an order may still be charged when its rest, a quantity at a price, is charged by the dearer of maker and taker: its whole fee is
    rounded up as one amount, so that is ceil(charged so far + rest) - paid so far. `charged`: exact numerator in the model of `fees`."""
    bps = max(maker_bps(fees), taker_bps(fees))
    if bps <= 0 or quantity <= 0:
        return 0
    model = fee_model(fees)
    den = fee_denominator(inst, m, model)
    return (charged + fee_numerator(inst, m, model, bps, price, quantity) + den - 1) // den - paid


@leaf
def charge_fee(m, inst, o, bps, price, quantity):
    """Fee of one fill at a rate >= 0, by the order's cumulated numerator."""
    if bps == 0:
        return 0
    model = fee_model(m[o + O_FEES])
    den = fee_denominator(inst, m, model)
    m[o + O_FEE_NUM] += fee_numerator(inst, m, model, bps, price, quantity)
    paid = (m[o + O_FEE_NUM] + den - 1) // den
    fee = paid - m[o + O_FEE_PAID]
    m[o + O_FEE_PAID] = paid
    return fee


@leaf
def grant_rebate(m, inst, o, bps, price, quantity):
    """Rebate of one fill at a rate > 0, rounded down over the order."""
    if bps == 0:
        return 0
    model = fee_model(m[o + O_FEES])
    den = fee_denominator(inst, m, model)
    m[o + O_REBATE_NUM] += fee_numerator(inst, m, model, bps, price, quantity)
    paid = m[o + O_REBATE_NUM] // den
    rebate = paid - m[o + O_REBATE_PAID]
    m[o + O_REBATE_PAID] = paid
    return rebate


@leaf
def share_fee(m, o, change):
    """Divide a change of the order's net fee: owner and listing venue hold floor(net * share) of it, the platform the rest."""
    if change == 0:
        return
    listing = m[o + O_LISTING]
    asset = m[m[m[o + O_INSTRUMENT] + I_EVENT] + E_ASSET]
    before = m[o + O_NET_FEE]
    after = before + change
    m[o + O_NET_FEE] = after
    owner = m[listing + LI_OWNER_SHARE]
    venue = m[listing + LI_VENUE_SHARE]
    rest = change
    if owner != 0:
        part = (after * owner) // BPS - (before * owner) // BPS
        m[balance_get(m, m[listing + LI_OWNER_ACCOUNT], asset) + B_CASH] += part
        rest -= part
    if venue != 0:
        part = (after * venue) // BPS - (before * venue) // BPS
        m[balance_get(m, m[listing + LI_VENUE_ACCOUNT], asset) + B_CASH] += part
        rest -= part
    m[balance_get(m, PLATFORM_ACCOUNT, asset) + B_CASH] += rest
