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
from .budget_records import Budget as Budget
from .budget_records import ClearBudget as ClearBudget
from .change_records import AddOutcome as AddOutcome
from .change_records import DefineListing as DefineListing
from .change_records import Restrict as Restrict
from .change_records import SetBands as SetBands
from .change_records import SetPhase as SetPhase
from .change_records import SetReference as SetReference
from .change_records import SplitOutcome as SplitOutcome
from .definition_records import DefineAccount as DefineAccount
from .definition_records import DefineAsset as DefineAsset
from .definition_records import DefineFirm as DefineFirm
from .definition_records import DefineSession as DefineSession
from .definition_records import DefineVenue as DefineVenue
from .key_records import DefineKey as DefineKey
from .key_records import RevokeKey as RevokeKey
from .kinds import MAX_AMOUNT as MAX_AMOUNT
from .kinds import (
    Count,
    Hex256,
    Line,
    Name,
    OptionalHex256,
    OptionalName,
    Record,
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
from .opening_records import OpeningBudget as OpeningBudget
from .opening_records import OpeningMarket as OpeningMarket
from .opening_records import OpeningOrder as OpeningOrder
from .opening_records import OpeningPlace as OpeningPlace
from .opening_records import OpeningPosition as OpeningPosition
from .opening_records import OpeningPrice as OpeningPrice
from .opening_records import OpeningScheduled as OpeningScheduled
from .opening_records import OpeningSeries as OpeningSeries
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
from .schedule_records import CancelSchedule as CancelSchedule
from .schedule_records import MarkOverdue as MarkOverdue
from .schedule_records import RunDue as RunDue
from .schedule_records import Schedulable as Schedulable
from .schedule_records import Schedule as Schedule
from .series_records import CloseSeries as CloseSeries
from .series_records import DefineSeries as DefineSeries

PART_BYTES = 31 * 1024  # of a record that is sent in parts
MAX_BODY_BYTES = 255 * 128  # capacity of the extra rows of one C_ADMIN row


class Kill(Record, tag="kill", frozen=True, kw_only=True):
    """The kill switch of one level, on or off. On: new orders and replaces are refused, cancels are accepted, and open orders are cancelled
    and reported (R_KILL_SWITCH), on every level; `cancel: false` leaves them resting. Off: nothing is cancelled, `cancel: true` is
    refused."""

    level: Literal["platform", "venue", "firm", "account", "session"]
    target: OptionalName = ""
    on: bool = True
    cancel: bool | None = None


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
    action creates, and is ignored if the market exists. `settings`: of [server], used by a start that names no configuration. `additions`: definitions and
    deposits that belong together and are no file's, such as a new user's: what exists already must be the same, and nothing of it is a revision."""

    name: Line
    sandbox: bool = False
    settings: dict[str, int | str] | None = None  # None: unchanged
    records: tuple[Configured, ...] = ()
    base: Count | None = None  # the revision that its plan was made against; None: whichever runs
    plan: OptionalHex256 = ""  # digest of what its plan says; "": there is none
    why: Line = ""
    additions: bool = False


class Opening(Record, tag="opening", frozen=True, kw_only=True):
    """A venue that moves here from another server, as one action: its definitions and money (`records`), who may do what (`rules`), and its markets as they
    stand. The order of `orders` is that of the books. `settled`: positions that were paid ahead of their group; None: an archive of before format 4, which does not
    say. `digest`: of the archive."""

    venue: Name
    digest: Hex256
    records: tuple[Configured, ...] = ()
    rules: tuple[Freeze | SetReference | DefinePrincipal | Grant, ...] = ()
    markets: tuple[OpeningMarket, ...] = ()
    prices: tuple[OpeningPrice, ...] = ()
    places: tuple[OpeningPlace, ...] = ()
    positions: tuple[OpeningPosition, ...] = ()
    orders: tuple[OpeningOrder, ...] = ()
    series: tuple[OpeningSeries, ...] = ()
    scheduled: tuple[OpeningScheduled, ...] = ()
    settled: tuple[OpeningPosition, ...] | None = None
    budgets: tuple[OpeningBudget, ...] = ()
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
    | Budget
    | ClearBudget
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


def begins_opening(data: bytes) -> bool:
    """Is this the beginning of an Opening, as `put_together` reads it? Its type is the first of its fields; another one later is refused there."""
    fields = data[1:] if data[:1] and 0x80 <= data[0] <= 0x8F else data[3:] if data[:1] == b"\xde" else b""
    return fields.startswith(b"\xa4type\xa7opening")


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
