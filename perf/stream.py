"""The named flow (tests/flows.py) of any length, made by compiled loops, and its commands as the bytes that clients send.

A flow of ten million commands takes some ten seconds and 0.5 GB (binary) or 1.6 GB (FIX) in all. Nothing is made while the clock runs.

    stream = Stream(seed=5, sessions=8)
    rows = stream.take(100_000, resting=True)         # orders that rest; then
    rows = stream.take(1_000_000)                     # the mix of new, cancel and replace; ids continue
    binary_bytes(rows, accounts) -> one Wire (bytes, ends of the messages) for each session
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.kit.jit import leaf
from exchange_server.core.layout import definitions as d
from exchange_server.wires.msgpack import write_int
from protocol import codes as C
from tests.flows import AGGRESSIVE, PAYOUT, SHARES, YOUNG, YOUNG_SCALE

from .kernels import compiled

Words = NDArray[np.int64]
BLOCK = 1 << 18  # commands drawn at once
ABOUT = 4  # further words of a row, for the text wire: instrument, side, contract side, time in force of the order it is about
# words of an order in the generator's own table
O_SESSION, O_ACCOUNT, O_BOOK, O_BUY, O_NO, O_ID, O_PRICE, O_QTY, O_MIDDLE = range(9)
O_WORDS = 9
# words of its state
S_LIVE, S_GONE, S_FREE, S_SLOTS = range(4)
TEXT_DIGITS = 10


@dataclass
class Rows:
    """words: (n, 16) command rows. about: (n, ABOUT)."""

    words: Words
    about: Words

    def __len__(self) -> int:
        return len(self.words)


@dataclass
class Wire:
    """One session's messages: the bytes, and where each ends (ends[0] is 0)."""

    data: NDArray[np.uint8]
    ends: Words


def _follow(kind, draws, book_middle, state, orders, live, free, last_id, out, about):  # type: ignore[no-untyped-def]
    """One block of commands. draws[i]: account, session, book, buy, offset, qty, no, fast, age, anywhere (in 2^-32), smaller, step."""
    for i in range(kind.shape[0]):
        k = kind[i]
        fast = draws[i, 7]
        at: Any = np.int64(0)
        if k == C.C_NEW:
            o = np.int64(state[S_SLOTS])  # an aggressive order uses the next slot and leaves it free
            if fast == 0:
                if state[S_FREE] > 0:
                    state[S_FREE] -= 1
                    o = free[state[S_FREE]]
                else:
                    state[S_SLOTS] += 1
                live[state[S_LIVE]] = o
                state[S_LIVE] += 1
            middle = book_middle[draws[i, 2]]
            away = -min(draws[i, 4], 40) if fast != 0 else draws[i, 4]
            orders[o, O_ACCOUNT] = draws[i, 0]
            orders[o, O_SESSION] = draws[i, 1]
            orders[o, O_BOOK] = draws[i, 2]
            orders[o, O_BUY] = draws[i, 3]
            orders[o, O_NO] = draws[i, 6]
            orders[o, O_PRICE] = middle - away if draws[i, 3] != 0 else middle + away
            orders[o, O_QTY] = draws[i, 5]
            orders[o, O_MIDDLE] = middle
        else:
            n = state[S_LIVE]
            at = n - 1 - draws[i, 8] if draws[i, 8] >= 0 else (draws[i, 9] * n) >> 32
            at = max(at, 0)
            while at >= 0 and live[at] < 0:
                at -= 1
            if at < 0:
                at = 0
                while live[at] < 0:
                    at += 1
            o = live[at]
        session = orders[o, O_SESSION]
        last_id[session] += 1
        orig = orders[o, O_ID]
        price = np.int64(0)
        qty = np.int64(0)
        head = k
        if k == C.C_CANCEL:
            live[at] = -1
            state[S_GONE] += 1
            free[state[S_FREE]] = o
            state[S_FREE] += 1
            if 4 * state[S_GONE] > state[S_LIVE]:  # else a young draw walks ever longer over orders that went
                kept = np.int64(0)
                for j in range(state[S_LIVE]):
                    if live[j] >= 0:
                        live[kept] = live[j]
                        kept += 1
                state[S_LIVE] = kept
                state[S_GONE] = 0
        else:
            orders[o, O_ID] = last_id[session]
            if k == C.C_REPLACE:
                if draws[i, 10] != 0 and orders[o, O_QTY] > 1:
                    orders[o, O_QTY] -= 1
                else:  # to another price of its own side of the middle
                    sign = -1 if orders[o, O_BUY] != 0 else 1
                    away = (orders[o, O_PRICE] - orders[o, O_MIDDLE]) * sign
                    orders[o, O_PRICE] = orders[o, O_MIDDLE] + sign * (away + draws[i, 11] if away < 400 else away - draws[i, 11])
            price = PAYOUT - orders[o, O_PRICE] if orders[o, O_NO] != 0 else orders[o, O_PRICE]
            qty = orders[o, O_QTY]
        side = np.int64(C.BUY) if (orders[o, O_BUY] != 0) != (orders[o, O_NO] != 0) else np.int64(C.SELL)
        contract_side = np.int64(C.NO) if orders[o, O_NO] != 0 else np.int64(C.YES)
        tif = np.int64(C.IOC) if fast != 0 and k == C.C_NEW else np.int64(C.GTC)
        if k == C.C_NEW:
            head |= side << 16 | contract_side << 20 | C.LIMIT << 24 | tif << 28
            out[i, L.CMD_INSTRUMENT] = (orders[o, O_BOOK] + 1) << 32
        else:
            out[i, L.CMD_ORIG_LO] = orig
        out[i, L.CMD_HEAD] = head
        out[i, L.CMD_SESSION_ACCOUNT] = session << 32 | orders[o, O_ACCOUNT]
        out[i, L.CMD_PRICE] = price
        out[i, L.CMD_QTY] = qty
        out[i, L.CMD_ID_LO] = last_id[session]
        about[i, 0] = orders[o, O_BOOK] + 1
        about[i, 1] = side
        about[i, 2] = contract_side
        about[i, 3] = tif


