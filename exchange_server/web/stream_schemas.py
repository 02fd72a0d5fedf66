"""Every frame of the WebSocket. The AsyncAPI document is generated from these structs (asyncapi.py)."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from . import schemas as S

CONTRACTS_MAX = 200  # of one subscription
Conflation = Literal[0, 100, 250, 1000]


class Wanted(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One channel. `contracts` go with book, trades and ticker. `conflate_ms`: at most one frame of a contract in this time, with its newest state; 0: every
    change (book and ticker)."""

    channel: Literal["book", "trades", "ticker", "phase", "orders", "balances"]
    contracts: Annotated[list[S.Name], Meta(max_length=CONTRACTS_MAX)] = []
    conflate_ms: Conflation = 0


class Subscribe(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="subscribe"):
    """The first frame, within ten seconds. `stream_token` (used once) or `token` says who asks for orders and balances."""

    channels: Annotated[list[Wanted], Meta(min_length=1, max_length=20)]
    stream_token: Annotated[str, Meta(max_length=128)] = ""
    token: Annotated[str, Meta(max_length=128)] = ""


class Unsubscribe(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="unsubscribe"):
    channels: Annotated[list[Wanted], Meta(min_length=1, max_length=20)]


class Ping(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="ping"):
    """Answered by a pong with the same id."""

    id: Annotated[str, Meta(max_length=64)] = ""


FromClient = Subscribe | Unsubscribe | Ping


class Frame(Struct, kw_only=True, frozen=True, tag_field="type"):
    """What is sent to readers."""


class Subscribed(Frame, frozen=True, tag="subscribed"):
    channels: list[Wanted]


class Pong(Frame, frozen=True, tag="pong"):
    id: str


class Heartbeat(Frame, frozen=True, tag="heartbeat"):
    """Every five seconds. `server`: whether the exchange is connected; down: books are not kept up."""

    time: S.Time
    server: Literal["up", "down"]


class Gap(Frame, frozen=True, tag="gap"):
    """Frames were left out. Snapshots of the books follow; of orders and fills ask over HTTP."""

    reason: Literal["slow", "server_down", "book_reset", "session_down"]
    channels: list[str]
    contract: str | None = None


class BookSnapshot(Frame, frozen=True, tag="book_snapshot"):
    contract: str
    sequence: S.Sum
    time: S.Time
    phase: str
    bids: list[S.Level]
    asks: list[S.Level]
    checksum: S.Sum


class BookUpdate(Frame, frozen=True, tag="book_update"):
    """Levels with their new quantities, `"0"`: gone. Apply it when `sequence` is above yours and `previous` is not; `previous` above yours is a gap. `checksum` is that of the
    book after it."""

    contract: str
    sequence: S.Sum
    previous: S.Sum
    time: S.Time
    bids: list[S.Level]
    asks: list[S.Level]
    checksum: S.Sum


class Traded(Frame, frozen=True, tag="trade"):
    contract: str
    trade: S.Trade


class Ticker(Frame, frozen=True, tag="ticker"):
    contract: str
    time: S.Time
    bid: S.Level | None
    ask: S.Level | None
    last: S.Decimal | None


class PhaseChanged(Frame, frozen=True, tag="phase"):
    market: str
    time: S.Time
    phase: str
    old: str | None


class Resulted(Frame, frozen=True, tag="result"):
    """A version of a result, with its evidence; `contract`: one that is decided ahead of its market."""

    market: str
    contract: str | None
    version: int
    phase: str
    window_ends_at: S.Time | None
    payouts: list[S.Payout]
    rule: str
    source: str
    observed: str
    observed_at: S.Time | None
    evidence_sha256: str
    evidence_name: str


class OwnOrder(Frame, frozen=True, tag="order"):
    """A report about an own order; `number` rises."""

    number: S.Id
    event: Literal["accepted", "rejected", "filled", "canceled", "replaced", "expired"]
    order: S.Order


class OwnFill(Frame, frozen=True, tag="fill"):
    number: S.Id
    fill: S.Fill


class OwnBalances(Frame, frozen=True, tag="balances"):
    time: S.Time
    balances: list[S.Balance]


class SessionState(Frame, frozen=True, tag="session"):
    """The connection of the login at the exchange. When it is up again, what was reported meanwhile has been sent."""

    state: Literal["up", "down", "ended"]


class Refused(Frame, frozen=True, tag="problem"):
    problem: S.Problem


FRAMES = (
    Subscribed, Pong, Heartbeat, Gap, BookSnapshot, BookUpdate, Traded, Ticker, PhaseChanged, Resulted, OwnOrder, OwnFill, OwnBalances, SessionState, Refused,
)  # fmt: skip
