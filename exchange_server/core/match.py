"""Price-time matching and what a trade moves.

`start_match` puts an accepted order to work; `go_on_matching` may stop for want of event rows and is called again: all it
needs is in H_R0. Each trade is complete (both orders, both accounts, ledger, two events) before the next begins.
"""

from protocol.codes import (
    BUY,
    E_CANCELED,
    E_FILL,
    EF_AGGRESSOR_SELL,
    EF_TAKER,
    FOK,
    IOC,
    MARKET,
    OK,
    R_FOK_NOT_FILLABLE,
    R_IOC_REST,
    R_MARKET_REST,
    R_SELF_TRADE,
    SPOT,
    ST_CANCELED,
    ST_FILLED,
    ST_PARTIAL,
)

from .archive import set_status
from .book import level_worse, queue_push, queue_reduce
from .collateral import collateral_shift, open_quantity
from .emit import client_price, order_report, room
from .jit import leaf
from .ledger import charge_fee, fee_model, grant_rebate, maker_bps, share_fee, taker_bps
from .orders import close_order, reserve_fee, reserve_part, take_out
from .records import (
    B_CASH,
    CO_BASE,
    CO_CASH,
    E_LOT_BASE,
    E_PRODUCT,
    EVT_FEE,
    EVT_LAST_PRICE,
    EVT_LAST_QTY,
    EVT_TRADE,
    H_FILLS,
    H_R0,
    H_RESUME,
    H_TRADE_SEQ,
    I_BEST_BID,
    I_EVENT,
    I_INDEX,
    I_LAST,
    I_TICK_VALUE,
    I_VOLUME,
    L_HEAD,
    L_PRICE,
    O_ATTR,
    O_COLL,
    O_CUM,
    O_FEE_NUM,
    O_FEE_PAID,
    O_FEES,
    O_FIRM,
    O_INSTRUMENT,
    O_LEAVES,
    O_NEXT,
    O_NOTIONAL,
    O_PRICE,
    O_RESERVED_FEE,
    RES_MATCH,
    RES_NONE,
)

ROWS_PER_TRADE = 4  # two fills, each with a text row
ROWS_PER_CANCEL = 2


@leaf
def crosses(book_side, price, other):
    return price >= other if book_side == BUY else price <= other


@leaf
def fillable(m, o):
    """Can a FOK be filled whole? Own liquidity does not count, and standing in the way it decides: no."""
    inst = m[o + O_INSTRUMENT]
    book_side = m[o + O_ATTR] & 15
    ask = 1 if book_side == BUY else 0
    need = m[o + O_LEAVES]
    level = m[inst + I_BEST_BID + ask]
    while level != 0 and crosses(book_side, m[o + O_PRICE], m[level + L_PRICE]):
        r = m[level + L_HEAD]
        while r != 0:
            if m[r + O_FIRM] == m[o + O_FIRM]:
                return False
            need -= m[r + O_LEAVES]
            if need <= 0:
                return True
            r = m[r + O_NEXT]
        level = level_worse(m, level, ask)
    return False


@leaf
def _side_of_trade(m, inst, o, price, quantity, fee):
    """Position, reservation, cash and counts of one order for one fill."""
    event = m[inst + I_EVENT]
    spot = m[event + E_PRODUCT] == SPOT
    co = m[o + O_COLL]
    j = m[inst + I_INDEX]
    attr = m[o + O_ATTR]
    book_side = attr & 15
    left = m[o + O_LEAVES] - quantity
    kept_fee = reserve_fee(m, inst, book_side, m[o + O_FEES], m[o + O_PRICE], left, m[o + O_FEE_NUM], m[o + O_FEE_PAID])
    freed = reserve_part(m, inst, book_side, m[o + O_PRICE], quantity) + m[o + O_RESERVED_FEE] - kept_fee
    m[o + O_RESERVED_FEE] = kept_fee
    money = price * quantity * m[inst + I_TICK_VALUE]
    if book_side == BUY:
        m[m[co + CO_CASH] + B_CASH] -= money + fee
        if spot:
            m[m[co + CO_BASE] + B_CASH] += quantity * m[event + E_LOT_BASE]
            collateral_shift(m, co, j, 0, -freed, 0)
        else:
            collateral_shift(m, co, j, quantity, -freed, 0)
        open_quantity(m, co, j, 0, -quantity)
    else:
        m[m[co + CO_CASH] + B_CASH] += money - fee
        if spot:
            m[m[co + CO_BASE] + B_CASH] -= quantity * m[event + E_LOT_BASE]
            collateral_shift(m, co, j, 0, 0, -freed)
        else:
            collateral_shift(m, co, j, -quantity, 0, -freed)
        open_quantity(m, co, j, 1, -quantity)
    m[o + O_CUM] += quantity
    m[o + O_NOTIONAL] += client_price(m, inst, (attr >> 8) & 15, price) * quantity


