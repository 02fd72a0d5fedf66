"""Correction of a final result, and recovery of the debts that it left (domain.md section 7), in slices (slices.py).

Each account is debited or credited (new payout - old payout) * its position at settlement. First who owes pays (SETTLE_TAKE), then bond and
platform stand in (debts.cover), then who gains is paid (SETTLE_GIVE). What nobody covers is blocked, in proportion to the gains and to the
unit: largest remainder, the account that touched the event first at a tie. The remainders are compared with a threshold that is found bit by
bit (SETTLE_ROUND), because a million of them are not sorted in a slice. A recovery is a correction that changes no payout.

Debits and credits are equal as long as each contract was paid for as many sets as the others. A contract that was paid ahead of its group was paid for those of that
time: if its payout changes and others have been made or taken apart since, the difference is nobody's, and the correction is refused.

A slice ends between accounts, never within one: an account's entries are complete or not begun.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import refuse, room
from ..kit.bits import clz
from ..kit.jit import leaf
from ..kit.rows import event_at
from ..layout import definitions as d
from ..layout.packed import pack_instrument
from ..money.collateral import note_shortage
from ..money.ledger import post
from ..money.products import has_sets, is_settled
from .ahead import check_ahead
from .debts import add_blocked, add_debt, cover, is_short, share_of, take_debt, tell
from .settle import check_payouts
from .slices import DONE, FULL, STOP, WITHOUT_END, begin_settling, begin_stage, make_final, next_row


@leaf
def do_reverse(m, rows, c):
    """Begin a correction or recovery. R_UNKNOWN_EVENT, R_NOT_FINAL, R_NOTHING_OWED; of a correction: R_PAID_ELSEWHERE,
    R_RESULT_VERSION, R_PAYOUT_*, R_AHEAD_DIFFERS, R_SAME_RESULT."""
    event = event_at(m, rows[c + d.DD_EVENT])
    if event == 0 or not is_settled(m, event):
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DD_EVENT])
    if m[event + L.E_PHASE_NOW] != C.PH_FINAL:
        return refuse(m, C.R_NOT_FINAL, 0, 0, rows[c + d.DD_EVENT])
    n = m[event + L.E_N]
    corrects = rows[c + d.DD_COUNT] != 0
    if corrects:
        if m[event + L.E_FINAL_AT] == 0:
            return refuse(m, C.R_PAID_ELSEWHERE, 0, 0, rows[c + d.DD_EVENT])
        code = check_payouts(m, rows, c, event)
        if code == C.OK:
            code = _check_sums(m, rows, c, event)
        if code != C.OK:
            return code
    elif m[event + L.E_OWED] == 0:
        return refuse(m, C.R_NOTHING_OWED, 0, 0, rows[c + d.DD_EVENT])
    same = True
    for j in range(n):
        inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        m[inst + L.I_PAID_NEXT] = rows[c + d.DD_PAYOUTS + j] if corrects else m[inst + L.I_PAID]
        same = same and m[inst + L.I_PAID_NEXT] == m[inst + L.I_PAID]
    if corrects and same:
        return refuse(m, C.R_SAME_RESULT, 0, 0, rows[c + d.DD_EVENT])
    if corrects:
        m[event + L.E_VERSION] += 1
    if rows[c + d.DY_BOND] != 0:
        m[event + L.E_BOND] = rows[c + d.DY_BOND]
    m[event + L.E_GAINS] = 0
    begin_settling(m, event, L.SETTLE_TAKE, rows[c + d.DY_SLICE])
    return C.OK


@leaf
def _check_sums(m, rows, c, event):
    """Whether the differences of all accounts sum to 0: C.OK or, of a contract that was paid ahead of its group, R_AHEAD_DIFFERS as of check_ahead."""
    code = check_ahead(m, rows, c, event) if has_sets(m, event) else C.OK
    if code == C.OK:
        return C.OK
    total = 0
    co = m[event + L.E_COLL_HEAD]
    while co != 0:
        for j in range(m[event + L.E_N]):
            inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
            total += m[co + L.CO_COLUMNS + L.SETTLED_POSITION * m[co + L.CO_N] + j] * (rows[c + d.DD_PAYOUTS + j] - m[inst + L.I_PAID])
        co = m[co + L.CO_NEXT_IN_EVENT]
    return code if total != 0 else C.OK


# ---- one account -------------------------------------------------------------------------------------------------------


@leaf
def difference(m, event, co, j):
    """What the correction adds to what the account got for contract j, minor units."""
    inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
    q = m[co + L.CO_COLUMNS + L.SETTLED_POSITION * m[co + L.CO_N] + j]
    return q * (m[inst + L.I_PAID_NEXT] - m[inst + L.I_PAID]) * m[inst + L.I_TICK_VALUE]


@leaf
def total_difference(m, event, co):
    """The same of all contracts."""
    total = 0
    for j in range(m[event + L.E_N]):
        total += difference(m, event, co, j)
    return total


@leaf
def correct_contracts(m, ev, w, event, co):
    """Post and report the difference of each contract from E_SETTLE_CONTRACT - 1 on. False: no room, call again."""
    n = m[event + L.E_N]
    cash = m[co + L.CO_CASH]
    while m[event + L.E_SETTLE_CONTRACT] <= n:
        j = m[event + L.E_SETTLE_CONTRACT] - 1
        amount = difference(m, event, co, j)
        if amount != 0:
            if not room(m, 1):
                return False
            inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
            post(m, event, cash, amount, C.WHY_CORRECTION)
            e = tell(m, ev, event, m[co + L.CO_ACCOUNT], cash, co, inst, amount, C.WHY_CORRECTION)
            ev[e + L.EVT_INSTRUMENT] = pack_instrument(m[inst + L.I_ID], 0)
            ev[e + L.EVT_REVERSED_PAYOUT] = m[inst + L.I_PAID_NEXT]
            ev[e + L.EVT_REVERSED_OLD] = m[inst + L.I_PAID]
            ev[e + L.EVT_REVERSED_POSITION] = m[co + L.CO_COLUMNS + L.SETTLED_POSITION * m[co + L.CO_N] + j]
            m[w + L.WS_LEFT] -= d.STEPS_PER_REPORT
        m[w + L.WS_LEFT] -= 1
        m[event + L.E_SETTLE_CONTRACT] = j + 2
    return True


@leaf
def _take_from(m, ev, w, event, co):
    """What the account of a row owes is booked, and paid as far as it can. Room for one row. Returns the difference of all its
    contracts."""
    total = total_difference(m, event, co)
    gain = 0
    if total > 0:
        repaid = min(total, m[co + L.CO_OWED])
        add_debt(m, co, -repaid)
        gain = total - repaid
    m[co + L.CO_GAIN] = gain
    m[event + L.E_GAINS] += gain
    pays = take_debt(m, co, max(0, -total), WITHOUT_END)
    amount = -pays - min(total, 0)
    cash = m[co + L.CO_CASH]
    if amount > 0:
        post(m, event, cash, amount, C.WHY_OWED)
        tell(m, ev, event, m[co + L.CO_ACCOUNT], cash, co, 0, amount, C.WHY_OWED)
    elif amount < 0:
        post(m, event, cash, amount, C.WHY_RECOVERY)
        tell(m, ev, event, m[co + L.CO_ACCOUNT], cash, co, 0, amount, C.WHY_RECOVERY)
    m[w + L.WS_LEFT] -= m[event + L.E_N] + (d.STEPS_PER_REPORT if amount != 0 else 0)
    return total


@leaf
def _give_to(m, ev, w, event, co):
    """Block or free the account's part, and take what its gain repays of its debt. Room for two rows. Returns the difference of all its
    contracts."""
    cash = m[co + L.CO_CASH]
    total = total_difference(m, event, co)
    m[w + L.WS_LEFT] -= m[event + L.E_N]
    told = False
    if m[event + L.E_SHARED] != 0:
        part = m[co + L.CO_PART]
        if m[co + L.CO_REST] > m[event + L.E_THRESHOLD]:
            part += 1
        elif m[co + L.CO_REST] == m[event + L.E_THRESHOLD] and m[event + L.E_QUOTA] > 0:
            part += 1
            m[event + L.E_QUOTA] -= 1
        told = part != 0
        if told:
            blocks = m[event + L.E_SHARED] > 0
            add_blocked(m, co, part if blocks else -part)
            tell(m, ev, event, m[co + L.CO_ACCOUNT], cash, co, 0, 0, C.WHY_CORRECTION if blocks else C.WHY_RECOVERY)
            m[w + L.WS_LEFT] -= d.STEPS_PER_REPORT
    repaid = total - m[co + L.CO_GAIN] if total > 0 else 0
    if repaid != 0:
        post(m, event, cash, -repaid, C.WHY_RECOVERY)
        tell(m, ev, event, m[co + L.CO_ACCOUNT], cash, co, 0, -repaid, C.WHY_RECOVERY)
        m[w + L.WS_LEFT] -= d.STEPS_PER_REPORT
    if told:
        note_shortage(m, cash, total)  # what it was paid by an earlier slice may have left
    m[co + L.CO_GAIN] = 0
    return total


# ---- the stages --------------------------------------------------------------------------------------------------------


@leaf
def go_through(m, ev, w, event):
    """SETTLE_TAKE and SETTLE_GIVE: all accounts, those that lose in the first, the others in the second. FULL, STOP or DONE."""
    takes = m[event + L.E_SETTLING] == L.SETTLE_TAKE
    while m[event + L.E_SETTLE_ROW] != 0:
        co = m[event + L.E_SETTLE_ROW]
        if m[event + L.E_SETTLE_CONTRACT] == 0:
            if m[w + L.WS_LEFT] <= 0:
                return STOP
            if not room(m, 2):
                return FULL
            total = _take_from(m, ev, w, event, co) if takes else _give_to(m, ev, w, event, co)
            if takes == (total >= 0):
                next_row(m, event, co)
                continue
            m[event + L.E_SETTLE_CONTRACT] = 1
        if not correct_contracts(m, ev, w, event, co):
            return FULL
        next_row(m, event, co)
    return STOP if m[w + L.WS_LEFT] <= 0 else DONE


@leaf
def divide(m, w, event):
    """SETTLE_SHARE: each account's part of E_SHARED, rounded down, and the remainder. STOP or DONE."""
    amount = abs(m[event + L.E_SHARED])
    weight = L.CO_GAIN if m[event + L.E_SHARED] > 0 else L.CO_BLOCKED
    while m[event + L.E_SETTLE_ROW] != 0:
        if m[w + L.WS_LEFT] <= 0:
            return STOP
        co = m[event + L.E_SETTLE_ROW]
        part, rest = share_of(amount, m[co + weight], m[event + L.E_WEIGHTS])
        m[co + L.CO_PART] = part
        m[co + L.CO_REST] = rest
        m[event + L.E_PARTS] += part
        m[w + L.WS_LEFT] -= 4
        next_row(m, event, co)
    return STOP if m[w + L.WS_LEFT] <= 0 else DONE


