"""The data folder and its contents are accessible to their owner only."""

import os
import stat
from pathlib import Path

import pytest

from exchange_server import app, data_folder
from exchange_server.cli import main as cli
from exchange_server.data_folder import FolderOpen
from exchange_server.exits import Exit
from tests.server_kit import SMALL, BinaryPeer, FixPeer, ServerProcess, order
from tests.test_app import options


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_closed_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        assert data_folder.prepare(tmp_path / "a" / "data") == ""
    finally:
        os.umask(old)
    assert mode(tmp_path / "a" / "data") == 0o700


@pytest.mark.parametrize("bits", [0o701, 0o710, 0o750, 0o755, 0o777, 0o740])
def test_an_open_folder_that_is_ours_is_closed_and_told(tmp_path: Path, bits: int) -> None:
    for name in ("empty", "used"):
        data = tmp_path / name
        data.mkdir()
        if name == "used":
            (data / "journal").mkdir()
        data.chmod(bits)
        with pytest.raises(FolderOpen, match=f"chmod 700 {data}"):
            data_folder.check(data)
        assert f"mode 0{bits:o}" in data_folder.prepare(data)
        assert mode(data) == 0o700
        assert data_folder.prepare(data) == ""
        data_folder.check(data)


def test_an_open_folder_with_other_things_in_it_is_refused_and_left_as_it_is(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "holiday.jpg").touch()
    data.chmod(0o755)
    assert app.serve(options(tmp_path)) == Exit.CONFIG
    assert f"chmod 700 {data}" in capfd.readouterr().err
    assert mode(data) == 0o755 and [path.name for path in data.iterdir()] == ["holiday.jpg"]


def test_a_folder_whose_mode_cannot_be_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)

    def refuse(self: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(FolderOpen, match=f"chmod 700 {tmp_path}"):
        data_folder.prepare(tmp_path)
    monkeypatch.undo()


@pytest.mark.parametrize("command", [("verify",), ("replay",), ("cut", "--segment", "1", "--offset", "4096")])
def test_commands_that_read_a_data_folder_refuse_an_open_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    (tmp_path / "journal").mkdir()
    tmp_path.chmod(0o750)
    assert cli.main(["journal", *command, str(tmp_path)]) == Exit.CONFIG
    assert f"chmod 700 {tmp_path}" in capsys.readouterr().err


def test_the_ready_file_is_written_beside_a_link_that_somebody_laid(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "ready.tmp").symlink_to(victim)
    data_folder.write_whole(tmp_path / "ready", b"{}\n")
    assert victim.read_text() == "precious" and (tmp_path / "ready").read_text() == "{}\n" and mode(tmp_path / "ready") == 0o600


def test_all_that_a_server_writes_is_its_owners_alone_and_logons_are_told(tmp_path: Path) -> None:
    """A whole life under the most careless umask: start, trade, refuse and take logons, stop with a snapshot, start again."""
    server = ServerProcess(tmp_path, SMALL, "--ready-file", str(tmp_path / "ready"))
    server.config.chmod(0o600)
    old = os.umask(0)
    try:
        server.start()
        with_admin = mode(server.data / "admin.sock")
        port, fix_port = server.ready["binary_port"], server.ready["fix_port"]
        for _ in range(6):
            wrong = FixPeer(fix_port, 1, password="a-guess-of-mine")
            assert wrong.read("5")[58] == "unknown CompIDs or wrong credentials"
            wrong.close()
        good = FixPeer(fix_port, 1)  # from the address that failed: a little later, and in
        assert good.read("A")[141] == "Y"
        maker = BinaryPeer(port, 1)
        maker.logged_on()
        maker.send(order(1, 1, 5000, 1))
        maker.next()
        status = server.ask("status").result["logons"]
        assert status["refused"] == 6 and status["delayed"] >= 1 and status["waiting"] == 0
        good.close()
        maker.close()
        assert server.stop() == Exit.OK
        server.start()
        assert server.stop() == Exit.OK
    finally:
        os.umask(old)
        if server.process is not None and server.process.poll() is None:
            server.process.kill()
    found = {path: mode(path) for path in [server.data, *server.data.rglob("*"), tmp_path / "ready"]}
    assert with_admin == 0o600 and len(found) > 6 and any(path.suffix == ".snap" for path in found)
    assert {path: bits for path, bits in found.items() if bits & 0o077} == {}
    log = server.log_text()
    assert '"event": "logon"' in log
    assert log.count('"event": "logon_refused"') >= 5 and '"who": "CLIENT1"' in log and '"reason": "bad_credentials"' in log
    assert "a-guess-of-mine" not in log and "phrase" not in log
