"""Which event goes to whom: one pass over the event rows of a chunk, for all wires. The encoders go by what it leaves and read no other
rows.

An event is for its session when it took a number of it, or is a message made in plain Python (E_SENT). The events of one recipient are
a chain in their order, so its messages become one region of the output.
"""

from typing import Any

import numpy as np

from protocol import codes as C

from ..core import layout as L
from ..core.kit.bits import touch_row, words_of
from ..core.kit.jit import kernel, leaf
from ..core.kit.pools import pool_cap
from ..core.kit.rows import session_at
from ..core.layout.packed import extra_of, kind_of, session_of


@kernel("int64(int64[::1], int64[::1], int64, int64[::1])")
def route(m, ev, words, routes):
    """Fill `routes` for event rows ev[:words]; ENC_DONE, or ENC_SPACE when it is shorter than route_words(m, rows) and nothing was done.

    routes: all 0 before the first call. routes[RO_RECIPIENTS] rows of RT_WORDS from RO_WORDS on, in the order in which the recipients were
    met. The events of a recipient are a chain in `routes` that begins at its RT_FIRST: word offset in `ev`, place of the next one (behind
    the last: anything, RT_MESSAGES says how many there are). routes[RO_MESSAGES]: how many they are together.
    """
    size = routes.shape[0]
    m = words_of(m)
    ev = words_of(ev)
    routes = words_of(routes)
    sessions = pool_cap(m, L.P_SESSION)
    slots = L.RO_WORDS + sessions * L.RT_WORDS  # by session: its row, 0 before it is met and when the kernel has ended
    place = slots + sessions
    if place + 2 * (words // L.EVT_WORDS) > size:
        return np.int64(L.ENC_SPACE)
    recipients = np.int64(0)
    messages = np.int64(0)
    e = np.int64(0)
    while e < words:
        head = ev[e + L.EVT_HEAD]
        session = session_of(ev[e + L.EVT_SESSION_ACCOUNT])
        if 0 < session < sessions and (ev[e + L.EVT_SESSION_NUMBER] != 0 or kind_of(head) == C.E_SENT):
            r = routes[slots + session]
            if r == 0:
                r = L.RO_WORDS + recipients * L.RT_WORDS
                recipients += 1
                row = session_at(m, session)
                routes[slots + session] = r
                routes[r + L.RT_SESSION] = session
                routes[r + L.RT_WIRE] = m[row + L.S_WIRE] if row != 0 else np.int64(-1)
                routes[r + L.RT_FIRST] = place
                routes[r + L.RT_MESSAGES] = 0
                routes[r + L.RT_BODY_BYTES] = 0
            else:
                routes[routes[r + L.RT_LAST] + 1] = place
            routes[r + L.RT_LAST] = place
            routes[r + L.RT_MESSAGES] += 1
            if kind_of(head) == C.E_SENT:
                routes[r + L.RT_BODY_BYTES] += ev[e + L.EVT_BODY_BYTES]
            routes[place] = e
            place += 2
            messages += 1
        e += L.EVT_WORDS * (1 + extra_of(head))
    for i in range(recipients):
        routes[slots + routes[L.RO_WORDS + i * L.RT_WORDS + L.RT_SESSION]] = 0
    routes[L.RO_RECIPIENTS] = recipients
    routes[L.RO_MESSAGES] = messages
    return np.int64(L.ENC_DONE)


@leaf
def touch_event(ev, e):
    """Ask for the row of an event that is encoded next: in a long turn a recipient's next event lies many rows further on."""
    touch_row(ev, e, 3)


def route_words(m: Any, rows: int) -> int:
    """Length that `routes` must have for this many event rows: it depends on the capacity for sessions."""
    return L.RO_WORDS + (L.RT_WORDS + 1) * int(pool_cap.py_func(m, L.P_SESSION)) + 2 * rows
