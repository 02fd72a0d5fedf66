"""A data folder of another rules version: what it holds, and its state under the rules of this program.

A state is carried over from a snapshot at the journal's end, so the other program must have stopped cleanly. Snapshots describe their arena
(core/layout/description.py); those of rules version 7, from before they did, are described in rules7.json.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..core import layout as L
from ..core.layout.description import Described
from ..data_folder import SERVER_ID
from ..engine import Capacities, Engine, SnapshotRefused, arena_like, read_head, read_words
from ..journal import format as fmt
from ..journal import retention
from ..journal.event_files import ROWS_PER_FILE, EventFiles, Range
from ..journal.files import JournalError
from ..journal.snapshots import Snapshot, newest_snapshots
from ..journal.walk import Walk
from ..registry import Registry
from .books import Words, books, differences
from .carry import OWN, CarryRefused, carry, pack_texts

OLDEST = 7  # the first rules version from which a state can be carried over
TEXTS_IN_KEYS = 10  # from this version on a ClOrdID's text is in its key where it fits
Registers = Callable[[bytes], bytes]  # what a version changes in the registry's own bytes, from those of the version before
STEPS: dict[int, Registers] = {}  # by the version after; a version that is not here reads the registry of the one before as it is


class CannotUpgrade(Exception):
    """The folder cannot be carried over as it is; one sentence for the operator."""


@dataclass(frozen=True)
class Carried:
    """A folder's state under the rules of this program."""

    snapshot: Snapshot  # of the other program
    engine: Engine
    before: dict[str, Words]  # books (books.py)
    after: dict[str, Words]

    def differences(self) -> list[str]:
        """What is not the same as before; empty: the books are equal, and every proof of the state holds."""
        return differences(self.before, self.after) + self.engine.check()

    def found(self) -> dict[str, int]:
        """How many rows of each part of the books there are."""
        return {part: len(rows) for part, rows in self.before.items()}


def description_of(rules: int) -> Described:
    """The arena of a version from before snapshots described it."""
    if rules != OLDEST:
        raise SnapshotRefused(
            f"a snapshot of rules version {rules}, which does not describe itself; versions from {OLDEST} on can be carried over"
        )
    described: Described = msgspec.json.decode((Path(__file__).parent / f"rules{OLDEST}.json").read_bytes())
    return described


def state_of(snapshot: Snapshot) -> tuple[Words, Described, Any]:
    """(arena, its description, head) of a snapshot of any version from OLDEST on. Raises SnapshotRefused, OSError."""
    reader = snapshot.body()
    head = read_head(reader)
    described = head.description or (OWN if head.logic == L.LOGIC_VERSION else description_of(head.logic))
    return read_words(reader, arena_like(described)), described, head


def engine_of(snapshot: Snapshot) -> tuple[Engine, dict[str, Words]]:
    """The engine of a snapshot of any version, and the books before. Raises SnapshotRefused, OSError, MemoryError."""
    m, described, head = state_of(snapshot)
    try:
        engine = Engine(Capacities.begun_as(head.capacities), head.event_rows)
        carry(m, described, engine.m)
        engine.registry = Registry.from_bytes(registry_under(head.logic, head.registry))
    except (CarryRefused, ValueError, KeyError, msgspec.MsgspecError) as error:
        raise SnapshotRefused(f"the state of {snapshot.path.name} cannot be carried over: {error}") from error
    return engine, books(m, described)


def registry_under(rules: int, raw: bytes) -> bytes:
    """The registry's bytes of a version, under the rules of this program."""
    for version in range(rules + 1, L.LOGIC_VERSION + 1):
        raw = STEPS[version](raw) if version in STEPS else raw
    return raw


