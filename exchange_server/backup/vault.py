"""The folder that backups are kept in.

    vault.json                 format, and which key if it is encrypted
    lock                       held with flock: by one `create`, or by any number of readers
    backups/NAME.backup        the manifest of one backup: complete or absent
    objects/ab/abcd...         the pieces of all backups, each once, named by their content
    partial/                   what is being written; emptied by the next `create`

Pieces are synced and get their names before the manifest that lists them: a backup that is listed is whole, whatever was killed when. Pieces
that no manifest lists (of a `create` that was killed, or of a manifest that was deleted) are deleted by the next `create`.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import msgspec

from ..exits import Exit
from ..journal.files import sync_directory
from .seals import BackupError, Damaged, Key, name_of, seal, unseal

FORMAT = 1
CHUNK = 4 << 20
MANIFEST_MOST = 1 << 30
SUFFIX = ".backup"
NEWEST = "newest"


class About(msgspec.Struct, forbid_unknown_fields=True):
    """vault.json. `check`: which key; empty: not encrypted."""

    format: int
    check: str = ""


class File(msgspec.Struct, array_like=True):
    """A file of the data folder: its first bytes as pieces, zeros up to `size`. A piece: [name ("": zeros), bytes, bytes as kept]."""

    path: str
    size: int
    pieces: list[tuple[str, int, int]]


class Backup(msgspec.Struct, kw_only=True):
    """A manifest. Rows are counted from 0: it restores any state with `first_row` to `rows` rows applied."""

    name: str
    made_ns: int
    folder_id: str
    path: str
    server_id: int
    logic: int
    snapshot: str  # file name; empty: none, the segments begin at 1
    first_row: int
    first_ns: int  # exchange time of the snapshot
    rows: int
    event_seq: int  # events before it are in the event files
    segment: int
    offset: int
    chain: bytes
    epoch: int
    files: list[File]
    notes: list[str] = []
    new_bytes: int = 0  # that this backup added to the vault

    @property
    def age(self) -> tuple[int, int, int, str]:
        """What is greater is newer: each start raises the epoch, also one that goes on from an earlier row."""
        return self.epoch, self.rows, self.made_ns, self.name

    @property
    def raw_bytes(self) -> int:
        """Bytes of its files, without the zeros after the end of the journal."""
        return sum(size for file in self.files for _, size, _ in file.pieces)


class Vault:
    """One vault, opened and locked. Use as a context."""

    def __init__(self, folder: Path, key: Key | None, mode: Literal["create", "read"]) -> None:
        """create: makes the folder, or cleans up what a killed one left. Raises BackupError, OSError."""
        self.folder = folder
        self.key = key
        self._unsynced: set[Path] = set()
        if mode == "create":
            self._prepare()
        elif not (folder / "vault.json").is_file():
            raise BackupError(Exit.FAILED, f"{folder} holds no backups: it was not made by exos backup create")
        self._lock = self._take_lock(mode == "create")
        with ExitStack() as undo:
            undo.callback(os.close, self._lock)
            if mode == "create":
                self._begin()
            self._refuse_wrong_key()
            undo.pop_all()

    def __enter__(self) -> "Vault":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    # ---- opening ----------------------------------------------------------------------------------------------------
    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {entry.name for entry in os.scandir(self.folder)}
        if "vault.json" not in names and names - {"lock", "vault.json.tmp", "lost+found"}:
            raise BackupError(Exit.FAILED, f"{self.folder} holds other things and no backups: name a folder of its own")
        bits = self.folder.stat().st_mode & 0o077
        if bits and self.key is None:
            raise BackupError(
                Exit.CONFIG, f"{self.folder} can be used by others, and the backup is not encrypted: chmod 700 {self.folder}, or give --key"
            )

    def _take_lock(self, alone: bool) -> int:
        flags = os.O_RDWR | os.O_CREAT if alone else os.O_RDONLY
        fd = os.open(self.folder / "lock", flags | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise BackupError(Exit.LOCKED, f"{self.folder} is in use by another exos backup: try again when it is done") from None
        return fd

    def _begin(self) -> None:
        if not (self.folder / "vault.json").exists():
            about = About(FORMAT, self.key.check if self.key is not None else "")
            self._write_whole(self.folder / "vault.json", self.folder / "vault.json.tmp", msgspec.json.encode(about) + b"\n")
        for name in ("backups", "objects", "partial"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        sync_directory(self.folder)
        for leftover in (*(self.folder / "partial").iterdir(), *(self.folder / "backups").glob("*.tmp")):
            os.unlink(leftover)

    def _refuse_wrong_key(self) -> None:
        try:
            about = msgspec.json.decode((self.folder / "vault.json").read_bytes(), type=About)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BackupError(Exit.FAILED, f"{self.folder / 'vault.json'} is damaged: {error}") from error
        if about.format != FORMAT:
            raise BackupError(Exit.FAILED, f"{self.folder} has backups of format {about.format}; this program reads {FORMAT}")
        if about.check and self.key is None:
            raise BackupError(Exit.CONFIG, f"the backups in {self.folder} are encrypted: give their key file (--key FILE)")
        if self.key is not None and not about.check:
            raise BackupError(Exit.CONFIG, f"the backups in {self.folder} are not encrypted: leave out --key, or name another folder")
        if self.key is not None and about.check != self.key.check:
            raise BackupError(Exit.CONFIG, f"the backups in {self.folder} are encrypted with another key than this one")

    # ---- writing ------------------------------------------------------------------------------------------------------
    def put(self, raw: bytes, kept: dict[str, int]) -> tuple[str, int, int, int]:
        """Keep a piece: (name, bytes, bytes as kept, bytes added). kept: what the manifests say of the pieces that are here. Raises OSError."""
        name = name_of(raw, self.key)
        path = self._object(name)
        try:
            have = path.stat().st_size
        except FileNotFoundError:
            have = -1
        if have >= 0 and kept.get(name, have) == have and (name in kept or self._is_whole(name, path, len(raw))):
            if name not in kept:  # a killed `create` may not have synced its name
                self._unsynced |= {path.parent, path.parent.parent}
            return name, len(raw), have, 0
        data = seal(raw, name, self.key)
        folder = path.parent
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            self._unsynced.add(folder.parent)
        self._write_whole(path, self.folder / "partial" / name, data)
        self._unsynced.add(folder)
        kept[name] = len(data)
        return name, len(raw), len(data), len(data)

    def _is_whole(self, name: str, path: Path, size: int) -> bool:
        """Of a piece that no manifest lists: a killed `create` left it."""
        try:
            return len(unseal(path.read_bytes(), name, self.key, size)) == size
        except Damaged:
            return False

    def commit(self, backup: Backup) -> None:
        """List a backup whose pieces are all here. Raises OSError."""
        for folder in sorted(self._unsynced):
            sync_directory(folder)
        self._unsynced.clear()
        data = seal(msgspec.json.encode(backup), f"backup {backup.name}", self.key)
        folder = self.folder / "backups"
        self._write_whole(folder / (backup.name + SUFFIX), folder / (backup.name + ".tmp"), data)
        sync_directory(folder)

    def sweep(self, used: set[str]) -> int:
        """Delete the pieces that are not in `used`; returns how many. Raises OSError."""
        gone = 0
        for path in (self.folder / "objects").glob("??/*"):
            if path.name not in used:
                os.unlink(path)
                gone += 1
        return gone

    def _write_whole(self, path: Path, temporary: Path, data: bytes) -> None:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while len(view):
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(temporary)) from error
        finally:
            os.close(fd)
        os.rename(temporary, path)

    # ---- reading ------------------------------------------------------------------------------------------------------
    def names(self) -> list[str]:
        """Names of the backups. Raises OSError."""
        return sorted(path.stem for path in (self.folder / "backups").glob("*" + SUFFIX))

    def backups(self) -> list[Backup]:
        """All manifests, oldest first: by what they hold, because a clock may have been wrong. Raises BackupError for the first that is damaged, OSError."""
        return sorted(map(self.read, self.names()), key=lambda backup: backup.age)

    def newest(self) -> Backup:
        """The backup that holds the most. Raises BackupError (there is none, or several servers' backups are here), OSError."""
        try:
            found = self.backups()
        except BackupError as error:
            raise BackupError(
                error.code, f"{error}. Which backup is the newest cannot be said: name one (exos backup list {self.folder})"
            ) from error
        if len({backup.folder_id for backup in found}) > 1:
            last = {backup.folder_id: backup.name for backup in found}
            told = ", ".join(f"{name} of the server {folder_id[:8]}" for folder_id, name in last.items())
            raise BackupError(Exit.FAILED, f"{self.folder} holds backups of {len(last)} servers: name one. The newest are {told}")
        return found[-1] if found else self.read(NEWEST)

    def read(self, name: str) -> Backup:
        """One manifest; "newest": the newest one's. Raises BackupError naming what is wrong, OSError."""
        names = self.names()
        if name == NEWEST and names:
            return self.newest()
        if name not in names:
            here = (
                f"there are {', '.join(names[-3:])}" + (f" and {len(names) - 3} older ones" if len(names) > 3 else "")
                if names
                else "there is none"
            )
            raise BackupError(Exit.FAILED, f"{self.folder} has no backup {name[:80]}: {here}")
        path = self.folder / "backups" / (name + SUFFIX)
        try:
            found = msgspec.json.decode(unseal(path.read_bytes(), f"backup {name}", self.key, MANIFEST_MOST), type=Backup)
        except Damaged as error:
            raise BackupError(Exit.FAILED, f"manifest {path}: {error}") from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BackupError(Exit.FAILED, f"manifest {path}: it was written by another version: {error}") from error
        if found.name != name:
            raise BackupError(Exit.FAILED, f"manifest {path} is that of the backup {found.name}")
        return found

    def pieces(self, backup: Backup, file: File) -> Iterator[tuple[int, bytes]]:
        """(offset, content) of a file's pieces that are not zeros. Raises BackupError naming file and place, OSError."""
        at = 0
        for name, size, _ in file.pieces:
            if name:
                yield at, self._piece(backup, file, name, at, size)
            at += size

    def _piece(self, backup: Backup, file: File, name: str, at: int, size: int) -> bytes:
        path = self._object(name)
        where = f"backup {backup.name}: {file.path}, bytes {at} to {at + size - 1}"
        try:
            raw = unseal(path.read_bytes(), name, self.key, size)
        except FileNotFoundError:
            raise BackupError(Exit.FAILED, f"{where}: the object {path} is missing") from None
        except Damaged as error:
            raise BackupError(Exit.FAILED, f"{where}: the object {path} is damaged: {error}") from error
        if len(raw) != size or name_of(raw, self.key) != name:
            raise BackupError(Exit.FAILED, f"{where}: the object {path} is damaged: it holds something else than its name says")
        return raw

    def _object(self, name: str) -> Path:
        return self.folder / "objects" / name[:2] / name


def sentence(error: OSError, folder: Path) -> BackupError:
    """A failed call of the operating system, as one sentence and its exit code."""
    where = error.filename or folder
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BackupError(
            Exit.SPACE, f"{where}: the disk is full. Nothing that was there is lost: free some space and run the command again"
        )
    return BackupError(Exit.FAILED, f"{where}: {error.strerror or error}")


Progress = Callable[[int, int], None]  # bytes done, bytes in all
