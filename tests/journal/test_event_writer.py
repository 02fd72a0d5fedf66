"""The ring of the newest events and the helper that writes them: against a plain list, with a slow, a failing and a dead helper."""

import errno
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.disk.event_rows import ROW_BYTES
from exchange_server.journal import event_files, event_writer
from exchange_server.journal.event_files import EventFiles, EventSum
from exchange_server.journal.event_store import EventStore, EventStoreError
from exchange_server.journal.runner import Inline, Runner, Threads
from protocol import codes

from .test_event_store import events

CHUNK = event_writer.CHUNK_ROWS


def value_of(count: int) -> bytes:
    total = EventSum()
    total.add(events(1, count))
    return total.words.tobytes()


@pytest.mark.parametrize("runner", [Inline, Threads])
@pytest.mark.parametrize("per_file", [5, 64, 3 * CHUNK, 5000])
def test_many_laps_of_the_ring(tmp_path: Path, runner: type[Runner], per_file: int) -> None:
    """Pieces of any size, larger than the ring too; whatever is asked at any moment is as it was appended."""
    rng = np.random.default_rng(per_file)
    store = EventStore(tmp_path, per_file, runner())
    most = min(per_file, CHUNK) * event_writer.RING_CHUNKS
    total = 3 * most + 17
    whole = events(1, total)
    at = 0
    while at < total:
        count = min(total - at, int(rng.integers(1, rng.choice([3, most // 8, 2 * most]) + 2)))
        store.append(whole[at * L.EVT_WORDS : (at + count) * L.EVT_WORDS])
        at += count
        first = int(rng.integers(1, at + 1)) if rng.random() < 0.5 else max(1, at - int(rng.integers(1, 9)))
        asked = min(at + 1 - first, int(rng.integers(1, 40)))
        assert np.array_equal(store.rows(first, asked), whole[(first - 1) * L.EVT_WORDS : (first - 1 + asked) * L.EVT_WORDS])
        if rng.random() < 0.1:
            assert store.value() == value_of(at)
        if rng.random() < 0.1:
            store.flush()
            assert store.written_to == at + 1
    store.close()
    data = b"".join(p.read_bytes()[: per_file * ROW_BYTES] for p in sorted(tmp_path.glob("*.evt")))
    assert data[: total * ROW_BYTES] == whole.tobytes()
    assert EventFiles(tmp_path, per_file).scan(1, total) == [] and not store.holes


@pytest.mark.parametrize("direct", [True, False])
def test_whole_chunks_go_past_the_page_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direct: bool) -> None:
    """Where the file system can do that; the files are the same. A part of a chunk never does."""
    real, seen = event_files._write_once, []

    def watch(fd: int, piece: memoryview, at: int, path: Path) -> int:
        seen.append((bool(os.get_blocking(fd)) and bool(flags(fd) & os.O_DIRECT), at, len(piece)))
        return real(fd, piece, at, path)

    def flags(fd: int) -> int:
        text = Path(f"/proc/self/fdinfo/{fd}").read_text()
        return int(text.split("flags:")[1].split()[0], 8)

    monkeypatch.setattr(event_files, "_write_once", watch)
    if not direct:
        monkeypatch.setattr(event_files, "open_direct", lambda path: -1)
    store = EventStore(tmp_path, 2 * CHUNK)
    store.append(events(1, 100))
    store.flush()
    store.append(events(101, 3 * CHUNK))
    store.close()
    ways = [way for way, _, _ in seen]
    assert ways == [False, False] + [False, False] + [direct] * 4 + [False, False]
    assert [size for _, _, size in seen if size == CHUNK * ROW_BYTES] == [CHUNK * ROW_BYTES] * 2
    files = EventFiles(tmp_path, 2 * CHUNK)
    assert files.scan(1, 3 * CHUNK + 100) == [] and files.differ(1, events(1, 3 * CHUNK + 100)) == []
    files.close()


def test_a_helper_that_is_behind_takes_the_page_cache_and_then_holds_up_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go, ways = threading.Event(), []
    real = EventFiles.write

    def slow(self: EventFiles, number: int, rows: np.ndarray, sums: np.ndarray, direct: bool = False) -> None:
        ways.append(direct)
        assert go.wait(60)
        real(self, number, rows, sums, direct)

    monkeypatch.setattr(EventFiles, "write", slow)
    store = EventStore(tmp_path, 64, Threads())
    ring = 64 * event_writer.RING_CHUNKS
    whole = events(1, 2 * ring)
    store.append(whole[: ring * L.EVT_WORDS])  # all that fits, without waiting
    assert np.array_equal(store.rows(1, ring), whole[: ring * L.EVT_WORDS]) and store.written_to == 1
    assert store.value() == value_of(ring)
    threading.Timer(0.3, go.set).start()
    store.append(whole[ring * L.EVT_WORDS :])  # waits
    assert go.is_set() and np.array_equal(store.rows(1, 2 * ring), whole)
    store.flush()
    assert False in ways and True in ways
    store.close()


@pytest.mark.parametrize(("took", "fills", "direct"), [(0.0001, 11, True), (0.0001, 13, False), (0.01, 11, False), (0.01, 8, True)])
def test_a_helper_that_is_behind_writes_past_the_page_cache_while_the_disk_is_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, took: float, fills: int, direct: bool
) -> None:
    """took: seconds of a chunk of the write before; fills: sixteenths of the ring that wait for the next one."""
    now, turn, entered, ways = [0.0], threading.Semaphore(0), threading.Semaphore(0), []
    real = EventFiles.write

    def slow(self: EventFiles, number: int, rows: np.ndarray, sums: np.ndarray, direct: bool = False) -> None:
        entered.release()
        assert turn.acquire(timeout=60)
        ways.append(direct)
        now[0] += took * (sums.size // 64)
        real(self, number, rows, sums, direct)

    monkeypatch.setattr(EventFiles, "write", slow)
    monkeypatch.setattr(event_writer, "monotonic", lambda: now[0])
    monkeypatch.setattr(event_writer, "PIECE_CHUNKS", 1)
    store = EventStore(tmp_path, 64, Threads())
    whole = events(1, 64 * (1 + fills))
    store.append(whole[: 64 * L.EVT_WORDS])  # the helper begins with this one
    assert entered.acquire(timeout=60)
    store.append(whole[64 * L.EVT_WORDS :])
    turn.release(1 + fills)
    store.flush()
    assert ways[:2] == [True, direct]
    store.close()


def test_who_waits_for_room_is_told_once_and_its_rows_go_past_the_page_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the ring may wait; then nobody is kept by a copy into the page cache."""
    turn, ways = threading.Semaphore(0), []
    real = EventFiles.write

    def slow(self: EventFiles, number: int, rows: np.ndarray, sums: np.ndarray, direct: bool = False) -> None:
        assert turn.acquire(timeout=60)
        ways.append(direct)
        real(self, number, rows, sums, direct)

    monkeypatch.setattr(EventFiles, "write", slow)
    store = EventStore(tmp_path, 64, Threads())
    told = threading.Semaphore(0)
    quarter = 64 * event_writer.RING_CHUNKS // 4
    whole = events(1, 2 * quarter)
    store.append(whole[: quarter * L.EVT_WORDS])
    assert store.has_room(lambda: pytest.fail("there was room"))
    store.append(whole[quarter * L.EVT_WORDS : (quarter + 64) * L.EVT_WORDS])
    assert not store.has_room(lambda: pytest.fail("a later call replaces it")) and not store.has_room(told.release)
    assert not told.acquire(timeout=0.05), "told before anything was written"
    turn.release()
    assert told.acquire(timeout=60) and store.has_room(lambda: pytest.fail("there was room"))
    store.append(whole[(quarter + 64) * L.EVT_WORDS :])
    for _ in range(100):
        turn.release()
    store.close()
    assert ways and all(ways) and not told.acquire(blocking=False)
    assert EventFiles(tmp_path, 64).scan(1, 2 * quarter) == []


def test_chunks_that_are_full_go_together_within_one_lap_of_the_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most four, and rows that do not fill a chunk wait."""
    go, pieces = threading.Semaphore(0), []
    real = EventFiles.write

    def noted(self: EventFiles, number: int, rows: np.ndarray, sums: np.ndarray, direct: bool = False) -> None:
        assert go.acquire(timeout=60)
        pieces.append((number, sums.size))
        real(self, number, rows, sums, direct)

    monkeypatch.setattr(EventFiles, "write", noted)
    monkeypatch.setattr(event_writer, "CHUNK_ROWS", 64)
    store = EventStore(tmp_path, 6400, Threads())
    chunks = event_writer.RING_CHUNKS
    whole = events(1, (2 * chunks + 3) * 64)
    store.append(whole[: 64 * L.EVT_WORDS])
    go.release()
    store.flush()  # the next chunk is the ring's second: the last piece of a lap is shorter
    store.append(whole[64 * L.EVT_WORDS : (chunks + 1) * 64 * L.EVT_WORDS])
    for _ in range(100):
        go.release()
    store.append(whole[(chunks + 1) * 64 * L.EVT_WORDS : (2 * chunks + 2) * 64 * L.EVT_WORDS])
    store.append(whole[(2 * chunks + 2) * 64 * L.EVT_WORDS : -10 * L.EVT_WORDS])
    store.flush()
    assert sum(count for _, count in pieces) == len(whole) // L.EVT_WORDS - 10
    assert max(count for _, count in pieces) == 64 * event_writer.PIECE_CHUNKS
    assert all((first - 1) // (64 * chunks) == (first + count - 2) // (64 * chunks) for first, count in pieces)
    assert EventFiles(tmp_path, 6400).scan(1, store.written_to - 1) == []
    store.close()


def test_who_waits_is_not_kept_by_the_pause_after_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("PAUSE_S", "GATHER_S"):
        monkeypatch.setattr(event_writer, pause, 3600)
    monkeypatch.setattr(event_writer, "CHUNK_ROWS", 64)
    store = EventStore(tmp_path, 640, Threads())

    def work() -> None:
        for first in range(1, 64 * event_writer.RING_CHUNKS * 3, 64):
            store.append(events(first, 64))  # waits when the ring is full
        store.append(events(store.next_number, 5))
        store.flush()
        store.append(events(store.next_number, 64))
        store.close()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(60)
    assert not worker.is_alive()


def test_without_its_helper_nobody_is_asked_to_wait_for_room(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 64, Threads())
    store.abandon()
    for first in range(1, 64 * event_writer.RING_CHUNKS, 64):
        store.append(events(first, 64))
    assert store.has_room(lambda: pytest.fail("nobody is there to call it"))
    with pytest.raises(EventStoreError, match="has died"):
        store.append(events(store.next_number, 64))


def test_chunks_that_fail_are_holes_and_the_next_ones_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = EventFiles.write
    bad = {3, 4}

    def some(self: EventFiles, number: int, rows: np.ndarray, sums: np.ndarray, direct: bool = False) -> None:
        if (number - 1) // 64 in bad:
            raise OSError(errno.EIO, "Input/output error", str(self.path(0)))
        real(self, number, rows, sums, direct)

    monkeypatch.setattr(EventFiles, "write", some)
    store = EventStore(tmp_path, 640, Threads())
    monkeypatch.setattr(event_writer, "CHUNK_ROWS", 64)
    small = EventStore(tmp_path / "small", 640, Threads())
    for first in range(1, 641, 64):
        small.append(events(first, 64))
        small.flush()
        if small.paused:
            assert "Input/output error" in small.paused and small.try_room()
    assert small.holes.ranges == [(193, 320)] and not small.paused
    assert np.array_equal(small.rows(321, 320), events(321, 320)) and small.value() == value_of(640)
    small.close()
    store.close()


def test_a_dead_helper_is_no_silent_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    store = EventStore(tmp_path, 16, Threads())
    monkeypatch.setattr(EventFiles, "write", broken)
    store.append(events(1, 40))
    with pytest.raises(EventStoreError, match="has died"):
        store.flush()
    store.abandon()


def test_chains_over_the_seam_of_the_ring(tmp_path: Path) -> None:
    """A session's chain whose rows lie in files, in the ring's end and at its begin."""
    store = EventStore(tmp_path, 64)
    count = 64 * event_writer.RING_CHUNKS + 40
    whole = events(1, count).reshape(count, L.EVT_WORDS)
    for i in range(count):
        number = i + 1
        own = number // 7 if number % 7 == 0 else 0
        whole[i, L.EVT_SESSION_NUMBER], whole[i, L.EVT_PREVIOUS] = own, number - 7 if own else 0
    last = count // 7 * 7
    store.append(whole[: count - 50].reshape(-1))
    monkey = store._writer._next_piece
    store._writer._next_piece = lambda: (store.written_to, store.written_to)  # type: ignore[method-assign]  # nothing more is written
    store.append(whole[count - 50 :].reshape(-1))
    assert store.written_to < 64 * event_writer.RING_CHUNKS < last
    assert store.chain(last, 1, 0).tolist() == list(range(last, 0, -7))
    store._writer._next_piece = monkey  # type: ignore[method-assign]
    store.close()


def test_a_pause_that_ends_while_a_chunk_is_skipped_leaves_no_gap(tmp_path: Path) -> None:
    """The loop ends the pause between the helper's look at it and its note of what was not written: the events are still a hole."""

    class EndsAtOnce(str):
        """Counts as set when the helper looks, and is over directly after."""

        def __bool__(self) -> bool:
            store._writer.paused = ""
            return True

    store = EventStore(tmp_path, 64, Inline())
    store._writer.paused = EndsAtOnce("no space")
    store.append(events(1, 64))
    store.flush()
    assert store.holes.ranges == [(1, 64)] and not store.paused
    store.close()


def test_an_error_of_any_kind_pauses_the_store_and_the_helper_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EventStore(tmp_path, 64, Inline())

    def broken(*_: object, **__: object) -> None:
        raise ValueError("an unforeseen one")

    with monkeypatch.context() as patched:
        patched.setattr(store.files, "write", broken)
        store.append(events(1, 64))
        store.flush()
    assert store.paused == "ValueError: an unforeseen one" and store.holes.ranges == [(1, 64)]
    assert store.try_room()
    store.append(events(65, 64))
    store.flush()
    assert store.holes.ranges == [(1, 64)]
    store.close()


@pytest.mark.parametrize("runner", [Inline, Threads])
def test_refusals_are_counted_once_wherever_they_are(tmp_path: Path, runner: type[Runner]) -> None:
    """By the helper, in memory, and in a store that is paused: at every moment the sum over everything appended."""
    rng = np.random.default_rng(3)
    store = EventStore(tmp_path, 3 * CHUNK, runner())
    total = 6 * CHUNK + 100
    whole = events(1, total).reshape(-1, L.EVT_WORDS)
    whole[:, L.EVT_HEAD] = codes.E_ACCEPTED
    reasons = rng.integers(1, 300, total)
    refused = rng.random(total) < 0.3
    whole[refused, L.EVT_HEAD] = codes.E_REJECTED | reasons[refused] << 36
    flat, at = whole.reshape(-1), 0
    while at < total:
        count = min(total - at, int(rng.integers(1, CHUNK)))
        store.append(flat[at * L.EVT_WORDS : (at + count) * L.EVT_WORDS])
        at += count
        if at > total // 2:
            store._writer.paused = "a test"
        assert np.array_equal(store.refusals(), np.bincount(reasons[:at][refused[:at]], minlength=event_writer.REASONS))
    store.flush()
    assert store.refusals().sum() == refused.sum()
    store.go_to(total + 1000)
    assert store.refusals().sum() == refused.sum()
    store.close()
