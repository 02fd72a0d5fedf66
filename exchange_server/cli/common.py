"""Shared by the commands: errors with their exit codes, types of arguments, exact amounts."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from protocol import numbers

from ..exits import Exit

SHIPPED_HELP = "the name of a shipped one (sandbox, worldcup, tournament)"  # configuration files, beside a FILE


class CommandError(Exception):
    """Ends a command with one line for stderr and an exit code. `code`: a reason of docs/errors.md, `refusal`: what is wrong as data,
    `result`: what the command has to tell all the same (both for --json)."""

    def __init__(self, exit_code: Exit, sentence: str, *, code: int = 0, refusal: dict[str, Any] | None = None, result: Any = None) -> None:
        super().__init__(sentence)
        self.exit_code, self.sentence = exit_code, sentence
        self.code, self.refusal, self.result = code, refusal, result


class Unreachable(CommandError):
    """The server cannot be reached; the text is one sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Exit.UNREACHABLE, sentence)


def unknown_word(word: str, allowed: Sequence[str]) -> str:
    """What is said of a word that is none of those allowed: the near ones, and all when they are few."""
    near = difflib.get_close_matches(word, allowed, 3, 0.6)
    advice = f"; did you mean {' or '.join(near)}?" if near else ""
    among = f"is not one of {', '.join(allowed)}" if len(allowed) <= 40 or not near else "is not known"
    return f'"{word[:64]}" {among}{advice}'


class OneOf(click.Choice[str]):
    """One of a few words."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ARG002 (click.Choice)
        return unknown_word(str(value), list(map(str, self.choices)))


class Number(click.ParamType):
    """A whole number within bounds."""

    name = "n"

    def __init__(self, what: str, low: int = 0, high: int = numbers.MAX_AMOUNT) -> None:
        self.what, self.low, self.high = what, low, high

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return numbers.whole(value, self.what, self.low, self.high)
        except numbers.NotANumber as error:
            self.fail(str(error), param, ctx)


class Seconds(click.ParamType):
    """Seconds with up to three decimals."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return numbers.scaled(value, 3, "number of seconds") / 1000
        except numbers.NotANumber as error:
            self.fail(str(error), param, ctx)


PORT = Number("port", 0, 65535)
FILE = click.Path(path_type=Path)


def decimal(value: int | None, decimals: int) -> str:
    """An amount of smallest units as text: (6200, 4) -> "0.6200", None -> "-"."""
    return "-" if value is None else numbers.unscaled(value, decimals)
