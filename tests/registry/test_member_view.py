"""What operators are shown of members, and a record that is only tried, on the real core."""

from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.registry import Refused
from exchange_server.registry.access import CHECK, Sight
from exchange_server.registry.member_view import VIEWS, listing_view, shown, view
from exchange_server.registry.risk_view import risk_view
from protocol import codes
from tests.registry.test_real_engine import SMALL, Turns
from tests.registry.test_registry import BASE


@pytest.fixture
def world() -> Turns:
    return Turns().must(BASE)


def look(world: Turns, kind: str, name: str = "", who: str = CHECK) -> list[dict[str, Any]]:
    registry = world.engine.registry
    return view(registry, world.engine.m, kind, name, Sight(registry, who, 0))


def risk(world: Turns, who: str = CHECK) -> dict[str, Any]:
    return risk_view(world.engine.registry, world.engine.m, Sight(world.engine.registry, who, 0))


def test_every_definition_is_shown_as_it_was_defined(world: Turns) -> None:
    kinds = {"asset": ar.DefineAsset, "venue": ar.DefineVenue, "firm": ar.DefineFirm, "account": ar.DefineAccount, "session": ar.DefineSession,
             "market": ar.DefineMarket}  # fmt: skip
    assert set(VIEWS) == set(kinds)
    for kind, record in kinds.items():
        defined = [row for row in BASE if isinstance(row, record)]
        rows = [row for row in look(world, kind) if row["record"] is not None]
        assert [row["record"] for row in rows] == [shown(row) for row in defined], kind
        assert look(world, kind, rows[0]["name"]) == [rows[0]]


def test_no_secret_is_shown(world: Turns) -> None:
    session = look(world, "session")[0]["record"]
    assert not {"secret", "verifier"} & set(session) and set(session) | {"secret", "verifier"} == set(ar.DefineSession.__struct_fields__)


def test_an_unknown_name_is_answered_with_the_near_ones(world: Turns) -> None:
    account = next(row for row in BASE if isinstance(row, ar.DefineAccount)).name
    with pytest.raises(Refused) as refused:
        look(world, "account", account + "x")
    assert refused.value.refusal.code == codes.R_UNKNOWN_ACCOUNT and f'did you mean "{account}"?' in refused.value.refusal.text


def test_money_of_an_account(world: Turns) -> None:
    account = next(row for row in BASE if isinstance(row, ar.DefineAccount)).name
    before = look(world, "account", account)[0]["balances"].get("USD", {"cash": 0, "locked": 0})
    world.must([ar.Transfer(key="view", asset="USD", amount=777, target=account)])
    after = look(world, "account", account)[0]["balances"]["USD"]
    assert after == {"cash": before["cash"] + 777, "locked": before["locked"], "held": 0}
    world.must([ar.Hold(key="view hold", account=account, asset="USD", amount=7, note="bond")])
    (row,) = look(world, "account", account)
    assert row["balances"]["USD"] == after | {"held": 7} and [hold["note"] for hold in row["holds"]] == ["bond"]
    world.must([ar.Release(key="view release", hold=row["holds"][0]["id"])])
    everyone = {row["name"]: row["balances"] for row in look(world, "account")}
    assert everyone[account]["USD"] == after and any(row["record"] is None for row in look(world, "account")), "fee accounts too"


def test_listings(world: Turns) -> None:
    registry = world.engine.registry
    sight = Sight(registry, CHECK, 0)
    rows = listing_view(registry, "", "", sight)
    markets = [row for row in BASE if isinstance(row, ar.DefineMarket)]
    assert [(row["venue"], row["event"]) for row in rows if row["owner"]] == [(m.owner_venue, m.event) for m in markets]
    assert all(row["record"]["fees"]["model"] for row in rows)
    assert listing_view(registry, rows[0]["venue"], rows[0]["event"], sight) == [rows[0]]
    with pytest.raises(Refused, match="there is no venue"):
        listing_view(registry, "NONE", "", sight)


