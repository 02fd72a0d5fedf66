"""Cancel, and the refusals of cancels and replaces."""

from protocol import codes as C

from .. import layout as L
from ..emit import order_event, refuse
from ..kit.expect import expect
from ..kit.jit import leaf, unlikely
from ..kit.rows import session_at
from ..layout.packed import account_of, contract_side_of, instrument_of, sequence_of, session_of, side_of, status_of, venue_of
from ..life.ids import ARCHIVED, archive_at_ref, id_find, order_at_ref
from ..life.life import close_order, take_out
from ..risk.access import STOPS_CANCELS, check_frozen
from .answers import (
    answer_flags,
    archive_event,
    behind,
    named_account_code,
    orig_text_at,
    put_refusal,
    request_event,
    text_at,
    unknown_code,
    valid_id,
)

# ---- CANCEL -----------------------------------------------------------------------------------------------------


@unlikely
def cancel_reject(m, rows, c, ev, ref, reason, flags):
    """Refuse a cancel or replace with E_CANCEL_REJECT. ref: the order's reference, 0 if there is none; its status is reported."""
    expect(m, reason != C.OK, L.INV_ORDER)
    if ref == 0:
        e = request_event(m, rows, c, ev, C.E_CANCEL_REJECT, C.ST_NONE, reason, flags, account_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    elif ref & ARCHIVED:
        e = archive_event(m, rows, c, ev, archive_at_ref(m, ref), C.E_CANCEL_REJECT, reason, flags)
    else:
        o = order_at_ref(m, ref)
        e = order_event(
            m, ev, o, C.E_CANCEL_REJECT, status_of(m[o + L.O_ATTR]), reason, flags, session_of(rows[c + L.CMD_SESSION_ACCOUNT]),
            rows[c + L.CMD_ID_HI], rows[c + L.CMD_ID_LO], rows, text_at(rows, c),
        )  # fmt: skip
    ev[e + L.EVT_CLIENT_NUMBER] = sequence_of(rows[c + L.CMD_GROUP_SEQ])
    put_refusal(m, ev, e)


@leaf
def cancel_as_asked(m, rows, c, ev, o, reason):
    """End an open order at its client's request: the answer to the requesting session, then, if another session entered the order, an
    unsolicited report to that session under the order's own ClOrdID. Up to 4 event rows."""
    expect(m, m[o + L.O_LEAVES] > 0 and reason != C.OK, L.INV_ORDER)
    flags = answer_flags(m, rows, c, o)
    e = order_event(
        m, ev, o, C.E_CANCELED, C.ST_CANCELED, reason, flags, session_of(rows[c + L.CMD_SESSION_ACCOUNT]),
        rows[c + L.CMD_ID_HI], rows[c + L.CMD_ID_LO], rows, text_at(rows, c),
    )  # fmt: skip
    ev[e + L.EVT_LEAVES] = 0
    ev[e + L.EVT_CLIENT_NUMBER] = sequence_of(rows[c + L.CMD_GROUP_SEQ])
    if flags != 0:
        take_out(m, ev, o, C.E_CANCELED, C.ST_CANCELED, reason, C.EF_UNSOLICITED)
    else:
        close_order(m, o, C.ST_CANCELED, reason)


@leaf
def same_field(m, code, field, own, said):
    """C.OK if a field of the request is 0 or equal to the order's, else `code` with asked: the field, limit: the order's value, used: the
    request's."""
    return C.OK if said == 0 or said == own else refuse(m, code, own, said, field)


@leaf
def check_named_fields(m, rows, c, o, code):
    """Compare account, instrument, side and contract side that a cancel or replace names with the order's: C.OK or `code`."""
    expect(m, m[o + L.O_COLL] != 0, L.INV_ORDER)
    head = rows[c + L.CMD_HEAD]
    attr = m[o + L.O_ATTR]
    answer = same_field(
        m, code, C.FIELD_ACCOUNT, m[m[m[o + L.O_COLL] + L.CO_ACCOUNT] + L.AC_ID], account_of(rows[c + L.CMD_SESSION_ACCOUNT])
    )
    if answer == C.OK:
        answer = same_field(m, code, C.FIELD_INSTRUMENT, m[m[o + L.O_INSTRUMENT] + L.I_ID], instrument_of(rows[c + L.CMD_INSTRUMENT]))
    if answer == C.OK:
        answer = same_field(m, code, C.FIELD_SIDE, side_of(attr), side_of(head))
    if answer == C.OK:
        answer = same_field(m, code, C.FIELD_CONTRACT_SIDE, contract_side_of(attr), contract_side_of(head))
    return answer


@unlikely
def closed_code(m, now):
    """Why an id cannot be cancelled or replaced: R_ORDER_CLOSED, or R_ORDER_REPLACED if its order is open under a newer id. now: the
    reference that the id leads to (answers.py)."""
    expect(m, now != 0, L.INV_ORDER)
    return refuse(m, C.R_ORDER_CLOSED if now & ARCHIVED else C.R_ORDER_REPLACED, 0, 0, 0)


@leaf
def do_cancel(m, rows, c, ev):
    """Cancel the order with the request's OrigClOrdID: E_CANCELED, or E_CANCEL_REJECT with R_BAD_ID, R_UNKNOWN_ORDER, R_ORDER_FORGOTTEN,
    R_ORDER_CLOSED, R_ORDER_REPLACED, R_CANCEL_FIELD or an account code."""
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    at = orig_text_at(rows, c)
    hi = rows[c + L.CMD_ORIG_HI]
    lo = rows[c + L.CMD_ORIG_LO]
    code = named_account_code(m, rows, c, s)
    if code == C.OK and not valid_id(rows[c + L.CMD_ID_HI], rows[c + L.CMD_ID_LO], text_at(rows, c)):
        code = refuse(m, C.R_BAD_ID, 0, 0, 0)
    if code != C.OK:
        cancel_reject(m, rows, c, ev, 0, code, 0)
        return
    ref = id_find(m, rows, m[s + L.S_FIRM], hi, lo, at) if valid_id(hi, lo, at) else 0
    if ref == 0:
        cancel_reject(m, rows, c, ev, 0, unknown_code(m, rows, m[s + L.S_FIRM], hi, lo, at), 0)
        return
    if ref & ARCHIVED:
        ref = behind(m, m[s + L.S_FIRM], ref)
        code = closed_code(m, ref)
    else:
        o = order_at_ref(m, ref)
        code = check_named_fields(m, rows, c, o, C.R_CANCEL_FIELD)
        if code == C.OK:
            code = check_frozen(m, m[o + L.O_INSTRUMENT], venue_of(m[o + L.O_ENTRY]), STOPS_CANCELS)
    if code != C.OK:
        cancel_reject(m, rows, c, ev, ref, code, 0)
        return
    expect(m, m[order_at_ref(m, ref) + L.O_FIRM] == m[s + L.S_FIRM], L.INV_ORDER)
    cancel_as_asked(m, rows, c, ev, order_at_ref(m, ref), C.R_USER_CANCEL)
