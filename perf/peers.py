"""The load generator's connections: plain non-blocking sockets and counters. A compiled loop counts the answers, so that the generator is not
the bottleneck. An answer is the first report of a command; fills are additional."""

from __future__ import annotations

import socket
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol import messages as M
from protocol.binary_session import Prover
from protocol.framing import FrameReader, frame

from .messages import fix_message
from .server import SECRET
from .stream import Wire

ANSWERS = 0  # places in a Counter's result
CHUNK = 1 << 18
SO_TIMESTAMPNS = 35  # Linux: each read tells when the system got the newest bytes
TIMESPEC = struct.Struct("=qq")
STAMP_ROOM = socket.CMSG_SPACE(TIMESPEC.size)


class RunFailed(RuntimeError):
    """The server did something unexpected: no figure."""


def count_reports(buf, size, out):  # type: ignore[no-untyped-def]
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


def count_fix_reports(buf, size, out):  # type: ignore[no-untyped-def]
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

    def take(self, buffer: memoryview) -> int:
        """What the socket has. Raises BlockingIOError."""
        return self.socket.recv_into(buffer)

    def read(self, buffer: memoryview) -> int:
        try:
            n = self.take(buffer)
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


class StampedPeer(BinaryPeer):
    """One that knows when the newest bytes came to its socket, not only when it looked: `came`, ns of the time of day."""

    def __init__(self, port: int, key: str, kernel: Any) -> None:
        super().__init__(port, key, kernel)
        self.came = 0
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def take(self, buffer: memoryview) -> int:
        n, extra, _, _ = self.socket.recvmsg_into([buffer], STAMP_ROOM)
        for level, kind, data in extra:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, ns = TIMESPEC.unpack(data)
                self.came = seconds * 10**9 + ns
        return n


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
