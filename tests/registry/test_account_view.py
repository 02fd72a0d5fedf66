"""The operator's view of accounts, made from the dump that the digest is made of."""

from config import admin_records as ar
from exchange_server.registry.account_view import account_view
from tests.registry.test_real_engine import Turns
from tests.registry.test_registry import BASE


def test_money_and_totals() -> None:
    turns = Turns().must([*BASE, ar.Transfer(key="d", asset="USD", amount=500, target="ACME-A")])
    seen = account_view(turns.engine.registry, turns.engine.m)
    (account,) = [a for a in seen["accounts"] if a["name"] == "ACME-A"]
    assert account == {"name": "ACME-A", "cash": {"USD": 500}, "locked": {"USD": 0}, "held": {}, "positions": {}, "orders": []}
    assert seen["external"]["USD"] == 500 == sum(a["cash"].get("USD", 0) for a in seen["accounts"])
    # The transfer was told to the account's session, which makes it number 1.
    assert (seen["orders"], seen["trades"], seen["fills"], seen["open_orders"], seen["sessions"]) == (
        0,
        0,
        0,
        0,
        [{"name": "C1", "next_out": 2, "next_in": 1}],
    )


def test_it_does_not_change_the_state() -> None:
    turns = Turns().must(BASE)
    before = turns.engine.digest()
    account_view(turns.engine.registry, turns.engine.m)
    assert turns.engine.digest() == before
