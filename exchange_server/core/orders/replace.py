"""Replace: the same order with a new ClOrdID, price or total (domain.md section 3: when it keeps its queue position)."""

from protocol import codes as C

from .. import layout as L
from ..book.levels import queue_reduce, queue_remove
from ..emit import client_price, order_event, refuse
from ..kit.expect import expect
from ..kit.jit import leaf
from ..kit.rows import expiry_of, firm_row, session_at, venue_row
from ..layout.packed import (
    book_side_of,
    contract_side_of,
    fee_model,
    flags_of,
    own_side,
    pack_fees,
    row_bytes,
    row_flags_of,
    sequence_of,
    session_of,
    set_replaced,
    stp_of,
    tif_of,
    type_of,
    venue_of,
    was_replaced,
)
from ..life.archive import archive_order, forget_due
from ..life.ids import ALIAS_HI, ARCHIVED, archive_ref, id_find, id_insert, id_repoint, order_at_ref, order_ref, store_text
from ..life.life import hold_listing, leave_listing
from ..match.match import start_match
from ..money.collateral import reserve
from ..money.fees import fee_denominator
from ..money.products import reserve_fee, reserve_part
from ..risk.access import STOPS_ORDERS, check_frozen
from ..risk.budget import check_budget
from ..risk.ladder import REPLACE_PHASES, check_closed, check_exposure, check_fresh, check_kill, check_nodes, check_phase, check_unbuilt
from ..risk.limits import check_notional, check_position, check_quantity, check_throttle, take_reservation
from ..risk.prices import check_collar, check_post_only, check_price
from ..risk.visibility import find_listing, listing_for
from .answers import answer_flags, behind, check_unused, named_account_code, orig_text_at, text_at, unknown_code, valid_id
from .cancel import cancel_as_asked, cancel_reject, check_named_fields, closed_code, same_field


@leaf
def _check_fields(m, rows, c, o):
    """A replace may change price and total only; every other field that it names must equal the order's, else R_REPLACE_FIELD with asked:
    the field, limit: the order's value, used: the row's."""
    head = rows[c + L.CMD_HEAD]
    attr = m[o + L.O_ATTR]
    tif = tif_of(head)
    code = check_named_fields(m, rows, c, o, C.R_REPLACE_FIELD)
    if code == C.OK:
        code = same_field(m, C.R_REPLACE_FIELD, C.FIELD_TYPE, type_of(attr), type_of(head))
    if code == C.OK and (row_flags_of(head) & L.ROWFLAG_TIF != 0 or tif != 0) and tif != tif_of(attr):
        code = refuse(m, C.R_REPLACE_FIELD, tif_of(attr), tif, C.FIELD_TIF)
    if code == C.OK:
        code = same_field(m, C.R_REPLACE_FIELD, C.FIELD_STP, C.STP_CANCEL_INCOMING, stp_of(head))  # the only mode implemented so far
    if code == C.OK:
        code = same_field(m, C.R_REPLACE_FIELD, C.FIELD_FLAGS, flags_of(attr), flags_of(head))
    if code == C.OK:
        code = same_field(m, C.R_REPLACE_FIELD, C.FIELD_EXPIRY, expiry_of(m, o), rows[c + L.CMD_EXPIRY])
    return code


