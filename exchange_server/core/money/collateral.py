"""Collateral of one account in one event: exactly the worst case (domain.md section 4), updated incrementally.

requirement = B - min(0, worst); worst = sum of the k smallest v_j (at most k: of the k smallest min(v_j, 0)),
v_j = q_j P + B_j - S_j, all in minor units. smallest.py keeps that sum.

A row has columns for E_ROOM contracts. Those after the event's n are all 0 until a new outcome joins: in an at-most group a v of 0 changes no
worst case, and an exactly-k group with room has k = 1, whose search stops at n.

`co` is the pointer of a collateral row, `j` the index of a contract in its event.
"""

from protocol import codes as C

from .. import layout as L
from ..kit.expect import expect
from ..kit.jit import leaf
from ..kit.pairs import PAIR_COLLATERAL, pair_find, pair_put, pair_room
from ..kit.pools import pool_base
from ..kit.rows import firm_row
from .ledger import balance_get
from .products import requirement, reserve_part, sells_base, value_at_worst
from .smallest import LEFT_OUT, begin_smallest, choose, largest_with, set_v, v_column


@leaf
def collateral_find(m, account, event):
    """Collateral row (pointer) of account and event (pointers), 0 if there is none."""
    return pair_find(m, PAIR_COLLATERAL, m[account + L.AC_ID], m[event + L.E_ID])


@leaf
def collateral_words(m, event):
    """Number of words of one account's row in the event (pointer)."""
    return L.CO_COLUMNS + L.CO_COLUMN_COUNT * m[event + L.E_ROOM]


@leaf
def row_fits(m, event):
    """Whether there is a place for one more row of the event (pointer): a freed one of its size, or words that were never used."""
    d = L.H_POOLS + L.P_COLLATERAL * L.POOL_WORDS
    return m[pool_base(m, L.P_SPARE) + m[event + L.E_ROOM]] != 0 or m[d + L.PL_NEXT] + collateral_words(m, event) <= m[d + L.PL_CAP]


@leaf
def collateral_get(m, account, event):
    """Collateral row (pointer) of account and event (pointers), created if missing and added at the end of the event's list; 0 if there is
    no room."""
    co = collateral_find(m, account, event)
    if co != 0:
        return co
    if pair_room(m) < 3:
        return 0
    n = m[event + L.E_ROOM]
    d = L.H_POOLS + L.P_COLLATERAL * L.POOL_WORDS
    words = collateral_words(m, event)
    if not row_fits(m, event):
        return 0
    cash = balance_get(m, m[account + L.AC_ID], m[event + L.E_ASSET])
    if cash == 0:
        return 0
    base = 0
    if sells_base(m, event):
        base = balance_get(m, m[account + L.AC_ID], m[event + L.E_BASE_ASSET])
        if base == 0:
            return 0
    spare = pool_base(m, L.P_SPARE) + n
    co = m[spare]
    if co != 0:
        m[spare] = m[co]
    else:
        co = m[d + L.PL_BASE] + m[d + L.PL_NEXT]
        m[d + L.PL_NEXT] += words
    m[d + L.PL_USED] += words
    m[firm_row(m, m[account + L.AC_FIRM]) + L.F_POSITIONS] += words
    k = m[event + L.E_K_LEFT]
    expect(m, 0 <= k <= n and m[co + L.CO_REQUIRED] == 0, L.INV_COLLATERAL)  # a freed row is all 0 but for its link
    m[co + L.CO_ACCOUNT] = account
    m[co + L.CO_EVENT] = event
    m[co + L.CO_CASH] = cash
    m[co + L.CO_BASE] = base
    m[co + L.CO_N] = n
    begin_smallest(m, co, k)
    if m[event + L.E_LEFT_OUT] != 0:
        for j in range(m[event + L.E_N]):
            if is_paid_ahead(m, event, j):
                m[v_column(m, co) + j] = LEFT_OUT
        choose(m, co, k)
    # The list is in order of first touch, which is the order of settlement reports.
    head = m[event + L.E_COLL_HEAD]
    if head == 0:
        m[event + L.E_COLL_HEAD] = co
    else:
        m[m[event + L.E_COLL_TAIL] + L.CO_NEXT_IN_EVENT] = co
    m[event + L.E_COLL_TAIL] = co
    pair_put(m, PAIR_COLLATERAL, m[account + L.AC_ID], m[event + L.E_ID], co)
    return co


@leaf
def pays_for_winner(m, co, j):
    """Whether the account's buying power does not fall if contract j of an exactly-k group, 1 < k < n, wins and is paid ahead. It would fall where the
    account is short in j and the rest has a certain surplus, which no requirement counts. The account has no orders in j."""
    worst = m[co + L.CO_WORST]
    v = m[v_column(m, co) + j]
    gone = largest_with(m, co, j)
    return v + min(0, worst - gone) >= min(0, worst)


@leaf
def leave_out(m, co, j):
    """Contract j, in which the account has nothing any more, was paid ahead of its group: the requirement is of the rest from here on."""
    cash = m[co + L.CO_CASH]
    expect(m, m[co + L.CO_COLUMNS + j] == 0 and m[v_column(m, co) + j] == 0, L.INV_COLLATERAL)
    m[v_column(m, co) + j] = LEFT_OUT
    choose(m, co, m[m[co + L.CO_EVENT] + L.E_K_LEFT])
    required = requirement(m[co + L.CO_BUYS], m[co + L.CO_WORST])
    m[cash + L.B_LOCKED] += required - m[co + L.CO_REQUIRED]
    m[co + L.CO_REQUIRED] = required


