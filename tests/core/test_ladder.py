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


def exception(about: int, value: int) -> Repair:
    return lambda s: s.do(C.C_ACCESS, about=about, target=1, firm=1, value=value)


def freeze(level: int) -> Repair:
    return lambda s: s.do(C.C_FREEZE, venue=1, level=level)


def admit_only(s: Story) -> None:
    """Venue 1 and event 1 admit only whom a rule admits."""
    for about in (C.ACCESS_VENUE, C.ACCESS_EVENT):
        s.do(C.C_ACCESS, about=about, target=1, value=2)


QUOTAS = {"max_orders": 1, "max_messages": 1, "max_journal": 100}
FROZEN: list[tuple[int, Repair]] = [
    (C.R_VENUE_FROZEN, freeze(2)),
    (C.R_VENUE_SETTLE_ONLY, freeze(1)),
    (C.R_VENUE_CANCEL_ONLY, freeze(0)),
]
KEPT_OUT: list[tuple[int, Repair]] = [  # the venue's rules, then those of the event
    (C.R_NOT_ADMITTED, exception(C.ACCESS_VENUE, 3)),
    (C.R_ACCESS_DENIED, exception(C.ACCESS_VENUE, -1)),
    (C.R_NOT_ADMITTED, exception(C.ACCESS_EVENT, 4)),
    (C.R_ACCESS_DENIED, exception(C.ACCESS_EVENT, -1)),
]


def reopen(session: int, venue: int) -> Repair:
    """All open again, and the throttles as they were: a definition of the session sets them too."""
    return lambda s: (close(s), throttles(s, session, venue, isolated=1, **QUOTAS))


def throttles(s: Story, session: int, venue: int, **settings: int) -> None:
    """Limits of session 1 and venue 1 in an endless window; the venue's other settings are of the same row (isolated, QUOTAS)."""
    s.do(C.C_DEF_SESSION, id=1, firm=1, account=16, throttle_limit=session, throttle_window=10**6 * SECOND)
    s.do(C.C_DEF_VENUE, id=1, fee_account=2, throttle_limit=venue, throttle_window=10**6 * SECOND, **settings)


