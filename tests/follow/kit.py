"""Shared by the follower's tests: a journal that a small engine writes (tests/journal/kit.py), and a follower of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exchange_server.follow.follower import Follower, Rules
from exchange_server.follow.source import LocalJournal
from exchange_server.journal.marks import Marks
from exchange_server.journal.recover import Recovered, recover
from exchange_server.journal.runner import Inline
from exchange_server.journal.snapshots import VERIFIED, Keep
from tests.journal.kit import LONG as LONG
from tests.journal.kit import SEGMENT, SERVER, FakeEngine, commit, turn

NEVER = Rules(1 << 62, 1 << 62, 1e18, Keep(3, 0), 0)


def rules(**changed: Any) -> Rules:
    return Rules(**{**vars(NEVER), **changed})


class Live:
    """A "server": journal, engine and event store, in one thread. Each `trade` ends with a mark."""

    def __init__(self, data: Path, **options: Any) -> None:
        self.data = data
        self.runner = Inline()
        options = {"segment_bytes": SEGMENT, "rows_per_event_file": 64, **options}
        self.r: Recovered[FakeEngine] = recover(data, SERVER, FakeEngine, self.runner, **options)
        self.marks = Marks(self.r.engine, self.r.journal, self.r.store, every_rows=1, every_s=0.0)
        self.turn = 0

    def trade(self, turns: int = 1, mark: bool = True) -> None:
        for _ in range(turns):
            self.turn += 1
            rows = turn(self.turn + 1000 * self.r.journal.epoch, 3)
            self.r.journal.append(rows)
            self.r.engine.apply(rows, rows.size, self.r.store.append)
            commit(self.r.journal)
        if mark:
            self.mark()

    def mark(self) -> None:
        self.marks.look(0.0)
        self.r.journal.settle()
        self.runner.step()

    def end(self) -> None:
        """Like a kill: nothing is written any more."""
        self.r.journal.close()
        self.r.store.abandon()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def make(chunks: Iterator[bytes] | None) -> FakeEngine:
    return FakeEngine(chunks)


def follow(data: Path, how: Rules = NEVER, **options: Any) -> Follower:
    options = {"make_engine": make, "clock": Clock(), **options}
    return Follower(data, LocalJournal(data / "journal", SERVER), SERVER, rules=lambda _: how, **options)


def catch_up(follower: Follower) -> int:
    """Rows applied."""
    return sum(batch.rows.size // 16 for batch in follower.catch_up())


def names(data: Path) -> list[str]:
    """Of all files beside the snapshots' list of what was verified."""
    return sorted(p.name for p in (data / "snapshots").glob("*") if p.name != VERIFIED) if (data / "snapshots").is_dir() else []
