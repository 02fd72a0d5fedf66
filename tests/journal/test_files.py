"""The folder: one writer at a time, segments that are complete or absent, and no new journal over an existing one."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from exchange_server.journal import files as files_module
from exchange_server.journal.files import disk_words
from exchange_server.journal.recover import verify
from exchange_server.journal.store import DirectoryLock, JournalError, JournalLocked, JournalNoSpace

from .kit import SEGMENT, copy_folder, open_new, turn, write_turns


def test_second_start_names_the_first(tmp_path: Path) -> None:
    journal = open_new(tmp_path)
    with pytest.raises(JournalLocked, match=f"in use by process {os.getpid()}"):
        open_new(tmp_path)
    code = (
        "import sys; from pathlib import Path; from exchange_server.journal.store import DirectoryLock, JournalLocked\n"
        "try: DirectoryLock(Path(sys.argv[1]))\nexcept JournalLocked as e: print(e)"
    )
    there = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, cwd=Path(files_module.__file__).parents[2]
    )
    assert f"in use by process {os.getpid()}; stop it first" in there.stdout, there.stderr
    journal.append(turn(1))
    journal.close()
    with pytest.raises(JournalError, match="recover it, do not create one over it"):
        open_new(tmp_path)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(JournalError, match=str(blocked)):
        open_new(blocked)


def test_a_segment_that_cannot_be_prepared_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(OSError):
        files_module.prepare_segment(tmp_path, 1, SEGMENT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("direct", [True, False])
def test_a_prepared_segment_is_whole_and_really_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direct: bool) -> None:
    """Past the page cache or through it, in steps; blocks that are only reserved would count as a hole here."""
    real, opened = os.open, []

    def opening(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_DIRECT:
            opened.append(path)
            if not direct:
                raise OSError(errno.EINVAL, "Invalid argument")
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(files_module, "ZERO_CHUNK", 8192)
    monkeypatch.setattr(files_module, "SYNC_EVERY_BYTES", 16384)
    steps: list[int] = []
    fd = files_module.prepare_segment(tmp_path, 1, SEGMENT, lambda done: steps.append(done) is not None)
    assert opened == [tmp_path / "spare.tmp"] and steps == [8192, 16384, 24576, 32768]
    assert os.lseek(fd, 0, os.SEEK_HOLE) == SEGMENT == os.fstat(fd).st_size
    assert os.pread(fd, SEGMENT, 0) == bytes(SEGMENT) and [p.name for p in tmp_path.iterdir()] == ["00000001.seg"]
    os.close(fd)
    with pytest.raises(OSError, match="closing"):
        files_module.prepare_segment(tmp_path, 2, SEGMENT, lambda done: done > 8192)
    assert [p.name for p in tmp_path.iterdir()] == ["00000001.seg"]


def test_copying_a_folder_of_a_stopped_server_is_a_backup(tmp_path: Path) -> None:
    write_turns(tmp_path / "a", [turn(i) for i in range(1, 20)])
    copy_folder(tmp_path / "a", tmp_path / "b")
    shutil.rmtree(tmp_path / "a")
    assert verify(tmp_path / "b").rows == 38


def test_no_room_for_the_lock_is_told_as_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for code, kind in ((errno.ENOSPC, JournalNoSpace), (errno.EDQUOT, JournalNoSpace), (errno.EACCES, JournalError)):

        def refuse(*_: object, code: int = code) -> int:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(JournalError, match=f"journal folder {tmp_path}: {os.strerror(code)}") as said:
            DirectoryLock(tmp_path)
        assert type(said.value) is kind
        monkeypatch.undo()


def test_what_the_system_says_in_one_phrase() -> None:
    assert disk_words(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "f")) == "f: the disk is full"
    assert disk_words(OSError(errno.EDQUOT, "no more"), Path("d")) == "d: the disk is full: no more"
    assert (
        disk_words(OSError(errno.EIO, "Input/output error")) == "Input/output error" and disk_words(OSError()) == "an input or output error"
    )
