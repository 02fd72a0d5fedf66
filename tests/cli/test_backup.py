"""`exos backup` and `exos promote`: what they say, and their exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.backup.kit import Source


@pytest.fixture
def source(tmp_path: Path) -> Source:
    made = Source(tmp_path / "data")
    made.data.chmod(0o700)
    made.trade(20)
    return made


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    code = cli.main([*map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_round_with_json(tmp_path: Path, source: Source, capsys: pytest.CaptureFixture[str]) -> None:
    dest, key = tmp_path / "dest", tmp_path / "key"
    assert run(capsys, "backup", "key", key)[0] == Exit.OK
    code, made = run(capsys, "backup", "create", dest, "--data", source.data, "--key", key)
    assert code == Exit.OK and made["result"]["rows"] == source.rows and made["result"]["new_bytes"] > 0
    code, listed = run(capsys, "backup", "list", dest, "--key", key)
    assert code == Exit.OK and [one["name"] for one in listed["result"]] == [made["result"]["name"]]
    code, checked = run(capsys, "backup", "verify", dest, "--key", key)
    assert code == Exit.OK and checked["result"][0]["bytes"] > 0
    code, done = run(capsys, "backup", "restore", dest, "newest", tmp_path / "back", "--row", 41, "--as-new", "--key", key)
    assert code == Exit.OK and done["result"]["rows"] == 40 and done["result"]["start"] == f"exos serve --data {tmp_path / 'back'}"
    assert cli.main(["backup", "list", str(dest), "--key", str(key)]) == Exit.OK
    assert f"{made['result']['name']}  20" in capsys.readouterr().out
    source.end()


def test_each_refusal_has_its_exit_code(tmp_path: Path, source: Source, capsys: pytest.CaptureFixture[str]) -> None:
    dest = tmp_path / "dest"
    assert run(capsys, "backup", "create", dest, "--data", source.data)[0] == Exit.OK
    for code, text, *words in (
        (Exit.FAILED, "has no backup x", "restore", dest, "x", tmp_path / "back"),
        (Exit.LOCKED, "running server", "restore", dest, "newest", source.data),
        (Exit.FENCED, "the old server lives", "restore", dest, "newest", tmp_path / "back", "--replace"),
        (Exit.FAILED, "does not hold row 999", "restore", dest, "newest", tmp_path / "back", "--row", 999),
        (Exit.USAGE, "give one of them", "restore", dest, "newest", tmp_path / "back", "--row", 1, "--time", "2026-07-19T21:40:00Z"),
        (Exit.USAGE, "either a new server", "restore", dest, "newest", tmp_path / "back", "--as-new", "--replace"),
        (Exit.USAGE, "not a UTC time", "restore", dest, "newest", tmp_path / "back", "--time", "yesterday"),
        (Exit.CONFIG, "key file", "list", dest, "--key", tmp_path / "nothing"),
        (Exit.FAILED, "holds no backups", "list", tmp_path / "nothing"),
        (Exit.FAILED, "it has no journal", "create", tmp_path / "other", "--data", tmp_path / "nothing"),
        (Exit.USAGE, "belongs on another disk", "create", source.data / "b", "--data", source.data),
    ):
        got, answer = run(capsys, "backup", *words)
        assert got == code and answer["exit"] == code and not answer["ok"] and text in answer["text"], answer
    assert not (tmp_path / "back").exists()
    next((dest / "objects").glob("??/*")).unlink()
    code, answer = run(capsys, "backup", "verify", dest)
    assert code == Exit.FAILED and "is missing" in answer["text"]
    source.data.chmod(0o750)
    code, answer = run(capsys, "backup", "create", dest, "--data", source.data)
    assert code == Exit.CONFIG and "chmod 700" in answer["text"]
    source.data.chmod(0o700)
    code, answer = run(capsys, "promote", source.data)
    assert code == Exit.FENCED and "the old server lives" in answer["text"]
    source.end()


def test_promote_says_how_to_start(source: Source, capsys: pytest.CaptureFixture[str]) -> None:
    rows = source.rows
    source.end()
    code, answer = run(capsys, "promote", source.data)
    assert code == Exit.OK and answer["result"]["rows"] == rows and f"Start it: exos serve --data {source.data}" in answer["text"]
    code, answer = run(capsys, "promote", source.data / "journal")
    assert code == Exit.FAILED and "it has no journal" in answer["text"]
