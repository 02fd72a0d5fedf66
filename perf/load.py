"""The load generator: a separate process on its own core, messages built before the run, one command per frame.

`python -m perf.load JSON` (fields of Job) does the job and prints one JSON line. The connections are in peers.py.
"""

from __future__ import annotations

import itertools
import json
import os
import select
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from exchange_server.core.layout.definitions import FIRST_TRADING_ACCOUNT
from protocol import messages as M
from protocol.framing import frame

from .kernels import compiled
from .peers import BinaryPeer, FixPeer, Peer, RunFailed, count_fix_reports, count_reports
from .sample import take_sample
from .server import CLIENT_CORE, account_name, processor_s, symbol
from .stream import BLOCK, Stream, Wire, binary_bytes, fix_bytes, joined

STEP = 64  # a peer sends again when so many of its window are free
LEAD = 8  # windows by which a peer may have less left than another: all of them send until the end
TEXTS = {
    "text": "DESK-7F-",
    "unusual": "DESK-7F/2026-11-30/",
}  # before the digits of a ClOrdID; of an unusual one the text does not fit into its key
LARGE = 10**17  # first of the large ids: they take 9 bytes on the binary wire


class Job(msgspec.Struct, forbid_unknown_fields=True):
    """kind: flow, trip, fair, tenants, fanout. rate: commands a second for all sessions together (open loop), 0: as fast as the window allows."""

    kind: str
    wire: str
    binary_port: int
    fix_port: int
    echo_port: int = 0
    sessions: int = 8
    commands: int = 100_000
    resting: int = 100_000
    window: int = 2_048  # most unanswered commands of one session
    rate: int = 0
    seconds: float = 15.0  # nothing is sent after this time
    spin: bool = False
    seed: int = 5
    ids: str = ""  # "": decimal from 1; "large": from 10**17; FIX: TEXTS
    server: int = 0  # its process, for its processor time
    keep: str = ""  # folder for what is received of the sample; empty: no sample


