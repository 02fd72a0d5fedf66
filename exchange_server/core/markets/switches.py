"""Kill switches, freezes, restrictions, who is admitted, reference prices. `c` is the word offset of the row in `rows`; a refusal changes nothing."""

from protocol import codes as C
from protocol import freeze as F

from .. import layout as L
from ..emit import refuse
from ..kit.jit import leaf
from ..kit.pairs import PAIR_ACCESS_EVENT, PAIR_ACCESS_VENUE, PAIR_RESTRICT, pair_delete, pair_find, pair_put
from ..kit.pools import pool_base, pool_cap, pool_left
from ..kit.rows import account_at, event_at, firm_at, instrument_at, session_at, set_bar, venue_at
from ..layout import definitions as d
from ..orders.mass_cancel import SCOPE_ALL, SCOPE_LISTED, SCOPE_VENUE, start_mass, start_mass_all


@leaf
def do_kill(m, rows, c):
    """Set or release a kill switch (KILL_*), and on request cancel the orders it covers. R_BAD_COMMAND, R_UNKNOWN_ACCOUNT."""
    level = rows[c + d.DK_LEVEL]
    target = rows[c + d.DK_TARGET]
    on = 1 if rows[c + d.DK_ON] != 0 else 0
    cancel = on != 0 and rows[c + d.DK_CANCEL] != 0
    if level == C.KILL_PLATFORM:
        set_bar(m, L.H_BARS, L.BAR_KILLED, on)
        if cancel:
            start_mass_all(m, SCOPE_ALL, 0, C.R_KILL_SWITCH)
        return C.OK
    if level == C.KILL_VENUE:
        p = venue_at(m, target)
        if p == 0:
            return refuse(m, C.R_BAD_COMMAND, level, 0, target)
        set_bar(m, p + L.V_BARS, L.BAR_KILLED, on)
        if cancel:
            start_mass_all(m, SCOPE_VENUE, target, C.R_KILL_SWITCH)
        return C.OK
    if level == C.KILL_FIRM:
        p = firm_at(m, target)
        if p == 0:
            return refuse(m, C.R_BAD_COMMAND, level, 0, target)
        set_bar(m, p + L.F_BARS, L.BAR_KILLED, on)
        if cancel:
            start_mass(m, p, 0, C.SCOPE_FIRM, target, 0, -1, C.R_KILL_SWITCH, C.EF_UNSOLICITED)
        return C.OK
    if level == C.KILL_ACCOUNT:
        p = account_at(m, target)
        if p == 0:
            return refuse(m, C.R_UNKNOWN_ACCOUNT, 0, 0, target)
        set_bar(m, p + L.AC_BARS, L.BAR_KILLED, on)
        if cancel and m[p + L.AC_ORDERS] != 0:
            start_mass(m, 0, p, C.SCOPE_ACCOUNT, target, 0, -1, C.R_KILL_SWITCH, C.EF_UNSOLICITED)
        return C.OK
    if level == C.KILL_SESSION:
        p = session_at(m, target)
        if p == 0:
            return refuse(m, C.R_BAD_COMMAND, level, 0, target)
        set_bar(m, p + L.S_BARS, L.BAR_KILLED, on)
        if cancel:
            start_mass(m, firm_at(m, m[p + L.S_FIRM]), 0, C.SCOPE_SESSION, target, 0, -1, C.R_KILL_SWITCH, C.EF_UNSOLICITED)
        return C.OK
    return refuse(m, C.R_BAD_COMMAND, C.KILL_SESSION, 0, level)


@leaf
def do_restrict(m, rows, c):
    """Set or remove a firm's conflict of interest in an event. R_UNKNOWN_EVENT, R_BAD_COMMAND (unknown firm), R_TABLE_FULL."""
    event = event_at(m, rows[c + d.DR_EVENT])
    firm = rows[c + d.DR_FIRM]
    if event == 0:
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DR_EVENT])
    if firm_at(m, firm) == 0:
        return refuse(m, C.R_BAD_COMMAND, 0, 0, firm)
    known = pair_find(m, PAIR_RESTRICT, firm, m[event]) != 0
    if rows[c + d.DR_ON] != 0:
        if not known:
            if pair_put(m, PAIR_RESTRICT, firm, m[event], 1) != 0:
                return refuse(m, C.R_TABLE_FULL, pool_cap(m, L.P_PAIR_HASH), pool_cap(m, L.P_PAIR_HASH) - pool_left(m, L.P_PAIR_HASH), 1)
        m[event + L.E_RESTRICTED] = 1
    elif known:
        pair_delete(m, PAIR_RESTRICT, firm, m[event])
    return C.OK


