"""The core on one screen: rows in, event rows out, a cursor in the state when the event buffer is full.

<<<<<<< HEAD
step(m, rows, words, ev) handles clients' rows from H_CURSOR (a word offset in `rows`) up to `words`. It answers STEP_DONE, STEP_MORE (drain `ev`,
H_EVENT_USED words, and call again with the same rows), STEP_PYTHON (an ADMIN record is at H_CURSOR: the engine applies it and moves the cursor),
STEP_OPERATE (a row of the registry is there: operate.py takes it) or STEP_BROKEN (an invariant failed: stop the process).
=======
step(m, rows, rows_b, words, ev) handles command rows from H_CURSOR (a word offset in `rows`) up to `words`. `rows_b` is the byte view of
`rows`. It answers STEP_DONE, STEP_MORE (drain `ev`, H_EVENT_USED words, and call again with the same rows), STEP_PYTHON (an ADMIN record is at
H_CURSOR: the engine applies it and moves the cursor) or STEP_BROKEN (an invariant failed: stop the process).
>>>>>>> dead
"""

from protocol import codes as C

from . import layout as L
from .emit import START_ROWS, room
from .kit.bits import words_of
from .kit.jit import kernel, leaf
from .kit.pools import pool_base
from .kit.rows import session_at
from .life.life import take_out
from .markets.sets import do_sets
from .match.match import go_on_matching
from .orders.cancel import do_cancel
from .orders.mass_cancel import do_mass_cancel, go_on_mass
from .orders.new import do_new
from .orders.replace import do_replace
from .orders.status import do_status
from .orders.unread import add_request_id, refuse_unread
from .prefetch import look_ahead
from .sessions import count_incoming, do_logoff, do_logon, do_send, do_set_in, room_for_send


@leaf
def go_on_expiring(m, ev):
    """Everything with expiry <= now, by (expiry, entry)."""
    base = pool_base(m, L.P_HEAP)
    while m[L.H_HEAP_SIZE] > 0:
        bucket = m[base]
        if m[bucket + L.BK_TIME] > m[L.H_TIME]:
            break
        if not room(m, 2):
            return False
        take_out(m, ev, m[bucket + L.BK_HEAD], C.E_EXPIRED, C.ST_EXPIRED, C.R_EXPIRED, C.EF_UNSOLICITED)
    m[L.H_RESUME] = 0
    return True


@leaf
def resume(m, rows, ev):
    """Go on with interrupted work. False: the event buffer is full again."""
    what = m[L.H_RESUME]
    if what == L.RES_MATCH:
        return go_on_matching(m, ev)
    if what == L.RES_MASS:
        return go_on_mass(m, rows, ev)
    if what == L.RES_EXPIRE:
        return go_on_expiring(m, ev)
<<<<<<< HEAD
    m[L.H_ERROR] = L.INV_ROW  # what `operate` began it also ends
    return True
=======
    if what == L.RES_CLOSE:
        return go_on_closing(m, ev)
    return go_on_settling(m, ev)


@leaf
def define(m, rows, rows_b, c, kind, ev):
    """A row of the registry's; OK or the code of its refusal."""
    if kind == C.C_DEF_ASSET:
        return define_asset(m, rows, c)
    if kind == C.C_DEF_VENUE:
        return define_venue(m, rows, c)
    if kind == C.C_DEF_FIRM:
        return define_firm(m, rows, c)
    if kind == C.C_DEF_ACCOUNT:
        return define_account(m, rows, rows_b, c)
    if kind == C.C_DEF_SESSION:
        return define_session(m, rows, c)
    if kind == C.C_DEF_EVENT:
        return define_event(m, rows, c)
    if kind == C.C_DEF_INSTRUMENT:
        return define_instrument(m, rows, rows_b, c)
    if kind == C.C_DEF_LISTING:
        return define_listing(m, rows, c)
    if kind == C.C_TRANSFER:
        return do_transfer(m, rows, c, ev)
    if kind == C.C_PHASE:
        return do_phase(m, rows, c, ev)
    if kind == C.C_DETERMINE:
        return do_determine(m, rows, c, ev)
    if kind == C.C_FINALISE:
        return do_finalise(m, rows, c)
    if kind == C.C_KILL:
        return do_kill(m, rows, c)
    if kind == C.C_RESTRICT:
        return do_restrict(m, rows, c)
    if kind == C.C_REFERENCE:
        return do_reference(m, rows, c)
    m[L.H_ERROR] = L.INV_ROW
    return C.OK
