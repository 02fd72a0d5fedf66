"""Work that takes too long for a turn: done in a thread, a few pieces at a time, and whoever asked is given a turn when it is done.

Each address has its own line, and the lines take turns: who asks a hundred times at once delays himself, and another address waits for at most one
piece of each. Inline (tests, a simulator) the work is done where it is asked for.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from ..journal.runner import Inline, Runner

AT_ONCE = 2
WAITING = 64  # pieces of one address


class Job:
    """One piece of work. When `done`: its `value`, or the `error` that it raised."""

    __slots__ = ("address", "done", "error", "owner", "value", "work")

    def __init__(self, owner: Any, address: str, work: Callable[[], Any]) -> None:
        self.owner = owner
        self.address = address
        self.work = work
        self.done = False
        self.value: Any = None
        self.error: Exception | None = None

    def result(self) -> Any:
        """The value; raises what the work raised."""
        if self.error is not None:
            raise self.error
        return self.value


class SlowWork:
    """The slow work of one server.

    wake(owner): its job is done; called where `look` is. notify(): called in a thread when a piece has ended; it must have `look` called by the
    loop's own thread.
    """

    def __init__(self, runner: Runner | None = None) -> None:
        self.runner = runner if runner is not None else Inline()
        self.wake: Callable[[Any], None] = lambda owner: None
        self.notify: Callable[[], None] = lambda: None
        self.running = 0
        self.lines: OrderedDict[str, deque[Job]] = OrderedDict()  # whose turn it is comes first
        self.done = 0
        self._ended: deque[Job] = deque()

    def ask(self, owner: Any, address: str, work: Callable[[], Any]) -> Job | None:
        """Have it done. None: too much of this address waits already."""
        line = self.lines.get(address)
        if line is not None and len(line) >= WAITING:
            return None
        job = Job(owner, address, work)
        self.lines.setdefault(address, deque()).append(job)
        self._begin()
        return job

    def cancel(self, owner: Any) -> None:
        """The owner is gone: what it still waits for is not done, what is being done is for nobody."""
        for address, line in list(self.lines.items()):
            kept = deque(job for job in line if job.owner is not owner)
            if kept:
                self.lines[address] = kept
            else:
                del self.lines[address]

    def look(self) -> None:
        """Take what has ended, and begin what waits."""
        while self._ended:
            job = self._ended.popleft()
            job.done = True
            self.running -= 1
            self.done += 1
            self.wake(job.owner)
        self._begin()

    def _begin(self) -> None:
        while self.lines and self.running < AT_ONCE:
            address, line = self.lines.popitem(last=False)
            job = line.popleft()
            if line:
                self.lines[address] = line  # at the end
            self.running += 1
            self.runner.once("slow", lambda job=job: self._work(job))  # type: ignore[misc]
            while self._ended and self._ended[0] is job:  # it was done inline
                self._ended.popleft()
                job.done = True
                self.running -= 1
                self.done += 1

    def _work(self, job: Job) -> None:
        try:
            job.value = job.work()
        except Exception as error:
            job.error = error
        self._ended.append(job)
        self.notify()

    def status(self) -> dict[str, int]:
        """For `exos status`."""
        return {"running": self.running, "waiting": sum(map(len, self.lines.values())), "done": self.done}
