"""What an account has, copied out in one go: balances, requirements, positions, open orders.

For a client that asks for its own state (own_state.py of the server). The copy is taken between two turns, so all of it is of one event
number, and it may then be sent piece by piece while the exchange goes on. Each kernel writes rows of int64 words to `out` and returns the
number of words, or -1 - the number needed if `out` is too small. Prices are in the client's terms, quantities lots, amounts minor units.
"""

from . import layout as L
from .emit import client_price
from .kit.jit import kernel, leaf
from .kit.pairs import PAIR_BALANCE, PAIR_COLLATERAL, pair_find
from .kit.pools import pool_cap
from .kit.rows import account_at, asset_at, event_at, expiry_of
from .layout.packed import contract_side_of
from .life.ids import order_text
from .money.collateral import keeps_settled
from .money.products import sells_base

# A row of `own_money`: its kind and id, then what depends on the kind
OWN_MONEY_WORDS = 8
OWN_KIND = 0
OWN_ID = 1  # asset, event or instrument
OWN_BALANCE = 1
OB_CASH = 2
OB_LOCKED = 3
OWN_REQUIREMENT = 2  # an event in which there is a position, an open order or a requirement; its positions follow
OR_ASSET = 2
OR_REQUIRED = 3
OR_BUYS = 4  # B: what all buys reserve
OR_WORST = 5  # the sum of the k least values
OR_BASE_ASSET = 6  # spot: what sells reserve is in this asset
OR_HELD_BASE = 7
OWN_POSITION = 3
OP_POSITION = 2  # lots of YES, negative: short
OP_OPEN_BUY = 3  # open lots that would buy YES
OP_OPEN_SELL = 4
OP_BUYS = 5  # what they reserve
OP_SELLS = 6
OP_VALUE = 7  # v: what the contract counts at worst

# A row of `own_orders`
OWN_ORDER_WORDS = 24
OO_ORDER = 0
OO_KEY_HI = 1
OO_KEY_LO = 2
OO_INSTRUMENT = 3
OO_ATTR = 4  # side, contract side, type, tif, status, FLAG_* (packed.py)
OO_PRICE = 5
OO_QTY = 6
OO_CUM = 7
OO_LEAVES = 8
OO_NOTIONAL = 9
OO_FEE = 10  # charged so far, less rebates
OO_EXPIRY = 11
OO_SESSION = 12
OO_ENTRY = 13
OO_HAS_TEXT = 14
OO_TEXT = 16  # 8 words: a ClOrdID that is a text


@leaf
def _put(out, at, kind, id, a, b, c, d, e, f):
    """One row of money, if there is room; the place of the next."""
    if at + OWN_MONEY_WORDS <= out.shape[0]:
        out[at] = kind
        out[at + 1] = id
        out[at + 2] = a
        out[at + 3] = b
        out[at + 4] = c
        out[at + 5] = d
        out[at + 6] = e
        out[at + 7] = f
    return at + OWN_MONEY_WORDS


@leaf
def _put_event(m, event, co, out, at):
    """The requirement of one event and the contracts in which there is anything; nothing when all is 0."""
    n = m[co + L.CO_N]
    spot = sells_base(m, event)
    first = at
    at = _put(
        out,
        at,
        OWN_REQUIREMENT,
        m[event + L.E_ID],
        m[event + L.E_ASSET],
        m[co + L.CO_REQUIRED],
        m[co + L.CO_BUYS],
        m[co + L.CO_WORST],
        m[event + L.E_BASE_ASSET] if spot else 0,
        m[co + L.CO_HELD_BASE],
    )
    for j in range(m[event + L.E_N]):
        q = co + L.CO_COLUMNS + j
        held = m[q]
        bq = 0 if keeps_settled(m, event, j) else m[q + L.COL_BQ * n]
        sq = m[q + L.COL_SQ * n]
        if held != 0 or bq != 0 or sq != 0:
            id = m[m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS + L.I_ID]
            buys = m[co + L.CO_REQUIRED] if spot else m[q + L.COL_BUY * n]
            sells = m[co + L.CO_HELD_BASE] if spot else m[q + L.COL_SELL * n]
            at = _put(out, at, OWN_POSITION, id, held, bq, sq, buys, sells, 0 if spot else m[q + L.COL_V * n])
    if at == first + OWN_MONEY_WORDS and m[co + L.CO_REQUIRED] == 0 and m[co + L.CO_HELD_BASE] == 0:
        return first
    return at


@kernel("i8(i8[::1], i8, i8[::1])")
def own_money(m, account, out):
    """Balances of an account (id) in order of asset, then event by event its requirement and positions. 0 words: no such account, or it
    has nothing."""
    if account_at(m, account) == 0:
        return 0
    at = 0
    for asset in range(1, pool_cap(m, L.P_ASSET)):
        if asset_at(m, asset) != 0:
            b = pair_find(m, PAIR_BALANCE, account, asset)
            if b != 0:
                at = _put(out, at, OWN_BALANCE, asset, m[b + L.B_CASH], m[b + L.B_LOCKED], 0, 0, 0, 0)
    for id in range(1, m[L.H_POOLS + L.P_EVENT * L.POOL_WORDS + L.PL_NEXT]):
        co = pair_find(m, PAIR_COLLATERAL, account, id)
        if co != 0:
            at = _put_event(m, event_at(m, id), co, out, at)
    return at if at <= out.shape[0] else -1 - at


@kernel("i8(i8[::1], i8, i8[::1])")
def own_orders(m, account, out):
    """The open orders of an account (id), oldest entry first."""
    a = account_at(m, account)
    if a == 0:
        return 0
    want = m[a + L.AC_ORDER_COUNT] * OWN_ORDER_WORDS
    if out.shape[0] < want:
        return -1 - want
    at = want
    o = m[a + L.AC_ORDERS]
    while o != 0:
        at -= OWN_ORDER_WORDS
        attr = m[o + L.O_ATTR]
        inst = m[o + L.O_INSTRUMENT]
        out[at + OO_ORDER] = m[o + L.O_ID]
        out[at + OO_KEY_HI] = m[o + L.O_KEY_HI]
        out[at + OO_KEY_LO] = m[o + L.O_KEY_LO]
        out[at + OO_INSTRUMENT] = m[inst + L.I_ID]
        out[at + OO_ATTR] = attr
        out[at + OO_PRICE] = client_price(m, inst, contract_side_of(attr), m[o + L.O_PRICE])
        out[at + OO_QTY] = m[o + L.O_QTY]
        out[at + OO_CUM] = m[o + L.O_CUM]
        out[at + OO_LEAVES] = m[o + L.O_LEAVES]
        out[at + OO_NOTIONAL] = m[o + L.O_NOTIONAL]
        out[at + OO_FEE] = m[o + L.O_FEE_PAID] - m[o + L.O_REBATE_PAID]
        out[at + OO_EXPIRY] = expiry_of(m, o)
        out[at + OO_SESSION] = m[o + L.O_SESSION]
        out[at + OO_ENTRY] = m[o + L.O_ENTRY]
        out[at + OO_HAS_TEXT] = 1 if order_text(m, o, out, at + OO_TEXT) else 0
        o = m[o + L.O_ACCT_NEXT]
    return want
