"""What the registry holds: definitions by id and by name, and the data of an instrument that clients see.

A definition is never removed and its id never changes. Everything here can be written to bytes and read back, except
`Instrument`, which is built from its market.
"""

from collections.abc import Collection, Iterator, MutableMapping
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from config import admin_records as ar
from config import budget_records as br
from config import rule_records as rr

from .holds import Hold
from .layer import Layer, fold
from .schedule import Scheduled


class Asset(msgspec.Struct, frozen=True):
    id: int
    record: ar.DefineAsset

    @property
    def name(self) -> str:
        return self.record.name


class Closed(msgspec.Struct, frozen=True):
    """That a firm, account or session was closed: by whom, when, why. It is never opened again."""

    who: str
    at_ns: int
    reason: str


class Venue(msgspec.Struct, frozen=True):
    id: int
    fee_account: int  # account id
    record: ar.DefineVenue

    @property
    def name(self) -> str:
        return self.record.name


class Firm(msgspec.Struct, frozen=True):
    id: int
    record: ar.DefineFirm
    closed: Closed | None = None

    @property
    def name(self) -> str:
        return self.record.name


class Account(msgspec.Struct, frozen=True):
    """An account: `firm`: 0 for the fee accounts of platform and venues; `session`: gets the account's own events (0: none)."""

    id: int
    name: str
    firm: int
    kind: int
    venue: int
    session: int = 0
    record: ar.DefineAccount | None = None
    closed: Closed | None = None


class Session(msgspec.Struct, frozen=True):
    """A login, without what it is proven with: that is a Key."""

    id: int
    firm: int
    venue: int
    account: int
    wire: int  # WIRE_*
    record: ar.DefineSession  # its verifier is blank
    closed: Closed | None = None

    @property
    def name(self) -> str:
        return self.record.name


class Disputed(msgspec.Struct, frozen=True):
    """That a firm (id) disputed a version: who recorded it, when, why."""

    firm: int
    who: str
    at_ns: int
    reason: str


class Upheld(msgspec.Struct, frozen=True):
    who: str
    at_ns: int
    note: str = ""


class Determination(msgspec.Struct, frozen=True):
    """One version of a result. `kind`: recorded by a resolver or an arbiter, or a void. `at_ns`: when it was recorded; `who`: who recorded it.
    `until_ns`: end of its challenge window. `other`: what the second of two sources said. `trigger_ns`, `reason`: of a void."""

    version: int
    who: str
    at_ns: int
    record: ar.Determine
    final_at_ns: int = 0
    kind: Literal["determined", "corrected", "voided"] = "determined"
    until_ns: int = 0
    other: ar.Determine | None = None
    disputes: tuple[Disputed, ...] = ()
    upheld: Upheld | None = None
    trigger_ns: int = 0
    reason: str = ""


class Ahead(msgspec.Struct, frozen=True):
    """A version of what one contract (by index) pays ahead of its group: recorded by a resolver or an arbiter (`kind`). `ended`: it counts no more, and
    why; `final_at_ns`: when it was paid."""

    version: int
    who: str
    at_ns: int
    index: int
    record: ar.DetermineOne
    until_ns: int
    final_at_ns: int = 0
    ended: str = ""
    note: str = ""
    kind: Literal["determined", "corrected"] = "determined"
    disputes: tuple[Disputed, ...] = ()
    upheld: Upheld | None = None

    @property
    def disputed(self) -> bool:
        """Whether it waits for the arbiter."""
        return bool(self.disputes) and self.upheld is None


class Busted(msgspec.Struct, frozen=True):
    """A trade that was taken back: who did it, when, why. A corrected one: with its new price (YES ticks) and quantity (lots), and the number of the
    first event of the correction."""

    trade: int
    who: str
    at_ns: int
    reason: str
    price: int = 0
    quantity: int = 0
    told_from: int = 0


