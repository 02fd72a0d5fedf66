"""Leaves of the FIX decoder: numbers, decimals, timestamps, checksum and the tokeniser, eight bytes at a time.

The buffer has loads.SLACK bytes after its content. Every leaf returns -1 (or ODD) for an unusual or invalid value; the caller
then leaves the message to the Python path, which makes the precise refusal.
"""

import numpy as np

from ..core.kit.bits import bytes_of, ctz, lsr
from ..core.kit.jit import leaf
from ..core.kit.loads import equal64, load64, sum64

ONES = 0x0101010101010101
HIGH = -9187201950435737472  # 0x80 in every byte
ZEROS = 0x3030303030303030
POINTS = 0x2E2E2E2E2E2E2E2E
TO_HIGH = 0x7676767676767676  # added to a byte above 9 it sets its high bit

POW10 = np.array([10**i for i in range(19)], np.int64)
MAX_MESSAGE = 4096
LENGTH_TAGS = (
    90,
    93,
    95,
    212,
    348,
    350,
    352,
    354,
    356,
    358,
    360,
    362,
    364,
    445,
    618,
    621,
)  # the next field is data; as in fix_tables
LENGTH_SHOWN_MAX = 1_000_000_000  # the most that is read of a BodyLength; larger ones are refused anyway

# Where a tag's value is noted while a message is taken apart: 0 = not for the kernel
SLOT_TYPE = 1
SLOT_SENDER = 2
SLOT_TARGET = 3
SLOT_SEQ = 4
SLOT_TIME = 5
SLOT_SENDER_SUB = 6
SLOT_TARGET_SUB = 7
LAST_HEADER_SLOT = 7
SLOT_ID = 8
SLOT_ORIG = 9
SLOT_ACCOUNT = 10
SLOT_SYMBOL = 11
SLOT_SIDE = 12
SLOT_TRANSACT = 13
SLOT_QTY = 14
SLOT_ORD_TYPE = 15
SLOT_PRICE = 16
SLOT_TIF = 17
SLOT_HANDL = 18
SLOT_EXEC_INST = 19
SLOT_EXPIRE = 20
SLOT_CONTRACT = 21
SLOT_ORDER_ID = 22
SLOT_TEXT = 23
SLOT_LENGTH = 30  # a length (95, 212 ...): the next field is data of that many bytes
SLOT_CHECKSUM = 31
SLOTS = 24
# A sender's messages of a type mostly have their fields in the same order. `take_apart` remembers which tag came after which: by the lowest two bits of
# the type's first letter (D, F and G differ) and the slot of the field before, a word of the tag's text with its =, its slot, and 64 less the text's bits.
WAYS = 4 * SLOTS
WAY_SLOT = 40
WAY_SHIFT = 56
TIME_WORDS = 5  # what `timestamp` remembers
NOTE_WORDS = 2 + 2 * SLOTS  # what take_apart notes about a message
_TAGS = {
    35: SLOT_TYPE, 49: SLOT_SENDER, 56: SLOT_TARGET, 34: SLOT_SEQ, 52: SLOT_TIME, 50: SLOT_SENDER_SUB, 57: SLOT_TARGET_SUB,
    11: SLOT_ID, 41: SLOT_ORIG, 1: SLOT_ACCOUNT, 55: SLOT_SYMBOL, 54: SLOT_SIDE, 60: SLOT_TRANSACT, 38: SLOT_QTY, 40: SLOT_ORD_TYPE,
    44: SLOT_PRICE, 59: SLOT_TIF, 21: SLOT_HANDL, 18: SLOT_EXEC_INST, 126: SLOT_EXPIRE, 5010: SLOT_CONTRACT, 37: SLOT_ORDER_ID,
    58: SLOT_TEXT, 10: SLOT_CHECKSUM, **dict.fromkeys(LENGTH_TAGS, SLOT_LENGTH),
}  # fmt: skip
SLOT_OF = np.zeros(5120, np.uint8)
for _tag, _slot in _TAGS.items():
    SLOT_OF[_tag] = _slot

