"""Contracts that are determined ahead of their group, on the real core: versions, windows, agreement, what is refused by name."""

from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server.core.layout import definitions
from exchange_server.engine import Engine
from protocol import codes
from tests.model_world import Row
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


def contest(**fields: Any) -> ar.Dispute:
    return ar.Dispute(**{"event": "FINAL", "symbol": "F-DRAW", "firm": "ACME", "reason": "it was no draw", **fields})


def test_a_party_disputes_it_and_the_arbiter_upholds() -> None:
    court = Court()
    court.refused(contest(), codes.R_NOT_DETERMINED, "not determined ahead")
    court.must([one()])
    court.refused(contest(firm="THIRD"), codes.R_NO_PARTY, "THIRD has no position in it")
    court.must([contest()])
    kept = ahead(court)
    assert kept["disputes"][0]["firm"] == "ACME" and kept["disputes"][0]["reason"] == "it was no draw" and kept["upheld"] is None
    court.refused(contest(), codes.R_DISPUTED_BEFORE, "ACME disputed version 1")
    court.refused(one(), codes.R_ARBITER_DECIDES, "only the arbiter replaces what is recorded")
    court.later(60)
    assert due(court) == [], "the end of its window pays nothing now"
    court.refused(finalise(), codes.R_AHEAD_DISPUTED, "the arbiter upholds, corrects or withdraws it")
    court.refused(ar.Uphold(event="FINAL", symbol="F-ARG"), codes.R_NOT_DETERMINED, "F-ARG is not determined")
    court.must([ar.Uphold(event="FINAL", symbol="F-DRAW", note="seen again")])
    assert ahead(court)["upheld"]["note"] == "seen again"
    court.refused(ar.Uphold(event="FINAL", symbol="F-DRAW"), codes.R_NOT_DISPUTED, "is not disputed")
    court.later(1)
    assert len(due(court)) == 1 and ahead(court)["final_at_ns"] == court.engine.time_ns and court.view["phase"] == "open"


def test_the_arbiter_corrects_it() -> None:
    court = Court(k=1)
    court.must([one(), contest()])
    said = {field: getattr(one(), field) for field in ("rule_id", "source", "observed_value", "observed_at_ns", "evidence_sha256")}
    fixed = ar.Correct(event="FINAL", symbol="F-DRAW", payouts=(0,), **said)
    court.refused(msgspec.structs.replace(fixed, payouts=(0, 0, 0)), codes.R_PAYOUT_COUNT, "of F-DRAW alone there is one payout, asked 3")
    court.refused(msgspec.structs.replace(fixed, symbol="F-ARG"), codes.R_NOT_DETERMINED, "F-ARG is not determined")
    court.must([fixed])
    kept = ahead(court)
    assert (kept["version"], kept["kind"], kept["disputes"]) == (2, "corrected", [])
    court.later(60)
    assert len(due(court)) == 1 and ahead(court)["final_at_ns"]


def test_what_comes_due_while_another_contract_is_being_paid_waits_and_is_paid_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of one account; a snapshot in the middle goes on like the original."""
    monkeypatch.setattr(definitions, "SLICE", 1)
    court = Court(product="at_most", k=2)
    court.must(
        [one("F-ARG"), one("F-DRAW"), ar.Schedule(at_ns=court.engine.time_ns + 60_000_000, act=ar.SetPhase(event="FINAL", phase="paused"))]
    )
    court.later(70)
    now_ns = court.engine.time_ns
    ids = [id for _, id in court.engine.registry.schedule.due(now_ns, 9)]
    said = [court.as_("timer:schedule", ar.RunDue(id=id)) for id in ids]
    assert "is being paid" in said[0].text and [answer.result["waits"] for answer in said] == [0, 1, 1]
    assert ahead(court, "F-ARG")["final_at_ns"] == 0 and court.view["settling"]
    court.refused(ar.SetPhase(event="FINAL", phase="closed"), codes.R_SETTLING, "FINAL is being settled")
    several = ar.Settle(**{field: getattr(result(payouts=(100, 0, 0)), field) for field in ar.Determine.__struct_fields__})
    court.refused(several, codes.R_SETTLING, "FINAL is being settled")
    again = Court.__new__(Court)
    again.engine, again.turn = Engine.restore(court.engine.snapshot()), court.turn
    assert again.engine.registry.to_bytes() == court.engine.registry.to_bytes()
    for side in (court, again):
        rounds = 0
        while side.engine.settling or side.engine.registry.schedule.held:
            free = side.engine.registry.schedule.free(lambda event, side=side: side.engine.settling)  # type: ignore[misc]
            side.client(Row(kind=codes.C_CONTINUE, slice=1))
            for _, id in free:
                assert side.as_("timer:schedule", ar.RunDue(id=id)).ok
            rounds += 1
            assert rounds < 20
        assert ahead(side, "F-ARG")["final_at_ns"] < ahead(side, "F-DRAW")["final_at_ns"] and side.view["phase"] == "paused"
        assert [row.ended for row in side.engine.registry.schedule] == ["done"] * 3
    assert again.engine.digest() == court.engine.digest()


def test_a_dispute_after_its_window_is_late() -> None:
    court = Court(auto_finalise=False)
    court.must([one()])
    court.later(60)
    court.refused(contest(), codes.R_DISPUTE_LATE, "the window of version 1 ended at")


def test_a_disputed_one_becomes_part_of_the_result_and_can_be_withdrawn() -> None:
    court = Court()
    court.must([one(), contest(), withdraw()])
    assert ahead(court) is None
    court.must([one("F-ARG"), contest(symbol="F-ARG")])
    court.closed().must([result(payouts=(0, 0, 100))])
    assert ahead(court, "F-ARG") is None and court.view["phase"] == "determined"


def test_a_resolver_does_not_go_round_the_arbiter() -> None:
    """Of a disputed contract only the arbiter takes anything back; in the window, undisputed, the resolver may."""
    court = Court()
    for name, role in (("anna", "resolver"), ("bert", "arbiter")):
        court.must([ar.DefinePrincipal(name=name), ar.Grant(principal=name, role=role, scope="venue:V1")])
    for record in (one(), withdraw(), one()):
        assert court.as_("principal:anna", record).ok
    court.must([contest()])
    court.refused(withdraw(), codes.R_ARBITER_DECIDES, "F-DRAW is disputed: only the arbiter withdraws", "principal:anna")
    assert court.as_("principal:bert", withdraw()).ok
    assert ahead(court) is None


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
