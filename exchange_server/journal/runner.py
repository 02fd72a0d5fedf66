"""Who runs the work that goes on beside the server: threads, or nobody but the caller.

Journal, event store, rebuilding and reading ahead start nothing by themselves; they are given a Runner. The server's is `Threads` (app.py). `Inline`
starts nothing at all: a simulator or a test decides when a service gets on, and everything happens in one thread, in an order that repeats.
"""

import _thread
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

READERS = 2


class Task(Protocol):
    """Something that was started."""

    def alive(self) -> bool:
        """It has not ended."""

    def join(self) -> None:
        """Wait until it has ended."""

    def step(self) -> None:
        """Let it get on if it cannot by itself: nothing for a thread, one round of the service inline."""


class Result(Protocol):
    """Of a call that may be made ahead."""

    def result(self) -> Any:
        """Its value, waited for or made now. Raises what it raised."""


class Reader(Protocol):
    """Takes calls whose results are needed later."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Result: ...


class Runner(Protocol):
    """Starts work."""

    def service(self, name: str, work: Callable[[], None], step: Callable[[], None]) -> Task:
        """Work that ends only when it is told to (by means of its own). `step` is one round of it for who has no thread for it."""

    def once(self, name: str, work: Callable[[], None], idle: bool = False) -> Task:
        """Work that ends by itself. idle: only with time that nobody else wants."""

    def reader(self, name: str) -> AbstractContextManager[Reader]:
        """For reading ahead; after its end nothing runs any more."""


class _Service:
    """A service in a thread of its own; no signal cuts its system calls short."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        def run() -> None:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            work()

        self._thread = threading.Thread(target=run, name=name, daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> None:
        self._thread.join()

    def step(self) -> None:
        """It runs by itself."""


class _Once:
    """A piece of work in a thread. Started the low way: Thread.start() waits until the thread runs, and this one is started between turns."""

    def __init__(self, work: Callable[[], None], idle: bool) -> None:
        self._running = _thread.allocate_lock()
        self._running.acquire()

        def run() -> None:
            try:
                if idle:
                    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
                work()
            finally:
                self._running.release()

        _thread.start_new_thread(run, ())

    def alive(self) -> bool:
        return self._running.locked()

    def join(self) -> None:
        with self._running:
            return

    def step(self) -> None:
        """It runs by itself."""


class Threads:
    """Real threads."""

    def service(self, name: str, work: Callable[[], None], step: Callable[[], None]) -> Task:  # noqa: ARG002 (Runner)
        return _Service(name, work)

    def once(self, name: str, work: Callable[[], None], idle: bool = False) -> Task:  # noqa: ARG002 (Runner)
        return _Once(work, idle)

    def reader(self, name: str) -> AbstractContextManager[Reader]:
        return ThreadPoolExecutor(READERS, thread_name_prefix=name)


class _Ended:
    """Work that was done where it was asked for."""

    def alive(self) -> bool:
        return False

    def join(self) -> None:
        """It has ended."""

    def step(self) -> None:
        """It has ended."""


class _Stepped:
    """A service that gets on when somebody lets it."""

    def __init__(self, step: Callable[[], None], services: "list[_Stepped]") -> None:
        self._step = step
        self._services = services

    def alive(self) -> bool:
        return self in self._services

    def join(self) -> None:
        """Its last round."""
        if self in self._services:
            self._step()
            self._services.remove(self)

    def step(self) -> None:
        self._step()


class _Later:
    """A call that is made when its result is asked for."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call: Callable[[], Any] | None = call
        self._value: Any = None

    def result(self) -> Any:
        if self._call is not None:
            call, self._call = self._call, None
            self._value = call()
        return self._value


class _NotAhead:
    """Takes calls and makes each when it is needed."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Result:
        return _Later(lambda: call(*arguments))


class Inline:
    """No threads. `step` lets every service get on by one round; other work is done at once, or when its result is asked for."""

    def __init__(self) -> None:
        self._services: list[_Stepped] = []

    def service(self, name: str, work: Callable[[], None], step: Callable[[], None]) -> Task:  # noqa: ARG002 (Runner)
        service = _Stepped(step, self._services)
        self._services.append(service)
        return service

    def once(self, name: str, work: Callable[[], None], idle: bool = False) -> Task:  # noqa: ARG002 (Runner)
        work()
        return _Ended()

    def reader(self, name: str) -> AbstractContextManager[Reader]:  # noqa: ARG002 (Runner)
        return nullcontext(_NotAhead())

    def step(self) -> None:
        """One round of every service."""
        for service in list(self._services):
            service.step()
