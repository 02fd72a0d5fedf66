"""Leaves of the FIX encoder: numbers, decimals, texts and timestamps written eight bytes at a time.

The array has loads.SLACK bytes after what is written. Every leaf returns the offset after what it wrote.
A field is written as SOH, tag, `=`, value: the constant word of `tag_word` begins with the SOH that ends the field before.
"""

import numpy as np

from ..core.kit.bits import clz, ctz, lsr, stack_words, words_of
from ..core.kit.digits import HIGH, ONES, POW10, ZEROS
from ..core.kit.jit import leaf, unlikely
from ..core.kit.loads import store64
from ..core.kit.text_ids import bytes_in, digits_in, is_numbered, prefix_in, unpack_text
from ..core.layout import TEXT_WORDS


def tag_word(tag: int) -> int:
    """SOH tag = as a little endian word; tags of at most four digits."""
    return int.from_bytes(b"\x01%d=" % tag, "little")


@leaf
def digits_of(v):
    """The 8 decimal digits of 0 <= v < 10^8, one a byte, the most significant one lowest (written first)."""
    high = v // 10000
    w = high | ((v - high * 10000) << 32)
    q = ((w * 10486) >> 20) & 0x0000007F0000007F
    w = q | ((w - q * 100) << 16)
    q = ((w * 103) >> 10) & 0x000F000F000F000F
    return q | ((w - q * 10) << 8)


def _digit_counts() -> "np.ndarray":  # type: ignore[type-arg]
    """By floor(log2(v)) of 1 <= v < 2^27: what added to v has its number of decimal digits in the bits from 32 on."""
    found = np.zeros(32, np.int64)
    for log in range(27):
        digits = len(str(1 << log))
        found[log] = (digits + 1 << 32) - 10**digits if 10**digits < 2 << log else digits << 32
    return found


DIGIT_COUNTS = _digit_counts()


@leaf
def put_short(out, p, v):
    """Decimal of 0 <= v < 10^8. The next offset does not wait for the digits: a report has a dozen numbers one after the other."""
    n = (v + words_of(DIGIT_COUNTS)[63 - clz(v | 1)]) >> 32
    store64(out, p, lsr(digits_of(v) + ZEROS, 64 - 8 * n))
    return p + n


@unlikely
def _put_long(out, p, v):
    """put_number of what put_short does not take. Apart, because with it put_number would save six registers at each call."""
    if v < 0:
        out[p] = 45
        p += 1
        v = -v
    if v < 100000000:
        return put_short(out, p, v)
    high = v // 100000000
    low = v - high * 100000000
    if high >= 100000000:
        top = high // 100000000
        p = put_short(out, p, top)
        store64(out, p, digits_of(high - top * 100000000) + ZEROS)
        p += 8
    else:
        p = put_short(out, p, high)
    store64(out, p, digits_of(low) + ZEROS)
    return p + 8


@leaf
def put_number(out, p, v):
    """Decimal of any int64 above -2^63."""
    if 0 <= v < 100000000:
        return put_short(out, p, v)
    return _put_long(out, p, v)


@leaf
def put_scaled(out, p, v, decimals):
    """v / 10^decimals with exactly that many decimals (0..18)."""
    if decimals <= 0:
        return put_number(out, p, v)
    if v < 0:
        out[p] = 45
        p += 1
        v = -v
    if decimals == 4:  # the usual ones are divided by constants
        whole = v // 10000
        fraction = v - whole * 10000
    elif decimals == 2:
        whole = v // 100
        fraction = v - whole * 100
    elif decimals == 8:
        whole = v // 100000000
        fraction = v - whole * 100000000
    else:
        whole = v // POW10[decimals]
        fraction = v - whole * POW10[decimals]
    p = put_number(out, p, whole)
    out[p] = 46
    return put_digits(out, p + 1, fraction, decimals)


