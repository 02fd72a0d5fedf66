"""A running server: a trade is taken back, a result is paid and corrected, debts are recovered; a kill, and the same again after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config import admin_records as ar
from protocol import codes
from protocol import messages as M
from tests.server_kit import BinaryPeer, ServerProcess, order

SAID: dict[str, Any] = {"rule_id": "r", "source": "s", "observed_value": "v", "observed_at_ns": 1, "evidence_sha256": "ab" * 32}


def trade(buyer: BinaryPeer, seller: BinaryPeer, id: int, price: int, qty: int) -> tuple[M.Fill, M.Fill]:
    """(seller's fill, buyer's fill)"""
    seller.send(order(id, codes.SELL, price, qty))
    seller.read(M.Accepted)
    buyer.send(order(id, codes.BUY, price, qty))
    buyer.read(M.Accepted)
    return seller.read(M.Fill), buyer.read(M.Fill)


def balance(server: ServerProcess, account: str) -> int:
    rows = server.ask("accounts").result["accounts"]
    return int(next(row for row in rows if row["name"] == account)["cash"]["USD"])


def test_bust_and_correction_on_a_running_server_and_after_a_kill(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        one, two = (BinaryPeer(server.ready["binary_port"], n, flags=M.LOGON_SETTLEMENT) for n in (1, 2))
        for peer in (one, two):
            peer.logged_on()
        begun = balance(server, "MM1-A"), balance(server, "MM2-A")
        sold, bought = trade(two, one, 1, 9_000, 10)
        assert server.ask("admin", ar.Bust(trade=999, reason="r")).code == codes.R_UNKNOWN_TRADE
        forged = ar.Bust(trade=999, reason="r", event="CUP", legs=(b"\0" * 384, b"\0" * 384))
        assert server.ask("admin", forged).code == codes.R_UNKNOWN_TRADE, "legs of a client are not used"
        answer = server.ask("admin", ar.Bust(trade=sold.trade, reason="a price of another market"))
        assert answer.ok, answer.text
        told = one.read(M.Bust), two.read(M.Bust)
        assert [(b.trade, b.fill, b.last_qty) for b in told] == [(sold.trade, sold.event, 10), (sold.trade, bought.event, 10)]
        assert (balance(server, "MM1-A"), balance(server, "MM2-A")) == begun == (told[0].balance, told[1].balance)
        assert server.ask("admin", ar.Bust(trade=sold.trade, reason="again")).code == codes.R_ALREADY_BUST
        trade(two, one, 2, 6_000, 100)
        paid = (0, 10_000, 0)
        assert server.ask("admin", ar.Settle(event="CUP", payouts=paid, finalise=True, **SAID)).ok
        settled = one.read(M.Settled), two.read(M.Settled)
        assert [s.amount for s in settled] == [0, 0] or settled[0].payout == 0
        answer = server.ask("admin", ar.Correct(event="CUP", payouts=(10_000, 0, 0), **SAID))
        assert answer.ok and answer.result["final"] == 1, answer.text
        entries = one.read(M.Reversed), two.read(M.Reversed)
        assert [(e.amount, e.payout, e.old_payout, e.version) for e in entries] == [(-1_000_000, 10_000, 0, 2), (1_000_000, 10_000, 0, 2)]
        assert server.ask("admin", ar.Recover(event="CUP")).code == codes.R_NOTHING_OWED
        assert server.ask("check").result["failed"] == []
        kept = balance(server, "MM1-A"), balance(server, "MM2-A")
        server.kill()
        server.process.stdout.close()
        server.start()
        assert (balance(server, "MM1-A"), balance(server, "MM2-A")) == kept
        shown = server.ask("markets", event="CUP").result["markets"][0]
        assert shown["phase"] == "final" and shown["version"] == 2 and shown["final_at_ns"] > 0
        assert server.ask("admin", ar.Bust(trade=sold.trade, reason="again")).code == codes.R_ALREADY_BUST
        assert server.ask("admin", ar.Bust(trade=sold.trade + 1, reason="late")).code == codes.R_BUST_FINAL
        assert server.ask("admin", ar.Bond(venue="V")).ok
        assert server.ask("admin", ar.Transfer(key="b", asset="USD", amount=5, target="V.BOND")).ok and balance(server, "V.BOND") == 5
        assert server.ask("check").result["failed"] == []
        entry = server.ask("statement", account="MM2-A", asset="USD", from_ns=0, to_ns=0, limit=100, cursor="").result
        assert [e["amount"] for e in entry["entries"] if e["kind"] == "correction"] == [1_000_000]
        assert len([e for e in entry["entries"] if e["kind"] == "bust"]) == 1 and entry["closing"] == kept[1]


def test_a_trade_is_corrected_twice_and_taken_back_and_all_is_told(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        one, two = (BinaryPeer(server.ready["binary_port"], n) for n in (1, 2))
        for peer in (one, two):
            peer.logged_on()
        begun = balance(server, "MM1-A"), balance(server, "MM2-A")
        sold, bought = trade(two, one, 1, 9_000, 10)
        answer = server.ask("admin", ar.Bust(trade=sold.trade, reason="a digit", price="0.6"))
        assert answer.ok and answer.text.startswith(f"trade {sold.trade} of CUP is corrected: 10 at 0.6000: a digit (by one person"), (
            answer.text
        )
        told = one.read(M.TradeCorrected), two.read(M.TradeCorrected)
        assert [(c.trade, c.fill, c.old_price, c.old_qty, c.last_price, c.last_qty, c.amount) for c in told] == [
            (sold.trade, sold.event, 9_000, 10, 6_000, 10, -30_000), (sold.trade, bought.event, 9_000, 10, 6_000, 10, 30_000 - 150),
        ]  # fmt: skip
        # The taker's fee is 1 % of price * (1 - price): 90 units at 0.90, 240 at 0.60, 96 for four of the ten.
        assert server.ask("admin", ar.Bust(trade=sold.trade, reason="same", price="0.60")).code == codes.R_TRADE_SAME
        refused = server.ask("admin", ar.Bust(trade=sold.trade, reason="more", quantity="11"))
        assert refused.code == codes.R_QTY_TOO_LARGE and "it is 10 at 0.6000; a correction only lowers the quantity" in refused.text
        assert server.ask("admin", ar.Bust(trade=sold.trade, reason="r", price="0.60001")).code == codes.R_BAD_DEFINITION
        server.kill()
        server.process.stdout.close()
        server.start()
        assert server.ask("admin", ar.Bust(trade=sold.trade, reason="fewer", quantity="4")).ok
        assert (balance(server, "MM1-A") - begun[0], balance(server, "MM2-A") - begun[1]) == (24_000, -24_000 - 96)
        assert server.ask("admin", ar.Bust(trade=sold.trade, reason="all of it")).ok
        assert (balance(server, "MM1-A"), balance(server, "MM2-A")) == begun
        assert server.ask("admin", ar.Bust(trade=sold.trade, reason="again", quantity="1")).code == codes.R_ALREADY_BUST
        assert server.ask("check").result["failed"] == []
        entry = server.ask("statement", account="MM2-A", asset="USD", from_ns=0, to_ns=0, limit=100, cursor="").result
        assert [(e["amount"], e["details"]["old_quantity"]) for e in entry["entries"] if e["kind"] == "trade correction"] == [
            (30_000 - 150, 10),
            (36_000 + 144, 10),
        ]
        assert entry["closing"] == begun[1] and server.stop() == 0


def test_a_venue_with_debts_is_not_exported(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        one, two = (BinaryPeer(server.ready["binary_port"], n) for n in (1, 2))
        for peer in (one, two):
            peer.logged_on()
        trade(two, one, 1, 6_000, 100)
        assert server.ask("admin", ar.Settle(event="CUP", payouts=(0, 10_000, 0), finalise=True, **SAID)).ok
        assert server.ask("venue_export", venue="V").ok
        all_of_it = ar.Transfer(key="all", asset="USD", amount=balance(server, "MM1-A"), source="MM1-A")
        assert server.ask("admin", all_of_it).ok
        assert server.ask("admin", ar.Correct(event="CUP", payouts=(10_000, 0, 0), **SAID)).ok
        answer = server.ask("venue_export", venue="V")
        assert answer.code == codes.R_VENUE_UNSETTLED and "CUP still has debts" in answer.text
        assert server.ask("admin", ar.Transfer(key="back", asset="USD", amount=2_000_000, target="MM1-A")).ok
        assert server.ask("admin", ar.Recover(event="CUP")).ok
        lines = server.ask("statement", account="MM1-A", asset="USD", from_ns=0, to_ns=0, limit=100, cursor="").result
        kinds = [entry["kind"] for entry in lines["entries"]]
        assert {"correction", "owed", "recovery"} <= set(kinds) and lines["closing"] == balance(server, "MM1-A"), kinds
        assert server.ask("venue_export", venue="V").ok and server.ask("check").result["failed"] == []
