"""The refusal ladder (domain.md section 9): one condition, one code, one line; the first that holds wins.

Each rung answers OK or a code and leaves limit, used and asked in the header (H_LIMIT, H_USED, H_ASKED). Nothing here changes state but the
throttle windows and rows made on first use. Prices: `price` is the client's, `book` is in YES ticks.
"""

from protocol.codes import (
    AT_OPEN,
    BUY,
    DAY,
    FIELD_FLAGS,
    FIELD_STP,
    FIELD_TIF,
    FIELD_TYPE,
    FLAG_PERSIST,
    FLAG_POST_ONLY,
    FLAG_POST_SLIDE,
    FLAG_REDUCE_ONLY,
    FOK,
    GTC,
    GTD,
    IOC,
    LIMIT,
    MARKET,
    NO,
    OK,
    PH_CANCEL_ONLY,
    PH_DRAFT,
    PH_LISTED,
    PH_OPEN,
    PH_PAUSED,
    R_BAD_FLAGS,
    R_BAD_SIDE,
    R_BAD_STP,
    R_BAD_TIF,
    R_BAD_TYPE,
    R_CANCEL_ONLY,
    R_COLLAR,
    R_COLLATERAL,
    R_CONFLICT,
    R_EXPIRY_PAST,
    R_EXPIRY_UNEXPECTED,
    R_FIELD_UNSUPPORTED,
    R_FROZEN,
    R_KILLED_ACCOUNT,
    R_KILLED_FIRM,
    R_KILLED_PLATFORM,
    R_KILLED_SESSION,
    R_KILLED_VENUE,
    R_MARKET_CLOSED,
    R_MARKET_NEEDS_IMMEDIATE,
    R_MARKET_NOT_OPEN,
    R_MARKET_PAUSED,
    R_NO_LIQUIDITY,
    R_NO_ON_SPOT,
    R_NOT_LOGGED_ON,
    R_NOTIONAL_TOO_LARGE,
    R_ORDER_SHARE_FULL,
    R_ORDER_TABLE_FULL,
    R_POSITION_LIMIT,
    R_POST_ONLY_IMMEDIATE,
    R_POST_ONLY_WOULD_TRADE,
    R_PRICE_OFF_GRID,
    R_PRICE_ON_MARKET,
    R_PRICE_OUT_OF_RANGE,
    R_QTY_LOT,
    R_QTY_NOT_POSITIVE,
    R_QTY_TOO_LARGE,
    R_QTY_TOO_SMALL,
    R_STALE,
    R_TABLE_FULL,
    R_THROTTLED_SESSION,
    R_THROTTLED_VENUE,
    R_UNKNOWN_ACCOUNT,
    R_VENUE_NOT_ALLOWED,
    SELL,
    SPOT,
    STOP,
    STOP_LIMIT,
    STP_CANCEL_INCOMING,
    STP_DECREMENT,
    YES,
)

from .archive import firm_row, share_of
from .collateral import buying_power, open_of, position_of
from .emit import client_price
from .jit import leaf
from .orders import reserve, reserve_part
from .pools import PAIR_RESTRICT, firm_at, pair_find, pair_room, pool_cap, pool_left, venue_at
from .records import (
    AC_FIRM,
    AC_KILLED,
    AC_VENUE,
    B_LOCKED,
    CMD_COST_CAP,
    CMD_EXPIRY,
    CMD_GROUP_SEQ,
    CMD_INSTRUMENT,
    CMD_MIN_QTY,
    CMD_PRICE,
    CMD_STOP_PRICE,
    CO_BASE,
    CO_CASH,
    E_ID,
    E_PRODUCT,
    E_RESTRICTED,
    F_KILLED,
    F_OPEN,
    H_ASKED,
    H_KILLED,
    H_LIMIT,
    H_TICK,
    H_TIME,
    H_USED,
    I_BAND_COUNT,
    I_BANDS,
    I_BEST_BID,
    I_COLLAR,
    I_EVENT,
    I_FROZEN,
    I_INDEX,
    I_LAST,
    I_LOT,
    I_MAX_NOTIONAL,
    I_MAX_POSITION,
    I_MAX_QTY,
    I_MIN_QTY,
    I_PAYOUT,
    I_PHASE,
    I_PRICE_MAX,
    I_PRICE_MIN,
    I_PROTECTION,
    I_REFERENCE,
    I_TICK_VALUE,
    L_PRICE,
    P_BALANCE,
    P_BUCKET,
    P_COLLATERAL,
    P_LEVEL,
    P_NODE,
    P_ORDER,
    P_PAIR_HASH,
    S_FIRM,
    S_FLAGS,
    S_KILLED,
    S_THROTTLE_LIMIT,
    S_VENUE,
    SF_LOGGED_ON,
    V_FROZEN,
    V_KILLED,
    V_THROTTLE_LIMIT,
)

