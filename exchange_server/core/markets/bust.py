"""A trade is taken back, or corrected, before its market is final: positions, price times quantity, fees, rebates and the shares of fees, to the unit.

Each leg of the row is an E_FILL of the trade as it was written, so the core knows what moved then (legs.py). All legs together; orders are not
restored. First who got too much pays (what cannot be paid is owed, debts.py), then bond and platform stand in, then who gets back is paid; what
nobody covers is blocked, in proportion, largest remainder. Those who shared the fees give their shares back; a fee account may go below 0. A
position that changes back may need more collateral than its account has. This leaves less cash than is locked (B_BUST), as does a blocked credit
that its account has spent (correct.py); nothing else does.

A correction books the trade again, at another price or a lower quantity, in the same act: the difference moves, and the trade keeps its id.

Of a spot pair also the base comes back. Both accounts must have free what they give back (R_BUST_SPENT): base that is gone has no pool in which it
could be owed.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import begin_event, client_price, refuse, room
from ..kit.jit import leaf
from ..kit.rows import event_at
from ..kit.work import begin_work, end_work, work_row
from ..layout import definitions as d
from ..layout.packed import (
    account_of,
    contract_side_of,
    extra_of,
    fee_before,
    flags_of,
    owner_share_of,
    pack_event,
    session_of,
    status_of,
    terms_of,
    venue_share_of,
)
from ..money.collateral import collateral_shift, note_shortage
from ..money.fees import BPS
from ..money.ledger import balance_get, post
from ..money.products import fill_base, sells_base
from .debts import COVER_ROWS, add_blocked, cover, share_of, take_debt, tell
from .legs import (
    bought_now,
    check_legs,
    check_paid,
    check_splits,
    check_spot,
    check_terms,
    due_of,
    fee_now,
    leg_at,
    leg_bought,
    leg_collateral,
    leg_instrument,
    other_side_of,
)

LEG_ROWS = 4  # event rows of a leg: what is owed or blocked, E_BUST or E_CORRECTED with its texts, and one to spare


@leaf
def do_bust(m, rows, c):
    """Take the positions and the shares of the fees back, and begin with the money. R_UNKNOWN_EVENT, R_BUST_FINAL,
    R_UNKNOWN_TRADE, R_BUST_SPLIT, R_BUST_SPENT, or of new terms what check_terms says."""
    event = event_at(m, rows[c + d.DJ_EVENT])
    if event == 0:
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DJ_EVENT])
    if m[event + L.E_PHASE_NOW] == C.PH_FINAL:
        return refuse(m, C.R_BUST_FINAL, 0, 0, rows[c + d.DJ_TRADE])
    code = check_legs(m, rows, c, event)
    if code == C.OK:
        code = check_paid(m, rows, c)
    if code == C.OK:
        code = check_splits(m, rows, c, event)
    if code == C.OK and rows[c + d.DJ_QTY] != 0:
        code = check_terms(m, rows, c)
    if code == C.OK and sells_base(m, event):
        code = check_spot(m, rows, c, event)
    if code != C.OK:
        return code
    if rows[c + d.DJ_BOND] != 0:
        m[event + L.E_BOND] = rows[c + d.DJ_BOND]
    m[event + L.E_BUSTS] += 1
    sets = 0
    rebates = 0
    rebates_now = 0
    for i in range(rows[c + d.DJ_LEGS]):
        leg = leg_at(c, i)
        inst = leg_instrument(m, rows, leg)
        bought = leg_bought(rows, leg) - bought_now(rows, c, leg)
        co = leg_collateral(m, rows, leg, event)
        if sells_base(m, event):
            if bought > 0:
                post(m, m[co + L.CO_BASE], m[other_side_of(m, rows, c, event, i) + L.CO_BASE], fill_base(m, event, bought), C.WHY_BUST)
        else:
            collateral_shift(m, co, m[inst + L.I_INDEX], -bought, 0, 0)
        sets += bought if m[inst + L.I_INDEX] == 0 else 0
        rebates += min(rows[leg + L.EVT_FEE], 0)
        rebates_now += min(fee_now(m, rows, c, leg), 0)
    m[event + L.E_SETS] -= sets
    for i in range(rows[c + d.DJ_LEGS]):
        leg = leg_at(c, i)
        change = max(rows[leg + L.EVT_FEE], 0)
        change_now = max(fee_now(m, rows, c, leg), 0)
        if flags_of(rows[leg + L.EVT_HEAD]) & C.EF_TAKER != 0:  # its fee financed the rebates
            change += rebates
            change_now += rebates_now
            rebates = 0
            rebates_now = 0
        _take_shares(m, rows, c, leg, event, change, change_now)
    w = begin_work(m, L.WORK_BUST)
    m[w + L.WB_COMMAND] = c
    m[w + L.WB_PAID] = 0
    m[w + L.WB_LEG] = 0
    m[w + L.WB_GAINS] = 0
    return C.OK


@leaf
def _take_shares(m, rows, c, leg, event, change, change_now):
    """Who shared a change of an order's net fee (minor units) has the part of another change instead, and gives the difference back to the pool."""
    terms = rows[leg + L.EVT_FILL_TERMS]
    before = fee_before(terms) + change_now
    after = fee_before(terms) + change
    owner = (after * owner_share_of(terms)) // BPS - (before * owner_share_of(terms)) // BPS
    venue = (after * venue_share_of(terms)) // BPS - (before * venue_share_of(terms)) // BPS
    _give_back(m, event, rows[c + d.DJ_OWNER_ACCOUNT], owner)
    _give_back(m, event, rows[leg + d.LEG_VENUE_ACCOUNT], venue)
    _give_back(m, event, d.PLATFORM_FEE_ACCOUNT, change - change_now - owner - venue)


