"""A result is contested, and upheld (domain.md section 7). A correction is a new determination (settle.py: do_determine).

Who may dispute once, and who is the arbiter, is checked by the registry (registry/disputes.py).
"""

from protocol import codes as C
from protocol import phases as P

from .. import layout as L
from ..emit import begin_event, refuse
from ..kit.jit import leaf
from ..kit.rows import event_at, firm_at
from ..layout import definitions as d
from ..layout.packed import pack_event
from ..money.products import is_settled
from .parties import has_position
from .phases import set_event_phase
from .settle import tell_result

DISPUTE_PHASES, UPHOLD_PHASES, SOURCES_PHASES = P.mask(P.DISPUTE), P.mask(P.UPHOLD), P.mask(P.DETERMINE)


@leaf
def do_dispute(m, rows, c, ev):
    """A firm contests the newest version while its window is open; firm 0: two sources differ. R_UNKNOWN_EVENT, R_NOT_DISPUTABLE,
    R_RESULT_VERSION, R_DISPUTE_LATE, R_NO_PARTY (asked: the firm)."""
    event = event_at(m, rows[c + d.DQ_EVENT])
    if event == 0 or not is_settled(m, event):
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DQ_EVENT])
    phase = m[event + L.E_PHASE_NOW]
    i = rows[c + d.DQ_FIRM]
    allowed = SOURCES_PHASES if i == 0 else DISPUTE_PHASES
    if (allowed >> phase) & 1 == 0 or (i != 0 and m[event + L.E_RESULT] == 0):
        return refuse(m, C.R_NOT_DISPUTABLE, 0, 0, phase)
    if rows[c + d.DQ_VERSION] != m[event + L.E_VERSION]:
        return refuse(m, C.R_RESULT_VERSION, m[event + L.E_VERSION], 0, rows[c + d.DQ_VERSION])
    if i != 0:
        if m[L.H_TIME] >= m[event + L.E_WINDOW_END]:
            return refuse(m, C.R_DISPUTE_LATE, m[event + L.E_WINDOW_END], 0, m[L.H_TIME])
        firm = firm_at(m, i)
        if firm == 0 or not has_position(m, event, firm):
            return refuse(m, C.R_NO_PARTY, 0, 0, i)
    set_event_phase(m, event, C.PH_DISPUTED)
    e = begin_event(m, ev, pack_event(C.E_DISPUTED, 0, 0, 0, 0, 0), 0, 0, False)
    ev[e + L.EVT_DISPUTED_EVENT] = m[event]
    ev[e + L.EVT_DISPUTED_FIRM] = i
    ev[e + L.EVT_DISPUTED_VERSION] = m[event + L.E_VERSION]
    return C.OK


@leaf
def do_uphold(m, rows, c, ev):
    """The disputed version stands and its window ends now. R_UNKNOWN_EVENT, R_NOT_DISPUTED, R_NOTHING_TO_UPHOLD (sources differ, there is no
    version), R_RESULT_VERSION."""
    event = event_at(m, rows[c + d.DX_EVENT])
    if event == 0 or not is_settled(m, event):
        return refuse(m, C.R_UNKNOWN_EVENT, 0, 0, rows[c + d.DX_EVENT])
    phase = m[event + L.E_PHASE_NOW]
    if (UPHOLD_PHASES >> phase) & 1 == 0:
        return refuse(m, C.R_NOT_DISPUTED, 0, 0, phase)
    result = m[event + L.E_RESULT]
    if result == 0:
        return refuse(m, C.R_NOTHING_TO_UPHOLD, 0, 0, phase)
    if rows[c + d.DX_VERSION] != m[event + L.E_VERSION]:
        return refuse(m, C.R_RESULT_VERSION, m[event + L.E_VERSION], 0, rows[c + d.DX_VERSION])
    m[event + L.E_WINDOW_END] = m[L.H_TIME]
    set_event_phase(m, event, result)
    tell_result(m, ev, event, C.E_VOIDED if result == C.PH_VOIDED else C.E_DETERMINED)
    return C.OK
