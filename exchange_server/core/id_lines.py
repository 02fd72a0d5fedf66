"""The ClOrdID table as a whole (life/ids.py): that each order is found, and that nothing else is there."""

from . import layout as L
from .kit.bits import mix3
from .kit.jit import leaf
from .kit.lines import LINE
from .kit.pools import pool_base, pool_cap
from .layout.packed import hash_of, pack_ref, ref_of, was_replaced
from .life.ids import ALIAS_HI, ARCHIVED, PASSED, entry_at, home_of, line_after


@leaf
def is_found(m, firm, hi, lo, ref):
    """Whether the table has this reference under a key."""
    h = mix3(firm, hi, lo)
    return entry_at(m, h, pack_ref(h, ref)) != 0


@leaf
def went_past(m, line):
    """Entries that are in later lines than this one (arena offset), and would be in it or an earlier one if these had had room."""
    mask = pool_cap(m, L.P_ID_HASH) - 1
    count = 0
    distance = LINE
    at = line_after(m, line)
    while at != line:
        for i in range(PASSED):
            word = m[at + i]
            if word != 0 and (at - home_of(m, hash_of(word))) & mask >= distance:
                count += 1
        if m[at + PASSED] == 0:
            break
        at = line_after(m, at)
        distance += LINE
    return count


@leaf
def is_alias(m, word):
    """Whether an entry is the second one of an open order."""
    ref = ref_of(word)
    if ref & ARCHIVED:
        return False
    o = pool_base(m, L.P_ORDER) + (ref - 1) * L.ORDER_WORDS
    return was_replaced(m[o + L.O_ATTR]) and hash_of(word) == mix3(m[o + L.O_FIRM], ALIAS_HI, m[o + L.O_ID])


@leaf
def count_entries(m):
    """(entries, those of them that are the second ones of open orders)."""
    entries = 0
    aliases = 0
    base = pool_base(m, L.P_ID_HASH)
    for i in range(pool_cap(m, L.P_ID_HASH)):
        word = m[base + i]
        if word != 0 and i % LINE != PASSED:
            entries += 1
            aliases += is_alias(m, word)
    return entries, aliases
