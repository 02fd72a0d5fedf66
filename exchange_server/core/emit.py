"""Writes event rows: event numbers, session numbers, and the fields common to all reports of an order.

`e` is the word offset of an event row in `ev`, `o` the pointer of an open order. Every function that begins an event returns its `e`; the
caller has made sure of room.
"""

from protocol import codes as C

from . import layout as L
from .kit.bits import touch_row
from .kit.jit import leaf, unlikely
from .kit.rows import expiry_of, session_at
from .layout.packed import (
    account_of,
    contract_side_of,
    extra_of,
    flags_of,
    pack_event,
    pack_instrument,
    pack_session_account,
    terms_of,
    with_extra,
)


@leaf
def room(m, rows):
    """Whether the event buffer has room for this many more rows."""
    return m[L.H_EVENT_USED] + rows * L.EVT_WORDS <= m[L.H_EVENT_ROOM]


@leaf
def begin_event(m, ev, head, session_id, account_id, numbered):
    """Begin an event row: all words 0 but head, event number, time, session and account, and, if numbered, the session's next number. The
    caller adds the fields."""
    e = m[L.H_EVENT_USED]
    touch_row(ev, e + 2 * L.EVT_WORDS, 3)  # the row after the next: in a long turn the rows before it have driven it out of the caches
    for i in range(L.EVT_WORDS):
        ev[e + i] = 0
    extra = extra_of(head)
    number = m[L.H_EVENT_SEQ]
    m[L.H_EVENT_USED] = e + (1 + extra) * L.EVT_WORDS
    m[L.H_EVENT_SEQ] = number + 1 + extra
    ev[e + L.EVT_HEAD] = head
    ev[e + L.EVT_NUMBER] = number
    ev[e + L.EVT_TIME] = m[L.H_TIME]
    ev[e + L.EVT_SESSION_ACCOUNT] = pack_session_account(session_id, account_id)
    s = session_at(m, session_id)
    if s != 0:
        if numbered:
            ev[e + L.EVT_SESSION_NUMBER] = m[s + L.S_NEXT_OUT]
            m[s + L.S_NEXT_OUT] += 1
        ev[e + L.EVT_PREVIOUS] = m[s + L.S_LAST_EVENT]
        m[s + L.S_LAST_EVENT] = number
    return e


@leaf
def put_texts(m, ev, e, source, at, stored):
    """Fill the extra row: the ClOrdID text from source[at..] (at < 0: none), then the order's stored text row (pointer, 0: none)."""
    t = e + L.EVT_WORDS
    for i in range(L.EVT_WORDS):
        ev[t + i] = 0
    if at >= 0:
        for i in range(8):
            ev[t + i] = source[at + i]
    if stored != 0:
        for i in range(8):
            ev[t + 8 + i] = m[stored + i]


@leaf
def put_orig_text(ev, e, rows, at):
    """Copy the OrigClOrdID text at rows[at..] (at < 0: none) into the extra row."""
    if at >= 0:
        for i in range(8):
            ev[e + L.EVT_WORDS + 8 + i] = rows[at + i]


@leaf
def client_price(m, inst, contract_side, price):
    """Convert a book price (YES ticks) into the client's terms, or the reverse."""
    return m[inst + L.I_PAYOUT] - price if contract_side == C.NO else price


