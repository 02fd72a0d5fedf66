"""kill -9, and an error, at every call of archiving, recycling and event retention; and at random moments beside a server and a follower. What is left
starts again, without gaps, with every acknowledged row and every event once."""

import errno
import itertools
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exchange_server.archive.fetch import fetch
from exchange_server.follow.keeper import Keeper, Wanted
from exchange_server.journal import retention
from exchange_server.journal.event_store import EventsMissing
from exchange_server.journal.recover import Recovered, iterate, recover
from exchange_server.journal.runner import Inline
from exchange_server.journal.snapshots import Keep
from tests.follow.kit import follow, rules
from tests.follow.test_crash import OPTIONS as LIVE
from tests.follow.test_crash import forked, killed, last_told, serve
from tests.journal.kit import LONG, SEGMENT, SERVER, FakeEngine, turn
from tests.journal.test_rebuild import World

from .kit import archive, at_home, lived, segments

OPTIONS = {"segment_bytes": SEGMENT, "rows_per_event_file": 64}
CALLS = ("open", "write", "pwrite", "fsync", "fdatasync", "rename", "replace", "unlink", "ftruncate")
FOLDERS, LIVES = (5, 40) if LONG else (1, 8)  # each life is checked against all of its folder's, so a folder has not too many
WANTED = Wanted("../archive", 1, 1 << 62)  # events are old at once: what a snapshot covers goes


def keeper(data: Path, rows_per_file: int = 64) -> Keeper:
    return Keeper(data, SERVER, Inline(), rows_per_event_file=rows_per_file)


