"""Archiving closed segments: each once, checked, and every wrong archive named."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from exchange_server import identity
from exchange_server.archive import segments as module
from exchange_server.archive.packed import unpack
from exchange_server.archive.segments import MANIFEST, OWNER, STATE, Archive, ArchiveProblem
from exchange_server.journal import format as fmt
from exchange_server.journal.files import JournalError
from tests.follow.kit import Live
from tests.journal.kit import SERVER, patch, turn

from .kit import archive, archive_all, at_home, lived, segments


def test_each_closed_segment_once(tmp_path: Path) -> None:
    live = lived(tmp_path / "d")
    one = archive(tmp_path / "d")
    open_segment = live.r.journal.position().segment
    assert open_segment > 4
    assert archive_all(one) == list(range(1, open_segment)) and archive_all(one) == []
    entries = one.entries()
    assert entries[0].first_row == 0 and entries[-1].first_row + entries[-1].rows < live.r.journal.next_seq
    assert entries[0].chain_begin == fmt.first_chain(SERVER).hex()
    assert all(a.last_ns < b.first_ns for a, b in zip(entries, entries[1:])) and entries[0].first_ns == int(turn(1 + 1000)[2])
    for entry in entries:
        unpack(one.folder / entry.name, tmp_path / "back", entry.packed)
        assert (tmp_path / "back").read_bytes() == (one.journal / fmt.segment_name(entry.segment)).read_bytes()
    live.trade(200)
    assert archive_all(archive(tmp_path / "d")) == list(range(open_segment, live.r.journal.position().segment)), "goes on where it was"
    live.end()


def test_an_archive_that_is_not_there(tmp_path: Path) -> None:
    live = lived(tmp_path / "d", 3)
    with pytest.raises(ArchiveProblem, match="nowhere does not exist: create or mount it"):
        archive(tmp_path / "d", tmp_path / "nowhere").archive_next()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArchiveProblem, match="file is not a folder"):
        archive(tmp_path / "d", tmp_path / "file").archive_next()
    live.end()


def test_an_archive_of_another_journal(tmp_path: Path) -> None:
    live = lived(tmp_path / "d")
    archive_all(archive(tmp_path / "d"))
    live.end()
    other = Live(tmp_path / "other" / "d")
    at_home(tmp_path / "other" / "d")
    with pytest.raises(ArchiveProblem, match="belongs to another journal: it has segment"):
        archive(tmp_path / "other" / "d", tmp_path / "archive").archive_next()
    other.trade(700, mark=False)
    for _ in range(3):
        other.trade(300)
    with pytest.raises(ArchiveProblem, match="belongs to another journal: its segment 1 is not the one of"):
        archive(tmp_path / "other" / "d", tmp_path / "archive").archive_next()
    with pytest.raises(ArchiveProblem, match=f"belongs to server {SERVER}, this is server 8"):
        Archive(tmp_path / "archive", tmp_path / "d", 8).entries()
    other.end()


def test_an_archive_that_lost_some(tmp_path: Path) -> None:
    """An older copy, and a mount that is not mounted: an empty folder."""
    live = lived(tmp_path / "d")
    one = archive(tmp_path / "d")
    one.archive_next()
    shutil.copytree(one.folder, tmp_path / "old")
    archive_all(one)
    last = one.entries()[-1].segment
    for older in (tmp_path / "old", tmp_path / "empty"):
        older.mkdir(exist_ok=True)
        one.folder.rename(tmp_path / "away")
        older.rename(one.folder)
        with pytest.raises(ArchiveProblem, match=f"lacks segment {last}, which was archived there before: mount the right folder"):
            one.archive_next()
        one.folder.rename(older)
        (tmp_path / "away").rename(one.folder)
    assert archive_all(one) == []
    assert archive_all(archive(tmp_path / "d", tmp_path / "old")) == list(range(2, last + 1)), "under another name it is another archive"
    live.end()


def test_a_manifest_that_was_changed(tmp_path: Path) -> None:
    live = lived(tmp_path / "d")
    one = archive(tmp_path / "d")
    archive_all(one)
    path = one.folder / MANIFEST
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"rows":', b'"rowz":', 1))
    with pytest.raises(ArchiveProblem, match=f"its manifest is not as it was written: .*{MANIFEST}, line 1: it was changed"):
        one.entries()
    path.write_bytes(good + b'{"torn')
    assert archive_all(one) == [], "an append that was cut off is no damage"
    live.end()


def test_a_damaged_segment_is_not_archived(tmp_path: Path) -> None:
    live = lived(tmp_path / "d")
    patch(tmp_path / "d" / "journal" / fmt.segment_name(2), 9000, b"\xff" * 64)
    one = archive(tmp_path / "d")
    with pytest.raises(JournalError):
        archive_all(one)
    assert [entry.segment for entry in one.entries()] == [1] and not (one.folder / "00000002.seg.zst").exists()
    live.end()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    live = lived(tmp_path / "d", 4)
    one = archive(tmp_path / "d")

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module.manifest.os, "pwrite", fail)
    with pytest.raises(OSError, match=MANIFEST):
        one.archive_next()
    monkeypatch.undo()
    assert archive_all(one) == list(range(1, live.r.journal.position().segment)) and segments(tmp_path / "d")[0] == 1
    live.end()


def test_another_server_s_archive_is_refused_by_its_id(tmp_path: Path) -> None:
    """Also where the journals could be one: a restored copy that became a server of its own."""
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    one.archive_next()
    mine = identity.home(data)
    before = {path.name: path.read_bytes() for path in one.folder.iterdir()}
    shutil.copytree(data, tmp_path / "other")
    at_home(tmp_path / "other", "ab" * 16)
    copy = archive(tmp_path / "other", one.folder)
    with pytest.raises(
        ArchiveProblem, match=f"belongs to the server with the folder id {mine.folder_id} .*, and .*other is {'ab' * 16}: name another"
    ):
        copy.archive_next()
    assert {path.name: path.read_bytes() for path in one.folder.iterdir()} == before and len(copy.entries()) == 1, "it may be read"
    at_home(tmp_path / "other", mine.folder_id)  # promoted: it took the identity over
    identity.mark_taken(data, tmp_path / "other")
    assert archive_all(copy)
    with pytest.raises(ArchiveProblem, match="is not written from here: .* is not the server any more: its identity was taken over by"):
        one.archive_next()
    (one.folder / OWNER).write_bytes(b"{")
    with pytest.raises(ArchiveProblem, match=f"its file {OWNER} is damaged"):
        copy.own()
    live.end()


def test_a_copy_of_the_folder_writes_nothing_there(tmp_path: Path) -> None:
    data = tmp_path / "d"
    live = lived(data)
    one = archive(data)
    shutil.copytree(data, tmp_path / "copy")
    with pytest.raises(ArchiveProblem, match=f"is not written from here: .*copy is a copy of {data}"):
        archive(tmp_path / "copy", one.folder).archive_next()
    assert list(one.folder.iterdir()) == []
    (data / identity.FILE).unlink()
    with pytest.raises(ArchiveProblem, match="has no identity yet"):
        one.archive_next()
    live.end()


@pytest.mark.parametrize("spelling", ["../archive", "./../d/../archive", "link"])
def test_an_archive_is_known_however_it_is_spelled(tmp_path: Path, spelling: str) -> None:
    data = tmp_path / "d"
    live = lived(data)
    (tmp_path / "d" / "link").symlink_to(tmp_path / "archive")
    one = archive(data)
    archive_all(one)
    shutil.rmtree(one.folder)
    one.folder.mkdir()
    with pytest.raises(ArchiveProblem, match="lacks segment"):
        archive(data, data / spelling).entries()
    live.end()


def test_each_of_several_archives_is_remembered(tmp_path: Path) -> None:
    """The setting is changed and changed back: what the first one held must still be there."""
    data = tmp_path / "d"
    live = lived(data)
    one, other = archive(data), tmp_path / "second"
    other.mkdir()
    archive_all(one)
    assert archive_all(archive(data, other)) == [entry.segment for entry in one.entries()]
    for folder in (one.folder, other):
        kept = folder.rename(tmp_path / "away")
        folder.mkdir()
        with pytest.raises(ArchiveProblem, match=f"{folder} lacks segment"):
            archive(data, folder).archive_next()
        folder.rmdir()
        kept.rename(folder)
    shutil.rmtree(data / "follower")
    assert (data / "journal" / STATE).exists(), "the follower's folder may be deleted"
    live.end()


def test_the_manifest_is_read_once_as_long_as_it_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = lived(tmp_path / "d")
    one = archive(tmp_path / "d")
    archive_all(one)
    one.entries()
    reads: list[Path] = []
    real = module.manifest.read_whole
    monkeypatch.setattr(module.manifest, "read_whole", lambda path: reads.append(path) or real(path))  # type: ignore[func-returns-value]
    first = one.entries()
    assert one.entries() == first and not reads
    path = one.folder / MANIFEST
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArchiveProblem, match="lacks segment"):
        one.entries()
    assert reads
    live.end()
