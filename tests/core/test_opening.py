"""A venue that moves: after random trading its markets are opened in another core, equal in all but numbers, and trading goes on equally."""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import pytest

from exchange_server.core.layout import definitions as d
from protocol import codes as C
from tests import arena
from tests.bridge import command_words, event_rows, plain
from tests.core_rig import Pair, PairStory
from tests.model_opening import listing_row, opening
from tests.model_world import Limits, Row
from tests.model_worlds import SECOND, definitions

LONG = os.environ.get("EXOS_LONG") == "1"
FIRMS = 4
NUMBERS = ("number", "time", "previous", "session_number", "order", "trade", "client_number", "orig")
WORLDS: list[dict[str, Any]] = [
    {"product": C.EXACTLY, "n": 3, "k": 1, "maker": -200, "taker": 700, "owner_share": 3000},
    {"product": C.EXACTLY, "n": 4, "k": 2, "maker": 300, "taker": 300, "venue_share": 9000},
    {"product": C.AT_MOST, "n": 3, "k": 2, "taker": 500},
    {"product": C.SPOT, "maker": -5, "taker": 30, "lot_base": 7, "owner_share": 5000, "price_max": 5000},
]


def step(s: PairStory, r: random.Random) -> Row:
    """One request of a client, an operator's change of fees, or a turn."""
    firm, kind, m = r.randint(1, FIRMS), r.random(), s.model
    spot = m.events[1].product == C.SPOT
    instrument = r.randint(1, len(m.instruments))
    mine = [o for o in m.open if o.firm == firm]
    s.next_id += 1
    key: Any = f"id {s.next_id}" if r.random() < 0.3 else s.next_id
    if kind < 0.1:
        return Row(kind=C.C_TIME, turn=m.turn + 1, now=m.now + SECOND, tick=m.tick + SECOND)
    if kind < 0.15 and not spot:
        return Row(kind=r.choice((C.C_SPLIT, C.C_MERGE)), session=firm, instrument=1, sets=r.randint(1, 9), id=key)
    if kind < 0.2:
        row = listing_row(m.listings[(1, instrument)])
        row.update(
            taker=r.choice((700, 300, 0)),
            owner_share=r.choice((0, 1000)),
            model=C.FEE_NOTIONAL if spot else r.choice((C.FEE_QUADRATIC, C.FEE_MIN)),
        )
        row.update(maker=min(row.maker, row.taker) if row.maker >= 0 else -min(-row.maker, row.taker))
        return row
    if kind < 0.3 and mine:
        return Row(kind=C.C_CANCEL, session=firm, orig=r.choice(mine).key, id=key)
    if kind < 0.45 and mine:
        o = r.choice(mine)
        price = o.client_price(o.price) + r.choice((0, 0, 1, -1))
        return Row(kind=C.C_REPLACE, session=firm, orig=o.key, id=key, price=price, qty=max(o.qty + r.choice((-2, 3)), o.cum + 1))
    row = Row(
        kind=C.C_NEW, session=firm, instrument=instrument, side=r.choice((C.BUY, C.SELL)), contract_side=C.NO if not spot and r.random() < 0.4 else C.YES,
        type=C.LIMIT, tif=r.choice((C.GTC, C.GTC, C.DAY, C.GTD, C.IOC)), price=r.randint(45, 55), qty=r.randint(1, 30), id=key,
    )  # fmt: skip
    if row.tif == C.GTD:
        row["expiry"] = m.now + r.randint(1, 40) * SECOND
    return row


def moved(s: PairStory, world: dict[str, Any]) -> Pair:
    """The same markets in a new core and model, opened from the state of the old model. All rows of the opening are one act."""
    pair = Pair(s.pair.limits)
    for row in definitions(FIRMS, 0, opened=False, **world):
        pair.apply(row)
    for row in s.model.listings.values():
        pair.apply(listing_row(row))
    pair.apply(Row(kind=C.C_TIME, turn=2, now=s.model.now, tick=s.model.tick))
    for account in s.model.accounts.values():
        for asset, amount in account.cash.items():
            if amount:
                pair.apply(Row(kind=C.C_TRANSFER, target=account.id, asset=asset, amount=amount))
    rows = opening(s.model)
    got = event_rows(pair.core.step(np.concatenate([command_words(row) for row in rows])))
    assert pair.core.refused == 0
    want = [plain(event) for row in rows for event in pair.model.apply(row)]
    pair.compare("events", [dict(e) for e in want], [dict(e) for e in got])
    pair.compare("state", pair.model.state(), pair.core.state())
    arena.walk(pair.core.m)
    pair.model.check_invariants()
    assert pair.core.engine.check() == []
    return pair


