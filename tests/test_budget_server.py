"""Budgets on a real server: limits on both wires, an order that waits and is approved, a restart after kill -9 and a replay that decides alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config import admin_records as ar
from protocol import codes
from protocol import messages as M
from tests.server_kit import SMALL, BinaryPeer, FixPeer, ServerProcess, order

WAITS = 100_000_001


def must(server: ServerProcess, record: Any) -> Any:
    answer = server.ask("admin", record)
    assert answer.ok, answer
    return answer


def logged_on(server: ServerProcess) -> BinaryPeer:
    peer = BinaryPeer(server.ready["binary_port"])
    peer.logged_on()
    return peer


def test_a_budget_holds_on_both_wires_and_an_approved_order_passes_after_a_kill(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, SMALL) as server:
        (tmp_path / "test.toml").chmod(0o600)
        must(server, ar.Budget(session="MM1", asset="USD", max_loss=70_000, approve_above=20_000, markets=("CUP",)))
        must(server, ar.Budget(session="CLIENT1", asset="USD", max_loss_per_day=10_000))
        fix = FixPeer(server.ready["fix_port"])
        fix.read("A")
        fix.order("A1", 1, "0.5000", 3)
        report = fix.read("8")
        assert (
            report[150] == "8" and report[58] == "the order may lose 1.5075, and 0.0000 of the budget of 1.0000 for this day (UTC) is used"
        )
        fix.order("A2", 1, "0.4000", 1)
        assert fix.read("8")[150] == "0"
        peer = logged_on(server)
        peer.send(order(1, codes.BUY, 3000, 5), order(2, codes.BUY, 2900, 8))
        peer.read(M.Accepted)
        waits = peer.read(M.Rejected)
        assert (waits.reason, waits.limit, waits.used, waits.asked) == (codes.R_BUDGET_APPROVAL, 20_000, 23_365, WAITS)
        (row,) = server.ask("pending").result["rows"]
        assert (row["id"], row["act"], row["who"], row["expired"]) == (WAITS, "held_order", "session MM1", False)
        shown = {
            "symbol": "CUP-A",
            "side": "buy",
            "price": "0.2900",
            "quantity": "8",
            "cost": "2.3365",
            "asset": "USD",
            "id": 2,
            "approved": False,
        }
        assert row["record"].items() >= shown.items()
        said = must(server, ar.Approve(id=WAITS)).text
        assert said == "MM1 may enter it once: buy 8 CUP-A @ 0.2900, may cost 2.3365 USD, ClOrdID 2"
        assert must(server, ar.Approve(id=WAITS)).result["unchanged"] == 1
        unknown = server.ask("admin", ar.Refuse(id=WAITS + 7))
        assert not unknown.ok and unknown.code == codes.R_UNKNOWN_PENDING and "no act waits" in unknown.text
        server.kill()
        server.process.stdout.close()
        server.start()
        peer = logged_on(server)
        peer.send(order(2, codes.BUY, 2900, 8), order(3, codes.BUY, 2900, 8), order(4, codes.BUY, 3000, 12))
        peer.read(M.Accepted)
        assert peer.read(M.Rejected).asked == WAITS + 1, "an approval is of one order"
        over = peer.read(M.Rejected)
        assert (over.reason, over.limit, over.used, over.asked) == (codes.R_BUDGET_LOSS, 70_000, 38_470, 36_252)
        assert must(server, ar.Refuse(id=WAITS + 1, note="too large")).text.startswith(f"order {WAITS + 1} of MM1 is refused: buy 8")
        (mine,) = server.ask("budget", name="MM1").result["rows"]
        assert (mine["loss"], mine["loss_per_day"]["used"]) == ({"limit": 70_000, "used": 38_470, "left": 31_530}, 38_470)
        assert server.ask("pending").result["rows"] == [] and server.ask("check").result["failed"] == []
