"""The core on the bench: an arena with tiny tables and an event buffer of 8 rows, fed one command at a time.

`Pair` runs core and model side by side and compares after every command: events word by word, state, structure walk, sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from exchange_server.core import records as r
from exchange_server.core.step import H_REFUSED, step
from protocol import codes as C
from tests import arena
from tests.bridge import command_words, event_rows, plain
from tests.model import Model
from tests.model_world import RETENTION_NS, Limits, Row
from tests.model_worlds import Story

EVENT_ROWS = 8


class Difference(AssertionError):
    """Core and model (or the core and its own invariants) do not agree."""


@dataclass(frozen=True)
class Tables:
    """Capacities of one arena. Hash tables are powers of two, with room for what they index."""

    orders: int = 64
    archive: int = 512
    texts: int = 512
    levels: int = 64
    nodes: int = 256
    small: int = 64
    collateral_words: int = 20_000

    def caps(self) -> dict[int, tuple[int, int]]:
        """Pool -> (row width, rows)."""
        s = self.small

        def power(n: int) -> int:
            return 1 << n.bit_length()

        return {
            r.P_ASSET: (r.ASSET_WORDS, 8), r.P_VENUE: (r.VENUE_WORDS, 8), r.P_FIRM: (r.FIRM_WORDS, s), r.P_ACCOUNT: (r.ACCOUNT_WORDS, s),
            r.P_SESSION: (r.SESSION_WORDS, s), r.P_EVENT: (r.EVENT_WORDS, 16), r.P_INSTRUMENT: (r.INSTRUMENT_WORDS, s),
            r.P_LISTING: (r.LISTING_WORDS, 2 * s), r.P_BALANCE: (r.BALANCE_WORDS, 4 * s), r.P_COLLATERAL: (1, self.collateral_words),
            r.P_ORDER: (r.ORDER_WORDS, self.orders), r.P_LEVEL: (r.LEVEL_WORDS, self.levels), r.P_NODE: (r.NODE_WORDS, self.nodes),
            r.P_TEXT: (r.TEXT_WORDS, self.texts), r.P_ARCHIVE: (r.ARCHIVE_WORDS, self.archive), r.P_BUCKET: (r.BUCKET_WORDS, self.orders + 1),
            r.P_HEAP: (1, self.orders + 1), r.P_ID_HASH: (1, power(2 * (self.orders + self.archive))), r.P_PAIR_HASH: (4, power(16 * s)),
            r.P_NAME_HASH: (r.NAME_WORDS, power(4 * s)), r.P_DIRTY: (r.DIRTY_WORDS, 16),
        }  # fmt: skip


def make_arena(tables: Tables, retention_ns: int) -> arena.Arena:
    at = r.HEADER_WORDS
    caps = tables.caps()
    m = np.zeros(at + sum(width * cap for width, cap in caps.values()), np.int64)
    for pool, (width, cap) in caps.items():
        d = r.H_POOLS + pool * r.POOL_WORDS
        m[d + r.PL_BASE], m[d + r.PL_WIDTH], m[d + r.PL_CAP] = at, width, cap
        at += width * cap
    m[r.H_LOGIC], m[r.H_EVENT_SEQ], m[r.H_RETENTION_NS], m[r.H_ARENA_WORDS] = r.LOGIC_VERSION, 1, retention_ns, len(m)
    return m


class Core:
    """The jitted core behind the interface of Model: `apply(Row) -> Rows`, `refused`, `state()`."""

    def __init__(self, tables: Tables, retention_ns: int = RETENTION_NS, event_rows_: int = EVENT_ROWS) -> None:
        self.m = make_arena(tables, retention_ns)
        self.mb = self.m.view(np.uint8)
        self.ev = np.zeros(event_rows_ * r.EVT_WORDS, np.int64)
        self.refused = 0
        self.chunks = 0

    def apply(self, command: Row) -> list[Row]:
        return event_rows(self.step(command_words(command)))

    def step(self, words: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Run whole command rows to the end; the event words of all chunks."""
        m = self.m
        m[r.H_CURSOR] = 0
        m[H_REFUSED] = 0
        out = []
        for _ in range(100_000):
            status = step(m, self.mb, words, words.view(np.uint8), len(words), self.ev)
            out.append(self.ev[: m[r.H_EVENT_USED]].copy())
            self.chunks += 1
            if status != r.STEP_MORE:
                break
        if status != r.STEP_DONE:
            raise Difference(f"step() answered {status}, H_ERROR {int(m[r.H_ERROR])}")
        self.refused = int(m[H_REFUSED])
        return np.concatenate(out)

    def state(self) -> dict[str, Any]:
        return arena.state(self.m)


class Pair:
    """Core and model side by side; `apply` raises Difference at the first disagreement."""

    def __init__(self, limits: Limits | None = None, retention_ns: int = RETENTION_NS, levels: int = 64) -> None:
        limits = limits or Limits(64, 4096, 4096)
        self.limits = limits
        self.model = Model(limits, retention_ns)
        self.core = Core(Tables(limits.orders, limits.archive, limits.texts, levels, nodes=max(levels, 8) * 2), retention_ns)

    def apply(self, command: Row) -> list[Row]:
        try:
            got = self.core.apply(command)
        except Difference:
            raise
        except Exception as error:  # a decoded event that makes no sense, an index out of bounds
            raise Difference(f"the core's answer cannot be read: {error!r}") from error
        full = any(e.reason == C.R_TABLE_FULL for e in got)
        if full:
            self.check_full()
        want = [plain(e) for e in self.model.apply(command, table_full=full)]
        self.compare("refused", self.model.refused, self.core.refused)
        self.compare("events", [dict(e) for e in want], [dict(e) for e in got])
        want_state, got_state = self.model.state(), self.core.state()
        for part in want_state:
            self.compare(part, want_state[part], got_state[part])
        try:
            arena.walk(self.core.m)
            self.model.check_invariants()
        except AssertionError as error:
            raise Difference(f"structure: {error}") from error
        return got

    def check_full(self) -> None:
        """R_TABLE_FULL is only believed when some table really has no room for one more price level."""
        m = self.core.m
        level, node = arena.pool(m, r.P_LEVEL), arena.pool(m, r.P_NODE)
        if level["used"] < level["cap"] and node["cap"] - node["used"] > 4:
            raise Difference("R_TABLE_FULL while there is room")

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

    def __init__(self, firms: int = 2, cash: int = 1_000_000, limits: Limits | None = None, retention_ns: int | None = None, **event: Any) -> None:
        self.pair = Pair(limits, RETENTION_NS if retention_ns is None else retention_ns)
        super().__init__(firms, cash, limits, retention_ns, **event)

    def start(self, limits: Limits | None, retention_ns: int | None) -> None:
        self.model = self.pair.model

    def apply(self, row: Row) -> list[Row]:
        self.commands.append(row)
        return self.pair.apply(row)
