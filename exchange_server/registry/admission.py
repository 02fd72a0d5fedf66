"""Tags of firms and access rules: who is kept out of which venue or market, worked out here, so that the core has one answer for each firm.

The core knows how a venue or an event admits (all; all but the exceptions; only the exceptions that are admitted) and the exceptions. They
are worked out again when tags or rules change and when a firm is defined; the act has a row for each difference.
"""

from collections.abc import Iterable
from typing import Any

from config import admin_records as ar
from config import rule_records as rr
from protocol import codes

from ..core import layout as L
from . import checks
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Admission, Firm, Rule

Target = tuple[int, int]  # ACCESS_VENUE or ACCESS_EVENT, and its id
UNKNOWN = rr.FirmTags(firm="-")
OPEN = Admission()
EXCEPTIONS_PER_FIRM = 32  # on average: the pair table of the core has room for so many, beside what trading needs of it


def matches(rule: rr.AccessRule, tags: rr.FirmTags) -> bool:
    """Whether all conditions of a rule hold for a firm. What is not known keeps out: with no jurisdiction known, a condition about it holds
    in a deny rule and does not hold in an allow rule."""
    own = set(tags.jurisdictions)
    unknown = rule.effect == "deny"
    if rule.jurisdiction_in and not (bool(own & set(rule.jurisdiction_in)) if own else unknown):
        return False
    if rule.jurisdiction_not_in and not (not own & set(rule.jurisdiction_not_in) if own else unknown):
        return False
    if tags.kyc_level < rule.kyc_at_least:
        return False
    if rule.institution is not None and tags.institution != rule.institution:
        return False
    return set(rule.tags) <= set(tags.tags)


def exception(rules: Iterable[Rule], tags: rr.FirmTags) -> int:
    """What the core is told of a firm: the number of the first deny rule that matches, ACCESS_ADMITTED when an allow rule does, else 0."""
    admitted = 0
    for rule in rules:
        if matches(rule.record, tags):
            if rule.record.effect == "deny":
                return rule.number
            admitted = L.ACCESS_ADMITTED
    return admitted


def mode_of(rules: Iterable[Rule]) -> int:
    effects = {rule.record.effect for rule in rules}
    return L.ACCESS_ONLY if "allow" in effects else L.ACCESS_EXCEPT if effects else L.ACCESS_ALL


def keeps_out(admission: Admission, firm: int) -> bool:
    value = admission.exceptions.get(firm, 0)
    if admission.mode == L.ACCESS_ALL or value == L.ACCESS_ADMITTED:
        return False
    return value > 0 or admission.mode == L.ACCESS_ONLY


def _rows(target: Target, old: Admission, new: Admission) -> list[Words]:
    """The differences, as rows."""
    rows = [rows_of.access(*target, 0, new.mode)] if new.mode != old.mode else []
    for firm in sorted(old.exceptions.keys() | new.exceptions.keys()):
        value = new.exceptions.get(firm, 0)
        if value != old.exceptions.get(firm, 0):
            rows.append(rows_of.access(*target, firm, value))
    return rows


def _changed(registry: Definitions, engine: EngineLike, changes: dict[Target, Admission]) -> list[Words]:
    """The rows of new admissions; refuses when there would be more exceptions than the core's table has room for beside trading."""
    rows: list[Words] = []
    more = 0
    for target, new in changes.items():
        old = registry.admissions.get(target, OPEN)
        rows += _rows(target, old, new)
        more += len(new.exceptions.keys() - old.exceptions.keys())
    limit = EXCEPTIONS_PER_FIRM * int(engine.capacities.firms)
    used = sum(len(admission.exceptions) for admission in registry.admissions.values())
    after = used + sum(len(new.exceptions) - len(registry.admissions.get(target, OPEN).exceptions) for target, new in changes.items())
    if more and after > limit:
        text = (
            f"access rules may have {limit} exceptions (firms that a rule admits or keeps out, for each venue and market), {used} are used"
        )
        raise Refused(
            codes.R_TABLE_FULL,
            f"{text}, it would be {after}: raise capacities.firms in the configuration and start again",
            (),
            limit,
            after,
            used,
        )
    checks.hash_room(engine, "pairs", L.P_PAIR_HASH, more)
    return rows


def for_firm(registry: Definitions, engine: EngineLike, firm: int, tags: rr.FirmTags) -> tuple[list[Words], dict[Target, Admission]]:
    """What changes for one firm when these are its tags: rows, and the admissions then."""
    changes: dict[Target, Admission] = {}
    for target, old in registry.admissions.items():
        value = exception(registry.rules_of(target), tags)
        if value != old.exceptions.get(firm, 0):
            others = {other: kept for other, kept in old.exceptions.items() if other != firm}
            changes[target] = Admission(old.mode, {**others, firm: value} if value else others)
    return _changed(registry, engine, changes), changes