QUANTITY_MAX = 1 << 61


@leaf
def refuse(m, code, limit, used, asked):
    m[H_LIMIT] = limit
    m[H_USED] = used
    m[H_ASKED] = asked
    return code


@leaf
def safe_to_resend(code):
    """Refusals that do not use up the ClOrdID (protocol/errors.py lists the same; a test compares)."""
    if code == R_NOT_LOGGED_ON or code == R_ORDER_TABLE_FULL or code == R_ORDER_SHARE_FULL:
        return True
    if code == R_THROTTLED_SESSION or code == R_THROTTLED_VENUE or code == R_TABLE_FULL or code == R_STALE or code == R_MARKET_PAUSED:
        return True
    return R_KILLED_PLATFORM <= code <= R_KILLED_SESSION


# ---- session, account, venue ----------------------------------------------------------------------------------


@leaf
def check_session(m, s):
    if m[s + S_FLAGS] & SF_LOGGED_ON == 0:
        return refuse(m, R_NOT_LOGGED_ON, 0, 0, 0)
    return OK


@leaf
def check_account(m, s, account, asked_account, row_venue):
    """May this session act, and for this account (pointer, 0 when unknown)?"""
    if m[s + S_FLAGS] & SF_LOGGED_ON == 0:
        return refuse(m, R_NOT_LOGGED_ON, 0, 0, 0)
    if account == 0 or m[account + AC_FIRM] != m[s + S_FIRM]:  # another firm's answers like one that is not there
        return refuse(m, R_UNKNOWN_ACCOUNT, 0, 0, asked_account)
    if row_venue != 0 and row_venue != m[s + S_VENUE]:
        return refuse(m, R_VENUE_NOT_ALLOWED, m[s + S_VENUE], 0, row_venue)
    if m[account + AC_VENUE] != 0 and m[account + AC_VENUE] != m[s + S_VENUE]:
        return refuse(m, R_VENUE_NOT_ALLOWED, m[account + AC_VENUE], 0, m[s + S_VENUE])
    return OK


@leaf
def check_order_table(m, firm):
    """Room for one more open order. Beyond its share a firm may have as many as it leaves free for all, so that one alone never takes the rest."""
    free = pool_left(m, P_ORDER)
    if free < 1:
        return refuse(m, R_ORDER_TABLE_FULL, pool_cap(m, P_ORDER), pool_cap(m, P_ORDER), 1)
    f = firm_row(m, firm)
    own = m[f + F_OPEN]
    if own >= free:
        most = max(free, share_of(m, f, P_ORDER))
        if own >= most:
            return refuse(m, R_ORDER_SHARE_FULL, most, own, 1)
    return OK


@leaf
def refuse_full(m, pool):
    """A table that the rules do not speak of is full."""
    cap = pool_cap(m, pool)
    return refuse(m, R_TABLE_FULL, cap, cap - pool_left(m, pool), 1)


@leaf
def refuse_positions(m):
    """No row for an account's first position, balance or collateral."""
    if pool_left(m, P_BALANCE) < 1:
        return refuse_full(m, P_BALANCE)
    return refuse_full(m, P_PAIR_HASH if pair_room(m) < 3 else P_COLLATERAL)


