"""What corrections and busts leave behind: debts of accounts, who stands for them, and credits that are blocked until they are covered.

A reversing entry that an account cannot pay from free cash becomes its debt (CO_OWED). Free cash is what backs nothing else, so the other
markets of the account stay covered. The debt is locked, so later money cannot leave before it is paid, and buying power may be negative.
The bond of the owner venue pays for debts, then the platform's own account; for what neither covers, credits are blocked (CO_BLOCKED): in
the cash of their account, but locked. So the pool of the event has at all times the worth of its sets less E_BLOCKED, and no debt is covered
by nobody (is_short).

What a debtor pays later frees blocked credits in proportion, then goes to the platform, then to the bond.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import begin_event
from ..kit.expect import expect
from ..kit.jit import leaf
from ..kit.pairs import PAIR_BALANCE, pair_find
from ..kit.rows import account_at
from ..layout.definitions import PLATFORM_FEE_ACCOUNT
from ..layout.packed import pack_event, pack_instrument
from ..money.ledger import post
from ..money.products import sets_worth
from .slices import reported_session

COVER_ROWS = 2  # event rows that `cover` may write


@leaf
def tell(m, ev, event, account, cash, co, inst, amount, why):
    """E_REVERSED for an account (pointer); cash, co, inst: its balance, its collateral row (0: a bond, the platform), the contract (0: none),
    as pointers. Returns the offset of the row."""
    e = begin_event(m, ev, pack_event(C.E_REVERSED, 0, 0, 0, 0, 0), reported_session(m, account), m[account + L.AC_ID], True)
    ev[e + L.EVT_INSTRUMENT] = pack_instrument(m[inst + L.I_ID], 0) if inst != 0 else 0
    ev[e + L.EVT_REVERSED_EVENT] = m[event]
    ev[e + L.EVT_REVERSED_VERSION] = m[event + L.E_VERSION]
    ev[e + L.EVT_REVERSED_AMOUNT] = amount
    ev[e + L.EVT_REVERSED_BALANCE] = m[cash + L.B_CASH]
    ev[e + L.EVT_REVERSED_OWED] = m[co + L.CO_OWED] if co != 0 else 0
    ev[e + L.EVT_REVERSED_BLOCKED] = m[co + L.CO_BLOCKED] if co != 0 else 0
    ev[e + L.EVT_REVERSED_WHY] = why
    ev[e + L.EVT_REVERSED_ASSET] = m[event + L.E_ASSET]
    return e


@leaf
def add_debt(m, co, amount):
    """The account of collateral row `co` owes so much more (negative: less), and as much more of its cash is locked."""
    cash = m[co + L.CO_CASH]
    m[co + L.CO_OWED] += amount
    m[cash + L.B_OWED] += amount
    m[cash + L.B_LOCKED] += amount
    m[m[co + L.CO_EVENT] + L.E_OWED] += amount
    expect(m, m[co + L.CO_OWED] >= 0 and m[cash + L.B_OWED] >= 0, L.INV_LEDGER)


@leaf
def add_blocked(m, co, amount):
    """So much more (negative: less) of the account's cash is a blocked credit."""
    m[co + L.CO_BLOCKED] += amount
    m[m[co + L.CO_CASH] + L.B_LOCKED] += amount
    m[m[co + L.CO_EVENT] + L.E_BLOCKED] += amount
    expect(m, m[co + L.CO_BLOCKED] >= 0, L.INV_LEDGER)


@leaf
def is_short(m, event):
    """Whether debts of the event's accounts are covered by nobody yet."""
    return m[event + L.E_OWED] != m[event + L.E_BLOCKED] + m[event + L.E_FROM_BOND] + m[event + L.E_FROM_PLATFORM]


@leaf
def take_debt(m, co, due, most):
    """The account owes `due` more; of all it owes it can pay what is returned (at most `most`), which the caller posts. Its own blocked
    credit of this event is cash for that."""
    cash = m[co + L.CO_CASH]
    add_debt(m, co, due)
    backing = m[cash + L.B_LOCKED] - m[cash + L.B_OWED] - m[co + L.CO_BLOCKED]
    pays = min(m[co + L.CO_OWED], most, max(0, m[cash + L.B_CASH] - backing))
    add_debt(m, co, -pays)
    add_blocked(m, co, -min(pays, m[co + L.CO_BLOCKED]))
    return pays


@leaf
def _stand_in(m, ev, event, id, amount, word):
    """Bond or platform (account id) pays up to `amount` for debts: what it pays, also counted in the event's `word`."""
    cash = pair_find(m, PAIR_BALANCE, id, m[event + L.E_ASSET])
    part = min(amount, max(0, m[cash + L.B_CASH])) if cash != 0 else 0
    if part != 0:
        post(m, cash, event, part, C.WHY_COVER)
        m[event + word] += part
        tell(m, ev, event, account_at(m, id), cash, 0, 0, -part, C.WHY_COVER)
    return part


@leaf
def _pay_back(m, ev, event, id, amount, word):
    """Bond or platform (account id) gets back up to `amount` of what it paid: what it gets."""
    part = min(amount, m[event + word])
    if part != 0:
        cash = pair_find(m, PAIR_BALANCE, id, m[event + L.E_ASSET])
        post(m, event, cash, part, C.WHY_COVER)
        m[event + word] -= part
        tell(m, ev, event, account_at(m, id), cash, 0, 0, part, C.WHY_COVER)
    return part


@leaf
def cover(m, ev, event, gains, kept):
    """Bond, then platform, pay what the pool lacks for `gains` (minor units, not yet paid out) and for blocked credits, but for `kept` of
    them; of a surplus they get back what they paid. Returns what is to be blocked; negative: what of the blocked credits is covered now. Room for
    COVER_ROWS."""
    lacks = sets_worth(m, event, m[event + L.E_SETS]) + gains - m[event + L.E_POOL] - kept
    if lacks >= 0:
        if m[event + L.E_BOND] != 0:
            lacks -= _stand_in(m, ev, event, m[event + L.E_BOND], lacks, L.E_FROM_BOND)
        lacks -= _stand_in(m, ev, event, PLATFORM_FEE_ACCOUNT, lacks, L.E_FROM_PLATFORM)
        return lacks + kept - m[event + L.E_BLOCKED]
    rest = -lacks
    rest -= _pay_back(m, ev, event, PLATFORM_FEE_ACCOUNT, rest, L.E_FROM_PLATFORM)
    rest -= _pay_back(m, ev, event, m[event + L.E_BOND], rest, L.E_FROM_BOND)
    if rest != 0:
        m[L.H_ERROR] = L.INV_LEDGER
    return -m[event + L.E_BLOCKED]


@leaf
def share_of(amount, weight, whole):
    """(amount * weight // whole, amount * weight % whole) for 0 <= weight <= whole < 2^61 and amount < 2^62, whose product may be larger
    than a word."""
    if amount == 0 or weight < (1 << 62) // amount:
        return amount * weight // whole, amount * weight % whole
    part = 0
    rest = 0
    for i in range(62):
        part *= 2
        rest *= 2
        if rest >= whole:
            rest -= whole
            part += 1
        if (amount >> (61 - i)) & 1 != 0:
            rest += weight
            if rest >= whole:
                rest -= whole
                part += 1
    return part, rest
