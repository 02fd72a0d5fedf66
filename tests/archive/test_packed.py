"""Packing one file: complete under its name or absent, and every damage named."""

import errno
import os
import random
import stat
from pathlib import Path

import pytest
import zstandard

from exchange_server.archive.packed import PIECE, BadPacked, Packed, pack, pieces, unpack, verify

RAW = random.Random(3).randbytes(300_000) + bytes(3 * PIECE)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "raw"
    path.write_bytes(RAW)
    return path


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("data", [b"", b"x", bytes(5 * PIECE), RAW])
def test_what_is_packed_comes_back(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "raw").write_bytes(data)
    packed = pack(tmp_path / "raw", tmp_path / "p.zst")
    assert packed.raw_bytes == len(data) and packed.bytes == (tmp_path / "p.zst").stat().st_size and packed.name == "p.zst"
    assert stat.S_IMODE((tmp_path / "p.zst").stat().st_mode) == 0o600
    verify(tmp_path / "p.zst", packed)
    unpack(tmp_path / "p.zst", tmp_path / "back", packed)
    assert (tmp_path / "back").read_bytes() == data and stat.S_IMODE((tmp_path / "back").stat().st_mode) == 0o600
    assert files(tmp_path) == ["back", "p.zst", "raw"]
    assert zstandard.ZstdDecompressor().stream_reader((tmp_path / "p.zst").open("rb")).read() == data, "any zstd reads it"


def test_zeros_do_not_come_out_at_once(tmp_path: Path, raw: Path) -> None:
    packed = pack(raw, tmp_path / "p.zst")
    assert max(map(len, pieces(tmp_path / "p.zst", packed))) <= PIECE


def test_every_byte_that_is_flipped_is_named(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(RAW[:400] + bytes(2000))
    packed = pack(tmp_path / "raw", tmp_path / "p.zst")
    good = (tmp_path / "p.zst").read_bytes()
    for at in range(len(good)):
        (tmp_path / "p.zst").write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :])
        with pytest.raises(BadPacked, match="p.zst"):
            unpack(tmp_path / "p.zst", tmp_path / "back", packed)
    for size in range(len(good)):
        (tmp_path / "p.zst").write_bytes(good[:size])
        with pytest.raises(BadPacked, match=f"is truncated: it has {size} bytes, {len(good)} were written"):
            verify(tmp_path / "p.zst", packed)
    (tmp_path / "p.zst").write_bytes(good + b"x")
    with pytest.raises(BadPacked, match="too long"):
        verify(tmp_path / "p.zst", packed)
    assert files(tmp_path) == ["p.zst", "raw"]


def test_another_file_with_other_content(tmp_path: Path, raw: Path) -> None:
    packed = pack(raw, tmp_path / "p.zst")
    raw.write_bytes(bytes(100 * PIECE))
    bomb = pack(raw, tmp_path / "p.zst")
    with pytest.raises(BadPacked, match=f"more than the {len(RAW)} bytes"):
        verify(tmp_path / "p.zst", Packed("p.zst", packed.raw_bytes, packed.raw_sha256, bomb.bytes, bomb.sha256))
    with pytest.raises(BadPacked, match="does not unpack to"):
        verify(tmp_path / "p.zst", Packed("p.zst", bomb.raw_bytes, packed.raw_sha256, bomb.bytes, bomb.sha256))


def test_places_that_are_none(tmp_path: Path, raw: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        pack(tmp_path / "nothing", tmp_path / "p.zst")
    with pytest.raises(FileNotFoundError, match="nothing"):
        pack(raw, tmp_path / "nothing" / "p.zst")
    with pytest.raises(NotADirectoryError):
        pack(raw, raw / "p.zst")
    packed = pack(raw, tmp_path / "p.zst")
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "q.zst", packed)
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        pack(raw, tmp_path / "folder")
    assert files(tmp_path) == ["folder", "p.zst", "raw"]


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
@pytest.mark.parametrize("work", ["pack", "unpack"])
def test_each_call_that_fails_leaves_nothing(tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch, call: str, work: str) -> None:
    packed = pack(raw, tmp_path / "p.zst")
    (tmp_path / "p.zst").rename(tmp_path / "good.zst")
    before = files(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError) as caught:
        if work == "pack":
            pack(raw, tmp_path / "p.zst")
        else:
            unpack(tmp_path / "good.zst", tmp_path / "back", packed)
    assert caught.value.errno == errno.ENOSPC and (caught.value.filename or call == "rename")
    monkeypatch.undo()
    assert files(tmp_path) == before


def test_a_step_may_end_it_and_a_leftover_is_written_over(tmp_path: Path, raw: Path) -> None:
    seen: list[int] = []

    def stop(done: int) -> None:
        seen.append(done)
        if len(seen) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        pack(raw, tmp_path / "p.zst", step=stop)
    assert seen == [PIECE, 2 * PIECE] and files(tmp_path) == ["raw"]
    (tmp_path / "p.zst.tmp").write_bytes(bytes(10 * PIECE))  # of a process that was killed
    verify(tmp_path / "p.zst", pack(raw, tmp_path / "p.zst"))
    assert files(tmp_path) == ["p.zst", "raw"]
