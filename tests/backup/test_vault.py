"""Every damage of what is kept is named; places where no backup goes."""

from pathlib import Path

import pytest

from exchange_server.backup.create import create
from exchange_server.backup.restore import opened, verify
from exchange_server.backup.seals import BackupError, Key
from exchange_server.exits import Exit

from .kit import KEY, Source, backup, restored


@pytest.mark.parametrize("key", [None, KEY])
def test_every_damage_of_an_object_is_named_and_nothing_is_restored(tmp_path: Path, source: Source, key: Key | None) -> None:
    dest = tmp_path / "dest"
    made = backup(source, dest, key)
    objects = sorted((dest / "objects").glob("??/*"))
    for i, path in enumerate(objects):
        whole = path.read_bytes()
        for how in range(5):
            if how == 0:
                path.unlink()
            elif how == 1:
                path.write_bytes(whole[:-1])
            elif how == 2:
                path.write_bytes(b"")
            elif how == 3:
                at = (i * 7919) % len(whole)
                path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            else:
                path.write_bytes(objects[i - 1].read_bytes() if i else objects[1].read_bytes())
            with opened(dest, key) as vault, pytest.raises(BackupError, match=f"bytes .*{path.name}.* is (missing|damaged)"):
                verify(vault, vault.read(made.name))
            path.write_bytes(whole)
    with opened(dest, key) as vault:
        verify(vault, vault.read(made.name))
    objects[0].unlink()
    with pytest.raises(BackupError):
        restored(dest, tmp_path / "back", key=key)
    assert not (tmp_path / "back").exists()
    source.end()


@pytest.mark.parametrize("key", [None, KEY])
def test_a_damaged_manifest_is_named_and_stops_the_next_create(tmp_path: Path, source: Source, key: Key | None) -> None:
    dest = tmp_path / "dest"
    made = backup(source, dest, key)
    path = dest / "backups" / f"{made.name}.backup"
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:60] + bytes([whole[60] ^ 4]) + whole[61:], b""):
        path.write_bytes(content)
        with opened(dest, key) as vault, pytest.raises(BackupError, match=f"manifest {path}"):
            vault.read(made.name)
        with pytest.raises(BackupError, match=f"manifest {path}"):
            backup(source, dest, key)
    other = dest / "backups" / "20200101T000000Z-1.backup"
    path.write_bytes(whole)
    other.write_bytes(whole)  # a manifest under another name
    with opened(dest, key) as vault, pytest.raises(BackupError, match=f"manifest {other}"):
        vault.read(other.stem)
    source.end()


@pytest.mark.parametrize(
    ("dest", "text"),
    [("data/backups", "a backup belongs on another disk"), ("busy", "holds other things"), ("wide", "can be used by others")],
)
def test_places_where_no_backup_goes(tmp_path: Path, source: Source, dest: str, text: str) -> None:
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy" / "x").touch()
    (tmp_path / "wide").mkdir()
    (tmp_path / "wide").chmod(0o755)
    with pytest.raises(BackupError, match=text):
        backup(source, tmp_path / dest)
    source.end()


def test_a_vault_in_use_and_folders_that_are_none(tmp_path: Path, source: Source) -> None:
    dest = tmp_path / "dest"
    backup(source, dest)
    with opened(dest, None), pytest.raises(BackupError, match="is in use by another exos backup") as refused:
        backup(source, dest)
    assert refused.value.code == Exit.LOCKED
    with pytest.raises(BackupError, match="holds no backups"), opened(tmp_path, None):
        pass
    with pytest.raises(BackupError, match="it has no journal"):
        create(tmp_path, dest)
    with opened(dest, None) as vault, pytest.raises(BackupError, match="has no backup nonsense: there are 2"):
        vault.read("nonsense")
    source.end()


def test_the_newest_is_the_one_that_holds_the_most_whatever_the_clock_said(tmp_path: Path, source: Source) -> None:
    dest = tmp_path / "dest"
    first = backup(source, dest, now_ns=3 * 10**18)  # the clock was wrong
    source.trade(5)
    second = backup(source, dest, now_ns=10**18)
    assert second.rows > first.rows and second.name < first.name
    with opened(dest, None) as vault:
        assert [one.name for one in vault.backups()] == [first.name, second.name] and vault.read("newest").name == second.name
    path = dest / "backups" / f"{first.name}.backup"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with opened(dest, None) as vault:
        with pytest.raises(BackupError, match=f"manifest {path}.* Which backup is the newest cannot be said: name one"):
            vault.read("newest")
        assert vault.read(second.name).rows == second.rows
    source.end()


def test_with_backups_of_two_servers_there_is_no_newest(tmp_path: Path, source: Source) -> None:
    dest = tmp_path / "dest"
    first = backup(source, dest)
    restored(dest, tmp_path / "drill", wish="as-new")
    second = create(tmp_path / "drill", dest, rows_per_event_file=64, events_wait_s=0.0)
    with opened(dest, None) as vault, pytest.raises(BackupError, match="holds backups of 2 servers: name one") as refused:
        vault.read("newest")
    assert first.name in str(refused.value) and second.name in str(refused.value)
    source.end()
