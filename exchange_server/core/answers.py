"""Answers to requests: what a command row and an archive row say, and the events made from them.

Everything here is for the files that carry requests out (requests.py, replace.py, mass_cancel.py, sets.py).
"""

from protocol.codes import (
    E_STATUS,
    EF_OTHER_SESSION,
    EF_TEXT,
    OK,
    ST_REJECTED,
    ST_REPLACED,
)

from .archive import REASON_SHIFT
from .emit import begin_event, own_event, pack_head, put_orig_text, put_texts
from .jit import leaf
from .pools import (
    ARCHIVED,
    account_at,
    alias_find,
    pool_alloc,
    pool_base,
    status_of,
)
from .records import (
    AR_ASKED,
    AR_ATTR,
    AR_CUM,
    AR_FIRM_ACCOUNT,
    AR_INSTRUMENT,
    AR_KEY_HI,
    AR_KEY_LO,
    AR_LIMIT,
    AR_NOTIONAL,
    AR_ORDER,
    AR_PRICE,
    AR_QTY,
    AR_TEXT,
    AR_USED,
    ARCHIVE_WORDS,
    CMD_GROUP_SEQ,
    CMD_HEAD,
    CMD_ID_HI,
    CMD_ID_LO,
    CMD_INSTRUMENT,
    CMD_ORIG_HI,
    CMD_ORIG_LO,
    CMD_PRICE,
    CMD_QTY,
    CMD_SESSION_ACCOUNT,
    CMD_WORDS,
    EVT_ASKED,
    EVT_CLIENT_NUMBER,
    EVT_CUM,
    EVT_ID_HI,
    EVT_ID_LO,
    EVT_INSTRUMENT,
    EVT_LIMIT,
    EVT_NOTIONAL,
    EVT_ORDER,
    EVT_ORIG_HI,
    EVT_ORIG_LO,
    EVT_PRICE,
    EVT_QTY,
    EVT_USED,
    H_ASKED,
    H_LIMIT,
    H_REFUSALS,
    H_USED,
    O_ATTR,
    O_SESSION,
    ORDER_WORDS,
    P_ARCHIVE,
    P_ORDER,
    P_TEXT,
    ROWFLAG_TEXT,
    S_ACCOUNT,
)
from .risk import (
    check_account,
    check_session,
)


@leaf
def text_at(rows, c):
    """Word offset of the request's own ClOrdID text, -1 without."""
    return c + CMD_WORDS if (rows[c + CMD_HEAD] >> 48) & ROWFLAG_TEXT != 0 and rows[c + CMD_ID_HI] < 0 else -1


@leaf
def orig_text_at(rows, c):
    return c + CMD_WORDS + 8 if (rows[c + CMD_HEAD] >> 48) & ROWFLAG_TEXT != 0 and rows[c + CMD_ORIG_HI] < 0 else -1


@leaf
def valid_id(hi, lo, at):
    """An integer id >= 1, or a hash with its text."""
    return hi == 0 and lo >= 1 or hi < 0 and at >= 0


@leaf
def request_account(m, rows, c, s):
    asked = rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF
    if asked == 0:
        asked = m[s + S_ACCOUNT]
    return asked


@leaf
def put_refusal(m, ev, e):
    ev[e + EVT_LIMIT] = m[H_LIMIT]
    ev[e + EVT_USED] = m[H_USED]
    ev[e + EVT_ASKED] = m[H_ASKED]
    m[H_REFUSALS] += 1


@leaf
def request_event(m, rows, c, ev, kind, status, reason, flags, account_id):
    """An event about a request for which there is no order row: everything from the command row."""
    head = rows[c + CMD_HEAD]
    at = text_at(rows, c)
    orig_at = orig_text_at(rows, c)
    extra = 1 if at >= 0 or orig_at >= 0 else 0
    if extra != 0:
        flags |= EF_TEXT
    packed = pack_head(
        kind, extra, status, reason, (head >> 16) & 15, (head >> 20) & 15, (head >> 24) & 15, (head >> 28) & 15, flags
    )
    e = begin_event(m, ev, packed, rows[c + CMD_SESSION_ACCOUNT] >> 32, account_id, True)
    ev[e + EVT_INSTRUMENT] = rows[c + CMD_INSTRUMENT] & ~0xFFFFFFFF
    ev[e + EVT_ID_HI] = rows[c + CMD_ID_HI]
    ev[e + EVT_ID_LO] = rows[c + CMD_ID_LO]
    ev[e + EVT_ORIG_HI] = rows[c + CMD_ORIG_HI]
    ev[e + EVT_ORIG_LO] = rows[c + CMD_ORIG_LO]
    ev[e + EVT_PRICE] = rows[c + CMD_PRICE]
    ev[e + EVT_QTY] = rows[c + CMD_QTY]
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    if extra != 0:
        put_texts(m, ev, e, rows, at, 0)
        put_orig_text(ev, e, rows, orig_at)
    return e


