"""What commands write on a terminal and elsewhere: tables, pairs, bars, colours."""

import contextlib
import io
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange_server.cli import output, progress

ROOT = Path(__file__).resolve().parents[2]
TABLE = """
from exchange_server.cli.output import pairs, table
table(("name", ">amount", "title"), [("A", "1.00", "first [red]x[/red]"), ("BB", "10.00", "\\x1b[31mevil")])
pairs([("key", 1), ("longer", "x")])
"""


def on_terminal(program: str, **environment: str) -> str:
    """What a terminal gets of a Python program whose stdout and stderr it is."""
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")} | {
        "TERM": "xterm-256color",
        "COLUMNS": "100",
    }
    process = subprocess.Popen([sys.executable, "-c", program], stdout=theirs, stderr=theirs, cwd=ROOT, env={**env, **environment})
    os.close(theirs)
    out = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    process.wait(20)
    os.close(ours)
    return out.decode()


def test_a_table_elsewhere_is_plain_and_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    exec(TABLE)
    assert capsys.readouterr().out.splitlines() == [
        "name  amount  title",
        "A       1.00  first [red]x[/red]",
        "BB     10.00  ?[31mevil",
        "key     1",
        "longer  x",
    ]


def test_a_table_on_a_terminal_is_drawn_and_coloured() -> None:
    shown = on_terminal(TABLE)
    assert "━" in shown or "─" in shown
    assert "\x1b[1m" in shown and "\x1b[36m" in shown, "bold titles, the first column and keys in a colour"
    assert "first [red]x[/red]" in shown and "\x1b[31mevil" not in shown, "what a title says does not steer the terminal"


def test_no_color_gives_plain_text_on_a_terminal() -> None:
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        shown = on_terminal(TABLE, **environment)
        assert "\x1b" not in shown and "A       1.00  first" in shown


BAR = """
import time
from exchange_server.cli import progress
progress.SHOWN_AFTER_S = 0.1
with progress.progress("replaying", "rows") as at:
    at(500_000, 1_000_000)
    time.sleep(1)
print("done")
"""


def test_a_bar_on_a_terminal() -> None:
    shown = on_terminal(BAR)
    assert "replaying" in shown and "500,000 of 1,000,000 rows, 50 %" in shown and "s left" in shown
    assert shown.rstrip().endswith("done")


def test_what_is_done_at_once_shows_no_bar() -> None:
    shown = on_terminal(BAR.replace("0.1", "30"))
    assert shown == "done\r\n"


def test_elsewhere_there_is_no_bar_and_with_verbose_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress("replaying", "rows") as at:
        at(1, 2)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(progress, "verbose", lambda: True)
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.01)
    with progress.progress("replaying", "rows") as at:
        time.sleep(0.02)
        at(1, 2)
        at(2, 2)
    out, err = capsys.readouterr()
    first, last = err.splitlines()
    assert out == "" and first.startswith("replaying: 1 of 2 rows, 50 %, ") and last.startswith("replaying: 0.")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (("replaying", "rows", 1_200_000, 4_800_000, 3.0), "replaying: 1,200,000 of 4,800,000 rows, 25 %, 400,000 rows/s, 9 s left"),
        (("replaying", "rows", 10, 0, 2.0), "replaying: 10 rows, 5 rows/s"),
        (("x", "", 4, 4, 2.0), "x: 4 of 4, 100 %, 2/s"),
        (("x", "", 0, 4, 0.0), "x: 0 of 4, 0 %, 0/s"),
    ],
)
def test_how_far_it_is_in_words(given: tuple[str, str, int, int, float], shown: str) -> None:
    assert progress.line(*given) == shown


def test_a_stream_that_is_no_terminal_is_plain() -> None:
    assert not output.fancy(io.StringIO())


def test_work_that_says_nothing_is_shown_by_how_long_it_is_expected_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    @contextlib.contextmanager
    def noted(what: str, unit: str, total: int) -> Iterator[Any]:
        yield told.append

    monkeypatch.setattr(progress, "progress", noted)
    monkeypatch.setattr(progress, "TICK_S", 0.01)
    with progress.expected("applying", "definitions", 1000, 0.2):
        end = time.monotonic() + 60
        while 990 not in told and time.monotonic() < end:
            time.sleep(0.01)
    assert told == sorted(told) and told[-1] == 990, "never done before it is"
    told.clear()
    with progress.expected("applying", "definitions", 1000, 0):
        time.sleep(0.05)
    assert told == []


def test_nothing_is_said_after_the_work_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the one who says it has just been about to."""
    told: list[str] = []

    @contextlib.contextmanager
    def slow(what: str, unit: str, total: int) -> Iterator[Any]:
        def at(done: int) -> None:
            told.append("begun")
            time.sleep(0.1)
            told.append("said")

        yield at
        told.append("end")

    monkeypatch.setattr(progress, "progress", slow)
    monkeypatch.setattr(progress, "TICK_S", 0.001)
    with progress.expected("applying", "definitions", 1000, 0.2):
        while not told:
            time.sleep(0.001)
    assert told[-1] == "end" and told.count("begun") == told.count("said")
