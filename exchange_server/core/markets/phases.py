"""Phases of an event and its contracts (rules: protocol/phases.py), and cancelling orders that may no longer rest."""

import numpy as np

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..emit import begin_event, refuse, room
from ..kit.jit import leaf
from ..kit.rows import event_at
from ..kit.work import begin_work, end_work, work_row
from ..layout import definitions as d
from ..layout.packed import pack_event
from ..life.life import take_out

SET_MASKS = np.array(P.SET_MASKS, np.int64)
REST_PHASES = P.mask(P.REST)


@leaf
def set_event_phase(m, event, phase):
    """Set the phase of an event (pointer) and of all its contracts, without an event row."""
    m[event + L.E_PHASE_NOW] = phase
    for j in range(m[event + L.E_N]):
        m[m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS + L.I_PHASE] = phase


@leaf
def transition_allowed(old, new):
    """Whether an operator may change phase `old` to `new`. Determination and settlement have their own commands."""
    return 0 <= new < P.COUNT and (SET_MASKS[old] >> new) & 1 != 0


@leaf
def set_phase(m, ev, event, new):
    """Set the phase of an event (pointer) and of its contracts, and write E_PHASE."""
    old = m[event + L.E_PHASE_NOW]
    set_event_phase(m, event, new)
    e = begin_event(m, ev, pack_event(C.E_PHASE, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + L.EVT_PHASE_EVENT] = m[event]
    ev[e + L.EVT_PHASE_OLD] = old
    ev[e + L.EVT_PHASE_NEW] = new


@leaf
def do_phase(m, rows, c, ev):
    """Change the phase of an event and start cancelling orders that may no longer rest. R_UNKNOWN_EVENT, R_BAD_TRANSITION, R_BAD_DEFINITION
    (no contract yet)."""
    event = event_at(m, rows[c + d.DP_EVENT])
    new = rows[c + d.DP_PHASE]
    if event == 0:
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DP_EVENT])
    old = m[event + L.E_PHASE_NOW]
    if not transition_allowed(old, new):
        return refuse(m, C.R_BAD_TRANSITION, 0, old, new)
    if m[event + L.E_FIRST] == 0:
        return refuse(m, C.R_BAD_DEFINITION, m[event + L.E_N], 0, 0)  # no contract yet
    set_phase(m, ev, event, new)
    if (REST_PHASES >> old) & 1 != 0 and (REST_PHASES >> new) & 1 == 0:
        begin_closing(m, event, C.R_MARKET_CLOSING)
    return C.OK


@leaf
def begin_closing(m, event, reason):
    """Queue the cancelling of all resting orders of an event (pointer), each reported with `reason`."""
    w = begin_work(m, L.WORK_CLOSE)
    m[w + L.WX_EVENT] = event
    m[w + L.WX_CONTRACT] = 0
    m[w + L.WX_REASON] = reason


@leaf
def go_on_closing(m, ev):
    """Cancel all resting orders, contract by contract, bids before asks, best first. False: the event buffer is full, call again."""
    w = work_row(m)
    event = m[w + L.WX_EVENT]
    while m[w + L.WX_CONTRACT] < m[event + L.E_N]:
        inst = m[event + L.E_FIRST] + m[w + L.WX_CONTRACT] * L.INSTRUMENT_WORDS
        for ask in range(2):
            while m[inst + L.I_BEST + ask] != 0:
                if not room(m, 2):
                    return False
                o = m[m[inst + L.I_BEST + ask] + L.L_HEAD]
                take_out(m, ev, o, C.E_CANCELED, C.ST_CANCELED, m[w + L.WX_REASON], C.EF_UNSOLICITED)
        m[w + L.WX_CONTRACT] += 1
    end_work(m)
    return True