def settings(**left: int) -> Repair:
    """No throttle any more, and of the venue's settings these."""
    return lambda s: throttles(s, 0, 0, **left)


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
    throttles(s, 1, 2, max_messages=1, max_journal=500)
    s.fund(1, 1000)
    s.new(1, C.BUY, 4, 45, id=500)
    s.do(C.C_CANCEL, session=1, id=501, orig=500)
    s.fund(1, -1000)
    s.do(C.C_LOGOFF, session=1)
    close(s, 1, 1, 1)
    admit_only(s)
    freeze(3)(s)
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
        *FROZEN,
        (C.R_KILLED_PLATFORM, release(*KILLS[0])),
        (C.R_KILLED_VENUE, release(*KILLS[1])),
        (C.R_KILLED_FIRM, release(*KILLS[2])),
        (C.R_KILLED_ACCOUNT, release(*KILLS[3])),
        (C.R_KILLED_SESSION, release(*KILLS[4])),
        (C.R_THROTTLED_SESSION, lambda s: throttles(s, 0, 2, isolated=1, **QUOTAS)),
        (C.R_THROTTLED_VENUE, settings(isolated=1, **QUOTAS)),
        (C.R_QUOTA_MESSAGES, settings(isolated=1, max_orders=1, max_journal=100)),
        (C.R_QUOTA_JOURNAL, settings(isolated=1, max_orders=1)),
        (C.R_STALE, {"deadline": 0}),
        (C.R_CONFLICT, lambda s: s.do(C.C_RESTRICT, event=1, firm=1, on=0)),
        (C.R_ACCOUNT_NOT_ISOLATED, settings(max_orders=1)),
        *KEPT_OUT,
        (C.R_PRICE_OUT_OF_RANGE, {"price": 93}),
        (C.R_PRICE_OFF_GRID, {"price": 95, "qty": -1}),
        (C.R_QTY_NOT_POSITIVE, {"qty": 3}),
        (C.R_QTY_LOT, {"qty": 2}),
        (C.R_QTY_TOO_SMALL, {"qty": 1002}),
        (C.R_QTY_TOO_LARGE, {"qty": 1000}),
        (C.R_NOTIONAL_TOO_LARGE, {"qty": 500}),
        (C.R_COLLAR, {"price": 70}),
        (C.R_POSITION_LIMIT, {"qty": 400}),
        (C.R_QUOTA_ORDERS, settings()),
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
    throttles(s, 9, 9, max_messages=9, max_journal=10_000)
    s.new(1, C.BUY, 20, 50, id=1, flags=C.FLAG_POST_ONLY)
    s.new(2, C.SELL, 6, 50)
    s.new(2, C.SELL, 4, 70)
    s.new(1, C.BUY, 4, 5, id=2)
    s.do(C.C_CANCEL, session=1, id=3, orig=2)
    throttles(s, 2, 4, isolated=1, **QUOTAS)
    s.do(C.C_LOGOFF, session=1)
    close(s, 1, 1, 1)
    admit_only(s)
    freeze(3)(s)
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
        *FROZEN,
        (C.R_KILLED_PLATFORM, release(*KILLS[0])),
        (C.R_KILLED_VENUE, release(*KILLS[1])),
        (C.R_KILLED_FIRM, release(*KILLS[2])),
        (C.R_KILLED_ACCOUNT, release(*KILLS[3])),
        (C.R_KILLED_SESSION, release(*KILLS[4])),
        (C.R_THROTTLED_SESSION, lambda s: throttles(s, 0, 2, isolated=1, **QUOTAS)),
        (C.R_THROTTLED_VENUE, settings(isolated=1, **QUOTAS)),
        (C.R_QUOTA_MESSAGES, settings(isolated=1, max_orders=1, max_journal=100)),
        (C.R_QUOTA_JOURNAL, settings(isolated=1, max_orders=1)),
        (C.R_STALE, {"deadline": 0}),
        (C.R_CONFLICT, lambda s: s.do(C.C_RESTRICT, event=1, firm=1, on=0)),
        (C.R_ACCOUNT_NOT_ISOLATED, settings(max_orders=1)),
        *KEPT_OUT,
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
    admit_only(s)
    freeze(3)(s)
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
        (C.R_SESSION_CLOSED, lambda s: (close(s), throttles(s, 0, 0, isolated=1))),
        (C.R_UNKNOWN_EVENT, {"instrument": 1}),
        (C.R_MARKET_PAUSED, phase(C.PH_OPEN)),
        *FROZEN,
        (C.R_KILLED_PLATFORM, release(*KILLS[0])),
        (C.R_KILLED_VENUE, release(*KILLS[1])),
        (C.R_KILLED_FIRM, release(*KILLS[2])),
        (C.R_KILLED_ACCOUNT, release(*KILLS[3])),
        (C.R_KILLED_SESSION, release(*KILLS[4])),
        (C.R_CONFLICT, lambda s: s.do(C.C_RESTRICT, event=1, firm=1, on=0)),
        (C.R_ACCOUNT_NOT_ISOLATED, settings(max_orders=1)),
        *KEPT_OUT,
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


# ------------------------------------------------------------------------------------------------ who may trade where
LEVELS = {1: C.R_VENUE_CANCEL_ONLY, 2: C.R_VENUE_SETTLE_ONLY, 3: C.R_VENUE_FROZEN}


def two_venues(make: Make, **event: Any) -> Story:
    """Venue 2 lists the market of venue 1; session 3 of firm 1 and session 4 of firm 2 enter through it."""
    s = make(**event)
    s.do(C.C_DEF_VENUE, id=2, fee_account=3)
    s.do(C.C_DEF_LISTING, venue=2, instrument=1, model=C.FEE_QUADRATIC)
    for number in (3, 4):
        s.do(C.C_DEF_SESSION, id=number, firm=number - 2, venue=2, account=13 + number)
        s.do(C.C_LOGON, session=number, next_in=2)
    return s


@pytest.mark.parametrize("level", LEVELS)
def test_a_freeze_of_the_owner_pauses_the_book_for_all(make: Make, level: int) -> None:
    s = two_venues(make)
    s.new(1, C.BUY, 5, 40, id=1)
    s.new(3, C.BUY, 5, 41, id=2)
    assert s.do(C.C_FREEZE, venue=1, level=level) == [], "what rests in its own market stays"
    for session, own in ((1, 1), (3, 2)):
        refused = s.new(session, C.SELL, 1, 40, id=10 + session)[0]
        assert (refused.reason, refused.order) == (LEVELS[level], 0)
        assert s.do(C.C_REPLACE, session=session, id=20 + own, orig=own, price=39, qty=5)[0].reason == LEVELS[level]
        answer = s.do(C.C_CANCEL, session=session, id=30 + own, orig=own)[0]
        assert answer.reason == (C.R_USER_CANCEL if level == 1 else LEVELS[level])
    done = s.do(C.C_MASS_CANCEL, session=1, id=50, scope=C.SCOPE_INSTRUMENT, instrument=1)[-1]
    assert done.reason == (C.OK if level == 1 else LEVELS[level])
    assert s.do(C.C_MASS_CANCEL, session=1, id=51, scope=C.SCOPE_FIRM)[-1].qty == 0, "of a wider scope, what is frozen stays"
    s.do(C.C_FREEZE, venue=1, level=0)
    assert s.new(3, C.SELL, 1, 41, id=13)[0].kind == C.E_ACCEPTED, "the id was not used up"
    assert len(s.model.open) == (1 if level == 1 else 2)


