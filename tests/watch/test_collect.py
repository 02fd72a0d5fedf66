"""A real server and its page: what it counts, what systemd hears of it, and what a reader sees when it hangs, is killed, or stops."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from exchange_server import app
from exchange_server.engine import Engine
from exchange_server.exits import Exit
from exchange_server.journal.files import DirectoryLock
from exchange_server.watch import collect
from exchange_server.watch import fields as f
from exchange_server.watch.metrics import text_of
from exchange_server.watch.notify import Notify
from exchange_server.watch.page import NAME, PAGE_BYTES
from exchange_server.watch.view import View, look
from protocol import codes
from tests.server_kit import BinaryPeer, ServerProcess, order
from tests.test_start_rules import run


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


def test_a_start_is_seen_before_its_snapshot_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how it ended, where it was refused: but not where the folder is another server's."""
    run(tmp_path)
    assert look(tmp_path / "data").state == "starting"
    (tmp_path / "data" / NAME).unlink()
    seen = []

    def engine(*arguments: object, **more: object) -> Engine:
        seen.append(look(tmp_path / "data").state)
        raise MemoryError

    monkeypatch.setattr(app, "Engine", engine)
    with pytest.raises(app.StartRefused) as refused:
        run(tmp_path)
    view = look(tmp_path / "data")
    assert seen == ["starting"] and (view.state, view.page.get("exit_code")) == ("failed", refused.value.code) == ("failed", Exit.SETUP)
    lock = DirectoryLock(tmp_path / "data" / "journal")
    (tmp_path / "data" / NAME).unlink()
    with pytest.raises(app.StartRefused):
        run(tmp_path)
    assert not (tmp_path / "data" / NAME).exists()
    lock.release()


class Clock:
    """Of a Watch without a server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(collect.time, "monotonic", lambda: self.now)

    def round(self, watch: collect.Watch) -> None:
        self.now += 1
        watch.replaying(5, 9)


def test_a_page_that_cannot_be_written_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, str]] = []
    server = SimpleNamespace(
        options=SimpleNamespace(config_name="c"), log=lambda level, event, **more: said.append((event, more.get("why", "")))
    )
    clock = Clock(monkeypatch)
    folder = tmp_path / "data"
    folder.mkdir()
    watch = collect.Watch(server, folder, Notify({}))
    clock.round(watch)
    assert said == [] and look(folder).page.get("recovery_rows") == 5 and watch.page is not None
    with open("/dev/null", "rb") as null:
        os.dup2(null.fileno(), watch.page._fd)
    (folder / NAME).unlink()
    folder.rename(tmp_path / "away")  # nor can it be made again
    for _ in range(3):
        clock.round(watch)
    assert said == [("counters_not_written", "No such file or directory")], "once"
    (tmp_path / "away").rename(folder)
    clock.round(watch)
    assert not (folder / NAME).exists(), "not before its time"
    clock.now += collect.AGAIN_S
    clock.round(watch)
    page = look(folder).page
    assert said[1:] == [("counters_written_again", "")]
    assert (page.get("state"), page.get("recovery_rows_expected"), page.texts["config"]) == (f.STARTING, 9, "c") and page.get(
        "start_time"
    ) > 0
    (folder / NAME).unlink()
    clock.round(watch)
    assert look(folder).page.get("recovery_rows") == 5 and len(said) == 2, "deleted: made again at once, which is no problem"
    other = folder / "other"
    other.write_bytes(b"another server's")
    other.replace(folder / NAME)
    watch.end(0, failed=False)
    assert (folder / NAME).read_bytes() == b"another server's"
