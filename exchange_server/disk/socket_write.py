"""Writing to sockets from a kernel. The address of libc's send() arrives as an argument, as in native.py."""

from ..core import layout as L
from ..core.kit.jit import kernel
from .native import address_of, call_send

DONTWAIT_NOSIGNAL = 0x40 | 0x4000  # flags of send() and recv() on Linux: do not wait, and no signal if the peer has gone


@kernel("void(int64, int64[::1], int64, uint8[::1], int64, int64[::1])")
def write_each(send, fds, count, data, size, counts):
    """Write data[:size] to the first `count` sockets of `fds`, never waiting; counts[i]: the bytes that were taken, or -1."""
    begin = address_of(data)
    for i in range(count):
        counts[i] = call_send(send, fds[i], begin, size, DONTWAIT_NOSIGNAL)


@kernel("void(int64, int64[::1], int64, uint8[::1], int64[::1], int64[::1])")
def send_each(send, index, count, out, fds, sent):
    """Send the messages of `count` rows of an index from `out` to the sockets `fds`, never waiting; sent[i]: the bytes that were taken, or -1. A row with a
    socket of -1 is left out: 0."""
    begin = address_of(out)
    for i in range(count):
        sent[i] = 0
        if fds[i] >= 0:
            r = i * L.INDEX_WORDS
            sent[i] = call_send(send, fds[i], begin + index[r + L.IX_OFFSET], index[r + L.IX_LENGTH], DONTWAIT_NOSIGNAL)
