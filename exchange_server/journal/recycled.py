"""What was removed from the front of a journal's folder, and where it is: `recycled.json` in the folder, written before the first removal.

Whoever needs rows that are no longer here says so in the words of `where`.
"""

from pathlib import Path

import msgspec

from .fence import replace_file

NAME = "recycled.json"


class Recycled(msgspec.Struct, frozen=True, kw_only=True):
    """Segments 1 to `segment` with the rows below `rows` are in the archive folder; some of them may still be here too."""

    archive: str
    segment: int
    rows: int


def read(journal: Path) -> Recycled | None:
    """None: nothing was removed, or the note cannot be read."""
    try:
        return msgspec.json.decode((journal / NAME).read_bytes(), type=Recycled)
    except (OSError, msgspec.MsgspecError):
        return None


def write(journal: Path, note: Recycled) -> None:
    """Atomically, on the disk when it returns. Raises OSError."""
    replace_file(journal / NAME, msgspec.json.encode(note))


def where(journal: Path, first: int = 1, last: int = 0) -> str:
    """Where segments `first` to `last` (0: all that were removed) are, and the command that fetches them; empty: nobody removed any on purpose."""
    note = read(journal)
    if note is None or note.segment < first:
        return ""
    last = min(last or note.segment, note.segment)
    return (
        f"segments 1 to {note.segment} (rows 0 to {note.rows - 1}) were recycled and are in the archive {note.archive}; get them back: "
        f"exos journal fetch {first}..{last} --data {journal.parent} --into {journal}"
    )