def test_a_freeze_of_a_listing_venue_takes_out_what_it_brought_and_the_book_goes_on(make: Make) -> None:
    s = two_venues(make)
    s.new(1, C.BUY, 5, 40, id=1)
    s.new(3, C.BUY, 5, 41, id=2)
    s.new(4, C.SELL, 5, 60, id=3)
    events = s.do(C.C_FREEZE, venue=2, level=1)
    assert [(e.kind, e.reason, e.session, e.id, e.flags) for e in events] == [
        (C.E_CANCELED, C.R_VENUE_FREEZE, 3, 2, C.EF_UNSOLICITED), (C.E_CANCELED, C.R_VENUE_FREEZE, 4, 3, C.EF_UNSOLICITED),
    ]  # fmt: skip
    assert s.new(4, C.SELL, 1, 40, id=4)[0].reason == C.R_VENUE_CANCEL_ONLY
    assert [e.kind for e in s.new(2, C.SELL, 5, 40, id=5)] == [C.E_ACCEPTED, C.E_FILL, C.E_FILL], "through the owner's door"
    assert s.do(C.C_FREEZE, venue=2, level=3) == [] == s.do(C.C_FREEZE, venue=2, level=0)
    assert s.new(4, C.SELL, 1, 60, id=4)[0].kind == C.E_ACCEPTED


def test_the_stricter_of_two_freezes_holds(make: Make) -> None:
    s = two_venues(make)
    s.do(C.C_FREEZE, venue=1, level=1)
    s.do(C.C_FREEZE, venue=2, level=3)
    refused = s.new(3, C.BUY, 1, 40)[0]
    assert (refused.reason, refused.asked) == (C.R_VENUE_FROZEN, 2)
    assert s.new(1, C.BUY, 1, 40)[0].asked == 1


def test_expiry_disconnect_and_kill_switch_go_on_while_a_venue_is_frozen(make: Make) -> None:
    s = make()
    s.do(C.C_DEF_SESSION, id=2, firm=2, account=17, cancel_on_disconnect=1)
    s.do(C.C_LOGOFF, session=2)
    s.do(C.C_LOGON, session=2, next_in=2)
    s.new(1, C.BUY, 1, 40, tif=C.GTD, expiry=NOW + SECOND)
    s.new(2, C.BUY, 1, 41)
    s.new(1, C.BUY, 1, 42)
    s.do(C.C_FREEZE, venue=1, level=3)
    assert [e.kind for e in s.later(2)] == [C.E_EXPIRED]
    assert s.do(C.C_LOGOFF, session=2)[-1].reason == C.R_DISCONNECT
    assert s.do(C.C_KILL, level=C.KILL_FIRM, target=1, on=1, cancel=1)[0].reason == C.R_KILL_SWITCH


@pytest.mark.parametrize("about", [C.ACCESS_VENUE, C.ACCESS_EVENT])
@pytest.mark.parametrize(("mode", "value", "code"), [
    (0, 0, C.OK), (0, 5, C.OK), (0, -1, C.OK),  # rules that are not asked
    (1, 0, C.OK), (1, -1, C.OK), (1, 5, C.R_ACCESS_DENIED),
    (2, 0, C.R_NOT_ADMITTED), (2, -1, C.OK), (2, 5, C.R_ACCESS_DENIED),
])  # fmt: skip
def test_who_is_kept_out_may_only_reduce(make: Make, about: int, mode: int, value: int, code: int) -> None:
    s = make(product=C.EXACTLY, n=2)
    s.new(1, C.BUY, 10, 40)
    s.new(2, C.SELL, 10, 40)
    s.new(1, C.BUY, 5, 30, id=50)
    s.do(C.C_ACCESS, about=about, target=1, value=mode)
    s.do(C.C_ACCESS, about=about, target=1, firm=1, value=value)
    for refused in (
        s.new(1, C.BUY, 1, 40, id=60)[0],
        s.new(1, C.SELL, 11, 60, id=61)[0],
        s.do(C.C_SPLIT, session=1, instrument=1, sets=1)[0],
    ):
        assert refused.reason == code
        assert (refused.limit, refused.asked) == ((5 if code == C.R_ACCESS_DENIED else 0, 1) if code else (0, 0))
    if code:
        assert s.do(C.C_REPLACE, session=1, id=70, orig=50, price=31, qty=5)[0].reason == code
        assert s.do(C.C_REPLACE, session=1, id=71, orig=50, price=30, qty=4)[0].kind == C.E_REPLACED, "less at the same price"
        assert s.do(C.C_CANCEL, session=1, id=72, orig=71)[0].kind == C.E_CANCELED
        assert s.new(1, C.SELL, 10, 60, id=62)[0].kind == C.E_ACCEPTED, "reduces"
        assert s.new(1, C.SELL, 1, 60, id=63)[0].reason == code, "open orders are counted"
    other = s.new(2, C.BUY, 11, 30, id=64)[0]
    assert other.reason == (C.R_NOT_ADMITTED if mode == 2 else C.OK), "nothing is said of the other firm"


