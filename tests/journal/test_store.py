"""Append, commit, roll over, fail: each failure stops the journal permanently, with its own message."""

import errno
import os
import select
import threading
from pathlib import Path

import numpy as np
import pytest

from exchange_server.journal import files as files_module
from exchange_server.journal import format as fmt
from exchange_server.journal import store as store_module
from exchange_server.journal.recover import verify
from exchange_server.journal.runner import Threads
from exchange_server.journal.store import Journal, JournalError, JournalFailed

from .kit import SEGMENT, commit, open_new, turn


def test_inline_thread_and_backlog_write_the_same_rows(tmp_path: Path) -> None:
    journal = open_new(tmp_path)
    rng = np.random.default_rng(3)
    poll = select.poll()
    poll.register(journal.fileno(), select.POLLIN)
    sent = 0
    for number in range(1, 400):
        rows = turn(number, int(rng.integers(1, 30)))
        ticket = journal.append(rows, first_seq=sent)
        sent += rows.size // 16
        assert ticket == sent == journal.next_seq
        how = rng.integers(3)
        if how == 0 and journal.commit_inline():
            assert journal.durable == ticket
        elif how == 1:
            journal.kick()
            while journal.durable < ticket:
                assert poll.poll(10_000)
                assert journal.acknowledge() <= ticket and journal.failed is None
    journal.wait(sent)
    assert journal.durable == sent and journal.backlog_bytes == 0
    counters = journal.counters()
    assert counters["durable_seq"] == counters["synced_seq"] == sent and counters["frames"] < 400
    journal.close()
    assert verify(tmp_path).rows == sent


def test_batches_of_many_turns_become_one_frame(tmp_path: Path) -> None:
    journal = open_new(tmp_path)
    for number in range(1, 11):
        ticket = journal.append(turn(number, 2))
    journal.commit_inline()
    journal.wait(ticket)
    assert journal.counters()["frames"] == 1
    journal.close()


def test_a_full_ring_waits_and_turns_of_every_length_pass_through(tmp_path: Path) -> None:
    journal = open_new(tmp_path, ring_bytes=4096)
    assert journal.ring_bytes == 4096
    total = 0
    for number in range(1, 200):
        rows = turn(number, number % 31)  # up to the whole ring
        total += rows.size // 16
        journal.append(rows)  # never kicked: append itself must wake the writer if there is no room
        assert journal.backlog_bytes <= 2 * 4096
    journal.close()
    assert verify(tmp_path).rows == total


def test_rows_that_a_broken_caller_hands_over(tmp_path: Path) -> None:
    journal = open_new(tmp_path, ring_bytes=1024)
    for words in (np.zeros(0, dtype=np.int64), np.zeros(15, dtype=np.int64), np.zeros(9 * 16, dtype=np.int64)):
        with pytest.raises(ValueError, match="a turn must be 1 to 1024 bytes in whole rows of 128"):
            journal.append(words)
    with pytest.raises(ValueError, match="rows begin at sequence 5, the next one is 0"):
        journal.append(turn(1), first_seq=5)
    assert journal.append(turn(1).tobytes(), first_seq=0) == 2  # read-only bytes are copied
    assert journal.append(memoryview(bytearray(turn(2).tobytes()))) == 4
    assert journal.append(turn(3).reshape(2, 16)) == 6
    commit(journal)
    journal.close()
    assert verify(tmp_path).rows == 6


