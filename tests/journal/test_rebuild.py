"""Holes of the event store are filled from the journal while it runs; events that cannot be rebuilt are named. The faults of a disk: every
bit of small files flipped, pages zeroed, files missing or short."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exchange_server.journal import format as fmt
from exchange_server.journal.event_files import Holes
from exchange_server.journal.event_store import EventsMissing, EventStore
from exchange_server.journal.rebuild import AGAIN_S, Rebuilder, rebuild, sessions_behind
from exchange_server.journal.recover import JournalRefused, Recovered, recover, seal
from exchange_server.journal.runner import Threads

from .kit import LONG, SEGMENT, SERVER, FakeEngine, commit, copy_folder, patch, turn

PER_FILE = 64
OPTIONS: dict[str, Any] = dict(runner=Threads(), segment_bytes=SEGMENT, idle_ms=5, rows_per_event_file=PER_FILE)


def start(data: Path) -> Recovered[FakeEngine]:
    return recover(data, SERVER, FakeEngine, **OPTIONS)


def trade(r: Recovered[FakeEngine], numbers: range) -> None:
    for number in numbers:
        rows = turn(number, 5)
        r.journal.append(rows)
        r.engine.apply(rows, rows.size, r.store.append)
        commit(r.journal)


def stop(r: Recovered[FakeEngine]) -> None:
    r.journal.close()
    r.store.close()


class World:
    """The part of a running server needed here: store, rebuilder, a manual clock, the log."""

    def __init__(self, r: Recovered[FakeEngine], data: Path, engine: type[FakeEngine] = FakeEngine) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.now_s = 0.0
        self.store = r.store
        names = lambda events, found: [f"S{n}" for n in sorted(found)]  # noqa: E731
        self.rebuilder = Rebuilder(
            r.store, data, SERVER, Threads(), engine, lambda level, event, **fields: self.lines.append((event, fields)), names
        )

    def work(self) -> bool:
        """One run to its end. True: something was closed or given up."""
        self.now_s += AGAIN_S + 1
        self.rebuilder.look(self.now_s)
        if self.rebuilder._task is not None:
            self.rebuilder._task.join()
        self.now_s += AGAIN_S + 1
        return self.rebuilder.look(self.now_s)

    def said(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.lines if name == event]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A data folder after two clean stops, and all of its events."""
    data = tmp_path_factory.mktemp("sealed") / "data"
    r = start(data)
    trade(r, range(1, 60))
    seal(r, data)
    r = start(data)
    trade(r, range(60, 120))
    whole = r.store.rows(1, r.store.next_number - 1).copy()
    seal(r, data)
    return data, whole


