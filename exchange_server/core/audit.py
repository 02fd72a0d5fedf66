"""The state in canonical order for the digest, and the invariants that a state can prove of itself.

The dump depends on what happened, not on capacities or free lists: balances and collateral rows in order of first use, books contract by contract,
best price first, queue order. Dumped words are logical: ids, prices, quantities, amounts; no pointers.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from protocol.codes import ACCT_TRADING, AT_MOST, EXACTLY, SCALAR, SPOT

from .book import level_worse
from .jit import kernel, leaf
from .pools import account_at, event_at, pool_base, pool_cap, session_at
from .records import (
    A_EXTERNAL,
    AC_ID,
    AC_KIND,
    ASSET_WORDS,
    B_ACCOUNT,
    B_ASSET,
    B_CASH,
    B_LOCKED,
    BALANCE_WORDS,
    CO_ACCOUNT,
    CO_BASE,
    CO_BUYS,
    CO_CASH,
    CO_COLUMNS,
    CO_HELD_BASE,
    CO_NEXT_IN_EVENT,
    CO_REQUIRED,
    CO_WORST,
    COL_BQ,
    COL_BUY,
    COL_CHOSEN,
    COL_SELL,
    COL_V,
    E_ASSET,
    E_BASE_ASSET,
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
    E_TICK_VALUE,
    E_VERSION,
    E_WINDOW_END,
    EVENT_WORDS,
    H_ARCHIVE_USED,
    H_EVENT_SEQ,
    H_KILLED,
    H_OPEN_ORDERS,
    H_ORDER_SEQ,
    H_POOLS,
    H_ROW_SEQ,
    H_TICK,
    H_TIME,
    H_TRADE_SEQ,
    H_TURN,
    I_BEST_BID,
    I_COLLAR,
    I_LAST,
    I_OPEN_INTEREST,
    I_PAID,
    I_REFERENCE,
    I_VOLUME,
    INSTRUMENT_WORDS,
    L_HEAD,
    O_ATTR,
    O_COLL,
    O_CUM,
    O_EXPIRY,
    O_FEE_NUM,
    O_FEE_PAID,
    O_FEES,
    O_ID,
    O_KEY_HI,
    O_KEY_LO,
    O_LEAVES,
    O_NET_FEE,
    O_NEXT,
    O_NOTIONAL,
    O_PRICE,
    O_QTY,
    O_REBATE_PAID,
    O_RESERVED_FEE,
    O_SESSION,
    P_ASSET,
    P_BALANCE,
    P_EVENT,
    P_SESSION,
    PL_NEXT,
    POOL_WORDS,
    S_ABSENT_FROM,
    S_FLAGS,
    S_FORM,
    S_FORM_DEFINED,
    S_GENERATION,
    S_LAST_EVENT,
    S_LOGON_SENT,
    S_MISSED,
    S_MISSED_DONE,
    S_NEXT_IN,
    S_NEXT_OUT,
    S_THROTTLE_START,
    S_THROTTLE_USED,
    S_UNTOLD,
    S_UNTOLD_TO,
    SESSION_WORDS,
)

HEADER_DUMP = 12
BALANCE_DUMP = 4
SESSION_DUMP = 16
EVENT_DUMP = 10
CONTRACT_DUMP = 8
COLLATERAL_DUMP = 5
ORDER_DUMP = 18

AUDIT_OK = 0
AUDIT_LEDGER = 1
AUDIT_SETS = 2
AUDIT_LOCKED = 3
AUDIT_NEGATIVE = 4
AUDIT_COLLATERAL = 5
AUDIT_POOL = 6
AUDIT_TEXTS = {
    AUDIT_LEDGER: "asset {0}: balances and pools make {1}, deposits less withdrawals are {2}",
    AUDIT_SETS: "event {0}: long less short of a contract is {1}, sets are {2}",
    AUDIT_LOCKED: "asset {0}: locked in balances {1}, required by positions and orders {2}",
    AUDIT_NEGATIVE: "account {0} holds {1} of asset {2}",
    AUDIT_COLLATERAL: "event {0}, account {1}: the requirement kept differs from the formula by {2}",
    AUDIT_POOL: "event {0}: pool holds {1}, its sets are worth {2}",
}


@leaf
def used_rows(m, pool):
    return m[H_POOLS + pool * POOL_WORDS + PL_NEXT]


@kernel("i8(i8[::1], i8[::1])")
def dump_small(m, out):
    """Header, balances, sessions into `out`; answers the words written, or -1 - the words wanted when out is too small."""
    balances = used_rows(m, P_BALANCE)
    sessions = pool_cap(m, P_SESSION)
    known = 0
    for i in range(1, sessions):
        if session_at(m, i) != 0:
            known += 1
    want = HEADER_DUMP + balances * BALANCE_DUMP + known * SESSION_DUMP
    if out.shape[0] < want:
        return -1 - want
    out[0] = m[H_ROW_SEQ]
    out[1] = m[H_EVENT_SEQ]
    out[2] = m[H_ORDER_SEQ]
    out[3] = m[H_TRADE_SEQ]
    out[4] = m[H_TIME]
    out[5] = m[H_TURN]
    out[6] = m[H_OPEN_ORDERS]
    out[7] = m[H_ARCHIVE_USED]
    out[8] = m[H_KILLED]
    out[9] = balances
    out[10] = known
    out[11] = m[H_TICK]
    at = HEADER_DUMP
    for i in range(balances):
        b = pool_base(m, P_BALANCE) + i * BALANCE_WORDS
        out[at] = m[b + B_ACCOUNT]
        out[at + 1] = m[b + B_ASSET]
        out[at + 2] = m[b + B_CASH]
        out[at + 3] = m[b + B_LOCKED]
        at += BALANCE_DUMP
    base = pool_base(m, P_SESSION)
    for i in range(1, sessions):
        s = base + i * SESSION_WORDS
        if m[s] != i:
            continue
        out[at] = i
        out[at + 1] = m[s + S_FLAGS]
        out[at + 2] = m[s + S_NEXT_OUT]
        out[at + 3] = m[s + S_NEXT_IN]
        out[at + 4] = m[s + S_LAST_EVENT]
        out[at + 5] = m[s + S_GENERATION]
        out[at + 6] = m[s + S_THROTTLE_START]
        out[at + 7] = m[s + S_THROTTLE_USED]
        out[at + 8] = m[s + S_ABSENT_FROM]
        out[at + 9] = m[s + S_MISSED]
        out[at + 10] = m[s + S_MISSED_DONE]
        out[at + 11] = m[s + S_FORM]
        out[at + 12] = m[s + S_FORM_DEFINED]
        out[at + 13] = m[s + S_UNTOLD]
        out[at + 14] = m[s + S_UNTOLD_TO]
        out[at + 15] = m[s + S_LOGON_SENT]
        at += SESSION_DUMP
    return at


@leaf
def dump_order(m, o, out, at):
    out[at] = m[o + O_ID]
    out[at + 1] = m[o + O_KEY_HI]
    out[at + 2] = m[o + O_KEY_LO]
    out[at + 3] = m[o + O_PRICE]
    out[at + 4] = m[o + O_QTY]
    out[at + 5] = m[o + O_CUM]
    out[at + 6] = m[o + O_LEAVES]
    out[at + 7] = m[o + O_ATTR]
    out[at + 8] = m[o + O_SESSION]
    out[at + 9] = m[m[m[o + O_COLL] + CO_ACCOUNT] + AC_ID]
    out[at + 10] = m[o + O_NOTIONAL]
    out[at + 11] = m[o + O_FEES]
    out[at + 12] = m[o + O_FEE_NUM]
    out[at + 13] = m[o + O_FEE_PAID]
    out[at + 14] = m[o + O_REBATE_PAID]
    out[at + 15] = m[o + O_NET_FEE]
    out[at + 16] = m[o + O_RESERVED_FEE]
    out[at + 17] = m[o + O_EXPIRY]


@kernel("i8(i8[::1], i8, i8[::1])")
def dump_event(m, event_id, out):
    """One event: itself, its contracts, its collateral rows, its books. Words written, -1 - words wanted, or 0: no such event."""
    event = event_at(m, event_id)
    if event == 0:
        return 0
    n = m[event + E_N]
    rows = 0
    co = m[event + E_COLL_HEAD]
    while co != 0:
        rows += 1
        co = m[co + CO_NEXT_IN_EVENT]
    want = EVENT_DUMP + n * CONTRACT_DUMP + rows * (COLLATERAL_DUMP + 5 * n) + m[event + E_OPEN_ORDERS] * ORDER_DUMP
    if out.shape[0] < want:
        return -1 - want
    out[0] = event_id
    out[1] = m[event + E_PHASE_NOW]
    out[2] = m[event + E_SETS]
    out[3] = m[event + E_POOL]
    out[4] = m[event + E_VERSION]
    out[5] = m[event + E_WINDOW_END]
    out[6] = m[event + E_OPEN_ORDERS]
    out[7] = n
    out[8] = rows
    out[9] = 0
    at = EVENT_DUMP
    for j in range(n):
        inst = m[event + E_FIRST] + j * INSTRUMENT_WORDS
        out[at] = m[inst]
        out[at + 1] = m[inst + I_LAST]
        out[at + 2] = m[inst + I_VOLUME]
        out[at + 3] = m[inst + I_OPEN_INTEREST]
        out[at + 4] = m[inst + I_PAID]
        out[at + 5] = m[inst + I_REFERENCE]
        out[at + 6] = m[inst + I_COLLAR]
        out[at + 7] = 0
        at += CONTRACT_DUMP
    co = m[event + E_COLL_HEAD]
    while co != 0:
        out[at] = m[m[co + CO_ACCOUNT] + AC_ID]
        out[at + 1] = m[co + CO_REQUIRED]
        out[at + 2] = m[co + CO_BUYS]
        out[at + 3] = m[co + CO_HELD_BASE]
        out[at + 4] = m[co + CO_WORST]
        at += COLLATERAL_DUMP
        for column in range(COL_BQ + 2):
            if column != COL_CHOSEN and column != COL_V:
                for j in range(n):
                    out[at] = m[co + CO_COLUMNS + column * n + j]
                    at += 1
        co = m[co + CO_NEXT_IN_EVENT]
    for j in range(n):
        inst = m[event + E_FIRST] + j * INSTRUMENT_WORDS
        for ask in range(2):
            level = m[inst + I_BEST_BID + ask]
            while level != 0:
                o = m[level + L_HEAD]
                while o != 0:
                    dump_order(m, o, out, at)
                    at += ORDER_DUMP
                    o = m[o + O_NEXT]
                level = level_worse(m, level, ask)
    return at


@leaf
def formula(m, event, co):
    """The requirement from the columns alone, by k passes for the smallest not yet taken."""
    n = m[event + E_N]
    k = m[event + E_K]
    product = m[event + E_PRODUCT]
    buys = 0
    for j in range(n):
        buys += m[co + CO_COLUMNS + COL_BUY * n + j]
    worst = 0
    last = -(1 << 62)
    last_index = -1
    taken = 0
    while taken < min(k, n):
        # the next in the order (value, index) behind (last, last_index)
        best = (1 << 62)
        at = -1
        for j in range(n):
            q = co + CO_COLUMNS + j
            v = m[q] * m[event + E_PAYOUT] * m[event + E_TICK_VALUE] + m[q + COL_BUY * n] - m[q + COL_SELL * n]
            if product == AT_MOST or product == SCALAR:
                v = min(v, 0)
            if (v > last or v == last and j > last_index) and v < best:
                best = v
                at = j
        worst += best
        last = best
        last_index = at
        taken += 1
    return buys - min(0, worst)


@leaf
def fail(out, code, a, b, c):
    out[0] = a
    out[1] = b
    out[2] = c
    return code


@kernel("i8(i8[::1], i8[::1])")
def check_state(m, out):
    """AUDIT_OK or the first invariant that fails, with three numbers for its text in `out`."""
    for asset in range(1, pool_cap(m, P_ASSET)):
        a = pool_base(m, P_ASSET) + asset * ASSET_WORDS
        if m[a] != asset:
            continue
        cash = 0
        locked = 0
        for i in range(used_rows(m, P_BALANCE)):
            b = pool_base(m, P_BALANCE) + i * BALANCE_WORDS
            if m[b + B_ASSET] == asset:
                cash += m[b + B_CASH]
                locked += m[b + B_LOCKED]
                account = account_at(m, m[b + B_ACCOUNT])
                if account != 0 and m[account + AC_KIND] == ACCT_TRADING and m[b + B_CASH] < 0:
                    return fail(out, AUDIT_NEGATIVE, m[account], m[b + B_CASH], asset)
        required = 0
        for i in range(1, pool_cap(m, P_EVENT)):
            event = pool_base(m, P_EVENT) + i * EVENT_WORDS
            if m[event] != i:
                continue
            if m[event + E_ASSET] == asset:
                cash += m[event + E_POOL]
            if m[event + E_ASSET] != asset and m[event + E_BASE_ASSET] != asset:
                continue
            co = m[event + E_COLL_HEAD]
            while co != 0:
                if m[m[co + CO_CASH] + B_ASSET] == asset:
                    required += m[co + CO_REQUIRED]
                if m[co + CO_BASE] != 0 and m[m[co + CO_BASE] + B_ASSET] == asset:
                    required += m[co + CO_HELD_BASE]
                co = m[co + CO_NEXT_IN_EVENT]
        if cash != m[a + A_EXTERNAL]:
            return fail(out, AUDIT_LEDGER, asset, cash, m[a + A_EXTERNAL])
        if locked != required:
            return fail(out, AUDIT_LOCKED, asset, locked, required)
    for i in range(1, pool_cap(m, P_EVENT)):
        event = pool_base(m, P_EVENT) + i * EVENT_WORDS
        if m[event] != i or m[event + E_PRODUCT] == SPOT:
            continue
        n = m[event + E_N]
        sets = m[event + E_SETS]
        worth = sets * m[event + E_K] * m[event + E_PAYOUT] * m[event + E_TICK_VALUE] if m[event + E_PRODUCT] == EXACTLY else 0
        if m[event + E_POOL] != worth:
            return fail(out, AUDIT_POOL, i, m[event + E_POOL], worth)
        for j in range(n):
            net = 0
            co = m[event + E_COLL_HEAD]
            while co != 0:
                net += m[co + CO_COLUMNS + j]
                co = m[co + CO_NEXT_IN_EVENT]
            if net != sets:
                return fail(out, AUDIT_SETS, i, net, sets)
        co = m[event + E_COLL_HEAD]
        while co != 0:
            wanted = formula(m, event, co)
            if wanted != m[co + CO_REQUIRED]:
                return fail(out, AUDIT_COLLATERAL, i, m[m[co + CO_ACCOUNT] + AC_ID], m[co + CO_REQUIRED] - wanted)
            co = m[co + CO_NEXT_IN_EVENT]
    return AUDIT_OK


def _grown(call: Any, *args: Any) -> Any:
    """Call a dump kernel with an array that is large enough."""
    out = np.zeros(4096, np.int64)
    words = call(*args, out)
    if words < 0:
        out = np.zeros(-1 - words, np.int64)
        words = call(*args, out)
    return out[:words]


def dump(m: Any) -> Iterator[Any]:
    """The logical state, as arrays of words in canonical order."""
    yield _grown(dump_small, m)
    d = H_POOLS + P_EVENT * POOL_WORDS
    for event_id in range(1, int(m[d + PL_NEXT])):
        rows = _grown(dump_event, m, event_id)
        if len(rows):
            yield rows


def check(m: Any) -> list[str]:
    """Sentences about the invariants that fail: at most one, the first found."""
    out = np.zeros(3, np.int64)
    code = int(check_state(m, out))
    return [AUDIT_TEXTS[code].format(*(int(x) for x in out))] if code != AUDIT_OK else []
