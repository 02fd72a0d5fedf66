"""A market that is over for good: it takes no command any more, and its collateral rows are freed, some in each turn, if it has ended."""

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..emit import refuse
from ..kit.expect import expect
from ..kit.jit import leaf, unlikely
from ..kit.pairs import PAIR_COLLATERAL, pair_delete
from ..kit.pools import pool_base
from ..kit.rows import event_at, firm_row
from ..layout import definitions as d
from ..money.collateral import collateral_words
from .slices import put_last

FREED_A_TURN = 256  # rows
RESTING_PHASES = P.mask(P.REST)  # orders might still come


@leaf
def _in_use(m, event):
    """How many things keep an event (pointer) from being removed: open orders, sets, positions, what corrections and busts left."""
    count = m[event + L.E_OPEN_ORDERS] + m[event + L.E_SETS]
    for j in range(m[event + L.E_N]):
        count += m[m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS + L.I_OPEN_INTEREST]
    for word in (L.E_OWED, L.E_BLOCKED, L.E_FROM_BOND, L.E_FROM_PLATFORM):
        count += 1 if m[event + word] != 0 else 0
    return count


@leaf
def do_remove(m, rows, c):
    """Remove an event. R_UNKNOWN_EVENT, R_NOT_EMPTY (asked: how much is in use)."""
    event = event_at(m, rows[c + d.DX_EVENT])
    if event == 0:
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DX_EVENT])
    used = _in_use(m, event)
    if used != 0:
        return refuse(m, C.R_NOT_EMPTY, 0, 0, used)
    m[event + L.E_REMOVED] = 1
    if m[event + L.E_COLL_HEAD] != 0 and (RESTING_PHASES >> m[event + L.E_PHASE_NOW]) & 1 == 0:
        put_last(m, L.H_REMOVED, L.H_REMOVED_LAST, L.E_REMOVED_NEXT, event)
    return C.OK


@unlikely
def free_removed(m):
    """Free the collateral rows of removed events, at most FREED_A_TURN, first those of the one that was removed first."""
    for _ in range(FREED_A_TURN):
        event = m[L.H_REMOVED]
        if event == 0:
            return
        co = m[event + L.E_COLL_HEAD]
        m[event + L.E_COLL_HEAD] = m[co + L.CO_NEXT_IN_EVENT]
        if m[co + L.CO_NEXT_IN_EVENT] == 0:
            m[event + L.E_COLL_TAIL] = 0
            m[L.H_REMOVED] = m[event + L.E_REMOVED_NEXT]
        expect(m, m[co + L.CO_REQUIRED] == 0 and m[co + L.CO_HELD_BASE] == 0, L.INV_COLLATERAL)
        expect(m, m[co + L.CO_OWED] == 0 and m[co + L.CO_BLOCKED] == 0, L.INV_COLLATERAL)
        account = m[co + L.CO_ACCOUNT]
        words = collateral_words(m, event)
        pair_delete(m, PAIR_COLLATERAL, m[account + L.AC_ID], m[event + L.E_ID])
        m[firm_row(m, m[account + L.AC_FIRM]) + L.F_POSITIONS] -= words
        m[L.H_POOLS + L.P_COLLATERAL * L.POOL_WORDS + L.PL_USED] -= words
        for i in range(1, words):
            m[co + i] = 0
        spare = pool_base(m, L.P_SPARE) + m[event + L.E_ROOM]
        m[co] = m[spare]
        m[spare] = co
