"""The checks of an order (domain.md section 9): one condition, one code; the first condition that applies is reported.

Each check returns C.OK or the reason code and leaves limit, used and asked in the header (H_LIMIT, H_USED, H_ASKED). Nothing here changes
state except throttle windows and rows created on first use. `price` is in ticks of the client's side, `book` in YES ticks.
"""

import numpy as np

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..book.levels import nodes_missing
from ..emit import refuse
from ..kit.jit import leaf
from ..kit.pairs import PAIR_RESTRICT, pair_find
from ..kit.pools import pool_cap, pool_left
from ..kit.rows import firm_at, firm_row, venue_at
from ..layout.packed import front_of, group_of
from ..life.shares import share_of
from ..money.collateral import collateral_get, collateral_words, open_of, position_of, row_fits
from ..money.products import sells_base
from .access import check_access, restricts
from .limits import QUANTITY_MAX

NEW_PHASES, REPLACE_PHASES, SPLIT_PHASES, MERGE_PHASES = P.mask(P.NEW), P.mask(P.REPLACE), P.mask(P.SPLIT), P.mask(P.MERGE)
ORDER_REFUSALS = np.array(P.ORDER_REFUSALS, np.int64)


@leaf
def safe_to_resend(code):
    """Whether a refusal leaves the ClOrdID unused (protocol/errors.py has the same list; a test compares them)."""
    if code == C.R_NODE_SHARE_FULL or code == C.R_POSITION_SHARE_FULL:
        return True
    if code == C.R_NOT_LOGGED_ON or code == C.R_ORDER_TABLE_FULL or code == C.R_ORDER_SHARE_FULL:
        return True
    if (
        code == C.R_THROTTLED_SESSION
        or code == C.R_THROTTLED_VENUE
        or code == C.R_QUOTA_MESSAGES
        or code == C.R_QUOTA_JOURNAL
        or code == C.R_QUOTA_ORDERS
        or code == C.R_TABLE_FULL
        or code == C.R_STALE
        or code == C.R_MARKET_PAUSED
        or code == C.R_BUDGET_APPROVAL
        or code == C.R_BUDGET_WAITING
    ):
        return True
    return C.R_KILLED_PLATFORM <= code <= C.R_VENUE_FROZEN


# ---- session, account, venue ----------------------------------------------------------------------------------


@leaf
def check_session(m, s):
    """Whether the session (pointer) is logged on: R_NOT_LOGGED_ON."""
    if m[s + L.S_FLAGS] & L.SF_LOGGED_ON == 0:
        return refuse(m, C.R_NOT_LOGGED_ON, 0, 0, 0)
    return C.OK


@leaf
def check_account(m, s, account, asked_account, row_venue):
    """Whether session `s` (pointer) may act for `account` (pointer, 0 if unknown) through the venue of the row: R_NOT_LOGGED_ON,
    R_UNKNOWN_ACCOUNT, R_VENUE_NOT_ALLOWED."""
    if m[s + L.S_FLAGS] & L.SF_LOGGED_ON == 0:
        return refuse(m, C.R_NOT_LOGGED_ON, 0, 0, 0)
    if account == 0 or m[account + L.AC_FIRM] != m[s + L.S_FIRM]:  # an account of another firm is treated as unknown
        return refuse(m, C.R_UNKNOWN_ACCOUNT, 0, 0, asked_account)
    if row_venue != 0 and row_venue != m[s + L.S_VENUE]:
        return refuse(m, C.R_VENUE_NOT_ALLOWED, m[s + L.S_VENUE], 0, row_venue)
    if m[account + L.AC_VENUE] != 0 and m[account + L.AC_VENUE] != m[s + L.S_VENUE]:
        return refuse(m, C.R_VENUE_NOT_ALLOWED, m[account + L.AC_VENUE], 0, m[s + L.S_VENUE])
    return C.OK


