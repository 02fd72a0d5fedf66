"""The core on the bench: an arena with tiny tables and an event buffer of 8 rows, fed one command at a time.

`Pair` runs core and model side by side and compares after every command: events word by word, state, structure walk, sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from exchange_server.engine import Capacities, Engine, InvariantBroken
from protocol import codes as C
from tests import arena
from tests.bridge import Words, command_words, event_rows, plain, used_word
from tests.model import Model
from tests.model_world import RETENTION_NS, Limits, Row
from tests.model_worlds import Story

EVENT_ROWS = 8


class Difference(AssertionError):
    """Core and model (or the core and its own invariants) do not agree."""


def fitted(limits: Limits) -> Limits:
    """The limits, with a small arena's rows where nothing is said: core and model have the same."""
    return Limits(limits.orders, limits.archive, min(limits.nodes, 512), min(limits.words, 20_000), min(limits.used, 64))


def tiny(limits: Limits) -> Capacities:
    """Capacities of a test arena: tables that the rules speak of by `limits`, the rest small but enough."""
    limits = fitted(limits)
    return Capacities(
        assets=4, venues=4, firms=16, accounts=64, sessions=32, events=8, instruments=64, listings=128, balances=256,
        collateral_words=limits.words, orders=limits.orders, nodes=limits.nodes, archive=limits.archive, dirty=16,
        used_blocks=limits.used,
    )  # fmt: skip


class Core:
    """The engine with an event buffer of 8 rows, with the interface of Model: `apply(Row) -> Rows`, `refused`, `state()`."""

    def __init__(self, capacities: Capacities, retention_ns: int = RETENTION_NS, event_rows_: int = EVENT_ROWS) -> None:
        self.engine = Engine(capacities, event_rows_, retention_ns)
        self.m = self.engine.m
        self.refused = 0

    def apply(self, command: Row) -> list[Row]:
        return event_rows(self.step(command_words(command)))

    def step(self, words: Words) -> Words:
        """Run whole command rows to the end; the event words of all chunks."""
        out: list[Words] = [np.zeros(0, np.int64)]
        self.refused = 0
        try:
            if words[0] & 255 >= C.C_DEF_ASSET and words[0] & 255 != C.C_CONTINUE:
                self.refused = self.engine.step_rows(words, len(words), lambda ev: out.append(ev.copy()))
            else:
                self.engine.apply(words, len(words), lambda ev: out.append(ev.copy()))
        except InvariantBroken as error:
            raise Difference(str(error)) from error
        return np.concatenate(out)

    def state(self) -> dict[str, Any]:
        return arena.state(self.m)


class Pair:
    """Core and model side by side; `apply` raises Difference at the first disagreement."""

    def __init__(self, limits: Limits | None = None, retention_ns: int = RETENTION_NS) -> None:
        limits = fitted(limits or Limits(256, 2048))
        self.limits = limits
        self.model = Model(limits, retention_ns)
        self.core = Core(tiny(limits), retention_ns)

    def apply(self, command: Row) -> list[Row]:
        try:
            got = self.core.apply(command)
        except Difference:
            raise
        except Exception as error:  # a decoded event that makes no sense, an index out of bounds
            raise Difference(f"the core's answer cannot be read: {error!r}") from error
        want = [plain(e) for e in self.model.apply(command)]
        self.compare("refused", self.model.refused, self.core.refused)
        self.compare("events", [dict(e) for e in want], [dict(e) for e in got])
        want_state, got_state = self.model.state(), self.core.state()
        want_state["used"] = [
            (firm, at, ranged, sorted(map(used_word, keys)) if ranged else [used_word(key) if key is not None else 0 for key in keys])
            for firm, at, ranged, keys in want_state["used"]
        ]
        for part in want_state:
            self.compare(part, want_state[part], got_state[part])
        try:
            arena.walk(self.core.m)
            self.model.check_invariants()
        except AssertionError as error:
            raise Difference(f"structure: {error}") from error
        if broken := self.core.engine.check():
            raise Difference(f"the core's own audit: {broken}")
        return got

    def compare(self, what: str, want: Any, got: Any) -> None:
        if want != got:
            raise Difference(f"{what} differ\n  model: {difference(want, got)}\n  core:  {difference(got, want)}")


def difference(this: Any, other: Any) -> Any:
    """What of `this` is not in `other`, for reading."""
    if isinstance(this, dict) and isinstance(other, dict):
        return {k: v for k, v in this.items() if k not in other or other[k] != v}
    if isinstance(this, list) and isinstance(other, list):
        return [
            x if i >= len(other) else difference(x, other[i]) for i, x in enumerate(this) if i >= len(other) or x != other[i]
        ] or f"{len(this)} rows"
    return this


class PairStory(Story):
    """A Story whose every command is carried out by the core as well, and compared."""

    def __init__(
        self, firms: int = 2, cash: int = 1_000_000, limits: Limits | None = None, retention_ns: int | None = None, **event: Any
    ) -> None:
        self.pair = Pair(limits, RETENTION_NS if retention_ns is None else retention_ns)
        super().__init__(firms, cash, limits, retention_ns, **event)

    def start(self, limits: Limits | None, retention_ns: int | None) -> None:
        self.model = self.pair.model

    def apply(self, row: Row) -> list[Row]:
        self.commands.append(row)
        return self.pair.apply(row)
