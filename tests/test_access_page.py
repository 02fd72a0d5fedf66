"""docs/access.md: every command of the page on a real server under TLS, with this server's names; a second person approves and refuses."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.server_kit import ServerProcess
from tests.test_tls_server import server

__all__ = ["server"]  # a fixture

PAGE = Path(__file__).resolve().parent.parent / "docs" / "access.md"


def blocks() -> list[list[str]]:
    """The command lines of each shell block, without their comments."""
    found = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [[re.sub(r"\s+# .*", "", line) for line in block.splitlines()] for block in found]


def test_every_command_of_the_page(
    server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXOS_DATA", str(server.data))
    (tmp_path / "tls-ca.pem").write_bytes((server.data / "tls-ca.pem").read_bytes())
    here = {"exchange.example:9900": f"localhost:{server.ready['admin_port']}", "WC26": "V"}

    def exos(line: str, **words: Any) -> str:
        for old, new in {**here, **words}.items():
            line = line.replace(old, str(new))
        name, *arguments = shlex.split(line)
        assert name == "exos"
        code = cli.main(arguments)
        out, err = capsys.readouterr()
        assert code == Exit.OK, (line, out, err)
        return out

    people, approvals, listed, (export, *remote) = blocks()
    for line in people[:4]:
        said = exos(line)
    assert "venue_operator" in said and (tmp_path / "anna.key").stat().st_mode & 0o777 == 0o600
    variables = dict(word.split("=", 1) for word in shlex.split(export)[1:])
    for name, value in variables.items():
        monkeypatch.setenv(name, here.get(value, value))
    assert "CUP" in exos(remote[0])
    assert "logged_on" in exos(remote[1])

    def wait() -> int:
        """anna releases the venue's kill switch, which waits for a second person: its number."""
        exos("exos risk kill venue V")
        return int(re.search(r"waits for a second person as (\d+)", exos("exos risk release venue V"))[1])  # type: ignore[index]

    first = wait()
    assert "kill switch" in exos(approvals[0])
    for name in variables:
        monkeypatch.delenv(name)  # the operator's socket is the second person
    assert exos(approvals[1], **{"7": first})
    for name, value in variables.items():
        monkeypatch.setenv(name, here.get(value, value))
    second = wait()
    for name in variables:
        monkeypatch.delenv(name)
    assert "is refused" in exos(approvals[2], **{"7": second})
    assert exos(listed[0])
    for line in people[4:]:
        exos(line)
