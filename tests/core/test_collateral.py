"""Collateral against enumeration: the formula of domain.md section 4 is the smallest amount that survives every state of the
event and every subset of the open orders (n <= 6). The enumeration knows nothing of v_j, B or S: it fills, settles and looks.
"""

from __future__ import annotations

import os
import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import codes as C
from tests.model_money import requirement, reserved_fee, worst_case
from tests.model_world import Event, Listing, Order

SEEDS = 2000 if os.environ.get("EXOS_LONG") == "1" else 150


def make_event(product: int, k: int, n: int, payout: int, tick_value: int) -> Event:
    event = Event(1, product, k, n, 1, 0, payout, tick_value, 1, 0, 0, C.PH_OPEN)
    event.contracts = list(range(1, n + 1))
    return event


def make_order(event: Event, book_side: int, price: int, qty: int, rate: int = 0, model: int = C.FEE_QUADRATIC) -> Order:
    listing = Listing(1, 1, model, 0, rate, 0, 0, 0, 0)
    return Order(1, 1, 16, 1, 1, 1, 1, book_side, book_side, C.YES, C.LIMIT, C.GTC, 0, price, qty, 0, listing, event.payout)


def end_states(event: Event) -> list[list[int]]:
    """Every way the contracts can pay, by contract: the winners get P, the others 0 (a scalar: its two ends)."""
    n, full = event.n, event.payout
    if event.product == C.SCALAR:
        return [[0], [full]]
    sizes = [event.k] if event.product == C.EXACTLY else range(event.k + 1)
    return [[full if j in winners else 0 for j in range(n)] for size in sizes for winners in combinations(range(n), size)]


def needed(event: Event, positions: list[int], orders: list[tuple[int, Order]]) -> int:
    """Cash that must be there so that, whichever orders fill, cash is never below zero and every debt is paid in every state."""
    most = 0
    tv = event.tick_value
    for size in range(len(orders) + 1):
        for filled in combinations(orders, size):
            cash, held = 0, list(positions)
            for j, order in filled:
                sign = 1 if order.book_side == C.BUY else -1
                cash -= sign * order.price * order.leaves * tv + reserved_fee(order, event)
                held[j] += sign * order.leaves
            worst = min(sum(q * pays * tv for q, pays in zip(held, state)) for state in end_states(event))
            most = max(most, -cash, -(cash + worst))
    return most


def draw_case(rng: random.Random, orders: int) -> tuple[Event, list[int], list[tuple[int, Order]]]:
    product = rng.choice((C.EXACTLY, C.EXACTLY, C.AT_MOST, C.AT_MOST, C.SCALAR))
    n = 1 if product == C.SCALAR else rng.randint(1, 6)
    k = 1 if product == C.SCALAR else rng.randint(1, n)
    event = make_event(product, k, n, rng.choice((2, 10, 100)), rng.choice((1, 3)))
    positions = [rng.choice((0, 0, rng.randint(-9, 9))) for _ in range(n)]
    made = []
    for _ in range(rng.randint(0, orders)):
        order = make_order(event, rng.choice((C.BUY, C.SELL)), rng.randint(1, event.payout - 1), rng.randint(1, 9), rng.choice((0, 0, 300)))
        made.append((rng.randrange(n), order))
    return event, positions, made


def test_the_requirement_always_suffices() -> None:
    for seed in range(SEEDS):
        event, positions, orders = draw_case(random.Random(seed), 7)
        assert requirement(event, event.k, positions, orders) >= needed(event, positions, orders), f"seed {seed}"


def test_the_requirement_is_the_smallest_that_suffices() -> None:
    """Never more than enumeration asks for."""
    for seed in range(SEEDS):
        event, positions, orders = draw_case(random.Random(seed), 7)
        assert requirement(event, event.k, positions, orders) == needed(event, positions, orders), f"seed {seed}"


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_worst_case_is_the_least_payout_over_the_states(data: st.DataObject) -> None:
    """For any v_j: the sum of the k smallest (at most k: of those below zero) is the least over all end states."""
    n = data.draw(st.integers(1, 6))
    k = data.draw(st.integers(1, n))
    v = data.draw(st.lists(st.integers(-1000, 1000), min_size=n, max_size=n))
    for product in (C.EXACTLY, C.AT_MOST):
        event = make_event(product, k, n, 1, 1)
        assert worst_case(product, k, v) == min(sum(x * w for x, w in zip(v, state)) for state in end_states(event))


@pytest.mark.parametrize("product", [C.EXACTLY, C.AT_MOST])
def test_taking_an_order_away_never_asks_for_more(product: int) -> None:
    """A cancel and a lowered quantity can therefore never be refused for collateral."""
    rng = random.Random(product)
    for _ in range(SEEDS):
        event, positions, orders = draw_case(rng, 6)
        whole = requirement(event, event.k, positions, orders)
        for i, (j, order) in enumerate(orders):
            assert requirement(event, event.k, positions, orders[:i] + orders[i + 1 :]) <= whole
            if order.qty > 1:
                less = make_order(event, order.book_side, order.price, order.qty - 1, order.listing.taker)
                assert requirement(event, event.k, positions, [*orders[:i], (j, less), *orders[i + 1 :]]) <= whole
