"""Principals and the roles they hold: each function checks a record against what exists and returns an Act."""

import msgspec

from config import admin_records as ar
from protocol import codes, units

from . import checks, scopes
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refused, bad
from .roles import ROLES
from .tables import Held, Principal

MOST_PRINCIPALS = 100_000
MOST_GRANTS = 64  # of one principal


def principal(registry: Definitions, record: ar.DefinePrincipal) -> Act:
    if record.venue:
        checks.find(registry.venues, "venue", record.venue)
    if record.firm:
        checks.find(registry.firms, "firm", record.firm)
    name = f"principal {record.name}"
    old = registry.principals.named(record.name)
    if old is not None:
        record = ar.keeping(old.record, record)
        changed = checks.changes(old.record, record, name)
        if not changed:
            return checks.unchanged("principal", record.name, old.id)
        row = msgspec.structs.replace(old, record=record)
        return Act(name, f"{name} changed", [], lambda: registry.principals.put(row), {"id": old.id}, changed=changed)
    id = registry.principals.next_id
    if id > MOST_PRINCIPALS:
        raise Refused(codes.R_TABLE_FULL, f"there are at most {MOST_PRINCIPALS} principals", (), MOST_PRINCIPALS, id, id - 1)
    return Act(name, f"{name} defined", [], lambda: registry.principals.put(Principal(id, record)), {"id": id})


def grant(registry: Definitions, record: ar.Grant, who: str, engine: EngineLike) -> Act:
    now_ns = int(engine.time_ns)
    holder: Principal = checks.find(registry.principals, "principal", record.principal)
    scope = scopes.parse(record.scope)
    if scope.venue:
        checks.find(registry.venues, "scope", scope.venue)
    role = ROLES[record.role]
    if scope.kind not in role.scopes:
        raise bad("scope", f"the role {record.role} is granted for {' or '.join(role.scopes)}, asked {record.scope}")
    if record.until_ns and record.until_ns <= now_ns:
        raise bad("until_ns", f"{units.instant(record.until_ns)} is over, the time is {units.instant(now_ns)}", now_ns, record.until_ns)
    if holder.record.venue and holder.record.venue != scope.venue:  # or that venue's operators, who make its keys, could get them
        raise bad("scope", f"{record.principal} is of venue {holder.record.venue} and holds roles only there, asked {record.scope}")
    if holder.record.closed:
        raise bad("principal", f"{record.principal} is closed")
    others = tuple(held for held in holder.grants if (held.role, held.scope) != (record.role, record.scope))
    name = f"{record.role} for {record.scope} of {record.principal}"
    old = next((held for held in holder.grants if held not in others), None)
    if old is not None and old.until_ns == record.until_ns:
        return Act(name, f"{name} is unchanged", [], checks.nothing, {"id": holder.id, "unchanged": 1}, changed=())
    if len(others) >= MOST_GRANTS:
        raise Refused(
            codes.R_TABLE_FULL, f"a principal holds at most {MOST_GRANTS} grants", "principal", MOST_GRANTS, len(others) + 1, len(others)
        )
    row = msgspec.structs.replace(holder, grants=(*others, Held(record.role, record.scope, record.until_ns, who, now_ns)))
    until = f" until {units.instant(record.until_ns)}" if record.until_ns else ""
    changed = None if old is None else ("until_ns",)
    text = f"{record.principal} is {record.role} for {record.scope}{until}"
    return Act(name, text, [], lambda: registry.principals.put(row), {"id": holder.id}, changed=changed)


def revoke(registry: Definitions, record: ar.Revoke) -> Act:
    holder: Principal = checks.find(registry.principals, "principal", record.principal)
    left = tuple(held for held in holder.grants if (held.role, held.scope) != (record.role, record.scope))
    if len(left) == len(holder.grants):
        raise bad("role", f"{record.principal} does not hold {record.role} for {record.scope}")
    row = msgspec.structs.replace(holder, grants=left)
    text = f"{record.principal} is no longer {record.role} for {record.scope}"
    return Act(f"role of {record.principal}", text, [], lambda: registry.principals.put(row), {"id": holder.id})


def approvals(registry: Definitions, record: ar.Approvals) -> Act:
    for asset in record.withdrawals:
        checks.find(registry.assets, ("withdrawals", asset), asset)
    if record == registry.approvals:
        return checks.unchanged("list of", "approvals", 0)

    def commit() -> None:
        registry.approvals = record

    changed = tuple(ar.changed_fields(registry.approvals, record))
    return Act("approvals", f"approvals changed: {', '.join(changed)}", [], commit, {"acts": len(record.acts)}, changed=changed)
