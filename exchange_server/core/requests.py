"""What clients ask: new, cancel, replace, status, mass cancel, split and merge. Each walks the ladder, then changes state once.

All begin with room for START_ROWS event rows; work that may need more leaves itself in H_RESUME.
"""

from protocol.codes import (
    BUY,
    C_MERGE,
    C_SPLIT,
    DAY,
    E_ACCEPTED,
    E_CANCEL_REJECT,
    E_CANCELED,
    E_MASS_DONE,
    E_MOVED,
    E_REFUSED,
    E_REJECTED,
    E_REPLACED,
    E_STATUS,
    EF_REPLACE,
    EF_TEXT,
    EF_UNSOLICITED,
    EXACTLY,
    FLAG_POST_ONLY,
    GTD,
    MARKET,
    NO,
    OK,
    R_ACCOUNT_NOT_ALLOWED,
    R_BAD_ID,
    R_BAD_SCOPE,
    R_COLLATERAL,
    R_CONFLICT,
    R_DISCONNECT,
    R_ID_USED,
    R_MASS_CANCEL,
    R_MERGE_TOO_MANY,
    R_NOT_LISTED,
    R_NOT_SPLITTABLE,
    R_NOTHING_CHANGED,
    R_ORDER_CLOSED,
    R_POST_ONLY_WOULD_TRADE,
    R_QTY_BELOW_FILLED,
    R_QTY_NOT_POSITIVE,
    R_QTY_TOO_LARGE,
    R_REPLACE_FIELD,
    R_REPLACED_TO_FILLED,
    R_TABLE_FULL,
    R_UNKNOWN_EVENT,
    R_UNKNOWN_INSTRUMENT,
    R_UNKNOWN_ORDER,
    R_USER_CANCEL,
    SCOPE_ACCOUNT,
    SCOPE_EVENT,
    SCOPE_FIRM,
    SCOPE_INSTRUMENT,
    SCOPE_SESSION,
    SELL,
    ST_CANCELED,
    ST_NEW,
    ST_NONE,
    ST_PARTIAL,
    ST_REJECTED,
    ST_REPLACED,
)

from .book import levels_room, queue_reduce, queue_remove
from .collateral import collateral_find, collateral_get, collateral_shift
from .emit import begin_event, client_price, order_event, order_report, pack_head, put_texts, room
from .jit import leaf
from .ledger import fee_denominator, fee_model, pack_fees
from .match import start_match
from .orders import (
    REASON_SHIFT,
    account_link,
    archive_next,
    archive_order,
    archive_ref,
    close_order,
    hold_listing,
    leave_listing,
    order_ref,
    pack_attr,
    reserve,
    reserve_fee,
    status_of,
    timer_add,
    timer_room,
)
from .pools import (
    ARCHIVED,
    PAIR_LISTING,
    PAIR_RESTRICT,
    account_at,
    event_at,
    firm_at,
    id_find,
    id_insert,
    id_repoint,
    instrument_at,
    pair_find,
    pool_alloc,
    pool_base,
    session_at,
    venue_at,
)
from .records import (
    AC_FIRM,
    AC_ID,
    AC_NEXT_IN_FIRM,
    AC_ORDERS,
    AR_ATTR,
    AR_CLOSED_AT,
    AR_CUM,
    AR_FIRM_ACCOUNT,
    AR_INSTRUMENT,
    AR_KEY_HI,
    AR_KEY_LO,
    AR_NOTIONAL,
    AR_ORDER,
    AR_ORIG_HI,
    AR_ORIG_LO,
    AR_PRICE,
    AR_QTY,
    AR_SESSION,
    AR_SUCCESSOR,
    AR_TEXT,
    ARCHIVE_WORDS,
    B_CASH,
    B_LOCKED,
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
    CMD_SCOPE,
    CMD_SESSION_ACCOUNT,
    CMD_SETS,
    CMD_WORDS,
    CO_ACCOUNT,
    CO_CASH,
    CO_COLUMNS,
    E_ASSET,
    E_FIRST,
    E_ID,
    E_K,
    E_N,
    E_OPEN_ORDERS,
    E_OWNER_VENUE,
    E_PAYOUT,
    E_POOL,
    E_PRODUCT,
    E_RESTRICTED,
    E_SETS,
    E_TICK_VALUE,
    EVT_ASKED,
    EVT_CLIENT_NUMBER,
    EVT_CUM,
    EVT_ID_HI,
    EVT_ID_LO,
    EVT_INSTRUMENT,
    EVT_LAST_QTY,
    EVT_LEAVES,
    EVT_LIMIT,
    EVT_NOTIONAL,
    EVT_ORDER,
    EVT_ORIG_HI,
    EVT_ORIG_LO,
    EVT_PRICE,
    EVT_QTY,
    EVT_SPARE,
    EVT_USED,
    EVT_WORDS,
    F_ACCOUNTS,
    H_ASKED,
    H_LIMIT,
    H_OPEN_ORDERS,
    H_ORDER_SEQ,
    H_R0,
    H_REFUSALS,
    H_REFUSE,
    H_RESUME,
    H_TIME,
    H_USED,
    I_EVENT,
    I_ID,
    I_INDEX,
    I_LISTING,
    I_MAX_QTY,
    I_ORDERS_OPEN,
    I_OWNER_VENUE,
    LI_FEE_MODEL,
    LI_MAKER_BPS,
    LI_TAKER_BPS,
    O_ACCT_NEXT,
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
    O_LISTING,
    O_NET_FEE,
    O_NOTIONAL,
    O_PRICE,
    O_QTY,
    O_REBATE_NUM,
    O_REBATE_PAID,
    O_RESERVED_FEE,
    O_SESSION,
    O_TEXT,
    ORDER_WORDS,
    P_ARCHIVE,
    P_FIRM,
    P_ORDER,
    P_TEXT,
    RES_MASS,
    ROWFLAG_TEXT,
    S_ACCOUNT,
    S_FIRM,
    S_VENUE,
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
    check_phase,
    check_position,
    check_price,
    check_quantity,
    check_tables,
    check_throttle,
    is_resting_type,
    protection_price,
    refuse,
    safe_to_resend,
    take_reservation,
    would_trade,
)

