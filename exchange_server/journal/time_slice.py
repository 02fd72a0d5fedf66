"""The time slice of a thread for which the event loop waits."""

import ctypes
import os
import struct

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # numbers of the system call: few C libraries have a function for it
_SCHED_ATTR = struct.Struct("=IIQiIQQQ")  # struct sched_attr: size, policy, flags, nice, priority, runtime (ns), deadline, period
SLICE_NS = 100_000  # the shortest that Linux allows


def short_slice() -> bool:
    """Give the calling thread the shortest time slice. Linux lets a thread that wakes up interrupt another one if its slice is shorter; with equal
    slices it waits for up to 3 ms on a shared core. False: this system does not offer it (Linux does from 6.12 on; older ones ignore it)."""
    number = _SCHED_SETATTR.get(os.uname().machine)
    if number is None:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _SCHED_ATTR.pack(_SCHED_ATTR.size, os.SCHED_OTHER, 0, nice, 0, SLICE_NS, 0, 0)
    return ctypes.CDLL(None).syscall(number, 0, attributes, 0) == 0
