"""The precedence of refusals, as tables. An order that is wrong in every way is sent again and again; each row names the code that must
come now and repairs only what that code complained of, so every row's request still violates all rows below it (as far as they can be
violated together). Reading a table from top to bottom is reading the ladder. Each runs against the model and against model and core.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protocol import codes as C
from tests.model import SAFE_TO_RESEND
from tests.model_world import Limits, Row
from tests.model_worlds import NOW, SECOND, Story

Make = Callable[..., Story]
Repair = Callable[[Story], Any] | dict[str, Any]

WORLD: dict[str, Any] = dict(
    n=2, unlisted=1, bands=[(5, 95, 5)], price_min=5, price_max=95, lot=2, min_qty=4, max_qty=1000, max_notional=50_000, reference=50, collar=20,
    max_position=400,
)  # fmt: skip
KILLS = [(C.KILL_PLATFORM, 0), (C.KILL_VENUE, 1), (C.KILL_FIRM, 1), (C.KILL_ACCOUNT, 16), (C.KILL_SESSION, 1)]


@pytest.fixture(params=["model", "core"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "model":
        return Story
    from tests.core_rig import PairStory

    return PairStory


def phase(to: int) -> Repair:
    return lambda s: s.do(C.C_PHASE, event=1, phase=to)


def release(level: int, target: int) -> Repair:
    return lambda s: s.do(C.C_KILL, level=level, target=target, on=0)


def close(s: Story, firm: int = 0, account: int = 0, session: int = 0) -> None:
    """Firm 1, account 16 and session 1 are closed (1) or open (0)."""
    s.do(C.C_DEF_FIRM, id=1, closed=firm)
    s.do(C.C_DEF_ACCOUNT, id=16, firm=1, account_kind=C.ACCT_TRADING, session=1, closed=account)
    s.do(C.C_DEF_SESSION, id=1, firm=1, account=16, closed=session)


def reopen(session: int, venue: int) -> Repair:
    """All open again, and the throttles as they were: a definition of the session sets them too."""
    return lambda s: (close(s), throttles(s, session, venue))


def throttles(s: Story, session: int, venue: int) -> None:
    """Limits of session 1 and venue 1 in an endless window."""
    s.do(C.C_DEF_SESSION, id=1, firm=1, account=16, throttle_limit=session, throttle_window=10**6 * SECOND)
    s.do(C.C_DEF_VENUE, id=1, fee_account=2, throttle_limit=venue, throttle_window=10**6 * SECOND)


def climb(s: Story, request: Row, rows: list[tuple[int, Repair]], answer: int) -> list[Row]:
    """Send the request until every rung has refused it once; returns the events of the request that passes."""
    for number, (code, repair) in enumerate(rows):
        events = s.apply(Row(request))
        assert [(e.kind, e.reason) for e in events] == [(answer, code)], f"row {number}: {request}"
        if answer == C.E_REJECTED:
            before_id = code in SAFE_TO_RESEND or code < C.R_UNKNOWN_INSTRUMENT
            assert (events[0].order == 0) == before_id, "an order id is given exactly when the ClOrdID is used up"
            if not before_id:
                request["id"] += 1
        if isinstance(repair, dict):
            request.update(repair)
        else:
            repair(s)
    return s.apply(Row(request))


def test_new(make: Make) -> None:
    s = make(cash=0, **WORLD)
    throttles(s, 1, 1)
    s.fund(2, 100_000)
    s.new(2, C.SELL, 4, 70)
    throttles(s, 1, 2)
    s.fund(1, 1000)
    s.new(1, C.BUY, 4, 45, id=500)
    s.do(C.C_CANCEL, session=1, id=501, orig=500)
    s.fund(1, -1000)
    s.do(C.C_LOGOFF, session=1)
    close(s, 1, 1, 1)
    for level, target in KILLS:
        s.do(C.C_KILL, level=level, target=target, on=1)
    s.do(C.C_RESTRICT, event=1, firm=1, on=1)
    s.do(C.C_PHASE, event=1, phase=C.PH_PAUSED)
    request = Row(
        kind=C.C_NEW, session=1, account=999, venue=9, id=0, instrument=999, side=3, contract_side=C.YES, type=7, tif=5, stp=9, flags=64 | C.FLAG_POST_ONLY,
        price=1000, qty=1001, expiry=NOW, deadline=NOW - 1, min_qty=1,
    )  # fmt: skip
    events = climb(s, request, [
        (C.R_NOT_LOGGED_ON, lambda s: s.do(C.C_LOGON, session=1)),
        (C.R_UNKNOWN_ACCOUNT, {"account": 17}),  # another firm's answers in the same way
        (C.R_UNKNOWN_ACCOUNT, {"account": 16}),
        (C.R_VENUE_NOT_ALLOWED, {"venue": 0}),
        (C.R_FIRM_CLOSED, lambda s: close(s, 0, 1, 1)),
        (C.R_ACCOUNT_CLOSED, lambda s: close(s, 0, 0, 1)),
        (C.R_SESSION_CLOSED, reopen(1, 2)),
        (C.R_BAD_ID, {"id": 500}),
        (C.R_ID_USED, {"id": 600}),
        (C.R_UNKNOWN_INSTRUMENT, {"instrument": 2}),  # which is there and not listed: the same answer
        (C.R_UNKNOWN_INSTRUMENT, {"instrument": 1}),
        (C.R_MARKET_PAUSED, phase(C.PH_CANCEL_ONLY)),
        (C.R_CANCEL_ONLY, phase(C.PH_OPEN)),
        (C.R_BAD_SIDE, {"side": C.BUY, "contract_side": 3}),
        (C.R_BAD_SIDE, {"contract_side": C.YES}),
        (C.R_BAD_TYPE, {"type": C.MARKET}),
        (C.R_BAD_TIF, {"tif": C.GTD}),
        (C.R_BAD_FLAGS, {"flags": C.FLAG_POST_ONLY}),
        (C.R_FIELD_UNSUPPORTED, {"min_qty": 0}),
        (C.R_EXPIRY_PAST, {"tif": C.IOC}),
        (C.R_EXPIRY_UNEXPECTED, {"expiry": 0}),
        (C.R_BAD_STP, {"stp": 0}),
        (C.R_PRICE_ON_MARKET, {"price": 0}),
        (C.R_POST_ONLY_IMMEDIATE, {"flags": 0, "tif": C.GTC}),
        (C.R_MARKET_NEEDS_IMMEDIATE, {"type": C.LIMIT, "price": 1000, "flags": C.FLAG_POST_ONLY}),
        (C.R_KILLED_PLATFORM, release(*KILLS[0])),
        (C.R_KILLED_VENUE, release(*KILLS[1])),
        (C.R_KILLED_FIRM, release(*KILLS[2])),
        (C.R_KILLED_ACCOUNT, release(*KILLS[3])),
        (C.R_KILLED_SESSION, release(*KILLS[4])),
        (C.R_THROTTLED_SESSION, lambda s: throttles(s, 0, 2)),
        (C.R_THROTTLED_VENUE, lambda s: throttles(s, 0, 0)),
        (C.R_STALE, {"deadline": 0}),
        (C.R_CONFLICT, lambda s: s.do(C.C_RESTRICT, event=1, firm=1, on=0)),
        (C.R_PRICE_OUT_OF_RANGE, {"price": 93}),
        (C.R_PRICE_OFF_GRID, {"price": 95, "qty": -1}),
        (C.R_QTY_NOT_POSITIVE, {"qty": 3}),
        (C.R_QTY_LOT, {"qty": 2}),
        (C.R_QTY_TOO_SMALL, {"qty": 1002}),
        (C.R_QTY_TOO_LARGE, {"qty": 1000}),
        (C.R_NOTIONAL_TOO_LARGE, {"qty": 500}),
        (C.R_COLLAR, {"price": 70}),
        (C.R_POSITION_LIMIT, {"qty": 400}),
        (C.R_COLLATERAL, lambda s: s.fund(1, 100_000)),
        (C.R_POST_ONLY_WOULD_TRADE, {"flags": 0}),
    ], C.E_REJECTED)  # fmt: skip
    assert [e.kind for e in events] == [C.E_ACCEPTED, C.E_FILL, C.E_FILL]


@pytest.mark.parametrize("close", [False, True])
def test_new_in_a_market_that_is_not_open_yet_or_no_more(make: Make, close: bool) -> None:
    s = make(opened=False)
    if close:
        s.do(C.C_PHASE, event=1, phase=C.PH_OPEN)
        s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    code = C.R_MARKET_CLOSED if close else C.R_MARKET_NOT_OPEN
    assert s.new(1, 3, -1, 0, type=9, tif=9, min_qty=1, flags=64)[0].reason == code


def test_spot_knows_no_no(make: Make) -> None:
    s = make(product=C.SPOT)
    assert s.new(1, C.BUY, -1, 0, contract_side=C.NO, stp=9)[0].reason == C.R_NO_ON_SPOT


def test_a_market_order_without_a_counterpart(make: Make) -> None:
    s = make(max_notional=100, reference=50, collar=1, max_position=1)
    market: dict[str, Any] = {"type": C.MARKET, "tif": C.IOC}
    assert s.new(1, C.BUY, 100, 0, **market)[0].reason == C.R_NO_LIQUIDITY, "before notional, collar, position and collateral"
    s.new(2, C.SELL, 1, 50)
    assert s.new(1, C.BUY, 100, 0, **market)[0].reason == C.R_NOTIONAL_TOO_LARGE, "at the protection price"


def test_own_orders_count_as_liquidity_of_a_market_order(make: Make) -> None:
    s = make()
    s.new(1, C.SELL, 1, 50)
    events = s.new(1, C.BUY, 1, 0, type=C.MARKET, tif=C.IOC)
    assert [(e.kind, e.reason, e.price) for e in events] == [(C.E_ACCEPTED, 0, 55), (C.E_CANCELED, C.R_SELF_TRADE, 55)]


@pytest.mark.parametrize("side", [C.BUY, C.SELL])
@pytest.mark.parametrize("qty", [-(1 << 63), -(1 << 62), -1, 1 << 62, (1 << 63) - 1])
def test_a_conflict_of_interest_is_judged_by_the_quantity_as_it_is(make: Make, side: int, qty: int) -> None:
    """Also by one that wraps when its sign changes; what does not increase the position goes on to the check of the quantity."""
    s = make()
    s.do(C.C_RESTRICT, event=1, firm=1, on=1)
    assert s.new(1, side, qty, 50)[0].reason == (C.R_CONFLICT if qty > 0 else C.R_QTY_NOT_POSITIVE)


def test_a_full_table_of_open_orders_comes_before_the_instrument_and_behind_the_id(make: Make) -> None:
    s = make(limits=Limits(orders=2, archive=9))
    s.new(1, C.BUY, 1, 5, id="a")
    s.new(2, C.BUY, 1, 5, id="b")
    refused = s.new(1, 3, -1, 0, id="c", instrument=99)[0]
    assert (refused.reason, refused.limit, refused.used) == (C.R_ORDER_TABLE_FULL, 2, 2)
    assert s.new(1, C.BUY, 1, 5, id="a")[0].kind == C.E_STATUS, "a repeat needs no room"
    assert s.new(1, C.BUY, 2, 5, id="a")[0].reason == C.R_ID_USED
    assert s.new(1, C.BUY, 1, 5, id=0)[0].reason == C.R_BAD_ID
    assert s.do(C.C_CANCEL, session=1, id=9, orig="a")[0].kind == C.E_CANCELED, "cancels go on"


def test_replace(make: Make) -> None:
    s = make(cash=0, **WORLD)
    s.fund(1, 20 * 50)
    s.fund(2, 100_000)
    throttles(s, 9, 9)
    s.new(1, C.BUY, 20, 50, id=1, flags=C.FLAG_POST_ONLY)
    s.new(2, C.SELL, 6, 50)
    s.new(2, C.SELL, 4, 70)
    s.new(1, C.BUY, 4, 5, id=2)
    s.do(C.C_CANCEL, session=1, id=3, orig=2)
    throttles(s, 2, 4)
    s.do(C.C_LOGOFF, session=1)
    close(s, 1, 1, 1)
    for level, target in KILLS:
        s.do(C.C_KILL, level=level, target=target, on=1)
    s.do(C.C_RESTRICT, event=1, firm=1, on=1)
    s.do(C.C_PHASE, event=1, phase=C.PH_PAUSED)
    request = Row(
        kind=C.C_REPLACE,
        session=1,
        account=999,
        id=0,
        orig=77,
        instrument=2,
        side=C.SELL,
        contract_side=C.NO,
        type=C.MARKET,
        tif=C.DAY,
        tif_said=1,
        stp=C.STP_DECREMENT,
        flags=64,
        expiry=1,
        price=1000,
        qty=1001,
        deadline=NOW - 1,
        min_qty=1,
    )
    events = climb(s, request, [
        (C.R_NOT_LOGGED_ON, lambda s: s.do(C.C_LOGON, session=1)),
        (C.R_UNKNOWN_ACCOUNT, {"account": 17}),  # another firm's answers in the same way
        (C.R_UNKNOWN_ACCOUNT, {"account": 16}),
        (C.R_BAD_ID, {"id": 2}),
        (C.R_ID_USED, {"id": 600}),
        (C.R_UNKNOWN_ORDER, {"orig": 2}),
        (C.R_ORDER_CLOSED, {"orig": 1}),
        (C.R_REPLACE_FIELD, {"instrument": 0}),
        (C.R_REPLACE_FIELD, {"side": 0}),
        (C.R_REPLACE_FIELD, {"contract_side": 0}),
        (C.R_REPLACE_FIELD, {"type": 0}),
        (C.R_REPLACE_FIELD, {"tif_said": 0}),
        (C.R_REPLACE_FIELD, {"stp": C.STP_CANCEL_INCOMING}),
        (C.R_REPLACE_FIELD, {"flags": C.FLAG_POST_ONLY}),
        (C.R_REPLACE_FIELD, {"expiry": 0}),
        (C.R_FIRM_CLOSED, lambda s: close(s, 0, 1, 1)),
        (C.R_ACCOUNT_CLOSED, lambda s: close(s, 0, 0, 1)),
        (C.R_SESSION_CLOSED, reopen(2, 4)),
        (C.R_MARKET_PAUSED, phase(C.PH_CANCEL_ONLY)),
        (C.R_CANCEL_ONLY, phase(C.PH_OPEN)),
        (C.R_FIELD_UNSUPPORTED, {"min_qty": 0}),
        (C.R_KILLED_PLATFORM, release(*KILLS[0])),
        (C.R_KILLED_VENUE, release(*KILLS[1])),
        (C.R_KILLED_FIRM, release(*KILLS[2])),
        (C.R_KILLED_ACCOUNT, release(*KILLS[3])),
        (C.R_KILLED_SESSION, release(*KILLS[4])),
        (C.R_THROTTLED_SESSION, lambda s: throttles(s, 0, 2)),
        (C.R_THROTTLED_VENUE, lambda s: throttles(s, 0, 0)),
        (C.R_STALE, {"deadline": 0}),
        (C.R_CONFLICT, lambda s: s.do(C.C_RESTRICT, event=1, firm=1, on=0)),
        (C.R_PRICE_OUT_OF_RANGE, {"price": 93}),
        (C.R_PRICE_OFF_GRID, {"price": 95, "qty": -1}),
        (C.R_QTY_NOT_POSITIVE, {"qty": 7}),
        (C.R_QTY_LOT, {"qty": 2}),
        (C.R_QTY_TOO_SMALL, {"qty": 1002}),
        (C.R_QTY_TOO_LARGE, {"qty": 1000}),
        (C.R_NOTIONAL_TOO_LARGE, {"qty": 4}),
        (C.R_QTY_BELOW_FILLED, {"qty": 20, "price": 50}),
        (C.R_NOTHING_CHANGED, {"qty": 500, "price": 95}),
        (C.R_COLLAR, {"price": 70}),
        (C.R_POSITION_LIMIT, {"qty": 400}),
        (C.R_COLLATERAL, lambda s: s.fund(1, 100_000)),
        (C.R_POST_ONLY_WOULD_TRADE, {"price": 60}),
    ], C.E_CANCEL_REJECT)  # fmt: skip
    assert [(e.kind, e.id, e.orig, e.price, e.qty, e.cum, e.leaves) for e in events] == [(C.E_REPLACED, 600, 1, 60, 400, 6, 394)]


FIELDS: dict[str, tuple[int, int, Any]] = {  # name: its field, the order's own value, another one
    "account": (C.FIELD_ACCOUNT, 16, 18),
    "instrument": (C.FIELD_INSTRUMENT, 1, 2),
    "side": (C.FIELD_SIDE, C.BUY, C.SELL),
    "contract_side": (C.FIELD_CONTRACT_SIDE, C.NO, C.YES),
    "type": (C.FIELD_TYPE, C.LIMIT, C.STOP),
    "tif": (C.FIELD_TIF, C.GTD, C.GTC),
    "stp": (C.FIELD_STP, C.STP_CANCEL_INCOMING, C.STP_CANCEL_BOTH),
    "flags": (C.FIELD_FLAGS, C.FLAG_POST_ONLY, C.FLAG_POST_ONLY | C.FLAG_PERSIST),
    "expiry": (C.FIELD_EXPIRY, NOW + 9 * SECOND, NOW + 10 * SECOND),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_replace_says_which_field_it_may_not_change(make: Make, name: str) -> None:
    s = make(cash=100_000, n=2)
    s.do(C.C_DEF_ACCOUNT, id=18, firm=1, account_kind=C.ACCT_TRADING)
    order = {key: own for key, (_, own, _) in FIELDS.items()}
    assert s.do(C.C_NEW, session=1, id=1, price=40, qty=10, **order)[0].kind == C.E_ACCEPTED
    field, own, other = FIELDS[name]
    (refused,) = s.do(C.C_REPLACE, session=1, id=2, orig=1, price=41, qty=10, **{name: other})
    assert (refused.kind, refused.reason, refused.asked, refused.limit, refused.used) == (
        C.E_CANCEL_REJECT, C.R_REPLACE_FIELD, field, own, other,
    )  # fmt: skip
    assert [e.kind for e in s.do(C.C_REPLACE, session=1, id=3, orig=1, price=41, qty=10, **{name: own})] == [C.E_REPLACED]
    assert [e.kind for e in s.do(C.C_REPLACE, session=1, id=4, orig=3, price=42, qty=10, **order)] == [C.E_REPLACED], "all of it repeated"
    assert [(e.kind, e.tif, e.expiry) for e in s.do(C.C_REPLACE, session=1, id=5, orig=4, price=43, qty=10)] == [
        (C.E_REPLACED, C.GTD, NOW + 9 * SECOND),
    ], "what is not said stays"  # fmt: skip


def test_day_is_said_by_its_mark_only(make: Make) -> None:
    s = make(cash=100_000)
    s.new(1, C.BUY, 10, 40, id=1)
    s.new(1, C.BUY, 10, 40, id=2, tif=C.DAY)
    assert s.do(C.C_REPLACE, session=1, id=3, orig=1, price=41, qty=10, tif=C.DAY)[0].kind == C.E_REPLACED, "0 without the mark: not said"
    (refused,) = s.do(C.C_REPLACE, session=1, id=4, orig=3, price=42, qty=10, tif=C.DAY, tif_said=1)
    assert (refused.reason, refused.asked, refused.limit, refused.used) == (C.R_REPLACE_FIELD, C.FIELD_TIF, C.GTC, C.DAY)
    assert s.do(C.C_REPLACE, session=1, id=4, orig=2, price=42, qty=10, tif=C.DAY, tif_said=1)[0].kind == C.E_REPLACED


def test_split_and_merge(make: Make) -> None:
    s = make(cash=0, product=C.EXACTLY, n=3, k=1, max_qty=50, max_position=40)
    s.do(C.C_LOGOFF, session=1)
    close(s, 1, 1, 1)
    for level, target in KILLS:
        s.do(C.C_KILL, level=level, target=target, on=1)
    s.do(C.C_RESTRICT, event=1, firm=1, on=1)
    s.do(C.C_PHASE, event=1, phase=C.PH_PAUSED)
    request = Row(kind=C.C_SPLIT, session=1, account=999, instrument=9, sets=0)
    events = climb(s, request, [
        (C.R_NOT_LOGGED_ON, lambda s: s.do(C.C_LOGON, session=1)),
        (C.R_UNKNOWN_ACCOUNT, {"account": 17}),  # another firm's answers in the same way
        (C.R_UNKNOWN_ACCOUNT, {"account": 0}),
        (C.R_FIRM_CLOSED, lambda s: close(s, 0, 1, 1)),
        (C.R_ACCOUNT_CLOSED, lambda s: close(s, 0, 0, 1)),
        (C.R_SESSION_CLOSED, close),
        (C.R_UNKNOWN_EVENT, {"instrument": 1}),
        (C.R_MARKET_PAUSED, phase(C.PH_OPEN)),
        (C.R_KILLED_PLATFORM, release(*KILLS[0])),
        (C.R_KILLED_VENUE, release(*KILLS[1])),
        (C.R_KILLED_FIRM, release(*KILLS[2])),
        (C.R_KILLED_ACCOUNT, release(*KILLS[3])),
        (C.R_KILLED_SESSION, release(*KILLS[4])),
        (C.R_CONFLICT, lambda s: s.do(C.C_RESTRICT, event=1, firm=1, on=0)),
        (C.R_QTY_NOT_POSITIVE, {"sets": 51}),
        (C.R_QTY_TOO_LARGE, {"sets": 41}),
        (C.R_POSITION_LIMIT, {"sets": 40}),
        (C.R_COLLATERAL, lambda s: s.fund(1, 4000)),
    ], C.E_REFUSED)  # fmt: skip
    assert [(e.kind, e.price, e.qty) for e in events] == [(C.E_MOVED, -4000, 0)]
    assert s.do(C.C_MERGE, session=1, instrument=1, sets=41)[0].reason == C.R_MERGE_TOO_MANY
    assert s.do(C.C_MERGE, session=1, instrument=1, sets=40)[0].price == 4000


@pytest.mark.parametrize(("what", "code"), [("firm", C.R_FIRM_CLOSED), ("account", C.R_ACCOUNT_CLOSED), ("session", C.R_SESSION_CLOSED)])
def test_what_is_closed_enters_nothing_and_its_cancels_go_on(make: Make, what: str, code: int) -> None:
    s = make()
    s.new(1, C.BUY, 1, 40, id=1)
    s.new(1, C.BUY, 1, 40, id=2)
    close(s, **{what: 1})
    refused = s.new(1, C.BUY, 1, 40, id=3)[0]
    assert (refused.kind, refused.reason, refused.order) == (C.E_REJECTED, code, 0), "its ClOrdID is not used up"
    assert s.do(C.C_REPLACE, session=1, id=4, orig=1, price=41, qty=1)[0].reason == code
    assert s.do(C.C_CANCEL, session=1, account=16, id=5, orig=1)[0].kind == C.E_CANCELED
    assert s.do(C.C_MASS_CANCEL, session=1, id=6, scope=C.SCOPE_ACCOUNT, account=16)[-1].qty == 1
    for transfer in ({"target": 16}, {"source": 16}):
        s.do(C.C_TRANSFER, asset=1, amount=1, **transfer)
        assert s.model.refused == (0 if what == "session" else code)
    close(s)
    assert s.new(1, C.BUY, 1, 40, id=3)[0].kind == C.E_ACCEPTED
