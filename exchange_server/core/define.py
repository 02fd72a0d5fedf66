"""Definition rows: assets, venues, firms, accounts, sessions, events, instruments, listings, and operators' acts.

The registry has validated names and numbers (registry.py); what is checked here again is what would break the arena: ids, capacities, order.
Each answers OK or a code; nothing is changed when it refuses. Layouts: core/definitions.py.
"""

from protocol.codes import (
    E_MOVED,
    EF_UNSOLICITED,
    KILL_ACCOUNT,
    KILL_FIRM,
    KILL_PLATFORM,
    KILL_SESSION,
    KILL_VENUE,
    OK,
    R_AMOUNT_NOT_POSITIVE,
    R_BAD_COMMAND,
    R_BAD_DEFINITION,
    R_KILL_SWITCH,
    R_OVERFLOW,
    R_TABLE_FULL,
    R_UNKNOWN_ACCOUNT,
    R_UNKNOWN_ASSET,
    R_UNKNOWN_EVENT,
    R_UNKNOWN_INSTRUMENT,
    R_WITHDRAW_TOO_MUCH,
    SCOPE_ACCOUNT,
    SCOPE_FIRM,
    SCOPE_SESSION,
)

from . import definitions as d
from .collateral import balance_get
from .emit import begin_event, pack_head
from .jit import leaf
from .ledger import PLATFORM_ACCOUNT
from .mass_cancel import SCOPE_ALL, SCOPE_VENUE, start_mass, start_mass_all
from .names import names_add
from .pools import (
    PAIR_BALANCE,
    PAIR_LISTING,
    PAIR_RESTRICT,
    account_at,
    asset_at,
    event_at,
    firm_at,
    instrument_at,
    pair_delete,
    pair_find,
    pair_put,
    pair_room,
    pool_alloc,
    pool_base,
    pool_cap,
    session_at,
    venue_at,
)
from .records import (
    A_DECIMALS,
    A_EXTERNAL,
    A_NAME,
    A_NAME_LEN,
    AC_FIRM,
    AC_KILLED,
    AC_KIND,
    AC_NAME,
    AC_NAME_LEN,
    AC_NEXT_IN_FIRM,
    AC_ORDERS,
    AC_SESSION,
    AC_VENUE,
    ACCOUNT_WORDS,
    ASSET_WORDS,
    B_CASH,
    B_LOCKED,
    E_ASSET,
    E_BASE_ASSET,
    E_FIRST,
    E_K,
    E_LOT_BASE,
    E_N,
    E_OWNER_VENUE,
    E_PAYOUT,
    E_PHASE_NOW,
    E_PRODUCT,
    E_RESTRICTED,
    E_TICK_VALUE,
    E_WINDOW_NS,
    EVENT_WORDS,
    EVT_PRICE,
    EVT_QTY,
    EVT_SPARE,
    F_ACCOUNTS,
    F_KILLED,
    FIRM_WORDS,
    H_KILLED,
    H_POOLS,
    I_BAND_COUNT,
    I_BANDS,
    I_COLLAR,
    I_DEPTH_SHIFT,
    I_EVENT,
    I_FROZEN,
    I_INDEX,
    I_LISTING,
    I_LOT,
    I_MAX_NOTIONAL,
    I_MAX_POSITION,
    I_MAX_QTY,
    I_MIN_QTY,
    I_OWNER_VENUE,
    I_PAYOUT,
    I_PHASE,
    I_PRICE_DECIMALS,
    I_PRICE_MAX,
    I_PRICE_MIN,
    I_PROTECTION,
    I_QTY_DECIMALS,
    I_REFERENCE,
    I_SYMBOL,
    I_SYMBOL_LEN,
    I_TICK_VALUE,
    INSTRUMENT_WORDS,
    LI_CURRENT,
    LI_INSTRUMENT,
    LI_ORDERS,
    LI_VENUE,
    MAX_BANDS,
    NAME_ACCOUNT,
    NAME_INSTRUMENT,
    P_ACCOUNT,
    P_ASSET,
    P_EVENT,
    P_FIRM,
    P_INSTRUMENT,
    P_LISTING,
    P_SESSION,
    P_VENUE,
    PL_NEXT,
    PL_USED,
    POOL_WORDS,
    S_ACCOUNT,
    S_FIRM,
    S_FLAGS,
    S_FORM,
    S_FORM_DEFINED,
    S_KILLED,
    S_NEXT_IN,
    S_NEXT_OUT,
    S_OUR,
    S_OUR_LEN,
    S_PEER,
    S_PEER_LEN,
    S_THROTTLE_LIMIT,
    S_THROTTLE_WINDOW,
    S_VENUE,
    S_WIRE,
    SESSION_WORDS,
    SF_DEFINED_SHIFT,
    SF_LOGGED_ON,
    SF_OPTIONS,
    V_CUTOFF,
    V_CUTOFF_PERIOD,
    V_FEE_ACCOUNT,
    V_FROZEN,
    V_KILLED,
    V_THROTTLE_LIMIT,
    V_THROTTLE_WINDOW,
    VENUE_WORDS,
)
from .risk import refuse

