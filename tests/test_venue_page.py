"""docs/venue-in-ten-minutes.md: every command of the page, in its order, on a fresh folder and against a real server."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server_kit import free_port

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "venue-in-ten-minutes.md"
SECONDS = 420
WAIT = "for i in $(seq 1800); do [ -S exchange/data/admin.sock ] && break; sleep 0.1; done"


def commands() -> list[str]:
    """The lines of the page's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def script(fix: int, binary: int, admin: int) -> str:
    """The page's commands with ports that are free here, each preceded by a line that names it."""
    out = ["set -e", "trap 'kill $server; wait' EXIT"]
    for line in commands():
        if line.startswith("exos init"):
            line += f" --fix-port {fix} --binary-port {binary} --admin-port {admin}"
        elif line.startswith("exos trade"):
            line += f" --port {binary}"
        line = line.replace("127.0.0.1:9900", f"127.0.0.1:{admin}")
        out += [f"cat <<'END'\n$ {line}\nEND", line]
        if line.endswith("&"):
            out += ["server=$!", WAIT]
    return "\n".join([*out, "unset EXOS_SERVER EXOS_PRINCIPAL EXOS_ADMIN_KEY_FILE EXOS_CA", "exos check", ""])


def test_every_command_of_the_page(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("EXOS_") or key == "EXOS_CACHE_DIR"}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    done = subprocess.run(
        ["sh", "-c", script(free_port(), free_port(), free_port())],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said = dict(re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", done.stdout, re.MULTILINE))

    def of(beginning: str) -> str:
        return "".join(text for line, text in said.items() if line.startswith(beginning))

    assert "20" in of("exos trade buy") and "filled" in of("exos trade buy")
    assert "ACME.DERBY-HOME" in of("exos trade positions")
    assert re.search(r"HOME 1\.0000", of("exos market settle"))
    fan = of("exos account statement ACME.FAN-A")
    assert all(word in fan for word in ("deposit", "trade", "fee", "settlement")), fan
    for file in ("ann.key", "maker.key", "fan.key"):
        assert (tmp_path / file).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("word", ["exos venue create", "exos role grant", "exos market create", "exos trade buy", "exos market settle"])
def test_the_page_goes_the_whole_way(word: str) -> None:
    assert any(line.startswith(word) for line in commands())
