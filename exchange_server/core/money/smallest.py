"""The sum of the k smallest v of a collateral row (CO_WORST), kept while one v after the other changes.

k = n: the sum of all. k = 1: the smallest; there is mostly nothing to look for. Between them there are two ways:

* By sign. While at most k contracts are worth less than 0 and at least k not more than 0, the sum is that of those below 0, whichever of the zeros
  belong to the k. Two counts (in CO_K) say so, and a change takes the same few steps however many contracts there are. An account that has
  positions and orders in a part of a large group stays here.
* By marks. The k smallest are marked as chosen: a bit for each contract in column COL_CHOSEN, followed by two words for each 16 contracts, the largest
  chosen v and the smallest other v of them. A change of one v swaps at most one chosen contract, so an update looks at n / 16 words and at the
  contracts of at most two sixteens.

To mark takes n steps, so a row that has left the first way goes back only when it is some contracts away from the border.

A contract that was paid ahead of its group (markets/ahead.py) is left out: its v is LEFT_OUT, which is above 0 and never among the smallest, and k counts
the rest. Columns of a row that wait for new outcomes are 0, which changes no sum (collateral.py).

`co` is the pointer of a collateral row, `j` the index of a contract in its event, `column` the place (arena offset) of its first v, `chosen` that of its
marks.
"""

from .. import layout as L
from ..kit.expect import expect
from ..kit.jit import leaf
from ..layout.packed import above_of, below_of, by_sign, changed_counts, is_counted, pack_counts, winners_of
from .products import has_sets

LEFT_OUT = 1 << 61
NONE_CHOSEN = -(1 << 62)
ALL_CHOSEN = 1 << 62


@leaf
def v_column(m, co):
    """Place of the v of the row's first contract."""
    return co + L.CO_COLUMNS + L.COL_V * m[co + L.CO_N]


@leaf
def begin_smallest(m, co, k):
    """Say that the k smallest count, in a row whose v are all 0."""
    m[co + L.CO_K] = pack_counts(k, 0, 0, True)


@leaf
def _counted(m, co):
    """CO_K of a row with its counts."""
    n = m[co + L.CO_N]
    column = v_column(m, co)
    below = 0
    above = 0
    for i in range(n):
        below += 1 if m[column + i] < 0 else 0
        above += 1 if m[column + i] > 0 else 0
    return pack_counts(winners_of(m[co + L.CO_K]), below, above, False)


@leaf
def _border_is_zero(counts, n, margin):
    """Whether the k smallest are those below 0 and some of the zeros, also if `margin` more contracts had a sign."""
    k = winners_of(counts)
    return below_of(counts) + margin <= k and above_of(counts) + margin <= n - k


# ---- by marks -----------------------------------------------------------------------------------------------------------


@leaf
def _is_chosen(m, chosen, j):
    return (m[chosen + (j >> 6)] >> (j & 63)) & 1 != 0


@leaf
def _sum_up(m, chosen, column, n, block):
    """Find the largest chosen v and the smallest other v of sixteen contracts again."""
    most = NONE_CHOSEN
    least = ALL_CHOSEN
    first = block << 4
    bits = m[chosen + (first >> 6)] >> (first & 63)
    for i in range(min(16, n - first)):
        v = m[column + first + i]
        if (bits >> i) & 1 != 0:
            most = max(most, v)
        else:
            least = min(least, v)
    at = chosen + ((n + 63) >> 6) + 2 * block
    m[at] = most
    m[at + 1] = least


