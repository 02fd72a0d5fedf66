"""Collateral of one account in one event: exactly the worst case (domain.md section 4), kept up to date by differences.

requirement = B - min(0, worst); worst = sum of the k smallest v_j (at most k: of the k smallest min(v_j, 0)),
v_j = q_j P + B_j - S_j, all in minor units. The k smallest are kept as a chosen set: one change of one v_j swaps at most
one member, so an update costs at most one pass over n words, and for k = 1 usually none.
"""

from protocol.codes import AT_MOST, SCALAR, SPOT

from .jit import leaf
from .pools import (
    PAIR_BALANCE,
    PAIR_COLLATERAL,
    pair_find,
    pair_put,
    pair_room,
    pool_alloc,
)
from .records import (
    AC_ID,
    B_ACCOUNT,
    B_ASSET,
    B_CASH,
    B_LOCKED,
    CO_ACCOUNT,
    CO_BASE,
    CO_BUYS,
    CO_CASH,
    CO_COLUMN_COUNT,
    CO_COLUMNS,
    CO_EVENT,
    CO_HELD_BASE,
    CO_K,
    CO_N,
    CO_NEXT_IN_EVENT,
    CO_REQUIRED,
    CO_WORST,
    COL_BQ,
    COL_BUY,
    COL_CHOSEN,
    COL_SELL,
    COL_SQ,
    COL_V,
    E_ASSET,
    E_BASE_ASSET,
    E_COLL_HEAD,
    E_COLL_TAIL,
    E_FIRST,
    E_ID,
    E_K,
    E_N,
    E_PAYOUT,
    E_PRODUCT,
    E_TICK_VALUE,
    H_POOLS,
    I_OPEN_INTEREST,
    INSTRUMENT_WORDS,
    P_BALANCE,
    P_COLLATERAL,
    PL_BASE,
    PL_CAP,
    PL_NEXT,
    PL_USED,
    POOL_WORDS,
)


@leaf
def balance_get(m, account_id, asset_id):
    """Balance row of (account, asset), made when missing; 0 when there is no room."""
    b = pair_find(m, PAIR_BALANCE, account_id, asset_id)
    if b != 0:
        return b
    if pair_room(m) < 1:
        return 0
    b = pool_alloc(m, P_BALANCE)
    if b == 0:
        return 0
    m[b + B_ACCOUNT] = account_id
    m[b + B_ASSET] = asset_id
    m[b + B_CASH] = 0
    m[b + B_LOCKED] = 0
    pair_put(m, PAIR_BALANCE, account_id, asset_id, b)
    return b


@leaf
def collateral_find(m, account, event):
    return pair_find(m, PAIR_COLLATERAL, m[account + AC_ID], m[event + E_ID])


@leaf
def collateral_get(m, account, event):
    """Collateral row of (account, event), made when missing; 0 when there is no room. New rows join the end of the event's list."""
    co = collateral_find(m, account, event)
    if co != 0:
        return co
    if pair_room(m) < 3:
        return 0
    n = m[event + E_N]
    d = H_POOLS + P_COLLATERAL * POOL_WORDS
    words = CO_COLUMNS + CO_COLUMN_COUNT * n
    if m[d + PL_NEXT] + words > m[d + PL_CAP]:
        return 0
    cash = balance_get(m, m[account + AC_ID], m[event + E_ASSET])
    if cash == 0:
        return 0
    base = 0
    if m[event + E_PRODUCT] == SPOT:
        base = balance_get(m, m[account + AC_ID], m[event + E_BASE_ASSET])
        if base == 0:
            return 0
    co = m[d + PL_BASE] + m[d + PL_NEXT]
    m[d + PL_NEXT] += words
    m[d + PL_USED] += words
    k = m[event + E_K]
    m[co + CO_ACCOUNT] = account
    m[co + CO_EVENT] = event
    m[co + CO_CASH] = cash
    m[co + CO_BASE] = base
    m[co + CO_N] = n
    m[co + CO_K] = k
    for j in range(min(k, n)):
        m[co + CO_COLUMNS + COL_CHOSEN * n + j] = 1
    # The list is in order of first touch: settlement reports come in it.
    head = m[event + E_COLL_HEAD]
    if head == 0:
        m[event + E_COLL_HEAD] = co
    else:
        m[m[event + E_COLL_TAIL] + CO_NEXT_IN_EVENT] = co
    m[event + E_COLL_TAIL] = co
    pair_put(m, PAIR_COLLATERAL, m[account + AC_ID], m[event + E_ID], co)
    return co


