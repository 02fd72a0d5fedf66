"""Acts that wait for a second person: the list of such acts, and their rows.

An act on the list is checked and becomes a row; `approve` by somebody else who may do it carries it out, checked again. An act of the
operator's socket does not wait when no principal could approve it: a platform with a single operator could otherwise do nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from config import admin_records as ar
from protocol import codes, units

from . import access, budgets, checks, scopes
from .access import Sight
from .checks import Act
from .definitions import Definitions
from .refused import Refused
from .roles import ROLES, tag_of
from .tables import Pending

MOST_PENDING = 1_000
MOST_OF_ONE = 100  # of one proposer


class Entry(NamedTuple):
    """An act on the list: its name (config/access_records.py: DUAL_CONTROL), the tags of its records, and which of these records it is."""

    name: str
    tags: tuple[str, ...]
    title: str
    when: Callable[[Definitions, Any], bool] = lambda registry, record: True


def _above_limit(registry: Definitions, record: ar.Transfer | ar.RequestWithdrawal) -> bool:
    limit = registry.approvals.withdrawals.get(record.asset)
    leaves = isinstance(record, ar.RequestWithdrawal) or (bool(record.source) and not record.target)
    return leaves and limit is not None and record.amount > limit


def _is_final(registry: Definitions, record: ar.Correct) -> bool:
    event = registry.events.named(record.event)
    return event is not None and bool(event.determinations) and event.determinations[-1].final_at_ns > 0


LIST = (
    Entry(
        "kill_release",
        ("kill",),
        "release of a kill switch of the platform or a venue",
        lambda registry, record: not record.on and record.level in ("platform", "venue"),
    ),
    Entry("platform_grant", ("grant",), "a role for the whole platform", lambda registry, record: record.scope == "platform"),
    Entry("approvals", ("approvals",), "a change of this list"),
    Entry("withdrawal", ("transfer", "withdraw_request"), "withdrawal above the asset's limit", _above_limit),
    Entry("venue_grant", ("grant",), "a role for a venue or events", lambda registry, record: record.scope != "platform"),
    Entry("principal_key", ("key",), "a key of a principal", lambda registry, record: record.holder == "principal"),
    Entry("correct", ("correct",), "correction after a result is final", _is_final),
    Entry("bust", ("bust",), "bust or correction of a trade"),
    Entry("void", ("void",), "void of an event"),
    Entry("budget", ("budget", "budget_clear"), "a budget that is raised, counted anew or ended", budgets.loosens),
    Entry("rollback", ("rollback",), "rollback of the configuration"),
)
BY_NAME = {entry.name: entry for entry in LIST}


def needs_second(registry: Definitions, record: ar.AnyRecord) -> Entry | None:
    """What on the list a record is; a configuration is what the first of its records is."""
    if isinstance(record, ar.Opening):
        return next((entry for one in (*record.records, *record.rules) if (entry := needs_second(registry, one)) is not None), None)
    if isinstance(record, ar.Configuration):
        return next((entry for one in record.records if (entry := needs_second(registry, one)) is not None), None)
    tag = tag_of(record)
    asked = registry.approvals.acts
    return next((entry for entry in LIST if tag in entry.tags and entry.name in asked and entry.when(registry, record)), None)


def same_person(one: str, other: str) -> bool:
    """Two askers who may be one person: root can be every user of its machine."""
    return one == other or (one.startswith("uid:") and other.startswith("uid:") and "uid:0" in (one, other))


def somebody_else(registry: Definitions, who: str, record: ar.AnyRecord, now_ns: int) -> bool:
    """Is there a principal, not the asker, that may do this now?"""
    tag, places = tag_of(record), scopes.touched(registry, record)
    for principal in registry.principals:
        other = access.PREFIX + principal.name
        if other == who or not any(ROLES[held.role].may_send(tag) for held in principal.grants):
            continue
        sight = Sight(registry, other, now_ns)
        if all(sight.may(lambda role: role.may_send(tag), place) for place in places) and _may_do(registry, other, record, now_ns):
            return True
    return False


def _may_do(registry: Definitions, who: str, record: ar.AnyRecord, now_ns: int) -> bool:
    try:
        access.authorise(registry, who, record, now_ns)
    except Refused:
        return False
    return True


def waits(registry: Definitions, envelope: ar.AdminEnvelope, now_ns: int) -> tuple[Entry | None, bool]:
    """(what on the list the act is, whether it waits). A start's own configuration never waits."""
    if envelope.who.startswith("config:"):
        return None, False
    entry = needs_second(registry, envelope.record)
    if entry is None:
        return None, False
    lone = access.has_every_right(envelope.who) and not somebody_else(registry, envelope.who, envelope.record, now_ns)
    return entry, not lone


