"""Leaves of the FIX decoder: where messages and their fields begin and end.

The buffer has loads.SLACK bytes after its content. What is unusual is noted as odd; the caller then leaves the message to the Python path, which makes the
precise refusal.
"""

import numpy as np

from ..core.kit.bits import bytes_of, ctz, lsr
from ..core.kit.digits import HIGH, ONES, digits8, number
from ..core.kit.jit import leaf
from ..core.kit.loads import equal64, load64
from .fix_values import byte_sum

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

FIX_44 = 0x2E342E5849463D38  # 8=FIX.4.
GARBLED = -1
INCOMPLETE = 0
TOO_LONG = -2  # GARBLED: a valid beginning with a BodyLength above the limit


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
