"""A server, `exos webhooks serve` beside it, and receivers: fills, money, phases and a settlement, with kills of the process in between."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.hooks.progress import read as progress_of
from protocol import codes
from protocol import messages as M
from tests.server_kit import SMALL, BinaryPeer, ServerProcess, order, wait_until

from .rig import Hooks, Receiver, command, run

SECONDS = 90.0
LONG = bool(os.environ.get("EXOS_LONG"))
CONFIG = SMALL.replace('firm = "MM{n}"', 'firm = "MM{n}"\nvenue = "V"')
SAID: dict[str, Any] = {
    "rule_id": "The winner pays 1.0000, the others nothing.", "source": "the referee", "observed_value": "A won", "observed_at_ns": 1, "evidence_sha256": "ab" * 32,
    "evidence_name": "report.pdf",
}  # fmt: skip


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(Path(tmp_path_factory.mktemp("exchange")), CONFIG) as server:
        yield server


@pytest.fixture(scope="module")
def desk() -> Iterator[Receiver]:
    """The endpoint of the firm MM1."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Receiver]:
    """The endpoint of the venue V."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def hooks(exchange: ServerProcess, desk: Receiver, shop: Receiver) -> Iterator[Hooks]:
    add(exchange, desk, "desk", "--firm", "MM1")
    add(exchange, shop, "shop", "--venue", "V")
    with Hooks(exchange.folder, exchange.data) as running:
        yield running


def add(server: ServerProcess, receiver: Receiver, name: str, *whose: str) -> None:
    made = command(server.data, "add", name, receiver.url, "--allow-private", *whose)
    assert made["secret"].startswith("whsec_")
    receiver.secret = made["secret"]


_ids = iter(range(1, 100_000))


def trade(server: ServerProcess, times: int = 1, instrument: int = 1, price: int = 4000, qty: int = 5) -> M.Fill:
    """MM1 buys of MM2, CUP-A if not told otherwise; MM1's last fill. price: in ticks."""
    port = server.ready["binary_port"]
    seller, buyer = BinaryPeer(port, 2), BinaryPeer(port, 1)
    for _ in range(times):
        for peer, side in ((seller, codes.SELL), (buyer, codes.BUY)):
            peer.send(order(next(_ids), side, price, qty, instrument))
            until(peer, M.Accepted)
        fill: M.Fill = until(buyer, M.Fill)
        until(seller, M.Fill)
    seller.close()
    buyer.close()
    return fill


def until(peer: BinaryPeer, kind: type) -> Any:
    while not isinstance(found := peer.next(SECONDS), kind):
        assert found is not None
    return found


def act(server: ServerProcess, record: Any) -> None:
    answer = server.ask("admin", record)
    assert answer.ok, answer.text


def test_fills_go_to_the_firm_and_its_venue_and_to_nobody_else(exchange: ServerProcess, hooks: Hooks, desk: Receiver, shop: Receiver):
    before = len(desk.of("fill.created"))
    trade(exchange, 3)
    wait_until(lambda: len(desk.of("fill.created")) == before + 3 and len(shop.of("fill.created")) >= 6, SECONDS)
    assert {got.message["data"]["account"] for got in desk.got if "account" in got.message["data"]} == {"MM1-A"}
    assert {got.message["data"]["account"] for got in shop.of("fill.created")} == {"MM1-A", "MM2-A"}
    data = desk.of("fill.created")[-1].message["data"]
    shown = ("contract", "side", "contract_side", "price", "quantity", "liquidity", "asset")
    assert [data[name] for name in shown] == ["CUP-A", "buy", "yes", "0.4000", "5", "taker", "USD"]
    assert data["fee"].startswith("0.0") and data["fill_id"] == desk.of("fill.created")[-1].id.rpartition("_")[2]
    numbers = [int(got.message["data"]["fill_id"]) for got in desk.of("fill.created")]
    assert numbers == sorted(numbers) and not desk.bad and not shop.bad


def test_money_and_phases(exchange: ServerProcess, hooks: Hooks, desk: Receiver, shop: Receiver):
    act(exchange, ar.Transfer(key="in-1", asset="USD", amount=125_000, target="MM1-A"))
    act(exchange, ar.Transfer(key="out-1", asset="USD", amount=5_000, source="MM1-A"))
    act(exchange, ar.Hold(key="hold-1", account="MM1-A", asset="USD", amount=70_000))
    act(exchange, ar.SetPhase(event="CUP", phase="paused"))
    act(exchange, ar.SetPhase(event="CUP", phase="open"))
    wait_until(lambda: desk.of("money.held") and len(shop.of("market.phase_changed")) == 2, SECONDS)
    told = {kind: desk.of(kind)[-1].message["data"] for kind in ("money.deposited", "money.withdrawn", "money.held")}
    assert {kind: data["amount"] for kind, data in told.items()} == {
        "money.deposited": "12.5000",
        "money.withdrawn": "-0.5000",
        "money.held": "-7.0000",
    }
    assert [(got.message["data"]["old"], got.message["data"]["phase"]) for got in shop.of("market.phase_changed")] == [
        ("open", "paused"), ("paused", "open"),
    ]  # fmt: skip
    wait_until(lambda: len(desk.of("market.phase_changed")) == 2, SECONDS)  # MM1 sees the market