def books(state: dict[str, Any], model: Any) -> Any:
    """What must be equal: balances, positions, and for each book its orders in the order of the queue."""
    keys = {o.id: (o.firm, o.key) for o in model.open}
    queues = {place: [keys[id] for id in ids] for place, ids in state["queues"].items()}
    return (
        state["balances"],
        state["positions"],
        queues,
        sorted(state["open"].values(), key=str),
        [x.touched for x in model.events.values()],
    )


def told(events: list[Row]) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name not in NUMBERS} for event in events]


@pytest.mark.parametrize("seed", range(40 if LONG else 2))
@pytest.mark.parametrize("world", WORLDS, ids=["1 of 3", "2 of 4", "at most", "spot"])
def test_trading_goes_on_equally(world: dict[str, Any], seed: int) -> None:
    r = random.Random(seed)
    s = PairStory(FIRMS, 20_000, Limits(256, 2048), **world)
    if world["product"] == C.SPOT:
        for firm in range(1, FIRMS + 1):
            s.fund(firm, 3_000, 2)
    for _ in range(150):
        s.apply(step(s, r))
    assert s.model.open and len(s.model.closed) > 20
    other = moved(s, world)
    old, new = books(s.model.state(), s.model), books(other.model.state(), other.model)
    assert old == new
    if world["product"] != C.SPOT:
        assert {a.external + e.pool for a, e in zip(other.model.assets.values(), other.model.events.values())}
    traded = 0
    for _ in range(80):
        row = step(s, r)
        one = s.apply(row)
        two = other.apply(Row({**row, "turn": other.model.turn + 1} if row.kind == C.C_TIME else row))
        assert told(one) == told(two)
        traded += sum(event.kind == C.E_FILL for event in one)
    assert traded > 10
    if world["product"] != C.SPOT:
        payouts = [100] * world["k"] + [0] * (world["n"] - world["k"])
        for kind, fields in (
            (C.C_PHASE, {"phase": C.PH_CLOSED}),
            (C.C_DETERMINE, {"version": 1, "payouts": payouts}),
            (C.C_FINALISE, {"version": 1}),
        ):
            row = Row(kind=kind, event=1, **fields)
            assert told(s.apply(row)) == told(other.apply(row)), "settled in the same order, with the same amounts"


def test_a_determined_market_keeps_its_result_and_its_window() -> None:
    world = {"product": C.EXACTLY, "n": 2, "k": 1, "window": 50 * SECOND}
    s = PairStory(FIRMS, 20_000, **world)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=7)
    s.new(1, C.SELL, 7, 60)
    s.new(2, C.BUY, 7, 60)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[100, 0])
    other = moved(s, world)
    finalise = Row(kind=C.C_FINALISE, event=1, version=1)
    other.apply(finalise)
    assert other.core.refused == C.R_CHALLENGE_WINDOW
    s.later(60)
    other.apply(Row(kind=C.C_TIME, turn=9, now=s.model.now, tick=s.model.tick))
    assert told(s.apply(finalise)) == told(other.apply(finalise))
    assert other.model.events[1].pool == 0
    again = moved(s, world)
    again.apply(finalise)
    assert again.core.refused == C.R_ALREADY_FINAL


def test_a_market_that_came_final_is_not_corrected() -> None:
    """It was paid where it came from, and the positions for that are there: here a correction would pay nobody."""
    world = {"product": C.EXACTLY, "n": 2, "k": 1}
    s = PairStory(FIRMS, 20_000, **world)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=7)
    s.new(1, C.SELL, 7, 60)
    s.new(2, C.BUY, 7, 60)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[100, 0])
    s.do(C.C_FINALISE, event=1, version=1)
    other = moved(s, world)
    before = other.core.engine.digest()
    correction = Row(kind=C.C_REVERSE, event=1, version=2, payouts=[0, 100])
    assert other.apply(correction) == [] and other.model.refused == C.R_PAID_ELSEWHERE
    other.apply(Row(kind=C.C_REVERSE, event=1))
    assert other.model.refused == C.R_NOTHING_OWED and other.core.engine.digest() == before
    assert [event.kind for event in s.apply(correction)] == [C.E_REVERSED] * 2 + [C.E_FINAL], "where it was paid"


def ahead(s: PairStory, contract: int, act: int, **more: int) -> list[Row]:
    event = s.model.events[1]
    version = event.version + 1 if act == C.AHEAD_DETERMINE else event.ahead[contract].version
    return s.do(C.C_AHEAD, event=1, instrument=contract, act=act, version=version, **more)


AHEAD_WORLDS: list[tuple[dict[str, Any], int, list[int]]] = [
    ({"product": C.EXACTLY, "n": 6, "k": 2}, 0, [0, 100, 0, 100, 0, 0]),
    ({"product": C.EXACTLY, "n": 5, "k": 2}, 100, [100, 0, 0, 100, 0]),
    ({"product": C.AT_MOST, "n": 5, "k": 3}, 100, [100, 0, 0, 100, 0]),
]


