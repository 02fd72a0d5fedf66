"""Definition rows: assets, venues, firms, accounts, sessions, events, instruments, listings.

The registry has validated names and numbers (registry.py). Checked again here is only what would break the arena: ids, capacities,
order. Each function returns C.OK or a code; a refusal changes nothing. `c` is the word offset of the row in `rows`, `rows_b` their byte view.
Layouts: core/layout/definitions.py.
"""

import numpy as np

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..emit import refuse
from ..kit.jit import leaf
from ..kit.names import names_add
from ..kit.pairs import PAIR_LISTING, pair_delete, pair_find, pair_put, pair_room
from ..kit.pools import pool_alloc, pool_base, pool_cap, pool_release
from ..kit.rows import account_at, asset_at, event_at, firm_at, instrument_at, session_at, set_bar, venue_at
from ..layout import definitions as d
from ..layout.packed import pack_options
from ..money.ledger import balance_get
from ..money.products import may_grow
from .bands import depth_for

SECOND_NS = 1_000_000_000
EVENT_COPIES = np.array(d.EVENT_COPIES, np.int64)
INSTRUMENT_COPIES = np.array(d.INSTRUMENT_COPIES, np.int64)
INSTRUMENT_LIVE_COPIES = np.array(d.INSTRUMENT_LIVE_COPIES, np.int64)


@leaf
def new_row(m, pool, width, i):
    """Pointer of the row for id `i` in a pool with `width` words per row, 0 if the id is beyond the pool."""
    if i <= 0 or i >= pool_cap(m, pool):
        return 0
    return pool_base(m, pool) + i * width


@leaf
def _no_row(m, pool, i):
    """The id is beyond the pool: R_TABLE_FULL with the number of rows, the number in use, and the id."""
    return refuse(m, C.R_TABLE_FULL, pool_cap(m, pool), m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_USED], i)


@leaf
def _full(m, pool):
    """A pool with a free list has no row left: R_TABLE_FULL."""
    return refuse(m, C.R_TABLE_FULL, pool_cap(m, pool), m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_USED], 1)


@leaf
def take_id(m, pool, p, i):
    """Mark the row at pointer `p` as defined with id `i`, and update the pool's counts."""
    d = L.H_POOLS + pool * L.POOL_WORDS
    if m[p] != i:
        m[p] = i
        m[d + L.PL_USED] += 1
    m[d + L.PL_NEXT] = max(m[d + L.PL_NEXT], i + 1)


@leaf
def copy_words(m, to, rows, at, words):
    """Copy `words` words from rows[at..] to the arena at `to`."""
    for i in range(words):
        m[to + i] = rows[at + i]


@leaf
def define_asset(m, rows, c):
    """Define an asset; an existing one stays unchanged. R_TABLE_FULL."""
    p = new_row(m, L.P_ASSET, L.ASSET_WORDS, rows[c + d.DA_ID])
    if p == 0:
        return _no_row(m, L.P_ASSET, rows[c + d.DA_ID])
    if m[p] == rows[c + d.DA_ID]:
        return C.OK  # no field of an asset can change
    take_id(m, L.P_ASSET, p, rows[c + d.DA_ID])
    m[p + L.A_DECIMALS] = rows[c + d.DA_DECIMALS]
    m[p + L.A_NAME_LEN] = rows[c + d.DA_NAME_LEN]
    copy_words(m, p + L.A_NAME, rows, c + d.DA_NAME, 4)
    return C.OK


