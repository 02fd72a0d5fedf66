"""What becomes of resting orders when a market changes its phase or its grid, and outcomes that come later: on the core and the naive exchange."""

from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.state import Instrument
from protocol import codes as C
from tests import core_rig
from tests.arena import rows_by_id
from tests.core_rig import PairStory
from tests.model_world import Limits, Row


def cancels(events: list[Row]) -> list[tuple[int, int]]:
    """(ClOrdID, reason) of what was cancelled."""
    return [(event.id, event.reason) for event in events if event.kind == C.E_CANCELED]


def phase(s: PairStory, *phases: int) -> list[tuple[int, int]]:
    return [gone for new in phases for gone in cancels(s.do(C.C_PHASE, event=1, phase=new))]


# ---- phases ------------------------------------------------------------------------------------------------------
def test_orders_lapse_when_the_market_goes_live_unless_they_persist() -> None:
    s = PairStory(product=C.EXACTLY, n=2, k=1, resting=C.RESTING_LIVE_LAPSE)
    s.new(1, C.BUY, 10, 40)
    s.new(1, C.BUY, 10, 40, flags=C.FLAG_PERSIST)
    s.new(2, C.SELL, 10, 60, flags=C.FLAG_PERSIST | C.FLAG_POST_ONLY)
    s.new(2, C.SELL, 10, 61, contract_side=C.NO, instrument=2)
    s.new(2, C.SELL, 10, 61)
    assert phase(s, C.PH_LIVE) == [(1, C.R_LAPSED), (5, C.R_LAPSED), (4, C.R_LAPSED)], "contract by contract, bids first"
    s.new(1, C.BUY, 10, 41)  # in play it rests like any other
    assert phase(s, C.PH_PAUSED, C.PH_LIVE) == [], "it was live before the pause"
    assert phase(s, C.PH_CANCEL_ONLY, C.PH_PAUSED, C.PH_LIVE) == []
    assert phase(s, C.PH_OPEN, C.PH_LIVE) == [(6, C.R_LAPSED)], "open again, and live again"
    assert phase(s, C.PH_CLOSED) == [(2, C.R_MARKET_CLOSING), (3, C.R_MARKET_CLOSING)], "closing spares nobody"


@pytest.mark.parametrize(
    ("resting", "live", "paused"),
    [
        (0, [], []),
        (C.RESTING_LIVE_CANCEL, [C.R_GOING_LIVE] * 2, []),
        (C.RESTING_PAUSE_CANCEL, [], [C.R_MARKET_PAUSING] * 2),
        (C.RESTING_LIVE_LAPSE | C.RESTING_PAUSE_CANCEL, [C.R_LAPSED], [C.R_MARKET_PAUSING] * 2),
    ],
)
def test_the_rules_of_a_market(resting: int, live: list[int], paused: list[int]) -> None:
    for new, reasons in ((C.PH_LIVE, live), (C.PH_PAUSED, paused), (C.PH_CANCEL_ONLY, [])):
        s = PairStory(resting=resting)
        s.new(1, C.BUY, 10, 40)
        s.new(2, C.SELL, 10, 60, flags=C.FLAG_PERSIST)
        assert [reason for _, reason in phase(s, new)] == reasons


def test_more_orders_lapse_than_the_event_buffer_holds() -> None:
    s = PairStory(resting=C.RESTING_LIVE_LAPSE)
    most = 3 * core_rig.EVENT_ROWS
    for number in range(1, most + 1):
        s.new(1, C.BUY, 1, 1 + number % 9, flags=C.FLAG_PERSIST if number % 3 == 0 else 0)
    gone = phase(s, C.PH_LIVE)
    assert len(gone) == most - most // 3 and all(id % 3 for id, _ in gone)


def test_reports_say_that_an_order_persists() -> None:
    s = PairStory()
    (accepted,) = s.new(1, C.BUY, 10, 40, flags=C.FLAG_PERSIST)
    fills = s.new(2, C.SELL, 4, 40)
    (replaced,) = s.do(C.C_REPLACE, session=1, id=50, orig=1, instrument=1, price=41, qty=10)
    (state,) = s.do(C.C_STATUS, session=1, id=50, orig=50)
    (gone,) = s.do(C.C_CANCEL, session=1, id=51, orig=50)
    assert all(event.flags & C.EF_PERSIST for event in (accepted, fills[1], replaced, state, gone))
    assert not fills[0].flags & C.EF_PERSIST and not fills[2].flags & C.EF_PERSIST


