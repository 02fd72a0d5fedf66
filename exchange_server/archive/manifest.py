"""A manifest: JSON lines, one entry a line, in a chain of hashes.

    {"bytes":812,"link":"5f1c...","name":"..."}

`link` is the SHA-256 of the previous line's link (32 zero bytes before the first) and the entry's canonical JSON without it (keys sorted, no spaces). So no
entry can be changed, taken out or moved without the lines after it being wrong. Lines missing at the end cannot be seen from the file alone:
whoever needs that compares `last_link` with a copy kept elsewhere.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..journal.files import sync_directory

FIRST_LINK = bytes(32).hex()
Entry = dict[str, Any]


class BadManifest(Exception):
    """A manifest cannot be trusted. line: the first wrong one, from 1. The text names file and line."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        self.path = path
        self.line = line
        super().__init__(f"{path}, line {line}: {why}")


class TornManifest(BadManifest):
    """Only a part of the last line is missing, its end or a hole of zeros (a power cut, after which only some sectors are there): an append was cut off. `entries`: the whole ones before it; the next append removes the rest."""

    def __init__(self, path: Path, line: int, entries: list[Entry], good_bytes: int) -> None:
        self.entries = entries
        self.good_bytes = good_bytes
        super().__init__(path, line, "the last line is incomplete: writing it was interrupted")


def link(previous: str, entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(bytes.fromhex(previous) + _canonical(entry)).hexdigest()


def read(path: Path) -> list[Entry]:
    """The entries, each with its `link`, checked; none if there is no such file. Raises TornManifest, BadManifest, OSError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    entries: list[Entry] = []
    previous, at = FIRST_LINK, 0
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        if not line.endswith(b"\n") or (b"\0" in line and at + len(line) == len(data)):
            raise TornManifest(path, number, entries, at)
        entry = _entry(path, number, line[:-1])
        want = link(previous, {key: value for key, value in entry.items() if key != "link"})
        if entry["link"] != want:
            raise BadManifest(path, number, "it was changed, or a line before it was changed, moved or taken out (its link is wrong)")
        previous = want
        entries.append(entry)
        at += len(line)
    return entries


def read_whole(path: Path) -> list[Entry]:
    """The complete entries: what `read` gives, without a last line that was cut off. Raises BadManifest, OSError."""
    try:
        return read(path)
    except TornManifest as torn:
        return torn.entries


def last_link(entries: list[Entry]) -> str:
    return str(entries[-1]["link"]) if entries else FIRST_LINK


def append(path: Path, entry: Mapping[str, Any]) -> Entry:
    """Append one entry (without `link`) and sync; returns it with its link. The whole manifest is checked first, and a last line that was cut off is
    removed. One writer at a time. Raises BadManifest; OSError, and then the entry is not there. ValueError: `entry` has a link."""
    if "link" in entry:
        raise ValueError("an entry gets its link here")
    torn_at = -1
    try:
        entries = read(path)
    except TornManifest as torn:
        entries, torn_at = torn.entries, torn.good_bytes
    whole = {**entry, "link": link(last_link(entries), entry)}
    line = _canonical(whole) + b"\n"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        size = os.fstat(fd).st_size if torn_at < 0 else torn_at
        os.ftruncate(fd, size)
        try:
            written = os.pwrite(fd, line, size)
            while written < len(line):
                written += os.pwrite(fd, line[written:], size + written)
            os.fsync(fd)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(fd, size)
            raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(fd)
    if not entries:
        sync_directory(path.parent)
    return whole


def _entry(path: Path, number: int, line: bytes) -> Entry:
    try:
        entry = json.loads(line)
    except ValueError as error:  # also bytes that are not UTF-8
        raise BadManifest(path, number, f"it is not JSON ({error})") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("link"), str):
        raise BadManifest(path, number, "it is not an entry with a link")
    if _canonical(entry) != line:
        raise BadManifest(path, number, "it was not written by this program (keys out of order, spaces, or a key twice)")
    return entry


def _canonical(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
