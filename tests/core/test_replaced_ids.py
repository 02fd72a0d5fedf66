"""A replaced ClOrdID leads to its order: status requests, repeats, cancels and replaces say under which id it lives or how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protocol import codes as C
from tests.core_rig import PairStory
from tests.model_world import Row
from tests.model_worlds import Story

Make = Callable[..., Story]


@pytest.fixture(params=["model", "core"])
def make(request: pytest.FixtureRequest) -> Make:
    return Story if request.param == "model" else PairStory


def told(event: Row) -> tuple[Any, ...]:
    return event.kind, event.id, event.orig, event.status, event.reason, event.price, event.qty, event.cum, event.leaves


@pytest.mark.parametrize(("first", "second", "third"), [(1, 2, 3), ("a", "b", "c"), (1, "b", 3), ("a", 2, "c")])
def test_a_live_order_is_told_under_its_newest_id(make: Make, first: Any, second: Any, third: Any) -> None:
    s = make()
    order = s.new(1, C.BUY, 10, 40, id=first)[0].order
    s.do(C.C_REPLACE, session=1, orig=first, id=second, price=41, qty=10)
    s.new(2, C.SELL, 4, 41)
    s.do(C.C_REPLACE, session=1, orig=second, id=third, price=42, qty=12)
    for old in (first, second):
        (answer,) = s.do(C.C_STATUS, session=1, orig=old)
        assert told(answer) == (C.E_STATUS, third, old, C.ST_PARTIAL, 0, 42, 12, 4, 8) and answer.order == order
        (refused,) = s.do(C.C_CANCEL, session=1, orig=old, id="c1")
        assert told(refused) == (C.E_CANCEL_REJECT, "c1", third, C.ST_PARTIAL, C.R_ORDER_REPLACED, 42, 12, 4, 8)
        (refused,) = s.do(C.C_REPLACE, session=1, orig=old, id="r1", price=43, qty=12)
        assert told(refused) == (C.E_CANCEL_REJECT, "r1", third, C.ST_PARTIAL, C.R_ORDER_REPLACED, 42, 12, 4, 8)
    (repeat,) = s.new(1, C.BUY, 10, 40, id=first)
    assert told(repeat) == (C.E_STATUS, third, first, C.ST_PARTIAL, 0, 42, 12, 4, 8), "a repeat of the first request"
    assert s.new(1, C.BUY, 10, 41, id=first)[0].reason == C.R_ID_USED, "another order under its id"
    (own,) = s.do(C.C_STATUS, session=1, orig=third)
    assert (own.id, own.orig) == (third, 0)


def test_an_order_that_has_ended_is_told_with_its_end(make: Make) -> None:
    s = make()
    s.new(1, C.BUY, 10, 40, id=1)
    s.do(C.C_REPLACE, session=1, orig=1, id="two", price=41, qty=10)
    s.do(C.C_REPLACE, session=1, orig="two", id=3, price=42, qty=10)
    s.new(2, C.SELL, 10, 42)
    for old in (1, "two"):
        assert told(s.do(C.C_STATUS, session=1, orig=old)[0]) == (C.E_STATUS, 3, old, C.ST_FILLED, 0, 42, 10, 10, 0)
        assert told(s.do(C.C_CANCEL, session=1, orig=old, id=9)[0]) == (
            C.E_CANCEL_REJECT,
            9,
            3,
            C.ST_FILLED,
            C.R_ORDER_CLOSED,
            42,
            10,
            10,
            0,
        )
    s.new(1, C.BUY, 5, 30, id=11)
    s.do(C.C_REPLACE, session=1, orig=11, id=12, price=31, qty=5)
    s.do(C.C_CANCEL, session=1, orig=12, id=13)
    assert told(s.new(1, C.BUY, 5, 30, id=11)[0]) == (C.E_STATUS, 12, 11, C.ST_CANCELED, C.R_USER_CANCEL, 31, 5, 0, 0)


def test_a_repeat_of_a_refused_order_carries_the_numbers_of_the_refusal(make: Make) -> None:
    s = make(cash=100)
    refused = s.new(1, C.BUY, 10, 40, id=1)[0]
    assert (refused.reason, refused.limit, refused.used, refused.asked) == (C.R_COLLATERAL, 100, 0, 400)
    again = s.new(1, C.BUY, 10, 40, id=1)[0]
    assert (again.kind, again.status, again.reason, again.limit, again.used, again.asked) == (
        C.E_STATUS,
        C.ST_REJECTED,
        C.R_COLLATERAL,
        100,
        0,
        400,
    )


FIELDS: dict[str, tuple[int, int, int]] = {
    "account": (C.FIELD_ACCOUNT, 16, 18),
    "instrument": (C.FIELD_INSTRUMENT, 1, 2),
    "side": (C.FIELD_SIDE, C.BUY, C.SELL),
    "contract_side": (C.FIELD_CONTRACT_SIDE, C.NO, C.YES),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_cancel_that_names_another_order_is_refused(make: Make, name: str) -> None:
    s = make(n=2)
    s.do(C.C_DEF_ACCOUNT, id=18, firm=1, account_kind=C.ACCT_TRADING)
    field, own, other = FIELDS[name]
    s.new(1, C.BUY, 10, 40, id=1, account=16, contract_side=C.NO)
    (refused,) = s.do(C.C_CANCEL, session=1, orig=1, id=2, **{name: other})
    assert (refused.kind, refused.reason, refused.asked, refused.limit, refused.used) == (
        C.E_CANCEL_REJECT,
        C.R_CANCEL_FIELD,
        field,
        own,
        other,
    )
    assert (refused.status, refused.leaves) == (C.ST_NEW, 10), "the order is as it was"
    assert [e.kind for e in s.do(C.C_CANCEL, session=1, orig=1, id=3, **{name: own})] == [C.E_CANCELED]


def test_a_post_only_refusal_names_both_prices_in_the_client_s_terms(make: Make) -> None:
    s = make()
    s.new(2, C.SELL, 5, 60)
    refused = s.new(1, C.BUY, 5, 62, flags=C.FLAG_POST_ONLY)[0]
    assert (refused.reason, refused.limit, refused.asked) == (C.R_POST_ONLY_WOULD_TRADE, 60, 62)
    no = s.new(1, C.SELL, 5, 38, contract_side=C.NO, flags=C.FLAG_POST_ONLY)[0]
    assert (no.reason, no.limit, no.asked) == (C.R_POST_ONLY_WOULD_TRADE, 40, 38), "selling NO at 38 is buying YES at 62; 60 is 40"
    s.new(1, C.SELL, 5, 45, contract_side=C.NO, id="rest", flags=C.FLAG_POST_ONLY)
    replaced = s.do(C.C_REPLACE, session=1, orig="rest", id="r", price=39, qty=5)[0]
    assert (replaced.kind, replaced.reason, replaced.limit, replaced.asked) == (C.E_CANCEL_REJECT, C.R_POST_ONLY_WOULD_TRADE, 40, 39)


def test_numbers_of_a_no_order_are_no_prices(make: Make) -> None:
    s = make(reference=50, collar=20)
    refused = s.new(1, C.BUY, 1, 75, contract_side=C.NO)[0]
    assert (refused.reason, refused.limit, refused.used, refused.asked) == (C.R_COLLAR, 70, 50, 75)
    refused = s.new(1, C.BUY, 1, 75)[0]
    assert (refused.reason, refused.limit, refused.used, refused.asked) == (C.R_COLLAR, 70, 50, 75)
    refused = s.new(1, C.SELL, 1, 25)[0]
    assert (refused.reason, refused.limit, refused.used, refused.asked) == (C.R_COLLAR, 30, 50, 25)
