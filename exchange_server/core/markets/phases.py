"""Phases of an event and its contracts (rules: protocol/phases.py), and cancelling orders that may no longer rest."""

import numpy as np

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..book.levels import level_worse
from ..emit import begin_event, refuse, room
from ..kit.jit import leaf
from ..kit.rows import event_at
from ..kit.work import begin_work, end_work, work_row
from ..layout import definitions as d
from ..layout.packed import flags_of, pack_event
from ..life.life import take_out
from ..risk.prices import on_grid

SET_MASKS = np.array(P.SET_MASKS, np.int64)
REST_PHASES = P.mask(P.REST)


@leaf
def set_event_phase(m, event, phase):
    """Set the phase of an event (pointer) and of all its contracts but those that are ahead of it, without an event row."""
    m[event + L.E_PHASE_NOW] = phase
    for j in range(m[event + L.E_N]):
        inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        if m[inst + L.I_AHEAD] == 0:
            m[inst + L.I_PHASE] = phase


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
    if (REST_PHASES >> old) & 1 == 0:
        pass  # nothing rests
    elif (REST_PHASES >> new) & 1 == 0:
        begin_closing(m, event, C.R_MARKET_CLOSING)
    elif new == C.PH_LIVE and m[event + L.E_IN_PLAY] == 0:  # back from a pause it was live before
        if m[event + L.E_RESTING] & C.RESTING_LIVE_CANCEL != 0:
            begin_closing(m, event, C.R_GOING_LIVE)
        elif m[event + L.E_RESTING] & C.RESTING_LIVE_LAPSE != 0:
            begin_sweep(m, event, 0, m[event + L.E_N], L.RULE_LAPSE, C.R_LAPSED)
    elif new == C.PH_PAUSED and m[event + L.E_RESTING] & C.RESTING_PAUSE_CANCEL != 0:
        begin_closing(m, event, C.R_MARKET_PAUSING)
    if new == C.PH_LIVE:
        m[event + L.E_IN_PLAY] = 1
    elif new == C.PH_OPEN:
        m[event + L.E_IN_PLAY] = 0
    return C.OK


@leaf
def begin_closing(m, event, reason):
    """Queue the cancelling of all resting orders of an event (pointer), each reported with `reason`."""
    begin_sweep(m, event, 0, m[event + L.E_N], L.RULE_ALL, reason)


@leaf
def begin_sweep(m, event, first, end, rule, reason):
    """Queue the cancelling of the resting orders in contracts first..end-1 of an event (pointer) to which a rule (RULE_*) applies."""
    w = begin_work(m, L.WORK_CLOSE)
    m[w + L.WX_EVENT] = event
    m[w + L.WX_CONTRACT] = first
    m[w + L.WX_REASON] = reason
    m[w + L.WX_RULE] = rule
    m[w + L.WX_END] = end
    m[w + L.WX_SIDE] = 0
    m[w + L.WX_ORDER] = -1


@leaf
def _next_in_book(m, o, ask):
    """The resting order after `o` (pointer) on its side of the book, best first; 0: it is the last."""
    if m[o + L.O_NEXT] != 0:
        return m[o + L.O_NEXT]
    level = level_worse(m, m[o + L.O_LEVEL], ask)
    return m[level + L.L_HEAD] if level != 0 else 0


@leaf
def _applies(m, inst, o, rule):
    """Whether a rule (RULE_*) cancels the resting order `o` (pointer)."""
    if rule == L.RULE_LAPSE:
        return flags_of(m[o + L.O_ATTR]) & C.FLAG_PERSIST == 0
    return rule == L.RULE_ALL or not on_grid(m, inst, m[o + L.O_PRICE])


@leaf
def go_on_closing(m, ev):
    """Go through the resting orders, contract by contract, bids before asks, best first, and cancel those to which the rule applies. False:
    the event buffer is full, call again."""
    w = work_row(m)
    event = m[w + L.WX_EVENT]
    while m[w + L.WX_CONTRACT] < m[w + L.WX_END]:
        inst = m[event + L.E_FIRST] + m[w + L.WX_CONTRACT] * L.INSTRUMENT_WORDS
        ask = m[w + L.WX_SIDE]
        if m[w + L.WX_ORDER] < 0:
            best = m[inst + L.I_BEST + ask]
            m[w + L.WX_ORDER] = m[best + L.L_HEAD] if best != 0 else 0
        while m[w + L.WX_ORDER] != 0:
            o = m[w + L.WX_ORDER]
            if _applies(m, inst, o, m[w + L.WX_RULE]):
                if not room(m, 2):
                    return False
                m[w + L.WX_ORDER] = _next_in_book(m, o, ask)
                take_out(m, ev, o, C.E_CANCELED, C.ST_CANCELED, m[w + L.WX_REASON], C.EF_UNSOLICITED)
            else:
                m[w + L.WX_ORDER] = _next_in_book(m, o, ask)
        m[w + L.WX_ORDER] = -1
        m[w + L.WX_SIDE] = 1 - ask
        m[w + L.WX_CONTRACT] += ask
    end_work(m)
    return True
