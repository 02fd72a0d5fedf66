"""The follower's core: chosen away from the loop's, refused by name where there is none, and really used."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from exchange_server.cli import main as cli
from exchange_server.follow.cores import follower_core, keep_to, usable
from exchange_server.journal.runner import Threads
from exchange_server.start import StartRefused
from tests.server_kit import SMALL, ServerProcess, wait_until


@pytest.mark.parametrize(
    ("setting", "cores", "core"),
    [
        ("auto", {0}, None),
        ("auto", {0, 1}, 1),
        ("auto", {2, 5, 3}, 5),
        ("none", {0, 1}, None),
        ("0", {0, 1}, 0),
        ("5", {4, 5}, 5),
        ("0", {0}, 0),
    ],
)
def test_choice(setting: str, cores: set[int], core: int | None) -> None:
    assert follower_core(setting, cores) == core


def test_a_core_that_the_server_may_not_use_is_named() -> None:
    with pytest.raises(
        StartRefused,
        match=r"server.follower_core = \"9\": the server may use the cores 0, 1 of this machine; name one of them, auto or none",
    ):
        follower_core("9", {1, 0})


def test_no_core_and_cores_that_the_system_refuses() -> None:
    before = usable()
    assert not keep_to(set()) and not keep_to({4095}) and usable() == before


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_threads_that_a_kept_loop_starts_are_free() -> None:
    everywhere, seen = usable(), []
    try:
        assert keep_to({min(everywhere)}) and usable() == {min(everywhere)}
        Threads().once("a", lambda: seen.append(usable())).join()
        with Threads().reader("b") as reader:
            seen.append(reader.submit(usable).result())
        thread = threading.Thread(target=lambda: seen.append(usable()))
        thread.start()
        thread.join()
    finally:
        keep_to(everywhere)
    assert seen == [everywhere, everywhere, {min(everywhere)}]


@pytest.mark.parametrize(
    ("value", "says"),
    [(one, "server.follower_core") for one in ("3", '"-1"', '"most"', '"50000"', "1.5", '""', '"²"')],
)
def test_values_of_the_file_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str, says: str) -> None:
    file = tmp_path / "a.toml"
    file.write_text(SMALL.replace('follower = "off"', f"follower_core = {value}"))
    file.chmod(0o600)
    assert cli.main(["config", "check", str(file)]) == 3
    err = capsys.readouterr().err
    assert says in err and "Traceback" not in err, err


@pytest.mark.parametrize("value", ["-1", "most", "5000", "1.5", ""])
def test_values_of_the_command_line_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str) -> None:
    assert cli.main(["serve", "--data", str(tmp_path), f"--follower-core={value}"]) == 2
    assert "--follower-core" in capsys.readouterr().err


def cores_of(pid: int) -> set[int]:
    return os.sched_getaffinity(pid)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_a_server_and_its_follower_keep_apart(tmp_path: Path) -> None:
    config = SMALL.replace('follower = "off"', 'follower = "on"\nfollower_core = "0"' if 0 in usable() else 'follower = "on"')
    mine = 0 if 0 in usable() else max(usable())
    with ServerProcess(tmp_path, config) as server:
        assert cores_of(server.process.pid) == usable() - {mine}
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")

        def kept() -> bool:
            found = [int(pid) for pid in children.read_text().split()]
            return bool(found) and cores_of(found[0]) == {mine}

        wait_until(kept, 30)
        assert '"event": "follower_core"' in server.log_text()
        assert server.stop() == 0


def test_a_server_without_follower_is_kept_nowhere_and_a_wrong_core_ends_the_start(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        assert cores_of(server.process.pid) == usable()
        assert server.stop() == 0
    code, text = ServerProcess(tmp_path, SMALL, "--follower-core", "4095").refused()
    assert code == 3 and 'server.follower_core = \\"4095\\": the server may use the cores' in text


def test_a_follower_of_its_own_takes_a_core(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "exchange_server.cli.main", "follow", "--data", str(tmp_path), "--core", str(min(usable()))]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while cores_of(process.pid) != {min(usable())} and time.monotonic() < deadline:
            time.sleep(0.1)
        assert cores_of(process.pid) == {min(usable())}
    finally:
        process.kill()
        process.communicate()
