"""exos clock, and exos doctor's finding about the clock of a running server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config import admin_records as ar
from exchange_server.cli import clock, doctor
from exchange_server.cli import main as cli
from exchange_server.cli.connect import Server
from exchange_server.core import layout as L
from exchange_server.exits import Exit
from protocol import codes
from tests.cli.fake_admin import FakeAdmin


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeAdmin]:
    fake = FakeAdmin(tmp_path)
    fake.clock = RIGHT
    yield fake
    fake.close()


RIGHT = {
    "exchange_time": "2026-06-11T19:00:00.000Z", "system_time": "2026-06-11T19:00:00.000Z", "offset_s": "0.000", "held": False, "jump_s": "0.000",
}  # fmt: skip
HELD = {
    "exchange_time": "2026-06-11T19:00:00.000Z", "system_time": "2026-06-12T19:00:00.000Z", "offset_s": "-86400.000", "held": True,
    "jump_s": "86400.000",
}  # fmt: skip


def test_the_clock_is_shown(server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["clock", "--data", str(tmp_path)]) == Exit.OK
    assert capsys.readouterr().out == "exchange time is 2026-06-11T19:00:00.000Z, 0.000 s ahead of the machine's time of day\n"
    server.clock = HELD
    assert cli.main(["clock", "--data", str(tmp_path)]) == Exit.OK
    out = capsys.readouterr().out
    assert "86400.000 s behind the machine's time of day" in out and "jumped forward by 86400.000 s" in out and "`exos clock accept`" in out


def test_accepting(server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["clock", "accept", "--data", str(tmp_path)]) == Exit.FAILED
    assert "the clock has not jumped: there is nothing to accept" in capsys.readouterr().err and server.records == []
    server.engine.m[L.H_REFUSE] = codes.R_CLOCK_JUMP
    assert cli.main(["clock", "accept", "--data", str(tmp_path)]) == Exit.OK
    assert "new orders are accepted again" in capsys.readouterr().out and server.records == [ar.AcceptClock()]


def test_the_doctor_looks_at_a_running_server(server: FakeAdmin, tmp_path: Path) -> None:
    (finding,) = doctor.running_clock(Server(tmp_path))
    assert (finding.level, finding.text) == ("ok", clock.sentence(RIGHT))
    server.clock = HELD
    (finding,) = doctor.running_clock(Server(tmp_path))
    assert finding.level == "warn" and "is not followed" in finding.text
    server.clock = {**HELD, "held": False, "offset_s": "3600.000"}
    (finding,) = doctor.running_clock(Server(tmp_path))
    assert finding.level == "warn" and "3600.000 s ahead of" in finding.text
    assert list(doctor.running_clock(Server(tmp_path / "nowhere"))) == []
