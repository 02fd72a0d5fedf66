"""Seeded command flows as rows of words, shared by tests and benchmarks.

The named flow: 46 % new, 44 % cancel, 10 % replace (after a NASDAQ day's counts), 2 % of the new orders aggressive, cancels drawn by age
(most orders that go, go young), many resting orders over 100 books with one 48-contract group among them, 1,000 accounts. Every book has a
middle of its own; passive orders rest on their side of it, so only aggressive ones trade. Refusals come from orders that an aggressive one
has filled meanwhile.

    f = named_flow(seed=1, commands=100_000)          # definitions, preload and flow, all int64 rows
    turns(f.flow, 500, start_ns)                      # the same rows with a TIME row in front of every 500
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.layout import definitions as d
from protocol import codes as C
from tests.bridge import command_words
from tests.model_world import Row

Words = NDArray[np.int64]
START_NS = 1_700_000_000_000_000_000
PAYOUT = 10_000  # ticks
SHARES = {"new": 0.46, "cancel": 0.44, "replace": 0.10}
AGGRESSIVE = 0.02  # of the new orders
YOUNG = 0.8  # of the cancels and replaces go to recent orders, the rest to any
YOUNG_SCALE = 1_500.0  # mean age of those, in orders
CASH = 1 << 45


@dataclass
class NamedFlow:
    """definitions: rows for Engine.step_rows, in order; preload and flow: (n, 16) command rows without TIME rows."""

    definitions: Words
    preload: Words
    flow: Words
    books: int
    accounts: int
    sessions: int


def world(books: int, group: tuple[int, int], accounts: int, sessions: int, fees: tuple[int, int]) -> list[Row]:
    """Definitions: one event of group[1] contracts (exactly group[0] win), the other books lone binaries; a firm for each session, the
    accounts dealt to the firms in turn, all funded; `fees`: maker and taker in bps of the quadratic model."""
    rows = [Row(kind=C.C_TIME, turn=1, now=START_NS), Row(kind=C.C_DEF_ASSET, id=1), Row(kind=C.C_DEF_VENUE, id=1, fee_account=2)]
    rows += [Row(kind=C.C_DEF_ACCOUNT, id=i, account_kind=C.ACCT_FEES) for i in (1, 2, 3)]
    rows += [Row(kind=C.C_DEF_FIRM, id=i) for i in range(1, sessions + 1)]
    first = d.FIRST_TRADING_ACCOUNT
    for i in range(accounts):
        firm = i % sessions + 1
        rows.append(Row(kind=C.C_DEF_ACCOUNT, id=first + i, firm=firm, account_kind=C.ACCT_TRADING, session=firm))
    for i in range(1, sessions + 1):
        rows.append(Row(kind=C.C_DEF_SESSION, id=i, firm=i, account=first + i - 1))
        rows.append(Row(kind=C.C_LOGON, session=i, next_in=2))
    sizes = [group] + [(1, 1)] * (books - group[1])
    number = 1
    for event, (k, n) in enumerate(sizes, 1):
        rows.append(Row(
            kind=C.C_DEF_EVENT, id=event, product=C.EXACTLY if n > 1 else C.AT_MOST, k=k, n=n, asset=1, payout=PAYOUT, tick_value=1, owner_venue=1,
            phase=C.PH_LISTED,
        ))  # fmt: skip
        for index in range(n):
            rows.append(Row(
                kind=C.C_DEF_INSTRUMENT, id=number + index, event=event, index=index, min_qty=1, max_qty=100_000, lot=1, price_min=1,
                price_max=PAYOUT - 1, protection=500, max_position=10_000_000, bands=[(1, PAYOUT - 1, 1)],
            ))  # fmt: skip
        for index in range(n):
            rows.append(Row(
                kind=C.C_DEF_LISTING, venue=1, instrument=number + index, model=C.FEE_QUADRATIC, maker=fees[0], taker=fees[1], owner_share=3000,
                venue_share=3000, owner_account=3, venue_account=2,
            ))  # fmt: skip
        rows.append(Row(kind=C.C_PHASE, event=event, phase=C.PH_OPEN))
        number += n
    rows += [Row(kind=C.C_TRANSFER, target=first + i, asset=1, amount=CASH) for i in range(accounts)]
    return rows


class _Draw:
    """Fields of new orders drawn in blocks, one array for each field."""

    def __init__(self, rng: np.random.Generator, n: int, books: int, accounts: int, sessions: int, group: int) -> None:
        index = rng.integers(0, accounts, n)
        self.account = index + d.FIRST_TRADING_ACCOUNT
        self.session = index % sessions + 1
        self.book = rng.integers(0, books, n)
        self.buy = rng.random(n) < 0.5
        self.offset = np.minimum(1 + rng.geometric(0.02, n), 450)
        self.qty = rng.integers(1, 200, n)
        self.no = rng.random(n) < 0.2
        middle = 500 + (np.arange(books) * 997) % 9000
        middle[:group] = np.maximum(500, PAYOUT // max(group, 1))
        self.middle = middle[self.book]

    def fields(self, aggressive: NDArray[np.bool_]) -> dict[str, Any]:
        """Book price, side and contract side in the client's terms."""
        away = np.where(aggressive, -np.minimum(self.offset, 40), self.offset)
        book_price = np.where(self.buy, self.middle - away, self.middle + away)
        side = np.where(self.buy != self.no, C.BUY, C.SELL)
        price = np.where(self.no, PAYOUT - book_price, book_price)
        return {"side": side, "price": price, "book_price": book_price}


