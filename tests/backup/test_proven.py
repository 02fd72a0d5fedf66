"""Backups of a folder after a power cut: the watermark is older than the last acknowledged rows, and the frames prove those."""

from pathlib import Path

import pytest

from exchange_server.journal import format as fmt
from exchange_server.journal.fence import replace_file, watermark_file
from exchange_server.journal.files import DirectoryLock
from exchange_server.journal.walk import Walk
from tests.journal.kit import SERVER, patch

from .kit import Source, backup, holds, restored, state_after


def _power_cut(source: Source, rows: int) -> None:
    """The machine lost its power after `rows` rows: frames were synced, the watermark's page was not. No server runs."""
    mark = fmt.newest_watermark((source.data / "journal" / "watermark").read_bytes())
    assert mark is not None and mark.seq > rows
    walk = Walk(source.data / "journal", server_id=SERVER, live=True, batch_words=1)
    old = next(batch.end for batch in walk if batch.end.seq >= rows)
    source.end()
    stale = fmt.Watermark(SERVER, mark.epoch, old.seq, old.segment, old.offset, old.chain)
    replace_file(source.data / "journal" / "watermark", watermark_file(stale))


@pytest.mark.parametrize("rows", [4, 200])
def test_after_a_power_cut_the_frames_say_how_far_the_journal_goes(tmp_path: Path, source: Source, rows: int) -> None:
    """The watermark is older than the last acknowledged rows: also by more than a segment."""
    wanted, all_rows = state_after(source.data, source.rows), source.rows
    _power_cut(source, rows)
    made = backup(source, tmp_path / "dest")
    assert made.rows == all_rows and made.notes == []
    restored(tmp_path / "dest", tmp_path / "back")
    holds(tmp_path / "back", *wanted)


def test_while_a_server_runs_its_watermark_counts(tmp_path: Path, source: Source) -> None:
    """Frames after it are not on the disk yet."""
    _power_cut(source, 4)
    mark = fmt.newest_watermark((source.data / "journal" / "watermark").read_bytes())
    assert mark is not None
    lock = DirectoryLock(source.data / "journal")
    made = backup(source, tmp_path / "dest")
    assert made.rows == mark.seq
    lock.release()


def test_what_follows_the_watermark_and_cannot_be_trusted_is_said(tmp_path: Path, source: Source) -> None:
    """A bad frame with a good one after it: a start refuses that; a backup up to the watermark is better than none."""
    end = source.live.r.journal.position()
    _power_cut(source, 200)
    mark = fmt.newest_watermark((source.data / "journal" / "watermark").read_bytes())
    assert mark is not None and (mark.segment, mark.offset) < (end.segment, end.offset)
    patch(source.data / "journal" / fmt.segment_name(mark.segment), mark.offset + 8, b"\xff" * 64)
    made = backup(source, tmp_path / "dest")
    assert made.rows == mark.seq
    (note,) = made.notes
    assert note.startswith(
        f"the backup ends at row {mark.seq}, as the watermark says; what follows it in the journal cannot be trusted: journal refused"
    )
