"""What positions and open orders require, computed from the definitions alone: domain.md section 4, for markets that are not in the core yet.

The core keeps the same amounts incrementally (core/money/collateral.py, fees.py); tests/registry/test_requirement.py compares the two.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from config import admin_records as ar

BPS = 10_000


def fee_numerator(market: ar.DefineMarket, terms: ar.Fees, bps: int, price: int, lots: int) -> tuple[int, int]:
    """Exact fee of a fill in minor units, as numerator and denominator. price: YES ticks."""
    scale = bps * lots * market.tick_value
    if terms.model == "notional":
        return scale * price, BPS
    if terms.model == "quadratic":
        return scale * price * (market.payout - price), BPS * market.payout
    return scale * min(price, market.payout - price), BPS


def fee_reserve(market: ar.DefineMarket, order: ar.OpeningOrder) -> int:
    """The most that an open order may still be charged, in minor units."""
    bps = max(order.terms.maker_bps, order.terms.taker_bps)
    if bps <= 0:
        return 0
    rest, part = fee_numerator(market, order.terms, bps, order.price, order.quantity - order.filled)
    return -(-(order.fee_numerator + rest) // part) - order.fee_paid


def buys(order: ar.OpeningOrder) -> bool:
    """Whether it is a buy in YES terms."""
    return (order.side == "buy") == (order.contract_side == "yes")


def reserved(market: ar.DefineMarket, order: ar.OpeningOrder) -> int:
    """What an open order reserves, in minor units of the market's asset; a spot sell: of the base asset."""
    lots = order.quantity - order.filled
    if buys(order):
        return order.price * lots * market.tick_value + fee_reserve(market, order)
    if market.product == "spot":
        return lots * market.lot_base
    return (market.payout - order.price) * lots * market.tick_value + fee_reserve(market, order)


def required(
    market: ar.DefineMarket,
    held: Sequence[int],
    orders: Sequence[tuple[int, ar.OpeningOrder]],
    paid: Mapping[int, int] = MappingProxyType({}),
) -> dict[str, int]:
    """What one account must have for one market, by asset. held: YES contracts by index; orders: (index, open order); paid: what contracts paid ahead of the rest, by
    index: it is of the rest."""
    if market.product == "spot":
        needs = {market.asset: 0, market.base_asset: 0}
        for _, order in orders:
            needs[market.asset if buys(order) else market.base_asset] += reserved(market, order)
        return needs
    worth = [q * market.payout * market.tick_value for q in held]
    bought = 0
    for index, order in orders:
        amount = reserved(market, order)
        bought += amount if buys(order) else 0
        worth[index] += amount if buys(order) else -amount
    rest = [worth[index] for index in range(len(worth)) if index not in paid]
    least = sorted(rest)[: market.k - sum(ticks > 0 for ticks in paid.values())]
    worst = sum(least) if market.product == "exactly" else sum(min(v, 0) for v in least)
    return {market.asset: bought - min(0, worst)}
