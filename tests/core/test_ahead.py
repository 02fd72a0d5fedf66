"""A contract of a group that is determined ahead of the rest: paid at once, and the group goes on without it. Core and naive exchange side by side."""

from __future__ import annotations

from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.engine import Engine
from exchange_server.state import Instrument, part_in
from protocol import codes as C
from tests.bridge import plain
from tests.core.test_market_changes import add as add_outcome
from tests.core_rig import Pair, PairStory
from tests.model_world import Row
from tests.random_world import AheadGenerator, flow


def story(n: int = 4, k: int = 2, product: int = C.EXACTLY, **fields: Any) -> PairStory:
    """Exactly two of four reach the final; firm 1 has ten sets."""
    s = PairStory(**{"firms": 3, "cash": 5000, **fields}, product=product, n=n, k=k)
    if product == C.EXACTLY:
        s.do(C.C_SPLIT, session=1, instrument=1, sets=10)
    return s


def determine(s: PairStory, contract: int, payout: int = 0) -> list[Row]:
    return s.do(C.C_AHEAD, event=1, instrument=contract, act=C.AHEAD_DETERMINE, version=s.model.events[1].version + 1, payout=payout)


def act(s: PairStory, contract: int, what: int = C.AHEAD_FINALISE, **more: int) -> list[Row]:
    known = s.model.events[1].ahead.get(contract)
    return s.do(C.C_AHEAD, **{"event": 1, "instrument": contract, "act": what, "version": known.version if known else 0, **more})


def decide(s: PairStory, contract: int, payout: int = 0) -> list[Row]:
    determine(s, contract, payout)
    return act(s, contract)


def refused(s: PairStory, code: int, row: Row) -> None:
    before = s.pair.core.engine.digest()
    assert s.apply(row) == [] and s.model.refused == code and s.pair.core.engine.digest() == before


def test_an_early_loser_is_paid_and_the_others_go_on() -> None:
    s = story()
    s.new(1, C.BUY, 5, 30, instrument=3)
    s.new(2, C.SELL, 5, 20, instrument=4)
    events = determine(s, 4)
    assert [(e.kind, e.reason) for e in events] == [(C.E_AHEAD, 0), (C.E_CANCELED, C.R_CONTRACT_DECIDED)], "only its own book is closed"
    assert (events[0].instrument, events[0].leaves, events[0].cum, events[0].qty) == (4, C.PH_DETERMINED, 0, 1)
    assert s.new(2, C.SELL, 5, 20, instrument=4)[0].reason == C.R_MARKET_CLOSED
    assert [e.kind for e in s.new(2, C.SELL, 5, 30, instrument=3)] == [C.E_ACCEPTED, C.E_FILL, C.E_FILL], "the others trade"
    events = act(s, 4)
    assert [(e.kind, e.account, e.instrument, e.qty, e.last_price, e.leaves) for e in events] == [
        (C.E_SETTLED, 16, 4, 10, 0, 1), (C.E_AHEAD, 0, 4, 1, 0, C.PH_FINAL),
    ]  # fmt: skip
    assert s.position(1, 4) == 0 and s.model.events[1].pool == 2 * 100 * 10, "exactly 2 of 3 now"
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=2, payouts=[100, 100, 0, 0])
    s.do(C.C_FINALISE, event=1, version=2)
    event = s.model.events[1]
    assert event.phase == C.PH_FINAL and event.pool == 0 and s.cash(1) + s.cash(2) == 10_000


def test_a_winner_leaves_one_place_less() -> None:
    s = story()
    s.new(1, C.BUY, 4, 60, instrument=1)
    s.new(2, C.SELL, 4, 60, instrument=1)
    s.new(2, C.SELL, 4, 60, instrument=2)
    assert s.locked(2) == 400 + 160, "two of the four may win"
    events = decide(s, 1, 100)
    assert [(e.account, e.qty, e.last_price) for e in events if e.kind == C.E_SETTLED] == [(16, 14, 1400), (17, -4, -400)]
    assert s.cash(2) == 5000 + 240 - 400 and s.locked(2) == 160
    assert s.model.undecided(s.model.events[1]) == ([2, 3, 4], 1) and s.model.events[1].pool == 1000