@leaf
def check_closed(m, s, account):
    """What is closed enters nothing any more, and a session with a budget acts for one account; cancels are not asked. R_FIRM_CLOSED,
    R_ACCOUNT_CLOSED, R_SESSION_CLOSED, R_BUDGET_ACCOUNT."""
    f = firm_row(m, m[account + L.AC_FIRM])
    bars = m[f + L.F_BARS] | m[account + L.AC_BARS] | m[s + L.S_BARS]
    if bars & (L.BAR_CLOSED | L.BAR_BUDGET) == 0:
        return C.OK
    if m[f + L.F_BARS] & L.BAR_CLOSED != 0:
        return refuse(m, C.R_FIRM_CLOSED, 0, 0, m[f])
    if m[account + L.AC_BARS] & L.BAR_CLOSED != 0:
        return refuse(m, C.R_ACCOUNT_CLOSED, 0, 0, m[account])
    if m[s + L.S_BARS] & L.BAR_CLOSED != 0:
        return refuse(m, C.R_SESSION_CLOSED, 0, 0, m[s])
    if m[s + L.S_BARS] & L.BAR_BUDGET != 0 and m[s + L.S_BUDGET] != m[account]:
        return refuse(m, C.R_BUDGET_ACCOUNT, m[s + L.S_BUDGET], 0, m[account])
    return C.OK


@leaf
def check_order_table(m, firm):
    """Room for one more open order of `firm` (id): R_ORDER_TABLE_FULL, R_ORDER_SHARE_FULL. Beyond its share a firm may have at most as many
    as are free, so one firm alone cannot fill the table."""
    free = pool_left(m, L.P_ORDER)
    if free < 1:
        return refuse(m, C.R_ORDER_TABLE_FULL, pool_cap(m, L.P_ORDER), pool_cap(m, L.P_ORDER), 1)
    f = firm_row(m, firm)
    own = m[f + L.F_OPEN]
    if own >= free:
        most = max(free, share_of(m, f, L.P_ORDER))
        if own >= most:
            return refuse(m, C.R_ORDER_SHARE_FULL, most, own, 1)
    return C.OK


@leaf
def refuse_full(m, pool, asked):
    """Refuse because a shared table (P_*) has no room for `asked` more rows: R_TABLE_FULL."""
    cap = pool_cap(m, pool)
    return refuse(m, C.R_TABLE_FULL, cap, cap - pool_left(m, pool), asked)


@leaf
def check_share(m, f, pool, own, asked, code):
    """Room for `asked` more rows of a shared table (P_*), of which the firm (pointer `f`) has `own`; the rule is that of open orders.
    R_TABLE_FULL or `code`."""
    free = pool_left(m, pool)
    if asked > free:
        return refuse_full(m, pool, asked)
    if own + asked > free:
        most = max(free, share_of(m, f, pool))
        if own + asked > most:
            return refuse(m, code, most, own, asked)
    return C.OK


@leaf
def check_nodes(m, firm, inst, ask, price):
    """Room for the nodes that an order at `price` (YES ticks) needs to rest: R_TABLE_FULL, R_NODE_SHARE_FULL. The path to its price is
    walked only if the firm's nodes and the longest path together exceed what is free."""
    f = firm_row(m, firm)
    own = m[f + L.F_NODES]
    if own + m[inst + L.I_DEPTH_SHIFT] // 6 + 1 <= pool_left(m, L.P_NODE):
        return C.OK
    missing = nodes_missing(m, inst, ask, price)
    if missing == 0:
        return C.OK
    return check_share(m, f, L.P_NODE, own, missing, C.R_NODE_SHARE_FULL)


@leaf
def first_position(m, account, event):
    """(code, pointer): create the collateral row of an account (pointer) that has none in the event (pointer). It is counted for the
    account's firm until the event is removed. R_TABLE_FULL, R_POSITION_SHARE_FULL."""
    f = firm_row(m, m[account + L.AC_FIRM])
    code = check_share(m, f, L.P_COLLATERAL, m[f + L.F_POSITIONS], collateral_words(m, event), C.R_POSITION_SHARE_FULL)
    if code != C.OK:
        return code, 0
    co = collateral_get(m, account, event)
    if co == 0:
        return refuse_positions(m, event), 0
    return C.OK, co


