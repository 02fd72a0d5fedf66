"""The registry on the real core: the whole sandbox, its settlement by the real results, refusals in words, snapshots, tiny tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from config import admin_records as ar
from config import load, results
from exchange_server.core import layout as L
from exchange_server.engine import Capacities, Engine
from exchange_server.registry import AdminAnswer
from exchange_server.registry.market_view import market_view
from protocol import codes
from tests import shipped_results
from tests.registry.test_registry import BASE, FINAL, RESULT, change
from tests.safe import safe

SMALL = Capacities(
    assets=8, venues=4, firms=200, accounts=300, sessions=200, events=20, instruments=150, listings=150, balances=600, collateral_words=50_000,
    orders=64, nodes=64, archive=64,
)  # fmt: skip


class Turns:
    """An engine, and ADMIN rows in turns of their own."""

    def __init__(self, capacities: Capacities = SMALL) -> None:
        self.engine, self.turn = Engine(capacities, event_rows=64), 0

    def do(self, *records: Any) -> list[AdminAnswer]:
        return self.do_bodies([ar.pack("uid:0", "r", safe(record)) for record in records])

    def do_bodies(self, bodies: list[bytes]) -> list[AdminAnswer]:
        self.turn += 1
        rows = np.zeros(L.CMD_WORDS, np.int64)
        rows[:3] = codes.C_TIME, self.turn, self.turn * 1_000_000
        pieces = [rows]
        for body in bodies:
            extra = -(-len(body) // 128)
            row = np.zeros((1 + extra) * L.CMD_WORDS, np.int64)
            row[0], row[L.CMD_BODY_BYTES] = codes.C_ADMIN | extra << 8, len(body)
            row[L.CMD_WORDS :].view(np.uint8)[: len(body)] = np.frombuffer(body, np.uint8)
            pieces.append(row)
        flat = np.concatenate(pieces)
        answers = self.engine.apply(flat, len(flat), lambda events: None)
        assert len(answers) == len(bodies) and self.engine.check() == []
        return answers

    def must(self, records: Sequence[Any]) -> "Turns":
        for answer in self.do(*records):
            assert answer.ok, answer.text
        return self


@pytest.fixture(scope="module")
def sandbox() -> Turns:
    return Turns().must([item.record for item in load.load("sandbox").items])


def test_the_sandbox_opens_and_settles_by_the_real_results(sandbox: Turns) -> None:
    engine = sandbox.engine
    assert {market["phase"] for market in market_view(engine.registry, engine.m)} == {"open"}
    before = engine.digest()
    assert Engine.restore(engine.snapshot()).digest() == before
    other = Turns()
    for item in load.load("sandbox").items:  # a turn for each record: where turns end is of no consequence
        other.must([item.record])
    assert [m for m in market_view(other.engine.registry, other.engine.m)] == [m for m in market_view(engine.registry, engine.m)]
    for settlement in results.load(shipped_results.FILE):
        market = engine.registry.events.named(settlement.event)
        assert market is not None
        sandbox.must(
            [
                ar.SetPhase(event=market.name, phase="closed"),
                shipped_results.determine(settlement, market.record),
                ar.Finalise(event=market.name),
            ]
        )
    shown = {m["event"]: m for m in market_view(engine.registry, engine.m)}
    assert {name for name, m in shown.items() if m["phase"] == "final"} == set(shown) - {"BTC-USD"}
    assert [c["code"] for c in shown["WC26-FINAL"]["contracts"] if c["paid"]] == ["DRAW"] and shown["WC26-WIN"]["final_at_ns"] > 0
    assert [m["event"] for m in market_view(engine.registry, engine.m, "WC26-WIN")] == ["WC26-WIN"]
    assert engine.digest() != before and Engine.restore(engine.snapshot()).digest() == engine.digest()


def test_refusals_of_the_core_in_words() -> None:
    turns = Turns().must([*BASE, ar.Transfer(key="d", asset="USD", amount=500, target="ACME-A"), ar.SetPhase(event="FINAL", phase="open")])
    before = turns.engine.registry.to_bytes()
    for record, code, text in (
        (
            ar.Transfer(key="w", asset="USD", amount=501, source="ACME-A"),
            codes.R_WITHDRAW_TOO_MUCH,
            "withdrawal of 0.0501 USD from ACME-A: 0.0500 USD of its 0.0500 USD is available; asked 0.0501 USD",
        ),
        (ar.SetPhase(event="FINAL", phase="listed"), codes.R_BAD_TRANSITION, "event FINAL: it is open and cannot become listed"),
        (RESULT, codes.R_NOT_CLOSED, "event FINAL: it is open; only a market that is closed or determined is determined"),
    ):
        (answer,) = turns.do(record)
        assert not answer.ok and answer.code == code and answer.text.startswith(text), answer
    assert turns.engine.registry.to_bytes() == before


def test_a_challenge_window_is_waited_for() -> None:
    turns = Turns().must([*BASE[:-2], change(FINAL, challenge_window_ns=3_000_000), ar.SetPhase(event="FINAL", phase="open")])
    turns.must([ar.SetPhase(event="FINAL", phase="closed"), change(RESULT, observed_at_ns=1)])
    (answer,) = turns.do(ar.Finalise(event="FINAL"))
    assert (
        answer.code == codes.R_CHALLENGE_WINDOW
        and "ends at 1970-01-01 00:00:00.005 UTC, the time is 1970-01-01 00:00:00.003 UTC" in answer.text
    )
    turns.do()
    turns.must([ar.Finalise(event="FINAL")])
    assert turns.do(ar.Finalise(event="FINAL"))[0].code == codes.R_ALREADY_FINAL


@pytest.mark.parametrize("table", ["assets", "venues", "firms", "accounts", "sessions", "events", "instruments", "listings"])
def test_every_table_is_filled_to_its_last_row_and_then_refuses(table: str) -> None:
    """One row less than the records need: refused by name, the state sound. Exactly as many: all goes in."""
    need = {"assets": 2, "venues": 2, "firms": 2, "accounts": 20, "sessions": 2, "events": 2, "instruments": 4, "listings": 4}[table]
    sizes = {field: getattr(SMALL, field) for field in SMALL.__dataclass_fields__}
    Turns(Capacities(**{**sizes, table: need})).must(BASE)
    answers = Turns(Capacities(**{**sizes, table: need - 1})).do(*BASE)
    refused = [answer for answer in answers if answer.code == codes.R_TABLE_FULL]
    assert refused and f"`{table}`" in refused[0].text or "listings" in refused[0].text


@pytest.mark.parametrize("pool", [L.P_NAME_HASH, L.P_BALANCE])
def test_a_full_core_table_refuses_a_market_and_the_server_goes_on(pool: int) -> None:
    turns = Turns().must(BASE[:-2])
    pools = turns.engine.m[L.H_POOLS + pool * L.POOL_WORDS :][: L.POOL_WORDS]
    used = int(pools[L.PL_USED])
    pools[L.PL_USED] = pools[L.PL_CAP]
    answer = turns.engine.registry.apply(ar.pack("uid:0", "r", FINAL), turns.engine, lambda rows: None)
    assert answer.code == codes.R_TABLE_FULL
    pools[L.PL_USED] = used
    turns.must([FINAL])


# ------------------------------------------------------------------------------------------------ who may trade where
def rules_of(engine: Engine) -> tuple[Any, ...]:
    """What the core has of quotas, freezes and rules."""
    venue = int(engine.m[L.H_POOLS + L.P_VENUE * L.POOL_WORDS + L.PL_BASE]) + L.VENUE_WORDS
    words = (L.V_BARS, L.V_FREEZE, L.V_ACCESS, L.V_MAX_OPEN, L.V_PACE + L.TH_LIMIT, L.V_BYTES + L.TH_LIMIT)
    return tuple(int(engine.m[venue + word]) for word in words)


def test_rules_quotas_and_freezes_survive_a_snapshot_and_a_replay() -> None:
    records = [
        *BASE,
        ar.FirmTags(firm="ACME", jurisdictions=("DE",), kyc_level=2),
        ar.AccessRule(rule="known", venue="V1", effect="allow", kyc_at_least=1),
        ar.Quota(venue="V1", open_orders=3, messages_per_second=9, journal_bytes_per_second=5000),
        ar.DefineVenue(name="V1", isolated_accounts=True),
        ar.Freeze(venue="V1", level="settle_only", reason="inspection"),
    ]
    turns = Turns().must(records)
    bars = L.BAR_FROZEN | L.BAR_ISOLATED | L.BAR_ACCESS | L.BAR_PACE | L.BAR_ORDERS
    assert rules_of(turns.engine) == (bars, 2, L.ACCESS_ONLY, 3, 9, 5000)
    restored, again = Engine.restore(turns.engine.snapshot()), Turns().must(records).engine
    assert rules_of(restored) == rules_of(turns.engine) == rules_of(again)
    assert restored.digest() == turns.engine.digest() == again.digest()
    assert restored.registry.to_bytes() == turns.engine.registry.to_bytes()


def test_a_rule_with_more_exceptions_than_rows_is_stepped_whole() -> None:
    turns = Turns().must([*BASE, *(ar.DefineFirm(name=f"F{i}") for i in range(150))])
    before = turns.engine.digest()
    (answer,) = turns.do(ar.AccessRule(rule="all", venue="V1", effect="deny"))
    assert answer.ok and answer.result["kept_out"] == 152
    turns.must([ar.RemoveAccessRule(rule="all", venue="V1")])
    assert rules_of(turns.engine)[2] == L.ACCESS_ALL and turns.engine.digest() != before


# ------------------------------------------------------------------------------------------------ budgets
def test_a_budget_survives_a_snapshot_and_a_replay_and_takes_the_markets_of_its_series() -> None:
    cup = change(FINAL, event="CUP1", series="CUPS", contracts=(ar.Contract(symbol="C1-A"), ar.Contract(symbol="C1-B")))
    later = change(FINAL, event="CUP2", series="CUPS", contracts=(ar.Contract(symbol="C2-A"), ar.Contract(symbol="C2-B")))
    budget = ar.Budget(session="C1", asset="USD", max_loss=500, approve_above=7, markets=("FINAL",), series=("CUPS",))
    records = [*BASE, ar.DefineSeries(name="CUPS", owner_venue="V1"), cup, budget, later]

    def listed(engine: Engine) -> tuple[int, ...]:
        account = engine.registry.accounts.named("ACME-A")
        assert account is not None
        at = int(engine.m[L.H_POOLS + L.P_ACCOUNT * L.POOL_WORDS + L.PL_BASE]) + account.id * L.ACCOUNT_WORDS
        return tuple(int(engine.m[at + word]) for word in (L.AC_BUDGET_LOSS, L.AC_BUDGET_APPROVE, L.AC_BUDGET_LISTED, L.AC_BUDGET_MARKETS))

    turns = Turns().must(records)
    assert listed(turns.engine) == (500, 7, 1, 3), "the final, and both of the series: the second was defined after the budget"
    restored, again = Engine.restore(turns.engine.snapshot()), Turns().must(records).engine
    assert listed(restored) == listed(again) == (500, 7, 1, 3)
    assert restored.digest() == turns.engine.digest() == again.digest()
    assert restored.registry.to_bytes() == turns.engine.registry.to_bytes()
    turns.must([ar.Budget(session="C1", series=())])
    assert listed(turns.engine) == (500, 7, 1, 1)
    turns.must([ar.Budget(session="C1", markets=(), max_loss=400)])
    assert listed(turns.engine) == (400, 7, 0, 0)
    turns.must([ar.ClearBudget(session="C1")])
    assert listed(turns.engine) == (0, 0, 0, 0) and turns.engine.registry.budgets == {}
