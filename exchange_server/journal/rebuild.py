"""Filling holes of the event store from the journal: a second engine replays the rows, and missing events are written to their places.

`rebuild` does it once. `Rebuilder` does it for a running server, in a thread of low priority: several times a second it checks whether
the store is paused or has holes, and logs what it found, what it filled and what is lost. The trading engine is never touched.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import layout as L
from ..core.layout import plain
from ..disk.event_rows import rows_after
from . import format as fmt
from .event_files import SCAN_ROWS, EventFiles, EventSum, Holes, Range
from .event_store import EventStore
from .marks import differs
from .runner import Runner, Task
from .snapshots import Snapshot, newest_snapshots
from .store import JournalError
from .walk import JournalRefused, Walk, list_segments

BATCH_WORDS = 1 << 15
AGAIN_S = 5.0  # holes that could not be filled are retried after this time
ROOM_AGAIN_S = 1.0
RETIRED_AGAIN_S = 1.0  # between two looks at what the follower has removed


@dataclass
class Rebuilt:
    """The result of one run."""

    filled: Holes = field(default_factory=Holes)
    lost: Holes = field(default_factory=Holes)  # the journal does not reach back far enough
    later: Holes = field(default_factory=Holes)  # not durable yet, or stopped
    looked_at: Holes = field(default_factory=Holes)


def rebuild(
    data: Path,
    server_id: int,
    make_engine: Callable[[Iterable[bytes] | None], Any],
    wanted: Holes,
    put: Callable[[int, NDArray[np.int64]], None],
    *,
    logic: int = L.LOGIC_VERSION,
    live: bool = True,
    stop: threading.Event | None = None,
    neighbours: EventFiles | None = None,
    runner: Runner | None = None,
) -> Rebuilt:
    """Replay the journal from the newest good snapshot before the first hole, and pass the wanted events to `put` (first event, rows).

    neighbours: intact events in the files of the holes must come out the same. Raises JournalError, JournalRefused (the journal or a digest
    in it is wrong), OSError (also from `put`).
    """
    found = Rebuilt(later=Holes(wanted.ranges))
    if not wanted:
        return found
    snapshot, reach = _starting_point(data, wanted.ranges[0][0], server_id, logic)
    for first, last in wanted:
        found.lost.add(first, min(last, reach - 1))
    found.later.remove(1, reach - 1)
    if not found.later:
        return found
    engine = make_engine(snapshot.body() if snapshot is not None else None)
    wide = Holes(_whole_files(found.later, neighbours.rows_per_file)) if neighbours is not None else Holes()
    total = EventSum(snapshot.event_value, snapshot.event_seq) if snapshot is not None else EventSum()

    def sink(events: NDArray[np.int64]) -> None:
        begin = total.next_number
        total.add(events)
        if neighbours is not None and wide.hit(begin, total.next_number - 1):
            unlike = neighbours.differ(begin, events)
            if unlike:
                raise JournalError(
                    f"a replay of the journal gives events {unlike[0][0]} to {unlike[0][1]} that differ from the event store: report it"
                )
        for first, last in found.later.ranges:
            a, b = max(first, begin), min(last, total.next_number - 1)
            if a <= b:
                put(a, events[(a - begin) * L.EVT_WORDS : (b + 1 - begin) * L.EVT_WORDS])
                found.filled.add(a, b)
        found.later.remove(begin, total.next_number - 1)

    walk = Walk(
        data / "journal",
        start=snapshot.position if snapshot is not None else None,
        server_id=server_id,
        logic=logic,
        live=live,
        batch_words=BATCH_WORDS,
        runner=runner,
    )
    for batch in walk:
        if batch.rows.size:
            engine.apply(batch.rows, batch.rows.size, sink)
        if batch.mark is not None:
            wrong = differs(batch.mark, engine, total.words.tobytes())
            if wrong:
                where = data / "journal" / fmt.segment_name(batch.end.segment)
                raise JournalRefused(
                    where, batch.end.offset, f"up to {batch.mark.seq - 1}", f"replay differs: {wrong}", "report it; keep the folder"
                )
        if not found.later or (stop is not None and stop.is_set()):
            break
    return found


def _starting_point(data: Path, first: int, server_id: int, logic: int) -> tuple[Snapshot | None, int]:
    """The snapshot to start from (None: the first row), and the first event that can be rebuilt."""
    segments = list_segments(data / "journal")
    begun = {number for number, _ in segments}
    from_start = bool(segments) and segments[0][0] == 1
    oldest = None
    for snapshot in newest_snapshots(data / "snapshots", []):
        if snapshot.logic == logic and snapshot.server_id == server_id and snapshot.position.segment in begun:
            oldest = snapshot
            if snapshot.event_seq <= first:
                return snapshot, snapshot.event_seq
    if from_start or oldest is None:
        return None, 1 if from_start else 1 << 62
    return oldest, oldest.event_seq


def sessions_behind(files: EventFiles, lost: Range, end: int) -> set[int]:
    """Sessions with reports in `lost`, found from what follows it: rows up to event `end` whose chains lead into it."""
    found: set[int] = set()
    out = np.zeros(SCAN_ROWS, dtype=np.int64)
    number = lost[1] + 1
    while number < end:
        count = min(SCAN_ROWS, end - number, files.rows_per_file - (number - 1) % files.rows_per_file)
        got = files.read(number, count)
        if got is not None:
            hits = rows_after(got[0], count, number, *lost, out)
            table = got[0].reshape(count, L.EVT_WORDS)
            found |= {plain.session_of(int(table[i, L.EVT_SESSION_ACCOUNT])) for i in out[:hits].tolist()}
        number += count
    return found - {0}


class Rebuilder:
    """Looks after one server's event store. `look` is called in the loop's thread; `runner` runs the work itself."""

    def __init__(
        self,
        store: EventStore,
        data: Path,
        server_id: int,
        runner: Runner,
        make_engine: Callable[[Iterable[bytes] | None], Any],
        log: Callable[..., None],
        names: Callable[[Range, set[int]], list[str]],
        logic: int = L.LOGIC_VERSION,
    ) -> None:
        """names: gives the names of the sessions with reports in a range, from the ids found in the files."""
        self._store = store
        self._arguments = data, server_id, make_engine
        self._runner = runner
        self._log = log
        self._names = names
        self._logic = logic
        self._stop = threading.Event()
        self._task: Task | None = None
        self._result: Rebuilt | None = None
        self._fault = ""
        self._due = 0.0
        self._room_due = 0.0
        self._retired_due = 0.0
        self._said_paused = False
        self.runs = 0

    def look(self, now_s: float) -> bool:
        """Start work or collect its result. True: holes were closed or given up since the last call, so readers that wait may try again."""
        store = self._store
        retired = now_s >= self._retired_due and store.look_retired()
        if now_s >= self._retired_due:
            self._retired_due = now_s + RETIRED_AGAIN_S
        return self._look(now_s) or retired

    def _look(self, now_s: float) -> bool:
        store = self._store
        if store.paused and now_s >= self._room_due:
            if not self._said_paused:
                self._said_paused = True
                self._log("error", "event_store_paused", why=store.paused, effect="trading continues; reports since then are rebuilt later")
            self._room_due = now_s + ROOM_AGAIN_S
            if not store.try_room():
                return False
        if self._said_paused and not store.paused:
            self._said_paused = False
            self._log("warning", "event_store_goes_on", to_rebuild=store.holes.count())
        if self._task is not None:
            if self._task.alive():
                return False
            self._task = None
            self._due = now_s + AGAIN_S
            return self._collect()
        if (store.holes or store.suspects) and not store.paused and now_s >= self._due:
            self.runs += 1
            holes, suspects = Holes(store.holes.ranges), Holes(store.suspects.ranges)
            arguments = holes, suspects, Holes(store.lost.ranges), store.written_to
            self._task = self._runner.once("exos-rebuild", lambda: self._work(*arguments), idle=True)
        return False

    def _collect(self) -> bool:
        store, result, fault = self._store, self._result, self._fault
        self._result, self._fault = None, ""
        if fault:
            self._log("error", "event_store_rebuild_failed", why=fault, again_s=AGAIN_S)
        if result is None:
            return False
        for first, last in result.looked_at:
            store.suspects.remove(first, last)
        for first, last in result.filled:
            store.holes.remove(first, last)
        for first, last in result.lost:
            store.holes.remove(first, last)
            store.lost.add(first, last)
            sessions = self._names((first, last), sessions_behind(store.files, (first, last), store.written_to))
            self._log(
                "error", "events_lost", first=first, last=last, sessions=sessions, why="the journal no longer reaches back far enough"
            )
        for first, last in result.later:
            store.holes.add(first, last)
        if result.filled:
            self._log("info", "event_store_rebuilt", events=result.filled.count(), ranges=[list(r) for r in result.filled.ranges[:20]])
        store.version += 1 if result.filled or result.lost else 0
        return bool(result.filled or result.lost)

    def _work(self, holes: Holes, suspects: Holes, lost: Holes, written_to: int) -> None:
        data, server_id, make_engine = self._arguments
        store = self._store
        files = EventFiles(store.directory, store.rows_per_file, store.files.keep_free)
        try:
            wanted = Holes()
            for first, last in [*suspects, *_whole_files(holes, store.rows_per_file)]:
                for bad in files.scan(first, min(last, written_to - 1)):
                    wanted.add(*bad)
            for first, last in [*lost, (1, store.kept_from - 1)]:
                wanted.remove(first, last)
            healthy = Holes(holes.ranges)  # ranges that are intact (again) are closed too
            for first, last in wanted:
                healthy.remove(first, last)

            def put(first: int, rows: NDArray[np.int64]) -> None:
                files.write(first, rows, EventSum(next_number=first).add(rows))

            result = rebuild(
                data, server_id, make_engine, wanted, put, logic=self._logic, stop=self._stop, neighbours=files, runner=self._runner
            )
            for first, last in healthy:
                result.filled.add(first, last)
            result.looked_at = suspects
            self._result = result
        except (JournalError, OSError) as error:
            self._fault = str(error)
        except Exception as error:  # any error of the second engine is logged, and the server continues
            self._fault = f"{type(error).__name__}: {error}"
        finally:
            files.close()

    def close(self) -> None:
        """End the work at its next batch, and wait for it."""
        self._stop.set()
        if self._task is not None:
            self._task.join()
            self._task = None


def _whole_files(holes: Holes, rows_per_file: int) -> list[Range]:
    """The holes extended to their whole files: if one row is bad, the others in its file are checked too."""
    wide = Holes()
    for first, last in holes:
        wide.add((first - 1) // rows_per_file * rows_per_file + 1, -(-last // rows_per_file) * rows_per_file)
    return wide.ranges
