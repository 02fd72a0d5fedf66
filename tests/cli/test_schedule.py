"""exos schedule, and --at of the commands that change something."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.cli.fake_admin import FakeAdmin
from tests.registry.test_registry import BASE

FAR = "2090-01-01T00:00:00Z"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeAdmin]:
    fake = FakeAdmin(tmp_path)
    for record in BASE:
        assert fake._apply(record)["ok"]
    yield fake
    fake.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    def go(*arguments: str, code: Exit = Exit.OK) -> str:
        assert cli.main([*arguments, "--data", str(tmp_path)]) == code
        out, err = capsys.readouterr()
        return out if code == Exit.OK else err

    return go


def test_phases_and_changes_at_a_time(server: FakeAdmin, run: Any) -> None:
    assert run("market", "phase", "FINAL", "open", "--at", FAR) == "phase of FINAL: open at 2090-01-01 00:00:00 UTC: scheduled as 1\n"
    assert "market FINAL, change of fees at 2090-" in run("market", "change", "FINAL", "--fees-taker-bps", "50", "--at", FAR)
    record = '{"type": "reference", "symbol": "F-ESP", "reference": 50}'
    assert "scheduled as 3" in run("schedule", "add", "2089-01-01", record, "--note", "new year")
    lines = run("schedule", "list").splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["3", "1", "2"] and "new year" in lines[1] and "waits" in lines[1]
    assert "change of fees" in run("market", "schedule", "FINAL") and "BTC" not in run("market", "schedule", "FINAL")
    shown = run("schedule", "show", "2")
    assert "uid:" in shown and '"taker_bps": 50' in shown
    assert "would be answered" in run("schedule", "cancel", "1", "--dry-run")
    assert "is cancelled: rain" in run("schedule", "cancel", "1", "--note", "rain")
    assert len(run("schedule", "list").splitlines()) == 3 and "rain" in run("schedule", "list", "--ended")
    rows = json.loads(run("schedule", "list", "--json", "--ended"))["result"]
    assert [(row["id"], row["ended"]) for row in rows] == [(3, ""), (2, ""), (1, "cancelled")]


def test_refusals(server: FakeAdmin, run: Any) -> None:
    assert "at_ns: must be later than now" in run("market", "phase", "FINAL", "open", "--at", "1970-01-01T00:00:01Z", code=Exit.FAILED)
    assert run("schedule", "show", "9", code=Exit.FAILED) == "exos: id: no act is scheduled as 9\n"
    assert "no act is scheduled as 9" in run("schedule", "cancel", "9", code=Exit.FAILED)
    assert 'TIME: "soon" is neither a duration' in run(
        "schedule", "add", "soon", '{"type": "phase", "event": "FINAL", "phase": "open"}', code=Exit.USAGE
    )
    text = run("schedule", "add", FAR, '{"type": "kill", "level": "platform"}', code=Exit.USAGE)
    assert text == "exos: a record kill cannot be scheduled; those that can: phase, bands, market, listing, reference, restrict\n"
    assert "act.reference: F-ESP trades at" in run(
        "schedule", "add", FAR, '{"type": "reference", "symbol": "F-ESP", "reference": 500}', code=Exit.FAILED
    )
    assert "there is no event" in run("market", "schedule", "NONE", code=Exit.FAILED)


def test_times_of_a_market(server: FakeAdmin, run: Any) -> None:
    assert (
        run("market", "change", "FINAL", "--open-at", FAR, "--close-at", "2091-01-01T00:00:00Z")
        == "market FINAL changed: open_at_ns, close_at_ns\n"
    )
    assert [line.split()[0] for line in run("market", "schedule", "FINAL").splitlines()[1:]] == ["1", "2"]
    assert "--close-at: must be after open_at" in run("market", "change", "FINAL", "--close-at", "2089-01-01T00:00:00Z", code=Exit.FAILED)
    assert "open_at_ns" in run("market", "change", "FINAL", "--open-at", "none")
    shown = run("market", "show", "FINAL")
    assert "close_at = 2091-01-01T00:00:00Z" in shown
