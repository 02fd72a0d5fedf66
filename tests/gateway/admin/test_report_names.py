"""The question `reports`: names of ids, who sees a market, what is missing, and requests that are wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.gateway.admin.office import BadRequest
from exchange_server.gateway.admin.report_names import MOST, ReportNames
from exchange_server.journal.event_store import EventStore
from protocol import codes
from tests.registry.test_registry import LOGIN, change

from .test_office import Real


@pytest.fixture(scope="module")
def world() -> Real:
    made = Real("V1", "V2")
    made.must(ar.DefineFirm(name="V2.G", venue="V2"), change(LOGIN, name="V2.T", firm="V2.G", venue="V2", account="", peer_comp_id="V2.T"))
    return made


def desk(world: Real, folder: Path, events: int = 0) -> ReportNames:
    store = EventStore(folder / "events")
    rows = np.zeros((events, L.EVT_WORDS), dtype=np.int64)
    rows[:, L.EVT_HEAD], rows[:, L.EVT_NUMBER] = codes.E_ACCEPTED, np.arange(1, events + 1)
    store.append(rows.reshape(-1))
    store.flush()
    return ReportNames(world.registry, world.engine.m, store)


def test_names_of_ids(world: Real, tmp_path: Path) -> None:
    registry: Any = world.registry
    account, event = registry.accounts.named("V1.A"), registry.events.named("V1.CUP")
    found = desk(world, tmp_path).ask({"accounts": [account.id, 10**9], "instruments": [event.first_instrument], "markets": [event.id, 0]})
    assert found["accounts"] == [{"id": account.id, "name": "V1.A", "firm": "V1.F", "venue": "V1"}]
    (instrument,) = found["instruments"]
    assert (instrument["market"], instrument["price_decimals"]) == (event.id, event.record.price_decimals)
    assert [(row["name"], row["venue"], row["seen_by"]) for row in found["markets"]] == [("V1.CUP", "V1", [])]
    assert [name for _, name, _ in found["assets"]] == list(registry.decimals())


def test_a_market_is_seen_by_the_firms_whose_sessions_see_it(world: Real, tmp_path: Path) -> None:
    registry: Any = world.registry
    ids = [registry.events.named(name).id for name in ("V1.CUP", "V2.CUP")]
    asked = {
        "markets": ids,
        "firms": ["V1.F", "V2.G", "NOBODY"],
    }  # the session of V1.F is one of the platform, that of V2.G comes through V2

    def seen() -> dict[str, list[str]]:
        return {row["name"]: row["seen_by"] for row in desk(world, tmp_path).ask(asked)["markets"]}

    assert seen() == {"V1.CUP": ["V1.F"], "V2.CUP": ["V1.F", "V2.G"]}
    world.must(ar.AccessRule(event="V1.CUP", rule="nobody", effect="deny"))  # the same rule that takes the market data away
    assert seen() == {"V1.CUP": [], "V2.CUP": ["V1.F", "V2.G"]}
    world.must(ar.RemoveAccessRule(event="V1.CUP", rule="nobody"))


def test_events_that_are_damaged_or_lost_are_told(world: Real, tmp_path: Path) -> None:
    office = desk(world, tmp_path, 40)
    found = office.ask({})
    assert (found["events"], found["kept_from"], found["missing"]) == (40, 1, None)
    with open(office.store.files.path(0), "r+b") as file:
        file.seek(19 * 192 + 8)
        file.write(b"\xff\xff")
    office.store.files.close()
    assert office.ask({"position": 20})["missing"] == {"first": 20, "last": 20, "lost": False}
    office.store.lost.add(25, 30)
    assert office.ask({"position": 27})["missing"] == {"first": 25, "last": 30, "lost": True}
    assert office.ask({"position": 41})["missing"] is None


@pytest.mark.parametrize(
    "request_",
    [
        {"accounts": 1}, {"accounts": ["a"]}, {"accounts": [True]}, {"instruments": list(range(MOST + 1))}, {"results": [[1]]}, {"results": [["a", 1]]},
        {"firms": [1]}, {"firms": "V1.F"}, {"position": -1}, {"position": "1"}, {"markets": None}, {"acts": {}},
    ],
)  # fmt: skip
def test_wrong_requests_are_named(world: Real, tmp_path: Path, request_: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=next(iter(request_))):
        desk(world, tmp_path).ask(request_)