def test_a_winner_is_not_paid_ahead_from_a_surplus_that_no_requirement_counts() -> None:
    """A set, and two of A sold: whatever wins, the account comes out even, so it may take all its cash. If A is paid first, it has nothing to pay with."""
    s = story()
    s.do(C.C_SPLIT, session=2, instrument=1, sets=1)
    s.new(2, C.SELL, 2, 60, instrument=1)
    s.new(3, C.BUY, 2, 60, instrument=1)
    assert s.locked(2) == 0
    s.fund(2, -s.cash(2))
    determine(s, 1, 100)
    refused(s, C.R_AHEAD_UNCOVERED, Row(kind=C.C_AHEAD, event=1, instrument=1, act=C.AHEAD_FINALISE, version=1))
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=2, payouts=[100, 0, 0, 100])
    s.do(C.C_FINALISE, event=1, version=2)
    assert s.model.events[1].phase == C.PH_FINAL and s.cash(2) == 0, "with the whole result it comes out even"


@pytest.mark.parametrize("sold", [(1, 1), (1, 4), (2, 3), (3, 1), (4, 4)])
def test_a_loser_is_paid_ahead_whatever_else_an_account_has(sold: tuple[int, int]) -> None:
    s = story()
    s.do(C.C_SPLIT, session=2, instrument=1, sets=1)
    for contract, qty in zip((1, 2), sold):
        s.new(2, C.SELL, qty, 60, instrument=contract)
        s.new(3, C.BUY, qty, 60, instrument=contract)
    s.fund(2, -(s.cash(2) - s.locked(2)))
    decide(s, 1, 0)
    assert s.model.events[1].ahead[1].phase == C.PH_FINAL and s.pair.core.engine.check() == []


def test_requirements_are_those_of_the_rest() -> None:
    """Short in three of four names of which two win; one is out: two shorts, both may win. One wins: of the others one may."""
    for payout, locked in ((0, 2000), (100, 1000)):
        s = story()
        for contract in (1, 2, 3):
            s.new(2, C.SELL, 10, 50, instrument=contract)
            s.new(1, C.BUY, 10, 50, instrument=contract)
        assert s.locked(2) == 2000 and s.cash(2) == 6500
        decide(s, 1, payout)
        assert s.locked(2) == locked and s.cash(2) == 6500 - 10 * payout
        s.new(3, C.SELL, 10, 50, instrument=2)
        s.new(1, C.BUY, 10, 50, instrument=2)
        assert s.locked(3) == 1000, "an account that comes later counts without it too"


@pytest.mark.parametrize("more", [0, 5, -4])
def test_what_was_paid_ahead_is_corrected_only_if_the_rest_was_paid_for_as_many_sets(more: int) -> None:
    """Else the pool would pay more than it takes, or keep the rest."""
    s = story()
    decide(s, 4)
    if more:
        s.do(C.C_SPLIT if more > 0 else C.C_MERGE, session=2 if more > 0 else 1, instrument=1, sets=abs(more))
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=2, payouts=[100, 100, 0, 0])
    s.do(C.C_FINALISE, event=1, version=2)
    correction = Row(kind=C.C_REVERSE, event=1, version=3, payouts=[100, 0, 0, 100])
    if more:
        refused(s, C.R_AHEAD_DIFFERS, correction)
        correction = Row(kind=C.C_REVERSE, event=1, version=3, payouts=[0, 100, 100, 0])
    s.apply(correction)
    assert s.model.events[1].version == 3 and s.model.events[1].pool == 0 and s.pair.core.engine.check() == []


