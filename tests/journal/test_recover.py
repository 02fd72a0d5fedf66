"""Recovery: acknowledged rows are restored exactly once, torn tails are cut, other damage is refused, naming the place."""

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.journal import format as fmt
from exchange_server.journal.fence import watermark_file
from exchange_server.journal.files import create
from exchange_server.journal.recover import (
    JournalRefused,
    Recovered,
    ReplayBroken,
    SnapshotFailed,
    cut,
    iterate,
    recover,
    seal,
    verify,
)
from exchange_server.journal.runner import Threads
from exchange_server.journal.store import Journal, JournalError, JournalLocked

from .kit import SEGMENT, SERVER, FakeEngine, commit, copy_folder, digest_of, patch, turn

OPTIONS = dict(runner=Threads(), segment_bytes=SEGMENT, idle_ms=5, rows_per_event_file=64)


def start(data: Path, **options) -> Recovered[FakeEngine]:
    return recover(data, SERVER, FakeEngine, **{**OPTIONS, **options})


def trade(r: Recovered[FakeEngine], turns: list[np.ndarray]) -> None:
    """Live running: journal, apply, event store."""
    for rows in turns:
        r.journal.append(rows, first_seq=r.engine.row_seq)
        r.engine.apply(rows, rows.size, r.store.append)
        commit(r.journal)


def stop(r: Recovered[FakeEngine]) -> None:
    """The state after a crash, except that everything appended is durable: no mark, no snapshot."""
    r.journal.close()
    r.store.close()


