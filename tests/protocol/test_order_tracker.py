"""What the client derives from reports: answers to requests, the life of an order."""

import msgspec
import pytest

from protocol import codes
from protocol import messages as M
from protocol.order_tracker import OrderTracker, Request, refusal

NEW = M.NewOrder(5, 16, 1, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, 0, 4000, 10)


def order_report(kind: type, number: int, id: int, *rest: int, order: int = 900) -> M.OrderReport:
    return kind(number, number + 50, 7, id, order, 16, 1, codes.BUY, codes.YES, *rest)


def accepted(number: int = 1, id: int = 5, order: int = 900) -> M.OrderReport:
    return order_report(M.Accepted, number, id, codes.LIMIT, codes.GTC, 4000, 10, 10, order=order)


def fill(number: int, cum: int, leaves: int, last: int) -> M.OrderReport:
    status = codes.ST_PARTIAL if leaves else codes.ST_FILLED
    return order_report(M.Fill, number, 5, status, 0, 4000, 10, cum, leaves, 3990, last, cum * 3990, 2, number)


def test_the_life_of_an_order() -> None:
    tracker = OrderTracker()
    order = tracker.new_order(NEW)
    answered: list[Request] = []
    closed: list[int] = []
    assert order.request is not None
    order.request.done = answered.append
    order.closed = lambda o: closed.append(o.id)
    assert len(tracker) == 1 and order.open and [r.message for r in tracker.unanswered()] == [NEW]
    assert tracker.apply(accepted()) is order  # type: ignore[arg-type]
    assert answered == [order.request] and len(tracker) == 0
    tracker.apply(fill(2, 4, 6, 4))  # type: ignore[arg-type]
    assert (order.cum, order.leaves, order.fee, order.average_price) == (4, 6, 2, 3990.0) and closed == []
    tracker.apply(fill(3, 10, 0, 6))  # type: ignore[arg-type]
    assert not order.open and closed == [5] and tracker.orders == {} and "filled" in repr(order)


def test_a_refused_order_carries_its_sentence() -> None:
    tracker = OrderTracker()
    order = tracker.new_order(NEW)
    report = order_report(M.Rejected, 1, 5, codes.R_QTY_TOO_LARGE, 100, 0, 500, 4000, 500, order=0)
    tracker.apply(report)  # type: ignore[arg-type]
    assert order.request is not None and order.request.answer is report
    assert order.status == codes.ST_REJECTED and "500" in order.text and refusal(report)[0] == codes.R_QTY_TOO_LARGE  # type: ignore[arg-type]


EVENT = M.Definition(1, "X", 3, 0, codes.EXACTLY, 1, 2, 10_000, 1, "USD", 4, "", 0, 4, 0, 1, 9_999, 1, 1, 1_000_000, [], codes.PH_OPEN)
SPOT = M.Definition(1, "B", 3, 0, codes.SPOT, 0, 1, 0, 100, "USD", 8, "BTC", 10_000, 4, 2, 1, 10**9, 1, 1, 10**6, [], codes.PH_OPEN)


@pytest.mark.parametrize(
    ("definition", "side", "reason", "sentence"),
    [
        (None, codes.BUY, codes.R_PRICE_OUT_OF_RANGE, "price 41234 is beyond the limit 7"),
        (EVENT, codes.BUY, codes.R_PRICE_OUT_OF_RANGE, "price 4.1234 is beyond the limit 0.0007"),
        (SPOT, codes.BUY, codes.R_QTY_TOO_LARGE, "quantity 412.34 is above the maximum 0.07"),
        (EVENT, codes.SELL, codes.R_COLLATERAL, "the order needs 4.1234, and 0.0007 is available (0.0005 locked)"),
        (SPOT, codes.BUY, codes.R_COLLATERAL, "the order needs 0.00041234, and 0.00000007 is available (0.00000005 locked)"),
        (SPOT, codes.SELL, codes.R_COLLATERAL, "the order needs 0.041234, and 0.000007 is available (0.000005 locked)"),
        (SPOT, codes.SELL, codes.R_NOTIONAL_TOO_LARGE, "the order is worth 0.00041234, above the maximum 0.00000007"),
        (EVENT, codes.BUY, codes.R_ORDER_TABLE_FULL, "the table of open orders is full at 7 rows, 5 are in use (safe to resend)"),
    ],
)
def test_the_sentence_of_a_refusal_has_the_decimals_of_its_instrument(
    definition: M.Definition | None, side: int, reason: int, sentence: str
) -> None:
    report = M.Rejected(1, 51, 7, 5, 0, 16, 1, side, codes.YES, reason, 7, 5, 41234, 4000, 10)
    assert refusal(report, definition) == (reason, sentence)
    tracker = OrderTracker({} if definition is None else {1: definition})
    order = tracker.new_order(M.NewOrder(5, 16, 1, side, codes.YES, codes.LIMIT, codes.GTC, 0, 4000, 10))
    tracker.apply(report)
    assert order.text == sentence


