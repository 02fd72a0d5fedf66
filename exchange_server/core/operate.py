"""Operator requests: the rows that the registry makes of an ADMIN record. A separate kernel, so that it compiles in parallel with step().

operate(m, rows, rows_b, words, ev) handles the registry's rows from H_CURSOR up to `words`, or up to a client's row (STEP_OPERATE: step.py
continues). `rows_b` is the byte view of `rows`. It returns the same results as step(), and finishes the work it began before STEP_DONE or
STEP_OPERATE.
"""

from protocol import codes as C

from . import layout as L
from .emit import START_ROWS, refuse, room
from .kit.bits import words_of
from .kit.jit import kernel, leaf
from .kit.rows import event_at
from .kit.work import work_row
from .layout.packed import extra_of, kind_of
from .markets.ahead import do_ahead
from .markets.bands import do_bands
from .markets.budgets import do_budget
from .markets.bust import do_bust, go_on_busting
from .markets.correct import do_reverse
from .markets.define import (
    define_account,
    define_asset,
    define_event,
    define_firm,
    define_instrument,
    define_listing,
    define_session,
    define_venue,
    drop_listing,
)
from .markets.dispute import do_dispute, do_uphold
from .markets.opening import do_opening
from .markets.outcomes import do_add_contract, go_on_granting
from .markets.pay import do_finalise
from .markets.phases import do_phase, go_on_closing
from .markets.remove import do_remove
from .markets.settle import do_determine
from .markets.slices import do_continue
from .markets.stages import go_on_settling
from .markets.switches import do_access, do_freeze, do_kill, do_reference, do_restrict
from .markets.void import do_void
from .money.transfers import do_transfer
from .orders.mass_cancel import go_on_mass

ABOUT_EVENTS = (
    (1 << C.C_PHASE)
    | (1 << C.C_DETERMINE)
    | (1 << C.C_FINALISE)
    | (1 << C.C_REVERSE)
    | (1 << C.C_BUST)
    | (1 << C.C_DISPUTE)
    | (1 << C.C_UPHOLD)
    | (1 << C.C_VOID)
)  # kinds of rows below 63 with the id of an event in word 1


@leaf
def _is_about_event(kind):
    """Whether rows of this kind have the id of an event in word 1."""
    if kind < 63:
        return (ABOUT_EVENTS >> kind) & 1 != 0
    return kind == C.C_BANDS or kind == C.C_ADD_CONTRACT or kind == C.C_AHEAD or kind == C.C_REMOVE


@leaf
def define(m, rows, rows_b, c, kind, ev):
    """Dispatch a row of the registry at rows[c]. C.OK or the code of its refusal. R_SETTLING: the event is closed to commands until all its
    accounts have been paid."""
    if _is_about_event(kind):
        event = event_at(m, rows[c + 1])
        if event != 0 and m[event + L.E_SETTLING] != 0:
            return refuse(m, C.R_SETTLING, 0, 0, rows[c + 1])
        if event != 0 and m[event + L.E_REMOVED] != 0:
            return refuse(m, C.R_MARKET_REMOVED, 0, 0, rows[c + 1])
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
    if kind == C.C_BUST:
        return do_bust(m, rows, c)
    if kind == C.C_REVERSE:
        return do_reverse(m, rows, c)
    if kind == C.C_CONTINUE:
        do_continue(m, rows, c)
        return C.OK
    if kind == C.C_AHEAD:
        return do_ahead(m, rows, c, ev)
    if kind == C.C_DISPUTE:
        return do_dispute(m, rows, c, ev)
    if kind == C.C_UPHOLD:
        return do_uphold(m, rows, c, ev)
    if kind == C.C_VOID:
        return do_void(m, rows, c, ev)
    if kind == C.C_KILL:
        return do_kill(m, rows, c)
    if kind == C.C_RESTRICT:
        return do_restrict(m, rows, c)
    if kind == C.C_FREEZE:
        return do_freeze(m, rows, c)
    if kind == C.C_ACCESS:
        return do_access(m, rows, c)
    if kind == C.C_BUDGET:
        return do_budget(m, rows, c)
    if kind == C.C_REFERENCE:
        return do_reference(m, rows, c)
    if kind == C.C_UNLIST:
        return drop_listing(m, rows, c)
    if kind == C.C_REMOVE:
        return do_remove(m, rows, c)
    if kind == C.C_OPENING:
        return do_opening(m, rows, c, ev)
    if kind == C.C_BANDS:
        return do_bands(m, rows, c, ev)
    if kind == C.C_ADD_CONTRACT:
        return do_add_contract(m, rows, c, ev)
    m[L.H_ERROR] = L.INV_ROW
    return C.OK


@leaf
def resume(m, rows, ev):
    """Continue interrupted work. False: the event buffer is full again."""
    kind = m[work_row(m) + L.W_KIND]
    if kind == L.WORK_MASS:
        return go_on_mass(m, rows, ev)
    if kind == L.WORK_CLOSE:
        return go_on_closing(m, ev)
    if kind == L.WORK_BUST:
        return go_on_busting(m, rows, ev)
    if kind == L.WORK_SETTLE:
        return go_on_settling(m, ev)
    if kind == L.WORK_GRANT:
        return go_on_granting(m, ev)
    m[L.H_ERROR] = L.INV_ROW  # `step` itself finishes the work it began
    return True


@leaf
def run(m, rows, rows_b, words, ev):
    """operate() on bare pointers. The code of the first refused row is left in H_REFUSED."""
    m[L.H_EVENT_USED] = 0
    while True:
        while m[L.H_WORK_COUNT] != 0 and m[L.H_ERROR] == 0:
            if not resume(m, rows, ev):
                return L.STEP_MORE
        if m[L.H_ERROR] != 0:
            return L.STEP_BROKEN
        c = m[L.H_CURSOR]
        if c >= words:
            return L.STEP_DONE
        head = rows[c + L.CMD_HEAD]
        kind = kind_of(head)
        if kind < C.C_DEF_ASSET:
            return L.STEP_OPERATE
        if not room(m, START_ROWS):
            return L.STEP_MORE
        length = 1 + extra_of(head)
        m[L.H_CURSOR] = c + length * L.CMD_WORDS
        m[L.H_ROW_SEQ] += length
        code = define(m, rows, rows_b, c, kind, ev)
        if code != C.OK and m[L.H_REFUSED] == 0:
            m[L.H_REFUSED] = code


@kernel("i8(i8[::1], i8[::1], u1[::1], i8, i8[::1])")
def operate(m, rows, rows_b, words, ev):
    """Handle rows of the registry. Arguments and results: see the top of this file."""
    m[L.H_EVENT_ROOM] = ev.shape[0]
    return run(words_of(m), words_of(rows), rows_b, words, words_of(ev))
