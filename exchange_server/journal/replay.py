"""Running every row that a journal still has through a fresh engine, comparing all state digests: `exos journal replay`.

It begins with the first row, or, where the first segments were recycled or are of other rules, with the oldest snapshot from which the journal goes on
(recover.oldest_start). A server may be writing, and its follower may remove that snapshot and the segment after it meanwhile: then it begins anew with the next one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import layout as L
from .event_files import EventSum
from .marks import differs
from .recover import EngineLike, oldest_start
from .runner import Runner
from .snapshots import Snapshot
from .walk import JournalError, JournalRefused, Progress, Walk, list_segments

TRIES = 5
Make = Callable[[Iterable[bytes] | None], EngineLike]


class Unlike(JournalError):
    """The replay gives something else than the digest in the journal. The text names the rows."""


@dataclass(frozen=True)
class Replayed:
    """`snapshot`: with which it began, at row `begin`; None: at the first row."""

    engine: EngineLike
    snapshot: Snapshot | None
    begin: int
    rows: int
    frames: int
    marks: int


def replay(
    data: Path,
    folder: Path,
    make: Make,
    *,
    live: bool,
    runner: Runner,
    logic: int = L.LOGIC_VERSION,
    begins: Callable[[Snapshot], None] = lambda snapshot: None,
    progress: Progress | None = None,
) -> Replayed:
    """data: with the snapshots; folder: its journal. live: a server is writing. begins: called with the snapshot, if there is one. Raises Unlike, JournalRefused,
    JournalError, OSError."""
    for left in range(TRIES - 1, -1, -1):
        snapshot = walk = None
        try:
            snapshot = oldest_start(data, folder, logic)
            engine = make(snapshot.body() if snapshot is not None else None)
            if snapshot is not None:
                begins(snapshot)
            start = snapshot.position if snapshot is not None else None
            walk = Walk(folder, start=start, live=live, logic=logic, runner=runner, progress=progress)
            return _run(walk, engine, snapshot)
        except (JournalRefused, OSError):
            begun = walk is not None and walk.frames > 0
            if begun or not left or not live or not _removed(folder, snapshot):
                raise
    raise AssertionError("the last try returns or raises")


def _removed(folder: Path, snapshot: Snapshot | None) -> bool:
    """Whether what it would begin with is not there any more."""
    if snapshot is not None and not snapshot.path.exists():
        return True
    segments = list_segments(folder)
    return bool(segments) and segments[0][0] > (snapshot.position.segment if snapshot is not None else 1)


def _run(walk: Walk, engine: EngineLike, snapshot: Snapshot | None) -> Replayed:
    total = EventSum(snapshot.event_value, snapshot.event_seq) if snapshot is not None else EventSum()
    begin = proven = snapshot.position.seq if snapshot is not None else 0
    marks = 0

    def add(events: NDArray[np.int64]) -> None:
        total.add(events)

    for batch in walk:
        if batch.rows.size:
            engine.apply(batch.rows, batch.rows.size, add)
        if batch.mark is not None:
            marks += 1
            wrong = differs(batch.mark, engine, total.words.tobytes())
            if wrong:
                raise Unlike(f"what rows {proven} to {batch.mark.seq - 1} give differs from the digest in the journal ({wrong})")
            proven = batch.mark.seq
    return Replayed(engine, snapshot, begin, walk.rows, walk.frames, marks)
