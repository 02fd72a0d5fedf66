"""Snapshots: complete or absent; a damaged one is reported and skipped."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exchange_server.journal import fence, snapshots
from exchange_server.journal.format import BadBytes
from exchange_server.journal.snapshots import (
    DAY_NS,
    Keep,
    NotPruned,
    Snapshot,
    newest_snapshots,
    prune,
    read_header,
    read_snapshot,
    verified_snapshots,
    write_snapshot,
)
from exchange_server.journal.store import Position


def write(folder: Path, seq: int, body: list[bytes], **options: Any) -> Path:
    position = Position(3, 8192, seq, bytes(range(32)), 5)
    return write_snapshot(folder, iter(body), position=position, event_seq=seq + 1, digest=bytes(32), server_id=7, logic=1, **options)


def test_round_trip(tmp_path: Path) -> None:
    body = [os.urandom(3_000_000), b"", b"tail"]
    path = write(tmp_path / "s", 12, body)
    found = read_snapshot(path)
    assert path.name == "00000000000000000012.snap" and b"".join(found.body()) == b"".join(body)
    assert found.position == Position(3, 8192, 12, bytes(range(32)), 5)
    assert (found.event_seq, found.server_id, found.logic, found.digest) == (13, 7, 1, bytes(32))
    assert read_snapshot(write(tmp_path / "s", 13, [])).body_bytes == 0


def test_the_two_newest_stay(tmp_path: Path) -> None:
    for seq in (5, 9, 100):
        write(tmp_path, seq, [b"x"])
    bad: list[str] = []
    assert [s.position.seq for s in newest_snapshots(tmp_path, bad)] == [100, 9] and bad == []


def test_the_last_one_of_each_day_stays_for_some_days(tmp_path: Path) -> None:
    """Ten a day for ten days: the three newest, and the last of each of the last four days."""
    for day in range(10):
        for i in range(10):
            write(tmp_path, 10 * day + i + 1, [b"x"], time_ns=(20_000 + day) * DAY_NS + i, keep=Keep(3, 4))
    assert [read_header(p).position.seq for p in sorted(tmp_path.glob("*.snap"))] == [70, 80, 90, 98, 99, 100]
    (tmp_path / f"{200:020d}.snap").write_bytes(b"no snapshot")
    prune(tmp_path, Keep(2, 0))
    assert [read_header(p).position.seq for p in sorted(tmp_path.glob("*.snap"))] == [99, 100], "what is none does not count, and goes"


def test_a_snapshot_counts_only_after_its_check(tmp_path: Path) -> None:
    write(tmp_path, 1, [b"x"])
    seen = []

    def check(made: Snapshot) -> None:
        seen.append((made.path.name, b"".join(made.body()), sorted(p.name for p in tmp_path.iterdir())))
        raise RuntimeError("not good")

    with pytest.raises(RuntimeError, match="not good"):
        write(tmp_path, 2, [b"y", b"z"], check=check, temporary_name="other.tmp")
    one = f"{1:020d}.snap"
    assert seen == [("other.tmp", b"yz", [one, "other.tmp"])] and [p.name for p in tmp_path.iterdir()] == [one]


def test_each_is_read_only_when_it_is_asked_for(tmp_path: Path) -> None:
    """A start reads the newest one, not all that are kept."""
    for seq in (5, 9):
        write(tmp_path, seq, [b"x"])
    newest = next(newest_snapshots(tmp_path, []))
    (tmp_path / f"{5:020d}.snap").unlink()
    assert newest.position.seq == 9 and newest.time_ns == 0


def test_every_damaged_byte_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path, 1, [bytes(range(200))])
    whole = path.read_bytes()
    for at in [*range(512), *range(4096, len(whole))]:
        broken = bytearray(whole)
        broken[at] ^= 0x10
        path.write_bytes(bytes(broken))
        with pytest.raises(BadBytes):
            read_snapshot(path)
    for size in (0, 100, 4095, 4096, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(BadBytes):
            read_snapshot(path)
    write(tmp_path, 0, [b"older"])
    bad: list[str] = []
    assert (
        [s.position.seq for s in newest_snapshots(tmp_path, bad)] == [0] and len(bad) == 1 and "1 bytes of the body are missing" in bad[0]
    )


@pytest.mark.parametrize("call", ["fsync", "rename", "write", "lseek"])
def test_a_failure_on_the_way_leaves_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    write(tmp_path, 1, [b"x"])

    def fail(*args: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError):
        write(tmp_path, 2, [b"y"])
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["00000000000000000001.snap"]


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    found = read_snapshot(write(tmp_path, 1, [bytes(3 << 20)]))
    chunks = iter(found.body())
    next(chunks)
    os.truncate(found.path, snapshots.HEADER_BYTES + (1 << 20))
    with pytest.raises(OSError, match="was truncated"):
        list(chunks)


def test_two_that_were_checked_stay_whatever_comes_after(tmp_path: Path) -> None:
    """Snapshots of clean stops, which nobody restored, do not push out those that a start can rely on."""
    for seq in (1, 2, 3):
        write(tmp_path, seq, [b"x"], check=lambda made: None)
    for seq in (4, 5, 6, 7):
        write(tmp_path, seq, [b"x"])
    assert [read_header(p).position.seq for p in sorted(tmp_path.glob("*.snap"))] == [2, 3, 6, 7]
    assert [s.position.seq for s in verified_snapshots(tmp_path)] == [3, 2]
    write(tmp_path, 3, [b"another body"])
    assert [s.position.seq for s in verified_snapshots(tmp_path)] == [2], "another file under the name of a checked one"
    (tmp_path / "verified").write_bytes(b"\xff")
    assert list(verified_snapshots(tmp_path)) == []
    write(tmp_path, 8, [b"x"])
    assert [read_header(p).position.seq for p in sorted(tmp_path.glob("*.snap"))] == [7, 8]


@pytest.mark.parametrize("call", ["unlink", "replace"])
def test_older_ones_that_cannot_be_deleted_do_not_undo_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    for seq in (1, 2):
        write(tmp_path, seq, [b"x"], check=lambda made: None)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "old")

    monkeypatch.setattr(
        snapshots.os if call == "unlink" else fence.os, "unlink" if call == "unlink" else "rename", fail_after(1, fail, call)
    )
    with pytest.raises(
        NotPruned, match=f"snapshot {3:020d}.snap was made, but older ones could not be deleted: .*Read-only file system"
    ) as caught:
        write(tmp_path, 3, [b"x"], check=lambda made: None, keep=Keep(1, 0))
    monkeypatch.undo()
    assert read_snapshot(caught.value.path).position.seq == 3


def fail_after(calls: int, fail: Callable[..., None], call: str) -> Callable[..., None]:
    """Fails from the call after so many on, for renames: the first one gives the snapshot its name."""
    left = calls if call == "replace" else 0
    real = os.rename

    def wrapped(*arguments: Any, **more: Any) -> None:
        nonlocal left
        if left > 0:
            left -= 1
            return real(*arguments, **more)
        return fail()

    return wrapped
