"""One more outcome of a live event: added to an at-most group, or split out of another outcome (Other, Field) of an exactly-1 group.

Before a split the other outcome was "New or what is left": exactly one of the two pays when it would have paid. So whoever holds q of it, long or
short, gets q of the new one at no cash: each state of the world pays what it paid before, the least v_j of every account stays what it was,
and so do its requirement, the pool and the sets. With two or more winners this would not hold (both could win), so such groups have no room.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import begin_event, refuse, room
from ..kit.expect import expect
from ..kit.jit import leaf
from ..kit.rows import event_at, instrument_at
from ..kit.work import begin_work, end_work, work_row
from ..layout import definitions as d
from ..layout.packed import pack_event, pack_instrument
from ..money.collateral import collateral_shift
from ..money.products import takes_outcome
from .bands import CHANGE_PHASES
from .phases import begin_sweep
from .slices import reported_session


@leaf
def do_add_contract(m, rows, c, ev):
    """The two rows of a new outcome (core/layout/definitions.py). R_UNKNOWN_EVENT, R_MARKET_CLOSED (its phase), R_NO_SPARE_CONTRACT,
    R_OUTCOME_FIXED (the product), R_OUTCOME_UNKNOWN, R_BAD_DEFINITION (the second without the first)."""
    event = event_at(m, rows[c + d.DW_EVENT])
    source = rows[c + d.DW_FROM]
    if event == 0 or m[event + L.E_FIRST] == 0:
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DW_EVENT])
    n = m[event + L.E_N]
    if rows[c + d.DW_DONE] != 0:
        inst = m[event + L.E_FIRST] + n * L.INSTRUMENT_WORDS
        if m[event + L.E_ADDING] == 0 or m[inst + L.I_EVENT] != event:
            return refuse(m, C.R_BAD_DEFINITION, 0, 0, d.DW_DONE)
        _join(m, ev, event, inst, source)
        return C.OK
    phase = m[event + L.E_PHASE_NOW]
    if (CHANGE_PHASES >> phase) & 1 == 0:
        return refuse(m, C.R_MARKET_CLOSED, 0, 0, phase)
    if not takes_outcome(m, event, source != 0):
        return refuse(m, C.R_OUTCOME_FIXED, 0, 0, source)
    if n >= m[event + L.E_ROOM]:
        return refuse(m, C.R_NO_SPARE_CONTRACT, m[event + L.E_ROOM], n, 1)
    if source != 0:
        inst = instrument_at(m, source)
        if inst == 0 or m[inst + L.I_EVENT] != event or m[inst + L.I_INDEX] >= n:
            return refuse(m, C.R_OUTCOME_UNKNOWN, 0, 0, source)
        if m[inst + L.I_AHEAD] != 0:
            return refuse(m, C.R_MARKET_CLOSED, 0, 0, m[inst + L.I_PHASE])
        j = m[inst + L.I_INDEX]
        begin_sweep(m, event, j, j + 1, L.RULE_ALL, C.R_OUTCOME_SPLIT)
    m[event + L.E_ADDING] = 1
    return C.OK


@leaf
def _join(m, ev, event, inst, source):
    """Make `inst` (pointer) the last contract of the event (pointer): E_CONTRACT, then the positions of those who hold `source` (id)."""
    m[event + L.E_ADDING] = 0
    m[event + L.E_N] += 1
    expect(m, m[event + L.E_N] <= m[event + L.E_ROOM], L.INV_ROW)
    e = begin_event(m, ev, pack_event(C.E_CONTRACT, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + L.EVT_INSTRUMENT] = pack_instrument(m[inst + L.I_ID], 0)
    ev[e + L.EVT_CONTRACT_EVENT] = m[event]
    ev[e + L.EVT_CONTRACT_FROM] = source
    if source != 0:
        w = begin_work(m, L.WORK_GRANT)
        m[w + L.WG_EVENT] = event
        m[w + L.WG_ROW] = m[event + L.E_COLL_HEAD]
        m[w + L.WG_FROM] = m[instrument_at(m, source) + L.I_INDEX]
        m[inst + L.I_SPLIT_FROM] = source
        m[inst + L.I_SPLIT_AT] = ev[e + L.EVT_NUMBER]


@leaf
def go_on_granting(m, ev):
    """Give each account in order of its first touch of the event its position in the newest contract. False: the event buffer is full, call
    again."""
    w = work_row(m)
    event = m[w + L.WG_EVENT]
    j = m[event + L.E_N] - 1
    inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
    source = m[event + L.E_FIRST] + m[w + L.WG_FROM] * L.INSTRUMENT_WORDS
    while m[w + L.WG_ROW] != 0:
        co = m[w + L.WG_ROW]
        q = m[co + L.CO_COLUMNS + m[w + L.WG_FROM]]
        if q != 0:
            if not room(m, 1):
                return False
            required = m[co + L.CO_REQUIRED]
            collateral_shift(m, co, j, q, 0, 0)
            if m[co + L.CO_REQUIRED] > required:
                m[L.H_ERROR] = L.INV_COLLATERAL
            account = m[co + L.CO_ACCOUNT]
            e = begin_event(m, ev, pack_event(C.E_CONTRACT, 0, 0, 0, 0, 0), reported_session(m, account), m[account + L.AC_ID], True)
            ev[e + L.EVT_INSTRUMENT] = pack_instrument(m[inst + L.I_ID], 0)
            ev[e + L.EVT_CONTRACT_EVENT] = m[event]
            ev[e + L.EVT_CONTRACT_FROM] = m[source + L.I_ID]
            ev[e + L.EVT_CONTRACT_POSITION] = q
        m[w + L.WG_ROW] = m[co + L.CO_NEXT_IN_EVENT]
    end_work(m)
    return True
