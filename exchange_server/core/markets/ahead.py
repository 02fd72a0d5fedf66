"""A contract of a group is determined ahead of the rest, at 0 or P: an early loser of "who reaches the final" (domain.md section 7).

Determined, it trades no more and has a challenge window of its own, in which it may be determined again, withdrawn, or disputed by a party: then it is
not paid before it was upheld or determined again. Final, each account is paid for it
(in slices, slices.py), and the group goes on without it: exactly (k - paid) of the rest. So it is left out of the requirements, of sets and of their
worth; no account's buying power falls by that, because its worst case is now one of fewer states. Only where an account is short in a winner and has a
certain surplus of the rest, which no requirement counts, it would: then nothing is paid ahead (R_AHEAD_UNCOVERED). While accounts are being paid, no contract of the
event trades and no sets are made, since some accounts already count without it and some do not.

The result of the whole group must agree with what was paid (check_ahead); contracts that are determined and not paid yet become part of it.
"""

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..emit import begin_event, refuse, room
from ..kit.jit import leaf
from ..kit.rows import event_at, firm_at, instrument_at
from ..layout import definitions as d
from ..layout.packed import pack_event, pack_instrument
from ..money.collateral import collateral_shift, keep_settled, leave_out, note_shortage, pays_for_winner
from ..money.ledger import post
from ..money.products import has_sets, is_settled, leaves_open, settlement
from .parties import has_position
from .pay import tell_settled
from .phases import begin_sweep, set_event_phase
from .slices import DONE, FULL, STOP, begin_settling, next_row, tell_registry

AHEAD_PHASES = P.mask(P.AHEAD)


@leaf
def tell_ahead(m, ev, inst):
    """E_AHEAD: where a contract (pointer) stands, beside its event or again with it."""
    e = begin_event(m, ev, pack_event(C.E_AHEAD, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + L.EVT_INSTRUMENT] = pack_instrument(m[inst + L.I_ID], 0)
    ev[e + L.EVT_AHEAD_EVENT] = m[m[inst + L.I_EVENT]]
    ev[e + L.EVT_AHEAD_PHASE] = m[inst + L.I_PHASE]
    ev[e + L.EVT_AHEAD_VERSION] = m[inst + L.I_AHEAD_VERSION]
    ev[e + L.EVT_AHEAD_PAYOUT] = m[inst + L.I_PAID_NEXT]
    ev[e + L.EVT_AHEAD_UNTIL] = m[inst + L.I_AHEAD_UNTIL]


@leaf
def rest_after(m, event, inst, payout):
    """(winners, contracts) of the group without `inst` at this payout and without all that are ahead already."""
    k = m[event + L.E_K]
    n = m[event + L.E_N]
    for j in range(m[event + L.E_N]):
        at = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        if at == inst or m[at + L.I_AHEAD] != 0:
            paid = payout if at == inst else m[at + L.I_PAID_NEXT]
            k -= 1 if paid != 0 else 0
            n -= 1
    return k, n


@leaf
def do_ahead(m, rows, c, ev):
    """One step of a contract ahead of its group (AHEAD_*). R_UNKNOWN_EVENT, R_OUTCOME_UNKNOWN, R_NOT_AHEAD (asked: the phase of the event), R_ALREADY_FINAL,
    or the refusal of the step."""
    event = event_at(m, rows[c + d.DH_EVENT])
    inst = instrument_at(m, rows[c + d.DH_INSTRUMENT])
    if event == 0 or not is_settled(m, event):
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DH_EVENT])
    if inst == 0 or m[inst + L.I_EVENT] != event or m[inst + L.I_INDEX] >= m[event + L.E_N]:
        return refuse(m, C.R_OUTCOME_UNKNOWN, 0, 0, rows[c + d.DH_INSTRUMENT])
    phase = m[event + L.E_PHASE_NOW]
    if (AHEAD_PHASES >> phase) & 1 == 0:
        return refuse(m, C.R_NOT_AHEAD, 0, 0, phase)
    if m[inst + L.I_AHEAD] == C.PH_FINAL:
        return refuse(m, C.R_ALREADY_FINAL, 0, 0, phase)
    if rows[c + d.DH_ACT] == C.AHEAD_DETERMINE:
        return _determine(m, rows, c, ev, event, inst)
    if m[inst + L.I_AHEAD] == 0 or rows[c + d.DH_VERSION] != m[inst + L.I_AHEAD_VERSION]:
        return refuse(m, C.R_NOT_DETERMINED, m[inst + L.I_AHEAD_VERSION], rows[c + d.DH_VERSION], phase)
    if rows[c + d.DH_ACT] == C.AHEAD_WITHDRAW:
        m[inst + L.I_AHEAD] = 0
        m[inst + L.I_PHASE] = phase
        tell_ahead(m, ev, inst)
        return C.OK
    if rows[c + d.DH_ACT] == C.AHEAD_DISPUTE:
        return _dispute(m, rows, c, ev, event, inst)
    if rows[c + d.DH_ACT] == C.AHEAD_UPHOLD:
        if m[inst + L.I_AHEAD] != C.PH_DISPUTED:
            return refuse(m, C.R_NOT_DISPUTED, 0, 0, phase)
        m[inst + L.I_AHEAD_UNTIL] = m[L.H_TIME]
        _stands(m, ev, inst, C.PH_DETERMINED)
        return C.OK
    if m[inst + L.I_AHEAD] == C.PH_DISPUTED:
        return refuse(m, C.R_AHEAD_DISPUTED, 0, 0, m[inst])
    if m[L.H_TIME] < m[inst + L.I_AHEAD_UNTIL]:
        return refuse(m, C.R_CHALLENGE_WINDOW, m[inst + L.I_AHEAD_UNTIL], 0, m[L.H_TIME])
    if not _all_can_pay(m, event, inst):
        return refuse(m, C.R_AHEAD_UNCOVERED, 0, 0, m[inst])
    _begin_paying(m, event, inst, rows[c + d.DH_SLICE])
    return C.OK