TURNS = [turn(i, orders=1 + i * 5 % 11, seed=1) for i in range(1, 192)]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of several segments and no snapshot."""
    data = tmp_path_factory.mktemp("old") / "data"
    r = start(data)
    assert r.report.created and "new journal" in r.report.line()
    trade(r, TURNS)
    stop(r)
    assert verify(data / "journal").segments >= 4
    return data


def frames_of(data: Path) -> list[tuple[Path, fmt.FrameHeader]]:
    found = []
    for path in sorted((data / "journal").glob("*.seg")):
        raw = path.read_bytes()
        at = fmt.SEGMENT_HEADER_BYTES
        while raw[at : at + 8] == fmt.FRAME_MAGIC:
            header = fmt.parse_frame_header(raw[at : at + fmt.FRAME_HEADER_BYTES])
            found.append((path, header))
            at = header.end
    return found


def test_everything_comes_back_whatever_the_batches(old: Path, tmp_path: Path) -> None:
    for batch_words in (16, 1000, 1 << 18):
        data = copy_folder(old, tmp_path / "data")
        shutil.rmtree(data / "events")
        r = start(data, batch_words=batch_words)
        assert r.engine.digest() == digest_of(TURNS)
        assert r.report.rows == r.engine.row_seq == r.journal.next_seq and r.report.cut_bytes == 0 and r.report.epoch == 2
        assert f"{r.report.rows} rows in {len(TURNS)} frames replayed, 0 bytes cut" in r.report.line()
        assert r.store.next_number == r.engine.event_seq
        stop(r)


def test_iterate_gives_the_rows_as_they_were(old: Path) -> None:
    rows = np.concatenate([batch.copy() for batch in iterate(old / "journal", batch_words=500)])
    assert np.array_equal(rows, np.concatenate(TURNS))


def test_the_event_store_is_the_same_after_replay(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    before = {p.name: p.read_bytes() for p in (data / "events").glob("*.evt")}
    shutil.rmtree(data / "events")
    stop(start(data))
    assert {p.name: p.read_bytes() for p in (data / "events").glob("*.evt")} == before and len(before) > 3


def test_life_goes_on_in_a_new_epoch(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    turns = list(TURNS)
    for life in range(5):
        r = start(data)
        assert r.report.epoch == 2 + life and r.engine.digest() == digest_of(turns)
        more = [turn(1000 + 50 * life + i, 3) for i in range(20)]
        trade(r, more)
        turns += more
        stop(r)
    assert verify(data / "journal").rows == sum(t.size // 16 for t in turns)


def test_clean_stop_snapshot_and_the_rows_behind_it(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    r = start(data)
    seal(r, data)
    r = start(data)
    assert r.engine.restored and r.report.rows == 0 and r.report.snapshot_seq == r.engine.row_seq
    assert r.engine.digest() == digest_of(TURNS)
    more = [turn(500 + i, 9) for i in range(60)]
    trade(r, more)
    stop(r)
    r = start(data)
    assert r.engine.restored and r.report.rows == 600 and r.engine.digest() == digest_of(TURNS + more)
    assert f"snapshot {r.report.snapshot} (row {r.report.snapshot_seq})" in r.report.line()
    assert r.store.next_number == r.engine.event_seq
    seal(r, data)
    assert len(list((data / "snapshots").glob("*.snap"))) == 2
    newest = sorted((data / "snapshots").glob("*.snap"))[-1]
    patch(newest, 4100, b"\xff")  # damaged: the previous one is used
    r = start(data)
    assert r.engine.restored and r.report.rows == 600 and r.engine.digest() == digest_of(TURNS + more)
    assert any("SHA-256" in note for note in r.report.notes) and r.report.marks == 1
    stop(r)
    shutil.rmtree(data / "events")  # the start does not wait for it: rebuild.py fills it while the server runs
    r = start(data)
    assert r.engine.restored and r.store.next_number == r.engine.event_seq and r.engine.digest() == digest_of(TURNS + more)
    assert r.store.holes and any("rebuilt from the journal while the server runs" in note for note in r.report.notes)
    stop(r)


def test_after_a_power_cut_the_watermark_may_be_older_than_the_newest_snapshot(old: Path, tmp_path: Path) -> None:
    """Its file is synced when the server is idle; a snapshot is made of rows that are on the disk, and is synced itself."""
    data = copy_folder(old, tmp_path / "data")
    r = start(data)
    mark = data / "journal" / "watermark"
    for more in (0, 3, 60):  # in the same segment; later ones
        trade(r, [turn(500 + i, 9) for i in range(more)])
        r.journal.settle()
        before = mark.read_bytes()
        trade(r, [turn(700, 4)])
        seal(r, data)
        mark.write_bytes(before)
        r = start(data)
        assert r.report.rows == 0 and r.report.snapshot_seq == r.engine.row_seq and r.engine.restored, more
        trade(r, [turn(800, 4)])
    stop(r)
    mark.write_bytes(before)
    stop(start(data))
    newest = fmt.newest_watermark(before)
    assert newest is not None
    mark.write_bytes(watermark_file(replace(newest, epoch=newest.epoch + 50)))  # another server's: its rows are not those of the snapshot
    with pytest.raises(JournalRefused, match="do not have the watermark's chain value"):
        start(data)


def test_segments_before_a_snapshot_may_go_but_not_without_it(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    seal(start(data), data)
    last = fmt.segment_number(frames_of(data)[-1][0].name)
    for number in range(1, last):
        (data / "journal" / fmt.segment_name(number)).unlink()
    r = start(data)
    assert r.engine.digest() == digest_of(TURNS)
    stop(r)
    away = shutil.move(data / "snapshots", tmp_path / "away")
    with pytest.raises(JournalRefused, match="no snapshot that verifies"):
        start(data)
    shutil.move(away, data / "snapshots")
    shutil.rmtree(data / "events")  # it can be derived, so it never prevents a start
    r = start(data)
    assert r.engine.digest() == digest_of(TURNS) and r.store.holes.ranges == [(1, r.engine.event_seq - 1)]
    stop(r)


def test_a_replay_that_differs_is_refused(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    seal(start(data), data)
    shutil.rmtree(data / "snapshots")

    class Other(FakeEngine):
        def digest(self) -> bytes:
            return bytes(32)

    with pytest.raises(JournalRefused, match="replay differs.*run the version"):
        recover(data, SERVER, Other, **OPTIONS)
    stop(start(data))
    seal(start(data), data)
    with pytest.raises(JournalRefused, match="does not have the snapshot's digest"):
        recover(data, SERVER, Other, **OPTIONS)
    stop(start(data))  # a refusal releases the folder


@pytest.mark.parametrize(
    ("verified", "as_written", "asked"),
    [(True, True, 0), (False, True, 1), (True, False, 1), (False, False, 1)],
)
def test_the_digest_is_taken_unless_the_same_words_were_proven(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verified: bool, as_written: bool, asked: int
) -> None:
    data = copy_folder(old, tmp_path / "data")
    seal(start(data), data)
    calls: list[int] = []

    class Counting(FakeEngine):
        def digest(self) -> bytes:
            calls.append(1)
            return super().digest()

    Counting.as_written = as_written
    monkeypatch.setattr("exchange_server.journal.recover.was_verified", lambda snapshot: verified)
    r = recover(data, SERVER, Counting, **OPTIONS)
    assert r.engine.restored and len(calls) == asked
    stop(r)


def test_a_clean_stop_at_the_end_of_a_segment_begins_the_next_one_for_its_mark(tmp_path: Path) -> None:
    data = tmp_path / "data"
    r = start(data)
    trade(r, [turn(1, 219)])  # the two frames leave less than a mark needs
    trade(r, [turn(2, 0)])
    assert SEGMENT - r.journal.position().offset < fmt.FRAME_HEADER_BYTES + fmt.ROW_BYTES
    seal(r, data)
    found = verify(data / "journal")
    assert found.marks == 1 and found.end.segment == 2
    r = start(data)
    assert r.engine.restored and r.engine.row_seq == 221
    stop(r)


def test_started_twice(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    r = start(data)
    with pytest.raises(JournalLocked, match="in use by process"):
        start(data)
    trade(r, [turn(900)])
    live = verify(data / "journal")  # a check of a live folder goes up to the watermark
    assert live.live and live.rows == r.engine.row_seq and "up to its watermark" in live.line()
    stop(r)
    assert not verify(data / "journal").live


def test_another_server_or_other_rules(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    with pytest.raises(JournalRefused, match="from server 7, not 8"):
        recover(data, 8, FakeEngine, **OPTIONS)
    with pytest.raises(JournalError, match=f"rules version {L.LOGIC_VERSION}, this program has {L.LOGIC_VERSION + 1}"):
        start(data, logic=L.LOGIC_VERSION + 1)


def test_folders_that_are_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="does not exist"):
        verify(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(JournalError, match="holds no segments"):
        verify(tmp_path / "empty")
    Journal.open(tmp_path / "j", SERVER, Threads(), segment_bytes=SEGMENT).close()
    patch(tmp_path / "j" / fmt.segment_name(1), 0, bytes(512))
    with pytest.raises(JournalError, match="no server ever wrote"):
        verify(tmp_path / "j")


def test_a_crash_while_the_first_segment_was_made_begins_anew(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "journal"
    folder.mkdir(parents=True)
    (folder / "watermark").write_bytes(bytes(8192))
    (folder / fmt.segment_name(1)).write_bytes(bytes(SEGMENT))
    (folder / "spare.tmp").write_bytes(b"half")
    r = start(tmp_path / "data")
    assert r.report.created
    trade(r, TURNS[:3])
    stop(r)
    assert verify(folder).rows == sum(t.size // 16 for t in TURNS[:3])


def test_lost_segments_are_missed(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    numbers = sorted({fmt.segment_number(p.name) for p, _ in frames_of(data)})
    (data / "journal" / fmt.segment_name(numbers[1])).unlink()
    with pytest.raises(JournalRefused, match="00000002.seg at byte 0: the segment is missing"):
        start(data)
    data = copy_folder(old, tmp_path / "data")
    for path in (data / "journal").glob("*.seg"):
        if fmt.segment_number(path.name) >= numbers[-1]:
            path.unlink()
    with pytest.raises(JournalRefused, match="the journal ends here, but the watermark shows"):
        start(data)
    for path in (data / "journal").glob("*.seg"):
        path.unlink()
    with pytest.raises(JournalRefused, match="no segment is here, but the watermark"):
        start(data)
    data = copy_folder(old, tmp_path / "data")
    (data / "journal" / "watermark").unlink()
    with pytest.raises(JournalRefused, match="both slots are damaged or the file is missing"):
        start(data)


def test_frames_and_segments_in_the_wrong_place(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    one, two = (data / "journal" / fmt.segment_name(n) for n in (2, 3))
    a, b = one.read_bytes(), two.read_bytes()
    one.write_bytes(b)
    two.write_bytes(a)
    with pytest.raises(JournalRefused, match="00000002.seg at byte 0: the file holds segment 3"):
        start(data)
    data = copy_folder(old, tmp_path / "data")
    frames = [(p, h) for p, h in frames_of(data) if h.segment == 2]
    same = [(x, y) for x in frames for y in frames if x[1].offset < y[1].offset and x[1].payload_bytes == y[1].payload_bytes]
    (path, first), (_, second) = same[0]
    raw = bytearray(path.read_bytes())
    raw[first.offset : first.end], raw[second.offset : second.end] = raw[second.offset : second.end], raw[first.offset : first.end]
    path.write_bytes(bytes(raw))
    with pytest.raises(JournalRefused, match=f"byte {first.offset}: the frame belongs to another position"):
        start(data)


def test_an_old_copy_of_a_segment(tmp_path: Path) -> None:
    data = tmp_path / "data"
    r = start(data)
    trade(r, TURNS[:20])
    stop(r)
    copy_folder(data, tmp_path / "early")
    r = start(data)
    trade(r, TURNS[20:60])
    stop(r)
    copy_folder(data, tmp_path / "late")
    last = max(h.segment for _, h in frames_of(tmp_path / "early"))
    name = fmt.segment_name(last)
    shutil.copy(tmp_path / "early" / "journal" / name, data / "journal" / name)
    with pytest.raises(JournalRefused, match="does not continue|row .* the previous one ended with|the journal ends here|watermark"):
        start(data)
    newest = fmt.segment_name(max(h.segment for _, h in frames_of(tmp_path / "late")))
    data2 = copy_folder(tmp_path / "late", tmp_path / "data2")
    r = start(data2)
    trade(r, [turn(5000)])
    stop(r)
    shutil.copy(tmp_path / "late" / "journal" / newest, data2 / "journal" / newest)
    with pytest.raises(JournalRefused, match="the journal ends here, but the watermark shows"):
        start(data2)


def test_a_torn_tail_is_copied_and_cut(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    path, last = frames_of(data)[-1]
    piece = b"half a frame, never acknowledged"
    patch(path, last.end, piece)
    assert verify(data / "journal").torn_bytes == len(piece) and "recovery will cut it" in verify(data / "journal").line()
    r = start(data)
    assert r.report.cut_bytes == len(piece) and (data / r.report.cut_file).read_bytes() == piece
    assert "copy in journal/cut/" in r.report.line() and r.engine.digest() == digest_of(TURNS)
    trade(r, [turn(7000)])
    stop(r)
    r = start(data)
    assert r.report.cut_bytes == 0 and r.engine.digest() == digest_of([*TURNS, turn(7000)])
    stop(r)


def test_a_header_of_the_next_segment_that_was_torn(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    last = max(h.segment for _, h in frames_of(data))
    path = data / "journal" / fmt.segment_name(last + 1)
    if not path.exists():
        path.write_bytes(bytes(SEGMENT))
    patch(path, 8, b"\x01\x02\x03")
    r = start(data)
    assert r.report.cut_bytes > 0 and r.engine.digest() == digest_of(TURNS)
    more = [turn(8000 + i, 20) for i in range(12)]
    trade(r, more)
    stop(r)
    r = start(data)
    assert r.engine.digest() == digest_of(TURNS + more)
    stop(r)


def test_an_operator_may_cut_what_was_refused(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    frames = frames_of(data)
    path, bad = frames[50]
    patch(path, bad.offset + 200, b"\xee")
    with pytest.raises(JournalRefused) as refused:
        start(data)
    text = str(refused.value)
    assert (
        f"exos journal cut {data} --segment {bad.segment} --offset {bad.offset}" in text
        and path.name in text
        and f"{bad.first_seq} to" in text
    )
    with pytest.raises(JournalError, match="not damaged at|but the watermark shows"):
        cut(data, bad.segment, frames[40][1].offset)
    report = cut(data, bad.segment, bad.offset)
    assert report.seq == bad.first_seq and report.cut_bytes > 0
    r = start(data)
    assert r.engine.digest() == digest_of(TURNS[:50])
    trade(r, TURNS[50:52])
    stop(r)
    assert verify(data / "journal").rows == sum(t.size // 16 for t in TURNS[:52])


def test_truncated_files_are_the_same_as_zeros(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    path, last = frames_of(data)[-1]
    with open(path, "r+b") as file:
        file.truncate(last.end)
    r = start(data)
    assert r.engine.digest() == digest_of(TURNS) and path.stat().st_size == SEGMENT
    trade(r, [turn(7000)])
    stop(r)
    data = copy_folder(old, tmp_path / "data")
    with open(path, "r+b") as file:
        file.truncate(len(path.read_bytes().rstrip(b"\0")) - 1)
    with pytest.raises(JournalRefused, match="watermark"):
        start(data)


# ---- killed within the very first start -------------------------------------------------------------------------------
def first_start_killed(data: Path) -> Path:
    """What is on the disk between the first segment's header and the first watermark."""
    folder = data / "journal"
    folder.mkdir(parents=True)
    (folder / "lock").write_bytes(b"1\n")
    create(folder, SERVER, SEGMENT)
    return folder


