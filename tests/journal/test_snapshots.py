"""Snapshots: complete or absent; a damaged one is reported and skipped."""

import os
from pathlib import Path

import pytest

from exchange_server.journal import snapshots
from exchange_server.journal.format import BadBytes
from exchange_server.journal.snapshots import newest_snapshots, read_snapshot, write_snapshot
from exchange_server.journal.store import Position


def write(folder: Path, seq: int, body: list[bytes]) -> Path:
    position = Position(3, 8192, seq, bytes(range(32)), 5)
    return write_snapshot(folder, iter(body), position=position, event_seq=seq + 1, digest=bytes(32), server_id=7, logic=1)


def test_round_trip(tmp_path: Path) -> None:
    body = [os.urandom(3_000_000), b"", b"tail"]
    path = write(tmp_path / "s", 12, body)
    found = read_snapshot(path)
    assert path.name == "00000000000000000012.snap" and b"".join(found.chunks()) == b"".join(body)
    assert found.position == Position(3, 8192, 12, bytes(range(32)), 5)
    assert (found.event_seq, found.server_id, found.logic, found.digest) == (13, 7, 1, bytes(32))
    assert read_snapshot(write(tmp_path / "s", 13, [])).body_bytes == 0


def test_the_two_newest_stay(tmp_path: Path) -> None:
    for seq in (5, 9, 100):
        write(tmp_path, seq, [b"x"])
    good, bad = newest_snapshots(tmp_path)
    assert [s.position.seq for s in good] == [100, 9] and bad == []


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
    good, bad = newest_snapshots(tmp_path)
    assert [s.position.seq for s in good] == [0] and len(bad) == 1 and "1 bytes of the body are missing" in bad[0]


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
    chunks = found.chunks()
    next(chunks)
    os.truncate(found.path, snapshots.HEADER_BYTES + (1 << 20))
    with pytest.raises(OSError, match="was truncated"):
        list(chunks)
