"""A real server and its page: what it counts, what systemd hears of it, and what a reader sees when it hangs, is killed, or stops."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exchange_server.watch import collect
from exchange_server.watch import fields as f
from exchange_server.watch.metrics import text_of
from exchange_server.watch.page import NAME, PAGE_BYTES
from exchange_server.watch.view import View, look
from protocol import codes
from tests.server_kit import BinaryPeer, ServerProcess, order


def until(data: Path, what: Callable[[View], bool], seconds: float = 10.0) -> View:
    deadline = time.monotonic() + seconds
    while not what(view := look(data)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert what(view), view
    return view


def test_reasons_have_their_words() -> None:
    names = collect.reason_names()
    assert len(names) == f.REASONS_MOST and names[codes.R_ID_USED] == "R_ID_USED" and names[-1] == "other"


def test_edges_rise() -> None:
    for name, edges in collect.EDGES.items():
        assert all(a < b for a, b in zip(edges, edges[1:])) and len(edges) == f.BY_NAME[name].most - 1, name


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.bind(str(tmp_path / "notify"))
    end.setblocking(False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "4000000")
    return end


def heard(end: socket.socket) -> list[str]:
    found: list[str] = []
    while True:
        try:
            found += end.recv(4096).decode().split("\n")
        except BlockingIOError:
            return found


def test_a_server_s_life(tmp_path: Path, systemd: socket.socket) -> None:
    server = ServerProcess(tmp_path).start()
    view = until(server.data, lambda view: view.state == "trading")
    page = view.page
    assert (server.data / NAME).stat().st_size == PAGE_BYTES and page.pid == server.ready["pid"] == view.page.pid
    assert view.not_ready == "" and page.get("journal_rows") == page.get("journal_durable_rows") > 0 and page.get("epoch") == 1
    assert page.labelled("venue_open_orders") == {"V": 0} and page.labelled("table_rows")["firms"] == 5
    assert page.get("disk_free") > page.get("disk_reserve") > 0 and page.texts["mode"] == "sync"
    assert "READY=1" in heard(systemd)

    peer = BinaryPeer(server.ready["binary_port"])
    peer.logged_on()
    peer.send(order(1, codes.BUY, 2500, 10))
    peer.send(order(1, codes.BUY, 2501, 10))  # its id is used
    page = until(server.data, lambda view: view.page.get("refusals") == 1).page
    assert page.labelled("refused")["R_ID_USED"] == 1 and sum(page.labelled("refused").values()) == 1
    assert (page.get("open_orders"), page.get("orders"), page.labelled("sessions")) == (1, 1, {"fix": 0, "binary": 1})
    assert page.labelled("venue_open_orders") == {"V": 1} and page.get("connections") == 1
    assert sum(page.buckets("turn_rows")) == page.get("turns") >= 2 and page.total("turn_rows") >= 5
    assert sum(page.buckets("order_to_report")) >= 2 and sum(page.buckets("journal_sync")) >= 2 and page.total("journal_sync") > 0
    assert page.labelled("messages_out")["binary"] >= 2 and page.get("output") > 0
    assert b'exos_refused_total{reason="R_ID_USED"} 1.0' in text_of(server.data)

    os.kill(page.pid, signal.SIGSTOP)  # it hangs
    try:
        time.sleep(5.2)
        heard(systemd)
        assert look(server.data).state == "hangs" and b"exos_up 0.0" in text_of(server.data)
        time.sleep(1.5)
        assert "WATCHDOG=1" not in heard(systemd), "a loop that does not turn gives no sign of life"
    finally:
        os.kill(page.pid, signal.SIGCONT)
    until(server.data, lambda view: view.state == "trading")
    time.sleep(1.5)
    assert "WATCHDOG=1" in heard(systemd)

    server.kill()
    assert look(server.data).state == "gone"
    server.start()
    page = until(server.data, lambda view: view.state == "trading").page
    assert page.get("epoch") == 2 and page.get("orders") == 1 and page.get("recovery_rows") > 0
    assert sum(page.labelled("refused").values()) == 0 and page.get("refusals") == 1, (
        "what the replay repeats is not counted again by reason"
    )
    assert any(line.startswith("STATUS=replaying the journal") for line in heard(systemd))
    assert server.stop() == 0
    told = heard(systemd)
    assert told.index("STOPPING=1") < told.index("STATUS=ended with exit code 0")
    assert (look(server.data).state, look(server.data).page.get("exit_code")) == ("stopped", 0)


def test_a_second_server_leaves_the_page_alone(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path).start()
    before = until(server.data, lambda view: view.state == "trading").page
    other = ServerProcess.__new__(ServerProcess)
    other.__dict__.update(server.__dict__)
    assert other.refused()[0] == 4
    after = until(server.data, lambda view: view.page.sequence > before.sequence).page
    assert after.pid == before.pid
    assert server.stop() == 0
