"""The power is cut while a server trades, its follower makes snapshots, and the archive takes closed segments. What is left agrees: nothing acknowledged is lost or doubled, the
follower never had more than the disk, its snapshots and archive are of what survived, and everything goes on."""

import random
import shutil
from pathlib import Path

import pytest

from exchange_server.archive.manifest import BadManifest
from exchange_server.archive.segments import ArchiveProblem
from exchange_server.follow.keeper import Keeper, Wanted
from exchange_server.journal import format as fmt
from exchange_server.journal.files import JournalError
from exchange_server.journal.recover import recover
from exchange_server.journal.runner import Inline
from exchange_server.journal.snapshots import Keep, read_snapshot, verified_snapshots
from tests.archive.kit import at_home
from tests.archive.test_crash import whole_history
from tests.journal.kit import LONG, SEGMENT, SERVER, FakeEngine, Faulty, commit, turn

from .kit import Live, catch_up, follow, rules
from .power import Power

WANTED = Wanted("../archive", 0, 0)
RULES = rules(rows=60, keep=Keep(3, 0))
OPTIONS = {"segment_bytes": SEGMENT, "rows_per_event_file": 256}
SEEDS = 40 if LONG else 2
CUTS = 40


class Story:
    """A server, its follower and its keeper on the disks of a model, all in this thread; it notes what was sent and what was synced."""

    def __init__(self, root: Path, mode: str, seed: int, honest: bool = True) -> None:
        self.root, self.data, self.rng = root, root / "d", random.Random(seed)
        self.data.mkdir(parents=True)
        (root / "archive").mkdir()
        at_home(self.data)
        wire = self.wire = Faulty()
        self.live = Live(self.data, fn=wire.fn, mode=mode, sync_ns=0, **OPTIONS)
        self.power = Power(root, honest)
        self.follower = follow(self.data, RULES, clock=lambda: 0.0)
        self.keeper = Keeper(self.data, SERVER, Inline(), rows_per_event_file=256)
        self.engine = FakeEngine()
        self.digests = {0: self.engine.digest()}  # after so many rows
        self.written = self.synced = 0
        wire.observe = self._saw
        self.power.synced = self._on_disk

    def _saw(self, kind: str, name: str, offset: int, data: bytes) -> None:
        if kind == "write":
            self.written += fmt.parse_frame_header(data).records if offset else 0

    def _on_disk(self, name: str) -> None:
        if name.endswith(".seg"):
            self.synced = self.written

    def trade(self) -> None:
        for _ in range(self.rng.randint(1, 25)):
            n = len(self.digests)
            rows = turn(n, self.rng.randrange(8), seed=7)
            self.engine.apply(rows, rows.size, lambda _: None)
            self.digests[self.engine.row_seq] = self.engine.digest()
            journal, engine = self.live.r.journal, self.live.r.engine
            journal.append(rows)
            engine.apply(rows, rows.size, self.live.r.store.append)
            if self.rng.random() < 0.7:
                commit(journal)
        self.live.mark()

    def play(self, rounds: int) -> None:
        with self.power.recording():
            for _ in range(rounds):
                self.trade()
                for _batch in self.follower.catch_up():
                    assert self.follower.seq <= self.synced, "the follower reads only what is durable"
                self.keeper.work(WANTED)
                assert self.keeper.kept.problem == self.follower.made.problem == ""


def cuts(root: Path, mode: str, seed: int, honest: bool = True) -> list[str]:
    """Cut the power at many calls of one story; what is wrong with what is left of each."""
    story = Story(root / "w", mode, seed, honest)
    rng = random.Random(seed + 1)
    left: list[tuple[int, Path]] = []
    calls = 0

    def perhaps() -> None:
        nonlocal calls
        calls += 1
        if rng.random() < CUTS / 1500:
            folder = root / f"cut{len(left)}"
            story.power.cut(folder, rng)
            left.append((story.synced, folder))

    story.power.before = perhaps
    story.play(40)
    story.live.end()
    assert story.keeper.kept.recycled > 2 and story.follower.made.count > 3 and calls > 1000, calls
    wrong = []
    for synced, folder in left:
        shutil.rmtree(root / "w")
        folder.rename(root / "w")
        try:
            check(root, story, synced)
        except (JournalError, ArchiveProblem, BadManifest, AssertionError, OSError, fmt.BadBytes) as error:
            wrong.append(f"{folder.name} of {len(left)}: {type(error).__name__}: {error}")
    assert len(left) > CUTS // 3
    shutil.rmtree(root)
    return wrong


def check(root: Path, story: Story, synced: int) -> None:
    data = root / "w" / "d"
    at_home(data)
    made = sorted((data / "snapshots").glob("*.snap")) if (data / "snapshots").is_dir() else []
    for path in made:
        snapshot = read_snapshot(path)
        assert snapshot.position.seq <= synced, "it is of what was durable"
        assert snapshot.digest == story.digests[snapshot.position.seq]
    whole, _, _ = whole_history(data, root / "s")
    assert whole.row_seq >= synced and whole.digest() == story.digests[whole.row_seq], "not lost, not doubled, in order"
    again = recover(data, SERVER, FakeEngine, Inline(), **OPTIONS)
    assert again.engine.row_seq == whole.row_seq and again.engine.digest() == whole.digest()
    again.journal.close()
    again.store.abandon()
    live = Live(data, **OPTIONS)  # it goes on: server, follower, archive
    follower = follow(data, RULES, clock=lambda: 0.0)
    for _ in range(3):
        live.trade(25)
        catch_up(follower)
    assert follower.engine.digest() == live.r.engine.digest() and follower.made.problem == "" and follower.made.count > 0
    keeper = Keeper(data, SERVER, Inline(), rows_per_event_file=256)
    keeper.work(WANTED)
    assert keeper.kept.problem == "", keeper.kept.problem
    live.end()
    whole, _, _ = whole_history(data, root / "s")
    assert whole.digest() == live.r.engine.digest()
    assert len(list(verified_snapshots(data / "snapshots"))) >= 1


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_power_cuts_leave_server_follower_and_archive_in_agreement(tmp_path: Path, mode: str) -> None:
    for seed in range(SEEDS):
        assert cuts(tmp_path / "p", mode, seed) == [], f"seed {seed}"


def test_without_syncs_the_same_test_fails(tmp_path: Path) -> None:
    """Otherwise it would prove nothing."""
    assert len(cuts(tmp_path / "p", "sync", 1, honest=False)) > 10
