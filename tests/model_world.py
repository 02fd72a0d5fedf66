"""What the naive exchange of tests/model.py is made of: plain records, one class for each word of domain.md section 1."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Key = int | str | tuple[int, int]  # ClOrdID: a number, a text, or a raw key that no gateway makes (always bad); 0: none

SECOND_NS = 1_000_000_000
DAY_NS = 86_400_000_000_000
RETENTION_NS = 3 * DAY_NS


class Row(dict):
    """A command or an event: a dict of named integers; a name that is not there reads as 0."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name, 0)


class Refused(Exception):
    """One condition of the ladder: its code and the numbers of its text."""

    def __init__(self, reason: int, limit: int = 0, used: int = 0, asked: int = 0) -> None:
        super().__init__(reason, limit, used, asked)
        self.reason, self.limit, self.used, self.asked = reason, limit, used, asked


@dataclass
class Limits:
    """Capacities the rules speak of: open orders, closed ids of which it is known what became of them (texts and numbers alike), book nodes,
    collateral words, blocks of ids of which it is only known that they were used."""

    orders: int = 1 << 40
    archive: int = 1 << 40
    nodes: int = 1 << 40
    words: int = 1 << 40
    used: int = 1 << 40


@dataclass
class Throttle:
    limit: int = 0
    window: int = 0
    start: int | None = None
    used: int = 0

    def open_at(self, now: int) -> int:
        """Messages used of the window that a message at `now` falls into."""
        return 0 if self.start is None or now >= self.start + self.window else self.used

    def count(self, now: int, more: int = 1) -> None:
        used = self.open_at(now)
        if used == 0:
            self.start = now
        self.used = used + more


@dataclass
class Asset:
    id: int
    external: int = 0  # deposits - withdrawals


