"""A new order: the checks in the order of domain.md section 9, then one change of state."""

from protocol import codes as C

from .. import layout as L
from ..emit import client_price, order_report, refuse
from ..kit.expect import expect
from ..kit.jit import leaf, unlikely
from ..kit.pools import pool_alloc
from ..kit.rows import account_at, firm_row, instrument_at, session_at, venue_row
from ..layout.packed import (
    account_of,
    contract_side_of,
    flags_of,
    in_yes_terms,
    instrument_of,
    own_side,
    pack_attr,
    pack_entry,
    pack_fees,
    pack_firm_account,
    row_bytes,
    sequence_of,
    session_of,
    side_of,
    stp_of,
    terms_of,
    tif_of,
    type_of,
    venue_of,
    with_status,
    without_entry,
)
from ..life.archive import archive_next, forget_due
from ..life.ids import ARCHIVED, archive_at_ref, archive_ref, id_find, id_insert, order_at_ref, order_ref, store_text
from ..life.life import account_link, hold_listing
from ..life.special import expiry_room, make_special, next_cutoff, set_expiry
from ..match.match import start_match
from ..money.collateral import collateral_find, reserve
from ..money.products import reserve_fee, reserve_part
from ..risk.access import STOPS_ORDERS, check_frozen, check_open_quota
from ..risk.budget import check_budget
from ..risk.held import check_approved
from ..risk.ladder import (
    NEW_PHASES,
    check_account,
    check_closed,
    check_exposure,
    check_fresh,
    check_kill,
    check_kind,
    check_nodes,
    check_order_table,
    check_phase,
    first_position,
    is_resting_type,
    refuse_full,
    safe_to_resend,
)
from ..risk.limits import check_notional, check_position, check_quantity, check_throttle, take_reservation
from ..risk.prices import check_collar, check_market_price, check_post_only, check_price, protection_price
from ..risk.visibility import entry_venue, listing_for
from .answers import check_unused, put_refusal, request_account, request_event, tell_status, text_at, valid_id

# ---- NEW --------------------------------------------------------------------------------------------------------


@leaf
def _repeat_of_new(m, rows, c, ref, account_id):
    """Whether the request equals the first order under its id: account, instrument, side, contract side, price, quantity, type."""
    expect(m, ref != 0, L.INV_ORDER)
    head = rows[c + L.CMD_HEAD]
    side = side_of(head)
    contract_side = contract_side_of(head)
    order_type = type_of(head)
    instrument = instrument_of(rows[c + L.CMD_INSTRUMENT])
    if ref & ARCHIVED:
        a = archive_at_ref(m, ref)
        attr = m[a + L.AR_ATTR]
        if account_of(m[a + L.AR_FIRM_ACCOUNT]) != account_id or instrument_of(m[a + L.AR_INSTRUMENT]) != instrument:
            return False
        price = m[a + L.AR_PRICE]
        quantity = m[a + L.AR_QTY]
    else:
        o = order_at_ref(m, ref)
        attr = m[o + L.O_ATTR]
        inst = m[o + L.O_INSTRUMENT]
        if m[m[m[o + L.O_COLL] + L.CO_ACCOUNT] + L.AC_ID] != account_id or m[inst + L.I_ID] != instrument:
            return False
        price = client_price(m, inst, contract_side_of(attr), m[o + L.O_PRICE])
        quantity = m[o + L.O_QTY]
    if side_of(attr) != side or contract_side_of(attr) != contract_side or type_of(attr) != order_type:
        return False
    return quantity == rows[c + L.CMD_QTY] and (price == rows[c + L.CMD_PRICE] or order_type == C.MARKET)


@unlikely
def _reject_new(m, rows, c, ev, reason, account_id, firm, at):
    """Refuse a NEW. Unless the reason is safe to resend or R_ID_USED, or firm is 0, the refused order gets an OrderID and an archive
    row."""
    expect(m, reason != C.OK, L.INV_ORDER)
    order_id = 0
    if not safe_to_resend(reason) and reason != C.R_ID_USED and reason != 0 and firm != 0:
        m[L.H_ORDER_SEQ] += 1
        order_id = m[L.H_ORDER_SEQ]
        head = rows[c + L.CMD_HEAD]
        a = archive_next(m, firm)
        m[a + L.AR_KEY_HI] = rows[c + L.CMD_ID_HI]
        m[a + L.AR_KEY_LO] = rows[c + L.CMD_ID_LO]
        m[a + L.AR_FIRM_ACCOUNT] = pack_firm_account(firm, account_id)
        m[a + L.AR_INSTRUMENT] = without_entry(rows[c + L.CMD_INSTRUMENT])
        m[a + L.AR_PRICE] = rows[c + L.CMD_PRICE]
        m[a + L.AR_QTY] = rows[c + L.CMD_QTY]
        m[a + L.AR_CUM] = 0
        m[a + L.AR_ATTR] = with_status(pack_attr(0, terms_of(head), 0, C.ST_NEW), C.ST_REJECTED, reason)
        m[a + L.AR_ORDER] = order_id
        m[a + L.AR_CLOSED_AT] = m[L.H_TIME]
        m[a + L.AR_NOTIONAL] = 0
        m[a + L.AR_TEXT] = store_text(m, rows, at)
        m[a + L.AR_LIMIT] = m[L.H_LIMIT]
        m[a + L.AR_USED] = m[L.H_USED]
        m[a + L.AR_ASKED] = m[L.H_ASKED]
        id_insert(m, firm, rows[c + L.CMD_ID_HI], rows[c + L.CMD_ID_LO], archive_ref(m, a))
    e = request_event(m, rows, c, ev, C.E_REJECTED, C.ST_REJECTED, reason, 0, account_id)
    ev[e + L.EVT_ORDER] = order_id
    put_refusal(m, ev, e)


