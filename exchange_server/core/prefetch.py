"""Prefetching: the following rows of a turn show which cache lines they will need.

A command touches some thirty cache lines, many of which were not touched recently: the line of its ClOrdID, the order and its neighbours in the queue and
in the account's list, the book's nodes and the level, the collateral row; where there are many instruments or accounts, their rows too. Loaded from
memory one after the other they cost 100 ns and more each. Stages look ahead of the current command, each at what the one before has fetched; the table
says which lines each stage fetches. These are hints only and nothing of the state is written, so events, state and replay are the same without them.

| commands ahead | a new order                                          | a cancel or a replacement                                  |
|----------------|------------------------------------------------------|------------------------------------------------------------|
| 40             | the row of the command                               | the row of the command                                     |
| 30 (wide)      | instrument, account                                  | -                                                          |
| 27 (wide)      | event, listing, best levels                          | -                                                          |
| 24             | line of its id, slot of (account, event), the root   | lines of its ids                                           |
| 16             | collateral row, the next node                        | the order                                                  |
| 9              | columns, balance, the leaf; the order it meets       | its neighbours, level, collateral row; the leaf of the new |
|                |                                                      | price; wide, instead of the leaf: instrument               |
| 5              | the level; the account's newest order; the line of   | the new level; wide: event, balance                        |
|                | the id of the order it meets                         |                                                            |
| 2              | the level's last order                               | the new level's last order                                 |

With the lines of 24 ahead goes that of the closed id that is forgotten next (life/archive.py).

Wide: with more instruments or accounts than the caches hold. With fewer, these rows are there anyway, and looking at them would cost more than it saves.

What a stage has found is noted for the next (`seen`), on the stack of the kernel, so that it is not looked for again. The commands
between two stages change the state, so a note may be out of date. Each stage therefore checks what it follows: that a place has what it had, and that a
word of the book leads to a node. Rows ahead may be text rows with any content, so every word read there is checked to be in its table.
"""

from protocol import codes as C

from . import layout as L
from .book.levels import book_word
from .kit.bits import ctz, mix2, touch, touch_row
from .kit.jit import leaf, unlikely
from .kit.pairs import PAIR_COLLATERAL, PAIR_WORDS
from .kit.pools import pool_base, pool_cap
from .kit.rows import instrument_at, session_at
from .layout.packed import (
    account_of,
    book_side_of,
    by_sign,
    contract_side_of,
    extra_of,
    in_yes_terms,
    instrument_of,
    kind_of,
    own_side,
    ref_of,
    session_of,
    side_of,
    winners_of,
)
from .life.ids import ARCHIVED, line_of, tagged

WIDE = 2_000  # rows of instruments and accounts together
FEW = 64  # contracts of a group: the marks of more take several lines, and most accounts have none there (money/smallest.py)
ROWS = 40 * L.CMD_WORDS  # words ahead of each stage
FIRST = 30 * L.CMD_WORDS
SECOND = 27 * L.CMD_WORDS
FAR = 24 * L.CMD_WORDS
MIDDLE = 16 * L.CMD_WORDS
NEAR = 9 * L.CMD_WORDS
HAND = 5 * L.CMD_WORDS
LAST = 2 * L.CMD_WORDS
SEEN = 64  # rows about which there are notes: at least those of FAR commands with a text row each
NOTE_WORDS = 8
SEEN_WORDS = SEEN * (1 + NOTE_WORDS)  # which row each note is about (offset; -1: none), then the notes
NOTE_INSTRUMENT = 0  # pointer, of a new order; 0: a cancel or a replacement
NOTE_SLOT = 1  # arena offset: of its pair, or of the line, then the entry, of the id of the order that it is about
NOTE_KEY = 2  # what is expected there: the pair's first word, or the id's hash
NOTE_PLACE = 3  # how far its price has been followed in the book (book_word); 0: not
NOTE_PRICE = 4  # new order: YES ticks; else: the order's new price in its terms, NO_PRICE of a cancel
NOTE_ASK = 5  # new order: its side of the book
NOTE_MEETS = 6  # the order (pointer) with which it would trade first, 0: none
NOTE_ACCOUNT = 7  # pointer, 0: not known
NOTE_FIRM = 5  # else: id
NOTE_ORDER = 6  # pointer, 0: not found
NOTE_WORD = 7  # of the slot
NO_PRICE = -1
NODES = 3  # of the way to a new price, all in one stage: the first ones are near, because many orders pass them