@leaf
def define_venue(m, rows, c):
    """Define a venue, or change its fee account and throttle (messages per window, ns). R_TABLE_FULL."""
    p = new_row(m, L.P_VENUE, L.VENUE_WORDS, rows[c + d.DV_ID])
    if p == 0:
        return _no_row(m, L.P_VENUE, rows[c + d.DV_ID])
    if m[p] != rows[c + d.DV_ID]:
        take_id(m, L.P_VENUE, p, rows[c + d.DV_ID])
        m[p + L.V_CUTOFF] = rows[c + d.DV_CUTOFF_OFFSET]
        m[p + L.V_CUTOFF_PERIOD] = rows[c + d.DV_CUTOFF_PERIOD]
    m[p + L.V_FEE_ACCOUNT] = rows[c + d.DV_FEE_ACCOUNT]
    m[p + L.V_THROTTLE + L.TH_LIMIT] = rows[c + d.DV_THROTTLE_LIMIT]
    m[p + L.V_THROTTLE + L.TH_WINDOW] = rows[c + d.DV_THROTTLE_WINDOW]
    m[p + L.V_MAX_OPEN] = rows[c + d.DV_MAX_ORDERS]
    m[p + L.V_PACE + L.TH_LIMIT] = rows[c + d.DV_MAX_MESSAGES]
    m[p + L.V_PACE + L.TH_WINDOW] = SECOND_NS
    m[p + L.V_BYTES + L.TH_LIMIT] = rows[c + d.DV_MAX_JOURNAL]
    m[p + L.V_BYTES + L.TH_WINDOW] = SECOND_NS
    set_bar(m, p + L.V_BARS, L.BAR_ISOLATED, rows[c + d.DV_ISOLATED])
    set_bar(m, p + L.V_BARS, L.BAR_ORDERS, rows[c + d.DV_MAX_ORDERS])
    set_bar(m, p + L.V_BARS, L.BAR_PACE, rows[c + d.DV_MAX_MESSAGES] | rows[c + d.DV_MAX_JOURNAL])
    return C.OK


@leaf
def define_firm(m, rows, c):
    """Define a firm or change its weight (at least 1). R_TABLE_FULL."""
    p = new_row(m, L.P_FIRM, L.FIRM_WORDS, rows[c + d.DF_ID])
    if p == 0:
        return _no_row(m, L.P_FIRM, rows[c + d.DF_ID])
    take_id(m, L.P_FIRM, p, rows[c + d.DF_ID])
    weight = max(rows[c + d.DF_WEIGHT], 1)
    m[L.H_WEIGHTS] += weight - m[p + L.F_WEIGHT]
    m[p + L.F_WEIGHT] = weight
    set_bar(m, p + L.F_BARS, L.BAR_CLOSED, rows[c + d.DF_CLOSED])
    return C.OK


@leaf
def _into_firm(m, firm, p):
    """Insert an account into its firm's list (pointers), in order of id. A new account mostly has the highest id."""
    last = m[firm + L.F_ACCOUNTS_LAST]
    at = firm + L.F_ACCOUNTS
    if last != 0 and m[last] < m[p]:
        at = last + L.AC_NEXT_IN_FIRM
    while m[at] != 0 and m[m[at]] < m[p]:
        at = m[at] + L.AC_NEXT_IN_FIRM
    m[p + L.AC_NEXT_IN_FIRM] = m[at]
    m[at] = p
    if m[p + L.AC_NEXT_IN_FIRM] == 0:
        m[firm + L.F_ACCOUNTS_LAST] = p


@leaf
def define_account(m, rows, rows_b, c):
    """Define an account, or change the session that gets its transfer and settlement reports. R_TABLE_FULL, R_BAD_DEFINITION (asked: the word)."""
    i = rows[c + d.DC_ID]
    p = account_at(m, i)
    if p == 0:
        p = new_row(m, L.P_ACCOUNT, L.ACCOUNT_WORDS, i)
        if p == 0:
            return _no_row(m, L.P_ACCOUNT, i)
        firm = firm_at(m, rows[c + d.DC_FIRM])
        if rows[c + d.DC_FIRM] != 0 and firm == 0:
            return refuse(m, C.R_BAD_DEFINITION, 0, 0, d.DC_FIRM)
        length = rows[c + d.DC_NAME_LEN]
        if names_add(m, L.NAME_ACCOUNT, rows_b, (c + d.DC_NAME) * 8, length, i) != 0:
            return _full(m, L.P_NAME_HASH)
        take_id(m, L.P_ACCOUNT, p, i)
        m[p + L.AC_FIRM] = rows[c + d.DC_FIRM]
        m[p + L.AC_KIND] = rows[c + d.DC_KIND]
        m[p + L.AC_VENUE] = rows[c + d.DC_VENUE]
        m[p + L.AC_NAME_LEN] = length
        copy_words(m, p + L.AC_NAME, rows, c + d.DC_NAME, 8)
        if firm != 0:
            _into_firm(m, firm, p)
    m[p + L.AC_SESSION] = rows[c + d.DC_SESSION]
    set_bar(m, p + L.AC_BARS, L.BAR_CLOSED, rows[c + d.DC_CLOSED])
    return C.OK