@leaf
def _check_replace(m, rows, c, s, ref):
    """The checks of a replace once its order is found. Returns (code, new book price in YES ticks)."""
    expect(m, ref != 0 and ref & ARCHIVED == 0, L.INV_ORDER)
    o = order_at_ref(m, ref)
    attr = m[o + L.O_ATTR]
    inst = m[o + L.O_INSTRUMENT]
    price = rows[c + L.CMD_PRICE]
    quantity = rows[c + L.CMD_QTY]
    own_contract_side = contract_side_of(attr)
    book_side = book_side_of(attr)
    co = m[o + L.O_COLL]
    account = m[co + L.CO_ACCOUNT]
    venue = venue_of(m[o + L.O_ENTRY])
    code = _check_fields(m, rows, c, o)
    if code == C.OK and listing_for(m, s, inst) == 0:  # another session of the firm entered it, in a market that this session may not trade
        code = refuse(m, C.R_UNKNOWN_INSTRUMENT, 0, 0, m[inst + L.I_ID])
    if code != C.OK:
        return code, 0
    code = check_closed(m, s, account)
    if code != C.OK:
        return code, 0
    book = client_price(m, inst, own_contract_side, price)
    takes_away = book == m[o + L.O_PRICE] and quantity < m[o + L.O_QTY]
    code = check_phase(m, inst, REPLACE_PHASES)
    if code == C.OK:
        code = check_unbuilt(m, rows, c)
    if code == C.OK:
        code = check_frozen(m, inst, venue, STOPS_ORDERS)
    if code == C.OK:
        code = check_kill(m, s, account, venue)
    if code == C.OK:
        code = check_throttle(m, s, venue, row_bytes(rows[c + L.CMD_HEAD]))
    if code == C.OK:
        code = check_fresh(m, rows[c + L.CMD_DEADLINE])
    if code == C.OK and quantity != m[o + L.O_CUM] and not takes_away:
        sell = own_side(book_side)
        event = m[inst + L.I_EVENT]
        firm = m[o + L.O_FIRM]
        code = check_exposure(m, event, venue_row(m, venue), account, firm, co, m[inst + L.I_INDEX], sell, quantity, m[o + L.O_QTY])
    if code == C.OK:
        code = check_price(m, inst, own_contract_side, price)
    if code == C.OK and quantity == m[o + L.O_CUM] and quantity != 0:
        return C.OK, book  # the filled part stays, the rest is cancelled
    if code == C.OK:
        code = check_quantity(m, inst, quantity)
    if code == C.OK:
        code = check_notional(m, inst, price, quantity)
    if code != C.OK:
        return code, 0
    if quantity < m[o + L.O_CUM]:
        return refuse(m, C.R_QTY_BELOW_FILLED, m[o + L.O_CUM], 0, quantity), 0
    if quantity == m[o + L.O_QTY] and book == m[o + L.O_PRICE]:
        return refuse(m, C.R_NOTHING_CHANGED, 0, 0, 0), 0
    if takes_away:
        return C.OK, book
    code = check_collar(m, inst, own_contract_side, book)
    if code == C.OK:
        code = check_position(m, inst, co, book_side, quantity - m[o + L.O_CUM], m[o + L.O_LEAVES])
    if code == C.OK:
        code = check_nodes(m, m[o + L.O_FIRM], inst, own_side(book_side), book)
    return code, book


@leaf
def _fee_so_far(m, inst, o, fees):
    """What the order was charged so far, as the exact numerator in the fee model of `fees`. A different model has a different denominator;
    then the amount charged so far is kept, already rounded."""
    expect(m, m[o + L.O_FEE_PAID] >= 0, L.INV_ORDER)
    if fee_model(fees) == fee_model(m[o + L.O_FEES]):
        return m[o + L.O_FEE_NUM]
    return m[o + L.O_FEE_PAID] * fee_denominator(inst, m, fee_model(fees))


