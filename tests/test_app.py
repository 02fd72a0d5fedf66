"""The whole server, from outside: trade, look, kill it, start it again, stop it."""

import io
import json
import signal
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from config.load import load
from config.serve_options import ServeOptions
from exchange_server import app
from exchange_server.cli.admin_client import AdminClient
from exchange_server.exits import Exit
from exchange_server.gateway.connection import TurnInput
from exchange_server.net.observe import Log
from protocol import codes
from protocol import messages as M
from tests.server_kit import SMALL, BinaryPeer, FixPeer, ServerProcess, in_use, order, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> object:
    with ServerProcess(tmp_path_factory.mktemp("exos")) as running:
        yield running


def test_two_binary_members_trade_and_a_third_sees_it(server: ServerProcess) -> None:
    port = server.ready["binary_port"]
    maker, taker, watcher = BinaryPeer(port, 1), BinaryPeer(port, 2), BinaryPeer(port, 3)
    for peer in (maker, taker, watcher):
        peer.logged_on()
    watcher.send(M.Subscribe([1]))
    first = watcher.read(M.BookSnapshot)
    maker.send(order(1, codes.SELL, 6200, 10))
    assert maker.read(M.Accepted).leaves == 10
    update = watcher.read(M.BookUpdate)
    assert update.changes == [(codes.SELL, 6200, 10)] and update.seq == first.seq + 1
    taker.send(order(7, codes.BUY, 6300, 4))
    assert taker.read(M.Accepted).id == 7
    fill = taker.read(M.Fill)
    assert (fill.last_price, fill.last_qty, fill.cum, fill.leaves) == (6200, 4, 4, 0)
    resting = maker.read(M.Fill)
    assert (resting.id, resting.last_qty, resting.leaves, resting.trade) == (1, 4, 6, fill.trade)
    update = watcher.read(M.BookUpdate)
    assert update.changes == [(codes.SELL, 6200, 6)] and update.trades == [(fill.trade, 6200, 4, codes.BUY)]
    maker.send(M.CancelOrder(2, 1))
    assert maker.read(M.Canceled).reason == codes.R_USER_CANCEL
    for peer in (maker, taker, watcher):
        peer.close()


def test_a_fix_client_trades_with_a_binary_member(server: ServerProcess) -> None:
    client, maker = FixPeer(server.ready["fix_port"], 1), BinaryPeer(server.ready["binary_port"], 1)
    logon = client.read("A")
    assert logon[34] == "1" and logon[108] == "30" and logon[141] == "Y"
    maker.logged_on()
    client.order("first-one", 1, "0.4100", 5, "CUP-C")
    new = client.read("8")
    assert (new[11], new[150], new[39], new[44], new[151], new[34]) == ("first-one", "0", "0", "0.4100", "5", "2")
    maker.send(order(50_001, codes.SELL, 4000, 3, 3))
    maker.read(M.Accepted)
    fill = maker.read(M.Fill)
    assert fill.last_price == 4100
    report = client.read("8")
    assert (report[150], report[39], report[31], report[32], report[14], report[151], report[34]) == (
        "F",
        "1",
        "0.4100",
        "3",
        "3",
        "2",
        "3",
    )
    client.send("F", (11, "second"), (41, "first-one"), (55, "CUP-C"), (54, 1), (60, "20260101-00:00:00"))
    canceled = client.read("8")
    assert (canceled[150], canceled[11], canceled[41]) == ("4", "second", "first-one")
    client.send("5")
    assert client.read("5")[35] == "5"
    assert client.next() is None
    maker.close()


def test_a_second_fix_connection_of_a_live_session_is_closed_without_a_word(server: ServerProcess) -> None:
    first = FixPeer(server.ready["fix_port"], 2)
    first.read("A")
    second = FixPeer(server.ready["fix_port"], 2)
    assert second.next() is None
    wrong = FixPeer(server.ready["fix_port"], 1, password="guessed")
    assert wrong.read("5")[35] == "5" and wrong.next() is None
    first.send("1", (112, "still there?"))
    assert first.read("0")[112] == "still there?"
    first.close()


