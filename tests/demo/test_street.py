"""Where fresh folders lie, and which of them are kept."""

import fcntl
from pathlib import Path
from types import SimpleNamespace

import pytest

from exchange_server.demo import street


def test_a_folder_must_lie_on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(street, "file_system", lambda folder: "tmpfs")
    with pytest.raises(street.Failed, match="a folder on a disk"):
        street.fresh_folder()
    monkeypatch.setattr(street, "file_system", lambda folder: "ext4")
    assert street.fresh_folder().parent == tmp_path / "exos" / "runs"


def test_of_fresh_folders_the_newest_are_kept_and_what_a_server_holds(tmp_path: Path) -> None:
    names = [f"20260101-00000{n}-abcd{n}" for n in range(5)]
    for name in names:
        (tmp_path / name / "journal").mkdir(parents=True)
        (tmp_path / name / "journal" / "lock").write_text("1\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "20250101-000000-link").symlink_to(tmp_path / "mine")
    with open(tmp_path / names[0] / "journal" / "lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert street.prune(tmp_path, 2) == [tmp_path / names[1], tmp_path / names[2]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["20250101-000000-link", names[0], names[3], names[4], "mine"]
    assert street.prune(tmp_path, 2) == [tmp_path / names[0]] and street.prune(tmp_path, 2) == []


@pytest.mark.parametrize(
    ("code", "log", "why"),
    [
        (-9, '{"level": "error", "text": "a fault"}', "killed by SIGKILL, see "),
        (3, '{"level": "error", "text": "port 1 is in use"}\n{"level": "info", "text": "key K defined"}', "port 1 is in use"),
        (1, '{"level": "info", "text": "key K defined"}', "see "),
        (1, "Traceback\nValueError: x", "ValueError: x"),
    ],
)
def test_what_ended_a_server(tmp_path: Path, code: int, log: str, why: str) -> None:
    server = street.Server(tmp_path, tmp_path / "data")
    server.process = SimpleNamespace(returncode=code)  # type: ignore[assignment]
    server.log_path.write_text(log)
    assert server.why().startswith(why)
