"""Following: every mark is compared, snapshots are made where one agrees, and nothing that goes wrong with one stops the following."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from exchange_server.follow.follower import Differs, Follower
from exchange_server.journal.recover import JournalRefused, recover, seal
from exchange_server.journal.runner import Inline
from exchange_server.journal.snapshots import Keep, read_snapshot
from tests.journal.kit import SEGMENT, SERVER, FakeEngine

from .kit import Clock, Live, catch_up, follow, names, rules


def snap(seq: int) -> str:
    return f"{seq:020d}.snap"


def test_it_follows_and_every_mark_agrees(tmp_path: Path) -> None:
    live = Live(tmp_path)
    follower = follow(tmp_path)
    for _ in range(10):
        live.trade(7)
        assert catch_up(follower) == 28 and catch_up(follower) == 0
        assert follower.engine.digest() == live.r.engine.digest()
        assert follower.seq == follower.proven == live.r.journal.next_seq
    assert follower.marks == live.marks.written == 10
    assert names(tmp_path) == []
    live.end()


def test_a_server_killed_and_started_again_is_followed_on(tmp_path: Path) -> None:
    live = Live(tmp_path)
    live.trade(5)
    follower = follow(tmp_path)
    catch_up(follower)
    live.trade(5, mark=False)
    live.end()
    live = Live(tmp_path)
    live.trade(5)
    assert catch_up(follower) == 40 and follower.engine.digest() == live.r.engine.digest()
    seal(live.r, tmp_path)
    assert catch_up(follower) == 0 and follower.marks == 3, "the state digest of a clean stop is compared as well"


class Wrong(FakeEngine):
    """Differs from the live one in one event."""

    def apply(self, rows: NDArray[np.int64], words: int, sink: Callable[[NDArray[np.int64]], None]) -> list[object]:
        def other(event: NDArray[np.int64]) -> None:
            if self.event_seq == 20:
                event[7] ^= 1
            sink(event)

        return super().apply(rows, words, other)


def test_a_difference_names_the_rows_and_no_snapshot_is_made(tmp_path: Path) -> None:
    live = Live(tmp_path)
    follower = follow(tmp_path, rules(rows=1), make_engine=Wrong)
    live.trade(2)
    catch_up(follower)
    assert names(tmp_path) == [snap(8)]
    live.trade(10)
    with pytest.raises(Differs, match="^rows 8 to 47 give something else here than on the server: digest of events and counters"):
        catch_up(follower)
    assert names(tmp_path) == [snap(8)] and follower.proven == 8
    live.end()


def test_rows_that_cannot_be_applied_are_a_difference(tmp_path: Path) -> None:
    class Breaks(FakeEngine):
        def apply(self, *args: object) -> list[object]:
            raise RuntimeError("the core stopped with invariant 7")

    live = Live(tmp_path)
    live.trade(2)
    with pytest.raises(Differs, match="^rows 0 to 7 cannot be applied here: RuntimeError: the core stopped with invariant 7"):
        catch_up(follow(tmp_path, make_engine=Breaks))
    live.end()


@pytest.mark.parametrize(("how", "expected"), [({"rows": 40}, 2), ({"bytes": 9_000}, 1), ({"age_s": 100.0}, 1), ({"rows": 1}, 5)])
def test_snapshots_by_rows_bytes_and_age(tmp_path: Path, how: dict[str, float], expected: int) -> None:
    live, clock = Live(tmp_path), Clock()
    follower = follow(tmp_path, rules(**how, keep=Keep(9, 0)), clock=clock)
    for _ in range(5):
        live.trade(5)
        clock.now += 30.0
        catch_up(follower)
    assert follower.made.count == len(names(tmp_path)) == expected
    live.end()


def test_without_new_rows_there_is_no_snapshot_however_old_the_last_one_is(tmp_path: Path) -> None:
    live, clock = Live(tmp_path), Clock()
    follower = follow(tmp_path, rules(age_s=1.0), clock=clock)
    live.trade(1)
    clock.now = 10.0
    catch_up(follower)
    seal(live.r, tmp_path)  # writes a mark, and a snapshot of its own
    before = names(tmp_path)
    clock.now = 100.0
    catch_up(follower)
    assert before == names(tmp_path) == [snap(4)] and follower.made.count == 1


def test_one_that_is_due_while_nothing_happens_is_made_at_the_last_mark(tmp_path: Path) -> None:
    live, clock = Live(tmp_path), Clock()
    follower = follow(tmp_path, rules(age_s=100.0), clock=clock)
    live.trade(2)
    catch_up(follower)
    live.trade(1, mark=False)
    catch_up(follower)
    clock.now = 200.0
    assert catch_up(follower) == 0 and names(tmp_path) == [], "the rows after the mark were not compared"
    live.mark()
    catch_up(follower)
    assert names(tmp_path) == [snap(12)]
    live.trade(1)
    catch_up(follower)
    clock.now = 400.0
    assert catch_up(follower) == 0 and names(tmp_path) == [snap(12), snap(16)]
    live.end()


def test_it_rests_after_a_snapshot_that_took_long(tmp_path: Path) -> None:
    live, clock = Live(tmp_path), Clock()

    class Slow(FakeEngine):
        def digest(self) -> bytes:
            clock.now += 4.0  # twice for a snapshot
            return super().digest()

    follower = follow(tmp_path, rules(rows=1), clock=clock, make_engine=Slow)
    made = []
    for _ in range(12):
        live.trade(1)
        clock.now += 10.0
        catch_up(follower)
        made.append(follower.made.count)
    assert made == [1] * 8 + [2] * 4, "80 s after one that took 8"
    clock.now += 100.0
    catch_up(follower)
    assert follower.made.count == 3
    live.end()


def test_a_start_uses_the_snapshot_and_the_tail(tmp_path: Path) -> None:
    live = Live(tmp_path)
    follower = follow(tmp_path, rules(rows=100))
    for _ in range(10):
        live.trade(10)
        catch_up(follower)
    live.trade(3, mark=False)
    live.end()
    digest = live.r.engine.digest()
    assert names(tmp_path) == [snap(120), snap(240), snap(360)]
    again = recover(tmp_path, SERVER, FakeEngine, Inline(), segment_bytes=SEGMENT, rows_per_event_file=64)
    assert again.engine.digest() == digest and (again.report.snapshot, again.report.rows) == (snap(360), 52), "of 412"
    assert not again.store.holes and again.store.rows(1, 309).size
    seal(again, tmp_path)


@pytest.mark.parametrize("damage", ["bit", "short", "header", "empty"])
def test_a_damaged_snapshot_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    live = Live(tmp_path)
    follower = follow(tmp_path, rules(rows=100))
    for _ in range(6):
        live.trade(10)
        catch_up(follower)
    live.end()
    newest = tmp_path / "snapshots" / snap(240)
    data = bytearray(newest.read_bytes())
    if damage == "bit":
        data[-3] ^= 4
    elif damage == "header":
        data[30] ^= 4
    newest.write_bytes({"short": data[:-1], "empty": b""}.get(damage, data))
    again = recover(tmp_path, SERVER, FakeEngine, Inline(), segment_bytes=SEGMENT, rows_per_event_file=64)
    assert (again.report.snapshot, again.report.rows) == (snap(120), 120)
    assert again.engine.digest() == live.r.engine.digest()
    (note,) = again.report.notes
    assert note.startswith(f"snapshot not used: {snap(240)}: ")
    again.journal.close()
    assert follow(tmp_path).seq == 120, "the follower does the same"


def failing(monkeypatch: pytest.MonkeyPatch, call: str, error: OSError) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, call, fail)


@pytest.mark.parametrize("call", ["fsync", "pwrite", "rename", "write"])
@pytest.mark.parametrize(("number", "what"), [(errno.ENOSPC, "the disk is full"), (errno.EIO, "Input/output error")])
def test_a_disk_that_fails_is_named_and_following_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, what: str
) -> None:
    live, clock = Live(tmp_path), Clock()
    follower = follow(tmp_path, rules(rows=1), clock=clock)
    live.trade(2)
    with monkeypatch.context() as m:
        failing(m, call, OSError(number, os.strerror(number)))
        catch_up(follower)
    assert follower.made.problem.startswith("no snapshot at row 8: ") and what in follower.made.problem and names(tmp_path) == []
    live.trade(2)
    catch_up(follower)
    assert names(tmp_path) == [], "it is not tried again at once"
    clock.now = 61.0
    live.trade(2)
    assert catch_up(follower) == 8 and names(tmp_path) == [snap(16), snap(24)] and follower.made.problem == ""
    live.end()


def test_room_is_left_for_the_journal(tmp_path: Path) -> None:
    live = Live(tmp_path)
    follower = follow(tmp_path, rules(rows=1, keep_free=1 << 60))
    live.trade(2)
    catch_up(follower)
    assert "the disk is full" in follower.made.problem and f"less than {1 << 40} MiB would be left for the journal" in follower.made.problem
    assert names(tmp_path) == [] and follower.seq == 8
    live.end()


def test_a_snapshot_that_does_not_restore_does_not_count(tmp_path: Path) -> None:
    class Forgets(FakeEngine):
        def __init__(self, chunks: Iterator[bytes] | None = None) -> None:
            super().__init__(chunks)
            if chunks is not None:
                self.state = bytes(32)

    live = Live(tmp_path)
    follower = follow(tmp_path, rules(rows=1), make_engine=Forgets)
    live.trade(2)
    catch_up(follower)
    assert "restored from the disk it gave another state than was written" in follower.made.problem
    assert names(tmp_path) == []
    live.end()


def test_the_newest_are_kept(tmp_path: Path) -> None:
    live, clock = Live(tmp_path), Clock()
    follower = follow(tmp_path, rules(rows=1, keep=Keep(2, 0)), clock=clock)
    for _ in range(5):
        live.trade(1)
        catch_up(follower)
    assert names(tmp_path) == [snap(16), snap(20)]
    made = read_snapshot(tmp_path / "snapshots" / snap(20))
    assert made.time_ns == live.r.engine.time_ns and made.digest == live.r.engine.digest()
    live.end()


@pytest.mark.parametrize("call", ["write", "pwrite", "fsync", "rename", "lseek"])
def test_killed_at_any_call_of_a_snapshot(tmp_path: Path, call: str) -> None:
    """A follower that dies there leaves nothing that counts; the next one goes on, and so does a server."""
    live = Live(tmp_path)
    live.trade(4)
    for n in range(1, 8):
        child = os.fork()
        if child == 0:
            _die_at(tmp_path, call, n)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) == 0:
            break
        assert os.waitstatus_to_exitcode(status) == 9
    assert n > 1
    follower: Follower = follow(tmp_path, rules(rows=1))
    live.trade(4)
    catch_up(follower)
    assert follower.engine.digest() == live.r.engine.digest()
    assert [name for name in names(tmp_path) if name.endswith(".snap")][-1] == snap(32) and "follower.tmp" not in names(tmp_path)
    live.end()


def _die_at(data: Path, call: str, n: int) -> None:
    real, count = getattr(os, call), 0

    def counted(*args: object) -> object:
        nonlocal count
        count += 1
        if count == n:
            os._exit(9)
        return real(*args)

    setattr(os, call, counted)
    try:
        catch_up(follow(data, rules(rows=1)))
        os._exit(0)
    finally:
        os._exit(1)


def test_a_folder_whose_snapshot_is_of_another_exchange(tmp_path: Path) -> None:
    """A copied snapshot does not continue this journal's chain."""
    for name in ("a", "b"):
        live = Live(tmp_path / name)
        live.trade(1)
        if name == "b":
            live.turn = 50
        live.trade(10)
        seal(live.r, tmp_path / name)
    os.rename(tmp_path / "a" / "snapshots" / snap(44), tmp_path / "b" / "snapshots" / snap(44))
    with pytest.raises(JournalRefused, match="do not have the watermark's chain value|does not continue"):
        recover(tmp_path / "b", SERVER, FakeEngine, Inline(), segment_bytes=SEGMENT, rows_per_event_file=64)


def test_older_snapshots_that_cannot_be_deleted_are_a_problem_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(tmp_path)
    follower = follow(tmp_path, rules(rows=1, keep=Keep(1, 0)))
    for _ in range(2):
        live.trade(2)
        catch_up(follower)
    with monkeypatch.context() as m:
        m.setattr(
            "exchange_server.journal.snapshots.prune", lambda *_: (_ for _ in ()).throw(OSError(errno.EROFS, os.strerror(errno.EROFS)))
        )
        live.trade(2)
        catch_up(follower)
    assert follower.made.name == snap(24) in names(tmp_path), "it counts"
    assert follower.made.problem.startswith(f"snapshot {snap(24)} was made, but older ones could not be deleted: ")
    live.end()
