"""Split and merge of complete sets in exactly-k events (domain.md section 3)."""

from protocol import codes as C

from .. import layout as L
from ..emit import refuse
from ..kit.jit import leaf, unlikely
from ..kit.pairs import PAIR_RESTRICT, pair_find
from ..kit.rows import account_at, event_at, session_at, venue_row
from ..layout.packed import instrument_of, session_of
from ..money.collateral import buying_power, collateral_find, collateral_shift, is_paid_ahead
from ..money.ledger import post
from ..money.products import has_sets, sets_worth
from ..orders.answers import put_refusal, request_account, request_event
from ..risk.access import STOPS_ORDERS, check_access, check_frozen, restricts
from ..risk.budget import check_split_budget
from ..risk.ladder import MERGE_PHASES, SPLIT_PHASES, check_account, check_closed, check_kill, check_phase, first_position
from ..risk.limits import check_position
from ..risk.visibility import entry_venue, sees_event


@leaf
def _open_contract(m, event):
    """The first contract (pointer) of an event that is not ahead of it: there always is one."""
    inst = m[event + L.E_FIRST]
    while m[inst + L.I_AHEAD] != 0:
        inst += L.INSTRUMENT_WORDS
    return inst


@leaf
def _check_sets(m, rows, c, s, account, asked, event, kind, sets):
    code = check_account(m, s, account, asked, 0)
    if code == C.OK:
        code = check_closed(m, s, account)
    if code != C.OK:
        return code
    if not sees_event(m, s, event):
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, instrument_of(rows[c + L.CMD_INSTRUMENT]))
    if not has_sets(m, event):
        return refuse(m, C.R_NOT_SPLITTABLE, 0, 0, m[event + L.E_PRODUCT])
    inst = _open_contract(m, event)
    code = check_phase(m, inst, SPLIT_PHASES if kind == C.C_SPLIT else MERGE_PHASES)
    venue = entry_venue(m, s, inst)
    if code == C.OK:
        code = check_frozen(m, inst, venue, STOPS_ORDERS)
    if code == C.OK:
        code = check_kill(m, s, account, venue)
    if code != C.OK:
        return code
    if m[event + L.E_RESTRICTED] != 0 and kind == C.C_SPLIT and pair_find(m, PAIR_RESTRICT, m[account + L.AC_FIRM], m[event + L.E_ID]) != 0:
        return refuse(m, C.R_CONFLICT, 0, 0, m[event + L.E_ID])
    if kind == C.C_SPLIT and restricts(m, event, venue_row(m, venue)):
        code = check_access(m, event, venue_row(m, venue), account)
        if code != C.OK:
            return code
    if sets <= 0:
        return refuse(m, C.R_QTY_NOT_POSITIVE, 1, 0, sets)
    if sets > m[inst + L.I_MAX_QTY]:
        return refuse(m, C.R_QTY_TOO_LARGE, m[inst + L.I_MAX_QTY], 0, sets)
    return C.OK


@leaf
def _move_sets(m, co, event, sets):
    """Change the account's position in every contract that is not paid yet, and the event's number of sets, by `sets` (may be negative)."""
    m[event + L.E_SETS] += sets
    for j in range(m[event + L.E_N]):
        if not is_paid_ahead(m, event, j):
            collateral_shift(m, co, j, sets, 0, 0)


@unlikely
def do_sets(m, rows, c, ev, kind):
    """Split (C_SPLIT) or merge (C_MERGE) complete sets: E_MOVED with the amount in minor units, or E_REFUSED with the first code that
    applies."""
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    sets = rows[c + L.CMD_SETS]
    signed = sets if kind == C.C_SPLIT else -sets
    event = event_at(m, instrument_of(rows[c + L.CMD_INSTRUMENT]))
    asked = request_account(m, rows, c, s)
    account = account_at(m, asked)
    code = _check_sets(m, rows, c, s, account, asked, event, kind, sets)
    co = 0
    money = 0
    if code == C.OK and kind == C.C_SPLIT:
        for j in range(m[event + L.E_N]):
            if code == C.OK and not is_paid_ahead(m, event, j):
                inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
                code = check_position(m, inst, collateral_find(m, account, event), C.BUY, sets, 0)
    if code == C.OK:
        co = collateral_find(m, account, event)
        if co == 0:
            code, co = first_position(m, account, event)
    if code == C.OK and kind == C.C_MERGE:
        least = sets
        for j in range(m[event + L.E_N]):
            if not is_paid_ahead(m, event, j):
                least = min(least, m[co + L.CO_COLUMNS + j])
        if least < sets:
            code = refuse(m, C.R_MERGE_TOO_MANY, max(least, 0), 0, sets)
    if code == C.OK:
        cash = m[co + L.CO_CASH]
        before = buying_power(m, cash)
        locked = m[cash + L.B_LOCKED]
        money = sets_worth(m, event, signed)
        _move_sets(m, co, event, signed)
        after = buying_power(m, cash) - money
        if kind == C.C_SPLIT and m[account + L.AC_BARS] & L.BAR_BUDGET != 0:
            code = check_split_budget(m, account, event, sets, money, before, after)
        if code == C.OK and after < 0 and after < before:
            code = refuse(m, C.R_COLLATERAL, before, locked, before - after)
        if code != C.OK:
            _move_sets(m, co, event, -signed)
        elif kind == C.C_SPLIT:
            post(m, cash, event, money, C.WHY_SPLIT)
        else:
            post(m, event, cash, -money, C.WHY_MERGE)
    if code != C.OK:
        e = request_event(m, rows, c, ev, C.E_REFUSED, C.ST_REJECTED, code, 0, asked)
        put_refusal(m, ev, e)
        return
    e = request_event(m, rows, c, ev, C.E_MOVED, C.ST_NONE, C.OK, 0, asked)
    ev[e + L.EVT_MOVED_AMOUNT] = -money
    ev[e + L.EVT_MOVED_BALANCE] = m[m[co + L.CO_CASH] + L.B_CASH]
    ev[e + L.EVT_MOVED_SETS] = signed
    ev[e + L.EVT_MOVED_ASSET] = m[event + L.E_ASSET]
    ev[e + L.EVT_MOVED_WHY] = C.WHY_SPLIT if kind == C.C_SPLIT else C.WHY_MERGE
