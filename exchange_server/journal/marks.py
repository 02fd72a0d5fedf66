"""Marks: digests in the journal, written while the server runs and compared by every replay.

A full state digest walks the whole state (seconds for a large one), so only a clean stop writes one. A running mark costs microseconds: the
running value over all event rows (event_files.EventSum; the event store makes it anyway) and the engine's counters. Every event that was
ever written is in the value, so a replay that fills, refuses, numbers or pays anything differently differs at the next mark. Differences
that no event shows are found at stops.
"""

import hashlib
from typing import Any

from . import format as fmt

EVERY_ROWS = 1_000_000
EVERY_S = 60.0
NO_DIGEST = bytes(32)


def event_digest(engine: Any, value: bytes) -> bytes:
    """The content of a running mark: 32 bytes over the events so far and the engine's counters."""
    return hashlib.sha256(b"exos events" + value + engine.counters()).digest()


def differs(mark: fmt.Mark, engine: Any, value: bytes) -> str:
    """The difference between a mark and the engine that has run the same rows, as text; empty: none."""
    if engine.event_seq != mark.event_seq:
        return f"the next event is {engine.event_seq}, the journal says {mark.event_seq}"
    if mark.events != NO_DIGEST and (digest := event_digest(engine, value)) != mark.events:
        return f"digest of events and counters {digest.hex()[:16]}, the journal says {mark.events.hex()[:16]}"
    if mark.digest != NO_DIGEST and (digest := engine.digest()) != mark.digest:
        return f"state digest {digest.hex()[:16]}, the journal says {mark.digest.hex()[:16]}"
    return ""


class Marks:
    """Decides when the running server writes its next mark. `look` is called between turns, several times a second."""

    def __init__(self, engine: Any, journal: Any, store: Any, every_rows: int = EVERY_ROWS, every_s: float = EVERY_S) -> None:
        self._engine = engine
        self._journal = journal
        self._store = store
        self._every = every_rows, every_s
        self._last_rows = journal.next_seq
        self._last_s: float | None = None
        self.written = 0

    def look(self, now_s: float) -> None:
        """Write a mark when enough rows or time have passed since the last one; nothing while there are no new rows."""
        if self._last_s is None:
            self._last_s = now_s
        rows = self._journal.next_seq - self._last_rows
        if rows == 0 or (rows < self._every[0] and now_s - self._last_s < self._every[1]):
            return
        self._store.write_soon()  # a snapshot may be made at this mark: after a kill, the events before it must be in the store's files
        if self._journal.request_mark(event_digest(self._engine, self._store.value()), self._engine.event_seq):
            self.written += 1
            self._last_rows = self._journal.next_seq
            self._last_s = now_s