@leaf
def refuse_positions(m, event):
    """Refuse because there is no room for an account's first position in an event (pointer): rows that were freed have other sizes, or a
    balance or the pair table is full. R_TABLE_FULL."""
    if not row_fits(m, event):
        return refuse_full(m, L.P_COLLATERAL, collateral_words(m, event))
    if pool_left(m, L.P_BALANCE) < 1:
        return refuse_full(m, L.P_BALANCE, 1)
    return refuse_full(m, L.P_PAIR_HASH, 1)


# ---- instrument, phase, type -----------------------------------------------------------------------------------


@leaf
def check_phase(m, inst, phases):
    """phases: bit mask of the phases that allow the request. The refusal depends on the phase (protocol/phases.py)."""
    phase = m[inst + L.I_PHASE]
    if (phases >> phase) & 1 != 0:
        return C.OK
    return refuse(m, ORDER_REFUSALS[phase], 0, 0, phase)


@leaf
def check_unbuilt(m, rows, c):
    """Every word of the command whose feature is not built yet must be 0: R_FIELD_UNSUPPORTED, asked = the word."""
    if front_of(rows[c + L.CMD_INSTRUMENT]) != 0:
        return refuse(m, C.R_FIELD_UNSUPPORTED, 0, 0, L.CMD_INSTRUMENT)
    for word in range(L.CMD_MIN_QTY, L.CMD_STOP_PRICE + 1):
        if rows[c + word] != 0:
            return refuse(m, C.R_FIELD_UNSUPPORTED, 0, 0, word)
    if group_of(rows[c + L.CMD_GROUP_SEQ]) != 0:
        return refuse(m, C.R_FIELD_UNSUPPORTED, 0, 0, L.CMD_GROUP_SEQ)
    if rows[c + L.CMD_COST_CAP] != 0:
        return refuse(m, C.R_FIELD_UNSUPPORTED, 0, 0, L.CMD_COST_CAP)
    return C.OK


@leaf
def check_kind(m, inst, rows, c, side, contract_side, order_type, tif, stp, flags):
    """Side, type, time in force and flags, and every field whose feature is not built yet (must be 0; asked = its word)."""
    if side != C.BUY and side != C.SELL:
        return refuse(m, C.R_BAD_SIDE, 0, 0, side)
    if contract_side != C.YES and contract_side != C.NO:
        return refuse(m, C.R_BAD_SIDE, 0, 0, contract_side)
    if order_type < C.MARKET or order_type > C.STOP_LIMIT:
        return refuse(m, C.R_BAD_TYPE, 0, 0, order_type)
    if tif != C.DAY and tif != C.GTC and tif != C.AT_OPEN and tif != C.IOC and tif != C.FOK and tif != C.GTD:
        return refuse(m, C.R_BAD_TIF, 0, 0, tif)
    if flags & ~(C.FLAG_POST_ONLY | C.FLAG_POST_SLIDE | C.FLAG_REDUCE_ONLY | C.FLAG_PERSIST) != 0:
        return refuse(m, C.R_BAD_FLAGS, 0, 0, flags)
    if order_type == C.STOP or order_type == C.STOP_LIMIT:
        return refuse(m, C.R_FIELD_UNSUPPORTED, 0, order_type, C.FIELD_TYPE)
    if tif == C.AT_OPEN:
        return refuse(m, C.R_FIELD_UNSUPPORTED, 0, tif, C.FIELD_TIF)
    if flags & ~(C.FLAG_POST_ONLY | C.FLAG_PERSIST) != 0:
        return refuse(m, C.R_FIELD_UNSUPPORTED, C.FLAG_POST_ONLY | C.FLAG_PERSIST, flags, C.FIELD_FLAGS)
    if C.STP_CANCEL_INCOMING < stp <= C.STP_DECREMENT:
        return refuse(m, C.R_FIELD_UNSUPPORTED, C.STP_CANCEL_INCOMING, stp, C.FIELD_STP)
    code = check_unbuilt(m, rows, c)
    if code != C.OK:
        return code
    expiry = rows[c + L.CMD_EXPIRY]
    if tif == C.GTD and expiry <= m[L.H_TIME]:
        return refuse(m, C.R_EXPIRY_PAST, m[L.H_TIME], 0, expiry)
    if tif != C.GTD and expiry != 0:
        return refuse(m, C.R_EXPIRY_UNEXPECTED, 0, 0, expiry)
    if contract_side == C.NO and sells_base(m, m[inst + L.I_EVENT]):
        return refuse(m, C.R_NO_ON_SPOT, 0, 0, 0)
    if stp > C.STP_DECREMENT:
        return refuse(m, C.R_BAD_STP, C.STP_DECREMENT, 0, stp)
    if order_type == C.MARKET and rows[c + L.CMD_PRICE] != 0:
        return refuse(m, C.R_PRICE_ON_MARKET, 0, 0, rows[c + L.CMD_PRICE])
    if flags & C.FLAG_POST_ONLY != 0 and (order_type == C.MARKET or tif == C.IOC or tif == C.FOK):
        return refuse(m, C.R_POST_ONLY_IMMEDIATE, 0, 0, tif)
    if order_type == C.MARKET and (tif == C.GTC or tif == C.GTD):
        return refuse(m, C.R_MARKET_NEEDS_IMMEDIATE, 0, 0, tif)
    return C.OK