@leaf
def define_session(m, rows, c):
    """Define a session, or change its account, form, options and throttle. R_TABLE_FULL."""
    i = rows[c + d.DS_ID]
    p = session_at(m, i)
    if p == 0:
        p = new_row(m, L.P_SESSION, L.SESSION_WORDS, i)
        if p == 0:
            return _no_row(m, L.P_SESSION, i)
        take_id(m, L.P_SESSION, p, i)
        m[p + L.S_FIRM] = rows[c + d.DS_FIRM]
        m[p + L.S_VENUE] = rows[c + d.DS_VENUE]
        m[p + L.S_WIRE] = rows[c + d.DS_WIRE]
        m[p + L.S_NEXT_OUT] = 1
        m[p + L.S_NEXT_IN] = 1
        m[p + L.S_OUR_LEN] = rows[c + d.DS_OUR_LEN]
        m[p + L.S_PEER_LEN] = rows[c + d.DS_PEER_LEN]
        copy_words(m, p + L.S_OUR, rows, c + d.DS_OUR, 8)
        copy_words(m, p + L.S_PEER, rows, c + d.DS_PEER, 8)
    m[p + L.S_ACCOUNT] = rows[c + d.DS_ACCOUNT]
    m[p + L.S_FORM_DEFINED] = rows[c + d.DS_FORM]
    if m[p + L.S_NEXT_OUT] == 1:  # no message has been written that a resend would have to repeat
        m[p + L.S_FORM] = rows[c + d.DS_FORM]
    # A session that is logged on keeps the options of its logon, because its client relies on them.
    asked = rows[c + d.DS_FLAGS] & L.SF_OPTIONS
    was = m[p + L.S_FLAGS] & (L.SF_LOGGED_ON | L.SF_OPTIONS)
    m[p + L.S_FLAGS] = pack_options(was if was & L.SF_LOGGED_ON != 0 else asked, asked)
    set_bar(m, p + L.S_BARS, L.BAR_CLOSED, rows[c + d.DS_CLOSED])
    m[p + L.S_THROTTLE + L.TH_LIMIT] = rows[c + d.DS_THROTTLE_LIMIT]
    m[p + L.S_THROTTLE + L.TH_WINDOW] = rows[c + d.DS_THROTTLE_WINDOW]
    return C.OK


@leaf
def define_event(m, rows, c):
    """Define an event. R_TABLE_FULL; R_BAD_DEFINITION if the id exists, or for its asset, venue or phase (asked: the word)."""
    i = rows[c + d.DE_ID]
    if event_at(m, i) != 0:
        return refuse(m, C.R_BAD_DEFINITION, i, 0, d.DE_ID)
    p = new_row(m, L.P_EVENT, L.EVENT_WORDS, i)
    if p == 0:
        return _no_row(m, L.P_EVENT, i)
    if asset_at(m, rows[c + d.DE_ASSET]) == 0:
        return refuse(m, C.R_BAD_DEFINITION, 0, 0, d.DE_ASSET)
    if venue_at(m, rows[c + d.DE_OWNER_VENUE]) == 0:
        return refuse(m, C.R_BAD_DEFINITION, 0, 0, d.DE_OWNER_VENUE)
    if rows[c + d.DE_PHASE] < 0 or rows[c + d.DE_PHASE] >= P.COUNT:
        return refuse(m, C.R_BAD_DEFINITION, P.COUNT - 1, rows[c + d.DE_PHASE], d.DE_PHASE)
    if not may_grow(rows[c + d.DE_PRODUCT], rows[c + d.DE_K], rows[c + d.DE_N], rows[c + d.DE_ROOM]):
        return refuse(m, C.R_BAD_DEFINITION, rows[c + d.DE_N], rows[c + d.DE_ROOM], d.DE_ROOM)
    take_id(m, L.P_EVENT, p, i)
    for i in range(len(EVENT_COPIES)):
        m[p + EVENT_COPIES[i, 1]] = rows[c + EVENT_COPIES[i, 0]]
    m[p + L.E_K_LEFT] = m[p + L.E_K]
    return C.OK


