"""The rows over the wires at a tiny size: a server process, a load generator process, every command answered. No times are checked."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perf import journal_rows, sample, server, settle_rows, wire_rows
from perf.load import _Watch, run
from perf.peers import ANSWERS, Peer, count_reports
from perf.rig import AnswerWrong
from protocol import messages as M
from protocol.framing import frame

ROOT = Path(__file__).resolve().parents[2]
TINY = 0.004


@pytest.fixture
def real_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The rows make their folders in the working directory: that of pytest's temporary files, or of the project if those are in memory."""
    try:
        journal_rows.file_system(tmp_path)
    except ValueError:
        monkeypatch.chdir(ROOT)
    else:
        monkeypatch.chdir(tmp_path)
    before = set(Path.cwd().glob("exos-bench-*"))
    yield
    assert set(Path.cwd().glob("exos-bench-*")) <= before, "the rows remove their folders"


@pytest.mark.usefixtures("real_disk")
def test_pipelined() -> None:
    (result,) = wire_rows.pipelined("binary", 2, 1e6, TINY)
    assert result.figure > 0 and result.more["answered"] == result.more["sent"] > 0
    assert "fdatasync" in result.note and not result.void and "equal to the model's" in result.note
    assert result.more["mean_us"] > 0 and len(result.more["tenths"]) == 10


def once(work: Any) -> Any:
    """`work` with the result of its first call for all later ones: the model takes seconds."""
    kept: list[Any] = []

    def call(*arguments: Any) -> Any:
        if not kept:
            kept.append(work(*arguments))
        return kept[0]

    return call


@pytest.mark.usefixtures("real_disk")
@pytest.mark.parametrize(("wire", "ids"), [("binary", "large"), ("fix", "text"), ("fix", "unusual")])
def test_other_ids_and_the_reports_of_the_sample(wire: str, ids: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = sample.check
    monkeypatch.setattr(sample, "expected", once(sample.expected))

    def damaged(*arguments: Any) -> int:
        received = arguments[4]
        with pytest.raises(AnswerWrong, match="session 2"):
            checked(*arguments[:4], [received[0], received[1][:-300], *received[2:]])
        with pytest.raises(AnswerWrong, match="session"):
            checked(*arguments[:4], [*reversed(received)])
        equal = checked(*arguments)
        assert equal > sample.MIXED
        return equal

    monkeypatch.setattr(sample, "check", damaged)
    monkeypatch.setattr(wire_rows, "REFUSED", -1.0)
    (result,) = wire_rows.pipelined(wire, 2, 1e6, TINY, ids=ids)
    assert f"{ids} ids" in result.name and "were refused" in result.void  # more than -100 %


@pytest.mark.usefixtures("real_disk")
def test_trips_on_a_loaded_exchange() -> None:
    results = wire_rows.trips(TINY, 100_000, ("async",), (True,))
    assert all("400 resting" in result.name and result.figure > 0 for result in results)


@pytest.mark.usefixtures("real_disk")
def test_market_data_for_a_crowd() -> None:
    results = wire_rows.fanout(TINY, (True,))
    assert [result.more["bytes"] > 0 and result.figure > 0 for result in results] == [True]


def test_the_mean_answer_time_and_the_tenths() -> None:
    watch = _Watch(20, 1_000, 0)
    watch.sent(20, 1_000)
    watch.answers(10, 3_000)
    watch.answers(10, 5_000)
    assert watch.waited == 10 * 2_000 + 10 * 4_000
    assert watch.tenths()[0] == 2 * 1e9 / 2_000 and len(watch.tenths()) == 10
    assert len(watch.spent) == 11 and watch.spent == sorted(watch.spent) and watch.spent[0] > 0


class Answered(Peer):
    """Sends to a thread that answers each command of four bytes with its bytes, after a pause for each piece."""

    def __init__(self, commands: int, pause: float) -> None:
        self.socket, self.far = socket.socketpair()
        self.counts = np.zeros(128, np.int64)
        self.received, self.kept_bytes, self.due = 0, None, np.zeros(0, np.int64)
        self.load([b"1234"] * commands)
        self.pause = pause
        self.at_end: list[int] = []  # what others had left when this one had sent all
        self.others: list[Answered] = []
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self) -> None:
        with self.far:
            while piece := self.far.recv(256):
                time.sleep(self.pause)
                self.far.sendall(piece)

    def send(self, upto: int) -> None:
        super().send(upto)
        if self.sent == self.total and not self.at_end:
            self.at_end = [other.total - other.sent for other in self.others]

    def receive(self) -> bool:
        n = self.read(memoryview(bytearray(4_096)))
        self.counts[ANSWERS] = self.received // 4
        return n > 0


