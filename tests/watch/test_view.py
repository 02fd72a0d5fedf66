"""What a reader concludes: alive, gone, hanging, ready; rates and percentiles between two pages; what to worry about."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exchange_server.follow.status import DIFFERS, FOLLOWING, Status, write_status
from exchange_server.journal.files import DirectoryLock
from exchange_server.watch import fields as f
from exchange_server.watch import page as p
from exchange_server.watch.metrics import text_of
from exchange_server.watch.view import FOLLOWER, Interval, look, tables, worries

from .kit import Wrote


def test_a_server_that_trades(tmp_path: Path) -> None:
    Wrote(tmp_path).write()
    view = look(tmp_path)
    assert (view.state, view.up, view.not_ready, view.running) == ("trading", True, "", True)
    assert 0 <= view.age_ns < 5 * 10**9 and view.resident > 10**6
    assert view.reader_values()["up"] == view.reader_values()["ready"] == 1
    assert set(view.reader_values()) == {field.name for field in f.READER_FIELDS}
    assert worries(view) == []


def test_a_loop_that_does_not_turn_hangs(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path).write(old_s=30)
    view = look(tmp_path)
    assert (view.state, view.up, view.not_ready) == ("hangs", False, "the server is not trading: hangs")
    assert 29 * 10**9 < view.age_ns < 60 * 10**9
    wrote.put(state=f.STARTING).write(old_s=30)
    assert look(tmp_path).state == "starting", "a start may load a large snapshot: that is no hang"
    wrote.put(state=f.STOPPING).write(old_s=30)
    assert look(tmp_path).state == "stopping"


def test_a_process_that_is_gone(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    wrote.writer._head[p.H_PID] = child.pid
    wrote.write()
    view = look(tmp_path)
    assert (view.state, view.running, view.up, view.resident) == ("gone", False, False, 0)
    wrote.put(state=f.STOPPED, exit_code=12).write()
    assert look(tmp_path).state == "stopped"
    wrote.put(state=f.FAILED, exit_code=7).write()
    assert (look(tmp_path).state, look(tmp_path).page.get("exit_code")) == ("failed", 7)


def test_another_process_with_its_number_is_not_the_server(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path)
    wrote.writer._head[p.H_PID_STARTED] -= 1
    wrote.write()
    assert look(tmp_path).state == "gone"


def test_a_machine_that_was_started_again(tmp_path: Path) -> None:
    Wrote(tmp_path).write(old_s=-3600)
    view = look(tmp_path)
    assert (view.state, view.age_ns) == ("gone", -1)


def test_a_page_from_before_the_machine_was_started(tmp_path: Path) -> None:
    """Its process number may be another process's now, with the same age."""
    wrote = Wrote(tmp_path)
    wrote.writer._head[p.H_BOOT] += 1
    wrote.write()
    assert (look(tmp_path).state, look(tmp_path).age_ns) == ("gone", -1)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"journal_failed": 1}, "the journal has failed"),
        ({"refusing": 5}, "new orders are refused: R_5"),
        ({"refusing": 499}, "new orders are refused: reason 499"),
    ],
)
def test_not_ready(tmp_path: Path, words: dict[str, int], why: str) -> None:
    Wrote(tmp_path).put(**words).write()
    view = look(tmp_path)
    assert view.up and view.not_ready == why and view.reader_values()["ready"] == 0
    assert worries(view)[0] == why


def test_rates_and_percentiles_between_two_views(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path).put(commands=1000, turns=10, order_to_report=[5, 0, 0, 5], turn_rows=[0, 10]).write()
    first = look(tmp_path)
    wrote.put(commands=3000, turns=30, order_to_report=[5, 98, 1, 6, 0, 0], turn_rows=[0, 10, 20], refused=[0, 0, 4]).write(later_s=2)
    now = look(tmp_path)
    between = Interval(first, now)
    assert between.ns == 2 * 10**9
    assert (between.count("commands"), between.rate("commands"), between.rate("turns")) == (2000, 1000.0, 10.0)
    assert between.labelled("refused")["R_2"] == 4
    assert sum(between.buckets("order_to_report")) == 100
    assert (
        between.percentile("order_to_report", 50),
        between.percentile("order_to_report", 99),
        between.percentile("order_to_report", 100),
    ) == (2000, 3000, 4000)
    assert between.percentile("journal_sync", 99) == 0 and between.mean("journal_sync") == 0
    alone = Interval(None, now)
    assert alone.rate("turns") == pytest.approx(30 / 12) and alone.rate("commands") == 0.0, "commands are counted over all starts"


