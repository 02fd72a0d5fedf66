"""Money rules of the naive exchange, each from its definition in domain.md: collateral (section 4) and fees (section 5)."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from protocol import codes as C
from tests.model_world import Event, Instrument, Listing, Order


def fee_fraction(model: int, bps: int, price: int, qty: int, payout: int, tick_value: int) -> Fraction:
    """The exact fee in minor units for qty lots at a price in YES ticks."""
    money = Fraction(bps, 10_000) * qty * tick_value
    if model == C.FEE_NOTIONAL:
        return money * price
    if model == C.FEE_QUADRATIC:
        return money * price * (payout - price) / payout
    return money * min(price, payout - price)


def reserved_fee(order: Order, event: Event) -> int:
    """What an order holds for fees: what it may still be charged, the rest being charged at its limit price by the dearer of maker and
    taker, and all of its fee rounded up as one amount; a spot sell holds none."""
    if event.product == C.SPOT and order.book_side == C.SELL:
        return 0
    listing = order.listing
    rate = max(listing.maker, listing.taker, 0)
    rest = fee_fraction(listing.model, rate, order.price, order.leaves, event.payout, event.tick_value)
    return ceil(order.fee_numerator + rest) - order.fee_paid


def under_other_terms(order: Order, listing: Listing) -> tuple[Fraction, Fraction]:
    """Cumulated fee and rebate with which an order continues under a listing. Another fee model has another measure: the amounts charged
    are kept, rounded."""
    if listing.model == order.listing.model:
        return order.fee_numerator, order.rebate_numerator
    return Fraction(order.fee_paid), Fraction(order.rebate_paid)


def worst_case(product: int, k: int, v: list[int]) -> int:
    """The least that the state space can pay on top of the cash, over v_j of all contracts of the event."""
    smallest = sorted(v)[:k]
    if product == C.EXACTLY:
        return sum(smallest)
    return sum(x for x in smallest if x < 0)


def requirement(event: Event, k: int, positions: list[int], orders: list[tuple[int, Order]]) -> int:
    """Cash that an account must keep for one event.

    k: winners among the contracts; positions: by contract; orders: (place among the contracts, open order). Spot: what its buys hold of the quote asset.
    """
    v = [q * event.payout * event.tick_value for q in positions]
    buys = 0
    for index, order in orders:
        if order.book_side == C.BUY:
            cost = order.price * order.leaves * event.tick_value + reserved_fee(order, event)
            v[index] += cost
            buys += cost
        elif event.product != C.SPOT:
            v[index] -= (event.payout - order.price) * order.leaves * event.tick_value + reserved_fee(order, event)
    if event.product == C.SPOT:
        return buys
    k = 1 if event.product == C.SCALAR else k
    return buys - min(0, worst_case(event.product, k, v))


def charge(order: Order, event: Event, price: int, qty: int, maker: bool, taker: Listing) -> int:
    """Book the fee of one fill on the order; returns minor units (negative: a rebate).

    Fees are rounded up and rebates down over the whole life of the order; a rebate's rate is at most the taker's on the same fill,
    and nothing when the taker's fee is measured by another model.
    """
    listing: Listing = order.listing
    rate = listing.maker if maker else listing.taker
    if rate < 0:
        rebate_rate = min(-rate, taker.taker) if listing.model == taker.model else 0
        order.rebate_numerator += fee_fraction(listing.model, rebate_rate, price, qty, event.payout, event.tick_value)
        before, order.rebate_paid = order.rebate_paid, floor(order.rebate_numerator)
        return before - order.rebate_paid
    order.fee_numerator += fee_fraction(listing.model, rate, price, qty, event.payout, event.tick_value)
    before, order.fee_paid = order.fee_paid, ceil(order.fee_numerator)
    return order.fee_paid - before


def reference_price(instrument: Instrument) -> int:
    """What a collar is laid around: the operator's price, else the last trade, else 0 for none."""
    return instrument.reference or instrument.last


def collar_range(instrument: Instrument) -> tuple[int, int] | None:
    """Lowest and highest price inside the collar, None when the check passes for want of a reference or a collar."""
    reference = reference_price(instrument)
    if instrument.collar == 0 or reference == 0:
        return None
    return reference - instrument.collar, reference + instrument.collar


def protection_price(instrument: Instrument, side: int, best: int) -> int:
    """Limit of a market order: best opposite price +- protection, no further than the collar, rounded to the passive side of the grid.

    A price that the collar refuses even so (the whole book lies outside it) is refused by the collar's own check.
    """
    around = collar_range(instrument)
    grid = [p for p in range(instrument.price_min, instrument.price_max + 1) if instrument.on_grid(p)]
    if side == C.BUY:
        wanted = best + instrument.protection if around is None else min(best + instrument.protection, around[1])
        return max([p for p in grid if p <= wanted], default=grid[0])
    wanted = best - instrument.protection if around is None else max(best - instrument.protection, around[0])
    return min([p for p in grid if p >= wanted], default=grid[-1])
