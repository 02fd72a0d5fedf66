"""Timers: one heap of rows (time, kind, target), the earliest first. Equal times are ordered by kind, then by target, so the order is the
same on every machine.

A target is an id (0: none), never a pointer. No two rows have the same time, kind and target.
"""

from .. import layout as L
from .jit import leaf
from .pools import pool_alloc, pool_base, pool_release


@leaf
def _before(m, a, b):
    if m[a + L.TM_TIME] != m[b + L.TM_TIME]:
        return m[a + L.TM_TIME] < m[b + L.TM_TIME]
    if m[a + L.TM_KIND] != m[b + L.TM_KIND]:
        return m[a + L.TM_KIND] < m[b + L.TM_KIND]
    return m[a + L.TM_TARGET] < m[b + L.TM_TARGET]


@leaf
def _rise(m, base, i):
    """Move the row at position i of the heap up while it is earlier than its parent."""
    t = m[base + i]
    while i > 0:
        up = (i - 1) >> 1
        p = m[base + up]
        if _before(m, p, t):
            break
        m[base + i] = p
        m[p + L.TM_PLACE] = i
        i = up
    m[base + i] = t
    m[t + L.TM_PLACE] = i


@leaf
def _sink(m, base, i, size):
    t = m[base + i]
    while True:
        c = 2 * i + 1
        if c >= size:
            break
        if c + 1 < size and _before(m, m[base + c + 1], m[base + c]):
            c += 1
        p = m[base + c]
        if _before(m, t, p):
            break
        m[base + i] = p
        m[p + L.TM_PLACE] = i
        i = c
    m[base + i] = t
    m[t + L.TM_PLACE] = i


@leaf
def timer_start(m, time, kind, target):
    """Add a row due at `time` (ns) and return its pointer, 0 if the table is full. kind: TIMER_*; target: an id, 0: none."""
    t = pool_alloc(m, L.P_TIMER)
    if t == 0:
        return 0
    m[t + L.TM_TIME] = time
    m[t + L.TM_KIND] = kind
    m[t + L.TM_TARGET] = target
    m[t + L.TM_HEAD] = 0
    m[t + L.TM_TAIL] = 0
    m[t + L.TM_COUNT] = 0
    base = pool_base(m, L.P_HEAP)
    i = m[L.H_TIMERS]
    m[L.H_TIMERS] = i + 1
    m[base + i] = t
    _rise(m, base, i)
    return t


@leaf
def timer_due(m):
    """Pointer to the first row that is due now, 0: none."""
    if m[L.H_TIMERS] == 0:
        return 0
    t = m[pool_base(m, L.P_HEAP)]
    return t if m[t + L.TM_TIME] <= m[L.H_TIME] else 0


@leaf
def timer_stop(m, t):
    """Remove a row (pointer), due or not."""
    base = pool_base(m, L.P_HEAP)
    size = m[L.H_TIMERS] - 1
    m[L.H_TIMERS] = size
    i = m[t + L.TM_PLACE]
    last = m[base + size]
    m[base + size] = 0
    pool_release(m, L.P_TIMER, t)
    if i < size:
        m[base + i] = last
        m[last + L.TM_PLACE] = i
        _rise(m, base, i)
        _sink(m, base, m[last + L.TM_PLACE], size)
