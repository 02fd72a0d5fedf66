"""The event store: rows by number, chains by session, files that go missing."""

import errno
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from exchange_server.core.records import EVT_NUMBER, EVT_WORDS
from exchange_server.journal import event_store
from exchange_server.journal.event_store import ROW_BYTES, EventStore, EventStoreError
from protocol.codes import E_ACCEPTED


def events(first: int, count: int) -> np.ndarray:
    rows = np.arange(first * EVT_WORDS, (first + count) * EVT_WORDS, dtype=np.int64).reshape(count, EVT_WORDS) * 1_000_003
    rows[:, 0] = E_ACCEPTED
    rows[:, EVT_NUMBER] = np.arange(first, first + count)
    return rows.reshape(-1)


@pytest.mark.parametrize("per_file", [1, 7, 21, 64, 4096])
def test_rows_come_back_over_file_borders(tmp_path: Path, per_file: int) -> None:
    store = EventStore(tmp_path, per_file)
    rng = np.random.default_rng(per_file)
    whole = events(1, 300)
    at = 0
    while at < 300:
        count = min(300 - at, int(rng.integers(0, 40)))
        store.append(whole[at * EVT_WORDS : (at + count) * EVT_WORDS])
        at += count
    assert store.next_number == 301
    for first, count in ((1, 300), (1, 1), (300, 1), (7, 1), (5, 60), (301, 0)):
        assert np.array_equal(store.rows(first, count), whole[(first - 1) * EVT_WORDS : (first - 1 + count) * EVT_WORDS])
    assert np.array_equal(store.row(22), whole[21 * EVT_WORDS : 22 * EVT_WORDS])
    for first, count in ((0, 1), (301, 1), (300, 2), (5, -1)):
        with pytest.raises(EventStoreError, match="it holds 1 to 300"):
            store.rows(first, count)
    store.close()
    data = b"".join(p.read_bytes()[: per_file * ROW_BYTES] for p in sorted(tmp_path.glob("*.evt")))
    assert data[: 300 * ROW_BYTES] == whole.tobytes()  # event n lies at byte (n - 1) * 192


def test_holes_and_halves_are_refused(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 10)
    store.append(events(1, 3))
    with pytest.raises(EventStoreError, match="begin with event 5, the next one is 4"):
        store.append(events(5, 1))
    with pytest.raises(EventStoreError, match="30 words are not whole rows"):
        store.append(events(4, 2)[:30])
    with pytest.raises(ValueError, match="rows_per_file is 0"):
        EventStore(tmp_path, 0)
    assert store.next_number == 4


def test_rewriting_after_truncate_gives_the_same_bytes(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 16)
    store.append(events(1, 50))
    store.truncate(20)
    with pytest.raises(EventStoreError):
        store.row(20)
    store.append(events(20, 31))
    assert np.array_equal(store.rows(1, 19), events(1, 19)) and np.array_equal(store.rows(20, 31), events(20, 31))
    with pytest.raises(EventStoreError, match="cannot go on at event 60; it holds 1 to 50"):
        store.truncate(60)
    with pytest.raises(EventStoreError):
        store.truncate(0)


def test_only_what_was_synced_counts_after_a_restart(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 16)
    store.append(events(1, 40))
    store.sync()
    store.append(events(41, 20))
    store.close()  # a crash: no second sync
    store = EventStore(tmp_path, 16)
    assert store.next_number == store.synced_to == 41
    assert np.array_equal(store.rows(1, 40), events(1, 40))
    store.append(events(41, 5))
    store.truncate(30)  # recovery may go back behind the mark: then the mark goes back too
    store.close()
    assert EventStore(tmp_path, 16).synced_to == 30


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 16)
    store.append(events(1, 60))
    store.sync()
    store.close()
    with pytest.raises(EventStoreError, match="Delete the folder: it is rebuilt"):
        EventStore(tmp_path, 4096)
    (tmp_path / "00000001.evt").unlink()
    assert EventStore(tmp_path, 16).next_number == 17
    (tmp_path / "00000000.evt").unlink()
    assert EventStore(tmp_path, 16).next_number == 1
    (tmp_path / "synced").write_bytes(b"rubbish")
    assert EventStore(tmp_path, 16).next_number == 1


