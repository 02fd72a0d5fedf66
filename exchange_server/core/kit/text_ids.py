"""Keys of ClOrdIDs that are texts. A key is two words (hi, lo); hi says what it is:

    0             an integer id, in lo
    1             no ClOrdID: the OrderID of an order whose ClOrdID was replaced (life/ids.py)
    PACKED and up the text itself: it needs no other place
    below 0       a hash of a text that does not fit: whoever has the key has the text as well, in a row of its own

What fits, in this order; the bits of `hi` are those above the form's:

    NUMBERED   up to 8 characters, then 1 to 18 digits. lo: the number. hi: how many digits (bits 56-60), 7 bits of each character before them
    SHORT      up to 17 characters. lo: the first 8, and the 17th (bits 56-62); hi: the 9th to 16th; 7 bits each
    SIMPLE     up to 20 of A-Z, a-z, 0-9 and -, 10 in each word, 6 bits each
    LONG       13 to 15 of these, then up to 8 digits, 21 to 23 in all. lo: the first 10; hi: the others, the number (bits 30-56), how many digits less 1 (57-59)
    UUID       version 4 or 7, its letters all small or all capital. lo: its last 62 bits, then the last 2 of those before them; hi: the others of
               these, whether it is of version 7 (bit 58), and whether its letters are capitals (59)

Each text has one key, and each key of these forms one text. Characters are 0x20 to 0x7e; where one is missing there is 0.
"""

import numpy as np

from .bits import clz, lsr, text_key, words_of
from .digits import HIGH, ONES, TO_HIGH, ZEROS, number
from .jit import leaf, unlikely
from .loads import load64

PACKED = 1 << 61
NUMBERED = 1 << 61
SHORT = 2 << 61
SIMPLE = SHORT | 1 << 60
UUID = 3 << 61
LONG = UUID | 1 << 60
FORM = 7 << 60  # of NUMBERED, bit 60 is another's
PREFIX = 8  # characters before the digits in NUMBERED
MOST_DIGITS = 18
SHORT_MOST = 17
SIMPLE_MOST = 20
SIXES = 10  # of its characters in a word
LONG_PREFIX = 15
LONG_DIGITS = 8
UUID_LENGTH = 36
SEVENS = (1 << 56) - 1  # 8 characters of 7 bits


# ---- characters ----------------------------------------------------------------------------------------------------


@leaf
def _out_of_print(w):
    """Not 0 when a byte of a word is not 0x20..0x7e. Bytes up to 0x7f do not carry into the next when these are added to them."""
    return (w | ~(w + 0x60 * ONES) | (w + ONES)) & HIGH


@leaf
def _read_text(buf, at, n):
    """(not 0 when one of the n bytes at buf[at] is not 0x20..0x7e, how many stand before the digits at their end: 0 when all are digits)."""
    wrong = np.int64(0)
    before = np.int64(0)
    i = np.int64(0)
    while i < n:
        w = load64(buf, at + i)
        if n - i < 8:
            mask = (np.int64(1) << (8 * (n - i))) - 1
            w = (w & mask) | (ZEROS & ~mask)
        t = w ^ ZEROS
        wrong |= _out_of_print(w)
        others = ((t + TO_HIGH) | t) & HIGH  # right where no byte is above 0x7f
        if others != 0:
            before = i + 8 - (clz(others) >> 3)
        i += 8
    return wrong, before


@leaf
def _first(buf, at, n):
    """The first n (0..8; more: 8) bytes at buf[at] as a word, the others 0."""
    w = load64(buf, at)
    return w if n >= 8 else w & ((np.int64(1) << (8 * max(n, np.int64(0)))) - 1)


@leaf
def _squeeze(w):
    """7 bits of each byte of a word."""
    w = (w & 0x007F007F007F007F) | ((w >> 1) & 0x3F803F803F803F80)
    w = (w & 0x00003FFF00003FFF) | ((w >> 2) & 0x0FFFC0000FFFC000)
    return (w & 0x000000000FFFFFFF) | ((w >> 4) & 0x00FFFFFFF0000000)


@leaf
def spread(sevens):
    """The 8 bytes that `_squeeze` made 56 bits of."""
    w = (sevens & 0x000000000FFFFFFF) | ((sevens & 0x00FFFFFFF0000000) << 4)
    w = (w & 0x00003FFF00003FFF) | ((w & 0x0FFFC0000FFFC000) << 2)
    return (w & 0x007F007F007F007F) | ((w & 0x3F803F803F803F80) << 1)