def test_a_venue_that_demands_isolated_accounts(make: Make) -> None:
    s = two_venues(make)
    s.do(C.C_DEF_ACCOUNT, id=18, firm=1, account_kind=C.ACCT_TRADING, session=3, venue=2)
    s.do(C.C_TRANSFER, target=18, asset=1, amount=1000)
    s.new(3, C.BUY, 5, 40, id=1)
    s.new(2, C.SELL, 5, 40, id=2)
    s.do(C.C_DEF_VENUE, id=2, fee_account=3, isolated=1)
    refused = s.new(3, C.BUY, 1, 40, id=3)[0]
    assert (refused.reason, refused.asked) == (C.R_ACCOUNT_NOT_ISOLATED, 16)
    assert s.new(3, C.BUY, 1, 40, id=4, account=18)[0].kind == C.E_ACCEPTED
    assert s.new(3, C.SELL, 5, 60, id=5)[0].kind == C.E_ACCEPTED, "what reduces the position of the other account is accepted"
    assert s.new(1, C.BUY, 1, 30, id=6)[0].kind == C.E_ACCEPTED, "the market is another venue's, and that one takes all accounts"


def test_the_quota_of_open_orders_is_for_orders_that_rest(make: Make) -> None:
    s = two_venues(make)
    s.new(3, C.BUY, 5, 40, id=1)
    s.new(4, C.BUY, 5, 40, id=2)
    s.do(C.C_DEF_VENUE, id=2, fee_account=3, max_orders=1)
    refused = s.new(3, C.BUY, 1, 40, id=3)[0]
    assert (refused.reason, refused.limit, refused.used, refused.asked, refused.order) == (C.R_QUOTA_ORDERS, 1, 2, 1, 0)
    assert len(s.model.open) == 2, "a quota below what is used cancels nothing"
    assert [e.kind for e in s.new(3, C.BUY, 1, 40, id=3, tif=C.IOC)] == [C.E_ACCEPTED, C.E_CANCELED]
    assert s.new(1, C.BUY, 1, 40, id=4)[0].kind == C.E_ACCEPTED, "another venue's quota"
    assert s.do(C.C_REPLACE, session=3, id=5, orig=1, price=41, qty=9)[0].kind == C.E_REPLACED
    for number in (5, 2):
        s.do(C.C_CANCEL, session=3 if number == 5 else 4, id=number + 20, orig=number)
    assert s.new(3, C.BUY, 1, 40, id=6)[0].kind == C.E_ACCEPTED


def test_the_quotas_of_messages_and_journal_bytes_are_of_one_second(make: Make) -> None:
    s = two_venues(make)
    s.do(C.C_DEF_VENUE, id=2, fee_account=3, max_messages=3, max_journal=600)
    assert [s.new(3, C.BUY, 1, 40, id=number)[0].reason for number in (1, 2, 3, 4)] == [0, 0, 0, C.R_QUOTA_MESSAGES]
    assert s.do(C.C_CANCEL, session=3, id=5, orig=1)[0].kind == C.E_CANCELED, "cancels are not counted"
    assert s.new(4, C.BUY, 1, 40, id=1)[0].reason == C.R_QUOTA_MESSAGES, "all sessions of the venue together"
    assert s.new(2, C.BUY, 1, 40, id=2)[0].reason == 0
    s.later(1)
    refused = [s.new(3, C.BUY, 1, 40, id=f"a text/that takes a row: {number}x")[0] for number in (1, 2, 3)]
    assert [e.reason for e in refused] == [0, 0, C.R_QUOTA_JOURNAL]
    assert (refused[2].limit, refused[2].used, refused[2].asked) == (600, 512, 256)
