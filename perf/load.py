"""The load generator: a separate process on its own core, messages built before the run, one command per frame.

`python -m perf.load JSON` (fields of Job) does the job and prints one JSON line. Plain non-blocking sockets and counters; a kernel counts
the binary reports, so that the generator is not the bottleneck. An answer is the first report of a command; fills are additional.
"""

from __future__ import annotations

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
from numpy.typing import NDArray

from exchange_server.core.layout.definitions import FIRST_TRADING_ACCOUNT
from protocol import messages as M
from protocol.binary_session import Prover
from protocol.framing import FrameReader, frame

from .kernels import compiled
from .messages import fix_message
from .sample import take_sample
from .server import CLIENT_CORE, SECRET, account_name, processor_s, symbol
from .stream import BLOCK, Stream, Wire, binary_bytes, fix_bytes, joined

ANSWERS = 0  # places in a Counter's result
CHUNK = 1 << 18
STEP = 64  # a peer sends again when so many of its window are free
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
    ids: str = ""  # "": decimal from 1; "large": from 10**17; "text": with a prefix (FIX)
    server: int = 0  # its process, for its processor time
    keep: str = ""  # folder for what is received of the sample; empty: no sample


class RunFailed(RuntimeError):
    """The server did something unexpected: no figure."""


def _count(buf, size, out):  # type: ignore[no-untyped-def]
    """Whole frames in buf[:size]: out[0] += first answers, out[1] += frames, out[tag] += 1 for tags from 64 on; the bytes used up."""
    at = 0
    while at + 4 <= size:
        length = np.int64(buf[at]) | (np.int64(buf[at + 1]) << 8) | (np.int64(buf[at + 2]) << 16) | (np.int64(buf[at + 3]) << 24)
        if at + 4 + length > size:
            break
        p = at + 4
        p += 3 if buf[p] == 0xDC else 1
        tag = np.int64(buf[p])
        out[1] += 1
        if tag < 128:
            out[tag] += 1
        answer = tag == 80 or tag == 81 or tag == 84 or tag == 85 or tag == 87
        if tag == 83:  # Canceled answers a command when it names another order than itself
            p += 1
            for _ in range(9):
                b = np.int64(buf[p])
                p += (
                    2
                    if b == 0xCC or b == 0xD0
                    else 3
                    if b == 0xCD or b == 0xD1
                    else 5
                    if b == 0xCE or b == 0xD2
                    else 9
                    if b == 0xCF or b == 0xD3
                    else 1
                )
            answer = buf[p] != 0
        if answer:
            out[ANSWERS] += 1
        at += 4 + length  # type: ignore[assignment]
    return at


def _count_fix(buf, size, out):  # type: ignore[no-untyped-def]
    """FIX messages in buf[:size]: out[0] += first answers (150=0, 150=8, 150=I, or a report with 41), out[1] += messages, out[81], out[82],
    out[85] += refusals, fills, cancel rejects, out[99] += 3, j and 5; the bytes used up. The trailer is found by its position: a message
    ends at the SOH after `|10=`."""
    start = 0
    at = 0
    kind = 0
    answers = 0
    while at + 8 <= size:
        if buf[at] != 1:
            at += 1
            continue
        a, b, c, d = buf[at + 1], buf[at + 2], buf[at + 3], buf[at + 4]
        if a == 49 and b == 48 and c == 61:  # 10=
            end = at + 4
            while end < size and buf[end] != 1:
                end += 1
            if end >= size:
                break
            out[ANSWERS] += answers
            out[1] += 1
            if kind == 57:
                out[85] += 1
            elif kind == 51 or kind == 106 or kind == 53:
                out[99] += 1
            start = at = end + 1
            answers = kind = 0
            continue
        if a == 51 and b == 53 and c == 61:  # 35=
            kind = d
        elif a == 52 and b == 49 and c == 61:  # 41=
            answers += 1
        elif a == 49 and b == 53 and c == 48 and d == 61:  # 150=
            e = buf[at + 5]
            if e == 48 or e == 56 or e == 73:
                answers += 1
            if e == 56:
                out[81] += 1
            elif e == 70:
                out[82] += 1
        at += 4
    return start