@leaf
def find_threshold(m, w, event):
    """SETTLE_ROUND: the largest remainder that as many accounts reach as units are left. STOP or DONE."""
    left = abs(m[event + L.E_SHARED]) - m[event + L.E_PARTS]
    while m[event + L.E_BIT] >= 0:
        tried = m[event + L.E_THRESHOLD] + (1 << m[event + L.E_BIT])
        while m[event + L.E_SETTLE_ROW] != 0:
            if m[w + L.WS_LEFT] <= 0:
                return STOP
            co = m[event + L.E_SETTLE_ROW]
            if m[co + L.CO_REST] >= tried:
                m[event + L.E_COUNTED] += 1
            m[w + L.WS_LEFT] -= 1
            next_row(m, event, co)
        if m[w + L.WS_LEFT] <= 0:
            return STOP
        if m[event + L.E_COUNTED] >= left:
            m[event + L.E_THRESHOLD] = tried
        else:
            m[event + L.E_ABOVE] = m[event + L.E_COUNTED]
        m[event + L.E_COUNTED] = 0
        m[event + L.E_BIT] -= 1
        if m[event + L.E_BIT] >= 0:
            begin_stage(m, event, L.SETTLE_ROUND)
    m[event + L.E_QUOTA] = left - m[event + L.E_ABOVE]
    return DONE


