"""Every row and every time can be restored, and the server trades on from there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from exchange_server import identity
from exchange_server.backup.cut import Target
from exchange_server.backup.seals import BackupError
from tests.journal.kit import commit, orders, turn

from .kit import Source, backup, close, holds, restored, started, state_after


def test_every_row_can_be_restored_and_the_next_turn_goes_on_from_there(tmp_path: Path, source: Source) -> None:
    """Rows within turns, within frames, at the ends of segments: the last whole turn before each."""
    dest = tmp_path / "dest"
    made = backup(source, dest)
    for row in range(made.first_row, made.rows + 1):
        if row % 7 and row < made.rows - 6:
            continue
        data = tmp_path / f"row{row}"
        wanted = state_after(source.data, row)
        assert row - 4 < restored(dest, data, target=Target(row=row)) <= row
        holds(data, *wanted)
        shutil.rmtree(data)
    source.end()


def test_a_time_can_be_restored(tmp_path: Path, source: Source) -> None:
    dest = tmp_path / "dest"
    made = backup(source, dest)
    from exchange_server.journal.recover import iterate

    times = [int(row[2]) for rows in iterate(source.data / "journal", live=True) for row in rows.reshape(-1, 16) if row[0] == 1]
    for n in (70, 80, len(times)):
        data = tmp_path / f"time{n}"
        assert restored(dest, data, target=Target(time_ns=times[n - 1])) == 4 * n
        holds(data, *state_after(source.data, 4 * n))
    with pytest.raises(BackupError, match="does not hold that time: its snapshot is from a later one. No backup here does"):
        restored(dest, tmp_path / "early", target=Target(time_ns=times[0]))
    assert made.rows == 4 * len(times)
    source.end()


def test_a_restored_server_trades_on_after_the_row(tmp_path: Path, source: Source) -> None:
    dest = tmp_path / "dest"
    made = backup(source, dest)
    data = tmp_path / "back"
    at = restored(dest, data, target=Target(row=made.rows - 20))
    r = started(data, skip_epochs=identity.EPOCHS)
    rows = turn(9_000_000, 2)
    r.journal.append(rows, at)
    r.engine.apply(rows, rows.size, r.store.append)
    commit(r.journal)
    digest = r.engine.digest()
    close(r)
    again = started(data)
    assert again.engine.digest() == digest and again.journal.epoch > identity.EPOCHS
    close(again)
    source.end()


@pytest.mark.parametrize("make", [turn, orders])
def test_rows_in_the_middle_of_frames_with_many_turns(tmp_path: Path, make: Callable[[int, int], np.ndarray]) -> None:
    """Frames of nine turns, packed or not, over several segments: the frame at the end is written anew with its first turns."""
    source = Source(tmp_path / "data")
    r = source.live.r
    ends = [0]
    for frame in range(30):
        for n in range(9):
            rows = make(1 + 9 * frame + n, 2 + n % 3)
            r.journal.append(rows)
            r.engine.apply(rows, rows.size, r.store.append)
            ends.append(ends[-1] + rows.size // 16)
        commit(r.journal)
        source.live.runner.step()
    source.live.mark()
    made = backup(source, tmp_path / "dest")
    assert made.segment > 1 and made.rows == ends[-1]
    for n in [*range(0, len(ends), 11), len(ends) - 1]:
        back = tmp_path / "back"
        row = min(ends[n] + n % 2, ends[-1])
        at = restored(tmp_path / "dest", back, target=Target(row=row))
        assert at == ends[n]
        holds(back, *state_after(source.data, row))
        shutil.rmtree(back)
    source.end()
