"""One slice of what an event is going through: its stages in order (E_SETTLING)."""

from protocol import codes as C

from .. import layout as L
from ..emit import room
from ..kit.jit import leaf
from ..kit.work import end_work, work_row
from .ahead import end_ahead, pay_ahead
from .correct import after_dividing, after_paying, divide, end_correction, find_threshold, go_through, stand_in
from .debts import COVER_ROWS, is_short
from .pay import end_paying, pay
from .slices import DONE, FULL, begin_stage, end_settling


@leaf
def _go_on_with(m, ev, w, event, stage):
    """FULL, STOP or DONE."""
    if stage == L.SETTLE_PAY:
        return pay(m, ev, w, event)
    if stage == L.SETTLE_AHEAD:
        return pay_ahead(m, ev, w, event)
    if stage == L.SETTLE_SHARE:
        return divide(m, w, event)
    if stage == L.SETTLE_ROUND:
        return find_threshold(m, w, event)
    return go_through(m, ev, w, event)


@leaf
def go_on_settling(m, ev):
    """Continue the current slice. False: the event buffer is full, call again."""
    w = work_row(m)
    event = m[w + L.WS_EVENT]
    while m[event + L.E_SETTLING] != 0 and m[L.H_ERROR] == 0:
        stage = m[event + L.E_SETTLING]
        ended = _go_on_with(m, ev, w, event, stage)
        if ended == DONE and not room(m, COVER_ROWS):
            ended = FULL
        if ended == FULL:
            return False
        if ended != DONE:
            break
        if stage == L.SETTLE_TAKE:
            stand_in(m, ev, event, m[event + L.E_GAINS])
        elif stage == L.SETTLE_PAY and is_short(m, event):
            after_paying(m, ev, event)
        elif stage == L.SETTLE_SHARE:
            after_dividing(m, event)
        elif stage == L.SETTLE_ROUND:
            begin_stage(m, event, L.SETTLE_GIVE)
        else:
            if stage == L.SETTLE_AHEAD:
                end_ahead(m, ev, event)
            elif m[event + L.E_PHASE_NOW] != C.PH_FINAL:
                end_paying(m, ev, event)
            else:
                end_correction(m, ev, event)
            end_settling(m, event)
    end_work(m)
    return True