def test_base_amounts_of_an_odd_lot_stay_in_minor_units() -> None:
    odd = msgspec.structs.replace(SPOT, lot_base=1_500_000)
    report = M.CancelRejected(1, 51, 7, 6, 9, 16, 1, codes.SELL, codes.YES, 5, codes.ST_NEW, 0, codes.R_COLLATERAL, 7, 5, 41234)
    assert refusal(report, odd)[1] == "the order needs 41234, and 7 is available (5 locked)"


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (codes.R_UNKNOWN_INSTRUMENT, "there is no such instrument (id 33)"),
        (codes.R_UNKNOWN_EVENT, "there is no event 33"),
        (codes.R_UNKNOWN_ACCOUNT, "there is no account 44 for this session"),
        (codes.R_BAD_SCOPE, "mass cancel scope 5 is unknown"),
    ],
)
def test_a_refused_mass_cancel_names_what_was_wrong_with_it(reason: int, sentence: str) -> None:
    assert refusal(M.MassCancelDone(1, 51, 7, 5, 44, 33, 5, 0, reason)) == (reason, sentence)


def test_a_message_that_could_not_be_read_refuses_its_request() -> None:
    tracker = OrderTracker()
    order = tracker.new_order(NEW)
    body = M.MessageRefused(codes.R_WIRE_FIELD, 10, 5, "NewOrder: ...")
    tracker.apply(M.Sent(1, 51, 7, body))
    assert order.status == codes.ST_REJECTED and order.text == "NewOrder: ..." and len(tracker) == 0


def test_a_replace_gives_the_order_its_new_id() -> None:
    tracker = OrderTracker()
    order = tracker.new_order(NEW)
    tracker.apply(accepted())  # type: ignore[arg-type]
    request = tracker.add(M.ReplaceOrder(6, 5, 16, 1, 4100, 12))
    tracker.apply(order_report(M.Replaced, 2, 6, 5, codes.ST_NEW, 4100, 12, 0, 12, 0))  # type: ignore[arg-type]
    assert request.answer is not None and order.id == 6 and list(tracker.orders) == [6] and order.qty == 12
    tracker.add(M.CancelOrder(7, 6))
    tracker.apply(order_report(M.Canceled, 3, 7, 6, codes.R_USER_CANCEL, 0, 4100, 12, 0, 0))  # type: ignore[arg-type]
    assert not order.open and order.id == 6 and len(tracker) == 0


def test_a_state_answers_the_repeat_of_a_new_order_but_no_cancel() -> None:
    tracker = OrderTracker()
    order = tracker.new_order(NEW)
    status = order_report(M.OrderStatus, 1, 5, 0, codes.ST_PARTIAL, 0, codes.LIMIT, codes.GTC, 4000, 10, 3, 7, 12000)
    tracker.apply(status)  # type: ignore[arg-type]
    assert len(tracker) == 0 and (order.cum, order.leaves, order.status) == (3, 7, codes.ST_PARTIAL)
    cancel = tracker.add(M.CancelOrder(8, 5))
    tracker.apply(order_report(M.OrderStatus, 2, 8, 0, 0, codes.R_UNKNOWN_ORDER, 0, 0, 0, 0, 0, 0, 0, order=0))  # type: ignore[arg-type]
    assert cancel.answer is None


def test_that_there_was_no_order_does_not_answer_the_order_that_came_after_the_question() -> None:
    tracker = OrderTracker()
    asked = tracker.add(M.OrderStatusRequest(NEW.id))
    order = tracker.new_order(NEW)
    tracker.apply(order_report(M.OrderStatus, 1, NEW.id, 0, codes.ST_NONE, codes.R_UNKNOWN_ORDER, 0, 0, 0, 0, 0, 0, 0, order=0))  # type: ignore[arg-type]
    assert asked.answer is not None and order.request is not None and order.request.answer is None and order.open
    status = order_report(M.OrderStatus, 2, NEW.id, 0, codes.ST_NEW, 0, codes.LIMIT, codes.GTC, 4000, 10, 0, 10, 0)
    tracker.apply(status)  # type: ignore[arg-type]
    assert order.request.answer is status and len(tracker) == 0


