"""Revisions: every configuration that changed something, and every change of a definition by itself, has a number, and says who made it when and why,
and what it changed.

Heads are kept for good, what a revision changed for the newest CONTENTS_KEPT (and CONTENT_BYTES of the older of them). A content holds each changed
definition as it was and as it became, never what checks a logon. A rollback gives the definitions their former values back: what the
earliest revision after the wanted one found.
"""

import hashlib
from typing import Any, NamedTuple

import msgspec

from config import admin_records as ar
from protocol import codes

from . import scopes
from .definitions import Definitions
from .refused import Refused
from .tables import Revision

CONTENTS_KEPT = 32
CONTENT_BYTES = 16 << 20  # of all contents but the newest
_QUOTAS = tuple(field for field in ar.Quota.__struct_fields__ if field != "venue")
OWNED = ("firm", "account", "session", "market", "listing", "rule")  # what has an origin
SAID = 8  # things that a refusal names


class Changed(msgspec.Struct, frozen=True):
    """One definition of a revision: as it was (None: it was new) and as it became, and the names of the fields that differ."""

    after: ar.Configured
    before: ar.Configured | None = None
    fields: tuple[str, ...] = ()


class Content(msgspec.Struct, frozen=True):
    """What a revision changed; the settings of [server] as they were and as they became, of those that differ."""

    changes: tuple[Changed, ...] = ()
    settings: dict[str, int | str] = {}
    former: dict[str, int | str] = {}


_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder(Content)


def newest(registry: Definitions) -> int:
    """The number of the running revision; 0: none was applied yet."""
    return len(registry.revisions)


def public(record: Any) -> Any:
    """A definition without what checks a logon."""
    return msgspec.structs.replace(record, verifier="") if getattr(record, "verifier", "") else record


def stored(registry: Definitions, record: ar.Configured) -> Any:
    """The definition that is there under a record's name, None: there is none."""
    match record:
        case ar.DefineMarket():
            return _record(registry.events.named(record.event))
        case ar.DefineListing():
            venue, event = registry.venues.named(record.venue), registry.events.named(record.event)
            fees = registry.listings.get((venue.id, event.id)) if venue is not None and event is not None else None
            return None if fees is None else msgspec.structs.replace(record, fees=fees)
        case ar.DefineKey():
            return public(_record(registry.keys.get(record.id)))
        case ar.FirmTags():
            firm = registry.firms.named(record.firm)
            return registry.tags.get(firm.id) if firm is not None else None
        case ar.Quota():
            venue = registry.venues.named(record.venue)
            none = ar.Quota(venue=record.venue, **dict.fromkeys(_QUOTAS, 0))
            return registry.quotas.get(venue.id, none) if venue is not None else none
        case ar.AccessRule() | ar.RemoveAccessRule():
            table: Any = registry.venues if record.venue else registry.events
            row = table.named(record.venue or record.event)
            about = codes.ACCESS_VENUE if record.venue else codes.ACCESS_EVENT
            return _record(registry.rules.get((about, row.id, record.rule))) if row is not None else None
    tables: dict[type, Any] = {
        ar.DefineAsset: registry.assets, ar.DefineVenue: registry.venues, ar.DefineFirm: registry.firms, ar.DefineAccount: registry.accounts,
        ar.DefineSession: registry.sessions, ar.DefineSeries: registry.series,
    }  # fmt: skip
    table = tables.get(type(record))
    return public(_record(table.named(record.name))) if table is not None else None  # type: ignore[union-attr]


def inverse(record: Any) -> Any:
    """What takes away what a record made; None: it stays."""
    if isinstance(record, ar.AccessRule):
        return ar.RemoveAccessRule(rule=record.rule, venue=record.venue, event=record.event)
    return ar.FirmTags(firm=record.firm) if isinstance(record, ar.FirmTags) else None


def _record(row: Any) -> Any:
    return None if row is None else row.record


class Ask(NamedTuple):
    """A configuration and the parts of its trial that are new or changed: (record, fields that differ; () for a new one)."""

    record: ar.Configuration
    changes: tuple[tuple[ar.Configured, tuple[str, ...]], ...]

    def settings(self, registry: Definitions) -> tuple[dict[str, int | str], dict[str, int | str]]:
        """The settings that differ, as they become and as they are."""
        asked = self.record.settings
        if asked is None:
            return {}, {}
        new = {key: value for key, value in asked.items() if registry.settings.get(key) != value}
        return new, {key: registry.settings[key] for key in new if key in registry.settings}