@leaf
def _state_event(m, ev, o, kind, status, reason, flags, session_id, extra):
    """Begin an event with the whole state of an open order, without the ids. extra: 1 with a row of texts."""
    attr = m[o + L.O_ATTR]
    inst = m[o + L.O_INSTRUMENT]
    if extra != 0:
        flags |= C.EF_TEXT
    if flags_of(attr) & C.FLAG_PERSIST != 0:
        flags |= C.EF_PERSIST
    contract_side = contract_side_of(attr)
    head = pack_event(kind, extra, terms_of(attr), status, reason, flags)
    e = begin_event(m, ev, head, session_id, m[m[m[o + L.O_COLL] + L.CO_ACCOUNT] + L.AC_ID], True)
    ev[e + L.EVT_INSTRUMENT] = pack_instrument(m[inst + L.I_ID], m[o + L.O_ENTRY])
    ev[e + L.EVT_ORDER] = m[o + L.O_ID]
    ev[e + L.EVT_PRICE] = client_price(m, inst, contract_side, m[o + L.O_PRICE])
    ev[e + L.EVT_QTY] = m[o + L.O_QTY]
    ev[e + L.EVT_CUM] = m[o + L.O_CUM]
    ev[e + L.EVT_LEAVES] = m[o + L.O_LEAVES]
    ev[e + L.EVT_NOTIONAL] = m[o + L.O_NOTIONAL]
    ev[e + L.EVT_EXPIRY] = expiry_of(m, o)
    return e


@leaf
def order_event(m, ev, o, kind, status, reason, flags, session_id, id_hi, id_lo, rows, at):
    """Write an event about an open order in answer to a request. The ClOrdID is the request's (text at rows[at..], at < 0: none), the
    OrigClOrdID the order's own."""
    text = m[o + L.O_TEXT]
    extra = 1 if text != 0 or at >= 0 else 0
    e = _state_event(m, ev, o, kind, status, reason, flags, session_id, extra)
    ev[e + L.EVT_ID_HI] = id_hi
    ev[e + L.EVT_ID_LO] = id_lo
    ev[e + L.EVT_ORIG_HI] = m[o + L.O_KEY_HI]
    ev[e + L.EVT_ORIG_LO] = m[o + L.O_KEY_LO]
    if extra != 0:
        put_texts(m, ev, e, rows, at, text)
    return e


@leaf
def own_event(m, ev, o, kind, status, reason, flags, session_id, orig_hi, orig_lo, rows, orig_at):
    """Write an event about an open order under its own ClOrdID. The OrigClOrdID is an older id of the order, or none (0, 0)."""
    text = m[o + L.O_TEXT]
    extra = 1 if text != 0 or orig_at >= 0 else 0
    e = _state_event(m, ev, o, kind, status, reason, flags, session_id, extra)
    ev[e + L.EVT_ID_HI] = m[o + L.O_KEY_HI]
    ev[e + L.EVT_ID_LO] = m[o + L.O_KEY_LO]
    ev[e + L.EVT_ORIG_HI] = orig_hi
    ev[e + L.EVT_ORIG_LO] = orig_lo
    if extra != 0:
        put_texts(m, ev, e, m, text if text != 0 else -1, 0)
        put_orig_text(ev, e, rows, orig_at)
    return e


@leaf
def order_report(m, ev, o, kind, status, reason, flags):
    """Write an event to the order's own session under the order's own ClOrdID."""
    return own_event(m, ev, o, kind, status, reason, flags, m[o + L.O_SESSION], 0, 0, m, -1)


@leaf
def copy_event(m, ev, e, session_id):
    """Write a copy of the report at ev[e] for another session (id), with a number of that session; returns the copy's offset.

    A copy is a whole event and not a pointer to the original, so encoders, event store and resends need nothing else. The caller has made sure
    of room for 1 + extra rows.
    """
    head = ev[e + L.EVT_HEAD]
    extra = extra_of(head)
    c = begin_event(m, ev, with_extra(head, extra, C.EF_COPY), session_id, account_of(ev[e + L.EVT_SESSION_ACCOUNT]), True)
    for i in range(L.EVT_INSTRUMENT, (1 + extra) * L.EVT_WORDS):
        ev[c + i] = ev[e + i]
    ev[c + L.EVT_COPY_OF] = ev[e + L.EVT_NUMBER]
    return c


@unlikely
def refuse(m, code, limit, used, asked):
    """Record limit, used and asked of a refusal in the header, in the units of the reason; returns `code`."""
    m[L.H_LIMIT] = limit
    m[L.H_USED] = used
    m[L.H_ASKED] = asked
    return code


START_ROWS = 6  # most event rows that a command writes before its resumable part