def named_flow(
    seed: int, commands: int, resting: int = 100_000, books: int = 100, group: tuple[int, int] = (1, 48), accounts: int = 1000, sessions: int = 8,
    fees: tuple[int, int] = (-50, 100),
) -> NamedFlow:  # fmt: skip
    """The named flow. `group` = (k, n): k of n win in the one large event; group = (32, 48) and books = 48 is the 32-of-48 row.
    Shallow case: resting = 500. Ids are integers, counted per session (so per firm), as a binary client gives them."""
    rng = np.random.default_rng(seed)
    definitions = np.concatenate([command_words(row) for row in world(books, group, accounts, sessions, fees)])
    n = resting + commands
    draw = _Draw(rng, n, books, accounts, sessions, group[1])
    kind = np.full(n, C.C_NEW, np.int64)
    kind[resting:] = rng.choice([C.C_NEW, C.C_CANCEL, C.C_REPLACE], commands, p=list(SHARES.values()))
    aggressive = (np.arange(n) >= resting) & (kind == C.C_NEW) & (rng.random(n) < AGGRESSIVE)
    fields = draw.fields(aggressive)
    rows = np.zeros((n, L.CMD_WORDS), np.int64)
    live = _follow(rng, kind, aggressive, draw, fields)
    session, account = draw.session[live["source"]], draw.account[live["source"]]
    tif = np.where(aggressive, C.IOC, C.GTC)
    contract_side = np.where(draw.no, C.NO, C.YES)
    new = kind == C.C_NEW
    head = kind.copy()
    head[new] |= (fields["side"] << 16 | contract_side << 20 | C.LIMIT << 24 | tif << 28)[new]
    rows[:, L.CMD_HEAD] = head
    rows[:, L.CMD_SESSION_ACCOUNT] = session << 32 | account
    rows[:, L.CMD_INSTRUMENT] = np.where(new, (draw.book + 1) << 32, 0)
    rows[:, L.CMD_PRICE], rows[:, L.CMD_QTY] = live["price"], live["qty"]
    rows[:, L.CMD_ID_LO], rows[:, L.CMD_ORIG_LO] = live["id"], live["orig"]
    number = _per_session(session, sessions) + 1
    rows[:, L.CMD_GROUP_SEQ] = number + 1
    return NamedFlow(definitions, rows[:resting], rows[resting:], books, accounts, sessions)