EACH_BYTE = 0x0101010101010101  # times a byte: a word of it
HIGH_BITS = -0x7F7F7F7F7F7F7F80  # the high bit of each byte

FIX_44 = 0x2E342E5849463D38  # 8=FIX.4.
GARBLED = -1
INCOMPLETE = 0
TOO_LONG = -2  # GARBLED: a valid beginning with a BodyLength above the limit


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
def find_soh(buf, at):
    """Offset of the first SOH at or after `at`. There must be one in the array."""
    while True:
        x = load64(buf, at) ^ ONES
        t = (x - ONES) & ~x & HIGH
        if t != 0:
            return at + (ctz(t) >> 3)
        at += 8


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
        cache[c + 2] = 0  # no text has both of these: they overlap
        cache[c + 3] = 1
        cache[c + 1] = days * 86400000000000
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


@leaf
def _out_of_print(w):
    """Not 0 when a byte of a word is not 0x20..0x7e. Bytes up to 0x7f do not carry into the next when these are added to them."""
    return (w | ~(w + 0x60 * EACH_BYTE) | (w + EACH_BYTE)) & HIGH_BITS


@leaf
def printable(buf, at, n):
    """1 to 64 bytes, each 0x20..0x7e."""
    if n < 1 or n > 64:
        return False
    found = np.int64(0)
    while n >= 8:
        found |= _out_of_print(load64(buf, at))
        at += 8
        n -= 8
    if n > 0:
        mask = (np.int64(1) << (8 * n)) - 1
        found |= _out_of_print((load64(buf, at) & mask) | (0x20 * EACH_BYTE & ~mask))
    return found == 0


@leaf
def data_tag(tag):
    """The data field that goes with a length field."""
    return np.int64(89) if tag == 93 else tag + 1


@leaf
def _walk_partly(buf, at, end, stop):
    """A message of which only buf[at:end] of its fields up to `stop` is there: INCOMPLETE, or GARBLED when that can be seen already."""
    data = np.int64(-1)
    partner = np.int64(0)
    while at < end:
        equal = at
        while equal < end and buf[equal] != 61 and buf[equal] != 1:
            equal += 1
        if equal >= end:
            return np.int64(INCOMPLETE)
        if buf[equal] == 1 or equal == at:
            return np.int64(GARBLED)
        tag = number(buf, at, min(equal - at, np.int64(9))) if buf[at] != 48 and equal - at <= 4 else np.int64(-1)
        if tag == 10:
            return np.int64(GARBLED)  # 10= before the claimed end: BodyLength is wrong
        soh = equal + 1
        if data >= 0 and tag == partner:
            soh += data
            if soh >= stop:
                return np.int64(GARBLED)
            if soh < end and buf[soh] != 1:
                return np.int64(GARBLED)
        else:
            while soh < end and buf[soh] != 1:
                soh += 1
        if soh >= end:
            return np.int64(INCOMPLETE)
        data = np.int64(-1)
        if tag > 0 and tag < 5120 and bytes_of(SLOT_OF)[tag] == SLOT_LENGTH:
            partner = data_tag(tag)
            data = number(buf, equal + 1, soh - equal - 1)
        at = soh + 1
    return np.int64(INCOMPLETE)