def newest(data: Path) -> Snapshot:
    """The newest snapshot that verifies, of whatever version. Raises CannotUpgrade."""
    bad: list[str] = []
    for snapshot in newest_snapshots(data / "snapshots", bad):
        if snapshot.server_id == SERVER_ID:
            return snapshot
    if _newest_segment_rules(data / "journal") == L.LOGIC_VERSION:
        raise CannotUpgrade(f"{data} is already of rules version {L.LOGIC_VERSION}: start it with exos serve")
    told = f" ({'; '.join(bad)})" if bad else ""
    raise CannotUpgrade(f"{data} has no snapshot that verifies{told}: start the version that wrote it, and stop it")


def _newest_segment_rules(journal: Path) -> int:
    """Rules version of the segment that is written to; 0: there is none that can be read."""
    try:
        with open(max(journal.glob("*.seg")), "rb") as file:
            return fmt.parse_segment_header(file.read(fmt.SEGMENT_HEADER_BYTES)).logic
    except (ValueError, OSError):
        return 0


def refuse_unsealed(data: Path, snapshot: Snapshot) -> None:
    """The journal must end where the snapshot was made. Raises CannotUpgrade, JournalError."""
    walk = Walk(data / "journal", start=snapshot.position, server_id=SERVER_ID, logic=snapshot.logic)
    rows = sum(batch.rows.size for batch in walk) // 16
    if rows or walk.tail is None or walk.tail.cut_bytes:
        raise CannotUpgrade(
            f"{data} was not stopped cleanly: {rows} rows follow its newest snapshot. Start rules version {snapshot.logic}, the one that wrote it, and "
            f"stop it; then try again"
        )


def lost_reports(data: Path, snapshot: Snapshot, rows_per_file: int = ROWS_PER_FILE) -> list[Range]:
    """The reports before the snapshot that the event store should have and does not give back whole. This program cannot make them again: their rows are of
    other rules. Raises OSError."""
    files = EventFiles(data / "events", rows_per_file)
    try:
        return files.scan(retention.read(files.directory), snapshot.event_seq - 1)
    finally:
        files.close()


def refuse_lost_reports(data: Path, snapshot: Snapshot, lose: int = 0) -> None:
    """lose: so many lost reports are agreed to. Raises CannotUpgrade, OSError."""
    lost = lost_reports(data, snapshot)
    count = sum(last - first + 1 for first, last in lost)
    if count == lose:
        return
    if not count:
        raise CannotUpgrade(f"{data}: no report is lost, so none can be agreed to: leave out --lose-reports")
    first, last = lost[0]
    more = f", and in {len(lost) - 1} other places" if len(lost) > 1 else ""
    raise CannotUpgrade(
        f"{data}: {count} past reports are damaged or missing in its event store (events {first} to {last}{more}), and the new program cannot make them again "
        f"from rows of rules version {snapshot.logic}. Start that version, wait until exos status shows event_store.to_rebuild = 0, and stop it. If they cannot "
        f"be made again there either: --lose-reports {count}"
    )


def carried(data: Path) -> Carried:
    """The state of a folder of an earlier version under the rules of this program; changes nothing. Raises CannotUpgrade, JournalError."""
    snapshot = newest(data)
    if snapshot.logic == L.LOGIC_VERSION:
        raise CannotUpgrade(f"{data} is already of rules version {L.LOGIC_VERSION}: start it with exos serve")
    if not OLDEST <= snapshot.logic < L.LOGIC_VERSION:
        raise CannotUpgrade(
            f"{data} is of rules version {snapshot.logic}; this program carries over versions {OLDEST} to {L.LOGIC_VERSION - 1}"
        )
    refuse_unsealed(data, snapshot)
    try:
        engine, before = engine_of(snapshot)
    except (SnapshotRefused, OSError, MemoryError) as error:
        raise CannotUpgrade(f"{data}: {error or 'not enough memory'}") from error
    if snapshot.logic < TEXTS_IN_KEYS:  # not in engine_of: rows of the old rules that are replayed on it have their ids as these had them
        pack_texts(engine.m)
    return Carried(snapshot, engine, before, books(engine.m, OWN))


__all__ = ["CannotUpgrade", "Carried", "JournalError", "carried", "engine_of", "lost_reports", "newest", "refuse_lost_reports"]
