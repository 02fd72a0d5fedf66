"""On which line of a TOML text a key is: tomllib gives values without their places.

The text has passed tomllib, so nothing is checked here (of text that is no TOML what is understood): tables, arrays of tables, inline tables and arrays, dotted and quoted keys, strings of
all four kinds and comments are walked over, and each key's first line is noted. Paths are tuples of names and element numbers, as in places.py.
"""

import functools
import json
import re
from pathlib import Path

from protocol import numbers

from . import sources
from .places import Key

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(r'"""(?:[^\\"]|\\.|"(?!""))*"{3,5}|\'\'\'(?:[^\']|\'(?!\'\'))*\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_PLAIN = re.compile(r"[^,\]}#\n]*")  # a number, a date, true or false
_STEP = re.compile(r"\[([0-9]+)\]|([^.\[\]]+)")


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.lines: dict[Key, int] = {}
        self.arrays: dict[Key, int] = {}  # array of tables: how many it has so far
        self._line, self._counted = 1, 0

    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]

    def comes(self, text: str) -> bool:
        """Whether `text` comes next; then it is passed."""
        found = self.text.startswith(text, self.at)
        self.at += len(text) * found
        return found

    def key(self) -> list[str]:
        """A dotted key."""
        parts = []
        while True:
            self.skip(_SPACE)
            quoted = self.skip(_STRING)
            if quoted:
                parts.append(_unquoted(quoted))
            else:
                parts.append(self.skip(_BARE))
            self.skip(_SPACE)
            if not self.comes("."):
                return parts

    def table(self, parts: list[str]) -> Key:
        """The path of a table's name: where a part is an array of tables, its newest element is meant."""
        path: Key = ()
        for part in parts:
            path = (*path, part)
            if path in self.arrays:
                path = (*path, self.arrays[path] - 1)
        return path

    def document(self) -> dict[Key, int]:
        here: Key = ()
        while True:
            self.skip(_BLANK)
            if self.at >= len(self.text):
                return self.lines
            line = self.line()
            if self.comes("[["):
                *above, name = self.key()
                array = (*self.table(above), name)
                self.arrays[array] = self.arrays.get(array, 0) + 1
                here = (*array, self.arrays[array] - 1)
                self.note(here, line)
                self.comes("]]")
            elif self.comes("["):
                here = self.table(self.key())
                self.note(here, line)
                self.comes("]")
            else:
                before = self.at
                self.pair(here)
                if self.at == before:  # no TOML after all
                    return self.lines

    def note(self, path: Key, line: int) -> None:
        """The first line of a path, and of all that it is in."""
        while path and path not in self.lines:
            self.lines[path] = line
            path = path[:-1]

    def pair(self, here: Key) -> None:
        line = self.line()
        path = (*here, *self.key())
        self.note(path, line)
        if self.comes("="):
            self.skip(_SPACE)
            self.value(path)

    def value(self, path: Key) -> None:
        if self.comes("["):
            count = 0
            while self.at < len(self.text):
                self.skip(_BLANK)
                if self.comes("]"):
                    return
                if self.comes(","):
                    continue
                before = self.at
                self.note((*path, count), self.line())
                self.value((*path, count))
                if self.at == before:
                    return
                count += 1
        elif self.comes("{"):
            while self.at < len(self.text):
                self.skip(_BLANK)
                if self.comes("}"):
                    return
                before = self.at
                if not self.comes(","):
                    self.pair(path)
                if self.at == before:
                    return
        elif not self.skip(_STRING):
            self.skip(_PLAIN)


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1]
    try:
        return str(json.loads(text))
    except ValueError:  # an escape that only TOML has
        return text[1:-1]


def steps(path: str) -> Key:
    """("market", 0, "contract", 2, "symbol") of market[0].contract[2].symbol."""
    return tuple(numbers.whole(match[1]) if match[1] else match[2] for match in _STEP.finditer(path))


@functools.lru_cache(maxsize=8)
def lines_of(text: str) -> dict[Key, int]:
    """The first line of each key of a TOML text, counted from 1."""
    return _Scanner(text).document()


def line_of(text: str, path: str) -> int:
    """The line of a key, or of the innermost table around it that the text names; 0: of none."""
    lines, key = lines_of(text), steps(path)
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key, 0)


def line_in(file: str, path: str) -> int:
    """The same in a file; 0 as well when it cannot be read."""
    try:
        return line_of(sources.read(Path(file)).decode(), path) if path else 0
    except (OSError, ValueError):
        return 0
