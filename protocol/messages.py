"""Every message of the binary wire, both ways. A frame is a u32 little-endian length and one MessagePack array `[tag, field, ...]`.

The structs below are the specification: array_like with an integer tag, fields in this order, bounds on every number. Trailing fields
that have a default may be left out. Fields that a newer peer appends are ignored. Integers may be written in any MessagePack width.
The server reads and writes the frequent ones with kernels (exchange_server/wires/binary_in.py); tests prove them equal to these structs.

Units: prices in ticks (of the NO side for a NO order), quantities in lots, money in minor units, times in ns UTC since the epoch,
ids 1..2^63-1. Codes (sides, types, reasons ...) are in protocol/codes.py.

Numbered and unnumbered. Messages that change a client's orders or money are *numbered* per session (field `number`: 1, 2, 3 ... without
gaps, never restarted) and can be requested again with Resume. Market data, heartbeats and answers to queries are unnumbered and are never
resent.
"""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Struct

from . import codes
from .account_messages import (
    AccountRequest,
    AccountState,
    AccountStateDone,
    Balance,
    FillsDone,
    FillsRequest,
    Limits,
    OpenOrder,
    Position,
    Requirement,
)
from .message_kit import I64, I64_MAX, I64_MIN, U7, U15, U16, U31, Count, Id, Message, Nibble, Report  # noqa: F401 (the bounds are also read from here)
from .reversal_messages import Bust, Reversed, TradeCorrected

PROTOCOL_VERSION = 2  # 1: before 2026-11, HMAC of the challenge under the secret itself
CHALLENGE_BYTES = 32
PROOF_BYTES = 32  # of a shared secret
SIGNATURE_BYTES = 64  # of an Ed25519 key
SALT_BYTES = 16

# Logon.flags
LOGON_CANCEL_ON_DISCONNECT = 2  # a lost connection cancels what this session entered
LOGON_SETTLEMENT = 4  # settlement reports wanted

# Fill.flags, CancelRejected.flags, Canceled.flags: codes.EF_*


# ================================================================================================= client to server
class Logon(Message, frozen=True, tag=1):
    """The client's first message, in answer to Hello. `proof`: the Ed25519 signature (64 bytes) or the proof of a shared secret (32 bytes) that
    is described above."""

    key: Annotated[str, Meta(min_length=1, max_length=64)]  # the name of the login, the session's `key`
    proof: Annotated[bytes, Meta(min_length=PROOF_BYTES, max_length=SIGNATURE_BYTES)]
    version: U16 = PROTOCOL_VERSION
    next_number: Count = 0  # the next report number needed; the server resends from there up to its LogonReply. 0: resend nothing
    heartbeat_ms: Annotated[int, Meta(ge=0, le=600_000)] = (
        0  # within the server's heartbeat_min and heartbeat_max (2000..60000 unless set otherwise); 0: the server's choice
    )
    flags: U7 = 0  # sum of 2: a lost connection or a logout cancels this session's orders; 4: send settlement reports
    key_id: Annotated[str, Meta(max_length=64)] = ""  # which of the session's keys; "": the secret of its definition


class Logout(Message, frozen=True, tag=2):
    """Both directions; ends the session. From the client it is a request: the server first sends all reports of what the client had sent,
    then a Logout (reason 0). Otherwise the server ends the session, and `reason` says why (codes.R_*). Reports missing at that point can be
    requested with Resume."""

    reason: U16 = 0
    text: Annotated[str, Meta(max_length=1000)] = ""


class Heartbeat(Message, frozen=True, tag=3):
    """Both directions, after `heartbeat_ms` without another message."""


class Resume(Message, frozen=True, tag=4):
    """Resend the reports numbered begin..end (end 0: up to now), unchanged. Answered by the reports, then ResumeDone."""

    begin: Id
    end: Count = 0


