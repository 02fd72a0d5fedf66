"""Price-time matching and what a trade moves.

`start_match` queues an accepted order for matching. `go_on_matching` returns early if the event buffer is full and is called again; its
state is in its work row. Each trade is complete (both orders, both accounts, ledger, two events) before the next begins.
"""

from protocol import codes as C

from .. import layout as L
from ..book.levels import level_worse, queue_push, queue_reduce
from ..book.mids import note_price
from ..emit import client_price, order_report, room
from ..kit.jit import leaf, unlikely
from ..kit.work import begin_work, end_work, work_row
from ..layout.packed import (
    book_side_of,
    contract_side_of,
    fee_model,
    maker_bps,
    other_side,
    own_side,
    set_status,
    taker_bps,
    tif_of,
    type_of,
)
from ..life.life import close_order, take_out
from ..money.collateral import collateral_shift, open_quantity
from ..money.fees import charge_fee, grant_rebate, share_fee
from ..money.ledger import post
from ..money.products import fill_base, fill_cash, fill_position, reserve_fee, reserve_part

ROWS_PER_TRADE = 4  # two fills, each with a text row
ROWS_PER_CANCEL = 2


@leaf
def crosses(book_side, price, other):
    """Whether an order at `price` trades with one of the other side at `other` (YES ticks)."""
    return price >= other if book_side == C.BUY else price <= other


@unlikely
def fillable(m, o):
    """Whether a FOK order (pointer) can be filled completely. An order of its own firm ahead means no."""
    inst = m[o + L.O_INSTRUMENT]
    book_side = book_side_of(m[o + L.O_ATTR])
    ask = other_side(book_side)
    need = m[o + L.O_LEAVES]
    level = m[inst + L.I_BEST + ask]
    while level != 0 and crosses(book_side, m[o + L.O_PRICE], m[level + L.L_PRICE]):
        r = m[level + L.L_HEAD]
        while r != 0:
            if m[r + L.O_FIRM] == m[o + L.O_FIRM]:
                return False
            need -= m[r + L.O_LEAVES]
            if need <= 0:
                return True
            r = m[r + L.O_NEXT]
        level = level_worse(m, level, ask)
    return False


@leaf
def _deliver(m, inst, buyer, seller, price, quantity):
    """Move cash from buyer to seller and, for a spot pair, the base from seller to buyer. buyer, seller: pointers of collateral rows."""
    post(m, m[buyer + L.CO_CASH], m[seller + L.CO_CASH], fill_cash(m, inst, price, quantity), C.WHY_TRADE)
    base = fill_base(m, m[inst + L.I_EVENT], quantity)
    if base != 0:
        post(m, m[seller + L.CO_BASE], m[buyer + L.CO_BASE], base, C.WHY_TRADE)


@leaf
def _side_of_trade(m, inst, o, price, quantity):
    """Update position, reservation and counts of one order for one fill."""
    co = m[o + L.O_COLL]
    j = m[inst + L.I_INDEX]
    attr = m[o + L.O_ATTR]
    book_side = book_side_of(attr)
    left = m[o + L.O_LEAVES] - quantity
    kept_fee = reserve_fee(m, inst, book_side, m[o + L.O_FEES], m[o + L.O_PRICE], left, m[o + L.O_FEE_NUM], m[o + L.O_FEE_PAID])
    freed = reserve_part(m, inst, book_side, m[o + L.O_PRICE], quantity) + m[o + L.O_RESERVED_FEE] - kept_fee
    m[o + L.O_RESERVED_FEE] = kept_fee
    gained = fill_position(m, m[inst + L.I_EVENT], quantity)
    if book_side == C.BUY:
        collateral_shift(m, co, j, gained, -freed, 0)
        open_quantity(m, co, j, 0, -quantity)
    else:
        collateral_shift(m, co, j, -gained, 0, -freed)
        open_quantity(m, co, j, 1, -quantity)
    m[o + L.O_CUM] += quantity
    m[o + L.O_NOTIONAL] += client_price(m, inst, contract_side_of(attr), price) * quantity


@leaf
def _fill_event(m, ev, inst, o, price, quantity, fee, trade, flags, terms):
    done = m[o + L.O_LEAVES] == 0
    status = C.ST_FILLED if done else C.ST_PARTIAL
    set_status(m, o, status)
    e = order_report(m, ev, o, C.E_FILL, status, C.OK, flags)
    ev[e + L.EVT_LAST_PRICE] = client_price(m, inst, contract_side_of(m[o + L.O_ATTR]), price)
    ev[e + L.EVT_LAST_QTY] = quantity
    ev[e + L.EVT_FEE] = fee
    ev[e + L.EVT_TRADE] = trade
    ev[e + L.EVT_FILL_TERMS] = terms


