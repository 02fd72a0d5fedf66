"""Answers to requests: the fields of command rows and archive rows, and the events made from them.

Used by new.py, cancel.py, replace.py, status.py, mass_cancel.py, unread.py and core/markets/sets.py. `rows[c..]` is the command row, `s` the
pointer of its session, `o` of an order row, `a` of an archive row, `e` the word offset of an event row in `ev`.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import begin_event, own_event, put_orig_text, put_texts, refuse, room
from ..kit.expect import expect
from ..kit.jit import leaf, unlikely
from ..kit.rows import account_at
from ..kit.text_ids import PACKED
from ..layout.packed import account_of, pack_event, reason_of, row_flags_of, sequence_of, session_of, status_of, terms_of, without_entry
from ..life.ids import ARCHIVED, alias_find, archive_at_ref, order_at_ref
from ..life.used import used_before
from ..risk.ladder import check_account, check_session

HOUR_NS = 3_600_000_000_000


@leaf
def text_at(rows, c):
    """Word offset in `rows` of the request's own ClOrdID text; -1: it has none."""
    return c + L.CMD_WORDS if row_flags_of(rows[c + L.CMD_HEAD]) & L.ROWFLAG_TEXT != 0 and rows[c + L.CMD_ID_HI] < 0 else -1


@leaf
def orig_text_at(rows, c):
    """Word offset in `rows` of the request's OrigClOrdID text; -1: it has none."""
    return c + L.CMD_WORDS + 8 if row_flags_of(rows[c + L.CMD_HEAD]) & L.ROWFLAG_TEXT != 0 and rows[c + L.CMD_ORIG_HI] < 0 else -1


@leaf
def valid_id(hi, lo, at):
    """Whether a key is an integer id >= 1, a text itself, or a text's hash that comes with it (at >= 0)."""
    return hi == 0 and lo >= 1 or hi >= PACKED or hi < 0 and at >= 0


