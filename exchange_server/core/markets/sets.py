"""Split and merge of complete sets in exactly-k events (domain.md section 3)."""

from protocol import codes as C

from .. import layout as L
from ..emit import refuse
from ..kit.jit import leaf
from ..kit.pairs import PAIR_RESTRICT, pair_find
from ..kit.rows import account_at, event_at, session_at
from ..layout.packed import instrument_of, session_of
from ..money.collateral import collateral_find, collateral_shift
from ..orders.answers import put_refusal, request_account, request_event
from ..risk.ladder import check_account, check_kill, check_phase, first_position
from ..risk.limits import check_position
from ..risk.visibility import entry_venue, sees_event


@leaf
def _check_sets(m, rows, c, s, account, asked, event, kind, sets):
    code = check_account(m, s, account, asked, 0)
    if code != C.OK:
        return code
    if not sees_event(m, s, event):
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, instrument_of(rows[c + L.CMD_INSTRUMENT]))
    if m[event + L.E_PRODUCT] != C.EXACTLY:
        return refuse(m, C.R_NOT_SPLITTABLE, 0, 0, m[event + L.E_PRODUCT])
    inst = m[event + L.E_FIRST]
    code = check_phase(m, inst)
    if code == C.OK:
        code = check_kill(m, s, account, entry_venue(m, s, inst))
    if code != C.OK:
        return code
    if m[event + L.E_RESTRICTED] != 0 and kind == C.C_SPLIT and pair_find(m, PAIR_RESTRICT, m[account + L.AC_FIRM], m[event + L.E_ID]) != 0:
        return refuse(m, C.R_CONFLICT, 0, 0, m[event + L.E_ID])
    if sets <= 0:
        return refuse(m, C.R_QTY_NOT_POSITIVE, 1, 0, sets)
    if sets > m[inst + L.I_MAX_QTY]:
        return refuse(m, C.R_QTY_TOO_LARGE, m[inst + L.I_MAX_QTY], 0, sets)
    return C.OK


@leaf
def _move_sets(m, co, event, sets):
    """Pay for sets (negative: get paid) and move every contract's position; pool and count follow."""
    n = m[event + L.E_N]
    money = m[event + L.E_K] * m[event + L.E_PAYOUT] * m[event + L.E_TICK_VALUE] * sets
    m[m[co + L.CO_CASH] + L.B_CASH] -= money
    m[event + L.E_POOL] += money
    m[event + L.E_SETS] += sets
    for j in range(n):
        collateral_shift(m, co, j, sets, 0, 0)
    return money


@leaf
def do_sets(m, rows, c, ev, kind):
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    sets = rows[c + L.CMD_SETS]
    event = event_at(m, instrument_of(rows[c + L.CMD_INSTRUMENT]))
    asked = request_account(m, rows, c, s)
    account = account_at(m, asked)
    code = _check_sets(m, rows, c, s, account, asked, event, kind, sets)
    co = 0
    money = 0
    if code == C.OK and kind == C.C_SPLIT:
        for j in range(m[event + L.E_N]):
            if code == C.OK:
                inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
                code = check_position(m, inst, collateral_find(m, account, event), C.BUY, sets, 0)
    if code == C.OK:
        co = collateral_find(m, account, event)
        if co == 0:
            code, co = first_position(m, account, event)
    if code == C.OK and kind == C.C_MERGE:
        n = m[event + L.E_N]
        least = m[co + L.CO_COLUMNS]
        for j in range(1, n):
            least = min(least, m[co + L.CO_COLUMNS + j])
        if least < sets:
            code = refuse(m, C.R_MERGE_TOO_MANY, max(least, 0), 0, sets)
    if code == C.OK:
        cash = m[co + L.CO_CASH]
        before = m[cash + L.B_CASH] - m[cash + L.B_LOCKED]
        locked = m[cash + L.B_LOCKED]
        money = _move_sets(m, co, event, sets if kind == C.C_SPLIT else -sets)
        after = m[cash + L.B_CASH] - m[cash + L.B_LOCKED]
        if after < 0 and after < before:
            _move_sets(m, co, event, -sets if kind == C.C_SPLIT else sets)
            code = refuse(m, C.R_COLLATERAL, before, locked, before - after)
    if code != C.OK:
        e = request_event(m, rows, c, ev, C.E_REFUSED, C.ST_REJECTED, code, 0, asked)
        put_refusal(m, ev, e)
        return
    e = request_event(m, rows, c, ev, C.E_MOVED, C.ST_NONE, C.OK, 0, asked)
    ev[e + L.EVT_MOVED_AMOUNT] = -money
    ev[e + L.EVT_MOVED_BALANCE] = m[m[co + L.CO_CASH] + L.B_CASH]
    ev[e + L.EVT_MOVED_SETS] = sets if kind == C.C_SPLIT else -sets
    ev[e + L.EVT_MOVED_ASSET] = m[event + L.E_ASSET]
