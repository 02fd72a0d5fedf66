"""Leaves of the FIX decoder: the values of fields, eight bytes and more at a time: numbers, decimals, timestamps, texts; and checksums.

The buffer has loads.SLACK bytes after its content. Every leaf returns -1 for an unusual or invalid value; the caller then leaves the message to the Python
path, which makes the precise refusal.
"""

import numpy as np

from ..core.kit.bits import ctz, lsr
from ..core.kit.digits import HIGH, ONES, POW10, TO_HIGH, digits8, number
from ..core.kit.jit import leaf
from ..core.kit.loads import load64, sum64

POINTS = 0x2E2E2E2E2E2E2E2E  # a decimal point in every byte
TIME_WORDS = 5  # what `timestamp` remembers


@leaf
def decimal(buf, at, n, decimals):
    """buf[at : at+n] times 10^decimals, or -1: not digits with at most one point, more decimals than that, or too long. No sign."""
    if n <= 0 or n > 19 or decimals < 0 or decimals > 18:
        return np.int64(-1)
    if n > 8:
        return _long_decimal(buf, at, n, decimals)
    w = load64(buf, at)
    x = w ^ POINTS
    points = (x - ONES) & ~x & lsr(np.int64(HIGH), 64 - 8 * n)
    if points == 0:
        value = digits8(w, n)
        return value * POW10[decimals] if value >= 0 and n + decimals <= 18 else np.int64(-1)
    if n == 1:
        return np.int64(-1)
    p = ctz(points) & ~7  # bits before the point; a second one is no digit
    value = digits8((w & ((np.int64(1) << p) - 1)) | lsr(lsr(w, p), np.int64(8)) << p, n - 1)
    behind = n - 1 - (p >> 3)
    if value < 0 or behind > decimals or n - 1 + decimals - behind > 18:
        return np.int64(-1)
    return value * POW10[decimals - behind]


@leaf
def _long_decimal(buf, at, n, decimals):
    """The same byte by byte."""
    value = np.int64(0)
    point = np.int64(-1)
    for i in range(n):
        c = np.int64(buf[at + i]) - 48
        if c == -2:
            if point >= 0:
                return np.int64(-1)
            point = i
        elif c < 0 or c > 9:
            return np.int64(-1)
        else:
            value = value * 10 + c
    digits = n
    behind = np.int64(0)
    if point >= 0:
        digits = n - 1
        behind = n - 1 - point
    if digits == 0 or behind > decimals or digits + decimals - behind > 18:
        return np.int64(-1)
    return value * POW10[decimals - behind]


@leaf
def byte_sum(buf, at, stop):
    """Sum of buf[at:stop] modulo 256."""
    total = np.int64(0)
    while stop - at > 64:
        total += sum64(buf, at, np.int64(64))
        at += 64
    return (total + sum64(buf, at, stop - at)) & 255


@leaf
def days_of(year, month, day):
    """Days since 1970-01-01 of a date, or -1 when there is no such date or the year is not 1970..2200."""
    if year < 1970 or year > 2200 or month < 1 or month > 12 or day < 1:
        return np.int64(-1)
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    length = np.int64(31)
    if month == 4 or month == 6 or month == 9 or month == 11:
        length = np.int64(30)
    elif month == 2:
        length = np.int64(29) if leap else np.int64(28)
    if day > length:
        return np.int64(-1)
    y = year - 1 if month <= 2 else year
    era = y // 400
    yoe = y - era * 400
    mp = (month + 9) % 12
    doy = (153 * mp + 2) // 5 + day - 1
    doe = yoe * 365 + yoe // 4 - yoe // 100 + doy
    return era * 146097 + doe - 719468


@leaf
def timestamp(buf, at, n, cache, c):
    """UTCTimestamp -> ns since the epoch, -1 when it is none (or has second 60). cache[c ...]: TIME_WORDS of the last one, because most messages of a
    burst have the same: the date's text and ns; of one with milliseconds its time's text in two words that overlap, and its ns."""
    if n < 17 or n > 27 or n == 18:
        return np.int64(-1)
    date = load64(buf, at)
    if n == 21 and date == cache[c] and load64(buf, at + 8) == cache[c + 2] and load64(buf, at + 13) == cache[c + 3]:
        return cache[c + 4]
    if date != cache[c]:
        ymd = digits8(date, np.int64(8))
        if ymd < 0:
            return np.int64(-1)
        days = days_of(ymd // 10000, ymd // 100 % 100, ymd % 100)
        if days < 0:
            return np.int64(-1)
        cache[c] = date
        cache[c + 1] = days * 86400000000000
        cache[c + 2] = 0  # no text has both of these: they overlap
        cache[c + 3] = 1
    if buf[at + 8] != 45:
        return np.int64(-1)
    t = load64(buf, at + 9) ^ 0x30303A30303A3030  # HH:MM:SS
    if ((t + TO_HIGH) | t) & HIGH or t & 0x0000FF0000FF0000:
        return np.int64(-1)
    hours = (t & 15) * 10 + ((t >> 8) & 15)
    minutes = ((t >> 24) & 15) * 10 + ((t >> 32) & 15)
    seconds = ((t >> 48) & 15) * 10 + ((t >> 56) & 15)
    if hours > 23 or minutes > 59 or seconds > 59:
        return np.int64(-1)
    ns = np.int64(0)
    if n > 17:
        if buf[at + 17] != 46:
            return np.int64(-1)
        ns = number(buf, at + 18, n - 18)
        if ns < 0:
            return np.int64(-1)
        ns *= POW10[27 - n]
    ns += cache[c + 1] + (hours * 3600 + minutes * 60 + seconds) * 1000000000
    if n == 21:
        cache[c + 2] = load64(buf, at + 8)
        cache[c + 3] = load64(buf, at + 13)
        cache[c + 4] = ns
    return ns


@leaf
def same_text(buf, at, n, m, o, length):
    """Whether buf[at : at+n] is the text of `length` bytes in the words m[o ...], zero padded."""
    if n != length:
        return False
    i = np.int64(0)
    while n > 8:
        if load64(buf, at) != m[o + i]:
            return False
        at += 8
        i += 1
        n -= 8
    if n == 8:
        return load64(buf, at) == m[o + i]
    return n > 0 and load64(buf, at) & ((np.int64(1) << (8 * n)) - 1) == m[o + i]


@leaf
def plain_id(buf, at, n):
    """n of the decimal text of 1..2^63-1 without leading zeros, else 0."""
    if n < 1 or n > 19 or buf[at] == 48:
        return np.int64(0)
    if n <= 18:
        return max(number(buf, at, n), np.int64(0))
    high = number(buf, at, np.int64(18))
    last = np.int64(buf[at + 18]) - 48
    if high < 0 or last < 0 or last > 9 or high > 922337203685477580 or (high == 922337203685477580 and last > 7):
        return np.int64(0)
    return high * 10 + last
