"""kill -9 at random moments, and power cuts by a model of the page cache. No acknowledged row is lost, duplicated or invented."""

import errno
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from exchange_server.journal import format as fmt
from exchange_server.journal.recover import iterate, recover, verify
from exchange_server.journal.runner import Threads
from exchange_server.journal.store import Journal, JournalError, JournalFailed, create

from .kit import LONG, SEGMENT, SERVER, FakeEngine, Faulty, commit, digest_of, orders, turn

OPTIONS = dict(runner=Threads(), segment_bytes=SEGMENT, idle_ms=2, rows_per_event_file=256)


def stream(life: int, n: int) -> np.ndarray:
    if n % 3 == 0:
        return orders(life * 1_000_000 + n, (life * 7 + n) % 23)
    return turn(life * 1_000_000 + n, orders=(life * 7 + n) % 23, seed=life)


def child(data: Path, life: int, mode: str, pipe: int) -> None:
    """Trade until killed; after each commit report to the parent how many turns of this run are acknowledged."""
    r = recover(data, SERVER, FakeEngine, mode=mode, **OPTIONS)
    os.write(pipe, (0).to_bytes(4, "little"))
    sent: list[int] = []
    rng = random.Random(life)
    told = n = 0
    while True:
        n += 1
        sent.append(r.journal.append(stream(life, n)))
        if rng.random() < 0.5:
            r.journal.commit_inline()
        else:
            r.journal.kick()
        durable = r.journal.durable
        while told < n and sent[told] <= durable:
            told += 1
        os.write(pipe, told.to_bytes(4, "little"))
        if rng.random() < 0.01:
            time.sleep(0.004)  # let it become idle, so that the watermark is synced


def last_told(pipe: int) -> int:
    """The last complete number that the child wrote; 0 if there is none."""
    data = b""
    while piece := os.read(pipe, 1 << 16):
        data += piece
    whole = len(data) // 4 * 4
    return int.from_bytes(data[max(0, whole - 4) : whole], "little")


def turns_in(data: Path) -> list[tuple[int, int]]:
    """(life, turn) of every turn in the journal, each compared with what was sent."""
    rows = np.concatenate([b.copy() for b in iterate(data / "journal")] or [np.zeros(0, dtype=np.int64)]).reshape(-1, 16)
    heads = np.flatnonzero(rows[:, 0] == 1).tolist() + [len(rows)]
    found = []
    for begin, end in zip(heads, heads[1:]):
        life, n = divmod(int(rows[begin, 1]), 1_000_000)
        assert np.array_equal(rows[begin:end].reshape(-1), stream(life, n)), f"turn {n} of life {life} is not what was sent"
        found.append((life, n))
    return found


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_kill_9_at_random_moments(tmp_path: Path, mode: str) -> None:
    """A fork server: the kernels are compiled here, the children only run. kill -9 loses nothing in either mode."""
    data = tmp_path / "data"
    rng = random.Random(11)
    acknowledged: set[tuple[int, int]] = set()
    lives = 5000 if LONG else 50
    total = 0
    for life in range(1, lives + 1):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                child(data, life, mode, writer)
            except BaseException as e:  # the test's own child: every error must reach the parent
                os.write(2, f"life {life}: {e!r}\n".encode())
            os._exit(1)
        os.close(writer)
        if life % 4:
            assert os.read(reader, 4) == bytes(4), f"life {life} did not start"
            time.sleep(rng.random() * 0.02)
        else:
            time.sleep(rng.random() * 0.03)  # also in the middle of a recovery
        os.kill(pid, signal.SIGKILL)
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL, f"life {life} ended by itself"
        told = last_told(reader)
        os.close(reader)
        acknowledged |= {(life, n) for n in range(1, told + 1)}
        total += told
        if life % 10 == 0:
            found = turns_in(data)
            assert found == sorted(set(found)), "doubled or out of order"
            missing = acknowledged - set(found)
            assert not missing, f"acknowledged and lost: {sorted(missing)[:5]}"
            if len(found) > 1_000:  # start again: a recovery reads the whole folder
                shutil.rmtree(data)
                acknowledged = set()
    assert total > lives, "the children must have done something"


class Disk:
    """What is on the disk: bytes reach it when their file is synced, or, by chance, in whole sectors without a sync."""

    def __init__(self, folder: Path) -> None:
        self.files = {p.name: bytearray(p.read_bytes()) for p in folder.iterdir() if p.suffix == ".seg" or p.name == "watermark"}
        self.pending: dict[str, list[tuple[int, bytes]]] = {}

    def write(self, name: str, offset: int, data: bytes) -> None:
        self.pending.setdefault(name, []).append((offset, data))

    def sync(self, name: str) -> None:
        content = self.files.setdefault(name, bytearray(SEGMENT))  # prepared and synced before its first use
        for offset, data in self.pending.pop(name, []):
            content[offset : offset + len(data)] = data

    def cut(self, target: Path, rng: random.Random) -> None:
        """A power cut: of the unsynced data any sectors may have been written, in any order."""
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in {*self.files, *self.pending}:
            content = bytearray(self.files.get(name, bytes(SEGMENT)))
            luck = rng.choice([0.0, 0.2, 0.5, 0.9, 1.0])
            for offset, data in self.pending.get(name, []):
                at = offset
                while at < offset + len(data):
                    step = min(512 - at % 512, offset + len(data) - at)
                    if rng.random() < luck:
                        content[at : at + step] = data[at - offset : at - offset + step]
                    at += step
            (target / name).write_bytes(bytes(content))


