"""Results on the core and the naive exchange: replaced, disputed, upheld, voided; each step followed to the money."""

from typing import Any

import pytest

from protocol import codes as C
from tests.core_rig import PairStory

WINDOW = 60  # seconds


def group(**event: Any) -> PairStory:
    """Exactly 1 of 3 with a window; firm 1 has 10 sets, and long 10 of the first contract from firm 2; orders rest on both sides."""
    s = PairStory(firms=3, product=C.EXACTLY, n=3, k=1, window=WINDOW * 10**9, **event)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=10)
    s.new(1, C.BUY, 10, 40)
    s.new(2, C.SELL, 10, 40)
    s.new(1, C.BUY, 5, 30)
    s.new(2, C.SELL, 5, 60, instrument=2)
    return s


def closed() -> PairStory:
    s = group()
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    return s


def determined() -> PairStory:
    s = closed()
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[100, 0, 0])
    return s


def disputed() -> PairStory:
    s = determined()
    s.do(C.C_DISPUTE, event=1, version=1, firm=2)
    return s


def voided() -> PairStory:
    s = group()
    s.do(C.C_VOID, event=1, version=1, payouts=[34, 33, 33])
    return s


def phase(s: PairStory) -> int:
    return int(s.model.events[1].phase)


def test_a_result_is_replaced_and_the_last_one_is_paid() -> None:
    s = determined()
    s.later(50)
    (event,) = s.do(C.C_DETERMINE, event=1, version=2, payouts=[0, 100, 0])
    assert (event.kind, event.qty, event.price) == (C.E_DETERMINED, 2, s.model.now + WINDOW * 10**9), "a new version has its own window"
    s.later(WINDOW - 1)
    assert s.do(C.C_FINALISE, event=1, version=2) == [] and s.pair.core.refused == C.R_CHALLENGE_WINDOW
    s.later(1)
    assert s.do(C.C_FINALISE, event=1, version=1) == [] and s.pair.core.refused == C.R_NOT_DETERMINED
    events = s.do(C.C_FINALISE, event=1, version=2)
    assert {e.leaves for e in events if e.kind == C.E_SETTLED} == {2} and s.model.events[1].pool == 0
    assert s.cash(1) == 1_000_000 - 400 and s.cash(2) == 1_000_000 + 400, "the sets pay what they cost, the first contract nothing"


def test_a_dispute_is_upheld_and_its_window_ends() -> None:
    s = disputed()
    assert phase(s) == C.PH_DISPUTED
    s.do(C.C_DISPUTE, event=1, version=1, firm=1)
    assert s.pair.core.refused == 0, "another party may dispute it too"
    s.later(3 * WINDOW)
    assert s.do(C.C_FINALISE, event=1, version=1) == [] and s.pair.core.refused == C.R_NOT_DETERMINED
    (event,) = s.do(C.C_UPHOLD, event=1, version=1)
    assert (event.kind, event.qty, event.price) == (C.E_DETERMINED, 1, s.model.now)
    s.do(C.C_FINALISE, event=1, version=1)
    assert phase(s) == C.PH_FINAL


def test_a_disputed_result_is_corrected_and_can_be_disputed_again() -> None:
    s = disputed()
    s.later(10 * WINDOW)
    s.do(C.C_DETERMINE, event=1, version=2, payouts=[50, 50, 0])
    s.do(C.C_DISPUTE, event=1, version=2, firm=2)
    assert phase(s) == C.PH_DISPUTED and s.pair.core.refused == 0


def test_a_void_cancels_what_rests_and_pays_by_its_prices() -> None:
    s = group()
    events = s.do(C.C_VOID, event=1, version=1, payouts=[34, 33, 33], trigger=5)
    assert [(e.kind, e.reason) for e in events] == [(C.E_VOIDED, 0), (C.E_CANCELED, C.R_MARKET_VOIDED), (C.E_CANCELED, C.R_MARKET_VOIDED)]
    assert events[0].cum == 5 and not s.model.open
    s.later(WINDOW)
    s.do(C.C_FINALISE, event=1, version=1)
    assert phase(s) == C.PH_FINAL and s.cash(1) == 1_000_000 - 400 + 340


def test_a_void_is_disputed_upheld_and_corrected() -> None:
    s = voided()
    s.do(C.C_DISPUTE, event=1, version=1, firm=2)
    (event,) = s.do(C.C_UPHOLD, event=1, version=1)
    assert event.kind == C.E_VOIDED and phase(s) == C.PH_VOIDED, "a void that is upheld stays one"
    s.do(C.C_DETERMINE, event=1, version=2, payouts=[0, 0, 100])
    assert phase(s) == C.PH_DETERMINED