@unlikely
def _put_long_digits(out, p, fraction, decimals):
    """put_digits of 9 to 18; apart for the reason of _put_long."""
    if decimals > 16:
        part = fraction // POW10[16]
        store64(out, p, lsr(digits_of(part) + ZEROS, 8 * (24 - decimals)))
        p += decimals - 16
        fraction -= part * POW10[16]
        decimals = np.int64(16)
    part = fraction // 100000000
    store64(out, p, lsr(digits_of(part) + ZEROS, 8 * (16 - decimals)))
    p += decimals - 8
    store64(out, p, digits_of(fraction - part * 100000000) + ZEROS)
    return p + 8


@leaf
def put_words(out, p, m, o, length):
    """Write the text of `length` bytes in the words m[o ...]."""
    for i in range((length + 7) >> 3):
        store64(out, p + 8 * i, m[o + i])
    return p + length


@leaf
def put_padded(out, p, ev, o):
    """The zero padded text of at most 64 bytes in the words ev[o ... o+7]."""
    for i in range(8):
        w = ev[o + i]
        store64(out, p, w)
        zero = (w - ONES) & ~w & HIGH
        if zero != 0:
            return p + (ctz(zero) >> 3)
        p += 8
    return p


@leaf
def put_digits(out, p, v, digits):
    """0 <= v < 10^digits with exactly that many digits (1..18)."""
    if digits > 8:
        return _put_long_digits(out, p, v, digits)
    store64(out, p, lsr(digits_of(v) + ZEROS, 8 * (8 - digits)))
    return p + digits


@unlikely
def _put_unpacked(out, p, hi, lo):
    """put_packed of what is not NUMBERED."""
    text = stack_words(TEXT_WORDS)
    return put_words(out, p, text, 0, unpack_text(hi, lo, text, 0))


@leaf
def put_packed(out, p, hi, lo):
    """The text of a packed key (core/kit/text_ids.py)."""
    if not is_numbered(hi):
        return _put_unpacked(out, p, hi, lo)
    prefix = prefix_in(hi)
    store64(out, p, prefix)
    return put_digits(out, p + bytes_in(prefix), lo, digits_in(hi))


@leaf
def time_words(ns, to, o):
    """UTCTimestamp with nine decimals of `ns` (27 bytes) to the four words to[o ...]."""
    days = ns // 86400000000000
    rest = ns - days * 86400000000000
    seconds = rest // 1000000000
    rest -= seconds * 1000000000
    hours = seconds // 3600
    minutes = seconds // 60 - hours * 60
    seconds -= hours * 3600 + minutes * 60
    z = days + 719468
    era = z // 146097
    doe = z - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    day = doy - (153 * mp + 2) // 5 + 1
    month = mp + 3 if mp < 10 else mp - 9
    year = yoe + era * 400
    if month <= 2:
        year += 1
    to[o] = digits_of(year * 10000 + month * 100 + day) + ZEROS
    digits = digits_of(hours * 10000 + minutes * 100 + seconds)  # 0 0 H H M M S S
    h1, h2 = (digits >> 16) & 255, (digits >> 24) & 255
    m1, m2 = (digits >> 32) & 255, (digits >> 40) & 255
    s1, s2 = (digits >> 48) & 255, (digits >> 56) & 255
    to[o + 1] = (
        45 | ((48 + h1) << 8) | ((48 + h2) << 16) | (58 << 24) | ((48 + m1) << 32) | ((48 + m2) << 40) | (58 << 48) | ((48 + s1) << 56)
    )
    fraction = digits_of(rest // 10) + ZEROS  # the first eight of nine decimals
    to[o + 2] = (48 + s2) | (46 << 8) | (fraction << 16)
    to[o + 3] = lsr(fraction, np.int64(48)) | ((48 + rest % 10) << 16)
    return np.int64(27)


@leaf
def put_time(out, p, words, o, size):
    """The first `size` of the 27 bytes that time_words left in words[o ...]: 17, 21, 24 or all, for 0, 3, 6 or 9 decimals."""
    store64(out, p, words[o])
    store64(out, p + 8, words[o + 1])
    store64(out, p + 16, words[o + 2])
    store64(out, p + 24, words[o + 3])
    return p + size
