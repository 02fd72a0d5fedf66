"""One endpoint, with a feed and a clock of the test: what is posted, in which order, when again, and what a kill leaves."""

import asyncio
import json
from typing import Any

import msgspec

from exchange_server.hooks.endpoints import Replay
from exchange_server.hooks.facts import Fact
from exchange_server.hooks.feed import RETIRED, Step
from exchange_server.hooks.post import Outcome
from exchange_server.hooks.progress import Progress
from exchange_server.hooks.sender import DAY_NS, Rules, Sender, pause_s
from tests.hooks.test_endpoints import endpoint

TAKEN = Outcome(200, "status 200")
OWNER = ("venue", "V")


def made(event: int, key: str = "", kind: str = "fill.created") -> Fact:
    return Fact(event, kind, key or f"account {event % 3}", json.dumps({"type": kind, "n": event}).encode())


class Feed:
    """Pieces of ten events up to `events`; those below `kept_from` are retired."""

    def __init__(self, events: int, keys: int = 3) -> None:
        self.events, self.keys, self.kept_from, self.up = events, keys, 1, True

    async def after(self, position: int) -> Step | None:
        if position < self.kept_from:
            return Step(self.kept_from, {}, RETIRED, position, self.kept_from - 1)
        if position > self.events:
            return None
        last = min(self.events, position + 9)
        return Step(last + 1, {OWNER: [made(n, f"account {n % self.keys}") for n in range(position, last + 1)]})

    async def one(self, event: int, owner: tuple[str, str]) -> Fact | None:
        return made(event) if owner == OWNER and event <= self.events else None


class Bench:
    """A sender whose posts go to `answer`. Time stands still but for what the sender waits: `pass_` moves it."""

    def __init__(self, feed: Feed, progress: Progress | None = None, **more: Any) -> None:
        self.feed = feed
        self.progress = progress or Progress(added_ns=5, position=1)
        self.now, self.real = 0.0, 10**18
        self.posted: list[tuple[str, Any]] = []
        self.log: list[str] = []
        self.at_once = self.most_at_once = 0
        self.answer: Any = lambda n: TAKEN
        self.sender = Sender(
            endpoint(**more), self.progress, feed, self.deliver, "abc", lambda level, event, **rest: self.log.append(event),  # type: ignore[arg-type]
            clock=lambda: self.now, real_ns=lambda: self.real, rules=Rules(),
        )  # fmt: skip

    async def deliver(self, _: Any, id: str, body: bytes) -> Outcome:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        n = json.loads(body).get("n")
        outcome = self.answer(n)
        self.posted.append((id, n if outcome.taken else -n if n else n))
        return outcome

    async def run(self, rounds: int = 200, step_s: float = 0.0) -> None:
        """Let it work; the clock moves on by `step_s` after each round."""
        task = asyncio.create_task(self.sender.run())
        for _ in range(rounds):
            await asyncio.sleep(0)
            if step_s:
                self.now += step_s
                self.real += int(step_s * 1e9)
                self.sender.wake.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def taken(self) -> list[int]:
        return [n for _, n in self.posted if n and n > 0]


async def test_everything_is_posted_once_and_in_order_within_a_key():
    bench = Bench(Feed(35))
    await bench.run()
    assert sorted(bench.taken()) == list(range(1, 36))
    for key in range(3):
        mine = [n for n in bench.taken() if n % 3 == key]
        assert mine == sorted(mine)
    assert bench.progress.position == 36 and not bench.progress.done and bench.progress.taken == 35
    assert 1 < bench.most_at_once <= 3
    assert {id for id, _ in bench.posted} == {f"evt_abc_{n}" for n in range(1, 36)}


async def test_a_message_that_is_not_taken_holds_back_its_key_only():
    bench = Bench(Feed(30))
    bench.answer = lambda n: Outcome(500, "status 500") if n == 4 else TAKEN
    await bench.run(600, 0.3)
    assert set(bench.taken()) == {n for n in range(1, 31) if n % 3 != 1} | {1}
    assert bench.progress.position == 4 and bench.progress.done == sorted(n for n in bench.taken() if n > 4)
    assert list(bench.progress.failing) == [4]
    bench.answer = lambda n: TAKEN
    await bench.run(600, 10.0)
    assert bench.taken()[-9:] == list(range(4, 31, 3))
    assert (bench.progress.position, bench.progress.done, bench.progress.failing) == (31, [], {})


