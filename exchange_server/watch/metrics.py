"""The counters in the text format of Prometheus, made for each scrape from what the page has at that moment.

What does not change between two scrapes (help, types, names, labels, bounds) is put together once for a description of the page, so a scrape only adds the numbers.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from . import fields as f
from .page import Column, NoPage, Page
from .view import View, look

# Upper bounds of histograms as they are told, in the unit of the words: the page has finer ones.
FEWER = {"ns": [n << k for k in range(10, 34) for n in (2, 3)]}  # 2 us to 26 s, two per octave
MOST_BOUND = 1 << 14  # of a histogram without a unit


class _Words(NamedTuple):
    """Samples that are one word each: the text before the value, and the word. some: only those that are not 0."""

    head: str
    samples: Sequence[tuple[str, int]]
    ns: bool
    some: bool


class _Histogram(NamedTuple):
    """bounds: the text before a value, and how many buckets of the page count there. at: the first one; edges: how many have a bound."""

    head: str
    bounds: Sequence[tuple[str, int]]
    name: str
    at: int
    edges: int
    ns: bool


class _Disk(NamedTuple):
    """The one word that the follower knows better than the page."""

    before: str


_Part = _Words | _Histogram | _Disk
_known: tuple[dict[str, Column] | None, list[_Part]] = None, []  # of the description that was used last


def scaled(word: int, unit: str) -> float:
    """A word in the unit of Prometheus."""
    return word / 1e9 if unit == "ns" else word


def _head(name: str, kind: str, text: str) -> str:
    told = text.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {told}\n# TYPE {name} {kind}\n"


def _label(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _part(column: Column) -> _Part:
    name = f.metric_name(column.name, column.kind, column.unit)
    head, ns = _head(name, column.kind, column.help), column.unit == "ns"
    if column.edges:
        return _Histogram(head, _bounds(name, column), name, column.at, len(column.edges), ns)
    if column.name == "disk_left":
        return _Disk(f"{head}{name} ")
    if not column.label:
        return _Words("", [(f"{head}{name} ", column.at)], ns, False)
    samples = [(f'{name}{{{column.label}="{_label(value)}"}} ', column.at + i) for i, value in enumerate(column.values) if value]
    return _Words(head, samples, ns, column.label == "reason")  # of hundreds of reasons those that occurred


def _bounds(name: str, column: Column) -> list[tuple[str, int]]:
    """FEWER bounds: each bucket of the page counts below the first one that its values cannot exceed."""
    edges = column.edges
    told, i = [], 0
    for bound in FEWER.get(column.unit, [edge for edge in edges if edge < MOST_BOUND]):
        while i < len(edges) and edges[i] <= bound:
            i += 1
        told.append((f'{name}_bucket{{le="{scaled(bound, column.unit)!r}"}} ', i))
    return [*told, (f'{name}_bucket{{le="+Inf"}} ', len(edges) + 1)]


def _parts(columns: dict[str, Column]) -> list[_Part]:
    global _known
    if _known[0] is not columns:
        _known = columns, [_part(column) for column in columns.values()]
    return _known[1]


def _number(word: int, ns: bool) -> str:
    return repr(word / 1e9) if ns else f"{word}.0"


def _told(part: _Part, view: View) -> Iterator[str]:
    words = view.page.words
    if isinstance(part, _Disk):
        yield f"{part.before}{_number(view.disk_left, True)}\n"
    elif isinstance(part, _Words):
        yield part.head
        for before, at in part.samples:
            if words[at] or not part.some:
                yield f"{before}{_number(words[at], part.ns)}\n"
    else:
        yield part.head
        seen, i = 0, part.at
        for before, upto in part.bounds:
            seen += sum(words[i : part.at + upto])
            i = part.at + upto
            yield f"{before}{seen}.0\n"
        yield f"{part.name}_count {seen}.0\n{part.name}_sum {_number(words[part.at + part.edges + 1], part.ns)}\n"


def _info(page: Page) -> str:
    labels = ",".join(f'{label}="{_label(page.texts.get(label, ""))}"' for label in ("config", "data", "mode"))
    return f"{_head(f.PREFIX + 'info', f.GAUGE, 'Of the server: always 1')}{f.PREFIX}info{{{labels}}} 1.0\n"


def _field(field: f.Field, word: int) -> str:
    return f"{_head(field.metric, field.kind, field.help)}{field.metric} {_number(word, field.unit == 'ns')}\n"


def text_of(data: Path) -> bytes:
    """The answer to one scrape."""
    try:
        view = look(data)
    except NoPage:
        return _field(f.BY_NAME["up"], 0).encode()
    told = [_info(view.page)]
    for part in _parts(view.page.columns):
        told += _told(part, view)
    values = view.reader_values()
    told += (_field(field, values[field.name]) for field in f.READER_FIELDS)
    return "".join(told).encode()
