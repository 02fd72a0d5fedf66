"""The file in which a venue leaves: the same content gives the same bytes, and whatever was changed in it is found and named."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from exchange_server import venue_archive as va

ROWS: dict[str, list[dict[str, Any]]] = {"venue": [{"name": "V1", "title": "Ä"}], "positions": [{"b": 2, "a": 1}, {"a": 3}], "fills": []}
ABOUT = {"venue": "V1", "row_seq": 7, "event_seq": 9, "time_ns": 11, "compared": ["venue", "positions"]}


def parts(**changed: list[dict[str, Any]]) -> dict[str, bytes]:
    return {name: va.encode(rows) for name, rows in {**ROWS, **changed}.items()}


def written(path: Path, data: dict[str, bytes]) -> va.Manifest:
    manifest = va.manifest_of(ABOUT, data)
    va.write(path, manifest, data)
    return manifest


def test_what_was_written_is_read(tmp_path: Path) -> None:
    manifest = written(tmp_path / "a.tar", parts())
    archive = va.read(tmp_path / "a.tar")
    assert archive.manifest == manifest and archive.parts == ROWS
    written(tmp_path / "b.tar", parts())
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    assert va.encode([{"b": 1, "a": "Ä"}]) == '{"a":"Ä","b":1}\n'.encode()


def test_the_digest_is_that_of_the_parts_that_must_be_equal() -> None:
    one = va.manifest_of(ABOUT, parts())
    assert va.manifest_of(ABOUT, parts(fills=[{"x": 1}])).digest == one.digest
    other = va.manifest_of({**ABOUT, "row_seq": 8}, parts(positions=[]))
    assert other.digest != one.digest and va.differences(one, other) == ["positions"]


def repacked(path: Path, **changed: bytes | None) -> None:
    """The archive with some of its files replaced (None: left out, new names: added)."""
    with tarfile.open(path) as tar:
        files = {member.name.rpartition("/")[2]: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    files |= {name.replace("_", "."): data for name, data in changed.items()}  # type: ignore[misc]
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            if data is not None:
                info = tarfile.TarInfo(f"V1/{name}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"positions_jsonl": b'{"a":1}\n'}, "positions.jsonl was changed: it has 1 rows"),
        ({"positions_jsonl": None}, "positions.jsonl is missing"),
        ({"more_jsonl": b""}, "more.jsonl is not in the manifest"),
        ({"manifest_json": None}, "is no archive of a venue: it has no manifest.json"),
        ({"manifest_json": b"{}"}, "manifest.json: Object missing required field"),
    ],
)
def test_a_changed_archive_is_refused_by_name(tmp_path: Path, changed: dict[str, Any], text: str) -> None:
    path = tmp_path / "a.tar"
    written(path, parts())
    repacked(path, **changed)
    with pytest.raises(va.ArchiveError) as refused:
        va.read(path)
    assert text in str(refused.value)


def test_a_changed_digest_and_another_format_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    for field, value, text in (
        ("digest", '"digest": "00', "its digest is not that"),
        ("format", '"format": 9', "has format 9, this version reads 4"),
    ):
        written(path, parts())
        with tarfile.open(path) as tar:
            manifest = tar.extractfile("V1/manifest.json").read().decode()  # type: ignore[union-attr]
        old = next(line for line in manifest.splitlines() if f'"{field}"' in line)
        new = f"  {value}{old.split(':')[1][4:]}" if field == "digest" else f"  {value},"
        repacked(path, manifest_json=manifest.replace(old, new).encode())
        with pytest.raises(va.ArchiveError, match=text):
            va.read(path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"no tar at all")
    for wrong in (path, tmp_path / "nothing"):
        with pytest.raises(va.ArchiveError):
            va.read(wrong)
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("V1/venue.jsonl")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(va.ArchiveError, match="does not belong into an archive"):
        va.read(path)