class NewOrder(Message, frozen=True, tag=10):
    """A new order. Answered by Accepted, Rejected, or OrderStatus (for a repeat of the same order). A field whose feature is not built yet
    must be 0."""

    id: Id  # chosen by the client, unique per firm
    account: U31  # 0: the session's default account
    instrument: U31
    side: Nibble
    contract_side: Nibble  # NO: price in NO ticks (buying NO at p is selling YES at P - p); spot: YES
    type: Nibble
    tif: Nibble
    flags: U7
    price: I64  # ticks; a market order: 0
    qty: I64  # lots
    expiry: I64 = 0  # GTD: ns since the epoch
    min_qty: I64 = 0
    display_qty: I64 = 0
    stop_price: I64 = 0
    deadline: I64 = 0  # ns since the epoch; refused if the server's time is later. 0: none
    group: U31 = 0
    cost_cap: I64 = 0
    stp: Nibble = 0
    venue: U16 = 0  # 0: the session's venue
    front_end: U16 = 0


class CancelOrder(Message, frozen=True, tag=11):
    """Cancel order `orig`. `id` is the id of this request. Answered by Canceled or CancelRejected."""

    id: Id
    orig: Id
    account: U31 = 0  # 0: the order's account
    instrument: U31 = 0  # 0: the order's instrument


class ReplaceOrder(Message, frozen=True, tag=12):
    """Change price and total quantity (including the filled quantity) of order `orig`; the order's id is then `id`.

    Answered by Replaced, Canceled (total = filled) or CancelRejected. Only price and total can change. Each other field (side to expiry,
    stp) is 0, which keeps the order's value, or repeats it; a different value is refused (codes.R_REPLACE_FIELD, `asked`: codes.FIELD_*).
    The deadline applies to this request.
    """

    id: Id
    orig: Id
    account: U31  # 0: the order's account
    instrument: U31  # 0: the order's instrument
    price: I64
    qty: I64  # the new total
    side: Nibble = 0
    contract_side: Nibble = 0
    type: Nibble = 0
    tif: Nibble = 0
    flags: U7 = 0
    expiry: I64 = 0
    min_qty: I64 = 0
    display_qty: I64 = 0
    stop_price: I64 = 0
    deadline: I64 = 0
    group: U31 = 0
    cost_cap: I64 = 0
    stp: Nibble = 0


class MassCancel(Message, frozen=True, tag=13):
    """Cancel all orders of a scope (codes.SCOPE_*). Answered by one Canceled per order, then MassCancelDone."""

    id: Id
    scope: Nibble
    account: U31 = 0  # SCOPE_ACCOUNT; 0: the session's default account
    instrument: U31 = 0  # SCOPE_INSTRUMENT
    event: U31 = 0  # SCOPE_EVENT
    side: Nibble = 0  # 0: both


class OrderStatusRequest(Message, frozen=True, tag=14):
    """Request the state of order `id`. Answered by OrderStatus."""

    id: Id
    account: U31 = 0
    instrument: U31 = 0


class SplitSets(Message, frozen=True, tag=15):
    """Pay k*P per set and receive one of each contract of an exactly-k event. Answered by Moved or Refused."""

    id: Id
    event: U31
    sets: I64
    account: U31 = 0


class MergeSets(Message, frozen=True, tag=16):
    """Return one of each contract of the event and receive k*P per set. Answered by Moved or Refused."""

    id: Id
    event: U31
    sets: I64
    account: U31 = 0


class Subscribe(Message, frozen=True, tag=20):
    """Subscribe to market data of these instruments (empty: of all that the session sees, also later ones). Answered by a BookSnapshot for
    each, then BookUpdates and PhaseChanges.

    Subscribing to an instrument again sends its snapshot again.
    """

    instruments: Annotated[list[U31], Meta(max_length=10_000)] = []


class Unsubscribe(Message, frozen=True, tag=21):
    """Stop market data of these instruments (empty: of all)."""

    instruments: Annotated[list[U31], Meta(max_length=10_000)] = []


class DefinitionsRequest(Message, frozen=True, tag=22):
    """Request the Definitions of all instruments that the session sees. They are followed by DefinitionsDone; later ones are sent when they
    are listed."""


