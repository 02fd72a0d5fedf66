"""Work in a copy of the process: its result, its end without one, that it holds nothing of this process; and a follower that follows while its copy makes a snapshot."""

import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

from exchange_server.follow.apart import Apart
from exchange_server.journal.snapshots import read_snapshot
from tests.server_kit import wait_until

from .kit import Clock, Live, catch_up, follow, names, rules

LONG_S = 30.0


def ended(apart: Apart) -> bytes:
    found: bytes | None = None

    def look() -> bool:
        nonlocal found
        found = apart.result()
        return found is not None

    wait_until(look, LONG_S)
    assert found is not None
    return found


def test_it_works_on_the_memory_of_that_moment() -> None:
    memory = [b"then"]

    def work() -> bytes:
        time.sleep(0.2)
        return memory[0]

    apart = Apart(work)
    memory[0] = b"now"
    assert apart.result() is None and ended(apart) == b"then"


def test_it_gives_way_to_everything() -> None:
    assert ended(Apart(lambda: b"%d" % os.sched_getscheduler(0))) == b"%d" % os.SCHED_IDLE and os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.parametrize("how", ["raises", "killed"])
def test_it_ends_without_a_result(how: str, capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> bytes:
        if how == "raises":
            raise ValueError("no")
        os.kill(os.getpid(), signal.SIGKILL)
        return b"never"

    assert ended(Apart(work)) == b""
    capfd.readouterr()


def test_it_holds_no_lock_and_ends_when_told_to(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    apart = Apart(lambda: time.sleep(60) or b"")
    os.close(fd)  # as if this process had ended

    def free() -> bool:
        other = os.open(tmp_path / "lock", os.O_RDWR)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(other)

    wait_until(free, LONG_S)
    apart.end()


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    parent = os.fork()
    if parent == 0:
        try:
            Apart(lambda: (tmp_path / "pid").write_text(str(os.getpid())) and time.sleep(60) or b"")  # type: ignore[func-returns-value]
            time.sleep(60)
        finally:
            os._exit(1)
    wait_until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()), LONG_S)
    copy = int((tmp_path / "pid").read_text())
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)

    def gone() -> bool:
        try:
            return Path(f"/proc/{copy}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except FileNotFoundError:
            return True

    wait_until(gone, LONG_S)


def test_the_follower_follows_while_its_copy_makes_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live, clock, real = Live(tmp_path), Clock(), os.fsync

    def slow(fd: int) -> None:
        while not (tmp_path / "go").exists():
            time.sleep(0.01)
        real(fd)

    follower = follow(tmp_path, rules(rows=1), clock=clock, apart=True)
    live.trade(2)
    with monkeypatch.context() as m:
        m.setattr(os, "fsync", slow)
        assert catch_up(follower) == 8 and follower.making
    at = live.r.engine.digest()
    live.trade(3)
    assert catch_up(follower) == 12 and follower.engine.digest() == live.r.engine.digest() and names(tmp_path) == ["follower.tmp"]
    clock.now = 5.0
    (tmp_path / "go").touch()
    wait_until(lambda: follower.look() or not follower.making, LONG_S)
    made = read_snapshot(tmp_path / "snapshots" / f"{8:020d}.snap")
    assert made.digest == at and (follower.made.seq, follower.made.count, follower.made.seconds, follower.made.problem) == (8, 1, 5.0, "")
    live.trade(1)
    catch_up(follower)
    assert not follower.making, "it rests ten times as long as that one took"
    clock.now = 56.0
    live.trade(1)
    catch_up(follower)
    wait_until(lambda: follower.look() or not follower.making, LONG_S)
    assert follower.made.count == 2 and follower.made.seq == follower.seq - 4, "begun where it stood, before it went on"
    live.end()


def test_a_copy_that_is_killed_is_named_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live, clock = Live(tmp_path), Clock()
    follower = follow(tmp_path, rules(rows=1), clock=clock, apart=True)
    live.trade(2)
    with monkeypatch.context() as m:
        m.setattr(os, "fsync", lambda fd: os.kill(os.getpid(), signal.SIGKILL))
        catch_up(follower)
        wait_until(lambda: follower.look() or not follower.making, LONG_S)
    assert follower.made.problem.startswith("no snapshot at row 8: the process that made it was ended") and follower.made.count == 0
    clock.now = 61.0
    catch_up(follower)
    assert follower.making, "tried again without new rows"
    wait_until(lambda: follower.look() or not follower.making, LONG_S)
    assert follower.made.problem == "" and follower.made.seq == 8
    live.trade(1)
    clock.now = 200.0
    catch_up(follower)
    follower.close()
    assert not follower.making
    live.end()
