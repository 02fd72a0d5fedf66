"""Money on the real core: holds and withdrawals in two steps, what is said when it cannot be done, and that every key is used once."""

from typing import Any

import pytest

from config import admin_records as ar
from exchange_server import state
from exchange_server.engine import Engine
from exchange_server.registry.account_view import account_view
from protocol import codes
from tests.registry.test_real_engine import Turns
from tests.registry.test_registry import BASE

DEPOSIT = ar.Transfer(key="d", asset="USD", amount=500, target="ACME-A")


@pytest.fixture
def turns() -> Turns:
    return Turns().must([*BASE, DEPOSIT])


def cash(turns: Turns, account: str) -> int:
    registry = turns.engine.registry
    row = registry.accounts.named(account)
    assert row is not None
    return (state.balance(turns.engine.m, row.id, 1) or (0, 0))[0]


def refused(turns: Turns, record: Any) -> Any:
    """The refusal, which changes nothing."""
    before = turns.engine.registry.to_bytes(), cash(turns, "ACME-A"), cash(turns, "PLATFORM.HOLDS")
    (answer,) = turns.do(record)
    assert not answer.ok
    assert (turns.engine.registry.to_bytes(), cash(turns, "ACME-A"), cash(turns, "PLATFORM.HOLDS")) == before
    return answer


def test_a_hold_sets_money_aside_and_a_release_frees_it(turns: Turns) -> None:
    (answer,) = turns.do(ar.Hold(key="h", account="ACME-A", asset="USD", amount=200, note="bond"))
    assert answer.result["hold"] == 1 and answer.text == "hold of 0.0200 USD of ACME-A done as hold 1"
    assert (cash(turns, "ACME-A"), cash(turns, "PLATFORM.HOLDS")) == (300, 200)
    shown = {a["name"]: a for a in account_view(turns.engine.registry, turns.engine.m)["accounts"]}
    assert (shown["ACME-A"]["cash"], shown["ACME-A"]["held"]) == ({"USD": 500}, {"USD": 200}), "it is still the owner's"
    assert "PLATFORM.HOLDS" not in shown
    turns.must([ar.Transfer(key="w", asset="USD", amount=300, source="ACME-A"), ar.Release(key="r", hold=1)])
    assert (cash(turns, "ACME-A"), cash(turns, "PLATFORM.HOLDS")) == (200, 0)
    assert Engine.restore(turns.engine.snapshot()).digest() == turns.engine.digest()


def test_a_withdrawal_in_two_steps(turns: Turns) -> None:
    turns.must([ar.RequestWithdrawal(key="w1", account="ACME-A", asset="USD", amount=100)])
    assert (cash(turns, "ACME-A"), state.Asset.of(turns.engine.m, 1).external) == (400, 500)
    turns.must([ar.SettleWithdrawal(key="s1", withdrawal=1, note="wire 7")])
    assert (cash(turns, "ACME-A"), cash(turns, "PLATFORM.HOLDS"), state.Asset.of(turns.engine.m, 1).external) == (400, 0, 400)
    turns.must([ar.RequestWithdrawal(key="w2", account="ACME-A", asset="USD", amount=50), ar.CancelWithdrawal(key="c2", withdrawal=2)])
    assert (cash(turns, "ACME-A"), state.Asset.of(turns.engine.m, 1).external) == (400, 400)
    assert [hold.ended for hold in turns.engine.registry.holds] == ["paid", "cancelled"]


