"""The data folder must be accessible to its owner only: journal, snapshots and admin socket give access as a member or an operator.

A new folder is created with mode 0700. The mode of an existing folder that its group or others may use is changed if it is clearly ours (it
is empty, or already a data folder). Any other such folder, and one whose mode cannot be changed, is refused: changing somebody's home or
/tmp would be worse.
"""

import os
import shlex
from pathlib import Path

from config.secret_files import OTHERS, mode_of

PARTS = {"journal", "snapshots", "events"}  # entries of a data folder
SERVER_ID = 1  # of the server whose journal it is


class FolderOpen(Exception):
    """Others can use the folder; the text is one sentence for the operator."""


def prepare(data: Path) -> str:
    """Create the folder, or make sure that others cannot use it. Returns a sentence if its mode was changed, else "". Raises FolderOpen,
    OSError."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = mode_of(data)
    if not mode & OTHERS:
        return ""
    names = {entry.name for entry in os.scandir(data)}
    if names and not names & PARTS:
        raise FolderOpen(sentence(data, mode))
    try:
        data.chmod(0o700)
    except PermissionError:
        raise FolderOpen(sentence(data, mode)) from None
    return f"{data} could be used by others (mode {mode:04o}): its mode is now 0700"


def check(data: Path) -> None:
    """For commands that only read: raises FolderOpen if others can use the folder."""
    mode = mode_of(data)
    if mode & OTHERS:
        raise FolderOpen(sentence(data, mode))


def sentence(data: Path, mode: int) -> str:
    return f"{data} holds secrets and others can use it (mode {mode:04o}): chmod 700 {shlex.quote(str(data))}"


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file atomically: it exists completely or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)
    with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as file:
        file.write(data)
    temporary.replace(path)
