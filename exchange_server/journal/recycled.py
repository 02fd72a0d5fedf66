"""What was removed from the front of a journal's folder, and where it is: `recycled.json` in the folder, written before the first removal.

Whoever needs rows that are no longer here says so in the words of `where`.
"""

from pathlib import Path

import msgspec

from .fence import replace_file

NAME = "recycled.json"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Segments `first` to `last`, rows `first_row` to `rows` - 1, are in this archive folder; some of them may still be here too."""

    archive: str
    first: int
    last: int
    first_row: int
    rows: int


class Recycled(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was removed, oldest first, without gaps. Each time the setting `archive` is changed, another span begins."""

    spans: tuple[Span, ...]


class _OneArchive(msgspec.Struct, frozen=True, kw_only=True):
    """The note as it was written before there could be several archives: segments 1 to `segment`."""

    archive: str
    segment: int
    rows: int


def read(journal: Path) -> tuple[Span, ...]:
    """Oldest first; empty: nothing was removed, or the note cannot be read."""
    try:
        content = (journal / NAME).read_bytes()
    except OSError:
        return ()
    try:
        return msgspec.json.decode(content, type=Recycled).spans
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    try:
        old = msgspec.json.decode(content, type=_OneArchive)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ()
    return (Span(archive=old.archive, first=1, last=old.segment, first_row=0, rows=old.rows),)


def add(journal: Path, span: Span) -> None:
    """Note that `span` is in its archive; what other archives have of it is forgotten. Atomically, on the disk when it returns. Raises OSError."""
    kept = []
    for old in read(journal):
        if old.first < span.first:
            cut = old.last >= span.first
            kept.append(msgspec.structs.replace(old, last=span.first - 1, rows=span.first_row) if cut else old)
    replace_file(journal / NAME, msgspec.json.encode(Recycled(spans=(*kept, span))))


def where(journal: Path, first: int = 1, last: int = 0) -> str:
    """Where segments `first` to `last` (0: all that were removed) are, and the commands that fetch them; empty: nobody removed any on purpose."""
    told = []
    for span in read(journal):
        begin, end = max(first, span.first), min(last or span.last, span.last)
        if begin <= end:
            told.append(
                f"segments {span.first} to {span.last} (rows {span.first_row} to {span.rows - 1}) were recycled and are in the archive {span.archive}; "
                f"get them back: exos journal fetch {begin}..{end} --data {journal.parent} --into {journal} --archive {span.archive}"
            )
    return ". ".join(told)
