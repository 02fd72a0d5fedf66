"""Determination and final settlement of an event (domain.md section 7).

Determining pays nothing and starts the challenge window. Finalising pays payout * q to every account, shorts pay, all in one turn: the event takes no
command in between, and the pool must end at exactly 0.
"""

from protocol.codes import (
    E_DETERMINED,
    E_FINAL,
    E_SETTLED,
    EXACTLY,
    OK,
    PH_CLOSED,
    PH_DETERMINED,
    PH_FINAL,
    R_ALREADY_FINAL,
    R_BAD_COMMAND,
    R_CHALLENGE_WINDOW,
    R_NOT_CLOSED,
    R_NOT_DETERMINED,
    R_OPEN_ORDERS,
    R_PAYOUT_COUNT,
    R_PAYOUT_RANGE,
    R_PAYOUT_SUM,
    R_UNKNOWN_EVENT,
    SPOT,
)

from . import definitions as d
from .collateral import collateral_shift
from .emit import begin_event, pack_head, room
from .jit import leaf
from .phases import set_event_phase
from .pools import event_at, session_at
from .records import (
    AC_ID,
    AC_SESSION,
    B_CASH,
    CO_ACCOUNT,
    CO_CASH,
    CO_COLUMNS,
    CO_NEXT_IN_EVENT,
    E_ASSET,
    E_COLL_HEAD,
    E_FIRST,
    E_K,
    E_N,
    E_OPEN_ORDERS,
    E_PAYOUT,
    E_PHASE_NOW,
    E_POOL,
    E_PRODUCT,
    E_SETS,
    E_SETTLE_ID,
    E_TICK_VALUE,
    E_VERSION,
    E_WINDOW_END,
    E_WINDOW_NS,
    EVT_INSTRUMENT,
    EVT_LAST_PRICE,
    EVT_LAST_QTY,
    EVT_LEAVES,
    EVT_ORDER,
    EVT_PRICE,
    EVT_QTY,
    EVT_SPARE,
    H_ERROR,
    H_R0,
    H_RESUME,
    H_TIME,
    I_ID,
    I_PAID,
    INSTRUMENT_WORDS,
    INV_LEDGER,
    RES_SETTLE,
    S_FLAGS,
    SF_SETTLEMENT,
)
from .risk import refuse


@leaf
def do_determine(m, rows, c, ev):
    event = event_at(m, rows[c + d.DD_EVENT])
    if event == 0 or m[event + E_PRODUCT] == SPOT:
        return R_UNKNOWN_EVENT
    phase = m[event + E_PHASE_NOW]
    if phase == PH_FINAL:
        return R_ALREADY_FINAL
    if phase != PH_CLOSED:
        return R_NOT_CLOSED
    if m[event + E_OPEN_ORDERS] != 0:
        return R_OPEN_ORDERS
    n = m[event + E_N]
    if rows[c + d.DD_COUNT] != n:
        return refuse(m, R_PAYOUT_COUNT, n, 0, rows[c + d.DD_COUNT])
    if rows[c + d.DD_VERSION] != m[event + E_VERSION] + 1:
        return R_BAD_COMMAND
    payout = m[event + E_PAYOUT]
    total = 0
    for j in range(n):
        p = rows[c + d.DD_PAYOUTS + j]
        if p < 0 or p > payout:
            return refuse(m, R_PAYOUT_RANGE, payout, 0, p)
        total += p
    most = m[event + E_K] * payout
    if m[event + E_PRODUCT] == EXACTLY and total != most or total > most:
        return refuse(m, R_PAYOUT_SUM, most, 0, total)
    for j in range(n):
        m[m[event + E_FIRST] + j * INSTRUMENT_WORDS + I_PAID] = rows[c + d.DD_PAYOUTS + j]
    m[event + E_VERSION] += 1
    m[event + E_WINDOW_END] = m[H_TIME] + m[event + E_WINDOW_NS]
    set_event_phase(m, event, PH_DETERMINED)
    e = begin_event(m, ev, pack_head(E_DETERMINED, 0, 0, 0, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + EVT_ORDER] = m[event]
    ev[e + EVT_PRICE] = m[event + E_WINDOW_END]
    ev[e + EVT_QTY] = m[event + E_VERSION]
    return OK


@leaf
def do_finalise(m, rows, c):
    event = event_at(m, rows[c + d.DX_EVENT])
    if event == 0:
        return R_UNKNOWN_EVENT
    if m[event + E_PHASE_NOW] == PH_FINAL:
        return R_ALREADY_FINAL
    if m[event + E_PHASE_NOW] != PH_DETERMINED or rows[c + d.DX_VERSION] != m[event + E_VERSION]:
        return R_NOT_DETERMINED
    if m[H_TIME] < m[event + E_WINDOW_END]:
        return refuse(m, R_CHALLENGE_WINDOW, m[event + E_WINDOW_END], m[H_TIME], 0)
    m[H_RESUME] = RES_SETTLE
    m[H_R0] = event
    m[H_R0 + 1] = m[event + E_COLL_HEAD]  # collateral row being paid
    m[H_R0 + 2] = 0  # its contract
    m[H_R0 + 3] = 0  # paid so far
    return OK


@leaf
def go_on_settling(m, ev):
    event = m[H_R0]
    n = m[event + E_N]
    while m[H_R0 + 1] != 0:
        co = m[H_R0 + 1]
        while m[H_R0 + 2] < n:
            j = m[H_R0 + 2]
            q = m[co + CO_COLUMNS + j]
            if q != 0:
                if not room(m, ev, 1):
                    return False
                inst = m[event + E_FIRST] + j * INSTRUMENT_WORDS
                account = m[co + CO_ACCOUNT]
                amount = q * m[inst + I_PAID] * m[event + E_TICK_VALUE]
                cash = m[co + CO_CASH]
                m[cash + B_CASH] += amount
                m[H_R0 + 3] += amount
                collateral_shift(m, co, j, -q, 0, 0)
                session = m[account + AC_SESSION]
                s = session_at(m, session)
                if s == 0 or m[s + S_FLAGS] & SF_SETTLEMENT == 0:
                    session = 0  # recorded, and told where settlement reports were asked for
                e = begin_event(m, ev, pack_head(E_SETTLED, 0, 0, 0, 0, 0, 0, 0, 0), session, m[account + AC_ID], True)
                ev[e + EVT_INSTRUMENT] = m[inst + I_ID] << 32
                ev[e + EVT_ORDER] = m[event]
                ev[e + EVT_PRICE] = m[inst + I_PAID]
                ev[e + EVT_QTY] = q
                ev[e + EVT_LEAVES] = m[event + E_VERSION]
                ev[e + EVT_LAST_PRICE] = amount
                ev[e + EVT_LAST_QTY] = m[cash + B_CASH]
                ev[e + EVT_SPARE] = m[event + E_ASSET]
            m[H_R0 + 2] = j + 1
        m[H_R0 + 1] = m[co + CO_NEXT_IN_EVENT]
        m[H_R0 + 2] = 0
    if not room(m, ev, 1):
        return False
    m[event + E_POOL] -= m[H_R0 + 3]
    m[event + E_SETS] = 0
    if m[event + E_POOL] != 0:
        m[H_ERROR] = INV_LEDGER
    m[event + E_SETTLE_ID] = m[event + E_VERSION]
    set_event_phase(m, event, PH_FINAL)
    e = begin_event(m, ev, pack_head(E_FINAL, 0, 0, 0, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + EVT_ORDER] = m[event]
    ev[e + EVT_QTY] = m[event + E_VERSION]
    m[H_RESUME] = 0
    return True