@leaf
def refuse_timers(m):
    if pool_left(m, P_BUCKET) < 1:
        return refuse_full(m, P_BUCKET)
    return refuse_full(m, P_PAIR_HASH)


@leaf
def refuse_levels(m):
    return refuse_full(m, P_LEVEL if pool_left(m, P_LEVEL) < 1 else P_NODE)


# ---- instrument, phase, type -----------------------------------------------------------------------------------


@leaf
def check_phase(m, inst):
    phase = m[inst + I_PHASE]
    if phase == PH_OPEN:
        return OK
    if phase == PH_DRAFT or phase == PH_LISTED:
        return refuse(m, R_MARKET_NOT_OPEN, 0, 0, phase)
    if phase == PH_PAUSED:
        return refuse(m, R_MARKET_PAUSED, 0, 0, phase)
    if phase == PH_CANCEL_ONLY:
        return refuse(m, R_CANCEL_ONLY, 0, 0, phase)
    return refuse(m, R_MARKET_CLOSED, 0, 0, phase)


@leaf
def check_unbuilt(m, rows, c):
    """Every word whose feature is not built yet must be 0; asked = the word."""
    if rows[c + CMD_INSTRUMENT] & 0xFFFF != 0:
        return refuse(m, R_FIELD_UNSUPPORTED, 0, 0, CMD_INSTRUMENT)
    for word in range(CMD_MIN_QTY, CMD_STOP_PRICE + 1):
        if rows[c + word] != 0:
            return refuse(m, R_FIELD_UNSUPPORTED, 0, 0, word)
    if rows[c + CMD_GROUP_SEQ] >> 32 != 0:
        return refuse(m, R_FIELD_UNSUPPORTED, 0, 0, CMD_GROUP_SEQ)
    if rows[c + CMD_COST_CAP] != 0:
        return refuse(m, R_FIELD_UNSUPPORTED, 0, 0, CMD_COST_CAP)
    return OK


@leaf
def check_kind(m, inst, rows, c, side, contract_side, order_type, tif, stp, flags):
    """Side, type, time in force, flags, and every field whose feature is not built yet (it must be 0; asked = its word)."""
    if side != BUY and side != SELL:
        return refuse(m, R_BAD_SIDE, 0, 0, side)
    if contract_side != YES and contract_side != NO:
        return refuse(m, R_BAD_SIDE, 0, 0, contract_side)
    if order_type < MARKET or order_type > STOP_LIMIT:
        return refuse(m, R_BAD_TYPE, 0, 0, order_type)
    if tif != DAY and tif != GTC and tif != AT_OPEN and tif != IOC and tif != FOK and tif != GTD:
        return refuse(m, R_BAD_TIF, 0, 0, tif)
    if flags & ~(FLAG_POST_ONLY | FLAG_POST_SLIDE | FLAG_REDUCE_ONLY | FLAG_PERSIST) != 0:
        return refuse(m, R_BAD_FLAGS, 0, 0, flags)
    if order_type == STOP or order_type == STOP_LIMIT:
        return refuse(m, R_FIELD_UNSUPPORTED, 0, order_type, FIELD_TYPE)
    if tif == AT_OPEN:
        return refuse(m, R_FIELD_UNSUPPORTED, 0, tif, FIELD_TIF)
    if flags & ~FLAG_POST_ONLY != 0:
        return refuse(m, R_FIELD_UNSUPPORTED, FLAG_POST_ONLY, flags, FIELD_FLAGS)
    if STP_CANCEL_INCOMING < stp <= STP_DECREMENT:
        return refuse(m, R_FIELD_UNSUPPORTED, STP_CANCEL_INCOMING, stp, FIELD_STP)
    code = check_unbuilt(m, rows, c)
    if code != OK:
        return code
    expiry = rows[c + CMD_EXPIRY]
    if tif == GTD and expiry <= m[H_TIME]:
        return refuse(m, R_EXPIRY_PAST, m[H_TIME], 0, expiry)
    if tif != GTD and expiry != 0:
        return refuse(m, R_EXPIRY_UNEXPECTED, 0, 0, expiry)
    if contract_side == NO and m[m[inst + I_EVENT] + E_PRODUCT] == SPOT:
        return refuse(m, R_NO_ON_SPOT, 0, 0, 0)
    if stp > STP_DECREMENT:
        return refuse(m, R_BAD_STP, STP_DECREMENT, 0, stp)
    if order_type == MARKET and rows[c + CMD_PRICE] != 0:
        return refuse(m, R_PRICE_ON_MARKET, 0, 0, rows[c + CMD_PRICE])
    if flags & FLAG_POST_ONLY != 0 and (order_type == MARKET or tif == IOC or tif == FOK):
        return refuse(m, R_POST_ONLY_IMMEDIATE, 0, 0, tif)
    if order_type == MARKET and (tif == GTC or tif == GTD):
        return refuse(m, R_MARKET_NEEDS_IMMEDIATE, 0, 0, tif)
    if m[inst + I_FROZEN] != 0:
        return refuse(m, R_FROZEN, 0, 0, 0)
    return OK


