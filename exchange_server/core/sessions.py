"""Session rows: logon, logoff, messages made in plain Python, and the incoming number.

Outgoing numbers are state (durability.md): they are given only in emit.begin_event. Incoming ones follow the rows that carry them.
"""

from protocol.codes import E_LOGOFF, E_LOGON, E_SENT

from .emit import begin_event, pack_head, room
from .jit import leaf
from .mass_cancel import cancel_for_session
from .pools import session_at
from .records import (
    CMD_BODY_BYTES,
    CMD_GROUP_SEQ,
    CMD_LOGOFF_FLAGS,
    CMD_LOGOFF_FROM,
    CMD_LOGON_FLAGS,
    CMD_LOGON_HEARTBEAT_NS,
    CMD_LOGON_NEXT_IN,
    CMD_LOGON_SENT,
    CMD_MISSED,
    CMD_MSG_TYPE,
    CMD_NEXT_IN,
    CMD_SEND_FLAGS,
    CMD_SESSION_ACCOUNT,
    CMD_TOLD_FROM,
    CMD_TOLD_TO,
    CMD_WORDS,
    EVT_BODY_BYTES,
    EVT_CUM,
    EVT_LAST_QTY,
    EVT_LEAVES,
    EVT_MSG_TYPE,
    EVT_NUMBER,
    EVT_ORDER,
    EVT_PRICE,
    EVT_QTY,
    EVT_WORDS,
    LOGON_CANCEL_ON_DISCONNECT,
    LOGON_REFUSED,
    LOGON_RESET,
    LOGON_SETTLEMENT,
    LOGON_SKIP_MISSED,
    S_ABSENT_FROM,
    S_FLAGS,
    S_FORM,
    S_FORM_DEFINED,
    S_GENERATION,
    S_HEARTBEAT,
    S_LOGON_SENT,
    S_MISSED,
    S_MISSED_DONE,
    S_NEXT_IN,
    S_NEXT_OUT,
    S_UNTOLD,
    S_UNTOLD_TO,
    SF_CANCEL_ON_DISCONNECT,
    SF_DEFINED_SHIFT,
    SF_LOGGED_ON,
    SF_OPTIONS,
    SF_SETTLEMENT,
)


@leaf
def count_incoming(m, s, rows, c):
    """The message that caused this row used up an incoming number."""
    number = rows[c + CMD_GROUP_SEQ] & 0xFFFFFFFF
    if number != 0:
        m[s + S_NEXT_IN] = number + 1


@leaf
def do_logon(m, rows, c, ev):
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    flags = rows[c + CMD_LOGON_FLAGS]
    next_out = m[s + S_NEXT_OUT]
    defined = m[s + S_FLAGS] & (SF_OPTIONS << SF_DEFINED_SHIFT)
    state = SF_LOGGED_ON | defined | (defined >> SF_DEFINED_SHIFT)
    if flags & LOGON_CANCEL_ON_DISCONNECT != 0:
        state |= SF_CANCEL_ON_DISCONNECT
    if flags & LOGON_SETTLEMENT != 0:
        state |= SF_SETTLEMENT
    # Unnumbered, but in the chain: a resend that walks back stops at the border of a reset.
    e = begin_event(m, ev, pack_head(E_LOGON, 0, 0, 0, 0, 0, 0, 0, 0), m[s], 0, False)
    ev[e + EVT_PRICE] = next_out
    ev[e + EVT_QTY] = flags
    was_away = m[s + S_FLAGS] & SF_LOGGED_ON == 0
    ev[e + EVT_LAST_QTY] = m[s + S_ABSENT_FROM] if was_away else next_out
    ev[e + EVT_CUM] = m[s + S_UNTOLD]
    ev[e + EVT_LEAVES] = m[s + S_UNTOLD_TO]
    next_in = rows[c + CMD_LOGON_NEXT_IN]
    if flags & LOGON_REFUSED != 0:  # still absent: what it has missed stays missed, its settings stay
        if next_in != 0:
            m[s + S_NEXT_IN] = next_in
        return
    if flags & LOGON_SKIP_MISSED != 0:
        m[s + S_MISSED] = 0
        m[s + S_UNTOLD] = 0
        m[s + S_UNTOLD_TO] = 0
    ev[e + EVT_ORDER] = m[s + S_MISSED]  # from reset to reset: reports that an earlier one left over
    m[s + S_FLAGS] = state
    m[s + S_HEARTBEAT] = rows[c + CMD_LOGON_HEARTBEAT_NS]
    m[s + S_LOGON_SENT] = max(m[s + S_LOGON_SENT], rows[c + CMD_LOGON_SENT])
    first = max(m[s + S_ABSENT_FROM], 1)
    absent = was_away and flags & LOGON_SKIP_MISSED == 0 and next_out > first
    if flags & LOGON_RESET != 0:
        if absent or m[s + S_UNTOLD] != 0:
            m[s + S_MISSED] = ev[e + EVT_NUMBER]
        m[s + S_UNTOLD] = 0
        m[s + S_UNTOLD_TO] = 0
        m[s + S_FORM] = m[s + S_FORM_DEFINED]
        m[s + S_NEXT_OUT] = 1
        m[s + S_NEXT_IN] = 1
        m[s + S_GENERATION] += 1
    elif absent:  # the peer sees the gap and asks, or is cut before it does: told is only what a resend has brought
        m[s + S_UNTOLD] = first if m[s + S_UNTOLD] == 0 else min(first, m[s + S_UNTOLD])
        m[s + S_UNTOLD_TO] = next_out - 1
    if next_in != 0:
        m[s + S_NEXT_IN] = next_in


