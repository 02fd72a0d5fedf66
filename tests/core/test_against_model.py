"""The core against the judge: after every command of seeded flows, events, state, structure, ledger and audit agree.

The event buffer holds 8 rows, tables are tiny. EXOS_LONG=1 runs 1,000 seeds and more examples. A failure prints the seed and the shortest failing flow.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange_server.core import layout as L
from protocol import codes as C
from protocol.errors import RETIRED
from tests import core_rig
from tests.bridge import Words, command_words
from tests.core_rig import Core, PairStory, tiny
from tests.judge import judge
from tests.model_world import Row
from tests.random_world import SECOND, flow

ROOT = Path(__file__).resolve().parents[2]
LONG = os.environ.get("EXOS_LONG") == "1"
SEEDS = 1000 if LONG else 12


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_random_flow(seed: int) -> None:
    report = judge(seed)
    assert report is None, report


def test_the_flows_reach_what_they_are_for() -> None:
    """Every kind of event and every refusal that is not one of form occurs in the flows."""
    from tests.model import Model

    kinds: set[int] = set()
    reasons: set[int] = set()
    for seed in range(96):
        world, commands = flow(seed, 160)
        model = Model(world.limits, world.retention_ns)
        for row in [*world.rows, *commands]:
            for event in model.apply(row):
                kinds.add(event.kind)
                reasons.add(event.reason)
    expected_kinds = {kind for name, kind in vars(C).items() if name.startswith("E_")}
    assert (
        kinds | {C.E_REVERSED, C.E_BUST, C.E_CORRECTED, C.E_OPENING, C.E_AHEAD} == expected_kinds
    )  # those: test_corrections.py, test_opening.py, test_ahead.py
    names = {v: k for k, v in vars(C).items() if k.startswith("R_")}
    rare = {
        *range(C.R_MARKET_NOT_OPEN, C.R_KILLED_SESSION + 1),
        C.R_ACCOUNT_NOT_ALLOWED,  # of operators' acts
        C.R_NOTIONAL_TOO_LARGE,
        C.R_TABLE_FULL,
        C.R_BAD_SCOPE,
        C.R_NODE_SHARE_FULL,  # test_shares.py
    }  # test_ladder.py meets each
    expected = {code for code in names if C.OK < code <= C.R_MARKET_REST} - rare - RETIRED
    assert expected <= reasons, sorted(names[code] for code in expected - reasons)


# ------------------------------------------------------------------------------------------------ flows drawn by hypothesis
FIRMS = st.integers(1, 3)
SIDES = st.sampled_from([C.BUY, C.SELL])
OPERATIONS = st.one_of(
    st.tuples(
        st.just("new"), FIRMS, SIDES, st.integers(1, 3), st.integers(1, 9), st.integers(1, 6),
        st.sampled_from([C.GTC, C.GTC, C.GTC, C.DAY, C.IOC, C.FOK]), st.booleans(), st.sampled_from([0, 0, 0, C.FLAG_POST_ONLY]),
    ),
    st.tuples(st.just("market"), FIRMS, SIDES, st.integers(1, 3), st.integers(1, 6)),
    st.tuples(st.just("cancel"), FIRMS, st.integers(1, 20)),
    st.tuples(st.just("replace"), FIRMS, st.integers(1, 20), st.integers(1, 9), st.integers(0, 8)),
    st.tuples(st.just("sets"), FIRMS, st.sampled_from([C.C_SPLIT, C.C_MERGE]), st.integers(1, 4)),
    st.tuples(st.just("mass"), FIRMS, st.sampled_from([C.SCOPE_FIRM, C.SCOPE_INSTRUMENT]), st.integers(1, 3)),
    st.tuples(st.just("draw"), FIRMS, st.integers(1, 60)),
)  # fmt: skip


def carry_out(s: PairStory, operation: tuple[Any, ...], used: dict[int, int]) -> None:
    """One drawn operation; ids are counted per firm, so that cancels and replaces find orders of their own."""
    name, firm, *rest = operation
    used[firm] = used.get(firm, 0) + 1
    if name == "new":
        side, instrument, price, qty, tif, no, flags = rest
        flags = 0 if tif in (C.IOC, C.FOK) else flags
        contract_side = C.NO if no else C.YES
        s.new(firm, side, qty, price, instrument=instrument, tif=tif, contract_side=contract_side, flags=flags, id=used[firm])
    elif name == "market":
        side, instrument, qty = rest
        s.new(firm, side, qty, 0, instrument=instrument, type=C.MARKET, tif=C.IOC, id=used[firm])
    elif name == "cancel":
        s.do(C.C_CANCEL, session=firm, orig=rest[0], id=used[firm])
    elif name == "replace":
        orig, price, qty = rest
        s.do(C.C_REPLACE, session=firm, orig=orig, price=price, qty=qty, id=used[firm])
    elif name == "sets":
        s.do(rest[0], session=firm, instrument=1, sets=rest[1])
    elif name == "mass":
        s.do(C.C_MASS_CANCEL, session=firm, scope=rest[0], instrument=rest[1], id=used[firm])
    else:
        s.fund(firm, -rest[0])


ENDS = {  # how a market comes to its end: acts after it was closed (a void: while it trades), and the version that is paid
    "plain": ((C.C_DETERMINE,), 1),
    "replaced": ((C.C_DETERMINE, C.C_DETERMINE), 2),
    "disputed, upheld": ((C.C_DETERMINE, C.C_DISPUTE, C.C_UPHOLD), 1),
    "disputed, corrected": ((C.C_DETERMINE, C.C_DISPUTE, C.C_DETERMINE), 2),
    "voided": ((C.C_VOID,), 1),
    "voided, corrected": ((C.C_VOID, C.C_DETERMINE), 2),
}


def come_to_an_end(s: PairStory, end: str, payouts: list[int]) -> None:
    """Whether somebody has a position to dispute for depends on the orders: without one, the dispute is refused and the version stands."""
    acts, paid = ENDS[end]
    version = 0
    if acts[0] != C.C_VOID:
        s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    for act in acts:
        version += act in (C.C_DETERMINE, C.C_VOID)
        s.do(act, event=1, version=version, payouts=payouts, firm=1 if act == C.C_DISPUTE else 0)
    s.later(60)
    s.do(C.C_FINALISE, event=1, version=paid)
    assert s.model.events[1].pool == 0 and s.model.events[1].phase == C.PH_FINAL


@pytest.mark.parametrize(("product", "k"), [(C.EXACTLY, 1), (C.EXACTLY, 2), (C.AT_MOST, 2)])
@settings(max_examples=300 if LONG else 8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    operations=st.lists(OPERATIONS, max_size=40), fees=st.sampled_from([(0, 0), (-500, 700), (300, 300)]), end=st.sampled_from(sorted(ENDS))
)
def test_orders_drawn_by_hypothesis(product: int, k: int, operations: list[tuple[Any, ...]], fees: tuple[int, int], end: str) -> None:
    s = PairStory(
        firms=3,
        cash=150,
        product=product,
        n=3,
        k=k,
        payout=10,
        protection=3,
        maker=fees[0],
        taker=fees[1],
        owner_share=5000,
        window=60 * SECOND,
        mids=1,
    )
    used: dict[int, int] = {}
    for operation in operations:
        carry_out(s, operation, used)
    come_to_an_end(s, end, [10] * k + [0] * (3 - k))


# ------------------------------------------------------------------------------------------------ nothing depends on the borders
def run_in_batches(commands: list[Row], world: Any, size: int, event_rows: int) -> tuple[Words, bytes]:
    """All event words and the digest, with client rows given to the core `size` at a time."""
    core = Core(tiny(world.limits), world.retention_ns, event_rows)
    events = [core.step(command_words(row)) for row in world.rows]
    batch: list[Words] = []
    for row in commands:
        if row.kind >= C.C_DEF_ASSET:
            if batch:
                events.append(core.step(np.concatenate(batch)))
                batch = []
            events.append(core.step(command_words(row)))
            continue
        batch.append(command_words(row))
        if len(batch) == size:
            events.append(core.step(np.concatenate(batch)))
            batch = []
    if batch:
        events.append(core.step(np.concatenate(batch)))
    return np.concatenate(events), core.engine.digest()


@pytest.mark.parametrize("seed", range(40 if LONG else 3))
def test_the_same_events_and_digest_wherever_turns_and_buffers_end(seed: int) -> None:
    world, commands = flow(seed + 5000, 160)
    expected, digest = run_in_batches(commands, world, 1, core_rig.EVENT_ROWS)
    assert len(expected) > 100 * L.EVT_WORDS
    for size, event_rows in ((3, 8), (50, 9), (1000, 4096)):
        events, other = run_in_batches(commands, world, size, event_rows)
        assert np.array_equal(events, expected) and other == digest, (size, event_rows)


def test_a_settlement_larger_than_the_event_buffer_goes_on_where_it_stopped() -> None:
    s = PairStory(firms=12, cash=1000, product=C.EXACTLY, n=4, k=1)
    for firm in range(1, 13):
        s.do(C.C_SPLIT, session=firm, instrument=1, sets=firm % 5 + 1)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[25, 25, 50, 0])
    events = s.do(C.C_FINALISE, event=1, version=1)
    assert sum(e.kind == C.E_SETTLED for e in events) == 48 and len(events) > 6 * core_rig.EVENT_ROWS
    assert all(s.cash(firm) == 1000 for firm in range(1, 13)), "a set pays what it cost"


def test_one_time_row_expires_more_orders_than_the_event_buffer_holds() -> None:
    s = PairStory(cash=100_000)
    for i in range(30):
        s.new(1, C.BUY, 1, 1 + i % 7, tif=C.GTD, expiry=s.model.now + SECOND * (1 + i % 3), id=f"gtd-{i}")
    events = s.later(2)
    assert [e.kind for e in events] == [C.E_EXPIRED] * 20
    assert [e.expiry for e in events] == sorted(e.expiry for e in events)


if LONG:

    def test_flows_with_bounds_checks_in_every_kernel() -> None:
        """The same harness over a core compiled with index checks: no access outside the arena, the rows or the event buffer."""
        environment = {**os.environ, "EXOS_BOUNDSCHECK": "1"}
        run = subprocess.run([sys.executable, "-m", "tests.judge", "2000", "60"], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