def test_many_orders_in_one_write_are_all_answered_in_order(server: ServerProcess) -> None:
    peer = BinaryPeer(server.ready["binary_port"], 1)
    peer.logged_on()
    peer.send(*[order(1000 + i, codes.BUY, 1 + i % 50, 1, 2) for i in range(500)])
    assert [peer.read(M.Accepted).id for _ in range(500)] == list(range(1000, 1500))
    peer.send(M.MassCancel(2000, codes.SCOPE_SESSION))
    assert {peer.read(M.Canceled).id for _ in range(500)} == set(range(1000, 1500))
    assert peer.read(M.MassCancelDone).count == 500
    peer.close()


def test_a_second_logon_of_a_live_session_is_refused_and_the_first_goes_on(server: ServerProcess) -> None:
    port = server.ready["binary_port"]
    first = BinaryPeer(port, 2)
    first.logged_on()
    second = BinaryPeer(port, 2)
    assert second.read(M.Logout).reason == codes.R_ALREADY_LOGGED_ON
    assert second.next() is None
    wrong = BinaryPeer(port, 2, secret="guessed")
    assert wrong.read(M.Logout).reason == codes.R_BAD_CREDENTIALS, "who does not know the secret is not told that it is logged on"
    first.send(M.OrderStatusRequest(424242))
    assert first.read(M.OrderStatus).status == codes.ST_NONE
    first.close()


def test_operator_sees_and_changes_through_the_admin_socket(server: ServerProcess) -> None:
    assert stat.S_IMODE((server.data / "admin.sock").stat().st_mode) == 0o600
    markets = server.ask("markets").result["markets"]
    assert [m["event"] for m in markets] == ["CUP"] and markets[0]["phase"] == "open"
    status = server.ask("status").result
    shares = status["shares"]
    assert shares["closed_ids"]["capacity"] == 16384 and 0 < shares["closed_ids"]["used"] < 1000 and not shares["warned"]
    assert next(iter(shares["firms"].values()))["closed_ids"]["share"] > 0 and "at least" in shares["duplicate_window"]
    assert status["settings_not_taken"] == []
    assert status["engine"]["commands"] > 0 and status["journal"]["mode"] == "sync" and status["pipeline"]["turns"] > 0
    peer = BinaryPeer(server.ready["binary_port"], 1)
    peer.logged_on()
    answer = server.ask("admin", ar.SetPhase(event="CUP", phase="paused"))
    assert answer.ok, answer
    peer.send(order(5000, codes.BUY, 100, 1))
    assert peer.read(M.Rejected).reason == codes.R_MARKET_PAUSED
    assert server.ask("admin", ar.SetPhase(event="CUP", phase="open")).ok
    peer.send(order(5001, codes.BUY, 100, 1))
    assert peer.read(M.Accepted).id == 5001
    peer.send(M.CancelOrder(5002, 5001))
    peer.read(M.Canceled)
    refused = server.ask("admin", ar.SetPhase(event="NO-SUCH", phase="open"))
    assert not refused.ok and "NO-SUCH" in refused.text
    unknown = server.ask("dance")
    assert (
        not unknown.ok
        and unknown.code == codes.R_BAD_COMMAND
        and "known: " in unknown.text
        and "admin, asset, assets, budget, check" in unknown.text
    )
    pieces: list[Any] = []
    with AdminClient(server.data) as admin:
        check = admin.ask_pieces("check", pieces.append).result
    assert check["failed"] == [] and len(check["digest"]) == 64
    assert [(piece["done"], piece["of"]) for piece in pieces] == [(0, 3), (1, 3), (2, 3)], "a proof in each turn"
    peer.close()


