"""Ids of closed orders of which only the use is remembered: what is left of a closed ClOrdID that leaves its archive row early.

An id is one word here (`used_word`): an integer id itself; a text that ends in 4 digits or more, a hash of what stands before them and their
low bits; any other text, a hash. The word without its lowest 12 bits is the id's range, of 4,096 numbers. A block of the table P_USED is
either a range with a bit for each number, or a list of up to 64 single ids. Single ids become a range when there would be 16 of one. The
table P_USED_HASH finds ranges and single ids. The blocks of a firm form a list by the time of their newest id; a block is kept until that
time is over. Then nothing counts that is in it, nothing is added to it, and it is dropped when it is met. When the table is full, the oldest
block is dropped of the firm that needs one, or of one above its share.
"""

from .. import layout as L
from ..kit.bits import lsr, mix2, stack_words, touch
from ..kit.jit import leaf, unlikely
from ..kit.pools import pool_alloc, pool_base, pool_cap, pool_left, pool_release
from ..kit.rows import firm_row
from ..kit.text_ids import MOST_DIGITS, PACKED, bytes_in, digits_in, is_numbered, prefix_in, unpack_text
from ..layout.packed import hash_of, pack_ref, ref_of
from .shares import who_gives

RANGE = 12  # bits of a number within its range
SINGLES = 64  # ids in a block that is a list
MANY = 16
LEAST_DIGITS = 4
LOW_DIGITS = 20  # bits of a text's number that its word keeps
RANGED = 1 << 31  # bit of a reference: a range; its other bits are the block's index. Else 64 * index + place of a single id
WORDS = L.TEXT_WORDS
TEXT = -9223372036854775807 - 1  # the sign of a text's word


# ---- ids as words -------------------------------------------------------------------------------------------------


@leaf
def _byte(words, at, i):
    return (words[at + (i >> 3)] >> ((i & 7) << 3)) & 255


@leaf
def _mixed(h, w):
    """The hash of a text's beginning, after one more word of it."""
    h = (h ^ w) * -7046029254386353131
    return h ^ lsr(h, 29)


@leaf
def _spread(h, high):
    h = (h ^ high) * -4417276706812531889
    h ^= lsr(h, 32)
    h *= -7723592293110705685
    return h ^ lsr(h, 29)


@leaf
def _numbered_word(h, number):
    """The word of a text that ends in a number; h: the hash of what stands before it."""
    return TEXT | (_spread(h, lsr(number, LOW_DIGITS)) << LOW_DIGITS) | (number & ((1 << LOW_DIGITS) - 1))


@leaf
def _text_word(words, at):
    """The word of the text in the 8 words at words[at..], which are filled up with zeros."""
    end = 8
    while end > 0 and words[at + end - 1] == 0:
        end -= 1
    end *= 8
    while end > 0 and _byte(words, at, end - 1) == 0:
        end -= 1
    digits = 0
    number = 0
    unit = 1
    while digits < min(end, MOST_DIGITS):
        digit = _byte(words, at, end - 1 - digits) - 48
        if digit < 0 or digit > 9:
            break
        number += digit * unit
        unit *= 10
        digits += 1
    if digits < LEAST_DIGITS:
        digits = 0
        number = 0
    before = end - digits
    h = before ^ (digits << 8)
    i = 0
    while before > 0:
        w = words[at + i]
        if before < 8:
            w &= (1 << (before << 3)) - 1
        h = _mixed(h, w)
        before -= 8
        i += 1
    return TEXT | _spread(h, 0) if digits == 0 else _numbered_word(h, number)


@leaf
def quick_word(hi, lo):
    """The word of an id with the key (hi, lo) that is a number, or a text of up to 8 characters and LEAST_DIGITS digits or more; 0 for another."""
    if hi == 0:
        return lo
    if not is_numbered(hi) or digits_in(hi) < LEAST_DIGITS:
        return 0
    prefix = prefix_in(hi)
    h = bytes_in(prefix) ^ (digits_in(hi) << 8)
    return _numbered_word(_mixed(h, prefix) if prefix != 0 else h, lo)


