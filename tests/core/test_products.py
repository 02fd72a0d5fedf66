"""Every product against every question of core/money/products.py, with the worked numbers of the rules (P = 1.00 = 100 ticks, money in hundredths)."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.core.kit.rows import event_at, instrument_at
from exchange_server.core.layout.packed import pack_fees
from exchange_server.core.money import products as P
from protocol import codes as C
from tests.core_rig import Core, tiny
from tests.model_world import Limits
from tests.model_worlds import definitions

CORE = Path(P.__file__).resolve().parents[1]
PRODUCTS = {"spot": C.SPOT, "exactly": C.EXACTLY, "at_most": C.AT_MOST, "scalar": C.SCALAR}
WORLDS: dict[str, dict[str, Any]] = {
    "spot": {"product": C.SPOT, "lot_base": 7},
    "exactly": {"product": C.EXACTLY, "n": 3, "k": 2},
    "at_most": {"product": C.AT_MOST, "n": 3, "k": 2},
    "scalar": {"product": C.SCALAR},
}


@cache
def world(product: str) -> tuple[Any, int, int]:
    """(arena, event, first instrument) of a market of the product."""
    core = Core(tiny(Limits(64, 64)))
    for row in definitions(**WORLDS[product]):
        core.apply(row)
    return core.m, event_at(core.m, 1), instrument_at(core.m, 1)


BPS_100 = 100
Asked = Callable[[Any, int, int, str], Any]


def fee(book_side: int) -> Asked:
    """Fee part of an order of 10 at 0.50 whose dearer rate is 1 %."""

    def ask(m: Any, event: int, inst: int, product: str) -> Any:
        fees = pack_fees(C.FEE_NOTIONAL if product == "spot" else C.FEE_QUADRATIC, 0, BPS_100)
        return P.reserve_fee(m, inst, book_side, fees, 50, 10, 0, 0)

    return ask


def paid(payout: int, q: int) -> Asked:
    def ask(m: Any, event: int, inst: int, product: str) -> Any:
        m[inst + L.I_PAID] = payout
        return P.settlement(m, inst, q)

    return ask


# (question, function, how it is asked, answers: spot, exactly 2 of 3, at most 2 of 3, scalar). None: not asked of this product.
Answer = int | None
TABLE: list[tuple[str, str, Asked, tuple[Answer, Answer, Answer, Answer]]] = [
    ("a seller delivers base", "sells_base", lambda m, event, inst, _: P.sells_base(m, event), (1, 0, 0, 0)),
    ("buy 10 @ 0.40 reserves", "reserve_part", lambda m, event, inst, _: P.reserve_part(m, inst, C.BUY, 40, 10), (400, 400, 400, 400)),
    ("sell 10 @ 0.40 reserves", "reserve_part", lambda m, event, inst, _: P.reserve_part(m, inst, C.SELL, 40, 10), (70, 600, 600, 600)),
    ("fee of a buy of 10 @ 0.50 at 1 %", "reserve_fee", fee(C.BUY), (5, 3, 3, 3)),
    ("fee of a sell of 10 @ 0.50 at 1 %", "reserve_fee", fee(C.SELL), (0, 3, 3, 3)),
    ("80 @ 0.62: cash", "fill_cash", lambda m, event, inst, _: P.fill_cash(m, inst, 62, 80), (4960, 4960, 4960, 4960)),
    ("80 @ 0.62: base", "fill_base", lambda m, event, inst, _: P.fill_base(m, event, 80), (560, 0, 0, 0)),
    ("80 @ 0.62: position", "fill_position", lambda m, event, inst, _: P.fill_position(m, event, 80), (0, 80, 80, 80)),
    ("long 10", "value_at_worst", lambda m, event, inst, _: P.value_at_worst(m, event, 10, 0, 0), (None, 1000, 0, 0)),
    ("short 1", "value_at_worst", lambda m, event, inst, _: P.value_at_worst(m, event, -1, 0, 0), (None, -100, -100, -100)),
    ("bid 10 @ 0.30", "value_at_worst", lambda m, event, inst, _: P.value_at_worst(m, event, 0, 300, 0), (None, 300, 0, 0)),
    ("sell 10 @ 0.40", "value_at_worst", lambda m, event, inst, _: P.value_at_worst(m, event, 0, 0, 600), (None, -600, -600, -600)),
    ("buys 4.00, worst 1.00", "requirement", lambda m, event, inst, _: P.requirement(400, 100), (400, 400, 400, 400)),
    ("buys 0, worst -6.00", "requirement", lambda m, event, inst, _: P.requirement(0, -600), (600, 600, 600, 600)),
    ("is settled", "is_settled", lambda m, event, inst, _: P.is_settled(m, event), (0, 1, 1, 1)),
    ("payouts at most", "payouts_most", lambda m, event, inst, _: P.payouts_most(m, event), (None, 200, 200, 100)),
    ("payouts sum to 1.99", "payouts_fit", lambda m, event, inst, _: P.payouts_fit(m, event, 199), (None, 0, 1, 0)),
    ("payouts sum to 2.00", "payouts_fit", lambda m, event, inst, _: P.payouts_fit(m, event, 200), (None, 1, 1, 0)),
    ("payouts sum to 2.01", "payouts_fit", lambda m, event, inst, _: P.payouts_fit(m, event, 201), (None, 0, 0, 0)),
    ("payouts sum to 0.62", "payouts_fit", lambda m, event, inst, _: P.payouts_fit(m, event, 62), (None, 0, 1, 1)),
    ("10 at a payout of 0.62", "settlement", paid(62, 10), (None, 620, 620, 620)),
    ("short 3 at a payout of 1.00", "settlement", paid(100, -3), (None, -300, -300, -300)),
    ("room for one more", "may_grow", lambda m, event, inst, product: P.may_grow(PRODUCTS[product], 1, 1, 2), (0, 1, 1, 0)),
    ("room for one more, 2 winners", "may_grow", lambda m, event, inst, product: P.may_grow(PRODUCTS[product], 2, 3, 4), (0, 0, 1, 0)),
    ("no more room", "may_grow", lambda m, event, inst, product: P.may_grow(PRODUCTS[product], 1, 3, 3), (1, 1, 1, 1)),
    ("less room than contracts", "may_grow", lambda m, event, inst, product: P.may_grow(PRODUCTS[product], 1, 3, 2), (0, 0, 0, 0)),
    ("an outcome is added", "takes_outcome", lambda m, event, inst, _: P.takes_outcome(m, event, False), (0, 0, 1, 0)),
    ("an outcome is split", "takes_outcome", lambda m, event, inst, _: P.takes_outcome(m, event, True), (0, 1, 0, 0)),
    ("1 winner of 2 left", "leaves_open", lambda m, event, inst, _: P.leaves_open(m, event, 1, 2), (0, 1, 1, 0)),
    ("1 winner of 1 left", "leaves_open", lambda m, event, inst, _: P.leaves_open(m, event, 1, 1), (0, 0, 1, 0)),
    ("no winner left", "leaves_open", lambda m, event, inst, _: P.leaves_open(m, event, 0, 2), (0, 0, 0, 0)),
    ("has sets", "has_sets", lambda m, event, inst, _: P.has_sets(m, event), (0, 1, 0, 0)),
    ("7 sets", "sets_worth", lambda m, event, inst, _: P.sets_worth(m, event, 7), (0, 1400, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("question", "name", "ask", "answers"), TABLE, ids=[row[0] for row in TABLE])
@pytest.mark.parametrize("product", PRODUCTS)
def test_the_answer(product: str, question: str, name: str, ask: Asked, answers: tuple[Answer, ...]) -> None:
    answer = answers[list(PRODUCTS).index(product)]
    if answer is not None:
        assert ask(*world(product), product) == answer


# The worked requirements: (product, k, contracts, what is held and open on each as (position, buys, sells)), least requirement
Columns = list[tuple[int, int, int]]
WORKED: list[tuple[str, str, int, Columns, int]] = [
    ("flat, sell 10 YES @ 0.40", "at_most", 1, [(0, 0, 600)], 600),
    ("flat, buy 10 @ 0.40 and sell 10 @ 0.60 in one binary", "at_most", 1, [(0, 400, 400)], 400),
    ("exactly 1 of 3, short 1 on A and short 1 on B", "exactly", 1, [(-1, 0, 0), (-1, 0, 0), (0, 0, 0)], 100),
    ("exactly 1 of 3, bids 10 @ 0.30 on all three", "exactly", 1, [(0, 300, 0)] * 3, 900),
    ("short 1 on each of 40 names of a 32-of-48 group", "exactly", 32, [(-1, 0, 0)] * 40 + [(0, 0, 0)] * 8, 3200),
    ("balance 0, long 10, sell 10 @ 0.62 with a fee of 1", "at_most", 1, [(10, 0, 381)], 0),
    ("a scalar, short 3", "scalar", 1, [(-3, 0, 0)], 300),
]


@pytest.mark.parametrize(("story", "product", "k", "columns", "wanted"), WORKED, ids=[row[0] for row in WORKED])
def test_the_worked_requirements(story: str, product: str, k: int, columns: Columns, wanted: int) -> None:
    """Beside the core's own way to the k least, which tests/core/test_worked_examples.py goes with real orders."""
    m, event, _ = world(product)
    least = sorted(P.value_at_worst(m, event, *column) for column in columns)[:k]
    assert P.requirement(sum(buys for _, buys, _ in columns), sum(least)) == wanted