DAY_NS = 86_400_000_000_000
START_ROWS = 6  # event rows a command may need before its resumable part


@leaf
def text_at(rows, c):
    """Word offset of the request's own ClOrdID text, -1 without."""
    return c + CMD_WORDS if (rows[c + CMD_HEAD] >> 48) & ROWFLAG_TEXT != 0 and rows[c + CMD_ID_HI] < 0 else -1


@leaf
def orig_text_at(rows, c):
    return c + CMD_WORDS + 8 if (rows[c + CMD_HEAD] >> 48) & ROWFLAG_TEXT != 0 and rows[c + CMD_ORIG_HI] < 0 else -1


@leaf
def valid_id(hi, lo, at):
    """An integer id >= 1, or a hash with its text."""
    return hi == 0 and lo >= 1 or hi < 0 and at >= 0


@leaf
def request_account(m, rows, c, s):
    asked = rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF
    if asked == 0:
        asked = m[s + S_ACCOUNT]
    return asked


@leaf
def request_venue(m, s, inst):
    """The venue the order comes through: the session's, or the instrument's owner for a platform session."""
    return m[s + S_VENUE] if m[s + S_VENUE] != 0 or inst == 0 else m[inst + I_OWNER_VENUE]


@leaf
def find_listing(m, inst, venue):
    if venue == m[inst + I_OWNER_VENUE]:
        return m[inst + I_LISTING]
    return pair_find(m, PAIR_LISTING, venue, m[inst + I_ID])


@leaf
def put_refusal(m, ev, e):
    ev[e + EVT_LIMIT] = m[H_LIMIT]
    ev[e + EVT_USED] = m[H_USED]
    ev[e + EVT_ASKED] = m[H_ASKED]
    m[H_REFUSALS] += 1


@leaf
def request_event(m, rows, c, ev, kind, status, reason, flags, account_id):
    """An event about a request for which there is no order row: everything from the command row."""
    head = rows[c + CMD_HEAD]
    at = text_at(rows, c)
    orig_at = orig_text_at(rows, c)
    extra = 1 if at >= 0 or orig_at >= 0 else 0
    if extra != 0:
        flags |= EF_TEXT
    packed = pack_head(
        kind, extra, status, reason, (head >> 16) & 15, (head >> 20) & 15, (head >> 24) & 15, (head >> 28) & 15, flags
    )
    e = begin_event(m, ev, packed, rows[c + CMD_SESSION_ACCOUNT] >> 32, account_id, True)
    ev[e + EVT_INSTRUMENT] = rows[c + CMD_INSTRUMENT] & ~0xFFFFFFFF
    ev[e + EVT_ID_HI] = rows[c + CMD_ID_HI]
    ev[e + EVT_ID_LO] = rows[c + CMD_ID_LO]
    ev[e + EVT_ORIG_HI] = rows[c + CMD_ORIG_HI]
    ev[e + EVT_ORIG_LO] = rows[c + CMD_ORIG_LO]
    ev[e + EVT_PRICE] = rows[c + CMD_PRICE]
    ev[e + EVT_QTY] = rows[c + CMD_QTY]
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    if extra != 0:
        put_texts(m, ev, e, rows, at, 0)
        if orig_at >= 0:
            for i in range(8):
                ev[e + EVT_WORDS + 8 + i] = rows[orig_at + i]
    return e


