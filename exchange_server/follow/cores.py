"""Which core is the follower's (setting follower_core), so that it and the server's loop do not meet."""

import contextlib
import os
from collections.abc import Collection

from ..exits import Exit
from ..start import StartRefused

AUTO, NONE = "auto", "none"


def usable() -> frozenset[int]:
    """The cores that this thread may use."""
    return frozenset(os.sched_getaffinity(0))


def follower_core(setting: str, cores: Collection[int]) -> int | None:
    """The follower's core out of those that the server may use; None: the system decides. Raises StartRefused."""
    if setting == AUTO:
        return max(cores) if len(cores) > 1 else None
    if setting == NONE:
        return None
    core = int(setting)
    if core not in cores:
        may = ", ".join(map(str, sorted(cores)))
        raise StartRefused(
            Exit.CONFIG,
            f'server.follower_core = "{core}": the server may use the cores {may} of this machine; name one of them, auto or none',
        )
    return core


def keep_to(cores: Collection[int]) -> bool:
    """The calling thread, and threads and processes that it starts, run there from now on. False: the system does not allow it."""
    if not cores:
        return False
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, cores)
        return True
    return False
