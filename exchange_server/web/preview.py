"""What an order would cost, pay, be charged and tie up, before it is sent.

The exchange says what the account holds and what its market requires; the order is added to that by the rule of the requirement (`R = B - min(0, worst)`,
docs/http-api.md). Nothing is sent to the book, so the answer holds for the moment at which it was made. Integers only: ticks, lots, minor units.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from protocol import codes
from protocol import messages as M

BPS = 10_000


class Fees(NamedTuple):
    """Of a listing. model: notional, quadratic or minimum; rates in basis points, a rebate is negative."""

    model: str
    maker_bps: int
    taker_bps: int


class Preview(NamedTuple):
    """Minor units of the market's asset, unless stated. total: what a buy costs at most, fee included; what a sell brings at least, fee taken off. if_yes,
    if_no: the result of the whole order at its price, fee included; None for a spot pair. tied_before, tied_after: requirement of the market (of a spot
    sell: what is held of the base asset). known: the requirement after could be reckoned from what the exchange said."""

    notional: int
    fee: int
    total: int
    payout: int
    if_yes: int | None
    if_no: int | None
    tied_before: int
    tied_after: int
    known: bool


def fee_most(definition: M.Definition, fees: Iterable[Fees], price: int, lots: int) -> int:
    """The most that an order may be charged under any of these listings. price: YES ticks."""
    return max((_fee(definition, one, price, lots) for one in fees), default=0)


def _fee(definition: M.Definition, fees: Fees, price: int, lots: int) -> int:
    bps = max(fees.maker_bps, fees.taker_bps)
    if bps <= 0:
        return 0
    scale, part = bps * lots * definition.tick_value, BPS
    if fees.model == "notional":
        scale *= price
    elif fees.model == "quadratic":
        scale, part = scale * price * (definition.payout - price), BPS * definition.payout
    else:
        scale *= min(price, definition.payout - price)
    return -(-scale // part)


def preview(definition: M.Definition, fees: Iterable[Fees], buys: bool, no: bool, price: int, lots: int, before: M.Requirement | None,
            rows: Mapping[int, M.Position], others: int = 0) -> Preview:  # fmt: skip
    """buys, no: the client's side and contract side; price: ticks of that side. before, rows: requirement and positions (by instrument) of the account in this
    market, as the exchange tells them. others: contracts of the market that are paid already and count no more."""
    spot = definition.product == codes.SPOT
    yes_price = definition.payout - price if no else price
    yes_buys = buys != no
    notional = price * lots * definition.tick_value
    fee = fee_most(definition, fees, yes_price, lots)
    payout = definition.payout * lots * definition.tick_value
    cost = yes_price * lots * definition.tick_value
    total = notional + fee if buys else notional - fee
    if spot:
        tied = 0 if before is None else before.required if yes_buys else before.held_base
        more = cost + fee if yes_buys else lots * definition.lot_base
        return Preview(notional, fee, total, 0, None, None, tied, tied + more, True)
    sign = 1 if yes_buys else -1
    if_yes, if_no = sign * (payout - cost) - fee, -sign * cost - fee
    reserve = (cost if yes_buys else payout - cost) + fee
    was = before.required if before is not None else 0
    values = {instrument: row.value for instrument, row in rows.items()}
    known = (before.worst if before is not None else 0) == worst(definition, values, others)
    values[definition.instrument] = values.get(definition.instrument, 0) + (reserve if yes_buys else -reserve)
    bought = (before.buys if before is not None else 0) + (reserve if yes_buys else 0)
    after = bought - min(0, worst(definition, values, others))
    return Preview(notional, fee, total, payout, if_yes, if_no, was, after, known)


def worst(definition: M.Definition, values: Mapping[int, int], others: int) -> int:
    """The sum of the k least values of a market's contracts; of at most k: of those below 0. Contracts that are not named count 0."""
    all_values = [*values.values(), *([0] * max(0, definition.n - others - len(values)))]
    least = sorted(all_values)[: definition.k]
    return sum(least) if definition.product == codes.EXACTLY else sum(min(value, 0) for value in least)


def at_market(definition: M.Definition, terms: Mapping[str, Any], buys: bool, bid: int | None, ask: int | None) -> int | None:
    """The worst price, YES ticks, of a market order that buys or sells YES: the best opposite price and the protection beyond it. None: there is no opposite."""
    protection = int(terms.get("protection") or 0)
    if buys:
        return None if ask is None else min(ask + protection, definition.price_max)
    return None if bid is None else max(bid - protection, definition.price_min)
