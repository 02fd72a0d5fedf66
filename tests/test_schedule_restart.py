"""Acts in time through a whole server on a virtual clock: carried out at their time, after a kill too, and the same in a replay."""

from pathlib import Path
from typing import Any

import msgspec

from config import admin_records as ar
from exchange_server import state
from exchange_server.journal.recover import seal
from protocol import codes
from tests.test_one_thread import SECOND, House
from tests.virtual import BEGIN_NS
from tests.virtual_admin import Admin


def phase(house: House) -> int:
    return state.Event.of(house.server.engine.m, 1).phase


def pass_time(house: House, seconds: int) -> None:
    """A second at a time, and the journal's writer in between."""
    for _ in range(seconds):
        house.loop.run(SECOND)
        house.runner.step()


def at(seconds: int, to: str) -> ar.Schedule:
    return ar.Schedule(at_ns=BEGIN_NS + seconds * SECOND, act=ar.SetPhase(event="CUP", phase=to))


def rows(house: House) -> list[Any]:
    return [(row.id, row.ended, (row.ended_ns - BEGIN_NS) / SECOND if row.ended else 0) for row in house.server.engine.registry.schedule]


def test_acts_are_carried_out_at_their_times_and_the_next_one_is_awaited(tmp_path: Path) -> None:
    house = House(tmp_path)
    admin = Admin(house)
    for record in (at(30, "paused"), at(10, "paused"), at(20, "open")):
        admin.must(record)
    assert [row["id"] for row in admin.ask("schedule")["result"]["rows"]] == [2, 3, 1]
    seen = []
    for _ in range(32):
        pass_time(house, 1)
        seen.append(phase(house))
    assert seen[:9] == [codes.PH_OPEN] * 9 and seen[10:18] == [codes.PH_PAUSED] * 8 and seen[20:28] == [codes.PH_OPEN] * 8
    assert seen[31] == codes.PH_PAUSED and [row[1] for row in rows(house)] == ["done"] * 3
    assert [round(row[2]) for row in rows(house)] == [30, 10, 20]
    assert admin.ask("schedule")["result"]["rows"] == [] and len(admin.ask("schedule", ended=True)["result"]["rows"]) == 3
    house.close()


def test_what_came_due_while_the_server_was_down_is_done_at_the_start(tmp_path: Path) -> None:
    """Killed with one act done and three waiting; after the start those whose time has come are done first, in order, the last one later."""
    house = House(tmp_path)
    admin = Admin(house)
    for record in (at(5, "paused"), at(30, "listed"), at(20, "cancel_only"), at(90, "closed"), at(100, "open")):
        admin.must(record)
    admin.must(ar.CancelSchedule(id=5))
    pass_time(house, 8)
    assert phase(house) == codes.PH_PAUSED
    before = house.server.engine.digest(), house.server.engine.registry.to_bytes()
    house.close()  # without a seal: as a kill

    house = House(tmp_path, 60 * SECOND)
    assert (house.server.engine.digest(), house.server.engine.registry.to_bytes()) == before, "a replay gives the same"
    pass_time(house, 3)
    done = rows(house)
    assert [(id, ended) for id, ended, _ in done] == [(1, "done"), (2, "failed"), (3, "done"), (4, ""), (5, "cancelled")]
    assert 60 <= done[1][2] < 63 and phase(house) == codes.PH_CANCEL_ONLY, "cancel-only cannot become listed: that act has failed"
    before = house.server.engine.digest(), house.server.engine.registry.to_bytes()
    seal(house.server.recovered, tmp_path / "data")
    house.server.close()

    house = House(tmp_path, 80 * SECOND)
    assert (house.server.engine.digest(), house.server.engine.registry.to_bytes()) == before, "and a snapshot has it"
    assert phase(house) == codes.PH_CANCEL_ONLY
    pass_time(house, 12)
    assert phase(house) == codes.PH_CLOSED and rows(house)[3][1] == "done"
    house.close()


def test_a_market_opens_closes_and_is_overdue_by_itself(tmp_path: Path) -> None:
    house = House(tmp_path)
    admin = Admin(house)
    old: Any = house.server.engine.registry.events[1].record
    contracts = (ar.Contract(symbol="T-A"), ar.Contract(symbol="T-B"), ar.Contract(symbol="T-C"))
    at_ns = {name: BEGIN_NS + n * SECOND for n, name in ((5, "open_at_ns"), (15, "close_at_ns"), (25, "determine_by_ns"))}
    admin.must(msgspec.structs.replace(old, event="TIMED", contracts=contracts, **at_ns))

    def now() -> int:
        return state.Event.of(house.server.engine.m, 2).phase

    pass_time(house, 4)
    assert now() == codes.PH_LISTED
    pass_time(house, 3)
    assert now() == codes.PH_OPEN
    pass_time(house, 10)
    assert now() == codes.PH_CLOSED and admin.ask("status")["result"]["schedule"]["overdue"] == []
    house.close()

    house = House(tmp_path, 20 * SECOND)
    admin = Admin(house)
    pass_time(house, 7)
    status = admin.ask("status")["result"]["schedule"]
    assert status == {"waiting": 0, "next_at_ns": 0, "failed": 0, "overdue": ["TIMED"]}
    assert [row["overdue_ns"] > 0 for row in admin.ask("markets")["result"]["markets"]] == [False, True]
    house.close()