@pytest.mark.parametrize(
    ("record", "code", "text"),
    [
        (
            ar.Transfer(key="x", asset="USD", amount=301, source="ACME-A"),
            codes.R_WITHDRAW_TOO_MUCH,
            "withdrawal of 0.0301 USD from ACME-A: 0.0300 USD of its 0.0500 USD is available, 0.0200 USD is on hold; asked 0.0301 USD",
        ),
        (
            ar.RequestWithdrawal(key="x", account="ACME-A", asset="USD", amount=301),
            codes.R_WITHDRAW_TOO_MUCH,
            "request of a withdrawal of 0.0301 USD of ACME-A: 0.0300 USD of its 0.0500 USD is available, 0.0200 USD is on hold; asked 0.0301 USD",
        ),
        (
            ar.Transfer(key="d", asset="USD", amount=7, source="ACME-A"),
            codes.R_IDEMPOTENCY,
            'key: "d" was used for a deposit of 0.0500 USD to ACME-A at 1970-01-01 00:00:00.001 UTC; asked: withdrawal of 0.0007 USD from ACME-A',
        ),
        (
            ar.Hold(key="d", account="ACME-A", asset="USD", amount=500),
            codes.R_IDEMPOTENCY,
            'key: "d" was used for a deposit of 0.0500 USD to ACME-A at 1970-01-01 00:00:00.001 UTC; asked: hold of 0.0500 USD of ACME-A',
        ),
        (ar.Release(key="x", hold=9), codes.R_UNKNOWN_HOLD, "hold: there is no hold 9"),
        (ar.Release(key="x", hold=2), codes.R_UNKNOWN_HOLD, "hold: there is no hold 2"),
        (ar.SettleWithdrawal(key="x", withdrawal=1), codes.R_UNKNOWN_HOLD, "withdrawal: there is no withdrawal 1"),
        (
            ar.SettleWithdrawal(key="x", withdrawal=2),
            codes.R_HOLD_ENDED,
            "withdrawal: withdrawal 2 was cancelled at 1970-01-01 00:00:00.002 UTC",
        ),
        (
            ar.Hold(key="x", account="ACME-A", asset="USD", amount=1, until_ns=5),
            codes.R_BAD_DEFINITION,
            "until_ns: must be later than now, 1970-01-01 00:00:00.003 UTC, asked 1970-01-01 00:00:00.000000005 UTC",
        ),
        (
            ar.Transfer(key="x", asset="USD", amount=1, source="PLATFORM.HOLDS"),
            codes.R_ACCOUNT_NOT_ALLOWED,
            "source: PLATFORM.HOLDS has the money of all holds: release a hold instead",
        ),
        (
            ar.Hold(key="x", account="V1.FEES", asset="USD", amount=1),
            codes.R_ACCOUNT_NOT_ALLOWED,
            "account: V1.FEES is an account of the platform or a venue: its money is withdrawn in one step",
        ),
    ],
)  # fmt: skip
def test_each_refusal_says_what_there_is_and_what_was_asked(turns: Turns, record: Any, code: int, text: str) -> None:
    turns.must(
        [
            ar.Hold(key="h", account="ACME-A", asset="USD", amount=200),
            ar.RequestWithdrawal(key="w", account="ACME-A", asset="USD", amount=20),
            ar.CancelWithdrawal(key="c", withdrawal=2),
        ]
    )
    answer = refused(turns, record)
    assert (answer.code, answer.text) == (code, text)


def test_the_same_act_again_is_answered_as_the_first_time(turns: Turns) -> None:
    acts = [
        DEPOSIT,
        ar.Hold(key="h", account="ACME-A", asset="USD", amount=200, until_ns=10**18),
        ar.RequestWithdrawal(key="w", account="ACME-A", asset="USD", amount=20),
        ar.SettleWithdrawal(key="s", withdrawal=2),
        ar.Release(key="r", hold=1),
    ]
    first = [turns.do(act)[0] for act in acts]
    before = turns.engine.registry.to_bytes(), cash(turns, "ACME-A")
    for act, one in zip(acts, first):
        (again,) = turns.do(act)
        assert (
            again.ok
            and again.result == {**one.result, "done_before": 1}
            and again.text == f'"{act.key}" was carried out before: nothing was done again'
        )
    assert (turns.engine.registry.to_bytes(), cash(turns, "ACME-A")) == before


def test_a_hold_ends_at_its_time_and_not_before(turns: Turns) -> None:
    turns.must([ar.Hold(key="h", account="ACME-A", asset="USD", amount=200, until_ns=5_000_000)])
    holds = turns.engine.registry.holds
    assert (holds.next_due, holds.due(4_999_999, 9), holds.due(5_000_000, 9)) == (5_000_000, [], [1])
    assert refused(turns, ar.ExpireHold(hold=1)).text == "hold: hold 1 lasts until 1970-01-01 00:00:00.005 UTC"
    turns.do()
    turns.must([ar.ExpireHold(hold=1)])
    assert (cash(turns, "ACME-A"), holds.next_due, [hold.ended for hold in holds]) == (500, 0, ["expired"])
    assert refused(turns, ar.ExpireHold(hold=1)).code == codes.R_HOLD_ENDED


def test_locked_money_is_not_held_twice(turns: Turns) -> None:
    """All of it on hold: nothing is left for a second hold."""
    turns.must([ar.Hold(key="h", account="ACME-A", asset="USD", amount=500)])
    answer = refused(turns, ar.Hold(key="h2", account="ACME-A", asset="USD", amount=1))
    assert answer.refusal.limit == 0 and answer.refusal.asked == 1
