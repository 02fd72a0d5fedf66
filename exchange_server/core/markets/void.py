"""An event ends without a result and pays by its declared policy (domain.md section 7). The registry makes prices into payouts (registry/voids.py)."""

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..emit import refuse
from ..kit.jit import leaf
from ..kit.rows import event_at
from ..layout import definitions as d
from ..money.products import is_settled
from .ahead import check_ahead
from .phases import begin_closing, set_event_phase
from .settle import check_payouts, take_payouts, tell_result

VOID_PHASES = P.mask(P.VOID)


@leaf
def do_void(m, rows, c, ev):
    """Set the payouts of a void, start its challenge window and cancel all that rests. R_UNKNOWN_EVENT, R_NOT_VOIDABLE, or a refusal of its
    payouts (check_payouts, check_ahead)."""
    event = event_at(m, rows[c + d.DD_EVENT])
    if event == 0 or not is_settled(m, event):
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DD_EVENT])
    phase = m[event + L.E_PHASE_NOW]
    if (VOID_PHASES >> phase) & 1 == 0:
        return refuse(m, C.R_NOT_VOIDABLE, 0, 0, phase)
    code = check_payouts(m, rows, c, event)
    if code == C.OK:
        code = check_ahead(m, rows, c, event)
    if code != C.OK:
        return code
    take_payouts(m, rows, c, event, C.PH_VOIDED)
    set_event_phase(m, event, C.PH_VOIDED)
    e = tell_result(m, ev, event, C.E_VOIDED)
    ev[e + L.EVT_VOIDED_TRIGGER] = rows[c + d.DD_TRIGGER]
    begin_closing(m, event, C.R_MARKET_VOIDED)
    return C.OK
