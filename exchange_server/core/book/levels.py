"""One book side: price levels in a 64-ary bitmap trie, each level a queue of orders, the best level at hand.

A node has a mask of its occupied slots and 64 children; a leaf's children are levels. The next best price is found by count-trailing
(asks) or count-leading zeros (bids) of masks, never by stepping prices. An instrument without orders owns no node.
`ask` is 0 for the bid side and 1 for the ask side. Prices are YES ticks, 0 <= price < 64 ** (levels of the trie).
"""

from .. import layout as L
from ..kit.bits import clz, ctz
from ..kit.expect import expect
from ..kit.jit import leaf
from ..kit.pools import pool_alloc, pool_base, pool_cap, pool_release
from ..kit.rows import firm_row
from ..layout.packed import pack_touched


@leaf
def level_find(m, inst, ask, price):
    """Level pointer at a price, 0 when nobody rests there."""
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
def level_worse(m, level, ask):
    """The next level away from the touch, 0 at the end."""
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
def nodes_missing(m, inst, ask, price):
    """How many nodes an order at a price would make."""
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
def level_make(m, inst, ask, price, firm):
    """The level at a price, made for the firm when it is not there. There is a level for every open order; for nodes the caller has asked check_nodes."""
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
        m[inst + L.I_BEST + ask] = level
    elif ask != 0:
        if price < m[best + L.L_PRICE]:
            m[inst + L.I_BEST + ask] = level
    elif price > m[best + L.L_PRICE]:
        m[inst + L.I_BEST + ask] = level
    return level


@leaf
def level_drop(m, inst, ask, level):
    """Remove an empty level and the nodes that it leaves empty; the best pointer moves on."""
    if m[inst + L.I_BEST + ask] == level:
        m[inst + L.I_BEST + ask] = level_worse(m, level, ask)
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
    """Put the level on the turn's list of touched levels, once per turn while it lives."""
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
    """Rest an order at the back of its price's queue."""
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
    """Take a resting order out; its level goes when it was the last."""
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
    """An order at rest shrinks and keeps its place."""
    level = m[o + L.O_LEVEL]
    expect(m, level != 0 and 0 < quantity <= m[o + L.O_LEAVES], L.INV_BOOK)
    m[o + L.O_LEAVES] -= quantity
    m[level + L.L_QTY] -= quantity
    mark_dirty(m, inst, ask, level)
