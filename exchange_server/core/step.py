"""The core on one screen: command rows in, event rows out.

step(m, rows, words, ev) handles client rows from H_CURSOR (a word offset in `rows`) up to `words`. It returns STEP_DONE, STEP_MORE (the
event buffer is full: drain `ev`, H_EVENT_USED words, and call again with the same rows), STEP_PYTHON (an ADMIN record is at H_CURSOR: the
engine applies it and moves the cursor), STEP_OPERATE (a row of the registry is there: operate.py takes it) or STEP_BROKEN (an invariant
failed: stop the process).
"""

from protocol import codes as C

from . import layout as L
from .emit import START_ROWS, room
from .kit.bits import stack_words, words_of
from .kit.jit import kernel, leaf
from .kit.rows import session_at
from .kit.timers import timer_due
from .kit.work import begin_work, end_work, work_row
from .layout.packed import extra_of, kind_of, row_flags_of, session_of
from .life.life import take_out
from .markets.remove import free_removed
from .markets.sets import do_sets
from .match.match import go_on_matching
from .orders.cancel import do_cancel
from .orders.mass_cancel import do_mass_cancel, go_on_mass
from .orders.new import do_new
from .orders.replace import do_replace
from .orders.status import do_status
from .orders.unread import add_request_id, refuse_unread
from .prefetch import SEEN_WORDS, look_ahead, look_at_begin, nothing_seen
from .sessions import count_incoming, do_logoff, do_logon, do_send, do_set_in, room_for_send

FEW_ROWS = 4 * L.CMD_WORDS  # of a call: looking ahead would take as long as it saves


@leaf
def go_on_with_timers(m, ev):
    """Handle all due timers in order of time and kind; orders with the same expiry in order of entry. False: the event buffer is full, call
    again."""
    t = timer_due(m)
    while t != 0:
        if m[t + L.TM_KIND] != L.TIMER_EXPIRY:
            m[L.H_ERROR] = L.INV_ROW
            break
        if not room(m, 2):
            return False
        take_out(m, ev, m[m[t + L.TM_HEAD] + L.SP_ORDER], C.E_EXPIRED, C.ST_EXPIRED, C.R_EXPIRED, C.EF_UNSOLICITED)
        t = timer_due(m)
    end_work(m)
    return True


@leaf
def resume(m, rows, ev):
    """Continue interrupted work. False: the event buffer is full again."""
    kind = m[work_row(m) + L.W_KIND]
    if kind == L.WORK_MATCH:
        return go_on_matching(m, ev)
    if kind == L.WORK_MASS:
        return go_on_mass(m, rows, ev)
    if kind == L.WORK_TIMERS:
        return go_on_with_timers(m, ev)
    m[L.H_ERROR] = L.INV_ROW  # `operate` itself finishes the work it began
    return True


@leaf
def request(m, rows, c, kind, ev):
    """Dispatch a client's row at rows[c]. Its session must exist, or the gateway is broken (INV_ROW)."""
    s = session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))
    if s == 0:
        m[L.H_ERROR] = L.INV_ROW
        return
    count_incoming(m, s, rows, c)
    m[L.H_COMMANDS] += 1
    if row_flags_of(rows[c + L.CMD_HEAD]) & L.ROWFLAG_REFUSED != 0:
        refuse_unread(m, s, rows, c, ev, kind)
    elif kind == C.C_NEW:
        do_new(m, rows, c, ev)
    elif kind == C.C_CANCEL:
        do_cancel(m, rows, c, ev)
    elif kind == C.C_REPLACE:
        do_replace(m, rows, c, ev)
    elif kind == C.C_MASS_CANCEL:
        do_mass_cancel(m, rows, c, ev)
    elif kind == C.C_STATUS:
        e = m[L.H_EVENT_USED]
        do_status(m, rows, c, ev)
        add_request_id(m, rows, c, ev, e)
    elif kind == C.C_SPLIT or kind == C.C_MERGE:
        do_sets(m, rows, c, ev, kind)
    elif kind == C.C_LOGON:
        do_logon(m, rows, c, ev)
    elif kind == C.C_LOGOFF:
        do_logoff(m, rows, c, ev)
    elif kind == C.C_SET_IN:
        do_set_in(m, rows, c)
    elif kind == C.C_SEND:
        do_send(m, rows, c, ev)
    else:
        m[L.H_ERROR] = L.INV_ROW


@leaf
def run(m, rows, words, ev):
    """step() on bare pointers: handle rows until the end, a full event buffer, a row of the registry or a broken invariant."""
    m[L.H_EVENT_USED] = 0
    seen = stack_words(SEEN_WORDS)
    begun = False
    while True:
        while m[L.H_WORK_COUNT] != 0 and m[L.H_ERROR] == 0:
            if not resume(m, rows, ev):
                return L.STEP_MORE
        if m[L.H_ERROR] != 0:
            return L.STEP_BROKEN
        c = m[L.H_CURSOR]
        if c >= words:
            return L.STEP_DONE
        if not room(m, START_ROWS):
            return L.STEP_MORE
        if not begun:
            begun = True
            nothing_seen(seen)
            if c + FEW_ROWS < words:
                look_at_begin(m, rows, c, words, seen)
        look_ahead(m, rows, c, words, seen)
        head = rows[c + L.CMD_HEAD]
        kind = kind_of(head)
        if kind == C.C_ADMIN:
            return L.STEP_PYTHON
        if kind >= C.C_DEF_ASSET:
            return L.STEP_OPERATE
        if kind == C.C_SEND and not room_for_send(m, rows, c):
            if m[L.H_EVENT_USED] == 0:
                m[L.H_ERROR] = L.INV_ROW  # a body larger than the whole event buffer
                return L.STEP_BROKEN
            return L.STEP_MORE
        length = 1 + extra_of(head)
        m[L.H_CURSOR] = c + length * L.CMD_WORDS
        m[L.H_ROW_SEQ] += length
        if kind == C.C_TIME:
            m[L.H_TURN] = rows[c + L.CMD_TIME_TURN]
            m[L.H_TIME] = max(m[L.H_TIME], rows[c + L.CMD_TIME_NS])
            m[L.H_REFUSE] = rows[c + L.CMD_TIME_REFUSE]
            m[L.H_TICK] = max(m[L.H_TICK], rows[c + L.CMD_TIME_TICK])
            m[L.H_CLOCK_OFFSET] = rows[c + L.CMD_TIME_OFFSET]
            m[L.H_CLOCK_BOOT] = rows[c + L.CMD_TIME_BOOT]
            if m[L.H_REMOVED] != 0:
                free_removed(m)
            begin_work(m, L.WORK_TIMERS)
        elif kind < C.C_ADMIN:
            request(m, rows, c, kind, ev)
        else:
            m[L.H_ERROR] = L.INV_ROW


@kernel("i8(i8[::1], i8[::1], i8, i8[::1])")
def step(m, rows, words, ev):
    """Handle client rows. Arguments and results: see the top of this file. ev: event rows, at least 8."""
    m[L.H_EVENT_ROOM] = ev.shape[0]
    return run(words_of(m), words_of(rows), words, words_of(ev))