class Event(msgspec.Struct, frozen=True):
    """An event with contracts first_instrument .. first_instrument + n - 1. `heard`: the newest record of each of two sources. `overdue_ns`: when it was
    marked as overdue; 0: it is not. `busts`: trades that were taken back or corrected. `ahead`: versions of single contracts."""

    id: int
    first_instrument: int
    record: ar.DefineMarket
    determinations: tuple[Determination, ...] = ()
    heard: tuple[Determination, ...] = ()
    overdue_ns: int = 0
    busts: tuple[Busted, ...] = ()
    ahead: tuple[Ahead, ...] = ()
    closed: Closed | None = None  # it was removed: nobody sees it any more

    @property
    def name(self) -> str:
        return self.record.event

    @property
    def n(self) -> int:
        return len(self.record.contracts)

    @property
    def version(self) -> int:
        """Number of the newest version of its result, or of that of a contract ahead of the rest; 0: there is none."""
        return max((0, *(one.version for one in self.determinations[-1:]), *(one.version for one in self.ahead[-1:])))

    def said(self, version: int) -> ar.Determine | ar.DetermineOne | None:
        """The record of a version, of the whole result or of one contract; None: there is none."""
        for one in self.determinations:
            if one.version == version:
                return one.record
        return next((one.record for one in self.ahead if one.version == version), None)

    def ahead_of(self, index: int) -> Ahead | None:
        """How a contract stands ahead of the rest; None: it is with them."""
        return next((one for one in self.ahead if one.index == index and not one.ended), None)

    def with_ahead(self, known: Ahead | None, **fields: Any) -> "Event":
        """The event with other fields of one of its contracts that are ahead."""
        changed = tuple(msgspec.structs.replace(one, **fields) if one is known else one for one in self.ahead)
        return msgspec.structs.replace(self, ahead=changed)

    @property
    def room(self) -> int:
        """Contracts that it may have in the end; so many ids are kept for them."""
        return max(self.record.max_contracts, self.n)


class Instrument(msgspec.Struct, frozen=True):
    """An instrument as clients see it: ticks and lots; a price is written with price_decimals digits after the point."""

    id: int
    symbol: str
    event_id: int
    index: int
    market: ar.DefineMarket

    @property
    def name(self) -> str:
        return self.symbol

    @property
    def outcome(self) -> str:
        return self.market.contracts[self.index].outcome


class Held(msgspec.Struct, frozen=True):
    """A role that a principal holds. `until_ns`: 0 for good. `who` granted it, `at_ns`."""

    role: str
    scope: str
    until_ns: int
    who: str
    at_ns: int

    def holds(self, now_ns: int) -> bool:
        return not self.until_ns or now_ns < self.until_ns


class Principal(msgspec.Struct, frozen=True):
    id: int
    record: ar.DefinePrincipal
    grants: tuple[Held, ...] = ()  # at most one of each role and scope

    @property
    def name(self) -> str:
        return self.record.name


class Series(msgspec.Struct, frozen=True):
    id: int
    record: ar.DefineSeries
    closed: Closed | None = None

    @property
    def name(self) -> str:
        return self.record.name


class Pending(msgspec.Struct, frozen=True):
    """An act that waits for a second person. `entry`: what on the list it is; `who` proposed it, `at_ns`."""

    id: int
    entry: str
    who: str
    request_id: str
    at_ns: int
    expires_ns: int
    record: ar.AnyRecord


