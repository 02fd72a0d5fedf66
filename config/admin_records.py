"""Every operator action as a record: one frozen struct per action, distinguished by `type`.

They are sent as JSON through the admin socket and stored as MessagePack in C_ADMIN rows, so the journal holds every change and
who made it. Records use names; ids are assigned by the registry. A record has no time: the time is that of the turn.
Integers: prices in ticks, quantities in lots, money in minor units of its asset, durations in ns. The bounds below are
those of single fields; exchange_server/registry checks the relations between fields.
"""

import hashlib
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from . import wording
from .access_records import DUAL_CONTROL as DUAL_CONTROL
from .access_records import ROLE_NAMES as ROLE_NAMES
from .access_records import Approvals as Approvals
from .access_records import Approve as Approve
from .access_records import DefinePrincipal as DefinePrincipal
from .access_records import Grant as Grant
from .access_records import Refuse as Refuse
from .access_records import Revoke as Revoke
from .change_records import AddOutcome as AddOutcome
from .change_records import SetBands as SetBands
from .change_records import SplitOutcome as SplitOutcome
from .fields import DURATION, LOGON, TEXT, VENUE, Field
from .key_records import DefineKey as DefineKey
from .key_records import RevokeKey as RevokeKey
from .key_records import Secret, Verifier
from .kinds import MAX_AMOUNT as MAX_AMOUNT
from .kinds import (
    AssetName,
    Count,
    Decimals,
    Hex256,
    Line,
    Name,
    OptionalHex256,
    OptionalName,
    Positive,
    Record,
    SettablePhase,
    Share,
)
from .kinds import FilePhase as FilePhase
from .market import Band as Band
from .market import Contract as Contract
from .market import DefineMarket as DefineMarket
from .market import Fees as Fees
from .market import Resting as Resting
from .market import Scalar as Scalar
from .market import VoidRule as VoidRule
from .market import outcome_code as outcome_code
from .money_records import CancelWithdrawal as CancelWithdrawal
from .money_records import Close as Close
from .money_records import ExpireHold as ExpireHold
from .money_records import Hold as Hold
from .money_records import Release as Release
from .money_records import RequestWithdrawal as RequestWithdrawal
from .money_records import SettleWithdrawal as SettleWithdrawal
from .money_records import Transfer as Transfer
from .money_records import content_digest as content_digest
from .opening_records import OpeningMarket as OpeningMarket
from .opening_records import OpeningOrder as OpeningOrder
from .opening_records import OpeningPlace as OpeningPlace
from .opening_records import OpeningPosition as OpeningPosition
from .opening_records import OpeningPrice as OpeningPrice
from .places import shown
from .result_records import Correct as Correct
from .result_records import Determine as Determine
from .result_records import DetermineOne as DetermineOne
from .result_records import Dispute as Dispute
from .result_records import Finalise as Finalise
from .result_records import FinaliseOne as FinaliseOne
from .result_records import Settle as Settle
from .result_records import Uphold as Uphold
from .result_records import Void as Void
from .result_records import WithdrawOne as WithdrawOne
from .reversal_records import Bond as Bond
from .reversal_records import Bust as Bust
from .reversal_records import Recover as Recover
from .revision_records import Rollback as Rollback
from .rule_records import AccessRule as AccessRule
from .rule_records import FirmTags as FirmTags
from .rule_records import Freeze as Freeze
from .rule_records import Quota as Quota
from .rule_records import RemoveAccessRule as RemoveAccessRule
from .series_records import CloseSeries as CloseSeries
from .series_records import DefineSeries as DefineSeries

PART_BYTES = 31 * 1024  # of a record that is sent in parts
MAX_BODY_BYTES = 255 * 128  # capacity of the extra rows of one C_ADMIN row


class DefineAsset(Record, tag="asset", frozen=True, kw_only=True):
    name: AssetName
    decimals: Annotated[Decimals, Field(about="Digits after the point of an amount")]
    title: Annotated[Line, Field(TEXT, live=True, about="What it is called")] = ""


