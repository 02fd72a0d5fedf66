"""How far a long command is: `with progress("checking frames", unit="rows") as at: ... at(done, total)`.

On a terminal a bar on stderr with rate and time left, once it has taken SHOWN_AFTER_S; otherwise nothing, or with --verbose a plain line every few
seconds. Work that cannot say how far it is calls nothing: then the bar shows the time that has passed.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .output import verbose, warn

SHOWN_AFTER_S = 0.7
LINE_EVERY_S = 3.0
TICK_S = 0.2
At = Callable[..., None]  # at(done) or at(done, total)


@contextmanager
def progress(what: str, unit: str = "", total: int = 0) -> Iterator[At]:
    """Shows how far `what` is while the block runs. total 0: not known yet."""
    shown: _Bar | _Lines | None = None
    if sys.stderr.isatty():
        shown = _Bar(what, unit, total)
    elif verbose():
        shown = _Lines(what, unit, total)
    if shown is None:
        yield lambda done, total=0: None
        return
    try:
        yield shown.at
    finally:
        shown.end()


@contextmanager
def expected(what: str, unit: str, total: int, seconds: float) -> Iterator[None]:
    """Work that cannot say how far it is, and takes about so many seconds (0: not known): it is shown as if it went on evenly, at most to 99 %."""
    over = threading.Event()
    began, length_ns = time.monotonic_ns(), round(seconds * 1e9)

    def tick(at: At) -> None:
        while not over.wait(TICK_S):
            at(min(total * (time.monotonic_ns() - began) // length_ns, total * 99 // 100))

    with progress(what, unit, total) as at:
        thread = threading.Thread(target=tick, args=(at,), daemon=True)
        if length_ns:
            thread.start()
        try:
            yield
        finally:
            over.set()
            if length_ns:
                thread.join()  # it says nothing after the work has ended


@contextmanager
def loading_kernels() -> Iterator[None]:
    """Around the imports that load or compile the kernels."""
    from ..core.kit import jit
    from ..kernels import count

    with progress("preparing the kernels", "kernels", count()) as at:
        jit.on_compiled = lambda name, seconds, cached: at(len(jit.COMPILED))
        try:
            yield
        finally:
            jit.on_compiled = None


class _Lines:
    def __init__(self, what: str, unit: str, total: int) -> None:
        self.what, self.unit, self.total = what, unit, total
        self.began = self.told = time.monotonic()

    def at(self, done: int, total: int = 0) -> None:
        self.total = total or self.total
        now = time.monotonic()
        if now - self.told >= LINE_EVERY_S:
            self.told = now
            warn(line(self.what, self.unit, done, self.total, now - self.began))

    def end(self) -> None:
        if self.told != self.began:
            warn(f"{self.what}: {time.monotonic() - self.began:.1f} s")


def line(what: str, unit: str, done: int, total: int, seconds: float) -> str:
    """ "replaying: 1,200,000 of 4,800,000 rows, 25 %, 400,000 rows/s, 9 s left" """
    named = f" {unit}" if unit else ""
    rate = done / seconds if seconds else 0.0
    if not total:
        return f"{what}: {done:,}{named}, {rate:,.0f}{named}/s"
    left = f", {(total - done) / rate:.0f} s left" if rate and total > done else ""
    return f"{what}: {done:,} of {total:,}{named}, {100 * done // total} %, {rate:,.0f}{named}/s{left}"


class _Bar:
    """Rich's bar, drawn by its own thread; a timer begins it, so that what is done at once shows nothing."""

    def __init__(self, what: str, unit: str, total: int) -> None:
        self.what, self.unit, self.total, self.done = what, unit, total, 0
        self.began = time.monotonic()
        self._lock = threading.Lock()
        self._ended = False
        self._bar: Any = None
        self._task: Any = None
        self._timer = threading.Timer(SHOWN_AFTER_S, self._begin)
        self._timer.daemon = True
        self._timer.start()

    def _begin(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column
        from rich.text import Text

        bar = self

        class Far(ProgressColumn):
            def render(self, task: Any) -> Text:  # noqa: ARG002 (rich's signature)
                if not bar.done:
                    return Text("")
                return Text(line("", bar.unit, bar.done, bar.total, time.monotonic() - bar.began).removeprefix(": "))

        with self._lock:
            if self._ended:
                return
            self._bar = Progress(
                SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(16), TimeElapsedColumn(),
                Far(Column(no_wrap=True, overflow="ellipsis")),
                console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self._task = self._bar.add_task(self.what, total=self.total or None, completed=self.done)
            self._bar.start()

    def at(self, done: int, total: int = 0) -> None:
        self.done, self.total = done, total or self.total
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=self.total or None)

    def end(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._bar is not None:
                self._bar.stop()
