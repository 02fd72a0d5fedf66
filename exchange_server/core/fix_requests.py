"""What only a text wire needs of the core: orders whose numbers could not be read, and the name of a status request in its answer."""

from protocol.codes import C_NEW, C_REPLACE, E_REJECTED, E_STATUS, EF_REPLACE, EF_REQUEST_ID, ST_REJECTED

from .answers import orig_text_at, put_refusal, request_account, request_event, valid_id
from .jit import leaf
from .pools import id_find
from .records import (
    CMD_HEAD,
    CMD_ORIG_HI,
    CMD_ORIG_LO,
    CMD_REFUSED_ASKED,
    CMD_REFUSED_LIMIT,
    CMD_REFUSED_REASON,
    CMD_REFUSED_USED,
    CMD_WORDS,
    EVT_HEAD,
    EVT_WORDS,
    H_ERROR,
    H_EVENT_SEQ,
    H_EVENT_USED,
    INV_ROW,
    ROWFLAG_REQUEST_ID,
    S_FIRM,
)
from .requests import cancel_reject
from .risk import refuse


@leaf
def refuse_unread(m, s, rows, c, ev, kind):
    """Refuse a new order or a replace of which the gateway could not read a number. The ClOrdID is not used up: nothing was looked at."""
    reason = rows[c + CMD_REFUSED_REASON]
    if kind == C_NEW:
        refuse(m, reason, rows[c + CMD_REFUSED_LIMIT], rows[c + CMD_REFUSED_USED], rows[c + CMD_REFUSED_ASKED])
        e = request_event(m, rows, c, ev, E_REJECTED, ST_REJECTED, reason, 0, request_account(m, rows, c, s))
        put_refusal(m, ev, e)
    elif kind == C_REPLACE:
        at = orig_text_at(rows, c)
        hi = rows[c + CMD_ORIG_HI]
        lo = rows[c + CMD_ORIG_LO]
        ref = id_find(m, rows, m[s + S_FIRM], hi, lo, at) if valid_id(hi, lo, at) else 0
        refuse(m, reason, rows[c + CMD_REFUSED_LIMIT], rows[c + CMD_REFUSED_USED], rows[c + CMD_REFUSED_ASKED])
        cancel_reject(m, rows, c, ev, ref, reason, EF_REPLACE)
    else:
        m[H_ERROR] = INV_ROW


@leaf
def add_request_id(m, rows, c, ev, e):
    """The answer at ev[e] to the status request at rows[c] repeats the request's name, behind the two ids of its extra row."""
    if (rows[c + CMD_HEAD] >> 48) & ROWFLAG_REQUEST_ID == 0 or m[H_EVENT_USED] == e or ev[e + EVT_HEAD] & 255 != E_STATUS:
        return
    if (ev[e + EVT_HEAD] >> 8) & 255 == 0:
        ev[e + EVT_HEAD] |= 1 << 8
        m[H_EVENT_USED] += EVT_WORDS
        m[H_EVENT_SEQ] += 1
        for i in range(EVT_WORDS):
            ev[e + EVT_WORDS + i] = 0
    ev[e + EVT_HEAD] |= EF_REQUEST_ID << 56
    for i in range(8):
        ev[e + EVT_WORDS + 16 + i] = rows[c + CMD_WORDS + i]
