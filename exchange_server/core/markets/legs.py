"""The legs of a trade that is taken back or corrected: `leg` is the word offset of a leg's E_FILL in the row of C_BUST at `c`.

A correction takes the trade back and books it again between the same two orders, at DJ_PRICE and DJ_QTY. What it moves is the difference; a plain
bust is the same with nothing booked. A fee or rebate is that of the fill in proportion to what its model charges: fees are rounded up, rebates down.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import client_price, refuse
from ..kit.jit import leaf
from ..kit.rows import account_at, instrument_at
from ..layout import definitions as d
from ..layout.packed import account_of, contract_side_of, in_yes_terms, instrument_of, side_of
from ..money.collateral import buying_power, collateral_find
from ..money.fees import fee_numerator
from ..money.products import fill_base, fill_cash, has_sets
from ..risk.prices import on_grid
from .debts import share_of


@leaf
def leg_at(c, i):
    """Offset of leg i of the row at c."""
    return c + d.DJ_FIRST_LEG + i * d.BUST_LEG_WORDS


@leaf
def leg_instrument(m, rows, leg):
    return instrument_at(m, instrument_of(rows[leg + L.EVT_INSTRUMENT]))


@leaf
def leg_collateral(m, rows, leg, event):
    """Collateral row of the leg's account, 0: it has none."""
    account = account_at(m, account_of(rows[leg + L.EVT_SESSION_ACCOUNT]))
    return collateral_find(m, account, event) if account != 0 else 0


@leaf
def other_side_of(m, rows, c, event, i):
    """Collateral row of the other side of a trade of two legs."""
    return leg_collateral(m, rows, leg_at(c, 1 - i), event)


@leaf
def leg_bought(rows, leg):
    """Lots that the leg bought in YES terms; negative: sold."""
    head = rows[leg + L.EVT_HEAD]
    buys = in_yes_terms(side_of(head), contract_side_of(head)) == C.BUY
    return rows[leg + L.EVT_LAST_QTY] if buys else -rows[leg + L.EVT_LAST_QTY]


@leaf
def bought_now(rows, c, leg):
    """Lots that the leg buys at the new terms; 0: it is taken back."""
    return rows[c + d.DJ_QTY] if leg_bought(rows, leg) > 0 else -rows[c + d.DJ_QTY]


