"""Pools of the arena: allocation and rows by id.

`pool` is a P_* number. Pointers are word offsets into the arena, 0 is null. Nothing here fails by itself: a full pool returns 0 and the
caller refuses with a code.
"""

from .. import layout as L
from .bits import touch_row
from .jit import leaf


@leaf
def pool_alloc(m, pool):
    """Pointer to a free row of the pool, 0 if the pool is full. The row is not cleared (the free list uses word 0): the caller sets every
    word it needs."""
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
        touch_row(m, p + m[d + L.PL_WIDTH], 2)  # the next one's: nothing of a row that was never used is in a cache
    m[d + L.PL_USED] += 1
    return p


@leaf
def pool_release(m, pool, p):
    """Return row `p` (pointer) to the pool's free list. It must be in use."""
    d = L.H_POOLS + pool * L.POOL_WORDS
    m[p] = m[d + L.PL_FREE]
    m[d + L.PL_FREE] = p
    m[d + L.PL_USED] -= 1


@leaf
def pool_left(m, pool):
    """Number of free rows of the pool."""
    d = L.H_POOLS + pool * L.POOL_WORDS
    return m[d + L.PL_CAP] - m[d + L.PL_USED]


@leaf
def pool_base(m, pool):
    """Pointer to row 0 of the pool."""
    return m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_BASE]


@leaf
def pool_cap(m, pool):
    """Capacity of the pool in rows."""
    return m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_CAP]


@leaf
def row_by_id(m, pool, width, i):
    """Pointer to the row of id `i`, 0 if the id is not defined. width: words per row. Every row by id has its own id in word 0."""
    d = L.H_POOLS + pool * L.POOL_WORDS
    if i <= 0 or i >= m[d + L.PL_CAP]:
        return 0
    p = m[d + L.PL_BASE] + i * width
    if m[p] != i:
        return 0
    return p
