"""Pools of the arena: allocation and rows by id.

Nothing here fails by itself: a full pool answers 0 and the caller refuses with a code.
"""

from .. import layout as L
from .jit import leaf


@leaf
def pool_alloc(m, pool):
    """A row of the pool, 0 when it is full. Word 0 is whatever the free list left there; the caller sets all it needs."""
    d = L.H_POOLS + pool * L.POOL_WORDS
    p = m[d + L.PL_FREE]
    if p != 0:
        m[d + L.PL_FREE] = m[p]
    else:
        i = m[d + L.PL_NEXT]
        if i >= m[d + L.PL_CAP]:
            return 0
        m[d + L.PL_NEXT] = i + 1
        p = m[d + L.PL_BASE] + i * m[d + L.PL_WIDTH]
    m[d + L.PL_USED] += 1
    return p


@leaf
def pool_release(m, pool, p):
    d = L.H_POOLS + pool * L.POOL_WORDS
    m[p] = m[d + L.PL_FREE]
    m[d + L.PL_FREE] = p
    m[d + L.PL_USED] -= 1


@leaf
def pool_left(m, pool):
    d = L.H_POOLS + pool * L.POOL_WORDS
    return m[d + L.PL_CAP] - m[d + L.PL_USED]


@leaf
def pool_base(m, pool):
    return m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_BASE]


@leaf
def pool_cap(m, pool):
    return m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_CAP]


@leaf
def row_by_id(m, pool, width, i):
    """Row of a defined id, else 0. Every row by id holds its own id in word 0."""
    d = L.H_POOLS + pool * L.POOL_WORDS
    if i <= 0 or i >= m[d + L.PL_CAP]:
        return 0
    p = m[d + L.PL_BASE] + i * width
    if m[p] != i:
        return 0
    return p
