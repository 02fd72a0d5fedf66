"""kill -9, an error, and a full disk at every call by which an archive gets its owner (owner.json) and the data folder notes what it wrote there (archived.json): each file is
whole or as it was, the archive stays its server's, nothing is lost or archived twice, and it goes on by itself."""

import errno
import itertools
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exchange_server import identity
from exchange_server.archive.segments import MANIFEST, OWNER, STATE, ArchiveProblem
from exchange_server.follow.keeper import Wanted
from tests.follow.test_crash import forked
from tests.journal.kit import LONG

from .kit import archive, at_home, lived, segments
from .test_crash import check, keeper

WANTED = Wanted("../archive", 0, 0)
CALLS = ("open", "write", "fsync", "rename")
DONE = 3


def interrupted(work: Callable[[], Any], name: str, n: int, act: Callable[[Callable[..., Any], tuple[Any, ...]], None]) -> bool:
    """Do `work`, with `act` in the place of the n-th call that writes the file `name`: from the opening of its temporary file to the sync of its folder. False: there were fewer."""
    real = {call: getattr(os, call) for call in CALLS}
    count, inside, folder = 0, False, -1

    def patched(call: str) -> Callable[..., Any]:
        def doing(*arguments: Any, **more: Any) -> Any:
            nonlocal count, inside, folder
            begins = call == "open" and os.path.basename(os.fspath(arguments[0])) == f"{name}.tmp"
            if begins:
                inside, folder = True, -1
            if inside:
                count += 1
                if count == n:
                    act(real[call], arguments)
            done = real[call](*arguments, **more)
            if inside and call == "open" and os.path.isdir(arguments[0]):
                folder = done
            if inside and call == "fsync" and arguments[0] == folder:
                inside = False
            return done

        return doing

    for call in CALLS:
        setattr(os, call, patched(call))
    try:
        work()
    finally:
        for call in CALLS:
            setattr(os, call, real[call])
    return count >= n


def kill(data: Path, name: str, n: int) -> bool:
    def work() -> None:
        interrupted(lambda: keeper(data).work(WANTED), name, n, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        os._exit(DONE)

    code = os.waitstatus_to_exitcode(os.waitpid(forked(work), 0)[1])
    assert code in (-signal.SIGKILL, DONE)
    return code != DONE


def fail(data: Path, name: str, n: int, how: str) -> bool:
    """The call fails; "short": half of a write is done before."""
    number = errno.EIO if how == "EIO" else errno.ENOSPC

    def act(call: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        if how == "short" and call.__name__ == "write":
            call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
        raise OSError(number, os.strerror(number))

    one = keeper(data)
    reached = interrupted(lambda: one.work(WANTED), name, n, act)
    assert bool(one.kept.problem) == reached
    if reached:
        words = os.strerror(number) if how == "EIO" else "the disk is full"
        assert name in one.kept.problem and words in one.kept.problem, one.kept.problem
        assert one.kept.recycled == 0 and segments(data)[0] == 1, "nothing is removed then"
    return reached


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server that was killed, with nothing archived yet."""
    folder = tmp_path_factory.mktemp("base")
    lived(folder / "d", rounds=5 if not LONG else 9, turns=18).end()
    (folder / "archive").mkdir()
    return folder


def state(data: Path) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """What owner.json and archived.json say: whole, or not there."""
    owner, note = data.parent / "archive" / OWNER, data / "journal" / STATE
    return json.loads(owner.read_bytes()) if owner.exists() else None, json.loads(note.read_bytes()) if note.exists() else {}


def refuse_a_rival(data: Path) -> None:
    """Another server that has the same archive in its settings never writes there once it has an owner."""
    rival = data.parent / "rival"
    shutil.copytree(data, rival)
    at_home(rival, identity.new_id())
    before = {path.name: path.read_bytes() for path in (data.parent / "archive").iterdir()}
    one = keeper(rival)
    one.work(WANTED)
    assert "belongs to the server with the folder id" in one.kept.problem and one.kept.archived == 0
    assert {path.name: path.read_bytes() for path in (data.parent / "archive").iterdir()} == before
    shutil.rmtree(rival)


@pytest.mark.parametrize("how", ["killed", "EIO", "ENOSPC", "short"])
@pytest.mark.parametrize("name", [OWNER, STATE])
def test_every_call(base: Path, tmp_path: Path, name: str, how: str) -> None:
    place, data = tmp_path / "w", tmp_path / "w" / "d"
    for n in itertools.count(1):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(base, place)
        at_home(data)
        mine = identity.read(data)
        reached = kill(data, name, n) if how == "killed" else fail(data, name, n, how)
        owner, note = state(data)
        entries = archive(data).entries()
        assert owner is None or mine is not None and owner["folder_id"] == mine.folder_id
        assert not entries or owner is not None, "nothing is archived without an owner"
        assert all(one["segment"] <= entries[-1].segment for one in note.values()), "it never notes what is not there"
        if owner is not None:
            refuse_a_rival(data)
        check(data, place / "s")
        after = keeper(data)
        after.work(WANTED)  # it goes on where it was
        assert after.kept.problem == "" and segments(data)[0] > 1
        entries = archive(data).entries()
        assert [entry.segment for entry in entries] == list(range(1, len(entries) + 1)), "each once, without gaps"
        lines = (place / "archive" / MANIFEST).read_bytes().splitlines()
        assert len(lines) == len(entries)
        check(data, place / "s")
        if not reached:
            break
    assert n >= (7 if name == OWNER else 13)


def test_what_the_folder_noted_shows_an_archive_that_lost_it(base: Path, tmp_path: Path) -> None:
    """Killed after the note of the second segment: without its line in the manifest the archive is refused."""
    place, data = tmp_path / "w", tmp_path / "w" / "d"
    shutil.copytree(base, place)
    at_home(data)
    assert kill(data, STATE, 12)
    path = place / "archive" / MANIFEST
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:1]))
    with pytest.raises(ArchiveProblem, match="lacks segment 2, which was archived there before"):
        archive(data).entries()
    one = keeper(data)
    one.work(WANTED)
    assert "lacks segment 2" in one.kept.problem and segments(data)[0] == 1
