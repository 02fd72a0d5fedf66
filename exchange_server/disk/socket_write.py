"""Writing to sockets from a kernel. The address of libc's send() arrives as an argument, as in native.py."""

from ..core.kit.jit import kernel
from .native import address_of, call_send

DONTWAIT_NOSIGNAL = 0x40 | 0x4000  # flags of send() and recv() on Linux: do not wait, and no signal if the peer has gone


@kernel("void(int64, int64[::1], int64, uint8[::1], int64, int64[::1])")
def write_each(send, fds, count, data, size, counts):
    """Write data[:size] to the first `count` sockets of `fds`, never waiting; counts[i]: the bytes that were taken, or -1."""
    begin = address_of(data)
    for i in range(count):
        counts[i] = call_send(send, fds[i], begin, size, DONTWAIT_NOSIGNAL)
