"""What a server is given when nothing of the machine's time and threads may come in: a loop, clocks and transports, all of one thread."""

import heapq
import select
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

BEGIN_NS = 1_800_000_000_000_000_000


class Clocks:
    """Time of day and steady clock, moved by the loop only."""

    def __init__(self) -> None:
        self.passed = 0

    def real(self) -> int:
        return BEGIN_NS + self.passed

    def steady(self) -> int:
        return 10**9 + self.passed


class Timer:
    def __init__(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.call, self.arguments, self.cancelled = call, arguments, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """As much of an event loop as net/ asks for. Nothing happens but in `run`."""

    def __init__(self, clocks: Clocks) -> None:
        self.clocks = clocks
        self.soon: deque[Timer] = deque()
        self.timers: list[tuple[int, int, Timer]] = []
        self.readers: dict[int, Callable[[], None]] = {}
        self.count = 0

    def time(self) -> float:
        return self.clocks.passed / 1e9

    def create_future(self) -> Future[int]:
        return Future()

    def call_soon(self, call: Callable[..., Any], *arguments: Any) -> Timer:
        self.soon.append(Timer(call, arguments))
        return self.soon[-1]

    def call_soon_threadsafe(self, call: Callable[..., Any], *arguments: Any) -> Timer:
        return self.call_soon(call, *arguments)

    def call_later(self, seconds: float, call: Callable[..., Any], *arguments: Any) -> Timer:
        timer = Timer(call, arguments)
        self.count += 1
        heapq.heappush(self.timers, (self.clocks.passed + round(seconds * 1e9), self.count, timer))
        return timer

    def add_reader(self, fd: int, call: Callable[[], None]) -> None:
        self.readers[fd] = call

    def run(self, ns: int = 0) -> None:
        """Everything that is to be done now, and within the next `ns`."""
        end = self.clocks.passed + ns
        while True:
            for fd in select.select(list(self.readers), [], [], 0)[0]:
                self.readers[fd]()
            if self.soon:
                for _ in range(len(self.soon)):
                    timer = self.soon.popleft()
                    if not timer.cancelled:
                        timer.call(*timer.arguments)
            elif self.timers and self.timers[0][0] <= end:
                at, _, timer = heapq.heappop(self.timers)
                self.clocks.passed = max(self.clocks.passed, at)
                if not timer.cancelled:
                    timer.call(*timer.arguments)
            else:
                break
        self.clocks.passed = end


class Transport:
    """The server's side of a connection in memory. `written`: what has left the server; `look` is called before each write."""

    def __init__(self, look: Callable[[], None] = lambda: None) -> None:
        self.written = bytearray()
        self.look = look
        self.closed = False

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("virtual", 1)}.get(name)

    def set_write_buffer_limits(self, high: int) -> None:
        """There is room for everything."""

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        self.look()
        self.written += data

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        """The test feeds as much as is asked for."""

    resume_reading = pause_reading

    def take(self) -> bytes:
        data, self.written = bytes(self.written), bytearray()
        return data


def feed(link: Any, data: bytes) -> None:
    """Bytes from the peer."""
    space = link.get_buffer(-1)
    assert len(space) >= len(data)
    space[: len(data)] = data
    link.buffer_updated(len(data))
