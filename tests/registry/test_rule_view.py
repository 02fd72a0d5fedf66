"""What operators are shown of rules, quotas, freezes and tags."""

from config import admin_records as ar
from exchange_server.registry import rule_view
from tests.registry.test_admission import rule
from tests.registry.test_registry import BASE, World

NO_US = rule("deny", rule="no-us", jurisdiction_in=("US",))
KNOWN = rule("allow", rule="known", event="FINAL", kyc_at_least=1, institution=False)


def world() -> World:
    return World().must(*BASE, ar.FirmTags(firm="ACME", jurisdictions=("DE",), kyc_level=2, tags=("vip",)), NO_US, KNOWN)


def test_rules_are_shown_with_their_venue_by_number_and_without_empty_fields() -> None:
    w = world()
    w.must(ar.Quota(venue="V1", open_orders=7))
    first, second = rule_view.venues(w.registry, w.engine.m)
    assert first["rules"] == [
        {"number": 1, "rule": "no-us", "venue": "V1", "effect": "deny", "jurisdiction_in": ("US",)},
        {"number": 2, "rule": "known", "event": "FINAL", "effect": "allow", "kyc_at_least": 1, "institution": False},
    ]
    assert first["quotas"]["open_orders"] == {"limit": 7, "used": 0} and first["quotas"]["sessions"] == {"limit": 0, "used": 1}
    assert (second["venue"], second["rules"], second["freeze"], second["isolated_accounts"]) == ("V2", [], "none", False)
    assert [row["venue"] for row in rule_view.venues(w.registry, w.engine.m, "V2")] == ["V2"]
    assert rule_view.venues(w.registry, w.engine.m, "V9") == []


def test_firms_are_shown_with_their_tags_and_what_keeps_them_out() -> None:
    w = world()
    assert rule_view.firms(w.registry) == [
        {"firm": "ACME", "jurisdictions": ("DE",), "kyc_level": 2, "institution": False, "tags": ("vip",), "kept_out": []},
        {
            "firm": "OTHER", "jurisdictions": (), "kyc_level": 0, "institution": False, "tags": (),
            "kept_out": [{"venue": "V1", "rule": 1}, {"event": "FINAL", "rule": 0}],
        },
    ]  # fmt: skip


def test_only_what_the_asker_sees() -> None:
    w = world()
    assert [row["venue"] for row in rule_view.venues(w.registry, w.engine.m, sees=lambda kind, row: row.name == "V2")] == ["V2"]
    (other,) = rule_view.firms(w.registry, sees=lambda kind, row: row.name in ("OTHER", "FINAL"))
    assert other["kept_out"] == [{"event": "FINAL", "rule": 0}], "not of a venue that it does not see"