# ---- kill switches, throttles, freshness, conflict of interest --------------------------------------------------


@leaf
def check_kill(m, s, account, venue_id):
    if m[H_KILLED] != 0:
        return refuse(m, R_KILLED_PLATFORM, 0, 0, 0)
    v = venue_at(m, venue_id)
    if v != 0 and (m[v + V_KILLED] != 0 or m[v + V_FROZEN] != 0):
        return refuse(m, R_KILLED_VENUE, 0, 0, venue_id)
    f = firm_at(m, m[account + AC_FIRM])
    if f != 0 and m[f + F_KILLED] != 0:
        return refuse(m, R_KILLED_FIRM, 0, 0, m[f])
    if m[account + AC_KILLED] != 0:
        return refuse(m, R_KILLED_ACCOUNT, 0, 0, m[account])
    if m[s + S_KILLED] != 0:
        return refuse(m, R_KILLED_SESSION, 0, 0, m[s])
    return OK


@leaf
def _throttle(m, at, code):
    """One message against the window at four words (limit, window ns, start, used). Refused messages are not counted."""
    limit = m[at]
    if limit == 0:
        return OK
    now = m[H_TICK]
    if now - m[at + 2] >= m[at + 1]:
        m[at + 2] = now
        m[at + 3] = 0
    if m[at + 3] >= limit:
        return refuse(m, code, limit, m[at + 3], 1)
    m[at + 3] += 1
    return OK


@leaf
def check_throttle(m, s, venue_id):
    code = _throttle(m, s + S_THROTTLE_LIMIT, R_THROTTLED_SESSION)
    if code != OK:
        return code
    v = venue_at(m, venue_id)
    if v != 0:
        return _throttle(m, v + V_THROTTLE_LIMIT, R_THROTTLED_VENUE)
    return OK


@leaf
def check_fresh(m, deadline):
    if deadline != 0 and m[H_TIME] > deadline:
        return refuse(m, R_STALE, deadline, 0, m[H_TIME])
    return OK


@leaf
def check_conflict(m, event, firm, co, j, sell, quantity, instead):
    """A firm with a conflict of interest may only reduce, its open orders counted; `instead`: total of the order that is replaced."""
    if m[event + E_RESTRICTED] == 0 or pair_find(m, PAIR_RESTRICT, firm, m[event + E_ID]) == 0:
        return OK
    q = position_of(m, co, j)
    waiting = open_of(m, co, j, sell)
    clamped = min(quantity, QUANTITY_MAX)  # its own limits come later on the ladder
    if sell != 0:
        if q - waiting - (clamped - instead) >= 0:
            return OK
    elif q + waiting + (clamped - instead) <= 0:
        return OK
    return refuse(m, R_CONFLICT, q, waiting, m[event + E_ID])