@leaf
def _determine(m, rows, c, ev, event, inst):
    """R_RESULT_VERSION, R_PAYOUT_RANGE (asked: neither 0 nor P), R_AHEAD_DECIDES (nothing would be left open; limit: winners, used: contracts of
    the rest)."""
    payout = rows[c + d.DH_PAYOUT]
    if rows[c + d.DH_VERSION] != m[event + L.E_VERSION] + 1:
        return refuse(m, C.R_RESULT_VERSION, m[event + L.E_VERSION] + 1, 0, rows[c + d.DH_VERSION])
    if payout != 0 and payout != m[event + L.E_PAYOUT]:
        return refuse(m, C.R_PAYOUT_RANGE, m[event + L.E_PAYOUT], 0, payout)
    k, n = rest_after(m, event, inst, payout)
    if not leaves_open(m, event, k, n):
        return refuse(m, C.R_AHEAD_DECIDES, k, n, m[inst])
    m[event + L.E_VERSION] += 1
    m[inst + L.I_PAID_NEXT] = payout
    m[inst + L.I_AHEAD_VERSION] = m[event + L.E_VERSION]
    m[inst + L.I_AHEAD_UNTIL] = m[L.H_TIME] + m[event + L.E_WINDOW_NS]
    _stands(m, ev, inst, C.PH_DETERMINED)
    j = m[inst + L.I_INDEX]
    begin_sweep(m, event, j, j + 1, L.RULE_ALL, C.R_CONTRACT_DECIDED)
    return C.OK


@leaf
def _stands(m, ev, inst, phase):
    """The contract (pointer) is in a phase of its own now: E_AHEAD."""
    m[inst + L.I_AHEAD] = phase
    m[inst + L.I_PHASE] = phase
    tell_ahead(m, ev, inst)


@leaf
def _dispute(m, rows, c, ev, event, inst):
    """R_DISPUTE_LATE, R_NO_PARTY (asked: the firm): a party is one in the event, as for its whole result."""
    if m[L.H_TIME] >= m[inst + L.I_AHEAD_UNTIL]:
        return refuse(m, C.R_DISPUTE_LATE, m[inst + L.I_AHEAD_UNTIL], 0, m[L.H_TIME])
    firm = firm_at(m, rows[c + d.DH_FIRM])
    if firm == 0 or not has_position(m, event, firm):
        return refuse(m, C.R_NO_PARTY, 0, 0, rows[c + d.DH_FIRM])
    _stands(m, ev, inst, C.PH_DISPUTED)
    return C.OK


