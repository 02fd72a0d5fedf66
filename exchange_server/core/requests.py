"""What clients ask of single orders: new, status, cancel. Each walks the ladder, then changes state once.

All begin with room for START_ROWS event rows; matching, which may need more, leaves itself in H_RESUME.
"""

from protocol.codes import (
    BUY,
    DAY,
    E_ACCEPTED,
    E_CANCEL_REJECT,
    E_CANCELED,
    E_REJECTED,
    E_STATUS,
    EF_UNSOLICITED,
    FIELD_ACCOUNT,
    FIELD_CONTRACT_SIDE,
    FIELD_INSTRUMENT,
    FIELD_SIDE,
    FLAG_POST_ONLY,
    GTD,
    MARKET,
    NO,
    OK,
    R_BAD_ID,
    R_CANCEL_FIELD,
    R_ID_USED,
    R_ORDER_CLOSED,
    R_ORDER_REPLACED,
    R_UNKNOWN_INSTRUMENT,
    R_UNKNOWN_ORDER,
    R_USER_CANCEL,
    SELL,
    ST_CANCELED,
    ST_NEW,
    ST_NONE,
    ST_REJECTED,
)

from .answers import (
    answer_flags,
    archive_at_ref,
    archive_event,
    behind,
    named_account_code,
    order_at_ref,
    orig_text_at,
    put_refusal,
    request_account,
    request_event,
    store_text,
    tell_status,
    text_at,
    valid_id,
)
from .archive import REASON_SHIFT, archive_next, archive_ref, firm_row, forget_due, pack_attr
from .book import levels_room
from .collateral import collateral_find, collateral_get
from .emit import client_price, order_event, order_report
from .jit import leaf
from .ledger import pack_fees
from .match import start_match
from .orders import (
    account_link,
    close_order,
    hold_listing,
    order_ref,
    reserve,
    reserve_fee,
    take_out,
    timer_add,
    timer_room,
)
from .pools import (
    ARCHIVED,
    account_at,
    id_find,
    id_insert,
    instrument_at,
    pool_alloc,
    session_at,
    status_of,
    venue_at,
)
from .records import (
    AC_ID,
    AR_ASKED,
    AR_ATTR,
    AR_CLOSED_AT,
    AR_CUM,
    AR_FIRM_ACCOUNT,
    AR_INSTRUMENT,
    AR_KEY_HI,
    AR_KEY_LO,
    AR_LIMIT,
    AR_NOTIONAL,
    AR_ORDER,
    AR_PRICE,
    AR_QTY,
    AR_TEXT,
    AR_USED,
    CMD_DEADLINE,
    CMD_EXPIRY,
    CMD_GROUP_SEQ,
    CMD_HEAD,
    CMD_ID_HI,
    CMD_ID_LO,
    CMD_INSTRUMENT,
    CMD_ORIG_HI,
    CMD_ORIG_LO,
    CMD_PRICE,
    CMD_QTY,
    CMD_SESSION_ACCOUNT,
    CO_ACCOUNT,
    E_OPEN_ORDERS,
    EVT_CLIENT_NUMBER,
    EVT_LEAVES,
    EVT_ORDER,
    F_OPEN,
    H_ASKED,
    H_LIMIT,
    H_OPEN_ORDERS,
    H_ORDER_SEQ,
    H_REFUSE,
    H_TIME,
    H_USED,
    I_EVENT,
    I_ID,
    I_INDEX,
    I_ORDERS_OPEN,
    LI_FEE_MODEL,
    LI_MAKER_BPS,
    LI_TAKER_BPS,
    O_ATTR,
    O_BUCKET,
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
    O_LEVEL,
    O_NET_FEE,
    O_NOTIONAL,
    O_PRICE,
    O_QTY,
    O_REBATE_NUM,
    O_REBATE_PAID,
    O_RESERVED_FEE,
    O_SESSION,
    O_TEXT,
    P_ORDER,
    S_FIRM,
    V_CUTOFF,
    V_CUTOFF_PERIOD,
)
from .risk import (
    check_account,
    check_collar,
    check_conflict,
    check_fresh,
    check_kill,
    check_kind,
    check_market_price,
    check_notional,
    check_order_table,
    check_phase,
    check_position,
    check_post_only,
    check_price,
    check_quantity,
    check_session,
    check_throttle,
    is_resting_type,
    protection_price,
    refuse,
    refuse_levels,
    refuse_positions,
    refuse_timers,
    safe_to_resend,
    take_reservation,
)
from .visibility import entry_venue, listing_for

