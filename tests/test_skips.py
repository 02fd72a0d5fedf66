import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import LIST, allowed, read_patterns

ROOT = Path(__file__).parent.parent


def test_the_list_of_this_checkout_can_be_read():
    read_patterns(LIST.read_text(encoding="utf-8"))


@pytest.mark.parametrize("line", ["tests/test_a.py::test_b", "| reason", "tests/test_a.py::test_b |", "tests/* | *"])
def test_a_line_without_test_or_reason_is_refused(line):
    with pytest.raises(ValueError, match=r"allowed_skips.txt:2"):
        read_patterns(f"# head\n{line}\n")


@pytest.mark.parametrize(
    ("test", "reason", "expected"),
    [
        ("tests/test_a.py::test_b[x-1]", "no IPv6 here", True),
        ("tests/test_a.py::test_b[x-2]", "no IPv6 here", False),
        ("tests/test_a.py::test_b[x-1]", "too slow", False),
        ("tests/test_c.py::anything", "needs tc: not installed", True),
    ],
)
def test_both_the_test_and_the_reason_must_be_listed(test, reason, expected):
    patterns = read_patterns("tests/test_a.py::test_b[x-1] | no IPv6 here\ntests/test_c.py::* | needs tc*\n")
    assert allowed(patterns, test, reason) is expected


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("def test_one(): pass", 0),
        ("import pytest\ndef test_one(): pytest.skip('not today')", 1),
        ("import pytest\npytest.skip('not this file', allow_module_level=True)", 1),
        ("import pytest\n@pytest.mark.xfail\ndef test_one(): assert False", 0),
    ],
)
def test_an_unlisted_skip_fails_the_run(tmp_path, body, code):
    (tmp_path / "test_it.py").write_text(body)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.skips",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        tmp_path,
        tmp_path,
    ]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert ("SKIP NOT LISTED" in done.stdout) is (code == 1)