class DefineVenue(Record, tag="venue", frozen=True, kw_only=True):
    """A venue; its fee account `<name>.FEES` is created with it."""

    name: Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    title: Annotated[Line, Field(TEXT, live=True, about="What it is called")] = ""
    cutoff_period_ns: Annotated[Positive, Field(DURATION, "DV_CUTOFF_PERIOD", key="trading_day", about="Length of a trading day")] = (
        86_400_000_000_000
    )
    cutoff_offset_ns: Annotated[
        Count, Field(DURATION, "DV_CUTOFF_OFFSET", key="trading_day_ends", about="When a trading day ends, after 00:00 UTC")
    ] = 0  # end of the trading day, after 00:00 UTC
    throttle_limit: Annotated[
        Count,
        Field(
            "", "DV_THROTTLE_LIMIT", live=True, key="throttle", about="New orders and replaces of all its sessions in a window; 0: no limit"
        ),
    ] = 0  # messages per window, 0: none
    throttle_window_ns: Annotated[
        Count, Field(DURATION, "DV_THROTTLE_WINDOW", live=True, key="throttle_window", about="Length of the window")
    ] = 0
    isolated_accounts: Annotated[bool, Field("", "DV_ISOLATED", live=True)] = False  # takes only accounts that are bound to it


class DefineFirm(Record, tag="firm", frozen=True, kw_only=True):
    name: Annotated[Name, Field(TEXT, key="firm")]
    title: Annotated[Line, Field(TEXT, live=True, about="What it is called")] = ""
    share: Annotated[
        Share, Field("", "DF_WEIGHT", live=True, about="Share of the tables that all firms use, relative to the other firms' shares")
    ] = 1  # share of the tables that all firms use, relative to the other firms' shares
    venue: Annotated[OptionalName, Field(VENUE, about="Its home: the venue whose operators define and see it; none: the platform")] = (
        ""  # its home: whose operators define and see it; "": the platform
    )


class DefineAccount(Record, tag="account", frozen=True, kw_only=True):
    """A trading account of a firm: unified, or (venue named) isolated to one venue."""

    name: Annotated[Name, Field(TEXT)]
    firm: Annotated[Name, Field(key=None, about="The firm that it belongs to")]
    venue: Annotated[OptionalName, Field(about="The one venue that it trades at; none: all")] = ""


class DefineSession(Record, tag="session", frozen=True, kw_only=True):
    """A login: one connection at a time. FIX: the two CompIDs and 553; binary: the name in its Logon. What it is proven with is a key
    (key_records.py); `secret`, in requests only, or the `verifier` made of it, stands for the key `<name>:secret`."""

    name: Annotated[Name, Field(TEXT)]
    wire: Annotated[Literal["fix", "binary"], Field(about="The protocol that it speaks")]
    firm: Annotated[Name, Field(key=None, about="The firm that it trades for")]
    account: Annotated[
        OptionalName, Field(TEXT, live=True, about="Account of messages that name none; its own events are sent to this session")
    ] = ""  # default account of messages; its own events (transfers, settlement) are sent to this session
    venue: Annotated[OptionalName, Field(about="The venue that it is connected to; none: the platform")] = ""
    our_comp_id: Annotated[OptionalName, Field(TEXT, about="FIX: the server's CompID (56 of the client)")] = ""
    peer_comp_id: Annotated[OptionalName, Field(TEXT, about="FIX: the client's CompID (49)")] = ""
    username: Annotated[Line, Field(TEXT, live=True, takes=LOGON, about="FIX: 553")] = ""
    key: Annotated[OptionalName, Field(TEXT, about="binary: the name in its Logon")] = ""
    secret: Annotated[Secret, Field(key=None)] = ""
    verifier: Annotated[Verifier, Field(live=True, key="secret", takes=LOGON)] = ""  # "": the session keeps the one that it has
    cancel_on_disconnect: Annotated[bool, Field(live=True, about="Cancel its orders when the connection is lost")] = False
    settlement_reports: Annotated[bool, Field(live=True, about="Send it the reports of settlements")] = False
    standard_dictionary: Annotated[
        bool, Field(live=True, about="FIX: send nothing that an engine with the stock FIX44.xml would reject")
    ] = True  # FIX: send nothing that an engine with the stock FIX44.xml would reject
    timestamp_decimals: Annotated[Literal[0, 3, 6, 9], Field(live=True, about="FIX: decimals of a second in what is sent")] = (
        3  # FIX: decimals of a second in everything we send
    )
    throttle_limit: Annotated[
        Count, Field("", "DS_THROTTLE_LIMIT", live=True, key="throttle", about="New orders and replaces in a window; 0: no limit")
    ] = 0
    throttle_window_ns: Annotated[
        Count, Field(DURATION, "DS_THROTTLE_WINDOW", live=True, key="throttle_window", about="Length of the window")
    ] = 0

    def __repr__(self) -> str:
        return f"DefineSession(name={self.name!r}, wire={self.wire!r}, firm={self.firm!r}, credentials hidden)"

    def without_verifier(self) -> "DefineSession":
        return msgspec.structs.replace(self, verifier="")