@leaf
def archive_event(m, rows, c, ev, a, kind, reason, flags, use_request_id):
    """An event about a closed order, from its archive row; `use_request_id`: ClOrdID is the request's, the order's goes to Orig."""
    attr = m[a + AR_ATTR]
    at = text_at(rows, c)
    text = m[a + AR_TEXT]
    extra = 1 if text != 0 or at >= 0 else 0
    if extra != 0:
        flags |= EF_TEXT
    packed = pack_head(
        kind, extra, status_of(attr), reason, (attr >> 4) & 15, (attr >> 8) & 15, (attr >> 12) & 15, (attr >> 16) & 15, flags
    )
    e = begin_event(m, ev, packed, rows[c + CMD_SESSION_ACCOUNT] >> 32, m[a + AR_FIRM_ACCOUNT] & 0xFFFFFFFF, True)
    ev[e + EVT_INSTRUMENT] = m[a + AR_INSTRUMENT]
    ev[e + EVT_ORDER] = m[a + AR_ORDER]
    if use_request_id:
        ev[e + EVT_ID_HI] = rows[c + CMD_ID_HI]
        ev[e + EVT_ID_LO] = rows[c + CMD_ID_LO]
        ev[e + EVT_ORIG_HI] = m[a + AR_KEY_HI]
        ev[e + EVT_ORIG_LO] = m[a + AR_KEY_LO]
        if extra != 0:
            put_texts(m, ev, e, rows, at, text)
    else:
        ev[e + EVT_ID_HI] = m[a + AR_KEY_HI]
        ev[e + EVT_ID_LO] = m[a + AR_KEY_LO]
        ev[e + EVT_ORIG_HI] = m[a + AR_ORIG_HI]
        ev[e + EVT_ORIG_LO] = m[a + AR_ORIG_LO]
        if extra != 0:
            put_texts(m, ev, e, m, text if text != 0 else -1, 0)
    ev[e + EVT_PRICE] = m[a + AR_PRICE]
    ev[e + EVT_QTY] = m[a + AR_QTY]
    ev[e + EVT_CUM] = m[a + AR_CUM]
    ev[e + EVT_NOTIONAL] = m[a + AR_NOTIONAL]
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    return e


@leaf
def order_at_ref(m, ref):
    return pool_base(m, P_ORDER) + (ref - 1) * ORDER_WORDS


