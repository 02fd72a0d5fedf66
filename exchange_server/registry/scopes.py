"""Whose a thing is: scopes as texts, the venue (or platform) that a record belongs to, and which things a record names.

`scope_of` is the one answer to "whose is this record", for authorisation, configuration files, quotas and export.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from config import admin_records as ar
from config.places import Key as FieldKey

from .definitions import Definitions
from .roles import PLATFORM, SERIES, VENUE
from .tables import Account, Event, Firm, Principal, Series, Session
from .tables import Key as KeyRow


class Place(NamedTuple):
    """A venue's name ("": the platform), and of a venue's event its name."""

    venue: str = ""
    event: str = ""

    @property
    def text(self) -> str:
        return f"venue:{self.venue}" if self.venue else PLATFORM


class Scope(NamedTuple):
    """`kind`: platform, venue or series; `prefix`: of the events of a series."""

    kind: str
    venue: str = ""
    prefix: str = ""

    def covers(self, place: Place) -> bool:
        if self.kind == PLATFORM:
            return True
        return place.venue == self.venue and (self.kind == VENUE or (bool(place.event) and place.event.startswith(self.prefix)))

    def contains(self, other: "Scope") -> bool:
        """Is `other` the same or narrower?"""
        if self.kind == PLATFORM:
            return True
        if other.venue != self.venue or other.kind == PLATFORM:
            return False
        return self.kind == VENUE or (other.kind == SERIES and other.prefix.startswith(self.prefix))


def parse(text: str) -> Scope:
    """A scope that has the form of config/access_records.py."""
    kind, _, rest = text.partition(":")
    venue, _, prefix = rest.partition("/")
    return Scope(kind, venue, prefix)


def place_of_scope(text: str) -> Place:
    scope = parse(text)
    return Place(scope.venue, scope.prefix)


# ---------------------------------------------------------------------------------------------------- what exists
def of_firm(firm: Firm | None) -> Place:
    return Place(firm.record.venue) if firm is not None else Place()


def of_account(registry: Definitions, account: Account | None) -> Place:
    """Its own venue, else its firm's home."""
    if account is None:
        return Place()
    return Place(registry.venues[account.venue].name) if account.venue else of_firm(registry.firms.get(account.firm))


def of_session(registry: Definitions, session: Session | None) -> Place:
    if session is None:
        return Place()
    return Place(registry.venues[session.venue].name) if session.venue else of_firm(registry.firms.get(session.firm))


def of_event(event: Event | None) -> Place:
    return Place(event.record.owner_venue, event.name) if event is not None else Place()


def of_series(series: Series | None) -> Place:
    return Place(series.record.owner_venue, series.name) if series is not None else Place()


def of_principal(principal: Principal | None) -> Place:
    return Place(principal.record.venue) if principal is not None else Place()


def of_key(registry: Definitions, key: KeyRow | None) -> Place:
    """A key belongs to the place of its holder."""
    return _of_holder(registry, *key.holder) if key is not None else Place()


def _of_holder(registry: Definitions, holder: str, name: str) -> Place:
    if holder == "session":
        return of_session(registry, registry.sessions.named(name))
    return of_principal(registry.principals.named(name))


# ----------------------------------------------------------------------------------------------------- what a record touches
def scope_of(registry: Definitions, record: ar.AnyRecord) -> Place:
    """The venue, and event, to which a record belongs. What is not a venue's is the platform's."""
    return touched(registry, record)[0]


