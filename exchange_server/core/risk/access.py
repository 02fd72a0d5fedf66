"""Who may trade where: freezes, isolated accounts, access rules and quotas of a venue. Each check costs one bit where nothing is set.

Pointers: `v` venue, `inst` instrument, `account` account. Each check returns C.OK or the reason, with limit, used and asked in the header.
"""

import numpy as np

from protocol import codes as C
from protocol import freeze as F

from .. import layout as L
from ..emit import refuse
from ..kit.jit import leaf
from ..kit.pairs import PAIR_ACCESS_EVENT, PAIR_ACCESS_VENUE, pair_find
from ..kit.rows import account_at, firm_at, venue_at
from ..money.collateral import collateral_find

FREEZE_REFUSALS = np.array(F.REFUSALS, np.int64)
STOPS_ORDERS, STOPS_CANCELS = F.STOPS[F.ORDER], F.STOPS[F.CANCEL]
RULES = L.BAR_ISOLATED | L.BAR_ACCESS


# ---- freeze ---------------------------------------------------------------------------------------------------------


@leaf
def frozen_level(m, inst, venue):
    """(level, venue id): the freeze that holds for an order in this instrument through this venue (id): the stricter one of the venue's and
    the owner's. (0, 0): none."""
    if m[L.H_BARS] & L.BAR_FROZEN == 0:
        return 0, 0
    owner = m[inst + L.I_OWNER_VENUE]
    level = m[venue_at(m, owner) + L.V_FREEZE]
    v = venue_at(m, venue)
    if v != 0 and m[v + L.V_FREEZE] > level:
        return m[v + L.V_FREEZE], venue
    return level, owner


@leaf
def check_frozen(m, inst, venue, stops):
    """`stops`: the lowest level of a freeze that stops the request. R_VENUE_CANCEL_ONLY, R_VENUE_SETTLE_ONLY, R_VENUE_FROZEN, asked: the
    venue."""
    if m[L.H_BARS] & L.BAR_FROZEN == 0:
        return C.OK
    level, frozen = frozen_level(m, inst, venue)
    if level < stops:
        return C.OK
    return refuse(m, FREEZE_REFUSALS[level], 0, 0, frozen)


# ---- isolated accounts and access rules -------------------------------------------------------------------------------


@leaf
def exclusion(m, firm, mode, kind, target):
    """What keeps a firm (id) out of a venue or an event (id) whose mode is ACCESS_*: 0 nothing, n > 0 rule n, -1 that no rule admits it."""
    if mode == L.ACCESS_ALL:
        return 0
    value = pair_find(m, kind, firm, target)
    if value == L.ACCESS_ADMITTED:
        return 0
    return value if value != 0 or mode == L.ACCESS_EXCEPT else -1


@leaf
def restricts(m, event, v):
    """Whether isolated accounts or access rules could stand in an order's way."""
    return m[event + L.E_ACCESS] != L.ACCESS_ALL or m[v + L.V_BARS] & RULES != 0


@leaf
def check_access(m, event, v, account):
    """Whether the account may enter the venue and the event: R_ACCOUNT_NOT_ISOLATED, R_ACCESS_DENIED (limit: the number of the rule),
    R_NOT_ADMITTED; the venue's rules first. asked: the account, venue or event."""
    bars = m[v + L.V_BARS]
    if bars & L.BAR_ISOLATED != 0 and m[account + L.AC_VENUE] != m[v + L.V_ID]:
        return refuse(m, C.R_ACCOUNT_NOT_ISOLATED, m[v + L.V_ID], 0, m[account])
    firm = m[account + L.AC_FIRM]
    target = m[v + L.V_ID]
    why = exclusion(m, firm, m[v + L.V_ACCESS], PAIR_ACCESS_VENUE, target) if bars & L.BAR_ACCESS != 0 else 0
    if why == 0:
        target = m[event + L.E_ID]
        why = exclusion(m, firm, m[event + L.E_ACCESS], PAIR_ACCESS_EVENT, target)
    if why == 0:
        return C.OK
    if why < 0:
        return refuse(m, C.R_NOT_ADMITTED, 0, 0, target)
    return refuse(m, C.R_ACCESS_DENIED, why, 0, target)


@leaf
def admits(m, firm, event, venue):
    """Whether a firm (id) sees an event through a venue (id): it is admitted, or has traded there and may still reduce."""
    v = venue_at(m, venue)
    listed = m[v + L.V_ACCESS] if v != 0 else L.ACCESS_ALL
    if listed == L.ACCESS_ALL and m[event + L.E_ACCESS] == L.ACCESS_ALL:
        return True
    why = exclusion(m, firm, listed, PAIR_ACCESS_VENUE, venue)
    if why == 0 and exclusion(m, firm, m[event + L.E_ACCESS], PAIR_ACCESS_EVENT, m[event + L.E_ID]) == 0:
        return True
    account = m[firm_at(m, firm) + L.F_ACCOUNTS]
    while account != 0:
        if collateral_find(m, account_at(m, m[account]), event) != 0:
            return True
        account = m[account + L.AC_NEXT_IN_FIRM]
    return False


# ---- quotas -----------------------------------------------------------------------------------------------------------


@leaf
def check_open_quota(m, v):
    """Room in the venue's quota for one more open order: R_QUOTA_ORDERS."""
    if m[v + L.V_BARS] & L.BAR_ORDERS != 0 and m[v + L.V_OPEN] >= m[v + L.V_MAX_OPEN]:
        return refuse(m, C.R_QUOTA_ORDERS, m[v + L.V_MAX_OPEN], m[v + L.V_OPEN], 1)
    return C.OK
