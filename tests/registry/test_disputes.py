"""Results that are contested, on the real core: sources, disputes, the arbiter, windows; and who may not decide."""

from typing import Any

import numpy as np
import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.engine import Engine
from exchange_server.registry.market_view import market_view
from protocol import codes
from tests.bridge import command_words
from tests.model_world import Row
from tests.registry.test_real_engine import Turns
from tests.registry.test_registry import BASE, FINAL, RESULT, change
from tests.registry.test_voids import RULE, void

WINDOW = 50_000_000  # fifty turns of a millisecond


class Court(Turns):
    """A market with a window, closed; ACME and OTHER have positions in it."""

    def __init__(self, **market: Any) -> None:
        super().__init__()
        made = change(FINAL, **{"challenge_window_ns": WINDOW, "void": RULE, **market})
        self.must([
            *BASE[:-2], made, ar.DefineAccount(name="OTHER-B", firm="OTHER"), ar.DefineFirm(name="THIRD"),
            ar.Transfer(key="1", asset="USD", amount=10**6, target="ACME-A"), ar.Transfer(key="2", asset="USD", amount=10**6, target="OTHER-B"),
            change(BASE[10], name="MM2", firm="OTHER", key="MM2", account="OTHER-B", venue=""),
            ar.SetPhase(event="FINAL", phase="open"),
        ])  # fmt: skip
        self.client(Row(kind=codes.C_LOGON, session=1, next_in=2), Row(kind=codes.C_LOGON, session=3, next_in=2))
        order = {"kind": codes.C_NEW, "instrument": 1, "contract_side": codes.YES, "type": codes.LIMIT, "tif": codes.GTC, "price": 40}
        self.client(
            Row(**order, session=1, side=codes.BUY, id=1, qty=10), Row(**order, session=3, side=codes.SELL, id=1, qty=10),
            Row(**{**order, "price": 30}, session=1, side=codes.BUY, id=2, qty=5),
        )  # fmt: skip

    def client(self, *rows: Row) -> None:
        self.turn += 1
        time = Row(kind=codes.C_TIME, turn=self.turn, now=self.turn * 1_000_000, tick=self.turn * 1_000_000)
        flat = np.concatenate([command_words(row) for row in (time, *rows)])
        self.engine.apply(flat, len(flat), lambda events: None)
        assert self.engine.check() == []

    def closed(self) -> "Court":
        self.must([ar.SetPhase(event="FINAL", phase="closed")])
        return self

    def later(self, turns: int) -> None:
        self.turn += turns - 1
        self.do()

    def as_(self, who: str, record: Any) -> Any:
        (answer,) = self.do_bodies([ar.pack(who, "r", record)])
        return answer

    def refused(self, record: Any, code: int, text: str = "", who: str = "uid:0") -> None:
        before, digest = self.engine.registry.to_bytes(), self.engine.event_seq
        answer = self.as_(who, record)
        assert answer.code == code and text in answer.text, answer
        assert self.engine.registry.to_bytes() == before and self.engine.event_seq == digest

    @property
    def view(self) -> dict[str, Any]:
        return market_view(self.engine.registry, self.engine.m, "FINAL")[0]


def result(**fields: Any) -> ar.Determine:
    made: ar.Determine = change(RESULT, **{"observed_at_ns": 1, **fields})
    return made


def correct(**fields: Any) -> ar.Correct:
    content = {name: getattr(result(), name) for name in RESULT.__struct_fields__}
    return ar.Correct(**{**content, "payouts": (100, 0, 0), **fields})


def dispute(firm: str = "ACME", **fields: Any) -> ar.Dispute:
    return ar.Dispute(**{"event": "FINAL", "firm": firm, "reason": "offside", **fields})


def test_a_result_is_replaced_before_it_is_final() -> None:
    court = Court().closed()
    court.must([result(), result(payouts=(100, 0, 0), observed_value="1-0")])
    view = court.view
    assert [(v["version"], v["observed_value"], tuple(v["payouts"])) for v in view["versions"]] == [
        (1, "0-0", (0, 100, 0)),
        (2, "1-0", (100, 0, 0)),
    ]
    assert view["phase"] == "determined" and view["versions"][1]["until_ns"] == view["window_end_ns"] == court.engine.time_ns + WINDOW
    court.later(60)
    court.must([ar.Finalise(event="FINAL")])
    assert court.view["versions"][1]["final_at_ns"] and not court.view["versions"][0]["final_at_ns"]
    court.refused(result(), codes.R_ALREADY_FINAL)
    court.refused(correct(), codes.R_SAME_RESULT)