def test_garbage_on_every_port_harms_nobody(server: ServerProcess) -> None:
    peer = BinaryPeer(server.ready["binary_port"], 1)
    peer.logged_on()
    for port in (server.ready["binary_port"], server.ready["fix_port"]):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as hostile:
            hostile.sendall(bytes(range(256)) * 8)
            hostile.shutdown(socket.SHUT_WR)
            try:
                while hostile.recv(4096):
                    continue
            except ConnectionResetError:
                pass
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(10)
    link.connect(str(server.data / "admin.sock"))
    link.sendall(b"\xff\xfe{not json\n[1]\n")
    lines = link.makefile("rb")
    assert [json.loads(lines.readline())["code"] for _ in range(2)] == [codes.R_BAD_COMMAND] * 2
    link.close()
    peer.send(M.OrderStatusRequest(1))
    peer.read(M.OrderStatus)
    assert server.ask("status").result["pipeline"]["gateway_faults"] == 0
    peer.close()


def test_kill_9_loses_nothing_and_what_was_missed_can_be_resumed(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    with server:
        port = server.ready["binary_port"]
        maker, taker = BinaryPeer(port, 1), BinaryPeer(port, 2)
        maker.logged_on()
        taker.logged_on()
        maker.send(*[order(i, codes.SELL, 5000 + i, 10) for i in range(1, 101)])
        for i in range(1, 101):
            assert maker.read(M.Accepted).id == i
        client = FixPeer(server.ready["fix_port"], 1)
        client.read("A")
        client.order("kept", 1, "0.0001", 7)
        kept = client.read("8")
        maker.close()  # it misses the fills that follow
        wait_until(lambda: server.ask("status").result["logged_on"] == ["CLIENT1", "MM2"])
        taker.send(order(1, codes.BUY, 5010, 1000, tif=codes.IOC))
        taker.read(M.Accepted)
        fills = [taker.read(M.Fill) for _ in range(10)]
        taker.read(M.Canceled)
        before = server.ask("check").result
        server.kill()
    for path in (server.data / "events").glob("*"):
        path.unlink()
    with server:
        assert "rows in" in server.ready["recovery"] and server.ready["records_applied"] == 0
        after = server.ask("check").result
        assert after["failed"] == []
        assert after["row_seq"] == before["row_seq"] + 3, "the inputs since: a TIME row, and that two connections are gone"
        client = FixPeer(server.ready["fix_port"], 1, seq=3, reset=False)
        assert client.read("A")[34] == "3", "numbers go on"
        client.send("2", (7, 2), (16, 0))
        again = client.read("8")
        assert again[43] == "Y" and {k: v for k, v in again.items() if k not in (9, 10, 43, 52, 122)} == {
            k: v for k, v in kept.items() if k not in (9, 10, 52)
        }, "the same report, also from an event store that replay has made again"
        maker = BinaryPeer(server.ready["binary_port"], 1, next_number=102)
        maker.logged_on()
        missed = [maker.read(M.Fill) for _ in range(10)]
        assert [m.trade for m in missed] == [f.trade for f in fills] and [m.number for m in missed] == list(range(102, 112))
        while not isinstance(maker.next(), M.ResumeDone):
            continue
        maker.send(order(200, codes.BUY, 1, 1), M.OrderStatusRequest(50))
        assert maker.read(M.Accepted).id == 200
        assert maker.read(M.OrderStatus).leaves == 10
        assert maker.numbered[-1] != maker.numbered[-2]


def test_a_clean_stop_tells_the_peers_writes_a_snapshot_and_starts_from_it(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    with server:
        peer = BinaryPeer(server.ready["binary_port"], 1)
        peer.logged_on()
        peer.send(order(1, codes.SELL, 5000, 10))
        peer.read(M.Accepted)
        server.process.send_signal(signal.SIGTERM)
        assert peer.read(M.Logout).reason == codes.R_SHUTDOWN
        assert peer.next() is None
        assert server.process.wait(30) == Exit.OK
        assert not (server.data / "admin.sock").exists()
        (snapshot,) = (server.data / "snapshots").glob("*.snap")
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700 and stat.S_IMODE(snapshot.stat().st_mode) == 0o600, "secrets are in there"
    with server:
        assert "snapshot" in server.ready["recovery"] and " 0 rows in 0 frames" in server.ready["recovery"]
        peer = BinaryPeer(server.ready["binary_port"], 1)
        peer.logged_on()
        peer.send(M.CancelOrder(2, 1))
        assert peer.read(M.Canceled).qty == 10
        assert server.ask("stop").ok
        assert server.process.wait(30) == Exit.OK


def options(folder: Path, config: str = SMALL, **settings: Any) -> ServeOptions:
    """What the command line makes of a file."""
    path = folder / "test.toml"
    path.write_text(config)
    loaded = load(path)
    return ServeOptions(folder / "data", loaded.settings._replace(**settings), loaded.items, path.name)


def test_a_second_server_on_one_data_folder_is_refused_by_name(server: ServerProcess, capfd: pytest.CaptureFixture[str]) -> None:
    assert app.serve(options(server.folder)) == Exit.LOCKED
    assert f"in use by process {server.ready['pid']}" in capfd.readouterr().err


def test_a_port_in_use_is_named_in_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    blocker = in_use(0)
    port = blocker.getsockname()[1]
    for which, name in (("fix_port", "fix"), ("binary_port", "binary")):
        assert app.serve(options(tmp_path, **{which: port})) == Exit.PORT
        out, log = capfd.readouterr()
        assert out == "" and f"port {port} on 127.0.0.1 ({name}) is in use" in log and "Traceback" not in log
    blocker.close()
    assert not (tmp_path / "data" / "admin.sock").exists()
    app.Server(options(tmp_path), Log()).close()


def test_a_configuration_that_contradicts_the_data_folder_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first = app.Server(options(tmp_path), Log())
    first.close()
    assert first.applied > 10
    assert app.serve(options(tmp_path, SMALL.replace("winners = 1", "winners = 2"))) == Exit.CONFIG
    assert "winners: cannot be changed: market CUP exists with another value" in (said := capfd.readouterr().err)
    assert "use another data folder or the old value" in said
    changed = app.Server(options(tmp_path, SMALL.replace("max_qty = 10_000", "max_qty = 20_000")), Log())
    assert changed.applied == 1
    changed.close()


def test_the_duplicate_window_is_told_at_the_start(tmp_path: Path) -> None:
    first = app.Server(options(tmp_path), Log(stream := io.StringIO()))
    first.close()
    first.log.flush()
    assert '"duplicate_window"' in stream.getvalue()


def test_a_data_folder_that_cannot_be_used_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    app.Server(options(tmp_path), Log()).close()
    segment = tmp_path / "data" / "journal" / "00000001.seg"
    raw = bytearray(segment.read_bytes())
    raw[4096 + 300] ^= 1
    segment.write_bytes(raw)
    assert app.serve(options(tmp_path)) == Exit.RECOVERY
    assert "00000001.seg" in capfd.readouterr().err


def test_what_was_logged_on_when_the_server_died_is_logged_off_by_the_next_start(tmp_path: Path) -> None:
    first = app.Server(options(tmp_path), Log())
    turn = TurnInput(rows=4)
    turn.begin(first.engine.turn + 1, first.clock.now_ns())
    session = first.engine.registry.sessions.named("MM1").id
    turn.add(codes.C_LOGON, session)
    first._input(turn.inbox, turn.words)
    rows = first.engine.row_seq
    first.close()
    second = app.Server(options(tmp_path), Log())
    assert second.engine.row_seq == rows + 2
    second.close()
    third = app.Server(options(tmp_path), Log())
    assert third.engine.row_seq == rows + 2, "once"
    third.close()
