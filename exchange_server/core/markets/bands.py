"""Another price grid for a live market: all contracts of the event get it, and the orders that no longer fit are cancelled and reported."""

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..book.levels import deepen, nodes_to_deepen
from ..emit import begin_event, refuse
from ..kit.jit import leaf
from ..kit.pools import pool_cap, pool_left
from ..kit.rows import event_at
from ..layout import definitions as d
from ..layout.packed import pack_event
from .phases import begin_sweep

CHANGE_PHASES = P.mask(P.CHANGE)


@leaf
def depth_for(price):
    """I_DEPTH_SHIFT of a book whose highest price is `price` (YES ticks)."""
    shift = 0
    while price >> (shift + 6) != 0:
        shift += 6
    return shift


@leaf
def do_bands(m, rows, c, ev):
    """Change the price grid of an event: E_BANDS, then the cancels. A book that is too shallow for the new prices gets new roots.
    R_UNKNOWN_EVENT, R_MARKET_CLOSED (its phase), R_BAD_DEFINITION (asked: the count), R_BANDS_TOO_HIGH (the nodes that it has and needs)."""
    event = event_at(m, rows[c + d.DB_EVENT])
    if event == 0 or m[event + L.E_FIRST] == 0:
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DB_EVENT])
    phase = m[event + L.E_PHASE_NOW]
    if (CHANGE_PHASES >> phase) & 1 == 0:
        return refuse(m, C.R_MARKET_CLOSED, 0, 0, phase)
    count = rows[c + d.DB_COUNT]
    if count < 1 or count > L.MAX_BANDS:
        return refuse(m, C.R_BAD_DEFINITION, L.MAX_BANDS, 0, count)
    low = rows[c + d.DB_BANDS]
    high = rows[c + d.DB_BANDS + 3 * count - 2]
    shift = depth_for(high)
    needed = 0
    for j in range(m[event + L.E_N]):
        needed += nodes_to_deepen(m, m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS, shift)
    if needed > pool_left(m, L.P_NODE):
        return refuse(m, C.R_BANDS_TOO_HIGH, pool_left(m, L.P_NODE), pool_cap(m, L.P_NODE), needed)
    for j in range(m[event + L.E_N]):
        inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        deepen(m, inst, shift)
        m[inst + L.I_BAND_COUNT] = count
        m[inst + L.I_PRICE_MIN] = low
        m[inst + L.I_PRICE_MAX] = high
        for i in range(3 * L.MAX_BANDS):
            m[inst + L.I_BANDS + i] = rows[c + d.DB_BANDS + i]
    e = begin_event(m, ev, pack_event(C.E_BANDS, 1, 0, 0, 0, 0), 0, 0, False)
    ev[e + L.EVT_BANDS_EVENT] = m[event]
    ev[e + L.EVT_BANDS_COUNT] = count
    for i in range(3 * L.MAX_BANDS):
        ev[e + L.EVT_WORDS + i] = rows[c + d.DB_BANDS + i]
    begin_sweep(m, event, 0, m[event + L.E_N], L.RULE_OFF_GRID, C.R_OFF_NEW_GRID)
    return C.OK
