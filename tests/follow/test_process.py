"""The follower as a process, beside a real server: crash tests in short form, with it on."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from exchange_server.exits import Exit
from exchange_server.follow import process as module
from exchange_server.follow.follower import Differs
from exchange_server.follow.status import DIFFERS, FOLLOWING, REFUSED, STOPPED, Status, alive, read_status
from exchange_server.journal.walk import JournalRefused
from exchange_server.net.observe import Log
from protocol import codes
from protocol import messages as M
from tests.server_kit import ROOT, SMALL, BinaryPeer, ServerProcess, order, wait_until

OFTEN = """follower = "on"
snapshot_rows = 200
snapshot_age = "1s"
"""
FOLLOW = (sys.executable, "-m", "exchange_server.cli.main", "follow", "--data")
LONG_S = 60.0  # two processes start, on a busy machine


def config(more: str = OFTEN) -> str:
    return SMALL.replace('follower = "off"\n', more)


def said(server: ServerProcess) -> Status:
    return read_status(server.data / "follower") or Status()


def snapshots(server: ServerProcess) -> list[int]:
    return sorted(int(p.stem) for p in (server.data / "snapshots").glob("*.snap"))


def trade(peer: BinaryPeer, ids: range) -> None:
    """Orders, each of them accepted and durable afterwards."""
    for i in ids:
        peer.send(order(i, codes.BUY, 100 + i % 7, 1))
        assert peer.read(M.Accepted).id == i


def snapshot_of_now(server: ServerProcess, peer: BinaryPeer) -> bool:
    peer.send(M.Heartbeat())
    made = snapshots(server)
    return bool(made) and made[-1] >= server.ask("status").result["engine"]["row_seq"] - 50


def caught_up(server: ServerProcess) -> bool:
    now = said(server)
    return now.state == FOLLOWING and now.row_seq >= server.ask("status").result["journal"]["durable_seq"]


def log_lines(server: ServerProcess, event: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, server.log_text().splitlines()) if line["event"] == event]


def test_kill_9_of_the_server_with_a_follower_restarts_from_its_snapshot(tmp_path: Path) -> None:
    """Newest snapshot and tail: the rows replayed are counted, and nothing acknowledged is missing."""
    with ServerProcess(tmp_path, config()) as server:
        peer = BinaryPeer(server.ready["binary_port"], 1)
        peer.logged_on()
        wait_until(lambda: said(server).state == FOLLOWING, LONG_S)
        for round in range(3):
            trade(peer, range(1000 * round + 1, 1000 * round + 301))
            wait_until(lambda: snapshot_of_now(server, peer), LONG_S)
        wait_until(lambda: caught_up(server), LONG_S)
        trade(peer, range(5001, 5021))
        status = server.ask("status").result
        follower = status["follower"]
        assert follower["on"] and follower["running"] and follower["starts"] == 1 and follower["report"]["marks"] > 0
        child, rows = follower["report"]["pid"], status["engine"]["row_seq"]
        server.kill()
        wait_until(lambda: not Path(f"/proc/{child}").exists(), 10)  # it ends with the server
        newest = snapshots(server)[-1]
        assert newest > 600
        server.process.stdout.close()
        server.start()
        snapshot, replayed = re.search(r"snapshot \d+\.snap \(row (\d+)\), (\d+) rows in", server.ready["recovery"]).groups()  # type: ignore[union-attr]
        assert int(snapshot) == newest and rows - newest <= int(replayed) < rows - newest + 20, server.ready["recovery"]
        assert server.ask("check").result["failed"] == []
        peer = BinaryPeer(server.ready["binary_port"], 1, next_number=1)
        peer.logged_on()
        accepted: list[int] = []
        while len(accepted) < 920:
            message = peer.next()
            assert message is not None
            accepted += [message.id] if isinstance(message, M.Accepted) else []
        assert accepted == [*range(1, 301), *range(1001, 1301), *range(2001, 2301), *range(5001, 5021)], (
            "each once, also those of before the snapshot"
        )
        wait_until(lambda: said(server).pid != child and caught_up(server), LONG_S)
        assert server.stop() == Exit.OK and said(server).state in (STOPPED, FOLLOWING)
        assert log_lines(server, "follower_differs") == []


def test_a_follower_killed_again_and_again_and_trading_goes_on(tmp_path: Path) -> None:
    rng = random.Random(7)
    with ServerProcess(tmp_path, config()) as server:
        peer = BinaryPeer(server.ready["binary_port"], 1)
        peer.logged_on()
        killed: set[int] = set()  # a process that was killed has its number until the server has waited for it
        id = 1
        end = time.monotonic() + 2 * LONG_S
        while len(killed) < 3 and time.monotonic() < end:
            trade(peer, range(id, id + 3))
            id += 3
            time.sleep(0.1)
            found = said(server)
            if found.pid not in killed | {0} and alive(found, server.data / "follower") and rng.random() < 0.2:
                os.kill(found.pid, signal.SIGKILL)
                killed.add(found.pid)
        assert len(killed) == 3
        told = log_lines(server, "follower_ended")
        assert len(told) >= len(killed) - 1 and all(line["exit_code"] == -9 and line["effect"] == "trading goes on" for line in told)
        assert server.ask("check").result["failed"] == [] and server.stop() == Exit.OK


def test_one_of_its_own_a_second_one_and_a_server_that_comes_back(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, config(OFTEN.replace('"on"', '"off"'))) as server:
        peer = BinaryPeer(server.ready["binary_port"], 1)
        peer.logged_on()
        trade(peer, range(1, 51))
        own = subprocess.Popen([*FOLLOW, str(server.data)], cwd=ROOT, stderr=subprocess.PIPE)
        wait_until(lambda: caught_up(server), LONG_S)
        second = subprocess.run([*FOLLOW, str(server.data)], cwd=ROOT, capture_output=True, timeout=LONG_S, check=False)
        assert second.returncode == Exit.LOCKED and f"is in use by process {own.pid}; stop it first" in second.stderr.decode()
        assert said(server).pid == own.pid, "the second one did not write the status"
        server.kill()
        server.process.stdout.close()
        server.start()
        peer = BinaryPeer(server.ready["binary_port"], 2)
        peer.logged_on()
        trade(peer, range(1, 51))
        wait_until(lambda: caught_up(server), LONG_S)
        assert server.ask("status").result["follower"]["report"]["pid"] == own.pid
        assert server.stop() == Exit.OK
        own.send_signal(signal.SIGTERM)
        assert own.wait(LONG_S) == Exit.OK and said(server).state == STOPPED
        assert own.stderr is not None
        own.stderr.close()


@pytest.mark.parametrize("place", ["missing", "empty", "file"])
def test_a_folder_that_is_no_servers(tmp_path: Path, place: str) -> None:
    data = tmp_path / "d"
    if place == "empty":
        data.mkdir()
    elif place == "file":
        data.write_bytes(b"")
    code = module.run(data)
    assert code == (Exit.RECOVERY if place == "empty" else Exit.CONFIG)
    if place == "empty":
        found = read_status(data / "follower")
        assert found is not None and found.state == REFUSED and "does not exist: name the data folder of a server" in found.text


@pytest.mark.parametrize(
    ("error", "code", "state", "text"),
    [
        (
            Differs("rows 8 to 47 give something else"),
            Exit.DIFFERS,
            DIFFERS,
            "rows 8 to 47 give something else. Snapshots are not made any more",
        ),
        (JournalRefused(Path("x"), 7, "1 to 2", "why", "what"), Exit.RECOVERY, REFUSED, "journal refused: x at byte 7: why"),
        (MemoryError(), Exit.SETUP, REFUSED, "not enough memory for a second copy"),
        (OSError(5, "Input/output error", "y"), Exit.RECOVERY, REFUSED, "y: Input/output error"),
    ],
)
def test_every_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: Exit, state: str, text: str) -> None:
    def fail(self: module.Process) -> Exit:
        raise error

    monkeypatch.setattr(module.Process, "_follow", fail)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert module.Process(tmp_path, 0, Log()).run() == code
    found = read_status(tmp_path / "follower")
    assert found is not None and found.state == state and text in found.text