def test_switches_restrictions_and_throttles(world: Turns) -> None:
    firms = [row.name for row in BASE if isinstance(row, ar.DefineFirm)]
    account = next(row.name for row in BASE if isinstance(row, ar.DefineAccount))
    session = next(row.name for row in BASE if isinstance(row, ar.DefineSession))
    event = next(row.event for row in BASE if isinstance(row, ar.DefineMarket))
    venue = next(row for row in BASE if isinstance(row, ar.DefineVenue))
    assert risk(world)["kills"] == [] and risk(world)["restrictions"] == []
    world.must([
        ar.Kill(level="platform"), ar.Kill(level="venue", target=venue.name), ar.Kill(level="firm", target=firms[0]),
        ar.Kill(level="account", target=account), ar.Kill(level="session", target=session), ar.Restrict(event=event, firm=firms[-1]),
        ar.DefineVenue(name="T", throttle_limit=5, throttle_window_ns=10**9),
    ])  # fmt: skip
    now = risk(world)
    assert {(kill["level"], kill["target"]) for kill in now["kills"]} == {
        ("platform", ""), ("venue", venue.name), ("firm", firms[0]), ("account", account), ("session", session),
    }  # fmt: skip
    assert now["restrictions"] == [{"event": event, "firm": firms[-1]}]
    assert {"level": "venue", "target": "T", "limit": 5, "window_ns": 10**9, "used": 0} in now["throttles"]
    assert look(world, "firm", firms[0])[0]["killed"]
    world.must([ar.Kill(level="platform", on=False), ar.Restrict(event=event, firm=firms[-1], on=False)])
    assert {"level": "platform", "target": ""} not in risk(world)["kills"] and risk(world)["restrictions"] == []


def test_who_may_see_nothing_is_shown_nothing(world: Turns) -> None:
    world.must([ar.Kill(level="firm", target=next(row.name for row in BASE if isinstance(row, ar.DefineFirm)))])
    stranger = "principal:nobody"
    assert all(look(world, kind, who=stranger) == [] for kind in VIEWS if kind != "asset")
    assert risk(world, stranger) == {"freezes": [], "kills": [], "restrictions": [], "throttles": []}
    firm = next(row.name for row in BASE if isinstance(row, ar.DefineFirm))
    texts = []
    for name in (firm, "NO-SUCH-FIRM"):
        with pytest.raises(Refused) as refused:
            look(world, "firm", name, stranger)
        texts.append(refused.value.refusal.text.replace(name, "X"))
    assert texts[0] == texts[1], "what is hidden answers like what is not there"


# ---- a record that is only tried ----------------------------------------------------------------------------------------


def test_what_is_tried_is_what_would_be_answered_and_changes_nothing(world: Turns) -> None:
    account = next(row.name for row in BASE if isinstance(row, ar.DefineAccount))
    firm = next(row.name for row in BASE if isinstance(row, ar.DefineFirm))
    event = next(row.event for row in BASE if isinstance(row, ar.DefineMarket))
    held = look(world, "account", account)[0]["balances"].get("USD", {"cash": 0})["cash"]
    records: list[ar.AnyRecord] = [
        ar.DefineFirm(name="NEW"), ar.DefineFirm(name=firm, share=9), ar.DefineFirm(name=firm), ar.DefineAsset(name="USD", decimals=9),
        ar.DefineAccount(name="NEW-A", firm="NONE"), ar.Transfer(key="t1", asset="USD", amount=5, target=account),
        ar.Transfer(key="t2", asset="USD", amount=held + 1, source=account), ar.Transfer(key="t3", asset="USD", amount=1, target="NONE"),
        ar.Kill(level="firm", target=firm), ar.Kill(level="firm", target="NONE"), ar.Restrict(event=event, firm=firm),
        ar.SetPhase(event=event, phase="closed"), ar.SetPhase(event=event, phase="listed"), ar.SetPhase(event="NONE", phase="open"),
    ]  # fmt: skip
    for record in records:
        digest, tables = world.engine.digest(), world.engine.registry.to_bytes()
        tried = world.engine.registry.try_act(record, world.engine)
        assert (world.engine.digest(), world.engine.registry.to_bytes()) == (digest, tables), record
        (answer,) = Turns.do(world, record)
        assert (tried.refusal is None, tried.text) == (answer.ok, answer.text), record
        if tried.refusal is not None:
            assert tried.change is None and tried.refusal.code == answer.code, record


def test_what_kind_of_change_it_would_be(world: Turns) -> None:
    firm = next(row for row in BASE if isinstance(row, ar.DefineFirm))
    kinds = []
    for record in (ar.DefineFirm(name="NEW"), ar.DefineFirm(name=firm.name, title=firm.title, share=firm.share + 1), firm):
        tried = world.engine.registry.try_act(record, world.engine)
        assert tried.change is not None
        kinds.append((tried.change.kind, tried.change.fields))
    assert kinds == [("new", ()), ("changed", ("share",)), ("same", ())]


def test_a_full_table_refuses_what_is_tried() -> None:
    small = Turns(SMALL).must([ar.DefineAsset(name=f"A{n}", decimals=4) for n in range(SMALL.assets)])
    tried = small.engine.registry.try_act(ar.DefineAsset(name="EUR", decimals=2), small.engine)
    (answer,) = small.do(ar.DefineAsset(name="EUR", decimals=2))
    assert (tried.text, answer.ok) == (answer.text, False) and tried.refusal is not None and tried.refusal.code == codes.R_TABLE_FULL
