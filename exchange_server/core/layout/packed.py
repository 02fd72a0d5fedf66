"""Words that hold several things: how they are put together and read."""

from .. import layout as L
from ..kit.jit import leaf

STATUS_SHIFT = 28  # of O_ATTR and AR_ATTR


@leaf
def status_of(attr):
    return (attr >> STATUS_SHIFT) & 255


@leaf
def pack_head(kind, extra, status, reason, side, contract_side, order_type, tif, flags):
    low = kind | (extra << 8) | (status << 16) | (reason << 24)
    return low | (side << 40) | (contract_side << 44) | (order_type << 48) | (tif << 52) | (flags << 56)


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


STATUS_MASK = 255 << STATUS_SHIFT
REASON_SHIFT = 36
WAS_REPLACED = 1 << 27  # in O_ATTR and AR_ATTR


@leaf
def pack_attr(book_side, side, contract_side, order_type, tif, flags, status):
    return book_side | (side << 4) | (contract_side << 8) | (order_type << 12) | (tif << 16) | (flags << 20) | (status << STATUS_SHIFT)


@leaf
def set_status(m, o, status):
    m[o + L.O_ATTR] = (m[o + L.O_ATTR] & ~STATUS_MASK) | (status << STATUS_SHIFT)
