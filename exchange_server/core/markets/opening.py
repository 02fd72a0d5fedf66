"""A venue that moves here from another server: its markets as they stand, the positions in them, and their open orders.

The registry (registry/opening.py) has checked the whole before the first row: that positions sum, that money is there, that books do not cross. Checked again
here is only what would break the arena. A refusal changes nothing. Layout: core/layout/definitions.py, DO_*.

Orders come in three passes, because entry, queue and terms have orders of their own: OPENING_ORDER makes them, under the terms that their listing has then;
OPENING_ENTER gives them OrderIDs and puts them into the lists of accounts and expiries; OPENING_REST puts them into the books.

A contract that stands ahead of its group (ahead.py) says so in its OPENING_CONTRACT, which comes before the OPENING_MARKET: what sets are worth depends on it.
A position in one that was paid is what its account was paid for.
"""

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..book.levels import nodes_missing, queue_push
from ..book.mids import note_price
from ..emit import begin_event, own_event, refuse
from ..kit.jit import leaf
from ..kit.pools import pool_alloc, pool_cap, pool_left
from ..kit.rows import account_at, asset_at, event_at, firm_row, instrument_at, session_at, venue_row
from ..layout import definitions as d
from ..layout.packed import book_side_of, own_side, pack_entry, pack_event, pack_instrument, status_of
from ..life.ids import ARCHIVED, id_find, id_insert, order_at_ref, order_ref, store_text
from ..life.life import account_link, hold_listing
from ..life.special import expiry_room, make_special, set_expiry
from ..life.used import used_before
from ..money.collateral import collateral_get, collateral_shift, is_paid_ahead, keep_settled, reserve
from ..money.ledger import post
from ..money.products import has_sets, leaves_open, reserve_fee, sets_worth
from ..risk.ladder import refuse_full
from ..risk.visibility import find_listing
from .ahead import rest_after
from .phases import set_event_phase


@leaf
def _event_row(m, ev, part, account, instrument):
    e = begin_event(m, ev, pack_event(C.E_OPENING, 0, 0, 0, 0, 0), 0, account, False)
    ev[e + L.EVT_INSTRUMENT] = pack_instrument(instrument, 0)
    ev[e + L.EVT_OPENING_PART] = part
    return e


@leaf
def _market(m, rows, c, ev):
    """Phase, result and sets of an event that nobody has touched; the money of its pool comes from outside. R_UNKNOWN_EVENT, R_BAD_DEFINITION."""
    event = event_at(m, rows[c + d.DO_TARGET])
    sets = rows[c + d.DO_QTY]
    phase = rows[c + d.DO_PHASE]
    if event == 0 or m[event + L.E_FIRST] == 0:
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DO_TARGET])
    if m[event + L.E_COLL_HEAD] != 0 or m[event + L.E_SETS] != 0 or m[event + L.E_VERSION] != 0:
        return refuse(m, C.R_BAD_DEFINITION, 0, 0, d.DO_TARGET)
    if phase < 0 or phase >= P.COUNT:
        return refuse(m, C.R_BAD_DEFINITION, P.COUNT - 1, phase, d.DO_PHASE)
    if sets != 0 and not has_sets(m, event):
        return refuse(m, C.R_BAD_DEFINITION, 0, sets, d.DO_QTY)
    money = sets_worth(m, event, sets)
    post(m, asset_at(m, m[event + L.E_ASSET]), event, money, C.WHY_OPENING)
    m[event + L.E_SETS] = sets
    m[event + L.E_VERSION] = rows[c + d.DO_VERSION]
    m[event + L.E_WINDOW_END] = rows[c + d.DO_UNTIL]
    m[event + L.E_RESULT] = rows[c + d.DO_PAID]
    m[event + L.E_IN_PLAY] = rows[c + d.DO_IN_PLAY]
    if phase == C.PH_FINAL:
        m[event + L.E_SETTLE_ID] = rows[c + d.DO_VERSION]
    set_event_phase(m, event, phase)
    e = _event_row(m, ev, C.OPENING_MARKET, 0, 0)
    ev[e + L.EVT_OPENING_EVENT] = m[event]
    ev[e + L.EVT_OPENING_QTY] = sets
    ev[e + L.EVT_OPENING_AMOUNT] = money
    return C.OK


