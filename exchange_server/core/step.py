"""The core on one screen: rows in, event rows out, a cursor in the state when the event buffer is full.

step(m, mb, rows, rows_b, words, ev) handles command rows from H_CURSOR (a word offset in `rows`) up to `words`. `mb` and `rows_b` are byte views of `m` and
`rows`. It answers STEP_DONE, STEP_MORE (drain `ev`, H_EVENT_USED words, and call again with the same rows), STEP_PYTHON (an ADMIN record is at
H_CURSOR: the engine applies it and moves the cursor) or STEP_BROKEN (an invariant failed: stop the process).
"""

from protocol.codes import (
    C_ADMIN,
    C_CANCEL,
    C_CUTOFF,
    C_DEF_ACCOUNT,
    C_DEF_ASSET,
    C_DEF_EVENT,
    C_DEF_FIRM,
    C_DEF_INSTRUMENT,
    C_DEF_LISTING,
    C_DEF_SESSION,
    C_DEF_VENUE,
    C_DETERMINE,
    C_FINALISE,
    C_KILL,
    C_LOGOFF,
    C_LOGON,
    C_MASS_CANCEL,
    C_MERGE,
    C_NEW,
    C_PHASE,
    C_REPLACE,
    C_RESTRICT,
    C_SEND,
    C_SET_IN,
    C_SPLIT,
    C_STATUS,
    C_TIME,
    C_TRANSFER,
    E_EXPIRED,
    EF_UNSOLICITED,
    OK,
    R_EXPIRED,
    ST_EXPIRED,
)

from .bits import words_of
from .define import (
    define_account,
    define_asset,
    define_event,
    define_firm,
    define_instrument,
    define_listing,
    define_session,
    define_venue,
    do_kill,
    do_reference,
    do_restrict,
    do_transfer,
)
from .emit import room
from .fix_requests import add_request_id, refuse_unread
from .jit import kernel, leaf
from .mass_cancel import do_mass_cancel, go_on_mass
from .match import go_on_matching
from .orders import take_out
from .phases import do_phase, go_on_closing
from .pools import pool_base, session_at
from .prefetch import look_ahead
from .records import (
    BK_HEAD,
    BK_TIME,
    CMD_HEAD,
    CMD_SESSION_ACCOUNT,
    CMD_TIME_BOOT,
    CMD_TIME_NS,
    CMD_TIME_OFFSET,
    CMD_TIME_REFUSE,
    CMD_TIME_TICK,
    CMD_TIME_TURN,
    CMD_WORDS,
    H_CLOCK_BOOT,
    H_CLOCK_OFFSET,
    H_COMMANDS,
    H_CURSOR,
    H_ERROR,
    H_EVENT_ROOM,
    H_EVENT_USED,
    H_HEAP_SIZE,
    H_REFUSE,
    H_REFUSED,
    H_RESUME,
    H_ROW_SEQ,
    H_TICK,
    H_TIME,
    H_TURN,
    INV_ROW,
    P_HEAP,
    RES_CLOSE,
    RES_EXPIRE,
    RES_MASS,
    RES_MATCH,
    ROWFLAG_REFUSED,
    STEP_BROKEN,
    STEP_DONE,
    STEP_MORE,
    STEP_PYTHON,
)
from .replace import do_replace
from .requests import START_ROWS, do_cancel, do_new, do_status
from .sessions import count_incoming, do_logoff, do_logon, do_send, do_set_in, room_for_send
from .sets import do_sets
from .settle import do_determine, do_finalise, go_on_settling


@leaf
def go_on_expiring(m, ev):
    """Everything with expiry <= now, by (expiry, entry)."""
    base = pool_base(m, P_HEAP)
    while m[H_HEAP_SIZE] > 0:
        bucket = m[base]
        if m[bucket + BK_TIME] > m[H_TIME]:
            break
        if not room(m, ev, 2):
            return False
        take_out(m, ev, m[bucket + BK_HEAD], E_EXPIRED, ST_EXPIRED, R_EXPIRED, EF_UNSOLICITED)
    m[H_RESUME] = 0
    return True


@leaf
def resume(m, rows, ev):
    """Go on with interrupted work. False: the event buffer is full again."""
    what = m[H_RESUME]
    if what == RES_MATCH:
        return go_on_matching(m, ev)
    if what == RES_MASS:
        return go_on_mass(m, rows, ev)
    if what == RES_EXPIRE:
        return go_on_expiring(m, ev)
    if what == RES_CLOSE:
        return go_on_closing(m, ev)
    return go_on_settling(m, ev)


