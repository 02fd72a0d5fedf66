"""Mass cancel by a client, on disconnect, or by a kill switch. After a full event buffer it continues where it stopped."""

from protocol import codes as C

from .. import layout as L
from ..emit import refuse, room
from ..kit.expect import expect
from ..kit.jit import leaf, unlikely
from ..kit.pools import pool_base
from ..kit.rows import account_at, event_at, firm_at, instrument_at, session_at
from ..kit.work import begin_work, end_work, work_row
from ..layout.packed import account_of, instrument_of, session_of, side_of, venue_of
from ..life.life import take_out
from ..risk.access import STOPS_CANCELS, check_frozen, frozen_level
from ..risk.ladder import check_account, check_session
from ..risk.visibility import entry_venue, listing_for, sees_event
from .answers import put_refusal, request_account, request_event

SCOPE_VENUE = 6  # operators only: orders entered through a venue
SCOPE_ALL = 7  # operators only
SCOPE_LISTED = 8  # operators only: what a venue brought to markets of others


@leaf
def start_mass(m, firm, account, scope, target, side, command, reason, flags):
    """Start cancelling the matching orders of an account (pointer), or of all accounts of a firm (pointer) if account is 0. scope: SCOPE_*,
    target: the id for it, side: 0 for both, command: word offset of the request, -1 without. Returns the work row."""
    expect(m, account != 0 or firm != 0, L.INV_ROW)
    first = account if account != 0 else m[firm + L.F_ACCOUNTS]
    w = begin_work(m, L.WORK_MASS)
    m[w + L.WC_ORDER] = m[first + L.AC_ORDERS] if first != 0 else 0
    m[w + L.WC_ACCOUNT] = first
    m[w + L.WC_SCOPE] = scope
    m[w + L.WC_TARGET] = target
    m[w + L.WC_SIDE] = side
    m[w + L.WC_COUNT] = 0
    m[w + L.WC_COMMAND] = command
    m[w + L.WC_REASON] = reason
    m[w + L.WC_FLAGS] = flags
    m[w + L.WC_WHOLE_FIRM] = 1 if account == 0 else 0
    m[w + L.WC_FIRM] = 0
    return w


@leaf
def start_mass_all(m, scope, target, reason):
    """Start cancelling the matching orders of all firms, in order of id. Arguments as for start_mass."""
    w = start_mass(m, pool_base(m, L.P_FIRM), 0, scope, target, 0, -1, reason, C.EF_UNSOLICITED)
    m[w + L.WC_ACCOUNT] = 0
    m[w + L.WC_FIRM] = 1


@leaf
def _next_mass_list(m, w):
    """Continue with the orders of the next account. False if there is none."""
    account = m[w + L.WC_ACCOUNT]
    account = m[account + L.AC_NEXT_IN_FIRM] if account != 0 and m[w + L.WC_WHOLE_FIRM] != 0 else 0
    while account == 0 and m[w + L.WC_FIRM] != 0:
        firm = firm_at(m, m[w + L.WC_FIRM])
        if firm == 0:
            break
        m[w + L.WC_FIRM] += 1
        account = m[firm + L.F_ACCOUNTS]
    m[w + L.WC_ACCOUNT] = account
    if account != 0:
        m[w + L.WC_ORDER] = m[account + L.AC_ORDERS]
    return account != 0


@leaf
def _mass_matches(m, w, o):
    expect(m, m[o + L.O_LEAVES] > 0, L.INV_ORDER)
    scope = m[w + L.WC_SCOPE]
    target = m[w + L.WC_TARGET]
    side = m[w + L.WC_SIDE]
    if side != 0 and side_of(m[o + L.O_ATTR]) != side:
        return False
    if m[w + L.WC_COMMAND] >= 0 and frozen_level(m, m[o + L.O_INSTRUMENT], venue_of(m[o + L.O_ENTRY]))[0] >= STOPS_CANCELS:
        return False  # a client asked, and the order's venue is frozen
    if scope == C.SCOPE_SESSION:
        return m[o + L.O_SESSION] == target
    if scope == C.SCOPE_INSTRUMENT:
        return m[m[o + L.O_INSTRUMENT] + L.I_ID] == target
    if scope == C.SCOPE_EVENT:
        return m[m[m[o + L.O_INSTRUMENT] + L.I_EVENT] + L.E_ID] == target
    if scope == SCOPE_VENUE:
        return venue_of(m[o + L.O_ENTRY]) == target
    if scope == SCOPE_LISTED:
        return venue_of(m[o + L.O_ENTRY]) == target and m[m[o + L.O_INSTRUMENT] + L.I_OWNER_VENUE] != target
    return True


