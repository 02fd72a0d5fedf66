"""The load of the row `fair`: one member floods, another sends one order at a time. It measures how long the other waits, with and without
the flood.

Quiet and flooded rounds alternate in one process on the generator's core, so that both are measured under the same conditions. Every
command of both is answered, none refused.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from protocol import messages as M
from protocol.framing import frame

from .kernels import compiled
from .load import BinaryPeer, Job, RunFailed, _count, _percentiles

ROUNDS = 4
PAUSE_NS = 1_000_000  # pause between an answer to the modest member and its next order
PUMP = 128  # commands that the flood sends between two checks for the modest member's answer


def pairs(account: int, count: int, first: int) -> list[bytes]:
    """A new order that rests, then its cancel, alternating."""
    out = []
    for id in range(first, first + count, 2):
        out.append(frame(M.encode(M.NewOrder(id, account, 1 + id // 2 % 100, 1, 1, 2, 1, 0, 100 + id // 2 % 50, 10))))
        out.append(frame(M.encode(M.CancelOrder(id + 1, id, account, 0))))
    return out


def fair(job: Job) -> dict[str, Any]:
    """commands: of the flood in all rounds; window: how many of them wait for their answers."""
    kernel = compiled(_count, "i8(u1[::1], i8, i8[::1])")
    flood, modest = (BinaryPeer(job.binary_port, f"S{n}", kernel) for n in (1, 2))
    for peer in (flood, modest):
        peer.socket.setblocking(False)
    each = job.commands // ROUNDS // 2 * 2
    account = min(modest.accounts.values())
    waits: dict[str, list[float]] = {"quiet": [], "flood": []}
    rates = []
    id = 1
    for number in range(ROUNDS):
        messages = pairs(min(flood.accounts.values()), each, 1 + number * each)
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
    return {name: {"count": len(found), "p90": float(np.percentile(found, 90)), **_percentiles(found)} for name, found in waits.items()} | {
        "rate": min(rates),
        "answered": answered,
    }


def one_by_one(flood: BinaryPeer, modest: BinaryPeer, account: int, id: int, job: Job, waits: list[float]) -> int:
    """Send orders and cancels of the modest member until the flood is over (without one: for a second); returns its next id."""
    stop = time.perf_counter_ns() + (int(job.seconds * 1e9) if flood.total else 1_000_000_000)
    while time.perf_counter_ns() < stop and (not flood.total or flood.sent < flood.total or flood.waiting):
        (message,) = pairs(account, 2, id)[:1] if id % 2 else [frame(M.encode(M.CancelOrder(id, id - 1, account, 0)))]
        want = modest.answers + 1
        began = time.perf_counter_ns()
        modest.socket.send(message)
        id += 1
        while modest.answers < want:
            if not modest.receive():
                pump(flood, job.window)
            if time.perf_counter_ns() - began > 10_000_000_000:
                raise RunFailed("no answer for 10 s")
        now = time.perf_counter_ns()
        if not flood.total or flood.sent < flood.total or not waits:  # in a smoke test the flood is over before the first answer
            waits.append((now - began) / 1e3)
        while time.perf_counter_ns() < now + PAUSE_NS:
            pump(flood, job.window)
    return id


def pump(flood: BinaryPeer, window: int) -> None:
    """Continue the flood: send a few commands, read what has arrived."""
    if flood.sent < flood.total and flood.waiting <= window - PUMP:
        flood.send(flood.sent + PUMP)
    elif flood.position > flood.ends[flood.sent]:
        flood.send(flood.sent + 1)  # the rest of a message that was split
    flood.receive()
