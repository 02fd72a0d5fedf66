"""Every body and answer of the HTTP API. The OpenAPI document is generated from these structs (openapi.py); nothing else describes them.

Prices, quantities and money are decimal strings, times RFC 3339 in UTC with nanoseconds, ids strings. An unknown field of a body is refused.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from protocol import phases

Decimal = Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$", description="A decimal number")]
Time = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z$", description="RFC 3339, UTC, nanoseconds")]
Amount = Annotated[str, Meta(max_length=40, pattern=r"^[0-9]+(\.[0-9]+)?$", description="A decimal number, read exactly")]
GivenTime = Annotated[str, Meta(max_length=40, description="RFC 3339 in UTC, at most nine decimals")]
Id = Annotated[str, Meta(pattern=r"^[0-9]+$")]
ClientId = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,18}$", description="Your number for the order, 1 to 9223372036854775807, used once by your firm")
]
Duration = Annotated[str, Meta(max_length=22, pattern=r"^[0-9]{1,19}(ns|us|ms|s|m|h|d)$", description='Like "72h"')]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
OptionalName = Annotated[str, Meta(max_length=64)]
Secret = Annotated[str, Meta(max_length=512)]
Sum = Annotated[int, Meta(ge=0)]
Side = Literal["buy", "sell"]
ContractSide = Literal["yes", "no"]
if TYPE_CHECKING:
    AskedPhase = str
else:
    AskedPhase = Literal[("", *phases.BY_NAME)]  # "": any
Interval = Literal["1m", "5m", "15m", "1h", "4h", "1d"]


class Answer(Struct, kw_only=True, frozen=True):
    """What the API answers."""


class Body(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What the API is sent."""


