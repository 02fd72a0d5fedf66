"""The writer's thread has the shortest time slice, the threads beside it the usual one."""

import ctypes
import os
import platform
import struct
import threading

from exchange_server.journal.runner import Threads
from exchange_server.journal.time_slice import SLICE_NS, short_slice

GETATTR = {"x86_64": 315, "aarch64": 275}
SIZE = 48


def slice_ns() -> int:
    """What the system says of the calling thread; 0: it has no slice of its own."""
    attributes = ctypes.create_string_buffer(SIZE)
    assert ctypes.CDLL(None).syscall(GETATTR[os.uname().machine], 0, attributes, SIZE, 0) == 0
    return int(struct.unpack("=IIQiIQQQ", attributes.raw)[5])


def test_the_slice_of_a_prompt_service_alone() -> None:
    found: dict[str, tuple[int, int]] = {}

    def work() -> None:
        found[threading.current_thread().name] = slice_ns(), os.getpriority(os.PRIO_PROCESS, 0)

    tasks = [Threads().service(name, work, lambda: None, prompt=name == "prompt") for name in ("prompt", "plain")]
    for task in tasks:
        task.join()
    kernel = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])
    took = threading.Thread(target=lambda: found.update(took=(int(short_slice()), 0)))
    took.start()
    took.join()
    assert found["plain"][0] != SLICE_NS and found["prompt"][1] == found["plain"][1], "the same priority"
    assert found["prompt"][0] == SLICE_NS or not found["took"][0] or kernel < (6, 12)