def test_sets_are_of_the_rest() -> None:
    s = story()
    decide(s, 1, 100)
    moved = s.do(C.C_SPLIT, session=2, instrument=1, sets=3)[0]
    assert (moved.kind, moved.price) == (C.E_MOVED, -300) and [s.position(2, i) for i in (1, 2, 3, 4)] == [0, 3, 3, 3]
    assert s.do(C.C_MERGE, session=2, instrument=1, sets=3)[0].price == 300
    assert s.do(C.C_MERGE, session=1, instrument=1, sets=11)[0].reason == C.R_MERGE_TOO_MANY
    determine(s, 2)
    assert s.do(C.C_SPLIT, session=2, instrument=1, sets=1)[0].kind == C.E_MOVED, "what is determined and not paid is still in a set"
    assert s.position(2, 2) == 1


def test_at_most_groups() -> None:
    s = story(n=3, k=1, product=C.AT_MOST)
    for contract in (1, 2, 3):
        s.new(2, C.SELL, 10, 20, instrument=contract)
        s.new(1, C.BUY, 10, 20, instrument=contract)
    decide(s, 2)
    assert s.locked(2) == 1000
    refused(s, C.R_AHEAD_DECIDES, Row(kind=C.C_AHEAD, event=1, instrument=1, act=C.AHEAD_DETERMINE, version=2, payout=100))
    decide(s, 1)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=3, payouts=[0, 0, 0])
    s.do(C.C_FINALISE, event=1, version=3)
    assert s.cash(2) == 5600 and s.locked(2) == 0, "it ends with none"


def test_an_outcome_joins_after_another_left() -> None:
    s = story(n=3, k=2, product=C.AT_MOST, spare=2)
    decide(s, 1, 100)
    add_outcome(s)
    for contract in (2, 4, 3):
        s.new(2, C.SELL, 10, 20, instrument=contract)
        s.new(1, C.BUY, 10, 20, instrument=contract)
    assert s.locked(2) == 1000


def test_nothing_is_split_out_of_a_contract_that_is_decided() -> None:
    s = story(n=3, k=1, spare=1)
    determine(s, 3)
    add_outcome(s, source=3)
    assert s.model.refused == C.R_MARKET_CLOSED


def test_a_window_of_its_own_in_which_it_is_replaced_or_withdrawn() -> None:
    s = story(window=5 * 10**9)
    determine(s, 4)
    refused(s, C.R_CHALLENGE_WINDOW, Row(kind=C.C_AHEAD, event=1, instrument=4, act=C.AHEAD_FINALISE, version=1))
    s.later(3)
    assert determine(s, 4, 100)[0].qty == 2, "a new version"
    refused(s, C.R_NOT_DETERMINED, Row(kind=C.C_AHEAD, event=1, instrument=4, act=C.AHEAD_FINALISE, version=1))
    s.later(3)
    refused(s, C.R_CHALLENGE_WINDOW, Row(kind=C.C_AHEAD, event=1, instrument=4, act=C.AHEAD_FINALISE, version=2))
    (told,) = act(s, 4, C.AHEAD_WITHDRAW)
    assert (told.kind, told.leaves) == (C.E_AHEAD, C.PH_OPEN)
    assert s.new(2, C.SELL, 5, 20, instrument=4)[0].kind == C.E_ACCEPTED, "it trades again"
    refused(s, C.R_NOT_DETERMINED, Row(kind=C.C_AHEAD, event=1, instrument=4, act=C.AHEAD_WITHDRAW, version=2))
    determine(s, 4)
    s.later(5)
    act(s, 4)
    for what in (C.AHEAD_DETERMINE, C.AHEAD_FINALISE, C.AHEAD_WITHDRAW):
        refused(s, C.R_ALREADY_FINAL, Row(kind=C.C_AHEAD, event=1, instrument=4, act=what, version=3))