@leaf
def pair_slot(m, rows, c, s, inst):
    """(home slot (arena offset) of the collateral row of a new order, the key that is there if it is the right one)."""
    account = account_of(rows[c + L.CMD_SESSION_ACCOUNT])
    if account == 0:
        account = m[s + L.S_ACCOUNT]
    key = (PAIR_COLLATERAL << 56) | account
    slot = mix2(key, m[m[inst + L.I_EVENT]]) & (pool_cap(m, L.P_PAIR_HASH) - 1)
    return pool_base(m, L.P_PAIR_HASH) + slot * PAIR_WORDS, key


@leaf
def has_marks(m, co):
    """Whether a collateral row (pointer) has its k smallest marked."""
    counts = m[co + L.CO_K]
    return not by_sign(counts) and 1 < winners_of(counts) < m[co + L.CO_N]


@leaf
def touch_columns(m, co, n, marks, index):
    """Prefetch what an order in a contract (its index) changes in a collateral row (pointer) of n columns. marks: also of the k smallest."""
    if n > 1:
        j = co + L.CO_COLUMNS + index
        touch(m, j)
        touch(m, j + L.COL_BUY * n)
        touch(m, j + L.COL_SELL * n)
        touch(m, j + L.COL_V * n)
        touch(m, j + L.COL_BQ * n)
        touch(m, j + L.COL_SQ * n)
        if marks:
            chosen = co + L.CO_COLUMNS + L.COL_CHOSEN * n
            for at in range(0, ((n + 63) >> 6) + 2 * ((n + 15) >> 4), 8):
                touch(m, chosen + at)
    else:
        touch(m, co + L.CO_COLUMNS)


@leaf
def yes_terms(m, rows, c, inst):
    """(side of the book: BID or ASK, price in YES ticks) of a new order."""
    head = rows[c + L.CMD_HEAD]
    price = rows[c + L.CMD_PRICE]
    contract_side = contract_side_of(head)
    if contract_side == C.NO:
        price = m[inst + L.I_PAYOUT] - price
    return own_side(in_yes_terms(side_of(head), contract_side)), price


@leaf
def first_in_line(m, inst, ask, price):
    """The order (pointer) with which a new one would trade first, 0: with none."""
    best = m[inst + L.I_BEST + 1 - ask]
    if best == 0 or (m[best + L.L_PRICE] > price if ask == L.BID else m[best + L.L_PRICE] < price):
        return 0
    return m[best + L.L_HEAD]


@leaf
def asker(m, rows, c):
    """(kind, session pointer) of a row ahead; session 0: nothing to prefetch."""
    kind = kind_of(rows[c + L.CMD_HEAD])
    if kind < C.C_NEW or kind > C.C_REPLACE:
        return kind, 0
    return kind, session_at(m, session_of(rows[c + L.CMD_SESSION_ACCOUNT]))


@leaf
def is_wide(m):
    """Whether there are so many instruments and accounts that their rows are not in the caches."""
    instruments = m[L.H_POOLS + L.P_INSTRUMENT * L.POOL_WORDS + L.PL_USED]
    return instruments + m[L.H_POOLS + L.P_ACCOUNT * L.POOL_WORDS + L.PL_USED] > WIDE


@leaf
def look_first(m, rows, c):
    """Wide, 30 commands ahead: the instrument and the account of a new order."""
    if kind_of(rows[c + L.CMD_HEAD]) != C.C_NEW:
        return
    number = instrument_of(rows[c + L.CMD_INSTRUMENT])
    if number < pool_cap(m, L.P_INSTRUMENT):
        inst = pool_base(m, L.P_INSTRUMENT) + number * L.INSTRUMENT_WORDS
        touch_row(m, inst, 5)
        touch(m, inst + L.I_ORDERS_OPEN)
    number = account_of(rows[c + L.CMD_SESSION_ACCOUNT])
    if number < pool_cap(m, L.P_ACCOUNT):
        touch_row(m, pool_base(m, L.P_ACCOUNT) + number * L.ACCOUNT_WORDS, 3)


