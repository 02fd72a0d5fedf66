"""Kernels for carrying a state into another arena (exchange_server/upgrade/carry.py): walking lists, and making the hash tables anew."""

from protocol import codes as C

from . import layout as L
from .kit.bits import bytes_of, words_of
from .kit.jit import kernel
from .kit.names import names_add
from .kit.pairs import pair_put
from .kit.pools import pool_base, pool_cap
from .layout.packed import status_of, was_replaced
from .life.ids import ALIAS_HI, archive_ref, id_insert, order_ref


@kernel("i8(i8[::1], i8, i8, i8[::1], i8)")
def walk(m, p, link, out, at):
    """Write the pointers of a list to out[at..]: from row `p` on, linked through word `link`. Returns the next place; -1: more rows than `out` has
    room for, so the list is broken."""
    while p != 0:
        if at >= out.shape[0] or p < 0 or p + link >= m.shape[0]:
            return -1
        out[at] = p
        at += 1
        p = m[p + link]
    return at


@kernel("i8(i8[::1], i8[::1])")
def put_pairs(m, entries):
    """Insert entries of the pair table (4 words each) into that of `m`, which is empty. Returns the entries for which there was no room."""
    left = 0
    for e in range(0, entries.shape[0], 4):
        left += 0 if pair_put(m, entries[e] >> 56, entries[e] & ((1 << 56) - 1), entries[e + 1], entries[e + 2]) == 0 else 1
    return left


@kernel("i8(i8[::1], i8[::1], u1[::1])")
def put_names(m, entries, data):
    """Insert entries of the name table (NAME_WORDS words each; `data`: the same as bytes) into that of `m`, which is empty. Returns the entries for
    which there was no room."""
    m = words_of(m)
    data = bytes_of(data)
    left = 0
    for e in range(0, entries.shape[0] - L.NAME_WORDS + 1, L.NAME_WORDS):
        tag = entries[e]
        left += 0 if names_add(m, tag >> 32, data, 8 * (e + 4), tag & 0xFFFFFFFF, entries[e + 1]) == 0 else 1
    return left


@kernel("i8(i8[::1])")
def find_ids_again(m):
    """Make the entries of the ClOrdID table, which is empty, from open orders and closed ids. Returns their number."""
    d = L.H_POOLS + L.P_ID_HASH * L.POOL_WORDS
    m[d + L.PL_USED] = 0
    for i in range(1, pool_cap(m, L.P_ACCOUNT)):
        account = pool_base(m, L.P_ACCOUNT) + i * L.ACCOUNT_WORDS
        o = m[account + L.AC_ORDERS] if m[account] == i else 0
        while o != 0:
            id_insert(m, m[o + L.O_FIRM], m[o + L.O_KEY_HI], m[o + L.O_KEY_LO], order_ref(m, o))
            if was_replaced(m[o + L.O_ATTR]):
                id_insert(m, m[o + L.O_FIRM], ALIAS_HI, m[o + L.O_ID], order_ref(m, o))
            o = m[o + L.O_ACCT_NEXT]
    for firm in range(1, pool_cap(m, L.P_FIRM)):
        f = pool_base(m, L.P_FIRM) + firm * L.FIRM_WORDS
        a = m[f + L.F_OLDEST] if m[f] == firm else 0
        while a != 0:
            id_insert(m, firm, m[a + L.AR_KEY_HI], m[a + L.AR_KEY_LO], archive_ref(m, a))
            if was_replaced(m[a + L.AR_ATTR]) and status_of(m[a + L.AR_ATTR]) != C.ST_REPLACED:
                id_insert(m, firm, ALIAS_HI, m[a + L.AR_ORDER], archive_ref(m, a))
            a = m[a + L.AR_NEXT]
    return m[d + L.PL_USED]
