"""Acts that wait for a second person: proposed, approved, refused, expired, and judged again when they are carried out."""

import typing
from pathlib import Path
from typing import Any

import pytest

import config
from config import admin_records as ar
from config.load import load
from exchange_server.registry import Registry
from exchange_server.registry.pending import BY_NAME, MOST_OF_ONE, needs_second
from protocol import codes
from tests.registry.access_world import Venues
from tests.registry.test_registry import change

RELEASE = ar.Kill(level="venue", target="V1", on=False)
DAY = 86_400_000_000_000


@pytest.fixture
def world() -> Venues:
    """`one`, `two`: risk officers of V1; `boss`, `chief`: operators of the platform."""
    world = Venues("V1", "V2")
    for name in ("one", "two"):
        world.holder(name, ("risk_officer", "venue:V1"))
    for name in ("boss", "chief"):
        world.holder(name)
    # the first operators are granted by the socket alone: nobody else could approve
    world.must(ar.Grant(principal="boss", role="platform_operator", scope="platform"))
    answer = world.do(ar.Grant(principal="chief", role="platform_operator", scope="platform"), "uid:5")
    assert world.ask("boss", ar.Approve(id=answer.result["pending"])).ok
    return world


def rows(world: Venues) -> list[int]:
    return [int(row[0]) & 0xFF for row in world.engine.seen]


def test_a_release_waits_and_a_second_person_carries_it_out(world: Venues) -> None:
    world.good("one", ar.Kill(level="venue", target="V1"))
    answer = world.good("one", RELEASE)
    id = answer.result["pending"]
    assert rows(world) == [] and answer.result["expires_ns"] == world.engine.time_ns + DAY
    assert (
        answer.text
        == f"release of a kill switch of the platform or a venue: waits for a second person as {id}, until 1970-01-02 00:16:40 UTC"
    )
    answer = world.good("two", ar.Approve(id=id))
    assert rows(world) == [codes.C_KILL]
    assert answer.text == "kill switch of venue V1 is off (proposed by principal:one, approved by principal:two)"
    assert (answer.result["proposed_by"], answer.result["approved_by"], answer.who) == ("principal:one", "principal:two", "principal:two")
    assert world.registry.pending == {}
    assert world.refused("two", ar.Approve(id=id), codes.R_UNKNOWN_PENDING) == f"id: no act waits under {id}", "twice"


def test_nobody_approves_an_own_act(world: Venues) -> None:
    id = world.good("one", RELEASE).result["pending"]
    assert "one proposed" in world.refused("one", ar.Approve(id=id), codes.R_OWN_ACT)
    id = world.good("uid:5", RELEASE).result["pending"]
    world.refused("uid:5", ar.Approve(id=id), codes.R_OWN_ACT)
    world.refused("uid:0", ar.Approve(id=id), codes.R_OWN_ACT)
    assert world.ask("uid:6", ar.Approve(id=id)).ok


def test_it_expires_as_judged_when_it_is_approved(world: Venues) -> None:
    id = world.good("one", RELEASE).result["pending"]
    world.engine.time_ns += DAY
    assert "propose it again" in world.refused("two", ar.Approve(id=id), codes.R_PENDING_EXPIRED)
    again = world.good("one", RELEASE).result["pending"]
    assert again != id and list(world.registry.pending) == [again], "expired ones go when the next one comes"
    world.engine.time_ns += DAY - 1
    world.good("two", ar.Approve(id=again))


def test_both_must_hold_the_right_when_it_is_carried_out(world: Venues) -> None:
    id = world.good("one", RELEASE).result["pending"]
    world.must(ar.Revoke(principal="one", role="risk_officer", scope="venue:V1"))
    text = world.refused("two", ar.Approve(id=id), codes.R_NOT_AUTHORISED)
    assert text.startswith(f"id: principal:one, who proposed {id}, may no longer do it: the record kill needs")
    world.must(ar.Grant(principal="one", role="risk_officer", scope="venue:V1"))
    world.must(
        ar.Grant(principal="two", role="auditor", scope="venue:V1"), ar.Revoke(principal="two", role="risk_officer", scope="venue:V1")
    )
    world.refused("two", ar.Approve(id=id), codes.R_NOT_AUTHORISED)
    world.good("V1.op", ar.Approve(id=id))