# ================================================================================================= server to client
class Hello(Message, frozen=True, tag=64):
    """The server's first message."""

    version: U16
    challenge: Annotated[bytes, Meta(min_length=CHALLENGE_BYTES, max_length=CHALLENGE_BYTES)]
    server: str = ""
    salt: Annotated[bytes, Meta(max_length=64)] = b""  # for proofs of a shared secret: of scrypt,
    work: Annotated[int, Meta(ge=1, le=20)] = 1  # and log2 of its N


class LogonReply(Message, frozen=True, tag=66):
    """The logon was accepted. Sent inside a Sent, whose number is the current position of the numbered stream."""

    session: U31
    account: U31  # the default account, 0: none
    time: Count
    heartbeat_ms: U31
    accounts: list[tuple[U31, str]] = []


class MessageRefused(Message, frozen=True, tag=67):
    """A message of the client could not be processed and had no effect; the session continues. Sent inside a Sent.

    `reason` is a codes.R_*; `tag` and `id` are those of the message if they could be read, else 0.
    """

    reason: U16
    tag: U31 = 0
    id: Count = 0
    text: str = ""


class Sent(Message, frozen=True, tag=65):
    """A session message that uses a report number."""

    number: Id
    event: Id
    time: Count
    body: LogonReply | MessageRefused


class ResumeDone(Message, frozen=True, tag=69):
    """A Resume is complete: reports begin..end have been sent, `count` of them."""

    begin: Id
    end: Count
    count: Count
    reason: U16 = 0  # not 0: why begin..end is less than was requested (R_RESUME_UNKNOWN, R_REPORTS_REBUILDING, LOST or EXPIRED)


class RequestRefused(Message, frozen=True, tag=70):
    """An unnumbered request (Subscribe ...) was refused."""

    reason: U16
    tag: U31 = 0
    item: Count = 0  # the requested item that was refused, e.g. the instrument id
    text: str = ""


class OrderReport(Report, frozen=True):
    """The fields of all reports about one order. `id` is the client's (0: the order has a text id from FIX), `order` the server's."""

    id: Count
    order: Count
    account: U31
    instrument: U31
    side: Nibble
    contract_side: Nibble


class Accepted(OrderReport, frozen=True, tag=80):
    type: Nibble
    tif: Nibble
    price: I64  # a market order: its protection price
    qty: I64
    leaves: I64
    expiry: I64 = 0
    flags: U15 = 0  # codes.EF_PERSIST

    @property
    def status(self) -> int:
        return codes.ST_NEW


class Rejected(OrderReport, frozen=True, tag=81):
    """The order was refused and does not exist. Texts of the reasons: protocol/errors.py; limit, used and asked are 0 if the reason does
    not use them."""

    reason: U16
    limit: I64
    used: I64
    asked: I64
    price: I64
    qty: I64

    @property
    def status(self) -> int:
        return codes.ST_REJECTED


class Fill(OrderReport, frozen=True, tag=82):
    status: Nibble
    flags: U15  # codes.EF_TAKER
    price: I64
    qty: I64
    cum: I64
    leaves: I64
    last_price: I64
    last_qty: I64
    notional: I64  # sum of last_price * last_qty of this order so far: average price = notional / cum
    fee: I64  # minor units charged on this fill, negative: a rebate
    trade: Count


class Canceled(OrderReport, frozen=True, tag=83):
    """The order was cancelled. If another session of the firm requested it, the session that entered the order also gets this, with
    codes.EF_UNSOLICITED."""

    orig: Count  # the order's id when `id` names the cancel request, else 0
    reason: U16
    flags: U15  # codes.EF_UNSOLICITED, EF_OTHER_SESSION
    price: I64
    qty: I64
    cum: I64
    notional: I64

    @property
    def status(self) -> int:
        return codes.ST_CANCELED