@leaf
def _read_tag(buf, at, stop):
    """(tag, its slot, offset of its value) of the field at buf[at]; the offset is -1 when it is none."""
    w = load64(buf, at)
    c0 = (w & 255) - 48
    c1 = (w >> 8) & 255
    c2 = (w >> 16) & 255
    tag = np.int64(-1)
    v = at
    if c1 == 61:
        tag = c0
        v = at + 2
    elif c2 == 61:
        tag = c0 * 10 + c1 - 48
        v = at + 3
    else:
        c3 = (w >> 24) & 255
        c4 = (w >> 32) & 255
        if c3 == 61:
            tag = c0 * 100 + c1 * 10 + c2 - 528
            v = at + 4
        elif c4 == 61:
            tag = c0 * 1000 + c1 * 100 + c2 * 10 + c3 - 5328
            v = at + 5
        if c2 < 48 or c2 > 57 or (v == at + 5 and (c3 < 48 or c3 > 57)):
            tag = np.int64(-1)
    slot = np.int64(0)
    if tag > 0 and tag < 5120 and c0 > 0 and c0 <= 9 and (v == at + 2 or (c1 >= 48 and c1 <= 57)):
        slot = np.int64(bytes_of(SLOT_OF)[tag])
    else:  # not 1 to 4 digits and =: check every byte
        v = at
        while buf[v] != 61:
            if buf[v] == 1 or v >= stop:
                return np.int64(-1), np.int64(0), np.int64(-1)
            v += 1
        if v == at:
            return np.int64(-1), np.int64(0), np.int64(-1)
        v += 1
    return tag, slot, v


@leaf
def _fields_as_before(buf, at, stop, conn, ways, notes, o):
    """Note the fields buf[at:stop], which end with an SOH, of a message whose fields follow each other as they did in another one of its type: mask of
    their slots; 0 when something is different. Where a field ends is known from 64 bytes at once: nothing here waits for the field before."""
    mask = np.int64(0)
    body = False
    place = ways
    first = at
    ends = equal64(buf, at, np.int64(1))
    while at < stop:
        while ends == 0:
            first += 64
            ends = equal64(buf, first, np.int64(1))
        soh = first + ctz(ends)
        ends &= ends - 1
        known = conn[place]
        if known == 0 or (load64(buf, at) ^ known) << (known >> WAY_SHIFT) != 0:
            return np.int64(0)
        slot = (known >> WAY_SLOT) & 31
        v = at + 8 - (known >> WAY_SHIFT + 3)
        bit = np.int64(1) << slot
        if mask & bit or soh <= v or (body and slot <= LAST_HEADER_SLOT):
            return np.int64(0)
        if slot == SLOT_TYPE:
            ways += SLOTS * (np.int64(buf[v]) & 3)
        mask |= bit
        body = slot > LAST_HEADER_SLOT
        notes[o + 2 + 2 * slot] = v
        notes[o + 3 + 2 * slot] = soh - v
        place = ways + slot
        at = soh + 1
    return mask


@leaf
def _fields(buf, at, stop, conn, ways, notes, o):
    """The same for any fields, and remember how they follow each other: mask of their slots, with bit 0 when something in it is not for the kernel;
    -1: garbled."""
    odd = np.int64(0)
    mask = np.int64(0)
    data = np.int64(-1)
    partner = np.int64(0)
    body = False
    slot = np.int64(0)
    way = ways
    while at < stop:
        last = slot
        tag, slot, v = _read_tag(buf, at, stop)
        if v < 0:
            return np.int64(-1)
        if 0 < slot < SLOTS:
            shift = 64 - 8 * (v - at)
            w = load64(buf, at)
            conn[way + last] = lsr(w << shift, shift) | slot << WAY_SLOT | shift << WAY_SHIFT
        if slot == SLOT_CHECKSUM:
            return np.int64(-1)
        if data >= 0 and tag == partner:
            soh = v + data
            if soh >= stop or buf[soh] != 1:
                return np.int64(-1)
        else:
            soh = find_soh(buf, v)
            if soh >= stop:
                return np.int64(-1)
        data = np.int64(-1)
        if slot == SLOT_LENGTH:
            data = number(buf, v, soh - v)
            partner = data_tag(tag)
            odd = np.int64(1)
            slot = np.int64(0)
        else:
            if slot == SLOT_TYPE:
                way = ways + SLOTS * (np.int64(buf[v]) & 3)
            bit = np.int64(1) << slot
            if slot == 0 or mask & bit or soh == v or (body and slot <= LAST_HEADER_SLOT):
                odd = np.int64(1)
            else:
                mask |= bit
                body = slot > LAST_HEADER_SLOT
                notes[o + 2 + 2 * slot] = v
                notes[o + 3 + 2 * slot] = soh - v
        at = soh + 1
    return mask | odd if at == stop else np.int64(-1)