@leaf
def look_second(m, rows, c):
    """Wide, 27 commands ahead: what its instrument points to."""
    if kind_of(rows[c + L.CMD_HEAD]) != C.C_NEW:
        return
    inst = instrument_at(m, instrument_of(rows[c + L.CMD_INSTRUMENT]))
    if inst != 0:
        touch_row(m, m[inst + L.I_EVENT], 3)
        touch_row(m, m[inst + L.I_LISTING], 2)
        touch(m, m[inst + L.I_BEST])
        touch(m, m[inst + L.I_BEST + L.ASK])


@leaf
def note_at(seen, c):
    """Offset in `seen` of the note about the row at c."""
    return SEEN + (c // L.CMD_WORDS & (SEEN - 1)) * NOTE_WORDS


@leaf
def is_noted(seen, c):
    """Whether the note in that place is about the row at c."""
    return seen[c // L.CMD_WORDS & (SEEN - 1)] == c


@leaf
def nothing_seen(seen):
    """Empty the notes: at the begin of a call, when they may have anything."""
    for i in range(SEEN):
        seen[i] = -1


@leaf
def deeper(m, at, price, shift):
    """From the place of a child's word in the book (arena offset, 0: none) to the one in the node that it leads to; the same place in a leaf, 0 where
    there is no node."""
    if at == 0 or shift < 0:
        return at
    node = m[at]
    base = pool_base(m, L.P_NODE)
    if node < base or node >= base + pool_cap(m, L.P_NODE) * L.NODE_WORDS:  # an empty word, or one of a node that has become another's
        return 0
    return node + L.N_CHILD + ((price >> shift) & 63)


@leaf
def look_far(m, rows, c, seen):
    """24 commands ahead: places in hash tables, and the root of the book. All are fetched together, with the line of the closed id that is forgotten next:
    each is in a page of its own, and the processor then looks for several of these pages at a time."""
    kind, s = asker(m, rows, c)
    if s == 0:
        return
    firm = m[s + L.S_FIRM]
    n = note_at(seen, c)
    if kind != C.C_NEW:
        line, h = line_of(m, firm, rows[c + L.CMD_ORIG_HI], rows[c + L.CMD_ORIG_LO])
        touch(m, line)
        touch(m, m[L.H_FORGET_LINE])
        if kind == C.C_REPLACE:
            own, _ = line_of(m, firm, rows[c + L.CMD_ID_HI], rows[c + L.CMD_ID_LO])
            touch(m, own)
        seen[n + NOTE_INSTRUMENT] = 0
        seen[n + NOTE_SLOT] = line
        seen[n + NOTE_KEY] = h
        seen[n + NOTE_FIRM] = firm
        seen[n + NOTE_ORDER] = 0
        seen[n + NOTE_PLACE] = 0
        seen[n + NOTE_PRICE] = rows[c + L.CMD_PRICE] if kind == C.C_REPLACE else NO_PRICE
    else:
        own, _ = line_of(m, firm, rows[c + L.CMD_ID_HI], rows[c + L.CMD_ID_LO])
        inst = instrument_at(m, instrument_of(rows[c + L.CMD_INSTRUMENT]))
        if inst == 0:
            return
        slot, key = pair_slot(m, rows, c, s, inst)
        ask, price = yes_terms(m, rows, c, inst)
        at = book_word(m, inst, ask, price, 1)
        touch(m, own)
        touch(m, slot)
        touch(m, m[L.H_FORGET_LINE])
        touch(m, at)
        seen[n + NOTE_INSTRUMENT] = inst
        seen[n + NOTE_SLOT] = slot
        seen[n + NOTE_KEY] = key
        seen[n + NOTE_PLACE] = at
        seen[n + NOTE_PRICE] = price
        seen[n + NOTE_ASK] = ask
        seen[n + NOTE_MEETS] = 0
        seen[n + NOTE_ACCOUNT] = 0
    seen[c // L.CMD_WORDS & (SEEN - 1)] = c


@leaf
def look_middle(m, c, seen):
    """16 commands ahead: what the entries point to."""
    if not is_noted(seen, c):
        return
    n = note_at(seen, c)
    slot = seen[n + NOTE_SLOT]
    inst = seen[n + NOTE_INSTRUMENT]
    if inst != 0:
        touch_row(m, m[slot + 2], 3)
        at = deeper(m, seen[n + NOTE_PLACE], seen[n + NOTE_PRICE], m[inst + L.I_DEPTH_SHIFT] - 6)
        touch(m, at)
        seen[n + NOTE_PLACE] = at
        return
    found = tagged(m, slot, seen[n + NOTE_KEY])
    o, word = 0, 0
    if found != 0:
        slot += ctz(found)
        word = m[slot]
        ref = ref_of(word)
        if ref & ARCHIVED:
            touch(m, pool_base(m, L.P_ARCHIVE) + ((ref ^ ARCHIVED) - 1) * L.ARCHIVE_WORDS)
        elif ref != 0:
            o = pool_base(m, L.P_ORDER) + (ref - 1) * L.ORDER_WORDS
            touch_row(m, o, 4)
    seen[n + NOTE_SLOT] = slot
    seen[n + NOTE_ORDER] = o
    seen[n + NOTE_WORD] = word


@leaf
def still_open(m, seen, n):
    """The order (pointer) of a note, if its id still leads to it; else 0."""
    o = seen[n + NOTE_ORDER]
    if o == 0 or m[seen[n + NOTE_SLOT]] != seen[n + NOTE_WORD] or m[o + L.O_FIRM] != seen[n + NOTE_FIRM]:
        return 0
    return o


@leaf
def new_place(m, o, inst, price):
    """Where the book keeps the level of an order's (pointer) new price, in the order's terms: place (arena offset), 0: not there yet."""
    attr = m[o + L.O_ATTR]
    if contract_side_of(attr) == C.NO:
        price = m[inst + L.I_PAYOUT] - price
    return book_word(m, inst, own_side(book_side_of(attr)), price, NODES)


@leaf
def look_near(m, c, wide, seen):
    """9 commands ahead: what the collateral row and the order point to."""
    if not is_noted(seen, c):
        return
    n = note_at(seen, c)
    inst = seen[n + NOTE_INSTRUMENT]
    if inst != 0:
        slot = seen[n + NOTE_SLOT]
        if m[slot] == seen[n + NOTE_KEY] and m[slot + 1] == m[m[inst + L.I_EVENT]]:  # other pairs of this event are no rows
            co = m[slot + 2]
            touch_columns(m, co, m[co + L.CO_N], has_marks(m, co), m[inst + L.I_INDEX])
            touch(m, m[co + L.CO_CASH])
            touch(m, m[co + L.CO_ACCOUNT])
            seen[n + NOTE_ACCOUNT] = m[co + L.CO_ACCOUNT]
        price = seen[n + NOTE_PRICE]
        at = deeper(m, seen[n + NOTE_PLACE], price, m[inst + L.I_DEPTH_SHIFT] - 12)
        touch(m, at)
        seen[n + NOTE_PLACE] = at
        first = first_in_line(m, inst, seen[n + NOTE_ASK], price)
        touch_row(m, first, 4)
        seen[n + NOTE_MEETS] = first
        return
    o = still_open(m, seen, n)
    if o == 0:
        return
    inst = m[o + L.O_INSTRUMENT]
    co = m[o + L.O_COLL]
    touch(m, m[o + L.O_TEXT])
    touch(m, m[o + L.O_LEVEL])
    touch(m, m[o + L.O_NEXT])
    touch(m, m[o + L.O_PREV])
    touch(m, m[o + L.O_ACCT_NEXT] + L.O_ACCT_NEXT)
    touch(m, m[o + L.O_ACCT_PREV] + L.O_ACCT_NEXT)
    touch(m, co)
    touch(m, co + 8)
    if wide:
        touch_row(m, inst, 4)
        touch(m, inst + L.I_ORDERS_OPEN)
        touch(m, co + L.CO_COLUMNS)
        touch(m, m[o + L.O_LISTING] + L.LI_ORDERS)
    else:  # the event knows the columns as well as the row, which is not there yet
        if seen[n + NOTE_PRICE] != NO_PRICE:
            at = new_place(m, o, inst, seen[n + NOTE_PRICE])
            touch(m, at)
            seen[n + NOTE_PLACE] = at
        event = m[inst + L.I_EVENT]
        columns = m[event + L.E_ROOM]
        touch_columns(m, co, columns, 1 < m[event + L.E_K_LEFT] < columns <= FEW, m[inst + L.I_INDEX])


@leaf
def look_hand(m, c, wide, seen):
    """5 commands ahead: what an order changes beside its own row."""
    if not is_noted(seen, c):
        return
    n = note_at(seen, c)
    at = seen[n + NOTE_PLACE]
    if at != 0:
        touch(m, m[at])
    if seen[n + NOTE_INSTRUMENT] != 0:
        account = seen[n + NOTE_ACCOUNT]
        if account != 0:
            touch(m, m[account + L.AC_ORDERS] + L.O_ACCT_PREV)
        first = seen[n + NOTE_MEETS]
        if first != 0:
            line, _ = line_of(m, m[first + L.O_FIRM], m[first + L.O_KEY_HI], m[first + L.O_KEY_LO])
            touch(m, line)
        return
    if not wide:
        return
    o = still_open(m, seen, n)
    if o != 0:
        inst = m[o + L.O_INSTRUMENT]
        co = m[o + L.O_COLL]
        touch_row(m, m[inst + L.I_EVENT], 3)
        touch_columns(m, co, m[co + L.CO_N], has_marks(m, co), m[inst + L.I_INDEX])
        touch(m, m[co + L.CO_CASH])
        touch(m, m[co + L.CO_ACCOUNT])


@leaf
def look_last(m, c, seen):
    """2 commands ahead: the order after which a new one comes."""
    if not is_noted(seen, c):
        return
    n = note_at(seen, c)
    if seen[n + NOTE_PLACE] == 0:
        return
    level = m[seen[n + NOTE_PLACE]]
    base = pool_base(m, L.P_LEVEL)
    if base <= level < base + pool_cap(m, L.P_LEVEL) * L.LEVEL_WORDS:
        touch(m, m[level + L.L_TAIL])


@leaf
def look_at_begin(m, rows, c, words, seen):
    """At the first row of a call: what the later rows will find done, for those that are nearer than the stages look."""
    wide = is_wide(m)
    at = c
    for _ in range(1, FAR // L.CMD_WORDS):
        at += (1 + extra_of(rows[at + L.CMD_HEAD])) * L.CMD_WORDS
        if at >= words:
            break
        look_far(m, rows, at, seen)
    at = c
    for ahead in range(1, MIDDLE // L.CMD_WORDS):
        at += (1 + extra_of(rows[at + L.CMD_HEAD])) * L.CMD_WORDS
        if at >= words:
            break
        look_middle(m, at, seen)
        if ahead * L.CMD_WORDS < NEAR:
            look_near(m, at, wide, seen)
        if ahead * L.CMD_WORDS < HAND:
            look_hand(m, at, wide, seen)
        if ahead * L.CMD_WORDS < LAST:
            look_last(m, at, seen)


@unlikely
def look_at_end(m, rows, c, length, words, wide, seen):
    """The same as look_ahead where fewer commands follow than its farthest stage looks ahead."""
    if wide and c + length * FIRST < words:
        look_first(m, rows, c + length * FIRST)
    if wide and c + length * SECOND < words:
        look_second(m, rows, c + length * SECOND)
    if c + length * FAR < words:
        look_far(m, rows, c + length * FAR, seen)
    if c + length * MIDDLE < words:
        look_middle(m, c + length * MIDDLE, seen)
    if c + length * NEAR < words:
        look_near(m, c + length * NEAR, wide, seen)
    if c + length * HAND < words:
        look_hand(m, c + length * HAND, wide, seen)
    if c + length * LAST < words:
        look_last(m, c + length * LAST, seen)


@leaf
def look_ahead(m, rows, c, words, seen):
    """Prefetch for the rows ahead of the one at c; `words` is the end of the rows. What follows is taken to have as many rows each as this one."""
    wide = is_wide(m)
    length = 1 + extra_of(rows[c + L.CMD_HEAD])
    touch_row(rows, c + length * ROWS, 2)
    if length != 1:
        touch_row(rows, c + length * ROWS + L.CMD_WORDS, 2)
    if c + length * FIRST >= words:
        look_at_end(m, rows, c, length, words, wide, seen)
        return
    if wide:
        look_first(m, rows, c + length * FIRST)
        look_second(m, rows, c + length * SECOND)
    look_far(m, rows, c + length * FAR, seen)
    look_middle(m, c + length * MIDDLE, seen)
    look_near(m, c + length * NEAR, wide, seen)
    look_hand(m, c + length * HAND, wide, seen)
    look_last(m, c + length * LAST, seen)
