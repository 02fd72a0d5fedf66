"""The lines of `exos top` on a terminal: the whole screen once, then only lines that have changed."""

from collections.abc import Callable
from typing import TextIO

from .screen import Line

ON = {
    "": "", "dim": "\x1b[2m", "cyan": "\x1b[36m", "yellow": "\x1b[33m", "bold": "\x1b[1m", "bold green": "\x1b[1;32m", "bold yellow": "\x1b[1;33m",
    "bold red": "\x1b[1;31m",
}  # fmt: skip
OFF = "\x1b[0m"
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?1049l\x1b[?25h"  # another screen without a cursor, and back


class Terminal:
    """A block in which the terminal shows another screen."""

    def __init__(self, out: TextIO, size: Callable[[], tuple[int, int]]) -> None:
        """size: columns and lines now."""
        self._out, self._size = out, size
        self._shown: list[str] = []
        self._was = (0, 0)

    def __enter__(self) -> "Terminal":
        self._put(ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        self._put(LEAVE)

    def _put(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def show(self, lines: list[Line]) -> None:
        """These lines from the top, and nothing below them."""
        told = ["".join(f"{ON[style]}{text}{OFF}" if style else text for text, style in line) for line in lines]
        text = ""
        if self._size() != self._was:
            self._was, self._shown, text = self._size(), [], "\x1b[2J"
        before = self._shown + [""] * (len(told) - len(self._shown))
        for i, old in enumerate(before):
            new = told[i] if i < len(told) else ""
            if new != old:
                text += f"\x1b[{i + 1};1H{new}\x1b[K"
        self._shown = told
        if text:
            self._put(text)