@leaf
def define_instrument(m, rows, rows_b, c):
    """Define a contract, or change its live fields. R_TABLE_FULL; R_BAD_DEFINITION (asked: the word)."""
    i = rows[c + d.DI_ID]
    p = instrument_at(m, i)
    if p == 0:
        p = new_row(m, L.P_INSTRUMENT, L.INSTRUMENT_WORDS, i)
        if p == 0:
            return _no_row(m, L.P_INSTRUMENT, i)
        event = event_at(m, rows[c + d.DI_EVENT])
        index = rows[c + d.DI_INDEX]
        bands = rows[c + d.DI_BAND_COUNT]
        if event == 0:
            return refuse(m, C.R_BAD_DEFINITION, 0, 0, d.DI_EVENT)
        most = m[event + L.E_N] - 1 + m[event + L.E_ADDING]
        if index < 0 or index > most:
            return refuse(m, C.R_BAD_DEFINITION, most, index, d.DI_INDEX)
        if bands < 1 or bands > L.MAX_BANDS:
            return refuse(m, C.R_BAD_DEFINITION, L.MAX_BANDS, bands, d.DI_BAND_COUNT)
        if index != 0 and m[event + L.E_FIRST] + index * L.INSTRUMENT_WORDS != p:
            return refuse(m, C.R_BAD_DEFINITION, 0, i, d.DI_ID)  # the contracts of an event are contiguous
        length = rows[c + d.DI_SYMBOL_LEN]
        if names_add(m, L.NAME_INSTRUMENT, rows_b, (c + d.DI_SYMBOL) * 8, length, i) != 0:
            return _full(m, L.P_NAME_HASH)
        if index == 0:
            m[event + L.E_FIRST] = p
        take_id(m, L.P_INSTRUMENT, p, i)
        m[p + L.I_EVENT] = event
        m[p + L.I_INDEX] = index
        m[p + L.I_PAYOUT] = m[event + L.E_PAYOUT]
        m[p + L.I_TICK_VALUE] = m[event + L.E_TICK_VALUE]
        m[p + L.I_OWNER_VENUE] = m[event + L.E_OWNER_VENUE]
        m[p + L.I_PHASE] = m[event + L.E_PHASE_NOW]
        for j in range(len(INSTRUMENT_COPIES)):
            m[p + INSTRUMENT_COPIES[j, 1]] = rows[c + INSTRUMENT_COPIES[j, 0]]
        copy_words(m, p + L.I_BANDS, rows, c + d.DI_BANDS, 3 * L.MAX_BANDS)
        copy_words(m, p + L.I_SYMBOL, rows, c + d.DI_SYMBOL, 8)
        m[p + L.I_DEPTH_SHIFT] = depth_for(m[p + L.I_PRICE_MAX])
        if m[event + L.E_MIDS] != 0:
            row = pool_alloc(m, L.P_MIDS)  # there are as many as instruments, and none is released
            m[row] = i
            m[row + L.MI_AT] = m[L.H_TIME] // 1_000
            m[p + L.I_MIDS] = row
    for j in range(len(INSTRUMENT_LIVE_COPIES)):
        m[p + INSTRUMENT_LIVE_COPIES[j, 1]] = rows[c + INSTRUMENT_LIVE_COPIES[j, 0]]
    return C.OK


@leaf
def _fee_balance(m, account_id, asset):
    """Balance row (pointer) of an account that shares fees; 0: no account is named, -1: no room."""
    if account_id == 0:
        return 0
    balance = balance_get(m, account_id, asset)
    return balance if balance != 0 else -1


