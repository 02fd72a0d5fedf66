"""Messages about what is put right, on a real server: trades taken back, results that are disputed, corrected, voided or ahead of their market."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from protocol import codes
from tests.server_kit import ServerProcess, market, wait_until

from .rig import Hooks, Receiver
from .test_webhooks_server import CONFIG, SAID, SECONDS, act, add, trade

VOID = '\n[market.void]\nwho = "the referee"\ntrigger = "It is not played"\nprices = "fixed"\nfixed = ["0.5000", "0.3000", "0.2000"]\n'
WINDOW = 'challenge_window = "1h"'
WORLD = CONFIG + market("TIE", more=WINDOW) + market("RAIN") + VOID + market("LEAGUE", "at_most", WINDOW)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(Path(tmp_path_factory.mktemp("exchange")), WORLD) as server:
        yield server


@pytest.fixture(scope="module")
def desk(exchange: ServerProcess) -> Iterator[Receiver]:
    """The endpoint of the firm MM1."""
    receiver = Receiver()
    add(exchange, receiver, "desk", "--firm", "MM1")
    with Hooks(exchange.folder, exchange.data):
        yield receiver
    receiver.close()


CUP_A, TIE_A, RAIN_A, LEAGUE_C = 1, 4, 7, 12  # instruments, in the order of the configuration


def data_of(desk: Receiver, kind: str, **wanted: Any) -> dict[str, Any]:
    """The data of the first message of this kind that says all this."""

    def found() -> list[dict[str, Any]]:
        return [got.message["data"] for got in desk.of(kind) if wanted.items() <= got.message["data"].items()]

    wait_until(lambda: bool(found()), SECONDS)
    return found()[0]


def test_a_trade_that_is_corrected_and_one_that_is_busted(exchange: ServerProcess, desk: Receiver) -> None:
    first, second = trade(exchange, instrument=CUP_A), trade(exchange, instrument=CUP_A, price=9_000, qty=10)
    act(exchange, ar.Bust(trade=first.trade, reason="a digit", price="0.3000"))
    act(exchange, ar.Bust(trade=second.trade, reason="a price of another market"))
    told = data_of(desk, "fill.corrected")
    assert (told["fill"]["fill_id"], told["fill"]["price"], told["fill"]["quantity"]) == (str(first.event), "0.3000", "5")
    assert (told["old_price"], told["old_quantity"]) == ("0.4000", "5") and float(told["amount"]) > 0, "it paid less than it was charged"
    gone = data_of(desk, "fill.busted")
    assert (gone["fill"]["fill_id"], gone["fill"]["trade_id"]) == (str(second.event), str(second.trade))
    assert float(gone["amount"]) > 9 - 0.1, "what it paid is given back"


def test_a_result_that_is_disputed_and_corrected(exchange: ServerProcess, desk: Receiver) -> None:
    trade(exchange, instrument=TIE_A)
    act(exchange, ar.SetPhase(event="TIE", phase="closed"))
    act(exchange, ar.Determine(event="TIE", payouts=(0, 10_000, 0), **SAID))
    act(exchange, ar.Dispute(event="TIE", firm="MM1", reason="A won"))
    disputed = data_of(desk, "market.disputed")
    assert (disputed["market"], disputed["version"], disputed["phase"], disputed["contract"]) == ("TIE", 1, "disputed", None)
    act(exchange, ar.Correct(event="TIE", payouts=(10_000, 0, 0), **SAID))
    second = data_of(desk, "market.determined", version=2)
    assert second["payouts"][0] == {"contract": "TIE-A", "payout": "1.0000"} and second["window_ends_at"]
    answer = exchange.ask("admin", ar.Finalise(event="TIE"))
    assert not answer.ok and answer.code == codes.R_CHALLENGE_WINDOW, "inside the window"


def test_a_void_pays_what_the_market_declared(exchange: ServerProcess, desk: Receiver) -> None:
    trade(exchange, instrument=RAIN_A)
    act(exchange, ar.Void(event="RAIN", reason="It rained", **SAID))
    told = data_of(desk, "market.voided")
    assert [one["payout"] for one in told["payouts"]] == ["0.5000", "0.3000", "0.2000"] and told["phase"] == "voided"
    act(exchange, ar.Finalise(event="RAIN"))
    paid = data_of(desk, "settlement.paid", market="RAIN")
    assert (paid["payout"], paid["position"], paid["amount"]) == ("0.5000", "5", "2.5000")
    act(exchange, ar.Correct(event="RAIN", payouts=(10_000, 0, 0), **SAID))
    changed = data_of(desk, "settlement.reversed")
    assert (changed["why"], changed["amount"], changed["account"], changed["result_version"]) == ("correction", "2.5000", "MM1-A", 2)


def test_a_contract_that_is_decided_ahead_is_named(exchange: ServerProcess, desk: Receiver) -> None:
    trade(exchange, instrument=LEAGUE_C, price=1_000)
    act(exchange, ar.DetermineOne(event="LEAGUE", symbol="LEAGUE-C", payout=0, **SAID))
    told = data_of(desk, "market.determined", contract="LEAGUE-C")
    assert told["payouts"] == [{"contract": "LEAGUE-C", "payout": "0.0000"}] and told["market"] == "LEAGUE"


def test_money_that_was_held_is_free_again_or_leaves(exchange: ServerProcess, desk: Receiver) -> None:
    held = exchange.ask("admin", ar.Hold(key="hold-1", account="MM1-A", asset="USD", amount=70_000)).result["hold"]
    act(exchange, ar.Release(key="release-1", hold=held))
    asked = exchange.ask("admin", ar.RequestWithdrawal(key="out-1", account="MM1-A", asset="USD", amount=30_000)).result["withdrawal"]
    act(exchange, ar.SettleWithdrawal(key="out-2", withdrawal=asked))
    data_of(desk, "money.withdrawn")
    told = [
        (got.type, got.message["data"]["amount"]) for got in desk.got if got.type in ("money.held", "money.released", "money.withdrawn")
    ]
    assert told[:2] == [("money.held", "-7.0000"), ("money.released", "7.0000")] and told[-1] == ("money.withdrawn", "-3.0000"), told
    assert not desk.bad
