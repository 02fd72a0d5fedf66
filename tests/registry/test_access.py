"""Roles and grants: every record × role, scopes, ends, delegation, names of a venue's own, and what is not there for others."""

from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server.registry import Registry
from exchange_server.registry.roles import ROLES, all_tags, holders
from exchange_server.registry.scopes import NAMES, names_in, scope_of
from protocol import codes
from tests.registry.access_world import Venues, authorised, market, of_venue, record_of
from tests.registry.naive_access import MAY, NO_SERIES_SCOPE, NO_VENUE_SCOPE, OF_THE_PLATFORM
from tests.registry.test_registry import FINAL, change

TAGS = sorted(record_of("V1"))
LATER = 2_000_000_000_000


@pytest.fixture
def world() -> Venues:
    return Venues("V1", "V2")


# ------------------------------------------------------------------------------------------------ the table
def test_the_table_of_roles_is_the_one_written_by_hand() -> None:
    """A record that is in neither table is the platform operator's alone."""
    for tag in all_tags():
        if tag != "part":
            assert set(holders(lambda role: role.may_send(tag))) == MAY.get(tag, {"platform_operator"}), tag  # noqa: B023
    assert set(TAGS) == set(MAY) and tuple(ROLES) == ar.ROLE_NAMES
    assert {name for name, role in ROLES.items() if "venue" not in role.scopes} == NO_VENUE_SCOPE
    assert {name for name, role in ROLES.items() if "series" not in role.scopes} == NO_SERIES_SCOPE


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("tag", TAGS)
def test_every_record_and_role(tag: str, role: str) -> None:
    """For the platform, for the record's own venue, and for another venue."""
    record = record_of("V1")[tag]
    if tag == "configuration":
        record = change(record, records=(record_of("V1")["market"],))  # of what all who may send one may define
    for scope in ("platform", "venue:V1", "venue:V2"):
        if scope.partition(":")[0] not in ROLES[role].scopes:
            continue
        world = Venues("V1", "V2")
        answer = world.ask(world.holder("p", (role, scope)), record)
        if role not in MAY[tag]:
            assert answer.code == codes.R_NOT_AUTHORISED and f"the record {tag} needs the role" in answer.text, answer
        elif scope == "platform" or scope == "venue:V1" and tag not in OF_THE_PLATFORM:
            assert authorised(answer), answer
        else:
            assert not answer.ok, "another venue's, or the platform's"


def test_a_stranger_may_do_nothing(world: Venues) -> None:
    for who in ("nobody", "V1.op2"):
        for tag, record in record_of("V1").items():
            text = world.refused(who, record, codes.R_NOT_AUTHORISED)
            assert text.startswith(f"the record {tag} needs") and text.endswith(f"principal:{who} has no role")
    for who in ("root:0", "session:MM1", "UID:0"):
        assert world.ask(who, record_of("V1")["firm"]).code == codes.R_NOT_AUTHORISED
    part = ar.PartOf(digest="ab" * 32, index=0, count=2, data=b"x")
    assert "may send no record" in world.refused("nobody", part, codes.R_NOT_AUTHORISED)
    assert world.ask("V1.op", part).ok


def test_every_right_of_the_operators_socket_and_of_a_start(world: Venues) -> None:
    for who in ("uid:0", "uid:77", "config:x.toml"):
        assert world.ask(who, ar.DefineFirm(name=f"ANY-{who[-1]}")).ok


def test_grants_end_by_themselves_and_at_once_when_they_are_revoked(world: Venues) -> None:
    now = world.engine.time_ns
    world.holder("t", ("treasurer", "venue:V1"), until_ns=now + 10)
    deposit = ar.Transfer(key="V1.d", asset="USD", amount=1, target="V1.A")
    world.engine.time_ns = now + 9
    world.good("t", deposit)
    world.engine.time_ns = now + 10
    assert "t has no role" in world.refused("t", change(deposit, key="V1.e"), codes.R_NOT_AUTHORISED)
    world.must(ar.Grant(principal="t", role="treasurer", scope="venue:V1", until_ns=LATER))
    world.good("t", change(deposit, key="V1.e"))
    world.must(ar.Revoke(principal="t", role="treasurer", scope="venue:V1"))
    world.refused("t", change(deposit, key="V1.f"), codes.R_NOT_AUTHORISED)
    assert world.do(ar.Revoke(principal="t", role="treasurer", scope="venue:V1")).code == codes.R_BAD_DEFINITION
    past = ar.Grant(principal="t", role="treasurer", scope="venue:V1", until_ns=now + 10)
    assert "is over" in world.refused("uid:0", past, codes.R_BAD_DEFINITION)