MONEY_MAX = 1 << 61  # one balance; sums of two stay within int64


@leaf
def new_row(m, pool, width, i):
    """Pointer for an id, 0 when the pool does not reach so far."""
    if i <= 0 or i >= pool_cap(m, pool):
        return 0
    return pool_base(m, pool) + i * width


@leaf
def take_id(m, pool, p, i):
    """The row at p is defined from now on; the pool's counts know it."""
    d = H_POOLS + pool * POOL_WORDS
    if m[p] != i:
        m[p] = i
        m[d + PL_USED] += 1
    m[d + PL_NEXT] = max(m[d + PL_NEXT], i + 1)


@leaf
def copy_words(m, to, rows, at, words):
    for i in range(words):
        m[to + i] = rows[at + i]


@leaf
def define_asset(m, rows, c):
    p = new_row(m, P_ASSET, ASSET_WORDS, rows[c + d.DA_ID])
    if p == 0:
        return R_TABLE_FULL
    take_id(m, P_ASSET, p, rows[c + d.DA_ID])
    m[p + A_DECIMALS] = rows[c + d.DA_DECIMALS]
    m[p + A_NAME_LEN] = rows[c + d.DA_NAME_LEN]
    copy_words(m, p + A_NAME, rows, c + d.DA_NAME, 4)
    return OK


@leaf
def define_venue(m, rows, c):
    p = new_row(m, P_VENUE, VENUE_WORDS, rows[c + d.DV_ID])
    if p == 0:
        return R_TABLE_FULL
    take_id(m, P_VENUE, p, rows[c + d.DV_ID])
    m[p + V_FEE_ACCOUNT] = rows[c + d.DV_FEE_ACCOUNT]
    m[p + V_CUTOFF] = rows[c + d.DV_CUTOFF_OFFSET]
    m[p + V_CUTOFF_PERIOD] = rows[c + d.DV_CUTOFF_PERIOD]
    m[p + V_THROTTLE_LIMIT] = rows[c + d.DV_THROTTLE_LIMIT]
    m[p + V_THROTTLE_WINDOW] = rows[c + d.DV_THROTTLE_WINDOW]
    m[p + V_FROZEN] = rows[c + d.DV_FROZEN]
    return OK


@leaf
def define_firm(m, rows, c):
    p = new_row(m, P_FIRM, FIRM_WORDS, rows[c + d.DF_ID])
    if p == 0:
        return R_TABLE_FULL
    take_id(m, P_FIRM, p, rows[c + d.DF_ID])
    return OK


@leaf
def define_account(m, mb, rows, rows_b, c):
    i = rows[c + d.DC_ID]
    p = account_at(m, i)
    if p == 0:
        p = new_row(m, P_ACCOUNT, ACCOUNT_WORDS, i)
        if p == 0:
            return R_TABLE_FULL
        firm = firm_at(m, rows[c + d.DC_FIRM])
        if rows[c + d.DC_FIRM] != 0 and firm == 0:
            return R_BAD_DEFINITION
        length = rows[c + d.DC_NAME_LEN]
        if names_add(m, mb, NAME_ACCOUNT, rows_b, (c + d.DC_NAME) * 8, length, i) != 0:
            return R_TABLE_FULL
        take_id(m, P_ACCOUNT, p, i)
        m[p + AC_FIRM] = rows[c + d.DC_FIRM]
        m[p + AC_KIND] = rows[c + d.DC_KIND]
        m[p + AC_VENUE] = rows[c + d.DC_VENUE]
        m[p + AC_NAME_LEN] = length
        copy_words(m, p + AC_NAME, rows, c + d.DC_NAME, 8)
        if firm != 0:  # the firm's accounts in order of id
            at = firm + F_ACCOUNTS
            while m[at] != 0 and m[m[at]] < i:
                at = m[at] + AC_NEXT_IN_FIRM
            m[p + AC_NEXT_IN_FIRM] = m[at]
            m[at] = p
    m[p + AC_SESSION] = rows[c + d.DC_SESSION]
    return OK