class Replaced(OrderReport, frozen=True, tag=84):
    """The order was replaced; its id is now `id`. If another session of the firm requested it, the session that entered the order also gets
    this, with codes.EF_UNSOLICITED."""

    orig: Count
    status: Nibble
    price: I64
    qty: I64
    cum: I64
    leaves: I64
    notional: I64
    flags: U15 = 0  # codes.EF_UNSOLICITED, EF_OTHER_SESSION


class CancelRejected(OrderReport, frozen=True, tag=85):
    """A cancel, or (if flags has codes.EF_REPLACE) a replace, was refused. The order is unchanged; `status` is its status."""

    orig: Count
    status: Nibble
    flags: U15
    reason: U16
    limit: I64
    used: I64
    asked: I64


class Expired(OrderReport, frozen=True, tag=86):
    reason: U16
    price: I64
    qty: I64
    cum: I64
    notional: I64

    @property
    def status(self) -> int:
        return codes.ST_EXPIRED


class OrderStatus(OrderReport, frozen=True, tag=87):
    """The state of an order, in answer to a repeat or a status request. Status codes.ST_NONE: there is no such order."""

    orig: Count
    status: Nibble
    reason: U16
    type: Nibble
    tif: Nibble
    price: I64
    qty: I64
    cum: I64
    leaves: I64
    notional: I64
    expiry: I64 = 0
    flags: U15 = 0  # codes.EF_PERSIST


class MassCancelDone(Report, frozen=True, tag=88):
    id: Count
    account: U31
    instrument: U31
    scope: I64
    count: I64
    reason: U16 = 0


class Moved(Report, frozen=True, tag=89):
    """Money or sets moved without a trade: transfer, split, merge."""

    id: Count
    account: U31
    asset: I64
    amount: I64  # minor units, signed
    balance: I64  # after the movement
    sets: I64
    market: U31  # event id, 0: none


class Settled(Report, frozen=True, tag=90):
    """The payout of one contract, and the evidence of the result: rule, source, what it showed and when (ns since the epoch), and the SHA-256
    (hexadecimal) and name of the evidence."""

    account: U31
    instrument: U31
    asset: I64
    payout: I64  # ticks per contract
    position: I64  # contracts, negative: short
    amount: I64  # minor units, signed
    balance: I64
    version: I64
    market: I64  # event id
    rule: str = ""
    source: str = ""
    observed: str = ""
    observed_at: I64 = 0
    evidence: str = ""
    evidence_name: str = ""


class Refused(Report, frozen=True, tag=91):
    """A split, merge or other request about money was refused."""

    id: Count
    account: U31
    market: U31
    reason: U16
    limit: I64
    used: I64
    asked: I64


class PositionSplit(Report, frozen=True, tag=95):
    """A new contract was split out of another one: the account now has the position that it has there in the new one too."""

    account: U31
    instrument: U31  # the new one
    source: I64  # id of the one from which it was split
    position: I64  # contracts, negative: short
    market: I64  # event id


class Definition(Message, frozen=True, tag=100):
    """The definition of one instrument."""

    instrument: U31
    symbol: str
    market: U31  # event id
    index: U31  # number within the event
    product: Nibble  # codes.SPOT, EXACTLY, AT_MOST, SCALAR
    k: U31
    n: U31
    payout: I64  # ticks, 0 for spot
    tick_value: I64  # minor units of the asset per tick per lot
    asset: str
    asset_decimals: U31
    base_asset: str  # spot only
    lot_base: I64  # spot: minor units of the base asset per lot
    price_decimals: U31
    qty_decimals: U31
    price_min: I64
    price_max: I64
    lot: I64
    min_qty: I64
    max_qty: I64
    bands: list[tuple[I64, I64, I64]]  # from, to, increment
    phase: Nibble
    asset_id: U31 = 0
    base_asset_id: U31 = 0  # spot only


class DefinitionsDone(Message, frozen=True, tag=101):
    count: Count


class PhaseChange(Message, frozen=True, tag=102):
    """All contracts of an event have changed to this phase (codes.PH_*: open, live, paused, closed, determined, disputed, voided, final ...)."""

    market: U31
    phase: Nibble
    time: Count
    old: Nibble = 0


