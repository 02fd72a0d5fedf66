"""Reads the event store's files from another process: whole rows with valid checksums, in pieces, up to the newest event that is durable.

The server tells how far that is (names.py). Rows that are not in their file yet come soon; rows that never come are named by whoever asks the server.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol import codes

from ..core import layout as L
from ..core.layout import plain
from ..disk.event_rows import first_bad
from ..gateway.admin.statement import heads_of
from ..journal.event_files import EventFiles

PIECE_ROWS = 1024
WANTED = (
    codes.E_FILL, codes.E_BUST, codes.E_CORRECTED, codes.E_MOVED, codes.E_SETTLED, codes.E_REVERSED, codes.E_PHASE, codes.E_DETERMINED, codes.E_FINAL,
    codes.E_DISPUTED, codes.E_VOIDED, codes.E_AHEAD,
)  # fmt: skip


class Piece(NamedTuple):
    """The rows of the events first .. next - 1 that may be posted. next == first: nothing can be read there at present."""

    first: int
    next: int
    rows: list[list[int]]


class Rows:
    """One reader; not for two threads at once."""

    def __init__(self, data: Path) -> None:
        self.files = EventFiles(data / "events")

    def piece(self, first: int, last: int) -> Piece:
        """From event `first` on, which begins an event, to `last` at most or to the next whole piece: readers that began at different places meet there."""
        rows = self._read(first, min(last, first - 1 - (first - 1) % PIECE_ROWS + PIECE_ROWS))
        if not len(rows):
            return Piece(first, first, [])
        heads, after = heads_of(rows, 0)
        picked = rows[heads]
        wanted = np.isin(plain.kind_of(picked[:, L.EVT_HEAD]), WANTED) & (plain.flags_of(picked[:, L.EVT_HEAD]) & codes.EF_COPY == 0)
        return Piece(first, first + after, picked[wanted].tolist())

    def _read(self, first: int, last: int) -> NDArray[np.int64]:
        """As many rows from `first` on as are whole, in one file."""
        count = min(last - first + 1, self.files.rows_per_file - (first - 1) % self.files.rows_per_file)
        for _ in range(2):
            got = self.files.read(first, count) if count > 0 else None
            if got is not None:
                rows, sums = got
                whole = int(first_bad(rows.view(np.uint8), count, first, sums))
                return rows[: whole * L.EVT_WORDS].reshape(-1, L.EVT_WORDS)
            self.files.forget(self.files.file_of(first))  # it may have been replaced
        return np.zeros((0, L.EVT_WORDS), dtype=np.int64)

    def head_from(self, number: int, last: int) -> tuple[int, int]:
        """The first event at or after `number`, up to `last`, that is no extra row, and its time; (last + 1, 0): there is none that can be read."""
        back = max(1, number - 2 * L.MAX_EXTRA_ROWS)
        back = max(back, number - (number - 1) % self.files.rows_per_file)
        rows = self._read(back, min(last, number + L.MAX_EXTRA_ROWS + 1))
        for start in range(min(L.MAX_EXTRA_ROWS + 1, len(rows))):
            heads, _ = heads_of(rows, start)
            if (rows[heads, L.EVT_NUMBER] == heads + back).all():
                found = heads[heads + back >= number]
                if len(found):
                    return back + int(found[0]), int(rows[int(found[0]), L.EVT_TIME])
        border = (
            self.files.file_of(number) * self.files.rows_per_file + self.files.rows_per_file + 1
        )  # an event may begin in one file and end in the next
        return self.head_from(border, last) if border - number <= L.MAX_EXTRA_ROWS and border <= last else (last + 1, 0)

    def at_time(self, time_ns: int, first: int, last: int) -> int:
        """The first event of first .. last at or after a time, by halving; last + 1: there is none."""
        low, high = first, last + 1
        while low < high:
            middle = (low + high) // 2
            head, at_ns = self.head_from(middle, last)
            if head >= high or at_ns >= time_ns:
                high = middle
            else:
                low = head + 1
        return self.head_from(low, last)[0] if low <= last else last + 1

    def close(self) -> None:
        self.files.close()