@leaf
def _ahead(m, rows, c, inst):
    """A contract (pointer) is ahead of an event that nobody has touched: determined, disputed or paid, by a version. R_BAD_DEFINITION."""
    event = m[inst + L.I_EVENT]
    phase = rows[c + d.DO_PHASE]
    payout = rows[c + d.DO_PAID]
    if phase != C.PH_DETERMINED and phase != C.PH_DISPUTED and phase != C.PH_FINAL:
        return refuse(m, C.R_BAD_DEFINITION, C.PH_FINAL, phase, d.DO_PHASE)
    if m[event + L.E_COLL_HEAD] != 0 or m[event + L.E_VERSION] != 0 or m[inst + L.I_AHEAD] != 0:
        return refuse(m, C.R_BAD_DEFINITION, 0, 0, d.DO_TARGET)
    if payout != 0 and payout != m[event + L.E_PAYOUT]:
        return refuse(m, C.R_BAD_DEFINITION, m[event + L.E_PAYOUT], payout, d.DO_PAID)
    k, n = rest_after(m, event, inst, payout)
    if not leaves_open(m, event, k, n):
        return refuse(m, C.R_BAD_DEFINITION, k, n, d.DO_PAID)
    m[inst + L.I_AHEAD] = phase
    m[inst + L.I_PHASE] = phase
    m[inst + L.I_AHEAD_VERSION] = rows[c + d.DO_VERSION]
    m[inst + L.I_AHEAD_UNTIL] = rows[c + d.DO_UNTIL]
    m[inst + L.I_PAID_NEXT] = payout
    if phase == C.PH_FINAL:
        m[event + L.E_K_LEFT] -= 1 if payout != 0 else 0
        m[event + L.E_LEFT_OUT] += 1
    return C.OK


@leaf
def _contract(m, rows, c):
    """Last trade, volume and determined payout of a contract, and where it stands if it is ahead of its event. R_UNKNOWN_INSTRUMENT, R_BAD_DEFINITION."""
    inst = instrument_at(m, rows[c + d.DO_TARGET])
    if inst == 0:
        return refuse(m, C.R_UNKNOWN_INSTRUMENT, 0, 0, rows[c + d.DO_TARGET])
    paid = rows[c + d.DO_PAID]
    if rows[c + d.DO_PHASE] != 0:
        code = _ahead(m, rows, c, inst)
        if code != C.OK:
            return code
        paid = paid if rows[c + d.DO_PHASE] == C.PH_FINAL else 0
    if m[inst + L.I_MIDS] != 0:
        note_price(m, inst)
    m[inst + L.I_LAST] = rows[c + d.DO_PRICE]
    m[inst + L.I_VOLUME] = rows[c + d.DO_QTY]
    m[inst + L.I_PAID] = paid
    return C.OK


@leaf
def _position(m, rows, c, ev):
    """A position, or (0) only the account's place among those in the market; in a contract that was paid ahead, the position that was paid.
    R_UNKNOWN_INSTRUMENT, R_UNKNOWN_ACCOUNT, R_TABLE_FULL."""
    inst = instrument_at(m, rows[c + d.DO_TARGET])
    account = account_at(m, rows[c + d.DO_ACCOUNT])
    q = rows[c + d.DO_QTY]
    if inst == 0:
        return refuse(m, C.R_UNKNOWN_INSTRUMENT, 0, 0, rows[c + d.DO_TARGET])
    if account == 0 or m[account + L.AC_FIRM] == 0:
        return refuse(m, C.R_UNKNOWN_ACCOUNT, 0, 0, rows[c + d.DO_ACCOUNT])
    co = collateral_get(m, account, m[inst + L.I_EVENT])
    if co == 0:
        return refuse_full(m, L.P_COLLATERAL, 1)
    if is_paid_ahead(m, m[inst + L.I_EVENT], m[inst + L.I_INDEX]):
        keep_settled(m, co, m[inst + L.I_INDEX], q)
    elif q != 0:
        collateral_shift(m, co, m[inst + L.I_INDEX], q, 0, 0)
        e = _event_row(m, ev, C.OPENING_POSITION, m[account], m[inst])
        ev[e + L.EVT_OPENING_QTY] = q
    return C.OK