@pytest.mark.parametrize(
    ("world", "row", "code"),
    [
        ({}, {"event": 9}, C.R_UNKNOWN_EVENT),
        ({}, {"instrument": 9}, C.R_OUTCOME_UNKNOWN),
        ({}, {"version": 2}, C.R_RESULT_VERSION),
        ({}, {"payout": 50}, C.R_PAYOUT_RANGE),
        ({}, {"payout": -100}, C.R_PAYOUT_RANGE),
        ({"n": 2, "k": 1}, {}, C.R_AHEAD_DECIDES),
        ({"n": 3, "k": 2}, {}, C.R_AHEAD_DECIDES),
        ({"n": 3, "k": 1}, {"payout": 100}, C.R_AHEAD_DECIDES),
        ({"n": 1, "k": 1, "product": C.AT_MOST}, {}, C.R_AHEAD_DECIDES),
        ({"n": 1, "k": 1, "product": C.SCALAR}, {}, C.R_AHEAD_DECIDES),
        ({"n": 1, "k": 0, "product": C.SPOT}, {}, C.R_UNKNOWN_EVENT),
    ],
)
def test_what_is_refused(world: dict[str, int], row: dict[str, int], code: int) -> None:
    refused(story(**world), code, Row({"event": 1, "instrument": 1, "act": C.AHEAD_DETERMINE, "version": 1, **row}, kind=C.C_AHEAD))


def test_contracts_that_are_determined_and_not_paid_count_as_decided() -> None:
    s = story(n=4, k=2)
    determine(s, 1, 100)
    determine(s, 2)
    refused(s, C.R_AHEAD_DECIDES, Row(kind=C.C_AHEAD, event=1, instrument=3, act=C.AHEAD_DETERMINE, version=3, payout=100))


def test_one_is_paid_while_another_waits() -> None:
    s = story(n=5)
    determine(s, 4)
    decide(s, 5)
    assert s.new(2, C.SELL, 1, 50, instrument=4)[0].reason == C.R_MARKET_CLOSED
    act(s, 4)
    assert s.model.undecided(s.model.events[1]) == ([1, 2, 3], 2)


def test_the_result_of_the_group_agrees_with_what_was_paid() -> None:
    s = story()
    decide(s, 1, 100)
    decide(s, 4)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    refused(s, C.R_AHEAD_DIFFERS, Row(kind=C.C_DETERMINE, event=1, version=3, payouts=[0, 100, 100, 0]))
    refused(s, C.R_AHEAD_DIFFERS, Row(kind=C.C_VOID, event=1, version=3, payouts=[50, 50, 50, 50]))
    s.do(C.C_VOID, event=1, version=3, payouts=[100, 40, 60, 0])
    s.do(C.C_FINALISE, event=1, version=3)
    assert s.model.events[1].phase == C.PH_FINAL and s.cash(1) == 5000


def test_what_is_determined_and_not_paid_becomes_part_of_the_whole_result() -> None:
    s = story(window=5 * 10**9)
    determine(s, 1, 100)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=2, payouts=[0, 100, 100, 0])
    s.later(5)
    refused(s, C.R_NOT_AHEAD, Row(kind=C.C_AHEAD, event=1, instrument=1, act=C.AHEAD_FINALISE, version=1))
    s.do(C.C_FINALISE, event=1, version=2)
    assert s.model.events[1].ahead == {} and s.cash(1) == 5000


def test_a_correction_after_final_reaches_what_was_paid_ahead() -> None:
    s = story()
    s.new(1, C.SELL, 6, 30, instrument=4)
    s.new(2, C.BUY, 6, 30, instrument=4)
    decide(s, 4)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=2, payouts=[100, 100, 0, 0])
    s.do(C.C_FINALISE, event=1, version=2)
    s.do(C.C_REVERSE, event=1, version=3, payouts=[100, 0, 0, 100])
    assert s.cash(2) == 5000 - 180 + 600 and s.cash(1) == 5000 + 180 - 600


def test_a_trade_in_a_contract_that_was_paid_is_not_taken_back() -> None:
    s = story()
    legs = {}
    for contract in (3, 4):
        s.new(1, C.SELL, 6, 30, instrument=contract)
        legs[contract] = [plain(e) for e in s.new(2, C.BUY, 6, 30, instrument=contract) if e.kind == C.E_FILL]
    decide(s, 4)
    for contract, code in ((4, C.R_BUST_FINAL), (3, 0)):
        s.do(C.C_BUST, event=1, trade=legs[contract][0].trade, legs=legs[contract], bond=0, owner_account=3, venue_account=2)
        assert s.model.refused == code