@leaf
def bytes_in(w):
    """How many bytes a word has before its first 0 (each of its bytes is below 0x80, and 0 after one that is 0)."""
    return lsr((lsr((w + 0x7F * ONES) & HIGH, 7)) * ONES, 56)


_SIMPLE = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"
SIX_OF = np.zeros(256, np.int64)  # 1 to 63 for a character of SIMPLE, 0 for another
SIX_OF[list(_SIMPLE)] = range(1, 64)
OF_SIX = np.array([0, *_SIMPLE], np.int64)


@leaf
def _sixes(buf, at, n):
    """(the first n characters, at most 10, in a word; whether each is one of SIMPLE). n below 0: none."""
    six_of = words_of(SIX_OF)
    word = np.int64(0)
    others = np.int64(0)
    for i in range(min(n, SIXES)):
        six = six_of[buf[at + i]]
        others |= six == 0
        word |= six << (6 * i)
    return word, others == 0


# ---- UUIDs -----------------------------------------------------------------------------------------------------------


SMALL, CAPITAL, NO_DIGIT = 1 << 4, 1 << 5, 1 << 6
HEX_OF = np.full(256, NO_DIGIT, np.int64)  # value of a hexadecimal digit, and whether it is a small letter or a capital
HEX_OF[list(b"0123456789")] = range(10)
HEX_OF[list(b"abcdef")] = range(SMALL + 10, SMALL + 16)
HEX_OF[list(b"ABCDEF")] = range(CAPITAL + 10, CAPITAL + 16)


@leaf
def _is_dash(i):
    return i == 8 or i == 13 or i == 18 or i == 23


@leaf
def _uuid_key(buf, at):
    """(hi, lo) of the 36 characters at buf[at]; hi 0: they are no UUID of this form."""
    hex_of = words_of(HEX_OF)
    a = np.int64(0)  # 16 hexadecimal digits, and 16 more
    b = np.int64(0)
    found = np.int64(0)
    for i in range(UUID_LENGTH):
        if _is_dash(i):
            if buf[at + i] != 45:
                return np.int64(0), np.int64(0)
            continue
        digit = hex_of[buf[at + i]]
        found |= digit
        a = a << 4 | lsr(b, 60)
        b = b << 4 | (digit & 15)
    version = (a >> 12) & 15
    mixed = found & (SMALL | CAPITAL) == SMALL | CAPITAL
    if found & NO_DIGIT or mixed or (version != 4 and version != 7) or lsr(b, 62) != 2:
        return np.int64(0), np.int64(0)
    a = lsr(a, 16) << 12 | (a & 0xFFF)  # without the version: 60 bits
    capitals = np.int64(1) << 59 if found & CAPITAL else np.int64(0)
    hi = UUID | (a >> 2) | (version == 7) * (np.int64(1) << 58) | capitals
    return hi, (b & ((np.int64(1) << 62) - 1)) | (a & 3) << 62


# ---- keys ------------------------------------------------------------------------------------------------------------


@leaf
def is_numbered(hi):
    """Whether a key has the form NUMBERED."""
    return (hi >> 61) == 1


@leaf
def digits_in(hi):
    """How many digits a text of the form NUMBERED has at its end."""
    return (hi >> 56) & 31


@leaf
def prefix_in(hi):
    """What a text of the form NUMBERED has before these, as a word."""
    return spread(hi & SEVENS)


@unlikely
def _other_key(buf, at, n, before):
    """pack_text of what is not NUMBERED."""
    if n <= SHORT_MOST:
        last = np.int64(buf[at + 16]) << 56 if n > 16 else np.int64(0)
        return SHORT | _squeeze(_first(buf, at + 8, n - 8)), _squeeze(_first(buf, at, n)) | last
    if n == UUID_LENGTH:
        return _uuid_key(buf, at)
    if n > LONG_PREFIX + LONG_DIGITS:
        return np.int64(0), np.int64(0)
    a, a_simple = _sixes(buf, at, n)
    if n <= SIMPLE_MOST:
        b, b_simple = _sixes(buf, at + SIXES, n - SIXES)
        if a_simple and b_simple:
            return SIMPLE | b, a
    before = max(before, n - LONG_DIGITS)
    if before <= LONG_PREFIX and before < n:
        b, b_simple = _sixes(buf, at + SIXES, before - SIXES)
        if a_simple and b_simple:
            return LONG | b | number(buf, at + before, n - before) << 30 | (n - before - 1) << 57, a
    return np.int64(0), np.int64(0)