@leaf
def define_session(m, rows, c):
    i = rows[c + d.DS_ID]
    p = session_at(m, i)
    if p == 0:
        p = new_row(m, P_SESSION, SESSION_WORDS, i)
        if p == 0:
            return R_TABLE_FULL
        take_id(m, P_SESSION, p, i)
        m[p + S_FIRM] = rows[c + d.DS_FIRM]
        m[p + S_VENUE] = rows[c + d.DS_VENUE]
        m[p + S_WIRE] = rows[c + d.DS_WIRE]
        m[p + S_NEXT_OUT] = 1
        m[p + S_NEXT_IN] = 1
        m[p + S_OUR_LEN] = rows[c + d.DS_OUR_LEN]
        m[p + S_PEER_LEN] = rows[c + d.DS_PEER_LEN]
        copy_words(m, p + S_OUR, rows, c + d.DS_OUR, 8)
        copy_words(m, p + S_PEER, rows, c + d.DS_PEER, 8)
    m[p + S_ACCOUNT] = rows[c + d.DS_ACCOUNT]
    m[p + S_FORM_DEFINED] = rows[c + d.DS_FORM]
    if m[p + S_NEXT_OUT] == 1:  # nothing has been written yet that a resend would have to repeat
        m[p + S_FORM] = rows[c + d.DS_FORM]
    # A session that is on keeps what it was given at its logon: the client counts on it.
    asked = rows[c + d.DS_FLAGS] & SF_OPTIONS
    was = m[p + S_FLAGS] & (SF_LOGGED_ON | SF_OPTIONS)
    m[p + S_FLAGS] = (was if was & SF_LOGGED_ON != 0 else asked) | (asked << SF_DEFINED_SHIFT)
    m[p + S_THROTTLE_LIMIT] = rows[c + d.DS_THROTTLE_LIMIT]
    m[p + S_THROTTLE_WINDOW] = rows[c + d.DS_THROTTLE_WINDOW]
    return OK


@leaf
def define_event(m, rows, c):
    i = rows[c + d.DE_ID]
    if event_at(m, i) != 0:
        return R_BAD_DEFINITION
    p = new_row(m, P_EVENT, EVENT_WORDS, i)
    if p == 0:
        return R_TABLE_FULL
    if asset_at(m, rows[c + d.DE_ASSET]) == 0 or venue_at(m, rows[c + d.DE_OWNER_VENUE]) == 0:
        return R_BAD_DEFINITION
    take_id(m, P_EVENT, p, i)
    m[p + E_PRODUCT] = rows[c + d.DE_PRODUCT]
    m[p + E_K] = rows[c + d.DE_K]
    m[p + E_N] = rows[c + d.DE_N]
    m[p + E_PHASE_NOW] = rows[c + d.DE_PHASE]
    m[p + E_ASSET] = rows[c + d.DE_ASSET]
    m[p + E_BASE_ASSET] = rows[c + d.DE_BASE_ASSET]
    m[p + E_PAYOUT] = rows[c + d.DE_PAYOUT]
    m[p + E_TICK_VALUE] = rows[c + d.DE_TICK_VALUE]
    m[p + E_OWNER_VENUE] = rows[c + d.DE_OWNER_VENUE]
    m[p + E_WINDOW_NS] = rows[c + d.DE_WINDOW_NS]
    m[p + E_LOT_BASE] = rows[c + d.DE_LOT_BASE]
    return OK