>>>>>>> dead


@leaf
def request(m, rows, c, kind, ev):
    """A client's row. The session is known: a gateway that names another is broken."""
    s = session_at(m, rows[c + L.CMD_SESSION_ACCOUNT] >> 32)
    if s == 0:
        m[L.H_ERROR] = L.INV_ROW
        return
    count_incoming(m, s, rows, c)
    m[L.H_COMMANDS] += 1
    if (rows[c + L.CMD_HEAD] >> 48) & L.ROWFLAG_REFUSED != 0:
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
<<<<<<< HEAD
def run(m, rows, words, ev):
=======
def run(m, rows, rows_b, words, ev):
>>>>>>> dead
    m[L.H_EVENT_USED] = 0
    while True:
        if m[L.H_RESUME] != 0 and not resume(m, rows, ev):
            return L.STEP_MORE
        if m[L.H_ERROR] != 0:
            return L.STEP_BROKEN
        c = m[L.H_CURSOR]
        if c >= words:
            return L.STEP_DONE
        if not room(m, START_ROWS):
            return L.STEP_MORE
        look_ahead(m, rows, c, words)
        head = rows[c + L.CMD_HEAD]
        kind = head & 255
        if kind == C.C_ADMIN:
            return L.STEP_PYTHON
<<<<<<< HEAD
        if kind >= C.C_DEF_ASSET:
            return L.STEP_OPERATE
        if kind == C.C_SEND and not room_for_send(m, rows, c):
=======
        if kind == C.C_SEND and not room_for_send(m, rows, c):
>>>>>>> dead
            if m[L.H_EVENT_USED] == 0:
                m[L.H_ERROR] = L.INV_ROW  # a body larger than the whole event buffer
                return L.STEP_BROKEN
            return L.STEP_MORE
        length = 1 + ((head >> 8) & 255)
        m[L.H_CURSOR] = c + length * L.CMD_WORDS
        m[L.H_ROW_SEQ] += length
        if kind == C.C_TIME:
            m[L.H_TURN] = rows[c + L.CMD_TIME_TURN]
            m[L.H_TIME] = max(m[L.H_TIME], rows[c + L.CMD_TIME_NS])
            m[L.H_REFUSE] = rows[c + L.CMD_TIME_REFUSE]
            m[L.H_TICK] = max(m[L.H_TICK], rows[c + L.CMD_TIME_TICK])
            m[L.H_CLOCK_OFFSET] = rows[c + L.CMD_TIME_OFFSET]
            m[L.H_CLOCK_BOOT] = rows[c + L.CMD_TIME_BOOT]
            m[L.H_RESUME] = L.RES_EXPIRE
        elif kind < C.C_ADMIN:
            request(m, rows, c, kind, ev)
<<<<<<< HEAD
=======
        elif kind >= C.C_DEF_ASSET:
            code = define(m, rows, rows_b, c, kind, ev)
            if code != C.OK and m[L.H_REFUSED] == 0:
                m[L.H_REFUSED] = code
>>>>>>> dead
        else:
            m[L.H_ERROR] = L.INV_ROW


<<<<<<< HEAD
@kernel("i8(i8[::1], i8[::1], i8, i8[::1])")
def step(m, rows, words, ev):
    m[L.H_EVENT_ROOM] = ev.shape[0]
    return run(words_of(m), words_of(rows), words, words_of(ev))
=======
@kernel("i8(i8[::1], i8[::1], u1[::1], i8, i8[::1])")
def step(m, rows, rows_b, words, ev):
    m[L.H_EVENT_ROOM] = ev.shape[0]
    return run(words_of(m), words_of(rows), rows_b, words, words_of(ev))
>>>>>>> dead
