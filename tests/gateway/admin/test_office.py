"""Questions: every verb × role, what an asker of one venue is shown, and that what is hidden answers like what is not there."""

import json
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server.engine import Capacities, Engine
from exchange_server.gateway.admin.office import BadRequest, Office
from exchange_server.registry import Refused
from exchange_server.registry.roles import ROLES
from protocol import codes
from tests.registry.access_world import PLATFORM, Venues, market, of_venue
from tests.registry.test_registry import change

READ = {"whoami", "running", "markets", "assets", "status", "principal", "asset", "venue", "firm", "session", "market", "listing"}
MONEY = {"account", "accounts", "risk", "rules", "tags", "budget"}
#  by hand, not from the table of roles
VERBS: dict[str, set[str]] = {
    "platform_operator": READ
    | MONEY
    | {"keys", "export", "revisions", "revision", "plan", "pending", "schedule", "series", "stop", "check"},
    "venue_operator": READ | MONEY | {"keys", "export", "plan", "pending", "revisions", "revision", "schedule", "series"},
    "market_creator": READ | {"plan", "pending", "schedule", "series"},
    "resolver": READ | {"plan", "pending", "schedule", "series"},
    "arbiter": READ | {"plan", "pending", "schedule", "series"},
    "risk_officer": READ | MONEY | {"plan", "pending", "schedule", "series"},
    "treasurer": READ | MONEY | {"plan", "pending"},
    "auditor": READ | MONEY | {"keys", "export", "pending", "revisions", "revision", "schedule", "series"},
    "support": READ | MONEY | {"pending", "schedule", "series"},
}
THEIRS = {"venue": "V2", "firm": "V2.F", "account": "V2.A", "session": "V2.S", "market": "V2.CUP"}
ALL = VERBS["platform_operator"]
PLAN = {"type": "configuration", "name": "c", "records": [{"type": "firm", "name": "V1.N", "venue": "V1"}]}


class Real(Venues):
    """Venues on a real engine, and an office."""

    def __init__(self, *venues: str) -> None:
        self.engine: Any = Engine(
            Capacities(assets=8, venues=8, firms=16, accounts=64, sessions=16, events=16, instruments=64, listings=64)
        )
        self.registry, self.events = self.engine.registry, 0
        self.must(ar.Configuration(name="c", records=PLATFORM))
        for venue in venues:
            self.must(*of_venue(venue))
        titles = [change(venue.record, title=f"Market place {venue.name}") for venue in self.registry.venues]
        self.must(ar.Configuration(name="titles", records=tuple(titles)))
        self.stopped = 0
        self.office = Office(
            self.registry, self.engine.m, lambda at, call: None, lambda record, who: self.registry.trying(record, self.engine, who),
            lambda record, who: self.registry.try_act(record, self.engine, who),
            lambda: {"turn": 7, "logged_on": [s.name for s in self.registry.sessions]}, self._stop, {"check": lambda request: {"failed": []}},
        )  # fmt: skip

    def do(self, record: Any, who: str = "uid:0", request_id: str = "r1") -> Any:
        return self.registry.apply(ar.pack(who, request_id, record), self.engine, self.sink)

    def _stop(self) -> None:
        self.stopped += 1

    def question(self, who: str, verb: str, **fields: Any) -> Any:
        given = {"plan": {"record": PLAN}, "export": {"venue": "V1"}, "revision": {"number": 2}}
        fields = {**given.get(verb, {}), **fields}
        answer = self.office.ask(who if ":" in who else f"principal:{who}", verb, {"verb": verb, **fields}, self.engine.time_ns)
        return json.loads(json.dumps(answer, default=lambda value: repr(value)))


@pytest.fixture(scope="module")
def world() -> Real:
    made = Real("V1", "V2")
    for role, entry in ROLES.items():
        for scope in ("platform", "venue:V1", "series:V1/V1.C"):
            if scope.partition(":")[0] in entry.scopes:
                name = f"{role}@{scope.partition(':')[0]}"
                name = name.replace("@", "-")
                made.must(ar.DefinePrincipal(name=name))
                answer = made.do(ar.Grant(principal=name, role=role, scope=scope))
                if "pending" in answer.result:
                    assert made.do(ar.Approve(id=answer.result["pending"]), "principal:platform_operator-platform").ok
    return made


