"""What systemd is told: the lines, when, and that nothing can go wrong with it."""

import os
import socket
from pathlib import Path

import pytest

from exchange_server.watch.notify import Notify


@pytest.fixture(params=["file", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, socket.socket]:
    """(NOTIFY_SOCKET, systemd's end)"""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.settimeout(1)
    if request.param == "abstract":
        name = f"@exos-test-{os.getpid()}"
        end.bind("\0" + name[1:])
    else:
        name = str(tmp_path / "notify")
        end.bind(name)
    return name, end


def test_a_life(heard: tuple[str, socket.socket]) -> None:
    name, end = heard
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "8000000", "WATCHDOG_PID": str(os.getpid()), "OTHER": "x"}
    notify = Notify(environment)
    assert environment == {"OTHER": "x"}, "no child believes that it is meant"
    notify.starting("replaying")
    assert end.recv(999) == b"STATUS=replaying\nEXTEND_TIMEOUT_USEC=60000000"
    notify.ready("trading")
    assert end.recv(999) == b"READY=1\nSTATUS=trading"
    assert notify.watchdog_s == 4.0
    told = []
    for tenth in range(100):  # ten seconds of housekeeping
        notify.alive(tenth / 10)
        end.setblocking(False)
        try:
            told.append((tenth, end.recv(999)))
        except BlockingIOError:
            continue
    assert told == [(at, b"WATCHDOG=1") for at in (0, 20, 40, 60, 80)], "twice as often as half of what is asked"
    notify.stopping("stopping")
    assert end.recv(999) == b"STOPPING=1\nSTATUS=stopping"
    notify.close()
    notify.ready("again")
    with pytest.raises(BlockingIOError):
        end.recv(999)


@pytest.mark.parametrize("pid", ["1", "x", "0"])
def test_a_watchdog_of_another_process_is_not_fed(heard: tuple[str, socket.socket], pid: str) -> None:
    assert Notify({"NOTIFY_SOCKET": heard[0], "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": pid}).watchdog_s == 0


@pytest.mark.parametrize("usec", ["", "x", "-5", "0", "1.5", "²"])
def test_a_watchdog_time_that_is_none(heard: tuple[str, socket.socket], usec: str) -> None:
    assert Notify({"NOTIFY_SOCKET": heard[0], "WATCHDOG_USEC": usec}).watchdog_s == 0


@pytest.mark.parametrize("name", ["", "relative", "/no/such/socket", "@nobody-listens-here", "/" + "x" * 300, "vsock:2:1234"])
def test_nobody_to_tell(name: str) -> None:
    notify = Notify({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000"})
    notify.ready("trading")
    notify.alive(1.0)
    notify.close()


def test_a_manager_that_does_not_read_holds_nothing_up(heard: tuple[str, socket.socket]) -> None:
    notify = Notify({"NOTIFY_SOCKET": heard[0], "WATCHDOG_USEC": "1"})
    for i in range(20_000):
        notify.status(f"{i}" * 20)