@leaf
def define_listing(m, rows, c):
    """Define the fees and shares of a venue's listing, or change them. R_UNKNOWN_INSTRUMENT, R_BAD_DEFINITION (asked: the word),
    R_TABLE_FULL."""
    venue = rows[c + d.DL_VENUE]
    inst = instrument_at(m, rows[c + d.DL_INSTRUMENT])
    if inst == 0:
        return refuse(m, C.R_UNKNOWN_INSTRUMENT, 0, 0, rows[c + d.DL_INSTRUMENT])
    for share, account in ((d.DL_OWNER_SHARE, d.DL_OWNER_ACCOUNT), (d.DL_VENUE_SHARE, d.DL_VENUE_ACCOUNT)):
        if rows[c + share] != 0 and rows[c + account] == 0:
            return refuse(m, C.R_BAD_DEFINITION, 0, 0, account)
    asset = m[m[inst + L.I_EVENT] + L.E_ASSET]
    # Create the fee balances now and keep pointers in the listing: no trade can then fail for lack of a balance, or has to search for it.
    platform = balance_get(m, d.PLATFORM_FEE_ACCOUNT, asset)
    if platform == 0:
        return _full(m, L.P_BALANCE)
    owner = _fee_balance(m, rows[c + d.DL_OWNER_ACCOUNT], asset)
    front = _fee_balance(m, rows[c + d.DL_VENUE_ACCOUNT], asset)
    if owner < 0 or front < 0:
        return _full(m, L.P_BALANCE)
    p = pair_find(m, PAIR_LISTING, venue, m[inst])
    if p == 0 or m[p + L.LI_ORDERS] != 0:
        # New terms apply to orders entered or amended from now on; open orders keep the row under which they were entered.
        fresh = pool_alloc(m, L.P_LISTING) if pair_room(m) >= 1 else 0
        if fresh == 0:
            return _full(m, L.P_PAIR_HASH if pair_room(m) < 1 else L.P_LISTING)
        if p != 0:
            m[p + L.LI_CURRENT] = 0
            pair_delete(m, PAIR_LISTING, venue, m[inst])
        p = fresh
        pair_put(m, PAIR_LISTING, venue, m[inst], p)
        m[p + L.LI_VENUE] = venue
        m[p + L.LI_INSTRUMENT] = m[inst]
        m[p + L.LI_ORDERS] = 0
        m[p + L.LI_CURRENT] = 1
        if venue == m[inst + L.I_OWNER_VENUE]:
            m[inst + L.I_LISTING] = p
    copy_words(m, p + L.LI_FEE_MODEL, rows, c + d.DL_FEE_MODEL, 5)
    m[p + L.LI_OWNER_BALANCE] = owner
    m[p + L.LI_VENUE_BALANCE] = front
    m[p + L.LI_PLATFORM_BALANCE] = platform
    return C.OK


@leaf
def drop_listing(m, rows, c):
    """End a venue's listing of an instrument; what is not listed stays so. R_UNKNOWN_INSTRUMENT, R_OPEN_ORDERS (of the venue in it, under any terms)."""
    venue = rows[c + d.DU_VENUE]
    inst = instrument_at(m, rows[c + d.DU_INSTRUMENT])
    if inst == 0:
        return refuse(m, C.R_UNKNOWN_INSTRUMENT, 0, 0, rows[c + d.DU_INSTRUMENT])
    p = pair_find(m, PAIR_LISTING, venue, m[inst])
    if p == 0:
        return C.OK
    base = pool_base(m, L.P_LISTING)
    for i in range(m[L.H_POOLS + L.P_LISTING * L.POOL_WORDS + L.PL_NEXT]):
        row = base + i * L.LISTING_WORDS
        if m[row + L.LI_ORDERS] != 0 and m[row + L.LI_VENUE] == venue and m[row + L.LI_INSTRUMENT] == m[inst]:
            return refuse(m, C.R_OPEN_ORDERS, 0, 0, m[row + L.LI_ORDERS])
    pair_delete(m, PAIR_LISTING, venue, m[inst])
    if venue == m[inst + L.I_OWNER_VENUE]:
        m[inst + L.I_LISTING] = 0
    m[p + L.LI_CURRENT] = 0
    pool_release(m, L.P_LISTING, p)
    return C.OK
