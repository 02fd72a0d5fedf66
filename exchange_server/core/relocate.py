"""Kernels for carrying a state into another arena (exchange_server/upgrade/carry.py): walking lists, moving pointers, and filling the hash tables."""

from protocol import codes as C

from . import layout as L
from .kit.bits import bytes_of, words_of
from .kit.jit import kernel, leaf
from .kit.lines import LINE
from .kit.names import names_add
from .kit.pairs import pair_put
from .kit.pools import pool_base, pool_cap, pool_release
from .kit.text_ids import PACKED, key_of, unpack_text
from .layout.packed import status_of, was_replaced
from .life.ids import ALIAS_HI, PASSED, archive_ref, id_insert, order_ref, put_entry


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


@kernel("i8(i8[::1], i8, i8, i8[::1], i8, i8, i8[::1])")
def move_pointers(m, source, rows, new, target, width, pointing):
    """Write the words that point of `rows` rows, which begin at `source` in `m` and at `target` in `new`, with the places that their tables have in
    `new`. pointing: four words for each word of a row and each table it may point to, in order of the words: which word, the table's first and end word
    in `m`, and how far it moves. A word that points to none of them becomes 0. Returns 0."""
    m = words_of(m)
    new = words_of(new)
    pointing, ways = words_of(pointing), pointing.shape[0]
    for _ in range(rows):
        for i in range(0, ways, 4):
            word = pointing[i]
            p = m[source + word]
            if pointing[i + 1] <= p < pointing[i + 2]:
                new[target + word] = p + pointing[i + 3]
            elif i == 0 or pointing[i - 4] != word:
                new[target + word] = 0
        source += width
        target += width
    return 0


@kernel("i8(i8[::1], i8, i8, i8, i8[::1])")
def pick(m, at, rows, width, out):
    """Copy the entries of a hash table that are in use, which begin with a word other than 0, to `out`. Returns their number; -1: `out` has no room
    for all."""
    m = words_of(m)
    found = 0
    for _ in range(rows):
        if m[at] != 0:
            if (found + 1) * width > out.shape[0]:
                return -1
            for i in range(width):
                out[found * width + i] = m[at + i]
            found += 1
        at += width
    return found


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


@kernel("i8(i8[::1], i8[::1], i8, i8)")
def move_ids(m, new, first, end):
    """Put the entries at the words `first` to `end` of the ClOrdID table of `m` into that of `new`, which has more places than entries. Orders and closed
    ids have the same places in both. An entry has its hash, so no row is read; and whatever the sizes, neighbours go to few places of the memory. Returns
    their number."""
    m = words_of(m)
    new = words_of(new)
    old = pool_base(m, L.P_ID_HASH)
    count = 0
    for i in range(first, end):
        word = m[old + i]
        if word != 0 and i % LINE != PASSED:
            put_entry(new, word)
            count += 1
    return count


@leaf
def _packed(m, data, key, text):
    """Make the key at m[key] that of the text at m[text] if it fits into a key; returns whether it does."""
    n = 0
    while n < 8 * L.TEXT_WORDS and data[8 * text + n] != 0:
        n += 1
    hi, lo = key_of(data, 8 * text, n)
    m[key] = hi
    m[key + 1] = lo
    return hi >= PACKED


@leaf
def _take_text(m, data, key, text):
    """The same for the key at m[key], if it is a hash, and the text row that m[text] points to, which is released then. 1: it was; 0: not."""
    if m[key] >= 0 or not _packed(m, data, key, m[text]):
        return 0
    pool_release(m, L.P_TEXT, m[text])
    m[text] = 0
    return 1


@kernel("i8(i8[::1], u1[::1])")
def pack_texts(m, data):
    """Put the texts of ClOrdIDs into their keys where they fit, as rules version 10 has them; before it all were in rows of their own. The ClOrdID
    table has to be made again after it. data: the arena's bytes. Returns how many."""
    count = 0
    for i in range(1, pool_cap(m, L.P_ACCOUNT)):
        account = pool_base(m, L.P_ACCOUNT) + i * L.ACCOUNT_WORDS
        o = m[account + L.AC_ORDERS] if m[account] == i else 0
        while o != 0:
            count += _take_text(m, data, o + L.O_KEY_HI, o + L.O_TEXT)
            o = m[o + L.O_ACCT_NEXT]
        at = m[account + L.AC_HELD] if m[account] == i else 0
        while at != 0:
            if m[at + L.HE_KEY_HI] < 0 and _packed(m, data, at + L.HE_KEY_HI, at + L.HE_TEXT):
                for word in range(L.TEXT_WORDS):
                    m[at + L.HE_TEXT + word] = 0
                count += 1
            at = m[at + L.HE_NEXT]
    for firm in range(1, pool_cap(m, L.P_FIRM)):
        f = pool_base(m, L.P_FIRM) + firm * L.FIRM_WORDS
        a = m[f + L.F_OLDEST] if m[f] == firm else 0
        while a != 0:
            count += _take_text(m, data, a + L.AR_KEY_HI, a + L.AR_TEXT)
            a = m[a + L.AR_NEXT]
    return count


@kernel("i8(i8[::1], i8[::1])")
def texts_of_keys(keys, texts):
    """Write the texts that are in keys, two words each, to the TEXT_WORDS of each in `texts`; those of other keys stay. Returns how many."""
    count = 0
    for i in range(keys.shape[0] // 2):
        if keys[2 * i] >= PACKED:
            unpack_text(keys[2 * i], keys[2 * i + 1], texts, i * L.TEXT_WORDS)
            count += 1
    return count


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
