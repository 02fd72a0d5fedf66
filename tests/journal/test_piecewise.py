"""A large file written in pieces: whatever the chunks, the bytes are those; with and without direct writes; a pace without bursts."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from exchange_server.journal import piecewise
from exchange_server.journal.piecewise import ALIGNED, PIECE, Pace, Pieces


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("sizes", [(1,), (PIECE,), (PIECE - 1, 2, 3 * PIECE), (ALIGNED, PIECE), (5, 2 * PIECE + 7, ALIGNED), ()])
def test_the_bytes_are_those(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...], direct: bool) -> None:
    if not direct:
        monkeypatch.setattr(piecewise, "open_direct", lambda path: -1)
    monkeypatch.setattr(piecewise, "AHEAD", 2 * PIECE)
    chunks = [os.urandom(size) for size in sizes]
    path, seen = tmp_path / "f", []
    with open(path, "wb", buffering=0) as file:
        file.write(b"h" * ALIGNED)
        pieces = Pieces(file.fileno(), path, ALIGNED, seen.append)
        for chunk in chunks:
            pieces.add(chunk)
        assert pieces.end() == sum(sizes)
        pieces.close()
    assert path.read_bytes() == b"h" * ALIGNED + b"".join(chunks)
    assert seen == list(range(0, sum(sizes), PIECE))


def test_a_write_that_is_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, data = os.pwrite, os.urandom(3 * PIECE)

    def short(fd: int, piece: Any, at: int) -> int:
        return real(fd, bytes(piece)[: max(len(piece) // 3, 1)], at) if len(piece) % ALIGNED else real(fd, piece, at)

    monkeypatch.setattr(piecewise, "open_direct", lambda path: -1)
    monkeypatch.setattr(piecewise.os, "pwrite", short)
    path = tmp_path / "f"
    with open(path, "wb", buffering=0) as file:
        pieces = Pieces(file.fileno(), path, 0, lambda done: None)
        pieces.add(data + b"end")
        pieces.end()
        pieces.close()
    assert path.read_bytes() == data + b"end"


def test_a_file_system_without_direct_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def opening(path: Any, flags: int, *more: Any) -> int:
        if flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, "no")
        return real(path, flags, *more)

    monkeypatch.setattr(piecewise.os, "open", opening)
    assert piecewise.open_direct(tmp_path / "f") == -1
    with pytest.raises(FileNotFoundError):
        monkeypatch.undo()
        piecewise.open_direct(tmp_path / "missing")


def test_the_pace_has_no_bursts() -> None:
    now, pauses = 100.0, []

    def pause(seconds: float) -> None:
        nonlocal now
        pauses.append(round(seconds, 6))
        now += seconds

    pace = Pace(1000, lambda: now, pause)
    pace.wait(0)
    pace.wait(10)
    pace.wait(20)
    assert pauses == [0.01, 0.01]
    now += 5.0  # something else took long
    pace.wait(30)
    pace.wait(40)
    assert pauses == [0.01, 0.01, 0.01], "what was missed is not caught up"
    pace.wait(0)
    pace.wait(500)
    assert pauses[-1] == 0.5