def test_each_party_disputes_a_version_once() -> None:
    court = Court().closed().must([result()])
    court.refused(dispute("THIRD"), codes.R_NO_PARTY, "THIRD has no position in it")
    court.refused(dispute("NOBODY"), codes.R_BAD_DEFINITION, 'there is no firm "NOBODY"')
    court.must([dispute()])
    court.refused(dispute(), codes.R_DISPUTED_BEFORE, "ACME disputed version 1 at")
    court.must([dispute("OTHER", version=1)])
    assert [(d["firm"], d["reason"]) for d in court.view["versions"][0]["disputes"]] == [("ACME", "offside"), ("OTHER", "offside")]
    court.refused(result(), codes.R_ARBITER_DECIDES, "only the arbiter replaces")
    court.must([correct()])
    court.refused(dispute(version=1), codes.R_RESULT_VERSION, "the newest is 2, asked 1")
    court.must([dispute()])
    assert court.view["phase"] == "disputed", "a new version may be disputed again"


def test_late_is_late() -> None:
    court = Court().closed().must([result()])
    court.later(60)
    court.refused(dispute(), codes.R_DISPUTE_LATE, "the window of version 1 ended at 1970-01-01 00:00:00")
    court.must([ar.Finalise(event="FINAL")])
    court.refused(dispute(), codes.R_NOT_DISPUTABLE, "FINAL is final; only a market that is determined, disputed or voided is disputed")


def test_upheld_the_window_ends_now() -> None:
    court = Court().closed().must([result()])
    court.refused(ar.Uphold(event="FINAL"), codes.R_NOT_DISPUTED)
    court.must([dispute()])
    court.refused(ar.Finalise(event="FINAL"), codes.R_NOT_DETERMINED)
    court.must([ar.Uphold(event="FINAL", note="seen again"), ar.Finalise(event="FINAL")])
    assert court.view["versions"][0]["upheld"]["note"] == "seen again" and court.view["phase"] == "final"


def test_a_void_is_disputed_upheld_and_corrected() -> None:
    court = Court()
    court.later(60_000)
    court.must([void()])
    assert court.view["phase"] == "voided" and court.engine.registry.events.named("FINAL").determinations[0].record.payouts == (
        100,
        0,
        0,
    ), (  # type: ignore[union-attr]
        "the only contract with a price takes it all"
    )
    court.must([dispute("OTHER"), ar.Uphold(event="FINAL")])
    assert court.view["phase"] == "voided"
    court.must([correct(payouts=(0, 0, 100))])
    assert [v["kind"] for v in court.view["versions"]] == ["voided", "corrected"] and court.view["phase"] == "determined"


def test_two_sources_that_agree() -> None:
    court = Court(sources=("FIFA", "UEFA")).closed()
    court.refused(result(source="BBC"), codes.R_UNKNOWN_SOURCE, 'FINAL is decided by FIFA and UEFA, asked "BBC"')
    (answer,) = court.do(result())
    assert answer.text == "FINAL not determined yet: FIFA is recorded, UEFA is still to come" and answer.result["version"] == 0
    assert court.view["phase"] == "closed" and court.view["versions"] == [] and court.view["heard"][0]["source"] == "FIFA"
    court.refused(ar.Finalise(event="FINAL"), codes.R_NOT_DETERMINED)
    (answer,) = court.do(result(source="UEFA"))
    assert answer.text == "FINAL determined, version 1: FIFA and UEFA agree"
    assert court.view["versions"][0]["source"] == "UEFA" and court.view["versions"][0]["other"]["source"] == "FIFA"


