"""Needed only by a text wire: refusing orders whose numbers could not be read, and repeating the id of a status request in its answer."""

from protocol import codes as C

from .. import layout as L
from ..emit import refuse
from ..kit.expect import expect
from ..kit.jit import unlikely
from ..layout.packed import extra_of, kind_of, row_flags_of, with_extra
from ..life.ids import id_find
from .answers import orig_text_at, put_refusal, request_account, request_event, valid_id
from .cancel import cancel_reject


@unlikely
def refuse_unread(m, s, rows, c, ev, kind):
    """Refuse a new order or a replace with a number that the gateway could not read, for the reason in the row. The ClOrdID is not used up,
    because nothing was checked."""
    reason = rows[c + L.CMD_REFUSED_REASON]
    expect(m, reason != C.OK, L.INV_ROW)
    if kind == C.C_NEW:
        refuse(m, reason, rows[c + L.CMD_REFUSED_LIMIT], rows[c + L.CMD_REFUSED_USED], rows[c + L.CMD_REFUSED_ASKED])
        e = request_event(m, rows, c, ev, C.E_REJECTED, C.ST_REJECTED, reason, 0, request_account(m, rows, c, s))
        put_refusal(m, ev, e)
    elif kind == C.C_REPLACE:
        at = orig_text_at(rows, c)
        hi = rows[c + L.CMD_ORIG_HI]
        lo = rows[c + L.CMD_ORIG_LO]
        ref = id_find(m, rows, m[s + L.S_FIRM], hi, lo, at) if valid_id(hi, lo, at) else 0
        refuse(m, reason, rows[c + L.CMD_REFUSED_LIMIT], rows[c + L.CMD_REFUSED_USED], rows[c + L.CMD_REFUSED_ASKED])
        cancel_reject(m, rows, c, ev, ref, reason, C.EF_REPLACE)
    else:
        m[L.H_ERROR] = L.INV_ROW


@unlikely
def add_request_id(m, rows, c, ev, e):
    """Copy the id of the status request at rows[c] into the answer at ev[e], after the two ids of its extra row."""
    if (
        row_flags_of(rows[c + L.CMD_HEAD]) & L.ROWFLAG_REQUEST_ID == 0
        or m[L.H_EVENT_USED] == e
        or kind_of(ev[e + L.EVT_HEAD]) != C.E_STATUS
    ):
        return
    if extra_of(ev[e + L.EVT_HEAD]) == 0:
        m[L.H_EVENT_USED] += L.EVT_WORDS
        m[L.H_EVENT_SEQ] += 1
        for i in range(L.EVT_WORDS):
            ev[e + L.EVT_WORDS + i] = 0
    ev[e + L.EVT_HEAD] = with_extra(ev[e + L.EVT_HEAD], 1, C.EF_REQUEST_ID)
    for i in range(8):
        ev[e + L.EVT_WORDS + 16 + i] = rows[c + L.CMD_WORDS + i]
