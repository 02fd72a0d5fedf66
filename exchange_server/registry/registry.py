"""The names behind the ids: what exists, who may log on, what was decided; changed only by ADMIN records.

`apply` checks a record against every rule, gives ids, turns it into definition rows, lets the engine step these, and
only then changes the tables: a record takes effect as a whole or not at all. The same records at the same times give the
same tables on every machine. A record that says what is already so is answered "unchanged" and writes no row; one that
changes what must not change on a live server is refused and names the key.
Broken, not refused: a row that the core refuses after an earlier row of the same record took effect. That cannot happen
while both sides agree on the rules, and stops the process (RegistryBroken).
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec
import numpy as np

from config import admin_records as ar
from config.load import Item
from config.plan import Plan, diff
from protocol import codes, errors

from ..core.layout.definitions import PLATFORM_FEE_ACCOUNT
from . import acts, checks, configuration
from . import rows as rows_of
from .listing_rules import Refused
from .rows import Words
from .tables import Account, Asset, Done, Event, Firm, Instrument, Secrets, Session, State, Table, Venue

STATE_VERSION = 2
PARTS_KEPT = 4  # records whose parts are still coming; the oldest is given up for a fifth
HMAC_BLOCK = 64  # bytes of a block of SHA-256

Sink = Callable[[Words], None]


class AdminAnswer(msgspec.Struct, frozen=True):
    """The answer to one ADMIN row. `code` is 0 or an R_ code; `text` one sentence; `result` ids and numbers of what was done."""

    row_seq: int
    ok: bool
    code: int
    text: str
    result: dict[str, Any] = {}
    request_id: str = ""
    who: str = ""


class RegistryBroken(RuntimeError):
    """The core refused a row of a record whose earlier rows took effect: the process must stop."""


class EngineLike(Protocol):
    """What the registry needs of the engine."""

    @property
    def row_seq(self) -> int: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def capacities(self) -> Any: ...
    @property
    def m(self) -> Words: ...
    def step_rows(self, rows: Words, words: int, sink: Sink) -> int: ...


class Registry:
    """All definitions. Tables are read by everybody and written only by `apply`."""

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
        self.keys: dict[str, Done] = {}
        self.begun: ar.Begin | None = None  # what the data folder was begun as
        self.settings: dict[str, int | str] = {}  # of [server], as the newest configuration said
        self.parts: dict[str, list[bytes]] = {}  # asker and digest: pieces of a record that is not whole yet
        self._secrets: dict[int, Secrets] = {}
        self._hmac_keys: dict[int, bytes] = {}  # of binary sessions; never longer than a block
        self._fix: dict[tuple[str, str], int] = {}  # (our CompID, peer's CompID): session id
        self._binary: dict[str, int] = {}  # key: session id

    # ------------------------------------------------------------------------------------------------- changes
    def apply(self, record: bytes | memoryview, engine: EngineLike, sink: Sink) -> AdminAnswer:
        """Apply one ADMIN body at the engine's time. `sink` gets the event rows that its definition rows cause. Refuses by answer,
        never by exception; RegistryBroken alone is raised, when state and rules no longer agree."""
        row_seq = int(engine.row_seq)
        try:
            envelope = ar.unpack(record)
        except ValueError as error:
            return AdminAnswer(row_seq, False, codes.R_BAD_COMMAND, f"not an admin record: {error}")
        asked: dict[str, Any] = {"request_id": envelope.request_id, "who": envelope.who}
        try:
            if isinstance(envelope.record, ar.PartOf):
                whole = self._part(envelope.who, envelope.record)
                if whole is None:
                    return AdminAnswer(row_seq, True, 0, f"part {envelope.record.index + 1} of {envelope.record.count}", {}, **asked)
                envelope = ar.AdminEnvelope(envelope.who, envelope.request_id, whole)
            if isinstance(envelope.record, ar.Configuration):
                return self._configure(envelope, row_seq, engine, sink)
            act = acts.plan(self, envelope, engine)
        except Refused as refused:
            return AdminAnswer(row_seq, False, refused.code, refused.text, **asked)
        if act.rows:
            code = self._step(act.rows, engine, sink)
            if code:
                return AdminAnswer(row_seq, False, code, f"{act.subject}: {checks.explained(act, code)}", **asked)
        act.commit()
        return AdminAnswer(row_seq, True, 0, act.text, act.result, **asked)

    def _part(self, who: str, part: ar.PartOf) -> ar.AnyRecord | None:
        """Keep a piece; the whole record with the last one. Raises Refused."""
        key = f"{who} {part.digest}"
        if part.index == 0:
            self.parts.pop(key, None)
            if len(self.parts) >= PARTS_KEPT:
                del self.parts[next(iter(self.parts))]
            self.parts[key] = []
        pieces = self.parts.get(key)
        if pieces is None or part.index != len(pieces) or part.index >= part.count:
            self.parts.pop(key, None)
            raise Refused(
                codes.R_BAD_COMMAND, f"part {part.index + 1} of {part.count} does not follow the parts before it: send them all again"
            )
        pieces.append(part.data)
        if len(pieces) < part.count:
            return None
        del self.parts[key]
        try:
            whole = ar.put_together(pieces, part.digest)
        except ValueError as error:
            raise Refused(codes.R_BAD_COMMAND, f"not an admin record: {error}") from error
        if isinstance(whole, ar.PartOf):
            raise Refused(codes.R_BAD_COMMAND, "not an admin record: a part is made of parts")
        return whole

    def _configure(self, envelope: ar.AdminEnvelope, row_seq: int, engine: EngineLike, sink: Sink) -> AdminAnswer:
        """All records of a configuration or none. Raises Refused."""
        record = envelope.record
        assert isinstance(record, ar.Configuration)
        self.refuse_mixing(record.name, record.sandbox)
        asked: dict[str, Any] = {"request_id": envelope.request_id, "who": envelope.who}
        try:
            configuration.check(self, record.records, engine)
        except configuration.RecordRefused as refused:
            return AdminAnswer(row_seq, False, refused.code, refused.text, {"record": refused.index}, **asked)

        def step(act: checks.Act) -> None:
            code = self._step(act.rows, engine, sink)
            if code:
                raise RegistryBroken(f"{act.subject}: the core refused with {errors.short_name(code)} what the rules allow")

        done = configuration.carry_out(self, envelope, engine, step)
        if record.settings is not None:
            self.settings = dict(sorted(record.settings.items()))
        text = f"{len(done.texts)} applied, {done.unchanged} unchanged"
        result = {"applied": len(done.texts), "unchanged": done.unchanged, "lines": done.texts}
        return AdminAnswer(row_seq, True, 0, text, result, **asked)

    def refuse_mixing(self, name: str, sandbox: bool) -> None:
        """The sandbox's passwords are published: its configuration goes only into a folder that was begun as a sandbox, and no other
        one goes there. Raises Refused."""
        begun = self.begun.sandbox if self.begun is not None else None
        if begun is None and sandbox and len(self.assets):
            begun = False  # begun before folders were marked: nothing says that it is one
        if begun is None or begun == sandbox:
            return
        if sandbox:
            text = f"{name} is a sandbox with published passwords, and this data folder was not begun as one: take another folder"
        else:
            text = f"this data folder was begun as a sandbox with published passwords, and {name} is none: take another folder"
        raise Refused(codes.R_SANDBOX, text)

    def check(self, records: tuple[ar.Configured, ...], engine: EngineLike) -> tuple[int, str] | None:
        """What a configuration with these records would be refused for: (which one, sentence). Changes nothing."""
        try:
            configuration.check(self, records, engine)
        except configuration.RecordRefused as refused:
            return refused.index, refused.text
        return None

    def copy(self) -> "Registry":
        """Another registry with the same rows: what is done to it is not done here."""
        other = Registry()
        for name in ("assets", "venues", "firms", "accounts", "sessions", "events", "instruments"):
            setattr(other, name, getattr(self, name).copy())
        for name in ("listings", "references", "keys", "settings", "parts", "_secrets", "_hmac_keys", "_fix", "_binary"):
            setattr(other, name, dict(getattr(self, name)))
        other.listing_rows, other.begun = self.listing_rows, self.begun
        return other

    def decimals(self) -> dict[str, int]:
        """Of every asset, by name: what a configuration that refers to them needs."""
        return {asset.name: asset.record.decimals for asset in self.assets}

    def _step(self, rows: list[Words], engine: EngineLike, sink: Sink) -> int:
        """Let the engine step the rows; 0, or the first row's refusal. The platform's own account goes before everything else."""
        if not self.accounts.get(PLATFORM_FEE_ACCOUNT):
            platform = Account(PLATFORM_FEE_ACCOUNT, "PLATFORM.FEES", 0, codes.ACCT_FEES, 0)
            first = rows_of.account(platform.id, 0, platform.kind, 0, 0, platform.name)
            if engine.step_rows(first, len(first), sink):
                raise RegistryBroken("the core refused the platform's own fee account")
            self.put_account(platform)

        flat = np.concatenate(rows)
        code = int(engine.step_rows(flat, len(flat), sink))
        if code and len(rows) > 1:
            raise RegistryBroken(f"the core refused a definition row with {errors.short_name(code)}")
        return code

    # ---- what acts use when their rows have taken effect
    def put_account(self, account: Account) -> None:
        self.accounts.put(account)

    def put_session(self, session: Session, secrets: Secrets) -> None:
        self.sessions.put(session)
        self._secrets[session.id] = secrets
        key = secrets.hmac_secret.encode()
        self._hmac_keys[session.id] = (
            key if len(key) <= HMAC_BLOCK else hashlib.sha256(key).digest()
        )  # what HMAC makes of a longer one each time
        if session.wire == codes.WIRE_FIX:
            self._fix[(session.record.our_comp_id, session.record.peer_comp_id)] = session.id
        else:
            self._binary[session.record.key] = session.id

    def put_listing(self, venue_id: int, event_id: int, fees: ar.Fees) -> None:
        """A venue's offer of all instruments of an event; the core has one listing row for each."""
        if (venue_id, event_id) not in self.listings:
            self.listing_rows += self.events[event_id].n
        self.listings[(venue_id, event_id)] = fees

    def put_event(self, event: Event) -> None:
        self.events.put(event)
        for index, contract in enumerate(event.record.contracts):
            self.instruments.put(Instrument(event.first_instrument + index, contract.symbol, event.id, index, event.record))

    # ------------------------------------------------------------------------------------------------- look-ups
    def fix_session(self, our_comp_id: str, peer_comp_id: str) -> Session | None:
        """The FIX session of these two CompIDs (ours is the peer's TargetCompID)."""
        found = self._fix.get((our_comp_id, peer_comp_id))
        return None if found is None else self.sessions[found]

    def binary_session(self, key: str) -> Session | None:
        found = self._binary.get(key)
        return None if found is None else self.sessions[found]

    def check_password(self, session_id: int, username: str, password: str) -> bool:
        """FIX 553 and 554. The same work whether the session, the name or the password is wrong: all is hashed, then compared in full."""
        secrets = self._secrets.get(session_id, Secrets())
        session = self.sessions.get(session_id)
        given = hashlib.sha256(password.encode("utf-8", "surrogateescape")).hexdigest()
        right = hmac.compare_digest(given, secrets.password_sha256 or "0" * 64)
        name = hashlib.sha256(username.encode("utf-8", "surrogateescape")).digest()
        own = hashlib.sha256((session.record.username if session else "").encode()).digest()
        named = hmac.compare_digest(name, own)
        return right and named and session is not None and bool(secrets.password_sha256)

    def check_hmac(self, session_id: int, message: bytes, signature: bytes) -> bool:
        """Is `signature` the HMAC-SHA256 of `message` under the session's secret? The same work for an unknown session and for any secret."""
        key = self._hmac_keys.get(session_id, b"")
        right = hmac.compare_digest(hmac.digest(key, message, "sha256"), signature)
        return right and bool(key)

    def same_secrets(self, session_id: int, secrets: Secrets) -> bool:
        return self._secrets.get(session_id) == secrets

    def event_of(self, instrument_id: int) -> Event | None:
        instrument = self.instruments.get(instrument_id)
        return None if instrument is None else self.events[instrument.event_id]

    def instruments_of(self, event: Event) -> list[Instrument]:
        return [self.instruments[event.first_instrument + i] for i in range(event.n)]

    def current(self) -> dict[tuple[str, str], ar.AnyRecord]:
        """What is defined, as records by ar.identity, sessions without their secrets; what config.plan compares with."""
        records: list[ar.AnyRecord] = [row.record for table in (self.assets, self.venues, self.firms) for row in table]  # type: ignore[attr-defined]
        records += [account.record for account in self.accounts if account.record is not None]
        records += [session.record for session in self.sessions]
        records += [event.record for event in self.events]
        for (venue_id, event_id), fees in self.listings.items():
            event = self.events[event_id].record
            if self.venues[venue_id].name != event.owner_venue:
                records.append(ar.DefineListing(venue=self.venues[venue_id].name, event=event.event, fees=fees))
        return {identity: record for record in records if (identity := ar.identity(record)) is not None}

    def plan(self, items: list[Item]) -> Plan:
        """The difference between a configuration (config.load) and what is defined here."""

        def same_secrets(record: ar.DefineSession) -> bool:
            session = self.sessions.named(record.name)
            return session is not None and self.same_secrets(session.id, Secrets(record.password_sha256, record.hmac_secret))

        return diff(items, self.current(), {key: done.digest for key, done in self.keys.items()}, same_secrets)

    # ------------------------------------------------------------------------------------------------- snapshot
    def to_bytes(self) -> bytes:
        """All of it, for a snapshot. The same tables give the same bytes."""
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
                sorted(self._secrets.items()),
                sorted(self.keys.items(), key=lambda item: item[0]),
                self.begun,
                sorted(self.settings.items()),
                list(self.parts.items()),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> "Registry":
        """The registry of a snapshot; raises ValueError when the bytes are none, or of another version."""
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
        )
        for table, rows in tables:
            for row in rows:
                table.put(row)
        secrets = dict(state.secrets)
        for session in state.sessions:
            registry.put_session(session, secrets[session.id])
        for event in state.events:
            registry.put_event(event)
        for venue_id, event_id, fees in state.listings:
            registry.put_listing(venue_id, event_id, fees)
        registry.references = {instrument: (price, collar) for instrument, price, collar in state.references}
        registry.keys = dict(state.keys)
        registry.begun, registry.settings, registry.parts = state.begun, dict(state.settings), dict(state.parts)
        return registry
