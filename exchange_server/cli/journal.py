"""`exos journal verify|replay|cut DIR`: check every frame and the event store, replay the journal and compare digests, cut a damaged end on
an operator's decision. `list|archive|fetch`: journal_archive.py."""

from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from ..exits import Exit
from . import journal_archive
from .command import Noun
from .common import FILE, CommandError, Number
from .journal_folder import folder_of
from .output import Result, say
from .progress import loading_kernels, progress

journal = Noun("journal", "check, replay, archive or repair the journal of a data folder")
config_option = click.option(
    "--config",
    metavar="FILE",
    default="",
    help="Take capacities and times from this configuration (default: those the folder was created with).",
)
data_argument = click.argument("data", type=FILE, metavar="DIR")


@journal.verb(
    "verify",
    "check every frame, and every row of the event store against a replay; changes nothing, and a server may be running",
    details="DIR is the data folder.",
    examples=("exos journal verify /srv/exos", "exos journal verify /srv/exos --frames-only"),
    slow=True,
)
@data_argument
@click.option("--frames-only", is_flag=True, help="Check only the journal's frames: place, order and hashes, without the replay.")
@config_option
def verify(data: Path, frames_only: bool, config: str) -> Result:
    make = maker(config, data)
    from ..journal import recover
    from ..journal.runner import Threads
    from ..journal.store import JournalError
    from ..journal.verify_store import verify_store

    folder = folder_of(data)
    try:
        with progress("checking frames", "rows") as at:
            frames = recover.verify(folder, logic=None, runner=Threads(), progress=at)
        say(frames.line())
        if frames_only or folder == data:
            return Result({"frames": frames.line()})
        with progress("comparing the event store with a replay", "rows") as at:
            store = verify_store(data, make, live=frames.live, runner=Threads(), progress=at)
    except JournalError as error:
        raise CommandError(Exit.RECOVERY, str(error)) from error
    except OSError as error:
        raise CommandError(Exit.RECOVERY, f"{error.filename or data}: {error.strerror or error}") from error
    if not store.sound:
        raise CommandError(
            Exit.FAILED, f"{store.line()}. A running server rebuilds what is damaged from the journal: start it (docs/journal.md)"
        )
    say(store.line())
    return Result({"frames": frames.line(), "event_store": store.line()})


def maker(config: str, data: Path) -> Callable[[Iterable[bytes] | None], Any]:
    """Returns a function that creates the engine for a replay: with a configuration's capacities, else with those of the journal in `data`,
    or from a snapshot."""
    from .. import start
    from .config_cmd import read

    settings = read(config).settings if config else None
    with loading_kernels():
        from ..engine import RETENTION_NS, Capacities, Engine
        from ..journal import recover  # noqa: F401 (its kernels)

    def make(chunks: Iterable[bytes] | None) -> Engine:
        if chunks is not None:
            return Engine.restore(chunks)
        if settings is not None:
            return Engine(Capacities(**settings.capacities), retention_ns=settings.clordid_retention_ns or RETENTION_NS)
        begun = start.begun_as(folder_of(data))
        return Engine() if begun is None else Engine(Capacities.begun_as(begun.capacities), retention_ns=begun.retention_ns or RETENTION_NS)

    return make


@journal.verb(
    "replay",
    "run every row through a fresh engine, compare all state digests, print the last one",
    details="DIR is the data folder. Where the first segments were recycled, or are of rules before an upgrade, it begins with the oldest snapshot from which the journal goes on. The capacities are those that the folder was created with.",
    examples=("exos journal replay /srv/exos",),
    slow=True,
)
@data_argument
@config_option
def replay(data: Path, config: str) -> Result:
    make = maker(config, data)
    from ..journal import recycled
    from ..journal import replay as running
    from ..journal.runner import Threads
    from ..journal.snapshots import Snapshot
    from ..journal.store import DirectoryLock, JournalError, JournalLocked

    def begins(snapshot: Snapshot) -> None:
        where = recycled.where(folder)
        text = f"replayed from {snapshot.path.name} (row {snapshot.position.seq}), the oldest snapshot from which the journal goes on"
        say(f"{text}. {where}" if where else text)

    folder = folder_of(data)
    began = perf_counter()
    try:
        lock: DirectoryLock | None = DirectoryLock(folder)
    except JournalLocked:
        lock = None  # a server is writing: replay what is durable so far
    try:
        with progress("replaying", "rows") as at:
            done = running.replay(data, folder, make, live=lock is None, runner=Threads(), begins=begins, progress=at)
    except running.Unlike as error:
        way = "this program is not the one that wrote it, or the capacities differ (--config)"
        raise CommandError(Exit.RECOVERY, f"{error}: {way}") from error
    except JournalError as error:
        raise CommandError(Exit.RECOVERY, str(error)) from error
    except OSError as error:
        raise CommandError(Exit.RECOVERY, f"{error.filename or data}: {error.strerror or error}") from error
    finally:
        if lock is not None:
            lock.release()
    seconds, digest, events = perf_counter() - began, done.engine.digest().hex(), done.engine.event_seq - 1
    say(
        f"replayed {done.rows} rows in {done.frames} frames, {events} events, {done.marks} state digests compared, {seconds:.2f} s, digest {digest}"
    )
    first = {"first_row": done.begin, "snapshot": done.snapshot.path.name if done.snapshot is not None else None}
    return Result(
        {**first, "rows": done.rows, "frames": done.frames, "events": events, "digests": done.marks, "seconds": seconds, "digest": digest}
    )


@journal.verb(
    "cut",
    "discard everything from a place that verify names; a copy is kept. Acknowledged rows after that place are lost",
    details="DIR is the data folder; no server may run on it.",
    examples=("exos journal cut /srv/exos --segment 3 --offset 4096",),
)
@data_argument
@click.option("--segment", type=Number("segment"), metavar="N", required=True, help="Number of the segment, as verify says it.")
@click.option("--offset", type=Number("offset"), metavar="N", required=True, help="First byte to discard, as verify says it.")
def cut(data: Path, segment: int, offset: int) -> Result:
    from ..journal import recover
    from ..journal.store import JournalError, JournalLocked

    try:
        folder_of(data)
        report = recover.cut(data, segment, offset)
    except JournalLocked as error:
        raise CommandError(Exit.LOCKED, str(error)) from error
    except JournalError as error:
        raise CommandError(Exit.RECOVERY, str(error)) from error
    except OSError as error:
        raise CommandError(Exit.RECOVERY, f"{error.filename or data}: {error.strerror or error}") from error
    say(
        f"cut: {report.rows} rows in {report.frames} frames are left, {report.cut_bytes} bytes were cut (copy in {report.cut_file or 'no file'})"
    )
    return Result({"rows": report.rows, "frames": report.frames, "cut_bytes": report.cut_bytes, "copy": str(report.cut_file or "")})


journal_archive.add(journal)