@unlikely
def _packed_word(hi, lo):
    text = stack_words(WORDS)
    unpack_text(hi, lo, text, 0)
    return _text_word(text, 0)


@leaf
def used_word(hi, lo, words, at):
    """The word of an id with the key (hi, lo), never 0. A text that is not in its key has its 8 words at words[at..]."""
    word = quick_word(hi, lo)
    if word != 0:
        return word
    return _packed_word(hi, lo) if hi >= PACKED else _text_word(words, at)


@leaf
def hash_of_word(firm, word):
    """Hash of (firm id, range of the word), 32 bits. 256 ranges in a row share a page of the table and have every second place in it."""
    of_range = word >> RANGE
    return mix2(firm, of_range >> 8) ^ ((of_range & 255) << 1)


# ---- the table that finds blocks and single ids: one word per entry, hash << 32 | reference; 0 = empty --------------------


@leaf
def block_of(m, ref):
    """Pointer of the block that a reference leads to."""
    index = ref ^ RANGED if ref & RANGED else ref >> 6
    return pool_base(m, L.P_USED) + index * L.USED_WORDS


@leaf
def range_ref(m, b):
    """Reference of a block (pointer) that is a range."""
    return RANGED | ((b - pool_base(m, L.P_USED)) // L.USED_WORDS)


@leaf
def single_ref(m, b, place):
    """Reference of a single id in a block (pointer)."""
    return ((b - pool_base(m, L.P_USED)) // L.USED_WORDS) << 6 | place


@leaf
def put_used(m, h, ref):
    """Add an entry. There is always room."""
    base = pool_base(m, L.P_USED_HASH)
    mask = pool_cap(m, L.P_USED_HASH) - 1
    i = h & mask
    while m[base + i] != 0:
        i = (i + 1) & mask
    m[base + i] = pack_ref(h, ref)
    m[L.H_POOLS + L.P_USED_HASH * L.POOL_WORDS + L.PL_USED] += 1


@leaf
def _take_out(m, h, ref):
    """Remove an entry, which must exist, and move later ones up so that no probe path breaks."""
    base = pool_base(m, L.P_USED_HASH)
    mask = pool_cap(m, L.P_USED_HASH) - 1
    hole = h & mask
    word = pack_ref(h, ref)
    while m[base + hole] != word:
        hole = (hole + 1) & mask
    m[L.H_POOLS + L.P_USED_HASH * L.POOL_WORDS + L.PL_USED] -= 1
    j = hole
    while True:
        j = (j + 1) & mask
        w = m[base + j]
        if w == 0:
            break
        if ((j - (hash_of(w) & mask)) & mask) >= ((j - hole) & mask):
            m[base + hole] = w
            hole = j
    m[base + hole] = 0


@leaf
def _counts(m, b):
    """Whether the time of the newest id in a block (pointer) is not over."""
    return m[b + L.U_AT] > m[L.H_TIME] - m[L.H_RETENTION_NS]


@leaf
def was_used(m, firm, word):
    """Whether nothing is remembered of an id of a firm (id) but that it was used."""
    base = pool_base(m, L.P_USED_HASH)
    mask = pool_cap(m, L.P_USED_HASH) - 1
    h = hash_of_word(firm, word)
    i = h & mask
    while True:
        w = m[base + i]
        if w == 0:
            return False
        if hash_of(w) == h:
            ref = ref_of(w)
            b = block_of(m, ref)
            if m[b + L.U_FIRM] == firm and _counts(m, b):
                if ref & RANGED == 0:
                    if m[b + L.U_IDS + (ref & 63)] == word:
                        return True
                elif m[b + L.U_RANGE] == word >> RANGE and lsr(m[b + L.U_IDS + (word >> 6 & 63)], word & 63) & 1 != 0:
                    return True
        i = (i + 1) & mask


@leaf
def _range_of(m, firm, word):
    """Block (pointer) of a firm (id) that is the word's range; 0: there is none."""
    base = pool_base(m, L.P_USED_HASH)
    mask = pool_cap(m, L.P_USED_HASH) - 1
    h = hash_of_word(firm, word)
    i = h & mask
    while m[base + i] != 0:
        ref = ref_of(m[base + i])
        if hash_of(m[base + i]) == h and ref & RANGED:
            b = block_of(m, ref)
            if m[b + L.U_FIRM] == firm and m[b + L.U_RANGE] == word >> RANGE:
                return b
        i = (i + 1) & mask
    return 0


@leaf
def _home_slot(m, firm, word):
    """Home slot of the word's range: (arena offset, hash)."""
    h = hash_of_word(firm, word)
    return pool_base(m, L.P_USED_HASH) + (h & (pool_cap(m, L.P_USED_HASH) - 1)), h


@leaf
def touch_used_slot(m, firm, word):
    """Prefetch the home slot of the word's range."""
    slot, _ = _home_slot(m, firm, word)
    touch(m, slot)


@leaf
def touch_used_range(m, firm, word):
    """Prefetch what changes in the word's range of a firm (id) when it is kept: where the home slot leads."""
    slot, h = _home_slot(m, firm, word)
    w = m[slot]
    if w != 0 and hash_of(w) == h:
        b = block_of(m, ref_of(w))
        touch(m, b)
        touch(m, b + L.U_IDS + (word >> 6 & 63))


@leaf
def _singles_of(m, firm, word):
    """How many single ids of a firm (id) are in the word's range, and the reference of one of them."""
    base = pool_base(m, L.P_USED_HASH)
    mask = pool_cap(m, L.P_USED_HASH) - 1
    h = hash_of_word(firm, word)
    count = 0
    one = 0
    i = h & mask
    while m[base + i] != 0:
        ref = ref_of(m[base + i])
        if hash_of(m[base + i]) == h and ref & RANGED == 0:
            b = block_of(m, ref)
            if m[b + L.U_FIRM] == firm and m[b + L.U_IDS + (ref & 63)] >> RANGE == word >> RANGE and _counts(m, b):
                count += 1
                one = ref
        i = (i + 1) & mask
    return count, one


# ---- blocks ---------------------------------------------------------------------------------------------------------


@leaf
def _unlink(m, f, b):
    """Take a block out of its firm's list (pointers)."""
    before = m[b + L.U_PREV]
    after = m[b + L.U_NEXT]
    if before == 0:
        m[f + L.F_USED_FIRST] = after
    else:
        m[before + L.U_NEXT] = after
    if after == 0:
        m[f + L.F_USED_LAST] = before
    else:
        m[after + L.U_PREV] = before


@leaf
def _link_last(m, f, b):
    """Add a block at the end of its firm's list (pointers)."""
    last = m[f + L.F_USED_LAST]
    m[b + L.U_PREV] = last
    m[b + L.U_NEXT] = 0
    if last == 0:
        m[f + L.F_USED_FIRST] = b
    else:
        m[last + L.U_NEXT] = b
    m[f + L.F_USED_LAST] = b


@leaf
def _touch(m, f, b, at):
    """A block has the firm's newest id, closed at `at` (ns)."""
    m[b + L.U_AT] = at
    if m[f + L.F_USED_LAST] != b:
        _unlink(m, f, b)
        _link_last(m, f, b)


@leaf
def _drop(m, f, b):
    """Forget all ids of a firm's block (pointers)."""
    if m[b + L.U_FILLED] == L.USED_RANGE:
        _take_out(m, hash_of_word(m[f], m[b + L.U_RANGE] << RANGE), range_ref(m, b))
    else:
        for place in range(m[b + L.U_FILLED]):
            word = m[b + L.U_IDS + place]
            if word != 0:
                _take_out(m, hash_of_word(m[f], word), single_ref(m, b, place))
    if m[f + L.F_FILLING] == b:
        m[f + L.F_FILLING] = 0
    _unlink(m, f, b)
    m[f + L.F_BLOCKS] -= 1
    pool_release(m, L.P_USED, b)


@leaf
def drop_due(m, f):
    """Drop the oldest block of a firm (pointer), which has one, if its time is over."""
    if not _counts(m, m[f + L.F_USED_FIRST]):
        _drop(m, f, m[f + L.F_USED_FIRST])


@leaf
def _make_block(m, f, filled, of_range, at):
    """Pointer of a new, empty block of a firm (pointer), as the last of its list."""
    if pool_left(m, L.P_USED) == 0:
        loser = who_gives(m, f, L.P_USED, L.F_BLOCKS, L.H_DROPPING)
        if loser == 0:
            m[L.H_ERROR] = L.INV_TABLE
            return 0
        oldest = m[loser + L.F_USED_FIRST]
        if _counts(m, oldest):
            m[loser + L.F_FORGOTTEN] += m[oldest + L.U_COUNT]
            m[loser + L.F_WINDOW] = m[L.H_TIME] - m[oldest + L.U_AT]
        _drop(m, loser, oldest)
    b = pool_alloc(m, L.P_USED)
    m[b + L.U_FIRM] = m[f]
    m[b + L.U_AT] = at
    m[b + L.U_RANGE] = of_range
    m[b + L.U_COUNT] = 0
    m[b + L.U_FILLED] = filled
    for i in range(SINGLES):
        m[b + L.U_IDS + i] = 0
    _link_last(m, f, b)
    m[f + L.F_BLOCKS] += 1
    return b


@leaf
def _mark(m, b, word):
    """Note a number in a block (pointer) that is its range."""
    m[b + L.U_IDS + (word >> 6 & 63)] |= 1 << (word & 63)
    m[b + L.U_COUNT] += 1


@leaf
def _make_range(m, f, word, at):
    """Make a block of the word's range of a firm (pointer), with the single ids of the range that there are then."""
    b = _make_block(m, f, L.USED_RANGE, word >> RANGE, at)
    if b == 0:
        return
    _mark(m, b, word)
    put_used(m, hash_of_word(m[f], word), range_ref(m, b))
    while True:
        count, ref = _singles_of(m, m[f], word)
        if count == 0:
            return
        from_list = block_of(m, ref)
        single = m[from_list + L.U_IDS + (ref & 63)]
        _mark(m, b, single)
        _take_out(m, hash_of_word(m[f], single), ref)
        m[from_list + L.U_IDS + (ref & 63)] = 0
        m[from_list + L.U_COUNT] -= 1
        if m[from_list + L.U_COUNT] == 0:
            _drop(m, f, from_list)


@leaf
def _add_single(m, f, word, at):
    """Add an id to the list that is being filled for a firm (pointer), or to a new one."""
    b = m[f + L.F_FILLING]
    if b != 0 and not _counts(m, b):
        _drop(m, f, b)
        b = 0
    if b == 0 or m[b + L.U_FILLED] == SINGLES:
        b = _make_block(m, f, 0, 0, at)
        m[f + L.F_FILLING] = b
        if b == 0:
            return
    else:
        _touch(m, f, b, at)
    place = m[b + L.U_FILLED]
    m[b + L.U_IDS + place] = word
    m[b + L.U_FILLED] = place + 1
    m[b + L.U_COUNT] += 1
    put_used(m, hash_of_word(m[f], word), single_ref(m, b, place))


@leaf
def keep_used(m, f, word, at):
    """Remember that a firm (pointer) has used an id (its word), closed at `at` (ns), not before any other that was given here."""
    m[f + L.F_MOVED] += 1
    m[f + L.F_ANSWERED] = m[L.H_TIME] - at
    b = m[f + L.F_USED_LAST]
    if b == 0 or m[b + L.U_FILLED] != L.USED_RANGE or m[b + L.U_RANGE] != word >> RANGE:
        b = _range_of(m, m[f], word)
    if b != 0 and not _counts(m, b):
        _drop(m, f, b)
        b = 0
    if b != 0:
        _mark(m, b, word)
        _touch(m, f, b, at)
        return
    count, _ = _singles_of(m, m[f], word)
    if count + 1 >= MANY:
        _make_range(m, f, word, at)
    else:
        _add_single(m, f, word, at)


@leaf
def used_before(m, rows, firm, hi, lo, at):
    """Whether nothing is remembered of a ClOrdID of a firm (id) but that it was used. at: word offset of its text in `rows`, -1 for an integer
    id."""
    return m[firm_row(m, firm) + L.F_USED_FIRST] != 0 and was_used(m, firm, used_word(hi, lo, rows, at))