def test_it_is_checked_when_proposed_and_again_when_carried_out(world: Venues) -> None:
    world.good("uid:0", ar.Approvals(acts=("withdrawal",), withdrawals={"USD": 10}, expires_ns=DAY))
    world.good("chief", ar.Approve(id=world.registry.next_pending - 1))
    take = ar.Transfer(key="V1.w", asset="USD", amount=11, source="V1.A")
    assert world.ask("V1.op", change(take, source="V1.NONE")).code == codes.R_UNKNOWN_ACCOUNT
    id = world.good("V1.op", take).result["pending"]
    world.holder("till", ("treasurer", "venue:V1"))
    world.good("till", change(take, amount=10))  # below the limit: at once, and the key is used
    before = world.registry.to_bytes()
    answer = world.ask("till", ar.Approve(id=id))
    assert answer.code == codes.R_IDEMPOTENCY and world.registry.to_bytes() == before
    world.engine.refuse = {0: codes.R_WITHDRAW_TOO_MUCH}
    other = world.good("V1.op", change(take, key="V1.w2")).result["pending"]
    assert world.ask("till", ar.Approve(id=other)).code == codes.R_WITHDRAW_TOO_MUCH, "the core has the last word"
    assert world.good("till", ar.Approve(id=other)).ok
    assert world.good("V1.op", change(take, key="V1.w2")).text == '"V1.w2" was carried out before: nothing was done again'


@pytest.mark.parametrize(
    ("record", "waits"),
    [
        (ar.Transfer(key="k", asset="USD", amount=11, source="V1.A"), True),
        (ar.Transfer(key="k", asset="USD", amount=10, source="V1.A"), False),
        (ar.Transfer(key="k", asset="BTC", amount=11, source="V1.A"), False),
        (ar.Transfer(key="k", asset="USD", amount=11, source="V1.A", target="V1.B"), False),
        (ar.Transfer(key="k", asset="USD", amount=11, target="V1.A"), False),
        (ar.Kill(level="platform", on=False), True),
        (ar.Kill(level="platform"), False),
        (ar.Kill(level="firm", target="V1.F", on=False), False),
        (ar.Grant(principal="one", role="auditor", scope="platform"), True),
        (ar.Grant(principal="one", role="auditor", scope="venue:V1"), False),
        (ar.DefineKey(id="k", holder="principal", name="one", kind="ed25519", verifier="ab" * 32), False),
        (ar.Approvals(acts=()), True),
        (ar.Configuration(name="c", records=(ar.DefineFirm(name="N"),)), False),
    ],
)
def test_what_is_on_the_list(world: Venues, record: Any, waits: bool) -> None:
    world.registry.approvals = ar.Approvals(withdrawals={"USD": 10})
    answer = world.ask("boss", record)
    assert answer.ok and ("pending" in answer.result) == waits, answer
    if waits:
        assert world.good("chief", ar.Approve(id=answer.result["pending"])).result["approved_by"] == "principal:chief"


def test_the_list_can_be_shortened_by_two(world: Venues) -> None:
    id = world.good("boss", ar.Approvals(acts=("approvals",))).result["pending"]
    world.good("chief", ar.Approve(id=id))
    assert "pending" not in world.good("one", RELEASE).result
    assert world.do(ar.Approvals(withdrawals={"XXX": 1})).code == codes.R_UNKNOWN_ASSET
    assert set(BY_NAME) == set(ar.DUAL_CONTROL)


def test_who_could_make_a_second_person_can_be_put_on_the_list(world: Venues) -> None:
    world.registry.approvals = ar.Approvals(acts=("venue_grant", "principal_key"))
    key = ar.DefineKey(id="V1.k9", holder="principal", name="V1.op", kind="ed25519", verifier="ab" * 32)
    for record in (key, ar.Grant(principal="V1.op", role="resolver", scope="series:V1/x")):
        assert "pending" in world.good("V1.op", record).result
    world.good("V1.op", change(key, holder="session", name="V1.S", scopes=("trade",)))


def test_a_single_operator_is_not_stopped_and_it_is_said(world: Venues) -> None:
    alone = Venues("V1")
    alone.holder("p")
    for record in (ar.Kill(level="platform", on=False), ar.Grant(principal="p", role="auditor", scope="platform")):
        answer = alone.good("uid:1000", record)
        assert answer.text.endswith("(by one person: no second principal could approve it)") and answer.result["one_person"] == 1
    assert "pending" in alone.good("uid:1000", RELEASE).result, "the operator of V1 could approve this one"
    assert alone.good("config:x.toml", ar.Kill(level="platform", on=False)).result == {"id": 0, "on": 0}, "a start never waits"


def test_refused_by_its_proposer_or_by_who_could_approve(world: Venues) -> None:
    id = world.good("one", RELEASE).result["pending"]
    answer = world.good("two", ar.Refuse(id=id, note="not yet"))
    assert (
        answer.text
        == f"{id} (release of a kill switch of the platform or a venue), proposed by principal:one, is refused by principal:two: not yet"
    )
    assert world.registry.pending == {}
    id = world.good("one", RELEASE).result["pending"]
    world.holder("till", ("treasurer", "venue:V1"))
    world.refused("till", ar.Refuse(id=id), codes.R_NOT_AUTHORISED)
    world.good("one", ar.Refuse(id=id))