def content_of(registry: Definitions, ask: Ask) -> Content:
    """What a configuration would change of these definitions, which it has not changed yet."""
    rows = []
    for record, fields in ask.changes:
        before = stored(registry, record) if fields or isinstance(record, ar.RemoveAccessRule) else None
        if before is not None:
            record = ar.keeping(before, record)
        rows.append(Changed(public(record), before, fields))
    return Content(tuple(rows), *ask.settings(registry))


def digest_of(content: Content) -> str:
    """64 hexadecimal digits of what would be changed, and from what: equal for two plans that do the same to the same definitions."""
    return hashlib.sha256(_packer.encode(content)).hexdigest()


def check_plan(registry: Definitions, base: int | None) -> None:
    """A plan that was made against another revision is refused. Raises Refused."""
    now = newest(registry)
    if base is not None and base != now:
        text = f"the plan was made against revision {base}, and the server runs revision {now}: make it again"
        raise Refused(codes.R_REVISION_MOVED, text, "base", now, base)


def write(
    registry: Definitions, who: str, content: Content, now_ns: int, name: str = "", why: str = "", base: int | None = None
) -> Revision | None:
    """Add the revision of what was carried out; None: it changed nothing. name: of the file."""
    if not content.changes and not content.settings:
        return None
    number = newest(registry) + 1
    places: dict[str, tuple[int, int]] = {"": (0, 0)} if content.settings else {}
    for change in content.changes:
        venue = scopes.scope_of(registry, change.after).venue
        new, changed = places.get(venue, (0, 0))
        is_new = change.before is None and not isinstance(change.after, ar.Close)
        places[venue] = new + is_new, changed + (not is_new)
    body = _packer.encode(content)
    head = Revision(
        number=number, base=number - 1 if base is None else base, who=who, time_ns=now_ns, why=why, name=name, digest=hashlib.sha256(body).hexdigest(),
        new=sum(new for new, _ in places.values()), changed=sum(changed for _, changed in places.values()), settings=len(content.settings), places=places,
    )  # fmt: skip
    registry.revisions[number] = head
    registry.contents[number] = body
    _forget(registry)
    return head


def of_one(registry: Definitions, record: Any, fields: tuple[str, ...] | None) -> Content:
    """What a record by itself changes of a definition that exists: a plan that was made before is about another one. What is new is none of it, nor
    are phases and money."""
    if not isinstance(record, ar.Configured) or isinstance(record, ar.Transfer | ar.SetPhase):
        return Content()
    if isinstance(record, ar.Close):
        return Content((Changed(record),)) if fields is None else Content()
    before = stored(registry, record) if fields else None
    return Content((Changed(public(ar.keeping(before, record)), before, fields or ()),)) if before is not None else Content()


def _forget(registry: Definitions) -> None:
    """Let go of the oldest contents beyond the bounds; the newest is kept whatever its size."""
    room = CONTENT_BYTES
    kept = sorted(registry.contents, reverse=True)
    for place, number in enumerate(kept):
        room -= len(registry.contents[number]) if place else 0
        if place >= CONTENTS_KEPT or room < 0:
            for older in kept[place:]:
                del registry.contents[older]
            return


def content(registry: Definitions, number: int) -> Content:
    """What a revision changed. Raises Refused."""
    now = newest(registry)
    if not 1 <= number <= now:
        raise Refused(codes.R_UNKNOWN_REVISION, f"there is no revision {number}: the newest is {now}", "revision", now, number)
    if number not in registry.contents:
        oldest = min(registry.contents)
        text = f"what revision {number} changed is no longer kept: the oldest that is, is {oldest}"
        raise Refused(codes.R_UNKNOWN_REVISION, text, "revision", oldest, number)
    return _unpacker.decode(registry.contents[number])


def own(registry: Definitions, who: str, record: ar.Configuration) -> None:
    """Remember which configuration made a definition first: what a file no longer names can be pruned only by the file that made it."""
    origin = origin_of(who, record.name)
    for one in record.records:
        name = ar.identity(one)
        if name is not None and name[0] in OWNED and not isinstance(one, ar.RemoveAccessRule):
            registry.origins.setdefault(name, origin)


def origin_of(who: str, name: str) -> str:
    """A file of the operator's by its name, another asker's by whose it is as well."""
    return name if who.startswith(("uid:", "config:")) else f"{who} {name}"