@leaf
def archive_at_ref(m, ref):
    return pool_base(m, P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * ARCHIVE_WORDS


@leaf
def store_text(m, rows, at):
    """A text row with the 8 words at rows[at..]; 0 for an integer id."""
    if at < 0:
        return 0
    t = pool_alloc(m, P_TEXT)
    for i in range(8):
        m[t + i] = rows[at + i]
    return t


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
        a = archive_next(m)
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
        m[a + AR_SUCCESSOR] = 0
        m[a + AR_SESSION] = rows[c + CMD_SESSION_ACCOUNT] >> 32
        m[a + AR_ORIG_HI] = 0
        m[a + AR_ORIG_LO] = 0
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
    code = check_tables(m, at >= 0)  # first: it ages out ids, which the lookup must not see
    ref = id_find(m, rows, firm, hi, lo, at)
    if ref != 0:
        if _repeat_of_new(m, rows, c, ref, asked):
            _status_of_ref(m, rows, c, ev, ref, False)
        else:
            refuse(m, R_ID_USED, 0, 0, 0)
            _reject_new(m, rows, c, ev, R_ID_USED, asked, 0, at)
        return
    if code != OK:
        _reject_new(m, rows, c, ev, code, asked, 0, at)
        return
    # instrument, phase, type
    inst = instrument_at(m, rows[c + CMD_INSTRUMENT] >> 32)
    venue = request_venue(m, s, inst)
    listing = 0
    co = 0
    book_side = side
    book = price
    if inst == 0:
        code = refuse(m, R_UNKNOWN_INSTRUMENT, 0, 0, rows[c + CMD_INSTRUMENT] >> 32)
    else:
        listing = find_listing(m, inst, venue)
        if listing == 0:
            code = refuse(m, R_NOT_LISTED, 0, 0, venue)
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
        code = check_conflict(m, m[inst + I_EVENT], firm, co, m[inst + I_INDEX], sell, quantity)
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
        code = check_collar(m, inst, book)
    if code == OK:
        code = check_position(m, inst, co, book_side, quantity, 0)
    expiry = rows[c + CMD_EXPIRY] if tif == GTD else 0
    if code == OK and tif == DAY:
        expiry = next_cutoff(m, venue)
    if code == OK:
        if co == 0:
            co = collateral_get(m, account, m[inst + I_EVENT])
        if co == 0 or expiry != 0 and not timer_room(m) or is_resting_type(order_type, tif) and not levels_room(m, inst):
            code = refuse(m, R_TABLE_FULL, 0, 0, 1)
    # collateral, post-only
    fees = 0
    if code == OK:
        fees = pack_fees(m[listing + LI_FEE_MODEL], m[listing + LI_MAKER_BPS], m[listing + LI_TAKER_BPS])
        code = take_reservation(m, inst, co, book_side, book, quantity, fees, 0, 0, 0)
    if code == OK and flags & FLAG_POST_ONLY != 0 and would_trade(m, inst, book_side, book):
        reserve(m, inst, co, book_side, book, quantity, reserve_fee(m, inst, book_side, fees, book, quantity), -1)
        code = refuse(m, R_POST_ONLY_WOULD_TRADE, 0, 0, price)
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
    m[o + O_RESERVED_FEE] = reserve_fee(m, inst, book_side, fees, book, quantity)
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
    m[m[inst + I_EVENT] + E_OPEN_ORDERS] += 1
    m[inst + I_ORDERS_OPEN] += 1
    e = order_report(m, ev, o, E_ACCEPTED, ST_NEW, OK, 0)
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    start_match(m, o)


# ---- STATUS -----------------------------------------------------------------------------------------------------


@leaf
def _status_of_ref(m, rows, c, ev, ref, use_request_id):
    if ref & ARCHIVED:
        a = archive_at_ref(m, ref)
        archive_event(m, rows, c, ev, a, E_STATUS, (m[a + AR_ATTR] >> REASON_SHIFT) & 0xFFFF, 0, use_request_id)
        return
    o = order_at_ref(m, ref)
    status = status_of(m[o + O_ATTR])
    e = order_event(m, ev, o, E_STATUS, status, OK, 0, rows[c + CMD_SESSION_ACCOUNT] >> 32, 0, 0, m, -1)
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF


@leaf
def do_status(m, rows, c, ev):
    """The order meant is in the ORIG words; the answer carries the order's own ClOrdID."""
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    at = orig_text_at(rows, c)
    hi = rows[c + CMD_ORIG_HI]
    lo = rows[c + CMD_ORIG_LO]
    ref = id_find(m, rows, m[s + S_FIRM], hi, lo, at) if valid_id(hi, lo, at) else 0
    if ref != 0:
        _status_of_ref(m, rows, c, ev, ref, False)
        return
    request_event(m, rows, c, ev, E_STATUS, ST_NONE, R_UNKNOWN_ORDER, 0, rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF)


# ---- CANCEL -----------------------------------------------------------------------------------------------------


@leaf
def _cancel_reject(m, rows, c, ev, ref, reason, flags):
    """Refuse a cancel or replace; the status shown is the order's where there is one."""
    if ref == 0:
        e = request_event(
            m, rows, c, ev, E_CANCEL_REJECT, ST_NONE, reason, flags, rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF
        )
    elif ref & ARCHIVED:
        e = archive_event(m, rows, c, ev, archive_at_ref(m, ref), E_CANCEL_REJECT, reason, flags, True)
    else:
        o = order_at_ref(m, ref)
        e = order_event(
            m, ev, o, E_CANCEL_REJECT, status_of(m[o + O_ATTR]), reason, flags, rows[c + CMD_SESSION_ACCOUNT] >> 32,
            rows[c + CMD_ID_HI], rows[c + CMD_ID_LO], rows, text_at(rows, c),
        )  # fmt: skip
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    put_refusal(m, ev, e)


@leaf
def do_cancel(m, rows, c, ev):
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    at = orig_text_at(rows, c)
    hi = rows[c + CMD_ORIG_HI]
    lo = rows[c + CMD_ORIG_LO]
    asked = request_account(m, rows, c, s)
    code = check_account(m, s, account_at(m, asked), asked, 0)
    if code == OK and not valid_id(rows[c + CMD_ID_HI], rows[c + CMD_ID_LO], text_at(rows, c)):
        code = refuse(m, R_BAD_ID, 0, 0, 0)
    if code != OK:
        _cancel_reject(m, rows, c, ev, 0, code, 0)
        return
    ref = id_find(m, rows, m[s + S_FIRM], hi, lo, at) if valid_id(hi, lo, at) else 0
    if ref == 0:
        refuse(m, R_UNKNOWN_ORDER, 0, 0, 0)
        _cancel_reject(m, rows, c, ev, 0, R_UNKNOWN_ORDER, 0)
        return
    if ref & ARCHIVED:
        refuse(m, R_ORDER_CLOSED, 0, 0, 0)
        _cancel_reject(m, rows, c, ev, ref, R_ORDER_CLOSED, 0)
        return
    o = order_at_ref(m, ref)
    e = order_event(
        m, ev, o, E_CANCELED, ST_CANCELED, R_USER_CANCEL, 0, m[o + O_SESSION],
        rows[c + CMD_ID_HI], rows[c + CMD_ID_LO], rows, text_at(rows, c),
    )  # fmt: skip
    ev[e + EVT_LEAVES] = 0
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    close_order(m, o, ST_CANCELED, R_USER_CANCEL)


# ---- REPLACE ----------------------------------------------------------------------------------------------------


@leaf
def _check_replace(m, rows, c, s, account, asked, ref):
    """The ladder of a replace from the order on. Answers (code, new book price)."""
    head = rows[c + CMD_HEAD]
    o = order_at_ref(m, ref)
    attr = m[o + O_ATTR]
    inst = m[o + O_INSTRUMENT]
    side = (head >> 16) & 15
    contract_side = (head >> 20) & 15
    order_type = (head >> 24) & 15
    instrument = rows[c + CMD_INSTRUMENT] >> 32
    price = rows[c + CMD_PRICE]
    quantity = rows[c + CMD_QTY]
    own_contract_side = (attr >> 8) & 15
    book_side = attr & 15
    co = m[o + O_COLL]
    venue = m[o + O_ENTRY] >> 16
    if m[m[co + CO_ACCOUNT] + AC_ID] != asked:
        return refuse(m, R_ACCOUNT_NOT_ALLOWED, 0, 0, asked), 0
    if side != 0 and side != (attr >> 4) & 15 or contract_side != 0 and contract_side != own_contract_side:
        return refuse(m, R_REPLACE_FIELD, 0, 0, side), 0
    if order_type != 0 and order_type != (attr >> 12) & 15 or instrument != 0 and instrument != m[inst + I_ID]:
        return refuse(m, R_REPLACE_FIELD, 0, 0, order_type), 0
    code = check_phase(m, inst)
    if code == OK:
        code = check_kill(m, s, account, venue)
    if code == OK:
        code = check_throttle(m, s, venue)
    if code == OK:
        code = check_fresh(m, rows[c + CMD_DEADLINE])
    if code == OK:
        code = check_price(m, inst, own_contract_side, price)
    if code == OK:
        code = check_quantity(m, inst, quantity)
    if code != OK:
        return code, 0
    book = client_price(m, inst, own_contract_side, price)
    code = check_notional(m, inst, price, quantity)
    if code != OK:
        return code, 0
    if quantity < m[o + O_CUM]:
        return refuse(m, R_QTY_BELOW_FILLED, m[o + O_CUM], 0, quantity), 0
    if quantity == m[o + O_QTY] and book == m[o + O_PRICE]:
        return refuse(m, R_NOTHING_CHANGED, 0, 0, 0), 0
    if quantity == m[o + O_CUM] or quantity < m[o + O_QTY] and book == m[o + O_PRICE]:
        return OK, book  # only ever takes away: no further check may hold it back
    code = check_collar(m, inst, book)
    if code == OK:
        left = quantity - m[o + O_CUM]
        sell = 0 if book_side == BUY else 1
        event = m[inst + I_EVENT]
        code = check_conflict(m, event, m[o + O_FIRM], co, m[inst + I_INDEX], sell, left - m[o + O_LEAVES])
    if code == OK:
        code = check_position(m, inst, co, book_side, left, m[o + O_LEAVES])
    if code == OK and not levels_room(m, inst):
        code = refuse(m, R_TABLE_FULL, 0, 0, 1)
    return code, book


@leaf
def do_replace(m, rows, c, ev):
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    hi = rows[c + CMD_ID_HI]
    lo = rows[c + CMD_ID_LO]
    at = text_at(rows, c)
    orig_at = orig_text_at(rows, c)
    orig_hi = rows[c + CMD_ORIG_HI]
    orig_lo = rows[c + CMD_ORIG_LO]
    asked = request_account(m, rows, c, s)
    account = account_at(m, asked)
    firm = m[s + S_FIRM]
    code = m[H_REFUSE] if m[H_REFUSE] == OK else refuse(m, m[H_REFUSE], 0, 0, 0)
    if code == OK:
        code = check_account(m, s, account, asked, 0)
    if code == OK and not valid_id(hi, lo, at):
        code = refuse(m, R_BAD_ID, 0, 0, 0)
    ref = 0
    if code == OK:
        code = check_tables(m, at >= 0)
        if orig_hi != 0 or orig_lo != 0:
            ref = id_find(m, rows, firm, orig_hi, orig_lo, orig_at) if valid_id(orig_hi, orig_lo, orig_at) else 0
        if id_find(m, rows, firm, hi, lo, at) != 0:
            code = refuse(m, R_ID_USED, 0, 0, 0)
    if code == OK and ref == 0:
        code = refuse(m, R_UNKNOWN_ORDER, 0, 0, 0)
    if code == OK and ref & ARCHIVED:
        code = refuse(m, R_ORDER_CLOSED, 0, 0, 0)
    book = 0
    if code == OK:
        if rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF == 0:
            asked = m[m[m[order_at_ref(m, ref) + O_COLL] + CO_ACCOUNT] + AC_ID]
            account = account_at(m, asked)
        code, book = _check_replace(m, rows, c, s, account, asked, ref)
    if code != OK:
        _cancel_reject(m, rows, c, ev, ref, code, EF_REPLACE)
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
        e = order_event(m, ev, o, E_CANCELED, ST_CANCELED, R_REPLACED_TO_FILLED, 0, m[o + O_SESSION], hi, lo, rows, at)
        ev[e + EVT_LEAVES] = 0
        ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
        close_order(m, o, ST_CANCELED, R_REPLACED_TO_FILLED)
        return
    old_fee = m[o + O_RESERVED_FEE]
    code = take_reservation(m, inst, co, book_side, book, left, fees, m[o + O_PRICE], m[o + O_LEAVES], old_fee)
    if code == OK and not keeps_place and (m[o + O_ATTR] >> 20) & FLAG_POST_ONLY != 0 and would_trade(m, inst, book_side, book):
        reserve(m, inst, co, book_side, book, left, reserve_fee(m, inst, book_side, fees, book, left), -1)
        reserve(m, inst, co, book_side, m[o + O_PRICE], m[o + O_LEAVES], old_fee, 1)
        code = refuse(m, R_POST_ONLY_WOULD_TRADE, 0, 0, rows[c + CMD_PRICE])
    if code != OK:
        _cancel_reject(m, rows, c, ev, ref, code, EF_REPLACE)
        return
    if keeps_place:
        queue_reduce(m, inst, ask, o, m[o + O_LEAVES] - left)
    else:
        queue_remove(m, inst, ask, o)
        m[o + O_LEAVES] = left
        m[o + O_PRICE] = book
    if fee_model(fees) != fee_model(m[o + O_FEES]):
        # Another model has another denominator: what was charged so far stands, its fraction was rounded already.
        m[o + O_FEE_NUM] = m[o + O_FEE_PAID] * fee_denominator(inst, m, fee_model(fees))
        m[o + O_REBATE_NUM] = m[o + O_REBATE_PAID] * fee_denominator(inst, m, fee_model(fees))
    if listing != m[o + O_LISTING]:
        leave_listing(m, o)
        hold_listing(m, o, listing)
    m[o + O_FEES] = fees
    m[o + O_RESERVED_FEE] = reserve_fee(m, inst, book_side, fees, book, left)
    # The old ClOrdID goes to the archive, the new one becomes the order's.
    old_quantity = m[o + O_QTY]
    m[o + O_QTY] = quantity
    e = order_event(
        m, ev, o, E_REPLACED, ST_NEW if m[o + O_CUM] == 0 else ST_PARTIAL, OK, 0, m[o + O_SESSION], hi, lo, rows, at
    )
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    m[o + O_QTY] = old_quantity
    a = archive_order(m, o, ST_REPLACED, OK)
    m[o + O_QTY] = quantity
    id_repoint(m, firm, m[o + O_KEY_HI], m[o + O_KEY_LO], order_ref(m, o), archive_ref(m, a))
    m[o + O_KEY_HI] = hi
    m[o + O_KEY_LO] = lo
    m[o + O_TEXT] = store_text(m, rows, at)
    id_insert(m, firm, hi, lo, order_ref(m, o))
    if not keeps_place:
        start_match(m, o)


# ---- MASS CANCEL ------------------------------------------------------------------------------------------------
# Registers: R0 next order, R1 account whose list it is, R2 scope, R3 its target, R4 side, R5 count, R6 row of the command
# (-1: none asked), R7 reason, R8 flags, R9 whole firm (1) or this account only (0), R10 id of the firm at work when all firms are meant (else 0)
SCOPE_VENUE = 6  # operators only: what came through a venue
SCOPE_ALL = 7  # operators only


@leaf
def start_mass(m, firm, account, scope, target, side, command, reason, flags):
    """Cancel what matches among the orders of an account (pointer), or with account 0 of all accounts of a firm (pointer)."""
    first = account if account != 0 else m[firm + F_ACCOUNTS]
    m[H_RESUME] = RES_MASS
    m[H_R0] = m[first + AC_ORDERS] if first != 0 else 0
    m[H_R0 + 1] = first
    m[H_R0 + 2] = scope
    m[H_R0 + 3] = target
    m[H_R0 + 4] = side
    m[H_R0 + 5] = 0
    m[H_R0 + 6] = command
    m[H_R0 + 7] = reason
    m[H_R0 + 8] = flags
    m[H_R0 + 9] = 1 if account == 0 else 0
    m[H_R0 + 10] = 0


@leaf
def start_mass_all(m, scope, target, reason):
    """Cancel what matches among the orders of all firms, in order of id."""
    start_mass(m, pool_base(m, P_FIRM), 0, scope, target, 0, -1, reason, EF_UNSOLICITED)
    m[H_R0 + 1] = 0
    m[H_R0 + 10] = 1


@leaf
def _next_mass_list(m):
    """Move R0 and R1 to the next account's orders; False when there is none."""
    account = m[H_R0 + 1]
    account = m[account + AC_NEXT_IN_FIRM] if account != 0 and m[H_R0 + 9] != 0 else 0
    while account == 0 and m[H_R0 + 10] != 0:
        firm = firm_at(m, m[H_R0 + 10])
        if firm == 0:
            break
        m[H_R0 + 10] += 1
        account = m[firm + F_ACCOUNTS]
    m[H_R0 + 1] = account
    if account != 0:
        m[H_R0] = m[account + AC_ORDERS]
    return account != 0


@leaf
def _mass_matches(m, o):
    scope = m[H_R0 + 2]
    target = m[H_R0 + 3]
    side = m[H_R0 + 4]
    if side != 0 and (m[o + O_ATTR] >> 4) & 15 != side:
        return False
    if scope == SCOPE_SESSION:
        return m[o + O_SESSION] == target
    if scope == SCOPE_INSTRUMENT:
        return m[m[o + O_INSTRUMENT] + I_ID] == target
    if scope == SCOPE_EVENT:
        return m[m[m[o + O_INSTRUMENT] + I_EVENT] + E_ID] == target
    if scope == SCOPE_VENUE:
        return m[o + O_ENTRY] >> 16 == target
    return True


@leaf
def go_on_mass(m, rows, ev):
    more = m[H_R0 + 1] != 0 or _next_mass_list(m)
    while more:
        while m[H_R0] != 0:
            o = m[H_R0]
            if _mass_matches(m, o):
                if not room(m, ev, 2):
                    return False
                m[H_R0] = m[o + O_ACCT_NEXT]
                e = order_report(m, ev, o, E_CANCELED, ST_CANCELED, m[H_R0 + 7], m[H_R0 + 8])
                ev[e + EVT_LEAVES] = 0
                close_order(m, o, ST_CANCELED, m[H_R0 + 7])
                m[H_R0 + 5] += 1
            else:
                m[H_R0] = m[o + O_ACCT_NEXT]
        more = _next_mass_list(m)
    c = m[H_R0 + 6]
    if c >= 0:
        if not room(m, ev, 2):
            return False
        account_id = rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF
        e = request_event(m, rows, c, ev, E_MASS_DONE, ST_NONE, OK, 0, account_id)
        ev[e + EVT_PRICE] = m[H_R0 + 2]
        ev[e + EVT_QTY] = m[H_R0 + 5]
    m[H_RESUME] = 0
    return True


@leaf
def do_mass_cancel(m, rows, c, ev):
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    scope = rows[c + CMD_SCOPE]
    side = (rows[c + CMD_HEAD] >> 16) & 15
    asked = request_account(m, rows, c, s)
    account = account_at(m, asked)
    target = 0
    code = OK
    if scope == SCOPE_ACCOUNT:
        code = check_account(m, s, account, asked, 0)
    elif scope == SCOPE_SESSION:
        target = m[s]
    elif scope == SCOPE_INSTRUMENT:
        target = rows[c + CMD_INSTRUMENT] >> 32
        if instrument_at(m, target) == 0:
            code = refuse(m, R_UNKNOWN_INSTRUMENT, 0, 0, target)
    elif scope == SCOPE_EVENT:
        target = rows[c + CMD_INSTRUMENT] >> 32
        if event_at(m, target) == 0:
            code = refuse(m, R_UNKNOWN_EVENT, 0, 0, target)
    elif scope != SCOPE_FIRM:
        code = refuse(m, R_BAD_SCOPE, 0, 0, scope)
    if code != OK:
        e = request_event(m, rows, c, ev, E_MASS_DONE, ST_REJECTED, code, 0, rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF)
        ev[e + EVT_PRICE] = scope
        ev[e + EVT_QTY] = 0
        put_refusal(m, ev, e)
        return
    whole = account if scope == SCOPE_ACCOUNT else 0
    start_mass(m, firm_at(m, m[s + S_FIRM]), whole, scope, target, side, c, R_MASS_CANCEL, 0)


@leaf
def cancel_for_session(m, s):
    """Cancel on disconnect."""
    start_mass(m, firm_at(m, m[s + S_FIRM]), 0, SCOPE_SESSION, m[s], 0, -1, R_DISCONNECT, EF_UNSOLICITED)


# ---- SPLIT, MERGE -----------------------------------------------------------------------------------------------


@leaf
def _check_sets(m, rows, c, s, account, asked, event, kind, sets):
    code = check_account(m, s, account, asked, 0)
    if code != OK:
        return code
    if event == 0:
        return refuse(m, R_UNKNOWN_EVENT, 0, 0, rows[c + CMD_INSTRUMENT] >> 32)
    if m[event + E_PRODUCT] != EXACTLY:
        return refuse(m, R_NOT_SPLITTABLE, 0, 0, m[event + E_PRODUCT])
    inst = m[event + E_FIRST]
    code = check_phase(m, inst)
    if code == OK:
        code = check_kill(m, s, account, m[event + E_OWNER_VENUE])
    if code != OK:
        return code
    if m[event + E_RESTRICTED] != 0 and kind == C_SPLIT and pair_find(m, PAIR_RESTRICT, m[account + AC_FIRM], m[event + E_ID]) != 0:
        return refuse(m, R_CONFLICT, 0, 0, sets)
    if sets <= 0:
        return refuse(m, R_QTY_NOT_POSITIVE, 1, 0, sets)
    if sets > m[inst + I_MAX_QTY]:
        return refuse(m, R_QTY_TOO_LARGE, m[inst + I_MAX_QTY], 0, sets)
    return OK


@leaf
def _move_sets(m, co, event, sets):
    """Pay for sets (negative: get paid) and move every contract's position; pool and count follow."""
    n = m[event + E_N]
    money = m[event + E_K] * m[event + E_PAYOUT] * m[event + E_TICK_VALUE] * sets
    m[m[co + CO_CASH] + B_CASH] -= money
    m[event + E_POOL] += money
    m[event + E_SETS] += sets
    for j in range(n):
        collateral_shift(m, co, j, sets, 0, 0)
    return money


@leaf
def do_sets(m, rows, c, ev, kind):
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    sets = rows[c + CMD_SETS]
    event = event_at(m, rows[c + CMD_INSTRUMENT] >> 32)
    asked = request_account(m, rows, c, s)
    account = account_at(m, asked)
    code = _check_sets(m, rows, c, s, account, asked, event, kind, sets)
    co = 0
    money = 0
    if code == OK:
        co = collateral_get(m, account, event)
        if co == 0:
            code = refuse(m, R_TABLE_FULL, 0, 0, 1)
    if code == OK and kind == C_MERGE:
        n = m[event + E_N]
        least = m[co + CO_COLUMNS]
        for j in range(1, n):
            least = min(least, m[co + CO_COLUMNS + j])
        if least < sets:
            code = refuse(m, R_MERGE_TOO_MANY, max(least, 0), 0, sets)
    if code == OK:
        cash = m[co + CO_CASH]
        before = m[cash + B_CASH] - m[cash + B_LOCKED]
        locked = m[cash + B_LOCKED]
        money = _move_sets(m, co, event, sets if kind == C_SPLIT else -sets)
        after = m[cash + B_CASH] - m[cash + B_LOCKED]
        if after < 0 and after < before:
            _move_sets(m, co, event, -sets if kind == C_SPLIT else sets)
            code = refuse(m, R_COLLATERAL, m[cash + B_CASH], locked, before - after)
    if code != OK:
        e = request_event(m, rows, c, ev, E_REFUSED, ST_REJECTED, code, 0, asked)
        put_refusal(m, ev, e)
        return
    e = request_event(m, rows, c, ev, E_MOVED, ST_NONE, OK, 0, asked)
    ev[e + EVT_PRICE] = -money
    ev[e + EVT_QTY] = m[m[co + CO_CASH] + B_CASH]
    ev[e + EVT_LAST_QTY] = sets if kind == C_SPLIT else -sets
    ev[e + EVT_SPARE] = m[event + E_ASSET]