Call = tuple[str, str, int, bytes, bytes]  # kind, file, offset, data, what the watermark's memory held at that moment


def run_and_record(folder: Path, mode: str, seed: int) -> tuple[Disk, list[Call]]:
    """A journal's run on a recorded disk: its first state, and every write and sync in order."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    position = create(folder, SERVER, SEGMENT)
    calls: list[Call] = []
    wire = Faulty()
    journal = Journal.open(
        folder, SERVER, Threads(), segment_bytes=SEGMENT, position=position, fn=wire.fn, mode=mode, idle_ms=3, sync_ns=2_000_000
    )
    disk = Disk(folder)
    wire.observe = lambda kind, name, offset, data: calls.append((kind, name, offset, data, (folder / "watermark").read_bytes()))
    for n in range(1, 60):
        journal.append(turn(n, rng.randrange(0, 12), seed=seed))
        if rng.random() < 0.8:
            commit(journal)
        if rng.random() < 0.05:
            time.sleep(0.008)  # idle: the watermark is synced
    journal.settle()
    wire.observe = lambda kind, name, offset, data: None
    journal.close()
    return disk, calls


def power_cuts(folder: Path, honest: bool, mode: str, seed: int, cuts: int) -> list[str]:
    """Cut the power between any two calls; returns the errors after each cut. honest: a sync really syncs."""
    disk, calls = run_and_record(folder / "run", mode, seed)
    rng = random.Random(seed)
    wrong: list[str] = []
    where = sorted(rng.choices(range(len(calls) + 1), k=cuts))
    promised = written = done = 0
    for k in where:
        for kind, name, offset, data, marks in calls[done:k]:
            disk.pending["watermark"] = [(0, marks)]  # memory: it may be written at any time
            if kind == "write":
                disk.write(name, offset, data)
                written += fmt.parse_frame_header(data).records if offset else 0
                continue
            if honest:
                disk.sync(name)
            if name != "watermark":
                promised = written
        done = max(done, k)
        disk.cut(folder / "after", rng)
        try:
            rows = verify(folder / "after").rows
            if rows < promised:
                wrong.append(f"call {k}: {promised} rows were acknowledged, {rows} came back")
        except JournalError as e:
            wrong.append(f"call {k}: {e}")
    shutil.rmtree(folder)
    return wrong


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_power_cuts_lose_nothing_that_was_synced(tmp_path: Path, mode: str) -> None:
    for seed in range(100 if LONG else 4):
        assert power_cuts(tmp_path / "d", True, mode, seed, 50) == [], f"seed {seed}"


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_without_fdatasync_the_same_test_fails(tmp_path: Path, mode: str) -> None:
    """Otherwise the test would prove nothing."""
    assert len(power_cuts(tmp_path / "d", False, mode, 1, 50)) > 10


def failing(n: int, how: str) -> Faulty:
    """A disk on which the n-th write (n even, or how "short") or sync fails."""
    told = -getattr(errno, how, 1)
    if how == "short":
        return Faulty(on_write=lambda call, size: size // 2 if call == n else None)
    if n % 2 == 0:
        return Faulty(on_write=lambda call, size: told if call == n else None)
    return Faulty(on_sync=lambda call: told if call == n else None)


@pytest.mark.parametrize("how", ["EIO", "ENOSPC", "short"])
def test_the_nth_call_fails_and_nothing_acknowledged_is_lost(tmp_path: Path, how: str) -> None:
    """For each n: writes and syncs succeed until the n-th, which fails; then the server starts again on the result."""
    for n in range(1, 600 if LONG else 25):
        folder = tmp_path / "data"
        shutil.rmtree(folder, ignore_errors=True)
        faulty = failing(n, how)
        r = recover(folder, SERVER, FakeEngine, fn=faulty.fn, **{**OPTIONS, "idle_ms": 60_000})
        acknowledged: list[np.ndarray] = []
        sent: list[np.ndarray] = []
        with pytest.raises(JournalFailed):
            while True:
                rows = turn(len(sent) + 1, len(sent) * 7 % 30)
                sent.append(rows)
                r.journal.append(rows)
                commit(r.journal)
                acknowledged.append(rows)
        assert len(acknowledged) == len(sent) - 1
        with pytest.raises(JournalFailed):
            r.journal.close()
        r.store.close()
        again = recover(folder, SERVER, FakeEngine, **OPTIONS)
        assert again.engine.digest() in (digest_of(acknowledged), digest_of(sent)), f"call {n}"
        rows = turn(1_000_000, 2)
        again.journal.append(rows)
        commit(again.journal)
        again.journal.close()
        again.store.close()