@leaf
def do_new(m, rows, c, ev):
    """Check a new order and match it, or refuse it with the first code that applies (E_REJECTED). A repeat gets E_STATUS. Quantity is in
    lots, price in ticks of the client's side."""
    head = rows[c + L.CMD_HEAD]
    side = side_of(head)
    contract_side = contract_side_of(head)
    order_type = type_of(head)
    tif = tif_of(head)
    stp = stp_of(head)
    flags = flags_of(head)
    hi = rows[c + L.CMD_ID_HI]
    lo = rows[c + L.CMD_ID_LO]
    price = rows[c + L.CMD_PRICE]
    quantity = rows[c + L.CMD_QTY]
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    at = text_at(rows, c)
    asked = request_account(m, rows, c, s)
    account = account_at(m, asked)
    firm = m[s + L.S_FIRM]
    # session, account, venue: before the duplicate check, so the ClOrdID is not used up
    code = m[L.H_REFUSE] if m[L.H_REFUSE] == C.OK else refuse(m, m[L.H_REFUSE], 0, 0, 0)
    if code == C.OK:
        code = check_account(m, s, account, asked, venue_of(rows[c + L.CMD_INSTRUMENT]))
    if code == C.OK:
        code = check_closed(m, s, account)
    if code == C.OK and not valid_id(hi, lo, at):
        code = refuse(m, C.R_BAD_ID, 0, 0, 0)
    if code != C.OK:
        _reject_new(m, rows, c, ev, code, asked, 0, at)
        return
    forget_due(m, firm_row(m, firm), 2)
    ref = id_find(m, rows, firm, hi, lo, at)
    if ref != 0:
        if _repeat_of_new(m, rows, c, ref, asked):
            tell_status(m, rows, c, ev, firm, ref, hi, lo, at)
        else:
            refuse(m, C.R_ID_USED, 0, 0, 0)
            _reject_new(m, rows, c, ev, C.R_ID_USED, asked, 0, at)
        return
    code = check_unused(m, rows, firm, hi, lo, at)
    if code == C.OK:
        code = check_order_table(m, firm)
    if code != C.OK:
        _reject_new(m, rows, c, ev, code, asked, 0, at)
        return
    # instrument, phase, type
    inst = instrument_at(m, instrument_of(rows[c + L.CMD_INSTRUMENT]))
    venue = entry_venue(m, s, inst)
    listing = listing_for(m, s, inst)
    co = 0
    book_side = side
    book = price
    if listing == 0:  # an instrument that the session's venue does not list is unknown to it
        code = refuse(m, C.R_UNKNOWN_INSTRUMENT, 0, 0, instrument_of(rows[c + L.CMD_INSTRUMENT]))
    if code == C.OK:
        code = check_phase(m, inst, NEW_PHASES)
    if code == C.OK:
        code = check_kind(m, inst, rows, c, side, contract_side, order_type, tif, stp, flags)
    # freeze, kill switch, throttle, freshness
    if code == C.OK:
        code = check_frozen(m, inst, venue, STOPS_ORDERS)
    if code == C.OK:
        code = check_kill(m, s, account, venue)
    if code == C.OK:
        code = check_throttle(m, s, venue, row_bytes(head))
    if code == C.OK:
        code = check_fresh(m, rows[c + L.CMD_DEADLINE])
    if code == C.OK:
        co = collateral_find(m, account, m[inst + L.I_EVENT])
        book_side = in_yes_terms(side, contract_side)
        sell = own_side(book_side)
        code = check_exposure(m, m[inst + L.I_EVENT], venue_row(m, venue), account, firm, co, m[inst + L.I_INDEX], sell, quantity, 0)
    # price and size
    if code == C.OK and order_type != C.MARKET:
        code = check_price(m, inst, contract_side, price)
    if code == C.OK:
        code = check_quantity(m, inst, quantity)
    if code == C.OK and order_type == C.MARKET:
        code = check_market_price(m, inst, book_side)
        if code == C.OK:
            book = protection_price(m, inst, book_side)
            price = client_price(m, inst, contract_side, book)
    elif code == C.OK:
        book = client_price(m, inst, contract_side, price)
    if code == C.OK:
        code = check_notional(m, inst, price, quantity)
    if code == C.OK:
        code = check_collar(m, inst, contract_side, book)
    if code == C.OK:
        code = check_position(m, inst, co, book_side, quantity, 0)
    if code == C.OK and is_resting_type(order_type, tif):
        code = check_open_quota(m, venue_row(m, venue))
    expiry = rows[c + L.CMD_EXPIRY] if tif == C.GTD else 0
    if code == C.OK and tif == C.DAY:
        expiry = next_cutoff(m, venue)
    if code == C.OK:
        if co == 0:
            code, co = first_position(m, account, m[inst + L.I_EVENT])
        if code == C.OK and expiry != 0 and not expiry_room(m):
            code = refuse_full(m, L.P_PAIR_HASH, 1)
        if code == C.OK and is_resting_type(order_type, tif):
            code = check_nodes(m, firm, inst, own_side(book_side), book)
    # collateral, post-only
    fees = 0
    fee = 0
    cost = 0
    limited = False
    if code == C.OK:
        fees = pack_fees(m[listing + L.LI_FEE_MODEL], m[listing + L.LI_MAKER_BPS], m[listing + L.LI_TAKER_BPS])
        fee = reserve_fee(m, inst, book_side, fees, book, quantity, 0, 0)
        if m[account + L.AC_BARS] & L.BAR_BUDGET != 0:
            cost = reserve_part(m, inst, book_side, book, quantity) + fee
            code = check_budget(m, inst, co, book_side, book, quantity, fee, 0, 0, 0, quantity, cost)
            limited = True
    if code == C.OK:
        code = take_reservation(m, inst, co, book_side, book, quantity, fee, 0, 0, 0)
    if code == C.OK and flags & C.FLAG_POST_ONLY != 0:
        code = check_post_only(m, inst, contract_side, book_side, book)
        if code != C.OK:
            reserve(m, inst, co, book_side, book, quantity, fee, -1)
    if code == C.OK and limited:
        code = check_approved(m, rows, c, m[s], account, at, cost)
        if code != C.OK:
            reserve(m, inst, co, book_side, book, quantity, fee, -1)
    if code != C.OK:
        _reject_new(m, rows, c, ev, code, asked, firm, at)
        return
    o = pool_alloc(m, L.P_ORDER)
    expect(m, o != 0, L.INV_TABLE)
    expect(m, book > 0 and quantity > 0 and fee >= 0, L.INV_ORDER)
    m[L.H_ORDER_SEQ] += 1
    m[o + L.O_LEVEL] = 0
    m[o + L.O_PRICE] = book
    m[o + L.O_LEAVES] = quantity
    m[o + L.O_FIRM] = firm
    m[o + L.O_COLL] = co
    m[o + L.O_FEES] = fees
    m[o + L.O_ATTR] = pack_attr(book_side, terms_of(head), flags, C.ST_NEW)
    m[o + L.O_ID] = m[L.H_ORDER_SEQ]
    m[o + L.O_QTY] = quantity
    m[o + L.O_CUM] = 0
    m[o + L.O_NOTIONAL] = 0
    m[o + L.O_RESERVED_FEE] = fee
    m[o + L.O_FEE_NUM] = 0
    m[o + L.O_FEE_PAID] = 0
    m[o + L.O_KEY_HI] = hi
    m[o + L.O_KEY_LO] = lo
    m[o + L.O_SESSION] = m[s]
    m[o + L.O_INSTRUMENT] = inst
    m[o + L.O_REBATE_NUM] = 0
    m[o + L.O_REBATE_PAID] = 0
    m[o + L.O_NET_FEE] = 0
    m[o + L.O_TEXT] = store_text(m, rows, at)
    m[o + L.O_SPECIAL] = 0
    hold_listing(m, o, listing)
    m[o + L.O_ENTRY] = pack_entry(venue, 0)
    account_link(m, account, o)
    if expiry != 0:
        set_expiry(m, make_special(m, o), expiry)
    id_insert(m, firm, hi, lo, order_ref(m, o))
    m[L.H_OPEN_ORDERS] += 1
    m[firm_row(m, firm) + L.F_OPEN] += 1
    m[venue_row(m, venue) + L.V_OPEN] += 1
    m[m[inst + L.I_EVENT] + L.E_OPEN_ORDERS] += 1
    m[inst + L.I_ORDERS_OPEN] += 1
    e = order_report(m, ev, o, C.E_ACCEPTED, C.ST_NEW, C.OK, 0)
    ev[e + L.EVT_CLIENT_NUMBER] = sequence_of(rows[c + L.CMD_GROUP_SEQ])
    start_match(m, o)
