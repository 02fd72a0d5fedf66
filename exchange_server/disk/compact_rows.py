"""Command rows without their zeros: half of what is hashed, written and read. journal/format.py describes the bytes.

Four rows share a mask of 16 bits for each; the words that are not zero follow in order. A payload is filled up with zeros to whole units of
PAYLOAD_UNIT bytes, as frames begin at multiples of it. A caller checks `compact_size` before it unpacks: `unpack_rows` checks nothing.
"""

from ..core import layout as L
from ..core.kit.bits import ctz, lsr, words_of
from ..core.kit.jit import leaf
from .journal_layout import PAYLOAD_UNIT, ROWS_PER_MASK
from .native import count_bits

UNIT_WORDS = PAYLOAD_UNIT // 8
MASK_BITS = L.CMD_WORDS  # of one row in the mask of its group


@leaf
def pack_rows(rows, at, count, out):
    """Pack `count` rows that begin at word `at` into `out` (compact_room words). Returns the words of the payload, whole units."""
    p = words_of(rows)
    q = words_of(out)
    n = 0
    for first in range(0, count, ROWS_PER_MASK):
        head = n
        n += 1
        mask = 0
        for r in range(min(ROWS_PER_MASK, count - first)):
            w = at + (first + r) * L.CMD_WORDS
            own = 0
            for i in range(L.CMD_WORDS):  # without branches: a word that is zero is overwritten by the next
                word = p[w + i]
                used = 1 if word != 0 else 0
                q[n] = word
                n += used
                own |= used << i
            mask |= own << (MASK_BITS * r)
        q[head] = mask
    while n % UNIT_WORDS != 0:
        q[n] = 0
        n += 1
    return n


@leaf
def compact_size(words, at, end, count):
    """Words of the payload of `count` packed rows at word `at`; -1: it would not end by word `end`, or there is more than these rows in it."""
    n = at
    for first in range(0, count, ROWS_PER_MASK):
        if n >= end:
            return -1
        mask = words[n]
        left = count - first
        if left < ROWS_PER_MASK and lsr(mask, MASK_BITS * left) != 0:
            return -1
        n += 1 + count_bits(mask)
    while (n - at) % UNIT_WORDS != 0:
        if n < end and words[n] != 0:
            return -1
        n += 1
    return n - at if n <= end else -1


@leaf
def unpack_rows(words, at, count, out, to):
    """Unpack `count` rows at word `at` to word `to` of `out`."""
    p = words_of(words)
    q = words_of(out)
    n = at
    for first in range(0, count, ROWS_PER_MASK):
        mask = p[n]
        n += 1
        group = to + first * L.CMD_WORDS
        for i in range(min(ROWS_PER_MASK, count - first) * L.CMD_WORDS):
            q[group + i] = 0
        while mask != 0:
            q[group + ctz(mask)] = p[n]
            n += 1
            mask &= mask - 1