@leaf
def define_instrument(m, mb, rows, rows_b, c):
    i = rows[c + d.DI_ID]
    p = instrument_at(m, i)
    if p == 0:
        p = new_row(m, P_INSTRUMENT, INSTRUMENT_WORDS, i)
        if p == 0:
            return R_TABLE_FULL
        event = event_at(m, rows[c + d.DI_EVENT])
        index = rows[c + d.DI_INDEX]
        bands = rows[c + d.DI_BAND_COUNT]
        if event == 0 or index < 0 or index >= m[event + E_N] or bands < 1 or bands > MAX_BANDS:
            return R_BAD_DEFINITION
        if index != 0 and m[event + E_FIRST] + index * INSTRUMENT_WORDS != p:
            return R_BAD_DEFINITION  # the contracts of an event lie side by side
        length = rows[c + d.DI_SYMBOL_LEN]
        if names_add(m, mb, NAME_INSTRUMENT, rows_b, (c + d.DI_SYMBOL) * 8, length, i) != 0:
            return R_TABLE_FULL
        if index == 0:
            m[event + E_FIRST] = p
        take_id(m, P_INSTRUMENT, p, i)
        m[p + I_EVENT] = event
        m[p + I_INDEX] = index
        m[p + I_PAYOUT] = m[event + E_PAYOUT]
        m[p + I_TICK_VALUE] = m[event + E_TICK_VALUE]
        m[p + I_OWNER_VENUE] = m[event + E_OWNER_VENUE]
        m[p + I_PHASE] = m[event + E_PHASE_NOW]
        m[p + I_LOT] = rows[c + d.DI_LOT]
        m[p + I_PRICE_MIN] = rows[c + d.DI_PRICE_MIN]
        m[p + I_PRICE_MAX] = rows[c + d.DI_PRICE_MAX]
        m[p + I_PRICE_DECIMALS] = rows[c + d.DI_PRICE_DECIMALS]
        m[p + I_QTY_DECIMALS] = rows[c + d.DI_QTY_DECIMALS]
        m[p + I_BAND_COUNT] = bands
        copy_words(m, p + I_BANDS, rows, c + d.DI_BANDS, 3 * MAX_BANDS)
        m[p + I_SYMBOL_LEN] = length
        copy_words(m, p + I_SYMBOL, rows, c + d.DI_SYMBOL, 8)
        shift = 0
        while m[p + I_PRICE_MAX] >> (shift + 6) != 0:
            shift += 6
        m[p + I_DEPTH_SHIFT] = shift
    m[p + I_MIN_QTY] = rows[c + d.DI_MIN_QTY]
    m[p + I_MAX_QTY] = rows[c + d.DI_MAX_QTY]
    m[p + I_MAX_NOTIONAL] = rows[c + d.DI_MAX_NOTIONAL]
    m[p + I_COLLAR] = rows[c + d.DI_COLLAR]
    m[p + I_REFERENCE] = rows[c + d.DI_REFERENCE]
    m[p + I_PROTECTION] = rows[c + d.DI_PROTECTION]
    m[p + I_MAX_POSITION] = rows[c + d.DI_MAX_POSITION]
    m[p + I_FROZEN] = rows[c + d.DI_FROZEN]
    return OK


@leaf
def define_listing(m, rows, c):
    venue = rows[c + d.DL_VENUE]
    inst = instrument_at(m, rows[c + d.DL_INSTRUMENT])
    if inst == 0:
        return R_UNKNOWN_INSTRUMENT
    asset = m[m[inst + I_EVENT] + E_ASSET]
    # Fee balances are made now, so that no trade can ever fail for want of one.
    if balance_get(m, PLATFORM_ACCOUNT, asset) == 0:
        return R_TABLE_FULL
    for word in (d.DL_OWNER_ACCOUNT, d.DL_VENUE_ACCOUNT):
        if rows[c + word] != 0 and balance_get(m, rows[c + word], asset) == 0:
            return R_TABLE_FULL
    p = pair_find(m, PAIR_LISTING, venue, m[inst])
    if p == 0 or m[p + LI_ORDERS] != 0:
        # New terms hold for orders entered or amended afterwards: open orders keep the row they came under.
        fresh = pool_alloc(m, P_LISTING) if pair_room(m) >= 1 else 0
        if fresh == 0:
            return R_TABLE_FULL
        if p != 0:
            m[p + LI_CURRENT] = 0
            pair_delete(m, PAIR_LISTING, venue, m[inst])
        p = fresh
        pair_put(m, PAIR_LISTING, venue, m[inst], p)
        m[p + LI_VENUE] = venue
        m[p + LI_INSTRUMENT] = m[inst]
        m[p + LI_ORDERS] = 0
        m[p + LI_CURRENT] = 1
        if venue == m[inst + I_OWNER_VENUE]:
            m[inst + I_LISTING] = p
    copy_words(m, p + 2, rows, c + d.DL_FEE_MODEL, 7)
    return OK


@leaf
def _moved(m, ev, account, amount, balance, asset):
    e = begin_event(m, ev, pack_head(E_MOVED, 0, 0, 0, 0, 0, 0, 0, EF_UNSOLICITED), m[account + AC_SESSION], m[account], True)
    ev[e + EVT_PRICE] = amount
    ev[e + EVT_QTY] = m[balance + B_CASH]
    ev[e + EVT_SPARE] = asset