@dataclass
class Venue:
    id: int
    fee_account: int = 0
    period: int = 0
    offset: int = 0
    throttle: Throttle = field(default_factory=Throttle)
    killed: int = 0
    freeze: int = 0
    isolated: int = 0  # takes only accounts that are bound to it
    max_orders: int = 0
    messages: Throttle = field(default_factory=lambda: Throttle(window=SECOND_NS))
    journal: Throttle = field(default_factory=lambda: Throttle(window=SECOND_NS))
    admits: int = 0  # 0: all, 1: all but the exceptions, 2: only the exceptions that are admitted
    exceptions: dict[int, int] = field(default_factory=dict)  # firm -> -1 admitted, n > 0 kept out by rule n

    def day_end(self, now: int) -> int:
        """The next end of the trading day after now."""
        period = self.period or DAY_NS
        return self.offset + ((now - self.offset) // period + 1) * period


@dataclass
class Firm:
    id: int
    killed: int = 0
    closed: int = 0
    weight: int = 1  # parts of the common tables that it is sure of
    moved: int = 0  # closed ids of which, before their time, nothing was kept but that they were used
    answered: int = 0  # how old the last of them was
    forgotten: int = 0  # closed ids that went altogether before their time
    window: int = 0  # how old the last of them was


@dataclass
class Budget:
    """What an account may lose and do, in one asset; a limit of 0 is none. high, high_day: the most buying power that was seen at an order since it was
    set, and on this day, less deposits, plus withdrawals."""

    asset: int
    loss: int = 0
    loss_day: int = 0
    qty: int = 0
    cost: int = 0
    approve: int = 0  # an order that costs more waits for a person
    wait: int = 0  # ns: how long it waits, and how long it may be entered once it is approved
    listed: bool = False  # only the events of `markets`
    markets: set[int] = field(default_factory=set)
    high: int = 0
    high_day: int = 0
    day: int = 0  # UTC days since 1970


@dataclass
class Held:
    """An order that waits for a person; passed: it may be entered, once, as it was."""

    number: int
    session: int
    key: Key
    terms: tuple[int, ...]
    cost: int
    at: int
    until: int
    passed: bool = False


@dataclass
class Account:
    id: int
    firm: int
    kind: int
    session: int = 0
    venue: int = 0
    killed: int = 0
    closed: int = 0
    cash: dict[int, int] = field(default_factory=dict)  # asset -> minor units
    position: dict[int, int] = field(default_factory=dict)  # instrument -> signed lots
    budget: Budget | None = None
    held: list[Held] = field(default_factory=list)
    short: set[int] = field(default_factory=set)  # assets of which a bust may have left less than is locked


@dataclass
class Session:
    id: int
    firm: int
    venue: int = 0
    account: int = 0
    wire: int = 0
    logged_on: bool = False
    cancel_on_disconnect: bool = False  # what holds now
    settlement: bool = False
    always_cancel: bool = False  # what the definition asks for at every logon
    always_settlement: bool = False
    throttle: Throttle = field(default_factory=Throttle)
    killed: int = 0
    closed: int = 0
    budget: int = 0  # the one account it may act for, because that has a budget; 0: any of its firm
    next_out: int = 1
    next_in: int = 1
    last_event: int = 0
    generation: int = 0
    absent_from: int = 0
    missed: int = 0  # number of the E_LOGON that left undelivered reports
    missed_done: int = 0
    untold: tuple[int, int] | None = None  # numbered while it was away, not resent since it came back without a reset
    heartbeat: int = 0


@dataclass
class Ahead:
    """A contract that is determined, or paid (final), ahead of its group. waiting: accounts that are still to be paid."""

    phase: int
    payout: int
    version: int
    until: int
    waiting: set[int] = field(default_factory=set)


@dataclass
class Event:
    id: int
    product: int
    k: int
    n: int
    asset: int
    base_asset: int
    payout: int  # P in ticks
    tick_value: int
    owner_venue: int
    window: int
    lot_base: int
    phase: int
    resting: int = 0
    room: int = 0  # contracts that it may have in the end
    in_play: bool = False  # live since it was last open
    sets: int = 0
    pool: int = 0
    version: int = 0
    window_end: int = 0
    result: int = 0  # PH_DETERMINED or PH_VOIDED: what the newest version makes of it
    mids: int = 0  # 1: prices are kept for a void
    payouts: list[int] = field(default_factory=list)
    contracts: list[int] = field(default_factory=list)  # instrument ids by index
    restricted: set[int] = field(default_factory=set)  # firms with a conflict of interest
    admits: int = 0  # as of a venue
    exceptions: dict[int, int] = field(default_factory=dict)
    touched: list[int] = field(default_factory=list)  # accounts, by first touch
    ahead: dict[int, Ahead] = field(default_factory=dict)  # by contract
    paying_ahead: int = 0  # the contract that accounts are being paid for while the others go on
    steps: Any = None  # the pieces of work of its settlement that are left; None: it is not being settled
    busts: int = 0  # trades that were taken back
    removed: bool = False  # over for good
    elsewhere: bool = False  # it came here final: another server paid it
    splits: list[tuple[int, int]] = field(default_factory=list)  # (contract out of which one was split, number of the event that told it)
    bond: int = 0  # account of the owner venue's bond
    owed: dict[int, int] = field(default_factory=dict)  # account -> what it still owes of reversing entries
    blocked: dict[int, int] = field(default_factory=dict)  # account -> what was credited and is not covered
    from_bond: int = 0  # paid for debts, and not paid back
    from_platform: int = 0
    settled: dict[tuple[int, int], int] = field(default_factory=dict)  # (account, contract) -> the position that was paid


@dataclass
class Instrument:
    id: int
    event: int
    index: int
    min_qty: int
    max_qty: int
    lot: int
    max_notional: int
    price_min: int
    price_max: int
    collar: int
    reference: int
    protection: int
    max_position: int
    bands: list[tuple[int, int, int]]
    last: int = 0
    top: int = 0  # highest price that its book was ever made for

    def on_grid(self, price: int) -> bool:
        return any(a <= price <= b and (price - a) % step == 0 for a, b, step in self.bands)

    def increment(self, price: int) -> int:
        """Increment of the band that contains a price, or else of the next one above."""
        return next(step for _, b, step in self.bands if price <= b)


@dataclass
class Listing:
    venue: int
    instrument: int
    model: int
    maker: int
    taker: int
    owner_share: int
    venue_share: int
    owner_account: int
    venue_account: int


@dataclass
class Order:
    id: int
    key: Key
    account: int
    firm: int
    session: int
    venue: int
    instrument: int
    book_side: int  # BUY or SELL in YES terms
    side: int
    contract_side: int
    type: int
    tif: int
    flags: int
    price: int  # YES ticks
    qty: int
    expiry: int
    listing: Listing  # as it was when the order was entered or last amended
    payout: int
    rank: int = 0  # place in the queue: lower is earlier
    resting: bool = False
    cum: int = 0
    notional: int = 0  # client's terms
    fee_numerator: Fraction = Fraction(0)  # exact, of all fills so far
    fee_paid: int = 0
    rebate_numerator: Fraction = Fraction(0)
    rebate_paid: int = 0
    net_fee: int = 0

    @property
    def leaves(self) -> int:
        return self.qty - self.cum

    def client_price(self, price: int) -> int:
        """A book price in the terms of the client who entered the order."""
        return self.payout - price if self.contract_side == 2 else price


@dataclass
class Closed:
    """What is remembered of an id after its order closed, was refused, or went on under another id."""

    firm: int
    key: Key
    status: int
    reason: int
    order: int
    account: int
    instrument: int
    venue: int
    session: int
    side: int
    contract_side: int
    type: int
    tif: int
    price: int  # client's terms
    qty: int
    cum: int
    notional: int
    closed_at: int
    numbers: tuple[int, int, int] = (0, 0, 0)  # limit, used, asked of a refusal
