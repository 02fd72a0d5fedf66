"""The budget of an account: what it may lose in all and on a day, where it may trade, how much one order may be (docs/budgets.md).

What may be lost is measured by buying power, which already counts the worst case of every position and open order: it never falls by a fill, a cancel or a
payout, only by an order, a replace or a split that is accepted, by money that leaves the account, and by a correction. So it is looked at just before each
of the first three, and the highest that was seen is kept. Only accounts with BAR_BUDGET come here. Amounts are minor units of the budget's asset.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import refuse
from ..kit.jit import leaf, unlikely
from ..kit.pairs import PAIR_BUDGET, pair_find
from ..money.collateral import buying_power, reserve
from ..money.products import sells_base

DAY_NS = 86_400_000_000_000


@leaf
def today(m):
    """UTC days since 1970, by exchange time."""
    return m[L.H_TIME] // DAY_NS


@leaf
def _check_place(m, account, event):
    """Whether the account may trade in the event (pointers): R_BUDGET_ASSET (a spot pair, which could lose its base, or another asset),
    R_BUDGET_MARKET."""
    if m[event + L.E_ASSET] != m[account + L.AC_BUDGET_ASSET] or sells_base(m, event):
        return refuse(m, C.R_BUDGET_ASSET, m[account + L.AC_BUDGET_ASSET], 0, m[event + L.E_ASSET])
    if m[account + L.AC_BUDGET_LISTED] != 0 and pair_find(m, PAIR_BUDGET, m[account], m[event]) == 0:
        return refuse(m, C.R_BUDGET_MARKET, 0, 0, m[event])
    return C.OK


@leaf
def _check_size(m, account, quantity, cost, most_cost):
    """An order of so many lots that may cost so much by itself: R_BUDGET_QTY, R_BUDGET_COST."""
    most = m[account + L.AC_BUDGET_QTY]
    if most != 0 and quantity > most:
        return refuse(m, C.R_BUDGET_QTY, most, 0, quantity)
    if most_cost != 0 and cost > most_cost:
        return refuse(m, C.R_BUDGET_COST, most_cost, 0, cost)
    return C.OK


@leaf
def _most_cost(m, account):
    """Most that something may cost which no person can approve; 0: no limit."""
    most = m[account + L.AC_BUDGET_COST]
    approve = m[account + L.AC_BUDGET_APPROVE]
    return approve if most == 0 or approve != 0 and approve < most else most


@leaf
def _check_loss(m, account, before, after):
    """Buying power before an order and after it. What does not lower it is never refused. R_BUDGET_LOSS, R_BUDGET_LOSS_DAY."""
    day = today(m)
    if m[account + L.AC_BUDGET_DAY] != day:
        m[account + L.AC_BUDGET_DAY] = day
        m[account + L.AC_BUDGET_HIGH_DAY] = before
    m[account + L.AC_BUDGET_HIGH] = max(m[account + L.AC_BUDGET_HIGH], before)
    m[account + L.AC_BUDGET_HIGH_DAY] = max(m[account + L.AC_BUDGET_HIGH_DAY], before)
    if after >= before:
        return C.OK
    most = m[account + L.AC_BUDGET_LOSS]
    used = m[account + L.AC_BUDGET_HIGH] - before
    if most != 0 and used + before - after > most:
        return refuse(m, C.R_BUDGET_LOSS, most, used, before - after)
    most = m[account + L.AC_BUDGET_LOSS_DAY]
    used = m[account + L.AC_BUDGET_HIGH_DAY] - before
    if most != 0 and used + before - after > most:
        return refuse(m, C.R_BUDGET_LOSS_DAY, most, used, before - after)
    return C.OK


@unlikely
def check_budget(m, inst, co, book_side, price, quantity, fee, old_price, old_quantity, old_fee, total, cost):
    """Whether the account's budget allows a new order, or a replaced one (old_quantity not 0), whose reservation this is (as in take_reservation).
    total, cost: its lots with those that are filled, and what it may cost by itself; total 0: it only gets smaller, and its size is not asked. A person approves
    new orders only (held.py), so of a replaced one that limit is one of its cost."""
    account = m[co + L.CO_ACCOUNT]
    if total != 0:
        code = _check_place(m, account, m[inst + L.I_EVENT])
        if code == C.OK:
            code = _check_size(m, account, total, cost, m[account + L.AC_BUDGET_COST] if old_quantity == 0 else _most_cost(m, account))
        if code != C.OK:
            return code
    cash = m[co + L.CO_CASH]
    before = buying_power(m, cash)
    if old_quantity != 0:
        reserve(m, inst, co, book_side, old_price, old_quantity, old_fee, -1)
    reserve(m, inst, co, book_side, price, quantity, fee, 1)
    after = buying_power(m, cash)
    reserve(m, inst, co, book_side, price, quantity, fee, -1)
    if old_quantity != 0:
        reserve(m, inst, co, book_side, old_price, old_quantity, old_fee, 1)
    return _check_loss(m, account, before, after)


@leaf
def check_split_budget(m, account, event, sets, cost, before, after):
    """Whether the account's budget allows a split; before, after: its buying power. A person approves new orders only, so that limit is one of its cost."""
    code = _check_place(m, account, event)
    if code == C.OK:
        code = _check_size(m, account, sets, cost, _most_cost(m, account))
    if code == C.OK:
        code = _check_loss(m, account, before, after)
    return code