def test_every_verb_is_known_here(world: Real) -> None:
    assert set(world.office.known()) - {"admin"} == ALL


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("verb", sorted(ALL))
def test_every_verb_and_role(world: Real, verb: str, role: str) -> None:
    for kind in ROLES[role].scopes:
        who = f"{role}-{kind}"
        if verb in VERBS[role]:
            assert world.question(who, verb) is not None
        else:
            with pytest.raises(BadRequest, match=f"the verb {verb} needs the role .*; principal:{who} has {role} for ") as error:
                world.question(who, verb)
            assert error.value.code == codes.R_NOT_AUTHORISED


def test_strangers_and_the_operators_socket(world: Real) -> None:
    for verb in ALL:
        with pytest.raises(BadRequest, match="principal:nobody has no role"):
            world.question("nobody", verb)
        if verb not in ("revision", "export"):  # of something that must be there
            assert world.question("uid:5", verb) is not None
    with pytest.raises(BadRequest, match="unknown verb 'marketz'; known: account, accounts, admin"):
        world.question("uid:5", "marketz")


def test_a_plan_shows_nobody_what_is_the_platform_s(world: Real) -> None:
    """A rollback is about everything, and settings are the server's: neither is planned for an operator of a venue."""
    world.must(ar.Configuration(name="x", settings={"host": "10.1.2.3"}, records=(ar.DefineFirm(name="HIDDEN"),)))
    for record in (ar.Rollback(to=0), ar.Configuration(name="x", settings={"host": "a"})):
        with pytest.raises(Refused) as refused:
            world.question("venue_operator-venue", "plan", record=msgspec.to_builtins(record))
        assert refused.value.refusal.code == codes.R_NOT_AUTHORISED and "10.1.2.3" not in refused.value.refusal.text
        assert world.question("uid:0", "plan", record=msgspec.to_builtins(record))["revision"] == len(world.registry.revisions)
    assert world.question("venue_operator-venue", "running")["settings"] == {}


def test_an_operator_of_a_venue_is_shown_only_its_own(world: Real) -> None:
    for verb in sorted(VERBS["venue_operator"]):
        text = json.dumps(world.question("V1.op", verb))
        assert "V2" not in text, verb
    assert [row["event"] for row in world.question("V1.op", "markets")["markets"]] == ["V1.CUP"]
    assert world.question("V1.op", "status") == {"time_ns": 0, "venues": ["V1"], "logged_on": ["V1.S"]}
    assert [row["id"] for row in world.question("V1.op", "keys")["keys"]] == ["V1.S:secret", "V1.k"]
    assert set(world.question("V1.op", "assets")["assets"]) == {"USD", "BTC"}
    names = [row["name"] for row in world.question("V1.op", "principal")["rows"]]
    assert "V1.op" in names and "venue_operator-venue" in names and "venue_operator-platform" not in names, (
        "its own, and who holds a role there"
    )
    assert {row["event"] for row in world.question("auditor-platform", "markets")["markets"]} == {"V1.CUP", "V2.CUP"}
    assert {row["name"] for row in world.question("auditor-platform", "principal")["rows"]} >= {"V1.op", "V2.op"}


def test_only_the_roles_that_may_ask_widen_what_is_shown(world: Real) -> None:
    world.must(ar.DefinePrincipal(name="mixed"), ar.Grant(principal="mixed", role="auditor", scope="venue:V1"))
    world.must(ar.Grant(principal="mixed", role="support", scope="venue:V2"))
    assert [row["id"] for row in world.question("mixed", "keys")["keys"]] == ["V1.S:secret", "V1.k"]
    assert len(world.question("mixed", "markets")["markets"]) == 2
    assert [role["scope"] for role in world.question("mixed", "whoami")["roles"]] == ["venue:V1", "venue:V2"]
    roles = next(row["roles"] for row in world.question("V1.op", "principal", name="mixed")["rows"])
    assert [role["scope"] for role in roles] == ["venue:V1"], "what it holds elsewhere is not told"


