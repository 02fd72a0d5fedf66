"""Common part of makers and takers: one process with several sessions, with commands on standard input and status on standard output.

In: JSON lines {"do": "trade"}, {"do": "later", "ns": by how much all times move}, {"do": "stop"} (no more orders, wait until every request is answered, write the books), {"do": "finish",
"numbers": {session: next}} (wait until the server's last message is here, write the books, log out). Out: {"status": {...}} twice a second,
{"ready": true}, {"quiet": FILE} and {"done": FILE}. The books are msgpack of `Dump`.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from array import array
from pathlib import Path
from time import perf_counter, perf_counter_ns, time_ns
from typing import Any

import msgspec
import uvloop

from . import world as worlds
from .books import Books
from .reports import Report
from .world import World

TICK_S = 0.002
BURST_MAX = 100  # orders in one tick: after a pause the lost time is not made up
QUIET_S = 20.0
STATUS_S = 0.5
LOOK_S = 0.05
LINGER_NS = 2_000_000_000  # so long after its time an order for them is still tried: the operator may be behind
OFTEN = 0.2  # share of the requests that go to what is traded more often


class Plan(msgspec.Struct):
    """The command line of a client process, as JSON."""

    wire: str
    host: str
    port: int
    seed: int
    rate: float  # requests a second, all sessions together
    names: tuple[str, ...]  # of the sessions
    folder: str
    files: tuple[str, ...] = ("sandbox",)  # the configuration that the server has
    times: dict[str, tuple[int, int]] = {}  # by event: from when to when it is traded, ns UTC (0: always); not named: always
    often: tuple[str, ...] = ()  # events that are traded more often than others
    quotes: tuple[
        tuple[str, int, int], ...
    ] = ()  # symbol, bid and ask, ticks: stand from the beginning to the end; of events that are traded by nobody
    keep: bool = False  # run without end, books are not written (the sandbox's bots)


class Dump(msgspec.Struct):
    """Books of all sessions, latencies (ns), best prices according to market data."""

    books: list[Books]
    latencies: list[int] = []
    best: dict[str, list[int | None]] = {}
    reconnects: int = 0


class Party:
    """A process of sessions. A subclass connects them, sends requests, and reports when all are answered."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.world: World = worlds.of(plan.files)
        self.fair = worlds.fair_prices(self.world, plan.seed)
        self.open_now: frozenset[str] = frozenset()  # symbols that trade now
        self.often: list[str] = []  # of them, those that are traded more often
        self.books: list[Books] = []
        self.latencies = array("q")
        self.recent = array("q")
        self.next_id = time_ns()
        self.trading = False
        self.reconnects = 0
        self.ending = asyncio.Event()

    def look(self, now_ns: int) -> None:
        """Find what trades now."""
        found: list[str] = []
        for event, market in self.world.markets.items():
            opens, closes = self.plan.times.get(event, (0, 0))
            if event in self.plan.often and closes:
                closes += LINGER_NS
            if opens <= now_ns and (not closes or now_ns < closes):
                found += [contract.symbol for contract in market.contracts]
        self.open_now = frozenset(found)
        self.often = [symbol for event in self.plan.often for symbol in self.world.events[event] if symbol in self.open_now]

    def fresh_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def told(self, books: Books, report: Report) -> None:
        """Process one report for these books; record a latency if it is an answer."""
        asked = books.apply(report, self.world.contracts.get(report.symbol))
        if asked:
            took = perf_counter_ns() - asked
            self.latencies.append(took)
            self.recent.append(took)

    # -------------------------------------------------------------------------------------------- for the subclass
    async def connect(self) -> None:
        raise NotImplementedError

    def act(self) -> None:
        """Send one request, if one can be made now."""
        raise NotImplementedError

    async def leave(self) -> None:
        raise NotImplementedError

    async def begin(self) -> None:
        """Trading begins."""

    def renew(self) -> None:
        """Copy the session layers' numbers into the books."""

    def best(self) -> dict[str, list[int | None]]:
        return {}

    # -------------------------------------------------------------------------------------------------------- running
    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ending.set)
        await self.connect()
        say({"ready": True})
        threading.Thread(target=self._listen, args=(loop,), daemon=True).start()
        pace = loop.create_task(self._pace())
        status = loop.create_task(self._status())
        await self.ending.wait()
        for task in (pace, status):
            task.cancel()
        await self.leave()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commands, read by a thread of its own. When the input ends, the process ends: its parent is gone."""
        for line in sys.stdin:
            command = json.loads(line)
            loop.call_soon_threadsafe(lambda c=command: loop.create_task(self._do(c)))  # type: ignore[misc]
        loop.call_soon_threadsafe(self.ending.set)

    async def _do(self, command: dict[str, Any]) -> None:
        if command["do"] == "trade":
            self.trading = True
            await self.begin()
        elif command["do"] == "later":  # the server was away: everything comes so much later
            later = command["ns"]
            self.plan.times = {event: (opens + later, closes and closes + later) for event, (opens, closes) in self.plan.times.items()}
        elif command["do"] == "stop":
            self.trading = False
            await self._until(lambda: not any(books.pending for books in self.books))
            await asyncio.sleep(0.3)  # reports that are not answers
            say({"quiet": self._write("stop")})
        elif command["do"] == "finish":
            wanted = command["numbers"]

            def there() -> bool:
                self.renew()
                return all(books.next_number >= wanted.get(books.session, 0) for books in self.books)

            await self._until(there)
            say({"done": self._write("finish")})
            self.ending.set()

    async def _until(self, condition: Any) -> None:
        end = perf_counter() + QUIET_S
        while not condition() and perf_counter() < end:  # noqa: ASYNC110  (the condition is made of many things, not of one event)
            await asyncio.sleep(0.02)

    def _write(self, name: str) -> str:
        self.renew()
        path = Path(self.plan.folder) / f"{self.plan.wire}-{name}.msgpack"
        path.write_bytes(msgspec.msgpack.encode(Dump(self.books, self.latencies.tolist(), self.best(), self.reconnects)))
        return str(path)

    async def _pace(self) -> None:
        """Send `rate` requests a second, as evenly as the loop allows; a pause is not made up."""
        due, last, looked = 0.0, perf_counter(), 0.0
        while True:
            await asyncio.sleep(TICK_S)
            now = perf_counter()
            if now >= looked + LOOK_S:
                looked = now
                self.look(time_ns())
            due = min(due + (now - last) * self.plan.rate, BURST_MAX) if self.trading else 0.0
            last = now
            while due >= 1:
                due -= 1
                self.act()

    async def _status(self) -> None:
        while True:
            await asyncio.sleep(STATUS_S)
            self.renew()
            recent, self.recent = sorted(self.recent), array("q")
            status = {
                "sent": sum(b.sent for b in self.books), "answered": sum(b.answered for b in self.books),
                "fills": sum(len(b.fills) for b in self.books), "open": sum(len(b.open) for b in self.books),
                "pending": sum(len(b.pending) for b in self.books), "faults": sum(b.fault_count for b in self.books),
                "back": self.reconnects, "p50": percentile(recent, 50), "p99": percentile(recent, 99),
            }  # fmt: skip
            say({"status": status})
            if self.plan.keep:
                for books in self.books:  # they are not used here, and must not grow without limit
                    books.fills, books.execs, books.orders = [], [], []
                self.latencies = array("q")


def percentile(values: Any, percent: int) -> int:
    """A percentile of sorted values; 0 if there are none."""
    return int(values[min(len(values) - 1, len(values) * percent // 100)]) if len(values) else 0


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main(kind: type[Party]) -> None:
    """Run one client process; `argv[1]` is its Plan."""
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

            async def begin() -> None:
                await kind(plan).run()

            runner.run(begin())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # our parent process is gone
