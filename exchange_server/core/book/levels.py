"""One book side: price levels in a 64-ary bitmap trie, each level a queue of orders, with a pointer to the best level.

A node has a mask of its occupied slots and 64 children; a leaf's children are levels. The next best price is found by counting trailing
(asks) or leading (bids) zeros of masks, never by stepping through prices. An instrument without orders has no nodes.

Arguments: `inst`, `level` and `o` are pointers (word offsets) of an instrument, a level and an order row. `ask` is 0 for the bid side and 1
for the ask side. Prices are YES ticks, 0 <= price < 64 ** (levels of the trie); quantities are lots. No function here fails: callers check
room and arguments first (`expect` states what is assumed).
"""

from .. import layout as L
from ..kit.bits import clz, ctz
from ..kit.expect import expect
from ..kit.jit import leaf
from ..kit.pools import pool_alloc, pool_base, pool_cap, pool_release
from ..kit.rows import firm_row
from ..layout.packed import pack_touched
from .mids import note_price


@leaf
def level_find(m, inst, ask, price):
    """Pointer to the level at a price (YES ticks), 0 if no order rests there."""
    node = m[inst + L.I_ROOT + ask]
    shift = m[inst + L.I_DEPTH_SHIFT]
    expect(m, 0 <= price < 64 << shift, L.INV_BOOK)
    while node != 0:
        child = m[node + L.N_CHILD + ((price >> shift) & 63)]
        if shift == 0:
            return child
        node = child
        shift -= 6
    return 0


@leaf
def book_word(m, inst, ask, price, nodes):
    """Where the book keeps what a price (YES ticks) leads to after at most so many nodes: place (arena offset) of a child's word; 0: not there yet."""
    node = m[inst + L.I_ROOT + ask]
    shift = m[inst + L.I_DEPTH_SHIFT]
    if not 0 <= price < 64 << shift:
        return 0
    while node != 0:
        at = node + L.N_CHILD + ((price >> shift) & 63)
        nodes -= 1
        if nodes == 0 or shift == 0:
            return at
        node = m[at]
        shift -= 6
    return 0


@leaf
def level_worse(m, level, ask):
    """Pointer to the next worse level (away from the touch), 0 at the end."""
    node = m[level + L.L_NODE]
    slot = m[level + L.L_PRICE] & 63
    height = 0
    while node != 0:
        mask = m[node + L.N_MASK]
        if ask != 0:
            left = mask & ~((2 << slot) - 1)
        else:
            left = mask & ((1 << slot) - 1)
        if left != 0:
            while True:
                t = ctz(left) if ask != 0 else 63 - clz(left)
                child = m[node + L.N_CHILD + t]
                if height == 0:
                    return child
                node = child
                left = m[node + L.N_MASK]
                height -= 1
        slot = m[node + L.N_SLOT]
        node = m[node + L.N_PARENT]
        height += 1
    return 0


