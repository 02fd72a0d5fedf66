"""The subscribers of the row `web`: many WebSockets of a few books, conflated, and what each of them got.

They read twice a second, with the priority of an idle task: what they do must not show in what is measured. Every socket's frames are counted, the books
of some are rebuilt frame by frame with their checksums, and at the end the newest frame of every socket is that of the book.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import resource
import select
import socket
import sys
import time
import zlib
from typing import Any

from .load import percentiles
from .peers import RunFailed
from .server import processor_s, symbol
from .web_load import BOOK, HEAD_END, Http, WebJob, request

CONFLATE_MS = 100
EACH_S = 0.5  # between two readings of all sockets
SOCKETS_OF_ADDRESS = 30  # the web process lets one address open so many at once
REBUILT = 50  # one of so many is rebuilt
TAIL = 4096  # bytes of a socket that are kept
UPDATE = b'"type":"book_update"'
GAP = b'"type":"gap"'


class Subscriber:
    """One WebSocket with one book. `whole`: all its bytes are kept."""

    def __init__(self, port: int, number: int, book: int, whole: bool) -> None:
        address = number // SOCKETS_OF_ADDRESS
        self.socket = socket.create_connection(("127.0.0.1", port), NO_ANSWER_S, (f"127.1.{address >> 8}.{address & 255}", 0))
        self.book, self.whole = book, whole
        self.updates = self.gaps = 0
        self.data = b""  # the end of what came; all of it if whole
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET /v1/stream HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        self.socket.sendall(head.encode())
        while HEAD_END not in self.data:
            self.data += self.socket.recv(4096)
        answer, _, self.data = self.data.partition(HEAD_END)
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            raise RunFailed(f"subscriber {number}: {answer[:200]!r}")
        wanted = {"op": "subscribe", "channels": [{"channel": "book", "contracts": [symbol(book)], "conflate_ms": CONFLATE_MS}]}
        self.socket.sendall(masked(json.dumps(wanted).encode()))
        self.socket.setblocking(False)

    def read(self) -> int:
        """Take what has come; how many bytes."""
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return 0
        if not data:
            raise RunFailed("the web process closed a socket")
        edge = self.data[1 - len(UPDATE) :] + data[: len(UPDATE) - 1]
        self.updates += data.count(UPDATE) + (edge.count(UPDATE) if self.data else 0)
        self.gaps += data.count(GAP)
        self.data = self.data + data if self.whole else (self.data + data)[-TAIL:]
        return len(data)

    def last(self) -> dict[str, Any]:
        """The newest update."""
        start = self.data.rindex(b'{"type":"book_update"')
        return dict(json.JSONDecoder().raw_decode(self.data[start:].decode("utf-8", "replace"))[0])


NO_ANSWER_S = 20.0


def waited_s(process: int) -> float:
    """How long a process's first thread has been ready and waited for its core."""
    with open(f"/proc/{process}/schedstat") as file:
        return int(file.read().split()[1]) / 1e9


def masked(text: bytes) -> bytes:
    """A frame of a client."""
    assert len(text) < 1 << 16
    size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + text


def texts(data: bytes) -> list[dict[str, Any]]:
    """The frames of a server, which are not fragmented, without those that control the connection."""
    found, at = [], 0
    while at + 2 <= len(data):
        size, start = data[at + 1] & 127, at + 2
        if size == 126:
            size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif size == 127:
            size, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if start + size > len(data):
            break
        if data[at] == 0x81:
            found.append(json.loads(data[start : start + size]))
        at = start + size
    return found


