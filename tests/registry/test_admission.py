"""Access rules: what a condition matches, who is kept out in which order, and that the core is told exactly the differences."""

from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.core.layout import definitions as d
from exchange_server.registry import Registry, admission
from protocol import codes as C
from tests.registry.test_registry import BASE, World

ONE = ar.FirmTags(firm="ACME", jurisdictions=("DE",), kyc_level=2, institution=True, tags=("vip", "maker"))
TWO = ar.FirmTags(firm="ACME", jurisdictions=("DE", "US"))
NOTHING = ar.FirmTags(firm="ACME")


def rule(effect: Any = "allow", **fields: Any) -> ar.AccessRule:
    return ar.AccessRule(rule=fields.pop("rule", "r"), **{"venue": "" if "event" in fields else "V1", **fields}, effect=effect)


# docs/access-rules.md has this table: condition, tags, whether it holds in an allow rule, in a deny rule
CONDITIONS: list[tuple[dict[str, Any], ar.FirmTags, bool, bool]] = [
    ({}, NOTHING, True, True),
    ({"jurisdiction_in": ("DE", "FR")}, ONE, True, True),
    ({"jurisdiction_in": ("FR",)}, ONE, False, False),
    ({"jurisdiction_in": ("US",)}, TWO, True, True),  # one of its jurisdictions is enough
    ({"jurisdiction_not_in": ("US",)}, ONE, True, True),
    ({"jurisdiction_not_in": ("US",)}, TWO, False, False),  # none of them may be in the list
    ({"jurisdiction_in": ("DE",)}, NOTHING, False, True),  # not known: never lets in, always keeps out
    ({"jurisdiction_not_in": ("US",)}, NOTHING, False, True),
    ({"kyc_at_least": 2}, ONE, True, True),
    ({"kyc_at_least": 3}, ONE, False, False),
    ({"kyc_at_least": 1}, NOTHING, False, False),
    ({"institution": True}, ONE, True, True),
    ({"institution": True}, NOTHING, False, False),
    ({"institution": False}, NOTHING, True, True),
    ({"tags": ("vip",)}, ONE, True, True),
    ({"tags": ("vip", "other")}, ONE, False, False),  # all of them
    ({"jurisdiction_in": ("DE",), "kyc_at_least": 3}, ONE, False, False),  # all conditions
]


@pytest.mark.parametrize(("condition", "tags", "allow", "deny"), CONDITIONS)
def test_conditions(condition: dict[str, Any], tags: ar.FirmTags, allow: bool, deny: bool) -> None:
    assert admission.matches(rule("allow", **condition), tags) == allow
    assert admission.matches(rule("deny", **condition), tags) == deny


ALL, KYC, NO_US, NO_DE = (
    rule("allow"),
    rule("allow", kyc_at_least=2),
    rule("deny", jurisdiction_in=("US",)),
    rule("deny", jurisdiction_in=("DE",)),
)
# The precedence: rules in order of number, tags, what is told to the core (-1 admitted, n kept out by rule n, 0 nothing), whether it is kept out.
PRECEDENCE: list[tuple[list[ar.AccessRule], ar.FirmTags, int, bool]] = [
    ([], NOTHING, 0, False),
    ([NO_US], ONE, 0, False),
    ([NO_US], TWO, 1, True),
    ([KYC], ONE, -1, False),
    ([KYC], TWO, 0, True),  # there are allow rules, and none matches
    ([KYC, NO_DE], ONE, 2, True),  # deny wins over allow,
    ([NO_DE, KYC], ONE, 1, True),  # in any order
    ([NO_US, NO_DE], TWO, 1, True),  # of two that deny, the lowest number is named
    ([KYC, ALL], TWO, -1, False),  # one allow rule is enough
]


@pytest.mark.parametrize(("rules", "tags", "value", "out"), PRECEDENCE)
def test_deny_overrides_and_allow_rules_close_the_door(rules: list[ar.AccessRule], tags: ar.FirmTags, value: int, out: bool) -> None:
    world = World().must(*BASE, tags)
    for number, one in enumerate(rules, 1):
        world.must(ar.AccessRule(**{name: getattr(one, name) for name in one.__struct_fields__} | {"rule": f"rule-{number}"}))
    firm = world.registry.firms.named("ACME").id  # type: ignore[union-attr]
    known = world.registry.admissions.get((C.ACCESS_VENUE, 1), admission.OPEN)
    assert known.exceptions.get(firm, 0) == value and admission.keeps_out(known, firm) == out


def told(world: World) -> list[tuple[int, ...]]:
    """(about, target, firm, value) of the access rows of the latest record."""
    rows = [row for row in world.engine.seen if int(row[0]) & 255 == C.C_ACCESS]
    return [tuple(int(row[word]) for word in (d.DG_ABOUT, d.DG_TARGET, d.DG_FIRM, d.DG_VALUE)) for row in rows]