def stamp() -> str:
    now = time.time_ns()
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(now // 10**9)) + f".{now // 10**6 % 1000:03d}"


@dataclass
class Ran:
    """seconds: until the last answer. mean_us: from sending a command to its answer, the mean. tenths: commands a second in each tenth of the answers;
    spent: the server's processor time in each, seconds (clock ticks).
    latency, late: us from the intended time to the answer, and to the sending (open loop)."""

    seconds: float
    answered: int
    mean_us: float
    tenths: list[float]
    spent: list[float]
    latency: list[float]
    late: list[float]


class _Watch:
    """Sums of the times of sending and of the answers, and when each tenth was answered."""

    def __init__(self, total: int, began: int, process: int) -> None:
        """process: the server's, 0: this one."""
        self.process = process
        self.spent = [processor_s(process)]
        self.step = max(total // 10, 1)
        self.began = began
        self.waited = 0  # ns, sum over all commands
        self.answered = 0
        self.at: list[int] = []

    def sent(self, count: int, now: int) -> None:
        self.waited -= count * (now - self.began)

    def answers(self, count: int, now: int) -> None:
        self.waited += count * (now - self.began)
        self.answered += count
        while len(self.at) < 10 and self.answered >= self.step * (len(self.at) + 1):
            self.at.append(now)
            self.spent.append(processor_s(self.process))

    def tenths(self) -> list[float]:
        edges = [self.began, *self.at]
        return [self.step * 1e9 / max(b - a, 1) for a, b in zip(edges, edges[1:])]


def run(peers: list[Peer], listener: Peer, window: int, seconds: float, every: int = 0, server: int = 0) -> Ran:
    """Send everything loaded and count until all is answered. every: ns between the commands of all peers (open loop), 0: closed. server: its
    process. RunFailed after 30 s of silence."""
    poll = select.epoll()
    by = {p.socket.fileno(): p for p in [*peers, listener]}
    for fd, p in by.items():
        p.socket.setblocking(False)
        poll.register(fd, select.EPOLLIN)
    latency: list[float] = []
    late: list[float] = []
    queues: list[deque[int]] = [deque() for _ in peers]
    index = {p.socket.fileno(): i for i, p in enumerate(peers)}
    began = time.perf_counter_ns()
    watch = _Watch(sum(p.total for p in peers), began, server)
    for i, p in enumerate(peers):
        p.due = began + (np.arange(p.total, dtype=np.int64) * len(peers) + i) * every if every else p.due
    stop = began + int(seconds * 1e9)
    last = began
    while True:
        now = time.perf_counter_ns()
        open_ = False
        least = max(p.total - p.sent for p in peers) - LEAD * window
        for i, p in enumerate(peers):
            before = p.sent
            if p.sent < p.total and now < stop:
                open_ = True
                if every:
                    upto = int(np.searchsorted(p.due, now, "right"))
                    if upto > p.sent:
                        p.send(upto)
                        queues[i].extend(p.due[before : p.sent].tolist())
                        late.extend(((now - p.due[before : p.sent]) / 1e3).tolist())
                elif p.waiting <= window - STEP and p.total - p.sent >= least:
                    p.send(min(p.sent + STEP * 8, p.sent + window - p.waiting))
            elif p.position < p.ends[p.sent + 1 if p.sent < p.total else p.sent] and p.position > p.ends[p.sent]:
                p.send(p.sent + 1)  # the rest of a message that was split
            if p.sent > before:
                watch.sent(p.sent - before, now)
            if p.waiting:
                open_ = True
        if not open_:
            break
        for fd, _ in poll.poll(0 if every else 0.001):
            p = by[fd]
            before = p.answers
            if p.receive():
                last = time.perf_counter_ns()
                if fd in index:
                    watch.answers(p.answers - before, last)
                if every and fd in index:
                    q = queues[index[fd]]
                    for _ in range(p.answers - before):
                        latency.append((last - q.popleft()) / 1e3)
        if time.perf_counter_ns() - last > 30_000_000_000:
            raise RunFailed(f"no answer for 30 s: {[(p.sent, p.waiting) for p in peers][:8]}")
    poll.close()
    spent = [b - a for a, b in itertools.pairwise(watch.spent)]
    return Ran((last - began) / 1e9, watch.answered, watch.waited / 1e3 / max(watch.answered, 1), watch.tenths(), spent, latency, late)


class Mill:
    """Makes the bytes of a stream's commands for each session of a wire."""

    def __init__(self, job: Job, stream: Stream, accounts: dict[str, int], sending: str) -> None:
        """accounts: the server's ids by name (binary)."""
        self.job, self.stream, self.sending = job, stream, sending
        self.prefix = TEXTS.get(job.ids, "")
        self.ids = np.zeros(stream.accounts + FIRST_TRADING_ACCOUNT, np.int64)
        self.names = [""] * FIRST_TRADING_ACCOUNT
        for account in range(FIRST_TRADING_ACCOUNT, len(self.ids)):
            name = account_name(account, job.sessions)
            self.names.append(name)
            if accounts:  # a logon reply lists only the first accounts of a firm; their ids are consecutive
                firm, _, j = name.partition("-")
                self.ids[account] = accounts[f"{firm}-1"] + int(j) - 1
        self.numbers = [2] * (job.sessions + 1)

    def wires(self, count: int, resting: bool = False) -> list[Wire]:
        """The next `count` commands of the stream, by session."""
        job, stream = self.job, self.stream
        parts: list[list[Wire]] = [[] for _ in range(job.sessions)]
        for at in range(0, max(count, 1), BLOCK):
            rows = stream.take(min(BLOCK, count - at), resting)
            if job.wire == "binary":
                made = binary_bytes(rows, job.sessions, self.ids)
            else:
                symbols, comp_ids = [symbol(i) for i in range(stream.books + 1)], [f"S{n}" for n in range(job.sessions + 1)]
                made = fix_bytes(rows, comp_ids, self.names, symbols, self.sending, self.numbers, self.prefix)
            for n, wire in enumerate(made):
                parts[n].append(wire)
                self.numbers[n + 1] += len(wire.ends) - 1
        return [joined(each) for each in parts]


def flow(job: Job) -> dict[str, Any]:
    """Send a sample (if asked for), the resting orders, then the commands; returns the counts."""
    stream = Stream(job.seed, job.sessions, most=2 * job.resting + job.commands // 20 + 10_000, first_id=LARGE if job.ids == "large" else 1)
    peers: list[Peer] = []
    kernel = compiled(count_reports, "i8(u1[::1], i8, i8[::1])")
    listener = BinaryPeer(job.binary_port, "L2", kernel)
    listener.say(M.Subscribe())
    names: dict[str, int] = {}
    sending = stamp()
    for n in range(1, job.sessions + 1):
        if job.wire == "binary":
            peer = BinaryPeer(job.binary_port, f"S{n}", kernel)
            names.update(peer.accounts)
            peers.append(peer)
        else:
            peers.append(FixPeer(job.fix_port, n, sending, compiled(count_fix_reports, "i8(u1[::1], i8, i8[::1])")))
    mill = Mill(job, stream, names, sending)
    sample = [mill.wires(count, resting) for count, resting in take_sample(stream)] if job.keep else []
    preload, commands = mill.wires(job.resting, True), mill.wires(job.commands)
    for part in sample:
        _loaded(peers, part, keep=True)
        run(peers, listener, job.window, 60.0)
    if job.keep:
        for n, p in enumerate(peers, 1):
            (Path(job.keep) / f"sample-{n}").write_bytes(bytes(p.kept_bytes or b""))
            p.kept_bytes = None
    _loaded(peers, preload)
    loaded = run(peers, listener, max(job.window, 2_048), 60.0)
    before = np.sum([p.counts for p in peers], axis=0)
    got, listened = sum(p.received for p in peers), listener.received
    _loaded(peers, commands)
    cpu = time.process_time()
    server_cpu = processor_s(job.server)
    ran = run(peers, listener, job.window, job.seconds, len(peers) and job.rate and 10**9 // job.rate, job.server)
    counts = np.sum([p.counts for p in peers], axis=0) - before
    sent = sum(p.sent for p in peers)
    if ran.answered != sent:
        raise RunFailed(f"{sent} commands sent, {ran.answered} answered")
    refused = int(counts[81] + counts[85])
    return {
        "seconds": ran.seconds, "sent": sent, "answered": ran.answered, "reports": int(counts[1]), "refused": refused, "fills": int(counts[82]),
        "bytes_in": sum(p.received for p in peers) - got, "market_bytes": listener.received - listened, "client_cpu": time.process_time() - cpu,
        "server_cpu": processor_s(job.server) - server_cpu, "preload_rate": job.resting / loaded.seconds, "mean_us": ran.mean_us, "tenths": ran.tenths, "spent": ran.spent,
        "message_bytes": sum(p.position for p in peers) / max(sent, 1), "latency": percentiles(ran.latency), "late": percentiles(ran.late),
        "sampled": {"seed": job.seed, "first_id": LARGE if job.ids == "large" else 1, "prefix": mill.prefix, "accounts": mill.ids.tolist()},
    }  # fmt: skip


def _loaded(peers: list[Peer], wires: list[Wire], keep: bool = False) -> None:
    for peer, wire in zip(peers, wires):
        peer.load(wire)
        if keep and peer.kept_bytes is None:
            peer.kept_bytes = bytearray()


def percentiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"p50": float(np.percentile(values, 50)), "p99": float(np.percentile(values, 99)), "max": max(values)}


def trip(job: Job) -> dict[str, Any]:
    """One order at a time: order → report, and the same number of bytes through the echo, alternating; spinning or sleeping while
    waiting."""
    kernel = compiled(count_reports, "i8(u1[::1], i8, i8[::1])")
    listener = BinaryPeer(job.binary_port, "L2", kernel)
    listener.say(M.Subscribe())
    members = [BinaryPeer(job.binary_port, f"S{n}", kernel) for n in range(1, job.sessions + 1)]
    peers: list[Peer] = [*members]
    if job.resting:
        names = {name: id for one in members for name, id in one.accounts.items()}
        _loaded(peers, Mill(job, Stream(job.seed, job.sessions, most=job.resting + 10_000), names, "").wires(job.resting, True))
        run(peers, listener, 2_048, 60.0)
    peer = members[0]
    account = min(peer.accounts.values())
    echo = socket.create_connection(("127.0.0.1", job.echo_port), timeout=30)
    echo.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for s in (peer.socket, echo, listener.socket):
        s.setblocking(not job.spin)
    listener.socket.setblocking(False)
    ways: dict[str, list[float]] = {"order": [], "echo": []}
    for i in range(job.commands):
        id = LARGE + i
        if i % 2 == 0:
            message = frame(M.encode(M.NewOrder(id, account, 1 + i % 100, 1, 1, 2, 1, 0, 100 + i % 50, 10)))
        else:
            message = frame(M.encode(M.CancelOrder(id, id - 1, account, 0)))
        want = peer.answers + 1
        began = time.perf_counter_ns()
        peer.socket.send(message)
        while peer.answers < want:
            peer.receive()
        ways["order"].append((time.perf_counter_ns() - began) / 1e3)
        while not listener.receive():  # the book's update is sent after the report: the echo must not wait for it
            if time.perf_counter_ns() - began > 1_000_000_000:
                raise RunFailed(f"no market data for command {i + 1}")
        left = len(message)
        began = time.perf_counter_ns()
        echo.send(message)
        while left:
            try:
                left -= len(echo.recv(left))
            except BlockingIOError:
                pass
        ways["echo"].append((time.perf_counter_ns() - began) / 1e3)
    done: dict[str, Any] = {name: percentiles(times[len(times) // 20 :]) for name, times in ways.items()}
    done["refused"] = int(peer.counts[81] + peer.counts[85])
    if done["refused"]:
        raise RunFailed(f"{done['refused']} of {job.commands} commands refused")
    return done


def main() -> int:
    os.sched_setaffinity(0, {min(CLIENT_CORE, (os.cpu_count() or 1) - 1)})
    job = msgspec.json.decode(sys.argv[1], type=Job)
    if job.kind == "fair":
        from .fair import fair  # it imports this file

        print(json.dumps(fair(job)))
    elif job.kind == "fanout":
        from .fanout import fanout

        print(json.dumps(fanout(job)))
    elif job.kind == "tenants":
        from .venue_flood import tenants

        print(json.dumps(tenants(job)))
    else:
        print(json.dumps(trip(job) if job.kind == "trip" else flow(job)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
