"""Where work is done: in threads, or by the caller when he says so. The journal's files are the same either way."""

import os
import select
import threading
from pathlib import Path
from typing import Any

import pytest

from exchange_server.journal.recover import verify
from exchange_server.journal.runner import CORES, Inline, Runner, Threads
from exchange_server.journal.store import JournalFailed
from exchange_server.journal.walk import Walk

from .kit import SEGMENT, FakeEngine, open_new, turn


def threads() -> set[str]:
    return set(os.listdir("/proc/self/task"))


def readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


def test_threads_run_by_themselves_and_inline_work_runs_at_once() -> None:
    here = threading.get_ident()
    for runner, apart in ((Threads(), True), (Inline(), False)):
        where: list[int] = []
        task = runner.once("x", lambda where=where: where.append(threading.get_ident()), idle=True)  # type: ignore[misc]
        task.join()
        assert not task.alive() and (where[0] != here) is apart
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 19, "our own thread keeps its priority"


def test_work_that_fails_has_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.unraisablehook", lambda *about: None)
    task = Threads().once("x", lambda: [][1])
    task.join()
    assert not task.alive()


def test_a_service_has_a_thread_or_is_stepped() -> None:
    stop, rounds = threading.Event(), []

    def work() -> None:
        rounds.append("thread")
        stop.wait(5)

    task = Threads().service("x", work, lambda: rounds.append("step"))
    task.step()
    assert task.alive()
    stop.set()
    task.join()
    assert not task.alive() and rounds == ["thread"]
    runner = Inline()
    task = runner.service("x", work, lambda: rounds.append("step"))
    runner.step()
    task.step()
    assert task.alive() and rounds == ["thread", "step", "step"]
    task.join()
    runner.step()
    assert not task.alive() and rounds[3:] == ["step"], "its last round"


def test_a_service_stays_where_it_was_started_unless_it_may_go_anywhere() -> None:
    mine = os.sched_getaffinity(0)
    one = {min(mine)}
    found: dict[bool, set[int]] = {}
    try:
        os.sched_setaffinity(0, one)
        for anywhere in (False, True):

            def work(anywhere: bool = anywhere) -> None:
                found[anywhere] = os.sched_getaffinity(0)

            Threads().service("x", work, lambda: None, anywhere=anywhere).join()
    finally:
        os.sched_setaffinity(0, mine)
    assert found == {False: one, True: CORES}


@pytest.mark.parametrize("runner", [Threads(), Inline()], ids=["threads", "inline"])
def test_a_reader_gives_results_and_errors(runner: Runner) -> None:
    with runner.reader("x") as reader:
        good, bad = reader.submit(lambda a: a + 1, 2), reader.submit(lambda: 1 // 0)
        assert good.result() == good.result() == 3
        with pytest.raises(ZeroDivisionError):
            bad.result()


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_journal_without_threads_writes_when_it_is_let(tmp_path: Path, mode: Any) -> None:
    before, runner = threads(), Inline()
    journal = open_new(tmp_path, runner=runner, mode=mode)
    ticket = journal.append(turn(1, 3))
    journal.kick()
    assert journal.durable < ticket and not readable(journal.fileno())
    assert threads() <= before, "none is started; one of an earlier test may still be ending"
    runner.step()
    assert journal.durable == ticket and readable(journal.fileno())
    assert journal.acknowledge() == ticket and not readable(journal.fileno())
    counters = journal.counters()
    assert counters["synced_seq"] == ticket
    runner.step()
    assert journal.counters() == counters and not readable(journal.fileno()), "nothing to do"
    assert journal.request_mark(bytes(32), 1)
    journal.close()
    assert verify(tmp_path).marks == 1, "a mark that was asked for is written before the end"


def test_a_journal_without_threads_goes_over_many_segments(tmp_path: Path) -> None:
    runner = Inline()
    journal = open_new(tmp_path, runner=runner)
    rows = 0
    for number in range(60):
        part = turn(number, 40)
        rows += part.size // 16
        ticket = journal.append(part)
        if number % 3 == 0:
            runner.step()
            assert journal.durable == ticket
        elif number % 3 == 1:
            journal.commit_inline()
    journal.wait(journal.next_seq)
    assert journal.settle().segment >= 4
    journal.close()
    journal.close()
    found = verify(tmp_path)
    assert found.rows == rows and found.segments >= 4
    engine = FakeEngine()
    for batch in Walk(tmp_path, runner=Inline()):
        engine.apply(batch.rows.copy(), batch.rows.size, lambda events: None)
    assert engine.row_seq == rows


def test_without_room_for_a_segment_a_journal_without_threads_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Inline()
    journal = open_new(tmp_path, runner=runner)

    def full(*about: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("exchange_server.journal.store.prepare_segment", full)
    with pytest.raises(JournalFailed, match="the disk is full"):
        for _ in range(2 * SEGMENT // (100 * 128) + 2):
            journal.append(turn(1, 100))
            runner.step()
    assert readable(journal.fileno()), "whoever waits is told"
    with pytest.raises(JournalFailed):
        journal.close()
