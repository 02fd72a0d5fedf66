"""Rows by id, one function per table: each returns a pointer, or 0 if the id is not defined."""

from .. import layout as L
from .jit import leaf
from .pools import pool_base, row_by_id


@leaf
def asset_at(m, i):
    """Pointer of the asset row with id `i`, 0 if it is not defined."""
    return row_by_id(m, L.P_ASSET, L.ASSET_WORDS, i)


@leaf
def venue_at(m, i):
    """Pointer of the venue row with id `i`, 0 if it is not defined."""
    return row_by_id(m, L.P_VENUE, L.VENUE_WORDS, i)


@leaf
def venue_row(m, venue):
    """Pointer to the row of a venue id that is known to be defined."""
    return pool_base(m, L.P_VENUE) + venue * L.VENUE_WORDS


@leaf
def firm_at(m, i):
    """Pointer of the firm row with id `i`, 0 if it is not defined."""
    return row_by_id(m, L.P_FIRM, L.FIRM_WORDS, i)


@leaf
def firm_row(m, firm):
    """Pointer to the row of a firm id that is known to be defined."""
    return pool_base(m, L.P_FIRM) + firm * L.FIRM_WORDS


@leaf
def account_at(m, i):
    """Pointer of the account row with id `i`, 0 if it is not defined."""
    return row_by_id(m, L.P_ACCOUNT, L.ACCOUNT_WORDS, i)


@leaf
def session_at(m, i):
    """Pointer of the session row with id `i`, 0 if it is not defined."""
    return row_by_id(m, L.P_SESSION, L.SESSION_WORDS, i)


@leaf
def event_at(m, i):
    """Pointer of the event row with id `i`, 0 if it is not defined."""
    return row_by_id(m, L.P_EVENT, L.EVENT_WORDS, i)


@leaf
def expiry_of(m, o):
    """Expiry of order `o` (pointer) in ns, 0: none."""
    sp = m[o + L.O_SPECIAL]
    return m[sp + L.SP_EXPIRY] if sp != 0 else 0


@leaf
def instrument_at(m, i):
    """Pointer of the instrument row with id `i`, 0 if it is not defined."""
    return row_by_id(m, L.P_INSTRUMENT, L.INSTRUMENT_WORDS, i)


@leaf
def set_bar(m, at, bit, on):
    """Set or clear one BAR_* bit of the word at pointer `at`."""
    m[at] = m[at] | bit if on != 0 else m[at] & ~bit
