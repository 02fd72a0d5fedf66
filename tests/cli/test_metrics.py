"""exos metrics as a process: where it may listen, and that a signal ends it."""

import os
import select
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.watch.kit import Wrote


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1"])
def test_other_machines_only_with_the_word(tmp_path: Path, capsys: pytest.CaptureFixture[str], host: str) -> None:
    assert cli.main(["metrics", "--data", str(tmp_path), "--host", host]) == Exit.CONFIG
    assert "give --expose-plain" in capsys.readouterr().err


def test_no_folder_and_no_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["metrics", "--data", str(tmp_path / "nowhere")]) == Exit.CONFIG
    assert "there is no such folder" in capsys.readouterr().err
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert cli.main(["metrics", "--data", str(tmp_path), "--port", str(port)]) == Exit.PORT
    assert f"port {port} on 127.0.0.1 cannot be opened" in capsys.readouterr().err
    assert cli.main(["metrics", "--data", str(tmp_path), "--port", "70000"]) == Exit.USAGE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end(tmp_path: Path, number: int) -> None:
    Wrote(tmp_path).write()
    words = [sys.executable, "-m", "exchange_server.cli.main", "metrics", "--data", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None and process.stderr is not None
    assert select.select([process.stdout], [], [], 30)[0]
    line = process.stdout.readline().decode()
    url = next(word for word in line.split() if word.startswith("http://"))
    assert b"exos_up 1.0" in urllib.request.urlopen(url, timeout=10).read()
    process.send_signal(number)
    assert process.wait(10) == 0 and process.stderr.read() == b""


def test_it_loads_no_kernels() -> None:
    code = "import sys; import exchange_server.cli.metrics, exchange_server.watch.listener; print('numba' in sys.modules, 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False False\n"