@leaf
def _mark(m, co):
    """Mark the k smallest of a row that is kept by sign: those below 0, and the first zeros."""
    n = m[co + L.CO_N]
    column = v_column(m, co)
    chosen = co + L.CO_COLUMNS + L.COL_CHOSEN * n
    counts = m[co + L.CO_K]
    zeros = winners_of(counts) - below_of(counts)
    expect(m, by_sign(counts) and _border_is_zero(counts, n, 0), L.INV_COLLATERAL)
    for first in range(0, n, 64):
        bits = 0
        for i in range(min(64, n - first)):
            v = m[column + first + i]
            if v < 0:
                bits |= 1 << i
            elif v == 0 and zeros > 0:
                bits |= 1 << i
                zeros -= 1
        m[chosen + (first >> 6)] = bits
    for block in range((n + 15) >> 4):
        _sum_up(m, chosen, column, n, block)
    m[co + L.CO_K] = pack_counts(winners_of(counts), below_of(counts), above_of(counts), False)


@leaf
def _note_change(m, chosen, column, n, j, old):
    """Contract j was worth `old` and has another v now: keep its sixteen's largest chosen and smallest other v. Only where it was that one and is not any more
    is there something to look for."""
    at = chosen + ((n + 63) >> 6) + 2 * (j >> 4)
    v = m[column + j]
    if _is_chosen(m, chosen, j):
        if v >= m[at]:
            m[at] = v
        elif old == m[at]:
            _sum_up(m, chosen, column, n, j >> 4)
    elif v <= m[at + 1]:
        m[at + 1] = v
    elif old == m[at + 1]:
        _sum_up(m, chosen, column, n, j >> 4)
    expect(m, v <= m[at] if _is_chosen(m, chosen, j) else v >= m[at + 1], L.INV_COLLATERAL)


@leaf
def _in_block(m, chosen, column, n, block, v, wanted):
    """A contract of a sixteen that is worth v and is chosen (wanted True) or not."""
    for j in range(block << 4, min((block + 1) << 4, n)):
        if m[column + j] == v and _is_chosen(m, chosen, j) == wanted:
            return j
    return -1


@leaf
def _least_other(m, chosen, column, n):
    """The contract with the smallest v of those that are not chosen."""
    blocks = chosen + ((n + 63) >> 6)
    best = 0
    least = m[blocks + 1]
    for block in range(1, (n + 15) >> 4):
        if m[blocks + 2 * block + 1] < least:
            least = m[blocks + 2 * block + 1]
            best = block
    return _in_block(m, chosen, column, n, best, least, False)


@leaf
def _most_chosen(m, chosen, column, n):
    """The contract with the largest v of those that are chosen."""
    blocks = chosen + ((n + 63) >> 6)
    best = 0
    most = m[blocks]
    for block in range(1, (n + 15) >> 4):
        if m[blocks + 2 * block] > most:
            most = m[blocks + 2 * block]
            best = block
    return _in_block(m, chosen, column, n, best, most, True)


@leaf
def _swap(m, chosen, column, n, out, into):
    """One contract is chosen no more, another one is."""
    expect(m, _is_chosen(m, chosen, out) and not _is_chosen(m, chosen, into), L.INV_COLLATERAL)
    m[chosen + (out >> 6)] ^= 1 << (out & 63)
    m[chosen + (into >> 6)] ^= 1 << (into & 63)
    _sum_up(m, chosen, column, n, out >> 4)
    if out >> 4 != into >> 4:
        _sum_up(m, chosen, column, n, into >> 4)


@leaf
def _by_marks(m, co, j, v):
    """set_v, of a row whose k smallest are marked."""
    n = m[co + L.CO_N]
    column = v_column(m, co)
    chosen = co + L.CO_COLUMNS + L.COL_CHOSEN * n
    old = m[column + j]
    m[column + j] = v
    _note_change(m, chosen, column, n, j, old)
    if _is_chosen(m, chosen, j):
        m[co + L.CO_WORST] += v - old
        if v > old:
            at = _least_other(m, chosen, column, n)
            if m[column + at] < v:
                m[co + L.CO_WORST] += m[column + at] - v
                _swap(m, chosen, column, n, j, at)
    elif v < old:
        at = _most_chosen(m, chosen, column, n)
        if m[column + at] > v:
            m[co + L.CO_WORST] += v - m[column + at]
            _swap(m, chosen, column, n, at, j)