def test_nothing_is_done_while_all_is_well(sealed: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    data = copy_folder(sealed[0], tmp_path / "data")
    r = start(data)
    world = World(r, data)
    assert not world.work() and world.rebuilder.runs == 0 and not world.lines
    stop(r)


DAMAGES = ["bit", "page", "missing", "short", "all missing", "old copy", "swapped", "noise"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_any_damage_is_refused_by_name_and_then_mended(sealed: tuple[Path, np.ndarray], tmp_path: Path, damage: str) -> None:
    data, whole = copy_folder(sealed[0], tmp_path / "data"), sealed[1]
    one, two = data / "events" / "00000001.evt", data / "events" / "00000004.evt"
    r = start(data)
    if damage == "bit":
        patch(one, 1000, b"\x77")
    elif damage == "page":
        patch(one, 4096, bytes(4096))
    elif damage == "missing":
        one.unlink()
    elif damage == "short":
        os.truncate(one, 5000)
    elif damage == "all missing":
        shutil.rmtree(data / "events")
        (data / "events").mkdir()
    elif damage == "old copy":
        shutil.copy(two, one)
    elif damage == "swapped":
        a, b = one.read_bytes(), two.read_bytes()
        one.write_bytes(b)
        two.write_bytes(a)
    else:
        one.write_bytes(os.urandom(one.stat().st_size))
    count = whole.size // 24
    refused = 0
    for number in range(1, count + 1):
        try:
            assert np.array_equal(r.store.row(number), whole[(number - 1) * 24 : number * 24]), "never anything else than what was written"
        except EventsMissing as missing:
            refused += 1
            assert not missing.lost and missing.first <= number <= missing.last
    assert refused > 0 and r.store.holes.count() == refused
    world = World(r, data)
    assert world.work(), world.lines
    assert np.array_equal(r.store.rows(1, count), whole) and not r.store.holes and not r.store.lost
    assert world.said("event_store_rebuilt")[0]["events"] == refused
    trade(r, range(500, 520))  # and the store continues
    r.store.flush()
    assert np.array_equal(r.store.rows(1, count), whole)
    stop(r)


@pytest.mark.parametrize("where", ["rows", "checksums"])
def test_flipped_bits_reach_no_reader_and_are_mended(sealed: tuple[Path, np.ndarray], tmp_path: Path, where: str) -> None:
    """A sample of the bits of one file (EXOS_LONG=1: all of its first rows and checksums)."""
    data, whole = copy_folder(sealed[0], tmp_path / "data"), sealed[1]
    r = start(data)
    path = data / "events" / "00000002.evt"
    raw = path.read_bytes()
    begin = 0 if where == "rows" else PER_FILE * 192
    span = 8 * (5 * 192 if where == "rows" else 5 * 8)
    first = 2 * PER_FILE + 1
    bits = range(span) if LONG else np.random.default_rng(1).choice(span, 24, replace=False).tolist()
    for bit in bits:
        at = begin + bit // 8
        patch(path, at, bytes([raw[at] ^ 1 << bit % 8]))
        hit = first + bit // 8 // (192 if where == "rows" else 8)
        r.store.go_to(r.store.next_number, r.store.value())  # nothing is known about the file
        with pytest.raises(EventsMissing):
            r.store.chain(first + PER_FILE - 1, 1, 0)
        with pytest.raises(EventsMissing):
            r.store.rows(first, PER_FILE)
        assert r.store.holes.ranges == [(hit, hit)]
        if bit % 7 == 0:
            assert World(r, data).work()
            assert np.array_equal(r.store.rows(first, PER_FILE), whole[(first - 1) * 24 : (first - 1 + PER_FILE) * 24])
            assert path.read_bytes() == raw, "the same bytes"
        else:
            patch(path, at, raw[at : at + 1])
            r.store.holes.remove(1, 1 << 62)
    stop(r)


def test_a_start_without_the_store_goes_on_and_fills_it_beside(sealed: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    data, whole = copy_folder(sealed[0], tmp_path / "data"), sealed[1]
    shutil.rmtree(data / "events")
    r = start(data)
    assert r.engine.restored and r.report.rows == 0, "the start itself replays nothing for it"
    trade(r, range(300, 310))
    world = World(r, data)
    assert world.work() and np.array_equal(r.store.rows(1, whole.size // 24), whole)
    stop(r)


def test_what_a_crash_left_unlooked_at_is_looked_at(sealed: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    """The mark of the clean stop is missing: everything is read once, in the background, before it is needed."""
    data, whole = copy_folder(sealed[0], tmp_path / "data"), sealed[1]
    (data / "events" / "synced").unlink()
    patch(data / "events" / "00000003.evt", 192, bytes(192))
    r = start(data)
    world = World(r, data)
    assert r.store.suspects and not r.store.holes and world.work()
    assert not r.store.suspects and np.array_equal(r.store.rows(1, whole.size // 24), whole)
    assert world.said("event_store_rebuilt") == [{"events": 1, "ranges": [[3 * PER_FILE + 2, 3 * PER_FILE + 2]]}]
    stop(r)


def test_from_the_nearest_snapshot(sealed: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    data, whole = copy_folder(sealed[0], tmp_path / "data"), sealed[1]
    started: list[bool] = []

    def make(chunks: Any) -> FakeEngine:
        started.append(chunks is not None)
        return FakeEngine(chunks)

    got: list[tuple[int, np.ndarray]] = []
    found = rebuild(data, SERVER, make, Holes([(400, 410)]), lambda first, rows: got.append((first, rows.copy())), live=False)
    assert started == [True] and found.filled.ranges == [(400, 410)] and not found.later and not found.lost
    assert np.array_equal(np.concatenate([rows for _, rows in got]), whole[399 * 24 : 410 * 24])
    found = rebuild(data, SERVER, make, Holes([(100, 110)]), lambda first, rows: None, live=False)
    assert started == [True, False] and found.filled.ranges == [(100, 110)]
    assert rebuild(data, SERVER, make, Holes([(10_000, 10_001)]), lambda first, rows: None, live=False).later.ranges == [(10_000, 10_001)]


def test_where_the_journal_does_not_reach_back_the_loss_is_named_once_and_for_good(sealed: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    data, whole = copy_folder(sealed[0], tmp_path / "data"), sealed[1]
    oldest = sorted((data / "snapshots").glob("*.snap"))[-1]
    for snapshot in (data / "snapshots").glob("*.snap"):
        if snapshot != oldest:
            snapshot.unlink()
    r = start(data)
    last = r.journal.position().segment
    for number in range(1, last):
        (data / "journal" / fmt.segment_name(number)).unlink()
    patch(data / "events" / "00000001.evt", 4096, bytes(4096))
    world = World(r, data)
    with pytest.raises(EventsMissing):
        r.store.rows(1, 200)
    version = r.store.version
    assert world.work() and r.store.version > version
    (said,) = world.said("events_lost")
    lost = said["first"], said["last"]
    assert lost == (PER_FILE + 22, PER_FILE + 43)
    with pytest.raises(EventsMissing, match=f"events {lost[0]} to {lost[1]} are lost: .*no longer reaches back") as missing:
        r.store.row(lost[0] + 3)
    assert missing.value.lost
    assert np.array_equal(r.store.rows(1, lost[0] - 1), whole[: (lost[0] - 1) * 24]), "what is there is given"
    world.work()
    assert world.rebuilder.runs == 1, "it is not tried again and again"
    seal(r, data)
    r = start(data)
    assert r.store.holes.ranges == [lost], "the next run looks once more: somebody may have put the segments back"
    stop(r)


def test_the_sessions_behind_a_loss_are_found(tmp_path: Path) -> None:
    store = EventStore(tmp_path, 50)
    table = np.zeros((120, 24), dtype=np.int64)
    newest = {1: 0, 2: 0, 3: 0}
    for i in range(120):
        session = 1 + i % 2 if 40 <= i < 60 else 1 + i % 3
        table[i, 0], table[i, 1], table[i, 3], table[i, 5] = 1, i + 1, session << 32 | 9, newest[session]
        newest[session] = i + 1
    store.append(table.reshape(-1))
    store.flush()
    assert sessions_behind(store.files, (41, 60), 121) == {1, 2}
    assert sessions_behind(store.files, (1, 30), 121) == {1, 2, 3}
    assert sessions_behind(store.files, (119, 120), 121) == set()
    store.close()


def test_a_pause_ends_with_the_room_and_what_was_missed_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    r = start(data)
    trade(r, range(1, 10))
    world = World(r, data)

    real = os.posix_fallocate

    def full(fd: int, at: int, size: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith(".evt"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(fd, at, size)

    monkeypatch.setattr(os, "posix_fallocate", full)
    trade(r, range(10, 60))
    r.store.flush()
    assert r.store.paused and not world.work() and world.rebuilder.runs == 0
    assert [f["effect"] for f in world.said("event_store_paused")] == ["trading continues; reports since then are rebuilt later"]
    world.work()
    assert len(world.said("event_store_paused")) == 1, "said once"
    trade(r, range(60, 80))
    monkeypatch.undo()
    assert world.work() and world.said("event_store_goes_on")
    assert not r.store.holes and not r.store.paused
    engine, events = FakeEngine(), []
    for number in range(1, 80):
        rows = turn(number, 5)
        engine.apply(rows, rows.size, lambda e: events.append(e.copy()))
    assert np.array_equal(r.store.rows(1, len(events)), np.concatenate(events))
    stop(r)


def test_no_room_to_rebuild_is_tried_again_later(sealed: tuple[Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, whole = copy_folder(sealed[0], tmp_path / "data"), sealed[1]
    (data / "events" / "00000001.evt").unlink()
    r = start(data)
    r.store.files.keep_free = 1 << 60
    world = World(r, data)
    assert not world.work() and "No space left" in world.said("event_store_rebuild_failed")[0]["why"]
    assert not (data / "events" / "00000001.evt").exists() and r.store.holes
    r.store.files.keep_free = 0
    assert world.work() and np.array_equal(r.store.rows(1, whole.size // 24), whole)
    stop(r)


def test_a_fault_of_the_second_run_is_told_and_stops_nothing(sealed: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    class Broken(FakeEngine):
        def apply(self, *_: Any) -> list[Any]:
            raise RuntimeError("row 7 cannot be")

    class Other(FakeEngine):
        def counters(self) -> bytes:
            return b"other"

    class Elsewhere(FakeEngine):
        def apply(self, rows: Any, words: int, sink: Any) -> list[Any]:
            return super().apply(rows, words, lambda event: sink(event + (np.arange(24) == 20)))

    for engine, words in (
        (Broken, "RuntimeError: row 7 cannot be"),
        (Elsewhere, "gives events 129 to 129 that differ from the event store"),
    ):
        data = copy_folder(sealed[0], tmp_path / "data")
        patch(data / "events" / "00000002.evt", 192, bytes(192))
        r = start(data)
        r.store.suspects.add(129, 192)
        world = World(r, data, engine)
        assert not world.work() and words in world.said("event_store_rebuild_failed")[0]["why"]
        with pytest.raises(EventsMissing):
            r.store.row(130)
        stop(r)
    with pytest.raises(JournalRefused, match="replay differs"):
        rebuild(data, SERVER, Other, Holes([(70, 70), (100_000, 100_000)]), lambda first, rows: None, live=False)


def test_a_stop_does_not_wait_for_the_end_of_the_journal(sealed: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    data = copy_folder(sealed[0], tmp_path / "data")
    shutil.rmtree(data / "events")
    r = start(data)
    world = World(r, data)
    world.rebuilder._stop.set()
    world.rebuilder.look(0.0)
    world.rebuilder.close()
    assert world.rebuilder._task is None and r.store.holes
    stop(r)
