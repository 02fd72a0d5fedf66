"""Mass cancel, by a client, on disconnect, or by a kill switch; it goes on where a full event buffer stopped it."""

from protocol import codes as C

from .. import layout as L
from ..emit import refuse, room
from ..kit.expect import expect
from ..kit.jit import leaf
from ..kit.pools import pool_base
from ..kit.rows import account_at, event_at, firm_at, instrument_at, session_at
from ..life.life import take_out
from ..risk.ladder import check_account, check_session
from ..risk.visibility import listing_for, sees_event
from .answers import put_refusal, request_account, request_event

# Registers: R0 next order, R1 account whose list it is, R2 scope, R3 its target, R4 side, R5 count, R6 row of the command
# (-1: none asked), R7 reason, R8 flags, R9 whole firm (1) or this account only (0), R10 id of the firm at work when all firms are meant (else 0)
SCOPE_VENUE = 6  # operators only: what came through a venue
SCOPE_ALL = 7  # operators only


@leaf
def start_mass(m, firm, account, scope, target, side, command, reason, flags):
    """Cancel what matches among the orders of an account (pointer), or with account 0 of all accounts of a firm (pointer)."""
    expect(m, account != 0 or firm != 0, L.INV_ROW)
    first = account if account != 0 else m[firm + L.F_ACCOUNTS]
    m[L.H_RESUME] = L.RES_MASS
    m[L.H_R0] = m[first + L.AC_ORDERS] if first != 0 else 0
    m[L.H_R0 + 1] = first
    m[L.H_R0 + 2] = scope
    m[L.H_R0 + 3] = target
    m[L.H_R0 + 4] = side
    m[L.H_R0 + 5] = 0
    m[L.H_R0 + 6] = command
    m[L.H_R0 + 7] = reason
    m[L.H_R0 + 8] = flags
    m[L.H_R0 + 9] = 1 if account == 0 else 0
    m[L.H_R0 + 10] = 0


@leaf
def start_mass_all(m, scope, target, reason):
    """Cancel what matches among the orders of all firms, in order of id."""
    start_mass(m, pool_base(m, L.P_FIRM), 0, scope, target, 0, -1, reason, C.EF_UNSOLICITED)
    m[L.H_R0 + 1] = 0
    m[L.H_R0 + 10] = 1


@leaf
def _next_mass_list(m):
    """Move R0 and R1 to the next account's orders; False when there is none."""
    account = m[L.H_R0 + 1]
    account = m[account + L.AC_NEXT_IN_FIRM] if account != 0 and m[L.H_R0 + 9] != 0 else 0
    while account == 0 and m[L.H_R0 + 10] != 0:
        firm = firm_at(m, m[L.H_R0 + 10])
        if firm == 0:
            break
        m[L.H_R0 + 10] += 1
        account = m[firm + L.F_ACCOUNTS]
    m[L.H_R0 + 1] = account
    if account != 0:
        m[L.H_R0] = m[account + L.AC_ORDERS]
    return account != 0


@leaf
def _mass_matches(m, o):
    expect(m, m[o + L.O_LEAVES] > 0, L.INV_ORDER)
    scope = m[L.H_R0 + 2]
    target = m[L.H_R0 + 3]
    side = m[L.H_R0 + 4]
    if side != 0 and (m[o + L.O_ATTR] >> 4) & 15 != side:
        return False
    if scope == C.SCOPE_SESSION:
        return m[o + L.O_SESSION] == target
    if scope == C.SCOPE_INSTRUMENT:
        return m[m[o + L.O_INSTRUMENT] + L.I_ID] == target
    if scope == C.SCOPE_EVENT:
        return m[m[m[o + L.O_INSTRUMENT] + L.I_EVENT] + L.E_ID] == target
    if scope == SCOPE_VENUE:
        return m[o + L.O_ENTRY] >> 16 == target
    return True


@leaf
def go_on_mass(m, rows, ev):
    c = m[L.H_R0 + 6]
    more = m[L.H_R0 + 1] != 0 or _next_mass_list(m)
    while more:
        while m[L.H_R0] != 0:
            o = m[L.H_R0]
            if _mass_matches(m, o):
                if not room(m, 2):
                    return False
                m[L.H_R0] = m[o + L.O_ACCT_NEXT]
                flags = m[L.H_R0 + 8]
                if c >= 0 and m[o + L.O_SESSION] != rows[c + L.CMD_SESSION_ACCOUNT] >> 32:
                    flags |= C.EF_UNSOLICITED  # another session of the firm entered it and did not ask
                take_out(m, ev, o, C.E_CANCELED, C.ST_CANCELED, m[L.H_R0 + 7], flags)
                m[L.H_R0 + 5] += 1
            else:
                m[L.H_R0] = m[o + L.O_ACCT_NEXT]
        more = _next_mass_list(m)
    if c >= 0:
        if not room(m, 2):
            return False
        account_id = rows[c + L.CMD_SESSION_ACCOUNT] & 0xFFFFFFFF
        e = request_event(m, rows, c, ev, C.E_MASS_DONE, C.ST_NONE, C.OK, 0, account_id)
        ev[e + L.EVT_PRICE] = m[L.H_R0 + 2]
        ev[e + L.EVT_QTY] = m[L.H_R0 + 5]
    m[L.H_RESUME] = 0
    return True


@leaf
def do_mass_cancel(m, rows, c, ev):
    s = session_at(m, rows[c + L.CMD_SESSION_ACCOUNT] >> 32)
    scope = rows[c + L.CMD_SCOPE]
    side = (rows[c + L.CMD_HEAD] >> 16) & 15
    asked = request_account(m, rows, c, s)
    account = account_at(m, asked)
    target = 0
    code = check_session(m, s)
    if code != C.OK:
        target = 0
    elif scope == C.SCOPE_ACCOUNT:
        code = check_account(m, s, account, asked, 0)
    elif scope == C.SCOPE_SESSION:
        target = m[s]
    elif scope == C.SCOPE_INSTRUMENT:
        target = rows[c + L.CMD_INSTRUMENT] >> 32
        if listing_for(m, s, instrument_at(m, target)) == 0:
            code = refuse(m, C.R_UNKNOWN_INSTRUMENT, 0, 0, target)
    elif scope == C.SCOPE_EVENT:
        target = rows[c + L.CMD_INSTRUMENT] >> 32
        if not sees_event(m, s, event_at(m, target)):
            code = refuse(m, C.R_UNKNOWN_EVENT, 0, 0, target)
    elif scope != C.SCOPE_FIRM:
        code = refuse(m, C.R_BAD_SCOPE, 0, 0, scope)
    if code != C.OK:
        e = request_event(m, rows, c, ev, C.E_MASS_DONE, C.ST_REJECTED, code, 0, rows[c + L.CMD_SESSION_ACCOUNT] & 0xFFFFFFFF)
        ev[e + L.EVT_PRICE] = scope
        ev[e + L.EVT_QTY] = 0
        put_refusal(m, ev, e)
        return
    whole = account if scope == C.SCOPE_ACCOUNT else 0
    start_mass(m, firm_at(m, m[s + L.S_FIRM]), whole, scope, target, side, c, C.R_MASS_CANCEL, 0)


@leaf
def cancel_for_session(m, s):
    """Cancel on disconnect."""
    start_mass(m, firm_at(m, m[s + L.S_FIRM]), 0, C.SCOPE_SESSION, m[s], 0, -1, C.R_DISCONNECT, C.EF_UNSOLICITED)
