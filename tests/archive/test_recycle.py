"""Recycling: only what the archive gives back and two verified snapshots make dispensable; everything that reads the folder works on what is left."""

from pathlib import Path

import numpy as np
import pytest

from exchange_server.archive.fetch import fetch
from exchange_server.archive.packed import pack
from exchange_server.archive.recycle import floor_snapshot, recycle_next
from exchange_server.archive.segments import Archive, ArchiveProblem
from exchange_server.journal import format as fmt
from exchange_server.journal import recycled
from exchange_server.journal.recover import cut, iterate, oldest_start, recover, verify
from exchange_server.journal.retention import retire
from exchange_server.journal.runner import Inline
from exchange_server.journal.snapshots import Keep
from exchange_server.journal.verify_store import verify_store
from exchange_server.journal.walk import JournalRefused
from tests.follow.kit import catch_up, follow, make, rules
from tests.journal.kit import SEGMENT, SERVER, FakeEngine

from .kit import archive, archive_all, lived, segments

OPTIONS = {"segment_bytes": SEGMENT, "rows_per_event_file": 64}


def recycle(one: Archive) -> list[int]:
    gone = []
    while (entry := recycle_next(one)) is not None:
        gone.append(entry.segment)
    return gone


def test_only_what_is_archived_and_covered_goes(tmp_path: Path) -> None:
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    before = segments(data)
    assert recycle(one) == [] and segments(data) == before, "nothing is archived"
    archive_all(one)
    floor = floor_snapshot(one)
    assert floor is not None
    assert recycle(one) == list(range(1, floor.position.segment)) and segments(data) == before[floor.position.segment - 1 :]
    assert floor.position.segment > 2 and recycle(one) == []
    (span,) = recycled.read(data / "journal")
    assert (span.first, span.last, span.first_row, span.archive) == (1, floor.position.segment - 1, 0, str(one.folder))
    live.end()


def test_one_verified_snapshot_or_a_damaged_one_are_not_enough(tmp_path: Path) -> None:
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    archive_all(one)
    newest = sorted((data / "snapshots").glob("*.snap"))
    assert len(newest) == 3
    newest[0].unlink()
    good = newest[1].read_bytes()
    newest[1].write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert floor_snapshot(one) is None and recycle(one) == []
    newest[1].write_bytes(good)
    (data / "snapshots" / "verified").unlink()
    assert recycle(archive(data)) == [], "as if the server had made them at stops"
    live.end()


def test_a_packed_file_that_is_damaged_is_made_again_while_the_segment_is_here(tmp_path: Path) -> None:
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    archive_all(one)
    first = one.folder / "00000001.seg.zst"
    first.write_bytes(first.read_bytes()[:-1])
    (one.folder / "00000002.seg.zst").unlink()
    with open(data / "journal" / fmt.segment_name(3), "r+b") as file:
        file.seek(SEGMENT - 8)
        file.write(b"x")
    third = one.folder / "00000003.seg.zst"
    third.write_bytes(third.read_bytes()[:-1])
    gone = []
    with pytest.raises(ArchiveProblem, match=r"00000003\.seg\.zst is truncated.* is not what was archived: restore the packed file"):
        while (entry := recycle_next(one)) is not None:
            gone.append(entry.segment)
    assert gone == [1, 2] and segments(data)[0] == 3
    live.end()


