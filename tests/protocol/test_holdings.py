"""Holdings followed by hand-made reports; against a whole exchange: tests/gateway/binary/test_own_state.py."""

from __future__ import annotations

import pytest

from protocol import codes
from protocol import messages as M
from protocol.holdings import Holdings

EVENT = M.Definition(1, "X", 3, 0, codes.EXACTLY, 1, 2, 100, 2, "USD", 4, "", 0, 4, 0, 1, 99, 1, 1, 1000, [], codes.PH_OPEN, 7)
OTHER = M.Definition(2, "Y", 3, 1, codes.EXACTLY, 1, 2, 100, 2, "USD", 4, "", 0, 4, 0, 1, 99, 1, 1, 1000, [], codes.PH_OPEN, 7)
SPOT = M.Definition(3, "B", 4, 0, codes.SPOT, 0, 1, 0, 10, "USD", 8, "BTC", 50, 4, 2, 1, 10**9, 1, 1, 10**6, [], codes.PH_OPEN, 7, 8)
ANSWER = [
    M.AccountState(1, 10, 99, 5, [(16, "A")], 31), M.Balance(1, 16, 7, "USD", 4, 1000, 0, 1000), M.Position(1, 16, 1, -5, 0, 0, 0, 0, 0),
    M.OpenOrder(1, 70, 5, "", 16, 1, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, codes.ST_PARTIAL, 0, 40, 10, 4, 6, 160, 3, 0, 2, 0),
    M.OpenOrder(1, 71, 0, "a text", 16, 1, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, codes.ST_NEW, 0, 40, 10, 0, 10, 0, 0, 0, 9, 0),
    M.AccountStateDone(1, 4),
]  # fmt: skip


def fill(number: int, instrument: int, side: int, contract_side: int, price: int, qty: int, fee: int = 0, order: int = 900) -> M.Fill:
    return M.Fill(
        number,
        number,
        1,
        900,
        order,
        16,
        instrument,
        side,
        contract_side,
        codes.ST_FILLED,
        0,
        price,
        qty,
        qty,
        0,
        price,
        qty,
        price * qty,
        fee,
        1,
    )


@pytest.fixture
def holdings() -> Holdings:
    found = Holdings({1: EVENT, 2: OTHER, 3: SPOT})
    found.begin(ANSWER)
    return found


def test_it_begins_where_the_answer_stands(holdings: Holdings) -> None:
    assert holdings.next_number == 10 and holdings.cash == {(16, 7): 1000} and holdings.positions == {(16, 1): -5}
    one, text = holdings.orders[5], holdings.orders[-71]
    assert (one.order, one.cum, one.leaves, one.fee, one.status) == (70, 4, 6, 3, codes.ST_PARTIAL) and text.id == 0
    holdings.apply(fill(9, 1, codes.BUY, codes.YES, 40, 5))
    assert holdings.cash == {(16, 7): 1000}, "a report that the answer includes is passed over"
    holdings.begin(ANSWER, session=2)
    assert list(holdings.orders) == [5], "orders of other sessions are not followed"


@pytest.mark.parametrize(
    ("report", "cash", "positions"),
    [
        (fill(10, 1, codes.BUY, codes.YES, 40, 5, 3), 1000 - 40 * 5 * 2 - 3, {1: 0}),
        (fill(10, 1, codes.SELL, codes.YES, 40, 5), 1000 + 400, {1: -10}),
        (fill(10, 1, codes.BUY, codes.NO, 40, 5, -1), 1000 + 60 * 5 * 2 + 1, {1: -10}),
        (fill(10, 2, codes.SELL, codes.NO, 40, 5), 1000 - 600, {1: -5, 2: 5}),
        (M.Moved(10, 10, 1, 4, 16, 7, -200, 800, 1, 3), 800, {1: -4, 2: 1}),
        (M.Moved(10, 10, 1, 0, 16, 7, 50, 1050, 0, 0), 1050, {1: -5}),
        (M.Settled(10, 10, 1, 16, 1, 7, 100, -5, -1000, 0, 1, 3), 0, {}),
    ],
)  # fmt: skip
def test_money_and_positions_follow(holdings: Holdings, report: M.Numbered, cash: int, positions: dict[int, int]) -> None:
    holdings.apply(report)
    assert holdings.cash[16, 7] == cash and holdings.positions == {(16, i): q for i, q in positions.items()} and holdings.next_number == 11


def test_a_spot_fill_moves_the_base_asset(holdings: Holdings) -> None:
    holdings.apply(fill(10, 3, codes.BUY, codes.YES, 2, 3, 1))
    holdings.apply(fill(11, 3, codes.SELL, codes.YES, 2, 1))
    assert holdings.cash == {(16, 7): 1000 - 2 * 3 * 10 - 1 + 2 * 10, (16, 8): 2 * 50} and holdings.positions == {(16, 1): -5}


def test_orders_go_on_from_the_answer(holdings: Holdings) -> None:
    holdings.apply(M.Fill(10, 10, 1, 5, 70, 16, 1, codes.BUY, codes.YES, codes.ST_FILLED, 0, 40, 10, 10, 0, 40, 6, 400, 2, 1))
    assert 5 not in holdings.orders and -71 in holdings.orders
