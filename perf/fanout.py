"""The load of the row `fanout`: one order at a time, whose update goes to many subscribers of all books, and beside it a bare sender in the
same server process, which sends as many bytes to as many sockets in a plain loop.

Measured is the time until the last peer has its bytes. A compiled loop reads the sockets, so that the generator does not set the pace.
"""

from __future__ import annotations

import socket
import time
from typing import Any

import numpy as np

from exchange_server.disk.native import FN_READ, address_of, call_fd_buffer
from exchange_server.journal.system import FUNCTIONS
from protocol import messages as M
from protocol.framing import PREFIX, frame

from .kernels import compiled
from .load import Job, percentiles
from .peers import BinaryPeer, RunFailed, count_reports

PASSES = 10_000  # over all sockets, before the time is looked at
SETTLE_S = 0.2


def _read_all(read: Any, fds: Any, got: Any, want: Any, scratch: Any, passes: Any) -> Any:
    """Read until each socket has given `want` bytes; the number of those that have not."""
    left: Any = np.int64(0)
    for _ in range(passes):
        left = 0
        for i in range(fds.shape[0]):
            if got[i] < want:
                n = call_fd_buffer(read, fds[i], address_of(scratch), want - got[i])  # type: ignore[call-arg, var-annotated]
                if n > 0:
                    got[i] += n
                if got[i] < want:
                    left += 1
        if left == 0:
            break
    return left


class Crowd:
    """Sockets that all get the same bytes."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self.sockets = sockets
        self.first = sockets[0]
        self.fds = np.array([s.fileno() for s in sockets], np.int64)
        self.got = np.zeros(len(sockets), np.int64)
        self.scratch = np.zeros(1 << 16, np.uint8)
        self.kernel = compiled(_read_all, "i8(i8, i8[::1], i8[::1], i8, u1[::1], i8)", "../disk/native")
        for s in sockets:
            s.setblocking(False)

    def read(self, want: int) -> None:
        """Read that many bytes from each socket. RunFailed after ten seconds."""
        self.got[:] = 0
        until = time.perf_counter() + 10.0
        while self.kernel(int(FUNCTIONS[FN_READ]), self.fds, self.got, want, self.scratch, PASSES):
            if time.perf_counter() > until:
                raise RunFailed(f"{int((self.got < want).sum())} of {len(self.fds)} peers did not get their {want} bytes")

    def read_frame(self) -> int:
        """Read one frame from each; returns its length."""
        head = b""
        until = time.perf_counter() + 10.0
        while len(head) < PREFIX:
            try:
                head = self.first.recv(PREFIX, socket.MSG_PEEK)
            except BlockingIOError:
                if time.perf_counter() > until:
                    raise RunFailed("no update for 10 s") from None
        size = PREFIX + int.from_bytes(head, "little")
        self.read(size)
        return size

    def empty(self) -> None:
        """Drop everything that arrives until nothing more comes."""
        quiet = time.perf_counter()
        while time.perf_counter() - quiet < SETTLE_S:
            for each in self.sockets:
                try:
                    each.recv(1 << 20)
                except BlockingIOError:
                    continue
                quiet = time.perf_counter()


def fanout(job: Job) -> dict[str, Any]:
    """commands: orders and cancels, alternating; sessions: subscribers, S2 and on. S1 sends."""
    kernel = compiled(count_reports, "i8(u1[::1], i8, i8[::1])")
    peers = [BinaryPeer(job.binary_port, f"S{n}", kernel) for n in range(2, job.sessions + 2)]
    for peer in peers:
        peer.say(M.Subscribe())
    sender = BinaryPeer(job.binary_port, "S1", kernel)
    account = min(sender.accounts.values())
    crowd = Crowd([peer.socket for peer in peers])
    bare = Crowd([socket.create_connection(("127.0.0.1", job.echo_port), timeout=30) for _ in peers])
    crowd.empty()
    sender.socket.setblocking(False)
    times: dict[str, list[float]] = {"fanout": [], "bare": []}
    size = 0
    for i in range(job.commands):
        new = M.NewOrder(i + 1, account, 1 + i % 100, 1, 1, 2, 1, 0, 100 + i % 50, 10)
        message = frame(M.encode(new if i % 2 == 0 else M.CancelOrder(i + 1, i, account, 0)))
        want = sender.answers + 1
        began = time.perf_counter_ns()
        sender.socket.send(message)
        size = crowd.read_frame()
        times["fanout"].append((time.perf_counter_ns() - began) / 1e3)
        while sender.answers < want:
            sender.receive()
        began = time.perf_counter_ns()
        bare.first.send(bytes(size))
        bare.read(size)
        times["bare"].append((time.perf_counter_ns() - began) / 1e3)
    if sender.counts[81] + sender.counts[85]:
        raise RunFailed(f"{int(sender.counts[81] + sender.counts[85])} commands refused")
    return {"bytes": size} | {name: percentiles(found[len(found) // 20 :]) for name, found in times.items()}
