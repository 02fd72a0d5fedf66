"""A followed copy becomes the server; the old one cannot come back into it."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from exchange_server import identity
from exchange_server.archive import manifest
from exchange_server.backup.promote import ACTS, promote
from exchange_server.backup.seals import BackupError
from exchange_server.exits import Exit
from exchange_server.follow.follower import Follower
from exchange_server.journal.files import DirectoryLock
from exchange_server.journal.recover import verify
from exchange_server.journal.walk import JournalRefused
from tests.follow.kit import catch_up, follow
from tests.journal.kit import commit, turn

from .kit import Source, close, holds, killed_at, started, state_after

QUICK = {"watch_s": 0.0, "sleep": lambda _: None}


def copy_files(source: Path, copy: Path) -> None:
    """What docs/backup.md tells rsync to do, in that order: snapshots, then the watermark is read, then segments, then it gets its name."""
    for folder in ("journal", "snapshots", "events"):
        (copy / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (source / "snapshots").glob("*.snap"):
        if not (copy / "snapshots" / path.name).exists():
            shutil.copy(path, copy / "snapshots")
    shutil.copy(source / "journal" / "watermark", copy / "journal" / "watermark.next")
    for path in sorted((source / "journal").glob("*.seg")):
        shutil.copy(path, copy / "journal" / "part")
        os.rename(copy / "journal" / "part", copy / "journal" / path.name)
    os.rename(copy / "journal" / "watermark.next", copy / "journal" / "watermark")
    for path in (*(source / "events").glob("*"), source / identity.FILE):
        shutil.copy(path, copy / path.relative_to(source))


@pytest.fixture
def source(tmp_path: Path) -> Source:
    made = Source(tmp_path / "data")
    made.trade(30)
    made.snapshot()
    made.trade(20)
    return made


def test_a_copy_that_grows_in_steps_is_followed_and_then_promoted(tmp_path: Path, source: Source) -> None:
    copy = tmp_path / "copy"
    copy_files(source.data, copy)
    follower: Follower = follow(copy)
    for _ in range(6):
        source.trade(7)
        assert catch_up(follower) == 0 or follower.seq < source.rows
        copy_files(source.data, copy)
        catch_up(follower)
        assert follower.seq == source.rows and follower.engine.digest() == source.live.r.engine.digest()
    wanted = state_after(source.data, source.rows)
    rows, epoch = source.rows, source.live.r.journal.epoch
    with pytest.raises(identity.IdentityRefused, match="is a copy of"):
        identity.look(copy, "")
    source.end()
    done = promote(copy, now_ns=5, **QUICK)
    assert done.rows == rows and done.epoch == epoch + identity.EPOCHS and done.fenced == str(source.data) and not done.notes
    assert identity.look(copy, "").keep is None, "it starts"
    with pytest.raises(identity.IdentityRefused, match=f"taken over by {copy}"):
        identity.look(source.data, "")
    act = manifest.read(copy / ACTS)
    assert [(a["act"], a["time_ns"], a["rows"], a["from"], a["to"]) for a in act] == [("promote", 5, rows, str(source.data), str(copy))]
    catch_up(follower)
    holds(copy, *wanted)


def test_frames_of_the_old_server_after_the_promotion_are_not_taken(tmp_path: Path, source: Source) -> None:
    """The old one goes on elsewhere, and its segments and its watermark are copied over the promoted folder."""
    copy = tmp_path / "copy"
    copy_files(source.data, copy)
    hidden = identity.read(copy)
    assert hidden is not None
    rows = source.rows
    wanted = state_after(source.data, rows)
    identity.write(copy, identity.replacing(hidden))  # the old machine cannot be seen from here
    promote(copy, **QUICK)
    kept = {p.name: p.read_bytes() for p in (copy / "journal").iterdir() if p.name in ("fence",)}
    for turns, refused in ((1, False), (4, True)):
        source.live.trade(turns, mark=refused)
        for path in [*(source.data / "journal").glob("*.seg"), source.data / "journal" / "watermark"]:
            shutil.copy(path, copy / "journal" / path.name)
        assert {p.name: p.read_bytes() for p in (copy / "journal").iterdir() if p.name in kept} == kept
        follower = follow(copy)
        catch_up(follower)
        assert follower.seq == rows, "a reader stops at the fence"
        if refused:
            with pytest.raises(JournalRefused, match="the frame is from an earlier epoch, but a valid frame"):
                started(copy)
        else:
            assert verify(copy / "journal").rows == rows
            holds(copy, *wanted)
    source.end()


def test_what_an_old_server_still_has_open_reaches_nothing(tmp_path: Path, source: Source) -> None:
    """Shared storage whose lock does not reach across machines: the old process lives on, and writes."""
    wanted = state_after(source.data, source.rows)
    (source.data / "journal" / "lock").unlink()
    promote(source.data, **QUICK)
    assert source.live.r.journal.fenced()
    source.live.trade(5)  # acknowledged by a server that is fenced; within a second it stops
    holds(source.data, *wanted)
    source.live.r.store.abandon()


def test_a_server_that_owns_its_folder_is_not_fenced(tmp_path: Path, source: Source) -> None:
    assert not source.live.r.journal.fenced()
    source.end()
    assert not (tmp_path / "nothing").exists()


# ---- refusals ---------------------------------------------------------------------------------------------------------------
def refused(code: Exit, text: str, data: Path, **options: object) -> None:
    with pytest.raises(BackupError, match=text) as error:
        promote(data, **{**QUICK, **options})  # type: ignore[arg-type]
    assert error.value.code == code


def test_while_the_old_server_lives(tmp_path: Path, source: Source) -> None:
    copy = tmp_path / "copy"
    copy_files(source.data, copy)
    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    refused(Exit.FENCED, f"the old server lives: process {os.getpid()} has {source.data} open", copy)
    refused(Exit.FENCED, "the old server lives: journal folder .* is in use by process", source.data)
    assert {p: p.read_bytes() for p in copy.rglob("*") if p.is_file() and p.name != "lock"} == before, "nothing was changed"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as admin:
        admin.bind(str(copy / "admin.sock"))
        admin.listen()
        refused(Exit.FENCED, "the old server lives: it answers on", copy)
    refused(Exit.FENCED, "changed while it was looked at", copy, sleep=lambda _: copy_files(source.data, copy))
    source.end()
    lock = DirectoryLock(copy / "follower")
    refused(Exit.LOCKED, "a follower still runs on this folder", copy)
    lock.release()
    assert promote(copy, **QUICK).rows  # type: ignore[arg-type]


def test_rows_that_were_not_copied(tmp_path: Path, source: Source) -> None:
    copy = tmp_path / "copy"
    copy_files(source.data, copy)
    rows = source.rows
    wanted = state_after(source.data, rows)
    source.trade(2)
    source.end()
    refused(Exit.FAILED, f"holds rows up to {rows + 8}, .* only up to {rows}: copy the rest first .* without 8 acknowledged rows", copy)
    assert promote(copy, accept_loss=True, **QUICK).rows == rows  # type: ignore[arg-type]
    holds(copy, *wanted)


def test_a_copy_of_before_another_promotion(tmp_path: Path, source: Source) -> None:
    for name in ("one", "two"):
        copy_files(source.data, tmp_path / name)
    source.end()
    promote(tmp_path / "one", **QUICK)  # type: ignore[arg-type]
    refused(
        Exit.FENCED,
        f"{tmp_path / 'one'} has the epoch .*: that one was promoted after this copy was made",
        tmp_path / "two",
        old=tmp_path / "one",
    )
    refused(Exit.FENCED, "was fenced itself: its identity was taken over by", source.data)


def test_folders_that_cannot_be_promoted(tmp_path: Path, source: Source) -> None:
    refused(Exit.FAILED, "it has no journal", tmp_path)
    copy = tmp_path / "copy"
    copy_files(source.data, copy)
    source.end()
    other = Source(tmp_path / "other")
    other.trade(1)
    other.end()
    refused(Exit.USAGE, "is not the data folder of the server that", copy, old=other.data)
    (copy / identity.RESTORING).touch()
    refused(Exit.RECOVERY, "its restore was interrupted", copy)
    (copy / identity.RESTORING).unlink()
    (copy / identity.FILE).unlink()
    refused(Exit.FAILED, "has no identity: copy identity.json", copy)


def test_a_copy_in_the_wrong_order_is_refused_and_the_rest_can_be_copied(tmp_path: Path, source: Source) -> None:
    copy = tmp_path / "copy"
    copy_files(source.data, copy)
    source.trade(3)
    shutil.copy(source.data / "journal" / "watermark", copy / "journal" / "watermark")  # before the rows that it counts
    rows = source.rows
    wanted = state_after(source.data, rows)
    source.end()
    refused(Exit.RECOVERY, "was not promoted: journal refused", copy)
    copy_files(source.data, copy)
    assert promote(copy, **QUICK).rows == rows  # type: ignore[arg-type]
    holds(copy, *wanted)


def test_rows_that_were_not_copied_and_that_the_old_watermark_does_not_name(tmp_path: Path, source: Source) -> None:
    """After a power cut the watermark on the disk may be older than the rows."""
    copy = tmp_path / "copy"
    copy_files(source.data, copy)
    rows = source.rows
    mark = (source.data / "journal" / "watermark").read_bytes()
    source.trade(2)
    source.end()
    (source.data / "journal" / "watermark").write_bytes(mark)
    refused(Exit.FAILED, f"holds rows up to {rows + 8}, .* only up to {rows}: copy the rest first .* without 8 acknowledged rows", copy)
    assert promote(copy, accept_loss=True, **QUICK).rows == rows  # type: ignore[arg-type]


def test_a_snapshot_of_rows_that_were_not_copied_is_put_aside(tmp_path: Path, source: Source) -> None:
    copy = tmp_path / "copy"
    copy_files(source.data, copy)
    rows = source.rows
    wanted = state_after(source.data, rows)
    source.trade(10)
    source.snapshot()
    for path in (source.data / "snapshots").glob("*.snap"):
        shutil.copy(path, copy / "snapshots")
    source.end()
    done = promote(copy, accept_loss=True, **QUICK)  # type: ignore[arg-type]
    assert done.rows == rows and len(done.notes) == 1 and "put aside" in done.notes[0]
    holds(copy, *wanted)


def test_kill_9_at_every_call_of_a_promotion(tmp_path: Path, source: Source) -> None:
    """Afterwards it is run again; nothing is lost, and the server trades on."""
    copy_files(source.data, tmp_path / "first")
    wanted = state_after(source.data, source.rows)
    rows = source.rows
    source.end()
    n = 0
    while True:
        n += 1
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(tmp_path / "first", copy)
        killed = killed_at(n, lambda copy=copy: promote(copy, **QUICK))  # type: ignore[misc,arg-type]
        if n % 4 == 0 or not killed:
            assert verify(copy / "journal").rows == rows
        again = promote(copy, **QUICK)  # type: ignore[arg-type]
        assert again.rows == rows and identity.look(copy, "").keep is None
        r = started(copy)
        assert r.engine.digest() == wanted[0] and r.journal.epoch > identity.EPOCHS
        more = turn(7_000_000 + n, 1)
        r.journal.append(more)
        commit(r.journal)
        close(r)
        assert len(manifest.read(copy / ACTS)) >= 1
        found = identity.read(source.data)
        assert found is not None
        identity.write(source.data, identity.replacing(found))
        if not killed:
            break
    assert n > 20
