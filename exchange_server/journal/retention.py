"""Events that are older than their retention: their files are removed, and everybody who needs them is told so.

`events/retired` says below which event none are kept. It is written before the first file goes, so a missing file below it is no damage: readers get
EventsMissing with `retired`, nothing is rebuilt, and a replay from an older snapshot moves it back.
"""

import zlib
from pathlib import Path

import numpy as np

from ..core import layout as L
from ..core.layout import plain
from ..disk.event_rows import first_bad
from .event_files import EventFiles
from .fence import replace_file
from .files import sync_directory

NAME = "retired"
_MAGIC = b"EXOSRET1"
BYTES = 24
LOOK_BACK = 4 * (L.MAX_EXTRA_ROWS + 1)


def read(directory: Path) -> int:
    """The first event that is kept; 1: none was removed. Raises OSError."""
    try:
        data = (directory / NAME).read_bytes()
    except FileNotFoundError:
        return 1
    if len(data) != BYTES or data[:8] != _MAGIC or int.from_bytes(data[16:], "little") != zlib.crc32(data[:16]):
        return 1  # then what is missing is rebuilt from the journal, or named as lost
    return max(1, int.from_bytes(data[8:16], "little"))


def write(directory: Path, first: int) -> None:
    """Atomically, on the disk when it returns. Raises OSError."""
    body = _MAGIC + first.to_bytes(8, "little")
    replace_file(directory / NAME, body + zlib.crc32(body).to_bytes(8, "little"))


def retire(directory: Path, before_ns: int, covered: int, rows_per_file: int) -> tuple[int, int, int]:
    """Remove the oldest files, as long as all of their events are older than `before_ns` (exchange time) and below `covered`, a snapshot's next event.
    Returns (first, last) event removed and the bytes; last below first: none. Raises OSError.

    A file whose newest event cannot be read stays: how old it is, is not known.
    """
    files = EventFiles(directory, rows_per_file)
    kept = read(directory)
    first = keep = files.file_of(kept) * rows_per_file + 1
    try:
        while keep + rows_per_file <= covered and _older(files, keep + rows_per_file - 1, before_ns, kept):
            keep += rows_per_file
    finally:
        files.close()
    if keep > kept:
        write(directory, keep)
    size = 0
    for file in files.present():  # also those that an earlier run was stopped before
        if (file + 1) * rows_per_file < max(kept, keep):
            size += files.path(file).stat().st_size
            files.path(file).unlink()
    if size:
        sync_directory(directory)
    return first, keep - 1, size


def _older(files: EventFiles, number: int, before_ns: int, kept: int) -> bool:
    """Whether the event that row `number`, the last one of a file, belongs to is older. Extra rows have no time: the events in front of it are
    followed from one to the next, and must all have their own numbers. kept: the first event that is here."""
    begin = at = max(number + 1 - LOOK_BACK, kept)
    count = number + 1 - begin
    pieces = []
    while at <= number:
        some = min(number + 1 - at, files.rows_per_file - (at - 1) % files.rows_per_file)
        got = files.read(at, some)
        if got is None or first_bad(got[0].view(np.uint8), some, at, got[1]) != some:
            return False
        pieces.append(got[0])
        at += some
    table = np.concatenate(pieces).reshape(-1, L.EVT_WORDS)
    for start in range(min(L.MAX_EXTRA_ROWS + 1, count)):
        at, last = start, -1
        while at < count and int(table[at, L.EVT_NUMBER]) == begin + at:
            last, at = at, at + 1 + int(plain.extra_of(int(table[at, L.EVT_HEAD])))
        if at >= count and last >= 0:
            return int(table[last, L.EVT_TIME]) < before_ns
    return False
