"""One door for money: only `post` writes it, every post names its reason, and the event rows tell every change of every balance with it."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.core.money import ledger
from exchange_server.core.money.ledger import post
from protocol import codes as C
from tests import arena
from tests.core_rig import Core, PairStory, tiny
from tests.model_world import Row
from tests.random_world import flow
from tests.settle_flow import late_flow

CORE = Path(ledger.__file__).resolve().parents[1]
MONEY = {"MONEY", "B_CASH", "E_POOL", "A_EXTERNAL"}
REASONS = {name for name in vars(C) if name.startswith("WHY_")}


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.relative_to(CORE)}: {node.name}", node


def writes_money(function: ast.FunctionDef) -> bool:
    targets = [
        target
        for node in ast.walk(function)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else [])
    ]  # fmt: skip
    return any(isinstance(part, ast.Attribute) and part.attr in MONEY for target in targets for part in ast.walk(target))


def posts() -> Iterator[tuple[str, ast.Call]]:
    for name, function in functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "post":
                yield name, node


def test_only_post_writes_money() -> None:
    assert [name for name, function in functions() if writes_money(function)] == ["money/ledger.py: post"]


@pytest.mark.parametrize("line", ["m[b + L.B_CASH] = 0", "m[e + L.E_POOL] += x", "m[m[co + L.CO_CASH] + L.MONEY] -= x", "m[a + L.A_EXTERNAL], y = 1, 2"])  # fmt: skip
def test_the_finder_of_writers_finds(line: str) -> None:
    found = ast.parse(f"def f(m, a, b, e, x, co):\n    {line}\n").body[0]
    assert isinstance(found, ast.FunctionDef) and writes_money(found)


def test_every_post_names_a_reason_of_the_table_and_every_reason_has_a_post() -> None:
    named = []
    for where, call in posts():
        assert len(call.args) == 5 and not call.keywords, where
        why = call.args[4]
        assert isinstance(why, ast.Attribute) and isinstance(why.value, ast.Name) and why.value.id == "C", (
            f"{where} does not name its reason"
        )
        assert why.attr in REASONS, where
        named.append(why.attr)
    assert set(named) == REASONS


def test_each_reason_has_a_number_of_its_own() -> None:
    numbers = [getattr(C, name) for name in REASONS]
    assert len(set(numbers)) == len(numbers) and min(numbers) == C.WHY_DEPOSIT and max(numbers) == C.WHY_OPENING


def test_a_post_moves_an_amount_from_row_to_row() -> None:
    s = PairStory(cash=100)
    m = s.pair.core.m
    one, two = arena.balances(m)[-2:]
    before = int(m[one + L.B_CASH]), int(m[two + L.B_CASH])
    post(m, one, two, 30, C.WHY_TRANSFER)
    assert (int(m[one + L.B_CASH]), int(m[two + L.B_CASH])) == (before[0] - 30, before[1] + 30)
    post(m, one, two, -30, C.WHY_TRANSFER)
    assert (int(m[one + L.B_CASH]), int(m[two + L.B_CASH])) == before
    post(m, one, one, 30, C.WHY_TRANSFER)
    assert int(m[one + L.B_CASH]) == before[0]


# ---- the listing knows who shares its fees ------------------------------------------------------------------------------


def test_fees_reach_the_balances_that_the_listing_keeps() -> None:
    s = PairStory(model=C.FEE_QUADRATIC, maker=100, taker=400, owner_share=2500, venue_share=5000)
    s.new(1, C.BUY, 100, 50)
    s.new(2, C.SELL, 100, 50)
    fees = {number: s.model.accounts[number].cash.get(1, 0) for number in (1, 2, 3)}
    assert fees == {3: 25 // 4 + 100 // 4, 2: 25 // 2 + 100 // 2, 1: 125 - 6 - 25 - 12 - 50}, "maker 0.25, taker 1.00"


def test_orders_pay_by_the_listing_they_came_under() -> None:
    """New terms with open orders make a new row with its own recipients; the old one keeps its own."""
    s = PairStory(model=C.FEE_QUADRATIC, maker=400, taker=0, venue_share=10_000)
    s.new(1, C.BUY, 100, 50)
    s.do(C.C_DEF_LISTING, venue=1, instrument=1, model=C.FEE_QUADRATIC, maker=400, taker=0, owner_share=10_000, owner_account=3)
    s.new(2, C.SELL, 100, 50)
    assert (s.model.accounts[2].cash.get(1, 0), s.model.accounts[3].cash.get(1, 0)) == (100, 0)


@pytest.mark.parametrize("share", ["owner_share", "venue_share"])
def test_a_share_without_an_account_is_refused_and_changes_nothing(share: str) -> None:
    s = PairStory(cash=100)
    core = s.pair.core
    before = core.m.copy()
    row = Row(kind=C.C_DEF_LISTING, venue=1, instrument=1, model=C.FEE_QUADRATIC, maker=0, taker=1)
    row.update({share: 1})
    core.apply(row)
    assert core.refused == C.R_BAD_DEFINITION
    header = [L.H_CURSOR, L.H_REFUSED, L.H_LIMIT, L.H_USED, L.H_ASKED, L.H_EVENT_USED]
    before[header] = core.m[header]
    assert (core.m == before).all()


# ---- statements: the events say where all money went ---------------------------------------------------------------------


class Statement:
    """Cash by (account, asset), made of event rows alone: what protocol/codes.py says of the reasons."""

    def __init__(self, definitions: list[Row]) -> None:
        self.events = {row.id: row for row in definitions if row.kind == C.C_DEF_EVENT}
        self.event_of = {row.id: self.events[row.event] for row in definitions if row.kind == C.C_DEF_INSTRUMENT}
        self.cash: dict[tuple[int, int], int] = defaultdict(int)
        self.fees: dict[int, int] = defaultdict(int)  # by asset: what all who share fees have got
        self.reasons: Counter[int] = Counter()

    def add(self, row: Row, asset: int, amount: int, why: int) -> None:
        self.cash[row.account, asset] += amount
        self.reasons[why] += 1

    def take(self, row: Row, command: Row) -> None:
        if row.kind == C.E_MOVED:
            self.add(row, row.spare, row.price, row.why)
        elif row.kind in (C.E_SETTLED, C.E_REVERSED):
            self.add(row, row.spare, row.last_price, row.why)
        elif row.kind == C.E_CONTRACT:  # a new outcome
            self.event_of[row.instrument] = self.events[row.order]
        elif row.kind in (C.E_BUST, C.E_CORRECTED):
            event = self.event_of[row.instrument]
            self.add(row, event.asset, row.due, C.WHY_BUST)
            back = row.last_qty if row.kind == C.E_BUST else row.was_qty - row.last_qty
            if event.product == C.SPOT and back:
                self.add(row, event.base_asset, (-1 if row.side == C.BUY else 1) * back * event.lot_base, C.WHY_BUST)
            leg = next(leg for leg in command.legs if leg.order == row.order)
            self.fees[event.asset] -= leg.fee - (row.fee if row.kind == C.E_CORRECTED else 0)
        elif row.kind == C.E_FILL:
            event = self.event_of[row.instrument]
            no = row.contract_side == C.NO
            price = event.payout - row.last_price if no else row.last_price
            sign = -1 if (row.side == C.BUY) != no else 1
            self.add(row, event.asset, sign * price * row.last_qty * event.tick_value, C.WHY_TRADE)
            if event.product == C.SPOT:
                self.add(row, event.base_asset, -sign * row.last_qty * event.lot_base, C.WHY_TRADE)
            if row.fee:
                self.add(row, event.asset, -row.fee, C.WHY_FEE if row.fee > 0 else C.WHY_REBATE)
                self.fees[event.asset] += row.fee


def test_every_balance_follows_from_the_event_rows() -> None:
    reasons: Counter[int] = Counter()
    for seed, make in [(seed, make) for seed in range(24) for make in (flow, late_flow)]:
        world, commands = make(seed, 160)
        core = Core(tiny(world.limits), world.retention_ns)
        statement = Statement(world.rows)
        for command in [*world.rows, *commands]:
            for row in core.apply(command):
                statement.take(row, command)
        reasons += statement.reasons
        shared: dict[int, int] = defaultdict(int)
        for b in arena.balances(core.m):
            account, asset, cash = (int(core.m[b + word]) for word in (L.B_ACCOUNT, L.B_ASSET, L.B_CASH))
            if kind_of(core.m, account) == C.ACCT_FEES:
                shared[asset] += cash - statement.cash[account, asset]
            else:
                assert cash == statement.cash[account, asset], f"seed {seed}, account {account}, asset {asset}"
        assert {a: n for a, n in shared.items() if n} == {a: n for a, n in statement.fees.items() if n}, f"seed {seed}"
    assert {getattr(C, name) for name in REASONS} - {C.WHY_OPENING} == set(reasons), (
        "each reason occurs, but of the one that reaches no balance"
    )


def kind_of(m: Any, account: int) -> int:
    return int(m[next(at for at in arena.rows_by_id(m, L.P_ACCOUNT) if m[at] == account) + L.AC_KIND])
