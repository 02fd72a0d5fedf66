"""A model of the disks under a server's folder and its archive: what a power cut leaves of them.

Bytes reach the disk when their file is synced, or by chance in whole sectors without a sync; names when their folder is synced, or by chance in the order in which they were
made. The system calls of this process are recorded, those of the journal's writer kernel too (they come through tests/journal/kit.Faulty). The watermark is mapped memory:
it may be written at any time. The event store is taken as it is: all of it can be made again, and tests/journal/test_event_store.py cuts it.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECTOR = 512
NAMES = ("open", "write", "pwrite", "ftruncate", "posix_fallocate", "fsync", "fdatasync", "rename", "replace", "unlink", "mkdir")


@dataclass
class File:
    """Its bytes on the disk, and what was not synced: (offset, data), or (size, None) for a change of its size."""

    disk: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def put(self, content: bytearray, at: int, data: bytes | None) -> None:
        if data is None:
            del content[at:]
            content.extend(bytes(at - len(content)))
        else:
            content.extend(bytes(max(0, at + len(data) - len(content))))
            content[at : at + len(data)] = data

    def sync(self) -> None:
        for at, data in self.pending:
            self.put(self.disk, at, data)
        self.pending.clear()

    def cut(self, rng: random.Random) -> bytes:
        """Any sectors of what was not synced may have been written, in any order."""
        content, luck = bytearray(self.disk), rng.choice((0.0, 0.2, 0.5, 0.9, 1.0))
        for at, data in self.pending:
            end = at + (len(data) if data is not None else 0)
            while data is not None and at < end:
                step = min(SECTOR - at % SECTOR, end - at)
                if rng.random() < luck:
                    self.put(content, at, data[len(data) - (end - at) :][:step])
                at += step
            if data is None and rng.random() < luck:
                self.put(content, at, None)
        return bytes(content)


@dataclass
class Folder:
    """Names on the disk, and changes that are not synced: (name, its file or None: it is gone, the name that it had before)."""

    disk: dict[str, File] = field(default_factory=dict)
    pending: list[tuple[str, File | None, str]] = field(default_factory=list)

    def after(self, changes: int) -> dict[str, File]:
        names = dict(self.disk)
        for name, file, before in self.pending[:changes]:
            names.pop(before, None)
            names.pop(name, None)
            if file is not None:
                names[name] = file
        return names

    def sync(self) -> None:
        self.disk = self.after(len(self.pending))
        self.pending.clear()


class Power:
    """The disks below `root`, as they are now. honest: a sync really syncs. before: called before each call; synced: after a file was synced, with its name."""

    def __init__(self, root: Path, honest: bool = True) -> None:
        self.root = os.path.realpath(root)
        self.honest = honest
        self.before: Callable[[], None] = lambda: None
        self.synced: Callable[[str], None] = lambda name: None
        self.folders: dict[str, Folder] = {}
        self._inodes: dict[int, File] = {}
        self._real = {name: getattr(os, name) for name in NAMES}
        for place, _, names in os.walk(self.root):
            self.folders[place] = Folder()
            for name in names:
                path = os.path.join(place, name)
                file = self._inodes[os.stat(path).st_ino] = File(bytearray(Path(path).read_bytes()))
                self.folders[place].disk[name] = file

    # ---- the calls ----------------------------------------------------------------------------------------------------
    @contextmanager
    def recording(self) -> Iterator[None]:
        """Meanwhile the calls of this process are recorded."""
        for name in NAMES:
            setattr(os, name, getattr(self, f"_{name}"))
        try:
            yield
        finally:
            for name, call in self._real.items():
                setattr(os, name, call)

    def _place(self, path: Any) -> tuple[str, str]:
        """(folder, name) of a path that is recorded; ("", ""): it is not."""
        folder, name = os.path.split(os.path.abspath(os.fspath(path)))
        folder = os.path.realpath(folder)
        return (folder, name) if folder in self.folders and os.path.basename(folder) != "events" else ("", "")

    def _file(self, fd: int) -> File | None:
        return self._inodes.get(os.fstat(fd).st_ino) if os.readlink(f"/proc/self/fd/{fd}").startswith(self.root) else None

    def _open(self, path: Any, flags: int, *more: Any, **named: Any) -> int:
        folder, name = self._place(path)
        there = bool(folder) and os.path.lexists(path)
        if folder and (flags & (os.O_CREAT | os.O_TRUNC)):
            self.before()
        fd: int = self._real["open"](path, flags, *more, **named)
        if folder and not there:
            file = self._inodes[os.fstat(fd).st_ino] = File()
            self.folders[folder].pending.append((name, file, name))
        elif folder and flags & os.O_TRUNC and (known := self._file(fd)) is not None:
            known.pending.append((0, None))
        return fd

    def _changed(self, fd: int, at: int, data: bytes | None) -> None:
        if (file := self._file(fd)) is not None:
            file.pending.append((at, data))

    def _write(self, fd: int, data: Any) -> int:
        known = self._file(fd) is not None
        if known:
            self.before()
        at = os.lseek(fd, 0, os.SEEK_CUR) if known else 0
        done: int = self._real["write"](fd, data)
        if known:
            self._changed(fd, at, bytes(memoryview(data)[:done]))
        return done

    def _pwrite(self, fd: int, data: Any, at: int) -> int:
        self.before()
        done: int = self._real["pwrite"](fd, data, at)
        self._changed(fd, at, bytes(memoryview(data)[:done]))
        return done

    def _ftruncate(self, fd: int, size: int) -> None:
        self.before()
        self._real["ftruncate"](fd, size)
        self._changed(fd, size, None)

    def _posix_fallocate(self, fd: int, at: int, size: int) -> None:
        self._real["posix_fallocate"](fd, at, size)
        if at + size >= os.fstat(fd).st_size:
            self._changed(fd, at + size, None)

    def _fsync(self, fd: int) -> None:
        self.before()
        path = os.readlink(f"/proc/self/fd/{fd}")
        self.synced(os.path.basename(path))
        if not self.honest:
            return
        if path in self.folders:
            self.folders[path].sync()
        elif (file := self._file(fd)) is not None:
            self._remember_mark(path, file)
            file.sync()

    _fdatasync = _fsync

    def _rename(self, source: Any, target: Any) -> None:
        folder, name = self._place(target)
        if folder:
            self.before()
        file = self._inodes.get(os.stat(source).st_ino)
        self._real["rename"](source, target)
        if folder and file is not None:
            self.folders[folder].pending.append((name, file, os.path.basename(os.fspath(source))))

    _replace = _rename

    def _unlink(self, path: Any, **named: Any) -> None:
        folder, name = self._place(path)
        if folder:
            self.before()
        self._real["unlink"](path, **named)
        if folder:
            self.folders[folder].pending.append((name, None, name))

    def _mkdir(self, path: Any, *more: Any, **named: Any) -> None:
        self._real["mkdir"](path, *more, **named)
        if (place := os.path.realpath(path)).startswith(self.root):
            self.folders[place] = Folder()  # a folder is there at once: the first start syncs those that count

    @staticmethod
    def _remember_mark(path: str, file: File) -> None:
        if os.path.basename(path) == "watermark":
            file.pending = [(0, Path(path).read_bytes())]

    # ---- the cut --------------------------------------------------------------------------------------------------------
    def cut(self, target: Path, rng: random.Random) -> None:
        """What is left of all of it, as a copy of the root."""
        for place, folder in self.folders.items():
            copy = Path(target, os.path.relpath(place, self.root))
            copy.mkdir(parents=True, exist_ok=True)
            if copy.name == "events":
                shutil.copytree(place, copy, dirs_exist_ok=True)
                continue
            for name, file in folder.after(rng.randint(0, len(folder.pending))).items():
                if name == "watermark":
                    self._remember_mark(os.path.join(place, name), file)
                fd = self._real["open"](copy / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                self._real["write"](fd, file.cut(rng))
                os.close(fd)