def test_a_closed_principal_has_no_rights_and_gets_none(world: Venues) -> None:
    world.good("uid:0", ar.DefinePrincipal(name="V1.op", venue="V1", closed=True))
    world.refused("V1.op", record_of("V1")["firm"], codes.R_NOT_AUTHORISED)
    grant = ar.Grant(principal="V1.op", role="resolver", scope="series:V1/x")
    assert world.refused("uid:0", grant, codes.R_BAD_DEFINITION) == "principal: V1.op is closed"
    world.good("uid:0", ar.DefinePrincipal(name="V1.op", venue="V1"))
    world.good("V1.op", record_of("V1")["firm"])


def test_a_series_is_the_events_of_a_venue_that_begin_so(world: Venues) -> None:
    world.must(change(market("V1"), event="V1.WC-1", contracts=(ar.Contract(symbol="V1.a"), ar.Contract(symbol="V1.b"))))
    world.holder("m", ("market_creator", "series:V1/V1.WC-"))
    world.good("m", ar.SetPhase(event="V1.WC-1", phase="open"))
    new = change(market("V1"), event="V1.WC-2", contracts=(ar.Contract(symbol="V1.c"), ar.Contract(symbol="V1.d")))
    world.good("m", new)
    other = change(new, event="V1.X", contracts=(ar.Contract(symbol="V1.e"), ar.Contract(symbol="V1.f")))
    assert "for V1.X of venue V1" in world.refused("m", other, codes.R_NOT_AUTHORISED)
    assert (
        world.refused("m", ar.SetPhase(event="V1.CUP", phase="open"), codes.R_UNKNOWN_EVENT)
        == 'event: there is no event "V1.CUP"; did you mean "V1.WC-2"?'
    )


# ------------------------------------------------------------------------------------------------ delegation
@pytest.mark.parametrize(
    ("role", "scope", "until_ns", "words"),
    [
        ("market_creator", "venue:V1", 0, ""),
        ("venue_operator", "venue:V1", 0, ""),
        ("resolver", "series:V1/V1.WC", 0, ""),
        ("platform_operator", "platform", 0, "may not use the record grant for the platform"),
        ("auditor", "platform", 0, "may not use the record grant for the platform"),
        ("resolver", "venue:V2", 0, 'there is no venue "V2"'),
    ],
)
def test_a_venue_operator_gives_on_what_lies_within_its_venue(world: Venues, role: str, scope: str, until_ns: int, words: str) -> None:
    world.good("V1.op", ar.DefinePrincipal(name="V1.new", venue="V1"))
    answer = world.ask("V1.op", ar.Grant(principal="V1.new", role=role, scope=scope, until_ns=until_ns))
    assert (answer.ok, words in answer.text) == (not words, True), answer


def test_nobody_gives_on_for_longer_or_more_than_the_own_role(world: Venues) -> None:
    now = world.engine.time_ns
    world.must(ar.DefinePrincipal(name="V1.short", venue="V1"), ar.DefinePrincipal(name="V1.new", venue="V1"))
    world.must(ar.Grant(principal="V1.short", role="venue_operator", scope="venue:V1", until_ns=now + 100))
    give = ar.Grant(principal="V1.new", role="resolver", scope="venue:V1", until_ns=now + 100)
    world.good("V1.short", give, change(give, role="arbiter", until_ns=now + 1))
    for until_ns in (0, now + 101):
        text = world.refused("V1.short", change(give, until_ns=until_ns), codes.R_GRANT_BEYOND)
        assert text.startswith("until_ns: principal:V1.short holds its own role until 1970-01-01 00:16:40")
    world.must(ar.Grant(principal="V1.new", role="market_creator", scope="venue:V1"))
    world.refused("V1.new", give, codes.R_NOT_AUTHORISED)
    bad = ar.Grant(principal="V1.new", role="venue_operator", scope="series:V1/x")
    assert "is granted for platform or venue" in world.refused("uid:0", bad, codes.R_BAD_DEFINITION)


