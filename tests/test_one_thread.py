"""The whole server, from the binary session to the journal's files, in one thread on a virtual clock: what a simulator needs."""

import io
import os
from pathlib import Path
from typing import Any

import pytest

from exchange_server import app
from exchange_server.journal.recover import verify
from exchange_server.journal.runner import Inline
from exchange_server.net.endpoint import Link
from exchange_server.net.observe import Log
from protocol import messages as M
from protocol.binary_session import ClientSession
from tests.gateway.binary.world import limit
from tests.server_kit import secret_of
from tests.test_start_rules import options
from tests.virtual import Clocks, Loop, Transport, feed

MS = 1_000_000
SECOND = 1_000 * MS


def threads() -> set[str]:
    """Ids of this process's threads, those that Python does not know too."""
    return set(os.listdir("/proc/self/task"))


class House:
    """A server, its loop, and one binary client."""

    def __init__(self, folder: Path, passed: int = 0) -> None:
        """passed: how long after the beginning the server starts, ns."""
        self.clocks, self.runner = Clocks(), Inline()
        self.clocks.passed = passed
        self.loop: Any = Loop(self.clocks)
        folder.mkdir(exist_ok=True)
        outside = app.Outside(self.runner, self.clocks.real, self.clocks.steady, bytes)
        self.server = app.Server(options(folder), Log(io.StringIO()), outside)
        self.pipeline = self.server.compose(self.loop)
        self.pipeline.start()
        self.transport = Transport(self.look)
        self.link = Link(self.pipeline, "binary", self.server.makers["binary"])
        self.link.connection_made(self.transport)
        self.client = ClientSession("MM1", secret_of(1), now_ns=self.clocks.steady())
        self.seen: list[Any] = []

    def look(self) -> None:
        """Before each write: what leaves has a turn that the journal has made durable."""
        assert self.server.journal.durable >= self.pipeline.gate.ticket or self.pipeline.gate.held
        assert self.pipeline.gate.durable() == self.server.journal.durable

    def turn(self, ns: int = 0) -> list[Any]:
        """The client's bytes to the server, everything that is due, and the answers' messages."""
        self.client.tick(self.clocks.steady())
        data = self.client.take(self.clocks.steady())
        if data:
            feed(self.link, data)
        self.loop.run(ns)
        return self.client.receive(self.transport.take(), self.clocks.steady())

    def log_on(self) -> None:
        for _ in range(3):  # its turn asks for another one, so its reply is the writer's
            self.turn()
            self.runner.step()
        self.turn()

    def close(self) -> None:
        self.server.close()


@pytest.fixture
def before(tmp_path: Path) -> set[str]:
    (tmp_path / "warm").mkdir()
    app.Server(
        options(tmp_path / "warm"), Log(io.StringIO()), app.Outside(Inline())
    ).close()  # kernels are loaded; who helped to compile them may still be there
    return threads()


def reports(seen: list[Any], kind: type) -> list[Any]:
    return [one for one in seen if isinstance(one, kind)]


def test_an_order_is_traded_without_a_thread_and_its_report_waits_for_the_journal(tmp_path: Path, before: Any) -> None:
    house = House(tmp_path)
    house.log_on()
    assert house.link.connection.session, "logged on"
    instrument = next(iter(house.server.engine.registry.instruments)).id

    house.client.send(limit(1, instrument, 1, 1000, 10_000))
    (accepted,) = reports(house.turn(), M.Accepted)
    assert accepted.id == 1 and house.server.journal.durable == house.server.journal.next_seq, "a small turn is written by the loop itself"

    many = range(2, 302)
    for number in many:
        house.client.send(limit(number, instrument, 1, 1000, 10_000))
    assert house.turn() == [] and house.server.journal.durable < house.pipeline.gate.ticket, (
        "a long turn is the writer's, and he has not been let"
    )
    assert house.turn(50 * MS) == [], "time alone does not write"
    house.runner.step()
    assert house.server.journal.durable == house.pipeline.gate.ticket and not house.transport.written
    assert [report.id for report in house.turn()] == list(many), "each order's answer, in order"

    assert threads() <= before
    house.close()
    assert verify(tmp_path / "data" / "journal").rows == house.server.engine.row_seq
    assert threads() <= before


def test_minutes_pass_in_no_time(tmp_path: Path, before: Any) -> None:
    house = House(tmp_path)
    house.log_on()
    for _ in range(60):
        house.turn(SECOND)
        house.runner.step()
    assert house.link.connection.session and not house.transport.closed, "heartbeats went both ways"
    for _ in range(3):
        house.loop.run(10 * SECOND)  # the client is silent
        house.runner.step()
    assert house.transport.closed and not house.server.directory.bound, "and is cut"
    assert threads() <= before
    house.close()


def test_the_same_input_gives_the_same_journal(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        house = House(tmp_path / name)
        house.log_on()
        instrument = next(iter(house.server.engine.registry.instruments)).id
        for number in range(1, 6):
            house.client.send(limit(number, instrument, 1, 1000, 10_000))
            house.turn(3 * MS)
        digests.append((house.server.engine.digest(), house.server.engine.time_ns, house.server.journal.next_seq))
        house.close()
    assert digests[0] == digests[1]


async def test_ports_are_opened_by_whoever_is_given(tmp_path: Path) -> None:
    opened: list[tuple[str, Any]] = []

    async def tcp(hub: Any, kind: str, host: str, port: int, make: Any) -> tuple[str, int]:
        opened.append((kind, make))
        return kind, 1000 + len(opened)

    async def unix(hub: Any, kind: str, path: Path, make: Any) -> str:
        opened.append((kind, make))
        return kind

    outside = app.Outside(Inline(), listen_tcp=tcp, listen_unix=unix)
    server = app.Server(options(tmp_path), Log(io.StringIO()), outside)
    pipeline = server.compose(Loop(Clocks()))  # type: ignore[arg-type]
    assert await server._listen(pipeline) == ["fix", "binary", "principal", "admin"]
    remote_is_off = {kind: make for kind, make in server.makers.items() if kind != "remote"}
    assert server.ports == {"fix": 1001, "binary": 1002} and dict(opened) == remote_is_off
    server.close()
