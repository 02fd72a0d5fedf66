"""kill -9 at every call of create and restore, and a disk that is full at every call."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from exchange_server import identity
from exchange_server.backup.restore import opened, restore, verify
from exchange_server.backup.seals import BackupError
from exchange_server.exits import Exit

from .kit import Source, backup, counted, holds, killed_at, state_after


@pytest.fixture
def source(tmp_path: Path) -> Source:
    made = Source(tmp_path / "data")
    made.trade(10)
    made.snapshot()
    made.trade(25)
    return made


def whole(dest: Path) -> list[str]:
    """Every backup that is listed can be read completely."""
    if not (dest / "vault.json").exists():
        return []
    with opened(dest, None) as vault:
        for name in vault.names():
            verify(vault, vault.read(name))
        return vault.names()


def test_kill_9_at_every_call_of_create(tmp_path: Path, source: Source) -> None:
    """What is listed is whole; the next create cleans up, uses what is there, and restores."""
    dest = tmp_path / "dest"
    backup(source, dest, now_ns=10**18)
    shutil.copytree(dest, tmp_path / "first")
    source.trade(20)
    source.snapshot()
    source.trade(5)
    wanted = state_after(source.data, source.rows)
    for begin in ("first", "nothing"):
        n = 0
        while True:
            n += 1
            shutil.rmtree(dest, ignore_errors=True)
            if begin == "first":
                shutil.copytree(tmp_path / "first", dest)
            killed = killed_at(n, lambda: backup(source, dest, now_ns=2 * 10**18))
            listed = whole(dest) if not killed or (dest / "lock").exists() else []
            assert len(listed) in (0, 1, 2)
            if not killed or n % 5 == 0:
                again = backup(source, dest, now_ns=3 * 10**18)
                assert whole(dest)[-1] == again.name and not list((dest / "partial").iterdir())
                used = {name for one in _read(dest) for file in one.files for name, _, _ in file.pieces} - {""}
                assert {path.name for path in (dest / "objects").glob("??/*")} == used, "leftovers are cleaned"
                with opened(dest, None) as vault:
                    restore(vault, again.name, tmp_path / "back")
                holds(tmp_path / "back", *wanted)
                shutil.rmtree(tmp_path / "back")
            if not killed:
                break
        assert n > 20
    source.end()


def _read(dest: Path) -> list:  # type: ignore[type-arg]
    with opened(dest, None) as vault:
        return [vault.read(name) for name in vault.names()]


def test_kill_9_at_every_call_of_restore(tmp_path: Path, source: Source) -> None:
    """Half a folder does not start, and is restored anew; a whole one starts."""
    dest, back = tmp_path / "dest", tmp_path / "back"
    made = backup(source, dest)
    wanted = state_after(source.data, made.rows)
    source.end()

    def work() -> None:
        with opened(dest, None) as vault:
            restore(vault, "newest", back, wish="as-new")

    n = 0
    while True:
        n += 1
        shutil.rmtree(back, ignore_errors=True)
        killed = killed_at(n, work)
        try:
            start = identity.look(back, "") if (back / "journal").exists() else None
        except identity.IdentityRefused as error:
            assert killed and error.code == Exit.RECOVERY and "its restore was interrupted" in str(error)
        else:
            assert start is None or start.skip_epochs == identity.EPOCHS
            if start is not None:
                holds(back, *wanted)
                shutil.rmtree(back)
        work()
        if n % 5 == 0 or not killed:
            holds(back, *wanted)
        if not killed:
            break
    assert n > 20


@pytest.mark.parametrize("what", ["create", "restore"])
def test_a_disk_that_is_full_at_every_call(tmp_path: Path, source: Source, what: str) -> None:
    """Named, with its exit code; nothing is left that could be taken for a backup or a data folder, and with space it works."""
    dest, back = tmp_path / "dest", tmp_path / "back"

    def full(name: str) -> None:
        if name in ("open", "write", "pwrite", "fsync", "mkdir", "posix_fallocate", "rename"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if what == "restore":
        backup(source, dest)
    n = failed = 0
    while True:
        n += 1
        if what == "create":
            shutil.rmtree(dest, ignore_errors=True)
        try:
            with counted(n, full) as calls:
                if what == "create":
                    backup(source, dest)
                else:
                    with opened(dest, None) as vault:
                        restore(vault, "newest", back, wish="as-new")
        except BackupError as error:
            assert error.code in (Exit.SPACE, Exit.FAILED) and "full" in str(error) or "No space left" in str(error), str(error)
            failed += 1
            if what == "create":
                assert not (dest / "lock").exists() or len(whole(dest)) <= 1, "only the last call can fail after the backup is listed"
            else:
                assert not back.exists() or not any(back.iterdir())
        else:
            if len(calls) < n:
                break
            shutil.rmtree(back, ignore_errors=True)
    assert failed > 20
    source.end()