def test_who_makes_a_key_could_have_granted_all_that_it_opens(world: Venues) -> None:
    """Otherwise the maker logs on as somebody who may do more."""
    key = ar.DefineKey(id="V1.pk", holder="principal", name="V1.op", kind="ed25519", verifier="ab" * 32)
    world.good("V1.op", ar.DefinePrincipal(name="V1.n", venue="V1"), change(key, name="V1.n"))
    world.holder("ops", ("venue_operator", "platform"))
    world.holder("boss", ("platform_operator", "platform"))
    text = world.refused("ops", change(key, id="x", name="boss"), codes.R_GRANT_BEYOND)
    assert text.startswith("name: boss is platform_operator for the platform, which principal:ops could not grant")
    world.good("ops", change(key, id="x", name="V1.op"))
    world.holder("guest", ("auditor", "venue:V1"))
    assert "for the platform" in world.refused("V1.op", change(key, id="V1.g", name="guest"), codes.R_NOT_AUTHORISED), (
        "seen, and not V1's own"
    )


def test_a_principal_of_a_venue_holds_roles_only_there(world: Venues) -> None:
    for scope in ("platform", "venue:V2", "series:V2/x"):
        text = world.refused("uid:0", ar.Grant(principal="V1.op", role="resolver", scope=scope), codes.R_BAD_DEFINITION)
        assert text == f"scope: V1.op is of venue V1 and holds roles only there, asked {scope}"


def test_one_grant_must_cover_all_that_is_given(world: Venues) -> None:
    """A short one for the venue and a long one elsewhere are not one long one here."""
    now = world.engine.time_ns
    world.holder("two", ("venue_operator", "venue:V2"))
    world.must(
        ar.Grant(principal="two", role="venue_operator", scope="venue:V1", until_ns=now + 10), ar.DefinePrincipal(name="V1.n", venue="V1")
    )
    world.refused("two", ar.Grant(principal="V1.n", role="support", scope="venue:V1"), codes.R_GRANT_BEYOND)
    world.good("two", ar.Grant(principal="V1.n", role="support", scope="venue:V1", until_ns=now + 10))


def test_roles_are_taken_within_what_one_could_give_and_given_up_by_oneself(world: Venues) -> None:
    world.good("V1.op", ar.DefinePrincipal(name="V1.n", venue="V1"), ar.Grant(principal="V1.n", role="auditor", scope="venue:V1"))
    world.refused("V1.n", ar.Revoke(principal="V1.op", role="auditor", scope="venue:V1"), codes.R_NOT_AUTHORISED)
    world.good("V1.n", ar.Revoke(principal="V1.n", role="auditor", scope="venue:V1"))
    world.good("V1.op", ar.Revoke(principal="V1.op", role="support", scope="venue:V1"))


# --------------------------------------------------------------------------------------------- a venue's own names
@pytest.mark.parametrize(
    ("record", "key"),
    [
        (ar.DefineFirm(name="F2", venue="V1"), ("name",)),
        (ar.DefineAccount(name="V2.A2", firm="V1.F"), ("name",)),
        (change(record_of("V1")["session"], name="S2"), ("name",)),
        (change(record_of("V1")["session"], peer_comp_id="S2"), ("peer_comp_id",)),
        (change(market("V1"), event="M2"), ("event",)),
        (
            change(record_of("V1")["market"], contracts=(ar.Contract(symbol="V1.x"), ar.Contract(symbol="V2.CUP-A"))),
            ("contracts", 1, "symbol"),
        ),
        (ar.DefinePrincipal(name="p", venue="V1"), ("name",)),
        (change(record_of("V1")["key"], id="k"), ("id",)),
        (ar.Transfer(key="k", asset="USD", amount=1, target="V1.A"), ("key",)),
    ],
)
def test_a_venue_makes_only_names_that_begin_with_its_own(world: Venues, record: Any, key: tuple[object, ...]) -> None:
    answer = world.ask("V1.op", record)
    assert answer.code == codes.R_FOREIGN_NAME and answer.refusal is not None and answer.refusal.key == key
    assert 'names that venue V1 makes begin with "V1."' in answer.text
    assert world.do(record).code != codes.R_FOREIGN_NAME, "the platform is free"


def test_what_the_platform_named_freely_for_a_venue_is_the_venues(world: Venues) -> None:
    world.must(ar.DefineFirm(name="ACME", venue="V1"), change(FINAL, event="FREE"))
    world.good("V1.op", ar.DefineFirm(name="ACME", venue="V1", title="Acme"), ar.SetPhase(event="FREE", phase="open"))
    world.must(ar.DefineFirm(name="V1.HIDDEN"))
    taken = world.refused("V1.op", ar.DefineFirm(name="V1.HIDDEN", venue="V1"), codes.R_BAD_DEFINITION)
    assert taken == 'name: "V1.HIDDEN" is taken by the platform'


