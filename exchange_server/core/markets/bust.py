"""A trade is taken back before its market is final: positions, price times quantity, fees, rebates and the shares of fees, to the unit.

Each leg of the row is an E_FILL of the trade as it was written, so the core knows what moved then. All legs together; orders are not
restored. First who got too much pays (what cannot be paid is owed, debts.py), then bond and platform stand in, then who gets back is paid; what
nobody covers is blocked, in proportion, largest remainder. Those who shared the fees give their shares back; a fee account may go below 0. A
position that changes back may need more collateral than its account has. This leaves less cash than is locked (B_BUST), as does a blocked credit
that its account has spent (correct.py); nothing else does.

Of a spot pair also the base comes back. Both accounts must have free what they give back (R_BUST_SPENT): base that is gone has no pool in which it
could be owed.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import begin_event, client_price, refuse, room
from ..kit.jit import leaf
from ..kit.rows import account_at, event_at, instrument_at
from ..kit.work import begin_work, end_work, work_row
from ..layout import definitions as d
from ..layout.packed import (
    account_of,
    contract_side_of,
    extra_of,
    fee_before,
    flags_of,
    in_yes_terms,
    instrument_of,
    owner_share_of,
    pack_event,
    session_of,
    side_of,
    status_of,
    terms_of,
    venue_share_of,
)
from ..money.collateral import buying_power, collateral_find, collateral_shift, note_shortage
from ..money.fees import BPS
from ..money.ledger import balance_get, post
from ..money.products import fill_base, fill_cash, has_sets, sells_base
from .debts import COVER_ROWS, add_blocked, cover, share_of, take_debt, tell

LEG_ROWS = 4  # event rows of a leg: what is owed or blocked, E_BUST with its texts, and one to spare


# ---- a leg: `leg` is the word offset of its E_FILL in the row ------------------------------------------------------------


@leaf
def leg_at(c, i):
    """Offset of leg i of the row at c."""
    return c + d.DJ_FIRST_LEG + i * d.BUST_LEG_WORDS


@leaf
def _instrument(m, rows, leg):
    return instrument_at(m, instrument_of(rows[leg + L.EVT_INSTRUMENT]))


@leaf
def _collateral(m, rows, leg, event):
    """Collateral row of the leg's account, 0: it has none."""
    account = account_at(m, account_of(rows[leg + L.EVT_SESSION_ACCOUNT]))
    return collateral_find(m, account, event) if account != 0 else 0


@leaf
def _other(m, rows, c, event, i):
    """Collateral row of the other side of a trade of two legs."""
    return _collateral(m, rows, leg_at(c, 1 - i), event)


@leaf
def _bought(rows, leg):
    """Lots that the leg bought in YES terms; negative: sold."""
    head = rows[leg + L.EVT_HEAD]
    buys = in_yes_terms(side_of(head), contract_side_of(head)) == C.BUY
    return rows[leg + L.EVT_LAST_QTY] if buys else -rows[leg + L.EVT_LAST_QTY]


@leaf
def due_of(m, rows, leg):
    """What the account of a leg gets back (minor units; negative: gives back): what the fill and its fee moved, the other way."""
    inst = _instrument(m, rows, leg)
    price = client_price(m, inst, contract_side_of(rows[leg + L.EVT_HEAD]), rows[leg + L.EVT_LAST_PRICE])
    paid = fill_cash(m, inst, price, rows[leg + L.EVT_LAST_QTY])
    return (paid if _bought(rows, leg) > 0 else -paid) + rows[leg + L.EVT_FEE]


@leaf
def _check(m, rows, c, event):
    """All legs are of the event, of accounts with positions there, and change all its contracts alike: C.OK or R_UNKNOWN_TRADE."""
    legs = rows[c + d.DJ_LEGS]
    trade = rows[c + d.DJ_TRADE]
    wrong = legs < 2 or legs > d.MOST_LEGS
    first = 0
    for j in range(m[event + L.E_N]):
        net = 0
        for i in range(legs if not wrong else 0):
            leg = leg_at(c, i)
            inst = _instrument(m, rows, leg)
            if inst == 0 or m[inst + L.I_EVENT] != event or rows[leg + L.EVT_TRADE] != trade or _collateral(m, rows, leg, event) == 0:
                wrong = True
            elif m[inst + L.I_INDEX] == j:
                net += _bought(rows, leg)
        if j == 0:
            first = net
        wrong = wrong or net != first or net != 0 and not has_sets(m, event)
    return refuse(m, C.R_UNKNOWN_TRADE, 0, 0, trade) if wrong else C.OK


