"""Phases of an event and its contracts: which an operator may set by hand, and what closing does to the orders that rest."""

from protocol.codes import (
    E_CANCELED,
    E_PHASE,
    EF_UNSOLICITED,
    OK,
    PH_CANCEL_ONLY,
    PH_CLOSED,
    PH_DRAFT,
    PH_LISTED,
    PH_OPEN,
    PH_PAUSED,
    R_BAD_DEFINITION,
    R_BAD_TRANSITION,
    R_MARKET_CLOSING,
    R_UNKNOWN_EVENT,
    ST_CANCELED,
)

from . import definitions as d
from .emit import begin_event, pack_head, room
from .jit import leaf
from .orders import take_out
from .pools import (
    event_at,
)
from .records import (
    E_FIRST,
    E_N,
    E_PHASE_NOW,
    EVT_ORDER,
    EVT_PRICE,
    EVT_QTY,
    H_R0,
    H_RESUME,
    I_BEST_BID,
    I_PHASE,
    INSTRUMENT_WORDS,
    L_HEAD,
    RES_CLOSE,
)
from .risk import refuse


@leaf
def set_event_phase(m, event, phase):
    m[event + E_PHASE_NOW] = phase
    for j in range(m[event + E_N]):
        m[m[event + E_FIRST] + j * INSTRUMENT_WORDS + I_PHASE] = phase


@leaf
def transition_allowed(old, new):
    """The phases an operator may set by hand; determination and finality have their own commands."""
    if old == PH_DRAFT:
        return new == PH_LISTED
    if old == PH_LISTED:
        return new == PH_OPEN
    if old == PH_OPEN:
        return new == PH_PAUSED or new == PH_CANCEL_ONLY or new == PH_CLOSED
    if old == PH_PAUSED or old == PH_CANCEL_ONLY:
        return new == PH_OPEN or new == PH_PAUSED or new == PH_CANCEL_ONLY or new == PH_CLOSED
    return False


@leaf
def set_phase(m, ev, event, new):
    """Change the phase of an event and of its contracts, and say so."""
    old = m[event + E_PHASE_NOW]
    set_event_phase(m, event, new)
    e = begin_event(m, ev, pack_head(E_PHASE, 0, 0, 0, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + EVT_ORDER] = m[event]
    ev[e + EVT_PRICE] = old
    ev[e + EVT_QTY] = new


@leaf
def do_phase(m, rows, c, ev):
    event = event_at(m, rows[c + d.DP_EVENT])
    new = rows[c + d.DP_PHASE]
    if event == 0:
        return R_UNKNOWN_EVENT
    if new == m[event + E_PHASE_NOW] or not transition_allowed(m[event + E_PHASE_NOW], new):
        return refuse(m, R_BAD_TRANSITION, 0, m[event + E_PHASE_NOW], new)
    if m[event + E_FIRST] == 0:
        return R_BAD_DEFINITION
    set_phase(m, ev, event, new)
    if new == PH_CLOSED:
        m[H_RESUME] = RES_CLOSE
        m[H_R0] = event
        m[H_R0 + 1] = 0  # contract
    return OK


@leaf
def go_on_closing(m, ev):
    """Cancel all that rests, contract by contract, bids before asks, best first."""
    event = m[H_R0]
    while m[H_R0 + 1] < m[event + E_N]:
        inst = m[event + E_FIRST] + m[H_R0 + 1] * INSTRUMENT_WORDS
        for ask in range(2):
            while m[inst + I_BEST_BID + ask] != 0:
                if not room(m, ev, 2):
                    return False
                o = m[m[inst + I_BEST_BID + ask] + L_HEAD]
                take_out(m, ev, o, E_CANCELED, ST_CANCELED, R_MARKET_CLOSING, EF_UNSOLICITED)
        m[H_R0 + 1] += 1
    m[H_RESUME] = 0
    return True