def test_things_of_the_platform_and_of_two_venues_at_once(world: Venues) -> None:
    assert "for the platform" in world.refused("V1.op", ar.DefineFirm(name="V1.F2"), codes.R_NOT_AUTHORISED)
    world.holder("both", ("venue_operator", "venue:V1"), ("treasurer", "venue:V1"), ("auditor", "venue:V2"))
    assert "for venue V2" in world.refused("both", ar.DefineAccount(name="V1.A2", firm="V2.F", venue="V1"), codes.R_NOT_AUTHORISED)
    move = ar.Transfer(key="V1.k", asset="USD", amount=1, source="V1.A", target="V2.A")
    assert "for venue V2" in world.refused("both", move, codes.R_NOT_AUTHORISED)


def test_whose_a_record_is(world: Venues) -> None:
    for tag, record in record_of("V1").items():
        wanted = {"asset": "", "begin": "", "clock_accept": "", "approvals": "", "approve": "", "refuse": "", "venue": "V9"}.get(
            tag, "" if tag in OF_THE_PLATFORM else "V1"
        )
        if tag in ("release", "withdraw_settle", "withdraw_cancel", "hold_expire", "schedule_cancel", "run_due"):
            wanted = ""  # there is no such hold
        assert scope_of(world.registry, record).venue == wanted, tag
    assert scope_of(world.registry, ar.DefineAccount(name="X", firm="V1.F", venue="V2")).venue == "V2"
    assert scope_of(world.registry, ar.Kill(level="session", target="V2.S")).venue == "V2"


# ------------------------------------------------------------------------------------------------ what is not there
def hidden_fields() -> list[tuple[str, Any]]:
    """Each record with one name in it that is V2's, in every field that names something."""
    out: list[tuple[str, Any]] = []
    theirs = {
        "venue": "V2",
        "firm": "V2.F",
        "account": "V2.A",
        "session": "V2.S",
        "event": "V2.CUP",
        "symbol": "V2.CUP-A",
        "principal": "V2.op",
        "series": "V2.CS",
        "key": "V2.k",
        "asset": "",
    }
    for tag, record in record_of("V1").items():
        for field, kind in NAMES.get(tag, ()):
            if theirs[kind]:
                out.append((f"{tag}.{field}", change(record, **{field: theirs[kind]})))
    own = record_of("V1")
    out.append(("market.admits", change(own["market"], admits=("V2",))))
    out += [("budget.markets", change(own["budget"], markets=("V2.CUP",))), ("budget.series", change(own["budget"], series=("V2.CS",)))]
    out += [
        (f"kill.{level}", ar.Kill(level=level, target=name))
        for level, name in theirs.items()
        if level in ("venue", "firm", "account", "session")
    ]
    out += [
        ("key.session", change(own["key"], name="V2.S")),
        ("key.principal", change(own["key"], holder="principal", name="V2.op", scopes=())),
    ]
    out += [("grant.scope", change(own["grant"], scope="venue:V2")), ("revoke.scope", change(own["revoke"], scope="series:V2/x"))]
    out += [("approve.id", ar.Approve(id=1)), ("refuse.id", ar.Refuse(id=1))]
    # what V1 would make, had V2 not made it
    out += [
        ("new firm", ar.DefineFirm(name="V2.F", venue="V1")), ("new account", ar.DefineAccount(name="V2.A", firm="V1.F")),
        ("firm of the platform", ar.DefineFirm(name="V2.F")), ("new principal", ar.DefinePrincipal(name="V2.op", venue="V1")),
        ("new event", change(own["market"], event="V2.CUP")), ("new session", change(own["session"], name="V2.S")),
        ("new login", change(own["session"], peer_comp_id="V2.S")), ("new money key", change(own["transfer"], key="V2.k")), ("new key", change(own["key"], id="V2.k")),
        ("new symbol", change(own["market"], contracts=(ar.Contract(symbol="V2.CUP-A"), ar.Contract(symbol="V1.z")))),
    ]  # fmt: skip
    records = tuple(record for name, record in out if name in ("account.firm", "session.firm", "firm.venue"))
    out += [(f"configuration of {type(record).__name__}", change(own["configuration"], records=(record,))) for record in records]
    return out  # fmt: skip