class Named(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class Table(Generic[T]):
    """Rows by id and by name; iteration is in order of id."""

    def __init__(self, kind: str) -> None:
        self.kind = kind  # for the sentence of a refusal
        self._by_id: MutableMapping[int, T] = {}
        self._by_name: MutableMapping[str, T] = {}
        self.next_id = 1  # the id of the next new row: one above the highest

    def put(self, row: T) -> None:
        """Add a row, or replace an earlier version of it."""
        self._by_id[row.id] = row
        self._by_name[row.name] = row
        self.next_id = max(self.next_id, row.id + 1)

    def over(self) -> "Table[T]":
        """Another table with the same rows; what is put there is not put here (layer.py)."""
        other: Table[T] = Table(self.kind)
        other._by_id, other._by_name, other.next_id = Layer(self._by_id), Layer(self._by_name), self.next_id
        return other

    def fold(self, other: "Table[T]") -> None:
        """Take over what was put into a table that `over` gave."""
        fold(self._by_id, other._by_id)
        fold(self._by_name, other._by_name)
        self.next_id = max(self.next_id, other.next_id)

    def get(self, id: int) -> T | None:
        return self._by_id.get(id)

    def named(self, name: str) -> T | None:
        return self._by_name.get(name)

    def __getitem__(self, id: int) -> T:
        return self._by_id[id]

    def __iter__(self) -> Iterator[T]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def names(self) -> Collection[str]:
        return self._by_name.keys()


class Key(msgspec.Struct, frozen=True):
    """What a holder logs on with. `made_ns`: when it was defined; a revoked key stays as a row, so that its id is not used again."""

    record: ar.DefineKey
    made_ns: int = 0
    revoked: bool = False
    revoked_ns: int = 0
    reason: str = ""

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def holder(self) -> tuple[str, str]:
        """("session" or "principal", name)."""
        return self.record.holder, self.record.name

    def alive(self, now_ns: int) -> bool:
        """It is neither revoked nor expired."""
        return not self.revoked and not 0 < self.record.until_ns <= now_ns


class Done(msgspec.Struct, frozen=True):
    """An act carried out under an idempotency key: its content, and the result of its answer. `what`, `text`, `note`, `who`, `at_ns`: for
    statements; `event`: number of the first event row that it caused."""

    digest: bytes
    result: dict[str, int]
    what: str = ""
    text: str = ""
    note: str = ""
    who: str = ""
    at_ns: int = 0
    event: int = 0


class Rule(msgspec.Struct, frozen=True):
    """An access rule; refusals name it by its number, which never changes and is never given again."""

    number: int
    record: rr.AccessRule


class Admission(msgspec.Struct, frozen=True):
    """What the core knows of who is admitted to a venue or an event. mode: ACCESS_ALL ..; exceptions: firm id -> ACCESS_ADMITTED, or the
    number of the rule that keeps it out."""

    mode: int = 0
    exceptions: dict[int, int] = {}


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that was applied and changed something, or a definition that was changed by itself (`name`: ""). `base`: the revision that it was made
    against; `digest`: SHA-256 of what it changed; `new`, `changed`, `settings`: how many definitions and settings; `places`: of each venue ("": the
    platform) whose it changed, how many definitions were new and changed."""

    number: int
    base: int
    who: str
    time_ns: int
    why: str = ""
    name: str  # of the file
    digest: str
    new: int = 0
    changed: int = 0
    settings: int = 0
    places: dict[str, tuple[int, int]] = {}


class Budget(msgspec.Struct, frozen=True):
    """The budget of a session and of the account that it trades; the record is complete."""

    session: int
    account: int
    record: br.Budget


class State(msgspec.Struct, frozen=True):
    """All of the registry, as a snapshot stores it."""

    version: int
    assets: list[Asset]
    venues: list[Venue]
    firms: list[Firm]
    accounts: list[Account]
    sessions: list[Session]
    events: list[Event]
    listings: list[tuple[int, int, ar.Fees]]  # venue id, event id, fees
    references: list[tuple[int, int, int]]  # instrument id, reference, collar
    keys: list[Key]
    done: list[tuple[str, Done]]
    begun: ar.Begin | None = None
    settings: list[tuple[str, int | str]] = []
    parts: list[tuple[str, list[bytes]]] = []
    principals: list[Principal] = []
    pending: list[Pending] = []
    next_pending: int = 1
    approvals: ar.Approvals = ar.Approvals()
    tags: list[tuple[int, rr.FirmTags]] = []
    rules: list[tuple[tuple[int, int, str], Rule]] = []
    rule_count: int = 0
    admissions: list[tuple[tuple[int, int], Admission]] = []
    quotas: list[tuple[int, rr.Quota]] = []
    freezes: list[tuple[int, rr.Freeze]] = []
    revisions: list[Revision] = []
    contents: list[tuple[int, bytes]] = []
    origins: list[tuple[str, str, str]] = []  # kind, name, configuration
    holds: list[Hold] = []
    schedule: list[Scheduled] = []
    next_schedule: int = 1
    series: list[Series] = []
    budgets: list[Budget] = []
