"""The state in canonical order for the digest, and the invariants that can be checked on a state.

The dump depends on what happened, not on capacities or free lists: balances and collateral rows in order of first use, books contract by
contract, best price first, in queue order; it includes switches, throttles, restrictions, closed and used ids. Dumped words are logical: ids,
prices (YES ticks), quantities (lots) and amounts (minor units), no pointers. Every dump_* kernel writes int64 words to `out` and returns
their number, or -1 - the number needed if `out` is too small.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from protocol import codes as C

from . import layout as L
from .book.levels import level_worse
from .kit.jit import kernel, leaf
from .kit.pairs import PAIR_ACCESS_EVENT, PAIR_ACCESS_VENUE, PAIR_BUDGET, PAIR_RESTRICT, pair_find
from .kit.pools import pool_base, pool_cap
from .kit.rows import account_at, event_at, expiry_of, session_at
from .layout.packed import pack_firm_account, status_of
from .money.collateral import is_paid_ahead
from .money.products import is_settled, requirement, sets_worth, settlement, value_at_worst
from .money.smallest import LEFT_OUT
from .proofs import PROOF_WORDS, note, sentences, structure
from .used_ids import dump_used

HEADER_DUMP = 15
BALANCE_DUMP = 6
SESSION_DUMP = 20
EVENT_DUMP = 36
CONTRACT_DUMP = 19
COLLATERAL_DUMP = 10
ORDER_DUMP = 21
VENUE_DUMP = 14
FIRM_DUMP = 9
ACCESS_DUMP = 3
ARCHIVE_DUMP = 15

# Of an event: what corrections and busts left, and where a correction stands
DEBT_WORDS = (
    L.E_OWED, L.E_BLOCKED, L.E_FROM_BOND, L.E_FROM_PLATFORM, L.E_BOND, L.E_GAINS, L.E_SHARED, L.E_WEIGHTS, L.E_PARTS, L.E_QUOTA, L.E_BIT,
    L.E_THRESHOLD, L.E_COUNTED, L.E_ABOVE, L.E_SETTLE_ID, L.E_BUSTS,
)  # fmt: skip

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
    AUDIT_NEGATIVE: "account {0} has a buying power of {1} in asset {2}",
    AUDIT_COLLATERAL: "event {0}, account {1}: the requirement kept differs from the formula by {2}",
    AUDIT_POOL: "event {0}: pool holds {1}, its sets are worth {2}",
}


@leaf
def used_rows(m, pool):
    """Rows of the pool that were ever used."""
    return m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_NEXT]


@kernel("i8(i8[::1], i8[::1])")
def dump_small(m, out):
    """Dump header, balances and sessions."""
    balances = used_rows(m, L.P_BALANCE)
    sessions = pool_cap(m, L.P_SESSION)
    known = 0
    for i in range(1, sessions):
        if session_at(m, i) != 0:
            known += 1
    want = HEADER_DUMP + balances * BALANCE_DUMP + known * SESSION_DUMP
    if out.shape[0] < want:
        return -1 - want
    out[0] = m[L.H_ROW_SEQ]
    out[1] = m[L.H_EVENT_SEQ]
    out[2] = m[L.H_ORDER_SEQ]
    out[3] = m[L.H_TRADE_SEQ]
    out[4] = m[L.H_TIME]
    out[5] = m[L.H_TURN]
    out[6] = m[L.H_OPEN_ORDERS]
    out[7] = m[L.H_FORGETTING]
    out[8] = m[L.H_BARS]
    out[9] = balances
    out[10] = known
    out[11] = m[L.H_TICK]
    out[12] = m[L.H_REFUSE]
    out[13] = m[m[L.H_SETTLING] + L.E_ID] if m[L.H_SETTLING] != 0 else 0
    out[14] = m[L.H_DROPPING]
    at = HEADER_DUMP
    for i in range(balances):
        b = pool_base(m, L.P_BALANCE) + i * L.BALANCE_WORDS
        out[at] = m[b + L.B_ACCOUNT]
        out[at + 1] = m[b + L.B_ASSET]
        out[at + 2] = m[b + L.B_CASH]
        out[at + 3] = m[b + L.B_LOCKED]
        out[at + 4] = m[b + L.B_OWED]
        out[at + 5] = m[b + L.B_BUST]
        at += BALANCE_DUMP
    base = pool_base(m, L.P_SESSION)
    for i in range(1, sessions):
        s = base + i * L.SESSION_WORDS
        if m[s] != i:
            continue
        out[at] = i
        out[at + 1] = m[s + L.S_FLAGS]
        out[at + 2] = m[s + L.S_NEXT_OUT]
        out[at + 3] = m[s + L.S_NEXT_IN]
        out[at + 4] = m[s + L.S_LAST_EVENT]
        out[at + 5] = m[s + L.S_GENERATION]
        out[at + 6] = m[s + L.S_THROTTLE + L.TH_START]
        out[at + 7] = m[s + L.S_THROTTLE + L.TH_USED]
        out[at + 8] = m[s + L.S_ABSENT_FROM]
        out[at + 9] = m[s + L.S_MISSED]
        out[at + 10] = m[s + L.S_MISSED_DONE]
        out[at + 11] = m[s + L.S_FORM]
        out[at + 12] = m[s + L.S_FORM_DEFINED]
        out[at + 13] = m[s + L.S_UNTOLD]
        out[at + 14] = m[s + L.S_UNTOLD_TO]
        out[at + 15] = m[s + L.S_LOGON_SENT]
        out[at + 16] = m[s + L.S_BARS]
        out[at + 17] = m[s + L.S_HEARTBEAT]
        out[at + 18] = m[s + L.S_THROTTLE + L.TH_LIMIT]
        out[at + 19] = m[s + L.S_THROTTLE + L.TH_WINDOW]
        at += SESSION_DUMP
    return at


@kernel("i8(i8[::1], i8[::1])")
def dump_switches(m, out):
    """Dump switches, throttles and shares of venues and firms, accounts that are killed or closed or have a budget, then restrictions."""
    venues = pool_cap(m, L.P_VENUE)
    firms = pool_cap(m, L.P_FIRM)
    accounts = pool_cap(m, L.P_ACCOUNT)
    events = pool_cap(m, L.P_EVENT)
    want = 0
    for fill in range(2):  # count, then write
        at = 0
        for i in range(1, venues):
            v = pool_base(m, L.P_VENUE) + i * L.VENUE_WORDS
            if m[v] == i:
                if fill != 0:
                    out[at] = i
                    out[at + 1] = m[v + L.V_BARS]
                    out[at + 2] = m[v + L.V_THROTTLE + L.TH_START]
                    out[at + 3] = m[v + L.V_THROTTLE + L.TH_USED]
                    out[at + 4] = m[v + L.V_FREEZE]
                    out[at + 5] = m[v + L.V_OPEN]
                    out[at + 6] = m[v + L.V_MAX_OPEN]
                    out[at + 7] = m[v + L.V_ACCESS]
                    out[at + 8] = m[v + L.V_PACE + L.TH_LIMIT]
                    out[at + 9] = m[v + L.V_PACE + L.TH_START]
                    out[at + 10] = m[v + L.V_PACE + L.TH_USED]
                    out[at + 11] = m[v + L.V_BYTES + L.TH_LIMIT]
                    out[at + 12] = m[v + L.V_BYTES + L.TH_START]
                    out[at + 13] = m[v + L.V_BYTES + L.TH_USED]
                at += VENUE_DUMP
        for i in range(1, firms):
            f = pool_base(m, L.P_FIRM) + i * L.FIRM_WORDS
            if m[f] == i:
                if fill != 0:
                    out[at] = i
                    out[at + 1] = m[f + L.F_BARS]
                    out[at + 2] = m[f + L.F_WEIGHT]
                    out[at + 3] = m[f + L.F_FORGOTTEN]
                    out[at + 4] = m[f + L.F_WINDOW]
                    out[at + 5] = m[f + L.F_NODES]
                    out[at + 6] = m[f + L.F_POSITIONS]
                    out[at + 7] = m[f + L.F_MOVED]
                    out[at + 8] = m[f + L.F_ANSWERED]
                at += FIRM_DUMP
        for i in range(1, accounts):
            a = pool_base(m, L.P_ACCOUNT) + i * L.ACCOUNT_WORDS
            if m[a] == i and m[a + L.AC_BARS] != 0:
                if fill != 0:
                    out[at] = i
                    out[at + 1] = m[a + L.AC_BARS]
                at += 2
        for i in range(1, events):
            event = pool_base(m, L.P_EVENT) + i * L.EVENT_WORDS
            if m[event] == i and m[event + L.E_RESTRICTED] != 0:
                for firm in range(1, firms):
                    if pair_find(m, PAIR_RESTRICT, firm, i) != 0:
                        if fill != 0:
                            out[at] = pack_firm_account(firm, i)
                        at += 1
        want = at
        if out.shape[0] < want:
            return -1 - want
    return want


@leaf
def _dump_exceptions(m, out, at, kind, target, mode):
    """(mode, firm and target, value) of each exception of a venue or an event that does not admit all; as far as `out` has room. Returns
    the next word."""
    if mode == L.ACCESS_ALL:
        return at
    for firm in range(1, pool_cap(m, L.P_FIRM)):
        value = pair_find(m, kind, firm, target)
        if value != 0:
            if at + ACCESS_DUMP <= out.shape[0]:
                out[at] = mode
                out[at + 1] = pack_firm_account(firm, target)
                out[at + 2] = value
            at += ACCESS_DUMP
    return at


@leaf
def _dump_budgets(m, out, at):
    """The budgets of accounts, each with the events of its list and the orders that wait, and the sessions that are bound to one; as far as `out` has room. Returns the next
    word."""
    words = L.AC_BUDGET_DAY + 1 - L.AC_BUDGET_ASSET
    for i in range(1, pool_cap(m, L.P_ACCOUNT)):
        a = pool_base(m, L.P_ACCOUNT) + i * L.ACCOUNT_WORDS
        if m[a] != i or m[a + L.AC_BARS] & L.BAR_BUDGET == 0:
            continue
        if at + 1 + words <= out.shape[0]:
            out[at] = i
            for word in range(L.AC_BUDGET_ASSET, L.AC_BUDGET_DAY + 1):
                out[at + 1 + word - L.AC_BUDGET_ASSET] = m[a + word]
        at += 1 + words
        for event in range(1, pool_cap(m, L.P_EVENT) if m[a + L.AC_BUDGET_MARKETS] != 0 else 0):
            if pair_find(m, PAIR_BUDGET, i, event) != 0:
                if at < out.shape[0]:
                    out[at] = event
                at += 1
        held = m[a + L.AC_HELD]
        while held != 0:
            if at + L.HELD_WORDS <= out.shape[0]:
                for word in range(L.HE_NUMBER, L.HELD_WORDS):
                    out[at + word] = m[held + word]
                out[at] = i
            at += L.HELD_WORDS
            held = m[held + L.HE_NEXT]
    if m[L.H_HELD] != 0:
        if at < out.shape[0]:
            out[at] = m[L.H_HELD]
        at += 1
    for i in range(1, pool_cap(m, L.P_SESSION)):
        s = pool_base(m, L.P_SESSION) + i * L.SESSION_WORDS
        if m[s] == i and m[s + L.S_BARS] & L.BAR_BUDGET != 0:
            if at + 2 <= out.shape[0]:
                out[at] = i
                out[at + 1] = m[s + L.S_BUDGET]
            at += 2
    return at


@kernel("i8(i8[::1], i8[::1])")
def dump_access(m, out):
    """Dump who is admitted to venues, then to events, where not all are, and the budgets."""
    at = 0
    for i in range(1, pool_cap(m, L.P_VENUE)):
        v = pool_base(m, L.P_VENUE) + i * L.VENUE_WORDS
        if m[v] == i:
            at = _dump_exceptions(m, out, at, PAIR_ACCESS_VENUE, i, m[v + L.V_ACCESS])
    for i in range(1, pool_cap(m, L.P_EVENT)):
        event = pool_base(m, L.P_EVENT) + i * L.EVENT_WORDS
        if m[event] == i:
            if at + ACCESS_DUMP <= out.shape[0]:
                out[at] = m[event + L.E_ACCESS]
                out[at + 1] = i
                out[at + 2] = 0
            at += ACCESS_DUMP
            at = _dump_exceptions(m, out, at, PAIR_ACCESS_EVENT, i, m[event + L.E_ACCESS])
    at = _dump_budgets(m, out, at)
    return at if at <= out.shape[0] else -1 - at


@kernel("i8(i8[::1], i8, i8[::1])")
def dump_archive(m, firm, out):
    """Dump the closed ids of a firm (id), oldest first."""
    f = pool_base(m, L.P_FIRM) + firm * L.FIRM_WORDS
    want = m[f + L.F_CLOSED] * ARCHIVE_DUMP
    if out.shape[0] < want:
        return -1 - want
    at = 0
    a = m[f + L.F_OLDEST]
    while a != 0:
        for word in range(L.AR_TEXT):  # key, firm and account, instrument, price, quantity, cum, attributes, order, time, notional
            out[at + word] = m[a + word]
        refused = status_of(m[a + L.AR_ATTR]) == C.ST_REJECTED
        end = at + L.AR_TEXT
        out[end] = 1 if m[a + L.AR_TEXT] != 0 else 0
        out[end + 1] = m[a + L.AR_LIMIT] if refused else 0
        out[end + 2] = m[a + L.AR_USED] if refused else 0
        out[end + 3] = m[a + L.AR_ASKED] if refused else 0
        at += ARCHIVE_DUMP
        a = m[a + L.AR_NEXT]
    return at


@leaf
def _makers(m, o):
    """A hash of the firms that own the nodes above a resting order, as one word."""
    word = 0
    node = m[m[o + L.O_LEVEL] + L.L_NODE]
    while node != 0:
        word = (word * 1_000_003 + m[node + L.N_FIRM]) & 0xFFFFFFFFFFFF
        node = m[node + L.N_PARENT]
    return word


@leaf
def dump_order(m, o, out, at):
    """Write the ORDER_DUMP words of an order (pointer) at out[at]."""
    out[at] = m[o + L.O_ID]
    out[at + 1] = m[o + L.O_KEY_HI]
    out[at + 2] = m[o + L.O_KEY_LO]
    out[at + 3] = m[o + L.O_PRICE]
    out[at + 4] = m[o + L.O_QTY]
    out[at + 5] = m[o + L.O_CUM]
    out[at + 6] = m[o + L.O_LEAVES]
    out[at + 7] = m[o + L.O_ATTR]
    out[at + 8] = m[o + L.O_SESSION]
    out[at + 9] = m[m[m[o + L.O_COLL] + L.CO_ACCOUNT] + L.AC_ID]
    out[at + 10] = m[o + L.O_NOTIONAL]
    out[at + 11] = m[o + L.O_FEES]
    out[at + 12] = m[o + L.O_FEE_NUM]
    out[at + 13] = m[o + L.O_FEE_PAID]
    out[at + 14] = m[o + L.O_REBATE_PAID]
    out[at + 15] = m[o + L.O_NET_FEE]
    out[at + 16] = m[o + L.O_RESERVED_FEE]
    out[at + 17] = expiry_of(m, o)
    out[at + 18] = m[o + L.O_ENTRY]
    out[at + 19] = m[o + L.O_REBATE_NUM]
    out[at + 20] = _makers(m, o)


@leaf
def _dump_prices(m, row, out, at):
    """Write 5 words of the prices kept for a void (pointer; 0: none) at out[at]: the sums, and a hash of those at whole minutes."""
    for i in range(5):
        out[at + i] = 0
    if row != 0:
        out[at] = m[row + L.MI_AT]
        out[at + 1] = m[row + L.MI_SUM]
        out[at + 2] = m[row + L.MI_WEIGHT]
        out[at + 3] = m[row + L.MI_COUNT]
        for i in range(L.MID_ENTRIES * L.MID_ENTRY_WORDS):
            out[at + 4] = (out[at + 4] * 1_000_003 + m[row + L.MI_ENTRIES + i]) & 0xFFFFFFFFFFFF


@leaf
def _grid(m, inst):
    """A hash of the price grid of a contract (pointer), as one word."""
    word = (m[inst + L.I_PRICE_MIN] * 1_000_003 + m[inst + L.I_PRICE_MAX]) & 0xFFFFFFFFFFFF
    for i in range(3 * m[inst + L.I_BAND_COUNT]):
        word = (word * 1_000_003 + m[inst + L.I_BANDS + i]) & 0xFFFFFFFFFFFF
    return word


@kernel("i8(i8[::1], i8, i8[::1])")
def dump_event(m, event_id, out):
    """Dump one event (id): its row, contracts, collateral rows and books. Returns 0 if there is no such event."""
    event = event_at(m, event_id)
    if event == 0:
        return 0
    n = m[event + L.E_N]
    rows = 0
    co = m[event + L.E_COLL_HEAD]
    while co != 0:
        rows += 1
        co = m[co + L.CO_NEXT_IN_EVENT]
    want = EVENT_DUMP + n * CONTRACT_DUMP + rows * (COLLATERAL_DUMP + 5 * n) + m[event + L.E_OPEN_ORDERS] * ORDER_DUMP
    if out.shape[0] < want:
        return -1 - want
    out[0] = event_id
    out[1] = m[event + L.E_PHASE_NOW]
    out[2] = m[event + L.E_SETS]
    out[3] = m[event + L.E_POOL]
    out[4] = m[event + L.E_VERSION]
    out[5] = m[event + L.E_WINDOW_END]
    out[6] = m[event + L.E_OPEN_ORDERS]
    out[7] = n
    out[8] = rows
    out[9] = m[event + L.E_SETTLING]
    out[10] = m[m[m[event + L.E_SETTLE_ROW] + L.CO_ACCOUNT] + L.AC_ID] if m[event + L.E_SETTLE_ROW] != 0 else 0
    out[11] = m[event + L.E_SETTLE_CONTRACT]
    out[12] = m[m[event + L.E_SETTLE_NEXT] + L.E_ID] if m[event + L.E_SETTLE_NEXT] != 0 else 0
    out[13] = m[event + L.E_FINAL_AT]
    for i, word in enumerate(DEBT_WORDS):
        out[14 + i] = m[event + word]
    out[30] = m[event + L.E_RESULT]
    out[31] = m[event + L.E_IN_PLAY]
    out[32] = m[event + L.E_K_LEFT]
    out[33] = m[event + L.E_LEFT_OUT]
    out[34] = m[m[event + L.E_PAYING] + L.I_ID] if m[event + L.E_PAYING] != 0 else 0
    out[35] = m[event + L.E_REMOVED]
    at = EVENT_DUMP
    for j in range(n):
        inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        out[at] = m[inst]
        out[at + 1] = m[inst + L.I_LAST]
        out[at + 2] = m[inst + L.I_VOLUME]
        out[at + 3] = m[inst + L.I_OPEN_INTEREST]
        out[at + 4] = m[inst + L.I_PAID]
        out[at + 5] = m[inst + L.I_REFERENCE]
        out[at + 6] = m[inst + L.I_COLLAR]
        _dump_prices(m, m[inst + L.I_MIDS], out, at + 7)
        out[at + 12] = m[inst + L.I_PAID_NEXT]
        out[at + 13] = m[inst + L.I_SPLIT_FROM]
        out[at + 14] = m[inst + L.I_SPLIT_AT]
        out[at + 15] = _grid(m, inst)
        out[at + 16] = m[inst + L.I_AHEAD]
        out[at + 17] = m[inst + L.I_AHEAD_VERSION]
        out[at + 18] = m[inst + L.I_AHEAD_UNTIL]
        at += CONTRACT_DUMP
    co = m[event + L.E_COLL_HEAD]
    while co != 0:
        out[at] = m[m[co + L.CO_ACCOUNT] + L.AC_ID]
        out[at + 1] = m[co + L.CO_REQUIRED]
        out[at + 2] = m[co + L.CO_BUYS]
        out[at + 3] = m[co + L.CO_HELD_BASE]
        out[at + 4] = m[co + L.CO_WORST]
        out[at + 5] = m[co + L.CO_OWED]
        out[at + 6] = m[co + L.CO_BLOCKED]
        out[at + 7] = m[co + L.CO_GAIN]
        out[at + 8] = m[co + L.CO_PART]
        out[at + 9] = m[co + L.CO_REST]
        at += COLLATERAL_DUMP
        for column in range(L.CO_COLUMN_COUNT):
            if column != L.COL_CHOSEN and column != L.COL_V:
                for j in range(n):
                    out[at] = m[co + L.CO_COLUMNS + column * m[co + L.CO_N] + j]
                    at += 1
        co = m[co + L.CO_NEXT_IN_EVENT]
    for j in range(n):
        inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        for ask in range(2):
            level = m[inst + L.I_BEST + ask]
            while level != 0:
                o = m[level + L.L_HEAD]
                while o != 0:
                    dump_order(m, o, out, at)
                    at += ORDER_DUMP
                    o = m[o + L.O_NEXT]
                level = level_worse(m, level, ask)
    return at


@leaf
def _is_out(m, event, co, j):
    """Whether contract j was paid ahead of the rest, to this account too."""
    if not is_paid_ahead(m, event, j):
        return False
    waits = m[event + L.E_PAYING] == m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
    return not waits or m[co + L.CO_COLUMNS + L.COL_V * m[co + L.CO_N] + j] == LEFT_OUT


@leaf
def formula(m, event, co):
    """The requirement (minor units) computed from the columns alone, by k passes for the smallest value not yet used. While a contract is being
    paid ahead of the rest, accounts that are still to be paid count with it."""
    n = m[event + L.E_N]
    k = m[event + L.E_K]
    width = m[co + L.CO_N]
    left = n
    for j in range(n):
        if _is_out(m, event, co, j):
            left -= 1
            k -= 1 if m[m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS + L.I_PAID] != 0 else 0
    buys = 0
    for j in range(n):
        buys += m[co + L.CO_COLUMNS + L.COL_BUY * width + j]
    worst = 0
    last = -(1 << 62)
    last_index = -1
    taken = 0
    while taken < min(k, left):
        # the next in the order (value, index) after (last, last_index)
        best = 1 << 62
        at = -1
        for j in range(n):
            q = co + L.CO_COLUMNS + j
            v = value_at_worst(m, event, m[q], m[q + L.COL_BUY * width], m[q + L.COL_SELL * width])
            if (v > last or v == last and j > last_index) and v < best and not _is_out(m, event, co, j):
                best = v
                at = j
        worst += best
        last = best
        last_index = at
        taken += 1
    return requirement(buys, worst)


@leaf
def _lacks(m, b):
    """Whether a trading account's balance (pointer) has less cash than is locked, but for debts. A bust may leave less (B_BUST), and then there is
    no bound: what is locked may be spent, so that cash goes below 0 by as much as the bust took."""
    return m[b + L.B_BUST] == 0 and m[b + L.B_CASH] < m[b + L.B_LOCKED] - m[b + L.B_OWED]


@leaf
def _still_owed(m, event):
    """What the accounts of an event that is being settled have still to get (minor units): the pool has exactly that."""
    owed = 0
    co = m[event + L.E_COLL_HEAD]
    while co != 0:
        for j in range(m[event + L.E_N]):
            owed += settlement(m, m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS, m[co + L.CO_COLUMNS + j])
        co = m[co + L.CO_NEXT_IN_EVENT]
    return owed


@kernel("i8(i8[::1], i8[::1])")
def check_state(m, out):
    """Number of failed invariants of ledger, sets and collateral. `out` gets a row (AUDIT_*, three numbers) for each, while it has
    room."""
    found = 0
    for asset in range(1, pool_cap(m, L.P_ASSET)):
        a = pool_base(m, L.P_ASSET) + asset * L.ASSET_WORDS
        if m[a] != asset:
            continue
        cash = 0
        locked = 0
        for i in range(used_rows(m, L.P_BALANCE)):
            b = pool_base(m, L.P_BALANCE) + i * L.BALANCE_WORDS
            if m[b + L.B_ASSET] == asset:
                cash += m[b + L.B_CASH]
                locked += m[b + L.B_LOCKED]
                account = account_at(m, m[b + L.B_ACCOUNT])
                if account != 0 and m[account + L.AC_KIND] == C.ACCT_TRADING and _lacks(m, b):
                    found = note(out, found, AUDIT_NEGATIVE, m[account], m[b + L.B_CASH] - m[b + L.B_LOCKED], asset)
        required = 0
        for i in range(1, pool_cap(m, L.P_EVENT)):
            event = pool_base(m, L.P_EVENT) + i * L.EVENT_WORDS
            if m[event] != i:
                continue
            if m[event + L.E_ASSET] == asset:
                cash += m[event + L.E_POOL]
            if m[event + L.E_ASSET] != asset and m[event + L.E_BASE_ASSET] != asset:
                continue
            co = m[event + L.E_COLL_HEAD]
            while co != 0:
                if m[m[co + L.CO_CASH] + L.B_ASSET] == asset:
                    required += m[co + L.CO_REQUIRED] + m[co + L.CO_OWED] + m[co + L.CO_BLOCKED]
                if m[co + L.CO_BASE] != 0 and m[m[co + L.CO_BASE] + L.B_ASSET] == asset:
                    required += m[co + L.CO_HELD_BASE]
                co = m[co + L.CO_NEXT_IN_EVENT]
        if cash + m[a + L.A_EXTERNAL] != 0:
            found = note(out, found, AUDIT_LEDGER, asset, cash, -m[a + L.A_EXTERNAL])
        if locked != required:
            found = note(out, found, AUDIT_LOCKED, asset, locked, required)
    for i in range(1, pool_cap(m, L.P_EVENT)):
        event = pool_base(m, L.P_EVENT) + i * L.EVENT_WORDS
        if m[event] != i or not is_settled(m, event):
            continue
        n = m[event + L.E_N]
        sets = m[event + L.E_SETS]
        stage = m[event + L.E_SETTLING]
        worth = sets_worth(m, event, sets) if stage == 0 or stage == L.SETTLE_AHEAD else 0
        worth += _still_owed(m, event) if stage != 0 else 0
        uncovered = m[event + L.E_OWED] - m[event + L.E_FROM_BOND] - m[event + L.E_FROM_PLATFORM]
        worth -= m[event + L.E_BLOCKED] if stage == 0 else uncovered
        if m[event + L.E_POOL] != worth and (stage == 0 or stage == L.SETTLE_PAY or stage == L.SETTLE_AHEAD):
            found = note(out, found, AUDIT_POOL, i, m[event + L.E_POOL], worth)
        for j in range(n):
            net = 0
            co = m[event + L.E_COLL_HEAD]
            while co != 0:
                net += m[co + L.CO_COLUMNS + j]
                co = m[co + L.CO_NEXT_IN_EVENT]
            if net != (0 if is_paid_ahead(m, event, j) else sets) and m[event + L.E_SETTLING] == 0:
                found = note(out, found, AUDIT_SETS, i, net, sets)
        co = m[event + L.E_COLL_HEAD]
        while co != 0:
            wanted = formula(m, event, co)
            if wanted != m[co + L.CO_REQUIRED]:
                found = note(out, found, AUDIT_COLLATERAL, i, m[m[co + L.CO_ACCOUNT] + L.AC_ID], m[co + L.CO_REQUIRED] - wanted)
            co = m[co + L.CO_NEXT_IN_EVENT]
    return found


def _grown(call: Any, *args: Any) -> Any:
    """The result of a dump kernel, called again with a larger array if needed."""
    out = np.zeros(4096, np.int64)
    words = call(*args, out)
    if words < 0:
        out = np.zeros(-1 - words, np.int64)
        words = call(*args, out)
    return out[:words]


def dump(m: Any) -> Iterator[Any]:
    """The logical state, as arrays of words in canonical order, each valid until the next."""
    yield _grown(dump_small, m)
    yield _grown(dump_switches, m)
    yield _grown(dump_access, m)
    for firm in range(1, int(m[L.H_POOLS + L.P_FIRM * L.POOL_WORDS + L.PL_NEXT])):
        yield _grown(dump_archive, m, firm)
        yield from dump_used(m, firm)
    d = L.H_POOLS + L.P_EVENT * L.POOL_WORDS
    for event_id in range(1, int(m[d + L.PL_NEXT])):
        rows = _grown(dump_event, m, event_id)
        if len(rows):
            yield rows


def check(m: Any, most: int = 100) -> list[str]:
    """One sentence for each invariant that does not hold (of ledger, sets and collateral, then of books and all other structures), at most
    `most` of each kind. Empty: the state is consistent."""
    return ledger(m, most) + structure(m, most)


def ledger(m: Any, most: int = 100) -> list[str]:
    """Sentences about ledger, sets and collateral."""
    out = np.zeros(most * PROOF_WORDS, np.int64)
    return sentences(out, int(check_state(m, out)), AUDIT_TEXTS)
