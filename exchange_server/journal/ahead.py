"""Reads and hashes the newest snapshot in a thread while the program is still being loaded, which takes as long.

`begin` is called first thing of a start; `body_hash` has the result when the snapshot is wanted. It is of exactly the file that was there then: one
that has another inode, size or time is read again by who asks. Imports nothing that loads kernels.
"""

import hashlib
import os
import threading
from pathlib import Path

HEADER_BYTES = 4096  # of a snapshot (snapshots.py)
CHUNK = 1 << 20
_State = tuple[int, int, int]


class _Ahead:
    """One file, hashed after its header."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: tuple[_State, bytes] | None = None
        self._thread = threading.Thread(target=self._read, name="snapshot-ahead", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(HEADER_BYTES)
                body = hashlib.sha256()
                while chunk := file.read(CHUNK):
                    body.update(chunk)
                self._found = _state(os.fstat(file.fileno())), body.digest()
        except OSError:
            return  # who asks reads it, and reports the error

    def result(self) -> tuple[_State, bytes] | None:
        self._thread.join()
        return self._found


def _state(stat: os.stat_result) -> _State:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


_begun: list[_Ahead] = []  # at most one


def begin(directory: Path) -> None:
    """Begin with the newest snapshot of a folder, if there is one."""
    newest = max(directory.glob("*.snap"), default=None)
    _begun[:] = [_Ahead(newest)] if newest is not None else []


def body_hash(path: Path) -> bytes | None:
    """SHA-256 of the body of this snapshot, once: it is forgotten then. None: it was not begun with, or has changed. Raises OSError."""
    if not _begun or _begun[0].path != path:
        return None
    found = _begun.pop().result()
    return found[1] if found is not None and found[0] == _state(os.stat(path)) else None