@leaf
def take_apart(buf, begin, end, conn, ways, notes, o):
    """The message at buf[begin] (which begins `8=FIX`): its length when whole and undamaged, INCOMPLETE or GARBLED.

    notes[o]: 1 when something in it is not for the kernel (odd); notes[o + 1]: mask of the slots seen; then for slot s:
    notes[o + 2 + 2 s] offset and notes[o + 3 + 2 s] length of its value. Only a return above 0 makes them valid. TOO_LONG: notes[o] is its BodyLength.
    conn[ways ...]: WAYS words.
    """
    odd = np.int64(0)
    if load64(buf, begin) == FIX_44 and buf[begin + 8] == 52 and buf[begin + 9] == 1 and begin + 12 <= end:  # 8=FIX.4.4|
        at = begin + 10
    else:
        odd = np.int64(1)
        at = begin
        while at < end and at < begin + 16 and buf[at] != 1:
            at += 1
        if at >= begin + 16:
            return np.int64(GARBLED)
        if at >= end:
            return np.int64(INCOMPLETE)
        at += 1
    if (at < end and buf[at] != 57) or (at + 1 < end and buf[at + 1] != 61):
        return np.int64(GARBLED)
    at += 2
    length = np.int64(0)
    first = at
    while True:
        if at >= end:
            return np.int64(INCOMPLETE)
        c = np.int64(buf[at]) - 48
        if c < 0 or c > 9:
            break
        length = min(length * 10 + c, np.int64(LENGTH_SHOWN_MAX))  # any number of leading zeros: only the value is limited
        at += 1
        if at - begin > MAX_MESSAGE:
            return np.int64(GARBLED)
    if buf[at] != 1 or at == first:
        return np.int64(GARBLED)
    at += 1
    stop = at + length
    if length < 5:
        return np.int64(GARBLED)
    if stop + 7 - begin > MAX_MESSAGE:
        if at + 3 > end:
            return np.int64(INCOMPLETE)
        notes[o] = length
        return np.int64(TOO_LONG if buf[at] == 51 and buf[at + 1] == 53 and buf[at + 2] == 61 else GARBLED)
    if (at < end and buf[at] != 51) or (at + 1 < end and buf[at + 1] != 53) or (at + 2 < end and buf[at + 2] != 61):
        return np.int64(GARBLED)
    if stop + 7 > end:
        if stop < end:  # all fields are there; only the trailer is missing
            if buf[stop] != 49 or (stop + 1 < end and buf[stop + 1] != 48) or (stop + 2 < end and buf[stop + 2] != 61):
                return np.int64(GARBLED)
        if stop <= end and buf[stop - 1] != 1:
            return np.int64(GARBLED)
        return _walk_partly(buf, at, min(end, stop), stop)
    if buf[stop - 1] != 1:
        return np.int64(GARBLED)
    mask = _fields_as_before(buf, at, stop, conn, ways, notes, o)
    if mask == 0:
        mask = _fields(buf, at, stop, conn, ways, notes, o)
        if mask < 0:
            return np.int64(GARBLED)
    w = load64(buf, stop)
    if w & 0x00FF000000FFFFFF != 0x00010000003D3031:
        return np.int64(GARBLED)
    claimed = digits8(w >> 24, np.int64(3))
    if claimed < 0 or claimed != byte_sum(buf, begin, stop):
        return np.int64(GARBLED)
    notes[o] = odd | (mask & 1)
    notes[o + 1] = mask & ~1
    return stop + 7 - begin
