"""Split and merge of complete sets in exactly-k events (domain.md section 3).
"""

from protocol.codes import (
    BUY,
    C_MERGE,
    C_SPLIT,
    E_MOVED,
    E_REFUSED,
    EXACTLY,
    OK,
    R_COLLATERAL,
    R_CONFLICT,
    R_MERGE_TOO_MANY,
    R_NOT_SPLITTABLE,
    R_QTY_NOT_POSITIVE,
    R_QTY_TOO_LARGE,
    R_UNKNOWN_EVENT,
    ST_NONE,
    ST_REJECTED,
)

from .answers import (
    put_refusal,
    request_account,
    request_event,
)
from .collateral import collateral_find, collateral_get, collateral_shift
from .jit import leaf
from .pools import (
    PAIR_RESTRICT,
    account_at,
    event_at,
    pair_find,
    session_at,
)
from .records import (
    AC_FIRM,
    B_CASH,
    B_LOCKED,
    CMD_INSTRUMENT,
    CMD_SESSION_ACCOUNT,
    CMD_SETS,
    CO_CASH,
    CO_COLUMNS,
    E_ASSET,
    E_FIRST,
    E_ID,
    E_K,
    E_N,
    E_PAYOUT,
    E_POOL,
    E_PRODUCT,
    E_RESTRICTED,
    E_SETS,
    E_TICK_VALUE,
    EVT_LAST_QTY,
    EVT_PRICE,
    EVT_QTY,
    EVT_SPARE,
    I_MAX_QTY,
    INSTRUMENT_WORDS,
)
from .risk import (
    check_account,
    check_kill,
    check_phase,
    check_position,
    refuse,
    refuse_positions,
)
from .visibility import entry_venue, sees_event


@leaf
def _check_sets(m, rows, c, s, account, asked, event, kind, sets):
    code = check_account(m, s, account, asked, 0)
    if code != OK:
        return code
    if not sees_event(m, s, event):
        return refuse(m, R_UNKNOWN_EVENT, 0, 0, rows[c + CMD_INSTRUMENT] >> 32)
    if m[event + E_PRODUCT] != EXACTLY:
        return refuse(m, R_NOT_SPLITTABLE, 0, 0, m[event + E_PRODUCT])
    inst = m[event + E_FIRST]
    code = check_phase(m, inst)
    if code == OK:
        code = check_kill(m, s, account, entry_venue(m, s, inst))
    if code != OK:
        return code
    if m[event + E_RESTRICTED] != 0 and kind == C_SPLIT and pair_find(m, PAIR_RESTRICT, m[account + AC_FIRM], m[event + E_ID]) != 0:
        return refuse(m, R_CONFLICT, 0, 0, m[event + E_ID])
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
    if code == OK and kind == C_SPLIT:
        for j in range(m[event + E_N]):
            if code == OK:
                inst = m[event + E_FIRST] + j * INSTRUMENT_WORDS
                code = check_position(m, inst, collateral_find(m, account, event), BUY, sets, 0)
    if code == OK:
        co = collateral_get(m, account, event)
        if co == 0:
            code = refuse_positions(m)
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
            code = refuse(m, R_COLLATERAL, before, locked, before - after)
    if code != OK:
        e = request_event(m, rows, c, ev, E_REFUSED, ST_REJECTED, code, 0, asked)
        put_refusal(m, ev, e)
        return
    e = request_event(m, rows, c, ev, E_MOVED, ST_NONE, OK, 0, asked)
    ev[e + EVT_PRICE] = -money
    ev[e + EVT_QTY] = m[m[co + CO_CASH] + B_CASH]
    ev[e + EVT_LAST_QTY] = sets if kind == C_SPLIT else -sets
    ev[e + EVT_SPARE] = m[event + E_ASSET]
