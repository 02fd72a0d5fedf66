"""Determination of an event (domain.md section 7): it pays nothing and starts the challenge window. Paying: pay.py."""

import numpy as np

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..emit import begin_event, refuse
from ..kit.jit import leaf
from ..kit.rows import event_at
from ..layout import definitions as d
from ..layout.packed import pack_event
from ..money.products import is_settled, payouts_fit, payouts_most
from .ahead import check_ahead
from .phases import set_event_phase

DETERMINE_PHASES = (P.mask(P.DETERMINE) | P.mask(P.CORRECT)) & ~(1 << C.PH_FINAL)  # a correction after final pays by reversing entries
DETERMINE_REFUSALS = np.array(P.DETERMINE_REFUSALS, np.int64)


@leaf
def check_payouts(m, rows, c, event):
    """Whether a row of C_DETERMINE, C_VOID or C_REVERSE makes the next version of a result: C.OK, R_PAYOUT_COUNT, R_RESULT_VERSION, R_PAYOUT_RANGE or
    R_PAYOUT_SUM."""
    n = m[event + L.E_N]
    if rows[c + d.DD_COUNT] != n:
        return refuse(m, C.R_PAYOUT_COUNT, n, 0, rows[c + d.DD_COUNT])
    if rows[c + d.DD_VERSION] != m[event + L.E_VERSION] + 1:
        return refuse(m, C.R_RESULT_VERSION, m[event + L.E_VERSION] + 1, 0, rows[c + d.DD_VERSION])
    payout = m[event + L.E_PAYOUT]
    total = 0
    for j in range(n):
        p = rows[c + d.DD_PAYOUTS + j]
        if p < 0 or p > payout:
            return refuse(m, C.R_PAYOUT_RANGE, payout, 0, p)
        total += p
    if not payouts_fit(m, event, total):
        return refuse(m, C.R_PAYOUT_SUM, payouts_most(m, event), 0, total)
    return C.OK


@leaf
def take_payouts(m, rows, c, event, result):
    """The payouts (ticks) of a new version, which makes the event `result` (a phase), and its challenge window."""
    for j in range(m[event + L.E_N]):
        inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        m[inst + L.I_PAID] = rows[c + d.DD_PAYOUTS + j]
        if m[inst + L.I_AHEAD] != C.PH_FINAL:  # ahead, and not paid yet: it is part of the whole result now
            m[inst + L.I_AHEAD] = 0
    m[event + L.E_VERSION] += 1
    m[event + L.E_WINDOW_END] = m[L.H_TIME] + m[event + L.E_WINDOW_NS]
    m[event + L.E_RESULT] = result


@leaf
def tell_result(m, ev, event, kind):
    """E_DETERMINED or E_VOIDED of the newest version, with the end of its window. Returns the offset of the row."""
    e = begin_event(m, ev, pack_event(kind, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + L.EVT_DETERMINED_EVENT] = m[event]
    ev[e + L.EVT_DETERMINED_UNTIL] = m[event + L.E_WINDOW_END]
    ev[e + L.EVT_DETERMINED_VERSION] = m[event + L.E_VERSION]
    return e


@leaf
def do_determine(m, rows, c, ev):
    """Set the payouts of an event, the first time or in place of those of an earlier version, and start its challenge window.
    R_UNKNOWN_EVENT, R_OPEN_ORDERS, the refusal of its phase, or of its payouts (check_payouts, check_ahead)."""
    event = event_at(m, rows[c + d.DD_EVENT])
    if event == 0 or not is_settled(m, event):
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DD_EVENT])
    phase = m[event + L.E_PHASE_NOW]
    if (DETERMINE_PHASES >> phase) & 1 == 0:
        return refuse(m, DETERMINE_REFUSALS[phase], 0, 0, phase)
    if m[event + L.E_OPEN_ORDERS] != 0:
        return refuse(m, C.R_OPEN_ORDERS, 0, 0, m[event + L.E_OPEN_ORDERS])
    code = check_payouts(m, rows, c, event)
    if code == C.OK:
        code = check_ahead(m, rows, c, event)
    if code != C.OK:
        return code
    take_payouts(m, rows, c, event, C.PH_DETERMINED)
    set_event_phase(m, event, C.PH_DETERMINED)
    tell_result(m, ev, event, C.E_DETERMINED)
    return C.OK