@leaf
def check_unused(m, rows, firm, hi, lo, at):
    """C.OK, or R_ID_USED_BEFORE for a ClOrdID of which only the use is remembered, with limit: hours of the retention."""
    if used_before(m, rows, firm, hi, lo, at):
        return refuse(m, C.R_ID_USED_BEFORE, m[L.H_RETENTION_NS] // HOUR_NS, 0, 0)
    return C.OK


@unlikely
def unknown_code(m, rows, firm, hi, lo, at):
    """Why the firm (id) has no order under a ClOrdID: R_UNKNOWN_ORDER, or R_ORDER_FORGOTTEN if only its use is remembered."""
    known = valid_id(hi, lo, at) and used_before(m, rows, firm, hi, lo, at)
    return refuse(m, C.R_ORDER_FORGOTTEN if known else C.R_UNKNOWN_ORDER, 0, 0, 0)


@leaf
def request_account(m, rows, c, s):
    """Id of the account that the request names, or else of the session's own account."""
    asked = account_of(rows[c + L.CMD_SESSION_ACCOUNT])
    if asked == 0:
        asked = m[s + L.S_ACCOUNT]
    expect(m, s != 0, L.INV_ROW)
    return asked


@leaf
def put_refusal(m, ev, e):
    """Copy limit, used and asked of the latest refusal into the event at ev[e], and count the refusal."""
    ev[e + L.EVT_LIMIT] = m[L.H_LIMIT]
    ev[e + L.EVT_USED] = m[L.H_USED]
    ev[e + L.EVT_ASKED] = m[L.H_ASKED]
    m[L.H_REFUSALS] += 1


@leaf
def request_event(m, rows, c, ev, kind, status, reason, flags, account_id):
    """Write an event about a request without an order row, with the fields of the command row. Returns its word offset. The caller has made
    sure of room (2 rows)."""
    head = rows[c + L.CMD_HEAD]
    at = text_at(rows, c)
    orig_at = orig_text_at(rows, c)
    extra = 1 if at >= 0 or orig_at >= 0 else 0
    expect(m, room(m, 1 + extra), L.INV_ROW)
    if extra != 0:
        flags |= C.EF_TEXT
    packed = pack_event(kind, extra, terms_of(head), status, reason, flags)
    e = begin_event(m, ev, packed, session_of(rows[c + L.CMD_SESSION_ACCOUNT]), account_id, True)
    ev[e + L.EVT_INSTRUMENT] = without_entry(rows[c + L.CMD_INSTRUMENT])
    ev[e + L.EVT_ID_HI] = rows[c + L.CMD_ID_HI]
    ev[e + L.EVT_ID_LO] = rows[c + L.CMD_ID_LO]
    ev[e + L.EVT_ORIG_HI] = rows[c + L.CMD_ORIG_HI]
    ev[e + L.EVT_ORIG_LO] = rows[c + L.CMD_ORIG_LO]
    ev[e + L.EVT_PRICE] = rows[c + L.CMD_PRICE]
    ev[e + L.EVT_QTY] = rows[c + L.CMD_QTY]
    ev[e + L.EVT_CLIENT_NUMBER] = sequence_of(rows[c + L.CMD_GROUP_SEQ])
    if extra != 0:
        put_texts(m, ev, e, rows, at, 0)
        put_orig_text(ev, e, rows, orig_at)
    return e


@leaf
def _archive_state(m, rows, c, ev, a, kind, reason, flags, extra):
    """Write an event about a closed order from its archive row, without the ids. extra: 1 with a row of texts. Returns its word offset."""
    expect(m, m[a + L.AR_CLOSED_AT] <= m[L.H_TIME], L.INV_ORDER)
    attr = m[a + L.AR_ATTR]
    if extra != 0:
        flags |= C.EF_TEXT
    packed = pack_event(kind, extra, terms_of(attr), status_of(attr), reason, flags)
    e = begin_event(m, ev, packed, session_of(rows[c + L.CMD_SESSION_ACCOUNT]), account_of(m[a + L.AR_FIRM_ACCOUNT]), True)
    ev[e + L.EVT_INSTRUMENT] = m[a + L.AR_INSTRUMENT]
    ev[e + L.EVT_ORDER] = m[a + L.AR_ORDER]
    ev[e + L.EVT_PRICE] = m[a + L.AR_PRICE]
    ev[e + L.EVT_QTY] = m[a + L.AR_QTY]
    ev[e + L.EVT_CUM] = m[a + L.AR_CUM]
    ev[e + L.EVT_NOTIONAL] = m[a + L.AR_NOTIONAL]
    ev[e + L.EVT_CLIENT_NUMBER] = sequence_of(rows[c + L.CMD_GROUP_SEQ])
    return e


@leaf
def archive_event(m, rows, c, ev, a, kind, reason, flags):
    """Write the answer to a request about a closed order: the ClOrdID is the request's, the OrigClOrdID the order's last one. Returns its
    word offset."""
    at = text_at(rows, c)
    text = m[a + L.AR_TEXT]
    extra = 1 if text != 0 or at >= 0 else 0
    e = _archive_state(m, rows, c, ev, a, kind, reason, flags, extra)
    ev[e + L.EVT_ID_HI] = rows[c + L.CMD_ID_HI]
    ev[e + L.EVT_ID_LO] = rows[c + L.CMD_ID_LO]
    ev[e + L.EVT_ORIG_HI] = m[a + L.AR_KEY_HI]
    ev[e + L.EVT_ORIG_LO] = m[a + L.AR_KEY_LO]
    if extra != 0:
        put_texts(m, ev, e, rows, at, text)
    return e


@leaf
def _closed_status(m, rows, c, ev, a, orig_hi, orig_lo, orig_at):
    """Write how a closed order ended, under its last ClOrdID. An older id in the request becomes the OrigClOrdID. A rejected order comes
    with its limit, used and asked."""
    expect(m, status_of(m[a + L.AR_ATTR]) >= C.ST_FILLED and status_of(m[a + L.AR_ATTR]) != C.ST_REPLACED, L.INV_ORDER)
    attr = m[a + L.AR_ATTR]
    text = m[a + L.AR_TEXT]
    extra = 1 if text != 0 or orig_at >= 0 else 0
    e = _archive_state(m, rows, c, ev, a, C.E_STATUS, reason_of(attr), 0, extra)
    ev[e + L.EVT_ID_HI] = m[a + L.AR_KEY_HI]
    ev[e + L.EVT_ID_LO] = m[a + L.AR_KEY_LO]
    ev[e + L.EVT_ORIG_HI] = orig_hi
    ev[e + L.EVT_ORIG_LO] = orig_lo
    if extra != 0:
        put_texts(m, ev, e, m, text if text != 0 else -1, 0)
        put_orig_text(ev, e, rows, orig_at)
    if status_of(attr) == C.ST_REJECTED:
        ev[e + L.EVT_LIMIT] = m[a + L.AR_LIMIT]
        ev[e + L.EVT_USED] = m[a + L.AR_USED]
        ev[e + L.EVT_ASKED] = m[a + L.AR_ASKED]


@leaf
def behind(m, firm, ref):
    """Follow a replaced id: the reference of the order that is open under a newer id, or of its last archive row. Other references are
    returned unchanged."""
    if ref & ARCHIVED == 0:
        return ref
    a = archive_at_ref(m, ref)
    if status_of(m[a + L.AR_ATTR]) != C.ST_REPLACED:
        return ref
    now = alias_find(m, firm, m[a + L.AR_ORDER])
    expect(m, now != 0, L.INV_ORDER)
    return now


@unlikely
def tell_status(m, rows, c, ev, firm, ref, hi, lo, at):
    """Write the state of the order with a ClOrdID (key hi, lo, text at rows[at..]). For a replaced id: the order's current or last ClOrdID,
    with the requested one as OrigClOrdID."""
    expect(m, ref != 0, L.INV_ORDER)
    now = behind(m, firm, ref)
    if now == ref:
        hi, lo, at = 0, 0, -1
    if now & ARCHIVED:
        _closed_status(m, rows, c, ev, archive_at_ref(m, now), hi, lo, at)
        return
    o = order_at_ref(m, now)
    e = own_event(m, ev, o, C.E_STATUS, status_of(m[o + L.O_ATTR]), C.OK, 0, session_of(rows[c + L.CMD_SESSION_ACCOUNT]), hi, lo, rows, at)
    ev[e + L.EVT_CLIENT_NUMBER] = sequence_of(rows[c + L.CMD_GROUP_SEQ])


@leaf
def named_account_code(m, rows, c, s):
    """Check the account that a cancel or replace names (0: none; then only that the session is logged on): C.OK or the codes of
    check_session, check_account."""
    expect(m, s != 0, L.INV_ROW)
    asked = account_of(rows[c + L.CMD_SESSION_ACCOUNT])
    if asked == 0:
        return check_session(m, s)
    return check_account(m, s, account_at(m, asked), asked, 0)


@leaf
def answer_flags(m, rows, c, o):
    """EF_OTHER_SESSION if another session entered the order; the caller then sends that session an unsolicited report too. Otherwise 0."""
    expect(m, m[o + L.O_LEAVES] > 0, L.INV_ORDER)
    return C.EF_OTHER_SESSION if m[o + L.O_SESSION] != session_of(rows[c + L.CMD_SESSION_ACCOUNT]) else 0