# ---- kill switches, throttles, freshness, conflict of interest --------------------------------------------------


@leaf
def check_kill(m, s, account, venue_id):
    """Kill switches, from the platform down to the session (pointer): R_KILLED_PLATFORM, R_KILLED_VENUE, R_KILLED_FIRM, R_KILLED_ACCOUNT,
    R_KILLED_SESSION."""
    if m[L.H_BARS] & L.BAR_KILLED != 0:
        return refuse(m, C.R_KILLED_PLATFORM, 0, 0, 0)
    v = venue_at(m, venue_id)
    if v != 0 and m[v + L.V_BARS] & L.BAR_KILLED != 0:
        return refuse(m, C.R_KILLED_VENUE, 0, 0, venue_id)
    f = firm_at(m, m[account + L.AC_FIRM])
    if f != 0 and m[f + L.F_BARS] & L.BAR_KILLED != 0:
        return refuse(m, C.R_KILLED_FIRM, 0, 0, m[f])
    if m[account + L.AC_BARS] & L.BAR_KILLED != 0:
        return refuse(m, C.R_KILLED_ACCOUNT, 0, 0, m[account])
    if m[s + L.S_BARS] & L.BAR_KILLED != 0:
        return refuse(m, C.R_KILLED_SESSION, 0, 0, m[s])
    return C.OK


@leaf
def check_fresh(m, deadline):
    """deadline: ns, 0: none. R_STALE if the turn's time is later."""
    if deadline != 0 and m[L.H_TIME] > deadline:
        return refuse(m, C.R_STALE, deadline, 0, m[L.H_TIME])
    return C.OK


@leaf
def check_exposure(m, event, v, account, firm, co, j, sell, quantity, instead):
    """Only orders that reduce the position, open orders included, are accepted from a firm with a conflict of interest (R_CONFLICT) and from
    whom venue (pointer `v`) or event do not admit (check_access). instead: total (lots) of the order that is replaced."""
    if m[event + L.E_RESTRICTED] == 0 and not restricts(m, event, v):
        return C.OK
    q = position_of(m, co, j)
    waiting = open_of(m, co, j, sell)
    clamped = max(-QUANTITY_MAX, min(quantity, QUANTITY_MAX))  # the limits of the quantity itself are checked later
    if sell != 0:
        if q - waiting - (clamped - instead) >= 0:
            return C.OK
    elif q + waiting + (clamped - instead) <= 0:
        return C.OK
    if m[event + L.E_RESTRICTED] != 0 and pair_find(m, PAIR_RESTRICT, firm, m[event + L.E_ID]) != 0:
        return refuse(m, C.R_CONFLICT, q, waiting, m[event + L.E_ID])
    return check_access(m, event, v, account)


@leaf
def is_resting_type(order_type, tif):
    """Whether an order of this type and time in force may rest in the book."""
    return order_type == C.LIMIT and tif != C.IOC and tif != C.FOK
