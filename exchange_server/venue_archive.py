"""The file in which a venue leaves: a tar with one JSON Lines file for each part, and a manifest with their hash values.

Everything is canonical (keys sorted, no spaces, rows in the server's order, no times in the tar), so the same venue gives the same bytes, and two
servers can be compared part by part. The digest of a venue is that of the hash values of the parts that must be equal.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

MANIFEST = "manifest.json"
FORMAT = 4
MOST_BYTES = 4 << 30  # of one part
MOST_PARTS = 100


class ArchiveError(Exception):
    """The file is no archive of a venue, or it was changed; the text is one sentence."""


class PartSum(msgspec.Struct, frozen=True):
    rows: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """venue: its name; row_seq, event_seq, time_ns: as of which row of the journal, event and exchange time; compared: parts that must be equal on
    another server; digest: of their hash values."""

    format: int
    venue: str
    row_seq: int
    event_seq: int
    time_ns: int
    compared: list[str]
    parts: dict[str, PartSum]
    digest: str


class Archive(NamedTuple):
    manifest: Manifest
    parts: dict[str, list[dict[str, Any]]]


def encode(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as canonical JSON Lines."""
    return b"".join(json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" for row in rows)


def summed(data: bytes) -> PartSum:
    return PartSum(data.count(b"\n"), len(data), hashlib.sha256(data).hexdigest())


def digest_of(parts: Mapping[str, PartSum], compared: Iterable[str]) -> str:
    """Of the venue as a whole: names and hash values of the parts that must be equal."""
    text = "".join(f"{name} {parts[name].sha256}\n" for name in sorted(compared))
    return hashlib.sha256(text.encode()).hexdigest()


def manifest_of(about: Mapping[str, Any], parts: Mapping[str, bytes]) -> Manifest:
    """about: venue, row_seq, event_seq, time_ns, compared."""
    sums = {name: summed(data) for name, data in sorted(parts.items())}
    return Manifest(format=FORMAT, parts=sums, digest=digest_of(sums, about["compared"]), **about)


def write(path: Path, manifest: Manifest, parts: Mapping[str, bytes]) -> None:
    """Write the archive; it is there completely or not at all, and only its owner may read it. Raises OSError."""
    temporary = path.with_name(path.name + ".tmp")
    files = {MANIFEST: msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n"}
    files |= {f"{name}.jsonl": data for name, data in sorted(parts.items())}
    with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{manifest.venue}/{name}")
            info.size, info.mode = len(data), 0o600
            tar.addfile(info, io.BytesIO(data))
    temporary.replace(path)


def read(path: Path) -> Archive:
    """The archive, with every hash value checked. Raises ArchiveError."""
    try:
        files = _files(path)
    except tarfile.TarError as error:
        raise ArchiveError(f"{path} is no archive of a venue: {error}") from error
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror or error}") from error
    if MANIFEST not in files:
        raise ArchiveError(f"{path} is no archive of a venue: it has no {MANIFEST}")
    try:
        manifest = msgspec.json.decode(files.pop(MANIFEST), type=Manifest)
    except msgspec.MsgspecError as error:
        raise ArchiveError(f"{path}: {MANIFEST}: {error}") from error
    if manifest.format != FORMAT:
        raise ArchiveError(f"{path} has format {manifest.format}, this version reads {FORMAT}")
    named = {f"{name}.jsonl" for name in manifest.parts}
    for name in sorted(named - set(files)):
        raise ArchiveError(f"{path}: {name} is missing")
    for name in sorted(set(files) - named):
        raise ArchiveError(f"{path}: {name} is not in the manifest")
    for name, wanted in manifest.parts.items():
        found = summed(files[f"{name}.jsonl"])
        if found != wanted:
            raise ArchiveError(
                f"{path}: {name}.jsonl was changed: it has {found.rows} rows with SHA-256 {found.sha256}, the manifest says {wanted.rows} with {wanted.sha256}"
            )
    if not set(manifest.compared) <= set(manifest.parts) or digest_of(manifest.parts, manifest.compared) != manifest.digest:
        raise ArchiveError(f"{path}: {MANIFEST} was changed: its digest is not that of its parts")
    try:
        parts = {name: [json.loads(line) for line in files[f"{name}.jsonl"].splitlines()] for name in manifest.parts}
    except ValueError as error:
        raise ArchiveError(f"{path}: a part is not JSON Lines: {error}") from error
    return Archive(manifest, parts)


def _files(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            name = member.name.rpartition("/")[2]
            if not member.isfile() or member.size > MOST_BYTES or name in files or len(files) > MOST_PARTS:
                raise ArchiveError(f"{path}: {member.name} does not belong into an archive of a venue")
            data = tar.extractfile(member)
            assert data is not None
            files[name] = data.read()
    return files


def differences(one: Manifest, other: Manifest) -> list[str]:
    """Parts that must be equal and are not, in the order of the first."""
    names = [*one.compared, *(name for name in other.compared if name not in one.compared)]
    return [name for name in names if one.parts.get(name) != other.parts.get(name)]
