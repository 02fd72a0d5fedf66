"""Whose row is given up when a table is full that forgets and never refuses: each firm has a share of it, by its weight."""

from .. import layout as L
from ..kit.jit import leaf
from ..kit.pools import pool_cap
from ..kit.rows import firm_row


@leaf
def share_of(m, f, pool):
    """Rows of a shared table (P_*) that a firm (pointer) is guaranteed: its part by weight."""
    return pool_cap(m, pool) * m[f + L.F_WEIGHT] // max(m[L.H_WEIGHTS], 1)


@leaf
def who_gives(m, f, pool, count, turn):
    """The table (P_*) is full and a firm (pointer) needs a row: the firm (pointer) that gives its oldest. Shares sum to at most the table, so
    there is one. count: the firm's word with its rows (F_*); turn: the header word with the firm at which the search continues."""
    if m[f + count] > 0 and m[f + count] >= share_of(m, f, pool):
        return f
    firms = pool_cap(m, L.P_FIRM)
    firm = m[turn]
    for _ in range(firms):
        other = firm_row(m, firm)
        if m[other + count] > share_of(m, other, pool):
            m[turn] = firm
            return other
        firm = firm + 1 if firm + 1 < firms else 1
    return 0
