"""The server's child: started, started again later and later, not again after a difference, never waited for while trading."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from exchange_server.exits import Exit
from exchange_server.follow import child
from exchange_server.follow.status import DIFFERS, Status, write_status


class Fake:
    """A process that ends when the test says so."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.calls: list[str] = []

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.calls.append("terminate")

    def kill(self) -> None:
        self.calls.append("kill")
        self.code = -9

    def wait(self, timeout: float | None = None) -> int:
        self.calls.append("wait")
        if self.code is None:
            raise subprocess.TimeoutExpired("x", timeout or 0)
        return self.code


class Rig:
    def __init__(self, data: Path, on: bool = True) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []
        self.spawned: list[Fake] = []
        self.child = child.Child(data, on, lambda level, event, **rest: self.lines.append((level, event, rest)), spawn=self.spawn)

    def spawn(self, words: Any) -> Fake:
        assert words[2:6] == ["exchange_server.cli.main", "follow", "--data", str(self.child.data)]
        self.spawned.append(Fake())
        return self.spawned[-1]

    def run(self, begin: float, seconds: float) -> list[float]:
        """Look twice a second; the times at which a process was started."""
        starts = []
        for i in range(int(2 * seconds)):
            before = len(self.spawned)
            self.child.look(begin + i / 2)
            if len(self.spawned) > before:
                starts.append(begin + i / 2)
        return starts


def test_off_is_off(tmp_path: Path) -> None:
    rig = Rig(tmp_path, on=False)
    assert rig.run(0, 100) == [] and rig.child.status()["on"] is False
    rig.child.close()


def test_it_is_started_again_later_and_later(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    starts = []
    for i in range(2000):
        starts += rig.run(i, 1)
        if rig.spawned and rig.spawned[-1].code is None:
            rig.spawned[-1].code = -9
    waits = [b - a for a, b in zip(starts, starts[1:], strict=False)]
    assert starts[0] == 1.0 and waits[:3] == [3.0, 5.0, 9.0] and waits[-1] == 301.0
    assert rig.child.status()["last_exit"] == -9 and rig.child.status()["starts"] == len(starts)
    assert {line[1] for line in rig.lines} == {"follower_ended"} and rig.lines[0][2]["effect"] == "trading goes on"


def test_one_that_ran_long_is_started_again_soon(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.run(0, 500)
    rig.spawned[0].code = -9
    assert rig.run(500, 3) == [501.0]


def test_after_a_difference_it_is_not_started_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.run(0, 5)
    (tmp_path / "follower").mkdir()
    write_status(tmp_path / "follower", Status(pid=1, state=DIFFERS, text="rows 8 to 47 differ"))
    rig.spawned[0].code = int(Exit.DIFFERS)
    assert rig.run(5, 1000) == []
    (line,) = rig.lines
    assert line[:2] == ("error", "follower_differs") and line[2]["text"] == "rows 8 to 47 differ"
    assert rig.child.status()["report"]["state"] == DIFFERS


def test_it_cannot_be_started(tmp_path: Path) -> None:
    def fail(words: Any) -> Any:
        raise OSError(11, "Resource temporarily unavailable")

    lines: list[str] = []
    one = child.Child(tmp_path, True, lambda level, event, **rest: lines.append(event), spawn=fail)
    for i in range(20):
        one.look(float(i))
    assert lines == ["follower_not_started"] * 4 and one.status()["running"] is False
    one.close()


def test_stop_does_not_wait_and_close_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(tmp_path)
    rig.run(0, 5)
    rig.child.stop()
    assert rig.spawned[0].calls == ["terminate"]
    rig.child.close()
    assert rig.spawned[0].calls == ["terminate", "terminate", "wait", "kill", "wait"]
    assert rig.run(10, 10) == []


def test_a_process_gets_none_of_the_servers_descriptors() -> None:
    with open(__file__, "rb") as file:
        process = child.spawn([sys.executable, "-c", f"import os; os.fstat({file.fileno()})"])
        assert process.wait(30) == 1, "no such descriptor"
