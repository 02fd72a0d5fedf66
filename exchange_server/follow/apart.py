"""A piece of work that a copy of this process does, while this one goes on: the copy has the memory as it was at that moment.

The system copies a page only when one of the two changes it. The copy ends with this process, however that ends, and holds none of its files and locks. It runs when
a core would be idle: a process of the lowest ordinary priority keeps a core for some milliseconds once it has it, and whoever wakes up meanwhile is put
on the core of the exchange.
"""

import ctypes
import os
import signal
from collections.abc import Callable
from contextlib import suppress

PR_SET_PDEATHSIG = 1
MOST_BYTES = 1 << 16  # of a result: it fits into a pipe, so the copy never waits for its reader


class Apart:
    """Begins `work` in a copy. `result` is asked for again and again."""

    def __init__(self, work: Callable[[], bytes]) -> None:
        """Raises OSError: no copy could be made."""
        libc, parent = ctypes.CDLL(None, use_errno=True), os.getpid()
        self._read, write = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self._read)
            os.close(write)
            raise
        if self._pid == 0:
            try:
                libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                if os.getppid() == parent:
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)
                    with suppress(OSError):  # the system does not allow it
                        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
                    _close_others(write)
                    os.write(write, work()[:MOST_BYTES])
            finally:
                os._exit(0)
        os.close(write)

    def result(self) -> bytes | None:
        """None: it still works; empty: it ended without one."""
        if os.waitpid(self._pid, os.WNOHANG)[0] == 0:
            return None
        with open(self._read, "rb") as pipe:
            return pipe.read(MOST_BYTES)

    def end(self) -> None:
        """Stop it, and wait for its end."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._read)


def _close_others(keep: int) -> None:
    """All descriptors but the standard ones and `keep`: locks of this process must end with it."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != keep:
            with suppress(OSError):  # that of the list itself
                os.close(int(name))
