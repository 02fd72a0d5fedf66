"""expect: enough of them, free without EXOS_BOUNDSCHECK, and with it a broken arena is found by the row that meets it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from exchange_server.core.kit import expect, jit

ROOT = Path(__file__).resolve().parents[2]
CORE = Path(expect.__file__).resolve().parents[1]
WINGS = ("book", "money", "orders")


def named(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def leaves_and_expects(text: str) -> tuple[int, int]:
    leaves = expects = 0
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and any(named(one, "leaf") for one in node.decorator_list):
            leaves += 1
        if isinstance(node, ast.Call) and named(node.func, "expect"):
            expects += 1
    return leaves, expects


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_states_something_for_every_two_leaves(wing: str) -> None:
    counts = [leaves_and_expects(path.read_text()) for path in sorted((CORE / wing).glob("*.py"))]
    leaves, expects = sum(a for a, _ in counts), sum(b for _, b in counts)
    assert leaves > 5 and 2 * expects >= leaves, f"{wing}: {expects} for {leaves} leaves"


def test_the_counter_counts() -> None:
    assert leaves_and_expects("@leaf\ndef f(m):\n    expect(m, True, 1)\n    expect(m, True, 2)\n\n\ndef g():\n    pass\n") == (1, 2)


def test_every_expect_names_an_invariant() -> None:
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and named(node.func, "expect"):
                code = node.args[2]
                assert isinstance(code, ast.Attribute) and code.attr.startswith("INV_"), f"{path.relative_to(CORE)}:{node.lineno}"


def test_the_kernels_of_a_checking_process_lie_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    before = jit.source_hash.__wrapped__(CORE / "step.py")
    monkeypatch.setitem(jit.FLAGS, "boundscheck", not jit.BOUNDSCHECK)
    assert jit.source_hash.__wrapped__(CORE / "step.py") != before


# What is broken, the row that meets it, and the invariant that must be named
STORIES = """
import sys
from exchange_server.core import layout as L
from exchange_server.core.money.ledger import post
from exchange_server.engine import InvariantBroken
from protocol import codes as C
from tests import arena
from tests.core_rig import Core, Difference, PairStory
from tests.model_world import Row

def order(m):
    return arena.open_orders(m)[0]

def balances(m):
    return [b for b in arena.balances(m) if m[b + L.B_ACCOUNT] >= 16]

def level_quantity(m):
    m[m[order(m) + L.O_LEVEL] + L.L_QTY] = 0

def order_price(m):
    m[order(m) + L.O_PRICE] += 1

def other_asset(m):
    m[balances(m)[0] + L.B_ASSET] = 2

def reserved_sell(m):
    for co in arena.collateral_rows(m, next(at for at in arena.rows_by_id(m, L.P_EVENT))):
        m[co + L.CO_COLUMNS + L.COL_BUY] = 0

def open_quantity(m):
    for co in arena.collateral_rows(m, next(at for at in arena.rows_by_id(m, L.P_EVENT))):
        m[co + L.CO_COLUMNS + L.COL_BQ] = 0

def fee_paid(m):
    m[order(m) + L.O_FEE_PAID] = 1000

def leaves(m):
    m[order(m) + L.O_LEAVES] = 0

CANCEL = Row(kind=C.C_CANCEL, session=1, id=900, orig=1)
SELL = Row(kind=C.C_NEW, session=2, instrument=1, id=901, side=C.SELL, contract_side=C.YES, type=C.LIMIT, tif=C.GTC, qty=5, price=40)
STORIES = {
    "level_quantity": (level_quantity, CANCEL, L.INV_BOOK),
    "order_price": (order_price, CANCEL, L.INV_BOOK),
    "other_asset": (other_asset, SELL, L.INV_LEDGER),
    "reserved_sell": (reserved_sell, CANCEL, L.INV_COLLATERAL),
    "open_quantity": (open_quantity, CANCEL, L.INV_COLLATERAL),
    "fee_paid": (fee_paid, SELL, L.INV_FEE),
    "leaves": (leaves, CANCEL, L.INV_ORDER),
}
for name, (break_it, row, invariant) in STORIES.items():
    s = PairStory(maker=100, taker=100)
    s.new(1, C.BUY, 10, 40, id=1)
    core = s.pair.core
    m = core.engine.m
    break_it(m)
    try:
        core.apply(row)
    except Difference as error:
        assert isinstance(error.__cause__, InvariantBroken), error
    print(name, int(m[L.H_ERROR]) == invariant, int(m[L.H_ERROR]))
"""
BROKEN = ("level_quantity", "order_price", "other_asset", "reserved_sell", "open_quantity", "fee_paid", "leaves")


def test_a_broken_arena_stops_a_checking_core() -> None:
    environment = {**os.environ, "EXOS_BOUNDSCHECK": "1", "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", STORIES], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert [line.split()[:2] for line in run.stdout.splitlines()] == [[name, "True"] for name in BROKEN], run.stdout


@pytest.mark.skipif(jit.BOUNDSCHECK, reason="this process checks")
def test_nothing_is_compiled_without_the_flag() -> None:
    assert not expect.EXPECTING
    assert "H_ERROR" not in Path(expect.__file__).read_text().split("else:")[1], "the empty expect writes nothing"
