"""Shared by the tests of backups: a source that trades with the small engine of tests/journal, what a folder holds, and calls that fail or kill."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from exchange_server import identity
from exchange_server.backup.create import create
from exchange_server.backup.restore import opened, restore
from exchange_server.backup.seals import Key
from exchange_server.backup.vault import Backup
from exchange_server.core.kit import jit  # noqa: F401 (the kernels' cache folder)
from exchange_server.follow.follower import Follower
from exchange_server.journal.recover import Recovered, recover
from exchange_server.journal.runner import Inline
from exchange_server.journal.snapshots import Keep
from tests.follow.kit import Live, catch_up, follow, rules
from tests.journal.kit import SEGMENT, SERVER, FakeEngine

ROWS_PER_FILE = 64
KEY = Key(bytes(range(32)))
CALLS = ("open", "write", "pwrite", "fsync", "rename", "unlink", "mkdir", "rmdir", "ftruncate", "posix_fallocate")


class Source:
    """A server's folder with a follower that makes snapshots."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.live = Live(data)
        start = identity.look(data, "")
        if start.keep is not None:
            identity.write(data, start.keep)
        self.follower: Follower = follow(data, rules(rows=1, keep=Keep(1, 0)))

    def trade(self, turns: int) -> None:
        self.live.trade(turns)
        self.live.r.store.write_soon()
        self.live.runner.step()

    def snapshot(self) -> None:
        catch_up(self.follower)

    @property
    def rows(self) -> int:
        return int(self.live.r.journal.durable)

    def end(self) -> None:
        self.live.r.store.flush()
        self.live.end()


def backup(source: Source, dest: Path, key: Key | None = None, **options: Any) -> Backup:
    return create(source.data, dest, key, rows_per_event_file=ROWS_PER_FILE, events_wait_s=0.0, **options)


def restored(dest: Path, data: Path, name: str = "newest", key: Key | None = None, **options: object) -> int:
    with opened(dest, key) as vault:
        return restore(vault, name, data, **options)[1].seq  # type: ignore[arg-type]


def started(data: Path, **options: Any) -> Recovered[FakeEngine]:
    return recover(data, SERVER, FakeEngine, Inline(), segment_bytes=SEGMENT, rows_per_event_file=ROWS_PER_FILE, **options)


def close(r: Recovered[FakeEngine]) -> None:
    r.journal.close()
    r.store.close()


def state_after(data: Path, rows: int) -> tuple[bytes, np.ndarray]:
    """Digest and events that the first rows of a whole journal give, by a replay from its first row on (up to the turn that ends at or before `rows`)."""
    from exchange_server.journal.recover import iterate
    from tests.journal.kit import turn

    engine = FakeEngine()
    events: list[np.ndarray] = []
    everything = np.concatenate([batch.copy() for batch in iterate(data / "journal", live=True)]).reshape(-1, 16)
    begins = np.flatnonzero(everything[:, 0] == turn(1)[0]).tolist() + [len(everything)]
    for begin, end in zip(begins, begins[1:]):
        if end > rows:
            break
        flat = everything[begin:end].reshape(-1).copy()
        engine.apply(flat, flat.size, lambda made: events.append(np.array(made)))
    return engine.digest(), np.concatenate(events) if events else np.zeros(0, dtype=np.int64)


def holds(data: Path, digest: bytes, events: np.ndarray) -> None:
    """A restored folder starts with this state, and has all its events."""
    r = started(data)
    try:
        assert r.engine.digest() == digest
        count = r.engine.event_seq - 1
        assert count == events.size // (events.size // count if count else 1) if count else events.size == 0
        assert np.array_equal(r.store.rows(1, count), events)
    finally:
        close(r)


@contextmanager
def counted(at: int, act: Callable[[str], None]) -> Iterator[list[str]]:
    """The at-th call of `os` that changes the disk, or opens something: `act` is called with its name before it is made. Yields the names of the calls so far."""
    calls: list[str] = []
    kept = {name: getattr(os, name) for name in CALLS}

    def wrap(name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            calls.append(name)
            if len(calls) == at:
                act(name)
            return kept[name](*args, **named)

        return call

    for name in CALLS:
        setattr(os, name, wrap(name))
    try:
        yield calls
    finally:
        for name, function in kept.items():
            setattr(os, name, function)


def killed_at(at: int, work: Callable[[], object]) -> bool:
    """Run `work` in a fork and kill -9 it at its at-th call. False: it was done before."""
    pid = os.fork()
    if pid == 0:
        try:
            with counted(at, lambda _: os.kill(os.getpid(), signal.SIGKILL)):
                work()
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    return code != 0