@leaf
def _give_back(m, event, account, amount):
    if amount != 0:
        post(m, balance_get(m, account, m[event + L.E_ASSET]), event, amount, C.WHY_BUST)


@leaf
def go_on_busting(m, rows, ev):
    """Continue with the money. False: the event buffer is full, call again."""
    w = work_row(m)
    c = m[w + L.WB_COMMAND]
    event = event_at(m, rows[c + d.DJ_EVENT])
    legs = rows[c + d.DJ_LEGS]
    if m[w + L.WB_PAID] == 0:
        while m[w + L.WB_LEG] < legs:
            if not room(m, LEG_ROWS):
                return False
            leg = leg_at(c, m[w + L.WB_LEG])
            due = due_of(m, rows, c, leg)
            if due < 0:
                _take_back(m, rows, c, ev, event, leg, due)
            m[w + L.WB_GAINS] += max(due, 0)
            m[w + L.WB_LEG] += 1
        if not room(m, COVER_ROWS):
            return False
        m[w + L.WB_BLOCKED] = cover(m, ev, event, m[w + L.WB_GAINS], m[event + L.E_BLOCKED])
        m[w + L.WB_PAID] = 1
        m[w + L.WB_LEG] = 0
    while m[w + L.WB_LEG] < legs:
        if not room(m, LEG_ROWS):
            return False
        leg = leg_at(c, m[w + L.WB_LEG])
        due = due_of(m, rows, c, leg)
        if due >= 0:
            _pay_back(m, rows, c, ev, event, leg, due, _blocked_part(m, rows, c, w, m[w + L.WB_LEG]))
        cash = m[leg_collateral(m, rows, leg, event) + L.CO_CASH]
        note_shortage(m, cash, 0)
        m[w + L.WB_LEG] += 1
    end_work(m)
    return True