@leaf
def _text(rows, c):
    """Word offset of the ClOrdID's text, -1 for an integer id."""
    return c + d.DO_TEXT if rows[c + d.DO_KEY_HI] < 0 else -1


@leaf
def _order(m, rows, c):
    """Make an order and lock its collateral. R_UNKNOWN_INSTRUMENT, R_UNKNOWN_ACCOUNT, R_ORDER_TABLE_FULL, R_ID_USED, R_TABLE_FULL."""
    inst = instrument_at(m, rows[c + d.DO_TARGET])
    account = account_at(m, rows[c + d.DO_ACCOUNT])
    venue = rows[c + d.DO_VENUE]
    listing = find_listing(m, inst, venue) if inst != 0 else 0
    if listing == 0:
        return refuse(m, C.R_UNKNOWN_INSTRUMENT, 0, 0, rows[c + d.DO_TARGET])
    if account == 0 or m[account + L.AC_FIRM] == 0:
        return refuse(m, C.R_UNKNOWN_ACCOUNT, 0, 0, rows[c + d.DO_ACCOUNT])
    firm = m[account + L.AC_FIRM]
    hi = rows[c + d.DO_KEY_HI]
    lo = rows[c + d.DO_KEY_LO]
    if pool_left(m, L.P_ORDER) < 1:
        return refuse(m, C.R_ORDER_TABLE_FULL, pool_cap(m, L.P_ORDER), pool_cap(m, L.P_ORDER), 1)
    if id_find(m, rows, firm, hi, lo, _text(rows, c)) != 0 or used_before(m, rows, firm, hi, lo, _text(rows, c)):
        return refuse(m, C.R_ID_USED, 0, 0, 0)
    event = m[inst + L.I_EVENT]
    co = collateral_get(m, account, event)
    if co == 0:
        return refuse_full(m, L.P_COLLATERAL, 1)
    attr = rows[c + d.DO_ATTR]
    price = rows[c + d.DO_PRICE]
    leaves = rows[c + d.DO_QTY] - rows[c + d.DO_CUM]
    fees = rows[c + d.DO_FEES]
    fee = reserve_fee(m, inst, book_side_of(attr), fees, price, leaves, rows[c + d.DO_FEE_NUM], rows[c + d.DO_FEE_PAID])
    reserve(m, inst, co, book_side_of(attr), price, leaves, fee, 1)
    o = pool_alloc(m, L.P_ORDER)
    m[o + L.O_LEVEL] = 0
    m[o + L.O_PRICE] = price
    m[o + L.O_LEAVES] = leaves
    m[o + L.O_FIRM] = firm
    m[o + L.O_COLL] = co
    m[o + L.O_FEES] = fees
    m[o + L.O_ATTR] = attr
    m[o + L.O_ID] = 0
    m[o + L.O_QTY] = rows[c + d.DO_QTY]
    m[o + L.O_CUM] = rows[c + d.DO_CUM]
    m[o + L.O_NOTIONAL] = rows[c + d.DO_NOTIONAL]
    m[o + L.O_RESERVED_FEE] = fee
    m[o + L.O_FEE_NUM] = rows[c + d.DO_FEE_NUM]
    m[o + L.O_FEE_PAID] = rows[c + d.DO_FEE_PAID]
    m[o + L.O_KEY_HI] = hi
    m[o + L.O_KEY_LO] = lo
    m[o + L.O_SESSION] = rows[c + d.DO_SESSION] if session_at(m, rows[c + d.DO_SESSION]) != 0 else 0
    m[o + L.O_INSTRUMENT] = inst
    m[o + L.O_REBATE_NUM] = rows[c + d.DO_REBATE_NUM]
    m[o + L.O_REBATE_PAID] = rows[c + d.DO_REBATE_PAID]
    m[o + L.O_NET_FEE] = rows[c + d.DO_NET_FEE]
    m[o + L.O_TEXT] = store_text(m, rows, _text(rows, c))
    m[o + L.O_SPECIAL] = 0
    hold_listing(m, o, listing)
    m[o + L.O_ENTRY] = pack_entry(venue, 0)
    id_insert(m, firm, hi, lo, order_ref(m, o))
    m[L.H_OPEN_ORDERS] += 1
    m[firm_row(m, firm) + L.F_OPEN] += 1
    m[venue_row(m, venue) + L.V_OPEN] += 1
    m[event + L.E_OPEN_ORDERS] += 1
    m[inst + L.I_ORDERS_OPEN] += 1
    return C.OK


