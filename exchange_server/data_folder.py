"""The data folder is its owner's alone: journal, snapshots and admin socket hold or give what makes somebody a member or an operator.

A new folder is made with mode 0700. One that is there and that its group or others may use is closed to them when it is plainly ours to close (it is
empty, or a data folder from before); anything else, and a folder that cannot be changed, is refused: closing somebody's home or /tmp would be worse.
"""

import os
import shlex
from pathlib import Path

from config.secret_files import OTHERS, mode_of

PARTS = {"journal", "snapshots", "events"}  # what a data folder has


class FolderOpen(Exception):
    """Others may use the folder; the text is one sentence for the operator."""


def prepare(data: Path) -> str:
    """Make the folder, or see that it is closed to others. A sentence when its mode had to be changed, else "". Raises FolderOpen, OSError."""
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
    """For commands that only read: FolderOpen when others may use the folder."""
    mode = mode_of(data)
    if mode & OTHERS:
        raise FolderOpen(sentence(data, mode))


def sentence(data: Path, mode: int) -> str:
    return f"{data} holds secrets and others can use it (mode {mode:04o}): chmod 700 {shlex.quote(str(data))}"