async def test_after_a_kill_the_rest_comes_and_nothing_else():
    """Whatever was taken after the last write of the progress is posted again under the same id."""
    feed = Feed(30)
    bench = Bench(feed)
    bench.answer = lambda n: TAKEN if n % 3 != 1 or n == 1 else Outcome(503, "status 503")
    await bench.run(600, 0.3)
    kept = msgspec.json.decode(msgspec.json.encode(bench.progress), type=Progress)
    again = Bench(feed, kept)
    await again.run(400, 1.0)
    assert sorted(bench.taken() + again.taken()) == list(range(1, 31))


async def test_a_dead_endpoint_is_tried_less_and_less_and_then_paused():
    bench = Bench(Feed(30))
    bench.answer = lambda n: Outcome(0, "the connection failed: refused")
    await bench.run(3000, 120.0)
    tried = len(bench.posted)
    assert bench.most_at_once <= 3 and 20 < tried < 200 and not bench.progress.paused
    bench.real += 5 * DAY_NS
    await bench.run(200, 120.0)
    assert "has not taken message evt_abc_" in bench.progress.paused and "for 5 days: the connection failed" in bench.progress.paused
    assert bench.log.count("webhook_paused") == 1 and bench.progress.position == 1
    before = len(bench.posted)
    await bench.run(100, 4000.0)
    assert len(bench.posted) == before  # nothing more


async def test_an_endpoint_that_says_it_is_gone_is_paused_at_once():
    bench = Bench(Feed(3))
    bench.answer = lambda n: Outcome(410, "status 410")
    await bench.run()
    assert bench.progress.paused == "it says that it is gone (status 410)"


async def test_resume_goes_on_where_it_was():
    progress = Progress(added_ns=5, position=7, paused="it says that it is gone", failing={7: 1})
    bench = Bench(Feed(9), progress, replays=[Replay(number=1)])
    await bench.run()
    assert sorted(bench.taken()) == [7, 8, 9]
    assert (progress.replayed, progress.paused, progress.failing) == (1, "", {})


async def test_a_retry_after_is_kept():
    bench = Bench(Feed(1))
    bench.answer = lambda n: Outcome(429, "status 429", 500) if bench.now < 400 else TAKEN
    await bench.run(480, 1.0)
    assert bench.posted == [("evt_abc_1", -1)]
    await bench.run(60, 1.0)
    assert bench.taken() == [1]


async def test_a_gap_is_told_in_its_place_and_before_anything_after_it():
    feed = Feed(20)
    feed.kept_from = 11
    bench = Bench(feed)
    bench.answer = lambda n: TAKEN if bench.now > 50 or n else Outcome(500, "status 500")
    await bench.run(30, 1.0)
    assert {id for id, _ in bench.posted} == {"gap_abc_1_10"} and bench.progress.position == 1
    await bench.run(200, 1.0)
    assert sorted(bench.taken()) == list(range(11, 21)) and bench.progress.position == 21


async def test_one_message_again_by_its_id():
    progress = Progress(added_ns=5, position=21)
    bench = Bench(Feed(20), progress, replays=[Replay(number=4, event=7)])
    bench.answer = lambda n: TAKEN if bench.now > 5 else Outcome(500, "status 500")
    await bench.run(4, 1.0)
    assert progress.replayed == 0  # a kill now loses nothing
    bench = Bench(Feed(20), progress, replays=[Replay(number=4, event=7)])
    await bench.run()
    assert bench.taken() == [7] and (progress.replayed, progress.position) == (4, 21)


async def test_everything_again_from_an_event():
    progress = Progress(added_ns=5, position=21, replayed=1)
    bench = Bench(Feed(20), progress, replays=[Replay(number=1, from_event=1), Replay(number=2, from_event=15)])
    await bench.run()
    assert sorted(bench.taken()) == list(range(15, 21)) and (progress.replayed, progress.position) == (2, 21)


async def test_only_the_groups_that_were_chosen():
    bench = Bench(Feed(20), groups=["money"])
    await bench.run()
    assert bench.posted == [] and bench.progress.position == 21


def test_pauses_grow_have_jitter_and_are_the_same_for_the_same_seed():
    from random import Random

    rules = Rules()
    found = [pause_s(rules, n, Random(1)) for n in range(1, 60)]
    assert found == [pause_s(rules, n, Random(1)) for n in range(1, 60)]
    random = Random(2)
    for n in range(1, 60):
        whole = min(3600.0, 2.0 ** (n - 1))
        assert 0.5 * whole <= pause_s(rules, n, random) <= whole
