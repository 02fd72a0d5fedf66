"""exos follow: its options; and what exos doctor says of a follower."""

import os
import time
from pathlib import Path

import pytest

from exchange_server.cli import doctor
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from exchange_server.follow import process
from exchange_server.follow.status import DIFFERS, FOLLOWING, REFUSED, STOPPED, Status, write_status
from exchange_server.journal.files import DirectoryLock


def test_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def run(*arguments: object) -> Exit:
        asked.append(arguments)
        return Exit.DIFFERS

    monkeypatch.setattr(process, "run", run)
    assert cli.main(["follow", "--data", str(tmp_path)]) == Exit.DIFFERS
    assert cli.main(["follow", "--data", str(tmp_path), "--keep-free", "7", "--log-level", "debug", "--core", "3"]) == Exit.DIFFERS
    assert asked == [(tmp_path, 0, process.KEEP_FREE, "info", None), (tmp_path, 0, 7, "debug", 3)]


@pytest.mark.parametrize(
    ("status", "level", "text"),
    [
        (Status(state=FOLLOWING), "ok", "following, at row 90, 5 rows and 3 ms after the server; no snapshot yet"),
        (Status(state=FOLLOWING, snapshot="x", snapshot_seq=70), "ok", "newest snapshot at row 70"),
        (Status(state=FOLLOWING, lag_ms=11_000), "warn", "5 rows and 11 s after the server"),
        (
            Status(state=FOLLOWING, snapshot_problem="no snapshot at row 80: the disk is full"),
            "warn",
            "no snapshot at row 80: the disk is full",
        ),
        (Status(state=FOLLOWING, at_ns=1), "warn", "does not run; it reported last at 1970-01-01"),
        (Status(state=DIFFERS, text="rows 8 to 47 differ"), "fail", "rows 8 to 47 differ"),
        (Status(state=REFUSED, text="journal refused: x"), "warn", "ended: journal refused: x"),
        (Status(state=STOPPED), "ok", "stopped at row 90; no snapshot yet"),
    ],
)
def test_doctor(tmp_path: Path, status: Status, level: str, text: str) -> None:
    lock = DirectoryLock(tmp_path / "follower", "follower's folder")
    now = time.time_ns()
    if status.at_ns:
        lock.release()
    status.pid, status.at_ns, status.row_seq, status.lag_rows, status.lag_ms = os.getpid(), status.at_ns or now, 90, 5, status.lag_ms or 3
    write_status(tmp_path / "follower", status)
    (finding,) = doctor.follower(tmp_path)
    assert finding.level == level and text in finding.text
    lock.release()


def test_doctor_says_nothing_where_none_ever_ran(tmp_path: Path) -> None:
    assert list(doctor.follower(tmp_path)) == []


def test_doctor_on_disk_and_archive(tmp_path: Path) -> None:
    (tmp_path / "follower").mkdir()
    assert list(doctor.journal_disk(tmp_path)) == []
    status = Status(
        archive="/mnt/a", archive_segment=7, disk_measured_s=600, disk_free_bytes=10**10, disk_written_hour=10**9, disk_hours=10
    )
    write_status(tmp_path / "follower", status)
    found = list(doctor.journal_disk(tmp_path))
    assert [(f.level, f.what) for f in found] == [("warn", "lasts"), ("ok", "archive")]
    assert (
        "lasts 10 h" in found[0].text and "switch an archive on" in found[0].text and found[1].text == "/mnt/a holds the segments up to 7"
    )
    status.disk_hours, status.archive_problem = 100, "archive /mnt/a does not exist: create or mount it"
    write_status(tmp_path / "follower", status)
    assert [f.level for f in doctor.journal_disk(tmp_path)] == ["ok", "warn"]