@leaf
def _set_v(m, co, j, v):
    """Contract j is now worth v at most in its worst: keep CO_WORST the sum of the k smallest."""
    n = m[co + CO_N]
    k = m[co + CO_K]
    column = co + CO_COLUMNS + COL_V * n
    old = m[column + j]
    if v == old:
        return
    m[column + j] = v
    if k >= n:
        m[co + CO_WORST] += v - old
        return
    if k == 1:
        if v <= m[co + CO_WORST]:
            m[co + CO_WORST] = v
        elif old == m[co + CO_WORST]:
            least = m[column]
            for i in range(1, n):
                least = min(least, m[column + i])
            m[co + CO_WORST] = least
        return
    chosen = co + CO_COLUMNS + COL_CHOSEN * n
    if m[chosen + j] != 0:
        m[co + CO_WORST] += v - old
        if v > old:
            at = -1
            least = v
            for i in range(n):
                if m[chosen + i] == 0 and m[column + i] < least:
                    least = m[column + i]
                    at = i
            if at >= 0:
                m[chosen + j] = 0
                m[chosen + at] = 1
                m[co + CO_WORST] += least - v
    elif v < old:
        at = -1
        most = v
        for i in range(n):
            if m[chosen + i] != 0 and m[column + i] > most:
                most = m[column + i]
                at = i
        if at >= 0:
            m[chosen + at] = 0
            m[chosen + j] = 1
            m[co + CO_WORST] += v - most


@leaf
def collateral_shift(m, co, j, dq, dbuy, dsell):
    """Position and open-order money of contract j change by these amounts (lots, minor units, minor units); locks follow.

    Spot: dq is 0, dbuy is held quote, dsell is held BASE.
    """
    event = m[co + CO_EVENT]
    product = m[event + E_PRODUCT]
    cash = m[co + CO_CASH]
    if product == SPOT:
        m[co + CO_BUYS] += dbuy
        m[co + CO_REQUIRED] += dbuy
        m[cash + B_LOCKED] += dbuy
        m[co + CO_HELD_BASE] += dsell
        m[m[co + CO_BASE] + B_LOCKED] += dsell
        return
    n = m[co + CO_N]
    q = co + CO_COLUMNS + j
    if dq != 0:
        before = m[q]
        m[q] = before + dq
        m[m[event + E_FIRST] + j * INSTRUMENT_WORDS + I_OPEN_INTEREST] += max(before + dq, 0) - max(before, 0)
    m[q + COL_BUY * n] += dbuy
    m[q + COL_SELL * n] += dsell
    m[co + CO_BUYS] += dbuy
    v = m[q] * m[event + E_PAYOUT] * m[event + E_TICK_VALUE] + m[q + COL_BUY * n] - m[q + COL_SELL * n]
    if product == AT_MOST or product == SCALAR:
        v = min(v, 0)
    _set_v(m, co, j, v)
    required = m[co + CO_BUYS] - min(0, m[co + CO_WORST])
    m[cash + B_LOCKED] += required - m[co + CO_REQUIRED]
    m[co + CO_REQUIRED] = required


@leaf
def open_quantity(m, co, j, sell, quantity):
    """Open quantity of the account on one side of contract j changes."""
    n = m[co + CO_N]
    m[co + CO_COLUMNS + (COL_SQ if sell != 0 else COL_BQ) * n + j] += quantity


@leaf
def position_of(m, co, j):
    return m[co + CO_COLUMNS + j] if co != 0 else 0


@leaf
def open_of(m, co, j, sell):
    if co == 0:
        return 0
    return m[co + CO_COLUMNS + (COL_SQ if sell != 0 else COL_BQ) * m[co + CO_N] + j]


@leaf
def buying_power(m, balance):
    return m[balance + B_CASH] - m[balance + B_LOCKED]
