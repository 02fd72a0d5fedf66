"""Posts the messages of one endpoint: in order within a key, several keys at a time, again until they are taken.

A message that is not taken holds back its key only. While an endpoint takes nothing at all, one message at a time is tried, with growing pauses, so a dead
endpoint costs nothing; none waits for another endpoint.
"""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple

from . import bodies
from .endpoints import Endpoint, Replay
from .facts import Fact, fact
from .feed import LOST, REPLACED, RETIRED, Feed, Step
from .post import Outcome
from .progress import Progress

WINDOW = 256  # messages read ahead that were not taken yet; a piece may bring more
IN_FLIGHT = 8
BASE_S, MOST_S = 1.0, 3600.0
DAY_NS = 86_400 * 10**9
GONE = 410
GAPS = {
    RETIRED: "they are older than the exchange keeps them (setting event_retention)",
    LOST: "they are damaged beyond repair",
    REPLACED: "the exchange was set back to an earlier moment",
}

Deliver = Callable[[Endpoint, str, bytes], Awaitable[Outcome]]


class Item:
    """A message that was not taken yet. again: number of the wish that asked for it by its id, outside the order; 0: it is in order."""

    __slots__ = ("again", "attempts", "fact", "id", "since_ns")

    def __init__(self, fact: Fact, id: str, again: int = 0) -> None:
        self.fact, self.id, self.again = fact, id, again
        self.attempts, self.since_ns = 0, 0


class Rules(NamedTuple):
    """dead_days: an endpoint that has not taken a message for so long is paused. base_s, most_s: first and longest pause between attempts."""

    dead_days: int = 5
    base_s: float = BASE_S
    most_s: float = MOST_S


def pause_s(rules: Rules, attempts: int, random: Random) -> float:
    """How long after the n-th attempt that failed the next one comes: doubled each time, with jitter."""
    whole = min(rules.most_s, rules.base_s * 2 ** min(attempts - 1, 32))
    return whole * random.uniform(0.5, 1.0)