def test_a_kill_at_any_moment_loses_nothing(exchange: ServerProcess, hooks: Hooks, desk: Receiver, shop: Receiver):
    """Messages come twice at most under the same id, and every fill comes."""
    had = len(desk.of("fill.created"))
    random = Random(7)
    moments = [random.randint(1, 6) for _ in range(100)] if LONG else [1, 2, 3]
    for fatal in moments:  # the message of each round at which it dies, before it reads the answer
        seen = 0

        def dies(got: Any, fatal: int = fatal) -> int:
            nonlocal seen
            seen += 1
            if seen == fatal:
                hooks.process.kill()
            return 200 if seen % 2 else 503

        desk.answer = dies
        trade(exchange, 3)
        wait_until(lambda: hooks.process.poll() is not None, SECONDS)
        desk.answer = lambda got: 200
        hooks.process.stdout.close()
        hooks.start()
    wait_until(lambda: len({got.id for got in desk.of("fill.created")}) == had + 3 * len(moments), SECONDS)
    by_id: dict[str, Any] = {}
    for got in desk.got:
        assert by_id.setdefault(got.id, got.message) == got.message


def test_a_redirect_is_not_followed_and_the_message_comes_later(exchange: ServerProcess, hooks: Hooks, desk: Receiver):
    had = len(desk.of("fill.created"))
    before = {row["name"]: row for row in command(exchange.data, "list")["endpoints"]}["desk"]["taken"]
    tried: list[str] = []

    def moves(got: Any) -> int:
        tried.append(got.headers["host"])
        return 302 if len(tried) < 3 else 200

    desk.answer = moves
    trade(exchange)
    wait_until(lambda: len(desk.of("fill.created")) > had, SECONDS)
    desk.answer = lambda got: 200
    assert len(tried) >= 3
    rows = {row["name"]: row for row in command(exchange.data, "list")["endpoints"]}
    assert rows["desk"]["taken"] > before  # how many since the last save is lost in a kill, so it may be less than what has come


def test_again_by_id_and_from_a_time(exchange: ServerProcess, hooks: Hooks, desk: Receiver):
    fill = desk.of("fill.created")[0]
    had = len(desk.got)
    command(exchange.data, "replay", "desk", "--id", fill.id)
    wait_until(lambda: len(desk.got) > had, SECONDS)
    assert desk.got[had].id == fill.id and desk.got[had].message == fill.message
    last = desk.of("fill.created")[-2]
    had = len(desk.got)
    command(exchange.data, "replay", "desk", "--from", last.message["timestamp"][:26] + "Z")
    wait_until(lambda: last.id in {got.id for got in desk.got[had:]}, SECONDS)
    wrong = run(exchange.data, "replay", "desk", "--id", "evt_000000000000_1")
    assert wrong.returncode == 2 and "is not the id of a message of this exchange" in wrong.stderr


def test_a_result_is_told_with_its_evidence_and_what_it_paid(exchange: ServerProcess, hooks: Hooks, desk: Receiver, shop: Receiver):
    act(exchange, ar.Settle(event="CUP", payouts=(10_000, 0, 0), finalise=True, **SAID))
    wait_until(lambda: desk.of("settlement.paid") and desk.of("market.final") and shop.of("market.final"), SECONDS)
    paid = desk.of("settlement.paid")[-1].message["data"]
    assert (paid["account"], paid["contract"], paid["market"], paid["payout"], paid["result_version"]) == (
        "MM1-A",
        "CUP-A",
        "CUP",
        "1.0000",
        1,
    )
    assert int(paid["position"]) > 0 and paid["amount"].startswith(paid["position"])
    result = shop.of("market.determined")[-1].message["data"]
    assert [(one["contract"], one["payout"]) for one in result["payouts"]] == [
        ("CUP-A", "1.0000"),
        ("CUP-B", "0.0000"),
        ("CUP-C", "0.0000"),
    ]
    assert (result["evidence_sha256"], result["source"], result["phase"]) == ("ab" * 32, "the referee", "determined")
    order_of = [got.type for got in shop.got if got.type in ("market.determined", "market.final")]
    assert order_of == ["market.determined", "market.final"]


def test_wrong_lines_and_endpoints_are_named(exchange: ServerProcess, hooks: Hooks):
    for line, code, text in (
        (("add", "desk", "https://a.example/", "--firm", "MM1"), 3, "there is an endpoint desk already"),
        (("add", "x", "https://a.example/", "--firm", "NOBODY"), 1, "NOBODY"),
        (("add", "x", "http://a.example/", "--firm", "MM1"), 3, "is not under TLS"),
        (("remove", "nobody"), 1, 'there is no endpoint "nobody" (there are: desk, shop)'),
    ):
        done = run(exchange.data, *line)
        assert done.returncode == code and text in done.stderr, (line, done.returncode, done.stderr)
    second = run(exchange.data, "serve")
    assert second.returncode == 19 and "another exos webhooks serve runs" in second.stderr


def test_a_test_message_tells_at_once_and_a_stop_saves(exchange: ServerProcess, hooks: Hooks, desk: Receiver):
    told = command(exchange.data, "test", "desk")
    assert told["status"] == 200 and desk.of("webhook.test")[-1].id == told["id"]
    secret, desk.secret = desk.secret, "whsec_" + "A" * 44
    wrong = run(exchange.data, "test", "desk")
    assert wrong.returncode == 1 and "did not take the message: status 400" in wrong.stderr
    desk.secret = secret
    end = exchange.ask("reports").result["events"] + 1
    wait_until(lambda: progress_of(exchange.data).endpoints["desk"].position == end, SECONDS)
    assert hooks.stop() == 0
    assert progress_of(exchange.data).endpoints["desk"].position == end
    assert "whsec_" not in hooks.log_text()