@leaf
def do_replace(m, rows, c, ev):
    """Replace the order with the request's OrigClOrdID: E_REPLACED (E_CANCELED if the new total equals the filled quantity), or
    E_CANCEL_REJECT with the first code that applies; the order is then unchanged."""
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    hi = rows[c + L.CMD_ID_HI]
    lo = rows[c + L.CMD_ID_LO]
    at = text_at(rows, c)
    orig_at = orig_text_at(rows, c)
    orig_hi = rows[c + L.CMD_ORIG_HI]
    orig_lo = rows[c + L.CMD_ORIG_LO]
    firm = m[s + L.S_FIRM]
    code = m[L.H_REFUSE] if m[L.H_REFUSE] == C.OK else refuse(m, m[L.H_REFUSE], 0, 0, 0)
    if code == C.OK:
        code = named_account_code(m, rows, c, s)
    if code == C.OK and not valid_id(hi, lo, at):
        code = refuse(m, C.R_BAD_ID, 0, 0, 0)
    ref = 0
    if code == C.OK:
        forget_due(m, firm_row(m, firm), 2)
        ref = id_find(m, rows, firm, orig_hi, orig_lo, orig_at) if valid_id(orig_hi, orig_lo, orig_at) else 0
        if id_find(m, rows, firm, hi, lo, at) != 0:
            code = refuse(m, C.R_ID_USED, 0, 0, 0)
        else:
            code = check_unused(m, rows, firm, hi, lo, at)
    if code == C.OK and ref == 0:
        code = unknown_code(m, rows, firm, orig_hi, orig_lo, orig_at)
    if ref & ARCHIVED:
        ref = behind(m, firm, ref)
        if code == C.OK:
            code = closed_code(m, ref)
    book = 0
    if code == C.OK:
        code, book = _check_replace(m, rows, c, s, ref)
    if code != C.OK:
        cancel_reject(m, rows, c, ev, ref, code, C.EF_REPLACE)
        return
    o = order_at_ref(m, ref)
    inst = m[o + L.O_INSTRUMENT]
    co = m[o + L.O_COLL]
    book_side = book_side_of(m[o + L.O_ATTR])
    ask = own_side(book_side)
    quantity = rows[c + L.CMD_QTY]
    left = quantity - m[o + L.O_CUM]
    listing = find_listing(m, inst, venue_of(m[o + L.O_ENTRY]))
    fees = pack_fees(m[listing + L.LI_FEE_MODEL], m[listing + L.LI_MAKER_BPS], m[listing + L.LI_TAKER_BPS])
    keeps_place = book == m[o + L.O_PRICE] and quantity < m[o + L.O_QTY]
    if left == 0:
        cancel_as_asked(m, rows, c, ev, o, C.R_REPLACED_TO_FILLED)
        return
    old_fee = m[o + L.O_RESERVED_FEE]
    charged = _fee_so_far(m, inst, o, fees)
    fee = reserve_fee(m, inst, book_side, fees, book, left, charged, m[o + L.O_FEE_PAID])
    if m[m[co + L.CO_ACCOUNT] + L.AC_BARS] & L.BAR_BUDGET != 0:
        more = 0 if keeps_place else quantity
        cost = reserve_part(m, inst, book_side, book, quantity) + fee + m[o + L.O_FEE_PAID]
        code = check_budget(m, inst, co, book_side, book, left, fee, m[o + L.O_PRICE], m[o + L.O_LEAVES], old_fee, more, cost)
    if code == C.OK:
        code = take_reservation(m, inst, co, book_side, book, left, fee, m[o + L.O_PRICE], m[o + L.O_LEAVES], old_fee)
    if code == C.OK and not keeps_place and flags_of(m[o + L.O_ATTR]) & C.FLAG_POST_ONLY != 0:
        code = check_post_only(m, inst, contract_side_of(m[o + L.O_ATTR]), book_side, book)
        if code != C.OK:
            reserve(m, inst, co, book_side, book, left, fee, -1)
            reserve(m, inst, co, book_side, m[o + L.O_PRICE], m[o + L.O_LEAVES], old_fee, 1)
    if code != C.OK:
        cancel_reject(m, rows, c, ev, ref, code, C.EF_REPLACE)
        return
    expect(m, left > 0 and m[o + L.O_LEAVES] == m[o + L.O_QTY] - m[o + L.O_CUM], L.INV_ORDER)
    a = archive_order(m, o, C.ST_REPLACED, C.OK)  # the old ClOrdID with the order as it was
    if keeps_place:
        queue_reduce(m, inst, ask, o, m[o + L.O_LEAVES] - left)
    else:
        queue_remove(m, inst, ask, o)
        m[o + L.O_LEAVES] = left
        m[o + L.O_PRICE] = book
    if fee_model(fees) != fee_model(m[o + L.O_FEES]):
        m[o + L.O_FEE_NUM] = charged
        m[o + L.O_REBATE_NUM] = m[o + L.O_REBATE_PAID] * fee_denominator(inst, m, fee_model(fees))
    if listing != m[o + L.O_LISTING]:
        leave_listing(m, o)
        hold_listing(m, o, listing)
    m[o + L.O_FEES] = fees
    m[o + L.O_RESERVED_FEE] = fee
    # The old ClOrdID goes to the archive, the new one becomes the order's.
    m[o + L.O_QTY] = quantity
    status = C.ST_NEW if m[o + L.O_CUM] == 0 else C.ST_PARTIAL
    flags = answer_flags(m, rows, c, o)
    e = order_event(m, ev, o, C.E_REPLACED, status, C.OK, flags, session_of(rows[c + L.CMD_SESSION_ACCOUNT]), hi, lo, rows, at)
    ev[e + L.EVT_CLIENT_NUMBER] = sequence_of(rows[c + L.CMD_GROUP_SEQ])
    if flags != 0:  # the order's own session must learn the new ClOrdID of its order
        order_event(m, ev, o, C.E_REPLACED, status, C.R_USER_REPLACE, C.EF_UNSOLICITED, m[o + L.O_SESSION], hi, lo, rows, at)
    id_repoint(m, firm, m[o + L.O_KEY_HI], m[o + L.O_KEY_LO], order_ref(m, o), archive_ref(m, a))
    m[o + L.O_KEY_HI] = hi
    m[o + L.O_KEY_LO] = lo
    m[o + L.O_TEXT] = store_text(m, rows, at)
    id_insert(m, firm, hi, lo, order_ref(m, o))
    if not was_replaced(m[o + L.O_ATTR]):
        set_replaced(m, o)
        id_insert(m, firm, ALIAS_HI, m[o + L.O_ID], order_ref(m, o))
    if not keeps_place:
        start_match(m, o)
