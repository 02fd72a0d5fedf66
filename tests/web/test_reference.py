"""Texts of markets that are read again after a change: who asks meanwhile waits for them, but not for long."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from exchange_server.web import reference as r
from exchange_server.web.groups import Groups
from exchange_server.web.problems import Refusal
from exchange_server.web.reference import Reference
from exchange_server.web.routes import markets
from protocol import codes
from protocol import messages as M

SLOW_S = 0.3


class Upstream:
    """The exchange's answers: slow, or none. `connect` opens it."""

    def __init__(self) -> None:
        self.slow, self.broken = 0.0, False
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()
        self.titles = {"CUP": "before"}
        self.asked: list[dict[str, Any]] = []

    def __enter__(self) -> "Upstream":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def ask(self, verb: str, **fields: Any) -> Any:
        self.asked.append({"verb": verb, **fields})
        self.begun.set()
        time.sleep(self.slow)
        self.go.wait(10)
        if self.broken:
            raise OSError("gone")
        rows = [
            {"event": name, "title": title, "contracts": [{"symbol": f"{name}-A"}], "terms": {}, "phase": "open"}
            for name, title in self.titles.items()
            if fields.get("event", name) == name
        ]
        return SimpleNamespace(ok=True, result={"markets": rows, "rows": []})


class World:
    """A reference that keeps up with a feed of the markets CUP (1) and LATE (2)."""

    def __init__(self) -> None:
        self.upstream = Upstream()
        self.reference = Reference(lambda: self.upstream, lambda *a, **k: None)
        definitions = {f"{name}-A": SimpleNamespace(market=id) for id, name in ((1, "CUP"), (2, "LATE"))}
        self.feed: Any = SimpleNamespace(up=True, by_symbol=definitions, listeners=[], phases={})

    def phase(self, market: int = 1) -> M.PhaseChange:
        message = M.PhaseChange(market, codes.PH_PAUSED, 1, codes.PH_OPEN)
        self.reference.heard(message)
        for listener in self.feed.listeners:
            listener(message, None)
        return message

    @property
    def title(self) -> str:
        return str(self.reference.markets["CUP"]["title"])


class Kept:
    """A reader of frames that keeps them."""

    def __init__(self, frames: list[bytes]) -> None:
        self.frames = frames

    def put(self, frame: bytes, of: tuple[str, int] | None = None) -> None:
        self.frames.append(frame)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(r, "RETRY_S", 0.05)
    made = World()
    await made.reference.load(made.feed)
    running = asyncio.create_task(made.reference.run(made.feed))
    await asyncio.sleep(0)
    yield made
    made.upstream.go.set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_asks_after_a_change_gets_what_was_read_after_it(world: World) -> None:
    world.upstream.slow = SLOW_S
    for n in range(3):  # the second and third come while the one before is being read, or just was
        world.upstream.titles["CUP"] = f"after {n}"
        world.phase()
        assert await world.reference.fresh("CUP") and world.title == f"after {n}"
    assert await world.reference.fresh("CUP", 0), "nothing is stale: there is nothing to wait for"


async def test_a_change_while_a_read_is_under_way_is_read_once_more(world: World) -> None:
    before = len(world.upstream.asked)
    world.upstream.go.clear()
    world.upstream.begun.clear()
    world.phase()
    assert await asyncio.to_thread(world.upstream.begun.wait, 10)
    world.phase()
    waiting = asyncio.create_task(world.reference.fresh("CUP"))
    await asyncio.sleep(0.05)
    world.upstream.titles["CUP"] = "after both"
    world.upstream.go.set()
    assert await waiting and len(world.upstream.asked) == before + 4, "markets and listings, twice"


async def test_a_server_that_does_not_answer_holds_nobody_up_for_long(world: World) -> None:
    world.upstream.go.clear()
    world.phase()
    began = time.monotonic()
    assert not await world.reference.fresh("CUP", 0.2)
    assert await world.reference.fresh("NONE", 0.2), "another market is not stale"
    assert not await world.reference.fresh(None, 0.2)
    assert time.monotonic() - began < 5
    gateway: Any = SimpleNamespace(reference=SimpleNamespace(fresh=lambda name: world.reference.fresh(name, 0.1)))
    call: Any = SimpleNamespace(gateway=gateway, path={"market": "CUP"})
    for operation in (markets.market, markets.result):
        with pytest.raises(Refusal, match="does not tell in time what changed in CUP") as refused:
            await operation(call)
        assert (refused.value.problem.status, refused.value.headers["Retry-After"]) == (503, "2")


async def test_a_question_without_an_answer_is_asked_again(world: World) -> None:
    world.upstream.broken = True
    world.phase()
    assert not await world.reference.fresh("CUP", 0.1)
    world.upstream.broken = False
    world.upstream.titles["CUP"] = "at last"
    assert await world.reference.fresh("CUP") and world.title == "at last"


async def test_the_frame_of_a_market_that_is_not_known_yet_comes_when_it_is(world: World) -> None:
    gateway: Any = SimpleNamespace(feed=world.feed, reference=world.reference)
    groups = Groups(gateway)
    frames: list[bytes] = []
    groups.phases.add(Kept(frames))
    world.phase()
    assert b'"market":"CUP"' in frames[0], "one that is known: at once"
    world.upstream.titles["LATE"] = "new"
    world.phase(2)
    assert len(frames) == 1 and await world.reference.fresh()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert b'"market":"LATE"' in frames[1]
