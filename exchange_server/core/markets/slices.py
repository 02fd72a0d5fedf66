"""The list of events that are being settled or corrected, a slice in each turn.

The act itself takes the first slice at once, so a small event is done in one act. The rest goes on by C_CONTINUE rows, which the turn adds
while H_SETTLING is not 0; the rows of others run in between. Until the last slice the event takes no command (R_SETTLING). How long a slice
is follows from the rows alone, so a replay takes the same ones. Where it stands is in the event's row, so a slice may begin after a restart.
"""

from protocol import codes as C

from .. import layout as L
from ..emit import begin_event
from ..kit.jit import leaf
from ..kit.rows import session_at
from ..kit.work import begin_work
from ..layout.packed import pack_event

FULL, STOP, DONE = 0, 1, 2  # how a stage of a slice ends: no room for events, no steps left, nothing left to do
WITHOUT_END = 1 << 62


@leaf
def do_continue(m, rows, c):
    """Take the next slice of the event that has been waiting longest; nothing if there is none."""
    event = m[L.H_SETTLING]
    if event != 0:
        begin_slice(m, event, rows[c + L.CMD_SLICE])


@leaf
def put_last(m, first, last, link, event):
    """Add an event (pointer) at the end of a list: the header's words of its first and last event, and the word that links them."""
    if m[first] == 0:
        m[first] = event
    else:
        m[m[last] + link] = event
    m[last] = event


@leaf
def begin_settling(m, event, stage, steps):
    """Put the event (pointer) on the list, closed to all commands, and begin its first slice."""
    begin_stage(m, event, stage)
    put_last(m, L.H_SETTLING, L.H_SETTLING_LAST, L.E_SETTLE_NEXT, event)
    begin_slice(m, event, steps)


@leaf
def begin_slice(m, event, steps):
    """Begin a slice of so many steps; 0: of all that are left."""
    w = begin_work(m, L.WORK_SETTLE)
    m[w + L.WS_EVENT] = event
    m[w + L.WS_LEFT] = steps if steps > 0 else WITHOUT_END


@leaf
def begin_stage(m, event, stage):
    """Begin a stage with the account that touched the event (pointer) first."""
    m[event + L.E_SETTLING] = stage
    m[event + L.E_SETTLE_ROW] = m[event + L.E_COLL_HEAD]
    m[event + L.E_SETTLE_CONTRACT] = 0


@leaf
def next_row(m, event, co):
    """The account of collateral row `co` is done: go to the next."""
    m[event + L.E_SETTLE_ROW] = m[co + L.CO_NEXT_IN_EVENT]
    m[event + L.E_SETTLE_CONTRACT] = 0


@leaf
def end_settling(m, event):
    """Take the event (pointer) off the list: it need not be the first, because a small one may begin and end while a large one waits."""
    before = 0
    at = m[L.H_SETTLING]
    while at != event:
        before = at
        at = m[at + L.E_SETTLE_NEXT]
    after = m[event + L.E_SETTLE_NEXT]
    if before == 0:
        m[L.H_SETTLING] = after
    else:
        m[before + L.E_SETTLE_NEXT] = after
    if after == 0:
        m[L.H_SETTLING_LAST] = before
    m[event + L.E_SETTLE_NEXT] = 0
    m[event + L.E_SETTLING] = 0


@leaf
def make_final(m, ev, event):
    """The event (pointer) is final under its newest version: E_FINAL, and the registry is told."""
    m[event + L.E_SETTLE_ID] = m[event + L.E_VERSION]
    m[event + L.E_FINAL_AT] = m[L.H_TIME]
    tell_registry(m, event)
    e = begin_event(m, ev, pack_event(C.E_FINAL, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + L.EVT_FINAL_EVENT] = m[event]
    ev[e + L.EVT_FINAL_VERSION] = m[event + L.E_VERSION]


@leaf
def tell_registry(m, event):
    """The last account has been paid: for the event (pointer), or for the contract in E_PAYING, which the registry then clears."""
    m[event + L.E_FINALS_NEXT] = m[L.H_FINALS]
    m[L.H_FINALS] = event


@leaf
def reported_session(m, account):
    """Session (id) that gets the settlement reports of an account (pointer): only one that requested them; 0: none, they are recorded."""
    session = m[account + L.AC_SESSION]
    s = session_at(m, session)
    return session if s != 0 and m[s + L.S_FLAGS] & L.SF_SETTLEMENT != 0 else 0
