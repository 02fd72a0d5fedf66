"""Deposits, withdrawals and transfers between accounts of a firm."""

from protocol import codes as C

from .. import layout as L
from ..emit import begin_event, refuse
from ..kit.expect import expect
from ..kit.jit import leaf
from ..kit.pairs import PAIR_BALANCE, pair_find
from ..kit.pools import pool_cap, pool_left
from ..kit.rows import account_at, asset_at, firm_at
from ..layout import definitions as d
from ..layout.packed import pack_event
from .collateral import note_shortage
from .ledger import balance_get, post

MONEY_MAX = 1 << 61  # one balance; sums of two stay within int64


@leaf
def _moved(m, ev, account, amount, after, asset, why):
    e = begin_event(m, ev, pack_event(C.E_MOVED, 0, 0, 0, 0, C.EF_UNSOLICITED), m[account + L.AC_SESSION], m[account], True)
    ev[e + L.EVT_MOVED_AMOUNT] = amount
    ev[e + L.EVT_MOVED_BALANCE] = after
    ev[e + L.EVT_MOVED_ASSET] = asset
    ev[e + L.EVT_MOVED_WHY] = why


@leaf
def _count_out_of_budget(m, account_id, asset_id, amount):
    """A deposit (a withdrawal: amount below 0) of an account (id) is no gain and no loss of its budget."""
    account = account_at(m, account_id)
    if m[account + L.AC_BARS] & L.BAR_BUDGET != 0 and m[account + L.AC_BUDGET_ASSET] == asset_id:
        m[account + L.AC_BUDGET_HIGH] += amount
        m[account + L.AC_BUDGET_HIGH_DAY] += amount


@leaf
def _check_party(m, account_id):
    """A defined account (id, 0: the world outside) that money leaves or enters: R_FIRM_CLOSED, R_ACCOUNT_CLOSED."""
    if account_id == 0:
        return C.OK
    account = account_at(m, account_id)
    f = firm_at(m, m[account + L.AC_FIRM])
    if f != 0 and m[f + L.F_BARS] & L.BAR_CLOSED != 0:
        return refuse(m, C.R_FIRM_CLOSED, 0, 0, m[f])
    if m[account + L.AC_BARS] & L.BAR_CLOSED != 0:
        return refuse(m, C.R_ACCOUNT_CLOSED, 0, 0, account_id)
    return C.OK


@leaf
def do_transfer(m, rows, c, ev):
    """Deposit (from 0), withdrawal (to 0) or transfer, in minor units: E_MOVED for each account. R_UNKNOWN_ASSET, R_AMOUNT_NOT_POSITIVE,
    R_OVERFLOW, R_UNKNOWN_ACCOUNT, R_WITHDRAW_TOO_MUCH (above buying power), R_TABLE_FULL."""
    source = rows[c + d.DT_FROM]
    target = rows[c + d.DT_TO]
    asset_id = rows[c + d.DT_ASSET]
    amount = rows[c + d.DT_AMOUNT]
    asset = asset_at(m, asset_id)
    if asset == 0:
        return refuse(m, C.R_UNKNOWN_ASSET, 0, 0, asset_id)
    if amount <= 0:
        return refuse(m, C.R_AMOUNT_NOT_POSITIVE, 1, 0, amount)
    if amount >= MONEY_MAX:
        return refuse(m, C.R_OVERFLOW, MONEY_MAX, 0, amount)
    if source == 0 and target == 0 or source != 0 and account_at(m, source) == 0:
        return refuse(m, C.R_UNKNOWN_ACCOUNT, 0, 0, source)
    if target != 0 and account_at(m, target) == 0:
        return refuse(m, C.R_UNKNOWN_ACCOUNT, 0, 0, target)
    code = _check_party(m, source)
    if code == C.OK:
        code = _check_party(m, target)
    if code != C.OK:
        return code
    source_row = 0
    target_row = 0
    if source != 0:
        source_row = pair_find(m, PAIR_BALANCE, source, asset_id)
        if source_row == 0 or m[source_row + L.B_CASH] - m[source_row + L.B_LOCKED] < amount:
            free = m[source_row + L.B_CASH] - m[source_row + L.B_LOCKED] if source_row != 0 else 0
            return refuse(m, C.R_WITHDRAW_TOO_MUCH, free, m[source_row + L.B_LOCKED] if source_row != 0 else 0, amount)
    if target != 0:
        target_row = balance_get(m, target, asset_id)
        if target_row == 0:
            return refuse(m, C.R_TABLE_FULL, pool_cap(m, L.P_BALANCE), pool_cap(m, L.P_BALANCE) - pool_left(m, L.P_BALANCE), 1)
        if m[target_row + L.B_CASH] + amount >= MONEY_MAX:
            return refuse(m, C.R_OVERFLOW, MONEY_MAX, m[target_row + L.B_CASH], m[target_row + L.B_CASH] + amount)
        held = -m[asset + L.A_EXTERNAL]
        if held + amount >= MONEY_MAX:
            return refuse(m, C.R_OVERFLOW, MONEY_MAX, held, held + amount)
    if source == 0:
        post(m, asset, target_row, amount, C.WHY_DEPOSIT)
        _moved(m, ev, account_at(m, target), amount, m[target_row + L.B_CASH], asset_id, C.WHY_DEPOSIT)
    elif target == 0:
        post(m, source_row, asset, amount, C.WHY_WITHDRAWAL)
        expect(m, m[asset + L.A_EXTERNAL] <= 0, L.INV_LEDGER)
        _moved(m, ev, account_at(m, source), -amount, m[source_row + L.B_CASH], asset_id, C.WHY_WITHDRAWAL)
    else:
        left = m[source_row + L.B_CASH] - amount
        expect(m, left >= m[source_row + L.B_LOCKED], L.INV_LEDGER)
        post(m, source_row, target_row, amount, C.WHY_TRANSFER)
        _moved(m, ev, account_at(m, source), -amount, left, asset_id, C.WHY_TRANSFER)
        _moved(m, ev, account_at(m, target), amount, m[target_row + L.B_CASH], asset_id, C.WHY_TRANSFER)
    if source != 0:
        _count_out_of_budget(m, source, asset_id, -amount)
    if target != 0:
        _count_out_of_budget(m, target, asset_id, amount)
    if target_row != 0 and m[target_row + L.B_BUST] != 0:
        note_shortage(m, target_row, 0)
    return C.OK