class BookSnapshot(Message, frozen=True, tag=103):
    """The whole book of one instrument, best price first, in YES ticks. Apply updates with a greater `seq` to it."""

    instrument: U31
    seq: Count
    time: Count
    phase: Nibble
    last: I64  # last trade price, 0: none
    bids: list[tuple[I64, I64]]  # price, quantity
    asks: list[tuple[I64, I64]]


class BookUpdate(Message, frozen=True, tag=104):
    """The changes of one turn to one book. `seq` is the previous one plus 1; otherwise an update was missed: subscribe again."""

    instrument: U31
    seq: Count
    time: Count
    changes: list[tuple[Nibble, I64, I64]]  # side (codes.BUY, SELL), price, new quantity (0: the level is gone)
    trades: list[tuple[Count, I64, I64, Nibble]]  # id, price in YES ticks, quantity (below 0: taken back), side of the taker in YES terms


class BookReset(Message, frozen=True, tag=105):
    """The book of this instrument (0: of all) is no longer valid; a BookSnapshot of each subscribed one follows."""

    instrument: U31
    reason: U16 = 0


class Result(Message, frozen=True, tag=106):
    """A version of a market's result, or a void, and its evidence. Nothing is paid before `until`, the end of its challenge window (ns since the epoch);
    an earlier version counts no more. The same version again with an earlier `until`: it was disputed, and upheld. With an instrument: one contract of
    a group ahead of the rest; `phase` is then also PH_FINAL (its positions have been paid), or that of the market: the version was withdrawn."""

    market: U31
    version: I64
    phase: Nibble  # codes.PH_DETERMINED, PH_VOIDED
    until: Count
    payouts: list[I64]  # ticks per contract, in order of the contracts
    rule: str
    source: str
    observed: str
    observed_at: I64
    evidence: str
    evidence_name: str
    instrument: U31 = 0  # the one contract whose payout this is; 0: the whole market


ClientMessage: TypeAlias = (
    Logon | Logout | Heartbeat | Resume | NewOrder | CancelOrder | ReplaceOrder | MassCancel | OrderStatusRequest | SplitSets | MergeSets
    | Subscribe | Unsubscribe | DefinitionsRequest | AccountRequest | FillsRequest
)  # fmt: skip
ServerMessage: TypeAlias = (
    Hello | Logout | Heartbeat | Sent | ResumeDone | RequestRefused | Accepted | Rejected | Fill | Canceled | Replaced | CancelRejected
    | Expired | OrderStatus | MassCancelDone | Moved | Settled | Refused | Reversed | Bust | TradeCorrected | PositionSplit | Definition | DefinitionsDone | PhaseChange | BookSnapshot
    | BookUpdate | BookReset | Result | AccountState | Balance | Position | Requirement | OpenOrder | Limits | AccountStateDone | FillsDone
)  # fmt: skip
Numbered: TypeAlias = (
    Sent | Accepted | Rejected | Fill | Canceled | Replaced | CancelRejected | Expired | OrderStatus | MassCancelDone | Moved | Settled
    | Refused | Reversed | Bust | TradeCorrected | PositionSplit
)  # fmt: skip
SessionBody: TypeAlias = LogonReply | MessageRefused

CLIENT_MESSAGES: tuple[type[Struct], ...] = (
    Logon, Logout, Heartbeat, Resume, NewOrder, CancelOrder, ReplaceOrder, MassCancel, OrderStatusRequest, SplitSets, MergeSets,
    Subscribe, Unsubscribe, DefinitionsRequest, AccountRequest, FillsRequest,
)  # fmt: skip
SERVER_MESSAGES: tuple[type[Struct], ...] = (
    Hello, Logout, Heartbeat, Sent, ResumeDone, RequestRefused, Accepted, Rejected, Fill, Canceled, Replaced, CancelRejected, Expired,
    OrderStatus, MassCancelDone, Moved, Settled, Refused, Reversed, Bust, TradeCorrected, PositionSplit, Definition, DefinitionsDone, PhaseChange, BookSnapshot, BookUpdate, BookReset,
    Result, AccountState, Balance, Position, Requirement, OpenOrder, Limits, AccountStateDone, FillsDone,
)  # fmt: skip
NUMBERED: tuple[type[Struct], ...] = (
    Sent, Accepted, Rejected, Fill, Canceled, Replaced, CancelRejected, Expired, OrderStatus, MassCancelDone, Moved, Settled, Refused,
    Reversed, Bust, TradeCorrected, PositionSplit,
)  # fmt: skip


