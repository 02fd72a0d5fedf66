"""The fence of a journal: the place up to which an older server's frames count, after another one has taken over.

The file `fence` is one watermark slot (format.py), written when a folder is promoted: the end of the journal at that moment, with
the raised epoch. Frames of an older epoch after it are not taken, also if somebody copies the old server's segments and its watermark over
the folder afterwards.
"""

import os
from contextlib import suppress
from pathlib import Path

from . import format as fmt
from .files import sync_directory

FENCE = "fence"


def newest_mark(directory: Path) -> fmt.Watermark | None:
    """The watermark of a journal folder, or its fence if that is of a later epoch; None: no slot is valid. Raises FileNotFoundError (no watermark
    file), OSError."""
    mark = fmt.newest_watermark((directory / "watermark").read_bytes())
    try:
        fence = fmt.parse_watermark((directory / FENCE).read_bytes())
    except (FileNotFoundError, fmt.BadBytes):
        return mark
    return fence if mark is None or fence.epoch > mark.epoch else mark


def replace_file(path: Path, content: bytes) -> None:
    """A new file under this name, synced; whoever has the old one open does not reach it. Raises OSError with its name; the old one is there then, or already
    the new one."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        _write_synced(temporary, content)
        os.rename(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write_synced(path: Path, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while len(view):
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def watermark_file(mark: fmt.Watermark) -> bytes:
    """A watermark file with both slots."""
    content = bytearray(fmt.WATERMARK_FILE_BYTES)
    for at in fmt.SLOT_OFFSETS:
        content[at : at + fmt.SLOT_BYTES] = fmt.pack_watermark(mark)
    return bytes(content)
