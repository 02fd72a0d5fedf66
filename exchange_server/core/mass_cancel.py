"""Mass cancel, by a client, on disconnect, or by a kill switch; it goes on where a full event buffer stopped it.
"""

from protocol.codes import (
    E_CANCELED,
    E_MASS_DONE,
    EF_UNSOLICITED,
    OK,
    R_BAD_SCOPE,
    R_DISCONNECT,
    R_MASS_CANCEL,
    R_UNKNOWN_EVENT,
    R_UNKNOWN_INSTRUMENT,
    SCOPE_ACCOUNT,
    SCOPE_EVENT,
    SCOPE_FIRM,
    SCOPE_INSTRUMENT,
    SCOPE_SESSION,
    ST_CANCELED,
    ST_NONE,
    ST_REJECTED,
)

from .answers import (
    put_refusal,
    request_account,
    request_event,
)
from .emit import room
from .jit import leaf
from .orders import (
    take_out,
)
from .pools import (
    account_at,
    event_at,
    firm_at,
    instrument_at,
    pool_base,
    session_at,
)
from .records import (
    AC_NEXT_IN_FIRM,
    AC_ORDERS,
    CMD_HEAD,
    CMD_INSTRUMENT,
    CMD_SCOPE,
    CMD_SESSION_ACCOUNT,
    E_ID,
    EVT_PRICE,
    EVT_QTY,
    F_ACCOUNTS,
    H_R0,
    H_RESUME,
    I_EVENT,
    I_ID,
    O_ACCT_NEXT,
    O_ATTR,
    O_ENTRY,
    O_INSTRUMENT,
    O_SESSION,
    P_FIRM,
    RES_MASS,
    S_FIRM,
)
from .risk import (
    check_account,
    check_session,
    refuse,
)
from .visibility import listing_for, sees_event

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
    c = m[H_R0 + 6]
    more = m[H_R0 + 1] != 0 or _next_mass_list(m)
    while more:
        while m[H_R0] != 0:
            o = m[H_R0]
            if _mass_matches(m, o):
                if not room(m, ev, 2):
                    return False
                m[H_R0] = m[o + O_ACCT_NEXT]
                flags = m[H_R0 + 8]
                if c >= 0 and m[o + O_SESSION] != rows[c + CMD_SESSION_ACCOUNT] >> 32:
                    flags |= EF_UNSOLICITED  # another session of the firm entered it and did not ask
                take_out(m, ev, o, E_CANCELED, ST_CANCELED, m[H_R0 + 7], flags)
                m[H_R0 + 5] += 1
            else:
                m[H_R0] = m[o + O_ACCT_NEXT]
        more = _next_mass_list(m)
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
    code = check_session(m, s)
    if code != OK:
        target = 0
    elif scope == SCOPE_ACCOUNT:
        code = check_account(m, s, account, asked, 0)
    elif scope == SCOPE_SESSION:
        target = m[s]
    elif scope == SCOPE_INSTRUMENT:
        target = rows[c + CMD_INSTRUMENT] >> 32
        if listing_for(m, s, instrument_at(m, target)) == 0:
            code = refuse(m, R_UNKNOWN_INSTRUMENT, 0, 0, target)
    elif scope == SCOPE_EVENT:
        target = rows[c + CMD_INSTRUMENT] >> 32
        if not sees_event(m, s, event_at(m, target)):
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