def test_status_requests_wait_side_by_side() -> None:
    tracker = OrderTracker()
    a, b = tracker.add(M.OrderStatusRequest(5)), tracker.add(M.OrderStatusRequest(5))
    assert len(tracker) == 2
    tracker.apply(order_report(M.OrderStatus, 1, 5, 0, codes.ST_NONE, codes.R_UNKNOWN_ORDER, 0, 0, 0, 0, 0, 0, 0, order=0))  # type: ignore[arg-type]
    assert a.answer is b.answer is not None and refusal(a.answer)[0] == codes.R_UNKNOWN_ORDER


def test_orders_of_an_earlier_run_are_found_in_reports() -> None:
    tracker = OrderTracker()
    order = tracker.apply(accepted(id=77))  # type: ignore[arg-type]
    assert order is not None and tracker.orders == {77: order} and order.request is None
    assert tracker.apply(order_report(M.Canceled, 2, 99, 98, codes.R_MASS_CANCEL, 8, 1, 1, 0, 0, order=5)) is None  # type: ignore[arg-type]


def test_ids_in_use_are_refused() -> None:
    tracker = OrderTracker()
    tracker.new_order(NEW)
    with pytest.raises(ValueError, match="open"):
        tracker.new_order(NEW)
    tracker.apply(accepted())  # type: ignore[arg-type]
    tracker.add(M.CancelOrder(6, 5))
    with pytest.raises(ValueError, match="not answered"):
        tracker.add(M.CancelOrder(6, 5))


def test_what_another_session_asked_for_is_no_answer_but_changes_the_order() -> None:
    tracker = OrderTracker()
    order = tracker.new_order(NEW)
    tracker.apply(accepted())  # type: ignore[arg-type]
    mine = tracker.add(M.CancelOrder(6, 5))  # the other session's replace has the same id by chance
    other = codes.EF_UNSOLICITED
    tracker.apply(order_report(M.Replaced, 2, 6, 5, codes.ST_NEW, 4100, 12, 0, 12, 0, other))  # type: ignore[arg-type]
    assert mine.answer is None and (order.id, order.price, order.qty) == (6, 4100, 12) and list(tracker.orders) == [6]
    tracker.apply(order_report(M.Canceled, 3, 6, 0, codes.R_USER_CANCEL, other, 4100, 12, 0, 0))  # type: ignore[arg-type]
    assert mine.answer is None and not order.open and tracker.orders == {}
    refused = order_report(M.CancelRejected, 4, 6, 5, codes.ST_REPLACED, 0, codes.R_ORDER_CLOSED, 0, 0, 0)
    tracker.apply(refused)  # type: ignore[arg-type]
    assert mine.answer is refused


def test_an_order_of_another_session_is_answered_for_and_not_followed() -> None:
    tracker = OrderTracker()
    replace, cancel = tracker.add(M.ReplaceOrder(8, 7, 16, 1, 4100, 12)), tracker.add(M.CancelOrder(9, 8))
    flags = codes.EF_OTHER_SESSION
    assert tracker.apply(order_report(M.Replaced, 1, 8, 7, codes.ST_NEW, 4100, 12, 0, 12, 0, flags)) is None  # type: ignore[arg-type]
    assert replace.answer is not None and tracker.orders == {}
    assert tracker.apply(order_report(M.Canceled, 2, 9, 8, codes.R_USER_CANCEL, flags, 4100, 12, 0, 0)) is None  # type: ignore[arg-type]
    assert cancel.answer is not None and len(tracker) == 0


def test_orders_renamed_to_texts_by_another_wire_do_not_get_mixed_up() -> None:
    tracker = OrderTracker()
    first = tracker.new_order(NEW)
    second = tracker.new_order(M.NewOrder(6, 16, 1, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, 0, 4000, 10))
    tracker.apply(accepted())  # type: ignore[arg-type]
    tracker.apply(accepted(2, 6, 901))  # type: ignore[arg-type]
    for number, orig, order in ((3, 5, 900), (4, 6, 901)):
        renamed = order_report(M.Replaced, number, 0, orig, codes.ST_NEW, 4100, 10, 0, 10, 0, codes.EF_UNSOLICITED, order=order)
        tracker.apply(renamed)  # type: ignore[arg-type]
    assert list(tracker.orders.values()) == [first, second] and (first.id, second.id) == (0, 0)
    stranger = order_report(M.CancelRejected, 5, 7, 0, codes.ST_NONE, 0, codes.R_UNKNOWN_ORDER, 0, 0, 0, order=0)
    assert tracker.apply(stranger) is None, "a report that names no order is about none"  # type: ignore[arg-type]
    tracker.apply(order_report(M.Canceled, 6, 0, 0, codes.R_KILL_SWITCH, 8, 4100, 10, 0, 0, order=901))  # type: ignore[arg-type]
    assert list(tracker.orders.values()) == [first] and not second.open