def test_two_sources_that_differ() -> None:
    court = Court(sources=("FIFA", "UEFA")).closed()
    court.must([result(), result(payouts=(100, 0, 0)), result(source="UEFA")])
    assert court.view["phase"] == "disputed", "FIFA took its first word back"
    court.refused(ar.Uphold(event="FINAL"), codes.R_NOTHING_TO_UPHOLD)
    court.refused(dispute(), codes.R_NOT_DISPUTABLE)
    court.must([correct(source="the arbiter")])
    assert court.view["phase"] == "determined" and court.view["version"] == 1


def test_a_source_changes_its_word_after_both_agreed() -> None:
    court = Court(sources=("FIFA", "UEFA")).closed()
    court.must([result(), result(source="UEFA"), result(payouts=(100, 0, 0))])
    assert court.view["phase"] == "disputed" and court.view["version"] == 1
    court.must([ar.Uphold(event="FINAL")])
    assert court.view["phase"] == "determined"


def test_one_source_is_recorded_only_while_a_result_may_be() -> None:
    court = Court(sources=("FIFA", "UEFA"))
    court.refused(result(), codes.R_NOT_CLOSED, "FINAL is open; only a market that is closed or determined is determined")


def settle(**fields: Any) -> ar.Settle:
    return ar.Settle(**{**{name: getattr(result(), name) for name in RESULT.__struct_fields__}, **fields})


def test_settling_in_one_act_needs_one_source() -> None:
    court = Turns().must([*BASE[:-2], change(FINAL, sources=("FIFA", "UEFA")), ar.SetPhase(event="FINAL", phase="open")])
    (answer,) = court.do(settle(finalise=True))
    assert answer.code == codes.R_TWO_SOURCES and "record each" in answer.text
    (answer,) = court.do(settle())
    assert answer.text == "FINAL is closed, not determined yet: FIFA is recorded, UEFA is still to come"
    court.must([settle(source="UEFA"), ar.Finalise(event="FINAL")])


# ---- paid by itself at the end of the window
def due(court: Court) -> list[str]:
    """What gateway/timers.py adds to the turn."""
    answers = [court.as_("timer:schedule", ar.RunDue(id=id)) for _, id in court.engine.registry.schedule.due(court.engine.time_ns, 9)]
    assert all(answer.ok and not answer.result["failed"] for answer in answers), answers
    return [answer.text for answer in answers]


def planned(court: Court) -> list[tuple[int, int]]:
    """(version, when) of what waits."""
    return [(row.record.version, row.at_ns) for row in court.engine.registry.schedule.waiting_for("event:FINAL")]  # type: ignore[union-attr]


def test_a_result_becomes_final_at_the_end_of_its_window() -> None:
    court = Court().closed().must([result()])
    assert planned(court) == [(1, court.engine.time_ns + WINDOW)] and due(court) == []
    court.later(49)
    assert due(court) == []
    court.later(1)
    assert len(due(court)) == 1 and court.view["phase"] == "final" and planned(court) == []
    assert court.view["versions"][0]["final_at_ns"] == court.engine.time_ns


def test_what_replaces_a_result_moves_its_end() -> None:
    court = Court().closed().must([result()])
    court.later(10)
    court.must([result(payouts=(100, 0, 0))])
    assert planned(court) == [(2, court.engine.time_ns + WINDOW)]
    court.must([dispute()])
    assert planned(court) == [], "a disputed result waits for the arbiter"
    court.later(100)
    assert due(court) == [] and court.view["phase"] == "disputed"
    court.must([ar.Uphold(event="FINAL")])
    assert planned(court) == [(2, court.engine.time_ns)]
    court.later(1)
    assert len(due(court)) == 1 and court.view["phase"] == "final"


def test_corrections_and_voids_end_by_themselves_too() -> None:
    court = Court()
    court.must([void()])
    assert planned(court) == [(1, court.engine.time_ns + WINDOW)]
    court.must([correct()])
    assert planned(court) == [(2, court.engine.time_ns + WINDOW)]
    court.later(51)
    due(court)
    assert court.view["phase"] == "final"