@pytest.mark.parametrize("state", ["header", "torn header", "with spare segments"])
def test_killed_within_the_very_first_start_it_begins_anew(tmp_path: Path, state: str) -> None:
    folder = first_start_killed(tmp_path / "data")
    if state == "torn header":
        patch(folder / fmt.segment_name(1), 100, bytes(412))
    if state == "with spare segments":
        (folder / fmt.segment_name(2)).write_bytes(bytes(SEGMENT))
        (folder / "spare.tmp").write_bytes(b"half")
        (tmp_path / "data" / "events").mkdir()
        (tmp_path / "data" / "events" / "00000000.evt").write_bytes(bytes(4099))
        (tmp_path / "data" / "events" / "00000001.evt").write_bytes(b"")
    r = start(tmp_path / "data")
    assert r.report.created and any("initialised again" in note for note in r.report.notes)
    trade(r, TURNS[:3])
    stop(r)
    r = start(tmp_path / "data")
    assert not r.report.created and r.engine.digest() == digest_of(TURNS[:3])
    stop(r)


@pytest.mark.parametrize(
    "sign",
    [
        "a byte of a frame",
        "a byte at the end",
        "a slot",
        "no watermark file",
        "a second segment",
        "a snapshot",
        "a cut piece",
        "an event",
        "a stop",
    ],
)
def test_whatever_says_that_there_was_something_keeps_the_refusal(tmp_path: Path, sign: str) -> None:
    data = tmp_path / "data"
    folder = first_start_killed(data)
    for name in ("snapshots", "events"):
        (data / name).mkdir()
    (folder / "cut").mkdir()
    if sign == "a byte of a frame":
        patch(folder / fmt.segment_name(1), fmt.SEGMENT_HEADER_BYTES, b"E")
    elif sign == "a byte at the end":
        patch(folder / fmt.segment_name(1), SEGMENT - 1, b"\x01")
    elif sign == "a slot":
        patch(folder / "watermark", 4096, b"EXOS")
    elif sign == "no watermark file":
        (folder / "watermark").unlink()
    elif sign == "a second segment":
        patch_new = bytearray(SEGMENT)
        patch_new[0] = 1
        (folder / fmt.segment_name(2)).write_bytes(patch_new)
    elif sign == "a snapshot":
        (data / "snapshots" / f"{7:020d}.snap").write_bytes(b"x")
    elif sign == "a cut piece":
        (folder / "cut" / "00000001-4096-5000.bin").write_bytes(b"x")
    elif sign == "an event":
        (data / "events" / "00000000.evt").write_bytes(bytes(4000) + b"\x01")
    else:
        (data / "events" / "synced").write_bytes(b"x")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "lock"}
    with pytest.raises(JournalRefused, match="both slots are damaged or the file is missing"):
        start(data)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "lock"} == before, "nothing was touched"


