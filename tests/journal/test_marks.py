"""Digests in the journal while the server runs: their place, when they are written, and that a replay that differs is reported."""

import time
from pathlib import Path

import numpy as np
import pytest

from exchange_server.disk import disk_writer as dw
from exchange_server.journal import format as fmt
from exchange_server.journal.marks import Marks, differs, event_digest
from exchange_server.journal.recover import JournalRefused, Recovered, recover, seal, verify
from exchange_server.journal.runner import Threads
from exchange_server.journal.store import Journal

from .kit import SEGMENT, SERVER, FakeEngine, commit, digest_of, open_new, turn

OPTIONS = dict(runner=Threads(), segment_bytes=SEGMENT, idle_ms=5, rows_per_event_file=64)


def start(data: Path, engine: type[FakeEngine] = FakeEngine, **options) -> Recovered[FakeEngine]:
    return recover(data, SERVER, engine, **{**OPTIONS, **options})


def trade(r: Recovered[FakeEngine], numbers: range, marks: Marks | None = None, now_s: float = 0.0) -> list[np.ndarray]:
    turns = [turn(number, 3) for number in numbers]
    for rows in turns:
        r.journal.append(rows)
        r.engine.apply(rows, rows.size, r.store.append)
        if marks is not None:
            marks.look(now_s)
        commit(r.journal)
        r.journal.settle()  # the writer thread may still be writing the mark
    return turns


def crash(r: Recovered[FakeEngine]) -> None:
    r.journal.settle()
    r.journal.close()
    r.store.close()


def marks_of(data: Path) -> list[fmt.Mark]:
    """Read by the plain Python of format.py."""
    found = []
    for path in sorted((data / "journal").glob("*.seg")):
        raw = path.read_bytes()
        at = fmt.SEGMENT_HEADER_BYTES
        while raw[at : at + 8] == fmt.FRAME_MAGIC:
            header = fmt.parse_frame_header(raw[at : at + fmt.FRAME_HEADER_BYTES])
            if header.flags & fmt.FLAG_MARK:
                found.append(fmt.parse_mark(raw[at + fmt.FRAME_HEADER_BYTES : header.end]))
                assert header.first_seq == found[-1].seq, "it stands exactly behind its rows"
            at = header.end
    return found


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_after_a_crash_every_mark_is_compared(tmp_path: Path, mode: str) -> None:
    r = start(tmp_path, mode=mode)
    marks = Marks(r.engine, r.journal, r.store, every_rows=20, every_s=60.0)
    turns = trade(r, range(1, 120), marks)
    crash(r)
    found = marks_of(tmp_path)
    assert len(found) == marks.written == 119 * 4 // 20 and verify(tmp_path / "journal").marks == len(found)
    assert [m.seq for m in found] == [20 * (i + 1) for i in range(len(found))]
    assert all(mark.digest == bytes(32) for mark in found), "the state itself is not walked while running"
    r = start(tmp_path)
    assert r.report.marks == len(found) and r.engine.digest() == digest_of(turns) and not r.engine.restored
    seal(r, tmp_path)
    r = start(tmp_path)  # from a snapshot the running value continues
    assert r.engine.restored
    turns += trade(r, range(200, 230), Marks(r.engine, r.journal, r.store, every_rows=20))
    crash(r)
    r = start(tmp_path)
    assert r.engine.restored and r.report.marks == 6 and r.engine.digest() == digest_of(turns)
    crash(r)


class Otherwise(FakeEngine):
    """Handles one row differently, with the same counters."""

    def apply(self, rows, words, sink):  # type: ignore[no-untyped-def]
        def other(event: np.ndarray) -> None:
            if event[1] == 100:
                event[20] ^= 1
            sink(event)

        return super().apply(rows, words, other)


class CountsOtherwise(FakeEngine):
    def counters(self) -> bytes:
        return super().counters() if self.row_seq < 130 else b"x"


@pytest.mark.parametrize("engine", [Otherwise, CountsOtherwise])
def test_a_replay_that_differs_is_refused_with_its_rows(tmp_path: Path, engine: type[FakeEngine]) -> None:
    r = start(tmp_path)
    trade(r, range(1, 60), Marks(r.engine, r.journal, r.store, every_rows=20))
    crash(r)
    with pytest.raises(JournalRefused, match=r"replay differs: digest of events and counters .*Rows affected: 120 to 139\."):
        start(tmp_path, engine)
    crash(start(tmp_path))