@leaf
def _fill_event(m, ev, inst, o, price, quantity, fee, trade, flags):
    done = m[o + O_LEAVES] == 0
    status = ST_FILLED if done else ST_PARTIAL
    set_status(m, o, status)
    e = order_report(m, ev, o, E_FILL, status, OK, flags)
    ev[e + EVT_LAST_PRICE] = client_price(m, inst, (m[o + O_ATTR] >> 8) & 15, price)
    ev[e + EVT_LAST_QTY] = quantity
    ev[e + EVT_FEE] = fee
    ev[e + EVT_TRADE] = trade


@leaf
def trade(m, ev, maker, taker, quantity):
    """One trade at the resting order's price."""
    inst = m[maker + O_INSTRUMENT]
    price = m[maker + O_PRICE]
    m[H_TRADE_SEQ] += 1
    m[H_FILLS] += 2
    number = m[H_TRADE_SEQ]
    maker_fees = m[maker + O_FEES]
    taker_rate = taker_bps(m[taker + O_FEES])
    taker_fee = charge_fee(m, inst, taker, max(taker_rate, 0), price, quantity)
    maker_rate = maker_bps(maker_fees)
    if maker_rate >= 0:
        maker_fee = charge_fee(m, inst, maker, maker_rate, price, quantity)
        rebate = 0
    else:
        # A rebate never exceeds what the taker's rate brings on the same fill; another fee model is another measure: none.
        same = fee_model(maker_fees) == fee_model(m[taker + O_FEES])
        rebate = grant_rebate(m, inst, maker, min(-maker_rate, max(taker_rate, 0)) if same else 0, price, quantity)
        maker_fee = -rebate
    _side_of_trade(m, inst, maker, price, quantity, maker_fee)
    _side_of_trade(m, inst, taker, price, quantity, taker_fee)
    share_fee(m, maker, max(maker_fee, 0))
    share_fee(m, taker, taker_fee - rebate)
    m[taker + O_LEAVES] -= quantity
    m[inst + I_LAST] = price
    m[inst + I_VOLUME] += quantity
    side_flag = EF_AGGRESSOR_SELL if m[taker + O_ATTR] & 15 != BUY else 0
    ask = 1 if m[maker + O_ATTR] & 15 != BUY else 0
    queue_reduce(m, inst, ask, maker, quantity)
    _fill_event(m, ev, inst, maker, price, quantity, maker_fee, number, side_flag)
    _fill_event(m, ev, inst, taker, price, quantity, taker_fee, number, side_flag | EF_TAKER)
    if m[maker + O_LEAVES] == 0:
        close_order(m, maker, ST_FILLED, OK)


@leaf
def start_match(m, o):
    m[H_RESUME] = RES_MATCH
    m[H_R0] = o
    m[H_R0 + 1] = 0


@leaf
def go_on_matching(m, ev):
    """Match H_R0 until it is done. False: event buffer full, call again."""
    o = m[H_R0]
    inst = m[o + O_INSTRUMENT]
    attr = m[o + O_ATTR]
    book_side = attr & 15
    order_type = (attr >> 12) & 15
    tif = (attr >> 16) & 15
    ask = 1 if book_side == BUY else 0
    if tif == FOK and m[H_R0 + 1] == 0:
        if not room(m, ev, ROWS_PER_CANCEL):
            return False
        if not fillable(m, o):
            take_out(m, ev, o, E_CANCELED, ST_CANCELED, R_FOK_NOT_FILLABLE, 0)
            m[H_RESUME] = RES_NONE
            return True
        m[H_R0 + 1] = 1
    while m[o + O_LEAVES] > 0:
        level = m[inst + I_BEST_BID + ask]
        if level == 0 or not crosses(book_side, m[o + O_PRICE], m[level + L_PRICE]):
            break
        if not room(m, ev, ROWS_PER_TRADE):
            return False
        maker = m[level + L_HEAD]
        if m[maker + O_FIRM] == m[o + O_FIRM]:
            take_out(m, ev, o, E_CANCELED, ST_CANCELED, R_SELF_TRADE, 0)
            m[H_RESUME] = RES_NONE
            return True
        trade(m, ev, maker, o, min(m[o + O_LEAVES], m[maker + O_LEAVES]))
    if m[o + O_LEAVES] == 0:
        close_order(m, o, ST_FILLED, OK)
    elif order_type == MARKET or tif == IOC or tif == FOK:
        if not room(m, ev, ROWS_PER_CANCEL):
            return False
        take_out(m, ev, o, E_CANCELED, ST_CANCELED, R_MARKET_REST if order_type == MARKET else R_IOC_REST, 0)
    else:
        queue_push(m, inst, 1 if book_side != BUY else 0, o)
    m[H_RESUME] = RES_NONE
    return True