@leaf
def after_paying(m, ev, event):
    """A settlement in which an account could not pay all: bond and platform stand in, what is left is blocked of what the others got."""
    m[event + L.E_SETS] = 0
    for j in range(m[event + L.E_N]):
        inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        m[inst + L.I_PAID_NEXT] = m[inst + L.I_PAID]
    stand_in(m, ev, event, 0)


@leaf
def stand_in(m, ev, event, gains):
    """Bond and platform pay what is lacking for `gains`; the next stage divides what is left, or pays."""
    shared = cover(m, ev, event, gains, 0)
    m[event + L.E_SHARED] = shared
    m[event + L.E_WEIGHTS] = m[event + L.E_GAINS] if shared > 0 else m[event + L.E_BLOCKED]
    m[event + L.E_PARTS] = 0
    begin_stage(m, event, L.SETTLE_SHARE if shared != 0 else L.SETTLE_GIVE)


@leaf
def after_dividing(m, event):
    """The units that rounding left go to the largest remainders."""
    m[event + L.E_THRESHOLD] = 0
    m[event + L.E_QUOTA] = 0
    m[event + L.E_COUNTED] = 0
    m[event + L.E_ABOVE] = 0
    if m[event + L.E_PARTS] != abs(m[event + L.E_SHARED]):
        m[event + L.E_BIT] = 63 - clz(m[event + L.E_WEIGHTS])
        begin_stage(m, event, L.SETTLE_ROUND)
    else:
        m[event + L.E_THRESHOLD] = WITHOUT_END
        begin_stage(m, event, L.SETTLE_GIVE)


@leaf
def end_correction(m, ev, event):
    """All accounts of the event (pointer) have been debited or credited: the new payouts hold."""
    if m[event + L.E_POOL] != -m[event + L.E_BLOCKED] or is_short(m, event):
        m[L.H_ERROR] = L.INV_LEDGER
    for j in range(m[event + L.E_N]):
        inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        m[inst + L.I_PAID] = m[inst + L.I_PAID_NEXT]
    if m[event + L.E_SETTLE_ID] != m[event + L.E_VERSION]:
        make_final(m, ev, event)
