"""Status requests."""

from protocol import codes as C

from .. import layout as L
from ..kit.expect import expect
from ..kit.jit import unlikely
from ..kit.rows import session_at
from ..layout.packed import account_of, session_of
from ..life.ids import id_find
from ..risk.ladder import check_session
from .answers import orig_text_at, request_event, tell_status, unknown_code, valid_id

# ---- STATUS -----------------------------------------------------------------------------------------------------


@unlikely
def do_status(m, rows, c, ev):
    """Answer with E_STATUS. The request names the order in its ORIG words; the answer carries the order's own ClOrdID. R_UNKNOWN_ORDER,
    R_ORDER_FORGOTTEN or the codes of check_session if there is no answer."""
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    at = orig_text_at(rows, c)
    hi = rows[c + L.CMD_ORIG_HI]
    lo = rows[c + L.CMD_ORIG_LO]
    expect(m, s != 0, L.INV_ROW)
    code = check_session(m, s)
    if code != C.OK:
        request_event(m, rows, c, ev, C.E_STATUS, C.ST_NONE, code, 0, account_of(rows[c + L.CMD_SESSION_ACCOUNT]))
        return
    ref = id_find(m, rows, m[s + L.S_FIRM], hi, lo, at) if valid_id(hi, lo, at) else 0
    if ref != 0:
        tell_status(m, rows, c, ev, m[s + L.S_FIRM], ref, hi, lo, at)
        return
    code = unknown_code(m, rows, m[s + L.S_FIRM], hi, lo, at)
    request_event(m, rows, c, ev, C.E_STATUS, C.ST_NONE, code, 0, account_of(rows[c + L.CMD_SESSION_ACCOUNT]))
