"""The two halves of all tests: every file is in exactly one, a failure in either fails the whole, and the last line counts both."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts import all_tests as at


def test_every_file_is_in_exactly_one_half() -> None:
    first, second = at.halves()
    assert second[0] == "tests" and [option.removeprefix("--ignore=") for option in second[1:]] == first
    for folder in first:
        assert list((at.ROOT / folder).glob("test_*.py")), folder
    files = {path.relative_to(at.ROOT).as_posix() for path in (at.ROOT / "tests").rglob("test_*.py")}
    of_first = {file for file in files if any(file.startswith(f"{folder}/") for folder in first)}
    assert 0.2 < len(of_first) / len(files) < 0.8


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (["= 3 passed in 1.00s =", "==== 2 passed, 1 skipped in 2.00s (0:00:02) ===="], "5 passed, 1 skipped"),
        (["1 failed, 3 passed, 1 warning in 1.00s", "2 failed, 1 error in 2.00s"], "3 failed, 1 error, 3 passed, 1 warning"),
        (["3 passed in 1.00s", "2 passed, 2 errors, 3 warnings in 0.5s"], "2 error, 5 passed, 3 warning"),
        (["Traceback", "2 passed in 2.00s"], "1 unfinished, 2 passed"),
        (["5 passed in 9 lines\n1 passed in 2.00s\nSKIP", "2 passed in 2.00s"], "3 passed"),
    ],
)
def test_what_both_say_is_added_up(outputs: list[str], said: str) -> None:
    assert at.counted(outputs) == said


def half(folder: Path, text: str) -> list[str]:
    folder.mkdir()
    (folder / "test_it.py").write_text(text)
    return [str(folder), "--rootdir", str(folder), "-p", "no:cacheprovider"]


def test_both_halves_are_shown(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    good = half(tmp_path / "a", "def test_a(): pass\ndef test_b(): pass\n")
    bad = half(tmp_path / "b", "def test_c(): assert 'the second' == ''\n")
    assert at.run(good, bad) == 1
    out = capfdbinary.readouterr().out.decode()
    assert "the second" in out and out.splitlines()[-1].startswith("==== 1 failed, 2 passed in ")


@pytest.mark.parametrize(("codes", "found"), [((0, 0), 0), ((2, 0), 2), ((0, 1), 1)])
def test_either_half_fails_the_whole(
    codes: tuple[int, int], found: int, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    def start(arguments: list[str], out: Any) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(["sh", "-c", f"echo 2 passed in 1.00s; exit {arguments[0]}"], stdout=out, stderr=subprocess.STDOUT)

    monkeypatch.setattr(at, "_start", start)
    assert at.run([str(codes[0])], [str(codes[1])]) == found
    assert capfdbinary.readouterr().out.decode().splitlines()[-1].startswith("==== 4 passed in ")
