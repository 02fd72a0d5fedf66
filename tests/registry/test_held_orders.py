"""Orders that wait for a person: who sees and decides them, how they are shown, and when it is too late (the core's side: tests/core/test_budget.py)."""

from typing import Any

from config import admin_records as ar
from exchange_server import state
from exchange_server.engine import Engine
from exchange_server.registry import held_orders
from exchange_server.registry.access import Sight
from protocol import codes
from tests.model_world import Row
from tests.registry.test_disputes import Court

HELD = 100_000_001
ORDER = {
    "kind": codes.C_NEW, "session": 1, "instrument": 1, "side": codes.BUY, "contract_side": codes.NO, "type": codes.LIMIT, "tif": codes.GTC,
    "price": 69, "qty": 10, "id": "BIG-1",
}  # fmt: skip
PEOPLE = {
    "anna": ("risk_officer", "platform"),
    "bert": ("auditor", "platform"),
    "carl": ("venue_operator", "venue:V1"),
    "dora": ("venue_operator", "platform"),
}


class Desk(Court):
    def __init__(self) -> None:
        super().__init__()
        for name, (role, scope) in PEOPLE.items():
            self.must([ar.DefinePrincipal(name=name), ar.Grant(principal=name, role=role, scope=scope)])
        self.must([ar.Budget(session="C1", asset="USD", approve_above=100, approve_within_ns=20_000_000)])
        self.client(Row(ORDER))

    def seen_by(self, who: str) -> list[dict[str, Any]]:
        engine = self.engine
        return held_orders.view(engine.registry, engine.m, Sight(engine.registry, who, int(engine.time_ns)))

    @property
    def open_orders(self) -> int:
        row = self.engine.registry.accounts.named("ACME-A")
        assert row is not None
        return state.Account.of(self.engine.m, row.id).open_orders


def test_it_is_shown_to_who_may_ask_about_pending_acts_there() -> None:
    desk = Desk()
    (row,) = desk.seen_by("uid:0")
    assert (row["id"], row["act"], row["who"], row["expired"]) == (HELD, "held_order", "session C1", False)
    assert row["record"] == {
        "type": "order", "session": "C1", "account": "ACME-A", "symbol": "F-ESP", "side": "buy", "contract_side": "no", "tif": "gtc", "price": "0.0069",
        "quantity": "10", "cost": row["record"]["cost"], "asset": "USD", "id": "BIG-1", "approved": False, "post_only": False,
        "persist": False, "gtd_ns": 0,
    }  # fmt: skip
    assert desk.seen_by("principal:anna") == desk.seen_by("principal:bert") == [row] and desk.seen_by("principal:carl") == []


def test_who_may_set_the_budget_decides() -> None:
    desk = Desk()
    desk.refused(ar.Approve(id=HELD), codes.R_NOT_AUTHORISED, "needs the role", "principal:bert")
    desk.refused(ar.Approve(id=HELD), codes.R_UNKNOWN_PENDING, f"no act waits under {HELD}", "principal:carl")
    desk.refused(ar.Refuse(id=HELD + 1), codes.R_UNKNOWN_PENDING, f"no act waits under {HELD + 1}")
    answer = desk.as_("principal:anna", ar.Approve(id=HELD))
    assert answer.ok and answer.result == {"pending": HELD, "session": "C1", "approved_by": "principal:anna"}, answer
    assert desk.as_("principal:dora", ar.Approve(id=HELD)).result["unchanged"] == 1
    before = desk.open_orders
    desk.client(Row(ORDER), Row({**ORDER, "id": "BIG-2"}))
    assert desk.open_orders == before + 1 and [row["id"] for row in desk.seen_by("uid:0")] == [HELD + 1]
    answer = desk.as_("principal:dora", ar.Refuse(id=HELD + 1, note="no"))
    assert answer.ok and "is refused: buy NO 10 F-ESP @ 0.0069" in answer.text and desk.seen_by("uid:0") == []


def test_it_waits_no_longer_than_the_budget_says() -> None:
    desk = Desk()
    desk.later(20)
    assert desk.seen_by("uid:0")[0]["expired"]
    desk.refused(ar.Approve(id=HELD), codes.R_PENDING_EXPIRED, "C1 may send the order again")


def test_a_trial_says_what_would_be_answered_and_changes_nothing() -> None:
    desk = Desk()
    registry, digest = desk.engine.registry, desk.engine.digest()
    tried = registry.try_act(ar.Approve(id=HELD), desk.engine)
    assert tried.refusal is None and tried.text.startswith("C1 may enter it once: buy NO 10 F-ESP @ 0.0069")
    assert desk.engine.digest() == digest


def test_it_survives_a_snapshot() -> None:
    desk = Desk()
    restored = Engine.restore(desk.engine.snapshot())
    sight = Sight(restored.registry, "uid:0", int(restored.time_ns))
    assert held_orders.view(restored.registry, restored.m, sight) == desk.seen_by("uid:0") and restored.digest() == desk.engine.digest()