@leaf
def define(m, mb, rows, rows_b, c, kind, ev):
    """A row of the registry's; OK or the code of its refusal."""
    if kind == C_DEF_ASSET:
        return define_asset(m, rows, c)
    if kind == C_DEF_VENUE:
        return define_venue(m, rows, c)
    if kind == C_DEF_FIRM:
        return define_firm(m, rows, c)
    if kind == C_DEF_ACCOUNT:
        return define_account(m, mb, rows, rows_b, c)
    if kind == C_DEF_SESSION:
        return define_session(m, rows, c)
    if kind == C_DEF_EVENT:
        return define_event(m, rows, c)
    if kind == C_DEF_INSTRUMENT:
        return define_instrument(m, mb, rows, rows_b, c)
    if kind == C_DEF_LISTING:
        return define_listing(m, rows, c)
    if kind == C_TRANSFER:
        return do_transfer(m, rows, c, ev)
    if kind == C_PHASE:
        return do_phase(m, rows, c, ev)
    if kind == C_DETERMINE:
        return do_determine(m, rows, c, ev)
    if kind == C_FINALISE:
        return do_finalise(m, rows, c)
    if kind == C_KILL:
        return do_kill(m, rows, c)
    if kind == C_RESTRICT:
        return do_restrict(m, rows, c)
    return do_reference(m, rows, c)


@leaf
def request(m, rows, c, kind, ev):
    """A client's row. The session is known: a gateway that names another is broken."""
    s = session_at(m, rows[c + CMD_SESSION_ACCOUNT] >> 32)
    if s == 0:
        m[H_ERROR] = INV_ROW
        return
    count_incoming(m, s, rows, c)
    m[H_COMMANDS] += 1
    if (rows[c + CMD_HEAD] >> 48) & ROWFLAG_REFUSED != 0:
        refuse_unread(m, s, rows, c, ev, kind)
    elif kind == C_NEW:
        do_new(m, rows, c, ev)
    elif kind == C_CANCEL:
        do_cancel(m, rows, c, ev)
    elif kind == C_REPLACE:
        do_replace(m, rows, c, ev)
    elif kind == C_MASS_CANCEL:
        do_mass_cancel(m, rows, c, ev)
    elif kind == C_STATUS:
        e = m[H_EVENT_USED]
        do_status(m, rows, c, ev)
        add_request_id(m, rows, c, ev, e)
    elif kind == C_SPLIT or kind == C_MERGE:
        do_sets(m, rows, c, ev, kind)
    elif kind == C_LOGON:
        do_logon(m, rows, c, ev)
    elif kind == C_LOGOFF:
        do_logoff(m, rows, c, ev)
    elif kind == C_SET_IN:
        do_set_in(m, rows, c)
    else:
        do_send(m, rows, c, ev)


@leaf
def run(m, mb, rows, rows_b, words, ev):
    m[H_EVENT_USED] = 0
    while True:
        if m[H_RESUME] != 0 and not resume(m, rows, ev):
            return STEP_MORE
        if m[H_ERROR] != 0:
            return STEP_BROKEN
        c = m[H_CURSOR]
        if c >= words:
            return STEP_DONE
        if not room(m, ev, START_ROWS):
            return STEP_MORE
        look_ahead(m, rows, c, words)
        head = rows[c + CMD_HEAD]
        kind = head & 255
        if kind == C_ADMIN:
            return STEP_PYTHON
        if kind == C_SEND and not room_for_send(m, rows, c, ev):
            if m[H_EVENT_USED] == 0:
                m[H_ERROR] = INV_ROW  # a body larger than the whole event buffer
                return STEP_BROKEN
            return STEP_MORE
        length = 1 + ((head >> 8) & 255)
        m[H_CURSOR] = c + length * CMD_WORDS
        m[H_ROW_SEQ] += length
        if kind == C_TIME:
            m[H_TURN] = rows[c + CMD_TIME_TURN]
            m[H_TIME] = max(m[H_TIME], rows[c + CMD_TIME_NS])
            m[H_REFUSE] = rows[c + CMD_TIME_REFUSE]
            m[H_TICK] = max(m[H_TICK], rows[c + CMD_TIME_TICK])
            m[H_CLOCK_OFFSET] = rows[c + CMD_TIME_OFFSET]
            m[H_CLOCK_BOOT] = rows[c + CMD_TIME_BOOT]
            m[H_RESUME] = RES_EXPIRE
        elif C_NEW <= kind <= C_STATUS or C_LOGON <= kind <= C_SET_IN:
            request(m, rows, c, kind, ev)
        elif C_DEF_ASSET <= kind < C_CUTOFF:
            code = define(m, mb, rows, rows_b, c, kind, ev)
            if code != OK and m[H_REFUSED] == 0:
                m[H_REFUSED] = code
        else:
            m[H_ERROR] = INV_ROW


@kernel("i8(i8[::1], u1[::1], i8[::1], u1[::1], i8, i8[::1])")
def step(m, mb, rows, rows_b, words, ev):
    m[H_EVENT_ROOM] = ev.shape[0]
    return run(words_of(m), mb, words_of(rows), rows_b, words, words_of(ev))
