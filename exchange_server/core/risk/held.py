"""Orders above what a budget allows without a person: they are not entered but wait, and pass once when they are approved and sent again.

Such an order is refused with the number under which it waits (R_BUDGET_APPROVAL); its ClOrdID is not used up, and nothing is reserved. A person approves or
refuses it (markets/budgets.py). Approved, exactly that order passes: the same session, account, ClOrdID and terms. Rows are found through their account;
those that are too old go when the account's next one comes, or when the table is full.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import refuse
from ..kit.jit import leaf, unlikely
from ..kit.pools import pool_alloc, pool_base, pool_cap, pool_left, pool_release
from ..kit.rows import account_at
from ..layout.packed import flags_of, instrument_of, pack_attr, terms_of


@leaf
def _unlink(m, account, at):
    """Take a row (pointer) out of its account's list, and free it."""
    before = 0
    one = m[account + L.AC_HELD]
    while one != at:
        before = one
        one = m[one + L.HE_NEXT]
    if before == 0:
        m[account + L.AC_HELD] = m[at + L.HE_NEXT]
    else:
        m[before + L.HE_NEXT] = m[at + L.HE_NEXT]
    for word in range(L.HELD_WORDS):
        m[at + word] = 0
    pool_release(m, L.P_HELD, at)


@leaf
def drop_held(m, account, every):
    """Free the account's (pointer) rows that are too old, or all of them. Returns how many are left."""
    left = 0
    at = m[account + L.AC_HELD]
    while at != 0:
        following = m[at + L.HE_NEXT]
        if every or m[at + L.HE_UNTIL] <= m[L.H_TIME]:
            _unlink(m, account, at)
        else:
            left += 1
        at = following
    return left


@leaf
def _drop_old(m):
    """Free all rows that are too old."""
    for i in range(m[L.H_POOLS + L.P_HELD * L.POOL_WORDS + L.PL_NEXT]):
        at = pool_base(m, L.P_HELD) + i * L.HELD_WORDS
        if m[at + L.HE_NUMBER] != 0 and m[at + L.HE_UNTIL] <= m[L.H_TIME]:
            _unlink(m, account_at(m, m[at + L.HE_ACCOUNT]), at)


@leaf
def _is_the_same(m, at, rows, c, session, text):
    """Whether the row (pointer) is of this order. text: word offset of its text id in `rows`, -1: its id is a number."""
    head = rows[c + L.CMD_HEAD]
    if m[at + L.HE_SESSION] != session or m[at + L.HE_KEY_HI] != rows[c + L.CMD_ID_HI] or m[at + L.HE_KEY_LO] != rows[c + L.CMD_ID_LO]:
        return False
    if m[at + L.HE_INSTRUMENT] != instrument_of(rows[c + L.CMD_INSTRUMENT]) or m[at + L.HE_ATTR] != pack_attr(
        0, terms_of(head), flags_of(head), 0
    ):
        return False
    if (
        m[at + L.HE_PRICE] != rows[c + L.CMD_PRICE]
        or m[at + L.HE_QTY] != rows[c + L.CMD_QTY]
        or m[at + L.HE_EXPIRY] != rows[c + L.CMD_EXPIRY]
    ):
        return False
    if text >= 0:
        for i in range(8):
            if m[at + L.HE_TEXT + i] != rows[text + i]:
                return False
    return True


@unlikely
def check_approved(m, rows, c, session, account, text, cost):
    """The last check of a new order of a session (id) for an account (pointer) with a budget: C.OK if it may cost so much without a person, or if it was
    approved, which is then used up. R_BUDGET_APPROVAL (asked: the number under which it waits), R_BUDGET_WAITING, R_TABLE_FULL."""
    most = m[account + L.AC_BUDGET_APPROVE]
    if most == 0 or cost <= most:
        return C.OK
    waiting = drop_held(m, account, False)
    at = m[account + L.AC_HELD]
    while at != 0:
        if _is_the_same(m, at, rows, c, session, text):
            if m[at + L.HE_PASSED] == 0:
                return refuse(m, C.R_BUDGET_APPROVAL, most, cost, m[at + L.HE_NUMBER])
            _unlink(m, account, at)
            return C.OK
        at = m[at + L.HE_NEXT]
    if waiting >= L.MOST_HELD:
        return refuse(m, C.R_BUDGET_WAITING, L.MOST_HELD, waiting, 1)
    if pool_left(m, L.P_HELD) < 1:
        _drop_old(m)
    at = pool_alloc(m, L.P_HELD)
    if at == 0:
        return refuse(m, C.R_TABLE_FULL, pool_cap(m, L.P_HELD), pool_cap(m, L.P_HELD), 1)
    m[L.H_HELD] += 1
    head = rows[c + L.CMD_HEAD]
    m[at + L.HE_NEXT] = m[account + L.AC_HELD]
    m[at + L.HE_NUMBER] = L.HELD_IDS + m[L.H_HELD]
    m[at + L.HE_ACCOUNT] = m[account]
    m[at + L.HE_SESSION] = session
    m[at + L.HE_KEY_HI] = rows[c + L.CMD_ID_HI]
    m[at + L.HE_KEY_LO] = rows[c + L.CMD_ID_LO]
    m[at + L.HE_INSTRUMENT] = instrument_of(rows[c + L.CMD_INSTRUMENT])
    m[at + L.HE_ATTR] = pack_attr(0, terms_of(head), flags_of(head), 0)
    m[at + L.HE_PRICE] = rows[c + L.CMD_PRICE]
    m[at + L.HE_QTY] = rows[c + L.CMD_QTY]
    m[at + L.HE_EXPIRY] = rows[c + L.CMD_EXPIRY]
    m[at + L.HE_COST] = cost
    m[at + L.HE_AT] = m[L.H_TIME]
    m[at + L.HE_UNTIL] = m[L.H_TIME] + m[account + L.AC_BUDGET_WAIT]
    m[at + L.HE_PASSED] = 0
    for i in range(8):
        m[at + L.HE_TEXT + i] = rows[text + i] if text >= 0 else 0
    m[account + L.AC_HELD] = at
    return refuse(m, C.R_BUDGET_APPROVAL, most, cost, m[at + L.HE_NUMBER])


@leaf
def release(m, number, passed):
    """A person approves an order that waits (passed), or ends its waiting. An approved one may be entered for as long again. R_UNKNOWN_PENDING,
    R_PENDING_EXPIRED."""
    for i in range(m[L.H_POOLS + L.P_HELD * L.POOL_WORDS + L.PL_NEXT]):
        at = pool_base(m, L.P_HELD) + i * L.HELD_WORDS
        if m[at + L.HE_NUMBER] != number:
            continue
        if m[at + L.HE_UNTIL] <= m[L.H_TIME]:
            return refuse(m, C.R_PENDING_EXPIRED, m[at + L.HE_UNTIL], 0, m[L.H_TIME])
        account = account_at(m, m[at + L.HE_ACCOUNT])
        if not passed:
            _unlink(m, account, at)
        elif m[at + L.HE_PASSED] == 0:
            m[at + L.HE_PASSED] = 1
            m[at + L.HE_UNTIL] = m[L.H_TIME] + m[account + L.AC_BUDGET_WAIT]
        return C.OK
    return refuse(m, C.R_UNKNOWN_PENDING, 0, 0, number)
