"""`exos journal verify|replay|cut DIR`: check every frame and the event store, replay the journal and compare digests, cut a damaged end on
an operator's decision."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from .. import data_folder, start
from ..exits import Exit
from .common import CommandError, number, say
from .config_cmd import read


def add(commands: Any) -> None:
    parser = commands.add_parser("journal", help="check, replay or repair the journal of a data folder")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verify|replay|cut")

    verify = verbs.add_parser(
        "verify", help="check every frame, and every row of the event store against a replay; changes nothing, and a server may be running"
    )
    verify.add_argument(
        "--frames-only", action="store_true", help="check only the journal's frames: place, order and hashes, without the replay"
    )
    verify.set_defaults(run=run_verify)

    replay = verbs.add_parser("replay", help="run every row through a fresh engine, compare all state digests, print the last one")
    for verb in (verify, replay):
        verb.add_argument(
            "--config",
            default="",
            metavar="FILE",
            help="take capacities and times from this configuration (default: those the folder was created with)",
        )
    replay.set_defaults(run=run_replay)

    cut = verbs.add_parser(
        "cut", help="discard everything from a place that verify names; a copy is kept. Acknowledged rows after that place are lost"
    )
    cut.add_argument("--segment", type=number("segment"), required=True)
    cut.add_argument("--offset", type=number("offset"), required=True)
    cut.set_defaults(run=run_cut)
    for verb in (verify, replay, cut):
        verb.add_argument("dir", type=Path, metavar="DIR", help="the data folder")


def folder_of(data: Path) -> Path:
    """The journal's folder: DIR/journal, or DIR itself if it contains the segments."""
    if not data.is_dir():
        raise CommandError(Exit.USAGE, f"{data} is not a folder")
    try:
        data_folder.check(data)
    except data_folder.FolderOpen as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    inner = data / "journal"
    return inner if inner.is_dir() else data


def run_verify(args: argparse.Namespace) -> int:
    make = maker(args.config, args.dir)
    from ..journal import recover
    from ..journal.runner import Threads
    from ..journal.store import JournalError
    from ..journal.verify_store import verify_store

    folder = folder_of(args.dir)
    try:
        frames = recover.verify(folder, runner=Threads())
        say(frames.line())
        if args.frames_only or folder == args.dir:
            return Exit.OK
        store = verify_store(args.dir, make, live=frames.live, runner=Threads())
    except JournalError as error:
        raise CommandError(Exit.RECOVERY, str(error)) from error
    except OSError as error:
        raise CommandError(Exit.RECOVERY, f"{error.filename or args.dir}: {error.strerror or error}") from error
    if not store.sound:
        raise CommandError(
            Exit.FAILED, f"{store.line()}. A running server rebuilds what is damaged from the journal: start it (docs/journal.md)"
        )
    say(store.line())
    return Exit.OK


def maker(config: str, data: Path) -> Callable[[Iterator[bytes] | None], Any]:
    """Returns a function that creates the engine for a replay: with a configuration's capacities, else with those of the journal in `data`,
    or from a snapshot."""
    settings = read(config).settings if config else None
    from ..engine import RETENTION_NS, Capacities, Engine

    def make(chunks: Iterator[bytes] | None) -> Engine:
        if chunks is not None:
            return Engine.restore(chunks)
        if settings is not None:
            return Engine(Capacities(**settings.capacities), retention_ns=settings.clordid_retention_ns or RETENTION_NS)
        begun = start.begun_as(folder_of(data))
        return Engine() if begun is None else Engine(Capacities.begun_as(begun.capacities), retention_ns=begun.retention_ns or RETENTION_NS)

    return make


def run_replay(args: argparse.Namespace) -> int:
    make = maker(args.config, args.dir)
    from ..journal.event_files import EventSum
    from ..journal.marks import differs
    from ..journal.runner import Threads
    from ..journal.store import DirectoryLock, JournalError, JournalLocked
    from ..journal.walk import Walk

    folder = folder_of(args.dir)
    began = perf_counter()
    engine = make(None)
    total = EventSum()
    marks = 0
    try:
        lock: DirectoryLock | None = DirectoryLock(folder)
    except JournalLocked:
        lock = None  # a server is writing: replay what is durable so far
    try:
        walk = Walk(folder, live=lock is None, runner=Threads())
        for batch in walk:
            if batch.rows.size:
                engine.apply(batch.rows, batch.rows.size, total.add)
            if batch.mark is not None:
                marks += 1
                wrong = differs(batch.mark, engine, total.words.tobytes())
                if wrong:
                    raise CommandError(
                        Exit.RECOVERY,
                        f"what rows 0 to {batch.mark.seq - 1} give differs from the digest in the journal ({wrong}): this program is not the one that "
                        f"wrote it, or the capacities differ (--config)",
                    )
    except JournalError as error:
        raise CommandError(Exit.RECOVERY, str(error)) from error
    except OSError as error:
        raise CommandError(Exit.RECOVERY, f"{error.filename or args.dir}: {error.strerror or error}") from error
    finally:
        if lock is not None:
            lock.release()
    seconds = perf_counter() - began
    say(
        f"replayed {walk.rows} rows in {walk.frames} frames, {engine.event_seq - 1} events, {marks} state digests compared, "
        f"{seconds:.2f} s, digest {engine.digest().hex()}"
    )
    return Exit.OK


def run_cut(args: argparse.Namespace) -> int:
    from ..journal import recover
    from ..journal.store import JournalError, JournalLocked

    try:
        folder_of(args.dir)
        report = recover.cut(args.dir, args.segment, args.offset)
    except JournalLocked as error:
        raise CommandError(Exit.LOCKED, str(error)) from error
    except JournalError as error:
        raise CommandError(Exit.RECOVERY, str(error)) from error
    except OSError as error:
        raise CommandError(Exit.RECOVERY, f"{error.filename or args.dir}: {error.strerror or error}") from error
    say(
        f"cut: {report.rows} rows in {report.frames} frames are left, {report.cut_bytes} bytes were cut (copy in {report.cut_file or 'no file'})"
    )
    return Exit.OK
