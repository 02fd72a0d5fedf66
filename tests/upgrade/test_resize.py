"""Capacities of the configuration, taken at a start: journaled, the same in every replay, refused by name, and safe against a kill at any call."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from exchange_server import app, start
from exchange_server.core import layout as L
from exchange_server.data_folder import SERVER_ID
from exchange_server.engine import SystemAct
from exchange_server.exits import Exit
from exchange_server.follow.follower import Follower, Rules
from exchange_server.follow.source import LocalJournal
from exchange_server.journal.recover import seal
from exchange_server.journal.snapshots import Keep
from exchange_server.journal.store import Journal
from exchange_server.net.observe import Log
from protocol import codes
from tests.server_kit import SMALL, BinaryPeer, ServerProcess, order
from tests.test_start_rules import options, run

LARGE = SMALL.replace("orders = 4096", "orders = 9000").replace("archive = 16384", "archive = 20000").replace("firms = 16", "firms = 33")


def follow(data: Path) -> Follower:
    """A follower that has applied everything, and compared it at every mark."""

    def make(chunks: Any) -> app.Engine:
        begun = start.begun_as(data / "journal")
        assert begun is not None
        return (
            app.Engine.restore(chunks)
            if chunks is not None
            else app.Engine(app.Capacities.begun_as(begun.capacities), retention_ns=begun.retention_ns)
        )

    never = Rules(1 << 62, 1 << 62, 1e18, Keep(3, 0), 0)
    follower = Follower(data, LocalJournal(data / "journal", SERVER_ID), SERVER_ID, make, lambda _: never)
    for _ in follower.catch_up():
        continue
    return follower


def test_changed_capacities_are_taken_and_everything_that_replays_agrees(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with ServerProcess(tmp_path) as server:
        peers = [BinaryPeer(server.ready["binary_port"], n) for n in (1, 2)]
        for peer in peers:
            peer.logged_on()
        for n in range(1, 30):
            peers[n % 2].send(order(n, codes.BUY if n % 2 else codes.SELL, 4000 + n * 7 % 60, 1 + n % 3))
        assert server.ask("status").ok
        server.stop()
    first = run(tmp_path)
    before, row = first.engine.digest(), first.engine.row_seq
    later = app.Server(options(tmp_path, LARGE), Log())
    later.log.flush()
    told = capfd.readouterr().err
    assert "tables_resized" in told and '"orders": "4096 -> 9000"' in told.replace("orders=", '"orders": ')
    assert (later.engine.capacities.orders, later.engine.capacities.archive, later.engine.capacities.firms) == (9000, 20000, 33)
    assert later.engine.row_seq > row and later.engine.check() == [] and later.not_taken == []
    assert before != later.engine.digest(), "the row of the act is counted"
    path = seal(later.recovered, tmp_path / "data")
    followers = [follow(tmp_path / "data")]  # from the snapshot
    path.rename(path.with_suffix(".away"))
    for old in (tmp_path / "data" / "snapshots").glob("*.snap"):
        old.rename(old.with_suffix(".away"))
    followers.append(follow(tmp_path / "data"))  # from the first row, with the tables of the first day
    for follower in followers:
        assert follower.engine.digest() == later.engine.digest()
        assert isinstance(follower.engine, app.Engine) and follower.engine.capacities == later.engine.capacities
    again = run(tmp_path, LARGE)
    assert again.engine.digest() == later.engine.digest() and again.engine.row_seq == later.engine.row_seq, "nothing more is journaled"
    assert run(tmp_path, "WITHOUT").engine.capacities == later.engine.capacities, "a start without a configuration keeps them"


def test_less_than_is_used_is_refused_by_name_and_less_than_there_is_is_taken(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(start.StartRefused) as refused:
        run(tmp_path, SMALL.replace("accounts = 64", "accounts = 7"))
    assert refused.value.code == Exit.CONFIG
    assert (
        "capacities.accounts = 7 is less than the " in str(refused.value)
        and "ask for" in str(refused.value)
        and "leave it at 64" in str(refused.value)
    )
    kept = run(tmp_path)
    assert kept.engine.capacities.accounts == 64
    small = run(tmp_path, SMALL.replace("orders = 4096", "orders = 100"))
    assert small.engine.capacities.orders == 100 and small.engine.check() == []


def test_a_table_too_small_for_the_new_file_is_grown_before_it_is_applied(tmp_path: Path) -> None:
    run(tmp_path, SMALL.replace("venues = 4", "venues = 2"))
    more = SMALL.replace("[[market]]", '[[venue]]\nname = "W"\n[[venue]]\nname = "X"\n\n[[market]]', 1)
    assert run(tmp_path, more).applied == 2


def test_the_digest_is_that_of_the_snapshot_if_nothing_came_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then that of the old tables is not computed again; that of the new ones always is."""
    server = app.Server(options(tmp_path), Log(level="error"))
    seal(server.recovered, tmp_path / "data")
    asked: list[str] = []
    digest, resized = app.Engine.digest, app.Engine.resize
    monkeypatch.setattr(app.Engine, "digest", lambda self: (asked.append("digest"), digest(self))[1])
    monkeypatch.setattr(app.Engine, "resize", lambda self, to: (asked.append("resize"), resized(self, to))[1])
    run(tmp_path, LARGE)
    assert asked == ["digest", "resize", "digest"], "one at the load of a snapshot that nobody had restored before, one of the new tables"
    asked.clear()
    run(tmp_path)  # back to the small tables, after a replay of the act of the start before
    assert asked == ["digest", "resize", "digest", "resize", "digest"], "and one of the old tables"