class DefineListing(Record, tag="listing", frozen=True, kw_only=True):
    """Another venue's offer of a shared market, with its own fees."""

    venue: Name
    event: Name
    fees: Annotated[Fees, Field(live=True)]


class SetPhase(Record, tag="phase", frozen=True, kw_only=True):
    event: Name
    phase: SettablePhase


class Kill(Record, tag="kill", frozen=True, kw_only=True):
    """The kill switch of one level, on or off. On: new orders and replaces are refused, cancels are accepted, and open orders are cancelled
    and reported (R_KILL_SWITCH), on every level; `cancel: false` leaves them resting. Off: nothing is cancelled, `cancel: true` is
    refused."""

    level: Literal["platform", "venue", "firm", "account", "session"]
    target: OptionalName = ""
    on: bool = True
    cancel: bool | None = None


class Restrict(Record, tag="restrict", frozen=True, kw_only=True):
    """A firm's conflict of interest in an event, on or off."""

    event: Name
    firm: Name
    on: bool = True


class SetReference(Record, tag="reference", frozen=True, kw_only=True):
    """The operator's reference price (0: back to the last trade), and the collar around it (None: unchanged)."""

    symbol: Name
    reference: Count
    collar: Count | None = None


Configured = (
    DefineAsset
    | DefineVenue
    | DefineFirm
    | DefineAccount
    | DefineSession
    | DefineKey
    | DefineMarket
    | DefineListing
    | DefineSeries
    | Transfer
    | SetPhase
    | Close
    | FirmTags
    | AccessRule
    | RemoveAccessRule
    | Quota
)


Schedulable = SetPhase | SetBands | DefineMarket | DefineListing | SetReference | Restrict


class Schedule(Record, tag="schedule", frozen=True, kw_only=True):
    """An act that is carried out at a time, in the name of who scheduled it, whose rights are judged again then. Of a definition that exists only
    what differs now is changed then. The answer has its number."""

    at_ns: Positive
    act: Schedulable
    note: Line = ""


class CancelSchedule(Record, tag="schedule_cancel", frozen=True, kw_only=True):
    """Takes a scheduled act back before its time."""

    id: Positive
    note: Line = ""


class RunDue(Record, tag="run_due", frozen=True, kw_only=True):
    """Carries out a scheduled act whose time has come. The server journals it by itself. An act that is refused then is marked as failed."""

    id: Positive


class MarkOverdue(Record, tag="overdue", frozen=True, kw_only=True):
    """A market has no result although it should have one by now. The server journals it by itself, at the market's `determine_by`."""

    event: Name


class Begin(Record, tag="begin", frozen=True, kw_only=True):
    """The first record of a data folder: how it was created. `sandbox`: with published passwords; this never changes. `salt`: 32 random bytes,
    so that equal secrets have other verifiers in other folders."""

    name: Line  # of the configuration
    sandbox: bool = False
    capacities: dict[str, int] = {}
    retention_ns: Count = 0
    salt: OptionalHex256 = ""