@leaf
def _archive_state(m, rows, c, ev, a, kind, reason, flags, extra):
    """An event about a closed order from its archive row, but for its ids; `extra`: 1 with a row of texts."""
    attr = m[a + AR_ATTR]
    if extra != 0:
        flags |= EF_TEXT
    packed = pack_head(
        kind, extra, status_of(attr), reason, (attr >> 4) & 15, (attr >> 8) & 15, (attr >> 12) & 15, (attr >> 16) & 15, flags
    )
    e = begin_event(m, ev, packed, rows[c + CMD_SESSION_ACCOUNT] >> 32, m[a + AR_FIRM_ACCOUNT] & 0xFFFFFFFF, True)
    ev[e + EVT_INSTRUMENT] = m[a + AR_INSTRUMENT]
    ev[e + EVT_ORDER] = m[a + AR_ORDER]
    ev[e + EVT_PRICE] = m[a + AR_PRICE]
    ev[e + EVT_QTY] = m[a + AR_QTY]
    ev[e + EVT_CUM] = m[a + AR_CUM]
    ev[e + EVT_NOTIONAL] = m[a + AR_NOTIONAL]
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    return e


@leaf
def archive_event(m, rows, c, ev, a, kind, reason, flags):
    """The answer to a request about a closed order: the ClOrdID is the request's, the order's last one goes to Orig."""
    at = text_at(rows, c)
    text = m[a + AR_TEXT]
    extra = 1 if text != 0 or at >= 0 else 0
    e = _archive_state(m, rows, c, ev, a, kind, reason, flags, extra)
    ev[e + EVT_ID_HI] = rows[c + CMD_ID_HI]
    ev[e + EVT_ID_LO] = rows[c + CMD_ID_LO]
    ev[e + EVT_ORIG_HI] = m[a + AR_KEY_HI]
    ev[e + EVT_ORIG_LO] = m[a + AR_KEY_LO]
    if extra != 0:
        put_texts(m, ev, e, rows, at, text)
    return e


@leaf
def _closed_status(m, rows, c, ev, a, orig_hi, orig_lo, orig_at):
    """How a closed order ended, under its own last ClOrdID; the older one asked for, if any, goes to Orig. A refusal comes with its numbers."""
    attr = m[a + AR_ATTR]
    text = m[a + AR_TEXT]
    extra = 1 if text != 0 or orig_at >= 0 else 0
    e = _archive_state(m, rows, c, ev, a, E_STATUS, (attr >> REASON_SHIFT) & 0xFFFF, 0, extra)
    ev[e + EVT_ID_HI] = m[a + AR_KEY_HI]
    ev[e + EVT_ID_LO] = m[a + AR_KEY_LO]
    ev[e + EVT_ORIG_HI] = orig_hi
    ev[e + EVT_ORIG_LO] = orig_lo
    if extra != 0:
        put_texts(m, ev, e, m, text if text != 0 else -1, 0)
        put_orig_text(ev, e, rows, orig_at)
    if status_of(attr) == ST_REJECTED:
        ev[e + EVT_LIMIT] = m[a + AR_LIMIT]
        ev[e + EVT_USED] = m[a + AR_USED]
        ev[e + EVT_ASKED] = m[a + AR_ASKED]


@leaf
def behind(m, firm, ref):
    """What an id stands for now: of a replaced one the order that lives on under another id, or how that ended."""
    if ref & ARCHIVED == 0:
        return ref
    a = archive_at_ref(m, ref)
    if status_of(m[a + AR_ATTR]) != ST_REPLACED:
        return ref
    return alias_find(m, firm, m[a + AR_ORDER])


@leaf
def tell_status(m, rows, c, ev, firm, ref, hi, lo, at):
    """The state of the order behind an id (its key, its text at rows[at..]). A replaced id: the order under the id it lives or ended
    with, the one asked for as its OrigClOrdID."""
    now = behind(m, firm, ref)
    if now == ref:
        hi, lo, at = 0, 0, -1
    if now & ARCHIVED:
        _closed_status(m, rows, c, ev, archive_at_ref(m, now), hi, lo, at)
        return
    o = order_at_ref(m, now)
    e = own_event(m, ev, o, E_STATUS, status_of(m[o + O_ATTR]), OK, 0, rows[c + CMD_SESSION_ACCOUNT] >> 32, hi, lo, rows, at)
    ev[e + EVT_CLIENT_NUMBER] = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF


@leaf
def named_account_code(m, rows, c, s):
    """Cancels and replaces find their order by its id; an account that they name must be one they may name."""
    asked = rows[c + CMD_SESSION_ACCOUNT] & 0xFFFFFFFF
    if asked == 0:
        return check_session(m, s)
    return check_account(m, s, account_at(m, asked), asked, 0)


@leaf
def answer_flags(m, rows, c, o):
    """EF_OTHER_SESSION when the asker is not the session that entered the order: that one is then told too, unsolicited."""
    return EF_OTHER_SESSION if m[o + O_SESSION] != rows[c + CMD_SESSION_ACCOUNT] >> 32 else 0


@leaf
def order_at_ref(m, ref):
    return pool_base(m, P_ORDER) + (ref - 1) * ORDER_WORDS


@leaf
def archive_at_ref(m, ref):
    return pool_base(m, P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * ARCHIVE_WORDS


@leaf
def store_text(m, rows, at):
    """A text row with the 8 words at rows[at..]; 0 for an integer id."""
    if at < 0:
        return 0
    t = pool_alloc(m, P_TEXT)
    for i in range(8):
        m[t + i] = rows[at + i]
    return t