def test_disk_full_is_said_when_the_file_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EventStore(tmp_path, 16, prepare_ahead=False)
    store.append(events(1, 16))

    def full(fd: int, at: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(EventStoreError, match="00000001.evt: 4096 bytes cannot be had: the disk is full"):
        store.append(events(17, 1))
    monkeypatch.undo()
    store.append(events(17, 1))
    assert np.array_equal(store.rows(16, 2), events(16, 2))


def test_the_next_file_is_made_ahead(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 100)
    store.append(events(1, 49))
    assert not (tmp_path / "00000001.evt").exists()
    store.append(events(50, 2))
    store.close()
    assert (tmp_path / "00000001.evt").stat().st_size == 20480  # whole pages


def test_old_files_are_let_go_and_mapped_again(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 10)
    before = len(os.listdir("/proc/self/fd"))
    for first in range(1, 2000, 10):
        store.append(events(first, 10))
    assert len(os.listdir("/proc/self/fd")) <= before + event_store.MAPS_KEPT + 3
    view = store.row(5)
    for number in range(1, 2000, 7):
        assert np.array_equal(store.row(number), events(number, 1))
    assert np.array_equal(view, events(5, 1))  # a view outlives the mapping's turn
    store.sync()
    store.close()
    store = EventStore(tmp_path, 10)
    assert np.array_equal(store.rows(1, 2000), events(1, 2000))
    (tmp_path / "00000100.evt").unlink()
    store = EventStore(tmp_path, 10)
    store.truncate(900)
    (tmp_path / "00000003.evt").unlink()
    with pytest.raises(EventStoreError, match="00000003.evt is gone: start again"):
        store.rows(20, 30)


def test_a_full_disk_is_no_matter_until_the_file_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.posix_fallocate
    loop = threading.get_ident()

    def full(fd: int, at: int, size: int) -> None:
        if threading.get_ident() != loop:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd, at, size)

    monkeypatch.setattr(os, "posix_fallocate", full)
    store = EventStore(tmp_path / "b", 100)
    for first in range(1, 500, 100):
        store.append(events(first, 100))
    assert np.array_equal(store.rows(1, 500), events(1, 500))
    store.close()


def test_rows_in_memory_and_in_files_are_one_store(tmp_path: Path) -> None:
    """What waits for its write, what was written in one go with it, and what a cut takes back."""
    tail = event_store.TAIL_BYTES // ROW_BYTES
    store = EventStore(tmp_path, 1 << 13)
    store.append(events(1, tail - 1))
    assert (tmp_path / "00000000.evt").read_bytes()[:8] == bytes(8)  # nothing is written yet
    store.append(events(tail, 3))  # more than the tail holds: one write for both
    assert (tmp_path / "00000000.evt").read_bytes()[: (tail + 2) * ROW_BYTES] == events(1, tail + 2).tobytes()
    store.append(events(tail + 3, 5))
    assert np.array_equal(store.rows(tail, 8), events(tail, 8))
    kept = store.rows(tail + 4, 2)
    store.truncate(tail + 5)
    store.append(events(tail + 5, 2 * tail))
    assert np.array_equal(kept, events(tail + 4, 2)) and np.array_equal(store.rows(1, 3 * tail), events(1, 3 * tail))
    store.truncate(tail - 5)  # back into what is in the file
    store.append(events(tail - 5, 2))
    assert store.next_number == tail - 3 and np.array_equal(store.rows(tail - 9, 6), events(tail - 9, 6))
    store.close()


def test_a_write_that_fails_is_named_and_a_short_one_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EventStore(tmp_path, 1 << 13)
    real = os.pwritev

    def short(fd: int, parts: list[memoryview], at: int) -> int:
        return real(fd, [parts[0][:1000]], at)

    def broken(fd: int, parts: list[memoryview], at: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pwritev", short)
    store.append(events(1, 3000))
    assert np.array_equal(store.rows(1, 3000), events(1, 3000))
    monkeypatch.setattr(os, "pwritev", broken)
    with pytest.raises(EventStoreError, match="00000000.evt: a write at byte 576000 failed: Input/output error"):
        store.append(events(3001, 3000))
    assert store.next_number == 3001