def for_target(registry: Definitions, engine: EngineLike, target: Target, rules: list[Rule]) -> tuple[list[Words], dict[Target, Admission]]:
    """What changes when these are the rules of a venue or an event."""
    mode = mode_of(rules)
    values = ((firm.id, exception(rules, registry.tags.get(firm.id, UNKNOWN))) for firm in registry.firms) if rules else ()
    changes = {target: Admission(mode, {firm: value for firm, value in values if value})}
    return _changed(registry, engine, changes), changes


def kept_out(registry: Definitions, firm: Firm, changes: dict[Target, Admission]) -> str:
    """Out of how many venues and markets a firm is kept, for a sentence."""
    now = {**registry.admissions, **changes}
    count = [sum(about == kind and keeps_out(admission, firm.id) for (about, _), admission in now.items()) for kind in (1, 2)]
    return f"kept out of {count[0]} venues and {count[1]} markets" if any(count) else "kept out of nothing"


# ---- acts ---------------------------------------------------------------------------------------------------------------


def firm_tags(registry: Definitions, record: rr.FirmTags, engine: EngineLike) -> Act:
    firm: Firm = checks.find(registry.firms, "firm", record.firm)
    for key in ("jurisdictions", "tags"):
        _no_repeats(key, getattr(record, key))
    name = f"tags of {record.firm}"
    if registry.tags.get(firm.id, UNKNOWN) == record:
        return checks.unchanged("tags of", record.firm, firm.id)
    rows, changes = for_firm(registry, engine, firm.id, record)

    def commit() -> None:
        registry.tags[firm.id] = record
        registry.put_admissions(changes)

    text = f"{name} changed: it is {kept_out(registry, firm, changes)}"
    return Act(
        name,
        text,
        rows,
        commit,
        {"id": firm.id},
        changed=tuple(ar.changed_fields(registry.tags[firm.id], record)) if firm.id in registry.tags else None,
    )


def access_rule(registry: Definitions, record: rr.AccessRule, engine: EngineLike) -> Act:
    target, where = _target(registry, record)
    for key in ("jurisdiction_in", "jurisdiction_not_in", "tags"):
        _no_repeats(key, getattr(record, key))
    both = set(record.jurisdiction_in) & set(record.jurisdiction_not_in)
    if both:
        raise bad("jurisdiction_not_in", f"{min(both)} is in jurisdiction_in too: no firm could match")
    old = registry.rules.get((*target, record.rule))
    if old is not None and old.record == record:
        return checks.unchanged("access rule", f"{record.rule} of {where}", old.number)
    number = old.number if old is not None else registry.rule_count + 1
    rule = Rule(number, record)
    rules = sorted((*(r for r in registry.rules_of(target) if r.number != number), rule), key=lambda r: r.number)
    rows, changes = for_target(registry, engine, target, rules)

    def commit() -> None:
        registry.rules[(*target, record.rule)] = rule
        registry.rule_count = max(registry.rule_count, number)
        registry.put_admissions(changes)

    out = sum(keeps_out(changes[target], firm.id) for firm in registry.firms)
    text = f"access rule {number} ({record.rule}) of {where} {'changed' if old else 'defined'}: {out} of {len(registry.firms)} firms are kept out"
    return Act(
        f"access rule {record.rule}",
        text,
        rows,
        commit,
        {"rule": number, "kept_out": out},
        changed=tuple(ar.changed_fields(old.record, record)) if old else None,
    )


def is_there(registry: Definitions, record: rr.RemoveAccessRule) -> bool:
    """Whether there is such a rule. Raises Refused for a venue or event that does not exist."""
    return (*_target(registry, record)[0], record.rule) in registry.rules


def remove_access_rule(registry: Definitions, record: rr.RemoveAccessRule, engine: EngineLike) -> Act:
    target, where = _target(registry, record)
    old = registry.rules.get((*target, record.rule))
    if old is None:
        known = ", ".join(sorted(rule.record.rule for rule in registry.rules_of(target))) or "none"
        raise bad("rule", f'{where} has no access rule "{record.rule}" (it has: {known})')
    rules = [rule for rule in registry.rules_of(target) if rule.number != old.number]
    rows, changes = for_target(registry, engine, target, rules)

    def commit() -> None:
        del registry.rules[(*target, record.rule)]
        registry.put_admissions(changes)

    text = f"access rule {old.number} ({record.rule}) of {where} removed"
    return Act(f"access rule {record.rule}", text, rows, commit, {"rule": old.number})


def _target(registry: Definitions, record: rr.AccessRule | rr.RemoveAccessRule) -> tuple[Target, str]:
    """What the rule belongs to, and its name for a sentence."""
    if bool(record.venue) == bool(record.event):
        raise bad("venue", "an access rule belongs to one venue or to one event: name one of them")
    table: Any = registry.venues if record.venue else registry.events
    row = checks.find(table, "venue" if record.venue else "event", record.venue or record.event)
    return (codes.ACCESS_VENUE if record.venue else codes.ACCESS_EVENT, row.id), record.venue or record.event


def _no_repeats(key: str, values: tuple[str, ...]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise bad(key, f'"{value}" is given twice')