@pytest.mark.parametrize(
    "options, words",
    [
        (dict(segment_bytes=5000), "multiple of 4096 and at least 32768"),
        (dict(segment_bytes=4096), "at least 32768"),
        (dict(mode="fast"), "mode is 'fast'"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        open_new(tmp_path, **options)
    with pytest.raises(ValueError, match="server_id is -1"):
        Journal.open(tmp_path, -1, Threads())


def test_after_close_everything_is_refused_and_files_are_let_go(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    journal = open_new(tmp_path)
    journal.append(turn(1))
    journal.close(digest=bytes(range(32)), event_seq=9)
    journal.close()
    with pytest.raises(JournalFailed, match="is closed"):
        journal.append(turn(2))
    assert len(os.listdir("/proc/self/fd")) == before
    assert not journal._writer.alive() and not journal._preparer.alive()
    assert verify(tmp_path).marks == 1


class NoSpace:
    """The disk is full for the preparer from the n-th call on, until `full` is cleared."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self.full = False
        self.calls = 0
        real = store_module.prepare_segment

        def prepare(directory: Path, segment: int, size: int, pause: threading.Event | None = None) -> int:
            self.calls += 1
            if self.calls > after:
                self.full = True
            if self.full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(directory, segment, size, pause)

        monkeypatch.setattr(store_module, "prepare_segment", prepare)
        monkeypatch.setattr(files_module, "prepare_segment", prepare)
        monkeypatch.setattr(store_module, "RETRY_S", 0.005)


def _fill_until(journal: Journal, stop, limit: int = 500) -> int:
    for number in range(1, limit):
        ticket = journal.append(turn(number, 4))
        journal.kick()
        journal.wait(ticket)
        if stop():
            return number
    raise AssertionError("never")


def test_disk_full_sheds_first_and_fails_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = NoSpace(monkeypatch, after=1)  # segment 1 can be created, 2 cannot
    journal = open_new(tmp_path, reserve_bytes=8192)
    while disk.calls < 3:  # the preparer has failed
        select.select([], [], [], 0.002)
    assert not journal.space_low(), "there is still most of a segment"
    low_at = _fill_until(journal, journal.space_low)
    assert SEGMENT - journal.counters()["offset"] > 8192 - 1000
    rows_in_reserve = 0
    with pytest.raises(JournalFailed, match="no next segment.*the disk is full"):
        while True:  # cancels are still accepted, as long as the reserve lasts
            ticket = journal.append(turn(low_at, 1))
            journal.wait(ticket)
            rows_in_reserve += 2
    assert rows_in_reserve * fmt.ROW_BYTES > 3000
    durable = journal.durable
    with pytest.raises(JournalFailed):
        journal.close()
    assert verify(tmp_path).rows == durable


def test_trading_resumes_when_space_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = NoSpace(monkeypatch, after=1)
    journal = open_new(tmp_path, reserve_bytes=8192)
    while disk.calls < 3:
        select.select([], [], [], 0.002)
    _fill_until(journal, journal.space_low)
    disk.calls = -1000
    disk.full = False
    for _ in range(2000):
        if not journal.space_low():
            break
        select.select([], [], [], 0.005)
    assert not journal.space_low()
    number = _fill_until(journal, lambda: journal.counters()["segment"] >= 4)
    assert number > 0
    journal.close()
    assert verify(tmp_path).segments >= 4


def test_a_slow_preparer_holds_the_batch_back_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    real = store_module.prepare_segment

    def prepare(directory: Path, segment: int, size: int, pause: threading.Event | None = None) -> int:
        if pause is not None:
            gate.wait(20)
        return real(directory, segment, size, pause)

    monkeypatch.setattr(store_module, "prepare_segment", prepare)
    journal = open_new(tmp_path)
    ticket = 0
    for number in range(1, 60):
        ticket = journal.append(turn(number, 4))
        journal.commit_inline()
    assert journal.durable < ticket and journal.failed is None
    gate.set()
    journal.wait(ticket)
    journal.close()
    assert verify(tmp_path).rows == ticket


def test_no_space_for_the_first_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    NoSpace(monkeypatch, after=0)
    with pytest.raises(JournalError, match="no space left on the disk for a segment of 32768 bytes"):
        open_new(tmp_path)
    monkeypatch.undo()
    journal = open_new(tmp_path)  # the lock was released, and the leftover files do no harm
    journal.append(turn(1))
    journal.close()
    assert verify(tmp_path).rows == 2


def test_marks_wait_for_rows_and_roll_with_them(tmp_path: Path) -> None:
    journal = open_new(tmp_path)
    journal.append(turn(1))
    assert journal.commit_mark(bytes(32), 3) is False  # rows are pending
    commit(journal)
    assert journal.commit_mark(bytes(32), 3)
    done = 1
    while journal.commit_mark(bytes([done % 256]) * 32, done):
        done += 1
    assert (SEGMENT - 4096) // 320 - 3 <= done <= (SEGMENT - 4096) // 320  # until the segment is full
    ticket = journal.append(turn(2))
    journal.wait(ticket)
    assert journal.counters()["segment"] == 2 and journal.commit_mark(bytes(32), 4)
    journal.close()
    assert verify(tmp_path).marks == done + 1
