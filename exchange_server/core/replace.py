"""Replace: the same order under a new ClOrdID, price or total (domain.md section 3: what keeps its place in the queue).
"""

from protocol.codes import (
    BUY,
    E_REPLACED,
    EF_REPLACE,
    EF_UNSOLICITED,
    FIELD_EXPIRY,
    FIELD_FLAGS,
    FIELD_STP,
    FIELD_TIF,
    FIELD_TYPE,
    FLAG_POST_ONLY,
    OK,
    R_BAD_ID,
    R_FROZEN,
    R_ID_USED,
    R_NOTHING_CHANGED,
    R_QTY_BELOW_FILLED,
    R_REPLACE_FIELD,
    R_REPLACED_TO_FILLED,
    R_UNKNOWN_INSTRUMENT,
    R_UNKNOWN_ORDER,
    R_USER_REPLACE,
    ST_NEW,
    ST_PARTIAL,
    ST_REPLACED,
    STP_CANCEL_INCOMING,
)

from .answers import (
    answer_flags,
    behind,
    named_account_code,
    order_at_ref,
    orig_text_at,
    store_text,
    text_at,
    valid_id,
)
from .archive import WAS_REPLACED, archive_order, archive_ref, firm_row, forget_due
from .book import levels_room, queue_reduce, queue_remove
from .emit import client_price, order_event
from .jit import leaf
from .ledger import fee_denominator, fee_model, pack_fees
from .match import start_match
from .orders import (
    hold_listing,
    leave_listing,
    order_ref,
    reserve,
    reserve_fee,
)
from .pools import (
    ALIAS_HI,
    ARCHIVED,
    id_find,
    id_insert,
    id_repoint,
    session_at,
)
from .records import (
    CMD_DEADLINE,
    CMD_EXPIRY,
    CMD_GROUP_SEQ,
    CMD_HEAD,
    CMD_ID_HI,
    CMD_ID_LO,
    CMD_ORIG_HI,
    CMD_ORIG_LO,
    CMD_PRICE,
    CMD_QTY,
    CMD_SESSION_ACCOUNT,
    CO_ACCOUNT,
    EVT_CLIENT_NUMBER,
    H_REFUSE,
    I_EVENT,
    I_FROZEN,
    I_ID,
    I_INDEX,
    LI_FEE_MODEL,
    LI_MAKER_BPS,
    LI_TAKER_BPS,
    O_ATTR,
    O_COLL,
    O_CUM,
    O_ENTRY,
    O_EXPIRY,
    O_FEE_NUM,
    O_FEE_PAID,
    O_FEES,
    O_FIRM,
    O_ID,
    O_INSTRUMENT,
    O_KEY_HI,
    O_KEY_LO,
    O_LEAVES,
    O_LISTING,
    O_PRICE,
    O_QTY,
    O_REBATE_NUM,
    O_REBATE_PAID,
    O_RESERVED_FEE,
    O_SESSION,
    O_TEXT,
    ROWFLAG_TIF,
    S_FIRM,
)
from .requests import cancel_as_asked, cancel_reject, check_named_fields, closed_code, same_field
from .risk import (
    check_collar,
    check_conflict,
    check_fresh,
    check_kill,
    check_notional,
    check_phase,
    check_position,
    check_post_only,
    check_price,
    check_quantity,
    check_throttle,
    check_unbuilt,
    refuse,
    refuse_levels,
    take_reservation,
)
from .visibility import find_listing, listing_for


@leaf
def _check_fields(m, rows, c, o):
    """A replace changes price and total; what else it says must be what the order has. asked: the field, limit: the order's, used: the row's."""
    head = rows[c + CMD_HEAD]
    attr = m[o + O_ATTR]
    tif = (head >> 28) & 15
    code = check_named_fields(m, rows, c, o, R_REPLACE_FIELD)
    if code == OK:
        code = same_field(m, R_REPLACE_FIELD, FIELD_TYPE, (attr >> 12) & 15, (head >> 24) & 15)
    if code == OK and ((head >> 48) & ROWFLAG_TIF != 0 or tif != 0) and tif != (attr >> 16) & 15:
        code = refuse(m, R_REPLACE_FIELD, (attr >> 16) & 15, tif, FIELD_TIF)
    if code == OK:
        code = same_field(m, R_REPLACE_FIELD, FIELD_STP, STP_CANCEL_INCOMING, (head >> 32) & 15)  # the only mode an order can have yet
    if code == OK:
        code = same_field(m, R_REPLACE_FIELD, FIELD_FLAGS, (attr >> 20) & 127, (head >> 40) & 127)
    if code == OK:
        code = same_field(m, R_REPLACE_FIELD, FIELD_EXPIRY, m[o + O_EXPIRY], rows[c + CMD_EXPIRY])
    return code