# ---- price bands -------------------------------------------------------------------------------------------------
def test_orders_that_do_not_fit_the_new_grid_are_cancelled() -> None:
    s = PairStory(product=C.EXACTLY, n=2, k=1)
    s.new(1, C.BUY, 10, 40)
    s.new(1, C.BUY, 10, 42)
    s.new(2, C.BUY, 10, 39, contract_side=C.NO)  # sells YES at 61
    s.new(2, C.SELL, 10, 60, instrument=2)
    s.new(2, C.SELL, 10, 99, instrument=2)
    events = s.do(C.C_BANDS, event=1, bands=[(5, 95, 5)])
    assert (events[0].kind, events[0].order, events[0].bands) == (C.E_BANDS, 1, [(5, 95, 5)])
    assert cancels(events) == [(2, C.R_OFF_NEW_GRID), (3, C.R_OFF_NEW_GRID), (5, C.R_OFF_NEW_GRID)]
    assert s.new(1, C.BUY, 10, 42)[0].reason == C.R_PRICE_OFF_GRID and s.new(1, C.BUY, 10, 45)[0].kind == C.E_ACCEPTED
    assert s.new(1, C.BUY, 10, 96)[0].reason == C.R_PRICE_OUT_OF_RANGE
    assert cancels(s.do(C.C_BANDS, event=1, bands=[(1, 99, 1)])) == []
    assert s.new(1, C.BUY, 10, 42)[0].kind == C.E_ACCEPTED


@pytest.mark.parametrize("word", [L.I_BANDS + 2, L.I_BAND_COUNT, L.I_PRICE_MIN, L.I_PRICE_MAX])
def test_the_digest_covers_the_grid(word: int) -> None:
    s = PairStory()
    m, before = s.pair.core.m, s.pair.core.engine.digest()
    m[Instrument.of(m, 1).at + word] += 1
    assert s.pair.core.engine.digest() != before


def test_a_book_grows_with_the_prices() -> None:
    """Spot prices up to 60 have one digit in base 64; then two, then three. What rests stays, and trades."""
    s = PairStory(product=C.SPOT, price_max=60)
    s.fund(2, 1000, asset=2)
    s.new(1, C.BUY, 1, 10)
    s.new(2, C.SELL, 1, 60)
    for top, price in ((4000, 3999), (250_000, 200_001)):
        assert cancels(s.do(C.C_BANDS, event=1, bands=[(1, top, 1)])) == []
        s.new(2, C.SELL, 1, price)
    assert [e.last_price for e in s.new(1, C.BUY, 3, 200_001) if e.kind == C.E_FILL] == [60, 60, 3999, 3999, 200_001, 200_001]
    assert cancels(s.do(C.C_BANDS, event=1, bands=[(1, 9, 1)])) == [(1, C.R_OFF_NEW_GRID)]
    assert s.new(1, C.BUY, 1, 9)[0].kind == C.E_ACCEPTED


def test_a_grid_for_which_there_are_no_nodes_is_refused() -> None:
    s = PairStory(product=C.SPOT, price_max=60, limits=Limits(16, 64, nodes=3))
    s.fund(2, 1000, asset=2)
    s.new(1, C.BUY, 1, 10)
    s.new(2, C.SELL, 1, 60)
    assert s.do(C.C_BANDS, event=1, bands=[(1, 4000, 1)]) == [] and s.pair.core.refused == C.R_BANDS_TOO_HIGH


@pytest.mark.parametrize("bands", [[], [(1, 9, 1)] * 9])
def test_a_grid_has_one_to_eight_bands(bands: list[tuple[int, int, int]]) -> None:
    s = PairStory()
    assert s.do(C.C_BANDS, event=1, bands=bands) == [] and s.pair.core.refused == C.R_BAD_DEFINITION


# ---- outcomes ----------------------------------------------------------------------------------------------------
def add(s: PairStory, source: int = 0) -> list[Row]:
    """One more outcome, as the registry defines it."""
    event, like = s.model.events[1], s.model.instruments[1]
    number = 1 + len(event.contracts)
    fields = {name: getattr(like, name) for name in vars(like) if name not in ("last", "top")}
    contract = Row(fields, kind=C.C_DEF_INSTRUMENT, id=number, index=number - 1)
    listing = Row(vars(s.model.listings[1, 1]), kind=C.C_DEF_LISTING, instrument=number)
    return s.do(C.C_ADD_CONTRACT, event=1, source=source, contract=contract, listings=[listing])


def required(s: PairStory, firm: int) -> int:
    return s.locked(firm)


def test_an_outcome_is_added_to_an_at_most_group() -> None:
    """k = 2 of 2, then of 3 and 4: the worst cases of those who were there stay the same, and the new contracts trade."""
    s = PairStory(product=C.AT_MOST, n=2, k=2, spare=2)
    s.new(1, C.BUY, 10, 40)
    s.new(2, C.SELL, 10, 40)
    s.new(2, C.SELL, 7, 90, instrument=2)
    before = required(s, 1), required(s, 2)
    for number in (3, 4):
        (event,) = add(s)
        assert (event.kind, event.instrument, event.order, event.price) == (C.E_CONTRACT, number, 1, 0)
        assert (required(s, 1), required(s, 2)) == before
        s.new(1, C.BUY, 5, 50, instrument=number)
        s.new(2, C.SELL, 5, 50, instrument=number)
        before = required(s, 1), required(s, 2)
    assert add(s) == [] and s.pair.core.refused == C.R_NO_SPARE_CONTRACT
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[0, 0, 0, 0])  # none of them
    settled = [e for e in s.do(C.C_FINALISE, event=1, version=1) if e.kind == C.E_SETTLED]
    assert len(settled) == 6 and all(e.price == 0 and e.last_price == 0 for e in settled)