@unlikely
def go_on_mass(m, rows, ev):
    """Cancel the matching orders, then write E_MASS_DONE if a client asked. False: the event buffer is full, call again."""
    w = work_row(m)
    c = m[w + L.WC_COMMAND]
    more = m[w + L.WC_ACCOUNT] != 0 or _next_mass_list(m, w)
    while more:
        while m[w + L.WC_ORDER] != 0:
            o = m[w + L.WC_ORDER]
            if _mass_matches(m, w, o):
                if not room(m, 2):
                    return False
                m[w + L.WC_ORDER] = m[o + L.O_ACCT_NEXT]
                flags = m[w + L.WC_FLAGS]
                if c >= 0 and m[o + L.O_SESSION] != session_of(rows[c + L.CMD_SESSION_ACCOUNT]):
                    flags |= C.EF_UNSOLICITED  # entered by another session of the firm, not the one that asked
                take_out(m, ev, o, C.E_CANCELED, C.ST_CANCELED, m[w + L.WC_REASON], flags)
                m[w + L.WC_COUNT] += 1
            else:
                m[w + L.WC_ORDER] = m[o + L.O_ACCT_NEXT]
        more = _next_mass_list(m, w)
    if c >= 0:
        if not room(m, 2):
            return False
        account_id = account_of(rows[c + L.CMD_SESSION_ACCOUNT])
        e = request_event(m, rows, c, ev, C.E_MASS_DONE, C.ST_NONE, C.OK, 0, account_id)
        ev[e + L.EVT_MASS_SCOPE] = m[w + L.WC_SCOPE]
        ev[e + L.EVT_MASS_COUNT] = m[w + L.WC_COUNT]
    end_work(m)
    return True


@unlikely
def do_mass_cancel(m, rows, c, ev):
    """Start a client's mass cancel, or refuse it with E_MASS_DONE: R_UNKNOWN_INSTRUMENT, R_UNKNOWN_EVENT, R_BAD_SCOPE or the codes of
    check_session, check_account."""
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    scope = rows[c + L.CMD_SCOPE]
    side = side_of(rows[c + L.CMD_HEAD])
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
        target = instrument_of(rows[c + L.CMD_INSTRUMENT])
        inst = instrument_at(m, target)
        if listing_for(m, s, inst) == 0:
            code = refuse(m, C.R_UNKNOWN_INSTRUMENT, 0, 0, target)
        else:
            code = check_frozen(m, inst, entry_venue(m, s, inst), STOPS_CANCELS)
    elif scope == C.SCOPE_EVENT:
        target = instrument_of(rows[c + L.CMD_INSTRUMENT])
        event = event_at(m, target)
        if not sees_event(m, s, event):
            code = refuse(m, C.R_UNKNOWN_EVENT, 0, 0, target)
        else:
            code = check_frozen(m, m[event + L.E_FIRST], entry_venue(m, s, m[event + L.E_FIRST]), STOPS_CANCELS)
    elif scope != C.SCOPE_FIRM:
        code = refuse(m, C.R_BAD_SCOPE, 0, 0, scope)
    if code != C.OK:
        e = request_event(m, rows, c, ev, C.E_MASS_DONE, C.ST_REJECTED, code, 0, account_of(rows[c + L.CMD_SESSION_ACCOUNT]))
        ev[e + L.EVT_MASS_SCOPE] = scope
        ev[e + L.EVT_MASS_COUNT] = 0
        put_refusal(m, ev, e)
        return
    whole = account if scope == C.SCOPE_ACCOUNT else 0
    start_mass(m, firm_at(m, m[s + L.S_FIRM]), whole, scope, target, side, c, C.R_MASS_CANCEL, 0)


@leaf
def cancel_for_session(m, s):
    """Start cancel on disconnect: all orders that the session (pointer) entered."""
    start_mass(m, firm_at(m, m[s + L.S_FIRM]), 0, C.SCOPE_SESSION, m[s], 0, -1, C.R_DISCONNECT, C.EF_UNSOLICITED)
