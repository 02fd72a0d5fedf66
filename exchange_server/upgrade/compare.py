"""The same rows under the old and the new rules: which events differ, by kind.

The old program runs as a process of its own, from its own installation, and writes its events to a file; this one replays the same rows from the
same snapshot, carried over.
"""

import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from protocol import codes

from ..core import layout as L
from ..core.layout import plain
from ..data_folder import SERVER_ID
from ..engine import Engine
from ..journal.snapshots import DAY_NS, Snapshot, newest_snapshots
from ..journal.walk import Walk, list_segments
from .books import Words
from .folder import CannotUpgrade, engine_of

SHOWN = 3  # numbers of events that differ, of each kind
KINDS = {value: name for name, value in vars(codes).items() if name.startswith("E_") and isinstance(value, int)}

# What the old program runs: its own Engine on its own reading of the folder. Arguments: data folder, snapshot's name or "", file for the events.
_OLD = """
import sys
from pathlib import Path
from exchange_server import start
from exchange_server.engine import Capacities, Engine
from exchange_server.journal.snapshots import read_snapshot
from exchange_server.journal.walk import Walk
data, name, out = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
snapshot = read_snapshot(data / "snapshots" / name) if name else None
if snapshot is not None:
    engine = Engine.restore(snapshot.chunks())
else:
    begun = start.begun_as(data / "journal")
    engine = Engine(Capacities.begun_as(begun.capacities), retention_ns=begun.retention_ns)
with open(out, "wb") as file:
    for batch in Walk(data / "journal", start=snapshot.position if snapshot is not None else None, server_id=1):
        if batch.rows.size:
            engine.apply(batch.rows, batch.rows.size, lambda events: file.write(events.tobytes()))
"""


@dataclass
class Replayed:
    """What both gave. `kinds`: how many events of a kind differ; `examples`: the first numbers of each."""

    rows: int = 0
    events: int = 0
    since: str = "the first row"
    kinds: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)

    def note(self, old: Words | None, new: Words | None) -> None:
        """One place in the sequence where they are not the same; None: only the other has an event there."""
        row = new if new is not None else old
        assert row is not None
        kinds = {KINDS.get(plain.kind_of(int(r[L.EVT_HEAD])), "?") for r in (old, new) if r is not None}
        name = " / ".join(sorted(kinds))
        self.kinds[name] += 1
        told = self.examples.setdefault(name, [])
        if len(told) < SHOWN:
            told.append(int(row[L.EVT_NUMBER]))

    def lines(self) -> list[str]:
        """For people."""
        head = f"{self.rows} rows since {self.since} replayed under both rules: {self.events} events"
        if not self.kinds:
            return [f"{head}, all the same"]
        return [
            head,
            *(f"{n} differ of kind {kind}, for example number {self.examples[kind][0]}" for kind, n in sorted(self.kinds.items())),
        ]


def starting_point(data: Path, rules: int, days: int) -> Snapshot | None:
    """The newest snapshot of these rules at least so many days (of exchange time) before the newest one; else None, the first row, or the oldest
    snapshot where the first rows are gone."""
    found = [s for s in newest_snapshots(data / "snapshots", []) if s.logic == rules and s.server_id == SERVER_ID]
    old = (s for s in found if found[0].time_ns - s.time_ns >= days * DAY_NS)
    return next(old, None if list_segments(data / "journal")[0][0] == 1 else found[-1])


def python_of(old: Path) -> Path:
    """The Python of another installation. Raises CannotUpgrade."""
    for path in (old / ".venv" / "bin" / "python", old / "bin" / "python"):
        if path.exists():
            return path
    raise CannotUpgrade(f"{old} is no installation: it has neither .venv/bin/python nor bin/python")


def replay(data: Path, rules: int, old: Path, days: int, first: Callable[[], Engine]) -> Replayed:
    """Replay the last days of a folder under both rules. first: gives the engine of its first row. Raises CannotUpgrade, JournalError, OSError."""
    python = python_of(old)
    snapshot = starting_point(data, rules, days)
    with tempfile.TemporaryDirectory(prefix="exos-upgrade-") as folder:
        events = Path(folder) / "events"
        name = snapshot.path.name if snapshot is not None else ""
        done = subprocess.run(
            [python, "-c", _OLD, str(data.resolve()), name, str(events)], cwd=old, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(old)}
        )  # fmt: skip
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()
            raise CannotUpgrade(f"the program in {old} could not replay {data}: {last[-1] if last else f'exit code {done.returncode}'}")
        return _compare(data, rules, snapshot, events, first)


def _compare(data: Path, rules: int, snapshot: Snapshot | None, events: Path, first: Callable[[], Engine]) -> Replayed:
    found = Replayed(since=f"row {snapshot.position.seq}" if snapshot is not None else "the first row")
    engine = engine_of(snapshot)[0] if snapshot is not None else first()
    theirs = _Ahead(events)
    walk = Walk(data / "journal", start=snapshot.position if snapshot is not None else None, server_id=SERVER_ID, logic=rules)
    for batch in walk:
        if batch.rows.size:
            engine.apply(batch.rows, batch.rows.size, lambda ours: theirs.compare(ours.reshape(-1, L.EVT_WORDS), found))
    for row in theirs.left():
        found.note(row, None)
    found.rows = walk.rows
    return found


def _heads(rows: Words) -> list[int]:
    """For each row of whole events, the row with which its event begins: texts follow in rows of their own."""
    heads: list[int] = []
    while len(heads) < len(rows):
        heads += [len(heads)] * (1 + plain.extra_of(int(rows[len(heads), L.EVT_HEAD])))
    return heads[: len(rows)]


class _Ahead:
    """The events of the old program, taken from their file as those of this one come."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        self._rows: Words = np.memmap(path, np.int64, "r").reshape(-1, L.EVT_WORDS) if size else np.zeros((0, L.EVT_WORDS), np.int64)
        self._at = 0

    def compare(self, ours: Words, found: Replayed) -> None:
        theirs = self._rows[self._at : self._at + len(ours)]
        self._at += len(theirs)
        found.events += len(ours)
        same = (theirs == ours[: len(theirs)]).all(axis=1)
        if not same.all():
            heads = _heads(ours)
            for i in sorted({heads[i] for i in np.flatnonzero(~same).tolist()}):
                found.note(theirs[i], ours[i])
        for row in ours[len(theirs) :]:
            found.note(None, row)

    def left(self) -> Iterator[Words]:
        yield from self._rows[self._at :]