@leaf
def _check_paid(m, rows, c):
    """No contract of a leg was paid ahead of its group: C.OK or R_BUST_FINAL."""
    for i in range(rows[c + d.DJ_LEGS]):
        inst = _instrument(m, rows, leg_at(c, i))
        if m[inst + L.I_AHEAD] == C.PH_FINAL:
            return refuse(m, C.R_BUST_FINAL, 0, m[inst], rows[c + d.DJ_TRADE])
    return C.OK


@leaf
def _check_spot(m, rows, c, event):
    """Each account of a spot trade has free what it has to give back. No pool stands between the two, so nobody could owe it: C.OK or
    R_BUST_SPENT (limit: what is free, used: the account, asked: what has to come back)."""
    if rows[c + d.DJ_LEGS] != 2:
        return refuse(m, C.R_UNKNOWN_TRADE, 0, 0, rows[c + d.DJ_TRADE])
    for i in range(2):
        leg = leg_at(c, i)
        co = _collateral(m, rows, leg, event)
        account = account_of(rows[leg + L.EVT_SESSION_ACCOUNT])
        due = due_of(m, rows, leg)
        base = fill_base(m, event, _bought(rows, leg))
        if due < 0 and buying_power(m, m[co + L.CO_CASH]) < -due:
            return refuse(m, C.R_BUST_SPENT, buying_power(m, m[co + L.CO_CASH]), account, -due)
        if base > 0 and buying_power(m, m[co + L.CO_BASE]) < base:
            return refuse(m, C.R_BUST_SPENT, buying_power(m, m[co + L.CO_BASE]), account, base)
    return C.OK


@leaf
def _check_splits(m, rows, c, event):
    """No outcome was split out of the contract of a leg after its fill: who held it then got as much of the new one, also of what would be
    taken back now. C.OK or R_BUST_SPLIT."""
    for i in range(rows[c + d.DJ_LEGS]):
        leg = leg_at(c, i)
        source = instrument_of(rows[leg + L.EVT_INSTRUMENT])
        for j in range(m[event + L.E_N]):
            inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
            if m[inst + L.I_SPLIT_FROM] == source and m[inst + L.I_SPLIT_AT] > rows[leg + L.EVT_NUMBER]:
                return refuse(m, C.R_BUST_SPLIT, 0, m[inst], rows[c + d.DJ_TRADE])
    return C.OK


# ---- the act -----------------------------------------------------------------------------------------------------------


@leaf
def do_bust(m, rows, c):
    """Take the positions and the shares of the fees back, and begin with the money. R_UNKNOWN_EVENT, R_BUST_FINAL,
    R_UNKNOWN_TRADE, R_BUST_SPLIT, R_BUST_SPENT."""
    event = event_at(m, rows[c + d.DJ_EVENT])
    if event == 0:
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DJ_EVENT])
    if m[event + L.E_PHASE_NOW] == C.PH_FINAL:
        return refuse(m, C.R_BUST_FINAL, 0, 0, rows[c + d.DJ_TRADE])
    code = _check(m, rows, c, event)
    if code == C.OK:
        code = _check_paid(m, rows, c)
    if code == C.OK:
        code = _check_splits(m, rows, c, event)
    if code == C.OK and sells_base(m, event):
        code = _check_spot(m, rows, c, event)
    if code != C.OK:
        return code
    if rows[c + d.DJ_BOND] != 0:
        m[event + L.E_BOND] = rows[c + d.DJ_BOND]
    m[event + L.E_BUSTS] += 1
    sets = 0
    rebates = 0
    for i in range(rows[c + d.DJ_LEGS]):
        leg = leg_at(c, i)
        inst = _instrument(m, rows, leg)
        bought = _bought(rows, leg)
        co = _collateral(m, rows, leg, event)
        if sells_base(m, event):
            if bought > 0:
                post(m, m[co + L.CO_BASE], m[_other(m, rows, c, event, i) + L.CO_BASE], fill_base(m, event, bought), C.WHY_BUST)
        else:
            collateral_shift(m, co, m[inst + L.I_INDEX], -bought, 0, 0)
        sets += bought if m[inst + L.I_INDEX] == 0 else 0
        rebates += min(rows[leg + L.EVT_FEE], 0)
    m[event + L.E_SETS] -= sets
    for i in range(rows[c + d.DJ_LEGS]):
        leg = leg_at(c, i)
        change = max(rows[leg + L.EVT_FEE], 0)
        if flags_of(rows[leg + L.EVT_HEAD]) & C.EF_TAKER != 0:
            change += rebates  # the taker's fee financed them
            rebates = 0
        _take_shares(m, rows, c, leg, event, change)
    w = begin_work(m, L.WORK_BUST)
    m[w + L.WB_COMMAND] = c
    m[w + L.WB_PAID] = 0
    m[w + L.WB_LEG] = 0
    m[w + L.WB_GAINS] = 0
    return C.OK


