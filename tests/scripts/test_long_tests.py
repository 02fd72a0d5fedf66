"""./scripts/test --long: the table is correct, a name runs its tests in their long form, and nothing runs without limit."""

import re
import subprocess
from pathlib import Path

import pytest

from scripts import long_tests as lt

ROOT = lt.ROOT


def test_every_file_with_a_long_form_is_in_the_table_and_every_name_has_one() -> None:
    listed = {test for long in lt.LONG.values() for test in long.tests}
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text()
        if re.search(r"EXOS_LONG\"\)|^from (\.|tests\.journal\.)kit import.*\bLONG\b", text, re.MULTILINE):
            found.add(path.relative_to(ROOT).as_posix())
    assert listed == found - {"tests/scripts/test_long_tests.py"}
    assert all(long.minutes > 0 and long.what for long in lt.LONG.values())


def test_the_list_and_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert lt.main([]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(lt.LONG)
    assert lt.main(["nothing"]) == lt.USAGE
    assert "there is no long test 'nothing'" in capsys.readouterr().err


def test_a_name_runs_its_tests_in_their_long_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_it.py").write_text(
        "import os\ndef test_long(): assert os.environ['EXOS_LONG'] == '1'\ndef test_other(): assert False\n"
    )
    monkeypatch.setitem(
        lt.LONG, "it", lt.Long("x", 1, (str(tmp_path / "test_it.py"), "-p", "no:cacheprovider", "--rootdir", str(tmp_path)))
    )
    assert lt.main(["it", "-k", "test_long"]) == 0 and lt.main(["it"]) == 1
    capfd.readouterr()


def test_over_its_limit_it_has_failed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seen = []

    def late(command: list[str], timeout: float, **_: object) -> None:
        seen.append(timeout)
        raise subprocess.TimeoutExpired(command, timeout, b"so far")

    monkeypatch.setattr(lt.subprocess, "run", late)
    assert lt.main(["store"]) == lt.TIMED_OUT and len(seen) == 1 and 0 <= 60 * lt.LONG["store"].minutes - seen[0] < 10
    assert "stopped at its limit of 30 minutes" in capsys.readouterr().err
    assert lt.main(["crash"]) == lt.TIMED_OUT and len(seen) == 1 + len(lt.LONG["crash"].tests)
    out, err = capsys.readouterr()
    assert out.count("so far") == len(lt.LONG["crash"].tests) and err.count("stopped at its limit of 60 minutes") == 1


def test_files_apart_run_side_by_side_and_the_worst_code_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, body in (("a", "pass"), ("b", "assert False"), ("c", "pass")):
        (tmp_path / f"test_{name}.py").write_text(f"def test_{name}(): {body}\n")
    files = tuple(str(tmp_path / f"test_{name}.py") for name in "abc")
    monkeypatch.setitem(lt.LONG, "it", lt.Long("x", 1, files, apart=True))
    more = ["-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    assert lt.main(["it", *more]) == 1
    assert lt.main(["it", "-k", "test_a or test_c", *more]) == 0, "nothing is selected of the other file"
    assert lt.main(["it", "-k", "nothing", *more]) == lt.NO_TESTS
    assert "test_b.py:" in capfd.readouterr().out