@pytest.mark.parametrize(("world", "paid", "payouts"), AHEAD_WORLDS, ids=["loser", "winner", "at most"])
def test_contracts_ahead_of_their_group_move(world: dict[str, Any], paid: int, payouts: list[int]) -> None:
    """One is paid, one determined, one disputed: requirements, sets, windows, the rest of the trading, the whole result and its correction are the same."""
    world = {**world, "window": 50 * SECOND}
    s = PairStory(FIRMS, 20_000, **world)
    if world["product"] == C.EXACTLY:
        s.do(C.C_SPLIT, session=3, instrument=1, sets=12)
    for contract in (1, 2, 3, 4):
        s.new(2, C.SELL, 7, 40, instrument=contract)
        s.new(3, C.BUY, 5, 40, instrument=contract)
    ahead(s, 1, C.AHEAD_DETERMINE, payout=paid)
    s.later(60)
    ahead(s, 1, C.AHEAD_FINALISE)
    ahead(s, 5, C.AHEAD_DETERMINE)
    s.later(10)
    ahead(s, 3, C.AHEAD_DETERMINE)
    ahead(s, 3, C.AHEAD_DISPUTE, firm=3)
    s.new(4, C.SELL, 3, 55, instrument=4)
    assert [a.phase for a in s.model.events[1].ahead.values()] == [C.PH_FINAL, C.PH_DETERMINED, C.PH_DISPUTED]
    other = moved(s, world)
    assert books(s.model.state(), s.model) == books(other.model.state(), other.model)
    settled = {place: q for place, q in other.model.events[1].settled.items() if q}
    assert settled and settled == s.model.events[1].settled

    def both(row: Row) -> list[dict[str, Any]]:
        one, two = s.apply(row), other.apply(Row({**row, "turn": other.model.turn + 1} if row.kind == C.C_TIME else row))
        assert told(one) == told(two) and s.pair.core.refused == other.core.refused and other.core.engine.check() == []
        return told(one)

    versions = {contract: a.version for contract, a in s.model.events[1].ahead.items()}
    step = {"kind": C.C_AHEAD, "event": 1, "act": C.AHEAD_FINALISE}
    both(Row(**step, instrument=5, version=versions[5]))
    assert other.core.refused == C.R_CHALLENGE_WINDOW
    both(Row(**step, instrument=3, version=versions[3]))
    assert other.core.refused == C.R_AHEAD_DISPUTED
    both(Row(**step, instrument=1, version=versions[1]))
    assert other.core.refused == C.R_ALREADY_FINAL
    assert both(
        Row(kind=C.C_NEW, session=1, instrument=1, side=C.BUY, contract_side=C.YES, type=C.LIMIT, tif=C.GTC, price=40, qty=2, id="late")
    )[0]["reason"]
    if world["product"] == C.EXACTLY:
        both(Row(kind=C.C_SPLIT, session=4, instrument=2, sets=3, id="set"))
    both(Row(kind=C.C_NEW, session=1, instrument=4, side=C.BUY, contract_side=C.YES, type=C.LIMIT, tif=C.GTC, price=60, qty=5, id="trades"))
    both(Row(kind=C.C_TIME, turn=s.model.turn + 1, now=s.model.now + 40 * SECOND, tick=s.model.tick + SECOND))
    both(Row(**step, instrument=5, version=versions[5]))
    assert other.model.events[1].ahead[5].phase == C.PH_FINAL
    both(Row(kind=C.C_AHEAD, event=1, act=C.AHEAD_UPHOLD, instrument=3, version=versions[3]))
    both(Row(kind=C.C_PHASE, event=1, phase=C.PH_CLOSED))
    wrong = [100 - payouts[0], *payouts[1:]]
    both(Row(kind=C.C_DETERMINE, event=1, version=s.model.events[1].version + 1, payouts=wrong))
    assert other.core.refused in (C.R_AHEAD_DIFFERS, C.R_PAYOUT_SUM)
    version = s.model.events[1].version + 1
    both(Row(kind=C.C_DETERMINE, event=1, version=version, payouts=payouts))
    both(Row(kind=C.C_TIME, turn=s.model.turn + 1, now=s.model.now + 60 * SECOND, tick=s.model.tick + SECOND))
    again = moved(s, world)
    both(Row(kind=C.C_FINALISE, event=1, version=version))
    again.apply(Row(kind=C.C_FINALISE, event=1, version=version))
    assert again.model.state()["balances"] == other.model.state()["balances"], "a determined market with contracts that were paid moves too"
    assert other.model.events[1].pool == again.model.events[1].pool == 0
    assert both(Row(kind=C.C_REVERSE, event=1, version=version + 1, payouts=[payouts[0], *payouts[:0:-1]]))


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"phase": C.PH_OPEN}, d.DO_PHASE), ({"paid": 50}, d.DO_PAID), ({"paid": 100}, d.DO_PAID), ({"target": 9}, None),
    ],
)  # fmt: skip
def test_a_contract_that_cannot_be_ahead_is_refused(fields: dict[str, int], word: int | None) -> None:
    s = PairStory(product=C.EXACTLY, n=3, k=1, opened=False)
    row = {"part": C.OPENING_CONTRACT, "target": 1, "phase": C.PH_FINAL, "version": 1, **fields}
    before = s.pair.core.state()
    s.pair.core.step(command_words(Row(kind=C.C_OPENING, **row)))
    assert s.pair.core.refused == (C.R_BAD_DEFINITION if word else C.R_UNKNOWN_INSTRUMENT) and s.pair.core.state() == before
    assert word is None or s.pair.core.engine.refusal[2] == word


