"""Tables that take other sizes at a start: what the configuration asks for, tried on the state before it is journaled (engine.SystemAct).

What is tried is what goes on: the state moves once, into the pages that it leaves (upgrade/carry.py). Then its digest is compared, and only then is the act
journaled. A start that ends before that has changed nothing in the folder. A replay moves the state when it comes to the act. Between the two lies only
the TIME row of the act's own turn, so that turn must change no row of a table (`Engine.at_rest`), which may depend on the sizes.
"""

from dataclasses import asdict
from typing import Any

from config.serve_options import ServeOptions

from .engine import Capacities, Engine, SystemAct
from .exits import Exit
from .journal.recover import Report
from .start import StartRefused
from .upgrade.carry import CarryRefused


def take(server: Any) -> None:
    """Give the tables of a server (app.py: Server) that starts the sizes that its configuration asks for, as a journaled act. Raises StartRefused."""
    engine = server.engine
    asked, has = plan(server.options, engine), asdict(engine.capacities)
    if not asked:
        return
    while not engine.at_rest:
        server.act_of(None)  # each of these turns does a part of what is due
    change(server.options, engine, asked, known_digest(server.report, engine))
    server.act_of(SystemAct(capacities=asked))
    server.log("info", "tables_resized", **{name: f"{has[name]} -> {rows}" for name, rows in asked.items() if has[name] != rows})


def plan(options: ServeOptions, engine: Engine) -> dict[str, int]:
    """All capacities, if the configuration asks for others than the folder has; else none. What it does not name stays."""
    has = asdict(engine.capacities)
    asked = {**has, **options.settings.capacities} if options.configured else has
    return asked if asked != has else {}


def known_digest(report: Report, engine: Engine) -> bytes:
    """That of the snapshot, if nothing was applied after it: its state was proven. Empty: it must be computed."""
    return report.snapshot_digest if report.snapshot and report.snapshot_seq == engine.row_seq else b""


def change(options: ServeOptions, engine: Engine, asked: dict[str, int], digest: bytes = b"") -> None:
    """Move the state into tables of these sizes; there it is the same state. digest: that it has, if it is known. Raises StartRefused."""
    has, digest = asdict(engine.capacities), digest or engine.digest()
    try:
        engine.resize(Capacities(**asked))
    except CarryRefused as error:
        what = f"{options.config_name}: {error}: ask for {error.used} or more, or leave it at {has[error.table]}"
        raise StartRefused(Exit.CONFIG, what) from error
    except MemoryError as error:
        raise StartRefused(Exit.SETUP, "not enough memory to give the tables other sizes: ask for less, or use a larger machine") from error
    if engine.digest() != digest:
        raise StartRefused(
            Exit.BROKEN,
            "the state in tables of other sizes is not the state of this folder: a fault of the program; start with the sizes it has",
        )
