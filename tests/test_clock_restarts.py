"""Durability 11 across restarts: the server is stopped or killed while its machine's clock is wrong, and started again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from config.load import load
from config.serve_options import ServeOptions
from exchange_server import app
from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from exchange_server.gateway.connection import TurnInput
from exchange_server.journal.recover import seal
from exchange_server.net.clock import SECOND
from exchange_server.net.observe import Log
from protocol import codes
from tests.server_kit import SMALL

DAY = 86_400 * SECOND
THROTTLE = 2  # a second
NOON = 1_790_000_000 * SECOND


class Lines(Log):
    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        self.events.append(event)


class Machine:
    """The clocks of the machine, and the server that runs on it now."""

    def __init__(self, folder: Path) -> None:
        self.real, self.steady, self.boot = NOON, 500 * SECOND, 3
        self.server: Any = None
        (folder / "test.toml").write_text(SMALL.replace("[server]", f"[server]\nsession_throttle = {THROTTLE}"))
        config = load(str(folder / "test.toml"))
        self.options = ServeOptions(folder / "data", config.settings, config.items, "test.toml")

    def start(self) -> "Machine":
        self.log = Lines()
        clocks = app.Outside(real=lambda: self.real, steady=lambda: self.steady, boot=self.boot)
        self.server = app.Server(self.options, self.log, clocks)
        self.events: list[int] = []
        return self

    def kill(self) -> "Machine":
        self.server.journal.wait(self.server.journal.next_seq)
        self.server.close()
        return self

    def stop(self) -> "Machine":
        seal(self.server.recovered, self.options.data)
        return self

    def passes(self, ns: int) -> "Machine":
        self.real += ns
        self.steady += ns
        return self

    def turn(self, *rows: dict[str, Any]) -> list[tuple[int, int]]:
        """One turn with these rows; (kind, reason) of its events."""
        server, found = self.server, []
        turn = TurnInput(rows=64)
        server._begin(turn)
        for row in rows:
            turn.add(**row)
        server.journal.append(turn.inbox[: turn.words], server.engine.row_seq)

        def sink(events: Any) -> None:
            server.store.append(events)
            found.extend((W.kind_of(int(head)), W.reason_of(int(head))) for head in events.reshape(-1, L.EVT_WORDS)[:, 0])

        self.answers = server.engine.apply(turn.inbox, turn.words, sink)
        return found

    def logon(self) -> "Machine":
        self.session = self.server.engine.registry.sessions.named("MM1").id
        self.turn({"kind": codes.C_LOGON, "session": self.session})
        return self

    def order(self, id: int, expiry: int = 0) -> dict[str, Any]:
        values = {L.CMD_ID_LO: id, L.CMD_PRICE: 2500, L.CMD_QTY: 1, L.CMD_EXPIRY: expiry}
        tif = codes.GTD if expiry else codes.DAY
        return {
            "kind": codes.C_NEW, "session": self.session, "values": values, "instrument": 1, "side": codes.BUY, "contract_side": codes.YES,
            "type_": codes.LIMIT, "tif": tif,
        }  # fmt: skip

    @property
    def time(self) -> int:
        return int(self.server.engine.time_ns)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    one = Machine(tmp_path)
    yield one


REFUSED = [(codes.E_REJECTED, codes.R_CLOCK_JUMP)]
TAKEN = [(codes.E_ACCEPTED, 0)]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_day_forward_and_corrected_with_restarts_in_between(machine: Machine, end: str) -> None:
    def again() -> None:
        getattr(machine, end)()
        machine.start().logon()

    machine.start().logon()
    assert machine.turn(machine.order(1)) == TAKEN and machine.turn(machine.order(2, NOON + 3600 * SECOND)) == TAKEN
    machine.real += DAY
    assert machine.turn(machine.order(3)) == REFUSED
    again()
    assert "clock_jump" in machine.log.events and machine.time < NOON + SECOND
    assert machine.turn(machine.order(3)) == REFUSED
    machine.passes(60 * SECOND)
    assert machine.turn() == [] and machine.time == NOON + 60 * SECOND
    machine.real -= DAY
    again()
    assert machine.log.events.count("clock_jump") == 0
    assert machine.turn(machine.order(3)) == TAKEN
    assert int(machine.server.engine.m[L.H_OPEN_ORDERS]) == 3, "neither the Day order nor the GTD one has gone"
    machine.passes(3600 * SECOND)
    assert machine.turn() == [(codes.E_EXPIRED, codes.R_EXPIRED)], "GTD goes when its time has come"
    machine.kill()


def test_an_hour_back_with_a_restart_in_between(machine: Machine) -> None:
    machine.start().logon()
    before = machine.time
    machine.real -= 3600 * SECOND
    times = []
    for id in range(1, 5):
        machine.passes(SECOND)
        assert machine.turn(machine.order(id)) == TAKEN
        times.append(machine.time)
    assert times == sorted(set(times)) and before < times[0] and times[-1] <= before + 2 * SECOND + 10
    machine.kill().start().logon()
    assert machine.log.events.count("clock_step_back") == 1
    machine.passes(SECOND)
    assert machine.turn(machine.order(9, machine.time + 10 * SECOND)) == TAKEN
    assert machine.time > times[-1]
    machine.passes(18 * SECOND)
    assert machine.turn() == []
    machine.passes(2 * SECOND)
    assert machine.turn() == [(codes.E_EXPIRED, codes.R_EXPIRED)], "expiry works while exchange time creeps"
    machine.kill()


@pytest.mark.parametrize("boot", [3, 4])
def test_a_night_without_the_server_is_no_jump(machine: Machine, boot: int) -> None:
    machine.start().logon().stop()
    machine.passes(DAY // 2)
    machine.boot = boot
    machine.steady = machine.steady if boot == 3 else 5 * SECOND
    machine.start().logon()
    assert machine.turn(machine.order(1)) == TAKEN and machine.time == machine.real
    assert machine.log.events.count("clock_jump") == machine.log.events.count("clock_step_back") == 0
    machine.kill()


def test_an_accepted_jump_stays_accepted_over_restarts_and_replay(machine: Machine) -> None:
    machine.start().logon()
    accept = {"kind": codes.C_ADMIN, "body": ar.pack("uid:0", "1", ar.AcceptClock())}
    machine.turn(accept)
    (answer,) = machine.answers
    assert (answer.ok, answer.code) == (False, codes.R_CLOCK_NOT_HELD)
    machine.real += DAY
    assert machine.turn(machine.order(1)) == REFUSED
    machine.turn(accept)
    (answer,) = machine.answers
    assert answer.ok and answer.who == "uid:0"
    machine.server.clock.accept(answer.who)
    assert machine.turn(machine.order(1)) == TAKEN and machine.time == machine.real
    digest = machine.server.engine.digest()
    machine.kill().start()
    assert machine.server.clock.held is False and machine.log.events.count("clock_jump") == 0
    machine.kill()
    assert machine.server.engine.digest() != digest, "the new run has logged its sessions off"
    machine.start().logon()
    assert machine.turn(machine.order(2)) == TAKEN
    machine.kill()


def test_a_throttle_goes_on_over_a_restart_and_ends(machine: Machine) -> None:
    machine.start().logon()
    m = machine.server.engine.m
    row = int(m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE]) + machine.session * L.SESSION_WORDS
    assert (int(m[row + L.S_THROTTLE + L.TH_LIMIT]), int(m[row + L.S_THROTTLE + L.TH_WINDOW])) == (2, SECOND)
    assert machine.turn(machine.order(7), machine.order(8)) == 2 * TAKEN
    assert machine.turn(machine.order(2)) == [(codes.E_REJECTED, codes.R_THROTTLED_SESSION)]
    machine.real -= 3600 * SECOND
    machine.kill().start().logon()
    machine.passes(SECOND - 1)
    assert machine.turn(machine.order(2)) == [(codes.E_REJECTED, codes.R_THROTTLED_SESSION)]
    machine.passes(1)
    assert machine.turn(machine.order(2)) == TAKEN, "though exchange time is an hour ahead"
    machine.kill()
