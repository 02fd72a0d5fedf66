"""The folder that a command about a journal is given."""

from pathlib import Path

from ..exits import Exit
from .common import CommandError


def folder_of(data: Path) -> Path:
    """The journal's folder: DIR/journal, or DIR itself if it contains the segments."""
    from .. import data_folder

    if not data.is_dir():
        raise CommandError(Exit.USAGE, f"{data} is not a folder")
    try:
        data_folder.check(data)
    except data_folder.FolderOpen as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    inner = data / "journal"
    return inner if inner.is_dir() else data
