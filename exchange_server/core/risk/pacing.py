"""Who sends more than a throttle or a quota allows, or soon will: a question of the loop (net/floods.py). It changes nothing.

The even pace of a throttle uses it up just when its window ends. Soon: a sixteenth of the limit is used, at more than three times the even pace. Fewer than
256 messages disturb nobody and do not count.
"""

from .. import layout as L
from ..kit.bits import words_of
from ..kit.jit import kernel, leaf
from ..kit.pools import pool_base, pool_cap
from ..kit.rows import venue_at

SOON_PART = 16  # of the limit
SOON_PACE = 3  # times the even pace
SOON_LEAST = 256  # messages
SOON, OVER = 1, 2
PACE_STEPS = 1024  # of the window, for which the even pace is worked out


@leaf
def _pace(m, at, count):
    """OVER: the throttle at pointer `at` (TH_* words) refuses one more message of `count`. SOON: it soon will at this pace. Else 0."""
    limit = m[at + L.TH_LIMIT]
    window = m[at + L.TH_WINDOW]
    passed = m[L.H_TICK] - m[at + L.TH_START]
    if limit == 0 or passed >= window:
        return 0
    used = m[at + L.TH_USED]
    if used + count > limit:
        return OVER
    step = passed // (window // PACE_STEPS + 1)
    even = limit // PACE_STEPS * step + limit % PACE_STEPS * step // PACE_STEPS
    return SOON if used >= SOON_LEAST * count and used >= limit // SOON_PART and used // SOON_PACE > even else 0


@kernel("i8(i8[::1], u1[::1])")
def over_pace(m, out):
    """Mark with OVER or SOON, in `out` by session id, the sessions that are logged on and so with their own throttle, their venue's, or its quota of messages
    or journal bytes. Returns how many are marked."""
    m = words_of(m)
    base = pool_base(m, L.P_SESSION)
    left = m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_USED]
    found = 0
    for i in range(1, min(pool_cap(m, L.P_SESSION), out.shape[0])):
        if left == 0:
            break
        s = base + i * L.SESSION_WORDS
        if m[s] != i:
            continue
        left -= 1
        if m[s + L.S_FLAGS] & L.SF_LOGGED_ON == 0:
            continue
        pace = _pace(m, s + L.S_THROTTLE, 1)
        v = venue_at(m, m[s + L.S_VENUE])
        if v != 0:
            pace = max(pace, _pace(m, v + L.V_THROTTLE, 1))
            if m[v + L.V_BARS] & L.BAR_PACE != 0:
                pace = max(pace, _pace(m, v + L.V_PACE, 1), _pace(m, v + L.V_BYTES, 8 * L.CMD_WORDS))
        out[i] = pace
        found += pace != 0
    return found
