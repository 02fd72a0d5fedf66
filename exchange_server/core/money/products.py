"""What each product defines: what an order reserves, what a fill moves, what a position is worth, what sets cost. Nothing here changes state.

| question                     | spot                 | exactly k of n           | at most k of n           | scalar        |
|------------------------------|----------------------|--------------------------|--------------------------|---------------|
| a buy reserves               | price * qty + fee    | price * qty + fee        | the same                 | the same      |
| a sell reserves              | qty of the base      | (P - price) * qty + fee  | the same                 | the same      |
| a fill moves                 | cash and base        | cash and position        | the same                 | the same      |
| a position is worth at worst | nothing              | sum of the k least v     | of the k least v below 0 | min(v, 0)     |
| a position is paid           | never                | q * payout               | the same                 | the same      |
| the payouts of an event sum  | -                    | to k * P                 | to k * P at most         | to P at most  |
| a set costs                  | no sets              | k * P                    | no sets                  | no sets       |
| one contract may be ahead if | -                    | 0 < k < n of the rest    | k > 0, n > 0 of the rest | -             |
| a later outcome is           | -                    | split out, if k = 1      | added                    | -             |

No other file of the core depends on the product: add a new one here and to tests/core/test_products.py. Amounts are minor units of the
event's asset (of the base asset where stated), quantities lots, prices YES ticks; `inst` and `event` are pointers. A scalar is an event of
one contract with k = 1.
"""

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..kit.expect import expect
from ..kit.jit import leaf
from .fees import fee_reserve


@leaf
def sells_base(m, event):
    """Whether the event is a spot pair: a seller delivers the base asset, and there is no position, no NO side and no settlement."""
    return m[event + L.E_PRODUCT] == C.SPOT


# ---- an order ----------------------------------------------------------------------------------------------------------


@leaf
def reserve_part(m, inst, book_side, price, quantity):
    """Price part of the reservation of `quantity` lots, without the fee. A spot sell: minor units of the base asset."""
    event = m[inst + L.I_EVENT]
    expect(m, book_side == C.BUY or book_side == C.SELL, L.INV_ORDER)
    if book_side == C.BUY:
        return price * quantity * m[inst + L.I_TICK_VALUE]
    if sells_base(m, event):
        return quantity * m[event + L.E_LOT_BASE]
    expect(m, price <= m[inst + L.I_PAYOUT], L.INV_ORDER)
    return (m[inst + L.I_PAYOUT] - price) * quantity * m[inst + L.I_TICK_VALUE]


@leaf
def reserve_fee(m, inst, book_side, fees, price, quantity, charged, paid):
    """Fee part of an order's reservation. charged: exact numerator charged so far; paid: minor units so far. 0 for a spot sell, whose fee
    is taken from its proceeds."""
    if book_side != C.BUY and sells_base(m, m[inst + L.I_EVENT]):
        return 0
    return fee_reserve(m, inst, fees, price, quantity, charged, paid)


# ---- a fill ------------------------------------------------------------------------------------------------------------


@leaf
def fill_cash(m, inst, price, quantity):
    """Amount that the buyer pays the seller."""
    expect(m, price > 0 and quantity > 0, L.INV_LEDGER)
    return price * quantity * m[inst + L.I_TICK_VALUE]


@leaf
def fill_base(m, event, quantity):
    """Amount of the base asset that the seller delivers to the buyer; 0 if the product has positions."""
    return quantity * m[event + L.E_LOT_BASE] if sells_base(m, event) else 0


@leaf
def fill_position(m, event, quantity):
    """Lots by which the buyer's position grows and the seller's shrinks; 0 for a spot pair."""
    return 0 if sells_base(m, event) else quantity


# ---- a position --------------------------------------------------------------------------------------------------------


@leaf
def value_at_worst(m, event, q, buys, sells):
    """v_j of domain.md section 4, as counted in the sum of the k smallest: q lots held; buys, sells: reserved by open orders."""
    expect(m, not sells_base(m, event), L.INV_COLLATERAL)
    v = q * m[event + L.E_PAYOUT] * m[event + L.E_TICK_VALUE] + buys - sells
    return v if m[event + L.E_PRODUCT] == C.EXACTLY else min(v, 0)


@leaf
def requirement(buys, worst):
    """Amount an account must keep for an event: all its buys, plus what it owes in the worst case."""
    return buys - min(0, worst)


@leaf
def is_settled(m, event):
    """Whether the event ends with payouts."""
    return not sells_base(m, event)


@leaf
def payouts_most(m, event):
    """Largest allowed sum (ticks) of the payouts of all contracts: k * P."""
    return m[event + L.E_K] * m[event + L.E_PAYOUT]


@leaf
def payouts_fit(m, event, total):
    """Whether the payouts of an event may sum to `total` ticks."""
    most = payouts_most(m, event)
    return total == most if m[event + L.E_PRODUCT] == C.EXACTLY else total <= most


_leaves_open = leaf(P.leaves_open)


@leaf
def leaves_open(m, event, winners, left):
    """Whether a group of which so many contracts are left, so many of them winners (at most), is still undecided."""
    return _leaves_open(m[event + L.E_PRODUCT], winners, left)


@leaf
def settlement(m, inst, q):
    """Amount paid for q lots at the determined payout; negative: a short pays."""
    expect(m, 0 <= m[inst + L.I_PAID] <= m[inst + L.I_PAYOUT], L.INV_LEDGER)
    return q * m[inst + L.I_PAID] * m[inst + L.I_TICK_VALUE]


# ---- outcomes that come later ---------------------------------------------------------------------------------------------


@leaf
def may_grow(product, k, n, room):
    """Whether an event of `n` contracts may have room for `room`: a new outcome must raise nobody's requirement (markets/outcomes.py)."""
    return room == n or room > n and (product == C.AT_MOST or product == C.EXACTLY and k == 1)


@leaf
def takes_outcome(m, event, split):
    """Whether an outcome can be added to the event (split False), or split out of another one."""
    return m[event + L.E_PRODUCT] == (C.EXACTLY if split else C.AT_MOST)


# ---- sets --------------------------------------------------------------------------------------------------------------


@leaf
def has_sets(m, event):
    """Whether one contract of each is worth a fixed amount, so that accounts may split and merge sets."""
    return m[event + L.E_PRODUCT] == C.EXACTLY


@leaf
def sets_worth(m, event, sets):
    """Cost of `sets` sets of the contracts that are not paid yet, which is also what the pool holds for them."""
    return m[event + L.E_K_LEFT] * m[event + L.E_PAYOUT] * m[event + L.E_TICK_VALUE] * sets if has_sets(m, event) else 0
