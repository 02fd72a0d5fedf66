"""The chain of entries: whatever is changed, moved or taken out is named by its line."""

import errno
import os
from pathlib import Path

import pytest

from exchange_server.archive.manifest import FIRST_LINK, BadManifest, TornManifest, append, last_link, read, read_whole


def filled(path: Path, count: int = 4) -> list[dict[str, object]]:
    return [append(path, {"name": f"n{i}", "bytes": i, "text": "é"}) for i in range(count)]


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    assert read(path) == [] and last_link([]) == FIRST_LINK
    entries = filled(path)
    assert read(path) == entries and last_link(entries) == entries[-1]["link"] != entries[-2]["link"]
    assert oct(path.stat().st_mode)[-3:] == "600"
    with pytest.raises(ValueError, match="gets its link here"):
        append(path, entries[0])


def test_every_bit_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    filled(path, 3)
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 7]) + good[at + 1 :])
        with pytest.raises(BadManifest) as caught:
            read(path)
        line = good[:at].count(b"\n") + 1
        assert caught.value.line == line and f"m.jsonl, line {line}: " in str(caught.value), at


def test_lines_taken_out_moved_or_doubled(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    filled(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for wrong, order in [(1, [1, 2, 3]), (2, [0, 2, 3]), (2, [0, 2, 1, 3]), (3, [0, 1, 1, 2])]:
        path.write_bytes(b"".join(lines[i] for i in order))
        with pytest.raises(BadManifest, match=f"line {wrong}: it was changed, or a line before it"):
            read(path)
    for line in (b"[1]\n", b'{"a":1}\n', b"\xff\n", b"\n"):
        path.write_bytes(lines[0] + line)
        with pytest.raises(BadManifest, match="line 2: it is not"):
            append(path, {"a": 1})


def test_an_append_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    filled(path, 2)
    good = path.read_bytes()
    first = good.index(b"\n") + 1
    for cut in range(first + 1, len(good)):
        path.write_bytes(good[:cut])
        with pytest.raises(TornManifest, match="line 2: the last line is incomplete") as caught:
            read(path)
        assert [e["name"] for e in caught.value.entries] == ["n0"] == [e["name"] for e in read_whole(path)]
        append(path, {"name": "n1", "bytes": 1, "text": "é"})
        assert path.read_bytes() == good


@pytest.mark.parametrize("call", ["pwrite", "fsync"])
def test_a_full_disk_leaves_it_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "m.jsonl"
    filled(path, 2)
    good = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=r"m\.jsonl"):
        append(path, {"name": "n2"})
    monkeypatch.undo()
    assert path.read_bytes() == good


def test_places_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        append(tmp_path / "file" / "m.jsonl", {"a": 1})
    with pytest.raises(IsADirectoryError):
        read(tmp_path)


def test_a_last_line_with_a_hole_was_never_whole(tmp_path: Path) -> None:
    """After a power cut any sectors of it may be there, the last one too. A hole in another line is damage."""
    path = tmp_path / "m.jsonl"
    for n in range(3):
        append(path, {"n": n, "text": "x" * 300})
    whole = path.read_bytes()
    at = whole.rindex(b"\n", 0, len(whole) - 1) + 1
    for begin, end in ((at, at + 5), (at + 100, at + 200), (len(whole) - 2, len(whole) - 1)):
        path.write_bytes(whole[:begin] + bytes(end - begin) + whole[end:])
        with pytest.raises(TornManifest) as torn:
            read(path)
        assert [entry["n"] for entry in torn.value.entries] == [0, 1]
        append(path, {"n": 2, "text": "x" * 300})
        assert path.read_bytes() == whole
    path.write_bytes(whole[:10] + bytes(1) + whole[11:])
    with pytest.raises(BadManifest) as bad:
        read(path)
    assert not isinstance(bad.value, TornManifest) and bad.value.line == 1
