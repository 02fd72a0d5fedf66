"""Session rows: logon, logoff, messages made in Python, and the incoming number.

Outgoing numbers are state (durability.md): only emit.begin_event assigns them. The incoming number is taken from the rows. `s` is the pointer
of a session, `rows[c..]` the command row.
"""

from protocol import codes as C

from . import layout as L
from .emit import begin_event, room
from .kit.jit import leaf, unlikely
from .kit.rows import session_at
from .layout.packed import defined_options, pack_event, pack_options, sequence_of, session_of
from .orders.mass_cancel import cancel_for_session


@leaf
def count_incoming(m, s, rows, c):
    """Update the next incoming number of a session if the row's message used one up."""
    number = sequence_of(rows[c + L.CMD_GROUP_SEQ])
    if number != 0:
        m[s + L.S_NEXT_IN] = number + 1


@unlikely
def do_logon(m, rows, c, ev):
    """Log a session on, or record a refused logon (LOGON_REFUSED), and write E_LOGON. A reset (LOGON_RESET) sets both numbers to 1."""
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    flags = rows[c + L.CMD_LOGON_FLAGS]
    next_out = m[s + L.S_NEXT_OUT]
    defined = defined_options(m[s + L.S_FLAGS])
    state = pack_options(L.SF_LOGGED_ON | defined, defined)
    if flags & L.LOGON_CANCEL_ON_DISCONNECT != 0:
        state |= L.SF_CANCEL_ON_DISCONNECT
    if flags & L.LOGON_SETTLEMENT != 0:
        state |= L.SF_SETTLEMENT
    # Unnumbered, but in the chain: a resend that walks back stops at a reset.
    e = begin_event(m, ev, pack_event(C.E_LOGON, 0, 0, 0, 0, 0), m[s], 0, False)
    ev[e + L.EVT_LOGON_NEXT_OUT] = next_out
    ev[e + L.EVT_LOGON_FLAGS] = flags
    was_away = m[s + L.S_FLAGS] & L.SF_LOGGED_ON == 0
    ev[e + L.EVT_LOGON_ABSENT_FROM] = m[s + L.S_ABSENT_FROM] if was_away else next_out
    ev[e + L.EVT_LOGON_UNTOLD] = m[s + L.S_UNTOLD]
    ev[e + L.EVT_LOGON_UNTOLD_TO] = m[s + L.S_UNTOLD_TO]
    next_in = rows[c + L.CMD_LOGON_NEXT_IN]
    if flags & L.LOGON_REFUSED != 0:  # still absent: missed reports and settings stay unchanged
        if next_in != 0:
            m[s + L.S_NEXT_IN] = next_in
        return
    if flags & L.LOGON_SKIP_MISSED != 0:
        m[s + L.S_MISSED] = 0
        m[s + L.S_UNTOLD] = 0
        m[s + L.S_UNTOLD_TO] = 0
    ev[e + L.EVT_LOGON_MISSED] = m[s + L.S_MISSED]  # reports still due from an earlier reset
    m[s + L.S_FLAGS] = state
    m[s + L.S_HEARTBEAT] = rows[c + L.CMD_LOGON_HEARTBEAT_NS]
    m[s + L.S_LOGON_SENT] = max(m[s + L.S_LOGON_SENT], rows[c + L.CMD_LOGON_SENT])
    first = max(m[s + L.S_ABSENT_FROM], 1)
    absent = was_away and flags & L.LOGON_SKIP_MISSED == 0 and next_out > first
    if flags & L.LOGON_RESET != 0:
        if absent or m[s + L.S_UNTOLD] != 0:
            m[s + L.S_MISSED] = ev[e + L.EVT_NUMBER]
        m[s + L.S_UNTOLD] = 0
        m[s + L.S_UNTOLD_TO] = 0
        m[s + L.S_FORM] = m[s + L.S_FORM_DEFINED]
        m[s + L.S_NEXT_OUT] = 1
        m[s + L.S_NEXT_IN] = 1
        m[s + L.S_GENERATION] += 1
    elif absent:  # the peer sees the gap and requests a resend, or is disconnected before; only a resend counts as told
        m[s + L.S_UNTOLD] = first if m[s + L.S_UNTOLD] == 0 else min(first, m[s + L.S_UNTOLD])
        m[s + L.S_UNTOLD_TO] = next_out - 1
    if next_in != 0:
        m[s + L.S_NEXT_IN] = next_in


