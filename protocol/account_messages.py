"""The messages with which a session asks for its own state, and their answers: balances, positions, requirements, open orders, limits, fills.

Part of protocol/messages.py, which has the rules of all messages; read them from there (`M.AccountRequest`). All of these are unnumbered.
"""

from typing import Annotated

from msgspec import Meta

from .message_kit import I64, U15, U16, U31, Count, Id, Message, Nibble

# AccountRequest.parts
PART_BALANCES = 1
PART_POSITIONS = 2
PART_REQUIREMENTS = 4
PART_ORDERS = 8
PART_LIMITS = 16
PARTS_ALL = 31

OWN_ANSWERS = 8  # requests for own state that may wait on one connection
OWN_ORDERS_MAX = 100_000  # open orders in one answer

# Limits.shares: tables that all firms share
TABLE_ORDERS = 1  # open orders
TABLE_NODES = 2  # nodes of the books
TABLE_POSITIONS = 3  # words of the accounts' rows in events


class AccountRequest(Message, frozen=True, tag=23):
    """Request the session's own state: balances, positions, requirements, open orders, limits. Answered by an AccountState, a message for
    each of what it counts, and an AccountStateDone, or by RequestRefused.

    The whole answer is as of one moment: it includes everything that the session had sent before this request, and continues exactly with
    the report that AccountState names.
    """

    request: Id  # chosen by the client, repeated in every message of the answer
    account: U31 = 0  # 0: all accounts that the session may act for
    parts: Annotated[int, Meta(ge=0, le=PARTS_ALL)] = 0  # sum of 1 balances, 2 positions, 4 requirements, 8 open orders, 16 limits; 0: all
    instrument: U31 = 0  # 0: all; else only positions and open orders of this one


class FillsRequest(Message, frozen=True, tag=24):
    """Request the session's fills again: those of the reports begin..end (end 0: up to now) whose trade id is above `after_trade`. Answered
    by the Fill reports as they were, oldest first, then FillsDone. They are in no other respect different from what Resume sends."""

    request: Id
    begin: Id = 1
    end: Count = 0
    after_trade: Count = 0


class AccountState(Message, frozen=True, tag=110):
    """The beginning of an answer to AccountRequest. All of the answer is as of event number `event` of the server: it includes the session's
    reports up to `number` - 1 and none from `number` on."""

    request: Id
    number: Id  # the session's next report number
    event: Count
    time: Count
    accounts: list[tuple[U31, str]]  # id and name of those that the answer covers
    parts: U31


class Balance(Message, frozen=True, tag=111):
    """Money of one account in one asset. Buying power is `available`: cash - locked."""

    request: Id
    account: U31
    asset: U31
    name: str
    decimals: U31
    cash: I64  # minor units
    locked: I64  # by the requirements of all events
    available: I64


class Position(Message, frozen=True, tag=112):
    """One contract in which the account has a position or open orders. Open orders are counted in YES terms: buying NO is selling YES. The
    position of a spot pair is its base asset's balance; here it is 0."""

    request: Id
    account: U31
    instrument: U31
    position: I64  # YES contracts, negative: short, which is long NO
    open_buy: I64  # lots
    open_sell: I64
    buys: I64  # B_j: what the open buys reserve, fees included, minor units
    sells: I64  # S_j: the same of the open sells; spot: of the base asset
    value: I64  # v_j: what the contract counts in the worst case of its event


class Requirement(Message, frozen=True, tag=113):
    """What the account must keep for one event, and why: required = buys - min(0, worst)."""

    request: Id
    account: U31
    market: U31  # event id
    asset: U31
    required: I64  # minor units
    buys: I64  # B: what all open buys reserve
    worst: I64  # the sum of the k least v_j
    base_asset: U31 = 0  # spot only: open sells hold so much of it
    held_base: I64 = 0


class OpenOrder(Message, frozen=True, tag=114):
    """One open order of the account. Its reports go to `session`, the one that entered it."""

    request: Id
    order: Id
    id: Count  # the client's id; 0: it is `text`
    text: str  # a ClOrdID that was given on FIX and is no plain number, else empty
    account: U31
    instrument: U31
    side: Nibble
    contract_side: Nibble
    type: Nibble
    tif: Nibble
    status: Nibble
    flags: U15  # codes.FLAG_*
    price: I64  # ticks of the client's side
    qty: I64
    cum: I64
    leaves: I64
    notional: I64  # sum of last_price * last_qty: average price = notional / cum
    fee: I64  # minor units charged so far, negative: rebates
    expiry: I64
    session: U31
    venue: U16


class Limits(Message, frozen=True, tag=115):
    """What bounds this session now. A throttle is [messages in a window (0: no limit), ns of the window, used, ns until the count begins
    anew]. A share is [table (1 open orders, 2 book nodes, 3 words of positions), rows used by the firm, rows that nobody can take from it,
    rows that it may have now]. `stopped` are the kill switches that hit this session: [codes.KILL_*, id]."""

    request: Id
    session: tuple[I64, I64, I64, I64]
    venue: tuple[I64, I64, I64, I64]
    shares: list[tuple[Nibble, I64, I64, I64]]
    stopped: list[tuple[Nibble, I64]]
    cancel_on_disconnect: bool
    settlement: bool
    freeze: Nibble = 0  # of the session's venue: 0 none, 1 cancel_only, 2 settle_only, 3 nothing


class AccountStateDone(Message, frozen=True, tag=116):
    """The answer to an AccountRequest is complete: `count` messages between AccountState and this one."""

    request: Id
    count: Count


class FillsDone(Message, frozen=True, tag=117):
    """A FillsRequest is complete: `count` fills of the reports begin..end have been sent."""

    request: Id
    begin: Id
    end: Count
    count: Count
    reason: U16 = 0  # not 0: why begin..end is less than was requested (R_RESUME_UNKNOWN, R_REPORTS_REBUILDING, LOST or EXPIRED)