@leaf
def do_freeze(m, rows, c):
    """Freeze a venue at a level of freeze.NAMES, or end its freeze. The orders that it brought to other venues' markets are cancelled
    (R_VENUE_FREEZE); what rests in its own markets stays. R_BAD_COMMAND."""
    v = venue_at(m, rows[c + d.DZ_VENUE])
    level = rows[c + d.DZ_LEVEL]
    if v == 0:
        return refuse(m, C.R_BAD_COMMAND, 0, 0, rows[c + d.DZ_VENUE])
    if level < F.NONE or level > F.NOTHING:
        return refuse(m, C.R_BAD_COMMAND, F.NOTHING, 0, level)
    m[v + L.V_FREEZE] = level
    set_bar(m, v + L.V_BARS, L.BAR_FROZEN, level)
    any_frozen = 0
    for i in range(1, pool_cap(m, L.P_VENUE)):
        any_frozen |= m[pool_base(m, L.P_VENUE) + i * L.VENUE_WORDS + L.V_FREEZE]
    set_bar(m, L.H_BARS, L.BAR_FROZEN, any_frozen)
    if level != F.NONE:
        start_mass_all(m, SCOPE_LISTED, m[v], C.R_VENUE_FREEZE)
    return C.OK


@leaf
def do_access(m, rows, c):
    """Say how a venue or an event admits firms (ACCESS_*), or what holds for one firm. R_BAD_COMMAND, R_UNKNOWN_EVENT, R_TABLE_FULL."""
    about = rows[c + d.DG_ABOUT]
    target = rows[c + d.DG_TARGET]
    firm = rows[c + d.DG_FIRM]
    value = rows[c + d.DG_VALUE]
    if about != C.ACCESS_VENUE and about != C.ACCESS_EVENT:
        return refuse(m, C.R_BAD_COMMAND, C.ACCESS_EVENT, 0, about)
    row = venue_at(m, target) if about == C.ACCESS_VENUE else event_at(m, target)
    if row == 0:
        return refuse(m, C.R_UNKNOWN_EVENT if about == C.ACCESS_EVENT else C.R_BAD_COMMAND, 0, 0, target)
    if firm == 0:
        if value < L.ACCESS_ALL or value > L.ACCESS_ONLY:
            return refuse(m, C.R_BAD_COMMAND, L.ACCESS_ONLY, 0, value)
        if about == C.ACCESS_VENUE:
            m[row + L.V_ACCESS] = value
            set_bar(m, row + L.V_BARS, L.BAR_ACCESS, value)
        else:
            m[row + L.E_ACCESS] = value
        return C.OK
    if firm_at(m, firm) == 0 or value < L.ACCESS_ADMITTED:
        return refuse(m, C.R_BAD_COMMAND, 0, 0, firm)
    kind = PAIR_ACCESS_VENUE if about == C.ACCESS_VENUE else PAIR_ACCESS_EVENT
    pair_delete(m, kind, firm, target)
    if value != 0 and pair_put(m, kind, firm, target, value) != 0:
        return refuse(m, C.R_TABLE_FULL, pool_cap(m, L.P_PAIR_HASH), pool_cap(m, L.P_PAIR_HASH) - pool_left(m, L.P_PAIR_HASH), 1)
    return C.OK


@leaf
def do_reference(m, rows, c):
    """Set the reference price (YES ticks, 0: none) and, if >= 0, the collar (ticks) of an instrument. R_UNKNOWN_INSTRUMENT."""
    inst = instrument_at(m, rows[c + d.DN_INSTRUMENT])
    if inst == 0:
        return refuse(m, C.R_UNKNOWN_INSTRUMENT, 0, 0, rows[c + d.DN_INSTRUMENT])
    m[inst + L.I_REFERENCE] = rows[c + d.DN_REFERENCE]
    if rows[c + d.DN_COLLAR] >= 0:
        m[inst + L.I_COLLAR] = rows[c + d.DN_COLLAR]
    return C.OK
