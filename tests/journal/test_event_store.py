"""The event store: rows by number, and the effects on readers and trading when its files are damaged or missing or the disk is full."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.journal import event_files, event_writer
from exchange_server.journal.event_store import ROW_BYTES, EventsMissing, EventStore, EventStoreError
from exchange_server.journal.runner import Threads
from protocol.codes import E_ACCEPTED

from .kit import LONG, patch


def events(first: int, count: int) -> np.ndarray:
    rows = np.arange(first * L.EVT_WORDS, (first + count) * L.EVT_WORDS, dtype=np.int64).reshape(count, L.EVT_WORDS) * 1_000_003
    rows[:, 0] = E_ACCEPTED
    rows[:, L.EVT_NUMBER] = np.arange(first, first + count)
    return rows.reshape(-1)


@pytest.mark.parametrize("per_file", [1, 7, 21, 64, 4096])
def test_rows_come_back_over_file_borders(tmp_path: Path, per_file: int) -> None:
    store = EventStore(tmp_path, per_file)
    rng = np.random.default_rng(per_file)
    whole = events(1, 300)
    at = 0
    while at < 300:
        count = min(300 - at, int(rng.integers(0, 40)))
        store.append(whole[at * L.EVT_WORDS : (at + count) * L.EVT_WORDS])
        at += count
    assert store.next_number == 301
    for first, count in ((1, 300), (1, 1), (300, 1), (7, 1), (5, 60), (301, 0)):
        assert np.array_equal(store.rows(first, count), whole[(first - 1) * L.EVT_WORDS : (first - 1 + count) * L.EVT_WORDS])
    assert np.array_equal(store.row(22), whole[21 * L.EVT_WORDS : 22 * L.EVT_WORDS])
    for first, count in ((0, 1), (301, 1), (300, 2), (5, -1)):
        with pytest.raises(EventStoreError, match="it holds 1 to 300"):
            store.rows(first, count)
    store.close()
    data = b"".join(p.read_bytes()[: per_file * ROW_BYTES] for p in sorted(tmp_path.glob("*.evt")))
    assert data[: 300 * ROW_BYTES] == whole.tobytes()  # event n is at byte (n - 1) * 192


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


def test_the_next_file_is_made_ahead(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 100, Threads())
    store.append(events(1, 49))
    store.flush()
    assert not (tmp_path / "00000001.evt").exists()
    store.append(events(50, 2))
    store.flush()
    store.close()
    assert (tmp_path / "00000001.evt").stat().st_size == 20480  # rows and checksums, in whole pages


def test_rows_in_memory_and_in_files_are_one_store(tmp_path: Path) -> None:
    """Rows that wait for a write, a chunk that is written when it is full, and rows removed by a cut."""
    chunk = event_writer.CHUNK_ROWS
    store = EventStore(tmp_path, 4 * chunk)
    store.append(events(1, chunk - 1))
    assert not (tmp_path / "00000000.evt").exists() and store.written_to == 1  # nothing is written yet
    store.append(events(chunk, 3))
    assert store.written_to == chunk + 1
    assert (tmp_path / "00000000.evt").read_bytes()[: chunk * ROW_BYTES] == events(1, chunk).tobytes()
    store.append(events(chunk + 3, 5))
    assert np.array_equal(store.rows(chunk, 8), events(chunk, 8))
    kept = store.rows(chunk + 4, 2)
    store.go_to(chunk + 5)
    store.append(events(chunk + 5, 2 * chunk))
    assert np.array_equal(kept, events(chunk + 4, 2)) and np.array_equal(store.rows(1, 3 * chunk), events(1, 3 * chunk))
    store.go_to(chunk - 5)  # back into rows that are in the file
    store.append(events(chunk - 5, 2))
    assert store.next_number == chunk - 3 and np.array_equal(store.rows(chunk - 9, 6), events(chunk - 9, 6))
    store.close()


def test_rewriting_gives_the_same_bytes(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 16)
    store.append(events(1, 50))
    value = store.value()
    store.go_to(20)
    with pytest.raises(EventStoreError, match="it holds 1 to 19"):
        store.row(20)
    store.append(events(20, 31))
    assert np.array_equal(store.rows(1, 50), events(1, 50))
    with pytest.raises(ValueError, match="cannot go on at event 0"):
        store.go_to(0)
    store.go_to(1)
    store.append(events(1, 50))
    assert store.value() == value and np.array_equal(store.rows(1, 50), events(1, 50))
    store.close()


def test_after_a_stop_only_what_was_not_synced_is_suspect(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 16)
    store.append(events(1, 40))
    store.sync()
    store.append(events(41, 20))
    store.close()  # a crash: no second sync
    store = EventStore(tmp_path, 16)
    assert store.next_number == store.synced_to == 41
    store.go_to(61)
    assert store.suspects.ranges == [(41, 60)] and not store.holes
    assert np.array_equal(store.rows(1, 60), events(1, 60))
    store.go_to(30)
    store.sync()
    store.close()
    for damage in (b"rubbish", (tmp_path / "synced").read_bytes()[:-1] + b"\xff", b""):
        (tmp_path / "synced").write_bytes(damage)
        again = EventStore(tmp_path, 16)
        assert again.synced_to == 1
        again.go_to(30)
        assert again.suspects.ranges == [(1, 29)] and np.array_equal(again.rows(1, 29), events(1, 29))
        again.close()


def test_a_page_of_zeros_hides_its_rows_and_no_others(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 64)
    store.append(events(1, 64))
    store.flush()
    patch(tmp_path / "00000000.evt", 4096, bytes(4096))  # rows 22 (its end) to 43 (its begin)
    for number in range(1, 65):
        if 22 <= number <= 43:
            with pytest.raises(EventsMissing, match="rebuilt from the journal") as missing:
                store.row(number)
            assert missing.value.first <= number <= missing.value.last
        else:
            assert np.array_equal(store.row(number), events(number, 1))
    with pytest.raises(EventsMissing) as missing:
        store.rows(1, 64)
    assert (missing.value.first, missing.value.last) == (22, 43)
    assert store.holes.ranges == [(22, 43)]
    patch(tmp_path / "00000000.evt", 4096, events(1, 64).tobytes()[4096:8192])
    store.holes.remove(22, 43)
    assert np.array_equal(store.rows(1, 64), events(1, 64))
    store.close()


@pytest.mark.parametrize("damage", ["missing", "short", "empty", "long", "foreign"])
def test_files_that_are_not_whole(tmp_path: Path, damage: str) -> None:
    store = EventStore(tmp_path, 16)
    store.append(events(1, 60))
    store.sync()
    store.close()
    path = tmp_path / "00000001.evt"
    if damage == "missing":
        path.unlink()
    else:
        size = {"short": 4000, "empty": 0, "long": 12288, "foreign": 4096}[damage]
        with open(path, "r+b") as file:
            file.truncate(size)
        if damage == "foreign":
            path.write_bytes(os.urandom(size))
    store = EventStore(tmp_path, 16)
    store.go_to(61)
    assert damage == "foreign" or store.holes.ranges == [(17, 32)]
    for number in (17, 32):
        with pytest.raises(EventsMissing):
            store.row(number)
    assert np.array_equal(store.rows(1, 16), events(1, 16)) and np.array_equal(store.rows(33, 28), events(33, 28))
    store.go_to(20)  # replay continues in the middle of it
    store.append(events(20, 41))
    store.flush()
    assert np.array_equal(store.rows(20, 41), events(20, 41)) and path.stat().st_size == store.files.file_bytes
    store.close()


def test_a_file_that_is_cut_or_taken_away_under_a_reader_stops_nothing(tmp_path: Path) -> None:
    """With mapped files the process would end with SIGBUS."""
    store = EventStore(tmp_path, 400)
    store.append(events(1, 1000))
    store.flush()
    assert np.array_equal(store.row(5), events(5, 1))
    os.truncate(tmp_path / "00000000.evt", 100)
    with pytest.raises(EventsMissing):
        store.row(399)
    with pytest.raises(EventsMissing):
        store.chain(399, 1, 0)
    (tmp_path / "00000001.evt").unlink()
    store.files.forget(1)
    with pytest.raises(EventsMissing):
        store.chain(500, 1, 0)
    store.append(events(1001, 1))
    assert np.array_equal(store.rows(900, 102), events(900, 102))
    store.close()


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_without_room_for_its_next_file_it_pauses_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    store, other = EventStore(tmp_path / "a", 16), EventStore(tmp_path / "b", 16)
    store.append(events(1, 16))
    store.flush()
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    for first in range(17, 50):
        store.append(events(first, 1))
    store.flush()
    assert store.next_number == 50 and store.holes.ranges == [(17, 49)]
    assert "00000001.evt" in store.paused and not (tmp_path / "a" / "00000001.evt").exists(), "no partial file stays"
    assert ("the disk is full" in store.paused) is (error != errno.EIO)
    assert np.array_equal(store.rows(1, 16), events(1, 16))
    with pytest.raises(EventsMissing, match="events 17 to 49 cannot be read just now"):
        store.rows(20, 2)
    assert not store.try_room() and store.paused
    store.append(events(50, 3))
    assert np.array_equal(store.rows(50, 3), events(50, 3)), "the newest wait in memory"
    monkeypatch.undo()
    assert store.try_room() and not store.paused
    store.append(events(53, 20))
    store.flush()
    assert np.array_equal(store.rows(50, 23), events(50, 23)) and store.holes.ranges == [(17, 49)]
    other.append(events(1, 72))
    assert store.value() == other.value(), "the running value knows no pause"
    store.sync()
    store.close()
    store = EventStore(tmp_path / "a", 16)
    assert store.holes.ranges == [(17, 49)] and store.next_number == 73, "a clean stop notes what is missing"
    store.close()
    other.close()


def test_a_file_that_was_there_keeps_its_length_when_it_cannot_be_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "00000000.evt").write_bytes(bytes(100))
    monkeypatch.setattr(os, "posix_fallocate", full)
    store = EventStore(tmp_path, 16)
    store.append(events(1, 20))
    assert store.paused and (tmp_path / "00000000.evt").stat().st_size == 100
    store.close()


def test_it_leaves_room_for_the_journal(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    store = EventStore(tmp_path, 16, keep_free=disk.f_bavail * disk.f_frsize + (1 << 30))
    store.append(events(1, 40))
    store.flush()
    assert "the disk is full" in store.paused and not list(tmp_path.glob("*.evt"))
    store.files.keep_free = 0
    assert store.try_room()
    store.close()


def test_a_folder_that_cannot_be_made_is_a_pause(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = EventStore(tmp_path / "file" / "events", 16)
    store.append(events(1, 40))
    store.flush()
    assert store.paused and store.holes.ranges == [(1, 40)] and not store.try_room()
    store.close()


def test_a_file_that_cannot_be_made_ahead_is_no_matter_until_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.posix_fallocate, []

    def every_other(fd: int, at: int, size: int) -> None:
        calls.append(size)
        if len(calls) % 2 == 0:
            full()
        real(fd, at, size)

    monkeypatch.setattr(os, "posix_fallocate", every_other)
    store = EventStore(tmp_path / "b", 100, Threads())
    for first in range(1, 500, 100):
        store.append(events(first, 60))
        store.flush()
        store.append(events(first + 60, 40))
        store.flush()
    assert np.array_equal(store.rows(1, 500), events(1, 500)) and not store.paused and len(calls) == 10
    store.close()


def test_a_write_that_fails_pauses_and_a_short_one_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EventStore(tmp_path, 1 << 13)
    real = os.pwritev

    def short(fd: int, parts: list[memoryview], at: int) -> int:
        return real(fd, [parts[0][:1000]], at)

    def broken(fd: int, parts: list[memoryview], at: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pwritev", short)
    store.append(events(1, 3000))
    store.flush()
    assert np.array_equal(store.rows(1, 3000), events(1, 3000))
    monkeypatch.setattr(os, "pwritev", broken)
    store.append(events(3001, 3000))
    store.flush()
    assert store.paused == f"{tmp_path}/00000000.evt: Input/output error (a write at byte 576000)" and store.holes.ranges == [(3001, 6000)]
    monkeypatch.undo()
    assert store.try_room()
    store.append(events(6001, 10))
    assert np.array_equal(store.rows(1, 3000), events(1, 3000)) and np.array_equal(store.rows(6001, 10), events(6001, 10))
    store.close()


def test_descriptors_are_let_go(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 10)
    before = len(os.listdir("/proc/self/fd"))
    for first in range(1, 2000, 10):
        store.append(events(first, 10))
    for number in range(1, 2000, 7):
        assert np.array_equal(store.row(number), events(number, 1))
    assert len(os.listdir("/proc/self/fd")) <= before + event_files.DESCRIPTORS_KEPT + 3
    store.sync()
    store.close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("long", [pytest.param(True, id="long")] if LONG else [pytest.param(False, id="short")])
def test_every_flipped_bit_of_a_store_is_seen(tmp_path: Path, long: bool) -> None:
    """The long form flips every bit; the short one flips one bit of each word and every bit of some words."""
    rows = 40 if long else 12
    store = EventStore(tmp_path, rows)
    whole = events(1, rows)
    store.append(whole)
    store.flush()
    path = tmp_path / "00000000.evt"
    used = rows * (ROW_BYTES + event_files.SUM_BYTES)
    raw = bytearray(path.read_bytes())
    bits = range(8 * used) if long else [*range(0, 8 * used, 61), *range(8 * ROW_BYTES, 8 * ROW_BYTES + 512)]
    fd = os.open(path, os.O_RDWR)
    for bit in bits:
        at = bit // 8
        os.pwrite(fd, bytes([raw[at] ^ 1 << bit % 8]), at)
        hit = at // ROW_BYTES + 1 if at < rows * ROW_BYTES else (at - rows * ROW_BYTES) // event_files.SUM_BYTES + 1
        assert store.files.scan(1, rows) == [(hit, hit)], bit
        os.pwrite(fd, raw[at : at + 1], at)
    assert store.files.scan(1, rows) == []
    os.close(fd)
    store.close()
