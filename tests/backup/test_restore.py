"""What comes back is what was there, to the row, in a folder of its own that asks which server it is."""

from pathlib import Path

import numpy as np
import pytest

from exchange_server import identity
from exchange_server.backup.cut import Target
from exchange_server.backup.seals import BackupError, Key
from exchange_server.exits import Exit

from .kit import KEY, Source, backup, holds, restored, state_after


@pytest.mark.parametrize("key", [None, KEY])
def test_a_restored_folder_has_the_state_the_events_and_the_files_of_its_row(tmp_path: Path, source: Source, key: Key | None) -> None:
    made = backup(source, tmp_path / "dest", key)
    assert made.rows == source.rows and 0 < made.first_row < made.rows and made.snapshot and not made.notes
    wanted = state_after(source.data, made.rows)
    source.trade(5)  # the backup does not have them
    assert restored(tmp_path / "dest", tmp_path / "back", key=key) == made.rows
    assert (tmp_path / "back" / "tls" / "server.key").read_bytes() == b"a key"
    holds(tmp_path / "back", *wanted)
    modes = {path: path.stat().st_mode & 0o077 for top in ("dest", "back") for path in (tmp_path / top, *(tmp_path / top).rglob("*"))}
    assert not any(modes.values()), modes
    source.end()


def test_a_row_that_another_backup_holds_is_named(tmp_path: Path, source: Source) -> None:
    dest = tmp_path / "dest"
    first = backup(source, dest, now_ns=10**18)
    source.trade(10)
    source.snapshot()
    source.trade(1)
    second = backup(source, dest, now_ns=2 * 10**18)
    with pytest.raises(BackupError, match=f"{second.name} does not hold row {first.first_row}: .* Use {first.name}"):
        restored(dest, tmp_path / "x", target=Target(row=first.first_row))
    with pytest.raises(BackupError, match="No backup here does"):
        restored(dest, tmp_path / "x", target=Target(row=second.rows + 1))
    assert not (tmp_path / "x").exists()
    source.end()


def test_events_after_the_snapshot_of_another_future_are_not_in_a_restored_folder(tmp_path: Path, source: Source) -> None:
    """Rows of the event store that the restored server has not made must never be sent, though their checksums are good."""
    made = backup(source, tmp_path / "dest")
    restored(tmp_path / "dest", tmp_path / "back", target=Target(row=made.first_row))
    found = [np.frombuffer(p.read_bytes(), dtype=np.int64) for p in sorted((tmp_path / "back" / "events").glob("*.evt"))]
    rows = sum(int(np.count_nonzero(f[: 64 * 24].reshape(64, 24).any(axis=1))) for f in found)
    assert rows == made.event_seq - 1
    source.end()


def test_a_folder_that_is_not_empty_or_live_is_never_restored_over(tmp_path: Path, source: Source) -> None:
    dest = tmp_path / "dest"
    backup(source, dest)
    with pytest.raises(BackupError, match="is the data folder of a running server") as refused:
        restored(dest, source.data)
    assert refused.value.code == Exit.LOCKED
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "holiday.jpg").touch()
    with pytest.raises(BackupError, match="is not empty"):
        restored(dest, tmp_path / "used")
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match="is a file"):
        restored(dest, tmp_path / "file")
    source.end()
    with pytest.raises(BackupError, match="is not empty"):
        restored(dest, source.data)
    (tmp_path / "empty").mkdir()
    assert restored(dest, tmp_path / "empty") > 0


def test_a_manifest_cannot_write_outside_of_the_folder(tmp_path: Path, source: Source) -> None:
    dest = tmp_path / "dest"
    made = backup(source, dest)
    from exchange_server.backup.vault import Vault

    for evil in ("../evil", "/tmp/evil", "a/../../evil", ""):
        made.files[0].path = evil
        with Vault(dest, None, "create") as vault:
            vault.commit(made)
        with pytest.raises(BackupError, match="lies outside of the data folder"):
            restored(dest, tmp_path / "back", made.name)
    assert not (tmp_path / "evil").exists()
    source.end()


def test_a_restored_folder_asks_which_server_it_is(tmp_path: Path, source: Source) -> None:
    dest = tmp_path / "dest"
    backup(source, dest)
    was = identity.read(source.data)
    assert was is not None
    restored(dest, tmp_path / "neither")
    with pytest.raises(identity.IdentityRefused, match="--as-new.*--replace") as refused:
        identity.look(tmp_path / "neither", "")
    assert refused.value.code == Exit.COPY
    restored(dest, tmp_path / "new", wish="as-new")
    start = identity.look(tmp_path / "new", "")
    assert start.skip_epochs == identity.EPOCHS and start.keep is not None and start.keep.origin == was.folder_id != start.keep.folder_id
    identity.write(tmp_path / "new", start.keep)
    assert identity.look(tmp_path / "new", "") == identity.Start(None, 0), "once"
    with pytest.raises(BackupError, match="--replace: the old server lives") as alive:
        restored(dest, tmp_path / "instead", wish="replace")
    assert alive.value.code == Exit.FENCED and not (tmp_path / "instead").exists()
    source.end()
    restored(dest, tmp_path / "instead", wish="replace")
    start = identity.look(tmp_path / "instead", "")
    assert start.skip_epochs == identity.EPOCHS and start.keep is not None and start.keep.folder_id == was.folder_id
    with pytest.raises(identity.IdentityRefused, match="taken over by"):
        identity.look(source.data, "")