def touched(registry: Definitions, record: ar.AnyRecord) -> list[Place]:
    """All whose leave a record needs: first the place to which it belongs. Names that do not exist count as the platform's."""
    match record:
        case ar.DefineVenue():
            return [Place(record.name)]
        case ar.DefineFirm():
            return _with_old(Place(record.venue), registry.firms.named(record.name), of_firm)
        case ar.DefineAccount() | ar.DefineSession():
            home = of_firm(registry.firms.named(record.firm))
            table: Any = registry.accounts if isinstance(record, ar.DefineAccount) else registry.sessions
            of: Any = of_account if isinstance(record, ar.DefineAccount) else of_session
            new = Place(record.venue) if record.venue else home
            return [*_with_old(new, table.named(record.name), lambda old: of(registry, old)), home]
        case ar.DefineMarket():
            return _with_old(Place(record.owner_venue, record.event), registry.events.named(record.event), of_event)
        case ar.DefineListing():
            return [Place(record.venue, record.event)]
        case ar.Transfer():
            names = [name for name in (record.source, record.target) if name]
            return [of_account(registry, registry.accounts.named(name)) for name in names] or [Place()]
        case ar.Hold() | ar.RequestWithdrawal():
            return [of_account(registry, registry.accounts.named(record.account))]
        case ar.Release():
            return [_of_hold(registry, record.hold)]
        case ar.SettleWithdrawal() | ar.CancelWithdrawal():
            return [_of_hold(registry, record.withdrawal)]
        case ar.AccessRule() | ar.RemoveAccessRule():
            return [Place(record.venue) if record.venue else of_event(registry.events.named(record.event))]
        case ar.FirmTags() | ar.Quota() | ar.Freeze():
            return [Place()]  # what the platform vouches for, grants and stops
        case ar.SetBands() | ar.AddOutcome() | ar.SplitOutcome():
            return [of_event(registry.events.named(record.event))]
        case ar.SetPhase() | ar.MarkOverdue() | ar.Determine() | ar.Finalise() | ar.Settle() | ar.Restrict():
            return [of_event(registry.events.named(record.event))]
        case ar.DetermineOne() | ar.FinaliseOne() | ar.WithdrawOne():
            return [of_event(registry.events.named(record.event))]
        case ar.Bond():
            return [Place(record.venue)]
        case ar.Uphold() | ar.Correct() | ar.Void() | ar.Recover() | ar.Bust():
            return [of_event(registry.events.named(record.event))]
        case ar.Dispute():  # a venue's firm by its home, a firm of the platform by the market's venue
            home = of_firm(registry.firms.named(record.firm))
            return [home] if home.venue else [of_event(registry.events.named(record.event))]
        case ar.SetReference():
            symbol = registry.instruments.named(record.symbol)
            return [of_event(registry.events[symbol.event_id] if symbol is not None else None)]
        case ar.Budget() | ar.ClearBudget():
            return [of_session(registry, registry.sessions.named(record.session))]
        case ar.Kill():
            return [_of_target(registry, record.level, record.target)]
        case ar.Close():
            return [Place(record.venue, record.name) if record.kind == "listing" else _of_target(registry, record.kind, record.name)]
        case ar.DefinePrincipal():
            return _with_old(Place(record.venue), registry.principals.named(record.name), of_principal)
        case ar.DefineKey():
            return _with_old(
                _of_holder(registry, record.holder, record.name), registry.keys.get(record.id), lambda old: of_key(registry, old)
            )
        case ar.RevokeKey():
            return [of_key(registry, registry.keys.get(record.id))]
        case ar.Grant() | ar.Revoke():
            return [place_of_scope(record.scope)]
        case ar.Approve() | ar.Refuse():
            row = registry.pending.get(record.id)
            return touched(registry, row.record) if row is not None else [Place()]
        case ar.DefineSeries():
            return _with_old(Place(record.owner_venue, record.name), registry.series.named(record.name), of_series)
        case ar.CloseSeries():
            return [of_series(registry.series.named(record.name))]
        case ar.Schedule():
            return touched(registry, record.act)
        case ar.CancelSchedule() | ar.RunDue():
            scheduled = registry.schedule.get(record.id)
            return touched(registry, scheduled.record) if scheduled is not None else [Place()]
        case ar.Configuration():
            inner = [place for one in record.records for place in touched(registry, one)]
            return list(dict.fromkeys([Place()] if record.settings is not None else inner)) or [Place()]
    return [Place()]


def _with_old(new: Place, old: Any, of: Any) -> list[Place]:
    """The place where a thing is to be, and where it is already."""
    return [new] if old is None else list(dict.fromkeys((new, of(old))))


def _of_hold(registry: Definitions, id: int) -> Place:
    row = registry.holds.get(id)
    return of_account(registry, registry.accounts[row.account]) if row is not None else Place()


def _of_target(registry: Definitions, kind: str, name: str) -> Place:
    match kind:
        case "venue":
            return Place(name)
        case "firm":
            return of_firm(registry.firms.named(name))
        case "account":
            return of_account(registry, registry.accounts.named(name))
        case "session":
            return of_session(registry, registry.sessions.named(name))
        case "market":
            return of_event(registry.events.named(name))
    return Place()


# --------------------------------------------------------------------------------------------- names in a record
class Named(NamedTuple):
    """A field of a record that names something: its key, the kind of thing (Table.kind), the name."""

    key: FieldKey
    kind: str
    name: str