def test_paid_by_hand_and_by_markets_that_say_so() -> None:
    court = Court(auto_finalise=False).closed().must([result()])
    assert planned(court) == []
    (market,) = [event.record for event in court.engine.registry.events if event.name == "FINAL"]
    court.must([change(market, auto_finalise=True)])
    assert [version for version, _ in planned(court)] == [1], "changed while the window is open"
    court.later(60)
    court.must([ar.Finalise(event="FINAL")])
    assert planned(court) == []
    without = Court(auto_finalise=True)
    without.must([change(FINAL, event="SEMI", contracts=(ar.Contract(symbol="S-A"), ar.Contract(symbol="S-B"))), ar.SetPhase(event="SEMI", phase="open"),
                  ar.SetPhase(event="SEMI", phase="closed"), result(event="SEMI", payouts=(0, 100))])  # fmt: skip
    assert without.engine.registry.schedule.waiting() == 0, "a market without a window is paid by hand"


# ---- who may not decide -------------------------------------------------------------------------------------------------
DECISIONS = (result(), settle(), correct(), ar.Uphold(event="FINAL"), void())


@pytest.mark.parametrize("record", DECISIONS, ids=lambda record: type(record).__name__)
def test_nobody_decides_about_the_own_firm(record: Any) -> None:
    court = Court()
    roles = [ar.Grant(principal="anna", role=role, scope="platform") for role in ("resolver", "arbiter")]
    court.must([ar.DefinePrincipal(name="anna", firm="OTHER"), *roles])
    court.refused(
        record, codes.R_JUDGE_IS_PARTY, "anna works for OTHER, which has a position in FINAL: somebody else must decide", "principal:anna"
    )
    court.must([ar.DefinePrincipal(name="anna", firm="THIRD")])
    assert court.as_("principal:anna", record).code != codes.R_JUDGE_IS_PARTY
    court.must([ar.Restrict(event="FINAL", firm="THIRD")])
    court.refused(record, codes.R_JUDGE_IS_PARTY, "a conflict of interest", "principal:anna")


def test_an_open_order_is_enough() -> None:
    court = Court()
    row = {"contract_side": codes.YES, "type": codes.LIMIT, "tif": codes.GTC, "price": 40, "qty": 1, "session": 3}
    court.must([ar.DefinePrincipal(name="anna", firm="OTHER"), ar.Grant(principal="anna", role="arbiter", scope="platform")])
    court.client(Row(kind=codes.C_NEW, **{**row, "side": codes.BUY, "instrument": 1, "id": 50, "qty": 10, "price": 60}))
    court.client(Row(kind=codes.C_NEW, **{**row, "side": codes.SELL, "instrument": 1, "id": 51, "qty": 1, "price": 90}))
    assert court.as_("principal:anna", ar.Uphold(event="FINAL")).code == codes.R_JUDGE_IS_PARTY


def test_the_second_person_is_no_party_either() -> None:
    court = Court()
    for name, firm in (("anna", "THIRD"), ("otto", "OTHER"), ("tess", "")):
        court.must([ar.DefinePrincipal(name=name, firm=firm), ar.Grant(principal=name, role="arbiter", scope="platform")])
    id = court.as_("principal:anna", void()).result["pending"]
    court.refused(ar.Approve(id=id), codes.R_JUDGE_IS_PARTY, "otto works for OTHER", "principal:otto")
    answer = court.as_("principal:tess", ar.Approve(id=id))
    assert answer.ok and "FINAL is voided" in answer.text
    assert court.view["versions"][0]["who"] == "principal:anna, approved by principal:tess"


def test_a_resolver_of_another_venue_is_refused_by_name() -> None:
    court = Court().closed()
    court.must([ar.DefinePrincipal(name="anna"), ar.Grant(principal="anna", role="resolver", scope="venue:V2")])
    answer = court.as_("principal:anna", result())
    assert answer.code == codes.R_UNKNOWN_EVENT, "what it does not see is refused as what is not there"
    court.must([ar.Grant(principal="anna", role="auditor", scope="venue:V1")])
    court.refused(result(), codes.R_NOT_AUTHORISED, "determine", "principal:anna")


def test_an_event_is_the_same_after_a_snapshot() -> None:
    court = Court(sources=("FIFA", "UEFA")).closed()
    court.must([result(), result(source="UEFA"), dispute(), ar.Uphold(event="FINAL", note="n")])
    other = Engine.restore(court.engine.snapshot())
    assert other.digest() == court.engine.digest()
    assert market_view(other.registry, other.m) == market_view(court.engine.registry, court.engine.m)
    assert L.E_RESULT and other.check() == []