@leaf
def pack_text(buf, at, n):
    """The key (hi, lo) of the text of n bytes at buf[at], which is no integer id, if it fits. hi 0: it does not; -1: it is no ClOrdID, for its
    length or a byte that is not 0x20 to 0x7e. `buf` has loads.SLACK bytes after it."""
    if n < 1 or n > 64:
        return np.int64(-1), np.int64(0)
    wrong, before = _read_text(buf, at, n)
    if wrong != 0:
        return np.int64(-1), np.int64(0)
    start = max(before, n - MOST_DIGITS)
    if start <= PREFIX and start < n:
        return NUMBERED | (n - start) << 56 | _squeeze(_first(buf, at, start)), number(buf, at + start, n - start)
    return _other_key(buf, at, n, before)


@leaf
def key_of(buf, at, n):
    """The key (hi, lo) of any text of bytes; it is no integer id."""
    hi, lo = pack_text(buf, at, n)
    if hi <= 0:
        return text_key(buf, at, n)
    return hi, lo


# ---- texts of keys ---------------------------------------------------------------------------------------------------


@leaf
def _put_byte(words, at, i, byte):
    """Byte i of the text in the words from words[at] on, where there is a 0."""
    words[at + (i >> 3)] |= byte << ((i & 7) << 3)


@leaf
def _put_number(words, at, i, value, digits):
    """So many digits of a number as the bytes from i on."""
    for place in range(i + digits - 1, i - 1, -1):
        rest = value // 10
        _put_byte(words, at, place, value - 10 * rest + 48)
        value = rest


@leaf
def _put_sixes(words, at, a, b, most):
    """The characters of SIMPLE in the words a and b, up to `most`, as the first bytes. Returns how many there are."""
    of_six = words_of(OF_SIX)
    for i in range(most):
        byte = of_six[(a >> (6 * i) if i < SIXES else b >> (6 * (i - SIXES))) & 63]
        if byte == 0:
            return np.int64(i)
        _put_byte(words, at, i, byte)
    return np.int64(most)


@leaf
def _put_uuid(words, at, hi, lo):
    """The characters of a UUID as the first bytes."""
    a = (hi & ((np.int64(1) << 58) - 1)) << 2 | lsr(lo, 62)
    a = lsr(a, 12) << 16 | (np.int64(7) if (hi >> 58) & 1 else np.int64(4)) << 12 | (a & 0xFFF)
    b = (lo & ((np.int64(1) << 62) - 1)) | (np.int64(2) << 62)
    letter = np.int64(55 if (hi >> 59) & 1 else 87)
    for i in range(UUID_LENGTH):
        if _is_dash(i):
            _put_byte(words, at, i, 45)
            continue
        value = lsr(a, 60)  # 16 digits from a, then those of b
        a = a << 4 | lsr(b, 60)
        b <<= 4
        _put_byte(words, at, i, value + (letter if value > 9 else 48))


@unlikely
def unpack_text(hi, lo, words, at):
    """The text of a packed key to the 8 words from words[at] on, filled up with zeros. Returns its length."""
    for i in range(8):
        words[at + i] = 0
    if is_numbered(hi):
        words[at] = prefix_in(hi)
        before = bytes_in(words[at])
        _put_number(words, at, before, lo, digits_in(hi))
        return before + digits_in(hi)
    form = hi & FORM
    if form == SHORT:
        words[at] = spread(lo & SEVENS)
        words[at + 1] = spread(hi & SEVENS)
        words[at + 2] = lsr(lo, 56) & 127
        return bytes_in(words[at]) + bytes_in(words[at + 1]) + bytes_in(words[at + 2])
    if form == SIMPLE:
        return _put_sixes(words, at, lo, hi, SIMPLE_MOST)
    if form == LONG:
        digits = ((hi >> 57) & 7) + 1
        before = _put_sixes(words, at, lo, hi, LONG_PREFIX)
        _put_number(words, at, before, (hi >> 30) & ((1 << 27) - 1), digits)
        return before + digits
    _put_uuid(words, at, hi, lo)
    return np.int64(UUID_LENGTH)