class Configuration(Record, tag="configuration", frozen=True, kw_only=True):
    """A configuration file as one action: all of its records take effect, or none. A phase in it is the first phase of a market that this
    action creates, and is ignored if the market exists. `settings`: of [server], used by a start that names no configuration."""

    name: Line
    sandbox: bool = False
    settings: dict[str, int | str] | None = None  # None: unchanged
    records: tuple[Configured, ...] = ()
    base: Count | None = None  # the revision that its plan was made against; None: whichever runs
    plan: OptionalHex256 = ""  # digest of what its plan says; "": there is none
    why: Line = ""


class Opening(Record, tag="opening", frozen=True, kw_only=True):
    """A venue that moves here from another server, as one action: its definitions and money (`records`), who may do what (`rules`), and its markets as they
    stand. The order of `orders` is that of the books. `digest`: of the archive."""

    venue: Name
    digest: Hex256
    records: tuple[Configured, ...] = ()
    rules: tuple[Freeze | SetReference | DefinePrincipal | Grant, ...] = ()
    markets: tuple[OpeningMarket, ...] = ()
    prices: tuple[OpeningPrice, ...] = ()
    places: tuple[OpeningPlace, ...] = ()
    positions: tuple[OpeningPosition, ...] = ()
    orders: tuple[OpeningOrder, ...] = ()
    note: Line = ""


class PartOf(Record, tag="part", frozen=True, kw_only=True):
    """A piece of a record that is too long for one command row (`pack_all`). It is carried out with the last piece."""

    digest: Hex256  # SHA-256 of the whole
    index: Count
    count: Annotated[int, Meta(ge=2, le=4096)]
    data: bytes


class AcceptClock(Record, tag="clock_accept", frozen=True, kw_only=True):
    """The time of day is right although it jumped forward: exchange time moves to it, and new orders are accepted again."""


AnyRecord = (
    DefineAsset
    | DefineVenue
    | DefineFirm
    | DefineAccount
    | DefineSession
    | DefineKey
    | RevokeKey
    | DefineMarket
    | DefineListing
    | SetBands
    | AddOutcome
    | SplitOutcome
    | Transfer
    | Hold
    | Release
    | RequestWithdrawal
    | SettleWithdrawal
    | CancelWithdrawal
    | ExpireHold
    | Close
    | SetPhase
    | Determine
    | Finalise
    | DetermineOne
    | FinaliseOne
    | WithdrawOne
    | Settle
    | Dispute
    | Uphold
    | Correct
    | Void
    | Bond
    | Recover
    | Bust
    | Kill
    | Restrict
    | SetReference
    | Schedule
    | CancelSchedule
    | RunDue
    | MarkOverdue
    | DefineSeries
    | CloseSeries
    | FirmTags
    | AccessRule
    | RemoveAccessRule
    | Quota
    | Freeze
    | Begin
    | Configuration
    | PartOf
    | AcceptClock
    | DefinePrincipal
    | Grant
    | Revoke
    | Approvals
    | Approve
    | Refuse
    | Rollback
    | Opening
)


def identity(record: AnyRecord) -> tuple[str, str] | None:
    """What a record defines, or removes: (kind, name); equal for two records that cannot both be in one file. None: the record is an action."""
    match record:
        case DefineMarket():
            return "market", record.event
        case DefineListing():
            return "listing", f"{record.event} at {record.venue}"
        case Transfer():
            return "transfer", record.key
        case DefineKey():
            return "key", record.id
        case FirmTags():
            return "tags", record.firm
        case AccessRule() | RemoveAccessRule():
            return "rule", f"{record.rule} of {record.venue or record.event}"
        case Quota():
            return "quota", record.venue
        case DefineAsset() | DefineVenue() | DefineFirm() | DefineAccount() | DefineSession() | DefinePrincipal() | DefineSeries():
            return str(record.__struct_config__.tag), record.name
    return None


def open_secrets(record: Any) -> list[int | None]:
    """Where a plain secret stands: the numbers of a configuration's records, [None] for a record by itself; [] when there is none."""
    if isinstance(record, Configuration | Opening):
        return [i for i, one in enumerate(record.records) if open_secrets(one)]
    return [None] if isinstance(record, DefineSession | DefineKey) and record.secret else []


