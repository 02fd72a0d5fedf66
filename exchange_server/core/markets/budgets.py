"""The row that gives an account a budget, changes or ends it. `c` is the word offset of the row in `rows`; a refusal changes nothing."""

from protocol import codes as C

from .. import layout as L
from ..emit import refuse
from ..kit.jit import leaf
from ..kit.pairs import PAIR_BALANCE, PAIR_BUDGET, pair_delete, pair_find, pair_put
from ..kit.pools import pool_cap, pool_left
from ..kit.rows import account_at, asset_at, event_at, session_at, set_bar
from ..layout import definitions as d
from ..money.collateral import buying_power
from ..risk.budget import today
from ..risk.held import drop_held, release


@leaf
def _list_market(m, rows, c, account):
    """Put an event on the account's list of markets, or take it off. R_UNKNOWN_EVENT, R_BAD_COMMAND (no budget), R_TABLE_FULL."""
    event = event_at(m, rows[c + d.DM_EVENT])
    if event == 0:
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DM_EVENT])
    if m[account + L.AC_BARS] & L.BAR_BUDGET == 0:
        return refuse(m, C.R_BAD_COMMAND, 0, 0, m[account])
    known = pair_find(m, PAIR_BUDGET, m[account], m[event]) != 0
    if rows[c + d.DM_ON] != 0 and not known:
        if pair_put(m, PAIR_BUDGET, m[account], m[event], 1) != 0:
            return refuse(m, C.R_TABLE_FULL, pool_cap(m, L.P_PAIR_HASH), pool_cap(m, L.P_PAIR_HASH) - pool_left(m, L.P_PAIR_HASH), 1)
        m[account + L.AC_BUDGET_MARKETS] += 1
    elif rows[c + d.DM_ON] == 0 and known:
        pair_delete(m, PAIR_BUDGET, m[account], m[event])
        m[account + L.AC_BUDGET_MARKETS] -= 1
    return C.OK


@leaf
def _end_budget(m, account, s):
    """R_NOT_EMPTY: markets are on its list still."""
    if m[account + L.AC_BUDGET_MARKETS] != 0:
        return refuse(m, C.R_NOT_EMPTY, 0, 0, m[account + L.AC_BUDGET_MARKETS])
    for word in range(L.AC_BUDGET_ASSET, L.AC_BUDGET_DAY + 1):
        m[account + word] = 0
    set_bar(m, account + L.AC_BARS, L.BAR_BUDGET, 0)
    drop_held(m, account, True)
    m[s + L.S_BUDGET] = 0
    set_bar(m, s + L.S_BARS, L.BAR_BUDGET, 0)
    return C.OK


@leaf
def do_budget(m, rows, c):
    """Set, change or end the budget of an account and of the session that may act for it alone. What was lost so far goes on counting, unless the asset
    is another one or the row says so. With the number of an order that waits see held.release. R_UNKNOWN_ACCOUNT, R_BAD_COMMAND, R_ACCOUNT_NOT_ALLOWED, R_UNKNOWN_ASSET, R_NOT_EMPTY; of a line of its
    list see _list_market."""
    if rows[c + d.DM_HELD] != 0:
        return release(m, rows[c + d.DM_HELD], rows[c + d.DM_ON] != 0)
    account = account_at(m, rows[c + d.DM_ACCOUNT])
    if account == 0:
        return refuse(m, C.R_UNKNOWN_ACCOUNT, 0, 0, rows[c + d.DM_ACCOUNT])
    if rows[c + d.DM_EVENT] != 0:
        return _list_market(m, rows, c, account)
    s = session_at(m, rows[c + d.DM_SESSION])
    if s == 0:
        return refuse(m, C.R_BAD_COMMAND, 0, 0, rows[c + d.DM_SESSION])
    for word in range(d.DM_LOSS, d.DM_WAIT + 1):
        if rows[c + word] < 0:
            return refuse(m, C.R_BAD_COMMAND, 0, 0, rows[c + word])
    if m[s + L.S_FIRM] != m[account + L.AC_FIRM]:
        return refuse(m, C.R_ACCOUNT_NOT_ALLOWED, m[account + L.AC_FIRM], 0, m[s + L.S_FIRM])
    asset = rows[c + d.DM_ASSET]
    if asset == 0:
        return _end_budget(m, account, s)
    if asset_at(m, asset) == 0:
        return refuse(m, C.R_UNKNOWN_ASSET, 0, 0, asset)
    if m[account + L.AC_BARS] & L.BAR_BUDGET == 0 or m[account + L.AC_BUDGET_ASSET] != asset or rows[c + d.DM_ANEW] != 0:
        balance = pair_find(m, PAIR_BALANCE, m[account], asset)
        power = buying_power(m, balance) if balance != 0 else 0
        m[account + L.AC_BUDGET_HIGH] = power
        m[account + L.AC_BUDGET_HIGH_DAY] = power
        m[account + L.AC_BUDGET_DAY] = today(m)
    m[account + L.AC_BUDGET_ASSET] = asset
    m[account + L.AC_BUDGET_LOSS] = rows[c + d.DM_LOSS]
    m[account + L.AC_BUDGET_LOSS_DAY] = rows[c + d.DM_LOSS_DAY]
    m[account + L.AC_BUDGET_QTY] = rows[c + d.DM_QTY]
    m[account + L.AC_BUDGET_COST] = rows[c + d.DM_COST]
    m[account + L.AC_BUDGET_APPROVE] = rows[c + d.DM_APPROVE]
    m[account + L.AC_BUDGET_WAIT] = rows[c + d.DM_WAIT]
    m[account + L.AC_BUDGET_LISTED] = 1 if rows[c + d.DM_LISTED] != 0 else 0
    set_bar(m, account + L.AC_BARS, L.BAR_BUDGET, 1)
    m[s + L.S_BUDGET] = m[account]
    set_bar(m, s + L.S_BARS, L.BAR_BUDGET, 1)
    return C.OK