@pytest.mark.parametrize("known", [True, False])
def test_a_state_that_is_another_one_in_its_new_tables_is_refused_and_the_folder_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    server = app.Server(options(tmp_path), Log(level="error"))
    if known:
        seal(server.recovered, tmp_path / "data")
    else:
        server.close()
    before, resized = server.engine.digest(), app.Engine.resize

    def broken(self: app.Engine, to: app.Capacities) -> None:
        resized(self, to)
        self.m[L.H_TRADE_SEQ] += 1

    with monkeypatch.context() as patch:
        patch.setattr(app.Engine, "resize", broken)
        with pytest.raises(start.StartRefused, match="is not the state of this folder") as refused:
            run(tmp_path, LARGE)
    assert refused.value.code == Exit.BROKEN
    kept = run(tmp_path, "WITHOUT")
    assert kept.engine.capacities.orders == 4096 and kept.engine.digest() == before


def test_what_is_due_is_done_before_the_state_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In turns of their own, at the time of the turn before, and every replay does the same."""
    row = run(tmp_path).engine.row_seq
    left = [False, False, True]
    with monkeypatch.context() as patch:
        patch.setattr(app.Engine, "at_rest", property(lambda _: left.pop(0)))
        later = run(tmp_path, LARGE)
    assert left == []
    body = -(-len(SystemAct(capacities=asdict(later.engine.capacities)).body()) // 128)
    assert later.engine.row_seq == row + 2 + 2 + body, "two turns with nothing but their time, then the act's"
    follower = follow(tmp_path / "data")
    assert follower.engine.digest() == later.engine.digest() == run(tmp_path, LARGE).engine.digest()


CALLS = ("write", "pwrite", "fsync", "fdatasync", "rename", "open", "ftruncate", "unlink")
ACTS = ((Journal, "append"), (Journal, "wait"), (app.Engine, "apply"), (app.Engine, "resize"), (app.Engine, "digest"))
TRIES = 1000 if os.environ.get("EXOS_LONG") == "1" else 8
SEGMENT = ("--segment-bytes", "131072")


def killed_at(folder: Path, n: int) -> int:
    """Start with the large tables in a process that ends at its n-th call without warning, 0: at none. Returns the calls that it made."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        count, tell, end = 0, os.write, os._exit

        def counted(real: Any) -> Any:
            def call(*arguments: Any, **named: Any) -> Any:
                nonlocal count
                count += 1
                if count == n:
                    end(77)
                return real(*arguments, **named)

            return call

        try:
            for name in CALLS:
                setattr(os, name, counted(getattr(os, name)))
            for owner, name in ACTS:
                setattr(owner, name, counted(getattr(owner, name)))
            app.Server(options(folder, LARGE, *SEGMENT), Log(level="error"))
            tell(write, str(count).encode())
        finally:
            end(0)
    os.close(write)
    with open(read, "rb") as pipe:
        told = pipe.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (77 if n else 0)
    return int(told or n)


def test_killed_at_any_call_of_that_start_the_folder_starts(tmp_path: Path) -> None:
    """Before the act is on the disk it starts with the tables it had, afterwards with the new ones; the books are the same in both."""
    whole = tmp_path / "whole"
    whole.mkdir()
    first = app.Server(options(whole, SMALL, *SEGMENT), Log(level="error"))
    seal(first.recovered, whole / "data")
    seen = set()

    def started(n: int) -> int:
        folder = tmp_path / f"killed{n}"
        shutil.copytree(whole, folder)
        (folder / "data" / "identity.json").unlink(missing_ok=True)  # it is a copy
        calls = killed_at(folder, n)
        again = run(folder, "WITHOUT")
        assert again.engine.check() == []
        seen.add(again.engine.capacities.orders)
        shutil.rmtree(folder)
        return calls

    calls = started(0)
    assert calls > TRIES or TRIES == 1000
    for n in range(1, calls + 1, max(1, calls // TRIES)):
        started(n)
    assert seen == {4096, 9000}
