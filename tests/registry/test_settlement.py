"""Settling is one act: nothing is closed or cancelled for a result that cannot be recorded or paid (on the real core)."""

from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.registry.market_view import market_view
from protocol import codes, phases
from tests.registry.test_real_engine import Turns
from tests.registry.test_registry import BASE, FINAL, RESULT, change


def settle(**fields: Any) -> ar.Settle:
    content = {field: getattr(RESULT, field) for field in RESULT.__struct_fields__}
    return ar.Settle(**{**content, "observed_at_ns": 1, "finalise": True, **fields})


def phase(turns: Turns) -> str:
    return str(market_view(turns.engine.registry, turns.engine.m, "FINAL")[0]["phase"])


@pytest.fixture
def turns() -> Turns:
    return Turns().must([*BASE, ar.SetPhase(event="FINAL", phase="open")])


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"payouts": (0, 99, 0)}, codes.R_PAYOUT_SUM, "payouts: they must sum to exactly 1 x 0.0100 = 0.0100, asked 0.0099"),
        ({"payouts": (0, 0, 0)}, codes.R_PAYOUT_SUM, "asked 0.0000"),
        ({"payouts": (100, 100, 0)}, codes.R_PAYOUT_SUM, "asked 0.0200"),
        ({"payouts": (0, 100)}, codes.R_PAYOUT_COUNT, "FINAL has 3 contracts, asked 2"),
        ({"payouts": (0, 0, 101)}, codes.R_PAYOUT_RANGE, "F-ARG pays at most 0.0100"),
        ({"version": 2}, codes.R_RESULT_VERSION, "the next one is 1"),
        ({"event": "BTC-USD", "payouts": (1,)}, codes.R_BAD_DEFINITION, "is a spot pair"),
        ({"event": "NONE"}, codes.R_UNKNOWN_EVENT, "there is no event"),
    ],
)
@pytest.mark.parametrize("before", ["open", "paused", "cancel_only"])
def test_a_wrong_result_leaves_the_market_as_it_was(turns: Turns, before: str, fields: dict[str, Any], code: int, text: str) -> None:
    if before != "open":
        turns.must([ar.SetPhase(event="FINAL", phase=before)])
    events, tables = turns.engine.event_seq, turns.engine.registry.to_bytes()
    (answer,) = turns.do(settle(**fields))
    assert answer.code == code and text in answer.text
    assert phase(turns) == before and turns.engine.event_seq == events and turns.engine.registry.to_bytes() == tables


@pytest.mark.parametrize("before", ["open", "paused", "cancel_only", "closed"])
def test_closed_determined_and_paid_in_one_act(turns: Turns, before: str) -> None:
    if before != "open":
        turns.must([ar.SetPhase(event="FINAL", phase=before)])
    (answer,) = turns.do(settle())
    assert answer.ok and phase(turns) == "final", answer
    assert answer.text == (
        "FINAL is determined (version 1), paid" if before == "closed" else "FINAL is closed, determined (version 1), paid"
    )
    kept = turns.engine.registry.events.named("FINAL").determinations[0]  # type: ignore[union-attr]
    assert kept.final_at_ns == turns.engine.time_ns and kept.record == change(RESULT, observed_at_ns=1) and kept.who == "uid:0"
    (again,) = turns.do(settle())
    assert again.code == codes.R_ALREADY_FINAL and "UTC: it has been paid" in again.text


def test_determined_only_and_paid_later(turns: Turns) -> None:
    turns.must([settle(finalise=False)])
    assert phase(turns) == "determined"
    assert turns.do(settle())[0].code == codes.R_NOT_CLOSED
    turns.must([ar.Finalise(event="FINAL")])
    assert phase(turns) == "final"


def test_a_challenge_window_is_seen_before_anything_is_closed() -> None:
    turns = Turns().must([*BASE[:-2], change(FINAL, challenge_window_ns=90 * 10**9), ar.SetPhase(event="FINAL", phase="open")])
    (answer,) = turns.do(settle())
    assert answer.code == codes.R_CHALLENGE_WINDOW and "a challenge window of 1.5 min: record the result first" in answer.text
    assert phase(turns) == "open"
    turns.must([settle(finalise=False)])
    assert phase(turns) == "determined"


def test_a_market_that_never_traded_is_not_settled() -> None:
    turns = Turns().must(BASE)
    (answer,) = turns.do(settle())
    assert (
        answer.code == codes.R_NOT_CLOSED
        and "FINAL is listed; only a market that is open, paused, closed, cancel_only or live is settled" in answer.text
    )


@pytest.mark.parametrize("before", range(phases.COUNT), ids=phases.name)
def test_every_phase_settles_or_refuses_as_the_table_says(turns: Turns, before: int) -> None:
    m, event = turns.engine.m, turns.engine.registry.events.named("FINAL")
    assert event is not None
    m[int(m[L.H_POOLS + L.P_EVENT * L.POOL_WORDS + L.PL_BASE]) + event.id * L.EVENT_WORDS + L.E_PHASE_NOW] = before
    (answer,) = turns.do(settle())
    assert answer.ok == phases.allows(before, phases.SETTLE), answer
    assert answer.ok or answer.code == codes.R_NOT_CLOSED and f"FINAL is {phases.name(before)};" in answer.text
    assert phase(turns) == ("final" if answer.ok else phases.name(before))