def test_only_differences_reach_the_core() -> None:
    world = World().must(*BASE)
    world.must(ar.FirmTags(firm="ACME", jurisdictions=("US",)))
    assert told(world) == [], "no rule, nothing to say"
    answer = world.do(rule("deny", rule="no-us", jurisdiction_in=("US",)))
    assert answer.ok and answer.result == {"rule": 1, "kept_out": 2}, answer  # OTHER's jurisdiction is not known
    assert answer.text == "access rule 1 (no-us) of V1 defined: 2 of 2 firms are kept out"
    assert told(world) == [(1, 1, 0, L.ACCESS_EXCEPT), (1, 1, 1, 1), (1, 1, 2, 1)]
    assert "kept out of nothing" in world.do(ar.FirmTags(firm="OTHER", jurisdictions=("FR",))).text
    assert told(world) == [(1, 1, 2, 0)]
    world.must(rule("allow", rule="banks", event="FINAL", institution=True))
    assert told(world) == [(2, 1, 0, L.ACCESS_ONLY)], "nobody is admitted yet"
    world.must(ar.DefineFirm(name="NEW"))
    assert told(world) == [(1, 1, 3, 1)], "a new firm is judged when it is defined"
    answer = world.do(ar.FirmTags(firm="NEW", jurisdictions=("FR",), institution=True))
    assert told(world) == [(1, 1, 3, 0), (2, 1, 3, L.ACCESS_ADMITTED)]
    assert "kept out of nothing" in answer.text
    world.must(ar.RemoveAccessRule(rule="no-us", venue="V1"))
    assert told(world) == [(1, 1, 0, L.ACCESS_ALL), (1, 1, 1, 0)]
    assert world.do(rule("deny", rule="no-us")).result["rule"] == 3, "a number is never given again"


def test_no_rule_and_no_change_write_no_row() -> None:
    world = World().must(*BASE, ONE, rule("deny", rule="no-us", jurisdiction_in=("US",)))
    for record in (ONE, rule("deny", rule="no-us", jurisdiction_in=("US",))):
        answer = world.do(record)
        assert answer.ok and answer.result["unchanged"] == 1 and world.engine.seen == []


@pytest.mark.parametrize(("record", "sentence"), [
    (rule(venue="", event=""), "an access rule belongs to one venue or to one event: name one of them"),
    (rule(venue="V1", event="FINAL"), "an access rule belongs to one venue or to one event: name one of them"),
    (rule(venue="V9"), 'there is no venue "V9"'),
    (rule(venue="V1", jurisdiction_in=("DE", "DE")), '"DE" is given twice'),
    (rule(venue="V1", jurisdiction_in=("DE", "US"), jurisdiction_not_in=("US",)), "US is in jurisdiction_in too: no firm could match"),
    (ar.RemoveAccessRule(rule="gone", venue="V1"), 'V1 has no access rule "gone" (it has: known)'),
    (ar.FirmTags(firm="ACMY"), 'there is no firm "ACMY"; did you mean "ACME"?'),
    (ar.FirmTags(firm="ACME", tags=("vip", "vip")), '"vip" is given twice'),
])  # fmt: skip
def test_refusals(record: Any, sentence: str) -> None:
    world = World().must(*BASE, rule("allow", rule="known"))
    before = world.registry.to_bytes()
    answer = world.do(record)
    assert not answer.ok and answer.code == C.R_BAD_DEFINITION and sentence in answer.text, answer.text
    assert world.registry.to_bytes() == before and world.engine.seen == []


@pytest.mark.parametrize("fields", [{"jurisdictions": ("Germany",)}, {"jurisdictions": ("de",)}, {"kyc_level": 10}, {"tags": ("VIP!",)}])
def test_tags_that_are_none(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        ar.from_builtins({"type": "firm_tags", "firm": "ACME", **fields})


def test_without_room_for_its_exceptions_a_rule_is_refused_whole() -> None:
    world = World().must(*BASE)
    world.engine.m[L.H_POOLS + L.P_PAIR_HASH * L.POOL_WORDS + L.PL_CAP] = 8
    world.engine.m[L.H_POOLS + L.P_PAIR_HASH * L.POOL_WORDS + L.PL_USED] = 6
    answer = world.do(rule("deny", rule="all"))
    assert answer.code == C.R_TABLE_FULL and answer.refusal.asked == 2 and world.engine.seen == [] and not world.registry.rules


def test_a_snapshot_keeps_rules_tags_and_what_the_core_was_told() -> None:
    world = World().must(*BASE, ONE, rule("deny", rule="no-us", jurisdiction_in=("US",)), rule("allow", event="FINAL", kyc_at_least=1))
    again = Registry.from_bytes(world.registry.to_bytes())
    for name in ("tags", "rules", "rule_count", "admissions", "quotas", "freezes"):
        assert getattr(again, name) == getattr(world.registry, name)
    assert again.to_bytes() == world.registry.to_bytes()


def test_exceptions_do_not_use_up_the_room_of_trading() -> None:
    world = World(firms=2).must(*BASE)
    for number in range(admission.EXCEPTIONS_PER_FIRM):  # as many as may be, in markets that only the table knows
        world.registry.admissions[(C.ACCESS_EVENT, 100 + number)] = admission.Admission(L.ACCESS_ONLY, {1: -1, 2: -1})
    answer = world.do(rule("deny", rule="all"))
    assert answer.code == C.R_TABLE_FULL and (answer.refusal.limit, answer.refusal.used, answer.refusal.asked) == (64, 64, 66)
    assert world.engine.seen == [] and not world.registry.rules_of((C.ACCESS_VENUE, 1))
