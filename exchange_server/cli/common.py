"""Shared by the commands: errors on stderr, the data folder, tables, exact amounts."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from protocol import numbers

from ..exits import Exit


class CommandError(Exception):
    """Ends a command with one line for stderr and an exit code."""

    def __init__(self, exit_code: Exit, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_code, self.sentence = exit_code, sentence


def say(text: str = "") -> None:
    """A line of the command's result, on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()  # a pipe's reader sees it now (exos trade watch | ...)


def warn(text: str) -> None:
    """A line for the operator, on stderr."""
    sys.stderr.write(text + "\n")


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=Path(os.environ.get("EXOS_DATA", "exos-data")),
        help="data folder (EXOS_DATA, else ./exos-data)",
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a table: the first and last columns are left-aligned, the others right-aligned."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    left = (0, len(head) - 1)
    return [
        "  ".join(cell.ljust(width) if i in left else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
        for row in cells
    ]


def decimal(value: int | None, decimals: int) -> str:
    """An amount of smallest units as text: (6200, 4) -> "0.6200", None -> "-"."""
    return "-" if value is None else numbers.unscaled(value, decimals)


def number(what: str, low: int = 0, high: int = numbers.MAX_AMOUNT) -> Callable[[str], int]:
    """A `type` for argparse: a whole number within bounds."""

    def read(text: str) -> int:
        try:
            return numbers.whole(text, what, low, high)
        except numbers.NotANumber as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def seconds(text: str) -> float:
    """A `type` for argparse: seconds with up to three decimals."""
    try:
        return numbers.scaled(text, 3, "number of seconds") / 1000
    except numbers.NotANumber as error:
        raise argparse.ArgumentTypeError(str(error)) from None


port = number("port", 0, 65535)