@leaf
def _find(m, rows, c):
    """The order (pointer) that a row names, 0: there is none."""
    account = account_at(m, rows[c + d.DO_ACCOUNT])
    if account == 0:
        return 0
    ref = id_find(m, rows, m[account + L.AC_FIRM], rows[c + d.DO_KEY_HI], rows[c + d.DO_KEY_LO], _text(rows, c))
    return order_at_ref(m, ref) if ref != 0 and ref & ARCHIVED == 0 else 0


@leaf
def _enter(m, rows, c, ev):
    """R_UNKNOWN_ORDER, R_TABLE_FULL."""
    o = _find(m, rows, c)
    if o == 0 or m[o + L.O_ID] != 0:
        return refuse(m, C.R_UNKNOWN_ORDER, 0, 0, 0)
    expiry = rows[c + d.DO_UNTIL]
    if expiry != 0 and not expiry_room(m):
        return refuse_full(m, L.P_PAIR_HASH, 1)
    m[L.H_ORDER_SEQ] += 1
    m[o + L.O_ID] = m[L.H_ORDER_SEQ]
    account_link(m, m[m[o + L.O_COLL] + L.CO_ACCOUNT], o)
    if expiry != 0:
        set_expiry(m, make_special(m, o), expiry)
    e = own_event(m, ev, o, C.E_OPENING, status_of(m[o + L.O_ATTR]), C.OK, 0, 0, 0, 0, m, -1)
    ev[e + L.EVT_OPENING_PART] = C.OPENING_ORDER
    return C.OK


@leaf
def _rest(m, rows, c):
    """R_UNKNOWN_ORDER, R_TABLE_FULL."""
    o = _find(m, rows, c)
    if o == 0 or m[o + L.O_LEVEL] != 0:
        return refuse(m, C.R_UNKNOWN_ORDER, 0, 0, 0)
    inst = m[o + L.O_INSTRUMENT]
    ask = own_side(book_side_of(m[o + L.O_ATTR]))
    missing = nodes_missing(m, inst, ask, m[o + L.O_PRICE])
    if missing > pool_left(m, L.P_NODE):
        return refuse_full(m, L.P_NODE, missing)
    queue_push(m, inst, ask, o)
    return C.OK


@leaf
def do_opening(m, rows, c, ev):
    """One part of a venue that moves here (OPENING_*). C.OK, the refusal of the part, or R_BAD_DEFINITION."""
    part = rows[c + d.DO_PART]
    if part == C.OPENING_MARKET:
        return _market(m, rows, c, ev)
    if part == C.OPENING_CONTRACT:
        return _contract(m, rows, c)
    if part == C.OPENING_POSITION:
        return _position(m, rows, c, ev)
    if part == C.OPENING_ORDER:
        return _order(m, rows, c)
    if part == C.OPENING_ENTER:
        return _enter(m, rows, c, ev)
    if part == C.OPENING_REST:
        return _rest(m, rows, c)
    return refuse(m, C.R_BAD_DEFINITION, C.OPENING_REST, part, d.DO_PART)
