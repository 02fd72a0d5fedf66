"""Settlement in slices: closed to commands in between, others trade on, the same end wherever it is cut, snapshots in the middle."""

from __future__ import annotations

import pytest

from exchange_server.core import layout as L
from exchange_server.engine import Engine
from protocol import codes as C
from tests.bridge import command_words
from tests.core_rig import PairStory
from tests.model_world import Row

STEPS = 17  # one position


def story(firms: int = 5, n: int = 3) -> PairStory:
    """Firms with a set each in event 1 that is determined, and event 2, open, with one contract (4)."""
    s = PairStory(firms=firms, cash=1000, product=C.EXACTLY, n=n, k=1)
    for firm in range(1, firms + 1):
        s.do(C.C_SPLIT, session=firm, instrument=1, sets=firm)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[20, 30, 50])
    s.do(C.C_DEF_EVENT, id=2, product=C.AT_MOST, k=1, n=1, asset=1, payout=100, tick_value=1, owner_venue=1, phase=C.PH_LISTED)
    s.do(
        C.C_DEF_INSTRUMENT, id=n + 1, event=2, index=0, min_qty=1, max_qty=100, lot=1, price_min=1, price_max=99, protection=5, max_position=1000,
        bands=[(1, 99, 1)],
    )  # fmt: skip
    s.do(C.C_DEF_LISTING, venue=1, instrument=n + 1, model=C.FEE_QUADRATIC)
    s.do(C.C_PHASE, event=2, phase=C.PH_OPEN)
    return s


def finish(s: PairStory, steps: int) -> int:
    """Slices until nothing is being settled; how many it took."""
    count = 0
    while s.model.settling:
        s.do(C.C_CONTINUE, slice=steps)
        count += 1
    return count


@pytest.mark.parametrize("steps", [1, STEPS, 2 * STEPS, 1000])
def test_slices_of_any_size_end_alike(steps: int) -> None:
    s = story()
    first = s.do(C.C_FINALISE, event=1, version=1, slice=steps)
    assert len(first) == (16 if steps == 1000 else 3), "an account is paid in one piece"
    assert finish(s, steps) == (0 if steps == 1000 else 5)
    assert s.model.events[1].phase == C.PH_FINAL and all(s.cash(firm) == 1000 for firm in range(1, 6))


def test_an_event_that_is_being_paid_takes_no_command() -> None:
    s = story()
    s.do(C.C_FINALISE, event=1, version=1, slice=STEPS)
    for row in (
        Row(kind=C.C_FINALISE, event=1, version=1), Row(kind=C.C_PHASE, event=1, phase=C.PH_OPEN),
        Row(kind=C.C_DETERMINE, event=1, version=2, payouts=[100, 0, 0]), Row(kind=C.C_REVERSE, event=1),
    ):  # fmt: skip
        assert s.apply(row) == [] and s.model.refused == C.R_SETTLING
    s.do(C.C_CONTINUE)
    assert s.model.events[1].phase == C.PH_FINAL


def test_others_trade_between_two_slices() -> None:
    s = story()
    s.do(C.C_FINALISE, event=1, version=1, slice=STEPS)
    s.new(1, C.BUY, 3, 40, instrument=4)
    s.do(C.C_CONTINUE, slice=STEPS)
    assert [e.kind for e in s.new(2, C.SELL, 3, 40, instrument=4)] == [C.E_ACCEPTED, C.E_FILL, C.E_FILL]
    s.fund(5, -100)
    assert finish(s, STEPS) == 4


def test_a_small_event_is_final_at_once_while_a_large_one_waits() -> None:
    s = story()
    s.new(1, C.BUY, 3, 40, instrument=4)
    s.new(2, C.SELL, 3, 40, instrument=4)
    s.do(C.C_PHASE, event=2, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=2, version=1, payouts=[100])
    s.do(C.C_FINALISE, event=1, version=1, slice=STEPS)
    s.do(C.C_FINALISE, event=2, version=1, slice=10 * STEPS)
    assert s.model.events[2].phase == C.PH_FINAL and [e.id for e in s.model.settling] == [1]


def test_two_events_wait_in_order() -> None:
    s = story()
    s.new(1, C.BUY, 3, 40, instrument=4)
    s.new(2, C.SELL, 3, 40, instrument=4)
    s.do(C.C_PHASE, event=2, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=2, version=1, payouts=[100])
    s.do(C.C_FINALISE, event=1, version=1, slice=1)
    s.do(C.C_FINALISE, event=2, version=1, slice=1)
    seen = []
    while s.model.settling:
        seen += [e.order for e in s.do(C.C_CONTINUE, slice=1)]
    assert seen == [1] * 13 + [2, 2]


def test_nothing_to_continue_is_no_error() -> None:
    s = story()
    assert s.do(C.C_CONTINUE, slice=5) == []


def drive(engine: Engine, *rows: Row) -> None:
    for row in rows:
        words = command_words(row)
        engine.apply(words, len(words), lambda events: None)


def test_a_snapshot_in_the_middle_goes_on_like_the_original() -> None:
    s = story()
    s.do(C.C_FINALISE, event=1, version=1, slice=4 * STEPS)
    engine = s.pair.core.engine
    again = Engine.restore([bytes(chunk) for chunk in engine.snapshot()])
    assert again.settling and again.digest() == engine.digest()
    for one in (engine, again):
        drive(one, Row(kind=C.C_CONTINUE, slice=3 * STEPS), Row(kind=C.C_CONTINUE))
        assert not one.settling and one.check() == []
    assert again.digest() == engine.digest()


@pytest.mark.parametrize("word", [L.E_SETTLING, L.E_SETTLE_CONTRACT, L.E_SETTLE_ROW])
def test_the_digest_covers_where_it_stands(word: int) -> None:
    s = story()
    s.do(C.C_FINALISE, event=1, version=1, slice=4 * STEPS)
    engine = s.pair.core.engine
    event = engine.m[L.H_SETTLING]
    before = engine.digest()
    engine.m[event + word] = engine.m[event + L.E_COLL_HEAD] if word == L.E_SETTLE_ROW else engine.m[event + word] + 1
    assert engine.digest() != before


def test_the_digest_covers_which_event_is_next() -> None:
    s = story()
    s.do(C.C_FINALISE, event=1, version=1, slice=4 * STEPS)
    m, before = s.pair.core.m, s.pair.core.engine.digest()
    m[L.H_SETTLING] += L.EVENT_WORDS
    assert s.pair.core.engine.digest() != before