def test_sources_that_differ_leave_nothing_to_uphold() -> None:
    s = closed()
    (event,) = s.do(C.C_DISPUTE, event=1, version=0)
    assert (event.kind, event.price, event.qty) == (C.E_DISPUTED, 0, 0)
    assert s.do(C.C_UPHOLD, event=1, version=0) == [] and s.pair.core.refused == C.R_NOTHING_TO_UPHOLD
    assert s.do(C.C_DISPUTE, event=1, version=0, firm=1) == [] and s.pair.core.refused == C.R_NOT_DISPUTABLE
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[100, 0, 0])
    assert phase(s) == C.PH_DETERMINED


def final() -> PairStory:
    s = determined()
    s.later(WINDOW)
    s.do(C.C_FINALISE, event=1, version=1)
    return s


def late() -> PairStory:
    s = determined()
    s.later(WINDOW)
    return s


PAID = {"payouts": [100, 0, 0]}


@pytest.mark.parametrize(
    ("world", "kind", "fields", "reason"),
    [
        (determined, C.C_DISPUTE, {"version": 1, "firm": 3}, C.R_NO_PARTY),
        (determined, C.C_DISPUTE, {"version": 1, "firm": 77}, C.R_NO_PARTY),
        (determined, C.C_DISPUTE, {"version": 2, "firm": 2}, C.R_RESULT_VERSION),
        (late, C.C_DISPUTE, {"version": 1, "firm": 2}, C.R_DISPUTE_LATE),
        (late, C.C_DISPUTE, {"version": 2, "firm": 2}, C.R_RESULT_VERSION),
        (late, C.C_DISPUTE, {"version": 1, "firm": 3}, C.R_DISPUTE_LATE),
        (closed, C.C_DISPUTE, {"version": 0, "firm": 2}, C.R_NOT_DISPUTABLE),
        (group, C.C_DISPUTE, {"version": 0}, C.R_NOT_DISPUTABLE),
        (final, C.C_DISPUTE, {"version": 1, "firm": 2}, C.R_NOT_DISPUTABLE),
        (voided, C.C_DISPUTE, {"version": 1}, C.R_NOT_DISPUTABLE),
        (determined, C.C_DISPUTE, {"event": 2, "version": 1, "firm": 2}, C.R_UNKNOWN_EVENT),
        (determined, C.C_UPHOLD, {"version": 1}, C.R_NOT_DISPUTED),
        (disputed, C.C_UPHOLD, {"version": 2}, C.R_RESULT_VERSION),
        (disputed, C.C_UPHOLD, {"event": 9, "version": 1}, C.R_UNKNOWN_EVENT),
        (final, C.C_UPHOLD, {"version": 1}, C.R_NOT_DISPUTED),
        (voided, C.C_VOID, {"version": 2, **PAID}, C.R_NOT_VOIDABLE),
        (final, C.C_VOID, {"version": 2, **PAID}, C.R_NOT_VOIDABLE),
        (group, C.C_VOID, {"version": 2, **PAID}, C.R_RESULT_VERSION),
        (group, C.C_VOID, {"version": 1, "payouts": [50, 49, 0]}, C.R_PAYOUT_SUM),
        (group, C.C_VOID, {"version": 1, "payouts": [101, 0, 0]}, C.R_PAYOUT_RANGE),
        (group, C.C_VOID, {"version": 1, "payouts": [100, 0]}, C.R_PAYOUT_COUNT),
        (group, C.C_VOID, {"event": 9, "version": 1, **PAID}, C.R_UNKNOWN_EVENT),
        (final, C.C_DETERMINE, {"version": 2, **PAID}, C.R_ALREADY_FINAL),
        (group, C.C_DETERMINE, {"version": 1, **PAID}, C.R_NOT_CLOSED),
    ],
)
def test_what_is_refused_changes_nothing(world: Any, kind: int, fields: dict[str, Any], reason: int) -> None:
    s = world()
    digest = s.pair.core.engine.digest()
    assert s.do(kind, **{"event": 1, **fields}) == [] and s.pair.core.refused == reason
    assert s.pair.core.engine.digest() == digest


def test_a_spot_pair_has_no_result() -> None:
    s = PairStory(product=C.SPOT)
    for kind, fields in ((C.C_DISPUTE, {}), (C.C_UPHOLD, {}), (C.C_VOID, {"payouts": [1]})):
        assert s.do(kind, event=1, version=0, **fields) == [] and s.pair.core.refused == C.R_UNKNOWN_EVENT
