"""Which server a folder is: a copy is noticed, an ordinary restart is not stopped."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from exchange_server import app, identity
from exchange_server.exits import Exit
from exchange_server.identity import EPOCHS, Identity, IdentityRefused, Place, is_at, look, read, write
from exchange_server.journal.files import DirectoryLock
from exchange_server.net.observe import Log
from tests.test_app import options


def folder(path: Path) -> Path:
    """One that a server was started on."""
    (path / "journal").mkdir(parents=True)
    start = look(path, "")
    assert start.keep is not None and start.skip_epochs == 0
    write(path, start.keep)
    return path


def id_of(path: Path) -> str:
    found = read(path)
    assert found is not None
    return found.folder_id


def test_a_folder_keeps_its_id_and_two_have_different_ones(tmp_path: Path) -> None:
    one, two = folder(tmp_path / "one"), folder(tmp_path / "two")
    assert id_of(one) != id_of(two) and len(id_of(one)) == 32
    assert look(one, "") == identity.Start(None, 0)
    assert (one / identity.FILE).stat().st_mode & 0o777 == 0o600


def test_a_copy_is_refused_and_its_sentence_names_both_ways_out(tmp_path: Path) -> None:
    one = folder(tmp_path / "one")
    copy = tmp_path / "copy"
    shutil.copytree(one, copy)
    with pytest.raises(IdentityRefused, match=f"{copy} is a copy of {one} .*--as-new.*--replace") as refused:
        look(copy, "")
    assert refused.value.code == Exit.COPY
    assert look(one, "").keep is None, "the original starts"


@pytest.mark.parametrize("back", [True, False])
def test_a_copy_put_in_the_place_of_the_original_is_still_a_copy(tmp_path: Path, back: bool) -> None:
    one = folder(tmp_path / "one")
    shutil.copytree(one, tmp_path / "copy")
    one.rename(tmp_path / "old")
    (tmp_path / "copy").rename(one)
    with pytest.raises(IdentityRefused):
        look(one, "")
    if back:
        shutil.rmtree(one)
        (tmp_path / "old").rename(one)
        assert look(one, "").keep is None


def test_a_folder_that_was_renamed_starts_and_says_where_it_was(tmp_path: Path) -> None:
    one = folder(tmp_path / "one")
    was = id_of(one)
    one.rename(tmp_path / "two")
    start = look(tmp_path / "two", "")
    assert start.keep is not None and start.keep.folder_id == was and start.skip_epochs == 0 and str(one) in start.note


@pytest.mark.parametrize(
    ("place", "same"),
    [
        (Place(7, 50, "/elsewhere", "another machine"), True),  # a volume attached to another machine, a container with another id
        (Place(8, 50, "/data", "m"), True),  # a file system that changes its inode numbers
        (Place(7, 51, "/data", "m"), False),  # a copy that got the same inode number on a fresh file system
        (Place(7, 0, "/data", "another"), True),  # no time of creation here: the same path
        (Place(7, 0, "/elsewhere", "m"), True),  # or the same machine
        (Place(7, 0, "/elsewhere", "another"), False),
        (Place(8, 0, "/data", "m"), False),
    ],
)
def test_what_counts_as_the_same_place(place: Place, same: bool) -> None:
    there = Identity(folder_id="0" * 32, inode=7, born_ns=50, path="/data", machine="m")
    assert is_at(there, place) == same
    assert not is_at(msgspec.structs.replace(there, inode=0), place), "restored: no place yet"


def test_as_new_is_another_server_with_a_raised_epoch(tmp_path: Path) -> None:
    one = folder(tmp_path / "one")
    copy = tmp_path / "copy"
    shutil.copytree(one, copy)
    start = look(copy, "as-new")
    assert start.keep is not None and start.skip_epochs == EPOCHS
    assert start.keep.folder_id != id_of(one) and start.keep.origin == id_of(one)
    write(copy, start.keep)
    assert look(copy, "").keep is None and look(one, "").keep is None, "both go on, as two servers"


def test_replace_takes_the_id_over_and_the_old_folder_does_not_start_any_more(tmp_path: Path) -> None:
    one = folder(tmp_path / "one")
    copy = tmp_path / "copy"
    shutil.copytree(one, copy)
    start = look(copy, "replace")
    assert start.keep is not None and start.keep.folder_id == id_of(one) and start.skip_epochs == EPOCHS
    assert identity.fence(start.keep, copy) is None, "the new identity is at home here"
    found = read(copy)
    assert found is not None and identity.fence(found, copy) == one
    write(copy, start.keep)
    assert look(copy, "").keep is None
    with pytest.raises(IdentityRefused, match=f"taken over by {copy}.*--as-new") as refused:
        look(one, "")
    assert refused.value.code == Exit.FENCED
    again = look(one, "as-new")
    assert again.keep is not None and not again.keep.taken_over


def test_replace_is_refused_while_the_old_server_lives(tmp_path: Path) -> None:
    one = folder(tmp_path / "one")
    copy = tmp_path / "copy"
    shutil.copytree(one, copy)
    lock = DirectoryLock(one / "journal")
    try:
        with pytest.raises(IdentityRefused, match=f"the old server lives: process {os.getpid()} has {one} open") as refused:
            look(copy, "replace")
        assert refused.value.code == Exit.FENCED
        assert look(copy, "as-new").keep is not None, "a server of its own does not mind"
    finally:
        lock.release()
    assert look(copy, "replace").keep is not None


def test_a_folder_of_before_gets_an_identity_and_cannot_replace(tmp_path: Path) -> None:
    with pytest.raises(IdentityRefused, match="has no identity that could be taken over"):
        look(tmp_path, "replace")
    start = look(tmp_path, "")
    assert start.keep is not None and start.skip_epochs == 0


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"format":9,"folder_id":"%s"}' % (b"0" * 32), b'{"folder_id":"x"}'])
def test_a_damaged_identity_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / identity.FILE).write_bytes(content)
    with pytest.raises(IdentityRefused, match="is damaged or of another version: put it back") as refused:
        look(tmp_path, "")
    assert refused.value.code == Exit.RECOVERY


def test_half_a_backup_does_not_start(tmp_path: Path) -> None:
    (tmp_path / identity.RESTORING).touch()
    for wish in ("", "as-new", "replace"):
        with pytest.raises(IdentityRefused, match="its restore was interrupted"):
            look(tmp_path, wish)  # type: ignore[arg-type]


def test_a_lock_that_was_renewed_is_lost_to_the_one_that_had_it(tmp_path: Path) -> None:
    old = DirectoryLock(tmp_path)
    assert not old.lost()
    (tmp_path / "lock").unlink()  # a lock that does not reach across the shared storage: both believe to have it
    new = DirectoryLock(tmp_path)
    new.renew()
    assert old.lost() and not new.lost()
    old.release()
    assert identity.holder(tmp_path) == str(os.getpid())
    new.release()
    assert identity.holder(tmp_path) == "" and not new.lost()


def test_a_server_on_a_copy(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Started, copied, refused with its exit code, told, started with a raised epoch; the original goes on."""
    first = app.Server(options(tmp_path), Log())
    assert first.journal.epoch == 1
    first.close()
    data = tmp_path / "data"
    copy = tmp_path / "copied"
    copy.mkdir()
    shutil.copytree(data, copy / "data")
    assert app.serve(options(copy)) == Exit.COPY
    assert "is a copy of" in capfd.readouterr().err
    new = app.Server(replace(options(copy), identity="as-new"), Log())
    assert new.journal.epoch == 2 + EPOCHS and new.identity.origin == first.identity.folder_id
    new.close()
    again = app.Server(options(copy), Log())
    assert again.journal.epoch == 3 + EPOCHS and again.identity == new.identity
    again.close()
    original = app.Server(options(tmp_path), Log())
    assert original.journal.epoch == 2 and original.identity == first.identity
    original.close()


def test_a_server_started_with_replace_fences_the_old_folder(tmp_path: Path) -> None:
    one = folder(tmp_path / "one")
    copy = tmp_path / "copy"
    shutil.copytree(one, copy)
    kept, fenced = identity.keep(copy, look(copy, "replace"), "replace")
    assert fenced == one and kept == read(copy)
    with pytest.raises(IdentityRefused, match="taken over by"):
        look(one, "")
    assert identity.keep(copy, look(copy, ""), "") == (kept, None)
