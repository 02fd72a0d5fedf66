"""What commands write: lines, tables and pairs for people, one document for machines (--json).

A command says what people read (`say`, `table`, `pairs`) and returns a `Result` with the same as data. With --json nothing is written but one
document at the end, `{"ok": true, "exit": 0, "code": 0, "text": "...", "result": {...}}`; what was said is its text. Tables and colours are
Rich's on a terminal; without one, or with NO_COLOR, they are plain aligned text.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TextIO

import click

from ..exits import Exit

JSON, VERBOSE, LINES = "exos.json", "exos.verbose", "exos.lines"  # keys of click's Context.meta


class Result(NamedTuple):
    """What a command returns: `data` is the document's `result`."""

    data: Any = {}
    exit: Exit = Exit.OK


def fancy(stream: TextIO) -> bool:
    """Whether colours and boxes are welcome there."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _meta() -> dict[str, Any]:
    context = click.get_current_context(silent=True)
    return {} if context is None else context.meta


def verbose() -> bool:
    return bool(_meta().get(VERBOSE))


def say(text: str = "") -> None:
    """A line of the command's result, on stdout."""
    meta = _meta()
    if meta.get(JSON):
        meta.setdefault(LINES, []).append(text)
        return
    sys.stdout.write(text + "\n")
    sys.stdout.flush()  # a pipe's reader sees it now (exos trade watch | ...)


def warn(text: str) -> None:
    """A line for the operator, on stderr."""
    sys.stderr.write(text + "\n")


def _printable(value: object) -> str:
    """Text without control characters: what a name or title says must not steer the terminal."""
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people; nothing with --json. A title that begins with ">" belongs to a column of numbers."""
    if _meta().get(JSON):
        return
    right = [title.startswith(">") for title in head]
    titles = [title.removeprefix(">") for title in head]
    cells = [[_printable(cell) for cell in row] for row in rows]
    if fancy(sys.stdout):
        _rich_table(titles, right, cells)
        return
    widths = [max(map(len, column)) for column in zip(titles, *cells)]
    for row in (titles, *cells):
        parts = (cell.rjust(width) if number else cell.ljust(width) for cell, width, number in zip(row, widths, right))
        sys.stdout.write("  ".join(parts).rstrip() + "\n")
    sys.stdout.flush()


def _rich_table(titles: list[str], right: list[bool], cells: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for title, number in zip(titles, right):
        out.add_column(Text(title), justify="right" if number else "left", overflow="fold", style="cyan" if title == titles[0] else "")
    for row in cells:
        out.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    Console(highlight=False).print(out)


STYLES = {  # words that are worth a colour wherever they are a cell
    "open": "green", "ok": "green", "yes": "green", "new": "green", "paused": "yellow", "cancel_only": "yellow", "warn": "yellow",
    "changed": "yellow", "closed": "dim", "final": "dim", "fail": "bold red", "killed": "bold red", "on": "bold red",
}  # fmt: skip


def pairs(rows: Iterable[tuple[str, object]]) -> None:
    """Names and values below each other, for people; nothing with --json."""
    if _meta().get(JSON):
        return
    found = [(_printable(name), _printable(value)) for name, value in rows]
    width = max((len(name) for name, _ in found), default=0)
    coloured = fancy(sys.stdout)
    for name, value in found:
        shown = click.style(name.ljust(width), fg="cyan") if coloured else name.ljust(width)
        sys.stdout.write(f"{shown}  {value}".rstrip() + "\n")
    sys.stdout.flush()


def document(ok: bool, exit: int, code: int, text: str, result: Any, refusal: dict[str, Any] | None = None) -> None:
    """The one document of --json."""
    import msgspec

    content = {"ok": ok, "exit": exit, "code": code, "text": text, "result": result}
    if refusal is not None:
        content["refusal"] = refusal
    encoded = msgspec.json.encode(content)
    if sys.stdout.isatty():
        encoded = msgspec.json.format(encoded, indent=2)
    sys.stdout.write(encoded.decode() + "\n")
    sys.stdout.flush()


def finish(context: click.Context, result: Result) -> None:
    """Write the document of a command that was carried out, with --json."""
    if context.meta.get(JSON):
        document(result.exit == Exit.OK, result.exit, 0, "\n".join(context.meta.get(LINES, [])), result.data)