# ---- what the others call -------------------------------------------------------------------------------------------------


@leaf
def set_v(m, co, j, v):
    """Contract j is now worth v (minor units) in the worst case: keep CO_WORST the sum of the k smallest."""
    n = m[co + L.CO_N]
    counts = m[co + L.CO_K]
    k = winners_of(counts)
    column = v_column(m, co)
    expect(m, 0 <= j < n and k >= 1, L.INV_COLLATERAL)
    old = m[column + j]
    if v == old:
        return
    if k >= n:
        m[column + j] = v
        m[co + L.CO_WORST] += v - old
        return
    if k == 1:
        m[column + j] = v
        if v <= m[co + L.CO_WORST]:
            m[co + L.CO_WORST] = v
        elif old == m[co + L.CO_WORST]:
            least = m[column]
            for i in range(1, m[m[co + L.CO_EVENT] + L.E_N]):  # the columns after it wait for new outcomes
                least = min(least, m[column + i])
            m[co + L.CO_WORST] = least
        return
    if not is_counted(counts):  # a row of a program that had no counts
        counts = _counted(m, co)
    after = changed_counts(counts, old, v)
    if by_sign(counts):
        if _border_is_zero(after, n, 0):
            m[column + j] = v
            m[co + L.CO_WORST] += min(v, 0) - min(old, 0)
            m[co + L.CO_K] = after
            expect(m, m[co + L.CO_WORST] <= 0, L.INV_COLLATERAL)
            return
        _mark(m, co)
    _by_marks(m, co, j, v)
    m[co + L.CO_K] = pack_counts(k, below_of(after), above_of(after), _border_is_zero(after, n, min(n >> 4, k >> 1, (n - k) >> 1)))


@leaf
def choose(m, co, k):
    """Find the sum of the k smallest v anew: CO_WORST, and how it is kept."""
    event = m[co + L.CO_EVENT]
    n = m[co + L.CO_N]
    columns = m[event + L.E_N] if has_sets(m, event) else n  # as far as `set_v` searches
    column = v_column(m, co)
    chosen = co + L.CO_COLUMNS + L.COL_CHOSEN * n
    for i in range(n):
        m[chosen + i] = 0
    m[co + L.CO_WORST] = 0
    m[co + L.CO_K] = pack_counts(k, 0, 0, False)
    counts = _counted(m, co)
    if 1 < k < n and _border_is_zero(counts, n, 0):
        for i in range(n):
            m[co + L.CO_WORST] += min(m[column + i], 0)
        m[co + L.CO_K] = pack_counts(k, below_of(counts), above_of(counts), True)
        return
    m[co + L.CO_K] = counts
    found = 0
    while found < k:
        at = -1
        for i in range(columns):
            if not _is_chosen(m, chosen, i) and m[column + i] != LEFT_OUT and (at < 0 or m[column + i] < m[column + at]):
                at = i
        if at < 0:
            break
        m[chosen + (at >> 6)] |= 1 << (at & 63)
        m[co + L.CO_WORST] += m[column + at]
        found += 1
    if 1 < k < n:
        for block in range((n + 15) >> 4):
            _sum_up(m, chosen, column, n, block)


@leaf
def largest_with(m, co, j):
    """Of the k smallest v, 1 < k < n, that of contract j if it is one of them, else the largest."""
    n = m[co + L.CO_N]
    column = v_column(m, co)
    chosen = co + L.CO_COLUMNS + L.COL_CHOSEN * n
    expect(m, 1 < winners_of(m[co + L.CO_K]) < n, L.INV_COLLATERAL)
    if by_sign(m[co + L.CO_K]):
        _mark(m, co)
    return m[column + j] if _is_chosen(m, chosen, j) else m[column + _most_chosen(m, chosen, column, n)]
