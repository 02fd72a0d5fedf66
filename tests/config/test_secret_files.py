"""A configuration file with secrets that others can use is refused wherever it is read; the published secrets of the shipped files do not
count."""

from pathlib import Path

import pytest

from config import load
from config.load import ConfigError
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.config.test_load import GOOD, write

WITHOUT = GOOD[: GOOD.index("[[member]]")]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666, 0o755])
def test_a_file_with_secrets_must_be_its_owners_alone(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, GOOD)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode 0{mode:o}.*chmod 600 {path}") as found:
        load.load(path)
    assert str(found.value).startswith(f"{path}:{found.value.line}: member[0].session[0].secret: ") and found.value.line > 0
    path.chmod(0o600)
    load.load(path)
    path.chmod(0o400)
    load.load(path)


def test_files_without_secrets_may_be_read_by_anybody(tmp_path: Path) -> None:
    path = write(tmp_path, WITHOUT)
    path.chmod(0o644)
    load.load(path)
    accounts_only = GOOD[: GOOD.index("session = [")]
    write(tmp_path, accounts_only).chmod(0o644)
    load.load(path)


def test_an_included_file_and_a_link_are_looked_at_themselves(tmp_path: Path) -> None:
    base = write(tmp_path, GOOD, "base file.toml")
    outer = write(tmp_path, 'include = ["base file.toml"]\n', "outer.toml")
    outer.chmod(0o644)
    load.load(outer)
    base.chmod(0o644)
    with pytest.raises(ConfigError, match=f"chmod 600 '{base}'"):
        load.load(outer)
    link = tmp_path / "link.toml"
    link.symlink_to(base)
    with pytest.raises(ConfigError, match="chmod 600"):
        load.load(link)


def test_the_shipped_files_are_exempt_and_a_copy_is_not(tmp_path: Path) -> None:
    assert load.load("sandbox").items
    text = load.find("sandbox").read_text()
    copy = write(tmp_path, text.replace('include = ["worldcup.toml"]', f'include = ["{load.find("worldcup")}"]'))
    copy.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load.load(copy)


@pytest.mark.parametrize(
    "command",
    [
        ("serve", "--config", "FILE", "--data", "DATA"),
        ("config", "check", "FILE"),
        ("config", "apply", "FILE", "--data", "DATA"),
        ("config", "apply", "--dry-run", "FILE", "--data", "DATA"),
        ("doctor", "--config", "FILE", "--data", "DATA"),
        ("journal", "replay", "--config", "FILE", "DATA"),
    ],
)
def test_every_command_that_reads_it_says_chmod(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    path, data = write(tmp_path, GOOD), tmp_path / "data"
    path.chmod(0o640)
    names = {"FILE": str(path), "DATA": str(data)}
    assert cli.main([names.get(word, word) for word in command]) == Exit.CONFIG
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and f"chmod 600 {path}" in err and "Traceback" not in err + out
    assert not data.exists(), "nothing was begun"
