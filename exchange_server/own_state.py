"""What a session may know of its own accounts, copied out of the arena in one go: the one source of both wires' answers.

`take` copies between two turns, so everything in it is as of one event number and one report number of the session: the session's reports
from `next_number` on continue exactly after it. Sending it may take many turns. Prices are ticks in the client's terms, quantities lots, amounts
minor units, times ns.

Whose accounts: those of the session's firm that are unified or isolated to the session's venue. Any other account is answered as one that does not
exist, except the firm's own that is isolated to another venue: R_VENUE_NOT_ALLOWED, as for an order.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol import account_messages, codes

from . import state
from .core import layout as L
from .core import own_state as K
from .core.layout import plain

NOBODY = 0x7FFFFFFF  # an account that there is not: what an unknown name stands for
LOOKUPS_MAX = 200_000  # (account, event) pairs that are looked up for one answer
ORDER_NS = 250  # what an order costs to copy, as far as others have to wait; measured, and rounded up
LOOKUP_NS = 40
BASE_NS = 40_000


class Balance(NamedTuple):
    asset: int
    cash: int
    locked: int


class Requirement(NamedTuple):
    """What the account must keep for an event: `buys` less `worst`, if that is below 0 (of a spot pair: `buys`, and `held_base` of the base
    asset, 0: none)."""

    event: int
    asset: int
    required: int
    buys: int
    worst: int
    base_asset: int
    held_base: int


class Position(NamedTuple):
    """One contract. position: YES contracts, negative: short. open_buy, open_sell: open orders in YES terms; buys, sells: what they
    reserve. value: what the contract counts in the worst case."""

    instrument: int
    position: int
    open_buy: int
    open_sell: int
    buys: int
    sells: int
    value: int


class OpenOrder(NamedTuple):
    """id: the client's, 0: it is `text`. session: the one that entered it. fee: charged so far, less rebates."""

    order: int
    id: int
    text: str
    instrument: int
    side: int
    contract_side: int
    type: int
    tif: int
    status: int
    flags: int
    price: int
    qty: int
    cum: int
    leaves: int
    notional: int
    fee: int
    expiry: int
    session: int
    venue: int


class Share(NamedTuple):
    """The firm's part of a table that all firms share. sure: rows that nobody can take from it; most: what it may have now."""

    table: int  # account_messages.TABLE_*
    used: int
    sure: int
    most: int


class Limits(NamedTuple):
    """Throttles and shares; stopped: the kill switches that hit this session, as (codes.KILL_*, id); freeze: of its venue (freeze.NAMES)."""

    session: state.ThrottleWindow
    venue: state.ThrottleWindow
    shares: tuple[Share, ...]
    stopped: tuple[tuple[int, int], ...]
    freeze: int


class OwnAccount:
    """One account's part."""

    __slots__ = ("_orders", "balances", "id", "name", "positions", "requirements")

    def __init__(self, id: int, name: str, money: NDArray[np.int64], orders: NDArray[np.int64]) -> None:
        self.id, self.name = id, name
        rows = money.reshape(-1, K.OWN_MONEY_WORDS).tolist()
        self.balances = [Balance(*row[1:4]) for row in rows if row[0] == K.OWN_BALANCE]
        self.requirements = [Requirement(*row[1:8]) for row in rows if row[0] == K.OWN_REQUIREMENT]
        self.positions = [Position(*row[1:8]) for row in rows if row[0] == K.OWN_POSITION]
        self._orders = orders.reshape(-1, K.OWN_ORDER_WORDS)

    @property
    def order_count(self) -> int:
        return len(self._orders)

    def orders(self, instrument: int = 0) -> Iterator[OpenOrder]:
        """Open orders, oldest first; of one instrument, or of all. Made one by one from the copy."""
        rows = self._orders
        if instrument:
            rows = rows[rows[:, K.OO_INSTRUMENT] == instrument]
        for at in range(0, len(rows), 256):
            for row in rows[at : at + 256].tolist():
                yield _order(row)

    def count_of(self, instrument: int) -> int:
        """Open orders of one instrument."""
        return int(np.count_nonzero(self._orders[:, K.OO_INSTRUMENT] == instrument))


def _order(row: list[int]) -> OpenOrder:
    attr = row[K.OO_ATTR]
    text = ""
    if row[K.OO_HAS_TEXT]:
        words = row[K.OO_TEXT :]
        text = b"".join(word.to_bytes(8, "little", signed=True) for word in words).rstrip(b"\0").decode("utf-8", "replace")
    side, contract_side, kind, tif = plain.side_of(attr), plain.contract_side_of(attr), plain.type_of(attr), plain.tif_of(attr)
    head = [row[K.OO_ORDER], 0 if text else row[K.OO_KEY_LO], text, row[K.OO_INSTRUMENT], side, contract_side, kind, tif]
    status = [plain.status_of(attr), plain.flags_of(attr)]
    return OpenOrder._make([*head, *status, *row[K.OO_PRICE : K.OO_SESSION + 1], plain.venue_of(row[K.OO_ENTRY])])


