"""The newest snapshot is read while the program is loaded, and what was read counts only for the file that is still there."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange_server.journal import ahead, snapshots
from exchange_server.journal.format import BadBytes
from exchange_server.journal.snapshots import HEADER_BYTES, newest_snapshots, read_snapshot, was_verified

from .test_snapshots import write

BODY = os.urandom(3 << 20)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    ahead._begun.clear()


def test_the_newest_is_hashed_once(tmp_path: Path) -> None:
    ahead.begin(tmp_path)
    old = write(tmp_path, 1, [b"x"])
    new = write(tmp_path, 2, [BODY])
    assert ahead.body_hash(new) is None, "there was none when it began"
    ahead.begin(tmp_path)
    assert ahead.body_hash(old) is None
    assert ahead.body_hash(new) == hashlib.sha256(BODY).digest()
    assert ahead.body_hash(new) is None, "only once: a second start in this process reads again"


def test_a_file_that_changed_since_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, 1, [BODY])
    ahead.begin(tmp_path)
    ahead._begun[0].result()
    with open(path, "r+b") as file:
        file.seek(HEADER_BYTES)
        file.write(bytes(64))
    os.utime(path, ns=(1, 1))
    with pytest.raises(BadBytes, match="SHA-256"):
        read_snapshot(path, at_start=True)


@pytest.mark.parametrize("damage", ["a byte", "the end is missing"])
def test_damage_has_its_own_answer(tmp_path: Path, damage: str) -> None:
    path = write(tmp_path, 1, [BODY])
    if damage == "a byte":
        with open(path, "r+b") as file:
            file.seek(HEADER_BYTES + 1000)
            file.write(b"\0\0\0\0")
    else:
        os.truncate(path, HEADER_BYTES + 1000)
    ahead.begin(tmp_path)
    bad: list[str] = []
    assert list(newest_snapshots(tmp_path, bad, at_start=True)) == []
    assert ("SHA-256" if damage == "a byte" else "bytes of the body are missing") in bad[0]


def test_only_a_start_takes_what_was_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, 1, [BODY])
    ahead.begin(tmp_path)
    monkeypatch.setattr(ahead._begun[0], "_found", (ahead._state(os.stat(path)), read_snapshot(path).body_hash))
    monkeypatch.setattr(snapshots, "CHUNK", 0)  # nothing can be read from here on
    with pytest.raises(BadBytes):
        read_snapshot(path)
    assert read_snapshot(path, at_start=True).position.seq == 1


def test_a_file_that_cannot_be_read_is_left_to_who_asks(tmp_path: Path) -> None:
    (tmp_path / "1.snap").mkdir()
    ahead.begin(tmp_path)
    assert ahead.body_hash(tmp_path / "1.snap") is None


@pytest.mark.parametrize("small", [0, 1 << 30], ids=["two threads", "one thread"])
def test_a_body_is_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    monkeypatch.setattr(snapshots, "SMALL_BODY", small)
    body = read_snapshot(write(tmp_path, 1, [BODY])).body()
    out = bytearray(len(BODY))
    memory = memoryview(out)
    assert body.take(10) == BODY[:10]
    for begin in range(10, len(BODY) - 6, 100_000):
        body.into(memory[begin : min(begin + 100_000, len(BODY) - 6)])
    assert body.take(6) == BODY[-6:] and body.take(1, may_end=True) == b""
    body.finish()
    assert out[10:-6] == BODY[10:-6]
    for ask in (lambda: body.take(1), lambda: body.into(memory[:1]), lambda: body.take(1 << 60)):
        with pytest.raises(EOFError):
            ask()


@pytest.mark.parametrize("small", [0, 1 << 30], ids=["two threads", "one thread"])
def test_a_file_that_shrinks_before_its_memory_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    monkeypatch.setattr(snapshots, "SMALL_BODY", small)
    found = read_snapshot(write(tmp_path, 1, [BODY]))
    body, out = found.body(), memoryview(bytearray(len(BODY)))
    body.into(out[: 1 << 20])
    body.into(out[1 << 20 :])
    os.truncate(found.path, HEADER_BYTES + 1000)
    with pytest.raises(OSError, match="truncated"):
        body.finish()


def test_verified_is_what_was_checked_with_this_body(tmp_path: Path) -> None:
    assert not was_verified(read_snapshot(write(tmp_path, 1, [b"x"])))
    found = read_snapshot(write(tmp_path, 2, [b"x"], check=lambda made: None))
    assert was_verified(found)
    assert not was_verified(read_snapshot(write(tmp_path, 2, [b"y"])))