def test_the_same_act_is_proposed_once(world: Venues) -> None:
    first = world.good("one", RELEASE)
    assert world.good("one", RELEASE).result == {"pending": first.result["pending"], "unchanged": 1}
    assert world.good("two", RELEASE).result["pending"] != first.result["pending"], "by somebody else it is another proposal"


def test_what_waits_is_bounded(world: Venues) -> None:
    world.registry.approvals = ar.Approvals(withdrawals={"USD": 0})
    take = ar.Transfer(key="", asset="USD", amount=1, source="V1.A")
    for i in range(MOST_OF_ONE):
        world.good("V1.op", change(take, key=f"V1.{i}"))
    assert "100 acts wait" in world.refused("V1.op", change(take, key="V1.more"), codes.R_TABLE_FULL)
    world.good("boss", change(take, key="more"))


def test_a_whole_configuration_waits_for_one_of_its_records(world: Venues, monkeypatch: pytest.MonkeyPatch) -> None:
    """No record of today's configurations is on the list; with deposits on it, one would be."""
    monkeypatch.setattr("exchange_server.registry.pending._above_limit", None)
    entry = BY_NAME["withdrawal"]._replace(when=lambda registry, record: bool(record.target))
    monkeypatch.setattr("exchange_server.registry.pending.LIST", (entry,))
    deposit = ar.Transfer(key="V1.d", asset="USD", amount=1, target="V1.A")
    whole = ar.Configuration(name="v1.toml", records=(ar.DefineFirm(name="V1.N", venue="V1"), deposit))
    world.must(ar.Grant(principal="V1.op", role="venue_operator", scope="venue:V1"))
    id = world.good("V1.op", whole).result["pending"]
    assert world.registry.firms.named("V1.N") is None
    world.refused("one", ar.Approve(id=id), codes.R_NOT_AUTHORISED)
    answer = world.good("boss", ar.Approve(id=id))
    assert answer.text.startswith("2 applied") and world.registry.firms.named("V1.N") is not None
    bad = change(whole, records=(ar.DefineAccount(name="V1.Q", firm="V1.NONE"), deposit))
    assert world.ask("V1.op", bad).code == codes.R_BAD_DEFINITION and world.registry.pending == {}


def test_what_waits_is_in_the_snapshot(world: Venues) -> None:
    world.good("one", RELEASE)
    world.registry.approvals = ar.Approvals(withdrawals={"USD": 3}, expires_ns=7)
    again = Registry.from_bytes(world.registry.to_bytes())
    assert again.pending == world.registry.pending and again.next_pending == world.registry.next_pending
    assert again.approvals == world.registry.approvals and again.to_bytes() == world.registry.to_bytes()
    assert [p.grants for p in again.principals] == [p.grants for p in world.registry.principals]


FILE = """
sandbox = true
include = ["{sandbox}"]

[[tags]]
firm = "MM1"
jurisdictions = ["DE"]
kyc_level = 2

[[quota]]
venue = "WC26"
sessions = 100

[[rule]]
rule = "known"
venue = "WC26"
effect = "deny"
jurisdiction_in = ["US"]

[[remove]]
account = "MM1-B"
why = "unused"

[[key]]
id = "MM1-2027"
session = "MM1"
public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
"""


def test_nothing_that_a_file_can_hold_waits(world: Venues, tmp_path: Path) -> None:
    """The API's answer to a configuration and `exos config apply` know no act that waits."""
    (tmp_path / "all.toml").write_text(FILE.format(sandbox=Path(config.__file__).parent / "sandbox.toml"))
    world.registry.approvals = ar.Approvals(acts=tuple(BY_NAME), withdrawals=dict.fromkeys(("USD", "EUR", "BTC"), 0))
    records = tuple(item.record for item in load(tmp_path / "all.toml").items)
    assert {type(record) for record in records} == set(typing.get_args(ar.Configured)) - {
        ar.RemoveAccessRule,
        ar.DefineListing,
        ar.DefineSeries,
    }
    assert needs_second(world.registry, ar.Configuration(name="all.toml", records=records)) is None
    withdrawal = ar.Transfer(key="w", asset="USD", amount=1, source="V1.A")
    assert needs_second(world.registry, ar.Configuration(name="all.toml", records=(*records, withdrawal))) is BY_NAME["withdrawal"]