@leaf
def _check_replace(m, rows, c, s, ref):
    """The ladder of a replace from the order on. Answers (code, new book price)."""
    o = order_at_ref(m, ref)
    attr = m[o + O_ATTR]
    inst = m[o + O_INSTRUMENT]
    price = rows[c + CMD_PRICE]
    quantity = rows[c + CMD_QTY]
    own_contract_side = (attr >> 8) & 15
    book_side = attr & 15
    co = m[o + O_COLL]
    account = m[co + CO_ACCOUNT]
    venue = m[o + O_ENTRY] >> 16
    code = _check_fields(m, rows, c, o)
    if code == OK and listing_for(m, s, inst) == 0:  # another session's order in a market that this session may not trade
        code = refuse(m, R_UNKNOWN_INSTRUMENT, 0, 0, m[inst + I_ID])
    if code != OK:
        return code, 0
    book = client_price(m, inst, own_contract_side, price)
    takes_away = book == m[o + O_PRICE] and quantity < m[o + O_QTY]
    code = check_phase(m, inst)
    if code == OK:
        code = check_unbuilt(m, rows, c)
    if code == OK and m[inst + I_FROZEN] != 0:
        code = refuse(m, R_FROZEN, 0, 0, 0)
    if code == OK:
        code = check_kill(m, s, account, venue)
    if code == OK:
        code = check_throttle(m, s, venue)
    if code == OK:
        code = check_fresh(m, rows[c + CMD_DEADLINE])
    if code == OK and quantity != m[o + O_CUM] and not takes_away:
        sell = 0 if book_side == BUY else 1
        code = check_conflict(m, m[inst + I_EVENT], m[o + O_FIRM], co, m[inst + I_INDEX], sell, quantity, m[o + O_QTY])
    if code == OK:
        code = check_price(m, inst, own_contract_side, price)
    if code == OK and quantity == m[o + O_CUM] and quantity != 0:
        return OK, book  # what is filled is filled, the rest goes
    if code == OK:
        code = check_quantity(m, inst, quantity)
    if code == OK:
        code = check_notional(m, inst, price, quantity)
    if code != OK:
        return code, 0
    if quantity < m[o + O_CUM]:
        return refuse(m, R_QTY_BELOW_FILLED, m[o + O_CUM], 0, quantity), 0
    if quantity == m[o + O_QTY] and book == m[o + O_PRICE]:
        return refuse(m, R_NOTHING_CHANGED, 0, 0, 0), 0
    if takes_away:
        return OK, book
    code = check_collar(m, inst, own_contract_side, book)
    if code == OK:
        code = check_position(m, inst, co, book_side, quantity - m[o + O_CUM], m[o + O_LEAVES])
    if code == OK and not levels_room(m, inst):
        code = refuse_levels(m)
    return code, book


@leaf
def _fee_so_far(m, inst, o, fees):
    """What the order was charged so far, as an exact numerator in the model of `fees`. Another model has another denominator: there what was
    charged stands, its fraction was rounded already."""
    if fee_model(fees) == fee_model(m[o + O_FEES]):
        return m[o + O_FEE_NUM]
    return m[o + O_FEE_PAID] * fee_denominator(inst, m, fee_model(fees))


