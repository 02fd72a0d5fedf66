"""exos top: its exit codes for scripts, what it shows without a terminal, and that it asks nothing of the server."""

import json
import os
import pty
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from exchange_server.watch import fields as f
from tests.watch.kit import Wrote


@pytest.mark.parametrize(
    ("words", "old_s", "code"),
    [
        ({}, 0.0, Exit.OK),
        ({"journal_failed": 1}, 0.0, Exit.FAILED),
        ({"state": f.STARTING}, 0.0, Exit.FAILED),
        ({}, 60.0, Exit.HANGS),
        ({"state": f.STOPPED}, 0.0, Exit.UNREACHABLE),
    ],
)
def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: dict[str, int], old_s: float, code: Exit) -> None:
    Wrote(tmp_path).put(**words).write(old_s=old_s)
    assert cli.main(["top", "--data", str(tmp_path), "--once", "--every", "0.5"]) == code
    out, err = capsys.readouterr()
    assert "order to report" in out and "\x1b" not in out and err == "" and len(out.splitlines()) <= 24
    assert cli.main(["top", "--data", str(tmp_path), "--json", "--every", "0.5"]) == code
    told = json.loads(capsys.readouterr().out)
    assert told["exit"] == code and told["ok"] == (code == Exit.OK) and told["result"]["rates"]["commands"] == 0


def test_no_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["top", "--data", str(tmp_path)]) == Exit.UNREACHABLE
    assert "no server of this version has run there yet" in capsys.readouterr().err


@pytest.mark.parametrize("every", ["0", "0.4", "-1", "x", "1e9"])
def test_intervals_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str], every: str) -> None:
    Wrote(tmp_path).write()
    assert cli.main(["top", "--data", str(tmp_path), "--once", f"--every={every}"]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("exos: ")


def terminal(data: Path, columns: int, lines: int, keys: bytes) -> tuple[int, bytes]:
    """Run it on a terminal of that size, press the keys after it has shown something: (exit code, what it wrote)."""
    pid, fd = pty.fork()
    if pid == 0:
        env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(lines)}
        env.pop("NO_COLOR", None)
        os.execve(sys.executable, [sys.executable, "-m", "exchange_server.cli.main", "top", "--data", str(data), "--every", "0.5"], env)
    found, deadline, pressed = b"", time.monotonic() + 30, False
    while time.monotonic() < deadline:
        ready, _, _ = select.select([fd], [], [], 0.5)
        try:
            if ready:
                found += os.read(fd, 65536)
        except OSError:
            break
        if not pressed and (b"order to report" in found or b"needs 80" in found):
            os.write(fd, keys)
            pressed = True
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return os.waitstatus_to_exitcode(status), found


def test_on_a_terminal(tmp_path: Path) -> None:
    Wrote(tmp_path).write()
    code, found = terminal(tmp_path, 80, 24, b"q")
    assert code == 0 and b"\x1b[?1049h" in found and found.rstrip().endswith((b"\x1b[?25h", b"\x1b[?1049l")), "the screen is given back"
    assert b"Traceback" not in found


def test_on_a_terminal_that_is_too_small(tmp_path: Path) -> None:
    Wrote(tmp_path).write()
    code, found = terminal(tmp_path, 60, 10, b"\x03")
    assert code == 130 and b"needs 80 columns and 24 lines" in found and b"Traceback" not in found


def test_it_loads_no_kernels() -> None:
    code = "import sys; import exchange_server.cli.top, exchange_server.watch.view, exchange_server.watch.screen; print('numba' in sys.modules, 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False False\n"


def test_the_commands_of_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Wrote(tmp_path).write()
    monkeypatch.setenv("EXOS_DATA", str(tmp_path))
    text = (Path(__file__).resolve().parents[2] / "docs" / "watching.md").read_text(encoding="utf-8")
    commands = [line.split()[1:] for line in text.splitlines() if line.startswith("exos top")]
    assert len(commands) == 2
    for words in commands:
        assert cli.main(words) == Exit.OK, words
    capsys.readouterr()
    line = next(line for line in text.splitlines() if line.startswith("python -c"))
    done = subprocess.run([sys.executable, *shlex.split(line)[1:]], capture_output=True, text=True, check=True)
    files = {path.name for path in Path(done.stdout.strip()).iterdir()}
    assert files == {"exos.service", "exos-metrics.service", "exos-alerts.yml", "exos-dashboard.json"}
    assert all(f"| `{name}` |" in text for name in files)
