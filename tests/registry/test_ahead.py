"""Contracts that are determined ahead of their group, on the real core: versions, windows, agreement, what is refused by name."""

from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.engine import Engine
from protocol import codes
from tests.registry.access_world import one_of
from tests.registry.test_disputes import Court, correct, due, result
from tests.registry.test_registry import BASE, FINAL, change
from tests.registry.test_voids import void


def one(symbol: str = "F-DRAW", payout: int = 0, **fields: Any) -> Any:
    return change(one_of("FINAL", symbol, payout), **{"observed_at_ns": 1, **fields})


def finalise(symbol: str = "F-DRAW", version: int = 0) -> ar.FinaliseOne:
    return ar.FinaliseOne(event="FINAL", symbol=symbol, version=version)


def withdraw(symbol: str = "F-DRAW", version: int = 0) -> ar.WithdrawOne:
    return ar.WithdrawOne(event="FINAL", symbol=symbol, version=version, note="too early")


def ahead(court: Court, symbol: str = "F-DRAW") -> Any:
    return next(contract["ahead"] for contract in court.view["contracts"] if contract["symbol"] == symbol)


def test_it_is_paid_at_the_end_of_its_own_window_while_the_market_goes_on() -> None:
    court = Court()
    answer = court.as_("uid:0", one())
    assert answer.ok and answer.text.startswith("F-DRAW is determined ahead of FINAL, version 1: it pays 0.0000 and trades no more")
    court.refused(finalise(), codes.R_CHALLENGE_WINDOW, "its challenge window ends at")
    court.later(50)
    assert len(due(court)) == 1 and court.view["phase"] == "open"
    kept = ahead(court)
    assert kept["version"] == 1 and kept["final_at_ns"] == court.engine.time_ns and kept["evidence_sha256"] == "ab" * 32
    court.closed().must([result(payouts=(100, 0, 0))])
    assert court.view["version"] == 2, "versions are counted together"
    court.later(50)
    due(court)
    assert court.view["phase"] == "final"


def test_it_is_replaced_and_withdrawn() -> None:
    court = Court()
    court.must([one(), one(observed_value="seen again")])
    assert ahead(court)["version"] == 2
    court.refused(finalise(version=1), codes.R_RESULT_VERSION, "the newest is 2, asked 1")
    court.must([withdraw()])
    assert ahead(court) is None
    court.later(100)
    assert due(court) == [], "nothing waits for its end"
    court.refused(withdraw(), codes.R_NOT_DETERMINED, "F-DRAW is not determined ahead of its group")
    court.must([one(version=3)])
    court.later(60)
    court.must([finalise(version=3)])
    court.refused(one(), codes.R_ALREADY_FINAL, "F-DRAW is final since")


@pytest.mark.parametrize(
    ("record", "code", "text"),
    [
        (one(event="NONE"), codes.R_UNKNOWN_EVENT, "NONE"),
        (one("F-NONE"), codes.R_UNKNOWN_INSTRUMENT, "F-NONE"),
        (one(payout=50), codes.R_PAYOUT_RANGE, "pays 0 or 0.0100, asked 0.0050"),
        (one(payout=100), codes.R_AHEAD_DECIDES, "nothing is left open in FINAL"),
        (one(version=2), codes.R_RESULT_VERSION, "the next one is 1, asked 2"),
        (finalise(), codes.R_NOT_DETERMINED, "not determined ahead"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused_changes_nothing(record: Any, code: int, text: str) -> None:
    Court().refused(record, code, text)


def test_a_contract_of_another_market_and_a_spot_pair() -> None:
    court = Court()
    court.must([change(FINAL, event="SEMI", contracts=(ar.Contract(symbol="S-A"), ar.Contract(symbol="S-B"))), BASE[-1]])
    court.refused(one("S-A"), codes.R_OUTCOME_UNKNOWN, "FINAL has no contract S-A")
    court.refused(one(event="BTC-USD", symbol="BTC-USD"), codes.R_BAD_DEFINITION, "spot pair")


def test_sources_and_phases() -> None:
    Court(sources=("FIFA", "UEFA")).refused(one(source="FIFA"), codes.R_TWO_SOURCES, "its contracts are determined together")
    Court(sources=("FIFA",)).refused(one(source="UEFA"), codes.R_UNKNOWN_SOURCE, "decided by FIFA")
    court = Court().closed().must([result()])
    court.refused(one(), codes.R_NOT_AHEAD, "FINAL is determined; a contract is ahead only of a market that is open")


def test_the_result_of_the_market_agrees_with_what_was_paid() -> None:
    court = Court()
    court.must([one("F-ARG")])
    court.later(60)
    court.must([finalise("F-ARG")])
    court.closed()
    court.refused(result(payouts=(0, 0, 100)), codes.R_AHEAD_DIFFERS, "F-ARG was paid 0.0000 ahead of its group (version 1), asked 0.0100")
    court.must([result(payouts=(0, 100, 0))])
    court.refused(correct(payouts=(0, 0, 100)), codes.R_AHEAD_DIFFERS, "F-ARG was paid")
    court.must([void()])
    assert court.view["versions"][-1]["payouts"] == (50, 50, 0), "a void divides what is left among the rest"
    court.later(60)
    court.must([ar.Finalise(event="FINAL")])
    answer = court.as_("uid:0", correct(payouts=(0, 0, 100)))
    assert answer.ok, "after final a correction reaches it"


def test_a_void_where_fewer_contracts_are_left_than_could_win() -> None:
    court = Court(product="at_most", k=2)
    court.must([one("F-ARG"), one("F-DRAW")])
    court.later(60)
    due(court)
    court.closed().must([void()])
    assert court.view["versions"][-1]["payouts"] == (100, 0, 0), "the last one is paid in full, not twice"


def test_what_is_not_paid_becomes_part_of_the_result() -> None:
    court = Court()
    court.must([one("F-ARG")])
    court.closed().must([result(payouts=(0, 0, 100))])
    assert ahead(court, "F-ARG") is None
    court.later(60)
    assert len(due(court)) == 1 and court.view["phase"] == "final"


def test_whose_firm_is_a_party_does_not_decide() -> None:
    court = Court()
    roles = [ar.Grant(principal="anna", role="resolver", scope="platform")]
    court.must([ar.DefinePrincipal(name="anna", firm="OTHER"), *roles])
    court.refused(one(), codes.R_JUDGE_IS_PARTY, "anna works for OTHER", "principal:anna")


def test_it_is_the_same_after_a_snapshot() -> None:
    court = Court()
    court.must([one("F-ARG")])
    court.later(60)
    court.must([finalise("F-ARG"), ar.SetPhase(event="FINAL", phase="paused")])
    again = Engine.restore(court.engine.snapshot())
    assert again.digest() == court.engine.digest() and again.registry.to_bytes() == court.engine.registry.to_bytes()
    event = again.registry.events.named("FINAL")
    assert event is not None and event.ahead[0].record.symbol == "F-ARG" and again.registry.said(event.id, 1) == event.ahead[0].record