class WireError(Exception):
    """A frame or message that cannot be read. `reason` is codes.R_WIRE_*, `tag` the message's (0: unreadable), `id` its first field if that
    is an id."""

    def __init__(self, reason: int, text: str, tag: int = 0, id: int = 0) -> None:
        super().__init__(text)
        self.reason, self.text, self.tag, self.id = reason, text, tag, id


_encoder = msgspec.msgpack.Encoder()
_client = msgspec.msgpack.Decoder(ClientMessage)
_server = msgspec.msgpack.Decoder(ServerMessage)
_body = msgspec.msgpack.Decoder(SessionBody)


def encode(message: Struct) -> bytes:
    """One message as a MessagePack array, without the length."""
    return _encoder.encode(message)


def _peek(payload: bytes) -> tuple[int, int]:
    """(tag, first field when it is an id) of a message that may be broken; 0 where unreadable."""
    try:
        found: list[int] = []
        position = 1
        first = payload[0]
        if first >> 4 != 9:
            position = 3 if first == 0xDC else 5 if first == 0xDD else len(payload)
        for _ in range(2):
            kind = payload[position]
            if kind < 0x80:
                found.append(kind)
                position += 1
            elif 0xCC <= kind <= 0xCF:
                size = 1 << (kind - 0xCC)
                found.append(int.from_bytes(payload[position + 1 : position + 1 + size], "big"))
                position += 1 + size
            else:
                break
    except IndexError:
        pass
    found += [0, 0]
    return (found[0] if found[0] < 2**31 else 0), (found[1] if found[1] <= I64_MAX else 0)


def _decode(decoder: Any, payload: bytes, known: tuple[type[Struct], ...]) -> Any:
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError, RecursionError) as error:
        tag, id = _peek(payload)
        kind = next((t for t in known if t.__struct_config__.tag == tag), None)
        if isinstance(error, msgspec.ValidationError) and kind is None and tag:
            raise WireError(codes.R_WIRE_UNKNOWN_MESSAGE, f"no message has the tag {tag}", tag, id) from None
        if isinstance(error, msgspec.ValidationError) and kind is not None:
            raise WireError(codes.R_WIRE_FIELD, f"{kind.__name__}: {_field(str(error), kind)}", tag, id) from None
        raise WireError(codes.R_WIRE_MALFORMED, f"not a message: {str(error)[:200]}", tag, id) from None


def _field(text: str, kind: type[Struct]) -> str:
    """msgspec names a field of an array by position: `$[8]` -> its name."""
    head, _, tail = text.rpartition("$[")
    digits, _, rest = tail.partition("]")
    if digits.isdigit() and 1 <= int(digits) <= len(kind.__struct_fields__):
        return f"{head}{kind.__struct_fields__[int(digits) - 1]}{rest.rstrip('`')}".replace(" - at `", ": ").strip(": ")
    return text


def decode_client(payload: bytes) -> ClientMessage:
    """Read a client's message (no length prefix). Raises WireError and nothing else."""
    return _decode(_client, payload, CLIENT_MESSAGES)


def decode_server(payload: bytes) -> ServerMessage:
    """Read a server's message (no length prefix). Raises WireError and nothing else."""
    return _decode(_server, payload, SERVER_MESSAGES)


def decode_body(payload: bytes) -> SessionBody:
    """Read the body of a Sent, as stored in a C_SEND row. Raises WireError and nothing else."""
    return _decode(_body, payload, (LogonReply, MessageRefused))
