"""`exos check` finds what is wrong in any structure, reports all of it, and the digest knows all that decides about later answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.core import proofs
from exchange_server.engine import Engine
from protocol import codes as C
from tests import arena
from tests.core_rig import PairStory
from tests.model_worlds import SECOND

Words = list[tuple[int, int]]  # (offset in the arena, what is added to the word)


@pytest.fixture(scope="module")
def engine() -> Engine:
    s = PairStory(firms=2, n=2, maker=100, taker=200)
    s.do(C.C_DEF_VENUE, id=1, fee_account=2, throttle_limit=1000, throttle_window=10**6 * SECOND)
    for i in range(1, 30):
        tif = C.DAY if i % 3 else C.GTC
        s.new(1, C.BUY, 5, 10 + i % 7, id=f"bid {i}" if i % 2 else i, tif=tif)
        s.new(1 + i % 2, C.SELL, 5, 60 + i % 5, id=1000 + i, instrument=1 + i % 2)
    s.do(C.C_REPLACE, session=1, orig="bid 1", id="renamed", price=12, qty=4)
    s.do(C.C_REPLACE, session=1, orig="bid 3", id="gone", price=12, qty=4)
    s.do(C.C_CANCEL, session=1, orig="gone", id=999)
    s.new(2, C.SELL, 7, 16, id=888)
    s.new(2, C.SELL, 7, 0, id=777)
    return s.pair.core.engine


def some_order(m: Any) -> int:
    return arena.open_orders(m)[3]


def some_level(m: Any) -> int:
    return int(m[some_order(m) + L.O_LEVEL])


def some_node(m: Any) -> int:
    return int(m[some_level(m) + L.L_NODE])


def some_instrument(m: Any) -> int:
    return int(m[some_order(m) + L.O_INSTRUMENT])


def some_closed(m: Any) -> int:
    return arena.archive_rows(m)[0]


def by_id(pool: int, number: int) -> Callable[[Any], int]:
    return lambda m: next(at for at in arena.rows_by_id(m, pool) if m[at] == number)


def timer(m: Any) -> int:
    return int(m[arena.pool(m, L.P_HEAP)["base"]])


def pool_word(pool: int, word: int) -> Callable[[Any], int]:
    return lambda m: L.H_POOLS + pool * L.POOL_WORDS + word


BROKEN: dict[str, tuple[Callable[[Any], int], int]] = {
    "back link of a queue": (some_order, L.O_PREV),
    "price of an order": (some_order, L.O_PRICE),
    "leaves": (some_order, L.O_LEAVES),
    "reserved fee": (some_order, L.O_RESERVED_FEE),
    "account list": (some_order, L.O_ACCT_PREV),
    "key of an order": (some_order, L.O_KEY_LO),
    "timer list": (lambda m: int(m[timer(m) + L.TM_HEAD]), L.SP_TIMER_PREV),
    "expiry of an order": (lambda m: int(m[timer(m) + L.TM_HEAD]), L.SP_EXPIRY),
    "order of a side row": (lambda m: int(m[timer(m) + L.TM_HEAD]), L.SP_ORDER),
    "quantity of a level": (some_level, L.L_QTY),
    "count of a level": (some_level, L.L_COUNT),
    "tail of a level": (some_level, L.L_TAIL),
    "price of a level": (some_level, L.L_PRICE),
    "mask of a node": (some_node, L.N_MASK),
    "slot of a node": (some_node, L.N_SLOT),
    "best bid": (some_instrument, L.I_BEST),
    "levels of an instrument": (some_instrument, L.I_LEVEL_COUNT),
    "orders of an instrument": (some_instrument, L.I_ORDERS_OPEN),
    "orders of an event": (by_id(L.P_EVENT, 1), L.E_OPEN_ORDERS),
    "orders of an account": (by_id(L.P_ACCOUNT, 16), L.AC_ORDER_COUNT),
    "orders of a firm": (by_id(L.P_FIRM, 1), L.F_OPEN),
    "nodes of a firm": (by_id(L.P_FIRM, 1), L.F_NODES),
    "positions of a firm": (by_id(L.P_FIRM, 2), L.F_POSITIONS),
    "maker of a node": (some_node, L.N_FIRM),
    "closed ids of a firm": (by_id(L.P_FIRM, 1), L.F_CLOSED),
    "key of a closed id": (some_closed, L.AR_KEY_LO),
    "time of a closed id": (some_closed, L.AR_CLOSED_AT),
    "time of a timer": (timer, L.TM_TIME),
    "count of a timer": (timer, L.TM_COUNT),
    "open orders": (lambda m: 0, L.H_OPEN_ORDERS),
    **{f"rows in use of {L.POOL_NAMES[p]}": (pool_word(p, L.PL_USED), 0) for p in (L.P_ORDER, L.P_LEVEL, L.P_NODE, L.P_TEXT, L.P_ARCHIVE, L.P_TIMER, L.P_SPECIAL, L.P_ID_HASH)},
    "entries that went past a line": (lambda m: arena.pool(m, L.P_ID_HASH)["base"], 7),
    "open quantity": (lambda m: arena.collateral_rows(m, by_id(L.P_EVENT, 1)(m))[0], L.CO_COLUMNS + L.COL_BQ * 2),
    "position": (lambda m: arena.collateral_rows(m, by_id(L.P_EVENT, 1)(m))[0], L.CO_COLUMNS),
    "cash": (lambda m: arena.balances(m)[0], L.B_CASH),
}  # fmt: skip


POINTERS = ("best bid", "tail of a level", "back link of a queue", "account list", "timer list")  # stay within the arena


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_word_is_found(engine: Engine, name: str) -> None:
    find, word = BROKEN[name]
    m = engine.m
    at = find(m) + word
    assert engine.check() == []
    amount = 64 if name in POINTERS else SECOND if name.startswith("time") else 1
    m[at] += amount
    try:
        said = engine.check()
    finally:
        m[at] -= amount
    assert said and all("{" not in line for line in said), said


def test_all_that_is_wrong_is_reported_and_a_flood_of_it_is_counted(engine: Engine) -> None:
    m = engine.m
    level, order = some_level(m), some_order(m)
    m[level + L.L_QTY] += 1
    m[order + L.O_RESERVED_FEE] += 1
    m[arena.balances(m)[0] + L.B_CASH] += 1
    said = engine.check()
    m[level + L.L_QTY] -= 1
    m[order + L.O_RESERVED_FEE] -= 1
    m[arena.balances(m)[0] + L.B_CASH] -= 1
    for part in ("balances and pools make", "has another quantity or count", f"order {int(m[order + L.O_ID])}: leaves"):
        assert any(part in line for line in said), (part, said)
    for o in arena.open_orders(m):
        m[o + L.O_RESERVED_FEE] += 1
    said = proofs.structure(m, 3)
    for o in arena.open_orders(m):
        m[o + L.O_RESERVED_FEE] -= 1
    assert len(said) == 4 and said[3].startswith("and ") and engine.check() == []


DIGESTED: dict[str, tuple[Callable[[Any], int], int]] = {
    "kill switch of the platform": (lambda m: 0, L.H_BARS),
    "kill switch of a venue": (by_id(L.P_VENUE, 1), L.V_BARS),
    "kill switch of a firm": (by_id(L.P_FIRM, 2), L.F_BARS),
    "kill switch of an account": (by_id(L.P_ACCOUNT, 17), L.AC_BARS),
    "kill switch of a session": (by_id(L.P_SESSION, 2), L.S_BARS),
    "freeze of a venue": (by_id(L.P_VENUE, 1), L.V_FREEZE),
    "quota of open orders": (by_id(L.P_VENUE, 1), L.V_MAX_OPEN),
    "open orders of a venue": (by_id(L.P_VENUE, 1), L.V_OPEN),
    "quota of messages": (by_id(L.P_VENUE, 1), L.V_PACE + L.TH_USED),
    "quota of journal bytes": (by_id(L.P_VENUE, 1), L.V_BYTES + L.TH_LIMIT),
    "who is admitted to a venue": (by_id(L.P_VENUE, 1), L.V_ACCESS),
    "who is admitted to an event": (by_id(L.P_EVENT, 1), L.E_ACCESS),
    "throttle of a venue": (by_id(L.P_VENUE, 1), L.V_THROTTLE + L.TH_USED),
    "throttle of a session": (by_id(L.P_SESSION, 1), L.S_THROTTLE + L.TH_USED),
    "share of a firm": (by_id(L.P_FIRM, 1), L.F_WEIGHT),
    "nodes of a firm": (by_id(L.P_FIRM, 1), L.F_NODES),
    "positions of a firm": (by_id(L.P_FIRM, 1), L.F_POSITIONS),
    "maker of a node": (some_node, L.N_FIRM),
    "who forgets next": (lambda m: 0, L.H_FORGETTING),
    "who drops a block next": (lambda m: 0, L.H_DROPPING),
    "how many ids lost their answer": (by_id(L.P_FIRM, 1), L.F_MOVED),
    "age of the last of them": (by_id(L.P_FIRM, 1), L.F_ANSWERED),
    "refusing turn": (lambda m: 0, L.H_REFUSE),
    "key of a closed id": (some_closed, L.AR_KEY_LO),
    "time of a closed id": (some_closed, L.AR_CLOSED_AT),
    "how it closed": (some_closed, L.AR_ATTR),
    "rebate of an order": (some_order, L.O_REBATE_NUM),
    "entry of an order": (some_order, L.O_ENTRY),
}


@pytest.mark.parametrize("name", DIGESTED)
def test_the_digest_knows(engine: Engine, name: str) -> None:
    find, word = DIGESTED[name]
    at = find(engine.m) + word
    before = engine.digest()
    engine.m[at] += 1
    changed = engine.digest()
    engine.m[at] -= 1
    assert changed != before and engine.digest() == before


def test_the_digest_knows_restrictions_and_refused_orders() -> None:
    digests = set()
    for restricted in ((), (1,), (2,), (1, 2)):
        s = PairStory(firms=2)
        for firm in restricted:
            s.do(C.C_RESTRICT, event=1, firm=firm, on=1)
        digests.add(s.pair.core.engine.digest())
    assert len(digests) == 4
    s = PairStory(cash=100)
    s.new(1, C.BUY, 10, 40, id=1)
    before = s.pair.core.engine.digest()
    s.pair.core.m[arena.archive_rows(s.pair.core.m)[0] + L.AR_ASKED] += 1
    assert s.pair.core.engine.digest() != before


@pytest.mark.parametrize("kind", [9, 20, 31, 33, 39, 99, 200])
def test_a_row_of_an_unknown_kind_stops_the_core(kind: int) -> None:
    from exchange_server.core import layout as L
    from exchange_server.engine import InvariantBroken
    from tests.bridge import new_words

    s = PairStory()
    words = new_words(kind, 0)
    words[L.CMD_SESSION_ACCOUNT] = 1 << 32
    with pytest.raises(InvariantBroken):
        s.pair.core.engine.apply(words, len(words), lambda _: None)
    assert s.pair.core.m[L.H_ERROR] == L.INV_ROW