@leaf
def do_replace(m, rows, c, ev):
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    hi = rows[c + CMD_ID_HI]
    lo = rows[c + CMD_ID_LO]
    at = text_at(rows, c)
    orig_at = orig_text_at(rows, c)
    orig_hi = rows[c + CMD_ORIG_HI]
    orig_lo = rows[c + CMD_ORIG_LO]
    firm = m[s + S_FIRM]
    code = m[H_REFUSE] if m[H_REFUSE] == OK else refuse(m, m[H_REFUSE], 0, 0, 0)
    if code == OK:
        code = named_account_code(m, rows, c, s)
    if code == OK and not valid_id(hi, lo, at):
        code = refuse(m, R_BAD_ID, 0, 0, 0)
    ref = 0
    if code == OK:
        forget_due(m, firm_row(m, firm), 2)
        ref = id_find(m, rows, firm, orig_hi, orig_lo, orig_at) if valid_id(orig_hi, orig_lo, orig_at) else 0
        if id_find(m, rows, firm, hi, lo, at) != 0:
            code = refuse(m, R_ID_USED, 0, 0, 0)
    if code == OK and ref == 0:
        code = refuse(m, R_UNKNOWN_ORDER, 0, 0, 0)
    if ref & ARCHIVED:
        ref = behind(m, firm, ref)
        if code == OK:
            code = closed_code(m, ref)
    book = 0
    if code == OK:
        code, book = _check_replace(m, rows, c, s, ref)
    if code != OK:
        cancel_reject(m, rows, c, ev, ref, code, EF_REPLACE)
        return
    o = order_at_ref(m, ref)
    inst = m[o + O_INSTRUMENT]
    co = m[o + O_COLL]
    book_side = m[o + O_ATTR] & 15
    ask = 0 if book_side == BUY else 1
    quantity = rows[c + CMD_QTY]
    left = quantity - m[o + O_CUM]
    listing = find_listing(m, inst, m[o + O_ENTRY] >> 16)
    fees = pack_fees(m[listing + LI_FEE_MODEL], m[listing + LI_MAKER_BPS], m[listing + LI_TAKER_BPS])
    keeps_place = book == m[o + O_PRICE] and quantity < m[o + O_QTY]
    if left == 0:
        cancel_as_asked(m, rows, c, ev, o, R_REPLACED_TO_FILLED)
        return
    old_fee = m[o + O_RESERVED_FEE]
    charged = _fee_so_far(m, inst, o, fees)
    fee = reserve_fee(m, inst, book_side, fees, book, left, charged, m[o + O_FEE_PAID])
    code = take_reservation(m, inst, co, book_side, book, left, fee, m[o + O_PRICE], m[o + O_LEAVES], old_fee)
    if code == OK and not keeps_place and (m[o + O_ATTR] >> 20) & FLAG_POST_ONLY != 0:
        code = check_post_only(m, inst, (m[o + O_ATTR] >> 8) & 15, book_side, book)
        if code != OK:
            reserve(m, inst, co, book_side, book, left, fee, -1)
            reserve(m, inst, co, book_side, m[o + O_PRICE], m[o + O_LEAVES], old_fee, 1)
    if code != OK:
        cancel_reject(m, rows, c, ev, ref, code, EF_REPLACE)
        return
    a = archive_order(m, o, ST_REPLACED, OK)  # the old ClOrdID with the order as it was
    if keeps_place:
        queue_reduce(m, inst, ask, o, m[o + O_LEAVES] - left)
    else:
        queue_remove(m, inst, ask, o)
        m[o + O_LEAVES] = left
        m[o + O_PRICE] = book
    if fee_model(fees) != fee_model(m[o + O_FEES]):
        m[o + O_FEE_NUM] = charged
        m[o + O_REBATE_NUM] = m[o + O_REBATE_PAID] * fee_denominator(inst, m, fee_model(fees))
    if listing != m[o + O_LISTING]:
        leave_listing(m, o)
        hold_listing(m, o, listing)
    m[o + O_FEES] = fees
    m[o + O_RESERVED_FEE] = fee
    # The old ClOrdID goes to the archive, the new one becomes the order's.
    m[o + O_QTY] = quantity
    status = ST_NEW if m[o + O_CUM] == 0 else ST_PARTIAL
    flags = answer_flags(m, rows, c, o)
    e = order_event(m, ev, o, E_REPLACED, status, OK, flags, rows[c + CMD_SESSION_ACCOUNT] >> 32, hi, lo, rows, at)
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    if flags != 0:  # the order's own session must know the id under which its order lives on
        order_event(m, ev, o, E_REPLACED, status, R_USER_REPLACE, EF_UNSOLICITED, m[o + O_SESSION], hi, lo, rows, at)
    id_repoint(m, firm, m[o + O_KEY_HI], m[o + O_KEY_LO], order_ref(m, o), archive_ref(m, a))
    m[o + O_KEY_HI] = hi
    m[o + O_KEY_LO] = lo
    m[o + O_TEXT] = store_text(m, rows, at)
    id_insert(m, firm, hi, lo, order_ref(m, o))
    if m[o + O_ATTR] & WAS_REPLACED == 0:
        m[o + O_ATTR] |= WAS_REPLACED
        id_insert(m, firm, ALIAS_HI, m[o + O_ID], order_ref(m, o))
    if not keeps_place:
        start_match(m, o)
