"""Budgets move with their venue: limits and lists, for the same account; what was used counts anew. What does not fit is refused by name."""

from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server import state
from exchange_server import venue_archive as va
from exchange_server.exits import Exit
from exchange_server.registry import budgets
from protocol import codes
from tests.cli.test_venue_import import exos as exos
from tests.cli.test_venue_import import trading
from tests.money_rig import Venue
from tests.registry.test_fuzz import OPENING
from tests.registry.test_registry import BASE, MAKER, change

LIMITS: dict[str, Any] = {"max_loss": 5000, "max_loss_per_day": 4000, "max_quantity": 9, "max_cost": 900, "approve_above": 800}


def view(venue: Venue, name: str = "V1.S") -> dict[str, Any]:
    (row,) = budgets.view(venue.registry, venue.engine.m, name, lambda *_: True)
    return row


def test_a_budget_moves_with_its_session(exos: Any, tmp_path: Path) -> None:
    old, new = trading(tmp_path / "old", 31), Venue(tmp_path / "new")
    old.must(
        ar.DefineFirm(name="V2.F", venue="V2"), ar.DefineAccount(name="V2.A", firm="V2.F"),
        change(MAKER, name="V2.S", key="V2.S", firm="V2.F", account="V2.A", venue="V2", verifier=""), ar.Budget(session="V2.S", asset="USD", max_loss=1),
        ar.DefineSeries(name="V2.CUPS", owner_venue="V2"), ar.Freeze(venue="V1", level="none"),
        ar.Budget(session="V1.S", asset="USD", **LIMITS, markets=("FINAL",), series=("V2.CUPS",)),
    )  # fmt: skip
    old.send(codes.C_LOGON, "V1.S")
    for symbol in ("F-ESP", "F-DRAW", "F-ARG"):
        old.order("V1.S", symbol, codes.BUY, 9, 9)
    assert view(old)["loss"]["used"] > 0
    old.must(change(old.registry.sessions.named("V1.S").record, account=""))  # the budget stays with the account for which it was set
    file = str(tmp_path / "v1.tar")
    assert exos(old, "venue", "export", "V1", file)[0] == Exit.OK
    (row,) = va.read(Path(file)).parts["budgets"]
    assert row["account"] == "V1.A" and row["record"]["max_loss"] == 5000, "V2's sessions are V2's"
    code, out = exos(new, "venue", "import", file, "--deposit-guests")
    assert code == Exit.OK and "is the same here as in the archive" in out, out
    assert "1 budgets keep their limits; what was used of them counts anew from here" in out
    was, now = view(old), view(new)
    assert now["loss"] == {"limit": 5000, "used": 0, "left": 5000} and now["loss_per_day"]["used"] == 0
    assert {key: value for key, value in was.items() if "loss" not in key} == {
        key: value for key, value in now.items() if "loss" not in key
    }
    assert new.engine.check() == []
    for venue in (old, new):
        venue.ids = 20_000
        venue.send(codes.C_LOGON, "V1.S")
        orders = open_orders(venue)
        venue.order("V1.S", "F-DRAW", codes.BUY, 2, 10)  # more than 9
        assert open_orders(venue) == orders
        venue.order("V1.S", "BTC-USD", codes.BUY, 90, 1)  # not on its list
        assert open_orders(venue) == orders


def open_orders(venue: Venue) -> int:
    return int(state.Account.of(venue.engine.m, venue.registry.accounts.named("V1.A").id).open_orders)


LOGIN = change(MAKER, name="V9.S", key="V9.S", firm="V9.F", account="V9.A", venue="V9", verifier="")
FULL = ar.Budget(session="V9.S", asset="USD", **LIMITS, approve_within_ns=5, markets=("V9.CUP", "V9.LATER"), series=())
OPENED = change(OPENING, records=(*OPENING.records, LOGIN), budgets=(ar.OpeningBudget(account="V9.A", record=FULL),))


def budget(account: str = "V9.A", **fields: Any) -> ar.OpeningBudget:
    return ar.OpeningBudget(account=account, record=change(FULL, **fields))


FAULTS: list[tuple[tuple[ar.OpeningBudget, ...], str]] = [
    ((budget(session="MM1"),), "budgets[0].record.session: MM1 is no session of the archive"),
    ((budget("V9.X"),), 'budgets[0].account: there is no account "V9.X"'),
    ((budget("ACME-A"),), "budgets[0].account: ACME-A is of another firm than V9.S"),
    ((budget(asset="EUR"),), 'budgets[0].record.asset: there is no asset "EUR"'),
    ((budget(), budget("V9.B")), "budgets[1]: V9.S or V9.B has a budget already"),
    ((budget(max_cost=None),), "budgets[0].record: the budget of V9.S does not say all of its limits"),
    ((budget(**dict.fromkeys(LIMITS, 0), markets=()),), "a budget has at least one limit"),
]


@pytest.mark.parametrize(("rows", "text"), FAULTS)
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, rows: tuple[ar.OpeningBudget, ...], text: str) -> None:
    venue = Venue(tmp_path).must(*BASE)
    before = venue.registry.to_bytes()
    answer = venue.do(change(OPENED, budgets=rows))
    assert not answer.ok and text in answer.text, answer.text
    assert venue.registry.to_bytes() == before


def test_a_market_on_its_list_counts_from_when_it_is_there(tmp_path: Path) -> None:
    venue = Venue(tmp_path).must(*BASE, OPENED)
    assert [
        event.name
        for event in venue.registry.events
        if budgets.matches(venue.registry.budgets[venue.registry.sessions.named("V9.S").id], event)
    ] == ["V9.CUP"]
    cup = next(record for record in OPENING.records if isinstance(record, ar.DefineMarket))
    venue.must(ar.Freeze(venue="V9", level="none"))
    venue.must(
        change(cup, event="V9.LATER", contracts=(ar.Contract(symbol="V9.L-Y"), ar.Contract(symbol="V9.L-N"))),
        ar.SetPhase(event="V9.LATER", phase="open"),
    )
    venue.must(
        change(cup, event="V9.OTHER", contracts=(ar.Contract(symbol="V9.O-Y"), ar.Contract(symbol="V9.O-N"))),
        ar.SetPhase(event="V9.OTHER", phase="open"),
    )
    venue.send(codes.C_LOGON, "V9.S")
    row = venue.registry.accounts.named("V9.A").id
    venue.ids = 1000
    for symbol, more in (("V9.O-Y", 0), ("V9.L-Y", 1)):
        before = state.Account.of(venue.engine.m, row).open_orders
        venue.order("V9.S", symbol, codes.BUY, 2, 1)
        assert state.Account.of(venue.engine.m, row).open_orders == before + more, symbol
