"""What an asker may see and do, from the grants in the tables at the turn's time.

`uid:N` (the operator's socket) and `config:FILE` (a start's own configuration) have every right. `principal:NAME` has what its grants say. What a
principal may not see is refused exactly like what does not exist: names are looked up among those that it sees before anything else
is looked at.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from config import admin_records as ar
from config.places import Key
from protocol import codes, units

from . import checks, roles, scopes
from .definitions import Definitions
from .refused import Refused
from .roles import PLATFORM, ROLES, Role, tag_of
from .schedule import Scheduled
from .scopes import Place, Scope
from .tables import Held, Principal, Table

OPERATOR = ("uid:", "config:", "timer:")  # timer: the server itself, at a time of which somebody has told it
PREFIX = "principal:"
CHECK = "config:check"  # who asks when nobody does: a trial


def has_every_right(who: str) -> bool:
    return who.startswith(OPERATOR)


class Sight:
    """What one asker sees and may do at one time. Holds no copy of the tables: it is made anew for each record."""

    def __init__(self, registry: Definitions, who: str, now_ns: int) -> None:
        self.registry, self.who = registry, who
        self.every_right = has_every_right(who)
        self.held: list[tuple[Held, Scope]] = []
        name = who.removeprefix(PREFIX)
        principal: Principal | None = registry.principals.named(name) if name != who else None
        if principal is not None and not principal.record.closed:
            self.held = [(held, scopes.parse(held.scope)) for held in principal.grants if held.holds(now_ns)]
        self.now_ns = now_ns
        self._look()

    def _look(self) -> None:
        self.whole = self.every_right or any(scope.kind == PLATFORM for _, scope in self.held)
        self.venues = {scope.venue for _, scope in self.held if scope.kind == roles.VENUE}
        self.named_venues = {scope.venue for _, scope in self.held if scope.venue}

    def only(self, asked: Callable[[Role], bool]) -> "Sight":
        """What the asker sees by the roles that may ask this."""
        other = Sight(self.registry, self.who, self.now_ns)
        other.held = [(held, scope) for held, scope in self.held if asked(ROLES[held.role])]
        other._look()
        return other

    # ---- what it sees
    def sees(self, kind: str, row: Any) -> bool:
        """May the asker know that this row of a table exists? `kind`: Table.kind."""
        if self.whole or kind == "asset":
            return True
        registry = self.registry
        match kind:
            case "venue":
                return row.name in self.named_venues
            case "firm":
                return row.record.venue in self.venues
            case "account":
                return scopes.of_account(registry, row).venue in self.venues
            case "session":
                return scopes.of_session(registry, row).venue in self.venues
            case "event":
                return self._sees_event(row)
            case "symbol":
                return self._sees_event(registry.events[row.event_id])
            case "series":
                return any(scope.covers(scopes.of_series(row)) for _, scope in self.held)
            case "principal":
                return self._sees_principal(row)
            case "key":
                return scopes.of_key(registry, row).venue in self.venues
        return False

    def _sees_event(self, event: Any) -> bool:
        market: ar.DefineMarket = event.record
        place = scopes.of_event(event)
        return any(scope.covers(place) for _, scope in self.held) or (
            market.sharing == "shared" and not self.venues.isdisjoint(market.admits)
        )

    def _sees_principal(self, principal: Principal) -> bool:
        """One of the asker's venues, one that holds a role there, and itself."""
        if principal.record.venue in self.venues or self.who == PREFIX + principal.name:
            return True
        return any(held.holds(self.now_ns) and scopes.parse(held.scope).venue in self.venues for held in principal.grants)

    def table(self, kind: str) -> Table[Any]:
        registry = self.registry
        tables: dict[str, Table[Any]] = {
            "asset": registry.assets, "venue": registry.venues, "firm": registry.firms, "account": registry.accounts, "session": registry.sessions,
            "event": registry.events, "market": registry.events, "symbol": registry.instruments, "principal": registry.principals,
            "series": registry.series,
        }  # fmt: skip
        return tables[kind]

    def find(self, kind: str, key: Key | str, name: str) -> Any:
        """The row of that name if the asker sees it. Raises Refused, with the same words whether it is hidden or not there."""
        if kind == "key":
            keys = self.registry.keys
            if name not in keys or not self.sees(kind, keys[name]):
                raise checks.absent(kind, key, name, keys.keys(), lambda id: self.sees(kind, keys[id]))
            return keys[name]
        table = self.table(kind)
        row = table.named(name)
        if row is None or not self.sees(table.kind, row):
            raise checks.absent(kind, key, name, table.names(), lambda one: self.sees(table.kind, table.named(one)))
        return row

    # ---- what it may do
    def may(self, asked: Callable[[Role], bool], place: Place) -> bool:
        """Has it a role that may, and whose scope covers the place?"""
        return self.every_right or any(asked(ROLES[held.role]) and scope.covers(place) for held, scope in self.held)

    def may_anywhere(self, asked: Callable[[Role], bool]) -> bool:
        return self.every_right or any(asked(ROLES[held.role]) for held, _ in self.held)

    def gives(self, role: str, scope: str) -> list[Held]:
        """The grants by which the asker could give this role on."""
        asked = scopes.parse(scope)
        return [held for held, own in self.held if role in ROLES[held.role].gives and own.contains(asked)]

    def roles_text(self) -> str:
        return ", ".join(f"{held.role} for {_shown(held.scope)}" for held, _ in self.held) or "no role"


