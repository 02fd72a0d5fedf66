"""Backups of a server under load that is killed in the middle, with a follower that makes and deletes snapshots. Nothing acknowledged is lost or doubled."""

import os
import random
import shutil
import time
from pathlib import Path

import numpy as np

from exchange_server import identity
from exchange_server.backup.create import create
from exchange_server.backup.promote import promote
from exchange_server.backup.restore import opened, restore
from exchange_server.backup.seals import BackupError
from exchange_server.journal.event_store import EventsMissing
from exchange_server.journal.fence import newest_mark
from exchange_server.journal.recover import Recovered, iterate, recover
from exchange_server.journal.runner import Threads
from tests.follow.test_crash import OPTIONS, forked, killed, last_told, run_follower, serve
from tests.journal.kit import LONG, SERVER, FakeEngine, turn
from tests.journal.test_rebuild import World

LIVES = 60 if LONG else 4


def turns_of(data: Path) -> list[int]:
    return [int(row[1]) for rows in iterate(data / "journal", live=True) for row in rows.reshape(-1, 16) if row[0] == turn(1)[0]]


def rows_of(data: Path) -> int:
    mark = newest_mark(data / "journal")
    return mark.seq if mark is not None else 0


def events_of(r: Recovered[FakeEngine], data: Path) -> np.ndarray:
    try:
        return r.store.rows(1, r.engine.event_seq - 1)
    except EventsMissing as missing:
        assert not missing.lost
        assert World(r, data).work()
        return r.store.rows(1, r.engine.event_seq - 1)


def test_backups_under_load_with_the_server_killed_in_the_middle(tmp_path: Path) -> None:
    rng = random.Random(5)
    data, dest = tmp_path / "data", tmp_path / "dest"
    made: list[tuple[str, int]] = []  # with the rows that were durable before it began
    acknowledged = 0
    for life in range(1, LIVES + 1):
        read, write = os.pipe()
        server = forked(serve, data, life, "sync", write)
        os.close(write)
        os.read(read, 4)
        start = identity.look(data, "")
        if start.keep is not None:
            identity.write(data, start.keep)
        follower = forked(run_follower, data, True)
        time.sleep(0.1)
        told = rows_of(data)
        until = time.monotonic() + 0.3 + rng.random()
        dead = False
        while time.monotonic() < until:
            if not dead and rng.random() < 0.2:
                killed(server)
                dead = True
            try:
                made.append((create(data, dest, rows_per_event_file=256, events_wait_s=1.0).name, told))
            except BackupError as error:
                assert "changed under the backup" in str(error), error
            told = rows_of(data)
        if not dead:
            killed(server)
        killed(follower)
        acknowledged += last_told(read)
        os.close(read)
    whole = turns_of(data)
    assert len(made) >= LIVES and len(whole) >= acknowledged and len(set(whole)) == len(whole)
    engine, events = FakeEngine(), []
    for rows in iterate(data / "journal"):
        engine.apply(rows, rows.size, lambda one: events.append(np.array(one)))
    everything = np.concatenate(events)
    for name, told in made[-3:] + rng.sample(made, min(len(made), 5)):
        back = tmp_path / "back"
        with opened(dest, None) as vault:
            found = restore(vault, name, back, wish="as-new")[0]
        r = recover(back, SERVER, FakeEngine, Threads(), **OPTIONS)
        again = events_of(r, back) if not found.notes else np.zeros(0, dtype=np.int64)
        assert np.array_equal(again, everything[: again.size]) and (found.notes or again.size)
        assert r.journal.next_seq == found.rows >= told
        r.journal.close()
        r.store.close()
        shutil.rmtree(back)


def test_a_promotion_after_the_server_was_killed_under_load(tmp_path: Path) -> None:
    """On shared storage: everything acknowledged is there once."""
    data = tmp_path / "data"
    read, write = os.pipe()
    server = forked(serve, data, 1, "sync", write)
    os.close(write)
    os.read(read, 4)
    start = identity.look(data, "")
    assert start.keep is not None
    identity.write(data, start.keep)
    follower = forked(run_follower, data, True)
    time.sleep(0.5)
    killed(server)
    killed(follower)
    told = last_told(read)
    os.close(read)
    done = promote(data, watch_s=0.0)
    turns = [n % 1_000_000 for n in turns_of(data)]
    assert told > 10 and turns == list(range(1, len(turns) + 1)) and len(turns) >= told
    r = recover(data, SERVER, FakeEngine, Threads(), **OPTIONS)
    assert r.journal.epoch == done.epoch + 1 and r.journal.next_seq == done.rows
    r.journal.close()
    r.store.close()