def interrupted(work: Callable[[], Any], n: int, act: Callable[[], None]) -> bool:
    """Do `work`, with `act` in the place of the n-th call. False: there were fewer."""
    count = 0
    real = {name: getattr(os, name) for name in CALLS}

    def patched(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal count
            count += 1
            if count == n:
                act()
            return real[name](*arguments, **more)

        return call

    for name in CALLS:
        setattr(os, name, patched(name))
    try:
        work()
    finally:
        for name in CALLS:
            setattr(os, name, real[name])
    return count >= n


def whole_history(data: Path, scratch: Path) -> tuple[FakeEngine, np.ndarray, list[int]]:
    """Every row from the first, out of archive and folder: the engine, its events, the turns."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(data / "journal", scratch)
    one = archive(data)
    entries = one.entries()
    if entries:
        fetch(one, entries, scratch)
    engine = FakeEngine()
    events, turns = [np.zeros(0, dtype=np.int64)], []
    for rows in iterate(scratch):
        engine.apply(rows, rows.size, lambda made: events.append(np.array(made)))
        turns += [int(row[1]) for row in rows.reshape(-1, 16) if row[0] == turn(1)[0]]
    return engine, np.concatenate(events), turns


def kept_events(r: Recovered[FakeEngine], data: Path) -> tuple[int, np.ndarray]:
    """The first event that is kept, and all from there."""
    first = r.store.kept_from
    try:
        return first, r.store.rows(first, r.engine.event_seq - first)
    except EventsMissing as missing:
        assert not missing.lost
        assert World(r, data).work()
        return first, r.store.rows(first, r.engine.event_seq - first)


def check(data: Path, scratch: Path, options: dict[str, Any] = OPTIONS) -> Recovered[FakeEngine]:
    there = segments(data)
    assert there == list(range(there[0], there[-1] + 1)), "without gaps"
    engine, events, _ = whole_history(data, scratch)
    again = recover(data, SERVER, FakeEngine, Inline(), **options)
    assert again.engine.digest() == engine.digest()
    first, kept = kept_events(again, data)
    assert np.array_equal(kept, events[(first - 1) * 24 :]) and again.engine.event_seq - 1 == events.size // 24
    if first > 1:
        with pytest.raises(EventsMissing, match=f"events 1 to {first - 1} are older than the exchange keeps them"):
            again.store.rows(1, 1)
    assert not again.store.holes and not again.store.lost
    again.journal.close()
    again.store.close()
    return again


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server that was killed, with nothing archived yet."""
    folder = tmp_path_factory.mktemp("base")
    lived(folder / "d", rounds=7 if not LONG else 14, turns=18).end()
    (folder / "archive").mkdir()
    return folder


def kill_at(data: Path, n: int) -> bool:
    """A process that is killed at its n-th call; False: it made fewer."""
    done = 3

    def work() -> None:
        interrupted(lambda: keeper(data).work(WANTED), n, lambda: os.kill(os.getpid(), signal.SIGKILL))
        os._exit(done)

    code = os.waitstatus_to_exitcode(os.waitpid(forked(work), 0)[1])
    assert code in (-signal.SIGKILL, done)
    return code != done


def fail_at(data: Path, n: int) -> bool:
    """The n-th call fails."""
    one = keeper(data)

    def fail(number: int = (errno.EIO, errno.ENOSPC)[n % 2]) -> None:
        raise OSError(number, os.strerror(number))

    reached = interrupted(lambda: one.work(WANTED), n, fail)
    if reached and not one.kept.problem:  # it could not read how old events are: they stay until the next time
        before = retention.read(data / "events")
        keeper(data).work(WANTED)
        assert retention.read(data / "events") > before
    return reached


@pytest.mark.parametrize("how", ["killed", "fails"])
def test_every_call(base: Path, tmp_path: Path, how: str) -> None:
    seen = set()
    for n in itertools.count(1):
        place = tmp_path / "w"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(base, place)
        data = place / "d"
        at_home(data)
        reached = kill_at(data, n) if how == "killed" else fail_at(data, n)
        seen.add((segments(data)[0], retention.read(data / "events")))
        check(data, place / "s")
        after = keeper(data)
        after.work(WANTED)  # it goes on where it was
        assert after.kept.problem == ""
        check(data, place / "s")
        assert segments(data)[0] > 1 and retention.read(data / "events") > 1
        if not reached:
            break
    assert n > 40 and len(seen) > 3


def run_follower(data: Path, apart: bool) -> None:
    follower = follow(data, rules(rows=60, keep=Keep(2, 0)), apart=apart)
    one = keeper(data, 256)
    while True:
        one.work(WANTED)
        assert not one.kept.problem, one.kept.problem
        for _ in follower.catch_up():
            continue
        time.sleep(0.002)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_kill_9_at_a_random_moment(tmp_path: Path, mode: str) -> None:
    rng = random.Random(mode)
    for n in range(FOLDERS):
        lives(tmp_path / str(n), mode, rng)


def lives(folder: Path, mode: str, rng: random.Random) -> None:
    """So many lives of one folder, each checked against all that was acknowledged there."""
    data = folder / "d"
    data.mkdir(parents=True)
    at_home(data)
    (folder / "archive").mkdir()
    acknowledged: list[int] = []
    life = 0
    while life < LIVES or (life < 5 * LIVES and (segments(data)[0] == 1 or retention.read(data / "events") == 1)):  # on a busy machine
        life += 1
        patience = 1 + life // LIVES
        read, write = os.pipe()
        server = forked(serve, data, life, mode, write)
        os.close(write)
        os.read(read, 4)  # it trades
        follower = forked(run_follower, data, life % 2 == 0)
        time.sleep(rng.random() * 0.3 * patience)
        if rng.random() < 0.5:
            killed(follower)
            follower = forked(run_follower, data, life % 2 == 0)
            time.sleep(rng.random() * 0.3 * patience)
        for pid in rng.sample([server, follower], 2):
            killed(pid)
            time.sleep(rng.choice((0.0, 0.02)))
        acknowledged.append(last_told(read))
        os.close(read)
        _, _, turns = whole_history(data, folder / "s")
        for earlier, count in enumerate(acknowledged, 1):
            have = [n % 1_000_000 for n in turns if n // 1_000_000 == earlier]
            assert have == list(range(1, len(have) + 1)) and len(have) >= count, f"life {earlier}: {count} acknowledged"
        check(data, folder / "s", {**LIVE, "mode": mode})
    assert segments(data)[0] > 1, "segments were recycled"
    assert retention.read(data / "events") > 1, "events were removed"


def test_disk_use_levels_off(tmp_path: Path) -> None:
    """Over many segments, the folder holds only what two snapshots need."""
    data = tmp_path / "d"
    live = lived(data, 2)
    one = keeper(data)
    (tmp_path / "archive").mkdir()
    follower = follow(data, rules(rows=1, keep=Keep(3, 0)), clock=lambda: 0.0)
    sizes = []
    for _ in range(40):
        live.trade(20)
        for _ in follower.catch_up():
            continue
        live.r.store.flush()
        one.work(WANTED)
        assert one.kept.problem == ""
        live.r.store.look_retired()
        sizes.append(sum(p.stat().st_size for part in ("journal", "events", "snapshots") for p in (data / part).rglob("*") if p.is_file()))
    assert live.r.journal.position().segment > 15 and max(sizes[10:]) <= 1.2 * max(sizes[5:10])
    assert one.kept.recycled > 10 and one.kept.retired > 64 and one.kept.segment == live.r.journal.position().segment - 1
    live.end()
    check(data, tmp_path / "s")


def test_a_power_cut_finds_everything_in_order(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a removal relies on was synced before it, and each removal is durable before the next one: no reordering by the disk leaves a gap."""
    shutil.copytree(base, tmp_path / "w")
    data = tmp_path / "w" / "d"
    at_home(data)
    done: list[tuple[str, str]] = []
    real = {name: getattr(os, name) for name in ("fsync", "rename", "unlink")}

    def fsync(fd: int) -> None:
        real["fsync"](fd)
        done.append(("sync", os.readlink(f"/proc/self/fd/{fd}")))

    def rename(source: Any, target: Any) -> None:
        real["rename"](source, target)
        done.append(("rename", str(target)))

    def unlink(path: Any) -> None:
        real["unlink"](path)
        done.append(("unlink", str(path)))

    for name, call in (("fsync", fsync), ("rename", rename), ("unlink", unlink)):
        monkeypatch.setattr(os, name, call)
    keeper(data).work(WANTED)
    monkeypatch.undo()
    folder = (tmp_path / "w" / "archive").resolve()
    removed = [i for i, (call, path) in enumerate(done) if call == "unlink" and path.endswith(".seg")]
    assert len(removed) > 1
    for i in removed:
        name = Path(done[i][1]).name
        packed = f"{name}.zst"
        order = [
            ("sync", str(folder / (packed + ".tmp"))), ("rename", packed), ("sync", str(folder)), ("sync", str(folder / "manifest.jsonl")),
            ("rename", "recycled.json"), ("sync", str(data / "journal")), ("unlink", name), ("sync", str(data / "journal")),
        ]  # fmt: skip
        left = iter(done)
        for call, path in order:
            assert any(c == call and (p == path or Path(p).name == path) for c, p in left), (name, call, path)
        assert done[i + 1] == ("sync", str(data / "journal")), "before anything else is removed"
    gone = [i for i, (call, path) in enumerate(done) if call == "unlink" and path.endswith(".evt")]
    noted = max(i for i, (call, path) in enumerate(done) if call == "rename" and path.endswith("/retired"))
    assert gone and done[noted + 1] == ("sync", str(data / "events")) and noted + 1 < min(gone)