def test_every_function_is_asked_of_every_product() -> None:
    functions = {node.name for node in ast.parse(Path(P.__file__).read_text()).body if isinstance(node, ast.FunctionDef)}
    assert {row[1] for row in TABLE} == functions
    named = {name for name, value in vars(C).items() if name in ("SPOT", "EXACTLY", "AT_MOST", "SCALAR") and value in PRODUCTS.values()}
    assert len(named) == len(PRODUCTS)
    for i, product in enumerate(PRODUCTS):
        silent = {row[1] for row in TABLE} - {row[1] for row in TABLE if row[3][i] is not None}
        assert silent <= ({"value_at_worst", "payouts_most", "payouts_fit", "settlement"} if product == "spot" else set())


def test_only_this_file_asks_for_the_product() -> None:
    """A product's name or word elsewhere in the core is a payoff that was not gathered; definitions.py says where the definition row's goes."""
    found = {}
    for path in sorted(CORE.rglob("*.py")):
        names = [
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and node.attr in ("SPOT", "EXACTLY", "AT_MOST", "SCALAR", "E_PRODUCT")
        ]
        if names:
            found[str(path.relative_to(CORE))] = names
    assert found.pop("layout/definitions.py") == ["E_PRODUCT"]
    assert found.pop("markets/sets.py") == ["E_PRODUCT"], "the number that a refusal names"
    assert set(found) == {"money/products.py"}