@leaf
def do_logoff(m, rows, c, ev):
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    was = m[s + S_FLAGS]
    if was & SF_LOGGED_ON == 0:
        return
    e = begin_event(m, ev, pack_head(E_LOGOFF, 0, 0, 0, 0, 0, 0, 0, 0), m[s], 0, False)
    ev[e + EVT_PRICE] = m[s + S_NEXT_OUT]
    ev[e + EVT_QTY] = rows[c + CMD_LOGOFF_FLAGS]
    m[s + S_FLAGS] = was & ~SF_LOGGED_ON
    first = rows[c + CMD_LOGOFF_FROM]
    m[s + S_ABSENT_FROM] = first if 0 < first < m[s + S_NEXT_OUT] else m[s + S_NEXT_OUT]
    if was & SF_CANCEL_ON_DISCONNECT != 0:
        cancel_for_session(m, s)


@leaf
def count_missed(m, s, number):
    """Missed reports up to this event number have got new numbers; at the E_LOGON that began it, all have."""
    if number > m[s + S_MISSED_DONE]:
        m[s + S_MISSED_DONE] = number
    if number >= m[s + S_MISSED]:
        m[s + S_MISSED] = 0


@leaf
def count_told(m, s, begin, end):
    """A resend of these numbers was written: what was numbered while the session was away is told so far."""
    if m[s + S_UNTOLD] != 0 and begin <= m[s + S_UNTOLD] <= end:
        m[s + S_UNTOLD] = end + 1
        if end >= m[s + S_UNTOLD_TO]:
            m[s + S_UNTOLD] = 0
            m[s + S_UNTOLD_TO] = 0


@leaf
def do_set_in(m, rows, c):
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    m[s + S_NEXT_IN] = rows[c + CMD_NEXT_IN]
    if rows[c + CMD_TOLD_FROM] != 0:
        count_told(m, s, rows[c + CMD_TOLD_FROM], rows[c + CMD_TOLD_TO])
    if rows[c + CMD_MISSED] != 0:
        count_missed(m, s, rows[c + CMD_MISSED])


@leaf
def send_rows(rows, c):
    """Event rows that a C_SEND needs."""
    return 1 + (rows[c + CMD_BODY_BYTES] + EVT_WORDS * 8 - 1) // (EVT_WORDS * 8)


@leaf
def do_send(m, rows, c, ev):
    """An outgoing message whose body is in the data rows: it takes its number here. The caller has made room."""
    size = rows[c + CMD_BODY_BYTES]
    extra = send_rows(rows, c) - 1
    numbered = rows[c + CMD_SEND_FLAGS] & 1 == 0
    head = pack_head(E_SENT, extra, 0, 0, 0, 0, 0, 0, 0)
    e = begin_event(m, ev, head, rows[c + CMD_SESSION_ACCOUNT] >> 32, 0, numbered)
    ev[e + EVT_BODY_BYTES] = size
    ev[e + EVT_MSG_TYPE] = rows[c + CMD_MSG_TYPE]
    if rows[c + CMD_MISSED] != 0:
        count_missed(m, session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32), rows[c + CMD_MISSED])
    words = (size + 7) // 8
    for i in range(extra * EVT_WORDS):
        ev[e + EVT_WORDS + i] = rows[c + CMD_WORDS + i] if i < words else 0


@leaf
def room_for_send(m, rows, c, ev):
    return room(m, ev, send_rows(rows, c))
