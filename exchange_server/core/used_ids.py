"""The blocks of used ids as a whole (life/used.py): dump, proof, and the table that finds them, which no snapshot has."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import layout as L
from .kit.bits import words_of
from .kit.jit import kernel, leaf
from .kit.pools import pool_base, pool_cap
from .layout.packed import pack_ref
from .life.used import RANGE, SINGLES, hash_of_word, put_used, range_ref, single_ref

DUMP_BLOCKS = 1024  # blocks in one array of the dump
BLOCK_DUMP = SINGLES + 3


@kernel("i8(i8[::1])")
def find_again(m):
    """Make the entries of the table P_USED_HASH, which is empty, from the blocks. Returns their number."""
    m = words_of(m)
    m[L.H_POOLS + L.P_USED_HASH * L.POOL_WORDS + L.PL_USED] = 0
    for firm in range(1, pool_cap(m, L.P_FIRM)):
        b = m[pool_base(m, L.P_FIRM) + firm * L.FIRM_WORDS + L.F_USED_FIRST]
        while b != 0:
            if m[b + L.U_FILLED] == L.USED_RANGE:
                put_used(m, hash_of_word(firm, m[b + L.U_RANGE] << RANGE), range_ref(m, b))
            for place in range(m[b + L.U_FILLED]):
                if m[b + L.U_IDS + place] != 0:
                    put_used(m, hash_of_word(firm, m[b + L.U_IDS + place]), single_ref(m, b, place))
            b = m[b + L.U_NEXT]
    return m[L.H_POOLS + L.P_USED_HASH * L.POOL_WORDS + L.PL_USED]


@kernel("i8(i8[::1], i8, i8[::1])")
def dump_blocks(m, b, out):
    """Dump as many blocks as `out` has room for, from a block (pointer) on: time, range, places used, ids. Returns the block that follows
    them, 0: none, -1 - the number of words where it was the last."""
    at = 0
    while b != 0:
        if at + BLOCK_DUMP > out.shape[0]:
            return b
        out[at] = m[b + L.U_AT]
        out[at + 1] = m[b + L.U_RANGE]
        out[at + 2] = m[b + L.U_FILLED]
        for i in range(SINGLES):
            out[at + 3 + i] = m[b + L.U_IDS + i]
        at += BLOCK_DUMP
        b = m[b + L.U_NEXT]
    return -1 - at


def dump_used(m: Any, firm: int) -> Iterator[Any]:
    """The blocks of a firm (id), oldest first, as arrays that are valid until the next one."""
    b = int(m[int(m[L.H_POOLS + L.P_FIRM * L.POOL_WORDS + L.PL_BASE]) + firm * L.FIRM_WORDS + L.F_USED_FIRST])
    out = np.zeros(DUMP_BLOCKS * BLOCK_DUMP if b else 0, np.int64)
    while b > 0:
        b = int(dump_blocks(m, b, out))
        yield out if b > 0 else out[: -1 - b]


@leaf
def _is_there(m, h, ref):
    base = pool_base(m, L.P_USED_HASH)
    mask = pool_cap(m, L.P_USED_HASH) - 1
    i = h & mask
    while m[base + i] != 0:
        if m[base + i] == pack_ref(h, ref):
            return True
        i = (i + 1) & mask
    return False


@leaf
def _bits(word):
    count = 0
    while word != 0:
        word &= word - 1
        count += 1
    return count


@leaf
def _block_holds(m, firm, b):
    """Check one block of a firm (id): (whether its count is right and all of it is found, entries it has in the table)."""
    count = 0
    entries = 0
    right = m[b + L.U_FIRM] == firm
    if m[b + L.U_FILLED] == L.USED_RANGE:
        entries = 1
        right = right and _is_there(m, hash_of_word(firm, m[b + L.U_RANGE] << RANGE), range_ref(m, b))
        for i in range(SINGLES):
            count += _bits(m[b + L.U_IDS + i])
    else:
        for place in range(SINGLES):
            word = m[b + L.U_IDS + place]
            if word != 0:
                count += 1
                right = right and place < m[b + L.U_FILLED] and _is_there(m, hash_of_word(firm, word), single_ref(m, b, place))
        entries = count
    return right and count > 0 and count == m[b + L.U_COUNT], entries


@leaf
def blocks_of(m, firm, most):
    """Check a firm's (id) list of blocks: (whether it and the blocks are right, blocks, entries in the table). most: blocks to be looked
    at."""
    f = pool_base(m, L.P_FIRM) + firm * L.FIRM_WORDS
    right = True
    blocks = 0
    entries = 0
    before = 0
    b = m[f + L.F_USED_FIRST]
    while b != 0 and blocks <= most:
        holds, found = _block_holds(m, firm, b)
        right = right and holds and m[b + L.U_PREV] == before and (before == 0 or m[before + L.U_AT] <= m[b + L.U_AT])
        blocks += 1
        entries += found
        before = b
        b = m[b + L.U_NEXT]
    return right and b == 0 and m[f + L.F_USED_LAST] == before and m[f + L.F_BLOCKS] == blocks, blocks, entries
