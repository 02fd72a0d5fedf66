"""Writes the same bytes to many sockets with one crossing into a kernel (disk/socket_write.py), past the event loop's transports."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from ..disk.socket_write import write_each
from ..journal.system import address_of

_LIBC = ctypes.CDLL(None)
RECV, SEND = address_of(_LIBC.recv), address_of(_LIBC.send)


class _Room:
    """The kernel's arrays, which grow as needed."""

    def __init__(self) -> None:
        self.fds: NDArray[np.int64] = np.zeros(256, np.int64)
        self.counts: NDArray[np.int64] = np.zeros(256, np.int64)
        self.data: NDArray[np.uint8] = np.zeros(1 << 16, np.uint8)


_room = _Room()


def write_all(fds: list[int], data: bytes) -> list[int]:
    """Write `data` to each socket without waiting; the bytes that each took (-1: none, it is full or broken)."""
    room, count, size = _room, len(fds), len(data)
    if count > len(room.fds):
        room.fds, room.counts = np.zeros(2 * count, np.int64), np.zeros(2 * count, np.int64)
    if size > len(room.data):
        room.data = np.zeros(2 * size, np.uint8)
    room.fds[:count] = fds
    room.data[:size] = np.frombuffer(data, np.uint8)
    write_each(SEND, room.fds, count, room.data, size, room.counts)
    found: list[int] = room.counts[:count].tolist()
    return found
