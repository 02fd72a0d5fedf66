"""Events that are older than their retention: their files are removed, and everybody who needs them is told so.

`events/retired` says below which event none are kept. It is written before the first file goes, so a missing file below it is no damage: readers get
EventsMissing with `retired`, nothing is rebuilt, and a replay from an older snapshot moves it back.
"""

import os
import zlib
from pathlib import Path

import numpy as np

from ..core import layout as L
from ..core.layout import plain
from ..disk.event_rows import first_bad
from .event_files import EventFiles
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
    temporary = directory / (NAME + ".tmp")
    with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(body + zlib.crc32(body).to_bytes(8, "little"))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / NAME)
    sync_directory(directory)


def retire(directory: Path, before_ns: int, covered: int, rows_per_file: int) -> tuple[int, int, int]:
    """Remove the oldest files, as long as all of their events are older than `before_ns` (exchange time) and below `covered`, a snapshot's next event.
    Returns (first, last) event removed and the bytes; last below first: none. Raises OSError.

    A file whose newest event cannot be read stays: how old it is, is not known.
    """
    files = EventFiles(directory, rows_per_file)
    kept = read(directory)
    first = keep = files.file_of(kept) * rows_per_file + 1
    try:
        while keep + rows_per_file <= covered and _older(files, keep + rows_per_file - 1, before_ns):
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


def _older(files: EventFiles, number: int, before_ns: int) -> bool:
    """Whether the event that row `number`, the last one of a file, belongs to is older. Extra rows have no time: the events in front of it are
    followed from one to the next, and must all have their own numbers."""
    begin = max(number - LOOK_BACK, number - files.rows_per_file + 1)
    count = number + 1 - begin
    got = files.read(begin, count)
    if got is None or first_bad(got[0].view(np.uint8), count, begin, got[1]) != count:
        return False
    table = got[0].reshape(-1, L.EVT_WORDS)
    for start in range(min(L.MAX_EXTRA_ROWS + 1, count)):
        at, last = start, -1
        while at < count and int(table[at, L.EVT_NUMBER]) == begin + at:
            last, at = at, at + 1 + int(plain.extra_of(int(table[at, L.EVT_HEAD])))
        if at >= count and last >= 0:
            return int(table[last, L.EVT_TIME]) < before_ns
    return False
