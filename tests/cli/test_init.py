"""`exos init`: what it writes is valid, its secrets are good and where they belong, it never hangs and overwrites nothing."""

import json
import re
import shlex
import stat
import tomllib
from pathlib import Path

import click
import pytest

from config import admin_records as ar
from config import load
from exchange_server import certificates
from exchange_server.cli import init_cmd
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from protocol import credentials


def init(folder: Path, *arguments: str) -> int:
    return cli.main(["init", str(folder), *arguments])


def test_what_it_writes_is_valid_and_accessible_to_its_owner_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "exchange"
    assert init(folder) == 0, "not on a terminal: the defaults"
    out = capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {"exos.toml", "credentials.txt", "maker.key"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir()) and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert cli.main(["config", "check", str(folder / "exos.toml")]) == 0
    assert (
        "1 assets, 1 venues, 2 markets, 4 instruments, 3 firms, 3 accounts, 1 binary sessions, 1 fix sessions, 2 deposits"
        in capsys.readouterr().out
    )
    commands = [line.strip() for line in out.splitlines() if line.startswith("  exos ")]
    assert len(commands) == 5 and all(str(folder) in command for command in commands)
    for command in commands:
        with cli.root.make_context("exos", shlex.split(command)[1:]) as context:
            name, rest = context._protected_args[0], context.args
            found = cli.root.get_command(context, name)
            assert found is not None
            if isinstance(found, click.Group):
                found, rest = found.get_command(context, rest[0]), rest[1:]
            assert found is not None
            found.make_context(name, list(rest), parent=context).close()


def test_the_secrets_are_new_strong_and_belong_together(tmp_path: Path) -> None:
    seen = set()
    for name in ("a", "b"):
        assert init(tmp_path / name, "--yes") == 0
        text = (tmp_path / name / "exos.toml").read_text()
        records = [item.record for item in load.load(tmp_path / name / "exos.toml").items]
        (session,) = (one for one in records if isinstance(one, ar.DefineSession) and one.wire == "fix")
        (key,) = (one for one in records if isinstance(one, ar.DefineKey))
        private, id = credentials.private_key((tmp_path / name / "maker.key").read_text())
        assert id == key.id and credentials.public_hex(private) == key.verifier
        assert re.fullmatch("[a-z2-7]{52}", session.secret), "256 bits"
        assert session.secret in (tmp_path / name / "credentials.txt").read_text() and "PRIVATE" not in text
        seen |= {session.secret, key.verifier}
    assert len(seen) == 4


def test_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "x"
    code = init(
        folder, "--venue", "CUP-1", "--asset", "EUR", "--decimals", "2", "--host", "::1", "--fix-port", "1", "--binary-port", "2", "--json"
    )
    document = json.loads(capsys.readouterr().out)
    assert code == 0 and document["result"]["sessions"] == ["CUP-1.MM1", "CUP-1.INST1"] and len(document["result"]["next"]) == 5
    content = tomllib.loads((folder / "exos.toml").read_text())
    assert (
        content["server"]["host"] == "::1"
        and content["asset"] == [{"name": "EUR", "decimals": 2}]
        and content["venue"][0]["name"] == "CUP-1"
    )
    assert cli.main(["config", "check", str(folder / "exos.toml")]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--venue", "A B"), '--venue: "A B" is no name of a venue'),
        (("--venue", "A.B"), '--venue: "A.B" is no name of a venue'),
        (("--asset", ""), '--asset: "" is no name of an asset'),
        (("--asset", "U.S"), "has a dot"),
        (("--decimals", "1"), "--decimals: "),
        (("--host", 'a"b'), "is no address"),
        (("--host", ""), "is no address"),
    ],
)
def test_bad_options_write_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str) -> None:
    assert init(tmp_path / "x", *arguments) == Exit.USAGE
    assert sentence in capsys.readouterr().err and not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", init_cmd.OURS)
def test_a_folder_with_anything_of_ours_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / name).symlink_to("nowhere")
    assert init(tmp_path / "x") == Exit.CONFIG
    assert f"has {name} already" in capsys.readouterr().err and [path.name for path in (tmp_path / "x").iterdir()] == [name]


def test_a_folder_of_other_things_is_taken_and_a_file_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert init(tmp_path) == 0 and (tmp_path / "notes.txt").read_text() == "mine"
    assert init(tmp_path / "notes.txt") == Exit.USAGE and "is not a folder" in capsys.readouterr().err


def test_on_a_terminal_it_asks_and_asks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["A B", "CUP", "EUR", "x", "3", "127.0.0.1"])
    asked: list[str] = []

    def prompt(text: str, **_: object) -> str:
        asked.append(text)
        return next(answers)

    monkeypatch.setattr(init_cmd.click, "prompt", prompt)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert init(tmp_path / "x") == 0 and len(asked) == 6
    content = tomllib.loads((tmp_path / "x" / "exos.toml").read_text())
    assert content["venue"][0]["name"] == "CUP" and content["asset"] == [{"name": "EUR", "decimals": 3}]
    asked.clear()
    assert init(tmp_path / "y", "--yes") == 0 and asked == []


def test_development_certificates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "x"
    assert init(folder, "--tls-dev") == 0
    out = capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {"exos.toml", "credentials.txt", "maker.key", *init_cmd.TLS}
    assert stat.S_IMODE((folder / "tls-key.pem").stat().st_mode) == 0o600 and f"--ca {folder}/tls-ca.pem" in out
    assert cli.main(["config", "check", str(folder / "exos.toml")]) == 0
    settings = load.load(folder / "exos.toml").settings
    assert all((folder / "data" / name).resolve().parent == folder for name in (settings.tls_cert, settings.tls_key)), (
        "from the data folder"
    )
    certificate = certificates.read_certificate(folder / "tls-cert.pem")
    assert set(certificate.names) == {"127.0.0.1", "localhost"}
