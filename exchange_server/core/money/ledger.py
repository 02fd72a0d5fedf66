"""The only place where money moves: every change of a balance, of an event's pool or of the money outside the exchange is a `post`.

Three kinds of rows hold money, each in its word L.MONEY: a balance (of an account in an asset), an event (its pool), and an asset (the
world outside: withdrawals less deposits, so never above 0). A post takes an amount from one row and adds it to another, so all money of
an asset always sums to 0. Amounts are minor units of the asset.
"""

from protocol import codes as C

from .. import layout as L
from ..kit.expect import EXPECTING, expect
from ..kit.jit import leaf
from ..kit.pairs import PAIR_BALANCE, pair_find, pair_put, pair_room
from ..kit.pools import pool_alloc, pool_base, pool_cap


@leaf
def _lies_in(m, pool, width, row):
    return pool_base(m, pool) <= row < pool_base(m, pool) + pool_cap(m, pool) * width


@leaf
def _asset_of(m, row):
    """Asset id of a row that holds money; 0 if it is not such a row, or without EXPECTING."""
    if not EXPECTING:
        return 0
    if _lies_in(m, L.P_BALANCE, L.BALANCE_WORDS, row):
        return m[row + L.B_ASSET]
    if _lies_in(m, L.P_EVENT, L.EVENT_WORDS, row):
        return m[row + L.E_ASSET]
    return m[row + L.A_ID] if _lies_in(m, L.P_ASSET, L.ASSET_WORDS, row) else 0


@leaf
def post(m, source, target, amount, why):
    """Move money of one asset from one row to another: balances, events (their pools) or assets (the world outside), as pointers.

    amount: minor units; negative: in the other direction. why: WHY_* (protocol/codes.py lists the event row that reports each).
    """
    expect(m, C.WHY_DEPOSIT <= why <= C.WHY_OPENING, L.INV_LEDGER)
    expect(m, _asset_of(m, source) == _asset_of(m, target), L.INV_LEDGER)
    expect(m, not EXPECTING or _asset_of(m, source) > 0, L.INV_LEDGER)
    m[source + L.MONEY] -= amount
    m[target + L.MONEY] += amount


@leaf
def balance_get(m, account_id, asset_id):
    """Balance row (pointer) of account and asset (ids), created if missing; 0 if there is no room. It is never removed, so the pointer may
    be kept."""
    b = pair_find(m, PAIR_BALANCE, account_id, asset_id)
    if b != 0:
        return b
    if pair_room(m) < 1:
        return 0
    b = pool_alloc(m, L.P_BALANCE)
    if b == 0:
        return 0
    expect(m, m[b + L.B_CASH] == 0, L.INV_LEDGER)  # balances are never released, so the row is still all 0
    m[b + L.B_ACCOUNT] = account_id
    m[b + L.B_ASSET] = asset_id
    m[b + L.B_LOCKED] = 0
    pair_put(m, PAIR_BALANCE, account_id, asset_id, b)
    return b