def _per_session(session: Words, sessions: int) -> Words:
    """Count of each row within its session, from 0."""
    out = np.zeros(len(session), np.int64)
    for s in range(1, sessions + 1):
        mine = session == s
        out[mine] = np.arange(mine.sum())
    return out


def _follow(rng: np.random.Generator, kind: Words, aggressive: NDArray[np.bool_], draw: _Draw, fields: dict[str, Any]) -> dict[str, Words]:
    """Walk the flow once: ids, and for every cancel and replace the order it means.

    `live` lists the orders in order of entry (row numbers of their NEW, -1 when gone); a draw by age counts from its end."""
    n = len(kind)
    source = np.arange(n)  # row whose session and account a row uses
    ids, orig = np.zeros(n, np.int64), np.zeros(n, np.int64)
    price, qty = fields["price"].copy(), draw.qty.copy()
    young = (rng.random(n) < YOUNG).tolist()
    age = rng.exponential(YOUNG_SCALE, n).astype(np.int64).tolist()
    anywhere = rng.random(n).tolist()
    smaller = (rng.random(n) < 0.5).tolist()
    step = rng.integers(1, 6, n).tolist()
    session, kinds, fast = draw.session.tolist(), kind.tolist(), aggressive.tolist()
    middle, buy, no = draw.middle.tolist(), draw.buy.tolist(), draw.no.tolist()
    last_id = dict.fromkeys(session, 0)
    live: list[int] = []
    gone = 0
    current: dict[int, list[int]] = {}  # order -> [id, book price, quantity]
    first = fields["book_price"].tolist()
    quantity = draw.qty.tolist()
    for i in range(n):
        k = kinds[i]
        if k != C.C_NEW:
            at = len(live) - 1 - age[i] if young[i] else int(anywhere[i] * len(live))
            at = max(at, 0)
            while at >= 0 and live[at] < 0:
                at -= 1
            if at < 0:
                at = next(j for j in range(len(live)) if live[j] >= 0)
            o = live[at]
            source[i] = o
        else:
            o = i
        s = session[o]
        last_id[s] += 1
        ids[i] = last_id[s]
        if k == C.C_NEW:
            if not fast[i]:
                live.append(i)
                current[i] = [last_id[s], first[i], quantity[i]]
            continue
        row = current[o]
        orig[i] = row[0]
        if k == C.C_CANCEL:
            live[at] = -1
            del current[o]
            gone += 1
            if 4 * gone > len(live):  # else a young draw walks ever longer over orders that went
                live = [x for x in live if x >= 0]
                gone = 0
            price[i] = qty[i] = 0
            continue
        row[0] = last_id[s]
        if smaller[i] and row[2] > 1:
            row[2] -= 1
        else:  # to another price of its own side of the middle
            side = -1 if buy[o] else 1
            away = (row[1] - middle[o]) * side
            row[1] = middle[o] + side * (away + step[i] if away < 400 else away - step[i])
        price[i] = PAYOUT - row[1] if no[o] else row[1]
        qty[i] = row[2]
    return {"source": source, "id": ids, "orig": orig, "price": price, "qty": qty}


def turns(rows: Words, size: int, start_ns: int = START_NS, step_ns: int = 1_000_000, first_turn: int = 2) -> Words:
    """Flat words: a TIME row in front of every `size` rows, each turn step_ns after the one before."""
    n = len(rows)
    count = -(-n // size)
    out = np.zeros((n + count, L.CMD_WORDS), np.int64)
    at = np.arange(count) * (size + 1)
    out[at, L.CMD_HEAD] = C.C_TIME
    out[at, L.CMD_TIME_TURN] = first_turn + np.arange(count)
    out[at, L.CMD_TIME_NS] = start_ns + np.arange(count) * step_ns
    mask = np.ones(n + count, bool)
    mask[at] = False
    out[mask] = rows
    return out.reshape(-1)