@leaf
def _blocked_part(m, rows, c, w, i):
    """What of leg i's gain is to be blocked: in proportion, the units that rounding leaves go to the largest remainders."""
    amount = m[w + L.WB_BLOCKED]
    if amount == 0:
        return 0
    part, rest = share_of(amount, max(due_of(m, rows, c, leg_at(c, i)), 0), m[w + L.WB_GAINS])
    left = amount
    ahead = 0
    for k in range(rows[c + d.DJ_LEGS]):
        other, other_rest = share_of(amount, max(due_of(m, rows, c, leg_at(c, k)), 0), m[w + L.WB_GAINS])
        left -= other
        if other_rest > rest or other_rest == rest and k < i:
            ahead += 1
    return part + 1 if ahead < left else part


@leaf
def _take_back(m, rows, c, ev, event, leg, due):
    """The account of a leg gives back -due; what it cannot pay now it owes."""
    co = leg_collateral(m, rows, leg, event)
    cash = m[co + L.CO_CASH]
    owed = -due - take_debt(m, co, -due, -due)
    if owed != 0:
        post(m, event, cash, owed, C.WHY_OWED)
        tell(m, ev, event, m[co + L.CO_ACCOUNT], cash, co, 0, owed, C.WHY_OWED)
    post(m, event, cash, due, C.WHY_BUST)
    _report(m, rows, c, ev, leg, due, m[cash + L.B_CASH])


@leaf
def _pay_back(m, rows, c, ev, event, leg, due, blocked):
    """The account of a leg gets back `due`, of which so much is blocked."""
    co = leg_collateral(m, rows, leg, event)
    cash = m[co + L.CO_CASH]
    if blocked != 0:
        add_blocked(m, co, blocked)
        tell(m, ev, event, m[co + L.CO_ACCOUNT], cash, co, 0, 0, C.WHY_CORRECTION)
    post(m, event, cash, due, C.WHY_BUST)
    _report(m, rows, c, ev, leg, due, m[cash + L.B_CASH])


@leaf
def _report(m, rows, c, ev, leg, due, balance):
    """E_BUST or E_CORRECTED to the session that entered the order: the E_FILL, with what moved. What the order itself counts as filled stays."""
    head = rows[leg + L.EVT_HEAD]
    extra = extra_of(head)
    owner = rows[leg + L.EVT_SESSION_ACCOUNT]
    kind = C.E_BUST if rows[c + d.DJ_QTY] == 0 else C.E_CORRECTED
    new = pack_event(kind, extra, terms_of(head), status_of(head), 0, flags_of(head) | C.EF_UNSOLICITED)
    e = begin_event(m, ev, new, session_of(owner), account_of(owner), True)
    for word in range(L.EVT_INSTRUMENT, L.EVT_EXPIRY):
        ev[e + word] = rows[leg + word]
    ev[e + L.EVT_BUST_BALANCE] = balance
    ev[e + L.EVT_BUST_AMOUNT] = due
    ev[e + L.EVT_BUST_OF] = rows[leg + L.EVT_NUMBER]
    if kind == C.E_CORRECTED:
        _new_terms(m, rows, c, ev, e, leg)
    for word in range(extra * L.EVT_WORDS):
        ev[e + L.EVT_WORDS + word] = rows[leg + d.LEG_TEXTS + word]


@leaf
def _new_terms(m, rows, c, ev, e, leg):
    """The words of E_CORRECTED that are not those of its E_FILL. Quantity and value that the order had filled then are as if the fill had been so."""
    was_price = rows[leg + L.EVT_LAST_PRICE]
    was_qty = rows[leg + L.EVT_LAST_QTY]
    price = client_price(m, leg_instrument(m, rows, leg), contract_side_of(rows[leg + L.EVT_HEAD]), rows[c + d.DJ_PRICE])
    qty = rows[c + d.DJ_QTY]
    ev[e + L.EVT_LAST_PRICE] = price
    ev[e + L.EVT_LAST_QTY] = qty
    ev[e + L.EVT_FEE] = fee_now(m, rows, c, leg)
    ev[e + L.EVT_CUM] -= was_qty - qty
    ev[e + L.EVT_NOTIONAL] -= was_price * was_qty - price * qty
    ev[e + L.EVT_WAS_PRICE] = was_price
    ev[e + L.EVT_WAS_QTY] = was_qty
