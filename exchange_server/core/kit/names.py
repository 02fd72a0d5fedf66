"""Symbols and account names to ids: a hash table in the arena, which the text wires read without Python.

Pool P_NAME_HASH: entries of NAME_WORDS words, their number a power of two; open addressing with linear probing. Nothing is ever removed
(definitions are permanent), and the table is at most 7/8 full, so a search always ends at an empty entry.
An entry: word 0 = kind << 32 | length (0: empty), word 1 = id, words 4-11 = text, zero padded.
"""

import numpy as np

from .. import layout as L
from .bits import bytes_of, lsr, touch_row, words_of
from .jit import kernel, leaf
from .loads import load64
from .pools import pool_base, pool_cap

NAME_BYTES_MAX = 64
NAMES_FULL = -1
NAMES_BAD_LENGTH = -2


@leaf
def _word(data, start, length, i):
    """Word i of a text, zero padded as in an entry. Reads whole words, so `data` must have 8 more bytes after the text."""
    left = length - 8 * i
    w = load64(data, start + 8 * i)
    if left < 8:
        w &= (np.int64(1) << (8 * left)) - 1
    return w


@leaf
def _hash(kind, data, start, length):
    h = ((kind << 32) | length) * -7046029254386353131
    for i in range((length + 7) >> 3):
        h = (h ^ _word(data, start, length, i)) * -4417276706812531889
        h ^= lsr(h, np.int64(29))
    return h


@leaf
def name_slot(m, kind, data, start, length):
    """Slot in which the search for a name begins, -1 if no name has this length or there is no table."""
    cap = pool_cap(m, L.P_NAME_HASH)
    if length < 1 or length > NAME_BYTES_MAX or cap == 0:
        return np.int64(-1)
    return _hash(kind, data, start, length) & (cap - 1)


@leaf
def touch_name(m, slot):
    """Prefetch the entry in which a search begins: its head and a text of up to 32 bytes."""
    if slot >= 0:
        touch_row(m, pool_base(m, L.P_NAME_HASH) + slot * L.NAME_WORDS, 2)


@leaf
def _probe(m, slot, kind, data, start, length):
    """Pointer to the entry of the name, or to the empty entry where it belongs. slot: of name_slot."""
    base = pool_base(m, L.P_NAME_HASH)
    mask = pool_cap(m, L.P_NAME_HASH) - 1
    tag = (kind << 32) | length
    words = (length + 7) >> 3
    while True:
        o = base + slot * L.NAME_WORDS
        if m[o] == 0:
            return o
        if m[o] == tag:
            same = True
            for i in range(words):
                if m[o + 4 + i] != _word(data, start, length, i):
                    same = False
                    break
            if same:
                return o
        slot = (slot + 1) & mask


@leaf
def names_find(m, kind, data, start, length):
    """Id of the name data[start : start+length] of a kind (NAME_*), 0 if unknown."""
    return names_find_from(m, name_slot(m, kind, data, start, length), kind, data, start, length)


@leaf
def names_find_from(m, slot, kind, data, start, length):
    """names_find with what name_slot said."""
    if slot < 0:
        return np.int64(0)
    o = _probe(m, slot, kind, data, start, length)
    if m[o] == 0:
        return np.int64(0)
    return m[o + 1]


@leaf
def names_add(m, kind, data, start, length, ident):
    """Insert a name, or give it another id. Returns 0, NAMES_FULL, or NAMES_BAD_LENGTH (not 1..64 bytes)."""
    if length < 1 or length > NAME_BYTES_MAX:
        return np.int64(NAMES_BAD_LENGTH)
    d = L.H_POOLS + L.P_NAME_HASH * L.POOL_WORDS
    if m[d + L.PL_CAP] == 0:
        return np.int64(NAMES_FULL)
    o = _probe(m, name_slot(m, kind, data, start, length), kind, data, start, length)
    if m[o] == 0:
        if (m[d + L.PL_USED] + 1) * 8 > m[d + L.PL_CAP] * 7:
            return np.int64(NAMES_FULL)
        m[d + L.PL_USED] += 1
        m[o] = (kind << 32) | length
        for i in range((length + 7) >> 3):
            m[o + 4 + i] = _word(data, start, length, i)
    m[o + 1] = ident
    return np.int64(0)


@kernel("int64(int64[::1], int64, uint8[::1], int64, int64)")
def find_name(m, kind, data, start, length):
    """names_find for callers in Python. `data` must have loads.SLACK bytes after the text."""
    return names_find(words_of(m), kind, bytes_of(data), start, length)


@kernel("int64(int64[::1], int64, uint8[::1], int64, int64, int64)")
def add_name(m, kind, data, start, length, ident):
    """names_add for callers in Python (tests, benchmarks). `data` must have loads.SLACK bytes after the text."""
    return names_add(words_of(m), kind, bytes_of(data), start, length, ident)