class Sender:
    """One endpoint. `run` goes on until it is cancelled."""

    def __init__(
        self,
        endpoint: Endpoint,
        progress: Progress,
        feed: Feed,
        deliver: Deliver,
        exchange: str,
        log: Callable[..., None],
        *,
        changed: Callable[[], None] = lambda: None,
        rules: Rules = Rules(),
        clock: Callable[[], float] = time.monotonic,
        real_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """deliver: posts (endpoint, webhook-id, body). exchange: identity of the data folder, for ids. changed: the progress has."""
        self.endpoint, self.progress, self.feed, self.deliver = endpoint, progress, feed, deliver
        self.exchange, self.log, self.changed, self.rules = exchange, log, changed, rules
        self.clock, self.real_ns = clock, real_ns
        self.random = Random(f"{exchange} {endpoint.name}")
        self.wake = asyncio.Event()
        self.failures = 0  # attempts since one was taken
        self._tasks: set[asyncio.Task[None]] = set()
        self._begin(progress.position, set(progress.done))

    def _begin(self, position: int, done: set[int]) -> None:
        """Read from this position on."""
        self.read_to = position
        self.done = done
        self.window: dict[int, Item] = {}
        self.keys: dict[str, deque[Item]] = {}
        self.ready: deque[str] = deque()
        self.later: list[tuple[float, int, str]] = []
        self.gap: Step | None = None
        self.cool_until = 0.0
        self._serial = getattr(self, "_serial", 0) + 1  # what is in flight from before counts no more
        self._busy: set[str] = set()

    async def run(self) -> None:
        try:
            while True:
                self.wake.clear()
                await self._wishes()
                if not self.progress.paused:
                    await self._fill()
                    self._start()
                try:
                    async with asyncio.timeout(self._wait_s()):
                        await self.wake.wait()
                except TimeoutError:
                    pass
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _wait_s(self) -> float | None:
        """How long there is nothing to do; None: until somebody wakes it."""
        if self.progress.paused or self._full or not self.later and not self.ready:
            return None
        now = self.clock()
        next_s = now if self.ready else self.later[0][0]
        return max(0.0, max(next_s, self.cool_until) - now)

    @property
    def _full(self) -> bool:
        return len(self._busy) >= (1 if self.failures else IN_FLIGHT)

    # ---- reading --------------------------------------------------------------------------------------------------
    async def _fill(self) -> None:
        owner, groups = (self.endpoint.owner, self.endpoint.of), set(self.endpoint.groups)
        while len(self.window) < WINDOW and self.gap is None:
            step = await self.feed.after(self.read_to)
            if step is None:
                return
            if step.gap:
                self._meet_gap(step)
                return
            for one in step.facts.get(owner, ()):
                if one.group in groups and one.event not in self.done:
                    self._add(Item(one, self._id(one.event)))
            self.read_to = step.next
            self._moved()

    def _id(self, event: int) -> str:
        return f"evt_{self.exchange}_{event}"

    def _meet_gap(self, step: Step) -> None:
        """Nothing after it is read until the endpoint has taken the message about it."""
        self.gap = step
        text = f"events {step.first} to {step.last} cannot be posted: {GAPS[step.gap]}"
        data = bodies.Gap(reason=step.gap, first_event=str(step.first), last_event=str(step.last), detail=text)
        self.log("warning", "webhook_gap", endpoint=self.endpoint.name, reason=step.gap, first=step.first, last=step.last)
        message = fact(self.read_to, "webhook.gap", "endpoint", self.real_ns(), data)
        self._add(Item(message, f"gap_{self.exchange}_{step.first}_{step.last}"))

    def _add(self, item: Item) -> None:
        if not item.again:
            self.window[item.fact.event] = item
        item.since_ns = 0 if item.again else self.progress.failing.get(item.fact.event, 0)
        key = f"again {item.fact.event}" if item.again else item.fact.key
        queue = self.keys.setdefault(key, deque())
        queue.append(item)
        if len(queue) == 1:
            self.ready.append(key)

    # ---- posting --------------------------------------------------------------------------------------------------
    def _start(self) -> None:
        now = self.clock()
        while now >= self.cool_until and not self._full:
            if self.ready:
                key = self.ready.popleft()
            elif self.later and self.later[0][0] <= now:
                key = heapq.heappop(self.later)[2]
            else:
                return
            self._busy.add(key)
            task = asyncio.create_task(self._post(key, self.keys[key][0], self._serial))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _post(self, key: str, item: Item, serial: int) -> None:
        try:
            outcome = await self.deliver(self.endpoint, item.id, item.fact.body)
        except Exception as error:  # a fault of the program: said, and tried again like any other failure
            self.log("error", "webhook_fault", endpoint=self.endpoint.name, id=item.id, exc_info=error)
            outcome = Outcome(0, f"a fault of the program: {type(error).__name__}")
        if serial != self._serial:
            return
        self._busy.discard(key)
        if outcome.taken:
            self._taken(key, item)
        else:
            self._failed(key, item, outcome)
        self.changed()
        self.wake.set()

    def _taken(self, key: str, item: Item) -> None:
        self.failures, self.cool_until = 0, 0.0
        queue = self.keys[key]
        queue.popleft()
        if queue:
            self.ready.append(key)
        else:
            del self.keys[key]
        progress, event = self.progress, item.fact.event
        progress.taken += 1
        progress.taken_ns, progress.problem = self.real_ns(), ""
        if item.again:
            progress.replayed = item.again
            return
        del self.window[event]
        progress.failing.pop(event, None)
        if self.gap is not None and item.fact.kind == "webhook.gap":
            if self.gap.next < self.read_to:
                self.done.clear()  # of a history that is no more
            self.read_to, self.gap = self.gap.next, None
        else:
            self.done.add(event)
        self._moved()

    def _moved(self) -> None:
        """The position after what was taken or read."""
        position = min(self.window) if self.window else self.read_to
        self.done = {event for event in self.done if event >= position}
        progress = self.progress
        if (position, len(self.done)) != (progress.position, len(progress.done)):
            progress.position, progress.done = position, sorted(self.done)
            self.changed()

    def _failed(self, key: str, item: Item, outcome: Outcome) -> None:
        self.failures += 1
        item.attempts += 1
        now_s, now_ns = self.clock(), self.real_ns()
        self.progress.problem = outcome.text
        if not item.since_ns:
            item.since_ns = now_ns
            if not item.again:
                self.progress.failing[item.fact.event] = now_ns
        if self.failures == 1:
            self.log("warning", "webhook_not_taken", endpoint=self.endpoint.name, id=item.id, why=outcome.text, attempt=item.attempts)
        wait = max(pause_s(self.rules, item.attempts, self.random), float(outcome.retry_s))
        heapq.heappush(self.later, (now_s + wait, item.fact.event, key))
        self.cool_until = now_s + max(pause_s(self.rules, self.failures, self.random), float(outcome.retry_s))
        if outcome.status == GONE:
            self._pause(f"it says that it is gone (status {GONE})")
        elif now_ns - item.since_ns >= self.rules.dead_days * DAY_NS:
            self._pause(f"it has not taken message {item.id} for {self.rules.dead_days} days: {outcome.text}")

    def _pause(self, why: str) -> None:
        self.progress.paused, self.progress.paused_ns = why, self.real_ns()
        self.log("error", "webhook_paused", endpoint=self.endpoint.name, why=why, go_on=f"exos webhooks resume {self.endpoint.name}")

    # ---- what the command line asks for ---------------------------------------------------------------------------
    async def _wishes(self) -> None:
        if any(queue[0].again for queue in self.keys.values()):
            return  # one after the other
        for wish in self.endpoint.replays:
            if wish.number > self.progress.replayed and not await self._fulfil(wish):
                return

    async def _fulfil(self, wish: Replay) -> bool:
        """Every wish ends a pause. False: it is not fulfilled yet."""
        if wish.event and not self.feed.up:
            return False
        progress = self.progress
        if wish.from_event:
            progress.position, progress.done = wish.from_event, []
        progress.paused, progress.failing, self.failures = "", {}, 0
        self._begin(progress.position, set(progress.done))
        self.changed()
        found = await self.feed.one(wish.event, (self.endpoint.owner, self.endpoint.of)) if wish.event else None
        if found is not None:
            self._add(Item(found, self._id(wish.event), wish.number))
            return False
        if wish.event:
            self.log(
                "warning", "webhook_not_replayed", endpoint=self.endpoint.name, event=wish.event, why="the endpoint has no such message"
            )
        progress.replayed = wish.number
        return True
