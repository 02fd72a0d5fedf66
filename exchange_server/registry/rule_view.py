"""Who may trade where, as operators see it: rules, quotas and freezes of venues, tags of firms and what keeps them out. Read only."""

from collections.abc import Callable
from typing import Any

import msgspec

from config import rule_records as rr
from protocol import codes

from . import quotas
from .admission import UNKNOWN, keeps_out
from .definitions import Definitions
from .engine_like import Words
from .tables import Firm, Rule, Venue

Sees = Callable[[str, Any], bool]  # kind of table, row: whether the asker sees it


def everything(kind: str, row: Any) -> bool:  # noqa: ARG001 (Sees)
    return True


def venues(registry: Definitions, m: Words, name: str = "", sees: Sees = everything) -> list[dict[str, Any]]:
    """One dict for each venue that the asker sees (or for the one named): venue, freeze (a name), freeze_reason, isolated_accounts, rules (of
    the venue and of its markets, by number), quotas: name -> {limit (0: none), used}."""
    return [_venue(registry, m, venue) for venue in registry.venues if name in ("", venue.name) and sees("venue", venue)]


def _venue(registry: Definitions, m: Words, venue: Venue) -> dict[str, Any]:
    frozen = registry.freezes.get(venue.id)
    rules = sorted((rule for key, rule in registry.rules.items() if _owner(registry, key) == venue.id), key=lambda rule: rule.number)
    return {
        "venue": venue.name,
        "freeze": frozen.level if frozen else "none",
        "freeze_reason": frozen.reason if frozen else "",
        "isolated_accounts": venue.record.isolated_accounts,
        "rules": [_rule(rule) for rule in rules],
        "quotas": {name: use._asdict() for name, use in quotas.used(registry, m, venue.id).items()},
    }


def _owner(registry: Definitions, key: tuple[int, int, str]) -> int:
    """The venue of a rule: its own, or the owner of its market."""
    about, id, _ = key
    if about == codes.ACCESS_VENUE:
        return id
    owner = registry.venues.named(registry.events[id].record.owner_venue)
    return owner.id if owner is not None else 0


def _rule(rule: Rule) -> dict[str, Any]:
    """Its number, and its fields without those that are no condition."""
    fields = msgspec.structs.asdict(rule.record)
    return {"number": rule.number, **{name: value for name, value in fields.items() if value or value is False}}


def firms(registry: Definitions, name: str = "", sees: Sees = everything) -> list[dict[str, Any]]:
    """One dict for each firm that the asker sees (or for the one named): firm, its tags, and kept_out: venue or event, and the number of the
    rule (0: no rule admits it)."""
    return [_firm(registry, firm, sees) for firm in registry.firms if name in ("", firm.name) and sees("firm", firm)]


def _firm(registry: Definitions, firm: Firm, sees: Sees) -> dict[str, Any]:
    tags: rr.FirmTags = registry.tags.get(firm.id, UNKNOWN)
    kept_out = []
    for (about, id), admission in sorted(registry.admissions.items()):
        kind: str = "venue" if about == codes.ACCESS_VENUE else "event"
        row: Any = registry.venues[id] if about == codes.ACCESS_VENUE else registry.events[id]
        if keeps_out(admission, firm.id) and sees(kind, row):
            kept_out.append({kind: row.name, "rule": max(admission.exceptions.get(firm.id, 0), 0)})
    known = {field: getattr(tags, field) for field in ("jurisdictions", "kyc_level", "institution", "tags")}
    return {"firm": firm.name, **known, "kept_out": kept_out}
