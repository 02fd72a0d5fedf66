"""`exos backup create|list|verify|restore|key`: backups of a data folder while its server runs, and new folders made of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..exits import Exit
from .command import Noun
from .common import FILE, CommandError, Number
from .connect import data_option
from .output import Result, pairs, say, table
from .progress import loading_kernels, progress
from .times import moment, utc

if TYPE_CHECKING:
    from ..backup.seals import Key
    from ..backup.vault import Backup

backup = Noun("backup", "back up a data folder while its server runs; list, verify and restore backups")
dest_argument = click.argument("dest", type=FILE, metavar="DEST")


def key_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--key", type=FILE, metavar="FILE", help="The key file of encrypted backups (exos backup key).")(command)


@contextmanager
def named() -> Iterator[None]:
    """What the package refuses becomes the command's error."""
    from ..backup.seals import BackupError

    try:
        yield
    except BackupError as error:
        raise CommandError(error.code, str(error)) from error


def key_of(path: Path | None) -> "Key | None":
    from ..backup.seals import read_key_file

    return read_key_file(path) if path is not None else None


def data_of(found: "Backup") -> dict[str, Any]:
    """A backup for --json."""
    return {
        "name": found.name, "made_ns": found.made_ns, "folder_id": found.folder_id, "path": found.path, "first_row": found.first_row, "rows": found.rows,
        "epoch": found.epoch, "logic": found.logic, "snapshot": found.snapshot, "files": len(found.files), "bytes": found.raw_bytes,
        "new_bytes": found.new_bytes, "notes": found.notes,
    }  # fmt: skip


@backup.verb(
    "create",
    "back up a data folder, whether its server runs or not",
    details="DEST is a folder for backups, on another disk. The first backup copies all that is needed; a later one adds what is new. A backup is listed "
    "when it is whole.",
    examples=(
        "exos backup create /mnt/backup --data /srv/exos",
        "exos backup create /mnt/backup --data /srv/exos --key /etc/exos/backup.key",
    ),
    slow=True,
)
@dest_argument
@data_option
@key_option
def create(dest: Path, data: Path, key: Path | None) -> Result:
    from .. import data_folder

    with named():
        secret = key_of(key)
        if data.is_dir():
            try:
                data_folder.check(data)
            except data_folder.FolderOpen as error:
                raise CommandError(Exit.CONFIG, str(error)) from error
        with loading_kernels():
            from ..backup import create as module
        with progress("copying", "bytes") as at:
            made = module.create(data, dest, secret, progress=at)
    say(
        f"backup {made.name}: rows {made.first_row} to {made.rows}, {made.raw_bytes} bytes in {len(made.files)} files, {made.new_bytes} bytes added to {dest}"
    )
    for note in made.notes:
        say(f"note: {note}")
    return Result(data_of(made))


@backup.verb("list", "list the backups in a folder, oldest first", examples=("exos backup list /mnt/backup",))
@dest_argument
@key_option
def list_(dest: Path, key: Path | None) -> Result:
    from ..backup import restore as module

    with named(), module.opened(dest, key_of(key)) as vault:
        found = vault.backups()
    table(
        ("NAME", "MADE", ">FROM ROW", ">TO ROW", ">BYTES", ">ADDED", "SERVER"),
        [(b.name, utc(b.made_ns), b.first_row, b.rows, b.raw_bytes, b.new_bytes, b.folder_id[:8]) for b in found],
    )
    return Result([data_of(b) for b in found])


@backup.verb(
    "verify",
    "read every piece of one backup, or of all, and check it",
    details="NAME is a name from the list, or newest. Without it all backups are checked.",
    examples=("exos backup verify /mnt/backup", "exos backup verify /mnt/backup newest"),
    slow=True,
)
@dest_argument
@click.argument("name", required=False, default="")
@key_option
def verify(dest: Path, name: str, key: Path | None) -> Result:
    from ..backup import restore as module

    checked = []
    with named(), module.opened(dest, key_of(key)) as vault:
        for one in [name] if name else vault.names():
            found = vault.read(one)
            with progress(f"checking {found.name}", "bytes") as at:
                size = module.verify(vault, found, at)
            say(f"backup {found.name} is whole: {size} bytes in {len(found.files)} files")
            checked.append({"name": found.name, "bytes": size})
    if not checked:
        raise CommandError(Exit.FAILED, f"{dest} holds no backup")
    return Result(checked)


@backup.verb(
    "restore",
    "make a new data folder from a backup",
    details="NAME is a name from the list, or newest. NEWDIR must not exist, or be empty. The restored folder is another server: with --as-new it gets an id "
    "of its own, with --replace it takes the old one's place, which must be gone; with neither its first start asks.",
    examples=(
        "exos backup restore /mnt/backup newest /srv/exos-drill --as-new",
        "exos backup restore /mnt/backup newest /srv/exos --replace",
        "exos backup restore /mnt/backup newest /srv/exos-then --time 2026-07-19T21:40:00Z --as-new",
    ),
    slow=True,
)
@dest_argument
@click.argument("name")
@click.argument("newdir", type=FILE)
@click.option("--row", type=Number("row"), metavar="N", help="End at the last whole turn within the first N rows.")
@click.option("--time", "at_time", metavar="T", help="End at the last whole turn up to this time (UTC).")
@click.option("--as-new", is_flag=True, help="The restored folder is a server of its own.")
@click.option("--replace", is_flag=True, help="It takes the place of the old server, which is gone for good.")
@key_option
def restore(
    dest: Path, name: str, newdir: Path, row: int | None, at_time: str | None, as_new: bool, replace: bool, key: Path | None
) -> Result:
    if row is not None and at_time is not None:
        raise CommandError(Exit.USAGE, "--row and --time: give one of them")
    if as_new and replace:
        raise CommandError(Exit.USAGE, "--as-new and --replace: a folder is either a new server or takes the old one's place")
    time_ns = moment(at_time, "--time") if at_time is not None else -1
    with named():
        secret = key_of(key)
        with loading_kernels():
            from ..backup import restore as module
            from ..backup.cut import Target
        target = Target(-1 if row is None else row, time_ns)
        with module.opened(dest, secret) as vault, progress("restoring", "bytes") as at:
            found, end = module.restore(
                vault, name, newdir, target=target, wish="as-new" if as_new else "replace" if replace else "", progress=at
            )
    start = f"exos serve --data {newdir}" + (
        "" if as_new or replace else " --as-new (a server of its own) or --replace (the old one is gone)"
    )
    say(f"restored {found.name} to {newdir}: {end.seq} rows. Start it: {start}")
    return Result({"name": found.name, "data": str(newdir), "rows": end.seq, "folder_id": found.folder_id, "start": start})


@backup.verb(
    "key",
    "make a key file for encrypted backups",
    details="Keep a copy of it elsewhere: without it nobody can read the backups.",
    examples=("exos backup key /etc/exos/backup.key",),
)
@click.argument("file", type=FILE)
def key(file: Path) -> Result:
    from ..backup.seals import make_key_file

    with named():
        make_key_file(file)
    pairs([("key file", file)])
    say("Keep a copy of it where the backups are not: without it nobody can read them.")
    return Result({"file": str(file)})
