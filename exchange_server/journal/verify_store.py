"""Compare the event store with the journal: every row's checksum, and every row against a replay of the journal. Changes nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import layout as L
from . import format as fmt
from . import retention
from .event_files import ROWS_PER_FILE, EventFiles, EventSum, Holes, Range
from .marks import differs
from .recover import oldest_start
from .runner import Runner
from .walk import JournalRefused, Progress, Walk

BATCH_WORDS = 1 << 16


@dataclass
class StoreVerified:
    """The result of `verify_store`."""

    events: int = 0
    replayed_from: int = 1  # events before this one are older than the journal: checked by their checksums only
    marks: int = 0
    kept_from: int = 1  # events before this one are older than their retention and not here (retention.py)
    waiting: int = 0  # newest events that are not in a file yet: a running server has them in memory, a start writes them
    bad: Holes = field(default_factory=Holes)  # do not match their checksums
    unlike: Holes = field(default_factory=Holes)  # match their checksums but differ from the journal
    digest: str = ""

    @property
    def sound(self) -> bool:
        return not self.bad and not self.unlike

    def line(self) -> str:
        rows = [f"event store: {self.events} events"]
        if self.kept_from > 1:
            rows.append(f"1 to {self.kept_from - 1} are older than their retention and were removed")
        if self.replayed_from > self.kept_from:
            rows.append(f"{self.kept_from} to {self.replayed_from - 1} are older than the journal and were checked by their checksums only")
        if self.waiting:
            rows.append(f"the newest {self.waiting} are not in the files yet (a running server holds them; the next start writes them)")
        for what, holes in (("damaged", self.bad), ("different from the journal", self.unlike)):
            if holes:
                named = ", ".join(f"{a} to {b}" for a, b in holes.ranges[:20])
                rows.append(f"{holes.count()} are {what}: {named}{' and more' if len(holes.ranges) > 20 else ''}")
        if self.sound:
            rows.append(f"all equal to the journal, {self.marks} digests compared, digest {self.digest}")
        return "; ".join(rows)


def verify_store(
    data: Path,
    make_engine: Callable[[Iterable[bytes] | None], Any],
    *,
    live: bool,
    rows_per_file: int = ROWS_PER_FILE,
    logic: int = L.LOGIC_VERSION,
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> StoreVerified:
    """Replay the journal of a data folder and compare its events with the store's. Raises JournalRefused, JournalError, OSError."""
    found = StoreVerified()
    files = EventFiles(data / "events", rows_per_file)
    found.kept_from = kept = retention.read(data / "events")
    snapshot = oldest_start(data, data / "journal", logic)
    total = EventSum(snapshot.event_value, snapshot.event_seq) if snapshot is not None else EventSum()
    found.replayed_from = total.next_number
    engine = make_engine(snapshot.body() if snapshot is not None else None)

    def sink(events: NDArray[np.int64]) -> None:
        begin = total.next_number
        total.add(events)
        for bad in files.scan(max(begin, kept), total.next_number - 1):
            found.bad.add(*bad)
        for unlike in files.differ(begin, events):
            found.unlike.add(*unlike)

    try:
        for bad in files.scan(kept, found.replayed_from - 1):
            found.bad.add(*bad)
        start = snapshot.position if snapshot is not None else None
        for batch in Walk(data / "journal", start=start, live=live, logic=logic, batch_words=BATCH_WORDS, runner=runner, progress=progress):
            if batch.rows.size:
                engine.apply(batch.rows, batch.rows.size, sink)
            if batch.mark is not None:
                found.marks += 1
                wrong = differs(batch.mark, engine, total.words.tobytes())
                if wrong:
                    raise JournalRefused(
                        data / "journal" / fmt.segment_name(batch.end.segment), batch.end.offset, f"up to {batch.mark.seq - 1}",
                        f"replay differs: {wrong}", "run the version of the program that wrote this journal; keep the folder and report it",
                    )  # fmt: skip
        found.events = total.next_number - 1
        _set_apart_what_waits(files, found)
    finally:
        files.close()
    found.digest = engine.digest().hex()
    return found


def _set_apart_what_waits(files: EventFiles, found: StoreVerified) -> None:
    """Do not count the newest rows, which were never written, as damage."""
    last: Range = found.bad.ranges[-1] if found.bad else (0, 0)
    if last[1] != found.events:
        return
    begin = last[1] + 1
    while begin > last[0]:
        number = begin - 1
        if files.path(files.file_of(number)).exists():
            got = files.read(number, 1)
            if got is None or got[0].any() or got[1].any():
                break
        begin = number
    found.waiting = found.events + 1 - begin
    found.bad.remove(begin, found.events)