def test_an_outcome_is_split_out_of_another() -> None:
    """Long and short get as much of the new one at no cash; sets, pool and requirements stay what they were."""
    s = PairStory(product=C.EXACTLY, n=2, k=1, spare=2)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=20)
    s.new(1, C.SELL, 5, 30, instrument=2)
    s.new(2, C.BUY, 5, 30, instrument=2)
    s.new(2, C.SELL, 12, 30, instrument=2)  # 5 + 7 short
    s.new(1, C.BUY, 12, 30, instrument=2)
    s.new(1, C.BUY, 3, 10, instrument=2)
    s.new(2, C.BUY, 3, 10, instrument=1)
    cash = s.cash(1), s.cash(2)
    held = required(s, 1) - 3 * 10, required(s, 2)
    events = add(s, source=2)
    assert cancels(events) == [(5, C.R_OUTCOME_SPLIT)], "what rests in the other outcomes stays"
    news = [(e.account, e.instrument, e.price, e.qty) for e in events if e.kind == C.E_CONTRACT]
    assert news == [(0, 3, 2, 0), (16, 3, 2, 27), (17, 3, 2, -7)]
    assert (s.cash(1), s.cash(2)) == cash and (required(s, 1), required(s, 2)) == held
    assert [s.position(1, i) for i in (1, 2, 3)] == [20, 27, 27] and [s.position(2, i) for i in (1, 2, 3)] == [0, -7, -7]
    s.do(C.C_MERGE, session=1, instrument=1, sets=20)
    assert [s.position(1, i) for i in (1, 2, 3)] == [0, 7, 7]
    add(s, source=2)
    assert s.position(2, 4) == -7
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[0, 0, 100, 0])
    s.do(C.C_FINALISE, event=1, version=1)
    assert s.cash(1) + s.cash(2) == 2_000_000


def test_who_is_told_of_a_split() -> None:
    """A session that asked for settlement reports, under its own number."""
    s = PairStory(product=C.EXACTLY, n=2, k=1, spare=1)
    s.do(C.C_LOGOFF, session=1)
    s.do(C.C_LOGON, session=1, logon_flags=4, next_in=2)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=5)
    number = s.model.sessions[1].next_out
    (_, told) = add(s, source=2)
    assert (told.session, told.session_number, told.account, told.qty) == (1, number, 16, 5)


@pytest.mark.parametrize(
    ("event", "source", "reason"),
    [
        ({"product": C.EXACTLY, "n": 2, "spare": 1}, 0, C.R_OUTCOME_FIXED),
        ({"product": C.AT_MOST, "n": 2, "spare": 1}, 2, C.R_OUTCOME_FIXED),
        ({"product": C.SCALAR, "n": 1}, 0, C.R_OUTCOME_FIXED),
        ({"product": C.EXACTLY, "n": 2}, 2, C.R_NO_SPARE_CONTRACT),
        ({"product": C.EXACTLY, "n": 2, "spare": 1}, 9, C.R_OUTCOME_UNKNOWN),
    ],
)
def test_what_gets_no_outcome(event: dict[str, Any], source: int, reason: int) -> None:
    s = PairStory(**event)
    assert add(s, source) == [] and s.pair.core.refused == reason


def test_nothing_changes_in_a_closed_market() -> None:
    s = PairStory(product=C.AT_MOST, n=1, spare=1)
    phase(s, C.PH_CLOSED)
    for events in (add(s), s.do(C.C_BANDS, event=1, bands=[(1, 9, 1)])):
        assert events == [] and s.pair.core.refused == C.R_MARKET_CLOSED


@pytest.mark.parametrize(("product", "k", "room"), [(C.EXACTLY, 2, 4), (C.SCALAR, 1, 2), (C.SPOT, 0, 2), (C.AT_MOST, 1, 2)])
def test_only_groups_that_can_grow_have_room(product: int, k: int, room: int) -> None:
    core = PairStory(opened=False).pair.core
    n = 3 if room == 4 or product == C.AT_MOST else 1
    fields = {"id": 2, "product": product, "k": k, "n": n, "asset": 1, "payout": 100, "tick_value": 1, "owner_venue": 1, "room": room}
    assert core.apply(Row(fields, kind=C.C_DEF_EVENT, base_asset=0, window=0, lot_base=0, phase=C.PH_LISTED)) == []
    assert core.refused == C.R_BAD_DEFINITION and len(list(rows_by_id(core.m, L.P_EVENT))) == 1
