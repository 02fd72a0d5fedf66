"""exos serve, up to the point where the server takes over."""

from pathlib import Path

import pytest

from exchange_server import start
from exchange_server.cli import main as cli
from exchange_server.cli import serve
from exchange_server.exits import Exit
from exchange_server.registry import Registry


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    ready = serve.options(["--data", str(tmp_path / "d"), "--config", "sandbox"])
    assert ready.sandbox and ready.configured and not ready.given
    assert (ready.settings.fix_port, ready.settings.binary_port, ready.settings.mode, ready.config_name) == (
        9880,
        9890,
        "sync",
        "sandbox.toml",
    )
    assert ready.data == tmp_path / "d" and len(ready.items) == 673 and not ready.data.exists()
    asked = ["--fix-port", "0", "--binary-port", "0", "--mode", "async", "--host", "::1"]
    ready = serve.options(["--data", str(tmp_path / "d"), "--config", "sandbox", *asked])
    assert ready.given == {"host": "::1", "fix_port": 0, "binary_port": 0, "mode": "async"}
    assert start.settings_for(ready, Registry())[0][:4] == ("::1", 0, 0, "async")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--config", "sandbox", "--fix-port", "9890"), Exit.CONFIG, "cannot share port 9890"),
        (("--config", "nowhere"), Exit.CONFIG, "nowhere: there is no such file (shipped by name: "),
        (("--data", "FILE"), Exit.USAGE, "is not a folder"),
        ((), Exit.CONFIG, "exos-data is a new data folder and needs a configuration: exos serve --data exos-data --config FILE"),
    ],
)
def test_what_is_told_before_anything_starts(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["serve", *(str(tmp_path / "file") if a == "FILE" else a for a in arguments)]) == code
    err = capsys.readouterr().err
    assert sentence in err and len(err.splitlines()) == 1