@leaf
def nodes_to_deepen(m, inst, shift):
    """Number of nodes that `deepen` would take."""
    sides = (1 if m[inst + L.I_ROOT] != 0 else 0) + (1 if m[inst + L.I_ROOT + L.ASK] != 0 else 0)
    return sides * max(0, (shift - m[inst + L.I_DEPTH_SHIFT]) // 6)


@leaf
def deepen(m, inst, shift):
    """Make both sides of the book deep enough for prices below 64 << shift: new roots above the old ones, counted for the firm of the old
    root. A book never becomes shallower."""
    for ask in range(2):
        root = m[inst + L.I_ROOT + ask]
        for _ in range((shift - m[inst + L.I_DEPTH_SHIFT]) // 6 if root != 0 else 0):
            above = _new_node(m, 0, 0, m[root + L.N_FIRM])
            m[above + L.N_CHILD] = root
            m[above + L.N_MASK] = 1
            m[root + L.N_PARENT] = above
            root = above
        m[inst + L.I_ROOT + ask] = root
    m[inst + L.I_DEPTH_SHIFT] = max(m[inst + L.I_DEPTH_SHIFT], shift)


@leaf
def nodes_missing(m, inst, ask, price):
    """Number of new nodes that an order at a price (YES ticks) would need."""
    node = m[inst + L.I_ROOT + ask]
    shift = m[inst + L.I_DEPTH_SHIFT]
    while node != 0:
        if shift == 0:
            return 0
        node = m[node + L.N_CHILD + ((price >> shift) & 63)]
        if node != 0:
            shift -= 6
    root = m[inst + L.I_ROOT + ask]
    return shift // 6 + (1 if root == 0 else 0)


@leaf
def _new_node(m, parent, slot, firm):
    node = pool_alloc(m, L.P_NODE)
    expect(m, node != 0, L.INV_TABLE)
    m[node + L.N_FIRM] = firm
    m[firm_row(m, firm) + L.F_NODES] += 1
    m[node + L.N_MASK] = 0
    m[node + L.N_PARENT] = parent
    m[node + L.N_SLOT] = slot
    return node


@leaf
def _set_best(m, inst, ask, level):
    """A new best level of a side, 0: none is left."""
    if m[inst + L.I_MIDS] != 0:
        note_price(m, inst)
    m[inst + L.I_BEST + ask] = level


@leaf
def level_make(m, inst, ask, price, firm):
    """Pointer to the level at a price (YES ticks); created if missing, its nodes counted for `firm` (id). Cannot run out: there is a level
    row for every open order, and the caller has called check_nodes."""
    shift = m[inst + L.I_DEPTH_SHIFT]
    expect(m, 0 <= price < 64 << shift, L.INV_BOOK)
    node = m[inst + L.I_ROOT + ask]
    if node == 0:
        node = _new_node(m, 0, 0, firm)
        m[inst + L.I_ROOT + ask] = node
    while shift > 0:
        slot = (price >> shift) & 63
        child = m[node + L.N_CHILD + slot]
        if child == 0:
            child = _new_node(m, node, slot, firm)
            m[node + L.N_CHILD + slot] = child
            m[node + L.N_MASK] |= 1 << slot
        node = child
        shift -= 6
    slot = price & 63
    level = m[node + L.N_CHILD + slot]
    if level != 0:
        return level
    level = pool_alloc(m, L.P_LEVEL)
    expect(m, level != 0, L.INV_TABLE)
    m[level + L.L_PRICE] = price
    m[level + L.L_HEAD] = 0
    m[level + L.L_TAIL] = 0
    m[level + L.L_QTY] = 0
    m[level + L.L_COUNT] = 0
    m[level + L.L_NODE] = node
    m[level + L.L_MARK] = 0
    m[node + L.N_CHILD + slot] = level
    m[node + L.N_MASK] |= 1 << slot
    m[inst + L.I_LEVEL_COUNT] += 1
    best = m[inst + L.I_BEST + ask]
    if best == 0:
        _set_best(m, inst, ask, level)
    elif ask != 0:
        if price < m[best + L.L_PRICE]:
            _set_best(m, inst, ask, level)
    elif price > m[best + L.L_PRICE]:
        _set_best(m, inst, ask, level)
    return level


@leaf
def level_drop(m, inst, ask, level):
    """Remove an empty level and the nodes that become empty; the best pointer moves to the next worse level."""
    if m[inst + L.I_BEST + ask] == level:
        _set_best(m, inst, ask, level_worse(m, level, ask))
    node = m[level + L.L_NODE]
    slot = m[level + L.L_PRICE] & 63
    expect(m, m[level + L.L_HEAD] == 0 and m[level + L.L_QTY] == 0, L.INV_BOOK)
    expect(m, m[node + L.N_CHILD + slot] == level, L.INV_BOOK)
    pool_release(m, L.P_LEVEL, level)
    m[inst + L.I_LEVEL_COUNT] -= 1
    while True:
        m[node + L.N_CHILD + slot] = 0
        m[node + L.N_MASK] &= ~(1 << slot)
        if m[node + L.N_MASK] != 0:
            return
        parent = m[node + L.N_PARENT]
        slot = m[node + L.N_SLOT]
        m[firm_row(m, m[node + L.N_FIRM]) + L.F_NODES] -= 1
        pool_release(m, L.P_NODE, node)
        if parent == 0:
            m[inst + L.I_ROOT + ask] = 0
            return
        node = parent


@leaf
def mark_dirty(m, inst, ask, level):
    """Add the level to the turn's list of touched levels (for market data), once per turn while it exists. If the list is full,
    H_DIRTY_LOST is set."""
    if m[level + L.L_MARK] == m[L.H_TURN]:
        return
    m[level + L.L_MARK] = m[L.H_TURN]
    n = m[L.H_DIRTY_COUNT]
    if n >= pool_cap(m, L.P_DIRTY):
        m[L.H_DIRTY_LOST] = 1
        return
    d = pool_base(m, L.P_DIRTY) + n * L.DIRTY_WORDS
    m[d] = pack_touched(inst, ask)
    m[d + 1] = m[level + L.L_PRICE]
    m[L.H_DIRTY_COUNT] = n + 1


@leaf
def queue_push(m, inst, ask, o):
    """Rest order `o` at the back of the queue of its price (O_PRICE) with its open quantity (O_LEAVES, lots)."""
    expect(m, m[o + L.O_LEAVES] > 0 and m[o + L.O_LEVEL] == 0, L.INV_BOOK)
    level = level_make(m, inst, ask, m[o + L.O_PRICE], m[o + L.O_FIRM])
    tail = m[level + L.L_TAIL]
    m[o + L.O_NEXT] = 0
    m[o + L.O_PREV] = tail
    if tail == 0:
        m[level + L.L_HEAD] = o
    else:
        m[tail + L.O_NEXT] = o
    m[level + L.L_TAIL] = o
    m[level + L.L_QTY] += m[o + L.O_LEAVES]
    m[level + L.L_COUNT] += 1
    m[o + L.O_LEVEL] = level
    mark_dirty(m, inst, ask, level)


@leaf
def queue_remove(m, inst, ask, o):
    """Remove resting order `o` from its queue; an empty level is removed too."""
    level = m[o + L.O_LEVEL]
    nxt = m[o + L.O_NEXT]
    prv = m[o + L.O_PREV]
    if prv == 0:
        m[level + L.L_HEAD] = nxt
    else:
        m[prv + L.O_NEXT] = nxt
    if nxt == 0:
        m[level + L.L_TAIL] = prv
    else:
        m[nxt + L.O_PREV] = prv
    expect(m, m[o + L.O_PRICE] == m[level + L.L_PRICE], L.INV_BOOK)
    m[level + L.L_QTY] -= m[o + L.O_LEAVES]
    m[level + L.L_COUNT] -= 1
    expect(m, m[level + L.L_QTY] >= m[level + L.L_COUNT] >= 0, L.INV_BOOK)
    m[o + L.O_LEVEL] = 0
    mark_dirty(m, inst, ask, level)
    if m[level + L.L_COUNT] == 0:
        level_drop(m, inst, ask, level)


@leaf
def queue_reduce(m, inst, ask, o, quantity):
    """Reduce resting order `o` by `quantity` (lots, at most its open quantity); it keeps its place in the queue."""
    level = m[o + L.O_LEVEL]
    expect(m, level != 0 and 0 < quantity <= m[o + L.O_LEAVES], L.INV_BOOK)
    m[o + L.O_LEAVES] -= quantity
    m[level + L.L_QTY] -= quantity
    mark_dirty(m, inst, ask, level)
