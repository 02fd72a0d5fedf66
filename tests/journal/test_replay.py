"""A replay of a journal that begins later than row 1: from the oldest snapshot that fits, also while a follower goes on removing; without one it is said what is missing."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange_server.archive.fetch import fetch
from exchange_server.archive.recycle import recycle_next
from exchange_server.journal import replay as module
from exchange_server.journal.recover import seal
from exchange_server.journal.replay import Replayed, Unlike, replay
from exchange_server.journal.runner import Inline
from exchange_server.journal.snapshots import Keep, Snapshot, newest_snapshots
from exchange_server.journal.walk import JournalRefused
from tests.archive.kit import archive, archive_all, lived, segments
from tests.follow.kit import Live, catch_up, follow, rules

from .kit import FakeEngine


def run(data: Path, folder: Path | None = None, **options: Any) -> Replayed:
    return replay(data, folder or data / "journal", FakeEngine, **{"live": False, "runner": Inline(), **options})


def grown(data: Path) -> Live:
    """A server whose first segments are in the archive, and that went on for several segments, with a snapshot in each."""
    live = lived(data)
    one = archive(data)
    archive_all(one)
    while recycle_next(one):
        pass
    follower = follow(data, rules(rows=1, keep=Keep(9, 0)), clock=lambda: 0.0)
    for _ in range(5):
        live.trade(60)
        catch_up(follower)
    return live


@pytest.fixture
def recycled(tmp_path: Path) -> Iterator[tuple[Path, bytes, int]]:
    """A data folder whose first segments are in the archive; its digest and the rows of its life."""
    data = tmp_path / "d"
    live = grown(data)
    seal(live.r, data, keep=Keep(9, 0))
    assert segments(data)[0] > 3
    yield data, live.r.engine.digest(), live.r.engine.row_seq


def fitting(data: Path) -> Snapshot:
    """The oldest snapshot of a row that is still in the folder's journal; there are older ones too."""
    found = list(newest_snapshots(data / "snapshots", []))
    fit = [snapshot for snapshot in found if snapshot.position.segment >= segments(data)[0]]
    assert 1 < len(fit) < len(found)
    return fit[-1]


def test_it_begins_with_the_oldest_snapshot_that_fits(recycled: tuple[Path, bytes, int]) -> None:
    data, digest, rows = recycled
    said = []
    done = run(data, begins=said.append)
    oldest = fitting(data)
    assert done.snapshot == oldest and said == [oldest] and done.begin == oldest.position.seq > 0
    assert done.engine.digest() == digest and done.begin + done.rows == rows and done.marks > 0
    raw = bytearray(oldest.path.read_bytes())
    raw[4100] ^= 1
    oldest.path.write_bytes(raw)
    again = run(data)
    assert again.snapshot is not None and again.begin > done.begin and again.engine.digest() == digest, "a damaged one is passed over"


def test_a_snapshot_before_what_is_left_does_not_fit(recycled: tuple[Path, bytes, int]) -> None:
    data, digest, _ = recycled
    before = run(data)
    assert before.snapshot is not None
    (data / "journal" / f"{segments(data)[0]:08d}.seg").unlink()
    while before.snapshot.position.segment >= segments(data)[0]:
        (data / "journal" / f"{segments(data)[0]:08d}.seg").unlink()
    after = run(data)
    assert after.begin > before.begin and after.engine.digest() == digest


def test_without_a_snapshot_it_names_what_is_missing_and_the_command(recycled: tuple[Path, bytes, int], tmp_path: Path) -> None:
    data, digest, rows = recycled
    shutil.move(data / "snapshots", tmp_path / "away")
    first = segments(data)[0]
    words = f"the journal begins with segment {first}, and there is no good snapshot .* get them back: exos journal fetch 1..{first - 1} --data {data} --into {data}/journal"
    with pytest.raises(JournalRefused, match=words):
        run(data)
    one = archive(data)
    fetch(one, [entry for entry in one.entries() if entry.segment < first], data / "journal")
    done = run(data)
    assert done.snapshot is None and done.engine.digest() == digest and done.rows == rows, "everything, from the first row"


def test_a_part_that_was_fetched_elsewhere_says_what_to_fetch_too(recycled: tuple[Path, bytes, int], tmp_path: Path) -> None:
    data, _, _ = recycled
    one = archive(data)
    (tmp_path / "audit").mkdir()
    fetch(one, [entry for entry in one.entries() if entry.segment in (2, 3)], tmp_path / "audit")
    with pytest.raises(JournalRefused, match=r"bring the segments before it too: exos journal fetch 1\.\.1 --data DIR --into .*audit"):
        run(tmp_path / "audit", tmp_path / "audit")


def test_a_follower_that_removes_meanwhile_only_makes_it_begin_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot and its segment go between choosing and reading them."""
    data = tmp_path / "d"
    live = grown(data)
    real, calls = module.oldest_start, 0

    def choosing(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        found = real(*arguments)
        if calls == 1:
            found.path.unlink()
        elif calls == 2:
            while segments(data)[0] <= found.position.segment:
                (data / "journal" / f"{segments(data)[0]:08d}.seg").unlink()
        return found

    monkeypatch.setattr(module, "oldest_start", choosing)
    done = run(data, live=True)
    assert calls == 3 and done.engine.digest() == live.r.engine.digest()
    calls = 0
    with pytest.raises(FileNotFoundError):
        run(data)  # nobody is writing: what is gone is said at once
    live.end()


def test_what_differs_is_said_with_its_rows(recycled: tuple[Path, bytes, int]) -> None:
    data, _, _ = recycled

    class Other(FakeEngine):
        def counters(self) -> bytes:
            return bytes(40)

    oldest = fitting(data)
    with pytest.raises(Unlike, match=f"what rows {oldest.position.seq} to [0-9]+ give differs from the digest in the journal"):
        replay(data, data / "journal", Other, live=False, runner=Inline())
