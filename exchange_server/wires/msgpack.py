"""MessagePack in kernels: integers and array heads, read with every bound checked, written in their shortest form.

Readers never read more than loads.SLACK after a frame and never go back; a broken value leads to a position far after the end. Writers may
overwrite up to SLACK_BYTES after what they write, which the caller keeps free. Frames are a u32 little endian length before each message.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from ..core.kit.bits import clz, lsr, words_of
from ..core.kit.jit import leaf
from ..core.kit.loads import load64, store64

SLACK_BYTES = 16  # the last integer of a region is stored as 8 bytes after its first


@intrinsic
def bswap(typingctx: Any, x: Any) -> Any:
    """The bytes of a word in reverse order."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bswap(args[0])

    return types.int64(types.int64), codegen


def _read_table() -> Any:
    """By first byte: bytes that follow 0-7 | their shift 8-15 | 1 when signed 16 | 1 when the byte is the value 17 | the value 32-63."""
    table = np.zeros(256, dtype=np.int64)
    for first in range(256):
        if first < 0x80 or first >= 0xE0:
            table[first] = (first if first < 0x80 else first - 256) << 32 | 1 << 17
        elif 0xCC <= first <= 0xD3:
            size = 1 << (first & 3)
            table[first] = size | (64 - 8 * size) << 8 | (first >= 0xD0) << 16
        else:
            table[first] = 255  # not an integer: far after any frame's end
    return table


def _write_table() -> Any:
    """By (negative, significant bits): bytes that follow 0-7 | their shift 8-15 | first byte 16-23 | mask of the value in it 24-31."""
    table = np.zeros(2 * 65, dtype=np.int64)
    for negative in range(2):
        for bits in range(65):
            if bits <= (5 if negative else 7):
                table[negative * 65 + bits] = 255 << 24
            else:
                width = 0 if bits <= 8 - negative else 1 if bits <= 16 - negative else 2 if bits <= 32 - negative else 3
                table[negative * 65 + bits] = 1 << width | (64 - (8 << width)) << 8 | (0xCC + 4 * negative + width) << 16
    return table


READ_TABLE = _read_table()
WRITE_TABLE = _write_table()
FAR = 1 << 40  # a position after every frame: the result of a broken integer


@leaf
def read_int(data, at, end):
    """One MessagePack integer: (value, position after it).

    A value that is not an int64, or extends past `end`, leads to a position after `end`, now or at the last integer of the frame. Positions
    never go back, so `position == end` after the last integer proves all of them. No branch depends on the data, which is unpredictable.
    Up to 8 bytes after `end` are read: the buffer has loads.SLACK.
    """
    if at >= end:
        return np.int64(0), np.int64(FAR)
    first = np.int64(data[at])
    entry = words_of(READ_TABLE)[first]
    word = bswap(load64(data, at + 1))
    shift = (entry >> 8) & 63
    wide = word >> shift if (entry & (1 << 16)) != 0 else lsr(word, shift)
    value = entry >> 32 if (entry & (1 << 17)) != 0 else wide
    beyond = np.int64(first == 0xCF) & lsr(word, 63)  # a uint64 that is no int64
    return value, at + 1 + (entry & 255) + beyond * FAR


@leaf
def read_id(data, at, end):
    """read_int for a field that nearly always has the same width: a predicted branch is faster than the table lookup."""
    if at < end:
        first = np.int64(data[at])
        if first == 0xCF:
            word = bswap(load64(data, at + 1))
            return word, at + 9 + lsr(word, 63) * FAR
        if first == 0xCE:
            return lsr(bswap(load64(data, at + 1)), 32), at + 5
        if first < 0x80:
            return first, at + 1
    return read_int(data, at, end)


@leaf
def read_array(data, at, end):
    """Head of a MessagePack array: (count, position after it). A position after `end`: there is none (array32 is left to plain Python)."""
    if at >= end:
        return np.int64(0), np.int64(FAR)
    first = np.int64(data[at])
    if (first >> 4) == 9:
        return first & 15, at + 1
    if first == 0xDC and at + 3 <= end:
        return (np.int64(data[at + 1]) << 8) | np.int64(data[at + 2]), at + 3
    return np.int64(0), np.int64(FAR)


@leaf
def write_int(out, at, value):
    """The shortest MessagePack integer; up to 9 bytes of `out` from `at` on may be overwritten. Returns the position after it."""
    negative = lsr(value, 63)
    entry = words_of(WRITE_TABLE)[negative * 65 + 64 - clz((value ^ (value >> 63)) | 1)]
    out[at] = ((value & lsr(entry, 24)) | (entry >> 16)) & 255
    store64(out, at + 1, bswap(value << ((entry >> 8) & 63)))
    return at + 1 + (entry & 255)


@leaf
def write_array(out, at, count):
    """Write the head of an array. Returns the position after it."""
    if count < 16:
        out[at] = 0x90 | count
        return at + 1
    if count < 65536:
        out[at] = 0xDC
        out[at + 1] = count >> 8
        out[at + 2] = count & 255
        return at + 3
    out[at] = 0xDD
    out[at + 1] = count >> 24
    out[at + 2] = (count >> 16) & 255
    out[at + 3] = (count >> 8) & 255
    out[at + 4] = count & 255
    return at + 5


@leaf
def write_length(out, at, length):
    """The u32 of a frame."""
    out[at] = length & 255
    out[at + 1] = (length >> 8) & 255
    out[at + 2] = (length >> 16) & 255
    out[at + 3] = length >> 24