def test_time_and_rows_decide_and_nothing_new_writes_nothing(tmp_path: Path) -> None:
    r = start(tmp_path)
    marks = Marks(r.engine, r.journal, r.store, every_rows=1000, every_s=60.0)
    marks.look(100.0)
    trade(r, range(1, 3), marks, 100.0)
    marks.look(159.9)
    assert marks.written == 0
    marks.look(160.0)
    r.journal.settle()
    assert marks.written == 1
    marks.look(500.0)
    assert marks.written == 1, "no new rows"
    r.journal.settle()  # the writer has taken the first one: until then a second is not requested
    trade(r, range(3, 4), marks, 500.0)
    assert marks.written == 2
    crash(r)
    assert len(marks_of(tmp_path)) == 2


def test_a_mark_stands_behind_its_rows_although_the_writer_is_busy(tmp_path: Path) -> None:
    """Rows before and after the request wait together for a slow sync: one frame up to the mark, the mark, and then the others."""
    journal = open_new(tmp_path / "journal")
    journal._st[dw.ST_OWNER] = 2  # as if the loop were writing: then no other writer may
    for number in range(1, 6):
        journal.append(turn(number, 2))
    seq = journal.next_seq
    assert journal.request_mark(b"e" * 32, 77)
    assert not journal.request_mark(b"f" * 32, 78), "one at a time"
    for number in range(6, 9):
        journal.append(turn(number, 2))
    journal._st[dw.ST_OWNER] = 0
    commit(journal)
    journal.settle()
    journal.close()
    (mark,) = marks_of(tmp_path)
    assert (mark.seq, mark.event_seq, mark.events) == (seq, 77, b"e" * 32)
    assert verify(tmp_path / "journal").rows == 24


@pytest.mark.parametrize("seed", range(4))
def test_marks_at_ring_borders_and_segment_ends(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    journal = open_new(tmp_path / "journal", ring_bytes=4096)
    wanted = []
    for number in range(1, 400):
        journal.append(turn(number, int(rng.integers(0, 12))))
        if rng.integers(3) == 0 and journal.request_mark(number.to_bytes(32, "little"), number):
            wanted.append((journal.next_seq, number))
        if rng.integers(2):
            journal.commit_inline()
    journal.settle()
    journal.close()
    found = [(m.seq, m.event_seq) for m in marks_of(tmp_path)]
    # A mark is left out if its segment is full and no next one is ready: it must never delay the journal.
    assert set(found) <= set(wanted) and found == sorted(found) and len(found) > len(wanted) - 12
    verify(tmp_path / "journal")


def test_without_room_a_mark_is_left_out_and_the_journal_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(tmp_path / "journal", SERVER, Threads(), segment_bytes=SEGMENT, idle_ms=5)
    while journal._words[dw.ST_NEXT_FD] < 0:
        journal._stop.wait(0.001)
    st = journal._st
    next_fd = int(st[dw.ST_NEXT_FD])
    journal.append(turn(1, 219))  # 28,352 bytes: 320 are left, exactly a mark
    commit(journal)
    st[dw.ST_NEXT_FD] = -1  # the disk is full: no next segment
    st[dw.ST_PREPARE_ERRNO] = 28
    assert journal.request_mark(b"a" * 32, 1)
    journal.settle()
    assert journal.position().offset == SEGMENT
    assert journal.request_mark(b"b" * 32, 1)
    journal.settle()
    assert journal.failed is None and not journal.commit_mark(bytes(32), 1, 10_000), "a stop does not wait ten seconds for it either"
    st[dw.ST_PREPARE_ERRNO] = 0
    st[dw.ST_NEXT_FD] = next_fd
    journal.append(turn(2, 1))
    commit(journal)
    journal.close()
    assert [m.events[:1] for m in marks_of(tmp_path)] == [b"a"]


def test_what_differs_is_said_in_words() -> None:
    engine = FakeEngine()
    mark = fmt.Mark(engine.digest(), 0, 1, event_digest(engine, bytes(16)))
    assert differs(mark, engine, bytes(16)) == ""
    assert "digest of events" in differs(mark, engine, b"x" * 16)
    assert differs(fmt.Mark(bytes(32), 0, 1), engine, b"x" * 16) == "", "a mark without digests says only where it stands"
    assert "the next event is 1, the journal says 9" in differs(fmt.Mark(bytes(32), 0, 9), engine, bytes(16))
    assert "state digest" in differs(fmt.Mark(b"z" * 32, 0, 1), engine, bytes(16))


def test_after_a_kill_the_events_before_a_mark_are_in_the_files(tmp_path: Path) -> None:
    """A recovery from a snapshot at that mark does not write them again."""
    r = start(tmp_path)
    marks = Marks(r.engine, r.journal, r.store, every_rows=20, every_s=60.0)
    trade(r, range(1, 6), marks)
    end = time.monotonic() + 10.0
    while r.store.written_to < 16:  # 5 turns of 3 orders, by the helper
        assert time.monotonic() < end
        time.sleep(0.001)
    trade(r, range(6, 7), marks)
    assert marks.written == 1 and r.store.written_to == 16
    crash(r)
