"""exos doctor: each finding, on this machine and on worse ones."""

import os
import socket
from pathlib import Path

import pytest

from exchange_server.cli import doctor
from exchange_server.cli import main as cli
from exchange_server.exits import Exit


def test_ports_in_use_and_addresses_that_are_not_ours() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (finding,) = doctor.ports("127.0.0.1", {"FIX": port})
        assert (finding.level, finding.text) == ("fail", f"127.0.0.1:{port} (FIX) is in use")
    (finding,) = doctor.ports("127.0.0.1", {"FIX": port})
    assert finding.level == "ok"
    (finding,) = doctor.ports("192.0.2.1", {"FIX": 0})
    assert finding.level == "fail" and "cannot be opened" in finding.text


def test_sync_times_leave_nothing_behind(tmp_path: Path) -> None:
    times = doctor.sync_times(tmp_path, 3)
    assert len(times) == 3 and min(times) > 0 and list(tmp_path.iterdir()) == []


def test_disk_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {f.what: f for f in doctor.disk(tmp_path / "not" / "yet")}
    assert found["sync"].level in ("ok", "warn") and "fdatasync: median" in found["sync"].text and "GiB free" in found["space"].text
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert [f.text for f in doctor.disk(file)] == [f"{file} is not a folder"]
    monkeypatch.setattr(doctor, "file_system", lambda path: "tmpfs")
    assert next(iter(doctor.disk(tmp_path))).level == "warn"

    def broken(folder: Path, count: int = 0) -> list[int]:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(doctor, "sync_times", broken)
    assert [f.text for f in doctor.disk(tmp_path)][1] == f"writing to {tmp_path} failed: No space left on device"


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    assert doctor.file_system(Path("/proc/self")) == "proc"
    assert doctor.file_system(Path("/")) != "unknown"


def test_the_whole_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[server]\nfix_port = 0\nbinary_port = 0\n")
    code = cli.main(["doctor", "--data", str(tmp_path), "--config", str(config)])
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[1] for line in lines[:-1]} >= {"system", "cores", "files", "port", "disk", "sync", "space", "memory", "clock"}
    failed = any(line.startswith("fail") for line in lines)
    assert (code, lines[-1].startswith("not ready")) == ((Exit.FAILED, True) if failed else (Exit.OK, False))


def test_a_failure_is_told_by_the_exit_code(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config.write_text(f"[server]\nfix_port = {taken.getsockname()[1]}\nbinary_port = 0\n")
        assert cli.main(["doctor", "--data", str(tmp_path), "--config", str(config)]) == Exit.FAILED
    assert "is in use" in capsys.readouterr().out


def test_an_old_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.time, "time", lambda: 0.0)
    (finding,) = doctor.clock()
    assert finding.level == "warn" and "1970-01-01" in finding.text


def test_a_data_folder_that_others_may_use_is_told(tmp_path: Path) -> None:
    assert not [f for f in doctor.disk(tmp_path) if "chmod" in f.text]
    tmp_path.chmod(0o750)
    (found,) = [f for f in doctor.disk(tmp_path) if "chmod" in f.text]
    assert (found.level, found.what) == ("warn", "data") and f"mode 0750): chmod 700 {tmp_path}" in found.text
