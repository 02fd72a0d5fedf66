"""`exos upgrade check|apply|back DIR`: a data folder of an earlier version of the rules (docs/upgrade.md)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..exits import Exit
from .command import Noun
from .common import FILE, CommandError, Number
from .output import Result, say
from .progress import loading_kernels

upgrade = Noun("upgrade", "carry a data folder over to this program's version of the rules, and back")
data_argument = click.argument("data", type=FILE, metavar="DIR")

lose_option = click.option(
    "--lose-reports",
    type=Number("number of reports"),
    default=0,
    metavar="N",
    help="How many past reports may be lost for good (the refusal says how many).",
)


def guarded(data: Path, work: Callable[[], Any]) -> Any:
    """What the work returns; its refusals as errors of the command."""
    from ..engine import InvariantBroken, SnapshotRefused
    from ..journal.files import JournalError, JournalLocked
    from ..registry import RegistryBroken
    from ..upgrade.folder import CannotUpgrade

    if not (data / "journal").is_dir():
        raise CommandError(Exit.USAGE, f"{data} is not a data folder")
    try:
        return work()
    except CannotUpgrade as error:
        raise CommandError(Exit.FAILED, str(error)) from error
    except (InvariantBroken, RegistryBroken, SnapshotRefused) as error:
        raise CommandError(Exit.FAILED, f"{data}: this program cannot go through its state or its rows: {error}. Report this") from error
    except MemoryError as error:
        raise CommandError(Exit.FAILED, f"{data}: not enough memory") from error
    except JournalLocked as error:
        raise CommandError(Exit.LOCKED, str(error)) from error
    except JournalError as error:
        raise CommandError(Exit.RECOVERY, str(error)) from error
    except OSError as error:
        raise CommandError(Exit.RECOVERY, f"{error.filename or data}: {error.strerror or error}") from error


def tell(state: Any) -> None:
    """What was carried over."""
    say(f"rules version {state.snapshot.logic} -> {state.engine.rules}, at row {state.snapshot.position.seq}")
    for part, rows in state.found().items():
        say(f"  {part}: {rows}")


@upgrade.verb(
    "check",
    "carry the state over in memory, compare the books, and replay the last days under both rules; changes nothing",
    details="DIR is the data folder of the earlier version, stopped cleanly. With --old, the directory of the other installation, the rows of the last days "
    "are replayed by both programs, and events that differ are counted by kind.",
    examples=("exos upgrade check /srv/exos", "exos upgrade check /srv/exos --old /opt/exos-before --days 3"),
    slow=True,
)
@data_argument
@click.option("--old", type=FILE, default=None, metavar="PATH", help="Directory of the installation that wrote the folder.")
@click.option("--days", type=Number("number of days", 1, 10_000), default=1, metavar="N", help="How far back to replay (default: 1).")
@lose_option
def check(data: Path, old: Path | None, days: int, lose_reports: int) -> Result:
    with loading_kernels():
        from .. import start
        from ..engine import Capacities, Engine
        from ..upgrade import compare, folder

    def first() -> Engine:
        begun = start.begun_as(data / "journal")
        if begun is None:
            raise folder.CannotUpgrade(f"{data}: its first row cannot be read")
        return Engine(Capacities.begun_as(begun.capacities), retention_ns=begun.retention_ns)

    def work() -> Result:
        state = folder.carried(data)
        tell(state)
        wrong = state.differences()
        if wrong:
            raise CommandError(
                Exit.FAILED, f"the books would not be the same: {'; '.join(wrong[:3])}. Report this; the folder was not changed"
            )
        say("the books are the same, and every proof of the state holds")
        folder.refuse_lost_reports(data, state.snapshot, lose_reports)
        say("all past reports are whole")
        result = {"rules": state.snapshot.logic, "row": state.snapshot.position.seq, "books": state.found(), "differ": {}}
        if old is None:
            say("nothing was replayed: name the other installation with --old PATH to compare events")
            return Result(result)
        replayed = compare.replay(data, state.snapshot.logic, old, days, first)
        for line in replayed.lines():
            say(line)
        differ = replayed.found
        return Result(
            {**result, "replayed": replayed.rows, "events": differ.events, "differ": dict(differ.kinds), "renumbered": differ.renumbered}
        )

    found: Result = guarded(data, work)
    return found


@upgrade.verb(
    "apply",
    "carry the folder over for good; its way back is kept in DIR/upgrade",
    details="The server and its follower must be stopped, and the earlier version must have stopped cleanly. Killed at any moment, run it again.",
    examples=("exos upgrade apply /srv/exos",),
    slow=True,
)
@data_argument
@lose_option
def apply(data: Path, lose_reports: int) -> Result:
    with loading_kernels():
        from ..upgrade import apply as work

    digest: str = guarded(data, lambda: work.apply(data, tell, lose_reports))
    say(f"carried over, digest {digest[:16]}; start it with exos serve --data {data}. The way back: exos upgrade back {data}")
    return Result({"digest": digest})


@upgrade.verb(
    "back",
    "make the folder what it was before `exos upgrade apply`, for the earlier program",
    details="Rows that were journaled since then are moved to DIR/upgrade and lost for the exchange: --lose must say how many.",
    examples=("exos upgrade back /srv/exos",),
)
@data_argument
@click.option("--lose", type=Number("number of rows"), default=0, metavar="ROWS", help="How many rows may be lost.")
def back(data: Path, lose: int) -> Result:
    with loading_kernels():
        from ..upgrade import apply as work

    note = guarded(data, lambda: work.back(data, lose))
    say(f"{data} is of rules version {note.rules} again, at row {note.seq}: start the program of that version")
    return Result({"rules": note.rules, "row": note.seq})
