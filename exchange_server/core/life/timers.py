"""When orders expire: buckets of one time each in a heap, and the end of a venue's trading day."""

from .. import layout as L
from ..kit.jit import leaf
from ..kit.pairs import PAIR_BUCKET, pair_delete, pair_find, pair_put, pair_room
from ..kit.pools import pool_alloc, pool_base, pool_release
from ..kit.rows import venue_at

# ---- timers: buckets of equal expiry in a binary heap ------------------------------------------------------------


@leaf
def _heap_swap_up(m, base, i):
    b = m[base + i]
    t = m[b + L.BK_TIME]
    while i > 0:
        up = (i - 1) >> 1
        p = m[base + up]
        if m[p + L.BK_TIME] <= t:
            break
        m[base + i] = p
        m[p + L.BK_POS] = i
        i = up
    m[base + i] = b
    m[b + L.BK_POS] = i


@leaf
def _heap_swap_down(m, base, i, size):
    b = m[base + i]
    t = m[b + L.BK_TIME]
    while True:
        c = 2 * i + 1
        if c >= size:
            break
        if c + 1 < size and m[m[base + c + 1] + L.BK_TIME] < m[m[base + c] + L.BK_TIME]:
            c += 1
        p = m[base + c]
        if m[p + L.BK_TIME] >= t:
            break
        m[base + i] = p
        m[p + L.BK_POS] = i
        i = c
    m[base + i] = b
    m[b + L.BK_POS] = i


@leaf
def timer_room(m):
    """There is a bucket for every open order; only their pairs lie in a table with others."""
    return pair_room(m) >= 1


@leaf
def timer_add(m, o, when):
    """Put the order into the bucket of its expiry. The caller has asked timer_room."""
    b = pair_find(m, PAIR_BUCKET, 0, when)
    if b == 0:
        b = pool_alloc(m, L.P_BUCKET)
        m[b + L.BK_TIME] = when
        m[b + L.BK_HEAD] = 0
        m[b + L.BK_TAIL] = 0
        m[b + L.BK_COUNT] = 0
        pair_put(m, PAIR_BUCKET, 0, when, b)
        base = pool_base(m, L.P_HEAP)
        i = m[L.H_HEAP_SIZE]
        m[L.H_HEAP_SIZE] = i + 1
        m[base + i] = b
        _heap_swap_up(m, base, i)
    tail = m[b + L.BK_TAIL]
    m[o + L.O_BUCKET] = b
    m[o + L.O_TIMER_PREV] = tail
    m[o + L.O_TIMER_NEXT] = 0
    if tail == 0:
        m[b + L.BK_HEAD] = o
    else:
        m[tail + L.O_TIMER_NEXT] = o
    m[b + L.BK_TAIL] = o
    m[b + L.BK_COUNT] += 1


@leaf
def timer_remove(m, o):
    b = m[o + L.O_BUCKET]
    if b == 0:
        return
    nxt = m[o + L.O_TIMER_NEXT]
    prv = m[o + L.O_TIMER_PREV]
    if prv == 0:
        m[b + L.BK_HEAD] = nxt
    else:
        m[prv + L.O_TIMER_NEXT] = nxt
    if nxt == 0:
        m[b + L.BK_TAIL] = prv
    else:
        m[nxt + L.O_TIMER_PREV] = prv
    m[o + L.O_BUCKET] = 0
    m[b + L.BK_COUNT] -= 1
    if m[b + L.BK_COUNT] > 0:
        return
    pair_delete(m, PAIR_BUCKET, 0, m[b + L.BK_TIME])
    base = pool_base(m, L.P_HEAP)
    size = m[L.H_HEAP_SIZE] - 1
    m[L.H_HEAP_SIZE] = size
    i = m[b + L.BK_POS]
    last = m[base + size]
    m[base + size] = 0
    pool_release(m, L.P_BUCKET, b)
    if i < size:
        m[base + i] = last
        m[last + L.BK_POS] = i
        _heap_swap_up(m, base, i)
        _heap_swap_down(m, base, m[last + L.BK_POS], size)


DAY_NS = 86_400_000_000_000


@leaf
def next_cutoff(m, venue_id):
    """End of the venue's present trading day, 0: it has none."""
    v = venue_at(m, venue_id)
    if v == 0:
        return 0
    period = m[v + L.V_CUTOFF_PERIOD] if m[v + L.V_CUTOFF_PERIOD] > 0 else DAY_NS
    return ((m[L.H_TIME] - m[v + L.V_CUTOFF]) // period + 1) * period + m[v + L.V_CUTOFF]