# ---- price and size -------------------------------------------------------------------------------------------


@leaf
def on_grid(m, inst, price):
    for i in range(m[inst + I_BAND_COUNT]):
        b = inst + I_BANDS + 3 * i
        if m[b] <= price <= m[b + 1]:
            return (price - m[b]) % m[b + 2] == 0
    return False


@leaf
def increment_at(m, inst, price):
    """Increment of the band that a price lies in, or else of the next one above."""
    for i in range(m[inst + I_BAND_COUNT]):
        b = inst + I_BANDS + 3 * i
        if price <= m[b + 1]:
            return m[b + 2]
    return 0


@leaf
def grid_floor(m, inst, price):
    """The highest grid price <= price, else the lowest of all."""
    best = m[inst + I_PRICE_MIN]
    for i in range(m[inst + I_BAND_COUNT]):
        b = inst + I_BANDS + 3 * i
        if m[b] <= price:
            top = min(price, m[b + 1])
            best = max(best, top - (top - m[b]) % m[b + 2])
    return best


@leaf
def grid_ceil(m, inst, price):
    """The lowest grid price >= price, else the highest of all."""
    best = m[inst + I_PRICE_MAX]
    for i in range(m[inst + I_BAND_COUNT]):
        b = inst + I_BANDS + 3 * i
        if m[b + 1] >= price:
            low = max(price, m[b])
            up = low + (m[b + 2] - (low - m[b]) % m[b + 2]) % m[b + 2]
            if up <= m[b + 1]:
                best = min(best, up)
    return best


@leaf
def reference_price(m, inst):
    """Operator's price, else last trade, else 0: none."""
    return m[inst + I_REFERENCE] if m[inst + I_REFERENCE] != 0 else m[inst + I_LAST]


@leaf
def protection_price(m, inst, book_side):
    """Best opposite price ± protection, clamped to collar and grid (YES ticks). The caller has seen that there is an opposite order."""
    reference = reference_price(m, inst)
    collar = m[inst + I_COLLAR]
    if book_side == BUY:
        price = m[m[inst + I_BEST_BID + 1] + L_PRICE] + m[inst + I_PROTECTION]
        if collar != 0 and reference != 0:
            price = min(price, reference + collar)
        return grid_floor(m, inst, price)
    price = m[m[inst + I_BEST_BID] + L_PRICE] - m[inst + I_PROTECTION]
    if collar != 0 and reference != 0:
        price = max(price, reference - collar)
    return grid_ceil(m, inst, price)


@leaf
def check_price(m, inst, contract_side, price):
    """A limit price in the client's terms: range, then grid."""
    low = m[inst + I_PRICE_MIN]
    high = m[inst + I_PRICE_MAX]
    if contract_side == NO:
        low, high = m[inst + I_PAYOUT] - high, m[inst + I_PAYOUT] - low
    if price < low:
        return refuse(m, R_PRICE_OUT_OF_RANGE, low, 0, price)
    if price > high:
        return refuse(m, R_PRICE_OUT_OF_RANGE, high, 0, price)
    book = client_price(m, inst, contract_side, price)
    if not on_grid(m, inst, book):
        return refuse(m, R_PRICE_OFF_GRID, increment_at(m, inst, book), 0, price)
    return OK


@leaf
def check_quantity(m, inst, quantity):
    if quantity <= 0:
        return refuse(m, R_QTY_NOT_POSITIVE, 1, 0, quantity)
    if quantity % m[inst + I_LOT] != 0:
        return refuse(m, R_QTY_LOT, m[inst + I_LOT], 0, quantity)
    if quantity < m[inst + I_MIN_QTY]:
        return refuse(m, R_QTY_TOO_SMALL, m[inst + I_MIN_QTY], 0, quantity)
    if quantity > m[inst + I_MAX_QTY]:
        return refuse(m, R_QTY_TOO_LARGE, m[inst + I_MAX_QTY], 0, quantity)
    return OK