@leaf
def _all_can_pay(m, event, inst):
    """Whether no account's buying power falls when the contract is paid. Losers never lower it, nor do winners of at-most groups."""
    if m[inst + L.I_PAID_NEXT] == 0 or not has_sets(m, event):
        return True
    co = m[event + L.E_COLL_HEAD]
    while co != 0:
        if not pays_for_winner(m, co, m[inst + L.I_INDEX]):
            return False
        co = m[co + L.CO_NEXT_IN_EVENT]
    return True


@leaf
def _begin_paying(m, event, inst, steps):
    """From here on new rows of accounts are without the contract; the others follow as they are paid."""
    m[inst + L.I_AHEAD] = C.PH_FINAL
    m[inst + L.I_PAID] = m[inst + L.I_PAID_NEXT]
    m[event + L.E_K_LEFT] -= 1 if m[inst + L.I_PAID] != 0 else 0
    m[event + L.E_LEFT_OUT] += 1
    m[event + L.E_PAYING] = inst
    for j in range(m[event + L.E_N]):
        at = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        m[at + L.I_PHASE] = m[at + L.I_AHEAD] if m[at + L.I_AHEAD] != 0 else C.PH_PAUSED
    begin_settling(m, event, L.SETTLE_AHEAD, steps)


@leaf
def pay_ahead(m, ev, w, event):
    """SETTLE_AHEAD: pay each account for the one contract, in order of its first touch of the event, and count its requirement without it. FULL, STOP or
    DONE."""
    inst = m[event + L.E_PAYING]
    j = m[inst + L.I_INDEX]
    while m[event + L.E_SETTLE_ROW] != 0:
        if m[w + L.WS_LEFT] <= 0:
            return STOP
        if not room(m, 1):
            return FULL
        co = m[event + L.E_SETTLE_ROW]
        q = m[co + L.CO_COLUMNS + j]
        m[w + L.WS_LEFT] -= m[event + L.E_N]
        if q != 0:
            cash = m[co + L.CO_CASH]
            amount = settlement(m, inst, q)
            post(m, event, cash, amount, C.WHY_SETTLEMENT)
            collateral_shift(m, co, j, -q, 0, 0)
            keep_settled(m, co, j, q)
            tell_settled(m, ev, event, co, inst, q, amount, m[inst + L.I_AHEAD_VERSION])
            m[w + L.WS_LEFT] -= d.STEPS_PER_REPORT
        leave_out(m, co, j)
        if m[m[co + L.CO_CASH] + L.B_BUST] != 0:
            note_shortage(m, m[co + L.CO_CASH], 0)
        next_row(m, event, co)
    return STOP if m[w + L.WS_LEFT] <= 0 else DONE


@leaf
def end_ahead(m, ev, event):
    """All accounts have been paid for the contract: the rest of the group goes on in the phase of the event (pointer)."""
    inst = m[event + L.E_PAYING]
    set_event_phase(m, event, m[event + L.E_PHASE_NOW])
    m[inst + L.I_PHASE] = C.PH_FINAL
    tell_registry(m, event)
    tell_ahead(m, ev, inst)


@leaf
def check_ahead(m, rows, c, event):
    """Whether the payouts of C_DETERMINE or C_VOID agree with what was paid ahead: C.OK or R_AHEAD_DIFFERS (limit: what was paid, used: the instrument)."""
    if m[event + L.E_LEFT_OUT] == 0:
        return C.OK
    for j in range(m[event + L.E_N]):
        inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        if m[inst + L.I_AHEAD] == C.PH_FINAL and rows[c + d.DD_PAYOUTS + j] != m[inst + L.I_PAID]:
            return refuse(m, C.R_AHEAD_DIFFERS, m[inst + L.I_PAID], m[inst], rows[c + d.DD_PAYOUTS + j])
    return C.OK
