"""Reads a backup: checks it, or makes a new data folder of it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from .. import identity
from ..exits import Exit
from ..journal import format as fmt
from ..journal.fence import replace_file, watermark_file
from ..journal.files import JournalError, Position, sync_directory
from ..journal.snapshots import read_snapshot
from ..journal.walk import Walk
from .cut import Target, cut
from .seals import BackupError, Key
from .vault import Backup, File, Progress, Vault, sentence


@contextmanager
def opened(folder: Path, key: Key | None) -> Iterator[Vault]:
    """A vault for reading; what the operating system says becomes a BackupError."""
    try:
        with Vault(folder, key, "read") as vault:
            yield vault
    except OSError as error:
        raise sentence(error, folder) from error


def verify(vault: Vault, backup: Backup, progress: Progress | None = None) -> int:
    """Read every piece of a backup and check it; returns the bytes. Raises BackupError for the first that is missing or damaged, OSError."""
    total = sum(size for file in backup.files for _, size, _ in file.pieces)
    done = 0
    for file in backup.files:
        for _, raw in vault.pieces(backup, file):
            done += len(raw)
            if progress is not None:
                progress(done, total)
    return done


def restore(
    vault: Vault, name: str, data: Path, *, target: Target = Target(), wish: identity.Wish = "", progress: Progress | None = None
) -> tuple[Backup, Position]:
    """Make the new data folder `data` from a backup; returns where its journal ends. target: up to which row or time. wish: whose identity it has; none:
    its first start asks. Raises BackupError, and leaves nothing then; OSError."""
    backup = vault.read(name)
    _refuse_other_range(vault, backup, target)
    _refuse_place(data)
    was = identity.Identity(folder_id=backup.folder_id, path=backup.path)
    if wish == identity.REPLACE:
        _refuse_living(was, data)
    existed = data.exists()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data.chmod(0o700)
    marker = data / identity.RESTORING
    _remove_all(data, but=marker)
    with ExitStack() as undo:
        undo.callback(_forget, data, marker, existed)
        os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_directory(data)
        try:
            end = _fill(vault, backup, data, target, progress)
        except (JournalError, fmt.BadBytes) as error:
            raise BackupError(Exit.RECOVERY, f"backup {backup.name} was not restored: {error}") from error
        if wish == identity.REPLACE:
            _refuse_living(was, data)
        identity.write(data, _identity(was, data, wish))
        if wish == identity.REPLACE:
            identity.fence(was, data)  # only now: what was restored is whole
        os.unlink(marker)
        sync_directory(data)
        undo.pop_all()
    return backup, end


def _forget(data: Path, marker: Path, existed: bool) -> None:
    """Leave nothing of a restore that failed."""
    _remove_all(data, but=marker)
    marker.unlink(missing_ok=True)
    if not existed:
        os.rmdir(data)


def _identity(was: identity.Identity, data: Path, wish: identity.Wish) -> identity.Identity:
    """The folder has no place yet, unless it was said which server it is: then its next start takes it as it is, with a raised epoch."""
    if not wish:
        return was
    told = identity.as_new(was) if wish == identity.AS_NEW else identity.replacing(was)
    return msgspec.structs.replace(identity.at(told, identity.place_of(data)), raise_epoch=True)


def _refuse_living(was: identity.Identity, data: Path) -> None:
    try:
        identity.refuse_living(was, data, "--replace")
    except identity.IdentityRefused as error:
        raise BackupError(error.code, str(error)) from error


def _refuse_other_range(vault: Vault, backup: Backup, target: Target) -> None:
    """Raises BackupError if the backup begins after what is asked for, naming those that hold it."""
    if target.row >= 0 and not backup.first_row <= target.row <= backup.rows:
        what = f"row {target.row}", f"it restores rows {backup.first_row} to {backup.rows}"
        good = [other.name for other in vault.backups() if other.first_row <= target.row <= other.rows]
    elif target.time_ns >= 0 and target.time_ns < backup.first_ns:
        what = "that time", "its snapshot is from a later one"
        good = [other.name for other in vault.backups() if other.first_ns <= target.time_ns and other.age < backup.age]
    else:
        return
    raise BackupError(
        Exit.FAILED, f"backup {backup.name} does not hold {what[0]}: {what[1]}. " + (f"Use {good[-1]}" if good else "No backup here does")
    )


def _refuse_place(data: Path) -> None:
    if not data.exists():
        return
    if not data.is_dir():
        raise BackupError(Exit.FAILED, f"{data} is a file: name a folder that does not exist or is empty")
    if process := identity.holder(data / "journal"):
        raise BackupError(
            Exit.LOCKED, f"{data} is the data folder of a running server (process {process}): a backup is restored into a new folder only"
        )
    names = {entry.name for entry in os.scandir(data)}
    if names - {"lost+found"} and identity.RESTORING not in names:
        raise BackupError(Exit.FAILED, f"{data} is not empty: a backup is restored into a new folder only, never over another one")


def _remove_all(data: Path, but: Path) -> None:
    for folder, folders, files in os.walk(data, topdown=False):
        if Path(folder).is_relative_to(data / "lost+found"):
            continue
        for name in files:
            path = Path(folder, name)
            if path != but:
                os.unlink(path)
        for name in folders:
            if not (Path(folder) == data and name == "lost+found"):
                os.rmdir(Path(folder, name))


def _fill(vault: Vault, backup: Backup, data: Path, target: Target, progress: Progress | None) -> Position:
    total, done = sum(size for file in backup.files for _, size, _ in file.pieces), 0
    for name in ("journal", "snapshots", "events"):
        (data / name).mkdir(mode=0o700)
    for file in backup.files:
        path = _inside(data, file)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if file.size:
                os.posix_fallocate(fd, 0, file.size)  # the server writes on in the last segment
            for at, raw in vault.pieces(backup, file):
                _write_at(fd, raw, at)
                done += len(raw)
                if progress is not None:
                    progress(done, total)
            os.fsync(fd)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        finally:
            os.close(fd)
    journal = data / "journal"
    end = Position(backup.segment, backup.offset, backup.rows, backup.chain, backup.epoch)
    _write_mark(journal, end, backup.server_id)
    start = read_snapshot(data / "snapshots" / backup.snapshot).position if backup.snapshot else None
    if target.row >= 0 or target.time_ns >= 0:
        end = cut(journal, start, target, backup.server_id, backup.logic)
        end = replace(end, epoch=backup.epoch)
        _write_mark(journal, end, backup.server_id)
    walk = Walk(journal, start=start, server_id=backup.server_id, logic=backup.logic)
    for _ in walk:
        continue
    assert walk.tail is not None
    if walk.tail.cut_bytes or walk.tail.position.seq != end.seq or walk.tail.position.chain != end.chain:
        raise BackupError(
            Exit.RECOVERY, f"backup {backup.name} was not restored: its journal does not end at row {end.seq} as its manifest says"
        )
    for folder, _, _ in os.walk(data):
        sync_directory(Path(folder))
    return end


def _inside(data: Path, file: File) -> Path:
    """Raises BackupError for a name that leads out of the folder."""
    parts = Path(file.path).parts
    if not parts or Path(file.path).is_absolute() or ".." in parts:
        raise BackupError(Exit.FAILED, f'the manifest has a file "{file.path[:200]}", which lies outside of the data folder')
    return data / file.path


def _write_at(fd: int, raw: bytes, at: int) -> None:
    view = memoryview(raw)
    while len(view):
        done = os.pwrite(fd, view, at)
        view, at = view[done:], at + done


def _write_mark(journal: Path, end: Position, server_id: int) -> None:
    mark = fmt.Watermark(server_id, end.epoch, end.seq, end.segment, end.offset, end.chain)
    replace_file(journal / "watermark", watermark_file(mark))