DAY_NS = 86_400_000_000_000
START_ROWS = 6  # event rows a command may need before its resumable part


# ---- NEW --------------------------------------------------------------------------------------------------------


@leaf
def _repeat_of_new(m, rows, c, ref, account_id):
    """Is this request the same as the first order under its id? Account, instrument, side, contract side, price, qty, type."""
    head = rows[c + CMD_HEAD]
    side = (head >> 16) & 15
    contract_side = (head >> 20) & 15
    order_type = (head >> 24) & 15
    instrument = rows[c + CMD_INSTRUMENT] >> 32
    if ref & ARCHIVED:
        a = archive_at_ref(m, ref)
        attr = m[a + AR_ATTR]
        if m[a + AR_FIRM_ACCOUNT] & 0xFFFFFFFF != account_id or m[a + AR_INSTRUMENT] >> 32 != instrument:
            return False
        price = m[a + AR_PRICE]
        quantity = m[a + AR_QTY]
    else:
        o = order_at_ref(m, ref)
        attr = m[o + O_ATTR]
        inst = m[o + O_INSTRUMENT]
        if m[m[m[o + O_COLL] + CO_ACCOUNT] + AC_ID] != account_id or m[inst + I_ID] != instrument:
            return False
        price = client_price(m, inst, (attr >> 8) & 15, m[o + O_PRICE])
        quantity = m[o + O_QTY]
    if (attr >> 4) & 15 != side or (attr >> 8) & 15 != contract_side or (attr >> 12) & 15 != order_type:
        return False
    return quantity == rows[c + CMD_QTY] and (price == rows[c + CMD_PRICE] or order_type == MARKET)


@leaf
def _reject_new(m, rows, c, ev, reason, account_id, firm, at):
    """Refuse a NEW. Unless it is safe to resend (or its id is not its own) the refused order gets an id and an archive row."""
    order_id = 0
    if not safe_to_resend(reason) and reason != R_ID_USED and reason != 0 and firm != 0:
        m[H_ORDER_SEQ] += 1
        order_id = m[H_ORDER_SEQ]
        head = rows[c + CMD_HEAD]
        a = archive_next(m, firm)
        m[a + AR_KEY_HI] = rows[c + CMD_ID_HI]
        m[a + AR_KEY_LO] = rows[c + CMD_ID_LO]
        m[a + AR_FIRM_ACCOUNT] = (firm << 32) | account_id
        m[a + AR_INSTRUMENT] = rows[c + CMD_INSTRUMENT] & ~0xFFFFFFFF
        m[a + AR_PRICE] = rows[c + CMD_PRICE]
        m[a + AR_QTY] = rows[c + CMD_QTY]
        m[a + AR_CUM] = 0
        attr = pack_attr(0, (head >> 16) & 15, (head >> 20) & 15, (head >> 24) & 15, (head >> 28) & 15, 0, ST_REJECTED)
        m[a + AR_ATTR] = attr | (reason << REASON_SHIFT)
        m[a + AR_ORDER] = order_id
        m[a + AR_CLOSED_AT] = m[H_TIME]
        m[a + AR_NOTIONAL] = 0
        m[a + AR_TEXT] = store_text(m, rows, at)
        m[a + AR_LIMIT] = m[H_LIMIT]
        m[a + AR_USED] = m[H_USED]
        m[a + AR_ASKED] = m[H_ASKED]
        id_insert(m, firm, rows[c + CMD_ID_HI], rows[c + CMD_ID_LO], archive_ref(m, a))
    e = request_event(m, rows, c, ev, E_REJECTED, ST_REJECTED, reason, 0, account_id)
    ev[e + EVT_ORDER] = order_id
    put_refusal(m, ev, e)