class Query(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The parameters after the question mark."""


class FileRefusal(Answer, frozen=True):
    """What is wrong in a configuration file that was sent: `file`, `line` and `key` (`market[0].contract[2].symbol`) say where; null: of no place in it."""

    code: int
    name: str
    detail: str
    file: str | None = None
    line: int | None = None
    key: str | None = None


class Problem(Answer, frozen=True):
    """RFC 9457. `code` and `name` are those of docs/errors.md; `limit`, `used` and `asked` are the numbers of its text; `at` is the place of a wrong
    field; `refusals`, of a configuration, all that is wrong in its files."""

    type: str
    title: str
    status: int
    detail: str
    code: int
    name: str
    limit: str | None = None
    used: str | None = None
    asked: str | None = None
    at: str | None = None
    refusals: list[FileRefusal] | UnsetType = UNSET


# ================================================================================================================ public
class Status(Answer, frozen=True):
    """Whether the exchange behind this process answers. `down` says why it does not."""

    server: Literal["up", "down"]
    since: Time
    down: str | None
    sandbox: bool
    contracts: Sum
    last_message_at: Time | None


class Venue(Answer, frozen=True):
    venue: str
    title: str
    markets: Sum


class Venues(Answer, frozen=True):
    venues: list[Venue]


class Series(Answer, frozen=True):
    series: str
    title: str
    venue: str
    closed: bool
    next_listing_at: Time | None
    markets: list[str]


class SeriesList(Answer, frozen=True):
    series: list[Series]
    next_cursor: str | None


class Band(Answer, frozen=True):
    """Prices from `low` to `high` in steps of `step`."""

    low: Decimal
    high: Decimal
    step: Decimal


class Contract(Answer, frozen=True):
    contract: str
    id: Id
    market: str
    outcome: str
    phase: str
    asset: str
    base_asset: str | None
    payout: Decimal | None
    price_decimals: Sum
    quantity_decimals: Sum
    price_bands: list[Band]
    lot: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None


class Contracts(Answer, frozen=True):
    contracts: list[Contract]
    next_cursor: str | None


class VoidPolicy(Answer, frozen=True):
    who: str
    trigger: str
    prices: str


class Market(Answer, frozen=True):
    """A question that is traded, with its outcomes; or a spot pair. `winners` contracts of `exactly`, at most as many of `at_most`, pay `payout`."""

    market: str
    id: Id
    title: str
    venue: str
    series: str | None
    product: str
    winners: Sum
    asset: str
    payout: Decimal | None
    phase: str
    rules: str
    cut_off: str
    source: str
    sources: list[str]
    void: VoidPolicy | None
    challenge_window_s: Sum
    opens_at: Time | None
    live_at: Time | None
    closes_at: Time | None
    determined_by: Time | None
    result_version: Sum
    contracts: list[Contract]


class Markets(Answer, frozen=True):
    markets: list[Market]
    next_cursor: str | None


class Payout(Answer, frozen=True):
    contract: str
    payout: Decimal


class ResultVersion(Answer, frozen=True):
    """One version of a result. `evidence_sha256` is the hash of the document that shows it."""

    version: Sum
    kind: str
    decided_at: Time
    window_ends_at: Time | None
    final_at: Time | None
    payouts: list[Payout]
    rule: str
    source: str
    observed: str
    observed_at: Time | None
    evidence_sha256: str
    evidence_name: str
    disputes: Sum
    reason: str


class Result(Answer, frozen=True):
    """The newest version counts; without one there is no result yet."""

    market: str
    phase: str
    versions: list[ResultVersion]


class Phase(Answer, frozen=True):
    """`allows` are the actions that a market takes in this phase, `next` the phases that may follow."""

    phase: str
    allows: list[str]
    next: list[str]


class Phases(Answer, frozen=True):
    phases: list[Phase]


Level = tuple[Decimal, Decimal]


class Book(Answer, frozen=True):
    """L2 in YES prices, best first: [price, quantity]. `checksum`: see docs/http-api.md."""

    contract: str
    sequence: Sum
    time: Time
    phase: str
    bids: list[Level]
    asks: list[Level]
    checksum: Sum


class Trade(Answer, frozen=True):
    """In YES prices and the taker's side in YES terms. `taken_back`: the trade was busted."""

    trade_id: Id
    time: Time
    price: Decimal
    quantity: Decimal
    taker_side: Side
    taken_back: bool


class Trades(Answer, frozen=True):
    """The newest first. `known_from`: when this process began to listen; earlier trades are not here."""

    contract: str
    known_from: Time
    trades: list[Trade]
    next_cursor: str | None


class Statistics(Answer, frozen=True):
    """Of the last 24 hours, as far as `known_from` reaches. `change` is last minus the first price in them."""

    contract: str
    known_from: Time
    last: Decimal | None
    change: Decimal | None
    high: Decimal | None
    low: Decimal | None
    volume: Decimal
    trades: Sum
    bid: Decimal | None
    ask: Decimal | None


class Candle(Answer, frozen=True):
    time: Time
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: Sum


class Gap(Answer, frozen=True):
    """In this time this process was not connected: trades in it are not in the candles."""

    start: Time
    end: Time


class Candles(Answer, frozen=True):
    """The oldest first; an interval without a trade has no candle."""

    contract: str
    interval: Interval
    known_from: Time
    gaps: list[Gap]
    candles: list[Candle]


# =============================================================================================================== session
class NewSession(Body, frozen=True):
    """A client: `login` of a binary session with its `secret`; `key_id` names one of its keys. An operator: `principal` with `key_id` and `token`. Both also
    with the `proof` of a challenge (POST /v1/sessions/challenges): nothing secret is sent then. `cookie`: the token goes into a cookie that scripts cannot
    read, and the answer has a `csrf_token` that must come back in the header X-CSRF-Token."""

    login: OptionalName = ""
    principal: OptionalName = ""
    key_id: OptionalName = ""
    secret: Secret = ""
    token: Secret = ""
    challenge_id: Annotated[str, Meta(max_length=64)] = ""
    proof: Annotated[
        str, Meta(pattern=r"^([0-9a-f]{64}|[0-9a-f]{128})?$", description="Hexadecimal digits: a signature, or a proof by a shared secret")
    ] = ""
    cookie: bool = False


class Role(Answer, frozen=True):
    """`until` None: until it is revoked."""

    role: str
    scope: str
    until: Time | None


class Session(Answer, frozen=True):
    """Of an operator `login` is the principal's name."""

    kind: Literal["client", "operator"]
    login: str
    session: Id | None
    default_account: str | None
    accounts: list[str]
    roles: list[Role]
    expires_at: Time
    token: str | None
    csrf_token: str | None


class Done(Answer, frozen=True):
    done: Literal[True]


class StreamToken(Answer, frozen=True):
    """Opens one WebSocket, once."""

    stream_token: str
    expires_at: Time


# ================================================================================================================ orders
class NewOrder(Body, frozen=True):
    """`client_order_id` is the idempotency key: the same order again is answered with the state of the first."""

    client_order_id: ClientId
    contract: Name
    side: Side
    quantity: Amount
    price: Amount | None = None
    contract_side: ContractSide = "yes"
    type: Literal["limit", "market"] = "limit"
    time_in_force: Literal["day", "gtc", "ioc", "fok", "gtd"] | None = None
    expires_at: GivenTime | None = None
    account: OptionalName = ""
    post_only: bool = False
    persist: bool = False


class ReplaceOrder(Body, frozen=True):
    """The order's new price and total (what is filled included). `client_order_id` is the order's id from then on."""

    client_order_id: ClientId
    price: Amount
    quantity: Amount


class MassCancel(Body, frozen=True):
    """`account`, `contract` and `market` name what the scope of that name is about."""

    scope: Literal["session", "account", "firm", "contract", "market"] = "session"
    account: OptionalName = ""
    contract: OptionalName = ""
    market: OptionalName = ""
    side: Side | None = None


class Order(Answer, frozen=True):
    """Prices are those of `contract_side`. `client_order_id` is None for an order that was entered on FIX with a text as its id: that is `client_text`."""

    order_id: Id
    client_order_id: Id | None
    client_text: str | None
    account: str
    contract: str
    side: Side
    contract_side: ContractSide
    type: str | None
    time_in_force: str | None
    status: str
    reason: str | None
    price: Decimal
    quantity: Decimal
    filled: Decimal
    open: Decimal
    average_price: Decimal | None
    expires_at: Time | None
    time: Time


class WaitingOrder(Answer, frozen=True):
    """An order of this login that is not entered until a person approves it (docs/budgets.md). `cost`: what it may cost at most. Once `approved`, the same order of the same `session`, with the same client id, passes once
    until `waits_until`. `price` is None of a market order."""

    waiting_id: Id
    client_order_id: Id | None
    client_text: str | None
    session: str
    account: str
    contract: str
    side: Side
    contract_side: ContractSide
    type: str
    time_in_force: str
    price: Decimal | None
    quantity: Decimal
    post_only: bool
    persist: bool
    expires_at: Time | None
    cost: Decimal
    asset: str
    approved: bool
    since: Time
    waits_until: Time


class WaitingOrders(Answer, frozen=True):
    """The oldest first."""

    orders: list[WaitingOrder]
    next_cursor: str | None


class PreviewOrder(Body, frozen=True):
    """An order that is not sent: its fields as in a new order."""

    contract: Name
    side: Side
    quantity: Amount
    price: Amount | None = None
    contract_side: ContractSide = "yes"
    type: Literal["limit", "market"] = "limit"
    account: OptionalName = ""


class Preview(Answer, frozen=True):
    """What the order would do if all of it were filled at `price` (a market order: at the worst price that its protection allows), as of `time`. `total`:
    what a buy costs at most, fee included; what a sell brings at least, fee taken off. `fee`: at most, at the dearer rate of the listing through which the login trades. `payout`:
    of that many contracts that are right. `if_yes`, `if_no`: the result of this order alone, fee included. `required_before`, `required_after`: what the
    market ties up of `required_asset` now and with this order resting; null: it cannot be told before. `enough`: whether that much is available."""

    account: str
    contract: str
    price: Decimal
    asset: str
    notional: Decimal
    fee: Decimal
    total: Decimal
    payout: Decimal | None
    if_yes: Decimal | None
    if_no: Decimal | None
    required_asset: str
    required_before: Decimal
    required_after: Decimal | None
    available: Decimal
    available_after: Decimal | None
    enough: bool | None
    time: Time


class Orders(Answer, frozen=True):
    orders: list[Order]
    next_cursor: str | None


class MassCanceled(Answer, frozen=True):
    canceled: Sum


class Fill(Answer, frozen=True):
    """`fee` is charged in `asset`; negative: a rebate."""

    fill_id: Id
    time: Time
    order_id: Id
    client_order_id: Id | None
    account: str
    contract: str
    side: Side
    contract_side: ContractSide
    price: Decimal
    quantity: Decimal
    fee: Decimal
    asset: str
    liquidity: Literal["maker", "taker"]
    trade_id: Id
    order_filled: Decimal
    order_open: Decimal


class BudgetUse(Answer, frozen=True):
    """`limit` None: there is none, and nothing is `left` to be told."""

    limit: Decimal | None
    used: Decimal
    left: Decimal | None


class Budget(Answer, frozen=True):
    """What a session and its account may lose, in all and on a day (UTC), and what one order may be. An order that may cost more than `approve_above` waits for a person. `markets` and `series` both
    empty: all. docs/budgets.md."""

    session: str
    account: str
    asset: str
    loss: BudgetUse
    loss_per_day: BudgetUse
    max_cost: Decimal | None
    approve_above: Decimal | None
    max_lots: Sum | None
    markets: list[str]
    series: list[str]


class Budgets(Answer, frozen=True):
    budgets: list[Budget]
    next_cursor: str | None


class Gone(Answer, frozen=True):
    """What this answer lacks: the session's reports first..last are not kept any more (`code`, `name`: why)."""

    first: Id
    last: Id
    code: int
    name: str
    detail: str


class Fills(Answer, frozen=True):
    """The oldest first. `gone`: reports in the range of this page that the exchange does not have any more."""

    fills: list[Fill]
    next_cursor: str | None
    gone: Gone | None


# =============================================================================================================== account
class Balance(Answer, frozen=True):
    """`locked` is held by the requirements of all markets, `available` is buying power."""

    account: str
    asset: str
    cash: Decimal
    locked: Decimal
    available: Decimal


class Balances(Answer, frozen=True):
    time: Time
    balances: list[Balance]


class Position(Answer, frozen=True):
    """`position` in YES contracts; negative: short, which is long NO. `open_buy` and `open_sell` are open orders in YES terms."""

    account: str
    contract: str
    position: Decimal
    open_buy: Decimal
    open_sell: Decimal


class Positions(Answer, frozen=True):
    time: Time
    positions: list[Position]


class Requirement(Answer, frozen=True):
    """What an account must keep for one market: `required` = `reserved_by_buys` less the worst case where that is a loss. `why` says it in words."""

    account: str
    market: str
    asset: str
    required: Decimal
    reserved_by_buys: Decimal
    worst_case: Decimal
    base_asset: str | None
    held_base: Decimal | None
    why: str


class Requirements(Answer, frozen=True):
    time: Time
    requirements: list[Requirement]


class Entry(Answer, frozen=True):
    """A change of an account's money that was reported to this session. `balance` is after it; None: the report does not tell it."""

    number: Id
    time: Time
    kind: Literal["fill", "moved", "settled", "reversed", "bust", "trade_correction"]
    account: str
    asset: str
    amount: Decimal
    balance: Decimal | None
    contract: str | None
    market: str | None
    trade_id: Id | None


class Statement(Answer, frozen=True):
    """The oldest first, from the reports of this session. `gone`: as of fills."""

    entries: list[Entry]
    next_cursor: str | None
    gone: Gone | None


# =============================================================================================================== queries
Limit = Annotated[int, Meta(ge=1, le=500, description="At most so many in one answer")]
Cursor = Annotated[str, Meta(max_length=88, pattern=r"^[A-Za-z0-9_-]*$", description="next_cursor of the last answer")]


class NoQuery(Query, frozen=True):
    pass


class Page(Query, frozen=True):
    limit: Limit = 100
    cursor: Cursor = ""


class MarketsQuery(Page, frozen=True):
    series: OptionalName = ""
    venue: OptionalName = ""
    phase: AskedPhase = ""
    q: Annotated[str, Meta(max_length=64, description="Words of the name or title")] = ""


class ContractsQuery(Page, frozen=True):
    market: OptionalName = ""


class BookQuery(Query, frozen=True):
    depth: Annotated[int, Meta(ge=1, le=1000)] = 20


class CandlesQuery(Query, frozen=True):
    interval: Interval = "1m"
    start: GivenTime = ""
    end: GivenTime = ""
    limit: Annotated[int, Meta(ge=1, le=1500)] = 500


class AccountQuery(Query, frozen=True):
    account: OptionalName = ""


class OpenOrdersQuery(Page, frozen=True):
    account: OptionalName = ""
    contract: OptionalName = ""