@leaf
def trade(m, ev, maker, taker, quantity):
    """Execute one trade of `quantity` lots at the resting order's price: fees, positions, cash, two E_FILL events."""
    inst = m[maker + L.O_INSTRUMENT]
    price = m[maker + L.O_PRICE]
    m[L.H_TRADE_SEQ] += 1
    m[L.H_FILLS] += 2
    number = m[L.H_TRADE_SEQ]
    maker_fees = m[maker + L.O_FEES]
    taker_rate = taker_bps(m[taker + L.O_FEES])
    taker_fee = charge_fee(m, inst, taker, max(taker_rate, 0), price, quantity)
    maker_rate = maker_bps(maker_fees)
    if maker_rate >= 0:
        maker_fee = charge_fee(m, inst, maker, maker_rate, price, quantity)
        rebate = 0
    else:
        # A rebate never exceeds what the taker's rate yields on the same fill. Under different fee models the two cannot be compared: no rebate.
        same = fee_model(maker_fees) == fee_model(m[taker + L.O_FEES])
        rebate = grant_rebate(m, inst, maker, min(-maker_rate, max(taker_rate, 0)) if same else 0, price, quantity)
        maker_fee = -rebate
    _side_of_trade(m, inst, maker, price, quantity)
    _side_of_trade(m, inst, taker, price, quantity)
    if book_side_of(m[taker + L.O_ATTR]) == C.BUY:
        _deliver(m, inst, m[taker + L.O_COLL], m[maker + L.O_COLL], price, quantity)
    else:
        _deliver(m, inst, m[maker + L.O_COLL], m[taker + L.O_COLL], price, quantity)
    if rebate != 0:
        post(m, m[m[taker + L.O_COLL] + L.CO_CASH], m[m[maker + L.O_COLL] + L.CO_CASH], rebate, C.WHY_REBATE)
    maker_terms = share_fee(m, maker, max(maker_fee, 0))
    taker_terms = share_fee(m, taker, taker_fee - rebate)
    m[taker + L.O_LEAVES] -= quantity
    if m[inst + L.I_MIDS] != 0:
        note_price(m, inst)
    m[inst + L.I_LAST] = price
    m[inst + L.I_VOLUME] += quantity
    side_flag = C.EF_AGGRESSOR_SELL if book_side_of(m[taker + L.O_ATTR]) != C.BUY else 0
    ask = own_side(book_side_of(m[maker + L.O_ATTR]))
    queue_reduce(m, inst, ask, maker, quantity)
    _fill_event(m, ev, inst, maker, price, quantity, maker_fee, number, side_flag, maker_terms)
    _fill_event(m, ev, inst, taker, price, quantity, taker_fee, number, side_flag | C.EF_TAKER, taker_terms)
    if m[maker + L.O_LEAVES] == 0:
        close_order(m, maker, C.ST_FILLED, C.OK)


@leaf
def start_match(m, o):
    """Queue an accepted order (pointer) for matching."""
    w = begin_work(m, L.WORK_MATCH)
    m[w + L.WM_ORDER] = o
    m[w + L.WM_FILLABLE] = 0


@leaf
def go_on_matching(m, ev):
    """Match the current order until it is filled, rests or is cancelled. False: the event buffer is full, call again."""
    w = work_row(m)
    o = m[w + L.WM_ORDER]
    inst = m[o + L.O_INSTRUMENT]
    attr = m[o + L.O_ATTR]
    book_side = book_side_of(attr)
    order_type = type_of(attr)
    tif = tif_of(attr)
    ask = other_side(book_side)
    if tif == C.FOK and m[w + L.WM_FILLABLE] == 0:
        if not room(m, ROWS_PER_CANCEL):
            return False
        if not fillable(m, o):
            take_out(m, ev, o, C.E_CANCELED, C.ST_CANCELED, C.R_FOK_NOT_FILLABLE, 0)
            end_work(m)
            return True
        m[w + L.WM_FILLABLE] = 1
    while m[o + L.O_LEAVES] > 0:
        level = m[inst + L.I_BEST + ask]
        if level == 0 or not crosses(book_side, m[o + L.O_PRICE], m[level + L.L_PRICE]):
            break
        if not room(m, ROWS_PER_TRADE):
            return False
        maker = m[level + L.L_HEAD]
        if m[maker + L.O_FIRM] == m[o + L.O_FIRM]:
            take_out(m, ev, o, C.E_CANCELED, C.ST_CANCELED, C.R_SELF_TRADE, 0)
            end_work(m)
            return True
        trade(m, ev, maker, o, min(m[o + L.O_LEAVES], m[maker + L.O_LEAVES]))
    if m[o + L.O_LEAVES] == 0:
        close_order(m, o, C.ST_FILLED, C.OK)
    elif order_type == C.MARKET or tif == C.IOC or tif == C.FOK:
        if not room(m, ROWS_PER_CANCEL):
            return False
        take_out(m, ev, o, C.E_CANCELED, C.ST_CANCELED, C.R_MARKET_REST if order_type == C.MARKET else C.R_IOC_REST, 0)
    else:
        queue_push(m, inst, own_side(book_side), o)
    end_work(m)
    return True
