"""Determination and final settlement of an event (domain.md section 7).

Determining pays nothing and starts the challenge window. Finalising pays payout * q to every account (shorts pay) within one turn: the
event takes no other command meanwhile, and its pool must end at exactly 0.
"""

import numpy as np

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..emit import begin_event, refuse, room
from ..kit.jit import leaf
from ..kit.rows import event_at, session_at
from ..kit.work import begin_work, end_work, work_row
from ..layout import definitions as d
from ..layout.packed import pack_event, pack_instrument
from ..money.collateral import collateral_shift
from ..money.ledger import post
from ..money.products import is_settled, payouts_fit, payouts_most, settlement
from .phases import set_event_phase

DETERMINE_PHASES = (P.mask(P.DETERMINE) | P.mask(P.CORRECT)) & ~(1 << C.PH_FINAL)  # a correction after final pays by reversing entries
FINALISE_PHASES = P.mask(P.FINALISE)
DETERMINE_REFUSALS = np.array(P.DETERMINE_REFUSALS, np.int64)
FINALISE_REFUSALS = np.array(P.FINALISE_REFUSALS, np.int64)


@leaf
def check_payouts(m, rows, c, event):
    """Whether a row of C_DETERMINE or C_VOID makes the next version of a result: C.OK, R_PAYOUT_COUNT, R_RESULT_VERSION, R_PAYOUT_RANGE or
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
        m[m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS + L.I_PAID] = rows[c + d.DD_PAYOUTS + j]
    m[event + L.E_VERSION] += 1
    m[event + L.E_WINDOW_END] = m[L.H_TIME] + m[event + L.E_WINDOW_NS]
    m[event + L.E_RESULT] = result


@leaf
def do_determine(m, rows, c, ev):
    """Set the payouts of an event, the first time or in place of those of an earlier version, and start its challenge window.
    R_UNKNOWN_EVENT, R_OPEN_ORDERS, the refusal of its phase, or of its payouts (check_payouts)."""
    event = event_at(m, rows[c + d.DD_EVENT])
    if event == 0 or not is_settled(m, event):
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DD_EVENT])
    phase = m[event + L.E_PHASE_NOW]
    if (DETERMINE_PHASES >> phase) & 1 == 0:
        return refuse(m, DETERMINE_REFUSALS[phase], 0, 0, phase)
    if m[event + L.E_OPEN_ORDERS] != 0:
        return refuse(m, C.R_OPEN_ORDERS, 0, 0, m[event + L.E_OPEN_ORDERS])
    code = check_payouts(m, rows, c, event)
    if code != C.OK:
        return code
    take_payouts(m, rows, c, event, C.PH_DETERMINED)
    set_event_phase(m, event, C.PH_DETERMINED)
    e = begin_event(m, ev, pack_event(C.E_DETERMINED, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + L.EVT_DETERMINED_EVENT] = m[event]
    ev[e + L.EVT_DETERMINED_UNTIL] = m[event + L.E_WINDOW_END]
    ev[e + L.EVT_DETERMINED_VERSION] = m[event + L.E_VERSION]
    return C.OK


@leaf
def do_finalise(m, rows, c):
    """Start the settlement of a determined event. R_UNKNOWN_EVENT, R_NOT_DETERMINED (wrong version), R_CHALLENGE_WINDOW (still open, ns),
    or the refusal of its phase."""
    event = event_at(m, rows[c + d.DX_EVENT])
    if event == 0:
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DX_EVENT])
    phase = m[event + L.E_PHASE_NOW]
    if (FINALISE_PHASES >> phase) & 1 == 0:
        return refuse(m, FINALISE_REFUSALS[phase], 0, 0, phase)
    if rows[c + d.DX_VERSION] != m[event + L.E_VERSION]:
        return refuse(m, C.R_NOT_DETERMINED, m[event + L.E_VERSION], rows[c + d.DX_VERSION], phase)
    if m[L.H_TIME] < m[event + L.E_WINDOW_END]:
        return refuse(m, C.R_CHALLENGE_WINDOW, m[event + L.E_WINDOW_END], 0, m[L.H_TIME])
    w = begin_work(m, L.WORK_SETTLE)
    m[w + L.WS_EVENT] = event
    m[w + L.WS_ROW] = m[event + L.E_COLL_HEAD]
    m[w + L.WS_CONTRACT] = 0
    return C.OK


@leaf
def go_on_settling(m, ev):
    """Pay each account in order of its first touch of the event, contract by contract, then write E_FINAL. False: the event buffer is full,
    call again."""
    w = work_row(m)
    event = m[w + L.WS_EVENT]
    n = m[event + L.E_N]
    while m[w + L.WS_ROW] != 0:
        co = m[w + L.WS_ROW]
        while m[w + L.WS_CONTRACT] < n:
            j = m[w + L.WS_CONTRACT]
            q = m[co + L.CO_COLUMNS + j]
            if q != 0:
                if not room(m, 1):
                    return False
                inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
                account = m[co + L.CO_ACCOUNT]
                amount = settlement(m, inst, q)
                cash = m[co + L.CO_CASH]
                post(m, event, cash, amount, C.WHY_SETTLEMENT)
                collateral_shift(m, co, j, -q, 0, 0)
                session = m[account + L.AC_SESSION]
                s = session_at(m, session)
                if s == 0 or m[s + L.S_FLAGS] & L.SF_SETTLEMENT == 0:
                    session = 0  # always recorded, but reported only to a session that requested settlement reports
                e = begin_event(m, ev, pack_event(C.E_SETTLED, 0, 0, 0, 0, 0), session, m[account + L.AC_ID], True)
                ev[e + L.EVT_INSTRUMENT] = pack_instrument(m[inst + L.I_ID], 0)
                ev[e + L.EVT_SETTLED_EVENT] = m[event]
                ev[e + L.EVT_SETTLED_PAYOUT] = m[inst + L.I_PAID]
                ev[e + L.EVT_SETTLED_POSITION] = q
                ev[e + L.EVT_SETTLED_VERSION] = m[event + L.E_VERSION]
                ev[e + L.EVT_SETTLED_AMOUNT] = amount
                ev[e + L.EVT_SETTLED_BALANCE] = m[cash + L.B_CASH]
                ev[e + L.EVT_SETTLED_ASSET] = m[event + L.E_ASSET]
                ev[e + L.EVT_SETTLED_WHY] = C.WHY_SETTLEMENT
            m[w + L.WS_CONTRACT] = j + 1
        m[w + L.WS_ROW] = m[co + L.CO_NEXT_IN_EVENT]
        m[w + L.WS_CONTRACT] = 0
    if not room(m, 1):
        return False
    m[event + L.E_SETS] = 0
    if m[event + L.E_POOL] != 0:
        m[L.H_ERROR] = L.INV_LEDGER
    m[event + L.E_SETTLE_ID] = m[event + L.E_VERSION]
    set_event_phase(m, event, C.PH_FINAL)
    e = begin_event(m, ev, pack_event(C.E_FINAL, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + L.EVT_FINAL_EVENT] = m[event]
    ev[e + L.EVT_FINAL_VERSION] = m[event + L.E_VERSION]
    end_work(m)
    return True