def test_all_sessions_send_until_the_end() -> None:
    quick, slow = Answered(6_000, 0.0), Answered(6_000, 0.001)
    listener = Answered(1, 0.0)
    quick.others = [slow]
    window = 128
    ran = run([quick, slow], listener, window, 30.0)
    for peer in (quick, slow, listener):
        peer.socket.close()
    assert ran.answered == 12_000 and quick.at_end[0] <= 13 * window, "eight windows, and what may be on its way"


@pytest.mark.usefixtures("real_disk")
def test_a_flood_and_a_modest_member() -> None:
    results = wire_rows.fair(TINY)
    for result in results:
        assert result.figure > 0 and result.more["flood"]["count"] > 0 < result.more["quiet"]["count"]
        assert result.more["answered"] >= 4000


@pytest.mark.usefixtures("real_disk")
def test_a_flood_of_another_venue() -> None:
    results = wire_rows.tenants(TINY)
    for result in results:
        assert result.figure > 0 and result.more["flood"]["count"] > 0 < result.more["quiet"]["count"]
        assert 0 < result.more["flooded"] < result.more["sent"]


@pytest.mark.usefixtures("real_disk")
def test_a_settlement_while_another_trades() -> None:
    paid, wait = settle_rows.beside(TINY)
    assert "10,000 positions paid" in paid.name and paid.figure > 0 < wait.figure and not paid.void and "waits" in wait.note


def test_an_order_is_counted_beside_a_settlement_that_is_over_before_its_answer() -> None:
    waits = [(10, 1.0), (20, 2.0), (30, 3.0), (40, 4.0)]
    for began, end, found in ((20, 30, [2.0, 3.0]), (11, 12, [2.0]), (15, 40, [2.0, 3.0, 4.0]), (40, 40, [4.0]), (41, 50, [])):
        assert settle_rows.meanwhile(waits, began, end) == found


def test_memory_is_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/dev/shm")
    with pytest.raises(ValueError, match="real disk"):
        server.BenchServer("")
    assert not list(Path("/dev/shm").glob("exos-bench-*"))


def test_file_system_is_named() -> None:
    with pytest.raises(ValueError, match="fdatasync is free there"):
        journal_rows.file_system(Path("/dev/shm"))


def test_answers_are_counted_once() -> None:
    """A Canceled is an answer if it names another order; fills and incomplete frames do not count."""
    order = (1, 2, 3, 4, 5, 16, 1, 1, 1)
    own = M.Canceled(*order, 0, 102, 0, 50, 10, 0, 0)
    asked = M.Canceled(*order, 1 << 40, 100, 0, 50, 10, 0, 0)
    accepted = M.Accepted(*order, 2, 1, 50, 10, 10, 0)
    fill = M.Fill(*order, 2, 0, 50, 10, 5, 5, 50, 5, 250, 0, 1)
    data = b"".join(frame(M.encode(m)) for m in (own, asked, accepted, fill))
    out = np.zeros(128, np.int64)
    buffer = np.frombuffer(data + data[:10], np.uint8).copy()
    assert count_reports(buffer, len(buffer), out) == len(data)
    assert (out[0], out[1], out[82], out[83]) == (2, 4, 1, 2)
