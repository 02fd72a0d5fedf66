"""The load of the row `web`: clients of the HTTP API and of its WebSocket, each kind a process of its own on the server's core.

`python -m perf.web_load JSON` (fields of WebJob) does the job and prints one JSON line.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from typing import Any

import msgspec

from protocol import messages as M
from protocol.framing import frame

from .kernels import compiled
from .load import percentiles
from .peers import BinaryPeer, RunFailed, count_reports
from .server import SECRET, SERVER_CORE, processor_s, symbol

BOOK = 60  # the first of those that trade: lone markets
PAUSE_S = 0.002  # between two round trips: what the last one left behind is over
PACE_S = 0.02  # between two orders over HTTP beside the subscribers
BEAT_NS = 1_000_000  # between two changes of each book
NO_ANSWER_S = 10.0
HEAD_END = b"\r\n\r\n"


class WebJob(msgspec.Struct, forbid_unknown_fields=True):
    """kind: trip, rate, beats, pace, crowd. commands: orders; of `beats`, for all books together. sessions: logins over HTTP; connections: of all of them.
    subscribers, books: of the crowd; web: its process. waits: it says on stdout that it is ready, and begins after a line on stdin."""

    kind: str
    binary_port: int = 0
    web_port: int = 0
    commands: int = 1_000
    sessions: int = 1
    connections: int = 1
    subscribers: int = 0
    books: int = 1
    web: int = 0
    waits: bool = False


class Http:
    """One connection to the HTTP API that stays."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=NO_ANSWER_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""

    def log_on(self, name: str) -> str:
        """A token."""
        self.socket.sendall(request("POST", "/v1/sessions", {"login": name, "secret": SECRET}))
        status, body = self.wait()
        if status != 201:
            raise RunFailed(f"logon of {name} over HTTP: {status} {body!r}")
        return str(json.loads(body)["token"])

    def wait(self) -> tuple[int, bytes]:
        """The next answer: its status and body."""
        while (found := self.answer()) is None:
            self.receive()
        return found

    def receive(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise RunFailed("the web process closed the connection")
        self.data += data

    def answer(self) -> tuple[int, bytes] | None:
        """An answer that has come, if one has."""
        head, found, rest = self.data.partition(HEAD_END)
        if not found:
            return None
        size = int(head.partition(b"content-length: ")[2].split(b"\r", 1)[0])
        if len(rest) < size:
            return None
        self.data = rest[size:]
        return int(head[9:12]), rest[:size]


def request(method: str, path: str, body: Any = None, token: str = "") -> bytes:
    data = msgspec.json.encode(body) if body is not None else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return (head + (f"Authorization: Bearer {token}\r\n" if token else "") + "\r\n").encode() + data


def order(id: int, token: str, book: int) -> bytes:
    """A resting order as a request."""
    body = {
        "client_order_id": str(id), "contract": symbol(book), "side": "buy", "price": f"0.{100 + id % 50:04d}", "quantity": "10",
    }  # fmt: skip
    return request("POST", "/v1/orders", body, token)


def right(id: int, found: tuple[int, bytes]) -> None:
    """Raises RunFailed for an answer that is not this order's."""
    status, body = found
    if status != 201 or f'"client_order_id":"{id}"'.encode() not in body or b'"status":"new"' not in body:
        raise RunFailed(f"order {id}: {status} {body!r}"[:500])


def trip(job: WebJob) -> dict[str, Any]:
    """One order at a time over the binary wire and over HTTP, in turn; the client sleeps while it waits."""
    kernel = compiled(count_reports, "i8(u1[::1], i8, i8[::1])")
    peer, http = BinaryPeer(job.binary_port, "S1", kernel), Http(job.web_port)
    token, account = http.log_on("S2"), min(peer.accounts.values())
    ways: dict[str, list[float]] = {"binary": [], "http": []}
    for id in range(1, job.commands + 1):
        time.sleep(PAUSE_S)
        message, want = frame(M.encode(M.NewOrder(id, account, BOOK + id % 10, 1, 1, 2, 1, 0, 100 + id % 50, 10))), peer.answers + 1
        began = time.perf_counter_ns()
        peer.socket.send(message)
        while peer.answers < want:
            peer.receive()
        ways["binary"].append((time.perf_counter_ns() - began) / 1e3)
        time.sleep(PAUSE_S)
        data = order(id, token, BOOK + id % 10)
        began = time.perf_counter_ns()
        http.socket.send(data)
        found = http.wait()
        ways["http"].append((time.perf_counter_ns() - began) / 1e3)
        right(id, found)
    if peer.counts[81]:
        raise RunFailed(f"{peer.counts[81]} orders refused")
    return {name: percentiles(times[len(times) // 20 :]) for name, times in ways.items()}


def rate(job: WebJob) -> dict[str, Any]:
    """New orders over HTTP as fast as they are answered, one under way on each connection."""
    tokens = [Http(job.web_port).log_on(f"S{n}") for n in range(1, job.sessions + 1)]
    messages = [order(id, tokens[id % len(tokens)], BOOK + id % 10) for id in range(job.commands + job.connections + 1)]
    poll = select.epoll()
    peers: dict[int, list[Any]] = {}  # connection, id, when sent
    for _ in range(job.connections):
        http = Http(job.web_port)
        http.socket.setblocking(False)
        poll.register(http.socket.fileno(), select.EPOLLIN)
        peers[http.socket.fileno()] = [http, 0, 0]
    sent = done = 0
    waits: list[float] = []
    cpu = processor_s(job.web)
    began = time.perf_counter()

    def next_order(state: list[Any]) -> None:
        nonlocal sent
        sent += 1
        state[1:] = sent, time.perf_counter_ns()
        state[0].socket.send(messages[sent])

    for state in peers.values():
        next_order(state)
    while done < sent:
        events = poll.poll(NO_ANSWER_S)
        if not events:
            raise RunFailed(f"{sent - done} of {sent} orders have no answer after {NO_ANSWER_S:g} s")
        for fd, _ in events:
            state = peers[fd]
            state[0].receive()
            if (found := state[0].answer()) is None:
                continue
            waits.append((time.perf_counter_ns() - state[2]) / 1e3)
            right(state[1], found)
            done += 1
            if sent < job.commands:
                next_order(state)
    seconds = time.perf_counter() - began
    return {"rate": done / seconds, "answered": done, "web_cpu_s": processor_s(job.web) - cpu, "seconds": seconds, **percentiles(waits)}


def beats(job: WebJob) -> dict[str, Any]:
    """An order or cancel for each book every millisecond, at fixed times over the binary wire: how long all answers of a beat take from its time."""
    kernel = compiled(count_reports, "i8(u1[::1], i8, i8[::1])")
    peer = BinaryPeer(job.binary_port, "S1", kernel)
    account, id = min(peer.accounts.values()), time.time_ns()
    rounds = job.commands // job.books
    messages = []
    for n in range(rounds):
        parts = []
        for book in range(job.books):
            id += 1
            new = M.NewOrder(id, account, BOOK + book, 1, 1, 2, 1, 0, 100 + n // 2 % 50, 10)
            parts.append(frame(M.encode(new if n % 2 == 0 else M.CancelOrder(id, id - job.books, account, 0))))
        messages.append(b"".join(parts))
    peer.socket.setblocking(False)
    poll = select.epoll()
    poll.register(peer.socket.fileno(), select.EPOLLIN)
    waits: list[float] = []
    began, base = time.perf_counter_ns() + BEAT_NS, peer.answers
    sent = 0
    while len(waits) < rounds:
        now = time.perf_counter_ns()
        while sent < rounds and now >= began + sent * BEAT_NS:
            if peer.socket.send(messages[sent]) != len(messages[sent]):
                raise RunFailed("the server does not take what is sent")
            sent += 1
        due = (began + sent * BEAT_NS - now) / 1e9 if sent < rounds else NO_ANSWER_S
        if not poll.poll(max(due, 0.0)) and sent == rounds:
            raise RunFailed(f"{rounds - len(waits)} of {rounds} beats have no answer")
        peer.receive()
        now = time.perf_counter_ns()
        while len(waits) < (peer.answers - base) // job.books:
            waits.append((now - began - len(waits) * BEAT_NS) / 1e3)
    if peer.counts[81] + peer.counts[85]:
        raise RunFailed(f"{peer.counts[81] + peer.counts[85]} commands refused")
    seconds = (time.perf_counter_ns() - began) / 1e9
    return {"answered": peer.answers - base, "seconds": seconds, **percentiles(waits[len(waits) // 20 :])}


def pace(job: WebJob) -> dict[str, Any]:
    """Orders over HTTP one after the other, with a pause after each: how long each waits for its answer."""
    http = Http(job.web_port)
    token, waits, first = http.log_on("S2"), [], time.time_ns()
    for id in range(first, first + job.commands):
        time.sleep(PACE_S)
        data = order(id, token, BOOK + 10)
        began = time.perf_counter_ns()
        http.socket.send(data)
        found = http.wait()
        waits.append((time.perf_counter_ns() - began) / 1e3)
        right(id, found)
    return percentiles(waits)


def main() -> int:
    os.sched_setaffinity(0, {min(SERVER_CORE, (os.cpu_count() or 1) - 1)})
    job = msgspec.json.decode(sys.argv[1], type=WebJob)
    if job.kind == "crowd":
        from .web_crowd import crowd

        print(json.dumps(crowd(job)))
    else:
        if job.waits:
            print("ready", flush=True)
            sys.stdin.readline()
        print(json.dumps({"trip": trip, "rate": rate, "beats": beats, "pace": pace}[job.kind](job)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
