"""Decimal digits in bytes, made numbers eight at a time. Buffers have loads.SLACK bytes after their content."""

import numpy as np

from .jit import leaf
from .loads import load64

ONES = 0x0101010101010101  # times a byte: a word of it
HIGH = -9187201950435737472  # 0x80 in every byte
ZEROS = 0x3030303030303030
POW10 = np.array([10**i for i in range(19)], np.int64)
TO_HIGH = 0x7676767676767676  # added to a byte above 9 it sets its high bit


@leaf
def digits8(w, n):
    """Value of the n (1..8) digits in the low bytes of w, first character lowest; -1 when one is no digit."""
    shift = 64 - 8 * n
    t = (w ^ ZEROS) << shift  # shift out the bytes after the digits; zeros come in on the most significant side
    if ((t + TO_HIGH) | t) & HIGH:
        return np.int64(-1)
    t = (t * 10 + (t >> 8)) & 0x00FF00FF00FF00FF
    t = (t * 100 + (t >> 16)) & 0x0000FFFF0000FFFF
    return (t * 10000 + (t >> 32)) & 0xFFFFFFFF


@leaf
def number(buf, at, n):
    """Decimal number of n digits at buf[at]; -1 when n is not 1..18 or a byte is no digit. Leading zeros are allowed."""
    if n <= 0 or n > 18:
        return np.int64(-1)
    if n <= 8:
        return digits8(load64(buf, at), n)
    low = digits8(load64(buf, at + n - 8), np.int64(8))
    if n <= 16:
        high = digits8(load64(buf, at), n - 8)
        if low < 0 or high < 0:
            return np.int64(-1)
        return high * 100000000 + low
    middle = digits8(load64(buf, at + n - 16), np.int64(8))
    high = digits8(load64(buf, at), n - 16)
    if low < 0 or middle < 0 or high < 0:
        return np.int64(-1)
    return (high * 100000000 + middle) * 100000000 + low