def propose(registry: Definitions, envelope: ar.AdminEnvelope, entry: Entry, now_ns: int) -> Act:
    """Keep an act that was found good. Raises Refused when too many wait."""
    who, record = envelope.who, envelope.record
    live = {id: row for id, row in registry.pending.items() if now_ns < row.expires_ns}
    for row in live.values():
        if row.who == who and row.record == record:
            return Act(entry.name, _waiting(row), [], checks.nothing, {"pending": row.id, "unchanged": 1}, changed=())
    own = sum(row.who == who for row in live.values())
    if own >= MOST_OF_ONE or len(live) >= MOST_PENDING:
        limit, used = (MOST_OF_ONE, own) if own >= MOST_OF_ONE else (MOST_PENDING, len(live))
        raise Refused(codes.R_TABLE_FULL, f"{used} acts wait for approval already, the limit is {limit}", (), limit, used + 1, used)
    id = registry.next_pending
    row = Pending(id, entry.name, who, envelope.request_id, now_ns, now_ns + registry.approvals.expires_ns, record)

    def commit() -> None:
        registry.pending = {**live, id: row}
        registry.next_pending = id + 1

    return Act(entry.name, _waiting(row), [], commit, {"pending": id, "expires_ns": row.expires_ns})


def _waiting(row: Pending) -> str:
    return f"{BY_NAME[row.entry].title}: waits for a second person as {row.id}, until {units.instant(row.expires_ns)}"


def may_see(sight: Sight, row: Pending) -> bool:
    """One's own, and what lies wholly within places about whose pending acts one may ask."""
    if sight.every_right or row.who == sight.who:
        return True
    return all(sight.may(lambda role: role.may_ask("pending"), place) for place in scopes.touched(sight.registry, row.record))


def _found(registry: Definitions, who: str, id: int, now_ns: int) -> Pending:
    row = registry.pending.get(id)
    if row is None or not may_see(Sight(registry, who, now_ns), row):
        raise Refused(codes.R_UNKNOWN_PENDING, f"no act waits under {id}", "id", asked=id)
    return row


def approved(registry: Definitions, who: str, record: ar.Approve, now_ns: int) -> Pending:
    """The row that this approval carries out. Raises Refused."""
    row = _found(registry, who, record.id, now_ns)
    if same_person(row.who, who):
        raise Refused(codes.R_OWN_ACT, f"{row.who} proposed {record.id} and cannot approve it: another person must", "id", asked=record.id)
    if now_ns >= row.expires_ns:
        text = f"{record.id} waited until {units.instant(row.expires_ns)}, the time is {units.instant(now_ns)}: propose it again"
        raise Refused(codes.R_PENDING_EXPIRED, text, "id", row.expires_ns, now_ns)
    access.authorise(registry, who, row.record, now_ns)
    try:
        access.authorise(registry, row.who, row.record, now_ns)
    except Refused as refused:
        text = f"{row.who}, who proposed {record.id}, may no longer do it: {refused.refusal.sentence}"
        raise Refused(codes.R_NOT_AUTHORISED, text, "id", asked=record.id) from None
    return row


def refuse(registry: Definitions, who: str, record: ar.Refuse, now_ns: int) -> Act:
    """The proposer takes an act back, or somebody who could approve it says no."""
    row = _found(registry, who, record.id, now_ns)
    if row.who != who:
        access.authorise(registry, who, row.record, now_ns)

    def commit() -> None:
        del registry.pending[row.id]

    note = f": {record.note}" if record.note else ""
    text = f"{record.id} ({BY_NAME[row.entry].title}), proposed by {row.who}, is refused by {who}{note}"
    return Act(f"act {record.id}", text, [], commit, {"pending": row.id, "proposed_by": row.who, "refused_by": who})