def test_a_series_shows_its_events(world: Real) -> None:
    assert [row["event"] for row in world.question("resolver-series", "markets")["markets"]] == ["V1.CUP"]
    assert world.question("resolver-series", "principal")["rows"][0]["name"] == "resolver-series"


@pytest.mark.parametrize(
    ("verb", "fields"),
    [(verb, {}) for verb in sorted(VERBS["venue_operator"])]
    + [
        ("markets", {"event": "V2.CUP"}), ("keys", {"key": "V2.k"}), ("keys", {"holder": "session", "name": "V2.S"}),
        ("principal", {"name": "V2.op"}),
        *((kind, {"name": name}) for kind, name in THEIRS.items()), ("listing", {"venue": "V2"}), ("export", {"venue": "V2"}), ("rules", {"name": "V2"}), ("tags", {"name": "V2.F"}), ("listing", {"event": "V2.CUP"}),
        ("plan", {"record": {"type": "phase", "event": "V2.CUP", "phase": "open"}}),
        ("plan", {"record": {**PLAN, "records": [{"type": "account", "name": "V1.X", "firm": "V2.F"}]}}),
        ("plan", {"record": {**PLAN, "records": [{"type": "firm", "name": "V2.F", "venue": "V1"}]}}),
        ("plan", {"record": {**PLAN, "records": [{"type": "listing", "venue": "V1", "event": "V2.CUP", "fees": {"model": "notional"}}]}}),
    ],
)  # fmt: skip
def test_what_is_another_venues_is_answered_byte_for_byte_as_what_does_not_exist(verb: str, fields: dict[str, Any]) -> None:
    answers = []
    for others in (("V2",), ()):
        world = Real("V1", *others)
        world.must(ar.DefinePrincipal(name="q"), ar.Grant(principal="q", role="auditor", scope="venue:V1"))
        if others:
            world.must(
                ar.Grant(principal="q", role="risk_officer", scope="venue:V2"), ar.Transfer(key="d", asset="USD", amount=5, target="V2.A")
            )
            assert "pending" in world.good("q", ar.Kill(level="venue", target="V2", on=False)).result
        try:
            answers.append(json.dumps(world.question("V1.op", verb, **fields)))
        except Refused as refused:
            answers.append(repr(refused.refusal))
    assert answers[0] == answers[1]


def test_whom_a_shared_market_admits_is_told_to_its_owner() -> None:
    world = Real("V1", "V2", "V3")
    contracts = (ar.Contract(symbol="V2.x"), ar.Contract(symbol="V2.y"))
    world.must(change(market("V2"), event="V2.SH", sharing="shared", admits=("V1", "V3"), contracts=contracts))

    def admits(who: str) -> Any:
        return next(row["terms"]["admits"] for row in world.question(who, "markets")["markets"] if row["event"] == "V2.SH")

    assert admits("V1.op") == ["V1"] and admits("V2.op") == ["V1", "V3"]

    def defined(who: str) -> Any:
        return world.question(who, "market", name="V2.SH")["rows"][0]["record"]["admits"]

    assert defined("V1.op") == ["V1"] and defined("V2.op") == defined("uid:0") == ["V1", "V3"]


def test_what_waits_is_listed_for_those_concerned() -> None:
    world = Real("V1", "V2")
    world.holder("one", ("risk_officer", "venue:V1"))
    id = world.good("one", ar.Kill(level="venue", target="V1", on=False)).result["pending"]
    (row,) = world.question("V1.op", "pending")["rows"]
    assert (row["id"], row["act"], row["who"], row["expired"]) == (id, "kill_release", "principal:one", False)
    assert row["record"] == {"type": "kill", "level": "venue", "target": "V1", "on": False, "cancel": None}
    assert world.question("V2.op", "pending") == {"rows": []}
    assert world.question("one", "pending") == world.question("uid:0", "pending")


def test_stop_is_the_platform_operators(world: Real) -> None:
    before = world.stopped
    world.question("platform_operator-platform", "stop")
    assert world.stopped == before + 1
