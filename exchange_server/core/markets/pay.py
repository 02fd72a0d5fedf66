"""Final settlement of an event: payout * q to every account (shorts pay), in slices (slices.py).

Payments go through the pool, which must end at exactly 0 (less what an earlier bust left blocked). Each account keeps the position it was
paid for (SETTLED_POSITION), for a correction.
"""

import numpy as np

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..emit import begin_event, refuse, room
from ..kit.jit import leaf
from ..kit.rows import event_at
from ..layout import definitions as d
from ..layout.packed import pack_event, pack_instrument
from ..money.collateral import collateral_shift, keep_settled, note_shortage
from ..money.ledger import post
from ..money.products import settlement
from .debts import add_debt, tell
from .phases import set_event_phase
from .slices import DONE, FULL, STOP, begin_settling, make_final, next_row, reported_session

FINALISE_PHASES = P.mask(P.FINALISE)
FINALISE_REFUSALS = np.array(P.FINALISE_REFUSALS, np.int64)


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
    m[event + L.E_GAINS] = 0
    begin_settling(m, event, L.SETTLE_PAY, rows[c + d.DX_SLICE])
    return C.OK


@leaf
def tell_settled(m, ev, event, co, inst, q, amount, version):
    """E_SETTLED for the account of a collateral row: q lots of a contract (pointer) were paid `amount` by a version of the result."""
    account = m[co + L.CO_ACCOUNT]
    e = begin_event(m, ev, pack_event(C.E_SETTLED, 0, 0, 0, 0, 0), reported_session(m, account), m[account + L.AC_ID], True)
    ev[e + L.EVT_INSTRUMENT] = pack_instrument(m[inst + L.I_ID], 0)
    ev[e + L.EVT_SETTLED_EVENT] = m[event]
    ev[e + L.EVT_SETTLED_PAYOUT] = m[inst + L.I_PAID]
    ev[e + L.EVT_SETTLED_POSITION] = q
    ev[e + L.EVT_SETTLED_VERSION] = version
    ev[e + L.EVT_SETTLED_AMOUNT] = amount
    ev[e + L.EVT_SETTLED_BALANCE] = m[m[co + L.CO_CASH] + L.B_CASH]
    ev[e + L.EVT_SETTLED_ASSET] = m[event + L.E_ASSET]
    ev[e + L.EVT_SETTLED_WHY] = C.WHY_SETTLEMENT


@leaf
def pay(m, ev, w, event):
    """Pay each account in order of its first touch of the event, contract by contract: E_SETTLED for each position. A slice ends between
    accounts. FULL, STOP or DONE."""
    n = m[event + L.E_N]
    while m[event + L.E_SETTLE_ROW] != 0:
        co = m[event + L.E_SETTLE_ROW]
        if m[event + L.E_SETTLE_CONTRACT] == 0:
            if m[w + L.WS_LEFT] <= 0:
                return STOP
            m[co + L.CO_GAIN] = 0
        while m[event + L.E_SETTLE_CONTRACT] < n:
            j = m[event + L.E_SETTLE_CONTRACT]
            q = m[co + L.CO_COLUMNS + j]
            if q != 0:
                if not room(m, 1):
                    return FULL
                inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
                amount = settlement(m, inst, q)
                cash = m[co + L.CO_CASH]
                post(m, event, cash, amount, C.WHY_SETTLEMENT)
                collateral_shift(m, co, j, -q, 0, 0)
                keep_settled(m, co, j, q)
                tell_settled(m, ev, event, co, inst, q, amount, m[event + L.E_VERSION])
                m[co + L.CO_GAIN] += amount
                m[w + L.WS_LEFT] -= d.STEPS_PER_REPORT
            m[w + L.WS_LEFT] -= 1
            m[event + L.E_SETTLE_CONTRACT] = j + 1
        if not _stay_above_zero(m, ev, w, event, co):
            return FULL
        next_row(m, event, co)
    return STOP if m[w + L.WS_LEFT] <= 0 else DONE


@leaf
def _stay_above_zero(m, ev, w, event, co):
    """After a bust, of this event or of another one, an account may have to pay more than it has: the rest is owed. False: no room, call
    again."""
    cash = m[co + L.CO_CASH]
    short = -m[cash + L.B_CASH]
    if short > 0:
        if not room(m, 1):
            return False
        post(m, event, cash, short, C.WHY_OWED)
        add_debt(m, co, short)
        tell(m, ev, event, m[co + L.CO_ACCOUNT], cash, co, 0, short, C.WHY_OWED)
        m[w + L.WS_LEFT] -= d.STEPS_PER_REPORT
    if m[cash + L.B_BUST] != 0:
        note_shortage(m, cash, 0)
    m[co + L.CO_GAIN] = max(m[co + L.CO_GAIN], 0)
    m[event + L.E_GAINS] += m[co + L.CO_GAIN]
    return True


@leaf
def end_paying(m, ev, event):
    """All accounts of the event (pointer) have been paid: it is final."""
    if m[event + L.E_POOL] != -m[event + L.E_BLOCKED]:
        m[L.H_ERROR] = L.INV_LEDGER
    m[event + L.E_SETS] = 0
    set_event_phase(m, event, C.PH_FINAL)
    make_final(m, ev, event)