@unlikely
def do_logoff(m, rows, c, ev):
    """Log a session off: E_LOGOFF, and cancel on disconnect if it is set. Without effect if it is not logged on."""
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    was = m[s + L.S_FLAGS]
    if was & L.SF_LOGGED_ON == 0:
        return
    e = begin_event(m, ev, pack_event(C.E_LOGOFF, 0, 0, 0, 0, 0), m[s], 0, False)
    ev[e + L.EVT_LOGOFF_NEXT_OUT] = m[s + L.S_NEXT_OUT]
    ev[e + L.EVT_LOGOFF_FLAGS] = rows[c + L.CMD_LOGOFF_FLAGS]
    m[s + L.S_FLAGS] = was & ~L.SF_LOGGED_ON
    first = rows[c + L.CMD_LOGOFF_FROM]
    m[s + L.S_ABSENT_FROM] = first if 0 < first < m[s + L.S_NEXT_OUT] else m[s + L.S_NEXT_OUT]
    if was & L.SF_CANCEL_ON_DISCONNECT != 0:
        cancel_for_session(m, s)


@leaf
def count_missed(m, s, number):
    """Missed reports up to this event number have been sent under new numbers. At the number of S_MISSED all have."""
    if number > m[s + L.S_MISSED_DONE]:
        m[s + L.S_MISSED_DONE] = number
    if number >= m[s + L.S_MISSED]:
        m[s + L.S_MISSED] = 0


@leaf
def count_told(m, s, begin, end):
    """A resend of the numbers begin..end was written: advance S_UNTOLD past them."""
    if m[s + L.S_UNTOLD] != 0 and begin <= m[s + L.S_UNTOLD] <= end:
        m[s + L.S_UNTOLD] = end + 1
        if end >= m[s + L.S_UNTOLD_TO]:
            m[s + L.S_UNTOLD] = 0
            m[s + L.S_UNTOLD_TO] = 0


@unlikely
def do_set_in(m, rows, c):
    """Set the next incoming number, and note a written resend and sent missed reports."""
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    m[s + L.S_NEXT_IN] = rows[c + L.CMD_NEXT_IN]
    if rows[c + L.CMD_TOLD_FROM] != 0:
        count_told(m, s, rows[c + L.CMD_TOLD_FROM], rows[c + L.CMD_TOLD_TO])
    if rows[c + L.CMD_MISSED] != 0:
        count_missed(m, s, rows[c + L.CMD_MISSED])


@leaf
def send_rows(rows, c):
    """Number of event rows that the C_SEND at rows[c] needs."""
    return 1 + (rows[c + L.CMD_BODY_BYTES] + L.EVT_WORDS * 8 - 1) // (L.EVT_WORDS * 8)


@unlikely
def do_send(m, rows, c, ev):
    """Write an outgoing message whose body is in the data rows: E_SENT, which takes the session's next number unless CMD_SEND_FLAGS says
    otherwise. The caller has made sure of room."""
    size = rows[c + L.CMD_BODY_BYTES]
    extra = send_rows(rows, c) - 1
    numbered = rows[c + L.CMD_SEND_FLAGS] & 1 == 0
    head = pack_event(C.E_SENT, extra, 0, 0, 0, 0)
    e = begin_event(m, ev, head, session_of(rows[c + L.CMD_SESSION_ACCOUNT]), 0, numbered)
    ev[e + L.EVT_BODY_BYTES] = size
    ev[e + L.EVT_MSG_TYPE] = rows[c + L.CMD_MSG_TYPE]
    if rows[c + L.CMD_MISSED] != 0:
        count_missed(m, session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT])), rows[c + L.CMD_MISSED])
    words = (size + 7) // 8
    for i in range(extra * L.EVT_WORDS):
        ev[e + L.EVT_WORDS + i] = rows[c + L.CMD_WORDS + i] if i < words else 0


@unlikely
def room_for_send(m, rows, c):
    """Whether the event buffer has room for the C_SEND at rows[c]."""
    return room(m, send_rows(rows, c))