def rebuild(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """The book of a socket's frames, as docs/http-api.md says. Raises RunFailed for a sequence or checksum that is wrong."""
    sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
    sequence, newest = -1, {}
    for frame in frames:
        if frame["type"] == "book_snapshot":
            sides = {side: dict(frame[side]) for side in sides}
        elif frame["type"] != "book_update" or frame["sequence"] <= sequence:
            continue
        else:
            if frame["previous"] > sequence:
                raise RunFailed(f"{frame['contract']}: frames between {sequence} and {frame['previous']} are missing")
            for side, levels in sides.items():
                levels.update(frame[side])
                for price in [price for price, quantity in frame[side] if quantity == "0"]:
                    levels.pop(price)
        sequence, newest = frame["sequence"], frame
        best = (
            sorted(sides["bids"].items(), key=lambda one: -float(one[0]))[:10]
            + sorted(sides["asks"].items(), key=lambda one: float(one[0]))[:10]
        )
        if zlib.crc32("|".join(f"{price}:{quantity}" for price, quantity in best).encode()) != frame["checksum"]:
            raise RunFailed(f"{frame['contract']}: the checksum of {sequence} is wrong")
    return newest


class Probe:
    """One more subscriber, which reads at once: how old a change is when it comes."""

    def __init__(self, port: int, number: int, book: int) -> None:
        self.subscriber = Subscriber(port, number, book, False)
        self.ages: list[float] = []

    def read(self) -> None:
        self.subscriber.data = b""
        if not self.subscriber.read():
            return
        now = time.time_ns()
        with contextlib.suppress(ValueError):
            at = self.subscriber.last()["time"]
            whole = time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S")
            self.ages.append((now - (int(time.mktime(whole)) - time.timezone) * 10**9 - int(at[20:29])) / 1e6)


def crowd(job: WebJob) -> dict[str, Any]:
    """Subscribe, say so on stdout, read until stdin ends, and judge."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began = time.monotonic()
    books = [BOOK + n % job.books for n in range(job.subscribers)]
    all_ = [Subscriber(job.web_port, n, book, n % REBUILT == 0) for n, book in enumerate(books)]
    probe = Probe(job.web_port, job.subscribers, BOOK)
    joined = time.monotonic() - began
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    _read(all_, 2 * EACH_S, probe)
    before = [one.updates for one in all_]
    probe.ages.clear()
    print("ready", flush=True)
    cpu, wait = processor_s(job.web), waited_s(job.web)
    while not select.select([sys.stdin], [], [], 0)[0]:
        _read(all_, EACH_S, probe)
    cpu, wait = processor_s(job.web) - cpu, waited_s(job.web) - wait
    quiet = time.monotonic()
    while time.monotonic() - quiet < 2.0:
        if sum(one.read() for one in all_) > 10 * len(all_):  # more than heartbeats
            quiet = time.monotonic()
        time.sleep(EACH_S)
    got = [one.updates - was for one, was in zip(all_, before)]
    _judge(job, all_)
    ages = percentiles(probe.ages)
    memory = int(next(line for line in open(f"/proc/{job.web}/status") if line.startswith("VmRSS")).split()[1]) // 1024
    return {
        "least": min(got), "most": max(got), "frames": sum(got), "web_cpu_s": cpu, "web_wait_s": wait, "age": ages, "joined_s": joined, "web_mb": memory,
    }  # fmt: skip


def _read(all_: list[Subscriber], seconds: float, probe: Probe) -> None:
    """All once, and the probe all the time."""
    until, poll = time.monotonic() + seconds, select.epoll()
    poll.register(probe.subscriber.socket, select.EPOLLIN)
    for n, one in enumerate(all_):
        one.read()
        if n % 100 == 0:
            probe.read()
    while (left := until - time.monotonic()) > 0:
        poll.poll(left)
        probe.read()


def _judge(job: WebJob, all_: list[Subscriber]) -> None:
    """Raises RunFailed where a subscriber's book is not the exchange's."""
    http = Http(job.web_port)
    wanted = {}
    for book in {one.book for one in all_}:
        http.socket.sendall(request("GET", f"/v1/contracts/{symbol(book)}/book"))
        found = json.loads(http.wait()[1])
        wanted[book] = found["sequence"], found["checksum"]
    for n, one in enumerate(all_):
        if one.gaps:
            raise RunFailed(f"subscriber {n} got {one.gaps} gaps")
        frame = rebuild(texts(one.data)) if one.whole else one.last()
        if (frame["sequence"], frame["checksum"]) != wanted[one.book]:
            raise RunFailed(f"subscriber {n} ends at {frame['sequence']} of {symbol(one.book)}, the exchange at {wanted[one.book][0]}")