@leaf
def is_paid_ahead(m, event, j):
    """Whether contract j of an event (pointer) was paid ahead of the rest."""
    return m[m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS + L.I_AHEAD] == C.PH_FINAL


@leaf
def collateral_shift(m, co, j, dq, dbuy, dsell):
    """Change position (lots) and money of open buys and sells (minor units) of contract j by these amounts, and update the locked money.

    For a spot pair: dq is 0, dbuy is in minor units of the quote asset, dsell of the base asset.
    """
    event = m[co + L.CO_EVENT]
    cash = m[co + L.CO_CASH]
    if m[co + L.CO_BASE] != 0:
        m[co + L.CO_BUYS] += dbuy
        m[co + L.CO_REQUIRED] += dbuy
        m[cash + L.B_LOCKED] += dbuy
        m[co + L.CO_HELD_BASE] += dsell
        m[m[co + L.CO_BASE] + L.B_LOCKED] += dsell
        expect(m, dq == 0 and m[co + L.CO_REQUIRED] >= 0 and m[co + L.CO_HELD_BASE] >= 0, L.INV_COLLATERAL)
        return
    n = m[co + L.CO_N]
    q = co + L.CO_COLUMNS + j
    if dq != 0:
        before = m[q]
        m[q] = before + dq
        m[m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS + L.I_OPEN_INTEREST] += max(before + dq, 0) - max(before, 0)
    m[q + L.COL_BUY * n] += dbuy
    m[q + L.COL_SELL * n] += dsell
    m[co + L.CO_BUYS] += dbuy
    set_v(m, co, j, value_at_worst(m, event, m[q], m[q + L.COL_BUY * n], m[q + L.COL_SELL * n]))
    expect(m, m[q + L.COL_BUY * n] >= 0 and m[q + L.COL_SELL * n] >= 0, L.INV_COLLATERAL)
    required = requirement(m[co + L.CO_BUYS], m[co + L.CO_WORST])
    expect(m, required >= m[co + L.CO_BUYS] >= 0, L.INV_COLLATERAL)
    m[cash + L.B_LOCKED] += required - m[co + L.CO_REQUIRED]
    m[co + L.CO_REQUIRED] = required
    expect(m, m[cash + L.B_LOCKED] >= required, L.INV_COLLATERAL)


@leaf
def open_quantity(m, co, j, sell, quantity):
    """Add `quantity` lots (may be negative) to the account's open quantity on one side of contract j. sell: 0 buys, 1 sells."""
    at = co + L.CO_COLUMNS + (L.COL_SQ if sell != 0 else L.COL_BQ) * m[co + L.CO_N] + j
    m[at] += quantity
    expect(m, m[at] >= 0, L.INV_COLLATERAL)


@leaf
def keep_settled(m, co, j, q):
    """Keep the position (lots) of contract j for which the account has been paid, in the column of an open quantity that is 0 for good."""
    expect(m, m[co + L.CO_COLUMNS + L.SETTLED_POSITION * m[co + L.CO_N] + j] == 0, L.INV_COLLATERAL)
    m[co + L.CO_COLUMNS + L.SETTLED_POSITION * m[co + L.CO_N] + j] = q


@leaf
def keeps_settled(m, event, j):
    """Whether accounts of the event (pointer) have been paid for contract j, so that its column of open buys has settled positions."""
    whole = m[event + L.E_SETTLING] != 0 and m[event + L.E_SETTLING] != L.SETTLE_AHEAD or m[event + L.E_SETTLE_ID] != 0
    return whole or is_paid_ahead(m, event, j)


@leaf
def reserve(m, inst, co, book_side, price, quantity, fee, sign):
    """Add (sign 1) or release (sign -1) the reservation of an order: `quantity` lots at `price` (YES ticks), and its fee part (minor
    units)."""
    expect(m, quantity > 0 and fee >= 0, L.INV_COLLATERAL)
    amount = sign * (reserve_part(m, inst, book_side, price, quantity) + fee)
    j = m[inst + L.I_INDEX]
    if book_side == C.BUY:
        collateral_shift(m, co, j, 0, amount, 0)
        open_quantity(m, co, j, 0, sign * quantity)
    else:
        collateral_shift(m, co, j, 0, 0, amount)
        open_quantity(m, co, j, 1, sign * quantity)


@leaf
def position_of(m, co, j):
    """Position in contract j in lots, negative: short. co 0: 0."""
    return m[co + L.CO_COLUMNS + j] if co != 0 else 0


@leaf
def open_of(m, co, j, sell):
    """Open quantity (lots) of the account's buys (sell 0) or sells (sell 1) in contract j. co 0: 0."""
    if co == 0:
        return 0
    return m[co + L.CO_COLUMNS + (L.COL_SQ if sell != 0 else L.COL_BQ) * m[co + L.CO_N] + j]


@leaf
def note_shortage(m, balance, amount):
    """Keep in B_BUST whether a balance (pointer), once `amount` more is paid to it, has less cash than is locked, other than by debts."""
    m[balance + L.B_BUST] = 1 if m[balance + L.B_CASH] + amount < m[balance + L.B_LOCKED] - m[balance + L.B_OWED] else 0


@leaf
def buying_power(m, balance):
    """Cash less locked (minor units) of a balance row (pointer)."""
    return m[balance + L.B_CASH] - m[balance + L.B_LOCKED]
