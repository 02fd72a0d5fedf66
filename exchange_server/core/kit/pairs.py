"""The pair table: maps (kind, a, b) to a word. Kinds are PAIR_*. `pair_put` returns -1 if the table is full, and the caller refuses with a
code."""

from .. import layout as L
from .bits import mix2
from .jit import leaf
from .pools import pool_base, pool_cap

PAIR_WORDS = 4
PAIR_BALANCE = 1  # (account id, asset id) -> balance row
PAIR_COLLATERAL = 2  # (account id, event id) -> collateral row
PAIR_LISTING = 3  # (venue id, instrument id) -> listing row
PAIR_EXPIRY = 4  # (0, expiry) -> timer row
PAIR_RESTRICT = 5  # (firm id, event id) -> 1
PAIR_ACCESS_VENUE = 6  # (firm id, venue id) -> ACCESS_ADMITTED or the number of a rule
PAIR_ACCESS_EVENT = 7  # (firm id, event id) -> the same
PAIR_BUDGET = 8  # (account id, event id) -> 1


# ---- pair table: (kind, a, b) -> word. Linear probing, deletion by shifting back -------------------------------


@leaf
def _pair_place(m, ka, b):
    """Pointer to the entry of the pair, or to the empty entry where it belongs. The table always has an empty entry."""
    base = pool_base(m, L.P_PAIR_HASH)
    mask = pool_cap(m, L.P_PAIR_HASH) - 1
    i = mix2(ka, b) & mask
    while True:
        e = base + i * PAIR_WORDS
        if m[e] == 0 or m[e] == ka and m[e + 1] == b:
            return e
        i = (i + 1) & mask


@leaf
def pair_find(m, kind, a, b):
    """Value of the pair, 0 if there is none (an empty entry is all 0)."""
    return m[_pair_place(m, (kind << 56) | a, b) + 2]


@leaf
def pair_room(m):
    """Number of pairs that can still be inserted: the table is filled up to 7/8."""
    d = L.H_POOLS + L.P_PAIR_HASH * L.POOL_WORDS
    cap = m[d + L.PL_CAP]
    return cap - (cap >> 3) - m[d + L.PL_USED]


@leaf
def pair_put(m, kind, a, b, value):
    """Insert a pair that is not in the table, with a value other than 0. Returns 0, or -1 if there is no room."""
    if pair_room(m) < 1:
        return -1
    ka = (kind << 56) | a
    e = _pair_place(m, ka, b)
    m[e] = ka
    m[e + 1] = b
    m[e + 2] = value
    m[L.H_POOLS + L.P_PAIR_HASH * L.POOL_WORDS + L.PL_USED] += 1
    return 0


@leaf
def pair_delete(m, kind, a, b):
    """Remove a pair, if it is in the table; later entries of its probe sequence are moved back."""
    hole = _pair_place(m, (kind << 56) | a, b)
    if m[hole] == 0:
        return
    base = pool_base(m, L.P_PAIR_HASH)
    mask = pool_cap(m, L.P_PAIR_HASH) - 1
    m[L.H_POOLS + L.P_PAIR_HASH * L.POOL_WORDS + L.PL_USED] -= 1
    at = (hole - base) // PAIR_WORDS
    j = at
    while True:
        j = (j + 1) & mask
        e = base + j * PAIR_WORDS
        if m[e] == 0:
            break
        home = mix2(m[e], m[e + 1]) & mask
        if ((j - home) & mask) >= ((j - at) & mask):
            m[hole] = m[e]
            m[hole + 1] = m[e + 1]
            m[hole + 2] = m[e + 2]
            hole = e
            at = j
    m[hole] = 0
    m[hole + 1] = 0
    m[hole + 2] = 0
