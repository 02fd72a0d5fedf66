"""Which markets a session can see: the one rule for orders, for names on the text wire and for market data.

A session sees an instrument if the session's venue lists it; a session of the platform (no venue) uses the listing of the owner's venue. A
market that a session does not see gets the same answer as one that does not exist. An event is listed as a whole, so only its first contract is
checked.

Access rules hide nothing from orders: an order is told which rule keeps its firm out. Definitions and market data go to firms that are
admitted, and to those that have traded in the event and may still reduce (access.py: admits).
"""

import numpy as np

from .. import layout as L
from ..kit.bits import bytes_of, words_of
from ..kit.jit import kernel, leaf
from ..kit.pairs import PAIR_LISTING, pair_find
from ..kit.rows import instrument_at, session_at
from .access import admits


@leaf
def entry_venue(m, s, inst):
    """The venue through which a session (pointer) reaches an instrument: its own, or the instrument's owner for a platform session."""
    return m[s + L.S_VENUE] if m[s + L.S_VENUE] != 0 or inst == 0 else m[inst + L.I_OWNER_VENUE]


@leaf
def find_listing(m, inst, venue):
    """A venue's listing (pointer) of an instrument (pointer), 0 if it has none."""
    if venue == m[inst + L.I_OWNER_VENUE]:
        return m[inst + L.I_LISTING]
    return pair_find(m, PAIR_LISTING, venue, m[inst + L.I_ID])


@leaf
def listing_for(m, s, inst):
    """The listing (pointer) under which the session may trade the instrument (pointer, 0: none); 0: the session does not see it."""
    return find_listing(m, inst, entry_venue(m, s, inst)) if inst != 0 else np.int64(0)


@leaf
def sees_event(m, s, event):
    """Whether the session (pointer) sees the event (pointer, 0: there is none)."""
    return event != 0 and m[event + L.E_FIRST] != 0 and listing_for(m, s, m[event + L.E_FIRST]) != 0


@kernel("int64(int64[::1], int64, int64)")
def visible_to(m, session, instrument):
    """For the text wire: 1 if the session (id) sees the instrument (id), else 0."""
    m = words_of(m)
    s = session_at(m, session)
    return 1 if s != 0 and listing_for(m, s, instrument_at(m, instrument)) != 0 else 0


@kernel("int64(int64[::1], int64, uint8[::1])")
def visible(m, session, out):
    """For market data: out[id] = 1 for each instrument that the session (id) sees, else 0. Returns the number of visible instruments."""
    m = words_of(m)
    n = out.shape[0]
    out = bytes_of(out)
    s = session_at(m, session)
    count = np.int64(0)
    for i in range(n):
        out[i] = 0
        inst = instrument_at(m, np.int64(i))
        if listing_for(m, s, inst) != 0 and admits(m, m[s + L.S_FIRM], m[inst + L.I_EVENT], entry_venue(m, s, inst)):
            out[i] = 1
            count += 1
    return count
