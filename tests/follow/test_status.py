"""The status file: complete or absent, and no trust in what a dead process said."""

import os
from pathlib import Path

import pytest

from exchange_server.follow.status import (
    DIFFERS,
    FOLLOWING,
    REFUSED,
    SNAPSHOT,
    STARTING,
    STOPPED,
    Status,
    alive,
    lasts,
    locked,
    read_status,
    write_status,
)
from exchange_server.journal.files import DirectoryLock

NOW = 1_800_000_000_000_000_000


def test_round_trip_and_mode(tmp_path: Path) -> None:
    said = Status(pid=7, state=DIFFERS, text="rows 8 to 47 ...", row_seq=47, lag_ms=3, snapshot="x.snap", at_ns=NOW)
    write_status(tmp_path, Status())
    write_status(tmp_path, said)
    assert read_status(tmp_path) == said and [p.name for p in tmp_path.iterdir()] == ["status.json"]
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b'{"pid": "x"}', b"\xff", None])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "status.json").write_bytes(content)
    assert read_status(tmp_path) is None


def test_alive(tmp_path: Path) -> None:
    us = os.getpid()
    lock = DirectoryLock(tmp_path, "follower's folder")
    assert locked(tmp_path) and all(alive(Status(pid=us, state=state, at_ns=NOW), tmp_path) for state in (STARTING, FOLLOWING, SNAPSHOT))
    assert not any(alive(Status(pid=us, state=state, at_ns=NOW), tmp_path) for state in (DIFFERS, REFUSED, STOPPED))
    lock.release()
    assert not locked(tmp_path) and not alive(Status(pid=us, state=SNAPSHOT, at_ns=NOW), tmp_path)
    assert not locked(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status(disk_free_bytes=10**9), ""),
        (
            Status(disk_measured_s=600, disk_free_bytes=12 * 10**9, disk_written_hour=10**9, disk_hours=12),
            "12.0 GB free: lasts 12 h at the present rate (1.00 GB an hour written, 0.00 removed, measured over 10 min)",
        ),
        (
            Status(disk_measured_s=600, disk_free_bytes=12 * 10**9, disk_written_hour=10**9, disk_removed_hour=10**9, disk_levels_off=True),
            "12.0 GB free: the use levels off (1.00 GB an hour written, 1.00 removed, measured over 10 min)",
        ),
        (Status(disk_measured_s=60, disk_free_bytes=10**9), "1.0 GB free: nothing is written (measured over 1 min)"),
    ],
)
def test_how_long_the_disk_lasts_in_words(status: Status, words: str) -> None:
    assert lasts(status) == words
