"""All definitions by id and by name: read everywhere, written by the acts of ADMIN records (registry.py applies them).

Nothing is checked here: the acts check everything first.
"""

from collections.abc import Iterable
from typing import Any, Self

import msgspec

from config import admin_records as ar
from config import rule_records as rr
from protocol import codes

from .holds import Holds
from .layer import Layer, fold
from .schedule import Schedule
from .tables import (
    Account,
    Admission,
    Asset,
    Budget,
    Done,
    Event,
    Firm,
    Instrument,
    Key,
    Pending,
    Principal,
    Revision,
    Rule,
    Series,
    Session,
    State,
    Table,
    Venue,
)

STATE_VERSION = 4
RULES = ("tags", "rules", "admissions", "quotas", "freezes")  # who may trade where


class Definitions:
    """What exists, who may log on, what was decided."""

    def __init__(self) -> None:
        self.assets: Table[Asset] = Table("asset")
        self.venues: Table[Venue] = Table("venue")
        self.firms: Table[Firm] = Table("firm")
        self.accounts: Table[Account] = Table("account")
        self.sessions: Table[Session] = Table("session")
        self.events: Table[Event] = Table("event")
        self.instruments: Table[Instrument] = Table("symbol")
        self.listings: dict[tuple[int, int], ar.Fees] = {}  # (venue id, event id): every instrument of the event
        self.listing_rows = 0
        self.references: dict[int, tuple[int, int]] = {}  # instrument id: operator's price, collar
        self.keys: dict[str, Key] = {}  # by id, in the order of their definition
        self._held: dict[tuple[str, str], tuple[str, ...]] = {}  # holder kind and name: ids of its keys, the oldest first
        self.done: dict[str, Done] = {}  # by idempotency key
        self.moves: dict[int, str] = {}  # number of the first event of an act about money: its idempotency key
        self.holds = Holds()
        self.schedule = Schedule()
        self.series: Table[Series] = Table("series")
        self.tags: dict[int, rr.FirmTags] = {}  # by firm id
        self.rules: dict[tuple[int, int, str], Rule] = {}  # (ACCESS_VENUE or ACCESS_EVENT, its id, name of the rule)
        self.rule_count = 0  # numbers that were given
        self.admissions: dict[tuple[int, int], Admission] = {}  # of those that have had rules
        self.admission_changes = 0  # since the start: what a session sees may have changed
        self.quotas: dict[int, rr.Quota] = {}  # by venue id
        self.freezes: dict[int, rr.Freeze] = {}  # by venue id; none: not frozen
        self.budgets: dict[int, Budget] = {}  # by session id
        self.begun: ar.Begin | None = None  # how the data folder was created
        self.settings: dict[str, int | str] = {}  # of [server], from the newest configuration
        self.parts: dict[str, list[bytes]] = {}  # sender and digest: pieces of a record that is not complete yet
        self.principals: Table[Principal] = Table("principal")
        self.pending: dict[int, Pending] = {}  # acts that wait for a second person
        self.next_pending = 1
        self.approvals = ar.Approvals()
        self.revisions: dict[int, Revision] = {}  # by number, from 1 on
        self.contents: dict[int, bytes] = {}  # what the newest of them changed (revisions.py)
        self.origins: dict[tuple[str, str], str] = {}  # kind and name of a definition: the configuration that made it
        self._fix: dict[tuple[str, str], int] = {}  # (our CompID, peer's CompID): session id
        self._binary: dict[str, int] = {}  # key: session id

    def over(self) -> "Definitions":
        """Others with the same content: what is done to them is not done here, and costs nothing that grows with what is here."""
        other = Definitions()
        for name, value in vars(self).items():
            setattr(
                other,
                name,
                value.over() if isinstance(value, Table | Holds | Schedule) else Layer(value) if isinstance(value, dict | Layer) else value,
            )
        return other

    def fold(self, other: "Definitions") -> None:
        """Take over what was done to what `over` gave."""
        for name, value in vars(other).items():
            mine = getattr(self, name)
            if isinstance(mine, Table | Holds | Schedule):
                mine.fold(value)
            elif isinstance(mine, dict | Layer):
                fold(mine, value)
            else:
                setattr(self, name, value)

    def decimals(self) -> dict[str, int]:
        """The decimals of every asset, by name; needed to read a configuration that refers to them."""
        return {asset.name: asset.record.decimals for asset in self.assets}

    # ---- used by acts after their rows have taken effect
    def put_account(self, account: Account) -> None:
        self.accounts.put(account)

    def put_session(self, session: Session) -> None:
        self.sessions.put(session)
        if session.wire == codes.WIRE_FIX:
            self._fix[(session.record.our_comp_id, session.record.peer_comp_id)] = session.id
        else:
            self._binary[session.record.key] = session.id

    def close_session(self, session: Session) -> None:
        """A session that cannot log on again; what it logs on with stays taken."""
        self.sessions.put(session)

    def put_done(self, key: str, done: Done) -> None:
        """An act about money, under its idempotency key."""
        self.done[key] = done
        if done.event:
            self.moves[done.event] = key

    def put_key(self, key: Key) -> None:
        """Add a key, or put a changed one in the place of its former self."""
        if key.id not in self.keys:
            self._held[key.holder] = (*self._held.get(key.holder, ()), key.id)
        self.keys[key.id] = key

    def forget_key(self, key: Key) -> None:
        """As if it had never been."""
        del self.keys[key.id]
        self._held[key.holder] = tuple(id for id in self._held[key.holder] if id != key.id)

    def put_listing(self, venue_id: int, event_id: int, fees: ar.Fees) -> None:
        """A venue's offer of all instruments of an event; the core has one listing row per instrument."""
        if (venue_id, event_id) not in self.listings:
            self.listing_rows += self.events[event_id].n
        self.listings[(venue_id, event_id)] = fees

    def drop_listing(self, venue_id: int, event_id: int) -> None:
        if self.listings.pop((venue_id, event_id), None) is not None:
            self.listing_rows -= self.events[event_id].n
            self.admission_changes += 1

    def put_admissions(self, changes: dict[tuple[int, int], Admission]) -> None:
        """Who is admitted where from now on."""
        self.admissions.update(changes)
        self.admission_changes += 1

    def put_event(self, event: Event) -> None:
        self.events.put(event)
        for index, contract in enumerate(event.record.contracts):
            self.instruments.put(Instrument(event.first_instrument + index, contract.symbol, event.id, index, event.record))
        self.instruments.next_id = max(self.instruments.next_id, event.first_instrument + event.room)

    # ------------------------------------------------------------------------------------------------- look-ups
    def fix_session(self, our_comp_id: str, peer_comp_id: str) -> Session | None:
        """The FIX session of these two CompIDs (ours is the peer's TargetCompID)."""
        found = self._fix.get((our_comp_id, peer_comp_id))
        return None if found is None else self.sessions[found]

    def binary_session(self, key: str) -> Session | None:
        found = self._binary.get(key)
        return None if found is None else self.sessions[found]

    def keys_of(self, holder: str, name: str) -> list[Key]:
        """All keys of a session or principal, the oldest first, dead ones included."""
        return [self.keys[id] for id in self._held.get((holder, name), ())]

    def rules_of(self, target: tuple[int, int]) -> list[Rule]:
        """The access rules of a venue or an event (ACCESS_VENUE or ACCESS_EVENT, its id), by number."""
        return sorted((rule for key, rule in self.rules.items() if key[:2] == target), key=lambda rule: rule.number)

    def instruments_of(self, event: Event) -> list[Instrument]:
        return [self.instruments[event.first_instrument + i] for i in range(event.n)]

    # ------------------------------------------------------------------------------------------------- snapshot
    def to_bytes(self) -> bytes:
        """All definitions, for a snapshot. The same tables give the same bytes."""
        return msgspec.msgpack.encode(
            State(
                STATE_VERSION,
                list(self.assets),
                list(self.venues),
                list(self.firms),
                list(self.accounts),
                list(self.sessions),
                list(self.events),
                [(venue, event, fees) for (venue, event), fees in sorted(self.listings.items(), key=lambda item: item[0])],
                [(instrument, *pair) for instrument, pair in sorted(self.references.items())],
                list(self.keys.values()),
                sorted(self.done.items(), key=lambda item: item[0]),
                self.begun,
                sorted(self.settings.items()),
                list(self.parts.items()),
                list(self.principals),
                list(self.pending.values()),
                self.next_pending,
                self.approvals,
                sorted(self.tags.items()),
                sorted(self.rules.items(), key=lambda item: item[1].number),
                self.rule_count,
                [(target, Admission(kept.mode, dict(sorted(kept.exceptions.items())))) for target, kept in sorted(self.admissions.items())],
                sorted(self.quotas.items()),
                sorted(self.freezes.items()),
                list(self.revisions.values()),
                sorted(self.contents.items()),
                sorted((kind, name, origin) for (kind, name), origin in self.origins.items()),
                list(self.holds),
                self.schedule.to_list(),
                self.schedule.next_id,
                list(self.series),
                [self.budgets[session] for session in sorted(self.budgets)],
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Self:
        """The registry from a snapshot's bytes; raises ValueError if they are not a registry, or of another version."""
        try:
            state = msgspec.msgpack.decode(data, type=State)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError(f"not a registry: {error}") from error
        if state.version != STATE_VERSION:
            raise ValueError(f"a registry of version {state.version}, this server reads {STATE_VERSION}")
        registry = cls()
        tables: tuple[tuple[Table[Any], Iterable[Any]], ...] = (
            (registry.assets, state.assets),
            (registry.venues, state.venues),
            (registry.firms, state.firms),
            (registry.accounts, state.accounts),
            (registry.principals, state.principals),
            (registry.series, state.series),
        )
        for table, rows in tables:
            for row in rows:
                table.put(row)
        for session in state.sessions:
            registry.put_session(session)
        for event in state.events:
            registry.put_event(event)
        for venue_id, event_id, fees in state.listings:
            registry.put_listing(venue_id, event_id, fees)
        registry.references = {instrument: (price, collar) for instrument, price, collar in state.references}
        for key in state.keys:
            registry.put_key(key)
        for name in RULES:
            setattr(registry, name, dict(getattr(state, name)))
        registry.rule_count = state.rule_count
        for name, done in state.done:
            registry.put_done(name, done)
        for hold in state.holds:
            registry.holds.put(hold)
        registry.schedule = Schedule.from_list(state.schedule, state.next_schedule)
        registry.budgets = {row.session: row for row in state.budgets}
        registry.begun, registry.settings, registry.parts = state.begun, dict(state.settings), dict(state.parts)
        registry.pending = {row.id: row for row in state.pending}
        registry.next_pending, registry.approvals = state.next_pending, state.approvals
        registry.revisions = {revision.number: revision for revision in state.revisions}
        registry.contents = dict(state.contents)
        registry.origins = {(kind, name): origin for kind, name, origin in state.origins}
        return registry
