"""Files and folders that hold secrets must be their owner's alone."""

import shlex
import stat
from pathlib import Path

from .amounts import ConfigError

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def mode_of(path: Path) -> int:
    """Permission bits, those of the target of a link."""
    return stat.S_IMODE(path.stat().st_mode)


def refuse_readable(file: str, key: str) -> None:
    """A configuration file with secrets (the first at `key`) that its group or others may read, write or run: ConfigError with the command to run."""
    path = Path(file)
    mode = mode_of(path)
    if mode & OTHERS:
        raise ConfigError(file, key, f"the file contains a secret and others can use it (mode {mode:04o}): chmod 600 {shlex.quote(file)}")
