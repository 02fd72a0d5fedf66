"""Side rows: fields that only special orders have (so far the expiry) are in a separate row, to which O_SPECIAL points; 0 for a plain order.

An order has at most one side row. It is created for the first field that needs it and released with the order. The table has one row for
every order, so it cannot run out first. Orders with the same expiry share a timer and are in its list.
"""

from .. import layout as L
from ..kit.jit import leaf
from ..kit.pairs import PAIR_EXPIRY, pair_delete, pair_find, pair_put, pair_room
from ..kit.pools import pool_alloc, pool_release
from ..kit.rows import venue_at
from ..kit.timers import timer_start, timer_stop


@leaf
def make_special(m, o):
    """Create the side row of an order (pointer) that has none; returns its pointer."""
    sp = pool_alloc(m, L.P_SPECIAL)
    m[sp + L.SP_ORDER] = o
    m[sp + L.SP_EXPIRY] = 0
    m[sp + L.SP_TIMER] = 0
    m[o + L.O_SPECIAL] = sp
    return sp


@leaf
def drop_special(m, o):
    """Release the side row of an ending order, and leave its timer."""
    sp = m[o + L.O_SPECIAL]
    if sp == 0:
        return
    if m[sp + L.SP_TIMER] != 0:
        _leave_timer(m, sp)
    m[o + L.O_SPECIAL] = 0
    pool_release(m, L.P_SPECIAL, sp)


# ---- expiry -------------------------------------------------------------------------------------------------------


@leaf
def expiry_room(m):
    """Whether one more expiry fits. There is a timer for every open order; only the pair table is shared with others."""
    return pair_room(m) >= 1


@leaf
def set_expiry(m, sp, when):
    """Set the expiry (ns) of a side row (pointer). The caller has checked expiry_room."""
    t = pair_find(m, PAIR_EXPIRY, 0, when)
    if t == 0:
        t = timer_start(m, when, L.TIMER_EXPIRY, 0)
        pair_put(m, PAIR_EXPIRY, 0, when, t)
    tail = m[t + L.TM_TAIL]
    m[sp + L.SP_EXPIRY] = when
    m[sp + L.SP_TIMER] = t
    m[sp + L.SP_TIMER_PREV] = tail
    m[sp + L.SP_TIMER_NEXT] = 0
    if tail == 0:
        m[t + L.TM_HEAD] = sp
    else:
        m[tail + L.SP_TIMER_NEXT] = sp
    m[t + L.TM_TAIL] = sp
    m[t + L.TM_COUNT] += 1


@leaf
def _leave_timer(m, sp):
    t = m[sp + L.SP_TIMER]
    nxt = m[sp + L.SP_TIMER_NEXT]
    prv = m[sp + L.SP_TIMER_PREV]
    if prv == 0:
        m[t + L.TM_HEAD] = nxt
    else:
        m[prv + L.SP_TIMER_NEXT] = nxt
    if nxt == 0:
        m[t + L.TM_TAIL] = prv
    else:
        m[nxt + L.SP_TIMER_PREV] = prv
    m[sp + L.SP_TIMER] = 0
    m[t + L.TM_COUNT] -= 1
    if m[t + L.TM_COUNT] == 0:
        pair_delete(m, PAIR_EXPIRY, 0, m[t + L.TM_TIME])
        timer_stop(m, t)


DAY_NS = 86_400_000_000_000


@leaf
def next_cutoff(m, venue_id):
    """End (ns) of the venue's current trading day, 0 if it has none."""
    v = venue_at(m, venue_id)
    if v == 0:
        return 0
    period = m[v + L.V_CUTOFF_PERIOD] if m[v + L.V_CUTOFF_PERIOD] > 0 else DAY_NS
    return ((m[L.H_TIME] - m[v + L.V_CUTOFF]) // period + 1) * period + m[v + L.V_CUTOFF]