@leaf
def fee_now(m, rows, c, leg):
    """Fee (minor units; negative: rebate) at the new terms; 0: it is taken back."""
    fee = rows[leg + L.EVT_FEE]
    if rows[c + d.DJ_QTY] == 0 or fee == 0:
        return 0
    inst = leg_instrument(m, rows, leg)
    model = rows[leg + d.LEG_FEE_MODEL]
    price = client_price(m, inst, contract_side_of(rows[leg + L.EVT_HEAD]), rows[leg + L.EVT_LAST_PRICE])
    before = fee_numerator(inst, m, model, 1, price, rows[leg + L.EVT_LAST_QTY])
    after = fee_numerator(inst, m, model, 1, rows[c + d.DJ_PRICE], rows[c + d.DJ_QTY])
    part, rest = share_of(abs(fee), after % before, before)
    part += abs(fee) * (after // before)
    return part + (1 if rest != 0 else 0) if fee > 0 else -part


@leaf
def due_of(m, rows, c, leg):
    """What the account of a leg gets (minor units; negative: gives): what the fill and its fee moved, the other way, less what the new terms move."""
    inst = leg_instrument(m, rows, leg)
    price = client_price(m, inst, contract_side_of(rows[leg + L.EVT_HEAD]), rows[leg + L.EVT_LAST_PRICE])
    paid = fill_cash(m, inst, price, rows[leg + L.EVT_LAST_QTY])
    if rows[c + d.DJ_QTY] != 0:
        paid -= fill_cash(m, inst, rows[c + d.DJ_PRICE], rows[c + d.DJ_QTY])
    return (paid if leg_bought(rows, leg) > 0 else -paid) + rows[leg + L.EVT_FEE] - fee_now(m, rows, c, leg)


@leaf
def check_legs(m, rows, c, event):
    """All legs are of the event, of accounts with positions there, and change all its contracts alike: C.OK or R_UNKNOWN_TRADE."""
    legs = rows[c + d.DJ_LEGS]
    trade = rows[c + d.DJ_TRADE]
    wrong = legs < 2 or legs > d.MOST_LEGS
    first = 0
    for j in range(m[event + L.E_N]):
        net = 0
        for i in range(legs if not wrong else 0):
            leg = leg_at(c, i)
            inst = leg_instrument(m, rows, leg)
            if inst == 0 or m[inst + L.I_EVENT] != event or rows[leg + L.EVT_TRADE] != trade or leg_collateral(m, rows, leg, event) == 0:
                wrong = True
            elif m[inst + L.I_INDEX] == j:
                net += leg_bought(rows, leg)
        if j == 0:
            first = net
        wrong = wrong or net != first or net != 0 and not has_sets(m, event)
    return refuse(m, C.R_UNKNOWN_TRADE, 0, 0, trade) if wrong else C.OK


@leaf
def check_paid(m, rows, c):
    """No contract of a leg was paid ahead of its group: C.OK or R_BUST_FINAL."""
    for i in range(rows[c + d.DJ_LEGS]):
        inst = leg_instrument(m, rows, leg_at(c, i))
        if m[inst + L.I_AHEAD] == C.PH_FINAL:
            return refuse(m, C.R_BUST_FINAL, 0, m[inst], rows[c + d.DJ_TRADE])
    return C.OK


@leaf
def check_spot(m, rows, c, event):
    """Each account of a spot trade has free what it has to give. No pool stands between the two, so nobody could owe it: C.OK or
    R_BUST_SPENT (limit: what is free, used: the account, asked: what has to come back)."""
    if rows[c + d.DJ_LEGS] != 2:
        return refuse(m, C.R_UNKNOWN_TRADE, 0, 0, rows[c + d.DJ_TRADE])
    for i in range(2):
        leg = leg_at(c, i)
        co = leg_collateral(m, rows, leg, event)
        account = account_of(rows[leg + L.EVT_SESSION_ACCOUNT])
        due = due_of(m, rows, c, leg)
        base = fill_base(m, event, leg_bought(rows, leg) - bought_now(rows, c, leg))
        if due < 0 and buying_power(m, m[co + L.CO_CASH]) < -due:
            return refuse(m, C.R_BUST_SPENT, buying_power(m, m[co + L.CO_CASH]), account, -due)
        if base > 0 and buying_power(m, m[co + L.CO_BASE]) < base:
            return refuse(m, C.R_BUST_SPENT, buying_power(m, m[co + L.CO_BASE]), account, base)
    return C.OK


@leaf
def check_splits(m, rows, c, event):
    """No outcome was split out of the contract of a leg after its fill: who held it then got as much of the new one, also of what would be
    taken back now. C.OK or R_BUST_SPLIT."""
    for i in range(rows[c + d.DJ_LEGS]):
        leg = leg_at(c, i)
        source = instrument_of(rows[leg + L.EVT_INSTRUMENT])
        for j in range(m[event + L.E_N]):
            inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
            if m[inst + L.I_SPLIT_FROM] == source and m[inst + L.I_SPLIT_AT] > rows[leg + L.EVT_NUMBER]:
                return refuse(m, C.R_BUST_SPLIT, 0, m[inst], rows[c + d.DJ_TRADE])
    return C.OK


@leaf
def check_terms(m, rows, c):
    """The new terms of a trade of two sides in one contract: R_TRADE_CROSS (limit: the instrument of the first leg), R_QTY_TOO_LARGE (limit: what was traded),
    R_QTY_LOT, R_PRICE_OFF_GRID (used: the instrument), R_TRADE_SAME (limit: the price, asked: the trade)."""
    price = rows[c + d.DJ_PRICE]
    qty = rows[c + d.DJ_QTY]
    leg = leg_at(c, 0)
    inst = leg_instrument(m, rows, leg)
    if rows[c + d.DJ_LEGS] != 2 or leg_instrument(m, rows, leg_at(c, 1)) != inst:
        return refuse(m, C.R_TRADE_CROSS, 0, m[inst], rows[c + d.DJ_TRADE])
    if qty > rows[leg + L.EVT_LAST_QTY] or qty < 0:
        return refuse(m, C.R_QTY_TOO_LARGE, rows[leg + L.EVT_LAST_QTY], 0, qty)
    if qty % m[inst + L.I_LOT] != 0:
        return refuse(m, C.R_QTY_LOT, m[inst + L.I_LOT], 0, qty)
    before = client_price(m, inst, contract_side_of(rows[leg + L.EVT_HEAD]), rows[leg + L.EVT_LAST_PRICE])
    if price != before and not on_grid(m, inst, price):
        return refuse(m, C.R_PRICE_OFF_GRID, 0, m[inst], price)
    if price == before and qty == rows[leg + L.EVT_LAST_QTY]:
        return refuse(m, C.R_TRADE_SAME, price, 0, rows[c + d.DJ_TRADE])
    return C.OK