def test_another_packer_s_file_for_the_same_bytes_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packed file is damaged, and packing gives other bytes than then: as a newer zstd does. The manifest says so; a fetch gives the segment back."""
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    archive_all(one)
    raw = (data / "journal" / fmt.segment_name(1)).read_bytes()
    before = one.entries()
    (one.folder / before[0].name).write_bytes(b"damaged")
    monkeypatch.setattr("exchange_server.archive.recycle.pack", lambda source, target: pack(source, target, level=19))
    gone = recycle(one)
    assert gone and segments(data)[0] == gone[-1] + 1
    after = archive(data).entries()
    assert len(after) == len(before) and after[1:] == before[1:]
    assert after[0].raw_sha256 == before[0].raw_sha256 and after[0].sha256 != before[0].sha256
    fetch(one, after[:1], tmp_path / "back")
    assert (tmp_path / "back" / fmt.segment_name(1)).read_bytes() == raw
    live.end()


def test_a_damaged_segment_does_not_replace_a_damaged_packed_file(tmp_path: Path) -> None:
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    archive_all(one)
    packed = one.folder / "00000001.seg.zst"
    damaged = packed.read_bytes()[:-1]
    packed.write_bytes(damaged)
    with open(data / "journal" / fmt.segment_name(1), "r+b") as file:
        file.seek(SEGMENT - 8)
        file.write(b"x")
    with pytest.raises(ArchiveProblem, match="is not what was archived: restore the packed file"):
        recycle_next(one)
    assert packed.read_bytes() == damaged and segments(data)[0] == 1, "what can be saved of it is left"
    live.end()


def test_after_a_change_of_the_setting_both_archives_are_named(tmp_path: Path) -> None:
    """Nothing is removed that the present archive does not have; where the older segments are stays known."""
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    archive_all(one)
    first = recycle(one)[-1]
    other = tmp_path / "second"
    other.mkdir()
    two = archive(data, other)
    assert recycle(two) == [], "it has nothing so far"
    follower = follow(data, rules(rows=1, keep=Keep(3, 0)), clock=lambda: 0.0)
    for _ in range(8):
        live.trade(20)
        catch_up(follower)
    assert archive_all(two)[0] == first + 1
    last = recycle(two)[-1]
    assert [(s.archive, s.first, s.last) for s in recycled.read(data / "journal")] == [
        (str(one.folder), 1, first),
        (str(other), first + 1, last),
    ]
    told = recycled.where(data / "journal")
    for folder, begin, end in ((one.folder, 1, first), (other, first + 1, last)):
        assert f"exos journal fetch {begin}..{end} --data {data} --into {data / 'journal'} --archive {folder}" in told
    assert str(other) not in recycled.where(data / "journal", 1, first)
    live.end()


def test_the_note_of_before_there_were_several_archives_is_read(tmp_path: Path) -> None:
    (tmp_path / recycled.NAME).write_text('{"archive":"/a","segment":4,"rows":90}')
    assert recycled.read(tmp_path) == (recycled.Span(archive="/a", first=1, last=4, first_row=0, rows=90),)
    recycled.add(tmp_path, recycled.Span(archive="/b", first=3, last=6, first_row=50, rows=120))
    assert [(s.archive, s.first, s.last, s.rows) for s in recycled.read(tmp_path)] == [("/a", 1, 2, 50), ("/b", 3, 6, 120)]
    recycled.add(tmp_path, recycled.Span(archive="/c", first=1, last=7, first_row=0, rows=130))
    assert [s.archive for s in recycled.read(tmp_path)] == ["/c"], "it has them all"
    for content in (b"", b"{", b"\xff", b"[]"):
        (tmp_path / recycled.NAME).write_bytes(content)
        assert recycled.read(tmp_path) == () and recycled.where(tmp_path) == ""


def test_everything_works_on_a_journal_that_begins_later(tmp_path: Path) -> None:
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    whole = FakeEngine()
    for rows in iterate(data / "journal"):
        whole.apply(rows, rows.size, lambda made: None)
    archive_all(one)
    gone = recycle(one)
    assert gone
    follower = follow(data)
    live.trade(3)
    assert catch_up(follower) == live.r.journal.next_seq - follower.made.seq, "a follower goes on from its snapshot"
    live.end()
    found = verify(data / "journal")
    assert found.first_row > 0 and f"Rows 0 to {found.first_row - 1}: segments 1 to {gone[-1]}" in found.line()
    assert f"exos journal fetch 1..{gone[-1]} --data {data}" in found.line()
    store = verify_store(data, make, live=False, rows_per_file=64)
    assert store.sound and store.replayed_from > 1
    again = recover(data, SERVER, FakeEngine, Inline(), **OPTIONS)
    assert again.report.snapshot and again.engine.event_seq == live.r.engine.event_seq and again.engine.digest() == live.r.engine.digest()
    again.journal.close()
    again.store.close()


def test_the_event_store_is_verified_as_far_as_it_is_kept(tmp_path: Path) -> None:
    data = tmp_path / "d"
    live = lived(data)
    live.r.store.flush()
    archive_all(archive(data))
    assert verify_store(data, make, live=True, rows_per_file=64).sound
    retire(data / "events", 1 << 62, 129, 64)
    found = verify_store(data, make, live=True, rows_per_file=64)
    assert found.sound and found.kept_from == 129 and "1 to 128 are older than their retention and were removed; all equal" in found.line()
    recycle(archive(data))
    found = verify_store(data, make, live=True, rows_per_file=64)
    assert found.sound and f"129 to {found.replayed_from - 1} are older than the journal" in found.line()
    (data / "events" / "00000002.evt").unlink()
    assert not verify_store(data, make, live=True, rows_per_file=64).sound, "what is kept must be here"
    live.end()


def test_the_older_of_the_two_snapshots_is_enough(tmp_path: Path) -> None:
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    archive_all(one)
    recycle(one)
    live.end()
    newest = sorted((data / "snapshots").glob("*.snap"))
    newest[2].write_bytes(b"bad")
    again = recover(data, SERVER, FakeEngine, Inline(), **OPTIONS)
    assert again.report.snapshot == newest[1].name and again.engine.digest() == live.r.engine.digest()
    again.journal.close()
    again.store.close()


def test_what_needs_the_rows_says_where_they_are(tmp_path: Path) -> None:
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    archive_all(one)
    last = recycle(one)[-1]
    live.end()
    for path in (data / "snapshots").glob("*.snap"):
        path.unlink()
    words = f"segments 1 to {last} .* are in the archive {one.folder}; get them back: exos journal fetch 1..{last} --data {data}"
    with pytest.raises(JournalRefused, match=words):
        recover(data, SERVER, FakeEngine, Inline(), **OPTIONS)
    with pytest.raises(JournalRefused, match=words):
        catch_up(follow(data))
    with pytest.raises(JournalRefused, match=words):
        oldest_start(data, data / "journal")


def test_a_cut_after_recycling(tmp_path: Path) -> None:
    """An operator cuts a damaged end: what is left is without the first segments."""
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    archive_all(one)
    recycle(one)
    position = live.r.journal.position()
    live.end()
    report = cut(data, position.segment, position.offset)
    assert report.seq == position.seq and np.all([n > 1 for n in segments(data)])
