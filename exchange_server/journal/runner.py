"""Runs the background work of the server: in threads, or in the caller's thread.

Journal, event store, rebuilding and reading ahead start no threads themselves; they are given a Runner. The server's is `Threads` (app.py). `Inline`
starts no threads: a simulator or a test decides when a service runs, and everything happens in one thread, in a reproducible order.
"""

import _thread
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from .time_slice import short_slice

READERS = 2
CORES = os.sched_getaffinity(0)  # that the process may use, before its loop was kept to some of them


def _anywhere() -> None:
    """In a new thread: run on any core, not only where the loop is kept that started it."""
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, CORES)


class Task(Protocol):
    """Work that was started."""

    def alive(self) -> bool:
        """True if it has not ended."""

    def join(self) -> None:
        """Wait until it has ended."""

    def step(self) -> None:
        """Run one round of an inline service; does nothing for a thread, which runs by itself."""


class Result(Protocol):
    """The result of a call that may be made ahead of time."""

    def result(self) -> Any:
        """The value: waits for the call, or makes it now. Raises what the call raised."""


class Reader(Protocol):
    """Takes calls whose results are needed later."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Result: ...


class Runner(Protocol):
    """Starts work."""

    def service(self, name: str, work: Callable[[], None], step: Callable[[], None], prompt: bool = False, anywhere: bool = False) -> Task:
        """Start work that runs until it is told to end (in its own way). `step` does one round of it, for a runner without threads. prompt: the event
        loop waits for what it does, so it gets the CPU as soon as it can run. anywhere: not only on the cores where the loop is kept."""

    def once(self, name: str, work: Callable[[], None], idle: bool = False) -> Task:
        """Start work that ends by itself. idle: it gets only CPU time that nothing else uses."""

    def reader(self, name: str) -> AbstractContextManager[Reader]:
        """For reading ahead; after its end nothing runs any more."""


class _Service:
    """A service in a thread of its own; signals do not interrupt its system calls."""

    def __init__(self, name: str, work: Callable[[], None], prompt: bool, anywhere: bool) -> None:
        def run() -> None:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            if anywhere:
                _anywhere()
            if prompt:
                short_slice()
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
    """A piece of work in a thread. Started through the low-level interface, because it is started between turns and Thread.start() waits
    until the thread runs."""

    def __init__(self, work: Callable[[], None], idle: bool) -> None:
        self._running = _thread.allocate_lock()
        self._running.acquire()

        def run() -> None:
            try:
                _anywhere()
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

    def service(self, name: str, work: Callable[[], None], step: Callable[[], None], prompt: bool = False, anywhere: bool = False) -> Task:  # noqa: ARG002 (Runner)
        return _Service(name, work, prompt, anywhere)

    def once(self, name: str, work: Callable[[], None], idle: bool = False) -> Task:  # noqa: ARG002 (Runner)
        return _Once(work, idle)

    def reader(self, name: str) -> AbstractContextManager[Reader]:
        return ThreadPoolExecutor(READERS, thread_name_prefix=name, initializer=_anywhere)


class _Ended:
    """Work that was done at once, in the caller's thread."""

    def alive(self) -> bool:
        return False

    def join(self) -> None:
        """It has ended."""

    def step(self) -> None:
        """It has ended."""


class _Stepped:
    """A service that runs only when `step` is called."""

    def __init__(self, step: Callable[[], None], services: "list[_Stepped]") -> None:
        self._step = step
        self._services = services

    def alive(self) -> bool:
        return self in self._services

    def join(self) -> None:
        """Run the last round and end."""
        if self in self._services:
            self._step()
            self._services.remove(self)

    def step(self) -> None:
        self._step()


class _Later:
    """A call that is made when its result is requested."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call: Callable[[], Any] | None = call
        self._value: Any = None

    def result(self) -> Any:
        if self._call is not None:
            call, self._call = self._call, None
            self._value = call()
        return self._value


class _NotAhead:
    """Takes calls and makes each when its result is requested."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Result:
        return _Later(lambda: call(*arguments))


class Inline:
    """No threads. `step` runs one round of every service; other work is done at once, or when its result is requested."""

    def __init__(self) -> None:
        self._services: list[_Stepped] = []

    def service(self, name: str, work: Callable[[], None], step: Callable[[], None], prompt: bool = False, anywhere: bool = False) -> Task:  # noqa: ARG002 (Runner)
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
