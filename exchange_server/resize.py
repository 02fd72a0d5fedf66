"""Tables that take other sizes at a start: what the configuration asks for, and a trial before it is journaled (engine.SystemAct)."""

from dataclasses import asdict
from typing import Any

from config.serve_options import ServeOptions

from .engine import Capacities, Engine, SystemAct
from .exits import Exit
from .start import StartRefused
from .upgrade.carry import CarryRefused


def take(server: Any) -> None:
    """Give the tables of a server (app.py: Server) that starts the sizes that its configuration asks for, as a journaled act. Raises StartRefused."""
    engine = server.engine
    asked, has = plan(server.options, engine), asdict(engine.capacities)
    if not asked:
        return
    check(server.options, engine, asked)
    server.act(SystemAct(capacities=asked).body())
    server.log("info", "tables_resized", **{name: f"{has[name]} -> {rows}" for name, rows in asked.items() if has[name] != rows})


def plan(options: ServeOptions, engine: Engine) -> dict[str, int]:
    """All capacities, if the configuration asks for others than the folder has; else none. What it does not name stays."""
    has = asdict(engine.capacities)
    asked = {**has, **options.settings.capacities} if options.configured else has
    return asked if asked != has else {}


def check(options: ServeOptions, engine: Engine, asked: dict[str, int]) -> None:
    """The state in tables of these sizes is the same state. Raises StartRefused."""
    has = asdict(engine.capacities)
    try:
        same = engine.with_capacities(Capacities(**asked)).digest() == engine.digest()
    except CarryRefused as error:
        what = f"{options.config_name}: {error}: ask for {error.used} or more, or leave it at {has[error.table]}"
        raise StartRefused(Exit.CONFIG, what) from error
    except MemoryError as error:
        raise StartRefused(Exit.SETUP, "not enough memory to give the tables other sizes: ask for less, or use a larger machine") from error
    if not same:
        raise StartRefused(
            Exit.BROKEN,
            "the state in tables of other sizes is not the state of this folder: a fault of the program; start with the sizes it has",
        )
