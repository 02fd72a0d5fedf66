"""The comparison of two trees: alternating rounds, ratios in the right direction, void rounds left out, and the error if a side cannot
run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from perf import against, bench
from perf.against import AgainstRefused, Line, Side, compare, show, take

HERE, THERE = Side("this tree", Path("here"), []), Side("that commit", Path("there"), [])


def row(name: str, figure: float, more: bool = True, void: str = "") -> dict[str, Any]:
    return {"name": name, "unit": "x", "figure": figure, "more_is_better": more, "void": void}


def test_sides_run_in_turn_and_the_first_changes() -> None:
    ran: list[tuple[str, str]] = []
    said: list[str] = []

    def run(side: Side, rows: Sequence[str], scale: float, seconds: int = 0) -> list[dict[str, Any]]:
        ran.append((side.name, rows[0]))
        return [row("rate", 200.0 if side is HERE else 100.0), row("time", 4.0 if side is HERE else 2.0, more=False)]

    lines = compare("REV", ["core"], 3, 1.0, said.append, run, (HERE, THERE))
    assert ran[:2] == [("this tree", "compile"), ("that commit", "compile")]
    assert [name for name, _ in ran[2:]] == ["that commit", "this tree", "this tree", "that commit", "that commit", "this tree"]
    assert {line.name: line.ratios for line in lines} == {"rate": [2.0, 2.0, 2.0], "time": [0.5, 0.5, 0.5]}
    assert any("x 2.000" in text and "faster" in text for text in said) and any("x 0.500" in text and "slower" in text for text in said)


def test_spread_is_of_rounds_not_of_figures() -> None:
    lines: dict[str, Line] = {}
    for here, there in ((100, 100), (50, 50), (60, 50)):  # the machine halved, the change did not
        take(lines, [row("rate", here)], [row("rate", there)])
    assert lines["rate"].ratios == [1.0, 1.0, 1.2]
    assert "x 1.000  (1.00 to 1.20, 3 rounds)" in show(lines["rate"]) and "slower" not in show(lines["rate"])


def test_a_void_side_takes_its_round_out() -> None:
    lines: dict[str, Line] = {}
    take(lines, [row("rate", 100, void="too late")], [row("rate", 100)])
    assert lines["rate"].ratios == [] and "VOID in all 1 rounds" in show(lines["rate"])
    take(lines, [row("rate", 90)], [row("rate", 100)])
    assert lines["rate"].ratios == [0.9] and "1 void" in show(lines["rate"]) and "slower" in show(lines["rate"])


def test_rows_of_one_side_are_named() -> None:
    said: list[str] = []

    def run(side: Side, rows: Sequence[str], scale: float, seconds: int = 0) -> list[dict[str, Any]]:
        return [row("new" if side is HERE else "old", 1.0)]

    assert compare("REV", ["core"], 1, 1.0, said.append, run, (HERE, THERE)) == []
    assert any(text.startswith("new ") and "only in this tree" in text for text in said)
    assert any(text.startswith("old ") and "only in that commit" in text for text in said)


def test_a_commit_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["alone", "--against", "no-such-commit"]) == 1
    assert "FAILED: no-such-commit: there is no such commit here" in capsys.readouterr().out


def test_a_side_that_fails_is_named_with_its_last_lines(tmp_path: Path) -> None:
    side = Side("that commit", tmp_path, ["sh", "-c", "echo core: FAILED: two and two are five; exit 1"])
    with pytest.raises(AgainstRefused, match="that commit: core: exit code 1: core: FAILED: two and two are five"):
        against.run_rows(side, ["core"], 1.0)


def test_a_side_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(AgainstRefused, match="not done after 1 s"):
        against.run_rows(Side("that commit", tmp_path, ["sh", "-c", "sleep 60 & wait"]), ["core"], 1.0, seconds=1)


def test_a_side_runs_its_own_sources(tmp_path: Path) -> None:
    (tmp_path / "perf").mkdir()
    (tmp_path / "perf" / "__init__.py").touch()
    (tmp_path / "perf" / "bench.py").write_text(
        "import json, sys, pathlib\n"
        "file = pathlib.Path(sys.argv[sys.argv.index('--json') + 1])\n"
        "file.write_text(json.dumps({'rows': [{'name': str(pathlib.Path(__file__).parent.parent)}]}))\n"
    )
    assert against.run_rows(Side("that commit", tmp_path, against.this_side().command), ["core"], 1.0) == [{"name": str(tmp_path)}]


def test_rounds_below_one_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["alone", "--against", "HEAD", "--rounds", "0"])
    assert "--rounds 0: must be at least 1" in capsys.readouterr().err
