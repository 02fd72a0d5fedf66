"""The same rows under the old and the new rules: which events differ, by kind.

The old program runs as a process of its own, from its own installation, and writes its events to a file; this one replays the same rows from the
same snapshot, carried over.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..core import layout as L
from ..data_folder import SERVER_ID
from ..engine import Engine
from ..journal.snapshots import DAY_NS, Snapshot, newest_snapshots
from ..journal.walk import Walk, list_segments
from .books import Words
from .differences import Differences, Found
from .folder import CannotUpgrade, engine_of

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
    engine = Engine.restore(snapshot.body())
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
    """What both gave."""

    rows: int = 0
    since: str = "the first row"
    found: Found = field(default_factory=Found)

    def lines(self) -> list[str]:
        """For people."""
        found = self.found
        head = f"{self.rows} rows since {self.since} replayed under both rules: {found.events} events"
        if not found.kinds:
            return [f"{head}, all the same"]
        told = [f"{n} differ of kind {kind}, for example number {found.examples[kind][0]}" for kind, n in sorted(found.kinds.items())]
        if found.renumbered:
            told.append(f"{found.renumbered} others have only other numbers, because an earlier one differs")
        return [head, *told]


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
    since = f"row {snapshot.position.seq}" if snapshot is not None else "the first row"
    engine = engine_of(snapshot)[0] if snapshot is not None else first()
    old: Words = (
        np.memmap(events, np.int64, "r").reshape(-1, L.EVT_WORDS) if events.stat().st_size else np.zeros((0, L.EVT_WORDS), np.int64)
    )
    both = Differences(old)
    walk = Walk(data / "journal", start=snapshot.position if snapshot is not None else None, server_id=SERVER_ID, logic=rules)
    for batch in walk:
        if batch.rows.size:
            engine.apply(batch.rows, batch.rows.size, lambda ours: both.add(ours.reshape(-1, L.EVT_WORDS)))
    return Replayed(walk.rows, since, both.end())