def test_after_a_bust_an_account_may_be_left_below_zero_and_owes_when_the_group_is_paid() -> None:
    s = story(cash=700, n=3, k=1, product=C.AT_MOST)
    s.new(1, C.SELL, 10, 60)
    legs = [plain(e) for e in s.new(2, C.BUY, 10, 60) if e.kind == C.E_FILL]
    s.new(2, C.SELL, 10, 10)
    s.new(3, C.BUY, 10, 10)
    s.new(2, C.SELL, 1, 90, instrument=2)
    s.new(3, C.BUY, 1, 90, instrument=2)
    s.fund(2, -(s.cash(2) - s.locked(2)))
    s.do(C.C_BUST, event=1, trade=legs[0].trade, legs=legs, bond=0, owner_account=3, venue_account=2)
    decide(s, 1, 0)
    assert s.pair.core.engine.check() == []


def test_slices_in_which_nothing_of_the_event_trades() -> None:
    s = story(firms=5)
    for firm in range(2, 6):
        s.do(C.C_SPLIT, session=firm, instrument=1, sets=firm)
    s.new(3, C.SELL, 1, 90, instrument=2)
    determine(s, 4, 100)
    assert len(act(s, 4, slice=1)) == 1
    assert s.new(1, C.BUY, 1, 90, instrument=2)[0].reason == C.R_MARKET_PAUSED
    assert s.do(C.C_SPLIT, session=1, instrument=1, sets=1)[0].reason == C.R_MARKET_PAUSED
    for row in (Row(kind=C.C_PHASE, event=1, phase=C.PH_CLOSED), Row(kind=C.C_BANDS, event=1, bands=[(5, 95, 5)])):
        refused(s, C.R_SETTLING, row)
    engine = s.pair.core.engine
    again = Engine.restore([bytes(chunk) for chunk in engine.snapshot()])
    assert again.digest() == engine.digest()
    assert s.do(C.C_MASS_CANCEL, session=3, scope=C.SCOPE_SESSION, id=900)[0].kind == C.E_CANCELED
    while s.model.settling:
        s.do(C.C_CONTINUE, slice=1)
    assert s.new(1, C.BUY, 1, 90, instrument=2)[0].kind == C.E_ACCEPTED and s.model.events[1].phase == C.PH_OPEN


@pytest.mark.parametrize("word", [L.I_AHEAD, L.I_AHEAD_VERSION, L.I_AHEAD_UNTIL])
def test_the_digest_covers_it(word: int) -> None:
    s = story()
    determine(s, 4)
    m, before = s.pair.core.m, s.pair.core.engine.digest()
    m[Instrument.of(m, 4).at + word] += 1
    assert s.pair.core.engine.digest() != before


def test_who_was_paid_stays_a_party() -> None:
    s = story()
    s.new(1, C.SELL, 6, 30, instrument=4)
    s.new(2, C.BUY, 6, 30, instrument=4)
    decide(s, 4)
    m = s.pair.core.m
    assert [part_in(m, firm, 1) for firm in (1, 2, 3)] == [(True, False, False), (True, False, False), (False, False, False)]


@pytest.mark.parametrize("seed", range(30))
def test_any_flow(seed: int) -> None:
    world, commands = flow(seed, 250, AheadGenerator)
    pair = Pair(world.limits, world.retention_ns)
    for row in (*world.rows, *commands):
        pair.apply(row)


def test_the_flows_pay_contracts_ahead() -> None:
    """Else the flows above would prove nothing."""
    paid = 0
    for seed in range(30):
        world, commands = flow(seed, 250, AheadGenerator)
        paid += sum(row.kind == C.C_AHEAD and row.act == C.AHEAD_FINALISE for row in commands)
    assert paid > 40