@leaf
def check_notional(m, inst, price, quantity):
    """price: the client's terms."""
    notional = price * quantity * m[inst + I_TICK_VALUE]
    if m[inst + I_MAX_NOTIONAL] != 0 and notional > m[inst + I_MAX_NOTIONAL]:
        return refuse(m, R_NOTIONAL_TOO_LARGE, m[inst + I_MAX_NOTIONAL], 0, notional)
    return OK


@leaf
def check_collar(m, inst, contract_side, book):
    """Judged in YES ticks, said in the client's: where the collar ends, the reference, the price."""
    reference = reference_price(m, inst)
    collar = m[inst + I_COLLAR]
    if collar != 0 and reference != 0 and abs(book - reference) > collar:
        end = client_price(m, inst, contract_side, reference + collar if book > reference else reference - collar)
        return refuse(m, R_COLLAR, end, client_price(m, inst, contract_side, reference), client_price(m, inst, contract_side, book))
    return OK


@leaf
def check_position(m, inst, co, book_side, quantity, less):
    """Position after the whole order and all open ones of its side; `less`: open quantity that this order replaces."""
    most = m[inst + I_MAX_POSITION]
    if most == 0:
        return OK
    j = m[inst + I_INDEX]
    sell = 0 if book_side == BUY else 1
    sign = 1 if book_side == BUY else -1
    before = position_of(m, co, j) + sign * (open_of(m, co, j, sell) - less)
    after = before + sign * quantity
    if abs(after) > most and abs(after) > abs(before):
        return refuse(m, R_POSITION_LIMIT, most, before, after)
    return OK


# ---- collateral -------------------------------------------------------------------------------------------------


@leaf
def take_reservation(m, inst, co, book_side, price, quantity, fee, old_price, old_quantity, old_fee):
    """Reserve for a new order (old_quantity 0) or in exchange for an old reservation; when buying power would be negative and
    lower than before, put everything back and refuse with what is available, locked and needed. Answers OK or R_COLLATERAL."""
    cash = m[co + CO_CASH]
    base = m[co + CO_BASE]
    before = buying_power(m, cash)
    before_base = buying_power(m, base) if base != 0 else 0
    locked = m[cash + B_LOCKED]
    if old_quantity != 0:
        reserve(m, inst, co, book_side, old_price, old_quantity, old_fee, -1)
    reserve(m, inst, co, book_side, price, quantity, fee, 1)
    after = buying_power(m, cash)
    short_cash = after < 0 and after < before
    short_base = False
    if base != 0:
        after_base = buying_power(m, base)
        short_base = after_base < 0 and after_base < before_base
    if not short_cash and not short_base:
        return OK
    reserve(m, inst, co, book_side, price, quantity, fee, -1)
    if old_quantity != 0:
        reserve(m, inst, co, book_side, old_price, old_quantity, old_fee, 1)
    if short_base:
        return refuse(m, R_COLLATERAL, before_base, m[base + B_LOCKED], reserve_part(m, inst, book_side, price, quantity))
    return refuse(m, R_COLLATERAL, before, locked, before - after)


@leaf
def check_post_only(m, inst, contract_side, book_side, price):
    """A post-only order may not cross the opposite best; the refusal names both in the client's terms."""
    best = m[inst + I_BEST_BID + (1 if book_side == BUY else 0)]
    if best == 0:
        return OK
    other = m[best + L_PRICE]
    if price >= other if book_side == BUY else price <= other:
        shown = client_price(m, inst, contract_side, other)
        return refuse(m, R_POST_ONLY_WOULD_TRADE, shown, 0, client_price(m, inst, contract_side, price))
    return OK


@leaf
def check_market_price(m, inst, book_side):
    """A market order needs an opposite order."""
    if m[inst + I_BEST_BID + (1 if book_side == BUY else 0)] == 0:
        return refuse(m, R_NO_LIQUIDITY, 0, 0, 0)
    return OK


@leaf
def is_resting_type(order_type, tif):
    return order_type == LIMIT and tif != IOC and tif != FOK
