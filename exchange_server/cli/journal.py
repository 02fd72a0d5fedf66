"""`exos journal verify|replay|cut DIR`: is every frame right, does it lead to the same state, and cutting where an operator says so."""

import argparse
from pathlib import Path
from time import perf_counter
from typing import Any

from .. import start
from ..exits import Exit
from .common import CommandError, number, say
from .config_cmd import read


def add(commands: Any) -> None:
    parser = commands.add_parser("journal", help="check, replay or repair the journal of a data folder")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verify|replay|cut")

    verify = verbs.add_parser("verify", help="check every frame, its place, order and hashes; changes nothing, a server may be running")
    verify.set_defaults(run=run_verify)

    replay = verbs.add_parser(
        "replay", help="run every row through a fresh engine, compare all state digests on the way, print the last one"
    )
    replay.add_argument(
        "--config", default="", metavar="FILE", help="take the capacities and the ClOrdID retention from this configuration (default: those the folder was begun with)"
    )
    replay.set_defaults(run=run_replay)

    cut = verbs.add_parser(
        "cut", help="give up all from a place on that verify names; a copy is kept. Loses what was acknowledged behind it"
    )
    cut.add_argument("--segment", type=number("segment"), required=True)
    cut.add_argument("--offset", type=number("offset"), required=True)
    cut.set_defaults(run=run_cut)
    for verb in (verify, replay, cut):
        verb.add_argument("dir", type=Path, metavar="DIR", help="the data folder")


def folder_of(data: Path) -> Path:
    """The journal's folder: DIR/journal, or DIR itself when it holds the segments."""
    if not data.is_dir():
        raise CommandError(Exit.USAGE, f"{data} is not a folder")
    inner = data / "journal"
    return inner if inner.is_dir() else data


def run_verify(args: argparse.Namespace) -> int:
    from ..journal import recover
    from ..journal.store import JournalError

    try:
        say(recover.verify(folder_of(args.dir)).line())
    except JournalError as error:
        raise CommandError(Exit.RECOVERY, str(error)) from error
    except OSError as error:
        raise CommandError(Exit.RECOVERY, f"{error.filename or args.dir}: {error.strerror or error}") from error
    return Exit.OK


def run_replay(args: argparse.Namespace) -> int:
    settings = read(args.config).settings if args.config else None
    from ..engine import Capacities, Engine
    from ..journal.store import DirectoryLock, JournalError, JournalLocked
    from ..journal.walk import Walk

    folder = folder_of(args.dir)
    began = perf_counter()
    begun = start.begun_as(folder)
    if settings is not None:
        engine = Engine(Capacities(**settings.capacities), retention_ns=settings.clordid_retention_ns)
    elif begun is not None:
        engine = Engine(Capacities(**begun.capacities), retention_ns=begun.retention_ns)
    else:
        engine = Engine(Capacities())
    marks = 0
    try:
        lock: DirectoryLock | None = DirectoryLock(folder)
    except JournalLocked:
        lock = None  # a server is writing: what it has made durable so far is replayed
    try:
        walk = Walk(folder, live=lock is None)
        for batch in walk:
            if batch.rows.size:
                engine.apply(batch.rows, batch.rows.size, lambda events: None)
            if batch.mark is not None:
                marks += 1
                if engine.digest() != batch.mark.digest:
                    raise CommandError(
                        Exit.RECOVERY,
                        f"the state behind row {batch.mark.seq} differs from the digest in the journal: this program is not the one that wrote it",
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