class OwnState(NamedTuple):
    """One consistent copy. event: the newest event number that it includes; next_number: the session's first report that it does not
    include; time: exchange time of the newest turn."""

    session: int
    flags: int  # L.SF_* of the session
    next_number: int
    event: int
    time: int
    accounts: tuple[OwnAccount, ...]
    limits: Limits
    cost_ns: int  # roughly what it took others of their time


class Refused(NamedTuple):
    """Why there is no answer: codes.R_*, and what is the matter."""

    reason: int
    text: str


def own_accounts(m: state.Words, session: int) -> list[state.Account]:
    """The accounts that a session (id) may act for, in order of id."""
    row = state.Session.of(m, session)
    own = state.accounts_of(m, row.firm) if row.firm else ()
    return [account for account in own if account.venue in (0, row.venue)]


def take(m: state.Words, session: int, account: int = 0, orders: bool = True) -> OwnState | Refused:
    """The copy for a session (id): of one account, or of all that it may act for (0). orders: False leaves open orders out."""
    row = state.Session.of(m, session)
    accounts = own_accounts(m, session)
    if account:
        accounts = [one for one in accounts if one.id == account]
        if not accounts:
            return _refused(m, row, account)
    events = max(state.table(m, L.P_EVENT).ever - 1, 0)
    lookups = events * len(accounts)
    rows = sum(one.open_orders for one in accounts) if orders else 0
    for what, count, limit in (
        ("open orders", rows, account_messages.OWN_ORDERS_MAX),
        ("pairs of account and event", lookups, LOOKUPS_MAX),
    ):
        if count > limit:
            text = f"the answer would cover {count} {what}, the limit is {limit}: name one account, or leave parts out"
            return Refused(codes.R_OVERLOAD, text)
    taken = [OwnAccount(one.id, one.name, _grown(K.own_money, m, one.id), _orders(m, one, orders)) for one in accounts]
    header = state.Header(m)
    cost = BASE_NS + rows * ORDER_NS + lookups * LOOKUP_NS
    return OwnState(session, row.flags, row.next_out, header.next_event - 1, header.time, tuple(taken), limits_of(m, row, accounts), cost)


def _refused(m: state.Words, session: state.Session, account: int) -> Refused:
    row = state.Account.find(m, account)
    if row is not None and row.firm == session.firm and session.firm:
        return Refused(codes.R_VENUE_NOT_ALLOWED, f"account {account} is isolated to another venue than this session's")
    return Refused(codes.R_UNKNOWN_ACCOUNT, f"there is no account {account} for this session")


def _orders(m: state.Words, account: state.Account, wanted: bool) -> NDArray[np.int64]:
    out = np.empty(account.open_orders * K.OWN_ORDER_WORDS if wanted else 0, np.int64)
    if out.size:
        K.own_orders(m, account.id, out)
    return out


def _grown(kernel: Any, m: state.Words, account: int) -> NDArray[np.int64]:
    """The rows of a kernel, called again with a larger array if needed."""
    out = np.empty(512, np.int64)
    words = int(kernel(m, account, out))
    if words < 0:
        out = np.empty(-1 - words, np.int64)
        words = int(kernel(m, account, out))
    return out[:words]


def limits_of(m: state.Words, session: state.Session, accounts: list[state.Account]) -> Limits:
    """Throttle windows, shares and kill switches of a session with these accounts."""
    venue = state.Venue.find(m, session.venue)
    firm = state.Firm.find(m, session.firm)
    header = state.Header(m)
    stopped = [(codes.KILL_PLATFORM, 0)] if header.killed else []
    if venue is not None and venue.killed:
        stopped.append((codes.KILL_VENUE, venue.id))
    if firm is not None and firm.killed:
        stopped.append((codes.KILL_FIRM, firm.id))
    stopped += [(codes.KILL_ACCOUNT, one.id) for one in accounts if one.killed]
    if session.killed:
        stopped.append((codes.KILL_SESSION, session.id))
    shares = []
    if firm is not None:
        for number, pool, used in (
            (account_messages.TABLE_ORDERS, L.P_ORDER, firm.open_orders),
            (account_messages.TABLE_NODES, L.P_NODE, firm.nodes),
            (account_messages.TABLE_POSITIONS, L.P_COLLATERAL, firm.positions),
        ):
            table = state.table(m, pool)
            sure = table.capacity * firm.weight // max(header.weights, 1)
            shares.append(Share(number, used, sure, max(sure, table.capacity - table.used)))
    none = state.ThrottleWindow(0, 0, 0, 0)
    return Limits(
        session.throttle,
        venue.throttle if venue is not None else none,
        tuple(shares),
        tuple(stopped),
        venue.freeze if venue is not None else 0,
    )
