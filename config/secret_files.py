"""Files and folders with secrets must be accessible to their owner only."""

import shlex
import stat
from pathlib import Path

from .amounts import ConfigError

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def mode_of(path: Path) -> int:
    """Permission bits; for a link, those of its target."""
    return stat.S_IMODE(path.stat().st_mode)


def refuse_readable(file: str, key: str) -> None:
    """Raise ConfigError, with the command that fixes it, if group or others may read, write or execute a configuration file with secrets
    (the first is at `key`)."""
    path = Path(file)
    mode = mode_of(path)
    if mode & OTHERS:
        raise ConfigError(file, key, f"the file contains a secret and others can use it (mode {mode:04o}): chmod 600 {shlex.quote(file)}")