def refuse_stranger(registry: Definitions, who: str, now_ns: int) -> None:
    """Raises Refused when the asker may send no record at all."""
    sight = Sight(registry, who, now_ns)
    if not sight.may_anywhere(lambda role: bool(role.records)):
        raise Refused(codes.R_NOT_AUTHORISED, f"{who} may send no record: it has {sight.roles_text()}")


def _shown(scope: str) -> str:
    return "the platform" if scope == PLATFORM else scope


def authorise(registry: Definitions, who: str, record: ar.AnyRecord, now_ns: int) -> None:
    """Raises Refused when the asker may not have this record carried out, at the time `now_ns` (ns since the epoch). The records of a
    configuration are judged one by one, by its trial."""
    if has_every_right(who):
        return
    sight = Sight(registry, who, now_ns)
    tag = tag_of(record)
    if isinstance(record, ar.Revoke) and who == PREFIX + record.principal:
        return  # everybody may give up what is one's own

    def may(role: Role) -> bool:
        return role.may_send(tag)

    if not sight.may_anywhere(may):
        able = " or ".join(roles.holders(may))
        raise Refused(codes.R_NOT_AUTHORISED, f"the record {tag} needs the role {able}; {who} has {sight.roles_text()}")
    if isinstance(record, ar.Approve | ar.Refuse):
        return  # judged by the act that waits (pending.py)
    if isinstance(record, ar.Configuration):
        if record.settings is not None and not sight.may(may, Place()):
            raise Refused(
                codes.R_NOT_AUTHORISED, f"settings of the server are the platform operator's; {who} has {sight.roles_text()}", "settings"
            )
        return
    if isinstance(record, ar.Schedule):
        authorise(registry, who, record.act, now_ns)
        return
    if isinstance(record, ar.DefineSeries) and record.market is not None:
        try:
            authorise(registry, who, record.market, now_ns)
        except Refused as refused:
            raise Refused.of(msgspec.structs.replace(refused.refusal, key=("market", *refused.refusal.key))) from None
    if isinstance(record, ar.CancelSchedule):
        _authorise_cancel(sight, record)
        return
    if isinstance(record, ar.Bust) and not sight.whole:  # who asks named a trade, the server its market
        event = registry.events.named(record.event)
        if event is None or not sight.sees(registry.events.kind, event):
            raise checks.no_trade(record.trade)
    for key, kind, name in scopes.names_in(record):
        sight.find(kind, key, name)
    if isinstance(record, ar.Release | ar.SettleWithdrawal | ar.CancelWithdrawal):
        _refuse_hidden_hold(sight, record)
    if not sight.may(may, Place()):
        _refuse_foreign_names(sight, record)
    for place in scopes.touched(registry, record):
        if not sight.may(may, place):
            where = (
                "the platform" if not place.venue else f"{place.event} of venue {place.venue}" if place.event else f"venue {place.venue}"
            )
            raise Refused(codes.R_NOT_AUTHORISED, f"{who} may not use the record {tag} for {where}: it has {sight.roles_text()}")
    if isinstance(record, ar.Grant | ar.Revoke):
        _refuse_beyond(sight, record)
    if isinstance(record, ar.DefineKey) and record.holder == "principal":
        _refuse_to_become(sight, registry.principals.named(record.name))


def says_what_is(registry: Definitions, who: str, record: ar.AnyRecord, now_ns: int) -> bool:
    """Is it the definition of an asset or venue as it is already, or what is known of a firm or granted to a venue, which the asker sees? Such a record
    changes nothing and needs no right: a venue's own file may name what it is built on."""
    sight = Sight(registry, who, now_ns)
    if isinstance(record, ar.FirmTags):
        firm = registry.firms.named(record.firm)
        return firm is not None and sight.sees("firm", firm) and registry.tags.get(firm.id) == record
    if isinstance(record, ar.Quota):
        venue = registry.venues.named(record.venue)
        granted = registry.quotas.get(venue.id) if venue is not None else None
        if granted is None or not sight.sees("venue", venue):
            return False
        return all(getattr(record, name) in (None, getattr(granted, name)) for name in record.__struct_fields__)
    if not isinstance(record, ar.DefineAsset | ar.DefineVenue):
        return False
    row = sight.table(tag_of(record)).named(record.name)
    return row is not None and sight.sees(tag_of(record), row) and bool(ar.keeping(row.record, record) == row.record)


