"""Every cell of the tables of phases, tried on the real core and on the naive exchange: what a phase allows, and what may follow it."""

from typing import Any

import pytest

from exchange_server.core import layout as L
from protocol import codes as C
from protocol import phases as P
from tests.arena import rows_by_id
from tests.core_rig import PairStory
from tests.model_world import Row

ALL = range(P.COUNT)
RESULTS = (P.AHEAD, P.DETERMINE, P.CORRECT, P.DISPUTE, P.UPHOLD, P.VOID, P.FINALISE)
# REST is tried below, SETTLE in tests/registry/test_settlement.py. To the core a correction is a determination (registry/settlement.py tells them apart).
ACTIONS = (P.NEW, P.REPLACE, P.CANCEL, P.MATCH, P.SPLIT, P.MERGE, *(action for action in RESULTS if action != P.CORRECT))
CELLS = [(phase, action) for phase in ALL for action in ACTIONS]


def world() -> PairStory:
    """Two contracts of which one pays; firm 1 rests a buy (id 1), firm 2 a sell (id 2); firm 1 has a few complete sets."""
    s = PairStory(product=C.EXACTLY, n=2, k=1)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=5)
    s.new(1, C.BUY, 10, 40)
    s.new(2, C.SELL, 10, 60)
    return s


def bring(s: PairStory, phase: int) -> None:
    """The market is in this phase, however it got there."""
    m = s.pair.core.m
    (event,) = rows_by_id(m, L.P_EVENT)
    m[event + L.E_PHASE_NOW] = phase
    for j in range(int(m[event + L.E_N])):
        m[int(m[event + L.E_FIRST]) + j * L.INSTRUMENT_WORDS + L.I_PHASE] = phase
    s.model.events[1].phase = phase


def kinds(events: list[Any]) -> list[tuple[int, int]]:
    return [(event.kind, event.reason) for event in events]


def result(action: str, phase: int) -> tuple[bool, int]:
    """An act about the result of a market that was determined once and then brought into the phase."""
    s = PairStory(product=C.EXACTLY, n=3, k=1, window=5 * 10**9 if action == P.DISPUTE else 0)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=5)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[100, 0, 0])
    bring(s, phase)
    kind, fields = {
        P.AHEAD: (C.C_AHEAD, {"version": 2, "instrument": 2, "act": C.AHEAD_DETERMINE}),
        P.DETERMINE: (C.C_DETERMINE, {"version": 2, "payouts": [0, 100, 0]}),
        P.DISPUTE: (C.C_DISPUTE, {"version": 1, "firm": 1}),
        P.UPHOLD: (C.C_UPHOLD, {"version": 1}),
        P.VOID: (C.C_VOID, {"version": 2, "payouts": [50, 50, 0]}),
        P.FINALISE: (C.C_FINALISE, {"version": 1}),
    }[action]
    events = s.do(kind, event=1, **fields)
    refused = s.pair.core.refused
    assert (refused == 0) == bool(events)
    assert s.model.events[1].phase == (phase if refused or action == P.AHEAD else P.LEADS_TO[action][0])
    return refused == 0, refused


def tried(action: str, phase: int) -> tuple[bool, int]:
    """Was it done, and the reason if not."""
    if action in RESULTS:
        return result(action, phase)
    s = world()
    bring(s, phase)
    if action == P.NEW:
        events = s.new(1, C.BUY, 1, 30)
    elif action == P.MATCH:
        events = s.new(1, C.BUY, 1, 60)
        return C.E_FILL in [event.kind for event in events], events[0].reason
    elif action == P.REPLACE:
        events = s.do(
            C.C_REPLACE, session=1, id=50, orig=1, instrument=1, side=C.BUY, contract_side=C.YES, type=C.LIMIT, tif=C.GTC, price=41, qty=10
        )
    elif action == P.CANCEL:
        events = s.do(C.C_CANCEL, session=1, id=50, orig=1)
        mass = s.do(C.C_MASS_CANCEL, session=2, id=51, scope=C.SCOPE_SESSION)
        assert [event.kind for event in mass] == [C.E_CANCELED, C.E_MASS_DONE]
    else:
        events = s.do(C.C_SPLIT if action == P.SPLIT else C.C_MERGE, session=1, instrument=1, sets=1)
    done = events[0].kind in (C.E_ACCEPTED, C.E_REPLACED, C.E_CANCELED, C.E_MOVED)
    return done, events[0].reason


@pytest.mark.parametrize(("phase", "action"), CELLS, ids=lambda value: P.name(value) if isinstance(value, int) else value)
def test_what_a_phase_allows(phase: int, action: str) -> None:
    done, reason = tried(action, phase)
    corrected = action == P.DETERMINE and P.allows(phase, P.CORRECT) and phase != C.PH_FINAL
    assert done == (P.allows(phase, action) or corrected)
    if not done:
        refusals = {
            P.AHEAD: (C.R_NOT_AHEAD,) * P.COUNT,
            P.DETERMINE: P.DETERMINE_REFUSALS,
            P.FINALISE: P.FINALISE_REFUSALS,
            P.DISPUTE: (C.R_NOT_DISPUTABLE,) * P.COUNT,
            P.UPHOLD: (C.R_NOT_DISPUTED,) * P.COUNT,
            P.VOID: (C.R_NOT_VOIDABLE,) * P.COUNT,
        }.get(action, P.ORDER_REFUSALS)
        assert reason == refusals[phase]


@pytest.mark.parametrize("old", ALL, ids=P.name)
def test_what_may_follow(old: int) -> None:
    """Every phase as the next one, also numbers that are none."""
    for new in (*ALL, -1, P.COUNT, 63, 64, 1 << 40):
        s = world()
        bring(s, old)
        events = s.do(C.C_PHASE, event=1, phase=new)
        if new in ALL and P.may_set(old, new):
            assert s.pair.core.refused == 0 and (events[0].kind, events[0].price, events[0].qty) == (C.E_PHASE, old, new)
        else:
            assert s.pair.core.refused == C.R_BAD_TRANSITION and events == [], (old, new)


@pytest.mark.parametrize("new", P.SET_BY_NAME, ids=P.name)
def test_what_becomes_of_orders_that_rest(new: int) -> None:
    """With the step into a phase in which they may not, they are canceled."""
    steps = [old for old in ALL if P.may_set(old, new) and P.allows(old, P.REST)]
    for old in steps:
        s = world()
        bring(s, old)
        gone = [event for event in s.do(C.C_PHASE, event=1, phase=new) if event.kind == C.E_CANCELED]
        assert [event.reason for event in gone] == ([] if P.allows(new, P.REST) else [C.R_MARKET_CLOSING] * 2), P.name(old)
    assert steps or not P.allows(new, P.REST)


def test_a_market_in_no_known_phase_is_not_made() -> None:
    core = PairStory(opened=False).pair.core
    for phase in (-1, P.COUNT):
        fields = {"id": 2, "product": C.AT_MOST, "k": 1, "n": 1, "asset": 1, "payout": 100, "tick_value": 1, "owner_venue": 1}
        assert core.apply(Row(fields, kind=C.C_DEF_EVENT, base_asset=0, window=0, lot_base=0, phase=phase)) == []
        assert core.refused == C.R_BAD_DEFINITION
