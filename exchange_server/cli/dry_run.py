"""Tries a configuration on an empty registry with an engine that accepts every row, to check the rules before anything is started."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

from config import admin_records as ar
from config.load import Config
from config.plan import place

from .. import state
from ..gateway import verifiers
from ..registry import Refused, Registry, Sink
from ..registry.definitions import Definitions
from ..registry.engine_like import Words

UNLIMITED = 1 << 40
TABLES = ("assets", "venues", "firms", "accounts", "sessions", "events", "instruments", "listings")


class DryEngine:
    """Accepts every definition row. Its tables are as large as in the configuration, else unlimited."""

    def __init__(self, capacities: dict[str, int]) -> None:
        self.capacities: Any = SimpleNamespace(**{name: capacities.get(name, UNLIMITED) for name in TABLES})
        self.row_seq = 0
        self.time_ns = 0
        self.m = state.empty_header(UNLIMITED)

    def step_rows(self, rows: Words, words: int, sink: Sink) -> int:  # noqa: ARG002 (EngineLike)
        return 0


def check(config: Config) -> Definitions:
    """The definitions that the configuration creates on an empty server; raises ConfigError naming the file and key of the first record that is refused."""
    records: Any = tuple(item.record for item in config.items)
    whole = ar.Configuration(name="check", sandbox=config.sandbox, records=records)
    registry = Registry()
    try:
        whole = verifiers.secured(whole, verifiers.Recipe(b"", config.sandbox, quick=True), registry).record
    except Refused as refused:
        at = refused.refusal
        assert at.record is not None
        raise place(config.items[at.record], at.key, at.sentence) from None
    trial = registry.try_out(whole, DryEngine(config.settings.capacities))
    for refusal in trial.refusals:
        assert refusal.record is not None, "only a data folder refuses a configuration as a whole"
        raise place(config.items[refusal.record], refusal.key, refusal.sentence)
    return trial.after


def counts(registry: Definitions) -> dict[str, int]:
    """How many of each kind the configuration has; kinds that it does not have are left out."""
    wires = Counter(session.record.wire for session in registry.sessions)
    found = {
        "assets": len(registry.assets),
        "venues": len(registry.venues),
        "markets": len(registry.events),
        "instruments": len(registry.instruments),
        "firms": len(registry.firms),
        "accounts": sum(account.record is not None for account in registry.accounts),
        **{f"{wire} sessions": count for wire, count in sorted(wires.items())},
        "deposits": len(registry.done),
    }
    return {name: count for name, count in found.items() if count}


def summary(registry: Definitions) -> str:
    """The content of the configuration in one line."""
    return ", ".join(f"{count} {name}" for name, count in counts(registry).items())