def _refuse_to_become(sight: Sight, holder: Principal | None) -> None:
    """Who makes a key can log on with it: only for a principal that holds nothing that its maker could not grant. Raises Refused."""
    for held in holder.grants if holder is not None else ():
        if held.holds(sight.now_ns) and not sight.gives(held.role, held.scope):
            text = f"{holder.name} is {held.role} for {_shown(held.scope)}, which {sight.who} could not grant: it has {sight.roles_text()}"  # type: ignore[union-attr]
            raise Refused(codes.R_GRANT_BEYOND, text, "name")


def _refuse_hidden_hold(sight: Sight, record: ar.Release | ar.SettleWithdrawal | ar.CancelWithdrawal) -> None:
    """A hold of an account that the asker does not see is like one that is not there. Raises Refused."""
    key = "hold" if isinstance(record, ar.Release) else "withdrawal"
    row = sight.registry.holds.get(getattr(record, key))
    if row is None or row.kind != key or not sight.sees("account", sight.registry.accounts[row.account]):
        raise checks.no_hold(getattr(record, key), key)


def sees_scheduled(sight: Sight, row: Scheduled) -> bool:
    """One's own act in time, and what lies wholly within places about whose schedule one may ask."""
    if sight.every_right or row.who == sight.who:
        return True
    return all(sight.may(lambda role: role.may_ask("schedule"), place) for place in scopes.touched(sight.registry, row.record))


def _authorise_cancel(sight: Sight, record: ar.CancelSchedule) -> None:
    """Who scheduled an act may cancel it, and who could do it now. Raises Refused."""
    row = sight.registry.schedule.get(record.id)
    if row is None or not sees_scheduled(sight, row):
        raise checks.no_schedule(record.id)
    if row.who != sight.who:
        authorise(sight.registry, sight.who, row.record, sight.now_ns)


def _refuse_beyond(sight: Sight, record: ar.Grant | ar.Revoke) -> None:
    """A role is given on, or taken, only within ONE own grant: a role that it may give, the same or a narrower scope, and for a grant no later
    end. Raises Refused."""
    until_ns = record.until_ns if isinstance(record, ar.Grant) else None
    ends = []
    for held in sight.gives(record.role, record.scope):
        if until_ns is None or not held.until_ns or (until_ns and until_ns <= held.until_ns):
            return
        ends.append(held.until_ns)
    if ends:
        wish = units.instant(until_ns) if until_ns else "for good"
        text = f"{sight.who} holds its own role until {units.instant(max(ends))}, asked {wish}"
        raise Refused(codes.R_GRANT_BEYOND, text, "until_ns", max(ends), until_ns or 0)
    text = f"{sight.who} may not give or take {record.role} for {record.scope}: it has {sight.roles_text()}"
    raise Refused(codes.R_GRANT_BEYOND, text, "role")


def _refuse_foreign_names(sight: Sight, record: ar.AnyRecord) -> None:
    """What somebody who acts for a venue brings into the world begins with the venue's name; what is there already and is seen may keep its
    own. Raises Refused."""
    identity = ar.identity(record)
    row: Any = None
    if isinstance(record, ar.DefineKey):
        row = sight.registry.keys.get(record.id)
        if row is not None and sight.sees("key", row):
            return
    elif identity is not None and identity[0] in ("firm", "account", "session", "market", "principal", "series"):
        table = sight.table(identity[0])
        row = table.named(identity[1])
        if row is not None and sight.sees(table.kind, row):
            return
    venue = scopes.scope_of(sight.registry, record).venue
    if not venue:
        return  # refused as the platform's
    for key, kind, name in scopes.new_names_in(record):
        if not name.startswith(f"{venue}."):
            raise Refused(
                codes.R_FOREIGN_NAME, f'names that venue {venue} makes begin with "{venue}.", like "{venue}.{name}"; asked "{name}"', key
            )
        taken = sight.registry.instruments.named(name) if kind == "symbol" else None
        if row is not None or (taken is not None and not sight.sees("symbol", taken)):
            raise Refused(codes.R_BAD_DEFINITION, f'"{name}" is taken by the platform', key)