@leaf
def next_cutoff(m, venue_id):
    """End of the venue's present trading day, 0: it has none."""
    v = venue_at(m, venue_id)
    if v == 0:
        return 0
    period = m[v + V_CUTOFF_PERIOD] if m[v + V_CUTOFF_PERIOD] > 0 else DAY_NS
    return ((m[H_TIME] - m[v + V_CUTOFF]) // period + 1) * period + m[v + V_CUTOFF]


@leaf
def do_new(m, rows, c, ev):
    head = rows[c + CMD_HEAD]
    side = (head >> 16) & 15
    contract_side = (head >> 20) & 15
    order_type = (head >> 24) & 15
    tif = (head >> 28) & 15
    stp = (head >> 32) & 15
    flags = (head >> 40) & 127
    hi = rows[c + CMD_ID_HI]
    lo = rows[c + CMD_ID_LO]
    price = rows[c + CMD_PRICE]
    quantity = rows[c + CMD_QTY]
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    at = text_at(rows, c)
    asked = request_account(m, rows, c, s)
    account = account_at(m, asked)
    firm = m[s + S_FIRM]
    # session, account, venue: before the duplicate check, so nothing is used up
    code = m[H_REFUSE] if m[H_REFUSE] == OK else refuse(m, m[H_REFUSE], 0, 0, 0)
    if code == OK:
        code = check_account(m, s, account, asked, (rows[c + CMD_INSTRUMENT] >> 16) & 0xFFFF)
    if code == OK and not valid_id(hi, lo, at):
        code = refuse(m, R_BAD_ID, 0, 0, 0)
    if code != OK:
        _reject_new(m, rows, c, ev, code, asked, 0, at)
        return
    forget_due(m, firm_row(m, firm), 2)
    ref = id_find(m, rows, firm, hi, lo, at)
    if ref != 0:
        if _repeat_of_new(m, rows, c, ref, asked):
            tell_status(m, rows, c, ev, firm, ref, hi, lo, at)
        else:
            refuse(m, R_ID_USED, 0, 0, 0)
            _reject_new(m, rows, c, ev, R_ID_USED, asked, 0, at)
        return
    code = check_order_table(m, firm)
    if code != OK:
        _reject_new(m, rows, c, ev, code, asked, 0, at)
        return
    # instrument, phase, type
    inst = instrument_at(m, rows[c + CMD_INSTRUMENT] >> 32)
    venue = entry_venue(m, s, inst)
    listing = listing_for(m, s, inst)
    co = 0
    book_side = side
    book = price
    if listing == 0:  # what the session's venue does not list does not exist for it
        code = refuse(m, R_UNKNOWN_INSTRUMENT, 0, 0, rows[c + CMD_INSTRUMENT] >> 32)
    if code == OK:
        code = check_phase(m, inst)
    if code == OK:
        code = check_kind(m, inst, rows, c, side, contract_side, order_type, tif, stp, flags)
    # kill switch, throttle, freshness
    if code == OK:
        code = check_kill(m, s, account, venue)
    if code == OK:
        code = check_throttle(m, s, venue)
    if code == OK:
        code = check_fresh(m, rows[c + CMD_DEADLINE])
    if code == OK:
        co = collateral_find(m, account, m[inst + I_EVENT])
        if contract_side == NO:
            book_side = SELL if side == BUY else BUY
        sell = 0 if book_side == BUY else 1
        code = check_conflict(m, m[inst + I_EVENT], firm, co, m[inst + I_INDEX], sell, quantity, 0)
    # price and size
    if code == OK and order_type != MARKET:
        code = check_price(m, inst, contract_side, price)
    if code == OK:
        code = check_quantity(m, inst, quantity)
    if code == OK and order_type == MARKET:
        code = check_market_price(m, inst, book_side)
        if code == OK:
            book = protection_price(m, inst, book_side)
            price = client_price(m, inst, contract_side, book)
    elif code == OK:
        book = client_price(m, inst, contract_side, price)
    if code == OK:
        code = check_notional(m, inst, price, quantity)
    if code == OK:
        code = check_collar(m, inst, contract_side, book)
    if code == OK:
        code = check_position(m, inst, co, book_side, quantity, 0)
    expiry = rows[c + CMD_EXPIRY] if tif == GTD else 0
    if code == OK and tif == DAY:
        expiry = next_cutoff(m, venue)
    if code == OK:
        if co == 0:
            co = collateral_get(m, account, m[inst + I_EVENT])
        if co == 0:
            code = refuse_positions(m)
        elif expiry != 0 and not timer_room(m):
            code = refuse_timers(m)
        elif is_resting_type(order_type, tif) and not levels_room(m, inst):
            code = refuse_levels(m)
    # collateral, post-only
    fees = 0
    fee = 0
    if code == OK:
        fees = pack_fees(m[listing + LI_FEE_MODEL], m[listing + LI_MAKER_BPS], m[listing + LI_TAKER_BPS])
        fee = reserve_fee(m, inst, book_side, fees, book, quantity, 0, 0)
        code = take_reservation(m, inst, co, book_side, book, quantity, fee, 0, 0, 0)
    if code == OK and flags & FLAG_POST_ONLY != 0:
        code = check_post_only(m, inst, contract_side, book_side, book)
        if code != OK:
            reserve(m, inst, co, book_side, book, quantity, fee, -1)
    if code != OK:
        _reject_new(m, rows, c, ev, code, asked, firm, at)
        return
    o = pool_alloc(m, P_ORDER)
    m[H_ORDER_SEQ] += 1
    m[o + O_LEVEL] = 0
    m[o + O_PRICE] = book
    m[o + O_LEAVES] = quantity
    m[o + O_FIRM] = firm
    m[o + O_COLL] = co
    m[o + O_FEES] = fees
    m[o + O_ATTR] = pack_attr(book_side, side, contract_side, order_type, tif, flags, ST_NEW)
    m[o + O_ID] = m[H_ORDER_SEQ]
    m[o + O_QTY] = quantity
    m[o + O_CUM] = 0
    m[o + O_NOTIONAL] = 0
    m[o + O_RESERVED_FEE] = fee
    m[o + O_FEE_NUM] = 0
    m[o + O_FEE_PAID] = 0
    m[o + O_KEY_HI] = hi
    m[o + O_KEY_LO] = lo
    m[o + O_SESSION] = m[s]
    m[o + O_INSTRUMENT] = inst
    m[o + O_REBATE_NUM] = 0
    m[o + O_REBATE_PAID] = 0
    m[o + O_NET_FEE] = 0
    m[o + O_TEXT] = store_text(m, rows, at)
    m[o + O_BUCKET] = 0
    hold_listing(m, o, listing)
    m[o + O_ENTRY] = venue << 16
    m[o + O_EXPIRY] = expiry
    account_link(m, account, o)
    if expiry != 0:
        timer_add(m, o, expiry)
    id_insert(m, firm, hi, lo, order_ref(m, o))
    m[H_OPEN_ORDERS] += 1
    m[firm_row(m, firm) + F_OPEN] += 1
    m[m[inst + I_EVENT] + E_OPEN_ORDERS] += 1
    m[inst + I_ORDERS_OPEN] += 1
    e = order_report(m, ev, o, E_ACCEPTED, ST_NEW, OK, 0)
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    start_match(m, o)


# ---- STATUS -----------------------------------------------------------------------------------------------------


@leaf
def do_status(m, rows, c, ev):
    """The order meant is in the ORIG words; the answer carries the order's own ClOrdID."""
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    at = orig_text_at(rows, c)
    hi = rows[c + CMD_ORIG_HI]
    lo = rows[c + CMD_ORIG_LO]
    code = check_session(m, s)
    if code != OK:
        request_event(m, rows, c, ev, E_STATUS, ST_NONE, code, 0, rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF)
        return
    ref = id_find(m, rows, m[s + S_FIRM], hi, lo, at) if valid_id(hi, lo, at) else 0
    if ref != 0:
        tell_status(m, rows, c, ev, m[s + S_FIRM], ref, hi, lo, at)
        return
    request_event(m, rows, c, ev, E_STATUS, ST_NONE, R_UNKNOWN_ORDER, 0, rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF)


# ---- CANCEL -----------------------------------------------------------------------------------------------------


@leaf
def cancel_reject(m, rows, c, ev, ref, reason, flags):
    """Refuse a cancel or replace; the status shown is the order's where there is one."""
    if ref == 0:
        e = request_event(
            m, rows, c, ev, E_CANCEL_REJECT, ST_NONE, reason, flags, rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF
        )
    elif ref & ARCHIVED:
        e = archive_event(m, rows, c, ev, archive_at_ref(m, ref), E_CANCEL_REJECT, reason, flags)
    else:
        o = order_at_ref(m, ref)
        e = order_event(
            m, ev, o, E_CANCEL_REJECT, status_of(m[o + O_ATTR]), reason, flags, rows[c + CMD_SESSION_ACCOUNT] >> 32,
            rows[c + CMD_ID_HI], rows[c + CMD_ID_LO], rows, text_at(rows, c),
        )  # fmt: skip
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    put_refusal(m, ev, e)


@leaf
def cancel_as_asked(m, rows, c, ev, o, reason):
    """End an open order at its client's request: the answer to the session that asked, then, where another one entered the order, the
    news to that one under the order's own ClOrdID. Up to 4 event rows."""
    flags = answer_flags(m, rows, c, o)
    e = order_event(
        m, ev, o, E_CANCELED, ST_CANCELED, reason, flags, rows[c + CMD_SESSION_ACCOUNT] >> 32,
        rows[c + CMD_ID_HI], rows[c + CMD_ID_LO], rows, text_at(rows, c),
    )  # fmt: skip
    ev[e + EVT_LEAVES] = 0
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    if flags != 0:
        take_out(m, ev, o, E_CANCELED, ST_CANCELED, reason, EF_UNSOLICITED)
    else:
        close_order(m, o, ST_CANCELED, reason)


@leaf
def same_field(m, code, field, own, said):
    """What a request says of its order (not 0) must be the order's own. asked: the field, limit: the order's, used: the request's."""
    return OK if said == 0 or said == own else refuse(m, code, own, said, field)


@leaf
def check_named_fields(m, rows, c, o, code):
    """Account, instrument, side and contract side that a cancel or replace names, against the order's."""
    head = rows[c + CMD_HEAD]
    attr = m[o + O_ATTR]
    answer = same_field(m, code, FIELD_ACCOUNT, m[m[m[o + O_COLL] + CO_ACCOUNT] + AC_ID], rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF)
    if answer == OK:
        answer = same_field(m, code, FIELD_INSTRUMENT, m[m[o + O_INSTRUMENT] + I_ID], rows[c + CMD_INSTRUMENT] >> 32)
    if answer == OK:
        answer = same_field(m, code, FIELD_SIDE, (attr >> 4) & 15, (head >> 16) & 15)
    if answer == OK:
        answer = same_field(m, code, FIELD_CONTRACT_SIDE, (attr >> 8) & 15, (head >> 20) & 15)
    return answer


@leaf
def closed_code(m, now):
    """Why an id cannot be cancelled or replaced: its order is closed, or lives on under a newer id. `now`: what is behind it."""
    return refuse(m, R_ORDER_CLOSED if now & ARCHIVED else R_ORDER_REPLACED, 0, 0, 0)


@leaf
def do_cancel(m, rows, c, ev):
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    at = orig_text_at(rows, c)
    hi = rows[c + CMD_ORIG_HI]
    lo = rows[c + CMD_ORIG_LO]
    code = named_account_code(m, rows, c, s)
    if code == OK and not valid_id(rows[c + CMD_ID_HI], rows[c + CMD_ID_LO], text_at(rows, c)):
        code = refuse(m, R_BAD_ID, 0, 0, 0)
    if code != OK:
        cancel_reject(m, rows, c, ev, 0, code, 0)
        return
    ref = id_find(m, rows, m[s + S_FIRM], hi, lo, at) if valid_id(hi, lo, at) else 0
    if ref == 0:
        refuse(m, R_UNKNOWN_ORDER, 0, 0, 0)
        cancel_reject(m, rows, c, ev, 0, R_UNKNOWN_ORDER, 0)
        return
    if ref & ARCHIVED:
        ref = behind(m, m[s + S_FIRM], ref)
        code = closed_code(m, ref)
    else:
        code = check_named_fields(m, rows, c, order_at_ref(m, ref), R_CANCEL_FIELD)
    if code != OK:
        cancel_reject(m, rows, c, ev, ref, code, 0)
        return
    cancel_as_asked(m, rows, c, ev, order_at_ref(m, ref), R_USER_CANCEL)