def owned(registry: Definitions, who: str, name: str) -> list[tuple[str, str]]:
    """(kind, name) of what a file made first and is not closed."""
    origin = origin_of(who, name)
    tables: dict[str, Any] = {
        "firm": registry.firms, "account": registry.accounts, "session": registry.sessions, "market": registry.events,
    }  # fmt: skip
    there: dict[str, set[Any]] = {
        "listing": {_listed(registry, *pair) for pair in registry.listings},
        "rule": {ar.identity(rule.record) for rule in registry.rules.values()},
    }
    return [
        key
        for key, made in registry.origins.items()
        if made == origin
        and (
            key in there[key[0]]
            if key[0] in there
            else key[0] not in tables or getattr(tables[key[0]].named(key[1]), "closed", None) is None
        )
    ]


def _listed(registry: Definitions, venue: int, event: int) -> tuple[str, str]:
    return "listing", f"{registry.events[event].name} at {registry.venues[venue].name}"


class Undo(NamedTuple):
    """`configuration`: what gives the definitions their former values; `cannot`: what stays as it is, in words."""

    configuration: ar.Configuration
    cannot: list[str]


_ORDER = (
    ar.DefineAsset,
    ar.DefineVenue,
    ar.DefineFirm,
    ar.DefineAccount,
    ar.DefineMarket,
    ar.DefineListing,
    ar.DefineSeries,
    ar.DefineSession,
    ar.DefineKey,
    ar.FirmTags,
    ar.Quota,
    ar.AccessRule,
    ar.RemoveAccessRule,
)


def undo(registry: Definitions, record: ar.Rollback) -> Undo:
    """How to go back to revision `to` (0: to before the first). Raises Refused."""
    now = newest(registry)
    if record.to > now:
        raise Refused(codes.R_UNKNOWN_REVISION, f"there is no revision {record.to}: the newest is {now}", "to", now, record.to)
    wanted: dict[tuple[str, str], Any] = {}  # what the earliest revision after `to` found
    settings: dict[str, int | str] = {}
    added: set[str] = set()  # settings that there were not
    cannot: list[str] = []
    for number in range(record.to + 1, now + 1):
        found = content(registry, number)
        for change in found.changes:
            if isinstance(change.after, ar.Close):
                ended = "removed" if change.after.kind in ("market", "listing") else "closed"
                cannot.append(f"{' '.join(change.after.identity)} was {ended} by revision {number}")
                continue
            name = ar.identity(change.after)
            if name is None:
                continue  # the first phase of a market that is named as created
            words = " ".join(name)
            former = change.before if change.before is not None else inverse(change.after)
            if former is None:
                what = f"deposit {name[1]}" if name[0] == "transfer" else words
                cannot.append(f"{what} was {'made' if name[0] == 'transfer' else 'created'} by revision {number}")
            elif {"verifier", "secret"} & set(change.fields):
                cannot.append(f"the former secret of {words}, which revision {number} replaced, is not kept")
            wanted.setdefault(name, former)
        for key in found.settings:
            if key in found.former:
                settings.setdefault(key, found.former[key])
            elif key not in settings:
                added.add(key)
    for key in sorted(added - settings.keys()):
        cannot.append(f"the setting {key} was not there before")
    records = []
    for name, before in wanted.items():
        present = stored(registry, before) if before is not None else None
        if before is None or present == before or present is None and isinstance(before, ar.RemoveAccessRule):
            continue
        if isinstance(before, ar.RemoveAccessRule) or present is None:
            records.append(before)
            continue
        if ar.keeping(present, before) != before:
            cannot.append(f"{' '.join(name)} had no title, and a title is not taken away")
        if ar.keeping(present, before) != present:
            records.append(before)
    records.sort(key=lambda one: _ORDER.index(type(one)))
    differ = {key: value for key, value in settings.items() if registry.settings.get(key) != value}
    sandbox = registry.begun is not None and registry.begun.sandbox
    whole = ar.Configuration(
        name=f"rollback to {record.to}", sandbox=sandbox, settings={**registry.settings, **differ} if differ else None, records=tuple(records),
        base=record.base, why=record.why,
    )  # fmt: skip
    return Undo(whole, cannot)


def undone(registry: Definitions, record: ar.Rollback) -> ar.Configuration:
    """The configuration of a rollback; refused when something of it cannot be undone and the rest alone is not wanted. Raises Refused."""
    check_plan(registry, record.base)
    found = undo(registry, record)
    if found.cannot and not record.partial:
        more = f", and {len(found.cannot) - SAID} more" if len(found.cannot) > SAID else ""
        text = f"cannot go back to revision {record.to}: {'; '.join(found.cannot[:SAID])}{more}"
        raise Refused(codes.R_CANNOT_UNDO, text, "to", asked=record.to)
    return found.configuration