def test_rows_that_were_acknowledged_are_never_begun_over(old: Path, tmp_path: Path) -> None:
    """Both slots zeroed in a journal with rows: refused, whatever else is missing."""
    data = copy_folder(old, tmp_path / "data")
    (data / "journal" / "watermark").write_bytes(bytes(8192))
    for path in [*(data / "events").glob("*"), *sorted((data / "journal").glob("*.seg"))[1:]]:
        path.unlink()
    with pytest.raises(JournalRefused, match="both slots are damaged"):
        start(data)


# ---- stops and starts that cannot do all -----------------------------------------------------------------------------------
def test_a_stop_whose_snapshot_fails_says_so_and_the_next_start_replays(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = copy_folder(old, tmp_path / "data")
    r = start(data)

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(
        SnapshotFailed, match="the snapshot could not be written: .*snapshots: the disk is full. Everything is safe in the journal"
    ):
        seal(r, data)
    monkeypatch.undo()
    assert list((data / "snapshots").iterdir()) == [], "no half snapshot"
    assert "event store not synced" in r.report.notes[-1], "nor does its mark stop the stop"
    r = start(data)
    assert not r.engine.restored and r.report.marks == 1 and r.engine.digest() == digest_of(TURNS)
    seal(r, data)


def test_a_watermark_file_that_was_cut_short_is_made_whole(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    seal(start(data), data)
    path = data / "journal" / "watermark"
    raw = path.read_bytes()
    newest = fmt.newest_watermark(raw)
    assert newest is not None
    path.write_bytes(fmt.pack_watermark(newest))  # 512 bytes of 8192
    r = start(data)
    assert r.engine.digest() == digest_of(TURNS) and path.stat().st_size == fmt.WATERMARK_FILE_BYTES
    stop(r)


def test_a_snapshot_that_the_engine_does_not_take_is_named_and_passed_over(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")
    seal(start(data), data)

    def make(chunks):  # type: ignore[no-untyped-def]
        if chunks is not None:
            raise fmt.BadBytes("words 1 to 9 lie outside the arena")
        return FakeEngine()

    r = recover(data, SERVER, make, **OPTIONS)
    assert r.engine.digest() == digest_of(TURNS) and any("lie outside the arena" in note for note in r.report.notes)
    stop(r)


def test_rows_that_cannot_be_run_again_are_named(old: Path, tmp_path: Path) -> None:
    data = copy_folder(old, tmp_path / "data")

    class Broken(FakeEngine):
        def apply(self, rows, words, sink):  # type: ignore[no-untyped-def]
            if self.row_seq > 400:
                raise RuntimeError("the core stopped with invariant 3")
            return super().apply(rows, words, sink)

    with pytest.raises(ReplayBroken, match=r"rows 4\d\d to \d+ of the journal cannot be replayed: the core stopped with invariant 3"):
        recover(data, SERVER, Broken, **{**OPTIONS, "batch_words": 500})
    stop(start(data))


def test_a_start_with_little_room_trades(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = copy_folder(old, tmp_path / "data")
    shutil.rmtree(data / "events")

    real = os.posix_fallocate

    def full(fd: int, at: int, size: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith(".evt"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(fd, at, size)

    monkeypatch.setattr(os, "posix_fallocate", full)
    r = start(data)
    assert any("event store paused" in note for note in r.report.notes)
    trade(r, [turn(900, 5)])
    assert r.engine.digest() == digest_of([*TURNS, turn(900, 5)]) and list((data / "events").iterdir()) == []
    stop(r)