class Stream:
    """The named flow's commands in order. Ids are counted per session from 1 (first_id: from there)."""

    def __init__(
        self, seed: int, sessions: int, books: int = 100, group: int = 48, accounts: int = 1000, most: int = 1_000_000, first_id: int = 1
    ) -> None:
        """most: resting orders there may be at the same time."""
        self.rng = np.random.default_rng(seed)
        self.sessions, self.books, self.accounts = sessions, books, accounts
        self.middle = 500 + (np.arange(books, dtype=np.int64) * 997) % 9000
        self.middle[:group] = np.maximum(500, PAYOUT // max(group, 1))
        self.state = np.zeros(4, np.int64)
        self.orders = np.zeros((most, O_WORDS), np.int64)
        self.live = np.zeros(2 * most, np.int64)
        self.free = np.zeros(most, np.int64)
        self.last_id = np.full(sessions + 1, first_id - 1, np.int64)
        self.follow = compiled(
            _follow, "void(i8[::1], i8[:, ::1], i8[::1], i8[::1], i8[:, ::1], i8[::1], i8[::1], i8[::1], i8[:, ::1], i8[:, ::1])"
        )

    def take(self, count: int, resting: bool = False) -> Rows:
        """The next commands. resting: only new orders that rest."""
        found = Rows(np.zeros((count, L.CMD_WORDS), np.int64), np.zeros((count, ABOUT), np.int64))
        for at in range(0, count, BLOCK):
            n = min(BLOCK, count - at)
            kind, draws = self._draw(n, resting)
            self.follow(
                kind,
                draws,
                self.middle,
                self.state,
                self.orders,
                self.live,
                self.free,
                self.last_id,
                found.words[at : at + n],
                found.about[at : at + n],
            )
        return found

    def _draw(self, n: int, resting: bool) -> tuple[Words, Words]:
        rng = self.rng
        kind = np.full(n, C.C_NEW, np.int64)
        if not resting:
            kind = rng.choice(np.array([C.C_NEW, C.C_CANCEL, C.C_REPLACE]), n, p=list(SHARES.values()))
        account = rng.integers(0, self.accounts, n)
        draws = np.zeros((n, 12), np.int64)
        draws[:, 0] = account + d.FIRST_TRADING_ACCOUNT
        draws[:, 1] = account % self.sessions + 1
        draws[:, 2] = rng.integers(0, self.books, n)
        draws[:, 3] = rng.random(n) < 0.5
        draws[:, 4] = np.minimum(1 + rng.geometric(0.02, n), 450)
        draws[:, 5] = rng.integers(1, 200, n)
        draws[:, 6] = rng.random(n) < 0.2
        draws[:, 7] = (kind == C.C_NEW) & (rng.random(n) < AGGRESSIVE) & (not resting)
        draws[:, 8] = np.where(rng.random(n) < YOUNG, rng.exponential(YOUNG_SCALE, n).astype(np.int64), -1)
        draws[:, 9] = rng.integers(0, 1 << 32, n)
        draws[:, 10] = rng.random(n) < 0.5
        draws[:, 11] = rng.integers(1, 6, n)
        return kind, draws


def joined(parts: Sequence[Wire]) -> Wire:
    """One after the other."""
    starts = np.cumsum([0, *(len(part.data) for part in parts)])
    ends = np.concatenate([np.zeros(1, np.int64), *(part.ends[1:] + start for part, start in zip(parts, starts))])
    return Wire(np.concatenate([part.data for part in parts]), ends)


# ------------------------------------------------------------------------------------------------------------- binary
def _binary(rows, session, accounts, out, ends):  # type: ignore[no-untyped-def]
    """The frames of one session; returns how many. accounts: the server's ids by the flow's."""
    p = np.int64(0)
    count = np.int64(0)
    for i in range(rows.shape[0]):
        if rows[i, L.CMD_SESSION_ACCOUNT] >> 32 != session:
            continue
        head = rows[i, L.CMD_HEAD]
        kind = head & 255
        start = p
        p += 4
        account = accounts[rows[i, L.CMD_SESSION_ACCOUNT] & 0xFFFFFFFF]
        if kind == C.C_NEW:
            out[p] = 0x9B
            out[p + 1] = 10
            p = write_int(out, p + 2, rows[i, L.CMD_ID_LO])
            p = write_int(out, p, account)
            p = write_int(out, p, rows[i, L.CMD_INSTRUMENT] >> 32)
            for shift in (16, 20, 24, 28):
                out[p] = (head >> shift) & 15
                p += 1
            out[p] = 0  # flags
            p = write_int(out, p + 1, rows[i, L.CMD_PRICE])
            p = write_int(out, p, rows[i, L.CMD_QTY])
        else:
            out[p] = 0x95 if kind == C.C_CANCEL else 0x97
            out[p + 1] = 11 if kind == C.C_CANCEL else 12
            p = write_int(out, p + 2, rows[i, L.CMD_ID_LO])
            p = write_int(out, p, rows[i, L.CMD_ORIG_LO])
            p = write_int(out, p, account)
            p = write_int(out, p, rows[i, L.CMD_INSTRUMENT] >> 32)
            if kind != C.C_CANCEL:
                p = write_int(out, p, rows[i, L.CMD_PRICE])
                p = write_int(out, p, rows[i, L.CMD_QTY])
        size = p - start - 4
        for b in range(4):
            out[start + b] = (size >> (8 * b)) & 255
        count += 1
        ends[count] = p
    return count


FRAME_MOST = 64  # bytes of one of these frames, at most


def binary_bytes(rows: Rows, sessions: int, accounts: Words) -> list[Wire]:
    """The frames of each session. accounts: the server's account ids, by the flow's."""
    kernel = compiled(_binary, "i8(i8[:, ::1], i8, i8[::1], u1[::1], i8[::1])", "../wires/msgpack")
    found = []
    for n in range(1, sessions + 1):

        def write(out: NDArray[np.uint8], ends: Words, n: int = n) -> int:
            return int(kernel(rows.words, n, accounts, out, ends))

        found.append(_cut(FRAME_MOST, rows, n, write))
    return found


def _cut(most: int, rows: Rows, session: int, write: Callable[[NDArray[np.uint8], Words], int]) -> Wire:
    n = int((rows.words[:, L.CMD_SESSION_ACCOUNT] >> 32 == session).sum())
    out, ends = np.empty(n * most + 64, np.uint8), np.zeros(n + 1, np.int64)
    if write(out, ends) != n:
        raise AssertionError("the kernel left messages out")
    return Wire(out[: int(ends[-1])].copy(), ends)


# ---------------------------------------------------------------------------------------------------------------- FIX
@leaf
def _number(out, p, value, least):
    """`value` in decimal with at least so many digits; the position after it."""
    digits = np.int64(1)
    rest = value // 10
    while rest > 0:
        digits += 1
        rest //= 10
    digits = max(digits, least)
    for j in range(digits):
        out[p + digits - 1 - j] = 48 + value % 10
        value //= 10
    return p + digits


@leaf
def _text(out, p, texts, i):
    """Text i of a table (its length in the first byte)."""
    for j in range(texts[i, 0]):
        out[p + j] = texts[i, 1 + j]
    return p + texts[i, 0]


@leaf
def _tag(out, p, tag):
    p = _number(out, p, tag, 1)
    out[p] = 61
    return p + 1


@leaf
def _end(out, p):
    out[p] = 1
    return p + 1


@leaf
def _id(out, p, tag, texts, id):
    """A ClOrdID: decimal, or the prefix (text 3) and TEXT_DIGITS digits."""
    p = _text(out, _tag(out, p, tag), texts, 3)
    return _end(out, _number(out, p, id, TEXT_DIGITS if texts[3, 0] > 0 else 1))


def _fix(rows, about, session, first, decimals, texts, names, symbols, out, ends):  # type: ignore[no-untyped-def]
    """The messages of one session, numbered from `first`; returns how many. texts: header after MsgType up to MsgSeqNum, SendingTime, start of
    a message, prefix of the ids."""
    unit = np.int64(10) ** decimals
    p = np.int64(0)
    count = np.int64(0)
    for i in range(rows.shape[0]):
        if rows[i, L.CMD_SESSION_ACCOUNT] >> 32 != session:
            continue
        kind = rows[i, L.CMD_HEAD] & 255
        start = p
        p = _text(out, p, texts, 2)  # 8=FIX.4.4|9=
        length_at = p
        p = _end(out, p + 3)
        body = p
        out[p] = 51
        out[p + 1] = 53
        out[p + 2] = 61
        out[p + 3] = 68 if kind == C.C_NEW else 70 if kind == C.C_CANCEL else 71
        p = _text(out, _end(out, p + 4), texts, 0)  # 49=S1|56=EXOS-OE|34=
        p = _end(out, _number(out, p, first + count, 1))
        p = _end(out, _text(out, _tag(out, p, 52), texts, 1))
        if kind != C.C_NEW:
            p = _id(out, p, 41, texts, rows[i, L.CMD_ORIG_LO])
        p = _id(out, p, 11, texts, rows[i, L.CMD_ID_LO])
        p = _end(out, _text(out, _tag(out, p, 1), names, rows[i, L.CMD_SESSION_ACCOUNT] & 0xFFFFFFFF))
        p = _end(out, _text(out, _tag(out, p, 55), symbols, about[i, 0]))
        p = _end(out, _number(out, _tag(out, p, 54), about[i, 1], 1))
        p = _end(out, _text(out, _tag(out, p, 60), texts, 1))
        if kind != C.C_CANCEL:
            p = _end(out, _number(out, _tag(out, p, 38), rows[i, L.CMD_QTY], 1))
            p = _end(out, _number(out, _tag(out, p, 40), 2, 1))
            p = _number(out, _tag(out, p, 44), rows[i, L.CMD_PRICE] // unit, 1)
            out[p] = 46
            p = _end(out, _number(out, p + 1, rows[i, L.CMD_PRICE] % unit, decimals))
            if kind == C.C_NEW:
                p = _end(out, _number(out, _tag(out, p, 59), about[i, 3], 1))
            if about[i, 2] == C.NO:  # a NO order must be replaced as one: without 5010 the message means YES
                p = _tag(out, p, 5010)
                out[p] = 78
                p = _end(out, p + 1)
        _number(out, length_at, p - body, 3)
        total = np.int64(0)
        for j in range(start, p):
            total += out[j]
        p = _end(out, _number(out, _tag(out, p, 10), total & 255, 3))
        count += 1
        ends[count] = p
    return count


FIX_MOST = 288  # bytes of one of these messages, at most; all are 100 to 999 bytes long after tag 9


def table(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Texts as rows of bytes, the length first."""
    found = np.zeros((len(texts), 64), np.uint8)
    for i, text in enumerate(texts):
        data = text.encode()
        found[i, 0] = len(data)
        found[i, 1 : 1 + len(data)] = np.frombuffer(data, np.uint8)
    return found


def fix_bytes(
    rows: Rows, comp_ids: Sequence[str], names: Sequence[str], symbols: Sequence[str], sending_time: str, first: Sequence[int], prefix: str = "",
    decimals: int = 4,
) -> list[Wire]:  # fmt: skip
    """The messages of each session, numbered from first[session]. comp_ids by session id, names by the flow's account id, symbols by instrument id.
    prefix: of every ClOrdID, which then has TEXT_DIGITS digits after it."""
    kernel = compiled(_fix, "i8(i8[:, ::1], i8[:, ::1], i8, i8, i8, u1[:, ::1], u1[:, ::1], u1[:, ::1], u1[::1], i8[::1])")
    accounts, instruments = table(names), table(symbols)
    found = []
    for n in range(1, len(comp_ids)):
        texts = table([f"49={comp_ids[n]}\x0156=EXOS-OE\x0134=", sending_time, "8=FIX.4.4\x019=", prefix])

        def write(out: NDArray[np.uint8], ends: Words, n: int = n, texts: NDArray[np.uint8] = texts) -> int:
            return int(kernel(rows.words, rows.about, n, first[n], decimals, texts, accounts, instruments, out, ends))

        found.append(_cut(FIX_MOST, rows, n, write))
    return found
