"""What a backup holds, also while snapshots and segments go away under it."""

import os
from pathlib import Path

import numpy as np
import pytest

from exchange_server.backup.create import create
from exchange_server.backup.restore import opened, verify
from exchange_server.backup.seals import BackupError
from exchange_server.exits import Exit
from exchange_server.journal import recycled, retention
from exchange_server.journal.files import DirectoryLock

from .kit import Source, backup, close, holds, restored, started, state_after


def test_a_second_backup_adds_what_is_new_and_both_restore(tmp_path: Path, source: Source) -> None:
    dest = tmp_path / "dest"
    first = backup(source, dest, now_ns=10**18)
    early = state_after(source.data, first.rows)
    again = backup(source, dest, now_ns=2 * 10**18)
    assert again.new_bytes == 0 and again.rows == first.rows
    source.trade(30)
    source.snapshot()
    source.trade(3)
    third = backup(source, dest, now_ns=3 * 10**18)
    assert 0 < third.new_bytes < first.new_bytes and third.first_row > first.first_row
    late = state_after(source.data, third.rows)
    with opened(dest, None) as vault:
        assert vault.names() == [first.name, again.name, third.name]
        for name in vault.names():
            assert verify(vault, vault.read(name)) > 0
    restored(dest, tmp_path / "early", first.name)
    restored(dest, tmp_path / "late")
    holds(tmp_path / "early", *early)
    holds(tmp_path / "late", *late)
    source.end()


def test_segments_that_were_recycled_are_covered_by_the_snapshot(tmp_path: Path, source: Source) -> None:
    wanted = state_after(source.data, source.rows)
    made = backup(source, tmp_path / "first")
    first = int(next(f.path for f in made.files if f.path.startswith("journal/"))[8:16])
    assert first > 1
    for number in range(1, first):
        (source.data / "journal" / f"{number:08d}.seg").unlink()
    made = backup(source, tmp_path / "dest")
    restored(tmp_path / "dest", tmp_path / "back")
    holds(tmp_path / "back", *wanted)
    source.end()


def test_a_segment_recycled_while_it_is_read_begins_the_backup_anew(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exchange_server.backup import create as module

    real, calls = module._check_frames, []

    def recycle(data: Path, chosen: module.Chosen) -> None:
        real(data, chosen)
        calls.append(chosen)
        if len(calls) == 1:  # everything moves on: a new snapshot, and the segment under our hands is gone
            source.trade(40)
            source.snapshot()
            os.unlink(chosen.segments[0][0])

    monkeypatch.setattr(module, "_check_frames", recycle)
    made = backup(source, tmp_path / "dest")
    assert len(calls) == 2 and made.first_row > calls[0].snapshot.position.seq  # type: ignore[union-attr]
    monkeypatch.setattr(module, "_check_frames", lambda data, chosen: os.unlink(chosen.segments[0][0]))
    with pytest.raises(BackupError, match="changed under the backup 3 times|is missing"):
        backup(source, tmp_path / "dest")
    source.end()


def test_a_folder_without_a_snapshot_and_one_without_rows(tmp_path: Path) -> None:
    young = Source(tmp_path / "young")
    with pytest.raises(BackupError, match="nothing was ever written"):
        backup(young, tmp_path / "dest")
    young.trade(3)
    made = backup(young, tmp_path / "dest")
    assert made.first_row == 0 and not made.snapshot
    wanted = state_after(young.data, made.rows)
    restored(tmp_path / "dest", tmp_path / "back")
    holds(tmp_path / "back", *wanted)
    young.end()


def test_a_damaged_journal_is_not_backed_up_in_silence(tmp_path: Path, source: Source) -> None:
    segment = sorted((source.data / "journal").glob("*.seg"))
    path = segment[int(source.live.r.journal.counters()["segment"]) - 1]
    content = bytearray(path.read_bytes())
    content[4096 + 300] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BackupError, match="no backup was made: journal refused") as refused:
        backup(source, tmp_path / "dest")
    assert refused.value.code == Exit.RECOVERY
    with opened(tmp_path / "dest", None) as vault:
        assert vault.names() == []
    source.end()


def test_the_lock_of_a_stopped_server_does_not_matter(tmp_path: Path, source: Source) -> None:
    source.end()
    lock = DirectoryLock(source.data / "journal")
    assert create(source.data, tmp_path / "dest", rows_per_event_file=64, events_wait_s=0).rows > 0
    lock.release()


def test_events_older_than_their_retention_are_missing_on_purpose(tmp_path: Path, source: Source) -> None:
    """No note, and the restored folder knows it too; so with the note of where recycled segments are, and without an archive inside of the folder."""
    (source.data / "events" / "00000000.evt").unlink()
    assert backup(source, tmp_path / "lost").notes == [
        "events 1 to 64 are not in the event store's files: after a restore they cannot be sent again"
    ]
    retention.write(source.data / "events", 65)
    recycled.add(source.data / "journal", recycled.Span(archive="cold", first=1, last=1, first_row=0, rows=4))
    (source.data / "journal" / "archived.json").write_text("{}")
    (source.data / "cold").mkdir()
    (source.data / "cold" / "manifest.jsonl").touch()
    made = backup(source, tmp_path / "dest")
    assert made.notes == []
    restored(tmp_path / "dest", tmp_path / "back")
    assert retention.read(tmp_path / "back" / "events") == 65 and recycled.read(tmp_path / "back" / "journal")[0].archive == "cold"
    assert (tmp_path / "back" / "journal" / "archived.json").exists(), "a server that takes the place of this one goes on in its archive"
    assert not (tmp_path / "back" / "cold").exists()
    r = started(tmp_path / "back")
    assert r.store.kept_from == 65 and np.array_equal(
        r.store.rows(65, 20), state_after(source.data, source.rows)[1].reshape(-1, 24)[64:84].reshape(-1)
    )
    close(r)
    source.end()
