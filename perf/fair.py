"""The load of the row `fair`: one member floods, another sends one order at a time. It measures how long the other waits, with and without
the flood.

Quiet and flooded rounds alternate in one process on the generator's core, so that both are measured under the same conditions. Every
command of both is answered, none refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from protocol import messages as M
from protocol.framing import frame

from .kernels import compiled
from .load import Job, percentiles
from .peers import BinaryPeer, RunFailed, StampedPeer, count_reports

ROUNDS = 4
PAUSE_NS = 1_000_000  # pause between an answer to the modest session and its next order
NO_ANSWER_NS = 10_000_000_000
BOOKS = 100
PUMP = 128  # commands that the flood sends between two checks for the modest member's answer


def pair(account: int, instrument: int, id: int) -> tuple[bytes, bytes]:
    """An order that rests, and its cancel (id + 1)."""
    new = M.NewOrder(id, account, instrument, 1, 1, 2, 1, 0, 100 + id // 2 % 50, 10)
    return frame(M.encode(new)), frame(M.encode(M.CancelOrder(id + 1, id, account, 0)))


def _book(id: int) -> int:
    return 1 + id // 2 % BOOKS


def trip(modest: StampedPeer, message: bytes, pump: Callable[[], None]) -> tuple[float, int]:
    """Send a command of the modest session and wait for its answer, while `pump` continues the flood: (us until the answer was at its socket, when it was seen). RunFailed
    after NO_ANSWER_NS."""
    want = modest.answers + 1
    sent_at, began = time.time_ns(), time.perf_counter_ns()  # the stamp of the answer is of the time of day
    modest.socket.send(message)
    while modest.answers < want:
        if not modest.receive():
            pump()
        if time.perf_counter_ns() - began > NO_ANSWER_NS:
            raise RunFailed(f"no answer for {NO_ANSWER_NS // 10**9} s")
    return (modest.came - sent_at) / 1e3, time.perf_counter_ns()  # a generator that is busy with the flood looks late


def pause(since: int, pump: Callable[[], None]) -> None:
    """Continue the flood until the modest session may send again."""
    while time.perf_counter_ns() < since + PAUSE_NS:
        pump()


def fair(job: Job) -> dict[str, Any]:
    """commands: of the flood in all rounds; window: how many of them wait for their answers."""
    kernel = compiled(count_reports, "i8(u1[::1], i8, i8[::1])")
    flood, modest = BinaryPeer(job.binary_port, "S1", kernel), StampedPeer(job.binary_port, "S2", kernel)
    for peer in (flood, modest):
        peer.socket.setblocking(False)
    each = job.commands // ROUNDS // 2 * 2
    account = min(modest.accounts.values())
    waits: dict[str, list[float]] = {"quiet": [], "flood": []}
    rates = []
    id = 1
    for number in range(ROUNDS):
        theirs, first = min(flood.accounts.values()), 1 + number * each
        messages = [message for n in range(first, first + each, 2) for message in pair(theirs, _book(n), n)]
        for name in ("quiet", "flood"):
            flood.load(messages if name == "flood" else [])
            began = time.perf_counter_ns()
            id = one_by_one(flood, modest, account, id, job, waits[name])
            if name == "flood":
                rates.append(each / (time.perf_counter_ns() - began) * 1e9)
            if flood.waiting:
                raise RunFailed(f"{flood.waiting} commands of the flood were not answered")
    refused = sum(int(peer.counts[81] + peer.counts[85]) for peer in (flood, modest))
    if refused:
        raise RunFailed(f"{refused} commands refused")
    answered = flood.answers + modest.answers
    return {name: {"count": len(found), "p90": float(np.percentile(found, 90)), **percentiles(found)} for name, found in waits.items()} | {
        "rate": min(rates),
        "answered": answered,
    }


def one_by_one(flood: BinaryPeer, modest: StampedPeer, account: int, id: int, job: Job, waits: list[float]) -> int:
    """Send orders and cancels of the modest member until the flood is over (without one: for a second); returns its next id."""

    def go_on() -> None:
        pump(flood, job.window)

    stop = time.perf_counter_ns() + (int(job.seconds * 1e9) if flood.total else 1_000_000_000)
    while time.perf_counter_ns() < stop and (not flood.total or flood.sent < flood.total or flood.waiting):
        first = id - 1 + id % 2  # even ids cancel
        us, now = trip(modest, pair(account, _book(first), first)[id - first], go_on)
        id += 1
        if not flood.total or flood.sent < flood.total or not waits:  # in a smoke test the flood is over before the first answer
            waits.append(us)
        pause(now, go_on)
    return id


def pump(flood: BinaryPeer, window: int) -> None:
    """Continue the flood: send a few commands, read what has arrived."""
    if flood.sent < flood.total and flood.waiting <= window - PUMP:
        flood.send(flood.sent + PUMP)
    elif flood.position > flood.ends[flood.sent]:
        flood.send(flood.sent + 1)  # the rest of a message that was split
    flood.receive()
