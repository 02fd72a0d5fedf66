"""What endpoints share: pieces, gaps and a server that is down, with a server and files of the test."""

import asyncio
from typing import Any

from exchange_server.hooks import feed as F
from exchange_server.hooks.facts import Wanted
from exchange_server.hooks.names import Horizon, Unreadable
from exchange_server.hooks.source import Piece


class Rows:
    def __init__(self) -> None:
        self.readable, self.reads = 10**9, 0

    def piece(self, first: int, last: int) -> Piece:
        self.reads += 1
        last = min(last, self.readable, first + 9)
        return Piece(first, last + 1 if last >= first else first, [])


class Names:
    def __init__(self) -> None:
        self.told: Any = Horizon(100, 100, 1, None)

    def horizon(self, position: int = 0) -> Horizon:
        if isinstance(self.told, Exception):
            raise self.told
        return self.told

    def about(self, *_: Any) -> Any:
        return {}, {}, {}

    def learn(self, *_: Any) -> None:
        pass


def made() -> tuple[Any, Rows, Names]:
    rows, names = Rows(), Names()
    feed: Any = F.Feed(rows, names, lambda *_, **__: None, lambda: feed.now)  # type: ignore[arg-type]
    feed.now = 0.0
    feed.horizon, feed.up = names.told, True
    return feed, rows, names


async def test_pieces_are_made_once_for_all():
    feed, rows, _ = made()
    first = await feed.after(1)
    assert first.next == 11 and await feed.after(1) is first and rows.reads == 1
    feed.tell(Wanted(frozenset({("firm", "F")}), ("F",)))  # another firm is told of markets
    assert (await feed.after(1)).next == 11 and rows.reads == 2
    assert await feed.after(101) is None


async def test_gaps_have_a_reason():
    feed, rows, names = made()
    feed.horizon = Horizon(100, 100, 21, None)
    assert await feed.after(5) == F.Step(21, {}, F.RETIRED, 5, 20)
    assert await feed.after(150) == F.Step(101, {}, F.REPLACED, 101, 149)
    rows.readable = 40
    assert await feed.after(41) is None  # being written
    feed.now = F.STUCK_S + 1
    names.told = Horizon(100, 100, 21, (41, 60, True))
    assert await feed.after(41) == F.Step(61, {}, F.LOST, 41, 60)
    feed.now = 0.0
    assert await feed.after(45) is None
    feed.now = F.STUCK_S + 1
    names.told = Horizon(100, 100, 21, (45, 60, False))  # being rebuilt
    assert await feed.after(45) is None
    rows.readable = 100
    assert (await feed.after(45)).next == 55


async def test_a_server_that_is_down_is_said_once_and_stops_only_what_is_not_read_yet():
    feed, _, names = made()
    log: list[str] = []
    said = asyncio.Event()

    def note(level: str, event: str, **rest: Any) -> None:
        log.append(event)
        said.set()

    feed.log = note
    known = await feed.after(1)
    names.told = Unreadable("no server runs")
    feed.up = True
    task = asyncio.create_task(feed.run())
    await said.wait()
    assert log == ["server_down"] and await feed.after(1) is known and await feed.after(11) is None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_whoever_could_not_read_on_is_told_to_ask_again():
    """Also when another endpoint at the same place has read on meanwhile."""
    feed, rows, _ = made()
    feed.up = False
    told = asyncio.Event()
    rows.readable = 10
    assert await feed.after(11) is None  # the server has not answered yet
    feed.up = True
    assert await feed.after(11) is None  # the rows are being written
    rows.readable = 100
    assert (await feed.after(11)).next == 21  # the other one
    feed.news = told.set
    task = asyncio.create_task(feed.run())
    await told.wait()
    told.clear()
    assert await feed.after(101) is None  # the end: nothing to ask for until there is more
    assert not feed._again
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