@leaf
def do_transfer(m, rows, c, ev):
    """Deposit (from 0), withdrawal (to 0) or move. A withdrawal above buying power is refused."""
    source = rows[c + d.DT_FROM]
    target = rows[c + d.DT_TO]
    asset_id = rows[c + d.DT_ASSET]
    amount = rows[c + d.DT_AMOUNT]
    asset = asset_at(m, asset_id)
    if asset == 0:
        return R_UNKNOWN_ASSET
    if amount <= 0:
        return R_AMOUNT_NOT_POSITIVE
    if amount >= MONEY_MAX:
        return R_OVERFLOW
    if source == 0 and target == 0 or source != 0 and account_at(m, source) == 0 or target != 0 and account_at(m, target) == 0:
        return R_UNKNOWN_ACCOUNT
    source_row = 0
    target_row = 0
    if source != 0:
        source_row = pair_find(m, PAIR_BALANCE, source, asset_id)
        if source_row == 0 or m[source_row + B_CASH] - m[source_row + B_LOCKED] < amount:
            free = m[source_row + B_CASH] - m[source_row + B_LOCKED] if source_row != 0 else 0
            return refuse(m, R_WITHDRAW_TOO_MUCH, free, 0, amount)
    if target != 0:
        target_row = balance_get(m, target, asset_id)
        if target_row == 0:
            return R_TABLE_FULL
        if m[target_row + B_CASH] + amount >= MONEY_MAX or m[asset + A_EXTERNAL] + amount >= MONEY_MAX:
            return R_OVERFLOW
    if source != 0:
        m[source_row + B_CASH] -= amount
        _moved(m, ev, account_at(m, source), -amount, source_row, asset_id)
    else:
        m[asset + A_EXTERNAL] += amount
    if target != 0:
        m[target_row + B_CASH] += amount
        _moved(m, ev, account_at(m, target), amount, target_row, asset_id)
    else:
        m[asset + A_EXTERNAL] -= amount
    return OK


@leaf
def do_kill(m, rows, c):
    level = rows[c + d.DK_LEVEL]
    target = rows[c + d.DK_TARGET]
    on = 1 if rows[c + d.DK_ON] != 0 else 0
    cancel = on != 0 and rows[c + d.DK_CANCEL] != 0
    if level == KILL_PLATFORM:
        m[H_KILLED] = on
        if cancel:
            start_mass_all(m, SCOPE_ALL, 0, R_KILL_SWITCH)
        return OK
    if level == KILL_VENUE:
        p = venue_at(m, target)
        if p == 0:
            return R_BAD_COMMAND
        m[p + V_KILLED] = on
        if cancel:
            start_mass_all(m, SCOPE_VENUE, target, R_KILL_SWITCH)
        return OK
    if level == KILL_FIRM:
        p = firm_at(m, target)
        if p == 0:
            return R_BAD_COMMAND
        m[p + F_KILLED] = on
        if cancel:
            start_mass(m, p, 0, SCOPE_FIRM, target, 0, -1, R_KILL_SWITCH, EF_UNSOLICITED)
        return OK
    if level == KILL_ACCOUNT:
        p = account_at(m, target)
        if p == 0:
            return R_UNKNOWN_ACCOUNT
        m[p + AC_KILLED] = on
        if cancel and m[p + AC_ORDERS] != 0:
            start_mass(m, 0, p, SCOPE_ACCOUNT, target, 0, -1, R_KILL_SWITCH, EF_UNSOLICITED)
        return OK
    if level == KILL_SESSION:
        p = session_at(m, target)
        if p == 0:
            return R_BAD_COMMAND
        m[p + S_KILLED] = on
        if cancel:
            start_mass(m, firm_at(m, m[p + S_FIRM]), 0, SCOPE_SESSION, target, 0, -1, R_KILL_SWITCH, EF_UNSOLICITED)
        return OK
    return R_BAD_COMMAND


@leaf
def do_restrict(m, rows, c):
    event = event_at(m, rows[c + d.DR_EVENT])
    firm = rows[c + d.DR_FIRM]
    if event == 0:
        return R_UNKNOWN_EVENT
    if firm_at(m, firm) == 0:
        return R_BAD_COMMAND
    known = pair_find(m, PAIR_RESTRICT, firm, m[event]) != 0
    if rows[c + d.DR_ON] != 0:
        if not known:
            if pair_put(m, PAIR_RESTRICT, firm, m[event], 1) != 0:
                return R_TABLE_FULL
        m[event + E_RESTRICTED] = 1
    elif known:
        pair_delete(m, PAIR_RESTRICT, firm, m[event])
    return OK


@leaf
def do_reference(m, rows, c):
    inst = instrument_at(m, rows[c + d.DN_INSTRUMENT])
    if inst == 0:
        return R_UNKNOWN_INSTRUMENT
    m[inst + I_REFERENCE] = rows[c + d.DN_REFERENCE]
    if rows[c + d.DN_COLLAR] >= 0:
        m[inst + I_COLLAR] = rows[c + d.DN_COLLAR]
    return OK