@leaf
def _take_shares(m, rows, c, leg, event, change):
    """Who shared a change of an order's net fee (minor units) gives the part back to the pool."""
    terms = rows[leg + L.EVT_FILL_TERMS]
    before = fee_before(terms)
    after = before + change
    owner = (after * owner_share_of(terms)) // BPS - (before * owner_share_of(terms)) // BPS
    venue = (after * venue_share_of(terms)) // BPS - (before * venue_share_of(terms)) // BPS
    _give_back(m, event, rows[c + d.DJ_OWNER_ACCOUNT], owner)
    _give_back(m, event, rows[leg + d.LEG_VENUE_ACCOUNT], venue)
    _give_back(m, event, d.PLATFORM_FEE_ACCOUNT, change - owner - venue)


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
            due = due_of(m, rows, leg)
            if due < 0:
                _take_back(m, rows, ev, event, leg, due)
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
        due = due_of(m, rows, leg)
        if due >= 0:
            _pay_back(m, rows, ev, event, leg, due, _blocked_part(m, rows, c, w, m[w + L.WB_LEG]))
        cash = m[_collateral(m, rows, leg, event) + L.CO_CASH]
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
    part, rest = share_of(amount, max(due_of(m, rows, leg_at(c, i)), 0), m[w + L.WB_GAINS])
    left = amount
    ahead = 0
    for k in range(rows[c + d.DJ_LEGS]):
        other, other_rest = share_of(amount, max(due_of(m, rows, leg_at(c, k)), 0), m[w + L.WB_GAINS])
        left -= other
        if other_rest > rest or other_rest == rest and k < i:
            ahead += 1
    return part + 1 if ahead < left else part


@leaf
def _take_back(m, rows, ev, event, leg, due):
    """The account of a leg gives back -due; what it cannot pay now it owes."""
    co = _collateral(m, rows, leg, event)
    cash = m[co + L.CO_CASH]
    owed = -due - take_debt(m, co, -due, -due)
    if owed != 0:
        post(m, event, cash, owed, C.WHY_OWED)
        tell(m, ev, event, m[co + L.CO_ACCOUNT], cash, co, 0, owed, C.WHY_OWED)
    post(m, event, cash, due, C.WHY_BUST)
    _report(m, rows, ev, leg, due, m[cash + L.B_CASH])


@leaf
def _pay_back(m, rows, ev, event, leg, due, blocked):
    """The account of a leg gets back `due`, of which so much is blocked."""
    co = _collateral(m, rows, leg, event)
    cash = m[co + L.CO_CASH]
    if blocked != 0:
        add_blocked(m, co, blocked)
        tell(m, ev, event, m[co + L.CO_ACCOUNT], cash, co, 0, 0, C.WHY_CORRECTION)
    post(m, event, cash, due, C.WHY_BUST)
    _report(m, rows, ev, leg, due, m[cash + L.B_CASH])


@leaf
def _report(m, rows, ev, leg, due, balance):
    """E_BUST to the session that entered the order: the E_FILL, with what moved back. What the order counts as filled stays."""
    head = rows[leg + L.EVT_HEAD]
    extra = extra_of(head)
    owner = rows[leg + L.EVT_SESSION_ACCOUNT]
    new = pack_event(C.E_BUST, extra, terms_of(head), status_of(head), 0, flags_of(head) | C.EF_UNSOLICITED)
    e = begin_event(m, ev, new, session_of(owner), account_of(owner), True)
    for word in range(L.EVT_INSTRUMENT, L.EVT_EXPIRY):
        ev[e + word] = rows[leg + word]
    ev[e + L.EVT_BUST_BALANCE] = balance
    ev[e + L.EVT_BUST_AMOUNT] = due
    ev[e + L.EVT_BUST_OF] = rows[leg + L.EVT_NUMBER]
    for word in range(extra * L.EVT_WORDS):
        ev[e + L.EVT_WORDS + word] = rows[leg + d.LEG_TEXTS + word]
