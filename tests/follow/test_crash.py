"""kill -9 at random moments, of the server, of the follower, and of both, with snapshots all the time. No acknowledged row is lost or doubled."""

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from exchange_server.journal.event_store import EventsMissing
from exchange_server.journal.marks import Marks
from exchange_server.journal.recover import Recovered, iterate, recover
from exchange_server.journal.runner import Inline, Threads
from exchange_server.journal.snapshots import VERIFIED_KEPT, Keep, verified_snapshots
from tests.journal.kit import SEGMENT, SERVER, FakeEngine, turn
from tests.journal.test_rebuild import World

from .kit import LONG, Live, catch_up, follow, names, rules

FOLDERS, LIVES = (8, 50) if LONG else (1, 12)  # each life is checked against all of its folder's, so a folder has not too many
OPTIONS = {"segment_bytes": SEGMENT, "idle_ms": 2, "rows_per_event_file": 256}


def serve(data: Path, life: int, mode: str, pipe: int) -> None:
    """Trade until killed; tell how many turns of this life are acknowledged."""
    r = recover(data, SERVER, FakeEngine, Threads(), mode=mode, **OPTIONS)
    marks = Marks(r.engine, r.journal, r.store, every_rows=40, every_s=1e9)
    os.write(pipe, (0).to_bytes(4, "little"))
    sent: list[int] = []
    told = 0
    while True:
        rows = turn(life * 1_000_000 + len(sent) + 1, orders=len(sent) % 7, seed=life)
        sent.append(r.journal.append(rows))
        r.engine.apply(rows, rows.size, r.store.append)
        r.journal.kick()
        marks.look(float(len(sent)))
        durable = r.journal.durable
        while told < len(sent) and sent[told] <= durable:
            told += 1
        os.write(pipe, told.to_bytes(4, "little"))
        time.sleep(0.0005)


def run_follower(data: Path, apart: bool) -> None:
    follower = follow(data, rules(rows=60, keep=Keep(2, 0)), apart=apart)
    while True:
        for _ in follower.catch_up():
            continue
        time.sleep(0.002)


def last_told(pipe: int) -> int:
    data = b""
    while piece := os.read(pipe, 1 << 16):
        data += piece
    whole = len(data) // 4 * 4
    return int.from_bytes(data[max(0, whole - 4) : whole], "little")


def forked(work: object, *arguments: object) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work(*arguments)  # type: ignore[operator]
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(1)
    return pid


def all_events(r: Recovered[FakeEngine], data: Path) -> np.ndarray:
    """Every event so far. Killed before the helper had written what came before the newest snapshot's mark, some are rebuilt from the journal first."""
    try:
        return r.store.rows(1, r.engine.event_seq - 1)
    except EventsMissing as missing:
        assert not missing.lost
        assert World(r, data).work()
        return r.store.rows(1, r.engine.event_seq - 1)


def killed(pid: int) -> None:
    """It was alive until now: neither the server nor the follower ends by itself."""
    os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def lives(data: Path, mode: str, rng: random.Random) -> int:
    """So many lives of one folder, each checked against all that was acknowledged there; in how many a snapshot was used."""
    acknowledged: list[int] = []
    used = 0
    for life in range(1, LIVES + 1):
        read, write = os.pipe()
        server = forked(serve, data, life, mode, write)
        os.close(write)
        os.read(read, 4)  # it trades
        follower = forked(run_follower, data, life % 2 == 0)
        time.sleep(rng.random() * 0.15)
        if rng.random() < 0.5:
            killed(follower)
            follower = forked(run_follower, data, life % 2 == 0)
            time.sleep(rng.random() * 0.15)
        for pid in rng.sample([server, follower], 2):
            killed(pid)
            time.sleep(rng.choice((0.0, 0.02)))
        acknowledged.append(last_told(read))
        os.close(read)

        whole = FakeEngine()
        turns, events = [], []
        for rows in iterate(data / "journal"):
            whole.apply(rows, rows.size, lambda made, kept=events: kept.append(np.array(made)))
            turns += [int(row[1]) for row in rows.reshape(-1, 16) if row[0] == turn(1)[0]]
        for earlier, count in enumerate(acknowledged, 1):
            have = [n % 1_000_000 for n in turns if n // 1_000_000 == earlier]
            assert have == list(range(1, len(have) + 1)) and len(have) >= count, f"life {earlier}: {count} acknowledged"
        again = recover(data, SERVER, FakeEngine, Inline(), mode=mode, **OPTIONS)
        assert again.engine.digest() == whole.digest()
        assert np.array_equal(all_events(again, data), np.concatenate(events))
        used += bool(again.report.snapshot)
        again.journal.close()
        again.store.close()
    return used


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_kill_9_of_either_at_a_random_moment(tmp_path: Path, mode: str) -> None:
    rng = random.Random(mode)
    used = 0
    for n in range(FOLDERS):
        data = tmp_path / f"data{n}"
        used += lives(data, mode, rng)
    live = Live(data, mode=mode, **OPTIONS)
    live.trade()
    catch_up(follow(data, rules(rows=1, keep=Keep(2, 0))))
    live.end()
    left = [name for name in names(data) if name.endswith(".snap")]
    proven = [snapshot.path.name for snapshot in verified_snapshots(data / "snapshots")][:VERIFIED_KEPT]
    assert left == sorted({*left[-2:], *proven}), "those that a kill kept from being deleted, or from being verified, go with the next"
    assert used > FOLDERS * LIVES // 2, "snapshots were made, and used"
