"""Writing event rows: numbers, session numbers and the fields that every report of an order has."""

from protocol.codes import EF_TEXT, NO

from .jit import leaf
from .pools import session_at
from .records import (
    AC_ID,
    CO_ACCOUNT,
    EVT_CUM,
    EVT_EXPIRY,
    EVT_HEAD,
    EVT_ID_HI,
    EVT_ID_LO,
    EVT_INSTRUMENT,
    EVT_LEAVES,
    EVT_NOTIONAL,
    EVT_NUMBER,
    EVT_ORDER,
    EVT_ORIG_HI,
    EVT_ORIG_LO,
    EVT_PREVIOUS,
    EVT_PRICE,
    EVT_QTY,
    EVT_SESSION_ACCOUNT,
    EVT_SESSION_NUMBER,
    EVT_TIME,
    EVT_WORDS,
    H_EVENT_ROOM,
    H_EVENT_SEQ,
    H_EVENT_USED,
    H_TIME,
    I_ID,
    I_PAYOUT,
    O_ATTR,
    O_COLL,
    O_CUM,
    O_ENTRY,
    O_EXPIRY,
    O_ID,
    O_INSTRUMENT,
    O_KEY_HI,
    O_KEY_LO,
    O_LEAVES,
    O_NOTIONAL,
    O_PRICE,
    O_QTY,
    O_SESSION,
    O_TEXT,
    S_LAST_EVENT,
    S_NEXT_OUT,
)


@leaf
def room(m, ev, rows):
    """Is there room for this many event rows in the buffer?"""
    return m[H_EVENT_USED] + rows * EVT_WORDS <= m[H_EVENT_ROOM]


@leaf
def pack_head(kind, extra, status, reason, side, contract_side, order_type, tif, flags):
    low = kind | (extra << 8) | (status << 16) | (reason << 24)
    return low | (side << 40) | (contract_side << 44) | (order_type << 48) | (tif << 52) | (flags << 56)


@leaf
def begin_event(m, ev, head, session_id, account_id, numbered):
    """A zeroed event row with head, number, time and session number. The caller has made sure of room and adds fields."""
    e = m[H_EVENT_USED]
    for i in range(EVT_WORDS):
        ev[e + i] = 0
    extra = (head >> 8) & 255
    number = m[H_EVENT_SEQ]
    m[H_EVENT_USED] = e + (1 + extra) * EVT_WORDS
    m[H_EVENT_SEQ] = number + 1 + extra
    ev[e + EVT_HEAD] = head
    ev[e + EVT_NUMBER] = number
    ev[e + EVT_TIME] = m[H_TIME]
    ev[e + EVT_SESSION_ACCOUNT] = (session_id << 32) | account_id
    s = session_at(m, session_id)
    if s != 0:
        if numbered:
            ev[e + EVT_SESSION_NUMBER] = m[s + S_NEXT_OUT]
            m[s + S_NEXT_OUT] += 1
        ev[e + EVT_PREVIOUS] = m[s + S_LAST_EVENT]
        m[s + S_LAST_EVENT] = number
    return e


@leaf
def put_texts(m, ev, e, source, at, stored):
    """Fill the extra row: own ClOrdID text from source[at..] (at < 0: none) and the order's stored text row (0: none)."""
    t = e + EVT_WORDS
    for i in range(EVT_WORDS):
        ev[t + i] = 0
    if at >= 0:
        for i in range(8):
            ev[t + i] = source[at + i]
    if stored != 0:
        for i in range(8):
            ev[t + 8 + i] = m[stored + i]


@leaf
def put_orig_text(ev, e, rows, at):
    """The OrigClOrdID text of the extra row, from rows[at..] (at < 0: none)."""
    if at >= 0:
        for i in range(8):
            ev[e + EVT_WORDS + 8 + i] = rows[at + i]


@leaf
def client_price(m, inst, contract_side, price):
    """Book price (YES ticks) in the client's terms, and the reverse."""
    return m[inst + I_PAYOUT] - price if contract_side == NO else price


@leaf
def _state_event(m, ev, o, kind, status, reason, flags, session_id, extra):
    """An event with the whole state of an order that is in the pool, but for its ids; `extra`: 1 with a row of texts."""
    attr = m[o + O_ATTR]
    inst = m[o + O_INSTRUMENT]
    if extra != 0:
        flags |= EF_TEXT
    contract_side = (attr >> 8) & 15
    head = pack_head(kind, extra, status, reason, (attr >> 4) & 15, contract_side, (attr >> 12) & 15, (attr >> 16) & 15, flags)
    e = begin_event(m, ev, head, session_id, m[m[m[o + O_COLL] + CO_ACCOUNT] + AC_ID], True)
    ev[e + EVT_INSTRUMENT] = (m[inst + I_ID] << 32) | m[o + O_ENTRY]
    ev[e + EVT_ORDER] = m[o + O_ID]
    ev[e + EVT_PRICE] = client_price(m, inst, contract_side, m[o + O_PRICE])
    ev[e + EVT_QTY] = m[o + O_QTY]
    ev[e + EVT_CUM] = m[o + O_CUM]
    ev[e + EVT_LEAVES] = m[o + O_LEAVES]
    ev[e + EVT_NOTIONAL] = m[o + O_NOTIONAL]
    ev[e + EVT_EXPIRY] = m[o + O_EXPIRY]
    return e


@leaf
def order_event(m, ev, o, kind, status, reason, flags, session_id, id_hi, id_lo, rows, at):
    """An event about an open order in answer to a request: the ClOrdID is the request's (text at rows[at..], at < 0: none), the order's
    own becomes the OrigClOrdID."""
    text = m[o + O_TEXT]
    extra = 1 if text != 0 or at >= 0 else 0
    e = _state_event(m, ev, o, kind, status, reason, flags, session_id, extra)
    ev[e + EVT_ID_HI] = id_hi
    ev[e + EVT_ID_LO] = id_lo
    ev[e + EVT_ORIG_HI] = m[o + O_KEY_HI]
    ev[e + EVT_ORIG_LO] = m[o + O_KEY_LO]
    if extra != 0:
        put_texts(m, ev, e, rows, at, text)
    return e


@leaf
def own_event(m, ev, o, kind, status, reason, flags, session_id, orig_hi, orig_lo, rows, orig_at):
    """An event about an open order under its own ClOrdID; the OrigClOrdID is an older one of it, or none (0, 0)."""
    text = m[o + O_TEXT]
    extra = 1 if text != 0 or orig_at >= 0 else 0
    e = _state_event(m, ev, o, kind, status, reason, flags, session_id, extra)
    ev[e + EVT_ID_HI] = m[o + O_KEY_HI]
    ev[e + EVT_ID_LO] = m[o + O_KEY_LO]
    ev[e + EVT_ORIG_HI] = orig_hi
    ev[e + EVT_ORIG_LO] = orig_lo
    if extra != 0:
        put_texts(m, ev, e, m, text if text != 0 else -1, 0)
        put_orig_text(ev, e, rows, orig_at)
    return e


@leaf
def order_report(m, ev, o, kind, status, reason, flags):
    """An event to the order's own session under the order's own ClOrdID."""
    return own_event(m, ev, o, kind, status, reason, flags, m[o + O_SESSION], 0, 0, m, -1)