@pytest.mark.parametrize(("name", "record"), hidden_fields(), ids=[name for name, _ in hidden_fields()])
def test_what_is_another_venues_is_answered_byte_for_byte_as_what_does_not_exist(name: str, record: Any) -> None:
    there, absent = Venues("V1"), Venues("V1")
    there.must(*of_venue("V2"), ar.Transfer(key="V2.k", asset="USD", amount=1, target="V2.A"))
    there.must(ar.DefinePrincipal(name="V2.q", venue="V2"), ar.Grant(principal="V2.q", role="risk_officer", scope="venue:V2"))
    assert there.good("V2.q", ar.Kill(level="venue", target="V2", on=False)).result["pending"] == 1
    assert "there is no" not in seen_by_all(there, record).text and "no act waits" not in seen_by_all(there, record).text, (
        "the name is right"
    )
    one, other = there.ask("V1.op", record), absent.ask("V1.op", record)
    assert not one.ok
    assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(other)


def seen_by_all(world: Venues, record: Any) -> Any:
    """The answer of a world like this one to the platform's operator, who sees everything."""
    return Registry.from_bytes(world.registry.to_bytes()).apply(ar.pack("uid:0", "r", record), world.engine, world.sink)


def test_every_name_in_a_record_is_compared() -> None:
    """The list of hidden names covers each record and field that scopes.py knows, and these are all that name something."""
    named = {name for name, _ in hidden_fields()}
    assert named >= {f"{tag}.{field}" for tag, fields in NAMES.items() for field, kind in fields if kind != "asset"}
    for tag, record in record_of("V1").items():
        for key, kind, name in names_in(record):
            assert kind == "asset" or name.startswith("V1"), (tag, key)


def test_hints_offer_only_names_that_the_asker_sees(world: Venues) -> None:
    world.must(ar.DefineFirm(name="V1.FX", venue="V2"))
    answer = world.ask("V1.op", ar.DefineAccount(name="V1.A3", firm="V1.FXX"))
    assert answer.text == 'firm: there is no firm "V1.FXX"; did you mean "V1.F"?'
    assert 'did you mean "V1.FX"?' in world.do(ar.DefineAccount(name="V1.A3", firm="V1.FXX")).text


def test_a_shared_market_is_seen_by_those_it_admits(world: Venues) -> None:
    shared = change(
        market("V2"),
        event="V2.SHARED",
        sharing="shared",
        admits=("V1",),
        contracts=(ar.Contract(symbol="V2.x"), ar.Contract(symbol="V2.y")),
    )
    world.must(shared)
    world.good("V1.op", ar.DefineListing(venue="V1", event="V2.SHARED", fees=FINAL.fees))
    assert "for V2.SHARED of venue V2" in world.refused("V1.op", ar.SetPhase(event="V2.SHARED", phase="open"), codes.R_NOT_AUTHORISED)


def test_a_configuration_is_judged_record_by_record(world: Venues) -> None:
    whole = ar.Configuration(name="v1.toml", records=(ar.DefineFirm(name="V1.N", venue="V1"), ar.DefineAccount(name="V1.N-A", firm="V1.N")))
    world.good("V1.op", whole)
    bad = change(whole, records=(ar.DefineFirm(name="V1.M", venue="V1"), ar.DefineAccount(name="V1.M-A", firm="V2.F")))
    answer = world.ask("V1.op", bad)
    assert answer.code == codes.R_BAD_DEFINITION and answer.refusal is not None and answer.refusal.record == 1
    assert world.registry.firms.named("V1.M") is None
    assert "settings of the server" in world.refused("V1.op", change(whole, settings={"mode": "sync"}), codes.R_NOT_AUTHORISED)


def test_a_file_may_say_what_its_venue_is_built_on(world: Venues) -> None:
    """An asset or the own venue as it is already: no right is needed, nothing changes. Changed, or another's venue: refused as ever."""
    usd, own = ar.DefineAsset(name="USD", decimals=4), ar.DefineVenue(name="V1")
    whole = ar.Configuration(name="v1.toml", records=(usd, own, ar.DefineFirm(name="V1.N", venue="V1")))
    answer = world.ask("V1.op", whole)
    assert answer.ok and answer.result["unchanged"] == 2
    for record in (change(usd, decimals=5), change(own, title="Mine"), ar.DefineVenue(name="V2"), ar.DefineVenue(name="V3")):
        answer = world.ask("V1.op", change(whole, records=(record,)))
        assert answer.code == codes.R_NOT_AUTHORISED, record


def test_parts_of_one_asker_do_not_push_out_those_of_another(world: Venues) -> None:
    part = ar.PartOf(digest="ab" * 32, index=0, count=2, data=b"x")
    world.good("V2.op", part)
    for i in range(9):
        world.good("V1.op", change(part, digest=f"{i:064x}"))
    assert sum(key.startswith("principal:V2.op") for key in world.registry.parts) == 1