def changed_fields(old: AnyRecord, new: AnyRecord) -> list[str]:
    """Names of the fields in which two records of one type differ."""
    return [field for field in new.__struct_fields__ if getattr(old, field) != getattr(new, field)]


def keeping(old: Any, new: Any) -> Any:
    """`new` with the title of `old` if it has none: a file that only refers to something does not rename it."""
    if "title" in new.__struct_fields__ and not new.title and old.title:
        return msgspec.structs.replace(new, title=old.title)
    return new


class AdminEnvelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a C_ADMIN row: who sent it (`uid:1000`, `principal:NAME`, `config:<file>`), the sender's number for it, and the
    record."""

    who: Annotated[str, Meta(min_length=1, max_length=128)]
    request_id: Annotated[str, Meta(max_length=128)]
    record: AnyRecord


_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder(AdminEnvelope)
_whole: msgspec.msgpack.Decoder[AnyRecord] = msgspec.msgpack.Decoder(AnyRecord)  # type: ignore[arg-type]


def pack(who: str, request_id: str, record: AnyRecord) -> bytes:
    """The bytes of a C_ADMIN body; raises ValueError if it is longer than a command row allows, or holds a plain secret."""
    _refuse_secrets(record)
    body = _packer.encode(AdminEnvelope(who, request_id, record))
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"the record has {len(body)} bytes, the limit is {MAX_BODY_BYTES}: shorten its texts or split the market")
    return body


def _refuse_secrets(record: AnyRecord) -> None:
    if open_secrets(record):
        raise ValueError("a plain secret is not journaled: make a verifier of it first")


def pack_all(who: str, request_id: str, record: AnyRecord) -> list[bytes]:
    """The bodies of one or more C_ADMIN rows, in order; only the answer to the last one counts. Raises ValueError as `pack` does."""
    _refuse_secrets(record)
    body = _packer.encode(AdminEnvelope(who, request_id, record))
    if len(body) <= MAX_BODY_BYTES:
        return [body]
    whole = _packer.encode(record)
    digest = hashlib.sha256(whole).hexdigest()
    pieces = [whole[at : at + PART_BYTES] for at in range(0, len(whole), PART_BYTES)]
    if len(pieces) > 4096:
        raise ValueError(f"the record has {len(whole)} bytes, the limit is {4096 * PART_BYTES}: split it")
    return [pack(who, request_id, PartOf(digest=digest, index=i, count=len(pieces), data=data)) for i, data in enumerate(pieces)]


def put_together(pieces: list[bytes], digest: str) -> AnyRecord:
    """The record that these pieces make up; raises ValueError."""
    whole = b"".join(pieces)
    if hashlib.sha256(whole).hexdigest() != digest:
        raise ValueError("the parts do not have the digest that they name")
    try:
        return _whole.decode(whole)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"the parts are no record: {error}") from error


def unpack(body: bytes | memoryview) -> AdminEnvelope:
    """Read a C_ADMIN body; raises ValueError with a sentence that names the field (`$.record.k`) if it is not one."""
    try:
        return _unpacker.decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    except UnicodeDecodeError as error:
        raise ValueError("a text is not valid UTF-8") from error


def from_builtins(record: object) -> AnyRecord:
    """A record from decoded JSON (`{"type": "phase", "event": ...}`); raises ValueError naming the field."""
    known = {str(t.__struct_config__.tag): t for t in get_args(AnyRecord)}
    if not isinstance(record, dict):
        raise ValueError('a record is an object with its type, {"type": "phase", ...}')
    name = record.get("type")
    kind = known.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"type: {wording.unknown_word(str(name), list(known))}")
    try:
        return msgspec.convert(record, kind, strict=True)  # type: ignore[no-any-return]
    except msgspec.MsgspecError as error:
        key, sentence, _ = wording.fault(kind, record)
        raise ValueError(f"{shown(key)}: {sentence}" if key else sentence) from error