NEW = {"product": C.EXACTLY, "n": 2, "k": 1, "opened": False}
ORDER = {
    "part": C.OPENING_ORDER, "target": 1, "account": 16, "venue": 1, "book_side": C.BUY, "side": C.BUY, "contract_side": C.YES, "type": C.LIMIT,
    "tif": C.GTC, "price": 40, "qty": 5, "id": 3, "model": C.FEE_QUADRATIC,
}  # fmt: skip
MARKET = {"part": C.OPENING_MARKET, "target": 1, "phase": C.PH_OPEN}
REFUSED: list[tuple[dict[str, Any], int, tuple[int, int, int]]] = [
    ({"part": 9}, C.R_BAD_DEFINITION, (C.OPENING_REST, 9, d.DO_PART)),
    ({**MARKET, "target": 7}, C.R_UNKNOWN_EVENT, (0, 0, 7)),
    ({**MARKET, "phase": 40}, C.R_BAD_DEFINITION, (11, 40, d.DO_PHASE)),
    ({"part": C.OPENING_CONTRACT, "target": 40}, C.R_UNKNOWN_INSTRUMENT, (0, 0, 40)),
    ({"part": C.OPENING_POSITION, "target": 40, "account": 16, "qty": 1}, C.R_UNKNOWN_INSTRUMENT, (0, 0, 40)),
    ({"part": C.OPENING_POSITION, "target": 1, "account": 2, "qty": 1}, C.R_UNKNOWN_ACCOUNT, (0, 0, 2)),
    ({**ORDER, "target": 40}, C.R_UNKNOWN_INSTRUMENT, (0, 0, 40)),
    ({**ORDER, "account": 60}, C.R_UNKNOWN_ACCOUNT, (0, 0, 60)),
    ({"part": C.OPENING_ENTER, "account": 16, "id": 3}, C.R_UNKNOWN_ORDER, (0, 0, 0)),
    ({"part": C.OPENING_REST, "account": 16, "id": 3}, C.R_UNKNOWN_ORDER, (0, 0, 0)),
]


@pytest.mark.parametrize(("fields", "reason", "numbers"), REFUSED)
def test_what_the_core_refuses_by_itself(fields: dict[str, Any], reason: int, numbers: tuple[int, int, int]) -> None:
    s = PairStory(**NEW)
    before = s.pair.core.state()
    s.pair.core.step(command_words(Row(kind=C.C_OPENING, **fields)))
    assert (s.pair.core.refused, s.pair.core.engine.refusal) == (reason, numbers)
    assert s.pair.core.state() == before and s.pair.core.engine.check() == []


def test_a_market_that_somebody_has_touched_and_an_id_that_is_used_are_refused() -> None:
    s = PairStory(product=C.EXACTLY, n=2, k=1)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=7)
    s.new(1, C.SELL, 7, 60, id=3)
    core = s.pair.core
    core.step(command_words(Row(kind=C.C_OPENING, **MARKET)))
    assert core.refused == C.R_BAD_DEFINITION
    core.step(command_words(Row(kind=C.C_OPENING, **ORDER)))
    assert core.refused == C.R_ID_USED and core.engine.check() == []


def test_a_listing_ends_when_none_of_its_orders_is_open_under_whatever_terms() -> None:
    s = PairStory(product=C.AT_MOST)
    s.new(1, C.BUY, 7, 60)
    s.apply(Row(listing_row(s.model.listings[1, 1]), taker=300))
    s.do(C.C_UNLIST, venue=1, instrument=1)
    assert s.pair.core.refused == C.R_OPEN_ORDERS
    s.do(C.C_CANCEL, session=1, orig=1, id=9)
    s.do(C.C_UNLIST, venue=1, instrument=1)
    s.do(C.C_UNLIST, venue=1, instrument=1)
    (event,) = s.new(1, C.BUY, 7, 60)
    assert event.reason == C.R_UNKNOWN_INSTRUMENT