class Peer:
    """One connection: data to send and data received."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.counts = np.zeros(128, np.int64)
        self.received = 0
        self.data: Any = b""
        self.kept_bytes: bytearray | None = None  # everything received, while the sample runs
        self.ends = np.zeros(1, np.int64)
        self.sent = 0  # commands
        self.position = 0  # bytes
        self.due: NDArray[np.int64] = np.zeros(0, np.int64)

    def load(self, messages: list[bytes] | Wire) -> None:
        """Set the data to send."""
        if isinstance(messages, Wire):
            self.data, self.ends = messages.data.data, messages.ends
        else:
            self.data, self.ends = b"".join(messages), np.cumsum([0, *map(len, messages)])
        self.sent = self.position = 0
        self.base = self.answers

    @property
    def answers(self) -> int:
        return int(self.counts[ANSWERS])

    @property
    def total(self) -> int:
        return len(self.ends) - 1

    @property
    def waiting(self) -> int:
        return self.sent - (self.answers - self.base)

    def send(self, upto: int) -> None:
        """Send commands up to number `upto`, as far as the socket accepts them."""
        end = int(self.ends[min(upto, self.total)])
        if end > self.position:
            try:
                self.position += self.socket.send(memoryview(self.data)[self.position : end])
            except BlockingIOError:
                return
            self.sent = int(np.searchsorted(self.ends, self.position, "right")) - 1

    def receive(self) -> bool:
        raise NotImplementedError

    def read(self, buffer: memoryview) -> int:
        try:
            n = self.socket.recv_into(buffer)
        except BlockingIOError:
            return 0
        if n == 0:
            raise RunFailed("the server closed the connection")
        self.received += n
        if self.kept_bytes is not None:
            self.kept_bytes += buffer[:n]
        return n


class BinaryPeer(Peer):
    def __init__(self, port: int, key: str, kernel: Any) -> None:
        super().__init__(port)
        self.kernel = kernel
        self.buffer = np.zeros(4 * CHUNK, np.uint8)
        self.kept = 0
        reader = FrameReader()
        found: list[Any] = []

        def wait(kind: Any) -> Any:
            while True:
                while found:
                    if isinstance(message := found.pop(0), kind):
                        return message
                data = self.socket.recv(1 << 16)
                if not data:
                    raise RunFailed("the server closed the connection at the logon")
                found.extend(M.decode_server(payload) for payload in reader.feed(data))

        hello = wait(M.Hello)
        self.say(M.Logon(key, Prover(key, SECRET).prove(hello), heartbeat_ms=60_000))
        self.accounts = {name: id for id, name in wait(M.Sent).body.accounts}

    def say(self, message: Any) -> None:
        self.socket.sendall(frame(M.encode(message)))

    def receive(self) -> bool:
        if len(self.buffer) - self.kept < CHUNK:
            self.buffer = np.concatenate([self.buffer, np.zeros(len(self.buffer), np.uint8)])
        n = self.read(memoryview(self.buffer)[self.kept : self.kept + CHUNK])  # type: ignore[arg-type]
        if not n:
            return False
        size = self.kept + n
        used = self.kernel(self.buffer, size, self.counts)
        self.kept = size - used
        if self.kept:
            self.buffer[: self.kept] = self.buffer[used:size]
        return True


class FixPeer(Peer):
    def __init__(self, port: int, number: int, sending_time: str, kernel: Any) -> None:
        super().__init__(port)
        self.kept = 0
        self.kernel = kernel
        self.buffer = np.zeros(4 * CHUNK, np.uint8)
        logon = fix_message(f"A|98=0|108=60|141=Y|553=s{number}|554={SECRET}|", f"S{number}", 1, sending_time)
        self.socket.sendall(logon)
        data = b""
        while b"\x0110=" not in data:
            piece = self.socket.recv(4096)
            if not piece:
                raise RunFailed(f"FIX logon of S{number} refused: {data!r}")
            data += piece
        if b"\x0135=A\x01" not in data:
            raise RunFailed(f"FIX logon of S{number} refused: {data!r}")

    def receive(self) -> bool:
        n = self.read(memoryview(self.buffer)[self.kept : self.kept + CHUNK])  # type: ignore[arg-type]
        if not n:
            return False
        size = self.kept + n
        used = self.kernel(self.buffer, size, self.counts)
        self.kept = size - used
        if self.counts[99]:
            raise RunFailed(f"the server refused a message: {self.buffer[:size].tobytes()[:3000]!r}")
        self.buffer[: self.kept] = self.buffer[used:size].copy()
        return True


def stamp() -> str:
    now = time.time_ns()
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(now // 10**9)) + f".{now // 10**6 % 1000:03d}"


@dataclass
class Ran:
    """seconds: until the last answer. mean_us: from sending a command to its answer, the mean. tenths: commands a second in each tenth of the answers.
    latency, late: us from the intended time to the answer, and to the sending (open loop)."""

    seconds: float
    answered: int
    mean_us: float
    tenths: list[float]
    latency: list[float]
    late: list[float]


class _Watch:
    """Sums of the times of sending and of the answers, and when each tenth was answered."""

    def __init__(self, total: int, began: int) -> None:
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

    def tenths(self) -> list[float]:
        edges = [self.began, *self.at]
        return [self.step * 1e9 / max(b - a, 1) for a, b in zip(edges, edges[1:])]


def run(peers: list[Peer], listener: Peer, window: int, seconds: float, every: int = 0) -> Ran:
    """Send everything loaded and count until all is answered. every: ns between the commands of all peers (open loop), 0: closed. RunFailed
    after 30 s of silence."""
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
    watch = _Watch(sum(p.total for p in peers), began)
    for i, p in enumerate(peers):
        p.due = began + (np.arange(p.total, dtype=np.int64) * len(peers) + i) * every if every else p.due
    stop = began + int(seconds * 1e9)
    last = began
    while True:
        now = time.perf_counter_ns()
        open_ = False
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
                elif p.waiting <= window - STEP:
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
    return Ran((last - began) / 1e9, watch.answered, watch.waited / 1e3 / max(watch.answered, 1), watch.tenths(), latency, late)


class Mill:
    """Makes the bytes of a stream's commands for each session of a wire."""

    def __init__(self, job: Job, stream: Stream, accounts: dict[str, int], sending: str) -> None:
        """accounts: the server's ids by name (binary)."""
        self.job, self.stream, self.sending = job, stream, sending
        self.prefix = "DESK-7F-" if job.ids == "text" else ""
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
    kernel = compiled(_count, "i8(u1[::1], i8, i8[::1])")
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
            peers.append(FixPeer(job.fix_port, n, sending, compiled(_count_fix, "i8(u1[::1], i8, i8[::1])")))
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
    ran = run(peers, listener, job.window, job.seconds, len(peers) and job.rate and 10**9 // job.rate)
    counts = np.sum([p.counts for p in peers], axis=0) - before
    sent = sum(p.sent for p in peers)
    if ran.answered != sent:
        raise RunFailed(f"{sent} commands sent, {ran.answered} answered")
    refused = int(counts[81] + counts[85])
    return {
        "seconds": ran.seconds, "sent": sent, "answered": ran.answered, "reports": int(counts[1]), "refused": refused, "fills": int(counts[82]),
        "bytes_in": sum(p.received for p in peers) - got, "market_bytes": listener.received - listened, "client_cpu": time.process_time() - cpu,
        "server_cpu": processor_s(job.server) - server_cpu, "preload_rate": job.resting / loaded.seconds, "mean_us": ran.mean_us, "tenths": ran.tenths,
        "message_bytes": sum(p.position for p in peers) / max(sent, 1), "latency": _percentiles(ran.latency), "late": _percentiles(ran.late),
        "sampled": {"seed": job.seed, "first_id": LARGE if job.ids == "large" else 1, "prefix": mill.prefix, "accounts": mill.ids.tolist()},
    }  # fmt: skip


def _loaded(peers: list[Peer], wires: list[Wire], keep: bool = False) -> None:
    for peer, wire in zip(peers, wires):
        peer.load(wire)
        if keep and peer.kept_bytes is None:
            peer.kept_bytes = bytearray()


def _percentiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"p50": float(np.percentile(values, 50)), "p99": float(np.percentile(values, 99)), "max": max(values)}


def trip(job: Job) -> dict[str, Any]:
    """One order at a time: order → report, and the same number of bytes through the echo, alternating; spinning or sleeping while
    waiting."""
    kernel = compiled(_count, "i8(u1[::1], i8, i8[::1])")
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
    done: dict[str, Any] = {name: _percentiles(times[len(times) // 20 :]) for name, times in ways.items()}
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