# What a record names that must exist: tag → (field, kind). The rest is in `names_in`.
NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "firm": (("venue", "venue"),),
    "account": (("firm", "firm"), ("venue", "venue")),
    "session": (("firm", "firm"), ("venue", "venue"), ("account", "account")),
    "market": (("owner_venue", "venue"), ("asset", "asset"), ("base_asset", "asset")),
    "listing": (("venue", "venue"), ("event", "event")),
    "transfer": (("asset", "asset"), ("source", "account"), ("target", "account")),
    "hold": (("account", "account"), ("asset", "asset")),
    "withdraw_request": (("account", "account"), ("asset", "asset")),
    "phase": (("event", "event"),),
    "overdue": (("event", "event"),),
    "series": (("owner_venue", "venue"),),
    "series_close": (("name", "series"),),
    "bands": (("event", "event"),),
    "add_outcome": (("event", "event"),),
    "split_outcome": (("event", "event"), ("source", "symbol")),
    "determine": (("event", "event"),),
    "finalise": (("event", "event"),),
    "determine_one": (("event", "event"), ("symbol", "symbol")),
    "finalise_one": (("event", "event"), ("symbol", "symbol")),
    "withdraw_one": (("event", "event"), ("symbol", "symbol")),
    "settle": (("event", "event"),),
    "dispute": (("event", "event"), ("firm", "firm"), ("symbol", "symbol")),
    "uphold": (("event", "event"), ("symbol", "symbol")),
    "correct": (("event", "event"), ("symbol", "symbol")),
    "void": (("event", "event"),),
    "bond": (("venue", "venue"),),
    "recover": (("event", "event"),),
    "bust": (("event", "event"),),
    "restrict": (("event", "event"), ("firm", "firm")),
    "reference": (("symbol", "symbol"),),
    "firm_tags": (("firm", "firm"),),
    "access_rule": (("venue", "venue"), ("event", "event")),
    "access_rule_remove": (("venue", "venue"), ("event", "event")),
    "quota": (("venue", "venue"),),
    "freeze": (("venue", "venue"),),
    "budget": (("session", "session"), ("asset", "asset")),
    "budget_clear": (("session", "session"),),
    "principal": (("venue", "venue"), ("firm", "firm")),
    "key_revoke": (("id", "key"),),
    "grant": (("principal", "principal"),),
    "revoke": (("principal", "principal"),),
}

# Names that a record brings into the world: tag → fields. Those of a venue begin with its own name.
NEW_NAMES: dict[str, tuple[str, ...]] = {
    "firm": ("name",),
    "account": ("name",),
    "session": ("name", "peer_comp_id", "key"),
    "market": ("event",),
    "series": ("name",),
    "principal": ("name",),
    "key": ("id",),
    **dict.fromkeys(("transfer", "hold", "release", "withdraw_request", "withdraw_settle", "withdraw_cancel"), ("key",)),
}


def names_in(record: ar.AnyRecord) -> Iterator[Named]:
    """What a record names that must exist, in the order of its fields; empty ones are left out."""
    if isinstance(record, ar.Schedule):
        yield from (Named(("act", *key), kind, name) for key, kind, name in names_in(record.act))
        return
    tag = str(record.__struct_config__.tag)
    for field, kind in NAMES.get(tag, ()):
        if name := getattr(record, field):
            yield Named((field,), kind, name)
    match record:
        case ar.DefineMarket():
            for i, name in enumerate(record.admits):
                yield Named(("admits", i), "venue", name)
        case ar.Budget():
            for i, name in enumerate(record.markets or ()):
                yield Named(("markets", i), "event", name)
            for i, name in enumerate(record.series or ()):
                yield Named(("series", i), "series", name)
        case ar.DefineKey():
            yield Named(("name",), record.holder, record.name)
        case ar.Kill() if record.level not in ("platform", ""):
            yield Named(("target",), record.level, record.target)
        case ar.Close():
            yield Named(("name",), "event" if record.kind in ("market", "listing") else record.kind, record.name)
            if record.venue:
                yield Named(("venue",), "venue", record.venue)
        case ar.Grant() | ar.Revoke():
            if venue := parse(record.scope).venue:
                yield Named(("scope",), "venue", venue)


def new_names_in(record: ar.AnyRecord) -> Iterator[Named]:
    """Names that a record makes: those of definitions, of logins, of contracts, and idempotency keys."""
    tag = str(record.__struct_config__.tag)
    for field in NEW_NAMES.get(tag, ()):
        if name := getattr(record, field):
            yield Named((field,), tag, name)
    if isinstance(record, ar.DefineMarket):
        for i, contract in enumerate(record.contracts):
            yield Named(("contracts", i, "symbol"), "symbol", contract.symbol)
    if isinstance(record, ar.AddOutcome | ar.SplitOutcome):
        yield Named(("contract", "symbol"), "symbol", record.contract.symbol)