def test_what_lies_above_the_last_bound(tmp_path: Path) -> None:
    Wrote(tmp_path).put(journal_sync=[0] * (f.SYNC_BUCKETS - 1) + [7, 700]).write()
    interval = Interval(None, look(tmp_path))
    assert interval.percentile("journal_sync", 50) == look(tmp_path).page.columns["journal_sync"].edges[-1]
    assert interval.mean("journal_sync") == 100


def test_views_of_two_processes_or_of_one_page_are_no_interval(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path).put(turns=100).write()
    first = look(tmp_path)
    assert Interval(first, look(tmp_path)).count("turns") == 100
    wrote.writer._head[p.H_PID_STARTED] += 1
    wrote.put(turns=7).write(later_s=1)
    assert Interval(first, look(tmp_path)).count("turns") == 7, "never negative"


def test_the_follower(tmp_path: Path) -> None:
    Wrote(tmp_path).put(follower_on=1, journal_durable_rows=1000).write()
    assert "the follower does not run" in worries(look(tmp_path))
    lock = DirectoryLock(tmp_path / FOLLOWER)
    status = Status(
        pid=os.getpid(),
        state=FOLLOWING,
        row_seq=900,
        lag_rows=90,
        lag_ms=12_000,
        snapshot_seq=800,
        at_ns=time.time_ns(),
        snapshot_problem="no room",
    )
    write_status(tmp_path / FOLLOWER, status)
    view = look(tmp_path)
    values = view.reader_values()
    assert (values["follower_up"], values["follower_lag_rows"], values["follower_lag"], values["follower_snapshot_rows"]) == (
        1,
        90,
        12 * 10**9,
        800,
    )
    assert values["follower_snapshot_failed"] == 1
    assert worries(view) == ["the follower is 12 s behind", "no snapshot: no room"]
    status.state, status.snapshot_problem = DIFFERS, ""
    write_status(tmp_path / FOLLOWER, status)
    view = look(tmp_path)
    assert view.reader_values()["follower_differs"] == 1 and view.reader_values()["follower_lag_rows"] == 100
    assert worries(view) == ["the follower differs from the server: no snapshots are made"]
    status.state = FOLLOWING
    write_status(tmp_path / FOLLOWER, status)
    assert look(tmp_path).follower_up
    lock.release()
    assert not look(tmp_path).follower_up and "the follower does not run" in worries(look(tmp_path)), (
        "killed a moment ago; its number may be another's by now"
    )


def test_the_follower_knows_best_how_long_the_disk_lasts(tmp_path: Path) -> None:
    hour = 3600 * 10**9
    Wrote(tmp_path).put(disk_left=5 * hour).write()
    assert look(tmp_path).disk_left == 5 * hour
    lock = DirectoryLock(tmp_path / FOLLOWER)
    for told, left in (
        ({}, 5 * hour),
        ({"disk_measured_s": 60, "disk_hours": 3}, 3 * hour),
        ({"disk_measured_s": 60, "disk_hours": -1}, -1),
        ({"disk_measured_s": 60, "disk_hours": 9, "disk_levels_off": True}, -1),
    ):
        status = Status(pid=os.getpid(), state=FOLLOWING, at_ns=time.time_ns(), archive="/a", archive_problem="it is full", **told)  # type: ignore[arg-type]
        write_status(tmp_path / FOLLOWER, status)
        view = look(tmp_path)
        assert view.follower_up and view.disk_left == left, told
        assert f"exos_disk_left_seconds {left / 1e9}" in text_of(tmp_path).decode()
    assert worries(view)[0] == "no archive: it is full" and view.reader_values()["archive_failed"] == 1
    lock.release()


def test_worries_about_disk_reports_and_tables(tmp_path: Path) -> None:
    hour = 3600 * 10**9
    Wrote(tmp_path).put(
        disk_left=3 * hour, event_store_paused=1, event_store_lost_rows=9, table_rows=[81, 100, 1], table_capacity_rows=[100, 100, 100]
    ).write()
    view = look(tmp_path)
    assert worries(view) == [
        "the disk lasts 3 h",
        "past reports are not being kept",
        "9 past reports are lost",
        "table orders is 81 % full",
    ]
    assert tables(view.page)[0] == ("archive", 100, 100), "closed ids: full in normal operation, so no worry"
