"""exos demo worldcup: its options, and what it hands to the tournament (which tests/demo/ plays)."""

import json
from pathlib import Path
from typing import Any

import pytest

from exchange_server.cli.main import main
from exchange_server.demo import street, tournament
from exchange_server.exits import Exit


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[tournament.Setting, Path, bool]]:
    found: list[tuple[tournament.Setting, Path, bool]] = []

    def play(setting: tournament.Setting, folder: Path, screen: Any, keep: bool = False) -> tournament.Ended:
        found.append((setting, folder, keep))
        screen.line("played")
        return tournament.Ended(Exit.OK if setting.seed else Exit.FAILED, {"seed": setting.seed})

    monkeypatch.setattr(tournament, "play", play)
    monkeypatch.setattr(street, "fresh_folder", lambda: tmp_path / "fresh")
    return found


def test_the_short_and_the_long_form(played: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "worldcup", "--seed", "7"]) == Exit.OK and capsys.readouterr().out == "played\n"
    assert main(["demo", "worldcup", "--tournament", "--seed", "0"]) == Exit.FAILED, "its own exit code"
    assert (
        main(["demo", "worldcup", "--tournament", "--speed", "60000", "--rate", "50", "--no-kill", "--data", str(tmp_path / "own")])
        == Exit.OK
    )
    short, long, own = played
    assert short == (tournament.Setting(109_770, 7, 2_500, True, False), tmp_path / "fresh", False)
    assert long[0] == tournament.Setting(30_000, 0, 1_000, True, True)
    assert own[0]._replace(seed=1) == tournament.Setting(60_000, 1, 50, False, True) and own[1:] == (tmp_path / "own", True)
    assert (tmp_path / "own").is_dir()


def test_json(played: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "worldcup", "--seed", "3", "--json"]) == Exit.OK
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] and document["text"] == "played" and document["result"] == {"seed": 3} and len(played) == 1


@pytest.mark.parametrize(
    ("given", "code", "sentence"),
    [
        (["--speed", "5000"], Exit.USAGE, "--speed needs --tournament"),
        (["--tournament", "--speed", "999"], Exit.USAGE, "999"),
        (["--tournament", "--speed", "fast"], Exit.USAGE, "fast"),
        (["--rate", "9"], Exit.USAGE, "9"),
        (["--data", "FULL"], Exit.FAILED, "is not empty: the demonstration wants a folder of its own"),
        (["--data", "FILE"], Exit.FAILED, "cannot be used"),
    ],
)
def test_what_is_refused(
    played: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], code: Exit, sentence: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    places = {"FULL": str(tmp_path / "full"), "FILE": str(tmp_path / "full" / "file")}
    assert main(["demo", "worldcup", *(places.get(word, word) for word in given)]) == code
    assert sentence in capsys.readouterr().err and played == []
