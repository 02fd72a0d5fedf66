"""`exos top`: a running server at a glance, from its page of counters; works while the server hangs."""

import shutil
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..exits import Exit
from .command import verb
from .common import CommandError, Seconds, Unreachable
from .connect import data_option
from .output import JSON, Result, fancy

if TYPE_CHECKING:
    from ..watch.view import View

SHORTEST_S = 0.5  # the server writes its page twice a second


@verb(
    "top",
    "a running server at a glance: rates, times, sessions, disk, follower",
    details="Reads what the server writes to its page of counters twice a second, so it asks nothing of the server and shows one that hangs. "
    "q and Ctrl-C end it. With --once, with --json, or without a terminal it looks at one interval and ends: exit 0 if the server accepts orders, 1 if not, "
    "9 if none runs, 18 if it hangs.",
    examples=("exos top", "exos top --once", "exos top --json --every 5"),
)
@data_option
@click.option("--every", type=Seconds(), default=2.0, metavar="SECONDS", help="Time between two looks, at least 0.5 (default: 2).")
@click.option("--once", is_flag=True, help="Show one interval and end.")
def top(data: Path, every: float, once: bool) -> Result:
    if every < SHORTEST_S:
        raise CommandError(
            Exit.USAGE, f"--every {every:g}: must be at least {SHORTEST_S:g} seconds, because the server writes its page that often"
        )
    json = bool(click.get_current_context().meta.get(JSON))
    if once or json or not fancy(sys.stdout):
        return _once(data, every, quiet=json)
    _live(data, every)
    return Result()


def _look(data: Path) -> "View":
    from ..watch.page import NoPage
    from ..watch.view import look

    try:
        return look(data)
    except NoPage as error:
        raise Unreachable(str(error)) from None


def _once(data: Path, every: float, quiet: bool) -> Result:
    """One interval, as text or as data."""
    from rich.console import Console
    from rich.text import Text

    from ..watch.screen import NARROW, figures, screen
    from ..watch.view import Interval

    before = _look(data)
    if before.up:
        time.sleep(every)
    view = _look(data)
    told = figures(view, Interval(before if before.up else None, view))
    if not quiet:
        console = Console(highlight=False)
        console = Console(highlight=False, width=max(console.width, NARROW))
        for line in screen(told, _clock(), console.width):
            console.print(Text.assemble(*line))
    return Result(told, exit_of(view))


def exit_of(view: "View") -> Exit:
    """For scripts."""
    if view.state == "hangs":
        return Exit.HANGS
    if not view.up:
        return Exit.UNREACHABLE
    return Exit.FAILED if view.not_ready else Exit.OK


def _clock() -> str:
    return time.strftime("%H:%M:%S UTC", time.gmtime())


def _live(data: Path, every: float) -> None:
    from ..watch.screen import LOW, NARROW, Line, figures, screen
    from ..watch.terminal import Terminal
    from ..watch.view import Interval

    before = now = _look(data)
    with _keys() as pressed, Terminal(sys.stdout, shutil.get_terminal_size) as terminal:
        interval = Interval(None, now)
        while True:
            width, height = shutil.get_terminal_size()
            small = f"exos top needs {NARROW} columns and {LOW} lines; this terminal has {width} and {height}."
            lines: list[Line] = [[(piece, "")] for piece in textwrap.wrap(small, width)]
            if width >= NARROW and height >= LOW:
                lines = screen(figures(now, interval), _clock(), width, height)
            terminal.show(lines)
            if pressed(every):
                return
            now = _look(data)
            if now.page.sequence != before.page.sequence or now.page.pid != before.page.pid:
                interval, before = Interval(before, now), now


def _keys():  # type: ignore[no-untyped-def]
    """Keys without Enter, given back at the end: the block gets a function that waits for so many seconds and is true once q was pressed."""
    import contextlib
    import select
    import termios
    import tty

    @contextlib.contextmanager
    def block():  # type: ignore[no-untyped-def]
        if not sys.stdin.isatty():
            yield lambda seconds: time.sleep(seconds)
            return
        fd = sys.stdin.fileno()
        kept = termios.tcgetattr(fd)
        try:
            tty.setcbreak(fd)

            def pressed(seconds: float) -> bool:
                readable, _, _ = select.select([fd], [], [], seconds)
                return bool(readable) and sys.stdin.read(1) in ("q", "Q", "")

            yield pressed
        finally:
            termios.tcsetattr(fd, termios.TCSADRAIN, kept)

    return block()
