"""Book and matching alone: the core's own leaves (core/book/levels.py) called by a loop that only rests, cancels, replaces and matches.

No id lookup (an order's number is its position), no risk, no ledger, no events: the rest is the lower limit of the core's cost. The
answer, trades and lots traded, is checked against a computation with plain lists.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.book.levels import queue_push, queue_reduce, queue_remove
from exchange_server.core.kit.bits import touch
from protocol import codes as C
from tests.flows import PAYOUT, NamedFlow, named_flow

from .kernels import compiled
from .rig import AnswerWrong, Result, Timed, timed

Words = NDArray[np.int64]
# One command of the small loop: kind, number of the order, instrument, 0 bid 1 ask, price (YES ticks), lots, 1: does not rest
K_KIND, K_ORDER, K_BOOK, K_ASK, K_PRICE, K_QTY, K_TAKE = range(7)
K_WORDS = 8
FAR_AHEAD, AHEAD = 16, 8  # commands
OUT_TRADES, OUT_LOTS, OUT_MONEY = range(3)


def _run(m, commands, count, orders, books, out):  # type: ignore[no-untyped-def]
    for i in range(count):
        if i + FAR_AHEAD < count:  # prefetch the orders of later commands, then their nodes: a cache miss costs as much as the work
            touch(m, orders + commands[(i + FAR_AHEAD) * K_WORDS + K_ORDER] * L.ORDER_WORDS)  # type: ignore[call-arg]
        if i + AHEAD < count:
            c = (i + AHEAD) * K_WORDS
            o = orders + commands[c + K_ORDER] * L.ORDER_WORDS
            if commands[c + K_KIND] != C.C_NEW:
                touch(m, m[o + L.O_NEXT])  # type: ignore[call-arg]
                touch(m, m[o + L.O_PREV])
                touch(m, m[o + L.O_LEVEL])
        c = i * K_WORDS
        kind = commands[c + K_KIND]
        o = orders + commands[c + K_ORDER] * L.ORDER_WORDS
        inst = books + commands[c + K_BOOK] * L.INSTRUMENT_WORDS
        ask = commands[c + K_ASK]
        if kind != C.C_NEW:
            if m[o + L.O_LEVEL] == 0:
                continue
            if kind == C.C_REPLACE and m[o + L.O_PRICE] == commands[c + K_PRICE] and commands[c + K_QTY] < m[o + L.O_QTY]:
                less = min(m[o + L.O_QTY] - commands[c + K_QTY], m[o + L.O_LEAVES] - 1)
                queue_reduce(m, inst, ask, o, less)
                m[o + L.O_QTY] = commands[c + K_QTY]
                continue
            queue_remove(m, inst, ask, o)
            if kind == C.C_CANCEL:
                continue
        m[o + L.O_PRICE] = commands[c + K_PRICE]
        m[o + L.O_QTY] = commands[c + K_QTY]
        left = commands[c + K_QTY]
        while left > 0:
            level = m[inst + L.I_BEST + 1 - ask]
            if level == 0:
                break
            price = m[level + L.L_PRICE]
            if (ask == 0 and price > m[o + L.O_PRICE]) or (ask != 0 and price < m[o + L.O_PRICE]):
                break
            maker = m[level + L.L_HEAD]
            lots = min(left, m[maker + L.O_LEAVES])
            left -= lots
            out[OUT_TRADES] += 1
            out[OUT_LOTS] += lots
            out[OUT_MONEY] += lots * price
            if lots == m[maker + L.O_LEAVES]:
                queue_remove(m, inst, 1 - ask, maker)
            else:
                queue_reduce(m, inst, 1 - ask, maker, lots)
        if left > 0 and commands[c + K_TAKE] == 0:
            m[o + L.O_LEAVES] = left
            queue_push(m, inst, ask, o)


class Arena:
    """The minimal arena for core/book/levels.py: instruments, orders, levels, nodes; no list of touched levels (turn 0)."""

    def __init__(self, books: int, orders: int) -> None:
        pools = {
            L.P_INSTRUMENT: (L.INSTRUMENT_WORDS, books + 1), L.P_ORDER: (L.ORDER_WORDS, orders + 1),
            L.P_LEVEL: (L.LEVEL_WORDS, 2 * books * 1_000), L.P_NODE: (L.NODE_WORDS, 2 * books * 64),
        }  # fmt: skip
        at = L.HEADER_WORDS
        self.m: Words = np.zeros(at + sum(width * rows + 8 for width, rows in pools.values()), np.int64)
        base = {}
        for pool, (width, rows) in pools.items():
            at = (at + 7) & ~7
            d = L.H_POOLS + pool * L.POOL_WORDS
            self.m[d + L.PL_BASE], self.m[d + L.PL_WIDTH], self.m[d + L.PL_CAP] = at, width, rows
            base[pool] = at
            at += width * rows
        self.books, self.orders = base[L.P_INSTRUMENT], base[L.P_ORDER]
        shift = 0
        while 64 << shift < PAYOUT:
            shift += 6
        for i in range(books):
            self.m[self.books + i * L.INSTRUMENT_WORDS + L.I_DEPTH_SHIFT] = shift


def commands_of(flow: NamedFlow) -> Words:
    """The flow with its preload, as words of the small loop; shape (n, K_WORDS)."""
    rows = np.concatenate([flow.preload, flow.flow])
    n = len(rows)
    out = np.zeros((n, K_WORDS), np.int64)
    head = rows[:, L.CMD_HEAD]
    kind = head & 255
    session = rows[:, L.CMD_SESSION_ACCOUNT] >> 32
    # (session, id) -> order number, for the orig of a cancel or replace; after a replace the order has the replace's id
    number: dict[tuple[int, int], int] = {}
    orders = np.zeros(n, np.int64)
    for i, (k, s, a, b) in enumerate(zip(kind.tolist(), session.tolist(), rows[:, L.CMD_ID_LO].tolist(), rows[:, L.CMD_ORIG_LO].tolist())):
        orders[i] = i if k == C.C_NEW else number[s, b]
        if k != C.C_CANCEL:
            number[s, a] = int(orders[i])
    no = ((head >> 20 & 15) == C.NO)[orders]
    sell = ((head >> 16 & 15) == C.SELL)[orders]
    out[:, K_KIND], out[:, K_ORDER] = kind, orders
    out[:, K_BOOK] = (rows[:, L.CMD_INSTRUMENT] >> 32)[orders] - 1
    out[:, K_ASK] = sell ^ no
    price = rows[:, L.CMD_PRICE]
    out[:, K_PRICE] = np.where(no, PAYOUT - price, price)
    out[:, K_QTY] = rows[:, L.CMD_QTY]
    out[:, K_TAKE] = ((head >> 28 & 15) == C.IOC) & (kind == C.C_NEW)
    return out


def plainly(commands: Words) -> tuple[int, int, int]:
    """Trades, lots and money of the same commands, computed with heaps and queues, to check the kernel."""
    queues: dict[tuple[int, int, int], deque[int]] = {}
    prices: dict[tuple[int, int], list[int]] = {}
    resting: dict[int, list[int]] = {}  # order -> [book, ask, price, left, total, time of its queue position]
    trades = lots = money = 0
    for at, (kind, order, book, ask, price, qty, take, _) in enumerate(commands.tolist()):
        if kind != C.C_NEW:
            if order not in resting:
                continue
            old = resting[order]
            if kind == C.C_REPLACE and old[2] == price and qty < old[4]:
                old[3] -= min(old[4] - qty, old[3] - 1)
                old[4] = qty
                continue
            del resting[order]
            if kind == C.C_CANCEL:
                continue
        left = qty
        sign = 1 if ask == 0 else -1
        heap = prices.setdefault((book, 1 - ask), [])
        while left and heap and heap[0] <= price * sign:  # a heap holds prices times the taker's sign
            best = heap[0] * sign
            queue = queues[book, 1 - ask, best]
            while queue and (queue[0] >> 32 not in resting or resting[queue[0] >> 32][5] != queue[0] & 0xFFFFFFFF):  # gone, or moved since
                queue.popleft()
            if not queue:
                heapq.heappop(heap)
                del queues[book, 1 - ask, best]
                continue
            maker = resting[queue[0] >> 32]
            n = min(left, maker[3])
            left, maker[3] = left - n, maker[3] - n
            trades, lots, money = trades + 1, lots + n, money + n * best
            if not maker[3]:
                del resting[queue.popleft() >> 32]
        if left and not take:
            resting[order] = [book, ask, price, left, qty, at]
            if (book, ask, price) not in queues:
                queues[book, ask, price] = deque()
                heapq.heappush(prices.setdefault((book, ask), []), -price * sign)
            queues[book, ask, price].append(order << 32 | at)
    return trades, lots, money


def run(kernel: Any, flow: NamedFlow, check: int) -> Timed:
    """Check the answer over the first `check` commands after the preload, then time the rest. Raises AnswerWrong if it differs."""
    commands = commands_of(flow)
    first = len(flow.preload) + check
    arena = Arena(flow.books, len(commands))
    arena.m[::512] |= 0  # page faults are not to be measured
    out = np.zeros(4, np.int64)

    def step(part: Words) -> None:
        kernel(arena.m, np.ascontiguousarray(part).reshape(-1), len(part), arena.orders, arena.books, out)

    step(commands[:first])
    want = plainly(commands[:first])
    if tuple(out[:3].tolist()) != want:
        raise AnswerWrong(f"book alone: trades, lots, money {out[:3].tolist()}, recomputed {want}")
    rest = [np.ascontiguousarray(commands[i : i + 1000]).reshape(-1) for i in range(first, len(commands) - 999, 1000)]

    def work() -> None:
        for part in rest:
            kernel(arena.m, part, 1000, arena.orders, arena.books, out)

    return timed(len(rest) * 1000, work)


def rows(scale: float = 1.0) -> list[Result]:
    """The two lines of the table. scale: factor for the numbers of commands and resting orders, for smoke tests."""
    kernel = compiled(_run, "void(i8[::1], i8[::1], i8, i8, i8, i8[::1])", "book/levels", "prefetch")
    n, resting, check = int(1_000_000 * scale), int(100_000 * scale), int(50_000 * scale)
    found = []
    for name, books, aim in (("one book", 1, 8e6), ("100 books", 100, 5e6)):
        flow = named_flow(3, n + check, resting, books=books, group=(1, min(48, books)), sessions=64)
        t = run(kernel, flow, check)
        found.append(Result("book", f"book and matching alone, {name}, {resting:,} resting", t.rate, "commands/s", aim,
            note=f"{t.ns:.0f} ns a command; by the wall {t.wall_rate:,.0f}/s"))  # fmt: skip
    return found
